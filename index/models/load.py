"""Load a model at first use: compiled where it is to be and can be, else by torch. Knows no kind of model."""

import logging
import os
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Generic, Literal, TypeVar

from config import Embedding
from index.errors import ModelUnavailable
from index.models.model import Loaded

if TYPE_CHECKING:
    from index.models.shelf import Shelf

AnyModel = TypeVar("AnyModel", bound=Loaded)
KindName = Literal["embedding", "reranking"]

EXACT: Literal["fp32"] = "fp32"
"""The precision that computes what the reference does; tried where a smaller one cannot be had."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Kind(Generic[AnyModel]):
    """A kind of model, and how one comes into memory.

    `compiled` opens it from a folder, with so many threads; `reference` loads it by torch, and is told why torch runs
    it. Both import what takes long only when they are called.
    """

    name: KindName
    compiled: Callable[[Path, int], AnyModel]
    reference: Callable[[Embedding, str], AnyModel]


class AtFirstUse(Generic[AnyModel]):
    """One model. Loaded at first use, once, however many threads want it."""

    def __init__(self, kind: Kind[AnyModel], settings: Embedding, *, models: Path | None) -> None:
        """Remember which model to load, and the folder of compiled models; without one torch runs it."""
        self._kind = kind
        self._settings = settings
        self._models = models
        self._loading = threading.Lock()
        self._loaded: AnyModel | None = None

    @property
    def loaded(self) -> bool:
        """Whether the model is in memory already."""
        return self._loaded is not None

    @property
    def runtime(self) -> str:
        """What runs the model, and how precisely, in words; known without loading it."""
        if self._loaded is not None:
            return self._loaded.runtime
        return self._shelf(self._settings.precision).words() if self.compiles else "torch"

    @property
    def compiles(self) -> bool:
        """Whether the model is to be compiled; a graphics card is fastest by torch."""
        return self._models is not None and self._settings.compile and self._settings.device in ("auto", "cpu")

    def ready(self) -> AnyModel:
        """Return the model, loading it where that has not been done.

        Raises:
            ModelUnavailable: it cannot be had; with the remedy.
        """
        with self._loading:
            if self._loaded is None:
                self._loaded = self._load()
            return self._loaded

    def _load(self) -> AnyModel:
        """Load the compiled model, or the model itself where it is not to be compiled or cannot be."""
        os.environ.setdefault("TOKENIZERS_PARALLELISM", "true")
        os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
        os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
        if not self.compiles:
            return self._reference()
        name = self._settings.model
        found = self._shelf(self._settings.precision).model()
        if isinstance(found, str) and self._settings.precision != EXACT:
            log.warning("The model %s %s. It runs in %s instead.", name, found, EXACT)
            found = self._shelf(EXACT).model()
        if not isinstance(found, str):
            return found
        log.warning("The model %s %s. PyTorch runs it: slower to start, the same answers.", name, found)
        return self._reference(why=found)

    def _reference(self, *, why: str = "") -> AnyModel:
        try:
            return self._kind.reference(self._settings, why)
        except ImportError as error:
            message = f"The {self._kind.name} model needs a package that is missing ({error}). Install Footnote again."
            raise ModelUnavailable(message) from error

    def _shelf(self, precision: Literal["fp32", "int8"]) -> "Shelf[AnyModel]":
        from index.models.shelf import Shelf  # noqa: PLC0415  imports onnxruntime

        return Shelf(self._models or Path(), self._settings.model_copy(update={"precision": precision}), self._kind)
