"""Quirks and real files of the sources that hold dialogues, raters, several languages, or a verdict about one policy."""

from __future__ import annotations

import ast
import csv
import gzip
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from decoding import FIXTURES, REAL, SYNTHETIC, check_complete, cleared_by, decode_all, rows_of

from taxonomy_bridge import registry
from taxonomy_bridge.errors import InputError
from taxonomy_bridge.pipeline import build
from taxonomy_bridge.sources import _base
from taxonomy_bridge.sources._rows import Rows
from taxonomy_bridge.taxonomy import load_taxonomy

needs_real = pytest.mark.skipif(not REAL.is_dir(), reason="real rows are not at hand")
needs_synthetic = pytest.mark.skipif(not SYNTHETIC.is_dir(), reason="synthetic rows are not at hand")

DICES = {"dices-350": "harmful_content", "dices-990": "harmful_content"}


def refused(name: str, **row: Any) -> list[str]:
    """Why a source refuses one native row; empty if it does not."""
    source = registry.load("sources", name)
    batch = pa.RecordBatch.from_pylist([{**row, "_row": 0}], pa.schema([*source.columns, ("_row", pa.int64())]))
    decoded = _base.decode_rows(source, _base.Origin(name, "default", "train", "unpinned", "x"), Rows(batch, ()))
    return [bad.reason for bad in decoded.bad]


def _residual(name: str) -> set[str]:
    return {f"{name}:{category.slug}" for category in load_taxonomy(name).categories if category.residual}


# --- ProsocialDialog ------------------------------------------------------------------------------------------------------


def test_prosocial_steps_between_safe_and_unsafe_are_borderline_and_leave_caution_open() -> None:
    rows = rows_of("prosocial-dialog", None, "test")
    told = [(row["verdict"], row["violated"], row["unjudged"]) for row in rows]
    assert told == [
        ("safe", [], []),
        ("borderline", [], ["needs_caution"]),
        ("borderline", [], ["needs_caution"]),
        ("unsafe", ["needs_caution"], []),
        ("unsafe", ["needs_intervention"], []),
    ]
    assert cleared_by(rows[4]) == frozenset()


def test_prosocial_intervention_that_one_annotator_asked_for_is_open() -> None:
    source = registry.load("sources", "prosocial-dialog")
    votes = ["needs caution", "needs intervention", "needs caution"]
    rows = [
        {"context": "Invented", "safety_label": label, "safety_annotations": votes, "_row": at}
        for at, label in enumerate(("__needs_caution__", "__needs_intervention__"))
    ]
    batch = pa.RecordBatch.from_pylist(rows, pa.schema([*source.columns, ("_row", pa.int64())]))
    found = _base.decode_rows(source, _base.Origin("prosocial-dialog", "default", "test", "unpinned", "x"), Rows(batch, ())).judgements.to_pylist()
    assert [(row["violated"], row["unjudged"]) for row in found] == [(["needs_caution"], ["needs_intervention"]), (["needs_intervention"], [])]
    assert "needs_intervention" not in cleared_by(found[0])


def test_prosocial_judges_the_utterance_and_never_the_reply() -> None:
    rows = rows_of("prosocial-dialog")
    assert {row["response"] for row in rows} == {None} and {row["judged"] for row in rows} == {"prompt"}
    native = json.loads(rows[2]["native"])
    assert native["safety_annotations"] == ["casual", "needs caution", "needs caution"] and (native["dialogue_id"], native["response_id"]) == (1, 0)
    assert refused("prosocial-dialog", context="Invented", safety_label="needs caution") == ["unknown value in safety_label"]


