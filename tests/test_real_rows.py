"""Real rows, when they are there: builds whose exports a separate script recounts from the native files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import recount
from native_folder import INVENTED, REAL
from stand_ins import with_specific_harms

from taxonomy_bridge.check import check_export
from taxonomy_bridge.pipeline import build

EXPORTS = [{"to": "trl"}, {"to": "verl"}, {"to": "messages", "kind": "sft"}, {"to": "gspr-jsonl", "file": "jsonl"}]


def recipe(shared: Path, files, **more):
    sources = [
        {"id": source, "as": f"{source}-{number}", "config": config, "split": split, "path": str(shared / path)}
        for number, (source, config, split, path) in enumerate(files)
    ]
    return {"version": 1, "name": "rows", "seed": 17, "intent": "research", "sources": sources, "policies": ["native"], "export": EXPORTS} | more


def natives(shared: Path, files):
    found = {}
    for source, config, split, path in files:
        file = shared / path
        bare = file.stem if file.suffix in recount.OPENERS else file.name
        found[f"{source}/{config}/{split}/{bare}"] = [(source, config, file)]
    return found


@pytest.fixture(scope="module")
def real(shared, tmp_path_factory):
    out = tmp_path_factory.mktemp("real") / "out"
    return build(recipe(shared, REAL, augment={"shuffle": True}, allow_one_class=["toxicchat"]), out)


def test_the_conservation_laws_hold_for_real_rows(real, shared, capsys):
    lines = recount.recount(real.out, natives(shared, REAL))
    assert lines[-1].endswith("4 exports agree")


def test_every_source_keeps_sixty_percent_and_both_verdicts(real):
    """OpenAI moderation keeps less: half its rows have labels for some categories only and no positive one, so nobody called them safe."""
    for entry in real.ledger["sources"]:
        share = entry["used"] / entry["judgements_in"]
        unlabelled = entry["verdicts_in"].get("none", 0)
        assert entry["used"] / (entry["judgements_in"] - unlabelled) > 0.95
        assert share >= 0.6 or unlabelled / entry["judgements_in"] > 0.5
        assert set(entry["used_by_verdict"]) == {verdict for verdict in entry["verdicts_in"] if verdict != "none"}


def test_the_export_of_real_rows_passes_its_check(real):
    assert [finding for finding in check_export(real.out).findings if finding.level == "error"] == []


def test_invented_rows_of_gated_sets_recount_too(shared, tmp_path):
    duplicates = {"exact": "keep", "conflicts": "keep"}
    allowed = ["hex-phi", "do-not-answer", "or-bench", "toxicchat", "openai-moderation-2022"]
    files = [(*place, str(with_specific_harms(shared / path, tmp_path)) if place[0] == "do-not-answer" else path) for *place, path in INVENTED]
    report = build(recipe(shared, files, duplicates=duplicates, allow_one_class=allowed), tmp_path / "out")
    recount.recount(report.out, natives(shared, files))
    for entry in report.ledger["sources"]:
        known = {verdict for verdict in entry["verdicts_in"] if verdict in ("safe", "unsafe")}
        assert set(entry["used_by_verdict"]) == known


def test_no_prompt_of_an_evaluation_set_stays_in_training(shared, tmp_path):
    evaluation = {"id": "beavertails", "split": "30k_test", "path": str(shared / REAL[0][3])}
    report = build(recipe(shared, REAL[:2], decontaminate=[evaluation]), tmp_path / "out")
    assert report.ledger["sources"][0]["used"] == 0
    assert report.manifest["overlap_removed"]["pair"] >= 1977
    dropped = [json.loads(line) for file in (report.out / "dropped").iterdir() for line in file.read_text().splitlines()]
    assert {line["stage"] for line in dropped} >= {"decontaminate"}
