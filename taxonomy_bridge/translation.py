"""Labels carried to other categories, with three values: yes, no, and unknown where the definitions do not decide.

`decide` is the specification: step 2 of the design, on sets. `Translator` is its vectorised twin for whole tables of label patterns and adds
step 1, what publishers state. Distinct patterns are few, so rows are answered by one table lookup.
"""

from __future__ import annotations

import functools
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from taxonomy_bridge.errors import ContradictionError, PolicyError, UnknownNameError
from taxonomy_bridge.extents import Extent, Words
from taxonomy_bridge.graph import CategoryGraph
from taxonomy_bridge.labels import Pattern, PatternIndex
from taxonomy_bridge.labels import cleared as cleared_by

Answer = Literal["yes", "no", "unknown"]
Assumption = Literal["open", "closed"]
ASSUMPTIONS: tuple[Assumption, ...] = ("open", "closed")
NO, YES, UNKNOWN = 0, 1, 2
ANSWERS: tuple[Answer, ...] = ("no", "yes", "unknown")
Bools = NDArray[np.bool_]


def assumption(name: str) -> Assumption:
    """The assumption of that name.

    >>> assumption("closed")
    'closed'

    Raises `UnknownNameError`.
    """
    for known in ASSUMPTIONS:
        if name == known:
            return known
    raise UnknownNameError.among("assumption", name, ASSUMPTIONS)


def decide(
    given: Mapping[str, Extent | None],
    violated: Collection[str],
    wanted: Mapping[str, Extent | None],
    cleared: Collection[str] = (),
    unjudged: Collection[str] = (),
    assume: Assumption = "open",
) -> dict[str, Answer]:
    """What labels under one list say of the categories of another, from extents alone.

    `given`: extents of all categories of the source; `violated`, `cleared`, `unjudged`: what was judged of them; `wanted`: extents of the
    categories that are asked for. Extents may be None (no harm): such a label says nothing, such a question stays unknown. Sets
    are taken as they are: concepts with sub-concepts must be expanded before.

    >>> theft, crime = Extent({"theft"}, {"theft"}), Extent({"theft", "fraud"}, {"theft", "fraud"})
    >>> decide({"a": theft, "b": crime}, ["a"], {"crime": crime, "theft": theft, "arson": Extent({"arson"}, {"arson"})})
    {'crime': 'yes', 'theft': 'yes', 'arson': 'unknown'}

    Raises `ContradictionError` where no text can have these labels, `UnknownNameError` for a label that `given` lacks.
    """
    for label in (*violated, *cleared, *unjudged):
        if label not in given:
            raise UnknownNameError.among("category in given", label, list(given))
    if both := sorted(set(violated) & set(cleared)):
        raise ContradictionError(f"judged both in and not in {', '.join(both)}.")
    told = {label: given[label] for label in violated}
    excluded = frozenset[str]().union(*(extent.inner for label in cleared if (extent := given[label]) is not None))
    left = {label: extent.outer - excluded for label, extent in told.items() if extent is not None}
    for label, rest in left.items():
        if not rest:
            raise ContradictionError(f"{label} is violated, yet everything that it covers is cleared.")
    beyond = excluded
    if assume == "closed":
        looked_at = frozenset[str]().union(*(extent.outer for label, extent in given.items() if extent is not None and label not in unjudged))
        allowed = frozenset[str]().union(*(extent.outer for label in (*violated, *unjudged) if (extent := given[label]) is not None))
        beyond = excluded | (looked_at - allowed)
    answers: dict[str, Answer] = {}
    for name, extent in wanted.items():
        if extent is None:
            answers[name] = "unknown"
        elif any(rest <= extent.inner for rest in left.values()):
            answers[name] = "yes"
        else:
            answers[name] = "unknown" if extent.outer - beyond else "no"
    return answers


@dataclass(frozen=True)
class Wanted:
    """What one policy item asks for: categories it refers to, and concepts of its own (expanded)."""

    name: str
    refs: tuple[str, ...] = ()
    extent: Extent | None = None


