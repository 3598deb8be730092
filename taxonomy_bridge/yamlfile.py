"""The one YAML reader: strict, safe, and able to say where every value stands.

Goes in: a small text file. Comes out: plain Python values, and a map from key path to `line:column`.
Refused: files over 4 MiB, nesting deeper than 50, aliases and anchors, tags, duplicate keys, several documents.
Only `true`, `false`, `null`, `~` and plain decimal numbers are typed; `no`, `on`, `1:30`, `010` and dates stay text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from taxonomy_bridge.errors import ProblemsError

MAX_BYTES = 4 << 20
MAX_DEPTH = 50
_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]*)")
_DECIMAL = re.compile(r"[-+]?(0|[1-9][0-9]*)\.[0-9]+([eE][-+]?[0-9]+)?")
_WORDS = {"true": True, "false": False, "null": None, "~": None, "": None}
_BASE: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
Path_ = tuple[str | int, ...]


@dataclass
class Document:
    """A parsed file: `value`, and `marks` from key path to (line, column), both 1-based."""

    name: str
    value: Any
    marks: dict[Path_, tuple[int, int]] = field(default_factory=dict)

    def where(self, path: Path_) -> str:
        """`file:line:column` of the deepest known part of a key path."""
        while path and path not in self.marks:
            path = path[:-1]
        line, column = self.marks.get(path, (1, 1))
        return f"{self.name}:{line}:{column}"


def parse(text: str, name: str = "<text>") -> Document:
    """Parse one document.

    >>> parse("a: no\\nb: [1, 010, 2.5, ~]").value
    {'a': 'no', 'b': [1, '010', 2.5, None]}

    Raises `ProblemsError` with the place of the problem.
    """
    if len(text) > MAX_BYTES:
        raise ProblemsError([f"{name}: larger than {MAX_BYTES} bytes. A YAML file of this project is far smaller."])
    try:
        _check_events(text, name)
        node = yaml.compose(text, Loader=_BASE)
    except yaml.YAMLError as error:
        raise ProblemsError([_yaml_problem(error, name)]) from error
    document = Document(name, None)
    problems: list[str] = []
    document.value = _value(node, (), document, problems)
    if problems:
        raise ProblemsError(problems)
    return document


def read(path: Path) -> Document:
    """Parse one file; its name in messages is the path as given."""
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise ProblemsError([f"{path}: cannot be read: {error.strerror}."]) from error
    except UnicodeDecodeError as error:
        raise ProblemsError([f"{path}: not UTF-8 at byte {error.start}. Save it as UTF-8."]) from error
    return parse(text, str(path))


def _check_events(text: str, name: str) -> None:
    depth = 0
    for event in yaml.parse(text, Loader=_BASE):
        place = f"{name}:{event.start_mark.line + 1}:{event.start_mark.column + 1}" if event.start_mark else name
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise ProblemsError([f"{place}: anchors and aliases are not allowed. Write the value out."])
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > MAX_DEPTH:
                raise ProblemsError([f"{place}: nested deeper than {MAX_DEPTH} levels."])
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if tag := getattr(event, "tag", None):
            raise ProblemsError([f"{place}: tags ({tag}) are not allowed."])


def _yaml_problem(error: yaml.YAMLError, name: str) -> str:
    mark = getattr(error, "problem_mark", None)
    place = f"{name}:{mark.line + 1}:{mark.column + 1}" if mark else name
    if "nesting depth" in str(error):  # the parser's own limit, in some versions
        return f"{place}: nested deeper than {MAX_DEPTH} levels."
    return f"{place}: not valid YAML: {getattr(error, 'problem', None) or 'unreadable'}."


def _value(node: Any, path: Path_, document: Document, problems: list[str]) -> Any:
    if node is None:
        return None
    document.marks[path] = (node.start_mark.line + 1, node.start_mark.column + 1)
    if isinstance(node, yaml.ScalarNode):
        return _scalar(node.value) if node.style in (None, "") else node.value
    if isinstance(node, yaml.SequenceNode):
        return [_value(item, (*path, index), document, problems) for index, item in enumerate(node.value)]
    result: dict[str, Any] = {}
    for key_node, value_node in node.value:
        key = str(key_node.value)
        place = (*path, key)
        line = key_node.start_mark.line + 1
        if key in result:
            first = document.marks[place][0]
            problems.append(f"{document.name}:{line}: the key {key!r} stands here and in line {first}. Keep one.")
        result[key] = _value(value_node, place, document, problems)
        document.marks[place] = (line, key_node.start_mark.column + 1)
    return result


def _scalar(text: str) -> Any:
    if text in _WORDS:
        return _WORDS[text]
    if _INTEGER.fullmatch(text):
        return int(text)
    return float(text) if _DECIMAL.fullmatch(text) else text


def told(document: Document, problem: Any) -> str:
    """One problem that pydantic found, as `file:line:column: key: what is wrong`."""
    at = tuple(problem["loc"])
    return f"{document.where(at)}: {'.'.join(map(str, at)) or 'file'}: {problem['msg'].removeprefix('Value error, ')}."
