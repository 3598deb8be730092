"""Labels carried over: `decide` against all possible worlds, its vectorised twin against `decide`, and what publishers state."""

from __future__ import annotations

import functools
import itertools
import random
from collections import Counter

import numpy as np
import pyarrow as pa
import pytest
from small_graphs import make_graph, make_taxonomy, make_vocabulary
from worlds import Case, all_may_fail, answer, every_extent

from taxonomy_bridge.errors import ContradictionError, PolicyError, UnknownNameError
from taxonomy_bridge.extents import Extent
from taxonomy_bridge.graph import load_graph
from taxonomy_bridge.labels import Pattern, cleared
from taxonomy_bridge.translation import ANSWERS, NO, UNKNOWN, YES, Translator, Wanted, decide

ASSUMPTIONS = ("open", "closed")
OUTCOMES = ("yes", "no", "unknown", "contradiction")
ENOUGH = 1000
# One process draws the cases and keeps them.
with_drawn_cases = pytest.mark.xdist_group("worlds")


def tell(text):
    """Counts of cases: shown by `pytest -rP`."""
    print(text)  # noqa: T201


# --- `decide` against worlds ---------------------------------------------------------------------------------------------------------


def draw_extent(chance, universe, certain=0.3, possible=0.25):
    draws = {concept: chance.random() for concept in universe}
    inner = frozenset(concept for concept, draw in draws.items() if draw < certain)
    return inner, inner | frozenset(concept for concept, draw in draws.items() if draw < certain + possible)


