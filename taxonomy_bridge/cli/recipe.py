"""`taxonomy-bridge recipe`: list, init, check, schema, share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from taxonomy_bridge.cli import _options, _print

app = typer.Typer(help="Recipes: YAML files that fully determine an output.", no_args_is_help=True, rich_markup_mode=None)


@app.command("list", epilog="Example: taxonomy-bridge recipe list")
def list_(json: _options.Json = False) -> None:
    """List the bundled recipes."""
    from taxonomy_bridge import registry
    from taxonomy_bridge.recipe import load_recipe

    found = [load_recipe(name).recipe for name in registry.names("recipes")]
    if json:
        _print.as_json([item.to_value() for item in found])
        return
    rows = [[item.name, len(item.sources), f"{item.format.name}/{item.format.preset}", ", ".join(export.to for export in item.export)] for item in found]
    _print.table(["name", "sources", "format", "exports"], rows)


@app.command("init", epilog="Example: taxonomy-bridge recipe init my-mix.yaml")
def init(
    path: Annotated[Path, typer.Argument(help="File to write.")] = Path("recipe.yaml"),
    force: Annotated[bool, typer.Option("--force", help="Replace an existing file.")] = False,
) -> None:
    """Write a commented recipe that shows every key with its default."""
    from taxonomy_bridge import paths, storage
    from taxonomy_bridge.errors import RecipeError

    if path.exists() and not force:
        raise RecipeError([f"{path} exists. Choose another name, or add --force."])
    storage.write_bytes(path, (paths.PACKAGE / "recipe_template.yaml").read_bytes())
    typer.echo(f"wrote {path}\nnext: taxonomy-bridge recipe check {path}")


@app.command("check", epilog="Example: taxonomy-bridge recipe check my-mix.yaml")
def check(
    recipe: Annotated[str, typer.Argument(help="A recipe file or a bundled name.", autocompletion=_options.recipe_names)], json: _options.Json = False
) -> None:
    """Check a recipe without reading data, and tell all its problems at once; --json prints it with every default spelled out."""
    from taxonomy_bridge.recipe import load_recipe

    loaded = load_recipe(recipe).recipe
    if json:
        _print.as_json(loaded.to_value())
    else:
        typer.echo(f"{loaded.name}: {len(loaded.sources)} sources, {len(loaded.policies)} policies, no problems")


@app.command("schema", epilog="Example: taxonomy-bridge recipe schema > recipe.schema.json")
def schema() -> None:
    """Print the JSON Schema of recipes, for completion in editors."""
    from taxonomy_bridge.recipe import Recipe

    _print.as_json(Recipe.json_schema())


@app.command("share", epilog="Example: taxonomy-bridge recipe share my-mix.yaml out/my-mix --out my-mix-shared")
def share(
    recipe: Annotated[str, typer.Argument(help="A recipe file or a bundled name.", autocompletion=_options.recipe_names)],
    built: Annotated[Path, typer.Argument(help="The folder that was built from it.", exists=True, file_okay=False)],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder to write.")],
) -> None:
    """Write what another person needs to build the same bytes, without any data: recipe, own files, lock, and a page on access and licences."""
    from taxonomy_bridge.pipeline.share import share as run

    for path in run(recipe, built, out):
        typer.echo(_print.safe(path))
    _print.err("No row of any data set is in it. Look it through before you hand it on: policies, answers and adapters are your own texts.")
