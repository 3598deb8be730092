"""Which data sets repackage which: what a source took from others, and which sources of a mix share texts because of it.

The facts stand in `Source.lineage` of each source: name of another source, or of a data set that is none -> what was taken.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from taxonomy_bridge import registry
from taxonomy_bridge.sources._base import Source


class Overlap(NamedTuple):
    """Two sources that share texts. `why`: what was taken, or the origin that both draw on."""

    first: str
    second: str
    why: str


def users(name: str) -> dict[str, str]:
    """Bundled sources that took texts from a source or data set: name -> what they took."""
    loaded = [registry.load("sources", other) for other in registry.names("sources")]
    return {source.name: source.lineage[name] for source in loaded if name in source.lineage}


def overlaps(sources: Sequence[Source]) -> list[Overlap]:
    """Pairs of sources that share texts: one was made from the other, or both drew on the same set, over any number of steps.

    >>> overlaps([registry.load("sources", name) for name in ("xstest", "toxicchat")])
    []
    """
    unique = {source.name: source for source in sources}
    origins = {name: _origins(source) for name, source in unique.items()}
    found = []
    for at, (first, roots) in enumerate(origins.items()):
        for second, others in list(origins.items())[at + 1 :]:
            if second in roots:
                found.append(Overlap(first, second, roots[second]))
            elif first in others:
                found.append(Overlap(second, first, others[first]))
            elif shared := sorted(set(roots) & set(others)):
                found.append(Overlap(first, second, f"both draw on {', '.join(shared)}"))
    return found


def _origins(source: Source) -> dict[str, str]:
    """Every set that a source draws on, with what was taken at the first step towards it."""
    known = set(registry.names("sources"))
    found: dict[str, str] = {}
    todo = [(name, taken) for name, taken in source.lineage.items()]
    while todo:
        name, taken = todo.pop()
        if name not in found and name != source.name:
            found[name] = taken
            if name in known:
                todo += [(further, f"{taken}, through {name}") for further in registry.load("sources", name).lineage]
    return found
