"""`taxonomy-bridge mappings`: list, show, check, format, stats, compare."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from taxonomy_bridge.cli import _options, _print

app = typer.Typer(help="Curated mappings from categories to shared concepts (SSSOM).", no_args_is_help=True, rich_markup_mode=None)
MappedName = Annotated[str, typer.Argument(help="An id that `mappings list` prints.", autocompletion=_options.taxonomy_names)]


@app.command("list", epilog="Example: taxonomy-bridge mappings list")
def list_(json: _options.Json = False) -> None:
    """List the mapped taxonomies: categories, rows, and how many categories leave nothing open."""
    from taxonomy_bridge.graph import load_graph
    from taxonomy_bridge.graph_checks import statistics

    graph = load_graph()
    told = statistics(graph)["by_taxonomy"]
    if json:
        _print.as_json(told)
        return
    rows = [
        [
            name,
            item["categories"],
            len(graph.mappings[name].rows) if name in graph.mappings else 0,
            item["exact"],
            item["few_open"],
            item["more_open"],
            item["no_extent"],
        ]
        for name, item in told.items()
    ]
    _print.table(["taxonomy", "categories", "rows", "exact", "1-2 open", "more open", "no harm"], rows)


@app.command("show", epilog="Example: taxonomy-bridge mappings show beavertails")
def show(
    name: MappedName, category: Annotated[str | None, typer.Option("--category", help="Only one category, by slug.")] = None, json: _options.Json = False
) -> None:
    """Print the rows of one mapping: category, predicate, concept, and the words that the row rests on."""
    from taxonomy_bridge.errors import UnknownNameError
    from taxonomy_bridge.graph import load_graph

    graph = load_graph()
    if name not in graph.mappings:
        raise UnknownNameError.among("mapping", name, list(graph.mappings))
    rows = graph.mappings[name].of(graph.resolve(f"{name}:{category}").split(":", 1)[1]) if category else graph.mappings[name].rows
    if json:
        _print.as_json([dict(row.values) for row in rows])
        return
    _print.table(
        ["category", "predicate", "concept", "comment"],
        [
            [row.subject.split(":", 1)[1], ("not " if row.negated else "") + row.predicate.split(":", 1)[1], row.object.split(":", 1)[1], row.get("comment")]
            for row in rows
        ],
    )


@app.command("check", epilog="Example: taxonomy-bridge mappings check --data FOLDER")
def check(
    files: Annotated[
        list[Path] | None, typer.Argument(help="Mapping files; without any, all bundled ones and the graph over them.", exists=True, dir_okay=False)
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option(
            "--data", help="Test the mappings against texts that two sources label: a folder with a sub-folder per source name.", exists=True, file_okay=False
        ),
    ] = None,
    recipe: Annotated[str | None, typer.Option("--recipe", help="Test against the sources that a recipe names instead of a folder.")] = None,
    assume: Annotated[str, typer.Option("--assume", help="open or closed, for --data and --recipe.")] = "open",
    json: _options.Json = False,
) -> None:
    """Check mapping files and report all problems of all files at once, each as file:line with what to do.

    With --data: the rate at which an entailed answer is contradicted by the other source's own label, per pair of categories; texts are never shown.
    """
    from taxonomy_bridge.errors import MappingError
    from taxonomy_bridge.graph import load_graph
    from taxonomy_bridge.graph_checks import misformatted, problems

    if files:
        _check_files(files)
        return
    graph = load_graph()
    found = problems(graph) + misformatted(graph)
    if found:
        raise MappingError(found)
    if data is None and recipe is None:
        told = f"{len(graph.mappings)} mappings of {len(graph.categories)} categories, no problems"
        _print.as_json({"mappings": len(graph.mappings), "categories": len(graph.categories), "problems": []}) if json else typer.echo(told)
        return
    _check_data(data, recipe, assume, json)


def _check_files(files: list[Path]) -> None:
    from taxonomy_bridge.errors import MappingError, ProblemsError
    from taxonomy_bridge.mapping import read_mapping, taxonomy_of
    from taxonomy_bridge.vocabulary import load_vocabulary

    found: list[str] = []
    for path in files:
        try:
            read_mapping(path, taxonomy_of(path), load_vocabulary())
        except ProblemsError as error:
            found += error.problems
    if found:
        raise MappingError(found)
    typer.echo(f"{len(files)} mappings, no problems")


def _check_data(data: Path | None, recipe: str | None, assume: str, json: bool) -> None:
    from taxonomy_bridge.evidence import check_data

    report = check_data(data, assume, recipe, progress=_print.progress(json))
    if json:
        _print.as_json(report.to_value())
        return
    rows = [[item.source, item.label, item.target, item.answer, item.contradicted, item.checked, item.interval_text] for item in report.pairs]
    _print.table(["source", "label", "asked", "entailed", "contradicted", "checked", "95 % interval"], rows)
    typer.echo("")
    typer.echo(report.summary)


@app.command("format", epilog="Example: taxonomy-bridge mappings format")
def format_(
    files: Annotated[list[Path] | None, typer.Argument(help="Mapping files; without any, all bundled ones.", exists=True, dir_okay=False)] = None,
) -> None:
    """Rewrite mapping files in canonical form: sorted rows, fixed columns, current labels."""
    from taxonomy_bridge import registry, sssom, storage
    from taxonomy_bridge.mapping import canonical, taxonomy_of
    from taxonomy_bridge.vocabulary import load_vocabulary

    changed = 0
    for path in files or [registry.data_file("mappings", name) for name in registry.names("mappings")]:
        text = canonical(sssom.read(path), taxonomy_of(path), load_vocabulary())
        if text != path.read_text(encoding="utf-8"):
            storage.write_bytes(path, text.encode())
            changed += 1
            typer.echo(str(path))
    _print.err(f"{changed} files changed")


@app.command("stats", epilog="Example: taxonomy-bridge mappings stats")
def stats(
    pairs: Annotated[bool, typer.Option("--pairs", help="Relations for every pair of taxonomies.")] = False,
    data: Annotated[
        Path | None,
        typer.Option(
            "--data", help="Also the share of (row, category) cells answered yes or no: a folder with a sub-folder per source.", exists=True, file_okay=False
        ),
    ] = None,
    json: _options.Json = False,
) -> None:
    """Print the numbers of the graph: what is left open, relations between taxonomies, concepts that nobody covers; the first draft's beside them."""
    from taxonomy_bridge.graph import load_graph
    from taxonomy_bridge.graph_checks import REVIEWED_DRAFT, per_pair, statistics

    graph = load_graph()
    whole, reviewed = statistics(graph), statistics(graph, REVIEWED_DRAFT["taxonomies"])
    by_pair = per_pair(graph) if pairs else []
    cells = _decided(data, REVIEWED_DRAFT["taxonomies"], _print.progress(json)) if data is not None else []
    if json:
        _print.as_json(
            {
                "all": whole,
                "reviewed": reviewed,
                "draft": {key: value for key, value in REVIEWED_DRAFT.items() if key != "taxonomies"},
                "pairs": by_pair,
                "rows": cells,
            }
        )
        return
    _print_stats(whole, reviewed, REVIEWED_DRAFT)
    if cells:
        typer.echo("")
        _print.table(
            ["source", "carried to the first reviewed lists, assuming", "cells", "yes", "no", "decided"],
            [[one["source"], one["assume"], one["cells"], one["yes"], one["no"], _share((one["yes"] + one["no"]) / max(one["cells"], 1))] for one in cells],
        )
    if by_pair:
        names = [key for key in by_pair[0] if key not in ("first", "second")]
        _print.table(["first", "second", *names], [[row["first"], row["second"], *(row[name] for name in names)] for row in by_pair])


