"""What a folder of articles and archives, or one JSONL file, offers to an index. Holds one article at a time."""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count, islice
from pathlib import Path

from index.articles import sources
from index.records import Article, ArticleId, Failure
from index.truth.ledger import digest_of
from index.web.webpage import unplaced

Extract = Callable[[ArticleId, bytes], Article]
Tell = Callable[[Article], Article]
"""Makes an article of the bytes of a file, or raises SourceError; may take its time, and is called by any thread."""

EXTRACTOR = b"4"
"""Raised when `extract` reads the same bytes differently, so that the next reindex reads every file again."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """The content of an article: its digest, its size in bytes, and the parsing that only a change needs."""

    digest: str
    size: int
    parse: Callable[[], Article]


@dataclass(frozen=True, slots=True)
class Candidate:
    """An article that may have to be indexed. `load` may raise SourceError.

    Of several with one id the first counts, which the others have other places than.
    """

    id: ArticleId
    place: int
    load: Callable[[], Loaded]


@dataclass(frozen=True, slots=True)
class Absent:
    """A source whose articles cannot be looked at now, all of them, and why: those that are served stay."""

    origin: str
    failure: Failure


class Survey:
    """A collection as it lies on the disk. It can be walked through any number of times, and may change meanwhile."""

    def __init__(self, folder: Path, *, largest: int, extract: Extract, tell: Tell | None = None) -> None:
        """Survey a folder, or one JSONL file. `largest` is in bytes a file, or a line; `extract` parses the files.

        What stands in a line needs no parsing; `tell` is what still tells the language of that.
        """
        self._folder = folder
        self._largest = largest
        self._extract = extract
        self._tell = tell

    def batches(self, size: int) -> Iterator[list[Candidate | Failure]]:
        """Yield what there is, `size` at a time. Raises SourceError as walking through it does."""
        walking = iter(self)
        while some := list(islice(walking, size)):
            yield some

    def __iter__(self) -> Iterator[Candidate | Failure]:
        """Yield what there is, in an order of its own.

        Files come and go while others are read, and no two have one id: only lines of an archive have places.

        Raises:
            SourceError: the folder cannot be listed, or the file cannot be read.
        """
        lines = count(1)
        if self._folder.suffix == ".jsonl" and self._folder.is_file():
            for item in sources.jsonl_articles(self._folder, limit=self._largest):
                yield item if isinstance(item, Failure) else self._of_article(item, next(lines))
            return
        for entry in sources.walk(self._folder):
            if isinstance(entry, Failure):
                yield entry
            elif entry.path.suffix.lower() == sources.ARCHIVE:
                lines = count(1)
                for item in sources.archived(entry, limit=self._largest):
                    yield item if isinstance(item, Failure) else self._of_article(item, next(lines))
            else:
                yield self._of_file(entry, 1)

    def _of_file(self, origin: sources.Origin, place: int) -> Candidate:
        def load() -> Loaded:
            data = sources.read(origin, limit=self._largest)
            digest = hashlib.sha256(EXTRACTOR + data).hexdigest()[:32]
            return Loaded(digest, len(data), lambda: unplaced(self._extract(origin.id, data)))

        return Candidate(origin.id, place, load)

    def _of_article(self, article: Article, place: int) -> Candidate:
        def load() -> Loaded:
            # Not `digest_of` alone: what was indexed before languages were told is read again, once.
            digest = hashlib.sha256(EXTRACTOR + f"{digest_of(article)} {article.language}".encode()).hexdigest()[:32]
            return Loaded(digest, len(article.text), lambda: self._tell(article) if self._tell else article)

        return Candidate(article.id, place, load)
