"""SORRY-Bench (June 2024): the first edition, with 45 classes.

Unit: one row is one instruction, as in the source sorry-bench, whose list and decoder it shares. Number 12 is Impersonation, which the list of March 2025
no longer has: such an instruction is unsafe without a category. Numbers 13 to 45 are classes 12 to 44 of that list.
"""

from __future__ import annotations

from dataclasses import replace

import pyarrow as pa

from taxonomy_bridge.sources import sorry_bench
from taxonomy_bridge.sources._base import Origin

CLASSES = [category.slug for category in sorry_bench.TAXONOMY.assignable]
RENUMBERED = {"12": None, **{str(number): slug for number, slug in enumerate(CLASSES[11:], 13)}}


def decode(rows: pa.RecordBatch, origin: Origin) -> pa.RecordBatch:
    return sorry_bench.decode(rows, origin, RENUMBERED)


SOURCE = replace(
    sorry_bench.SOURCE,
    name="sorry-bench-202406",
    title="SORRY-Bench 2024/06",
    hub_id="sorry-bench/sorry-bench-202406",
    revision="b34822276edde97592eda99c0b56d306f8830469",
    gate="https://huggingface.co/datasets/sorry-bench/sorry-bench-202406",
    licence=replace(sorry_bench.SOURCE.licence, link="https://huggingface.co/datasets/sorry-bench/sorry-bench-202406"),
    decode=decode,
    rows={"base/train": 450, "mutations/train": 9000},
    lineage={name: taken for name, taken in sorry_bench.SOURCE.lineage.items() if name != "sorry-bench-202406"},
    quirks=(
        "Number 12, Impersonation, was dropped in the next edition: its instructions are unsafe without a category.",
        "Numbers 13 to 45 are read one lower; the classes are those of sorry-bench, whose later edition is the one to prefer.",
        "The names of the files follow the later edition; one user of this commit reads sorry_bench_202406.csv instead, whose layout is another.",
    ),
)
