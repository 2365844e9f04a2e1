"""A model for tests that index thousands of passages: real vectors of real words, in microseconds and without torch."""

import hashlib
import re
from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from index.models.embed import Embedder, Vectors

_WORD = re.compile(r"\w+")


class WordModel(Embedder):
    """Projects the words of a text at random: texts that share words lie near each other, others about at right angles.

    As in "Random projection in dimensionality reduction" (Bingham and Mannila 2001). A word is a word piece.
    """

    def __init__(self, *, dimensions: int = 64, name: str = "words") -> None:
        """Make vectors of `dimensions`; models of different names have different ones."""
        self._dimensions = dimensions
        self._name = name

    @property
    def name(self) -> str:
        return self._name

    @property
    def prefixes(self) -> str:
        return "/"

    @property
    def loaded(self) -> bool:
        return True

    @property
    def runtime(self) -> str:
        return "words"

    @property
    def batch(self) -> int:
        return 64

    @property
    def dimensions(self) -> int:
        return self._dimensions

    @property
    def limit(self) -> int:
        return 250

    @property
    def fingerprint(self) -> str:
        return f"{self._name}-{self._dimensions}"

    def question(self, text: str) -> Vectors:
        return self._vector(text)

    def sentences(self, texts: Sequence[str]) -> Vectors:
        return self.passages(texts)

    def passages(self, texts: Sequence[str]) -> Vectors:
        return np.array([self._vector(text) for text in texts], dtype=np.float32).reshape(len(texts), -1)

    def count(self, texts: Sequence[str]) -> list[int]:
        return [len(_WORD.findall(text)) for text in texts]

    def _vector(self, text: str) -> Vectors:
        words = _WORD.findall(text.lower()) or [""]
        whole = np.sum([_direction(word, self._dimensions, self._name) for word in words], axis=0)
        return np.asarray(whole / np.linalg.norm(whole), dtype=np.float32)


@lru_cache(maxsize=20_000)
def _direction(word: str, dimensions: int, name: str) -> Vectors:
    seed = hashlib.blake2b(f"{name} {word}".encode(), digest_size=8).digest()
    return np.random.default_rng(int.from_bytes(seed)).normal(size=dimensions).astype(np.float32)
