"""One generated page per source and per category list, and an index of each. `docs/generate.py` writes them.

In: the registry and the graph. Out: Markdown. Everything on a page comes from the entry itself, its mapping, or the lineage of others.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from taxonomy_bridge import registry
from taxonomy_bridge.graph import CategoryGraph, load_graph
from taxonomy_bridge.licences import commercial, duties
from taxonomy_bridge.lineage import users
from taxonomy_bridge.sources._base import Source
from taxonomy_bridge.taxonomy import Category, Taxonomy, load_taxonomy

SHOWN = 12
KINDS = ("real rows", "documented layout", "invented rows")


def cell(value: object) -> str:
    """A value as a cell: no line ends, no bars."""
    return " ".join(str(value).split()).replace("|", "\\|")


def table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A Markdown table."""
    return "\n".join("| " + " | ".join(cell(value) for value in line) + " |" for line in [header, ["---"] * len(header), *rows])


def loaded_sources() -> list[Source]:
    """Every bundled source, by name."""
    return [registry.load("sources", name) for name in registry.names("sources")]


def checked(source: Source) -> str:
    """What the decoder was checked against."""
    return f"{source.evidence} (**unverified**)" if source.unverified else source.evidence


def access(source: Source) -> str:
    """What has to be done to read it."""
    if source.gate:
        return f"[accept the terms]({source.gate})"
    if source.hub_id is None and source.github is None:
        return "bring the files"
    return "open" if source.revision else "name a revision, or bring the files"


def totals() -> str:
    """How many sources there are, by what their decoders were checked against."""
    sources = loaded_sources()
    counts = ", ".join(f"{sum(source.evidence == kind for source in sources)} against {kind}" for kind in KINDS)
    return f"{len(sources)} sources; decoders checked {counts} (unverified)."


def source_index() -> str:
    """All sources in one table."""
    rows = [
        [f"[`{source.name}`]({source.name}.md)", source.title, source.licence.identifier, commercial(source.licence), access(source), checked(source)]
        for source in loaded_sources()
    ]
    return f"# Sources\n\n{totals()}\n\n" + table(["name", "title", "licence", "commercial use", "access", "decoder checked against"], rows)


def taxonomy_index() -> str:
    """All category lists in one table."""
    taxonomies = [load_taxonomy(name) for name in registry.names("taxonomies")]
    rows = [[f"[`{one.id}`]({one.id}.md)", one.title, one.year, len(one.categories), len(one.assignable)] for one in taxonomies]
    return f"# Category lists\n\n{len(rows)} editions.\n\n" + table(["id", "title", "year", "categories", "shown in the list"], rows)


def source_page(source: Source) -> str:
    """Everything that is known about one source."""
    where = f"hub `{source.hub_id}`" if source.hub_id else f"GitHub `{source.github}`" if source.github else "no place to download it from"
    licence = source.licence
    facts = [
        ["where", f"{where}; [home page]({source.homepage})"],
        ["revision", f"`{source.revision}`" if source.revision else "none is pinned: give `revision:` or `path:`"],
        ["access", access(source)],
        ["licence", f"[{licence.identifier}]({licence.link}), read {licence.date}: {licence.evidence}"],
        ["commercial use", commercial(licence)],
        ["asks for", ", ".join(duties(licence)) or "nothing known"],
        ["decoder checked against", checked(source)],
        ["judged", ", ".join(source.slots)],
        ["verdicts", ", ".join(sorted(source.verdicts)) or "none: no row has a verdict"],
        ["a safe verdict", "clears the whole list" if source.safe_clears else "clears nothing"],
        ["category list", ", ".join(f"[`{name}`](../taxonomies/{name}.md)" for name in source.taxonomies)],
        ["language", source.language or "by row, or not stated"],
    ]
    files = [[config, split, f"`{file}`"] for config, splits in source.files.items() for split, paths in splits.items() for file in paths]
    parts = [
        f"# {source.title}", source.told, table(["fact", ""], facts), _lineage(source), "## Files", table(["config", "split", "file"], files), _counts(source), "## Columns",
        table(["column", "type", "in every row"], [[f"`{field.name}`", f"`{field.type}`", "no" if field.nullable else "yes"] for field in source.columns]),
        "## Quirks", "\n".join(f"- {quirk}" for quirk in source.quirks), _citation(source),
        f"```bash (not run)\ntaxonomy-bridge sources check {source.name} --split {next(iter(next(iter(source.files.values()))))} --path FOLDER\n```",
    ]  # fmt: skip
    return "\n\n".join(part for part in parts if part)


