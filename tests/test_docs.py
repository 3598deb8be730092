"""The documentation runs: every code block of README.md and docs/, the notebook, and the parts that are generated.

A page is run from top to bottom in an empty folder. ```bash blocks are commands (`pip` lines are left out), ```python blocks share one namespace;
a block with `file=NAME` is saved under that name, `text output` is compared with what the commands before it printed, and `(not run)` is not run.
"""

from __future__ import annotations

import doctest
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import pytest

import taxonomy_bridge as tb
from taxonomy_bridge.recipe import Recipe

ROOT = Path(__file__).parents[1]
PAGES = ["README.md", *sorted(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md"))]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
BLOCK = re.compile(r"^```([^\n]+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LANGUAGES = {"bash", "python", "yaml", "json", "text"}
NOT_RUN = ("pip install", "MODEL", "FOLDER", "--data data", "data/beavertails", "load_source")  # what a block may be skipped for


class Block(NamedTuple):
    """One fenced block: the words after the fence, and the text."""

    info: str
    code: str

    @property
    def language(self) -> str:
        return self.info.split()[0]


def blocks(page: str) -> list[Block]:
    return [Block(*found) for found in BLOCK.findall((ROOT / page).read_text(encoding="utf-8"))]


@pytest.fixture(scope="module")
def generate() -> Any:
    """docs/generate.py as a module."""
    spec = importlib.util.spec_from_file_location("docs_generate", ROOT / "docs" / "generate.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.path.insert(0, str(ROOT / "docs"))
    try:
        spec.loader.exec_module(module)
    finally:
        sys.path.remove(str(ROOT / "docs"))
    return module


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the package to work in, with `taxonomy-bridge` on the path: a page may add a source."""
    folder = tmp_path / "checkout"
    shutil.copytree(ROOT / "taxonomy_bridge", folder / "taxonomy_bridge", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("taxonomies", "mappings"):
        shutil.copytree(ROOT / name, folder / name)
    shutil.copy(ROOT / "pyproject.toml", folder)
    shim = tmp_path / "bin" / "taxonomy-bridge"
    shim.parent.mkdir()
    shim.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m taxonomy_bridge "$@"\n')
    shim.chmod(0o755)
    monkeypatch.setenv("PATH", f"{shim.parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("PYTHONPATH", str(folder))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.chdir(folder)
    return folder


def run_bash(code: str) -> str:
    commands = "\n".join(re.sub(r"^pip install .*?(&& (?=taxonomy-bridge)|$)", "", line) for line in code.splitlines())
    done = subprocess.run(["bash", "-euo", "pipefail", "-c", commands], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{commands}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.mark.parametrize("page", PAGES)
def test_every_block_of_a_page_runs(page, checkout):
    names: dict[str, Any] = {}
    printed = ""
    for block in blocks(page):
        if "file=" in block.info:
            path = checkout / block.info.split("file=")[1].split()[0]
            path.write_text(block.code, encoding="utf-8")
        elif "(not run)" in block.info:
            assert any(word in block.code for word in NOT_RUN), block.code
        elif block.language == "bash":
            printed = run_bash(block.code)
        elif block.language == "python":
            exec(compile(block.code, page, "exec"), names)
        elif block.info == "text output":
            assert doctest.OutputChecker().check_output(block.code, printed, doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE), printed
        elif block.language == "json":
            json.loads(block.code)
        assert block.language in LANGUAGES, block.info


def test_the_readme_opens_with_the_two_commands_and_is_short():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert [block.code.strip() for block in blocks("README.md") if block.language == "bash"][:2] == [
        "pip install . && taxonomy-bridge build quickstart --out out/quickstart",
        "pip install -e '.[test]' && pytest",
    ]
    assert len(text.splitlines()) < 170


def test_generated_parts_are_fresh(generate):
    assert sorted(generate.stale()) == [], "run python docs/generate.py"


def test_links_point_at_files():
    generated = [f"docs/{kind}/{path.name}" for kind in ("sources", "taxonomies") for path in (ROOT / "docs" / kind).glob("*.md")]
    for page in [*PAGES, *generated]:
        for target in re.findall(r"\]\(([^)#:]+)\)", (ROOT / page).read_text(encoding="utf-8")):
            assert (ROOT / page).parent.joinpath(target).is_file(), f"{page}: {target}"


def test_every_page_is_linked_from_the_readme():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert [page for page in PAGES[1:] if f"({page})" not in text] == []


def test_every_command_and_public_name_is_shown_in_use(generate):
    """Apart from the generated reference."""
    text = "\n".join((ROOT / page).read_text(encoding="utf-8") for page in PAGES if page != "docs/commands.md")
    commands = [path for path, _ in generate.leaves(generate.typer.main.get_command(generate.app))]
    short = re.sub(r"`taxonomy-bridge (\w+) ([\w\\|]+)`", lambda m: " ".join(f"taxonomy-bridge {m[1]} {word}" for word in m[2].split("\\|")), text)
    assert [command for command in commands if command not in short] == []
    assert [name for name in tb.__all__ if not re.search(rf"\btb\.{name}\b", text)] == []


def test_every_option_is_in_the_reference(generate):
    text = (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")
    for _, command in generate.leaves(generate.typer.main.get_command(generate.app)):
        for parameter in command.params:
            assert parameter.name == "help" or parameter.help, f"{command.name}: {parameter.name} has no help"
            assert all(name in text for name in parameter.opts if parameter.param_type_name == "option")


def keys(schema: dict[str, Any], definitions: dict[str, Any]) -> set[str]:
    """Every key of the recipe, at any depth."""
    found = set(schema.get("properties", {}))
    for part in [*schema.get("properties", {}).values(), *schema.get("anyOf", []), *schema.get("prefixItems", [])]:
        found |= keys(part, definitions)
    for name in ("items", "additionalProperties"):
        if isinstance(schema.get(name), dict):
            found |= keys(schema[name], definitions)
    return found | (keys(definitions[schema["$ref"].rsplit("/", 1)[1]], definitions) if "$ref" in schema else set())


def test_every_recipe_key_is_explained():
    text = (ROOT / "docs" / "recipes.md").read_text(encoding="utf-8")
    schema = Recipe.json_schema()
    told = set(re.findall(r"[a-z_]+", " ".join(re.findall(r"`([^`\n]+)`", text))))
    assert {"shuffle", "max_tokens", "conflicts"} <= keys(schema, schema["$defs"])
    assert sorted(keys(schema, schema["$defs"]) - told - {"file"}) == []


def test_a_preview_shows_no_text_of_the_data():
    """Also where the rendered text differs from the native one, as in rows that try to close the fence."""
    shown = tb.preview("quickstart", n=2000)
    hidden = {re.split(r"<(?:BEGIN|END) CONVERSATION>", row["text"])[1].strip() for row in shown}
    assert len(shown) > 600
    assert hidden == {"User: [... redacted ...]", "User: [... redacted ...]\nAgent: [... redacted ...]"}
    assert {row["original_prompt"] for row in shown} == {"[... redacted ...]"}


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs_and_is_stored_without_outputs(path, tmp_path):
    import nbclient
    import nbformat

    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    for cell in notebook.cells:
        assert cell.cell_type != "code" or (cell.outputs == [] and cell.execution_count is None), "clear the outputs"
    nbclient.NotebookClient(notebook, timeout=120, kernel_name="python3", resources={"metadata": {"path": str(tmp_path)}}).execute()


def test_notebooks_use_public_names_only():
    assert NOTEBOOKS
    for path in NOTEBOOKS:
        code = "\n".join("".join(cell["source"]) for cell in json.loads(path.read_text(encoding="utf-8"))["cells"] if cell["cell_type"] == "code")
        assert set(re.findall(r"(?:from|import) (taxonomy_bridge[.\w]*)", code)) == {"taxonomy_bridge"}
        assert set(re.findall(r"\btb\.(\w+)", code)) <= set(tb.__all__)
