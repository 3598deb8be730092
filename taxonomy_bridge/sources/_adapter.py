"""A source without code: a YAML file that says which columns hold the text, the verdict and the labels.

In: `<name>.yaml`. Out: the same `Source` that a Python file gives, with the same decoders and checks. The keys stand in `_description.Description`.
The bundled sources whose labels need no code are such files; `taxonomy-bridge sources add` drafts one for data of one's own.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from taxonomy_bridge import registry, yamlfile
from taxonomy_bridge.errors import ProblemsError, SourceError, TaxonomyError
from taxonomy_bridge.sources import _described
from taxonomy_bridge.sources._base import Citation, Layout, Licence, Source
from taxonomy_bridge.sources._description import Description
from taxonomy_bridge.taxonomy import ID, Taxonomy, load_taxonomy, register_taxonomy


def read_adapter(path: Path, bundled: bool = False) -> Source:
    """The source that a file describes; its name is that of the file.

    A `taxonomy` that ends with .yaml is a file beside this one. Raises `SourceError` with every problem, each as `file:line:column: key: problem`.
    """
    try:
        document = yamlfile.read(path)
    except ProblemsError as error:
        raise SourceError(error.problems) from error
    try:
        told = Description.model_validate(document.value)
    except ValidationError as error:
        raise SourceError([_told(document, problem) for problem in error.errors()]) from error
    taxonomy = _taxonomy(told, path, document)
    problems = _described.problems(told, taxonomy)
    if not ID.fullmatch(path.stem):
        problems.append(((), f"the name {path.stem!r} is no id: lower-case letters, digits, dots and hyphens. Rename the file."))
    if not bundled and path.stem in registry.names("sources"):
        problems.append(((), f"a bundled source has the name {path.stem!r}, and row ids begin with it. Rename the file."))
    if problems:
        raise SourceError([f"{document.where(at)}: {text}" for at, text in problems])
    return _source(told, taxonomy, path, bundled)


def _taxonomy(told: Description, path: Path, document: yamlfile.Document) -> Taxonomy:
    try:
        if told.taxonomy.endswith(".yaml"):
            return register_taxonomy(path.parent / told.taxonomy)
        return load_taxonomy(told.taxonomy)
    except TaxonomyError as error:
        raise SourceError(error.problems) from error
    except ProblemsError as error:
        raise SourceError([f"{document.where(('taxonomy',))}: taxonomy: {problem}" for problem in error.problems]) from error
    except LookupError as error:
        hint = "A list of your own is named by its file: `taxonomy: my-list.yaml`."
        raise SourceError([f"{document.where(('taxonomy',))}: taxonomy: {error} {hint}"]) from error


def _told(document: yamlfile.Document, problem: Any) -> str:
    at = tuple(part for part in problem["loc"] if not str(part).startswith(("function-", "Reading", "VerdictReading")) and part not in ("bool", "str"))
    text = problem["msg"].removeprefix("Value error, ").rstrip(".")
    if problem["type"] == "extra_forbidden":
        text = "unknown key. docs/my-own-data.md lists the keys of an adapter"
    return f"{document.where(at)}: {'.'.join(map(str, at)) or 'adapter'}: {text}."


def _source(told: Description, taxonomy: Taxonomy, path: Path, bundled: bool) -> Source:
    places = {(config, split): files for config, splits in told.files.items() for split, files in splits.items()}
    verdicts = {place: _described.verdicts_at(told, *place, files) for place, files in places.items()}
    every = frozenset().union(*verdicts.values())
    own_language = told.language if isinstance(told.language, str) else None
    return Source(
        name=path.stem,
        title=told.title or path.stem,
        about=told.about or told.title or path.stem,
        hub_id=told.hub,
        github=told.github,
        revision=told.revision,
        former=told.former,
        digests=told.digests,
        folder=None if bundled or told.hub or told.github else path.parent,
        files=told.files,
        columns=_described.schema(told, taxonomy),
        licence=Licence(told.licence.id, told.licence.evidence, told.licence.read, told.licence.commercial, told.licence.link),
        citation=Citation(**told.citation.model_dump()) if told.citation else None,
        taxonomies=(taxonomy.id,),
        decode=_described.decoder(told, taxonomy),
        slots=(_described.judged(told),),
        evidence=told.evidence,
        gate=told.gate,
        homepage=told.homepage,
        verdicts=every,
        one_class=_one_class(verdicts, every),
        annotated=frozenset(told.annotated),
        safe_clears=told.safe_clears,
        layout=Layout(told.layout.header, told.layout.delimiter, told.layout.encoding, told.layout.at, told.layout.levels, told.layout.array),
        language=own_language,
        quirks=told.quirks,
        rows=told.rows,
        lineage=told.lineage,
    )


def _one_class(verdicts: Mapping[tuple[str, str], frozenset[str]], every: frozenset[str]) -> dict[str, str]:
    """Config or split -> the only verdict that it has, where the data set as a whole has more."""
    if len(every) < 2:
        return {}
    found: dict[str, str] = {}
    for side in (0, 1):
        for name in {place[side] for place in verdicts}:
            here = frozenset().union(*(words for place, words in verdicts.items() if place[side] == name))
            if len(here) == 1:
                found[name] = next(iter(here))
    return found
