"""The table of mappings: what is written is read back, and what cannot be read is told with its line."""

from __future__ import annotations

import csv
import io
import random
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taxonomy_bridge import sssom
from taxonomy_bridge.errors import MappingError
from taxonomy_bridge.sssom import NO_TERM, REQUIRED, Row, Table, format_table, make_table, parse, read

LINE = "park:rubbish\tskos:exactMatch\tconcept:litter\tsemapv:ManualMappingCuration"
TITLES = "\t".join(("subject_id", "predicate_id", "object_id", "mapping_justification"))


def row(line=0, **values):
    """A row with everything that is required."""
    given_values = dict(zip(REQUIRED, ("park:rubbish", "skos:exactMatch", "concept:litter", "semapv:ManualMappingCuration"), strict=True))
    return Row({**given_values, **values}, line)


def values(table):
    return [dict(item.values) for item in table.rows]


# Everything that UTF-8 can hold; csv of Python 3.10 refuses NUL.
HOSTILE = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=12)
NASTY = st.sampled_from(
    ['"', '""', '"quoted"', 'half "quoted', "a, b;c", "#", "# no comment", "=1+1",
     "@x", "-", "'", "\\", "\\t", " ", "é", "中文", "🌍", "a\tb", "a\nb", "a\r\nb", "\r",
     "a\x0bb", "a\x0cb", "a\x1cb", "a\x85b", "a\u2028b", "a\u2029b", "\ufeff", "\u202e", "Not", "null", "1", "1e5", "true"]
)  # fmt: skip
CELL = HOSTILE | NASTY
ROW = st.fixed_dictionaries(dict.fromkeys(REQUIRED, CELL), optional=dict.fromkeys(("comment", "predicate_modifier", "a_column", "Z column", 'odd "one"'), CELL))
SCALAR = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=12) | NASTY
HEADER = st.dictionaries(
    st.from_regex(r"[a-z_]{1,8}", fullmatch=True),
    SCALAR | st.booleans() | st.none() | st.integers() | st.lists(st.sampled_from(["one", "1", "a: b", "#"]), max_size=3)
    | st.dictionaries(st.from_regex(r"[a-z][a-z0-9.-]{0,6}", fullmatch=True), SCALAR, max_size=3),
    max_size=4,
)  # fmt: skip


@given(st.lists(ROW, max_size=6))
def test_rows_survive_writing_and_reading_whatever_stands_in_their_cells(rows):
    again = parse(format_table(Table("t", {}, tuple(Row(item) for item in rows))))
    assert sorted(sorted(item.items()) for item in values(again)) == sorted(sorted(item.items()) for item in rows)
    assert again.header == {}


@given(HEADER)
def test_headers_survive_writing_and_reading(header):
    again = parse(format_table(Table("t", header, (row(),))), "t")
    assert again.header == header
    assert values(again) == values(Table("t", {}, (row(),)))


@given(st.lists(ROW, max_size=6), HEADER)
def test_the_canonical_text_is_written_again_as_it_is(rows, header):
    text = format_table(Table("t", header, tuple(Row(item) for item in rows)))
    assert format_table(parse(text)) == text


@given(st.lists(ROW, max_size=6), st.randoms(use_true_random=False))
def test_the_order_of_rows_and_columns_does_not_reach_the_canonical_text(rows, chance):
    mixed = [dict(chance.sample(sorted(item.items()), len(item))) for item in chance.sample(rows, len(rows))]
    assert format_table(Table("t", {}, tuple(Row(item) for item in mixed))) == format_table(Table("t", {}, tuple(Row(item) for item in rows)))


@given(st.lists(ROW, min_size=1, max_size=6))
def test_other_readers_of_tab_separated_text_see_the_same_cells(rows):
    lines = list(csv.reader(io.StringIO(format_table(Table("t", {}, tuple(Row(item) for item in rows))), newline=""), delimiter="\t"))
    told = [{column: cell for column, cell in zip(lines[0], line, strict=True) if cell} for line in lines[1:]]
    assert sorted(sorted(item.items()) for item in told) == sorted(sorted(item.items()) for item in rows)


