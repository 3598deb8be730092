"""The words of a definition that a decision rests on, when the reviewer writes no note."""

from __future__ import annotations

import math
import re

from taxonomy_bridge.safetext import safe
from taxonomy_bridge.taxonomy import Category

LONGEST = 200
_STEM = 5
# Shared words below which the whole definition speaks, not one part of it.
_ENOUGH = 2
_WORD = re.compile(r"[^\W\d_]{4,}")
_PART = re.compile(r"(?<=[.;!?])\s+|\n+")
_EMPTY = frozenset({"about", "other", "someone", "somebody", "people", "content", "which", "their", "these", "those", "without", "text", "texts"})


def words_for(category: Category, name: str, scope: str) -> str:
    """The part of a category's definition that is nearest to a concept, by shared words, or its beginning; the name if there is no definition.

    >>> toy = Category(slug="a", name="Theft", definition="Covers many things. Also theft from shops and homes.")
    >>> words_for(toy, "Theft and burglary", "Taking from people, shops or homes.")
    'Also theft from shops and homes.'
    """
    definition = category.definition or ""
    if not definition.strip():
        return one_line(category.name)
    wanted, named = _stems(scope), _stems(name)
    parts = [part.strip() for part in _PART.split(definition) if len(_stems(part) & (wanted | named)) >= _ENOUGH]
    return cut(one_line(max(parts, key=lambda part: _near(_stems(part), wanted, named), default=definition)))


def _near(stems: frozenset[str], wanted: frozenset[str], named: frozenset[str]) -> float:
    return (len(stems & wanted) + 2 * len(stems & named)) / math.sqrt(len(stems) + 4)


def _stems(text: str) -> frozenset[str]:
    return frozenset(word[:_STEM] for word in _WORD.findall(text.casefold()) if word not in _EMPTY)


def one_line(text: str) -> str:
    r"""Text for one cell: controls visible, white space single.

    >>> one_line(" a\n b\x1b")
    'a b\\x1b'
    """
    return safe(" ".join(text.split()))


def cut(text: str, most: int = LONGEST) -> str:
    """The beginning of a long text, ended at a word.

    >>> cut("one two three", 9)
    'one two …'
    """
    return text if len(text) <= most else f"{text[: most - 1].rsplit(' ', 1)[0]} …"