def _decided(data: Path, targets: Sequence[str], progress: Callable[[str, int, int], None]) -> list[dict[str, Any]]:
    """How much of the rows at hand is carried to every first reviewed list but their own, under both assumptions."""
    from taxonomy_bridge.cover import decided
    from taxonomy_bridge.graph import load_graph
    from taxonomy_bridge.labelled import count_patterns, in_folder
    from taxonomy_bridge.translation import ASSUMPTIONS

    counts = count_patterns(in_folder(data), progress)
    told = {assume: decided(counts, targets, load_graph(), assume) for assume in ASSUMPTIONS}
    return [{"source": source, "assume": assume, **cells} for assume, sources in told.items() for source, cells in sources.items()]


def _print_stats(whole: dict[str, Any], reviewed: dict[str, Any], draft: dict[str, Any]) -> None:
    rows = [
        ["taxonomies", whole["taxonomies"], reviewed["taxonomies"], draft["count"]],
        ["categories", whole["categories"], reviewed["categories"], ""],
        ["mapped", whole["mapped"], reviewed["mapped"], ""],
        ["no harm", whole["no_harm"], reviewed["no_harm"], ""],
        ["rows", whole["rows"], reviewed["rows"], ""],
        ["inner = outer", _share(whole["exact"]), _share(reviewed["exact"]), ""],
        ["inner = outer, without groups and catch-alls", _share(whole["own"]["exact"]), _share(reviewed["own"]["exact"]), _share(draft["exact"])],
        ["category pairs not unclear", _clear(whole["relations"]), _clear(reviewed["relations"]), _share(draft["clear"])],
        ["the same, without groups and catch-alls", _clear(whole["own_relations"]), _clear(reviewed["own_relations"]), _share(draft["own_clear"])],
    ]
    _print.table(["what", "all", f"{draft['count']} first reviewed", "first draft"], [[str(cell) for cell in row] for row in rows])
    typer.echo("")
    _print.table(["relation", "all", "first reviewed"], [[name, count, reviewed["relations"][name]] for name, count in whole["relations"].items()])
    concepts = whole["concepts"]
    typer.echo("")
    typer.echo(f"{concepts['count']} concepts; {concepts['borders_drawn']} of {concepts['borders']} named borders are drawn by a category")
    typer.echo(f"covered by no category: {', '.join(concepts['uncovered']) or 'none'}; certain for none: {', '.join(concepts['never_certain']) or 'none'}")


