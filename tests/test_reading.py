"""Files from outside that are damaged, mislabelled or hostile: each ends in an `InputError` or in a counted bad row with the right number."""

from __future__ import annotations

import bz2
import functools
import gzip
import io
import json
import lzma
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from taxonomy_bridge.errors import InputError
from taxonomy_bridge.sources import _json, _read, _rows
from taxonomy_bridge.sources._read import Layout, read_rows

COLUMNS = pa.schema([pa.field("prompt", pa.string(), nullable=False), pa.field("n", pa.int64()), pa.field("flag", pa.bool_())])
GOOD = b'{"prompt":"a","n":1}\n'
NO_OBJECT = "not exactly one JSON object"


def zstd(data: bytes) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, "zstd") as stream:
        stream.write(data)
    packed: bytes = sink.getvalue().to_pybytes()
    return packed


PACK: dict[str, Callable[[bytes], bytes]] = {".gz": functools.partial(gzip.compress, mtime=0), ".xz": lzma.compress, ".bz2": bz2.compress, ".zst": zstd}


def read(tmp_path: Path, name: str, data: bytes, columns: pa.Schema = COLUMNS, header: bool = True) -> tuple[dict[int, str | None], dict[int, str]]:
    """(row number -> prompt, row number -> reason) of one file; every number occurs once."""
    path = tmp_path / name
    path.write_bytes(data)
    good: dict[int, str | None] = {}
    bad: dict[int, str] = {}
    for rows in read_rows(path, columns, Layout(header=header)):
        good |= dict(zip(rows.batch["_row"].to_pylist(), rows.batch[columns.names[0]].to_pylist(), strict=True))
        bad |= {row.row: row.reason for row in rows.bad}
        assert all(len(row.sha256) == 64 for row in rows.bad)
    assert sorted([*good, *bad]) == list(range(len(good) + len(bad)))
    return good, bad


def parquet(table: pa.Table) -> bytes:
    sink = io.BytesIO()
    pq.write_table(table, sink, write_page_checksum=True, compression="none", use_dictionary=False, write_statistics=False)
    return sink.getvalue()


# --- whole files ----------------------------------------------------------------------------------------------------------


def _zip() -> bytes:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w") as archive:
        archive.writestr("rows.jsonl", GOOD)
    return sink.getvalue()


