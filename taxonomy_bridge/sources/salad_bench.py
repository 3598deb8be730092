"""SALAD-Bench: harmful questions in 66 categories of three levels, with attacked, defended and multiple-choice variants.

Unit: one row is one question, and the column that holds its text depends on the config. The label is `3-category`; `1-category` and `2-category` are the
groups above it, and a row whose levels contradict each other is refused. All questions are harmful. Multiple-choice questions ask which answers are
safe: they carry no verdict (null), and their category is an open question.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from taxonomy_bridge.labels import close_upwards
from taxonomy_bridge.sources._base import Citation, Licence, Origin, RowError, Source, optional, required
from taxonomy_bridge.sources._decode import judge, one_label, when
from taxonomy_bridge.taxonomy import load_taxonomy

TAXONOMY = load_taxonomy("salad-bench")
SLUGS = list(TAXONOMY.by_slug)
CLOSED = np.array([[other in close_upwards(frozenset({slug}), TAXONOMY) for other in SLUGS] for slug in SLUGS])
LEVELS = ("1-category", "2-category", "3-category")
# config -> column of the text, further label columns, records
CONFIGS = {
    "base_set": ("question", ("source",), 21318),
    "attack_enhanced_set": ("augq", ("method",), 5000),
    "defense_enhanced_set": ("daugq", ("dmethod",), 200),
    "mcq_set": ("mcq", ("gt",), 3840),
}


def decode(rows: pa.RecordBatch, origin: Origin) -> pa.RecordBatch:
    text, further, _ = CONFIGS[origin.config]
    if rows[text].null_count:
        raise RowError(pc.is_null(rows[text]), f"has no {text}")
    first, second, category = (one_label(rows[level], TAXONOMY) for level in LEVELS)
    astray = ((category @ CLOSED) != (first | second | category)).any(axis=1)
    if astray.any():
        raise RowError(pa.array(astray), "the three categories are not one path")
    harmful = np.full(len(rows), origin.config != "mcq_set")
    return judge(
        rows, TAXONOMY, prompt=text, verdict=when(harmful, "unsafe", None), violated=category & harmful[:, None], unjudged=category & ~harmful[:, None],
        adversarial=origin.config == "attack_enhanced_set", native=[*LEVELS, *further],
    )  # fmt: skip


SOURCE = Source(
    name="salad-bench",
    title="SALAD-Bench",
    hub_id="OpenSafetyLab/Salad-Data",
    revision="70a1ddce6be3f0239b2fe7c70d0d96cb3be1fcad",
    files={config: {"train": (f"{config}.json",)} for config in CONFIGS},
    columns=pa.schema([*required(*LEVELS), *optional(*(name for text, further, _ in CONFIGS.values() for name in (text, *further)))]),
    licence=Licence("Apache-2.0", "data set card", "2026-10-06", True, "https://huggingface.co/datasets/OpenSafetyLab/Salad-Data"),
    citation=Citation("Li, Lijun", "SALAD-Bench: A Hierarchical and Comprehensive Safety Benchmark for Large Language Models", 2024, "arXiv:2402.05044"),
    homepage="https://github.com/OpenSafetyLab/SALAD-BENCH",
    taxonomies=("salad-bench",),
    decode=decode,
    verdicts=frozenset({"unsafe"}),
    evidence="documented layout",
    language="en",
    rows={f"{config}/train": count for config, (_, _, count) in CONFIGS.items()},
    lineage={
        "hh-rlhf-harmless": "4,184 of its questions",
        "anthropic-red-team": "659 of its questions",
        "advbench": "359 of its questions",
        "multijail": "230 of its questions, which it calls Multilingual",
        "do-not-answer": "189 of its questions",
        "toxicchat": "129 of its questions",
        "forbidden-questions": "93 of its questions",
        "gptfuzzer": "42 of its questions",
    },
    quirks=(
        "The O numbers restart at every level: a string is read whole, never by its number.",
        "A classifier filed the questions, one category each; other categories were not looked at.",
        "The attacked, defended and multiple-choice sets repeat questions of the base set: use one of them, or the categories count twice.",
        "mcq_set asks which answers are safe: no verdict, the category is a theme. It was uploaded anew once, so the revision matters.",
    ),
)
