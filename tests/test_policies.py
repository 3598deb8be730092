"""Policy files, what the sources offer for them, proofs, open questions, and mappings tested against data."""

from __future__ import annotations

import json
import logging

import pytest
from builds import row, rows_file
from test_carried_over import HOUSE, mixture

from taxonomy_bridge import registry
from taxonomy_bridge.cover import decided, impossible, offers, reach, unknowns
from taxonomy_bridge.errors import InputError, PolicyError, RecipeError, UnknownNameError
from taxonomy_bridge.evidence import check_data
from taxonomy_bridge.graph import load_graph
from taxonomy_bridge.labelled import Counts, Split, count_patterns, in_folder
from taxonomy_bridge.labels import Pattern
from taxonomy_bridge.policy import read_policy, taxonomy_policy
from taxonomy_bridge.proof import prove, prove_pattern
from taxonomy_bridge.recipe import Recipe
from taxonomy_bridge.taxonomy import load_taxonomy


@pytest.fixture(scope="module")
def rows_path(tmp_path_factory):
    return rows_file(tmp_path_factory.mktemp("rows"), mixture())


def test_mappings_are_tested_on_texts_that_two_sources_label(tmp_path):
    """Two invented sets over one text: one contradicts what the other entails, and the report names the pair without the text."""
    folder = tmp_path / "data"
    for name, split in (("beavertails", "round0/30k/test.jsonl"), ("pku-saferlhf", "data/Alpaca-7B/test.jsonl")):
        (folder / name / split).parent.mkdir(parents=True)
    rows = [row(n, "animal_abuse", prompt=f"a mild prompt {n}") for n in range(12)]
    (folder / "beavertails" / "round0/30k/test.jsonl").write_text("\n".join(json.dumps(item) for item in rows))
    names = [category.native[0] for category in load_taxonomy("pku-saferlhf").categories]
    pairs = []
    for n in range(12):
        harm = {name: name == ("Animal Abuse" if n < 10 else "Cybercrime") for name in names}
        pairs.append({
            "prompt": f"a mild prompt {n}", "prompt_source": "x", "response_0": f"response number {n}", "response_1": f"other {n}", "response_0_source": "x", "response_1_source": "x",
            "is_response_0_safe": False, "is_response_1_safe": True, "response_0_harm_category": harm, "response_1_harm_category": dict.fromkeys(names, False),
            "response_0_severity_level": 1, "response_1_severity_level": 0, "better_response_id": 0, "safer_response_id": 1, "response_0_sha256": None, "response_1_sha256": None,
        })  # fmt: skip
    (folder / "pku-saferlhf" / "data/Alpaca-7B/test.jsonl").write_text("\n".join(json.dumps(item) for item in pairs))
    found = check_data(folder)
    pair = next(item for item in found.pairs if item.label == "beavertails:animal_abuse" and item.target == "pku-saferlhf:animal_abuse")
    assert (pair.answer, pair.checked, pair.contradicted) == ("yes", 12, 2) and len(pair.ids) == 2
    assert found.texts == 12 and "untested" in found.summary and "mild prompt" not in json.dumps(found.to_value())


def test_policy_files_are_checked_with_all_problems_at_once(tmp_path):
    (tmp_path / "bad.yaml").write_text(
        "version: 1\nid: aegis-2.0\nitems:\n  - {key: A, name: A, any_of: [beavertails:animal_abus]}\n  - {key: b, name: B}\n"
        "  - {key: b, name: C, inner: [weapons], outer: [thef]}\n"
    )
    with pytest.raises(PolicyError) as raised:
        read_policy(tmp_path / "bad.yaml", load_graph())
    told = str(raised.value)
    for word in (
        "bad.yaml:2:",
        "name of a bundled list",
        "'A' is no key",
        "Did you mean animal_abuse",
        "covers nothing",
        "used twice",
        "is a domain",
        "Did you mean theft",
    ):
        assert word in told, word
    (tmp_path / "bad.yaml").write_text("version: 2\nid: x\nitems: []\nmore: 1\n")
    with pytest.raises(PolicyError, match=r"(?s)version.*items.*more"):
        read_policy(tmp_path / "bad.yaml", load_graph())


def test_a_proof_names_the_label_or_what_keeps_an_item_open():
    graph = load_graph()
    policy = taxonomy_policy(graph.taxonomies["pku-saferlhf"])
    told = {proof.item: proof for proof in prove(policy, ["beavertails:animal_abuse"], graph)}
    assert told["pku-saferlhf:animal_abuse"].answer == "yes" and told["pku-saferlhf:animal_abuse"].label == "beavertails:animal_abuse"
    assert all(proof.because for proof in told.values()) and any(proof.concepts for proof in told.values() if proof.answer == "unknown")
    with pytest.raises(UnknownNameError, match="of several taxonomies"):
        prove(policy, ["beavertails:animal_abuse", "aegis-2.0:other"], graph)


