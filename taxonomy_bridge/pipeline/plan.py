"""From a recipe to everything that a build reads, and the lock that pins it.

Nothing is decoded here: sources are found, files are hashed, formats, policies and templates are checked. What comes out determines
every byte of the output.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from taxonomy_bridge import paths, registry, storage
from taxonomy_bridge.adjudicated import Answers, read_answers
from taxonomy_bridge.errors import BuildError, FormatError, PolicyError, RecipeError, TaxonomyError, UnknownNameError
from taxonomy_bridge.exporters._base import Exporter
from taxonomy_bridge.formats._base import Format, check_names, compile_template, unreachable_names
from taxonomy_bridge.graph import CategoryGraph, load_graph
from taxonomy_bridge.licences import commercial
from taxonomy_bridge.policy import MAX_ITEMS, Policy, read_policy, taxonomy_policy
from taxonomy_bridge.recipe import LoadedRecipe, PolicyEntry, Recipe, SourceEntry
from taxonomy_bridge.sources import _hub
from taxonomy_bridge.sources._base import NativeFile, Source
from taxonomy_bridge.taxonomy import Taxonomy, is_taxonomy_file, load_taxonomy, register_taxonomy
from taxonomy_bridge.truth import NEVER_FLIP
from taxonomy_bridge.version import __version__
from taxonomy_bridge.vocabulary import load_vocabulary

LIBRARIES = ("numpy", "pyarrow", "xxhash")


@dataclass(frozen=True)
class InputFile:
    """One native file of one recipe entry. `limit`: read only so many records."""

    entry: int
    file: NativeFile
    sha256: str
    size: int
    limit: int | None


@dataclass(frozen=True)
class Plan:
    """Everything that determines the output of a build."""

    recipe: Recipe
    folder: Path
    sources: tuple[Source, ...]
    files: tuple[InputFile, ...]
    evaluations: tuple[tuple[Source, tuple[NativeFile, ...]], ...]
    format: Format
    template: str | None
    answers: Answers | None
    limit: int | None

    @property
    def entries(self) -> tuple[SourceEntry, ...]:
        return self.recipe.sources

    @cached_property
    def exporters(self) -> tuple[tuple[Exporter, str, str], ...]:
        """(exporter, kind, file kind) of every export, in recipe order."""
        return tuple((registry.load("exporters", export.to), export.kind, export.file) for export in self.recipe.export)

    @cached_property
    def taxonomies(self) -> dict[str, Taxonomy]:
        """Every taxonomy that labels or policies may use."""
        names = {name for source in self.sources for name in source.taxonomies}
        names |= {entry.id for entry in self.recipe.policies if entry.id and not entry.native}
        return {name: load_taxonomy(name) for name in sorted(names)}

    def policy(self, entry: PolicyEntry, taxonomy: str) -> Policy:
        """The list that `entry` shows to rows labelled under `taxonomy`."""
        if entry.file is not None:
            return self._file_policy(entry.file, entry.definitions)
        names = "native" if self.recipe.format.preset == "published" else "display"
        return taxonomy_policy(load_taxonomy(taxonomy if entry.native else str(entry.id)), names=names, definitions=entry.definitions)

    def policy_name(self, entry: int) -> str:
        """What sample ids call a policy entry: `native`, or the id of its policy."""
        chosen = self.recipe.policies[entry]
        return "native" if chosen.native else self.policy(chosen, "").id

    def _file_policy(self, file: str, definitions: bool) -> Policy:
        if file in self.own_lists:
            return taxonomy_policy(load_taxonomy(self.own_lists[file]), definitions=definitions)
        policy = self._read[file] if file in self._read else self._read.setdefault(file, read_policy(self.folder / file, self.graph))
        return policy if definitions else Policy(policy.id, tuple(replace(item, definition=None) for item in policy.items))

    @cached_property
    def _read(self) -> dict[str, Policy]:
        return {}

    @cached_property
    def own_lists(self) -> dict[str, str]:
        """File of the recipe -> id, for policies that are category lists of the user's own; known from here on, with the mappings beside them."""
        files = [entry.file for entry in self.recipe.policies if entry.file is not None]
        return {file: register_taxonomy(self.folder / file).id for file in files if is_taxonomy_file(self.folder / file)}

    @cached_property
    def graph(self) -> CategoryGraph:
        """The category graph; loaded only where `uses_graph`."""
        _ = self.own_lists
        return load_graph()

    @property
    def translates(self) -> bool:
        """Whether any label is carried over to a list that is not its source's own."""
        return self.recipe.labels.truth == "entailed" and any(not entry.native for entry in self.recipe.policies)

    @property
    def uses_graph(self) -> bool:
        recipe = self.recipe
        return (
            self.translates
            or any(entry.file for entry in recipe.policies)
            or bool(recipe.augment.flip_to_safe or recipe.augment.siblings or recipe.content.exclude_concepts)
        )

    @cached_property
    def never_flip(self) -> tuple[str, ...]:
        """Concepts whose texts never come out as safe by taking items out."""
        chosen = self.recipe.augment.never_flip
        return NEVER_FLIP if chosen == "default" else chosen

    @cached_property
    def synthetic(self) -> bool:
        """Whether any row comes from the packaged invented examples."""
        return any(paths.examples() in item.file.path.resolve().parents for item in self.files)

    @cached_property
    def lock(self) -> dict[str, Any]:
        """The content of build.lock.json."""
        body = {
            "version": 1,
            "recipe": hashlib.sha256(storage.canonical_json(self.shared_recipe).encode()).hexdigest(),
            "limit": self.limit,
            "files": [self._locked(item) for item in self.files],
            "decontaminate": [
                {"source": source.name, "file": file.origin.file, "revision": file.origin.revision, "sha256": storage.file_sha256(file.path)}
                for source, files in self.evaluations
                for file in files
            ],
            "taxonomies": {name: storage.file_sha256(registry.data_file("taxonomies", name)) for name in self._mapped | set(self.taxonomies)},
            "mappings": self._mapping_hashes(),
            "adapters": {
                entry.source: storage.file_sha256(self.folder / entry.adapter) for entry in (*self.entries, *self.recipe.decontaminate) if entry.adapter
            },
            "policies": {entry.name: storage.file_sha256(self.folder / entry.file) for entry in self.recipe.policies if entry.file},
            "answers": self.answers.sha256 if self.answers else None,
            "template": hashlib.sha256(self.template.encode()).hexdigest() if self.template else None,
            "tokenizer": self._tokenizer(),
            "libraries": {name: importlib.metadata.version(name) for name in LIBRARIES} | {"taxonomy_bridge": __version__},
        }
        build_id = hashlib.sha256(storage.canonical_json(body).encode()).hexdigest()[:16]
        return {"build_id": build_id, **body}

    @cached_property
    def _mapped(self) -> set[str]:
        """Taxonomies whose mappings can change an answer: those of labels and of items, and of their twins."""
        if not self.uses_graph:
            return set()
        named = {f"{name}:{slug}" for name, taxonomy in self.taxonomies.items() for slug in taxonomy.by_slug}
        for entry in self.recipe.policies:
            if not entry.native:
                named |= {ref for item in self.policy(entry, "").items for ref in item.refs}
        return {around.split(":", 1)[0] for category in named for around in self.graph.above(category)}

    def _mapping_hashes(self) -> dict[str, str]:
        """sha256 of the vocabulary and of every mapping that is used."""
        if not self.uses_graph:
            return {}
        files = {name: registry.data_file("mappings", name) for name in self._mapped if name in self.graph.mappings}
        return {name: storage.file_sha256(path) for name, path in sorted({"concepts": paths.concepts(), **files}.items())}

    @property
    def build_id(self) -> str:
        return str(self.lock["build_id"])

    @cached_property
    def shared_recipe(self) -> dict[str, Any]:
        """The recipe as written into outputs."""
        return shared_form(self.recipe)

    def _locked(self, item: InputFile) -> dict[str, Any]:
        origin = item.file.origin
        return {
            "source": self.entries[item.entry].name, "config": origin.config, "split": origin.split, "file": origin.file,
            "revision": origin.revision, "sha256": item.sha256, "bytes": item.size,
        }  # fmt: skip

    def _tokenizer(self) -> str:
        name = self.recipe.length.tokenizer
        return name if name == "approx-1" else storage.file_sha256(self.folder / name)


