"""ProsocialDialog: conversations in which a speaker says something problematic and a partner answers prosocially.

Unit: one row is one utterance of the speaker, judged by three annotators; the answer is the good example and neither judged nor read. The label is a step of
a scale: casual is safe, needs caution and needs intervention are unsafe; possibly and probably needs caution, where one or two of the three asked for caution,
are borderline and leave it unjudged. Intervention is unjudged wherever an annotator asked for it and the label does not say it.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from taxonomy_bridge.sources._base import Citation, Licence, Origin, Source, optional, required
from taxonomy_bridge.sources._decode import equals, judge, one_label, one_of
from taxonomy_bridge.taxonomy import load_taxonomy

TAXONOMY = load_taxonomy("prosocial-dialog")
CAUTION, INTERVENTION = (list(TAXONOMY.by_slug).index(slug) for slug in ("needs_caution", "needs_intervention"))
STEPS = {
    "__casual__": "safe", "__possibly_needs_caution__": "borderline", "__probably_needs_caution__": "borderline",
    "__needs_caution__": "unsafe", "__needs_intervention__": "unsafe",
}  # fmt: skip
NATIVE = ("safety_label", "safety_annotations", "source", "dialogue_id", "response_id")


def decode(rows: pa.RecordBatch, origin: Origin) -> pa.RecordBatch:
    verdict = one_of(rows["safety_label"], STEPS, "safety_label")
    violated = one_label(rows["safety_label"], TAXONOMY, ignore=[step for step, word in STEPS.items() if word != "unsafe"])
    votes, row_of = pc.list_flatten(rows["safety_annotations"]), pc.list_parent_indices(rows["safety_annotations"]).to_numpy(zero_copy_only=False)
    unjudged = np.zeros_like(violated)
    unjudged[:, CAUTION] = equals(verdict, "borderline")
    unjudged[:, INTERVENTION] = np.isin(np.arange(len(rows)), row_of[equals(votes, "needs intervention")])
    return judge(rows, TAXONOMY, prompt="context", verdict=verdict, violated=violated, unjudged=unjudged & ~violated, native=NATIVE)


SOURCE = Source(
    name="prosocial-dialog",
    title="ProsocialDialog",
    hub_id="allenai/prosocial-dialog",
    revision=None,
    files={"default": {"train": ("train.json",), "validation": ("valid.json",), "test": ("test.json",)}},
    columns=pa.schema(
        [
            *required("context", "safety_label"),
            *optional("safety_annotations", kind=pa.list_(pa.string())),
            *(optional("source") + optional("dialogue_id", "response_id", kind=pa.int64())),
        ]
    ),
    licence=Licence("CC-BY-4.0", "data set card; the code repository is MIT", "2026-10-06", True, "https://huggingface.co/datasets/allenai/prosocial-dialog"),
    citation=Citation("Kim, Hyunwoo", "ProsocialDialog: A Prosocial Backbone for Conversational Agents", 2022, "arXiv:2205.12688"),
    homepage="https://github.com/skywalker023/prosocial-dialog",
    taxonomies=("prosocial-dialog",),
    decode=decode,
    verdicts=frozenset({"safe", "unsafe", "borderline"}),
    evidence="documented layout",
    language="en",
    rows={"default/test": 25029},
    lineage={
        "social-chemistry-101": "situations that the conversations start from",
        "sbic": "posts that the conversations start from",
        "ethics": "scenarios that the conversations start from",
    },
    quirks=(
        "No full revision is known: give one, or a local path.",
        "The annotators saw the conversation; a judgement holds its own utterance only, because the turns of a conversation are rows of their own.",
        "Rows of one conversation share dialogue_id and are ordered by response_id; keep them on one side of a split.",
        "Others draw the line elsewhere: some count possibly and probably needs caution as safe, some as unsafe, some leave them out.",
        "There are no kinds of harm, only how much concern an utterance calls for.",
        "The direct download of the code repository has another shape (lists of conversations) and is not read.",
    ),
)
