"""Quirks of the benchmark suites of harmful prompts and their Chinese and generated relatives, and the real files where they are at hand."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from decoding import FIXTURES, REAL, SYNTHETIC, check_complete, cleared_by, decode_all, rows_of

from taxonomy_bridge import registry
from taxonomy_bridge.errors import InputError
from taxonomy_bridge.sources._base import Layout, required
from taxonomy_bridge.sources._read import read_rows
from taxonomy_bridge.taxonomy import load_taxonomy

needs_real = pytest.mark.skipif(not REAL.is_dir(), reason="real rows are not at hand")
needs_synthetic = pytest.mark.skipif(not SYNTHETIC.is_dir(), reason="synthetic rows are not at hand")


def leaves(row: dict[str, Any], field: str = "violated") -> list[str]:
    """The named categories without their groups."""
    parents = {category.slug: category.parent for category in load_taxonomy(row["taxonomy"]).categories}
    return [slug for slug in row[field] if slug not in {parents[other] for other in row[field]}]


def native(row: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(row["native"])
    return found


def bad_reasons(name: str, config: str | None, split: str, path: Path) -> Counter[str]:
    return Counter(bad.reason for _, decoded in decode_all(registry.load("sources", name), path, config, split) for bad in decoded.bad)


# --- SALAD-Bench --------------------------------------------------------------------------------------------------------


def test_salad_numbers_restart_at_every_level() -> None:
    first = rows_of("salad-bench", "base_set", "train")[0]
    assert [native(first)[f"{level}-category"] for level in (1, 2, 3)] == ["O1: Representation & Toxicity", "O1: Toxic Content", "O1: Hate Speech"]
    assert first["violated"] == ["representation_and_toxicity", "toxic_content", "hate_speech"]
    assert cleared_by(first) == frozenset()


def test_salad_text_and_attributes_follow_the_config() -> None:
    found = {config: rows_of("salad-bench", config, "train")[0] for config in registry.load("sources", "salad-bench").files}
    assert {config: row["adversarial"] for config, row in found.items()} == {config: config == "attack_enhanced_set" for config in found}
    assert found["attack_enhanced_set"]["prompt"].startswith("Pretend") and native(found["attack_enhanced_set"])["method"] == "gptfuzz"
    assert found["defense_enhanced_set"]["prompt"].startswith("Be kind") and "method" not in native(found["defense_enhanced_set"])
    asked = found["mcq_set"]
    assert asked["verdict"] is None and asked["violated"] == [] and len(asked["unjudged"]) == 1 and cleared_by(asked) == frozenset()
    assert asked["prompt"].startswith("Which answers") and native(asked)["gt"] == "AB"


def test_salad_slashes_are_escaped_and_contradictions_are_refused(tmp_path: Path) -> None:
    assert rb"Illegal Drugs and Regulated\/Controlled Substances" in (FIXTURES / "salad-bench/base_set.json").read_bytes()
    rows = [
        {"question": "Invented", "1-category": "O2: Misinformation Harms", "2-category": "O1: Toxic Content", "3-category": "O1: Hate Speech"},
        {"question": "Invented", "1-category": "O1: Representation & Toxicity", "2-category": "O1: Toxic Content", "3-category": "O1: Hate Speech"},
        {"1-category": "O1: Representation & Toxicity", "2-category": "O1: Toxic Content", "3-category": "O1: Hate Speech"},
    ]
    (tmp_path / "base_set.json").write_text(json.dumps(rows))
    assert bad_reasons("salad-bench", "base_set", "train", tmp_path) == {"the three categories are not one path": 1, "has no question": 1}


@needs_synthetic
@pytest.mark.parametrize(
    ("config", "count", "placeholders"), [("base_set", 40, 9), ("attack_enhanced_set", 12, 2), ("defense_enhanced_set", 12, 2), ("mcq_set", 12, 2)]
)
def test_synthetic_salad_decodes_but_for_placeholder_names(config: str, count: int, placeholders: int) -> None:
    """Two third-level names of the invented rows read [name unconfirmed]: they are in no list, so their rows are refused."""
    path = SYNTHETIC / "salad_bench"
    raw = json.loads((path / f"{config}.json").read_text())
    assert len(raw) == count and sum("[name unconfirmed]" in row["3-category"] for row in raw) == placeholders
    assert bad_reasons("salad-bench", config, "train", path) == {"label outside taxonomy salad-bench": placeholders}
    rows = rows_of("salad-bench", config, "train", path)
    assert len(rows) == count - placeholders and {row["verdict"] for row in rows} == {None if config == "mcq_set" else "unsafe"}


# --- SORRY-Bench --------------------------------------------------------------------------------------------------------


def test_sorry_numbers_shift_after_eleven() -> None:
    new, old = (rows_of(name, "base", "train") for name in ("sorry-bench", "sorry-bench-202406"))
    assert (len(new), len(old)) == (44, 45)
    assert [leaves(row) for row in old[:11]] == [leaves(row) for row in new[:11]]
    assert old[11]["verdict"] == "unsafe" and old[11]["violated"] == [] and cleared_by(old[11]) == frozenset()
    assert [leaves(row) for row in old[12:]] == [leaves(row) for row in new[11:]]
    assert leaves(new[11]) == ["system_intrusion_advice"] and native(old[12])["category"] == "13"


def test_sorry_default_is_the_base_set_and_its_rewordings() -> None:
    rows = rows_of("sorry-bench", "default", "train")
    assert len(rows) == len(rows_of("sorry-bench", "base", "train")) + len(rows_of("sorry-bench", "mutations", "train")) == 64
    languages = {native(row)["prompt_style"]: row["language"] for row in rows}
    assert languages["translate-zh-cn"] == "zh-CN" and languages["translate-fr"] == "fr" and languages["caesar"] == languages["base"] == "en"
    assert {row["adversarial"] for row in rows} == {None}


def test_sorry_turns_that_are_no_single_text(tmp_path: Path) -> None:
    source = registry.load("sources", "sorry-bench")
    assert sum(decoded.without_judgement for _, decoded in decode_all(source, FIXTURES / "sorry-bench", "mutations", "train")) == 1
    rows = [{"category": "1", "turns": turns} for turns in ([], [" "], ["Invented", "and more"], ["Invented"])]
    (tmp_path / "question.jsonl").write_text("\n".join(map(json.dumps, rows)))
    assert bad_reasons("sorry-bench", "base", "train", tmp_path) == {"has more than one turn": 1}
    assert [row["prompt"] for row in rows_of("sorry-bench", "base", "train", tmp_path)] == ["Invented"]


@needs_synthetic
def test_synthetic_sorry_is_of_the_older_edition() -> None:
    path = SYNTHETIC / "sorry_bench/question.jsonl"
    rows = check_complete("sorry-bench-202406", "base", "train", path, 50, {("prompt", "unsafe"): 50})
    assert sum(not row["violated"] for row in rows) == 1 and len({slug for row in rows for slug in leaves(row)}) == 44
    assert Counter(native(row)["prompt_style"] for row in rows) == {"base": 45, "slang": 5}
    assert bad_reasons("sorry-bench", "base", "train", path) == {"label outside taxonomy sorry-bench": 1}


# --- ALERT --------------------------------------------------------------------------------------------------------------


def test_alert_template_is_cut_off_and_empty_instructions_say_nothing() -> None:
    rows = {row["prompt"]: row for row in rows_of("alert", "alert", "test")}
    assert {"Invented text 0", "Invented text 32,\nof two lines", "Invented text 33, outside the template"} <= set(rows)
    assert rows["Invented text 0"]["adversarial"] is False and rows["Invented text 0"]["violated"] == ["hate", "hate_body"]
    attacked = rows_of("alert", "alert_adversarial", "test")
    assert len(attacked) == 4 and {row["adversarial"] for row in attacked} == {True} and {tuple(leaves(row)) for row in attacked} == {("crime_kidnapp",)}
    ((_, decoded),) = decode_all(registry.load("sources", "alert"), FIXTURES / "alert", "alert_adversarial", "test")
    assert decoded.without_judgement == 1


def test_alert_spellings_of_both_editions(tmp_path: Path) -> None:
    names = ("hate_lgbtq+", "hate_lgbtq_plus", "sex_harrasment", "crime_kidnapp", "crime_kidnap")
    (tmp_path / "alert.jsonl").write_text("\n".join(json.dumps({"prompt": "Invented", "category": name}) for name in names))
    rows = rows_of("alert", "alert", "test", tmp_path)
    assert [leaves(row) for row in rows] == [["hate_lgbtq_plus"], ["hate_lgbtq_plus"], ["sex_harrasment"], ["crime_kidnapp"]]


@needs_synthetic
@pytest.mark.parametrize(("config", "empty"), [("alert", 0), ("alert_adversarial", 1)])
def test_synthetic_alert_decodes_but_for_one_corrected_spelling(config: str, empty: int) -> None:
    """The invented rows write sex_harassment; the published string is sex_harrasment, which public loaders repeat."""
    path = SYNTHETIC / "alert"
    assert bad_reasons("alert", config, "test", path) == {"label outside taxonomy alert": 1}
    rows = rows_of("alert", config, "test", path)
    assert len(rows) == 40 - 1 - empty and all(row["verdict"] == "unsafe" and len(leaves(row)) == 1 for row in rows)
    assert len({slug for row in rows for slug in leaves(row)}) == 31 - empty and not any("###" in row["prompt"] for row in rows)


# --- AIR-Bench 2024 -----------------------------------------------------------------------------------------------------


def test_air_codes_are_text_and_bring_their_groups() -> None:
    rows = rows_of("air-bench-2024")
    assert len(rows) == 314
    (row,) = (row for row in rows if native(row)["cate-idx"] == "3.11.20")
    taxonomy = load_taxonomy("air-2024")
    risks = {category.slug: category for category in taxonomy.categories}
    assert [risks[slug].code for slug in row["violated"]] == ["B", "3", "3.11", "3.11.20"]
    assert {leaf for row in rows for leaf in leaves(row)} == {category.slug for category in taxonomy.assignable}
    assert all(native(row)["l4-name"] == risks[leaves(row)[0]].native[0] for row in rows)


@needs_real
def test_real_air_evaluation_run_gives_its_prompts() -> None:
    path = REAL / "air_bench_2024/pipeline2_step1_gpt-4-turbo_response.csv"
    rows = check_complete("air-bench-2024", None, "test", path, 78, {("prompt", "unsafe"): 78})
    assert Counter(native(row)["l2-name"] for row in rows) == {
        **dict.fromkeys({native(row)["l2-name"] for row in rows} - {"Child Harm"}, 5),
        "Child Harm": 3,
    }
    assert Counter(native(row)["cate-idx"] for row in rows)["12.37.2"] == 4 and {row["response"] for row in rows} == {None}


@needs_real
def test_real_air_files_without_prompts_are_refused() -> None:
    source = registry.load("sources", "air-bench-2024")
    with pytest.raises(InputError, match="lacks the columns prompt"):
        decode_all(source, REAL / "air_bench_2024/judge_prompts.arrow")
    with pytest.raises(InputError, match="none of its"):
        decode_all(source, REAL / "air_bench_2024/risk_mapping.json")
    codes = pa.ipc.open_stream(REAL / "air_bench_2024/judge_prompts.arrow").read_all()["cate-idx"].to_pylist()
    assert set(codes) == {category.code for category in load_taxonomy("air-2024").assignable}


@needs_synthetic
def test_synthetic_air_decodes_where_its_code_exists() -> None:
    """The invented rows count 1.1.1 to 1.2.20; the published list has ten of these codes."""
    path = SYNTHETIC / "air_bench_2024/category_1.csv"
    assert bad_reasons("air-bench-2024", None, "test", path) == {"column cate-idx: label outside taxonomy air-2024": 30}
    assert len(rows_of("air-bench-2024", None, "test", path)) == 10


# --- AILuminate ---------------------------------------------------------------------------------------------------------


def test_ailuminate_codes_and_languages() -> None:
    english, french = (rows_of("ailuminate-demo", config, "demo") for config in ("en_us", "fr_fr"))
    assert {row["language"] for row in english} == {"en"} and {row["language"] for row in french} == {"fr"}
    assert english[0]["prompt"].endswith(",\r\nof two lines") and {row["verdict"] for row in english + french} == {"unsafe"}
    (advice,) = (row for row in english if native(row)["hazard"] == "spc_fin")
    assert advice["violated"] == ["contextual_hazards", "specialized_advice", "specialized_advice_financial"] and native(advice)["persona"]


@needs_real
def test_real_ailuminate_hazards() -> None:
    path = REAL / "ailuminate_demo/airr_official_1.0_demo_en_us_prompt_set_release.csv"
    rows = check_complete("ailuminate-demo", "en_us", "demo", path, 1090, {("prompt", "unsafe"): 1090})
    assert Counter(native(row)["hazard"] for row in rows) == {
        **dict.fromkeys(("ipv", "iwp", "ncr", "prv", "ssh", "vcr"), 100),
        "hte": 99,
        "sxc_prn": 98,
        "dfm": 97,
        "src": 96,
        "spc_fin": 26,
        "spc_hlt": 26,
        "spc_ele": 24,
        "spc_lgl": 24,
    }
    assert Counter(leaf for row in rows for leaf in leaves(row)).total() == 1090 and Counter(native(row)["persona"] for row in rows)["skilled"] == 545


# --- CoCoNot ------------------------------------------------------------------------------------------------------------


def test_coconot_only_safety_concerns_are_unsafe() -> None:
    rows = rows_of("coconot", "original", "train")
    by_category = {(native(row)["category"] == "Requests with safety concerns", row["verdict"]) for row in rows}
    assert by_category == {(True, "unsafe"), (False, None)}
    assert all(not row["violated"] and leaves(row, "unjudged") and cleared_by(row) == frozenset() for row in rows if row["verdict"] is None)
    for config in ("contrast", "pref"):
        looks_alike = rows_of("coconot", config)
        assert {row["verdict"] for row in looks_alike} == {"safe"} and not any(row["violated"] + row["unjudged"] for row in looks_alike)
        assert "privacy_violations" in cleared_by(looks_alike[0])


def test_coconot_reason_of_another_category_stays_native() -> None:
    astray = rows_of("coconot", "original", "test")[1]
    assert astray["verdict"] == "unsafe" and astray["violated"] == ["requests_with_safety_concerns"]
    assert native(astray)["subcategory"] == "incomprehensible"


@needs_real
def test_real_coconot_categories() -> None:
    path = REAL / "coconot/coconot_eval.jsonl"
    rows = check_complete("coconot", "original", "test", path, 997, {("prompt", "unsafe"): 393, ("prompt", None): 604})
    assert Counter(slug for row in rows for slug in leaves(row)) == {
        "misinformation": 91, "privacy_violations": 88, "dangerous_or_sensitive_topics": 82, "wildchats": 69, "copyright_violations": 33,
        "triggers_for_offensive_language": 29, "requests_with_safety_concerns": 1,
    }  # fmt: skip
    unjudged = Counter(slug for row in rows for slug in leaves(row, "unjudged"))
    assert (unjudged["underspecified"], unjudged["incomprehensible"], unjudged["offer_advice_opinion_or_recommendations"]) == (93, 48, 30)


# --- S-Eval -------------------------------------------------------------------------------------------------------------


def test_s_eval_place_tells_attack_and_language() -> None:
    rows = rows_of("s-eval")
    assert {(row["split"], row["adversarial"], row["language"]) for row in rows} == {
        (f"{kind}_{language}", kind == "attack", language) for kind in ("base_risk", "attack") for language in ("en", "zh")
    }
    assert {tuple(sorted(json.loads(native(row)["ext"]))) for row in rows} == {("from_traceid", "model"), ("category", "model")}
    assert all(cleared_by(row) == frozenset() for row in rows)


@needs_real
def test_real_s_eval_dimensions() -> None:
    rows = check_complete("s-eval", "small", "base_risk_en", REAL / "s_eval/S-Eval_base_risk_en_small.jsonl.zip", 999, {("prompt", "unsafe"): 999})
    assert Counter(slug for row in rows for slug in row["violated"]) == {
        "crimes_and_illegal_activities": 234, "data_privacy": 135, "hate_speech": 116, "extremism": 110, "inappropriate_suggestions": 102, "cybersecurity": 101,
        "physical_and_mental_health": 101, "ethics_and_morality": 100,
    }  # fmt: skip


# --- JADE ---------------------------------------------------------------------------------------------------------------


def test_jade_kinds_subkinds_and_others() -> None:
    rows = rows_of("jade", "v2.0", "easy")
    count = len(load_taxonomy("jade").assignable)
    blank, astray, *others, spelling = rows[count:]
    assert blank["violated"] == ["crimes", "online_fraud_and_crime"] and native(blank)["违规类型"] == " 违法犯罪"
    assert astray["violated"] == ["crimes", "rights_infringement", "privacy"]
    assert [leaves(row) for row in others] == [["other_crimes"], ["other_rights"], ["other_discrimination"]]
    assert leaves(spelling) == ["other_rights"]
    both, gambling = rows_of("jade", "v1.0", "en")
    assert leaves(both) == ["privacy", "personal_information"] and leaves(gambling) == ["gambling"]
    assert both["language"] == "en" and rows[0]["language"] == "zh"


@needs_real
def test_real_jade_subkinds() -> None:
    english = check_complete("jade", "v1.0", "en", REAL / "jade/jade_benchmark_en.csv", 80, {("prompt", "unsafe"): 80})
    assert sum(len(leaves(row)) == 2 for row in english) == 4
    easy = check_complete("jade", "v2.0", "easy", REAL / "jade/jade_benchmark_easy_zh.csv", 998, {("prompt", "unsafe"): 998})
    assert Counter(native(row)["违规类型"] for row in easy) == {"违法犯罪": 542, "侵害权益": 344, "歧视偏见": 111, " 违法犯罪": 1}
    found = Counter(slug for row in easy for slug in leaves(row))
    assert (found["personal_information"], found["privacy"], found["unlawful_intrusion"], found["fraud"]) == (127, 123, 98, 54)
    assert (found["other_crimes"], found["other_rights"], found["other_discrimination"]) == (10 + 37, 6 + 22, 8 + 11)


def test_jade_alignment_answers_are_judged_and_name_nothing() -> None:
    rows = rows_of("jade-alignment", None, "medium")
    assert [(row["id"].split("#")[1], row["verdict"]) for row in rows[:2]] == [("response_safe", "safe"), ("response_violating", "unsafe")]
    safe, violating = rows[:2]
    assert safe["response"].startswith(" ") and safe["response"].endswith(" ") and safe["prompt"] == violating["prompt"]
    assert len(violating["unjudged"]) == len(load_taxonomy("jade").categories) and cleared_by(violating) == frozenset() and "fraud" in cleared_by(safe)
    file = FIXTURES / "jade-alignment/jade-db-v3.0/jade_alignment_medium_zh.csv"
    with pytest.raises(UnicodeDecodeError):
        file.read_bytes().decode("utf-8")


@needs_real
def test_real_jade_alignment_is_gb18030() -> None:
    path = REAL / "jade/jade_alignment_medium_zh.csv"
    rows = check_complete("jade-alignment", None, "medium", path, 98, {("response", "unsafe"): 98, ("response", "safe"): 98})
    assert sum(row["response"] != row["response"].strip() for row in rows if row["verdict"] == "safe") == 98
    assert not any("\ufffd" in row["prompt"] + row["response"] for row in rows)


# --- Flames, XSafety, AttaQ, AART ---------------------------------------------------------------------------------------


def test_flames_prompts_have_no_verdict() -> None:
    rows = rows_of("flames")
    assert {row["verdict"] for row in rows} == {None} and all(cleared_by(row) == frozenset() for row in rows)
    assert Counter(native(row)["dimension"] for row in rows)["Fairness"] == 2 and {row["adversarial"] for row in rows} == {True}


def test_xsafety_topics_are_themes_of_the_file() -> None:
    rows = rows_of("xsafety")
    assert {row["verdict"] for row in rows} == {None} and all(len(row["unjudged"]) == 1 and not row["violated"] for row in rows)
    assert {row["language"] for row in rows if row["config"] == "sp"} == {"es"}
    odd = {native(row)["topic"]: row["unjudged"] for row in rows}
    assert odd["Crimes_And_Illegal_Activitie"] == odd["Crimes_And_Illegal_Activities"] == ["crimes_and_illegal_activities"]
    assert {slug for row in rows if row["adversarial"] for slug in row["unjudged"]} == {
        "goal_hijacking", "inquiry_with_unsafe_opinion", "prompt_leaking", "reverse_exposure", "role_play_instruction", "unsafe_instruction_topic",
    }  # fmt: skip
    assert not any("\ufeff" in row["prompt"] for row in rows) and all(row["prompt"].startswith(" ") for row in rows)


def test_xsafety_wants_the_published_file_names(tmp_path: Path) -> None:
    (tmp_path / "prompts.csv").write_text("Invented\n")
    with pytest.raises(InputError, match="topic is read from the file name"):
        rows_of("xsafety", "en", "test", tmp_path / "prompts.csv")


@pytest.mark.parametrize(("data", "kept", "bad"), [("a,\nb,\n", 2, 0), ("a,,\nb,\nc,d,e\n", 2, 1), ("a,b\nc\n", 1, 1)])
def test_blank_fields_without_a_header_are_passed_over(tmp_path: Path, data: str, kept: int, bad: int) -> None:
    (tmp_path / "a.csv").write_text(data)
    (rows,) = read_rows(tmp_path / "a.csv", pa.schema(required("text")), Layout(header=False))
    assert (len(rows.batch), len(rows.bad)) == (kept, bad)


XSAFETY = [
    ("en/Crimes_And_Illegal_Activities_en.csv", 200), ("en/Insult_n.csv", 198), ("en/Mental_Health_n.csv", 199), ("en/Privacy_And_Property_n.csv", 199),
    ("en/Unfairness_And_Discrimination_n.csv", 199), ("en/Goal_Hijacking_n.csv", 200), ("zh/Insult.csv", 200), ("zh/Mental_Health.csv", 200),
]  # fmt: skip


@needs_real
@pytest.mark.parametrize(("file", "count"), XSAFETY)
def test_real_xsafety_files(file: str, count: int) -> None:
    language = file.split("/")[0]
    rows = check_complete("xsafety", language, "test", REAL / "xsafety" / file, count, {("prompt", None): count})
    assert len({tuple(row["unjudged"]) for row in rows}) == 1 and {row["language"] for row in rows} == {language}
    assert not rows[0]["prompt"].startswith("\ufeff")


def test_attaq_labels() -> None:
    assert [leaves(row)[0] for row in rows_of("attaq")] == [category.slug for category in load_taxonomy("attaq").categories]


def test_aart_has_phrases_and_no_label() -> None:
    rows = rows_of("aart")
    assert {row["verdict"] for row in rows} == {None} and {tuple(row["unjudged"]) for row in rows} == {("harmful",)}
    assert native(rows[0])["crime"] == "horse racing" and not any(key.startswith("why_") for key in native(rows[0]))
    assert rows[0]["prompt"].endswith("\nof two lines") and rows[1]["prompt_hash"] == rows[2]["prompt_hash"]


@needs_real
def test_real_aart_phrases() -> None:
    rows = check_complete("aart", None, "train", REAL / "aart/aart-v1-20231117.csv", 3150, {("prompt", None): 3150})
    crimes = Counter(native(row)["crime"] for row in rows)
    assert len(crimes) == 70 and (crimes["terrorism"], crimes["horse racing"], crimes["pornography"]) == (93, 57, 6)
    assert sum("\n" in row["prompt"] for row in rows) == 84 and len(rows) - len({row["prompt"] for row in rows}) == 45
