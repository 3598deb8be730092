"""The command line: exit codes, one message for a user's mistake, data on stdout, and a light start."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = ("pyarrow", "numpy", "pandas", "networkx", "datasets", "torch", "pydantic", "rich.progress")
COMMANDS = [
    [], ["build"], ["check"], ["evaluate"], ["doctor"], ["coldstart"], ["coldstart", "import"], ["recipe"], ["recipe", "init"], ["recipe", "list"], ["recipe", "check"],
    ["recipe", "schema"], ["sources"], ["sources", "list"], ["sources", "show"], ["sources", "check"], ["taxonomies"], ["taxonomies", "list"],
    ["taxonomies", "show"], ["taxonomies", "check"], ["sources", "add"], ["licences"], ["cite"], ["recipe", "share"], ["mappings", "score"], ["align"],
    ["align", "propose"], ["align", "evaluate"], ["align", "import"], ["review"],
]  # fmt: skip


def run(*arguments: str, cwd: Path | None = None, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "taxonomy_bridge", *arguments], capture_output=True, text=True, cwd=cwd, env={**os.environ, **environment}, check=False
    )


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_help_of_every_command_shows_an_example(command):
    shown = run(*command, "--help")
    assert shown.returncode == 0
    assert "Example:" in shown.stdout or command in ([], ["align"], ["coldstart"], ["recipe"], ["sources"], ["taxonomies"])


@pytest.mark.parametrize("code", ["import taxonomy_bridge", "import taxonomy_bridge.cli"])
def test_importing_loads_nothing_heavy(code):
    script = f"{code}; import sys; print([name for name in {HEAVY!r} if name in sys.modules])"
    assert subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.strip() == "[]"


def test_lists_are_json_for_machines():
    for noun in ("sources", "taxonomies"):
        found = json.loads(run(noun, "list", "--json").stdout)
        assert len(found) >= 14
    assert json.loads(run("doctor", "--json").stdout)["bundled"]["sources"] >= 14
    assert json.loads(run("recipe", "schema").stdout)["title"] == "Recipe"


def test_a_build_prints_its_ledger_and_the_next_command(tmp_path):
    built = run("build", "quickstart", "--out", str(tmp_path / "out"))
    assert built.returncode == 0, built.stderr
    assert "next: taxonomy-bridge check" in built.stdout
    assert "Not for training" in built.stderr
    again = run("build", "quickstart", "--out", str(tmp_path / "out"))
    assert "finished before" in again.stderr
    checked = run("check", str(tmp_path / "out"), "--json")
    assert checked.returncode == 0
    assert json.loads(checked.stdout)["findings"] is not None


def test_a_plan_writes_nothing_and_says_what_changed(tmp_path):
    planned = run("build", "quickstart", "--plan", "--out", str(tmp_path / "out"), "--json")
    found = json.loads(planned.stdout)
    assert found["samples"] > 600
    assert found["changes"] == ["no earlier build in that folder"]
    assert list(tmp_path.iterdir()) == []


def test_a_recipe_from_init_is_valid_and_equals_the_defaults(tmp_path):
    assert run("recipe", "init", "mine.yaml", cwd=tmp_path).returncode == 0
    assert run("recipe", "check", "mine.yaml", cwd=tmp_path).returncode == 0
    assert run("recipe", "init", "mine.yaml", cwd=tmp_path).returncode == 2


MISTAKES = {
    "unknown recipe": (["build", "quikstart", "--out", "x"], 2, "Did you mean quickstart"),
    "no out": (["build", "quickstart"], 2, "--out"),
    "unknown source": (["sources", "show", "beavertail"], 2, "Did you mean beavertails"),
    "unknown taxonomy": (["taxonomies", "show", "aegis-3.0"], 2, "Did you mean"),
    "no such folder": (["check", "nowhere"], 2, "does not exist"),
    "not an export": (["check", "."], 2, "manifest.json"),
    "unknown command": (["bild"], 2, "No such command"),
    "wrong split": (["sources", "check", "xstest", "--split", "dev", "--path", "."], 2, "no split of xstest named 'dev'"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_gives_one_message_and_its_exit_code(mistake, tmp_path):
    arguments, code, text = MISTAKES[mistake]
    told = run(*arguments, cwd=tmp_path)
    assert told.returncode == code
    assert text in told.stderr
    assert "Traceback" not in told.stderr
    assert told.stdout == ""


RECIPE = """version: 1
name: mine
seed: 1
intent: research
sources:
  - {id: beavertails, split: 30k_test, path: rows.jsonl, capp: {safe: 1}}
  - {id: xtest, split: train}
