"""Policies, what every label pattern says under each of them, and the lists that samples may show; computed once per build."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from taxonomy_bridge.labels import Pattern
from taxonomy_bridge.lists import ListRules
from taxonomy_bridge.pipeline.ledger import REASONS
from taxonomy_bridge.pipeline.plan import Plan
from taxonomy_bridge.pipeline.select import NONE, SAFE, UNSAFE, Bools, Ints
from taxonomy_bridge.policy import MAX_ITEMS, Policy
from taxonomy_bridge.translation import Translated, Translator
from taxonomy_bridge.truth import FlipGuard, Truth, native_truth, primary, translated_truth, verdict_only_truth, wanted

if TYPE_CHECKING:
    from taxonomy_bridge.pipeline.draw import Samples
    from taxonomy_bridge.pipeline.select import Judgements


class Outcome(NamedTuple):
    """What a policy makes of P patterns when nothing but the labels counts: SAFE, UNSAFE or NONE, and for NONE the number of the reason."""

    verdict: Ints
    reason: Ints


class Deck:
    """Policies by number = policy entry x taxonomy, in recipe order and order of taxonomy names."""

    def __init__(self, plan: Plan, patterns: Sequence[Pattern]) -> None:
        self.plan = plan
        self.taxonomy_names = list(plan.taxonomies)
        self.patterns = list(patterns)
        self.policies: list[tuple[int, str, Policy]] = []
        for number, entry in enumerate(plan.recipe.policies):
            self.policies += [(number, name, plan.policy(entry, name)) for name in plan.taxonomies]
        self._truths: dict[tuple[int, bool], Truth] = {}
        self._told: dict[tuple[int, bool], Translated] = {}
        self._translators: dict[str, Translator] = {}
        self._lists: list[tuple[Bools, Bools]] = []

    def number(self, policy_entry: int, taxonomy: str) -> int:
        """Index of the policy that a policy entry shows to rows of a taxonomy."""
        return policy_entry * len(self.taxonomy_names) + self.taxonomy_names.index(taxonomy)

    def native(self, number: int) -> bool:
        """Whether this policy is the source's own list."""
        return self.plan.recipe.policies[self.policies[number][0]].native

    def translated(self, number: int) -> bool:
        """Whether labels are carried over to this policy."""
        return not self.native(number) and self.plan.recipe.labels.truth == "entailed"

    def shown_as_native(self, number: int) -> bool:
        """Whether this is the source's own list under its own name, in a recipe that shows it as `native` too."""
        _, name, policy = self.policies[number]
        return policy.id == name and not self.native(number) and any(entry.native for entry in self.plan.recipe.policies)

    def truth(self, number: int, safe_clears: bool) -> Truth:
        """Truth of every pattern of the policy's taxonomy (rows of other taxonomies are meaningless)."""
        key = (number, safe_clears)
        if key not in self._truths:
            _, name, policy = self.policies[number]
            if self.translated(number):
                truth = translated_truth(self.told(number, safe_clears))
                primary_of = None
            elif self.native(number):
                primary_of = self.plan.taxonomies[name]
                truth = native_truth(self._own(name), policy, primary_of, safe_clears)
            else:
                truth = verdict_only_truth(self.patterns, policy)
                primary_of = None
            if self.plan.recipe.labels.multi == "primary":
                first = np.where(truth.group[:, None], truth.yes, primary(truth.yes, policy, primary_of))
                # What is violated and not primary is no answer, and it is not *no* either.
                truth = truth._replace(yes=first, open=truth.open | (truth.yes & ~first))
            self._truths[key] = truth
        return self._truths[key]

    def told(self, number: int, safe_clears: bool) -> Translated:
        """What the graph says of every pattern of the policy's taxonomy."""
        key = (number, safe_clears)
        if key not in self._told:
            _, name, _ = self.policies[number]
            self._told[key] = self.translator(number).translate(name, self._own(name), safe_clears)
        return self._told[key]

    def translator(self, number: int) -> Translator:
        """Carries labels to the items of a policy."""
        policy = self.policies[number][2]
        if policy.id not in self._translators:
            self._translators[policy.id] = Translator(self.plan.graph, [wanted(item) for item in policy.items], self.plan.recipe.labels.assume)
        return self._translators[policy.id]

    @cached_property
    def guard(self) -> FlipGuard:
        """Which patterns may come out as safe."""
        return FlipGuard(self.plan.graph, self.plan.never_flip)

    def _own(self, name: str) -> list[Pattern]:
        return [pattern if pattern.taxonomy == name else Pattern(name, None, (), (), False) for pattern in self.patterns]

    def rules(self, number: int) -> ListRules:
        """How lists of this policy vary."""
        recipe, native = self.plan.recipe, self.native(number)
        least = recipe.min_items if recipe.min_items is not None else (1 if native else 2)
        return ListRules(recipe.augment.shuffle, recipe.augment.drop_items, least, recipe.max_items, 1 if self.translated(number) else 0)

    def outcome(self, number: int, safe_clears: bool) -> Outcome:
        """Verdict under a policy that labels are carried over to."""
        truth, told, rules, recipe = self.truth(number, safe_clears), self.told(number, safe_clears), self.rules(number), self.plan.recipe
        plain = ~np.array([item.residual for item in self.policies[number][2].items])
        gold, no = truth.yes.sum(axis=1), (truth.no & plain).sum(axis=1)
        verdict = np.where(truth.yes.any(axis=1), UNSAFE, SAFE)
        enough = np.where(verdict == UNSAFE, (no >= rules.spare) & (gold + no >= rules.min_items), no >= rules.min_items)
        refused = (
            ("label/contradiction", truth.contradiction),
            ("label/multi_label", (recipe.labels.multi == "drop") & (gold > 1) & ~truth.group),
            ("policy/unknown_items", (recipe.labels.unknown == "drop_row") & (truth.open & plain).any(axis=1)),
            ("policy/undecided", ~enough),
            ("policy/too_many_gold", (rules.max_items is not None) & (gold + rules.spare > (rules.max_items or MAX_ITEMS))),
            ("policy/never_flip", (verdict == SAFE) & ~self.guard.may_be_safe(told, self.translator(number))),
        )
        reason = np.select([mask for _, mask in refused], [1 + REASONS.index(name) for name, _ in refused], 0).astype(np.int64)
        return Outcome(np.where(reason > 0, NONE, verdict), reason)

    def count_lifted(self, lifted: Sequence[str], rows: Judgements, chosen: Samples) -> int:
        """Safe samples some label of which may stand for one of these concepts."""
        guard = FlipGuard(self.plan.graph, lifted)
        clears = np.array([source.safe_clears for source in self.plan.sources])[rows.entry[chosen.judgement]]
        total = 0
        for number in np.unique(chosen.policy):
            for told in (False, True):
                own = (chosen.policy == number) & (clears == told) & (chosen.verdict == SAFE)
                if own.any():
                    total += int((~guard.may_flip(self.told(int(number), told)))[rows.pattern[chosen.judgement[own]]].sum())
        return total

    def add_list(self, allowed: Bools, keep: Bools) -> int:
        """Remember a list that samples may show: items that may stand in it and items that must. Its number."""
        wide = [np.zeros(MAX_ITEMS, bool), np.zeros(MAX_ITEMS, bool)]
        wide[0][: len(allowed)], wide[1][: len(keep)] = allowed, keep
        self._lists.append((wide[0], wide[1]))
        return len(self._lists) - 1

    def lists(self, numbers: Ints, width: int) -> tuple[Bools, Bools]:
        """(allowed, keep) of lists by number, bool (n, width)."""
        chosen, inverse = np.unique(numbers, return_inverse=True)
        allowed, keep = (np.stack([self._lists[int(number)][half][:width] for number in chosen]) for half in (0, 1))
        return allowed[inverse], keep[inverse]
