"""PolyGuardPrompts: the prompts and responses of WildGuardTest in 17 languages, labelled with the classes of Llama Guard 3.

Unit: one row gives a judgement of the prompt by `prompt_label` and one of the response by `response_label`, safe or unsafe, each with its codes in
`prompt_categories` and `response_categories`, separated by blanks and sometimes repeated; empty means none. A label that is null or empty is no judgement.
These labels come from models. Those of people that came along from WildGuardTest (`prompt_harm_label`, `response_harm_label`, `subcategory`) are kept in
`native`; only adversarial and refusal are taken from them.
"""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from taxonomy_bridge.sources._base import Citation, Licence, Origin, Source, optional, required
from taxonomy_bridge.sources._decode import by_rule, delimited, equals, judge, one_of, pick, present, together
from taxonomy_bridge.taxonomy import load_taxonomy

TAXONOMY = load_taxonomy("polyguard")
LANGUAGES = {
    "Arabic": "ar", "Chinese": "zh", "Czech": "cs", "Dutch": "nl", "English": "en", "French": "fr", "German": "de", "Hindi": "hi", "Italian": "it",
    "Japanese": "ja", "Korean": "ko", "Polish": "pl", "Portuguese": "pt", "Russian": "ru", "Spanish": "es", "Swedish": "sv", "Thai": "th",
}  # fmt: skip
CODES = {**LANGUAGES, **{code: code for code in LANGUAGES.values()}}
WILDGUARD = {"prompt": ("prompt_harm_label", "subcategory"), "response": ("response_harm_label", "response_refusal_label")}
AGREEMENT = {"prompt": ("prompt_harm_agreement",), "response": ("response_harm_agreement", "response_refusal_agreement")}


def decode(rows: pa.RecordBatch, origin: Origin) -> pa.RecordBatch:
    return together(_side(rows, "prompt"), _side(rows, "response"))


def _side(rows: pa.RecordBatch, side: str) -> pa.RecordBatch:
    verdict = one_of(rows[f"{side}_label"], {"safe": "safe", "unsafe": "unsafe", "": None}, f"{side}_label")
    named, unsafe = delimited(rows[f"{side}_categories"], TAXONOMY, " "), equals(verdict, "unsafe")[:, None]
    refusal = pc.equal(one_of(rows["response_refusal_label"], {"refusal": "refusal", "compliance": "", "": None}, "response_refusal_label"), "refusal")
    there = present(verdict, rows[side])
    kept = pa.array(there)
    return judge(
        pick(rows, there),
        TAXONOMY,
        response="response" if side == "response" else None,
        verdict=verdict.filter(kept),
        violated=(named & unsafe)[there],
        unjudged=(named & ~unsafe)[there],
        adversarial=rows["adversarial"].filter(kept),
        refusal=refusal.filter(kept) if side == "response" else None,
        language=by_rule(rows["language"], CODES.get).filter(kept),
        native=[f"{side}_label", f"{side}_categories", *WILDGUARD[side], *AGREEMENT[side], "adversarial", "language", "id"],
    )


SOURCE = Source(
    name="polyguard-prompts",
    title="PolyGuardPrompts",
    hub_id="ToxicityPrompts/PolyGuardPrompts",
    revision="c5b466a95b64ff121db4398246b6abb7672696ec",
    files={"default": {"test": ("data/test-00000-of-00001.parquet",)}},
    columns=pa.schema(
        [
            *required("prompt", "language"),
            *optional("response", "prompt_label", "prompt_categories", "response_label", "response_categories", *WILDGUARD["prompt"], *WILDGUARD["response"]),
            *optional(*AGREEMENT["prompt"], *AGREEMENT["response"], kind=pa.float64()),
            *[pa.field("adversarial", pa.bool_()), pa.field("id", pa.int64())],
        ]
    ),
    licence=Licence(
        "CC-BY-4.0", "data set card; earlier states of it said MIT", "2026-10-06", None, "https://huggingface.co/datasets/ToxicityPrompts/PolyGuardPrompts"
    ),
    citation=Citation("Kumar, Priyanshu", "PolyGuard: A Multilingual Safety Moderation Tool for 17 Languages", 2025, "arXiv:2504.04377"),
    homepage="https://github.com/kpriyanshu256/polyguard",
    taxonomies=("polyguard",),
    decode=decode,
    slots=("prompt", "response"),
    evidence="documented layout",
    rows={"default/test": 29325},
    lineage={"wildguardmix": "all 1,725 items of its test part, in 17 languages"},
    quirks=(
        "The labels were made once per item and hold for all 17 translations, which share an id: keep them on one side of a split.",
        "Verdicts and codes come from models (Llama Guard 3, GPT-4o, a third one for ties); the labels of people beside them may differ.",
        "The column language holds English names; codes are read too, and any other value leaves the language open.",
        "A code on a safe row, should there be one, is unjudged.",
        "Not the policies by domain of the other PolyGuard, which is guardset-x here.",
    ),
)
