"""Scores against what others decided: outside crosswalks, references of ontology matching, any SSSOM pair. Nothing is fitted on them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from taxonomy_bridge.alignment import direct, measures
from taxonomy_bridge.alignment.direct import DirectModel, Pool
from taxonomy_bridge.alignment.gather import ranks_of
from taxonomy_bridge.alignment.items import Items
from taxonomy_bridge.alignment.readers import Reference, read_items, read_reference, read_table
from taxonomy_bridge.alignment.similarity import Matrix
from taxonomy_bridge.errors import InputError

METHODS = {"exact label": "exact", "token-sort": "token_sort", "TF-IDF": "tfidf", "embeddings alone": "embedding"}


@dataclass(frozen=True)
class Pair:
    """Two lists and a reference between them. `whole`: whether the object side is a whole published list, or only what the reference names."""

    subjects: Items
    objects: Items
    reference: Reference
    whole: bool


def in_folder(folder: Path) -> list[Pair]:
    """Every `*.sssom.tsv` of a folder, the lists from `vocabularies/<prefix>.tsv` where they are there."""
    found = []
    for path in sorted(folder.glob("*.sssom.tsv")):
        reference = read_reference(path)
        if not reference.right:
            continue
        (subjects, _), (objects, whole) = _side(folder, path, reference, 0), _side(folder, path, reference, 1)
        found.append(Pair(subjects, objects, reference, whole))
    if not found:
        raise InputError(f"{folder} holds no *.sssom.tsv with a positive row.")
    return found


def _side(folder: Path, path: Path, reference: Reference, side: int) -> tuple[Items, bool]:
    prefix = next(iter(reference.right))[side].split(":", 1)[0]
    listed = folder / "vocabularies" / f"{prefix}.tsv"
    if listed.is_file():
        return read_table(listed), True
    return read_items(str(path), ("subject", "object")[side]), False


@dataclass(frozen=True)
class Scored:
    """Per method and positive pair of the reference: its rank among the objects of its subject (0 is best)."""

    pair: Pair
    kinds: dict[str, Matrix]
    ranks: dict[str, NDArray[np.float64]]
    missing: int


def score(pair: Pair, pool: Pool) -> Scored:
    """Rank all objects for every subject, by every method. Reference pairs whose ids are in neither list are counted, not scored."""
    kinds = direct.evidence(pair.subjects, pair.objects, pool)
    scores = {method: kinds[kind] for method, kind in METHODS.items() if kind in kinds}
    ordered = [ranks_of(kinds[kind]) for kind in ("token_sort", "tfidf", "embedding") if kind in kinds]
    scores["reciprocal ranks"] = np.asarray(sum(1 / (61 + ranks) for ranks in ordered), np.float32)
    scores["fused"] = direct.fuse(kinds)
    # Classes and properties are never each other's candidates.
    apart = np.array([[one.kind != other.kind for other in pair.objects] for one in pair.subjects], bool).reshape(len(pair.subjects), len(pair.objects))
    scores = {method: np.where(apart, -np.inf, values) for method, values in scores.items()}
    places = [
        (pair.subjects.place[one], pair.objects.place[other])
        for one, other in pair.reference.right
        if one in pair.subjects.place and other in pair.objects.place
    ]
    if not places:
        raise InputError(f"{pair.reference.name}: no pair of the reference is in the two lists. Do the ids agree?")
    rows, columns = np.array(places).T
    return Scored(pair, kinds, {method: measures.places(values, rows, columns) for method, values in scores.items()}, len(pair.reference.right) - len(places))


def summary(scored: Sequence[Scored]) -> dict[str, dict[str, Any]]:
    """Recall of pairs at 1, 3, 5 and mean reciprocal rank by method over all pairs together, with 95 % bootstrap intervals, and the gain of the fused score."""
    found: dict[str, dict[str, Any]] = {}
    whole = {method: np.concatenate([one.ranks[method] for one in scored]) for method in scored[0].ranks}
    for method, ranks in whole.items():
        values = {f"recall@{k}": (ranks < k).astype(float) for k in (1, 3, 5)} | {"mrr": 1 / (1 + ranks)}
        found[method] = {name: measures.interval(value) for name, value in values.items()}
        found[method]["fused gain@1"] = measures.interval((whole["fused"] < 1).astype(float) - (ranks < 1))
        found[method]["pairs"] = len(ranks)
    return found


def accepted(scored: Scored, model: DirectModel, threshold: float, equivalence: bool, one_to_one: bool) -> dict[str, Any]:
    """Precision, recall and F1 of what would be proposed, and how often the relation is the stated one where a relation is stated.

    Precision is a lower bound wherever a reference does not say that it is complete; pairs it refutes are counted apart.
    """
    pair = scored.pair
    said = direct.propose(pair.subjects, pair.objects, scored.kinds, model, threshold=threshold, limit=10, equivalence=equivalence, one_to_one=one_to_one)
    pairs = {(one.subject, one.object): one.relation for one in said}
    hits = pairs.keys() & pair.reference.right.keys()
    stated = {key: predicate for key, predicate in pair.reference.right.items() if predicate in ("skos:exactMatch", "skos:broadMatch", "skos:narrowMatch")}
    related = [key for key in hits if key in stated]
    return {
        **measures.f1(len(hits), len(pairs), len(pair.reference.right)), "proposed": len(pairs), "right": len(hits), "pairs": len(pair.reference.right),
        "refuted": len(pairs.keys() & pair.reference.wrong), "relations": len(related), "relations_right": sum(pairs[key] == stated[key] for key in related),
        "confidences": [(one.confidence, (one.subject, one.object) in pair.reference.right) for one in said],
    }  # fmt: skip
