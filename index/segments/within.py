"""Find candidates among the passages that were published in a period: exactly, however few they are."""

import heapq
from collections.abc import Callable, Mapping

from index.models.embed import Vectors
from index.records import PassageId, Period
from index.segments.lexicon import NONE
from index.segments.snapshot import Snapshot
from index.truth.ledger import Ledger

FEW = 2_000
"""Passages up to which all those of a period are scored one by one: their vectors take 19 ms to read, among a hundred
thousand. Where there are more, a search of everything meets enough of them."""

Scores = dict[PassageId, float]


class Within:
    """The passages of one revision that were published in a period. False where there are none."""

    def __init__(self, snapshot: Snapshot, *, ledger: Ledger, period: Period) -> None:
        """Look them up in the ledger."""
        self._snapshot = snapshot
        self._ledger = ledger
        self._period = period
        some = ledger.dated(period, snapshot.revision.number, most=FEW + 1)
        self._few = some if len(some) <= FEW else None

    def __bool__(self) -> bool:
        """Whether there are any."""
        return self._few != []

    def nearest(self, question: Vectors, *, limit: int) -> Scores:
        """Return those nearest to a vector of shape (dimensions,), with their cosines, best first."""
        if self._few is None:
            return self._met(lambda most: self._snapshot.nearest(question, limit=most), limit)
        vectors = self._ledger.vectors(self._few, model=self._snapshot.revision.fingerprint)
        return _best({number: float(question @ vector) for number, vector in vectors.items()}, limit)

    def best(self, words: str, *, limit: int, beside: Mapping[str, float] = NONE) -> Scores:
        """Return those with the highest BM25 for some words, best first; `beside` as in `Lexicon`."""
        lexicon = self._snapshot.lexicon
        if self._few is None:
            return self._met(lambda most: lexicon.best(words, limit=most, beside=beside), limit)
        return _best(lexicon.scores(words, self._few, beside=beside), limit)

    def _met(self, search: Callable[[int], Scores], limit: int) -> Scores:
        """Search everything for more and more, until enough of it was published then or there is no more."""
        most = limit
        while True:
            most = min(4 * most, max(limit, self._snapshot.rows))
            found = search(most)
            dates = self._ledger.dates_of(list(found))
            kept = {number: score for number, score in found.items() if self._period.holds(dates.get(number))}
            if len(kept) >= limit or len(found) < most or most >= self._snapshot.rows:
                return _best(kept, limit)


def _best(scores: Scores, limit: int) -> Scores:
    return dict(heapq.nlargest(limit, scores.items(), key=lambda item: item[1]))
