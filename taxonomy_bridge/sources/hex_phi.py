"""HEx-PHI: harmful instructions of ten categories, thirty each.

Unit: one row is one prompt; all are unsafe. The ten CSV files have no header row (a reader that expects one loses ten prompts), and the category is the
number in the file name. Category 2 was removed before distribution. There is no safe case and no missing label.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from taxonomy_bridge.errors import InputError
from taxonomy_bridge.sources._base import Citation, Layout, Licence, Origin, Source, required
from taxonomy_bridge.sources._decode import judge
from taxonomy_bridge.sources._read import ROW
from taxonomy_bridge.taxonomy import load_taxonomy

TAXONOMY = load_taxonomy("hex-phi")
SLUGS = list(TAXONOMY.by_slug)


def decode(rows: pa.RecordBatch, origin: Origin) -> pa.RecordBatch:
    name = Path(origin.file).stem
    if name not in TAXONOMY.by_native:
        raise InputError(f"{origin.file}: the category is read from the file name. Name the file as published, for example category_1.csv.")
    violated = np.zeros((len(rows), len(SLUGS)), bool)
    violated[:, SLUGS.index(TAXONOMY.by_native[name])] = True
    found = judge(rows, TAXONOMY, prompt="text", verdict="unsafe", violated=violated, native=[])
    return found.filter(pc.greater(found[ROW], 0)) if origin.config == "gspr-290" else found


SOURCE = Source(
    name="hex-phi",
    title="HEx-PHI",
    hub_id="LLM-Tuning-Safety/HEx-PHI",
    revision="83128b46334b80cc567bd7a2caf7af11c5b0bab7",
    files={config: {"train": tuple(f"category_{number}.csv" for number in (1, *range(3, 12)))} for config in ("default", "gspr-290")},
    columns=pa.schema(required("text")),
    licence=Licence(
        "LicenseRef-HEx-PHI",
        "own data use agreement on the data set page; lists that say MIT are wrong",
        "2026-10-06",
        None,
        "https://huggingface.co/datasets/LLM-Tuning-Safety/HEx-PHI",
    ),
    citation=Citation("Qi, Xiangyu", "Fine-tuning Aligned Language Models Compromises Safety, Even When Users Do Not Intend To!", 2023, "arXiv:2310.03693"),
    homepage="https://github.com/LLM-Tuning-Safety/LLMs-Finetuning-Safety",
    taxonomies=("hex-phi",),
    decode=decode,
    evidence="documented layout",
    gate="https://huggingface.co/datasets/LLM-Tuning-Safety/HEx-PHI",
    verdicts=frozenset({"unsafe"}),
    layout=Layout(header=False),
    language="en",
    lineage={"advbench": "part of the instructions", "anthropic-red-team": "part of the instructions"},
    quirks=(
        "All prompts are unsafe: there is no safe half.",
        "The category is the number in the file name; number 2 was withdrawn, so there are 300 prompts, not 330.",
        "The CSV files have no header row. GSPR took one anyway and lost the first prompt of each file: config gspr-290 repeats that.",
    ),
)