class Left(NamedTuple):
    """One violated category: the patterns that violate it, int64 (n,), and what it may stand for in each, uint64 (n, W)."""

    slug: str
    patterns: NDArray[np.int64]
    rest: Words


@dataclass(frozen=True)
class Translated:
    """Answers for P patterns and K wanted items.

    `answers`: int8 (P, K) of NO, YES, UNKNOWN. `group`: bool (P, K), of a pattern without a yes the items of which at least one holds for
    certain. `contradiction`: bool (P,), labels that no text can have; nothing else of such a pattern means anything. `possible`: uint64 (P, W), the
    concepts that the violated labels may stand for. `left`: the same for each violated category. `answered`: bool (P,), whether an adjudicated answer
    settled an item.
    """

    answers: NDArray[np.int8]
    group: Bools
    contradiction: Bools
    possible: Words
    left: tuple[Left, ...]
    answered: Bools

    @property
    def yes(self) -> Bools:
        found: Bools = self.answers == YES
        return found

    @property
    def no(self) -> Bools:
        found: Bools = self.answers == NO
        return found

    def packed(self) -> Words:
        """The answers as two bit masks per pattern, yes then unknown: uint64 (P, 2 x words). Rows are answered by `take` along axis 0."""
        halves = [_pack_bits(self.answers == code) for code in (YES, UNKNOWN)]
        return np.concatenate(halves, axis=1)


