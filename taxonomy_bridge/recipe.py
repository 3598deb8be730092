"""The recipe: a YAML file that fully determines an output. Unknown keys are errors; all problems are told at once.

`Recipe` is the model of version 1. Keys whose feature does not exist yet are refused, never ignored.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from taxonomy_bridge import paths, registry, yamlfile
from taxonomy_bridge.errors import ProblemsError, RecipeError, UnknownNameError

NAME = r"^[a-z0-9-]+$"


class Part(BaseModel):
    """Base of all recipe parts: frozen, no unknown keys."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class Where(Part):
    """Equality filters: a row stays if its value is among those given."""

    adversarial: tuple[bool | None, ...] | None = None
    language: tuple[str | None, ...] | None = None
    refusal: tuple[bool | None, ...] | None = None
    category: tuple[str, ...] | None = None


class Cap(Part):
    """At most so many samples of a verdict, per judged role, counted after all filters."""

    safe: int | None = Field(default=None, ge=0)
    unsafe: int | None = Field(default=None, ge=0)


class Replace(Part):
    """Draw the cap with replacement."""

    safe: bool = False
    unsafe: bool = False


class Named(Part):
    """A source by its `id`, or by the file of an `adapter` that describes data of one's own."""

    id: str | None = None
    adapter: str | None = Field(None, pattern=r"\.yaml$")
    config: str | None = None
    split: str
    path: str | None = None
    revision: str | None = Field(None, pattern=r"^[0-9a-f]{40}$")

    @property
    def source(self) -> str:
        """The name of the source."""
        return self.id if self.id is not None else Path(str(self.adapter)).stem

    def load(self, folder: Path) -> Any:
        """The source; `folder` is that of the recipe."""
        return registry.load("sources", str(folder / self.adapter) if self.adapter else str(self.id))

    @model_validator(mode="after")
    def _one_source(self) -> Named:
        if (self.id is None) == (self.adapter is None):
            raise ValueError("give either id or adapter")
        return self


class SourceEntry(Named):
    """One source in the mix."""

    as_: str | None = Field(None, alias="as", pattern=r"^[a-z0-9][a-z0-9._-]*$")
    judged: tuple[str, ...] | None = None
    where: Where = Where()
    cap: Cap = Cap()
    replace: Replace = Replace()
    borderline: Literal["drop", "safe", "unsafe"] = "drop"
    into: Literal["train", "test", "auto"] = "train"

    @property
    def name(self) -> str:
        """The unique name inside the recipe."""
        return self.as_ or self.source


class LabelRules(Part):
    truth: Literal["entailed", "published"] = "entailed"
    assume: Literal["open", "closed"] = "open"
    multi: Literal["all", "primary", "drop"] = "all"
    unknown: Literal["match", "drop_row"] = "match"
    allow_list_leak: bool = False
    answers: str | None = None


class PolicyEntry(Part):
    """`native`, a taxonomy id, or a policy file."""

    id: str | None = None
    file: str | None = None
    weight: float = Field(1.0, gt=0)
    definitions: bool = False

    @property
    def name(self) -> str:
        """What sample ids and messages call it: the id, or the name of the file without its ending."""
        return self.id if self.id is not None else Path(str(self.file)).name.rsplit(".", 1)[0]

    @property
    def native(self) -> bool:
        """Whether every row is shown its own source's list."""
        return self.id == "native"

    @model_validator(mode="after")
    def _one_kind(self) -> PolicyEntry:
        if (self.id is None) == (self.file is None):
            raise ValueError("give either id or file")
        return self


def _policy(value: Any) -> Any:
    return {"id": value} if isinstance(value, str) else value


class Augment(Part):
    shuffle: bool = False
    codes: Literal["none", "keep", "renumber"] = "none"
    drop_items: float = Field(default=0.0, ge=0, lt=1)
    flip_to_safe: float = Field(default=0.0, ge=0, le=1)
    never_flip: Literal["default"] | tuple[str, ...] = "default"
    siblings: int = Field(default=0, ge=0)
    swap_pairs: float = Field(default=0.0, ge=0, le=1)


class FormatChoice(Part):
    name: str = "gspr"
    preset: str = "corrected"
    template: str | None = None


class Duplicates(Part):
    exact: Literal["drop", "keep"] = "drop"
    conflicts: Literal["drop", "keep", "error"] = "drop"


class Evaluation(Named):
    """A data set that the training split must not overlap."""


class LengthByTarget(Part):
    """A limit for each judged target; null means none."""

    prompt: int | None = Field(None, gt=0)
    response: int | None = Field(None, gt=0)
    dialogue: int | None = Field(None, gt=0)


