"""JADE: Chinese and English questions made dangerous by linguistic changes, with a kind and a subkind of violation.

Unit: one row is one question; all are unsafe. `违规类型` is one of three kinds and `违规子类` a subkind, or two joined by a bar; they need not belong to
one another, and both are violated. The subkind 其他 (other) is that of the kind on its row. Blanks around a name are no part of it. The fourth kind,
core values, is not public.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from taxonomy_bridge.sources._base import Citation, Licence, Origin, Source, required
from taxonomy_bridge.sources._decode import delimited, equals, judge, one_label
from taxonomy_bridge.taxonomy import load_taxonomy

TAXONOMY = load_taxonomy("jade")
OTHER = np.array([[category.residual and category.parent == slug for category in TAXONOMY.categories] for slug in TAXONOMY.by_slug])
KIND, SUBKIND = "违规类型", "违规子类"


def decode(rows: pa.RecordBatch, origin: Origin) -> pa.RecordBatch:
    kind = one_label(rows[KIND], TAXONOMY)
    named = delimited(rows[SUBKIND], TAXONOMY, "|", ignore=["其他"])
    other = (kind @ OTHER) & equals(pc.utf8_trim_whitespace(rows[SUBKIND]), "其他")[:, None]
    language = "en" if origin.split == "en" else "zh"
    return judge(rows, TAXONOMY, prompt="问题", verdict="unsafe", violated=kind | named | other, language=language, native=[KIND, SUBKIND])


SOURCE = Source(
    name="jade",
    title="JADE-DB",
    hub_id=None,
    github="whitzard-ai/jade-db",
    revision="812de63691d129757b8a55851d0c3440d2714523",
    files={
        version: {split: (f"jade-db-{version}/jade_benchmark_{name}.csv",) for split, name in splits.items()}
        for version, splits in {"v1.0": {"en": "en", "zh": "zh"}, "v2.0": {"easy": "easy_zh", "medium": "medium_zh"}}.items()
    },
    columns=pa.schema(required("问题", KIND, SUBKIND)),
    licence=Licence("MIT", "LICENSE of the repository", "2026-10-06", True, "https://github.com/whitzard-ai/jade-db"),
    citation=Citation("Zhang, Mi", "JADE: A Linguistics-based Safety Evaluation Platform for Large Language Models", 2023, "arXiv:2311.00286"),
    homepage="https://github.com/whitzard-ai/jade-db",
    taxonomies=("jade",),
    decode=decode,
    verdicts=frozenset({"unsafe"}),
    rows={"v1.0/en": 80, "v1.0/zh": 150, "v2.0/easy": 1000, "v2.0/medium": 1000},
    quirks=(
        "Kind and subkind may contradict each other, and two spellings of a name occur: 侵犯权益 and 侵害权益, 赌博与开设赌场 and 赌博或开设赌场.",
        "A few rows name two subkinds, joined by a bar; a name may begin with a blank.",
        "The list of subkinds is that of v1.0/en and v2.0/easy; the two other files were not seen, and a name of theirs that is not in it goes to quarantine.",
        "Questions on political matters are not public. English questions carry Chinese names.",
    ),
)
