"""Requests that are repeated while that may help: lost connections, busy servers, limits."""

from __future__ import annotations

import http.client
import logging
import re
import time
import urllib.error
from collections.abc import Callable
from pathlib import Path

from taxonomy_bridge.errors import AccessError

# Answers and failures after which the same request may succeed; 416: what had arrived does not fit the file.
PASSING = (408, 416, 429, 500, 502, 503, 504)
LOST = (ConnectionError, TimeoutError, urllib.error.URLError, http.client.HTTPException)
# Seconds before another attempt, unless the server names its own; and how long all of them together may take: the hub's window for counting requests.
PAUSES = (1.0, 2.0, 4.0)
PATIENCE = 300.0


def patiently(what: str, attempt: Callable[[], Path], advice: Callable[[BaseException], str]) -> Path:
    """The result of `attempt`, which is repeated while that may help and the server does not ask for more time than there is."""
    waited, pauses = 0.0, iter(PAUSES)
    while True:
        try:
            return attempt()
        except (OSError, http.client.HTTPException) as error:
            pause = next(pauses, None)
            wait = asked(error) or pause
            if wait is None or pause is None or waited + wait > PATIENCE or not passes(error):
                raise AccessError(advice(error)) from error
            logging.getLogger(__name__).warning("%s: %s; next attempt in %.0f s", what, said(error), wait)
            waited += wait
            time.sleep(wait)


def passes(error: BaseException) -> bool:
    """Whether the same request may succeed later."""
    code = status(error)
    return isinstance(error, LOST) if code is None else code in PASSING


def status(error: BaseException) -> int | None:
    """The HTTP status, if the error is an answer: of huggingface_hub (`response`) or of urllib (`code`)."""
    return getattr(getattr(error, "response", error), "status_code", getattr(error, "code", None))


def asked(error: BaseException) -> int | None:
    """How many seconds the server asks to wait: `Retry-After: 55`, or `RateLimit: "api";r=0;t=55` of the hub."""
    headers = getattr(getattr(error, "response", error), "headers", None) or {}
    found = re.fullmatch(r"\s*(\d+)\s*", headers.get("Retry-After", "")) or re.search(r"\br=0;\s*t=(\d+)", headers.get("RateLimit", ""))
    return int(found[1]) if found else None


def said(error: BaseException) -> str:
    """What went wrong, in a word. The text of an error may hold addresses, and these may hold secrets."""
    code, cause = status(error), error.__cause__ or getattr(error, "reason", None)
    return f"HTTP {code}" if code is not None else type(cause if isinstance(cause, Exception) else error).__name__
