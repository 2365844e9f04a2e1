"""Articles and vectors in numbers for which the real model would take hours. Their geometry is that of real ones.

A vector is the sum of its words' vectors, which lie mostly in 48 dimensions and a little in all 384: exact search then
finds about the same share of neighbours in an HNSW graph as it does for all-MiniLM-L6-v2 on real articles.
"""

import hashlib
import itertools
import random
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from config import Embedding
from index.models.embed import Embedder, Vectors

DIMENSIONS = 384
_LATENT = 48
_NOISE = 0.15
_VOCABULARY = 30_000
_WORD = re.compile(r"\w+")


class Made(Embedder):
    """An embedder that needs no model: a few microseconds a word."""

    def __init__(self) -> None:
        super().__init__(Embedding())
        self._rows: dict[str, int] = {}
        self._table = np.zeros((2 * _VOCABULARY, DIMENSIONS), dtype=np.float32)
        self._directions = np.random.default_rng(7).standard_normal((_LATENT, DIMENSIONS)).astype(np.float32)

    @property
    def name(self) -> str:
        return "made"

    @property
    def fingerprint(self) -> str:
        return "made"

    @property
    def dimensions(self) -> int:
        return DIMENSIONS

    @property
    def limit(self) -> int:
        return 254

    def count(self, texts: Sequence[str]) -> list[int]:
        return [len(text.split()) for text in texts]

    def question(self, text: str) -> Vectors:
        return self.passages([text])[0]

    def sentences(self, texts: Sequence[str]) -> Vectors:
        return self.passages(texts)

    def passages(self, texts: Sequence[str]) -> Vectors:
        summed = np.stack(
            [
                self._table[[self._row(word) for word in _WORD.findall(f"{text} w0".lower())]].sum(axis=0)
                for text in texts
            ]
        )
        return np.asarray(summed / np.linalg.norm(summed, axis=1, keepdims=True), dtype=np.float32)

    def _row(self, word: str) -> int:
        row = self._rows.get(word)
        if row is None:
            row = self._rows[word] = len(self._rows)
            draw = np.random.default_rng(int.from_bytes(hashlib.sha256(word.encode()).digest()[:8], "big"))
            meant = draw.standard_normal(_LATENT).astype(np.float32) @ self._directions / np.sqrt(_LATENT)
            self._table[row] = meant + _NOISE * draw.standard_normal(DIMENSIONS).astype(np.float32)
        return row


class MadePassages(Embedder):
    """The real model for questions and sentences, made vectors for passages: to see what asking costs, not finds."""

    def __init__(self, models: Path) -> None:
        super().__init__(Embedding(), models=models)
        self._made = Made()

    def passages(self, texts: Sequence[str]) -> Vectors:
        return self._made.passages(texts)


def write_articles(folder: Path, *, count: int) -> None:
    """Write articles of ten passages each: words drawn by Zipf's law, two in three of them from the article's topic."""
    folder.mkdir()
    draw = random.Random(1)
    words = [f"w{n}" for n in range(_VOCABULARY)]
    shares = list(itertools.accumulate(1 / (n + 10) for n in range(_VOCABULARY)))
    for number in range(count):
        topic = draw.choices(words, cum_weights=shares, k=30)
        sentences = []
        for _ in range(30):
            drawn = draw.choices(topic, k=16) + draw.choices(words, cum_weights=shares, k=8)
            draw.shuffle(drawn)
            sentences.append(" ".join(drawn).capitalize() + ".")
        (folder / f"{number:06}.txt").write_text(f"Article number {number}\n\n{' '.join(sentences)}\n")


def questions(count: int) -> list[str]:
    """Return questions of a few words each."""
    draw = random.Random(2)
    return [" ".join(f"w{draw.randrange(3_000)}" for _ in range(6)) for _ in range(count)]
