"""Evidence from place: what is likely for the parent, and how strongly the rest of a concept's domain is supported, given first probabilities.

What siblings, children and the relatives of a concept say was tried too; hidden lists were ranked worse with it (docs/align.md).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from taxonomy_bridge.alignment.items import Items
from taxonomy_bridge.alignment.similarity import Matrix

NAMES = ("parent", "has_parent", "domain")


def structure(subjects: Items, domains: NDArray[np.int64], chance: Matrix) -> Matrix:
    """Features (n, m, 3) from probabilities (n, m). `domains`: domain of each concept, -1 for the root."""
    parents = np.array(subjects.parents, np.int64)
    has = (parents >= 0)[:, None]
    return np.stack([np.where(has, chance[parents], 0), np.broadcast_to(has, chance.shape), _domain(chance, domains)], axis=2).astype(np.float32)


def _domain(chance: Matrix, domains: NDArray[np.int64]) -> Matrix:
    """The best probability of any concept of the same domain."""
    found = np.zeros_like(chance)
    for domain in set(domains.tolist()) - {-1}:
        columns = np.flatnonzero(domains == domain)
        found[:, columns] = chance[:, columns].max(axis=1, keepdims=True)
    return found
