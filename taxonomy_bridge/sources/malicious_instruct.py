"""MaliciousInstruct: a hundred malicious instructions in a plain text file.

Unit: one line is one instruction; all are unsafe. The file has no labels. In the config default nobody judged the categories, so all ten are unjudged. The
config by-position repeats what others do with the file: ten lines for each of the ten intents, in the order of the paper. That is inferred from the position
and holds for the published file only; a line after the hundredth has no intent there and goes to quarantine.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from taxonomy_bridge.sources._base import Citation, Licence, Origin, RowError, Source, required
from taxonomy_bridge.sources._decode import judge
from taxonomy_bridge.sources._read import ROW
from taxonomy_bridge.taxonomy import load_taxonomy

TAXONOMY = load_taxonomy("malicious-instruct")
BLOCK = 10


def decode(rows: pa.RecordBatch, origin: Origin) -> pa.RecordBatch:
    unknown = np.ones((len(rows), len(TAXONOMY.categories)), bool)
    if origin.config == "default":
        return judge(rows, TAXONOMY, prompt="line", verdict="unsafe", unjudged=unknown, native=[])
    block = rows[ROW].to_numpy() // BLOCK
    if (block >= len(TAXONOMY.categories)).any():
        raise RowError(pa.array(block >= len(TAXONOMY.categories)), "stands after the last block of ten lines")
    return judge(rows, TAXONOMY, prompt="line", verdict="unsafe", violated=block[:, None] == np.arange(len(TAXONOMY.categories)), native=[])


SOURCE = Source(
    name="malicious-instruct",
    title="MaliciousInstruct",
    homepage="https://github.com/Princeton-SysML/Jailbreak_LLM",
    hub_id=None,
    github="Princeton-SysML/Jailbreak_LLM",
    revision="1e490531c0ef4bc13430178bf1fbc8f813e34b1a",
    digests={"data/MaliciousInstruct.txt": "a64d69dd1004aac4a23aaff3748fb8f17161893f74db36f45b8bc849eb1bcce5"},
    files={config: {"train": ("data/MaliciousInstruct.txt",)} for config in ("default", "by-position")},
    rows={"default/train": 100, "by-position/train": 100},
    columns=pa.schema(required("line")),
    licence=Licence(
        "unknown", "no licence file in the repository; mirrors say MIT or CC BY-SA 4.0", "2026-10-06", None, "https://github.com/Princeton-SysML/Jailbreak_LLM"
    ),
    citation=Citation("Huang, Yangsibo", "Catastrophic Jailbreak of Open-source LLMs via Exploiting Generation", 2023, "arXiv:2310.06987"),
    taxonomies=("malicious-instruct",),
    decode=decode,
    verdicts=frozenset({"unsafe"}),
    language="en",
    quirks=(
        "No labels in the file: the intents of the config by-position are inferred from the line number, a reading by third parties.",
        "Mirrors may order the rows differently: read only the published file by position.",
        "Both configs are the same file: use one of them.",
        "The publisher states no licence.",
    ),
)
