"""What a judgement says of each category: the one place that computes *cleared*, and the one that joins annotations.

A `Pattern` is everything about a judgement that its labels decide. Distinct patterns are few, so every question about
labels is answered once per pattern and gathered by index.
"""

from __future__ import annotations

import functools
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from taxonomy_bridge.taxonomy import Taxonomy


class Pattern(NamedTuple):
    """The labels of one judgement; `violated` and `unjudged` are sorted slugs of `taxonomy`."""

    taxonomy: str
    verdict: str | None
    violated: tuple[str, ...]
    unjudged: tuple[str, ...]
    exhaustive: bool
    answered: tuple[tuple[str, bool], ...] = ()


class PatternIndex:
    """Numbers for distinct label patterns of judgement batches, in order of first appearance."""

    def __init__(self) -> None:
        self.numbers: dict[str, int] = {}

    def of(self, batch: pa.RecordBatch) -> pa.Array:
        """The pattern number of every row, int32."""
        keys = pc.binary_join_element_wise(
            batch["taxonomy"], pc.fill_null(batch["verdict"], "?"), pc.binary_join(batch["violated"], ","), pc.binary_join(batch["unjudged"], ","),
            pc.if_else(batch["exhaustive"], "1", "0"), "|",
        )  # fmt: skip
        encoded = keys.dictionary_encode()
        numbers = [self.numbers.setdefault(key, len(self.numbers)) for key in encoded.dictionary.to_pylist()]
        return pa.array(numbers, pa.int32()).take(encoded.indices)

    @property
    def patterns(self) -> list[Pattern]:
        """The patterns by number."""
        found = []
        for key in self.numbers:
            taxonomy, verdict, violated, unjudged, exhaustive = key.split("|")
            found.append(Pattern(taxonomy, None if verdict == "?" else verdict, _words(violated), _words(unjudged), exhaustive == "1"))
        return found


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split(",")) if text else ()


def cleared(pattern: Pattern, taxonomy: Taxonomy, safe_clears: bool = True) -> frozenset[str]:
    """The categories that a judgement says the text is *not* in.

    `safe_clears`: the source states that its safe verdict speaks about its whole list.

    >>> from taxonomy_bridge.taxonomy import load_taxonomy
    >>> beaver = load_taxonomy("beavertails")
    >>> unsafe = Pattern("beavertails", "unsafe", ("self_harm",), (), True)
    >>> len(cleared(unsafe, beaver)), "self_harm" in cleared(unsafe, beaver)
    (13, False)
    """
    every = frozenset(taxonomy.by_slug)
    if pattern.verdict == "safe":
        chosen = every - frozenset(pattern.unjudged) if safe_clears else frozenset()
    elif pattern.verdict is None:
        chosen = every - frozenset(pattern.violated) - frozenset(pattern.unjudged) if pattern.exhaustive else frozenset()
    else:
        chosen = _cleared_by_unsafe(pattern, taxonomy)
    return _without_groups(chosen, taxonomy)


def _cleared_by_unsafe(pattern: Pattern, taxonomy: Taxonomy) -> frozenset[str]:
    """Unsafe, or borderline whose named categories are already unjudged."""
    named, unjudged = frozenset(pattern.violated), frozenset(pattern.unjudged)
    if not named and not (pattern.verdict == "borderline" and unjudged):
        return frozenset()
    plain = frozenset(slug for slug, category in taxonomy.by_slug.items() if not category.residual)
    above = frozenset(parent for slug in named for parent in taxonomy.ancestors(slug))
    rest = frozenset(taxonomy.by_slug) - named - unjudged - above
    if taxonomy.labels.multi_label:
        return rest & plain if pattern.exhaustive else frozenset()
    if any(taxonomy[slug].residual for slug in named):
        return rest & plain
    ranked = [taxonomy.precedence.index(slug) for slug in named if slug in taxonomy.precedence]
    return rest & frozenset(taxonomy.precedence[: min(ranked)]) if ranked else frozenset()


