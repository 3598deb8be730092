"""Sources about hate, toxicity and offence: their quirks on invented rows, and the real and synthetic files where they are at hand."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from decoding import FIXTURES, REAL, SYNTHETIC, check_complete, cleared_by, decode_all, rows_of

from taxonomy_bridge import registry
from taxonomy_bridge.errors import InputError, RecipeError
from taxonomy_bridge.sources import _base
from taxonomy_bridge.sources._read import ROW
from taxonomy_bridge.sources._rows import Rows
from taxonomy_bridge.taxonomy import load_taxonomy

needs_real = pytest.mark.skipif(not REAL.is_dir(), reason="real rows are not at hand")
needs_synthetic = pytest.mark.skipif(not SYNTHETIC.is_dir(), reason="synthetic rows are not at hand")


def native(row: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(row["native"])
    return found


def refused(name: str, config: str, split: str, *records: dict[str, Any]) -> list[tuple[int, str]]:
    """The rows of a batch that go to quarantine, with the reason."""
    source = registry.load("sources", name)
    batch = pa.RecordBatch.from_pylist([{**record, ROW: at} for at, record in enumerate(records)], pa.schema([*source.columns, (ROW, pa.int64())]))
    decoded = _base.decode_rows(source, _base.Origin(name, config, split, "unpinned", "x"), Rows(batch, ()))
    return [(bad.row, bad.reason) for bad in decoded.bad]


def named(rows: list[dict[str, Any]]) -> Counter[str]:
    return Counter(slug for row in rows for slug in row["violated"])


# --- HateCheck in English and in ten languages ----------------------------------------------------------------------------


def test_hatecheck_functionalities_name_a_kind_of_hate_or_hate_in_general() -> None:
    rows = {native(row)["functionality"]: row for row in rows_of("hatecheck")}
    taxonomy = load_taxonomy("hatecheck")
    finer = {category.slug for category in taxonomy.categories if category.parent}
    assert len(rows) == 29 and len(finer) == 8
    for functionality, row in rows.items():
        hateful = functionality.endswith("_h")
        assert row["verdict"] == ("unsafe" if hateful else "safe")
        assert set(row["violated"]) == ({"hateful", functionality} if functionality in finer else {"hateful"} if hateful else set())
    assert cleared_by(rows["target_indiv_nh"]) == frozenset(taxonomy.by_slug), "abuse of individuals is no hate, and the list is about hate alone"


def test_hatecheck_texts_keep_the_space_at_their_end_and_the_target_is_no_label() -> None:
    rows = rows_of("hatecheck")
    assert all(row["prompt"].endswith(" ") for row in rows)
    assert any(row["verdict"] == "safe" and native(row)["target_ident"] == "women" for row in rows)
    assert {native(row)["direction"] for row in rows if row["verdict"] == "safe"} == {"-"}


def test_multilingual_hatecheck_gold_stands_against_the_annotators_whose_votes_are_kept() -> None:
    rows = {native(row)["functionality"]: row for row in rows_of("multilingual-hatecheck", "arabic", "test")}
    outvoted, unconfirmed = rows["derog_impl_h"], rows["ident_pos_nh"]
    assert outvoted["verdict"] == "unsafe" and outvoted["votes"] == [{"category": None, "for": 1, "against": 2}]
    assert unconfirmed["verdict"] == "safe" and unconfirmed["votes"] == [{"category": None, "for": 2, "against": 1}]
    assert native(outvoted)["label_annotated_maj"] == "non-hateful" and native(outvoted)["disagreement_in_case"] == "True"


def test_multilingual_hatecheck_has_one_config_a_language_and_spelling_of_its_own() -> None:
    configs = registry.load("sources", "multilingual-hatecheck").configs
    languages = {config: {row["language"] for row in rows_of("multilingual-hatecheck", config, "test")} for config in configs}
    assert languages["mandarin"] == {"zh"} and len(set.union(*languages.values())) == len(configs) == 10
    arabic = {native(row)["functionality"]: row["violated"] for row in rows_of("multilingual-hatecheck", "arabic", "test")}
    assert arabic["spell_char_eng_replace_h"] == arabic["spell_sent_arabazi_h"] == ["hateful"]
    assert sorted(arabic["slur_h"]) == ["hateful", "slur_h"] and arabic["target_indiv_nh"] == []
    case = {"test_case": "Invented", "label_gold": "hateful", "label_annotated": "['hateful']"}
    records = [{**case, "functionality": "odd"}, {**case, "functionality": "slur_h"}, {**case, "functionality": "slur_h", "label_gold": "unclear"}]
    assert [row for row, _ in refused("multilingual-hatecheck", "arabic", "test", *records)] == [0, 2]


# --- ToxiGen --------------------------------------------------------------------------------------------------------------


def test_toxigen_ratings_must_exceed_the_threshold_and_the_label_column_judges_nothing() -> None:
    rows = {row["prompt"]: row for row in rows_of("toxigen", "annotated")}
    assert rows["Invented text 2"]["verdict"] == "safe", "5.5 is not more than 5.5"
    assert rows["Invented text 1"]["verdict"] == "unsafe" and rows["Invented text 1"]["violated"] == ["toxic"]
    assert native(rows['Invented "text" 6'])["label"] == "hate" and rows['Invented "text" 6']["verdict"] == "safe"
    assert native(rows["Invented text 7"])["label"] == "neutral" and rows["Invented text 7"]["verdict"] == "unsafe"
    assert native(rows["Invented text 0"])["target_group"] == "asian" and rows["Invented text 0"]["violated"] == [], "the group is a theme"


def test_toxigen_texts_stored_as_python_bytes_are_read_as_what_they_stand_for() -> None:
    texts = [row["prompt"] for row in rows_of("toxigen", "annotated", "train")]
    assert texts == ["Invented text 4", "Invented text 5 – it's a café", 'Invented "text" 6', "Invented text 7"]
    rated = {"toxicity_ai": 1.0, "toxicity_human": 1.0}
    records = [{"text": r"b'no \xff text'", **rated}, {"text": "Invented", "toxicity_ai": 1.0}, {"text": "b'open", **rated}, {**rated}]
    assert [row for row, _ in refused("toxigen", "annotated", "test", *records)] == [0, 1, 3]


def test_toxigen_generated_statements_were_judged_by_nobody() -> None:
    rows = rows_of("toxigen", "train", "train")
    assert {(row["verdict"], tuple(row["violated"]), tuple(row["unjudged"])) for row in rows} == {(None, (), ("toxic",))}
    assert {native(row)["prompt_label"] for row in rows} == {0, 1} and not any(cleared_by(row) for row in rows)
    assert refused("toxigen", "train", "train", {"prompt_label": 1}) == [(0, "has no generation")]


def test_toxigen_prompts_have_their_label_in_the_file_name() -> None:
    hate, neutral = rows_of("toxigen-prompts", None, "hate"), rows_of("toxigen-prompts", None, "neutral")
    assert {(row["verdict"], tuple(row["violated"])) for row in hate} == {("unsafe", ("toxic",))}
    assert {(row["verdict"], tuple(row["violated"])) for row in neutral} == {("safe", ())}
    assert all("\\n" in row["prompt"] and "\n" not in row["prompt"] for row in hate + neutral)
    assert not any("neutral_trans" in row["id"] for row in neutral) and any("hate_trans" in row["id"] for row in hate)


# --- Jigsaw: shares, 0 and 1, and -1 --------------------------------------------------------------------------------------


def test_civil_comments_shares_are_cut_at_one_half_and_minorities_leave_a_category_open() -> None:
    half, below, mixed, insult, nothing = rows_of("civil-comments", None, "test")
    every = frozenset(load_taxonomy("jigsaw-toxic-comments").by_slug)
    assert (half["verdict"], half["violated"]) == ("unsafe", ["toxicity"]) and cleared_by(half) == every - {"toxicity"}
    assert (below["verdict"], below["violated"], below["unjudged"]) == ("safe", [], ["toxicity"]) and cleared_by(below) == every - {"toxicity"}
    assert sorted(mixed["violated"]) == ["insult", "toxicity"] and mixed["unjudged"] == ["severe_toxicity"]
    assert "severe_toxicity" not in cleared_by(mixed) and "threat" in cleared_by(mixed)
    assert (insult["verdict"], insult["violated"], sorted(insult["unjudged"])) == ("safe", [], ["insult", "toxicity"]), "the verdict is that of toxicity"
    assert cleared_by(nothing) == every


def test_civil_comments_values_that_are_no_share_are_quarantined() -> None:
    record = {"text": "Invented", **dict.fromkeys((category.native[0] for category in load_taxonomy("jigsaw-toxic-comments").categories), 0.5)}
    records = [record, {**record, "threat": 3.0}, {**record, "insult": -1.0}, {**record, "obscene": float("nan")}]
    assert [row for row, _ in refused("civil-comments", "default", "train", *records)] == [1, 2, 3]


def test_jigsaw_minus_one_is_not_judged_and_never_negative() -> None:
    test = {row["prompt"]: row for row in rows_of("jigsaw-toxic-comments", None, "test")}
    assert set(test) == {"Invented text 1", "Invented text 2"}
    assert sorted(test["Invented text 2"]["violated"]) == ["obscene", "toxicity"]
    assert "threat" in cleared_by(test["Invented text 2"]) and "sexual_explicit" not in cleared_by(test["Invented text 1"])
    ((_, decoded),) = decode_all(registry.load("sources", "jigsaw-toxic-comments"), FIXTURES / "jigsaw-toxic-comments", None, "test")
    assert (decoded.rows_in, decoded.decoded, decoded.without_judgement) == (4, 2, 2)


def test_jigsaw_any_label_makes_a_comment_unsafe_and_the_label_of_2019_was_never_asked() -> None:
    rows = rows_of("jigsaw-toxic-comments", None, "train")
    assert [row["verdict"] for row in rows] == ["unsafe"] * 6 + ["safe"]
    assert [row["violated"] for row in rows[:6]] == [["toxicity"], ["severe_toxicity"], ["obscene"], ["threat"], ["insult"], ["identity_attack"]]
    assert all(row["unjudged"] == ["sexual_explicit"] for row in rows)
    assert refused("jigsaw-toxic-comments", "default", "train", {"comment_text": "Invented", **dict.fromkeys(native(rows[0]), 2)})[0][0] == 0


def test_wikipedia_toxicity_reads_true_and_false_and_keeps_spaces() -> None:
    rows = rows_of("wikipedia-toxicity")
    assert [row["verdict"] for row in rows] == ["unsafe", "safe", "safe"] * 2 and all(row["prompt"].startswith("  ") for row in rows)
    assert rows[0]["violated"] == ["toxic"] and cleared_by(rows[1]) == {"toxic"}


# --- Davidson, DynaHate, EDOS, ETHOS --------------------------------------------------------------------------------------


def test_davidson_offensive_is_not_hate_and_annotators_are_votes() -> None:
    rows = {tuple(native(row)[name] for name in ("class", "hate_speech", "offensive_language", "neither")): row for row in rows_of("davidson-hate-offensive")}
    offensive, disputed = rows[1, 0, 3, 0], rows[1, 1, 2, 0]
    assert offensive["violated"] == ["offensive_language"] and cleared_by(offensive) == {"hate_speech"}
    assert disputed["unjudged"] == ["hate_speech"] and cleared_by(disputed) == frozenset()
    hate = rows[0, 2, 1, 0]
    assert hate["violated"] == ["hate_speech"] and hate["unjudged"] == ["offensive_language"] and cleared_by(hate) == frozenset()
    assert hate["votes"] == [
        {"category": None, "for": 3, "against": 0},
        {"category": "hate_speech", "for": 2, "against": 1},
        {"category": "offensive_language", "for": 1, "against": 2},
    ]
    assert rows[2, 0, 0, 3]["verdict"] == "safe" and cleared_by(rows[2, 0, 0, 3]) == {"hate_speech", "offensive_language"}
    split = rows[2, 2, 1, 3]
    assert split["verdict"] == "safe" and sorted(split["unjudged"]) == ["hate_speech", "offensive_language"], "the class is that of most, also in a tie"


def test_davidson_texts_are_verbatim_and_counts_must_add_up() -> None:
    assert all("&amp;" in row["prompt"] for row in rows_of("davidson-hate-offensive"))
    assert any("\n" in row["prompt"] for row in rows_of("davidson-hate-offensive"))
    record = {"tweet": "Invented", "count": 3, "hate_speech": 0, "offensive_language": 3, "neither": 0, "class": 1}
    bad = refused("davidson-hate-offensive", "default", "train", record, {**record, "count": 4}, {**record, "class": 3})
    assert bad == [(1, "the counts of annotators do not add up"), (2, "unknown value in class")]


def test_dynahate_first_round_has_no_type_and_targets_are_no_label() -> None:
    rows = {row["prompt"]: row for row in rows_of("dynahate")}
    assert rows["Invented text 0"]["violated"] == ["hate"] and native(rows["Invented text 0"])["type"] == "notgiven"
    assert sorted(rows["Invented text 3"]["violated"]) == ["animosity", "hate"] and native(rows["Invented text 3"])["target"] == "mus, for"
    assert sorted(rows["Invented text 8"]["violated"]) == ["derogation", "hate"]
    assert rows["Invented text 9"]["verdict"] == "safe" and rows["Invented text 9"]["violated"] == []


@pytest.mark.parametrize(("name", "per_split"), [("dynahate", {"train": 7, "dev": 2, "test": 2}), ("edos", {"train": 12, "dev": 2, "test": 3})])
def test_splits_in_one_file_are_told_apart(name: str, per_split: dict[str, int]) -> None:
    for split, count in per_split.items():
        ((_, decoded),) = decode_all(registry.load("sources", name), FIXTURES / name, None, split)
        assert (decoded.rows_in, decoded.decoded, decoded.bad) == (sum(per_split.values()), count, ())
        assert {native(row)["split"] for row in decoded.judgements.to_pylist()} == {split}
    file = FIXTURES / name / registry.load("sources", name).files["default"]["train"][0]
    for path, kind in ((file, RecipeError), (FIXTURES / name, InputError)):
        with pytest.raises(kind, match="one file"):
            rows_of(name, None, "train+dev", path)


def test_a_split_that_does_not_exist_is_quarantined() -> None:
    text = {"text": "Invented", "label": "hate", "type": "animosity", "split": "validation"}
    assert refused("dynahate", "default", "dev", text) == [(0, "unknown value in split")]
    post = {"text": "Invented", "label_sexist": "not sexist", "label_category": "none", "label_vector": "none", "split": "valid"}
    assert refused("edos", "default", "dev", post) == [(0, "unknown value in split")]


def test_edos_labels_with_commas_are_one_label_and_the_levels_above_come_along() -> None:
    rows = rows_of("edos", None, "train")
    threat, casual = rows[0], rows[5]
    assert set(threat["violated"]) == {"sexist", "threats_plans_incitement", "threats_of_harm"}
    assert set(casual["violated"]) == {"sexist", "animosity", "casual_slurs_profanities_insults"}
    assert rows[11]["verdict"] == "safe" and rows[11]["violated"] == []


def test_ethos_binary_shares_are_cut_at_one_half_and_say_nothing_finer() -> None:
    sure, none, half, third, most = rows_of("ethos", "binary", "train")
    assert [row["verdict"] for row in (sure, none, half, third, most)] == ["unsafe", "safe", "unsafe", "safe", "unsafe"]
    assert ";" in sure["prompt"] and sure["violated"] == ["hate_speech"] and cleared_by(sure) == frozenset()
    assert "gender" in sure["unjudged"] and len(sure["unjudged"]) == 7
    assert cleared_by(none) == frozenset(load_taxonomy("ethos").by_slug) and cleared_by(third) == frozenset()


def test_ethos_multilabel_is_all_hate_and_direction_is_an_attribute() -> None:
    rows = rows_of("ethos", "multilabel", "train")
    assert {row["verdict"] for row in rows} == {"unsafe"} and all("hate_speech" in row["violated"] for row in rows)
    directed, shared = rows[1], rows[8]
    assert directed["violated"] == ["hate_speech"] and native(directed)["directed_vs_generalized"] == 1.0
    assert sorted(shared["violated"]) == ["gender", "hate_speech", "race"] and shared["unjudged"] == ["violence"]
    assert cleared_by(shared) == {"national_origin", "disability", "religion", "sexual_orientation"}
    assert refused("ethos", "binary", "train", {"comment": "Invented"}, {"comment": "Invented", "isHate": 2.0}, {"comment": "Invented", "isHate": 0.0}) == [
        (0, "isHate is missing or no share"),
        (1, "isHate is missing or no share"),
    ]


# --- COLD and DiaSafety ---------------------------------------------------------------------------------------------------


def test_cold_finer_labels_stand_in_the_test_file_only() -> None:
    other, individual, group, against = rows_of("cold", None, "test")
    assert [row["verdict"] for row in (other, individual, group, against)] == ["safe", "unsafe", "unsafe", "safe"]
    assert sorted(individual["violated"]) == ["attack_individual", "offensive"] and sorted(group["violated"]) == ["attack_group", "offensive"]
    assert other["violated"] == against["violated"] == [] and native(other)["topic"] == "race"
    for split in ("train", "validation"):
        safe, unsafe = rows_of("cold", None, split)
        assert (safe["verdict"], safe["violated"], unsafe["verdict"], unsafe["violated"]) == ("safe", [], "unsafe", ["offensive"])
    assert (FIXTURES / "cold" / "test.csv").read_bytes().startswith(b"\xef\xbb\xbf,split")


def test_diasafety_category_is_the_question_that_was_asked() -> None:
    rows = rows_of("diasafety", None, "train")
    slugs = list(load_taxonomy("diasafety").by_slug)
    for slug, safe, unsafe in zip(slugs, rows[::2], rows[1::2], strict=True):
        assert (safe["verdict"], safe["violated"], cleared_by(safe)) == ("safe", [], {slug})
        assert (unsafe["verdict"], unsafe["violated"], cleared_by(unsafe)) == ("unsafe", [slug], frozenset())
        assert sorted(safe["unjudged"]) == sorted(unsafe["unjudged"]) == sorted({*slugs} - {slug})
    assert {row["judged"] for row in rows} == {"response"} and all(row["prompt"] and row["response"] for row in rows)


# --- real and synthetic files ---------------------------------------------------------------------------------------------

# (source, config, split, file, native rows, unsafe, safe, violated categories)
REAL_FILES = [
    (
        "hatecheck", None, "test", "hatecheck/test_suite_cases.csv", 3728, 2563, 1165,
        {
            "hateful": 2563, "derog_neg_emote_h": 140, "derog_neg_attrib_h": 140, "derog_dehum_h": 140, "derog_impl_h": 140, "threat_dir_h": 133,
            "threat_norm_h": 140, "slur_h": 144, "profanity_h": 140,
        },
    ),
    (
        "multilingual-hatecheck", "arabic", "test", "multilingual_hatecheck/hatecheck_cases_final_arabic.csv", 1785, 1247, 538,
        {
            "hateful": 1247, "derog_neg_emote_h": 70, "derog_neg_attrib_h": 70, "derog_dehum_h": 70, "derog_impl_h": 73, "threat_dir_h": 70,
            "threat_norm_h": 70, "slur_h": 45, "profanity_h": 70,
        },
    ),
    ("toxigen-prompts", None, "hate", "toxigen_prompts/hate_immigrant_1k.txt", 500, 500, 0, {"toxic": 500}),
    ("toxigen-prompts", None, "neutral", "toxigen_prompts/neutral_immigrant_1k.txt", 500, 0, 500, {}),
    (
        "davidson-hate-offensive", None, "train", "davidson_hate_offensive/labeled_data.csv", 24566, 20412, 4154,
        {"hate_speech": 1417, "offensive_language": 18995},
    ),
    (
        "jigsaw-toxic-comments", None, "train", "jigsaw_toxic_comment/train.csv", 277, 28, 249,
        {"toxicity": 27, "severe_toxicity": 3, "obscene": 15, "threat": 2, "insult": 16, "identity_attack": 5},
    ),
    ("wikipedia-toxicity", None, "test", "wikipedia_toxicity/toxicity_nonfuzzed_testset.csv", 1453, 238, 1215, {"toxic": 238}),
    ("cold", None, "test", "cold/test.csv", 1753, 707, 1046, {"offensive": 707, "attack_individual": 112, "attack_group": 595}),
]  # fmt: skip


@needs_real
@pytest.mark.parametrize("case", REAL_FILES, ids=lambda case: f"{case[0]}-{Path(case[3]).name}")
def test_real_files_decode_completely(case: tuple[str, str | None, str, str, int, int, int, dict[str, int]]) -> None:
    name, config, split, file, native_rows, unsafe, safe, categories = case
    verdicts = {("prompt", verdict): count for verdict, count in (("unsafe", unsafe), ("safe", safe)) if count}
    rows = check_complete(name, config, split, REAL / file, native_rows, verdicts)
    assert named(rows) == categories


@needs_real
def test_real_multilingual_hatecheck_gold_and_majority_differ_where_the_file_says_so() -> None:
    rows = rows_of("multilingual-hatecheck", "arabic", "test", REAL / "multilingual_hatecheck/hatecheck_cases_final_arabic.csv")
    differing = [row for row in rows if (row["votes"][0]["for"] > row["votes"][0]["against"]) != (row["verdict"] == "unsafe")]
    assert len(differing) == 118 == sum(native(row)["disagreement_in_case"] == "True" for row in rows)
    assert {row["votes"][0]["for"] + row["votes"][0]["against"] for row in rows} == {3}


@needs_real
def test_real_davidson_quirks_have_the_counted_size() -> None:
    rows = rows_of("davidson-hate-offensive", None, "train", REAL / "davidson_hate_offensive/labeled_data.csv")
    safe = [row for row in rows if row["verdict"] == "safe"]
    assert sum(row["votes"][0]["for"] == row["votes"][0]["against"] for row in safe) == 17
    assert all(row["votes"][0]["for"] > row["votes"][0]["against"] for row in rows if row["verdict"] == "unsafe")
    assert sum("\n" in row["prompt"] for row in rows) == 910


@needs_real
def test_real_hatecheck_texts_end_with_a_space() -> None:
    assert sum(row["prompt"].endswith(" ") for row in rows_of("hatecheck", path=REAL / "hatecheck/test_suite_cases.csv")) == 3470


@needs_real
def test_real_table_of_targets_of_dynahate_has_no_text_and_is_refused() -> None:
    with pytest.raises(InputError, match="lacks the columns text, label, type, split"):
        rows_of("dynahate", None, "train", REAL / "dynahate_targets/2020-12-31-DynamicallyGeneratedHateDataset-targets-v0.1.csv")


# (source, config, split, file, native rows, without a judgement, verdicts)
SYNTHETIC_FILES = [
    ("civil-comments", None, "test", "civil_comments/data/test-00000-of-00001.parquet", 40, 0, {"unsafe": 20, "safe": 20}),
    ("toxigen", "annotated", "test", "toxigen/annotated_test.csv", 40, 0, {"unsafe": 24, "safe": 16}),
    ("toxigen", "train", "train", "toxigen/toxigen.csv", 40, 0, {None: 40}),
    ("dynahate", None, "train", "dynahate", 40, 20, {"unsafe": 10, "safe": 10}),
    ("dynahate", None, "dev", "dynahate", 40, 30, {"safe": 10}),
    ("dynahate", None, "test", "dynahate", 40, 30, {"unsafe": 10}),
]


@needs_synthetic
@pytest.mark.parametrize("case", SYNTHETIC_FILES, ids=lambda case: f"{case[0]}-{case[1]}-{case[2]}")
def test_synthetic_files_decode_completely(case: tuple[str, str | None, str, str, int, int, dict[str | None, int]]) -> None:
    name, config, split, file, native_rows, without, verdicts = case
    check_complete(name, config, split, SYNTHETIC / file, native_rows, {("prompt", verdict): count for verdict, count in verdicts.items()}, without)
