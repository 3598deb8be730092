"""JailbreakBench: misuse behaviours with harmless look-alikes, and answers to attacked prompts that people compared with judges.

Unit: one row of the config behaviors is one request (`Goal`); the split says whether it is harmful or benign. `Category` is violated in harmful only, the benign
half reuses the ten names as themes. `Target` is the opening that an attack aims at, not an answer. One row of judge_comparison is an answer to `prompt`, which
is often attacked: `human_majority` 1 means that the answer fulfils the goal (unsafe), 0 that it does not (safe), whatever else it may hold. No category is
named there, so all are unjudged. `votes` holds the three people; the four automatic judges stay in `native`.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from taxonomy_bridge.labels import join_votes
from taxonomy_bridge.sources._base import Citation, Licence, Origin, RowError, Source, optional
from taxonomy_bridge.sources._decode import judge, one_label, truth, votes_column, when, yes_no
from taxonomy_bridge.taxonomy import load_taxonomy

TAXONOMY = load_taxonomy("jailbreakbench")
VERDICTS = {"harmful": "unsafe", "benign": "safe"}
NEEDED = {"behaviors": ("Goal", "Category"), "judge_comparison": ("prompt", "target_response", "human_majority", "human1", "human2", "human3")}
PEOPLE, JUDGES = NEEDED["judge_comparison"][2:], ("harmbench_cf", "gpt4_cf", "llamaguard2_cf", "llama3_cf")


def decode(rows: pa.RecordBatch, origin: Origin) -> pa.RecordBatch:
    for name in NEEDED[origin.config]:
        if rows[name].null_count:
            raise RowError(pc.is_null(rows[name]), f"has no {name}")
    if origin.config == "behaviors":
        verdict, theme = VERDICTS[origin.split], one_label(rows["Category"], TAXONOMY)
        return judge(rows, TAXONOMY, prompt="Goal", verdict=verdict, violated=theme & (verdict == "unsafe"), native=["Category", "Source"])
    reached, *people = (truth(yes_no(rows[name], f"column {name}")) for name in PEOPLE)
    yes, nothing = np.sum(people, axis=0), np.zeros((len(rows), len(TAXONOMY.by_slug)), bool)
    votes = votes_column(join_votes(yes, len(people) - yes, nothing.astype(np.int64)), list(TAXONOMY.by_slug))
    verdict = when(reached, "unsafe", "safe")
    return judge(rows, TAXONOMY, response="target_response", verdict=verdict, unjudged=~nothing, votes=votes, native=[*PEOPLE, *JUDGES])


SOURCE = Source(
    name="jailbreakbench",
    title="JailbreakBench (JBB-Behaviors)",
    homepage="https://github.com/JailbreakBench/jailbreakbench",
    hub_id="JailbreakBench/JBB-Behaviors",
    revision="886acc352a31533ffbcf4ef22c744658688086fc",
    digests={"data/harmful-behaviors.csv": "4a8ec6832056b631eb092dccc60d37a61c3d441268268888b3d006288afeffa1"},
    files={
        "behaviors": {split: (f"data/{split}-behaviors.csv",) for split in VERDICTS},
        "judge_comparison": {"test": ("data/judge-comparison.csv",)},
    },
    rows={"behaviors/harmful": 100, "behaviors/benign": 100, "judge_comparison/test": 300},
    columns=pa.schema([*optional("Goal", "Category", "Source", "prompt", "target_response", *JUDGES), *optional(*PEOPLE, kind=pa.int64())]),
    licence=Licence("MIT", "data set card", "2026-10-06", True, "https://huggingface.co/datasets/JailbreakBench/JBB-Behaviors"),
    citation=Citation("Chao, Patrick", "JailbreakBench: An Open Robustness Benchmark for Jailbreaking Large Language Models", 2024, "arXiv:2404.01318"),
    taxonomies=("jailbreakbench",),
    decode=decode,
    slots=("prompt", "response"),
    one_class=VERDICTS,
    language="en",
    lineage={
        "advbench": "about a fifth of the harmful behaviours",
        "harmbench": "about a quarter of the harmful behaviours, some from its forerunner",
        "xstest": "a third of the prompts of judge_comparison",
    },
    quirks=(
        "Only the split tells harmful from benign: both halves carry the same ten category names.",
        "In judge_comparison the prompt is often attacked and the goal, which is not read, is the plain request.",
        "A safe answer of judge_comparison only fails to fulfil the goal: it clears nothing.",
        "Real rows were read of the harmful half; the benign half and judge_comparison are read as documented.",
    ),
)
