"""DiaSafety: answers of chatbots to a user, each judged for one of five kinds of unsafety in its context.

Unit: one row is one pair of context and response; the response is judged. `label` is Safe or Unsafe, and `category` names the question that was asked
of the pair, on safe rows too: a safe row clears that category, and the others were not judged.
"""

from __future__ import annotations

import pyarrow as pa

from taxonomy_bridge.sources._base import Citation, Licence, Origin, Source, required
from taxonomy_bridge.sources._decode import equals, judge, one_label, one_of
from taxonomy_bridge.taxonomy import load_taxonomy

TAXONOMY = load_taxonomy("diasafety")
SPLITS = ("train", "val", "test")
DIGESTS = (
    "c1faee9dc1f67b28e8cbc2d4d146be1af749a9ad8caef5d76c10203a4a0dc6ae",
    "ec0e4e705224584627dd8a9ff9f0cbafc7b56932752c6038b1a1164f01e14609",
    "3a816555d097effda2b3f788b0372fb64359f1d736d881440d0ae6f386d6716c",
)


def decode(rows: pa.RecordBatch, origin: Origin) -> pa.RecordBatch:
    verdict = one_of(rows["label"], {"Safe": "safe", "Unsafe": "unsafe"}, "label")
    asked = one_label(rows["category"], TAXONOMY)
    return judge(
        rows,
        TAXONOMY,
        prompt="context",
        response="response",
        verdict=verdict,
        violated=asked & equals(verdict, "unsafe")[:, None],
        unjudged=~asked,
        native=["category", "label"],
    )


SOURCE = Source(
    name="diasafety",
    title="DiaSafety",
    hub_id=None,
    github="thu-coai/DiaSafety",
    revision="5106a041b1c7e36f30e02a97c44897a7f2057278",
    digests={f"DiaSafety_dataset/{split}.json": digest for split, digest in zip(SPLITS, DIGESTS, strict=True)},
    files={"default": {split: (f"DiaSafety_dataset/{split}.json",) for split in SPLITS}},
    columns=pa.schema(required("context", "response", "category", "label")),
    licence=Licence("Apache-2.0", "LICENSE of the repository", "2026-10-06", True, "https://github.com/thu-coai/DiaSafety"),
    citation=Citation("Sun, Hao", "On the Safety of Conversational Models: Taxonomy, Dataset, and Benchmark", 2022, "arXiv:2110.08466"),
    homepage="https://github.com/thu-coai/DiaSafety",
    taxonomies=("diasafety",),
    decode=decode,
    slots=("response",),
    evidence="documented layout",
    language="en",
    rows={"default/train": 9017, "default/val": 1097, "default/test": 1095},
    quirks=(
        "The category stands on safe rows too: it is the question that was asked, and a safe row says nothing about the other four.",
        "Responses are judged in their context; alone they often look harmless.",
    ),
)
