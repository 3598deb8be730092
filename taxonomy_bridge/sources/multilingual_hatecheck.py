"""Multilingual HateCheck: functional tests for hate speech in ten languages, made after HateCheck.

Unit: one row is one test case of a functionality, with one config for each language. The verdict is `label_gold`, which the authors of a case gave it and
which all cases of a functionality share. `label_annotated` holds the labels of three annotators as the text of a Python list: they become `votes`, and
where most of them disagree with the gold label it stays gold. Functionalities that end in _h are hateful, those in _nh name nothing.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from taxonomy_bridge.labels import join_votes
from taxonomy_bridge.sources._base import Citation, Licence, Origin, RowError, Source, optional, required
from taxonomy_bridge.sources._decode import by_rule, equals, judge, one_label, one_of, votes_column
from taxonomy_bridge.taxonomy import load_taxonomy

TAXONOMY = load_taxonomy("hatecheck")
LANGUAGES = {
    "arabic": "ar", "dutch": "nl", "french": "fr", "german": "de", "hindi": "hi", "italian": "it", "mandarin": "zh", "polish": "pl", "portuguese": "pt",
    "spanish": "es",
}  # fmt: skip


def decode(rows: pa.RecordBatch, origin: Origin) -> pa.RecordBatch:
    verdict = one_of(rows["label_gold"], {"hateful": "unsafe", "non-hateful": "safe"}, "label_gold")
    kind = by_rule(rows["functionality"], _kind)
    if kind.null_count:
        raise RowError(pc.is_null(kind), "functionality ends neither in _h nor in _nh")
    hateful, other = (pc.count_substring(rows["label_annotated"], f"'{label}'").to_numpy() for label in ("hateful", "non-hateful"))
    joined = join_votes(hateful.astype(np.int64), other.astype(np.int64), np.zeros((len(rows), len(TAXONOMY.by_slug)), np.int64))
    return judge(
        rows,
        TAXONOMY,
        prompt="test_case",
        verdict=verdict,
        violated=one_label(kind, TAXONOMY) & equals(verdict, "unsafe")[:, None],
        votes=votes_column(joined, list(TAXONOMY.by_slug)),
        language=LANGUAGES[origin.config],
        native=["functionality", "label_gold", "target_ident", "label_annotated", "label_annotated_maj", "disagreement_in_case"],
    )


def _kind(functionality: str) -> str | None:
    """The category of a functionality: its own, hateful in general, none (empty) or unknown (None)."""
    if functionality in TAXONOMY.by_native:
        return functionality
    return "hateful" if functionality.endswith("_h") else "" if functionality.endswith("_nh") else None


SOURCE = Source(
    name="multilingual-hatecheck",
    title="Multilingual HateCheck",
    hub_id=None,
    github="rewire-online/multilingual-hatecheck",
    revision="a03f2caf2023a402d85064bda243e46d280408f0",
    files={language: {"test": (f"MHC Final Cases/hatecheck_cases_final_{language}.csv",)} for language in LANGUAGES},
    columns=pa.schema(
        [*required("functionality", "test_case", "label_gold", "label_annotated"), *optional("target_ident", "label_annotated_maj", "disagreement_in_case")]
    ),
    licence=Licence("CC-BY-4.0", "cards of the hub copies by an author", "2026-10-06", True, "https://huggingface.co/datasets/Paul/hatecheck-mandarin"),
    citation=Citation("Röttger, Paul", "Multilingual HateCheck: Functional Tests for Multilingual Hate Speech Detection Models", 2022, "arXiv:2206.09917"),
    homepage="https://github.com/rewire-online/multilingual-hatecheck",
    taxonomies=("hatecheck",),
    decode=decode,
    rows={"arabic/test": 3570},
    lineage={"hatecheck": "its functionalities, and its templates adapted to ten languages"},
    quirks=(
        "The gold label is the verdict; most of the three annotators differ from it in some cases (in every fifteenth of the Arabic ones).",
        "Arabic and Mandarin have functionalities of spelling of their own: those that end in _h are hateful without a finer category.",
        "Abuse of individuals, of objects and of groups without protection is non-hateful.",
        "The seven target groups differ between languages and are no label.",
        "Checked on real rows of the Arabic file; the others have the same columns.",
    ),
)
