"""What must hold for the graph as a whole, and its numbers: `problems` for `mappings check`, `statistics` for `mappings stats`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from taxonomy_bridge import registry
from taxonomy_bridge.extents import RELATIONS, Relation, relate_all
from taxonomy_bridge.graph import CategoryGraph
from taxonomy_bridge.mapping import CERTAIN, canonical

# The first draft of the mappings, before review: the taxonomies that it had gone through, and its numbers for them.
REVIEWED_DRAFT: dict[str, Any] = {
    "taxonomies": (
        "beavertails", "aegis-2.0", "wildguardmix", "openai-moderation-2022", "openai-moderation-api", "llama-guard-1", "llama-guard-2", "llama-guard-3",
        "ailuminate-1.0", "pku-saferlhf", "harmbench", "jailbreakbench", "strongreject", "simple-safety-tests", "xstest", "hex-phi", "catqa", "or-bench",
        "shieldgemma", "qwen3guard", "polyguard", "sorry-bench", "rsafe-18", "air-2024",
    ),
    "count": 24, "exact": 0.53, "clear": 0.86, "own_clear": 0.97,
}  # fmt: skip
REPAIR = "`taxonomy-bridge mappings format` repairs it."


def problems(graph: CategoryGraph) -> list[str]:
    """Everything that is wrong between files that are right by themselves, each with where it is and what to do."""
    return [*_unmapped(graph), *_twins(graph), *_circles(graph), *_parents(graph), *_unused(graph), *_indistinct(graph)]


def _where(taxonomy: str, kind: str = "mappings") -> str:
    return str(registry.data_file(kind, taxonomy))


def _unmapped(graph: CategoryGraph) -> Iterator[str]:
    for category, extent in graph.extents.items():
        taxonomy, slug = category.split(":", 1)
        if extent is None and graph.taxonomies[taxonomy][slug].harm:
            yield f"{_where(taxonomy)}: {category} has no row, and no category below it has one. Map it, or mark it `harm: false` in {_where(taxonomy, 'taxonomies')}."


def _twins(graph: CategoryGraph) -> Iterator[str]:
    for name, taxonomy in graph.taxonomies.items():
        for slug, category in taxonomy.by_slug.items():
            here, path = f"{name}:{slug}", _where(name, "taxonomies")
            for twin in category.same_as:
                if twin not in graph.extents:
                    yield f"{path}: {here} is declared the same as {twin}, which no taxonomy has."
                elif twin.split(":", 1)[0] == name:
                    yield f"{path}: {here} is declared the same as {twin} of its own list. Only categories of other editions share a text."
                elif graph.extents[twin] != graph.extents[here]:
                    yield f"{path}: {here} and {twin} are declared to share one text, yet their mappings differ. Make the rows equal, or drop `same_as`."


def _circles(graph: CategoryGraph) -> Iterator[str]:
    """A category that lies inside another one of its own list in both directions."""
    for category in graph.categories:
        for other in sorted(graph.above(category)):
            if category < other and other.split(":", 1)[0] == category.split(":", 1)[0] and category in graph.above(other):
                path = _where(category.split(":", 1)[0], "taxonomies")
                yield f"{path}: by parents and `same_as`, {category} and {other} lie inside each other. Two categories of one list are not equal: remove one statement."


def _parents(graph: CategoryGraph) -> Iterator[str]:
    """A harm below something that is no harm: the label could never be carried upwards."""
    for name, taxonomy in graph.taxonomies.items():
        for slug, category in taxonomy.by_slug.items():
            child = graph.extents[f"{name}:{slug}"]
            if category.parent is not None and child is not None and not taxonomy[category.parent].harm:
                yield f"{_where(name, 'taxonomies')}: {name}:{slug} is a harm, its parent {category.parent} is marked `harm: false`."


def _unused(graph: CategoryGraph) -> Iterator[str]:
    used = {row.object for mapping in graph.mappings.values() for row in mapping.rows if not row.negated}
    for concept in graph.vocabulary.ids:
        below = graph.vocabulary.expand(concept)
        if not any(f"concept:{name}" in used for name in below) and concept != graph.vocabulary.root.id:
            yield f"{_where('concepts', 'taxonomies')}: no mapping uses the concept {concept!r}. Map a category to it, or remove it."


def _indistinct(graph: CategoryGraph) -> Iterator[str]:
    seen: dict[tuple[bytes, bytes], str] = {}
    inner, outer = _columns(graph)
    for number, concept in enumerate(graph.vocabulary.ids):
        key = inner[:, number].tobytes(), outer[:, number].tobytes()
        first = seen.setdefault(key, concept)
        if first != concept:
            yield f"{_where('concepts', 'taxonomies')}: no category tells {first!r} and {concept!r} apart. Merge them, or map the category that draws the border."


def _columns(graph: CategoryGraph) -> tuple[np.ndarray[Any, np.dtype[np.bool_]], np.ndarray[Any, np.dtype[np.bool_]]]:
    """Certain and possible, bool (categories, concepts)."""
    count = len(graph.vocabulary.ids)
    masks = (np.ascontiguousarray(mask).astype("<u8").view(np.uint8) for mask in (graph.masks.inner, graph.masks.outer))
    inner, outer = (np.unpackbits(mask, axis=1, bitorder="little")[:, :count].astype(bool) for mask in masks)
    return inner, outer


def borders(graph: CategoryGraph) -> list[dict[str, Any]]:
    """For each concept and neighbour named in the vocabulary: the categories that hold one for certain and leave the other out."""
    inner, outer = _columns(graph)
    place = {concept: number for number, concept in enumerate(graph.vocabulary.ids)}
    found = []
    for concept in graph.vocabulary.by_id.values():
        for neighbour in concept.not_:
            a, b = place[concept.id], place[neighbour.concept]
            drawn = (inner[:, a] & ~outer[:, b]) | (inner[:, b] & ~outer[:, a])
            found.append({"concept": concept.id, "against": neighbour.concept, "drawn_by": [graph.categories[row] for row in np.flatnonzero(drawn)]})
    return found


def coverage(graph: CategoryGraph, concept: str) -> dict[str, list[str]]:
    """The categories that cover a concept for certain and possibly."""
    place = graph.vocabulary.ids.index(concept)
    inner, outer = _columns(graph)
    certain, possible = inner[:, place], outer[:, place] & ~inner[:, place]
    return {"certain": [graph.categories[row] for row in np.flatnonzero(certain)], "possible": [graph.categories[row] for row in np.flatnonzero(possible)]}


def statistics(graph: CategoryGraph, taxonomies: Sequence[str] | None = None) -> dict[str, Any]:
    """Numbers of the graph, or of some of its taxonomies.

    `exact`: share of categories with an extent whose inner equals its outer. `own`: the same without groups (categories with children) and
    catch-alls (residual ones, and those that may be any harm). `relations`: unordered pairs of categories of different taxonomies, by relation.
    """
    chosen = sorted(taxonomies if taxonomies is not None else graph.taxonomies)
    members = [category for category in graph.categories if category.split(":", 1)[0] in chosen]
    plain = [category for category in members if _is_plain(graph, category)]
    by_taxonomy = {name: _of_one(graph, [category for category in members if category.split(":", 1)[0] == name]) for name in chosen}
    rows = [row for name in chosen if name in graph.mappings for row in graph.mappings[name].rows]
    inner, outer = _columns(graph)
    lines = borders(graph)
    return {
        "taxonomies": len(chosen), "categories": len(members), "mapped": sum(graph.extents[category] is not None for category in members),
        "no_harm": sum(not graph.category(category).harm for category in members), "rows": len(rows),
        "certain_rows": sum(row.predicate in CERTAIN and not row.negated for row in rows), "refuted_rows": sum(row.negated for row in rows),
        "exact": _exact(graph, members), "own": {"categories": len(plain), "exact": _exact(graph, plain)},
        "relations": _pairs(graph, members), "own_relations": _pairs(graph, plain), "by_taxonomy": by_taxonomy,
        "concepts": {
            "count": len(graph.vocabulary.ids), "never_certain": [name for number, name in enumerate(graph.vocabulary.ids) if not inner[:, number].any()],
            "uncovered": [name for number, name in enumerate(graph.vocabulary.ids) if not outer[:, number].any()],
            "borders": len(lines), "borders_drawn": sum(bool(line["drawn_by"]) for line in lines),
        },
    }  # fmt: skip


def _is_plain(graph: CategoryGraph, category: str) -> bool:
    taxonomy, slug = category.split(":", 1)
    extent = graph.extents[category]
    return (
        extent is not None
        and not graph.taxonomies[taxonomy].children(slug)
        and not graph.category(category).residual
        and graph.vocabulary.root.id not in extent.outer
    )


def _exact(graph: CategoryGraph, members: Sequence[str]) -> float:
    known = [extent for category in members if (extent := graph.extents[category]) is not None]
    return round(sum(extent.exact for extent in known) / max(len(known), 1), 4)


def _of_one(graph: CategoryGraph, members: Sequence[str]) -> dict[str, Any]:
    known = [extent for category in members if (extent := graph.extents[category]) is not None]
    return {
        "categories": len(members), "exact": sum(extent.exact for extent in known), "few_open": sum(1 <= len(extent.open) <= 2 for extent in known),
        "more_open": sum(len(extent.open) > 2 for extent in known), "no_extent": len(members) - len(known),
    }  # fmt: skip


def _pairs(graph: CategoryGraph, members: Sequence[str]) -> dict[str, int]:
    rows = np.array([graph.place[category] for category in members], np.int64)
    owner = np.array([category.split(":", 1)[0] for category in members])
    masks = graph.masks.take(rows)
    table = relate_all(masks, masks)
    counts = Counter(dict.fromkeys(Relation, 0))
    upper = np.triu(owner[:, None] != owner[None, :], 1)
    for number, count in zip(*np.unique(table[upper], return_counts=True), strict=True):
        counts[RELATIONS[int(number)]] += int(count)
    _correct_stated(graph, members, table, counts)
    return {relation.value: counts[relation] for relation in Relation}


def _correct_stated(graph: CategoryGraph, members: Sequence[str], table: np.ndarray[Any, np.dtype[np.int8]], counts: Counter[Relation]) -> None:
    """What publishers state counts before extents."""
    at = {category: number for number, category in enumerate(members)}
    for category in members:
        for other in graph.above(category) & at.keys():
            twins = category in graph.above(other)
            if other.split(":", 1)[0] == category.split(":", 1)[0] or (twins and at[category] > at[other]):
                continue
            first, second = sorted((category, other), key=at.__getitem__)
            counts[RELATIONS[int(table[at[first], at[second]])]] -= 1
            counts[graph.relation(first, second)] += 1


def per_pair(graph: CategoryGraph) -> list[dict[str, Any]]:
    """For every pair of taxonomies: how many pairs of categories have which relation."""
    names = list(graph.taxonomies)
    found = []
    for number, first in enumerate(names):
        for second in names[number + 1 :]:
            members = [category for category in graph.categories if category.split(":", 1)[0] in (first, second)]
            found.append({"first": first, "second": second, **_pairs(graph, members)})
    return found


def misformatted(graph: CategoryGraph) -> list[str]:
    """Bundled mapping files that differ from their canonical text."""
    told = []
    for name, mapping in graph.mappings.items():
        path = registry.data_file("mappings", name)
        if path.is_file() and path.read_text(encoding="utf-8") != canonical(mapping.table, graph.taxonomies[name], graph.vocabulary):
            told.append(f"{path}: not in canonical form. {REPAIR}")
    return told
