"""An answer as the journal keeps it: all that its buttons need, long after the articles have changed. No I/O.

Of an article only the cited passage is kept, as an article of its own; `Place` says where in the whole one it stood.
"""

import datetime as dt
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlsplit

from bot.text import fragment
from index.records import Answer, Article, ArticleId, Citation, Claim, Judged, Page, Passage, PassageId, Period, Turn
from index.truth.ledger import digest_of

UNASKED = -1
"""The message of the question of an answer that nobody asked for now: a watch brought it."""

LIKELIEST = 5
"""Sentences kept of those that might have answered: what "Why" shows."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a kept passage stands: the digest of its article at that time, and the offset of its first character."""

    digest: str
    start: int


@dataclass(frozen=True, slots=True)
class Asked:
    """Who asked what, where. `message` is that of the question, `thread` the topic of a forum, 0 elsewhere.

    `parent` is the id of the answer that this question follows up. Times are seconds since 1970.
    """

    chat: int
    person: int
    message: int
    at: float
    thread: int = 0
    parent: str = ""
    language: str = ""


@dataclass(frozen=True, slots=True)
class Kept:
    """An answer and where it went. `places` and `links` are by the number of a citation.

    `first` and `message` are the first and the last message that showed it, 0 until they are sent; buttons stand under
    the last. `took` are the seconds from the question's arrival until then. `watch` is the id of the watch that it
    begins, or that brought it.
    """

    id: str
    asked: Asked
    answer: Answer
    places: Mapping[int, Place] = field(default_factory=dict)
    links: Mapping[int, str] = field(default_factory=dict)
    first: int = 0
    message: int = 0
    took: float = 0.0
    watch: str = ""


def keep(id_: str, asked: Asked, answer: Answer, *, watch: str = "") -> Kept:
    """Make of a fresh answer what is kept of it."""
    places = {one.number: Place(digest_of(one.article), one.passage.start) for one in answer.citations}
    slim = replace(
        answer,
        citations=tuple(_slim(citation) for citation in answer.citations),
        nearest=tuple(map(_bare, answer.nearest)),
        judged=tuple(_likely(judged) for judged in answer.judged[:LIKELIEST]),
        hits=(),
        timings={},
    )
    return Kept(id_, asked, slim, places, links_of(answer), watch=watch)


def links_of(answer: Answer) -> dict[int, str]:
    """Return the addresses of the very places that a fresh answer cites, where their articles have one."""
    return {one.number: _link(one) for one in answer.citations if one.article.url}


def _link(citation: Citation) -> str:
    """Return an address of cited words: a browser opens a PDF at a page, and a web page at a sentence."""
    article, page = citation.article, citation.page
    if page is not None and urlsplit(article.url).path.lower().endswith(".pdf"):
        return f"{article.url.partition('#')[0]}#page={page}"
    return fragment.link(article.url, article.text, citation.start, citation.end)


def to_json(kept: Kept) -> str:
    """Write down the answer itself; the rest has columns of its own."""
    answer = kept.answer
    period = answer.period
    return json.dumps(
        {
            "question": answer.question,
            "understood": answer.understood,
            "claims": [[claim.text, claim.citations, claim.also] for claim in answer.claims],
            "citations": [_citation_json(citation, kept) for citation in answer.citations],
            "nearest": [_article_json(article) for article in answer.nearest],
            "unknown": answer.unknown_words,
            "missing": answer.missing,
            "unasked": answer.unasked,
            "probability": answer.probability,
            "threshold": answer.threshold,
            "period": period and [str(period.earliest or ""), str(period.latest or ""), period.newest],
            "beyond": answer.beyond,
            "judged": [[_article_json(one.passage.article), one.text, one.probability] for one in answer.judged],
            "watch": kept.watch,
        },
        ensure_ascii=False,
        separators=(",", ":"),
    )


