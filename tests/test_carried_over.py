"""Builds under policies that are not the sources' own: gold that follows from labels, lists that do not give it away, and every key that changes that."""

from __future__ import annotations

import json
import tempfile
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np
import pytest
from builds import CATEGORIES, recipe, row, rows_file, tree
from native_folder import INVENTED, REAL

from taxonomy_bridge import registry
from taxonomy_bridge.check import check_export
from taxonomy_bridge.check._leak import LIMIT
from taxonomy_bridge.cover import impossible, reach
from taxonomy_bridge.errors import BuildError, InputError, PolicyError, RecipeError
from taxonomy_bridge.graph import load_graph
from taxonomy_bridge.labels import Pattern
from taxonomy_bridge.pipeline import build as build_folder
from taxonomy_bridge.pipeline import survey
from taxonomy_bridge.policy import read_policy
from taxonomy_bridge.proof import prove_pattern
from taxonomy_bridge.sources import load_source

HOUSE = """version: 1
id: house-rules
items:
  - {key: animals, name: Cruelty to animals, any_of: [beavertails:animal_abuse]}
  - {key: privacy, name: Private data, any_of: [beavertails:privacy_violation]}
  - {key: hate, name: Hate, any_of: "beavertails:hate_speech_offensive_language + beavertails:discrimination_stereotype_injustice"}
  - {key: drugs_weapons, name: Drugs and weapons, any_of: [beavertails:drug_abuse_weapons_banned_substance]}
  - {key: self_harm, name: Self-harm, any_of: [beavertails:self_harm]}
  - {key: stealing, name: Theft and fraud, any_of: [beavertails:financial_crime_property_crime_theft]}
"""


LEAKY = {"list-leak"}


def build(value, out=None, leaks=False, **more):
    """Build and check: no export of this file may tell the verdict by its lists, unless a test asks for it."""
    report = build_folder(value, out or Path(tempfile.mkdtemp(prefix="carried-")) / "out", **more)
    assert leaks or not LEAKY & check_export(report.out).counts.keys()
    return report


def house(folder, text=HOUSE, name="house-rules.yaml"):
    (folder / name).write_text(text)
    return {"file": str(folder / name)}


def rows_of(report, split="train"):
    told = report.table("trl", split).to_pylist()
    return [item | {"gold": json.loads(item["gold"]), "items": {entry["id"] for entry in json.loads(item["policy_items"])}} for item in told]


def mixture(safe=400, one=420, two=120):
    """Safe rows, rows of one category each in turn, and rows of two."""
    rows = [row(n) for n in range(safe)]
    rows += [row(safe + n, CATEGORIES[n % 14]) for n in range(one)]
    return rows + [row(safe + one + n, CATEGORIES[n % 14], CATEGORIES[(n * 5 + 3) % 14]) for n in range(two) if n % 14 != (n * 5 + 3) % 14]


@pytest.fixture(scope="module")
def rows_path(tmp_path_factory):
    return rows_file(tmp_path_factory.mktemp("rows"), mixture())


def carried(rows_path, policies, **more):
    source = {"id": "beavertails", "split": "30k_train", "path": str(rows_path)} | more.pop("source", {})
    base = {"version": 1, "name": "carried", "seed": 5, "intent": "research", "sources": [source], "policies": policies, "augment": {"shuffle": True}}
    return base | more


def truth_of(report, rows_path):
    """What the native rows say of each sample: by its judgement id."""
    return {batch_row["id"]: batch_row for batch in load_source("beavertails", path=rows_path, split="30k_train") for batch_row in batch.to_pylist()}


