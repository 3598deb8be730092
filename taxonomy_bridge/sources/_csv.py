"""CSV and TSV in, typed row batches out.

Every field is read as bytes and converted here, so that a bad value costs its record and not the file. An empty field of a text column is
the empty text; of any other column it is null.
"""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pc_csv

from taxonomy_bridge.errors import InputError
from taxonomy_bridge.sources._rows import MAX_LINE, ROW, BadRow, Rows

BLOCKS = (4 << 20, 256 << 20)
_BOOLEANS = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}


def read_csv(open_stream: Callable[[], Any], name: str, columns: pa.Schema, delimiter: str, header: bool) -> Iterator[Rows]:
    """All records of a file; `open_stream` is called again with a larger block if a record does not fit into one.

    Without a header, blank fields at the end of the first record are fields that every record has and no column of the contract names.
    """
    names = _header(open_stream(), delimiter, name)
    if not header:
        further = names[len(columns) :]
        names = [*columns.names, *(f"blank {at}" for at in range(len(further)) if not any(further))]
    missing = [field.name for field in columns if not field.nullable and field.name not in names]
    if missing:
        raise InputError(f"{name}: lacks the columns {', '.join(missing)}. It has: {', '.join(names)}. Is it another data set or release?")
    twice = sorted({field.name for field in columns if names.count(field.name) > 1})
    if twice:
        raise InputError(f"{name}: the header names {', '.join(twice)} more than once. Keep the right column only.")
    done = -1
    for block in BLOCKS:
        try:
            for rows in _read(open_stream(), columns, names, delimiter, header, block, done):
                numbers = [*rows.batch["_row"].to_pylist()[-1:], *(bad.row for bad in rows.bad)]
                done = max([done, *numbers])
                yield rows
            return
        except pa.ArrowInvalid as error:
            if "straddling" not in str(error):
                raise InputError(f"{name}: not readable as CSV: {' '.join(str(error).split())}.") from error
    raise InputError(f"{name}: a record is longer than {BLOCKS[-1] >> 20} MiB: probably a quotation mark is never closed.")


def _header(stream: Any, delimiter: str, name: str) -> list[str]:
    text = stream.read(1 << 16).removeprefix(b"\xef\xbb\xbf").decode("utf-8", "replace")
    try:
        return next(csv.reader(io.StringIO(text), delimiter=delimiter), [])
    except csv.Error as error:
        raise InputError(f"{name}: the header cannot be read: {error}.") from error


def _read(stream: Any, columns: pa.Schema, names: list[str], delimiter: str, header: bool, block: int, done: int) -> Iterator[Rows]:
    bad: dict[int, BadRow] = {}
    offset = 2 if header else 1

    def refuse(row: Any) -> str:
        number = row.number - offset
        reason = f"has {row.actual_columns} fields, expected {row.expected_columns}"
        bad[number] = BadRow(number, reason, hashlib.sha256(row.text.encode()).hexdigest())
        return "skip"

    wanted = [field.name for field in columns if field.name in names]
    reader = pc_csv.open_csv(
        pa.PythonFile(stream, mode="r"),
        read_options=pc_csv.ReadOptions(use_threads=False, block_size=block, column_names=None if header else names),
        parse_options=pc_csv.ParseOptions(delimiter=delimiter, newlines_in_values=True, invalid_row_handler=refuse),
        convert_options=pc_csv.ConvertOptions(column_types={name: pa.binary() for name in wanted}, include_columns=wanted, check_utf8=False),
    )
    following = 0
    for batch in reader:
        numbers = np.arange(following, following + len(batch) + len(bad) + 1, dtype=np.int64)
        numbers = numbers[~np.isin(numbers, np.array(list(bad), np.int64))][: len(batch)]
        following = int(numbers[-1]) + 1 if len(numbers) else following
        rows, wrong = _typed(batch, columns, numbers)
        wrong += [bad[number] for number in sorted(bad) if number < following and number > done]
        fresh = pc.greater(rows[ROW], done)
        yield Rows(rows.filter(fresh), tuple(sorted(row for row in set(wrong) if row.row > done)))
        done = max(done, following - 1)
    rest = tuple(bad[number] for number in sorted(bad) if number > done)
    if rest:
        empty = pa.RecordBatch.from_pylist([], pa.schema([*[field.with_nullable(True) for field in columns], (ROW, pa.int64())]))
        yield Rows(empty, rest)


