"""Licences of a mix, what to cite, which sets repackage which, and recipes handed on without data."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from taxonomy_bridge import registry
from taxonomy_bridge.check import check_export
from taxonomy_bridge.cli import app
from taxonomy_bridge.errors import BuildError, RecipeError
from taxonomy_bridge.licences import commercial, duties, strictest, verdict
from taxonomy_bridge.lineage import overlaps, users
from taxonomy_bridge.pipeline import build
from taxonomy_bridge.pipeline.share import share
from taxonomy_bridge.sources._base import Source
from taxonomy_bridge.sources._facts import Citation, Licence


def source(name: str, licence: str = "MIT", allows: bool | None = True, **more: object) -> Source:
    """A source under some licence."""
    return replace(
        registry.load("sources", "xstest"), name=name, licence=Licence(licence, "card", "2026-01-31", allows, "https://example.org"), gate=None, **more
    )


def run(*arguments: object) -> str:
    done = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert done.exit_code == 0, done.output
    return done.stdout


# --- licences ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("identifier", "asks"),
    [
        ("MIT", ("attribution",)),
        ("Apache-2.0", ("attribution",)),
        ("CC0-1.0", ()),
        ("CC-BY-4.0", ("attribution",)),
        ("CC-BY-NC-4.0", ("attribution", "non-commercial")),
        ("CC-BY-NC-SA-4.0", ("attribution", "non-commercial", "share-alike")),
        ("CC-BY-SA-4.0", ("attribution", "share-alike")),
        ("GPL-3.0-only", ("attribution", "share-alike")),
        ("LicenseRef-HEx-PHI", ("its own terms",)),
        ("unknown", ("ask the publisher",)),
    ],
)
def test_what_a_licence_asks_for(identifier, asks):
    assert duties(Licence(identifier, "card", "2026-01-31", None)) == asks


def test_a_non_commercial_identifier_never_allows_commercial_use():
    for name in registry.names("sources"):
        licence = registry.load("sources", name).licence
        if "NC" in re.split(r"[-.]", licence.identifier):
            assert commercial(licence) == "no", name
        if licence.identifier == "unknown":
            assert commercial(licence) == "unclear", name


def test_the_verdict_of_a_mix_names_who_stands_in_the_way():
    free, closed, silent = source("free"), source("closed", "CC-BY-NC-4.0", False), source("silent", "unknown", None)
    assert verdict([free]).lines() == ["Commercial use: allowed by every licence."]
    told = verdict([free, closed, silent])
    assert (told.commercial, told.forbidding, told.unclear) == ("no", ("closed",), ("silent",))
    assert told.lines()[:2] == ["Commercial use: no, because of closed.", "Not clear either: silent."]
    assert verdict([free, silent]).commercial == "unclear"
    assert strictest([free, silent, closed]).identifier == "CC-BY-NC-4.0"


def test_two_share_alike_licences_conflict_and_one_binds_the_whole():
    one, two = source("one", "CC-BY-SA-4.0"), source("two", "CC-BY-NC-SA-4.0", False)
    assert not verdict([one]).conflict and "only under CC-BY-SA-4.0, because of one" in " ".join(verdict([one]).lines())
    told = verdict([one, two])
    assert told.conflict and "Share the recipe, not the data" in " ".join(told.lines())


def test_a_non_commercial_source_in_a_commercial_mix_is_refused_by_name(tmp_path):
    recipe = {"version": 1, "name": "m", "seed": 1, "intent": "commercial", "policies": ["native"]}
    entries = [{"id": "beavertails", "split": "30k_train"}, {"id": "xstest", "split": "train"}]
    with pytest.raises(RecipeError) as caught:
        build({**recipe, "sources": entries}, tmp_path / "out")
    assert "source beavertails" in str(caught.value) and "does not allow commercial use" in str(caught.value) and "xstest" not in str(caught.value)


def test_the_command_prints_sources_recipes_and_the_verdict():
    told = run("licences", "beavertails", "xstest")
    assert "CC-BY-NC-4.0" in told and "Commercial use: no, because of beavertails." in told
    found = json.loads(run("licences", "gspr-paper", "--json"))
    assert {one["name"] for one in found["sources"]} >= {"beavertails", "aegis-2"} and found["commercial"] == "no"
    assert all(one["link"].startswith("https://") for one in json.loads(run("licences", "--json"))["sources"])


# --- citations --------------------------------------------------------------------------------------------------------------


def test_bibtex_for_a_recipe_has_every_source_once():
    told = run("cite", "gspr-paper")
    assert told.count("@misc{") == len(set(re.findall(r"^  url = .*$", told, re.M)))
    assert "@misc{beavertails," in told and "eprint = {2307.04657}" in told


def test_a_listed_policy_is_cited_too_and_two_sets_of_one_paper_once(tmp_path):
    recipe = {"version": 1, "name": "m", "seed": 1, "intent": "research", "policies": ["native", "llama-guard-3"]}
    path = tmp_path / "mix.yaml"
    entries = [{"id": "wildguardmix", "config": "wildguardtrain", "split": "train"}, {"id": "xstest-response", "split": "response_refusal"}]
    path.write_text(yaml.safe_dump({**recipe, "sources": entries}))
    told = run("cite", path)
    assert told.count("2406.18495},") == 1 and "@misc{llama-guard-3," in told


def test_special_characters_are_escaped():
    text = Citation("Röttger, Paul", "50% of A & B_c", 2024, "doi:10.1/x").bibtex("x")
    assert '{\\"o}' in text and "50\\% of A \\& B\\_c" in text and "doi = {10.1/x}" in text and "https://doi.org/10.1/x" in text


# --- lineage ----------------------------------------------------------------------------------------------------------------


def test_overlaps_are_found_directly_over_steps_and_through_a_common_origin():
    first = source("xstest")
    second = source("copy", lineage={"xstest": "all prompts"})
    third, fourth = source("third", lineage={"elsewhere": "a half"}), source("fourth", lineage={"elsewhere": "some"})
    found = {frozenset(one[:2]): one.why for one in overlaps([first, second, third, fourth])}
    assert found == {frozenset({"xstest", "copy"}): "all prompts", frozenset({"third", "fourth"}): "both draw on elsewhere"}


def test_lineage_names_are_sources_or_data_sets_and_never_circular():
    for name in registry.names("sources"):
        loaded = registry.load("sources", name)
        assert name not in loaded.lineage
        assert all(other and taken for other, taken in loaded.lineage.items())
        assert name not in {further for other in loaded.lineage if other in registry.names("sources") for further in registry.load("sources", other).lineage}


def test_known_overlaps_are_stated():
    assert "polyguard-prompts" in users("wildguardmix") and "xstest-response" in users("xstest")


def test_a_mix_with_shared_texts_is_warned_about(tmp_path):
    fixtures = Path(__file__).parent / "fixtures" / "sources"
    sources = [
        {"id": "xstest", "split": "train", "path": str(fixtures / "xstest")},
        {"id": "xstest-response", "split": "response_harmfulness", "path": str(fixtures / "xstest-response")},
    ]
    recipe = {
        "version": 1,
        "name": "m",
        "seed": 1,
        "intent": "research",
        "policies": ["native"],
        "sources": sources,
        "allow_one_class": ["xstest", "xstest-response"],
    }
    path = tmp_path / "mix.yaml"
    path.write_text(yaml.safe_dump(recipe))
    done = CliRunner().invoke(app, ["build", str(path), "--out", str(tmp_path / "out")])
    assert done.exit_code == 0, done.output
    assert "warning: xstest-response and xstest share texts" in done.stderr
    assert json.loads((tmp_path / "out" / "manifest.json").read_text())["overlaps"][0]["first"] == "xstest-response"


# --- recipes without data -----------------------------------------------------------------------------------------------------


@pytest.fixture
def mine(tmp_path):
    """A recipe over an adapter, with a list and a policy template of its own, and what was built from it."""
    (tmp_path / "rules.yaml").write_text(
        "id: rules\ntitle: R\nversion: '1'\nyear: 2026\npublisher: I\nlabels: {multi_label: true, exhaustive: true, basis: A warden ticked.}\n"
        "categories:\n  - {slug: noise, name: Noise, native: [noise]}\n  - {slug: litter, name: Litter, native: [litter]}\n"
    )
    (tmp_path / "posts.csv").write_text("post,rule\nInvented quiet day,\nInvented drums,noise\nInvented cans,litter\n")
    (tmp_path / "posts.yaml").write_text("taxonomy: rules.yaml\nfiles: posts.csv\nprompt: post\nverdict: labels\nlabels: {column: rule}\n")
    recipe = tmp_path / "mix.yaml"
    recipe.write_text("version: 1\nname: mix\nseed: 1\nintent: research\nsources: [{adapter: posts.yaml, split: train}]\npolicies: [native]\n")
    build(recipe, tmp_path / "out")
    yield tmp_path
    registry._OWN.clear()


def test_a_shared_recipe_holds_no_row_and_gives_the_same_bytes(mine):
    files = share(mine / "mix.yaml", mine / "out", mine / "shared")
    assert {path.name for path in files} == {"recipe.yaml", "posts.yaml", "rules.yaml", "build.lock.json", "README.md"}
    everything = b"".join(path.read_bytes() for path in files)
    assert b"Invented" not in everything and str(mine).encode() not in everything
    registry._OWN.clear()
    (mine / "shared" / "posts.csv").write_bytes((mine / "posts.csv").read_bytes())
    again = build(mine / "shared" / "recipe.yaml", mine / "shared" / "out", locked=True)
    first = json.loads((mine / "out" / "manifest.json").read_text())
    assert again.manifest["files"] == first["files"] and again.build_id == first["build_id"]
    assert not [finding for finding in check_export(mine / "shared" / "out").findings if finding.level == "error"]


def test_licences_of_a_build_from_adapters_are_asked_of_its_recipe(mine):
    assert "unclear" in run("licences", mine / "mix.yaml")
    done = CliRunner().invoke(app, ["licences", str(mine / "out")])
    assert done.exit_code != 0 and "was built from adapters (posts)" in str(done.exception)


def test_a_recipe_that_changed_since_is_not_shared(mine):
    (mine / "mix.yaml").write_text((mine / "mix.yaml").read_text().replace("seed: 1", "seed: 2"))
    with pytest.raises(BuildError, match="the recipe has changed since"):
        share(mine / "mix.yaml", mine / "out", mine / "shared")
    assert not (mine / "shared").exists()


def test_the_page_names_access_licence_and_hashes(mine):
    run("recipe", "share", mine / "mix.yaml", mine / "out", "--out", mine / "shared")
    page = (mine / "shared" / "README.md").read_text()
    lock = json.loads((mine / "out" / "build.lock.json").read_text())
    assert lock["files"][0]["sha256"] in page and lock["build_id"] in page and "bring the files" in page and "ask the publisher" in page
