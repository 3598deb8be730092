"""Qwen3GuardTest: responses of reasoning models to harmful prompts, judged by people as Safe or Unsafe.

Unit: one row is one conversation (`message`), of which the last turn, an answer with or without its reasoning, is judged; the turn before it is the prompt and
anything earlier the history. `unsafe_type` names the one category of an Unsafe row in the words of the Qwen3Guard policy and is empty on Safe rows. Jailbreak, a
class for prompts only, is never judged. The token range of the first unsafe sentence stays in `native`.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from taxonomy_bridge.sources._base import Citation, Licence, Origin, RowError, Source, optional, required
from taxonomy_bridge.sources._decode import equals, judge, one_label, one_of
from taxonomy_bridge.taxonomy import load_taxonomy

TAXONOMY = load_taxonomy("qwen3guard")
TURN = pa.struct([("role", pa.string()), ("content", pa.string())])
RANGE = ("unsafe_start_index", "unsafe_end_index")


def decode(rows: pa.RecordBatch, origin: Origin) -> pa.RecordBatch:
    length, turns = pc.list_value_length(rows["message"]).to_numpy(), pc.list_flatten(rows["message"])
    if np.any(length < 2):
        raise RowError(pa.array(length < 2), "message holds no prompt and answer")
    last = np.cumsum(length) - 1
    prompt, answer = turns.take(pa.array(last - 1)), turns.take(pa.array(last))
    ordered = equals(pc.struct_field(prompt, "role"), "user") & equals(pc.struct_field(answer, "role"), "assistant")
    if not ordered.all():
        raise RowError(pa.array(~ordered), "message does not end with a turn of the user and one of the assistant")
    earlier = pa.array(np.delete(np.arange(len(turns)), np.concatenate([last - 1, last])), pa.int64())
    offsets = pa.array(np.concatenate([[0], np.cumsum(length - 2)]).astype(np.int32))
    verdict, named = one_of(rows["label"], {"Safe": "safe", "Unsafe": "unsafe"}, "label"), one_label(rows["unsafe_type"], TAXONOMY)
    unsafe = equals(verdict, "unsafe")[:, None]
    never = np.array([slug == "jailbreak" for slug in TAXONOMY.by_slug])[None, :]
    return judge(
        rows.append_column("prompt", pc.struct_field(prompt, "content")).append_column("response", pc.struct_field(answer, "content")),
        TAXONOMY,
        response="response",
        history=pa.ListArray.from_arrays(offsets, turns.take(earlier), mask=pa.array(length == 2)),
        verdict=verdict,
        violated=named & unsafe & ~never,
        unjudged=(named & ~unsafe) | never,
        native=["label", "unsafe_type", "source", *RANGE],
    )


SOURCE = Source(
    name="qwen3guard-test",
    title="Qwen3GuardTest",
    hub_id="Qwen/Qwen3GuardTest",
    revision="8a8391a583d65dc5f2be59e815404fe54289fa7c",
    files={"default": {split: (f"{split}.jsonl",) for split in ("thinking", "thinking_loc", "response_loc")}},
    columns=pa.schema([*required("message", kind=pa.list_(TURN)), *required("label"), *optional("unsafe_type", "source"), *optional(*RANGE, kind=pa.int64())]),
    licence=Licence("CC-BY-NC-4.0", "data set card", "2026-10-06", False, "https://huggingface.co/datasets/Qwen/Qwen3GuardTest"),
    citation=Citation("{Qwen Team}", "Qwen3Guard Technical Report", 2025, "arXiv:2510.14276"),
    homepage="https://github.com/QwenLM/Qwen3Guard",
    taxonomies=("qwen3guard",),
    decode=decode,
    slots=("response",),
    evidence="documented layout",
    one_class={"thinking_loc": "unsafe", "response_loc": "unsafe"},
    rows={"default/thinking": 1059, "default/thinking_loc": 569, "default/response_loc": 813},
    lineage={"beavertails": "the prompts, from its test set"},
    quirks=(
        "thinking_loc is the unsafe part of thinking again: use one of them, or the duplicates are removed.",
        "In thinking and thinking_loc the verdict is about the answer together with its reasoning; response_loc has final answers only.",
        "The index values count tokens of the Qwen3 tokenizer, not characters.",
        "No language is stated; the prompts come from an English set.",
    ),
)
