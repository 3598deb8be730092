"""`taxonomy-bridge align`: proposals for a new list, an evaluation of the proposals, and imports of lists."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from taxonomy_bridge.cli import _options, _print

if TYPE_CHECKING:
    from taxonomy_bridge.alignment.run import Settings


class _Group(TyperGroup):
    """`align new.yaml` is short for `align propose new.yaml`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if args and args[0] not in self.commands and args[0] not in ("--help", "--install-completion", "--show-completion"):
            args = ["propose", *args]
        return super().parse_args(ctx, args)


app = typer.Typer(
    cls=_Group, help="Propose mappings for a list that nobody has mapped: `align new.yaml -o proposals.sssom.tsv`.", no_args_is_help=True, rich_markup_mode=None
)
EncoderName = Annotated[str | None, typer.Option("--encoder", help="A static model's folder, or a sentence-transformers model by folder or hub id.")]
Threshold = Annotated[float | None, typer.Option("--threshold", min=0.0, max=1.0, help="Confidence under which nothing is proposed (0.3).", show_default=False)]
Data = Annotated[
    Path | None, typer.Option("--data", help="Labelled rows as further evidence: a folder with a sub-folder per source.", exists=True, file_okay=False)
]
Direct = Annotated[
    tuple[str, str] | None, typer.Option("--direct", help="Two lists, category to category: ids, or YAML, OWL, SKOS, CSV, SSSOM files.", metavar="A B")
]
Equivalence = Annotated[bool, typer.Option("--equivalence", help="With --direct: exact matches only.")]
OneToOne = Annotated[bool, typer.Option("--one-to-one", help="With --direct: each category at most once on either side.")]
Extra = Annotated[
    list[Path] | None, typer.Option("--extra", help="A folder with taxonomies and mappings of your own to learn from.", exists=True, file_okay=False)
]


def _settings(encoder: str | None, threshold: float | None, data: Path | None, quiet: bool, **more: Any) -> Settings:
    from taxonomy_bridge.alignment.encoders import BETTER
    from taxonomy_bridge.alignment.engine import THRESHOLD
    from taxonomy_bridge.alignment.run import Settings

    if encoder is None and not quiet:
        _print.err(BETTER)
    return Settings(encoder, THRESHOLD if threshold is None else threshold, data=data, progress=_print.progress(quiet), **more)


@app.command("propose", epilog="Example: taxonomy-bridge align my-list.yaml -o proposals.sssom.tsv")
def propose(
    file: Annotated[str | None, typer.Argument(help="A taxonomy file, or the id of a bundled taxonomy.", autocompletion=_options.taxonomy_names)] = None,
    out: Annotated[Path | None, typer.Option("-o", "--out", help="Write the proposals as SSSOM.")] = None,
    direct: Direct = None,
    encoder: EncoderName = None,
    threshold: Threshold = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="Most proposals per category.")] = 10,
    data: Data = None,
    judge: Annotated[
        str | None, typer.Option("--judge", help="A chat-completions endpoint that is asked about each proposal; it gets category texts only.")
    ] = None,
    model: Annotated[str | None, typer.Option("--model", help="The model that --judge asks.")] = None,
    known: Annotated[Path | None, typer.Option("--known", help="SSSOM with decided pairs, which are not proposed.", exists=True, dir_okay=False)] = None,
    without: Annotated[list[str] | None, typer.Option("--without", help="A bundled list not to learn from.", autocompletion=_options.taxonomy_names)] = None,
    equivalence: Equivalence = False,
    one_to_one: OneToOne = False,
    extra: Extra = None,
    force: Annotated[bool, typer.Option("--force", help="Replace an existing file.")] = False,
    json: _options.Json = False,
) -> None:
    """Propose which shared concepts the categories of a list cover, with evidence and calibrated confidence; a person decides (`review`)."""
    from taxonomy_bridge.alignment import run
    from taxonomy_bridge.alignment.proposals import format_proposals
    from taxonomy_bridge.errors import InputError
    from taxonomy_bridge.graph import load_graph

    if (file is None) == (direct is None):
        raise InputError("name either one taxonomy, or two lists with --direct A B.")
    if (judge is None) != (model is None):
        raise InputError("--judge and --model belong together: an endpoint and the name of a model there.")
    settings = _settings(
        encoder, threshold, data, json, limit=limit, known=known, judge=(judge, model) if judge and model else None, without=tuple(without or ())
    )
    graph = load_graph(extra or ())
    table = (
        run.to_categories(*direct, graph, settings, equivalence=equivalence, one_to_one=one_to_one) if direct else run.to_concepts(str(file), graph, settings)
    )
    if out is not None:
        _options.write(out, format_proposals(table), force)
    if json:
        _print.as_json([dict(row.values) for row in table.rows])
    elif out is None:
        rows = [[row.subject, row.predicate.split(":", 1)[1], row.object, row.get("confidence"), row.get("comment")] for row in table.rows]
        _print.table(["category", "relation", "candidate", "confidence", "because"], rows)
    else:
        typer.echo(f"{len(table.rows)} proposals for {len({row.subject for row in table.rows})} categories")