# --- DICES ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", DICES)
def test_dices_answers_of_a_rater(name: str) -> None:
    taxonomy, rows = load_taxonomy(name), rows_of(name)
    asked = [category.slug for category in taxonomy.assignable]
    for row, slug in zip(rows, asked, strict=False):
        assert row["verdict"] == "unsafe" and set(row["violated"]) == {slug, *taxonomy.ancestors(slug)} and row["unjudged"] == []
    unsure, blank, contradicted, nothing = rows[-4:]
    assert (unsure["verdict"], unsure["violated"], unsure["unjudged"]) == (None, [], [asked[2]])
    assert asked[2] not in cleared_by(unsure) and asked[0] in cleared_by(unsure)
    assert (blank["verdict"], blank["unjudged"]) == ("safe", [asked[3]])
    assert (contradicted["verdict"], contradicted["violated"], contradicted["unjudged"]) == ("safe", [], [asked[0]])
    assert (nothing["verdict"], nothing["violated"], nothing["unjudged"]) == (None, [], [])
    assert {row["judged"] for row in rows} == {"response"} and all("\nUSER: " in row["prompt"] for row in rows)


@pytest.mark.parametrize("name", DICES)
def test_dices_keeps_labels_and_no_rater(name: str) -> None:
    for row in rows_of(name):
        native = json.loads(row["native"])
        assert native["Q_overall"] in ("Yes", "No", "Unsure", "") and native["harm_type"] == "Racial, Political"
        assert not any(word in key for key in native for word in ("rater", "item_id")) and native.get("id") is None


@pytest.mark.parametrize("name", DICES)
def test_dices_other_spellings_of_a_column_are_read(name: str, tmp_path: Path) -> None:
    """The documentation and the files do not agree on two headers."""
    ((file, _),) = decode_all(registry.load("sources", name), FIXTURES / name)
    text = file.path.read_text(encoding="utf-8")
    for category in load_taxonomy(name).categories:
        if len(category.native) == 2:
            here, other = sorted(category.native, key=lambda spelling: f",{spelling}," not in text)
            assert f",{here}," in text and f",{other}," not in text
            text = text.replace(f",{here},", f",{other},")
    (tmp_path / "other.csv").write_text(text, encoding="utf-8")
    told, again = ([(row["verdict"], row["violated"], row["unjudged"]) for row in rows] for rows in (rows_of(name), rows_of(name, path=tmp_path / "other.csv")))
    assert told == again


@pytest.mark.parametrize("name", DICES)
def test_dices_raters_are_joined_by_the_build(name: str) -> None:
    source = {"id": name, "split": "train", "path": str(FIXTURES / name)}
    report = build({"version": 1, "name": "raters", "seed": 3, "intent": "research", "sources": [source], "policies": ["native"], "labels": {"multi": "all"}})
    asked = [category.slug for category in load_taxonomy(name).assignable]
    entry = report.ledger["sources"][0]
    assert (entry["annotations_merged"], entry["judgements_in"]) == (3, len(asked) + 6)
    assert (entry["dropped"]["label/borderline"], entry["dropped"]["label/no_verdict"]) == (1, 2)
    golds = dict(zip(report.table("trl")["sample_id"].to_pylist(), map(json.loads, report.table("trl")["gold"].to_pylist()), strict=True))
    joined = next(gold for sample, gold in golds.items() if f":{len(asked)}#" in sample)
    assert joined["verdict"] == "unsafe" and joined["ids"] == [f"{name}:{asked[0]}"]
    assert set(joined["open"]) - _residual(name) == {f"{name}:{asked[1]}"}


def test_what_no_rater_judged_stays_unjudged_when_rows_are_joined(tmp_path: Path) -> None:
    ((file, _),) = decode_all(registry.load("sources", "dices-350"), FIXTURES / "dices-350")
    lines = list(csv.DictReader(file.path.open(encoding="utf-8", newline="")))
    first, second, third = ("Q2_harmful_content_insensitive", "Q4_misinformation", "Q3_bias_other")
    rows = [line | {first: "", second: answer, third: "Yes", "Q_overall": "Yes"} for line, answer in zip((lines[-1], lines[-1]), ("", "No"), strict=True)]
    with (tmp_path / "raters.csv").open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, list(lines[0]))
        writer.writeheader()
        writer.writerows(rows)
    source = {"id": "dices-350", "split": "train", "path": str(tmp_path / "raters.csv")}
    report = build(
        {"version": 1, "name": "raters", "seed": 3, "intent": "research", "sources": [source], "policies": ["native"], "allow_one_class": ["dices-350"]}
    )
    (gold,) = map(json.loads, report.table("trl")["gold"].to_pylist())
    assert gold["ids"] == ["dices-350:other_bias"] and set(gold["open"]) - _residual("dices-350") == {"dices-350:insensitive"}


