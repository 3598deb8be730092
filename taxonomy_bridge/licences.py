"""Licences of sources, and what they say about a mix of them. A reading of what publishers state, not legal advice.

In: sources. Out: what each licence asks for, and whether the mix may be used commercially and handed on.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from taxonomy_bridge.sources._base import Source
from taxonomy_bridge.sources._facts import Licence

Answer = Literal["yes", "no", "unclear"]


def commercial(licence: Licence) -> Answer:
    """Whether commercial use is allowed.

    >>> commercial(Licence("CC-BY-NC-4.0", "card", "2026-01-31", False))
    'no'
    """
    if licence.commercial is None:
        return "unclear"
    return "yes" if licence.commercial else "no"


def duties(licence: Licence) -> tuple[str, ...]:
    """What the licence asks of who hands the data on, as far as its identifier says.

    >>> duties(Licence("CC-BY-NC-SA-4.0", "card", "2026-01-31", False))
    ('attribution', 'non-commercial', 'share-alike')
    """
    name = licence.identifier
    if name == "unknown":
        return ("ask the publisher",)
    if name.startswith("LicenseRef-"):
        return ("its own terms",)
    words = set(re.split(r"[-.]", name))
    found = [
        ("attribution", bool(words & {"BY", "MIT", "Apache", "BSD"}) or "GPL" in name),
        ("non-commercial", "NC" in words),
        ("share-alike", "SA" in words or "GPL" in name or name.startswith("ODbL")),
        ("no derivatives", "ND" in words),
    ]
    return tuple(duty for duty, asked in found if asked)


@dataclass(frozen=True)
class MixVerdict:
    """What the licences of a mix say together.

    `forbidding`, `unclear`: sources that do not allow commercial use, or do not say so clearly. `share_alike`: licence -> sources that ask for the same licence.
    `own_terms`: sources under terms of their own, or whose page has to be accepted; these are not for handing on without reading them.
    """

    commercial: Answer
    forbidding: tuple[str, ...]
    unclear: tuple[str, ...]
    share_alike: dict[str, tuple[str, ...]]
    own_terms: tuple[str, ...]

    @property
    def conflict(self) -> bool:
        """Whether two licences each ask that the whole be under themselves."""
        return len(self.share_alike) > 1

    def lines(self) -> list[str]:
        """The verdict in sentences."""
        told = {"yes": "Commercial use: allowed by every licence.", "no": f"Commercial use: no, because of {', '.join(self.forbidding)}."}
        lines = [told.get(self.commercial, f"Commercial use: not clearly allowed by {', '.join(self.unclear)}. Ask the publishers.")]
        if self.commercial == "no" and self.unclear:
            lines.append(f"Not clear either: {', '.join(self.unclear)}.")
        if self.conflict:
            asked = "; ".join(f"{name} ({', '.join(sources)})" for name, sources in self.share_alike.items())
            lines.append(f"Handing on: these licences each ask that the whole be under themselves: {asked}. Share the recipe, not the data: `recipe share`.")
        elif self.share_alike:
            ((name, sources),) = self.share_alike.items()
            lines.append(f"Handing on: only under {name}, because of {', '.join(sources)}.")
        if self.own_terms:
            lines.append(f"Read the terms before handing anything on: {', '.join(self.own_terms)}.")
        return lines


def verdict(sources: Sequence[Source]) -> MixVerdict:
    """What the licences of some sources say together.

    >>> from taxonomy_bridge import registry
    >>> verdict([registry.load("sources", name) for name in ("beavertails", "xstest")]).commercial
    'no'
    """
    unique = {source.name: source for source in sources}
    says = {name: commercial(source.licence) for name, source in unique.items()}
    forbidding, unclear = (tuple(name for name, said in says.items() if said == answer) for answer in ("no", "unclear"))
    alike: dict[str, tuple[str, ...]] = {}
    for name, source in unique.items():
        if "share-alike" in duties(source.licence):
            alike[source.licence.identifier] = (*alike.get(source.licence.identifier, ()), name)
    own = tuple(name for name, source in unique.items() if source.gate or source.licence.identifier.startswith(("LicenseRef-", "unknown")))
    return MixVerdict("no" if forbidding else "unclear" if unclear else "yes", forbidding, unclear, alike, own)


def strictest(sources: Sequence[Source]) -> Licence:
    """The licence that binds the mix: a forbidding one before an unclear one before the rest."""
    order = {"no": 0, "unclear": 1, "yes": 2}
    return min((source.licence for source in sources), key=lambda licence: (order[commercial(licence)], licence.identifier))