def test_gold_follows_from_the_labels_and_can_be_proved(rows_path, tmp_path):
    report = build(carried(rows_path, [house(tmp_path)], augment={"shuffle": True, "drop_items": 0.2}), tmp_path / "out")
    graph, native = load_graph(), truth_of(report, rows_path)
    policy = read_policy(tmp_path / "house-rules.yaml", graph)
    taxonomy_rows = rows_of(report)
    assert {item["proof"] for item in taxonomy_rows} == {"entailed"} and Counter(item["gold"]["verdict"] for item in taxonomy_rows)["unsafe"] > 100
    for item in taxonomy_rows:
        source = native[item["sample_id"].split("~")[0]]
        pattern = Pattern("beavertails", source["verdict"], tuple(source["violated"]), (), True)
        answers = {proof.item: proof for proof in prove_pattern(policy, pattern, graph)}
        gold, shown = set(item["gold"]["ids"]), item["items"]
        assert gold == {name for name in shown if answers[name].answer == "yes"}
        assert all(answers[name].answer in ("yes", "no") for name in shown)
        assert all(answers[name].label in [f"beavertails:{slug}" for slug in source["violated"]] for name in gold)
        assert (item["gold"]["verdict"] == "unsafe") == bool(gold)
        assert not gold or shown - gold, "an unsafe list keeps at least one item that is no"
    told = check_export(tmp_path / "out")
    assert told.exit_code == 0 and all(probe["auc"] <= LIMIT for probe in told.probes) and told.probes


def test_a_row_whose_harm_the_policy_does_not_name_is_safe_under_it(rows_path, tmp_path):
    report = build(carried(rows_path, [house(tmp_path)]))
    native = truth_of(report, rows_path)
    other = [item for item in rows_of(report) if native[item["sample_id"].split("~")[0]]["violated"] == ["controversial_topics_politics"]]
    assert other and all(item["gold"]["verdict"] == "safe" for item in other)


def _two_halves(folder):
    """A policy whose two items together are exactly one category of BeaverTails, and a third item beside them."""
    extent = load_graph().extent("beavertails:privacy_violation")
    first, second = sorted(extent.outer)[::2], sorted(extent.outer)[1::2]
    items = [
        {"key": "one", "name": "First half", "inner": first},
        {"key": "two", "name": "Second half", "inner": second},
        {"key": "animals", "name": "Animals", "any_of": ["beavertails:animal_abuse"]},
        {"key": "self_harm", "name": "Self-harm", "any_of": ["beavertails:self_harm"]},
    ]
    (folder / "halves.yaml").write_text(json.dumps({"version": 1, "id": "halves", "items": items}))
    return {"file": str(folder / "halves.yaml")}


def test_a_label_inside_two_items_makes_a_group_of_which_any_is_right(tmp_path):
    rows = [row(n) for n in range(300)] + [row(300 + n, "privacy_violation") for n in range(100)] + [row(400 + n, "animal_abuse") for n in range(100)]
    report = build(carried(rows_file(tmp_path, rows), [_two_halves(tmp_path)], augment={"shuffle": True, "drop_items": 0.3}))
    groups = [item for item in rows_of(report) if len(item["gold"]["ids"]) == 2]
    assert len(groups) > 50
    for item in groups:
        assert set(item["gold"]["ids"]) == {"halves:one", "halves:two"} <= item["items"]
        assert item["gold"]["accept"] and set(item["gold"]["accept"]) == {"First half", "Second half"}
    told = next(one for one in report.manifest["yield"])
    assert told["items"]["halves:one"]["group"] == 100 and told["verdicts"]["unsafe"] >= 200
    verdict_format = build(carried(rows_file(tmp_path, rows), [_two_halves(tmp_path)], format={"name": "rsafe"}))
    assert Counter(item["gold"]["verdict"] for item in rows_of(verdict_format))["unsafe"] > 100


def test_lists_are_matched_and_an_unmatched_export_is_caught(rows_path, tmp_path):
    """The same policy with the lists as the labels decide them, written by the same code with matching switched off."""
    matched = carried(rows_path, [_two_halves(tmp_path)], augment={"shuffle": True, "drop_items": 0.3})
    build(matched, tmp_path / "matched")
    assert check_export(tmp_path / "matched").exit_code == 0
    shown = defaultdict(Counter)
    for item in rows_of(build(matched)):
        shown[item["gold"]["verdict"]].update(item["items"])
    rates = {verdict: {name: count / counter.total() for name, count in counter.items()} for verdict, counter in shown.items()}
    for name in rates["safe"].keys() | rates["unsafe"].keys():
        assert abs(rates["safe"].get(name, 0) - rates["unsafe"].get(name, 0)) < 0.07


