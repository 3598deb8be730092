"""Extents and their relations: a finite algebra, gone through in full."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from worlds import every_extent, texts, truths

from taxonomy_bridge.extents import RELATIONS, Bits, Extent, Relation, relate, relate_all

CONCEPTS = ("litter", "noise", "queues")
PAIRS = list(every_extent(CONCEPTS))
EXTENTS = [Extent(*pair) for pair in PAIRS]
CONVERSE = {
    Relation.EQUAL: Relation.EQUAL,
    Relation.NARROWER: Relation.BROADER,
    Relation.BROADER: Relation.NARROWER,
    Relation.OVERLAPPING: Relation.OVERLAPPING,
    Relation.DISJOINT: Relation.DISJOINT,
    Relation.UNCLEAR: Relation.UNCLEAR,
    Relation.NOT_COMPARABLE: Relation.NOT_COMPARABLE,
}


def test_there_are_27_extents_over_three_concepts():
    assert len(set(EXTENTS)) == 27 and all(extent.inner <= extent.outer for extent in EXTENTS)


def test_what_is_certain_is_possible():
    for inner, outer in itertools.product(texts(CONCEPTS), repeat=2):
        if inner <= outer:
            assert (Extent(inner, outer).inner, Extent(inner, outer).outer) == (inner, outer)
        else:
            with pytest.raises(ValueError, match=f"^certain, yet not possible: {', '.join(sorted(inner - outer))}. outer must hold inner.$"):
                Extent(inner, outer)


def test_an_extent_is_a_value():
    extent = Extent(["noise"], ["noise", "litter"])
    assert extent == Extent({"noise"}, ("litter", "noise")) and hash(extent) == hash(Extent({"noise"}, ("litter", "noise")))
    assert extent.open == {"litter"} and not extent.exact and Extent({"noise"}, {"noise"}).exact and Extent().exact
    with pytest.raises(AttributeError):
        extent.inner = frozenset()


def test_a_union_holds_what_either_side_holds():
    for a, b in itertools.product(EXTENTS, repeat=2):
        for text in texts(CONCEPTS):
            either = {one or other for one in truths(text, (a.inner, a.outer)) for other in truths(text, (b.inner, b.outer))}
            assert set(truths(text, ((a | b).inner, (a | b).outer))) == either


# --- relations -----------------------------------------------------------------------------------------------------------------------


def by_texts(a, b):
    """The relation, by looking at every text and at everything that may be true of it.

    Of two categories one is narrower if no text can be in it alone. What they share is asked of texts about one concept, since two
    categories without a common concept still share texts about two things.
    """
    seen = {pair for text in texts(CONCEPTS) for pair in itertools.product(truths(text, a), truths(text, b))}
    if (True, False) not in seen and (False, True) not in seen:
        return Relation.EQUAL
    if (True, False) not in seen:
        return Relation.NARROWER
    if (False, True) not in seen:
        return Relation.BROADER
    about_one = [set(itertools.product(truths(frozenset({concept}), a), truths(frozenset({concept}), b))) for concept in CONCEPTS]
    if not any((True, True) in pairs for pairs in about_one):
        return Relation.DISJOINT
    if any(pairs == {(True, True)} for pairs in about_one):
        return Relation.OVERLAPPING
    return Relation.UNCLEAR


def test_relations_are_those_that_the_texts_show():
    found = {(a, b): relate(Extent(*a), Extent(*b)) for a, b in itertools.product(PAIRS, repeat=2)}
    assert {pair: relation for pair, relation in found.items() if relation is not by_texts(*pair)} == {}
    assert set(found.values()) == set(Relation) - {Relation.NOT_COMPARABLE}


def test_every_category_with_sharp_borders_is_equal_to_itself_and_no_other_is():
    for extent in EXTENTS:
        assert (relate(extent, extent) is Relation.EQUAL) == extent.exact


@pytest.mark.parametrize("a", [*EXTENTS, None])
def test_a_relation_read_backwards_is_its_converse(a):
    for b in [*EXTENTS, None]:
        assert relate(b, a) is CONVERSE[relate(a, b)] is relate(a, b).converse


def test_every_relation_has_a_converse_and_is_the_converse_of_that():
    assert set(CONVERSE) == set(Relation) == set(RELATIONS)
    assert all(relation.converse.converse is relation for relation in Relation)


def test_being_narrower_is_passed_on():
    within = {Relation.EQUAL, Relation.NARROWER}
    for a, b, c in itertools.product(EXTENTS, repeat=3):
        if relate(a, b) in within and relate(b, c) in within:
            assert relate(a, c) in within


def test_what_has_no_extent_is_comparable_with_nothing():
    for extent in [*EXTENTS, None]:
        assert relate(extent, None) is relate(None, extent) is Relation.NOT_COMPARABLE


# --- bits ----------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("places", [(0, 1, 2), (0, 63, 64), (62, 64, 129)])
def test_all_relations_at_once_are_those_of_each_pair(places):
    names = [f"c{number}" for number in range(max(places) + 1)]
    for place, concept in zip(places, CONCEPTS, strict=True):
        names[place] = concept
    bits, extents = Bits(names), [None, *EXTENTS, None]
    assert bits.words == max(places) // 64 + 1
    found = relate_all(bits.masks(extents), bits.masks(extents[::-1]))
    assert found.dtype == np.int8 and found.shape == (29, 29)
    assert [[RELATIONS[code] for code in row] for row in found] == [[relate(a, b) for b in extents[::-1]] for a in extents]


def test_relations_of_nothing_are_an_empty_table():
    bits = Bits(CONCEPTS)
    assert relate_all(bits.masks([]), bits.masks(EXTENTS)).shape == (0, 27)
    assert relate_all(bits.masks(EXTENTS), bits.masks([])).shape == (27, 0)


@given(st.integers(0, 200).flatmap(lambda size: st.tuples(st.just(size), st.sets(st.integers(0, max(size - 1, 0)), max_size=size))))
def test_a_packed_set_is_unpacked_as_it_was(drawn):
    size, chosen = drawn
    bits = Bits([f"c{number}" for number in range(size)])
    mask = bits.pack({f"c{number}" for number in chosen})
    assert mask.shape == (max(1, -(-size // 64)),) and mask.dtype == np.uint64
    assert bits.unpack(mask) == {f"c{number}" for number in chosen}
    assert sum(int(word) << 64 * place for place, word in enumerate(mask)) == sum(1 << number for number in chosen)


def test_masks_have_a_row_per_extent_and_say_which_are_missing():
    names = [f"c{number}" for number in range(70)]
    bits = Bits(names)
    extents = [Extent({"c0"}, {"c0", "c69"}), None, Extent(), Extent(names, names)]
    masks = bits.masks(extents)
    assert masks.known.tolist() == [True, False, True, True]
    assert [(bits.unpack(inner), bits.unpack(outer)) for inner, outer in zip(masks.inner, masks.outer, strict=True)] == [
        (extent.inner, extent.outer) if extent else (frozenset(), frozenset()) for extent in extents
    ]
    taken = masks.take([3, 1])
    assert taken.known.tolist() == [True, False] and (taken.inner == masks.inner[[3, 1]]).all() and (taken.outer == masks.outer[[3, 1]]).all()


def test_a_concept_without_a_bit_is_no_member_of_a_mask():
    with pytest.raises(KeyError):
        Bits(CONCEPTS).pack(["shouting"])
