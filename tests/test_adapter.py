"""Sources described by a YAML file: what each key means, what is refused and how it is told, and drafts that decide nothing."""

from __future__ import annotations

import json
import zlib
from itertools import chain
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from taxonomy_bridge import registry, storage
from taxonomy_bridge.cli import app
from taxonomy_bridge.errors import InputError, RecipeError, SourceError
from taxonomy_bridge.graph import load_graph
from taxonomy_bridge.labels import Pattern, cleared
from taxonomy_bridge.pipeline import build
from taxonomy_bridge.sources import _base
from taxonomy_bridge.sources._adapter import read_adapter
from taxonomy_bridge.sources._description import Description
from taxonomy_bridge.sources._draft import draft
from taxonomy_bridge.taxonomy import load_taxonomy, read_taxonomy, register_taxonomy

ROOT = Path(__file__).parents[1]
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


@pytest.fixture
def own(tmp_path: Path, request: pytest.FixtureRequest):
    """A folder with a list under an id of its own, and a function that writes data and an adapter and gives the decoded rows."""
    name = f"park-{zlib.crc32(request.node.name.encode())}"
    (tmp_path / f"{name}.yaml").write_text(LIST.format(id=name))

    def write(adapter: str = GOOD, files: dict[str, str | bytes] | None = None, stem: str = "posts"):
        for file, content in (files or {"posts.csv": CSV}).items():
            (tmp_path / file).parent.mkdir(exist_ok=True, parents=True)
            (tmp_path / file).write_bytes(content if isinstance(content, bytes) else content.encode())
        path = tmp_path / f"{stem}.yaml"
        path.write_text(adapter.format(id=name))
        return path

    write.id, write.folder = name, tmp_path
    yield write
    registry._OWN.clear()


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

JSONL = "taxonomy: {id}.yaml\nfiles: rows.jsonl\nprompt: text\n"


def lines(*rows: object) -> dict[str, str | bytes]:
    return {"rows.jsonl": "\n".join(json.dumps(row) for row in rows)}


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
    import gzip

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


# --- in a build -------------------------------------------------------------------------------------------------------------


def test_a_build_reads_an_adapter_beside_the_recipe_and_pins_it(own):
    path = own(GOOD + "licence: {{id: CC0-1.0, evidence: own texts, commercial: true}}\n")
    recipe = own.folder / "mix.yaml"
    recipe.write_text("version: 1\nname: mix\nseed: 1\nintent: commercial\nsources: [{adapter: posts.yaml, split: train}]\npolicies: [native]\n")
    report = build(recipe, own.folder / "out")
    assert report.samples == 3 and report.manifest["sources"][0]["id"] == "posts"
    lock = json.loads((own.folder / "out" / "build.lock.json").read_text())
    assert lock["adapters"] == {"posts": storage.file_sha256(path)} and own.id in lock["taxonomies"]
    assert str(own.folder) not in (own.folder / "out" / "manifest.json").read_text()


def test_without_a_stated_licence_commercial_use_is_refused_by_name(own):
    own()
    recipe = own.folder / "mix.yaml"
    recipe.write_text("version: 1\nname: mix\nseed: 1\nintent: commercial\nsources: [{adapter: posts.yaml, split: train}]\npolicies: [native]\n")
    with pytest.raises(RecipeError, match=r"source posts: its licence \(unknown; not stated\) does not clearly allow commercial use"):
        build(recipe, own.folder / "out")


def test_a_recipe_names_a_source_one_way(own):
    from taxonomy_bridge.recipe import Recipe

    for entry in ({"split": "a"}, {"id": "xstest", "adapter": "x.yaml", "split": "a"}):
        with pytest.raises(RecipeError, match="give either id or adapter"):
            Recipe.from_value({"version": 1, "name": "m", "seed": 1, "intent": "research", "sources": [entry], "policies": ["native"]})


