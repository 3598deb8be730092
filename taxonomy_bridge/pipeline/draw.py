"""The global steps on samples: from usable judgements to the chosen samples in output order.

One sample is one judgement under one policy, perhaps one of several copies. Everything is settled by seeded draws keyed on sample ids,
so neither order nor number of shards or workers can change a choice.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow.compute as pc
import xxhash
from numpy.typing import NDArray

from taxonomy_bridge import mix, rng
from taxonomy_bridge.errors import BuildError
from taxonomy_bridge.pipeline import intake
from taxonomy_bridge.pipeline.deck import Deck
from taxonomy_bridge.pipeline.ledger import REASONS
from taxonomy_bridge.pipeline.plan import Plan
from taxonomy_bridge.pipeline.select import NONE, SAFE, UNSAFE, Bools, Ints, Judgements, labelled_under

Small = NDArray[np.int8]
PLAIN, FLIP, SWAP = 0, 1, 2
OWN_LIST = 1 + REASONS.index("policy/own_list")
PROOFS = ("published", "assumed", "published-verdict", "entailed", "answered")


@dataclass
class Samples:
    """The samples of a build in output order: split by split, by their place in the order stream.

    `variant`: 0 as it is, 1 flipped to safe by taking items out, 2 a second policy with the other verdict. `proof`: index into PROOFS. `lists`:
    number of the list that it may show, -1 for the source's whole own list; then `decoy` is the label pattern whose gold the list must hold: of
    a safe sample that of some unsafe one, -1 if there is none.
    """

    judgement: Ints
    policy: Ints
    copy: Ints
    variant: Small
    key: rng.U64
    split: Ints
    verdict: Small
    proof: Small
    decoy: Ints
    lists: NDArray[np.int32]


def outcomes(rows: Judgements, plan: Plan, deck: Deck, verdict: Ints) -> tuple[Small, Small]:
    """(verdict, reason) of every judgement under every policy entry, int (n, entries); NONE where it cannot be used, with the reason's number.

    Judgements that no policy can use are dropped, with the first reason that says more than that a list is shown as `native` already.
    """
    count = len(plan.recipe.policies)
    found, reason = (np.zeros((len(rows.shard), count), np.int8) for _ in range(2))
    clears = np.array([source.safe_clears for source in plan.sources])[rows.entry]
    for number, (entry, name, _) in enumerate(deck.policies):
        own = rows.per_pattern(labelled_under(name)) & rows.alive
        if not own.any():
            continue
        if deck.shown_as_native(number):
            reason[own, entry] = OWN_LIST
        elif deck.translated(number):
            for told in (False, True):
                at = np.flatnonzero(own & (clears == told))
                if len(at):
                    outcome = deck.outcome(number, told)
                    found[at, entry], reason[at, entry] = outcome.verdict[rows.pattern[at]], outcome.reason[rows.pattern[at]]
        else:
            found[own, entry] = verdict[own]
            reason[own & (verdict == NONE), entry] = 1 + REASONS.index("label/no_verdict")
            _native_reasons(rows, plan, deck, number, own, verdict, reason[:, entry])
    found[reason > 0] = NONE
    lost = rows.alive & (found == NONE).all(axis=1)
    telling = np.argmax(reason != OWN_LIST, axis=1)
    first = reason[np.arange(len(reason)), telling]
    for code in np.unique(first[lost]):
        rows.drop(lost & (first == code), REASONS[int(code) - 1])
    return found, reason


def _native_reasons(rows: Judgements, plan: Plan, deck: Deck, number: int, own: Bools, verdict: Ints, reason: Small) -> None:
    """Why rows cannot be shown with their source's own list in this format; writes into `reason`."""
    if not plan.format.categories or not deck.native(number):
        return
    policy, rules = deck.policies[number][2], deck.rules(number)
    truth = deck.truth(number, True)
    unsafe, gold = own & (verdict == UNSAFE), truth.yes.sum(axis=1)[rows.pattern]
    refused = [("label/no_category", unsafe & (gold == 0))]
    if plan.recipe.labels.multi == "drop":
        refused.append(("label/multi_label", unsafe & (gold > 1)))
    if rules.max_items is not None and rules.max_items < len(policy):
        residual = np.array([item.residual for item in policy.items])
        with_rest = (truth.yes & residual).any(axis=1)[rows.pattern]
        refused.append(("policy/too_many_gold", unsafe & ((gold > rules.max_items) | with_rest)))
    refused.append(("policy/too_few_items", own & (len(policy) < rules.min_items)))
    for name, mask in refused:
        reason[mask & (reason == 0)] = 1 + REASONS.index(name)


