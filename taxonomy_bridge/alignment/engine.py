"""From a taxonomy without a mapping to proposals: the one entrance that the command line and Python users take."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from taxonomy_bridge.alignment import model as fused
from taxonomy_bridge.alignment.curated import RELATIONS, Curated, of_graph
from taxonomy_bridge.alignment.encoders import Encoder
from taxonomy_bridge.alignment.gather import Evidence, Features, features, gather
from taxonomy_bridge.alignment.items import Items
from taxonomy_bridge.alignment.similarity import Matrix
from taxonomy_bridge.graph import CategoryGraph
from taxonomy_bridge.sssom import NO_TERM
from taxonomy_bridge.vocabulary import Vocabulary

THRESHOLD = 0.3  # where F1 is highest when each curated mapping is left out in turn (docs/align.md)
LIMIT = 10
SURE = 0.5  # from here on "nothing fits" is believed, and a second concept forbids an exact match


@dataclass(frozen=True)
class Proposal:
    """One candidate of one category. `evidence`: kind to number, kinds that were not available missing. `given`: P(object | subject)."""

    subject: str
    object: str
    relation: str
    relation_probability: float
    score: float
    confidence: float
    evidence: dict[str, float]
    because: str
    given: float | None = None


def domains_of(vocabulary: Vocabulary) -> NDArray[np.int64]:
    """Number of the domain of each concept, -1 for the root."""
    names = [domain.id for domain in vocabulary.domains]
    return np.array([-1, *(names.index(vocabulary.domain_of[concept]) for concept in vocabulary.by_id)])


def align(
    items: Items, graph: CategoryGraph, encoder: Encoder | None = None, *, threshold: float = THRESHOLD, limit: int = LIMIT,
    known: Mapping[tuple[str, str], bool] | None = None, instances: Matrix | None = None, given: Matrix | None = None, without: Collection[str] = (),
) -> list[Proposal]:  # fmt: skip
    """Proposals for every item, in the order of the list and best first; pairs in `known` (True: curated, False: refuted) never come out.

    An item for which nothing is likely enough has no row; one that the engine believes to cover no concept has one row with the object
    `sssom:NoTermFound`. A bundled list of the same id is not learnt from, nor those in `without`. `instances`: see `Evidence`;
    `given`: P(curated category | subject), of the same shape.
    """
    curated = of_graph(graph, without={*without, *(item.id.split(":", 1)[0] for item in items)})
    evidence = gather(curated, items, encoder, instances)
    seen = features(evidence)
    domains = domains_of(graph.vocabulary)
    everything = np.ones(len(curated.categories), bool)
    said = fused.predict(fused.fit(evidence, seen, everything, domains), evidence, seen, domains)
    decided = known or {}
    mapped = {subject for (subject, _), accepted in decided.items() if accepted}
    found: list[Proposal] = []
    for row in evidence.new.tolist():
        if said.nothing[row] < SURE:
            found += _of_row(evidence, seen, said, row, threshold, limit, decided, evidence.subjects.items[row].id not in mapped, given)
        elif evidence.subjects.items[row].id not in mapped:
            found.append(_nothing(evidence, seen, said, row))
    return [one for one in found if (one.subject, one.object) not in decided]


def _nothing(evidence: Evidence, seen: Features, said: fused.Prediction, row: int) -> Proposal:
    chance = float(said.nothing[row])
    near = [evidence.curated.categories.items[int(one.rows[row, 0])].id for one in evidence.near.values()]
    votes = {"neighbours": float(np.mean([one.nothing[row] for one in seen.votes.values()]))}
    subject = evidence.subjects.items[row].id
    return Proposal(
        subject, NO_TERM, "skos:mappingRelation", chance, chance, chance, votes, f"no concept seems to fit; nearest: {', '.join(dict.fromkeys(near))}"
    )


def _of_row(
    evidence: Evidence, seen: Features, said: fused.Prediction, row: int, threshold: float, limit: int,
    known: Mapping[tuple[str, str], bool], alone: bool, given: Matrix | None,
) -> list[Proposal]:  # fmt: skip
    subject, concepts = evidence.subjects.items[row].id, evidence.curated.concepts.items
    likely = [
        place for place, chance in enumerate(said.confidence[row]) if chance >= threshold and (subject, concepts[said.candidates[row, place]].id) not in known
    ]
    likely = _without_repeats(evidence, said, row, likely)
    alone = alone and sum(said.confidence[row, place] >= SURE for place in likely) < 2
    found = []
    for place in likely[:limit]:
        column = int(said.candidates[row, place])
        relation = _relation(said.relations[row, place], exact=alone and place == likely[0])
        told = _evidence(evidence, seen, row, column) | {"structure": float(said.structure[row, place])}
        found.append(
            Proposal(
                subject, concepts[column].id, RELATIONS[relation], float(said.relations[row, place, relation]), float(said.score[row, place]),
                float(said.confidence[row, place]), told, _because(evidence, row, column, told), _given(evidence, given, row, column),
            )
        )  # fmt: skip
    return found


def _without_repeats(evidence: Evidence, said: fused.Prediction, row: int, likely: list[int]) -> list[int]:
    """Places without concepts that lie inside another one that the category covers as a whole: the row of the outer one says it."""
    parents, columns = evidence.curated.concepts.parents, said.candidates[row]
    whole = {int(columns[place]) for place in likely if said.relations[row, place].argmax() <= 1}
    found = []
    for place in likely:
        above = parents[columns[place]]
        while above >= 0 and above not in whole:
            above = parents[above]
        if above < 0:
            found.append(place)
    return found


def _relation(chances: NDArray[np.float64], exact: bool) -> int:
    """The likeliest relation; an exact match only where nothing else is claimed."""
    allowed = chances if exact else np.where(np.arange(len(chances)) == 0, -1, chances)
    return int(allowed.argmax())


def _evidence(evidence: Evidence, seen: Features, row: int, column: int) -> dict[str, float]:
    text = evidence.text
    told = {"lexical": float(max(text["exact"][row, column], text["token_sort"][row, column])), "tfidf": float(text["tfidf"][row, column])}
    if "embedding" in text:
        told["embedding"] = float(text["embedding"][row, column])
    if seen.votes:
        told["neighbours"] = float(np.mean([one.outer[row, column] for one in seen.votes.values()]))
    if (
        "instances" in seen.names
        and (place := np.flatnonzero(seen.candidates[row] == column)).size
        and seen.values[row, place[0], seen.names.index("instances_there")]
    ):
        told["instances"] = float(seen.values[row, place[0], seen.names.index("instances")])
    return told


def _given(evidence: Evidence, given: Matrix | None, row: int, column: int) -> float | None:
    """P(concept | category) where labelled rows are at hand and a curated category covers just this concept."""
    if given is None:
        return None
    curated = evidence.curated
    same = curated.outer[:, column] & curated.inner[:, column] & (curated.outer.sum(axis=1) == 1) & np.isfinite(given[row])
    return float(given[row, same].max()) if same.any() else None


def _because(evidence: Evidence, row: int, column: int, told: dict[str, float]) -> str:
    """The strongest evidence in words: which curated categories resemble this one and cover the concept, and how alike names and words are."""
    curated: Curated = evidence.curated
    near: dict[str, float] = {}
    for one in evidence.near.values():
        for place, likeness in zip(one.rows[row], one.likeness[row], strict=True):
            if curated.outer[place, column]:
                name = curated.categories.items[int(place)].id
                near[name] = max(near.get(name, 0.0), float(likeness))
    best = sorted(near.items(), key=lambda pair: (-pair[1], pair[0]))[:2]
    parts = [f"like {' and '.join(f'{name} ({likeness:.2f})' for name, likeness in best)}"] if best and best[0][1] > 0.2 else []
    parts += [f"{kind} {told[kind]:.2f}" for kind in ("lexical", "tfidf", "embedding", "instances") if told.get(kind, 0) >= 0.2]
    return "; ".join(parts)
