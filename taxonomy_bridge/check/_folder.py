"""The folder itself: manifest, lock, ledger, and whether every file is the one that was written.

In: an export folder. Out: its manifest and findings. A folder without a readable manifest is no export, and raises.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from taxonomy_bridge.check._report import Findings
from taxonomy_bridge.errors import ExportError
from taxonomy_bridge.storage import TEMPORARY, file_sha256

SUMS = ("rows_in", "quarantined", "without_judgement", "judgements_in", "used", "samples_out")


class _Model(BaseModel):
    model_config = ConfigDict(extra="allow", frozen=True)


class Companion(_Model):
    """A file beside the data."""

    path: str
    sha256: str


class DataFile(_Model):
    """One file of rows."""

    path: str
    exporter: str
    kind: str
    split: str
    rows: int
    bytes: int
    sha256: str
    content_hash: str


class Dialect(_Model):
    """Format and preset; `template` is the text of the recipe's own template, if it brought one."""

    name: str
    preset: str
    template: str | None = None


class Manifest(_Model):
    """The parts of `manifest.json` that the check reads."""

    version: Literal[1]
    build_id: str
    recipe: dict[str, Any]
    sources: list[dict[str, Any]]
    counts: dict[str, Any]
    format: Dialect
    files: list[DataFile]
    companions: list[Companion]
    gold_digest: dict[str, str] | None = None
    yields: list[dict[str, Any]] = Field(default=[], alias="yield")

    @property
    def translated(self) -> set[str]:
        """Sources whose labels were carried over to another list, and may have one verdict there."""
        return {str(one["source"]) for one in self.yields}


def read_manifest(out: Path) -> Manifest:
    """`OUT/manifest.json`, or an `ExportError` that says why this is no export folder."""
    told = read_json(out / "manifest.json")
    try:
        manifest = Manifest.model_validate(told)
    except ValidationError as error:
        problems = "; ".join(f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors())
        raise ExportError(f"{out / 'manifest.json'} is not a manifest of this version: {problems}. Rebuild the folder.") from error
    for name in [*(entry.path for entry in manifest.files), *(entry.path for entry in manifest.companions)]:
        if not (out / name).resolve().is_relative_to(out.resolve()):
            raise ExportError(f"{out / 'manifest.json'} names a file outside the folder: {name!r}. Do not use this export.")
    return manifest


def read_json(path: Path) -> Any:
    """A JSON file of the folder; `ExportError` if it is missing or no JSON."""
    try:
        return json.loads(path.read_bytes())
    except FileNotFoundError as error:
        raise ExportError(f"{path} does not exist: {path.parent} is not an export folder. Give the folder that `build -o` wrote.") from error
    except (OSError, ValueError) as error:
        raise ExportError(f"{path} cannot be read: {error}. Rebuild the folder.") from error


def check_folder(out: Path, manifest: Manifest, found: Findings) -> None:
    """Completeness, lock, ledger, and the hash of every listed file."""
    if not (out / "_SUCCESS").is_file():
        found.add("missing-success", "_SUCCESS", "the build did not finish")
    lock = _object(out / "build.lock.json")
    if lock.get("build_id") != manifest.build_id:
        found.add("lock", "build.lock.json", f"build_id {lock.get('build_id')!r}, but manifest.json says {manifest.build_id!r}")
    _check_ledger(_object(out / "ledger.json"), manifest, found)
    for entry in manifest.files:
        _check_file(out, entry.path, entry.sha256, entry.bytes, found)
    for companion in manifest.companions:
        _check_file(out, companion.path, companion.sha256, None, found)
    listed = {entry.path for entry in manifest.files}
    for path in sorted((out / "data").rglob("*")):
        name = path.relative_to(out).as_posix()
        if path.is_file() and name not in listed and not path.name.startswith(TEMPORARY):
            found.add("file-extra", name, "the manifest does not list this file")


def _object(path: Path) -> dict[str, Any]:
    told = read_json(path)
    if not isinstance(told, dict):
        raise ExportError(f"{path} holds a {type(told).__name__} where an object is expected. Rebuild the folder.")
    return told


def _check_file(out: Path, name: str, sha256: str, size: int | None, found: Findings) -> None:
    path = out / name
    if not path.is_file():
        found.add("file-missing", name, "listed in manifest.json, but not there")
        return
    actual = file_sha256(path)
    if actual != sha256:
        found.add("file-hash", name, f"sha256 is {actual}, the manifest says {sha256}")
    elif size is not None and size != path.stat().st_size:
        found.add("file-hash", name, f"{path.stat().st_size} bytes, the manifest says {size}")


def _check_ledger(ledger: Mapping[str, Any], manifest: Manifest, found: Findings) -> None:
    sources = ledger.get("sources")
    if ledger.get("balanced") is not True:
        found.add("ledger", "ledger.json", f"balanced is {ledger.get('balanced')!r}")
    if not isinstance(sources, list):
        raise ExportError(f"ledger.json has no list of sources: {sorted(ledger)}. Rebuild the folder.")
    samples = 0
    for entry in sources:
        samples += _check_entry(entry, found)
    written: Counter[tuple[str, str]] = Counter()
    for file in manifest.files:
        written[file.exporter, file.kind] += file.rows
    for (exporter, kind), rows in sorted(written.items()):
        if rows != samples:
            found.add("ledger", "ledger.json", f"samples_out adds up to {samples}, but the {exporter} export of kind {kind} has {rows} rows")


def _check_entry(entry: Mapping[str, Any], found: Findings) -> int:
    """The conservation laws of one source and split; gives its samples."""
    name = f"source {entry.get('source')!r}, split {entry.get('split')!r}"
    dropped = entry.get("dropped")
    losses = list(dropped.values()) if isinstance(dropped, dict) else [None]
    numbers = [number for number in [*(entry.get(key) for key in SUMS), *losses] if isinstance(number, int) and number >= 0]
    if len(numbers) < len(SUMS) + len(losses):
        found.add("ledger", "ledger.json", f"{name}: {', '.join(SUMS)} and each dropped count must be whole numbers from 0")
        return 0
    rows_in, quarantined, empty, judged, used, samples = numbers[: len(SUMS)]
    lost = sum(numbers[len(SUMS) :])
    if judged != used + lost:
        found.add("ledger", "ledger.json", f"{name}: judgements_in {judged}, but used {used} and dropped {lost} make {used + lost}")
    decoded = entry.get("decoded", rows_in - quarantined - empty)
    if decoded < 0 or rows_in != decoded + quarantined + empty:
        found.add("ledger", "ledger.json", f"{name}: rows_in {rows_in}, but decoded {decoded}, quarantined {quarantined} and without_judgement {empty}")
    if samples < used:
        found.add("ledger", "ledger.json", f"{name}: {used} judgements used, but only {samples} samples")
    return samples
