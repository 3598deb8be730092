"""The graph as a whole: the bundled one, and small ones with one fault each."""

from __future__ import annotations

import json
import subprocess
import sys

import networkx as nx
import numpy as np
import pytest
from small_graphs import make_graph, make_mapping, make_taxonomy, make_vocabulary

from taxonomy_bridge import registry, sssom
from taxonomy_bridge.comparison import agreement, compare
from taxonomy_bridge.crosswalks import COLUMNS, crosswalk, neighbours
from taxonomy_bridge.errors import MappingError, UnknownNameError
from taxonomy_bridge.explain import explain
from taxonomy_bridge.extents import RELATIONS, Relation, relate_all
from taxonomy_bridge.graph import load_graph
from taxonomy_bridge.graph_checks import borders, coverage, misformatted, per_pair, problems, statistics
from taxonomy_bridge.mapping import canonical
from taxonomy_bridge.network import graphml_text


@pytest.fixture(scope="module")
def graph():
    return load_graph()


def test_at_least_forty_taxonomies_and_nine_hundred_categories_are_mapped_or_no_harm(graph):
    told = statistics(graph)
    assert told["taxonomies"] >= 40 and told["categories"] >= 900
    assert told["mapped"] + told["no_harm"] == told["categories"]
    assert set(registry.names("mappings")) == set(registry.names("taxonomies"))


def test_the_bundled_graph_has_no_problem(graph):
    assert problems(graph) == []
    assert misformatted(graph) == []


def test_every_named_border_of_the_vocabulary_is_drawn_or_told(graph):
    undrawn = [(line["concept"], line["against"]) for line in borders(graph) if not line["drawn_by"]]
    assert len(undrawn) <= statistics(graph)["concepts"]["borders"] * 0.1, undrawn


def test_relations_agree_with_the_table_of_all_pairs_except_where_publishers_state_more(graph):
    table = relate_all(graph.masks, graph.masks)
    draw = np.random.default_rng(7)
    for a, b in draw.integers(0, len(graph.categories), (3000, 2)).tolist():
        first, second = graph.categories[a], graph.categories[b]
        stated = second in graph.above(first) or first in graph.above(second)
        if not stated or graph.extents[first] is None or graph.extents[second] is None:
            assert graph.relation(first, second) is RELATIONS[table[a, b]]
        assert graph.relation(second, first) is graph.relation(first, second).converse


def test_children_and_twins_relate_as_stated_whatever_their_extents_leave_open(graph):
    for name, taxonomy in graph.taxonomies.items():
        for slug, category in taxonomy.by_slug.items():
            here = f"{name}:{slug}"
            if graph.extents[here] is None:
                continue
            for above in taxonomy.ancestors(slug):
                assert graph.relation(here, f"{name}:{above}") is Relation.NARROWER
                assert graph.extents[here].outer <= graph.extents[f"{name}:{above}"].outer
            for twin in category.same_as:
                assert graph.relation(here, twin) is Relation.EQUAL


def test_codes_are_never_joined_across_editions(graph):
    assert graph.relation("llama-guard-2:S5", "llama-guard-3:S5") is Relation.DISJOINT
    assert graph.relation("llama-guard-2:S5", "llama-guard-3:S6") is Relation.EQUAL


@pytest.mark.parametrize(
    ("name", "word"), [("beavertail:x", "Did you mean beavertails"), ("beavertails:animal_abus", "Did you mean animal_abuse"), ("nothing", "no taxonomy named")]
)
def test_unknown_names_are_told_with_what_is_near(graph, name, word):
    with pytest.raises(UnknownNameError, match=word):
        graph.resolve(name)


def test_categories_are_found_by_slug_code_and_native_label(graph):
    found = {graph.resolve(f"beavertails:{name}") for name in ("drug_abuse_weapons_banned_substance", "drug_abuse,weapons,banned_substance")}
    assert found == {"beavertails:drug_abuse_weapons_banned_substance"}


