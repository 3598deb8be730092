"""Civil Comments: comments of a news platform, with the share of raters that saw toxicity and six finer labels.

Unit: one row is one comment. The labels are shares from 0 to 1, and there is no hard label: a comment is unsafe if `toxicity` is at least 0.5, the cut of
the publisher's challenge. A category is violated if its share is at least 0.5 on an unsafe comment; named by fewer raters, or on a
safe comment, it is unjudged; a share of 0 clears it.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from taxonomy_bridge.sources._base import Citation, Licence, Origin, RowError, Source, required
from taxonomy_bridge.sources._decode import judge, mask_of, when
from taxonomy_bridge.taxonomy import load_taxonomy

TAXONOMY = load_taxonomy("jigsaw-toxic-comments")
LABELS = tuple(category.native[0] for category in TAXONOMY.categories)
CUT = 0.5


def decode(rows: pa.RecordBatch, origin: Origin) -> pa.RecordBatch:
    odd = np.any([~mask_of(pc.and_(pc.greater_equal(rows[label], 0), pc.less_equal(rows[label], 1))) for label in LABELS], axis=0)
    if odd.any():
        raise RowError(pa.array(odd), "a share of raters is not between 0 and 1")
    shares = np.stack([rows[label].to_numpy() for label in LABELS], axis=1)
    unsafe = shares[:, LABELS.index("toxicity")] >= CUT
    violated = (shares >= CUT) & unsafe[:, None]
    return judge(
        rows,
        TAXONOMY,
        prompt="text",
        verdict=when(unsafe, "unsafe", "safe"),
        violated=violated,
        unjudged=(shares > 0) & ~violated,
        exhaustive=True,
        native=LABELS,
    )


SOURCE = Source(
    name="civil-comments",
    title="Civil Comments",
    hub_id="google/civil_comments",
    revision="f2970eb3a55777454c94069077cc8d9b5866312d",
    former=("civil_comments",),
    digests={"data/train-00000-of-00002.parquet": "c20f01c3aecbdd942886cacb0ee67e995df33bc712a622fde75927ed3d6ccefe"},
    files={
        "default": {
            "train": tuple(f"data/train-0000{part}-of-00002.parquet" for part in (0, 1)),
            **{split: (f"data/{split}-00000-of-00001.parquet",) for split in ("validation", "test")},
        }
    },
    columns=pa.schema([*required("text"), *required(*LABELS, kind=pa.float64())]),
    licence=Licence("CC0-1.0", "data set card", "2026-10-06", True, "https://huggingface.co/datasets/google/civil_comments"),
    citation=Citation("Borkan, Daniel", "Nuanced Metrics for Measuring Unintended Bias with Real Data for Text Classification", 2019, "arXiv:1903.04561"),
    homepage="https://huggingface.co/datasets/google/civil_comments",
    taxonomies=("jigsaw-toxic-comments",),
    decode=decode,
    evidence="documented layout",
    language="en",
    rows={"default/train": 1804874, "default/validation": 97320, "default/test": 97320},
    quirks=(
        "Shares of raters and no hard label: unsafe if at least half of them saw toxicity, also where they are evenly split.",
        "A label that fewer than half of the raters gave, or that stands on a safe comment, is neither violated nor cleared.",
        "Columns that mark the mention of an identity exist only in the files of the challenge of 2019, not in this copy.",
        "About one comment in twelve is unsafe.",
    ),
)