def test_the_canonical_text_has_sorted_rows_and_columns_in_the_order_of_the_standard():
    rows = [
        row(subject_id="park:scrawl", zebra="z", comment="c", antelope="a"),
        row(object_id="concept:noise", predicate_modifier="Not"),
        row(subject_label="Rubbish"),
    ]
    text = format_table(make_table("park", rows, {"park": "urn:park:"}, license="https://example.org/terms", title="Parks, all of them"))
    assert text == (
        "# curie_map:\n"
        '#   park: "urn:park:"\n'
        "#   semapv: https://w3id.org/semapv/vocab/\n"
        "#   skos: http://www.w3.org/2004/02/skos/core#\n"
        "# license: https://example.org/terms\n"
        '# title: "Parks, all of them"\n'
        "subject_id\tsubject_label\tpredicate_id\tpredicate_modifier\tobject_id\tmapping_justification\tcomment\tantelope\tzebra\n"
        "park:rubbish\tRubbish\tskos:exactMatch\t\tconcept:litter\tsemapv:ManualMappingCuration\t\t\t\n"
        "park:rubbish\t\tskos:exactMatch\tNot\tconcept:noise\tsemapv:ManualMappingCuration\t\t\t\n"
        "park:scrawl\t\tskos:exactMatch\t\tconcept:litter\tsemapv:ManualMappingCuration\tc\ta\tz\n"
    )
    assert parse(text).prefixes["park"] == "urn:park:"


def test_rows_know_their_line():
    text = f'# license: x\n# other: y\n{TITLES}\tcomment\n{LINE}\tfirst\n\n{LINE}\t"over\ntwo lines"\n{LINE}\tlast\n'
    for ending in ("\n", "\r\n"):
        table = parse(text.replace("\n", ending))
        assert [(item.line, item.get("comment")) for item in table.rows] == [(4, "first"), (6, f"over{ending}two lines"), (8, "last")]
        assert table.header == {"license": "x", "other": "y"}
    assert parse(f"{TITLES}\n{LINE}").rows[0].line == 2


def test_a_row_says_what_it_is_about():
    refuted = row(predicate_modifier="Not")
    assert (refuted.subject, refuted.predicate, refuted.object) == ("park:rubbish", "skos:exactMatch", "concept:litter")
    assert refuted.negated and not row().negated and refuted.key != row().key
    assert refuted.get("comment") == ""


@pytest.mark.parametrize("indent", ["#  ", "#   ", "#    "])
def test_the_indentation_of_header_lines_may_follow_any_habit(indent):
    mark = "#" if indent == "#  " else "# "
    table = parse(f"{mark}curie_map:\n{indent}park: urn:park\n{indent}skos: urn:skos\n{mark}license: x\n{TITLES}\n{LINE}\n")
    assert table.prefixes == {"park": "urn:park", "skos": "urn:skos"} and table.header["license"] == "x"


