"""`taxonomy-bridge review` from the terminal: options, refusals before any work, and the same decisions at a prompt."""

from __future__ import annotations

import errno
import os
import subprocess
import sys

import pytest
from review_world import RUN, World, known

from taxonomy_bridge import sssom
from taxonomy_bridge.errors import BuildError
from taxonomy_bridge.mapping import read_mapping
from taxonomy_bridge.review.decisions import Wish
from taxonomy_bridge.review.tui import Prompt
from taxonomy_bridge.vocabulary import load_vocabulary

THEFT, ROBBERY = known("theft"), known("robbery")


@pytest.fixture
def world(tmp_path):
    return World(tmp_path)


def run(*command, typed="", cwd=None):
    return subprocess.run([str(part) for part in command], input=typed, capture_output=True, text=True, check=False, cwd=cwd)


def prompt(world, keys, lines=(), **more):
    """Decide by keys; the session after it."""
    keys, lines = iter(keys), iter(lines)
    session = world.session(**more)
    Prompt(session, lambda: next(keys, "q"), lambda label: next(lines, "")).run()
    if world.out.exists():
        read_mapping(world.out, world.taxonomy, load_vocabulary())
    return session


def test_help_shows_an_example_and_every_option():
    shown = run(sys.executable, "-c", RUN, "review", "--help").stdout
    assert "Example: taxonomy-bridge review" in shown
    assert all(name in shown for name in ("--taxonomy", "--out", "--author", "--unclear", "--tui", "--port", "--no-open"))


def test_the_prompt_decides_over_a_pipe_and_says_what_comes_next(world):
    done = run(*world.command("--tui"), typed="\nn\n2\na\nj\n?\ns\n0\nq\n")
    assert done.returncode == 0, done.stderr
    assert world.mapped()["theft", THEFT] == ("exactMatch", False) and "Next: " in done.stderr and "categories decided" in done.stderr
    read_mapping(world.out, world.taxonomy, load_vocabulary())


def test_the_keys_are_those_of_the_page(world, capsys):
    session = prompt(world, "x2n" + "c" + "a" + "u" + "2e\r", ["By force."])
    assert world.mapped() == {("theft", THEFT): ("exactMatch", True), ("theft", ROBBERY): ("exactMatch", False)}
    assert session.journal.entries[1].note == "By force." and session.statuses()["theft"] == "mapped"
    shown = capsys.readouterr().out
    assert "rests on: " in shown and "Decision 2 is undone." in shown and "\x1b" not in shown


def test_search_adds_a_concept_and_refusals_are_told(world, capsys):
    prompt(world, "\r" + "<" + "/1b" + "ad" + "i" + "jj0" + ">" + "q", ["animal cruelty"])
    shown = capsys.readouterr().out
    assert "only row of its category" in shown and "nothing to withdraw" in shown and world.mapped()["theft", THEFT] == ("exactMatch", False)


def test_enter_does_not_accept_what_the_engine_doubts(world, capsys):
    session = prompt(world, "jjj" + "\r" + "0")
    assert "0 agrees" in capsys.readouterr().out and session.statuses()["odd"] == "none"


def test_everything_decided_ends_the_prompt(world, capsys):
    session = prompt(world, "\r\r\r0\r" + "x" * 50)
    assert session.progress().decided == 5 and "Everything is decided." in capsys.readouterr().out and len(session.journal.entries) == 5


def test_revising_a_mapping_from_the_command(world):
    prompt(world, "r\r")
    done = run(sys.executable, "-c", RUN, "review", world.out, "--taxonomy", world.yaml, "--unclear", "--tui", "--author", "B. Person", typed="e\n\n")
    assert done.returncode == 0 and "Everything is decided" in done.stdout, done.stderr
    (row,) = sssom.read(world.out).rows
    assert row.predicate == "skos:exactMatch" and row.get("author_label") == "B. Person"


@pytest.mark.parametrize(
    ("more", "told"),
    [(["--out", "{proposals}"], "holds the proposals"), (["--taxonomy", "toi"], "no taxonomy named 'toi'"), (["--unclear"], "writes into"), (["--author", " "], "nobody is named"),
     (["--out", "/proc/none/toy.sssom.tsv", "--tui"], "toy.sssom.tsv")],
)  # fmt: skip
def test_refused_before_any_work(world, more, told):
    done = run(*world.command(*(part.format(proposals=world.proposals) for part in more)), typed="\n")
    assert done.returncode in (1, 2) and told.replace("toy.sssom.tsv", "/proc/none") in done.stderr and "Traceback" not in done.stderr


def test_a_full_disk_is_told_and_leaves_everything_whole(world, monkeypatch):
    session = world.session()

    def decide(slug, identity):
        return session.decide(Wish(id=identity, action="accept", category=slug, concept=session.candidates(slug)[0].concept, seen=session.state(slug)))

    decide("theft", "request-1")
    before, real = world.out.read_bytes(), os.fsync

    def full(handle):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(BuildError, match="No space left"):
        decide("malware", "request-2")
    assert world.out.read_bytes() == before and list(world.folder.glob(".tmp-*")) == []
    monkeypatch.setattr(os, "fsync", real)
    decide("malware", "request-2")
    assert len(world.mapped()) == 2 and len(world.session().journal.entries) == 2
