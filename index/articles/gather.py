"""Bring what is new of the web into the holdings: pages, and those that feeds and sitemaps list.

Nothing that fails takes away what is held: it is named with its reason, and the last good version stays. A page that is
gone leaves after so many looks in a row as the settings say. Decides what is asked for; how is the fetcher's.
"""

import datetime as dt
import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, wait
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from queue import Empty, Full, Queue, SimpleQueue
from threading import Event, Thread
from typing import Generic, TypeVar

from config import Library as Settings
from config import Source
from config.sources import ADDED
from index.articles.holdings import OWN, Clock, Content, Holding, Holdings, Kind, Visit
from index.articles.sources import SUFFIXES
from index.errors import Gone, SourceError
from index.progress import Meter, Stop, Watch, check
from index.reading.parsers import Limits, Parsers
from index.records import Failure, Item
from index.web import mime, webpage
from index.web.fetch import Fetched, Fetcher
from index.web.guard import named
from index.web.unpack import gunzip
from index.web.weblinks import chooser, host, same

LISTS = 50
"""Sitemaps that one index of sitemaps leads to in one reading, the newest; two levels of them."""

LEVELS = 3

LIST_LIMIT = 50_000_000
"""Bytes of a feed or a sitemap, unpacked: what the format of sitemaps allows."""

LOOK = 0.2
"""Seconds between two looks whether somebody said stop."""

Job = TypeVar("Job")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Asked(Generic[Job]):
    """What came of one fetch: something, or why not."""

    job: Job
    fetched: Fetched | None
    error: Exception | None = None


@dataclass(frozen=True, slots=True)
class _List:
    """A feed or a sitemap to be read for a source, and how the last look at it went."""

    source: Source
    url: str
    level: int = 0
    before: Visit = field(default_factory=Visit)


@dataclass(slots=True)
class _Found:
    """What the lists said: the items by key, and what went wrong."""

    items: dict[str, Item] = field(default_factory=dict)
    listed: dict[str, list[Item]] = field(default_factory=dict)  # of a source: the newest that its sitemaps list
    read: list[Callable[[], None]] = field(default_factory=list)  # notes of lists that were read, for when all were
    failures: list[Failure] = field(default_factory=list)


