"""The graph of harms: every category of every taxonomy, placed over the shared concepts.

`load_graph()` reads what is bundled. Questions about two categories are answered from what publishers state (hierarchy, one text in two
editions) first and from extents second, and every answer can be explained by the mapping rows it rests on.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Sequence
from collections.abc import Mapping as MappingOf
from pathlib import Path
from typing import TYPE_CHECKING

from taxonomy_bridge import registry
from taxonomy_bridge.errors import MappingError, ProblemsError, UnknownNameError
from taxonomy_bridge.extents import Bits, Extent, Masks, Relation, relate
from taxonomy_bridge.mapping import Mapping, own_extents, read_mapping
from taxonomy_bridge.sssom import Row
from taxonomy_bridge.taxonomy import Category, Taxonomy, load_taxonomy, read_taxonomy
from taxonomy_bridge.vocabulary import Vocabulary, concept_of, load_vocabulary

if TYPE_CHECKING:
    import networkx as nx

    from taxonomy_bridge.crosswalks import Crosswalk, Neighbour
    from taxonomy_bridge.explain import Explanation


class CategoryGraph:
    """Taxonomies, their hierarchy, the shared concepts, and the mapping rows between them.

    Categories are named `<taxonomy>:<slug>`; `resolve` also takes codes and native labels. `categories` has them all, in the order of ids
    and, within one taxonomy, of the publisher.

    >>> graph = load_graph()
    >>> graph.relation("openai-moderation-api:sexual_minors", "beavertails:child_abuse").value
    'narrower'
    """

    def __init__(self, vocabulary: Vocabulary, taxonomies: Iterable[Taxonomy], mappings: Iterable[Mapping]) -> None:
        self.vocabulary = vocabulary
        self.taxonomies: dict[str, Taxonomy] = {taxonomy.id: taxonomy for taxonomy in taxonomies}
        self.mappings: dict[str, Mapping] = {mapping.taxonomy: mapping for mapping in mappings}
        self.categories = tuple(f"{taxonomy.id}:{slug}" for taxonomy in self.taxonomies.values() for slug in taxonomy.by_slug)
        self.bits = Bits(vocabulary.ids)

    def resolve(self, name: str) -> str:
        """The category id that `<taxonomy>:<slug, code or native label>` means.

        >>> load_graph().resolve("llama-guard-3:S4")
        'llama-guard-3:child_sexual_exploitation'

        Raises `UnknownNameError` with the nearest names.
        """
        prefix, _, rest = name.partition(":")
        if prefix not in self.taxonomies:
            raise UnknownNameError.among("taxonomy", prefix, list(self.taxonomies))
        taxonomy = self.taxonomies[prefix]
        slug = rest if rest in taxonomy.by_slug else taxonomy.by_native.get(rest.casefold())
        if slug is None:
            raise UnknownNameError.among(f"category of {prefix}", rest, list(taxonomy.by_slug))
        return f"{prefix}:{slug}"

    def category(self, name: str) -> Category:
        """The category of an id, code or native label."""
        taxonomy, slug = self.resolve(name).split(":", 1)
        return self.taxonomies[taxonomy][slug]

    def extent(self, name: str) -> Extent | None:
        """What a category covers; None for one that is no harm, or that nobody has mapped.

        >>> load_graph().extent("beavertails:animal_abuse").exact
        True
        """
        return self.extents[self.resolve(name)]

    @functools.cached_property
    def extents(self) -> dict[str, Extent | None]:
        """Extent of every category: its own rows and those of all categories below it."""
        found: dict[str, Extent | None] = {}
        for name, taxonomy in self.taxonomies.items():
            own = own_extents(self.mappings[name], self.vocabulary) if name in self.mappings else {}
            for slug in taxonomy.by_slug:
                found[f"{name}:{slug}"] = _union(taxonomy, slug, own)
        return found

    @functools.cached_property
    def masks(self) -> Masks:
        """The extents as bits, one row per category in the order of `categories`."""
        return self.bits.masks([self.extents[category] for category in self.categories])

    @functools.cached_property
    def place(self) -> dict[str, int]:
        """Row of each category in `masks`."""
        return {category: number for number, category in enumerate(self.categories)}

    def above(self, category: str) -> frozenset[str]:
        """Categories that a text of this one is in as publishers state it: ancestors and twins, and theirs; itself included.

        >>> sorted(load_graph().above("openai-moderation-2022:hate_threatening"))
        ['openai-moderation-2022:hate', 'openai-moderation-2022:hate_threatening']
        """
        return self._above[category]

    @functools.cached_property
    def _above(self) -> dict[str, frozenset[str]]:
        steps: dict[str, set[str]] = {category: set() for category in self.categories}
        for category, other in self._stated():
            steps[category].add(other)
        return {category: _reach(category, steps) for category in self.categories}

    def _stated(self) -> Iterable[tuple[str, str]]:
        """Pairs (inside, around) that publishers state."""
        for name, taxonomy in self.taxonomies.items():
            for slug, category in taxonomy.by_slug.items():
                here = f"{name}:{slug}"
                if category.parent is not None:
                    yield here, f"{name}:{category.parent}"
                for twin in category.same_as:
                    if twin in self.extents:
                        yield here, twin
                        yield twin, here

    def relation(self, a: str, b: str) -> Relation:
        """How category a lies to category b: a is narrower, broader, ...

        What is stated comes first: twins are equal and a child is narrower than its parent whatever their extents leave open.
        """
        first, second = self.resolve(a), self.resolve(b)
        one, other = self.extents[first], self.extents[second]
        if one is None or other is None:
            return Relation.NOT_COMPARABLE
        upward, downward = second in self.above(first), first in self.above(second)
        if upward or downward:
            return Relation.EQUAL if upward and downward else Relation.NARROWER if upward else Relation.BROADER
        return relate(one, other)

    def rows(self, category: str, concept: str) -> tuple[Row, ...]:
        """The mapping rows that put a concept into a category's extent, its own ones and those of categories below it."""
        taxonomy, slug = category.split(":", 1)
        if taxonomy not in self.mappings:
            return ()
        inside = {f"{taxonomy}:{below}" for below in _below(self.taxonomies[taxonomy], slug)}
        return tuple(row for row in self._rows_of.get((taxonomy, concept), ()) if row.subject in inside)

    @functools.cached_property
    def _rows_of(self) -> dict[tuple[str, str], list[Row]]:
        found: dict[tuple[str, str], list[Row]] = {}
        for name, mapping in self.mappings.items():
            for row in mapping.rows:
                target = concept_of(row.object)
                if target is not None and not row.negated:
                    for concept in self.vocabulary.expand(target):
                        found.setdefault((name, concept), []).append(row)
        return found

    def explain(self, a: str, b: str) -> Explanation:
        """Why two categories relate as they do: concepts on both sides and the mapping rows behind them."""
        from taxonomy_bridge.explain import explain

        return explain(self, a, b)

    def crosswalk(self, subject: str, object: str) -> Crosswalk:
        """The relation of every category of one taxonomy to every category of another."""
        from taxonomy_bridge.crosswalks import crosswalk

        return crosswalk(subject, object, self)

    def neighbours(self, name: str, limit: int = 10) -> list[Neighbour]:
        """The categories of other taxonomies that cover most nearly the same concepts."""
        from taxonomy_bridge.crosswalks import neighbours

        return neighbours(self, name, limit)

    @functools.cached_property
    def network(self) -> nx.MultiDiGraph[str]:
        """Everything as one networkx graph: see `taxonomy_bridge.network`."""
        from taxonomy_bridge.network import build

        return build(self)


