"""What the compiler has to know of each kind of model: how it is asked, and what of its output is compared."""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray

import seeds
from config import Embedding
from index.models.compiled import Compiled, CompiledReranker, EmbeddingMeta, Meta, RerankingMeta
from index.models.load import KindName
from index.models.model import Model, PairModel
from index.models.reference import Reference, RerankingReference

_QUESTIONS = (
    "Where will Trump and Putin meet?",
    "What did the Budapest Memorandum promise to Ukraine?",
    "Где они встретятся? 😀",
    "Who pays for all of that, and since when? " * 100,
)
"""What the examples are asked. Some of them answer the first two; the last is longer than most models read."""

Rows = NDArray[np.float64]
"""What a model says of the examples, so that two that say the same have a cosine of 1 in each row."""


class Subject(Protocol):
    """A model that is to be compiled."""

    reference: Any
    gives: str

    def batch(self) -> Mapping[str, Any]:
        """Return what the reference makes of two texts of different lengths, to trace it with."""

    def obstacle(self) -> str:
        """Return what keeps this model from being compiled, in words, where it is known beforehand."""

    def output(self, features: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """Return, of all that the model gives, what the graph is to give, shape (texts, dimensions)."""

    def meta(self, **facts: Any) -> Meta:  # noqa: ANN401  of every kind
        """Add what is particular to facts of every kind."""

    def said(self, place: Path | None) -> Rows:
        """Return what the model compiled in `place`, or the reference, says of the examples, in rows of unit length."""


class Embeds:
    """A model that turns texts into vectors."""

    gives = "vectors"

    def __init__(self, settings: Embedding) -> None:
        """Load the reference. Raises ModelUnavailable."""
        self.reference = Reference(settings)
        self._settings = settings

    def batch(self) -> Mapping[str, Any]:
        """Return what the reference makes of two texts of different lengths, to trace it with."""
        features: Mapping[str, Any] = self.reference.transformer.preprocess(["one", "and another text"])
        return features

    def obstacle(self) -> str:
        """Return what keeps this model from being compiled."""
        modules = self.reference.transformer.modules()
        strange = any(getattr(module, "include_prompt", True) is False for module in modules)
        return "it pools a text without its prefix" if strange else ""

    def output(self, features: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """Return vectors of unit length, as the reference is asked to encode."""
        return torch.nn.functional.normalize(features["sentence_embedding"].float(), p=2, dim=1)

    def meta(self, **facts: Any) -> EmbeddingMeta:  # noqa: ANN401  of every kind
        """Add what is particular to an embedding model."""
        reference = self.reference
        return EmbeddingMeta(
            **facts,
            dimensions=reference.dimensions,
            max_length=reference.max_length,
            special=reference.special,
            query_prompt=reference.transformer.prompts["query"],
            text_prompt=reference.transformer.prompts["text"],
            passage_prefix=self._settings.passage_prefix,
            fingerprint=self._fingerprint(),
        )

    def said(self, place: Path | None) -> Rows:
        """Return the vectors of the examples, as passages and as questions."""
        model: Model = (
            self.reference if place is None else Compiled(place, threads=self._settings.threads, sealed=False)
        )
        examples = list(_passages())
        together, alone = model.passages(examples), [model.question(text) for text in examples[::4]]
        return _of_unit_length(np.vstack([together, *alone]))

    def _fingerprint(self) -> str:
        """Return the reference's own for fp32, since the vectors agree; another one for every other precision."""
        own, precision = self.reference.fingerprint, self._settings.precision
        if precision == "fp32":
            return own
        return hashlib.sha256(f"{own}|{precision}, text by text".encode()).hexdigest()[:16]  # not those of batches


class Reranks:
    """A model that says how well a passage answers a question."""

    gives = "scores"

    def __init__(self, settings: Embedding) -> None:
        """Load the reference. Raises ModelUnavailable."""
        self.reference = RerankingReference(settings)
        self._settings = settings

    def batch(self) -> Mapping[str, Any]:
        """Return what the reference makes of two pairs of different lengths, to trace it with."""
        features: Mapping[str, Any] = self.reference.transformer.preprocess([("one", "text"), ("and", "another text")])
        return features

    def obstacle(self) -> str:
        """Return what keeps this model from being compiled."""
        if "message" in self.reference.transformer.modalities:
            return "it reads a chat"
        return "" if self.reference.tokenizer else "it has no fast tokenizer"

    def output(self, features: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """Return the logits, as the reference is asked to predict."""
        return features["scores"].float()

    def meta(self, **facts: Any) -> RerankingMeta:  # noqa: ANN401  of every kind
        """Add what is particular to a reranking model."""
        return RerankingMeta(**facts, dimensions=1, prompt=self.reference.prompt)

    def said(self, place: Path | None) -> Rows:
        """Return the scores of examples for each question, less their mean, so that a cosine is a correlation.

        In one row, because among passages that all miss the question the differences are noise.
        """
        threads = self._settings.threads
        model: PairModel = self.reference if place is None else CompiledReranker(place, threads=threads, sealed=False)
        examples = list(_passages())[::-2]  # each with each question: 84 pairs
        scores = np.concatenate([model.scores(question, examples) for question in _QUESTIONS])
        return _of_unit_length((scores - scores.mean())[None])


SUBJECTS: Mapping[KindName, Callable[[Embedding], Subject]] = {"embedding": Embeds, "reranking": Reranks}


def _of_unit_length(rows: NDArray[np.float32]) -> Rows:
    return np.asarray(rows / np.linalg.norm(rows.astype(np.float64), axis=1, keepdims=True))


def _passages() -> Iterator[str]:
    """Give real passages: lines of the articles that come along, short and long, other scripts, and nothing."""
    yield from ("", "a", "Where will they meet?", "Где они встретятся? 😀", "他们将在哪里会面？", "أين سيلتقون؟")
    for path in sorted(Path(next(iter(seeds.__path__))).glob("*.md")):
        text = path.read_text(encoding="utf-8").split("---", 2)[-1]
        lines = [line for line in text.split("\n") if line.strip()]
        yield from (lines[0], " ".join(lines[:3]))
    yield text  # longer than any model of this kind reads
