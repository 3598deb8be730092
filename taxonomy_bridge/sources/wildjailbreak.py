"""WildJailbreak: harmful and benign prompts, in plain words or wrapped in jailbreak tactics, all made by models.

Unit: one row is one prompt: the column `adversarial` where `data_type` begins with adversarial_, else `vanilla`, from which the adversarial one was made. The
second half of `data_type` is the verdict; in the evaluation set `label` repeats it (1 harmful, 0 benign), and a row where they differ goes to quarantine.
Adversarial is an attribute of harmful and benign prompts alike. There are no harm categories. Completions are not judged and not read.
"""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from taxonomy_bridge.sources._base import Citation, Licence, Origin, RowError, Source, optional, required
from taxonomy_bridge.sources._decode import equals, judge, one_of, umbrella, yes_no
from taxonomy_bridge.taxonomy import load_taxonomy

TAXONOMY = load_taxonomy("wildjailbreak")
KINDS = {f"{style}_{kind}": verdict for style in ("vanilla", "adversarial") for kind, verdict in (("benign", "safe"), ("harmful", "unsafe"))}


def decode(rows: pa.RecordBatch, origin: Origin) -> pa.RecordBatch:
    verdict = one_of(rows["data_type"], KINDS, "data_type")
    attack = pc.starts_with(rows["data_type"], "adversarial_")
    text = pc.if_else(attack, rows["adversarial"], rows["vanilla"])
    for wrong, reason in (
        (pc.equal(pc.fill_null(text, ""), ""), "has no prompt of its data_type"),
        (pc.not_equal(pc.equal(verdict, "unsafe"), yes_no(rows["label"], "label")), "label and data_type differ"),
    ):
        if pc.any(wrong).as_py():
            raise RowError(pc.fill_null(wrong, False), reason)
    return judge(
        rows.append_column("prompt", text),
        TAXONOMY,
        verdict=verdict,
        violated=umbrella(equals(verdict, "unsafe"), TAXONOMY),
        adversarial=attack,
        native=["data_type"],
    )


SOURCE = Source(
    name="wildjailbreak",
    title="WildJailbreak",
    hub_id="allenai/wildjailbreak",
    revision="5ddc12a7894f842b0619b8e1c7ee496b198af009",
    files={config: {"train": (f"{config}/{config}.tsv",)} for config in ("train", "eval")},
    columns=pa.schema([*required("adversarial", "data_type"), *optional("vanilla"), *optional("label", kind=pa.int64())]),
    licence=Licence(
        "ODC-BY",
        "data set card; access asks to accept the AI2 Responsible Use terms",
        "2026-10-06",
        None,
        "https://huggingface.co/datasets/allenai/wildjailbreak",
    ),
    citation=Citation("Jiang, Liwei", "WildTeaming at Scale: From In-the-Wild Jailbreaks to (Adversarially) Safer Language Models", 2024, "arXiv:2406.18510"),
    homepage="https://github.com/allenai/wildteaming",
    taxonomies=("wildjailbreak",),
    decode=decode,
    evidence="documented layout",
    gate="https://huggingface.co/datasets/allenai/wildjailbreak",
    language="en",
    rows={"train/train": 261559, "eval/train": 2210},
    quirks=(
        "The configs train and eval each have one split, called train.",
        "No harm categories: a harmful prompt clears nothing.",
        "The evaluation set has adversarial prompts only, 2,000 harmful and 210 benign ones.",
        "The plain request behind an adversarial prompt is not a prompt of its own row; many stand in rows of their own.",
        "The verdict follows from how a prompt was generated; nobody judged it.",
    ),
)