class Length(Part):
    """The longest rendered prompt, one limit for all or one for each judged target."""

    tokenizer: str = "approx-1"
    max_tokens: Annotated[int, Field(gt=0)] | LengthByTarget | None = None

    def limit(self, judged: str) -> int | None:
        """The limit for one target."""
        if isinstance(self.max_tokens, LengthByTarget):
            found: int | None = getattr(self.max_tokens, judged)
            return found
        return self.max_tokens


class Balance(Part):
    by: tuple[Literal["source", "policy", "category", "verdict", "language"], ...] = ()
    total: int | None = Field(default=None, gt=0)


class Content(Part):
    exclude_concepts: tuple[str, ...] = ()


class Export(Part):
    to: str
    kind: Literal["rl", "sft", "coldstart"] = "rl"
    file: Literal["parquet", "jsonl"] = "parquet"
    mode: Literal["rendered", "compact"] = "rendered"


class Recipe(Part):
    """Version 1 of the recipe.

    >>> Recipe.from_value({"version": 1, "name": "tiny", "seed": 1, "intent": "research",
    ...     "sources": [{"id": "beavertails", "split": "30k_test"}], "policies": ["native"]}).sources[0].name
    'beavertails'
    """

    version: Literal[1]
    name: str = Field(pattern=NAME)
    seed: int = Field(ge=0, lt=2**64)
    intent: Literal["research", "commercial"]
    sources: tuple[SourceEntry, ...] = Field(min_length=1)
    labels: LabelRules = LabelRules()
    policies: tuple[Annotated[PolicyEntry, BeforeValidator(_policy, json_schema_input_type=str | PolicyEntry)], ...] = Field(min_length=1)
    policy_choice: Literal["all", "one"] = "all"
    min_items: int | None = Field(None, ge=1)
    max_items: int | None = Field(None, ge=1)
    augment: Augment = Augment()
    format: FormatChoice = FormatChoice()
    duplicates: Duplicates = Duplicates()
    near_duplicates: Any = None
    splits: dict[Literal["train", "test"], float] = {"train": 1.0}
    decontaminate: tuple[Evaluation, ...] = ()
    length: Length = Length()
    balance: Balance = Balance()
    shard_rows: int = Field(50_000, ge=1)
    content: Content = Content()
    allow_one_class: tuple[str, ...] = ()
    export: tuple[Export, ...] = (Export(to="trl"),)

    @classmethod
    def from_value(cls, value: Any, where: yamlfile.Document | None = None) -> Recipe:
        """Check a parsed recipe. Raises `RecipeError` with every problem."""
        document = where or yamlfile.Document("<recipe>", value)
        if not isinstance(value, dict):
            raise RecipeError([f"{document.where(())}: a recipe is a mapping of keys. `taxonomy-bridge recipe init` writes one."])
        try:
            recipe = cls.model_validate(value)
        except ValidationError as error:
            raise RecipeError([_told(document, problem) for problem in error.errors()]) from error
        problems = [f"{document.where(at)}: {text}" for at, text in _problems(recipe)]
        if problems:
            raise RecipeError(problems)
        return recipe

    @classmethod
    def json_schema(cls) -> dict[str, Any]:
        """JSON Schema of the recipe file, for editors.

        >>> Recipe.json_schema()["title"]
        'Recipe'
        """
        return cls.model_json_schema(by_alias=True)

    def to_value(self) -> dict[str, Any]:
        """Plain values, every default written out."""
        return self.model_dump(mode="json", by_alias=True)


class LoadedRecipe(Part):
    """A recipe and the folder that its paths are relative to."""

    recipe: Recipe
    folder: Path


def load_recipe(what: str | Path | dict[str, Any] | Recipe) -> LoadedRecipe:
    """A recipe from a file, the name of a bundled one, a dict or a model.

    >>> load_recipe("quickstart").recipe.name
    'quickstart'
    """
    if isinstance(what, Recipe):
        return LoadedRecipe(recipe=what, folder=Path())
    if isinstance(what, dict):
        return LoadedRecipe(recipe=Recipe.from_value(what), folder=Path())
    path = Path(what)
    if not path.is_file() and str(what) in registry.names("recipes"):
        path = registry.data_file("recipes", str(what))
    if not path.is_file():
        raise UnknownNameError.among("recipe file or bundled recipe", str(what), registry.names("recipes"))
    try:
        document = yamlfile.read(path)
    except RecipeError:
        raise
    except ProblemsError as error:
        raise RecipeError(error.problems) from error
    folder = paths.PACKAGE if path.parent == paths.recipes() else path.parent
    return LoadedRecipe(recipe=Recipe.from_value(document.value, document), folder=folder)


