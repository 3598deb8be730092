"""The command line: one file per noun. A command parses, calls one library function and prints.

`main` is the one place where our errors become one message on stderr and an exit code: 1 failure, 2 usage, 130 interrupted.
"""

from __future__ import annotations

import os
import signal
import sys
from typing import Any

import typer

from taxonomy_bridge.cli import (
    align,
    build,
    check,
    coldstart,
    concepts,
    crosswalk,
    doctor,
    evaluate,
    licences,
    mappings,
    policy,
    recipe,
    review,
    sources,
    taxonomies,
)
from taxonomy_bridge.cli._print import err, fail
from taxonomy_bridge.errors import TaxonomyBridgeError

EPILOG = "Start with: taxonomy-bridge build quickstart --out out/quickstart"
app = typer.Typer(
    name="taxonomy-bridge",
    help="Turn public safety benchmarks into training sets in which every sample carries its own policy.",
    epilog=EPILOG,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
for module in (build, check, evaluate, crosswalk, review, licences, doctor):
    module.register(app)
for name, group in (
    ("align", align),
    ("coldstart", coldstart),
    ("concepts", concepts),
    ("mappings", mappings),
    ("policy", policy),
    ("recipe", recipe),
    ("sources", sources),
    ("taxonomies", taxonomies),
):
    app.add_typer(group.app, name=name)


@app.callback(invoke_without_command=True)
def _top(version: bool = typer.Option(False, "--version", help="Print the version and exit.")) -> None:
    if version:
        from taxonomy_bridge.version import __version__

        typer.echo(__version__)
        raise typer.Exit


class _StoppedError(BaseException):
    """Ctrl-C or SIGTERM: stop cleanly. No `KeyboardInterrupt`, which typer turns into a silent exit; no `Exception`, which libraries swallow."""


def _stop(signum: int, frame: Any) -> None:
    raise _StoppedError(signum)


def main() -> None:
    """Run the command line and exit."""
    signal.signal(signal.SIGTERM, _stop)
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _stop)
    try:
        app()
    except TaxonomyBridgeError as error:
        fail(str(error), error.exit_code)
    except BrokenPipeError:
        # The reader of our output is gone: nothing is left to tell.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(141)
    except _StoppedError as stop:
        _stopped(128 + stop.args[0])
    except OSError as error:
        fail(f"{error.strerror or error}{f': {error.filename}' if error.filename else ''}", 1)


def _stopped(code: int) -> None:
    err("stopped. Run the same command again: a build resumes where it stopped.")
    # Worker threads may still be writing under temporary names; they must not keep the process alive.
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