def _typed(batch: pa.RecordBatch, columns: pa.Schema, numbers: Any) -> tuple[pa.RecordBatch, list[BadRow]]:
    arrays, wrong = [], np.zeros(len(batch), bool)
    reasons: dict[int, str] = {}
    for field in columns:
        if field.name not in batch.schema.names:
            arrays.append(pa.nulls(len(batch), field.type))
            continue
        raw = batch[field.name]
        long = pc.greater(pc.binary_length(raw), MAX_LINE).to_numpy(zero_copy_only=False)
        text, broken = _decode_utf8(raw)
        value, unfit = _convert(text, field.type)
        for mask, reason in ((long, f"longer than {MAX_LINE >> 20} MiB"), (broken, "not UTF-8"), (unfit & ~broken, f"is not {field.type}")):
            for at in np.flatnonzero(mask):
                reasons.setdefault(int(at), f"column {field.name}: {reason}" if reason != "not UTF-8" else f"column {field.name} is not UTF-8")
            wrong |= mask
        arrays.append(value)
    schema = pa.schema([*[field.with_nullable(True) for field in columns], (ROW, pa.int64())])
    rows = pa.RecordBatch.from_arrays([*arrays, pa.array(numbers, pa.int64())], schema=schema)
    bad = [BadRow(int(numbers[at]), reason, _row_hash(batch, at)) for at, reason in sorted(reasons.items())]
    return rows.filter(pa.array(~wrong)), bad


def _row_hash(batch: pa.RecordBatch, at: int) -> str:
    return hashlib.sha256(b"\x1f".join(column[at].as_py() or b"" for column in batch.columns)).hexdigest()


def _decode_utf8(raw: pa.Array) -> tuple[pa.Array, Any]:
    try:
        return raw.cast(pa.string()), np.zeros(len(raw), bool)
    except pa.ArrowInvalid:
        broken = np.array([not _is_utf8(value) for value in raw.to_pylist()], bool)
        return pc.if_else(pa.array(broken), pa.scalar(b""), raw).cast(pa.string()), broken


def _is_utf8(value: bytes | None) -> bool:
    try:
        (value or b"").decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _convert(text: pa.Array, kind: pa.DataType) -> tuple[pa.Array, Any]:
    """Text to the declared type; unfit values become null and are marked."""
    none = np.zeros(len(text), bool)
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return text.cast(kind), none
    trimmed = pc.utf8_trim_whitespace(text)
    empty = pc.fill_null(pc.equal(trimmed, ""), True)
    values = pc.if_else(empty, pa.scalar(None, pa.string()), trimmed)
    if pa.types.is_boolean(kind):
        index = pc.index_in(pc.utf8_lower(values), pa.array(list(_BOOLEANS)))
        fit = pc.or_(pc.is_valid(index), pc.is_null(values))
        return pa.array(list(_BOOLEANS.values())).take(index), ~fit.to_numpy(zero_copy_only=False)
    pattern = r"[-+]?[0-9]{1,18}(\.0+)?" if pa.types.is_integer(kind) else r"[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?"
    fit = pc.fill_null(pc.match_substring_regex(values, f"^{pattern}$"), True)
    usable = pc.if_else(fit, values, pa.scalar(None, pa.string()))
    number = usable.cast(pa.float64()) if pa.types.is_floating(kind) or _has_point(usable) else usable
    return number.cast(kind), ~fit.to_numpy(zero_copy_only=False)


def _has_point(values: pa.Array) -> bool:
    return bool(pc.any(pc.match_substring(values, ".")).as_py())