@app.command("evaluate", epilog="Example: taxonomy-bridge align evaluate --encoder MODEL --gold FOLDER")
def evaluate(
    encoder: EncoderName = None,
    gold: Annotated[
        Path | None, typer.Option("--gold", help="Also score category to category on a folder of SSSOM files.", exists=True, file_okay=False)
    ] = None,
    direct: Direct = None,
    reference: Annotated[
        Path | None, typer.Option("--reference", help="What --direct is scored against: SSSOM or the alignment format.", exists=True, dir_okay=False)
    ] = None,
    ablation: Annotated[bool, typer.Option("--ablation", help="Also leave out each kind of evidence.")] = False,
    folds: Annotated[int | None, typer.Option("--folds", min=2, help="Hide the lists in so many groups instead of one by one: faster.")] = None,
    outside: Annotated[bool, typer.Option("--outside", help="Only --gold or --direct; no leave-one-out over the curated mappings.")] = False,
    data: Data = None,
    threshold: Threshold = None,
    equivalence: Equivalence = False,
    one_to_one: OneToOne = False,
    svg: Annotated[Path | None, typer.Option("--svg", help="Write a picture of the calibration.")] = None,
    extra: Extra = None,
    force: Annotated[bool, typer.Option("--force", help="Replace an existing file.")] = False,
    json: _options.Json = False,
) -> None:
    """Measure the proposals: each curated mapping hidden in turn, and crosswalks by others. Prints Markdown tables with bootstrap intervals."""
    from taxonomy_bridge.alignment import report, run
    from taxonomy_bridge.alignment.leave_one_out import ABLATIONS
    from taxonomy_bridge.alignment.outside import in_folder
    from taxonomy_bridge.errors import InputError
    from taxonomy_bridge.graph import load_graph

    if (direct is None) != (reference is None):
        raise InputError("--direct A B and --reference FILE belong together.")
    settings = _settings(encoder, threshold, data, json)
    graph = load_graph(extra or ())
    told: dict[str, Any] = {}
    if not outside and direct is None:
        kinds = tuple(kind for kind in ABLATIONS if (kind != "embedding" or encoder) and (kind != "instances" or data)) if ablation else ()
        told["concepts"] = run.evaluate_concepts(graph, settings, kinds, folds)
    pairs = in_folder(gold) if gold else run.reference_pair(*direct, reference) if direct and reference else []
    if pairs:
        told["outside"] = run.evaluate_outside(pairs, graph, settings, equivalence=equivalence, one_to_one=one_to_one)
    if svg is not None and "concepts" in told:
        _options.write(svg, report.calibration_svg(told["concepts"]["calibration"]["bins"]), force)
    _print.as_json(told) if json else typer.echo(_print.safe(report.markdown(told)))


@app.command("import", epilog="Example: taxonomy-bridge align import policy.md -o my-policy.yaml")
def import_(
    file: Annotated[Path, typer.Argument(help="CSV, TSV, Markdown, OWL, SKOS or SSSOM.", exists=True, dir_okay=False)],
    out: Annotated[Path, typer.Option("-o", "--out", help="The taxonomy file to write, <id>.yaml.")],
    title: Annotated[str, typer.Option("--title", help="Title of the list.")] = "",
    publisher: Annotated[str, typer.Option("--publisher", help="Who publishes the list.")] = "TODO",
    force: Annotated[bool, typer.Option("--force", help="Replace an existing file.")] = False,
) -> None:
    """Turn a list into a taxonomy file to finish by hand; places to fill in are marked TODO."""
    from taxonomy_bridge.alignment.imports import read_any, to_yaml
    from taxonomy_bridge.taxonomy import read_taxonomy

    text = to_yaml(read_any(file), out.name.removesuffix(".yaml"), title, publisher)
    written = _options.write(out, text, force)
    taxonomy = read_taxonomy(written)
    typer.echo(f"{len(taxonomy.categories)} categories. Check them, then: taxonomy-bridge align {out} -o {out.stem}.proposals.sssom.tsv")
