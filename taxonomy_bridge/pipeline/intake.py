"""Pass 1: native files to normalised Parquet, one shard per file, with a fixed-width side file for the global steps.

An intake shard is three files: `<n>.parquet` (judgements), `<n>.side.parquet` (hashes and label pattern of each) and
`<n>.json`, the report, which is written last: a shard with a report is finished and is reused.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from taxonomy_bridge import schema, storage, text
from taxonomy_bridge.labels import Pattern, PatternIndex
from taxonomy_bridge.pipeline.plan import InputFile
from taxonomy_bridge.sources._base import Decoded, Source, decode_rows
from taxonomy_bridge.sources._read import Rows, read_rows
from taxonomy_bridge.taxonomy import load_taxonomy

ROW_GROUP = 16_384
AHEAD = 4
JUDGED = [target.value for target in schema.Target]
SIDE = pa.schema(
    [
        ("id_hash", pa.uint64()),
        ("prompt_hash", pa.uint64()),
        ("pair_hash", pa.uint64()),
        ("pattern", pa.int32()),
        ("judged", pa.int8()),
        ("slot", pa.string()),
        ("language", pa.string()),
        ("adversarial", pa.bool_()),
        ("refusal", pa.bool_()),
        ("redacted", pa.bool_()),
        ("empty", pa.bool_()),
    ]
)


@dataclass(frozen=True)
class Shard:
    """A finished intake shard."""

    index: int
    folder: Path
    report: dict[str, Any]
    reused: bool

    @property
    def rows(self) -> Path:
        return self.folder / f"{self.index}.parquet"

    @property
    def side(self) -> Path:
        return self.folder / f"{self.index}.side.parquet"

    @property
    def patterns(self) -> list[Pattern]:
        return [
            Pattern(name, verdict, tuple(violated), tuple(unjudged), exhaustive) for name, verdict, violated, unjudged, exhaustive in self.report["patterns"]
        ]


def finished(index: int, folder: Path) -> Shard | None:
    """The shard if an earlier run finished it."""
    report = folder / f"{index}.json"
    if not report.is_file():
        return None
    shard = Shard(index, folder, json.loads(report.read_text(encoding="utf-8")), True)
    sizes = {path.name: path.stat().st_size for path in (shard.rows, shard.side) if path.is_file()}
    return shard if sizes == shard.report["sizes"] else None


def run(index: int, item: InputFile, source: Source, folder: Path, batch_rows: int) -> Shard:
    """Read, decode, validate and write one file; reuse it if it is finished."""
    done = finished(index, folder)
    if done is not None:
        return done
    shard = Shard(index, folder, {}, False)
    report: dict[str, Any] = {"rows_in": 0, "decoded": 0, "without_judgement": 0, "judgements": 0, "quarantine": []}
    patterns = PatternIndex()
    sides: list[pa.RecordBatch] = []
    slugs = {slug for name in source.taxonomies for slug in load_taxonomy(name).by_slug}
    with storage.atomic(shard.rows, hashed=False) as out, _writer(out, schema.JUDGEMENT) as writer:

        def keep(batch: pa.RecordBatch) -> None:
            schema.validate(batch, slugs)
            sides.append(side_of(batch, patterns))
            writer.write_table(pa.Table.from_batches([batch]), row_group_size=ROW_GROUP)

        _in_order(keep, _row_groups(_counted(_decoded(item, source, batch_rows), report, item)))
    with storage.atomic(shard.side, hashed=False) as out, _writer(out, SIDE) as writer:
        writer.write_table(pa.Table.from_batches(sides, SIDE).combine_chunks(), row_group_size=ROW_GROUP)
    report["quarantine"].sort(key=lambda line: line[1])
    report["patterns"] = [pattern[:5] for pattern in patterns.patterns]
    report["sizes"] = {path.name: path.stat().st_size for path in (shard.rows, shard.side)}
    storage.write_json(folder / f"{index}.json", report, indent=None)
    return Shard(index, folder, report, False)


def _in_order(keep: Callable[[pa.RecordBatch], None], batches: Iterator[pa.RecordBatch]) -> None:
    """Keep batches one after the other in a thread of its own, while the next ones are made."""
    with ThreadPoolExecutor(1) as scribe:
        waiting: deque[Future[None]] = deque()
        for batch in batches:
            waiting.append(scribe.submit(keep, batch))
            if len(waiting) > 1:
                waiting.popleft().result()
        while waiting:
            waiting.popleft().result()


def _writer(out: storage.HashingWriter, columns: pa.Schema) -> pq.ParquetWriter:
    return pq.ParquetWriter(
        out, columns, compression="snappy", use_dictionary=["source", "config", "split", "revision", "judged", "verdict", "taxonomy"]
        if columns is schema.JUDGEMENT else ["slot", "language"], write_statistics=False, write_page_checksum=True, store_schema=True,
    )  # fmt: skip


def _decoded(item: InputFile, source: Source, batch_rows: int) -> Iterator[Decoded]:
    """Decoded batches in order. A few are worked on ahead, in threads of their own, while earlier ones are written."""
    with ThreadPoolExecutor(2) as pool:
        waiting: deque[Future[Decoded]] = deque()
        for part in _parts(item, source, batch_rows):
            waiting.append(pool.submit(decode_rows, source, item.file.origin, part))
            if len(waiting) > AHEAD:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def _parts(item: InputFile, source: Source, batch_rows: int) -> Iterator[Rows]:
    left = item.limit
    for rows in read_rows(item.file.path, source.columns, source.layout):
        if left is not None:
            rows = _first(rows, left)
            left -= len(rows.batch) + len(rows.bad)
        for start in range(0, max(len(rows.batch), 1), batch_rows):
            yield Rows(rows.batch.slice(start, batch_rows), rows.bad if start == 0 else ())
        if left == 0:
            return


def _first(rows: Rows, count: int) -> Rows:
    """The first `count` records of a batch."""
    numbers = sorted([*rows.batch["_row"].to_pylist(), *(bad.row for bad in rows.bad)])[:count]
    last = numbers[-1] if numbers else -1
    return Rows(rows.batch.filter(pc.less_equal(rows.batch["_row"], last)), tuple(bad for bad in rows.bad if bad.row <= last))


def _counted(decoded: Iterator[Decoded], report: dict[str, Any], item: InputFile) -> Iterator[pa.RecordBatch]:
    for part in decoded:
        report["rows_in"] += part.rows_in
        report["decoded"] += part.decoded
        report["without_judgement"] += part.without_judgement
        report["judgements"] += len(part.judgements)
        report["quarantine"] += [[item.file.origin.file, bad.row, bad.reason, bad.sha256] for bad in part.bad]
        if len(part.judgements):
            yield part.judgements


def _row_groups(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Batches of exactly `ROW_GROUP` rows (the last one shorter), each contiguous: page borders follow chunks otherwise."""
    waiting: list[pa.RecordBatch] = []
    rows = 0
    for batch in batches:
        while rows + len(batch) >= ROW_GROUP:
            cut = ROW_GROUP - rows
            yield pa.concat_batches([*waiting, batch.slice(0, cut)])
            waiting, rows, batch = [], 0, batch.slice(cut)
        if len(batch):
            waiting.append(batch)
            rows += len(batch)
    if waiting:
        yield pa.concat_batches(waiting)


