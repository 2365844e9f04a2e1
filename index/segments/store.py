"""Where segments live: each in a directory of its own, or each as a collection on a Chroma server.

The only module that imports chromadb. Knows nothing of what the rows mean.
"""

import math
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

import httpx
import numpy as np

from index.errors import Damaged, FootnoteError, StoreUnavailable
from index.system.lock import Reading, unread
from index.system.seal import damage, opened, seal

_NAME = "passages"

Collection = Any
"""A collection of chromadb: its stubs do not know `configuration`."""


@dataclass(frozen=True, slots=True)
class Shape:
    """What a new segment will be: its rows, the length of a vector, and whether its graph is denser than usual."""

    rows: int
    dimensions: int
    dense: bool = False


class Opened(Protocol):
    """A segment that was opened for reading."""

    def asked(self, ask: Callable[[Collection], Any]) -> Any:  # noqa: ANN401  whatever Chroma returns
        """Let `ask` ask the collection.

        Raises:
            Damaged: Chroma cannot read it, or it is gone.
            StoreUnavailable: the server does not answer, which says nothing about the segment.
        """

    def close(self) -> None:
        """Let it go. Nobody may ask any more."""


class Store(Protocol):
    """Keeps segments by name. Written once, only read from then on."""

    def making(self, name: str, shape: Shape) -> AbstractContextManager[Collection]:
        """Give a new collection to fill with exactly so many rows; at the end of the `with` it is on the disk."""

    def open(self, name: str) -> Opened:
        """Open a segment for reading, after a check that takes milliseconds.

        Raises:
            Damaged: it is missing or not what was built.
            StoreUnavailable: nobody knows, because the server cannot be reached.
        """

    def examine(self, name: str) -> None:
        """Check every byte, where bytes can be checked. Raises Damaged."""

    def names(self) -> set[str]:
        """Return the names of all segments, finished or not."""

    def remove(self, name: str) -> None:
        """Remove a segment, unless somebody reads it still: then it stays until the next time."""

    def close(self) -> None:
        """Let go of whatever connects to the segments. They stay."""


class Embedded:
    """Segments in directories below one folder, each a Chroma of its own: the form that needs no server."""

    def __init__(self, folder: Path) -> None:
        """Keep segments in `folder`."""
        self._folder = folder

    @contextmanager
    def making(self, name: str, shape: Shape) -> Iterator[Collection]:
        """Give a new collection, and sync it to the disk at the end."""
        directory = self._folder / name
        directory.mkdir(parents=True)
        client = _client(directory)
        try:
            collection = client.create_collection(_NAME, configuration=_hnsw(shape), embedding_function=None)
            yield collection
            _settle(collection, shape)
        finally:
            client.close()
        (directory / Reading.FILE).touch()
        # Without its `index_metadata.pickle` Chroma would take the graph for empty. Of a single row it rewrites all.
        graph = [*directory.rglob("*.bin"), *directory.rglob("*.pickle")] if shape.rows > 1 else []
        seal(directory, sorted(graph))

    def open(self, name: str) -> "_Directory":
        """Open a segment, after comparing sizes and times of its files with its seal."""
        return _Directory(self._folder / name)

    def examine(self, name: str) -> None:
        """Compare the checksums of all files with the seal."""
        opened(self._folder / name, thoroughly=True)

    def names(self) -> set[str]:
        """Return the names of all directories that hold vectors, or were meant to."""
        return {path.name for path in self._folder.iterdir() if path.is_dir()}

    def remove(self, name: str) -> None:
        """Remove a directory that nobody reads."""
        with unread(self._folder / name) as free:
            if free:
                shutil.rmtree(self._folder / name, ignore_errors=True)

    def close(self) -> None:
        """Nothing is held between segments."""


class _Directory:
    """A directory that is read."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        try:
            self._reading = Reading(directory)
        except OSError as error:
            raise Damaged(damage(directory, str(error))) from error
        self._client = None
        try:
            opened(directory)
            self._client = _client(directory)
            self.collection = self._client.get_collection(_NAME, embedding_function=None)
        except Damaged:
            self.close()
            raise
        except Exception as error:  # Chroma's Rust core raises whatever it likes on a broken file
            self.close()
            raise Damaged(damage(directory, str(error))) from error

    def asked(self, ask: Callable[[Collection], Any]) -> Any:  # noqa: ANN401
        """Ask; Chroma's Rust core raises whatever it likes on a broken file."""
        try:
            return ask(self.collection)
        except Exception as error:
            raise Damaged(damage(self._directory, str(error))) from error

    def close(self) -> None:
        if self._client is not None:
            self._client.close()
        self._reading.close()


