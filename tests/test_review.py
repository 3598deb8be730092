"""Decisions of a review: what they write, what is refused, undo, and what survives crashes and other people."""

from __future__ import annotations

import itertools
import json
import random

import pytest
from review_world import CATEGORIES, World, known

from taxonomy_bridge import sssom
from taxonomy_bridge.errors import MappingError
from taxonomy_bridge.mapping import read_mapping
from taxonomy_bridge.review import journal as journals
from taxonomy_bridge.review import plans, views
from taxonomy_bridge.review.decisions import StaleError, Wish
from taxonomy_bridge.review.plans import RefusedError
from taxonomy_bridge.review.proposals import read_proposals
from taxonomy_bridge.review.words import words_for
from taxonomy_bridge.taxonomy import Category
from taxonomy_bridge.vocabulary import load_vocabulary

NUMBERS = itertools.count()
EXACT, NARROW, BROAD, RELATED = "skos:exactMatch", "skos:narrowMatch", "skos:broadMatch", "skos:relatedMatch"
THEFT, ROBBERY, SCAMS = known("theft"), known("robbery"), known("scams")


@pytest.fixture
def world(tmp_path):
    return World(tmp_path)


def do(session, action, slug, concept="", predicate=None, note="", **more):
    wish = {"id": f"request-{next(NUMBERS):06}", "action": action, "category": slug, "concept": concept, "predicate": predicate, "note": note}
    return session.decide(Wish.model_validate({**wish, "seen": session.state(slug), **more}))


def undo(session, number=None):
    return session.undo(f"request-{next(NUMBERS):06}", number)


def rows(world):
    """What stands in the file, which is also valid."""
    read_mapping(world.out, world.taxonomy, load_vocabulary())
    return world.mapped()


def test_accept_writes_a_curated_row_that_names_its_words(world):
    session = world.session(now=lambda: 1_790_000_000)
    do(session, "accept", "theft", THEFT, EXACT)
    (row,) = sssom.read(world.out).rows
    assert row.key == ("toy:theft", f"concept:{THEFT}", EXACT, False)
    assert (
        row.get("author_label") == "A. Person"
        and row.get("mapping_date") == "2026-09-21"
        and row.get("mapping_justification") == "semapv:ManualMappingCuration"
    )
    assert row.get("comment") == "“Burglary, shoplifting and other theft of property.”" == views.item(session, "theft")["candidates"][0]["said"]["comment"]
    assert rows(world) == {("theft", THEFT): ("exactMatch", False)}


def test_what_stands_is_shown_before_it_is_written(world):
    session = world.session()
    shown = views.item(session, "theft")["candidates"][0]["words"]
    do(session, "accept", "theft", THEFT)
    assert sssom.read(world.out).rows[0].get("comment") == shown


def test_a_rejected_pair_is_kept_as_refuted_and_a_note_is_its_comment(world):
    session = world.session()
    do(session, "reject", "theft", ROBBERY, note=" Force is\tnot\nmentioned.\x1b ")
    (row,) = sssom.read(world.out).rows
    assert row.negated and row.get("comment") == "Force is not mentioned.\\x1b" and session.statuses()["theft"] == "open"
    do(session, "accept", "theft", ROBBERY, RELATED)
    assert rows(world) == {("theft", ROBBERY): ("relatedMatch", False)} and "not mentioned" not in sssom.read(world.out).rows[0].get("comment")


@pytest.mark.parametrize(("first", "second", "told"), [(EXACT, RELATED, "is exactly"), (RELATED, EXACT, "only row of its category")])
def test_an_exact_match_stays_alone(world, first, second, told):
    session = world.session()
    do(session, "accept", "theft", THEFT, first)
    before = world.out.read_bytes()
    with pytest.raises(RefusedError, match=told):
        do(session, "accept", "theft", ROBBERY, second)
    assert world.out.read_bytes() == before
    do(session, "accept", "theft", THEFT, NARROW)
    do(session, "accept", "theft", ROBBERY, NARROW)
    assert rows(world) == {("theft", THEFT): ("narrowMatch", False), ("theft", ROBBERY): ("narrowMatch", False)}


