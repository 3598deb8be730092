"""Crosswalks by others, row by row beside ours: agree, contradict, or not comparable. They never override what is derived here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from taxonomy_bridge.errors import UnknownNameError
from taxonomy_bridge.extents import Relation
from taxonomy_bridge.graph import CategoryGraph
from taxonomy_bridge.sssom import NO_TERM, Row, Table

# What a statement leaves open, as in facts of set algebra: `related` and the unspecific relation claim no shared member, but a positive row
# that somebody chose is still contradicted by two categories that have nothing in common.
ALLOWED = {
    "skos:exactMatch": {Relation.EQUAL, Relation.NARROWER, Relation.BROADER, Relation.OVERLAPPING, Relation.UNCLEAR},
    "skos:broadMatch": {Relation.EQUAL, Relation.NARROWER, Relation.OVERLAPPING, Relation.UNCLEAR},
    "skos:narrowMatch": {Relation.EQUAL, Relation.BROADER, Relation.OVERLAPPING, Relation.UNCLEAR},
    "owl:disjointWith": {Relation.DISJOINT, Relation.UNCLEAR},
}
MEETING = frozenset(Relation) - {Relation.DISJOINT, Relation.NOT_COMPARABLE}


@dataclass(frozen=True)
class Compared:
    """One row of somebody else beside our relation. `outcome`: agree, contradict or not comparable, with a reason."""

    row: Row
    ours: Relation | None
    outcome: str
    reason: str

    def to_value(self) -> dict[str, Any]:
        return {
            "subject": self.row.subject, "predicate": self.row.predicate, "negated": self.row.negated, "object": self.row.object,
            "ours": self.ours.value if self.ours else None, "outcome": self.outcome, "reason": self.reason,
        }  # fmt: skip


def compare(graph: CategoryGraph, table: Table) -> list[Compared]:
    """Every row of a direct crosswalk beside the derived relation.

    A row agrees if our relation is one that its predicate allows. A refuted row ("not exact") agrees unless we say the opposite, for
    it does not claim that the categories share nothing. Categories that are not in the graph are not comparable.
    """
    return [_compare(graph, row) for row in table.rows]


def _compare(graph: CategoryGraph, row: Row) -> Compared:
    if row.object == NO_TERM:
        return _no_term(graph, row)
    try:
        first, second = graph.resolve(row.subject), graph.resolve(row.object)
    except UnknownNameError as error:
        return Compared(row, None, "not comparable", str(error))
    ours = graph.relation(first, second)
    if ours is Relation.NOT_COMPARABLE:
        return Compared(row, ours, "not comparable", "one side has no extent")
    if row.negated:
        clash = row.predicate == "skos:exactMatch" and ours is Relation.EQUAL
        return Compared(row, ours, "contradict" if clash else "agree", "refuted there, equal here" if clash else "a refuted pair claims nothing more")
    allowed = ALLOWED.get(row.predicate, MEETING)
    if ours in allowed:
        return Compared(row, ours, "agree", "")
    return Compared(row, ours, "contradict", f"{row.predicate} leaves room for {', '.join(sorted(item.value for item in allowed))}")


def _no_term(graph: CategoryGraph, row: Row) -> Compared:
    return Compared(row, None, "not comparable", "says that the other list has nothing to offer")


def agreement(compared: Sequence[Compared]) -> dict[str, int]:
    """How many rows agree, contradict, or cannot be compared."""
    return {outcome: sum(item.outcome == outcome for item in compared) for outcome in ("agree", "contradict", "not comparable")}


def score(mine: Table, other: Table) -> dict[str, Any]:
    """How far the rows of one mapping are those of another: precision, recall and F1 of pairs, of certain pairs, and the share of common pairs with one predicate.

    Categories are compared by slug, so that the lists may have different ids. Refuted rows do not count.
    """
    rows = [{(row.subject.split(":", 1)[-1], row.object): row.predicate for row in table.rows if not row.negated} for table in (mine, other)]
    certain = [{pair for pair, predicate in side.items() if predicate in ("skos:exactMatch", "skos:narrowMatch")} for side in rows]
    common = rows[0].keys() & rows[1].keys()
    alike = sum(rows[0][pair] == rows[1][pair] for pair in common)
    return {
        "pairs": _shares(set(rows[0]), set(rows[1])), "certain": _shares(*certain), "categories": len({slug for slug, _ in rows[0]}),
        "same_predicate": alike / len(common) if common else None,
    }  # fmt: skip


def _shares(mine: set[tuple[str, str]], other: set[tuple[str, str]]) -> dict[str, Any]:
    hits = len(mine & other)
    return {
        "mine": len(mine), "other": len(other), "common": hits, "precision": hits / len(mine) if mine else None, "recall": hits / len(other) if other else None,
        "f1": 2 * hits / (len(mine) + len(other)) if mine or other else None,
    }  # fmt: skip
