"""Evidence from text: how alike two lists of items are, one matrix of shape (n, m) and kind. Everything is float32 in 0..1."""

from __future__ import annotations

import itertools
import math
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from taxonomy_bridge.alignment.items import Item, Items

Matrix = NDArray[np.float32]
# Words without content, and those that every definition of a list of harms uses.
STOP = frozenset(["a", "an", "and", "any", "are", "as", "at", "be", "been", "being", "but", "by", "can", "could", "do", "does", "for", "from", "had", "has", "have", "how", "if", "in", "into", "is", "it", "its", "may", "might", "more", "most", "must", "no", "not", "of", "on", "or", "other", "others", "our", "out", "over", "s", "should", "so", "some", "such", "than", "that", "the", "their", "them", "then", "there", "these", "they", "this", "those", "through", "to", "under", "up", "used", "uses", "using", "was", "were", "what", "when", "where", "which", "while", "who", "whose", "why", "will", "with", "within", "without", "would", "you", "your", "etc", "e", "g", "i"])  # fmt: skip
_SUFFIX = re.compile(r"(?:ational|ization|isation|ing|ations|ation|ities|ity|ments|ment|ness|ers|er|ies|ied|ed|es|s|ly|al|ive|ion|ions)$")


def exact(a: Items, b: Items) -> Matrix:
    """1 where two items share a name."""
    index: dict[str, list[int]] = {}
    for column, item in enumerate(b):
        for name in item.names:
            index.setdefault(name, []).append(column)
    found = np.zeros((len(a), len(b)), np.float32)
    for row, item in enumerate(a):
        for name in item.names:
            found[row, index.get(name, [])] = 1
    return found


def token_sort(a: Items, b: Items) -> Matrix:
    """Best token-sort ratio of any two names: the word order does not count."""
    from rapidfuzz import fuzz

    return _names(a, b, fuzz.token_sort_ratio)


def overlap(a: Items, b: Items) -> Matrix:
    """How far the shorter name's words are all in the longer one: shows that one is inside the other."""
    from rapidfuzz import fuzz

    return _names(a, b, fuzz.token_set_ratio)


def _names(a: Items, b: Items, scorer: Callable[..., float]) -> Matrix:
    from rapidfuzz.process import cdist

    found = np.zeros((len(a), len(b)), np.float32)
    left, right = [(row, name) for row, item in enumerate(a) for name in item.names], [(row, name) for row, item in enumerate(b) for name in item.names]
    if left and right:
        scores = cdist([name for _, name in left], [name for _, name in right], scorer=scorer, dtype=np.float32)
        inner = np.zeros((len(left), len(b)), np.float32)
        np.maximum.at(inner.T, np.array([row for row, _ in right]), scores.T)
        np.maximum.at(found, np.array([row for row, _ in left]), inner)
    return np.asarray(found / 100, np.float32)


def stems(text: str) -> list[str]:
    """Content words of a text, cut to a stem.

    >>> stems("Trafficking in weapons and the sale of ammunition")
    ['traffick', 'weapon', 'sale', 'ammunit']
    """
    found = []
    for word in re.findall(r"[^\W_]+", text.casefold()):
        if word not in STOP:
            stem = _SUFFIX.sub("", word)
            found.append(stem if len(stem) >= 3 else word)
    return found


def terms(item: Item) -> Counter[str]:
    """Stems and pairs of neighbouring stems; those of the label count twice."""
    counts: Counter[str] = Counter()
    for text, weight in ((item.text, 1), *((name, 1) for name in item.names[:1])):
        found = stems(text)
        for term in (*found, *(f"{one} {two}" for one, two in itertools.pairwise(found))):
            counts[term] += weight
    return counts


class Tfidf:
    """Word statistics of a corpus, and cosines of items under them."""

    def __init__(self, corpus: Sequence[Item]) -> None:
        seen: Counter[str] = Counter()
        for item in corpus:
            seen.update(terms(item).keys())
        self._rarity = {term: math.log((1 + len(corpus)) / (1 + count)) + 1 for term, count in seen.items()}
        self._unseen = math.log(1 + len(corpus)) + 1

    def vector(self, item: Item) -> dict[str, float]:
        """Unit-length weights by term."""
        weights = {term: (1 + math.log(count)) * self._rarity.get(term, self._unseen) for term, count in terms(item).items()}
        length = math.sqrt(sum(weight * weight for weight in weights.values())) or 1.0
        return {term: weight / length for term, weight in weights.items()}

    def index(self, items: Items) -> Index:
        """Weights by term, ready to be asked."""
        found: dict[str, tuple[list[int], list[float]]] = {}
        for row, item in enumerate(items):
            for term, weight in self.vector(item).items():
                rows, weights = found.setdefault(term, ([], []))
                rows.append(row)
                weights.append(weight)
        return Index(self, {term: (np.array(rows), np.array(weights, np.float32)) for term, (rows, weights) in found.items()}, len(items))

    def cosines(self, a: Items, b: Items) -> Matrix:
        """Cosine of every pair."""
        return self.index(b).cosines(a)


@dataclass(frozen=True)
class Index:
    """Items of a corpus by term."""

    statistics: Tfidf
    postings: dict[str, tuple[NDArray[np.int64], Matrix]]
    size: int

    def cosines(self, items: Items) -> Matrix:
        """Cosine of each item with each of the index (n, size)."""
        found = np.zeros((len(items), self.size), np.float32)
        for row, item in enumerate(items):
            for term, weight in self.statistics.vector(item).items():
                if term in self.postings:
                    rows, weights = self.postings[term]
                    found[row, rows] += np.float32(weight) * weights
        return found


def unit(vectors: Matrix) -> Matrix:
    """Rows of length 1; rows of zeros stay."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.where(lengths == 0, 1, lengths), np.float32)
