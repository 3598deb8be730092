"""What twelve pairs of source and policy yield, per verdict and item: named before the mappings were reviewed, so that nobody picks the good ones.

    python -m benchmarks.yields --data FOLDER [--assume closed] [--json]

FOLDER has a sub-folder per source, in the native layout. `decided` is the share of (row, item) cells that are answered yes or no.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

PAIRS = (
    ("beavertails", "aegis-2.0"),
    ("beavertails", "openai-moderation-2022"),
    ("beavertails", "ailuminate-1.0"),
    ("beavertails", "pku-saferlhf"),
    ("pku-saferlhf", "beavertails"),
    ("aegis-2", "openai-moderation-2022"),
    ("aegis-2", "beavertails"),
    ("aegis-2", "llama-guard-3"),
    ("openai-moderation", "aegis-2.0"),
    ("openai-moderation", "beavertails"),
    ("wildguardmix", "llama-guard-3"),
    ("or-bench", "rsafe-18"),
)


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the yields."""
    from taxonomy_bridge import labelled
    from taxonomy_bridge.cover import offers
    from taxonomy_bridge.graph import load_graph
    from taxonomy_bridge.policy import taxonomy_policy

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--assume", choices=("open", "closed"), default="open")
    parser.add_argument("--json", action="store_true", help="one JSON line per split and policy")
    chosen = parser.parse_args(arguments)
    graph = load_graph()
    counted = labelled.count_patterns(labelled.in_folder(chosen.data), lambda *_: None)
    for source, target in PAIRS:
        policy = taxonomy_policy(graph.taxonomies[target])
        own = [counts for counts in counted if counts.split.source.name == source]
        for offer in offers(policy, own, graph, chosen.assume):
            cells = offer.rows * len(policy)
            decided = sum(told["yes"] + told["no"] for told in offer.items.values()) / max(cells, 1)
            if chosen.json:
                print(json.dumps({"policy": target, "assume": chosen.assume, "decided": round(decided, 4), **offer.to_value()}))
                continue
            verdicts = ", ".join(f"{count} {name}" for name, count in offer.verdicts.items())
            print(f"\n{offer.source} under {target} ({chosen.assume}): {offer.rows} rows, {verdicts}; {decided:.0%} decided")
            for item, told in offer.items.items():
                if told["yes"] or told["no"]:
                    print(f"  {item:60} {told['yes']:>6} yes {told['no']:>6} no {told['unknown']:>6} unknown")
        if not own:
            print(f"\n{source} under {target}: no rows in {chosen.data}")


if __name__ == "__main__":
    main()
