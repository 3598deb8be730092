"""Mappings: `mappings/<taxonomy>.sssom.tsv`, curated rows from categories to concepts, and the extents that they give.

One row is one decision of a person: how a category relates to a concept, why, who says so and when. Read in SKOS terms, the object being
the broader one in `skos:broadMatch`. Rows with the modifier Not are refuted pairs: they are kept so that nobody proposes them again.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from taxonomy_bridge import sssom
from taxonomy_bridge.errors import MappingError, UnknownNameError
from taxonomy_bridge.extents import Extent
from taxonomy_bridge.sssom import Row, Table
from taxonomy_bridge.taxonomy import Taxonomy, load_taxonomy, read_taxonomy
from taxonomy_bridge.vocabulary import Vocabulary, concept_of

# The concept lies inside the category: certain. The category lies inside the concept, or both overlap: possible.
CERTAIN = frozenset({"skos:exactMatch", "skos:narrowMatch"})
POSSIBLE = frozenset({"skos:broadMatch", "skos:relatedMatch"})
JUSTIFICATIONS = frozenset({"semapv:ManualMappingCuration", "semapv:MappingReview"})
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


@dataclass(frozen=True)
class Mapping:
    """The reviewed rows of one taxonomy."""

    taxonomy: str
    table: Table

    @property
    def rows(self) -> tuple[Row, ...]:
        return self.table.rows

    def of(self, slug: str) -> tuple[Row, ...]:
        """The rows of one category, refuted ones included."""
        return tuple(row for row in self.rows if row.subject == f"{self.taxonomy}:{slug}")


def taxonomy_of(path: Path) -> Taxonomy:
    """The list that a mapping file is named after: the YAML file beside it, else the bundled one."""
    name = path.name.removesuffix(".sssom.tsv")
    beside = path.with_name(f"{name}.yaml")
    return read_taxonomy(beside) if beside.is_file() else load_taxonomy(name)


def read_mapping(path: Path, taxonomy: Taxonomy, vocabulary: Vocabulary) -> Mapping:
    """Read and check one file. Raises `MappingError` with all its problems, each as `path:line: problem. What to do.`"""
    table = sssom.read(path)
    problems = _problems(table, taxonomy, vocabulary)
    if problems:
        raise MappingError(problems)
    return Mapping(taxonomy.id, table)


def own_extents(mapping: Mapping, vocabulary: Vocabulary) -> dict[str, Extent]:
    """What the rows of each category say, by slug; what children add is for the graph."""
    inner: dict[str, set[str]] = {}
    outer: dict[str, set[str]] = {}
    for row in mapping.rows:
        concept = concept_of(row.object)
        if row.negated or concept is None:
            continue
        slug, covered = row.subject.split(":", 1)[1], vocabulary.expand(concept)
        outer.setdefault(slug, set()).update(covered)
        if row.predicate in CERTAIN:
            inner.setdefault(slug, set()).update(covered)
    return {slug: Extent(inner.get(slug, ()), concepts) for slug, concepts in outer.items()}


def canonical(table: Table, taxonomy: Taxonomy, vocabulary: Vocabulary) -> str:
    """The canonical text of a mapping file: labels as the taxonomy and the vocabulary have them, rows sorted, our header."""
    rows = []
    for row in table.rows:
        labels = dict(row.values)
        slug, concept = row.subject.partition(":")[2], concept_of(row.object)
        if slug in taxonomy.by_slug:
            labels["subject_label"] = taxonomy[slug].name
        if concept in vocabulary.ids:
            labels["object_label"] = vocabulary.name(str(concept))
        rows.append(Row(labels))
    return sssom.format_table(blank(taxonomy, rows))


def blank(taxonomy: Taxonomy, rows: Iterable[Row]) -> Table:
    """A new table for one taxonomy, with the header that our files have."""
    prefixes = {taxonomy.id: f"{sssom.NAMESPACE}:taxonomy:{taxonomy.id}:", "concept": f"{sssom.NAMESPACE}:concept:"}
    return sssom.make_table(
        taxonomy.id, rows, prefixes, license="https://spdx.org/licenses/Apache-2.0",
        mapping_set_id=f"{sssom.NAMESPACE}:mapping:{taxonomy.id}", mapping_set_title=f"{taxonomy.id} to the shared concepts of harm",
    )  # fmt: skip


def _problems(table: Table, taxonomy: Taxonomy, vocabulary: Vocabulary) -> list[str]:
    found: list[str] = []
    for prefix in ("concept", taxonomy.id):
        if prefix not in table.prefixes:
            found.append(f"{table.name}:1: the header's curie_map does not declare the prefix {prefix!r}. `taxonomy-bridge mappings format` adds it.")
    seen: dict[tuple[str, str], Row] = {}
    for row in table.rows:
        found += [f"{table.name}:{row.line}: {text}" for text in (*_ids(row, taxonomy, vocabulary), *_claims(row))]
        earlier = seen.setdefault((row.subject, row.object), row)
        if earlier is not row:
            found.append(f"{table.name}:{row.line}: {_clash(earlier, row)}")
    return found + _lonely(table, seen)


def _ids(row: Row, taxonomy: Taxonomy, vocabulary: Vocabulary) -> Iterable[str]:
    prefix, _, slug = row.subject.partition(":")
    if prefix != taxonomy.id:
        yield f"the subject {row.subject!r} is not of {taxonomy.id}. Every row of this file begins with `{taxonomy.id}:`."
    elif slug not in taxonomy.by_slug:
        yield str(UnknownNameError.among(f"category of {taxonomy.id}", slug, list(taxonomy.by_slug)))
    elif not taxonomy[slug].harm:
        yield f"{row.subject} is marked `harm: false` and covers no concept. Remove the row, or the mark in the taxonomy."
    elif row.get("subject_label") not in ("", taxonomy[slug].name):
        yield f"the label of {row.subject} is {row.get('subject_label')!r}, the taxonomy says {taxonomy[slug].name!r}. `taxonomy-bridge mappings format` repairs it."
    concept = concept_of(row.object)
    if concept is None:
        yield f"the object {row.object!r} is no concept. It reads `concept:<id>`; `taxonomy-bridge concepts list` prints them."
    elif concept in {domain.id for domain in vocabulary.domains} - set(vocabulary.ids):
        yield f"{concept!r} is a domain, and domains only group. Map to its concepts, one row each."
    elif concept not in vocabulary.ids:
        yield str(UnknownNameError.among("concept", concept, vocabulary.ids))
    elif row.get("object_label") not in ("", vocabulary.name(concept)):
        yield f"the label of {row.object} is {row.get('object_label')!r}, the vocabulary says {vocabulary.name(concept)!r}. `taxonomy-bridge mappings format` repairs it."


def _claims(row: Row) -> Iterable[str]:
    if row.predicate not in CERTAIN | POSSIBLE:
        yield f"the predicate {row.predicate!r} has no meaning here. Use one of: {', '.join(sorted(CERTAIN | POSSIBLE))}."
    if row.get("predicate_modifier") not in ("", "Not"):
        yield f"the modifier {row.get('predicate_modifier')!r} is unknown. Use Not, or leave it empty."
    if row.get("mapping_justification") not in JUSTIFICATIONS:
        allowed = ", ".join(sorted(JUSTIFICATIONS))
        yield f"the justification {row.get('mapping_justification')!r} is not that of a person. Curated rows have: {allowed}. Proposals live in mappings/proposed/."
    if not row.get("author_label") and not row.get("author_id"):
        yield "nobody is named as the author. Fill in author_label."
    if not _DATE.fullmatch(row.get("mapping_date")):
        yield f"the date {row.get('mapping_date')!r} is not of the form 2026-01-31."
    if not row.get("comment"):
        yield "the comment is empty. Say which words of the definition the row rests on."


def _clash(first: Row, second: Row) -> str:
    pair = f"{second.subject} and {second.object} stand here and in line {first.line}"
    if first.negated != second.negated:
        return f"{pair}, once as a mapping and once refuted. Keep one."
    return f"{pair}. One pair has one row: keep one."


def _lonely(table: Table, rows: dict[tuple[str, str], Row]) -> list[str]:
    """An exact match leaves room for no other positive row of its category."""
    positive = [row for row in rows.values() if not row.negated]
    exact = {row.subject: row for row in positive if row.predicate == "skos:exactMatch"}
    return [
        f"{table.name}:{row.line}: {row.subject} is an exact match of {exact[row.subject].object} in line {exact[row.subject].line}. "
        "An exact match is the only positive row of its category: use skos:narrowMatch for concepts inside it."
        for row in positive
        if row.subject in exact and row is not exact[row.subject]
    ]
