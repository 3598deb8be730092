"""Where `taxonomies/` and `mappings/` are: in a checkout, an editable install and an installed wheel.

No other module knows. A checkout keeps both folders beside the package; the wheel carries them inside it.
The folder beside the package wins, so that an editable install never reads a stale copy.
"""

from __future__ import annotations

import os
from pathlib import Path

from taxonomy_bridge.errors import TaxonomyBridgeError

PACKAGE = Path(__file__).resolve().parent


def _data_folder(name: str) -> Path:
    beside, inside = PACKAGE.parent / name, PACKAGE / name
    if beside.is_dir() and (PACKAGE.parent / "pyproject.toml").is_file():
        return beside
    if inside.is_dir():
        return inside
    raise TaxonomyBridgeError(f"the folder {name!r} is missing from this installation: reinstall taxonomy-bridge")


def taxonomies() -> Path:
    """Folder with one YAML file per taxonomy edition.

    >>> (taxonomies() / "beavertails.yaml").is_file()
    True
    """
    return _data_folder("taxonomies")


def concepts() -> Path:
    """The file of the shared vocabulary.

    >>> concepts().name
    'concepts.yaml'
    """
    return taxonomies() / "concepts.yaml"


def mappings() -> Path:
    """Folder with one SSSOM file per mapped taxonomy.

    >>> mappings().name
    'mappings'
    """
    return _data_folder("mappings")


def recipes() -> Path:
    """Folder with the bundled recipes.

    >>> (recipes() / "quickstart.yaml").is_file()
    True
    """
    return PACKAGE / "recipes"


def cache(kind: str) -> Path:
    """Folder for what this package downloads or computes itself: below `TAXONOMY_BRIDGE_HOME`, else the user's cache folder. It may not exist yet.

    >>> cache("github").name
    'github'
    """
    folder = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(os.environ.get("TAXONOMY_BRIDGE_HOME") or f"{folder}/taxonomy-bridge").expanduser() / kind


def examples() -> Path:
    """Folder with the packaged invented rows, one sub-folder per source, in native layouts."""
    return PACKAGE / "examples"
