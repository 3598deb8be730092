"""From a list that is no taxonomy file yet to one: CSV tables and Markdown policies become `taxonomies/<id>.yaml` text for a person to finish."""

from __future__ import annotations

import datetime
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from taxonomy_bridge.alignment.items import Item, Items, plain
from taxonomy_bridge.alignment.readers import read_items
from taxonomy_bridge.errors import InputError
from taxonomy_bridge.taxonomy import ID

_HEADING = re.compile(r"^(#{1,6})\s+(.*?)\s*#*\s*$")
_BULLET = re.compile(r"^(\s*)(?:[-*+]|\d+[.)])\s+(.*)$")
_NAMED = re.compile(r"^(?:\*\*|__)(.+?)(?:\*\*|__)\s*[:.–—-]?\s*(.*)$|^([^.:]{2,80}):\s+(.+)$")


def to_yaml(items: Items, name: str, title: str = "", publisher: str = "TODO") -> str:
    """The text of a taxonomy file. What the source does not say is marked TODO; `multi_label` and `exhaustive` get the cautious values.

    Raises `InputError` if the id is none.
    """
    if not ID.fullmatch(name):
        raise InputError(f"{name!r} is no id: lower-case letters, digits, dots and hyphens. Name the output file <id>.yaml.")
    slugs = _slugs(items)
    value: dict[str, Any] = {
        "id": name, "title": title or items.name, "version": "1", "year": datetime.date.today().year, "publisher": publisher,
        "labels": {"multi_label": True, "exhaustive": False, "basis": "TODO: how rows get their labels. Until then nothing is read as cleared."},
        "categories": [_category(item, slugs) for item in items],
    }  # fmt: skip
    return yaml.safe_dump(value, allow_unicode=True, sort_keys=False, width=120)


def _category(item: Item, slugs: dict[str, str]) -> dict[str, Any]:
    tail = item.id.rsplit(":", 1)[-1]
    code = tail if tail != item.label and re.fullmatch(r"[A-Za-z]{0,4}-?[0-9][0-9A-Za-z.]*", tail) else None
    found = {"slug": slugs[item.id], "code": code, "name": item.label, "definition": item.definition or None, "parent": slugs.get(item.parent or "")}
    return {key: value for key, value in found.items() if value is not None}


def _slugs(items: Items) -> dict[str, str]:
    """Slugs from labels, numbered where two would be the same."""
    found: dict[str, str] = {}
    used: set[str] = set()
    for number, item in enumerate(items, start=1):
        base = "_".join(re.findall(r"[a-z0-9]+", plain(item.label).casefold()))[:60].strip("_") or f"item_{number}"
        slug, count = base, 2
        while slug in used:
            slug, count = f"{base}_{count}", count + 1
        used.add(slug)
        found[item.id] = slug
    return found


def read_any(path: Path) -> Items:
    """A list from CSV, TSV, Markdown, OWL, SKOS or SSSOM."""
    if path.suffix in {".md", ".markdown", ".txt"}:
        try:
            return of_markdown(path.read_text(encoding="utf-8-sig"), path.stem)
        except UnicodeDecodeError as error:
            raise InputError(f"{path}: not UTF-8 at byte {error.start}. Save it as UTF-8.") from error
    return read_items(str(path))


def of_markdown(text: str, name: str = "policy") -> Items:
    """The items of a policy: deepest headings with the text below them, or bullets that name something; headings above become parents.

    >>> items = of_markdown("# Policy\\n## Harm\\n- **Theft**: Stealing.\\n- **Fraud**: Lying for money.\\n")
    >>> [(item.label, item.definition, item.parent) for item in items]
    [('Harm', '', None), ('Theft', 'Stealing.', 'Harm'), ('Fraud', 'Lying for money.', 'Harm')]

    Raises `InputError` if there are neither.
    """
    sections = _sections(text)
    named = [(place, found) for place, section in enumerate(sections) for line in section[2] if (found := _bullet(line))]
    if len(named) >= 2:
        return _unique(name, sections, named)
    if len(sections) < 2:
        raise InputError("the text has neither headings nor bullets that name something (`- **Name**: what it covers`). Mark each item as one.")
    return _unique(name, sections, [])


def _sections(text: str) -> list[tuple[int, str, list[str]]]:
    """(level, heading, lines below) in order; code blocks and text before the first heading are left out, the latter unless there is none."""
    found: list[tuple[int, str, list[str]]] = [(0, "", [])]
    fenced = False
    for line in text.splitlines():
        fenced ^= line.lstrip().startswith("```")
        heading = None if fenced else _HEADING.match(line)
        if heading:
            found.append((len(heading[1]), heading[2], []))
        elif not fenced:
            found[-1][2].append(line)
    return found


def _bullet(line: str) -> tuple[str, str] | None:
    bullet = _BULLET.match(line)
    named = _NAMED.match(bullet[2]) if bullet else None
    if not named:
        return None
    label, rest = (named[1], named[2]) if named[1] else (named[3], named[4])
    return label.strip(" :.*_"), rest.strip()


def _unique(name: str, sections: Sequence[tuple[int, str, list[str]]], named: Sequence[tuple[int, tuple[str, str]]]) -> Items:
    found: dict[str, Item] = {}
    bullets: dict[int, list[tuple[str, str]]] = {}
    for place, item in named:
        bullets.setdefault(place, []).append(item)
    open_: list[tuple[int, str]] = []
    top = sum(level == min((one[0] for one in sections if one[0]), default=0) for level, _, _ in sections) == 1  # one title over everything is no item

    def add(label: str, definition: str, parent: str | None) -> str:
        key = label if label not in found else f"{label} ({len(found) + 1})"
        found[key] = Item(key, label, (), definition, parent)
        return key

    for place, (level, heading, lines) in enumerate(sections):
        open_ = [one for one in open_ if one[0] < level]
        title = top and level == min(one[0] for one in sections if one[0]) if level else True
        below = place in bullets or (place + 1 < len(sections) and sections[place + 1][0] > level)
        if not title and (not named or below):
            prose = " ".join(line.strip() for line in lines if line.strip() and not (place in bullets and _BULLET.match(line)))
            open_.append((level, add(heading, re.sub(r"[*_`]{1,2}", "", prose), open_[-1][1] if open_ else None)))
        for label, rest in bullets.get(place, ()):
            add(label, rest, open_[-1][1] if open_ else None)
    return Items(name, tuple(found.values()))