# Each file with what is told of it; FILE stands for its path.
BAD = {
    "nothing": ("", [f"FILE:1: the columns {', '.join(REQUIRED)} are missing"]),
    "only a header": ("# license: x\n", ["FILE:2: the columns subject_id"]),
    "a column is missing": (
        f"# license: x\n{TITLES.replace('object_id', 'objects')}\n{LINE}\n",
        ["FILE:2: the columns object_id are missing. SSSOM requires: subject_id"],
    ),
    "a column stands twice": (f"{TITLES}\tcomment\tcomment\n{LINE}\ta\tb\n", ["FILE:1: the columns comment stand there twice. Keep one of each."]),
    "too few cells": (f"{TITLES}\n{LINE}\npark:rubbish\tskos:exactMatch\n", ["FILE:3: 2 cells, the header has 4 columns. Separate cells with tabs."]),
    "too many cells": (f"# a: b\n{TITLES}\n{LINE}\tmore\n", ["FILE:3: 5 cells, the header has 4 columns."]),
    "an empty cell": (f"{TITLES}\n{LINE.replace('concept:litter', '')}\n", ["FILE:2: object_id is empty. Fill it in, or remove the row."]),
    "two empty cells": (f"{TITLES}\n\tskos:exactMatch\tconcept:litter\t\n", ["FILE:2: subject_id, mapping_justification is empty."]),
    "several at once": (f"{TITLES}\nx\n{LINE}\n{LINE}\ty\n\tp\to\tj\n", ["FILE:2: 1 cells", "FILE:4: 5 cells", "FILE:5: subject_id is empty"]),
    "a quote that never ends": (f'{TITLES}\n{LINE}\n"{LINE}\n{LINE}\n', ["FILE:3: not a table: unexpected end of data. A cell that holds a tab"]),
    "text behind a quote": (f'{TITLES}\nx\n"park":rubbish\tp\to\tj\n', ["FILE:2: 1 cells", "FILE:3: not a table:"]),
    "a header that is no YAML": (f"# license: x\n# title: [one\n{TITLES}\n{LINE}\n", ["FILE:"]),
    "a key twice": (
        f"# a: b\n# c: d\n# a: e\n{TITLES}\n{LINE}\n",
        ["FILE:3: the key 'a' stands here and in line 1. Keep one. The lines before the table are YAML behind `# `."],
    ),
    "a header with an alias": (f"# a: b\n# c: *d\n{TITLES}\n{LINE}\n", ["FILE:2:4: anchors and aliases are not allowed."]),
    "a header that is a list": (f"# - a\n{TITLES}\n{LINE}\n", ["FILE:1: the header is no mapping of keys. Each of its lines reads `# key: value`."]),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_file_is_told_with_its_lines(case, tmp_path):
    text, expected = BAD[case]
    path = tmp_path / "park.sssom.tsv"
    path.write_text(text, encoding="utf-8", newline="")
    with pytest.raises(MappingError) as caught:
        read(path)
    problems = caught.value.problems
    assert len(problems) == len(expected)
    for problem, start in zip(problems, expected, strict=True):
        assert problem.startswith(start.replace("FILE", str(path)))
        assert re.match(re.escape(str(path)) + r":[0-9]+(:[0-9]+)?: ", problem)


def test_a_file_that_is_not_utf8_is_told_with_the_byte(tmp_path):
    path = tmp_path / "park.sssom.tsv"
    path.write_bytes(f"{TITLES}\n".encode() + b"\xff")
    with pytest.raises(MappingError, match=f"^{re.escape(str(path))}: not UTF-8 at byte {len(TITLES) + 1}. Save it as UTF-8.$"):
        read(path)


def test_a_file_that_is_not_there_or_too_large_is_told(tmp_path, monkeypatch):
    with pytest.raises(MappingError, match="cannot be read: No such file"):
        read(tmp_path / "none.sssom.tsv")
    monkeypatch.setattr(sssom, "MAX_BYTES", 10)
    (tmp_path / "park.sssom.tsv").write_text(f"{TITLES}\n{LINE}\n")
    with pytest.raises(MappingError, match="larger than 10 bytes"):
        read(tmp_path / "park.sssom.tsv")


def test_a_byte_order_mark_is_no_part_of_the_table(tmp_path):
    path = tmp_path / "park.sssom.tsv"
    for text in (f"# license: x\n{TITLES}\n{LINE}\n", f"{TITLES}\n{LINE}\n"):
        path.write_bytes(b"\xef\xbb\xbf" + text.encode())
        assert values(read(path)) == values(parse(text)) and read(path).header == parse(text).header


def test_any_text_is_read_or_refused_with_a_line(tmp_path):
    chance = random.Random("any text")
    pieces = ["\t", "\n", '"', "#", "# a: b\n", TITLES, LINE, "x", ":", "\r", "\u2028", "- ", "[", " "]
    refused = 0
    for _ in range(2000):
        text = "".join(chance.choices(pieces, k=chance.randrange(1, 12)))
        try:
            parse(text, "t")
        except MappingError as error:
            refused += 1
            assert all(re.match(r"t:[0-9]+(:[0-9]+)?: ", problem) for problem in error.problems), error.problems
    assert 0 < refused < 2000


# --- tables by others ----------------------------------------------------------------------------------------------------------------


@pytest.fixture
def foreign(shared):
    files = sorted((shared / "gold").glob("*.sssom.tsv"))
    if not files:
        pytest.skip("the folder with crosswalks by others is not there")
    return files


def cells_by_hand(path):
    """Title line and rows, cut at tabs: these files quote no cell."""
    lines = [line for line in path.read_text(encoding="utf-8").split("\n") if line and not line.startswith("#")]
    assert not any('"' in line for line in lines)
    columns, *rows = (line.split("\t") for line in lines)
    return [{column: cell for column, cell in zip(columns, cells, strict=True) if cell} for cells in rows]


def test_tables_by_others_are_read_without_loss(foreign):
    for path in foreign:
        table, expected = read(path), cells_by_hand(path)
        assert values(table) == expected
        lines = path.read_text(encoding="utf-8").split("\n")
        assert all(lines[item.line - 1].startswith(item.subject + "\t") for item in table.rows)
        used = {cell.partition(":")[0] for item in table.rows for cell in (item.subject, item.object, item.predicate) if cell != NO_TERM}
        assert used <= set(table.prefixes)
        again = parse(format_table(table))
        assert again.header == table.header
        assert sorted(sorted(item.items()) for item in values(again)) == sorted(sorted(item.items()) for item in expected)


def test_what_others_refute_or_do_not_find_stays_what_it_is(foreign):
    rows = {path.name: read(path).rows for path in foreign}
    refuted = {name: sum(item.negated for item in found) for name, found in rows.items()}
    absent = {name: sum(item.object == NO_TERM for item in found) for name, found in rows.items()}
    assert {name: count for name, count in refuted.items() if count} == {"ibm-risk-atlas__owasp-llm-2025.sssom.tsv": 26}
    assert {name: count for name, count in absent.items() if count} == {
        "ibm-risk-atlas__owasp-llm-2025.sssom.tsv": 15,
        "beavertails__sentinel-slm.sssom.tsv": 4,
    }
    assert sum(len(found) for found in rows.values()) == 418
