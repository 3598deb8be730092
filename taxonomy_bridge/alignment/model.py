"""Fusion: probabilities of concepts, relations and "nothing fits", fitted on curated mappings and asked for new categories."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from taxonomy_bridge.alignment import fusion
from taxonomy_bridge.alignment.curated import RELATIONS
from taxonomy_bridge.alignment.fusion import Isotonic, Logistic, Numbers
from taxonomy_bridge.alignment.gather import Evidence, Features
from taxonomy_bridge.alignment.structure import NAMES, structure

Rows = NDArray[np.int64] | NDArray[np.bool_]


@dataclass(frozen=True)
class Model:
    """Fitted parts: evidence alone, with structure, the calibration of their score, one regression per relation, and one for "nothing fits"."""

    first: Logistic
    second: Logistic
    calibration: Isotonic
    relations: tuple[Logistic, ...]
    nothing: Logistic
    structured: bool = True


@dataclass(frozen=True)
class Prediction:
    """Per subject (n) and candidate (k): `score` of the matcher, calibrated `confidence`, probability of each relation (n, k, 4); `nothing` (n,).

    `structure`: how strongly the rest of the concept's domain is supported.
    """

    candidates: NDArray[np.int64]
    score: Numbers
    confidence: Numbers
    relations: Numbers
    nothing: Numbers
    structure: NDArray[np.float32]


def fit(evidence: Evidence, features: Features, rows: NDArray[np.bool_], domains: NDArray[np.int64], structured: bool = True) -> Model:
    """Fit on curated rows (bool over the curated categories). Each list weighs by the root of its size, so that large ones do not decide alone."""
    curated = evidence.curated
    size = len(curated.categories)
    train = np.flatnonzero(rows & curated.mapped)
    truth = np.take_along_axis(curated.outer[train], features.candidates[train], axis=1)
    weights = np.repeat(_weights(curated.taxonomy[train]), truth.shape[1])
    first = fusion.fit(_flat(features.values[train]), truth.ravel(), weights)
    second, values = first, features.values
    place = _place(evidence, features, first, domains)
    if structured:
        values = np.concatenate([features.values, place], axis=2)
        second = fusion.fit(_flat(values[train]), truth.ravel(), weights)
    scores = fusion.sigmoid(second.log_odds(values))
    calibration = fusion.isotonic(scores[train].ravel(), truth.ravel(), weights)
    relations = _fit_relations(evidence, features, scores, train, truth)
    asked = np.flatnonzero(rows & (curated.mapped | curated.nothing))
    said = _nothing_features(features, scores)[:size]
    nothing = fusion.fit(said[asked], curated.nothing[asked], _weights(curated.taxonomy[asked]))
    return Model(first, second, calibration, relations, nothing, structured)


def predict(model: Model, evidence: Evidence, features: Features, domains: NDArray[np.int64]) -> Prediction:
    """What the model says of every subject, candidates best first."""
    place = _place(evidence, features, model.first, domains)
    values = np.concatenate([features.values, place], axis=2) if model.structured else features.values
    score = fusion.sigmoid(model.second.log_odds(values))
    nothing = model.nothing.probability(_nothing_features(features, score))
    described = _relation_features(evidence, features, score)
    odds = np.stack([relation.probability(described) for relation in model.relations], axis=2)
    order = np.argsort(-score, axis=1, kind="stable")
    candidates, ranked = np.take_along_axis(features.candidates, order, axis=1), np.take_along_axis(score, order, axis=1)
    relations = np.take_along_axis(odds / odds.sum(axis=2, keepdims=True), order[:, :, None], axis=1)
    domain = np.take_along_axis(place[:, :, NAMES.index("domain")], order, axis=1)
    return Prediction(candidates, ranked, model.calibration(ranked), relations, nothing, domain)


def _place(evidence: Evidence, features: Features, first: Logistic, domains: NDArray[np.int64]) -> NDArray[np.float32]:
    chance = np.zeros((len(evidence.subjects), len(evidence.curated.concepts)), np.float32)
    np.put_along_axis(chance, features.candidates, first.probability(features.values).astype(np.float32), axis=1)
    found = structure(evidence.subjects, domains, chance)
    return np.take_along_axis(found, features.candidates[:, :, None], axis=1)


def _weights(taxonomies: NDArray[np.str_]) -> Numbers:
    names, counts = np.unique(taxonomies, return_counts=True)
    size = dict(zip(names.tolist(), counts.tolist(), strict=True))
    return np.array([1 / np.sqrt(size[name]) for name in taxonomies.tolist()])


def _flat(values: NDArray[np.float32]) -> NDArray[np.float32]:
    return values.reshape(-1, values.shape[-1])


def _fit_relations(evidence: Evidence, features: Features, scores: Numbers, train: NDArray[np.int64], truth: NDArray[np.bool_]) -> tuple[Logistic, ...]:
    """One regression per relation over right pairs that have a row of their own."""
    stated = np.take_along_axis(evidence.curated.relation[train], features.candidates[train], axis=1)
    right = truth & (stated >= 0)
    values = _relation_features(evidence, features, scores)[train][right]
    weights = np.broadcast_to(_weights(evidence.curated.taxonomy[train])[:, None], right.shape)[right]
    return tuple(fusion.fit(values, stated[right] == number, weights) for number in range(len(RELATIONS)))


def _relation_features(evidence: Evidence, features: Features, scores: Numbers) -> NDArray[np.float32]:
    """How certain neighbours are of the concept, how many concepts the category seems to cover, how alike the names are, how long the texts."""
    candidates = features.candidates
    parts: list[NDArray[np.floating]] = []
    for one in features.votes.values():
        certain, possible = (np.take_along_axis(values, candidates, axis=1) for values in (one.inner, one.outer))
        parts += [certain, certain / (possible + 0.02), certain - possible]
    parts += [np.take_along_axis(evidence.text[kind], candidates, axis=1) for kind in ("exact", "token_sort", "token_set", "tfidf")]
    expected = scores.sum(axis=1, keepdims=True)
    second = np.sort(scores, axis=1)[:, -2:-1]
    parts += [scores, np.broadcast_to(np.log1p(expected), scores.shape), scores - second, np.broadcast_to(second, scores.shape)]
    length = np.log1p([[len(item.text.split())] for item in evidence.subjects])
    below = np.bincount([parent for parent in evidence.curated.concepts.parents if parent >= 0], minlength=len(evidence.curated.concepts))
    parts += [np.broadcast_to(length, scores.shape), np.log1p(below)[candidates], (candidates == 0).astype(float)]
    return np.stack(parts, axis=2).astype(np.float32)


def _nothing_features(features: Features, scores: Numbers) -> NDArray[np.float32]:
    """Best and total score, and for each kind of neighbour its vote for nothing and how near it is."""
    parts: list[NDArray[np.floating]] = [scores.max(axis=1), np.log1p(scores.sum(axis=1))]
    for one in features.votes.values():
        parts += [one.nothing, one.nothing * one.best, one.best]
    return np.stack(parts, axis=1).astype(np.float32)
