"""What is to be decided: candidates of each category, from a file of proposals or from the rows of a mapping that leave something open.

A file of proposals is SSSOM: one row per category and candidate. Columns `evidence_<kind>` hold one number of each kind of evidence, empty
where there is none; an object `sssom:NoTermFound` says that no concept fits.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from taxonomy_bridge import sssom
from taxonomy_bridge.errors import MappingError, UnknownNameError
from taxonomy_bridge.mapping import CERTAIN, POSSIBLE
from taxonomy_bridge.sssom import Row
from taxonomy_bridge.taxonomy import Taxonomy
from taxonomy_bridge.vocabulary import Vocabulary, concept_of

EVIDENCE = ("lexical", "tfidf", "embedding", "neighbours", "structure", "instances", "judge")
OPEN = "skos:relatedMatch"


@dataclass(frozen=True)
class Candidate:
    """One concept for one category. Numbers are None where the file has none.

    `confidence`: probability that the row is right; `score`: of the matcher, higher is nearer; `given`: P(concept | category).
    """

    concept: str
    predicate: str
    confidence: float | None = None
    score: float | None = None
    given: float | None = None
    evidence: Mapping[str, float] = field(default_factory=dict)
    comment: str = ""


@dataclass(frozen=True)
class Proposals:
    """Candidates by slug, best first; `nothing`: slugs for which the engine believes that no concept fits, with its confidence."""

    candidates: Mapping[str, tuple[Candidate, ...]]
    nothing: Mapping[str, float | None]
    tool: str = ""


def read_proposals(path: Path, taxonomy: Taxonomy, vocabulary: Vocabulary) -> Proposals:
    """Read and check one file. Raises `MappingError` with all its problems, each as `path:line: problem`."""
    table = sssom.read(path)
    problems: list[str] = []
    found: dict[str, dict[str, Candidate]] = {}
    nothing: dict[str, float | None] = {}
    for row in table.rows:
        where = f"{path}:{row.line}"
        slug = row.subject.partition(":")[2]
        told = [*_subject(row, taxonomy), *([] if row.object == sssom.NO_TERM else _object(row, vocabulary))]
        confidence = _number(row, "confidence", told)
        candidate = _candidate(row, confidence, told)
        problems += [f"{where}: {text}" for text in told]
        if told or row.negated:
            continue
        if row.object == sssom.NO_TERM:
            nothing[slug] = confidence
        else:
            known = found.setdefault(slug, {})
            if candidate.concept not in known or _rank(candidate) < _rank(known[candidate.concept]):
                known[candidate.concept] = candidate
    if problems:
        raise MappingError(problems)
    return Proposals({slug: tuple(sorted(one.values(), key=_rank)) for slug, one in found.items()}, nothing, _tools(table.rows))


def open_rows(rows: Iterable[Row]) -> Proposals:
    """The rows of a curated mapping that leave something open, as candidates to decide again."""
    found: dict[str, list[Candidate]] = {}
    for row in rows:
        concept = concept_of(row.object)
        if row.predicate == OPEN and not row.negated and concept is not None:
            found.setdefault(row.subject.partition(":")[2], []).append(Candidate(concept, row.predicate, comment=row.get("comment")))
    return Proposals({slug: tuple(one) for slug, one in found.items()}, {})


def _rank(candidate: Candidate) -> tuple[float, float]:
    # Stable: where the file says nothing, its order stands.
    return -(candidate.confidence if candidate.confidence is not None else -1), -(candidate.score if candidate.score is not None else -1)


def _subject(row: Row, taxonomy: Taxonomy) -> Iterable[str]:
    prefix, _, slug = row.subject.partition(":")
    if prefix != taxonomy.id:
        yield f"the subject {row.subject!r} is not of {taxonomy.id}. Name the list that these proposals are for with --taxonomy."
    elif slug not in taxonomy.by_slug:
        yield str(UnknownNameError.among(f"category of {taxonomy.id}", slug, list(taxonomy.by_slug)))
    elif not taxonomy[slug].harm:
        yield f"{row.subject} is marked `harm: false` and covers no concept. Remove the row, or the mark in the taxonomy."


def _object(row: Row, vocabulary: Vocabulary) -> Iterable[str]:
    concept = concept_of(row.object)
    if concept is None:
        yield f"the object {row.object!r} is no concept. It reads `concept:<id>`, or {sssom.NO_TERM}."
    elif concept not in vocabulary.ids:
        yield str(UnknownNameError.among("concept", concept, vocabulary.ids))
    if row.predicate not in CERTAIN | POSSIBLE:
        yield f"the predicate {row.predicate!r} has no meaning here. Use one of: {', '.join(sorted(CERTAIN | POSSIBLE))}."


def _candidate(row: Row, confidence: float | None, told: list[str]) -> Candidate:
    evidence = {kind: value for kind in EVIDENCE if (value := _number(row, f"evidence_{kind}", told)) is not None}
    score, given = _number(row, "similarity_score", told), _number(row, "p_object_given_subject", told)
    return Candidate(concept_of(row.object) or "", row.predicate, confidence, score, given, evidence, row.get("comment"))


def _number(row: Row, column: str, told: list[str]) -> float | None:
    text = row.get(column)
    try:
        value = float(text) if text else None
    except ValueError:
        value = math.nan
    if value is not None and not math.isfinite(value):
        told.append(f"{column} is {text!r}, no number. Write one, or leave it empty.")
        return None
    return value


def _tools(rows: Sequence[Row]) -> str:
    return ", ".join(sorted({f"{row.get('mapping_tool')} {row.get('mapping_tool_version')}".strip() for row in rows} - {""}))