def _told(document: yamlfile.Document, problem: Any) -> str:
    at = tuple(problem["loc"])
    key = ".".join(str(part) for part in at if part != "Annotated") or "recipe"
    text = problem["msg"].removeprefix("Value error, ")
    if problem["type"] == "extra_forbidden":
        text = "unknown key. `taxonomy-bridge recipe init` shows all keys"
    return f"{document.where(at)}: {key}: {text}."


def _problems(recipe: Recipe) -> list[tuple[tuple[str | int, ...], str]]:
    found: list[tuple[tuple[str | int, ...], str]] = []
    names: dict[str, int] = {}
    for index, entry in enumerate(recipe.sources):
        if entry.name in names:
            found.append((("sources", index), f"the source name {entry.name!r} is used twice. Tell them apart with `as:`."))
        names[entry.name] = index
        found += [] if entry.id is None else _known("sources", entry.id, ("sources", index, "id"))
        for verdict in ("safe", "unsafe"):
            if getattr(entry.replace, verdict) and getattr(entry.cap, verdict) is None:
                found.append((("sources", index, "replace"), f"replace.{verdict} needs cap.{verdict}: how many to draw."))
    for index, evaluation in enumerate(recipe.decontaminate):
        found += [] if evaluation.id is None else _known("sources", evaluation.id, ("decontaminate", index, "id"))
    found += _known("formats", recipe.format.name, ("format", "name"))
    for index, export in enumerate(recipe.export):
        found += _known("exporters", export.to, ("export", index, "to"))
    total = sum(recipe.splits.values())
    if "train" not in recipe.splits or abs(total - 1) > 1e-9 or min(recipe.splits.values()) < 0:
        found.append((("splits",), f"shares must include train and add up to 1, not {total:g}."))
    if recipe.splits.get("test", 0) > 0 and not any(entry.into == "auto" for entry in recipe.sources):
        found.append((("splits",), "a share for test goes to sources with `into: auto` only, and there is none. Set it where rows shall be divided."))
    if recipe.min_items and recipe.max_items and recipe.min_items > recipe.max_items:
        found.append((("min_items",), f"min_items {recipe.min_items} is above max_items {recipe.max_items}."))
    return found + _policy_problems(recipe) + _not_yet(recipe)


def _policy_problems(recipe: Recipe) -> list[tuple[tuple[str | int, ...], str]]:
    found: list[tuple[tuple[str | int, ...], str]] = []
    seen: dict[str, int] = {}
    for index, policy in enumerate(recipe.policies):
        at = ("policies", index)
        if policy.name in seen:
            found.append((at, f"the policy {policy.name!r} stands twice. Keep one."))
        seen[policy.name] = index
        # An adapter may bring a list of its own, which is known once it is read.
        if policy.id is not None and policy.id != "native" and not any(entry.adapter for entry in recipe.sources):
            found += _known("taxonomies", policy.id, at)
    if recipe.augment.swap_pairs and (len(recipe.policies) < 2 or recipe.policy_choice != "one"):
        text = (
            "swap_pairs shows one text under two policies: it needs two or more policies and `policy_choice: one` (with `all`, every text stands under each)."
        )
        found.append((("augment", "swap_pairs"), text))
    if recipe.labels.truth == "published" and recipe.augment.flip_to_safe:
        found.append((("augment", "flip_to_safe"), "a flip needs proof, which published verdicts under a foreign list cannot give. Use `truth: entailed`."))
    return found


def _known(kind: str, name: str, at: tuple[str | int, ...]) -> list[tuple[tuple[str | int, ...], str]]:
    if name in registry.names(kind):
        return []
    return [(at, str(UnknownNameError.among(kind.removesuffix("s"), name, registry.names(kind))))]


def _not_yet(recipe: Recipe) -> list[tuple[tuple[str | int, ...], str]]:
    """Keys that ask for a feature which does not exist yet."""
    asked: list[tuple[tuple[str | int, ...], bool]] = [(("near_duplicates",), recipe.near_duplicates is not None)]
    asked += [(("export", index, "mode"), export.mode != "rendered") for index, export in enumerate(recipe.export)]
    return [(at, f"{'.'.join(map(str, at))}: this feature does not exist yet in this version. Remove the key.") for at, is_asked in asked if is_asked]
