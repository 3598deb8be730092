"""Mappings tested against data: texts that two sources label, and how often an entailed answer is contradicted by the other source's own label.

A name that matches proves nothing, and neither does a definition: what annotators did is the test. Reported per pair of label and category;
texts are never shown, only ids of judgements.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from taxonomy_bridge import labelled, mix
from taxonomy_bridge.errors import InputError
from taxonomy_bridge.graph import CategoryGraph, load_graph
from taxonomy_bridge.labels import Pattern, PatternIndex, cleared
from taxonomy_bridge.schema import Target
from taxonomy_bridge.translation import NO, YES, Assumption, Translated, Translator, Wanted, assumption

ENOUGH = 200  # checkable cases under which nothing can be said
SHOWN_IDS = 20


class _Seen(NamedTuple):
    """One judgement of a text."""

    id: str
    source: str
    pattern: Pattern
    safe_clears: bool


@dataclass
class Tested:
    """One label and one category of another taxonomy. `label` is a violated category, or `<taxonomy>:(cleared)` for a *no*."""

    source: str
    label: str
    target: str
    answer: str
    checked: int = 0
    contradicted: int = 0
    ids: list[str] = field(default_factory=list)

    @property
    def interval(self) -> tuple[float, float]:
        """95 % Wilson interval of the contradiction rate."""
        return wilson(self.contradicted, self.checked)

    @property
    def interval_text(self) -> str:
        low, high = self.interval
        return f"{low:.0%} to {high:.0%}"


@dataclass
class Evidence:
    """What the texts say that two sources label. `texts`: how many there are; `disagreeing`: texts whose own source labels them in several ways."""

    pairs: list[Tested]
    texts: int
    disagreeing: int
    contradictory: int

    @property
    def checked(self) -> int:
        return sum(item.checked for item in self.pairs)

    @property
    def contradicted(self) -> int:
        return sum(item.contradicted for item in self.pairs)

    @property
    def summary(self) -> str:
        """One sentence; under 200 checkable cases the mappings count as untested."""
        if not self.checked:
            return f"{self.texts} texts are labelled twice; no entailed answer can be checked: untested"
        low, high = wilson(self.contradicted, self.checked)
        rate = f"{self.contradicted} of {self.checked} entailed answers are contradicted ({self.contradicted / self.checked:.1%}, 95 % interval {low:.1%} to {high:.1%})"
        untested = f"; fewer than {ENOUGH} cases: untested" if self.checked < ENOUGH else ""
        return f"{self.texts} texts are labelled twice; {rate}{untested}"

    def to_value(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        low, high = wilson(self.contradicted, self.checked) if self.checked else (0.0, 1.0)
        return {
            "texts": self.texts, "checked": self.checked, "contradicted": self.contradicted, "interval": [round(low, 4), round(high, 4)],
            "tested": self.checked >= ENOUGH, "disagreeing": self.disagreeing, "contradictory": self.contradictory,
            "pairs": [{**vars(item), "interval": [round(edge, 4) for edge in item.interval]} for item in self.pairs],
        }  # fmt: skip


def wilson(hits: int, total: int, z: float = 1.959964) -> tuple[float, float]:
    """95 % Wilson score interval of a share.

    >>> tuple(round(edge, 3) for edge in wilson(0, 200))
    (0.0, 0.019)
    """
    if not total:
        return 0.0, 1.0
    share, unit = hits / total, z * z / total
    middle, spread = share + unit / 2, z * math.sqrt(share * (1 - share) / total + unit / (4 * total))
    return max(0.0, (middle - spread) / (1 + unit)), min(1.0, (middle + spread) / (1 + unit))


def check_data(
    data: str | Path | None = None,
    assume: str = "open",
    recipe: str | Path | None = None,
    graph: CategoryGraph | None = None,
    progress: labelled.Progress = lambda *_: None,
) -> Evidence:
    """Contradiction rates over the texts that two sources in `data` (or of `recipe`) label under different taxonomies.

    Raises `InputError` if there is nothing to read, `UnknownNameError` for an unknown assumption.
    """
    chosen = assumption(assume)
    if (data is None) == (recipe is None):
        raise InputError("give either a folder with rows (data) or a recipe that names them.")
    splits = labelled.of_recipe(recipe) if recipe is not None else labelled.in_folder(Path(str(data)))
    texts, disagreeing = _twice(splits, progress)
    return _compare(texts, disagreeing, graph or load_graph(), chosen)


def _twice(splits: Sequence[labelled.Split], progress: labelled.Progress) -> tuple[list[list[_Seen]], int]:
    """Judged texts with labels of two taxonomies or more, one judgement per source and taxonomy; texts that one source labels in several ways are left out.

    Rows are held as numbers; only texts that occur twice are looked at one by one.
    """
    patterns: dict[tuple[str, bool, Pattern], int] = {}
    parts: list[tuple[list[str], Any, Any, Any]] = []
    for number, split in enumerate(splits):
        progress("read", number, len(splits))
        for batch in labelled.judgements(split):
            index = PatternIndex()
            local = index.of(batch).to_numpy(zero_copy_only=False)
            kinds = np.array([patterns.setdefault((split.source.name, split.source.safe_clears, pattern), len(patterns)) for pattern in index.patterns])
            parts.append((batch["id"].to_pylist(), batch["pair_hash"].to_numpy(), _targets(batch), kinds[local]))
    progress("read", len(splits), len(splits))
    if not parts:
        return [], 0
    ids = [id_ for part in parts for id_ in part[0]]
    text, judged, kind = (np.concatenate([part[column] for part in parts]) for column in (1, 2, 3))
    told = list(patterns)
    taxonomies = np.unique([pattern.taxonomy for _, _, pattern in told], return_inverse=True)[1][kind]
    order, starts = mix.groups(text, judged)
    low, high = (reduce.reduceat(taxonomies[order], starts[:-1]) for reduce in (np.minimum, np.maximum))
    found, disagreeing = [], 0
    for group in np.flatnonzero(low != high).tolist():
        one_text: dict[tuple[str, str], _Seen | None] = {}
        for row in order[starts[group] : starts[group + 1]].tolist():
            source, clears, pattern = told[int(kind[row])]
            seen = _Seen(ids[row], source, pattern, clears)
            earlier = one_text.setdefault((source, pattern.taxonomy), seen)
            if earlier is not None and earlier.pattern != pattern:
                one_text[source, pattern.taxonomy] = None
        disagreeing += None in one_text.values()
        found.append([seen for seen in one_text.values() if seen is not None])
    return found, disagreeing


def _targets(batch: pa.RecordBatch) -> Any:
    """What each judgement is about, as numbers that mean the same in every batch."""
    return pc.index_in(batch["judged"], pa.array([target.value for target in Target])).to_numpy(zero_copy_only=False)


def _compare(texts: list[list[_Seen]], disagreeing: int, graph: CategoryGraph, assume: Assumption) -> Evidence:
    pairs: dict[tuple[str, str, str, str], Tested] = {}
    contradictory = 0
    translators: dict[str, Translator] = {}
    memory: dict[tuple[Pattern, bool, str], Translated] = {}
    for told in texts:
        for one in told:
            for other in told:
                target = other.pattern.taxonomy
                if one.pattern.taxonomy == target:
                    continue
                if target not in translators:
                    translators[target] = Translator(graph, [Wanted(slug, (f"{target}:{slug}",)) for slug in graph.taxonomies[target].by_slug], assume)
                key = (one.pattern, one.safe_clears, target)
                if key not in memory:
                    memory[key] = translators[target].translate(one.pattern.taxonomy, [one.pattern], one.safe_clears)
                if memory[key].contradiction[0]:
                    contradictory += 1
                else:
                    _test(one, other, memory[key], translators[target], graph, pairs)
    ranked = sorted(pairs.values(), key=lambda item: (-item.contradicted, -item.checked, item.source, item.label, item.target))
    return Evidence(ranked, len(texts), disagreeing, contradictory)


def _test(one: _Seen, other: _Seen, told: Translated, translator: Translator, graph: CategoryGraph, pairs: dict[tuple[str, str, str, str], Tested]) -> None:
    taxonomy = graph.taxonomies[other.pattern.taxonomy]
    clear = cleared(other.pattern, taxonomy, other.safe_clears)
    for number, wanted in enumerate(translator.wanted):
        code = int(told.answers[0, number])
        own = YES if wanted.name in other.pattern.violated else NO if wanted.name in clear else None
        if code not in (YES, NO) or own is None:
            continue
        for label in _reasons(one, told, translator, number) if code == YES else [f"{one.pattern.taxonomy}:(cleared)"]:
            answer = "yes" if code == YES else "no"
            item = pairs.setdefault((one.source, label, wanted.refs[0], answer), Tested(one.source, label, wanted.refs[0], answer))
            item.checked += 1
            if code != own:
                item.contradicted += 1
                if len(item.ids) < SHOWN_IDS:
                    item.ids.append(f"{one.id} | {other.id}")


def _reasons(one: _Seen, told: Translated, translator: Translator, number: int) -> list[str]:
    """The violated labels that entail a yes."""
    graph, target = translator.graph, translator.refs[number][0]
    entailed = {slug for slug, _, rest in told.left if not (rest & ~translator.masks.inner[number]).any()}
    found = []
    for slug in one.pattern.violated:
        label = f"{one.pattern.taxonomy}:{slug}"
        if slug in entailed or target in graph.above(label):
            found.append(label)
    return found or [f"{one.pattern.taxonomy}:{'+'.join(one.pattern.violated)}"]
