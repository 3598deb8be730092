"""Contract tests over every bundled taxonomy, and the one YAML reader."""

from __future__ import annotations

import contextlib
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taxonomy_bridge import registry, yamlfile
from taxonomy_bridge.errors import ProblemsError, TaxonomyBridgeError
from taxonomy_bridge.formats._base import check_names
from taxonomy_bridge.labels import Pattern, cleared, join_votes, slug_lists, slug_table
from taxonomy_bridge.policy import taxonomy_policy
from taxonomy_bridge.taxonomy import Category, Labels, Taxonomy, load_taxonomy

NAMES = registry.names("taxonomies")


@pytest.fixture(params=NAMES)
def taxonomy(request):
    return load_taxonomy(request.param)


def test_ids_slugs_and_parents_are_well_formed(taxonomy):
    assert re.fullmatch(r"[a-z0-9][a-z0-9.-]*", taxonomy.id)
    for category in taxonomy.categories:
        assert re.fullmatch(r"[a-z0-9_-]+", category.slug)
        assert len(taxonomy.ancestors(category.slug)) < 5
        assert category.definition is None or len(category.definition) >= 5


def test_every_category_is_found_by_every_string_of_its_own(taxonomy):
    for category in taxonomy.categories:
        for native in category.native:
            assert taxonomy.by_native[native.casefold()] == category.slug


def test_what_is_not_assignable_has_children_or_lies_below_something_assignable(taxonomy):
    """Groups, and labels finer than the list."""
    for category in taxonomy.categories:
        if not category.assignable:
            assert not category.harm or taxonomy.children(category.slug) or any(taxonomy[above].assignable for above in taxonomy.ancestors(category.slug)), (
                category.slug
            )


def test_every_displayed_name_is_reachable_under_the_corrected_matcher(taxonomy):
    policy = taxonomy_policy(taxonomy)
    check_names([item.name for item in policy.items], registry.load("formats", "gspr"), "corrected")


def test_how_the_labels_were_made_rests_on_a_stated_basis(taxonomy):
    assert len(taxonomy.labels.basis) > 10


def small(multi: bool, precedence: tuple[str, ...] = ()) -> Taxonomy:
    categories = (
        Category(slug="a", name="A"),
        Category(slug="b", name="B"),
        Category(slug="group", name="Group", assignable=False),
        Category(slug="c", name="C", parent="group"),
        Category(slug="d", name="D", parent="group"),
        Category(slug="other", name="Other", residual=True),
    )
    labels = Labels(multi_label=multi, exhaustive=multi)
    return Taxonomy(id="small", title="", version="1", year=2024, publisher="", labels=labels, precedence=precedence, categories=categories)


def say(verdict, violated=(), unjudged=(), exhaustive=True):
    return Pattern("small", verdict, tuple(violated), tuple(unjudged), exhaustive)


CASES = [
    # multi-label?, precedence, pattern, cleared
    (True, (), say("safe"), {"a", "b", "group", "c", "d", "other"}),
    (True, (), say("safe", unjudged=["c"]), {"a", "b", "d", "other"}),
    (True, (), say("unsafe", ["a"]), {"b", "group", "c", "d"}),
    (True, (), say("unsafe", ["c", "group"]), {"a", "b", "d"}),
    (True, (), say("unsafe", ["a"], ["d"]), {"b", "c"}),
    (True, (), say("unsafe", ["a"], exhaustive=False), set()),
    (True, (), say("unsafe"), set()),
    (True, (), say(None, unjudged=["c", "d"]), {"a", "b", "other"}),
    (True, (), say(None, exhaustive=False), set()),
    (True, (), say("borderline", unjudged=["a"]), {"b", "group", "c", "d"}),
    (True, (), say("borderline"), set()),
    (False, (), say("unsafe", ["a"]), set()),
    (False, (), say("unsafe", ["other"]), {"a", "b", "group", "c", "d"}),
    (False, ("b", "a", "c", "d"), say("unsafe", ["a"]), {"b"}),
    (False, ("b", "a", "c", "d"), say("unsafe", ["b"]), set()),
]


@pytest.mark.parametrize(("multi", "precedence", "pattern", "expected"), CASES)
def test_what_a_judgement_clears(multi, precedence, pattern, expected):
    assert cleared(pattern, small(multi, precedence)) == expected


def test_a_safe_verdict_that_does_not_speak_about_the_list_clears_nothing():
    assert cleared(say("safe"), small(True), safe_clears=False) == set()


def test_toxicchat_unsafe_without_a_category_clears_nothing():
    toxic = load_taxonomy("toxicchat")
    assert cleared(Pattern("toxicchat", "unsafe", (), (), True), toxic) == set()
    assert cleared(Pattern("toxicchat", "unsafe", ("toxicity",), (), True), toxic) == set()


@given(st.lists(st.lists(st.booleans(), min_size=3, max_size=3), min_size=1, max_size=9), st.lists(st.booleans(), min_size=9, max_size=9))
def test_votes_are_joined_by_strict_majority(ticks, safe):
    """Against the rule spelled out one annotator at a time."""
    import numpy as np

    votes = [([] if is_safe else tick) for tick, is_safe in zip(ticks, safe, strict=False)]
    unsafe = [tick for tick, is_safe in zip(ticks, safe, strict=False) if not is_safe]
    joined = join_votes(np.array([len(unsafe)]), np.array([len(votes) - len(unsafe)]), np.array([[sum(tick[k] for tick in unsafe) for k in range(3)]]))
    expected = 1 if 2 * len(unsafe) > len(votes) else 0 if 2 * len(unsafe) < len(votes) else 2
    assert joined.verdict[0] == expected
    for k in range(3):
        count = sum(tick[k] for tick in unsafe)
        assert joined.violated[0, k] == (expected == 1 and 2 * count > len(unsafe))
        assert joined.unjudged[0, k] == (count > 0 and not joined.violated[0, k])


@given(st.lists(st.lists(st.booleans(), min_size=4, max_size=4), max_size=8))
def test_slug_lists_and_tables_are_inverse(rows):
    import numpy as np

    table = np.array(rows, bool).reshape(len(rows), 4)
    slugs = ["a", "b", "c", "d"]
    assert (slug_table(slug_lists(table, slugs), slugs) == table).all()


HOSTILE = {
    "duplicate key": ("a: 1\nb: 2\na: 3", "t.yaml:3"),
    "alias": ("a: &x 1\nb: *x", "anchors"),
    "tag": ("a: !!python/object:os.system x", "tags"),
    "deep": ("[" * 60 + "]" * 60, "nested deeper"),
    "very deep": ("[" * 1_000_000, "nested deeper"),
    "two documents": ("a: 1\n---\nb: 2", "not valid YAML"),
    "broken": ("a: [1, 2", "not valid YAML"),
    "huge": ("a: " + "x" * (5 << 20), "larger than"),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_hostile_yaml_is_refused_with_a_place(case):
    text, word = HOSTILE[case]
    with pytest.raises(ProblemsError, match=re.escape(word)):
        yamlfile.parse(text, "t.yaml")


@given(st.text(max_size=60))
def test_any_text_parses_or_is_refused_by_our_error(text):
    with contextlib.suppress(TaxonomyBridgeError):
        yamlfile.parse(text)
