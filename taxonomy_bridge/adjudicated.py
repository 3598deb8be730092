"""Adjudicated answers: what a person or a model decided about items that labels leave unknown, one JSON line per sample and item.

    {"sample_id": "...", "item": "my-policy:theft", "answer": "no", "author": "A. Person", "method": "read", "date": "2026-01-31"}

`sample_id` is the id of a sample or of the judgement behind it. `item` is an item id (`<policy>:<key>` or a category id). Nothing is settled
silently: samples that rest on an answer have proof `answered`, and an answer never overrules what the labels entail.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from taxonomy_bridge.answers import read_lines
from taxonomy_bridge.errors import InputError
from taxonomy_bridge.storage import file_sha256

NEEDED = ("sample_id", "item", "answer", "author", "method", "date")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


@dataclass(frozen=True)
class Answers:
    """Answers by judgement id: (item id, whether the text is in it), sorted. `sha256`: of the file."""

    sha256: str
    by_judgement: Mapping[str, tuple[tuple[str, bool], ...]]


def read_answers(path: Path) -> Answers:
    """Read an answers file. Raises `InputError` with every bad line at once."""
    problems: list[str] = []
    found: dict[str, dict[str, bool]] = {}
    for line in read_lines(path):
        problem = line.problem or _problem(line.row or {})
        if problem or line.row is None:
            problems.append(f"{path}:{line.number}: {problem}.")
            continue
        judgement, item, answer = str(line.row["sample_id"]).split("~", 1)[0], str(line.row["item"]), line.row["answer"] == "yes"
        if found.setdefault(judgement, {}).setdefault(item, answer) != answer:
            problems.append(f"{path}:{line.number}: {item} is answered yes and no for one text. Settle it and keep one line.")
    if problems:
        raise InputError("\n".join(problems))
    return Answers(file_sha256(path), {judgement: tuple(sorted(items.items())) for judgement, items in found.items()})


def _problem(row: Mapping[str, Any]) -> str:
    missing = [key for key in NEEDED if not isinstance(row.get(key), str) or not row[key]]
    if missing:
        return f"{', '.join(missing)} is missing. A line holds {', '.join(NEEDED)}, all of them texts"
    if row["answer"] not in ("yes", "no"):
        return f"the answer is {row['answer']!r}. It is yes or no; leave the line out where nobody knows"
    if not _DATE.fullmatch(row["date"]):
        return f"the date {row['date']!r} is not of the form 2026-01-31"
    return ""
