"""Immutable Chroma segments: build one, open one, ask it. The only module that imports chromadb.

A segment holds passage numbers and vectors and nothing else; texts are the ledger's. It is written once, in a
directory of its own, and only read from then on: Chroma's own files do not survive writing while they are served.
"""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from index.embed import Vectors
from index.errors import Damaged
from index.records import PassageId
from index.seal import damage, opened, seal

_NAME = "passages"
_ROWS = 4_000
"""Rows added at once; Chroma takes at most 5,461."""


class Segment:
    """A segment that was opened for reading. Safe to share between threads."""

    def __init__(self, directory: Path) -> None:
        """Open a segment.

        Raises:
            Damaged: it is missing, cut short, or Chroma cannot read it.
        """
        self.directory = directory
        facts = opened(directory)
        self.count = int(facts["passages"])
        self._rows = int(facts["rows"])
        self._twins = {PassageId(int(first)): others for first, others in facts["twins"].items()}
        self._client = _client(directory)
        try:
            self._collection = self._client.get_collection(_NAME, embedding_function=None)
            rows = self._collection.count()
        except Exception as error:  # Chroma's Rust core raises whatever it likes on a broken file
            self._client.close()
            raise Damaged(damage(directory, str(error))) from error
        if rows != self._rows:
            self._client.close()
            raise Damaged(damage(directory, f"it has {rows} of {self._rows} rows"))

    def nearest(self, question: Vectors, *, limit: int) -> dict[PassageId, float]:
        """Return the passages nearest to a vector of shape (dimensions,) with their cosines, best first."""
        if not self.count:
            return {}
        try:
            found = self._collection.query(
                query_embeddings=question[np.newaxis, :], n_results=min(limit, self._rows), include=["distances"]
            )
        except Exception as error:  # as above
            raise Damaged(damage(self.directory, str(error))) from error
        distances = found["distances"] or [[]]
        nearest: dict[PassageId, float] = {}
        for number, distance in zip(found["ids"][0], distances[0], strict=True):
            first = PassageId(int(number))
            for passage in (first, *self._twins.get(first, ())):
                nearest[passage] = 1.0 - distance
        return nearest

    def close(self) -> None:
        """Release the files. Nobody may ask any more."""
        self._client.close()


def build(directory: Path, batches: Callable[[], Iterable[tuple[Sequence[PassageId], Vectors]]]) -> None:
    """Write a segment into a new directory, and sync it to the disk.

    `batches` yields (ids, unit vectors of shape (n, dimensions)), the same each time it is called. Equal vectors
    become one row with twins: hundreds of equal rows make others unfindable in an HNSW graph (320 among 1,000: 109).
    """
    firsts: dict[bytes, PassageId] = {}
    twins: dict[PassageId, list[PassageId]] = {}
    passages = 0
    for ids, vectors in batches():
        passages += len(ids)
        for number, vector in zip(ids, vectors, strict=True):
            first = firsts.setdefault(hashlib.sha256(vector.tobytes()).digest()[:16], number)
            if first != number:
                twins.setdefault(first, []).append(number)
    rows = len(firsts)
    directory.mkdir(parents=True)
    _fill(directory, batches, rows=rows, kept=set(firsts.values()))
    graph = directory.rglob("*.bin") if rows > 1 else ()  # of a single row Chroma rewrites them at every open
    seal(directory, sorted(graph), passages=passages, rows=rows, twins=twins)


def _fill(
    directory: Path,
    batches: Callable[[], Iterable[tuple[Sequence[PassageId], Vectors]]],
    *,
    rows: int,
    kept: set[PassageId],
) -> None:
    client = _client(directory)
    # With a threshold of exactly the row count, the last row makes Chroma persist the whole graph; otherwise the
    # rest stays in its log, and every open replays it (1.6 s for 5,000 rows) and rewrites the files. It wants >= 2.
    hnsw = {"space": "cosine", "sync_threshold": max(2, rows), "batch_size": max(2, min(rows, 100))}
    collection = client.create_collection(_NAME, configuration={"hnsw": hnsw}, embedding_function=None)
    for ids, vectors in batches():
        chosen = [at for at, number in enumerate(ids) if number in kept]
        for at in range(0, len(chosen), _ROWS):
            some = chosen[at : at + _ROWS]
            collection.add(ids=[str(ids[row]) for row in some], embeddings=vectors[some])
    if rows:
        probe = np.ones((1, vectors.shape[1]), dtype=np.float32)
        collection.query(query_embeddings=probe, n_results=1, include=[])  # lets Chroma finish what it does lazily
    client.close()


def _client(directory: Path) -> Any:  # noqa: ANN401  chromadb types its clients without their `close`
    """Return a client of its own for a directory.

    Raises:
        Damaged: Chroma cannot even start on it.
    """
    import chromadb  # noqa: PLC0415  takes a second
    from chromadb.config import Settings  # noqa: PLC0415

    # Given in full, because Chroma would otherwise obey a `.env` in the working directory, which may well be ours.
    make: Any = Settings  # its stubs do not know pydantic's `_env_file`
    settings = make(_env_file=None, is_persistent=True, anonymized_telemetry=False, allow_reset=False)
    try:
        return chromadb.PersistentClient(path=str(directory), settings=settings)
    except Exception as error:
        raise Damaged(damage(directory, str(error))) from error
