"""Category to concept: proposals, abstention, decided pairs, determinism, and the evaluation over a small invented graph."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from alignment_lists import CONCEPTS, WordEncoder, make_graph, make_items
from small_graphs import make_taxonomy
from typer.testing import CliRunner

from taxonomy_bridge import sssom
from taxonomy_bridge.alignment import curated, encoders, fusion, gather, measures, model, proposals, report
from taxonomy_bridge.alignment.encoders import Cached, StaticModel, encode_with, open_encoder
from taxonomy_bridge.alignment.engine import Proposal, align, domains_of
from taxonomy_bridge.alignment.items import Items, of_concepts, of_taxonomy
from taxonomy_bridge.alignment.leave_one_out import leave_one_out
from taxonomy_bridge.cli.align import app
from taxonomy_bridge.errors import InputError, MissingExtraError
from taxonomy_bridge.sssom import NO_TERM

MODELS = Path(__file__).parents[2] / "shared" / "models"
NEW = make_items(
    "new", a=("Slimy snails and slugs", "Slugs that eat the leaves of young plants."), b=("Dripping taps", "Leaking pipes under the sink."),
    c=("Words of thanks", "Praise for the neighbours."), d=("Zyx", "Qwv jkl."),
)  # fmt: skip


@pytest.fixture(scope="module")
def graph():
    return make_graph()


def best(found):
    return {one.subject: one for one in reversed(found)}


@pytest.mark.parametrize("encoder", [None, WordEncoder()])
def test_right_concepts_come_first(graph, encoder):
    found = best(align(NEW, graph, encoder))
    assert found["new:a"].object == "concept:slugs"
    assert found["new:b"].object == "concept:leaks"
    assert ("embedding" in found["new:a"].evidence) == (encoder is not None)
    assert "list-" in found["new:a"].because


def test_nothing_fits_is_said_and_what_is_unclear_is_left_out(graph):
    found = align(NEW, graph, threshold=0.5)
    assert {one.object for one in found if one.subject == "new:c"} == {NO_TERM}
    assert all(one.confidence >= 0.5 for one in found)
    assert not [one for one in align(NEW, graph, threshold=1.0) if one.object != NO_TERM]


def test_decided_pairs_never_come_out(graph):
    plain = align(NEW, graph)
    known = {("new:a", "concept:slugs"): True, ("new:b", "concept:leaks"): False, ("new:c", "concept:noise"): True}
    found = align(NEW, graph, known=known)
    assert {(one.subject, one.object) for one in plain} >= {("new:a", "concept:slugs"), ("new:b", "concept:leaks")}
    assert not {(one.subject, one.object) for one in found} & known.keys()
    assert not [one for one in found if one.subject == "new:c" and one.object == NO_TERM], "a category that a person mapped is not said to fit nothing"


def test_best_first_and_the_same_twice(graph):
    found = align(NEW, graph, threshold=0.0)
    assert found == align(NEW, make_graph(), threshold=0.0)
    for subject in {one.subject for one in found}:
        scores = [one.score for one in found if one.subject == subject]
        assert scores == sorted(scores, reverse=True)
    assert [*dict.fromkeys(one.subject for one in found)] == [item.id for item in NEW]


def test_a_bundled_list_does_not_learn_from_itself(graph):
    own = of_taxonomy(graph.taxonomies["list-1"], harms=True)
    without = make_graph()
    del without.taxonomies["list-1"], without.mappings["list-1"]
    assert align(own, graph) == align(own, without)
    assert "list-1:" not in " ".join(one.because for one in align(own, graph))


def test_an_exact_match_stands_alone(graph):
    found = align(NEW, graph, threshold=0.0)
    for subject in {one.subject for one in found}:
        rows = [one for one in found if one.subject == subject]
        assert sum(one.relation == "skos:exactMatch" for one in rows) <= 1


def test_sub_concepts_are_not_repeated():
    concepts = {**CONCEPTS, "pests": "all pests"}
    graph = make_graph(concepts=concepts)
    said = of_concepts(graph.vocabulary)
    assert len(said) == len(concepts) + 1
    assert said.items[0].id == "concept:any-nuisance"


def test_the_file_keeps_its_order_and_reads_back(graph):
    found = align(NEW, graph, threshold=0.0)
    rows = proposals.to_rows(found, proposals.Labels({"new:a": 'Tab\there, "quoted"\nand\rbroken'}, {}))
    table = proposals.to_table("new", rows, {"new": "urn:new:", "concept": "urn:concept:"}, "test")
    text = proposals.format_proposals(table)
    again = sssom.parse(text)
    assert [dict(row.values) for row in again.rows] == [dict(row.values) for row in rows]
    assert {slot["slot_name"] for slot in again.header["extension_definitions"]} == set(proposals.EXTENSIONS)
    first = again.rows[0]
    assert first.get("mapping_justification") == "semapv:CompositeMatching"
    assert not first.get("author_label"), "a machine is nobody's author"
    assert not first.get("mapping_date")
    assert {"confidence", "similarity_score", "mapping_tool", "mapping_tool_version", "evidence_lexical", "evidence_neighbours"} <= first.values.keys()


def test_three_numbers_are_kept_apart():
    one = Proposal("a:b", "concept:c", "skos:narrowMatch", 0.9, 0.7, 0.6, {}, "", 0.5)
    row = proposals.to_rows([one], proposals.Labels({}, {}))[0]
    assert [row.get(name) for name in ("similarity_score", "confidence", "p_object_given_subject")] == ["0.7000", "0.6000", "0.5000"]


def test_leave_one_out_hides_what_it_asks_about(graph):
    known = curated.of_graph(graph)
    evidence = gather.gather(known)
    held = leave_one_out(evidence, domains_of(graph.vocabulary), lambda *_: None, ["neighbours"])
    value = report.concepts(held, known, 0.3)
    assert value["methods"]["fused"]["hit@1"][0] == 1.0
    assert all(value["methods"]["fused"]["mrr"][0] >= one["mrr"][0] for one in value["methods"].values())
    assert "| fused |" in report.concept_markdown(value)
    assert report.calibration_svg(value["calibration"]["bins"]).count("<circle") == len(value["calibration"]["bins"])
    hidden = known.taxonomy == "list-2"
    seen = gather.features(evidence, hidden)
    poisoned = curated.Curated(
        known.categories, known.concepts, known.inner, np.where(hidden[:, None], ~known.outer, known.outer), known.relation, known.harmless, known.taxonomy
    )  # fmt: skip
    again = gather.features(gather.gather(poisoned), hidden)
    assert np.array_equal(seen.values, again.values), "what a hidden list says reaches the features"


def test_votes_of_twins_do_not_count():
    graph = make_graph(2)
    copy = make_taxonomy(
        "copy", {name: {"name": category.name, "definition": category.definition} for name, category in graph.taxonomies["list-0"].by_slug.items()}
    )
    graph.taxonomies["copy"] = copy
    known = curated.of_graph(graph)
    evidence = gather.gather(known)
    here, there = known.categories.place["list-0:frost"], known.categories.place["copy:frost"]
    for near in evidence.near.values():
        assert near.likeness[here][near.rows[here] == there].max(initial=0) == 0


def test_vectors_are_asked_for_once(tmp_path):
    inside = WordEncoder()
    cached = Cached(inside, "abc", tmp_path)
    one = cached.encode(["a b", "c", "a b"])
    assert inside.asked == 2
    assert np.array_equal(one[0], one[2])
    other = WordEncoder()
    assert np.array_equal(Cached(other, "abc", tmp_path).encode(["c"])[0], one[1])
    assert other.asked == 0
    (tmp_path / "vectors-abc.npz").write_bytes(b"broken")
    assert np.array_equal(Cached(other, "abc", tmp_path).encode(["c"])[0], one[1])


def test_an_encoder_must_give_one_finite_row_per_text():
    with pytest.raises(InputError, match="one finite row per text"):
        encode_with(lambda texts: np.zeros((1, 3), np.float32), ["a", "b"])
    with pytest.raises(InputError, match="one finite row per text"):
        encode_with(lambda texts: np.full((1, 3), np.nan, np.float32), ["a"])


@pytest.mark.skipif(not MODELS.is_dir(), reason="needs the shared model")
def test_both_layouts_of_a_static_model_agree():
    texts = ["child abuse", "weapons and explosives", "zzz qqq", ""]
    one, other = (open_encoder(str(MODELS / name)) for name in ("potion-base-4m-int8", "potion-base-4m-st"))
    assert isinstance(one[0], StaticModel)
    vectors = [encoder.encode(texts) for encoder, _ in (one, other)]
    assert vectors[0].shape == (4, 128)
    assert vectors[0].dtype == np.float32
    assert np.abs(vectors[0] - vectors[1]).max() < 0.02
    assert one[1] != other[1]


def test_a_broken_model_is_told(tmp_path, monkeypatch):
    (tmp_path / "model.safetensors").write_bytes(b"\x05\x00\x00\x00\x00\x00\x00\x00hello")
    with pytest.raises(InputError, match="no safetensors file"):
        encoders.read_safetensors(tmp_path / "model.safetensors")
    monkeypatch.setattr(encoders.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"taxonomy-bridge\[embeddings\]"):
        open_encoder("someone/some-model")


def test_isotonic_rises_and_keeps_off_the_edges():
    random = np.random.default_rng(0)
    scores = random.random(5000)
    truth = random.random(5000) < scores**2
    fitted = fusion.isotonic(scores, truth, np.ones(5000))
    asked = fitted(np.linspace(0, 1, 50))
    assert (np.diff(asked) >= 0).all()
    assert 0 < asked[0] < 0.05
    assert abs(fitted(np.array([0.7]))[0] - 0.49) < 0.06


def test_measures_by_hand():
    ranked = np.array([[False, True, True, False], [False, False, False, False]])
    assert measures.found_at(ranked, 1).tolist() == [0, 0]
    assert measures.recall_at(ranked, np.array([4, 1]), 3).tolist() == [2 / 3, 0]
    assert measures.reciprocal_rank(ranked).tolist() == [0.5, 0]
    told = measures.calibration(np.array([0.9, 0.9, 0.1, 0.1]), np.array([True, False, False, False]))
    assert told.ece == pytest.approx(0.25)
    assert told.auroc == pytest.approx(5 / 6)
    assert measures.interval(np.ones(5)) == (1, 1, 1)


def test_fitting_does_not_need_every_relation(graph):
    known = curated.of_graph(graph)
    evidence = gather.gather(known)
    seen = gather.features(evidence)
    fitted = model.fit(evidence, seen, np.ones(len(known.categories), bool), domains_of(graph.vocabulary))
    said = model.predict(fitted, evidence, seen, domains_of(graph.vocabulary))
    assert np.isfinite(said.relations).all()
    assert np.allclose(said.relations.sum(axis=2), 1)


def test_the_command_line_walk(tmp_path):
    runner = CliRunner()
    policy = tmp_path / "policy.md"
    policy.write_text(
        "# House rules\n- **Threats**: Saying that somebody will be hurt.\n- **Stolen cards**: Selling stolen credit card numbers.\n", encoding="utf-8"
    )
    made = tmp_path / "house.yaml"
    assert runner.invoke(app, ["import", str(policy), "-o", str(made)]).exit_code == 0
    out = tmp_path / "p.sssom.tsv"
    told = runner.invoke(app, [str(made), "-o", str(out)])
    assert told.exit_code == 0, told.output
    rows = sssom.read(out).rows
    assert {row.subject for row in rows} <= {"house:threats", "house:stolen_cards"}
    assert any("threat" in row.object for row in rows if row.subject == "house:threats")
    assert "taxonomy-bridge[tokenizer]" in told.output
    again = runner.invoke(app, ["propose", str(made), "--json"])
    assert [row["object_id"] for row in json.loads(again.stdout)] == [row.object for row in rows]


def test_items_of_nothing():
    assert len(Items("empty")) == 0
    assert of_taxonomy(make_taxonomy("x", ["a", "b"])).parents == [-1, -1]
