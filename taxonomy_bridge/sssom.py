"""SSSOM files: the standard table of mappings (TSV under a YAML header), read with line numbers and written in one canonical form.

Standard: https://mapping-commons.github.io/sssom/. In: a file of ours or of anybody else. Out: rows as they stand; nothing is interpreted here.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from taxonomy_bridge import yamlfile
from taxonomy_bridge.errors import MappingError, ProblemsError

# The order of the standard, as far as it is used here; other columns of a file follow in their own order.
COLUMNS = (
    "subject_id", "subject_label", "predicate_id", "predicate_modifier", "object_id", "object_label", "mapping_justification",
    "author_label", "mapping_date", "confidence", "comment",
)  # fmt: skip
REQUIRED = ("subject_id", "predicate_id", "object_id", "mapping_justification")
NO_TERM = "sssom:NoTermFound"
PREFIXES = {"semapv": "https://w3id.org/semapv/vocab/", "skos": "http://www.w3.org/2004/02/skos/core#"}
NAMESPACE = "urn:taxonomy-bridge"
MAX_BYTES = 64 << 20


@dataclass(frozen=True)
class Row:
    """One line. `values` holds the columns that are not empty; `line` is 1-based in its file, 0 for a row that was made."""

    values: Mapping[str, str]
    line: int = 0

    def get(self, column: str) -> str:
        return self.values.get(column, "")

    @property
    def subject(self) -> str:
        return self.get("subject_id")

    @property
    def object(self) -> str:
        return self.get("object_id")

    @property
    def predicate(self) -> str:
        return self.get("predicate_id")

    @property
    def negated(self) -> bool:
        """Whether the row says that the mapping does *not* hold. A reader that ignores this turns rejections into mappings."""
        return self.get("predicate_modifier") == "Not"

    @property
    def key(self) -> tuple[str, str, str, bool]:
        return self.subject, self.object, self.predicate, self.negated


@dataclass(frozen=True)
class Table:
    """A file: header metadata and rows in file order. `name` stands in messages."""

    name: str
    header: Mapping[str, Any] = field(default_factory=dict)
    rows: tuple[Row, ...] = ()

    @property
    def prefixes(self) -> dict[str, str]:
        declared = self.header.get("curie_map")
        return {str(key): str(value) for key, value in declared.items()} if isinstance(declared, dict) else {}


def read(path: Path) -> Table:
    """Read one file. Raises `MappingError` with every line that is no row of the table."""
    try:
        raw = path.read_bytes()
        text = raw.decode("utf-8-sig")
    except OSError as error:
        raise MappingError([f"{path}: cannot be read: {error.strerror}."]) from error
    except UnicodeDecodeError as error:
        raise MappingError([f"{path}: not UTF-8 at byte {error.start}. Save it as UTF-8."]) from error
    if len(raw) > MAX_BYTES:
        raise MappingError([f"{path}: larger than {MAX_BYTES} bytes. A mapping file is far smaller."])
    return parse(text, str(path))


def parse(text: str, name: str = "<text>") -> Table:
    r"""Parse the text of a file.

    >>> table = parse("# license: x\nsubject_id\tpredicate_id\tobject_id\tmapping_justification\na:b\tskos:exactMatch\tc:d\tsemapv:ManualMappingCuration\n")
    >>> table.header["license"], table.rows[0].object, table.rows[0].line
    ('x', 'c:d', 3)
    """
    lines = io.StringIO(text, newline="").readlines()  # at line feeds alone: str.splitlines also cuts inside cells, at U+2028 and others
    count = next((number for number, line in enumerate(lines) if not line.startswith("#")), len(lines))
    header = _header(lines[:count], name)
    problems: list[str] = []
    records = _records(lines[count:], name, count, problems)
    line, columns = next(records, (count + 1, []))
    if missing := [column for column in REQUIRED if column not in columns]:
        problems.append(f"{name}:{line}: the columns {', '.join(missing)} are missing. SSSOM requires: {', '.join(REQUIRED)}.")
        raise MappingError(problems)
    if twice := sorted({column for column in columns if columns.count(column) > 1}):
        problems.append(f"{name}:{line}: the columns {', '.join(twice)} stand there twice. Keep one of each.")
    rows: list[Row] = []
    for line, cells in records:
        if not any(cells):
            continue
        if len(cells) != len(columns):
            problems.append(f"{name}:{line}: {len(cells)} cells, the header has {len(columns)} columns. Separate cells with tabs.")
            continue
        row = Row({column: cell for column, cell in zip(columns, cells, strict=True) if cell}, line)
        if empty := [column for column in REQUIRED if not row.get(column)]:
            problems.append(f"{name}:{line}: {', '.join(empty)} is empty. Fill it in, or remove the row.")
        rows.append(row)
    if problems:
        raise MappingError(problems)
    return Table(name, header, tuple(rows))


def _records(lines: Sequence[str], name: str, before: int, problems: list[str]) -> Iterator[tuple[int, list[str]]]:
    """The number of the line that each record begins in, and its cells; ends at the first line that is no record."""
    reader = csv.reader(lines, delimiter="\t", strict=True)
    while True:
        line = before + reader.line_num + 1
        try:
            cells = next(reader, None)
        except csv.Error as error:
            problems.append(f"{name}:{line}: not a table: {error}. A cell that holds a tab, a line feed or a quote is quoted, and its quotes are doubled.")
            return
        if cells is None:
            return
        yield line, cells


def _header(lines: Sequence[str], name: str) -> dict[str, Any]:
    # The space after the mark belongs to the mark, unless it is the indentation of a nested key.
    bare = [line.rstrip("\r\n") for line in lines]
    body = "\n".join(line[1:].removeprefix(" ") if not line.startswith("#  ") or line.startswith("#   ") else line[1:] for line in bare)
    try:
        value = yamlfile.parse(body, name).value
    except ProblemsError as error:
        raise MappingError([f"{problem} The lines before the table are YAML behind `# `." for problem in error.problems]) from error
    if value is not None and not isinstance(value, dict):
        raise MappingError([f"{name}:1: the header is no mapping of keys. Each of its lines reads `# key: value`."])
    return value or {}


def format_table(table: Table) -> str:
    """The canonical text: header keys and rows sorted, columns in the order of the standard, empty columns left out.

    Reading it gives the same rows back.
    """
    used = {column for row in table.rows for column in row.values} | set(REQUIRED)
    columns = [column for column in COLUMNS if column in used] + sorted(used - set(COLUMNS))
    out = io.StringIO()
    for key, value in sorted(table.header.items()):
        if isinstance(value, dict) and value:
            out.write(f"# {key}:\n")
            for inner, text in sorted(value.items()):
                out.write(f"#   {inner}: {_scalar(text)}\n")
        else:
            out.write(f"# {key}: {_scalar(value)}\n")
    lines = sorted((row.key, [row.get(column) for column in columns]) for row in table.rows)
    for cells in (columns, *(cells for _, cells in lines)):
        out.write("\t".join(map(_cell, cells)) + "\n")
    return out.getvalue()


def _cell(text: str) -> str:
    # By hand, because csv.writer leaves a lone carriage return unquoted up to Python 3.12.
    return '"' + text.replace('"', '""') + '"' if any(character in text for character in '\t\r\n"') else text


def _scalar(value: Any) -> str:
    """One line of YAML that reads back as the same value."""
    if not isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if all(character.isalnum() or character in "-_./:+~#@" for character in value) and _reads_as_itself(value):
        return value
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(character if character.isprintable() else f"\\U{ord(character):08x}" for character in escaped) + '"'


def _reads_as_itself(text: str) -> bool:
    try:
        return bool(yamlfile.parse(text).value == text)
    except ProblemsError:
        return False


def make_table(name: str, rows: Iterable[Row], prefixes: Mapping[str, str], **header: str) -> Table:
    """A table of our own making, with the prefixes of the standard added."""
    return Table(name, {"curie_map": {**PREFIXES, **prefixes}, **header}, tuple(rows))
