"""The nouns of the Library, as frozen values. No I/O, no rules beyond what follows from the fields.

Offsets are Python string indices (Unicode code points) into an article's `text`, end exclusive.
"""

import datetime as dt
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NewType

ArticleId = NewType("ArticleId", str)
"""Names an article for people and across reindexes: its path below the folder, or the id of its JSONL line."""

PassageId = NewType("PassageId", int)
"""Row number of a passage in the ledger; also its id in Chroma and tantivy. Never used twice."""


INSIDE = " › "
"""Stands between the headings of a path, the outermost first."""


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of an article's text."""

    start: int
    end: int

    def of(self, text: str) -> str:
        """Return the stretch itself."""
        return text[self.start : self.end]

    def moved(self, by: int) -> "Span":
        """Return the stretch so many characters further on: of a text, where its place in a longer one is known."""
        return Span(self.start + by, self.end + by)

    def __len__(self) -> int:
        """Return how many characters it has."""
        return self.end - self.start


@dataclass(frozen=True, slots=True)
class Heading(Span):
    """A heading line inside an article's text; `level` is 1 for the outermost."""

    level: int = 1


@dataclass(frozen=True, slots=True)
class Page:
    """Where a page of a printed or paged article begins in its text, and its number as readers count, from 1."""

    start: int
    number: int


@dataclass(frozen=True, slots=True)
class Article:
    """One article as it was read: plain text, and what is known about it.

    `date` is the day of publication, `language` its code by ISO 639-1, empty where it is not known; `headings` are
    spans of `text` in order, `pages` the beginnings of its pages, likewise. `origin` is the name of the source that
    brought it, empty for the folder of the library.
    """

    id: ArticleId
    title: str
    text: str
    date: dt.date | None = None
    source: str = ""
    url: str = ""
    headings: tuple[Heading, ...] = ()
    author: str = ""
    language: str = ""
    pages: tuple[Page, ...] = ()
    origin: str = ""

    def page_at(self, offset: int) -> int | None:
        """Return the number of the page that a place in the text stands on; None where the article has no pages."""
        at = bisect_right(self.pages, offset, key=lambda page: page.start)
        return self.pages[at - 1].number if at else None


@dataclass(frozen=True, slots=True)
class Item:
    """Something that may become an article, as whoever names it describes it.

    `key` is its address, or what it is called. `changed` is when it changed last; `markup` what a feed says of it.
    """

    key: str
    title: str = ""
    date: dt.date | None = None
    changed: dt.datetime | None = None
    markup: str = ""


@dataclass(frozen=True, slots=True)
class Passage:
    """A slice of an article, as it is embedded and searched. `heading` is the path to the section it stands in."""

    id: PassageId
    article: Article
    start: int
    end: int
    heading: str = ""

    @property
    def text(self) -> str:
        """The passage, word for word."""
        return self.article.text[self.start : self.end]

    @property
    def page(self) -> int | None:
        """The page it begins on, where its article has pages."""
        return self.article.page_at(self.start)

    @property
    def section(self) -> str:
        """The innermost of the headings that it stands under; nothing where there is none."""
        return self.heading.rpartition(INSIDE)[2]


@dataclass(frozen=True, slots=True)
class Hit:
    """A passage that was found. `dense` is the cosine to the question, `lexical` the BM25 score; `score` fuses them.

    `rerank` is the logit of the reranking model, where there is one and it read this passage.
    """

    passage: Passage
    score: float
    dense: float
    lexical: float
    rerank: float | None = None


@dataclass(frozen=True, slots=True)
class Citation:
    """A slice of a passage that proves a claim. Its quote is derived from offsets, so it cannot be wrong."""

    number: int
    passage: Passage
    start: int
    end: int

    @property
    def article(self) -> Article:
        """The article cited."""
        return self.passage.article

    @property
    def page(self) -> int | None:
        """The page that the cited words begin on, where the article has pages."""
        return self.article.page_at(self.start)

    @property
    def section(self) -> str:
        """The section they stand in; nothing where the article has none there."""
        return self.passage.section

    @property
    def quote(self) -> str:
        """The cited words, verbatim."""
        return self.article.text[self.start : self.end]


@dataclass(frozen=True, slots=True)
class Period:
    """When what a question asks for was published: two days, both included, or open. `newest`: the later the better."""

    earliest: dt.date | None = None
    latest: dt.date | None = None
    newest: bool = False

    @property
    def bounded(self) -> bool:
        """Whether it leaves any day out."""
        return self.earliest is not None or self.latest is not None

    def holds(self, date: dt.date | None) -> bool:
        """Whether an article of that date was published then; one without a date never was, if there are bounds."""
        if date is None:
            return not self.bounded
        return (self.earliest or date) <= date <= (self.latest or date)


@dataclass(frozen=True, slots=True)
class Claim:
    """One statement of an answer, with the numbers of the citations that prove it.

    `also` are the numbers of citations of other articles that say the same.
    """

    text: str
    citations: tuple[int, ...]
    also: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Turn:
    """One question of a conversation, and the answer as it was shown."""

    question: str
    answer: str = ""


