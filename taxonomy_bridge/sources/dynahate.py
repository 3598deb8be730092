"""DynaHate: texts written by annotators over four rounds to mislead a classifier of hate, and small changes of them.

Unit: one row is one text. The label is hate or nothate; a hateful text has one of five types, or notgiven in the first round, which leaves the type open. The
type none goes with nothate. All splits lie in one file: rows of another split than the one asked for give no judgement.
"""

from __future__ import annotations

import pyarrow as pa

from taxonomy_bridge.sources._base import Citation, Licence, Origin, Source, optional, required
from taxonomy_bridge.sources._decode import equals, judge, one_label, one_of, pick
from taxonomy_bridge.taxonomy import load_taxonomy

TAXONOMY = load_taxonomy("dynahate")
HATE = list(TAXONOMY.by_slug).index("hate")
SPLITS = ("train", "dev", "test")


def decode(rows: pa.RecordBatch, origin: Origin) -> pa.RecordBatch:
    here = equals(one_of(rows["split"], {split: split for split in SPLITS}, "split"), origin.split)
    verdict = one_of(rows["label"], {"hate": "unsafe", "nothate": "safe"}, "label")
    violated = one_label(rows["type"], TAXONOMY, ignore=["none"])
    violated[:, HATE] = True
    violated &= equals(verdict, "unsafe")[:, None]
    return pick(judge(rows, TAXONOMY, prompt="text", verdict=verdict, violated=violated, native=["label", "type", "target", "level", "split", "round"]), here)


SOURCE = Source(
    name="dynahate",
    title="Dynamically Generated Hate Speech Dataset",
    hub_id=None,
    github="bvidgen/Dynamically-Generated-Hate-Speech-Dataset",
    revision="dcc7603e13172221a964eaf3f93d9d5460dc4e08",
    files={"default": dict.fromkeys(SPLITS, ("Dynamically Generated Hate Dataset v0.2.3.csv",))},
    columns=pa.schema([*required("text", "label", "type", "split"), *optional("target", "level", "round")]),
    licence=Licence(
        "unknown",
        "the repository states none; others say CC BY 4.0 or Apache 2.0",
        "2026-10-06",
        None,
        "https://github.com/bvidgen/Dynamically-Generated-Hate-Speech-Dataset",
    ),
    citation=Citation("Vidgen, Bertie", "Learning from the Worst: Dynamically Generated Datasets to Improve Online Hate Detection", 2021, "arXiv:2012.15761"),
    homepage="https://github.com/bvidgen/Dynamically-Generated-Hate-Speech-Dataset",
    taxonomies=("dynahate",),
    decode=decode,
    evidence="documented layout",
    language="en",
    quirks=(
        "One file holds all splits: read one split at a time; rows of the others are counted as rows without a judgement.",
        "Rows of the first round have no type: they violate hate and nothing finer.",
        "The targets are groups, several of them joined by a comma, and are no label.",
        "The table of targets (2020-12-31-...-targets-v0.1.csv) has neither text nor label and cannot be read as judgements.",
        "The pinned revision is that of a benchmark; none of its rows was seen here.",
    ),
)
