"""Curated mappings, the vocabulary and the extents that they give: all problems of a file at once, each with its line and what to do."""

from __future__ import annotations

import pytest
from small_graphs import CURATED, make_graph, make_mapping, make_taxonomy, make_vocabulary

from taxonomy_bridge import sssom
from taxonomy_bridge.errors import MappingError, ProblemsError, UnknownNameError
from taxonomy_bridge.extents import Extent, Relation
from taxonomy_bridge.graph import CategoryGraph
from taxonomy_bridge.mapping import Mapping, blank, own_extents, read_mapping
from taxonomy_bridge.sssom import Row
from taxonomy_bridge.vocabulary import read_vocabulary

VOCABULARY = make_vocabulary("litter", ("noise", ("shouting", "drumming")), "graffiti")
PARK = make_taxonomy("park", {"dirt": {}, "rubbish": {"parent": "dirt", "name": "Rubbish left behind"}, "racket": {}, "juggling": {"harm": False}})


def row(subject="park:rubbish", object_="concept:litter", predicate="skos:narrowMatch", **more):
    return {"subject_id": subject, "predicate_id": predicate, "object_id": object_, **CURATED, **more}


def write(folder, rows, header=None):
    """A file in the order given; returns its path and the line of each row."""
    columns = sorted({column for values in rows for column in values} | set(sssom.REQUIRED))
    head = blank(PARK, ()).header if header is None else header
    prefixes = [f"#   {name}: {value!r}" for name, value in head["curie_map"].items()]
    lines = ["# curie_map:", *prefixes, "# license: x", "\t".join(columns), *("\t".join(values.get(column, "") for column in columns) for values in rows)]
    path = folder / "park.sssom.tsv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    first = len(lines) - len(rows) + 1
    return path, list(range(first, first + len(rows)))


def problems_of(path):
    with pytest.raises(MappingError) as caught:
        read_mapping(path, PARK, VOCABULARY)
    assert str(caught.value) == "\n".join(caught.value.problems)
    return list(caught.value.problems)


GOOD = [row(), row("park:racket", "concept:noise", "skos:exactMatch"), row("park:racket", "concept:graffiti", "skos:exactMatch", predicate_modifier="Not")]


def test_a_good_file_is_read(tmp_path):
    path, lines = write(tmp_path, GOOD)
    mapping = read_mapping(path, PARK, VOCABULARY)
    assert mapping.taxonomy == "park" and [item.line for item in mapping.rows] == lines
    assert [item.object for item in mapping.of("racket")] == ["concept:noise", "concept:graffiti"] and mapping.of("dirt") == ()


def test_labels_predicates_and_authors_that_are_right_are_no_problem(tmp_path):
    rows = [
        row(subject_label="Rubbish left behind", object_label="Litter"),
        row(object_="concept:any-nuisance", predicate="skos:relatedMatch", object_label="Any nuisance"),
        row("park:dirt", "concept:graffiti", "skos:broadMatch", mapping_justification="semapv:MappingReview", author_label="", author_id="orcid:0"),
    ]
    assert len(read_mapping(write(tmp_path, rows)[0], PARK, VOCABULARY).rows) == 3


