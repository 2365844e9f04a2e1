"""All that belongs to a library: its folder, the folders of other sources, and what was fetched or sent.

Offers candidates as `survey` does, one article at a time; which articles there are is the same for as long as nothing
changes. Fetches nothing.
"""

import datetime as dt
import hashlib
from collections.abc import Callable, Iterator, Sequence
from collections.abc import Collection as Some
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

from config import Source
from config.sources import ADDED
from index.articles.holdings import Content, Holding, Holdings
from index.articles.survey import EXTRACTOR, Absent, Candidate, Extract, Loaded, Survey
from index.errors import SourceError
from index.reading.parsers import Parsers
from index.records import Article, ArticleId, Failure
from index.web import webpage
from index.web.weblinks import chooser

APART = 10_000_000
"""Places in the listing that each source has to itself: more than one archive of it has lines."""


@dataclass(frozen=True, slots=True)
class Places:
    """Where a library's articles come from: its folder, or None, and the other sources in the order of the settings."""

    folder: Path | None
    sources: Sequence[Source] = ()

    def __str__(self) -> str:
        """Name it before people."""
        named = [str(self.folder)] if self.folder else []
        return ", ".join([*named, *(source.called for source in self.sources)]) or "what was added"


class Collection:
    """A collection as it lies on the disk and in the ledger. It can be walked through any number of times."""

    def __init__(
        self,
        places: Places,
        holdings: Holdings,
        *,
        parsers: Parsers,
        only: Some[ArticleId] | None = None,
        without: Some[ArticleId] = (),
    ) -> None:
        """Offer what is at `places` and held, read by `parsers`, `without` what is to be removed.

        `only`: speak of nothing but holdings with these ids; what is served under other ids stays as it is.
        """
        self._without = frozenset(without)
        self.places = places
        self.only = None if only is None else frozenset(only)
        self.absent: dict[str, str] = {}
        self._holdings = holdings
        self.parsers = parsers

    def batches(self, size: int) -> Iterator[list[Candidate | Failure | Absent]]:
        """Yield what there is, `size` at a time. Raises SourceError as walking through it does."""
        walking = iter(self)
        while some := list(islice(walking, size)):
            yield some

    def __iter__(self) -> Iterator[Candidate | Failure | Absent]:
        """Yield what there is, in an order of its own.

        Raises:
            SourceError: the folder cannot be listed, or the file cannot be read, and there is nothing else.
        """
        if self.only is None:
            yield from self._of_library()
            for number, source in enumerate(self.places.sources, start=1):
                if source.folder:
                    yield from self._of_source(source, number * APART)
        yield from self._held((len(self.places.sources) + 1) * APART)

    def _survey(self, folder: Path) -> Survey:
        return Survey(folder, largest=self.parsers.limits.largest, extract=self.parsers.extract, tell=self.parsers.tell)

    def _of_library(self) -> Iterator[Candidate | Failure | Absent]:
        if self.places.folder is None:
            return
        found = self._survey(self.places.folder)
        if not self.places.sources and not self._holdings.any():  # nothing else to go on with
            yield from found
        else:
            yield from self._guarded(found, "", str(self.places.folder))

    def _of_source(self, source: Source, first: int) -> Iterator[Candidate | Failure | Absent]:
        """Yield what the folder of a source holds, under ids that begin with its name."""
        folder, name = Path(source.folder).expanduser(), source.called
        wanted = chooser(source.include, source.exclude)
        for item in self._guarded(self._survey(folder), name, str(folder)):
            match item:
                case Candidate() if wanted(item.id):
                    load = _told(item.load, origin=name, outlet=source.outlet, id=ArticleId(f"{name}:{item.id}"))
                    yield Candidate(ArticleId(f"{name}:{item.id}"), first + item.place, load)
                case Failure():
                    yield Failure(f"{name}:{item.name}", item.reason)
                case Absent():
                    yield item

    def _guarded(self, found: Survey, origin: str, place: str) -> Iterator[Candidate | Failure | Absent]:
        """Yield what there is; where it cannot be listed, or is empty, that its articles stay as they are."""
        held = False
        self.absent.pop(origin, None)
        try:
            for item in found:
                held = held or isinstance(item, Candidate)
                yield item
            reason = "" if held else "holds no articles"
        except SourceError as error:
            reason = f"cannot be read now: {error}"
        if reason:
            self.absent[origin] = reason
            yield Absent(origin, Failure(place, f"{reason} (what is served of it stays)"))

    def _held(self, first: int) -> Iterator[Candidate]:
        """Yield what was fetched for a source of the settings, or sent, where that still wants it."""
        sources = {source.called: source for source in self.places.sources if not source.folder}
        wanted = {name: chooser(source.include, source.exclude) for name, source in sources.items()}
        held = self._holdings.of([ADDED, *sources])
        if self.only is not None:
            held = iter(sorted(self._holdings.get(sorted(self.only)).values(), key=lambda one: one.key))
        for holding in held:
            if not holding.digest or holding.shunned or holding.key in self._without:
                continue
            if holding.source in wanted and not wanted[holding.source](holding.key):
                continue
            source = sources.get(holding.source)
            yield Candidate(ArticleId(holding.key), first, self._loader(holding, source.outlet if source else ""))

    def _loader(self, holding: Holding, outlet: str) -> Callable[[], Loaded]:
        def load() -> Loaded:
            salt = "\0".join([holding.source, outlet, holding.digest, holding.title, str(holding.date), holding.url])
            digest = hashlib.sha256(EXTRACTOR + salt.encode()).hexdigest()[:32]

            def parse() -> Article:
                content = Content(self._holdings.content(holding.key), holding.name, holding.url)
                known = {"key": holding.key, "origin": holding.source, "title": holding.title}
                return read(content, self.parsers.extract, **known, date=holding.date, outlet=outlet)

            return Loaded(digest, holding.size, parse)

        return load


def _told(load: Callable[[], Loaded], *, origin: str, outlet: str, id: ArticleId) -> Callable[[], Loaded]:  # noqa: A002
    """Return what loads the same article, as that of a source; its digest changes with what the settings say of it."""

    def loaded() -> Loaded:
        found = load()
        digest = hashlib.sha256(f"{origin}\0{outlet}\0{found.digest}".encode()).hexdigest()[:32]

        def parse() -> Article:
            made = found.parse()
            return replace(made, id=id, origin=origin, source=outlet or made.source)

        return Loaded(digest, found.size, parse)

    return loaded


def read(  # noqa: PLR0913  what is known of an article beside its bytes
    content: Content,
    extract: Extract,
    *,
    key: str,
    origin: str,
    title: str = "",
    date: dt.date | None = None,
    outlet: str = "",
) -> Article:
    """Return the article that is held, read by `extract`. What it does not say itself is taken from whoever listed it.

    Raises:
        SourceError: it holds no article; with the reason in words.
    """
    made = extract(ArticleId(content.name), content.data)
    made = webpage.placed(made, content.url) if content.url else webpage.unplaced(made)
    return replace(
        made,
        id=ArticleId(key),
        title=title or made.title,
        date=made.date or date,
        source=outlet or made.source,
        origin=origin,
    )