def test_a_mapping_beside_the_list_joins_the_graph(own):
    mapping = (
        f"# curie_map:\n#   concept: \"urn:taxonomy-bridge:concept:\"\n#   {own.id}: \"urn:x:\"\n# license: x\n"
        "subject_id\tpredicate_id\tobject_id\tmapping_justification\tauthor_label\tmapping_date\tcomment\n"
        + "".join(f"{own.id}:{slug}\tskos:relatedMatch\tconcept:spam\tsemapv:ManualMappingCuration\tA. Person\t2026-01-31\tInvented.\n" for slug in ("adverts", "litter", "noise"))
    )  # fmt: skip
    (own.folder / f"{own.id}.sssom.tsv").write_text(mapping)
    register_taxonomy(own.folder / f"{own.id}.yaml")
    assert load_graph().extent(f"{own.id}:adverts").outer == {"spam"}


# --- drafts -----------------------------------------------------------------------------------------------------------------


def run(*arguments: object):
    return CliRunner().invoke(app, ["sources", "add", *map(str, arguments)])


def test_a_draft_finds_columns_and_separators(own):
    own(files={"posts.csv": CSV})
    taxonomy = read_taxonomy(own.folder / f"{own.id}.yaml")
    text = draft(own.folder / "posts.csv", taxonomy, f"{own.id}.yaml", {})
    assert 'prompt: "post"' in text and 'labels: {column: "rules", separator: ";"}' in text and "verdict: labels" in text


def test_a_draft_never_decides_what_a_value_means(own):
    own(files={"posts.csv": "post,bad\nhello,0\nfool,1\n"})
    taxonomy = load_taxonomy("xstest")
    text = draft(own.folder / "posts.csv", taxonomy, "xstest", {"verdict": "bad"})
    assert '"0": ?, "1": ?' in text
    (own.folder / "drafted.yaml").write_text(text)
    with pytest.raises(SourceError):
        read_adapter(own.folder / "drafted.yaml")
    filled = own.folder / "filled.yaml"
    filled.write_text(text.replace('"0": ?', '"0": safe').replace('"1": ?', '"1": unsafe'))
    assert [row["verdict"] for row in rows_of(filled)[0]] == ["safe", "unsafe"]
    known = draft(own.folder / "posts.csv", taxonomy, "xstest", {"verdict": None})
    assert "verdict: ?" in known


def test_words_that_say_it_themselves_are_filled_in(own):
    own(files={"rows.jsonl": '{"text": "a", "label": "unsafe"}\n{"text": "b", "label": "safe"}\n'})
    text = draft(own.folder / "rows.jsonl", load_taxonomy("xstest"), "xstest", {})
    assert '{"safe": safe, "unsafe": unsafe}' in text.replace("values: ", "")


def test_the_command_writes_beside_the_data_and_asks_before_it_replaces(own):
    own(files={"table.csv": CSV})
    first = run(own.folder / "table.csv", "--taxonomy", own.folder / f"{own.id}.yaml")
    assert first.exit_code == 0, first.output
    assert f"taxonomy: {own.id}.yaml" in (own.folder / "table.yaml").read_text()
    assert run(own.folder / "table.csv", "--taxonomy", own.folder / f"{own.id}.yaml").exit_code != 0
    assert run(own.folder / "table.csv", "--taxonomy", "beavertails", "--verdict", "stat", "--out", own.folder / "x.yaml").exception is not None
    assert "Drums" not in first.output


# --- documentation ------------------------------------------------------------------------------------------------------------


def test_every_key_is_explained():
    text = (ROOT / "docs" / "my-own-data.md").read_text(encoding="utf-8")
    assert [key for key in Description.model_fields if f"`{key}`" not in text and f"{key}:" not in text and key not in ("former", "digests")] == []


def test_bundled_adapters_are_sources_like_any_other():
    described = [path.stem for path in (ROOT / "taxonomy_bridge" / "sources").glob("[!_]*.yaml")]
    assert set(described) <= set(registry.names("sources"))
    assert all(registry.load("sources", name).folder is None for name in described)
