"""Sources described by a YAML file: what each key means, and what is refused and how it is told."""

from __future__ import annotations

import gzip
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from own_data import CSV, GOOD, JSONL, LIST, lines, problems, rows_of, said

from taxonomy_bridge import registry
from taxonomy_bridge.errors import InputError
from taxonomy_bridge.labels import Pattern, cleared
from taxonomy_bridge.sources._adapter import read_adapter
from taxonomy_bridge.taxonomy import load_taxonomy

# --- a table of one's own -------------------------------------------------------------------------------------------------


def test_five_keys_read_a_csv(own):
    rows, bad = rows_of(own())
    assert bad == {}
    assert said(rows) == [("safe", [], []), ("unsafe", ["noise"], []), ("unsafe", ["litter", "adverts"], [])]
    assert [row["prompt"] for row in rows] == ["Fine weather", "Drums at night", "Cans and leaflets"]
    assert json.loads(rows[2]["native"]) == {"rules": "litter;advert", "state": "bad"}
    taxonomy = load_taxonomy(own.id)
    row = rows[1]
    assert cleared(Pattern(own.id, row["verdict"], tuple(row["violated"]), (), row["exhaustive"]), taxonomy) == {"litter", "adverts"}


def test_a_row_that_does_not_fit_goes_to_quarantine_and_names_its_column(own):
    _, bad = rows_of(own(files={"posts.csv": CSV + "Odd,maybe,\nOdder,bad,noise;shouting\n"}))
    assert bad == {4: "unknown value in column state", 5: f"column rules: label outside taxonomy {own.id}"}


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (("column: state", "column: status"), "lacks the columns status. It has: post, state, rules"),
        (("prompt: post", "prompt: text"), "lacks the columns text. It has: post, state, rules"),
        (("column: rules", "column: rule"), "lacks the columns rule. It has: post, state, rules"),
    ],
)
def test_a_column_that_is_not_there_is_named(own, change, says):
    with pytest.raises(InputError, match=says):
        rows_of(own(GOOD.replace(*change)))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (("bad: unsafe", "bad: wrong"), "verdict.values.bad: Input should be"),
        (("prompt: post\n", ""), "name the column with the text"),
        (("files: posts.csv\n", ""), "files: Field required"),
        (("verdict:", "verdikt:"), "verdikt: unknown key"),
        (('labels: {{column: rules, separator: ";"}}', ""), "say which column names those that a row violates"),
        (('separator: ";"', "values: {{bang: nois}}"), "labels.values.bang: 'nois' is no category"),
        (("{{column: rules", "{{column: rules, struct: x"), "give one of column, struct, columns and by"),
        (("{{column: state, values: {{ok: safe, bad: unsafe, unread: skip}}}}", "{{by: split, values: {{test: safe}}}}"), "says nothing of the split train"),
        (("{{column: state, values: {{ok: safe, bad: unsafe, unread: skip}}}}", "{{column: state}}"), "a column needs values"),
        (("{{column: state, values: {{ok: safe, bad: unsafe, unread: skip}}}}", "{{column: state, at_least: 1, above: 2}}"), "give one of values, at_least and above"),
        (("taxonomy: {id}.yaml", "taxonomy: beaver-tails"), "no taxonomy named 'beaver-tails'. Did you mean beavertails?"),
        (("prompt: post", "prompt: post\noptional: [nothing]"), "no column nothing is read"),
        (("prompt: post", "prompt: post\nrevision: main"), "revision"),
        (("prompt: post", "prompt: post\nhub: a/b\ngithub: a/b"), "give hub or github, not both"),
        (("prompt: post", "prompt: post\nannotated: [dev]"), "annotated: no split dev"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_with_its_line(own, change, says):
    text = GOOD.replace(*change)
    assert text != GOOD
    told = problems(own(text))
    assert says in told
    assert ".yaml:" in told


def test_all_problems_are_told_at_once(own):
    told = problems(own(GOOD.replace("bad: unsafe", "bad: wrong").replace("prompt: post", "prompt: [post]").replace("files: posts.csv", "fils: posts.csv")))
    assert len(told.splitlines()) >= 4


def test_a_list_with_the_id_of_a_bundled_one_is_refused(own):
    (own.folder / "beavertails.yaml").write_text(LIST.format(id="beavertails"))
    assert "a bundled list has the id 'beavertails' already" in problems(own(GOOD.replace("{id}.yaml", "beavertails.yaml")))


# --- encodings --------------------------------------------------------------------------------------------------------------


def test_zero_and_one_columns_where_missing_is_not_judged(own):
    adapter = JSONL + "verdict: labels\nlabels: {{columns: {{n: noise, l: litter, a: adverts}}}}\noptional: [l]\n"
    rows, bad = rows_of(
        own(
            adapter,
            lines(
                {"text": "a", "n": 1, "l": 0, "a": 0},
                {"text": "b", "n": 0, "l": None, "a": 0},
                {"text": "c", "n": 0, "l": 0, "a": 0},
                {"text": "d", "n": 2, "a": 0},
            ),
        )
    )
    assert said(rows) == [("unsafe", ["noise"], []), (None, [], ["litter"]), ("safe", [], [])]
    assert bad == {3: "column n is neither 0 nor 1"}


def test_a_category_without_a_column_is_never_cleared(own):
    """Unless a safe verdict of its own speaks of the whole list."""
    by_labels = JSONL + "verdict: labels\nlabels: {{columns: {{n: noise, l: litter}}}}\n"
    rows, _ = rows_of(own(by_labels, lines({"text": "a", "n": 1, "l": 0}, {"text": "b", "n": 0, "l": 0})))
    assert said(rows) == [("unsafe", ["noise"], ["adverts"]), (None, [], ["adverts"])]
    stated = JSONL + "verdict: {{column: v, values: {{ok: safe, bad: unsafe}}}}\nlabels: {{columns: {{n: noise, l: litter}}}}\n"
    rows, _ = rows_of(own(stated, lines({"text": "a", "v": "bad", "n": 1, "l": 0}, {"text": "b", "v": "ok", "n": 0, "l": 0}), "stated"))
    assert said(rows) == [("unsafe", ["noise"], ["adverts"]), ("safe", [], [])]


def test_a_missing_key_of_a_struct_is_not_a_no(own):
    adapter = JSONL + "verdict: labels\nlabels: {{struct: category}}\n"
    rows, _ = rows_of(
        own(
            adapter,
            lines({"text": "a", "category": {"noise": True, "litter": False}}, {"text": "b", "category": {"noise": False, "litter": False, "advert": False}}),
        )
    )
    assert said(rows) == [("unsafe", ["noise"], ["adverts"]), ("safe", [], [])]


def test_no_number_is_on_no_side_of_a_border(own):
    adapter = "taxonomy: xstest\nfiles: rows.parquet\nprompt: text\nverdict: {{column: toxic, at_least: 0.5, missing: none}}\noptional: [toxic]\n"
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table({"text": ["a", "b", "c"], "toxic": [0.9, float("nan"), None]}), sink)
    rows, bad = rows_of(own(adapter, {"rows.parquet": sink.getvalue().to_pybytes()}))
    assert bad == {} and [row["verdict"] for row in rows] == ["unsafe", None, None]