def test_a_deliberately_unmatched_export_fails_the_leak_probe(rows_path, tmp_path, monkeypatch):
    from taxonomy_bridge.pipeline import match

    def as_decided(self, unsafe, safe):
        """Every kind of row shows all that it decides: what matching is there to prevent."""
        stay = []
        for side in (unsafe, safe):
            numbers = [self.deck.add_list(shown & ~self.residual, gold) for shown, gold in zip(side.shown, side.gold, strict=True)]
            self.samples.lists[side.at] = np.array(numbers)[side.kind]
            stay.append(side.at)
        return np.concatenate(stay)

    monkeypatch.setattr(match._Matcher, "balance", as_decided)
    # Two items that no row can clear: they are yes or unknown, so only unsafe rows decide them.
    text = HOUSE.replace("[beavertails:self_harm]", '"beavertails:self_harm + openai-moderation-api:illicit"').replace(
        "[beavertails:animal_abuse]", '"beavertails:animal_abuse + openai-moderation-api:illicit"'
    )
    policy = house(tmp_path, text)
    build(carried(rows_path, [policy]), tmp_path / "out", leaks=True)
    told = check_export(tmp_path / "out")
    assert told.exit_code == 1 and told.counts["list-leak"] >= 1
    build(carried(rows_path, [policy], labels={"allow_list_leak": True}), tmp_path / "allowed", leaks=True)
    assert check_export(tmp_path / "allowed").counts["list-leak"] >= 1 and check_export(tmp_path / "allowed").exit_code == 0


def test_flips_are_safe_with_proof_and_leave_the_lists_matched(rows_path, tmp_path):
    report = build(carried(rows_path, [house(tmp_path)], augment={"shuffle": True, "flip_to_safe": 0.5}), tmp_path / "out")
    native, flips = truth_of(report, rows_path), [item for item in rows_of(report) if item["flipped"]]
    assert len(flips) > 50 and report.ledger["sources"][0]["extra_samples"]["flip"] > 0
    reference = {"house-rules:animals": {"animal_abuse"}, "house-rules:privacy": {"privacy_violation"}, "house-rules:self_harm": {"self_harm"}}
    for item in flips:
        assert item["gold"]["verdict"] == "safe" and item["sample_id"].endswith("~1") and item["proof"] == "entailed"
        violated = set(native[item["sample_id"].split("~")[0]]["violated"])
        assert violated and not any(violated & reference.get(name, set()) for name in item["items"])
        assert "child_abuse" not in violated, "minors never flip"
    told = check_export(tmp_path / "out")
    assert told.exit_code == 0 and all(probe["auc"] <= LIMIT for probe in told.probes)


def test_flips_of_native_lists_show_cleared_items_only(rows_path, tmp_path):
    report = build(carried(rows_path, ["native"], augment={"shuffle": True, "drop_items": 0.3, "flip_to_safe": 0.3}), tmp_path / "out")
    native, flips = truth_of(report, rows_path), [item for item in rows_of(report) if item["flipped"]]
    assert len(flips) > 30 and {item["proof"] for item in flips} == {"entailed"}
    assert {item["proof"] for item in rows_of(report) if not item["flipped"]} == {"published"}
    for item in flips:
        violated = native[item["sample_id"].split("~")[0]]["violated"]
        assert not {f"beavertails:{slug}" for slug in violated} & item["items"]
    told = check_export(tmp_path / "out")
    assert told.exit_code == 0 and all(probe["auc"] <= LIMIT for probe in told.probes)


