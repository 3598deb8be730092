"""Data of one's own: adapters in builds, drafts that decide nothing, and the page that explains the keys."""

from __future__ import annotations

import json
from itertools import permutations
from pathlib import Path

import pytest
from own_data import CSV, GOOD, rows_of
from typer.testing import CliRunner

from taxonomy_bridge import registry, storage
from taxonomy_bridge.cli import app
from taxonomy_bridge.errors import RecipeError, SourceError
from taxonomy_bridge.graph import load_graph
from taxonomy_bridge.pipeline import build
from taxonomy_bridge.sources._adapter import read_adapter
from taxonomy_bridge.sources._description import Description
from taxonomy_bridge.sources._draft import draft
from taxonomy_bridge.taxonomy import load_taxonomy, read_taxonomy, register_taxonomy

ROOT = Path(__file__).parents[1]

# --- in a build -------------------------------------------------------------------------------------------------------------


def test_a_build_reads_an_adapter_beside_the_recipe_and_pins_it(own):
    path = own(GOOD + "licence: {{id: CC0-1.0, evidence: own texts, commercial: true}}\n")
    recipe = own.folder / "mix.yaml"
    recipe.write_text("version: 1\nname: mix\nseed: 1\nintent: commercial\nsources: [{adapter: posts.yaml, split: train}]\npolicies: [native]\n")
    report = build(recipe, own.folder / "out")
    assert report.samples == 3 and report.manifest["sources"][0]["id"] == "posts"
    lock = json.loads((own.folder / "out" / "build.lock.json").read_text())
    assert lock["adapters"] == {"posts": storage.file_sha256(path)} and own.id in lock["taxonomies"]
    assert str(own.folder) not in (own.folder / "out" / "manifest.json").read_text()


def test_without_a_stated_licence_commercial_use_is_refused_by_name(own):
    own()
    recipe = own.folder / "mix.yaml"
    recipe.write_text("version: 1\nname: mix\nseed: 1\nintent: commercial\nsources: [{adapter: posts.yaml, split: train}]\npolicies: [native]\n")
    with pytest.raises(RecipeError, match=r"source posts: its licence \(unknown; not stated\) does not clearly allow commercial use"):
        build(recipe, own.folder / "out")


def test_a_recipe_names_a_source_one_way(own):
    from taxonomy_bridge.recipe import Recipe

    for entry in ({"split": "a"}, {"id": "xstest", "adapter": "x.yaml", "split": "a"}):
        with pytest.raises(RecipeError, match="give either id or adapter"):
            Recipe.from_value({"version": 1, "name": "m", "seed": 1, "intent": "research", "sources": [entry], "policies": ["native"]})


def test_a_mapping_beside_the_list_joins_the_graph(own):
    mapping = (
        f"# curie_map:\n#   concept: \"urn:taxonomy-bridge:concept:\"\n#   {own.id}: \"urn:x:\"\n# license: x\n"
        "subject_id\tpredicate_id\tobject_id\tmapping_justification\tauthor_label\tmapping_date\tcomment\n"
        + "".join(f"{own.id}:{slug}\tskos:relatedMatch\tconcept:spam\tsemapv:ManualMappingCuration\tA. Person\t2026-01-31\tInvented.\n" for slug in ("adverts", "litter", "noise"))
    )  # fmt: skip
    (own.folder / f"{own.id}.sssom.tsv").write_text(mapping)
    register_taxonomy(own.folder / f"{own.id}.yaml")
    assert load_graph().extent(f"{own.id}:adverts").outer == {"spam"}


# --- drafts -----------------------------------------------------------------------------------------------------------------


def run(*arguments: object):
    return CliRunner().invoke(app, ["sources", "add", *map(str, arguments)])


def test_a_draft_finds_columns_and_separators(own):
    own(files={"posts.csv": CSV})
    taxonomy = read_taxonomy(own.folder / f"{own.id}.yaml")
    text = draft(own.folder / "posts.csv", taxonomy, f"{own.id}.yaml", {})
    assert 'prompt: "post"' in text and 'labels: {column: "rules", separator: ";"}' in text and "verdict: labels" in text


