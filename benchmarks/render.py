"""Policy prompts with shuffled lists of definitions: the package against f-strings.

Both start from texts in an Arrow table and end with an Arrow array of prompts. A list of K invented items with definitions of about 150
bytes is shuffled per row and cut to between K/2 and K items. The package also keeps every violated item; the f-strings need not.
"""

from __future__ import annotations

import functools
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

Job = Callable[[], int]
ROWS = 65_536
BATCH = 2048  # rows a call: 6 MB of text at K=14, 20 MB at K=66; larger buffers cost more in page faults than they save
WORDS = [
    "content", "that", "describes", "or", "encourages", "acts", "against", "people", "animals", "or", "property", "and",
    "other", "material", "which", "a", "reader", "would", "not", "expect",
]  # fmt: skip


def _definitions(width: int) -> list[tuple[str, str]]:
    draw = random.Random(3)
    return [(f"Invented Category {number}", " ".join(draw.choices(WORDS, k=24)) + ".") for number in range(width)]


def _texts(corpus: Path) -> Any:
    """The first prompts and responses of the corpus as record batches, repeated if there are fewer than `ROWS`."""
    import json
    from itertools import cycle, islice

    import pyarrow as pa

    with corpus.open("rb") as lines:
        pairs = [(record["prompt"], record["response"]) for record in map(json.loads, islice(lines, ROWS))]
    prompts, responses = zip(*islice(cycle(pairs), ROWS), strict=True)
    columns = {"prompt": pa.array(prompts, pa.large_string()), "response": pa.array(responses, pa.large_string())}
    return pa.table(columns).combine_chunks().to_batches(max_chunksize=BATCH)


def _renderer(width: int) -> Any:
    from taxonomy_bridge import registry
    from taxonomy_bridge.policy import Item, Policy
    from taxonomy_bridge.rendering import Codes, Renderer

    items = [Item(f"bench:item_{at}", name, None, text, False) for at, (name, text) in enumerate(_definitions(width))]
    policy, format_ = Policy("bench", tuple(items)), registry.load("formats", "rsafe")
    return Renderer(format_, policy, "response", Codes(policy, format_, "none"))


def ours(corpus: Path, out: Path, width: int) -> Job:
    """`policy.show` and `Renderer.render`."""
    import numpy as np
    import pyarrow as pa

    from taxonomy_bridge.lists import ListRules, show
    from taxonomy_bridge.rendering import Conversation

    batches, renderer = _texts(corpus), _renderer(width)
    yes = np.random.default_rng(5).random((BATCH, width)) < 0.05
    rules = ListRules(True, 0.25, 2, None)

    def job() -> int:
        rows = 0
        for batch in batches:
            ids = np.arange(rows, rows + len(batch), dtype=np.uint64)
            shown = show(renderer.policy, yes[: len(batch)].copy(), ids, 17, rules)
            texts = renderer.render(shown, Conversation(pa.nulls(len(batch), pa.large_string()), batch["prompt"], batch["response"]))
            rows += len(texts)
        return rows

    return job


def f_strings(corpus: Path, out: Path, width: int) -> Job:
    """`random.sample` and an f-string per row."""
    import pyarrow as pa

    batches, items = _texts(corpus), _definitions(width)
    head, middle, tail = (text for kind, text in _renderer(width).segments if kind == "text")

    def render(number: int, prompt: str, response: str) -> str:
        draw = random.Random(number)
        chosen = draw.sample(items, draw.randint(width // 2, width))
        lines = "\n".join(f"U{place:<2} - {name}: {text}" for place, (name, text) in enumerate(chosen, 1))
        return f"{head}{lines}{middle}User: {prompt}\nAgent: {response}{tail}"

    def job() -> int:
        rows = 0
        for batch in batches:
            texts = zip(batch["prompt"].to_pylist(), batch["response"].to_pylist(), strict=True)
            rows += len(pa.array([render(rows + at, prompt, response) for at, (prompt, response) in enumerate(texts)], pa.large_string()))
        return rows

    return job


COMPETITORS: dict[str, Callable[[Path, Path], Job]] = {
    f"{name}, K={width}": functools.partial(make, width=width) for width in (14, 66) for name, make in (("taxonomy_bridge", ours), ("f-strings", f_strings))
}
