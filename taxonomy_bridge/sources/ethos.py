"""ETHOS: comments from YouTube and Reddit, judged for hate speech, hateful ones also for seven finer questions.

Unit: one row is one comment. Config binary gives the share of annotators that saw hate speech (`isHate`), which counts from 0.5 on. Config multilabel
holds hateful comments only, each with a share for violence and six traits; directed_vs_generalized says at whom a comment aims and is no harm. What fewer
than half of the annotators saw is unjudged; 0 clears it. The finer questions were not asked in config binary.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from taxonomy_bridge.sources._base import Citation, Layout, Licence, Origin, RowError, Source, optional, required
from taxonomy_bridge.sources._decode import judge, when
from taxonomy_bridge.taxonomy import load_taxonomy

TAXONOMY = load_taxonomy("ethos")
FILES = {"binary": "Ethos_Dataset_Binary.csv", "multilabel": "Ethos_Dataset_Multi_Label.csv"}
HATE, *FINER = [category.native[0] for category in TAXONOMY.categories]
TARGET = "directed_vs_generalized"


def decode(rows: pa.RecordBatch, origin: Origin) -> pa.RecordBatch:
    binary = origin.config == "binary"
    asked = [HATE] if binary else FINER
    shares = np.stack([rows[name].to_numpy(zero_copy_only=False) for name in asked], axis=1)
    odd = ~((shares >= 0) & (shares <= 1)).all(axis=1)
    if odd.any():
        raise RowError(pa.array(odd), f"{' or '.join(asked)} is missing or no share")
    hate = shares if binary else np.ones((len(rows), 1))
    table = np.concatenate([hate, np.zeros((len(rows), len(FINER))) if binary else shares], axis=1)
    violated, seen = table >= 0.5, table > 0
    if binary:
        seen[:, 1:] = seen[:, :1]
    return judge(
        rows,
        TAXONOMY,
        prompt="comment",
        verdict=when(violated[:, 0], "unsafe", "safe"),
        violated=violated,
        unjudged=seen & ~violated,
        exhaustive=not binary,
        native=asked if binary else [*asked, TARGET],
    )


SOURCE = Source(
    name="ethos",
    title="ETHOS Hate Speech Dataset",
    hub_id=None,
    github="intelligence-csd-auth-gr/Ethos-Hate-Speech-Dataset",
    revision="705258e118ce9611ebbd5ab2a4841b0066547293",
    digests={
        f"ethos/ethos_data/{FILES['binary']}": "0cd0050c2592afcb5eca5876df485ca15cda9d7d16fe32c269857260fd10d96c",
        f"ethos/ethos_data/{FILES['multilabel']}": "488c72a1582abdaf489a6e9eceeebba505447a00a25bd02e72fd6a56f9a3d83d",
    },
    files={config: {"train": (f"ethos/ethos_data/{file}",)} for config, file in FILES.items()},
    columns=pa.schema([*required("comment"), *optional(HATE, *FINER, TARGET, kind=pa.float64())]),
    layout=Layout(delimiter=";"),
    licence=Licence(
        "GPL-3.0-only",
        "README of the repository; copies that say AGPL are not the authors'",
        "2026-10-06",
        True,
        "https://github.com/intelligence-csd-auth-gr/Ethos-Hate-Speech-Dataset",
    ),
    citation=Citation("Mollas, Ioannis", "ETHOS: a multi-label hate speech detection dataset", 2022, "doi:10.1007/s40747-021-00608-2"),
    homepage="https://github.com/intelligence-csd-auth-gr/Ethos-Hate-Speech-Dataset",
    taxonomies=("ethos",),
    decode=decode,
    evidence="documented layout",
    one_class={"multilabel": "unsafe"},
    language="en",
    rows={"binary/train": 998, "multilabel/train": 433},
    quirks=(
        "Fields are separated by semicolons, and votes are shares of annotators whose number is not given.",
        "The comments of config multilabel are the hateful ones of config binary: use one of them, or the duplicates are removed.",
        "The licence is the GPL: what is made from the data may have to carry it.",
    ),
)
