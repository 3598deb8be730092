"""`taxonomy-bridge licences` and `cite`: what may be done with a mix, and what to cite."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from taxonomy_bridge.cli import _options, _print

if TYPE_CHECKING:
    from taxonomy_bridge.sources._base import Source

What = Annotated[
    list[str] | None,
    typer.Argument(metavar="NAMES...", help="Sources, recipes (file or bundled name), or folders of a build.", autocompletion=_options.source_names),
]


def register(app: typer.Typer) -> None:
    """Add both commands."""
    app.command("licences", epilog="Example: taxonomy-bridge licences gspr-paper")(licences)
    app.command("cite", epilog="Example: taxonomy-bridge cite gspr-paper > sources.bib")(cite)


def licences(names: What = None, json: _options.Json = False) -> None:
    """Print the licence of every source of a mix, where it stands, what it asks for, and what follows for the mix. Without names: all sources."""
    from taxonomy_bridge import registry
    from taxonomy_bridge.licences import commercial, duties, verdict

    sources = _sources(names or registry.names("sources"))
    told = verdict(sources)
    if json:
        _print.as_json({
            "sources": [
                {"name": one.name, "licence": one.licence.identifier, "commercial": commercial(one.licence), "duties": list(duties(one.licence)),
                 "evidence": one.licence.evidence, "link": one.licence.link, "read": one.licence.date, "gate": one.gate}
                for one in sources
            ],
            "commercial": told.commercial, "forbidding": list(told.forbidding), "unclear": list(told.unclear),
            "share_alike": {name: list(those) for name, those in told.share_alike.items()}, "conflict": told.conflict, "own_terms": list(told.own_terms),
        })  # fmt: skip
        return
    rows = [
        [one.name, one.licence.identifier, commercial(one.licence), ", ".join(duties(one.licence)), one.licence.date, one.licence.link, one.licence.evidence]
        for one in sources
    ]
    _print.table(["source", "licence", "commercial", "asks for", "read", "link", "evidence"], rows)
    if names:
        typer.echo("")
        for line in told.lines():
            typer.echo(_print.safe(line))


def cite(names: What = None) -> None:
    """Print BibTeX for the sources of a mix and the category lists that it shows."""
    from taxonomy_bridge.sources._facts import Citation
    from taxonomy_bridge.taxonomy import load_taxonomy

    if not names:
        raise typer.BadParameter("say what to cite, for example gspr-paper", param_hint="NAMES...")
    seen: set[str] = set()
    entries = [(source.name, source.citation) for source in _sources(names) if source.citation]
    for name in _lists(names):
        taxonomy = load_taxonomy(name)
        if taxonomy.citation or taxonomy.homepage:
            entries.append((name, Citation(f"{{{taxonomy.publisher}}}", taxonomy.title, taxonomy.year, taxonomy.citation or str(taxonomy.homepage))))
    for name, citation in entries:
        if citation.where not in seen:
            seen.add(citation.where)
            typer.echo(_print.safe(citation.bibtex(name)))


def _sources(names: list[str]) -> list[Source]:
    """The sources that names, recipes and build folders stand for, each once."""
    from taxonomy_bridge import registry
    from taxonomy_bridge.recipe import load_recipe

    found: dict[str, Source] = {}
    for name in names:
        if name in registry.names("sources") or (name.endswith(".yaml") and not _is_recipe(Path(name))):
            loaded = [registry.load("sources", name)]
        elif (Path(name) / "manifest.json").is_file():
            loaded = [registry.load("sources", one) for one in _built(Path(name))]
        else:
            recipe = load_recipe(name)
            loaded = [entry.load(recipe.folder) for entry in recipe.recipe.sources]
        found |= {source.name: source for source in loaded}
    return list(found.values())


def _lists(names: list[str]) -> list[str]:
    """The bundled lists that the recipes among the names show."""
    from taxonomy_bridge import registry
    from taxonomy_bridge.recipe import load_recipe

    recipes = [load_recipe(name).recipe for name in names if name in registry.names("recipes") or _is_recipe(Path(name))]
    return [entry.id for recipe in recipes for entry in recipe.policies if entry.id and not entry.native]


def _is_recipe(path: Path) -> bool:
    """A recipe has sources; an adapter is one."""
    from taxonomy_bridge import yamlfile

    return path.is_file() and path.suffix in (".yaml", ".yml") and isinstance(value := yamlfile.read(path).value, dict) and "sources" in value


def _built(folder: Path) -> list[str]:
    from taxonomy_bridge import registry
    from taxonomy_bridge.errors import RecipeError
    from taxonomy_bridge.pipeline.card import read_json

    found = list(dict.fromkeys(str(entry["id"]) for entry in read_json(folder / "manifest.json")["sources"]))
    if own := [name for name in found if name not in registry.names("sources")]:
        raise RecipeError([f"{folder} was built from adapters ({', '.join(own)}), which do not lie in it. Name the recipe instead."])
    return found