def suffix(plan: Plan, policy_entry: int, copy: int, variant: int) -> str:
    """What a sample id appends to its judgement's id: policy, copy, variant."""
    return f"~{plan.policy_name(policy_entry)}~{copy}~{variant}"


def sample_keys(rows: Judgements, judgement: Ints, policy_entry: Ints, copy: Ints, variant: Small, plan: Plan) -> rng.U64:
    """The number that stands for each sample id in every draw: the judgement's hash mixed with the hash of the suffix."""
    if not len(judgement):
        return np.zeros(0, np.uint64)
    distinct, inverse = np.unique(np.column_stack([policy_entry, copy, variant]), axis=0, return_inverse=True)
    hashes = np.array([xxhash.xxh3_64_intdigest(suffix(plan, *line).encode()) for line in distinct.tolist()], np.uint64)
    return rng.mix(rows.id_hash[judgement] ^ hashes[np.asarray(inverse).ravel()])


def candidates(rows: Judgements, plan: Plan, deck: Deck, split: Ints, found: Small, grey: Bools) -> Samples:
    """One sample per usable judgement and policy that decides it, or per judgement one such policy drawn by weight."""
    alive = np.flatnonzero(rows.alive)
    usable = found[alive] != NONE
    if plan.recipe.policy_choice == "one" and usable.shape[1] > 1:
        entry = _drawn(plan, rows.id_hash[alive], "policy", usable)
        judgement, variant = alive, np.zeros(len(alive), np.int8)
        if plan.recipe.augment.swap_pairs:
            judgement, entry, variant = _with_swaps(rows, plan, found, alive, entry)
    else:
        place, entry = np.nonzero(usable)
        judgement, variant = alive[place], np.zeros(len(place), np.int8)
    samples = _samples(rows, plan, deck, split, judgement, entry, variant, found[judgement, entry], grey)
    samples = _with_flips(samples, rows, plan, deck)
    samples.decoy = _decoys(rows, samples, plan.recipe.seed)
    return samples


def _drawn(plan: Plan, ids: rng.U64, stream: str, usable: Bools) -> Ints:
    """One of the usable policy entries of each row, by weight."""
    weights = np.array([policy.weight for policy in plan.recipe.policies])
    ends = np.cumsum(np.where(usable, weights, 0.0), axis=1)
    place = rng.unit(rng.draw(plan.recipe.seed, stream, ids)) * ends[:, -1]
    chosen: Ints = (ends <= place[:, None]).sum(axis=1).astype(np.int64)
    return chosen


def _with_swaps(rows: Judgements, plan: Plan, found: Small, alive: Ints, entry: Ints) -> tuple[Ints, Ints, Small]:
    """A share of the rows once more, under a policy that gives the other verdict."""
    asked = rng.unit(rng.draw(plan.recipe.seed, "swap", rows.id_hash[alive])) < plan.recipe.augment.swap_pairs
    mine = found[alive, entry]
    other = (found[alive] != NONE) & (found[alive] != mine[:, None]) & asked[:, None]
    at = np.flatnonzero(other.any(axis=1))
    second = _drawn(plan, rows.id_hash[alive[at]], "swap_policy", other[at])
    return np.concatenate([alive, alive[at]]), np.concatenate([entry, second]), np.repeat(np.array([PLAIN, SWAP], np.int8), [len(alive), len(at)])


