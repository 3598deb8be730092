"""Lists of anything from files, and references to score against: taxonomy YAML, OWL, SKOS, CSV and TSV, SSSOM, and the ontology-matching alignment format."""

from __future__ import annotations

import csv
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from taxonomy_bridge import registry, sssom
from taxonomy_bridge.alignment.items import Item, Items, of_taxonomy
from taxonomy_bridge.alignment.triples import RDF, SYNTAXES, Triple, parse_xml, read_triples
from taxonomy_bridge.errors import InputError
from taxonomy_bridge.taxonomy import load_taxonomy, read_taxonomy

_RDFS, _OWL, _SKOS = "http://www.w3.org/2000/01/rdf-schema#", "http://www.w3.org/2002/07/owl#", "http://www.w3.org/2004/02/skos/core#"
_KINDS = {
    f"{_OWL}Class": "class",
    f"{_RDFS}Class": "class",
    f"{_SKOS}Concept": "class",
    f"{_OWL}ObjectProperty": "property",
    f"{_OWL}DatatypeProperty": "property",
    **{f"{_OWL}{kind}Property": "property" for kind in ("Functional", "InverseFunctional", "Symmetric", "Transitive")},
    f"{RDF}Property": "property",
}
_LABELS = (f"{_SKOS}prefLabel", f"{_RDFS}label")
_ALIASES = (
    f"{_SKOS}altLabel",
    "http://www.geneontology.org/formats/oboInOwl#hasExactSynonym",
    "http://www.geneontology.org/formats/oboInOwl#hasRelatedSynonym",
)
_NOTES = (f"{_SKOS}definition", f"{_SKOS}scopeNote", f"{_RDFS}comment", "http://purl.obolibrary.org/obo/IAO_0000115")
_ABOVE = (f"{_RDFS}subClassOf", f"{_SKOS}broader", f"{_RDFS}subPropertyOf")
_COLUMNS = {
    "id": ("id", "slug", "code"),
    "label": ("label", "name", "title", "category"),
    "definition": ("definition", "description", "scope"),
    "parent": ("parent",),
}
_XML = frozenset({".owl", ".rdf", ".xml", ".skos"})


def read_items(name: str, side: str = "subject") -> Items:
    """A list by the id of a bundled taxonomy or by path; the ending says how it is read. From an SSSOM file, its subjects or objects.

    >>> len(read_items("beavertails"))
    14

    Raises `InputError` if the file holds no items.
    """
    path = Path(name)
    if name in registry.names("taxonomies"):
        return of_taxonomy(load_taxonomy(name))
    if not path.is_file():
        raise InputError(f"{name} is neither a file nor the id of a bundled taxonomy (`taxonomy-bridge taxonomies list`).")
    if path.suffix in {".yaml", ".yml"}:
        return of_taxonomy(read_taxonomy(path))
    if path.name.endswith(".sssom.tsv"):
        items = _of_mapping(path, side)
    elif path.suffix in {".csv", ".tsv"}:
        items = read_table(path)
    elif path.suffix in _XML or path.suffix in SYNTAXES:
        items = _of_ontology(path)
    else:
        raise InputError(f"{name}: the ending {path.suffix!r} is not read. Known: .yaml, .csv, .tsv, .sssom.tsv, .owl, .rdf, .xml, {', '.join(SYNTAXES)}.")
    if not len(items):
        raise InputError(f"{name} holds no categories, classes or concepts.")
    return items


