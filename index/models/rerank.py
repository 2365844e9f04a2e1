"""Put the passages that were found into a better order: a cross-encoder reads each one together with the question."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from config import Embedding, Rerank
from index.models.load import AtFirstUse, Kind
from index.models.model import PairModel
from index.records import Hit


def _compiled(place: Path, threads: int) -> PairModel:
    from index.models.compiled import CompiledReranker  # noqa: PLC0415  imports onnxruntime

    return CompiledReranker(place, threads=threads)


def _reference(settings: Embedding, why: str) -> PairModel:
    from index.models.reference import RerankingReference  # noqa: PLC0415  imports torch: seconds

    return RerankingReference(settings, why=why)


RERANKING = Kind("reranking", _compiled, _reference)


class Reranker:
    """One reranking model. Loaded at first use; safe to use from several threads."""

    def __init__(self, settings: Rerank, *, like: Embedding, models: Path | None = None) -> None:
        """Remember which model to load, and the folder of compiled rerankers. It runs like the embedding model does."""
        own = {"model": settings.model, "query_prefix": "", "passage_prefix": ""}
        self._model = AtFirstUse(RERANKING, like.model_copy(update=own), models=models)
        self.name = settings.model
        self.passages = settings.passages

    @property
    def runtime(self) -> str:
        """What runs the model, and how precisely, in words; known without loading it."""
        return self._model.runtime

    def load(self) -> None:
        """Load the model now, so that nobody waits for it later.

        Raises:
            ModelUnavailable: it cannot be had, or is no reranker.
        """
        self._model.ready()

    def reorder(self, question: str, hits: Sequence[Hit], *, told: Callable[[Hit], str]) -> list[Hit]:
        """Return all hits: the first `passages` of them by what the model thinks of what it is `told`, the rest behind.

        The fused score stays as it was. Hits that the model thinks the same of keep their order.

        Raises:
            ModelUnavailable: as `load`.
        """
        judged, rest = hits[: self.passages], hits[self.passages :]
        scores = self._model.ready().scores(question, [told(hit) for hit in judged])
        order = np.argsort(-scores, kind="stable")
        return [*(replace(judged[at], rerank=float(scores[at])) for at in order), *rest]
