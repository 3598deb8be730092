"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Json = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]
Folder = Annotated[Path, typer.Argument(help="Output folder of a build.", exists=True, file_okay=False)]


def names(kind: str) -> list[str]:
    """Names of one kind, for tab completion."""
    from taxonomy_bridge import registry

    return registry.names(kind)


def source_names(incomplete: str) -> list[str]:
    return [name for name in names("sources") if name.startswith(incomplete)]


def taxonomy_names(incomplete: str) -> list[str]:
    return [name for name in names("taxonomies") if name.startswith(incomplete)]


def recipe_names(incomplete: str) -> list[str]:
    return [name for name in names("recipes") if name.startswith(incomplete)]


def concept_names(incomplete: str) -> list[str]:
    from taxonomy_bridge.vocabulary import load_vocabulary

    return [name for name in load_vocabulary().ids if name.startswith(incomplete)]


def category_names(incomplete: str) -> list[str]:
    """Taxonomy ids until one is typed, then its categories. A shell splits words at the colon, so both halves are offered whole."""
    prefix, colon, _ = incomplete.partition(":")
    if not colon:
        return [f"{name}:" for name in taxonomy_names(prefix)]
    from taxonomy_bridge.taxonomy import load_taxonomy

    if prefix not in names("taxonomies"):
        return []
    return [f"{prefix}:{slug}" for slug in load_taxonomy(prefix).by_slug if f"{prefix}:{slug}".startswith(incomplete)]


def write(path: Path, text: str, force: bool) -> Path:
    """Write a file that a person asked for; an existing one is replaced only with --force."""
    from taxonomy_bridge import storage
    from taxonomy_bridge.cli import _print
    from taxonomy_bridge.errors import ExportError

    if path.exists() and not force:
        raise ExportError(f"{path} exists. Choose another name, or add --force.")
    storage.write_bytes(path, text.encode())
    _print.err(f"wrote {path} ({len(text.encode()):,} bytes)")
    return path
