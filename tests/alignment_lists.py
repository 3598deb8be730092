"""Invented lists for tests of the alignment: gardens and kitchens, a graph over them, and an encoder that knows a few words."""

from __future__ import annotations

import numpy as np
from small_graphs import CURATED, make_taxonomy, make_vocabulary

from taxonomy_bridge.alignment.items import Item, Items
from taxonomy_bridge.graph import CategoryGraph
from taxonomy_bridge.mapping import Mapping, blank
from taxonomy_bridge.sssom import Row

CONCEPTS = {
    "weeds": "weeds and unwanted plants that overgrow a bed", "slugs": "slugs and snails that eat young leaves", "frost": "frost and cold nights that kill seedlings",
    "burns": "burnt food and scorched pans on the stove", "leaks": "leaking taps and dripping pipes under the sink", "crumbs": "crumbs and dust on the kitchen floor",
    "noise": "loud noise from machines at night", "litter": "litter and rubbish left beside the path",
}  # fmt: skip
FORMS = ("{}", "trouble with {}", "{} in general", "complaints on {}", "the matter of {}", "reports of {}")


def make_graph(lists=6, concepts=CONCEPTS):
    """`lists` taxonomies that each have every concept under another name, and one category that is no nuisance."""
    vocabulary = make_vocabulary(*concepts)
    taxonomies, mappings = [], []
    for number in range(lists):
        words = {name: FORMS[number % len(FORMS)].format(name) for name in concepts}
        keys = {name: {"name": words[name].capitalize(), "definition": f"{text.capitalize()}, as list {number} sees it."} for name, text in concepts.items()}
        keys["praise"] = {"name": f"Kind words {number}", "definition": "Thanks and praise for the neighbours.", "harm": False}
        taxonomy = make_taxonomy(f"list-{number}", keys)
        rows = [row(f"list-{number}:{name}", "skos:narrowMatch" if number % 2 else "skos:relatedMatch", f"concept:{name}") for name in concepts]
        taxonomies.append(taxonomy)
        mappings.append(Mapping(taxonomy.id, blank(taxonomy, rows)))
    return CategoryGraph(vocabulary, taxonomies, mappings)


def row(subject, predicate, target, **more):
    return Row({"subject_id": subject, "predicate_id": predicate, "object_id": target, **CURATED, **more})


def make_items(name, **labels):
    """Items by id, with `label: definition` or a label alone."""
    return Items(name, tuple(Item(f"{name}:{key}", *(text if isinstance(text, tuple) else (text,))) for key, text in labels.items()))


class WordEncoder:
    """Vectors that depend on the words of a text alone: one direction per word, and a shared one for words that mean the same."""

    same = {"snails": "slugs", "rubbish": "litter", "icy": "frost"}  # noqa: RUF012

    def __init__(self):
        self.asked = 0

    def encode(self, texts):
        self.asked += len(texts)
        found = np.zeros((len(texts), 64), np.float32)
        for number, text in enumerate(texts):
            for word in text.lower().replace(",", " ").replace(".", " ").split():
                word = self.same.get(word, word)
                found[number] += np.random.default_rng(sum(map(ord, word))).standard_normal(64).astype(np.float32)
        return found