def _pack_bits(table: Bools) -> Words:
    words = max(-(-table.shape[1] // 64), 1)
    padded = np.zeros((len(table), words * 64), bool)
    padded[:, : table.shape[1]] = table
    return np.packbits(padded, axis=1, bitorder="little").view("<u8").astype(np.uint64)


class Translator:
    """Carries labels of any taxonomy in the graph to a fixed list of wanted items.

    Every item has parts: one for each category that it refers to, and one for its own concepts.
    """

    def __init__(self, graph: CategoryGraph, wanted: Sequence[Wanted], assume: Assumption = "open") -> None:
        self.graph, self.wanted, self.assume = graph, tuple(wanted), assume
        self.refs = [tuple(graph.resolve(ref) for ref in item.refs) for item in wanted]
        self.number = {item.name: number for number, item in enumerate(wanted)}
        self.part_refs: list[str | None] = []
        extents: list[Extent | None] = []
        owner: list[int] = []
        for number, (item, refs) in enumerate(zip(wanted, self.refs, strict=True)):
            mine = [*((ref, graph.extents[ref]) for ref in refs), *([(None, item.extent)] if item.extent is not None else [])]
            if not mine:
                raise PolicyError([f"item {item.name!r} refers to nothing. Give it categories or concepts."])
            for ref, extent in mine:
                self.part_refs.append(ref)
                extents.append(extent)
                owner.append(number)
        self.part_of = np.array(owner, np.int64)
        self.parts = graph.bits.masks(extents)
        self.masks = graph.bits.masks([_union([extents[at] for at in np.flatnonzero(self.part_of == number)]) for number in range(len(wanted))])

    def translate(self, taxonomy: str, patterns: Sequence[Pattern], safe_clears: bool = True) -> Translated:
        """Answers for label patterns of one taxonomy; patterns of others give unknown throughout.

        Raises `UnknownNameError` for a taxonomy that the graph lacks.
        """
        source = _Source(self, taxonomy)
        told = source.read(patterns, safe_clears)
        excluded = _any_of(told.cleared, source.inner)
        left = tuple(source.left(told.violated, excluded))
        yes, group = self._yes(source, told, left)
        no = self._no(source, told, self._beyond(source, told, excluded))
        contradiction = (yes & no).any(axis=1) | source.disputed(told)
        possible = np.zeros_like(excluded)
        for _, rows, rest in left:
            contradiction[rows] |= ~rest.any(axis=1)
            possible[rows] |= rest
        answers = np.where(yes, YES, np.where(no, NO, UNKNOWN)).astype(np.int8)
        answers[~told.own] = UNKNOWN
        answered = np.array([self._settle(answers[row], pattern) for row, pattern in enumerate(patterns)], bool)
        group &= (answers != NO) & ~(answers == YES).any(axis=1)[:, None]  # of a group less what does not hold, one still holds
        return Translated(answers, group, contradiction & told.own, possible, left, answered)

    def left_open(self, pattern: Pattern, safe_clears: bool = True) -> list[frozenset[str]]:
        """For each item the concepts that it may cover and that the labels do not rule out."""
        source = _Source(self, pattern.taxonomy)
        told = source.read([pattern], safe_clears)
        beyond = self._beyond(source, told, _any_of(told.cleared, source.inner))[0]
        return [self.graph.bits.unpack(outer & ~beyond) for outer in self.masks.outer]

    def rows(self, batch: pa.RecordBatch, safe_clears: bool = True) -> NDArray[np.int8]:
        """Answers for a batch of judgements: int8 (n, K). One computation per distinct pattern, one lookup per row.

        Raises `ContradictionError` that names the first row whose labels contradict each other.
        """
        index = PatternIndex()
        numbers = index.of(batch).to_numpy(zero_copy_only=False)
        table = np.full((len(index.patterns), len(self.wanted)), UNKNOWN, np.int8)
        contradiction = np.zeros(len(index.patterns), bool)
        for taxonomy in sorted({pattern.taxonomy for pattern in index.patterns}):
            found = self.translate(taxonomy, index.patterns, safe_clears)
            own = np.array([pattern.taxonomy == taxonomy for pattern in index.patterns])
            table[own], contradiction[own] = found.answers[own], found.contradiction[own]
        if (bad := contradiction[numbers]).any():
            first = batch["id"][int(np.argmax(bad))].as_py()
            raise ContradictionError(f"{first}: its labels contradict each other. Filter such rows before, or report the mapping.")
        answers: NDArray[np.int8] = table.take(numbers, axis=0)
        return answers

    def _yes(self, source: _Source, told: _Told, left: Sequence[Left]) -> tuple[Bools, Bools]:
        """Items that hold: stated (a reference or something inside it is violated), or entailed by one label; then groups of which one must hold."""
        inner = self.masks.inner
        yes = _product(told.violated, source.states)
        for _, rows, rest in left:
            yes[rows] |= ~(rest[:, None, :] & ~inner[None]).any(axis=2) & self.masks.known
        group = np.zeros_like(yes)
        size = np.full(len(yes), np.iinfo(np.int64).max)
        for _, rows, rest in left:
            open_: Bools = ~np.logical_or.reduce(yes[rows], axis=1)
            rows, rest = rows[open_], rest[open_]
            members: Bools = np.logical_or.reduce(inner[None] & rest[:, None, :], axis=2)
            covered = np.bitwise_or.reduce(np.where(members[:, :, None], inner[None], np.uint64(0)), axis=1)
            count = members.sum(axis=1)
            better: Bools = ~np.logical_or.reduce(rest & ~covered, axis=1) & (count > 0) & (count < size[rows])
            group[rows[better]], size[rows[better]] = members[better], count[better]
        return yes, group

    def _no(self, source: _Source, told: _Told, beyond: Words) -> Bools:
        """Items every part of which is ruled out: its reference is cleared, or nothing that it may cover is left."""
        gone = _product(told.cleared, source.clears) | (~(self.parts.outer[None] & ~beyond[:, None, :]).any(axis=2) & self.parts.known)
        if not len(self.wanted):
            return np.zeros((len(gone), 0), bool)
        starts = np.searchsorted(self.part_of, np.arange(len(self.wanted)))
        no: Bools = np.logical_and.reduceat(gone, starts, axis=1)
        return no

    def _beyond(self, source: _Source, told: _Told, excluded: Words) -> Words:
        """What the text does not exhibit: what is cleared; under `closed` also what the source looked at and its labels do not cover."""
        if self.assume == "open":
            return excluded
        looked_at, allowed = _any_of(~told.unjudged, source.outer), _any_of(told.violated | told.unjudged, source.outer)
        return excluded | (looked_at & ~allowed)

    def _settle(self, codes: NDArray[np.int8], pattern: Pattern) -> bool:
        """Write adjudicated answers over what is unknown; whether there was any."""
        used = False
        for name, value in pattern.answered:
            place = self.number.get(name)
            if place is not None and codes[place] == UNKNOWN:
                codes[place], used = (YES if value else NO), True
        return used


def _union(parts: Sequence[Extent | None]) -> Extent | None:
    known = [part for part in parts if part is not None]
    return functools.reduce(Extent.__or__, known) if known else None


class _Told(NamedTuple):
    """Patterns as tables over the S categories of their taxonomy, bool (P, S); `own` (P,) is False for patterns of another one."""

    own: Bools
    violated: Bools
    cleared: Bools
    unjudged: Bools


class _Source:
    """One source taxonomy beside the items of a translator.

    `states`: bool (S, K), a violated category puts the text into the item. `clears`: bool (S, Q), a cleared category rules out the part. `within`:
    bool (S, S), a text of one category is in the other as publishers state it.
    """

    def __init__(self, translator: Translator, taxonomy: str) -> None:
        graph = translator.graph
        if taxonomy not in graph.taxonomies:
            raise UnknownNameError.among("taxonomy", taxonomy, list(graph.taxonomies))
        self.taxonomy = graph.taxonomies[taxonomy]
        self.slugs = list(self.taxonomy.by_slug)
        self.at = {slug: number for number, slug in enumerate(self.slugs)}
        names = [f"{taxonomy}:{slug}" for slug in self.slugs]
        masks = graph.masks.take([graph.place[name] for name in names])
        self.inner, self.outer, self.known = masks.inner, masks.outer, masks.known
        self.states = np.array([[any(ref in graph.above(name) for ref in refs) for refs in translator.refs] for name in names], bool).reshape(len(names), -1)
        inside = [[other in graph.above(name) for other in names] for name in names]
        around = [[ref is not None and name in graph.above(ref) for ref in translator.part_refs] for name in names]
        self.within, self.clears = (np.array(table, bool).reshape(len(names), -1) for table in (inside, around))

    def read(self, patterns: Sequence[Pattern], safe_clears: bool) -> _Told:
        """The patterns as tables."""
        shape = (len(patterns), len(self.slugs))
        violated, cleared, unjudged = (np.zeros(shape, bool) for _ in range(3))
        own = np.array([pattern.taxonomy == self.taxonomy.id for pattern in patterns], bool)
        for row in np.flatnonzero(own).tolist():
            pattern = patterns[row]
            for table, slugs in ((violated, pattern.violated), (unjudged, pattern.unjudged), (cleared, cleared_by(pattern, self.taxonomy, safe_clears))):
                table[row, [self.at[slug] for slug in slugs]] = True
        return _Told(own, violated, cleared, unjudged)

    def left(self, violated: Bools, excluded: Words) -> Iterator[Left]:
        """What each violated category with an extent may stand for."""
        for number, slug in enumerate(self.slugs):
            if self.known[number] and (rows := np.flatnonzero(violated[:, number])).size:
                yield Left(slug, rows, self.outer[number] & ~excluded[rows])

    def disputed(self, told: _Told) -> Bools:
        """Patterns that violate a category and clear it, an ancestor or a twin, whatever the items refer to."""
        found: Bools = np.logical_or.reduce(_product(told.violated, self.within) & told.cleared, axis=1)
        return found


def _product(rows: Bools, table: Bools) -> Bools:
    """Whether any of the categories of each row has the property: bool (P, S) by (S, K)."""
    found: Bools = (rows.astype(np.float32) @ table.astype(np.float32)) > 0
    return found


def _any_of(rows: Bools, masks: Words) -> Words:
    """The union of the masks (S, W) of the categories of each row (P, S): uint64 (P, W)."""
    found = np.zeros((len(rows), masks.shape[1]), np.uint64)
    for number in range(len(masks)):
        found[rows[:, number]] |= masks[number]
    return found
