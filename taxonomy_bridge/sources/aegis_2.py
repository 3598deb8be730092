"""Aegis 2.0: prompts and, for most rows, responses, each with a verdict of its own and one shared list of 23 categories.

Unit: one row gives a judgement of the prompt and, if `response_label` is not null, one of the response. `violated_categories` is one text, names
joined by a comma. It belongs to the unsafe side if exactly one side is unsafe; if both or none are, the names are unjudged on both. A prompt
that reads REDACTED is no text: it becomes null and `redacted`. An empty response is a text, a null response is none.
"""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from taxonomy_bridge.sources._base import Citation, Licence, Origin, Source, optional, required
from taxonomy_bridge.sources._decode import delimited, equals, judge, one_of, pick, present, together
from taxonomy_bridge.taxonomy import load_taxonomy

TAXONOMY = load_taxonomy("aegis-2.0")
VERDICTS = {"safe": "safe", "unsafe": "unsafe"}


def decode(rows: pa.RecordBatch, origin: Origin) -> pa.RecordBatch:
    drafts = []
    named = delimited(rows["violated_categories"], TAXONOMY)
    unsafe = {side: equals(rows[f"{side}_label"], "unsafe") for side in ("prompt", "response")}
    unclear = named & (unsafe["prompt"] == unsafe["response"])[:, None]
    refusal = pc.if_else(pc.equal(rows["response_label_source"], "refusal_data_augmentation"), True, None)
    for side, needed in (("prompt", ["prompt_label"]), ("response", ["response", "response_label"])):
        there = present(*[rows[column] for column in needed])
        drafts.append(
            judge(
                pick(rows, there),
                TAXONOMY,
                verdict=one_of(rows[f"{side}_label"], VERDICTS, f"{side}_label").filter(pa.array(there)),
                response="response" if side == "response" else None,
                violated=(named & ~unclear & unsafe[side][:, None])[there],
                unjudged=unclear[there],
                placeholders=["REDACTED"],
                refusal=refusal.filter(pa.array(there)) if side == "response" else None,
                native=[f"{side}_label", f"{side}_label_source", "violated_categories"],
            )
        )
    return together(*drafts)


SOURCE = Source(
    name="aegis-2",
    title="Aegis AI Content Safety Dataset 2.0 (Nemotron V2)",
    hub_id="nvidia/Aegis-AI-Content-Safety-Dataset-2.0",
    revision="d86bb8bedff51d25ac834ab7838f1cc61acb7a2c",
    files={
        "default": {
            "train": ("train.json", "refusals_train.json"),
            "validation": ("validation.json", "refusals_validation.json"),
            "test": ("test.json",),
        }
    },
    columns=pa.schema(
        [
            *required("prompt", "prompt_label"),
            *optional("violated_categories", "response", "response_label", "prompt_label_source", "response_label_source"),
        ]
    ),
    licence=Licence("CC-BY-4.0", "data set card", "2026-10-06", True, "https://huggingface.co/datasets/nvidia/Aegis-AI-Content-Safety-Dataset-2.0"),
    citation=Citation("Ghosh, Shaona", "Aegis2.0: A Diverse AI Safety Dataset and Risks Taxonomy for Alignment of LLM Guardrails", 2025, "arXiv:2501.09004"),
    homepage="https://huggingface.co/datasets/nvidia/Aegis-AI-Content-Safety-Dataset-2.0",
    taxonomies=("aegis-2.0",),
    decode=decode,
    slots=("prompt", "response"),
    language="en",
    lineage={"hh-rlhf-harmless": "prompts", "Suicide Detection (Kaggle)": "about 358 prompts"},
    quirks=(
        "Prompt and response share one category list: names count only where exactly one of the two is unsafe.",
        "Safe rows may name categories (mostly Needs Caution); the verdict never comes from the list.",
        "Nine risks were mined from free-text remarks after annotation, so an unsafe row clears no other category.",
        "Some prompts are REDACTED and have to be rebuilt from another data set; they carry no text here.",
        "Rows of refusals_*.json pair unsafe prompts with synthetic refusals.",
        "A file with only prompt, prompt_label and violated_categories can be read too and then gives prompt judgements.",
    ),
)
