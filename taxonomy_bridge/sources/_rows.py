"""What readers hand out: the readable records of a file with their numbers, and the bad ones with the reason."""

from __future__ import annotations

import hashlib
import json
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

BLOCK = 4 << 20
MAX_LINE = 32 << 20
ROW = "_row"


class BadRow(NamedTuple):
    """A record that cannot be read: its number, why, and the sha256 of its bytes, or of the columns read as JSON where they were readable."""

    row: int
    reason: str
    sha256: str


class Rows(NamedTuple):
    """Some records of a file: the readable ones with their number in column `_row`, and the others."""

    batch: pa.RecordBatch
    bad: tuple[BadRow, ...]


class Layout(NamedTuple):
    """What the ending of a file does not tell.

    `header`: the first CSV record names the columns; without it they are those of the contract, in order. `delimiter`: of CSV, where unusual.
    `encoding`: of text that is not UTF-8. `array`: one JSON array although the ending promises one object per line. `at`: the key of a JSON object under
    which the array of records stands. `levels`: JSON whose keys are labels, nested objects down to arrays of texts: one column name per level of keys,
    and the last for the text.
    """

    header: bool = True
    delimiter: str | None = None
    encoding: str = "utf-8"
    at: str | None = None
    levels: tuple[str, ...] = ()
    array: bool = False


def nullable(columns: pa.Schema) -> pa.Schema:
    """The same columns, all nullable: what a batch has before missing values are moved out."""
    return pa.schema([field.with_nullable(True) for field in columns])


def with_row(batch: pa.RecordBatch, numbers: np.ndarray[Any, Any]) -> pa.RecordBatch:
    """The batch with its record numbers."""
    return pa.RecordBatch.from_arrays([*batch.columns, pa.array(numbers, pa.int64())], names=[*batch.schema.names, ROW])


def bad_rows(batch: pa.RecordBatch, reason: str) -> list[BadRow]:
    """The readable records of a batch as bad ones, all for the same reason."""
    return [
        BadRow(record.pop(ROW), reason, hashlib.sha256(json.dumps(record, sort_keys=True, default=str).encode()).hexdigest()) for record in batch.to_pylist()
    ]


def without_missing(rows: Rows, columns: pa.Schema) -> Rows:
    """Move records that lack a required value to the bad ones."""
    bad = list(rows.bad)
    batch = rows.batch
    for field in columns:
        if not field.nullable and batch[field.name].null_count:
            empty = pc.is_null(batch[field.name])
            bad += bad_rows(batch.filter(empty), f"has no {field.name}")
            batch = batch.filter(pc.invert(empty))
    return Rows(batch, tuple(sorted(bad)))
