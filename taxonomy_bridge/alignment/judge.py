"""An optional last opinion: a language model behind any chat-completions endpoint. It is sent category texts only; its verdicts are kept and marked."""

from __future__ import annotations

import dataclasses
import hashlib
import http.client
import json
import os
import re
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from taxonomy_bridge import paths, storage
from taxonomy_bridge.alignment.curated import RELATIONS
from taxonomy_bridge.alignment.engine import Proposal
from taxonomy_bridge.alignment.items import Item
from taxonomy_bridge.errors import InputError
from taxonomy_bridge.safetext import shown
from taxonomy_bridge.sssom import NO_TERM

WEIGHT = 4.0  # how many times a verdict raises or lowers the odds; a convention, not fitted: nobody has measured this judge
TIMEOUT = 60
MAX_ANSWER = 1 << 20
_PROMPT = """Two categories of harm from different lists. Compare which texts fall under each.

A: {first}

B: {second}

Answer with one word: exact (the same texts), narrow (B lies inside A), broad (A lies inside B), overlap (some texts fall under both), none."""
_VERDICTS = {"exact": 0, "narrow": 1, "broad": 2, "overlap": 3, "none": None}
Progress = Callable[[str, int, int], None]


class Judge:
    """One model at one endpoint (`URL` up to and including `/v1`, or the full path of chat/completions). `OPENAI_API_KEY` is sent if it is set."""

    def __init__(self, url: str, model: str, folder: Path | None = None) -> None:
        if not url.startswith(("http://", "https://")):
            raise InputError(f"{url} is no http address. Name the endpoint, such as http://127.0.0.1:8000/v1.")
        if shown(url) != url:
            raise InputError(f"{shown(url)}: the address holds a name or a password. Leave it out, and set OPENAI_API_KEY if the endpoint asks for a key.")
        self.url = url if url.endswith("/chat/completions") else f"{url.rstrip('/')}/chat/completions"
        self.model = model
        self._path = (folder or paths.cache("alignment")) / f"verdicts-{hashlib.sha256(f'{self.url} {model}'.encode()).hexdigest()[:16]}.json"
        self._known: dict[str, str] = {}
        if self._path.is_file():
            try:
                stored = json.loads(self._path.read_bytes())
                self._known = {key: value for key, value in stored.items() if value in _VERDICTS}
            except (ValueError, AttributeError):
                self._known = {}  # damaged: asked again and replaced

    def verdict(self, first: Item, second: Item) -> str:
        """One of exact, narrow, broad, overlap, none. Raises `InputError` if the endpoint gives no such answer."""
        prompt = _PROMPT.format(first=first.text, second=second.text)
        key = hashlib.sha256(prompt.encode()).hexdigest()
        if key not in self._known:
            answer = self._ask(prompt)
            found = re.findall(r"\b(exact|narrow|broad|overlap|none)\b", re.sub(r"(?s)<think>.*?</think>", "", answer).casefold())
            if not found:
                raise InputError(f"{self.url}: the answer names none of {', '.join(_VERDICTS)}. Choose another model, or leave out --judge.")
            self._known[key] = found[-1]
        return self._known[key]

    def save(self) -> None:
        """Keep the verdicts for the next run."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        storage.write_bytes(self._path, storage.canonical_json(self._known).encode())

    def _ask(self, prompt: str) -> str:
        body = {"model": self.model, "messages": [{"role": "user", "content": prompt}], "temperature": 0, "max_tokens": 512}
        headers = {"Content-Type": "application/json"}
        if key := os.environ.get("OPENAI_API_KEY"):
            headers["Authorization"] = f"Bearer {key}"
        request = urllib.request.Request(self.url, json.dumps(body).encode(), headers)  # the scheme is checked above
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT) as response:
                answer: Any = json.loads(response.read(MAX_ANSWER))
            return str(answer["choices"][0]["message"]["content"])
        except (urllib.error.URLError, http.client.HTTPException, OSError, ValueError) as error:
            raise InputError(f"{self.url} cannot be asked: {error}") from error
        except (KeyError, IndexError, TypeError) as error:
            raise InputError(f"{self.url} answers, but not as a chat-completions endpoint does: {error!r} is missing.") from error


def rerank(
    proposals: Sequence[Proposal], subjects: Mapping[str, Item], objects: Mapping[str, Item], judge: Judge, threshold: float, progress: Progress
) -> list[Proposal]:
    """Ask about every proposal, move its confidence, mark it, and sort each category anew; what falls below the threshold goes."""
    found = []
    try:
        for number, one in enumerate(proposals):
            progress("measure", number, len(proposals))
            found.append(one if one.object == NO_TERM else _judged(one, judge.verdict(subjects[one.subject], objects[one.object]), judge.model))
    finally:
        judge.save()  # also what was answered before a failure
    progress("measure", len(proposals), len(proposals))
    place = {subject: number for number, subject in enumerate(dict.fromkeys(one.subject for one in proposals))}
    return sorted((one for one in found if one.confidence >= threshold), key=lambda one: (place[one.subject], -one.confidence))


def _judged(one: Proposal, verdict: str, model: str) -> Proposal:
    number = _VERDICTS[verdict]
    chance = float(np.clip(one.confidence, 1e-4, 1 - 1e-4))
    odds = chance / (1 - chance) * (WEIGHT if number is not None else 1 / WEIGHT)
    return dataclasses.replace(
        one, confidence=odds / (1 + odds), relation=one.relation if number is None else RELATIONS[number],
        evidence=one.evidence | {"judge": float(number is not None)}, because=f"{one.because}; judge {model}: {verdict}".removeprefix("; "),
    )  # fmt: skip