def from_json(id_: str, asked: Asked, revision: int, body: str, *, first: int, message: int, took: float) -> Kept:  # noqa: PLR0913
    """Read what `to_json` wrote."""
    raw: dict[str, Any] = json.loads(body)
    citations = tuple(_citation(one) for one in raw["citations"])
    answer = Answer(
        question=raw["question"],
        claims=tuple(Claim(text, tuple(numbers), tuple(also)) for text, numbers, also in raw["claims"]),
        citations=citations,
        nearest=tuple(_article(one) for one in raw["nearest"]),
        unknown_words=tuple(raw["unknown"]),
        probability=raw["probability"],
        revision=revision,
        understood=raw["understood"],
        period=_period(raw["period"]),
        beyond=raw["beyond"],
        judged=tuple(_judged(*one) for one in raw["judged"]),
        threshold=raw["threshold"],
        missing=tuple(raw["missing"]),
        unasked=tuple(raw.get("unasked", ())),
    )
    places = {one["number"]: Place(one["digest"], one["at"]) for one in raw["citations"]}
    links = {one["number"]: one["link"] for one in raw["citations"] if one["link"]}
    return Kept(id_, asked, answer, places, links, first, message, took, raw.get("watch", ""))


def turn(body: str) -> Turn:
    """Read of what `to_json` wrote the question and its answer, for the questions that follow: no more is needed."""
    raw: dict[str, Any] = json.loads(body)
    return Turn(raw["question"], " ".join(text for text, _, _ in raw["claims"]))


def _slim(citation: Citation) -> Citation:
    """Return a citation whose article is its passage and nothing else."""
    passage = citation.passage
    article = _bare(passage.article, passage.text, _pages(passage))
    alone = replace(passage, article=article, start=0, end=len(article.text))
    return Citation(citation.number, alone, citation.start - passage.start, citation.end - passage.start)


def _bare(article: Article, text: str = "", pages: tuple[Page, ...] = ()) -> Article:
    """Return what is kept of an article, with so much of its text."""
    return Article(article.id, article.title, text, article.date, article.source, article.url, pages=pages)


def _pages(passage: Passage) -> tuple[Page, ...]:
    """Return the page that a passage begins on, and those that begin in it, as offsets into the passage."""
    if passage.page is None:
        return ()
    inside = (page for page in passage.article.pages if passage.start < page.start < passage.end)
    return (Page(0, passage.page), *(Page(page.start - passage.start, page.number) for page in inside))


def _likely(judged: Judged) -> Judged:
    """Return a sentence that was judged, alone; what was seen of it is not kept."""
    return _alone(judged.passage.article, judged.text, judged.probability)


def _citation_json(citation: Citation, kept: Kept) -> dict[str, Any]:
    place = kept.places[citation.number]
    return {
        "number": citation.number,
        "article": _article_json(citation.article),
        "digest": place.digest,
        "passage": citation.passage.id,
        "heading": citation.passage.heading,
        "pages": [[page.start, page.number] for page in citation.article.pages],
        "at": place.start,
        "text": citation.passage.text,
        "start": citation.start,
        "end": citation.end,
        "link": kept.links.get(citation.number, ""),
    }


def _citation(raw: Mapping[str, Any]) -> Citation:
    pages = tuple(Page(start, number) for start, number in raw.get("pages", ()))  # older answers have none
    article = replace(_article(raw["article"]), text=raw["text"], pages=pages)
    passage = Passage(PassageId(raw["passage"]), article, 0, len(article.text), raw["heading"])
    return Citation(raw["number"], passage, raw["start"], raw["end"])


def _article_json(article: Article) -> list[str]:
    return [article.id, article.title, str(article.date or ""), article.source, article.url]


def _article(raw: list[str]) -> Article:
    id_, title, date, source, url = raw
    return Article(ArticleId(id_), title, "", _date(date), source, url)


def _judged(article: list[str], sentence: str, probability: float) -> Judged:
    return _alone(_article(article), sentence, probability)


def _alone(article: Article, sentence: str, probability: float) -> Judged:
    of = _bare(article, sentence)
    return Judged(Passage(PassageId(0), of, 0, len(sentence)), 0, len(sentence), {}, probability)


def _period(raw: tuple[str, str, bool] | None) -> Period | None:
    return Period(_date(raw[0]), _date(raw[1]), newest=raw[2]) if raw else None


def _date(text: str) -> dt.date | None:
    return dt.date.fromisoformat(text) if text else None
