"""Compare a collection with the revision that is served, and read what is new or changed into a draft."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from functools import partial

from index.articles.collection import Collection
from index.articles.survey import Absent, Candidate
from index.building.ahead import Ahead
from index.errors import SourceError
from index.progress import Meter, Stop, Watch
from index.reading.parsers import Parsers
from index.records import Article, ArticleId, Failure
from index.text.chunk import Count, Sizes, chunk
from index.truth.draft import Draft, Staged
from index.truth.ledger import Ledger
from index.web.guard import named

AT_ONCE = 500
"""Articles compared in one statement."""


@dataclass(frozen=True, slots=True)
class Cut:
    """How articles are cut into passages. `sizes` is asked only when one must be cut, because it loads a model.

    `begin` is called before the first, for whoever has to get ready for what comes of it.
    """

    count: Count
    sizes: Callable[[], Sizes]
    begin: Callable[[], object]


@dataclass(slots=True)
class Tally:
    """What has been found out so far, in articles."""

    found: int = 0
    added: int = 0
    changed: int = 0
    kept: int = 0
    failures: list[Failure] = field(default_factory=list)


def list_all(survey: Collection, draft: Draft) -> Tally:
    """Note in the draft which articles there are, without reading any.

    What cannot be listed is kept as it is served: a folder that is broken today must not take away its articles. So is
    what the collection does not speak of.

    Raises:
        SourceError: the folder cannot be listed.
    """
    tally = Tally()
    if survey.only is not None:
        tally.kept += draft.see_others(sorted(survey.only))
    for some in survey.batches(AT_ONCE):
        candidates = [item for item in some if isinstance(item, Candidate)]
        draft.see({candidate.id: candidate.place for candidate in reversed(candidates)})
        tally.found += len(candidates)
        for failure in some:
            if isinstance(failure, Failure):
                draft.see_below(failure.name)
            elif isinstance(failure, Absent):
                draft.see_from(failure.origin)
    return tally


class Reader:
    """Reads into one draft, in the order of the survey, what others parse ahead.

    Memory is bounded by `room`, the characters of text that wait to be cut or to be stored, half of it for either.
    """

    def __init__(
        self, ledger: Ledger, draft: Draft, *, cut: Cut | None, parsers: Parsers, again: bool, room: int
    ) -> None:
        """Read into `draft`. Without `cut` nothing is stored, only counted. `again`: even what did not change."""
        self._ledger = ledger
        self._draft = draft
        self._cut = cut
        self._parsers = parsers
        self._again = again
        self._room = room // 2
        self._staged: list[Staged] = []
        self._waiting = 0

    def read(self, survey: Collection, tally: Tally, *, watch: Watch, stop: Stop) -> None:
        """Compare all articles, store the new and the changed ones, and add to the counts of `tally`."""
        meter = Meter("reading", tally.found, watch)
        ahead = Ahead(readers=self._parsers.most, room=self._room, stop=stop)
        for some in survey.batches(AT_ONCE):
            for item in some:
                match item:
                    case Failure():
                        ahead.put(partial(self._fail, item, self._draft.served_below(item.name), tally))
                    case Absent():
                        ahead.put(partial(self._fail, item.failure, self._draft.served_from(item.origin), tally))
            for found in self._compared([item for item in some if isinstance(item, Candidate)]):
                match found:
                    case Failure():
                        ahead.put(partial(tally.failures.append, found))
                    case candidate, before:
                        self._begin(candidate, before, tally, ahead)
                        ahead.put(meter.tick)
        ahead.finish()
        self._store()

    def _fail(self, failure: Failure, served: Mapping[ArticleId, str], tally: Tally) -> None:
        """Note what could not be listed; what is served of it stays."""
        tally.failures.append(failure)
        for id_, digest in served.items():
            tally.kept += 1
            self._stage_again(id_, digest)

    def _compared(self, candidates: Sequence[Candidate]) -> Iterator[tuple[Candidate, str | None] | Failure]:
        """Yield candidates with the digests of their served versions; of two with one id only the first."""
        ids = [candidate.id for candidate in candidates]
        digests, places = self._draft.digests(ids), self._draft.places(ids)
        late = {c.id: c.place for c in reversed(candidates) if c.id not in places}
        self._draft.see(late)  # it came while the others were listed
        places |= late
        for candidate in candidates:
            if places[candidate.id] == candidate.place:
                yield candidate, digests.get(candidate.id)
            else:
                yield Failure(named(candidate.id), "has the id of an earlier article")

    def _begin(self, candidate: Candidate, before: str | None, tally: Tally, ahead: Ahead) -> None:
        """Load an article, and let it be parsed where it is new or changed."""
        try:
            loaded = candidate.load()
        except SourceError as error:
            ahead.put(partial(self._keep_last_good, candidate.id, before, str(error), tally))
            return
        parsed = None
        if self._cut is not None and (self._again or before != loaded.digest):
            parsed = self._parsers.ahead(loaded.parse)
        take = partial(self._take, candidate.id, before, loaded.digest, parsed, tally)
        ahead.put(take, article=parsed, size=loaded.size if parsed else 0)

    def _take(
        self, id_: ArticleId, before: str | None, digest: str, parsed: Future[Article] | None, tally: Tally
    ) -> None:
        try:
            if parsed is not None:
                self._stage(parsed.result(), digest)
        except SourceError as error:
            self._keep_last_good(id_, before, str(error), tally)
            return
        tally.added += before is None
        tally.changed += before not in (None, digest)
        tally.kept += before == digest

    def _keep_last_good(self, id_: ArticleId, before: str | None, reason: str, tally: Tally) -> None:
        """Keep the version that is served: a file broken today must not take away the article it was yesterday."""
        if before is not None:
            reason = f"{reason} (its last good version stays)"
            tally.kept += 1
            self._stage_again(id_, before)
        tally.failures.append(Failure(named(id_), reason))

    def _stage_again(self, id_: ArticleId, digest: str) -> None:
        served = self._ledger.article(id_, self._draft.before) if self._again else None
        if served is not None:
            self._stage(served, digest)

    def _stage(self, article: Article, digest: str) -> None:
        if self._cut is None:
            return
        self._cut.begin()
        pieces = chunk(article, count=self._cut.count, sizes=self._cut.sizes())
        if not pieces:
            message = "has headings but no text"
            raise SourceError(message)
        self._staged.append(Staged(article, digest, pieces))
        self._waiting += len(article.text)
        if self._waiting >= self._room or len(self._staged) >= AT_ONCE:
            self._store()

    def _store(self) -> None:
        self._draft.stage(self._staged)
        self._staged, self._waiting = [], 0
