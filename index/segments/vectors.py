"""Segments of vectors: build one, ask one. Texts are the ledger's; what Chroma needs is in `store`."""

import hashlib
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from index.errors import Damaged
from index.models.embed import Vectors
from index.records import Facts, PassageId
from index.segments.store import Shape, Store

ROWS = 4_000
"""Rows added at once; Chroma takes at most 5,461."""

SCANNED = 2_000
"""Rows up to which a segment that is to be asked `quickly` is read into memory and scanned: 3 MB of 384 dimensions.

1,000 rows take 0.05 ms instead of the 1.4 of a search of Chroma's, and 40 ms to read, once.
"""

Numbers = NDArray[np.int64]
Batches = Callable[[], Iterable[tuple[Numbers, Vectors]]]
"""Yields (numbers of shape (n,), unit vectors of shape (n, dimensions)), the same each time it is called."""


class Segment:
    """A segment that was opened for reading. Safe to share between threads."""

    def __init__(self, store: Store, facts: Facts, *, quickly: bool = False) -> None:
        """Open a segment; to be asked `quickly`, a small one is read into memory.

        Raises:
            Damaged: it is missing, cut short, or Chroma cannot read it.
        """
        self.facts = facts
        self._opened = store.open(facts.name)
        self._rows = facts.rows
        self._held: tuple[Numbers, Vectors] | None = None
        try:
            self._count()
            if quickly and 0 < self._rows <= SCANNED:
                self._held = self._read()
        except Exception:
            self._opened.close()
            raise

    def nearest(
        self, question: Vectors, *, limit: int, dead: Collection[PassageId] = frozenset()
    ) -> dict[PassageId, float]:
        """Return the passages nearest to a vector of shape (dimensions,) with their cosines, best first.

        Those in `dead` are left out; more are asked for until `limit` others are found, or there are no more.
        """
        asked = limit + min(len(dead), limit // 4)
        while self._rows:
            rows = min(asked, self._rows)
            found = dict(self._living(question, rows=rows, dead=dead))
            if len(found) >= limit or rows == self._rows:
                return found
            asked *= 2
        return {}

    def find(self, vectors: Vectors) -> list[tuple[PassageId | None, float]]:
        """Return for each of n vectors, shape (n, dimensions), the row that is nearest to it, and their cosine."""
        found = self._opened.asked(
            lambda collection: collection.query(query_embeddings=vectors, n_results=1, include=["distances"])
        )
        nearest = zip(found["ids"], found["distances"] or [], strict=True)
        return [(PassageId(int(ids[0])), 1.0 - distances[0]) if ids else (None, -1.0) for ids, distances in nearest]

    def vectors(self, rows: Sequence[PassageId]) -> Vectors:
        """Return the vectors that are stored for some rows, shape (n, dimensions)."""
        if not rows:
            return np.empty((0, 0), dtype=np.float32)
        names = [str(row) for row in rows]
        once = list(dict.fromkeys(names))
        found = self._opened.asked(lambda collection: collection.get(ids=once, include=["embeddings"]))
        stored = dict(zip(found["ids"], found["embeddings"], strict=True))
        return np.array([stored[name] for name in names], dtype=np.float32)

    def numbers(self) -> Iterator[int]:
        """Yield the numbers of all rows."""
        for offset in range(0, self._rows + 1, _LISTED):
            page = self._opened.asked(partial(_listed, offset=offset))
            yield from map(int, page["ids"])

    def close(self) -> None:
        """Release the files. Nobody may ask any more."""
        self._opened.close()

    def _count(self) -> None:
        rows = int(self._opened.asked(lambda collection: collection.count()))
        if rows != self._rows:
            raise Damaged(self._damage(f"it has {rows} of {self._rows} rows"))

    def _living(
        self, question: Vectors, *, rows: int, dead: Collection[PassageId]
    ) -> Iterator[tuple[PassageId, float]]:
        for first, cosine in _scanned(*self._held, question, rows) if self._held else self._searched(question, rows):
            for passage in (first, *self.facts.twins.get(first, ())):
                if passage not in dead:
                    yield passage, cosine

    def _searched(self, question: Vectors, rows: int) -> Iterator[tuple[PassageId, float]]:
        found = self._opened.asked(
            lambda collection: collection.query(
                query_embeddings=question[np.newaxis, :], n_results=rows, include=["distances"]
            )
        )
        distances = found["distances"] or [[]]
        for number, distance in zip(found["ids"][0], distances[0], strict=True):
            yield PassageId(int(number)), 1.0 - distance

    def _read(self) -> tuple[Numbers, Vectors]:
        """Return the numbers and the vectors of all rows."""
        found = self._opened.asked(lambda collection: collection.get(include=["embeddings"]))
        vectors = np.asarray(found["embeddings"], dtype=np.float32)
        if len(vectors) != self._rows:
            raise Damaged(self._damage(f"it has {len(vectors)} of {self._rows} vectors"))
        return np.array([int(number) for number in found["ids"]], dtype=np.int64), vectors

    def _damage(self, reason: str) -> str:
        return f"The index {self.facts.name} is damaged ({reason[:200]}). Run `footnote index`: it is built again."


def _scanned(numbers: Numbers, vectors: Vectors, question: Vectors, rows: int) -> Iterator[tuple[PassageId, float]]:
    cosines = vectors @ question
    for at in np.argsort(-cosines)[:rows]:
        yield PassageId(int(numbers[at])), float(cosines[at])


_LISTED = 10_000


def _listed(collection: Any, *, offset: int) -> Any:  # noqa: ANN401  whatever Chroma returns
    return collection.get(include=[], limit=_LISTED, offset=offset)


def build(
    store: Store, name: str, batches: Batches, *, dense: bool = False
) -> tuple[int, dict[PassageId, tuple[PassageId, ...]]]:
    """Write a new segment; return how many rows it has, and which passages share the row of another one.

    A `dense` graph takes longer to build and to ask, and loses fewer.
    Equal vectors become one row with twins: hundreds of equal rows make others unfindable in an HNSW graph (320 among
    1,000 hid 109). Holds 24 bytes a passage in memory besides a batch; the graph that Chroma builds is larger.
    """
    numbers, firsts, dimensions = _firsts(batches)
    kept = numbers[firsts == numbers]
    twins: dict[PassageId, tuple[PassageId, ...]] = {}
    for number, first in zip(numbers[firsts != numbers], firsts[firsts != numbers], strict=True):
        twins[PassageId(int(first))] = (*twins.get(PassageId(int(first)), ()), PassageId(int(number)))
    with store.making(name, Shape(len(kept), dimensions, dense)) as collection:
        for ids, vectors in batches():
            chosen = np.flatnonzero(kept[np.searchsorted(kept, ids).clip(max=len(kept) - 1)] == ids)
            for at in range(0, len(chosen), ROWS):
                some = chosen[at : at + ROWS]
                collection.add(ids=[str(number) for number in ids[some]], embeddings=vectors[some])
    return len(kept), twins


def _firsts(batches: Batches) -> tuple[Numbers, Numbers, int]:
    """Return all numbers, for each the first number that has an equal vector, and the length of a vector."""
    numbers: list[Numbers] = [np.empty(0, dtype=np.int64)]
    digests: list[NDArray[np.uint64]] = [np.empty((0, 2), dtype=np.uint64)]
    dimensions = 0
    for ids, vectors in batches():
        joined = b"".join(hashlib.sha256(vector.tobytes()).digest()[:16] for vector in vectors)
        numbers.append(np.asarray(ids, dtype=np.int64))
        digests.append(np.frombuffer(joined, dtype=np.uint64).reshape(-1, 2))
        dimensions = vectors.shape[1]
    every = np.concatenate(numbers)
    _, where, groups = np.unique(np.concatenate(digests), axis=0, return_index=True, return_inverse=True)
    return every, every[where][groups.reshape(-1)], dimensions
