"""JADE 3.0: questions of JADE, each with an answer that violates and one that is safe and helpful.

Unit: one row gives two judgements, of the violating answer (unsafe) and of the safe one. The question is not judged, and no category is named: on the
violating answer every category is an open question. The files are GB18030 text, not UTF-8. Blanks around the safe answers are kept.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from taxonomy_bridge.sources._base import Citation, Layout, Licence, Origin, Source, required
from taxonomy_bridge.sources._decode import judge, together
from taxonomy_bridge.taxonomy import load_taxonomy

TAXONOMY = load_taxonomy("jade")


def decode(rows: pa.RecordBatch, origin: Origin) -> pa.RecordBatch:
    everything = np.ones((len(rows), len(TAXONOMY.categories)), bool)
    return together(
        judge(rows, TAXONOMY, prompt="问题", response="违规回答", slot="response_violating", verdict="unsafe", unjudged=everything, native=[]),
        judge(rows, TAXONOMY, prompt="问题", response="安全有用回答", slot="response_safe", verdict="safe", native=[]),
    )


SOURCE = Source(
    name="jade-alignment",
    title="JADE 3.0 alignment set",
    hub_id=None,
    github="whitzard-ai/jade-db",
    revision="812de63691d129757b8a55851d0c3440d2714523",
    files={"default": {split: (f"jade-db-v3.0/jade_alignment_{split}_zh.csv",) for split in ("medium", "hard")}},
    columns=pa.schema(required("问题", "违规回答", "安全有用回答")),
    licence=Licence("MIT", "LICENSE of the repository, which also holds the files of JADE", "2026-10-06", True, "https://github.com/whitzard-ai/jade-db"),
    citation=Citation("Zhang, Mi", "JADE: A Linguistics-based Safety Evaluation Platform for Large Language Models", 2023, "arXiv:2311.00286"),
    homepage="https://whitzard-ai.github.io/jadev3.html",
    taxonomies=("jade",),
    decode=decode,
    slots=("response_violating", "response_safe"),
    layout=Layout(encoding="gb18030"),
    language="zh",
    rows={"default/medium": 500, "default/hard": 150},
    lineage={"jade": "all its questions, from v1.0/zh and v2.0/medium"},
    quirks=(
        "The files are GB18030 and not UTF-8; of the two only the medium one was seen.",
        "Answers are judged by how they were made: the safe ones are a model's corrections of the violating ones.",
        "No category is named, so a violating answer says nothing about any of them.",
    ),
)
