"""Small statistics in numpy: logistic regression by Newton steps, isotonic calibration, and the standardising of features."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]
_EDGE = 0.002


def sigmoid(values: Numbers) -> Numbers:
    """Log-odds to probabilities."""
    return np.asarray(1 / (1 + np.exp(-np.clip(values, -30, 30))), np.float64)


@dataclass(frozen=True)
class Logistic:
    """A fitted regression. Features are standardised inside; the last weight is the intercept."""

    mean: Numbers
    scale: Numbers
    weights: Numbers

    def log_odds(self, features: NDArray[np.floating]) -> Numbers:
        """Log-odds of the last axis' features."""
        return np.asarray((features - self.mean) / self.scale @ self.weights[:-1] + self.weights[-1], np.float64)

    def probability(self, features: NDArray[np.floating]) -> Numbers:
        return sigmoid(self.log_odds(features))


def fit(features: NDArray[np.floating], truth: NDArray[np.bool_], weights: Numbers, ridge: float = 1.0, steps: int = 12) -> Logistic:
    """Ridge logistic regression: features (n, d), truth (n,), weights (n,).

    >>> model = fit(np.array([[0.0], [1.0], [2.0], [3.0]]), np.array([False, False, True, True]), np.ones(4))
    >>> bool(model.probability(np.array([[3.0]]))[0] > 0.5 > model.probability(np.array([[0.0]]))[0])
    True
    """
    mean, scale = features.mean(axis=0, dtype=np.float64), features.std(axis=0, dtype=np.float64) + 1e-9
    design = np.concatenate([(features - mean) / scale, np.ones((len(features), 1))], axis=1).astype(np.float32)
    found = np.zeros(design.shape[1])
    penalty = np.append(np.full(design.shape[1] - 1, ridge), 1e-6)
    for _ in range(steps):
        chance = sigmoid(design @ found)
        curve = (design * (weights * chance * (1 - chance)).astype(np.float32)[:, None]).T @ design + np.diag(penalty)
        step = np.linalg.solve(curve, design.T @ (weights * (truth - chance)) - penalty * found)
        found = found + np.clip(step, -3, 3)
        if np.abs(step).max() < 1e-4:
            break
    return Logistic(mean, scale, found)


@dataclass(frozen=True)
class Isotonic:
    """A rising step function from scores to probabilities, straight between the steps' middles."""

    scores: Numbers
    values: Numbers

    def __call__(self, scores: NDArray[np.floating]) -> Numbers:
        return np.asarray(np.interp(scores, self.scores, self.values), np.float64)


def isotonic(scores: Numbers, truth: NDArray[np.bool_], weights: Numbers, bins: int = 200) -> Isotonic:
    """The best rising function (pool adjacent violators), on at most `bins` groups of equal size; never quite 0 or 1."""
    order = np.argsort(scores, kind="stable")
    blocks: list[list[float]] = []
    for part in np.array_split(order, min(bins, len(order))):
        total = float(weights[part].sum())
        blocks.append([float((weights[part] * truth[part]).sum()), total, float((weights[part] * scores[part]).sum())])
        while len(blocks) > 1 and blocks[-2][0] * blocks[-1][1] >= blocks[-1][0] * blocks[-2][1]:
            last = blocks.pop()
            blocks[-1] = [one + other for one, other in zip(blocks[-1], last, strict=True)]
    return Isotonic(np.array([block[2] / block[1] for block in blocks]), np.clip([block[0] / block[1] for block in blocks], _EDGE, 1 - _EDGE))
