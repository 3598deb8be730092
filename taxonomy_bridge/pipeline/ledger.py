"""The ledger: what became of every native row and every judgement, per source and native split.

Conservation laws: rows_in = decoded + quarantined + without_judgement; judgements_in = used + all dropped, by `stage/reason`
from a closed list; samples_out >= used, explained by `extra_samples`. `annotations_merged` counts judgements that were joined into
another one before anything else; they are not in judgements_in.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from taxonomy_bridge.errors import LedgerError

REASONS = (
    "select/judged",
    "select/where",
    "text/redacted",
    "text/empty",
    "label/no_verdict",
    "label/borderline",
    "label/multi_label",
    "label/no_category",
    "label/contradiction",
    "content/excluded_concept",
    "duplicate/same_labels",
    "duplicate/conflict",
    "decontaminate/pair",
    "decontaminate/prompt",
    "split/prompt_in_test",
    "policy/too_few_items",
    "policy/too_many_gold",
    "policy/own_list",
    "policy/undecided",
    "policy/unknown_items",
    "policy/never_flip",
    "policy/list_unmatched",
    "length/too_long",
    "cap/over_cap",
    "balance/over_share",
)
EXPLANATIONS = {
    "select/judged": "the recipe did not ask for this slot",
    "select/where": "filtered out by `where`",
    "text/redacted": "the text is a placeholder",
    "text/empty": "the judged text is empty",
    "label/no_verdict": "nobody gave an overall verdict",
    "label/borderline": "borderline, and the recipe drops those",
    "label/multi_label": "several gold categories, and the recipe drops those",
    "label/no_category": "unsafe without a category, and the format asks for one",
    "label/contradiction": "the labels contradict each other under the mappings",
    "content/excluded_concept": "a label may stand for a concept that the recipe excludes",
    "duplicate/same_labels": "the same text with the same labels came earlier",
    "duplicate/conflict": "the same text occurs with other labels",
    "decontaminate/pair": "the text is in an evaluation set",
    "decontaminate/prompt": "the prompt is in an evaluation set",
    "split/prompt_in_test": "the prompt is in the test split",
    "policy/too_few_items": "the policy has fewer items than min_items",
    "policy/too_many_gold": "the gold needs a longer list than max_items",
    "policy/own_list": "the list is the source's own, which `native` shows already",
    "policy/undecided": "the labels decide too few items of the policy for a verdict",
    "policy/unknown_items": "an item of the policy is unknown, and the recipe drops such rows",
    "policy/never_flip": "safe only because an item was taken out, and the concept never flips",
    "policy/list_unmatched": "no list of the other verdict could be shown with it",
    "length/too_long": "the rendered prompt is longer than max_tokens",
    "cap/over_cap": "not among the rows that the cap keeps",
    "balance/over_share": "not among the rows that the balance keeps",
}


@dataclass
class Entry:
    """The account of one source (by its name in the recipe) and native split."""

    source: str
    split: str
    rows_in: int = 0
    decoded: int = 0
    quarantined: int = 0
    without_judgement: int = 0
    annotations_merged: int = 0
    judgements_in: int = 0
    used: int = 0
    dropped: dict[str, int] = field(default_factory=dict)
    samples_out: int = 0
    extra_samples: dict[str, int] = field(default_factory=dict)
    verdicts_in: dict[str, int] = field(default_factory=dict)
    used_by_verdict: dict[str, int] = field(default_factory=dict)

    def problems(self) -> list[str]:
        """The laws that do not hold, with both sides."""
        sides = [
            ("rows_in", self.rows_in, "decoded + quarantined + without_judgement", self.decoded + self.quarantined + self.without_judgement),
            ("judgements_in", self.judgements_in, "used + dropped", self.used + sum(self.dropped.values())),
            ("samples_out", self.samples_out, "used + extra samples", self.used + sum(self.extra_samples.values())),
        ]
        found = [f"{self.source}/{self.split}: {left} {a} is not {right} {b}" for left, a, right, b in sides if a != b]
        unknown = sorted(set(self.dropped) - set(REASONS))
        return found + ([f"{self.source}/{self.split}: unknown reasons {unknown}"] if unknown else [])

    def to_value(self) -> dict[str, Any]:
        return {name: dict(sorted(value.items())) if isinstance(value, dict) else value for name, value in vars(self).items()}


def balance(entries: Mapping[tuple[str, str], Entry]) -> dict[str, Any]:
    """The content of ledger.json. Raises `LedgerError` if a law does not hold."""
    problems = [problem for entry in entries.values() for problem in entry.problems()]
    if problems:
        raise LedgerError("the ledger does not balance: " + "; ".join(problems) + ". Please report this: rows would have been lost silently.")
    return {"balanced": True, "sources": [entry.to_value() for entry in entries.values()]}


def loss_summary(account: Mapping[tuple[str, str], Entry]) -> str:
    """The reasons that cost most, for an error message."""
    totals: dict[str, int] = {}
    for entry in account.values():
        for reason, count in entry.dropped.items():
            totals[reason] = totals.get(reason, 0) + count
    top = sorted(totals.items(), key=lambda item: -item[1])[:3]
    return ", ".join(f"{count} {EXPLANATIONS[reason]}" for reason, count in top) or "the sources gave no judgement"