def test_an_explanation_holds_the_rows_behind_every_concept(graph):
    told = explain(graph, "llama-guard-3:S4", "aegis-2.0:S7")
    assert told.relation is Relation.NARROWER
    for item in told.concepts:
        assert bool(item.first_rows) == (item.first != "no") and bool(item.second_rows) == (item.second != "no")
        assert all(row.get("comment") and row.get("author_label") and row.get("mapping_date") for row in (*item.first_rows, *item.second_rows))
    assert "is narrower than" in str(told)
    stated = explain(graph, "openai-moderation-2022:hate_threatening", "openai-moderation-2022:hate")
    assert stated.stated == ("openai-moderation-2022:hate_threatening", "openai-moderation-2022:hate") and "Publishers state it" in stated.reason
    assert "no extent" in explain(graph, "qwen3guard:jailbreak", "beavertails:animal_abuse").reason


def test_a_crosswalk_is_written_as_sssom_csv_markdown_and_data_frame(graph, tmp_path):
    walk = crosswalk("beavertails", "openai-moderation-2022", graph)
    assert len(walk) == 14 * 8 == sum(walk.counts.values())
    walk.to_sssom(tmp_path / "x.sssom.tsv")
    table = sssom.read(tmp_path / "x.sssom.tsv")
    assert len(table.rows) == sum(row.relation not in (Relation.UNCLEAR, Relation.NOT_COMPARABLE) for row in walk)
    assert {row.get("mapping_justification") for row in table.rows} == {"semapv:MappingChaining"}
    assert list(walk.to_pandas().columns) == list(COLUMNS) and len(walk.to_pandas()) == len(walk)
    assert len(walk.csv_text().splitlines()) == len(walk) + 1 and walk.markdown().startswith("| category |")
    # Our own derived file agrees with ourselves, row by row.
    assert agreement(compare(graph, table)) == {"agree": len(table.rows), "contradict": 0, "not comparable": 0}


def test_cells_that_a_spreadsheet_would_run_are_made_inert():
    vocabulary = make_vocabulary("noise")
    hostile = make_taxonomy("one", {"a": {"name": "=HYPERLINK(1)"}, "b": {"name": "a|b<script>"}})
    small = make_graph(vocabulary, (hostile, {"a": (["noise"], []), "b": (["noise"], [])}), (make_taxonomy("two", ["c"]), {"c": (["noise"], [])}))
    walk = crosswalk("one", "two", small)
    assert "'=HYPERLINK" in walk.csv_text() and "\\|b&lt;script>" in walk.markdown()


def test_neighbours_are_of_other_lists_and_sorted_by_likeness(graph):
    found = neighbours(graph, "beavertails:animal_abuse", 5)
    assert len(found) == 5 and [item.likeness for item in found] == sorted((item.likeness for item in found), reverse=True)
    assert not any(item.category.startswith("beavertails:") for item in found)


def test_the_network_holds_every_category_concept_and_row_and_is_written_as_graphml(graph, tmp_path):
    network = graph.network
    kinds = [data["kind"] for _, data in network.nodes(data=True)]
    assert (
        kinds.count("category") == len(graph.categories)
        and kinds.count("taxonomy") == len(graph.taxonomies)
        and kinds.count("concept") == len(graph.vocabulary.ids)
    )
    assert sum(data["kind"] == "maps" for *_, data in network.edges(data=True)) == sum(len(mapping.rows) for mapping in graph.mappings.values())
    (tmp_path / "g.graphml").write_text(graphml_text(graph), encoding="utf-8")
    assert nx.read_graphml(tmp_path / "g.graphml").number_of_nodes() == network.number_of_nodes()


def test_coverage_and_statistics_add_up(graph):
    told = coverage(graph, "toxic-agents")
    assert told["certain"] and not set(told["certain"]) & set(told["possible"])
    numbers = statistics(graph)
    assert sum(one["categories"] for one in numbers["by_taxonomy"].values()) == numbers["categories"]
    two = next(row for row in per_pair(graph) if {row["first"], row["second"]} == {"beavertails", "pku-saferlhf"})
    assert sum(two[relation.value] for relation in Relation) == 14 * 19


