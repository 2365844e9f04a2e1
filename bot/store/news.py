"""What is news in an answer for somebody who watches its question. Pure; knows no chat and no database."""

import datetime as dt
import hashlib
import math
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, replace

from index.asking.compose import NEAR_TIE, NEWEST_TIE
from index.asking.judge import log_odds
from index.records import Answer, ArticleId, Citation
from index.text.sentences import sentences
from index.truth.ledger import digest_of


@dataclass(frozen=True, slots=True)
class Base:
    """What somebody who watches a question has been told, or might have been, up to a revision.

    `best` is the highest probability of a sentence that answers, `newest` the latest date of a cited article;
    `answered` whether the articles of that revision answer it at all, `missing` how many of its parts they do not.
    `seen` are digests of the sentences and the articles that the answers were drawn from.
    """

    revision: int = 0
    answered: bool = False
    missing: int = 0
    best: float = 0.0
    newest: dt.date | None = None
    seen: frozenset[str] = frozenset()


def base_of(answer: Answer) -> Base:
    """Return what an answer by itself makes known."""
    best = _best(answer) if answer.answered else 0.0
    seen = _sentences(answer) | _articles(answer)
    return Base(answer.revision, answer.answered, len(answer.missing), best, _newest(answer), seen)


def noted(before: Base, answer: Answer) -> Base:
    """Return what is known after an answer, whether or not it is news.

    Where the articles did not answer before, any answer was better, and the next ones are measured by this one. After
    a rollback, or in a ledger that began anew, only the sentences that were seen are still true of what was told.
    """
    now = base_of(answer)
    if undone(before, answer) or not before.answered:
        return replace(now, seen=before.seen | now.seen)
    newest = max((day for day in (before.newest, now.newest) if day), default=None)
    return replace(now, best=max(before.best, now.best), newest=newest, seen=before.seen | now.seen)


def news(before: Base, answer: Answer, since: Mapping[ArticleId, int]) -> tuple[Citation, ...]:
    """Return the citations of an answer that are worth a message, in order.

    That are sentences nobody saw before, of articles that are new or have changed, where they answer better than any
    before, or as well and from a later day. `since` says in which revision articles became what they are.
    """
    if undone(before, answer):
        return ()
    more = answer.answered and (not before.answered or len(answer.missing) < before.missing)
    return tuple(
        citation
        for citation in answer.citations
        if since.get(citation.article.id, 0) > before.revision
        and digest_of(citation.article) not in before.seen
        and not _quoted(citation) <= before.seen
        and (more or _is_better(citation, answer, before) or _is_newer(citation, answer, before))
    )


def undone(before: Base, answer: Answer) -> bool:
    """Whether the revision that was known is not there any more: it was rolled back, or the ledger began anew."""
    return answer.revision < before.revision


def digest(sentence: str) -> str:
    """Return 16 hex digits that change with the words of a sentence, and with nothing else."""
    words = re.findall(r"\w+", unicodedata.normalize("NFKC", sentence).casefold())
    return hashlib.sha256(" ".join(words).encode()).hexdigest()[:16]


def _is_better(citation: Citation, answer: Answer, before: Base) -> bool:
    """Whether a sentence is clearly more probable than any before: not by so little that both are as good.

    What others are told of moves a sentence by less than that: when CLAPnq grew from 107 articles to 203, the odds of
    the best sentences of 56 answers changed by a factor of 0.94 to 1.21, in the median 1.05.
    """
    return _odds(_probability(citation, answer)) > NEAR_TIE * _odds(before.best)


def _is_newer(citation: Citation, answer: Answer, before: Base) -> bool:
    """Whether a sentence from a later day than any before is as good as the best; there may be weaker ones beside it.

    A question for the latest takes a newer one for as good though it is a good deal less probable, as answers do.
    """
    date = citation.article.date
    if date is None or before.newest is None or date <= before.newest:
        return False
    tie = NEWEST_TIE if answer.period is not None and answer.period.newest else NEAR_TIE
    return _odds(_probability(citation, answer)) * tie >= _odds(_best(answer))


def _probability(citation: Citation, answer: Answer) -> float:
    """Return the probability of the best sentence of a quote."""
    within = (
        one.probability
        for one in answer.judged
        if one.passage.article.id == citation.article.id and citation.start <= one.start and one.end <= citation.end
    )
    return max(within, default=0.0)


def _best(answer: Answer) -> float:
    return max((one.probability for one in answer.judged), default=0.0)


def _odds(probability: float) -> float:
    return math.exp(log_odds(probability))


def _newest(answer: Answer) -> dt.date | None:
    return max((citation.article.date for citation in answer.citations if citation.article.date), default=None)


def _quoted(citation: Citation) -> frozenset[str]:
    quote = citation.quote
    return frozenset(digest(span.of(quote)) for span in sentences(quote))


def _sentences(answer: Answer) -> frozenset[str]:
    """Return the digests of all sentences that were weighed: one that changed its rank is no news."""
    weighed = frozenset(digest(judged.text) for judged in answer.judged)
    return weighed.union(*(_quoted(citation) for citation in answer.citations))


def _articles(answer: Answer) -> frozenset[str]:
    """Return the digests of all articles that were found.

    `since` takes each article for a new one after a rebuild that nobody looked at in time.
    """
    found = {hit.passage.article.id: hit.passage.article for hit in answer.hits}
    return frozenset(digest_of(article) for article in found.values())
