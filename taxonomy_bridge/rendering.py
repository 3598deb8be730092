"""Prompts by the batch: one `take` over a small dictionary of pre-built pieces, re-read with coarse offsets.

Every piece that rows share (template text, item lines at each position) is built once; the plan of a batch is a flat array of indices into
[pieces | histories | prompts | responses]. No string is joined and no row is touched in Python.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from taxonomy_bridge.formats._base import Format, compile_template
from taxonomy_bridge.lists import Shown
from taxonomy_bridge.policy import Policy

LARGE = pa.large_string()
Indices = NDArray[np.int32]


class Conversation(NamedTuple):
    """The texts of n samples, already neutralised; `history` is one rendered text per row, or null."""

    history: pa.Array
    prompt: pa.Array
    response: pa.Array


class ListText:
    """Texts of list items by (position, item), laid out so that any displayed list is a run of indices.

    `write(position, item)` gives the text of an item; `separator` stands before every item but the first. Where the text
    does not depend on the position only two variants are kept.
    """

    def __init__(self, width: int, write: Callable[[int, int], str], separator: str, positional: bool) -> None:
        self.width, self.positional = width, positional
        places = range(width) if positional else range(min(2, width))
        self.texts = [(separator if place else "") + write(place, item) for place in places for item in range(width)]

    def indices(self, shown: Shown) -> Indices:
        """Index of every displayed position into `texts`, (n, K); beyond `count` meaningless."""
        place = np.arange(self.width, dtype=np.int32)
        base = (place if self.positional else np.minimum(place, 1)) * np.int32(self.width)
        found: Indices = shown.order.astype(np.int32) + base[None, :]
        return found


def assemble(dictionary: pa.Array, indices: Indices, keep: NDArray[np.bool_]) -> pa.Array:
    """Row i is the concatenation of the dictionary entries `indices[i, keep[i]]`; shapes (n, w)."""
    counts = keep.sum(axis=1)
    ends = np.zeros(len(indices) + 1, np.int64)
    np.cumsum(counts, out=ends[1:])
    taken = dictionary.take(pa.array(indices[keep]))
    offsets = np.frombuffer(taken.buffers()[1], np.int64)[taken.offset : taken.offset + len(taken) + 1]
    return pa.LargeStringArray.from_buffers(len(indices), pa.py_buffer(np.ascontiguousarray(offsets[ends])), taken.buffers()[2])


def list_json(shown: Shown, text: ListText) -> pa.Array:
    """The displayed items of each row as one text, in brackets."""
    rows = len(shown.count)
    dictionary = pa.array([*text.texts, "[", "]"], LARGE)
    opening, closing = len(text.texts), len(text.texts) + 1
    indices = np.concatenate([np.full((rows, 1), opening, np.int32), text.indices(shown), np.full((rows, 1), closing, np.int32)], axis=1)
    keep = np.concatenate([np.ones((rows, 1), bool), _shown_mask(shown), np.ones((rows, 1), bool)], axis=1)
    return assemble(dictionary, indices, keep)


def _shown_mask(shown: Shown) -> NDArray[np.bool_]:
    return np.arange(shown.order.shape[1])[None, :] < shown.count[:, None]


class Codes:
    """Prompt-local codes: `none` shows the format's own numbering if it has one, `keep` the publisher's codes, `renumber` new ones."""

    def __init__(self, policy: Policy, format_: Format, style: str) -> None:
        self.policy, self.format, self.style = policy, format_, style
        self.positional = style == "renumber" or (style == "none" and format_.default_code is not None)

    def displayed(self, position: int, item: int) -> str | None:
        """The code in the prompt, or None if none is shown."""
        if self.style == "keep":
            return self.policy.items[item].code or str(item + 1)
        if self.format.default_code is not None:
            return self.format.default_code(position)
        return str(position + 1) if self.style == "renumber" else None

    def local(self, position: int, item: int) -> str:
        """The displayed code, or the 1-based position where none is shown."""
        return self.displayed(position, item) or str(position + 1)


class Renderer:
    """Renders samples of one (format, policy, judged): see `render`."""

    def __init__(self, format_: Format, policy: Policy, judged: str, codes: Codes, template: str | None = None) -> None:
        self.format, self.policy = format_, policy
        self.segments = _merge(compile_template(template or format_.templates[judged]), format_, judged)
        self.items = ListText(len(policy), lambda place, item: self._line(codes, place, item), "\n", codes.positional)

    def _line(self, codes: Codes, place: int, item: int) -> str:
        entry = self.policy.items[item]
        return self.format.item_line(codes.displayed(place, item), entry.name, entry.definition)

    def render(self, shown: Shown, conversation: Conversation) -> pa.Array:
        """The final user message of each sample, as a large_string array of length n."""
        rows = len(shown.count)
        fixed = [text for kind, text in self.segments if kind == "text"]
        pieces = ["", self.format.user, "\n" + self.format.agent, *fixed, *self.items.texts]
        dictionary = pa.concat_arrays([pa.array(pieces, LARGE), *(pc.fill_null(part.cast(LARGE), "") for part in conversation)])
        columns: list[Indices] = []
        keeps: list[NDArray[np.bool_]] = []
        text_at = 3
        for kind, _ in self.segments:
            if kind == "policy":
                columns.append(self.items.indices(shown) + np.int32(3 + len(fixed)))
                keeps.append(_shown_mask(shown))
                continue
            block = np.full((rows, 1), text_at, np.int32) if kind == "text" else _conversation(len(pieces), rows, conversation)
            text_at += kind == "text"
            columns.append(block)
            keeps.append(np.ones(block.shape, bool))
        return assemble(dictionary, np.concatenate(columns, axis=1), np.concatenate(keeps, axis=1))


def _conversation(start: int, rows: int, conversation: Conversation) -> Indices:
    """history, user label, prompt, agent label, response; index 0 is the empty text."""
    lane = np.arange(rows, dtype=np.int32) + np.int32(start)
    has_prompt = pc.is_valid(conversation.prompt).to_numpy(zero_copy_only=False)
    has_response = pc.is_valid(conversation.response).to_numpy(zero_copy_only=False)
    parts = [lane, np.where(has_prompt, 1, 0), lane + rows, np.where(has_response, 2, 0), lane + 2 * rows]
    return np.stack(parts, axis=1).astype(np.int32)


def _merge(segments: Sequence[tuple[str, str]], format_: Format, judged: str) -> list[tuple[str, str]]:
    """Fill in role and answer rules, and join neighbouring texts."""
    merged: list[tuple[str, str]] = []
    for kind, text in segments:
        if kind in ("role", "answer_rules"):
            kind, text = "text", format_.roles[judged] if kind == "role" else format_.answer_rules[judged]
        if kind == "text" and merged and merged[-1][0] == "text":
            merged[-1] = ("text", merged[-1][1] + text)
        else:
            merged.append((kind, text))
    return merged


def history_text(history: pa.Array, format_: Format) -> pa.Array:
    """Earlier turns as one text per row, each turn on its own line; null where there are none."""
    if history.null_count == len(history):
        return pa.nulls(len(history), LARGE)
    turns = pc.list_flatten(history)
    label = pc.if_else(pc.equal(turns.field("role"), "assistant"), pa.scalar(format_.agent), pa.scalar(format_.user)).cast(LARGE)
    lines = pc.binary_join_element_wise(label, turns.field("content"), pa.scalar("\n", LARGE), pa.scalar("", LARGE))
    offsets = np.zeros(len(history) + 1, np.int32)
    np.cumsum(pc.fill_null(pc.list_value_length(history), 0).to_numpy(zero_copy_only=False), out=offsets[1:])
    joined = pc.binary_join(pa.ListArray.from_arrays(pa.array(offsets), lines.cast(pa.string())), "")
    return pc.if_else(pc.is_valid(history), joined.cast(LARGE), pa.scalar(None, LARGE))