@dataclass(frozen=True, slots=True)
class Judged:
    """A sentence as it was judged: what was seen of it, by name, and the probability that it answers."""

    passage: Passage
    start: int
    end: int
    features: Mapping[str, float]
    probability: float

    @property
    def text(self) -> str:
        """The sentence, word for word."""
        return self.passage.article.text[self.start : self.end]


@dataclass(frozen=True, slots=True)
class Answer:
    """Claims with citations; or no claims, the nearest articles, and the words of the question no article has.

    `probability` is how sure the judgement is that the claims answer the question, 0 to 1;
    `timings` are milliseconds a stage. `understood` is the question as earlier turns completed it; nothing where it
    was left alone. `period` is what the question says of when the articles were published, where that made a
    difference; `beyond`: nothing from then answers it, so this comes from all articles. `judged` are the sentences that
    might answer, most probable first; it was refused where `probability` is below `threshold`. `missing` are the parts
    of the question that nothing was found on, while something was on others; `unasked` those beyond the first few,
    which were not looked for.
    """

    question: str
    claims: tuple[Claim, ...]
    citations: tuple[Citation, ...]
    nearest: tuple[Article, ...]
    unknown_words: tuple[str, ...]
    probability: float
    revision: int
    hits: tuple[Hit, ...] = ()
    timings: Mapping[str, float] = field(default_factory=dict)
    understood: str = ""
    period: Period | None = None
    beyond: bool = False
    judged: tuple[Judged, ...] = ()
    threshold: float = 0.0
    missing: tuple[str, ...] = ()
    unasked: tuple[str, ...] = ()

    @property
    def answered(self) -> bool:
        """Whether the articles hold an answer."""
        return bool(self.claims)

    @property
    def cited(self) -> tuple[tuple[Citation, ...], ...]:
        """The citations, those of one passage together, in the order of their numbers."""
        together: dict[PassageId, list[Citation]] = {}
        for citation in self.citations:
            together.setdefault(citation.passage.id, []).append(citation)
        return tuple(tuple(citations) for citations in together.values())

    @property
    def text(self) -> str:
        """The claims as one running text, without numbers."""
        return " ".join(claim.text for claim in self.claims)


@dataclass(frozen=True, slots=True)
class Version:
    """What an article was before it changed: its title and its date then, and when the next version replaced it."""

    title: str
    date: dt.date | None
    replaced_at: dt.datetime


@dataclass(frozen=True, slots=True)
class Outlet:
    """Who published articles, how many of them, and the first and the last of their dates. "" is nobody known."""

    name: str
    articles: int
    first: dt.date | None = None
    last: dt.date | None = None


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a long piece of work stands: `done` of `total` units of `stage`, `rate` units a second."""

    stage: str
    done: int
    total: int
    rate: float = 0.0

    @property
    def seconds_left(self) -> float | None:
        """Estimated time to the end of this stage, or None while nothing can be said."""
        return (self.total - self.done) / self.rate if self.rate > 0 else None


@dataclass(frozen=True, slots=True)
class Plan:
    """What a reindex of `folder` would do, in articles. `served` is how many there are now.

    `again`: the model or the sizes of passages are others, so that all are embedded again. `consent`: so much would be
    removed that somebody has to agree to it first.
    """

    folder: str
    served: int
    added: int
    changed: int
    removed: int
    unchanged: int
    failures: tuple["Failure", ...]
    again: bool = False
    consent: bool = False

    @property
    def changes(self) -> bool:
        """Whether there is anything to do."""
        return bool(self.added or self.changed or self.removed or self.again)


@dataclass(frozen=True, slots=True)
class Failure:
    """A file that could not become an article, and why, in words."""

    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class Report:
    """What an indexing run did. Counts are articles, except `passages` and `embedded`, which are passages."""

    revision: int
    added: int
    changed: int
    removed: int
    unchanged: int
    failures: tuple[Failure, ...]
    passages: int
    embedded: int
    seconds: float

    @property
    def articles(self) -> int:
        """How many articles the library holds now."""
        return self.added + self.changed + self.unchanged


@dataclass(frozen=True, slots=True)
class Revision:
    """One state of the library.

    `segments` and `words` name what was derived from it. `model` is the embedding model's name in the settings,
    `fingerprint` that model as `Embedder` identifies it, and `chunking` the sizes its passages were cut to. `held`
    after a rollback: nothing may reindex by itself until a person does.
    """

    number: int
    made_at: dt.datetime
    segments: tuple[str, ...]
    words: str
    model: str
    fingerprint: str
    chunking: str
    folder: str
    articles: int
    passages: int
    held: bool = False


@dataclass(frozen=True, slots=True)
class Facts:
    """What a segment was planned to hold: the passages of `revision` numbered above `after` up to `last`.

    `rows` is how many different vectors they have; `twins` are the passages that share the row of another one.
    """

    name: str
    revision: int
    after: int
    last: int
    passages: int
    rows: int
    twins: Mapping[PassageId, tuple[PassageId, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Stored:
    """A passage as the segments need it: its number, the words it is found by, and the language they are in."""

    id: PassageId
    title: str
    heading: str
    text: str
    language: str = ""
