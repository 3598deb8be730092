"""HH-RLHF, harmlessness: pairs of dialogues with an assistant, of which people preferred one as the less harmful.

Unit: one row gives two judgements, of the dialogues `chosen` and `rejected`, which differ in the last reply. The preference says which of the two is less
harmful, not whether either is harmful: there is no verdict, and the one category is unjudged. Which dialogue was preferred is the slot at the end of the id.
A dialogue is one text in which every turn follows two line breaks and Human: or Assistant:.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from taxonomy_bridge.sources._base import Citation, Licence, Origin, Source, required
from taxonomy_bridge.sources._decode import judge, together, umbrella
from taxonomy_bridge.taxonomy import load_taxonomy

TAXONOMY = load_taxonomy("hh-rlhf-harmless")
SIDES = ("chosen", "rejected")


def decode(rows: pa.RecordBatch, origin: Origin) -> pa.RecordBatch:
    open_, nothing = umbrella(np.ones(len(rows), bool), TAXONOMY), pa.nulls(len(rows), pa.string())
    return together(*[judge(rows, TAXONOMY, judged="dialogue", slot=side, prompt=side, verdict=nothing, unjudged=open_, native=[]) for side in SIDES])


SOURCE = Source(
    name="hh-rlhf-harmless",
    title="HH-RLHF, harmlessness preferences",
    hub_id="Anthropic/hh-rlhf",
    revision="09be8c5bbc57cb3887f3a9732ad6aa7ec602a1fa",
    files={"default": {split: (f"harmless-base/{split}.jsonl.gz",) for split in ("train", "test")}},
    columns=pa.schema(required(*SIDES)),
    licence=Licence("MIT", "data set card and repository", "2026-10-06", True, "https://huggingface.co/datasets/Anthropic/hh-rlhf"),
    citation=Citation("Bai, Yuntao", "Training a Helpful and Harmless Assistant with Reinforcement Learning from Human Feedback", 2022, "arXiv:2204.05862"),
    homepage="https://github.com/anthropics/hh-rlhf",
    taxonomies=("hh-rlhf-harmless",),
    decode=decode,
    slots=SIDES,
    verdicts=frozenset(),
    language="en",
    rows={"default/test": 2312},
    quirks=(
        "No harm label: chosen means preferred over rejected, and both may be harmful or harmless.",
        "The red-team attempts of the same repository are a source of their own; the helpfulness pairs are not read.",
        "The files of the repository on GitHub may be large-file pointers; the hub has the data.",
    ),
)