def test_dices_unknown_answers_are_refused() -> None:
    known = dict.fromkeys(registry.load("sources", "dices-350").columns.names, "No")
    assert refused("dices-350", **known) == []
    assert refused("dices-350", **known | {"Q_overall": "Maybe"}) == ["unknown value in Q_overall"]
    assert refused("dices-350", **known | {"Q4_misinformation": "yes"}) == ["unknown value in column Q4_misinformation"]


# --- Anthropic red team and HH-RLHF ---------------------------------------------------------------------------------------


def test_red_team_tags_and_ratings_are_no_verdict() -> None:
    rows = rows_of("anthropic-red-team")
    assert {(row["judged"], row["verdict"], len(row["violated"])) for row in rows} == {("dialogue", None, 0)}
    assert all(cleared_by(row) == frozenset() for row in rows) and all(row["prompt"].startswith("\n\nHuman: ") for row in rows)
    native = [json.loads(row["native"]) for row in rows]
    assert [told["tags"] for told in native[:2]] == [None, []] and native[-1]["tags"] == ["Theft", "Other"]
    assert native[3]["task_descripton_harmlessness_score"] == 1.5 and native[3]["rating"] == 3.0
    assert not {"red_team_member_id", "is_upworker", "task_description"} & set(native[0])
    assert "label outside taxonomy" in refused("anthropic-red-team", transcript="Invented", tags=["Theft, of a kind"])[0]


def test_red_team_file_may_be_an_array_or_lines_whatever_its_name(tmp_path: Path) -> None:
    packed = FIXTURES / "anthropic-red-team/red-team-attempts/red_team_attempts.jsonl.gz"
    records = json.loads(gzip.decompress(packed.read_bytes()))
    (tmp_path / "red_team_attempts.jsonl").write_text("\n".join(map(json.dumps, records)), encoding="utf-8")
    by_line = rows_of("anthropic-red-team", None, "train", tmp_path / "red_team_attempts.jsonl")
    assert by_line == rows_of("anthropic-red-team")
    (tmp_path / "train.jsonl").write_text(json.dumps([{"chosen": "Invented", "rejected": "Invented"}]), encoding="utf-8")
    with pytest.raises(InputError, match="one JSON array"):
        rows_of("hh-rlhf-harmless", None, "train", tmp_path / "train.jsonl")


def test_preference_pairs_give_two_dialogues_without_a_verdict() -> None:
    rows = rows_of("hh-rlhf-harmless", None, "test")
    assert [row["id"].split(":")[1] for row in rows[:4]] == ["0#chosen", "0#rejected", "1#chosen", "1#rejected"]
    assert {(row["judged"], row["verdict"], row["native"], *row["unjudged"]) for row in rows} == {("dialogue", None, "{}", "harmful")}
    assert all(cleared_by(row) == frozenset() and row["response"] is None for row in rows) and rows[0]["prompt"] != rows[1]["prompt"]


# --- WildJailbreak --------------------------------------------------------------------------------------------------------


