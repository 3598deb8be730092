"""What a category covers, as two sets of concepts, and what two such extents say of each other.

`inner`: a text that exhibits one of these concepts is in the category. `outer`: a text of the category exhibits at least one of
these. A category that is no harm has no extent (None): it is comparable with nothing, while an empty set would be disjoint with everything.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import NDArray

Words = NDArray[np.uint64]


@dataclass(frozen=True)
class Extent:
    """Concepts that a category covers certainly (`inner`) and possibly (`outer`, which holds `inner`).

    >>> Extent(inner={"theft"}, outer={"theft", "robbery"}).exact
    False

    Raises `ValueError` if something is certain without being possible.
    """

    inner: frozenset[str]
    outer: frozenset[str]

    def __init__(self, inner: Collection[str] = (), outer: Collection[str] = ()) -> None:
        object.__setattr__(self, "inner", frozenset(inner))
        object.__setattr__(self, "outer", frozenset(outer))
        if not self.inner <= self.outer:
            raise ValueError(f"certain, yet not possible: {', '.join(sorted(self.inner - self.outer))}. outer must hold inner.")

    @property
    def exact(self) -> bool:
        """Whether nothing is left open."""
        return self.inner == self.outer

    @property
    def open(self) -> frozenset[str]:
        """What is possible and not certain."""
        return self.outer - self.inner

    def __or__(self, other: Extent) -> Extent:
        return Extent(self.inner | other.inner, self.outer | other.outer)


class Relation(str, Enum):
    """How the texts of one category lie to those of another."""

    EQUAL = "equal"
    NARROWER = "narrower"
    BROADER = "broader"
    OVERLAPPING = "overlapping"
    DISJOINT = "disjoint"
    UNCLEAR = "unclear"
    NOT_COMPARABLE = "not comparable"

    @property
    def converse(self) -> Relation:
        """The same relation read from the other side.

        >>> Relation.NARROWER.converse.value
        'broader'
        """
        return {Relation.NARROWER: Relation.BROADER, Relation.BROADER: Relation.NARROWER}.get(self, self)


RELATIONS = tuple(Relation)


def relate(a: Extent | None, b: Extent | None) -> Relation:
    """The relation of two extents, by the rules of the design; what editions declare is for the graph to add.

    >>> relate(Extent({"theft"}, {"theft"}), Extent({"theft", "robbery"}, {"theft", "robbery"})).value
    'narrower'
    """
    if a is None or b is None:
        return Relation.NOT_COMPARABLE
    if a.inner == a.outer == b.inner == b.outer:
        return Relation.EQUAL
    if a.outer <= b.inner:
        return Relation.NARROWER
    if b.outer <= a.inner:
        return Relation.BROADER
    if not a.outer & b.outer:
        return Relation.DISJOINT
    return Relation.OVERLAPPING if a.inner & b.inner else Relation.UNCLEAR


@dataclass(frozen=True)
class Masks:
    """Extents as bits, one row each: `inner` and `outer`, uint64 (n, W); `known` (n,) is False where there is no extent."""

    inner: Words
    outer: Words
    known: NDArray[np.bool_]

    def take(self, rows: Sequence[int] | NDArray[np.int64]) -> Masks:
        return Masks(self.inner[rows], self.outer[rows], self.known[rows])


class Bits:
    """One bit per concept, in the order of the vocabulary.

    >>> bits = Bits(["theft", "robbery"])
    >>> bits.pack(["robbery"]).tolist(), bits.unpack(bits.pack(["robbery"]))
    ([2], frozenset({'robbery'}))
    """

    def __init__(self, concepts: Sequence[str]) -> None:
        self.concepts = tuple(concepts)
        self.place = {concept: number for number, concept in enumerate(concepts)}
        self.words = max(-(-len(concepts) // 64), 1)

    def pack(self, concepts: Collection[str]) -> Words:
        """A set as uint64 (W,)."""
        mask = np.zeros(self.words, np.uint64)
        for concept in concepts:
            number = self.place[concept]
            mask[number // 64] |= np.uint64(1) << np.uint64(number % 64)
        return mask

    def unpack(self, mask: Words) -> frozenset[str]:
        """The set that a mask stands for."""
        raw = np.unpackbits(np.ascontiguousarray(mask).astype("<u8").view(np.uint8), bitorder="little")
        return frozenset(self.concepts[number] for number in np.flatnonzero(raw[: len(self.concepts)]))

    def masks(self, extents: Sequence[Extent | None]) -> Masks:
        """Extents as rows of bits; one that is missing gives zeros."""
        inner, outer = (np.zeros((len(extents), self.words), np.uint64) for _ in range(2))
        for row, extent in enumerate(extents):
            if extent is not None:
                inner[row], outer[row] = self.pack(extent.inner), self.pack(extent.outer)
        return Masks(inner, outer, np.array([extent is not None for extent in extents], bool))


def relate_all(a: Masks, b: Masks) -> NDArray[np.int8]:
    """Relation of every row of `a` to every row of `b`: indices into `RELATIONS`, int8 (n, m). The vectorised twin of `relate`."""
    found = np.full((len(a.known), len(b.known)), RELATIONS.index(Relation.UNCLEAR), np.int8)
    exact = (b.inner == b.outer).all(axis=1)
    for row in range(len(a.known)):
        inner, outer = a.inner[row], a.outer[row]
        equal = exact & (b.inner == inner).all(axis=1) & bool((inner == outer).all())
        tests = (
            (~b.known, Relation.NOT_COMPARABLE),
            (equal, Relation.EQUAL),
            (~(outer & ~b.inner).any(axis=1), Relation.NARROWER),
            (~(b.outer & ~inner).any(axis=1), Relation.BROADER),
            (~(outer & b.outer).any(axis=1), Relation.DISJOINT),
            ((inner & b.inner).any(axis=1), Relation.OVERLAPPING),
        )
        found[row] = np.select([test for test, _ in tests], [RELATIONS.index(relation) for _, relation in tests], found[row])
    found[~a.known] = RELATIONS.index(Relation.NOT_COMPARABLE)
    return found