def shared_form(recipe: Recipe) -> dict[str, Any]:
    """A recipe as it is handed on: every default spelled out, folders of this machine left out."""
    value = recipe.to_value()
    for part in (*value["sources"], *value["decontaminate"]):
        part |= {key: None if part[key] is None else Path(part[key]).name for key in ("path", "adapter")}
    for part, key in (
        (value["format"], "template"),
        (value["length"], "tokenizer"),
        (value["labels"], "answers"),
        *((entry, "file") for entry in value["policies"]),
    ):
        part[key] = None if part[key] is None else Path(part[key]).name
    return value


def make_plan(loaded: LoadedRecipe, limit: int | None = None, data: Path | None = None) -> Plan:
    """Resolve a recipe. `data`: a folder with one sub-folder per source, used where the recipe gives no path. Raises `RecipeError`, `InputError`, `AccessError` or `FormatError` before anything is written."""
    recipe, folder = loaded.recipe, loaded.folder
    sources = tuple(entry.load(folder) for entry in recipe.sources)
    _check_sources(recipe, sources)
    _check_places(recipe, folder, sources, data)
    _check_exports(recipe)
    format_ = _check_format(recipe)
    files: list[InputFile] = []
    for index, (entry, source) in enumerate(zip(recipe.sources, sources, strict=True)):
        for file in _hub.files(source, entry.config, entry.split, _local(folder, entry.path, data, entry.source), entry.revision):
            files.append(InputFile(index, file, storage.file_sha256(file.path), file.path.stat().st_size, limit))
    evaluations = []
    for evaluation in recipe.decontaminate:
        source = evaluation.load(folder)
        found = _hub.files(source, evaluation.config, evaluation.split, _local(folder, evaluation.path, data, evaluation.source), evaluation.revision)
        evaluations.append((source, tuple(found)))
    template = _template(recipe, folder)
    answers = read_answers(folder / recipe.labels.answers) if recipe.labels.answers is not None else None
    plan = Plan(recipe, folder, sources, tuple(files), tuple(evaluations), format_, template, answers, limit)
    _check_lists(plan)
    _check_concepts(plan)
    return plan


