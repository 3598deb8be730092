"""Lists that cannot give the verdict away: every translated or flipped sample gets a list that samples of both verdicts show in one proportion.

Which items a row decides depends on its labels, so a list of whatever is decided would tell the verdict. For each source and policy the unsafe rows
set the lists: a *class* is the part of a label pattern's decided items that some safe rows can show as well. Safe rows (and flipped ones) are
then spread over the classes whose items they all clear, so that each class has safe and unsafe samples in the same ratio; what cannot be
balanced is dropped with the reason. Within a class the list is varied by draws that never see the label.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from taxonomy_bridge import mix, rng
from taxonomy_bridge.lists import ListRules
from taxonomy_bridge.pipeline.deck import Deck
from taxonomy_bridge.pipeline.draw import FLIP, Samples, subset
from taxonomy_bridge.pipeline.plan import Plan
from taxonomy_bridge.pipeline.select import UNSAFE, Bools, Ints, Judgements

ROUNDS = 100  # of proportional fitting; it settles in a few, and more cost nothing
Matrix = NDArray[np.float64]


@dataclass(frozen=True)
class Side:
    """Distinct kinds of samples of one verdict in a group, and which kind each sample is.

    `at`: positions in the samples. `kind`: row of `gold` and `shown` for each. Of an unsafe kind `gold` are the items that make it so and `shown` all
    that it decides; of a safe kind `shown` are the items that it clears. `whole`: its gold must stay together.
    """

    at: Ints
    kind: Ints
    gold: Bools
    shown: Bools
    whole: NDArray[np.bool_]

    @property
    def count(self) -> Matrix:
        """How many samples each kind has."""
        return np.bincount(self.kind, minlength=len(self.shown)).astype(np.float64)


class Classes(NamedTuple):
    """Lists of a group: `allowed` and `keep`, bool (D, K); `weight`: unsafe samples of each."""

    allowed: Bools
    keep: Bools
    weight: Matrix


def match(samples: Samples, rows: Judgements, plan: Plan, deck: Deck) -> Samples:
    """The samples that can be shown with a matched list, each with its list. Samples of a source's own list pass unless lists must be matched."""
    forced = bool(plan.recipe.augment.flip_to_safe or plan.recipe.augment.siblings)
    needs = np.array([deck.translated(number) or (deck.native(number) and forced) for number in range(len(deck.policies))])[samples.policy]
    kept = ~needs
    for number, group_rows in _by_policy(samples, needs, deck):
        matcher = _Matcher(samples, rows, plan, deck, number)
        groups = [group_rows[order] for order in _by_source(rows.entry[samples.judgement[group_rows]])]
        sides = [(matcher.side(at, True), matcher.side(at, False)) for at in groups]
        alone = []
        for unsafe, safe in sides:
            if len(unsafe.at) and len(safe.at):
                kept[matcher.balance(unsafe, safe)] = True
            else:
                alone.append((unsafe, safe))
        for unsafe, safe in alone:
            kept[matcher.lend(unsafe, safe)] = True
    return subset(samples, np.flatnonzero(kept))


def _by_policy(samples: Samples, needs: Bools, deck: Deck) -> Iterator[tuple[int, Ints]]:
    """(policy number, samples): a native list is matched per taxonomy, any other one over all of them."""
    shared = np.array([number if deck.native(number) else deck.number(entry, deck.taxonomy_names[0]) for number, (entry, _, _) in enumerate(deck.policies)])
    first = shared[samples.policy]
    for number in np.unique(first[needs]):
        yield int(number), np.flatnonzero(needs & (first == number))


def _by_source(entry: Ints) -> list[Ints]:
    order, starts = mix.groups(entry)
    return [order[start:end] for start, end in pairwise(starts)]


