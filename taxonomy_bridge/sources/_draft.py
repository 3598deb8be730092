"""A first draft of an adapter from a data file: what its columns look like, and what each may be.

In: a data file and a category list. Out: the text of a YAML adapter. What the values do not say by themselves stays a question mark, which the adapter's own
check then asks about: a draft never decides what 0 and 1 mean. No text of a row is kept or shown.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from taxonomy_bridge.errors import InputError, UnknownNameError
from taxonomy_bridge.sources._read import _open, native_name
from taxonomy_bridge.taxonomy import Taxonomy

HEAD = 1 << 22
FEW = 12
TEXT_NAMES = ("prompt", "text", "question", "instruction", "input", "post", "comment", "content", "message", "user_input", "query", "sentence")
RESPONSE_NAMES = ("response", "answer", "completion", "output", "reply", "model_output")
WORDS = {
    "safe": "safe", "unsafe": "unsafe", "harmful": "unsafe", "harmless": "safe", "unharmful": "safe", "benign": "safe", "toxic": "unsafe", "borderline": "borderline",
}  # fmt: skip


class Column(NamedTuple):
    """One column of the first rows: its distinct values, and their mean length."""

    name: str
    values: tuple[str, ...]
    length: float

    @property
    def few(self) -> bool:
        """Whether the values can be listed one by one."""
        return 0 < len(self.values) <= FEW


def columns_of(path: Path) -> list[Column]:
    """The columns of the first 4 MiB of a file. Raises `InputError` if it cannot be read as a table."""
    table = _head(path)
    found = []
    for name in table.column_names:
        column = (
            table[name].cast(pa.string())
            if not pa.types.is_nested(table[name].type)
            else pa.chunked_array([[json.dumps(value) for value in table[name].to_pylist()]])
        )
        distinct = pc.drop_null(pc.unique(column))
        lengths = pc.mean(pc.utf8_length(column)).as_py() or 0.0
        found.append(Column(name, tuple(sorted(distinct.to_pylist())), lengths))
    return found


def _head(path: Path) -> pa.Table:
    ending = Path(native_name(path)).suffix
    try:
        if ending == ".parquet":
            return pa.Table.from_batches([next(pq.ParquetFile(path).iter_batches(batch_size=1000))])
        data = _open(path).read(HEAD)
        whole = data[: data.rfind(b"\n") + 1] if len(data) == HEAD else data
        if ending in (".csv", ".tsv"):
            rows = list(csv.DictReader(io.StringIO(whole.decode("utf-8-sig")), delimiter="\t" if ending == ".tsv" else ","))
        else:
            rows = json.loads(data) if whole.lstrip()[:1] == b"[" else [json.loads(line) for line in whole.splitlines() if line.strip()]
        return pa.Table.from_pylist(rows[:1000])
    except (pa.ArrowInvalid, pa.ArrowTypeError, ValueError, csv.Error, StopIteration) as error:
        raise InputError(
            f"{path.name}: its first rows cannot be read as a table ({' '.join(str(error).split())[:200]}). Write the adapter by hand: docs/my-own-data.md."
        ) from error


def draft(path: Path, taxonomy: Taxonomy, named: str, chosen: dict[str, str | None], place: str | None = None) -> str:
    """The text of an adapter. `named`, `place`: how the adapter names its list and the data file. `chosen`: the columns that the user named, by key (prompt, response, verdict, labels)."""
    columns = columns_of(path)
    for key, name in chosen.items():
        if name is not None and name not in [column.name for column in columns]:
            raise UnknownNameError.among(f"column for {key}", name, [column.name for column in columns])
    response = chosen.get("response") or _by_name(columns, RESPONSE_NAMES)
    prompt = chosen.get("prompt") or _by_name(columns, TEXT_NAMES) or _longest(columns, response)
    labels = _labels(columns, taxonomy, chosen.get("labels"), {prompt, response})
    lines = [
        f"# Drafted from {json.dumps(path.name)}. Fill in every ?, then try it with: taxonomy-bridge sources check FILE --split train",
        f"title: {json.dumps(path.name.split('.')[0])}",
        "licence: {id: unknown, evidence: not stated}   # commercial: true once you know",
        f"taxonomy: {json.dumps(named)}",
        f"files: {json.dumps(place or path.name)}",
        f"prompt: {json.dumps(prompt)}",
        *([f"response: {json.dumps(response)}"] if response else []),
        _verdict([column for column in columns if json.dumps(column.name) not in labels], chosen.get("verdict"), bool(labels)),
        *([labels] if labels else []),
    ]
    rest = [column.name for column in columns if json.dumps(column.name) not in "".join(lines)]
    return "\n".join([*lines, *([f"# not read: {', '.join(map(json.dumps, rest))}"] if rest else [])]) + "\n"


def _by_name(columns: Sequence[Column], names: Sequence[str]) -> str | None:
    return next((column.name for name in names for column in columns if column.name.casefold() == name), None)


def _longest(columns: Sequence[Column], response: str | None) -> str:
    return max((column for column in columns if column.name != response), key=lambda column: column.length).name


def _verdict(columns: Sequence[Column], chosen: str | None, has_labels: bool) -> str:
    """The verdict line: a column of known words, the column that the user named, or what follows from the labels."""
    column = (
        next((column for column in columns if column.name == chosen), None)
        if chosen
        else next((column for column in columns if column.few and {value.casefold() for value in column.values} <= set(WORDS)), None)
    )
    if column is None:
        return (
            "verdict: labels   # a row is unsafe if it names a category, else safe"
            if has_labels
            else "verdict: ?   # safe, unsafe, or {column: NAME, values: {...}}"
        )
    if not column.few:
        return f"verdict: {{column: {json.dumps(column.name)}, at_least: ?}}   # many values: unsafe from which number on?"
    values = ", ".join(f"{json.dumps(value)}: {WORDS.get(value.casefold(), '?')}" for value in column.values)
    return f"verdict: {{column: {json.dumps(column.name)}, values: {{{values}}}}}   # safe, unsafe, borderline, none or skip"


def _labels(columns: Sequence[Column], taxonomy: Taxonomy, chosen: str | None, texts: set[str | None]) -> str:
    """The labels line: a column whose values are names of the list, or columns named after categories."""
    if len(taxonomy.assignable) == 1:
        return ""
    flags = {column.name: taxonomy.by_native[column.name.casefold()] for column in columns if column.name.casefold() in taxonomy.by_native}
    if len(flags) > 1 and chosen is None:
        pairs = ", ".join(f"{json.dumps(name)}: {slug}" for name, slug in flags.items())
        return f"labels: {{columns: {{{pairs}}}}}"
    for column in columns:
        if column.name in texts or (chosen is not None and column.name != chosen):
            continue
        for separator in ("", ";", ",", "|", " "):
            parts = {part.strip().casefold() for value in column.values for part in (value.split(separator) if separator else [value])} - {""}
            if parts and parts <= set(taxonomy.by_native):
                joined = f", separator: {json.dumps(separator)}" if separator else ""
                return f"labels: {{column: {json.dumps(column.name)}{joined}}}"
    if chosen is None:
        return ""
    return f"labels: {{column: {json.dumps(chosen)}, values: {{?: ?}}}}   # native name: category, for names that the list does not have"
