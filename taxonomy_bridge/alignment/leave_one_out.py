"""Leave one taxonomy out: every curated mapping is hidden in turn, the weights fitted on the others, and the hidden categories ranked against what people decided."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from taxonomy_bridge.alignment import model as fused
from taxonomy_bridge.alignment.curated import RELATIONS
from taxonomy_bridge.alignment.gather import Evidence, features, ranks_of
from taxonomy_bridge.alignment.similarity import Matrix

ABLATIONS = ("neighbours", "embedding", "tfidf", "token", "structure", "instances")


@dataclass(frozen=True)
class Held:
    """Everything said of held-out categories. `rankings`: method to scores (n, m) over all concepts; `relations` (n, k) and `candidates` (n, k)."""

    rankings: dict[str, Matrix]
    candidates: NDArray[np.int64]
    confidence: NDArray[np.float64]
    relation: NDArray[np.int64]
    nothing: NDArray[np.float64]


def leave_one_out(
    evidence: Evidence, domains: NDArray[np.int64], progress: Callable[[str, int, int], None], ablations: Sequence[str] = (), folds: int | None = None
) -> Held:
    """Hide each taxonomy in turn. Twins of a category (`same_as`, or nearly the same text) never vote for it. With `folds`, lists are hidden in
    that many groups instead: faster, and a little harder."""
    curated = evidence.curated
    n, m = curated.outer.shape
    names = sorted(set(curated.taxonomy[curated.mapped | curated.nothing].tolist()))
    order = np.random.default_rng(7).permutation(len(names))
    groups = [{names[place] for place in order[fold::folds]} for fold in range(folds)] if folds else [{name} for name in names]
    width = features(evidence).candidates.shape[1]
    rankings = {kind: values[:n] for kind, values in evidence.text.items() if kind in ("exact", "token_sort", "tfidf", "embedding")}
    rankings |= {f"without {kind}": np.full((n, m), -1, np.float32) for kind in ablations}
    rankings |= {"neighbours": np.zeros((n, m), np.float32), "fused": np.full((n, m), -1, np.float32)}
    held = Held(rankings, np.zeros((n, width), np.int64), np.zeros((n, width)), np.zeros((n, width), np.int64), np.zeros(n))
    for number, group in enumerate(groups):
        progress("measure", number, len(groups))
        rows = np.flatnonzero(np.isin(curated.taxonomy, sorted(group)))
        _fold(evidence, domains, rows, held, ablations)
    progress("measure", len(groups), len(groups))
    held.rankings["reciprocal ranks"] = _reciprocal([held.rankings[kind] for kind in ("token_sort", "tfidf", "embedding", "neighbours") if kind in rankings])
    return held


def _fold(evidence: Evidence, domains: NDArray[np.int64], rows: NDArray[np.int64], held: Held, ablations: Sequence[str]) -> None:
    hidden = np.zeros(len(evidence.curated.categories), bool)
    hidden[rows] = True
    seen = features(evidence, hidden)
    said = fused.predict(fused.fit(evidence, seen, ~hidden, domains), evidence, seen, domains)
    held.candidates[rows], held.confidence[rows], held.nothing[rows] = said.candidates[rows], said.confidence[rows], said.nothing[rows]
    held.relation[rows] = said.relations[rows].argmax(axis=2)
    _put(held.rankings["fused"], rows, said.candidates, said.score)
    votes = [one.outer * one.best[:, None] for one in seen.votes.values()]
    held.rankings["neighbours"][rows] = np.mean(votes, axis=0)[rows]
    for kind in ablations:
        less = features(evidence, hidden, leave_out=[kind])
        structured = kind != "structure"
        other = fused.predict(fused.fit(evidence, less, ~hidden, domains, structured), evidence, less, domains)
        _put(held.rankings[f"without {kind}"], rows, other.candidates, other.score)


def _put(target: Matrix, rows: NDArray[np.int64], candidates: NDArray[np.int64], score: NDArray[np.float64]) -> None:
    part = np.full((len(rows), target.shape[1]), -1, np.float32)
    np.put_along_axis(part, candidates[rows], score[rows].astype(np.float32), axis=1)
    target[rows] = part


def _reciprocal(scores: Sequence[Matrix]) -> Matrix:
    """Reciprocal-rank fusion with the usual constant of 60."""
    return np.asarray(sum(1 / (60 + 1 + ranks_of(values)) for values in scores), np.float32)


def relation_names() -> tuple[str, ...]:
    """Short names of the relations, in the order of the numbers."""
    return tuple(name.removeprefix("skos:").removesuffix("Match") for name in RELATIONS)