@pytest.mark.parametrize(
    ("name", "data", "says"),
    [
        ("a.jsonl", b"", "the file is empty"),
        ("a.jsonl", b"\n \n\n", "holds no records"),
        ("a.json", b"[]", "holds no records"),
        ("a.csv", b"prompt,n\n", "holds no records"),
        ("a.jsonl", b'[{"prompt":"a"}]', "one JSON array"),
        ("a.json", b'[{"prompt":"a"}', "not valid JSON"),
        ("a.json", b'{"rows":\n[]}', "none of its 2 records can be read"),
        ("a.jsonl", b"<!DOCTYPE html><html></html>", "a web page"),
        ("a.parquet", b"  <html>sign in</html>", "a web page"),
        ("a.jsonl", b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n", "Git LFS pointer"),
        ("a.jsonl", gzip.compress(GOOD, mtime=0), "promises plain jsonl, the content is gzip"),
        ("a.jsonl.gz", GOOD, "promises gzip, the content is something else"),
        ("a.jsonl.xz", gzip.compress(GOOD, mtime=0), "promises xz, the content is gzip"),
        ("a.jsonl.gz", _zip(), "promises gzip, the content is zip"),
        ("a.csv", _zip(), "promises plain csv, the content is zip"),
        ("a.parquet", GOOD, "promises Parquet"),
        ("a.parquet", b"PAR1 and nothing else", "damaged Parquet"),
        ("a.csv", "prompt,n\nx,1\n".encode("utf-16"), "UTF-16"),
        ("a.doc", GOOD, "cannot read .doc"),
        ("a", GOOD, "without ending"),
        ("a.zip", _zip(), "cannot read .zip"),
        ("a.csv", b"text,n\nx,1\n", "lacks the columns prompt. It has: text, n"),
        ("a.csv", b"prompt,prompt,n\nx,y,1\n", "names prompt more than once"),
        ("a.jsonl", b'{"text":"a"}\n{"text":"b"}\n', "none of its 2 records can be read. The first: has no prompt"),
        ("a.parquet", parquet(pa.table({"text": ["a"]})), "lacks the columns prompt"),
        ("a.parquet", parquet(pa.table({"prompt": ["a"], "n": ["x"]})), "column n is string, expected int64"),
        ("a.parquet", parquet(pa.table({"prompt": [["a"]]})), "column prompt is list"),
        ("a.arrow", b"ARROW1 and nothing else", "damaged Arrow file"),
    ],
)
def test_files_that_cannot_be_read_say_why(tmp_path: Path, name: str, data: bytes, says: str) -> None:
    with pytest.raises(InputError) as caught:
        read(tmp_path, name, data)
    assert says in str(caught.value) and str(caught.value).startswith(f"{name}:")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.jsonl: cannot be opened"):
        list(read_rows(tmp_path / "none.jsonl", COLUMNS))


@pytest.mark.parametrize("ending", PACK)
@pytest.mark.parametrize("name", ["rows.jsonl", "rows.csv", "rows.json", "rows.ndjson"])
def test_every_compression_gives_the_same_rows(tmp_path: Path, name: str, ending: str) -> None:
    lines = [{"prompt": f"text {at}", "n": at} for at in range(50)]
    data = {
        "rows.csv": "prompt,n\n" + "".join(f"{line['prompt']},{line['n']}\n" for line in lines),
        "rows.json": json.dumps(lines),
    }.get(name, "".join(json.dumps(line) + "\n" for line in lines))
    good, bad = read(tmp_path, name + ending, PACK[ending](data.encode()))
    assert list(good.values()) == [line["prompt"] for line in lines] and not bad


@pytest.mark.parametrize("ending", PACK)
@pytest.mark.parametrize("name", ["rows.jsonl", "rows.csv"])
def test_cut_off_archives_are_refused(tmp_path: Path, name: str, ending: str) -> None:
    import random

    words = random.Random(0)
    texts = [f"{words.getrandbits(256):x}" for _ in range(3000)]
    data = "prompt\n" + "\n".join(texts) + "\n" if name.endswith(".csv") else "".join(json.dumps({"prompt": text}) + "\n" for text in texts)
    packed = PACK[ending](data.encode())
    with pytest.raises(InputError, match="damaged or cut off"):
        read(tmp_path, name + ending, packed[: len(packed) // 2])


def test_damaged_gzip_checksum_is_refused(tmp_path: Path) -> None:
    packed = bytearray(gzip.compress(GOOD * 100, mtime=0))
    packed[-6] ^= 0xFF
    with pytest.raises(InputError, match="damaged or cut off"):
        read(tmp_path, "a.jsonl.gz", bytes(packed))


def test_flipped_parquet_byte_is_refused(tmp_path: Path) -> None:
    data = bytearray(parquet(pa.table({"prompt": ["needle in the middle"] * 10, "n": list(range(10))})))
    at = bytes(data).index(b"needle")
    data[at] ^= 1
    with pytest.raises(InputError, match="damaged Parquet"):
        read(tmp_path, "a.parquet", bytes(data))


def test_output_of_a_decoder_is_limited(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_read, "MAX_DECODED", 1 << 20)
    with pytest.raises(InputError, match="decodes to more than"):
        read(tmp_path, "a.jsonl.gz", gzip.compress(b'{"prompt":"' + b"a" * (2 << 20) + b'"}\n', mtime=0))


def test_an_array_that_is_too_large_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_json, "MAX_ARRAY", 1 << 20)
    with pytest.raises(InputError, match="Write one object per line"):
        read(tmp_path, "a.json", b'[{"prompt":"' + b"a" * (9 << 20) + b'"}]')


# --- JSON records ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (b'{"prompt":"x"}{"prompt":"y"}', NO_OBJECT),
        (b'{"prompt":"x"} {"prompt":"y"}', NO_OBJECT),
        (b'{"prompt":"x"},', NO_OBJECT),
        (b'{"prompt":"x"', NO_OBJECT),
        (b"null", NO_OBJECT),
        (b"5", NO_OBJECT),
        (b'"text"', NO_OBJECT),
        (b"\x00\x00", NO_OBJECT),
        (b"{prompt: 'x'}", "JSON parse error"),
        (b'{"prompt":"x","prompt":"y"}', "specified twice"),
        (b'{"prompt":5}', "from string to number"),
        (b'{"prompt":["x"]}', "from string to array"),
        (b'{"prompt":"x","n":"1"}', "from number to string"),
        (b'{"prompt":"x","n":1.5}', "int64"),
        (b'{"prompt":"x","n":99999999999999999999}', "int64"),
        (b'{"prompt":"x","n":NaN}', "int64"),
        (b'{"prompt":"x","flag":1}', "from boolean to number"),
        (b'{"prompt":null}', "has no prompt"),
        (b'{"n":3}', "has no prompt"),
        (b"{}", "has no prompt"),
        (b'{"prompt":"\xff\xfe"}', "UTF8"),
        (b'{"prompt":"\\ud800"}', "surrogate"),
        (b'{"prompt":"x","n":' + b"[" * 100_000 + b"]" * 100_000 + b"}", "from number to array"),
    ],
)
@pytest.mark.parametrize("before", [0, 1, 3])
def test_bad_lines_are_counted_with_their_number(tmp_path: Path, line: bytes, says: str, before: int) -> None:
    good, bad = read(tmp_path, "a.jsonl", GOOD * before + line + b"\n" + GOOD * 2)
    assert list(bad) == [before] and says in bad[before]
    assert sorted(good) == [at for at in range(before + 3) if at != before]


