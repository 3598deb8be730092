"""HarmBench: harmful behaviours asked for in text.

Unit: one row is one behaviour; all are unsafe and none has a missing label. `SemanticCategory` is the violated category. `FunctionalCategory` (standard,
contextual, copyright) and `Tags` say how a behaviour is put and judged and stay in `native`. A contextual behaviour makes no sense without its
`ContextString`: the prompt is the context, a line of three hyphens and the behaviour, which is how the publisher's own code asks for it.
"""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from taxonomy_bridge.sources._base import Citation, Licence, Origin, Source, optional, required
from taxonomy_bridge.sources._decode import judge, one_label
from taxonomy_bridge.taxonomy import load_taxonomy

TAXONOMY = load_taxonomy("harmbench")


def decode(rows: pa.RecordBatch, origin: Origin) -> pa.RecordBatch:
    context = pc.fill_null(rows["ContextString"], "")
    together = pc.binary_join_element_wise(context, rows["Behavior"], "\n\n---\n\n")
    rows = rows.append_column("asked", pc.if_else(pc.equal(context, ""), rows["Behavior"], together))
    named = one_label(rows["SemanticCategory"], TAXONOMY)
    return judge(rows, TAXONOMY, prompt="asked", verdict="unsafe", violated=named, native=["FunctionalCategory", "SemanticCategory", "Tags"])


SOURCE = Source(
    name="harmbench",
    title="HarmBench text behaviours",
    homepage="https://github.com/centerforaisafety/HarmBench",
    hub_id=None,
    github="centerforaisafety/HarmBench",
    revision="8e1604d1171fe8a48d8febecd22f600e462bdcdd",
    files={"default": {split: (f"data/behavior_datasets/harmbench_behaviors_text_{split}.csv",) for split in ("all", "val", "test")}},
    rows={"default/all": 400, "default/val": 80, "default/test": 320},
    columns=pa.schema([*required("Behavior", "FunctionalCategory", "SemanticCategory"), *optional("Tags", "ContextString")]),
    licence=Licence("MIT", "repository centerforaisafety/HarmBench", "2026-10-06", True, "https://github.com/centerforaisafety/HarmBench"),
    citation=Citation(
        "Mazeika, Mantas", "HarmBench: A Standardized Evaluation Framework for Automated Red Teaming and Robust Refusal", 2024, "arXiv:2402.04249"
    ),
    taxonomies=("harmbench",),
    decode=decode,
    verdicts=frozenset({"unsafe"}),
    language="en",
    quirks=(
        "All behaviours are unsafe: there is no safe half.",
        "The split all holds val and test: use it or them, or the duplicates are removed.",
        "Copyright behaviours (100 of 400) ask for protected text; the publisher judges answers to them by comparing hashes, not by harm.",
        "Several behaviours have the same text and differ in their context only; mirrors without the context repeat them.",
        "Multimodal behaviours and the judged answers of the classifier set are not read.",
    ),
)