def _local(folder: Path, path: str | None, data: Path | None, source: str) -> Path | None:
    """The local place of a source, or None for the hub."""
    if path is not None:
        return folder / path
    return data / source if data is not None and (data / source).exists() else None


def _check_sources(recipe: Recipe, sources: tuple[Source, ...]) -> None:
    problems = []
    for entry, source in zip(recipe.sources, sources, strict=True):
        offered = {*source.slots, *(slot.split("_")[0] for slot in source.slots)}
        unknown = sorted(set(entry.judged or ()) - offered)
        if unknown:
            problems.append(f"source {entry.name}: {', '.join(unknown)} is not judged there. It offers: {', '.join(sorted(offered))}.")
        licence = source.licence
        if recipe.intent == "commercial" and commercial(licence) != "yes":
            state = "does not allow" if commercial(licence) == "no" else "does not clearly allow"
            where = f"; {licence.link}" if licence.link else ""
            problems.append(
                f"source {entry.name}: its licence ({licence.identifier}; {licence.evidence}{where}) {state} commercial use. Remove it or set `intent: research`."
            )
    if problems:
        raise RecipeError(problems)


def _check_places(recipe: Recipe, folder: Path, sources: tuple[Source, ...], data: Path | None) -> None:
    """Every source can be found, before the first byte is downloaded."""
    problems: list[str] = []
    for entry, source in zip(recipe.sources, sources, strict=True):
        problems += _hub.problems(source, entry.config, entry.split, _local(folder, entry.path, data, entry.source), entry.revision)
    if problems:
        raise RecipeError(list(dict.fromkeys(problems)))


