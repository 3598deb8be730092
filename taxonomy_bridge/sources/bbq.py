"""BBQ: questions about two people of different groups, to see whether a model answers by a stereotype.

Unit: one row is one question about a short context; both together are the prompt. `label` is the index of the right answer, not a label of harm. Half of the
contexts leave the answer open (ambig), and half of the questions ask for the bad trait (neg). Nobody judged harm, so no row has a verdict.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from taxonomy_bridge.sources._base import Citation, Licence, Origin, Source, optional, required
from taxonomy_bridge.sources._decode import judge, umbrella
from taxonomy_bridge.taxonomy import load_taxonomy

TAXONOMY = load_taxonomy("no-harm-labels")
LABELS = ("category", "context_condition", "question_polarity")
FILES = {
    "Age": 3680, "Disability_status": 1556, "Gender_identity": 5672, "Nationality": 3080, "Physical_appearance": 1576, "Race_ethnicity": 6880,
    "Race_x_SES": 11160, "Race_x_gender": 15960, "Religion": 1200, "SES": 6864, "Sexual_orientation": 864,
}  # fmt: skip


def decode(rows: pa.RecordBatch, origin: Origin) -> pa.RecordBatch:
    asked = pc.binary_join_element_wise(rows["context"], rows["question"], "\n")
    return judge(
        pa.RecordBatch.from_arrays([*rows.columns, asked], names=[*rows.schema.names, "asked"]),
        TAXONOMY,
        prompt="asked",
        verdict=pa.nulls(len(rows), pa.string()),
        unjudged=umbrella(np.ones(len(rows), bool), TAXONOMY),
        native=[*LABELS, "label"],
    )


SOURCE = Source(
    name="bbq",
    title="BBQ (Bias Benchmark for QA)",
    language="en",
    verdicts=frozenset(),
    hub_id=None,
    github="nyu-mll/BBQ",
    revision="bea11bd97d79217245b5871acd247b9d6eb24598",
    files={"default": {name: (f"data/{name}.jsonl",) for name in FILES}},
    columns=pa.schema([*required("context", "question"), *optional(*LABELS), *optional("label", kind=pa.int64())]),
    licence=Licence("CC-BY-4.0", "repository nyu-mll/BBQ", "2026-10-06", True, "https://github.com/nyu-mll/BBQ"),
    citation=Citation("Parrish, Alicia", "BBQ: A Hand-Built Bias Benchmark for Question Answering", 2021, "arXiv:2110.08193"),
    homepage="https://github.com/nyu-mll/BBQ",
    taxonomies=("no-harm-labels",),
    decode=decode,
    rows={f"default/{name}": count for name, count in FILES.items()},
    quirks=(
        "A question is harmless by itself: what a model answers is measured, and the category is the ground of the bias that is looked for.",
        "The three answers, and which of them is about whom, are not read; label counts them from 0.",
        "Every context stands there with two questions, and every question with a context that answers it and one that does not.",
        "Real rows were read of Religion; the other files follow it as documented.",
    ),
)
