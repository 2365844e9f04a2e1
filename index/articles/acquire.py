"""What people add and remove by hand, and what there is to say of each source. The building is done by `build`."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import PurePath

from config import Source
from config.sources import ADDED
from index.articles.collection import read
from index.articles.gather import content_of
from index.articles.holdings import Content, Holdings, Kind, Standing
from index.articles.sources import SUFFIXES
from index.browsing.catalogue import Catalogue
from index.errors import SourceError
from index.formats.extract import one_line
from index.reading.parsers import Limits, Parsers
from index.records import Article, ArticleId, Item
from index.web.fetch import Fetcher
from index.web.weblinks import same


@dataclass(frozen=True, slots=True)
class Sent:
    """A page that was fetched or a file that was sent, before anybody agreed to keep it."""

    key: str
    kind: Kind
    content: Content

    @property
    def size(self) -> int:
        """How many bytes it has."""
        return len(self.content.data)


@dataclass(frozen=True, slots=True)
class Understood:
    """What was sent, the article that it is read as, and in how many passages. `replaces`: it takes another's place."""

    sent: Sent
    article: Article
    passages: int
    replaces: bool


@dataclass(frozen=True, slots=True)
class Supply:
    """One source: what it is, how many articles of it are served, and how the looks at it went.

    `kind` is folder, url, feed, sitemap or added; the name is empty for the folder of the library. `failing` counts
    the pages whose last look failed; `reason` is what is wrong now, if anything is.
    """

    name: str
    kind: str
    place: str
    articles: int
    failing: int = 0
    success: dt.datetime | None = None
    failure: dt.datetime | None = None
    reason: str = ""

    @property
    def fails(self) -> bool:
        """Whether something is wrong with it now."""
        return bool(self.reason)


class Acquisitions:
    """Takes in and gives away for one library."""

    def __init__(self, holdings: Holdings, limits: Limits) -> None:
        """Keep what is added in `holdings`; what is sent is read within `limits`."""
        self._holdings = holdings
        self._limits = limits

    def fetch(self, url: str, fetcher: Fetcher) -> Sent:
        """Fetch a page or a file of the web.

        Raises:
            SourceError: it cannot be fetched, or is no article.
        """
        fetched = fetcher.get(url, limit=self._limits.largest)
        content = content_of(fetched)
        key = same(self._read(content, url).url)
        if key != content.url:  # from now on it is asked for there, where these mean nothing
            content = replace(content, url=key, etag="", modified="")
        return Sent(key, Kind.PAGE, content)

    def file(self, name: str, data: bytes) -> Sent:
        """Take a file. It is known by its name alone: another file of the same name is a newer version of it.

        Raises:
            SourceError: it is too large, empty, or of a kind that cannot be read.
        """
        last = self.check_file(name, len(data))
        if not data:
            message = "is empty"
            raise SourceError(message)
        return Sent(f"{ADDED}:{last}", Kind.FILE, Content(data, last))

    def check_file(self, name: str, size: int) -> str:
        """Return the name that a file of so many bytes would have. Raises SourceError as `file`."""
        last = one_line(PurePath(name.replace("\\", "/")).name)
        if PurePath(last).suffix.lower() not in SUFFIXES:
            message = f"is none of the files that can be read: {', '.join(sorted(SUFFIXES))}"
            raise SourceError(message)
        if size > self._limits.largest:
            message = f"is larger than {self._limits.largest // 1_000_000} MB"
            raise SourceError(message)
        return last

    def article(self, sent: Sent) -> Article:
        """Return the article that something is read as.

        Raises:
            SourceError: it holds none.
        """
        return self._read(sent.content, sent.key)

    def _read(self, content: Content, key: str) -> Article:
        with Parsers(self._limits, most=1) as parsers:
            return read(content, parsers.extract, key=key, origin=ADDED)

    def hold(self, sent: Sequence[Sent]) -> None:
        """Keep what was sent. What a source had brought, or somebody had removed, belongs to who adds it now."""
        for one in sent:
            self._holdings.put(ADDED, one.kind, Item(one.key), one.content)
            self._holdings.claim(one.key, ADDED, one.kind)

    def find(self, name: str, catalogue: Catalogue | None) -> list[ArticleId]:
        """Return the ids of the articles, served or only held, that an id or an address means."""
        ids = [ArticleId(key) for key in self._holdings.at(name, same(name))]
        if catalogue is not None:
            ids += [name_ for name_ in catalogue.at(name, same(name)) if name_ not in ids]
        return ids

    def check_release(
        self, ids: Sequence[ArticleId], sources: Sequence[Source], *, loose: Sequence[ArticleId] = ()
    ) -> None:
        """Look whether articles can be given away; those that are `loose` are served, but no folder has them.

        Raises:
            SourceError: one of them is a file of a folder, or named in the settings.
        """
        held = self._holdings.get(ids)
        named = {source.called: source for source in sources}
        for id_ in ids:
            holding = held.get(id_)
            if holding is None and id_ in loose:  # a rollback brought it back
                continue
            if holding is None:
                message = f"{id_} is a file in a folder: remove it there, and the next reindex leaves it out."
                raise SourceError(message)
            source = named.get(holding.source)
            if source and holding.kind is Kind.PAGE and holding.key == same(source.url):
                message = (
                    f"{id_} is named in the settings: take the [[source]] {holding.source!r} out of them. The next "
                    "reindex leaves it out."
                )
                raise SourceError(message)

    def release(self, ids: Sequence[ArticleId]) -> None:
        """Give away what is held; what has an address stays away however often a feed or a sitemap lists it."""
        held = self._holdings.get(ids)
        files = [key for key, holding in held.items() if holding.kind is Kind.FILE]
        self._holdings.drop(files)
        self._holdings.shun([key for key in held if key not in files])


def supplies(folder: str, sources: Sequence[Source], holdings: Holdings, *, counts: dict[str, int]) -> list[Supply]:
    """Return how each source stands, the folder of the library first. `counts` are served articles by source."""
    standings = holdings.standings()
    places = [("", "folder", folder)] if folder else []
    places += [(source.called, source.kind, source.place) for source in sources]
    places += [(ADDED, ADDED, "")] if ADDED in standings else []
    return [_supply(name, kind, place, counts, holdings, standings.get(name)) for name, kind, place in places]


def _supply(
    name: str, kind: str, place: str, counts: dict[str, int], holdings: Holdings, standing: Standing | None
) -> Supply:
    visit, pages = holdings.visit(name, place), standing or Standing(0, None, None, "")
    made = Supply(name, kind, place, counts.get(name, 0), pages.failing)
    success, failure = _later(visit.success, pages.success), _later(visit.failure, pages.failure)
    reason = visit.reason if visit.failures else pages.reason
    return replace(made, success=success, failure=failure, reason=reason)


def _later(one: dt.datetime | None, other: dt.datetime | None) -> dt.datetime | None:
    return max(filter(None, (one, other)), default=None)
