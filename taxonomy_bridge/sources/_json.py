"""JSON in, typed row batches out: one object per line, or one array of objects.

A record is one object. A key that is missing and a key that is null both give null; keys that nobody asked for are ignored. Lines are parsed by the block;
where a block fails it is halved until the bad lines stand alone.
"""

from __future__ import annotations

import hashlib
import json
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.json

from taxonomy_bridge.errors import InputError
from taxonomy_bridge.sources._rows import BLOCK, MAX_LINE, BadRow, Layout, Rows, nullable, with_row

MAX_ARRAY = 1 << 30
NO_OBJECT = "the record is not exactly one JSON object"


class _Block(NamedTuple):
    """Some lines of a file and the number of the first; a line too long to keep has only its hash.

    `tidy`: the same lines uncut, where each begins and ends with a brace; `lines` is empty then, and `records` says how many there are.
    """

    first: int
    lines: list[bytes]
    too_long: dict[int, str]
    tidy: bytes = b""
    records: int = 0


def read_json(stream: Any, name: str, columns: pa.Schema, layout: Layout, array_allowed: bool) -> Iterator[Rows]:
    """All records of a file: one object per line or, where allowed, one array of objects or what `layout` says."""
    head = stream.read(BLOCK)
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if start[:1] == b"[" or (array_allowed and (layout.at or layout.levels)):
        if not array_allowed:
            raise InputError(f"{name}: one JSON array, where one object per line is expected. Rename it to .json.")
        blocks = _array_blocks(_records(_whole(head, stream, name), name, layout))
    else:
        blocks = _line_blocks(head.removeprefix(b"\xef\xbb\xbf"), stream)
    with ThreadPoolExecutor(2) as pool:
        waiting: deque[Future[Rows]] = deque()
        for block in blocks:
            waiting.append(pool.submit(_parse_block, block, columns))
            if len(waiting) > 6:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def _whole(head: bytes, stream: Any, name: str) -> bytes:
    """All of a JSON array, which has to be in memory at once."""
    parts = [head]
    while data := stream.read(BLOCK):
        parts.append(data)
        if len(parts) * BLOCK > MAX_ARRAY:
            raise InputError(f"{name}: a JSON array of more than {MAX_ARRAY >> 20} MiB. Write one object per line (.jsonl).")
    return b"".join(parts)


def _records(data: bytes, name: str, layout: Layout) -> list[Any]:
    """The records of a file that is one JSON value."""
    try:
        value = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{name}: not valid JSON: {error}. Download it again.") from error
    if layout.at is not None:
        value = value.get(layout.at) if isinstance(value, dict) else None
        if not isinstance(value, list):
            raise InputError(f"{name}: has no array under the key {layout.at!r}. Is it another data set or release?")
    return list(_leaves(value, name, layout.levels, {})) if layout.levels else value


def _leaves(value: Any, name: str, levels: Sequence[str], keys: dict[str, str]) -> Iterator[dict[str, Any]]:
    """One record per text of nested objects, with the keys that lead to it."""
    if len(levels) == 1:
        if not isinstance(value, list):
            raise InputError(f"{name}: an array of texts is expected below {' / '.join(keys) or 'the top'}. Is it another data set or release?")
        yield from ({**keys, levels[0]: text} for text in value)
        return
    if not isinstance(value, dict):
        raise InputError(f"{name}: an object is expected below {' / '.join(keys) or 'the top'}. Is it another data set or release?")
    for key, below in value.items():
        yield from _leaves(below, name, levels[1:], {**keys, levels[0]: key})


def _array_blocks(items: list[Any]) -> Iterator[_Block]:
    for first in range(0, len(items), 8192):
        part = [json.dumps(item, ensure_ascii=False).encode("utf-8", "surrogatepass") for item in items[first : first + 8192]]
        yield _Block(first, part, {})


def _line_blocks(head: bytes, stream: Any) -> Iterator[_Block]:
    """Cut a stream into blocks of whole lines; blank lines are no records."""
    number, rest = 0, b""
    data = head
    while data:
        cut = data.rfind(b"\n")
        if cut < 0:
            rest += data
            if len(rest) > MAX_LINE:
                digest, following = _skip_line(rest, stream)
                yield _Block(number, [b""], {0: digest})
                number, rest = number + 1, b""
                data = following or stream.read(BLOCK)
                continue
            data = stream.read(BLOCK)
            continue
        whole = b"".join((rest, memoryview(data)[:cut]))
        rest = data[cut + 1 :]
        if count := _tidy_lines(whole):
            yield _Block(number, [], {}, whole, count)
            number += count
        elif lines := [line for line in whole.split(b"\n") if line.strip()]:
            yield _Block(number, lines, {})
            number += len(lines)
        data = stream.read(BLOCK)
    if rest.strip():
        yield _Block(number, [rest], {})


