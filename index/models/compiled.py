"""Run compiled models with onnxruntime and tokenizers. Knows neither torch nor how a model was compiled."""

import json
import os
import sys
from collections import deque
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from pathlib import Path
from typing import Any, Generic, TypeVar

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict
from tokenizers import Tokenizer

from index.models.model import Scores, Vectors
from index.system.seal import opened
from index.system.turn import NICE, cores

GRAPH, TOKENIZER, META = "model.onnx", "tokenizer.json", "meta.json"


class Meta(BaseModel):
    """What was found out about a model of any kind when it was compiled.

    `dimensions` is how many numbers it gives for a text; `lowest_cosine` is against the reference, see `subject`;
    `folder` and `source` are the files it was made of.
    """

    model_config = ConfigDict(frozen=True)

    recipe: int
    model: str
    precision: str
    dimensions: int
    inputs: tuple[str, ...]
    pad: int
    lowest_cosine: float
    folder: str
    source: dict[str, tuple[int, int, str]]


class EmbeddingMeta(Meta):
    """What was found out about an embedding model."""

    max_length: int
    special: int
    query_prompt: str
    text_prompt: str
    passage_prefix: str
    fingerprint: str


class RerankingMeta(Meta):
    """What was found out about a reranking model; `prompt` goes before a question."""

    prompt: str


AnyMeta = TypeVar("AnyMeta", bound=Meta)
Text = str | tuple[str, str]
"""What a model reads at once: a text, or two of which it is told where the second begins."""


class _Graph(Generic[AnyMeta]):
    """A compiled model in memory: what all kinds have in common."""

    def __init__(self, place: Path, meta: type[AnyMeta], *, threads: int, sealed: bool) -> None:
        """Open a folder that `compile` made, with so many threads; 0: one for each core.

        Raises:
            Damaged: a file is not what was written. Other errors come from a file that cannot be used.
        """
        if sealed:
            opened(place)
        self.meta = meta.model_validate_json((place / META).read_bytes())
        self._tokenizer = Tokenizer.from_file(str(place / TOKENIZER))
        self._session = _session(place / GRAPH)
        self._cores = threads or cores()
        self._asking = ThreadPoolExecutor(self._cores, thread_name_prefix="model")

    @property
    def runtime(self) -> str:
        """What runs it, and how precisely, in words."""
        return f"onnxruntime, {self.meta.precision}"

    def _encode(self, texts: Sequence[Text], threads: ThreadPoolExecutor, *, here: bool) -> NDArray[np.float32]:
        """Return what the model says of each text, run by itself, on `threads`; if `here`, on the caller's as well.

        An int8 graph scales its activations by the largest of a batch: what stands beside a text would change its
        vector, by cosines down to 0.978. Nor are batches any faster on a CPU, and a busy core holds up one text only.
        Where the caller works as well, nothing is handed over while all threads are busy: one that waited for each
        text cost 4 % of the questions that are answered in a second.
        """
        rows = np.empty((len(texts), self.meta.dimensions), dtype=np.float32)
        left = deque(sorted(range(len(texts)), key=lambda row: -_length(texts[row])))

        def work() -> None:
            while True:
                try:
                    row = left.popleft()
                except IndexError:
                    return
                rows[row] = self._run(texts[row])

        others = [threads.submit(work) for _ in range(min(len(texts), self._cores) - here)]
        if here:
            work()
        for one in others:
            if not (here and one.cancel()):  # there was nothing left for it
                one.result()
        return rows

    def _run(self, text: Text) -> NDArray[np.float32]:
        # Not `encode_batch`: its own threads would be waited for, and yield to all others while a crowd asks.
        encoding = self._tokenizer.encode(*([text] if isinstance(text, str) else text))
        feed = {  # a text without any word piece is one that is not looked at
            "input_ids": encoding.ids or [self.meta.pad],
            "attention_mask": encoding.attention_mask or [0],
            "token_type_ids": encoding.type_ids or [0],
        }
        named = {name: np.array([feed[name]], dtype=np.int64) for name in self.meta.inputs}
        (found,) = self._session.run(None, named)
        return np.asarray(found[0], dtype=np.float32)


