"""`taxonomy-bridge doctor`: is everything in place?"""

from __future__ import annotations

import typer

from taxonomy_bridge.cli import _options, _print

EXTRAS = {
    "hub": ("datasets", "huggingface_hub"),
    "pandas": ("pandas",),
    "report": ("jinja2",),
    "tokenizer": ("tokenizers",),
    "train": ("trl",),
    "embeddings": ("sentence_transformers",),
}


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("doctor", epilog="Example: taxonomy-bridge doctor")(doctor)


def doctor(json: _options.Json = False) -> None:
    """Say what is installed, what is bundled, and which optional parts are missing. Works offline."""
    import importlib.metadata
    import importlib.util
    import os
    import platform
    import shutil

    from taxonomy_bridge import registry
    from taxonomy_bridge.taxonomy import load_taxonomy
    from taxonomy_bridge.version import __version__

    core = {name: importlib.metadata.version(name) for name in ("pyarrow", "numpy", "pydantic", "PyYAML", "typer", "xxhash")}
    extras = {extra: all(importlib.util.find_spec(package) for package in packages) for extra, packages in EXTRAS.items()}
    bundled = {kind: len(registry.names(kind)) for kind in ("sources", "taxonomies", "formats", "exporters", "recipes")}
    categories = sum(len(load_taxonomy(name).categories) for name in registry.names("taxonomies"))
    token = "set" if os.environ.get("HF_TOKEN") else "not set"
    value = {
        "taxonomy_bridge": __version__, "python": platform.python_version(), "core": core, "extras": extras, "bundled": bundled | {"categories": categories},
        "hub_token": token, "free_gb": round(shutil.disk_usage(".").free / 1e9, 1),
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
    typer.echo(f"hub token (HF_TOKEN): {token}; free space here: {value['free_gb']} GB")
