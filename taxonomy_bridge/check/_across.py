"""Rules between rows and between exports: repeats, conflicts, splits, copies of one gold, counts.

In: the `Index` of each folder. Out: findings. All comparisons are sorts and joins of hashes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from taxonomy_bridge.check._folder import Manifest
from taxonomy_bridge.check._labels import Dialect, read_gold
from taxonomy_bridge.check._report import Findings
from taxonomy_bridge.check._rows import Index
from taxonomy_bridge.formats._base import Gold

FEW = 0.05  # share of a verdict under which a source or policy counts as one-class (DESIGN, section 7)
SMALL = 20  # a source with fewer rows gives a warning: too few to tell
VERDICTS = ("safe", "unsafe")


def check_index(index: Index, manifest: Manifest, found: Findings) -> None:
    """Everything that one folder of data tells by itself."""
    rows = index.rows()
    for repeat, original in _repeats(rows, ["id"]):
        found.add("duplicate-id", index.place(repeat), f"the sample id is that of {index.place(original)}")
    numbered = rows[rows["index"] >= 0]
    for repeat, original in _repeats(numbered, ["split", "index"]):
        found.add("duplicate-index", index.place(repeat), f"index {repeat['index']} is that of {index.place(original)}")
    labelled = rows[rows["verdict"] >= 0]
    kept = manifest.recipe.get("duplicates", {}).get("conflicts") == "keep"
    for one, other in _changes(labelled, "prompt", "verdict"):
        words = f"{VERDICTS[other['verdict']]}, but {index.place(one)} has the same prompt and is {VERDICTS[one['verdict']]}"
        found.add("label-conflict", index.place(other), words, level="warning" if kept else None)
    for one, other in _changes(rows[rows["talk"] != 0], "talk", "split"):
        found.add("prompt-overlap", index.place(other), f"the original prompt is also in {index.place(one)}, another split")
    for split in _changed_splits(index, manifest):
        found.add("gold-flipped", index.folder, f"split {split!r}: the gold of its samples is not what the build recorded (gold_digest)")
    _check_final(index, labelled, manifest, found)


def check_classes(index: Index, manifest: Manifest, found: Findings) -> None:
    """Share of each verdict per source and per policy."""
    rows = index.rows()
    rows = rows[rows["verdict"] >= 0]
    allowed = set(manifest.recipe.get("allow_one_class", ()))
    allowed |= {entry["as"] for entry in manifest.sources if entry.get("id") in allowed and "as" in entry}
    natural = {entry[key] for key in ("as", "id") for entry in manifest.sources if len(entry.get("verdicts", VERDICTS)) < 2}
    for what in ("source", "policy"):
        for number in np.unique(rows[what]):
            chosen = rows[rows[what] == number]
            name, verdicts = index.names[int(number)], chosen["verdict"]
            sources = {index.names[int(source)] for source in np.unique(chosen["source"])}
            for verdict, word in enumerate(VERDICTS):
                share = float((verdicts == verdict).mean())
                if share >= FEW:
                    continue
                mild = name in allowed or sources <= natural or (what == "source" and (len(verdicts) < SMALL or name in manifest.translated))
                found.add("one-class", index.folder, f"{what} {name!r}: {share:.1%} of {len(verdicts)} rows are {word}", level="warning" if mild else None)


def check_exports(indexes: Sequence[Index], manifest: Manifest, told: Dialect, found: Findings) -> None:
    """All exports hold the same samples, prompts and gold: each is compared with one, if possible with one whose gold is as the build recorded it."""
    if not indexes:
        return
    reference = max(indexes, key=lambda index: (bool(index.golds), not _changed_splits(index, manifest)))
    for index in indexes:
        if index is reference:
            continue
        ours, theirs = _join(reference.rows(), index.rows())
        for row in _only(index.rows(), reference.rows())[:1]:
            found.add("export-mismatch", index.place(row), f"the sample is not in {reference.folder}")
        for row in _only(reference.rows(), index.rows())[:1]:
            found.add("export-mismatch", reference.place(row), f"the sample is not in {index.folder}")
        for place in np.flatnonzero(ours["prompt"] != theirs["prompt"]):
            found.add("export-mismatch", index.place(theirs[place]), f"the sample has another prompt in {reference.place(ours[place])}")
        _compare_gold(reference, ours, index, theirs, told, found)


def _compare_gold(reference: Index, ours: NDArray[np.void], index: Index, theirs: NDArray[np.void], told: Dialect, found: Findings) -> None:
    if index.golds and reference.golds:
        bad = ours["gold"] != theirs["gold"]
    else:
        bad = ours["verdict"] != theirs["verdict"]
        pairs = np.stack([ours["gold"], theirs["category"]], axis=1)
        known, number = np.unique(pairs, axis=0, return_inverse=True)
        bad |= np.array([not _accepts(reference, index, pair, told) for pair in known.tolist()], bool)[number.ravel()] if len(pairs) else False
    for place in np.flatnonzero(bad):
        here, there = theirs[place], ours[place]
        words = [VERDICTS[row["verdict"]] if row["verdict"] >= 0 else "unreadable" for row in (here, there)]
        found.add("gold-flipped", index.place(here), f"the gold ({words[0]}) differs from the same sample's in {reference.place(there)} ({words[1]})")


def _accepts(reference: Index, index: Index, pair: Sequence[int], told: Dialect) -> bool:
    """Whether a gold of the reference accepts the category that another export names; True where either is unreadable."""
    gold = read_gold(reference.golds[pair[0]]) if pair[0] in reference.golds else ""
    if not isinstance(gold, Gold) or not told.format.categories:
        return True
    return told.same(index.categories[pair[1]]) in {told.same(name) for name in gold.accept}


def _changed_splits(index: Index, manifest: Manifest) -> list[str]:
    """Splits whose gold is not the recorded one; none if nothing was recorded."""
    recorded = manifest.gold_digest
    return [] if recorded is None else [split for split, digest in index.digests.items() if recorded.get(split) != digest.hexdigest()]


def _check_final(index: Index, rows: NDArray[np.void], manifest: Manifest, found: Findings) -> None:
    final: Mapping[str, Mapping[str, Mapping[str, Any]]] | None = manifest.counts.get("final")
    if final is None or not index.sourced:
        return
    keys, counts = np.unique(np.stack([rows["source"], rows["split"], rows["verdict"]], axis=1), axis=0, return_counts=True)
    actual = {(index.names[s], index.names[p], VERDICTS[v]): n for (s, p, v), n in zip(keys.tolist(), counts.tolist(), strict=True)}
    recorded = {(source, split, verdict): n for source, splits in final.items() for split, told in splits.items() for verdict, n in told.items()}
    for key in sorted(actual.keys() | recorded.keys()):
        if actual.get(key, 0) != recorded.get(key, 0):
            source, split, verdict = key
            found.add("gold-flipped", index.folder, f"{source}, {split}: {actual.get(key, 0)} {verdict} rows, the build recorded {recorded.get(key, 0)}")


def _repeats(rows: NDArray[np.void], keys: list[str]) -> list[tuple[np.void, np.void]]:
    """(row, the row before it) for each row that repeats the key of another, in sorted order."""
    ordered = rows[np.lexsort([rows["row"], rows["file"], *[rows[key] for key in reversed(keys)]])]
    same = np.logical_and.reduce([ordered[key][1:] == ordered[key][:-1] for key in keys])
    return [(ordered[place + 1], ordered[place]) for place in np.flatnonzero(same)]


def _changes(rows: NDArray[np.void], key: str, value: str) -> list[tuple[np.void, np.void]]:
    """Neighbouring rows with one key and two values."""
    ordered = rows[np.lexsort([rows["row"], rows["file"], rows[value], rows[key]])]
    bad = (ordered[key][1:] == ordered[key][:-1]) & (ordered[value][1:] != ordered[value][:-1])
    return [(ordered[place], ordered[place + 1]) for place in np.flatnonzero(bad)]


def _join(ours: NDArray[np.void], theirs: NDArray[np.void]) -> tuple[NDArray[np.void], NDArray[np.void]]:
    """Rows of both with the same sample id, side by side; one row per id."""
    _, left, right = np.intersect1d(ours["id"], theirs["id"], return_indices=True)
    return ours[left], theirs[right]


def _only(ours: NDArray[np.void], theirs: NDArray[np.void]) -> NDArray[np.void]:
    return ours[~np.isin(ours["id"], theirs["id"])]
