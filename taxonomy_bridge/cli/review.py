"""`taxonomy-bridge review`: decide about proposals, one category at a time."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from taxonomy_bridge.cli import _options, _print

if TYPE_CHECKING:
    from taxonomy_bridge.review.decisions import Session
    from taxonomy_bridge.taxonomy import Taxonomy

EXAMPLE = "Example: taxonomy-bridge review proposals.sssom.tsv --taxonomy new.yaml -o new.sssom.tsv"
Proposed = Annotated[Path, typer.Argument(help="A file of proposals; with --unclear, a curated mapping.", exists=True, dir_okay=False)]
Of = Annotated[str, typer.Option("--taxonomy", help="The list that it is about: its file, or the id of a bundled one.", autocompletion=_options.taxonomy_names)]
Output = Annotated[
    Path | None,
    typer.Option(
        "--out", "-o", help="The mapping to write; one that is there is continued. By default <taxonomy>.sssom.tsv beside the list, or here for a bundled one."
    ),
]
Author = Annotated[str | None, typer.Option("--author", help="Who decides; stands in every row. By default the name that git knows, or the user's.")]
Unclear = Annotated[bool, typer.Option("--unclear", help="Decide again about the rows of a curated mapping that leave something open.")]
Tui = Annotated[bool, typer.Option("--tui", help="Ask here in the terminal instead of on a page.")]
Decisions = Annotated[
    Path | None,
    typer.Option(
        "--decisions",
        help="A table of decisions made elsewhere, tab-separated: category, action, concept, predicate, note. No page is opened.",
        exists=True,
        dir_okay=False,
    ),
]
Port = Annotated[int, typer.Option("--port", help="Port of the page on this machine; 0 takes any free one.", min=0, max=65535)]
Open = Annotated[bool, typer.Option("--open/--no-open", help="Open a browser.")]


def register(app: typer.Typer) -> None:
    app.command("review", epilog=EXAMPLE)(review)


def review(
    proposals: Proposed, taxonomy: Of, out: Output = None, author: Author = None, unclear: Unclear = False, tui: Tui = False,
    decisions: Decisions = None, port: Port = 0, open_: Open = True,
) -> None:  # fmt: skip
    """Review proposals and write a curated mapping: on a local page, here with --tui, or from a table with --decisions.

    Every decision is saved at once, with author and date. Several people may review one file at the same time; stop and go on whenever you like.
    """
    session = _session(proposals, taxonomy, out, author, unclear)
    if decisions is not None:
        from taxonomy_bridge.review.batch import apply

        applied = apply(session, decisions)
        for refused in applied.refused:
            _print.err(refused)
        typer.echo(f"{applied.proposed} decisions about proposals, {applied.beyond} about concepts that were not proposed, {len(applied.refused)} refused")
    elif tui:
        from taxonomy_bridge.review.tui import run

        run(session)
    else:
        from taxonomy_bridge.review.server import serve

        serve(session, port, _again, lambda link: _ready(link, open_))
    progress = session.progress()
    _print.err(f"{progress.decided} of {progress.total} categories decided, {progress.unsure} set aside. Written to {session.output}")
    _print.err(f"Next: {_next(session)}")


def _next(session: Session) -> str:
    from taxonomy_bridge import registry

    if session.progress().open:
        return "the same command goes on here"
    if session.taxonomy.id in registry.names("taxonomies"):
        return f"taxonomy-bridge mappings check {session.output}"
    return f"taxonomy-bridge crosswalk {session.taxonomy.id} beavertails --extra {session.output.parent}"


def _session(proposals: Path, taxonomy: str, out: Path | None, author: str | None, unclear: bool) -> Session:
    from taxonomy_bridge.errors import MappingError
    from taxonomy_bridge.mapping import read_mapping
    from taxonomy_bridge.review.decisions import Session
    from taxonomy_bridge.review.proposals import open_rows, read_proposals
    from taxonomy_bridge.review.words import one_line
    from taxonomy_bridge.vocabulary import load_vocabulary

    about, beside = _taxonomy(taxonomy)
    vocabulary = load_vocabulary()
    output = proposals if unclear else out or beside / f"{about.id}.sssom.tsv"
    if unclear and out is not None and out.resolve() != proposals.resolve():
        raise MappingError([f"--unclear writes into {proposals} itself. Leave --out away, or copy the file first."])
    if not unclear and output.resolve() == proposals.resolve():
        raise MappingError([f"{output} holds the proposals. Name another file for the decisions with --out."])
    if output.name != f"{about.id}.sssom.tsv" and not unclear:
        _print.err(f"note: the graph finds a mapping by its name, {about.id}.sssom.tsv")
    found = open_rows(read_mapping(proposals, about, vocabulary).rows) if unclear else read_proposals(proposals, about, vocabulary)
    name = one_line(author or _name())
    if not name:
        raise MappingError(["nobody is named as the author. Give a name with --author."])
    return Session(found, about, vocabulary, output, name, revise=unclear)


def _taxonomy(given: str) -> tuple[Taxonomy, Path]:
    """A list, and the folder that its mapping belongs into."""
    from taxonomy_bridge.taxonomy import load_taxonomy, read_taxonomy

    if given.endswith(".yaml"):
        return read_taxonomy(Path(given)), Path(given).parent
    return load_taxonomy(given), Path()


def _name() -> str:
    import getpass
    import subprocess

    try:
        told = subprocess.run(["git", "config", "user.name"], capture_output=True, text=True, timeout=5, check=False).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        told = ""
    try:
        return told or getpass.getuser()
    except (OSError, KeyError):
        return ""


def _ready(link: str, open_: bool) -> None:
    typer.echo(link)
    _print.err("Serving on this machine only, until Ctrl-C. Every decision is saved at once. The link works once.")
    # Without a screen a text browser would take this terminal.
    screen = sys.platform in ("darwin", "win32") or "DISPLAY" in os.environ or "WAYLAND_DISPLAY" in os.environ
    if open_ and screen and not os.environ.get("CI"):
        import webbrowser

        webbrowser.open(link)


def _again(link: str) -> None:
    _print.err(f"The link was used. For another browser: {link}")
