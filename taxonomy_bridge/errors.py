"""Every exception that the package raises on purpose.

All derive from `TaxonomyBridgeError`. A message says what is wrong, where (file and row), what was
expected, and what to do; the command line prints it as it stands and exits with `exit_code`.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Sequence


class TaxonomyBridgeError(Exception):
    """Base class of all errors that a user can cause and repair."""

    exit_code = 1


class UnknownNameError(TaxonomyBridgeError, LookupError):
    """No source, taxonomy, format or exporter has that name."""

    exit_code = 2

    @classmethod
    def among(cls, kind: str, name: str, known: Collection[str]) -> UnknownNameError:
        """Say what was asked for, and what is near it or all there is.

        >>> str(UnknownNameError.among("source", "beavertail", ["beavertails", "xstest"]))
        "no source named 'beavertail'. Did you mean beavertails?"
        """
        near = difflib.get_close_matches(name, known, n=3)
        shown, rest = sorted(known)[:20], len(known) - 20
        hint = f"Did you mean {', '.join(near)}?" if near else f"Known: {', '.join(shown)}{f' and {rest} more' if rest > 0 else ''}."
        return cls(f"no {kind} named {name!r}. {hint}")


class ProblemsError(TaxonomyBridgeError):
    """Several problems of one file, reported at once; `problems` holds one line each."""

    exit_code = 2

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(self.problems))


class TaxonomyError(ProblemsError):
    """A taxonomy file breaks its rules."""


class SourceError(ProblemsError):
    """The description of a source breaks its rules."""


class RecipeError(ProblemsError):
    """A recipe cannot be followed."""


class InputError(TaxonomyBridgeError):
    """A data file from outside cannot be read at all."""


class FormatError(TaxonomyBridgeError):
    """A guard format, a template or a gold string breaks its rules."""


class BuildError(TaxonomyBridgeError):
    """A build cannot start or go on."""


class LedgerError(BuildError):
    """A conservation law does not hold: rows went missing without a reason."""


class DamagedFileError(TaxonomyBridgeError):
    """A file that this package wrote no longer holds what was written."""


class ExportError(TaxonomyBridgeError):
    """An export cannot be checked, read or scored."""

    exit_code = 2


class AccessError(TaxonomyBridgeError):
    """A data set needs an action by the user before it can be downloaded."""


class MissingExtraError(TaxonomyBridgeError, ImportError):
    """An optional package is not installed."""

    exit_code = 2

    @classmethod
    def needed(cls, what: str, extra: str) -> MissingExtraError:
        """Name the one command that installs what is missing.

        >>> str(MissingExtraError.needed("reading from the hub", "hub"))
        "reading from the hub needs an optional package: pip install 'taxonomy-bridge[hub]'"
        """
        return cls(f"{what} needs an optional package: pip install 'taxonomy-bridge[{extra}]'")


class MappingError(ProblemsError):
    """The vocabulary, a mapping file or the graph over them breaks its rules."""


class PolicyError(ProblemsError):
    """A policy file cannot be used."""


class ContradictionError(TaxonomyBridgeError):
    """Labels that no text can have all at once."""
