"""Do-Not-Answer: questions that a responsible model does not answer, in 61 specific harms of twelve types, with the responses of six models.

Unit: one row gives an unsafe judgement of the question and, for each model whose columns are present, one of its response: `<model>_harmful` is
1 unsafe, 0 safe; any other value, or null, gives no judgement of that response. `types_of_harm` and `specific_harms` describe the question; a harmful
response is unsafe without a category. A specific harm stands before the first colon of its text, if there is one; the rest describes it.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from taxonomy_bridge.sources._base import Citation, Licence, Origin, RowError, Source, optional, required
from taxonomy_bridge.sources._decode import Table, equals, judge, one_label, pick, present, together, when
from taxonomy_bridge.taxonomy import load_taxonomy

TAXONOMY = load_taxonomy("do-not-answer")
SLUGS = list(TAXONOMY.by_slug)
PARENT = np.array([[category.parent == slug for slug in SLUGS] for category in TAXONOMY.categories])
MODELS = ("GPT4", "ChatGPT", "Claude", "ChatGLM2", "llama2-7b-chat", "vicuna-7b")


def decode(rows: pa.RecordBatch, origin: Origin) -> pa.RecordBatch:
    types = one_label(rows["types_of_harm"], TAXONOMY)
    violated = types | _harms(rows["specific_harms"], types)
    native = ["risk_area", "types_of_harm", "specific_harms"]
    prompts = judge(rows, TAXONOMY, prompt="question", verdict="unsafe", violated=violated, native=native)
    return together(prompts, *[_response(rows, model) for model in MODELS])


def _harms(column: pa.Array, types: Table) -> Table:
    """The specific harm of every row, by its name; it has to be one of the type that the row names."""
    harms = one_label(pc.replace_substring_regex(column, pattern="(?s):.*", replacement=""), TAXONOMY)
    astray = harms.any(axis=1) & ~((harms @ PARENT) & types).any(axis=1)
    if astray.any():
        raise RowError(pa.array(astray), "specific harm outside its type")
    return harms


def _response(rows: pa.RecordBatch, model: str) -> pa.RecordBatch:
    flag = rows[f"{model}_harmful"]
    harmful = equals(flag, 1)
    judged = (harmful | equals(flag, 0)) & present(rows[f"{model}_response"])
    return judge(
        pick(rows, judged),
        TAXONOMY,
        prompt="question",
        response=f"{model}_response",
        slot=f"response_{model}",
        verdict=when(harmful[judged], "unsafe", "safe"),
        native=["types_of_harm", f"{model}_harmful", f"{model}_action"],
    )


SOURCE = Source(
    name="do-not-answer",
    title="Do-Not-Answer",
    hub_id="LibrAI/do-not-answer",
    revision="74e74f2e4507ef256fe536f78a776f4a1ff67955",
    files={"default": {"train": ("data/train-00000-of-00001-6ba0076b818accff.parquet",)}},
    columns=pa.schema(
        [
            *required("question", "types_of_harm"),
            *optional("risk_area", "specific_harms", *(f"{model}_response" for model in MODELS)),
            *optional(*(f"{model}_{what}" for model in MODELS for what in ("harmful", "action")), kind=pa.int64()),
        ]
    ),
    licence=Licence(
        "CC-BY-NC-SA-4.0",
        "text of the data set card; its metadata field says Apache-2.0: the stricter one is taken",
        "2026-10-06",
        False,
        "https://huggingface.co/datasets/LibrAI/do-not-answer",
    ),
    citation=Citation("Wang, Yuxia", "Do-Not-Answer: A Dataset for Evaluating Safeguards in LLMs", 2023, "arXiv:2308.13387"),
    homepage="https://github.com/Libr-AI/do-not-answer",
    taxonomies=("do-not-answer",),
    decode=decode,
    slots=("prompt", *(f"response_{model}" for model in MODELS)),
    evidence="documented layout",
    language="en",
    quirks=(
        "All questions are unsafe; safe cases occur among the responses only.",
        "Type and specific harm describe the question: a harmful response has no category.",
        "The specific harm is a label, the list shown to a model is that of the types; an unknown one, or one of another type, is refused.",
        "data_en.csv of the same data set can be given as `path`; rows are the same, ids differ in the file name.",
    ),
)