def _without_groups(chosen: frozenset[str], taxonomy: Taxonomy) -> frozenset[str]:
    """A node that annotators could not assign is cleared only if all its children are."""

    @functools.cache
    def is_cleared(slug: str) -> bool:
        children = taxonomy.children(slug)
        if taxonomy[slug].assignable or not children:
            return slug in chosen
        return all(is_cleared(child) for child in children)

    return frozenset(slug for slug in taxonomy.by_slug if is_cleared(slug))


def close_upwards(violated: frozenset[str], taxonomy: Taxonomy) -> frozenset[str]:
    """Violated slugs together with all their ancestors."""
    return violated | frozenset(parent for slug in violated for parent in taxonomy.ancestors(slug))


class Joined(NamedTuple):
    """Annotations of n texts joined, over K categories.

    `verdict`: int8 (n,), 1 unsafe, 0 safe, 2 borderline, -1 nobody voted. `violated`, `unjudged`: bool (n, K).
    `votes_for`, `votes_against`: int16 (n, K + 1); the last column is the verdict (for = unsafe).
    """

    verdict: NDArray[np.int8]
    violated: NDArray[np.bool_]
    unjudged: NDArray[np.bool_]
    votes_for: NDArray[np.int16]
    votes_against: NDArray[np.int16]


def join_votes(unsafe: NDArray[np.int64], safe: NDArray[np.int64], ticks: NDArray[np.int64]) -> Joined:
    """Join annotators: `unsafe` and `safe` count votes (n,), `ticks` counts unsafe votes that name a category (n, K).

    Verdict by strict majority, a tie is borderline. Of an unsafe text a category is violated if a strict majority of the
    unsafe votes tick it, unjudged if ticked but short of that, cleared if nobody ticks it. Ticks of a text that is not
    unsafe leave the category unjudged.

    >>> one = join_votes(np.array([2]), np.array([1]), np.array([[2, 1, 0]]))
    >>> one.verdict[0].item(), one.violated[0].tolist(), one.unjudged[0].tolist()
    (1, [True, False, False], [False, True, False])
    """
    verdict = np.select([unsafe > safe, unsafe < safe, unsafe + safe == 0], [1, 0, -1], 2).astype(np.int8)
    majority = (2 * ticks > unsafe[:, None]) & (verdict == 1)[:, None]
    disputed = (ticks > 0) & ~majority
    # A safe majority clears the list: what a minority ticked stays unjudged.
    votes_for = np.concatenate([ticks, unsafe[:, None]], axis=1).astype(np.int16)
    votes_against = np.concatenate([unsafe[:, None] - ticks, safe[:, None]], axis=1).astype(np.int16)
    return Joined(verdict, majority, disputed, votes_for, votes_against)


VERDICT_CODES = {-1: None, 0: "safe", 1: "unsafe", 2: "borderline"}


def slug_lists(table: NDArray[np.bool_], slugs: list[str]) -> pa.ListArray:
    """A bool table (n, K) as lists of the slugs whose cell is true, in column order."""
    rows, columns = np.nonzero(table)
    offsets = np.zeros(len(table) + 1, np.int32)
    np.cumsum(np.bincount(rows, minlength=len(table)), out=offsets[1:])
    return pa.ListArray.from_arrays(pa.array(offsets), pa.array(slugs, pa.string()).take(pa.array(columns)))


def slug_table(lists: pa.Array, slugs: list[str]) -> NDArray[np.bool_]:
    """Lists of slugs as a bool table (n, K); the inverse of `slug_lists`."""
    table = np.zeros((len(lists), len(slugs)), bool)
    rows = pc.list_parent_indices(lists).to_numpy(zero_copy_only=False)
    columns = pc.index_in(pc.list_flatten(lists), pa.array(slugs, pa.string())).to_numpy(zero_copy_only=False)
    table[rows, columns] = True
    return table
