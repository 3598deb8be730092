"""Decoding in tests: where the rows lie, and the judgements of a source as plain rows."""

from __future__ import annotations

from collections import Counter
from itertools import chain
from pathlib import Path
from typing import Any

from taxonomy_bridge import registry, schema
from taxonomy_bridge.labels import Pattern, cleared
from taxonomy_bridge.sources import _base
from taxonomy_bridge.taxonomy import load_taxonomy

FIXTURES = Path(__file__).parent / "fixtures" / "sources"
REAL = Path(__file__).parents[2] / "shared" / "data"
SYNTHETIC = REAL.parent / "data_synthetic"


def decode_all(
    source: _base.Source, path: Path, config: str | None = None, split: str | None = None, batch_rows: int = 8192
) -> list[tuple[_base.NativeFile, _base.Decoded]]:
    """Every batch of a config and split, or of all of them."""
    places = [(config, split)] if split else [(one, part) for one, splits in source.files.items() if config in (None, one) for part in splits]
    return [
        (file, decoded)
        for one, part in places
        for file in _base.local_files(source, one, str(part), path)
        for decoded in _base.decode_file(source, file, batch_rows)
    ]


def rows_of(name: str, config: str | None = None, split: str | None = None, path: Path | None = None) -> list[dict[str, Any]]:
    found = decode_all(registry.load("sources", name), path or FIXTURES / name, config, split)
    return list(chain.from_iterable(decoded.judgements.to_pylist() for _, decoded in found))


def pattern(row: dict[str, Any]) -> Pattern:
    return Pattern(row["taxonomy"], row["verdict"], tuple(sorted(row["violated"])), tuple(sorted(row["unjudged"])), row["exhaustive"])


def cleared_by(row: dict[str, Any]) -> frozenset[str]:
    return cleared(pattern(row), load_taxonomy(row["taxonomy"]))


def check_complete(
    name: str, config: str | None, split: str, path: Path, native_rows: int, verdicts: dict[tuple[str, str | None], int] | None = None, without: int = 0
) -> list[dict[str, Any]]:
    """Every record of a file is decoded, apart from `without` that nobody judged; `verdicts` are the counts of (judged, verdict). Gives the judgements."""
    source = registry.load("sources", name)
    found = [decoded for _, decoded in decode_all(source, path, config, split)]
    assert [bad for decoded in found for bad in decoded.bad] == []
    assert sum(decoded.rows_in for decoded in found) == native_rows
    assert sum(decoded.without_judgement for decoded in found) == without
    assert sum(decoded.decoded for decoded in found) == native_rows - without
    slugs = {slug for taxonomy in source.taxonomies for slug in load_taxonomy(taxonomy).by_slug}
    for decoded in found:
        schema.validate(decoded.judgements, slugs)
    rows = list(chain.from_iterable(decoded.judgements.to_pylist() for decoded in found))
    if verdicts is not None:
        assert Counter((row["judged"], row["verdict"]) for row in rows) == verdicts
    return rows