@pytest.mark.parametrize(
    ("build", "word"),
    [
        (lambda v: make_graph(v, (make_taxonomy("one", ["a", "b"]), {"a": (["noise"], [])})), "one:b has no row"),
        (lambda v: make_graph(v, (make_taxonomy("one", {"a": {"same_as": ("two:z",)}}), {"a": (["noise"], [])})), "which no taxonomy has"),
        (
            lambda v: make_graph(v, (make_taxonomy("one", {"a": {"same_as": ("one:b",)}, "b": {}}), {"a": (["noise"], []), "b": (["noise"], [])})),
            "of its own list",
        ),
        (
            lambda v: make_graph(
                v, (make_taxonomy("one", {"a": {"same_as": ("two:b",)}}), {"a": (["noise"], [])}), (make_taxonomy("two", ["b"]), {"b": (["dust"], [])})
            ),
            "their mappings differ",
        ),
        (
            lambda v: make_graph(
                v,
                (
                    make_taxonomy("one", {"a": {"same_as": ("two:b",)}, "c": {"parent": "a", "same_as": ("two:b",)}}),
                    {"a": (["noise"], []), "c": (["noise"], [])},
                ),
                (make_taxonomy("two", ["b"]), {"b": (["noise"], [])}),
            ),
            "lie inside each other",
        ),
        (lambda v: make_graph(v, (make_taxonomy("one", {"a": {"harm": False}, "b": {"parent": "a"}}), {"b": (["noise"], [])})), "is marked `harm: false`"),
        (lambda v: make_graph(v, (make_taxonomy("one", ["a"]), {"a": (["noise"], [])})), "no mapping uses the concept 'dust'"),
        (lambda v: make_graph(v, (make_taxonomy("one", ["a"]), {"a": (["noise", "dust"], [])})), "no category tells 'noise' and 'dust' apart"),
    ],
)
def test_each_fault_between_files_is_told_with_what_to_do(build, word):
    told = problems(build(make_vocabulary("noise", "dust")))
    assert any(word in problem for problem in told), told


def _foreign(graph, *rows):
    values = [
        {"subject_id": a, "predicate_id": p, "object_id": b, "mapping_justification": "semapv:ManualMappingCuration"}
        | ({"predicate_modifier": "Not"} if negated else {})
        for a, p, b, negated in rows
    ]
    return compare(graph, sssom.make_table("theirs", [sssom.Row(value) for value in values], {}))


def test_a_crosswalk_by_others_is_compared_row_by_row(graph):
    told = _foreign(
        graph,
        ("llama-guard-3:S4", "skos:exactMatch", "polyguard:S4", False),
        ("llama-guard-3:S4", "skos:narrowMatch", "aegis-2.0:sexual_minor", False),
        ("llama-guard-3:S5", "skos:relatedMatch", "openai-moderation-api:self-harm", False),
        ("llama-guard-3:S4", "skos:exactMatch", "polyguard:S4", True),
        ("llama-guard-3:S4", "skos:mappingRelation", "nobody:x", False),
        ("llama-guard-3:S4", "skos:mappingRelation", sssom.NO_TERM, False),
    )
    assert [item.outcome for item in told] == ["agree", "contradict", "contradict", "contradict", "not comparable", "not comparable"]


def test_gold_crosswalks_by_others_agree(shared, graph):
    """Of the positive rows of tiers A to C between bundled lists none is disjoint, and the exact rows come out equal, narrower or broader."""
    exact = []
    for path in sorted((shared / "gold").glob("[!s]*.sssom.tsv")):
        for item in compare(graph, sssom.read(path)):
            if item.ours is not None and not item.row.negated:
                assert item.outcome != "contradict", item
                if item.row.predicate == "skos:exactMatch":
                    exact.append(item.ours in (Relation.EQUAL, Relation.NARROWER, Relation.BROADER))
    assert len(exact) >= 11 and np.mean(exact) >= 0.7


