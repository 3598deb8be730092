"""GuardSet-X (first called Poly-Guard): texts generated for and against the published rules of organisations, domains education and hr.

Unit: one row is one text (`instance`); it counts as a prompt. The verdict is in the name of the split (Google_safe, Google_unsafe); safe is part of
unsafe and so is tested second. Safe texts are rewritten unsafe ones and keep their `category`, which is then only a theme. Each organisation has a taxonomy of
its own. Null rules stay null.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from taxonomy_bridge.sources._base import Citation, Licence, Origin, Source, optional, required
from taxonomy_bridge.sources._decode import judge, one_label
from taxonomy_bridge.taxonomy import load_taxonomy

ORGANISATIONS = {
    "education": ("COLLEGE_BOARD_AP", "AI_FOR_EDUCATION"),
    "hr": ("Google", "Microsoft", "Amazon", "Apple", "Meta", "NVIDIA", "IBM", "Intel", "Adobe", "ByteDance"),
}
TAXONOMIES = {name: f"guardset-x-{name.lower().replace('_', '-')}" for names in ORGANISATIONS.values() for name in names}


def decode(rows: pa.RecordBatch, origin: Origin) -> pa.RecordBatch:
    verdict = "unsafe" if "unsafe" in origin.split else "safe"
    taxonomy = load_taxonomy(TAXONOMIES[origin.split.removesuffix(f"_{verdict}")])
    theme = one_label(rows["category"], taxonomy)
    violated = theme if verdict == "unsafe" else np.zeros_like(theme)
    return judge(rows, taxonomy, prompt="instance", verdict=verdict, violated=violated, native=["category", "rule"])


SOURCE = Source(
    name="guardset-x",
    title="GuardSet-X (AI-Secure PolyGuard): education and human resources",
    hub_id="AI-Secure/PolyGuard",
    revision=None,
    files={
        config: {f"{name}_{label}": (f"{config}/results/{name}/data_{label}.jsonl",) for name in names for label in ("safe", "unsafe")}
        for config, names in ORGANISATIONS.items()
    },
    columns=pa.schema([*required("instance", "category"), *optional("rule")]),
    licence=Licence("unknown", "neither the repository nor the data set page showed a licence", "2026-10-06", None, "https://github.com/AI-secure/PolyGuard"),
    citation=Citation("Kang, Mintong", "GuardSet-X: Massive Multi-Domain Safety Policy-Grounded Guardrail Dataset", 2025, "arXiv:2506.19054"),
    homepage="https://github.com/AI-secure/PolyGuard",
    taxonomies=tuple(TAXONOMIES.values()),
    decode=decode,
    one_class={f"{name}_{label}": label for name in TAXONOMIES for label in ("safe", "unsafe")},
    evidence="documented layout",
    language="en",
    quirks=(
        "No revision of the hub copy is known. Clone github.com/AI-secure/PolyGuard at d532ba1db6616d16d96e416166802d5b1d87357c and give `path`.",
        "The verdict comes from the split name; the category of a safe row is only its theme.",
        "Written by models; safe texts are minimal rewrites of the unsafe ones.",
        "Not the multilingual PolyGuard of ToxicityPrompts.",
    ),
)
