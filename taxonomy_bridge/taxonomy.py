"""Taxonomies: read, check and format `taxonomies/<id>.yaml`, one file per edition of a category list.

A category is `<taxonomy>:<slug>`. It keeps its official `code` and the `native` strings that stand in the data;
the first native string is the one the data use. Order is the publisher's.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from taxonomy_bridge import paths, registry, yamlfile
from taxonomy_bridge.errors import TaxonomyError, UnknownNameError

ID = re.compile(r"[a-z0-9][a-z0-9.-]*")
SLUG = re.compile(r"[a-z0-9_-]+")


class Category(BaseModel):
    """One category of one edition.

    `residual`: chosen only if nothing else fits. `assignable`: the native list shows it; false for groups and for labels
    finer than the list. `harm`: false for attack techniques and the like. `same_as`: categories of other editions with
    literally the same text.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    slug: str
    code: str | None = None
    name: str
    native: tuple[str, ...] = ()
    definition: str | None = None
    parent: str | None = None
    residual: bool = False
    assignable: bool = True
    harm: bool = True
    same_as: tuple[str, ...] = ()


class Labels(BaseModel):
    """How the labels were made, because that decides what an unsafe row clears."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    multi_label: bool
    exhaustive: bool
    basis: str = ""


class Taxonomy(BaseModel):
    """One edition of a category list."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    id: str
    title: str
    version: str
    year: int
    publisher: str
    homepage: str | None = None
    citation: str | None = None
    note: str | None = None
    labels: Labels
    precedence: tuple[str, ...] = ()
    categories: tuple[Category, ...] = Field(min_length=1)

    @functools.cached_property
    def by_slug(self) -> dict[str, Category]:
        """Slug to category, in the publisher's order."""
        return {category.slug: category for category in self.categories}

    @functools.cached_property
    def by_native(self) -> dict[str, str]:
        """Casefolded native string, name or code to slug: what decoders look labels up in."""
        table: dict[str, str] = {}
        for category in self.categories:
            for label in (*category.native, category.name, *([category.code] if category.code else [])):
                table.setdefault(label.casefold(), category.slug)
        return table

    @property
    def assignable(self) -> tuple[Category, ...]:
        """The categories that the native policy shows.

        >>> len(load_taxonomy("beavertails").assignable)
        14
        """
        return tuple(category for category in self.categories if category.assignable)

    def ancestors(self, slug: str) -> tuple[str, ...]:
        """Slugs above one category, nearest first."""
        found: list[str] = []
        parent = self[slug].parent
        while parent is not None:
            found.append(parent)
            parent = self[parent].parent
        return tuple(found)

    def children(self, slug: str) -> tuple[str, ...]:
        """Slugs directly below one category."""
        return tuple(category.slug for category in self.categories if category.parent == slug)

    def tree(self) -> Iterator[str]:
        """All slugs, each followed by those below it.

        >>> list(load_taxonomy("cold").tree())
        ['offensive', 'attack_individual', 'attack_group']
        """

        def down(slugs: Iterable[str]) -> Iterator[str]:
            for slug in slugs:
                yield slug
                yield from down(self.children(slug))

        yield from down(slug for slug, category in self.by_slug.items() if category.parent is None)

    def __getitem__(self, slug: str) -> Category:
        if slug not in self.by_slug:
            raise UnknownNameError.among(f"category of {self.id}", slug, list(self.by_slug))
        return self.by_slug[slug]


@functools.cache
def load_taxonomy(name: str) -> Taxonomy:
    """The bundled taxonomy of that id.

    >>> load_taxonomy("beavertails")["animal_abuse"].name
    'Animal Abuse'

    Raises `UnknownNameError` with the nearest ids, `TaxonomyError` with every problem of the file.
    """
    if name not in registry.names("taxonomies"):
        raise UnknownNameError.among("taxonomy", name, registry.names("taxonomies"))
    return read_taxonomy(registry.data_file("taxonomies", name))


