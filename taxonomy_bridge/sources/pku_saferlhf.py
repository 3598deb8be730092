"""PKU-SafeRLHF: prompts with two responses each, judged with 19 non-exclusive harm categories and a severity.

Unit: one row gives two judgements, of `response_0` and `response_1`. The verdict is `is_response_N_safe`; categories named on a safe response are kept
in `native` and left unjudged. `response_N_sha256` is the sha256 of prompt + response_N: a row where it differs goes to quarantine.
Null digests are not checked. Severity: 0 none to 3 severe.
"""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from taxonomy_bridge.sources._base import Citation, Licence, Origin, RowError, Source, optional, required
from taxonomy_bridge.sources._decode import bool_struct, bool_struct_type, broken_digests, judge, together, truth, when
from taxonomy_bridge.taxonomy import load_taxonomy

TAXONOMY = load_taxonomy("pku-saferlhf")
SIDES = ("0", "1")


def decode(rows: pa.RecordBatch, origin: Origin) -> pa.RecordBatch:
    return together(*[_side(rows, side) for side in SIDES])


def _side(rows: pa.RecordBatch, side: str) -> pa.RecordBatch:
    broken = broken_digests(pc.binary_join_element_wise(rows["prompt"], rows[f"response_{side}"], ""), rows[f"response_{side}_sha256"])
    if pc.any(broken).as_py():
        raise RowError(broken, f"prompt and response_{side} do not match response_{side}_sha256: the text was changed")
    safe, named = truth(rows[f"is_response_{side}_safe"]), bool_struct(rows[f"response_{side}_harm_category"], TAXONOMY)
    return judge(
        rows,
        TAXONOMY,
        slot=f"response_{side}",
        response=f"response_{side}",
        verdict=when(safe, "safe", "unsafe"),
        violated=named & ~safe[:, None],
        unjudged=named & safe[:, None],
        severity=rows[f"response_{side}_severity_level"],
        native=[
            *(f"response_{side}_{what}" for what in ("harm_category", "severity_level", "source")),
            *(f"is_response_{side}_safe", "prompt_source", "better_response_id", "safer_response_id"),
        ],
    )


SOURCE = Source(
    name="pku-saferlhf",
    title="PKU-SafeRLHF",
    hub_id="PKU-Alignment/PKU-SafeRLHF",
    revision="9421ffafec3fa40a1f1a7d567b4d525079477ecb",
    files={model.lower(): {split: (f"data/{model}/{split}.jsonl",) for split in ("train", "test")} for model in ("Alpaca-7B", "Alpaca2-7B", "Alpaca3-8B")},
    unions={"default": ("alpaca-7b", "alpaca2-7b", "alpaca3-8b")},
    columns=pa.schema(
        [
            *required("prompt", "response_0", "response_1"),
            *required("is_response_0_safe", "is_response_1_safe", kind=pa.bool_()),
            *required("response_0_harm_category", "response_1_harm_category", kind=bool_struct_type(TAXONOMY)),
            *optional("prompt_source", "response_0_source", "response_1_source", "response_0_sha256", "response_1_sha256"),
            *optional("response_0_severity_level", "response_1_severity_level", "better_response_id", "safer_response_id", kind=pa.int64()),
        ]
    ),
    licence=Licence(
        "CC-BY-NC-4.0",
        "data set card at the pinned revision; lists that say Apache 2.0 are wrong",
        "2026-10-06",
        False,
        "https://huggingface.co/datasets/PKU-Alignment/PKU-SafeRLHF",
    ),
    citation=Citation("Ji, Jiaming", "PKU-SafeRLHF: Towards Multi-Level Safety Alignment for LLMs with Human Preference", 2024, "arXiv:2406.15513"),
    homepage="https://huggingface.co/datasets/PKU-Alignment/PKU-SafeRLHF",
    taxonomies=("pku-saferlhf",),
    decode=decode,
    slots=("response_0", "response_1"),
    language="en",
    lineage={"beavertails": "prompts from the same sources"},
    quirks=(
        "Every row holds two responses and gives two judgements; the prompt alone is not judged.",
        "The config default is the three others together; its rows keep the config and id that they have there.",
        "A few safe responses carry categories or a severity: they stay safe, and those categories count as unjudged.",
        "The publisher names the categories without defining them.",
    ),
)