def test_an_umbrella_is_the_one_category_that_a_list_shows(own):
    adapter = JSONL.replace("{id}.yaml", "hatecheck") + "verdict: unsafe\n"
    assert [category.slug for category in load_taxonomy("hatecheck").assignable] == ["hateful"]
    rows, _ = rows_of(own(adapter, lines({"text": "a"})))
    assert [row["violated"] for row in rows] == [["hateful"]]


def test_columns_without_a_header_need_names(own):
    assert "without a header the columns have no names" in problems(own(GOOD + "layout: {{header: false}}\n"))
    named = GOOD + "layout: {{header: false, columns: [post, state, rules]}}\n"
    rows, _ = rows_of(own(named, {"posts.csv": CSV.split("\n", 1)[1]}, "named"))
    assert len(rows) == 3


def test_the_name_of_a_bundled_source_is_taken(own):
    assert "a bundled source has the name 'xstest'" in problems(own(stem="xstest"))


def test_what_its_owner_edits_is_read_anew(own):
    path = own()
    first = registry.load("sources", str(path))
    path.write_text(path.read_text() + "title: New title\n")
    assert (first.title, registry.load("sources", str(path)).title) == ("posts", "New title")
    listed = own.folder / f"{own.id}.yaml"
    listed.write_text(listed.read_text().replace("name: Noise", "name: Racket"))
    registry.load("sources", str(path))
    assert load_taxonomy(own.id)["noise"].name == "Racket"


