"""Displayed lists: which items of a policy each sample shows, and in which order.

Lists vary by seeded draws that never look at the label, so that a list cannot tell the verdict: an unsafe row keeps its gold, a safe
row what some unsafe row keeps.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from taxonomy_bridge import rng
from taxonomy_bridge.policy import Policy

Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class Shown:
    """The displayed list of n samples: `order` (n, K) holds item indices, of which the first `count` (n,) are displayed."""

    order: NDArray[np.uint8]
    count: NDArray[np.int64]

    @property
    def mask(self) -> Bools:
        """Which items are displayed, bool (n, K), by item index."""
        width = self.order.shape[1]
        mask = np.zeros(self.order.shape, bool)
        rows = np.repeat(np.arange(len(self.order)), self.count)
        mask[rows, self.order[np.arange(width)[None, :] < self.count[:, None]]] = True
        return mask

    @property
    def positions(self) -> NDArray[np.int64]:
        """Displayed position of every item, (n, K); items that are not displayed come after the others."""
        places = np.empty(self.order.shape, np.int64)
        np.put_along_axis(places, self.order.astype(np.int64), np.arange(self.order.shape[1])[None, :], axis=1)
        return places


class ListRules(NamedTuple):
    """How lists vary: shuffled or in the publisher's order, and how many items are taken out.

    `spare`: how many items must stand beside those that always stay, so that an unsafe list never holds its gold alone.
    """

    shuffle: bool
    drop_items: float
    min_items: int
    max_items: int | None
    spare: int = 0


def decoys(policy: Policy, ids: rng.U64, seed: int) -> Bools:
    """One item per row, drawn evenly: what a safe row keeps where its source has no unsafe rows to take an example from."""
    kept = np.zeros((len(ids), len(policy)), bool)
    kept[np.arange(len(ids)), rng.below(rng.draw(seed, "decoy_item", ids), len(policy))] = True
    return kept


def show(policy: Policy, keep: Bools, ids: rng.U64, seed: int, rules: ListRules, allowed: Bools | None = None) -> Shown:
    """Which items each sample displays, in which order. Items of `keep` (n, K) always stay, items outside `allowed` (n, K) never show.

    An unsafe row keeps its gold, a safe row the gold of some unsafe row (a decoy), and the length is drawn without looking at the label:
    so the list tells nothing about the verdict. A list from which anything was taken shows no residual item ("other" would then
    mean more than the label said); a row that keeps a residual item keeps the whole list.
    """
    rows, width = len(ids), len(policy)
    order = rng.permutations(seed, "shuffle", ids, width) if rules.shuffle else np.tile(np.arange(width, dtype=np.uint8), (rows, 1))
    residual = np.array([item.residual for item in policy.items])
    limit = min(rules.max_items or width, width)
    if allowed is None and ((rules.drop_items == 0 and limit == width) or residual.all()):
        return Shown(order, np.full(rows, width, np.int64))
    usable = np.ones((rows, width), bool) if allowed is None else allowed
    plain = (usable & ~residual).sum(axis=1)
    spread = np.minimum(np.round(2 * rules.drop_items * plain).astype(np.int64), np.maximum(plain - 1, 0))
    target = plain - rng.below(rng.draw(seed, "list_length", ids), spread + 1)
    target = np.maximum(np.minimum(target, limit), np.maximum(rules.min_items, (keep & ~residual).sum(axis=1) + rules.spare))
    whole = (keep & residual).any(axis=1) | (target >= plain)
    # One draw serves two items: 24 random bits, then the item itself, so that no two keys of a row are equal.
    item = np.arange(width, dtype=np.uint32)
    keys = rng.keys(seed, "drop_items", ids, (width + 1) // 2).view("<u4")[:, :width] & np.uint32(0xFFFFFF00) | item
    keys = np.where(keep, item, keys)
    keys[:, residual] |= np.uint32(0xFFFFFF00)
    keys = np.where(usable, keys, keys | np.uint32(0xFFFFFF00))
    last = np.take_along_axis(np.sort(keys, axis=1), np.clip(target, 1, width)[:, None] - 1, axis=1)
    return _compact(order, ((keys <= last) | whole[:, None]) & usable)


def _compact(order: NDArray[np.uint8], active: Bools) -> Shown:
    """Move the active items to the front, keeping their order."""
    rows, width = order.shape
    chosen = active.ravel().take(order + np.arange(0, rows * width, width)[:, None])
    place = np.arange(width, dtype=np.uint32)[None, :]
    packed = (~chosen).astype(np.uint32) << 16 | place << 8 | order  # hidden, position, item: sorting small numbers is cheapest
    packed.sort(axis=1)
    return Shown((packed & 0xFF).astype(np.uint8), chosen.sum(axis=1).astype(np.int64))
