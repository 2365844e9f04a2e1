"""The Library: the one door to articles, passages and answers. Synchronous; safe to share between threads.

Its body reads as the recipe; the work is done by the modules it names.
"""

import contextlib
import logging
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self, TypeVar

from llama_index.core.schema import NodeWithScore

from config import Settings
from index import answer
from index.build import Builder, Stop, Watch
from index.chunk import Sizes
from index.embed import Embedder
from index.errors import Damaged, NotIndexed, OtherModel, QuestionError, SourceError
from index.ledger import Ledger, Revision
from index.lexicon import content_words, terms
from index.lock import hold
from index.records import Answer, Article, Hit, Report
from index.retrieve import HybridRetriever, PassageNode, TimedQuery
from index.snapshot import Snapshot

MEGABYTE = 1_000_000
MOST = 1_000
"""Passages that one search returns at most."""

Result = TypeVar("Result")

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Status:
    """What a library holds. `revision` is None before the first indexing; `disk` is in bytes."""

    data: Path
    model: str
    runtime: str
    revision: Revision | None
    disk: int


class Library:
    """The library in one data directory. Close it, or use it in a `with`."""

    def __init__(self, settings: Settings, *, embedder: Embedder | None = None) -> None:
        """Open the data directory of the settings, making it where there is none. Loads neither model nor index.

        Raises:
            Damaged: the ledger cannot be read.
            SourceError: the data directory cannot be made or written.
        """
        self._settings = settings
        self.data = Path(settings.library.data).expanduser()
        _make(self.data)
        self._ledger = Ledger(self.data)
        self._embedder = embedder or Embedder(settings.embedding, models=self.data / "models")
        self._opening = threading.Lock()
        self._mending = threading.Lock()
        self._snapshot: Snapshot | None = None

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.close()

    def close(self) -> None:
        """Release the files."""
        with self._opening:
            if self._snapshot is not None:
                self._snapshot.leave()
                self._snapshot = None
        self._ledger.close()

    def ask(self, question: str) -> Answer:
        """Answer a question with claims that quote the articles; or abstain, naming the nearest articles.

        Raises:
            QuestionError: it is blank, has no words, or is too long.
            NotIndexed, OtherModel: index first.
        """
        query = self._query(question)
        return self._read(lambda snapshot: self._answer(snapshot, query))

    def search(self, question: str, *, limit: int | None = None) -> tuple[Sequence[Hit], Mapping[str, float]]:
        """Return the passages nearest to a question, best first, and the milliseconds each stage took.

        Raises:
            QuestionError, NotIndexed, OtherModel: as `ask`.
        """
        query = self._query(question, limit=limit)
        return self._read(lambda snapshot: self._hits(snapshot, query)), query.watch.stages

    def index(self, folder: Path | None = None, *, watch: Watch = lambda _: None, stop: Stop = lambda: False) -> Report:
        """Bring the library in step with a folder; None is the one of the settings, else the last one, else the seeds.

        Raises:
            Busy: another process or thread is indexing.
            SourceError: the folder is missing or holds no article; nothing changed.
            Cancelled: `stop` said so; nothing changed.
            ModelUnavailable: the embedding model cannot be had; nothing changed.
        """
        with hold(self.data, "writer", doing="indexing"):
            report = self._builder().build(self.folder(folder), watch=watch, stop=stop)
            self._openable()
        return report

    def folder(self, given: Path | None = None) -> Path:
        """Return the folder that `index` would read."""
        if given is not None or self._settings.library.articles:
            return (given or Path(self._settings.library.articles)).expanduser().resolve()
        current = self._ledger.current()
        return Path(current.folder) if current else seeds()

    def newest(self, *, limit: int, offset: int = 0) -> list[Article]:
        """Return articles without their text, newest first."""
        return self._ledger.newest(self._revision().number, limit=limit, offset=offset)

    def status(self) -> Status:
        """Return what the library holds."""
        disk = sum(_size(path) for path in self.data.rglob("*"))
        return Status(self.data, self._embedder.name, self._embedder.runtime, self._ledger.current(), disk)

    def revision(self) -> Revision | None:
        """Return the revision that is served, or None before the first indexing."""
        return self._ledger.current()

    def warm(self) -> None:
        """Load what the first question needs, so that nobody waits for it."""
        self._embedder.question("warm")
        with contextlib.suppress(NotIndexed, OtherModel):
            self._read(lambda snapshot: snapshot.segment.count)

    def fits(self) -> None:
        """Load the model and compare it with the one that the index was made with.

        Raises:
            ModelUnavailable, OtherModel: as the message says.
            NotIndexed: there is nothing to compare it with.
        """
        self._fits(self._revision())

    def check(self) -> str:
        """Verify ledger and index thoroughly; return what is wrong, or nothing.

        Raises:
            NotIndexed: there is nothing to check.
        """
        revision = self._revision()
        if not self._ledger.is_sound():
            return f"{self._ledger.path} is damaged: restore it from a backup."
        return self._builder().problem(revision)

    def as_retriever(self) -> HybridRetriever:
        """Return a llama-index retriever over the current revision, for use with anything that takes one."""
        return self._retriever(self._current())

    def _answer(self, snapshot: Snapshot, query: TimedQuery) -> Answer:
        hits = self._hits(snapshot, query)
        with query.watch.stage("judge"):
            judged = self._judge(snapshot, query, hits)
        with query.watch.stage("compose"):
            claims, citations = answer.compose(judged, settings=self._settings.answer, analyse=terms)
        return Answer(
            question=query.query_str,
            claims=claims,
            citations=citations,
            nearest=() if claims else answer.nearest(hits, limit=self._settings.answer.nearest),
            unknown_words=() if claims else self._unknown(snapshot, query.query_str),
            probability=max((sure for _, sure in judged), default=0.0),
            revision=snapshot.revision.number,
            hits=tuple(hits),
            timings=query.watch.stages,
        )

    def _judge(self, snapshot: Snapshot, query: TimedQuery, hits: Sequence[Hit]) -> list[tuple[answer.Sentence, float]]:
        """Give each candidate sentence the probability that it answers."""
        found = answer.candidates(hits)
        if not found:
            return []
        meanings = self._embedder.sentences([sentence.text for sentence in found]) @ query.vector
        weights = snapshot.lexicon.weights(list(content_words(query.query_str)))
        return [
            (s, answer.probability(answer.features(s, meaning=float(meaning), weights=weights, analyse=terms)))
            for s, meaning in zip(found, meanings, strict=True)
        ]

    def _unknown(self, snapshot: Snapshot, question: str) -> tuple[str, ...]:
        words = content_words(question)
        return tuple(written for term, written in words.items() if not snapshot.lexicon.knows(term))

    def _hits(self, snapshot: Snapshot, query: TimedQuery) -> list[Hit]:
        nodes: list[NodeWithScore] = self._retriever(snapshot).retrieve(query)
        return [node.node.hit for node in nodes if isinstance(node.node, PassageNode)]

    def _retriever(self, snapshot: Snapshot) -> HybridRetriever:
        return HybridRetriever(
            snapshot, ledger=self._ledger, embedder=self._embedder, settings=self._settings.retrieval
        )

    def _query(self, question: str, *, limit: int | None = None) -> TimedQuery:
        problem = answer.check_question(question, longest=self._settings.answer.longest_question)
        if problem:
            raise QuestionError(problem)
        clean = question.encode("utf-8", "replace").decode()  # a terminal may hand us half a character
        return TimedQuery(" ".join(clean.split()), limit=limit and min(limit, MOST))

    def _read(self, work: Callable[[Snapshot], Result]) -> Result:
        """Do something with the current revision. A damaged segment is built again, once, and asked again."""
        try:
            with self._reading() as snapshot:
                return work(snapshot)
        except Damaged as damage:
            log.warning("%s Building it again from the ledger.", damage)
            self._mend()
            with self._reading() as snapshot:
                return work(snapshot)

    @contextlib.contextmanager
    def _reading(self) -> Iterator[Snapshot]:
        snapshot = self._current()
        while not snapshot.enter():  # its last reader left between our look and our entering
            snapshot = self._current()
        try:
            yield snapshot
        finally:
            snapshot.leave()

    def _current(self) -> Snapshot:
        """Return the snapshot of the revision that the ledger names, whichever process made it."""
        revision = self._revision()
        with self._opening:
            if self._snapshot is None or self._snapshot.revision != revision:
                self._fits(revision)
                fresh = Snapshot(self.data, revision)
                if self._snapshot is not None:
                    self._snapshot.leave()
                self._snapshot = fresh
            return self._snapshot

    def _revision(self) -> Revision:
        revision = self._ledger.current()
        if revision is None:
            message = f"Nothing has been indexed in {self.data} yet. Run: footnote index FOLDER"
            raise NotIndexed(message)
        return revision

    def _fits(self, revision: Revision) -> None:
        """Refuse to ask an index with the vectors of another model than it was made with."""
        same_name = revision.model == self._embedder.name
        if not same_name or self._embedder.fingerprint != revision.fingerprint:
            message = (
                f"{self.data} was indexed with the model {revision.model!r}, and the settings name "
                f"{self._embedder.name!r}{' in another version' if same_name else ''}. Run `footnote index` to build "
                "the index for it, or set [embedding] model back."
            )
            raise OtherModel(message)

    def _mend(self) -> None:
        """Build the current segment again from the ledger, without the model, unless somebody just did."""
        with self._mending, hold(self.data, "writer", doing="rebuilding a damaged index"):
            revision = self._revision()
            if self._builder().problem(revision):
                self._builder().rebuild(revision)

    def _openable(self) -> None:
        """Rebuild the current segment if it cannot even be opened. The caller holds the writer's lock."""
        revision = self._revision()
        try:
            Snapshot(self.data, revision).leave()
        except Damaged:
            self._builder().rebuild(revision)

    def _builder(self) -> Builder:
        chunk = self._settings.chunk
        return Builder(
            self.data,
            ledger=self._ledger,
            embedder=self._embedder,
            sizes=lambda: Sizes(self._embedder.limit, chunk.size, chunk.overlap),
            chunking=f"{chunk.size}/{chunk.overlap}/{self._embedder.prefixes}",
            largest=self._settings.library.largest_file_mb * MEGABYTE,
        )


def seeds() -> Path:
    """Return the folder of articles that comes with the install."""
    import seeds as package  # noqa: PLC0415  only to find it

    return Path(next(iter(package.__path__)))


def _size(path: Path) -> int:
    """Return a file's size; one that a reindex removes under our eyes has none."""
    try:
        return path.stat().st_size if path.is_file() else 0
    except OSError:
        return 0


def _make(data: Path) -> None:
    try:
        data.mkdir(parents=True, exist_ok=True)
        (data / "segments").mkdir(exist_ok=True)
    except OSError as error:
        reason = (error.strerror or "unknown error").lower()
        message = f"The data directory {data} cannot be used: {reason}. Name another with --data."
        raise SourceError(message) from error
