"""BeaverTails: prompt-response pairs with 14 non-exclusive harm categories.

Unit: one native row is one annotation of one response. The 30k splits hold one row per pair; the 330k splits one per annotator, so
the build joins them. `category` is a struct of 14 booleans whose names contain commas; all are always present, and none is null. Should a safe
response name a category, the verdict stands and the category is unjudged.
"""

from __future__ import annotations

import pyarrow as pa

from taxonomy_bridge.sources._base import Citation, Licence, Origin, Source, required
from taxonomy_bridge.sources._decode import bool_struct, bool_struct_type, judge, truth, when
from taxonomy_bridge.taxonomy import load_taxonomy

TAXONOMY = load_taxonomy("beavertails")


def decode(rows: pa.RecordBatch, origin: Origin) -> pa.RecordBatch:
    safe, named = truth(rows["is_safe"]), bool_struct(rows["category"], TAXONOMY)
    return judge(
        rows,
        TAXONOMY,
        verdict=when(safe, "safe", "unsafe"),
        response="response",
        violated=named & ~safe[:, None],
        unjudged=named & safe[:, None],
        native=["category", "is_safe"],
    )


SOURCE = Source(
    name="beavertails",
    title="BeaverTails",
    hub_id="PKU-Alignment/BeaverTails",
    revision="8401fe609d288129cc684a9b3be6a93e41cfe678",
    files={
        "default": {
            "330k_train": ("round0/330k/train.jsonl.xz",),
            "330k_test": ("round0/330k/test.jsonl.xz",),
            "30k_train": ("round0/30k/train.jsonl.gz",),
            "30k_test": ("round0/30k/test.jsonl.gz",),
        }
    },
    columns=pa.schema(
        [
            *required("prompt", "response"),
            *required("category", kind=bool_struct_type(TAXONOMY)),
            *required("is_safe", kind=pa.bool_()),
        ]
    ),
    licence=Licence(
        "CC-BY-NC-4.0",
        "data set card at the pinned revision; the code repository is MIT",
        "2026-10-06",
        False,
        "https://huggingface.co/datasets/PKU-Alignment/BeaverTails",
    ),
    citation=Citation("Ji, Jiaming", "BeaverTails: Towards Improved Safety Alignment of LLM via a Human-Preference Dataset", 2023, "arXiv:2307.04657"),
    homepage="https://huggingface.co/datasets/PKU-Alignment/BeaverTails",
    taxonomies=("beavertails",),
    decode=decode,
    slots=("response",),
    evidence="real rows",
    annotated=frozenset({"330k_train", "330k_test"}),
    language="en",
    quirks=(
        "The verdict is about the response in the context of its prompt; prompts alone are not judged.",
        "The 330k splits hold one row per annotator: the build joins them by majority, and a tie is borderline.",
        "Category names contain commas and are never split at them.",
    ),
)