policies: [native, no-such-list]
augment: {swap_pairs: 0.5}
near_duplicates: {threshold: 0.8}
splits: {train: 0.7}
"""


def test_all_problems_of_a_recipe_are_told_at_once_with_their_lines(tmp_path):
    (tmp_path / "bad.yaml").write_text(RECIPE)
    told = run("recipe", "check", "bad.yaml", cwd=tmp_path)
    assert told.returncode == 2
    assert "bad.yaml:6:" in told.stderr and "capp" in told.stderr
    (tmp_path / "bad.yaml").write_text(RECIPE.replace(", capp: {safe: 1}", ""))
    told = run("recipe", "check", "bad.yaml", cwd=tmp_path)
    for place, word in ((7, "Did you mean xstest"), (8, "no-such-list"), (9, "policy_choice"), (10, "does not exist yet"), (11, "add up to 1")):
        assert any(f"bad.yaml:{place}:" in line and word in line for line in told.stderr.splitlines()), (place, word)


def test_commercial_intent_refuses_by_name(tmp_path):
    (tmp_path / "r.yaml").write_text(
        "version: 1\nname: m\nseed: 1\nintent: commercial\nsources:\n  - {id: beavertails, split: 30k_test, path: .}\n  - {id: guardset-x, config: hr, split: Google_safe, path: .}\npolicies: [native]\n"
    )
    told = run("build", "r.yaml", "--out", "out", cwd=tmp_path)
    assert told.returncode == 2
    assert "beavertails" in told.stderr and "CC-BY-NC-4.0" in told.stderr and "guardset-x" in told.stderr
    assert not (tmp_path / "out").exists()


def test_a_taxonomy_file_with_problems_is_told_with_places(tmp_path):
    (tmp_path / "mine.yaml").write_text(
        'id: other\ntitle: T\nversion: "1"\nyear: 2024\npublisher: P\nlabels: {multi_label: true, exhaustive: true}\n'
        "categories:\n  - {slug: a, name: A, native: [x]}\n  - {slug: a, name: B, native: [X], parent: nobody}\n"
    )
    told = run("taxonomies", "check", "mine.yaml", cwd=tmp_path)
    assert told.returncode == 2
    for word in ("used twice", "parents of 'a'", "file name"):
        assert word in told.stderr


def test_sources_check_counts_and_never_prints_text(tmp_path):
    rows = [
        {"prompt": "a mild secret sentence", "response": "b", "category": {}, "is_safe": True},
        {"prompt": "c", "response": "d", "category": {}, "is_safe": "perhaps"},
    ]
    (tmp_path / "rows.jsonl").write_text("\n".join(map(json.dumps, rows)))
    told = run("sources", "check", "beavertails", "--split", "30k_test", "--path", "rows.jsonl", cwd=tmp_path)
    assert told.returncode == 1
    assert "row 1" in told.stderr
    assert "mild secret" not in told.stdout + told.stderr


def test_hostile_names_are_shown_as_text(tmp_path):
    name = "x\x1b[31m\u202e.yaml"
    told = run("build", name, "--out", "o", cwd=tmp_path)
    assert "\x1b" not in told.stderr and "\u202e" not in told.stderr
