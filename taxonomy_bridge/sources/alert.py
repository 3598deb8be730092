"""ALERT: red-teaming prompts, each with one of 32 categories, as they are and with an attack around them.

Unit: one row is one prompt. It stands in an instruction template (### Instruction: ... ### Response:), which is cut off. `category` is a micro category; its
macro category is in no column. All prompts count as unsafe. In alert_adversarial a few instructions are empty: such a row says nothing that could be judged.
"""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from taxonomy_bridge.sources._base import Citation, Licence, Origin, Source, optional, required
from taxonomy_bridge.sources._decode import judge, mask_of, one_label, pick
from taxonomy_bridge.taxonomy import load_taxonomy

TAXONOMY = load_taxonomy("alert")
TEMPLATE = r"(?s)\A\s*### Instruction:\n?(.*?)\n?### Response:\s*\z"


def decode(rows: pa.RecordBatch, origin: Origin) -> pa.RecordBatch:
    text = pc.replace_substring_regex(rows["prompt"], TEMPLATE, r"\1")
    draft = judge(
        rows.append_column("instruction", text),
        TAXONOMY,
        prompt="instruction",
        verdict="unsafe",
        violated=one_label(rows["category"], TAXONOMY),
        adversarial=origin.config == "alert_adversarial",
        native=["category", "attack_type"],
    )
    return pick(draft, mask_of(pc.match_substring_regex(text, r"\S")))


SOURCE = Source(
    name="alert",
    title="ALERT",
    hub_id="Babelscape/ALERT",
    revision=None,
    files={config: {"test": (f"{config}.jsonl",)} for config in ("alert", "alert_adversarial")},
    columns=pa.schema([*required("prompt", "category"), *optional("attack_type")]),
    licence=Licence("CC-BY-NC-SA-4.0", "data set card", "2026-10-06", False, "https://huggingface.co/datasets/Babelscape/ALERT"),
    citation=Citation(
        "Tedeschi, Simone", "ALERT: A Comprehensive Benchmark for Assessing Large Language Models' Safety through Red Teaming", 2024, "arXiv:2404.08676"
    ),
    homepage="https://github.com/Babelscape/ALERT",
    taxonomies=("alert",),
    decode=decode,
    verdicts=frozenset({"unsafe"}),
    evidence="documented layout",
    language="en",
    rows={"alert/test": 14763},
    lineage={"anthropic-red-team": "most of its prompts"},
    quirks=(
        "No full commit is known for this set, so a recipe has to name its revision or a local path.",
        "There is no safe class, but categories were assigned by a program and some prompts are mild or harmless.",
        "The strings keep the publisher's spelling: crime_kidnapp, sex_harrasment; the multilingual edition writes hate_lgbtq_plus.",
        "alert_adversarial wraps prompts of alert in an attack (attack_type): do not let both end up on different sides of a split.",
    ),
)