class Compiled(_Graph[EmbeddingMeta]):
    """A compiled embedding model in memory."""

    def __init__(self, place: Path, *, threads: int, sealed: bool = True) -> None:
        """Open it, as `_Graph` says."""
        super().__init__(place, EmbeddingMeta, threads=threads, sealed=sealed)
        self._indexing = ThreadPoolExecutor(self._cores, thread_name_prefix="model-back", initializer=_step_back)

    @property
    def dimensions(self) -> int:
        """Length of a vector."""
        return self.meta.dimensions

    @property
    def fingerprint(self) -> str:
        """Digest of everything that decides a vector."""
        return self.meta.fingerprint

    @property
    def limit(self) -> int:
        """Word pieces of a text that the model reads, its special tokens and the passage prefix taken off."""
        return self.meta.max_length - self.meta.special - self.count([self.meta.passage_prefix])[0]

    def question(self, text: str) -> Vectors:
        """Return the vector of a question, shape (dimensions,)."""
        return np.asarray(self._encode([self.meta.query_prompt + text], self._asking, here=True)[0])

    def sentences(self, texts: Sequence[str]) -> Vectors:
        """Return the vectors of a few texts while somebody waits for the answer, shape (n, dimensions)."""
        return self._encode([self.meta.text_prompt + text for text in texts], self._asking, here=True)

    def passages(self, texts: Sequence[str]) -> Vectors:
        """Return the vectors of texts that nobody waits for, shape (n, dimensions)."""
        return self._encode([self.meta.text_prompt + text for text in texts], self._indexing, here=False)

    def count(self, texts: Sequence[str]) -> list[int]:
        """Count the word pieces of each text, special tokens not included."""
        return [len(encoding) for encoding in self._counter.encode_batch_fast(list(texts), add_special_tokens=False)]

    @cached_property
    def _counter(self) -> Tokenizer:
        """A copy that never truncates, made at the first counting."""
        return counter(self._tokenizer)


class CompiledReranker(_Graph[RerankingMeta]):
    """A compiled reranking model in memory."""

    def __init__(self, place: Path, *, threads: int, sealed: bool = True) -> None:
        """Open it, as `_Graph` says."""
        super().__init__(place, RerankingMeta, threads=threads, sealed=sealed)

    def scores(self, question: str, texts: Sequence[str]) -> Scores:
        """Return how well each text answers the question."""
        asked = self.meta.prompt + question
        return self._encode([(asked, text) for text in texts], self._asking, here=True)[:, 0]


def _length(text: Text) -> int:
    """Return its characters: what takes the model longest is begun first."""
    return len(text) if isinstance(text, str) else sum(map(len, text))


def counter(tokenizer: Tokenizer) -> Tokenizer:
    """Copy a tokenizer, never to truncate or pad."""
    copy = Tokenizer.from_str(tokenizer.to_str())
    copy.no_truncation()
    copy.no_padding()
    return copy


def _step_back() -> None:
    """Let a thread give way to those that answer questions. Only Linux has this for a thread alone."""
    if sys.platform == "linux":
        os.nice(NICE)


def _session(graph: Path) -> Any:  # noqa: ANN401  onnxruntime has no types
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    # Without an arena of its own, which keeps the most it ever needed: as fast, and 30 MB less after some long texts.
    options.enable_cpu_mem_arena = False
    options.log_severity_level = 3  # errors; it warns of what its own optimiser will mend
    return ort.InferenceSession(str(graph), options, providers=["CPUExecutionProvider"])


def read_meta(place: Path) -> Meta | None:
    """Return what is known of a compiled model, unchecked; None where there is none."""
    try:
        return Meta.model_validate(json.loads((place / META).read_bytes()))
    except (OSError, ValueError):
        return None
