"""Run a compiled model with onnxruntime and tokenizers. Knows neither torch nor how the model was compiled."""

import json
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
from pydantic import BaseModel, ConfigDict
from tokenizers import Encoding, Tokenizer

from index.model import Vectors
from index.seal import opened

GRAPH, TOKENIZER, META = "model.onnx", "tokenizer.json", "meta.json"
TOKENS = 512
"""Word pieces run at once, padding included. Measured on two cores with passages of 133: 74 a second, against 66 one by
one and 57 in batches of 32; 24 sentences that an answer weighs take 97 ms, against 223 ms in one batch."""


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
        """Open a folder that `compile` made, with so many threads; 0 lets onnxruntime choose.

        Raises:
            Damaged: a file is not what was written. Other errors come from a file that cannot be used.
        """
        if sealed:
            opened(place)
        self.meta = Meta.model_validate_json((place / META).read_bytes())
        self._tokenizer = Tokenizer.from_file(str(place / TOKENIZER))
        self._session = _session(place / GRAPH, threads=threads)

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
        return np.asarray(self._encode([self.meta.query_prompt + text])[0])

    def passages(self, texts: Sequence[str]) -> Vectors:
        """Return the vectors of texts, shape (n, dimensions)."""
        return self._encode([self.meta.text_prompt + text for text in texts])

    def count(self, texts: Sequence[str]) -> list[int]:
        """Count the word pieces of each text, special tokens not included."""
        return [len(encoding) for encoding in self._counter.encode_batch_fast(list(texts), add_special_tokens=False)]

    @cached_property
    def _counter(self) -> Tokenizer:
        """A copy that never truncates. Only indexing counts."""
        return counter(self._tokenizer)

    def _encode(self, texts: Sequence[str]) -> Vectors:
        encodings = self._tokenizer.encode_batch_fast(list(texts))
        vectors: Vectors = np.empty((len(texts), self.dimensions), dtype=np.float32)
        for rows in packed([len(encoding) for encoding in encodings]):
            vectors[rows] = self._run([encodings[row] for row in rows])
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


def packed(lengths: Sequence[int]) -> Iterator[list[int]]:
    """Put texts of these lengths into batches of at most `TOKENS`, shortest first: give the numbers of each batch."""
    batch: list[int] = []
    for row in sorted(range(len(lengths)), key=lengths.__getitem__):
        if batch and (len(batch) + 1) * lengths[row] > TOKENS:
            yield batch
            batch = []
        batch.append(row)
    if batch:
        yield batch


def _session(graph: Path, *, threads: int) -> Any:  # noqa: ANN401  onnxruntime has no types
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3  # errors; it warns of what its own optimiser will mend
    # Spinning between the steps of one run makes a question 2.0 ms instead of 2.9; after the run it burns a core for
    # nothing (17.9 ms of CPU a question instead of 7.0).
    options.add_session_config_entry("session.force_spinning_stop", "1")
    return ort.InferenceSession(str(graph), options, providers=["CPUExecutionProvider"])


def read_meta(place: Path) -> Meta | None:
    """Return what is known of a compiled model, unchecked; None where there is none."""
    try:
        return Meta.model_validate(json.loads((place / META).read_bytes()))
    except (OSError, ValueError):
        return None