def is_taxonomy_file(path: Path) -> bool:
    """Whether a YAML file is meant as a category list. Raises `ProblemsError` if it is no YAML."""
    value = yamlfile.read(path).value
    return isinstance(value, dict) and "categories" in value


def register_taxonomy(path: Path) -> Taxonomy:
    """Read a list of the user's own, so that this process knows it by its id, with the mapping `<id>.sssom.tsv` beside it if there is one.

    Raises `TaxonomyError` with every problem of the file, also if another list has its id.
    """
    taxonomy = read_taxonomy(path)
    known = registry.add_own("taxonomies", taxonomy.id, path)
    if known != path.resolve():
        kind = "a bundled list" if known.parent == paths.taxonomies() else str(known)
        raise TaxonomyError([f"{path}: {kind} has the id {taxonomy.id!r} already. Name that list by its id, or rename yours."])
    mapping = path.with_name(f"{taxonomy.id}.sssom.tsv")
    if mapping.is_file():
        registry.add_own("mappings", taxonomy.id, mapping)
    load_taxonomy.cache_clear()  # its owner may have edited it since
    return taxonomy


def read_taxonomy(path: Path) -> Taxonomy:
    """Read and check one file. Raises `TaxonomyError` with all its problems, each as `file:line:column: problem`."""
    document = yamlfile.read(path)
    try:
        taxonomy = Taxonomy.model_validate(_words(document.value))
    except ValidationError as error:
        raise TaxonomyError([yamlfile.told(document, problem) for problem in error.errors()]) from error
    problems = [f"{document.where(at)}: {text}" for at, text in _problems(taxonomy)]
    if taxonomy.id != path.name.removesuffix(".yaml"):
        problems.append(f"{document.where(('id',))}: the id {taxonomy.id!r} differs from the file name. Rename one.")
    if problems:
        raise TaxonomyError(problems)
    return taxonomy


def _words(value: Any) -> Any:
    """Codes and versions written as bare numbers are text."""
    if not isinstance(value, dict):
        return value
    fixed = dict(value)
    if isinstance(fixed.get("version"), (int, float)):
        fixed["version"] = str(fixed["version"])
    if isinstance(fixed.get("categories"), list):
        fixed["categories"] = [
            {**item, "code": str(item["code"])} if isinstance(item, dict) and isinstance(item.get("code"), int) else item for item in fixed["categories"]
        ]
    return fixed


def _problems(taxonomy: Taxonomy) -> list[tuple[tuple[str | int, ...], str]]:
    found: list[tuple[tuple[str | int, ...], str]] = []
    if not ID.fullmatch(taxonomy.id):
        found.append((("id",), f"{taxonomy.id!r} is no id: lower-case letters, digits, dots and hyphens."))
    slugs: dict[str, int] = {}
    natives: dict[str, str] = {}
    for index, category in enumerate(taxonomy.categories):
        at = ("categories", index)
        if not SLUG.fullmatch(category.slug):
            found.append(((*at, "slug"), f"{category.slug!r} is no slug: [a-z0-9_-]+."))
        if category.slug in slugs:
            found.append(((*at, "slug"), f"the slug {category.slug!r} is used twice."))
        slugs[category.slug] = index
        for native in category.native:
            other = natives.setdefault(native.casefold(), category.slug)
            if other != category.slug:
                found.append(((*at, "native"), f"the native label {native!r} also belongs to {other!r}."))
    for index, category in enumerate(taxonomy.categories):
        if category.parent is not None and not _rooted(taxonomy, category.slug, slugs):
            found.append((("categories", index, "parent"), f"the parents of {category.slug!r} are unknown or form a circle."))
    found += [(("precedence",), f"precedence names the unknown slug {slug!r}.") for slug in taxonomy.precedence if slug not in slugs]
    return found


def _rooted(taxonomy: Taxonomy, slug: str, slugs: dict[str, int]) -> bool:
    seen: set[str] = set()
    current: str | None = slug
    while current is not None:
        if current in seen or current not in slugs:
            return False
        seen.add(current)
        current = taxonomy.categories[slugs[current]].parent
    return True
