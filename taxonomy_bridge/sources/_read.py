"""Native files in, typed row batches out, with every unreadable record counted.

A record is one line, one array element, one CSV record or one table row, numbered from 0 in file order; unreadable
records keep their number. Formats by ending: .jsonl, .json (lines, one array, or what `Layout` says), .csv, .tsv, .txt (one text per line), .parquet,
.arrow, each text format also with .gz, .xz, .zst, .bz2, or alone in a .zip. A file that cannot be read at all raises `InputError`; a record that cannot is a `BadRow`.
"""

from __future__ import annotations

import bz2
import codecs
import gzip
import io
import lzma
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from taxonomy_bridge.errors import InputError
from taxonomy_bridge.sources._csv import read_csv
from taxonomy_bridge.sources._json import read_json
from taxonomy_bridge.sources._lines import read_lines
from taxonomy_bridge.sources._rows import ROW, BadRow, Layout, Rows, bad_rows, nullable, with_row, without_missing

__all__ = ["COMPRESSIONS", "ENDINGS", "ROW", "BadRow", "Layout", "Rows", "bad_rows", "native_name", "read_rows"]

MAX_DECODED = 64 << 30
COMPRESSIONS = (".gz", ".xz", ".zst", ".bz2", ".zip")
ENDINGS = (".jsonl", ".ndjson", ".json", ".csv", ".tsv", ".txt", ".parquet", ".arrow")


def native_name(path: Path) -> str:
    """File name without a compression ending.

    >>> native_name(Path("round0/30k/train.jsonl.gz"))
    'train.jsonl'
    """
    return path.name.removesuffix(path.suffix) if path.suffix in COMPRESSIONS else path.name


def read_rows(path: Path, columns: pa.Schema, layout: Layout = Layout()) -> Iterator[Rows]:  # noqa: B008
    """All records of a file in order, as batches with `columns` and `_row`.

    A column declared not null must have a value in every record. Columns that `columns` does not name are ignored.
    """
    ending = Path(native_name(path)).suffix
    if ending not in ENDINGS:
        kinds = f"{', '.join(ENDINGS)}, text also with {', '.join(COMPRESSIONS)}"
        packed = f"{path.suffix} without the ending of what is in it (as in data.jsonl{path.suffix})"
        raise InputError(f"{path.name}: cannot read {ending or (packed if path.suffix in COMPRESSIONS else 'a file without ending')}. Readable: {kinds}.")
    _refuse_impostors(path, ending)
    total = readable = 0
    first_reason = ""
    for rows in _numbered(path, ending, columns, layout):
        kept = without_missing(rows, columns)
        total += len(kept.batch) + len(kept.bad)
        readable += len(kept.batch)
        first_reason = first_reason or (kept.bad[0].reason if kept.bad else "")
        yield kept
    if not total:
        raise InputError(f"{path.name}: holds no records. Download it again, or remove it from the recipe.")
    if not readable:
        raise InputError(f"{path.name}: none of its {total} records can be read. The first: {first_reason}.")


def _numbered(path: Path, ending: str, columns: pa.Schema, layout: Layout) -> Iterator[Rows]:
    if ending == ".parquet":
        return _read_parquet(path, columns)
    if ending == ".arrow":
        return _read_arrow(path, columns)
    if ending in (".csv", ".tsv"):
        delimiter = layout.delimiter or ("\t" if ending == ".tsv" else ",")
        return read_csv(lambda: _open(path, layout.encoding), path.name, columns, delimiter, layout.header)
    if ending == ".txt":
        return read_lines(_open(path, layout.encoding), columns)
    return read_json(_open(path, layout.encoding), path.name, columns, layout, array_allowed=ending == ".json" or layout.array)


class _Limited(io.RawIOBase):
    """A decoded stream that stops at `MAX_DECODED` bytes and turns decoder errors into ours."""

    def __init__(self, inner: BinaryIO, name: str) -> None:
        self.inner, self.name, self.count = inner, name, 0

    def readable(self) -> bool:
        return True

    def readinto(self, target: Any) -> int:
        data = self.read(len(target))
        target[: len(data)] = data
        return len(data)

    def read(self, size: int = -1) -> bytes:
        try:
            data = self.inner.read(size)
        except (OSError, EOFError, lzma.LZMAError, zipfile.BadZipFile, zlib.error, pa.ArrowInvalid, ValueError) as error:
            raise InputError(f"{self.name}: damaged or cut off after {self.count} decoded bytes ({error}). Download it again.") from error
        self.count += len(data)
        if self.count > MAX_DECODED:
            raise InputError(f"{self.name}: decodes to more than {MAX_DECODED >> 30} GiB. Unpack it and split it into smaller files.")
        return data


def _open(path: Path, encoding: str = "utf-8") -> _Limited:
    openers: dict[str, Callable[[Path], Any]] = {
        ".gz": gzip.open,
        ".xz": lzma.open,
        ".bz2": bz2.open,
        ".zst": lambda file: pa.CompressedInputStream(pa.OSFile(str(file)), "zstd"),
        ".zip": _open_zip,
    }
    opener: Callable[[Path], Any] = openers.get(path.suffix, lambda file: file.open("rb"))
    stream = _Limited(opener(path), path.name)
    if encoding == "utf-8":
        return stream
    return _Limited(codecs.EncodedFile(cast(BinaryIO, stream), "utf-8", encoding), path.name)


