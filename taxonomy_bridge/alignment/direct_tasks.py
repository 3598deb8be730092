"""Practice for category to category: pairs of bundled lists whose relations follow from curated mappings. No outside gold is ever read here."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray

from taxonomy_bridge.alignment.curated import of_graph
from taxonomy_bridge.alignment.direct import Pool, Task, evidence
from taxonomy_bridge.alignment.encoders import Encoder
from taxonomy_bridge.alignment.items import Items, merge, of_concepts, of_taxonomy
from taxonomy_bridge.extents import Extent, Relation
from taxonomy_bridge.graph import CategoryGraph

TASKS = 60
MAX_ITEMS = 40
WIDE = 60  # categories that cover more concepts than this are catch-alls: anything would be right
SHARED = 0.4  # share of concepts (intersection over union) from which on two categories belong together
_RELATIONS = {Relation.EQUAL: 0, Relation.BROADER: 1, Relation.NARROWER: 2}


def pool_of(graph: CategoryGraph, encoder: Encoder | None, without: Collection[str] = ()) -> Pool:
    """All bundled categories and concepts, as known texts."""
    curated = of_graph(graph, without)
    return Pool(merge("pool", [curated.categories, of_concepts(graph.vocabulary)]), curated, encoder)


def practice(graph: CategoryGraph, encoder: Encoder | None, count: int = TASKS, without: Collection[str] = ()) -> list[Task]:
    """The same `count` tasks every time, drawn over the lists that have definitions."""
    random = np.random.default_rng(5)
    names = [name for name in sorted(graph.taxonomies) if name not in without and _usable(graph, name)]
    pairs = [(one, other) for one in names for other in names if one != other]
    pool = pool_of(graph, encoder, without)
    found: list[Task] = []
    for place in random.permutation(len(pairs)):
        if len(found) == count:
            break
        a, b = (_sample(graph, name, random) for name in pairs[int(place)])
        right, relation = truth(graph, a, b)
        if right.any() and not _editions(a, b):
            found.append(Task(evidence(a, b, pool), right, relation))
    return found


def _usable(graph: CategoryGraph, name: str) -> bool:
    categories = graph.taxonomies[name].categories
    return len(categories) >= 6 and any(category.definition for category in categories)


def _sample(graph: CategoryGraph, name: str, random: np.random.Generator) -> Items:
    items = [item for item in of_taxonomy(graph.taxonomies[name]) if graph.extents[item.id] is not None]
    chosen = sorted(random.permutation(len(items))[:MAX_ITEMS].tolist())
    return Items(name, tuple(items[place] for place in chosen))


def _editions(a: Items, b: Items) -> bool:
    """Whether the lists repeat each other's texts: nothing is learnt from those."""
    return sum(item.definition in {other.definition for other in b} for item in a if item.definition) > 2


def truth(graph: CategoryGraph, a: Items, b: Items) -> tuple[NDArray[np.bool_], NDArray[np.int8]]:
    """Which pairs belong together, and how: equal, broader, narrower, or sharing enough concepts."""
    right, relation = np.zeros((len(a), len(b)), bool), np.full((len(a), len(b)), -1, np.int8)
    for row, one in enumerate(a):
        for column, other in enumerate(b):
            first, second = graph.extents[one.id], graph.extents[other.id]
            if first is None or second is None or max(len(first.outer), len(second.outer)) > WIDE:
                continue
            kind = _RELATIONS.get(graph.relation(one.id, other.id), 3)
            if kind < 3 or _shared(first, second) >= SHARED:
                right[row, column], relation[row, column] = True, kind
    return right, relation


def _shared(first: Extent, second: Extent) -> float:
    return len(first.outer & second.outer) / len(first.outer | second.outer)
