"""XSafety: prompts for fourteen safety topics in nine languages, the same in each. Nothing says whether a prompt is harmful.

Unit: one row is one prompt, the only text of a record without a header. The topic is in the file name and the language in the folder. Topics are scenarios
to test answers with, and many prompts are harmless: there is no verdict (null), and the topic is an open question. `adversarial` follows from the topic.
"""

from __future__ import annotations

import re

import numpy as np
import pyarrow as pa

from taxonomy_bridge.errors import InputError
from taxonomy_bridge.sources._base import Citation, Layout, Licence, Origin, Source, required
from taxonomy_bridge.sources._decode import judge
from taxonomy_bridge.taxonomy import load_taxonomy

TAXONOMY = load_taxonomy("xsafety")
SLUGS = list(TAXONOMY.by_slug)
ATTACKS = ("goal_hijacking", "prompt_leaking", "role_play_instruction", "unsafe_instruction_topic", "inquiry_with_unsafe_opinion", "reverse_exposure")
LANGUAGES = ("ar", "de", "en", "fr", "hi", "ja", "ru", "sp", "zh")
ODD_NAMES = {
    "en/Crimes_And_Illegal_Activities_n": "en/Crimes_And_Illegal_Activities_en",
    "en/commonsense_n": "en/commonsense",
    "ru/Crimes_And_Illegal_Activities": "ru/Crimes_And_Illegal_Activitie",
}


def decode(rows: pa.RecordBatch, origin: Origin) -> pa.RecordBatch:
    topic = re.sub(r"(_n|_en)?\.csv$", "", origin.file)
    slug = TAXONOMY.by_native.get(topic.casefold())
    if slug is None:
        raise InputError(f"{origin.file}: the topic is read from the file name. Name the file as published, for example Insult.csv.")
    theme = np.zeros((len(rows), len(SLUGS)), bool)
    theme[:, SLUGS.index(slug)] = True
    return judge(
        rows.append_column("topic", pa.repeat(topic, len(rows))),
        TAXONOMY,
        prompt="text",
        verdict=pa.nulls(len(rows), pa.string()),
        unjudged=theme,
        adversarial=slug in ATTACKS,
        language={"sp": "es"}.get(origin.config, origin.config),
        native=["topic"],
    )


def _path(language: str, topic: str) -> str:
    path = f"{language}/{topic}{'_n' if language == 'en' else ''}"
    return f"{ODD_NAMES.get(path, path)}.csv"


SOURCE = Source(
    name="xsafety",
    title="XSafety",
    hub_id=None,
    github="Jarviswang94/Multilingual_safety_benchmark",
    revision="8c55b6a6cda594cd550a4921513238a2dd40eb5a",
    files={language: {"test": tuple(_path(language, category.native[0]) for category in TAXONOMY.categories)} for language in LANGUAGES},
    columns=pa.schema(required("text")),
    licence=Licence("Apache-2.0", "LICENSE of the repository", "2026-10-06", True, "https://github.com/Jarviswang94/Multilingual_safety_benchmark"),
    citation=Citation("Wang, Wenxuan", "All Languages Matter: On the Multilingual Safety of Large Language Models", 2023, "arXiv:2310.00905"),
    homepage="https://github.com/Jarviswang94/Multilingual_safety_benchmark",
    taxonomies=("xsafety",),
    decode=decode,
    verdicts=frozenset(),
    layout=Layout(header=False),
    rows={f"{language}/test": 2800 for language in LANGUAGES},
    lineage={"safety-prompts": "its Chinese prompts of thirteen topics, translated"},
    quirks=(
        "No labels: the topic is what a prompt was collected for, and many prompts, about mental health for one, are harmless.",
        "The files have no header; the first record is a prompt. One English file has a second, blank field in every record.",
        "File names differ by language (Insult.csv, Insult_n.csv, Crimes_And_Illegal_Activitie.csv), the folder sp is Spanish.",
        "Bengali lies there as spreadsheets (xlsx) and is left out. The texts of a topic are translations of each other.",
    ),
)
