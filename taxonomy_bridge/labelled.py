"""Labelled data at hand: the splits whose native files lie in a folder, or those that a recipe names, and the label patterns in them.

No text is kept: what is read of each judgement are its labels and the hashes of its texts.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa

from taxonomy_bridge import registry
from taxonomy_bridge.errors import InputError
from taxonomy_bridge.labels import Pattern, PatternIndex
from taxonomy_bridge.recipe import load_recipe
from taxonomy_bridge.sources import _base, _hub
from taxonomy_bridge.sources._base import NativeFile, Source

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Split:
    """One split of one source, and where its files are."""

    source: Source
    config: str
    split: str
    files: tuple[NativeFile, ...]

    @property
    def name(self) -> str:
        return f"{self.source.name}/{self.config}/{self.split}" if len(self.source.configs) > 1 else f"{self.source.name}/{self.split}"


@dataclass
class Counts:
    """Label patterns of one split: how many judgements have each. `bad`: rows that could not be read."""

    split: Split
    patterns: Counter[Pattern] = field(default_factory=Counter)
    bad: int = 0


def in_folder(folder: Path) -> list[Split]:
    """Every split all of whose files are in `folder/<source name>`, in the native layout; sources in order of name.

    A split of which only some files are there is left out with a warning. Raises `InputError` if there is none at all, or if a file is there twice.
    """
    found = []
    for name in registry.names("sources"):
        place = next((path for path in (folder / name, folder / name.replace("-", "_")) if path.is_dir()), None)
        if place is None:
            continue
        source: Source = registry.load("sources", name)
        for config, splits in source.files.items():
            for split, natives in splits.items():
                there = [native for native in natives if _base.is_there(place, native)]
                if len(there) == len(natives):
                    found.append(Split(source, config, split, tuple(_base.local_files(source, config, split, place))))
                elif there:
                    missing = ", ".join(native for native in natives if native not in there)
                    logging.getLogger(__name__).warning("%s/%s/%s is left out: %s does not hold %s", name, config, split, place, missing)
    if not found:
        raise InputError(f"{folder} holds no source in its native layout. It has one sub-folder per name that `taxonomy-bridge sources list` prints.")
    return found


def of_recipe(recipe: str | Path) -> list[Split]:
    """The splits that a recipe names, where it says they are."""
    loaded = load_recipe(recipe)
    found = []
    for entry in loaded.recipe.sources:
        source: Source = entry.load(loaded.folder)
        path = loaded.folder / entry.path if entry.path is not None else None
        found.append(Split(source, source.config(entry.config), entry.split, tuple(_hub.files(source, entry.config, entry.split, path, entry.revision))))
    return found


def judgements(split: Split, counts: Counts | None = None) -> Iterator[pa.RecordBatch]:
    """Judgement batches of a split; unreadable rows are counted."""
    for file in split.files:
        for decoded in _base.decode_file(split.source, file):
            if counts is not None:
                counts.bad += len(decoded.bad)
            if len(decoded.judgements):
                yield decoded.judgements


def count_patterns(splits: Sequence[Split], progress: Progress) -> list[Counts]:
    """How many judgements of each split have which labels."""
    found = []
    for number, split in enumerate(splits):
        progress("read", number, len(splits))
        counts = Counts(split)
        for batch in judgements(split, counts):
            index = PatternIndex()
            numbers = Counter(index.of(batch).to_pylist())
            for place, pattern in enumerate(index.patterns):
                counts.patterns[pattern] += numbers[place]
        found.append(counts)
    progress("read", len(splits), len(splits))
    return found
