"""Compare a collection with the revision that is served, and read what is new or changed into a draft."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from index.chunk import Count, Sizes, chunk
from index.collection import Collection
from index.draft import Draft, Staged
from index.errors import SourceError
from index.language import Detector
from index.ledger import Ledger
from index.progress import Meter, Stop, Watch, check
from index.records import Article, ArticleId, Failure
from index.survey import Absent, Candidate

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
    """Reads into one draft. Memory is bounded by `room`, the bytes of text that wait to be stored."""

    def __init__(self, ledger: Ledger, draft: Draft, *, cut: Cut | None, again: bool, room: int) -> None:
        """Read into `draft`. Without `cut` nothing is stored, only counted. `again`: even what did not change."""
        self._ledger = ledger
        self._draft = draft
        self._cut = cut
        self._again = again
        self._room = room
        self._detector = Detector()
        self._staged: list[Staged] = []
        self._waiting = 0

    def read(self, survey: Collection, tally: Tally, *, watch: Watch, stop: Stop) -> None:
        """Compare all articles, store the new and the changed ones, and add to the counts of `tally`."""
        meter = Meter("reading", tally.found, watch)
        for some in survey.batches(AT_ONCE):
            for failure in some:
                if isinstance(failure, Failure):
                    self._fail(failure, self._draft.served_below(failure.name), tally)
                elif isinstance(failure, Absent):
                    self._fail(failure.failure, self._draft.served_from(failure.origin), tally)
            for candidate, before in self._compared([item for item in some if isinstance(item, Candidate)], tally):
                check(stop)
                self._take(candidate, before, tally)
                meter.tick()
        self._store()

    def _fail(self, failure: Failure, served: Mapping[ArticleId, str], tally: Tally) -> None:
        """Note what could not be listed; what is served of it stays."""
        tally.failures.append(failure)
        for id_, digest in served.items():
            tally.kept += 1
            self._stage_again(id_, digest)

    def _compared(self, candidates: Sequence[Candidate], tally: Tally) -> Iterator[tuple[Candidate, str | None]]:
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
                tally.failures.append(Failure(candidate.id, "has the id of an earlier article"))

    def _take(self, candidate: Candidate, before: str | None, tally: Tally) -> None:
        try:
            loaded = candidate.load()
            if before != loaded.digest or self._again:
                self._stage(loaded.parse, loaded.digest, size=loaded.size)
        except SourceError as error:
            self._keep_last_good(candidate.id, before, str(error), tally)
            return
        tally.added += before is None
        tally.changed += before not in (None, loaded.digest)
        tally.kept += before == loaded.digest

    def _keep_last_good(self, id_: ArticleId, before: str | None, reason: str, tally: Tally) -> None:
        """Keep the version that is served: a file broken today must not take away the article it was yesterday."""
        if before is not None:
            reason = f"{reason} (its last good version stays)"
            tally.kept += 1
            self._stage_again(id_, before)
        tally.failures.append(Failure(id_, reason))

    def _stage_again(self, id_: ArticleId, digest: str) -> None:
        served = self._ledger.article(id_, self._draft.before) if self._again else None
        if served is not None:
            self._stage(lambda: served, digest, size=len(served.text))

    def _stage(self, parse: Callable[[], Article], digest: str, *, size: int) -> None:
        if self._cut is None:
            return
        read = parse()
        article = replace(read, language=self._detector.language(read.text, stated=read.language))
        self._cut.begin()
        pieces = chunk(article, count=self._cut.count, sizes=self._cut.sizes())
        if not pieces:
            message = "has headings but no text"
            raise SourceError(message)
        self._staged.append(Staged(article, digest, pieces))
        self._waiting += size
        if self._waiting >= self._room or len(self._staged) >= AT_ONCE:
            self._store()

    def _store(self) -> None:
        self._draft.stage(self._staged)
        self._staged, self._waiting = [], 0
