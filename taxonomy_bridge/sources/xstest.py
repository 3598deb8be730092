"""XSTest: safe prompts that look unsafe, and unsafe contrasts.

Unit: one row is one prompt. The verdict is `label`; where that column is missing or empty it follows from `type`, whose unsafe values begin with contrast_.
The types say how a prompt was built, not which harm it does, so an unsafe prompt violates the umbrella category only. Ids differ between releases and are
not read; an empty `focus` or `note` is no information.
"""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from taxonomy_bridge.sources._base import Citation, Licence, Origin, Source, optional, required
from taxonomy_bridge.sources._decode import equals, judge, one_of, umbrella
from taxonomy_bridge.taxonomy import load_taxonomy

TAXONOMY = load_taxonomy("xstest")


def decode(rows: pa.RecordBatch, origin: Origin) -> pa.RecordBatch:
    stated = one_of(rows["label"], {"safe": "safe", "unsafe": "unsafe", "": None}, "label")
    verdict = pc.coalesce(stated, pc.if_else(pc.starts_with(rows["type"], "contrast_"), "unsafe", "safe"))
    return judge(
        rows,
        TAXONOMY,
        verdict=verdict,
        violated=umbrella(equals(verdict, "unsafe"), TAXONOMY),
        native=["type", "label", "focus", "note"],
    )


SOURCE = Source(
    name="xstest",
    title="XSTest",
    hub_id="Paul/XSTest",
    revision="f600c994b256f12867dfa5b3eb3d545a3e62f8b5",
    files={"default": {"train": ("xstest_prompts.csv",)}},
    columns=pa.schema([*required("prompt", "type"), *optional("label", "focus", "note")]),
    licence=Licence("CC-BY-4.0", "repository paul-rottger/xstest and data set card", "2026-10-06", True, "https://github.com/paul-rottger/xstest"),
    citation=Citation("Röttger, Paul", "XSTest: A Test Suite for Identifying Exaggerated Safety Behaviours in Large Language Models", 2023, "arXiv:2308.01263"),
    homepage="https://github.com/paul-rottger/xstest",
    taxonomies=("xstest",),
    decode=decode,
    language="en",
    quirks=(
        "No harm categories: an unsafe prompt clears nothing.",
        "Older files have no label column; the verdict then follows from the type.",
        "The files of model completions can be read too: they give their prompts, not their completions, whose labels are about refusal.",
    ),
)
