"""Writes the generated parts of README.md and docs/: run `python docs/generate.py` after a change; `--check` only says what is stale.

In: the registry, the command line, and the tables that the code keeps itself. Out: the text between `<!-- NAME:begin -->` and
`<!-- NAME:end -->` of each file below, and the whole of every page in docs/sources and docs/taxonomies. Everything else is written by hand.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import catalogue
import typer.main
from catalogue import table

import taxonomy_bridge
from taxonomy_bridge import check as check_package
from taxonomy_bridge import evaluation, registry
from taxonomy_bridge.check._report import CODES
from taxonomy_bridge.cli import app
from taxonomy_bridge.coldstart import REASONS
from taxonomy_bridge.pipeline.ledger import EXPLANATIONS

ROOT = Path(__file__).resolve().parents[1]
WARNING = "<!-- written by docs/generate.py: do not edit by hand -->"


def row() -> str:
    """One row of the quickstart build, long values cut."""
    rows = taxonomy_bridge.build("quickstart").table("trl").to_pylist()
    shown = next(row for row in rows if row["sample_id"].startswith("aegis-2/default/train/train.json:71#prompt"))
    content = shown["prompt"][0]["content"].replace("\n", " ")
    names = [content.index(word) for word in ("<BEGIN UNSAFE", "<BEGIN CONVERSATION>")]
    cut = f"{content[:30]}... {content[names[0] : names[0] + 60]}... {content[names[1] : names[1] + 70]}..."
    lines = [f"{'prompt':<13} [user] {cut}"]
    lines += [f"{name:<13} {shown[name] if len(str(shown[name])) < 120 else shown[name][:100] + '...'}" for name in shown if name != "prompt"]
    return "```text\n" + "\n".join(lines) + "\n```"


def checks() -> str:
    """Every code of `check`: level, meaning and what to do, from the tables of the code."""
    meanings = _docstring_table(check_package)
    rows = [[f"`{code}`", level, meanings[f"`{code}`"][0], fix] for code, (level, fix) in CODES.items()]
    return table(["code", "level", "what is wrong", "what to do"], rows)


def columns() -> str:
    """Columns and types of every export and kind."""
    parts = []
    for name in registry.names("exporters"):
        exporter = registry.load("exporters", name)
        for kind in exporter.kinds:
            rows = [[f"`{field.name}`", f"`{field.type}`"] for field in exporter.schema(kind)]
            parts.append(f"### `{name}`, kind {kind}\n\n" + table(["column", "type"], rows))
    return "\n\n".join(parts)


def measures() -> str:
    """Every measure of `evaluate`."""
    return table(["measure", "over", "meaning"], [[name, *cells] for name, cells in _docstring_table(evaluation).items()])


def _docstring_table(module: Any) -> dict[str, list[str]]:
    """First cell -> other cells of the Markdown table in a module's docstring."""
    lines = [line for line in str(module.__doc__).splitlines() if line.startswith("| `")]
    cells = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]
    return {line[0]: line[1:] for line in cells}


def drops() -> str:
    """Every reason for which a build drops a judgement."""
    return table(["reason", "meaning"], [[f"`{reason}`", meaning] for reason, meaning in EXPLANATIONS.items()])


def refusals() -> str:
    """Every reason for which `coldstart import` refuses an answer."""
    return table(["reason", "meaning"], [[f"`{reason}`", meaning] for reason, meaning in REASONS.items()])


def leaves(command: Any, path: str = "taxonomy-bridge") -> Iterator[tuple[str, Any]]:
    """(full name, command) of every command that does something."""
    if not hasattr(command, "commands"):
        yield path, command
        return
    for name, child in command.commands.items():
        yield from leaves(child, f"{path} {name}")


def commands() -> str:
    """Help of every command. Built from the declarations, so that it does not depend on the version of typer."""
    return "\n\n".join(_command(path, command) for path, command in leaves(typer.main.get_command(app)))


