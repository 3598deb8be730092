"""Small vocabularies, taxonomies, mappings and graphs with invented names, for tests that need their own."""

from __future__ import annotations

from taxonomy_bridge import sssom
from taxonomy_bridge.graph import CategoryGraph
from taxonomy_bridge.mapping import Mapping, blank
from taxonomy_bridge.taxonomy import Category, Labels, Taxonomy
from taxonomy_bridge.vocabulary import Concept, Domain, Root, Vocabulary

CURATED = {"mapping_justification": "semapv:ManualMappingCuration", "author_label": "A. Person", "mapping_date": "2026-01-31", "comment": "As defined."}


def make_vocabulary(*concepts):
    """One domain; a concept is a name, or a pair of a name and the names below it."""
    return Vocabulary(
        version=1,
        root=Root(id="any-nuisance", name="Any nuisance", scope="Every nuisance there is."),
        conventions=(),
        domains=(Domain(id="everyday", name="Everyday", scope="Groups.", concepts=tuple(_concept(concept) for concept in concepts)),),
    )


def _concept(spec):
    name, below = (spec, ()) if isinstance(spec, str) else spec
    return Concept(id=name, name=name.capitalize(), scope=f"Text about {name}.", concepts=tuple(_concept(child) for child in below))


def make_taxonomy(name, categories, multi_label=True, precedence=()):
    """`categories`: slug to the keys of its category, or a tuple of slugs."""
    keys = categories if isinstance(categories, dict) else {slug: {} for slug in categories}
    return Taxonomy(
        id=name, title=name, version="1", year=2026, publisher="Nobody", labels=Labels(multi_label=multi_label, exhaustive=True, basis="Made up here."),
        precedence=tuple(precedence), categories=tuple(Category(**{"slug": slug, "name": slug.capitalize(), **more}) for slug, more in keys.items()),
    )  # fmt: skip


def make_rows(taxonomy, extents):
    """Curated rows for `slug: (certain concepts, concepts that are only possible)`."""
    return [
        sssom.Row({"subject_id": f"{taxonomy.id}:{slug}", "predicate_id": predicate, "object_id": f"concept:{concept}", **CURATED})
        for slug, (certain, possible) in extents.items()
        for predicate, concepts in (("skos:narrowMatch", certain), ("skos:relatedMatch", possible))
        for concept in concepts
    ]


def make_mapping(taxonomy, extents):
    return Mapping(taxonomy.id, blank(taxonomy, make_rows(taxonomy, extents)))


def make_graph(vocabulary, *lists):
    """`lists`: pairs of a taxonomy and its extents."""
    return CategoryGraph(vocabulary, [taxonomy for taxonomy, _ in lists], [make_mapping(taxonomy, extents) for taxonomy, extents in lists])
