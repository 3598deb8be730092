"""Proposals as an SSSOM file: best first within a category, every kind of evidence in a column of its own, no author and no date of a person."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from taxonomy_bridge import sssom
from taxonomy_bridge.alignment.engine import Proposal
from taxonomy_bridge.sssom import Row, Table
from taxonomy_bridge.version import __version__

TOOL = "taxonomy-bridge align"
KINDS = ("lexical", "tfidf", "embedding", "neighbours", "structure", "instances", "judge")
EXTENSIONS = (*(f"evidence_{kind}" for kind in KINDS), "p_object_given_subject", "relation_probability")
_PREFIX = {"sssom": "https://w3id.org/sssom/", "owl": "http://www.w3.org/2002/07/owl#"}


@dataclass(frozen=True)
class Labels:
    """Displayed names by id."""

    subjects: Mapping[str, str]
    objects: Mapping[str, str]


def to_rows(proposals: Iterable[Proposal], labels: Labels) -> tuple[Row, ...]:
    """One SSSOM row per proposal; numbers that are not known are left empty."""
    rows = []
    for one in proposals:
        values = {
            "subject_id": one.subject, "subject_label": labels.subjects.get(one.subject, ""), "predicate_id": one.relation, "object_id": one.object,
            "object_label": labels.objects.get(one.object, ""), "mapping_justification": "semapv:CompositeMatching",
            "confidence": _number(one.confidence), "similarity_score": _number(one.score), "mapping_tool": TOOL, "mapping_tool_version": __version__,
            "comment": one.because, "relation_probability": _number(one.relation_probability),
            "p_object_given_subject": "" if one.given is None else _number(one.given),
            **{f"evidence_{kind}": _number(one.evidence[kind]) for kind in KINDS if kind in one.evidence},
        }  # fmt: skip
        rows.append(Row({column: value for column, value in values.items() if value}))
    return tuple(rows)


def _number(value: float) -> str:
    return f"{value:.4f}"


def to_table(name: str, rows: Sequence[Row], prefixes: Mapping[str, str], comment: str) -> Table:
    """A table whose header says what the columns of our own mean."""
    header = {
        "curie_map": {**sssom.PREFIXES, **_PREFIX, **prefixes},
        "mapping_set_id": f"{sssom.NAMESPACE}:proposals:{name}",
        "mapping_set_title": f"{name}: proposals by a machine, reviewed by nobody",
        "license": "https://spdx.org/licenses/Apache-2.0",
        "comment": comment,
        "extension_definitions": [{"slot_name": slot, "property": f"{sssom.NAMESPACE}:{slot}", "type_hint": "xsd:double"} for slot in EXTENSIONS],
    }
    return Table(name, header, tuple(rows))


def format_proposals(table: Table) -> str:
    """The text of a proposal file. Unlike curated files its rows keep their order, best first."""
    text = sssom.format_table(table)
    lines = io.StringIO(text, newline="").readlines()  # as `sssom.parse` counts them
    parsed = sssom.parse(text).rows
    starts = [row.line - 1 for row in parsed] + [len(lines)]
    records = {row.key: "".join(lines[start:end]) for row, start, end in zip(parsed, starts, starts[1:], strict=False)}
    return "".join(lines[: starts[0]]) + "".join(records[row.key] for row in table.rows)
