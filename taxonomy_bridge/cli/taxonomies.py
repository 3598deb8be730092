"""`taxonomy-bridge taxonomies`: list, show, check."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from taxonomy_bridge.cli import _options, _print

app = typer.Typer(help="The bundled category lists, one edition each.", no_args_is_help=True, rich_markup_mode=None)


@app.command("list", epilog="Example: taxonomy-bridge taxonomies list")
def list_(json: _options.Json = False) -> None:
    """List every bundled taxonomy with its number of categories."""
    from taxonomy_bridge import registry
    from taxonomy_bridge.taxonomy import load_taxonomy

    loaded = [load_taxonomy(name) for name in registry.names("taxonomies")]
    if json:
        _print.as_json(
            [{"id": item.id, "title": item.title, "publisher": item.publisher, "year": item.year, "assignable": len(item.assignable)} for item in loaded]
        )
        return
    rows = [[item.id, len(item.assignable), "several" if item.labels.multi_label else "one", str(item.year), item.title] for item in loaded]
    _print.table(["id", "categories", "per text", "year", "title"], rows)


@app.command("show", epilog="Example: taxonomy-bridge taxonomies show aegis-2.0")
def show(
    name: Annotated[str, typer.Argument(help="An id that `taxonomies list` prints.", autocompletion=_options.taxonomy_names)], json: _options.Json = False
) -> None:
    """Print one taxonomy: how its labels were made, and every category."""
    from taxonomy_bridge.taxonomy import load_taxonomy

    taxonomy = load_taxonomy(name)
    if json:
        _print.as_json(taxonomy.model_dump(mode="json"))
        return
    typer.echo(_print.safe(f"{taxonomy.title} ({taxonomy.id}, {taxonomy.publisher} {taxonomy.year})"))
    typer.echo(_print.safe(f"labels: {taxonomy.labels.basis}"))
    if taxonomy.note:
        typer.echo(_print.safe(taxonomy.note))
    typer.echo("")
    parents = {item.parent for item in taxonomy.categories}
    rows = []
    for item in taxonomy.categories:
        hidden = None if item.assignable else "group" if item.slug in parents else "not in the list"
        marks = ["residual" if item.residual else None, hidden, None if item.harm else "no harm"]
        rows.append([item.slug, item.code or "", item.name, ", ".join(filter(None, marks))])
    _print.table(["slug", "code", "name", "marks"], rows)


@app.command("check", epilog="Example: taxonomy-bridge taxonomies check my-list.yaml")
def check(
    files: Annotated[list[Path] | None, typer.Argument(help="Taxonomy files; without any, all bundled ones.", exists=True, dir_okay=False)] = None,
) -> None:
    """Check taxonomy files and report all problems of all files at once, each as file:line:column."""
    from taxonomy_bridge import registry
    from taxonomy_bridge.errors import ProblemsError, TaxonomyError
    from taxonomy_bridge.taxonomy import read_taxonomy

    paths = files or [registry.data_file("taxonomies", name) for name in registry.names("taxonomies")]
    problems: list[str] = []
    for path in paths:
        try:
            read_taxonomy(path)
        except ProblemsError as error:
            problems += error.problems
    if problems:
        raise TaxonomyError(problems)
    typer.echo(f"{len(paths)} taxonomies, no problems")