def test_no_concept_fits_refutes_the_candidates_and_is_remembered(world):
    session = world.session()
    do(session, "none", "odd")
    assert session.statuses()["odd"] == "none" == world.session().statuses()["odd"] and rows(world) == {("odd", THEFT): ("relatedMatch", True)}
    do(session, "accept", "odd", SCAMS, RELATED)
    assert session.statuses()["odd"] == "mapped"
    with pytest.raises(RefusedError, match="mapped already"):
        do(session, "none", "odd")


def test_unsure_is_asked_again_at_the_end(world):
    session = world.session()
    do(session, "unsure", "theft", note="Ask the lawyers.")
    assert session.next() == "malware" and world.session().statuses()["theft"] == "unsure" and views.item(session, "theft")["aside"] == "Ask the lawyers."
    for slug in session.items[1:]:
        do(session, "none", slug)
    assert session.next() == "theft" and session.progress().decided == len(session.items) - 1
    do(session, "accept", "theft", THEFT)
    assert session.next() is None and session.statuses()["theft"] == "mapped"


@pytest.mark.parametrize(
    ("action", "slug", "concept", "told"),
    [("accept", "theft", "nonsense", "no concept"), ("accept", "style", THEFT, "not under review"), ("clear", "theft", THEFT, "nothing to withdraw"), ("accept", "theft", "crime", "no concept"),
     ("accept", "theft", SCAMS, "Choose a relation")],
)  # fmt: skip
def test_refused_with_the_reason(world, action, slug, concept, told):
    session = world.session()
    with pytest.raises(RefusedError, match=told):
        do(session, action, slug, concept)
    assert not world.out.exists() and session.journal.entries == []


def test_a_stale_view_is_told_and_a_repeated_request_counts_once(world):
    one, two = world.session(), world.session("B. Person")
    seen = two.state("theft")
    do(one, "accept", "theft", THEFT)
    with pytest.raises(StaleError):
        do(two, "reject", "theft", THEFT, seen=seen)
    first = do(one, "reject", "theft", ROBBERY, id="the-same-request")
    assert do(one, "reject", "theft", ROBBERY, id="the-same-request", seen="anything") == first and len(one.journal.entries) == 2


def test_undo_goes_back_to_the_beginning_over_sessions(world):
    session, chance = world.session(), random.Random(4)
    texts = [""]
    for _ in range(40):
        slug = chance.choice(session.items)
        try:
            do(
                session,
                chance.choice(["accept", "reject", "clear", "none", "unsure"]),
                slug,
                chance.choice([THEFT, ROBBERY, SCAMS]),
                chance.choice([EXACT, NARROW, BROAD, RELATED]),
            )
        except RefusedError:
            continue
        texts.append(world.out.read_text() if world.out.exists() else "")
    assert len(texts) > 20
    for text in reversed(texts[:-1]):
        undo(world.session())
        assert (world.out.read_text() if world.out.exists() else "") == text or (not text and rows(world) == {})
    assert set(world.session().statuses().values()) == {"open"}
    with pytest.raises(RefusedError, match="nothing to undo"):
        undo(world.session())


def test_undo_takes_ones_own_and_no_row_that_changed_since(world):
    one, two = world.session(), world.session("B. Person")
    do(one, "accept", "theft", THEFT)
    do(two, "accept", "malware", known("malware"))
    assert undo(one).undoes == 1 and set(rows(world)) == {("malware", known("malware"))}
    with pytest.raises(RefusedError, match="undone already"):
        undo(two, 1)
    two.refresh()
    one.refresh()
    do(one, "accept", "malware", known("malware"), NARROW)
    with pytest.raises(RefusedError, match=r"changed since, by A\. Person"):
        undo(two)


