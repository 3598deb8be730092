"""Traps that hold across data sets: categories on safe rows, codes that mean different things, sets inside sets, and borders that lists draw differently."""

from __future__ import annotations

import json

import pytest
from decoding import rows_of

from taxonomy_bridge import registry
from taxonomy_bridge.errors import UnknownNameError
from taxonomy_bridge.extents import Relation
from taxonomy_bridge.graph import load_graph
from taxonomy_bridge.lineage import overlaps, users
from taxonomy_bridge.taxonomy import load_taxonomy

# --- a category on a row does not make it unsafe ------------------------------------------------------------------------------

# source, config, native field that names a category or theme on safe rows
THEMES = [
    ("jailbreakbench", "behaviors", "Category"),
    ("or-bench", "or-bench-80k", "category"),
    ("or-bench", "or-bench-hard-1k", "category"),
    ("coconot", "contrast", "category"),
    ("coconot", "pref", "category"),
    ("wildguardmix", "wildguardtrain", "subcategory"),
    ("diasafety", None, "category"),
    ("cold", None, "topic"),
    ("toxigen", "annotated", "target_group"),
    ("aegis-2", None, "violated_categories"),
]


@pytest.mark.parametrize(("name", "config", "field"), THEMES, ids=lambda value: str(value))
def test_a_category_on_a_safe_row_is_no_violation(name, config, field):
    named = [row for row in rows_of(name, config) if row["verdict"] == "safe" and json.loads(row["native"]).get(field)]
    assert named, "no safe row of the fixture names a category"
    assert all(row["violated"] == [] for row in named)


def test_no_source_ever_violates_a_category_on_a_safe_row():
    for name in registry.names("sources"):
        assert all(row["violated"] == [] for row in rows_of(name) if row["verdict"] != "unsafe" and row["verdict"] is not None), name


# --- codes ----------------------------------------------------------------------------------------------------------------------

S3 = {
    "openai-moderation-2022": "sexual_minors", "llama-guard-2": "sex_related_crimes", "llama-guard-3": "sex_related_crimes",
    "nemoguard-content-safety": "criminal_planning_confessions", "bingoguard": "sexual_content", "pku-saferlhf": "discriminatory_behavior",
}  # fmt: skip


def test_one_code_is_six_things():
    graph = load_graph()
    assert {name: graph.resolve(f"{name}:S3").split(":")[1] for name in S3} == S3
    with pytest.raises(UnknownNameError):
        graph.resolve("S3")


def test_llama_guard_editions_part_at_s5():
    graph = load_graph()
    same = [graph.relation(f"llama-guard-2:S{number}", f"llama-guard-3:S{number}") is Relation.EQUAL for number in range(1, 12)]
    assert same[:4] == [True] * 4 and not any(same[4:])


def test_a_code_is_never_matched_by_its_beginning():
    listed = load_taxonomy("llama-guard-3")
    assert listed.by_native["s1"] != listed.by_native["s10"] and len({listed.by_native[f"s{number}"] for number in range(1, 15)}) == 14
    rows = [row for row in rows_of("polyguard-prompts") if row["verdict"] == "unsafe" and row["violated"]]
    slugs = {category.code: category.slug for category in load_taxonomy("polyguard").categories}
    for row in rows:
        told = {code for key, value in json.loads(row["native"]).items() if key == f"{row['judged']}_safety_categories" for code in str(value).split()}
        assert set(row["violated"]) == {slugs[code] for code in told if code in slugs} or not told


def test_salad_numbers_restart_at_every_level_and_names_decide():
    listed = load_taxonomy("salad-bench")
    numbers = [native.split(":")[0] for category in listed.categories for native in category.native if ":" in native]
    assert numbers.count("O1") >= 3, "the same O number stands at every level"
    for category in listed.categories:
        assert all(listed.by_native[native.casefold()] == category.slug for native in category.native)


