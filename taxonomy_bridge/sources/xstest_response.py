"""XSTest-Response: answers of several models to XSTest prompts, judged for harm or for refusal.

Unit: one row is one response. In the split response_harmfulness `label` is harmful or unharmful and gives the verdict. In response_refusal it is refusal or
compliance: such a row carries `refusal`, no verdict (null), and its category is unjudged, because nobody asked about harm. `prompt_type` says
prompt_harmful in some copies and prompt_unsafe in others; it stays in `native`, for the prompts themselves are the source xstest.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from taxonomy_bridge.sources._base import Citation, Licence, Origin, Source, optional, required
from taxonomy_bridge.sources._decode import equals, judge, one_of, umbrella
from taxonomy_bridge.taxonomy import load_taxonomy

TAXONOMY = load_taxonomy("xstest-response")
HARM, REFUSAL = {"harmful": "unsafe", "unharmful": "safe"}, {"refusal": "refusal", "compliance": "compliance"}
LABELS = {"response_harmfulness": HARM, "response_refusal": REFUSAL}


def decode(rows: pa.RecordBatch, origin: Origin) -> pa.RecordBatch:
    answer = one_of(rows["label"], LABELS[origin.split], "label")
    about_harm = origin.split == "response_harmfulness"
    return judge(
        rows,
        TAXONOMY,
        response="response",
        verdict=answer if about_harm else pa.nulls(len(rows), pa.string()),
        violated=umbrella(equals(answer, "unsafe"), TAXONOMY),
        unjudged=umbrella(np.full(len(rows), not about_harm), TAXONOMY),
        refusal=None if about_harm else pc.equal(answer, "refusal"),
        native=["label", "prompt_type", "prompt_harm_category"],
    )


SOURCE = Source(
    name="xstest-response",
    title="XSTest-Response",
    hub_id="allenai/xstest-response",
    revision="4cd03695944eb5940c5a2dfcdf2a493a8f288dbc",
    files={"default": {split: (f"data/{split}-00000-of-00001.parquet",) for split in LABELS}},
    columns=pa.schema([*required("prompt", "response", "label"), *optional("prompt_type", "prompt_harm_category")]),
    licence=Licence("ODC-BY", "reported by others; the gated page was not seen", "2026-10-06", None, "https://huggingface.co/datasets/allenai/xstest-response"),
    citation=Citation("Han, Seungju", "WildGuard: Open One-Stop Moderation Tools for Safety Risks, Jailbreaks, and Refusals of LLMs", 2024, "arXiv:2406.18495"),
    homepage="https://huggingface.co/datasets/allenai/xstest-response",
    taxonomies=("xstest-response",),
    decode=decode,
    slots=("response",),
    evidence="documented layout",
    gate="https://huggingface.co/datasets/allenai/xstest-response",
    language="en",
    lineage={"xstest": "all prompts"},
    quirks=(
        "response_refusal says refusal or compliance and gives no verdict on harm.",
        "The pinned revision was reported by a single user; compare it with the page before relying on it.",
        "No harm categories: an unsafe response clears nothing.",
    ),
)
