"""Many safety taxonomies in, one training set out: every sample judged under the policy it shows.

Names are loaded on first use, so `import taxonomy_bridge` costs nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from taxonomy_bridge.version import __version__ as __version__

if TYPE_CHECKING:
    from taxonomy_bridge import registry, rewards
    from taxonomy_bridge.check import check_export
    from taxonomy_bridge.crosswalks import Crosswalk, crosswalk
    from taxonomy_bridge.errors import ContradictionError
    from taxonomy_bridge.evaluation import evaluate
    from taxonomy_bridge.extents import Extent, Relation
    from taxonomy_bridge.graph import CategoryGraph, load_graph
    from taxonomy_bridge.pipeline import BuildReport, build, preview
    from taxonomy_bridge.reading import read
    from taxonomy_bridge.recipe import Recipe
    from taxonomy_bridge.sources import load_source
    from taxonomy_bridge.taxonomy import Category, Taxonomy, load_taxonomy
    from taxonomy_bridge.translation import decide

_HOME = {
    "BuildReport": "pipeline",
    "Category": "taxonomy",
    "CategoryGraph": "graph",
    "ContradictionError": "errors",
    "Crosswalk": "crosswalks",
    "Extent": "extents",
    "Recipe": "recipe",
    "Relation": "extents",
    "Taxonomy": "taxonomy",
    "build": "pipeline",
    "check_export": "check",
    "crosswalk": "crosswalks",
    "decide": "translation",
    "evaluate": "evaluation",
    "load_graph": "graph",
    "load_source": "sources",
    "load_taxonomy": "taxonomy",
    "preview": "pipeline",
    "read": "reading",
    "registry": "",
    "rewards": "",
}
__all__ = [
    "BuildReport",
    "Category",
    "CategoryGraph",
    "ContradictionError",
    "Crosswalk",
    "Extent",
    "Recipe",
    "Relation",
    "Taxonomy",
    "build",
    "check_export",
    "crosswalk",
    "decide",
    "evaluate",
    "load_graph",
    "load_source",
    "load_taxonomy",
    "preview",
    "read",
    "registry",
    "rewards",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'taxonomy_bridge' has no attribute {name!r}")
    if not _HOME[name]:
        return importlib.import_module(f"taxonomy_bridge.{name}")
    value = getattr(importlib.import_module(f"taxonomy_bridge.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
