"""`taxonomy-bridge concepts`: list, show."""

from __future__ import annotations

from typing import Annotated

import typer

from taxonomy_bridge.cli import _options, _print

app = typer.Typer(help="The shared vocabulary of harm concepts.", no_args_is_help=True, rich_markup_mode=None)


@app.command("list", epilog="Example: taxonomy-bridge concepts list --domain weapons")
def list_(domain: Annotated[str | None, typer.Option("--domain", help="Only the concepts of one domain.")] = None, json: _options.Json = False) -> None:
    """List every concept with its domain and name."""
    from taxonomy_bridge.errors import UnknownNameError
    from taxonomy_bridge.vocabulary import load_vocabulary, to_value

    vocabulary = load_vocabulary()
    domains = [item.id for item in vocabulary.domains]
    if domain is not None and domain not in domains:
        raise UnknownNameError.among("domain", domain, domains)
    if json:
        _print.as_json(to_value(vocabulary))
        return
    rows = [[name, vocabulary.domain_of[name], vocabulary.name(name)] for name in vocabulary.by_id if domain in (None, vocabulary.domain_of[name])]
    _print.table(["concept", "domain", "name"], rows)


@app.command("show", epilog="Example: taxonomy-bridge concepts show toxic-agents")
def show(
    name: Annotated[str, typer.Argument(help="An id that `concepts list` prints.", autocompletion=_options.concept_names)], json: _options.Json = False
) -> None:
    """Print a concept's scope, its borders, who draws them, and the categories that cover it."""
    from taxonomy_bridge.graph import load_graph
    from taxonomy_bridge.graph_checks import borders, coverage
    from taxonomy_bridge.vocabulary import scope_lines

    graph = load_graph()
    concept = graph.vocabulary[name.removeprefix("concept:")]
    drawn = [line for line in borders(graph) if concept.id in (line["concept"], line["against"])]
    covered = coverage(graph, concept.id)
    if json:
        _print.as_json({**concept.model_dump(mode="json", by_alias=True), "borders": drawn, **covered})
        return
    typer.echo(_print.safe(f"{concept.name} ({concept.id}, domain {graph.vocabulary.domain_of[concept.id]})"))
    for text in scope_lines(concept):
        typer.echo(_print.safe(text))
    for line in drawn:
        typer.echo(f"border {line['concept']} | {line['against']}: drawn by {_some(line['drawn_by'])}")
    typer.echo(f"certain in {_some(covered['certain'])}")
    typer.echo(f"possible in {_some(covered['possible'])}")


def _some(names: list[str], shown: int = 6) -> str:
    rest = f", ... showing {shown} of {len(names)}" if len(names) > shown else ""
    return (", ".join(names[:shown]) or "no category") + rest
