"""Benchmarks: the package against the obvious ways of doing the same, on synthetic rows.

    python -m benchmarks.run [--rows 200000] [--large 1000000] [--repeats 3] [--only normalise,render,build,translate] [--json]

Every competitor runs in a fresh process, in turns, several times; a table holds medians. `wall`, `cpu` and `rows/s` are of the job without
imports (`start`); `peak MB` is the resident memory of the whole process. `ratio` is the median over the rounds of wall time per row to that of the
package in the same round, so that a busy machine slows both sides down. Nothing is asserted. Needs the extra `test`.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

JOBS = ("normalise", "render", "build", "translate")
COLUMNS = ("wall s", "cpu s", "rows/s", "peak MB", "start s", "ratio")


def measure(job: str, competitor: str, file: Path) -> dict[str, float]:
    """One run in a process of its own."""
    with tempfile.TemporaryDirectory(dir=file.parent) as folder:
        command = [sys.executable, "-m", "benchmarks.child", job, competitor, str(file), folder]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as child:
            assert child.stdout is not None
            told = child.stdout.read()
            _, status, usage = os.wait4(child.pid, 0)
            child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise SystemExit(f"{job}, {competitor}: the process ended with code {child.returncode}.")
    measured: dict[str, float] = json.loads(told.splitlines()[-1])
    return measured | {"peak": usage.ru_maxrss / (1 << 20 if sys.platform == "darwin" else 1 << 10)}


def table(job: str, competitors: Sequence[str], file: Path, repeats: int) -> list[dict[str, Any]]:
    """Medians of every competitor, run in turns. A name that ends with `, X` is compared with the package under the same `, X`."""
    rounds = [{name: measure(job, name, file) for name in competitors} for _ in range(repeats)]
    lines = []
    for name in competitors:
        _, comma, variant = name.rpartition(", ")
        own = f"taxonomy_bridge, {variant}" if comma and f"taxonomy_bridge, {variant}" in competitors else "taxonomy_bridge"
        middle = {key: statistics.median(turn[name][key] for turn in rounds) for key in rounds[0][name]}
        ratio = statistics.median(turn[name]["wall"] / turn[name]["rows"] / (turn[own]["wall"] / turn[own]["rows"]) for turn in rounds)
        lines.append({"job": job, "name": name, **middle, "rows/s": middle["rows"] / middle["wall"], "ratio": ratio})
    return lines


def show(lines: Sequence[dict[str, Any]], title: str) -> None:
    """Print one table."""
    print(f"\n{title}\n{'':34}" + "".join(f"{column:>10}" for column in COLUMNS))
    for line in lines:
        cells = [f"{line['wall']:.2f}", f"{line['cpu']:.2f}", f"{line['rows/s']:,.0f}", f"{line['peak']:.0f}", f"{line['start']:.2f}", f"{line['ratio']:.1f}"]
        print(f"{line['name']:34}" + "".join(f"{cell:>10}" for cell in cells))


def main(arguments: Sequence[str] | None = None) -> None:
    """Run what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--large", type=int, default=1_000_000, help="rows of the build that only the package runs; 0 for none")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--only", default=",".join(JOBS))
    parser.add_argument("--json", action="store_true", help="one JSON line per competitor instead of tables")
    chosen = parser.parse_args(arguments)
    asked = chosen.only.split(",")
    if unknown := sorted(set(asked) - set(JOBS)):
        parser.error(f"unknown jobs {', '.join(unknown)}; there are {', '.join(JOBS)}")
    with tempfile.TemporaryDirectory() as folder:
        sizes = [(chosen.rows, job, None) for job in asked] + [(chosen.large, "build", ["taxonomy_bridge"])] * (chosen.large > 0 and "build" in asked)
        for rows, job, names in sizes:
            file = Path(folder) / f"{rows}.jsonl"
            if not file.is_file():
                # In a process of its own: what this one occupies would count as the peak of every child.
                subprocess.run([sys.executable, "-m", "benchmarks.corpus", str(rows), str(file)], check=True)
            competitors = names or list(importlib.import_module(f"benchmarks.{job}").COMPETITORS)
            lines = table(job, competitors, file, 1 if names else chosen.repeats)
            if chosen.json:
                print("\n".join(json.dumps(line) for line in lines))
            else:
                show(lines, f"{job}, {rows:,} native rows, {os.cpu_count()} cores")


if __name__ == "__main__":
    main()
