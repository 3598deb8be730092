"""A bundled list with its mapping hidden: from YAML to a reviewed mapping and a labelled export, as docs/new-list.md walks, and how close the mapping comes."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from taxonomy_bridge import paths, registry, sssom
from taxonomy_bridge.check import check_export
from taxonomy_bridge.cli import app
from taxonomy_bridge.taxonomy import load_taxonomy

DECISIONS = Path(__file__).parent / "fixtures" / "review" / "hidden.decisions.tsv"
RECIPE = """
version: 1
name: hidden
seed: 17
intent: research
sources:
  - {{id: beavertails, split: 30k_train, path: {examples}/beavertails}}
  - {{id: aegis-2, split: train, path: {examples}/aegis-2}}
  - {{id: pku-saferlhf, config: alpaca-7b, split: train, path: {examples}/pku-saferlhf}}
labels: {{assume: closed}}
policies: [{{file: hidden.yaml}}]
"""


def run(*arguments: object) -> str:
    done = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert done.exit_code == 0, done.output
    return done.stdout


@pytest.fixture(scope="module")
def walk(tmp_path_factory):
    """The folder after the walk, and what each command printed."""
    folder = tmp_path_factory.mktemp("walk")
    text = registry.data_file("taxonomies", "beavertails").read_text(encoding="utf-8")
    (folder / "hidden.yaml").write_text(text.replace("id: beavertails", "id: hidden", 1))
    (folder / "mix.yaml").write_text(RECIPE.format(examples=paths.examples()))
    said = {
        "align": run("align", folder / "hidden.yaml", "--without", "beavertails", "-o", folder / "proposals.sssom.tsv"),
        "review": run("review", folder / "proposals.sssom.tsv", "--taxonomy", folder / "hidden.yaml", "--decisions", DECISIONS, "--author", "A. Reader"),
        "check": run("mappings", "check", folder / "hidden.sssom.tsv"),
        "score": run("mappings", "score", folder / "hidden.sssom.tsv", registry.data_file("mappings", "beavertails")),
        "build": run("build", folder / "mix.yaml", "--out", folder / "out"),
        "export": run("check", folder / "out"),
    }
    yield folder, said
    registry._OWN.clear()


def test_nothing_of_the_hidden_mapping_reaches_the_proposals(walk):
    folder, _ = walk
    rows = sssom.read(folder / "proposals.sssom.tsv").rows
    assert {row.subject.split(":")[1] for row in rows} == {category.slug for category in load_taxonomy("beavertails").categories}
    assert not any("beavertails" in " ".join(row.values.values()) for row in rows)


def test_every_decision_is_written_and_a_second_reading_writes_nothing(walk):
    folder, said = walk
    assert said["review"].splitlines()[0].endswith("0 refused")
    before = (folder / "hidden.sssom.tsv").read_bytes()
    run("review", folder / "proposals.sssom.tsv", "--taxonomy", folder / "hidden.yaml", "--decisions", DECISIONS, "--author", "A. Reader")
    assert (folder / "hidden.sssom.tsv").read_bytes() == before
    rows = sssom.read(folder / "hidden.sssom.tsv").rows
    lines = DECISIONS.read_text(encoding="utf-8").splitlines()[1:]
    assert sum(row.negated for row in rows) == sum(line.split("\t")[1] == "reject" for line in lines) > 0
    assert len(rows) == len(lines)


def test_the_mapping_comes_near_the_hidden_one_and_the_numbers_are_printed(walk, capsys):
    folder, said = walk
    told = json.loads(run("mappings", "score", folder / "hidden.sssom.tsv", registry.data_file("mappings", "beavertails"), "--json"))
    with capsys.disabled():
        sys.stdout.write("\n" + said["score"])
    assert told["certain"]["precision"] > 0.6 and told["pairs"]["recall"] > 0.5
    proposed = json.loads(run("mappings", "score", folder / "proposals.sssom.tsv", registry.data_file("mappings", "beavertails"), "--json"))
    assert told["pairs"]["f1"] > proposed["pairs"]["f1"], "the review adds to what was proposed"


def test_labels_are_carried_over_to_the_new_list(walk):
    folder, _ = walk
    assert [finding for finding in check_export(folder / "out").findings if finding.level == "error"] == []
    manifest = json.loads((folder / "out" / "manifest.json").read_text())
    cells = [cell for splits in manifest["counts"]["final"].values() for cell in splits.values()]
    assert sum(cell["unsafe"] for cell in cells) > 10 and sum(cell["safe"] for cell in cells) > 10
    lock = json.loads((folder / "out" / "build.lock.json").read_text())
    assert "hidden" in lock["mappings"] and "hidden" in lock["taxonomies"]


def test_a_table_of_decisions_is_refused_with_its_lines(tmp_path, walk):
    folder, _ = walk
    bad = tmp_path / "bad.tsv"
    bad.write_text("category\taction\tconcept\nanimal_abuse\tmaybe\tanimal-cruelty\n")
    done = CliRunner().invoke(
        app, ["review", str(folder / "proposals.sssom.tsv"), "--taxonomy", str(folder / "hidden.yaml"), "--decisions", str(bad), "--author", "A"]
    )
    assert done.exit_code != 0 and "bad.tsv:2: action" in str(done.exception)
    bad.write_text("slug\taction\n")
    done = CliRunner().invoke(
        app, ["review", str(folder / "proposals.sssom.tsv"), "--taxonomy", str(folder / "hidden.yaml"), "--decisions", str(bad), "--author", "A"]
    )
    assert "the columns are slug, action" in str(done.exception)
