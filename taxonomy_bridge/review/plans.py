"""What each kind of decision does: the rows it changes and the marks it sets, or the reason why it cannot be."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from taxonomy_bridge.errors import TaxonomyBridgeError
from taxonomy_bridge.review.journal import Change
from taxonomy_bridge.review.words import one_line, words_for
from taxonomy_bridge.vocabulary import Vocabulary

if TYPE_CHECKING:
    from taxonomy_bridge.review.decisions import Session
    from taxonomy_bridge.review.proposals import Candidate

EXACT = "skos:exactMatch"
# Predicate to how a person reads it, the category being the subject.
RELATIONS = {
    EXACT: "is exactly",
    "skos:narrowMatch": "contains",
    "skos:broadMatch": "lies inside",
    "skos:relatedMatch": "overlaps with",
}


class RefusedError(TaxonomyBridgeError):
    """A decision that would make no valid mapping; the message is for the person who made it."""


@dataclass(frozen=True)
class Plan:
    """Changes of rows, and the marks that categories get by it, empty for none."""

    action: str
    category: str
    concept: str = ""
    changes: tuple[Change, ...] = ()
    marks: Mapping[str, str] = field(default_factory=dict)
    undoes: int | None = None
    note: str = ""


def plan(session: Session, action: str, slug: str, concept: str, predicate: str | None, note: str) -> Plan:
    """The plan of one decision. Raises `RefusedError`."""
    note, mark = one_line(note), session.journal.marks.get(slug, "")
    if action == "unsure":
        return Plan(action, slug, marks={slug: "unsure"}, note=note)
    if action == "none":
        return _nothing(session, slug, note)
    if concept not in session.vocabulary.ids:
        raise RefusedError(f"There is no concept {concept!r}. Domains only group; choose one of their concepts.")
    rows = session.rows(slug)
    before = rows.get(concept)
    if action == "clear":
        if before is None:
            raise RefusedError("Nothing was decided about this concept, so there is nothing to withdraw.")
        return Plan(action, slug, concept, (Change(before=before, after=None),), note=note)
    proposed = next((one.predicate for one in session.candidates(slug) if one.concept == concept), None)
    chosen = predicate or (before or {}).get("predicate_id") or proposed
    if chosen is None:
        raise RefusedError("Choose a relation first.")
    if action == "accept":
        _only_exact(session.vocabulary, rows, concept, chosen)
    after = _row(session, slug, concept, chosen, _comment(session, action, slug, concept, note, before), negated=action == "reject")
    marks = {slug: ""} if action == "accept" and mark else {}
    return Plan(action, slug, concept, (Change(before=before, after=after),), marks, note=note)


def bulk(session: Session, sure: Sequence[tuple[str, Candidate]], least: float) -> Plan:
    """Accept several best candidates at once."""
    if not sure:
        raise RefusedError(f"No open category has a best candidate with a confidence of {least:.2f} or more.")
    changes = []
    for slug, best in sure:
        words = _default(session, slug, best.concept)
        comment = f"Accepted together with all of confidence {least:.2f} or more: {words}"
        changes.append(Change(before=None, after=_row(session, slug, best.concept, best.predicate, comment)))
    return Plan("bulk", "", changes=tuple(changes), note=f"{len(sure)} categories of confidence {least:.2f} or more")


def undo(session: Session, number: int | None) -> Plan:
    """Take a decision back, if all its rows still stand as it left them."""
    standing = {entry.number: entry for entry in session.journal.standing}
    entry = session.last() if number is None else standing.get(number)
    if entry is None:
        raise RefusedError("There is nothing to undo." if number is None else f"Decision {number} is undone already.")
    changes = tuple(change.reverse for change in reversed(entry.changes))
    for change in changes:
        if session.store.rows.get(change.key) != change.before:
            who = (session.store.rows.get(change.key) or {}).get("author_label", "somebody")
            raise RefusedError(f"{' and '.join(change.key)} were changed since, by {who}. Undo the later decision first, or decide again.")
    return Plan("undo", entry.category, entry.concept, changes, undoes=entry.number)


def _nothing(session: Session, slug: str, note: str) -> Plan:
    rows = session.rows(slug)
    positive = [concept for concept, row in rows.items() if row.get("predicate_modifier") != "Not"]
    if positive:
        names = ", ".join(session.vocabulary.name(concept) for concept in positive)
        raise RefusedError(f"This category is mapped already, to {names}. Reject or withdraw that first.")
    changes = [
        Change(before=None, after=_row(session, slug, one.concept, one.predicate, _comment(session, "none", slug, one.concept, note, None), negated=True))
        for one in session.candidates(slug)
        if one.concept not in rows
    ]
    return Plan("none", slug, changes=tuple(changes), marks={slug: "none"}, note=note)


def _only_exact(vocabulary: Vocabulary, rows: Mapping[str, Mapping[str, str]], concept: str, predicate: str) -> None:
    """An exact match leaves room for no other positive row of its category."""
    others = {other: row for other, row in rows.items() if other != concept and row.get("predicate_modifier") != "Not"}
    exact = [other for other, row in others.items() if row["predicate_id"] == EXACT]
    if exact:
        raise RefusedError(
            f"This category is exactly “{vocabulary.name(exact[0])}” already, and an exact match is the only row of its category. Change that one to “contains” first."
        )
    if others and predicate == EXACT:
        names = ", ".join(f"“{vocabulary.name(other)}”" for other in others)
        raise RefusedError(f"An exact match is the only row of its category, and this one also has {names}. Choose “contains”, or withdraw the others.")


def _row(session: Session, slug: str, concept: str, predicate: str, comment: str, negated: bool = False) -> dict[str, str]:
    row = {
        "subject_id": f"{session.taxonomy.id}:{slug}", "subject_label": session.taxonomy[slug].name, "predicate_id": predicate,
        "object_id": f"concept:{concept}", "object_label": session.vocabulary.name(concept), "mapping_justification": "semapv:ManualMappingCuration",
        "author_label": session.author, "mapping_date": time.strftime("%Y-%m-%d", time.localtime(session.now())), "comment": comment,
    }  # fmt: skip
    return {**row, "predicate_modifier": "Not"} if negated else row


def _comment(session: Session, action: str, slug: str, concept: str, note: str, before: Mapping[str, str] | None) -> str:
    if note:
        return note
    if before is not None and (before.get("predicate_modifier") == "Not") == (action == "reject"):
        return before["comment"]
    opening = {"accept": "", "reject": "Does not follow from: ", "none": "No concept fits: "}[action]
    return opening + _default(session, slug, concept)


def _default(session: Session, slug: str, concept: str) -> str:
    """The words that the decision rests on when the person wrote none: shown beside the candidate before they decide."""
    root = session.vocabulary.root
    scope = root.scope if concept == root.id else session.vocabulary[concept].scope
    category = session.taxonomy[slug]
    words = words_for(category, session.vocabulary.name(concept), scope)
    return f"“{words}”" if category.definition else f"By its name alone: “{words}”"


def default_comment(session: Session, slug: str, concept: str) -> str:
    """What a row gets as its comment if the person accepts without a note."""
    row = session.rows(slug).get(concept)
    return _comment(session, "accept", slug, concept, "", row)
