"""SimpleSafetyTests: a hundred plainly unsafe prompts, twenty for each of five harm areas.

Unit: one row is one prompt; all are unsafe. `harm_area` is the violated category, `category` the form of the request (seeking information or asking for action)
and no harm. The hub has the text in `prompt`, the repository in `prompts_final`, with other spellings of the areas; both files are read. The hub is pinned and
is the default; the file of the repository is given by its path. There is no safe case and no missing label.
"""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from taxonomy_bridge.sources._base import Citation, Licence, Origin, RowError, Source, optional, required
from taxonomy_bridge.sources._decode import judge, one_label
from taxonomy_bridge.taxonomy import load_taxonomy

TAXONOMY = load_taxonomy("simple-safety-tests")


def decode(rows: pa.RecordBatch, origin: Origin) -> pa.RecordBatch:
    text = pc.coalesce(rows["prompt"], rows["prompts_final"])
    if text.null_count:
        raise RowError(pc.is_null(text), "has neither prompt nor prompts_final")
    area = one_label(rows["harm_area"], TAXONOMY)
    return judge(rows.append_column("text", text), TAXONOMY, prompt="text", verdict="unsafe", violated=area, native=["harm_area", "category"])


SOURCE = Source(
    name="simple-safety-tests",
    title="SimpleSafetyTests",
    hub_id="Bertievidgen/SimpleSafetyTests",
    revision="98223c5d8c4059c8f4d8fe2fec8720ee8a20d3c5",
    files={"default": {"test": ("sst_test_cases.csv",)}},
    rows={"default/test": 100},
    columns=pa.schema([*required("harm_area"), *optional("category", "prompt", "prompts_final")]),
    licence=Licence(
        "CC-BY-4.0",
        "repository bertiev/SimpleSafetyTests; listings of the hub show CC BY 2.0 for the card",
        "2026-10-06",
        True,
        "https://github.com/bertiev/SimpleSafetyTests",
    ),
    citation=Citation(
        "Vidgen, Bertie", "SimpleSafetyTests: a Test Suite for Identifying Critical Safety Risks in Large Language Models", 2023, "arXiv:2311.08370"
    ),
    taxonomies=("simple-safety-tests",),
    decode=decode,
    homepage="https://github.com/bertiev/SimpleSafetyTests",
    verdicts=frozenset({"unsafe"}),
    language="en",
    quirks=(
        "All prompts are unsafe: there is no safe half.",
        "The column category is the form of the request, not a harm.",
        'The file "SimpleSafetyTests - test cases.csv" of github.com/bertiev/SimpleSafetyTests at d7aee9a9422a5a5488f478fd79c2479c891c0f3b has other column names '
        "and spellings (Child safety for Child Abuse) and can be given as `path`.",
        "Real rows were read in the layout of the repository; that of the hub is documented only.",
    ),
)
