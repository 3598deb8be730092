"""Why labels say yes, no or unknown of each item of a policy: the proof behind a gold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from taxonomy_bridge.errors import ContradictionError, UnknownNameError
from taxonomy_bridge.graph import CategoryGraph
from taxonomy_bridge.labels import Pattern, cleared, close_upwards
from taxonomy_bridge.policy import Policy
from taxonomy_bridge.translation import ANSWERS, Assumption, Translator
from taxonomy_bridge.truth import wanted


@dataclass(frozen=True)
class Proof:
    """One item's answer and what it rests on. `label`: the violated category that entails a yes; `concepts`: what keeps an unknown one open."""

    item: str
    answer: str
    label: str | None
    concepts: tuple[str, ...]
    because: str

    def to_value(self) -> dict[str, Any]:
        return {**vars(self), "concepts": list(self.concepts)}


def prove(policy: Policy, violated: Sequence[str], graph: CategoryGraph, assume: Assumption = "open") -> list[Proof]:
    """What a text that violates these categories is under each item of a policy, and why.

    The rest of the list counts as the design says of an unsafe row whose source judged the whole list.

    Raises `UnknownNameError`, and `ContradictionError` for labels of several taxonomies or labels that no text can have.
    """
    names = [graph.resolve(name) for name in violated]
    taxonomies = {name.split(":", 1)[0] for name in names}
    if len(taxonomies) != 1:
        raise UnknownNameError(f"the labels are of several taxonomies ({', '.join(sorted(taxonomies))}). One judgement has labels of one.")
    taxonomy = graph.taxonomies[taxonomies.pop()]
    slugs = close_upwards(frozenset(name.split(":", 1)[1] for name in names), taxonomy)
    pattern = Pattern(taxonomy.id, "unsafe", tuple(sorted(slugs)), (), taxonomy.labels.exhaustive)
    return prove_pattern(policy, pattern, graph, assume)


def prove_pattern(policy: Policy, pattern: Pattern, graph: CategoryGraph, assume: Assumption = "open", safe_clears: bool = True) -> list[Proof]:
    """The same for a whole label pattern."""
    translator = Translator(graph, [wanted(item) for item in policy.items], assume)
    told = translator.translate(pattern.taxonomy, [pattern], safe_clears)
    if told.contradiction[0]:
        raise ContradictionError(f"no text can have these labels of {pattern.taxonomy}: {', '.join(pattern.violated) or pattern.verdict}.")
    clear = cleared(pattern, graph.taxonomies[pattern.taxonomy], safe_clears)
    left_open = translator.left_open(pattern, safe_clears)
    return [
        _proof(policy, pattern, clear, translator, number, int(told.answers[0, number]), bool(told.group[0, number]), left_open)
        for number in range(len(policy))
    ]


def _proof(
    policy: Policy, pattern: Pattern, clear: frozenset[str], translator: Translator, number: int, code: int, group: bool, left_open: Sequence[frozenset[str]]
) -> Proof:
    graph, item = translator.graph, policy.items[number]
    inner = graph.bits.unpack(translator.masks.inner[number])
    excluded = frozenset[str]().union(*(extent.inner for slug in clear if (extent := graph.extents[f"{pattern.taxonomy}:{slug}"]) is not None))
    answer = ANSWERS[code]
    if answer == "yes":
        for slug in pattern.violated:
            label = f"{pattern.taxonomy}:{slug}"
            if stated := sorted(graph.above(label) & set(translator.refs[number])):
                return Proof(item.id, answer, label, (), f"{label} is {stated[0]}, or lies inside it, as publishers state")
            extent = graph.extents[label]
            if extent is not None and (rest := extent.outer - excluded) <= inner:
                return Proof(item.id, answer, label, tuple(sorted(rest)), f"all that {label} may stand for is certainly in the item: {', '.join(sorted(rest))}")
        return Proof(item.id, answer, None, (), "answered in the answers file")
    if answer == "no":
        return Proof(item.id, answer, None, (), "all that the item may cover is ruled out by what is cleared")
    left = tuple(sorted(left_open[number]))
    because = "one of a group of items of which at least one holds; " if group else ""
    return Proof(item.id, answer, None, left, because + f"not ruled out: {', '.join(left) or 'an item without extent'}")
