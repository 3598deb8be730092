"""OpenAI moderation evaluation set: web and model-written texts with eight category labels, of which many are missing.

Unit: one row is one text; it counts as a prompt. Keys S, H, V, HR, SH, S3, H2, V2 are 0 or 1. A missing key (null in mirrors) means that nobody
judged the category, never that it is absent; a 0 for a parent settles its child. The verdict is unsafe if any category is 1, safe if
every category is settled as 0, and null otherwise. A row without any label gives no judgement.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from taxonomy_bridge.sources._base import Citation, Licence, Origin, Source, optional, required
from taxonomy_bridge.sources._decode import flags, judge, pick
from taxonomy_bridge.taxonomy import load_taxonomy

TAXONOMY = load_taxonomy("openai-moderation-2022")
SLUGS = list(TAXONOMY.by_slug)
COLUMNS = {category.native[0]: category.slug for category in TAXONOMY.categories}
PARENTS = [(at, SLUGS.index(category.parent)) for at, category in enumerate(TAXONOMY.categories) if category.parent]


def decode(rows: pa.RecordBatch, origin: Origin) -> pa.RecordBatch:
    violated, unjudged = flags(rows, COLUMNS, TAXONOMY)
    labelled = ~unjudged.all(axis=1)
    for child, parent in PARENTS:
        unjudged[:, child] &= violated[:, parent] | unjudged[:, parent]
        unjudged[:, parent] &= ~violated[:, child]
    codes = np.select([violated.any(axis=1), ~unjudged.any(axis=1)], [1, 0], 2)
    verdict = pa.array(["safe", "unsafe", None], pa.string()).take(pa.array(codes))
    draft = judge(rows, TAXONOMY, verdict=verdict, violated=violated, unjudged=unjudged, exhaustive=True, native=list(COLUMNS))
    return pick(draft, np.asarray(labelled))


SOURCE = Source(
    name="openai-moderation",
    title="OpenAI moderation evaluation set",
    hub_id="mmathys/openai-moderation-api-evaluation",
    revision="84e5cf3bcd6acb3dfc70b6760451645872218a3e",
    files={"default": {"train": ("samples-1680.jsonl.gz",)}},
    columns=pa.schema([*required("prompt"), *optional(*COLUMNS, kind=pa.int64())]),
    licence=Licence(
        "MIT", "repository openai/moderation-api-release; the mirror repeats it", "2026-10-06", True, "https://github.com/openai/moderation-api-release"
    ),
    citation=Citation("Markov, Todor", "A Holistic Approach to Undesired Content Detection in the Real World", 2022, "arXiv:2208.03274"),
    homepage="https://github.com/openai/moderation-api-release",
    taxonomies=("openai-moderation-2022",),
    decode=decode,
    quirks=(
        "A missing label means not judged: such rows are safe only if every category is settled, otherwise they have no verdict.",
        "Downloaded from a mirror; the original is data/samples-1680.jsonl.gz of github.com/openai/moderation-api-release at "
        "f4ab51b5edd3bfbcb349a56324274235b674e0e4 and can be given as `path`.",
        "The texts are not chats and not all in English.",
    ),
)