def test_a_draft_never_decides_what_a_value_means(own):
    own(files={"posts.csv": "post,bad\nhello,0\nfool,1\n"})
    taxonomy = load_taxonomy("xstest")
    text = draft(own.folder / "posts.csv", taxonomy, "xstest", {"verdict": "bad"})
    assert '"0": ?, "1": ?' in text
    (own.folder / "drafted.yaml").write_text(text)
    with pytest.raises(SourceError):
        read_adapter(own.folder / "drafted.yaml")
    filled = own.folder / "filled.yaml"
    filled.write_text(text.replace('"0": ?', '"0": safe').replace('"1": ?', '"1": unsafe'))
    assert [row["verdict"] for row in rows_of(filled)[0]] == ["safe", "unsafe"]
    known = draft(own.folder / "posts.csv", taxonomy, "xstest", {"verdict": None})
    assert "verdict: ?" in known


def test_a_header_cannot_write_keys_into_a_draft(own):
    own(files={"posts.csv": 'post,rules,"x\nverdict: unsafe"\nhello,noise,1\nbye,,2\n'})
    text = draft(own.folder / "posts.csv", read_taxonomy(own.folder / f"{own.id}.yaml"), f"{own.id}.yaml", {})
    assert text.count("\nverdict:") == 1 and "\nverdict: labels" in text


def test_labels_are_recognised_however_many_combinations_there_are(own):
    names = ["noise", "litter", "advert", "N", "L"]
    combined = [";".join(pair) for pair in permutations(names, 3)]
    own(files={"posts.csv": "post,rules\n" + "".join(f"Invented {at},{rules}\n" for at, rules in enumerate(combined))})
    text = draft(own.folder / "posts.csv", read_taxonomy(own.folder / f"{own.id}.yaml"), f"{own.id}.yaml", {})
    assert len(combined) > 12 and 'labels: {column: "rules", separator: ";"}' in text


def test_a_draft_elsewhere_finds_its_data(own):
    own(files={"data/table.csv": CSV})
    (own.folder / "elsewhere").mkdir()
    done = run(own.folder / "data" / "table.csv", "--taxonomy", own.folder / f"{own.id}.yaml", "--out", own.folder / "elsewhere" / "mine.yaml")
    assert done.exit_code == 0, done.output
    assert len(rows_of(own.folder / "elsewhere" / "mine.yaml")[0]) == 4


def test_words_that_say_it_themselves_are_filled_in(own):
    own(files={"rows.jsonl": '{"text": "a", "label": "unsafe"}\n{"text": "b", "label": "safe"}\n'})
    text = draft(own.folder / "rows.jsonl", load_taxonomy("xstest"), "xstest", {})
    assert '{"safe": safe, "unsafe": unsafe}' in text.replace("values: ", "")


def test_the_command_writes_beside_the_data_and_asks_before_it_replaces(own):
    own(files={"table.csv": CSV})
    first = run(own.folder / "table.csv", "--taxonomy", own.folder / f"{own.id}.yaml")
    assert first.exit_code == 0, first.output
    assert f'taxonomy: "{own.id}.yaml"' in (own.folder / "table.yaml").read_text()
    assert run(own.folder / "table.csv", "--taxonomy", own.folder / f"{own.id}.yaml").exit_code != 0
    assert run(own.folder / "table.csv", "--taxonomy", "beavertails", "--verdict", "stat", "--out", own.folder / "x.yaml").exception is not None
    assert "Drums" not in first.output


# --- documentation ------------------------------------------------------------------------------------------------------------


def test_every_key_is_explained():
    text = (ROOT / "docs" / "my-own-data.md").read_text(encoding="utf-8")
    assert [key for key in Description.model_fields if f"`{key}`" not in text and f"{key}:" not in text and key not in ("former", "digests")] == []


def test_bundled_adapters_are_sources_like_any_other():
    described = [path.stem for path in (ROOT / "taxonomy_bridge" / "sources").glob("[!_]*.yaml")]
    assert set(described) <= set(registry.names("sources"))
    assert all(registry.load("sources", name).folder is None for name in described)
