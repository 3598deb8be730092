"""`taxonomy-bridge policy`: init, check, show, cover, explain, schema."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from taxonomy_bridge.cli import _options, _print

if TYPE_CHECKING:
    from taxonomy_bridge.graph import CategoryGraph
    from taxonomy_bridge.policy import Policy

app = typer.Typer(help="Policies of your own: items built from known categories or from concepts.", no_args_is_help=True, rich_markup_mode=None)
Given = Annotated[str, typer.Argument(help="A policy file, or the id of a taxonomy.", autocompletion=_options.taxonomy_names)]
Assume = Annotated[str, typer.Option("--assume", help="open, or closed: a text exhibits nothing that the source looked at except what its labels cover.")]


def load(given: str, graph: CategoryGraph) -> Policy:
    """A policy from a file or a taxonomy id."""
    from taxonomy_bridge import registry
    from taxonomy_bridge.errors import UnknownNameError
    from taxonomy_bridge.policy import read_policy, taxonomy_policy

    if Path(given).is_file():
        return read_policy(Path(given), graph)
    if given in registry.names("taxonomies"):
        return taxonomy_policy(graph.taxonomies[given], definitions=True)
    raise UnknownNameError.among("policy file or taxonomy", given, registry.names("taxonomies"))


@app.command("init", epilog="Example: taxonomy-bridge policy init my-policy.yaml")
def init(
    path: Annotated[Path, typer.Argument(help="File to write.")] = Path("my-policy.yaml"),
    force: Annotated[bool, typer.Option("--force", help="Replace an existing file.")] = False,
) -> None:
    """Write a commented policy file to start from."""
    from taxonomy_bridge import paths

    _options.write(path, (paths.PACKAGE / "policy_template.yaml").read_text(encoding="utf-8"), force)


@app.command("check", epilog="Example: taxonomy-bridge policy check my-policy.yaml")
def check(files: Annotated[list[Path], typer.Argument(help="Policy files.", exists=True, dir_okay=False)], json: _options.Json = False) -> None:
    """Check policy files and report all problems at once, each as file:line:column; items that no source can decide are named."""
    from taxonomy_bridge.cover import impossible, reach
    from taxonomy_bridge.errors import PolicyError, ProblemsError
    from taxonomy_bridge.graph import load_graph
    from taxonomy_bridge.policy import read_policy

    graph = load_graph()
    problems: list[str] = []
    told: list[dict[str, Any]] = []
    for path in files:
        try:
            policy = read_policy(path, graph)
        except ProblemsError as error:
            problems += error.problems
            continue
        told.append({"file": str(path), "id": policy.id, "items": len(policy), "impossible": impossible(reach(policy, graph))})
    if problems:
        raise PolicyError(problems)
    if json:
        _print.as_json(told)
        return
    for one in told:
        typer.echo(_print.safe(f"{one['file']}: policy {one['id']} with {one['items']} items, no problems"))
        for item in one["impossible"]:
            _print.err(f"no label of a bundled source entails {item}: rows can only answer no, or need an answers file")


@app.command("show", epilog="Example: taxonomy-bridge policy show my-policy.yaml")
def show(given: Given, json: _options.Json = False) -> None:
    """Print the items of a policy and the concepts that each covers."""
    from taxonomy_bridge.graph import load_graph
    from taxonomy_bridge.translation import Translator
    from taxonomy_bridge.truth import wanted

    graph = load_graph()
    policy = load(given, graph)
    masks = Translator(graph, [wanted(item) for item in policy.items]).masks
    rows = []
    for number, item in enumerate(policy.items):
        inner, outer = (graph.bits.unpack(mask[number]) for mask in (masks.inner, masks.outer))
        rows.append({"id": item.id, "name": item.name, "any_of": list(item.refs), "certain": sorted(inner), "possible": sorted(outer - inner)})
    if json:
        _print.as_json(rows)
        return
    _print.table(["item", "name", "certain", "possible"], [[row["id"], row["name"], ", ".join(row["certain"]), ", ".join(row["possible"])] for row in rows])


@app.command("cover", epilog="Example: taxonomy-bridge policy cover my-policy.yaml --data FOLDER")
def cover(
    given: Given,
    data: Annotated[
        Path | None, typer.Option("--data", help="Folder with a sub-folder per source name, each in the native layout.", exists=True, file_okay=False)
    ] = None,
    recipe: Annotated[str | None, typer.Option("--recipe", help="Count the sources that a recipe names instead.")] = None,
    assume: Assume = "open",
    unknown: Annotated[
        Path | None,
        typer.Option("--unknown", help="Write every question that the labels leave open as JSON lines, to be answered by somebody. Needs --data or --recipe."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace an existing file.")] = False,
    json: _options.Json = False,
) -> None:
    """Print what each source offers the policy: rows per verdict, and per item yes, no and unknown, with the licence.

    Without --data or --recipe: which labels of each bundled source could decide each item, and which items are impossible.
    """
    from taxonomy_bridge import labelled, storage
    from taxonomy_bridge.cover import impossible, offers, reach, unknowns
    from taxonomy_bridge.graph import load_graph
    from taxonomy_bridge.translation import assumption

    chosen = assumption(assume)
    if unknown is not None and data is None and recipe is None:
        raise typer.BadParameter("say which rows: --data FOLDER or --recipe RECIPE", param_hint="--unknown")
    graph = load_graph()
    policy = load(given, graph)
    could = reach(policy, graph, assume=chosen)
    lost = impossible(could)
    if data is None and recipe is None:
        if json:
            _print.as_json({"policy": policy.id, "impossible": lost, "reach": [vars(one) for one in could]})
            return
        _print.table(
            ["item", "source", "labels that entail yes", "safe clears it"],
            [[one.item, one.source, ", ".join(one.yes), "yes" if one.cleared else ""] for one in could if one.yes or one.cleared],
        )
    else:
        splits = labelled.of_recipe(recipe) if recipe is not None else labelled.in_folder(Path(str(data)))
        if unknown is not None:
            lines = (storage.canonical_json(line) for line in unknowns(policy, splits, graph, chosen))
            _options.write(unknown, "".join(f"{line}\n" for line in lines), force)
        found = offers(policy, labelled.count_patterns(splits, _print.progress(json)), graph, chosen)
        if json:
            _print.as_json({"policy": policy.id, "assume": assume, "impossible": lost, "offers": [one.to_value() for one in found]})
            return
        names = ("safe", "unsafe", "undecided", "contradictory")
        _print.table(["source", "licence", "rows", *names], [[one.source, one.licence, one.rows, *(one.verdicts[name] for name in names)] for one in found])
        typer.echo("")
        counted = [
            [item, one.source, *told.values()] for item in [item.id for item in policy.items] for one in found if (told := one.items[item])["yes"] or told["no"]
        ]
        _print.table(["item", "source", "yes", "no", "unknown"], counted)
    for item in lost:
        _print.err(f"impossible: no label of a bundled source entails {item}")


@app.command("explain", epilog="Example: taxonomy-bridge policy explain my-policy.yaml beavertails:animal_abuse")
def explain(
    given: Given,
    violated: Annotated[
        list[str],
        typer.Argument(
            help="Categories that a text violates, all of one taxonomy; the rest of a multi-label list counts as cleared.",
            autocompletion=_options.category_names,
        ),
    ],
    item: Annotated[str | None, typer.Option("--item", help="Only this item.")] = None,
    assume: Assume = "open",
    json: _options.Json = False,
) -> None:
    """Print what labels say of each item, and why: the label that entails it, or the concepts that keep it open."""
    from taxonomy_bridge.errors import UnknownNameError
    from taxonomy_bridge.graph import load_graph
    from taxonomy_bridge.proof import prove
    from taxonomy_bridge.translation import assumption

    graph = load_graph()
    proofs = prove(load(given, graph), violated, graph, assumption(assume))
    chosen = [proof for proof in proofs if item in (None, proof.item)]
    if not chosen:
        raise UnknownNameError.among("item", str(item), [proof.item for proof in proofs])
    if json:
        _print.as_json([proof.to_value() for proof in chosen])
    else:
        _print.table(["item", "answer", "because"], [[proof.item, proof.answer, proof.because] for proof in chosen])


@app.command("schema", epilog="Example: taxonomy-bridge policy schema > policy.schema.json")
def schema() -> None:
    """Print the JSON Schema of a policy file, for completion in editors."""
    from taxonomy_bridge.policy import PolicyFile

    _print.as_json(PolicyFile.json_schema())