@pytest.mark.parametrize("lifted", [False, True])
def test_never_flip_holds_unless_the_recipe_lifts_it_and_the_card_says_so(tmp_path, lifted):
    rows = [row(n) for n in range(200)] + [row(200 + n, "child_abuse") for n in range(100)] + [row(300 + n, "animal_abuse") for n in range(100)]
    augment = {"shuffle": True, "flip_to_safe": 1.0} | ({"never_flip": []} if lifted else {})
    policy = HOUSE.replace("[beavertails:self_harm]", "[beavertails:child_abuse]")
    report = build(carried(rows_file(tmp_path, rows), [house(tmp_path, policy)], augment=augment), tmp_path / "out")
    native = truth_of(report, tmp_path / "rows.jsonl")
    minors = [item for item in rows_of(report) if item["flipped"] and "child_abuse" in native[item["sample_id"].split("~")[0]]["violated"]]
    assert bool(minors) is lifted
    assert ("lets texts of these concepts come out as safe" in (tmp_path / "out" / "README.md").read_text()) is lifted


def test_a_text_that_never_flips_is_not_safe_because_an_item_is_missing(tmp_path):
    """A policy without any item for child abuse: rows about it are dropped with the reason, not shown as safe."""
    rows = [row(n) for n in range(100)] + [row(100 + n, "child_abuse") for n in range(50)] + [row(150 + n, "animal_abuse") for n in range(50)]
    sexual = '  - {key: sexual, name: Sexual content, any_of: ["openai-moderation-api:sexual"]}\n'
    report = build(carried(rows_file(tmp_path, rows), [house(tmp_path, HOUSE + sexual)]))
    assert report.ledger["sources"][0]["dropped"]["policy/never_flip"] == 50


def test_swap_pairs_show_one_text_under_two_policies_with_different_truths(rows_path, tmp_path):
    other = HOUSE.replace("house-rules", "other-rules").replace("[beavertails:animal_abuse]", "[beavertails:child_abuse]").replace("animals", "minors")
    policies = [house(tmp_path), house(tmp_path, other, "other-rules.yaml")]
    report = build(carried(rows_path, policies, policy_choice="one", augment={"shuffle": True, "swap_pairs": 1.0}))
    by_text = defaultdict(list)
    for item in rows_of(report):
        by_text[item["sample_id"].split("~")[0]].append(item)
    pairs = [items for items in by_text.values() if len(items) == 2]
    assert pairs and report.ledger["sources"][0]["extra_samples"]["swap"] > 0
    for first, second in pairs:
        assert first["gold"]["verdict"] != second["gold"]["verdict"] and first["policy_id"].split("#")[0] != second["policy_id"].split("#")[0]


def test_answers_settle_what_labels_leave_unknown_and_say_so(tmp_path):
    rows = (
        [row(n) for n in range(200)] + [row(200 + n, "animal_abuse") for n in range(100)] + [row(300 + n, "controversial_topics,politics") for n in range(60)]
    )
    policy = house(tmp_path, HOUSE.replace("[beavertails:self_harm]", "[openai-moderation-api:illicit]"))
    path = rows_file(tmp_path, rows)
    before = build(carried(path, [policy]))
    asked = sorted({name for name, item in truth_of(before, path).items() if item["violated"] == ["controversial_topics_politics"]})
    lines = [
        {
            "sample_id": f"{name}~house-rules~0~0",
            "item": "house-rules:self_harm",
            "answer": "yes",
            "author": "A. Person",
            "method": "read",
            "date": "2026-01-31",
        }
        for name in asked[:40]
    ]
    (tmp_path / "answers.jsonl").write_text("\n".join(map(json.dumps, lines)))
    after = build(carried(path, [policy], labels={"answers": str(tmp_path / "answers.jsonl")}), tmp_path / "out")
    assert after.manifest["answers"] == {"judgements": 40, "found": 40}
    told = {item["sample_id"].split("~")[0]: item for item in rows_of(after)}
    answered = [item for item in told.values() if item["proof"] == "answered"]
    assert {item["sample_id"].split("~")[0] for item in answered} <= set(asked[:40])
    assert all(item["proof"] == "entailed" for name, item in told.items() if name not in asked[:40])
    lines[0]["item"] = "house-rules:nobody"
    (tmp_path / "answers.jsonl").write_text("\n".join(map(json.dumps, lines)))
    with pytest.raises(InputError, match="no policy of the recipe has"):
        build(carried(path, [policy], labels={"answers": str(tmp_path / "answers.jsonl")}))
    (tmp_path / "answers.jsonl").write_text(
        '{"sample_id": "x"}\nno json\n{"sample_id": "a", "item": "b", "answer": "maybe", "author": "c", "method": "d", "date": "2026-01-31"}\n'
    )
    with pytest.raises(InputError) as raised:
        build(carried(path, [policy], labels={"answers": str(tmp_path / "answers.jsonl")}))
    assert all(f"answers.jsonl:{line}:" in str(raised.value) for line in (1, 2, 3))


