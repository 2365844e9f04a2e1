"""Questions that a collection answers, made of the titles of its newest articles. Knows no index: it asks a library."""

import re
import threading
from collections.abc import Callable, Iterator
from itertools import islice

from index.browsing.catalogue import Catalogue
from index.errors import QuestionError
from index.records import Answer, Article

ASKED = 12
"""Questions asked at most to find examples: less than a second of work, once a revision."""

LOOKED_AT = 60
"""Newest articles that are looked at; the first ones may all be of one outlet, or without a fit title."""

LONGEST_TITLE = 90
"""Characters of a title that is still read at a glance as part of a question."""


class Examples:
    """Finds example questions, and remembers them for as long as the articles stay what they are."""

    def __init__(self, ask: Callable[[str], Answer], *, longest: int) -> None:
        """Ask whether a question is answered with `ask`, if it has no more than `longest` characters."""
        self._ask = ask
        self._longest = longest
        self._lock = threading.Lock()
        self._revision = 0
        self._found: list[str] = []

    def of(self, revision: int, catalogue: Catalogue, *, limit: int) -> list[str]:
        """Return up to `limit` questions that this revision, the current one, answers; the surest answered first."""
        with self._lock:  # who comes second waits for what the first one finds
            if revision != self._revision:
                self._found, self._revision = self._find(catalogue), revision
            return self._found[:limit]

    def _find(self, catalogue: Catalogue) -> list[str]:
        made: dict[str, Article] = {}
        for article in _mixed(catalogue.newest(limit=LOOKED_AT)):
            question = question_about(article.title)
            if question and len(question) <= self._longest:
                made.setdefault(question, article)
        sure = {question: self._sure(question, article) for question, article in islice(made.items(), ASKED)}
        return sorted((question for question in sure if sure[question]), key=lambda question: -sure[question])

    def _sure(self, question: str, article: Article) -> float:
        """Return the probability that a question is answered; 0 where its own article does not: its title misleads."""
        try:
            answer = self._ask(question)
        except QuestionError:
            return 0.0
        return answer.probability if any(citation.article.id == article.id for citation in answer.citations) else 0.0


def question_about(title: str) -> str:
    """Return the question that a title is or makes; nothing where it makes none that reads well.

    Of "Tidal power: a history" the beginning is enough, of "Why Hungary? A country" the question. A title is
    quoted as it is: it may be a sentence, as in: What is known about “A bakery moves”?
    """
    words = " ".join(title.split())
    asked, mark, _ = words.partition("?")
    subject, _, _ = words.partition(": ")
    subject = (subject if " " in subject else words).rstrip("?.!…:; ")
    if not re.search(r"\w", subject) or len(subject) > LONGEST_TITLE:
        return ""
    if mark and " " in asked:
        return asked + mark
    return f"What is known about “{subject.translate(_INNER)}”?"


_INNER = str.maketrans('“”„"', "‘’‚'")
"""Quotation marks within a title become those within others."""


def _mixed(articles: list[Article]) -> Iterator[Article]:
    """Yield articles so that each outlet has its newest before any has its second."""
    places: dict[str, int] = {}
    ranked = []
    for article in articles:
        places[article.source] = places.get(article.source, 0) + 1
        ranked.append((places[article.source], article))
    yield from (article for _, article in sorted(ranked, key=lambda pair: pair[0]))
