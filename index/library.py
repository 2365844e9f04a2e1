"""The Library: the one door to articles, passages and answers. Synchronous; safe to share between threads.

Its body reads as the recipe; the work is done by the modules it names.
"""

import contextlib
import datetime as dt
import logging
import os
import re
import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Self, TypeVar

from pydantic import SecretStr

from config import Settings
from config.sources import ADDED
from index.articles.acquire import Acquisitions, Sent, Supply, Understood, supplies
from index.articles.collection import Collection as Articles
from index.articles.collection import Places
from index.articles.gather import Gatherer
from index.articles.holdings import Clock, Holdings, utc
from index.asking import answer, followup, when
from index.asking.compose import Candidate
from index.asking.judge import judge_of
from index.asking.respond import Responder
from index.asking.retrieve import HybridRetriever, TimedQuery
from index.browsing import alike
from index.browsing.alike import ALIKE
from index.browsing.catalogue import Catalogue
from index.browsing.examples import Examples
from index.browsing.shelfmark import Shelfmarks
from index.building.build import MEGABYTE, Builder, Ways
from index.errors import Busy, Damaged, NothingToUndo, NotIndexed, OtherModel, SourceError, Superseded
from index.models.embed import Embedder
from index.models.rerank import Reranker
from index.progress import Stop, Watch
from index.reading.parsers import Limits, Parsers
from index.records import (
    Answer,
    Article,
    ArticleId,
    Failure,
    Hit,
    Outlet,
    Passage,
    Plan,
    Progress,
    Report,
    Revision,
    Turn,
    Version,
)
from index.rescue.restore import settle
from index.segments.audit import report
from index.segments.make import store_of
from index.segments.replica import Replica
from index.segments.served import Served
from index.segments.snapshot import Snapshot
from index.segments.worker import Place
from index.stories import groups
from index.text.chunk import Sizes, chunk
from index.truth.ledger import Ledger, digest_of
from index.web.fetch import Fetcher

MOST = 1_000
"""Passages that one search returns at most."""

FRESH = dt.timedelta(minutes=15)
"""How long what a plan fetched is new enough for the reindex that somebody agrees to."""

TRIES = 5
"""Times a question is asked anew because the revision it read was replaced twice meanwhile."""


def quiet(_: Progress) -> None:
    """Watch nothing."""


def never() -> bool:
    """Never stop."""
    return False


Result = TypeVar("Result")

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Status:
    """What a library holds. `revision` is None before the first indexing; `disk` is in bytes.

    `reranker` names the reranking model and what runs it; empty where nothing is reranked. `copies` counts the articles
    that are copies of others.
    """

    data: Path
    model: str
    runtime: str
    revision: Revision | None
    disk: int
    reranker: str = ""
    copies: int = 0


