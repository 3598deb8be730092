"""The mapping that decisions are written to: always whole, always valid, and read again when somebody else changed it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from taxonomy_bridge import storage
from taxonomy_bridge.errors import MappingError
from taxonomy_bridge.mapping import blank, canonical, read_mapping
from taxonomy_bridge.review.journal import Change
from taxonomy_bridge.sssom import Row
from taxonomy_bridge.taxonomy import Taxonomy
from taxonomy_bridge.vocabulary import Vocabulary

Rows = dict[tuple[str, str], dict[str, str]]


class Store:
    """Rows by (subject, object). A file that is not there has none; `sha256` is then empty."""

    def __init__(self, path: Path, taxonomy: Taxonomy, vocabulary: Vocabulary) -> None:
        self.path, self.taxonomy, self.vocabulary = path, taxonomy, vocabulary
        self.rows: Rows = {}
        self.sha256 = ""
        self._stat: tuple[int, ...] = ()

    def refresh(self) -> None:
        """Read the file if it changed. Raises `MappingError` with its problems."""
        stat = self._signature()
        if stat == self._stat:
            return
        rows = read_mapping(self.path, self.taxonomy, self.vocabulary).rows if stat else ()
        self.rows = {(row.subject, row.object): self._labelled(dict(row.values)) for row in rows}
        self.sha256 = storage.file_sha256(self.path) if stat else ""
        self._stat = stat

    def _signature(self) -> tuple[int, ...]:
        try:
            stat = self.path.stat()
        except FileNotFoundError:
            return ()
        return stat.st_dev, stat.st_ino, stat.st_mtime_ns, stat.st_size

    def _labelled(self, row: dict[str, str]) -> dict[str, str]:
        slug, concept = row["subject_id"].partition(":")[2], row["object_id"].partition(":")[2]
        return {**row, "subject_label": self.taxonomy[slug].name, "object_label": self.vocabulary.name(concept)}

    def changed(self, changes: Iterable[Change]) -> Rows:
        """The rows after some changes."""
        rows = dict(self.rows)
        for change in changes:
            if change.after is None:
                rows.pop(change.key, None)
            else:
                rows[change.key] = change.after
        return rows

    def write(self, rows: Rows, first: Callable[[str], None]) -> None:
        """Replace the file atomically and durably. `first` gets the new sha256 once the content is found valid, before the file gets its name.

        Raises `MappingError` with what the format refuses, without names of files; then, and if `first` raises, the file stays as it is.
        """
        text = canonical(blank(self.taxonomy, (Row(row) for row in rows.values())), self.taxonomy, self.vocabulary)
        with storage.atomic(self.path) as out:
            out.write(text.encode())
            out.flush()
            self._check(Path(out.inner.name))
            first(out.sha256)
        self.rows, self.sha256, self._stat = rows, out.sha256, self._signature()

    def _check(self, draft: Path) -> None:
        try:
            read_mapping(draft, self.taxonomy, self.vocabulary)
        except MappingError as error:
            raise MappingError([problem.replace(f"{draft}:", "line ") for problem in error.problems]) from error
