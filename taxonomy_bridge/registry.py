"""What is bundled, found by file name: adding a file is all that adding a source, taxonomy, format or exporter takes.

`names` looks at folders and imports nothing. `load` imports or reads one entry. The name of a Python file
`or_bench.py` is `or-bench`; files that begin with an underscore are helpers and have no name. A source may also be a YAML file that describes it.
"""

from __future__ import annotations

import functools
import importlib
from pathlib import Path
from typing import Any

from taxonomy_bridge import paths
from taxonomy_bridge.errors import UnknownNameError

# kind -> (folder of the package, attribute that holds the entry)
CODE = {"sources": "SOURCE", "formats": "FORMAT", "exporters": "EXPORTER"}
# kind -> (function that gives the folder, ending)
DATA = {"taxonomies": (paths.taxonomies, ".yaml"), "recipes": (paths.recipes, ".yaml"), "mappings": (paths.mappings, ".sssom.tsv")}
NOT_TAXONOMIES = frozenset({"concepts"})


def names(kind: str) -> list[str]:
    """Sorted names of one kind: sources, taxonomies, formats, exporters, recipes or mappings.

    >>> names("formats")
    ['gspr', 'rsafe']
    """
    if kind in CODE:
        return sorted([*(file.stem.replace("_", "-") for file in (paths.PACKAGE / kind).glob("[!_]*.py")), *_described(kind)])
    if kind in DATA:
        folder, ending = DATA[kind]
        found = (file.name.removesuffix(ending) for file in folder().glob(f"*{ending}"))
        return sorted({*(name for name in found if name not in NOT_TAXONOMIES), *_OWN.get(kind, {})})
    raise UnknownNameError.among("kind of entry", kind, [*CODE, *DATA])


def load(kind: str, name: str) -> Any:
    """The one entry of that name; for recipes and mappings the path of its file. A source may be named by the path of an adapter (`*.yaml`).

    >>> load("formats", "gspr").name
    'gspr'

    Raises `UnknownNameError` with the nearest names.
    """
    if kind == "sources" and name.endswith(".yaml"):
        # Read anew each time: its owner may be editing it.
        return _adapter(Path(name), bundled=False)
    if name in _described(kind):
        return _bundled(_described(kind)[name])
    if name not in names(kind):
        raise UnknownNameError.among(_singular(kind), name, names(kind))
    if kind in CODE:
        module = importlib.import_module(f"taxonomy_bridge.{kind}.{name.replace('-', '_')}")
        return getattr(module, CODE[kind])
    if kind == "taxonomies":
        return importlib.import_module("taxonomy_bridge.taxonomy").load_taxonomy(name)
    return data_file(kind, name)


def _described(kind: str) -> dict[str, Path]:
    """Name to file of the bundled sources that need no code."""
    return {file.stem: file for file in (paths.PACKAGE / kind).glob("[!_]*.yaml")} if kind == "sources" else {}


@functools.cache
def _bundled(path: Path) -> Any:
    return _adapter(path, bundled=True)


def _adapter(path: Path, bundled: bool) -> Any:
    return importlib.import_module("taxonomy_bridge.sources._adapter").read_adapter(path, bundled)


def data_file(kind: str, name: str) -> Path:
    """Path of a bundled data file (which may not exist).

    >>> data_file("taxonomies", "beavertails").name
    'beavertails.yaml'
    """
    folder, ending = DATA[kind]
    return _OWN.get(kind, {}).get(name) or folder() / f"{name}{ending}"


_OWN: dict[str, dict[str, Path]] = {}


def add_own(kind: str, name: str, path: Path) -> Path:
    """Let a data file of the user's own be known by its name in this process. Gives the path that the name stood for already, if any."""
    return data_file(kind, name) if name in names(kind) else _OWN.setdefault(kind, {}).setdefault(name, path.resolve())


def own() -> tuple[tuple[str, str, Path, int], ...]:
    """(kind, name, path, time of the last change in ns) of every file of the user's own."""
    return tuple((kind, name, path, path.stat().st_mtime_ns) for kind, files in sorted(_OWN.items()) for name, path in sorted(files.items()))


def _singular(kind: str) -> str:
    return "taxonomy" if kind == "taxonomies" else kind.removesuffix("s")
