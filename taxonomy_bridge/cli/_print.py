"""What the command line prints: data on stdout, talk on stderr, foreign text only through `safe`."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

import typer

from taxonomy_bridge.safetext import safe as safe


def err(text: str) -> None:
    """Say something to the person."""
    typer.echo(safe(text), err=True)


def fail(text: str, code: int) -> NoReturn:
    """One message and the exit code."""
    typer.echo(f"error: {safe(text)}", err=True)
    sys.exit(code)


def as_json(value: Any) -> None:
    """Machine-readable output."""
    typer.echo(json.dumps(value, ensure_ascii=False, indent=1, sort_keys=True))


def table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """A plain table; columns that hold only numbers are aligned right."""
    cells = [[f"{cell:,}" if isinstance(cell, int) and not isinstance(cell, bool) else safe(cell) for cell in row] for row in rows]
    widths = [max(len(line[at]) for line in [list(header), *cells]) for at in range(len(header))]
    right = [bool(rows) and all(isinstance(row[at], (int, float)) for row in rows) for at in range(len(header))]
    for line in [list(header), *cells]:
        typer.echo("  ".join(cell.rjust(width) if to_right else cell.ljust(width) for cell, width, to_right in zip(line, widths, right, strict=True)).rstrip())


STAGES = {"read": "reading", "measure": "measuring", "sort": "sorting", "write": "writing"}


def progress(quiet: bool) -> Callable[[str, int, int], None]:
    """A progress bar on a terminal, nothing elsewhere."""
    if quiet or not sys.stderr.isatty() or os.environ.get("CI"):
        return lambda stage, done, total: None
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    bar = Progress(TextColumn("{task.description:>10}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), console=Console(stderr=True), transient=True)
    tasks: dict[str, Any] = {}

    def update(stage: str, done: int, total: int) -> None:
        if not tasks:
            bar.start()
        if stage not in tasks:
            tasks[stage] = bar.add_task(STAGES.get(stage, stage), total=total)
        bar.update(tasks[stage], completed=done, total=total)
        if stage == "write" and done == total:
            bar.stop()

    return update
