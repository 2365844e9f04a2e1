"""Run a compiled model with onnxruntime and tokenizers. Knows neither torch nor how the model was compiled."""

import json
import os
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
from pydantic import BaseModel, ConfigDict
from tokenizers import Encoding, Tokenizer

from index.model import Vectors
from index.seal import opened
from index.turn import NICE

GRAPH, TOKENIZER, META = "model.onnx", "tokenizer.json", "meta.json"
TOKENS = 512
"""Word pieces run at once, padding included. Passages of 133 on two cores: 74 a second, against 57 in batches of 32."""

LEAST = 64
"""Word pieces from which on it pays to let another thread run some of a few texts."""


class Meta(BaseModel):
    """What was found out about a model when it was compiled. `lowest_cosine` is against the reference."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    recipe: int
    model: str
    precision: str
    dimensions: int
    max_length: int
    special: int
    inputs: tuple[str, ...]
    pad: int
    pad_type: int
    pad_left: bool
    query_prompt: str
    text_prompt: str
    passage_prefix: str
    fingerprint: str
    lowest_cosine: float
    folder: str
    source: dict[str, tuple[int, int, str]]


class Compiled:
    """A compiled model in memory."""

    def __init__(self, place: Path, *, threads: int, sealed: bool = True) -> None:
        """Open a folder that `compile` made, with so many threads; 0: one for each core.

        Raises:
            Damaged: a file is not what was written. Other errors come from a file that cannot be used.
        """
        if sealed:
            opened(place)
        self.meta = Meta.model_validate_json((place / META).read_bytes())
        self._tokenizer = Tokenizer.from_file(str(place / TOKENIZER))
        self._session = _session(place / GRAPH)
        self._cores = threads or _cores()
        self._asking = ThreadPoolExecutor(self._cores, thread_name_prefix="model")
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
    def runtime(self) -> str:
        """What runs it, and how precisely, in words."""
        return f"onnxruntime, {self.meta.precision}"

    @property
    def limit(self) -> int:
        """Word pieces of a text that the model reads, its special tokens and the passage prefix taken off."""
        return self.meta.max_length - self.meta.special - self.count([self.meta.passage_prefix])[0]

    def question(self, text: str) -> Vectors:
        """Return the vector of a question, shape (dimensions,)."""
        return np.asarray(self._encode([self.meta.query_prompt + text], self._asking)[0])

    def sentences(self, texts: Sequence[str]) -> Vectors:
        """Return the vectors of a few texts while somebody waits for the answer, shape (n, dimensions)."""
        return self._encode([self.meta.text_prompt + text for text in texts], self._asking)

    def passages(self, texts: Sequence[str]) -> Vectors:
        """Return the vectors of texts that nobody waits for, shape (n, dimensions)."""
        return self._encode([self.meta.text_prompt + text for text in texts], self._indexing)

    def count(self, texts: Sequence[str]) -> list[int]:
        """Count the word pieces of each text, special tokens not included."""
        return [len(encoding) for encoding in self._counter.encode_batch_fast(list(texts), add_special_tokens=False)]

    @cached_property
    def _counter(self) -> Tokenizer:
        """A copy that never truncates. Only indexing counts."""
        return counter(self._tokenizer)

    def _encode(self, texts: Sequence[str], threads: ThreadPoolExecutor) -> Vectors:
        encodings = self._tokenizer.encode_batch_fast(list(texts))
        vectors: Vectors = np.empty((len(texts), self.dimensions), dtype=np.float32)
        lengths = [len(encoding) for encoding in encodings]
        room = min(TOKENS, max(LEAST, -(-sum(lengths) // self._cores)))
        batches = list(packed(lengths, room=room))
        # One thread runs a batch alone, several run several. With all of them in one batch a busy core holds up all
        # at every step: 22 to 36 passages a second beside another process, against 40 to 54.
        runs = map if len(batches) == 1 and threads is self._asking else threads.map
        for rows, found in zip(
            batches, runs(lambda some: self._run([encodings[i] for i in some]), batches), strict=True
        ):
            vectors[rows] = found
        return vectors

    def _run(self, encodings: Sequence[Encoding]) -> Vectors:
        width = max(len(encoding) for encoding in encodings)
        shape = (len(encodings), width)
        feed = {
            "input_ids": np.full(shape, self.meta.pad, dtype=np.int64),
            "attention_mask": np.zeros(shape, dtype=np.int64),
            "token_type_ids": np.full(shape, self.meta.pad_type, dtype=np.int64),
        }
        for row, encoding in enumerate(encodings):
            size = len(encoding)
            at = slice(width - size, width) if self.meta.pad_left else slice(0, size)
            feed["input_ids"][row, at] = encoding.ids
            feed["attention_mask"][row, at] = 1
            feed["token_type_ids"][row, at] = encoding.type_ids
        (vectors,) = self._session.run(None, {name: feed[name] for name in self.meta.inputs})
        return np.asarray(vectors, dtype=np.float32)


def counter(tokenizer: Tokenizer) -> Tokenizer:
    """Copy a tokenizer, never to truncate or pad."""
    copy = Tokenizer.from_str(tokenizer.to_str())
    copy.no_truncation()
    copy.no_padding()
    return copy


def packed(lengths: Sequence[int], *, room: int = TOKENS) -> Iterator[list[int]]:
    """Put texts of these lengths into batches of at most `room`, longest first: give the numbers of each batch."""
    batch: list[int] = []
    width = 0
    for row in sorted(range(len(lengths)), key=lambda row: -lengths[row]):
        width = width or lengths[row]
        if batch and (len(batch) + 1) * width > room:
            yield batch
            batch, width = [], lengths[row]
        batch.append(row)
    if batch:
        yield batch


def _step_back() -> None:
    """Let a thread give way to those that answer questions. Only Linux has this for a thread alone."""
    if sys.platform == "linux":
        os.nice(NICE)


def _cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _session(graph: Path) -> Any:  # noqa: ANN401  onnxruntime has no types
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3  # errors; it warns of what its own optimiser will mend
    return ort.InferenceSession(str(graph), options, providers=["CPUExecutionProvider"])


def read_meta(place: Path) -> Meta | None:
    """Return what is known of a compiled model, unchecked; None where there is none."""
    try:
        return Meta.model_validate(json.loads((place / META).read_bytes()))
    except (OSError, ValueError):
        return None
