"""Pass 2: selected rows to output shards.

First every intake shard hands its selected rows to buckets, one per output shard (`buckets/<output>/<intake>.parquet`). Then each output
shard is rendered, converted and written on its own. A shard's report is written last; a shard with a report is finished and is
reused. Row groups have a fixed size and are contiguous, so bytes do not depend on batches or workers.
"""

from __future__ import annotations

import json
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from taxonomy_bridge import schema, storage
from taxonomy_bridge.exporters._base import Exporter
from taxonomy_bridge.exporters._content import ContentHash, GoldDigest
from taxonomy_bridge.exporters._json import json_block
from taxonomy_bridge.pipeline import intake, samples
from taxonomy_bridge.pipeline.draw import Samples
from taxonomy_bridge.pipeline.plan import Plan
from taxonomy_bridge.pipeline.select import Judgements
from taxonomy_bridge.storage import HashingWriter

ROW_GROUP = 4096
NEEDED = ("id", "source", "judged", "history", "prompt", "response", "language")
SPLITS = ("train", "test")


@dataclass(frozen=True)
class Output:
    """One output shard: ranks `start` to `end` of the samples, all of one split."""

    number: int
    split: str
    place: int
    of: int
    start: int
    end: int

    def file(self, export: tuple[Exporter, str, str]) -> str:
        """Path of this shard below the output folder."""
        exporter, kind, ending = export
        return f"{folder_of(exporter, kind)}/{self.split}-{self.place:05d}-of-{self.of:05d}.{ending}"


def folder_of(exporter: Exporter, kind: str) -> str:
    """`data/<exporter>` for its default kind, else `data/<exporter>-<kind>`."""
    return f"data/{exporter.name}" if kind == exporter.kinds[0] else f"data/{exporter.name}-{kind}"


