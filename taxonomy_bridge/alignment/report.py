"""What an evaluation says: as plain values, as Markdown tables, and as a picture of the calibration."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from taxonomy_bridge.alignment import measures
from taxonomy_bridge.alignment.curated import RELATIONS, Curated
from taxonomy_bridge.alignment.leave_one_out import Held

SHOWN = 10  # candidates per category whose confidences are checked: what a reviewer sees
NAMES = {
    "exact": "exact label", "token_sort": "token-sort", "tfidf": "TF-IDF", "embedding": "embeddings alone", "neighbours": "neighbours alone",
    "reciprocal ranks": "reciprocal-rank fusion", "fused": "fused",
}  # fmt: skip


def concepts(held: Held, curated: Curated, threshold: float) -> dict[str, Any]:
    """Category to concept: rankings by method, the accepted rows, relations, calibration and "nothing fits", lists weighing the same."""
    rows = np.flatnonzero(curated.mapped)
    groups, truth = curated.taxonomy[rows], curated.outer[rows]
    total = truth.sum(axis=1)
    ranked = {
        method: np.take_along_axis(truth, measures.mixed(scores[rows])[:, :30], axis=1) for method, scores in held.rankings.items()
    }  # fmt: skip
    methods = {}
    for method, found in ranked.items():
        values = {f"hit@{k}": measures.found_at(found, k) for k in (1, 3, 5)} | {f"recall@{k}": measures.recall_at(found, total, k) for k in (3, 5)}
        values |= {"mrr": measures.reciprocal_rank(found), "fused gain@1": measures.found_at(ranked["fused"], 1) - measures.found_at(found, 1)}
        methods[method] = {name: measures.interval(value, groups) for name, value in values.items()}
    right = np.take_along_axis(truth, held.candidates[rows], axis=1)
    confidence = held.confidence[rows]
    accepted = (confidence >= threshold) & (np.arange(confidence.shape[1]) < SHOWN) & (held.nothing[rows] < 0.5)[:, None]
    return {
        "taxonomies": len(set(groups.tolist())), "categories": len(rows), "threshold": threshold, "methods": methods,
        "accepted": measures.f1(int((accepted & right).sum()), int(accepted.sum()), int(truth.sum())) | {"answered": float(accepted.any(axis=1).mean())},
        "relations": _relations(held, curated, rows, right), "nothing": _nothing(held, curated),
        "calibration": vars(measures.calibration(confidence[:, :SHOWN].ravel(), right[:, :SHOWN].ravel())),
    }  # fmt: skip


def _relations(held: Held, curated: Curated, rows: Any, right: Any) -> dict[str, Any]:
    stated = np.take_along_axis(curated.relation[rows], held.candidates[rows], axis=1)
    asked = (stated >= 0) & right & (np.arange(stated.shape[1]) < SHOWN)
    counts = np.bincount(stated[asked], minlength=len(RELATIONS))
    said = held.relation[rows][asked]
    by = {name.removeprefix("skos:"): [int(counts[number]), int(((said == number) & (stated[asked] == number)).sum())] for number, name in enumerate(RELATIONS)}
    return {"accuracy": float((said == stated[asked]).mean()), "most frequent": float(counts.max() / counts.sum()), "stated and right": by}


def _nothing(held: Held, curated: Curated) -> dict[str, Any]:
    asked = np.flatnonzero(curated.mapped | curated.nothing)
    truth, said = curated.nothing[asked], held.nothing[asked] >= 0.5
    return {
        **measures.f1(int((truth & said).sum()), int(said.sum()), int(truth.sum())),
        "cases": int(truth.sum()),
        "auroc": measures.auroc(held.nothing[asked], truth),
    }


def concept_markdown(value: dict[str, Any]) -> str:
    """The tables of `concepts`, ready for a document."""
    lines = [
        f"{value['categories']} categories of {value['taxonomies']} lists, each list's mapping hidden in turn; lists weigh the same; 95 % bootstrap intervals.",
        "",
    ]
    header = ["method", "hit@1", "hit@3", "hit@5", "recall@3", "recall@5", "MRR", "fused is better at 1 by"]
    rows = [
        [NAMES.get(name, name), *(_interval(one[key]) for key in ("hit@1", "hit@3", "hit@5", "recall@3", "recall@5", "mrr", "fused gain@1"))]
        for name, one in value["methods"].items()
    ]
    accepted, relation, nothing, calibration = (value[key] for key in ("accepted", "relations", "nothing", "calibration"))
    lines += [table(header, rows), ""]
    lines += [
        f"Accepted at confidence {value['threshold']}: precision {accepted['precision']:.2f}, recall {accepted['recall']:.2f}, F1 {accepted['f1']:.2f}; "
        f"{accepted['answered']:.0%} of the categories have a row.",
        f"Relation: {relation['accuracy']:.2f} right (always the most frequent: {relation['most frequent']:.2f}).",
        f"Nothing fits: {nothing['cases']} cases, precision {nothing['precision']:.2f}, recall {nothing['recall']:.2f}, AUROC {nothing['auroc']:.2f}.",
        f"Confidence of the first {SHOWN} candidates: expected calibration error {calibration['ece']:.3f}, Brier score {calibration['brier']:.3f} "
        f"({1 - calibration['brier'] / calibration['base_brier']:.0%} below the base rate's {calibration['base_brier']:.3f}), AUROC {calibration['auroc']:.2f}.",
        "", calibration_table(calibration["bins"]),
    ]  # fmt: skip
    return "\n".join(lines)


def outside_markdown(summary: dict[str, dict[str, Any]], title: str) -> str:
    """The table of `outside.summary`."""
    keys = ("recall@1", "recall@3", "recall@5", "mrr", "fused gain@1")
    rows = [[method, *(_interval(one[key]) for key in keys)] for method, one in summary.items()]
    return f"{title}: {next(iter(summary.values()))['pairs']} pairs.\n\n{table(['method', 'recall@1', 'recall@3', 'recall@5', 'MRR', 'fused is better at 1 by'], rows)}"


def accepted_markdown(rows: Sequence[tuple[str, dict[str, Any]]]) -> str:
    """One line per reference: what would be proposed."""
    header = ["reference", "pairs", "proposed", "right", "refuted", "precision", "recall", "F1", "relation right"]
    cells = [
        [name, one["pairs"], one["proposed"], one["right"], one["refuted"], *(f"{one[key]:.2f}" for key in ("precision", "recall", "f1")),
         f"{one['relations_right']} of {one['relations']}"]
        for name, one in rows
    ]  # fmt: skip
    return table(header, cells)


def calibration_table(bins: Sequence[tuple[float, int, float, float]]) -> str:
    """Bins of confidence, what was said, what came true."""
    return table(["confidence from", "rows", "said", "came true"], [[f"{edge:.1f}", count, f"{said:.2f}", f"{came:.2f}"] for edge, count, said, came in bins])


def calibration_svg(bins: Sequence[tuple[float, int, float, float]]) -> str:
    """A picture: what was said to the right, what came true upwards, the diagonal where both agree; areas of the dots show the number of rows."""
    most = max((count for _, count, _, _ in bins), default=1)
    dots = "".join(
        f'<circle cx="{40 + 300 * said:.1f}" cy="{320 - 300 * came:.1f}" r="{3 + 9 * (count / most) ** 0.5:.1f}" fill="#2563eb" fill-opacity=".6">'
        f"<title>said {said:.2f}, came true {came:.2f}, {count} rows</title></circle>"
        for _, count, said, came in bins
    )  # fmt: skip
    marks = "".join(
        f'<text x="{40 + 300 * at:.0f}" y="338" text-anchor="middle">{at:.1f}</text><text x="34" y="{324 - 300 * at:.0f}" text-anchor="end">{at:.1f}</text>'
        for at in (0, 0.5, 1)
    )  # fmt: skip
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 360 365" width="360" height="365" role="img" font-family="sans-serif" font-size="11">'
        '<title>Calibration: confidence and share that came true</title><rect width="360" height="365" fill="#fff"/>'
        '<path d="M40 20V320H340M40 320L340 20" fill="none" stroke="#888"/>'
        f'{marks}<text x="190" y="357" text-anchor="middle">said</text><text x="12" y="170" transform="rotate(-90 12 170)" text-anchor="middle">came true</text>{dots}</svg>\n'
    )


def table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A Markdown table."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(str(cell).replace("|", "\\|").replace("\n", " ") for cell in line) + " |" for line in lines)


def _interval(value: tuple[float, float, float]) -> str:
    return f"{value[0]:.3f} ({value[1]:.3f} to {value[2]:.3f})"


def markdown(told: dict[str, Any]) -> str:
    """All tables of an evaluation."""
    parts = [concept_markdown(told["concepts"])] if "concepts" in told else []
    if "outside" in told:
        parts += [outside_markdown(summary, name) for name, summary in told["outside"]["groups"].items()]
        parts.append(accepted_markdown([(one["reference"], one) for one in told["outside"]["accepted"]]))
        if missing := told["outside"]["missing"]:
            parts.append(f"Pairs whose ids are in neither list, not scored: {', '.join(f'{name} {count}' for name, count in missing.items())}.")
        if partial := told["outside"]["partial lists"]:
            parts.append(f"Objects known only from the reference itself, so easier than it looks: {', '.join(partial)}.")
    return "\n\n".join(parts)