class Library:
    """The library in one data directory. Close it, or use it in a `with`."""

    def __init__(
        self,
        settings: Settings,
        *,
        embedder: Embedder | None = None,
        fetcher: Fetcher | None = None,
        today: Callable[[], dt.date] = dt.date.today,
        now: Clock = utc,
    ) -> None:
        """Open the data directory of the settings, making it where there is none. Loads neither model nor index.

        `today` is the day that "last week" is counted from, `now` the moment that pages are fetched at, by `fetcher`.

        Raises:
            Damaged: the ledger cannot be read.
            SourceError: the data directory cannot be made or written.
        """
        self._settings = settings
        self._today = today
        self.data = Path(settings.library.data).expanduser()
        _make(self.data)
        settle(self.data)
        store = settings.store
        self._place = Place(self.data, url=store.url, token=_secret(store.token), database=_secret(store.database))
        self._ledger = Ledger(self.data, self._place.database)
        self._embedder = embedder or Embedder(settings.embedding, models=self.data / "models")
        self._reranker = (
            Reranker(settings.rerank, like=settings.embedding, models=self.data / "models" / "rerankers")
            if settings.rerank.model
            else None
        )
        self._store = store_of(self._place, self._ledger)
        self._replica = Replica(self.data, ledger=self._ledger, store=self._store)
        self._served = Served(
            self.data,
            ledger=self._ledger,
            store=self._store,
            replica=self._replica,
            fits=self._fits,
            dimensions=lambda: self._embedder.dimensions,
        )
        self._now = now
        self._holdings = Holdings(self._ledger, now=now)
        self._fetcher = fetcher
        self._gathered: tuple[dt.datetime, list[Failure]] | None = None
        self._mending = threading.Lock()
        self._examples = Examples(self.ask, longest=settings.answer.longest_question)
        self._judge = judge_of(self.data)
        self._shelfmarks = Shelfmarks()
        self._copies = lru_cache(maxsize=2)(lambda revision: groups.count(self._ledger, revision))

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.close()

    def close(self) -> None:
        """Release the files."""
        self._served.close()
        self._store.close()
        self._ledger.close()

    def ask(self, question: str, history: Sequence[Turn] = ()) -> Answer:
        """Answer a question with claims that quote the articles; or abstain, naming the nearest articles.

        `history` are the turns before it, oldest first: a question that leans on them is completed with their words.

        Raises:
            QuestionError: it is blank, has no words, or is too long.
            NotIndexed, OtherModel: index first.
        """
        query = self._query(question)
        return self._read(lambda snap: self._responder(snap).answer(self._completed(snap, query, history)))

    def search(
        self, question: str, history: Sequence[Turn] = (), *, limit: int | None = None
    ) -> tuple[Sequence[Hit], Mapping[str, float]]:
        """Return the passages nearest to a question, best first, and the milliseconds each stage took.

        `history` is that of `ask`.

        Raises:
            QuestionError, NotIndexed, OtherModel: as `ask`.
        """
        query = self._query(question, limit=limit)
        hits = self._read(lambda snap: self._responder(snap).hits(self._completed(snap, query, history)))
        return hits, query.watch.stages

    def judged(self, question: str, history: Sequence[Turn] = ()) -> list[Candidate]:
        """Return the sentences that may answer a question, and what the judge sees of each. Raises as `ask`."""
        query = self._query(question)

        def see(snapshot: Snapshot) -> list[Candidate]:
            completed, responder = self._completed(snapshot, query, history), self._responder(snapshot)
            return responder.candidates(completed, responder.hits(completed))

        return self._read(see)

    def plan(self, folder: Path | None = None, *, watch: Watch = quiet, stop: Stop = never) -> Plan:
        """Find out what `index` would do; changes nothing that anybody sees. Raises as `index`.

        What is new of the web is fetched for it; an `index` that follows does not fetch it again.
        """
        with self._ledger.alone(doing="planning a reindex"):
            failed = self._gather(watch=watch, stop=stop)
            self._gathered = self._now(), failed
            articles = self._articles(folder)
            return self._builder().plan(articles, failed=failed, trusted=self._on_seeds(), watch=watch, stop=stop)

    def index(
        self, folder: Path | None = None, *, agreed: bool = False, watch: Watch = quiet, stop: Stop = never
    ) -> Report:
        """Bring the library in step with a folder, and with the sources of the settings and what people added.

        None is the folder of the settings, else the last one, else the seeds, where there are no sources.

        Raises:
            Busy: another process or thread is indexing.
            SourceError: the folder is missing and there is nothing else, or there is no article; nothing changed.
            TooMuchGone: much would be removed, and nobody `agreed` to it; nothing changed.
            Cancelled: `stop` said so; nothing changed.
            ModelUnavailable: the embedding model cannot be had; nothing changed.
        """
        with self._ledger.alone(doing="indexing"):
            failed = self._just_gathered()
            if failed is None:
                failed = self._gather(watch=watch, stop=stop)
            agreed = agreed or self._on_seeds()
            self._settle()
            articles = self._articles(folder)
            done = self._builder().build(articles, failed=failed, agreed=agreed, watch=watch, stop=stop)
            self._note_visits(articles)
            self._openable()
        return done

    def fetch(self, url: str) -> Sent:
        """Fetch a page or a file of the web, for `understand` and `add`; nothing is kept of it yet.

        Raises:
            SourceError: it cannot be fetched, or is no article; its message is the end of a sentence.
        """
        return self._acquisitions().fetch(url, self._fetching())

    def file(self, name: str, data: bytes) -> Sent:
        """Take a file, for `understand` and `add`; nothing is kept of it yet. Raises SourceError as `fetch` does."""
        return self._acquisitions().file(name, data)

    def check_file(self, name: str, size: int) -> None:
        """Look whether a file of so many bytes can be taken, before it is fetched. Raises SourceError as `file`."""
        self._acquisitions().check_file(name, size)

    def understand(self, sent: Sent) -> Understood:
        """Return what was sent as the article it would become, and in how many passages; keeps nothing.

        Raises:
            SourceError: there is no article in it.
            ModelUnavailable: the embedding model, whose word pieces are counted, cannot be had.
        """
        article = self._acquisitions().article(sent)
        pieces = chunk(article, count=self._embedder.count, sizes=self._sizes())
        if not pieces:
            message = "has headings but no text"
            raise SourceError(message)
        replaces = bool(self._holdings.get([sent.key])) or self._served_already(article.id)
        return Understood(sent, article, len(pieces), replaces)

    def add(
        self, sent: Sequence[Sent], *, later: bool = False, watch: Watch = quiet, stop: Stop = never
    ) -> Report | None:
        """Keep what was sent, and make it part of the library at once; `later`: at the next reindex, and return None.

        It stays through every reindex until it is removed. Raises as `index`; it is kept then all the same.
        """
        with self._ledger.alone(doing="adding articles"):
            self._acquisitions().hold(sent)
            return None if later else self._step([ArticleId(one.key) for one in sent], watch=watch, stop=stop)

    def remove(self, ids: Sequence[ArticleId], *, watch: Watch = quiet, stop: Stop = never) -> Report | None:
        """Take articles out that were added, or that a feed or a sitemap brought; these stay out from then on.

        Returns None where none of them was served.

        Raises:
            SourceError: one is a file of a folder or named in the settings, or nothing would be left.
            Busy: another process or thread is indexing.
            Cancelled: `stop` said so. Whatever is raised, nothing changed.
        """
        with self._ledger.alone(doing="removing articles"):
            current = self._ledger.current()
            served = [id_ for id_ in ids if self._served_already(id_)]
            if current is not None and len(set(served)) >= current.articles:
                message = "That is all there is: a library without any article cannot be asked. Add another one first."
                raise SourceError(message)
            self.check_removal(ids)
            if served:
                return self._step(served, removed=ids, watch=watch, stop=stop)
            self._acquisitions().release(ids)
            return None

    def check_removal(self, ids: Sequence[ArticleId]) -> None:
        """Look whether `remove` would take articles out.

        Raises:
            SourceError: one is a file of a folder or named in the settings.
        """
        folders = ["", *(source.called for source in self._settings.source if source.folder)]
        served = [article for id_ in ids if (article := self._served_as(id_)) is not None]
        loose = [article.id for article in served if article.origin not in folders]
        self._acquisitions().check_release(ids, self._settings.source, loose=loose)

    @property
    def largest(self) -> int:
        """How many bytes a file may have."""
        return self._settings.library.largest_file_mb * MEGABYTE

    def find(self, name: str) -> list[ArticleId]:
        """Return the ids of the articles that an id or the address of a page means; none where nothing is called so."""
        current = self._ledger.current()
        return self._acquisitions().find(name, Catalogue(self._ledger) if current else None)

    def sources(self) -> list[Supply]:
        """Return where articles come from: folder, sources of the settings, what was added; and how each stands."""
        folder = self.folder()
        counts = Catalogue(self._ledger).origins()
        return supplies(str(folder or ""), self._settings.source, self._holdings, counts=counts)

    def history(self, id_: ArticleId) -> list[Version]:
        """Return what an article was before it changed, the newest first; at most twenty versions."""
        return Catalogue(self._ledger).history(id_)

    def rollback(self) -> Revision:
        """Return to the revision before the current one; what was indexed since is taken back. Takes milliseconds.

        Nothing reindexes by itself after that, until somebody calls `index`: it would only undo the undoing.

        Raises:
            Busy: another process or thread is indexing.
            NothingToUndo: there is no earlier revision.
            OtherModel: it was made with another model than the settings name.
        """
        with self._ledger.alone(doing="rolling back"):
            current, before = self._ledger.current(), self._ledger.previous()
            if current is None or before is None:
                message = "There is no earlier revision to return to: one is kept, the one before the current."
                raise NothingToUndo(message)
            self._fits(before)
            self._ledger.undo(current.number)
            self._openable()
        return self._revision()

    def in_use_elsewhere(self) -> bool:
        """Whether one of several who share a database is changing the articles just now; never where nobody shares it.

        Raises:
            StoreUnavailable: the database is away.
        """
        if not self._ledger.shared:
            return False
        try:
            with self._ledger.alone(doing="looking who changes the articles"):
                return False
        except Busy:
            return True

    def before(self) -> Revision | None:
        """Return the revision that `rollback` would return to, or None where there is none."""
        return self._ledger.previous()

    @property
    def held(self) -> bool:
        """Whether nothing may reindex by itself, because somebody rolled back."""
        current = self._ledger.current()
        return current is not None and current.held

    def folder(self, given: Path | None = None) -> Path | None:
        """Return the folder that `index` would read; None where articles come from elsewhere only.

        The seeds stand in only until something is named.
        """
        if given is not None or self._settings.library.articles:
            return (given or Path(self._settings.library.articles)).expanduser().resolve()
        current = self._ledger.current()
        if current is None:
            return None if self._settings.source or self._holdings.any() else seeds()
        return Path(current.folder) if current.folder and not (self._on_seeds() and self._settings.source) else None

    def newest(self, *, limit: int, offset: int = 0, source: str | None = None) -> list[Article]:
        """Return articles without their text, newest first: all, or those of one outlet; "" is those without one."""
        return self._catalogue().newest(limit=limit, offset=offset, source=source)

    def outlets(self) -> list[Outlet]:
        """Return who published the articles, most articles first; the outlet "" has those of nobody known."""
        return self._catalogue().outlets()

    def article(self, id_: ArticleId) -> Article | None:
        """Return an article with its whole text, or None where the library does not hold it any more."""
        return self._catalogue().article(id_)

    def copies(self, id_: ArticleId) -> list[Article]:
        """Return the articles that tell the same story as one, without their text, the first published first."""
        return self._catalogue().copies(id_)

    def passages_of(self, id_: ArticleId) -> list[Passage]:
        """Return the passages of an article in order; none where the library does not hold it any more."""
        return self._catalogue().passages(id_)

    def titled(self, words: str, *, limit: int) -> list[Article]:
        """Return articles without their text in whose title each of the words begins a word, those that fit best first.

        Looks through all titles: 0.8 seconds of a processor where there are 100,000.
        """
        return self._catalogue().titled(words, limit=limit)

    def shelfmark(self, id_: ArticleId) -> str:
        """Return twelve characters that `shelved` finds the article by, in any later revision too."""
        return self._shelfmarks.of(id_)

    def shelved(self, mark: str) -> ArticleId | None:
        """Return the id of the article that has a shelfmark; None where there is none, or not any more.

        Of what this process has not shown lately it looks through all ids: 0.3 seconds where there are 100,000.
        """
        return self._shelfmarks.find(mark, self._catalogue().ids)

    def digest(self, article: Article) -> str:
        """Return 32 hex digits that change with anything an article holds; it must have its whole text."""
        return digest_of(article)

    def digests(self, ids: Sequence[ArticleId]) -> dict[ArticleId, str]:
        """Return what `digest` says of articles as they are now, a few of them; what is not held is left out."""
        return self._catalogue().digests(ids)

    def since(self, ids: Sequence[ArticleId]) -> dict[ArticleId, int]:
        """Return the number of the revision in which articles became what they are; what is not held is left out.

        For whether an article is new or changed since a revision; see `Catalogue.since` for what does not count.
        """
        return self._catalogue().since(ids)

    def alike(self, texts: Sequence[str], *, least: float = ALIKE) -> list[list[int]]:
        """Return indices of texts grouped by meaning, the largest group first; see `alike.groups`.

        Takes a second for a thousand questions, and lets those go first that people are waiting for.

        Raises:
            ModelUnavailable: as the message says.
        """
        return alike.groups(texts, embed=self._embedder.many, least=least)

    def examples(self, limit: int) -> list[str]:
        """Return up to so many questions that the current articles answer, about the newest of them.

        The first call in a revision asks about a dozen questions; the next ones cost nothing.

        Raises:
            NotIndexed, OtherModel: index first.
        """
        return self._examples.of(self._revision().number, self._catalogue(), limit=limit)

    def status(self) -> Status:
        """Return what the library holds."""
        files = (Path(folder, name) for folder, _, names in os.walk(self.data) for name in names)
        disk = sum(dict(map(_size, files)).values())  # a file with two names counts once
        embedder, reranker = self._embedder, self._reranker
        reranks = f"{reranker.name} ({reranker.runtime})" if reranker else ""
        revision = self._ledger.current()
        copies = self._copies(revision.number) if revision else 0
        return Status(self.data, embedder.name, embedder.runtime, revision, disk, reranks, copies)

    def revision(self) -> Revision | None:
        """Return the revision that is served, or None before the first indexing."""
        return self._ledger.current()

    @property
    def serving(self) -> int:
        """The number of the revision that is open in this process, 0 before the first question; looks nothing up."""
        return self._served.number

    def keep_up(self) -> bool:
        """Make ready what another process has indexed, so that nobody who asks waits for that; return whether it did.

        For whoever serves one database with others: call it every second or two, off the event loop. Where nothing is
        new it costs one look into the ledger; else what changed, meanwhile the revision before is served.

        Raises:
            StoreUnavailable, OtherModel, SettingsError, Damaged: as `ask`; what was served still is.
        """
        revision = self._ledger.current()
        try:
            return revision is not None and self._served.follow(revision)
        except Superseded:
            return False
        except Damaged:
            if self._ledger.current() != revision:
                return False  # the next call will see
            raise

    def warm(self) -> None:
        """Load what the first question needs, so that nobody waits for it."""
        self._embedder.question("warm")
        self.warm_reranker()
        with contextlib.suppress(NotIndexed, OtherModel):
            self._read(lambda snapshot: snapshot.rows)

    def warm_reranker(self) -> None:
        """Load the reranking model, where there is one.

        Raises:
            ModelUnavailable: as the message says.
        """
        if self._reranker:
            self._reranker.load()

    def fits(self) -> None:
        """Load the model and compare it with the one that the index was made with.

        Raises:
            ModelUnavailable, OtherModel: as the message says.
            NotIndexed: there is nothing to compare it with.
        """
        self._fits(self._revision())

    def check(self) -> str:
        """Verify ledger and index thoroughly; return what is wrong, or nothing.

        The next `index` builds what is wrong of the index again from the ledger; until then it stays as it is.

        Raises:
            NotIndexed: there is nothing to check.
        """
        revision = self._revision()
        if not self._ledger.is_sound():
            return f"{self._ledger.name} is damaged: restore it from a backup."
        with contextlib.suppress(Damaged, Superseded):
            self._replica.bring(revision)
        problems = self._builder().problems(revision)
        if self._ledger.current() != revision:
            return self.check()  # it was replaced under our eyes, and parts of it removed
        if problems or self._ledger.doubted():
            self._ledger.doubt(problems)
        return report(problems)

    def as_retriever(self) -> HybridRetriever:
        """Return a llama-index retriever over the current revision, for use with anything that takes one."""
        return self._retriever(self._served.opened(self._revision()))

    def _responder(self, snapshot: Snapshot) -> Responder:
        return Responder(
            self._retriever(snapshot), embedder=self._embedder, judge=self._judge, settings=self._settings.answer
        )

    def _retriever(self, snapshot: Snapshot) -> HybridRetriever:
        return HybridRetriever(
            snapshot,
            ledger=self._ledger,
            embedder=self._embedder,
            settings=self._settings.retrieval,
            reranker=self._reranker,
            weights={source.called: source.weight for source in self._settings.source if source.weight != 1.0},
        )

    def _query(self, question: str, *, limit: int | None = None) -> TimedQuery:
        problem = answer.check_question(question, longest=self._settings.answer.longest_question)
        if problem:
            raise problem
        asked, today = " ".join(_clean(question).split()), self._today()
        topic, period = when.read(asked, today=today)
        topic = topic if re.search(r"\w", topic) else asked
        return TimedQuery(asked, limit=limit and min(limit, MOST), period=period, topic=topic, today=today)

    def _completed(self, snapshot: Snapshot, query: TimedQuery, history: Sequence[Turn]) -> TimedQuery:
        """Add to a question what it leans on of the turns before it."""
        with query.watch.stage("complete"):
            turns = [Turn(_clean(turn.question), _clean(turn.answer)) for turn in history[-followup.TURNS :]]
            query.context = followup.context(
                query.query_str, turns, words=snapshot.lexicon.asked, weigh=snapshot.lexicon.telling
            )
        return query

    def _read(self, work: Callable[[Snapshot], Result]) -> Result:
        """Do something with the current revision; again where a newer one took its place meanwhile.

        A damaged segment is built again, once, and asked again.
        """
        mended = waits = False
        for _ in range(TRIES):
            revision = self._revision()
            try:
                with self._served.reading(revision, waits=waits) as snapshot:
                    revision = snapshot.revision
                    return work(snapshot)
            except Superseded:
                waits = True
            except Damaged as damage:
                if self._ledger.current() != revision:
                    waits = True  # it was removed, because its segments were merged or newer revisions were made since
                    continue
                if mended:
                    raise
                log.warning("%s That is being done now, from the ledger.", damage)
                self._mend(revision)
                mended = True
        raise Superseded

    @property
    def database(self) -> str:
        """What keeps articles, passages and embeddings, in words: a file, or a database without its password."""
        return self._ledger.name

    def _catalogue(self) -> Catalogue:
        """Return the catalogue of what was indexed, if anything was."""
        self._revision()
        return Catalogue(self._ledger)

    @property
    def _where(self) -> str:
        return self._ledger.name if self._ledger.shared else str(self.data)

    def _revision(self) -> Revision:
        revision = self._ledger.current()
        if revision is None:
            message = f"Nothing has been indexed in {self._where} yet. Run: footnote index FOLDER"
            raise NotIndexed(message)
        return revision

    def _fits(self, revision: Revision) -> None:
        """Refuse to ask an index with the vectors of another model than it was made with."""
        same_name = revision.model == self._embedder.name
        if not same_name or self._embedder.fingerprint != revision.fingerprint:
            message = (
                f"{self._where} was indexed with the model {revision.model!r}, and the settings name "
                f"{self._embedder.name!r}{' in another version' if same_name else ''}. Run `footnote index` to build "
                "the index for it, or set [embedding] model back."
            )
            raise OtherModel(message)

    def _mend(self, revision: Revision) -> None:
        """Build what is damaged of a revision again from the ledger, without the model, unless somebody just did."""
        with self._mending, self._ledger.alone(doing="rebuilding a damaged index"):
            if self._ledger.current() == revision:
                problems = self._builder().problems(revision)
                if problems:
                    self._builder().rebuild(revision, problems)

    def _settle(self) -> None:
        """Take over vectors that another data directory kept: here they are built again from the ledger.

        The caller holds the writer's lock.
        """
        revision = self._ledger.current()
        if revision is not None and (missing := self._replica.missing(revision)):
            self._replica.settle()
            self._builder().rebuild(revision, missing)
        self._replica.settle()

    def _openable(self) -> None:
        """Open what was just made current, mend it where it is broken, and remove what nobody needs any more.

        The caller holds the writer's lock.
        """
        revision = self._revision()
        broken: Collection[str] = self._ledger.doubted().intersection([*revision.segments, revision.words])
        try:
            self._served.opened(revision)
        except Damaged as damage:
            log.warning("%s That is being done now, from the ledger.", damage)
            broken = self._builder().problems(revision)
        if broken:
            self._builder().rebuild(revision, broken)
        self._served.opened(self._revision())
        self._builder().clear()

    def _on_seeds(self) -> bool:
        """Whether the library holds only the articles that came with the install, which anyone may replace."""
        current = self._ledger.current()
        return current is not None and current.folder == str(seeds())

    def _articles(
        self,
        folder: Path | None = None,
        *,
        only: Collection[ArticleId] | None = None,
        without: Collection[ArticleId] = (),
    ) -> Articles:
        """Return all that belongs to the library; `only`: nothing but what is held under these ids; see Collection."""
        places, limits = Places(self.folder(folder), self._settings.source), Limits.of(self._settings.library)
        return Articles(places, self._holdings, parsers=Parsers(limits), only=only, without=without)

    def _step(self, ids: Sequence[ArticleId], *, removed: Sequence[ArticleId] = (), watch: Watch, stop: Stop) -> Report:
        """Bring the library in step with what is held under some ids; the caller holds the writer's lock.

        What is `removed` is given away once nobody is served it any more: whatever stops the build leaves it as it was.
        Where the model or the sizes of passages are others, all articles have to be made anew; nobody agreed then to
        the going of those that are missing.
        """
        self._settle()
        articles = self._articles(only=None if self._builder().again() else ids, without=removed)
        agreed = articles.only is not None or self._on_seeds()
        done = self._builder().build(articles, failed=(), agreed=agreed, watch=watch, stop=stop)
        self._acquisitions().release(removed)
        self._openable()
        return done

    def _gather(self, *, watch: Watch, stop: Stop) -> list[Failure]:
        """Fetch what is new of the web, where anything is to come from there; return what failed."""
        if all(source.folder for source in self._settings.source) and not self._holdings.addresses():
            return []
        gatherer = Gatherer(
            self._holdings,
            self._fetching(),
            sources=self._settings.source,
            settings=self._settings.library,
            at_once=self._settings.fetch.at_once,
            now=self._now,
        )
        return gatherer.gather(watch=watch, stop=stop)

    def _just_gathered(self) -> list[Failure] | None:
        """Return what failed when a plan fetched what was new, once, where that is not long ago."""
        gathered, self._gathered = self._gathered, None
        return gathered[1] if gathered and self._now() - gathered[0] < FRESH else None

    def _fetching(self) -> Fetcher:
        """Return what fetches, one for the life of the library: it remembers whom it asked when."""
        if self._fetcher is None:
            self._fetcher = Fetcher(self._settings.fetch, largest=self.largest)
        return self._fetcher

    def _acquisitions(self) -> Acquisitions:
        return Acquisitions(self._holdings, Limits.of(self._settings.library))

    def _served_already(self, id_: ArticleId) -> bool:
        return self._served_as(id_) is not None

    def _served_as(self, id_: ArticleId) -> Article | None:
        current = self._ledger.current()
        return self._ledger.article(id_, current.number) if current else None

    def _note_visits(self, articles: Articles) -> None:
        """Note how the looks at folders went, and forget what sources brought that are not in the settings any more."""
        sources = self._settings.source
        folders = [("", str(articles.places.folder))] if articles.places.folder else []
        for name, place in [*folders, *((source.called, source.folder) for source in sources if source.folder)]:
            if reason := articles.absent.get(name):
                self._holdings.not_visited(name, place, reason)
            else:
                self._holdings.visited(name, place)
        self._holdings.keep_only(["", ADDED, *(source.called for source in sources)])

    def _sizes(self) -> Sizes:
        return Sizes(self._embedder.limit, self._settings.chunk.size, self._settings.chunk.overlap)

    def _builder(self) -> Builder:
        sizes = self._settings.chunk
        ways = Ways(
            self._embedder,
            sizes=self._sizes,
            chunking=f"{sizes.size}/{sizes.overlap}/{self._embedder.prefixes}",
        )
        return Builder(
            self._ledger,
            self._store,
            place=self._place,
            ways=ways,
            settings=self._settings.library,
            ready=self._served.readied,
        )


def seeds() -> Path:
    """Return the folder of articles that comes with the install."""
    import seeds as package  # noqa: PLC0415  only to find it

    return Path(next(iter(package.__path__)))


def _secret(value: SecretStr | None) -> str:
    return value.get_secret_value() if value else ""


def _clean(text: str) -> str:
    """Return a text that can be encoded: a terminal may hand us half a character."""
    return text.encode("utf-8", "replace").decode()


def _size(path: Path) -> tuple[int, int]:
    """Return a file's number in its file system, and its size; one that is removed under our eyes has none."""
    try:
        stat = path.lstat()
    except OSError:
        return 0, 0
    return stat.st_ino, stat.st_size


def _make(data: Path) -> None:
    try:
        data.mkdir(mode=0o700, parents=True, exist_ok=True)  # it holds what people ask
        (data / "segments").mkdir(exist_ok=True)
    except OSError as error:
        reason = (error.strerror or "unknown error").lower()
        message = f"The data directory {data} cannot be used: {reason}. Name another with --data."
        raise SourceError(message) from error
