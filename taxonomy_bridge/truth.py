"""Ground truth under a policy: what label patterns say of each item, from published labels or carried over through the graph."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from taxonomy_bridge.extents import Words
from taxonomy_bridge.graph import CategoryGraph
from taxonomy_bridge.labels import Pattern, cleared
from taxonomy_bridge.policy import Item, Policy
from taxonomy_bridge.taxonomy import Taxonomy
from taxonomy_bridge.translation import Translated, Translator, Wanted

Bools = NDArray[np.bool_]

# Concepts whose texts never come out as safe because an item was taken out of a list: minors and sexual content, and weapons of mass destruction.
NEVER_FLIP = (
    "minor-sexualisation", "csam", "child-sexual-abuse", "child-grooming", "child-sexual-solicitation", "paedophilia-promotion",
    "chemical-weapons", "biological-weapons", "radiological-nuclear-weapons",
)  # fmt: skip


class Truth(NamedTuple):
    """What P label patterns say of K items: `yes` and `open`, bool (P, K); neither means *no*.

    `group`: bool (P,), the *yes* items are alternatives of which at least one holds. `contradiction`: bool (P,), labels that no text can have.
    """

    yes: Bools
    open: Bools
    group: NDArray[np.bool_]
    contradiction: NDArray[np.bool_]

    @property
    def no(self) -> Bools:
        return ~self.yes & ~self.open


def _plain(yes: Bools, open_: Bools) -> Truth:
    none = np.zeros(len(yes), bool)
    return Truth(yes, open_, none, none)


def native_truth(patterns: Sequence[Pattern], policy: Policy, taxonomy: Taxonomy, safe_clears: bool) -> Truth:
    """Published labels under the source's own list."""
    yes = np.zeros((len(patterns), len(policy)), bool)
    no = np.zeros_like(yes)
    for row, pattern in enumerate(patterns):
        clear = cleared(pattern, taxonomy, safe_clears)
        for column, item in enumerate(policy.items):
            yes[row, column] = item.slug in pattern.violated
            no[row, column] = item.slug in clear
    return _plain(yes, ~yes & ~no)


def verdict_only_truth(patterns: Sequence[Pattern], policy: Policy) -> Truth:
    """A source's verdict under a list that is not its own: no item is decided."""
    shape = (len(patterns), len(policy))
    return _plain(np.zeros(shape, bool), np.ones(shape, bool))


def primary(yes: Bools, policy: Policy, taxonomy: Taxonomy | None) -> Bools:
    """Keep one yes per row: the first by the publisher's precedence, else by the order of the list; residual items last."""
    ranks = []
    precedence = taxonomy.precedence if taxonomy is not None else ()
    for position, item in enumerate(policy.items):
        ranked = precedence.index(item.slug) if item.slug in precedence else len(precedence)
        ranks.append((item.residual, ranked, position))
    order = np.array(sorted(range(len(ranks)), key=lambda at: ranks[at]), dtype=np.int64)
    kept = np.zeros_like(yes)
    first = order[np.argmax(yes[:, order], axis=1)]
    kept[np.arange(len(yes)), first] = yes.any(axis=1)
    return kept


def wanted(item: Item) -> Wanted:
    """The question that an item asks of the graph."""
    return Wanted(item.id, item.refs, item.extent)


def translated_truth(told: Translated) -> Truth:
    """Labels carried over: of a pattern without a certain item, a group of which one must hold is *yes* as a whole."""
    yes = told.yes | told.group
    return Truth(yes, ~yes & ~told.no, np.asarray(told.group.any(axis=1)), told.contradiction)


class FlipGuard:
    """Which patterns may come out as safe, given the concepts that never do.

    `graph`: where labels are looked up; `never`: concept ids.
    """

    def __init__(self, graph: CategoryGraph, never: Sequence[str]) -> None:
        self.never: Words = graph.bits.pack(frozenset[str]().union(*(graph.vocabulary.expand(concept) for concept in never)))

    def may_flip(self, told: Translated) -> NDArray[np.bool_]:
        """No violated label may stand for a concept that never flips."""
        return np.asarray(~(told.possible & self.never).any(axis=1))

    def may_be_safe(self, told: Translated, translator: Translator) -> NDArray[np.bool_]:
        """Nothing that never flips is certain, and no item that was taken out may stand for it."""
        certain = np.zeros(len(told.possible), bool)
        for _, rows, rest in told.left:
            certain[rows] |= rest.any(axis=1) & ~(rest & ~self.never).any(axis=1)
        outside = (told.possible & self.never)[:, None, :] & translator.masks.outer[None]
        hidden = (outside.any(axis=2) & ~told.no).any(axis=1)
        return ~certain & ~hidden