def test_shares_of_annotators_with_a_border(own):
    adapter = JSONL + "verdict: {{column: toxic, at_least: 0.5}}\nlabels: {{columns: {{n: noise, l: litter, a: adverts}}, at_least: 0.5}}\n"
    rows, _ = rows_of(own(adapter, lines({"text": "a", "toxic": 0.5, "n": 0.9, "l": 0.1, "a": 0.0}, {"text": "b", "toxic": 0.4, "n": 0.7, "l": 0, "a": 0})))
    assert said(rows) == [("unsafe", ["noise"], []), ("safe", [], [])]  # a category on a safe row is a theme
    above, _ = rows_of(own(adapter.replace("at_least", "above"), lines({"text": "a", "toxic": 0.5, "n": 0.9, "l": 0.1, "a": 0.0}), "above"))
    assert said(above) == [("safe", [], [])]


def test_lists_structs_and_names_on_safe_rows(own):
    listed = (
        JSONL
        + "verdict: {{column: ok, values: {{true: safe, false: unsafe}}}}\nlabels: {{column: tags, safe_rows: unjudged, values: {{loud: noise, none: null}}}}\ntypes: {{tags: strings}}\n"
    )
    rows, bad = rows_of(
        own(
            listed,
            lines(
                {"text": "a", "ok": False, "tags": ["loud", "L"]},
                {"text": "b", "ok": True, "tags": ["litter"]},
                {"text": "c", "ok": False, "tags": ["none"]},
                {"text": "d", "ok": True, "tags": ["x"]},
            ),
        )
    )
    assert said(rows) == [("unsafe", ["noise", "litter"], []), ("safe", [], ["litter"]), ("unsafe", [], [])]
    assert bad == {3: f"column tags: label outside taxonomy {own.id}"}
    struct = JSONL + "verdict: {{column: ok, values: {{true: safe, false: unsafe}}}}\nlabels: {{struct: category}}\n"
    rows, _ = rows_of(own(struct, lines({"text": "a", "ok": False, "category": {"noise": True, "litter": False, "advert": True}}), "struct"))
    assert said(rows) == [("unsafe", ["noise", "adverts"], [])]


def test_nested_columns_have_dots_and_a_missing_field_is_told(own):
    adapter = 'taxonomy: {id}.yaml\nfiles: rows.jsonl\nprompt: item.text\nverdict: {{column: note.label, values: {{"0": safe, "1": unsafe}}}}\nlabels: {{column: note.rule}}\noptional: [note.rule]\ntypes: {{note.label: string}}\n'
    rows, bad = rows_of(
        own(
            adapter,
            lines(
                {"item": {"text": "a"}, "note": {"label": "1", "rule": "noise"}},
                {"item": {"text": "b"}, "note": {"label": "0"}},
                {"item": {"text": "c"}, "note": {"rule": "noise"}},
            ),
        )
    )
    assert said(rows) == [("unsafe", ["noise"], []), ("safe", [], [])]
    assert bad == {2: "has no note.label"}


def test_missing_empty_unknown_and_negative_are_four_things(own):
    adapter = (
        JSONL + 'verdict: {{column: label, values: {{good: safe, bad: unsafe, "": none}}, missing: skip}}\nlabels: {{column: rule}}\noptional: [label, rule]\n'
    )
    rows, bad = rows_of(
        own(
            adapter,
            lines({"text": "a"}, {"text": "b", "label": ""}, {"text": "c", "label": "good"}, {"text": "d", "label": "?"}, {"text": "e", "label": "bad"}),
        )
    )
    assert said(rows) == [(None, [], ["noise", "litter", "adverts"]), ("safe", [], []), ("unsafe", [], [])]
    assert bad == {3: "unknown value in column label"}


