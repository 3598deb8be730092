"""`taxonomy-bridge doctor`: is everything in place?"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import typer

from taxonomy_bridge.cli import _options, _print

EXTRAS = {
    "hub": ("datasets", "huggingface_hub"),
    "pandas": ("pandas",),
    "report": ("jinja2",),
    "tokenizer": ("tokenizers",),
    "train": ("trl",),
    "embeddings": ("sentence_transformers",),
    "ontologies": ("rdflib",),
    "review": ("starlette", "uvicorn"),
}


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("doctor", epilog="Example: taxonomy-bridge doctor")(doctor)


def doctor(json: _options.Json = False) -> None:
    """Say what is installed, what is bundled, and which optional parts are missing. Works offline."""
    import importlib.metadata
    import importlib.util
    import platform
    import shutil

    from taxonomy_bridge import registry
    from taxonomy_bridge.taxonomy import load_taxonomy
    from taxonomy_bridge.version import __version__

    core = {name: importlib.metadata.version(name) for name in ("pyarrow", "numpy", "pydantic", "PyYAML", "typer", "xxhash")}
    extras = {extra: all(importlib.util.find_spec(package) for package in packages) for extra, packages in EXTRAS.items()}
    bundled = {kind: len(registry.names(kind)) for kind in ("sources", "taxonomies", "formats", "exporters", "recipes")}
    categories = sum(len(load_taxonomy(name).categories) for name in registry.names("taxonomies"))
    downloads = _downloads(extras["hub"])
    value = {
        "taxonomy_bridge": __version__, "python": platform.python_version(), "core": core, "extras": extras, "bundled": bundled | {"categories": categories},
        "free_gb": round(shutil.disk_usage(".").free / 1e9, 1), **downloads,
    }  # fmt: skip
    if json:
        _print.as_json(value)
        return
    typer.echo(f"taxonomy-bridge {__version__}, Python {platform.python_version()}")
    typer.echo("core: " + ", ".join(f"{name} {version}" for name, version in core.items()))
    typer.echo("bundled: " + ", ".join(f"{count} {kind}" for kind, count in bundled.items()))
    typer.echo(f"{categories} categories")
    for extra, present in extras.items():
        typer.echo(f"extra {extra}: " + ("installed" if present else f"missing; pip install 'taxonomy-bridge[{extra}]'"))
    typer.echo(f"hub: {downloads['hub_endpoint']}, token (HF_TOKEN) {downloads['hub_token']}; GitHub files: {downloads['github_endpoint']}")
    typer.echo("offline: " + (", ".join(downloads["offline"]) or "no variable is set"))
    for name, cache in downloads["caches"].items():
        typer.echo(f"cache of {name}: {cache['folder']}, {cache['bytes'] / 1e9:.1f} GB")
    typer.echo(f"free space here: {value['free_gb']} GB")


def _downloads(hub: bool) -> dict[str, Any]:
    """Where files are downloaded from and kept. `hub`: whether its package is installed. Nothing is asked of the network; the token is not read."""
    import os

    from taxonomy_bridge import paths
    from taxonomy_bridge.safetext import shown
    from taxonomy_bridge.sources import _github, _hub

    token = _hub.has_token() if hub else bool(os.environ.get("HF_TOKEN"))
    caches = {"github": _cache(paths.cache("github"), paths.cache("github").rglob("*"))}
    if hub:
        folder = Path(_hub.library().constants.HF_HUB_CACHE)
        caches = {"hub": _cache(folder, folder.glob("datasets--*/blobs/*"))} | caches
    return {
        "hub_token": "set" if token else "not set", "hub_endpoint": shown(_hub.endpoint()),
        "github_endpoint": shown(_github.endpoint()), "offline": _hub.offline(), "caches": caches,
    }  # fmt: skip


def _cache(folder: Path, files: Iterable[Path]) -> dict[str, Any]:
    return {"folder": str(folder), "bytes": sum(file.stat().st_size for file in files if file.is_file())}
