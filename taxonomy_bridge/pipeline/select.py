"""The global steps on judgements: which ones may be used, with one reason for each that may not.

Works on the side files alone: hashes, pattern numbers and small codes. A judgement that is not used has exactly one reason, the first
that applied. Nothing depends on the number of shards or workers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from taxonomy_bridge import mix, rng, text
from taxonomy_bridge.errors import BuildError, InputError, UnknownNameError
from taxonomy_bridge.labels import VERDICT_CODES, Pattern, join_votes
from taxonomy_bridge.pipeline import intake
from taxonomy_bridge.pipeline.ledger import REASONS
from taxonomy_bridge.pipeline.plan import Plan
from taxonomy_bridge.sources._base import decode_file
from taxonomy_bridge.taxonomy import Taxonomy
from taxonomy_bridge.translation import Translator

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
SAFE, UNSAFE, BORDERLINE, NONE = 0, 1, 2, -1
MERGED = -1


@dataclass
class Judgements:
    """All judgements of a build, in (recipe order, file, row). `reason`: 0 in use, -1 merged, else 1 + index into REASONS."""

    shard: Ints
    row: Ints
    entry: Ints
    id_hash: rng.U64
    prompt_hash: rng.U64
    pair_hash: rng.U64
    pattern: Ints
    judged: Ints
    slot: pa.Array
    language: pa.Array
    adversarial: pa.Array
    refusal: pa.Array
    redacted: Bools
    empty: Bools
    patterns: list[Pattern]
    reason: Ints = field(default_factory=lambda: np.zeros(0, np.int64))

    def __post_init__(self) -> None:
        self.reason = np.zeros(len(self.shard), np.int64)

    def drop(self, mask: Bools, reason: str) -> None:
        """Mark rows that are still in use."""
        self.reason[mask & (self.reason == 0)] = 1 + REASONS.index(reason)

    @property
    def alive(self) -> Bools:
        alive: Bools = self.reason == 0
        return alive

    def forget(self) -> None:
        """Let go of what only the global steps need, so that the second pass has room."""
        self.id_hash = self.prompt_hash = self.pair_hash = np.zeros(0, np.uint64)
        self.slot = self.language = self.adversarial = self.refusal = pa.nulls(0)
        self.redacted = self.empty = np.zeros(0, bool)

    def per_pattern(self, question: Callable[[Pattern], Any], kind: Any = bool) -> NDArray[Any]:
        """Answer a question once per pattern and give it to every row."""
        answers: NDArray[Any] = np.array([question(pattern) for pattern in self.patterns], kind)[self.pattern]
        return answers


def load(plan: Plan, shards: Sequence[intake.Shard]) -> Judgements:
    """Merge the side files in recipe order."""
    numbers: dict[Pattern, int] = {}
    tables, shard_column, rows, entries, patterns = [], [], [], [], []
    for shard, item in zip(shards, plan.files, strict=True):
        side = intake.read_side(shard)
        local = np.array([numbers.setdefault(pattern, len(numbers)) for pattern in shard.patterns] or [0], np.int64)
        tables.append(side)
        patterns.append(local[intake.numpy_of(side["pattern"]).astype(np.int64)])
        shard_column.append(np.full(len(side), shard.index))
        rows.append(np.arange(len(side)))
        entries.append(np.full(len(side), item.entry))
    side = pa.concat_tables(tables).combine_chunks()
    plain = {name: side[name].combine_chunks() for name in ("slot", "language", "adversarial", "refusal")}
    return Judgements(
        shard=np.concatenate(shard_column), row=np.concatenate(rows), entry=np.concatenate(entries),
        id_hash=intake.numpy_of(side["id_hash"]), prompt_hash=intake.numpy_of(side["prompt_hash"]), pair_hash=intake.numpy_of(side["pair_hash"]),
        pattern=np.concatenate(patterns), judged=intake.numpy_of(side["judged"]).astype(np.int64),
        redacted=intake.numpy_of(side["redacted"]), empty=intake.numpy_of(side["empty"]), patterns=list(numbers), **plain,
    )  # fmt: skip


def merge_annotations(rows: Judgements, plan: Plan) -> None:
    """Join several annotations of one text, under one taxonomy, into its first row, which gets a new pattern."""
    split_of = [item.file.origin.split for item in plan.files]
    annotated = np.array([split_of[at] in plan.sources[item.entry].annotated for at, item in enumerate(plan.files)] or [False])
    chosen = np.flatnonzero(annotated[rows.shard])
    names = rows.per_pattern(lambda pattern: pattern.taxonomy, object)[chosen]
    for name in sorted(set(names)):
        _merge_under(rows, chosen[names == name], plan.taxonomies[name])


def _merge_under(rows: Judgements, chosen: Ints, taxonomy: Taxonomy) -> None:
    """Join the annotations among `chosen` rows, which all have labels of one taxonomy."""
    order, starts = mix.groups(rows.pair_hash[chosen], rows.judged[chosen], rows.entry[chosen])
    sizes = np.diff(starts)
    several = np.flatnonzero(sizes > 1)
    verdict = rows.per_pattern(lambda pattern: {"safe": SAFE, "unsafe": UNSAFE}.get(pattern.verdict or "", NONE), np.int64)[chosen[order]]
    slugs = list(taxonomy.by_slug)
    table = np.array([[slug in pattern.violated for slug in slugs] for pattern in rows.patterns], np.int64)[rows.pattern[chosen[order]]]
    table[verdict != UNSAFE] = 0
    add = np.add.reduceat
    joined = join_votes(add(verdict == UNSAFE, starts[:-1], dtype=np.int64), add(verdict == SAFE, starts[:-1], dtype=np.int64), add(table, starts[:-1], axis=0))
    # What no annotator judged stays unjudged.
    never = np.array([[slug in pattern.unjudged for slug in slugs] for pattern in rows.patterns], bool)[rows.pattern[chosen[order]]]
    joined = joined._replace(unjudged=joined.unjudged | (np.logical_and.reduceat(never, starts[:-1], axis=0) & ~joined.violated))
    known = {pattern: number for number, pattern in enumerate(rows.patterns)}
    distinct, inverse = np.unique(np.column_stack([joined.verdict[:, None], joined.violated, joined.unjudged])[several], axis=0, return_inverse=True)
    fresh = []
    for line in distinct.astype(np.int64):
        half = line[1 : 1 + len(slugs)], line[1 + len(slugs) :]
        named = [tuple(slug for slug, bit in zip(slugs, bits, strict=True) if bit) for bits in half]
        pattern = Pattern(taxonomy.id, VERDICT_CODES[int(line[0])], named[0], named[1], True)
        fresh.append(known.setdefault(pattern, len(known)))
    rows.patterns = list(known)
    heads = chosen[order[starts[:-1][several]]]
    rows.pattern[heads] = np.array(fresh, np.int64)[np.asarray(inverse).ravel()]
    tail = np.ones(len(order), bool)
    tail[starts[:-1]] = False
    rows.reason[chosen[order[tail]]] = MERGED


def _violates(slugs: frozenset[str]) -> Callable[[Pattern], bool]:
    return lambda pattern: bool(slugs & set(pattern.violated))


def labelled_under(name: str) -> Callable[[Pattern], bool]:
    """The question whether a pattern belongs to a taxonomy."""
    return lambda pattern: pattern.taxonomy == name


def filter_rows(rows: Judgements, plan: Plan) -> None:
    """What the recipe asks of each source, and what cannot be used whatever the policy."""
    for number, entry in enumerate(plan.entries):
        own = rows.entry == number
        if entry.judged is not None:
            targets = pa.array(intake.JUDGED).take(pa.array(rows.judged))
            wanted = pa.array(list(entry.judged), pa.string())
            asked = pc.or_(pc.is_in(rows.slot, wanted), pc.is_in(targets, wanted)).to_numpy(zero_copy_only=False)
            rows.drop(own & ~asked, "select/judged")
        for name in ("adversarial", "language", "refusal"):
            values = getattr(entry.where, name)
            if values is not None:
                column = getattr(rows, name)
                kept = pc.is_in(column, pa.array(list(values), column.type)).to_numpy(zero_copy_only=False)
                rows.drop(own & ~kept, "select/where")
        if entry.where.category is not None:
            rows.drop(own & ~rows.per_pattern(_violates(frozenset(entry.where.category))), "select/where")
        if entry.borderline == "drop":
            rows.drop(own & rows.per_pattern(lambda pattern: pattern.verdict == "borderline"), "label/borderline")
    rows.drop(rows.redacted, "text/redacted")
    rows.drop(rows.empty, "text/empty")
    if not plan.translates:
        rows.drop(rows.per_pattern(lambda pattern: pattern.verdict is None), "label/no_verdict")
    if plan.recipe.content.exclude_concepts:
        exclude_concepts(rows, plan)


def exclude_concepts(rows: Judgements, plan: Plan) -> None:
    """Drop rows whose labels may stand for a concept that the recipe excludes."""
    graph, names = plan.graph, plan.recipe.content.exclude_concepts
    unwanted = graph.bits.pack(frozenset[str]().union(*(graph.vocabulary.expand(name) for name in names)))
    for taxonomy in plan.taxonomies:
        for told in (False, True):
            clears = np.array([source.safe_clears for source in plan.sources])[rows.entry] == told
            possible = Translator(graph, [], plan.recipe.labels.assume).translate(taxonomy, rows.patterns, told).possible
            own = rows.per_pattern(labelled_under(taxonomy)) & clears
            rows.drop(own & np.asarray((possible & unwanted).any(axis=1))[rows.pattern], "content/excluded_concept")


def apply_answers(rows: Judgements, plan: Plan) -> dict[str, int]:
    """Give every judgement that somebody answered a pattern of its own; how many are answered, and how many of those are here.

    Raises `InputError` for an item that no policy has.
    """
    if plan.answers is None:
        return {}
    known = {item.id for entry in plan.recipe.policies if not entry.native for item in plan.policy(entry, "").items}
    unknown = sorted({item for told in plan.answers.by_judgement.values() for item, _ in told} - known)
    if unknown:
        raise InputError(f"labels.answers: no policy of the recipe has {UnknownNameError.among('item', unknown[0], sorted(known))}")
    ids = list(plan.answers.by_judgement)
    hashes = text.hash_array(pa.array(ids, pa.string()))
    order = np.argsort(hashes)
    place = np.clip(np.searchsorted(hashes[order], rows.id_hash), 0, max(len(ids) - 1, 0))
    hit = np.flatnonzero(hashes[order][place] == rows.id_hash) if ids else np.zeros(0, np.int64)
    numbers = {pattern: number for number, pattern in enumerate(rows.patterns)}
    for row in hit.tolist():
        pattern = rows.patterns[rows.pattern[row]]._replace(answered=plan.answers.by_judgement[ids[int(order[place[row]])]])
        rows.pattern[row] = numbers.setdefault(pattern, len(numbers))
    rows.patterns = list(numbers)
    return {"judgements": len(ids), "found": len(hit)}


def verdicts(rows: Judgements, plan: Plan) -> tuple[Ints, Bools]:
    """Final verdict of each judgement (SAFE or UNSAFE), and whether the recipe assumed it."""
    codes = {text: code for code, text in VERDICT_CODES.items()}
    verdict = rows.per_pattern(lambda pattern: codes[pattern.verdict], np.int64)
    grey = verdict == BORDERLINE
    as_unsafe = np.array([entry.borderline == "unsafe" for entry in plan.entries])[rows.entry]
    return np.where(grey, np.where(as_unsafe, UNSAFE, SAFE), verdict), grey


def drop_duplicates(rows: Judgements, plan: Plan) -> None:
    """Same text, same target, same taxonomy."""
    alive = np.flatnonzero(rows.alive)
    taxonomy = rows.per_pattern(lambda pattern: list(plan.taxonomies).index(pattern.taxonomy), np.int64)
    bare = {pattern: (pattern.taxonomy, pattern.verdict, pattern.violated, pattern.unjudged) for pattern in rows.patterns}
    numbers = {labels: number for number, labels in enumerate(dict.fromkeys(bare.values()))}
    labels = rows.per_pattern(lambda pattern: numbers[bare[pattern]], np.int64)
    found = mix.find_duplicates(rows.pair_hash[alive], rows.judged[alive], taxonomy[alive], labels[alive])
    rules = plan.recipe.duplicates
    if found.conflict.any() and rules.conflicts == "error":
        raise BuildError(f"{int(found.conflict.sum())} judgements have the same text and other labels. Set duplicates.conflicts to drop or keep.")
    for mask, rule, reason in ((found.conflict, rules.conflicts, "duplicate/conflict"), (found.repeat, rules.exact, "duplicate/same_labels")):
        if rule == "drop":
            marked = np.zeros(len(rows.shard), bool)
            marked[alive[mask]] = True
            rows.drop(marked, reason)


def decontaminate(rows: Judgements, plan: Plan) -> dict[str, int]:
    """Take rows whose text or prompt is in an evaluation set out of training; how many there were at each level."""
    counts = {"pair": 0, "prompt": 0}
    if not plan.evaluations:
        return counts
    pairs, prompts = [], []
    for source, files in plan.evaluations:
        for file in files:
            for decoded in decode_file(source, file):
                pairs.append(decoded.judgements["pair_hash"].to_numpy())
                prompts.append(decoded.judgements["prompt_hash"].to_numpy())
    trains = np.array([entry.into != "test" for entry in plan.entries])[rows.entry] & rows.alive
    for level, known, own in (("pair", pairs, rows.pair_hash), ("prompt", prompts, rows.prompt_hash)):
        hit = trains & np.isin(own, np.unique(np.concatenate(known)))
        counts[level] = int(hit.sum())
        rows.drop(hit, f"decontaminate/{level}")
    return counts


def splits(rows: Judgements, plan: Plan) -> Ints:
    """0 train, 1 test; one prompt is never in both."""
    into = np.array([("train", "test", "auto").index(entry.into) for entry in plan.entries])[rows.entry]
    drawn = np.where(mix.split_of(rows.prompt_hash, plan.recipe.seed, plan.recipe.splits["train"]), 0, 1)
    split = np.where(into == 2, drawn, into)
    pinned = np.unique(rows.prompt_hash[(into == 1) & rows.alive])
    inside = np.isin(rows.prompt_hash, pinned)
    split = np.where((into == 2) & inside, 1, split)
    # A train row whose prompt is in the test split, whether pinned or drawn, would leak it.
    tested = np.unique(rows.prompt_hash[(split == 1) & rows.alive])
    rows.drop((split == 0) & np.isin(rows.prompt_hash, tested), "split/prompt_in_test")
    return split


def read_ids(shard: intake.Shard, wanted: Ints) -> list[str]:
    """Ids of some rows of a shard, for lists of dropped rows."""
    return list(pq.read_table(shard.rows, columns=["id"], page_checksum_verification=True)["id"].take(pa.array(wanted)).to_pylist())