def test_o_codes_of_guards_differ():
    graph = load_graph()
    assert graph.resolve("aegis-1.0:O3") == "aegis-1.0:criminal_planning_confessions" and graph.resolve("llama-guard-1:O1") == "llama-guard-1:violence_and_hate"
    assert graph.relation("llama-guard-1:O1", "aegis-1.0:O1") is not Relation.EQUAL


def test_sorry_bench_numbers_shift_after_eleven():
    new = {json.loads(row["native"])["category"]: tuple(row["violated"]) for row in rows_of("sorry-bench")}
    old = {json.loads(row["native"])["category"]: tuple(row["violated"]) for row in rows_of("sorry-bench-202406")}
    assert {new[str(number)] == old[str(number)] for number in range(1, 12)} == {True}
    assert {new[str(number - 1)] == old[str(number)] for number in range(13, 46)} == {True}
    assert old["12"] == () and "45" not in new


# --- borders that lists draw differently ------------------------------------------------------------------------------------------


def covers(category: str, concept: str) -> str:
    extent = load_graph().extent(category)
    return "certainly" if concept in extent.inner else "possibly" if concept in extent.outer else "no"


def test_hostility_to_groups_without_protection():
    assert covers("openai-moderation-api:hate", "nonprotected-group-hostility") == "no"
    assert covers("hatecheck:hateful", "nonprotected-group-hostility") == "no"


def test_drugs_alcohol_and_tobacco():
    assert covers("beavertails:drug_abuse_weapons_banned_substance", "drug-trafficking") == "certainly"
    for name in ("aegis-2.0:controlled_regulated_substances", "llama-guard-1:regulated_or_controlled_substances"):
        assert covers(name, "alcohol") != "no" and covers(name, "tobacco") != "no", name
    assert covers("llama-guard-3:S2", "drug-trafficking") == "certainly" and covers("ailuminate-1.0:ncr", "drug-trafficking") == "certainly"


def test_weapons_of_mass_destruction_and_firearms():
    for concept in ("chemical-weapons", "biological-weapons", "radiological-nuclear-weapons"):
        assert covers("llama-guard-3:S9", concept) == "certainly", concept
    assert covers("llama-guard-3:S9", "firearm-making") == "no" and covers("llama-guard-3:S2", "firearm-acquisition") != "no"


def test_prostitution_and_abuse_of_children():
    assert covers("llama-guard-3:S3", "prostitution") == "certainly" and covers("ailuminate-1.0:src", "prostitution") != "certainly"
    assert covers("llama-guard-3:S1", "child-physical-abuse") == "certainly" and covers("ailuminate-1.0:vcr", "child-physical-abuse") == "certainly"
    assert covers("beavertails:child_abuse", "child-physical-abuse") == "certainly"


def test_advice_with_safeguards():
    assert covers("ailuminate-1.0:spc", "advice-with-safeguards") == "no" or covers("ailuminate-1.0:spc_hlt", "advice-with-safeguards") == "no"


# --- sets inside sets -----------------------------------------------------------------------------------------------------------------

# a set, and a set that holds texts of it
INSIDE = [
    ("beavertails", "qwen3guard-test"), ("beavertails", "pku-saferlhf"), ("wildguardmix", "polyguard-prompts"), ("anthropic-red-team", "multijail"),
    ("anthropic-red-team", "salad-bench"), ("hh-rlhf-harmless", "aegis-1"), ("advbench", "strongreject"), ("malicious-instruct", "strongreject"),
    ("forbidden-questions", "strongreject"), ("advbench", "jailbreakbench"), ("advbench", "salad-bench"), ("forbidden-questions", "salad-bench"),
    ("xstest", "xstest-response"),
]  # fmt: skip


@pytest.mark.parametrize(("origin", "user"), INSIDE)
def test_known_overlaps_are_told(origin, user):
    assert user in users(origin)
    assert overlaps([registry.load("sources", origin), registry.load("sources", user)])


def test_hard_prompts_of_or_bench_lie_inside_the_large_set():
    assert any("part of or-bench-80k" in quirk for quirk in registry.load("sources", "or-bench").quirks)
