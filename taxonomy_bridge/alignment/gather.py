"""All evidence for category to concept: text, curated neighbours, instances and structure, and the features that fusion reads from it."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from taxonomy_bridge.alignment import curated as known
from taxonomy_bridge.alignment import meaning, similarity
from taxonomy_bridge.alignment.curated import Curated, Near, Votes
from taxonomy_bridge.alignment.encoders import Encoder
from taxonomy_bridge.alignment.items import Items, merge
from taxonomy_bridge.alignment.similarity import Matrix

CANDIDATES = 30
TWIN = 0.9  # word cosine above which a category of another list counts as the same text


@dataclass(frozen=True)
class Evidence:
    """Subjects are the curated categories and then the new ones. `text`: kind to (n, m). `instances`: (n, n curated), how far above usual P(curated |
    subject) is in labelled rows, NaN without rows."""

    subjects: Items
    curated: Curated
    text: dict[str, Matrix]
    near: dict[str, Near]
    instances: Matrix | None = None

    @functools.cached_property
    def ranks(self) -> dict[str, NDArray[np.int64]]:
        """Rank of each concept by each kind of text evidence."""
        return {kind: ranks_of(values) for kind, values in self.text.items()}

    @property
    def new(self) -> NDArray[np.int64]:
        """Rows of the subjects that are not curated."""
        return np.arange(len(self.curated.categories), len(self.subjects))


@dataclass(frozen=True)
class Features:
    """What fusion reads: `values` (n, k, d) for the `candidates` (n, k) of each subject, `names` of the d features; `votes` stay for the relation."""

    candidates: NDArray[np.int64]
    values: NDArray[np.float32]
    names: tuple[str, ...]
    votes: dict[str, Votes]


def gather(curated: Curated, new: Items | None = None, encoder: Encoder | None = None, instances: Matrix | None = None) -> Evidence:
    """Compute everything that needs text. Rows of the new items see twins in other lists; curated rows do not, so that weights rest on resemblance."""
    subjects = merge("subjects", [curated.categories, *([new] if new else [])])
    concepts, pool = curated.concepts, curated.categories
    statistics = similarity.Tfidf([*subjects, *concepts])
    text = {
        "exact": similarity.exact(subjects, concepts),
        "token_sort": similarity.token_sort(subjects, concepts),
        "token_set": similarity.overlap(subjects, concepts),
        "tfidf": statistics.cosines(subjects, concepts),
    }
    likeness = {"tfidf": statistics.cosines(subjects, pool)}
    if encoder is not None:
        text |= meaning.embedding(subjects, concepts, encoder) | meaning.word_evidence(subjects, concepts, encoder)
        likeness["embedding"] = meaning.embedding(subjects, pool, encoder)["embedding"]
    else:
        likeness["token_sort"] = similarity.token_sort(subjects, pool)
    forbidden = _forbidden(curated, len(subjects), likeness["tfidf"])
    near = {kind: known.nearest(values, forbidden, kind) for kind, values in likeness.items()}
    return Evidence(subjects, curated, text, near, instances)


def _forbidden(curated: Curated, count: int, words: Matrix) -> NDArray[np.bool_]:
    """Which curated categories a subject must not learn from: its own list, and, for a curated subject, the same text elsewhere."""
    size = len(curated.categories)
    found = np.zeros((count, size), bool)
    found[:size] = (curated.taxonomy[:, None] == curated.taxonomy[None]) | (words[:size] > TWIN)
    for row, twin in curated.twins:
        found[row, twin] = found[twin, row] = True
    return found


def features(evidence: Evidence, hidden: NDArray[np.bool_] | None = None, leave_out: Sequence[str] = ()) -> Features:
    """Candidates and features of every subject, the mappings of hidden curated rows unseen. `leave_out` names kinds for ablations."""
    size = len(evidence.curated.categories)
    silent = np.zeros(size, bool) if hidden is None else hidden
    left_out = tuple(leave_out)
    near = {} if "neighbours" in leave_out else {kind: one for kind, one in evidence.near.items() if not kind.startswith(left_out)}
    votes = {kind: known.vote(one, evidence.curated, silent) for kind, one in near.items()}
    text = {kind: values for kind, values in evidence.text.items() if not kind.startswith(left_out)}
    made: dict[str, Matrix] = dict(text)
    made |= {f"{kind}_behind": values - values.max(axis=1, keepdims=True) for kind, values in text.items() if kind in ("tfidf", "token_sort", "embedding")}
    for kind, one in votes.items():
        best = np.broadcast_to(one.best[:, None], one.outer.shape)
        possible = np.log(one.outer + 0.01)
        made |= {f"by_{kind}_certain": one.inner, f"by_{kind}": possible, f"by_{kind}_near": possible * best, f"by_{kind}_best": best}
    if evidence.instances is not None and "instances" not in leave_out:
        seen = by_instances(evidence.instances, evidence.curated, silent)
        made |= {"instances": np.nan_to_num(seen), "instances_there": np.isfinite(seen).astype(np.float32)}
    candidates = best_by_any([*(evidence.ranks[kind] for kind in text), *(ranks_of(one.outer) for one in votes.values())])
    stacked = np.stack([np.take_along_axis(values, candidates, axis=1) for values in made.values()], axis=2)
    return Features(candidates, np.asarray(stacked, np.float32), tuple(made), votes)


def by_instances(shares: Matrix, curated: Curated, hidden: NDArray[np.bool_]) -> Matrix:
    """Support for each concept (n, m): the categories that a subject's texts are in, each shared out over what it covers; NaN for subjects without rows."""
    there = np.where(hidden[None], False, np.isfinite(shares))
    size = np.sqrt(np.clip(curated.outer.sum(axis=1), 1, None))
    found = np.where(there, shares, 0) @ (curated.outer / size[:, None]).astype(np.float32)
    return np.where(there.any(axis=1, keepdims=True), found, np.nan).astype(np.float32)


def best_by_any(ranks: Sequence[NDArray[np.int64]], count: int = CANDIDATES) -> NDArray[np.int64]:
    """The columns that some kind of evidence ranks highest, per row; ties by mean rank."""
    best, mean = functools.reduce(np.minimum, ranks), sum(ranks) / (1000 * len(ranks))
    return np.argsort(best + mean, axis=1, kind="stable")[:, :count]


def ranks_of(values: Matrix) -> NDArray[np.int64]:
    """Rank of each column in its row, 0 for the best; the earlier one at a tie."""
    order = np.argsort(-values, axis=1, kind="stable")
    ranks = np.empty_like(order)
    np.put_along_axis(ranks, order, np.arange(values.shape[1])[None], axis=1)
    return ranks
