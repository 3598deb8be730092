"""ToxicChat: user inputs of a public chat demo, each marked toxic or not.

Unit: one row is one user input. The model output is not judged and not read. `toxicity` is 0 or 1; `jailbreaking` is the attack style and becomes
`adversarial`. `human_annotation` false means that the label came from a model-assisted pipeline. There are no harm categories: an unsafe row
violates the umbrella category and clears nothing. The configs are two annotation rounds of the same inputs: use one.
"""

from __future__ import annotations

import pyarrow as pa

from taxonomy_bridge.sources._base import Citation, Licence, Origin, Source, optional, required
from taxonomy_bridge.sources._decode import judge, truth, umbrella, when, yes_no
from taxonomy_bridge.taxonomy import load_taxonomy

TAXONOMY = load_taxonomy("toxicchat")


def decode(rows: pa.RecordBatch, origin: Origin) -> pa.RecordBatch:
    toxic = truth(yes_no(rows["toxicity"], "toxicity"))
    return judge(
        rows,
        TAXONOMY,
        prompt="user_input",
        verdict=when(toxic, "unsafe", "safe"),
        violated=umbrella(toxic, TAXONOMY),
        adversarial=yes_no(rows["jailbreaking"], "jailbreaking"),
        native=["toxicity", "jailbreaking", "human_annotation"],
    )


SOURCE = Source(
    name="toxicchat",
    title="ToxicChat",
    hub_id="lmsys/toxic-chat",
    revision="29df8e4dba60e1f4af4b4075c0705c5b313548a8",
    files={
        f"toxicchat{edition}": {split: (f"data/{edition}/toxic-chat_annotation_{split}.csv",) for split in ("train", "test")} for edition in ("0124", "1123")
    },
    columns=pa.schema(
        [
            *(required("user_input") + required("toxicity", kind=pa.int64())),
            *(optional("jailbreaking", kind=pa.int64()) + optional("human_annotation", kind=pa.bool_())),
        ]
    ),
    licence=Licence(
        "CC-BY-NC-4.0", "data set card; some loaders say CC BY 4.0, which is wrong", "2026-10-06", False, "https://huggingface.co/datasets/lmsys/toxic-chat"
    ),
    citation=Citation("Lin, Zi", "ToxicChat: Unveiling Hidden Challenges of Toxicity Detection in Real-World User-AI Conversation", 2023, "arXiv:2310.17389"),
    homepage="https://huggingface.co/datasets/lmsys/toxic-chat",
    taxonomies=("toxicchat",),
    decode=decode,
    language="en",
    quirks=(
        "The labels describe the user input; the model output is not judged.",
        "No harm categories: an unsafe row says that something is wrong and clears nothing.",
        "toxicchat0124 and toxicchat1123 label the same inputs differently; do not mix them.",
        "About half of the rows were labelled with the help of a model (human_annotation false).",
    ),
)
