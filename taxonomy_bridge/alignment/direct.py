"""Category to category: two lists of anything, compared by names, words, meaning, and what the curated categories that they resemble cover.

The fused score is the mean of standardised evidence, without weights to tune. What it means as a probability, and which relation holds, is fitted on
pairs of bundled lists whose relation follows from their curated mappings.
"""

from __future__ import annotations

import functools
from collections.abc import Collection, Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from taxonomy_bridge.alignment import fusion, meaning, similarity
from taxonomy_bridge.alignment.curated import RELATIONS, Curated, nearest, vote
from taxonomy_bridge.alignment.encoders import Encoder, encode_with
from taxonomy_bridge.alignment.engine import Proposal
from taxonomy_bridge.alignment.fusion import Isotonic, Logistic
from taxonomy_bridge.alignment.gather import ranks_of
from taxonomy_bridge.alignment.items import Items, merge, words
from taxonomy_bridge.alignment.similarity import Index, Matrix, Tfidf

# Chosen on practice tasks by mean reciprocal rank; what was looked at besides stands in docs/align.md.
WITH_ENCODER = ("embedding", "embedding_words", "embedding_soft", "embedding_profile", "profile", "concepts")
WITHOUT = ("profile", "concepts")
PARENTS = 0.2
SAME = 0.95  # confidence for one name and one definition: a convention
EXACT = 4.0  # an equal name outweighs every other evidence in the score


@dataclass(frozen=True)
class Pool:
    """Known texts that both sides are compared with: two items that resemble the same known texts resemble each other. The curated categories come first."""

    items: Items
    curated: Curated
    encoder: Encoder | None = None

    @functools.cached_property
    def words(self) -> Index:
        return Tfidf(list(self.items)).index(self.items)

    @functools.cached_property
    def vectors(self) -> Matrix:
        assert self.encoder is not None
        return encode_with(self.encoder, [item.text for item in self.items])


def evidence(a: Items, b: Items, pool: Pool) -> dict[str, Matrix]:
    """Kinds of evidence (n, m), from names and words, and from the encoder if the pool has one."""
    both = merge("both", [a, b])
    here = Tfidf(list(both)).index(both)
    words, near = here.cosines(both), pool.words.cosines(both)
    found = {
        "exact": similarity.exact(a, b), "token_sort": similarity.token_sort(a, b), "token_set": similarity.overlap(a, b), "tfidf": words[: len(a), len(a) :],
        "profile": meaning.alike(np.concatenate([near, words], axis=1), len(a)), "concepts": _concepts(a, b, both, pool, near),
    }  # fmt: skip
    if pool.encoder is not None:
        found |= meaning.embedding(a, b, pool.encoder) | meaning.word_evidence(a, b, pool.encoder)
        found["embedding_profile"] = meaning.profile(a, b, pool.vectors, pool.encoder)
    return found | {"structure": _parents(a, b, _mean(found))}


def _concepts(a: Items, b: Items, both: Items, pool: Pool, words: Matrix) -> Matrix:
    """Whether the curated categories that two items resemble cover the same concepts. The two lists themselves, where they are bundled, have no vote."""
    known = pool.curated
    likeness = {"tfidf": words[:, : len(known.categories)]}
    likeness |= {"embedding": meaning.embedding(both, known.categories, pool.encoder)["embedding"]} if pool.encoder else {}
    own = np.isin(known.taxonomy, [a.name, b.name])
    parts = []
    for kind, values in likeness.items():
        votes = vote(nearest(values, np.broadcast_to(own, values.shape), kind), known, np.zeros(len(own), bool))
        parts += [np.sqrt(votes.outer), votes.nothing[:, None] / 2]
    return meaning.alike(np.concatenate(parts, axis=1).astype(np.float32), len(a))


def _parents(a: Items, b: Items, score: Matrix) -> Matrix:
    """How well the parent of one side goes with the other side; 0 without a parent."""
    left, right = np.array(a.parents, np.int64), np.array(b.parents, np.int64)
    return np.asarray(np.where((left >= 0)[:, None], score[left], 0) + np.where((right >= 0)[None], score[:, right], 0), np.float32)


