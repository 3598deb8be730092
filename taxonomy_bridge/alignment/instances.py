"""Evidence from labelled rows: how often a text of one category is in a category of another list. No text is kept, shown or sent anywhere.

Counted where the same text is labelled under both lists; estimated elsewhere, by a light classifier trained on one list's rows and applied to the other's.
"""

from __future__ import annotations

import itertools
import re
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from taxonomy_bridge import labelled
from taxonomy_bridge.alignment.items import Items
from taxonomy_bridge.alignment.similarity import STOP, Matrix

BUCKETS = 2048
ROWS = 4000  # texts per list; enough for the shares of a category, small enough for a laptop
ENOUGH = 15  # rows of a category under which its share is not estimated
Progress = Callable[[str, int, int], None]


@dataclass
class Labelled:
    """Rows of one list: hashed words (n, BUCKETS), which categories each row is in (n, c), and a number for its text."""

    slugs: list[str]
    words: list[NDArray[np.float32]] = field(default_factory=list)
    violated: list[list[int]] = field(default_factory=list)
    texts: list[tuple[int, str]] = field(default_factory=list)

    def truth(self) -> NDArray[np.bool_]:
        found = np.zeros((len(self.violated), len(self.slugs)), bool)
        for row, places in enumerate(self.violated):
            found[row, places] = True
        return found


def collect(folder: Path, progress: Progress = lambda *_: None) -> dict[str, Labelled]:
    """Rows of each list from the splits in a folder, the same ones every time: of each list the first `ROWS` by hash of their text."""
    rows: dict[str, dict[tuple[int, str], tuple[str, list[str]]]] = {}
    splits = labelled.in_folder(folder)
    for number, split in enumerate(splits):
        progress("read", number, len(splits))
        for batch in labelled.judgements(split):
            _take(batch, rows)
        for kept in rows.values():
            for key in sorted(kept)[ROWS:]:
                del kept[key]
    progress("read", len(splits), len(splits))
    found = {}
    for taxonomy, kept in sorted(rows.items()):
        slugs = sorted({slug for _, violated in kept.values() for slug in violated})
        place = {slug: number for number, slug in enumerate(slugs)}
        found[taxonomy] = Labelled(slugs)
        for key, (text, violated) in sorted(kept.items()):
            found[taxonomy].words.append(hashed(text))
            found[taxonomy].violated.append([place[slug] for slug in violated])
            found[taxonomy].texts.append(key)
    return found


def _take(batch: pa.RecordBatch, rows: dict[str, dict[tuple[int, str], tuple[str, list[str]]]]) -> None:
    columns = [batch[name].to_pylist() for name in ("taxonomy", "pair_hash", "judged", "prompt", "response", "violated")]
    for taxonomy, text, judged, prompt, response, violated in zip(*columns, strict=True):
        shown = prompt if judged == "prompt" else f"{prompt or ''}\n{response or ''}"
        if shown:
            rows.setdefault(taxonomy, {}).setdefault((text, judged), (shown[:2000], violated))


def hashed(text: str) -> NDArray[np.float32]:
    """Words, pairs of words and word beginnings, hashed; unit length."""
    words = [word for word in re.findall(r"\w+", text.casefold()) if word not in STOP]
    found = np.zeros(BUCKETS, np.float32)
    for term in (*words, *map("_".join, itertools.pairwise(words)), *(f"{word[:5]}*" for word in words if len(word) > 5)):
        found[zlib.crc32(term.encode()) % BUCKETS] += 1
    found = np.log1p(found)
    return np.asarray(found / (np.linalg.norm(found) or 1), np.float32)


def classify(words: NDArray[np.float32], truth: NDArray[np.bool_], steps: int = 150, ridge: float = 1e-4) -> tuple[Matrix, Matrix]:
    """One logistic regression per category by accelerated gradient steps: weights (BUCKETS, c) and intercepts (c,)."""
    shape = (words.shape[1] + 1, truth.shape[1])
    design = np.concatenate([words, np.ones((len(words), 1), np.float32)], axis=1)
    weights, ahead = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
    target = truth.astype(np.float32)
    for step in range(steps):
        chance = 1 / (1 + np.exp(-np.clip(design @ ahead, -30, 30)))
        slope = design.T @ (chance - target) / len(design) + ridge * ahead
        fresh = (ahead - 2.0 * slope).astype(np.float32)  # rows have length sqrt(2): the curve is at most 1/2
        ahead = fresh + np.float32(step / (step + 3)) * (fresh - weights)
        weights = fresh
    return weights[:-1], weights[-1]


@dataclass(frozen=True)
class Shares:
    """P(other | one) by pair of category ids, and P(other) over all rows of the one's list."""

    given: dict[tuple[str, str], float]
    usual: dict[tuple[str, str], float]


def shares(rows: dict[str, Labelled], first: Sequence[str] | None = None) -> Shares:
    """Conditional frequencies between the categories of all lists that have rows; with `first`, only of these lists' categories."""
    given: dict[tuple[str, str], float] = {}
    usual: dict[tuple[str, str], float] = {}
    for name, known in rows.items():
        truth = known.truth()
        kept = truth.sum(axis=0) >= ENOUGH
        if not kept.any():
            continue
        weights, intercepts = classify(np.stack(known.words), truth[:, kept])
        slugs = [f"{name}:{slug}" for slug, keep in zip(known.slugs, kept, strict=True) if keep]
        place = {text: row for row, text in enumerate(known.texts)}
        for other, asked in rows.items():
            if other == name or (first is not None and other not in first):
                continue
            chance = 1 / (1 + np.exp(-np.clip(np.stack(asked.words) @ weights + intercepts, -30, 30)))
            both = [(row, place[text]) for row, text in enumerate(asked.texts) if text in place]
            for row, seen in both:  # labelled under both: what was said counts, not what is guessed
                chance[row] = truth[seen][kept]
            _count(f"{other}:", asked, chance, slugs, given, usual)
    return Shares(given, usual)


def _count(prefix: str, asked: Labelled, chance: Matrix, slugs: list[str], given: dict[tuple[str, str], float], usual: dict[tuple[str, str], float]) -> None:
    truth = asked.truth()
    whole = chance.mean(axis=0)
    for column, slug in enumerate(asked.slugs):
        inside = truth[:, column]
        if inside.sum() >= ENOUGH:
            share = chance[inside].mean(axis=0)
            for number, other in enumerate(slugs):
                given[prefix + slug, other], usual[prefix + slug, other] = float(share[number]), float(whole[number])


def matrix(found: Shares, a: Items, b: Items, lift: bool = False) -> Matrix:
    """P(b | a) for every pair (n, m), NaN without rows; with `lift` how far it is above what is usual, at least 0."""
    values = np.full((len(a), len(b)), np.nan, np.float32)
    for (one, other), share in found.given.items():
        if one in a.place and other in b.place:
            values[a.place[one], b.place[other]] = max(share - found.usual[one, other], 0.0) if lift else share
    return values
