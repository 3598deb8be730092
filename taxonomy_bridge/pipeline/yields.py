"""What each source yields under each policy that labels are carried over to: told before anything is written.

Counted over judgements that are in use when policies are asked, before lists are matched, caps and lengths.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from taxonomy_bridge.pipeline.deck import Deck
from taxonomy_bridge.pipeline.draw import Small
from taxonomy_bridge.pipeline.ledger import REASONS
from taxonomy_bridge.pipeline.plan import Plan
from taxonomy_bridge.pipeline.select import SAFE, UNSAFE, Bools, Ints, Judgements, labelled_under


def yields(rows: Judgements, plan: Plan, deck: Deck, asked: Bools, found: Small, reason: Small) -> list[dict[str, Any]]:
    """One entry per source and translated policy: `verdicts`, `refused` by reason, and per item `yes`, `no`, `unknown` and `group` (one of several).

    `asked`: judgements that were in use; `found`, `reason`: see `draw.outcomes`.
    """
    told: dict[tuple[int, int], dict[str, Any]] = {}
    for number, (entry, name, policy) in enumerate(deck.policies):
        if not deck.translated(number):
            continue
        under = rows.per_pattern(labelled_under(name)) & asked
        for place, source in enumerate(plan.sources):
            own = np.flatnonzero(under & (rows.entry == place))
            if not len(own):
                continue
            line = told.setdefault((place, entry), _empty(plan.entries[place].name, policy.id, [item.id for item in policy.items]))
            line["rows"] += len(own)
            for verdict, code in (("safe", SAFE), ("unsafe", UNSAFE)):
                line["verdicts"][verdict] += int((found[own, entry] == code).sum())
            for code in np.unique(reason[own, entry]):
                if code:
                    refused = REASONS[int(code) - 1]
                    line["refused"][refused] = line["refused"].get(refused, 0) + int((reason[own, entry] == code).sum())
            _count_items(line, deck, number, source.safe_clears, rows.pattern[own])
    return [told[key] for key in sorted(told)]


def _empty(source: str, policy: str, items: list[str]) -> dict[str, Any]:
    counts = {item: {"yes": 0, "no": 0, "unknown": 0, "group": 0} for item in items}
    return {"source": source, "policy": policy, "rows": 0, "verdicts": {"safe": 0, "unsafe": 0}, "refused": {}, "items": counts}


def _count_items(line: dict[str, Any], deck: Deck, number: int, safe_clears: bool, patterns: Ints) -> None:
    told = deck.told(number, safe_clears)
    usable = ~told.contradiction[patterns]
    tables = {"yes": told.yes, "no": told.no, "group": told.group}
    counts = {name: table[patterns[usable]].sum(axis=0) for name, table in tables.items()}
    for place, item in enumerate(line["items"].values()):
        for name, values in counts.items():
            item[name] += int(values[place])
        item["unknown"] += int(usable.sum()) - sum(int(values[place]) for values in counts.values())