class Server:
    """Segments as collections on a Chroma server, for several processes or machines.

    A collection that is being filled is as invisible as a directory: no revision names it yet.
    """

    def __init__(self, url: str, *, token: str, library: str) -> None:
        """Keep segments on the server at `url`, which may end in `/tenant/database` where the server has several.

        `library` sets this library's collections apart from all others.
        """
        parts = urlsplit(url)
        self._url = f"{parts.scheme}://{parts.netloc}"
        self._place = parts.path.strip("/").split("/") if parts.path.strip("/") else []
        self._token = token
        self._prefix = f"footnote-{library}-"
        self._connected: Any = None
        self._connecting = threading.Lock()

    @contextmanager
    def making(self, name: str, shape: Shape) -> Iterator[Collection]:
        """Give a new collection."""
        with self.reached(name):
            collection = self._client().create_collection(
                self._prefix + name, configuration=_hnsw(shape), embedding_function=None
            )
            yield collection
            _settle(collection, shape)

    def open(self, name: str) -> "_Collection":
        """Open a collection."""
        with self.reached(name):
            return _Collection(self, name, self._client().get_collection(self._prefix + name, embedding_function=None))

    def examine(self, name: str) -> None:
        """See that the collection is there; its files are the server's."""
        self.open(name).close()

    def names(self) -> set[str]:
        """Return the names of this library's collections."""
        with self.reached():
            found: set[str] = set()
            while page := self._client().list_collections(limit=_PAGE, offset=len(found)):
                found |= {collection.name for collection in page}
                if len(page) < _PAGE:
                    break
        return {name.removeprefix(self._prefix) for name in found if name.startswith(self._prefix)}

    def remove(self, name: str) -> None:
        """Remove a collection. Who reads it still is told that it is gone, and asks the newer revision."""
        with suppress(Damaged), self.reached(name):
            self._client().delete_collection(self._prefix + name)

    def close(self) -> None:
        """Close the connections to the server."""
        if self._connected is not None:
            for session in self._sessions():
                session.close()
            self._connected.close()
            self._connected = None

    @property
    def _where(self) -> str:
        parts = urlsplit(self._url)
        return f"the Chroma server at {parts.scheme}://{parts.hostname}:{parts.port or ''}".rstrip(":")

    @contextmanager
    def reached(self, name: str = "") -> Iterator[None]:
        """Translate errors: only the server's own word that a collection is missing says anything about a segment.

        Whatever else it raises comes from the network, or from a proxy before it.
        """
        import chromadb.errors  # noqa: PLC0415  takes half a second

        try:
            yield
        except FootnoteError:
            raise
        except chromadb.errors.NotFoundError as error:
            message = f"The index {name} is missing on {self._where}. Run `footnote index`: it is built again."
            raise Damaged(message) from error
        except (httpx.HTTPError, chromadb.errors.ChromaError, ValueError) as error:
            raise StoreUnavailable(self._unreachable(error)) from error
        except Exception as error:
            if type(error) is not Exception:  # which is what Chroma raises for an answer it does not understand
                raise
            raise StoreUnavailable(self._unreachable(error)) from error

    def _client(self) -> Any:  # noqa: ANN401
        with self._connecting:  # of two that come first together, one would be forgotten with its sockets
            return self._reconnected()

    def _reconnected(self) -> Any:  # noqa: ANN401
        if self._connected is None:
            import chromadb  # noqa: PLC0415

            parts = urlsplit(self._url)
            # The second is how Chroma Cloud spells it.
            headers = {"Authorization": f"Bearer {self._token}", "X-Chroma-Token": self._token} if self._token else {}
            # Asked once by ourselves: Chroma's client waits for ever, and leaves sockets open where it is refused.
            there = "tenants/{}/databases/{}".format(*self._place) if self._place else "heartbeat"
            httpx.get(f"{self._url}/api/v2/{there}", headers=headers, timeout=_TIMEOUT).raise_for_status()
            self._connected = chromadb.HttpClient(
                host=parts.hostname or "",
                port=parts.port or (443 if parts.scheme == "https" else 80),
                ssl=parts.scheme == "https",
                headers=headers,
                settings=_settings(),
                **dict(zip(("tenant", "database"), self._place, strict=False)),
            )
            for session in self._sessions():
                session.timeout = _TIMEOUT
        return self._connected

    def _sessions(self) -> list[httpx.Client]:
        """Return the HTTP clients of Chroma's, which have no limit of time and which its `close` forgets."""
        return [part._server._session for part in (self._connected, self._connected._admin_client)]  # noqa: SLF001

    def _unreachable(self, error: Exception) -> str:
        reason = (str(error).split("\n")[0] or type(error).__name__)[:160]
        return f"{self._where} cannot be used ({reason}). Start it, or mend [store] url."


