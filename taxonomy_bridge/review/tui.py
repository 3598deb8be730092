"""The same decisions at a prompt, for a machine without a browser; the keys are those of the page."""

from __future__ import annotations

import functools
import secrets
import sys
from collections.abc import Callable
from typing import Any

import typer

from taxonomy_bridge.review import views
from taxonomy_bridge.review.decisions import Session, StaleError, Wish
from taxonomy_bridge.review.plans import RELATIONS, RefusedError, default_comment
from taxonomy_bridge.review.proposals import EVIDENCE
from taxonomy_bridge.safetext import safe
from taxonomy_bridge.vocabulary import scope_lines

PREDICATES = dict(zip("enbr", RELATIONS, strict=True))
HELP = """Enter accept and go on   a accept, stay   x reject   d withdraw   0 no concept fits   s unsure
1-9 select   e n b r is exactly, contains, lies inside, overlaps   / search   c note
u undo   j next open   > < category after, before   i evidence   ? keys   q stop"""


class Prompt:
    """One review in a terminal. `key` gives one key, `line` asks for a line of text."""

    def __init__(self, session: Session, key: Callable[[], str], line: Callable[[str], str]) -> None:
        self.session, self.key, self.line = session, key, line
        self.item: dict[str, Any] = {}
        self.rows: list[dict[str, Any]] = []
        self.at, self.note = 0, ""
        self.keys: dict[str, Callable[[], None]] = {
            "\r": self._accept, "\n": self._accept, "a": lambda: self._decide("accept", stay=True), "x": lambda: self._decide("reject", stay=True),
            "d": lambda: self._decide("clear", stay=True), "0": lambda: self._decide("none"), "s": lambda: self._decide("unsure"), "c": self._write_note,
            "u": self._undo, "/": self._search, "j": self._go_on, ">": lambda: self._step(1), "<": lambda: self._step(-1), "i": self._evidence,
            "?": lambda: say(HELP), **{key: functools.partial(self._relate, predicate) for key, predicate in PREDICATES.items()},
        }  # fmt: skip

    def run(self) -> None:
        """Ask until everything is decided, `q`, or the end of the input."""
        self._show(self.session.next() or self.session.items[0])
        say(HELP)
        while (key := self.key()) not in ("q", "\x03", "\x04", ""):
            try:
                if key.isdecimal() and 0 < int(key) <= len(self.rows):
                    self._select(int(key) - 1)
                elif key in self.keys:
                    self.keys[key]()
            except StaleError as error:
                self._show(self.item["slug"])
                say(f"! {error}")
            except RefusedError as error:
                say(f"! {error}")
            if self.session.progress().open == 0 and self.session.next() is None:
                say("Everything is decided.")
                return

    def _show(self, slug: str) -> None:
        self.session.refresh()
        self.item = views.item(self.session, slug)
        self.rows = [dict(one) for one in self.item["candidates"]]
        undecided = (place for place, one in enumerate(self.rows) if not (one["touched"] if self.session.revise else one["row"]))
        self.at = next(undecided, 0)
        progress, item = self.session.progress(), self.item
        say(f"\n[{progress.decided} of {progress.total} decided, {progress.unsure} set aside]  {item['id']}  ({item['status']})")
        say(" > ".join([*(one["name"] for one in item["above"]), item["name"]]))
        say(f"  {item['definition'] or 'No definition was published.'}")
        if item["beside"]:
            say(f"  beside: {', '.join(one['name'] for one in item['beside'][:12])}")
        if item["nothing"]:
            say("  The engine believes that no concept fits: 0 agrees.")
        for place in range(len(self.rows)):
            self._line(place)

    def _line(self, place: int) -> None:
        one, name = self.rows[place], self.session.vocabulary.name(self.rows[place]["concept"])
        sure = "" if one["confidence"] is None else f"  {one['confidence']:.2f}"
        state = f"  [{one['row']}]" if one["row"] and (one["touched"] or not self.session.revise) else ""
        say(f" {'>' if place == self.at else ' '}{place + 1} {RELATIONS[one['predicate']]} {name}{sure}{state}")

    def _select(self, place: int) -> None:
        self.at = place
        self._line(place)
        concept = self.rows[place]["concept"]
        if concept != self.session.vocabulary.root.id:
            for line in scope_lines(self.session.vocabulary[concept]):
                say(f"     {line}")
        say(f"     rests on: {self.rows[place]['words']}")

    def _evidence(self) -> None:
        one = self.rows[self.at] if self.rows else None
        if one is None:
            say("! There is no candidate.")
            return
        known = [f"{kind} {value:.2f}" for kind, value in zip(EVIDENCE, one["evidence"], strict=True) if value is not None]
        numbers = [f"{label} {one[name]:.2f}" for name, label in (("score", "matcher score"), ("given", "P(concept | category)")) if one[name] is not None]
        say("     " + ", ".join([*known, *numbers] or ["no evidence was recorded"]))

    def _relate(self, predicate: str) -> None:
        if not self.rows:
            raise RefusedError("There is no candidate. Search with / or press 0 if no concept fits.")
        one = self.rows[self.at]
        one["predicate"] = predicate
        if one["row"] == "accepted" and (one["touched"] or not self.session.revise):
            self._decide("accept", stay=True)
        else:
            self._line(self.at)

    def _accept(self) -> None:
        if self.item["nothing"] and not any(one["row"] for one in self.rows) and self.at == 0:
            raise RefusedError("The engine believes that no concept fits. 0 agrees; a accepts the marked candidate all the same.")
        self._decide("accept")

    def _decide(self, action: str, stay: bool = False) -> None:
        about: dict[str, Any] = {}
        if action not in ("none", "unsure"):
            if not self.rows:
                raise RefusedError("There is no candidate. Search with / or press 0 if no concept fits.")
            about = {"concept": self.rows[self.at]["concept"], "predicate": self.rows[self.at]["predicate"]}
        slug = self.item["slug"]
        wish = {"id": secrets.token_hex(8), "action": action, "category": slug, "seen": self.item["state"], "note": self.note, **about}
        self.session.decide(Wish.model_validate(wish))
        self.note = ""
        left = self.session.revise and self.session.statuses()[slug] == "open"
        self._show(slug if stay or left else self.session.next(slug) or slug)

    def _go_on(self) -> None:
        self._show(self.session.next(self.item["slug"]) or self.item["slug"])

    def _step(self, by: int) -> None:
        items = self.session.items
        self._show(items[(items.index(self.item["slug"]) + by) % len(items)])

    def _write_note(self) -> None:
        self.note = self.line("note: ")[:2000]

    def _undo(self) -> None:
        entry = self.session.undo(secrets.token_hex(8))
        self._show(entry.category if entry.category in self.session.items else self.session.next() or self.session.items[0])
        say(f"Decision {entry.undoes} is undone.")

    def _search(self) -> None:
        vocabulary, words = self.session.vocabulary, self.line("search: ").casefold().split()
        texts = {concept: f"{one.name} {concept} {one.scope}".casefold() for concept, one in vocabulary.by_id.items()}
        hits = [concept for concept, text in texts.items() if words and all(word in text for word in words)]
        hits.sort(key=lambda concept: not all(word in f"{vocabulary.name(concept)} {concept}".casefold() for word in words))
        for number, concept in enumerate(hits[:9], 1):
            say(f"   {number} {vocabulary.name(concept)}: {vocabulary[concept].scope}")
        say(f"   {len(hits)} found{', showing 9' if len(hits) > 9 else ''}. A number adds it as a candidate.")
        key = self.key() if hits else ""
        if key.isdecimal() and 0 < int(key) <= min(len(hits), 9):
            self._add(hits[int(key) - 1])

    def _add(self, concept: str) -> None:
        known = next((place for place, one in enumerate(self.rows) if one["concept"] == concept), None)
        if known is None:
            known = len(self.rows)
            blank = {"confidence": None, "score": None, "given": None, "evidence": [None] * len(EVIDENCE), "row": "", "touched": False}
            words = default_comment(self.session, self.item["slug"], concept)
            self.rows.append({"concept": concept, "predicate": PREDICATES["r"], "words": words, **blank})
        self._select(known)


def say(text: str) -> None:
    typer.echo(safe(text))


def run(session: Session) -> None:
    """Review in this terminal; without one, keys are read from the input line by line, an empty line being Enter."""
    terminal = sys.stdin.isatty()

    def key() -> str:
        if terminal:
            return typer.getchar()
        line = sys.stdin.readline()
        return line.strip() or ("\n" if line else "")

    def line(prompt: str) -> str:
        return typer.prompt(prompt.strip(": "), default="", show_default=False) if terminal else sys.stdin.readline().strip()

    try:
        Prompt(session, key, line).run()
    except (KeyboardInterrupt, EOFError):
        say("")
