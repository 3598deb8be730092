"""DecodingTrust stereotypes: statements about 24 groups on 16 topics, with which a model is asked to agree or disagree.

Unit: one row is one statement with the task that follows it. Topic and group say what a statement is about; nobody judged harm, so no row has a verdict.
The config user-prompts has each statement once. In stereotype-bias-data a row is an object `prompt` with the text and three tags, and each statement occurs
once for each of three system prompts, which the file does not hold.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from taxonomy_bridge.sources._base import Citation, Licence, Origin, RowError, Source, optional
from taxonomy_bridge.sources._decode import judge, umbrella
from taxonomy_bridge.sources._read import ROW
from taxonomy_bridge.taxonomy import load_taxonomy

TAXONOMY = load_taxonomy("no-harm-labels")
PLAIN = ("user_prompt", "stereotype_topic", "target_group")
NESTED = ("text", "stereotype_topic_tag", "demographic_group_tag", "sys_prompt_type_tag")


def decode(rows: pa.RecordBatch, origin: Origin) -> pa.RecordBatch:
    if origin.config == "stereotype-bias-data":
        text, *tags = NESTED
        fields = [pc.struct_field(rows["prompt"], name) for name in NESTED]
        rows = pa.RecordBatch.from_arrays([*fields, rows[ROW]], names=[*NESTED, ROW])
    else:
        text, *tags = PLAIN
    missing = pc.is_null(rows[text])
    if pc.any(missing).as_py():
        raise RowError(missing, f"has no {text}")
    unjudged = umbrella(np.ones(len(rows), bool), TAXONOMY)
    return judge(rows, TAXONOMY, prompt=text, verdict=pa.nulls(len(rows), pa.string()), unjudged=unjudged, native=tags)


SOURCE = Source(
    name="decodingtrust-stereotype",
    title="DecodingTrust stereotype prompts",
    hub_id=None,
    github="AI-secure/DecodingTrust",
    revision="161ae8321ced62f45fcd9ceb412e05b47c603cd4",
    files={
        "user-prompts": {"train": ("data/stereotype/dataset/user_prompts.csv",)},
        "stereotype-bias-data": {"train": ("data/stereotype/dataset/stereotype_bias_data.jsonl",)},
    },
    columns=pa.schema([*optional(*PLAIN), *optional("prompt", kind=pa.struct([(name, pa.string()) for name in NESTED]))]),
    licence=Licence("CC-BY-SA-4.0", "repository and data set card on the hub", "2026-10-06", True, "https://github.com/AI-secure/DecodingTrust"),
    citation=Citation("Wang, Boxin", "DecodingTrust: A Comprehensive Assessment of Trustworthiness in GPT Models", 2023, "arXiv:2306.11698"),
    homepage="https://github.com/AI-secure/DecodingTrust",
    taxonomies=("no-harm-labels",),
    decode=decode,
    verdicts=frozenset(),
    language="en",
    rows={"user-prompts/train": 1152, "stereotype-bias-data/train": 3456},
    quirks=(
        "The statements are stereotypes by construction, yet the set judges the answers of models, and its labels say only what a statement is about.",
        "stereotype-bias-data repeats every statement of user-prompts three times. Use one of them.",
        "Topics such as terrorists or hiv name the stereotype, not a kind of harm, and are kept in the native fields.",
        "The files lie in AI-Secure/DecodingTrust on the hub too, whose terms have to be accepted there.",
    ),
)