class _Collection:
    """A collection on a server that is read."""

    def __init__(self, server: Server, name: str, collection: Collection) -> None:
        self._server = server
        self._name = name
        self._collection = collection

    def asked(self, ask: Callable[[Collection], Any]) -> Any:  # noqa: ANN401
        with self._server.reached(self._name):
            return ask(self._collection)

    def close(self) -> None:
        """Nothing is held."""


_PAGE = 1_000

_TIMEOUT = httpx.Timeout(60.0, connect=5.0)
"""Seconds; adding 4,000 rows to a graph takes about one."""


def _hnsw(shape: Shape) -> dict[str, Any]:
    rows = shape.rows
    # With a threshold of exactly the row count, the last row makes Chroma persist the whole graph; otherwise the
    # rest stays in its log, and every open replays it (1.6 s for 5,000 rows) and rewrites the files. It wants >= 2.
    hnsw: dict[str, Any] = {"space": "cosine", "sync_threshold": max(2, rows), "batch_size": max(2, min(rows, 100))}
    hnsw["ef_search"] = breadth(rows) * (2 if shape.dense else 1)
    return {"hnsw": hnsw | (_DENSE if shape.dense else {})}


_DENSE = {"max_neighbors": 32, "ef_construction": 200}
"""Twice Chroma's own: 1.7 times as long to build and twice to ask, for vectors among which its own graph loses some."""


def breadth(rows: int) -> int:
    """Return how many candidates a search of a graph of so many rows keeps in view (HNSW's `ef`).

    Chroma's own 100 finds 0.86 of the true ten among 100,000 vectors for questions far from all of them, 200 finds
    0.96, 400 finds 0.99 and takes 3.3 ms instead of 1.7; among 1,000, 100 finds all. So it grows by 10 ^ 0.3 with
    every tenfold.
    """
    return max(100, round(100 * math.pow(rows / 1_000, 0.3)))


def _settle(collection: Collection, shape: Shape) -> None:
    """Let Chroma finish what it does only when it is first asked."""
    if shape.rows:
        probe = np.ones((1, shape.dimensions), dtype=np.float32)
        collection.query(query_embeddings=probe, n_results=1, include=[])


def _settings() -> Any:  # noqa: ANN401  its stubs do not know pydantic's `_env_file`
    """Return Chroma's settings in full, because it would otherwise obey a `.env` in the working directory: ours."""
    from chromadb.config import Settings  # noqa: PLC0415

    make: Any = Settings
    return make(_env_file=None, anonymized_telemetry=False, allow_reset=False)


_STARTING = threading.Lock()
"""Clients of one directory share what Chroma starts for the first; a second that comes meanwhile finds it half made."""


def _client(directory: Path) -> Any:  # noqa: ANN401  chromadb types its clients without their `close`
    """Return a client of its own for a directory.

    Raises:
        Damaged: Chroma cannot even start on it.
    """
    import chromadb  # noqa: PLC0415  takes half a second

    settings = _settings()
    settings.is_persistent = True
    try:
        with _STARTING:
            return chromadb.PersistentClient(path=str(directory), settings=settings)
    except Exception as error:
        raise Damaged(damage(directory, str(error))) from error
