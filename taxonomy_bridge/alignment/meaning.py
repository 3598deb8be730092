"""Evidence from an encoder: cosines of texts and names, and of their words one by one. Centred on the lists at hand, so that what all share does not count."""

from __future__ import annotations

import math
import re
from collections import Counter

import numpy as np

from taxonomy_bridge.alignment.encoders import Encoder, encode_with
from taxonomy_bridge.alignment.items import Item, Items, plain
from taxonomy_bridge.alignment.similarity import STOP, Matrix, unit

MAX_WORDS = 6000  # the table of all word pairs is quadratic; rarer words than these are left out


def centred(a: Matrix, b: Matrix) -> tuple[Matrix, Matrix]:
    """Two sets of vectors without their common mean, of unit length."""
    mean = np.concatenate([a, b]).mean(axis=0)
    return unit(a - mean), unit(b - mean)


def embedding(a: Items, b: Items, encoder: Encoder) -> dict[str, Matrix]:
    """Cosines of whole texts, of names, and of a text with the other side's name."""
    names = centred(*(encode_with(encoder, [plain(item.label) for item in items]) for items in (a, b)))
    texts = centred(*(encode_with(encoder, [item.text for item in items]) for items in (a, b)))
    return {"embedding": texts[0] @ texts[1].T, "embedding_names": names[0] @ names[1].T, "embedding_cross": texts[0] @ names[1].T}


def profile(a: Items, b: Items, known: Matrix, encoder: Encoder) -> Matrix:
    """Whether two items resemble the same known texts (unit vectors) and the same items of both lists, whatever words they use themselves."""
    here = encode_with(encoder, [item.text for item in (*a, *b)])
    around = np.concatenate([known, here])
    mean = around.mean(axis=0)
    return alike(np.clip(unit(here - mean) @ unit(around - mean).T, 0, None) ** 3, len(a))


def alike(profiles: Matrix, count: int) -> Matrix:
    """Cosines of the first `count` profiles with the others, after centring."""
    one, other = centred(profiles[:count], profiles[count:])
    return np.asarray(one @ other.T, np.float32)


def word_evidence(a: Items, b: Items, encoder: Encoder) -> dict[str, Matrix]:
    """Word by word: `embedding_words`, how well each side's words are found on the other; `embedding_soft`, a cosine in which words that mean the same meet."""
    counts = [_words(item) for item in (*a, *b)]
    frequency = Counter(word for count in counts for word in count)
    vocabulary = sorted(sorted(frequency), key=lambda word: -frequency[word])[:MAX_WORDS]
    if not vocabulary:
        zeros = np.zeros((len(a), len(b)), np.float32)
        return {"embedding_words": zeros, "embedding_soft": zeros}
    place = {word: number for number, word in enumerate(vocabulary)}
    vectors = encode_with(encoder, vocabulary)
    near = np.clip((centre := unit(vectors - vectors.mean(axis=0))) @ centre.T, 0, None)
    weights = np.zeros((len(counts), len(vocabulary)), np.float32)
    for row, count in enumerate(counts):
        for word, times in count.items():
            if word in place:
                weights[row, place[word]] = (1 + math.log(times)) * (math.log((1 + len(counts)) / (1 + frequency[word])) + 1)
    left, right = weights[: len(a)], weights[len(a) :]
    return {"embedding_words": (_found(left, right, near) + _found(right, left, near).T) / 2, "embedding_soft": _soft(left, right, near)}


def _soft(left: Matrix, right: Matrix, near: Matrix) -> Matrix:
    squared = near**2
    np.fill_diagonal(squared, 1)
    lengths = [np.sqrt(np.einsum("nv,nv->n", side @ squared, side)) for side in (left, right)]
    one, other = (np.where(length == 0, 1, length) for length in lengths)
    return np.asarray(left @ squared @ right.T / one[:, None] / other[None], np.float32)


def _found(left: Matrix, right: Matrix, near: Matrix) -> Matrix:
    """For each item of `left` the weighted mean of how well its words are found in each item of `right`."""
    cut = np.where(near < 0.3, 0, near).astype(np.float32)
    best = np.zeros((near.shape[0], len(right)), np.float32)
    for column, row in enumerate(right):
        words = np.flatnonzero(row)
        if len(words):
            best[:, column] = cut[:, words].max(axis=1)
    total = left.sum(axis=1, keepdims=True)
    return np.asarray(left @ best / np.where(total == 0, 1, total), np.float32)


def _words(item: Item) -> Counter[str]:
    def content(text: str) -> list[str]:
        return [word for word in re.findall(r"[^\W_]+", text.casefold()) if word not in STOP]

    return Counter(content(item.text)) + Counter(dict.fromkeys(content(plain(item.label)), 1))
