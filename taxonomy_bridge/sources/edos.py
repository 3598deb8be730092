"""EDOS: posts from Reddit and Gab, each sexist or not, sexist ones with one of four categories and one of eleven vectors.

Unit: one row is one post, with the labels that annotators and experts agreed on. Strings begin with the number of the category. The value none goes with
not sexist. All splits lie in one file: rows of another split than the one asked for give no judgement.
"""

from __future__ import annotations

import pyarrow as pa

from taxonomy_bridge.sources._base import Citation, Licence, Origin, Source, required
from taxonomy_bridge.sources._decode import equals, judge, one_label, one_of, pick
from taxonomy_bridge.taxonomy import load_taxonomy

TAXONOMY = load_taxonomy("edos")
LABELS = ("label_sexist", "label_category", "label_vector")
SPLITS = ("train", "dev", "test")


def decode(rows: pa.RecordBatch, origin: Origin) -> pa.RecordBatch:
    verdict = one_of(rows["label_sexist"], {"sexist": "unsafe", "not sexist": "safe"}, "label_sexist")
    sexist, category, vector = (one_label(rows[name], TAXONOMY, ignore=["none", "not sexist"]) for name in LABELS)
    violated = (sexist | category | vector) & equals(verdict, "unsafe")[:, None]
    draft = judge(rows, TAXONOMY, prompt="text", verdict=verdict, violated=violated, native=[*LABELS, "split"])
    return pick(draft, equals(one_of(rows["split"], {split: split for split in SPLITS}, "split"), origin.split))


SOURCE = Source(
    name="edos",
    title="EDOS, Explainable Detection of Online Sexism",
    hub_id=None,
    github="rewire-online/edos",
    revision="b1f1fbcca9d42de0395432ada8fcfb5c35f68c77",
    digests={"data/edos_labelled_aggregated.csv": "607bdbb766e1803a28f0eb8fc21c14b6b9dfa20039f726ba6767438584b47f9b"},
    files={"default": dict.fromkeys(SPLITS, ("data/edos_labelled_aggregated.csv",))},
    columns=pa.schema(required("text", "split", *LABELS)),
    licence=Licence("CC0-1.0", "LICENSE of the repository", "2026-10-06", True, "https://github.com/rewire-online/edos"),
    citation=Citation("Kirk, Hannah Rose", "SemEval-2023 Task 10: Explainable Detection of Online Sexism", 2023, "arXiv:2303.04222"),
    homepage="https://github.com/rewire-online/edos",
    taxonomies=("edos",),
    decode=decode,
    evidence="documented layout",
    language="en",
    rows={"default/train": 14000, "default/dev": 2000, "default/test": 4000},
    quirks=(
        "One file holds all splits: read one split at a time; rows of the others are counted as rows without a judgement.",
        "Some labels hold commas (1. threats, plans to harm and incitement) and are one label all the same.",
        "Names and links are replaced by [USER] and [URL], which stay in the texts.",
        "The file of single annotators (edos_labelled_individual_annotations.csv) is not read.",
    ),
)
