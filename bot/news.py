"""What is news in an answer for somebody who watches its question. Pure; knows no chat and no database."""

import datetime as dt
import hashlib
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass

from index.ledger import digest_of
from index.records import Answer, ArticleId, Citation
from index.sentences import sentences

BETTER = 0.1
"""How much more probable than any before an answer must be that counts as better."""


@dataclass(frozen=True, slots=True)
class Base:
    """What somebody who watches a question has been told, or might have been, up to a revision.

    `best` is the highest probability of an answer, `newest` the latest date of a cited article; `answered` whether the
    articles of that revision answer it at all. `seen` are digests of the sentences and the articles it was drawn from.
    """

    revision: int = 0
    answered: bool = False
    best: float = 0.0
    newest: dt.date | None = None
    seen: frozenset[str] = frozenset()


def base_of(answer: Answer) -> Base:
    """Return what an answer by itself makes known."""
    best = answer.probability if answer.answered else 0.0
    return Base(answer.revision, answer.answered, best, _newest(answer), _sentences(answer) | _articles(answer))


def noted(before: Base, answer: Answer) -> Base:
    """Return what is known after an answer, whether or not it is news.

    Where the articles did not answer before, any answer was better, and the next ones are measured by this one. After
    a rollback, or in a ledger that began anew, only the sentences that were seen are still true of what was told.
    """
    now = base_of(answer)
    seen = before.seen | now.seen
    if undone(before, answer) or not before.answered:
        return Base(now.revision, now.answered, now.best, now.newest, seen)
    newest = max((day for day in (before.newest, now.newest) if day), default=None)
    return Base(now.revision, now.answered, max(before.best, now.best), newest, seen)


def news(before: Base, answer: Answer, since: Mapping[ArticleId, int]) -> tuple[Citation, ...]:
    """Return the citations of an answer that are worth a message, in order.

    That are sentences nobody saw before, of articles that are new or have changed, where the answer is better than
    any before or the article newer. `since` says in which revision articles became what they are.
    """
    if undone(before, answer):
        return ()
    better = answer.answered and (not before.answered or answer.probability >= before.best + BETTER)
    return tuple(
        citation
        for citation in answer.citations
        if since.get(citation.article.id, 0) > before.revision
        and digest_of(citation.article) not in before.seen
        and not _quoted(citation) <= before.seen
        and (better or _is_newer(citation, before))
    )


def undone(before: Base, answer: Answer) -> bool:
    """Whether the revision that was known is not there any more: it was rolled back, or the ledger began anew."""
    return answer.revision < before.revision


def digest(sentence: str) -> str:
    """Return 16 hex digits that change with the words of a sentence, and with nothing else."""
    words = re.findall(r"\w+", unicodedata.normalize("NFKC", sentence).casefold())
    return hashlib.sha256(" ".join(words).encode()).hexdigest()[:16]


def _is_newer(citation: Citation, before: Base) -> bool:
    date = citation.article.date
    return date is not None and before.newest is not None and date > before.newest


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
