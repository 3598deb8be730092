"""Rules that every source obeys, the quirks of each, and the real files where they are at hand."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections import Counter
from itertools import chain
from pathlib import Path

import pyarrow as pa
import pytest
from decoding import FIXTURES, REAL, SYNTHETIC, cleared_by, decode_all, rows_of
from stand_ins import with_specific_harms

from taxonomy_bridge import registry, schema
from taxonomy_bridge.errors import InputError, RecipeError, UnknownNameError
from taxonomy_bridge.sources import _base, _hub, load_source
from taxonomy_bridge.sources._rows import Rows
from taxonomy_bridge.taxonomy import load_taxonomy

ROOT = Path(__file__).parents[1]
NAMES = registry.names("sources")

needs_real = pytest.mark.skipif(not REAL.is_dir(), reason="real rows are not at hand")
needs_synthetic = pytest.mark.skipif(not SYNTHETIC.is_dir(), reason="synthetic rows are not at hand")


@pytest.fixture(params=NAMES)
def source(request: pytest.FixtureRequest) -> _base.Source:
    found: _base.Source = registry.load("sources", request.param)
    return found


# --- every source -------------------------------------------------------------------------------------------------------


def test_there_are_enough_sources_and_a_page_for_each() -> None:
    assert len(NAMES) >= 45
    assert {path.stem for path in (ROOT / "docs" / "sources").glob("*.md")} == {*NAMES, "README"}


def test_each_source_has_a_fixture_and_each_fixture_a_source() -> None:
    assert sorted(path.name for path in FIXTURES.iterdir()) == NAMES


def test_facts_are_complete(source: _base.Source) -> None:
    folder = ROOT / "taxonomy_bridge" / "sources"
    (file,) = [file for file in (folder / f"{source.name.replace('-', '_')}.py", folder / f"{source.name}.yaml") if file.is_file()]
    assert len(file.read_text(encoding="utf-8").splitlines()) < 120
    assert source.evidence in ("real rows", "documented layout", "invented rows")
    assert source.unverified == (source.evidence == "invented rows")
    assert source.licence.identifier and source.licence.evidence and re.fullmatch(r"\d{4}-\d\d-\d\d", source.licence.date)
    assert source.licence.link.startswith("https://")
    assert source.citation and source.citation.url.startswith("https://") and source.title and source.homepage
    assert set(source.rows) <= {f"{config}/{split}" for config, splits in source.files.items() for split in splits}
    assert source.verdicts <= {"safe", "unsafe", "borderline"}
    assert all(quirk.strip().endswith(".") for quirk in source.quirks) and source.quirks
    assert source.gate is None or source.gate.startswith("https://")


def test_median_source_is_short() -> None:
    sizes = sorted(
        len(file.read_text(encoding="utf-8").splitlines()) for file in (ROOT / "taxonomy_bridge" / "sources").glob("[!_]*") if file.suffix in (".py", ".yaml")
    )
    assert sizes[len(sizes) // 2] < 60


def test_revision_is_a_full_commit_or_its_absence_is_documented(source: _base.Source) -> None:
    if source.revision is None:
        assert any("revision" in quirk.casefold() or "unverified" in quirk.casefold() for quirk in source.quirks)
    else:
        assert re.fullmatch(r"[0-9a-f]{40}", source.revision)


def test_judgements_are_valid_and_counted(source: _base.Source) -> None:
    slugs = {slug for name in source.taxonomies for slug in load_taxonomy(name).by_slug}
    for _, decoded in decode_all(source, FIXTURES / source.name):
        schema.validate(decoded.judgements, slugs)
        assert decoded.rows_in == decoded.decoded + len(decoded.bad) + decoded.without_judgement
        assert decoded.bad == ()
        for row in decoded.judgements.to_pylist():
            assert isinstance(json.loads(row["native"]), dict)
            assert row["taxonomy"] in source.taxonomies
            assert row["id"].split("#")[1] in source.slots
            assert set(row["violated"]) <= set(load_taxonomy(row["taxonomy"]).by_slug)
            assert not set(row["violated"]) & set(row["unjudged"])
            assert source.language in (None, row["language"])


def test_ids_are_unique_across_the_source(source: _base.Source) -> None:
    ids = [row["id"] for row in rows_of(source.name)]
    assert len(set(ids)) == len(ids)
    assert all(re.fullmatch(rf"{source.name}/[^/]+/[^/]+/.+:\d+#[A-Za-z0-9_-]+", found) for found in ids)


def test_declared_verdicts_taxonomies_and_slots_occur(source: _base.Source) -> None:
    rows = rows_of(source.name)
    assert {row["verdict"] for row in rows} - {None} == source.verdicts
    assert {row["taxonomy"] for row in rows} == set(source.taxonomies)
    assert {row["id"].split("#")[1] for row in rows} == set(source.slots)


def test_every_assignable_category_occurs(source: _base.Source) -> None:
    said = {(row["taxonomy"], slug) for row in rows_of(source.name) for slug in row["violated"] + row["unjudged"]}
    assert said >= {(name, category.slug) for name in source.taxonomies for category in load_taxonomy(name).assignable}


def test_result_does_not_depend_on_batches(source: _base.Source) -> None:
    def table(batch_rows: int) -> pa.Table:
        return pa.Table.from_batches([decoded.judgements for _, decoded in decode_all(source, FIXTURES / source.name, batch_rows=batch_rows)])

    one, seven, many = table(1), table(7), table(1000)
    assert one.equals(many) and seven.equals(many)


def test_every_split_is_read_alone_and_by_load_source(source: _base.Source) -> None:
    for config in source.configs:
        for split in source.files[source.unions.get(config, (config,))[0]]:
            loaded = sum(len(batch) for batch in load_source(source.name, path=FIXTURES / source.name, config=config, split=split))
            assert loaded == len(rows_of(source.name, config, split)) > 0


def test_adding_a_source_is_one_file(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "taxonomy_bridge", tmp_path / "taxonomy_bridge", ignore=shutil.ignore_patterns("__pycache__"))
    for folder in ("taxonomies", "mappings"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    text = (ROOT / "taxonomy_bridge" / "sources" / "or_bench.py").read_text(encoding="utf-8").replace('name="or-bench"', 'name="new-bench"')
    (tmp_path / "taxonomy_bridge" / "sources" / "new_bench.py").write_text(text, encoding="utf-8")
    program = (
        "from taxonomy_bridge import registry\nfrom taxonomy_bridge.sources import load_source\n"
        f"batch = next(load_source('new-bench', path={str(FIXTURES / 'or-bench')!r}, config='or-bench-toxic', split='train'))\n"
        "assert 'new-bench' in registry.names('sources')\nprint(batch['id'][0])"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=True, env={"PYTHONPATH": str(tmp_path)})
    assert done.stdout.strip() == "new-bench/or-bench-toxic/train/or-bench-toxic.csv:0#prompt"


# --- quirks, one by one ---------------------------------------------------------------------------------------------------


def test_openai_missing_labels_are_unjudged_and_never_safe() -> None:
    rows = {row["prompt"]: row for row in rows_of("openai-moderation")}
    assert rows["Invented text 8"]["verdict"] == rows["Invented text 9"]["verdict"] == "safe"
    partial = rows["Invented text 10"]
    assert partial["verdict"] is None
    assert sorted(partial["unjudged"]) == ["hate", "hate_threatening", "sexual", "sexual_minors"]
    assert cleared_by(partial) == {"harassment", "self-harm", "violence", "violence_graphic"}
    child = rows["Invented text 11"]
    assert sorted(child["violated"]) == ["sexual", "sexual_minors"] and "sexual" not in child["unjudged"]
    assert "Invented text 13" not in rows
    file = _base.local_files(registry.load("sources", "openai-moderation"), None, "train", FIXTURES / "openai-moderation")[0]
    assert sum(decoded.without_judgement for decoded in _base.decode_file(registry.load("sources", "openai-moderation"), file)) == 1


def test_aegis_2_redacted_shared_names_and_safe_rows_with_names() -> None:
    rows = {(row["id"].rsplit(":")[-1]): row for row in rows_of("aegis-2", None, "train") if "/train.json:" in row["id"]}
    count = len(load_taxonomy("aegis-2.0").categories)
    assert f"{count}#response" not in rows and rows[f"{count}#prompt"]["verdict"] == "safe"
    assert f"{count + 1}#response" not in rows
    left, right, both, neither, redacted, empty = ([rows[f"{count + at}#{slot}"] for slot in ("prompt", "response")] for at in range(2, 8))
    safe_named = rows[f"{count + 1}#prompt"]
    assert safe_named["verdict"] == "safe" and safe_named["violated"] == [] and safe_named["unjudged"] == ["needs_caution"]
    assert left[0]["violated"] == ["violence", "threat"] and left[1]["violated"] == left[1]["unjudged"] == []
    assert right[0]["violated"] == right[0]["unjudged"] == [] and right[1]["violated"] == ["profanity"]
    for side in both:
        assert side["verdict"] == "unsafe" and side["violated"] == [] and sorted(side["unjudged"]) == ["sexual_minor", "violence"]
    assert [side["unjudged"] for side in neither] == [["needs_caution", "other"]] * 2
    assert redacted[0]["prompt"] is None and redacted[0]["redacted"] is True and redacted[0]["violated"] == ["suicide_and_self_harm"]
    assert redacted[1]["prompt"] is None and redacted[1]["response"] is not None
    assert empty[1]["response"] == "" and empty[0]["redacted"] is False
    assert cleared_by(left[0]) == frozenset()


def test_aegis_2_three_columns_suffice(tmp_path: Path) -> None:
    rows = [
        {"prompt": "Invented", "prompt_label": "unsafe", "violated_categories": "Violence"},
        {"prompt": "Also", "prompt_label": "safe", "violated_categories": ""},
    ]
    (tmp_path / "three.json").write_text(json.dumps(rows))
    found = rows_of("aegis-2", None, "test", tmp_path / "three.json")
    assert [(row["judged"], row["verdict"], row["violated"]) for row in found] == [("prompt", "unsafe", ["violence"]), ("prompt", "safe", [])]


def test_aegis_2_refusals_are_marked() -> None:
    rows = [row for row in rows_of("aegis-2", None, "train") if "refusals_train" in row["id"]]
    assert {row["refusal"] for row in rows if row["judged"] == "response"} == {True}
    assert {row["refusal"] for row in rows if row["judged"] == "prompt"} == {None}


def test_beavertails_names_with_commas_stay_whole() -> None:
    rows = rows_of("beavertails", None, "30k_train")
    singles = [row["violated"] for row in rows[:14]]
    assert singles == [[slug] for slug in load_taxonomy("beavertails").by_slug]
    assert "violence_aiding_and_abetting_incitement" in rows[17]["violated"] and len(rows[17]["violated"]) == 2
    assert json.loads(rows[5]["native"])["category"]["financial_crime,property_crime,theft"] is True


def test_aegis_1_votes_ties_and_caution() -> None:
    rows = {int(row["id"].split(":")[1].split("#")[0]): row for row in rows_of("aegis-1", None, "train")}
    first = len(load_taxonomy("aegis-1.0").categories) - 1
    safe, minority, tie, caution, five, split, mixed, half, nobody, alias, named = range(first, first + 11)
    assert [rows[at]["verdict"] for at in (safe, minority, mixed)] == ["safe"] * 3
    assert rows[minority]["unjudged"] == ["violence"] and "violence" not in cleared_by(rows[minority])
    assert [rows[at]["verdict"] for at in (tie, caution, split, half)] == ["borderline"] * 4
    assert rows[tie]["violated"] == [] and rows[tie]["unjudged"] == ["violence"]
    assert rows[caution]["unjudged"] == ["needs_caution"]
    assert rows[five]["verdict"] == "unsafe" and rows[five]["violated"] == ["violence"] and rows[five]["unjudged"] == ["harassment", "threat"]
    assert {"category": None, "for": 3, "against": 2} in rows[five]["votes"] and {"category": "violence", "for": 3, "against": 0} in rows[five]["votes"]
    assert {"category": "needs_caution", "for": 2, "against": 0} in rows[caution]["votes"]
    assert nobody not in rows
    assert sorted(rows[alias]["unjudged"]) == ["guns_and_illegal_weapons", "pii_privacy", "sexual_minor"] and rows[alias]["verdict"] == "unsafe"
    assert rows[named]["violated"] == ["violence"] and rows[named]["unjudged"] == ["needs_caution"]
    assert {row["judged"] for row in rows.values()} == {"dialogue"}


def test_wildguard_nulls_themes_and_others() -> None:
    train = rows_of("wildguardmix", "wildguardtrain")
    others = next(row for row in train if "others" in row["violated"])
    assert len(others["unjudged"]) == 13 and cleared_by(others) == frozenset()
    assert Counter(row["judged"] for row in train) == {"prompt": 18, "response": 3}
    by_prompt = {(row["prompt"], row["judged"]): row for row in train}
    assert by_prompt["Invented prompt 21", "prompt"]["verdict"] == "unsafe" and by_prompt["Invented prompt 21", "prompt"]["violated"] == []
    assert by_prompt["Invented prompt 21", "response"]["refusal"] is True and by_prompt["Invented prompt 21", "response"]["adversarial"] is True
    assert by_prompt["Invented prompt 22", "prompt"]["verdict"] == "safe" and by_prompt["Invented prompt 22", "prompt"]["violated"] == []
    assert by_prompt["Invented prompt 22", "response"]["verdict"] == "unsafe" and by_prompt["Invented prompt 22", "response"]["violated"] == []
    assert by_prompt["Invented prompt 25", "prompt"]["adversarial"] is None
    assert {"harmful_language", "violence_and_physical_harm"} == set(by_prompt["Invented prompt 3", "prompt"]["violated"])
    test = {(row["prompt"], row["judged"]): row for row in rows_of("wildguardmix", "wildguardtest")}
    assert not any(prompt in ("Invented prompt 23", "Invented prompt 24") for prompt, _ in test)
    assert ("Invented prompt 26", "prompt") not in test and test["Invented prompt 26", "response"]["verdict"] == "unsafe"


def test_toxicchat_unsafe_clears_nothing_and_jailbreaking_is_an_attribute() -> None:
    rows = rows_of("toxicchat", "toxicchat0124", "train")
    unsafe = [row for row in rows if row["verdict"] == "unsafe"]
    assert all(cleared_by(row) == frozenset() and row["violated"] == ["toxicity"] for row in unsafe)
    assert {row["adversarial"] for row in unsafe} == {True, False} and {row["response"] for row in rows} == {None}
    assert any(row["adversarial"] and row["verdict"] == "safe" for row in rows)
    older = rows_of("toxicchat", "toxicchat1123", "train")
    assert [row["verdict"] for row in older] != [row["verdict"] for row in rows]


def test_pku_has_two_ids_per_row_and_default_is_all_three() -> None:
    rows = rows_of("pku-saferlhf", "alpaca3-8b", "train")
    assert [row["id"].split(":")[1] for row in rows] == [f"{at}#response_{side}" for at in range(3) for side in (0, 1)]
    kept = rows[5]
    assert kept["verdict"] == "safe" and kept["violated"] == [] and kept["unjudged"] == ["violence"] and kept["severity"] == 2
    assert json.loads(kept["native"])["response_1_harm_category"]["Violence"] is True
    together = [row["id"] for row in rows_of("pku-saferlhf", "default", "train")]
    alone = [row["id"] for model in ("alpaca-7b", "alpaca2-7b", "alpaca3-8b") for row in rows_of("pku-saferlhf", model, "train")]
    assert together == alone and len(set(alone)) == len(alone)


def test_pku_changed_text_goes_to_quarantine(tmp_path: Path) -> None:
    lines = (FIXTURES / "pku-saferlhf/data/Alpaca-7B/train.jsonl").read_text(encoding="utf-8").splitlines()
    lines[3] = lines[3].replace("Second reply", "Another reply")
    (tmp_path / "train.jsonl").write_text("\n".join(lines), encoding="utf-8")
    source = registry.load("sources", "pku-saferlhf")
    found = [decoded for _, decoded in decode_all(source, tmp_path / "train.jsonl", "alpaca-7b", "train")]
    (bad,) = [bad for decoded in found for bad in decoded.bad]
    assert bad.row == 3 and "response_1_sha256" in bad.reason and len(bad.sha256) == 64
    assert sum(decoded.decoded for decoded in found) == len(lines) - 1


def test_or_bench_category_is_a_theme_unless_toxic() -> None:
    assert {(row["verdict"], len(row["violated"])) for row in rows_of("or-bench", "or-bench-80k", "train")} == {("safe", 0)}
    assert {(row["verdict"], len(row["violated"])) for row in rows_of("or-bench", "or-bench-toxic", "train")} == {("unsafe", 1)}
    with pytest.raises(RecipeError, match="or-bench-hard-1k"):
        rows_of("or-bench", None, "train")


def test_guardset_label_comes_from_the_split_name() -> None:
    for split in ("Google_unsafe", "ByteDance_unsafe"):
        assert {row["verdict"] for row in rows_of("guardset-x", "hr", split)} == {"unsafe"}
    assert {row["taxonomy"] for row in rows_of("guardset-x", "education", "AI_FOR_EDUCATION_safe")} == {"guardset-x-ai-for-education"}
    assert {len(row["violated"]) for row in rows_of("guardset-x", "hr", "IBM_safe")} == {0}
    assert len({row["violated"][0] for row in rows_of("guardset-x", "hr", "Apple_unsafe")}) == 13


def test_hex_phi_reads_first_rows_and_wants_published_names(tmp_path: Path) -> None:
    rows = rows_of("hex-phi", "default", "train")
    assert len(rows) == 20 and {row["prompt"] for row in rows} >= {"Invented request 1.0", "Invented request 11.0"}
    shutil.copy(FIXTURES / "hex-phi" / "category_4.csv", tmp_path / "other.csv")
    with pytest.raises(InputError, match=r"category_1\.csv"):
        rows_of("hex-phi", None, "train", tmp_path / "other.csv")
    shutil.copy(FIXTURES / "hex-phi" / "category_4.csv", tmp_path / "category_4.csv")
    assert {row["violated"][0] for row in rows_of("hex-phi", None, "train", tmp_path / "category_4.csv")} == {"malware"}


def test_t2t_mixed_class_gives_no_judgement_and_unknown_class_is_quarantined() -> None:
    source = registry.load("sources", "t2t")
    ((_, decoded),) = decode_all(source, FIXTURES / "t2t")
    assert (decoded.without_judgement, decoded.decoded) == (1, 7)
    rows = pa.RecordBatch.from_pylist(
        [{"question": "Invented", "class": word, "category": "violent_crimes", "subcategory": None, "_row": at} for at, word in enumerate(("unsafe", "odd"))],
        pa.schema([*source.columns, ("_row", pa.int64())]),
    )
    refused = _base.decode_rows(source, _base.Origin("t2t", "default", "train", "unpinned", "x"), Rows(rows, ()))
    assert [(bad.row, bad.reason) for bad in refused.bad] == [(1, "class is neither safe nor unsafe")]


def test_do_not_answer_odd_flags_give_no_judgement_of_that_response() -> None:
    rows = rows_of("do-not-answer")
    per_slot = Counter((row["id"].split("#")[1], row["verdict"]) for row in rows)
    assert per_slot["prompt", "unsafe"] == 12
    for model in ("GPT4", "ChatGPT", "Claude", "ChatGLM2", "llama2-7b-chat", "vicuna-7b"):
        assert (per_slot[f"response_{model}", "safe"], per_slot[f"response_{model}", "unsafe"]) == (3, 3)
    assert all(row["violated"] == [] for row in rows if row["judged"] == "response")
    assert all(len(row["violated"]) == 3 for row in rows if row["judged"] == "prompt")


def test_do_not_answer_names_area_type_and_specific_harm_and_clears_nothing_else() -> None:
    taxonomy = load_taxonomy("do-not-answer")
    prompts = [row for row in rows_of("do-not-answer") if row["judged"] == "prompt"]
    for row in prompts:
        (harm,) = (slug for slug in row["violated"] if len(taxonomy.ancestors(slug)) == 2)
        assert set(row["violated"]) == {harm, *taxonomy.ancestors(harm)}
        assert json.loads(row["native"])["specific_harms"].startswith(taxonomy[harm].name)
        assert cleared_by(row) == frozenset()
    assert {"legal_advice", "propaganda", "coping_advice", "animal_abuse"} <= set(chain.from_iterable(row["violated"] for row in prompts))
    answer = next(row for row in rows_of("do-not-answer") if row["verdict"] == "safe")
    assert cleared_by(answer) == frozenset(taxonomy.by_slug)


@pytest.mark.parametrize(
    ("harm", "violated", "reason"),
    [
        (None, {"toxic_language"}, None),
        ("", {"toxic_language"}, None),
        ("INSULT : another description:\nof two lines", {"toxic_language", "insult"}, None),
        ("Unlisted harm: Insult", None, "label outside taxonomy do-not-answer"),
        ("Spam Content", None, "specific harm outside its type"),
        ("Toxic language (hate speech)", None, "specific harm outside its type"),
        ("Malicious Uses", None, "specific harm outside its type"),
    ],
)
def test_do_not_answer_refuses_specific_harms_that_it_cannot_place(harm: str | None, violated: set[str] | None, reason: str | None) -> None:
    source = registry.load("sources", "do-not-answer")
    known = {"question": "Invented", "types_of_harm": "Treat Chatbot as a Human", "specific_harms": "Ask for personal information", "_row": 0}
    asked = {"question": "Invented", "types_of_harm": "Toxic language (hate speech)", "specific_harms": harm, "_row": 1}
    batch = pa.RecordBatch.from_pylist([known, asked], pa.schema([*source.columns, ("_row", pa.int64())]))
    decoded = _base.decode_rows(source, _base.Origin("do-not-answer", "default", "train", "unpinned", "x"), Rows(batch, ()))
    assert [(bad.row, bad.reason) for bad in decoded.bad] == ([] if reason is None else [(1, reason)])
    area = "discrimination_exclusion_toxicity_hateful_offensive"
    assert [set(row["violated"]) for row in decoded.judgements.to_pylist()[1:]] == ([] if violated is None else [{area, *violated}])


def test_xstest_verdict_from_type_where_the_label_is_missing() -> None:
    old = {row["prompt"]: row["verdict"] for row in rows_of("xstest") if "older" in row["prompt"]}
    assert old == {"Invented, older release": "safe", "Invented, older contrast": "unsafe"}


def test_xstest_response_refusal_has_no_verdict_and_both_prompt_types_read() -> None:
    harm, refusal = (rows_of("xstest-response", None, split) for split in ("response_harmfulness", "response_refusal"))
    assert {row["verdict"] for row in harm} == {"safe", "unsafe"} and {row["refusal"] for row in harm} == {None}
    assert {row["verdict"] for row in refusal} == {None} and {row["refusal"] for row in refusal} == {True, False}
    assert all(cleared_by(row) == frozenset() for row in refusal)
    assert {json.loads(row["native"])["prompt_type"] for row in harm} == {"prompt_harmful", "prompt_unsafe", "prompt_safe"}


# --- local files ----------------------------------------------------------------------------------------------


def test_unknown_names_say_what_is_near() -> None:
    source = registry.load("sources", "pku-saferlhf")
    with pytest.raises(UnknownNameError, match="Did you mean train"):
        source.natives(None, "trian")
    with pytest.raises(UnknownNameError, match="alpaca-7b"):
        source.natives("alpaca-7B", "train")


def test_local_path_problems_are_named(tmp_path: Path) -> None:
    source = registry.load("sources", "beavertails")
    with pytest.raises(InputError, match="does not exist"):
        _base.local_files(source, None, "30k_test", tmp_path / "nowhere")
    with pytest.raises(InputError, match=re.escape("round0/30k/test.jsonl.gz")):
        _base.local_files(source, None, "30k_test", tmp_path)
    with pytest.raises(RecipeError, match="one file cannot hold"):
        _base.local_files(source, None, "30k_test+30k_train", FIXTURES / "beavertails/round0/30k/test.jsonl.gz")
    for ending in (".xz", ".bz2"):
        (tmp_path / f"test.jsonl{ending}").touch()
    with pytest.raises(InputError, match="several copies"):
        _base.local_files(source, None, "30k_test", tmp_path)


def test_one_file_is_never_read_as_two(tmp_path: Path) -> None:
    shutil.copy(FIXTURES / "pku-saferlhf/data/Alpaca-7B/train.jsonl", tmp_path)
    source = registry.load("sources", "pku-saferlhf")
    with pytest.raises(InputError, match="several files"):
        _base.local_files(source, None, "train", tmp_path)
    assert len(_base.local_files(source, "alpaca-7b", "train", tmp_path)) == 1


def test_splits_can_be_added() -> None:
    source = registry.load("sources", "beavertails")
    both = _base.local_files(source, None, "30k_train+30k_test", FIXTURES / "beavertails")
    assert [file.origin.split for file in both] == ["30k_train", "30k_test"]


@pytest.mark.parametrize("name", [name for name in NAMES if registry.load("sources", name).revision is None])
def test_hub_refuses_unpinned_sources(name: str) -> None:
    source = registry.load("sources", name)
    config = source.configs[0]
    with pytest.raises(RecipeError, match=r"`revision:`.*`path:`"):
        _hub.files(source, config, next(iter(source.files[config])), None, None)


# --- real rows ------------------------------------------------------------------------------------------------------------

# (source, config, split, file, native rows, {(judged, verdict): judgements})
REAL_FILES = [
    ("beavertails", None, "30k_test", "beavertails/30k_test.jsonl", 1978, {("response", "unsafe"): 1156, ("response", "safe"): 822}),
    ("beavertails", None, "30k_test", "beavertails/30k_test.jsonl.gz", 1978, {("response", "unsafe"): 1156, ("response", "safe"): 822}),
    ("beavertails", None, "30k_test", "beavertails/30k_test.jsonl.xz", 1978, {("response", "unsafe"): 1156, ("response", "safe"): 822}),
    ("aegis-2", None, "test", "aegis2_prompts/aegis2_test_prompts.json", 1941, {("prompt", "unsafe"): 1039, ("prompt", "safe"): 902}),
    ("toxicchat", "toxicchat0124", "train", "toxicchat/toxic-chat_annotation_toxic_rows.csv", 341, {("prompt", "unsafe"): 341}),
    (
        "openai-moderation", None, "train", "openai_moderation/samples-1680.jsonl.gz", 1483,
        {("prompt", "unsafe"): 383, ("prompt", "safe"): 326, ("prompt", None): 774},
    ),
    ("pku-saferlhf", "alpaca-7b", "test", "pku_saferlhf/Alpaca-7B_test.jsonl", 10, {("response", "unsafe"): 10, ("response", "safe"): 10}),
    ("xstest", None, "train", "xstest/xstest_prompts.csv", 448, {("prompt", "safe"): 249, ("prompt", "unsafe"): 199}),
    ("xstest", None, "train", "xstest/xstest_v2_completions_gpt4.csv", 444, {("prompt", "safe"): 246, ("prompt", "unsafe"): 198}),
]  # fmt: skip


@needs_real
@pytest.mark.parametrize("case", REAL_FILES, ids=lambda case: f"{case[0]}-{Path(case[3]).name}")
def test_real_files_decode_completely(case: tuple[str, str | None, str, str, int, dict[tuple[str, str | None], int]]) -> None:
    name, config, split, file, native_rows, verdicts = case
    found = [decoded for _, decoded in decode_all(registry.load("sources", name), REAL / file, config, split)]
    assert sum(decoded.rows_in for decoded in found) == sum(decoded.decoded for decoded in found) == native_rows
    assert not any(decoded.bad or decoded.without_judgement for decoded in found)
    rows = list(chain.from_iterable(decoded.judgements.to_pylist() for decoded in found))
    assert Counter((row["judged"], row["verdict"]) for row in rows) == verdicts
    slugs = {slug for taxonomy in registry.load("sources", name).taxonomies for slug in load_taxonomy(taxonomy).by_slug}
    for decoded in found:
        schema.validate(decoded.judgements, slugs)


@needs_real
def test_real_aegis_2_quirks_have_the_counted_size() -> None:
    rows = rows_of("aegis-2", None, "test", REAL / "aegis2_prompts/aegis2_test_prompts.json")
    assert sum(row["redacted"] for row in rows) == sum(row["prompt"] is None for row in rows) == 36
    named = [row for row in rows if row["verdict"] == "safe" and row["unjudged"]]
    assert (len(named), sum(row["unjudged"] == ["needs_caution"] for row in named)) == (195, 149)
    assert all(row["violated"] for row in rows if row["verdict"] == "unsafe") and not any(row["violated"] for row in named)


@needs_real
def test_real_openai_labels_are_counted_per_category() -> None:
    counts = {"sexual": 116, "hate": 149, "violence": 89, "harassment": 65, "self-harm": 50, "hate_threatening": 39, "violence_graphic": 22}
    rows = rows_of("openai-moderation", None, "train", REAL / "openai_moderation/samples-1680.jsonl.gz")
    ones = Counter(key for row in rows for key, value in json.loads(row["native"]).items() if value == 1)
    codes = {category.slug: category.code for category in load_taxonomy("openai-moderation-2022").categories}
    assert {slug: ones[str(codes[slug])] for slug in counts} == counts
    assert all(row["unjudged"] for row in rows if row["verdict"] is None)


@needs_real
def test_real_toxicchat_attacks_and_pku_digests() -> None:
    toxic = rows_of("toxicchat", "toxicchat0124", "train", REAL / "toxicchat/toxic-chat_annotation_toxic_rows.csv")
    assert Counter(row["adversarial"] for row in toxic) == {False: 239, True: 102}
    pku = rows_of("pku-saferlhf", "alpaca-7b", "test", REAL / "pku_saferlhf/Alpaca-7B_test.jsonl")
    assert Counter(row["severity"] for row in pku) == {0: 10, 2: 6, 1: 2, 3: 2}


# (source, config, split, path in the synthetic folder, native rows)
SYNTHETIC_FILES = [
    ("aegis-1", None, "train", "aegis1/data/train-00000-of-00001.parquet", 40),
    ("aegis-2", None, "test", "aegis2", 40),
    ("aegis-2", None, "train", "aegis2/refusals_train.json", 10),
    ("toxicchat", "toxicchat0124", "test", "toxicchat", 40),
    ("toxicchat", "toxicchat1123", "test", "toxicchat", 40),
    ("wildguardmix", "wildguardtrain", "train", "wildguardmix", 40),
    ("wildguardmix", "wildguardtest", "test", "wildguardmix", 40),
    ("openai-moderation", None, "train", "openai_moderation/samples-placeholder.jsonl.gz", 40),
    ("pku-saferlhf", "alpaca-7b", "train", "pku_saferlhf/Alpaca-7B/train.jsonl", 40),
    ("or-bench", "or-bench-80k", "train", "or_bench", 40),
    ("or-bench", "or-bench-hard-1k", "train", "or_bench", 20),
    ("or-bench", "or-bench-toxic", "train", "or_bench", 20),
    ("hex-phi", None, "train", "hex_phi", 40),
    ("xstest-response", None, "response_harmfulness", "xstest_response", 40),
    ("xstest-response", None, "response_refusal", "xstest_response", 40),
]


@needs_synthetic
@pytest.mark.parametrize("case", SYNTHETIC_FILES, ids=lambda case: f"{case[0]}-{case[1]}-{case[2]}-{Path(case[3]).name}")
def test_synthetic_files_decode_completely(case: tuple[str, str | None, str, str, int]) -> None:
    name, config, split, file, native_rows = case
    found = [decoded for _, decoded in decode_all(registry.load("sources", name), SYNTHETIC / file, config, split)]
    assert sum(decoded.rows_in for decoded in found) == sum(decoded.decoded for decoded in found) == native_rows
    assert not any(decoded.bad for decoded in found)


@needs_synthetic
@pytest.mark.parametrize("file", ["data/train-00000-of-00001.parquet", "do_not_answer_en.csv"])
def test_synthetic_do_not_answer_rows_decode_once_their_specific_harm_is_one(file: str, tmp_path: Path) -> None:
    source, path = registry.load("sources", "do-not-answer"), SYNTHETIC / "do_not_answer" / file
    ((_, as_they_are),) = decode_all(source, path, None, "train")
    ((_, named),) = decode_all(source, with_specific_harms(path, tmp_path), None, "train")
    assert (as_they_are.rows_in, as_they_are.decoded, len(as_they_are.bad)) == (40, 0, 40)
    assert (named.rows_in, named.decoded, named.bad) == (40, 40, ())
