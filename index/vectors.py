"""Immutable Chroma segments: build one, open one, ask it. The only module that imports chromadb.

A segment holds passage numbers and vectors and nothing else; texts are the ledger's. It is written once, in a
directory of its own, and only read from then on: Chroma's own files do not survive writing while they are served.
"""

import hashlib
import json
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from index.embed import Vectors
from index.errors import Damaged
from index.records import PassageId

_NAME = "passages"
_MANIFEST = "segment.json"
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
        self.count = _checked(directory)
        self._client = _client(directory)
        try:
            self._collection = self._client.get_collection(_NAME, embedding_function=None)
            rows = self._collection.count()
        except Exception as error:  # Chroma's Rust core raises whatever it likes on a broken file
            self._client.close()
            raise Damaged(_damage(directory, str(error))) from error
        if rows != self.count:
            self._client.close()
            raise Damaged(_damage(directory, f"it has {rows} of {self.count} rows"))

    def nearest(self, question: Vectors, *, limit: int) -> dict[PassageId, float]:
        """Return the passages nearest to a vector of shape (dimensions,) with their cosines, best first."""
        if not self.count:
            return {}
        try:
            found = self._collection.query(
                query_embeddings=question[np.newaxis, :], n_results=min(limit, self.count), include=["distances"]
            )
        except Exception as error:  # as above
            raise Damaged(_damage(self.directory, str(error))) from error
        distances = found["distances"] or [[]]
        return {PassageId(int(i)): 1.0 - d for i, d in zip(found["ids"][0], distances[0], strict=True)}

    def close(self) -> None:
        """Release the files. Nobody may ask any more."""
        self._client.close()


def build(directory: Path, batches: Iterable[tuple[Sequence[PassageId], Vectors]], *, rows: int) -> None:
    """Write a segment of exactly `rows` passages into a new directory, and sync it to the disk.

    `batches` yields (ids, unit vectors of shape (n, dimensions)).
    """
    directory.mkdir(parents=True)
    client = _client(directory)
    # With a threshold of exactly the row count, the last row makes Chroma persist the whole graph; otherwise the
    # rest stays in its log, and every open replays it (1.6 s for 5,000 rows) and rewrites the files. It wants >= 2.
    hnsw = {"space": "cosine", "sync_threshold": max(2, rows), "batch_size": max(2, min(rows, 100))}
    collection = client.create_collection(_NAME, configuration={"hnsw": hnsw}, embedding_function=None)
    for ids, vectors in batches:
        for at in range(0, len(ids), _ROWS):
            some = [str(i) for i in ids[at : at + _ROWS]]
            collection.add(ids=some, embeddings=vectors[at : at + _ROWS])
    if rows:
        probe = np.ones((1, vectors.shape[1]), dtype=np.float32)
        collection.query(query_embeddings=probe, n_results=1, include=[])  # lets Chroma finish what it does lazily
    client.close()
    _seal(directory, rows=rows)


def digests_match(directory: Path) -> bool:
    """Whether the graph's files are, byte for byte, what was built. Reads them all."""
    try:
        manifest = json.loads((directory / _MANIFEST).read_text())
        return all(_sha256(directory / name) == digest for name, (_, digest) in manifest["files"].items())
    except (OSError, ValueError, KeyError):
        return False


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
        raise Damaged(_damage(directory, str(error))) from error


def _seal(directory: Path, *, rows: int) -> None:
    """Write down what the graph's files are, and sync everything."""
    graph = [path for path in sorted(directory.rglob("*.bin")) if rows > 1]  # of a single row Chroma rewrites them
    files = {path.relative_to(directory).as_posix(): (path.stat().st_size, _sha256(path)) for path in graph}
    (directory / _MANIFEST).write_text(json.dumps({"rows": rows, "files": files}))
    for path in [*directory.rglob("*"), directory, directory.parent]:
        _fsync(path)


def _checked(directory: Path) -> int:
    """Return the row count of a segment whose files are all there at their full size."""
    try:
        manifest = json.loads((directory / _MANIFEST).read_text())
        rows = int(manifest["rows"])
        for name, (size, _) in manifest["files"].items():
            if (directory / name).stat().st_size != size:
                raise Damaged(_damage(directory, f"{name} has another size"))
        if not (directory / "chroma.sqlite3").stat().st_size:
            raise Damaged(_damage(directory, "its database is empty"))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise Damaged(_damage(directory, str(error))) from error
    return rows


def _damage(directory: Path, reason: str) -> str:
    return f"The index segment {directory.name} is damaged ({reason[:200]}). Run `footnote index`: it is built again."


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _fsync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