def _command(path: str, command: Any) -> str:
    parameters = [parameter for parameter in command.params if parameter.name != "help"]
    usage = " ".join([path, *(_usage(parameter) for parameter in parameters if parameter.param_type_name == "argument"), "[OPTIONS]"])
    told = "\n".join(line.strip() for line in inspect.cleandoc(command.help).splitlines())
    rows = [[_names(parameter), _meaning(parameter)] for parameter in parameters]
    parts = [
        f"### `{path}`",
        told,
        f"```text\n{usage}\n```",
        table(["argument or option", "meaning"], rows) if rows else "",
        f"{command.epilog.replace(': ', ': `', 1)}`",
    ]
    return "\n\n".join(part for part in parts if part)


def _usage(parameter: Any) -> str:
    name = parameter.name.upper() + ("..." if parameter.nargs == -1 else "")
    return name if parameter.required else f"[{name}]"


def _names(parameter: Any) -> str:
    if parameter.param_type_name == "argument":
        return f"`{parameter.name.upper()}`"
    value = "" if parameter.is_flag else f" {parameter.name.upper()}"
    return ", ".join(f"`{name}{value}`" for name in sorted(parameter.opts, key=len, reverse=True))


def _meaning(parameter: Any) -> str:
    default = parameter.default
    if parameter.param_type_name == "option" and parameter.required:
        return f"{parameter.help} Required."
    shown = isinstance(default, (int, str, Path)) and not isinstance(default, bool)
    return f"{parameter.help} Default: {default}." if shown else str(parameter.help)


def names() -> str:
    """Every public Python name, with the first line of its docstring."""
    rows = []
    for name in taxonomy_bridge.__all__:
        first = str(inspect.getdoc(getattr(taxonomy_bridge, name))).splitlines()[0]
        rows.append([f"`taxonomy_bridge.{name}`", first])
    return table(["name", "what it is"], rows)


# file -> marker -> what stands between its begin and end
PARTS: dict[str, dict[str, Callable[[], str]]] = {
    "README.md": {"row": row, "sources": catalogue.totals},
    "docs/commands.md": {"commands": commands, "names": names},
    "docs/checks.md": {"checks": checks},
    "docs/cold-start.md": {"refusals": refusals},
    "docs/determinism-and-safety.md": {"drops": drops},
    "docs/evaluate.md": {"measures": measures},
    "docs/exports.md": {"columns": columns},
}


def fresh(text: str, parts: dict[str, Callable[[], str]]) -> str:
    """The text of a file with every part written anew."""
    for marker, make in parts.items():
        begin, end = f"<!-- {marker}:begin -->", f"<!-- {marker}:end -->"
        before, rest = text.split(begin)
        _, after = rest.split(end)
        text = f"{before}{begin}\n{WARNING}\n\n{make()}\n\n{end}{after}"
    return text


def stale() -> dict[str, str]:
    """File -> its fresh text, for every file whose generated parts differ from what the code says; empty for a page that nothing stands behind."""
    wanted = {name: fresh((ROOT / name).read_text(encoding="utf-8"), parts) for name, parts in PARTS.items()}
    wanted |= {f"docs/{name}": f"{WARNING}\n\n{text}\n" for name, text in catalogue.pages().items()}
    found = {name: text for name, text in wanted.items() if not (ROOT / name).is_file() or (ROOT / name).read_text(encoding="utf-8") != text}
    written = [f"docs/{kind}/{file.name}" for kind in ("sources", "taxonomies") for file in (ROOT / "docs" / kind).glob("*.md")]
    return found | {name: "" for name in written if name not in wanted}


def main() -> int:
    """Write what is stale, or with `--check` only name it."""
    found = stale()
    for name, text in found.items():
        sys.stdout.write(f"{name}: {'stale, run python docs/generate.py' if '--check' in sys.argv else 'written'}\n")
        if "--check" not in sys.argv:
            (ROOT / name).parent.mkdir(exist_ok=True)
            (ROOT / name).write_text(text, encoding="utf-8") if text else (ROOT / name).unlink()
    return int("--check" in sys.argv and bool(found))


if __name__ == "__main__":
    sys.exit(main())