def _share(value: float) -> str:
    return f"{value:.0%}"


def _clear(relations: dict[str, int]) -> str:
    total = sum(count for name, count in relations.items() if name != "not comparable")
    return _share(1 - relations["unclear"] / max(total, 1))


@app.command("compare", epilog="Example: taxonomy-bridge mappings compare their-crosswalk.sssom.tsv")
def compare(
    files: Annotated[list[Path], typer.Argument(help="SSSOM files, or folders of them, with direct mappings between taxonomies.", exists=True)],
    all_: Annotated[bool, typer.Option("--all", help="Print rows that agree, too.")] = False,
    json: _options.Json = False,
) -> None:
    """Compare crosswalks by others with the derived one, row by row: agree, contradict, or not comparable."""
    from taxonomy_bridge import sssom
    from taxonomy_bridge.comparison import agreement
    from taxonomy_bridge.comparison import compare as beside
    from taxonomy_bridge.graph import load_graph

    graph = load_graph()
    paths = [path for given in files for path in (sorted(given.glob("*.sssom.tsv")) if given.is_dir() else [given])]
    tables = [(path, sssom.read(path)) for path in paths]
    told = [(path.name.removesuffix(".sssom.tsv"), str(table.header.get("comment", "")), beside(graph, table)) for path, table in tables]
    if json:
        _print.as_json([{"file": name, "note": note, **agreement(rows), "rows": [row.to_value() for row in rows]} for name, note, rows in told])
        return
    _print.table(
        ["file", "agree", "contradict", "not comparable", "note"],
        [[name, *(str(count) for count in agreement(rows).values()), note] for name, note, rows in told],
    )
    lines = [
        [row.row.subject, row.row.predicate, row.row.object, row.ours.value if row.ours else "", row.outcome, row.reason]
        for _, _, rows in told
        for row in rows
        if row.outcome == "contradict" or (all_ and row.outcome == "agree")
    ]
    if lines:
        typer.echo("")
        _print.table(["subject", "predicate", "object", "ours", "outcome", "reason"], lines)


@app.command("score", epilog="Example: taxonomy-bridge mappings score mine.sssom.tsv mappings/beavertails.sssom.tsv")
def score(
    mine: Annotated[Path, typer.Argument(help="A mapping.", exists=True, dir_okay=False)],
    other: Annotated[Path, typer.Argument(help="The mapping that it is held against.", exists=True, dir_okay=False)],
    json: _options.Json = False,
) -> None:
    """Print how far the rows of one mapping are those of another: precision, recall and F1 of pairs, and how often the predicate is the same."""
    from taxonomy_bridge import sssom
    from taxonomy_bridge.comparison import score as found

    told = found(sssom.read(mine), sssom.read(other))
    if json:
        _print.as_json(told)
        return
    rows = [
        [kind, *(told[kind][key] for key in ("mine", "other", "common")), *(_two_digits(told[kind][key]) for key in ("precision", "recall", "f1"))]
        for kind in ("pairs", "certain")
    ]
    _print.table(["rows", "mine", "other", "common", "precision", "recall", "F1"], rows)
    typer.echo(f"\nsame predicate in common pairs: {_two_digits(told['same_predicate'])}")


def _two_digits(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"
