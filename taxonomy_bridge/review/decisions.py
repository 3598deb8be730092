"""A review: which category is next, what a decision does to the mapping, how it is undone, how far one is.

Every decision goes the same way: alone with the journal, see what others did, plan the change of rows, refuse what the file format refuses,
write the journal, write the mapping. A kill between the two is repaired by whoever comes next. Several processes may review one file.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from taxonomy_bridge import storage
from taxonomy_bridge.errors import MappingError, TaxonomyBridgeError
from taxonomy_bridge.review import plans
from taxonomy_bridge.review.journal import Entry, Journal
from taxonomy_bridge.review.plans import Plan, RefusedError
from taxonomy_bridge.review.proposals import Candidate, Proposals
from taxonomy_bridge.review.store import Store
from taxonomy_bridge.taxonomy import Taxonomy
from taxonomy_bridge.vocabulary import Vocabulary

Predicate = Literal["skos:exactMatch", "skos:narrowMatch", "skos:broadMatch", "skos:relatedMatch"]
Status = Literal["open", "mapped", "none", "unsure"]
Identity = Field(pattern=r"^[A-Za-z0-9_-]{8,64}$")


class _OvertakenError(Exception):
    """Another process took the number of this decision."""


class StaleError(TaxonomyBridgeError):
    """The category was decided elsewhere since the person saw it."""


class Wish(BaseModel):
    """What a person wants. `id` names the request, so that one sent twice counts once; `seen` is the state of the category that was looked at."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    id: str = Identity
    action: Literal["accept", "reject", "clear", "none", "unsure"]
    category: str = Field(max_length=200)
    concept: str = Field("", max_length=200)
    predicate: Predicate | None = None
    note: str = Field("", max_length=2000)
    seen: str = Field(max_length=64)


@dataclass(frozen=True)
class Progress:
    """How many categories stand where. `decided` of them need nothing more."""

    open: int
    mapped: int
    none: int
    unsure: int

    @property
    def total(self) -> int:
        return self.open + self.mapped + self.none + self.unsure

    @property
    def decided(self) -> int:
        return self.mapped + self.none


