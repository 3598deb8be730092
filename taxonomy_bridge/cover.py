"""What the sources can offer a policy: per item, how many labelled rows say yes, no, or leave it unknown, and under which licence."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from taxonomy_bridge import registry
from taxonomy_bridge.graph import CategoryGraph
from taxonomy_bridge.labelled import Counts, Split, judgements
from taxonomy_bridge.labels import Pattern, PatternIndex
from taxonomy_bridge.policy import Policy
from taxonomy_bridge.sources._base import Source
from taxonomy_bridge.translation import Assumption, Translator, Wanted
from taxonomy_bridge.truth import translated_truth, wanted


@dataclass(frozen=True)
class Offer:
    """One source's offer to one policy. `rows`: judgements; `verdicts`: safe, unsafe, undecided, contradictory; `items`: per item yes, no, unknown."""

    source: str
    licence: str
    commercial: bool | None
    rows: int
    verdicts: dict[str, int]
    items: dict[str, dict[str, int]]

    def to_value(self) -> dict[str, Any]:
        return dict(vars(self))


def offers(policy: Policy, counts: Sequence[Counts], graph: CategoryGraph, assume: Assumption = "open") -> list[Offer]:
    """What each split offers: every judgement counted once per item. `unsafe` needs a certain item or a group of which one is certain, and a
    *no* beside it; `safe` needs at least two items that are all *no*."""
    translator = Translator(graph, [wanted(item) for item in policy.items], assume)
    return [_offer(policy, one, translator) for one in counts]


def _offer(policy: Policy, counts: Counts, translator: Translator) -> Offer:
    source = counts.split.source
    items = {item.id: {"yes": 0, "no": 0, "unknown": 0} for item in policy.items}
    verdicts = {"safe": 0, "unsafe": 0, "undecided": 0, "contradictory": 0}
    patterns, weights = list(counts.patterns), np.array(list(counts.patterns.values()), np.int64)
    for taxonomy in sorted({pattern.taxonomy for pattern in patterns}):
        own = np.array([pattern.taxonomy == taxonomy for pattern in patterns])
        told = translator.translate(taxonomy, patterns, source.safe_clears)
        truth = translated_truth(told)
        usable = own & ~truth.contradiction
        verdicts["contradictory"] += int(weights[own & truth.contradiction].sum())
        unsafe = usable & truth.yes.any(axis=1) & truth.no.any(axis=1)
        safe = usable & ~truth.yes.any(axis=1) & (truth.no.sum(axis=1) >= min(2, len(policy)))
        for name, mask in (("unsafe", unsafe), ("safe", safe), ("undecided", usable & ~unsafe & ~safe)):
            verdicts[name] += int(weights[mask].sum())
        for number, item in enumerate(policy.items):
            for name, mask in (("yes", told.yes[:, number]), ("no", told.no[:, number])):
                items[item.id][name] += int(weights[usable & mask].sum())
            items[item.id]["unknown"] += int(weights[usable & ~told.yes[:, number] & ~told.no[:, number]].sum())
    licence = source.licence
    return Offer(counts.split.name, licence.identifier, licence.commercial, int(weights.sum()), verdicts, items)


@dataclass(frozen=True)
class Reach:
    """Which labels of one source's taxonomy can decide an item: `yes` by any of these labels alone, `no` by a safe verdict."""

    item: str
    source: str
    taxonomy: str
    yes: tuple[str, ...]
    cleared: bool


def reach(policy: Policy, graph: CategoryGraph, sources: Sequence[Source] | None = None, assume: Assumption = "open") -> list[Reach]:
    """What the labels of every source could say of each item, without any data: what is impossible, and why nothing can be expected."""
    translator = Translator(graph, [wanted(item) for item in policy.items], assume)
    found = []
    for source in sources if sources is not None else [registry.load("sources", name) for name in registry.names("sources")]:
        for taxonomy in source.taxonomies:
            slugs = [category.slug for category in graph.taxonomies[taxonomy].categories]
            patterns = [Pattern(taxonomy, "unsafe", tuple(sorted({slug, *graph.taxonomies[taxonomy].ancestors(slug)})), (), False) for slug in slugs]
            told = translator.translate(taxonomy, [*patterns, Pattern(taxonomy, "safe", (), (), True)], source.safe_clears)
            for number, item in enumerate(policy.items):
                yes = tuple(slug for slug, hit in zip(slugs, told.yes[:-1, number], strict=True) if hit)
                found.append(Reach(item.id, source.name, taxonomy, yes, bool(told.no[-1, number])))
    return found


def impossible(told: Sequence[Reach]) -> list[str]:
    """Items that no single label of any source entails."""
    items = dict.fromkeys(one.item for one in told)
    return [item for item in items if not any(one.yes for one in told if one.item == item)]


def unknowns(policy: Policy, splits: Sequence[Split], graph: CategoryGraph, assume: Assumption = "open") -> Iterator[dict[str, Any]]:
    """Every question that labels leave open: judgement, item, and the concepts that keep it open; no text.

    The lines of an answers file to be: `sample_id` and `item` are those that it needs. `group`: one of several items of which at least one holds.
    """
    translator = Translator(graph, [wanted(item) for item in policy.items], assume)
    for split in splits:
        for batch in judgements(split):
            index = PatternIndex()
            numbers, patterns = index.of(batch).to_pylist(), index.patterns
            questions = [_questions(policy, pattern, translator, split.source.safe_clears) for pattern in patterns]
            for id_, number in zip(batch["id"].to_pylist(), numbers, strict=True):
                for question in questions[number]:
                    yield {"sample_id": id_, **question}


def _questions(policy: Policy, pattern: Pattern, translator: Translator, safe_clears: bool) -> list[dict[str, Any]]:
    """The open items of one label pattern; none where the labels contradict each other."""
    told = translator.translate(pattern.taxonomy, [pattern], safe_clears)
    if told.contradiction[0]:
        return []
    left = translator.left_open(pattern, safe_clears)
    return [
        {"item": item.id, "group": bool(told.group[0, number]), "possible": sorted(left[number])}
        for number, item in enumerate(policy.items)
        if not told.yes[0, number] and not told.no[0, number]
    ]


def decided(counts: Sequence[Counts], targets: Sequence[str], graph: CategoryGraph, assume: Assumption = "open") -> dict[str, dict[str, int]]:
    """Cells (row, category of another list) that are answered yes, no, and all of them, per source; each row is carried to every target but its own list."""
    found: dict[str, dict[str, int]] = {}
    for name in targets:
        translator = Translator(
            graph, [Wanted(category.slug, (f"{name}:{category.slug}",)) for category in graph.taxonomies[name].categories if category.harm], assume
        )
        for one in counts:
            patterns = [pattern for pattern in one.patterns if pattern.taxonomy != name]
            weights = np.array([one.patterns[pattern] for pattern in patterns], np.int64)
            cells = found.setdefault(one.split.source.name, {"yes": 0, "no": 0, "cells": 0})
            for taxonomy in sorted({pattern.taxonomy for pattern in patterns}):
                own = np.array([pattern.taxonomy == taxonomy for pattern in patterns])
                told = translator.translate(taxonomy, patterns, one.split.source.safe_clears)
                cells["yes"] += int((told.yes[own].sum(axis=1) * weights[own]).sum())
                cells["no"] += int((told.no[own].sum(axis=1) * weights[own]).sum())
                cells["cells"] += int(weights[own].sum()) * len(translator.wanted)
    return found
