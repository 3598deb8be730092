"""Crosswalks: the derived relation of every category of one taxonomy to every category of another, and crosswalks by others beside ours.

Derived rows are never curated by anybody: each rests on the mapping rows that `explain` shows.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from taxonomy_bridge import sssom, storage
from taxonomy_bridge.errors import MissingExtraError, UnknownNameError
from taxonomy_bridge.extents import Relation
from taxonomy_bridge.graph import CategoryGraph, load_graph

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = ("subject", "subject_name", "relation", "object", "object_name", "shared", "open")
# SKOS has words for some relations only; overlap is ours, disjointness is OWL's. What is unclear is no mapping.
PREDICATES = {
    Relation.EQUAL: "skos:exactMatch",
    Relation.NARROWER: "skos:broadMatch",
    Relation.BROADER: "skos:narrowMatch",
    Relation.OVERLAPPING: "taxonomy-bridge:overlaps",
    Relation.DISJOINT: "owl:disjointWith",
}
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True)
class CrosswalkRow:
    """The relation of one category to another. `shared`: concepts that both certainly cover; `open`: those that keep the relation undecided."""

    subject: str
    subject_name: str
    relation: Relation
    object: str
    object_name: str
    shared: tuple[str, ...]
    open: tuple[str, ...]

    def to_value(self) -> dict[str, Any]:
        return {**vars(self), "relation": self.relation.value, "shared": list(self.shared), "open": list(self.open)}


@dataclass(frozen=True)
class Crosswalk:
    """All rows between two taxonomies, in the publishers' order."""

    subject: str
    object: str
    rows: tuple[CrosswalkRow, ...]

    def __iter__(self) -> Iterator[CrosswalkRow]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def counts(self) -> dict[str, int]:
        """How many rows have which relation."""
        found = Counter(row.relation for row in self.rows)
        return {relation.value: found[relation] for relation in Relation if found[relation]}

    def to_pandas(self) -> pd.DataFrame:
        """One row per pair; columns as in `COLUMNS`. Raises `MissingExtraError` without pandas."""
        try:
            import pandas as pd
        except ImportError as error:
            raise MissingExtraError.needed("a data frame", "pandas") from error
        return pd.DataFrame([row.to_value() for row in self.rows], columns=list(COLUMNS))

    def to_sssom(self, path: str | Path) -> None:
        """Write the decided rows as SSSOM. Justification: chaining of mappings; the comment names the concepts."""
        storage.write_bytes(Path(path), self.sssom_text().encode())

    def sssom_text(self) -> str:
        """The text of the SSSOM file."""
        prefixes = {name: f"{sssom.NAMESPACE}:taxonomy:{name}:" for name in (self.subject, self.object)}
        prefixes |= {"taxonomy-bridge": f"{sssom.NAMESPACE}:", "owl": "http://www.w3.org/2002/07/owl#"}
        rows = [sssom.Row(_sssom_values(row)) for row in self.rows if row.relation in PREDICATES]
        table = sssom.make_table(
            "crosswalk", rows, prefixes, license="https://spdx.org/licenses/Apache-2.0",
            mapping_set_id=f"{sssom.NAMESPACE}:crosswalk:{self.subject}:{self.object}", mapping_set_title=f"{self.subject} to {self.object}, derived",
        )  # fmt: skip
        return sssom.format_table(table)

    def csv_text(self) -> str:
        """Comma-separated values with a header; a cell that a spreadsheet would run as a formula gets a leading apostrophe."""
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows([_inert(cell) for cell in _cells(row)] for row in self.rows)
        return out.getvalue()

    def markdown(self) -> str:
        """A Markdown table of all rows that are not disjoint."""
        lines = ["| category | relation | category |", "| --- | --- | --- |"]
        for row in self.rows:
            if row.relation is not Relation.DISJOINT:
                lines.append(f"| {_cell(row.subject_name)} | {row.relation.value} | {_cell(row.object_name)} |")
        return "\n".join(lines) + "\n"


def crosswalk(subject: str, object: str, graph: CategoryGraph | None = None) -> Crosswalk:
    """The relation of every category of one taxonomy to every category of another.

    >>> rows = crosswalk("beavertails", "openai-moderation-2022")
    >>> len(rows), "disjoint" in rows.counts
    (112, True)

    Raises `UnknownNameError`.
    """
    graph = graph or load_graph()
    for name in (subject, object):
        if name not in graph.taxonomies:
            raise UnknownNameError.among("taxonomy", name, list(graph.taxonomies))
    firsts, seconds = ([f"{name}:{slug}" for slug in graph.taxonomies[name].by_slug] for name in (subject, object))
    return Crosswalk(subject, object, tuple(_row(graph, first, second) for first in firsts for second in seconds))


def _row(graph: CategoryGraph, first: str, second: str) -> CrosswalkRow:
    relation = graph.relation(first, second)
    one, other = graph.extents[first], graph.extents[second]
    shared = sorted(one.inner & other.inner) if one and other else []
    undecided = sorted((one.outer & other.outer) - (one.inner & other.inner)) if one and other and relation is not Relation.EQUAL else []
    return CrosswalkRow(first, graph.category(first).name, relation, second, graph.category(second).name, tuple(shared), tuple(undecided))


def _sssom_values(row: CrosswalkRow) -> dict[str, str]:
    return {
        "subject_id": row.subject, "subject_label": row.subject_name, "predicate_id": PREDICATES[row.relation], "object_id": row.object,
        "object_label": row.object_name, "mapping_justification": "semapv:MappingChaining",
        "comment": f"derived: {row.relation.value}" + (f"; both certainly cover {', '.join(row.shared)}" if row.shared else ""),
    }  # fmt: skip


def _cells(row: CrosswalkRow) -> Sequence[str]:
    return (row.subject, row.subject_name, row.relation.value, row.object, row.object_name, " ".join(row.shared), " ".join(row.open))


def _inert(cell: str) -> str:
    return f"'{cell}" if cell.startswith(_FORMULA) else cell


def _cell(text: str) -> str:
    return text.replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;").replace("\n", " ")


@dataclass(frozen=True)
class Neighbour:
    """A category near another one. `likeness`: shared possible concepts over all possible concepts of both, 0 to 1."""

    category: str
    relation: Relation
    likeness: float


def neighbours(graph: CategoryGraph, name: str, limit: int = 10) -> list[Neighbour]:
    """The categories of other taxonomies that cover most nearly the same concepts, nearest first.

    >>> neighbours(load_graph(), "beavertails:animal_abuse", limit=1)[0].category
    'pku-saferlhf:animal_abuse'

    Raises `UnknownNameError`.
    """
    here = graph.resolve(name)
    extent = graph.extents[here]
    if extent is None:
        return []
    found = []
    for other, theirs in graph.extents.items():
        if theirs is not None and other.split(":", 1)[0] != here.split(":", 1)[0] and (common := len(extent.outer & theirs.outer)):
            found.append(Neighbour(other, graph.relation(here, other), common / len(extent.outer | theirs.outer)))
    rank = {relation: number for number, relation in enumerate(Relation)}
    return sorted(found, key=lambda item: (-item.likeness, rank[item.relation], item.category))[:limit]