def side_of(batch: pa.RecordBatch, patterns: PatternIndex) -> pa.RecordBatch:
    """The fixed-width facts of each judgement. `empty`: the text that was judged is missing or blank."""
    slots = pc.list_element(pc.split_pattern(batch["id"], "#", max_splits=1, reverse=True), 1)
    response = pc.equal(batch["judged"], "response")
    subject = pc.if_else(response, batch["response"], batch["prompt"])
    blank = pc.or_kleene(pc.utf8_is_space(subject), pc.equal(pc.binary_length(subject), 0))
    arrays = {
        "id_hash": pa.array(text.hash_array(batch["id"])),
        "prompt_hash": batch["prompt_hash"],
        "pair_hash": batch["pair_hash"],
        "pattern": patterns.of(batch),
        "judged": pc.index_in(batch["judged"], pa.array(JUDGED)),
        "slot": slots,
        "language": batch["language"],
        "adversarial": batch["adversarial"],
        "refusal": batch["refusal"],
        "redacted": pc.fill_null(batch["redacted"], False),
        "empty": pc.fill_null(blank, True),
    }
    return pa.RecordBatch.from_arrays([arrays[field.name].cast(field.type) for field in SIDE], schema=SIDE)


def read_side(shard: Shard) -> pa.Table:
    """The side file of a finished shard, page checksums verified."""
    return pq.read_table(shard.side, page_checksum_verification=True)


def numpy_of(column: pa.ChunkedArray, fill: Any = None) -> np.ndarray[Any, Any]:
    """A column as numpy; null becomes `fill`."""
    whole = column.combine_chunks()
    values: np.ndarray[Any, Any] = (pc.fill_null(whole, fill) if fill is not None else whole).to_numpy(zero_copy_only=False)
    return values
