"""AdvBench: instructions that a model should not follow, and texts that it should not write.

Unit: one row of the split harmful_behaviors is one instruction (`goal`), one row of harmful_strings is one text (`target`); both count as prompts and all are
unsafe. In harmful_behaviors `target` is the opening that an attack tries to force, not an answer, and is not read. There is no label column: every row violates
the umbrella category and clears nothing.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from taxonomy_bridge.sources._base import Citation, Licence, Origin, RowError, Source, optional, required
from taxonomy_bridge.sources._decode import judge, umbrella
from taxonomy_bridge.taxonomy import load_taxonomy

TAXONOMY = load_taxonomy("advbench")
TEXTS = {"harmful_behaviors": "goal", "harmful_strings": "target"}


def decode(rows: pa.RecordBatch, origin: Origin) -> pa.RecordBatch:
    text = TEXTS[origin.split]
    if rows[text].null_count:
        raise RowError(pc.is_null(rows[text]), f"has no {text}")
    return judge(rows, TAXONOMY, prompt=text, verdict="unsafe", violated=umbrella(np.ones(len(rows), bool), TAXONOMY), native=[])


SOURCE = Source(
    name="advbench",
    title="AdvBench harmful behaviours and strings",
    homepage="https://github.com/llm-attacks/llm-attacks",
    hub_id=None,
    github="llm-attacks/llm-attacks",
    revision="0f505d82e25c15a83b6954db28191b69927a255d",
    files={"default": {split: (f"data/advbench/{split}.csv",) for split in TEXTS}},
    rows={"default/harmful_behaviors": 520, "default/harmful_strings": 574},
    verdicts=frozenset({"unsafe"}),
    language="en",
    columns=pa.schema([*required("target"), *optional("goal")]),
    licence=Licence("MIT", "repository llm-attacks/llm-attacks", "2026-10-06", True, "https://github.com/llm-attacks/llm-attacks"),
    citation=Citation("Zou, Andy", "Universal and Transferable Adversarial Attacks on Aligned Language Models", 2023, "arXiv:2307.15043"),
    taxonomies=("advbench",),
    decode=decode,
    quirks=(
        "No categories: every row is unsafe and clears nothing. Categories in copies by others are drawn from other lists.",
        "Near-duplicates are common among the instructions.",
        "Some copies have no header row and are refused, because their first instruction would be lost.",
        "Real rows were read of harmful_behaviors; harmful_strings is read as documented.",
    ),
)