def _open_zip(path: Path) -> BinaryIO:
    """The one data file of a zip; what macOS adds is no data. Nothing is unpacked to disk, and the names inside are used for nothing else."""
    try:
        packed = zipfile.ZipFile(path)
        members = [item for item in packed.namelist() if not item.endswith("/") and not item.startswith("__MACOSX/")]
        if len(members) != 1:
            raise InputError(f"{path.name}: holds {len(members)} files, expected one. Unpack it and name the file to read.")
        return cast(BinaryIO, packed.open(members[0]))
    except (zipfile.BadZipFile, RuntimeError, NotImplementedError) as error:
        raise InputError(f"{path.name}: not readable as zip: {error}. Download it again.") from error


_MAGIC = {b"\x1f\x8b": "gzip", b"\xfd7zXZ": "xz", b"(\xb5/\xfd": "zstd", b"BZh": "bzip2", b"PAR1": "Parquet", b"PK\x03\x04": "zip"}
_COMPRESSED_AS = {".gz": "gzip", ".xz": "xz", ".zst": "zstd", ".bz2": "bzip2", ".zip": "zip"}


def _refuse_impostors(path: Path, ending: str) -> None:
    try:
        with path.open("rb") as file:
            head = file.read(512)
    except OSError as error:
        raise InputError(f"{path.name}: cannot be opened: {error.strerror}.") from error
    if not head:
        raise InputError(f"{path.name}: the file is empty. Download it again.")
    if head.startswith(b"version https://git-lfs"):
        raise InputError(f"{path.name}: a Git LFS pointer, not the data. Run `git lfs pull`, or download the file itself.")
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise InputError(f"{path.name}: UTF-16 text. Convert it to UTF-8.")
    if head.lstrip()[:15].lower().startswith((b"<!doctype", b"<html", b"<?xml")):
        raise InputError(f"{path.name}: a web page, not data: the download probably ended at an error or login page.")
    found = next((kind for magic, kind in _MAGIC.items() if head.startswith(magic)), None)
    expected = _COMPRESSED_AS.get(path.suffix) or ("Parquet" if ending == ".parquet" else None)
    if found != expected and (found or expected):
        promise, content = expected or f"plain {ending[1:]}", found or "something else"
        raise InputError(f"{path.name}: the name promises {promise}, the content is {content}. Rename it or download it again.")


# --- tables -----------------------------------------------------------------------------------------------------------


def _read_parquet(path: Path, columns: pa.Schema) -> Iterator[Rows]:
    try:
        file = pq.ParquetFile(path, page_checksum_verification=True, pre_buffer=False)
        present = _present(file.schema_arrow, columns, path.name)
        yield from _tables(file.iter_batches(batch_size=8192, columns=present), columns, path.name)
    except (pa.ArrowInvalid, OSError) as error:
        raise InputError(f"{path.name}: damaged Parquet: {error}. Download it again.") from error


def _read_arrow(path: Path, columns: pa.Schema) -> Iterator[Rows]:
    """Arrow IPC, as a file or as a stream."""
    try:
        source = pa.OSFile(str(path))
        if source.read(6) == b"ARROW1":
            reader = pa.ipc.open_file(path)
            batches: Iterator[pa.RecordBatch] = (reader.get_batch(index) for index in range(reader.num_record_batches))
        else:
            source.seek(0)
            reader = pa.ipc.open_stream(source)
            batches = iter(reader)
        present = _present(reader.schema, columns, path.name)
        yield from _tables((batch.select(present) for batch in batches), columns, path.name)
    except (pa.ArrowInvalid, OSError) as error:
        raise InputError(f"{path.name}: damaged Arrow file: {error}. Download it again.") from error


def _present(found: pa.Schema, columns: pa.Schema, name: str) -> list[str]:
    missing = [field.name for field in columns if not field.nullable and field.name not in found.names]
    if missing:
        raise InputError(f"{name}: lacks the columns {', '.join(missing)}. It has: {', '.join(found.names)}. Is it another data set or release?")
    return [field.name for field in columns if field.name in found.names]


def _tables(batches: Iterator[pa.RecordBatch], columns: pa.Schema, name: str) -> Iterator[Rows]:
    first = 0
    for batch in batches:
        batch.validate(full=True)
        arrays = []
        for field in columns:
            column = batch[field.name] if field.name in batch.schema.names else pa.nulls(len(batch), field.type)
            try:
                arrays.append(column.cast(field.type))
            except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
                raise InputError(f"{name}: column {field.name} is {column.type}, expected {field.type} ({error}).") from error
        typed = pa.RecordBatch.from_arrays(arrays, schema=nullable(columns))
        yield Rows(with_row(typed, np.arange(first, first + len(batch), dtype=np.int64)), ())
        first += len(batch)
