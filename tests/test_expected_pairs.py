"""Relations that were written down from the definitions before any mapping existed: 120 by experts, 138 new ones.

`data_pairs/*.tsv` name categories as `<taxonomy>@<name>` or `<taxonomy>@code:<code>`. A pair that comes out otherwise stands in
`data_pairs/exceptions.tsv` with the relation that is computed and the argument; one that no longer differs must leave that list.
"""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from taxonomy_bridge.graph import load_graph

HERE = Path(__file__).parent / "data_pairs"


def read(name):
    with (HERE / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t"))


PAIRS = [(name, row["first"], row["relation"], row["second"]) for name in ("expert_pairs.tsv", "new_pairs.tsv") for row in read(name)]
EXCEPTIONS = {(row["first"], row["second"]): row for row in read("exceptions.tsv")}


def resolve(reference):
    taxonomy, name = reference.split("@", 1)
    graph = load_graph()
    if name.startswith("code:"):
        found = [category.slug for category in graph.taxonomies[taxonomy].categories if category.code == name.removeprefix("code:")]
    else:
        # Names were taken from earlier versions of the files, so case and the strings of the data count too.
        same = name.casefold()
        categories = graph.taxonomies[taxonomy].categories
        found = [category.slug for category in categories if category.name.casefold() == same] or [
            category.slug for category in categories if same in {native.casefold().replace("_", " ") for native in category.native}
        ]
    assert len(found) == 1, f"{reference} names {len(found)} categories"
    return f"{taxonomy}:{found[0]}"


@pytest.mark.parametrize(("source", "first", "expected", "second"), PAIRS)
def test_the_relation_is_as_expected_or_the_exception_is_argued(source, first, expected, second):
    computed = load_graph().relation(resolve(first), resolve(second)).value
    exception = EXCEPTIONS.get((first, second))
    if exception is None:
        assert computed == expected
    else:
        assert computed == exception["computed"] != expected, "no longer an exception as written: correct or remove it"
        assert len(exception["argument"]) > 20


def test_there_are_120_expert_pairs_and_at_least_60_new_ones_and_few_exceptions():
    counts = {name: sum(pair[0] == name for pair in PAIRS) for name in ("expert_pairs.tsv", "new_pairs.tsv")}
    assert counts["expert_pairs.tsv"] == 120 and counts["new_pairs.tsv"] >= 60
    assert EXCEPTIONS.keys() <= {(first, second) for _, first, _, second in PAIRS}
    assert len(EXCEPTIONS) <= len(PAIRS) * 0.1
