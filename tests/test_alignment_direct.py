"""Category to category: readers of all kinds of lists, selection, the judge over HTTP, labelled rows, imports, and scores against outside references."""

from __future__ import annotations

import contextlib
import http.server
import json
import re
import threading

import alignment_files
import numpy as np
import pytest
from alignment_lists import WordEncoder, make_graph, make_items, row
from typer.testing import CliRunner

from taxonomy_bridge import sssom
from taxonomy_bridge.alignment import direct, direct_tasks, imports, instances, outside, readers
from taxonomy_bridge.alignment.engine import Proposal
from taxonomy_bridge.alignment.items import Item
from taxonomy_bridge.alignment.judge import Judge, rerank
from taxonomy_bridge.alignment.readers import read_items, read_reference
from taxonomy_bridge.cli.align import app
from taxonomy_bridge.errors import InputError, MissingExtraError
from taxonomy_bridge.taxonomy import read_taxonomy


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    left, right, reference = alignment_files.write(tmp_path_factory.mktemp("pair"))
    return read_items(str(left)), read_items(str(right), "object"), read_reference(reference)


@pytest.fixture(scope="module")
def practised():
    graph = make_graph()
    return direct.fit(direct_tasks.practice(graph, None, 8)), direct_tasks.pool_of(graph, None)


def test_owl_classes_and_properties_are_read(pair):
    left, right, reference = pair
    assert [item.label for item in left][:3] == ["Book", "Borrower", "LibraryCard"]
    assert {item.kind for item in left} == {"class", "property"}
    assert left.items[-1].id == "http://left#borrows"
    assert len(left) == len(alignment_files.LEFT) + 1, "a class without a name of its own is no item"
    assert len(reference.right) == len(alignment_files.EQUAL)
    assert set(reference.right.values()) == {"skos:exactMatch"}
    assert right.items[2].names == ("library card",)


def test_skos_labels_in_english_come_first(tmp_path):
    (tmp_path / "garden.rdf").write_text(alignment_files.SKOS, encoding="utf-8")
    weeds, nettles = read_items(str(tmp_path / "garden.rdf"))
    assert (weeds.label, weeds.aliases, weeds.definition) == ("Weeds", ("Unwanted plants", "Unkraut"), "Plants that nobody planted.")
    assert nettles.parent == weeds.id == "http://garden/weeds"


@pytest.mark.parametrize("text", [alignment_files.BOMB, alignment_files.OUTSIDE, "<a>", "", "<html/>"])
def test_hostile_or_other_xml_is_refused(tmp_path, text):
    (tmp_path / "x.owl").write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=r"x\.owl"):
        read_items(str(tmp_path / "x.owl"))
    (tmp_path / "y.owl").write_bytes(text.encode("utf-16"))
    with pytest.raises(InputError, match=r"y\.owl"):
        read_items(str(tmp_path / "y.owl"))


def test_other_syntaxes_name_what_they_need(tmp_path, monkeypatch):
    (tmp_path / "x.ttl").write_text("", encoding="utf-8")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"taxonomy-bridge\[ontologies\]"):
        read_items(str(tmp_path / "x.ttl"))


def test_turtle_is_read_where_rdflib_is_there(tmp_path):
    pytest.importorskip("rdflib")
    (tmp_path / "park.ttl").write_text(
        "@prefix skos: <http://www.w3.org/2004/02/skos/core#> .\n@prefix e: <http://e.org/> .\n"
        'e:noise a skos:Concept ; skos:prefLabel "Noise"@en ; skos:altLabel "Racket"@en ; skos:definition "Loud sound."@en .\n'
        'e:drums a skos:Concept ; skos:prefLabel "Drums"@en ; skos:broader e:noise .\n',
        encoding="utf-8",
    )
    drums, noise = read_items(str(tmp_path / "park.ttl"))
    assert (noise.label, noise.aliases, noise.definition) == ("Noise", ("Racket",), "Loud sound.") and drums.parent == noise.id


