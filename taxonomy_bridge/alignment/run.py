"""What the commands call: proposals as a table, and evaluations as plain values with their text."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from taxonomy_bridge import registry, sssom
from taxonomy_bridge.alignment import direct, direct_tasks, instances, judge, outside, proposals, report
from taxonomy_bridge.alignment.curated import of_graph
from taxonomy_bridge.alignment.direct import DirectModel
from taxonomy_bridge.alignment.encoders import Cached, Encoder, open_encoder
from taxonomy_bridge.alignment.engine import LIMIT, THRESHOLD, Proposal, align, domains_of
from taxonomy_bridge.alignment.gather import gather
from taxonomy_bridge.alignment.items import Items, merge, of_concepts, of_taxonomy
from taxonomy_bridge.alignment.leave_one_out import leave_one_out
from taxonomy_bridge.alignment.readers import read_items, read_reference
from taxonomy_bridge.errors import InputError
from taxonomy_bridge.graph import CategoryGraph
from taxonomy_bridge.sssom import Table
from taxonomy_bridge.taxonomy import load_taxonomy, read_taxonomy

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Settings:
    """What both kinds of alignment share. `data`: a folder of labelled rows; `judge`: endpoint and model; `known`: a file whose pairs are decided; `without`: bundled lists not to learn from."""

    encoder: str | None = None
    threshold: float = THRESHOLD
    limit: int = LIMIT
    data: Path | None = None
    judge: tuple[str, str] | None = None
    known: Path | None = None
    without: tuple[str, ...] = ()
    progress: Progress = field(default=lambda *_: None)

    def open(self) -> Encoder | None:
        return Cached(*open_encoder(self.encoder)) if self.encoder else None


def to_concepts(name: str, graph: CategoryGraph, settings: Settings) -> Table:
    """Proposals for a taxonomy, by the id of a bundled one or by path. The pairs of a mapping beside the file (or of the bundled one) never come out."""
    bundled = name in registry.names("taxonomies")
    path = Path(name)
    if not bundled and not path.is_file():
        raise InputError(f"{name} is neither a file nor the id of a bundled taxonomy (`taxonomy-bridge taxonomies list`).")
    if not bundled and path.suffix not in {".yaml", ".yml"}:
        raise InputError(f"{name} is no taxonomy file. Make one first: taxonomy-bridge align import {path.name} -o my-list.yaml")
    taxonomy = load_taxonomy(name) if bundled else read_taxonomy(path)
    beside = registry.data_file("mappings", name) if bundled else path.with_name(f"{taxonomy.id}.sssom.tsv")
    known = _known(settings.known or (beside if beside.is_file() else None))
    items, concepts = of_taxonomy(taxonomy, harms=True), of_concepts(graph.vocabulary)
    shares = _shares(settings)
    likeness = given = None
    if shares is not None:
        curated = of_graph(graph, without={taxonomy.id, *settings.without})
        everything = merge("all", [curated.categories, items])
        likeness, given = (instances.matrix(shares, everything, curated.categories, lift=lift) for lift in (True, False))
    found = align(
        items,
        graph,
        settings.open(),
        threshold=settings.threshold,
        limit=settings.limit,
        known=known,
        instances=likeness,
        given=given,
        without=settings.without,
    )
    return _table(taxonomy.id, _judge(found, items, concepts, settings), items, concepts, settings, {"concept": f"{sssom.NAMESPACE}:concept:"})


def to_categories(first: str, second: str, graph: CategoryGraph, settings: Settings, *, equivalence: bool = False, one_to_one: bool = False) -> Table:
    """Proposals between two lists of anything: see `readers.read_items`."""
    a, b = read_items(first), read_items(second, "object")
    encoder = settings.open()
    shares = _shares(settings)
    given, back = (instances.matrix(shares, a, b), instances.matrix(shares, b, a).T) if shares is not None else (None, None)
    kinds = direct.evidence(a, b, direct_tasks.pool_of(graph, encoder))
    found = direct.propose(
        a, b, kinds, practised(graph, encoder, {a.name, b.name}), threshold=settings.threshold, limit=settings.limit, equivalence=equivalence,
        one_to_one=one_to_one, known=_known(settings.known), given=given, back=back,
    )  # fmt: skip
    return _table(f"{a.name}-{b.name}", _judge(found, a, b, settings), a, b, settings, {})


def practised(graph: CategoryGraph, encoder: Encoder | None, without: set[str]) -> DirectModel:
    """The model of category to category, fitted on bundled lists other than those that are asked about."""
    return direct.fit(direct_tasks.practice(graph, encoder, without=without))


def _known(path: Path | None) -> dict[tuple[str, str], bool]:
    """Decided pairs: whether each was accepted."""
    return {(row.subject, row.object): not row.negated for row in sssom.read(path).rows} if path is not None else {}


def _shares(settings: Settings) -> instances.Shares | None:
    return instances.shares(instances.collect(settings.data, settings.progress)) if settings.data is not None else None


def _judge(found: list[Proposal], subjects: Items, objects: Items, settings: Settings) -> list[Proposal]:
    if settings.judge is None:
        return found
    by_id = [{item.id: item for item in items} for items in (subjects, objects)]
    return judge.rerank(found, by_id[0], by_id[1], judge.Judge(*settings.judge), settings.threshold, settings.progress)


def _table(name: str, found: list[Proposal], subjects: Items, objects: Items, settings: Settings, prefixes: dict[str, str]) -> Table:
    labels = proposals.Labels({item.id: item.label for item in subjects}, {item.id: item.label for item in objects})
    used = {id_.split(":", 1)[0] for one in found for id_ in (one.subject, one.object) if ":" in id_ and "://" not in id_} - {"sssom"}
    declared = {prefix: f"{sssom.NAMESPACE}:taxonomy:{prefix}:" for prefix in used} | prefixes
    how = f"threshold {settings.threshold}; encoder {Path(settings.encoder).name if settings.encoder else 'none'}"
    return proposals.to_table(name, proposals.to_rows(found, labels), declared, how)


def evaluate_concepts(graph: CategoryGraph, settings: Settings, ablations: tuple[str, ...] = (), folds: int | None = None) -> dict[str, Any]:
    """Leave-one-taxonomy-out over all curated mappings: see `report.concepts`."""
    curated = of_graph(graph)
    shares = _shares(settings)
    likeness = instances.matrix(shares, curated.categories, curated.categories, lift=True) if shares is not None else None
    evidence = gather(curated, None, settings.open(), likeness)
    return report.concepts(leave_one_out(evidence, domains_of(graph.vocabulary), settings.progress, ablations, folds), curated, settings.threshold)


def evaluate_outside(
    pairs: list[outside.Pair], graph: CategoryGraph, settings: Settings, *, equivalence: bool = False, one_to_one: bool = False
) -> dict[str, Any]:
    """Rankings over all pairs of each group (the tier a file's comment names), and what would be accepted per file."""
    encoder = settings.open()
    pool = direct_tasks.pool_of(graph, encoder)
    model = practised(graph, encoder, {name for pair in pairs for name in (pair.subjects.name, pair.objects.name)})
    scored = [outside.score(pair, pool) for pair in pairs]
    groups: dict[str, list[outside.Scored]] = {}
    for one in scored:
        groups.setdefault(one.pair.reference.note.split(":", 1)[0] or "all", []).append(one)
    told = [(one.pair.reference.name, outside.accepted(one, model, settings.threshold, equivalence, one_to_one)) for one in scored]
    found: dict[str, Any] = {"groups": {name: outside.summary(part) for name, part in sorted(groups.items())}, "accepted": [], "missing": {}}
    for name, values in told:
        said = values.pop("confidences")
        found["accepted"].append({"reference": name, **values, "mean confidence": float(np.mean([chance for chance, _ in said])) if said else None})
    found["missing"] = {one.pair.reference.name: one.missing for one in scored if one.missing}
    found["partial lists"] = [one.pair.reference.name for one in scored if not one.pair.whole]
    return found


def reference_pair(first: str, second: str, reference: Path) -> list[outside.Pair]:
    """Two lists and a reference between them."""
    return [outside.Pair(read_items(first), read_items(second, "object"), read_reference(reference), True)]