def test_offers_count_every_row_once_and_reach_says_what_is_possible(rows_path, tmp_path):
    (tmp_path / "p.yaml").write_text(HOUSE)
    graph = load_graph()
    policy = read_policy(tmp_path / "p.yaml", graph)
    (tmp_path / "d" / "beavertails" / "round0" / "30k").mkdir(parents=True)
    (tmp_path / "d" / "beavertails" / "round0" / "30k" / "test.jsonl").write_bytes(rows_path.read_bytes())
    counted = count_patterns(in_folder(tmp_path / "d"), lambda *_: None)
    assert isinstance(counted[0], Counts) and isinstance(counted[0].split, Split)
    (offer,) = offers(policy, counted, graph)
    assert offer.rows == sum(offer.verdicts.values()) and offer.licence == "CC-BY-NC-4.0"
    assert all(sum(item.values()) == offer.rows for item in offer.items.values())
    assert impossible(reach(policy, graph, [registry.load("sources", "beavertails")])) == []
    assert impossible(reach(policy, graph, [registry.load("sources", "openai-moderation")])) != []
    with pytest.raises(InputError, match="holds no source"):
        in_folder(tmp_path)


def test_keys_that_make_no_sense_together_are_refused():
    base = {"version": 1, "name": "x", "seed": 1, "intent": "research", "sources": [{"id": "beavertails", "split": "30k_test"}]}
    with pytest.raises(RecipeError, match="stands twice"):
        Recipe.from_value(base | {"policies": ["native", "native"]})
    with pytest.raises(RecipeError, match="policy_choice: one"):
        Recipe.from_value(base | {"policies": ["native", "aegis-2.0"], "augment": {"swap_pairs": 0.5}})
    with pytest.raises(RecipeError, match="needs proof"):
        Recipe.from_value(base | {"policies": ["native"], "labels": {"truth": "published"}, "augment": {"flip_to_safe": 0.5}})


def test_what_labels_leave_open_is_told_row_by_row_for_somebody_to_answer(rows_path, tmp_path):
    (tmp_path / "p.yaml").write_text(HOUSE.replace("[beavertails:self_harm]", "[openai-moderation-api:illicit]"))
    folder = tmp_path / "d" / "beavertails" / "round0" / "30k"
    folder.mkdir(parents=True)
    (folder / "test.jsonl").write_bytes(rows_path.read_bytes())
    graph = load_graph()
    policy, splits = read_policy(tmp_path / "p.yaml", graph), in_folder(tmp_path / "d")
    lines = list(unknowns(policy, splits, graph))
    (offer,) = offers(policy, count_patterns(splits, lambda *_: None), graph)
    assert len(lines) == sum(item["unknown"] for item in offer.items.values()) > 0
    assert all(set(line) == {"sample_id", "item", "group", "possible"} and line["possible"] for line in lines)
    proofs = {proof.item: proof for proof in prove_pattern(policy, Pattern("beavertails", "safe", (), (), True), graph)}
    assert {line["item"] for line in lines} >= {name for name, proof in proofs.items() if proof.answer == "unknown"}
    cells = decided(count_patterns(splits, lambda *_: None), ["pku-saferlhf", "beavertails"], graph)["beavertails"]
    assert 0 < cells["yes"] + cells["no"] < cells["cells"] == offer.rows * 19


def test_a_split_of_which_a_file_is_missing_is_told_and_a_file_that_is_there_twice_is_refused(tmp_path, caplog):
    (tmp_path / "aegis-2").mkdir()
    (tmp_path / "aegis-2" / "train.json").write_text("[]")
    (tmp_path / "aegis-2" / "test.json").write_text("[]")
    with caplog.at_level(logging.WARNING):
        found = in_folder(tmp_path)
    assert [split.split for split in found] == ["test"] and "train is left out" in caplog.text and "refusals_train.json" in caplog.text
    (tmp_path / "aegis-2" / "test.json").unlink()
    for ending in (".gz", ".xz"):
        (tmp_path / "aegis-2" / f"test.json{ending}").write_bytes(b"")
    with pytest.raises(InputError, match="several copies"):
        in_folder(tmp_path)


def test_data_or_a_recipe_and_a_known_assumption(tmp_path):
    with pytest.raises(InputError, match="either a folder"):
        check_data()
    with pytest.raises(UnknownNameError, match="no assumption named"):
        check_data(tmp_path, assume="ajar")
