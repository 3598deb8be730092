"""Small builds for tests: recipes over the packaged examples, command lines, and folders compared byte by byte."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from taxonomy_bridge.sources._decode import bool_struct_type
from taxonomy_bridge.taxonomy import load_taxonomy

EXAMPLES = Path(__file__).parents[1] / "taxonomy_bridge" / "examples"
COMMAND = [sys.executable, "-c", "from taxonomy_bridge.cli import main; main()", "build"]
# Every packaged source: ten input files.
SOURCES: list[dict[str, Any]] = [
    {"id": "beavertails", "split": "30k_train"},
    {"id": "aegis-2", "split": "train"},
    {"id": "wildguardmix", "split": "train", "config": "wildguardtrain"},
    {"id": "openai-moderation", "split": "train"},
    {"id": "pku-saferlhf", "config": "alpaca-7b", "split": "train"},
    {"id": "or-bench", "as": "or-bench-toxic", "config": "or-bench-toxic", "split": "train"},
    {"id": "or-bench", "as": "or-bench-hard", "config": "or-bench-hard-1k", "split": "train"},
    {"id": "guardset-x", "config": "hr", "split": "Google_safe+Google_unsafe"},
    {"id": "toxicchat", "config": "toxicchat0124", "split": "train"},
]
EXPORTS = [{"to": "trl"}, {"to": "verl"}, {"to": "messages", "kind": "sft"}, {"to": "gspr-jsonl", "file": "jsonl"}, {"to": "trl", "kind": "coldstart"}]


def recipe(examples: str | Path = EXAMPLES, **changes: Any) -> dict[str, Any]:
    """All packaged sources, at least eight output shards, every exporter; `changes` replace top-level keys."""
    value: dict[str, Any] = {
        "version": 1, "name": "mixed", "seed": 17, "intent": "research", "sources": SOURCES, "policies": ["native"], "shard_rows": 60,
        "augment": {"shuffle": True, "drop_items": 0.2}, "splits": {"train": 0.8, "test": 0.2}, "export": EXPORTS,
    } | changes  # fmt: skip
    into = {"into": "auto"} if "test" in value["splits"] else {}
    value["sources"] = [{"path": f"{examples}/{entry['id']}"} | into | entry for entry in value["sources"]]
    return value


def small(**changes: Any) -> dict[str, Any]:
    """Two files, two output shards, two exporters: a build of a few hundred system calls."""
    return recipe(
        **{"name": "small", "sources": [SOURCES[5], {"id": "beavertails", "split": "30k_test"}], "shard_rows": 40, "splits": {"train": 1.0},
           "allow_one_class": ["or-bench", "or-bench-toxic"], "export": [{"to": "trl"}, {"to": "gspr-jsonl", "file": "jsonl"}]} | changes
    )  # fmt: skip


def write(folder: Path, value: dict[str, Any]) -> Path:
    """A recipe file (JSON is YAML)."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "recipe.yaml"
    path.write_text(json.dumps(value), encoding="utf-8")
    return path


def tree(folder: Path) -> dict[str, bytes]:
    """Every file below a folder, the hidden ones too."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def start(path: Path, out: Path, *options: str, cwd: Path | None = None, **environment: str) -> subprocess.Popen[str]:
    """`taxonomy-bridge build` in a process of its own."""
    env = {**os.environ, "PYTHONPATH": str(EXAMPLES.parents[1]), **environment}
    return subprocess.Popen([*COMMAND, str(path), "-o", str(out), *options], cwd=cwd, env=env, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def finish(process: subprocess.Popen[str]) -> tuple[int, str]:
    """Exit code and stderr."""
    _, err = process.communicate(timeout=120)
    return process.returncode, err


# The category columns of BeaverTails rows, in native order.
CATEGORIES = [field.name for field in bool_struct_type(load_taxonomy("beavertails"))]


def row(number: int, *names: str, prompt: str | None = None, safe: bool | None = None) -> dict[str, Any]:
    """An invented BeaverTails row that violates `names`."""
    return {
        "prompt": prompt or f"prompt number {number}",
        "response": f"response number {number}",
        "category": {name: name in names for name in CATEGORIES},
        "is_safe": (not names) if safe is None else safe,
    }


def rows_file(folder: Path, rows: list[dict[str, Any]]) -> Path:
    """Rows as a native file."""
    path = folder / "rows.jsonl"
    path.write_text("\n".join(json.dumps(item) for item in rows), encoding="utf-8")
    return path
