"""The shared vocabulary: `taxonomies/concepts.yaml`, about 260 concepts of harm in a shallow tree of domains.

A concept exists because some taxonomy draws a border there. Domains only group: nothing is mapped to them. The root stands for every
harm, also those without a concept; it is for categories whose text draws no border at all. Inside an extent the id of a concept with
sub-concepts (and of the root) denotes its *residue*: what it covers and no concept below it does.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from taxonomy_bridge import paths, yamlfile
from taxonomy_bridge.errors import MappingError, ProblemsError, UnknownNameError
from taxonomy_bridge.taxonomy import ID


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class Neighbour(_Part):
    """A concept that is easily mistaken for this one, and where the border runs."""

    concept: str
    because: str


class Concept(_Part):
    """One kind of harm. `scope` says what a text must do to exhibit it; `not` names neighbours."""

    id: str
    name: str
    scope: str
    not_: tuple[Neighbour, ...] = Field((), alias="not")
    concepts: tuple[Concept, ...] = ()


class Domain(_Part):
    """A group of concepts, for reading."""

    id: str
    name: str
    scope: str
    concepts: tuple[Concept, ...] = Field(min_length=1)


class Root(_Part):
    """Every harm."""

    id: str
    name: str
    scope: str


class Decision(_Part):
    """A question about the vocabulary that was settled, so that nobody settles it again another way."""

    id: str
    question: str
    decision: str


class Vocabulary(_Part):
    """All concepts, in the order of the file; that order is the order of bits."""

    version: int
    root: Root
    conventions: tuple[str, ...]
    decisions: tuple[Decision, ...] = ()
    domains: tuple[Domain, ...] = Field(min_length=1)

    @functools.cached_property
    def by_id(self) -> dict[str, Concept]:
        """Concepts by id, without the root; parents come before their sub-concepts."""
        return {concept.id: concept for _, _, concept in self._walk()}

    @functools.cached_property
    def parents(self) -> dict[str, str]:
        """Sub-concept to the concept it lies in."""
        return {concept.id: parent for _, parent, concept in self._walk() if parent is not None}

    @functools.cached_property
    def domain_of(self) -> dict[str, str]:
        """Concept to domain."""
        return {concept.id: domain for domain, _, concept in self._walk()}

    @functools.cached_property
    def ids(self) -> tuple[str, ...]:
        """Ids in the order of bits: the root first."""
        return (self.root.id, *self.by_id)

    def name(self, concept: str) -> str:
        """Displayed name. Raises `UnknownNameError`."""
        return self.root.name if concept == self.root.id else self[concept].name

    def expand(self, concept: str) -> frozenset[str]:
        """A concept and everything below it: what a mapping to it means.

        >>> len(load_vocabulary().expand("malware")), len(load_vocabulary().expand("theft"))
        (6, 1)

        Raises `UnknownNameError`.
        """
        if concept == self.root.id:
            return frozenset(self.ids)
        return frozenset(self._below(self[concept]))

    def __getitem__(self, concept: str) -> Concept:
        if concept not in self.by_id:
            raise UnknownNameError.among("concept", concept, self.ids)
        return self.by_id[concept]

    def _below(self, concept: Concept) -> Iterator[str]:
        yield concept.id
        for child in concept.concepts:
            yield from self._below(child)

    def _walk(self) -> Iterator[tuple[str, str | None, Concept]]:
        def down(domain: str, parent: str | None, concepts: tuple[Concept, ...]) -> Iterator[tuple[str, str | None, Concept]]:
            for concept in concepts:
                yield domain, parent, concept
                yield from down(domain, concept.id, concept.concepts)

        for domain in self.domains:
            yield from down(domain.id, None, domain.concepts)


@functools.cache
def load_vocabulary() -> Vocabulary:
    """The bundled vocabulary.

    >>> load_vocabulary()["theft"].name
    'Theft and burglary'
    """
    return read_vocabulary(paths.concepts())


def read_vocabulary(path: Path) -> Vocabulary:
    """Read and check one file. Raises `MappingError` with all its problems, each as `file:line:column: problem`."""
    try:
        document = yamlfile.read(path)
    except ProblemsError as error:
        raise MappingError(error.problems) from error
    try:
        vocabulary = Vocabulary.model_validate(document.value)
    except ValidationError as error:
        raise MappingError([yamlfile.told(document, problem) for problem in error.errors()]) from error
    problems = [f"{document.where(at)}: {text}" for at, text in _problems(vocabulary)]
    if problems:
        raise MappingError(problems)
    return vocabulary


def _problems(vocabulary: Vocabulary) -> list[tuple[tuple[str | int, ...], str]]:
    found: list[tuple[tuple[str | int, ...], str]] = []
    seen = {vocabulary.root.id}

    def look(concepts: tuple[Concept, ...], at: tuple[str | int, ...]) -> None:
        for index, concept in enumerate(concepts):
            place = (*at, "concepts", index)
            if not ID.fullmatch(concept.id):
                found.append(((*place, "id"), f"{concept.id!r} is no id: lower-case letters, digits, dots and hyphens."))
            if concept.id in seen:
                found.append(((*place, "id"), f"the concept {concept.id!r} is defined twice. Keep one."))
            seen.add(concept.id)
            known = vocabulary.by_id
            bad = [item.concept for item in concept.not_ if item.concept not in known or item.concept == concept.id]
            found.extend(((*place, "not"), str(UnknownNameError.among(f"neighbour of {concept.id}", name, list(known)))) for name in bad)
            look(concept.concepts, place)

    for number, domain in enumerate(vocabulary.domains):
        look(domain.concepts, ("domains", number))
    return found


def scope_lines(concept: Concept) -> list[str]:
    """Scope note and borders, for a person."""
    return [concept.scope, *(f"not {item.concept}: {item.because}" for item in concept.not_)]


def concept_of(curie: str) -> str | None:
    """The concept that a CURIE names, or None.

    >>> concept_of("concept:theft"), concept_of("beavertails:self_harm")
    ('theft', None)
    """
    prefix, _, rest = curie.partition(":")
    return rest if prefix == "concept" else None


def to_value(vocabulary: Vocabulary) -> dict[str, Any]:
    """Plain values, for JSON."""
    return vocabulary.model_dump(mode="json", by_alias=True)
