"""A list and a table of the user's own, and what an adapter over them gives."""

from __future__ import annotations

import json
from itertools import chain
from pathlib import Path

import pytest

from taxonomy_bridge.errors import SourceError
from taxonomy_bridge.sources import _base
from taxonomy_bridge.sources._adapter import read_adapter

LIST = """
id: {id}
title: Rules of a park
version: "1"
year: 2026
publisher: Invented
labels: {{multi_label: true, exhaustive: true, basis: A warden ticked every rule that is broken.}}
categories:
  - {{slug: noise, name: Noise, native: [noise, N]}}
  - {{slug: litter, name: Litter, native: [litter, L]}}
  - {{slug: adverts, name: Adverts, native: [advert]}}
"""
CSV = "post,state,rules\nFine weather,ok,\nDrums at night,bad,noise\nCans and leaflets,bad,litter;advert\nSold out,unread,\n"
GOOD = """
taxonomy: {id}.yaml
files: posts.csv
prompt: post
verdict: {{column: state, values: {{ok: safe, bad: unsafe, unread: skip}}}}
labels: {{column: rules, separator: ";"}}
"""
JSONL = "taxonomy: {id}.yaml\nfiles: rows.jsonl\nprompt: text\n"


def rows_of(path: Path, split: str = "train", config: str | None = None):
    source = read_adapter(path)
    found = [decoded for file in _base.local_files(source, config, split, path.parent) for decoded in _base.decode_file(source, file)]
    bad = {row.row: row.reason for decoded in found for row in decoded.bad}
    return list(chain.from_iterable(decoded.judgements.to_pylist() for decoded in found)), bad


def said(rows):
    return [(row["verdict"], row["violated"], row["unjudged"]) for row in rows]


def problems(path: Path) -> str:
    with pytest.raises(SourceError) as caught:
        read_adapter(path)
    assert all(problem.startswith(str(path.parent)) for problem in caught.value.problems)
    return str(caught.value)


def lines(*rows: object) -> dict[str, str | bytes]:
    return {"rows.jsonl": "\n".join(json.dumps(row) for row in rows)}
