"""What models in memory can do, whatever runs them, and what a vector is. Knows neither torch nor onnxruntime."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]
"""Rows of unit length, shape (n, dimensions)."""

Scores = NDArray[np.float32]
"""How well passages answer a question, shape (n,): a reranking model's logits, higher is better."""


class Loaded(Protocol):
    """A model in memory, of any kind. Safe to share between threads."""

    @property
    def runtime(self) -> str:
        """What runs it, and how precisely, in words."""


class Model(Loaded, Protocol):
    """An embedding model in memory; `passages` steps back for the others."""

    @property
    def dimensions(self) -> int:
        """Length of a vector."""

    @property
    def limit(self) -> int:
        """Word pieces of a text that the model reads, its special tokens and the passage prefix taken off."""

    @property
    def fingerprint(self) -> str:
        """Digest of everything that decides a vector: weights, configuration, tokenizer, prefixes, precision."""

    def question(self, text: str) -> Vectors:
        """Return the vector of a question, shape (dimensions,)."""

    def sentences(self, texts: Sequence[str]) -> Vectors:
        """Return the vectors of a few texts while somebody waits for the answer, shape (n, dimensions)."""

    def passages(self, texts: Sequence[str]) -> Vectors:
        """Return the vectors of texts that nobody waits for, shape (n, dimensions)."""

    def count(self, texts: Sequence[str]) -> list[int]:
        """Count the word pieces of each text, special tokens not included."""


class PairModel(Loaded, Protocol):
    """A reranking model in memory, which reads question and passage together (a cross-encoder)."""

    def scores(self, question: str, texts: Sequence[str]) -> Scores:
        """Return how well each text answers the question."""
