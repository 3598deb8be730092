"""T2T synthetic safety bench: generated questions on three crimes and harms, with safe counterparts.

Unit: one row is one question. `class` is unsafe, or a value that contains safe; safe_unreleated_unsafe (spelt so) mixes both and gives no judgement.
An unsafe question has its category in `category`, or in `subcategory` where that column is missing or empty; on safe questions it is only a theme.
No real row was seen: layout and labels follow public code that reads the set.
"""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from taxonomy_bridge.sources._base import Citation, Licence, Origin, RowError, Source, optional, required
from taxonomy_bridge.sources._decode import by_rule, equals, judge, one_label, pick
from taxonomy_bridge.taxonomy import load_taxonomy

TAXONOMY = load_taxonomy("t2t")


def decode(rows: pa.RecordBatch, origin: Origin) -> pa.RecordBatch:
    verdict = by_rule(rows["class"], _verdict)
    unknown = pc.equal(verdict, "unknown")
    if pc.any(unknown).as_py():
        raise RowError(unknown, "class is neither safe nor unsafe")
    label = pc.if_else(pc.fill_null(pc.equal(rows["category"], ""), True), rows["subcategory"], rows["category"])
    named = one_label(pc.if_else(pc.equal(verdict, "unsafe"), label, ""), TAXONOMY)
    draft = judge(rows, TAXONOMY, prompt="question", verdict=verdict, violated=named, native=["class", "category", "subcategory"])
    return pick(draft, ~equals(rows["class"], "safe_unreleated_unsafe"))


def _verdict(label: str) -> str | None:
    if label == "safe_unreleated_unsafe":
        return None
    if label == "unsafe":
        return "unsafe"
    return "safe" if "safe" in label and "unsafe" not in label else "unknown"


SOURCE = Source(
    name="t2t",
    title="T2T synthetic safety bench",
    hub_id="fedric95/T2TSyntheticSafetyBench",
    revision=None,
    files={"default": {"train": ("data/train-00000-of-00001.parquet",)}},
    columns=pa.schema([*required("question", "class"), *optional("category", "subcategory")]),
    licence=Licence("unknown", "no licence was seen", "2026-10-06", None, "https://huggingface.co/datasets/fedric95/T2TSyntheticSafetyBench"),
    citation=Citation("{fedric95}", "T2TSyntheticSafetyBench", 2024, "https://huggingface.co/datasets/fedric95/T2TSyntheticSafetyBench"),
    homepage="https://huggingface.co/datasets/fedric95/T2TSyntheticSafetyBench",
    taxonomies=("t2t",),
    decode=decode,
    evidence="invented rows",
    language="en",
    quirks=(
        "Unverified: tested on invented rows only. The name of the file on the hub is a guess; a local file can be given as `path`.",
        "Rows of the class safe_unreleated_unsafe give no judgement.",
        "Written by models.",
    ),
)