def test_null_keys_missing_keys_blank_lines_and_unknown_keys(tmp_path: Path) -> None:
    good, bad = read(tmp_path, "a.jsonl", b'\xef\xbb\xbf{"prompt":"a","n":null}\r\n\r\n  \n{"extra":{"b":[1]},"prompt":""}\r\n{"prompt":"c\\u0000d"}')
    assert good == {0: "a", 1: "", 2: "c\x00d"} and not bad


def test_lines_that_are_arrays(tmp_path: Path) -> None:
    assert read(tmp_path, "a.jsonl", GOOD + b'["x"]\n' + GOOD)[1].keys() == {1}
    with pytest.raises(InputError, match="one JSON array"):
        read(tmp_path, "b.jsonl", b'["x"]\n' + GOOD)


def test_many_bad_lines_among_good_ones(tmp_path: Path) -> None:
    lines = [b"null" if at % 7 == 0 else b'{"prompt":%d}' % at if at % 5 == 0 else b'{"prompt":"%d"}' % at for at in range(500)]
    good, bad = read(tmp_path, "a.jsonl", b"\n".join(lines))
    assert all(text == str(at) for at, text in good.items())
    assert set(bad) == {at for at in range(500) if at % 7 == 0 or at % 5 == 0}


def test_array_elements_that_are_no_objects(tmp_path: Path) -> None:
    good, bad = read(tmp_path, "a.json", b'[null, {"prompt":"a"}, 5, "s", [1], {"prompt":"b"}, {"prompt":"\\ud800"}]')
    assert good == {1: "a", 5: "b"} and sorted(bad) == [0, 2, 3, 4, 6]