def _counts(source: Source) -> str:
    if not source.rows:
        return "The publisher's counts of rows are not recorded."
    return table(["rows as published", ""], [[f"`{place}`", f"{count:,}"] for place, count in source.rows.items()])


def _lineage(source: Source) -> str:
    known = set(registry.names("sources"))
    lines = [f"- made from {f'[`{name}`]({name}.md)' if name in known else name}: {taken}" for name, taken in source.lineage.items()]
    lines += [f"- used in [`{name}`]({name}.md): {taken}" for name, taken in users(source.name).items()]
    return "## Shared texts\n\n" + "\n".join(lines) if lines else ""


def _citation(source: Source) -> str:
    return f"## Citation\n\n```bibtex\n{source.citation.bibtex(source.name)}\n```" if source.citation else ""


def taxonomy_page(taxonomy: Taxonomy, graph: CategoryGraph) -> str:
    """One list: how its labels were made, its categories, and what each covers."""
    labels, used = taxonomy.labels, [source for source in loaded_sources() if taxonomy.id in source.taxonomies]
    facts = [
        ["publisher", taxonomy.publisher], ["edition", f"{taxonomy.version}, {taxonomy.year}"], ["home page", taxonomy.homepage or "none"],
        ["citation", taxonomy.citation or "none"], ["labels", f"{'several' if labels.multi_label else 'one'} per row; others {'were' if labels.exhaustive else 'were not'} judged. {labels.basis}"],
        ["sources", ", ".join(f"[`{source.name}`](../sources/{source.name}.md)" for source in used) or "none: a list without public rows"],
    ]  # fmt: skip
    rows = [
        [f"`{category.slug}`", category.code or "", category.name, _marks(category), category.definition or "", *_covers(graph, taxonomy, category)]
        for category in taxonomy.categories
    ]
    header = ["slug", "code", "name", "", "definition", "certainly covers", "possibly covers"]
    parts = [f"# {taxonomy.title}", taxonomy.note or "", table(["fact", ""], facts), "## Categories", table(header, rows)]
    return "\n\n".join(" ".join(part.split()) if at == 1 else part for at, part in enumerate(parts) if part)


def _marks(category: Category) -> str:
    marks = [("no harm", not category.harm), ("only if nothing else fits", category.residual), ("not in the list", not category.assignable)]
    return ", ".join([text for text, holds in marks if holds] + [f"same as `{other}`" for other in category.same_as])


def _covers(graph: CategoryGraph, taxonomy: Taxonomy, category: Category) -> tuple[str, str]:
    extent: Any = graph.extent(f"{taxonomy.id}:{category.slug}")
    if extent is None:
        return "not a harm", ""
    return _some(sorted(extent.inner)), _some(sorted(extent.outer - extent.inner))


def _some(names: list[str]) -> str:
    rest = len(names) - SHOWN
    return ", ".join(names[:SHOWN]) + (f" and {rest} more" if rest > 0 else "") or "nothing"


def pages() -> dict[str, str]:
    """Path below docs/ -> text of every page."""
    graph = load_graph()
    found = {"sources/README.md": source_index(), "taxonomies/README.md": taxonomy_index()}
    found |= {f"sources/{source.name}.md": source_page(source) for source in loaded_sources()}
    return found | {f"taxonomies/{name}.md": taxonomy_page(load_taxonomy(name), graph) for name in registry.names("taxonomies")}
