"""`taxonomy-bridge crosswalk`, `explain`, `neighbours` and `graph`: what categories have to do with each other."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from taxonomy_bridge.cli import _options, _print

if TYPE_CHECKING:
    from taxonomy_bridge.crosswalks import Crosswalk
    from taxonomy_bridge.graph import CategoryGraph

CategoryName = Annotated[
    str, typer.Argument(help="A category as taxonomy:slug; an official code or a native label works too.", autocompletion=_options.category_names)
]
TaxonomyName = Annotated[str, typer.Argument(help="An id that `taxonomies list` prints.", autocompletion=_options.taxonomy_names)]
Extra = Annotated[
    list[Path] | None, typer.Option("--extra", help="A folder with taxonomies (*.yaml) and mappings (*.sssom.tsv) of your own.", exists=True, file_okay=False)
]
Force = Annotated[bool, typer.Option("--force", help="Replace existing files.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("crosswalk", epilog="Example: taxonomy-bridge crosswalk beavertails aegis-2.0 --html crosswalk.html")(crosswalk)
    app.command("explain", epilog="Example: taxonomy-bridge explain llama-guard-3:S4 aegis-2.0:S7")(explain)
    app.command("neighbours", epilog="Example: taxonomy-bridge neighbours beavertails:animal_abuse")(neighbours)
    app.command("graph", epilog="Example: taxonomy-bridge graph --html graph.html")(graph)


def crosswalk(
    first: TaxonomyName,
    second: TaxonomyName,
    html: Annotated[Path | None, typer.Option("--html", help="Write a page: heat map, flow through concepts, explanations on click.")] = None,
    sssom: Annotated[Path | None, typer.Option("--sssom", help="Write the decided rows as an SSSOM file.")] = None,
    csv: Annotated[Path | None, typer.Option("--csv", help="Write all rows as comma-separated values.")] = None,
    markdown: Annotated[Path | None, typer.Option("--markdown", help="Write a Markdown table.")] = None,
    disjoint: Annotated[bool, typer.Option("--disjoint", help="Print disjoint pairs too.")] = False,
    extra: Extra = None,
    force: Force = False,
    json: _options.Json = False,
) -> None:
    """Print how every category of one taxonomy relates to every category of another.

    Relations are derived from the curated mappings to shared concepts; `explain` shows why.
    """
    from taxonomy_bridge.crosswalks import crosswalk as derive
    from taxonomy_bridge.extents import Relation
    from taxonomy_bridge.graph import load_graph

    loaded = load_graph(extra or ())
    walk = derive(first, second, loaded)
    texts = ((sssom, walk.sssom_text), (csv, walk.csv_text), (markdown, walk.markdown), (html, functools.partial(_crosswalk_page, walk, loaded)))
    written = [_options.write(path, text(), force) for path, text in texts if path is not None]
    if json:
        _print.as_json({"first": first, "second": second, "counts": walk.counts, "rows": [row.to_value() for row in walk]})
    elif not written:
        rows = [[row.subject, row.relation.value, row.object] for row in walk if disjoint or row.relation is not Relation.DISJOINT]
        _print.table([first, "relation", second], rows)
        _print.err(", ".join(f"{count} {name}" for name, count in walk.counts.items()))


def _crosswalk_page(walk: Crosswalk, loaded: CategoryGraph) -> str:
    from taxonomy_bridge.report.crosswalk_page import crosswalk_page

    return crosswalk_page(walk, loaded)


def explain(first: CategoryName, second: CategoryName, extra: Extra = None, json: _options.Json = False) -> None:
    """Print why two categories relate as they do: concepts on both sides, and the mapping rows behind them."""
    from taxonomy_bridge.explain import explain as why
    from taxonomy_bridge.graph import load_graph

    told = why(load_graph(extra or ()), first, second)
    if json:
        _print.as_json(told.to_value())
    else:
        typer.echo(_print.safe(str(told)))


def neighbours(
    name: CategoryName,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="How many to print.")] = 10,
    extra: Extra = None,
    json: _options.Json = False,
) -> None:
    """Print the categories of other taxonomies that cover most nearly the same concepts."""
    from taxonomy_bridge.crosswalks import neighbours as nearest
    from taxonomy_bridge.graph import load_graph

    found = nearest(load_graph(extra or ()), name, limit)
    if json:
        _print.as_json([{"category": item.category, "relation": item.relation.value, "likeness": round(item.likeness, 4)} for item in found])
    else:
        _print.table(["category", "relation", "likeness"], [[item.category, item.relation.value, f"{item.likeness:.2f}"] for item in found])


def graph(
    html: Annotated[Path | None, typer.Option("--html", help="Write a page: vocabulary, taxonomies, search, nearest categories.")] = None,
    graphml: Annotated[Path | None, typer.Option("--graphml", help="Write the network for Gephi, yEd or Cytoscape.")] = None,
    extra: Extra = None,
    force: Force = False,
    json: _options.Json = False,
) -> None:
    """Print the size of the graph of harms, or write it as a page or as GraphML."""
    from taxonomy_bridge.graph import load_graph
    from taxonomy_bridge.graph_checks import statistics

    loaded = load_graph(extra or ())
    if html is not None:
        from taxonomy_bridge.report.graph_page import graph_page

        _options.write(html, graph_page(loaded), force)
    if graphml is not None:
        from taxonomy_bridge.network import graphml_text

        _options.write(graphml, graphml_text(loaded), force)
    found = statistics(loaded)
    if json:
        _print.as_json(found)
    elif html is None and graphml is None:
        names = ("taxonomies", "categories", "mapped", "no_harm", "rows")
        _print.table(["what", "number"], [[name, found[name]] for name in names] + [["concepts", found["concepts"]["count"]]])
        _print.err("next: taxonomy-bridge graph --html graph.html, or taxonomy-bridge crosswalk A B")