def test_json_ending_also_holds_lines(tmp_path: Path) -> None:
    assert read(tmp_path, "a.json", GOOD * 3)[0] == {0: "a", 1: "a", 2: "a"}


@pytest.mark.parametrize("name", ["deep.jsonl", "deep.json", "open.json"])
def test_deep_nesting_does_not_crash(tmp_path: Path, name: str) -> None:
    """In a process of its own, so that a crash fails this test only."""
    nest = b"[" * 100_000 + (b"" if name == "open.json" else b"]" * 100_000)
    record = b'{"prompt":"x","deep":' + nest + b"}\n"
    (tmp_path / name).write_bytes(GOOD + record if name.endswith(".jsonl") else nest if name == "open.json" else b"[" + record + b"]")
    program = (
        "import sys, pathlib, pyarrow as pa\nfrom taxonomy_bridge.errors import InputError\nfrom taxonomy_bridge.sources._read import read_rows\n"
        "try:\n    print(sum(len(rows.batch) for rows in read_rows(pathlib.Path(sys.argv[1]), pa.schema([('prompt', pa.string())]))))\n"
        "except InputError as error:\n    print('refused:', str(error)[:60])"
    )
    done = subprocess.run([sys.executable, "-c", program, str(tmp_path / name)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-500:]
    assert done.stdout.strip() == "2" or done.stdout.startswith("refused:")


@pytest.mark.parametrize("after", [b"", GOOD * 3])
def test_a_line_of_50_mb_costs_one_record(tmp_path: Path, after: bytes) -> None:
    good, bad = read(tmp_path, "a.jsonl.gz", gzip.compress(GOOD + b'{"prompt":"' + bytes(50 << 20) + b'"}\n' + after, 1, mtime=0))
    assert list(bad) == [1] and "longer than 32 MiB" in bad[1]
    assert len(good) == 1 + after.count(b"\n")


def test_long_lines_and_block_borders_keep_numbers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_json, "BLOCK", 64)
    monkeypatch.setattr(_json, "MAX_LINE", 500)
    lengths = [1, 700, 10, 80, 2000, 2000, 63, 64, 65, 499, 3]
    lines = [b'{"prompt":"%s"}' % (b"a" * length) for length in lengths]
    good, bad = read(tmp_path, "a.jsonl", b"\n".join(lines) + b"\n")
    assert set(bad) == {1, 4, 5} and {at: len(str(text)) for at, text in good.items()} == {at: size for at, size in enumerate(lengths) if at not in bad}


# --- CSV records ----------------------------------------------------------------------------------------------------------


def test_csv_with_bom_crlf_and_quoted_newlines(tmp_path: Path) -> None:
    data = b'\xef\xbb\xbfprompt,n,flag\r\n"one\r\ntwo, ""three""",1,True\r\n\r\nplain,,\r\n"",-2,no'
    good, bad = read(tmp_path, "a.csv", data)
    assert good == {0: 'one\r\ntwo, "three"', 1: "plain", 2: ""} and not bad


def test_csv_values_that_do_not_fit(tmp_path: Path) -> None:
    data = b"prompt,n,flag\na,1,yes\nb,one,yes\nc,1.0,no\nd,1.5,no\ne,3,perhaps\n\xff\xfe,4,no\ng,9999999999999999999999,no\nh,7,\n"
    good, bad = read(tmp_path, "a.csv", data)
    assert good == {0: "a", 2: "c", 7: "h"}
    assert bad[1] == bad[3] == bad[6] == "column n: is not int64" and bad[4] == "column flag: is not bool" and bad[5] == "column prompt is not UTF-8"


@pytest.mark.parametrize("header", [True, False])
def test_csv_wrong_field_counts_keep_numbers(tmp_path: Path, header: bool) -> None:
    body = b'a,1,no\nb,2\nc,3,no,more\n"d\nd",4,no\n,,\n"e\ne",5\nf,6,no\n'
    good, bad = read(tmp_path, "a.csv", b"prompt,n,flag\n" + body if header else body, header=header)
    assert {at: reason.split(",")[0] for at, reason in bad.items()} == {1: "has 2 fields", 2: "has 4 fields", 5: "has 2 fields"}
    assert good == {0: "a", 3: "d\nd", 4: "", 6: "f"}