class _Matcher:
    """Matches the samples of one policy."""

    def __init__(self, samples: Samples, rows: Judgements, plan: Plan, deck: Deck, number: int) -> None:
        self.samples, self.rows, self.plan, self.deck, self.number = samples, rows, plan, deck, number
        self.policy = deck.policies[number][2]
        self.residual = np.array([item.residual for item in self.policy.items])
        self.rules: ListRules = deck.rules(number)
        self.native = deck.native(number)
        self.pool: list[Classes] = []
        self.cleared: list[tuple[Bools, Matrix]] = []
        self.seed = plan.recipe.seed
        self.clears = np.array([source.safe_clears for source in plan.sources])

    def side(self, at: Ints, unsafe: bool) -> Side:
        """The samples of one verdict, by kind."""
        at = at[(self.samples.verdict[at] == UNSAFE) == unsafe]
        judgement = self.samples.judgement[at]
        keys = np.column_stack(
            [self.samples.policy[at], self.rows.pattern[judgement], self.clears[self.rows.entry[judgement]], self.samples.variant[at] == FLIP]
        )
        distinct, kind = np.unique(keys, axis=0, return_inverse=True)
        width = len(self.policy)
        gold, shown, whole = np.zeros((len(distinct), width), bool), np.zeros((len(distinct), width), bool), np.zeros(len(distinct), bool)
        for row, (policy, pattern, clears, flip) in enumerate(distinct.tolist()):
            truth = self.deck.truth(policy, bool(clears))
            no = ~truth.yes[pattern] & ~truth.open[pattern]
            if unsafe:
                gold[row], whole[row] = truth.yes[pattern], truth.group[pattern]
                # A native list shows open items too: the question is the publisher's own.
                shown[row] = True if self.native else no | gold[row]
            else:
                shown[row] = True if self.native and not flip else no
        return Side(at, np.asarray(kind).ravel(), gold, shown, whole)

    def balance(self, unsafe: Side, safe: Side) -> Ints:
        """Give lists to a group with both verdicts; the positions of the samples that stay."""
        cleared, count = _distinct(safe.shown, safe.count)
        self.cleared.append((cleared, count))
        base = [self._list_of(unsafe, kind, cleared, count) for kind in range(len(unsafe.shown))]
        chosen, tables = self._classes(unsafe, safe, base)
        self.pool.append(tables)
        fits = _inside(tables.allowed, safe.shown)
        share = _fit(fits, safe.count, tables.weight)
        reached = share.sum(axis=0)
        keep_safe, keep_unsafe = _thinning(reached, tables.weight)
        numbers = np.array([self.deck.add_list(allowed, keep) for allowed, keep in zip(tables.allowed, tables.keep, strict=True)] or [-1])
        stay = [self._settle(unsafe.at, chosen, numbers, keep_unsafe)]
        drawn = _pick(share, safe.kind, self._unit("list", safe.at))
        stay.append(self._settle(safe.at, drawn, numbers, keep_safe))
        return np.concatenate(stay)

    def lend(self, unsafe: Side, safe: Side) -> Ints:
        """A group with one verdict takes its lists from the other sources of the policy, where there are any."""
        if len(safe.at):
            tables = _joined(self.pool) or self._own_lists(safe)
            share = np.where(_inside(tables.allowed, safe.shown), tables.weight[None, :], 0.0)
            chosen = _pick(share, safe.kind, self._unit("list", safe.at))
            side = safe
        else:
            side = unsafe
            cleared = np.concatenate([rows for rows, _ in self.cleared]) if self.cleared else unsafe.shown
            count = np.concatenate([counts for _, counts in self.cleared]) if self.cleared else unsafe.count
            base = [self._list_of(unsafe, kind, cleared, count) for kind in range(len(unsafe.shown))]
            chosen, tables = self._classes(unsafe, Side(unsafe.at[:0], unsafe.kind[:0], unsafe.gold[:0], unsafe.shown[:0], unsafe.whole[:0]), base)
        numbers = np.array([self.deck.add_list(allowed, keep) for allowed, keep in zip(tables.allowed, tables.keep, strict=True)] or [-1])
        return self._settle(side.at, chosen, numbers, np.ones(len(numbers)))

    def _own_lists(self, safe: Side) -> Classes:
        """Lists for a policy that no row violates: all that is cleared."""
        allowed = np.unique(safe.shown & ~(self.residual & ~np.logical_and.reduce(safe.shown, axis=1)[:, None]), axis=0)
        return Classes(allowed, np.zeros_like(allowed), np.ones(len(allowed)))

    def _list_of(self, unsafe: Side, kind: int, cleared: Bools, count: Matrix) -> Bools | None:
        """The items that a kind of unsafe row may show: decided by it, and cleared by many safe rows at once; None if there is no such list."""
        decided, gold = unsafe.shown[kind], unsafe.gold[kind]
        lists = cleared & decided
        lists &= ~(self.residual & ~lists.all(axis=1)[:, None])
        shared = (lists & gold).sum(axis=1)
        fit = (shared == gold.sum()) if unsafe.whole[kind] or not gold.any() else (shared > 0)
        fit &= (lists.sum(axis=1) - shared >= self.rules.spare) & (lists.sum(axis=1) >= self.rules.min_items)
        fit &= shared + self.rules.spare <= (self.rules.max_items or len(gold))
        if not fit.any():
            return None
        lists, shared = lists[fit], shared[fit]
        safe_rows = (_inside(lists, cleared) * count[:, None]).sum(axis=0)
        common = safe_rows * 2 >= safe_rows.max()
        rank = np.lexsort((safe_rows, lists.sum(axis=1), shared, common))
        found: Bools = lists[rank[-1]]
        return found

    def _classes(self, unsafe: Side, safe: Side, base: list[Bools | None]) -> tuple[Ints, Classes]:
        """Class of every unsafe sample (-1: none), and the classes. Flipped rows ask some unsafe rows to leave out what they violate."""
        kinds: dict[tuple[int, bytes], int] = {}
        lists: list[tuple[Bools, Bools]] = []

        def number(kind: int, allowed: Bools) -> int:
            key = (kind, allowed.tobytes())
            if key not in kinds:
                kinds[key] = len(lists)
                lists.append((allowed, self._keep(allowed, unsafe.gold[kind] & allowed)))
            return kinds[key]

        plain = np.array([-1 if allowed is None else number(kind, allowed) for kind, allowed in enumerate(base)] or [-1])
        chosen = plain[unsafe.kind] if len(unsafe.kind) else np.zeros(0, np.int64)
        flips = np.flatnonzero(self.samples.variant[safe.at] == FLIP)
        if len(flips):
            self._make_room(unsafe, safe, base, flips, chosen, number)
        weight = np.bincount(chosen[chosen >= 0], minlength=len(lists)).astype(np.float64)
        width = len(self.policy)
        allowed, keep = (np.array([pair[half] for pair in lists]).reshape(len(lists), width) for half in (0, 1))
        return chosen, Classes(allowed, keep, weight)

    def _make_room(self, unsafe: Side, safe: Side, base: list[Bools | None], flips: Ints, chosen: Ints, number: Callable[[int, Bools], int]) -> None:
        """Each flipped row lets one unsafe row of another kind show only what the flipped row clears, as far as there are such rows; writes into `chosen`."""
        order = np.lexsort((self._unit("room", unsafe.at), unsafe.kind))
        starts = np.searchsorted(unsafe.kind[order], np.arange(len(base) + 1))
        free = [order[start:end] for start, end in pairwise(starts)]
        for kind in np.unique(safe.kind[flips]).tolist():
            asking = safe.at[flips[safe.kind[flips] == kind]]
            donors, lists = self._narrowed(unsafe, base, safe.shown[kind])
            left = np.array([len(free[donor]) for donor in donors], np.int64)
            if not left.sum():
                continue
            ends = np.cumsum(left)
            asked = np.searchsorted(ends, self._unit("room_for", asking) * ends[-1], side="right")
            for place, count in enumerate(np.minimum(np.bincount(asked, minlength=len(donors)), left).tolist()):
                if count:
                    taken, free[donors[place]] = np.split(free[donors[place]], [count])
                    chosen[taken] = number(donors[place], lists[place])

    def _narrowed(self, unsafe: Side, base: list[Bools | None], cleared: Bools) -> tuple[list[int], list[Bools]]:
        """Kinds of unsafe rows that can be shown within what a flipped row clears, and their lists."""
        donors, lists = [], []
        for kind, allowed in enumerate(base):
            if allowed is None:
                continue
            narrow = allowed & cleared & ~self.residual
            gold = unsafe.gold[kind] & allowed
            if (gold & ~narrow).any() or narrow.sum() - gold.sum() < 1 or narrow.sum() < self.rules.min_items:
                continue
            donors.append(kind)
            lists.append(narrow)
        return donors, lists

    def _keep(self, allowed: Bools, gold: Bools) -> Bools:
        """The gold and its siblings: the items of the list that are nearest to it."""
        keep: Bools = gold.copy()
        count = self.plan.recipe.augment.siblings
        if count and gold.any():
            near = np.where(allowed & ~gold & ~self.residual, self._likeness[gold].max(axis=0), -1.0)
            for place in np.argsort(-near, kind="stable")[:count]:
                keep[place] |= near[place] >= 0
        return keep

    @cached_property
    def _likeness(self) -> Matrix:
        """How much two items may cover together, 0 to 1, (K, K)."""
        translator = self.deck.translator(self.number)
        return _jaccard([translator.graph.bits.unpack(mask) for mask in translator.masks.outer], translator.graph.vocabulary.domain_of)

    def _settle(self, at: Ints, chosen: Ints, numbers: Ints, probability: Matrix) -> Ints:
        """Set lists; the positions that have one and are not thinned out."""
        lucky = (chosen >= 0) & (self._unit("list_keep", at) < probability[np.maximum(chosen, 0)]) if len(probability) else np.zeros(len(at), bool)
        self.samples.lists[at[lucky]] = numbers[chosen[lucky]]
        stay: Ints = at[lucky]
        return stay

    def _unit(self, stream: str, at: Ints) -> Matrix:
        return rng.unit(rng.draw(self.seed, stream, self.samples.key[at]))