def test_many_at_once_are_one_decision(world):
    session = world.session()
    assert [slug for slug, _ in session.sure(0.7)] == ["theft", "malware", "scams", "cruelty"] and session.sure(0.99) == []
    with pytest.raises(StaleError):
        session.bulk("bulk-request-1", 0.9, 3)
    session.bulk("bulk-request-2", 0.9, 2)
    assert set(rows(world)) == {("theft", THEFT), ("malware", known("malware"))} and "confidence 0.90 or more" in sssom.read(world.out).rows[0].get("comment")
    undo(session)
    assert rows(world) == {} and len(session.journal.entries) == 2


def test_edits_from_outside_are_seen_kept_and_checked(world):
    session = world.session()
    do(session, "accept", "theft", THEFT)
    seen, text = session.state("theft"), world.out.read_text()
    world.out.write_text(text.replace("exactMatch", "narrowMatch"))
    with pytest.raises(StaleError):
        do(session, "reject", "theft", ROBBERY, seen=seen)
    do(session, "accept", "malware", known("malware"))
    assert rows(world)["theft", THEFT] == ("narrowMatch", False)
    world.out.write_text(text.replace("exactMatch", "closeMatch"))
    with pytest.raises(MappingError, match="closeMatch"):
        session.refresh()
    world.out.write_text(text)
    session.refresh()
    assert rows(world) == {("theft", THEFT): ("exactMatch", False)} and session.statuses()["malware"] == "open"


def test_what_only_reached_the_journal_is_finished(world):
    session = world.session()
    do(session, "accept", "theft", THEFT)
    before = world.out.read_bytes()
    do(session, "accept", "malware", known("malware"))
    after = world.out.read_bytes()
    world.out.write_bytes(before)
    assert world.session().statuses()["malware"] == "mapped" and world.out.read_bytes() == after


def test_a_torn_line_is_cut_off_and_a_damaged_one_named(world):
    session = world.session()
    do(session, "accept", "theft", THEFT)
    path = session.journal.path
    with path.open("ab") as file:
        file.write(path.read_bytes()[:90])
    again = world.session()
    do(again, "accept", "malware", known("malware"))
    assert [json.loads(line)["number"] for line in path.read_text().splitlines()] == [1, 2] and len(world.session().journal.entries) == 2
    session.refresh()
    assert len(session.journal.entries) == 2
    path.write_bytes(path.read_bytes().replace(b'"number":1', b'"numb'))
    with pytest.raises(MappingError, match=r"the line after decision 0 is damaged\. Move this file away"):
        world.session()


def test_without_a_working_lock_the_number_decides(world, monkeypatch):
    monkeypatch.setattr(journals, "_lock", lambda handle: True)
    one, two = world.session(), world.session("B. Person")
    write = one.store.write
    waiting = [lambda: do(two, "accept", "malware", known("malware"))]

    def late(changed, first):
        def between(sha256):
            if waiting:
                waiting.pop()()
            first(sha256)

        write(changed, between)

    monkeypatch.setattr(one.store, "write", late)
    do(one, "accept", "theft", THEFT)
    assert set(rows(world)) == {("theft", THEFT), ("malware", known("malware"))}
    assert [entry.author for entry in world.session().journal.entries] == ["B. Person", "A. Person"]


def test_of_two_entries_with_one_number_the_first_counts(world):
    session = world.session()
    do(session, "accept", "theft", THEFT)
    do(session, "unsure", "malware")
    path = session.journal.path
    late = session.journal.entries[1].model_copy(update={"id": "another-request", "marks": {"scams": "unsure"}})
    path.write_text(path.read_text() + late.model_dump_json() + "\n")
    again = world.session()
    assert len(again.journal.entries) == 2 and again.statuses()["scams"] == "open"
    assert do(again, "unsure", "scams").number == 3 and len(world.session().journal.entries) == 3


