"""The keys of an adapter, the YAML file that describes a source without code: what they are and which values they take."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

Word = Literal["safe", "unsafe", "borderline", "none", "skip"]
Place = Literal["config", "split", "file"]


class Part(BaseModel):
    """Base of all parts: frozen, no unknown keys."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Reading(Part):
    """Where an answer stands: in a `column` (through a table of `values`, or as a number `at_least` or `above` a border), or in the place of a row (`by`)."""

    column: str | None = None
    by: Place | None = None
    values: dict[str, Any] | None = None
    at_least: float | None = None
    above: float | None = None

    @model_validator(mode="after")
    def _one_way(self) -> Reading:
        self._check()
        return self

    def _check(self) -> None:
        if (self.column is None) == (self.by is None):
            raise ValueError("give either column or by")
        if self.by is not None and self.values is None:
            raise ValueError(f"by: {self.by} needs values, one for each {self.by}")
        if sum(given is not None for given in (self.values, self.at_least, self.above)) > 1:
            raise ValueError("give one of values, at_least and above")


class VerdictReading(Reading):
    """A verdict: words are safe, unsafe, borderline, none (judged without a verdict) and skip (no judgement); `missing` says what an absent value means."""

    values: dict[str, Word] | None = None
    missing: Word | None = None
    labels: bool = False

    @model_validator(mode="before")
    @classmethod
    def _constant(cls, value: Any) -> Any:
        if value == "labels":
            return {"labels": True}
        return {"by": "file", "values": {"*": value}} if isinstance(value, str) else value

    def _check(self) -> None:
        if self.labels:
            if self.column or self.by:
                raise ValueError("a verdict that follows from the labels has no column and no place")
            return
        super()._check()
        if self.column and self.values is None and self.at_least is None and self.above is None:
            raise ValueError("a column needs values (native value: safe, unsafe, borderline, none or skip), at_least or above")


class Labels(Part):
    """How the violated categories are named: one per row or joined by `separator` in a `column`, as a list, as a `struct` of booleans, as `columns` of 0 and 1 (or
    shares, with `at_least` or `above`), or by the place of a row. `values` renames native names to categories; null names nothing. `safe_rows`: what a name on a
    safe row is: a theme that says nothing, or an open question (unjudged)."""

    column: str | None = None
    separator: str | None = None
    struct: str | None = None
    columns: dict[str, str] | None = None
    at_least: float | None = None
    above: float | None = None
    by: Place | None = None
    values: dict[str, str | None] | None = None
    safe_rows: Literal["theme", "unjudged"] = "theme"

    @model_validator(mode="after")
    def _one_way(self) -> Labels:
        if sum(given is not None for given in (self.column, self.struct, self.columns, self.by)) != 1:
            raise ValueError("give one of column, struct, columns and by")
        if (self.at_least is not None or self.above is not None) and self.columns is None:
            raise ValueError("at_least and above go with columns")
        if self.by is not None and self.values is None:
            raise ValueError(f"by: {self.by} needs values, one for each {self.by}")
        return self


def _reading(value: Any) -> Any:
    return {"column": value} if isinstance(value, str) else value


def _files(value: Any) -> Any:
    """`x.csv`, a list of files, or split: files, as config -> split -> files."""
    if isinstance(value, (str, list)):
        value = {"train": value}
    if isinstance(value, dict) and not any(isinstance(below, dict) for below in value.values()):
        value = {"default": value}
    if isinstance(value, dict):
        return {
            config: {split: [files] if isinstance(files, str) else files for split, files in splits.items()} if isinstance(splits, dict) else splits
            for config, splits in value.items()
        }
    return value


class LicencePart(Part):
    id: str = "unknown"
    evidence: str = "not stated"
    read: str = ""
    commercial: bool | None = None
    link: str = ""


class CitationPart(Part):
    author: str
    title: str
    year: int
    where: str


class LayoutPart(Part):
    header: bool = True
    columns: tuple[str, ...] = ()
    delimiter: str | None = None
    encoding: str = "utf-8"
    array: bool = False
    at: str | None = None
    levels: tuple[str, ...] = ()


class Description(Part):
    """The keys of an adapter. Needed: `taxonomy`, `files`, `verdict`, and `prompt` or `response`.

    `files`: one file, a list, split: files, or config: {split: files}; places relative to this file, or to the data set where it is downloaded.
    `prompt`, `response`: columns with text; the response is judged where there is one, unless `judges` says otherwise. `labels` may be left out
    where the taxonomy has one category: every unsafe row violates it. A dotted name is a field of a nested column. `optional`: columns that may be
    missing or empty. `types`: of columns that are not text, where it does not follow. `native`: further label columns to keep verbatim.
    """

    title: str = ""
    about: str = ""
    hub: str | None = None
    github: str | None = None
    revision: str | None = Field(None, pattern=r"^[0-9a-f]{40}$")
    former: tuple[str, ...] = ()
    digests: dict[str, Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]] = {}
    gate: str | None = None
    homepage: str | None = None
    licence: LicencePart = LicencePart()
    citation: CitationPart | None = None
    evidence: Literal["real rows", "documented layout", "invented rows"] = "documented layout"
    taxonomy: str
    files: Annotated[dict[str, dict[str, tuple[str, ...]]], BeforeValidator(_files)]
    layout: LayoutPart = LayoutPart()
    prompt: str | None = None
    response: str | None = None
    judges: Literal["prompt", "response", "dialogue"] | None = None
    verdict: VerdictReading
    labels: Labels | None = None
    adversarial: bool | Annotated[Reading, BeforeValidator(_reading)] | None = None
    refusal: bool | Annotated[Reading, BeforeValidator(_reading)] | None = None
    severity: Annotated[Reading, BeforeValidator(_reading)] | None = None
    language: str | Reading | None = None
    native: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    types: dict[str, Literal["string", "int", "float", "bool", "strings"]] = {}
    placeholders: tuple[str, ...] = ()
    safe_clears: bool = True
    annotated: tuple[str, ...] = ()
    rows: dict[str, int] = {}
    lineage: dict[str, str] = {}
    quirks: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _has_text(self) -> Description:
        if self.prompt is None and self.response is None:
            raise ValueError("name the column with the text: prompt, response or both")
        if self.hub is not None and self.github is not None:
            raise ValueError("give hub or github, not both")
        return self