def _samples(rows: Judgements, plan: Plan, deck: Deck, split: Ints, judgement: Ints, entry: Ints, variant: Small, verdict: Small, grey: Bools) -> Samples:
    names = rows.per_pattern(lambda pattern: deck.taxonomy_names.index(pattern.taxonomy), np.int64)
    policy = entry * len(deck.taxonomy_names) + names[judgement]
    copy = np.zeros(len(judgement), np.int64)
    key = sample_keys(rows, judgement, entry, copy, variant, plan)
    kinds = np.array([0 if deck.native(number) else 3 if deck.translated(number) else 2 for number in range(len(deck.policies))])
    proof = kinds[policy]
    if plan.recipe.labels.assume == "closed":
        proof = np.where(proof == 3, 1, proof)
    proof = np.where(grey[judgement] & (proof != 2), 1, proof)
    proof = np.where(_answered(rows, plan, deck, judgement, policy), 4, proof)
    none = np.full(len(judgement), -1)
    # Small numbers in small types: a build of a million rows holds these columns all the way.
    return Samples(judgement, policy, copy, variant, key, split[judgement], verdict, proof.astype(np.int8), none, none.astype(np.int32))


def _answered(rows: Judgements, plan: Plan, deck: Deck, judgement: Ints, policy: Ints) -> Bools:
    """Which samples rest on an adjudicated answer."""
    found = np.zeros(len(judgement), bool)
    if plan.answers is None:
        return found
    clears = np.array([source.safe_clears for source in plan.sources])[rows.entry[judgement]]
    for number in np.unique(policy):
        for told in (False, True):
            own = (policy == number) & (clears == told)
            if deck.translated(int(number)) and own.any():
                found[own] = deck.told(int(number), told).answered[rows.pattern[judgement[own]]]
    return found


