"""`taxonomy-bridge build`: from a recipe to an output folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from taxonomy_bridge.cli import _options, _print

if TYPE_CHECKING:
    from taxonomy_bridge.pipeline import BuildReport


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("build", epilog="Example: taxonomy-bridge build quickstart --out out/quickstart")(build)


def build(
    recipe: Annotated[str, typer.Argument(help="A recipe file, or a bundled name that `recipe list` prints.", autocompletion=_options.recipe_names)],
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Folder to write; needed unless --plan is given. A killed build resumes there.")] = None,
    plan: Annotated[bool, typer.Option("--plan", help="Say what would be read, dropped and written; write nothing.")] = False,
    data: Annotated[
        Path | None,
        typer.Option(
            "--data", help="Folder with a sub-folder per source name, each in the native layout; used where the recipe gives no path.", file_okay=False
        ),
    ] = None,
    limit: Annotated[int | None, typer.Option("--limit", min=1, help="Read only so many records of each file.")] = None,
    workers: Annotated[int, typer.Option("--workers", "-j", min=1, help="Shards worked on at once. Changes no byte.")] = 2,
    batch_rows: Annotated[int, typer.Option("--batch-rows", min=1, help="Rows decoded at once. Changes no byte.")] = 8192,
    locked: Annotated[bool, typer.Option("--locked", help="Stop unless the recipe resolves to the build.lock.json in the folder.")] = False,
    frozen: Annotated[bool, typer.Option("--frozen", help="Like --locked, and without any network access.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress bar, no summary.")] = False,
    json: _options.Json = False,
) -> None:
    """Build a training set from a recipe.

    Every input row is accounted for in OUT/ledger.json. The same recipe gives the same bytes.
    """
    from taxonomy_bridge.pipeline import build as run
    from taxonomy_bridge.pipeline import survey

    show = _print.progress(quiet or json)
    if frozen:
        _offline()
    if plan:
        _print_plan(survey(recipe, limit, workers, show, data=data), out, json)
        return
    if out is None:
        raise typer.BadParameter("say where to write, for example --out out/quickstart", param_hint="--out")
    report = run(recipe, out, limit, workers=workers, batch_rows=batch_rows, locked=locked or frozen, data=data, progress=show)
    if json:
        _print.as_json(
            {"build_id": report.build_id, "samples": report.samples, "reused": report.reused, "already_done": report.already_done, "ledger": report.ledger}
        )
    elif not quiet:
        _summary(report, out)


def _offline() -> None:
    import os

    os.environ["HF_HUB_OFFLINE"] = os.environ["HF_DATASETS_OFFLINE"] = "1"


def _ledger(ledger: dict[str, Any]) -> None:
    names = ("rows_in", "quarantined", "without_judgement", "annotations_merged", "judgements_in", "used", "samples_out")
    rows = [[f"{entry['source']}/{entry['split']}", *(entry[name] for name in names)] for entry in ledger["sources"]]
    _print.table(["source/split", "rows", "quarantined", "no judgement", "merged", "judgements", "used", "samples"], rows)


def _losses(ledger: dict[str, Any]) -> None:
    from taxonomy_bridge.pipeline.ledger import EXPLANATIONS

    rows = [
        [f"{entry['source']}/{entry['split']}", count, reason, EXPLANATIONS[reason]]
        for entry in ledger["sources"]
        for reason, count in entry["dropped"].items()
    ]
    if rows:
        typer.echo("")
        _print.table(["source/split", "dropped", "reason", "meaning"], rows)


def _yields(told: list[dict[str, Any]]) -> None:
    """What each source gives to each policy that is not its own."""
    if not told:
        return
    typer.echo("")
    rows = [[one["source"], one["policy"], one["rows"], one["verdicts"]["safe"], one["verdicts"]["unsafe"], sum(one["refused"].values())] for one in told]
    _print.table(["source", "policy", "rows", "safe", "unsafe", "undecided"], rows)
    typer.echo("")
    lines = [
        [one["source"], item, *counts.values()] for one in told for item, counts in one["items"].items() if counts["yes"] or counts["no"] or counts["group"]
    ]
    _print.table(["source", "item", "yes", "no", "unknown", "one of a group"], lines)


def _summary(report: BuildReport, out: Path) -> None:
    _ledger(report.ledger)
    _losses(report.ledger)
    _yields(report.manifest["yield"])
    typer.echo("")
    if report.already_done:
        _print.err("this build was finished before; every file was verified.")
    elif report.reused:
        _print.err(f"resumed: {report.reused} of {report.shards} shards were already finished.")
    if report.manifest["synthetic"]:
        _print.err("synthetic: the rows are invented. Not for training.")
    for name, lost in report.manifest["unreachable_names"].items():
        _print.err(f"warning: under preset {report.manifest['format']['preset']} no answer can score these names of {name}: {'; '.join(lost)}")
    for source in report.manifest["sources"]:
        if source["unverified"]:
            _print.err(f"warning: the decoder of {source['id']} was checked against invented rows only (unverified).")
    for one in report.manifest["overlaps"]:
        _print.err(f"warning: {one['first']} and {one['second']} share texts: {one['why']}. Do not test on one and train on the other.")
    typer.echo(f"{report.samples:,} samples in {out}")
    if (out / "requests.jsonl").is_file():
        typer.echo(f"next: have a teacher answer {out / 'requests.jsonl'}, then taxonomy-bridge coldstart import {out} answers.jsonl")
    else:
        typer.echo(f"next: taxonomy-bridge check {out}")


def _print_plan(found: dict[str, Any], out: Path | None, json: bool) -> None:
    from taxonomy_bridge.pipeline.run import changes

    found["changes"] = changes(found["lock"], out) if out is not None else []
    if json:
        _print.as_json(found)
        return
    _print.table(["file", "source", "split", "bytes"], [[file["file"], file["source"], file["split"], file["bytes"]] for file in found["files"]])
    typer.echo("")
    _ledger(found["ledger"])
    _losses(found["ledger"])
    _yields(found["yield"])
    typer.echo(f"\nwould write {found['samples']:,} samples to {len(found['outputs'])} files (build {found['build_id']}):")
    for path in found["outputs"][:20]:
        typer.echo(f"  {path}")
    if len(found["outputs"]) > 20:
        typer.echo(f"  ... showing 20 of {len(found['outputs'])}")
    for line in found["would_stop"]:
        _print.err(f"the build would stop: {line}")
    for line in found["changes"]:
        typer.echo(line)
