"""MultiJail: unsafe English prompts, each translated by people into nine languages.

Unit: one row is one prompt and gives ten judgements, one per language column; the code of the language is the slot. Every prompt is unsafe by construction.
`tags` is a Python list written as text, with one to four topics: the names hold commas, so the list is parsed and never split. The tags are those of the
Anthropic red-team attempts, from which 300 of the 315 prompts come (`source`). They were given to the English prompt and hold for its translations.
"""

from __future__ import annotations

import ast

import pyarrow as pa
import pyarrow.compute as pc

from taxonomy_bridge.sources._base import Citation, Licence, Origin, RowError, Source, optional, required
from taxonomy_bridge.sources._decode import judge, listed, together
from taxonomy_bridge.taxonomy import load_taxonomy

TAXONOMY = load_taxonomy("multijail")
LANGUAGES = ("en", "zh", "it", "vi", "ar", "ko", "th", "bn", "sw", "jv")


def decode(rows: pa.RecordBatch, origin: Origin) -> pa.RecordBatch:
    coded = rows["tags"].dictionary_encode()
    tags = pa.array([_names(text) for text in coded.dictionary.to_pylist()], pa.list_(pa.string())).take(coded.indices)
    if tags.null_count:
        raise RowError(pc.is_null(tags), "tags are no Python list of texts")
    named = listed(tags, TAXONOMY)
    return together(
        *[judge(rows, TAXONOMY, prompt=code, slot=code, language=code, verdict="unsafe", violated=named, native=["tags", "source"]) for code in LANGUAGES]
    )


def _names(text: str) -> list[str] | None:
    try:
        found = ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return None
    return found if isinstance(found, list) and all(isinstance(name, str) for name in found) else None


SOURCE = Source(
    name="multijail",
    title="MultiJail",
    hub_id="DAMO-NLP-SG/MultiJail",
    revision="93d65c778925d55973b9ff30c7bccc8545494eb6",
    files={"default": {"train": ("MultiJail.csv",)}},
    columns=pa.schema([*required("tags", *LANGUAGES), *optional("source")]),
    licence=Licence("MIT", "data set card and repository", "2026-10-06", True, "https://huggingface.co/datasets/DAMO-NLP-SG/MultiJail"),
    citation=Citation("Deng, Yue", "Multilingual Jailbreak Challenges in Large Language Models", 2023, "arXiv:2310.06474"),
    homepage="https://github.com/DAMO-NLP-SG/multilingual-safety-for-LLMs",
    taxonomies=("multijail",),
    decode=decode,
    slots=LANGUAGES,
    verdicts=frozenset({"unsafe"}),
    rows={"default/train": 315},
    lineage={"anthropic-red-team": "300 of the 315 prompts"},
    quirks=(
        "One row is ten prompts in ten languages: keep the translations of a prompt on one side of a split.",
        "All prompts are unsafe, so the source gives no safe examples; tags name topics and clear nothing.",
        "The file begins with a byte order mark and holds line breaks inside fields.",
    ),
)
