"""Davidson et al.: tweets that hold words of a lexicon of hate, each hate speech, offensive but not hate speech, or neither.

Unit: one row is one tweet. `class` is what most annotators chose: 0 hate speech, 1 offensive language, 2 neither, which is safe. The columns hate_speech,
offensive_language and neither count them and become `votes`. A class that only a minority chose is unjudged.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from taxonomy_bridge.labels import join_votes
from taxonomy_bridge.sources._base import Citation, Licence, Origin, RowError, Source, required
from taxonomy_bridge.sources._decode import equals, judge, one_label, one_of, votes_column
from taxonomy_bridge.taxonomy import load_taxonomy

TAXONOMY = load_taxonomy("davidson-hate-offensive")
CLASSES = {0: "hate_speech", 1: "offensive_language", 2: "neither"}


def decode(rows: pa.RecordBatch, origin: Origin) -> pa.RecordBatch:
    chosen = one_of(rows["class"], CLASSES, "class")
    counts = np.stack([rows[name].to_numpy() for name in CLASSES.values()], axis=1)
    uncounted = counts.sum(axis=1) != rows["count"].to_numpy()
    if uncounted.any():
        raise RowError(pa.array(uncounted), "the counts of annotators do not add up")
    violated = one_label(chosen, TAXONOMY, ignore=["neither"])
    votes = join_votes(counts[:, :2].sum(axis=1), counts[:, 2], counts[:, :2])
    return judge(
        rows,
        TAXONOMY,
        prompt="tweet",
        verdict=pc.if_else(pa.array(equals(chosen, "neither")), "safe", "unsafe"),
        violated=violated,
        unjudged=(counts[:, :2] > 0) & ~violated,
        votes=votes_column(votes, list(TAXONOMY.by_slug)),
        native=["class", "count", *CLASSES.values()],
    )


SOURCE = Source(
    name="davidson-hate-offensive",
    title="Hate speech and offensive language (Davidson et al.)",
    hub_id=None,
    github="t-davidson/hate-speech-and-offensive-language",
    revision="cb50f7e9eb855a99abc51423bf40df0e26d6fe30",
    files={"default": {"train": ("data/labeled_data.csv",)}},
    columns=pa.schema([*required("tweet"), *required("class", "count", *CLASSES.values(), kind=pa.int64())]),
    licence=Licence("MIT", "LICENSE of the repository", "2026-10-06", True, "https://github.com/t-davidson/hate-speech-and-offensive-language"),
    citation=Citation("Davidson, Thomas", "Automated Hate Speech Detection and the Problem of Offensive Language", 2017, "arXiv:1703.04009"),
    homepage="https://github.com/t-davidson/hate-speech-and-offensive-language",
    taxonomies=("davidson-hate-offensive",),
    decode=decode,
    language="en",
    rows={"default/train": 24783},
    quirks=(
        "Offensive language is not hate speech here: the class says so, and clears hate speech where no annotator chose it.",
        "The class is that of most annotators, so a few tweets are neither although as many saw one of the two kinds of abuse.",
        "HTML entities and line breaks stand in the texts and are kept.",
        "Annotators tended to call sexist words offensive and not hate, as the authors found.",
        "Tweets were chosen by words of a lexicon of hate; most of them are offensive.",
    ),
)
