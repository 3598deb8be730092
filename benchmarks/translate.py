"""Labels carried to another taxonomy: one table lookup per row against a walk over the graph for every row.

Rows are judgements of a list of 14 categories that are carried to the 66 categories of another list, with three values. The tables are built once
per distinct label pattern (`start` holds that time); the job is what every further row costs.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

Job = Callable[[], int]
ROWS = 1_000_000
ROUNDS = 20  # one round of lookups is too short to time
WALKED = 20_000
SOURCE, TARGET = "beavertails", "catqa"


def _labels() -> list[tuple[str, ...]]:
    """Violated categories of `ROWS` invented judgements: each of the 14 with a chance of one in eight."""
    from taxonomy_bridge.taxonomy import load_taxonomy

    draw = random.Random(17)
    slugs = sorted(load_taxonomy(SOURCE).by_slug)
    masks = [draw.getrandbits(14) & draw.getrandbits(14) & draw.getrandbits(14) for _ in range(ROWS)]
    return [tuple(slug for place, slug in enumerate(slugs) if mask >> place & 1) for mask in masks]


def _patterns() -> tuple[Any, Any]:
    """Distinct patterns, and the pattern number of every row."""
    import numpy as np

    from taxonomy_bridge.labels import Pattern

    numbers: dict[tuple[str, ...], int] = {}
    rows = np.array([numbers.setdefault(labels, len(numbers)) for labels in _labels()], np.int64)
    return [Pattern(SOURCE, "unsafe" if labels else "safe", labels, (), True) for labels in numbers], rows


def ours(corpus: Path, out: Path) -> Job:
    """`Translator.translate` once per pattern, then `packed().take` over the rows."""
    from taxonomy_bridge.graph import load_graph
    from taxonomy_bridge.translation import Translator, Wanted

    graph = load_graph()
    patterns, rows = _patterns()
    wanted = [Wanted(slug, (f"{TARGET}:{slug}",)) for slug in graph.taxonomies[TARGET].by_slug]
    table = Translator(graph, wanted).translate(SOURCE, patterns).packed()

    def job() -> int:
        for _ in range(ROUNDS):
            table.take(rows, axis=0)
        return ROUNDS * ROWS

    return job


def walk(corpus: Path, out: Path) -> Job:
    """For every row: from each label through the mapped concepts to the categories that hold them, in networkx; positive answers only."""
    from taxonomy_bridge.graph import load_graph

    network = load_graph().network
    rows = [[f"{SOURCE}:{slug}" for slug in labels] for labels in _labels()[:WALKED]]

    def job() -> int:
        for labels in rows:
            reached: set[str] = set()
            for label in labels:
                for concept in network.successors(label):
                    reached.update(category for category in network.predecessors(concept) if category.startswith(f"{TARGET}:"))
        return len(rows)

    return job


def sets(corpus: Path, out: Path) -> Job:
    """`decide` for every row: the same rules on sets."""
    from taxonomy_bridge.graph import load_graph
    from taxonomy_bridge.translation import decide

    graph = load_graph()
    given = {slug: graph.extents[f"{SOURCE}:{slug}"] for slug in graph.taxonomies[SOURCE].by_slug}
    wanted = {slug: graph.extents[f"{TARGET}:{slug}"] for slug in graph.taxonomies[TARGET].by_slug}
    rows = _labels()[: WALKED // 10]

    def job() -> int:
        for labels in rows:
            decide(given, labels, wanted, cleared=[slug for slug in given if slug not in labels])
        return len(rows)

    return job


COMPETITORS = {"taxonomy_bridge": ours, "networkx walk per row": walk, "decide per row": sets}
