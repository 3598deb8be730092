"""Policies: the ordered list of items that one prompt shows, from a taxonomy or from a user's own file.

An item refers to categories (and then asks what their publishers ask) or to concepts of harm, or to both. A policy file:

    version: 1
    id: my-policy
    items:
      - {key: threats, name: Threats, any_of: "aegis-2.0:threat + openai-moderation-api:harassment_threatening"}
      - {key: theft, name: Theft, definition: Stealing and robbing., inner: [theft, robbery]}
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from taxonomy_bridge import yamlfile
from taxonomy_bridge.errors import PolicyError, ProblemsError, UnknownNameError
from taxonomy_bridge.extents import Extent
from taxonomy_bridge.graph import CategoryGraph
from taxonomy_bridge.taxonomy import ID, SLUG, Category, Taxonomy
from taxonomy_bridge.vocabulary import Vocabulary

MAX_ITEMS = 255


@dataclass(frozen=True)
class Item:
    """One line of a policy. `id` is the category (or `<policy>:<key>`), `code` the publisher's code if there is one.

    `refs`: categories that the item stands for. `extent`: concepts of its own, expanded.
    """

    id: str
    name: str
    code: str | None
    definition: str | None
    residual: bool
    refs: tuple[str, ...] = ()
    extent: Extent | None = None

    @property
    def slug(self) -> str:
        return self.id.split(":", 1)[1]


@dataclass(frozen=True)
class Policy:
    """An ordered list of items under an id."""

    id: str
    items: tuple[Item, ...]

    def __len__(self) -> int:
        return len(self.items)


def taxonomy_policy(taxonomy: Taxonomy, *, names: str = "display", definitions: bool = False) -> Policy:
    """All assignable categories of a taxonomy, in the publisher's order.

    `names`: "display" shows our readable names, "native" the strings that stand in the data.

    >>> from taxonomy_bridge.taxonomy import load_taxonomy
    >>> taxonomy_policy(load_taxonomy("beavertails"), names="native").items[-1].name
    'violence,aiding_and_abetting,incitement'
    """
    items = tuple(
        Item(
            id=f"{taxonomy.id}:{category.slug}",
            name=_native_name(category) if names == "native" else category.name,
            code=category.code,
            definition=category.definition if definitions else None,
            residual=category.residual,
            refs=(f"{taxonomy.id}:{category.slug}",),
        )
        for category in taxonomy.assignable
    )
    return Policy(taxonomy.id, items)


def _native_name(category: Category) -> str:
    """The first native string, unless it is a mere code."""
    first = category.native[0] if category.native else category.name
    return category.name if first == category.code else first


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


def _names(value: Any) -> Any:
    """`a + b` is short for a list."""
    return [part.strip() for part in value.split("+")] if isinstance(value, str) else value


class FileItem(_Part):
    """One item of a policy file: `any_of` names categories, `inner` and `outer` concepts that it covers certainly and possibly."""

    key: str
    name: str = Field(min_length=1)
    definition: str | None = None
    any_of: Annotated[tuple[str, ...], BeforeValidator(_names, json_schema_input_type=list[str] | str)] = ()
    inner: tuple[str, ...] = ()
    outer: tuple[str, ...] = ()


class PolicyFile(_Part):
    """A user's own policy, version 1."""

    version: Literal[1]
    id: str
    items: tuple[FileItem, ...] = Field(min_length=1)

    @classmethod
    def json_schema(cls) -> dict[str, Any]:
        """JSON Schema of the policy file, for editors.

        >>> PolicyFile.json_schema()["title"]
        'PolicyFile'
        """
        return cls.model_json_schema()


def read_policy(path: Path, graph: CategoryGraph) -> Policy:
    """Read and check a policy file. Raises `PolicyError` with all its problems, each as `file:line:column: problem`."""
    try:
        document = yamlfile.read(path)
    except ProblemsError as error:
        raise PolicyError(error.problems) from error
    try:
        file = PolicyFile.model_validate(document.value)
    except ValidationError as error:
        raise PolicyError([yamlfile.told(document, problem) for problem in error.errors()]) from error
    problems = [f"{document.where(at)}: {text}" for at, text in _problems(file, graph)]
    if problems:
        raise PolicyError(problems)
    return Policy(file.id, tuple(_item(file.id, item, graph) for item in file.items))


def _item(policy: str, item: FileItem, graph: CategoryGraph) -> Item:
    refs = tuple(graph.resolve(name) for name in item.any_of)
    inner, outer = (_concepts(names, graph.vocabulary) for names in (item.inner, item.outer))
    extent = Extent(inner, inner | outer) if inner or outer else None
    return Item(f"{policy}:{item.key}", item.name, None, item.definition, any(graph.category(ref).residual for ref in refs), refs, extent)


def _concepts(names: tuple[str, ...], vocabulary: Vocabulary) -> frozenset[str]:
    return frozenset[str]().union(*(vocabulary.expand(name.removeprefix("concept:")) for name in names))


def _problems(file: PolicyFile, graph: CategoryGraph) -> list[tuple[tuple[str | int, ...], str]]:
    found: list[tuple[tuple[str | int, ...], str]] = []
    if not ID.fullmatch(file.id):
        found.append((("id",), f"{file.id!r} is no id: lower-case letters, digits, dots and hyphens."))
    if file.id in graph.taxonomies or file.id == "native":
        found.append((("id",), f"{file.id!r} is the name of a bundled list. Give yours another id."))
    if len(file.items) > MAX_ITEMS:
        found.append((("items",), f"{len(file.items)} items; at most {MAX_ITEMS} fit into a prompt."))
    keys: set[str] = set()
    for number, item in enumerate(file.items):
        at = ("items", number)
        if not SLUG.fullmatch(item.key):
            found.append(((*at, "key"), f"{item.key!r} is no key: [a-z0-9_-]+."))
        if item.key in keys:
            found.append(((*at, "key"), f"the key {item.key!r} is used twice."))
        keys.add(item.key)
        found += [((*at, *place), text) for place, text in _item_problems(item, graph)]
    return found


def _item_problems(item: FileItem, graph: CategoryGraph) -> list[tuple[tuple[str | int, ...], str]]:
    found: list[tuple[tuple[str | int, ...], str]] = []
    if not item.any_of and not item.inner and not item.outer:
        found.append(((), f"item {item.key!r} covers nothing. Give any_of (categories), or inner / outer (concepts)."))
    for index, name in enumerate(item.any_of):
        try:
            graph.resolve(name)
        except UnknownNameError as error:
            found.append((("any_of", index), f"{error} `taxonomy-bridge taxonomies list` and `taxonomies show ID` print what there is."))
    domains = {domain.id: [concept.id for concept in domain.concepts] for domain in graph.vocabulary.domains}
    for field in ("inner", "outer"):
        for index, name in enumerate(getattr(item, field)):
            concept = name.removeprefix("concept:")
            if concept in graph.vocabulary.ids:
                continue
            hint = (
                f"{concept!r} is a domain, and domains only group. Its concepts: {', '.join(domains[concept])}."
                if concept in domains
                else str(UnknownNameError.among("concept", concept, graph.vocabulary.ids))
            )
            found.append(((field, index), f"{hint} `taxonomy-bridge concepts list` prints all."))
    return found