def outputs(chosen: Samples, shard_rows: int) -> list[Output]:
    """Cut every split into shards of `shard_rows`; a split without samples has none."""
    found: list[Output] = []
    for code, split in enumerate(SPLITS):
        ranks = np.flatnonzero(chosen.split == code)
        count = -(-len(ranks) // shard_rows)
        for place in range(count):
            start = int(ranks[0]) + place * shard_rows
            found.append(Output(len(found), split, place, count, start, min(start + shard_rows, int(ranks[-1]) + 1)))
    return found


def piece_rows(rows: Judgements, chosen: Samples, output: Output, shard: int) -> NDArray[np.int64]:
    """Rows of one intake shard that one output shard needs, ascending."""
    judgement = chosen.judgement[output.start : output.end]
    return np.unique(rows.row[judgement[rows.shard[judgement] == shard]])


def fill_buckets(shard: intake.Shard, rows: Judgements, chosen: Samples, outs: list[Output], folder: Path) -> None:
    """Give every output shard its rows of one intake shard."""
    done = folder / f"{shard.index}.done"
    if done.is_file():
        return
    wanted = {out.number: piece_rows(rows, chosen, out, shard.index) for out in outs}
    wanted = {number: at for number, at in wanted.items() if len(at)}
    columns = pa.schema([schema.JUDGEMENT.field(name) for name in NEEDED])
    with ExitStack() as stack:
        writers = {}
        for number in wanted:
            out = stack.enter_context(storage.atomic(folder / str(number) / f"{shard.index}.parquet", hashed=False))
            writers[number] = stack.enter_context(
                pq.ParquetWriter(out, columns, compression="zstd", compression_level=1, use_dictionary=False, write_statistics=False, write_page_checksum=True)
            )
        first = 0
        for batch in stream(shard.rows, columns.names):
            for number, at in wanted.items():
                inside = at[(at >= first) & (at < first + len(batch))] - first
                if len(inside):
                    # A row group each: `write_batch` would hold all of them in memory until the writer closes.
                    writers[number].write_table(pa.Table.from_batches([batch.take(pa.array(inside))]))
            first += len(batch)
    storage.write_bytes(done, b"")


def stream(path: Path, columns: list[str]) -> Any:
    return pq.ParquetFile(path, page_checksum_verification=True, pre_buffer=False).iter_batches(batch_size=32_768, columns=columns, use_threads=False)


def read_output(out: Output, rows: Judgements, chosen: Samples, shards: int, folder: Path) -> tuple[pa.Table, NDArray[np.int64]]:
    """The rows of an output shard and, for each of its samples in order, which of them it uses."""
    judgement = chosen.judgement[out.start : out.end]
    place = np.zeros(len(judgement), np.int64)
    tables, base = [], 0
    for shard in range(shards):
        own = rows.shard[judgement] == shard
        if own.any():
            at = piece_rows(rows, chosen, out, shard)
            tables.append(pq.read_table(folder / str(out.number) / f"{shard}.parquet", page_checksum_verification=True, use_threads=False, pre_buffer=False))
            place[own] = base + np.searchsorted(at, rows.row[judgement[own]])
            base += len(at)
    return pa.concat_tables(tables).combine_chunks(), place


def batches_of(out: Output, table: pa.Table, place: NDArray[np.int64], rows: Judgements, chosen: Samples, maker: samples.SampleMaker) -> Any:
    """(samples, neutralised) of every row group of an output shard."""
    for start in range(0, len(place), ROW_GROUP):
        ranks = np.arange(out.start + start, min(out.start + start + ROW_GROUP, out.end))
        part = table.take(pa.array(place[start : start + ROW_GROUP])).combine_chunks().to_batches()[0]
        yield maker.make(part, chosen_at(ranks, rows, chosen))


def chosen_at(ranks: NDArray[np.int64], rows: Judgements, chosen: Samples) -> samples.Chosen:
    """What the selection says of some ranks."""
    judgement = chosen.judgement[ranks]
    return samples.Chosen(
        **{name: getattr(chosen, name)[ranks] for name in samples.Chosen._fields if name not in ("entry", "pattern")},
        entry=rows.entry[judgement],
        pattern=rows.pattern[judgement],
    )


class ExportFile:
    """One exported file being written."""

    def __init__(self, export: tuple[Exporter, str, str], out: HashingWriter, stack: ExitStack) -> None:
        self.exporter, self.kind, ending = export
        self.out, columns = out, self.exporter.schema(self.kind)
        self.content, self.rows = ContentHash(columns), 0
        self.parquet = stack.enter_context(_parquet(out, columns)) if ending == "parquet" else None

    def write(self, batch: pa.RecordBatch) -> None:
        converted = self.exporter.convert(batch, self.kind)
        self.content.update(converted)
        self.rows += len(converted)
        if self.parquet is not None:
            self.parquet.write_table(pa.Table.from_batches([converted]), row_group_size=ROW_GROUP)
        else:
            self.out.write(json_block(converted))


def _parquet(out: HashingWriter, columns: pa.Schema) -> pq.ParquetWriter:
    small = ["data_source", "ability", "judged", "benchmark", "split", "lang", "proof", "policy_id"]
    return pq.ParquetWriter(
        out, columns, compression="zstd", compression_level=1, use_dictionary=[name for name in small if name in columns.names],
        write_statistics=False, write_page_checksum=True, store_schema=False,
    )  # fmt: skip


def write_output(
    out: Output, plan: Plan, rows: Judgements, chosen: Samples, maker: samples.SampleMaker, work: Path, target: Path
) -> tuple[dict[str, Any], bool]:
    """Write one output shard for every exporter; its report, and whether an earlier run had finished it."""
    report_path = work / "out" / f"{out.number}.json"
    exports = [export for export in plan.exporters if export[1] != "coldstart"]
    if report_path.is_file():
        report: dict[str, Any] = json.loads(report_path.read_text(encoding="utf-8"))
        if all((target / file["path"]).is_file() and (target / file["path"]).stat().st_size == file["bytes"] for file in report["files"]):
            return report, True
    table, place = read_output(out, rows, chosen, len(plan.files), work / "buckets")
    tally = _Tally()
    with ExitStack() as outer:
        sinks = [outer.enter_context(storage.atomic(target / out.file(export))) for export in exports]
        requests = outer.enter_context(storage.atomic(work / "out" / f"{out.number}.requests.jsonl")) if len(exports) < len(plan.exporters) else None
        with ExitStack() as inner:
            files = [ExportFile(export, sink, inner) for export, sink in zip(exports, sinks, strict=True)]
            for batch, changed in batches_of(out, table, place, rows, chosen, maker):
                for file in files:
                    file.write(batch)
                if requests is not None:
                    requests.write(request_block(batch))
                tally.add(batch, changed, maker.tokens.count(batch["text"]))
    storage.write_bytes(work / "out" / f"{out.number}.gold", tally.gold.dump())
    report = tally.to_value() | {"files": [described(out, export, file) for export, file in zip(exports, files, strict=True)]}
    storage.write_json(report_path, report, indent=None)
    return report, False


def request_block(batch: pa.RecordBatch) -> bytes:
    """Teacher requests as JSON lines: id, messages, then everything else that the sample holds except the answer; a teacher is sent `messages`."""
    messages = pa.ListArray.from_arrays(
        pa.array(np.arange(len(batch) + 1, dtype=np.int32)),
        pa.StructArray.from_arrays([pa.repeat("user", len(batch)), batch["text"]], names=["role", "content"]),
    )
    names = [name for name in batch.schema.names if name not in ("sample_id", "text", "answer")]
    columns = {"id": batch["sample_id"], "messages": messages} | {name: batch[name] for name in names}
    return json_block(pa.RecordBatch.from_arrays(list(columns.values()), names=list(columns)))


def described(out: Output, export: tuple[Exporter, str, str], file: ExportFile) -> dict[str, Any]:
    return {
        "path": out.file(export), "exporter": file.exporter.name, "kind": file.kind, "split": out.split, "rows": file.rows,
        "bytes": file.out.bytes, "sha256": file.out.sha256, "content_hash": file.content.hexdigest(),
    }  # fmt: skip


class _Tally:
    """Counters of one output shard."""

    def __init__(self) -> None:
        self.gold = GoldDigest()
        self.tokens: dict[int, int] = {}
        self.final: dict[str, int] = {}
        self.golds: dict[str, int] = {}
        self.neutralised = 0

    def add(self, batch: pa.RecordBatch, changed: NDArray[np.bool_], tokens: NDArray[np.int64]) -> None:
        self.gold.update(batch["sample_id"], batch["gold"])
        self.neutralised += int(changed.sum())
        for length, count in samples.histogram(tokens).items():
            self.tokens[length] = self.tokens.get(length, 0) + count
        for counter, columns in ((self.final, ("source", "split", "verdict")), (self.golds, ("taxonomy", "category"))):
            keys = pc.binary_join_element_wise(*(batch[name] for name in columns), "\t").value_counts()
            for key, count in zip(keys.field("values").to_pylist(), keys.field("counts").to_pylist(), strict=True):
                counter[key] = counter.get(key, 0) + count

    def to_value(self) -> dict[str, Any]:
        return {"tokens": self.tokens, "final": self.final, "golds": self.golds, "neutralised": self.neutralised}
