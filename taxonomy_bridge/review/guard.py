"""The door of the review page: every request is judged here, before anything else sees it.

Only this machine's own name in Host, only known paths with their one method, only with the cookie that a link of the terminal was exchanged for;
changing requests are JSON from the page itself. A link works once: whoever reads it later from a list of processes or a history gets nothing.
"""

from __future__ import annotations

import asyncio
import hmac
import secrets
from collections.abc import Callable, Mapping
from http.cookies import CookieError, SimpleCookie
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

HOME = "/"
MOST_BYTES = 64 << 10
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}


class _Refusal(Exception):  # noqa: N818
    def __init__(self, status: int, text: str) -> None:
        self.status, self.text = status, text


class Guard:
    """ASGI middleware around the whole application. `routes`: path to its one method; `tell`: called with a new link when one was used."""

    def __init__(self, app: ASGIApp, port: int, routes: Mapping[str, str], tell: Callable[[str], None]) -> None:
        self.app, self.port, self.routes, self.tell = app, port, routes, tell
        self.hosts = frozenset({f"127.0.0.1:{port}", f"localhost:{port}"})
        self.cookie, self._session, self._token = f"review-{port}", secrets.token_urlsafe(32), secrets.token_urlsafe(32)

    @property
    def link(self) -> str:
        """The address that opens the page, once."""
        return f"http://127.0.0.1:{self.port}{HOME}?token={self._token}"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        if scope["type"] != "http":
            return
        try:
            headers = _headers(scope)
            self._judge(scope, headers)
            if self._exchange(scope):
                await self._let_in(send)
                return
            self._known(headers)
            body = await _body(headers, receive) if scope["method"] == "POST" else b""
        except _Refusal as refusal:
            await _drain(receive)
            await _answer(send, refusal.status, refusal.text)
            return
        await self.app(scope, _replay(body, receive), _guarded(send))

    def _judge(self, scope: Scope, headers: Mapping[str, str]) -> None:
        """Everything that needs no knowledge of the person."""
        host = headers.get("host", "")
        if host not in self.hosts:
            raise _Refusal(421, "This address is not served here.")
        if "upgrade" in headers:
            raise _Refusal(400, "There is no other protocol here.")
        path = scope["path"]
        if scope.get("raw_path", path.encode()) != path.encode() or path not in self.routes:
            raise _Refusal(404, "There is nothing here.")
        if scope["method"] != self.routes[path]:
            raise _Refusal(405, f"This address only takes {self.routes[path]}.")
        site = headers.get("sec-fetch-site", "same-origin")
        if path != HOME and site != "same-origin":
            raise _Refusal(403, "Only the review page itself may ask this.")
        if scope["method"] == "POST":
            if headers.get("origin") != f"http://{host}":
                raise _Refusal(403, "Only the review page itself may ask this.")
            if headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
                raise _Refusal(415, "Send JSON.")

    def _exchange(self, scope: Scope) -> bool:
        """Whether the request brings the link's token, which is spent with that."""
        given = parse_qs(scope["query_string"].decode("latin-1")).get("token", [""])[0] if scope["path"] == HOME else ""
        if not given or not _same(given, self._token):
            return False
        self._token = secrets.token_urlsafe(32)
        return True

    def _known(self, headers: Mapping[str, str]) -> None:
        jar: SimpleCookie = SimpleCookie()
        try:
            jar.load(headers.get("cookie", ""))
        except CookieError:
            jar.clear()
        if self.cookie not in jar or not _same(jar[self.cookie].value, self._session):
            raise _Refusal(403, "Open this page by the link that the terminal shows. A link works once; the terminal shows a new one after each use.")

    async def _let_in(self, send: Send) -> None:
        self.tell(self.link)
        cookie = f"{self.cookie}={self._session}; Path=/; HttpOnly; SameSite=Strict"
        await _answer(send, 303, "", {"location": HOME, "set-cookie": cookie})


def _same(given: str, kept: str) -> bool:
    return hmac.compare_digest(given.encode("utf-8", "replace"), kept.encode())


def _headers(scope: Scope) -> dict[str, str]:
    """Headers by lower-case name. One that decides something and stands there twice is refused."""
    found: dict[str, str] = {}
    for raw, value in scope["headers"]:
        name = raw.decode("latin-1").lower()
        if name in found and name in ("host", "origin", "content-type", "content-length", "sec-fetch-site"):
            raise _Refusal(400, f"The header {name} stands there twice.")
        found[name] = f"{found[name]}; {value.decode('latin-1')}" if name in found else value.decode("latin-1")
    return found


async def _body(headers: Mapping[str, str], receive: Receive) -> bytes:
    length = headers.get("content-length", "0")
    if not length.isascii() or not length.isdecimal() or int(length) > MOST_BYTES:
        raise _Refusal(413, f"More than {MOST_BYTES} bytes.")
    body = b""
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise _Refusal(400, "The request ended early.")
        body += bytes(message.get("body", b""))
        if len(body) > MOST_BYTES:
            raise _Refusal(413, f"More than {MOST_BYTES} bytes.")
        if not message.get("more_body"):
            return body


async def _drain(receive: Receive) -> None:
    """Take in what is on its way: a connection that is closed with data unread is reset, and its answer may be lost."""
    read = 0
    while read <= MOST_BYTES:
        try:
            message = await asyncio.wait_for(receive(), 1)
        except asyncio.TimeoutError:
            return
        read += len(message.get("body", b""))
        if message["type"] == "http.disconnect" or not message.get("more_body"):
            return


def _replay(body: bytes, receive: Receive) -> Receive:
    sent = False

    async def again() -> Message:
        nonlocal sent
        if sent:
            return await receive()
        sent = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again


def _guarded(send: Send) -> Send:
    async def out(message: Any) -> None:
        if message["type"] == "http.response.start":
            mine = [(name.encode(), value.encode()) for name, value in HEADERS.items()]
            message = {**message, "headers": [*(pair for pair in message["headers"] if pair[0].decode().lower() not in HEADERS), *mine]}
        await send(message)

    return out


async def _answer(send: Send, status: int, text: str, more: Mapping[str, str] | None = None) -> None:
    body = text.encode()
    headers = {"content-type": "text/plain; charset=utf-8", "content-length": str(len(body)), "connection": "close", **(more or {})}
    await _guarded(send)({"type": "http.response.start", "status": status, "headers": [(name.encode(), value.encode()) for name, value in headers.items()]})
    await send({"type": "http.response.body", "body": body})