@dataclass
class Session:
    """One person's review of one taxonomy, written to `output`; the journal lies beside it as `<name>.review.jsonl`.

    `revise`: the candidates are rows of `output` itself, so that a category is open until each of them was decided again.
    """

    proposals: Proposals
    taxonomy: Taxonomy
    vocabulary: Vocabulary
    output: Path
    author: str
    revise: bool = False
    now: Callable[[], float] = time.time
    store: Store = field(init=False)
    journal: Journal = field(init=False)
    items: tuple[str, ...] = field(init=False)
    _statuses: tuple[tuple[int, int], object, dict[str, Status]] | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        path = self.output.resolve()
        self.store = Store(path, self.taxonomy, self.vocabulary)
        self.journal = Journal(path.with_name(f"{path.name.removesuffix('.sssom.tsv')}.review.jsonl"))
        proposed = set(self.proposals.candidates) | set(self.proposals.nothing)
        every = ((slug, self.taxonomy[slug]) for slug in self.taxonomy.tree())
        self.items = tuple(slug for slug, one in every if one.harm and (slug in proposed or (one.assignable and not self.revise)))
        if not self.items:
            raise MappingError([f"{self.output}: nothing to review: no category of {self.taxonomy.id} has a candidate, or none is marked as a harm."])
        self.refresh()

    def refresh(self) -> None:
        """See what others wrote, and finish what a killed process began."""
        if self.journal.path.exists():
            with self.journal.locked():
                self._recover()
        else:
            self.store.refresh()

    def candidates(self, slug: str) -> tuple[Candidate, ...]:
        return self.proposals.candidates.get(slug, ())

    def rows(self, slug: str) -> dict[str, dict[str, str]]:
        """The rows of one category by concept, refuted ones included."""
        subject = f"{self.taxonomy.id}:{slug}"
        return {pair[1].partition(":")[2]: row for pair, row in self.store.rows.items() if pair[0] == subject}

    def state(self, slug: str) -> str:
        """A name for what stands about one category; it changes with every decision about it."""
        value = [sorted(self.rows(slug).items()), self.journal.marks.get(slug, "")]
        return hashlib.sha256(storage.canonical_json(value).encode()).hexdigest()[:16]

    def statuses(self) -> dict[str, Status]:
        """Where each category stands, in the order of the list."""
        now = (len(self.journal.entries), id(self.store.rows))
        if self._statuses is None or self._statuses[0] != now:
            # Together with the rows, so that their id is not given to others.
            self._statuses = now, self.store.rows, self._look()
        return self._statuses[2]

    def _look(self) -> dict[str, Status]:
        marks, touched = self.journal.marks, self.journal.touched
        mapped = {pair[0].partition(":")[2] for pair, row in self.store.rows.items() if row.get("predicate_modifier") != "Not"}
        found: dict[str, Status] = {}
        for slug in self.items:
            keys = [(f"{self.taxonomy.id}:{slug}", f"concept:{one.concept}") for one in self.candidates(slug)]
            done = touched.issuperset(keys) if self.revise else slug in mapped
            mark = marks.get(slug)
            found[slug] = "unsure" if mark == "unsure" else "none" if mark == "none" else "mapped" if done else "open"
        return found

    def progress(self) -> Progress:
        values = list(self.statuses().values())
        return Progress(values.count("open"), values.count("mapped"), values.count("none"), values.count("unsure"))

    def next(self, after: str | None = None) -> str | None:
        """The next open category in the order of the list, beginning again at the top; then those set aside; None when all are decided."""
        statuses = self.statuses()
        start = self.items.index(after) + 1 if after in self.items else 0
        order = self.items[start:] + self.items[:start]
        for wanted in ("open", "unsure"):
            found = next((slug for slug in order if statuses[slug] == wanted and not (wanted == "unsure" and slug == after)), None)
            if found is not None:
                return found
        return None

    def decide(self, wish: Wish) -> Entry:
        """Make one decision durable.

        Raises `StaleError` if the category changed since it was seen, `RefusedError` with the reason if the format refuses it.
        """

        def plan() -> Plan:
            if wish.category not in self.items:
                raise RefusedError(f"{wish.category!r} is not under review here.")
            if wish.seen != self.state(wish.category):
                raise StaleError("This category was decided elsewhere meanwhile. Look at it again; nothing of yours was written.")
            return plans.plan(self, wish.action, wish.category, wish.concept, wish.predicate, wish.note)

        return self._commit(wish.id, plan)

    def sure(self, least: float) -> list[tuple[str, Candidate]]:
        """The best candidate of each open category whose confidence is `least` or more."""
        found = []
        for slug, status in self.statuses().items():
            best = next(iter(self.candidates(slug)), None)
            if status != "open" or slug in self.proposals.nothing or best is None or best.concept in self.rows(slug):
                continue
            if best.confidence is not None and best.confidence >= least:
                found.append((slug, best))
        return found

    def bulk(self, identity: str, least: float, expected: int) -> Entry:
        """Accept what `sure` names, as one decision. Raises `StaleError` if it is not as many as the person was shown."""

        def plan() -> Plan:
            sure = self.sure(least)
            if len(sure) != expected:
                raise StaleError(f"There are {len(sure)} of them by now, not {expected}. Look again; nothing was written.")
            return plans.bulk(self, sure, least)

        return self._commit(identity, plan)

    def undo(self, identity: str, number: int | None = None) -> Entry:
        """Take back the decision of that number, or this author's last one. Raises `RefusedError` if its rows were changed since."""
        return self._commit(identity, lambda: plans.undo(self, number))

    def last(self) -> Entry | None:
        """What `undo` would take back."""
        return next((entry for entry in reversed(self.journal.standing) if entry.author == self.author), None)

    def _commit(self, identity: str, make: Callable[[], Plan]) -> Entry:
        while True:
            with self.journal.locked():
                self._recover()
                if (known := self.journal.by_id(identity)) is not None:
                    return known
                try:
                    return self._write(identity, make())
                except _OvertakenError:
                    continue

    def _write(self, identity: str, plan: Plan) -> Entry:
        base = self.store.sha256
        entry = Entry(
            number=len(self.journal.entries) + 1, id=identity, at=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(self.now())), author=self.author,
            action=plan.action, category=plan.category, concept=plan.concept, changes=plan.changes, marks=dict(plan.marks),
            undoes=plan.undoes, note=plan.note, base=base, result=base,
        )  # fmt: skip

        def first(sha256: str) -> None:
            if not self.journal.append(entry.model_copy(update={"result": sha256})):
                raise _OvertakenError

        try:
            self.store.write(self.store.changed(plan.changes), first) if plan.changes else first(base)
        except MappingError as error:
            raise RefusedError(" ".join(error.problems)) from error
        return self.journal.entries[entry.number - 1]

    def _recover(self) -> None:
        """Write to the mapping what only reached the journal. A file that somebody changed since stays as it is."""
        self.store.refresh()
        last = self.journal.entries[-1] if self.journal.entries else None
        if last is not None and self.store.sha256 == last.base != last.result:
            self.store.write(self.store.changed(last.changes), lambda sha256: None)