def test_unknown_drop_row_keeps_only_rows_that_decide_everything(rows_path, tmp_path):
    policy = house(tmp_path, HOUSE.replace("[beavertails:self_harm]", "[openai-moderation-api:illicit]"))
    with pytest.raises(BuildError, match=r"unknown, and the recipe drops such rows|under 5 %|no sample is left"):
        build(carried(rows_path, [policy], labels={"unknown": "drop_row"}))
    whole = build(carried(rows_path, [house(tmp_path)], labels={"unknown": "drop_row"}))
    assert {len(item["items"]) for item in rows_of(whole)} == {6}


def test_excluded_concepts_leave_with_the_reason(rows_path, tmp_path):
    report = build(carried(rows_path, [house(tmp_path)], content={"exclude_concepts": ["animal-cruelty"]}))
    native = truth_of(report, rows_path)
    assert report.ledger["sources"][0]["dropped"]["content/excluded_concept"] >= 30
    assert not any("animal_abuse" in native[item["sample_id"].split("~")[0]]["violated"] for item in rows_of(report))
    with pytest.raises(RecipeError, match=r"exclude_concepts.*Did you mean animal-cruelty"):
        build(carried(rows_path, ["native"], content={"exclude_concepts": ["animal-crualty"]}))
    with pytest.raises(RecipeError, match=r"never_flip.*no concept named"):
        build(carried(rows_path, ["native"], augment={"flip_to_safe": 0.1, "never_flip": ["nothing-like-it"]}))


def test_siblings_of_the_gold_stay_in_the_list(rows_path, tmp_path):
    plain, near = (build(carried(rows_path, ["native"], augment={"shuffle": True, "drop_items": 0.45, "siblings": count}, max_items=6)) for count in (0, 2))
    graph, likes = load_graph(), []
    for report in (plain, near):
        shares = []
        for item in rows_of(report):
            gold = [graph.extent(name) for name in item["gold"]["ids"]]
            others = [graph.extent(name) for name in item["items"] - set(item["gold"]["ids"])]
            if gold and others:
                shares.append(max(len(a.outer & b.outer) / len(a.outer | b.outer) for a in gold for b in others))
        likes.append(float(np.mean(shares)))
    assert likes[1] > likes[0]


def test_closed_is_marked_as_assumed(rows_path):
    report = build(carried(rows_path, ["aegis-2.0"], labels={"assume": "closed"}, allow_one_class=["aegis-2.0"]))
    assert {item["proof"] for item in rows_of(report)} == {"assumed"}


def test_a_policy_that_comes_out_with_one_verdict_stops_the_build(rows_path, tmp_path):
    with pytest.raises(BuildError, match=r"under 5 % of a verdict: policy advice: 0 of \d+ samples are unsafe"):
        (tmp_path / "advice.yaml").write_text(
            '{"version": 1, "id": "advice", "items": [{"key": "a", "name": "A", "any_of": ["beavertails:animal_abuse"]}, {"key": "b", "name": "B", "any_of": ["beavertails:self_harm"]}]}'
        )
        build(
            carried(
                rows_file(tmp_path, [row(n) for n in range(40)] + [row(50 + n, "privacy_violation") for n in range(40)]),
                [{"file": str(tmp_path / "advice.yaml")}],
            )
        )


