"""An invented pair of ontologies about a lending library, with a reference alignment, and other files that readers must read or refuse."""

from __future__ import annotations

_HEAD = """<?xml version="1.0"?>
<!DOCTYPE rdf:RDF [ <!ENTITY xsd "http://www.w3.org/2001/XMLSchema#"> <!ENTITY owl 'http://www.w3.org/2002/07/owl#'> ]>
<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns:rdfs="http://www.w3.org/2000/01/rdf-schema#" xmlns:owl="http://www.w3.org/2002/07/owl#"
  xmlns:skos="http://www.w3.org/2004/02/skos/core#" xml:base="{base}">
"""
LEFT = ["Book", "Borrower", "LibraryCard", "Loan", "Reservation", "Librarian", "ReadingRoom", "OverdueFine", "Shelf"]
RIGHT = ["Volume", "Reader", "Library_Card", "Lending", "Booking_of_Item", "Librarian", "Reading_room", "Late_Fee", "Catalogue"]
EQUAL = {"LibraryCard": "Library_Card", "Librarian": "Librarian", "ReadingRoom": "Reading_room", "Book": "Volume"}


def owl(base, names, extra=""):
    parts = [f'  <owl:Class rdf:about="{base}#{name}"><rdfs:subClassOf rdf:resource="{base}#Thing"/></owl:Class>\n' for name in names]
    return _HEAD.format(base=base) + "".join(parts) + extra + "</rdf:RDF>\n"


def alignment(pairs, relation="="):
    cells = "".join(
        f'<map><Cell><entity1 rdf:resource="http://left#{one}"/><entity2 rdf:resource="http://right#{other}"/><relation>{relation}</relation>'
        '<measure rdf:datatype="&xsd;float">1.0</measure></Cell></map>\n'
        for one, other in pairs.items()
    )
    return (
        '<?xml version="1.0"?><!DOCTYPE rdf:RDF [<!ENTITY xsd "http://www.w3.org/2001/XMLSchema#">]>\n'
        '<rdf:RDF xmlns="http://knowledgeweb.semanticweb.org/heterogeneity/alignment" xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        f"<Alignment><xml>yes</xml><level>0</level>{cells}</Alignment></rdf:RDF>"
    )


SKOS = """<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns:skos="http://www.w3.org/2004/02/skos/core#" xml:base="http://garden/">
  <skos:Concept rdf:about="weeds"><skos:prefLabel xml:lang="de">Unkraut</skos:prefLabel><skos:prefLabel xml:lang="en">Weeds</skos:prefLabel>
    <skos:altLabel xml:lang="en">Unwanted plants</skos:altLabel><skos:definition>Plants that nobody planted.</skos:definition></skos:Concept>
  <rdf:Description rdf:about="nettles"><rdf:type rdf:resource="http://www.w3.org/2004/02/skos/core#Concept"/><skos:prefLabel>Nettles</skos:prefLabel>
    <skos:broader rdf:resource="weeds"/></rdf:Description>
</rdf:RDF>
"""
BOMB = """<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">&b;</rdf:RDF>"""
OUTSIDE = """<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/hostname">]><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">&a;</rdf:RDF>"""


def write(folder):
    """The pair and its reference; their paths."""
    paths = [folder / name for name in ("left.owl", "right.owl", "reference.rdf")]
    prop = '  <owl:ObjectProperty rdf:ID="borrows"><rdfs:label xml:lang="en">borrows</rdfs:label></owl:ObjectProperty>\n  <owl:Class><rdfs:label>nameless</rdfs:label></owl:Class>\n'
    for path, text in zip(paths, (owl("http://left", LEFT, prop), owl("http://right", RIGHT), alignment(EQUAL)), strict=True):
        path.write_text(text, encoding="utf-8")
    return paths
