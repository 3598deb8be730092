"""Why two categories relate as they do: the concepts on each side and the mapping rows that put them there."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import networkx as nx

from taxonomy_bridge.extents import Extent, Relation
from taxonomy_bridge.graph import CategoryGraph
from taxonomy_bridge.sssom import Row

SHOWN = 12
WORDS = {
    Relation.EQUAL: "equals",
    Relation.NARROWER: "is narrower than",
    Relation.BROADER: "is broader than",
    Relation.OVERLAPPING: "overlaps with",
    Relation.DISJOINT: "is disjoint with",
    Relation.UNCLEAR: "stands in an unclear relation to",
    Relation.NOT_COMPARABLE: "is not comparable with",
}


@dataclass(frozen=True)
class Shared:
    """One concept that either side may cover. `first`, `second`: certain, possible or no, with the rows behind it."""

    concept: str
    first: str
    second: str
    first_rows: tuple[Row, ...]
    second_rows: tuple[Row, ...]


@dataclass(frozen=True)
class Explanation:
    """The relation of two categories and everything it rests on.

    `stated`: the path of categories by which publishers state the relation, empty where extents decide. `concepts`: every concept that
    either side may cover, those that decide first.
    """

    first: str
    second: str
    relation: Relation
    stated: tuple[str, ...]
    concepts: tuple[Shared, ...]
    reason: str

    def to_value(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {
            "first": self.first, "second": self.second, "relation": self.relation.value, "reason": self.reason, "stated": list(self.stated),
            "concepts": [
                {"concept": item.concept, "first": item.first, "second": item.second,
                 "first_rows": [dict(row.values) for row in item.first_rows], "second_rows": [dict(row.values) for row in item.second_rows]}
                for item in self.concepts
            ],
        }  # fmt: skip

    def __str__(self) -> str:
        lines = [f"{self.first} {WORDS[self.relation]} {self.second}", self.reason]
        for item in self.concepts[:SHOWN]:
            lines.append(f"  {item.concept}: {item.first} / {item.second}")
            lines += [f"    {_told(row)}" for row in (*item.first_rows, *item.second_rows)]
        if len(self.concepts) > SHOWN:
            lines.append(f"  ... showing {SHOWN} of {len(self.concepts)} concepts")
        return "\n".join(lines)


def _told(row: Row) -> str:
    who = f"{row.get('author_label')}, {row.get('mapping_date')}"
    return f"{row.subject} {'not ' if row.negated else ''}{row.predicate} {row.object} ({who}): {row.get('comment')}"


def explain(graph: CategoryGraph, a: str, b: str) -> Explanation:
    """Why a and b relate as they do.

    >>> from taxonomy_bridge.graph import load_graph
    >>> told = explain(load_graph(), "beavertails:animal_abuse", "openai-moderation-api:self-harm")
    >>> told.relation.value, told.reason
    ('disjoint', 'They have no possible concept in common.')

    Raises `UnknownNameError`.
    """
    first, second = graph.resolve(a), graph.resolve(b)
    relation = graph.relation(first, second)
    one, other = graph.extents[first] or Extent(), graph.extents[second] or Extent()
    stated = _path(graph, first, second)
    order = {concept: number for number, concept in enumerate(_deciding(relation, one, other))}
    concepts = sorted(one.outer | other.outer, key=lambda concept: (order.get(concept, len(order)), concept))
    told = tuple(Shared(concept, _side(one, concept), _side(other, concept), graph.rows(first, concept), graph.rows(second, concept)) for concept in concepts)
    return Explanation(first, second, relation, stated, told, _reason(graph, first, second, relation, stated, one, other))


def _side(extent: Extent, concept: str) -> str:
    return "certain" if concept in extent.inner else "possible" if concept in extent.outer else "no"


def _deciding(relation: Relation, one: Extent, other: Extent) -> Iterable[str]:
    """Concepts that make or break the relation, most telling first."""
    if relation is Relation.NARROWER:
        return sorted(one.outer)
    if relation is Relation.BROADER:
        return sorted(other.outer)
    if relation is Relation.OVERLAPPING:
        return [*sorted(one.inner & other.inner), *sorted(one.outer - other.inner), *sorted(other.outer - one.inner)]
    return sorted(one.outer & other.outer)


def _path(graph: CategoryGraph, first: str, second: str) -> tuple[str, ...]:
    """The shortest chain of parents and twins from one to the other, in either direction."""
    steps = [(a, b, data["kind"]) for a, b, data in graph.network.edges(data=True) if data["kind"] in ("parent", "same_as")]
    network = nx.DiGraph([(a, b) for a, b, _ in steps])
    for start, end, turn in ((first, second, 1), (second, first, -1)):
        if start in network and end in network and nx.has_path(network, start, end):
            return tuple(nx.shortest_path(network, start, end))[::turn]
    return ()


def _reason(graph: CategoryGraph, first: str, second: str, relation: Relation, stated: tuple[str, ...], one: Extent, other: Extent) -> str:
    if relation is Relation.NOT_COMPARABLE:
        names = " and ".join(name for name in (first, second) if graph.extents[name] is None)
        return f"{names} has no extent: it is no harm, or nobody has mapped it."
    if stated and relation in (Relation.EQUAL, Relation.NARROWER, Relation.BROADER):
        return "Publishers state it: " + " - ".join(stated) + "."
    return {
        Relation.EQUAL: "Both cover the same concepts, and nothing is left open.",
        Relation.NARROWER: f"Everything that {first} may cover ({len(one.outer)}) is certainly in {second}.",
        Relation.BROADER: f"Everything that {second} may cover ({len(other.outer)}) is certainly in {first}.",
        Relation.DISJOINT: "They have no possible concept in common.",
        Relation.OVERLAPPING: f"They certainly share {len(one.inner & other.inner)} concepts, and neither lies certainly inside the other.",
        Relation.UNCLEAR: f"They may share {len(one.outer & other.outer)} concepts; no definition says so for certain.",
    }[relation]
