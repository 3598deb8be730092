"""Aegis 1.0: dialogues, each labelled by three to five annotators with twelve risks, Other, Needs Caution or Safe.

Unit: one row is one dialogue as a single text (`text`), judged as a whole. Columns labels_0 to labels_4 hold one annotator each, several names
joined by a comma; null means that the annotator slot is unused. There is no gold label. An annotator who names a risk votes unsafe, one who
says only Safe votes safe; Needs Caution alone, or names together with Safe, is neither and shows in `votes` as a vote for Needs Caution.
Unsafe and safe need a strict majority of all votes; without one (also when most say Needs Caution) the verdict is borderline.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from taxonomy_bridge.labels import join_votes
from taxonomy_bridge.sources._base import Citation, Licence, Origin, Source, optional, required
from taxonomy_bridge.sources._decode import delimited, joined_verdict, judge, mask_of, votes_column
from taxonomy_bridge.taxonomy import load_taxonomy

TAXONOMY = load_taxonomy("aegis-1.0")
SLUGS = list(TAXONOMY.by_slug)
CAUTION = SLUGS.index("needs_caution")
ANNOTATORS = tuple(f"labels_{number}" for number in range(5))


def decode(rows: pa.RecordBatch, origin: Origin) -> pa.RecordBatch:
    unsafe, safe, grey = (np.zeros(len(rows), np.int64) for _ in range(3))
    ticks = np.zeros((len(rows), len(SLUGS)), np.int64)
    for column in ANNOTATORS:
        names = delimited(rows[column], TAXONOMY, ignore=["Safe"])
        says_safe = mask_of(pc.match_substring_regex(rows[column], r"(?i)(^|,)\s*safe\s*(,|$)"))
        is_unsafe = np.delete(names, CAUTION, axis=1).any(axis=1) & ~says_safe
        unsafe, safe, grey = unsafe + is_unsafe, safe + (says_safe & ~names.any(axis=1)), grey + (names.any(axis=1) & ~is_unsafe)
        ticks += names & is_unsafe[:, None]
    joined = join_votes(unsafe, safe, ticks)
    cast = unsafe + safe + grey
    verdict = np.select([cast == 0, 2 * unsafe > cast, 2 * safe > cast], [-1, 1, 0], 2).astype(np.int8)
    violated = joined.violated & (verdict == 1)[:, None]
    disputed = (ticks > 0) & ~violated
    disputed[:, CAUTION] |= (grey > 0) & ~violated[:, CAUTION]
    joined.votes_for[:, CAUTION] += grey.astype(np.int16)
    joined = joined._replace(verdict=verdict, violated=violated, unjudged=disputed)
    return judge(
        rows,
        TAXONOMY,
        judged="dialogue",
        prompt="text",
        verdict=joined_verdict(joined),
        violated=violated,
        unjudged=disputed,
        votes=votes_column(joined, SLUGS),
        native=["text_type", "num_annotations", *ANNOTATORS],
    ).filter(pa.array(cast > 0))


SOURCE = Source(
    name="aegis-1",
    title="Aegis AI Content Safety Dataset 1.0 (Nemotron V1)",
    hub_id="nvidia/Aegis-AI-Content-Safety-Dataset-1.0",
    revision="bd96d862068e47630197de64eb91f8d1481ff3e0",
    files={"default": {split: (f"Content Moderation Extracted Annotations 02.08.24_{split}_release_0418_v1.parquet",) for split in ("train", "test")}},
    columns=pa.schema([*required("text"), *optional("text_type", *ANNOTATORS), *optional("num_annotations", kind=pa.int64())]),
    licence=Licence("CC-BY-4.0", "data set card", "2026-10-06", True, "https://huggingface.co/datasets/nvidia/Aegis-AI-Content-Safety-Dataset-1.0"),
    citation=Citation("Ghosh, Shaona", "AEGIS: Online Adaptive AI Content Safety Moderation with Ensemble of LLM Experts", 2024, "arXiv:2404.05993"),
    homepage="https://huggingface.co/datasets/nvidia/Aegis-AI-Content-Safety-Dataset-1.0",
    taxonomies=("aegis-1.0",),
    decode=decode,
    slots=("dialogue",),
    evidence="documented layout",
    verdicts=frozenset({"safe", "unsafe", "borderline"}),
    language="en",
    lineage={"hh-rlhf-harmless": "prompts"},
    quirks=(
        "No gold label: verdicts come from a strict majority of all annotators; without one a dialogue is borderline.",
        "Needs Caution alone counts neither as safe nor as unsafe.",
        "A category is violated only if most of the unsafe votes name it; otherwise it is unjudged.",
    ),
)