def read_table(path: Path) -> Items:
    """CSV or TSV with a header. Columns are known by their usual names; without an id the label is the id."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: not UTF-8 at byte {error.start}. Save it as UTF-8.") from error
    lines = text.splitlines()
    reader = csv.DictReader(lines, delimiter="\t") if path.suffix == ".tsv" else csv.DictReader(lines, delimiter=_delimiter(lines))
    header = {name.strip().casefold(): name for name in reader.fieldnames or () if name}
    columns = {key: next((header[name] for name in names if name in header), None) for key, names in _COLUMNS.items()}
    if columns["label"] is None:
        raise InputError(f"{path}: no column is named {', '.join(_COLUMNS['label'])}. The header has: {', '.join(header) or 'nothing'}.")
    found: dict[str, Item] = {}
    for number, row in enumerate(reader, start=2):
        cell = {key: (row.get(name) or "").strip() if name else "" for key, name in columns.items()}
        if not cell["label"]:
            continue
        key = cell["id"] or cell["label"]
        if key in found:
            raise InputError(f"{path}:{number}: {key!r} stands there twice. Ids are unique.")
        found[key] = Item(key, cell["label"], (), cell["definition"], cell["parent"] or None)
    return Items(path.stem, tuple(found.values()))


def _delimiter(lines: list[str]) -> str:
    return max(",;\t", key=lambda mark: (lines[0].count(mark) if lines else 0, mark == ","))


def _of_mapping(path: Path, side: str) -> Items:
    found: dict[str, Item] = {}
    for row in sssom.read(path).rows:
        name = row.get(f"{side}_id")
        if name and name != sssom.NO_TERM:
            found.setdefault(name, Item(name, row.get(f"{side}_label") or name.split(":", 1)[-1]))
    return Items(path.name.removesuffix(".sssom.tsv"), tuple(found.values()))


def _of_ontology(path: Path) -> Items:
    """Classes, properties and SKOS concepts that have a name of their own; English or unmarked labels first."""
    said: dict[str, list[Triple]] = defaultdict(list)
    for triple in read_triples(path):
        said[triple.subject].append(triple)
    notes = {subject: _best(triples, _LABELS) for subject, triples in said.items()}  # also of annotation nodes, where synonyms may lie
    items = []
    for subject, triples in said.items():
        kind = next((_KINDS[triple.object] for triple in triples if triple.predicate == f"{RDF}type" and triple.object in _KINDS), None)
        if kind is None or subject.startswith(("_:", _OWL, _RDFS)):
            continue
        label = notes[subject] or subject.rsplit("#", 1)[-1].rsplit("/", 1)[-1]
        aliases = [triple.object if triple.language is not None else notes.get(triple.object, "") for triple in triples if triple.predicate in _ALIASES]
        aliases += [triple.object for triple in triples if triple.predicate in _LABELS and triple.language is not None and triple.object != label]
        parents = [triple.object for triple in triples if triple.predicate in _ABOVE and triple.language is None]
        above = next((parent for parent in parents if not parent.startswith(("_:", f"{_OWL}Thing"))), None)
        items.append(Item(subject, label, tuple(dict.fromkeys(filter(None, aliases))), _best(triples, _NOTES), above, kind))
    return Items(path.stem, tuple(items))


def _best(triples: list[Triple], predicates: tuple[str, ...]) -> str:
    """The words of the first predicate that has any, English or unmarked before others."""
    for predicate in predicates:
        words = [triple for triple in triples if triple.predicate == predicate and triple.language is not None and triple.object.strip()]
        if words:
            return min(words, key=lambda triple: (triple.language or "") not in ("", "en")).object.strip()
    return ""


@dataclass(frozen=True)
class Reference:
    """Pairs that somebody decided: `right` with the predicate stated, `wrong` refuted, `nothing` subjects for which no object fits."""

    name: str
    right: dict[tuple[str, str], str]
    wrong: frozenset[tuple[str, str]] = frozenset()
    nothing: frozenset[str] = frozenset()
    note: str = ""


_SIGNS = {
    "=": "skos:exactMatch", "Equivalence": "skos:exactMatch", "fr.inrialpes.exmo.align.impl.rel.EquivRelation": "skos:exactMatch",
    "<": "skos:broadMatch", "&lt;": "skos:broadMatch", ">": "skos:narrowMatch", "&gt;": "skos:narrowMatch",
}  # fmt: skip


def read_reference(path: Path) -> Reference:
    """An SSSOM file, or an alignment in the format of the Alignment API (`=`: exact, `<`: the first is narrower, `%`: disjoint, so refuted, `?`: not decided)."""
    if path.suffix not in {".rdf", ".xml", ".owl"}:
        table = sssom.read(path)
        positive = [row for row in table.rows if not row.negated and row.object != sssom.NO_TERM]
        refuted = frozenset((row.subject, row.object) for row in table.rows if row.negated)
        nothing = frozenset(row.subject for row in table.rows if row.object == sssom.NO_TERM)
        right = {(row.subject, row.object): row.predicate for row in positive}
        return Reference(path.name.removesuffix(".sssom.tsv"), right, refuted, nothing, str(table.header.get("comment", "")))
    right, wrong = {}, set()
    for cell in parse_xml(path).iter():
        if _local(cell.tag) != "Cell":
            continue
        parts = {_local(part.tag): part for part in cell}
        one, other = (_named(parts[key]) if key in parts else None for key in ("entity1", "entity2"))
        sign = (parts["relation"].text or "=").strip() if "relation" in parts else "="
        if one and other and sign == "%":
            wrong.add((one, other))
        elif one and other and sign != "?":
            right[(one, other)] = _SIGNS.get(sign, "skos:relatedMatch")
    if not right:
        raise InputError(f"{path} holds no cells with two entities. Expected the alignment format, or SSSOM as .tsv.")
    return Reference(path.stem, right, frozenset(wrong))


def _named(entity: ElementTree.Element) -> str | None:
    """The IRI that an entity of a cell names, as an attribute or by one typed node inside."""
    inner = entity[0] if len(entity) == 1 and not len(entity[0]) else None
    return entity.get(f"{{{RDF}}}resource") or (inner.get(f"{{{RDF}}}about") if inner is not None else None)


def _local(tag: str) -> str:
    return tag.rsplit("}", 1)[-1]
