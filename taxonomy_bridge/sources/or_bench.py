"""OR-Bench: prompts that look unsafe and are not, with a small unsafe contrast set.

Unit: one row is one prompt. The verdict follows from the config, not from a column: or-bench-toxic is unsafe, or-bench-80k and or-bench-hard-1k are
safe. `category` is that of the toxic seed: a violation in or-bench-toxic, in the other two only a theme that says nothing about the prompt.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from taxonomy_bridge.sources._base import Citation, Licence, Origin, Source, required
from taxonomy_bridge.sources._decode import judge, one_label
from taxonomy_bridge.taxonomy import load_taxonomy

TAXONOMY = load_taxonomy("or-bench")
CONFIGS = {"or-bench-80k": "safe", "or-bench-hard-1k": "safe", "or-bench-toxic": "unsafe"}


def decode(rows: pa.RecordBatch, origin: Origin) -> pa.RecordBatch:
    verdict = CONFIGS[origin.config]
    seed = one_label(rows["category"], TAXONOMY)
    return judge(rows, TAXONOMY, verdict=verdict, violated=seed if verdict == "unsafe" else np.zeros_like(seed), native=["category"])


SOURCE = Source(
    name="or-bench",
    title="OR-Bench",
    hub_id="bench-llm/or-bench",
    revision="e36d8b80e81837c8a8f264bbb2a49f1b32c7e272",
    files={config: {"train": (f"{config}.csv",)} for config in CONFIGS},
    columns=pa.schema(required("prompt", "category")),
    licence=Licence("CC-BY-4.0", "data set card", "2026-10-06", True, "https://huggingface.co/datasets/bench-llm/or-bench"),
    citation=Citation("Cui, Justin", "OR-Bench: An Over-Refusal Benchmark for Large Language Models", 2024, "arXiv:2405.20947"),
    homepage="https://github.com/justincui03/or-bench",
    taxonomies=("or-bench",),
    decode=decode,
    one_class=CONFIGS,
    evidence="documented layout",
    language="en",
    quirks=(
        "The verdict comes from the config; on safe prompts the category is only the theme of the seed.",
        "or-bench-hard-1k is a part of or-bench-80k: use one of them, or the duplicates are removed.",
        "All prompts were written and checked by models.",
    ),
)