def _union(taxonomy: Taxonomy, slug: str, own: MappingOf[str, Extent]) -> Extent | None:
    """A category that is a harm covers what its rows and its children say; without any it has no extent."""
    if not taxonomy[slug].harm:
        return None
    parts = [own[below] for below in _below(taxonomy, slug) if below in own and taxonomy[below].harm]
    return functools.reduce(Extent.__or__, parts) if parts else None


def _below(taxonomy: Taxonomy, slug: str) -> list[str]:
    """A slug and all slugs below it."""
    found = [slug]
    for child in taxonomy.children(slug):
        found += _below(taxonomy, child)
    return found


def _reach(start: str, steps: MappingOf[str, set[str]]) -> frozenset[str]:
    seen, todo = {start}, [start]
    while todo:
        fresh = steps[todo.pop()] - seen
        seen |= fresh
        todo += fresh
    return frozenset(seen)


@functools.lru_cache(maxsize=4)
def _bundled(extra: tuple[Path, ...], own: tuple[tuple[str, str, Path, int], ...]) -> CategoryGraph:
    vocabulary = load_vocabulary()
    problems: list[str] = []
    taxonomies: dict[str, Taxonomy] = {}
    for name in registry.names("taxonomies"):
        try:
            taxonomies[name] = load_taxonomy(name)
        except ProblemsError as error:
            problems += error.problems
    files = {name: registry.data_file("mappings", name) for name in registry.names("mappings")}
    for folder in extra:
        for path in sorted(folder.glob("*.yaml")):
            try:
                taxonomy = read_taxonomy(path)
            except ProblemsError as error:
                problems += error.problems
                continue
            if taxonomy.id in taxonomies:
                problems.append(f"{path}: the taxonomy {taxonomy.id!r} is bundled already. Give yours another id.")
            taxonomies[taxonomy.id] = taxonomy
        files |= {path.name.removesuffix(".sssom.tsv"): path for path in sorted(folder.glob("*.sssom.tsv"))}
    mappings = []
    for name, path in sorted(files.items()):
        try:
            if name not in taxonomies:
                raise MappingError([f"{path}: {UnknownNameError.among('taxonomy', name, list(taxonomies))} The file is named after its taxonomy."])
            mappings.append(read_mapping(path, taxonomies[name], vocabulary))
        except ProblemsError as error:
            problems += error.problems
    if problems:
        raise MappingError(problems)
    return CategoryGraph(vocabulary, [taxonomies[name] for name in sorted(taxonomies)], mappings)


def load_graph(extra: Sequence[str | Path] = ()) -> CategoryGraph:
    """The graph over everything bundled, and over the taxonomies (`*.yaml`) and mappings (`*.sssom.tsv`) of `extra` folders.

    >>> len(load_graph().taxonomies) >= 40
    True

    Raises `MappingError` with every problem of every file at once.
    """
    return _bundled(tuple(Path(folder) for folder in extra), registry.own())