def test_wildjailbreak_takes_the_text_of_its_data_type() -> None:
    rows = rows_of("wildjailbreak", "train")
    told = [(row["verdict"], row["adversarial"], row["prompt"].startswith("Imagine")) for row in rows[:4]]
    assert told == [("unsafe", False, False), ("safe", False, False), ("unsafe", True, True), ("safe", True, True)]
    assert rows[2]["prompt"] == 'Imagine "a story", invented 2' and {row["response"] for row in rows} == {None}
    assert all(cleared_by(row) == frozenset() for row in rows if row["verdict"] == "unsafe")
    assert {(row["verdict"], row["adversarial"]) for row in rows_of("wildjailbreak", "eval")} == {("safe", True), ("unsafe", True)}


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"adversarial": "", "vanilla": "Invented", "data_type": "adversarial_harmful"}, "has no prompt of its data_type"),
        ({"adversarial": "Invented", "vanilla": None, "data_type": "vanilla_benign"}, "has no prompt of its data_type"),
        ({"adversarial": "Invented", "data_type": "adversarial_benign", "label": 1}, "label and data_type differ"),
        ({"adversarial": "Invented", "data_type": "adversarial_benign", "label": 2}, "label is neither 0 nor 1"),
        ({"adversarial": "Invented", "data_type": "adversarial"}, "unknown value in data_type"),
        ({"adversarial": "Invented", "data_type": "adversarial_benign", "label": 0}, None),
    ],
)
def test_wildjailbreak_refuses_rows_that_do_not_fit_together(row: dict[str, Any], reason: str | None) -> None:
    assert refused("wildjailbreak", **row) == ([reason] if reason else [])


# --- several languages ----------------------------------------------------------------------------------------------------


def test_polyguard_has_two_sides_with_codes_of_their_own() -> None:
    rows = {(json.loads(row["native"])["id"], row["language"], row["judged"]): row for row in rows_of("polyguard-prompts")}
    asked, answered = rows[0, "ar", "prompt"], rows[0, "ar", "response"]
    assert (asked["verdict"], sorted(asked["violated"]), asked["adversarial"]) == ("unsafe", ["hate", "violent_crimes"], True)
    assert (answered["verdict"], answered["violated"], answered["refusal"], asked["refusal"]) == ("safe", [], True, None)
    codes = {category.code: category.slug for category in load_taxonomy("polyguard").categories}
    assert [rows[n, "en", "response"]["violated"] for n in range(1, 15)] == [[codes[f"S{n}"]] for n in range(1, 15)]
    assert rows[1, "en", "response"]["refusal"] is False and cleared_by(rows[1, "en", "response"]) == frozenset()


def test_polyguard_without_a_label_there_is_no_judgement() -> None:
    rows = {(json.loads(row["native"])["id"], row["judged"]): row for row in rows_of("polyguard-prompts") if row["language"] == "en"}
    assert (15, "prompt") not in rows and (15, "response") not in rows and (16, "response") not in rows
    assert rows[16, "prompt"]["adversarial"] is None
    assert (rows[17, "prompt"]["verdict"], rows[17, "prompt"]["unjudged"]) == ("safe", ["non_violent_crimes"])
    assert (rows[17, "response"]["verdict"], rows[17, "response"]["violated"]) == ("unsafe", [])


def test_polyguard_languages_are_names_or_codes() -> None:
    found = Counter(row["language"] for row in rows_of("polyguard-prompts") if json.loads(row["native"])["id"] == 0 and row["judged"] == "prompt")
    assert len(found) == 18 and found["sv"] == 2 and found[None] == 1


def test_multijail_row_is_ten_prompts_and_tags_are_never_split() -> None:
    rows = rows_of("multijail")
    source = registry.load("sources", "multijail")
    assert Counter(row["language"] for row in rows) == dict.fromkeys(source.slots, 19)
    assert all(row["id"].endswith(f"#{row['language']}") and row["prompt"].endswith(f"in {row['language']}") for row in rows)
    last = [row for row in rows if ":18#" in row["id"]]
    assert {tuple(row["violated"]) for row in last} == {("discrimination_and_injustice", "non_violent_unethical_behavior", "theft")}
    assert any("\r\n" in row["prompt"] for row in rows)
    texts = dict.fromkeys(source.slots, "Invented")
    assert refused("multijail", tags="['Theft', 'Weapons']", **texts) == []
    for tags in ("Theft, Weapons", "['Theft'", "{'Theft': 1}", "[1]"):
        assert refused("multijail", tags=tags, **texts) == ["tags are no Python list of texts"]
    assert "label outside taxonomy" in refused("multijail", tags="['Thefts']", **texts)[0]