def _distinct(shown: Bools, count: Matrix) -> tuple[Bools, Matrix]:
    """Distinct sets and how many samples have each."""
    found, inverse = np.unique(shown, axis=0, return_inverse=True)
    return found, np.asarray(np.bincount(np.asarray(inverse).ravel(), weights=count, minlength=len(found)), np.float64)


def _inside(lists: Bools, cleared: Bools) -> Bools:
    """Whether each list (D, K) lies inside each set (J, K): bool (J, D)."""
    if not len(lists):
        return np.zeros((len(cleared), 0), bool)
    inside: Bools = np.logical_not((lists[None] & ~cleared[:, None]).any(axis=2))
    return inside


def _fit(fits: Bools, supply: Matrix, demand: Matrix) -> Matrix:
    """Spread `supply` (J,) over classes (D,) where it fits, as nearly in proportion to `demand` as can be: (J, D), rows add up to the supply.

    Iterative proportional fitting. Sums are running ones, so that they do not depend on the processor.

    >>> _fit(np.array([[True, True], [True, False]]), np.array([3.0, 1.0]), np.array([2.0, 2.0])).round(2).tolist()
    [[1.0, 2.0], [1.0, 0.0]]
    """
    share = np.where(fits, demand[None, :], 0.0)
    if not share.size:
        return share
    reachable = fits.any(axis=0) & (demand > 0)
    target = np.where(reachable, demand, 0.0) * (_sum(supply[fits.any(axis=1)]) / max(_sum(demand[reachable]), 1.0))
    for _ in range(ROUNDS):
        columns = np.cumsum(share, axis=0)[-1]
        share = share * np.divide(target, columns, out=np.zeros_like(columns), where=columns > 0)[None, :]
        lines = np.cumsum(share, axis=1)[:, -1]
        share = share * np.divide(supply, lines, out=np.zeros_like(lines), where=lines > 0)[:, None]
    return share