def test_a_folder_of_ones_own_joins_the_graph_and_all_its_problems_are_told_at_once(tmp_path):
    (tmp_path / "mine.yaml").write_text(
        "id: mine\ntitle: Mine\nversion: '1'\nyear: 2026\npublisher: Me\nlabels: {multi_label: true, exhaustive: true, basis: Made up here.}\ncategories:\n  - {slug: a, name: Stealing}\n  - {slug: b, name: Threats}\n"
    )
    rows = [("a", "theft", "skos:exactMatch"), ("b", "threat-of-violence", "skos:narrowMatch")]
    header = "# curie_map:\n#   concept: x\n#   mine: y\nsubject_id\tpredicate_id\tobject_id\tmapping_justification\tauthor_label\tmapping_date\tcomment\n"
    body = "".join(f"mine:{a}\t{p}\tconcept:{c}\tsemapv:ManualMappingCuration\tMe\t2026-01-31\tNamed.\n" for a, c, p in rows)
    (tmp_path / "mine.sssom.tsv").write_text(header + body)
    graph = load_graph([tmp_path])
    assert graph.relation("mine:a", "beavertails:financial_crime_property_crime_theft") is Relation.NARROWER
    assert problems(graph) == []
    bad = tmp_path / "bad"
    bad.mkdir()
    (bad / "aegis-2.0.yaml").write_text((tmp_path / "mine.yaml").read_text().replace("id: mine", "id: aegis-2.0"))
    (bad / "nobody.sssom.tsv").write_text(header + body)
    (bad / "broken.yaml").write_text("id: [")
    with pytest.raises(MappingError) as raised:
        load_graph([bad])
    assert all(word in str(raised.value) for word in ("is bundled already", "no taxonomy named 'nobody'", "broken.yaml"))


def run(*arguments, cwd=None):
    return subprocess.run([sys.executable, "-m", "taxonomy_bridge", *arguments], capture_output=True, text=True, cwd=cwd)


@pytest.mark.parametrize(
    "arguments",
    [
        ("crosswalk", "beavertails", "hex-phi"),
        ("explain", "beavertails:animal_abuse", "aegis-2.0:S17"),
        ("neighbours", "beavertails:animal_abuse"),
        ("graph",),
        ("concepts", "list"),
        ("concepts", "show", "theft"),
        ("mappings", "list"),
        ("mappings", "show", "beavertails", "--category", "animal_abuse"),
        ("mappings", "stats"),
        ("mappings", "check"),
        ("policy", "show", "aegis-2.0"),
        ("policy", "cover", "hex-phi"),
        ("policy", "explain", "aegis-2.0", "beavertails:animal_abuse"),
    ],
)
def test_every_command_prints_a_table_and_json(arguments):
    plain, machine = run(*arguments), run(*arguments, "--json")
    assert plain.returncode == 0 and plain.stdout.strip(), plain.stderr
    assert machine.returncode == 0, machine.stderr
    json.loads(machine.stdout)


def test_files_are_written_once_and_replaced_only_by_force(tmp_path):
    options = ("crosswalk", "beavertails", "hex-phi", "--csv", "a.csv", "--sssom", "a.sssom.tsv", "--markdown", "a.md")
    assert run(*options, cwd=tmp_path).returncode == 0
    assert {path.name for path in tmp_path.iterdir()} == {"a.csv", "a.sssom.tsv", "a.md"}
    again = run(*options, cwd=tmp_path)
    assert again.returncode == 2 and "--force" in again.stderr
    assert run(*options, "--force", cwd=tmp_path).returncode == 0
    told = run("mappings", "compare", "a.sssom.tsv", cwd=tmp_path)
    assert told.returncode == 0 and "contradict" in told.stdout
    assert run("graph", "--graphml", "g.graphml", cwd=tmp_path).returncode == 0


def test_format_repairs_what_check_complains_about(tmp_path):
    name = "shieldgemma"
    text = registry.data_file("mappings", name).read_text(encoding="utf-8")
    path = tmp_path / f"{name}.sssom.tsv"
    path.write_text(text.replace("Theft and burglary", "Stealing").replace("# license", "# comment: hello\n# license"), encoding="utf-8")
    assert run("mappings", "format", str(path)).returncode == 0
    graph = load_graph()
    assert path.read_text(encoding="utf-8") == canonical(sssom.read(path), graph.taxonomies[name], graph.vocabulary) == text


def test_a_mapping_made_from_memory_is_canonical():
    taxonomy = make_taxonomy("one", ["a"])
    mapping = make_mapping(taxonomy, {"a": (["noise"], ["dust"])})
    text = canonical(mapping.table, taxonomy, make_vocabulary("noise", "dust"))
    assert canonical(sssom.parse(text), taxonomy, make_vocabulary("noise", "dust")) == text