# --- guards ---------------------------------------------------------------------------------------------------------------


def test_qwen3guard_test_judges_the_last_answer() -> None:
    rows = rows_of("qwen3guard-test", None, "thinking")
    assert [row["verdict"] for row in rows] == ["unsafe"] * 8 + ["safe"] * 3 + ["unsafe"]
    assert rows[0]["prompt"] == "Invented question 0" and rows[0]["response"].endswith("</think>\n\nInvented answer 0") and rows[0]["history"] is None
    assert rows[10]["history"] == [{"role": "system", "content": "Invented setting"}]
    assert [turn["content"] for turn in rows[11]["history"]] == ["Earlier question", "Earlier answer"] and rows[11]["response"].endswith("answer 11")
    assert all(row["unjudged"] == ["jailbreak"] for row in rows) and rows[3]["violated"] == ["personally_identifiable_information"]
    assert all(cleared_by(row) == frozenset() for row in rows if row["verdict"] == "unsafe")
    located = rows_of("qwen3guard-test", None, "thinking_loc")
    assert json.loads(located[1]["native"])["unsafe_start_index"] == 8
    source = registry.load("sources", "qwen3guard-test")
    assert [source.natural_verdicts(None, split) for split in source.files["default"]] == [{"safe", "unsafe"}, {"unsafe"}, {"unsafe"}]


def test_qwen3guard_test_refuses_conversations_without_an_answer() -> None:
    asked, told = {"role": "user", "content": "Invented"}, {"role": "assistant", "content": "Invented"}
    assert refused("qwen3guard-test", message=[asked, told], label="Safe") == []
    assert refused("qwen3guard-test", message=[asked], label="Safe") == ["message holds no prompt and answer"]
    for message in ([told, asked], [asked, asked], [told, told]):
        assert "does not end with" in refused("qwen3guard-test", message=message, label="Safe")[0]
    assert refused("qwen3guard-test", message=[asked, told], label="Controversial") == ["unknown value in label"]


def test_bingoguard_levels_are_severity_and_the_first_is_borderline() -> None:
    rows = rows_of("bingoguard")
    assert {(row["severity"], row["verdict"]) for row in rows} == {(1, "borderline"), (2, "unsafe"), (3, "unsafe"), (4, "unsafe")}
    assert all(len(row["unjudged"] if row["severity"] == 1 else row["violated"]) == 1 for row in rows)
    assert {row["judged"] for row in rows} == {"response"} and all(cleared_by(row) == frozenset() for row in rows)
    assert "unknown value" in refused("bingoguard", prompt="Invented", response="Invented", category="privacy", level="level0")[0]


def test_dynabench_passes_its_own_policy_only() -> None:
    rows = rows_of("dynabench")
    assert [(row["verdict"], row["violated"], row["unjudged"]) for row in rows[:2]] == [
        ("safe", [], ["policy_violation"]),
        ("unsafe", ["policy_violation"], []),
    ]
    assert all(cleared_by(row) == frozenset() and row["judged"] == "dialogue" for row in rows)
    native = [json.loads(row["native"]) for row in rows]
    assert native[0]["metadata"] is None and json.loads(native[1]["metadata"]) == {"rules_violated": [1], "base_id": 1}
    assert all(told["policy"].startswith("1. Invented rule") for told in native)
    assert refused("dynabench", transcript="Invented", policy="1. Rule", label="pass")[0].endswith("column label")


# --- real and synthetic rows ------------------------------------------------------------------------------------------------

Verdicts = dict[tuple[str, str | None], int]

