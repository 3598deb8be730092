"""What the pages share: categories in the order of their tree, and sets of concepts put briefly."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

from taxonomy_bridge.explain import WORDS
from taxonomy_bridge.extents import Extent, Relation
from taxonomy_bridge.graph import CategoryGraph
from taxonomy_bridge.report import html
from taxonomy_bridge.taxonomy import Taxonomy
from taxonomy_bridge.vocabulary import Concept, Vocabulary

# A set of more concepts than this is told by domain.
FEW = 12
CLASSES = {
    Relation.EQUAL: "e",
    Relation.NARROWER: "n",
    Relation.BROADER: "b",
    Relation.OVERLAPPING: "o",
    Relation.UNCLEAR: "u",
    Relation.DISJOINT: "d",
    Relation.NOT_COMPARABLE: "x",
}
SIGNS = {
    Relation.EQUAL: "=",
    Relation.NARROWER: "⊂",
    Relation.BROADER: "⊃",
    Relation.OVERLAPPING: "∩",
    Relation.UNCLEAR: "?",
    Relation.DISJOINT: "·",
    Relation.NOT_COMPARABLE: "–",
}
MEANINGS = {
    Relation.EQUAL: "both cover the same",
    Relation.NARROWER: "all of the row's category lies certainly in the column's",
    Relation.BROADER: "all of the column's category lies certainly in the row's",
    Relation.OVERLAPPING: "they certainly share something, and neither lies certainly inside the other",
    Relation.UNCLEAR: "they may share something; the definitions do not decide",
    Relation.DISJOINT: "nothing in common",
    Relation.NOT_COMPARABLE: "one of them is no harm, or nobody has mapped it",
}


@dataclass(frozen=True)
class Entry:
    """One category of a page. `depth`: 0 at the top; `marks`: what sets it apart; `certain`, `possible`: its extent in words, both empty without one."""

    id: str
    name: str
    code: str
    definition: str
    depth: int
    parent: str | None
    marks: tuple[str, ...]
    extent: Extent | None
    certain: tuple[str, ...]
    possible: tuple[str, ...]


def entries(graph: CategoryGraph, taxonomy: str) -> tuple[Entry, ...]:
    """All categories of one taxonomy, each followed by those below it."""
    edition, words = graph.taxonomies[taxonomy], Words(graph.vocabulary)
    return tuple(_entry(graph, words, edition, slug) for slug in edition.tree())


def _entry(graph: CategoryGraph, words: Words, taxonomy: Taxonomy, slug: str) -> Entry:
    category, here = taxonomy[slug], f"{taxonomy.id}:{slug}"
    extent = graph.extents[here]
    marks = (
        ("no harm", not category.harm),
        ("not mapped", category.harm and extent is None),
        ("group", not category.assignable),
        ("residual", category.residual),
    )
    return Entry(
        here, category.name, category.code or "", category.definition or "", len(taxonomy.ancestors(slug)),
        f"{taxonomy.id}:{category.parent}" if category.parent is not None else None, tuple(mark for mark, holds in marks if holds), extent,
        words.brief(extent.inner if extent else ()), words.brief(extent.open if extent else ()),
    )  # fmt: skip


class Words:
    """Sets of concepts in words.

    >>> from taxonomy_bridge.vocabulary import load_vocabulary
    >>> words = Words(load_vocabulary())
    >>> words.brief(load_vocabulary().expand("malware")), words.label("malware")[-7:]
    (('Malware',), ' (rest)')
    """

    def __init__(self, vocabulary: Vocabulary) -> None:
        self.vocabulary = vocabulary
        self.all = frozenset(vocabulary.ids)
        self.below = {concept: vocabulary.expand(concept) for concept in vocabulary.by_id}
        self.inside = [(domain, [concept for top in domain.concepts for concept in vocabulary.expand(top.id)]) for domain in vocabulary.domains]

    def label(self, concept: str) -> str:
        """The name of one member of an extent: there, a concept with sub-concepts stands for what none of them covers."""
        divided = concept == self.vocabulary.root.id or len(self.below[concept]) > 1
        return f"{self.vocabulary.name(concept)} (rest)" if divided else self.vocabulary.name(concept)

    def brief(self, concepts: Collection[str]) -> tuple[str, ...]:
        """Names if they are few, otherwise how many of each domain, by its id; a concept of which nothing is missing stands for its own sub-concepts."""
        held, root = frozenset(concepts), self.vocabulary.root
        if held == self.all:
            return (root.name,)
        rest = [self.label(root.id)] if root.id in held else []
        names = [name for domain, inside in self.inside if not held.isdisjoint(inside) for top in domain.concepts for name in self._names(top, held)]
        if len(names) <= FEW:
            return (*names, *rest)
        return (*self._by_domain(held), *rest)

    def _names(self, concept: Concept, held: frozenset[str]) -> Iterator[str]:
        if self.below[concept.id] <= held:
            yield concept.name
            return
        if concept.id in held:
            yield self.label(concept.id)
        for child in concept.concepts:
            yield from self._names(child, held)

    def _by_domain(self, held: frozenset[str]) -> Iterator[str]:
        for domain, inside in self.inside:
            found = len(held.intersection(inside))
            if found:
                yield f"{domain.id} {'all' if found == len(inside) else f'{found}/{len(inside)}'}"


def relation_data() -> dict[str, list[str]]:
    """For scripts: class of a cell to value, words and sign."""
    return {CLASSES[relation]: [relation.value, WORDS[relation], SIGNS[relation]] for relation in Relation}


def spans(numbers: Iterable[int]) -> str:
    """A set of numbers, briefly.

    >>> spans([7, 0, 1, 2])
    '0-2 7'
    """
    runs: list[list[int]] = []
    for number in sorted(numbers):
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return " ".join(f"{first}-{last}" if last > first else f"{first}" for first, last in runs)


def concept_data(vocabulary: Vocabulary) -> list[list[object]]:
    """For scripts: id, name as a member of extents, and place of the concept around it, in the order of the vocabulary; the root first."""
    place = {concept: number for number, concept in enumerate(vocabulary.ids)}
    root, words = vocabulary.root.id, Words(vocabulary)
    around = {concept: vocabulary.parents.get(concept, root) for concept in vocabulary.by_id}
    return [[concept, words.label(concept), place[around[concept]] if concept != root else -1] for concept in vocabulary.ids]


def extent_data(graph: CategoryGraph, extent: Extent | None) -> tuple[str, str]:
    """For scripts: what is certain and what is only possible, as spans of places in the vocabulary."""
    if extent is None:
        return "", ""
    place = graph.bits.place
    return spans(place[concept] for concept in extent.inner), spans(place[concept] for concept in extent.open)


Item = TypeVar("Item")


@dataclass(frozen=True)
class Cut(Generic[Item]):
    """The first of a list, and how many there are in all."""

    shown: tuple[Item, ...]
    total: int

    @property
    def whole(self) -> bool:
        return len(self.shown) == self.total


def cut(items: Iterable[Item], most: int) -> Cut[Item]:
    """The first `most` items.

    >>> cut("abc", 2)
    Cut(shown=('a', 'b'), total=3)
    """
    whole = tuple(items)
    return Cut(whole[:most], len(whole))


def fitting(make: Callable[[float], str]) -> str:
    """The fullest page under the limit of size; `make` is told which share of the usual length its lists may have."""
    page = ""
    for share in (1, 0.8, 0.6, 0.45, 0.3, 0.2, 0.1, 0.05, 0.02, 0.01):
        page = make(share)
        if len(page.encode()) < html.MOST_BYTES:
            break
    return page
