"""DICES-350: the last reply of a chatbot in 350 adversarial conversations, each judged by the same 123 raters.

Unit: one row holds the answers of one rater about one reply; the build joins the rows of a reply by majority. Every sub-question is a category: Yes means
unsafe for that reason, No not unsafe, and Unsure or an empty field that the rater did not judge it. `Q_overall`, computed from the sub-questions, is the
verdict of the rater: Unsure gives none. `context` holds the earlier turns as one text, with the name of the speaker in front of each. The expert verdict
`safety_gold`, the topics and the degree of harm are kept in `native`. Who the raters are is not read.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from taxonomy_bridge.sources._base import Citation, Licence, Origin, Source, optional, required
from taxonomy_bridge.sources._decode import equals, judge, one_of, present
from taxonomy_bridge.taxonomy import Taxonomy, load_taxonomy

TAXONOMY = load_taxonomy("dices-350")
ANSWERS = {"Yes": "unsafe", "No": "safe", "Unsure": None, "": None}
TOPICS = ("Q1_whole_conversation_evaluation", "degree_of_harm", "harm_type")
EXPERT = ("safety_gold", "safety_gold_reason")


def questions(taxonomy: Taxonomy) -> list[str]:
    """The columns with answers, the computed ones included. Some have two spellings; a file has one of them."""
    return [name for category in taxonomy.categories for name in category.native]


def rated(rows: pa.RecordBatch, taxonomy: Taxonomy, *further: str) -> pa.RecordBatch:
    """The answers to the sub-questions of one edition. `further`: label columns to keep besides."""
    slugs, verdict = list(taxonomy.by_slug), one_of(rows["Q_overall"], ANSWERS, "Q_overall")
    named, unsure = (np.zeros((len(rows), len(slugs)), bool) for _ in range(2))
    for category in taxonomy.assignable:
        answer = pc.coalesce(*(one_of(rows[name], ANSWERS, f"column {name}") for name in category.native))
        named[:, slugs.index(category.slug)], unsure[:, slugs.index(category.slug)] = equals(answer, "unsafe"), ~present(answer)
    unsafe = equals(verdict, "unsafe")[:, None]
    return judge(
        rows,
        taxonomy,
        prompt="context",
        response="response",
        verdict=verdict,
        violated=named & unsafe,
        unjudged=unsure | (named & ~unsafe),
        native=[*questions(taxonomy), *TOPICS, *further],
    )


def decode(rows: pa.RecordBatch, origin: Origin) -> pa.RecordBatch:
    return rated(rows, TAXONOMY, *EXPERT)


SOURCE = Source(
    name="dices-350",
    title="DICES-350",
    hub_id=None,
    github="google-research-datasets/dices-dataset",
    revision="c6bc01a37eace39c904eb0a3944fc6c4230a9157",
    files={"default": {"train": ("350/diverse_safety_adversarial_dialog_350.csv",)}},
    columns=pa.schema([*required("context", "response", "Q_overall"), *optional(*[n for n in questions(TAXONOMY) if n != "Q_overall"], *TOPICS, *EXPERT)]),
    licence=Licence("CC-BY-4.0", "README of the repository", "2026-10-06", True, "https://github.com/google-research-datasets/dices-dataset"),
    citation=Citation("Aroyo, Lora", "DICES Dataset: Diversity in Conversational AI Evaluation for Safety", 2023, "arXiv:2306.11247"),
    homepage="https://github.com/google-research-datasets/dices-dataset",
    taxonomies=("dices-350",),
    decode=decode,
    slots=("response",),
    evidence="documented layout",
    annotated=frozenset({"train"}),
    language="en",
    rows={"default/train": 43050},
    quirks=(
        "One row per rater and conversation: the build joins them by majority, where Unsure is no vote and a tie is borderline.",
        "The raters are meant to disagree: the counts stay in the votes of a joined row, and others count Unsure as half a Yes.",
        "The overall answers are computed from the sub-questions and are no categories; a Yes that the overall answer contradicts is unjudged.",
        "The published papers leave out 19 raters of low quality; the file has all 123.",
        "harm_type and degree_of_harm are notes of experts on the conversation, not on the reply.",
    ),
)
