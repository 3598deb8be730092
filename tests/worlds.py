"""What labels say, by looking at all possible worlds: a reference for translation that shares no code with the package.

A world is one text: the set of concepts that it exhibits, and for every category whether the text is in it. An extent is a pair
(inner, outer) of frozensets, or None. A text is in a category if it exhibits something of inner, not in it if it exhibits nothing of outer,
and otherwise either may be true.
"""

from __future__ import annotations

import itertools
from typing import NamedTuple


class Case(NamedTuple):
    """A question: labels under a source list, and one category of another list."""

    universe: tuple
    given: dict
    violated: tuple
    cleared: tuple
    unjudged: tuple
    target: tuple | None
    assume: str


def texts(universe):
    """Every set of concepts."""
    for count in range(len(universe) + 1):
        for chosen in itertools.combinations(universe, count):
            yield frozenset(chosen)


def every_extent(universe):
    """Every pair of an inner and an outer set."""
    for places in itertools.product(("inner", "outer", "beyond"), repeat=len(universe)):
        inner = frozenset(concept for concept, place in zip(universe, places, strict=True) if place == "inner")
        yield inner, inner | frozenset(concept for concept, place in zip(universe, places, strict=True) if place == "outer")


def truths(text, extent):
    """What may be true of the sentence "the text is in the category"."""
    if extent is None:
        return (True, False)
    inner, outer = extent
    if text & inner:
        return (True,)
    return (True, False) if text & outer else (False,)


def worlds(case):
    """Every world that fits the labels, as (concepts, truth per source category, truth of the target)."""
    names = list(case.given)
    for text in texts(case.universe):
        if case.assume == "closed" and text & silenced(case):
            continue
        for truth in itertools.product(*(truths(text, case.given[name]) for name in names)):
            membership = dict(zip(names, truth, strict=True))
            if all(membership[name] for name in case.violated) and not any(membership[name] for name in case.cleared):
                for inside in truths(text, case.target):
                    yield text, membership, inside


def silenced(case):
    """What a text of a closed world does not exhibit: what the source looked at, except what its labels may be about."""
    looked_at, about = set(), set()
    for name, extent in case.given.items():
        if extent is not None:
            if name not in case.unjudged:
                looked_at |= extent[1]
            if name in case.violated or name in case.unjudged:
                about |= extent[1]
    return looked_at - about


def answer(case):
    """yes, no, unknown, or contradiction where no world fits."""
    seen = {inside for _, _, inside in worlds(case)}
    return {frozenset(): "contradiction", frozenset({True}): "yes", frozenset({False}): "no"}.get(frozenset(seen), "unknown")


def all_may_fail(case, targets):
    """Whether some world has the text in none of the targets."""
    return any(all(False in truths(text, target) for target in targets) for text, _, _ in worlds(case))
