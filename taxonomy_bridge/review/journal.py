"""The journal of decisions: one line of JSON each, on the disk before the person is told that it is saved.

It lies beside the mapping that it leads to, is only ever appended to, and is the lock between processes: it knows what was undone, set aside
and judged to fit nothing, which a mapping file cannot say. A line that a kill left half-written was never acknowledged; it is cut off.
"""

from __future__ import annotations

import errno
import os
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from taxonomy_bridge import storage
from taxonomy_bridge.errors import BuildError, MappingError

# Seconds to wait for another process. It holds the lock for some milliseconds.
PATIENCE = 10.0


class Change(BaseModel):
    """One pair before and after; None where no row stands."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    before: dict[str, str] | None
    after: dict[str, str] | None

    @property
    def key(self) -> tuple[str, str]:
        row = self.after or self.before or {}
        return row["subject_id"], row["object_id"]

    @property
    def reverse(self) -> Change:
        return Change(before=self.after, after=self.before)


class Entry(BaseModel):
    """One decision. `marks`: slug to the mark that it sets, empty for none; `base`, `result`: sha256 of the mapping file before and after it."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    number: int
    id: str
    at: str
    author: str
    action: str
    category: str
    concept: str = ""
    changes: tuple[Change, ...] = ()
    marks: dict[str, str] = {}
    undoes: int | None = None
    note: str = ""
    base: str
    result: str


class Journal:
    """The file and its entries, in order. Two processes without a working lock cannot both have one number: the first line with it counts."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.entries: list[Entry] = []
        self._handle: int | None = None
        self._sum: _Sum | None = None
        self._seen, self._file = 0, (0, 0)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Alone with the file, as far as the file system can promise it, and with what others wrote to it."""
        try:
            storage.make_folder(self.path.parent)
            self._handle = _alone(self.path)
        except OSError as error:
            raise storage.disk_error(error, self.path) from error
        try:
            self.refresh()
            yield
        finally:
            os.close(self._handle)
            self._handle = None

    def refresh(self) -> None:
        """Read what others appended. Raises `MappingError` for a line that is no decision."""
        try:
            with self.path.open("rb") as file:
                stat = os.fstat(file.fileno())
                if (stat.st_dev, stat.st_ino) != self._file or stat.st_size < self._seen:
                    self.entries, self._sum, self._seen, self._file = [], None, 0, (stat.st_dev, stat.st_ino)
                file.seek(self._seen)
                lines = file.read().splitlines(keepends=True)
        except FileNotFoundError:
            self.entries, self._sum, self._seen, self._file = [], None, 0, (0, 0)
            return
        for place, line in enumerate(lines):
            last = place == len(lines) - 1
            if last and not line.endswith(b"\n"):
                break
            self._take(line, last)
            self._seen += len(line)

    def _take(self, line: bytes, last: bool) -> None:
        try:
            entry = Entry.model_validate_json(line)
        except ValidationError as error:
            if last and not line.strip(b"\x00\n"):
                return
            where = f"{self.path}: the line after decision {len(self.entries)} is damaged"
            raise MappingError([f"{where}. Move this file away to go on without undo: the mapping beside it is whole."]) from error
        if entry.number == len(self.entries) + 1:
            self.entries.append(entry)

    def append(self, entry: Entry) -> bool:
        """Make an entry durable; whether it counts, which it does not if another process took its number. Only inside `locked`."""
        assert self._handle is not None
        try:
            tail = self._tail()
            if b"\n" in tail:
                return False
            if tail:
                os.ftruncate(self._handle, self._seen)
            data = entry.model_dump_json().encode() + b"\n"
            if os.write(self._handle, data) != len(data):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            os.fsync(self._handle)
            if not self._seen:
                storage.sync_folder(self.path.parent)
        except OSError as error:
            self._give_up()
            raise storage.disk_error(error, self.path) from error
        self.refresh()
        return any(known.id == entry.id for known in self.entries[entry.number - 1 :])

    def _tail(self) -> bytes:
        """What stands behind the last whole line: of a killed process, or of one that does not know locks."""
        with self.path.open("rb") as file:
            file.seek(self._seen)
            return file.read()

    def _give_up(self) -> None:
        assert self._handle is not None
        try:
            os.ftruncate(self._handle, self._seen)
        except OSError:
            # The half line is cut off by whoever writes next.
            return

    def by_id(self, identity: str) -> Entry | None:
        """The entry of a request that was sent before."""
        return next((entry for entry in reversed(self.entries) if entry.id == identity), None)

    @property
    def standing(self) -> list[Entry]:
        """Decisions that were not undone, oldest first."""
        return self._known().standing

    @property
    def marks(self) -> dict[str, str]:
        """The mark of each category that has one."""
        return self._known().marks

    @property
    def touched(self) -> set[tuple[str, str]]:
        """Pairs that a standing decision is about."""
        return self._known().touched

    def _known(self) -> _Sum:
        if self._sum is None or self._sum.count != len(self.entries):
            self._sum = _Sum.of(self.entries)
        return self._sum


@dataclass(frozen=True)
class _Sum:
    """What `count` entries amount to."""

    count: int
    standing: list[Entry]
    marks: dict[str, str]
    touched: set[tuple[str, str]]

    @classmethod
    def of(cls, entries: Sequence[Entry]) -> _Sum:
        undone = {entry.undoes for entry in entries}
        standing = [entry for entry in entries if entry.undoes is None and entry.number not in undone]
        marks: dict[str, str] = {}
        for entry in standing:
            marks |= entry.marks
        return cls(len(entries), standing, {slug: mark for slug, mark in marks.items() if mark}, {change.key for entry in standing for change in entry.changes})


def _alone(path: Path) -> int:
    end = time.monotonic() + PATIENCE
    while True:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o666)
        if _lock(handle) and _is(handle, path):
            return handle
        os.close(handle)
        if time.monotonic() > end:
            raise BuildError(f"{path}: another process has held the lock for {PATIENCE:.0f} seconds. Stop it, or look whether it hangs.")
        time.sleep(0.005)


def _is(handle: int, path: Path) -> bool:
    mine: Any = os.fstat(handle)
    return path.exists() and os.path.samestat(mine, path.stat())


def _lock(handle: int) -> bool:
    """Whether this process may write. A file system without locks says yes to everybody; the number of each entry is then the guard."""
    if sys.platform == "win32":
        return True
    import fcntl

    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        return error.errno not in (errno.EWOULDBLOCK, errno.EACCES)
    return True
