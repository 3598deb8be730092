"""SORRY-Bench (March 2025): instructions that a strict model declines, ten for each of 44 classes, with twenty rewordings of each.

Unit: one row is one instruction, the only element of `turns`. `category` is the number of the class as text; the number of another edition means something
else (see the source sorry-bench-202406). All instructions are potentially unsafe. A row whose turn is null or blank says nothing that could be judged.
`prompt_style` says how the base instruction was reworded: a style, and no label.
"""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from taxonomy_bridge.sources._base import Citation, Licence, Origin, RowError, Source, optional, required
from taxonomy_bridge.sources._decode import Names, by_rule, judge, mask_of, one_label, pick
from taxonomy_bridge.taxonomy import load_taxonomy

TAXONOMY = load_taxonomy("sorry-bench")
LANGUAGES = {"fr": "fr", "ml": "ml", "mr": "mr", "ta": "ta", "zh-cn": "zh-CN"}
STYLES = (
    "ascii", "atbash", "authority_endorsement", "caesar", "evidence-based_persuasion", "expert_endorsement", "logical_appeal", "misrepresentation",
    "misspellings", "morse", "question", "role_play", "slang", "technical_terms", "uncommon_dialects", *(f"translate-{code}" for code in LANGUAGES),
)  # fmt: skip


def decode(rows: pa.RecordBatch, origin: Origin, renumbered: Names | None = None) -> pa.RecordBatch:
    """`renumbered`: number -> class, where an edition counts otherwise."""
    several = pc.greater(pc.list_value_length(rows["turns"]), 1)
    if pc.any(several).as_py():
        raise RowError(several, "has more than one turn")
    category = one_label(rows["category"], TAXONOMY, rename=renumbered)
    text = pc.list_flatten(pc.list_slice(rows["turns"], 0, 1, return_fixed_size_list=True))
    language = by_rule(rows["prompt_style"], lambda style: LANGUAGES.get(style.removeprefix("translate-"), "en"))
    rows = rows.append_column("turn", text)
    draft = judge(rows, TAXONOMY, prompt="turn", verdict="unsafe", violated=category, language=language, native=["category", "prompt_style"])
    return pick(draft, mask_of(pc.match_substring_regex(text, r"\S")))


SOURCE = Source(
    name="sorry-bench",
    title="SORRY-Bench 2025/03",
    hub_id="sorry-bench/sorry-bench-202503",
    revision="612a4e1f45db8adf884fa62318ddf9fa1c6e75e9",
    files={"base": {"train": ("question.jsonl",)}, "mutations": {"train": tuple(f"question_{style}.jsonl" for style in STYLES)}},
    unions={"default": ("base", "mutations")},
    columns=pa.schema([*required("category"), *required("turns", kind=pa.list_(pa.string())), *optional("prompt_style")]),
    licence=Licence(
        "LicenseRef-SORRY-Bench",
        "agreement on the data set card: research and commercial use, no training for a harmful purpose, no handing on",
        "2026-10-06",
        True,
        "https://huggingface.co/datasets/sorry-bench/sorry-bench-202503",
    ),
    citation=Citation("Xie, Tinghao", "SORRY-Bench: Systematically Evaluating Large Language Model Safety Refusal", 2024, "arXiv:2406.14598"),
    gate="https://huggingface.co/datasets/sorry-bench/sorry-bench-202503",
    homepage="https://sorry-bench.github.io",
    taxonomies=("sorry-bench",),
    decode=decode,
    verdicts=frozenset({"unsafe"}),
    evidence="documented layout",
    rows={"base/train": 440, "mutations/train": 8800},
    lineage=dict.fromkeys(
        ("advbench", "forbidden-questions", "malicious-instruct", "hex-phi", "simple-safety-tests", "toxicchat", "harmbench", "strongreject"),
        "a few of its base instructions, rewritten",
    )
    | {"sorry-bench-202406": "its instructions, without those of one class"},
    quirks=(
        "All instructions are potentially unsafe; those of classes 25 to 44 are so in some contexts only.",
        "Numbers of classes shift by one after 11 between this edition and that of June 2024: never read one with the list of the other.",
        "The rewordings of an instruction are near duplicates with one class; five of the twenty styles are translations, four are ciphers.",
        "Rewordings are no attack by a user: `adversarial` stays null, the style is in `native`.",
    ),
)
