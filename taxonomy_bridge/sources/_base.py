"""What a source is, and how native rows become judgements: the engine behind every file of this folder.

A source file holds facts and one function `decode(rows, origin)` over a whole batch. It returns a *draft* (see
`_decode.judge`); this module adds ids, hashes and ancestors, and counts what happened to every native record.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from taxonomy_bridge import schema
from taxonomy_bridge.errors import InputError, RecipeError, UnknownNameError
from taxonomy_bridge.sources._facts import Citation, Licence
from taxonomy_bridge.sources._finish import text_hashes, with_ancestors
from taxonomy_bridge.sources._read import COMPRESSIONS, ROW, BadRow, Layout, Rows, bad_rows, native_name, read_rows

__all__ = [
    "UNPINNED", "Citation", "Decoded", "Layout", "Licence", "Native", "NativeFile", "Origin", "RowError", "Source", "decode_file", "decode_rows", "finish",
    "is_there", "local_files", "native_file", "optional", "required", "with_revision",
]  # fmt: skip

UNPINNED = "unpinned"


@dataclass(frozen=True)
class Origin:
    """Where a batch comes from. `file` is the native name without folder and compression ending."""

    source: str
    config: str
    split: str
    revision: str
    file: str

    @property
    def prefix(self) -> str:
        return f"{self.source}/{self.config}/{self.split}/{self.file}:"


class RowError(Exception):
    """Raised by a decoder: the marked rows of this batch cannot be understood. They go to quarantine."""

    def __init__(self, bad: pa.Array, reason: str) -> None:
        super().__init__(reason)
        self.bad, self.reason = bad, reason


def required(*names: str, kind: pa.DataType | None = None) -> list[pa.Field]:
    """Columns of one type (text, unless said otherwise) that have a value in every record."""
    return [pa.field(name, kind or pa.string(), nullable=False) for name in names]


def optional(*names: str, kind: pa.DataType | None = None) -> list[pa.Field]:
    """Columns that may be missing or hold nulls."""
    return [pa.field(name, kind or pa.string()) for name in names]


class Native(NamedTuple):
    """A file of the native layout, and the config and split that it belongs to."""

    config: str
    split: str
    path: str


@dataclass(frozen=True)
class Source:
    """One benchmark data set.

    It lives on the hub (`hub_id`), in a GitHub repository (`github`, "owner/name"), in a folder of one's own (`folder`) or, with none of them, wherever
    the user put it. `revision`: the full commit that is read. `digests`: sha256 of native files at that commit, where known. `former`: ids that it had before.
    `rows`: "config/split" -> records, as published. `lineage`: another source or data set -> what was taken from it.
    `layout`: what cannot be told from a file's ending. `about`: what one row is and how its labels are written; the docstring of a Python file says it. `files`: config -> split -> native paths; a split may be asked for as "a+b". `unions`: config -> the configs it is made of; their rows
    keep the config and id that they have there. `columns`: the native columns that are read; one that is not nullable must have a value in
    every row. `slots`: what a native row judges. `evidence`: "real rows", "documented layout" or "invented rows". `verdicts`: those that
    occur by nature; `one_class`: config or split -> the only verdict that it has. `annotated`: splits in which one text has one row per
    annotator. `safe_clears`: a safe verdict speaks about the whole list.
    """

    name: str
    title: str
    hub_id: str | None
    revision: str | None
    files: Mapping[str, Mapping[str, tuple[str, ...]]]
    columns: pa.Schema
    licence: Licence
    citation: Citation | None
    taxonomies: tuple[str, ...]
    decode: Callable[[pa.RecordBatch, Origin], pa.RecordBatch]
    slots: tuple[str, ...] = ("prompt",)
    evidence: str = "real rows"
    unions: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    gate: str | None = None
    homepage: str | None = None
    verdicts: frozenset[str] = frozenset({"safe", "unsafe"})
    one_class: Mapping[str, str] = field(default_factory=dict)
    annotated: frozenset[str] = frozenset()
    safe_clears: bool = True
    layout: Layout = field(default_factory=Layout)
    language: str | None = None
    about: str = ""
    quirks: tuple[str, ...] = ()
    github: str | None = None
    folder: Path | None = None
    digests: Mapping[str, str] = field(default_factory=dict)
    former: tuple[str, ...] = ()
    rows: Mapping[str, int] = field(default_factory=dict)
    lineage: Mapping[str, str] = field(default_factory=dict)

    @property
    def told(self) -> str:
        """What one row is and how its labels are written."""
        return self.about or inspect.cleandoc(sys.modules[self.decode.__module__].__doc__ or "")

    @property
    def unverified(self) -> bool:
        """No real row and no documented layout stands behind the decoder."""
        return self.evidence == "invented rows"

    def natural_verdicts(self, config: str | None, split: str) -> frozenset[str]:
        """The verdicts that the chosen files have by nature."""
        only = [self.one_class.get(native.split, self.one_class.get(native.config)) for native in self.natives(config, split)]
        return self.verdicts if None in only else frozenset(verdict for verdict in only if verdict)

    @property
    def configs(self) -> tuple[str, ...]:
        """Every config that can be asked for."""
        return (*self.unions, *self.files)

    def config(self, config: str | None) -> str:
        """The config asked for; None is allowed where there is one, or one called `default`."""
        if config is None and ("default" in self.configs or len(self.configs) == 1):
            return "default" if "default" in self.configs else self.configs[0]
        if config is None:
            raise RecipeError([f"source {self.name} has several configs: name one of {', '.join(self.configs)}."])
        if config not in self.configs:
            raise UnknownNameError.among(f"config of {self.name}", config, self.configs)
        return config

    def natives(self, config: str | None, split: str) -> list[Native]:
        """Every file behind `split`, in order."""
        chosen = self.config(config)
        found: list[Native] = []
        for part in split.split("+"):
            for member in self.unions.get(chosen, (chosen,)):
                if part not in self.files[member]:
                    raise UnknownNameError.among(f"split of {self.name}", part, list(self.files[member]))
                found += [Native(member, part, path) for path in self.files[member][part]]
        return found


class NativeFile(NamedTuple):
    """One file to read, and the origin that its rows get."""

    path: Path
    origin: Origin


class Decoded(NamedTuple):
    """What became of some native records: rows_in = decoded + len(bad) + without_judgement."""

    judgements: pa.RecordBatch
    rows_in: int
    decoded: int
    without_judgement: int
    bad: tuple[BadRow, ...]


def local_files(source: Source, config: str | None, split: str, path: Path) -> list[NativeFile]:
    """The files behind a split, in a local folder of the native layout, or the one file given."""
    natives = source.natives(config, split)
    if path.is_file():
        places = {(native.config, native.split) for native in natives}
        if len({part for _, part in places}) > 1:
            raise RecipeError([f"source {source.name}: one file cannot hold the splits {split}. Give the folder."])
        chosen = places.pop()[0] if len(places) == 1 else source.config(config)
        return [NativeFile(path, Origin(source.name, chosen, split, source.revision or UNPINNED, native_name(path)))]
    if not path.is_dir():
        raise InputError(f"source {source.name}: {path} does not exist. Give a file, or a folder in the native layout.")
    found = [native_file(source, native, _find(path, native.path, source.name), source.revision or UNPINNED) for native in natives]
    if len({file.path for file in found}) < len(found):
        wanted = ", ".join(native.path for native in natives)
        raise InputError(f"source {source.name}: one file of {path} would be read as several files ({wanted}). Keep the native folders.")
    return found


def native_file(source: Source, native: Native, path: Path, revision: str) -> NativeFile:
    """A file found at `path`, with the origin that its place in the native layout gives it."""
    return NativeFile(path, Origin(source.name, native.config, native.split, revision, native_name(Path(native.path))))


def _places(folder: Path, native: str) -> tuple[list[Path], list[Path]]:
    """Where a native file may lie, and its compressed copies that are there."""
    bare = native_name(Path(native))
    plain = [folder / native, folder / Path(native).parent / bare, folder / Path(native).name, folder / bare]
    for parent in (folder / Path(native).parent, folder):
        packed = [parent / f"{bare}{ending}" for ending in COMPRESSIONS if (parent / f"{bare}{ending}").is_file()]
        if packed:
            return plain, packed
    return plain, []


def is_there(folder: Path, native: str) -> bool:
    """Whether a folder holds a native file, compressed or not."""
    plain, packed = _places(folder, native)
    return bool(packed) or any(place.is_file() for place in plain)


def _find(folder: Path, native: str, source: str) -> Path:
    plain, packed = _places(folder, native)
    for place in plain:
        if place.is_file():
            return place
    if len(packed) > 1:
        raise InputError(f"source {source}: {packed[0].parent} holds several copies of {native_name(Path(native))}. Keep one, or name the file.")
    if packed:
        return packed[0]
    raise InputError(f"source {source}: {folder} does not hold {native}. Expected the native layout; a single file can be given by its path.")


def decode_file(source: Source, file: NativeFile, batch_rows: int = 8192) -> Iterator[Decoded]:
    """Judgements of one file in order, with the fate of every native record. The result does not depend on `batch_rows`."""
    for rows in read_rows(file.path, source.columns, source.layout):
        for start in range(0, max(len(rows.batch), 1), batch_rows):
            part = Rows(rows.batch.slice(start, batch_rows), rows.bad if start == 0 else ())
            yield decode_rows(source, file.origin, part)


def decode_rows(source: Source, origin: Origin, rows: Rows) -> Decoded:
    """Decode one batch; rows that the decoder refuses join the bad ones."""
    batch, bad = rows.batch, list(rows.bad)
    while True:
        try:
            draft = source.decode(batch, origin)
            break
        except RowError as error:
            bad += bad_rows(batch.filter(error.bad), error.reason)
            batch = batch.filter(pc.invert(error.bad))
    decoded = pc.count_distinct(draft[ROW]).as_py()
    judgements = finish(draft, origin, source.language)
    return Decoded(judgements, len(rows.batch) + len(rows.bad), decoded, len(batch) - decoded, tuple(sorted(bad)))


def finish(draft: pa.RecordBatch, origin: Origin, language: str | None = None) -> pa.RecordBatch:
    """Add id, origin, the language of the whole source, ancestors and hashes; order by native row, then slot."""
    if pc.count_distinct(draft["slot"]).as_py() > 1:
        draft = draft.take(pc.sort_indices(draft, sort_keys=[(ROW, "ascending"), ("slot", "ascending")]))
    count = len(draft)
    columns = {name: draft[name] for name in draft.schema.names if name not in (ROW, "slot")}
    columns["id"] = pc.binary_join_element_wise(origin.prefix, draft[ROW].cast(pa.string()), "#", draft["slot"], "")
    for name, value in (("source", origin.source), ("config", origin.config), ("split", origin.split), ("revision", origin.revision)):
        columns[name] = pa.repeat(value, count)
    columns["language"] = pc.fill_null(draft["language"], language) if language else draft["language"]
    columns["violated"] = with_ancestors(draft["violated"], draft["taxonomy"])
    columns["prompt_hash"], columns["pair_hash"] = (pa.array(hashes, pa.uint64()) for hashes in text_hashes(draft))
    arrays = [columns[item.name].cast(item.type) for item in schema.JUDGEMENT]
    return pa.RecordBatch.from_arrays(arrays, schema=schema.JUDGEMENT)


def with_revision(file: NativeFile, revision: str) -> NativeFile:
    """The same file under another revision."""
    return file._replace(origin=replace(file.origin, revision=revision))