def test_csv_quotation_mark_that_is_never_closed(tmp_path: Path) -> None:
    good, bad = read(tmp_path, "a.csv", b'prompt,n,flag\nx,1,no\n"y,2,no\nz,3,no\n')
    assert good == {0: "x"} and "fields" in bad[1]


def test_csv_block_borders_keep_numbers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from taxonomy_bridge.sources import _csv

    monkeypatch.setattr(_csv, "BLOCKS", (256, 1 << 20))
    records = [b'"%d\n%s",%d,no' % (at, b"x" * (at * 37 % 200), at) if at % 11 else b"short" for at in range(300)]
    records[150] = b'"150 %s",150,no' % (b"y" * 3000)
    good, bad = read(tmp_path, "a.csv", b"prompt,n,flag\n" + b"\n".join(records) + b"\n")
    assert set(bad) == {at for at in range(300) if at % 11 == 0}
    assert all(str(text).split()[0] == str(at) for at, text in good.items())


def test_csv_field_of_40_mb_costs_one_record(tmp_path: Path) -> None:
    good, bad = read(tmp_path, "a.csv", b'prompt,n,flag\nx,1,no\n"' + b"a" * (40 << 20) + b'",2,no\nz,3,no\n')
    assert good == {0: "x", 2: "z"} and "longer than 32 MiB" in bad[1]


def test_tsv(tmp_path: Path) -> None:
    assert read(tmp_path, "a.tsv", b"prompt\tn\na, b\t1\n")[0] == {0: "a, b"}


# --- tables ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["parquet", "file", "stream"])
def test_tables_keep_numbers_and_lose_only_rows_without_text(tmp_path: Path, kind: str) -> None:
    table = pa.table({"extra": [0] * 4, "prompt": ["a", None, "c", "d"], "n": pa.array([1, None, 3, 4], pa.int32())})
    if kind == "parquet":
        data = parquet(table)
    else:
        sink = io.BytesIO()
        make: Any = pa.ipc.new_file if kind == "file" else pa.ipc.new_stream
        with make(sink, table.schema) as writer:
            writer.write_table(table, max_chunksize=2)
        data = sink.getvalue()
    good, bad = read(tmp_path, f"a.{'parquet' if kind == 'parquet' else 'arrow'}", data)
    assert good == {0: "a", 2: "c", 3: "d"} and bad == {1: "has no prompt"}


def test_hash_of_a_refused_row_covers_what_was_read() -> None:
    batch = pa.RecordBatch.from_pylist([{"prompt": "a", "_row": 3}, {"prompt": "b", "_row": 5}])
    first, second = _rows.bad_rows(batch, "why")
    assert (first.row, second.row) == (3, 5) and first.sha256 != second.sha256


def test_unknown_labels_cost_their_row(tmp_path: Path) -> None:
    from taxonomy_bridge import registry
    from taxonomy_bridge.sources import _base

    (tmp_path / "or-bench-toxic.csv").write_text("prompt,category\nInvented one,hate\nInvented two,no such label\nInvented three,privacy\n")
    source = registry.load("sources", "or-bench")
    (file,) = _base.local_files(source, "or-bench-toxic", "train", tmp_path)
    (decoded,) = _base.decode_file(source, file)
    assert [(bad.row, bad.reason) for bad in decoded.bad] == [(1, "label outside taxonomy or-bench")]
    assert (decoded.rows_in, decoded.decoded, decoded.without_judgement) == (3, 2, 0)
    assert [found.split(":")[1] for found in decoded.judgements["id"].to_pylist()] == ["0#prompt", "2#prompt"]