def fuse(kinds: dict[str, Matrix]) -> Matrix:
    """The mean of standardised evidence, a little of what parents say, and an equal name above everything."""
    return np.asarray(_mean(kinds) + PARENTS * kinds["structure"] + EXACT * kinds["exact"], np.float32)


def _mean(kinds: dict[str, Matrix]) -> Matrix:
    parts = [(kinds[kind] - kinds[kind].mean()) / (kinds[kind].std() + 1e-9) for kind in (WITH_ENCODER if "embedding" in kinds else WITHOUT)]
    return np.asarray(sum(parts) / len(parts), np.float32)


@dataclass(frozen=True)
class Task:
    """Two lists, their evidence, and the truth: which pairs belong together, and the relation (index into `RELATIONS`, -1 where none)."""

    kinds: dict[str, Matrix]
    right: NDArray[np.bool_]
    relation: NDArray[np.int8]


@dataclass(frozen=True)
class DirectModel:
    """Fitted probabilities: that a pair belongs together, and its relation if it does."""

    right: Logistic
    calibration: Isotonic
    relations: tuple[Logistic, ...]


def features(kinds: dict[str, Matrix]) -> NDArray[np.float32]:
    """Numbers of each pair (n, m, d), none of which depends on how long the lists are."""
    score = fuse(kinds)
    parts = [score, score - score.max(axis=1, keepdims=True), score - score.max(axis=0, keepdims=True)]
    parts += [-np.log1p(ranks_of(score)), -np.log1p(ranks_of(score.T)).T]
    parts += [kinds[kind] for kind in ("exact", "token_sort", "token_set", "tfidf")]
    parts += [kinds[kind] for kind in ("embedding", "embedding_names", "embedding_words") if kind in kinds]
    return np.stack(parts, axis=2).astype(np.float32)


def fit(tasks: Iterable[Task]) -> DirectModel:
    """Fit on tasks; each weighs the same."""
    values, right, relation, weights = [], [], [], []
    for task in tasks:
        values.append(features(task.kinds).reshape(task.right.size, -1))
        right.append(task.right.ravel())
        relation.append(task.relation.ravel())
        weights.append(np.full(task.right.size, 30 / np.sqrt(task.right.size)))
    table, truth, stated, weight = np.concatenate(values), np.concatenate(right), np.concatenate(relation), np.concatenate(weights)
    model = fusion.fit(table, truth, weight)
    calibration = fusion.isotonic(model.probability(table), truth, weight, bins=1000)
    relations = tuple(fusion.fit(table[truth], stated[truth] == number, weight[truth]) for number in range(len(RELATIONS)))
    return DirectModel(model, calibration, relations)


