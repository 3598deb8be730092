"""Hand on a recipe without the data: everything that another person needs to build the same bytes, and no row of any source.

In: a recipe and the folder that was built from it. Out: a folder with the recipe, the user's own files that it names, the lock, and a page that says
which sources need which access, under which licence, and how to build and compare.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from taxonomy_bridge import storage, yamlfile
from taxonomy_bridge.errors import BuildError
from taxonomy_bridge.licences import duties, verdict
from taxonomy_bridge.lineage import overlaps
from taxonomy_bridge.pipeline.card import read_json
from taxonomy_bridge.pipeline.plan import shared_form
from taxonomy_bridge.recipe import LoadedRecipe, Recipe, load_recipe
from taxonomy_bridge.sources._base import Source
from taxonomy_bridge.taxonomy import is_taxonomy_file


def share(recipe: str | Path, built: Path, target: Path) -> list[Path]:
    """Write the folder `target`, which must not exist; gives its files.

    Raises `BuildError` if `built` was not made from this recipe, or if a file of the user's own lies where it cannot be handed on.
    """
    loaded = load_recipe(recipe)
    manifest, lock = read_json(built / "manifest.json"), read_json(built / "build.lock.json")
    if shared_form(loaded.recipe) != manifest["recipe"]:
        raise BuildError(f"{built} was not built from {recipe}: the recipe has changed since. Build it again.")
    if target.exists():
        raise BuildError(f"{target} exists. Choose another name.")
    sources = [entry.load(loaded.folder) for entry in loaded.recipe.sources]
    content: dict[str, bytes] = {"recipe.yaml": _text(manifest["recipe"]).encode()}
    for path in _own_files(loaded):
        if content.setdefault(path.name, path.read_bytes()) != path.read_bytes():
            raise BuildError(f"two files of the recipe have the name {path.name}. Rename one.")
    content["out/build.lock.json"] = (built / "build.lock.json").read_bytes()
    content["README.md"] = _page(loaded.recipe, sources, manifest, lock).encode()
    for name, data in content.items():
        storage.write_bytes(target / name, data)
    return [target / name for name in content]


def _text(value: dict[str, Any]) -> str:
    return yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=120)


def _own_files(loaded: LoadedRecipe) -> Iterator[Path]:
    """Files that the recipe names and that are no data: policies, adapters with their lists and mappings, template, answers, tokenizer."""
    recipe, folder = loaded.recipe, loaded.folder
    named = [entry.file for entry in recipe.policies] + [recipe.format.template, recipe.labels.answers]
    named += [None if recipe.length.tokenizer == "approx-1" else recipe.length.tokenizer]
    yield from (folder / name for name in named if name)
    for shown in recipe.policies:
        if shown.file and is_taxonomy_file(folder / shown.file):
            yield from _mapping_of(folder / shown.file)
    for entry in (*recipe.sources, *recipe.decontaminate):
        if entry.adapter:
            yield folder / entry.adapter
            yield from _list_of(folder / entry.adapter)


def _list_of(adapter: Path) -> Iterator[Path]:
    """The category list of an adapter and its mapping, where they are the user's own."""
    named = str(yamlfile.read(adapter).value["taxonomy"])
    if not named.endswith(".yaml"):
        return
    if Path(named).name != named:
        raise BuildError(f"{adapter}: its list {named} lies in another folder. Put it beside the adapter, so that both can be handed on.")
    yield adapter.parent / named
    yield from _mapping_of(adapter.parent / named)


def _mapping_of(taxonomy: Path) -> Iterator[Path]:
    """The mapping beside a list, if there is one."""
    mapping = taxonomy.with_name(taxonomy.name.removesuffix(".yaml") + ".sssom.tsv")
    if mapping.is_file():
        yield mapping


def _page(recipe: Recipe, sources: list[Source], manifest: dict[str, Any], lock: dict[str, Any]) -> str:
    lines = [
        f"# {recipe.name}: the recipe, without data\n",
        "No row of any data set is in this folder. With access to the sources below, the same bytes come out:\n",
        "```bash", "taxonomy-bridge build recipe.yaml --out out --locked", "taxonomy-bridge check out", "```\n",
        f"taxonomy_bridge {lock['libraries']['taxonomy_bridge']}, build `{lock['build_id']}`, {sum(file['rows'] for file in manifest['files']):,} samples. "
        "With other versions of the libraries the bytes may differ; the content hashes do not:\n",
        *(f"- `{file['path']}`: `{file['content_hash']}`" for file in manifest["files"]),
        "\n## Sources\n",
        "| source | revision | access | licence | asks for |", "|---|---|---|---|---|",
    ]  # fmt: skip
    for source in {source.name: source for source in sources}.values():
        access = f"accept the terms at {source.gate}" if source.gate else "open" if source.hub_id or source.github else "bring the files"
        lines.append(f"| {source.title} | {source.revision or 'none'} | {access} | {source.licence.identifier} | {', '.join(duties(source.licence))} |")
    local = [(entry.name, Path(entry.path).name) for entry in recipe.sources if entry.path]
    if local:
        lines += ["\nRead from files, not downloaded; put them here:\n", *(f"- `{path}` for {name}" for name, path in local)]
    lines += ["\nWhat they hashed to:\n", *(f"- {file['source']}/{file['split']} {file['file']}: sha256 `{file['sha256']}`" for file in lock["files"])]
    lines += ["", *verdict(sources).lines(), *(f"{one.first} and {one.second} share texts: {one.why}." for one in overlaps(sources))]
    return "\n".join(lines) + "\n"
