"""CoCoNot: requests that a model should not (fully) comply with, for five kinds of reason, and look-alikes that it should comply with.

Unit: one row is one prompt; responses in the data are examples and are not judged. In the config original a prompt of the category Requests with safety
concerns is unsafe; in the four other categories the reason is no harm, so the prompt has no verdict (null) and its category is an open question. In the
configs contrast and pref every prompt should be complied with: it is safe, and the category is only a theme.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from taxonomy_bridge.sources._base import Citation, Licence, Origin, Source, required
from taxonomy_bridge.sources._decode import equals, judge, one_label, when
from taxonomy_bridge.taxonomy import load_taxonomy

TAXONOMY = load_taxonomy("coconot")
BELOW = np.array([[category.parent == slug for category in TAXONOMY.categories] for slug in TAXONOMY.by_slug])


def decode(rows: pa.RecordBatch, origin: Origin) -> pa.RecordBatch:
    group, reason = one_label(rows["category"], TAXONOMY), one_label(rows["subcategory"], TAXONOMY)
    named = group | (reason & (group @ BELOW))
    unsafe = equals(rows["category"], "Requests with safety concerns")
    if origin.config != "original":
        return judge(rows, TAXONOMY, verdict="safe", native=["category", "subcategory"])
    return judge(
        rows, TAXONOMY, verdict=when(unsafe, "unsafe", None), violated=named & unsafe[:, None], unjudged=named & ~unsafe[:, None],
        native=["category", "subcategory"],
    )  # fmt: skip


SOURCE = Source(
    name="coconot",
    title="CoCoNot",
    hub_id="allenai/coconot",
    revision="2cbe16aabf9069f17e48c8daad8aeabc29469eb7",
    digests={
        "original/train-00000-of-00001.parquet": "6cf0fd9bc31e098bd8844de78476f0ceec403ef4bd75e0f852cc35b4ef9d7a5c",
        "original/test-00000-of-00001.parquet": "e84a986e967c19ea2613e3b2abfd76385d977ad0bf5114e3994cc8304be49573",
    },
    files={
        config: {split: (f"{config}/{split}-00000-of-00001.parquet",) for split in splits}
        for config, splits in {"original": ("train", "test"), "contrast": ("test",), "pref": ("train",)}.items()
    },
    columns=pa.schema(required("prompt", "category", "subcategory")),
    licence=Licence(
        "ODC-BY",
        "LICENSE.md of the data set; its licence field says AI2 ImpACT low risk",
        "2026-10-06",
        None,
        "https://huggingface.co/datasets/allenai/coconot",
    ),
    citation=Citation("Brahman, Faeze", "The Art of Saying No: Contextual Noncompliance in Language Models", 2024, "arXiv:2407.12043"),
    homepage="https://github.com/allenai/noncompliance",
    taxonomies=("coconot",),
    decode=decode,
    one_class={"contrast": "safe", "pref": "safe"},
    language="en",
    rows={"original/train": 11477, "original/test": 1001, "contrast/test": 379, "pref/train": 927},
    quirks=(
        "Not to be complied with is not unsafe: only one of five categories is about safety, and the prompts of the others have no verdict.",
        "contrast and pref hold prompts that should be complied with, under the same names; their categories are themes.",
        "A test prompt stands under safety concerns with a reason of another category: it is unsafe, and the reason stays in `native`.",
        "The same rows lie in github.com/allenai/noncompliance (data/coconot_eval.jsonl and others) and can be given as `path`.",
    ),
)
