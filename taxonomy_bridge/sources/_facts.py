"""What is known about a data set besides its rows: its licence, and what to cite."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Licence:
    """A licence as read.

    `identifier`: SPDX, "LicenseRef-..." for an own text, "unknown" if none is stated. `evidence`: where it stands, in words; `link`: the page.
    `date`: the day it was read. `commercial`: whether it allows commercial use; None where it does not say clearly.
    """

    identifier: str
    evidence: str
    date: str
    commercial: bool | None
    link: str = ""


@dataclass(frozen=True)
class Citation:
    """The work to cite. `author`: the first one as "Family, Given", or an organisation in braces. `where`: `arXiv:<id>`, `doi:<id>` or an address.

    >>> print(Citation("Röttger, Paul", "XSTest", 2024, "arXiv:2308.01263").bibtex("xstest"))
    @misc{xstest,
      author = {R{\\"o}ttger, Paul and others},
      title = {{XSTest}},
      year = {2024},
      eprint = {2308.01263},
      archivePrefix = {arXiv},
      url = {https://arxiv.org/abs/2308.01263}
    }
    """

    author: str
    title: str
    year: int
    where: str

    def __str__(self) -> str:
        return self.where

    @property
    def url(self) -> str:
        """The page of the work."""
        if self.where.startswith("arXiv:"):
            return f"https://arxiv.org/abs/{self.where.removeprefix('arXiv:')}"
        return f"https://doi.org/{self.where.removeprefix('doi:')}" if self.where.startswith("doi:") else self.where

    def bibtex(self, key: str) -> str:
        """One BibTeX entry. A single author is followed by "and others": the rest of a list of authors is not kept here."""
        author = _latex(self.author) if self.author.startswith("{") else f"{_latex(self.author)} and others"
        fields = {"author": author, "title": f"{{{_latex(self.title)}}}", "year": str(self.year)}
        if self.where.startswith("arXiv:"):
            fields |= {"eprint": self.where.removeprefix("arXiv:"), "archivePrefix": "arXiv"}
        elif self.where.startswith("doi:"):
            fields["doi"] = self.where.removeprefix("doi:")
        fields["url"] = self.url
        return f"@misc{{{key},\n" + ",\n".join(f"  {name} = {{{value}}}" for name, value in fields.items()) + "\n}"


_ACCENTS = {
    "ä": '{\\"a}',
    "ö": '{\\"o}',
    "ü": '{\\"u}',
    "é": "{\\'e}",
    "è": "{\\`e}",
    "á": "{\\'a}",
    "ó": "{\\'o}",
    "í": "{\\'i}",
    "ñ": "{\\~n}",
    "ç": "{\\c c}",
}


def _latex(text: str) -> str:
    """Text with the characters escaped that LaTeX would read as commands. Braces of organisations stay."""
    escaped = re.sub(r"([&%#_$])", r"\\\1", text)
    return "".join(_ACCENTS.get(letter, letter) for letter in escaped)
