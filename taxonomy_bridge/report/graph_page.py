"""The page of the graph: every taxonomy, the vocabulary by domain, every category, and who covers what.

Everything stands in plain tables. The script reads them and adds search, cards, nearest categories and the picture; from outside the
tables it gets only extents and hierarchy, as numbers.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from taxonomy_bridge.graph import CategoryGraph
from taxonomy_bridge.report import html
from taxonomy_bridge.report.parts import Entry, concept_data, cut, entries, extent_data, fitting, relation_data, spans
from taxonomy_bridge.vocabulary import Concept

# Longest definition on a page at full length.
DEFINITION = 2_000


@dataclass(frozen=True)
class _Listed:
    """One taxonomy. `mapped`: categories with an extent; `exact`: those that leave nothing open; `domains`: (certain, possible, all) concepts of each."""

    id: str
    title: str
    publisher: str
    year: str
    note: str
    entries: tuple[Entry, ...]
    harms: int
    mapped: int
    exact: int
    domains: tuple[tuple[int, int, int], ...]

    @property
    def share(self) -> str:
        """Exact ones of the mapped ones."""
        return f"{100 * self.exact / self.mapped:.0f} %" if self.mapped else "–"


@dataclass(frozen=True)
class _Line:
    """One concept with its depth below the domain, and how many categories cover it for certain and possibly."""

    concept: Concept
    depth: int
    certain: int
    possible: int


def graph_page(graph: CategoryGraph) -> str:
    """One HTML file under 2 MB; what does not fit is counted on the page.

    Raises `MissingExtraError` without Jinja2.
    """
    return fitting(lambda share: _page(graph, share))


def _page(graph: CategoryGraph, share: float) -> str:
    listed = [_listed(graph, name) for name in graph.taxonomies]
    shown = [(item, cut(item.entries, max(int(len(item.entries) * share), 5))) for item in listed]
    covered = _covered(graph)
    domains = [(domain, list(_lines(domain.concepts, covered))) for domain in graph.vocabulary.domains]
    return html.render(
        "graph.html", ["common.js", "graph.js", "echarts.min.js"], _data(graph, [entry for _, part in shown for entry in part.shown]),
        listed=shown, domains=domains, root=graph.vocabulary.root,
        root_line=covered.get(graph.vocabulary.root.id, (0, 0)), names=graph.vocabulary.name,
        categories=len(graph.categories), names_count=len(graph.vocabulary.by_id), rows=sum(len(mapping.rows) for mapping in graph.mappings.values()),
        mapped=sum(item.mapped for item in listed), exact=sum(item.exact for item in listed), edition=str(graph.vocabulary.version),
        definition=max(int(DEFINITION * share), 80),
    )  # fmt: skip


def _listed(graph: CategoryGraph, name: str) -> _Listed:
    taxonomy, own = graph.taxonomies[name], entries(graph, name)
    extents = [entry.extent for entry in own if entry.extent is not None]
    certain = frozenset[str]().union(*(extent.inner for extent in extents))
    possible = frozenset[str]().union(*(extent.outer for extent in extents))
    inside = [[concept for top in domain.concepts for concept in graph.vocabulary.expand(top.id)] for domain in graph.vocabulary.domains]
    return _Listed(
        name, taxonomy.title, taxonomy.publisher, str(taxonomy.year), taxonomy.note or "", own, sum(category.harm for category in taxonomy.categories),
        len(extents), sum(extent.exact for extent in extents),
        tuple((sum(concept in certain for concept in domain), sum(concept in possible for concept in domain), len(domain)) for domain in inside),
    )  # fmt: skip


def _covered(graph: CategoryGraph) -> dict[str, tuple[int, int]]:
    """For each concept the number of categories that cover it for certain, and possibly."""
    found: dict[str, tuple[int, int]] = {}
    for extent in graph.extents.values():
        if extent is not None:
            for concept in extent.outer:
                certain, possible = found.get(concept, (0, 0))
                found[concept] = (certain + (concept in extent.inner), possible + (concept not in extent.inner))
    return found


def _lines(concepts: Iterable[Concept], covered: dict[str, tuple[int, int]], depth: int = 0) -> Iterable[_Line]:
    for concept in concepts:
        yield _Line(concept, depth, *covered.get(concept.id, (0, 0)))
        yield from _lines(concept.concepts, covered, depth + 1)


def _data(graph: CategoryGraph, shown: Sequence[Entry]) -> dict[str, Any]:
    """What the script needs beside the tables. Of each category that is listed, in order: two spans, and the places of those around it that publishers state."""
    order = {entry.id: number for number, entry in enumerate(shown)}
    place = graph.bits.place
    return {
        "concepts": concept_data(graph.vocabulary),
        "domains": [
            [domain.name, spans(place[concept] for top in domain.concepts for concept in graph.vocabulary.expand(top.id))]
            for domain in graph.vocabulary.domains
        ],
        "categories": [
            [*extent_data(graph, entry.extent), spans(order[other] for other in graph.above(entry.id) if other != entry.id and other in order)]
            for entry in shown
        ],
        "relations": relation_data(),
    }