def propose(
    a: Items, b: Items, kinds: dict[str, Matrix], model: DirectModel, *, threshold: float, limit: int, equivalence: bool = False, one_to_one: bool = False,
    known: Collection[tuple[str, str]] = (), given: Matrix | None = None, back: Matrix | None = None,
) -> list[Proposal]:  # fmt: skip
    """Pairs that are likely enough, best first for each item of `a`. `given` and `back`: P(b | a) and P(a | b) where labelled rows are at hand; they
    also decide between broader and narrower.
    """
    values, score = features(kinds), fuse(kinds)
    chance = sameness(kinds) if equivalence else model.calibration(model.right.probability(values))
    odds = relation_chances(values, model, given, back)
    # One name and one definition on both sides: the same category, whatever practice says of names alone.
    same = same_text(a, b)
    chance, odds = np.where(same, np.maximum(chance, SAME), chance), np.where(same[:, :, None], np.eye(len(RELATIONS))[0], odds)
    allowed = np.array([[one.kind == other.kind and (one.id, other.id) not in known for other in b] for one in a], bool).reshape(chance.shape)
    allowed &= chance >= threshold
    chosen = _one_to_one(chance + score / 1000 if equivalence else score, allowed) if one_to_one else allowed
    found = []
    for row in range(len(a)):
        columns = [int(column) for column in np.argsort(-score[row], kind="stable") if chosen[row, column]]
        for column in columns[:limit]:
            relation = 0 if equivalence else int(odds[row, column].argmax())
            probability = 1.0 if equivalence else float(odds[row, column, relation])
            told = {"lexical": max(kinds["exact"][row, column], kinds["token_sort"][row, column]), "tfidf": kinds["tfidf"][row, column]}
            told |= {"structure": kinds["structure"][row, column]}
            told |= {"embedding": kinds["embedding"][row, column]} if "embedding" in kinds else {}
            numbers = {kind: float(value) for kind, value in told.items()}
            because = "; ".join(f"{kind} {value:.2f}" for kind, value in numbers.items() if value >= 0.2 and kind != "structure")
            share = float(given[row, column]) if given is not None and np.isfinite(given[row, column]) else None
            found.append(
                Proposal(
                    a.items[row].id, b.items[column].id, RELATIONS[relation], probability, float(fusion.sigmoid(score[row, column])),
                    float(chance[row, column]), numbers, because, share,
                )
            )  # fmt: skip
    return found


def relation_chances(values: NDArray[np.float32], model: DirectModel, given: Matrix | None, back: Matrix | None) -> NDArray[np.float64]:
    """Probability of each relation (n, m, 4) of pairs that belong together."""
    odds = np.stack([relation.probability(values) for relation in model.relations], axis=2)
    if given is not None and back is not None:
        odds *= _by_frequency(given, back)
    return np.asarray(odds / odds.sum(axis=2, keepdims=True), np.float64)


def same_text(a: Items, b: Items) -> NDArray[np.bool_]:
    """Which pairs share a name and a definition, letter for letter but for case and punctuation."""
    texts = [[words(item.definition) for item in items] for items in (a, b)]
    found = [
        [bool(text) and text == other_text and not set(one.names).isdisjoint(other.names) for other, other_text in zip(b, texts[1], strict=True)]
        for one, text in zip(a, texts[0], strict=True)
    ]
    return np.array(found, bool).reshape(len(a), len(b))


def sameness(kinds: dict[str, Matrix]) -> NDArray[np.float64]:
    """How far two names say the same, as a number that is 1/2 where they agree to 85 %. A convention, not fitted: equivalence between lists of harms is too
    rare to learn from, and other fields differ. Names count by letters, and by meaning where there is an encoder."""
    names = kinds["token_sort"].astype(np.float64)
    if "embedding_names" in kinds:
        names = np.maximum(names, (names + np.clip(kinds["embedding_names"], 0, 1)) / 2)
    return fusion.sigmoid(20 * (np.maximum(names, kinds["exact"]) - 0.85))


def _by_frequency(given: Matrix, back: Matrix) -> NDArray[np.float64]:
    """Weights of the relations from the two conditional frequencies: equal if both are high, one inside the other if one is. 1 where rows are missing."""
    there, one, other = np.isfinite(given) & np.isfinite(back), np.nan_to_num(given), np.nan_to_num(back)
    weights = np.stack([one * other, other * (1 - one), one * (1 - other), (1 - one) * (1 - other)], axis=2) + 0.02
    return np.where(there[:, :, None], weights, 1.0)


def _one_to_one(score: NDArray[np.floating], allowed: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The best remaining pair again and again, each item once."""
    chosen = np.zeros_like(allowed)
    rows, columns = np.nonzero(allowed)
    order = np.lexsort((columns, rows, -score[rows, columns]))
    used: tuple[set[int], set[int]] = (set(), set())
    for place in order.tolist():
        row, column = int(rows[place]), int(columns[place])
        if row not in used[0] and column not in used[1]:
            chosen[row, column] = True
            used[0].add(row)
            used[1].add(column)
    return chosen
