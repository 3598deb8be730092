"""Decisions from a table instead of from a page: made elsewhere, in a spreadsheet or by several readers, and written through the same rules.

In: tab-separated text with the columns `category` (slug) and `action` (accept, reject, none, unsure), and, where they apply, `concept`, `predicate` and `note`.
Out: how many were written; what the format refuses is told with its line and changes nothing. Reading one file twice writes nothing twice.
"""

from __future__ import annotations

import csv
import hashlib
import io
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from taxonomy_bridge.errors import MappingError
from taxonomy_bridge.review.decisions import Session, Wish
from taxonomy_bridge.review.plans import RefusedError

COLUMNS = ("category", "action", "concept", "predicate", "note")


@dataclass(frozen=True)
class Applied:
    """What became of a table: decisions that agree with a proposal, those about a concept that was not proposed, and the lines that were refused."""

    proposed: int
    beyond: int
    refused: tuple[str, ...]


def apply(session: Session, path: Path) -> Applied:
    """Write every decision of a table. Raises `MappingError` if it is no such table, with every line that does not say what it must."""
    rows = _read(path)
    proposed = beyond = 0
    refused: list[str] = []
    for line, row in rows:
        known = row["concept"] in {one.concept for one in session.candidates(row["category"])}
        try:
            seen = session.state(row["category"])
            session.decide(Wish.model_validate({**row, "id": _identity(path, row), "predicate": row["predicate"] or None, "seen": seen}))
        except RefusedError as error:
            refused.append(f"{path}:{line}: {error}")
            continue
        proposed, beyond = proposed + known, beyond + (not known)
    return Applied(proposed, beyond, tuple(refused))


def _read(path: Path) -> list[tuple[int, dict[str, str]]]:
    try:
        reader = csv.DictReader(io.StringIO(path.read_bytes().decode("utf-8-sig")), delimiter="\t", quoting=csv.QUOTE_NONE)
    except UnicodeDecodeError as error:
        raise MappingError([f"{path}: not UTF-8. Save it as UTF-8."]) from error
    names = reader.fieldnames or []
    missing = [name for name in ("category", "action") if name not in names]
    if missing or set(names) - set(COLUMNS):
        raise MappingError([f"{path}:1: the columns are {', '.join(names) or 'none'}. Expected, separated by tabs: {', '.join(COLUMNS)}."])
    rows = [(line, {name: (row.get(name) or "").strip() for name in COLUMNS}) for line, row in enumerate(reader, 2)]
    problems = []
    for line, row in rows:
        try:
            Wish.model_validate({**row, "id": "x" * 16, "predicate": row["predicate"] or None, "seen": ""})
        except ValidationError as error:
            problems += [f"{path}:{line}: {'.'.join(map(str, problem['loc']))}: {problem['msg']}." for problem in error.errors()]
    if problems:
        raise MappingError(problems)
    return rows


def _identity(path: Path, row: dict[str, str]) -> str:
    return hashlib.sha256("\t".join([path.name, *row.values()]).encode()).hexdigest()[:32]
