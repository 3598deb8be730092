"""What is aligned: items with a label, other names, a definition and a place in a tree, whatever they were read from."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from taxonomy_bridge.taxonomy import Taxonomy
from taxonomy_bridge.vocabulary import Vocabulary

# Words that belong to the form of an id or of a list, not to its meaning: `LLM03:2025 Supply Chain`, `S5 Defamation`, `7.2 Fraud`.
_CODE = re.compile(r"^(?:[A-Za-z]{0,4}[0-9][0-9A-Za-z.]*(?::[0-9]{4})?[:.)]?\s+)+")
# Nothing but a code: `S5` is one thing in one list and another in the next, so it is no name.
_BARE = re.compile(r"[A-Za-z]{0,4}[0-9][0-9A-Za-z.]*")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


@dataclass(frozen=True)
class Item:
    """One category, concept or class. `kind` keeps things apart that can never match, such as classes and properties."""

    id: str
    label: str
    aliases: tuple[str, ...] = ()
    definition: str = ""
    parent: str | None = None
    kind: str = ""

    @functools.cached_property
    def names(self) -> tuple[str, ...]:
        """Label and other names as plain lower-case words, each once."""
        return tuple(dict.fromkeys(filter(None, (words(name) for name in (self.label, *self.aliases)))))

    @functools.cached_property
    def text(self) -> str:
        """All that is said about it, for encoders and word statistics."""
        return ". ".join(part.rstrip(".") for part in (plain(self.label), *(plain(a) for a in self.aliases), self.definition) if part)


@dataclass(frozen=True)
class Items:
    """A list of items with unique ids, in the order of their publisher. `name` stands in messages and files."""

    name: str
    items: tuple[Item, ...] = field(default=())

    def __len__(self) -> int:
        return len(self.items)

    def __iter__(self) -> Iterator[Item]:
        return iter(self.items)

    @functools.cached_property
    def place(self) -> dict[str, int]:
        """Row of each id."""
        return {item.id: number for number, item in enumerate(self.items)}

    @functools.cached_property
    def parents(self) -> list[int]:
        """Row of each item's parent, -1 without one."""
        return [self.place.get(item.parent or "", -1) for item in self.items]


def plain(name: str) -> str:
    """A name as a person would write it: no code in front, no underscores, no camel case.

    >>> plain("LLM03:2025 Supply Chain"), plain("child_abuse"), plain("ProgramCommitteeMember")
    ('Supply Chain', 'child abuse', 'Program Committee Member')
    """
    spaced = re.sub(r"[_\s]+", " ", name).strip()
    if " " not in spaced:
        spaced = _CAMEL.sub(" ", spaced).replace("-", " ")
    return _CODE.sub("", spaced) or spaced


def words(name: str) -> str:
    """The words of a name, lower case, without punctuation.

    >>> words("S9: Child Sexual-Exploitation (CSE)")
    'child sexual exploitation cse'
    """
    return " ".join(re.findall(r"\w+", plain(name).casefold()))


def of_taxonomy(taxonomy: Taxonomy, harms: bool = False) -> Items:
    """The categories of one taxonomy; with `harms` only those that are a harm."""
    return Items(
        taxonomy.id,
        tuple(
            Item(
                f"{taxonomy.id}:{category.slug}", category.name,
                tuple(native for native in category.native if words(native) != words(category.name) and not _BARE.fullmatch(native.strip())),
                category.definition or "", f"{taxonomy.id}:{category.parent}" if category.parent else None,
            )
            for category in taxonomy.categories if category.harm or not harms
        ),
    )  # fmt: skip


def of_concepts(vocabulary: Vocabulary) -> Items:
    """The shared concepts, the root first. Borders (`not`) are left out: they name what the concept is not."""
    root = Item(f"concept:{vocabulary.root.id}", vocabulary.root.name, ("other", "miscellaneous", "unsafe"), vocabulary.root.scope)
    concepts = (
        Item(f"concept:{name}", concept.name, (name,) if words(name) != words(concept.name) else (), concept.scope, _above(vocabulary, name))
        for name, concept in vocabulary.by_id.items()
    )
    return Items("concepts", (root, *concepts))


def _above(vocabulary: Vocabulary, concept: str) -> str | None:
    parent = vocabulary.parents.get(concept)
    return f"concept:{parent}" if parent else None


def merge(name: str, lists: Iterable[Items]) -> Items:
    """Several lists as one."""
    return Items(name, tuple(item for items in lists for item in items))
