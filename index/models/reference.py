"""Load a sentence-transformers model and run it by torch; one that embeds, through llama-index.

The reference that a compiled model is held to, and what runs a model that cannot be compiled. Importing torch takes
seconds, so this module is imported where it is needed and not before.
"""

import hashlib
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from llama_index.core.utils import get_cache_dir
from llama_index.embeddings.huggingface import HuggingFaceEmbedding
from sentence_transformers import CrossEncoder
from tokenizers import Tokenizer
from transformers.utils import logging as transformers_log

from config import Embedding
from index.errors import ModelUnavailable
from index.models import weights
from index.models.compiled import counter
from index.models.model import Scores, Vectors
from index.models.weights import DEFAULT_MODEL, default_folder, folder
from index.system.turn import Turn

_CLASSIFIES = "sequence-classification"
"""What sentence-transformers calls the task of a model that gives scores to what it reads."""

_SHORT = {"float32": "fp32", "float16": "fp16", "bfloat16": "bf16"}


class _InTorch:
    """A model in torch, of any kind."""

    transformer: Any
    _why = ""

    @property
    def runtime(self) -> str:
        """What runs it, and how precisely, in words."""
        precision = str(next(self.transformer.parameters()).dtype).removeprefix("torch.")
        return f"torch, {_SHORT.get(precision, precision)}{self._why and f' ({self._why})'}"

    @property
    def accelerated(self) -> bool:
        """Whether it runs on something faster than the CPU."""
        return str(self.transformer.device) != "cpu"


class Reference(_InTorch):
    """An embedding model. `why` says in words why torch runs it, where it was meant to be compiled."""

    def __init__(self, settings: Embedding, *, why: str = "") -> None:
        """Load the model that the settings name.

        Raises:
            ModelUnavailable: with the remedy; also where the default model's weights are not the published ones.
        """
        self._why = why
        self._turn = Turn()
        self._adapter = _adapter(settings)
        self.transformer: Any = self._adapter._model  # noqa: SLF001  no public way to its SentenceTransformer
        self.tokenizer = _fast_tokenizer(self.transformer.tokenizer)
        self._counter = counter(self.tokenizer)  # a copy: the model's own changes its state while it encodes
        self.special = int(self.transformer.tokenizer.num_special_tokens_to_add())
        self.max_length = int(self.transformer.max_seq_length or 512)
        self.limit = self.max_length - self.special - self.count([settings.passage_prefix])[0]
        self.dimensions = int(self.transformer.get_embedding_dimension() or 0)
        self.fingerprint = self._digest(settings)

    def question(self, text: str) -> Vectors:
        """Return the vector of a question, shape (dimensions,)."""
        with self._turn.first():
            return np.asarray(self._adapter.get_query_embedding(text), dtype=np.float32)

    def sentences(self, texts: Sequence[str]) -> Vectors:
        """Return the vectors of a few texts while somebody waits for the answer, shape (n, dimensions)."""
        with self._turn.first():
            return self._embed(texts)

    def passages(self, texts: Sequence[str]) -> Vectors:
        """Return the vectors of texts that nobody waits for, shape (n, dimensions)."""
        with self._turn.last():
            return self._embed(texts)

    def count(self, texts: Sequence[str]) -> list[int]:
        """Count the word pieces of each text, special tokens not included."""
        return [len(encoding) for encoding in self._counter.encode_batch_fast(list(texts), add_special_tokens=False)]

    def _embed(self, texts: Sequence[str]) -> Vectors:
        return np.asarray(self._adapter.get_text_embedding_batch(list(texts)), dtype=np.float32)

    def _digest(self, settings: Embedding) -> str:
        """Hash everything that decides a vector. The default model's weights were hashed when they were found."""
        digest = hashlib.sha256(f"{settings.query_prefix}|{settings.passage_prefix}|{self.max_length}".encode())
        if settings.model == DEFAULT_MODEL:
            digest.update(weights.DEFAULT_SHA256.encode())
        else:
            digest.update(repr(self.transformer).encode())  # the modules and their options, pooling among them
            digest.update(self.tokenizer.to_str().encode())
            for name, tensor in sorted(self.transformer.state_dict().items()):
                digest.update(name.encode())
                digest.update(tensor.detach().cpu().contiguous().view(torch.uint8).numpy().data)
        return digest.hexdigest()[:16]


