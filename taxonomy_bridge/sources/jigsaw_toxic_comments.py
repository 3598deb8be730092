"""Jigsaw Toxic Comment Classification Challenge (2018): comments of Wikipedia talk pages with six labels.

Unit: one row is one comment. Each label is 0 or 1, and a comment is unsafe if any is 1. In the labels of the test set -1 stands for comments that were not
scored: not judged, never negative; a comment without any scored label gives no judgement. sexual_explicit, a label of 2019, was never asked here and is
unjudged on every row.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from taxonomy_bridge.sources._base import Citation, Licence, Origin, Source, required
from taxonomy_bridge.sources._decode import flags, judge, pick
from taxonomy_bridge.taxonomy import load_taxonomy

TAXONOMY = load_taxonomy("jigsaw-toxic-comments")
SLUGS = list(TAXONOMY.by_slug)
COLUMNS = {
    "toxic": "toxicity", "severe_toxic": "severe_toxicity", "obscene": "obscene", "threat": "threat", "insult": "insult", "identity_hate": "identity_attack",
}  # fmt: skip
ASKED = [SLUGS.index(slug) for slug in COLUMNS.values()]


def decode(rows: pa.RecordBatch, origin: Origin) -> pa.RecordBatch:
    scored = [pc.if_else(pc.equal(rows[name], -1), None, rows[name]) for name in COLUMNS]
    violated, unjudged = flags(pa.RecordBatch.from_arrays(scored, names=list(COLUMNS)), COLUMNS, TAXONOMY)
    asked = ~np.asarray(unjudged[:, ASKED].all(axis=1))
    codes = np.select([violated.any(axis=1), ~unjudged.any(axis=1)], [1, 0], 2)
    unjudged[:, SLUGS.index("sexual_explicit")] = True
    verdict = pa.array(["safe", "unsafe", None], pa.string()).take(pa.array(codes))
    draft = judge(rows, TAXONOMY, prompt="comment_text", verdict=verdict, violated=violated, unjudged=unjudged, exhaustive=True, native=list(COLUMNS))
    return pick(draft, asked)


SOURCE = Source(
    name="jigsaw-toxic-comments",
    title="Jigsaw Toxic Comment Classification Challenge",
    hub_id="thesofakillers/jigsaw-toxic-comment-classification-challenge",
    revision=None,
    files={"default": {"train": ("train.csv",), "test": ("test_labelled.csv",)}},
    columns=pa.schema([*required("comment_text"), *required(*COLUMNS, kind=pa.int64())]),
    licence=Licence(
        "CC0-1.0",
        "rules of the challenge as quoted by its copies; the comments themselves are under CC BY-SA 3.0 (Wikipedia)",
        "2026-10-06",
        True,
        "https://huggingface.co/datasets/google/jigsaw_toxicity_pred",
    ),
    citation=Citation(
        "{Jigsaw and Conversation AI}",
        "Toxic Comment Classification Challenge",
        2018,
        "https://www.kaggle.com/c/jigsaw-toxic-comment-classification-challenge",
    ),
    homepage="https://www.kaggle.com/c/jigsaw-toxic-comment-classification-challenge",
    taxonomies=("jigsaw-toxic-comments",),
    decode=decode,
    language="en",
    rows={"default/train": 159571},
    quirks=(
        "No revision is pinned: the publisher's place needs a login, and the copy on the hub is by somebody else. Give the downloaded files as `path`.",
        "The test set is published as texts (test.csv) and labels (test_labels.csv): join them by id and save them as test_labelled.csv.",
        "-1 in the labels of the test set means not scored; most rows there give no judgement.",
        "A comment may be obscene or insulting without being called toxic; it is unsafe all the same.",
        "The labels are those of 2018; civil-comments has the names of 2019 and asks for sexual_explicit as well.",
    ),
)