def test_tables_are_read_by_their_usual_columns(tmp_path):
    path = tmp_path / "list.csv"
    path.write_text("\ufeffCode;Name;Description\nA1;Theft;Taking things\nA2;Noise;\n;;\n", encoding="utf-8")
    assert [(item.id, item.label, item.definition) for item in read_items(str(path))] == [("A1", "Theft", "Taking things"), ("A2", "Noise", "")]
    path.write_text("code,name\nA,x\nA,y\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"list\.csv:3: 'A' stands there twice"):
        read_items(str(path))
    path.write_text("first,second\n1,2\n", encoding="utf-8")
    with pytest.raises(InputError, match="no column is named"):
        read_items(str(path))


def test_an_sssom_file_is_two_lists_and_a_reference(tmp_path):
    rows = (
        row("a:x", "skos:exactMatch", "b:y", subject_label="X"), row("a:z", "skos:broadMatch", "b:y", predicate_modifier="Not"),
        row("a:n", "skos:mappingRelation", "sssom:NoTermFound"),
    )  # fmt: skip
    path = tmp_path / "t.sssom.tsv"
    path.write_text(sssom.format_table(sssom.make_table("t", rows, {"a": "urn:a:", "b": "urn:b:"})), encoding="utf-8")
    assert [item.id for item in read_items(str(path))] == ["a:n", "a:x", "a:z"]
    assert [item.id for item in read_items(str(path), "object")] == ["b:y"]
    reference = read_reference(path)
    assert reference.right == {("a:x", "b:y"): "skos:exactMatch"}
    assert reference.wrong == {("a:z", "b:y")}
    assert reference.nothing == {"a:n"}


def test_relation_signs_of_the_alignment_format(tmp_path):
    path = tmp_path / "r.rdf"
    for sign, predicate in (("&lt;", "skos:broadMatch"), ("&gt;", "skos:narrowMatch"), ("=", "skos:exactMatch"), ("~&gt;", "skos:relatedMatch")):
        path.write_text(alignment_files.alignment({"Book": "Volume"}, sign), encoding="utf-8")
        assert set(read_reference(path).right.values()) == {predicate}
    path.write_text(alignment_files.alignment({"Book": "Volume", "Shelf": "Rack"}, "=").replace("<relation>=", "<relation>%", 1), encoding="utf-8")
    mixed = read_reference(path)
    assert len(mixed.right) == len(mixed.wrong) == 1 and not mixed.wrong & mixed.right.keys()
    for undecided in ("?", "%"):
        path.write_text(alignment_files.alignment({"Book": "Volume"}, undecided), encoding="utf-8")
        with pytest.raises(InputError, match="no cells"):
            read_reference(path)
    path.write_text(alignment_files.alignment({}), encoding="utf-8")
    with pytest.raises(InputError, match="no cells"):
        read_reference(path)


def test_cells_may_name_their_entities_by_a_typed_node(tmp_path):
    path = tmp_path / "r.rdf"
    text = alignment_files.alignment({"Book": "Volume"})
    wanted = set(read_reference_of(path, text).right)
    typed = re.sub(r'<(entity[12]) rdf:resource="([^"]+)"\s*/>', r'<\1><Class rdf:about="\2"/></\1>', text)
    assert typed != text and set(read_reference_of(path, typed).right) == wanted


def read_reference_of(path, text):
    path.write_text(text, encoding="utf-8")
    return read_reference(path)


def test_one_to_one_uses_each_item_once(pair, practised):
    left, right, _ = pair
    model, pool = practised
    kinds = direct.evidence(left, right, pool)
    found = direct.propose(left, right, kinds, model, threshold=0.0, limit=10, equivalence=True, one_to_one=True)
    assert len({one.subject for one in found}) == len({one.object for one in found}) == len(found)
    names = {(one.subject.split("#")[1], one.object.split("#")[1]) for one in found}
    assert {("LibraryCard", "Library_Card"), ("Librarian", "Librarian"), ("ReadingRoom", "Reading_room")} <= names
    assert {one.relation for one in found} == {"skos:exactMatch"}
    assert not [one for one in found if one.subject.endswith("borrows")], "a property is no class"
    many = direct.propose(left, right, kinds, model, threshold=0.0, limit=3)
    assert all(sum(one.subject == item.id for one in many) <= 3 for item in left)
    known = {(one.subject, one.object) for one in many}
    assert not {(one.subject, one.object) for one in direct.propose(left, right, kinds, model, threshold=0.0, limit=3, known=known)} & known


def test_meaning_finds_what_words_do_not():
    graph = make_graph()
    a, b = make_items("a", x=("Snails",), y=("Rubbish",)), make_items("b", x=("Slugs",), y=("Litter",), z=("Noise",))
    kinds = direct.evidence(a, b, direct_tasks.pool_of(graph, WordEncoder()))
    assert direct.fuse(kinds).argmax(axis=1).tolist() == [0, 1]
    for values in kinds.values():
        assert values.shape == (2, 3)
        assert np.isfinite(values).all()


def test_frequencies_tell_broader_from_narrower(practised):
    model, pool = practised
    a, b = make_items("a", x=("Weeds",)), make_items("b", x=("Weeds in beds",))
    kinds = direct.evidence(a, b, pool)

    def chances(given, back):
        numbers = [np.array([[value]], np.float32) for value in (given, back)]
        return direct.relation_chances(direct.features(kinds), model, *numbers)[0, 0], direct.propose(
            a, b, kinds, model, threshold=0.0, limit=1, given=numbers[0], back=numbers[1]
        )[0]

    plain = direct.relation_chances(direct.features(kinds), model, None, None)[0, 0]
    broad, narrow = chances(0.98, 0.05)[0] / plain, chances(0.05, 0.98)[0] / plain
    assert (broad.argmax(), narrow.argmax()) == (2, 1)
    assert chances(0.98, 0.05)[1].given == pytest.approx(0.98)


def test_scores_against_a_reference(pair, practised):
    left, right, reference = pair
    model, pool = practised
    scored = outside.score(outside.Pair(left, right, reference, True), pool)
    summary = outside.summary([scored])
    assert summary["fused"]["pairs"] == 4
    assert summary["fused"]["recall@1"][0] >= 0.75
    assert summary["fused"]["mrr"][0] >= summary["exact label"]["mrr"][0]
    told = outside.accepted(scored, model, 0.0, True, True)
    assert told["right"] >= 3
    assert told["pairs"] == 4
    strange = readers.Reference("r", {("a", "b"): "skos:exactMatch"})
    with pytest.raises(InputError, match="Do the ids agree"):
        outside.score(outside.Pair(left, right, strange, True), pool)


def test_the_command_scores_an_owl_pair(tmp_path):
    left, right, reference = alignment_files.write(tmp_path)
    told = CliRunner().invoke(app, ["evaluate", "--direct", str(left), str(right), "--reference", str(reference), "--equivalence", "--one-to-one", "--json"])
    assert told.exit_code == 0, told.output
    value = json.loads(told.stdout)["outside"]
    assert value["accepted"][0]["right"] >= 2
    out = tmp_path / "p.sssom.tsv"
    assert CliRunner().invoke(app, ["--direct", str(left), str(right), "--one-to-one", "--threshold", "0", "-o", str(out)]).exit_code == 0
    assert sssom.read(out).rows


@contextlib.contextmanager
def endpoint(answer):
    """A real chat-completions server on the loopback; what it was asked lies in `asked`."""
    asked = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            asked.append((self.path, json.loads(self.rfile.read(int(self.headers["Content-Length"])))))
            text = answer(asked[-1][1]["messages"][0]["content"])
            body = text if isinstance(text, bytes) else json.dumps({"choices": [{"message": {"content": text}}]}).encode()
            self.send_response(500 if body == b"" else 200)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1", asked
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


ITEMS = {key: Item(key, key.split(":")[1], (), f"About {key}.") for key in ("a:x", "b:good", "b:bad")}
ASKED = [Proposal("a:x", "b:bad", "skos:relatedMatch", 0.5, 0.6, 0.6, {}, "words"), Proposal("a:x", "b:good", "skos:relatedMatch", 0.5, 0.5, 0.5, {}, "")]


def test_an_endpoint_with_a_password_in_it_is_refused_without_showing_it(tmp_path):
    with pytest.raises(InputError, match="OPENAI_API_KEY") as caught:
        Judge("http://me:hidden@127.0.0.1:9/v1", "m", tmp_path)
    assert "hidden" not in str(caught.value)


def test_the_judge_reranks_and_is_asked_once(tmp_path):
    with endpoint(lambda prompt: "<think>exact? no</think>Narrow." if "good" in prompt else "none") as (url, asked):
        found = rerank(ASKED, ITEMS, ITEMS, Judge(url, "m", tmp_path), 0.3, lambda *_: None)
        assert [one.object for one in found] == ["b:good"], "0.6 becomes 0.27 and falls below the threshold"
        assert found[0].relation == "skos:narrowMatch"
        assert found[0].confidence == pytest.approx(0.8)
        assert found[0].evidence["judge"] == 1.0
        assert found[0].because == "judge m: narrow"
        assert len(asked) == 2
        assert asked[0][0] == "/v1/chat/completions"
        assert asked[0][1]["model"] == "m"
        rerank(ASKED, ITEMS, ITEMS, Judge(url, "m", tmp_path), 0.3, lambda *_: None)
        assert len(asked) == 2, "verdicts are kept"
        rerank(ASKED, ITEMS, ITEMS, Judge(url, "other", tmp_path), 0.3, lambda *_: None)
        assert len(asked) == 4


@pytest.mark.parametrize(
    ("answer", "told"), [(b"", "cannot be asked"), (b"no json", "cannot be asked"), (b"{}", "not as a chat-completions"), ("maybe", "names none of")]
)
def test_a_judge_that_cannot_judge_is_told(tmp_path, answer, told):
    with endpoint(lambda prompt: answer) as (url, _), pytest.raises(InputError, match=told):
        rerank(ASKED, ITEMS, ITEMS, Judge(url, "m", tmp_path), 0.3, lambda *_: None)
    with pytest.raises(InputError, match="no http address"):
        Judge("file:///etc/passwd", "m")


def make_rows(name, slugs, texts):
    found = instances.Labelled(slugs)
    for number, (text, violated) in enumerate(texts):
        found.words.append(instances.hashed(text))
        found.violated.append([slugs.index(slug) for slug in violated])
        found.texts.append((hash((name, number)), "prompt"))
    return found


def test_a_classifier_tells_what_the_other_list_would_say():
    random = np.random.default_rng(0)
    fill = ["green", "boat", "slow", "paper", "window"]

    def texts(words, slug, count):
        return [(f"{random.choice(words)} {random.choice(fill)} {random.choice(words)}", [slug] if slug else []) for _ in range(count)]

    wide = make_rows("wide", ["animals"], texts(["cat", "dog"], "animals", 40) + texts(["stone", "cloud"], "", 40))
    fine = make_rows("fine", ["cats", "rocks"], texts(["cat"], "cats", 40) + texts(["stone"], "rocks", 40))
    shares = instances.shares({"wide": wide, "fine": fine})
    assert shares.given["fine:cats", "wide:animals"] > 0.6 > 0.4 > shares.given["fine:rocks", "wide:animals"]
    a, b = make_items("fine", cats=("Cats",), rocks=("Rocks",), rare=("Rare",)), make_items("wide", animals=("Animals",))
    lift = instances.matrix(shares, a, b, lift=True)
    assert lift[0, 0] > 0.1
    assert lift[1, 0] == 0
    assert np.isnan(lift[2, 0])


def test_a_text_labelled_twice_counts_as_it_was_labelled():
    one = make_rows("one", ["a", "b"], [(f"word{number}", ["a"]) for number in range(20)] + [(f"other{number}", ["b"]) for number in range(20)])
    other = make_rows("other", ["c"], [(f"word{number}", ["c"]) for number in range(20)] + [("x", [])] * 20)
    other.texts[:20] = one.texts[20:]
    assert instances.shares({"one": one, "other": other}).given["one:b", "other:c"] == pytest.approx(1.0)


POLICY = """# Community rules
Be kind.

## 1. Violence
What hurts people.

### Threats
Saying that somebody will be *hurt*.

### Weapons
- knives
- guns

## 2. Spam
Unwanted advertising.

```
## not a heading
```
"""


def test_headings_become_items():
    items = imports.of_markdown(POLICY)
    assert [(item.label, item.parent) for item in items] == [("1. Violence", None), ("Threats", "1. Violence"), ("Weapons", "1. Violence"), ("2. Spam", None)]
    assert items.items[1].definition == "Saying that somebody will be hurt."
    with pytest.raises(InputError, match="neither headings nor bullets"):
        imports.of_markdown("Just prose.")


@pytest.mark.parametrize("name", ["list.csv", "list.md"])
def test_an_import_is_a_taxonomy_file(tmp_path, name):
    source, out = tmp_path / name, tmp_path / "mine.yaml"
    source.write_text(POLICY if name.endswith("md") else 'code,name,definition\nS1,Theft,"Taking: things"\nS2,Theft,"yes, no"\n', encoding="utf-8")
    assert CliRunner().invoke(app, ["import", str(source), "-o", str(out), "--publisher", "Me"]).exit_code == 0
    taxonomy = read_taxonomy(out)
    assert taxonomy.publisher == "Me"
    assert not taxonomy.labels.exhaustive
    if name.endswith("csv"):
        assert [(one.slug, one.code, one.definition) for one in taxonomy.categories] == [("theft", "S1", "Taking: things"), ("theft_2", "S2", "yes, no")]
    else:
        assert [one.slug for one in taxonomy.categories] == ["violence", "threats", "weapons", "spam"]
        assert taxonomy["threats"].parent == "violence"


def test_usage_errors_are_told():
    for args, told in (
        (["propose"], "either one taxonomy"),
        (["x.yaml", "--judge", "http://x"], "belong together"),
        (["evaluate", "--direct", "a", "b"], "belong together"),
    ):
        result = CliRunner().invoke(app, args)
        assert isinstance(result.exception, InputError)
        assert told in str(result.exception)


def test_lists_of_nothing():
    pool = direct_tasks.pool_of(make_graph(), None)
    kinds = direct.evidence(make_items("a", x=("",)), make_items("b", x=("y",)), pool)
    assert all(np.isfinite(values).all() for values in kinds.values())


def test_a_code_is_no_name_and_one_text_is_one_category():
    """`S5` is specialised advice in one edition and defamation in the next."""
    lists = [readers.read_items(name) for name in ("llama-guard-2", "llama-guard-3")]
    assert not any("s5" in item.names for items in lists for item in items)
    same = direct.same_text(*lists)
    pairs = {(lists[0].items[row].id.split(":")[1], lists[1].items[column].id.split(":")[1]) for row, column in zip(*np.nonzero(same), strict=True)}
    assert ("specialized_advice", "specialized_advice") in pairs and all(one == other for one, other in pairs)
