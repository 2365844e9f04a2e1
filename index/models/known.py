"""Keep the vectors of texts that are asked for again and again. Pure."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence

import numpy as np

from index.models.model import Vectors

ROOM = 32 * 1024**2
"""Bytes of vectors that are kept: of some 20,000 sentences with the default model. Room that is not used costs nothing.

The sentences that many ask about were read anew with every question: 27 of the 43 ms that one takes.
"""


class Known:
    """What `make` returns for texts; of it, what was asked for last is kept. Safe between threads.

    For a model that says the same of a text whatever stands beside it.
    """

    def __init__(self, make: Callable[[Sequence[str]], Vectors], *, room: int = ROOM) -> None:
        """Keep `room` bytes of vectors, which `make` returns in the shape (n, dimensions)."""
        self._make = make
        self._room = room
        self._rows: OrderedDict[str, int] = OrderedDict()  # of each text its row; what was asked for last is the last
        self._kept: Vectors = np.empty((0, 0), dtype=np.float32)
        self._lock = threading.Lock()

    def __call__(self, texts: Sequence[str]) -> Vectors:
        """Return the vectors of texts, shape (n, dimensions)."""
        if not texts:
            return self._make(texts)
        with self._lock:
            found = {text: self._found(text) for text in texts if text in self._rows}
        fresh = [text for text in dict.fromkeys(texts) if text not in found]
        if fresh:
            made = self._make(fresh)
            with self._lock:
                self._keep(fresh, made)
            found |= dict(zip(fresh, made, strict=True))
        return np.stack([found[text] for text in texts])

    def _found(self, text: str) -> Vectors:
        """Return a vector that is kept: a copy, for its row may be another text's before it is looked at."""
        self._rows.move_to_end(text)
        return np.array(self._kept[self._rows[text]])

    def _keep(self, texts: Sequence[str], vectors: Vectors) -> None:
        if not self._rows:
            most = self._room // max(1, vectors.shape[1] * vectors.itemsize)
            self._kept = np.empty((most, vectors.shape[1]), dtype=vectors.dtype)
        for text, vector in zip(texts, vectors, strict=True):
            if text in self._rows or not len(self._kept):
                continue  # another thread was first
            full = len(self._rows) == len(self._kept)
            self._rows[text] = row = self._rows.popitem(last=False)[1] if full else len(self._rows)
            self._kept[row] = vector
