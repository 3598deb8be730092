"""A hub and a GitHub on the loopback: real HTTP, with faults on request.

`Loopback` serves `{endpoint}/datasets/<id>/resolve/<commit>/<path>` as the hub does (ETag, commit, gates, renames, a second host for large files) and
`{endpoint}/<owner>/<name>/<commit>/<path>` as raw.githubusercontent.com does. `faults` holds what the next answers do instead; `log` holds every request.
"""

from __future__ import annotations

import hashlib
import re
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit

RESOLVE = re.compile(r"/datasets/([^/]+/[^/]+)/resolve/([0-9a-f]{40})/(.+)")
RAW = re.compile(r"/([^/]+/[^/]+)/([0-9a-f]{40})/(.+)")
NO_REPOSITORY = {"X-Error-Code": "RepoNotFound", "X-Error-Message": "Repository not found"}
INVALID = {"X-Error-Message": "Invalid credentials in Authorization header"}


@dataclass(frozen=True)
class Fault:
    """What one answer does wrong. `status` and `headers` replace the answer; `cut`: the body ends after so many bytes, by closing the connection or, with
    `reset`, by resetting it; `after`: called once those bytes are sent; `body` replaces the content, `commit` the commit that is named."""

    method: str = "GET"
    status: int | None = None
    headers: dict[str, str] = field(default_factory=dict)
    cut: int | None = None
    reset: bool = False
    after: Callable[[], Any] | None = None
    body: bytes | None = None
    commit: str | None = None


@dataclass(frozen=True)
class Request:
    """One request as it came in. `token`: what it was authorised with."""

    method: str
    path: str
    host: str
    range: str | None
    token: str | None


class Loopback:
    """A server with files, each known by (repository, commit, path). `gated`: repository -> tokens that may read it; `moved`: old id -> new id;
    `large`: the hub sends its readers to another host for the body; `ranges`: whether parts are served."""

    def __init__(self) -> None:
        self.files: dict[tuple[str, str, str], bytes] = {}
        self.gated: dict[str, set[str]] = {}
        self.moved: dict[str, str] = {}
        self.invalid: set[str] = set()
        self.faults: list[Fault] = []
        self.log: list[Request] = []
        self.large, self.ranges, self.port = False, True, 0
        self._lock = threading.Lock()
        self._server: ThreadingHTTPServer | None = None

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Listen, on the port of the last time if there was one."""
        handler = type("Handler", (_Handler,), {"loopback": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), handler)
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def stop(self) -> None:
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def restart(self) -> None:
        """Refuse connections for a moment, as a server does that is started anew."""
        self.stop()
        time.sleep(0.1)
        self.start()

    def requests(self, method: str = "GET") -> list[Request]:
        """The requests for files, in order."""
        return [request for request in self.log if request.method == method and not request.path.startswith("/api/")]

    def fault(self, method: str) -> Fault:
        """The next fault for a method, which is used up; none is an answer as it should be."""
        with self._lock:
            for place, fault in enumerate(self.faults):
                if fault.method == method:
                    return self.faults.pop(place)
        return Fault()


@contextmanager
def loopback() -> Iterator[Loopback]:
    server = Loopback()
    server.start()
    try:
        yield server
    finally:
        server.stop()


def git_name(content: bytes) -> str:
    """The ETag of a small file on the hub."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


class _Handler(BaseHTTPRequestHandler):
    loopback: Loopback
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: Any) -> None:
        """`Loopback.log` is the record."""

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def _answer(self) -> None:
        token = self.headers.get("Authorization", "").removeprefix("Bearer ") or None
        self.loopback.log.append(Request(self.command, self.path, self.headers["Host"], self.headers["Range"], token))
        path = unquote(urlsplit(self.path).path)
        if path.startswith("/api/"):
            return self._refuse(404, {})
        fault = self.loopback.fault(self.command)
        if fault.status is not None:
            return self._refuse(fault.status, fault.headers)
        if asked := RESOLVE.fullmatch(path):
            return self._resolve(asked[1], asked[2], asked[3], token, fault)
        if asked := RAW.fullmatch(path.removeprefix("/cdn")):
            return self._raw(self.loopback.files.get((asked[1], asked[2], asked[3])), fault)
        return self._refuse(404, {})

    def _resolve(self, repository: str, commit: str, path: str, token: str | None, fault: Fault) -> None:
        """One file as the hub serves it."""
        hub = self.loopback
        if repository in hub.moved:
            return self._refuse(307, {"Location": f"/datasets/{hub.moved[repository]}/resolve/{commit}/{path}"})
        if token in hub.invalid:
            return self._refuse(401, INVALID)
        if not any(repository == known for known, _, _ in hub.files):
            return self._refuse(404 if token else 401, NO_REPOSITORY)
        if repository in hub.gated and token not in hub.gated[repository]:
            return self._refuse(403 if token else 401, {"X-Error-Code": "GatedRepo", "X-Error-Message": f"Access to dataset {repository} is restricted."})
        if not any((repository, commit) == (known, there) for known, there, _ in hub.files):
            return self._refuse(404, {"X-Error-Code": "RevisionNotFound", "X-Error-Message": "Invalid rev id"})
        content = hub.files.get((repository, commit, path))
        named = {"X-Repo-Commit": fault.commit or commit}
        if content is None:
            return self._refuse(404, {"X-Error-Code": "EntryNotFound", "X-Error-Message": "Entry not found"} | named)
        if hub.large:
            digest = hashlib.sha256(content).hexdigest()
            named |= {"X-Linked-Etag": f'"{digest}"', "X-Linked-Size": str(len(content))}
            return self._refuse(302, named | {"Location": f"http://localhost:{hub.port}/cdn/{repository}/{commit}/{path}"})
        return self._send(content, fault, named | {"ETag": f'"{git_name(content)}"'})

    def _raw(self, content: bytes | None, fault: Fault) -> None:
        """One file as raw.githubusercontent.com, or the host for large files, serves it."""
        if content is None:
            return self._refuse(404, {})
        return self._send(content, fault, {"ETag": f'"{hashlib.sha256(b"raw" + content).hexdigest()}"'})

    def _refuse(self, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": "0", **headers}.items():
            self.send_header(name, value)
        self.end_headers()

    def _send(self, content: bytes, fault: Fault, headers: dict[str, str]) -> None:
        whole = content if fault.body is None else fault.body
        asked = re.fullmatch(r"bytes=(\d+)-", self.headers["Range"] or "")
        start = int(asked[1]) if asked and self.loopback.ranges and self.headers["If-Range"] in (None, headers["ETag"]) else 0
        if start:
            headers |= {"Content-Range": f"bytes {start}-{len(whole) - 1}/{len(whole)}"}
        self.send_response(206 if start else 200)
        for name, value in {
            "Content-Type": "text/plain",
            "Accept-Ranges": "bytes",
            "Content-Length": str(len(whole) - start),
            **headers,
            **fault.headers,
        }.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "HEAD":
            return
        body = whole[start:]
        if fault.cut is None:
            self.wfile.write(body)
            return
        self.wfile.write(body[: fault.cut])
        self.wfile.flush()
        if fault.after is not None:
            fault.after()
        self._hang_up(fault.reset)

    def _hang_up(self, reset: bool) -> None:
        """End the connection in mid-body; a reset loses what the reader has not read yet."""
        if reset:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()
        self.close_connection = True
