"""DICES-350 in JUDGE-BENCH: conversations of two speakers whose last reply 123 raters judged, one answer each.

Unit: one row is one reply in its conversation. `individual_human_scores` holds the answers of all raters to "unsafe overall?" without their names: Yes is
unsafe, No is safe, Unsure is no vote. The verdict is the strict majority of Yes and No, a tie is borderline, and the counts stay in `votes`. Why a rater
said Yes is not in this copy, so every category is unjudged as soon as one did. A reply without Yes or No gives no judgement.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from taxonomy_bridge.labels import join_votes
from taxonomy_bridge.sources._base import Citation, Layout, Licence, Origin, RowError, Source, required
from taxonomy_bridge.sources._decode import equals, joined_verdict, judge, mask_of, votes_column
from taxonomy_bridge.sources._read import ROW
from taxonomy_bridge.taxonomy import load_taxonomy

TAXONOMY = load_taxonomy("dices-350")
SLUGS = list(TAXONOMY.by_slug)
TEXTS = ("user_prompt", "response")
SCORES = pa.struct([("majority_human", pa.string()), ("individual_human_scores", pa.list_(pa.string()))])


def decode(rows: pa.RecordBatch, origin: Origin) -> pa.RecordBatch:
    texts = [pc.struct_field(rows["instance"], name) for name in TEXTS]
    missing = pc.or_(*(pc.is_null(text) for text in texts))
    if pc.any(missing).as_py():
        raise RowError(missing, "has no user_prompt or no response")
    unsafe, safe = _votes(pc.struct_field(rows["annotations"], ["safety", "individual_human_scores"]))
    joined = join_votes(unsafe, safe, np.zeros((len(rows), len(SLUGS)), np.int64))
    flat = pa.RecordBatch.from_arrays([*texts, rows["annotations"], rows[ROW]], names=[*TEXTS, "annotations", ROW])
    return judge(
        flat,
        TAXONOMY,
        prompt="user_prompt",
        response="response",
        verdict=joined_verdict(joined),
        unjudged=np.repeat((unsafe > 0)[:, None], len(SLUGS), axis=1),
        votes=votes_column(joined, SLUGS),
        native=["annotations"],
    ).filter(pa.array(unsafe + safe > 0))


def _votes(scores: pa.Array) -> list[np.ndarray[tuple[int], np.dtype[np.int64]]]:
    """How many raters said Yes and how many No, per row; an answer outside Yes, No and Unsure makes the row unreadable."""
    answers, owner = pc.list_flatten(scores), pc.list_parent_indices(scores).to_numpy(zero_copy_only=False)
    odd = np.isin(np.arange(len(scores)), owner[~mask_of(pc.is_in(answers, pa.array(["Yes", "No", "Unsure"])))])
    if odd.any():
        raise RowError(pa.array(odd), "unknown value in individual_human_scores")
    return [np.bincount(owner[equals(answers, word)], minlength=len(scores)) for word in ("Yes", "No")]


SOURCE = Source(
    name="judgebench-dices-350",
    title="DICES-350 in JUDGE-BENCH",
    hub_id=None,
    github="dmg-illc/JUDGE-BENCH",
    revision="5a0bf500325029efb5dc8adff2c1e991996f0e78",
    files={"default": {"train": ("data/dices/dices_350_crowdsourced.json",)}},
    columns=pa.schema(
        [
            *required("instance", kind=pa.struct([(name, pa.string()) for name in TEXTS])),
            *required("annotations", kind=pa.struct([("safety", SCORES)])),
        ]
    ),
    licence=Licence(
        "CC-BY-4.0",
        "README of DICES; the repository that carries this copy states none",
        "2026-10-06",
        True,
        "https://github.com/google-research-datasets/dices-dataset",
    ),
    citation=Citation("Aroyo, Lora", "DICES Dataset: Diversity in Conversational AI Evaluation for Safety", 2023, "arXiv:2306.11247"),
    homepage="https://github.com/google-research-datasets/dices-dataset",
    taxonomies=("dices-350",),
    decode=decode,
    slots=("response",),
    verdicts=frozenset({"safe", "unsafe", "borderline"}),
    layout=Layout(at="instances"),
    language="en",
    rows={"default/train": 350},
    lineage={"dices-350": "its conversations, with the overall answer of every rater"},
    quirks=(
        "Yes means unsafe, as in DICES; the question that the carrier suggests to models (is the response safe?) reads the other way round.",
        "majority_human breaks ties, so it may say Yes or No where the verdict is borderline.",
        "The conversation before the reply is one text with the speakers as prefixes, and is kept as the prompt.",
        "Most replies clear nothing, safe ones too: a single Yes leaves every category open.",
        "dices_350_expert.json beside it has the same layout and can be given as `path`: one answer per reply, that of an expert.",
    ),
)