class Gatherer:
    """Gathers for one library; the caller holds the writer's lock."""

    def __init__(
        self,
        holdings: Holdings,
        fetcher: Fetcher,
        *,
        sources: Sequence[Source],
        settings: Settings,
        at_once: int,
        now: Clock,
    ) -> None:
        """Bring into `holdings`, by `fetcher`, what `sources` list and what people added by address."""
        self._holdings = holdings
        self._fetcher = fetcher
        self._sources = {source.called: source for source in sources if not source.folder}
        self._known = [ADDED, *self._sources]
        self._settings = settings
        self._at_once = at_once
        self._now = now
        self._anew = False

    def gather(self, *, watch: Watch, stop: Stop) -> list[Failure]:
        """Fetch what is new or may have changed; return what failed, with its reason.

        What was fetched is held at once, so that nothing of it is lost when `stop` says so.

        Raises:
            Cancelled: `stop` said so.
        """
        with Parsers(Limits.of(self._settings), most=1, lists=True) as parsers:
            found = self._listed(parsers, stop)
        due = [holding for holding in self._held() if self._is_due(holding, found.items.get(holding.key))]
        meter = Meter("fetching", len(due), watch)
        for asked in self._fetched(due, self._page, stop):
            failure = self._take_page(asked, found.items.get(asked.job.key))
            if failure is not None:
                found.failures.append(failure)
            meter.tick()
        return found.failures

    def _listed(self, parsers: Parsers, stop: Stop) -> _Found:
        """Read the lists that changed, and note what they list."""
        found = _Found()
        self._take_over()
        for source in self._sources.values():
            if source.url:
                self._expect(source, Kind.PAGE, [Item(same(source.url))], found)
                self._claim(source)
        lists = [self._list(source, source.place) for source in self._sources.values() if not source.url]
        while lists:
            deeper: list[_List] = []
            for asked in self._fetched(lists, self._get_list, stop):
                try:
                    deeper += self._take_list(asked, found, parsers, stop)
                except SourceError as error:
                    self._holdings.not_visited(asked.job.source.called, asked.job.url, str(error))
                    found.failures.append(Failure(named(asked.job.url), str(error)))
            lists = deeper
        for name, items in found.listed.items():
            self._expect(self._sources[name], Kind.LISTED, items, found)
        for note in found.read:  # only now: a list that is noted, and of which nothing is, would not be read again
            note()
        return found

    def _take_over(self) -> None:
        """Let a list that has another name now go on with what it brought; ask all lists anew where one is gone.

        What that one brought another one may list as well, and would not say so where it has not changed.
        """
        for source in self._sources.values():
            if not source.url and self._holdings.visit(source.called, source.place) == Visit():
                self._holdings.rename(source.called, place=source.place, known=self._known)
        self._anew = self._holdings.brought_by_others(self._known)

    def _claim(self, source: Source) -> None:
        """Let the page that the settings name be that source's, and no other, though somebody added or removed it."""
        key = same(source.url)
        self._holdings.drop([one.key for one in self._holdings.of([source.called]) if one.key != key])
        held = self._holdings.get([key])[key]
        if held.shunned or held.source == ADDED:
            self._holdings.claim(key, source.called, Kind.PAGE)

    def _list(self, source: Source, url: str, level: int = 0) -> _List:
        before = Visit() if self._anew else self._holdings.visit(source.called, url)
        return _List(source, url, level, before if before.wanted == _wanted(source) else Visit())

    def _take_list(self, asked: Asked[_List], found: _Found, parsers: Parsers, stop: Stop) -> list[_List]:
        """Note what a list names; return the lists that it leads to. Raises SourceError where it cannot be read."""
        job, source = asked.job, asked.job.source
        if asked.error is not None or asked.fetched is None:
            raise asked.error or SourceError("cannot be fetched")
        deeper: list[_List] = []
        if not asked.fetched.unchanged:
            content = _unpacked(asked.fetched, stop)
            wanted = chooser(source.include, source.exclude)
            if source.feed:
                entries = partial(parsers.feed, content, base=asked.fetched.url, kind=asked.fetched.kind)
                items = _waited(parsers.ahead(entries), stop)
                self._expect(source, Kind.ENTRY, [item for item in items if wanted(item.key)][: source.most], found)
            else:
                read = _waited(parsers.ahead(partial(parsers.sitemap, content)), stop)
                pages, sitemaps = (
                    [item for item in some if host(item.key) == host(source.sitemap)]
                    for some in (read.pages, read.sitemaps)
                )
                before = found.listed.get(source.called, [])
                several = [*before, *(item for item in pages if wanted(item.key))]
                found.listed[source.called] = _newest(several, source.most)
                if job.level + 1 < LEVELS:
                    deeper = [self._list(source, one.key, job.level + 1) for one in sitemaps[:LISTS]]
        note = partial(
            self._holdings.visited,
            source.called,
            job.url,
            wanted=_wanted(source),
            # the lists that it leads to change by themselves: without these it is asked for whole the next time
            etag="" if deeper else asked.fetched.etag or job.before.etag,
            modified="" if deeper else asked.fetched.modified or job.before.modified,
        )
        found.read.append(note)
        return deeper

    def _expect(self, source: Source, kind: Kind, items: Iterable[Item], found: _Found) -> None:
        some = list(items)
        self._holdings.expect(source.called, kind, some, known=self._known)
        for item in some:
            found.items.setdefault(item.key, item)

    def _held(self) -> Iterator[Holding]:
        """Yield what is to be looked at now and then: whatever came from an address and is still wanted."""
        wanted = {name: chooser(source.include, source.exclude) for name, source in self._sources.items()}
        for holding in self._holdings.of(self._known):
            if holding.kind is Kind.FILE or holding.shunned:
                continue
            if holding.source == ADDED or wanted[holding.source](holding.key):
                yield holding

    def _is_due(self, holding: Holding, listed: Item | None) -> bool:
        """Whether to look at a page now: always at what people named, else at what is new, changed, or long ago."""
        if holding.kind is Kind.PAGE:
            return True
        if not holding.digest and not holding.gone and holding.failures < self._settings.gone_after:
            return True
        last = holding.last
        if last is None:
            return True
        changed = listed.changed if listed is not None else None
        if changed is not None and holding.success is not None and holding.success < changed <= self._now():
            return True
        return last + dt.timedelta(hours=self._settings.recheck_hours) <= self._now()

    def _page(self, holding: Holding) -> Fetched:
        etag, modified = ("", "") if holding.own else (holding.etag, holding.modified)
        return self._fetcher.get(holding.key, etag=etag, modified=modified)

    def _get_list(self, job: _List) -> Fetched:
        return self._fetcher.get(job.url, etag=job.before.etag, modified=job.before.modified, limit=LIST_LIMIT)

    def _take_page(self, asked: Asked[Holding], item: Item | None) -> Failure | None:
        """Hold what was fetched, or note why it was not; return what people are to be told."""
        holding = asked.job
        error = asked.error
        if asked.fetched is not None:
            try:
                self._hold(holding, asked.fetched, item or Item(holding.key))
            except SourceError as refused:
                error = refused
        if error is None:
            return None
        return None if self._take_own(holding, item) else self._fail(holding, error)

    def _take_own(self, holding: Holding, item: Item | None) -> bool:
        """Hold what the feed says of an entry whose page was never to be had; return whether it says anything."""
        if holding.digest and not holding.own:
            return False
        if item is not None and item.markup:
            own = Content(item.markup.encode("utf-8", "replace"), OWN, url=holding.key)
            self._holdings.put(holding.source, holding.kind, item, own)
            return True
        if holding.own:
            self._holdings.unchanged(holding.key, etag="", modified="")
        return holding.own

    def _hold(self, holding: Holding, fetched: Fetched, item: Item) -> None:
        if fetched.unchanged:
            etag, modified = fetched.etag or holding.etag, fetched.modified or holding.modified
            self._holdings.unchanged(holding.key, etag=etag, modified=modified)
        else:
            self._holdings.put(holding.source, holding.kind, item, content_of(fetched))

    def _fail(self, holding: Holding, error: Exception) -> Failure | None:
        limit = self._settings.gone_after
        now = self._holdings.failed(holding.key, str(error), gone=isinstance(error, Gone), after=limit)
        if now.gone is not None:
            if holding.gone is not None and holding.kind is not Kind.PAGE:
                return None  # it was told when it left, and nobody named it
            return Failure(named(holding.key), f"{error}, since {now.gone:%Y-%m-%d}: it has left the library")
        stays = " (its last good version stays)" if now.digest else ""
        left = limit - now.missed
        soon = f" (it leaves the library if {left} more {'look finds' if left == 1 else 'looks find'} it gone)"
        return Failure(named(holding.key), f"{error}{soon if isinstance(error, Gone) and now.digest else stays}")

    def _fetched(self, jobs: Sequence[Job], get: Callable[[Job], Fetched], stop: Stop) -> Iterator[Asked[Job]]:
        """Fetch several things at a time; yield what came of each as it comes.

        Raises:
            Cancelled: `stop` said so; what is under way is left to end by itself.
        """
        waiting: SimpleQueue[Job] = SimpleQueue()
        done: Queue[Asked[Job]] = Queue(maxsize=self._at_once)  # pages are large: nobody fetches far ahead
        over = Event()
        for job in jobs:
            waiting.put(job)
        for number in range(min(self._at_once, len(jobs))):
            # No pool of the standard library: the program's end would wait for its threads, which wait for servers.
            Thread(target=_work, args=(waiting, done, over, get), name=f"fetch-{number}", daemon=True).start()
        left = len(jobs)
        try:
            while left:
                check(stop)
                with suppress(Empty):
                    asked = done.get(timeout=LOOK)
                    left -= 1
                    if asked.error is not None and not isinstance(asked.error, SourceError):
                        raise asked.error
                    yield asked
        finally:
            over.set()


