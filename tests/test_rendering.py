"""Lists and prompts, against the same thing written row by row in plain Python."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from taxonomy_bridge import registry, rng
from taxonomy_bridge.formats._base import compile_template
from taxonomy_bridge.lists import ListRules, show
from taxonomy_bridge.policy import Item, Policy
from taxonomy_bridge.rendering import Codes, Conversation, ListText, Renderer, history_text, list_json
from taxonomy_bridge.schema import TURN
from taxonomy_bridge.taxonomy import load_taxonomy
from taxonomy_bridge.truth import primary

TEXTS = st.text(max_size=30)


def policy(width: int, residual: bool = False) -> Policy:
    items = [Item(f"t:s{n}", f"Name {n}", f"C{n}" if n % 2 else None, f"scope {n}" if n % 3 else None, residual and n == width - 1) for n in range(width)]
    return Policy("t", tuple(items))


def by_hand(format_, policy_, judged, style, order, history, prompt, response):
    """One prompt, joined piece by piece."""
    lines = []
    for place, item in enumerate(order):
        entry = policy_.items[item]
        if style == "keep":
            code = entry.code or str(item + 1)
        elif format_.default_code is not None:
            code = format_.default_code(place)
        else:
            code = str(place + 1) if style == "renumber" else None
        lines.append(format_.item_line(code, entry.name, entry.definition))
    talk = history or ""
    if prompt is not None:
        talk += format_.user + prompt
    if response is not None:
        talk += "\n" + format_.agent + response
    slots = {"policy": "\n".join(lines), "conversation": talk, "role": format_.roles[judged], "answer_rules": format_.answer_rules[judged]}
    return "".join(text if kind == "text" else slots[kind] for kind, text in compile_template(format_.templates[judged]))


@settings(max_examples=60)
@given(
    st.sampled_from(["gspr", "rsafe"]), st.sampled_from(["prompt", "response"]), st.sampled_from(["none", "keep", "renumber"]),
    st.integers(1, 9), st.booleans(), st.floats(0, 0.6), st.lists(st.tuples(TEXTS, st.none() | TEXTS), min_size=1, max_size=7), st.integers(0, 2**64 - 1),
)  # fmt: skip
def test_a_batch_of_prompts_equals_prompts_joined_one_by_one(name, judged, style, width, shuffle, drop, texts, seed):
    format_, chosen = registry.load("formats", name), policy(width)
    ids = rng.mix(np.arange(len(texts), dtype=np.uint64))
    shown = show(chosen, np.zeros((len(texts), width), bool), ids, seed, ListRules(shuffle, drop, 1, None))
    codes = Codes(chosen, format_, style)
    prompts, responses = [prompt for prompt, _ in texts], [response for _, response in texts]
    conversation = Conversation(pa.nulls(len(texts), pa.large_string()), pa.array(prompts, pa.large_string()), pa.array(responses, pa.large_string()))
    rendered = Renderer(format_, chosen, judged, codes).render(shown, conversation).to_pylist()
    items = ListText(width, lambda place, item: json.dumps([codes.local(place, item), chosen.items[item].name]), ",", True)
    listed = [json.loads(text) for text in list_json(shown, items).to_pylist()]
    for row in range(len(texts)):
        order = shown.order[row, : shown.count[row]].tolist()
        assert rendered[row] == by_hand(format_, chosen, judged, style, order, None, prompts[row], responses[row])
        assert [name for _, name in listed[row]] == [chosen.items[item].name for item in order]
        if style == "keep" or format_.default_code is not None or style == "renumber":
            assert all(code in rendered[row] for code, _ in listed[row])


@settings(max_examples=80)
@given(st.integers(2, 10), st.floats(0, 0.9), st.none() | st.integers(1, 10), st.integers(0, 2**32), st.booleans(), st.integers(1, 3))
def test_lists_keep_gold_and_their_length_tells_nothing(width, drop, most, seed, residual, least):
    chosen, rows = policy(width, residual), 40
    ids = rng.mix(np.arange(rows, dtype=np.uint64))
    yes = np.zeros((rows, width), bool)
    yes[np.arange(0, rows, 2), np.arange(0, rows, 2) % width] = True
    rules = ListRules(True, drop, min(least, width), most)
    shown, unlabelled = (show(chosen, table, ids, seed, rules) for table in (yes, np.zeros_like(yes)))
    assert (shown.mask | ~yes).all()
    assert (np.sort(shown.order, axis=1) == np.arange(width)).all()
    gold_is_residual = np.array([item.residual for item in chosen.items])[None, :] & yes
    same = ~gold_is_residual.any(axis=1)
    assert (shown.count[same] >= unlabelled.count[same]).all()
    assert (shown.count[same] == np.maximum(unlabelled.count[same], 1)).all()
    assert (shown.positions[np.arange(rows)[:, None], shown.order] == np.arange(width)).all()
    for row in range(rows):
        if shown.count[row] < width and residual and not gold_is_residual[row].any():
            last = width - 1
            whole = shown.count[row] == width
            assert whole or not shown.mask[row, last]


def test_batches_do_not_change_a_list():
    chosen, ids = policy(9), rng.mix(np.arange(50, dtype=np.uint64))
    yes, rules = np.zeros((50, 9), bool), ListRules(True, 0.3, 1, None)
    whole = show(chosen, yes, ids, 3, rules)
    parts = [show(chosen, yes[at : at + 7], ids[at : at + 7], 3, rules) for at in range(0, 50, 7)]
    assert (np.concatenate([part.order for part in parts]) == whole.order).all()
    assert (np.concatenate([part.count for part in parts]) == whole.count).all()


def test_primary_takes_the_first_and_residual_last():
    taxonomy, chosen = load_taxonomy("beavertails"), policy(3, residual=True)
    yes = np.array([[True, True, False], [False, False, True], [False, True, True], [False, False, False]])
    assert primary(yes, chosen, taxonomy).tolist() == [[True, False, False], [False, False, True], [False, True, False], [False, False, False]]


def test_history_stands_before_the_prompt():
    format_ = registry.load("formats", "gspr")
    turns = [[{"role": "user", "content": "one"}, {"role": "assistant", "content": "two"}], None]
    assert history_text(pa.array(turns, pa.list_(TURN)), format_).to_pylist() == ["User: one\nAgent: two\n", None]


@pytest.mark.parametrize("judged", ["prompt", "response", "dialogue"])
@pytest.mark.parametrize("name", registry.names("formats"))
def test_every_template_has_every_slot_once(name, judged):
    kinds = [kind for kind, _ in compile_template(registry.load("formats", name).templates[judged])]
    assert kinds.count("policy") == kinds.count("conversation") == 1
    assert kinds.index("policy") < kinds.index("conversation")
