"""The end of a build: manifest, ledger, lock, dataset card, Croissant metadata and the companion files of each export.

In: the reports of all output shards and the balanced ledger. Nothing written here holds a time, a path of the machine, a worker count or
a batch size.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from taxonomy_bridge import storage
from taxonomy_bridge.exporters._content import GoldDigest
from taxonomy_bridge.licences import strictest, verdict
from taxonomy_bridge.lineage import overlaps
from taxonomy_bridge.pipeline import samples
from taxonomy_bridge.pipeline.choose import Selection
from taxonomy_bridge.pipeline.draw import PROOFS
from taxonomy_bridge.pipeline.plan import Plan, unreachable
from taxonomy_bridge.pipeline.write import Output
from taxonomy_bridge.sources._base import Source
from taxonomy_bridge.truth import NEVER_FLIP

SYNTHETIC = "**Synthetic: every row of this set is invented. It shows the layout and tests tools. It is not for training.**"
WARNING = (
    "**Content warning.** Rows may contain hateful, violent, sexual or otherwise harmful text. They are here so that guard models learn to "
    "recognise it; do not use them to train a model to produce it."
)


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object from a file of ours."""
    value: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return value


def finish(
    plan: Plan, target: Path, work: Path, outs: Sequence[Output], reports: Sequence[dict[str, Any]], book: dict[str, Any], chosen: Selection
) -> dict[str, Any]:
    """Write everything but `_SUCCESS`; the manifest."""
    counts = _counts(reports)
    tokens = {int(length): count for length, count in counts.pop("tokens").items()}
    manifest: dict[str, Any] = {
        "version": 1,
        "name": plan.recipe.name,
        "build_id": plan.build_id,
        "seed": plan.recipe.seed,
        "recipe": plan.shared_recipe,
        "synthetic": plan.synthetic,
        "sources": [_source(entry.name, entry.config, entry.split, source) for entry, source in zip(plan.entries, plan.sources, strict=True)],
        "counts": counts,
        "lists": _lists(plan, counts["golds"]),
        "overlap_removed": dict(chosen.overlap),
        "yield": chosen.yields,
        "answers": chosen.answers,
        "proofs": _proofs(chosen),
        "never_flip": _lifted(plan, chosen),
        "format": _format(plan),
        "unreachable_names": unreachable(plan),
        "overlaps": [one._asdict() for one in overlaps(plan.sources)],
        "files": [file for report in reports for file in report["files"]],
        "taxonomies": plan.lock["taxonomies"],
        "mappings": plan.lock["mappings"],
        "libraries": plan.lock["libraries"],
        "gold_digest": _gold_digests(work, outs),
        "tokens": {"tokenizer": Path(plan.recipe.length.tokenizer).name, "quantiles": samples.quantiles(tokens)},
    }
    manifest["companions"] = _companions(plan, target, work, outs, manifest)
    storage.write_json(target / "ledger.json", book)
    storage.write_json(target / "croissant.json", _croissant(plan, manifest))
    storage.write_bytes(target / "README.md", readme(plan, manifest, book).encode())
    storage.write_json(target / "manifest.json", manifest)
    return manifest


def _proofs(chosen: Selection) -> dict[str, int]:
    """Samples by what their gold rests on."""
    return {name: count for number, name in enumerate(PROOFS) if (count := int((chosen.chosen.proof == number).sum()))}


def _lifted(plan: Plan, chosen: Selection) -> dict[str, Any]:
    """Which of the concepts that never flip by default the recipe lets flip, and how many samples came out as safe although a label may stand for one."""
    lifted = sorted(set(NEVER_FLIP) - set(plan.never_flip))
    return {
        "concepts": list(plan.never_flip),
        "lifted": lifted,
        "samples": chosen.deck.count_lifted(lifted, chosen.rows, chosen.chosen) if lifted and plan.uses_graph else 0,
    }


