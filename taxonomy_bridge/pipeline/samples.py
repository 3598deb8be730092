"""Judgements to samples: the list each one shows, its rendered prompt, and its gold.

In: judgement rows in sample order and what the selection says of each. Out: `SAMPLE` batches for the exporters. Every
function works on a whole batch; rows that share a policy and a target are rendered together.
"""

from __future__ import annotations

import functools
import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from taxonomy_bridge import text
from taxonomy_bridge.errors import MissingExtraError, RecipeError
from taxonomy_bridge.exporters._base import SAMPLE
from taxonomy_bridge.formats._base import NOT_APPLICABLE, template_fences
from taxonomy_bridge.formats._neutralise import neutralise
from taxonomy_bridge.labels import slug_lists
from taxonomy_bridge.lists import Shown, decoys, show
from taxonomy_bridge.pipeline.deck import Deck
from taxonomy_bridge.pipeline.draw import FLIP, PROOFS, suffix
from taxonomy_bridge.pipeline.plan import Plan
from taxonomy_bridge.pipeline.select import UNSAFE
from taxonomy_bridge.policy import Policy
from taxonomy_bridge.rendering import LARGE, Codes, Conversation, ListText, Renderer, history_text, list_json
from taxonomy_bridge.truth import Truth

Bools = NDArray[np.bool_]


class Chosen(NamedTuple):
    """What the selection says of n samples: numpy arrays of length n."""

    policy: NDArray[np.int64]
    copy: NDArray[np.int64]
    variant: NDArray[np.int64]
    key: NDArray[np.uint64]
    split: NDArray[np.int64]
    verdict: NDArray[np.int64]
    proof: NDArray[np.int64]
    decoy: NDArray[np.int64]
    lists: NDArray[np.int64]
    entry: NDArray[np.int64]
    pattern: NDArray[np.int64]

    def at(self, rows: NDArray[np.int64] | Bools) -> Chosen:
        return Chosen(**{name: column[rows] for name, column in self._asdict().items()})


def _quoted(value: str) -> str:
    return json.dumps(value, ensure_ascii=False)


class _Desk:
    """Everything about one (policy, judged) that rows share."""

    def __init__(self, plan: Plan, policy: Policy, judged: str) -> None:
        format_, style = plan.format, plan.recipe.augment.codes
        self.policy = policy
        self.codes = Codes(policy, format_, style)
        self.renderer = Renderer(format_, policy, judged, self.codes, plan.template)
        self.items = ListText(len(policy), self._item_json, ",", True)
        self.local_codes = pa.array([_quoted(self.codes.local(place, item)) for place in range(len(policy)) for item in range(len(policy))])
        self.names = [_quoted(item.name) for item in policy.items]
        self.ids = [_quoted(item.id) for item in policy.items]
        self.dropped = [item.code or item.slug for item in policy.items]
        self.category_dict = "{" + ",".join(f"{_quoted(item.slug)}:{_quoted(item.name)}" for item in sorted(policy.items, key=lambda item: item.slug)) + "}"

    def _item_json(self, place: int, item: int) -> str:
        entry = self.policy.items[item]
        return f'{{"code":{_quoted(self.codes.local(place, item))},"id":{_quoted(entry.id)},"name":{_quoted(entry.name)}}}'