def test_the_yield_is_told_before_anything_is_written(rows_path, tmp_path):
    told = survey(carried(rows_path, [house(tmp_path), "aegis-2.0"], allow_one_class=["aegis-2.0"]))["yield"]
    assert [(one["source"], one["policy"]) for one in told] == [("beavertails", "house-rules"), ("beavertails", "aegis-2.0")]
    for one in told:
        assert one["rows"] == sum(one["verdicts"].values()) + sum(one["refused"].values())
        assert all(sum(counts.values()) == one["rows"] for counts in one["items"].values())


def test_same_recipe_same_bytes_whatever_the_workers_and_batches(rows_path, tmp_path):
    value = carried(rows_path, [house(tmp_path), "native"], augment={"shuffle": True, "drop_items": 0.2, "flip_to_safe": 0.3}, shard_rows=200)
    for name, options in {"a": {"workers": 1, "batch_rows": 8192}, "b": {"workers": 3, "batch_rows": 17}}.items():
        build(value, tmp_path / name, **options)
    assert tree(tmp_path / "a") == tree(tmp_path / "b")


def test_packaged_rows_of_several_sources_meet_in_one_policy(tmp_path):
    """A clone alone: eight packaged sources, a six-item policy, one build."""
    text = HOUSE.replace("[beavertails:privacy_violation]", '"beavertails:privacy_violation + aegis-2.0:pii_privacy"')
    report = build(
        recipe(policies=["native", house(tmp_path, text)], labels={"assume": "closed"}, splits={"train": 1.0}, allow_one_class=["toxicchat", "house-rules"]),
        tmp_path / "out",
    )
    sources = {item["data_source"] for item in rows_of(report) if item["policy_id"].startswith("house-rules")}
    assert len(sources) >= 5
    assert check_export(tmp_path / "out").exit_code == 0


SIX = """version: 1
id: six-items
items:
  - {key: private_data, name: Private data, any_of: "beavertails:privacy_violation + aegis-2.0:pii_privacy + pku-saferlhf:privacy_violation"}
  - {key: drugs_weapons, name: Drugs and weapons, any_of: "beavertails:drug_abuse_weapons_banned_substance + aegis-2.0:guns_and_illegal_weapons + aegis-2.0:controlled_regulated_substances"}
  - {key: hate_abuse, name: Hate and abuse, any_of: "beavertails:hate_speech_offensive_language + beavertails:discrimination_stereotype_injustice + aegis-2.0:hate_identity_hate + aegis-2.0:harassment + openai-moderation-2022:hate"}
  - {key: sexual, name: Sexual content, any_of: "beavertails:sexually_explicit_adult_content + aegis-2.0:sexual + aegis-2.0:sexual_minor + openai-moderation-2022:sexual"}
  - {key: self_harm, name: Self-harm, any_of: "beavertails:self_harm + aegis-2.0:suicide_and_self_harm + openai-moderation-2022:self-harm"}
  - {key: violence_crime, name: Violence and crime, any_of: "beavertails:violence_aiding_and_abetting_incitement + beavertails:financial_crime_property_crime_theft + aegis-2.0:violence + aegis-2.0:criminal_planning_confessions + aegis-2.0:threat + openai-moderation-2022:violence"}
"""