def _sum(values: Matrix) -> float:
    return float(np.cumsum(values)[-1]) if len(values) else 0.0


def _thinning(reached: Matrix, demand: Matrix) -> tuple[Matrix, Matrix]:
    """With what probability safe and unsafe samples of each class stay, so that all classes have one ratio; the ratio that loses fewest."""
    ratio = np.divide(reached, demand, out=np.zeros_like(reached), where=demand > 0)
    options = np.unique(np.round(ratio[ratio > 0], 9))
    if not len(options):
        return np.zeros_like(ratio), np.zeros_like(ratio)
    lost = [_sum(np.maximum(reached - option * demand, 0)) + _sum(np.maximum(demand - reached / option, 0)) for option in options]
    best = float(options[int(np.argmin(np.round(lost, 6)))])
    safe = np.minimum(1.0, np.divide(best, ratio, out=np.zeros_like(ratio), where=ratio > 0))
    return np.where(safe > 1 - 1e-6, 1.0, safe), np.where(ratio / best > 1 - 1e-6, 1.0, ratio / best)


def _pick(share: Matrix, kind: Ints, draws: Matrix) -> Ints:
    """A class for each sample, drawn in the proportions of its kind's row; -1 where no class fits."""
    if not share.shape[1]:
        return np.full(len(kind), -1)
    ends = np.cumsum(share, axis=1)[kind]
    found = (ends <= (draws * ends[:, -1])[:, None]).sum(axis=1)
    return np.where(ends[:, -1] > 0, np.minimum(found, share.shape[1] - 1), -1)


def _joined(pool: list[Classes]) -> Classes | None:
    if not any(len(tables.weight) for tables in pool):
        return None
    return Classes(*(np.concatenate([tables[part] for tables in pool]) for part in range(3)))


def _jaccard(sets: list[frozenset[str]], domain_of: dict[str, str]) -> Matrix:
    """Shared concepts, and at a hundredth of the weight shared domains, over all of both."""
    domains = [frozenset(domain_of.get(concept, "") for concept in one) for one in sets]
    table = np.zeros((len(sets), len(sets)))
    for a in range(len(sets)):
        for b in range(len(sets)):
            table[a, b] = len(sets[a] & sets[b]) / max(len(sets[a] | sets[b]), 1) + 0.01 * len(domains[a] & domains[b]) / max(len(domains[a] | domains[b]), 1)
    return table
