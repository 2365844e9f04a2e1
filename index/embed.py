"""Turn texts into unit vectors with one embedding model, loaded at first use.

Knows that a model is slow to load, and chooses what runs it: `compiled` or `reference`.
"""

import logging
import os
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from config import Embedding
from index.errors import ModelUnavailable
from index.model import Model, Vectors
from index.weights import DEFAULT_MODEL

if TYPE_CHECKING:
    from index.shelf import Shelf

__all__ = ["DEFAULT_MODEL", "Embedder", "Vectors"]

log = logging.getLogger(__name__)


EXACT: Literal["fp32"] = "fp32"
"""The precision that gives the vectors of the reference; tried where a smaller one cannot be had."""


class Embedder:
    """One embedding model. Loaded at first use; safe to use from several threads. Questions go before a reindex."""

    def __init__(self, settings: Embedding, *, models: Path | None = None) -> None:
        """Remember which model to load, and the folder of compiled models; without one torch runs it.

        Nothing is read before the first use.
        """
        self._settings = settings
        self._models = models
        self._loading = threading.Lock()
        self._loaded: Model | None = None

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
        return self._loaded is not None

    @property
    def runtime(self) -> str:
        """What runs the model, and how precisely, in words; known without loading it."""
        if self._loaded is not None:
            return self._loaded.runtime
        return self._shelf(self._settings.precision).words() if self._compiles() else "torch"

    @property
    def batch(self) -> int:
        """How many passages to embed at once."""
        return self._settings.batch

    @property
    def dimensions(self) -> int:
        """Length of a vector."""
        return self._ready().dimensions

    @property
    def limit(self) -> int:
        """Word pieces of a text that the model reads, its special tokens and the passage prefix taken off."""
        return self._ready().limit

    @property
    def fingerprint(self) -> str:
        """Digest of everything that decides a vector: weights, configuration, tokenizer, prefixes."""
        return self._ready().fingerprint

    def question(self, text: str) -> Vectors:
        """Return the vector of a question, shape (dimensions,)."""
        return self._ready().question(text)

    def sentences(self, texts: Sequence[str]) -> Vectors:
        """Return the vectors of a few texts while somebody waits for the answer, shape (n, dimensions)."""
        return self._ready().sentences(texts)

    def passages(self, texts: Sequence[str]) -> Vectors:
        """Return the vectors of one batch of texts, shape (n, dimensions). Give texts of like length together."""
        return self._ready().passages(texts)

    def count(self, texts: Sequence[str]) -> list[int]:
        """Count the word pieces of each text, special tokens not included."""
        return self._ready().count(texts)

    def _ready(self) -> Model:
        with self._loading:
            if self._loaded is None:
                self._loaded = self._load()
            return self._loaded

    def _load(self) -> Model:
        """Load the compiled model, or the model itself where it is not to be compiled or cannot be."""
        os.environ.setdefault("TOKENIZERS_PARALLELISM", "true")
        os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
        os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
        if not self._compiles():
            return _reference(self._settings)
        found = self._shelf(self._settings.precision).model()
        if isinstance(found, str) and self._settings.precision != EXACT:
            log.warning("The model %s %s. It runs in %s instead.", self.name, found, EXACT)
            found = self._shelf(EXACT).model()
        if not isinstance(found, str):
            return found
        log.warning("The model %s %s. PyTorch runs it: slower to start, the same answers.", self.name, found)
        return _reference(self._settings, why=found)

    def _compiles(self) -> bool:
        """Whether the model is to be compiled; a graphics card is fastest by torch."""
        return self._models is not None and self._settings.compile and self._settings.device in ("auto", "cpu")

    def _shelf(self, precision: Literal["fp32", "int8"]) -> "Shelf":
        from index.shelf import Shelf  # noqa: PLC0415  imports onnxruntime

        return Shelf(self._models or Path(), self._settings.model_copy(update={"precision": precision}))


def _reference(settings: Embedding, *, why: str = "") -> Model:
    try:
        from index.reference import Reference  # noqa: PLC0415  imports torch: seconds
    except ImportError as error:
        message = f"The embedding model needs a package that is missing ({error}). Install Footnote again."
        raise ModelUnavailable(message) from error
    return Reference(settings, why=why)
