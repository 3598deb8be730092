"""What people have decided already: all mapped categories with their concepts, as matrices, and the votes of those that resemble a new category."""

from __future__ import annotations

import functools
from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from taxonomy_bridge.alignment.items import Items, merge, of_concepts, of_taxonomy
from taxonomy_bridge.alignment.similarity import Matrix
from taxonomy_bridge.graph import CategoryGraph
from taxonomy_bridge.mapping import CERTAIN
from taxonomy_bridge.vocabulary import concept_of

RELATIONS = ("skos:exactMatch", "skos:narrowMatch", "skos:broadMatch", "skos:relatedMatch")
NEIGHBOURS = 15  # categories that vote
_LOOKED_AT = 80  # nearest categories that are kept, so that hiding a taxonomy leaves enough
_SHARP = {"tfidf": 4}  # similarities are raised to a power before they vote: the nearest count most
Bool = NDArray[np.bool_]


@dataclass(frozen=True)
class Curated:
    """Categories (n) and concepts (m). `inner` and `outer`: bool (n, m), certain and possible concepts by the category's own rows, sub-concepts
    included, the root alone. `relation`: index into `RELATIONS`, -1 without a row. `harmless`: covers no concept by declaration."""

    categories: Items
    concepts: Items
    inner: Bool
    outer: Bool
    relation: NDArray[np.int8]
    harmless: Bool
    taxonomy: NDArray[np.str_]
    twins: tuple[tuple[int, int], ...] = ()

    @functools.cached_property
    def mapped(self) -> Bool:
        """Which categories have a positive row."""
        return np.asarray(self.outer.any(axis=1))

    @functools.cached_property
    def nothing(self) -> Bool:
        """Categories with one more truth: that nothing fits."""
        return self.harmless & ~self.mapped


def of_graph(graph: CategoryGraph, without: Collection[str] = ()) -> Curated:
    """All categories of the graph but those of some taxonomies."""
    names = [name for name in graph.taxonomies if name not in without]
    categories = merge("curated", (of_taxonomy(graph.taxonomies[name]) for name in names))
    concepts = of_concepts(graph.vocabulary)
    shape = (len(categories), len(concepts))
    inner, outer, relation = np.zeros(shape, bool), np.zeros(shape, bool), np.full(shape, -1, np.int8)
    for name in names:
        for row in graph.mappings[name].rows if name in graph.mappings else ():
            concept = concept_of(row.object)
            if row.negated or concept is None:
                continue
            at, to = categories.place[row.subject], concepts.place[row.object]
            covered = [to] if to == 0 else [concepts.place[f"concept:{one}"] for one in graph.vocabulary.expand(concept)]
            outer[at, covered] = True
            relation[at, to] = RELATIONS.index(row.predicate)
            if row.predicate in CERTAIN:
                inner[at, covered] = True
    parts = [graph.taxonomies[name][slug] for name, slug in (item.id.split(":", 1) for item in categories)]
    twins = tuple(
        (row, categories.place[twin]) for row, part in enumerate(parts) for twin in part.same_as if twin in categories.place
    )  # fmt: skip
    taxonomy = np.array([item.id.split(":", 1)[0] for item in categories])
    return Curated(categories, concepts, inner, outer, relation, np.array([not part.harm for part in parts], bool), taxonomy, twins)


@dataclass(frozen=True)
class Near:
    """For each subject the curated categories that resemble it most, best first: rows (n, k) and similarities (n, k)."""

    rows: NDArray[np.int64]
    likeness: Matrix
    power: int


def nearest(likeness: Matrix, forbidden: Bool, kind: str) -> Near:
    """Order the curated categories by likeness; forbidden pairs count as unlike."""
    allowed = np.where(forbidden, 0, np.clip(likeness, 0, None))
    rows = np.argsort(-allowed, axis=1, kind="stable")[:, :_LOOKED_AT]
    return Near(rows, np.take_along_axis(allowed, rows, axis=1).astype(np.float32), _SHARP.get(kind, 8))


@dataclass(frozen=True)
class Votes:
    """Shares of the votes for each concept as certain and as possible (n, m), for "nothing fits" (n,), and the likeness of the nearest (n,)."""

    inner: Matrix
    outer: Matrix
    nothing: Matrix
    best: Matrix


def vote(near: Near, curated: Curated, hidden: Bool) -> Votes:
    """The votes of the nearest categories, those of hidden rows left out. `hidden`: bool (n curated,)."""
    silent = hidden | ~(curated.mapped | curated.nothing)
    speaks = ~silent[near.rows]
    speaks &= np.cumsum(speaks, axis=1) <= NEIGHBOURS
    likeness = np.where(speaks, near.likeness, 0)
    keep = np.argsort(~speaks, axis=1, kind="stable")[:, :NEIGHBOURS]
    rows, likeness = np.take_along_axis(near.rows, keep, axis=1), np.take_along_axis(likeness, keep, axis=1)
    weights = likeness.astype(np.float64) ** near.power
    shares = (weights / (weights.sum(axis=1, keepdims=True) + 1e-9)).astype(np.float32)
    inner, outer = (np.zeros((len(rows), curated.outer.shape[1]), np.float32) for _ in range(2))
    for column in range(rows.shape[1]):
        inner += shares[:, column, None] * curated.inner[rows[:, column]]
        outer += shares[:, column, None] * curated.outer[rows[:, column]]
    return Votes(inner, outer, (shares * curated.nothing[rows]).sum(axis=1), likeness.max(axis=1))
