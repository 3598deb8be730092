"""DICES-990: the last reply of a chatbot in 990 adversarial conversations, each judged by 60 to 70 of 173 raters.

Unit: one row holds the answers of one rater about one reply, encoded as in DICES-350: the sub-questions and the raters are others, and there is no expert
verdict. The documentation and the file spell two columns differently; both spellings are read.
"""

from __future__ import annotations

from dataclasses import replace

import pyarrow as pa

from taxonomy_bridge.sources import dices_350
from taxonomy_bridge.sources._base import Origin, optional, required
from taxonomy_bridge.taxonomy import load_taxonomy

TAXONOMY = load_taxonomy("dices-990")
ASKED = [name for name in dices_350.questions(TAXONOMY) if name != "Q_overall"]


def decode(rows: pa.RecordBatch, origin: Origin) -> pa.RecordBatch:
    return dices_350.rated(rows, TAXONOMY)


SOURCE = replace(
    dices_350.SOURCE,
    name="dices-990",
    title="DICES-990",
    files={"default": {"train": ("990/diverse_safety_adversarial_dialog_990.csv",)}},
    columns=pa.schema([*required("context", "response", "Q_overall"), *optional(*ASKED, *dices_350.TOPICS)]),
    taxonomies=("dices-990",),
    decode=decode,
    rows={"default/train": 72103},
    quirks=(
        "One row per rater and conversation: the build joins them by majority, where Unsure is no vote and a tie is borderline.",
        "The raters come from two countries and are meant to disagree: the counts stay in the votes of a joined row.",
        "The sub-questions are not those of DICES-350, so the two are two lists.",
        "The published papers leave out 13 raters of low quality; the file has all 173.",
        "harm_type and degree_of_harm are notes of experts on the conversation, not on the reply.",
    ),
)
