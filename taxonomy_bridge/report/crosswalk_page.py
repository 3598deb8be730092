"""The page of a crosswalk: a heat map of relations, what each rests on, and the flow of categories through shared concepts.

Everything stands in plain tables. The script reads them and adds filters, the explanation of a cell and the picture; from outside the tables
it gets only extents and hierarchy, as numbers.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from taxonomy_bridge.crosswalks import Crosswalk
from taxonomy_bridge.explain import WORDS
from taxonomy_bridge.extents import Relation
from taxonomy_bridge.graph import CategoryGraph
from taxonomy_bridge.report import html
from taxonomy_bridge.report.parts import CLASSES, MEANINGS, SIGNS, Cut, Entry, concept_data, cut, entries, extent_data, fitting, relation_data
from taxonomy_bridge.sssom import Row
from taxonomy_bridge.vocabulary import concept_of

# Longest lists of a page at full length: cells of the map, names in one field, bytes of mapping rows. A map of at most WHOLE cells also
# shows categories without an extent; one of at most TITLED cells has a title on each, for reading without a script.
CELLS, NAMES, TEXT = 60_000, 60, 600_000
WHOLE, TITLED = 10_000, 3_000
TOLD = (Relation.EQUAL, Relation.NARROWER, Relation.BROADER, Relation.OVERLAPPING, Relation.UNCLEAR)


@dataclass(frozen=True)
class _Side:
    """One taxonomy: all its categories, places of those on the map, its mapping rows (as many as fit)."""

    id: str
    title: str
    publisher: str
    year: str
    entries: tuple[Entry, ...]
    places: tuple[int, ...]
    rows: Cut[Row]

    @property
    def shown(self) -> list[Entry]:
        return [self.entries[place] for place in self.places]


def crosswalk_page(walk: Crosswalk, graph: CategoryGraph) -> str:
    """One HTML file under 2 MB; what does not fit is counted on the page, with the command that writes all of it.

    Raises `MissingExtraError` without Jinja2.
    """
    return fitting(lambda share: _page(walk, graph, share))


def _page(walk: Crosswalk, graph: CategoryGraph, share: float) -> str:
    both = [entries(graph, name) for name in (walk.subject, walk.object)]
    places = _fit(both[0], both[1], cells=int(CELLS * share))
    first, second = (_side(graph, name, own, shown, share) for name, own, shown in zip((walk.subject, walk.object), both, places, strict=True))
    relations = {(row.subject, row.object): row.relation for row in walk}
    stated = _stated(graph, first.entries, second.entries)
    return html.render(
        "crosswalk.html", ["common.js", "crosswalk.js", "echarts.min.js"], _data(graph, first, second),
        first=first, second=second, total=len(walk), counts=_counts(walk), map=_map(first, second, relations),
        titled=len(first.places) * len(second.places) <= TITLED, words=WORDS,
        signs=SIGNS, classes=CLASSES,
        told=[_told(entry, second, relations, stated, share) for entry in first.entries], columns=TOLD, counted=(Relation.DISJOINT, Relation.NOT_COMPARABLE),
        concepts=_concepts(graph, first, second, share), names=graph.vocabulary.name,
    )  # fmt: skip


def _fit(rows: Sequence[Entry], columns: Sequence[Entry], cells: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Places of the categories on the map: all on a small one; else those with an extent; else the upper levels of the tree, up to so many cells."""
    if len(rows) * len(columns) <= min(cells, WHOLE):
        return tuple(range(len(rows))), tuple(range(len(columns)))
    few, many = ([place for place, entry in enumerate(side) if entry.extent is not None] for side in (columns, rows))
    if len(few) * len(many) > cells:
        few = _upper(columns, few, max(cells // max(len(many), 1), math.isqrt(cells)))
        many = _upper(rows, many, cells // max(len(few), 1))
    return tuple(many), tuple(few)


def _upper(side: Sequence[Entry], places: Iterable[int], most: int) -> list[int]:
    return sorted(sorted(places, key=lambda place: side[place].depth)[:most])


def _side(graph: CategoryGraph, name: str, own: tuple[Entry, ...], places: tuple[int, ...], share: float) -> _Side:
    taxonomy = graph.taxonomies[name]
    order = {entry.id: number for number, entry in enumerate(own)}
    rows = sorted(graph.mappings[name].rows if name in graph.mappings else (), key=lambda row: order[row.subject])
    room, fit = TEXT * share / 2, 0
    for row in rows:
        room -= 160 + len(row.get("comment").encode())
        fit += room > 0
    return _Side(name, taxonomy.title, taxonomy.publisher, str(taxonomy.year), own, places, cut(rows, fit))


def _counts(walk: Crosswalk) -> list[dict[str, Any]]:
    return [{"relation": relation, "count": walk.counts.get(relation.value, 0), "meaning": MEANINGS[relation]} for relation in SIGNS]


def _map(first: _Side, second: _Side, relations: dict[tuple[str, str], Relation]) -> list[tuple[int, Entry, list[tuple[Entry, Relation | None]]]]:
    columns = second.shown
    return [(place, first.entries[place], [(column, relations.get((first.entries[place].id, column.id))) for column in columns]) for place in first.places]


@dataclass(frozen=True)
class _Told:
    """One category of the first taxonomy, and those of the second by relation, as (name, whether publishers state it)."""

    entry: Entry
    related: dict[Relation, Cut[tuple[str, bool]]]


def _told(entry: Entry, second: _Side, relations: dict[tuple[str, str], Relation], stated: set[tuple[str, str]], share: float) -> _Told:
    found: dict[Relation, list[tuple[str, bool]]] = {relation: [] for relation in Relation}
    for other in second.entries:
        relation = relations.get((entry.id, other.id))
        if relation is not None:
            found[relation].append((other.name, (entry.id, other.id) in stated))
    return _Told(entry, {relation: cut(names, max(int(NAMES * share), 3)) for relation, names in found.items()})


def _stated(graph: CategoryGraph, first: Sequence[Entry], second: Sequence[Entry]) -> set[tuple[str, str]]:
    """Pairs whose relation publishers state."""
    ours, theirs = ({entry.id for entry in side} for side in (first, second))
    down = {(one, other) for one in ours for other in graph.above(one) if other in theirs}
    return down | {(one, other) for other in theirs for one in graph.above(other) if one in ours}


def _concepts(graph: CategoryGraph, first: _Side, second: _Side, share: float) -> list[tuple[str, list[Cut[str]]]]:
    """Concepts that both sides may cover, with the categories of each side: for certain, and possibly."""
    held = [_holders(side.entries) for side in (first, second)]
    shared = [concept for concept in graph.vocabulary.ids if all(concept in side for side in held)]
    most = max(int(NAMES * share / 2), 2)
    return [(concept, [cut(names, most) for side in held for names in side[concept]]) for concept in shared]


def _holders(side: Iterable[Entry]) -> dict[str, tuple[list[str], list[str]]]:
    found: dict[str, tuple[list[str], list[str]]] = {}
    for entry in side:
        if entry.extent is not None:
            for concept in entry.extent.outer:
                found.setdefault(concept, ([], []))[concept not in entry.extent.inner].append(entry.name)
    return found


def _data(graph: CategoryGraph, first: _Side, second: _Side) -> dict[str, Any]:
    """What the script needs beside the tables. A mapping row: place of its category, place of its concept (-1: it takes no part in extents)."""
    return {
        "concepts": concept_data(graph.vocabulary),
        "sides": [_side_data(graph, side) for side in (first, second)],
        "steps": _steps(graph, first.entries, second.entries),
        "relations": relation_data(),
    }


def _side_data(graph: CategoryGraph, side: _Side) -> dict[str, Any]:
    order = {entry.id: number for number, entry in enumerate(side.entries)}
    return {
        "id": side.id,
        "title": side.title,
        "categories": [[entry.id, entry.name, order[entry.parent] if entry.parent else -1, *extent_data(graph, entry.extent)] for entry in side.entries],
        "rows": [[order[row.subject], _place(graph, row)] for row in side.rows.shown],
        "cut": not side.rows.whole,
    }


def _place(graph: CategoryGraph, row: Row) -> int:
    return -1 if row.negated else graph.bits.place.get(concept_of(row.object) or "", -1)


def _steps(graph: CategoryGraph, first: Sequence[Entry], second: Sequence[Entry]) -> dict[str, list[str]]:
    """Parent and twins of every category on a way that publishers state between the two sides."""
    pairs = _stated(graph, first, second)
    known = sorted({name for pair in pairs for end in pair for name in graph.above(end)})
    steps: dict[str, list[str]] = {name: [] for name in known}
    for name in known:
        taxonomy, slug = name.split(":", 1)
        category = graph.taxonomies[taxonomy][slug]
        if category.parent is not None:
            steps[name].append(f"{taxonomy}:{category.parent}")
        for twin in category.same_as:
            if twin in steps:
                steps[name].append(twin)
                steps[twin].append(name)
    return {name: sorted(set(targets)) for name, targets in steps.items() if targets}
