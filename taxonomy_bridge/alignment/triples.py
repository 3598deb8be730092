"""RDF files as triples: RDF/XML by the standard library, other syntaxes through rdflib if it is installed."""

from __future__ import annotations

import importlib
import importlib.util
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urljoin
from xml.etree import ElementTree

from taxonomy_bridge.errors import InputError, MissingExtraError

RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
XML = "{http://www.w3.org/XML/1998/namespace}"
MAX_BYTES = 256 << 20
SYNTAXES = {".ttl": "turtle", ".nt": "nt", ".jsonld": "json-ld", ".n3": "n3", ".trig": "trig"}
_ENTITY = re.compile(rb"<!ENTITY\s+(%?)\s*\S+\s+(?:\"([^\"]*)\"|'([^']*)'|(SYSTEM|PUBLIC))")


@dataclass(frozen=True)
class Triple:
    """`language` is None for a reference to a node, and the language tag, or "", for words."""

    subject: str
    predicate: str
    object: str
    language: str | None = None


def parse_xml(path: Path) -> ElementTree.Element:
    """The root element. Entities may abbreviate a namespace; those that nest or point outside are refused. Raises `InputError`."""
    if path.stat().st_size > MAX_BYTES:
        raise InputError(f"{path} is larger than {MAX_BYTES} bytes.")
    raw = path.read_bytes()
    flat = raw.replace(b"\0", b"")  # also finds declarations in UTF-16
    entities = list(_ENTITY.finditer(flat))
    if len(entities) != flat.count(b"<!ENTITY") or any(found[1] or found[4] or b"&" in (found[2] or found[3] or b"") for found in entities):
        raise InputError(f"{path} declares entities that nest or point outside. Only plain abbreviations are read.")
    try:
        return ElementTree.fromstring(raw)
    except (ElementTree.ParseError, ValueError, LookupError) as error:
        raise InputError(f"{path} is no XML: {error}") from error


def read_triples(path: Path) -> list[Triple]:
    """All triples of a file. Raises `InputError`, or `MissingExtraError` for a syntax that needs rdflib."""
    if path.suffix in SYNTAXES:
        return list(_by_library(path, SYNTAXES[path.suffix]))
    root = parse_xml(path)
    if root.tag != f"{{{RDF}}}RDF":
        raise InputError(f"{path} is no RDF/XML: its root is {root.tag!r}. Save the ontology as RDF/XML.")
    reader = _Reader(root.get(f"{XML}base", ""))
    found: list[Triple] = []
    for element in root:
        reader.node(element, found, "")
    return found


class _Reader:
    """The striped syntax: nodes hold properties, properties hold nodes or words."""

    def __init__(self, base: str) -> None:
        self._base = base
        self._blank = 0

    def node(self, element: ElementTree.Element, found: list[Triple], language: str) -> str:
        """Add what a node element says; its name."""
        language = element.get(f"{XML}lang", language)
        about, name, blank = (element.get(f"{{{RDF}}}{key}") for key in ("about", "ID", "nodeID"))
        subject = self._whole(about) if about is not None else f"{self._base.rstrip('#')}#{name}" if name else f"_:{blank}" if blank else self._fresh()
        if (kind := _iri(element.tag)) != f"{RDF}Description":
            found.append(Triple(subject, f"{RDF}type", kind))
        found += [
            Triple(subject, _iri(key), value, language)
            for key, value in element.attrib.items() if not key.startswith((f"{{{RDF}}}", XML)) and key.startswith("{")
        ]  # fmt: skip
        for part in element:
            self._property(subject, part, found, language)
        return subject

    def _property(self, subject: str, element: ElementTree.Element, found: list[Triple], language: str) -> None:
        language = element.get(f"{XML}lang", language)
        predicate, how = _iri(element.tag), element.get(f"{{{RDF}}}parseType")
        resource, blank = element.get(f"{{{RDF}}}resource"), element.get(f"{{{RDF}}}nodeID")
        if resource is not None or blank is not None:
            found.append(Triple(subject, predicate, self._whole(resource) if resource is not None else f"_:{blank}"))
        elif how == "Resource":
            inner = self._fresh()
            found.append(Triple(subject, predicate, inner))
            for part in element:
                self._property(inner, part, found, language)
        elif len(element) and how != "Literal":
            found += [Triple(subject, predicate, self.node(part, found, language)) for part in element]
        else:
            found.append(Triple(subject, predicate, "".join(element.itertext()), language))

    def _whole(self, reference: str) -> str:
        if re.match(r"[A-Za-z][A-Za-z0-9+.-]*:", reference):
            return reference
        base = self._base.split("#")[0]
        return f"{base}{reference}" if not reference or reference.startswith("#") else urljoin(base, reference)

    def _fresh(self) -> str:
        self._blank += 1
        return f"_:made{self._blank}"


def _iri(tag: str) -> str:
    return tag[1:].replace("}", "", 1) if tag.startswith("{") else tag


def _by_library(path: Path, syntax: str) -> Iterator[Triple]:
    if importlib.util.find_spec("rdflib") is None:
        raise MissingExtraError.needed(f"reading {path.name} (RDF/XML needs nothing)", "ontologies")
    rdflib: Any = importlib.import_module("rdflib")

    try:
        graph = rdflib.Graph().parse(path, format=syntax)
    except Exception as error:
        raise InputError(f"{path} is no {syntax}: {error}") from error
    for subject, predicate, thing in sorted(graph, key=lambda triple: tuple(map(str, triple))):
        language = (thing.language or "") if isinstance(thing, rdflib.Literal) else None
        yield Triple(str(subject), str(predicate), str(thing), language)