# One wrong row each, and all that is told of it.
WRONG = {
    "unknown concept": (row(object_="concept:liter"), ["no concept named 'liter'. Did you mean litter?"]),
    "a domain": (row(object_="concept:everyday"), ["'everyday' is a domain, and domains only group. Map to its concepts, one row each."]),
    "no concept at all": (
        row(object_="hall:waste"),
        ["the object 'hall:waste' is no concept. It reads `concept:<id>`; `taxonomy-bridge concepts list` prints them."],
    ),
    "an object without a prefix": (row(object_="litter"), ["the object 'litter' is no concept."]),
    "wrong prefix": (row("hall:rubbish"), ["the subject 'hall:rubbish' is not of park. Every row of this file begins with `park:`."]),
    "unknown category": (row("park:rubish"), ["no category of park named 'rubish'. Did you mean rubbish?"]),
    "no harm": (row("park:juggling"), ["park:juggling is marked `harm: false` and covers no concept. Remove the row, or the mark in the taxonomy."]),
    "wrong predicate": (
        row(predicate="skos:closeMatch"),
        ["the predicate 'skos:closeMatch' has no meaning here. Use one of: skos:broadMatch, skos:exactMatch, skos:narrowMatch, skos:relatedMatch."],
    ),
    "wrong modifier": (row(predicate_modifier="not"), ["the modifier 'not' is unknown. Use Not, or leave it empty."]),
    "no comment": (row(comment=""), ["the comment is empty. Say which words of the definition the row rests on."]),
    "no author": (row(author_label=""), ["nobody is named as the author. Fill in author_label."]),
    "no date": (row(mapping_date=""), ["the date '' is not of the form 2026-01-31."]),
    "a date in another form": (row(mapping_date="31.1.2026"), ["the date '31.1.2026' is not of the form 2026-01-31."]),
    "a machine": (
        row(mapping_justification="semapv:LexicalMatching"),
        ["the justification 'semapv:LexicalMatching' is not that of a person. Curated rows have: semapv:ManualMappingCuration, semapv:MappingReview. "
         "Proposals live in mappings/proposed/."],
    ),
    "stale label of the category": (
        row(subject_label="Rubbish"),
        ["the label of park:rubbish is 'Rubbish', the taxonomy says 'Rubbish left behind'. `taxonomy-bridge mappings format` repairs it."],
    ),
    "stale label of the concept": (
        row(object_label="Littering"),
        ["the label of concept:litter is 'Littering', the vocabulary says 'Litter'. `taxonomy-bridge mappings format` repairs it."],
    ),
    "several": (
        row("park:rubish", "concept:everyday", "skos:closeMatch", comment="", mapping_date="soon"),
        ["no category of park", "'everyday' is a domain", "the predicate 'skos:closeMatch'", "the date 'soon'", "the comment is empty."],
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_row_is_told_with_its_line_and_what_to_do(case, tmp_path):
    wrong, expected = WRONG[case]
    path, lines = write(tmp_path, [row("park:racket", "concept:noise"), wrong])
    told = problems_of(path)
    assert len(told) == len(expected)
    assert all(problem.startswith(f"{path}:{lines[1]}: {text}") for problem, text in zip(told, expected, strict=True)), told


def test_all_wrong_rows_of_a_file_are_told_at_once(tmp_path):
    path, lines = write(tmp_path, [wrong for wrong, _ in WRONG.values()])
    told = problems_of(path)
    for line, (_, expected) in zip(lines, WRONG.values(), strict=True):
        assert all(any(problem.startswith(f"{path}:{line}: {text}") for problem in told) for text in expected)
    assert {int(problem.removeprefix(f"{path}:").split(":")[0]) for problem in told} == set(lines)


# Rows that are right alone and wrong together: (rows, number of the row that is told, what is told; N is the line of row 0).
TOGETHER = {
    "the same row twice": ([row(), row()], 1, "park:rubbish and concept:litter stand here and in line N. One pair has one row: keep one."),
    "two predicates for one pair": (
        [row(), row(predicate="skos:relatedMatch")], 1, "park:rubbish and concept:litter stand here and in line N. One pair has one row",
    ),
    "refuted twice": ([row(predicate_modifier="Not"), row(predicate_modifier="Not")], 1, "park:rubbish and concept:litter stand here and in line N. One pair"),
    "once as a mapping and once refuted": (
        [row(), row(predicate_modifier="Not")], 1, "park:rubbish and concept:litter stand here and in line N, once as a mapping and once refuted. Keep one.",
    ),
    "refuted with another predicate": (
        [row(predicate_modifier="Not"), row(predicate="skos:relatedMatch")], 1, "park:rubbish and concept:litter stand here and in line N, once",
    ),
    "an exact match and more": (
        [row(predicate="skos:exactMatch"), row(object_="concept:graffiti", predicate="skos:relatedMatch")], 1,
        "park:rubbish is an exact match of concept:litter in line N. An exact match is the only positive row of its category: "
        "use skos:narrowMatch for concepts inside it.",
    ),
    "more and an exact match": (
        [row(predicate="skos:exactMatch"), row("park:racket", "concept:noise"), row(object_="concept:graffiti")], 2,
        "park:rubbish is an exact match of concept:litter in line N.",
    ),
    "two exact matches": (
        [row(object_="concept:graffiti", predicate="skos:exactMatch"), row(predicate="skos:exactMatch")], 0,
        "park:rubbish is an exact match of concept:litter in line M.",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", TOGETHER)
def test_rows_that_do_not_go_together_are_told_with_both_lines(case, tmp_path):
    rows, number, text = TOGETHER[case]
    path, lines = write(tmp_path, rows)
    assert [
        problem.startswith(f"{path}:{lines[number]}: {text.replace('line N', f'line {lines[0]}').replace('line M', f'line {lines[-1]}')}")
        for problem in problems_of(path)
    ] == [True]


def test_an_exact_match_leaves_room_for_refuted_rows_and_for_other_categories(tmp_path):
    rows = [
        row(predicate="skos:exactMatch"),
        row(object_="concept:graffiti", predicate_modifier="Not"),
        row("park:racket", "concept:noise"),
        row("park:racket"),
    ]
    assert len(read_mapping(write(tmp_path, rows)[0], PARK, VOCABULARY).rows) == 4


@pytest.mark.parametrize("missing", ["concept", "park"])
def test_a_prefix_that_is_not_declared_is_told_beside_the_rows(missing, tmp_path):
    header = {"curie_map": {name: value for name, value in blank(PARK, ()).header["curie_map"].items() if name != missing}}
    path, lines = write(tmp_path, [row(comment="")], header)
    assert problems_of(path) == [
        f"{path}:1: the header's curie_map does not declare the prefix {missing!r}. `taxonomy-bridge mappings format` adds it.",
        f"{path}:{lines[0]}: the comment is empty. Say which words of the definition the row rests on.",
    ]


def test_a_file_that_is_no_table_is_told_as_such(tmp_path):
    path = tmp_path / "park.sssom.tsv"
    path.write_text("subject_id\tobject_id\n", encoding="utf-8")
    assert problems_of(path)[0].startswith(f"{path}:1: the columns predicate_id, mapping_justification are missing.")


def test_a_blank_mapping_is_one_that_can_be_read(tmp_path):
    path = tmp_path / "park.sssom.tsv"
    path.write_text(sssom.format_table(blank(PARK, [Row(values) for values in GOOD])), encoding="utf-8")
    mapping = read_mapping(path, PARK, VOCABULARY)
    assert sorted(sorted(item.values.items()) for item in mapping.rows) == sorted(sorted(values.items()) for values in GOOD)
    assert set(mapping.table.prefixes) == {"park", "concept", "skos", "semapv"}


# --- extents -------------------------------------------------------------------------------------------------------------------------

NOISE = frozenset({"noise", "shouting", "drumming"})


def extents_of(*rows):
    return own_extents(Mapping("park", blank(PARK, [Row(values) for values in rows])), VOCABULARY)


@pytest.mark.parametrize(
    ("predicate", "expected"),
    [
        ("skos:exactMatch", Extent(NOISE, NOISE)),
        ("skos:narrowMatch", Extent(NOISE, NOISE)),
        ("skos:broadMatch", Extent((), NOISE)),
        ("skos:relatedMatch", Extent((), NOISE)),
    ],
)
def test_a_row_puts_a_concept_and_all_below_it_into_the_extent(predicate, expected):
    assert extents_of(row("park:racket", "concept:noise", predicate)) == {"racket": expected}
    assert extents_of(row("park:racket", "concept:noise", predicate, predicate_modifier="Not")) == {}


def test_a_concept_at_the_bottom_stands_for_itself_and_the_root_for_everything():
    assert extents_of(row("park:racket", "concept:shouting")) == {"racket": Extent({"shouting"}, {"shouting"})}
    assert extents_of(row("park:racket", "concept:any-nuisance", "skos:relatedMatch")) == {"racket": Extent((), VOCABULARY.ids)}
    assert VOCABULARY.ids == ("any-nuisance", "litter", "noise", "shouting", "drumming", "graffiti")


def test_rows_of_one_category_add_up_and_certain_beats_possible():
    rows = [
        row("park:racket", "concept:noise", "skos:relatedMatch"),
        row("park:racket", "concept:shouting"),
        row(),
        row("park:racket", predicate_modifier="Not"),
    ]
    assert extents_of(*rows) == {"racket": Extent({"shouting"}, NOISE), "rubbish": Extent({"litter"}, {"litter"})}


def test_a_parent_covers_what_its_rows_and_all_below_it_cover():
    tree = make_taxonomy(
        "tree",
        {"top": {}, "middle": {"parent": "top"}, "leaf": {"parent": "middle"}, "trick": {"parent": "top", "harm": False}, "bare": {},
         "stunt": {"harm": False}, "in-stunt": {"parent": "stunt"}},
    )  # fmt: skip
    rows = {"top": ([], ["graffiti"]), "leaf": (["litter"], ["shouting"]), "trick": (["drumming"], []), "in-stunt": (["litter"], [])}
    graph = make_graph(VOCABULARY, (tree, rows))
    leaf = Extent({"litter"}, {"litter", "shouting"})
    assert graph.extents == {
        "tree:top": leaf | Extent((), {"graffiti"}), "tree:middle": leaf, "tree:leaf": leaf, "tree:trick": None, "tree:bare": None, "tree:stunt": None,
        "tree:in-stunt": Extent({"litter"}, {"litter"}),
    }  # fmt: skip
    assert [item.subject for item in graph.rows("tree:top", "litter")] == ["tree:leaf"] and graph.rows("tree:bare", "litter") == ()


def test_what_is_stated_comes_before_what_extents_leave_open():
    hall = make_taxonomy("hall", {"untidiness": {}, "waste": {"parent": "untidiness", "same_as": ("park:rubbish",)}, "magic": {"harm": False}})
    graph = CategoryGraph(
        VOCABULARY,
        [PARK, hall],
        [make_mapping(PARK, {"rubbish": ((), ["litter"]), "racket": (["noise"], [])}), make_mapping(hall, {"waste": ((), ["litter"])})],
    )
    told = {
        ("park:rubbish", "park:dirt"): Relation.NARROWER, ("park:rubbish", "hall:waste"): Relation.EQUAL,
        ("park:rubbish", "hall:untidiness"): Relation.NARROWER,
        ("park:rubbish", "park:rubbish"): Relation.EQUAL, ("park:dirt", "hall:untidiness"): Relation.UNCLEAR,
        ("park:rubbish", "park:racket"): Relation.DISJOINT,
        ("park:rubbish", "hall:magic"): Relation.NOT_COMPARABLE,
    }  # fmt: skip
    for (one, other), expected in told.items():
        assert (graph.relation(one, other), graph.relation(other, one)) == (expected, expected.converse)
    assert graph.above("park:rubbish") == {"park:rubbish", "park:dirt", "hall:waste", "hall:untidiness"}


# --- the vocabulary ------------------------------------------------------------------------------------------------------------------

TOP = "version: 1\nroot: {id: any-nuisance, name: Any, scope: Everything.}\nconventions: []\n"
TOP += "domains:\n- id: everyday\n  name: Everyday\n  scope: Groups.\n  concepts:\n"


def vocabulary_file(folder, *lines, top=TOP):
    path = folder / "concepts.yaml"
    path.write_text(top + "\n".join(f"  {line}" for line in lines) + "\n", encoding="utf-8")
    return path


def vocabulary_problems(path):
    with pytest.raises(ProblemsError) as caught:
        read_vocabulary(path)
    return [problem.removeprefix(f"{path}:") for problem in caught.value.problems]


def test_a_good_vocabulary_is_read_in_its_order(tmp_path):
    path = vocabulary_file(
        tmp_path,
        "- {id: litter, name: Litter, scope: Things left., not: [{concept: graffiti, because: it is painted}]}",
        "- {id: noise, name: Noise, scope: Loud., concepts: [{id: shouting, name: Shouting, scope: By mouth.}]}",
        "- {id: graffiti, name: Graffiti, scope: Painted.}",
    )
    vocabulary = read_vocabulary(path)
    assert vocabulary.ids == ("any-nuisance", "litter", "noise", "shouting", "graffiti")
    assert vocabulary.parents == {"shouting": "noise"} and set(vocabulary.domain_of.values()) == {"everyday"}
    assert vocabulary.expand("noise") == {"noise", "shouting"} and vocabulary.expand("any-nuisance") == set(vocabulary.ids)
    assert (vocabulary.name("any-nuisance"), vocabulary.name("noise"), vocabulary["litter"].not_[0].concept) == ("Any", "Noise", "graffiti")
    for unknown in (vocabulary.name, vocabulary.expand, vocabulary.__getitem__):
        with pytest.raises(UnknownNameError, match=r"no concept named 'nois'. Did you mean noise"):
            unknown("nois")


def test_all_wrong_ids_and_neighbours_are_told_at_once(tmp_path):
    path = vocabulary_file(
        tmp_path,
        "- {id: litter, name: Litter, scope: Left., not: [{concept: grafiti, because: x}, {concept: litter, because: y}]}",
        "- {id: noise, name: Noise, scope: Loud., concepts: [{id: litter, name: Again, scope: Twice.}]}",
        "- {id: any-nuisance, name: Root, scope: Again.}",
        "- {id: Big Noise, name: Big, scope: Big.}",
        "- {id: graffiti, name: Graffiti, scope: Painted., not: [{concept: everyday, because: a domain}]}",
    )
    told = vocabulary_problems(path)
    starts = [
        ("9:", "no neighbour of litter named 'grafiti'. Did you mean graffiti?"),
        ("9:", "no neighbour of litter named 'litter'."),
        ("10:", "the concept 'litter' is defined twice. Keep one."),
        ("11:", "the concept 'any-nuisance' is defined twice. Keep one."),
        ("12:", "'Big Noise' is no id: lower-case letters, digits, dots and hyphens."),
        ("13:", "no neighbour of graffiti named 'everyday'."),
    ]
    assert len(told) == len(starts)
    assert all(problem.startswith(place) and text in problem for problem, (place, text) in zip(told, starts, strict=True)), told


def test_all_unknown_and_missing_keys_are_told_at_once(tmp_path):
    path = vocabulary_file(
        tmp_path,
        "- {id: litter, name: Litter, scope: Left., colour: green}",
        "- {id: noise, name: Noise}",
        "- {id: graffiti, name: G, scope: P., not: [{concept: litter}]}",
        "- {id: queues, name: Queues, scope: Jumped.}",
        top=TOP.replace("domains:\n", "domains:\n- {id: rare, name: Rare, scope: Groups., concepts: [{id: fog, name: Fog, scope: Made by machines.}]}\n"),
    )
    told = vocabulary_problems(path)
    assert [problem.split(":")[0] for problem in told] == ["10", "11", "12"]
    for problem, words in zip(
        told, ("concepts.0.colour: Extra inputs are not permitted.", "concepts.1.scope: Field required.", "not.0.because: Field required."), strict=True
    ):
        assert words in problem


def test_a_vocabulary_that_is_no_yaml_or_not_there_is_told(tmp_path):
    assert "not valid YAML" in vocabulary_problems(vocabulary_file(tmp_path, "- {id: litter"))[0]
    with pytest.raises(ProblemsError, match="cannot be read"):
        read_vocabulary(tmp_path / "none.yaml")