def test_undo_leaves_a_mark_that_is_of_a_later_decision(world):
    session = world.session()
    do(session, "unsure", "cruelty")
    do(session, "none", "cruelty")
    undo(session, 1)
    assert session.statuses()["cruelty"] == "none"
    undo(session)
    assert session.statuses()["cruelty"] == "open" and rows(world) == {}


def test_the_format_has_the_last_word(world, monkeypatch):
    session = world.session()
    do(session, "accept", "theft", THEFT)
    before = world.out.read_bytes()
    monkeypatch.setattr(plans, "_only_exact", lambda *all_: None)
    with pytest.raises(RefusedError, match=r"line 10: .* only positive row of its category"):
        do(session, "accept", "theft", ROBBERY)
    assert world.out.read_bytes() == before and len(session.journal.entries) == 1


def test_a_clock_that_goes_back_changes_no_order(world):
    clock = iter(range(2_000_000_000, 0, -40_000_000))
    session = world.session(now=lambda: next(clock))
    do(session, "accept", "theft", THEFT)
    do(session, "reject", "theft", ROBBERY)
    assert undo(session).undoes == 2 and undo(session).undoes == 1


def test_revising_the_open_rows_of_a_mapping(world):
    session = world.session()
    for concept, predicate in ((THEFT, NARROW), (ROBBERY, RELATED), (SCAMS, RELATED)):
        do(session, "accept", "theft", concept, predicate, note=f"On {concept}.")
    session.journal.path.unlink()
    again = world.session(revise=True)
    assert again.items == ("theft",) and {one.concept for one in again.candidates("theft")} == {ROBBERY, SCAMS}
    do(again, "accept", "theft", ROBBERY, NARROW)
    assert again.statuses() == {"theft": "open"}
    do(again, "accept", "theft", SCAMS)
    assert again.statuses() == {"theft": "mapped"} == world.session(revise=True).statuses() and again.next() is None
    comments = {row.object: row.get("comment") for row in sssom.read(world.out).rows}
    assert comments[f"concept:{ROBBERY}"] == f"On {ROBBERY}." and rows(world)["theft", ROBBERY] == ("narrowMatch", False)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [("toy:theft", "other:theft", "is not of toy"), ("toy:theft", "toy:thefd", "Did you mean theft"), (f"concept:{SCAMS}", "concept:nonsense", "no concept named"),
     ("\t0.95", "\thigh", "confidence is 'high', no number"), ("skos:exactMatch", "skos:closeMatch", "has no meaning here"), ("toy:odd", "toy:style", "harm: false"), ("\t0.95", "\tnan", "no number")],
)  # fmt: skip
def test_proposals_with_problems_name_file_and_line(world, old, new, told):
    text = world.proposals.read_text()
    world.proposals.write_text(text.replace(old, new))
    with pytest.raises(MappingError, match=told) as caught:
        read_proposals(world.proposals, world.taxonomy, load_vocabulary())
    assert all(problem.startswith(f"{world.proposals}:") for problem in caught.value.problems)


def test_candidates_come_best_first_with_their_numbers_apart(world):
    proposals = read_proposals(world.proposals, world.taxonomy, load_vocabulary())
    best = proposals.candidates["theft"][0]
    assert [one.confidence for one in proposals.candidates["theft"]] == [0.95, 0.5, 0.2] and proposals.nothing == {"odd": 0.6} and proposals.tool == "toy 1"
    assert (best.score, best.given) == (0.5, 0.4) and "lexical" not in best.evidence and best.evidence["tfidf"] == 0.85


def test_groups_stand_before_what_is_below_them_and_harmless_ones_are_left_out(world):
    assert world.session().items == ("theft", "malware", "scams", "odd", "cruelty") and not CATEGORIES["style"]["harm"]


def test_words_without_a_definition_are_the_name():
    assert words_for(Category(slug="a", name="A <b>\u202ename"), "x", "y") == "A <b>\\u202ename"
    assert len(words_for(Category(slug="a", name="A", definition="word " * 200), "x", "y")) <= 200