def draw_case(chance, assume):
    universe = tuple("abcdef"[: chance.choice((4, 4, 4, 5, 6))])
    given, said = {}, {"violated": [], "cleared": [], "unjudged": [], "silent": []}
    for number in range(chance.choice((1, 2, 3, 3))):
        given[f"s{number}"] = None if chance.random() < 0.05 else draw_extent(chance, universe)
        said[chance.choices(tuple(said), (3, 4, 3, 2))[0]].append(f"s{number}")
    if said["violated"] and said["cleared"] and chance.random() < 0.4:
        outer = frozenset(concept for concept in universe if chance.random() < 0.5)
        given[said["cleared"][0]], given[said["violated"][0]] = (outer, outer), (frozenset(), frozenset(chance.sample(sorted(outer), len(outer) // 2)))
    target = None if chance.random() < 0.02 else draw_extent(chance, universe, certain=chance.choice((0.2, 0.5)), possible=chance.choice((0.1, 0.4)))
    return Case(universe, given, tuple(said["violated"]), tuple(said["cleared"]), tuple(said["unjudged"]), target, assume)


@functools.cache
def drawn(assume):
    """Seeded cases with the answer of the worlds, until there are enough of every answer."""
    chance, cases, counts = random.Random(f"worlds {assume}"), [], Counter()
    while min(counts[outcome] for outcome in OUTCOMES) < ENOUGH:
        case = draw_case(chance, assume)
        cases.append((case, answer(case)))
        counts[cases[-1][1]] += 1
    return cases


def as_extent(pair):
    return None if pair is None else Extent(*pair)


def decided(case):
    given = {name: as_extent(extent) for name, extent in case.given.items()}
    try:
        return decide(given, case.violated, {"t": as_extent(case.target)}, case.cleared, case.unjudged, case.assume)["t"]
    except ContradictionError:
        return "contradiction"


@with_drawn_cases
@pytest.mark.parametrize("assume", ASSUMPTIONS)
def test_decide_equals_all_possible_worlds_on_drawn_cases(assume):
    cases = drawn(assume)
    assert [case for case, expected in cases if decided(case) != expected] == []
    counts = Counter(expected for _, expected in cases)
    unjudged = Counter(expected for case, expected in cases if case.unjudged)
    tell(f"{assume}: {len(cases)} cases, {dict(counts)}, with unjudged categories {dict(unjudged)}")
    assert min(counts[outcome] for outcome in OUTCOMES) >= ENOUGH
    assert min(unjudged[outcome] for outcome in OUTCOMES) >= ENOUGH / 10


@functools.cache
def every_small_case(assume):
    """All pairs of extents over three concepts: one source category with each thing that can be said of it, and one target."""
    cases = []
    for source, target, said in itertools.product(every_extent("abc"), every_extent("abc"), ("violated", "cleared", "unjudged", "silent")):
        labels = {word: ("s",) if word == said else () for word in ("violated", "cleared", "unjudged")}
        case = Case(("a", "b", "c"), {"s": source}, **labels, target=target, assume=assume)
        cases.append((case, answer(case)))
    return cases


@pytest.mark.parametrize("assume", ASSUMPTIONS)
def test_decide_equals_all_possible_worlds_on_every_pair_of_extents_over_three_concepts(assume):
    cases = every_small_case(assume)
    assert len(cases) == 27 * 27 * 4
    tell(f"{assume}: {len(cases)} cases, {dict(Counter(expected for _, expected in cases))}")
    assert [case for case, expected in cases if decided(case) != expected] == []


# --- would the comparison notice a wrong formula? ------------------------------------------------------------------------------------


def formula(case, slip=""):
    """The formula of the design once more, with one slip if asked for."""

    def union(side, names):
        return frozenset().union(*(case.given[name][side] for name in names if case.given[name] is not None))

    inner, outer = 0, 1
    excluded = union(outer if slip == "excluded uses outer" else inner, case.cleared)
    left = [case.given[name][outer] - excluded for name in case.violated if case.given[name] is not None]
    if slip != "contradiction is not raised" and not all(left):
        return "contradiction"
    if slip == "rest is not reduced by excluded":
        left = [case.given[name][outer] for name in case.violated if case.given[name] is not None]
    beyond = excluded
    if case.assume == "closed":
        unjudged = () if slip == "closed forgets unjudged" else case.unjudged
        looked_at = union(outer, [name for name in case.given if name not in unjudged])
        if slip == "closed excludes what the source does not cover":
            looked_at = frozenset(case.universe)
        allowed = () if slip == "closed forgets what is violated" else case.violated
        beyond = excluded | (looked_at - union(outer, (*allowed, *(() if slip == "closed allows nothing unjudged" else unjudged))))
    if case.target is None:
        return "unknown"
    if any(rest & case.target[inner] if slip == "yes tests overlap" else rest <= case.target[inner] for rest in left):
        return "yes"
    beyond = frozenset() if slip == "no ignores exclusion" else beyond
    return "unknown" if case.target[inner if slip == "no tests inner" else outer] - beyond else "no"


SLIPS = (
    "excluded uses outer", "contradiction is not raised", "rest is not reduced by excluded", "closed forgets unjudged", "closed allows nothing unjudged",
    "closed forgets what is violated", "closed excludes what the source does not cover", "yes tests overlap", "no ignores exclusion", "no tests inner",
)  # fmt: skip


def differing(slip):
    return sum(formula(case, slip) != expected for assume in ASSUMPTIONS for case, expected in drawn(assume))


@with_drawn_cases
def test_the_formula_without_a_slip_differs_from_no_world():
    assert differing("") == 0


@with_drawn_cases
@pytest.mark.parametrize("slip", SLIPS)
def test_every_slip_in_the_formula_is_noticed_by_the_worlds(slip):
    caught = differing(slip)
    tell(f"{slip}: {caught} cases differ")
    assert caught > 0


# --- the vectorised twin -------------------------------------------------------------------------------------------------------------


def draw_graph(chance):
    """Two flat lists without anything stated, over few or over more than 64 concepts."""
    size = chance.choice((5, 5, 64, 70))
    vocabulary = make_vocabulary(*(f"c{number}" for number in range(size)))
    pool = [f"c{number}" for number in ((0, 1, 2, 3, 4) if size == 5 else (0, 31, 62, 63, size - 1))]

    def draw_list(name):
        categories, extents = {}, {}
        for number in range(4):
            kind = chance.choices(("harm", "no harm", "not mapped", "umbrella"), (16, 1, 1, 1))[0]
            categories[f"k{number}"] = {"harm": kind != "no harm", "residual": chance.random() < 0.15}
            if kind == "harm":
                inner, outer = draw_extent(chance, pool)
                extents[f"k{number}"] = (sorted(inner), sorted(outer - inner))
            elif kind == "umbrella":
                extents[f"k{number}"] = ((), ("any-nuisance",))
        return make_taxonomy(name, categories, multi_label=chance.random() < 0.8), extents

    return make_graph(vocabulary, draw_list("one"), draw_list("two")), pool


def draw_pattern(chance, taxonomy):
    slugs = list(taxonomy.by_slug)
    verdict = chance.choices(("unsafe", "safe", "borderline", None), (6, 2, 1, 3))[0]
    said = [chance.choices("vu-", (3, 2, 4))[0] for _ in slugs]
    violated = tuple(slug for slug, word in zip(slugs, said, strict=True) if word == "v" and verdict in ("unsafe", None))
    unjudged = tuple(slug for slug, word in zip(slugs, said, strict=True) if word == "u")
    return Pattern(taxonomy.id, verdict, violated, unjudged, chance.random() < 0.8)


def draw_wanted(chance, pool):
    items = [Wanted(f"ref {number}", (f"two:k{number}",)) for number in range(4)]
    items.append(Wanted("two parts", ("two:k0", "two:k1")))
    items += [Wanted(f"own {number}", (), Extent(*draw_extent(chance, pool))) for number in range(2)]
    return [*items, Wanted("both", ("two:k2",), Extent(*draw_extent(chance, pool)))]


def by_decide(graph, items, pattern, assume, safe_clears):
    """Answers of `decide` as codes, or None for a contradiction."""
    taxonomy = graph.taxonomies[pattern.taxonomy]
    given = {slug: graph.extents[f"{taxonomy.id}:{slug}"] for slug in taxonomy.by_slug}
    parts = {item.name: [*(graph.extents[ref] for ref in item.refs), *([item.extent] if item.extent else [])] for item in items}
    known = {name: [part for part in extents if part is not None] for name, extents in parts.items()}
    wanted = {name: functools.reduce(Extent.__or__, extents) if extents else None for name, extents in known.items()}
    try:
        told = decide(given, pattern.violated, wanted, cleared(pattern, taxonomy, safe_clears), pattern.unjudged, assume)
    except ContradictionError:
        return None
    open_part = {name for name, extents in parts.items() if None in extents}
    return [UNKNOWN if told[name] == "no" and name in open_part else ANSWERS.index(told[name]) for name in wanted]


@functools.cache
def drawn_graphs():
    chance = random.Random("graphs")
    found = []
    for _ in range(150):
        graph, pool = draw_graph(chance)
        patterns = list(dict.fromkeys(draw_pattern(chance, graph.taxonomies["one"]) for _ in range(25)))
        found.append((graph, draw_wanted(chance, pool), patterns))
    return found


@pytest.mark.parametrize("safe_clears", [True, False])
@pytest.mark.parametrize("assume", ASSUMPTIONS)
def test_the_translator_equals_decide_on_drawn_graphs(assume, safe_clears):
    counts = Counter()
    for graph, items, patterns in drawn_graphs():
        found = Translator(graph, items, assume).translate("one", patterns, safe_clears)
        for number, pattern in enumerate(patterns):
            expected = by_decide(graph, items, pattern, assume, safe_clears)
            assert bool(found.contradiction[number]) == (expected is None), pattern
            if expected is not None:
                assert found.answers[number].tolist() == expected, pattern
            counts.update(["contradiction"] if expected is None else [ANSWERS[code] for code in expected])
    tell(f"{assume}, safe clears {safe_clears}: {dict(counts)}")
    assert min(counts[outcome] for outcome in OUTCOMES) > 100


def test_patterns_of_another_list_give_unknown_and_no_contradiction():
    graph, items, patterns = drawn_graphs()[0]
    found = Translator(graph, items).translate("two", patterns)
    assert (found.answers == UNKNOWN).all() and not found.contradiction.any() and not found.group.any()
    with pytest.raises(UnknownNameError, match="no taxonomy named 'three'"):
        Translator(graph, items).translate("three", patterns)


def as_batch(patterns):
    lists = pa.list_(pa.string())
    return pa.RecordBatch.from_arrays(
        [
            pa.array([f"row {number}" for number in range(len(patterns))], pa.string()),
            pa.array([pattern.taxonomy for pattern in patterns], pa.string()),
            pa.array([pattern.verdict for pattern in patterns], pa.string()),
            pa.array([pattern.violated for pattern in patterns], lists),
            pa.array([pattern.unjudged for pattern in patterns], lists),
            pa.array([pattern.exhaustive for pattern in patterns], pa.bool_()),
        ],
        ["id", "taxonomy", "verdict", "violated", "unjudged", "exhaustive"],
    )


@pytest.mark.parametrize("assume", ASSUMPTIONS)
def test_rows_of_a_batch_are_answered_as_each_alone(assume):
    chance = random.Random("rows")
    for graph, items, _ in drawn_graphs()[:30]:
        translator = Translator(graph, items, assume)
        patterns = [draw_pattern(chance, graph.taxonomies[chance.choice(("one", "two"))]) for _ in range(40)]
        alone = [translator.translate(pattern.taxonomy, [pattern]) for pattern in patterns]
        kept = [number for number, found in enumerate(alone) if not found.contradiction[0]]
        table = translator.rows(as_batch([patterns[number] for number in kept]))
        assert table.dtype == np.int8 and table.tolist() == [alone[number].answers[0].tolist() for number in kept]
        if len(kept) < len(patterns):
            first = next(number for number in range(len(patterns)) if number not in kept)
            with pytest.raises(ContradictionError, match=f"^row {first}: "):
                translator.rows(as_batch(patterns))


def test_no_rows_give_a_table_without_rows():
    graph, items, _ = drawn_graphs()[0]
    assert Translator(graph, items).rows(as_batch([])).shape == (0, len(items))


def test_packed_answers_hold_yes_and_then_unknown_also_beyond_64_items():
    vocabulary = make_vocabulary("litter", "noise")
    graph = make_graph(vocabulary, (make_taxonomy("park", ("rubbish", "racket")), {"rubbish": (["litter"], []), "racket": (["noise"], [])}))
    items = [Wanted(str(number), ("park:rubbish" if number % 3 else "park:racket",)) for number in range(70)]
    found = Translator(graph, items).translate("park", [Pattern("park", "unsafe", ("rubbish",), (), False), Pattern("park", "safe", (), (), True)])
    words = found.packed()
    for row in range(2):
        unpacked = [[bool(int(words[row, 2 * half + number // 64]) >> number % 64 & 1) for number in range(70)] for half in (0, 1)]
        assert unpacked == [(found.answers[row] == YES).tolist(), (found.answers[row] == UNKNOWN).tolist()]


# --- what publishers state -----------------------------------------------------------------------------------------------------------

VOCABULARY = make_vocabulary("litter", "graffiti", ("noise", ("shouting", "drumming")), "queue-jumping")
PARK = make_taxonomy(
    "park",
    {
        "dirt": {}, "rubbish": {"parent": "dirt"}, "scrawl": {"parent": "dirt"}, "refuse": {"same_as": ("park:rubbish",)},
        "racket": {}, "juggling": {"harm": False},
    },
)  # fmt: skip
HALL = make_taxonomy("hall", {"untidiness": {}, "waste": {"parent": "untidiness", "same_as": ("park:rubbish",)}, "din": {}, "magic": {"harm": False}})
# Everything is left open: what follows here does not follow from extents.
OPEN = {"rubbish": ((), ["litter"]), "scrawl": ((), ["graffiti"]), "refuse": ((), ["litter"]), "racket": ((), ["noise"])}
OPEN_HALL = {"waste": ((), ["litter"]), "din": ((), ["noise"])}
STATED = make_graph(VOCABULARY, (PARK, OPEN), (HALL, OPEN_HALL))


def said(taxonomy, violated=(), cleared=()):
    """A pattern that judges exactly these categories."""
    unjudged = tuple(slug for slug in taxonomy.by_slug if slug not in violated and slug not in cleared)
    return Pattern(taxonomy.id, None, tuple(violated), unjudged, True)


def answers(graph, pattern, *items, assume="open"):
    """Answers to items; a text is an item of one reference."""
    wanted = [Wanted(str(item), (item,)) if isinstance(item, str) else Wanted(str(item), *item) for item in items]
    found = Translator(graph, wanted, assume).translate(pattern.taxonomy, [pattern])
    assert not found.contradiction.any()
    return [ANSWERS[code] for code in found.answers[0]]


def test_a_label_entails_itself_its_ancestors_and_its_twins_whatever_is_left_open():
    every = ("park:rubbish", "park:dirt", "park:refuse", "hall:waste", "hall:untidiness", "park:scrawl", "park:racket", "hall:din")
    assert answers(STATED, said(PARK, ["rubbish"]), *every) == ["yes"] * 5 + ["unknown"] * 3
    assert answers(STATED, said(HALL, ["waste"]), *every) == ["yes"] * 5 + ["unknown"] * 3
    assert answers(STATED, said(PARK, ["dirt"]), *every) == ["unknown", "yes", *["unknown"] * 6]


def test_a_cleared_ancestor_clears_what_is_below_it_and_the_twins_of_that():
    every = ("park:rubbish", "park:scrawl", "park:dirt", "park:refuse", "hall:waste", "hall:untidiness", "park:racket")
    assert answers(STATED, said(PARK, cleared=["dirt"]), *every) == ["no"] * 5 + ["unknown"] * 2


def test_a_no_passes_to_twins_and_not_upwards():
    every = ("park:refuse", "hall:waste", "park:rubbish", "park:dirt", "hall:untidiness")
    assert answers(STATED, said(PARK, cleared=["rubbish"]), *every) == ["no"] * 3 + ["unknown"] * 2
    assert answers(STATED, said(HALL, cleared=["waste"]), *every) == ["no"] * 3 + ["unknown"] * 2


@pytest.mark.parametrize("item", ["park:rubbish", "hall:waste", "park:refuse", "park:racket"])
@pytest.mark.parametrize(("one", "other"), [("rubbish", "refuse"), ("refuse", "rubbish"), ("rubbish", "dirt"), ("refuse", "dirt")])
def test_labels_against_what_is_stated_are_a_contradiction_whatever_is_asked(one, other, item):
    pattern = said(PARK, [one], [other])
    assert Translator(STATED, [Wanted("item", (item,))]).translate("park", [pattern]).contradiction.tolist() == [True]
    assert Translator(STATED, [Wanted("own", (), Extent({"noise"}, {"noise"}))]).translate("park", [pattern]).contradiction.tolist() == [True]


def test_a_cleared_child_or_sibling_does_not_contradict_a_label():
    assert answers(STATED, said(PARK, ["dirt"], ["rubbish"]), "park:dirt", "park:rubbish", "park:scrawl") == ["yes", "no", "unknown"]


def test_what_is_stated_against_what_extents_say_is_reported():
    """The twin is cleared, so the item is not met; the label lies certainly inside the item's extent, so it is."""
    extents = {**OPEN, "scrawl": (["litter"], [])}
    graph = make_graph(VOCABULARY, (PARK, extents), (HALL, {"waste": (["litter"], [])}))
    pattern = said(PARK, ["scrawl"], ["rubbish"])
    assert Translator(graph, [Wanted("item", ("hall:waste",))]).translate("park", [pattern]).contradiction.tolist() == [True]
    assert Translator(graph, [Wanted("item", ("park:scrawl",))]).translate("park", [pattern]).contradiction.tolist() == [False]


@pytest.mark.parametrize("assume", ASSUMPTIONS)
@pytest.mark.parametrize("pattern", [said(PARK, ["juggling"]), said(PARK, cleared=["juggling"]), said(PARK)])
def test_labels_of_what_is_no_harm_take_no_part(pattern, assume):
    graph = make_graph(
        VOCABULARY, (PARK, {"rubbish": (["litter"], []), "racket": (["noise"], [])}), (HALL, {"waste": (["litter"], []), "din": (["noise"], [])})
    )
    items = ("park:rubbish", "park:racket", "hall:waste", "hall:din", "hall:magic", ((), Extent({"litter"}, {"litter"})))
    assert answers(graph, pattern, *items, assume=assume) == ["unknown"] * 6
    found = Translator(graph, []).translate("park", [pattern])
    assert not found.possible.any() and found.left == ()


def test_what_is_no_harm_stays_unknown_and_keeps_an_item_from_being_no():
    graph = make_graph(VOCABULARY, (PARK, {"rubbish": (["litter"], [])}), (HALL, {"waste": (["litter"], [])}))
    pattern = said(PARK, cleared=["rubbish"])
    assert answers(graph, pattern, "hall:magic", (("hall:waste", "hall:magic"),), (("hall:waste", "hall:din"),), "hall:waste") == ["unknown"] * 3 + ["no"]


def test_an_item_of_several_parts_is_yes_if_one_is_and_no_only_if_all_are():
    graph = make_graph(VOCABULARY, (PARK, {**OPEN, "racket": (["noise"], [])}), (HALL, OPEN_HALL))
    quiet, queue = Extent({"drumming"}, {"drumming", "shouting"}), Extent((), {"queue-jumping"})
    stated = said(PARK, cleared=["rubbish"])
    both = said(PARK, cleared=["rubbish", "racket"])
    two, mixed, more = ("park:rubbish", "park:scrawl"), (("hall:waste",), quiet), (("hall:waste",), queue)
    assert answers(graph, stated, (two,), mixed, more, "hall:waste") == ["unknown", "unknown", "unknown", "no"]
    assert answers(graph, both, (two,), mixed, more, (("hall:waste", "hall:din"), quiet)) == ["unknown", "no", "unknown", "no"]
    assert answers(graph, said(PARK, ["scrawl"], ["rubbish"]), (two,), mixed) == ["yes", "unknown"]


def test_parts_together_can_hold_what_no_part_holds_alone():
    graph = make_graph(VOCABULARY, (PARK, {"racket": (["shouting"], ["queue-jumping"])}), (HALL, {"waste": (["shouting"], []), "din": (["queue-jumping"], [])}))
    pattern = said(PARK, ["racket"])
    assert answers(graph, pattern, "hall:waste", "hall:din", (("hall:waste", "hall:din"),)) == ["unknown", "unknown", "yes"]
    assert answers(graph, pattern, (("hall:waste",), Extent({"queue-jumping"}, {"queue-jumping"}))) == ["yes"]


def test_a_label_of_a_concept_may_stand_for_all_below_it():
    graph = make_graph(VOCABULARY, (PARK, {"racket": (["noise"], [])}), (HALL, {"din": (["shouting", "drumming"], []), "waste": (["noise"], [])}))
    assert answers(graph, said(PARK, ["racket"]), "hall:din", "hall:waste") == ["unknown", "yes"]
    assert answers(graph, said(PARK, cleared=["racket"]), "hall:din", "hall:waste") == ["no", "no"]
    found = Translator(graph, []).translate("park", [said(PARK, ["racket"])])
    assert graph.bits.unpack(found.possible[0]) == {"noise", "shouting", "drumming"}


def test_an_answer_of_a_person_settles_what_is_unknown_and_nothing_else():
    items = [Wanted(name, (name,)) for name in ("park:dirt", "park:scrawl", "hall:din", "park:racket")]
    pattern = said(PARK, ["rubbish"])._replace(answered=(("park:dirt", False), ("park:scrawl", True), ("hall:din", False), ("elsewhere", True)))
    assert Translator(STATED, items).translate("park", [pattern]).answers.tolist() == [[YES, YES, NO, UNKNOWN]]


def test_every_bundled_label_entails_itself_its_ancestors_and_its_twins():
    graph = load_graph()
    everyone = [(f"{name}:{item.slug}", name, item) for name, taxonomy in graph.taxonomies.items() for item in taxonomy.categories]
    checked = 0
    for name, taxonomy in graph.taxonomies.items():
        mapped = [slug for slug in taxonomy.by_slug if graph.extents[f"{name}:{slug}"] is not None]
        expected = {slug: stated_by_hand(everyone, f"{name}:{slug}") for slug in mapped}
        names = sorted(set().union(*expected.values())) if expected else []
        for assume in ASSUMPTIONS:
            found = Translator(graph, [Wanted(item, (item,)) for item in names], assume).translate(
                name, [Pattern(name, "unsafe", (slug,), (), False) for slug in mapped]
            )
            for number, slug in enumerate(mapped):
                assert not found.contradiction[number], f"{name}:{slug}"
                told = {item for item, code in zip(names, found.answers[number], strict=True) if code == YES}
                assert expected[slug] <= told, f"{name}:{slug} does not entail {sorted(expected[slug] - told)}"
        checked += len(mapped)
    tell(f"{checked} categories")
    assert checked > 500


def stated_by_hand(everyone, category):
    """A category, and everything that parents and declared twins lead to."""
    found = {category}
    while True:
        more = {f"{name}:{item.parent}" for here, name, item in everyone if here in found and item.parent is not None}
        more |= {twin for here, _, item in everyone if here in found for twin in item.same_as}
        more |= {here for here, _, item in everyone if not found.isdisjoint(item.same_as)}
        if more <= found:
            return found
        found |= more


# --- groups --------------------------------------------------------------------------------------------------------------------------


def group_of(violated, items, cleared_extent=()):
    """Names of the group for labels with these extents, each a pair of concepts (certain, possible)."""
    slugs = {f"label-{number}": extent for number, extent in enumerate(violated)}
    taxonomy = make_taxonomy("park", (*slugs, "gone"))
    graph = make_graph(VOCABULARY, (taxonomy, {**slugs, "gone": (cleared_extent, ())}))
    wanted = [Wanted(name, (), Extent(certain, {*certain, *possible})) for name, (certain, possible) in items.items()]
    found = Translator(graph, wanted).translate("park", [said(taxonomy, slugs, ["gone"])])
    assert not found.contradiction.any()
    return {name for name, member in zip(items, found.group[0], strict=True) if member}


BASKET = {"bins": (["litter"], []), "walls": (["graffiti"], []), "queues": (["queue-jumping"], []), "vague": ([], ["litter", "graffiti"])}


def test_a_label_inside_the_union_of_two_items_makes_a_group_of_exactly_these():
    assert group_of([(["litter"], ["graffiti"])], BASKET) == {"bins", "walls"}


def test_a_label_that_reaches_beyond_all_items_makes_no_group():
    assert group_of([(["litter"], ["graffiti", "shouting"])], BASKET) == set()
    assert group_of([(["litter"], ["graffiti"])], {"bins": (["litter"], []), "vague": ([], ["graffiti"])}) == set()


def test_what_is_cleared_need_not_be_covered_by_the_group():
    assert group_of([(["litter"], ["graffiti", "shouting"])], BASKET, ["shouting"]) == {"bins", "walls"}


def test_there_is_no_group_where_one_item_is_certain():
    assert group_of([(["litter"], ["graffiti"]), (["queue-jumping"], [])], BASKET) == set()
    assert group_of([(["litter"], ["graffiti"])], {**BASKET, "mess": (["litter", "graffiti"], [])}) == set()


def test_of_several_groups_the_smallest_is_told():
    three, two = (["litter"], ["graffiti", "queue-jumping"]), (["graffiti"], ["queue-jumping"])
    assert group_of([three], BASKET) == {"bins", "walls", "queues"}
    assert group_of([three, two], BASKET) == group_of([two, three], BASKET) == {"walls", "queues"}


def test_there_is_a_group_exactly_where_no_world_has_the_text_in_none_of_the_items():
    chance, counts = random.Random("groups"), Counter()
    universe = tuple("abcde")
    vocabulary = make_vocabulary(*universe)
    while min(counts["group"], counts["none"]) < 150:
        case = draw_case(chance, "open")._replace(universe=universe)
        if any(extent is None or not extent[1] for extent in case.given.values()) or "f" in set().union(*(outer for _, outer in case.given.values())):
            continue
        targets = [draw_extent(chance, universe, 0.35, 0.1) for _ in range(4)]
        taxonomy = make_taxonomy("park", tuple(case.given))
        graph = make_graph(vocabulary, (taxonomy, {slug: (sorted(inner), sorted(outer - inner)) for slug, (inner, outer) in case.given.items()}))
        found = Translator(graph, [Wanted(str(number), (), Extent(*target)) for number, target in enumerate(targets)]).translate(
            "park", [said(taxonomy, case.violated, case.cleared)]
        )
        if found.contradiction[0] or found.yes.any():
            continue
        members = [target for target, member in zip(targets, found.group[0], strict=True) if member]
        counts["group" if members else "none"] += 1
        assert bool(members) == (not all_may_fail(case, targets))
        assert not members or not all_may_fail(case, members)
        assert len(members) != 1
    tell(f"{dict(counts)}")


def test_what_is_known_not_to_hold_is_no_member_of_a_group():
    """By an answer of a person, or because a twin is cleared that covers something else."""
    graph = make_graph(
        VOCABULARY, (PARK, {"scrawl": (["litter"], ["graffiti"]), "rubbish": (["noise"], [])}), (HALL, {"waste": (["litter"], []), "din": (["graffiti"], [])})
    )
    translator = Translator(graph, [Wanted("waste", ("hall:waste",)), Wanted("din", ("hall:din",))])
    plain = said(PARK, ["scrawl"])
    patterns = [plain, plain._replace(answered=(("waste", False),)), plain._replace(answered=(("waste", True),)), said(PARK, ["scrawl"], ["rubbish"])]
    found = translator.translate("park", patterns)
    assert found.group.tolist() == [[True, True], [False, True], [False, False], [False, True]]
    assert found.answers.tolist() == [[UNKNOWN, UNKNOWN], [NO, UNKNOWN], [YES, UNKNOWN], [NO, UNKNOWN]]
    assert found.answered.tolist() == [False, True, True, False] and not found.contradiction.any()


def test_what_each_label_may_stand_for_is_kept():
    graph = make_graph(VOCABULARY, (PARK, {"rubbish": (["litter"], ["graffiti"]), "racket": (["noise"], ["litter"]), "scrawl": (["graffiti"], [])}))
    found = Translator(graph, []).translate("park", [said(PARK, ["racket"]), said(PARK, ["rubbish", "racket"], ["scrawl"])])
    told = {left.slug: [(row, graph.bits.unpack(rest)) for row, rest in zip(left.patterns.tolist(), left.rest, strict=True)] for left in found.left}
    racket = {"noise", "shouting", "drumming", "litter"}
    assert told == {"rubbish": [(1, {"litter"})], "racket": [(0, racket), (1, racket)]}
    assert [graph.bits.unpack(mask) for mask in found.possible] == [racket, racket]


# --- errors --------------------------------------------------------------------------------------------------------------------------

LITTER, NOISE = Extent({"litter"}, {"litter"}), Extent({"noise"}, {"noise"})


@pytest.mark.parametrize("place", ["violated", "cleared", "unjudged"])
def test_a_label_that_is_not_given_is_told_with_what_is_near(place):
    labels = {"violated": (), "cleared": (), "unjudged": (), place: ("rubish",)}
    with pytest.raises(UnknownNameError, match=r"no category in given named 'rubish'. Did you mean rubbish?"):
        decide({"rubbish": LITTER, "racket": NOISE}, wanted={}, **labels)


def test_labels_that_no_text_can_have_are_told_by_name():
    with pytest.raises(ContradictionError, match="both in and not in racket"):
        decide({"rubbish": LITTER, "racket": NOISE}, ["racket"], {}, cleared=["racket"])
    with pytest.raises(ContradictionError, match="rubbish is violated, yet everything that it covers is cleared"):
        decide({"rubbish": LITTER, "dirt": LITTER | NOISE}, ["rubbish"], {}, cleared=["dirt"])


def test_an_item_that_refers_to_nothing_known_is_told_at_once():
    with pytest.raises(UnknownNameError, match=r"no category of park named 'rubish'. Did you mean rubbish?"):
        Translator(STATED, [Wanted("item", ("park:rubish",))])


def test_an_item_that_refers_to_nothing_is_refused():
    with pytest.raises(PolicyError, match=r"item 'empty' refers to nothing\. Give it categories or concepts"):
        Translator(STATED, [Wanted("full", ("park:rubbish",)), Wanted("empty")])
