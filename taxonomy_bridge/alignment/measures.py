"""Measures of rankings and of probabilities, and bootstrap intervals over groups."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

DRAWS = 1000


def found_at(ranked: NDArray[np.bool_], k: int) -> NDArray[np.float64]:
    """Per row whether any of the first k is right."""
    return np.asarray(ranked[:, :k].any(axis=1), np.float64)


def recall_at(ranked: NDArray[np.bool_], total: NDArray[np.int64], k: int) -> NDArray[np.float64]:
    """Per row the share of the right ones that the first k hold, of those that k places can hold.

    >>> recall_at(np.array([[True, False, True]]), np.array([5]), 2).tolist()
    [0.5]
    """
    return np.asarray(ranked[:, :k].sum(axis=1) / np.clip(np.minimum(total, k), 1, None), np.float64)


def reciprocal_rank(ranked: NDArray[np.bool_]) -> NDArray[np.float64]:
    """1 / place of the first right one, 0 if there is none."""
    return np.where(ranked.any(axis=1), 1 / (1 + ranked.argmax(axis=1)), 0.0)


def auroc(chance: NDArray[np.float64], truth: NDArray[np.bool_]) -> float:
    """Probability that a right row has the higher number than a wrong one; ties count half.

    >>> auroc(np.array([0.1, 0.4, 0.9]), np.array([False, False, True]))
    1.0
    """
    _, inverse, counts = np.unique(chance, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[inverse]
    right, wrong = int(truth.sum()), int((~truth).sum())
    return float((ranks[truth].sum() - right * (right + 1) / 2) / (right * wrong)) if right and wrong else float("nan")


def places(scores: NDArray[np.floating], rows: NDArray[np.int64], columns: NDArray[np.int64]) -> NDArray[np.float64]:
    """How many columns stand before each asked one in its row, 0 for the best; those with the same score count half."""
    asked, own = scores[rows], scores[rows, columns][:, None]
    return np.asarray((asked > own).sum(axis=1) + ((asked == own).sum(axis=1) - 1) / 2, np.float64)


def mixed(scores: NDArray[np.floating]) -> NDArray[np.int64]:
    """Columns of each row, best first; ties in an order that is drawn once, so that no method profits from the order of a list."""
    order = np.random.default_rng(20261129).permutation(scores.shape[1])
    return np.asarray(order[np.argsort(-scores[:, order], axis=1, kind="stable")], np.int64)


@dataclass(frozen=True)
class Calibration:
    """How far probabilities are from what came true. `bins`: (lower edge, count, mean probability, share right)."""

    ece: float
    brier: float
    base_brier: float
    auroc: float
    bins: tuple[tuple[float, int, float, float], ...]


def calibration(chance: NDArray[np.float64], truth: NDArray[np.bool_], count: int = 10) -> Calibration:
    """Ten bins of equal width; the Brier score beside that of always saying the base rate."""
    place = np.minimum((chance * count).astype(int), count - 1)
    bins = tuple(
        (one / count, int((place == one).sum()), float(chance[place == one].mean()), float(truth[place == one].mean()))
        for one in range(count) if (place == one).any()
    )  # fmt: skip
    error = sum(size * abs(said - came) for _, size, said, came in bins) / max(len(chance), 1)
    base = float(truth.mean())
    return Calibration(error, float(((chance - truth) ** 2).mean()), base * (1 - base), auroc(chance, truth), bins)


def interval(values: NDArray[np.float64], groups: NDArray[np.str_] | None = None, draws: int = DRAWS) -> tuple[float, float, float]:
    """Mean over groups of the means inside, and a 95 % bootstrap interval that draws groups and then rows inside; without groups, rows alone."""
    random = np.random.default_rng(20261129)
    if groups is None:
        means = values[random.integers(0, len(values), (draws, len(values)))].mean(axis=1)
        return float(values.mean()), float(np.quantile(means, 0.025)), float(np.quantile(means, 0.975))
    parts = [values[groups == name] for name in np.unique(groups)]
    inside = np.stack([part[random.integers(0, len(part), (draws, len(part)))].mean(axis=1) for part in parts])
    chosen = random.integers(0, len(parts), (draws, len(parts)))
    means = np.take_along_axis(inside.T, chosen, axis=1).mean(axis=1)
    return float(np.mean([part.mean() for part in parts])), float(np.quantile(means, 0.025)), float(np.quantile(means, 0.975))


def f1(hits: float, proposed: float, wanted: float) -> dict[str, float]:
    """Precision, recall and their harmonic mean."""
    precision, recall = hits / proposed if proposed else float("nan"), hits / wanted if wanted else float("nan")
    return {"precision": precision, "recall": recall, "f1": 2 * hits / (proposed + wanted) if proposed + wanted else float("nan")}