class RerankingReference(_InTorch):
    """A reranking model: a cross-encoder with one score. `why` as above."""

    def __init__(self, settings: Embedding, *, why: str = "") -> None:
        """Load the model that the settings name.

        Raises:
            ModelUnavailable: with the remedy; also where the model is no reranker.
        """
        self._why = why
        self._batch = settings.batch
        self._turn = threading.Lock()  # its tokenizer changes its state while it encodes
        self.transformer = _cross_encoder(settings)
        self.tokenizer: Tokenizer | None = getattr(self.transformer.tokenizer, "backend_tokenizer", None)
        self.prompt = str(self.transformer.prompts.get(self.transformer.default_prompt_name) or "")

    def scores(self, question: str, texts: Sequence[str]) -> Scores:
        """Return how well each text answers the question.

        Logits: the activation that a model is saved with, a sigmoid or none, keeps their order but for digits: in
        fp32 it makes 1.0 of everything above 17.
        """
        pairs = [(question, text) for text in texts]
        with self._turn:
            found = self.transformer.predict(
                pairs, batch_size=self._batch, show_progress_bar=False, activation_fn=torch.nn.Identity()
            )
        return np.asarray(found, dtype=np.float32)


def files(settings: Embedding) -> Path | None:
    """Return the folder that a model was loaded from: as the settings say, or where the hub's copy lies."""
    found = folder(settings.model)
    if found is not None:
        return found
    from huggingface_hub import try_to_load_from_cache  # noqa: PLC0415

    for cache in (get_cache_dir(), None):  # llama-index keeps models in a place of its own
        for name in ("modules.json", "config.json"):
            cached = try_to_load_from_cache(settings.model, name, cache_dir=cache)
            if isinstance(cached, str):
                return Path(cached).parent
    return None


def _adapter(settings: Embedding) -> HuggingFaceEmbedding:
    _quiet()
    try:
        where = default_folder() if settings.model == DEFAULT_MODEL else settings.model
        adapter = HuggingFaceEmbedding(
            model_name=str(where),
            device=None if settings.device == "auto" else settings.device,
            embed_batch_size=settings.batch,
            query_instruction=settings.query_prefix,
            text_instruction=settings.passage_prefix,
            trust_remote_code=False,
        )
    except Exception as error:
        raise ModelUnavailable(remedy(settings.model, error)) from error
    if settings.threads:
        torch.set_num_threads(settings.threads)
    return adapter


def _cross_encoder(settings: Embedding) -> CrossEncoder:
    _quiet()
    try:
        model: CrossEncoder = CrossEncoder(
            str(folder(settings.model) or settings.model),
            device=None if settings.device == "auto" else settings.device,
            trust_remote_code=False,
        )
    except Exception as error:
        message = (
            f"The reranking model {settings.model!r} cannot be had ({_reason(error)}). Check its name in [rerank] "
            "model, and the network if it has to be downloaded; or leave it out, and nothing is reranked."
        )
        raise ModelUnavailable(message) from error
    if wrong := _no_reranker(model):
        message = (
            f"{settings.model!r} {wrong}, so it cannot rerank. Name a cross-encoder with one score in [rerank] model."
        )
        raise ModelUnavailable(message)
    if settings.threads:
        torch.set_num_threads(settings.threads)
    return model


def _no_reranker(model: CrossEncoder) -> str:
    """Return what is wrong with a model that is to rerank, in words."""
    if model.num_labels != 1:
        return f"sorts pairs of texts into {model.num_labels} classes"
    made = str((getattr(model.config, "architectures", None) or ["a model of no known kind"])[0])
    # Without this an embedding model would be taken: its head, which it lacks, is filled with random numbers.
    if getattr(model[0], "transformer_task", "") == _CLASSIFIES and not made.endswith("ForSequenceClassification"):
        return f"is {made}, not a cross-encoder"
    return ""


def _quiet() -> None:
    transformers_log.disable_progress_bar()  # type: ignore[no-untyped-call]
    transformers_log.set_verbosity_error()  # type: ignore[no-untyped-call]


def _fast_tokenizer(tokenizer: object) -> Tokenizer:
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is None:
        message = "This model has no fast tokenizer, so passages cannot be sized. Choose another [embedding] model."
        raise ModelUnavailable(message)
    found: Tokenizer = backend
    return found


def remedy(model: str, error: Exception) -> str:
    """Say in one line what keeps a model from being loaded, and what helps."""
    if isinstance(error, ModelUnavailable):
        return str(error)
    if isinstance(error, ImportError):
        return f"The embedding model needs a package that is missing ({error}). Install Footnote again."
    return (
        f"The embedding model {model!r} cannot be had ({_reason(error)}). Check its name in [embedding] model, and the "
        f"network if it has to be downloaded; or go back to {DEFAULT_MODEL!r}, which comes with the install."
    )


def _reason(error: Exception) -> str:
    return str(error).strip().split("\n")[0][:160]