def _counts(reports: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Sums over shards: {"final": {source: {split: {verdict: n}}}, "golds": {taxonomy: {category: n}}, "neutralised": n, "tokens"}."""
    final: dict[str, dict[str, dict[str, int]]] = {}
    golds: dict[str, dict[str, int]] = {}
    tokens: dict[str, int] = {}
    for report in reports:
        for key, count in report["final"].items():
            source, split, verdict = key.split("\t")
            cell = final.setdefault(source, {}).setdefault(split, {"safe": 0, "unsafe": 0})
            cell[verdict] += count
        for key, count in report["golds"].items():
            taxonomy, category = key.split("\t")
            table = golds.setdefault(taxonomy, {})
            table[category] = table.get(category, 0) + count
        for length, count in report["tokens"].items():
            tokens[str(length)] = tokens.get(str(length), 0) + count
    return {"final": final, "golds": golds, "neutralised": sum(report["neutralised"] for report in reports), "tokens": tokens}


def _lists(plan: Plan, used: Mapping[str, Any]) -> dict[str, int]:
    """How many sources, taxonomies, policy entries and distinct names (in lower case) the samples show: four different numbers."""
    policies = {policy.id: policy for entry in plan.recipe.policies for policy in (plan.policy(entry, name) for name in plan.taxonomies) if policy.id in used}
    names = [item.name.lower() for policy in policies.values() for item in policy.items]
    return {"sources": len(plan.entries), "taxonomies": len(policies), "entries": len(names), "distinct_names": len(set(names))}


def _source(name: str, config: str | None, split: str, source: Source) -> dict[str, Any]:
    return {
        "as": name, "id": source.name, "title": source.title, "config": config, "split": split, "hub_id": source.hub_id, "github": source.github, "revision": source.revision,
        "licence": source.licence.identifier, "licence_evidence": source.licence.evidence, "licence_link": source.licence.link, "licence_read": source.licence.date,
        "commercial": source.licence.commercial,
        "gate": source.gate, "evidence": source.evidence, "unverified": source.unverified,
        "citation": str(source.citation) if source.citation else None, "lineage": dict(source.lineage), "verdicts": sorted(source.natural_verdicts(config, split)),
    }  # fmt: skip


def _format(plan: Plan) -> dict[str, Any]:
    chosen: dict[str, Any] = {"name": plan.format.name, "preset": plan.recipe.format.preset}
    if plan.template is not None:
        chosen["template"] = plan.template
    return chosen


def _gold_digests(work: Path, outs: Sequence[Output]) -> dict[str, str]:
    digests: dict[str, GoldDigest] = {}
    for out in outs:
        digests.setdefault(out.split, GoldDigest()).add((work / "out" / f"{out.number}.gold").read_bytes())
    return {split: digest.hexdigest() for split, digest in digests.items()}


def _companions(plan: Plan, target: Path, work: Path, outs: Sequence[Output], manifest: dict[str, Any]) -> list[dict[str, str]]:
    found = []
    for exporter in dict.fromkeys(exporter for exporter, kind, _ in plan.exporters if kind != "coldstart"):
        facts = {
            "name": plan.recipe.name, "format": plan.format.name, "preset": plan.recipe.format.preset, "tokenizer": manifest["tokens"]["tokenizer"],
            "quantiles": manifest["tokens"]["quantiles"], "files": [file for file in manifest["files"] if file["exporter"] == exporter.name],
        }  # fmt: skip
        for name, content in sorted(exporter.companions(facts).items()):
            path = f"{exporter.name}/{name}"
            found.append({"path": path, "sha256": storage.write_bytes(target / path, content.encode())})
    if any(kind == "coldstart" for _, kind, _ in plan.exporters):
        with storage.atomic(target / "requests.jsonl") as out:
            for part in outs:
                with (work / "out" / f"{part.number}.requests.jsonl").open("rb") as file:
                    shutil.copyfileobj(file, out)
        found.append({"path": "requests.jsonl", "sha256": out.sha256})
    return found


_SLUGS = {"CC-BY-4.0": "cc-by-4.0", "CC-BY-NC-4.0": "cc-by-nc-4.0", "MIT": "mit", "Apache-2.0": "apache-2.0", "ODC-BY": "odc-by"}


def readme(plan: Plan, manifest: Mapping[str, Any], book: Mapping[str, Any]) -> str:
    """The dataset card, with front matter that the hub accepts."""
    total = sum(entry["samples_out"] for entry in book["sources"])
    parts = [_front_matter(plan, manifest, total), f"# {plan.recipe.name}\n"]
    if plan.synthetic:
        parts.append(SYNTHETIC + "\n")
    parts += [
        WARNING + "\n",
        f"{total:,} samples. Each shows its own policy and carries a gold that `{plan.format.name}/{plan.recipe.format.preset}` can score. "
        "Intended use: training and auditing guard models. Gold with proof `published` is the publisher's own label; `assumed` rests on a choice of the recipe; "
        "`published-verdict` is a verdict under a list that is not the source's own; `entailed` was carried over to another list and follows from the published labels and the mappings; "
        "`answered` rests on an answers file.\n",
        _proof_line(manifest),
        _source_table(plan),
        f"Strictest licence of the mix: **{strictest(plan.sources).identifier}**. Using the set means keeping to all of them. {' '.join(verdict(plan.sources).lines())}\n",
        _overlap_lines(manifest),
        _ledger_table(book),
        _token_line(manifest),
        "## Files\n\n" + "\n".join(f"- `{file['path']}`: {file['rows']:,} rows" for file in manifest["files"]) + "\n",
        "## Removal\n\nA row that should not be here: ask the publisher of its source (above), and the distributor of this folder, naming the sample id.\n",
    ]
    return "\n".join(parts)


def _overlap_lines(manifest: Mapping[str, Any]) -> str:
    """Sources that share texts."""
    return "".join(f"- `{one['first']}` and `{one['second']}` share texts: {one['why']}.\n" for one in manifest["overlaps"])


def _proof_line(manifest: Mapping[str, Any]) -> str:
    told = ", ".join(f"{count:,} {name}" for name, count in manifest["proofs"].items())
    line = f"Proof: {told}.\n"
    if lifted := manifest["never_flip"]["lifted"]:
        total = sum(manifest["proofs"].values())
        share = manifest["never_flip"]["samples"] / max(total, 1)
        line += f"\n**The recipe lets texts of these concepts come out as safe: {', '.join(lifted)}. {manifest['never_flip']['samples']:,} samples ({share:.1%}) did.**\n"
    return line


def _front_matter(plan: Plan, manifest: Mapping[str, Any], total: int) -> str:
    licence = strictest(plan.sources).identifier
    languages = sorted({source.language for source in plan.sources if source.language}) or ["en"]
    configs: dict[str, dict[str, list[str]]] = {}
    for file in manifest["files"]:
        configs.setdefault(file["path"].split("/")[1], {}).setdefault(file["split"], []).append(file["path"])
    lines = ["---", f"license: {_SLUGS.get(licence, 'other')}"]
    lines += [] if licence in _SLUGS else [f"license_name: {storage.canonical_json(licence)}"]
    lines += ["language:", *(f"- {language}" for language in languages), "task_categories:", "- text-classification", "size_categories:", f"- {_size(total)}"]
    lines += ["tags:", "- safety", "- moderation", "- guardrails", *(["- synthetic"] if plan.synthetic else [])]
    lines += ["configs:"] if configs else []
    for name, splits in configs.items():
        lines += [f"- config_name: {name}", "  data_files:"]
        for split, paths in splits.items():
            lines += [f"  - split: {split}", "    path:", *(f"    - {path}" for path in paths)]
    return "\n".join([*lines, "---", ""])


def _size(total: int) -> str:
    for limit, name in ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"), (10_000_000, "1M<n<10M")):
        if total < limit:
            return name
    return "10M<n<100M"


def _source_table(plan: Plan) -> str:
    lines = [
        "## Sources and licences\n",
        "| name | data set | split | licence | evidence for the licence | decoder checked against |",
        "|---|---|---|---|---|---|",
    ]
    for entry, source in zip(plan.entries, plan.sources, strict=True):
        where = f"{source.hub_id or source.github or source.homepage or source.title}"
        checked = source.evidence + (" (unverified)" if source.unverified else "")
        lines.append(f"| {entry.name} | {where} | {entry.split} | {source.licence.identifier} | {source.licence.evidence} | {checked} |")
    return "\n".join([*lines, ""])


def _ledger_table(book: Mapping[str, Any]) -> str:
    lines = ["## Ledger\n", "| source | split | rows in | quarantined | judgements | used | dropped | samples |", "|---|---|---:|---:|---:|---:|---|---:|"]
    for entry in book["sources"]:
        dropped = ", ".join(f"{count:,} {reason}" for reason, count in entry["dropped"].items()) or "none"
        numbers = " | ".join(f"{entry[name]:,}" for name in ("rows_in", "quarantined", "judgements_in", "used"))
        lines.append(f"| {entry['source']} | {entry['split']} | {numbers} | {dropped} | {entry['samples_out']:,} |")
    return "\n".join([*lines, ""])


def _token_line(manifest: Mapping[str, Any]) -> str:
    told = manifest["tokens"]
    quantiles = ", ".join(f"{float(q):.0%}: {length:,}" for q, length in told["quantiles"].items())
    return f"Prompt length in tokens ({told['tokenizer']}): {quantiles}. {manifest['counts']['neutralised']:,} prompts held control tokens or fences, which were neutralised.\n"


def _croissant(plan: Plan, manifest: Mapping[str, Any]) -> dict[str, Any]:
    """Croissant 1.0 metadata: the files and their hashes."""
    kinds = {"parquet": "application/vnd.apache.parquet", "jsonl": "application/jsonlines"}
    return {
        "@context": {"@vocab": "https://schema.org/", "sc": "https://schema.org/", "cr": "http://mlcommons.org/croissant/", "conformsTo": "http://purl.org/dc/terms/conformsTo"},
        "@type": "sc:Dataset",
        "conformsTo": "http://mlcommons.org/croissant/1.0",
        "name": plan.recipe.name,
        "description": "Mixed-taxonomy guard training set; every sample carries its own policy.",
        "license": strictest(plan.sources).identifier,
        "distribution": [
            {
                "@type": "cr:FileObject", "@id": file["path"], "name": file["path"], "contentUrl": file["path"],
                "encodingFormat": kinds[file["path"].rsplit(".", 1)[1]], "sha256": file["sha256"],
            }
            for file in manifest["files"]
        ],
    }  # fmt: skip
