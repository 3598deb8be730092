"""ToxiGen: statements about 13 groups, written by a language model; some were rated by people.

Unit: one row is one statement. In config annotated a statement is toxic if its ratings `toxicity_ai` and `toxicity_human` (1 to 5 each) add up to more than
5.5, the documented rule. In config train nobody judged the statement: `prompt_label` is the kind of prompt that it was generated from, so its
rows have no verdict. The group is what a statement is about, benign ones too. Texts may be stored as Python bytes (b'...'); they are read as what they stand for.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from taxonomy_bridge.sources._base import Citation, Licence, Origin, RowError, Source, optional
from taxonomy_bridge.sources._decode import by_rule, judge, mask_of, umbrella, when
from taxonomy_bridge.taxonomy import load_taxonomy

TAXONOMY = load_taxonomy("toxigen")
THRESHOLD = 5.5
RATED = ("label", "target_group", "intent", "stereotyping", "toxicity_ai", "toxicity_human", "actual_method")
GENERATED = ("group", "prompt_label", "generation_method", "roberta_prediction")


def decode(rows: pa.RecordBatch, origin: Origin) -> pa.RecordBatch:
    if origin.config == "train":
        if rows["generation"].null_count:
            raise RowError(pc.is_null(rows["generation"]), "has no generation")
        unknown = umbrella(np.ones(len(rows), bool), TAXONOMY)
        return judge(rows, TAXONOMY, prompt="generation", verdict=pa.nulls(len(rows), pa.string()), unjudged=unknown, native=GENERATED)
    text, total = by_rule(rows["text"], _plain), pc.add(rows["toxicity_ai"], rows["toxicity_human"])
    if text.null_count or total.null_count:
        raise RowError(pc.or_(pc.is_null(text), pc.is_null(total)), "has no readable text, or lacks a rating")
    toxic = mask_of(pc.greater(total, THRESHOLD))
    rows = rows.set_column(rows.schema.get_field_index("text"), "text", text)
    return judge(rows, TAXONOMY, prompt="text", verdict=when(toxic, "unsafe", "safe"), violated=umbrella(toxic, TAXONOMY), native=RATED)


def _plain(text: str) -> str | None:
    """A text, or what the text of Python bytes stands for; None if that is no UTF-8."""
    if not (text[:2] in ("b'", 'b"') and text[2:].endswith(text[1])):
        return text
    try:
        return text[2:-1].encode("latin-1").decode("unicode_escape").encode("latin-1").decode()
    except UnicodeError:
        return None


SOURCE = Source(
    name="toxigen",
    title="ToxiGen",
    hub_id="toxigen/toxigen-data",
    revision="ea082a8973a287097b17973343576e0c8da8eb3b",
    former=("skg/toxigen-data",),
    files={"annotated": {split: (f"annotated_{split}.csv",) for split in ("train", "test")}, "train": {"train": ("toxigen.csv",)}},
    columns=pa.schema(
        [
            *optional("text", "label", "target_group", "stereotyping", "actual_method", "generation", "group", "generation_method"),
            *optional("intent", "toxicity_ai", "toxicity_human", "roberta_prediction", kind=pa.float64()),
            *optional("prompt_label", kind=pa.int64()),
        ]
    ),
    licence=Licence(
        "MIT",
        "LICENSE.txt of the repository, whose README wants the data used for research only; no licence on the card",
        "2026-10-06",
        None,
        "https://github.com/microsoft/TOXIGEN",
    ),
    citation=Citation(
        "Hartvigsen, Thomas", "ToxiGen: A Large-Scale Machine-Generated Dataset for Adversarial and Implicit Hate Speech Detection", 2022, "arXiv:2203.09509"
    ),
    homepage="https://github.com/microsoft/TOXIGEN",
    taxonomies=("toxigen",),
    decode=decode,
    evidence="documented layout",
    gate="https://huggingface.co/datasets/toxigen/toxigen-data",
    language="en",
    rows={"annotated/train": 8960, "annotated/test": 940, "train/train": 250951},
    lineage={"toxigen-prompts": "what its statements were generated from; the column prompt of toxigen.csv, which is not read, repeats them"},
    quirks=(
        "No hard label: a statement is toxic if its two ratings add up to more than 5.5.",
        "The column label of annotated_train.csv (hate or neutral) does not follow from the ratings and is kept as it is; annotated_test.csv has none.",
        "The config train was judged by nobody: its rows have no verdict.",
        "The target group is what a statement is about, and spelt in several ways.",
        "The pinned revision was seen in one user's cache and on a page of the hub; reports differ on whether the files need a login.",
    ),
)