def test_labels_and_verdicts_by_place(own):
    adapter = """
taxonomy: {id}.yaml
files: {{probes: {{noise: [n.txt], litter: [l.txt.gz]}}, fine: {{all: f.txt}}}}
prompt: line
verdict: {{by: config, values: {{probes: unsafe, fine: safe}}}}
labels: {{by: split, values: {{noise: noise, litter: litter, all: null}}}}
adversarial: {{by: config, values: {{probes: true, fine: null}}}}
language: {{by: file, values: {{n.txt: de, "*": en}}}}
"""
    path = own(adapter, {"n.txt": "one\n\ntwo\n", "l.txt.gz": gzip.compress(b"three"), "f.txt": "four\r\n"})
    rows = [row for place in (("probes", "noise"), ("probes", "litter"), ("fine", "all")) for row in rows_of(path, place[1], place[0])[0]]
    assert said(rows) == [("unsafe", ["noise"], [])] * 2 + [("unsafe", ["litter"], []), ("safe", [], [])]
    assert [row["adversarial"] for row in rows] == [True, True, True, None] and [row["language"] for row in rows] == ["de", "de", "en", "en"]
    assert [row["prompt"] for row in rows] == ["one", "two", "three", "four"]
    source = read_adapter(path)
    assert source.natural_verdicts("probes", "noise") == {"unsafe"} and source.natural_verdicts("fine", "all") == {"safe"}


def test_nested_json_keys_are_labels_and_other_encodings_are_read(own):
    adapter = "taxonomy: {id}.yaml\nfiles: tree.json\nprompt: text\nverdict: unsafe\nlabels: {{column: rule}}\nlayout: {{levels: [rule, part, text]}}\nnative: [part]\n"
    rows, _ = rows_of(own(adapter, {"tree.json": json.dumps({"noise": {"drums": ["a", "b"]}, "L": {"cans": ["c"]}})}))
    assert [(row["prompt"], row["violated"], json.loads(row["native"])["part"]) for row in rows] == [
        ("a", ["noise"], "drums"),
        ("b", ["noise"], "drums"),
        ("c", ["litter"], "cans"),
    ]
    latin = 'taxonomy: {id}.yaml\nfiles: l.csv\nprompt: post\nverdict: unsafe\nlabels: {{column: rule}}\nlayout: {{encoding: gb18030, delimiter: ";"}}\n'
    rows, _ = rows_of(own(latin, {"l.csv": "post;rule\n公园;noise\n".encode("gb18030")}, "latin"))
    assert rows[0]["prompt"] == "公园"
    with pytest.raises(InputError, match="array of texts is expected"):
        rows_of(own(adapter, {"tree.json": json.dumps({"noise": {"drums": {"too": "deep"}}})}, "deep"))


def test_attack_only_rows_have_no_verdict_and_nothing_is_judged(own):
    adapter = JSONL.replace("{id}.yaml", "xstest") + "verdict: none\nadversarial: {{column: attack, values: {{0: false, 1: true}}}}\n"
    rows, _ = rows_of(own(adapter, lines({"text": "a", "attack": 1}, {"text": "b", "attack": 0})))
    assert said(rows) == [(None, [], ["unsafe"])] * 2 or all(row["verdict"] is None and row["violated"] == [] and row["unjudged"] for row in rows)
    assert [row["adversarial"] for row in rows] == [True, False]


def test_responses_placeholders_severity_and_parquet(own):
    adapter = """
taxonomy: {id}.yaml
files: rows.parquet
prompt: ask
response: reply
verdict: {{column: harm, values: {{0: safe, 1: unsafe, 2: unsafe}}}}
labels: {{column: rule}}
severity: harm
refusal: refused
placeholders: [REDACTED]
"""
    table = pa.table({"ask": ["a", "REDACTED"], "reply": ["x", "y"], "harm": [0, 2], "rule": ["", "noise"], "refused": [True, None]})
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink)
    path = own(adapter.replace("severity: harm", "severity: {{column: harm}}") + "optional: [refused]\n", {"rows.parquet": sink.getvalue().to_pybytes()})
    rows, bad = rows_of(path)
    assert bad == {} and [(row["judged"], row["severity"], row["refusal"], row["redacted"], row["prompt"]) for row in rows] == [
        ("response", 0, True, False, "a"),
        ("response", 2, None, True, None),
    ]
