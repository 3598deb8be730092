"""From a plan to the chosen samples: pass 1 over the files, then the global steps, with an account of every row."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from taxonomy_bridge.errors import BuildError
from taxonomy_bridge.pipeline import draw, intake, ledger, samples, select, write
from taxonomy_bridge.pipeline.deck import Deck
from taxonomy_bridge.pipeline.match import match
from taxonomy_bridge.pipeline.plan import Plan
from taxonomy_bridge.pipeline.yields import yields

Progress = Callable[[str, int, int], None]
In = TypeVar("In")
Out = TypeVar("Out")


@dataclass
class Selection:
    """Everything between the two passes."""

    shards: list[intake.Shard]
    rows: select.Judgements
    chosen: draw.Samples
    deck: Deck
    maker: samples.SampleMaker
    account: dict[tuple[str, str], ledger.Entry]
    overlap: dict[str, int]
    yields: list[dict[str, Any]]
    answers: dict[str, int]


def choose(plan: Plan, work: Path, workers: int, batch_rows: int, progress: Progress) -> Selection:
    """Pass 1 and the global steps."""

    def read(index: int) -> intake.Shard:
        item = plan.files[index]
        return intake.run(index, item, plan.sources[item.entry], work / "intake", batch_rows)

    shards = list(each(range(len(plan.files)), read, workers, progress, "read"))
    rows = select.load(plan, shards)
    if not len(rows.shard):
        raise BuildError("no source gave a judgement. `--plan` is of no use here: look at the quarantine reasons of `sources check`.")
    select.merge_annotations(rows, plan)
    select.filter_rows(rows, plan)
    answers = select.apply_answers(rows, plan)
    verdict, grey = select.verdicts(rows, plan)
    deck = Deck(plan, rows.patterns)
    select.drop_duplicates(rows, plan)
    overlap = select.decontaminate(rows, plan)
    split = select.splits(rows, plan)
    asked = rows.alive
    found, reason = draw.outcomes(rows, plan, deck, verdict)
    offered = yields(rows, plan, deck, asked, found, reason)
    maker = samples.SampleMaker(plan, deck)
    chosen = match(draw.candidates(rows, plan, deck, split, found, grey), rows, plan, deck)
    del asked, found, reason, verdict, grey, split
    _mark_lost(rows, chosen, "policy/list_unmatched")
    chosen = _within_length(plan, shards, rows, chosen, maker, workers, progress)
    for step, lost in ((draw.cap, "cap/over_cap"), (draw.balance, "balance/over_share")):
        chosen = step(chosen, rows, plan, deck)
        _mark_lost(rows, chosen, lost)
    if "category" in plan.recipe.balance.by:  # what was balanced on one side only must be matched again
        chosen = match(chosen, rows, plan, deck)
        _mark_lost(rows, chosen, "policy/list_unmatched")
    chosen = draw.in_order(chosen, plan)
    account = _account(plan, shards, rows, chosen)
    rows.forget()
    pa.default_memory_pool().release_unused()
    return Selection(shards, rows, chosen, deck, maker, account, overlap, offered, answers)


def _mark_lost(rows: select.Judgements, chosen: draw.Samples, reason: str) -> None:
    """Judgements whose last sample went in this step."""
    kept = np.zeros(len(rows.shard), bool)
    kept[chosen.judgement] = True
    rows.drop(~kept, reason)


def _within_length(
    plan: Plan, shards: Sequence[intake.Shard], rows: select.Judgements, chosen: draw.Samples, maker: samples.SampleMaker, workers: int, progress: Progress
) -> draw.Samples:
    """Samples whose rendered prompt has at most `length.max_tokens` tokens."""
    if plan.recipe.length.max_tokens is None:
        return chosen
    limits = np.array([plan.recipe.length.limit(judged) or np.iinfo(np.int64).max for judged in intake.JUDGED])
    fits = np.zeros(len(chosen.judgement), bool)

    def measure(shard: intake.Shard) -> None:
        own = np.flatnonzero(rows.shard[chosen.judgement] == shard.index)
        first = 0
        for batch in write.stream(shard.rows, list(write.NEEDED)):
            at = rows.row[chosen.judgement[own]]
            inside = own[(at >= first) & (at < first + len(batch))]
            for start in range(0, len(inside), write.ROW_GROUP):
                ranks = inside[start : start + write.ROW_GROUP]
                part = batch.take(pa.array(rows.row[chosen.judgement[ranks]] - first))
                made, _ = maker.make(part, write.chosen_at(ranks, rows, chosen))
                fits[ranks] = maker.tokens.count(made["text"]) <= limits[rows.judged[chosen.judgement[ranks]]]
            first += len(batch)

    for _ in each(shards, measure, workers, progress, "measure"):
        pass
    chosen = draw.subset(chosen, fits)
    _mark_lost(rows, chosen, "length/too_long")
    return chosen


def each(items: Iterable[In], work: Callable[[In], Out], workers: int, progress: Progress, stage: str) -> Iterator[Out]:
    """Do `work` on every item, several at once; results in the order of the items."""
    todo = list(items)
    progress(stage, 0, len(todo))
    with ExitStack() as stack:
        pool = stack.enter_context(ThreadPoolExecutor(max(workers, 1)))
        stack.callback(pool.shutdown, cancel_futures=True)
        for done, future in enumerate([pool.submit(work, item) for item in todo], 1):
            yield future.result()
            progress(stage, done, len(todo))
    pa.default_memory_pool().release_unused()  # what this stage's threads leave behind is of no use to the next one's


def _account(plan: Plan, shards: Sequence[intake.Shard], rows: select.Judgements, chosen: draw.Samples) -> dict[tuple[str, str], ledger.Entry]:
    book: dict[tuple[str, str], ledger.Entry] = {}
    made = np.bincount(chosen.judgement, minlength=len(rows.shard))
    extras = _extras(chosen, len(rows.shard))
    names = rows.per_pattern(lambda pattern: {"safe": 0, "unsafe": 1, "borderline": 2}.get(pattern.verdict or "", 3), np.int64)
    for shard, item in zip(shards, plan.files, strict=True):
        key = (plan.entries[item.entry].name, item.file.origin.split)
        entry = book.setdefault(key, ledger.Entry(*key))
        for name in ("rows_in", "decoded", "without_judgement"):
            setattr(entry, name, getattr(entry, name) + shard.report[name])
        entry.quarantined += len(shard.report["quarantine"])
        own = rows.shard == shard.index
        reason = rows.reason[own]
        entry.annotations_merged += int((reason == select.MERGED).sum())
        entry.judgements_in += int((reason != select.MERGED).sum())
        entry.used += int((reason == 0).sum())
        for code in np.unique(reason[reason > 0]):
            name = ledger.REASONS[int(code) - 1]
            entry.dropped[name] = entry.dropped.get(name, 0) + int((reason == code).sum())
        entry.samples_out += int(made[own].sum())
        for name, counts in extras.items():
            if count := int(counts[own].sum()):
                entry.extra_samples[name] = entry.extra_samples.get(name, 0) + count
        for counter, mask in ((entry.verdicts_in, reason != select.MERGED), (entry.used_by_verdict, reason == 0)):
            for code, name in enumerate(("safe", "unsafe", "borderline", "none")):
                if count := int((names[own][mask] == code).sum()):
                    counter[name] = counter.get(name, 0) + count
    return book


def _extras(chosen: draw.Samples, judgements: int) -> dict[str, NDArray[np.int64]]:
    """Samples of each judgement beyond its first one, by what they are. The first one is a plain sample if there is any."""
    kinds = {
        "policies": (chosen.copy == 0) & (chosen.variant == draw.PLAIN),
        "flip": (chosen.copy == 0) & (chosen.variant == draw.FLIP),
        "swap": (chosen.copy == 0) & (chosen.variant == draw.SWAP),
        "replacement": chosen.copy > 0,
    }
    first = np.zeros(judgements, bool)
    found = {}
    for name, mask in kinds.items():
        counts = np.bincount(chosen.judgement[mask], minlength=judgements)
        found[name] = counts - ((counts > 0) & ~first)
        first |= counts > 0
    return found


def one_class(plan: Plan, chosen: Selection) -> list[str]:
    """Policies that come out with under 5 % of a verdict, and that the recipe does not allow to."""
    problems = []
    policy = np.array([item[2].id for item in chosen.deck.policies])[chosen.chosen.policy]
    for name in sorted(set(policy.tolist())):
        unsafe = chosen.chosen.verdict[policy == name] == select.UNSAFE
        share = min(unsafe.mean(), 1 - unsafe.mean())
        if share < 0.05 and name not in plan.recipe.allow_one_class:
            problems.append(f"policy {name}: {int(unsafe.sum())} of {len(unsafe)} samples are unsafe")
    return problems


def require_samples(plan: Plan, chosen: Selection) -> None:
    """Raises `BuildError` if nothing is left, or a policy has too few samples of a verdict."""
    if not len(chosen.chosen.judgement):
        raise BuildError("no sample is left: " + ledger.loss_summary(chosen.account) + ". Loosen the filters; `--plan` shows the ledger.")
    if problems := one_class(plan, chosen):
        raise BuildError(f"under 5 % of a verdict: {'; '.join(problems)}. Add a source with the other verdict, or name the policy in `allow_one_class`.")
