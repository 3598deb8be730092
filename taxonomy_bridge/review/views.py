"""What a person sees, as plain values: for the page as JSON, for the prompt as it stands."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from taxonomy_bridge.review.decisions import Session
from taxonomy_bridge.review.journal import Entry
from taxonomy_bridge.review.plans import RELATIONS, default_comment
from taxonomy_bridge.review.proposals import EVIDENCE, Candidate
from taxonomy_bridge.safetext import safe
from taxonomy_bridge.vocabulary import Concept, Vocabulary

RECENT = 10


def overview(session: Session) -> dict[str, Any]:
    """The list and everything that stays as it is during a review."""
    taxonomy = session.taxonomy
    items = [{"slug": slug, "name": taxonomy[slug].name, "code": taxonomy[slug].code or "", "depth": len(taxonomy.ancestors(slug))} for slug in session.items]
    return {
        "id": taxonomy.id, "title": taxonomy.title, "author": session.author, "output": str(session.output), "tool": session.proposals.tool, "items": items,
        "kinds": list(EVIDENCE), "relations": RELATIONS, "revise": session.revise, "concepts": _concepts(session.vocabulary), **pulse(session),
    }  # fmt: skip


def pulse(session: Session) -> dict[str, Any]:
    """What changes with each decision: where every category stands, and the last decisions."""
    last = session.last()
    entries = session.journal.entries
    undone = {entry.undoes for entry in entries}
    return {
        "statuses": [status[0] for status in session.statuses().values()],
        "recent": [_told(session, entry, entry.number in undone) for entry in reversed(entries[-RECENT:])],
        "undo": last.number if last else None,
    }


def item(session: Session, slug: str) -> dict[str, Any]:
    """One category: text, place, candidates best first, then concepts that have a row without being proposed."""
    taxonomy, category, rows = session.taxonomy, session.taxonomy[slug], session.rows(slug)
    candidates = session.candidates(slug)
    shown = {one.concept for one in candidates}
    listed = [*candidates, *(Candidate(concept, row["predicate_id"]) for concept, row in rows.items() if concept not in shown)]
    above = taxonomy.ancestors(slug)
    beside = [other for other in taxonomy.by_slug if taxonomy[other].parent == category.parent and other != slug]
    touched, subject = session.journal.touched, f"{taxonomy.id}:{slug}"
    return {
        "slug": slug, "id": f"{taxonomy.id}:{slug}", "name": category.name, "code": category.code or "", "definition": category.definition or "",
        "native": [label for label in category.native if label not in (category.name, slug)], "residual": category.residual,
        "above": [{"slug": other, "name": taxonomy[other].name, "definition": taxonomy[other].definition or ""} for other in reversed(above)],
        "beside": [{"slug": other, "name": taxonomy[other].name} for other in beside],
        "below": [{"slug": other, "name": taxonomy[other].name} for other in taxonomy.children(slug)],
        "state": session.state(slug), "status": session.statuses()[slug],
        "nothing": slug in session.proposals.nothing, "nothing_confidence": session.proposals.nothing.get(slug),
        "candidates": [_candidate(session, slug, one, rows.get(one.concept), (subject, f"concept:{one.concept}") in touched) for one in listed],
        "aside": next((entry.note for entry in reversed(session.journal.standing) if entry.category == slug and entry.action in ("unsure", "none")), ""),
    }  # fmt: skip


def clean(value: Any) -> Any:
    """The same values with every text made harmless to show."""
    if isinstance(value, str):
        return safe(value)
    if isinstance(value, Mapping):
        return {safe(key): clean(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [clean(inner) for inner in value]
    return value


def _candidate(session: Session, slug: str, one: Candidate, row: Mapping[str, str] | None, touched: bool) -> dict[str, Any]:
    negated = row is not None and row.get("predicate_modifier") == "Not"
    return {
        "concept": one.concept, "predicate": row["predicate_id"] if row else one.predicate, "confidence": one.confidence, "score": one.score, "given": one.given,
        "evidence": [one.evidence.get(kind) for kind in EVIDENCE], "comment": one.comment if not session.revise else "",
        "words": default_comment(session, slug, one.concept), "touched": touched,
        "row": "" if row is None else "rejected" if negated else "accepted",
        "said": None if row is None else {"author": row.get("author_label", ""), "date": row.get("mapping_date", ""), "comment": row.get("comment", "")},
    }  # fmt: skip


def _told(session: Session, entry: Entry, undone: bool) -> dict[str, Any]:
    taxonomy, vocabulary = session.taxonomy, session.vocabulary
    name = taxonomy[entry.category].name if entry.category in taxonomy.by_slug else entry.note
    rows = [change.after for change in entry.changes if change.after]
    return {
        "number": entry.number, "action": entry.action, "category": entry.category, "name": name, "author": entry.author, "undone": undone, "at": entry.at,
        "concept": vocabulary.name(entry.concept) if entry.concept in vocabulary.ids else "", "predicate": rows[0]["predicate_id"] if entry.concept and rows else "",
        "undoes": entry.undoes,
    }  # fmt: skip


def _concepts(vocabulary: Vocabulary) -> list[dict[str, Any]]:
    def down(concept: Concept, depth: int) -> list[dict[str, Any]]:
        borders = [{"concept": other.concept, "because": other.because} for other in concept.not_]
        here = {"id": concept.id, "name": concept.name, "scope": concept.scope, "not": borders, "depth": depth}
        return [here, *(one for child in concept.concepts for one in down(child, depth + 1))]

    root = vocabulary.root
    whole: dict[str, Any] = {"domain": "", "scope": "", "concepts": [{"id": root.id, "name": root.name, "scope": root.scope, "not": [], "depth": 0}]}
    domains = [
        {"domain": domain.name, "scope": domain.scope, "concepts": [one for top in domain.concepts for one in down(top, 0)]} for domain in vocabulary.domains
    ]
    return [*domains, whole]
