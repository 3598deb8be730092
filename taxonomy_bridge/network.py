"""The graph of harms as one networkx graph: for walks, pictures and other tools.

Nodes carry `kind` (taxonomy, category, concept, domain) and `label`. Edges carry `kind`: `in` (category to taxonomy, concept to domain),
`parent` (category to parent, concept to the concept around it), `same_as` (both ways) and `maps` (category to concept, with the SSSOM columns).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import networkx as nx

from taxonomy_bridge.safetext import safe

if TYPE_CHECKING:
    from taxonomy_bridge.graph import CategoryGraph

KEPT = ("predicate_id", "predicate_modifier", "mapping_justification", "author_label", "mapping_date", "comment")


def build(graph: CategoryGraph) -> nx.MultiDiGraph[str]:
    """All of it. About two nodes for every category and concept.

    >>> from taxonomy_bridge.graph import load_graph
    >>> network = build(load_graph())
    >>> network.nodes["concept:theft"]["kind"], network.nodes["beavertails"]["kind"]
    ('concept', 'taxonomy')
    """
    network: nx.MultiDiGraph[str] = nx.MultiDiGraph()
    _add_concepts(network, graph)
    for name, taxonomy in graph.taxonomies.items():
        network.add_node(name, kind="taxonomy", label=taxonomy.title)
        for slug, category in taxonomy.by_slug.items():
            here = f"{name}:{slug}"
            network.add_node(here, kind="category", label=category.name, harm=category.harm)
            network.add_edge(here, name, kind="in")
            if category.parent is not None:
                network.add_edge(here, f"{name}:{category.parent}", kind="parent")
            for twin in category.same_as:
                network.add_edge(here, twin, kind="same_as")
                network.add_edge(twin, here, kind="same_as")
    for mapping in graph.mappings.values():
        for row in mapping.rows:
            network.add_edge(row.subject, row.object, kind="maps", **{column: row.get(column) for column in KEPT})
    return network


def _add_concepts(network: nx.MultiDiGraph[str], graph: CategoryGraph) -> None:
    vocabulary = graph.vocabulary
    network.add_node(f"concept:{vocabulary.root.id}", kind="concept", label=vocabulary.root.name)
    for domain in vocabulary.domains:
        network.add_node(f"domain:{domain.id}", kind="domain", label=domain.name)
    for concept in vocabulary.by_id.values():
        here = f"concept:{concept.id}"
        network.add_node(here, kind="concept", label=concept.name)
        network.add_edge(here, f"domain:{vocabulary.domain_of[concept.id]}", kind="in")
        parent = vocabulary.parents.get(concept.id, vocabulary.root.id)
        network.add_edge(here, f"concept:{parent}", kind="parent")


def graphml_text(graph: CategoryGraph) -> str:
    """The network as GraphML (for Gephi, yEd, Cytoscape); control characters in names, which XML cannot hold, are made visible."""
    network = build(graph)
    for _, data in network.nodes(data=True):
        data["label"] = safe(data["label"])
    for _, _, data in network.edges(data=True):
        data.update({key: safe(value) for key, value in data.items()})
    return "\n".join(nx.generate_graphml(network, named_key_ids=True)) + "\n"