class SampleMaker:
    """Makes `SAMPLE` batches for one plan; safe to use from several threads."""

    def __init__(self, plan: Plan, deck: Deck) -> None:
        self.plan, self.deck = plan, deck
        self.tokens = _token_counter(plan.recipe.length.tokenizer, plan.folder)
        self.fences = (*plan.format.fences, *(template_fences(plan.template) if plan.template else ()))
        self._desk = functools.lru_cache(maxsize=None)(self._make_desk)

    def _make_desk(self, number: int, judged: str) -> _Desk:
        return _Desk(self.plan, self.deck.policies[number][2], judged)

    def make(self, rows: pa.RecordBatch, chosen: Chosen) -> tuple[pa.RecordBatch, NDArray[np.bool_]]:
        """Samples in the order of `rows`, and whether their text had to be neutralised."""
        judged = rows["judged"].dictionary_encode()
        names = judged.dictionary.to_pylist()
        kinds = judged.indices.to_numpy(zero_copy_only=False).astype(np.int64)
        clears = np.array([source.safe_clears for source in self.plan.sources])[chosen.entry]
        matched = chosen.lists >= 0
        group = ((chosen.policy * len(names) + kinds) * 2 + clears) * 2 + matched
        batches, places, changed = [], [], []
        for number in np.unique(group):
            at = np.flatnonzero(group == number)
            part, was_changed = self._one_group(rows.take(pa.array(at)), chosen.at(at), names[int(number) // 4 % len(names)], bool(number // 2 % 2))
            batches.append(part)
            changed.append(was_changed)
            places.append(at)
        back = np.argsort(np.concatenate(places), kind="stable")
        whole = pa.concat_batches(batches)
        return (whole if len(batches) == 1 else whole.take(pa.array(back))), np.concatenate(changed)[back]

    def _one_group(self, rows: pa.RecordBatch, chosen: Chosen, judged: str, clears: bool) -> tuple[pa.RecordBatch, Bools]:
        number = int(chosen.policy[0])
        desk, truth = self._desk(number, judged), self.deck.truth(number, clears)
        yes = truth.yes[chosen.pattern] & (chosen.verdict == UNSAFE)[:, None]
        allowed: Bools | None = None
        if chosen.lists[0] >= 0:
            allowed, keep = self.deck.lists(chosen.lists, len(desk.policy))
            yes &= allowed
        else:
            keep = np.where((chosen.decoy >= 0)[:, None], truth.yes[chosen.decoy], decoys(desk.policy, chosen.key, self.plan.recipe.seed))
        shown = show(desk.policy, keep, chosen.key, self.plan.recipe.seed, self.deck.rules(number), allowed)
        mask = shown.mask
        conversation, changed = self._conversation(rows)
        policy_items = list_json(shown, desk.items)
        columns = {
            "sample_id": self._sample_ids(rows["id"], chosen),
            "index": pa.array((chosen.key >> np.uint64(1)).astype(np.int64)),
            "text": desk.renderer.render(shown, conversation),
            "source": _words([entry.name for entry in self.plan.entries], chosen.entry),
            "benchmark": rows["source"],
            "taxonomy": pa.repeat(desk.policy.id, len(rows)),
            "policy_id": _policy_ids(desk.policy.id, policy_items),
            "policy_items": policy_items,
            "category_dict": pa.repeat(desk.category_dict, len(rows)),
            "judged": rows["judged"],
            "split": _words(["train", "test"], chosen.split),
            "lang": rows["language"],
            "proof": _words(list(PROOFS), chosen.proof),
            "flipped": pa.array(chosen.variant == FLIP),
            "dropped_codes": slug_lists(~mask, desk.dropped),
            "verdict": _words(["safe", "unsafe"], chosen.verdict),
            "original_prompt": rows["prompt"],
            "original_response": rows["response"],
        }
        columns |= self._gold(desk, truth, yes, mask, shown, chosen)
        return pa.RecordBatch.from_arrays([columns[field.name].cast(field.type) for field in SAMPLE], schema=SAMPLE), changed

    def _gold(self, desk: _Desk, truth: Truth, yes: Bools, mask: Bools, shown: Shown, chosen: Chosen) -> dict[str, pa.Array]:
        recipe, format_ = self.plan.recipe, self.plan.format
        unsafe = chosen.verdict == UNSAFE
        accept = _joined(yes, desk.names) if format_.categories else pa.repeat("", len(yes))
        if format_.categories:
            accept = pc.if_else(pa.array(unsafe), accept, _quoted(NOT_APPLICABLE))
        width = len(desk.policy)
        rows, items = np.nonzero(yes)
        codes = desk.local_codes.take(pa.array(shown.positions[rows, items] * width + items))
        parts = [
            '{"accept":[', accept, '],"codes":[', _runs(codes, rows, len(yes)), '],"ids":[', _joined(yes, desk.ids),
            '],"open":[', _joined(truth.open[chosen.pattern] & mask, desk.ids), f'],"reward":"{format_.name}/{recipe.format.preset}","v":1,"verdict":"',
            _words(["safe", "unsafe"], chosen.verdict), '"}',
        ]  # fmt: skip
        first = np.where(yes.any(axis=1), yes.argmax(axis=1), width)
        shown_names = [*(item.name for item in desk.policy.items), NOT_APPLICABLE]
        answers = [format_.write_answer("unsafe", name if format_.categories else None, "") for name in shown_names[:-1]]
        answers += [format_.write_answer("safe", None, "")] + ([] if format_.categories else [format_.write_answer("unsafe", None, "")])
        answer_at = first if format_.categories else np.where(unsafe, width + 1, width)
        return {
            "gold": pc.binary_join_element_wise(*parts, ""),
            "category": _words(shown_names, first),
            "answer": _words(answers, answer_at),
        }

    def _conversation(self, rows: pa.RecordBatch) -> tuple[Conversation, Bools]:
        fences, extra = self.fences, self.tokens.special
        cleaned_history, changed = _clean_history(rows["history"], fences, extra)
        history = history_text(cleaned_history, self.plan.format)
        texts = []
        for name in ("prompt", "response"):
            cleaned, was_changed = neutralise(rows[name], fences, extra)
            texts.append(cleaned)
            changed |= pc.fill_null(was_changed, False).to_numpy(zero_copy_only=False)
        return Conversation(history, *texts), changed

    def _sample_ids(self, ids: pa.Array, chosen: Chosen) -> pa.Array:
        entry = chosen.policy // len(self.deck.taxonomy_names)
        parts, inverse = np.unique(np.column_stack([entry, chosen.copy, chosen.variant]), axis=0, return_inverse=True)
        endings = [suffix(self.plan, *line) for line in parts.tolist()]
        return pc.binary_join_element_wise(ids, _words(endings, np.asarray(inverse).ravel()), "")


def _clean_history(history: pa.Array, fences: tuple[str, ...], extra: tuple[str, ...]) -> tuple[pa.Array, Bools]:
    """History with neutralised contents, and which rows changed."""
    changed = np.zeros(len(history), bool)
    if history.null_count == len(history):
        return history, changed
    turns = pc.list_flatten(history)
    contents, was_changed = neutralise(turns.field("content"), fences, extra)
    changed[pc.list_parent_indices(history).filter(was_changed).to_numpy(zero_copy_only=False)] = True
    offsets = np.zeros(len(history) + 1, np.int32)
    np.cumsum(pc.fill_null(pc.list_value_length(history), 0).to_numpy(zero_copy_only=False), out=offsets[1:])
    values = pa.StructArray.from_arrays([turns.field("role"), contents.cast(LARGE)], fields=list(turns.type))
    cleaned = pa.ListArray.from_arrays(pa.array(offsets), values, mask=pc.is_null(history))
    return cleaned, changed


def _words(words: list[str], at: NDArray[np.int64]) -> pa.Array:
    return pa.array(words, pa.string()).take(pa.array(at))


def _joined(mask: Bools, quoted: list[str]) -> pa.Array:
    """For each row the chosen texts, joined with commas."""
    return pc.binary_join(slug_lists(mask, quoted), ",")


def _runs(values: pa.Array, rows: NDArray[np.int64], count: int) -> pa.Array:
    offsets = np.zeros(count + 1, np.int32)
    np.cumsum(np.bincount(rows, minlength=count), out=offsets[1:])
    return pc.binary_join(pa.ListArray.from_arrays(pa.array(offsets), values), ",")


_HEX = pa.array([f"{number:04x}" for number in range(1 << 16)], pa.string())


def _policy_ids(policy: str, items: pa.Array) -> pa.Array:
    """`<policy>#<4 hex digits>`: the digits are the low 16 bits of xxh3_64 of the displayed items."""
    low = (text.hash_array(items) & np.uint64(0xFFFF)).astype(np.int64)
    return pc.binary_join_element_wise(f"{policy}#", _HEX.take(pa.array(low)), "")


@dataclass(frozen=True)
class TokenCounter:
    """Counts tokens of rendered prompts. `special`: the tokenizer's own control tokens, which sample text must not contain."""

    name: str
    count: Callable[[pa.Array], NDArray[np.int64]]
    special: tuple[str, ...]


def _approximate(texts: pa.Array) -> NDArray[np.int64]:
    """approx-1: one token for every four bytes of UTF-8, rounded up."""
    lengths: NDArray[np.int64] = pc.binary_length(texts).to_numpy(zero_copy_only=False).astype(np.int64)
    return -(-lengths // 4)


@functools.lru_cache(maxsize=4)
def _token_counter(name: str, folder: Path) -> TokenCounter:
    if name == "approx-1":
        return TokenCounter(name, _approximate, ())
    try:
        from tokenizers import Tokenizer
    except ImportError as error:
        raise MissingExtraError.needed("counting tokens with a tokenizer.json", "tokenizer") from error
    path = folder / name
    if not path.is_file():
        raise RecipeError([f"length.tokenizer: {path.name} does not exist. Use approx-1 or the path of a tokenizer.json."])
    tokenizer = Tokenizer.from_file(str(path))
    special = tuple(sorted(token.content for token in tokenizer.get_added_tokens_decoder().values()))

    def count(texts: pa.Array) -> NDArray[np.int64]:
        return np.array([len(encoding) for encoding in tokenizer.encode_batch(texts.to_pylist(), add_special_tokens=False)], np.int64)

    return TokenCounter(path.name, count, special)


def histogram(tokens: NDArray[np.int64]) -> dict[int, int]:
    """How many prompts have how many tokens."""
    values, counts = np.unique(tokens, return_counts=True)
    return dict(zip(values.tolist(), counts.tolist(), strict=True))


def quantiles(counts: dict[int, int]) -> dict[str, int]:
    """Lengths that 50, 90, 99 and 100 % of the prompts do not exceed.

    >>> quantiles({10: 90, 20: 10})
    {'0.5': 10, '0.9': 10, '0.99': 20, '1.0': 20}
    """
    lengths = sorted(counts)
    ends = np.cumsum([counts[length] for length in lengths]) if lengths else np.zeros(0)
    return {str(q): lengths[int(np.searchsorted(ends, math.ceil(q * ends[-1])))] if lengths else 0 for q in (0.5, 0.9, 0.99, 1.0)}
