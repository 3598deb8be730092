"""The build: recipe to output folder, with every input row accounted for.

read, decode, validate (intake) -> join annotations -> filter -> de-duplicate -> decontaminate -> split -> policy candidates -> length ->
cap and balance on the final verdict -> order -> render, convert, write -> ledger, manifest, card, `_SUCCESS`.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from taxonomy_bridge import storage
from taxonomy_bridge.errors import BuildError
from taxonomy_bridge.pipeline import card, ledger, select, write
from taxonomy_bridge.pipeline.choose import Progress, Selection, choose, each, one_class, require_samples
from taxonomy_bridge.pipeline.plan import Plan, make_plan, require_unchanged
from taxonomy_bridge.pipeline.report import BuildReport, in_memory
from taxonomy_bridge.recipe import Recipe, load_recipe

HIDDEN = "[... redacted ...]"


def _quiet(stage: str, done: int, total: int) -> None:
    """No progress display."""


def build(
    recipe: str | Path | dict[str, Any] | Recipe,
    out: str | Path | None = None,
    limit: int | None = None,
    *,
    workers: int = 2,
    batch_rows: int = 8192,
    locked: bool = False,
    data: Path | None = None,
    progress: Progress = _quiet,
) -> BuildReport:
    """Build a training set from a recipe: a file, a bundled name, a dict or a model.

    `out`: the folder to write; None builds in memory. `limit`: read only so many records of each file. `data`: a folder with one sub-folder
    per source, used where the recipe gives no path. `workers` and `batch_rows` change the
    speed, never a byte. A killed build resumes when it is called again with the same arguments.

    >>> report = build("quickstart")
    >>> report.ledger["balanced"], report.table("trl").num_rows == report.samples
    (True, True)

    Raises `RecipeError`, `InputError`, `AccessError`, `BuildError`, `LedgerError`.
    """
    plan = make_plan(load_recipe(recipe), limit, data)
    if out is None:
        with tempfile.TemporaryDirectory(prefix="taxonomy-bridge-") as folder:
            report = _build_into(plan, Path(folder) / "out", workers, batch_rows, progress)
            return in_memory(report)
    target = Path(out)
    if locked:
        require_unchanged(plan, target)
    return _build_into(plan, target, workers, batch_rows, progress)


def preview(recipe: str | Path | dict[str, Any] | Recipe, n: int = 5, reveal: bool = False) -> list[dict[str, Any]]:
    """The first n samples as dicts; harmful text is redacted unless `reveal`.

    >>> preview("quickstart", n=1)[0]["original_prompt"]
    '[... redacted ...]'
    """
    plan = make_plan(load_recipe(recipe))
    with tempfile.TemporaryDirectory(prefix="taxonomy-bridge-") as folder:
        work = Path(folder)
        chosen = choose(plan, work, workers=2, batch_rows=8192, progress=_quiet)
        require_samples(plan, chosen)
        out = write.outputs(chosen.chosen, max(n, 1))[0]
        for shard in chosen.shards:
            write.fill_buckets(shard, chosen.rows, chosen.chosen, [out], work / "buckets")
        table, place = write.read_output(out, chosen.rows, chosen.chosen, len(plan.files), work / "buckets")
        batch, _ = next(write.batches_of(out, table if reveal else _redacted(table), place, chosen.rows, chosen.chosen, chosen.maker))
    rows: list[dict[str, Any]] = batch.to_pylist()
    return rows


def _redacted(table: pa.Table) -> pa.Table:
    """The rows without their texts. Done before rendering: a rendered text may differ from the native one."""
    for name in ("history", "prompt", "response"):
        hidden = [value and ([turn | {"content": HIDDEN} for turn in value] if isinstance(value, list) else HIDDEN) for value in table[name].to_pylist()]
        table = table.set_column(table.schema.get_field_index(name), table.schema.field(name), pa.array(hidden, table.schema.field(name).type))
    return table


def survey(
    recipe: str | Path | dict[str, Any] | Recipe, limit: int | None = None, workers: int = 2, progress: Progress = _quiet, data: Path | None = None
) -> dict[str, Any]:
    """What a build would read, drop and write; nothing is kept. The ledger without the writing."""
    plan = make_plan(load_recipe(recipe), limit, data)
    with tempfile.TemporaryDirectory(prefix="taxonomy-bridge-") as folder:
        chosen = choose(plan, Path(folder), workers, 8192, progress)
    return {
        "build_id": plan.build_id,
        "lock": plan.lock,
        "files": plan.lock["files"],
        "ledger": ledger.balance(chosen.account),
        "outputs": [out.file(export) for out in write.outputs(chosen.chosen, plan.recipe.shard_rows) for export in plan.exporters if export[1] != "coldstart"],
        "samples": len(chosen.chosen.judgement),
        "yield": chosen.yields,
        "would_stop": one_class(plan, chosen) if len(chosen.chosen.judgement) else ["no sample is left"],
    }


def changes(lock: dict[str, Any], out: Path) -> list[str]:
    """What differs from the build that stands in `out`, one line each."""
    path = out / "build.lock.json"
    if not path.is_file():
        return ["no earlier build in that folder"]
    old = card.read_json(path)
    if old["build_id"] == lock["build_id"]:
        return ["nothing changed since the build in that folder"]
    lines = [f"changed since the build in that folder: {key}" for key in sorted(lock) if key not in ("build_id", "files") and lock[key] != old.get(key)]
    before, now = ({(file["source"], file["split"], file["file"]): file["sha256"] for file in part["files"]} for part in (old, lock))
    lines += [f"new file: {'/'.join(key)}" for key in now if key not in before] + [f"no longer read: {'/'.join(key)}" for key in before if key not in now]
    return lines + [f"other content: {'/'.join(key)}" for key in now if key in before and now[key] != before[key]]


def _build_into(plan: Plan, target: Path, workers: int, batch_rows: int, progress: Progress) -> BuildReport:
    try:
        _claim(plan, target)
        report = _finished(plan, target) if (target / "_SUCCESS").is_file() else _build_or_join(plan, target, workers, batch_rows, progress)
        # What is left over is never read, so a folder that refuses to be tidied is no failure.
        shutil.rmtree(target / ".work", ignore_errors=True)
        storage.sweep(target)
        return report
    except OSError as error:
        raise storage.disk_error(error, Path(error.filename or target)) from error


def _build_or_join(plan: Plan, target: Path, workers: int, batch_rows: int, progress: Progress) -> BuildReport:
    """Build; if another process with the same recipe finishes first and removes the intermediates under us, take its result."""
    try:
        return _run(plan, target, workers, batch_rows, progress)
    except (FileNotFoundError, BuildError) as error:
        missing = isinstance(error, FileNotFoundError) or isinstance(error.__cause__, FileNotFoundError)
        if not missing or not (target / "_SUCCESS").is_file():
            raise
        return _finished(plan, target)


def _claim(plan: Plan, target: Path) -> None:
    """Make the folder ours, or refuse it. The lock is the first file of a build, and only one build can create it."""
    lock = target / "build.lock.json"
    if target.is_symlink():
        raise BuildError(f"{target} is a symbolic link. Give the folder itself with `--out`: {target.resolve()}")
    if target.exists() and not target.is_dir():
        raise BuildError(f"{target} is a file. Choose a folder with `--out`.")
    foreign = target.is_dir() and any(path.name != ".work" and not path.name.startswith(storage.TEMPORARY) for path in target.iterdir())
    if foreign and not lock.is_file():
        raise BuildError(f"{target} is not empty and not a build of ours. Choose a new folder with `--out`.")
    if not lock.is_file():
        storage.create(lock, (storage.canonical_json(plan.lock, indent=1) + "\n").encode())
    found = _read_own(lock).get("build_id")
    if found != plan.build_id:
        raise BuildError(f"{target} holds another build ({found}; this recipe gives {plan.build_id}). Choose a new folder, or remove that one.")
    storage.write_json(lock, plan.lock)


def _read_own(path: Path) -> dict[str, Any]:
    """A JSON object that a build wrote. Raises `BuildError` if it is missing or damaged."""
    try:
        value = card.read_json(path)
    except (FileNotFoundError, ValueError) as error:
        raise BuildError(f"{path} is missing or damaged. Remove the folder and build again, or choose a new one.") from error
    if not isinstance(value, dict):
        raise BuildError(f"{path} holds no JSON object. Remove the folder and build again, or choose a new one.")
    return value


def _finished(plan: Plan, target: Path) -> BuildReport:
    """A folder with `_SUCCESS`: verify every file and report."""
    manifest, book = _read_own(target / "manifest.json"), _read_own(target / "ledger.json")
    for file in [*manifest["files"], *manifest["companions"]]:
        path = target / file["path"]
        if not path.is_file() or storage.file_sha256(path) != file["sha256"]:
            raise BuildError(f"{file['path']} is missing or damaged, although the build finished. Remove the folder and build again.")
    return BuildReport(plan.recipe.name, plan.build_id, target, book, manifest, already_done=True)


def _run(plan: Plan, target: Path, workers: int, batch_rows: int, progress: Progress) -> BuildReport:
    work = target / ".work" / plan.build_id
    chosen = choose(plan, work, workers, batch_rows, progress)
    outs = write.outputs(chosen.chosen, plan.recipe.shard_rows)
    require_samples(plan, chosen)
    for _ in each(chosen.shards, lambda shard: write.fill_buckets(shard, chosen.rows, chosen.chosen, outs, work / "buckets"), workers, progress, "sort"):
        pass
    storage.make_folder(work / "out")
    done = list(each(outs, lambda out: write.write_output(out, plan, chosen.rows, chosen.chosen, chosen.maker, work, target), workers, progress, "write"))
    book = ledger.balance(chosen.account)
    _write_lists(chosen, plan, target)
    manifest = card.finish(plan, target, work, outs, [report for report, _ in done], book, chosen)
    storage.sync_tree(target, but=".work")
    storage.write_bytes(target / "_SUCCESS", b"")
    reused = sum(shard.reused for shard in chosen.shards) + sum(was_reused for _, was_reused in done)
    return BuildReport(plan.recipe.name, plan.build_id, target, book, manifest, reused, len(chosen.shards) + len(outs))


def _write_lists(chosen: Selection, plan: Plan, target: Path) -> None:
    """Dropped judgements and quarantined rows, one file per input file."""
    rows = chosen.rows
    for shard, item in zip(chosen.shards, plan.files, strict=True):
        name = f"{plan.entries[item.entry].name}-{shard.index:05d}.jsonl"
        at = np.flatnonzero((rows.shard == shard.index) & (rows.reason > 0))
        ids = select.read_ids(shard, rows.row[at]) if len(at) else []
        reasons = [ledger.REASONS[code - 1].split("/") for code in rows.reason[at].tolist()]
        lines = [storage.canonical_json({"id": id_, "stage": stage, "reason": reason}) for id_, (stage, reason) in zip(ids, reasons, strict=True)]
        if lines:
            storage.write_bytes(target / "dropped" / name, ("\n".join(lines) + "\n").encode())
        bad = [storage.canonical_json(dict(zip(("file", "row", "reason", "sha256"), line, strict=True))) for line in shard.report["quarantine"]]
        if bad:
            storage.write_bytes(target / "quarantine" / name, ("\n".join(bad) + "\n").encode())