def _check_exports(recipe: Recipe) -> None:
    problems = []
    seen: set[tuple[str, str]] = set()
    for export in recipe.export:
        exporter = registry.load("exporters", export.to)
        if export.kind != "coldstart" and export.kind not in exporter.kinds:
            problems.append(f"export {export.to} has no kind {export.kind}. It has: {', '.join(exporter.kinds)}.")
        if export.kind != "coldstart" and export.file not in exporter.files:
            problems.append(f"export {export.to} is not written as {export.file}. Use: {', '.join(exporter.files)}.")
        if (export.to, export.kind) in seen:
            problems.append(f"export {export.to} of kind {export.kind} is asked for twice.")
        seen.add((export.to, export.kind))
    if problems:
        raise RecipeError(problems)


def _check_format(recipe: Recipe) -> Format:
    format_: Format = registry.load("formats", recipe.format.name)
    if recipe.format.preset not in format_.presets:
        raise RecipeError([f"format {format_.name} has no preset {recipe.format.preset!r}. It has: {', '.join(format_.presets)}."])
    foreign = [entry.name for entry in recipe.policies if not entry.native]
    if foreign and format_.categories and recipe.labels.truth == "published":
        raise RecipeError(
            [f"format {format_.name} asks for a category, which a published verdict under {', '.join(foreign)} cannot give. Use rsafe, or `truth: entailed`."]
        )
    return format_


def _template(recipe: Recipe, folder: Path) -> str | None:
    if recipe.format.template is None:
        return None
    path = folder / recipe.format.template
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise FormatError(f"template {path.name}: cannot be read: {error}.") from error
    compile_template(text)
    return text


def _check_lists(plan: Plan) -> None:
    """Displayed names are unique and reachable under the format's own matcher."""
    problems: list[str] = []
    files: dict[str, str] = {}
    for entry in plan.recipe.policies:
        for taxonomy in plan.taxonomies if entry.native else [""]:
            try:
                policy = plan.policy(entry, taxonomy)
            except (PolicyError, TaxonomyError) as error:
                problems += error.problems
                continue
            if entry.file is not None and files.setdefault(policy.id, entry.file) != entry.file:
                problems.append(f"policies: {files[policy.id]} and {entry.file} both have the id {policy.id!r}. Sample ids need it to be unique: change one.")
            if len(policy) > MAX_ITEMS:
                raise RecipeError([f"policy {policy.id} has {len(policy)} items; at most {MAX_ITEMS} fit into a prompt."])
            if plan.format.categories and plan.recipe.format.preset != "published":
                check_names([item.name for item in policy.items], plan.format, plan.recipe.format.preset)
    if problems:
        raise PolicyError(problems)


def _check_concepts(plan: Plan) -> None:
    """Concepts that the recipe names are in the vocabulary."""
    recipe = plan.recipe
    asked = [
        ("augment.never_flip", () if recipe.augment.never_flip == "default" else recipe.augment.never_flip),
        ("content.exclude_concepts", recipe.content.exclude_concepts),
    ]
    known = load_vocabulary().ids if any(names for _, names in asked) else ()
    problems = [f"{key}: {UnknownNameError.among('concept', name, known)}" for key, names in asked for name in names if name not in known]
    if problems:
        raise RecipeError(problems)


def unreachable(plan: Plan) -> dict[str, list[str]]:
    """Displayed names that the preset's own reward can never score, by policy; empty lists are left out."""
    found = {}
    for entry in plan.recipe.policies:
        for taxonomy in plan.taxonomies if entry.native else [""]:
            policy = plan.policy(entry, taxonomy)
            names = [item.name for item in policy.items]
            if plan.format.categories and (lost := unreachable_names(names, plan.format, plan.recipe.format.preset)):
                found[policy.id] = lost
    return found


def require_unchanged(plan: Plan, out: Path) -> None:
    """Refuse unless `out` holds a lock and the plan resolves to exactly it."""
    path = out / "build.lock.json"
    if not path.is_file():
        raise BuildError(f"{path.name} is missing, and --locked was given. Build once without it.")
    if path.read_text(encoding="utf-8") != storage.canonical_json(plan.lock, indent=1) + "\n":
        raise BuildError("what the recipe resolves to differs from build.lock.json, and --locked was given. Build into another folder to accept the change.")