def _work(waiting: "SimpleQueue[Job]", done: "Queue[Asked[Job]]", over: Event, get: Callable[[Job], Fetched]) -> None:
    with suppress(Empty):
        while not over.is_set():
            job = waiting.get_nowait()
            try:
                asked = Asked(job, get(job))
            except Exception as error:  # noqa: BLE001  whatever it is, it is raised again where somebody hears it
                asked = Asked(job, None, error)
            while not over.is_set():
                with suppress(Full):
                    done.put(asked, timeout=LOOK)
                    break


def _waited(reading: Future[T], stop: Stop) -> T:
    """Return what is being read. Raises Cancelled when `stop` says so before that, and what reading raises."""
    while not wait([reading], timeout=LOOK).done:
        check(stop)
    return reading.result()


def content_of(fetched: Fetched) -> Content:
    """Return what is held of a page or a file that was fetched.

    Raises:
        SourceError: it is none, or of a kind that cannot be read.
    """
    name, data = webpage.document(fetched)
    if mime.SUFFIX_OF[fetched.kind] not in SUFFIXES:
        message = f"is {fetched.kind}, which cannot be read"
        raise SourceError(message)
    return Content(data, name, url=same(fetched.url), etag=fetched.etag, modified=fetched.modified)


def _newest(items: Iterable[Item], most: int) -> list[Item]:
    """Return the newest of what several sitemaps list, each page once; what has no date stands behind."""
    ordered = sorted(items, key=lambda item: -item.changed.timestamp() if item.changed else float("inf"))
    once: dict[str, Item] = {}
    for item in ordered:
        once.setdefault(item.key, item)
    return list(once.values())[:most]


def _wanted(source: Source) -> str:
    """Return a digest of what a source asks of its list: when that changes, the whole list is read again."""
    told = repr((source.place, source.include, source.exclude, source.most))
    return hashlib.sha256(told.encode()).hexdigest()[:16]


def _unpacked(fetched: Fetched, stop: Stop) -> bytes:
    """Return a feed or a sitemap as it is, or what a .gz of it holds."""
    if not fetched.content.startswith(b"\x1f\x8b"):
        return fetched.content
    return gunzip(fetched.content, limit=LIST_LIMIT, heed=partial(check, stop))
