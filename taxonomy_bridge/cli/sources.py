"""`taxonomy-bridge sources`: list, show, check, add."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from taxonomy_bridge.cli import _options, _print

app = typer.Typer(help="The benchmarks that can be read.", no_args_is_help=True, rich_markup_mode=None)
Name = Annotated[str, typer.Argument(help="A name that `sources list` prints, or the file of an adapter.", autocompletion=_options.source_names)]


@app.command("list", epilog="Example: taxonomy-bridge sources list")
def list_(json: _options.Json = False) -> None:
    """List every source with its licence and what its decoder was checked against."""
    from taxonomy_bridge import registry

    loaded = [registry.load("sources", name) for name in registry.names("sources")]
    if json:
        _print.as_json([
            {"name": item.name, "title": item.title, "hub_id": item.hub_id, "revision": item.revision, "licence": item.licence.identifier,
             "gate": item.gate, "evidence": item.evidence, "unverified": item.unverified, "taxonomies": list(item.taxonomies)}
            for item in loaded
        ])  # fmt: skip
        return
    rows = [
        [item.name, item.licence.identifier, item.gate or "open", item.evidence + (" (unverified)" if item.unverified else ""), item.title] for item in loaded
    ]
    _print.table(["name", "licence", "access", "checked against", "title"], rows)
    kinds = [item.evidence for item in loaded]
    told = ", ".join(f"{kinds.count(kind)} {kind}" for kind in ("real rows", "documented layout", "invented rows"))
    typer.echo(f"\n{len(loaded)} sources; decoders checked against: {told} (unverified)")


@app.command("show", epilog="Example: taxonomy-bridge sources show beavertails")
def show(name: Name, json: _options.Json = False) -> None:
    """Print where a data set lives, its configs, splits and native files, its columns, licence, what it repackages, and its quirks."""
    from taxonomy_bridge import registry
    from taxonomy_bridge.licences import commercial
    from taxonomy_bridge.lineage import users

    source = registry.load("sources", name)
    splits = {config: sorted(parts) for config, parts in source.files.items()}
    files = {f"{config}/{split}": list(paths) for config, parts in source.files.items() for split, paths in parts.items()}
    facts = {
        "name": source.name, "title": source.title, "about": source.told, "hub": source.hub_id, "github": source.github, "revision": source.revision, "homepage": source.homepage,
        "licence": source.licence.identifier, "licence evidence": f"{source.licence.evidence} (read {source.licence.date}) {source.licence.link}".rstrip(),
        "commercial use": commercial(source.licence), "access": source.gate or "open",
        "checked against": source.evidence, "judges": list(source.slots), "taxonomies": list(source.taxonomies), "verdicts": sorted(source.verdicts),
        "citation": str(source.citation) if source.citation else None, "rows": dict(source.rows), "made from": dict(source.lineage), "used in": users(source.name),
        "configs and splits": splits, "files": files,
        "columns": [f"{field.name}: {field.type}" for field in source.columns], "quirks": list(source.quirks),
    }  # fmt: skip
    if json:
        _print.as_json(facts)
        return
    for key, value in facts.items():
        if isinstance(value, dict):
            value = [f"{name}: {', '.join(below) if isinstance(below, list) else below}" for name, below in value.items()]
        text = f"\n{'':20}".join(value) if isinstance(value, list) else str(value)
        typer.echo(_print.safe(f"{key:<20}{text}"))


@app.command("check", epilog="Example: taxonomy-bridge sources check beavertails --path 30k_test.jsonl.gz --split 30k_test")
def check(
    name: Name,
    split: Annotated[str, typer.Option("--split", help="Split, or several as a+b.")],
    path: Annotated[Path | None, typer.Option("--path", help="A file, or a folder in the native layout; without it the hub is read.", exists=True)] = None,
    config: Annotated[str | None, typer.Option("--config", help="Config, where there are several.")] = None,
    json: _options.Json = False,
) -> None:
    """Decode one split and say what became of every row; nothing is written and no text is shown."""
    from taxonomy_bridge import registry
    from taxonomy_bridge.errors import InputError
    from taxonomy_bridge.sources import survey

    found = survey(registry.load("sources", name), config, split, path)
    if json:
        _print.as_json(found)
    else:
        _print.table(["rows", "decoded", "no judgement", "quarantined"], [[found[key] for key in ("rows_in", "decoded", "without_judgement", "quarantined")]])
        _print.table(["judged", "verdict", "count"], [[*key.split("/"), count] for key, count in found["verdicts"].items()])
        for bad in found["bad"][:20]:
            _print.err(f"{bad['file']} row {bad['row']}: {bad['reason']}")
        if len(found["bad"]) > 20:
            _print.err(f"... showing 20 of {len(found['bad'])}")
    if found["quarantined"]:
        raise InputError(f"{found['quarantined']} of {found['rows_in']} rows cannot be read. A build counts them and goes on.")


@app.command("add", epilog="Example: taxonomy-bridge sources add posts.csv --taxonomy house-rules.yaml --verdict bad")
def add(
    data: Annotated[Path, typer.Argument(help="A data file: .csv, .tsv, .jsonl, .json or .parquet.", exists=True, dir_okay=False)],
    taxonomy: Annotated[str, typer.Option("--taxonomy", help="A bundled list, or the YAML file of your own.", autocompletion=_options.taxonomy_names)],
    prompt: Annotated[str | None, typer.Option("--prompt", help="Column with the prompt or the text.")] = None,
    response: Annotated[str | None, typer.Option("--response", help="Column with the response, if that is what was judged.")] = None,
    verdict: Annotated[str | None, typer.Option("--verdict", help="Column with the verdict.")] = None,
    labels: Annotated[str | None, typer.Option("--labels", help="Column with the names of the violated categories.")] = None,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="File to write; default: beside the data, with its name and the ending .yaml.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace an existing file.")] = False,
) -> None:
    """Draft an adapter, the YAML file by which data of your own is read without code.

    Columns are recognised by their names and values; what they do not say is left as a question mark for you to fill in.
    """
    import os

    from taxonomy_bridge.sources._draft import draft
    from taxonomy_bridge.taxonomy import load_taxonomy, read_taxonomy

    target = out or data.with_name(f"{data.name.split('.')[0]}.yaml")
    own = taxonomy.endswith(".yaml")
    loaded = read_taxonomy(Path(taxonomy)) if own else load_taxonomy(taxonomy)
    named = os.path.relpath(taxonomy, target.parent) if own else taxonomy
    text = draft(data, loaded, named, {"prompt": prompt, "response": response, "verdict": verdict, "labels": labels}, os.path.relpath(data, target.parent))
    _options.write(target, text, force)
    typer.echo(_print.safe(text.rstrip()))
    asked = text.count("?") - text.splitlines()[0].count("?")
    next_ = f"fill in the {asked} question marks, then: " if asked else "next: "
    _print.err(f"{next_}taxonomy-bridge sources check {target} --split train")
