"""WildGuardMix: prompts and responses with separate harm labels, a refusal label and one theme for the prompt.

Unit: one row gives a judgement of the prompt if `prompt_harm_label` is set and one of the response if there is a response with a
`response_harm_label`. Null, and the text None that some exports hold, mean that nobody labelled it or that annotators did not agree. `subcategory` is the
theme of the prompt: it is a violation only on a harmful prompt, and never says anything about the response. The value benign names nothing.
"""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from taxonomy_bridge.sources._base import Citation, Licence, Origin, Source, optional, required
from taxonomy_bridge.sources._decode import equals, judge, one_label, one_of, pick, present, together
from taxonomy_bridge.taxonomy import load_taxonomy

TAXONOMY = load_taxonomy("wildguardmix")
SLUGS = list(TAXONOMY.by_slug)
OTHERS = SLUGS.index("others")
THEMES = [at for at, category in enumerate(TAXONOMY.categories) if category.assignable and not category.residual]
HARM = {"harmful": "unsafe", "unharmful": "safe", "None": None, "": None}
REFUSAL = {"refusal": "refusal", "compliance": "compliance", "None": None, "": None}
AGREEMENT = tuple(f"{what}_agreement" for what in ("prompt_harm", "response_harm", "response_refusal"))


def decode(rows: pa.RecordBatch, origin: Origin) -> pa.RecordBatch:
    prompt, response = (one_of(rows[f"{side}_harm_label"], HARM, f"{side}_harm_label") for side in ("prompt", "response"))
    theme = one_label(rows["subcategory"], TAXONOMY, ignore=["benign", "None"]) & equals(prompt, "unsafe")[:, None]
    unjudged = theme & False
    unjudged[:, THEMES] = theme[:, [OTHERS]]
    asked, answered = present(prompt), present(response, rows["response"])
    refusal = pc.equal(one_of(rows["response_refusal_label"], REFUSAL, "response_refusal_label"), "refusal")
    return together(
        judge(
            pick(rows, asked),
            TAXONOMY,
            verdict=prompt.filter(pa.array(asked)),
            violated=theme[asked],
            unjudged=unjudged[asked],
            adversarial=rows["adversarial"].filter(pa.array(asked)),
            native=["prompt_harm_label", "subcategory", "adversarial", "prompt_harm_agreement"],
        ),
        judge(
            pick(rows, answered),
            TAXONOMY,
            response="response",
            verdict=response.filter(pa.array(answered)),
            adversarial=rows["adversarial"].filter(pa.array(answered)),
            refusal=refusal.filter(pa.array(answered)),
            native=["response_harm_label", "response_refusal_label", "subcategory", "adversarial", *AGREEMENT[1:]],
        ),
    )


SOURCE = Source(
    name="wildguardmix",
    title="WildGuardMix",
    hub_id="allenai/wildguardmix",
    revision="d29c47f41c8b51348b5c8e8c81c039b3132b66d1",
    files={
        "wildguardtrain": {"train": ("train/wildguard_train.parquet",)},
        "wildguardtest": {"test": ("test/wildguard_test.parquet",)},
    },
    columns=pa.schema(
        [
            *required("prompt"),
            *optional("response", "prompt_harm_label", "response_harm_label", "response_refusal_label", "subcategory"),
            *optional("adversarial", kind=pa.bool_()),
            *optional(*AGREEMENT, kind=pa.float64()),
        ]
    ),
    licence=Licence(
        "ODC-BY",
        "data set card; access asks to accept the AI2 Responsible Use terms",
        "2026-10-06",
        None,
        "https://huggingface.co/datasets/allenai/wildguardmix",
    ),
    citation=Citation("Han, Seungju", "WildGuard: Open One-Stop Moderation Tools for Safety Risks, Jailbreaks, and Refusals of LLMs", 2024, "arXiv:2406.18495"),
    homepage="https://huggingface.co/datasets/allenai/wildguardmix",
    taxonomies=("wildguardmix",),
    decode=decode,
    slots=("prompt", "response"),
    evidence="documented layout",
    gate="https://huggingface.co/datasets/allenai/wildguardmix",
    language="en",
    quirks=(
        "The subcategory describes the prompt: responses are safe or unsafe without a category.",
        "A harmful prompt may have the subcategory benign and is then unsafe without a category.",
        "The value others may mean that no theme was assigned, so it clears none of the 13 themes.",
        "Labels of the training part come from a model, those of the test part from three people.",
        "Training prompts repeat with several responses.",
    ),
)
