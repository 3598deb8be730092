"""Files of a GitHub repository at one commit, kept in a cache folder of our own.

`TAXONOMY_BRIDGE_GITHUB` names a mirror of raw.githubusercontent.com, `TAXONOMY_BRIDGE_HOME` the cache folder. GitHub holds no file above 100 MB, so a body is
gathered in memory and written when it is whole: no half file ever lies in the cache.
"""

from __future__ import annotations

import http.client
import logging
import os
import re
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

from taxonomy_bridge import paths, storage
from taxonomy_bridge.errors import AccessError
from taxonomy_bridge.safetext import shown

ENDPOINT = "https://raw.githubusercontent.com"
# "About large files on GitHub": a push with a larger file is refused.
LARGEST = 100 << 20
TIMEOUT = 30


@dataclass
class Body:
    """What has arrived of a file, and the version (ETag) that it belongs to."""

    data: bytearray = field(default_factory=bytearray)
    version: str = ""


def endpoint() -> str:
    """Where raw files are asked for."""
    return (os.environ.get("TAXONOMY_BRIDGE_GITHUB") or ENDPOINT).rstrip("/")


def place(repository: str, revision: str, native: str) -> Path:
    """Where a file lies in the cache, or will."""
    return paths.cache("github") / repository / revision / native


def download(repository: str, revision: str, native: str, body: Body) -> Path:
    """One attempt: ask for what is missing of `body`; the place of the file once it is whole.

    Raises `OSError` or `HTTPException` if the connection fails, with what has arrived kept in `body`; `AccessError` if something else than a file answers.
    """
    if not endpoint().startswith(("https://", "http://")):
        raise AccessError("TAXONOMY_BRIDGE_GITHUB is not an address. It begins with https://, or leave it unset.")
    extend(body, f"{endpoint()}/{repository}/{revision}/{quote(native)}")
    if body.data.startswith(b"version https://git-lfs"):
        raise AccessError("a Git LFS pointer lies there, not the data. Clone the repository with Git LFS and give `path:`.")
    target = place(repository, revision, native)
    storage.write_bytes(target, bytes(body.data))
    storage.sweep(target.parent)
    return target


def extend(body: Body, address: str) -> None:
    """Ask for what is missing of a body, and append it. A server that has another version by now, or knows no ranges, makes it start anew."""
    headers = {"Range": f"bytes={len(body.data)}-", "If-Range": body.version} if body.data and body.version.startswith('"') else {}
    logging.getLogger(__name__).info("downloading %s", shown(address))
    try:
        with urllib.request.urlopen(urllib.request.Request(address, headers=headers), timeout=TIMEOUT) as answer:
            whole = _expected(body, answer)
            body.version = answer.headers.get("ETag", "")
            while piece := answer.read(1 << 16):
                body.data += piece
                if len(body.data) > LARGEST:
                    raise AccessError("more than 100 MB came, which no file on GitHub has. Look at what answers there.")
    except urllib.error.HTTPError as error:
        if error.code == 416:
            body.data.clear()
        raise
    if whole is not None and len(body.data) != whole:
        raise ConnectionError(f"cut off after {len(body.data)} of {whole} bytes")


def _expected(body: Body, answer: http.client.HTTPResponse) -> int | None:
    """How long the whole body will be; None if it says itself where it ends. What does not go on where the body stops empties it."""
    if answer.headers.get_content_type() == "text/html":
        raise AccessError("a web page came instead of the file. Is a login page or a proxy in between? Check the network and TAXONOMY_BRIDGE_GITHUB.")
    if answer.status == 206:
        part = re.fullmatch(r"bytes (\d+)-\d+/(\d+)", answer.headers.get("Content-Range", ""))
        if part is None or int(part[1]) != len(body.data):
            body.data.clear()
            raise ConnectionError("another part came than was asked for")
        return int(part[2])
    body.data.clear()
    announced = answer.headers.get("Content-Length")
    if announced is None and not answer.chunked:
        raise AccessError("the server does not say how long the file is, so a cut would go unnoticed. Use another mirror, or give `path:`.")
    return None if announced is None else int(announced)
