"""Plain text in, one record per line out. Blank lines are no records; the only column of the contract holds the line."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa

from taxonomy_bridge.errors import InputError
from taxonomy_bridge.sources._rows import MAX_LINE, BadRow, Rows, with_row

MAX_FILE = 1 << 30


def read_lines(stream: Any, columns: pa.Schema) -> Iterator[Rows]:
    """All lines of a file, without their line ends. Lines end at LF or CRLF only: texts may hold Unicode line separators."""
    if len(columns) != 1:
        raise InputError(f"{stream.name}: a text file holds one column, and the columns {', '.join(columns.names)} are asked for.")
    data = bytearray()
    while block := stream.read(1 << 20):
        data += block
        if len(data) > MAX_FILE:
            raise InputError(f"{stream.name}: a text file of more than {MAX_FILE >> 20} MiB. Split it.")
    lines = [line.removesuffix(b"\r") for line in bytes(data).removeprefix(b"\xef\xbb\xbf").split(b"\n")]
    texts: list[str] = []
    numbers: list[int] = []
    bad: list[BadRow] = []
    for number, line in enumerate(line for line in lines if line.strip()):
        try:
            text = line.decode("utf-8")
        except UnicodeDecodeError:
            bad.append(BadRow(number, f"column {columns.names[0]} is not UTF-8", hashlib.sha256(line).hexdigest()))
            continue
        if len(line) > MAX_LINE:
            bad.append(BadRow(number, f"longer than {MAX_LINE >> 20} MiB", hashlib.sha256(line).hexdigest()))
            continue
        texts.append(text)
        numbers.append(number)
    batch = pa.RecordBatch.from_arrays([pa.array(texts, columns[0].type)], names=columns.names)
    yield Rows(with_row(batch, np.array(numbers, np.int64)), tuple(bad))