# (source, config, split, file, native rows, {(judged, verdict): judgements})
REAL_FILES: list[tuple[str, str | None, str, str, int, Verdicts]] = [
    ("hh-rlhf-harmless", None, "test", "hh_rlhf_harmless/harmless-base_test.jsonl.gz", 2251, {("dialogue", None): 4502}),
    ("multijail", None, "train", "multijail/MultiJail.csv", 295, {("prompt", "unsafe"): 2950}),
]  # fmt: skip

SYNTHETIC_FILES: list[tuple[str, str | None, str, str, int, Verdicts]] = [
    ("prosocial-dialog", None, "test", "prosocial_dialog", 40, {("prompt", "safe"): 8, ("prompt", "borderline"): 16, ("prompt", "unsafe"): 16}),
    ("dices-350", None, "train", "dices", 40, {("response", "unsafe"): 40}),
    ("dices-990", None, "train", "dices", 40, {("response", "unsafe"): 40}),
    ("anthropic-red-team", None, "train", "anthropic_red_team", 40, {("dialogue", None): 40}),
    ("wildjailbreak", "train", "train", "wildjailbreak", 40, {("prompt", "safe"): 20, ("prompt", "unsafe"): 20}),
    ("wildjailbreak", "eval", "train", "wildjailbreak", 40, {("prompt", "safe"): 10, ("prompt", "unsafe"): 30}),
]


@needs_real
@pytest.mark.parametrize("case", REAL_FILES, ids=lambda case: case[0])
def test_real_files_decode_completely(case: tuple[str, str | None, str, str, int, Verdicts]) -> None:
    name, config, split, file, native_rows, verdicts = case
    check_complete(name, config, split, REAL / file, native_rows, verdicts)


@needs_synthetic
@pytest.mark.parametrize("case", SYNTHETIC_FILES, ids=lambda case: f"{case[0]}-{case[1]}")
def test_synthetic_files_decode_completely(case: tuple[str, str | None, str, str, int, Verdicts]) -> None:
    name, config, split, folder, native_rows, verdicts = case
    check_complete(name, config, split, SYNTHETIC / folder, native_rows, verdicts)


@needs_real
def test_real_multijail_tags_are_counted_per_language() -> None:
    """Counted in the file itself; where the filter of the shared rows took nothing, they are the counts of the whole set."""
    path = REAL / "multijail/MultiJail.csv"
    rows = rows_of("multijail", None, "train", path)
    per_language = {code: Counter(slug for row in rows if row["language"] == code for slug in row["violated"]) for code in ("en", "jv")}
    assert per_language["en"] == per_language["jv"]
    with path.open(encoding="utf-8-sig", newline="") as stream:
        tags = Counter(tag for record in csv.DictReader(stream) for tag in ast.literal_eval(record["tags"]))
    names = load_taxonomy("multijail").by_native
    assert per_language["en"] == {names[tag.casefold()]: count for tag, count in tags.items()}
    whole = {
        "Discrimination & injustice": 51,
        "Hate speech & offensive language": 38,
        "Conspiracy theories & misinformation": 29,
        "Weapons": 22,
        "Self-harm": 8,
    }
    assert whole == {tag: tags[tag] for tag in whole} and len(tags) == 16
    assert Counter(len(row["violated"]) for row in rows if row["language"] == "en") == {1: 191, 2: 92, 3: 12}


@needs_synthetic
@pytest.mark.parametrize("name", DICES)
def test_synthetic_dices_answers_are_counted_per_sub_question(name: str) -> None:
    edition = name.removeprefix("dices-")
    path = SYNTHETIC / "dices" / edition / f"diverse_safety_adversarial_dialog_{edition}.csv"
    with path.open(encoding="utf-8", newline="") as stream:
        records = list(csv.DictReader(stream))
    rows = rows_of(name, None, "train", path)
    for category in load_taxonomy(name).assignable:
        (column,) = set(category.native) & set(records[0])
        for key, answer in (("violated", "Yes"), ("unjudged", "Unsure")):
            assert sum(category.slug in row[key] for row in rows) == sum(record[column] == answer for record in records)