def _with_flips(samples: Samples, rows: Judgements, plan: Plan, deck: Deck) -> Samples:
    """A share of the unsafe samples once more, to be shown without what they violate. Whether every item left is *no* is for `match` to see."""
    if not plan.recipe.augment.flip_to_safe:
        return samples
    chosen = (samples.verdict == UNSAFE) & (rng.unit(rng.draw(plan.recipe.seed, "flip", samples.key)) < plan.recipe.augment.flip_to_safe)
    clears = np.array([source.safe_clears for source in plan.sources])[rows.entry[samples.judgement]]
    for number in np.unique(samples.policy[chosen]):
        for told in (False, True):
            own = chosen & (samples.policy == number) & (clears == told)
            if own.any():
                chosen &= ~own | deck.guard.may_flip(deck.told(int(number), told))[rows.pattern[samples.judgement]]
    flips = subset(samples, np.flatnonzero(chosen))
    flips.verdict, flips.variant = np.full(len(flips.key), SAFE, np.int8), np.full(len(flips.key), FLIP, np.int8)
    flips.key = sample_keys(rows, flips.judgement, flips.policy // len(deck.taxonomy_names), flips.copy, flips.variant, plan)
    native = np.array([deck.native(number) for number in range(len(deck.policies))])[flips.policy]
    flips.proof = np.where(native & (flips.proof == 0), np.int8(3), flips.proof)
    return Samples(**{name: np.concatenate([value, getattr(flips, name)]) for name, value in vars(samples).items()})


def _decoys(rows: Judgements, samples: Samples, seed: int) -> Ints:
    """Own pattern of every unsafe sample; for a safe one the pattern of an unsafe one of the same source entry and policy.

    Lists that must hold the gold would otherwise tell the verdict by what they hold.
    """
    own, verdict = rows.pattern[samples.judgement], samples.verdict
    found = np.where(verdict == UNSAFE, own, -1)
    order, starts = mix.groups(rows.entry[samples.judgement], samples.policy)
    for start, end in pairwise(starts):
        group = order[start:end]
        unsafe, safe = group[verdict[group] == UNSAFE], group[verdict[group] == SAFE]
        if len(unsafe) and len(safe):
            unsafe = unsafe[np.argsort(samples.key[unsafe])]
            found[safe] = own[unsafe[rng.below(rng.draw(seed, "decoy", samples.key[safe]), len(unsafe))]]
    return found


def subset(samples: Samples, keep: NDArray[Any]) -> Samples:
    """Some samples, by mask or index."""
    return Samples(**{name: value[keep] for name, value in vars(samples).items()})


def cap(samples: Samples, rows: Judgements, plan: Plan, deck: Deck) -> Samples:
    """Caps per source, judged role and verdict, with or without replacement."""
    times = np.ones(len(samples.judgement), np.int64)
    for number, entry in enumerate(plan.entries):
        for role in range(len(intake.JUDGED)):
            for verdict, name in ((SAFE, "safe"), (UNSAFE, "unsafe")):
                limit = getattr(entry.cap, name)
                own = (rows.entry[samples.judgement] == number) & (rows.judged[samples.judgement] == role) & (samples.verdict == verdict)
                at = np.flatnonzero(own)
                if limit is None or not len(at):
                    continue
                keys = samples.key[at]
                if getattr(entry.replace, name):
                    times[at] = mix.with_replacement(keys, plan.recipe.seed, f"{entry.name}/{role}/{name}", limit)
                else:
                    times[at] = mix.within_cap(keys, plan.recipe.seed, limit)
    return _with_copies(samples, times, rows, plan, deck)


def _with_copies(samples: Samples, times: Ints, rows: Judgements, plan: Plan, deck: Deck) -> Samples:
    repeated = subset(samples, np.repeat(np.arange(len(times)), times))
    first = np.repeat(np.cumsum(times) - times, times)
    repeated.copy = np.arange(len(repeated.judgement)) - first
    entry = repeated.policy // len(deck.taxonomy_names)
    repeated.key = sample_keys(rows, repeated.judgement, entry, repeated.copy, repeated.variant, plan)
    return repeated


def balance(samples: Samples, rows: Judgements, plan: Plan, deck: Deck) -> Samples:
    """Equal shares by source, policy, verdict, category or language."""
    rule = plan.recipe.balance
    if not rule.by and rule.total is None:
        return samples
    columns: dict[str, NDArray[Any]] = {
        "source": rows.entry[samples.judgement],
        "policy": samples.policy,
        "verdict": samples.verdict,
        "category": _first_gold(samples, rows, plan, deck),
        "language": pc.fill_null(rows.language, "").dictionary_encode().indices.to_numpy(zero_copy_only=False)[samples.judgement],
    }
    kept = mix.balanced([columns[name] for name in rule.by], samples.key, plan.recipe.seed, rule.total)
    return subset(samples, kept)


def _first_gold(samples: Samples, rows: Judgements, plan: Plan, deck: Deck) -> Ints:
    """Number of the first gold item within the whole deck; -1 for safe."""
    gold = np.full(len(samples.judgement), -1)
    clears = np.array([source.safe_clears for source in plan.sources])[rows.entry[samples.judgement]]
    for number in np.unique(samples.policy):
        for told in (False, True):
            own = np.flatnonzero((samples.policy == number) & (clears == told) & (samples.verdict == UNSAFE))
            if len(own):
                yes = deck.truth(int(number), told).yes
                gold[own] = number * 256 + np.where(yes.any(axis=1), yes.argmax(axis=1), -1)[rows.pattern[samples.judgement[own]]]
    return gold


def in_order(samples: Samples, plan: Plan) -> Samples:
    """Output order: split, then the order stream. Raises `BuildError` if two sample ids share a number."""
    place = rng.draw(plan.recipe.seed, "order", samples.key)
    ordered = subset(samples, np.lexsort((samples.key, place, samples.split)))
    if len(np.unique(ordered.key >> np.uint64(1))) != len(ordered.key):
        raise BuildError("two sample ids have the same 63-bit number. Use each source once, or leave `duplicates.exact` at drop.")
    return ordered
