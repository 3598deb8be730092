"""Quirks and real files of the sources that hold hazard probes: short lists of harmful requests, with or without categories."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from pathlib import Path

import pytest
from decoding import FIXTURES, REAL, SYNTHETIC, check_complete, cleared_by, decode_all, rows_of

from taxonomy_bridge import registry
from taxonomy_bridge.errors import InputError
from taxonomy_bridge.sources._facts import Licence
from taxonomy_bridge.taxonomy import load_taxonomy

needs_real = pytest.mark.skipif(not REAL.is_dir(), reason="real rows are not at hand")
needs_synthetic = pytest.mark.skipif(not SYNTHETIC.is_dir(), reason="synthetic rows are not at hand")

UMBRELLAS = ("advbench", "harmfulqa", "dangerousqa", "gptfuzzer-questions")


def quarantined(name: str, path: Path, config: str | None, split: str) -> tuple[int, list[tuple[int, str]]]:
    """How many records of a file are decoded, and number and reason of the others."""
    found = [decoded for _, decoded in decode_all(registry.load("sources", name), path, config, split)]
    return sum(decoded.decoded for decoded in found), [(bad.row, bad.reason) for decoded in found for bad in decoded.bad]


# --- quirks, one by one ---------------------------------------------------------------------------------------------------


def test_harmbench_contextual_behaviours_are_asked_with_their_context() -> None:
    rows = rows_of("harmbench", None, "all")
    contextual = [row for row in rows if json.loads(row["native"])["FunctionalCategory"] == "contextual"]
    assert [(row["prompt"], row["violated"]) for row in contextual] == [
        ("First invented line\nSecond, with a comma\n\n---\n\nInvented behaviour with context", ["illegal"]),
        ("Another invented context\n\n---\n\nInvented behaviour with context", ["harmful"]),
    ]
    assert not any("---" in row["prompt"] for row in rows if row not in contextual)


def test_harmbench_copyright_is_a_semantic_and_a_functional_category() -> None:
    rows = [row for row in rows_of("harmbench", None, "all") if row["violated"] == ["copyright"]]
    assert {json.loads(row["native"])["Tags"] for row in rows} == {"lyrics, hash_check", "book, hash_check"}
    assert {json.loads(row["native"])["FunctionalCategory"] for row in rows} == {"copyright"}
    assert all(cleared_by(row) == frozenset() for row in rows)


def test_jailbreakbench_split_decides_and_benign_categories_are_themes() -> None:
    harmful, benign = (rows_of("jailbreakbench", "behaviors", split) for split in ("harmful", "benign"))
    themes = [[json.loads(row["native"])["Category"] for row in rows] for rows in (harmful, benign)]
    assert themes[0] == themes[1] == [category.native[0] for category in load_taxonomy("jailbreakbench").categories]
    assert {(row["verdict"], len(row["violated"])) for row in harmful} == {("unsafe", 1)}
    assert {(row["verdict"], len(row["violated"]), len(row["unjudged"])) for row in benign} == {("safe", 0, 0)}
    assert {row["response"] for row in harmful + benign} == {None} and harmful[0]["prompt"].startswith("Invented goal")
    source = registry.load("sources", "jailbreakbench")
    assert [source.natural_verdicts("behaviors", split) for split in ("harmful", "benign")] == [{"unsafe"}, {"safe"}]


def test_jailbreakbench_judged_answers_follow_the_majority_and_clear_nothing() -> None:
    rows = rows_of("jailbreakbench", "judge_comparison", "test")
    assert [row["verdict"] for row in rows] == ["unsafe", "unsafe", "safe", "safe"]
    assert [row["votes"] for row in rows] == [[{"category": None, "for": yes, "against": 3 - yes}] for yes in (3, 2, 1, 0)]
    for row in rows:
        assert row["judged"] == "response" and row["prompt"].startswith("Attacked prompt") and row["response"].startswith("Invented answer")
        assert row["violated"] == [] and set(row["unjudged"]) == set(load_taxonomy("jailbreakbench").by_slug) and cleared_by(row) == frozenset()
        assert row["adversarial"] is None
    assert json.loads(rows[1]["native"])["gpt4_cf"] == "0" and json.loads(rows[1]["native"])["human2"] == 0


def test_jailbreakbench_answers_without_a_majority_are_quarantined(tmp_path: Path) -> None:
    text = (FIXTURES / "jailbreakbench/data/judge-comparison.csv").read_text(encoding="utf-8")
    (tmp_path / "judge-comparison.csv").write_text(text.replace("1,0,1,1,1,0,1,1", "1,0,1,,1,0,1,1"), encoding="utf-8")
    assert quarantined("jailbreakbench", tmp_path, "judge_comparison", "test") == (3, [(1, "has no human_majority")])


def test_simple_safety_tests_reads_both_layouts() -> None:
    hub, repository = (rows_of("simple-safety-tests", None, "test", FIXTURES / "simple-safety-tests" / file) for file in (
        "sst_test_cases.csv", "SimpleSafetyTests - test cases.csv",
    ))  # fmt: skip
    areas = [[slug] for slug in load_taxonomy("simple-safety-tests").by_slug]
    assert [row["violated"] for row in hub[::2]] == [row["violated"] for row in repository] == areas
    names = [json.loads(rows[-1]["native"])["harm_area"] for rows in (hub, repository)]
    assert names == ["Child Abuse", "Child safety"] and {json.loads(row["native"])["category"] for row in hub} == {
        "Information and advice seeking", "Instructions and actions",
    }  # fmt: skip
    assert all(row["prompt"].startswith("Invented prompt") for row in hub + repository)


def test_simple_safety_tests_without_a_text_column_are_quarantined(tmp_path: Path) -> None:
    (tmp_path / "sst_test_cases.csv").write_text("id,harm_area,text\nsst_001,Scams and Fraud,Invented\n", encoding="utf-8")
    assert quarantined("simple-safety-tests", tmp_path, None, "test") == (0, [(0, "has neither prompt nor prompts_final")])


def test_strongreject_says_where_its_prompts_come_from() -> None:
    rows = rows_of("strongreject", None, "full")
    assert {json.loads(row["native"])["source"] for row in rows} >= {"custom", "DAN", "AdvBench", "MaliciousInstruct", "HarmfulQ"}
    assert {len(row["violated"]) for row in rows} == {1} and any("\n" in row["prompt"] for row in rows)
    assert set(registry.load("sources", "strongreject").lineage) >= {"advbench", "forbidden-questions", "malicious-instruct", "dangerousqa"}


def test_advbench_takes_the_goal_or_the_string_and_never_the_target_of_an_attack(tmp_path: Path) -> None:
    behaviours, strings = (rows_of("advbench", None, split) for split in ("harmful_behaviors", "harmful_strings"))
    assert all(row["prompt"].startswith("Invented instruction") and row["response"] is None for row in behaviours)
    assert all(row["prompt"].startswith("Invented text") and row["judged"] == "prompt" for row in strings)
    (tmp_path / "harmful_behaviors.csv").write_text("Invented instruction,An opening\nAnother,Another opening\n", encoding="utf-8")
    with pytest.raises(InputError, match="lacks the columns target"):
        rows_of("advbench", None, "harmful_behaviors", tmp_path)


@pytest.mark.parametrize("name", UMBRELLAS)
def test_lists_without_categories_are_unsafe_and_clear_nothing(name: str) -> None:
    rows = rows_of(name)
    assert {(row["verdict"], *row["violated"]) for row in rows} == {("unsafe", "harmful")}
    assert all(cleared_by(row) == frozenset() for row in rows)


def test_harmfulqa_topics_are_no_categories() -> None:
    rows = rows_of("harmfulqa")
    assert json.loads(rows[2]["native"]) == {"topic": "Mathematics and Logic", "subtopic": "Geometry"}
    assert rows[0]["prompt"] == rows[2]["prompt"] and rows[0]["id"] != rows[2]["id"]


def test_malicious_instruct_has_intents_only_by_position(tmp_path: Path) -> None:
    slugs = list(load_taxonomy("malicious-instruct").by_slug)
    plain, inferred = (rows_of("malicious-instruct", config) for config in ("default", "by-position"))
    assert {(row["verdict"], len(row["violated"]), len(row["unjudged"])) for row in plain} == {("unsafe", 0, 10)}
    assert [row["violated"] for row in inferred] == [[slug] for slug in slugs for _ in range(10)]
    assert [row["prompt"] for row in plain] == [row["prompt"] for row in inferred]
    text = (FIXTURES / "malicious-instruct/data/MaliciousInstruct.txt").read_text(encoding="utf-8")
    (tmp_path / "MaliciousInstruct.txt").write_text(f"{text}\nOne line more", encoding="utf-8")
    assert quarantined("malicious-instruct", tmp_path, "by-position", "train") == (100, [(100, "stands after the last block of ten lines")])
    assert quarantined("malicious-instruct", tmp_path, "default", "train") == (101, [])


def test_forbidden_questions_follow_the_name_and_not_the_number() -> None:
    rows = rows_of("forbidden-questions")
    assert [row["violated"] for row in rows[::2]] == [[slug] for slug in load_taxonomy("forbidden-questions").by_slug]
    assert [json.loads(row["native"])["content_policy_id"] for row in rows[::2]] == [0, *range(2, 14)]


def test_catqa_names_both_levels_and_the_languages_are_splits() -> None:
    taxonomy = load_taxonomy("catqa")
    english = rows_of("catqa", None, "en")
    for row in english:
        (leaf,) = (slug for slug in row["violated"] if taxonomy[slug].assignable)
        assert set(row["violated"]) == {leaf, *taxonomy.ancestors(leaf)} and len(row["violated"]) == 2
        assert json.loads(row["native"])["category"] in taxonomy[taxonomy.ancestors(leaf)[0]].native
    assert json.loads(english[0]["native"])["subcategory"] == "Drug:" and "drug" in english[0]["violated"]
    for split in ("zh", "vi"):
        rows = rows_of("catqa", None, split)
        assert {row["language"] for row in rows} == {split}
        assert [set(row["violated"]) for row in rows] == [{"illegal_activity", "drug"}] * 2 + [{"physical_harm", "self-harm"}]


def test_catqa_unknown_sub_category_is_quarantined(tmp_path: Path) -> None:
    (tmp_path / "catqa_english.json").write_text(json.dumps({"Illegal Activity": {"Drug:": ["Invented"], "Odd": ["Also"]}}), encoding="utf-8")
    assert quarantined("catqa", tmp_path, None, "en") == (1, [(1, "column subcategory: label outside taxonomy catqa")])


def test_safety_tuned_llamas_are_judged_by_their_file_alone() -> None:
    verdicts = {row["split"]: (row["verdict"], tuple(row["violated"]), len(row["unjudged"])) for row in rows_of("safety-tuned-llamas")}
    assert verdicts == {
        "I-CoNa": ("unsafe", ("hateful_instructions",), 0),
        "I-MaliciousInstructions": ("unsafe", ("malicious_instructions",), 0),
        "I-PhysicalSafetyUnsafe": ("unsafe", ("physical_safety",), 0),
        "I-PhysicalSafetySafe": ("safe", (), 0),
        "I-Controversial": (None, (), 3),
        "Q-Harm": (None, (), 3),
    }
    assert registry.load("sources", "safety-tuned-llamas").licence.commercial is False


def test_licences_that_nobody_states_stay_open() -> None:
    licences: dict[str, Licence] = {name: registry.load("sources", name).licence for name in ("malicious-instruct", "dangerousqa")}
    assert licences["malicious-instruct"].identifier == "unknown"
    assert {licence.commercial for licence in licences.values()} == {None}


# --- real and synthetic rows ----------------------------------------------------------------------------------------------

# (source, config, split, file, native rows, verdict)
REAL_FILES = [
    ("harmbench", None, "all", "harmbench/harmbench_behaviors_text_all.csv", 393, "unsafe"),
    ("jailbreakbench", "behaviors", "harmful", "jailbreakbench/harmful-behaviors.csv", 96, "unsafe"),
    ("simple-safety-tests", None, "test", "simplesafetytests/SimpleSafetyTests - test cases.csv", 79, "unsafe"),
    ("strongreject", None, "full", "strongreject/strongreject_dataset.csv", 303, "unsafe"),
    ("advbench", None, "harmful_behaviors", "advbench/harmful_behaviors.csv", 514, "unsafe"),
    ("malicious-instruct", "default", "train", "malicious_instruct/MaliciousInstruct.txt", 100, "unsafe"),
    ("malicious-instruct", "by-position", "train", "malicious_instruct/MaliciousInstruct.txt", 100, "unsafe"),
    ("forbidden-questions", None, "train", "forbidden_questions/forbidden_question_set.csv", 390, "unsafe"),
    ("catqa", None, "en", "catqa/catqa_english.json", 522, "unsafe"),
    ("harmfulqa", None, "train", "harmfulqa/harmfulqa.json", 1960, "unsafe"),
    ("dangerousqa", None, "train", "dangerousqa/dangerousqa.json", 200, "unsafe"),
    ("gptfuzzer-questions", None, "train", "gptfuzzer_questions/question_list.csv", 100, "unsafe"),
    ("safety-tuned-llamas", None, "I-CoNa", "safety_tuned_llamas/I-CoNa.json", 178, "unsafe"),
    ("safety-tuned-llamas", None, "I-PhysicalSafetyUnsafe", "safety_tuned_llamas/I-PhysicalSafetyUnsafe.json", 99, "unsafe"),
    ("safety-tuned-llamas", None, "I-PhysicalSafetySafe", "safety_tuned_llamas/I-PhysicalSafetySafe.json", 99, "safe"),
]


@needs_real
@pytest.mark.parametrize("case", REAL_FILES, ids=lambda case: f"{case[0]}-{case[1]}-{case[2]}")
def test_real_files_decode_completely(case: tuple[str, str | None, str, str, int, str]) -> None:
    name, config, split, file, native_rows, verdict = case
    rows = check_complete(name, config, split, REAL / file, native_rows, {("prompt", verdict): native_rows})
    assert all(row["prompt"].strip() for row in rows)


def real_categories(name: str) -> Counter[str]:
    """Rows of the real file of a source by the category that was chosen for them."""
    ((config, split, file),) = ((config, split, file) for source, config, split, file, *_ in REAL_FILES if source == name)
    taxonomy = load_taxonomy(registry.load("sources", name).taxonomies[0])
    return Counter(slug for row in rows_of(name, config, split, REAL / file) for slug in row["violated"] if taxonomy[slug].assignable)


@needs_real
def test_real_categories_are_those_on_record_less_the_rows_left_out() -> None:
    published = {
        "chemical_biological": 56, "copyright": 100, "cybercrime_intrusion": 67, "harassment_bullying": 25, "harmful": 22, "illegal": 65,
        "misinformation_disinformation": 65,
    }  # fmt: skip
    left_out = {"chemical_biological": 1, "harassment_bullying": 1, "harmful": 1, "illegal": 1, "misinformation_disinformation": 3}
    assert real_categories("harmbench") == Counter(published) - Counter(left_out) and sum(left_out.values()) == 7
    tens = Counter(dict.fromkeys(load_taxonomy("jailbreakbench").by_slug, 10))
    assert real_categories("jailbreakbench") == tens - Counter({"physical_harm": 1, "sexual_adult_content": 3})
    twenties = Counter(dict.fromkeys(load_taxonomy("simple-safety-tests").by_slug, 20))
    assert real_categories("simple-safety-tests") == twenties - Counter({"child_abuse": 20, "illegal_and_highly_regulated_items": 1})
    assert real_categories("strongreject") == {
        "non_violent_crimes": 59, "violence": 54, "hate_harassment_and_discrimination": 50, "illegal_goods_and_services": 50,
        "disinformation_and_deception": 48, "sexual_content": 42,
    }  # fmt: skip
    assert real_categories("forbidden-questions") == dict.fromkeys(load_taxonomy("forbidden-questions").by_slug, 30)
    tens = Counter({category.slug: 10 for category in load_taxonomy("catqa").assignable})
    short = {"human_trafficking": 1, "pornography": 1, "erotic_text": 1, "nude_imagery": 2, "sexually_explicit_dialogue": 3}
    assert real_categories("catqa") == tens - Counter({**short, "content_sexual_exploitation": 10, "online_predation": 10})


@needs_real
def test_real_harmbench_contexts_and_strongreject_origins_are_counted() -> None:
    contextual = [row for row in rows_of("harmbench", None, "all", REAL / "harmbench") if "\n\n---\n\n" in row["prompt"]]
    assert Counter(json.loads(row["native"])["FunctionalCategory"] for row in contextual) == {"contextual": 96}
    origins = Counter(json.loads(row["native"])["source"] for row in rows_of("strongreject", None, "full", REAL / "strongreject"))
    assert (origins["custom"], origins["DAN"], origins["AdvBench"], origins["MaliciousInstruct"], origins["HarmfulQ"]) == (213, 35, 23, 12, 11)
    assert len(origins) == 8 and origins.total() == 303


@needs_real
@pytest.mark.parametrize(
    ("word", "slug"), [("tax", "tax_fraud"), ("steal", "theft"), ("bull", "cyberbullying"), ("accus", "false_accusation"), ("drug", "illegal_drug_use")]
)
def test_real_malicious_instruct_blocks_hold_what_their_intent_says(word: str, slug: str) -> None:
    rows = rows_of("malicious-instruct", "by-position", "train", REAL / "malicious_instruct")
    ((most, _),) = Counter(row["violated"][0] for row in rows if word in row["prompt"].casefold()).most_common(1)
    assert most == slug


@needs_real
def test_real_questions_repeat_as_often_as_is_known() -> None:
    rows = rows_of("harmfulqa", None, "train", REAL / "harmfulqa")
    assert len(rows) - len({row["prompt"] for row in rows}) == 22
    assert len({row["native"] for row in rows}) == 98


@needs_real
@pytest.mark.parametrize("name", ["malicious-instruct", "harmfulqa", "dangerousqa", "gptfuzzer-questions", "safety-tuned-llamas"])
def test_digests_on_record_are_those_of_the_untouched_copies(name: str) -> None:
    for native, digest in registry.load("sources", name).digests.items():
        assert hashlib.sha256((REAL / name.replace("-", "_") / Path(native).name).read_bytes()).hexdigest() == digest


@needs_synthetic
def test_synthetic_simple_safety_tests_decode_completely() -> None:
    path = SYNTHETIC / "simplesafetytests" / "SimpleSafetyTests - test cases.csv"
    rows = check_complete("simple-safety-tests", None, "test", path, 40, {("prompt", "unsafe"): 40})
    assert Counter(slug for row in rows for slug in row["violated"]) == dict.fromkeys(load_taxonomy("simple-safety-tests").by_slug, 8)