def test_a_six_item_policy_gives_an_export_from_eight_sources(shared, tmp_path):
    policy = house(tmp_path, SIX, "six-items.yaml")
    more = [
        ("do-not-answer", "default", "train", "data_synthetic/do_not_answer/do_not_answer_en.csv"),
        ("aegis-2", "default", "validation", "data_synthetic/aegis2/test.json"),
    ]
    files = [*REAL, *INVENTED, *more]
    sources = [
        {"id": name, "as": f"{name}-{number}", "config": config, "split": split, "path": str(shared / path)}
        for number, (name, config, split, path) in enumerate(files)
    ]
    value = carried(tmp_path, [policy], sources=sources, labels={"assume": "closed"}, augment={"shuffle": True, "drop_items": 0.2})
    report = build(value, tmp_path / "out")
    rows = rows_of(report)
    verdicts = Counter(item["gold"]["verdict"] for item in rows)
    assert len({item["benchmark"] for item in rows}) >= 8 and min(verdicts.values()) >= 200, (verdicts, {item["benchmark"] for item in rows})
    gold = defaultdict(Counter)
    for item in rows:
        for name in item["gold"]["ids"]:
            gold[name][item["benchmark"]] += 1
    policy_, labels = read_policy(tmp_path / "six-items.yaml", load_graph()), {}
    for name, config, split, path in files:
        for batch in load_source(name, path=shared / path, split=split, config=config):
            labels |= {told["id"]: (name, told) for told in batch.select(["id", "verdict", "taxonomy", "violated", "unjudged", "exhaustive"]).to_pylist()}
    proofs = {}
    for item in rows:
        name, told = labels[item["sample_id"].split("~")[0]]
        key = (name, told["taxonomy"], told["verdict"], tuple(told["violated"]), tuple(told["unjudged"]), told["exhaustive"])
        if key not in proofs:
            found = prove_pattern(policy_, Pattern(*key[1:]), load_graph(), "closed", registry.load("sources", name).safe_clears)
            proofs[key] = {proof.item: "one of" if proof.because.startswith("one of a group") else proof.answer for proof in found}
        answers = {name: proofs[key][name] for name in item["items"]}
        certain = {name for name, answer in answers.items() if answer == "yes"}
        assert set(item["gold"]["ids"]) == (certain or {name for name, answer in answers.items() if answer == "one of"})
        assert "unknown" not in answers.values()
    lost = impossible(reach(policy_, load_graph(), assume="closed"))
    for item in ("private_data", "drugs_weapons", "hate_abuse", "sexual", "self_harm", "violence_crime"):
        name = f"six-items:{item}"
        assert (gold[name].total() >= 20 and len(gold[name]) >= 2) or name in lost, (name, gold[name])
    told = check_export(tmp_path / "out")
    assert told.exit_code == 0 and all(probe["auc"] <= LIMIT for probe in told.probes)


def test_primary_gold_leaves_the_other_violated_items_out_and_never_flips_onto_them(rows_path, tmp_path):
    value = carried(rows_path, [house(tmp_path)], labels={"multi": "primary"}, augment={"shuffle": True, "flip_to_safe": 0.5})
    report = build(value)
    native = truth_of(report, rows_path)
    single = {"house-rules:animals": "animal_abuse", "house-rules:privacy": "privacy_violation", "house-rules:self_harm": "self_harm"}
    for item in rows_of(report):
        assert len(item["gold"]["ids"]) <= 1
        violated = set(native[item["sample_id"].split("~")[0]]["violated"])
        shown = {name for name in item["items"] if single.get(name) in violated}
        assert shown <= set(item["gold"]["ids"])


def test_a_list_that_is_shown_as_native_is_not_shown_again(rows_path, tmp_path):
    report = build(carried(rows_path, ["native", "beavertails", house(tmp_path)]))
    names = Counter(item["sample_id"].split("~")[1] for item in rows_of(report))
    assert names["native"] > 800
    assert "beavertails" not in names and names["house-rules"] > 500
    alone = build(carried(rows_path, ["beavertails"]))
    assert {item["sample_id"].split("~")[1] for item in rows_of(alone)} == {"beavertails"}


def test_two_policy_files_with_one_id_are_refused(rows_path, tmp_path):
    with pytest.raises(PolicyError, match="both have the id 'house-rules'"):
        build(carried(rows_path, [house(tmp_path), house(tmp_path, name="again.yaml")]))