def _tidy_lines(whole: bytes) -> int:
    """How many lines there are, or 0 if one of them does not begin and end with a brace. In numpy, which lets other threads run."""
    data = np.frombuffer(whole, np.uint8)
    ends = np.append(np.flatnonzero(data == ord("\n")), len(data))
    starts = np.concatenate([[0], ends[:-1] + 1])
    tidy = bool((ends > starts).all()) and bool((data[starts] == ord("{")).all() and (data[ends - 1] == ord("}")).all())
    return len(ends) if tidy else 0


def _skip_line(start: bytes, stream: Any) -> tuple[str, bytes]:
    """Read to the end of a line that is too long to keep; its hash, and what follows it."""
    digest = hashlib.sha256(start)
    while data := stream.read(BLOCK):
        cut = data.find(b"\n")
        if cut >= 0:
            digest.update(data[:cut])
            return digest.hexdigest(), data[cut + 1 :]
        digest.update(data)
    return digest.hexdigest(), b""


def _parse_block(block: _Block, columns: pa.Schema) -> Rows:
    """Parse the lines that can be one object; the others never reach the parser, which crashes on a leading null."""
    if block.tidy:
        try:
            batch = _parse_all(block.tidy, block.records, columns)
            return Rows(with_row(batch, np.arange(block.first, block.first + block.records)), ())
        except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError):
            block = block._replace(lines=block.tidy.split(b"\n"), tidy=b"")
    bad = [BadRow(block.first + at, f"longer than {MAX_LINE >> 20} MiB", digest) for at, digest in block.too_long.items()]
    odd = [at for at, line in enumerate(block.lines) if at not in block.too_long and not _may_be_object(line)]
    bad += [BadRow(block.first + at, NO_OBJECT, hashlib.sha256(block.lines[at]).hexdigest()) for at in odd]
    skipped = {*odd, *block.too_long}
    kept = [at for at in range(len(block.lines)) if at not in skipped]
    batch, unfit = _parse_lines([block.lines[at] for at in kept], columns)
    bad += [BadRow(block.first + kept[row.row], row.reason, row.sha256) for row in unfit]
    skipped |= {kept[row.row] for row in unfit}
    numbers = [block.first + at for at in kept if at not in skipped]
    return Rows(with_row(batch, np.array(numbers, np.int64)), tuple(sorted(bad)))


def _may_be_object(line: bytes) -> bool:
    return line.lstrip()[:1] == b"{" and line.rstrip()[-1:] == b"}"


def _parse_lines(lines: list[bytes], columns: pa.Schema, first: int = 0) -> tuple[pa.RecordBatch, list[BadRow]]:
    """Parse lines together; where that fails, halve until the bad ones stand alone. Numbers count from `first`."""
    empty = pa.RecordBatch.from_pylist([], nullable(columns))
    if not lines:
        return empty, []
    try:
        return _parse_all(b"\n".join(lines), len(lines), columns), []
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError) as error:
        if len(lines) == 1:
            return empty, [BadRow(first, " ".join(str(error).split())[:200], hashlib.sha256(lines[0]).hexdigest())]
    middle = len(lines) // 2
    left, left_bad = _parse_lines(lines[:middle], columns, first)
    right, right_bad = _parse_lines(lines[middle:], columns, first + middle)
    return pa.concat_batches([left, right]), left_bad + right_bad


def _parse_all(data: bytes, lines: int, columns: pa.Schema) -> pa.RecordBatch:
    table = pa.json.read_json(
        pa.BufferReader(data),
        read_options=pa.json.ReadOptions(use_threads=False, block_size=len(data) + 1),
        parse_options=pa.json.ParseOptions(explicit_schema=nullable(columns), unexpected_field_behavior="ignore"),
    )
    if table.num_rows != lines:
        raise pa.ArrowInvalid(NO_OBJECT)
    batch = table.combine_chunks().to_batches()[0]
    batch.validate(full=True)
    return batch.select(columns.names).cast(nullable(columns))
