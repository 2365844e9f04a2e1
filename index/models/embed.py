"""Turn texts into unit vectors with one embedding model, loaded at first use.

Knows that a model is slow to load; `load` chooses what runs it: `compiled` or `reference`.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from config import Embedding
from index.models.known import Known
from index.models.load import AtFirstUse, Kind
from index.models.model import Model, Vectors
from index.models.weights import DEFAULT_MODEL

__all__ = ["DEFAULT_MODEL", "EMBEDDING", "Embedder", "Vectors"]


def _compiled(place: Path, threads: int) -> Model:
    from index.models.compiled import Compiled  # noqa: PLC0415  imports onnxruntime

    return Compiled(place, threads=threads)


def _reference(settings: Embedding, why: str) -> Model:
    from index.models.reference import Reference  # noqa: PLC0415  imports torch: seconds

    return Reference(settings, why=why)


EMBEDDING = Kind("embedding", _compiled, _reference)


class Embedder:
    """One embedding model. Loaded at first use; safe to use from several threads. Questions go before a reindex."""

    def __init__(self, settings: Embedding, *, models: Path | None = None) -> None:
        """Remember which model to load, and the folder of compiled models; without one torch runs it.

        Nothing is read before the first use.
        """
        self._settings = settings
        self._model = AtFirstUse(EMBEDDING, settings, models=models)
        self._sentences = Known(lambda texts: self._model.ready().sentences(texts))

    @property
    def name(self) -> str:
        """The model as the settings name it."""
        return self._settings.model

    @property
    def prefixes(self) -> str:
        """The words put before questions and before passages; known without loading the model."""
        return f"{self._settings.query_prefix}/{self._settings.passage_prefix}"

    @property
    def loaded(self) -> bool:
        """Whether the model is in memory already."""
        return self._model.loaded

    @property
    def runtime(self) -> str:
        """What runs the model, and how precisely, in words; known without loading it."""
        return self._model.runtime

    @property
    def batch(self) -> int:
        """How many passages to embed at once."""
        return self._settings.batch

    @property
    def dimensions(self) -> int:
        """Length of a vector."""
        return self._model.ready().dimensions

    @property
    def limit(self) -> int:
        """Word pieces of a text that the model reads, its special tokens and the passage prefix taken off."""
        return self._model.ready().limit

    @property
    def fingerprint(self) -> str:
        """Digest of everything that decides a vector: weights, configuration, tokenizer, prefixes."""
        return self._model.ready().fingerprint

    def question(self, text: str) -> Vectors:
        """Return the vector of a question, shape (dimensions,)."""
        return self._model.ready().question(text)

    def sentences(self, texts: Sequence[str]) -> Vectors:
        """Return the vectors of a few texts while somebody waits for the answer, shape (n, dimensions).

        What was asked for lately is kept.
        """
        return self._sentences(texts)

    def passages(self, texts: Sequence[str]) -> Vectors:
        """Return the vectors of one batch of texts, shape (n, dimensions). Give texts of like length together."""
        return self._model.ready().passages(texts)

    def many(self, texts: Sequence[str]) -> Vectors:
        """Return the vectors of any number of texts that nobody waits for, shape (n, dimensions)."""
        rows = np.empty((len(texts), self.dimensions), dtype=np.float32)
        order = sorted(range(len(texts)), key=lambda index: len(texts[index]))
        for at in range(0, len(order), self.batch):
            some = order[at : at + self.batch]
            rows[some] = self.passages([texts[index] for index in some])
        return rows

    def count(self, texts: Sequence[str]) -> list[int]:
        """Count the word pieces of each text, special tokens not included."""
        return self._model.ready().count(texts)
