"""Which articles of one revision tell one story, and which of them speaks for the others.

A group is an article and those that were compared with it and found to be its copies: none is in a group because of
what a third article has in common with both. The one that was published first speaks, of those of one day the longest.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray

from index.errors import Superseded
from index.records import Article, ArticleId, Passage, PassageId, Span
from index.stories.held import Held
from index.stories.shingles import said
from index.text.analyse import terms
from index.text.sentences import sentences
from index.truth.ledger import Ledger, batches, to_article
from index.truth.tables import alive, articles, copies, passages

NEVER = "9999"
"""What sorts behind every date."""

SPEAKERS = 3
"""Articles of a group whose words a passage is compared with, at most."""

HELD = 1_000_000
"""Words held of articles that speak for groups that are asked about, 13 bytes each: those of a book or two."""


@dataclass(frozen=True, slots=True)
class Member:
    """An article of a group: its row in the ledger, and which row speaks for the group. The smallest `rank` speaks."""

    row: int
    head: int
    rank: int


class Groups:
    """The groups of a revision; False where it has none. Safe to share between threads."""

    def __init__(self, ledger: Ledger, revision: int) -> None:
        """Read them from the ledger: one look where there are no copies."""
        self._ledger = ledger
        ordered, heads = _heads(ledger, revision)
        self._members = [Member(row, heads[row], rank) for rank, row in enumerate(ordered) if row in heads]
        self._by_head: dict[int, list[int]] = {}
        for member in self._members:
            self._by_head.setdefault(member.head, []).append(member.row)
        self._numbers, self._places = self._passages()
        self._said = Held(self._read, weight=_words, most=HELD)

    def __bool__(self) -> bool:
        """Whether there are any."""
        return bool(self._members)

    def __len__(self) -> int:
        """Return how many articles are copies of one that speaks for them."""
        return len(self._members) - len(self._by_head)

    def members(self, ids: Iterable[PassageId]) -> dict[PassageId, Member]:
        """Return to which article of a group passages belong; those of no group are left out."""
        wanted = np.fromiter(ids, dtype=np.int64)
        if not self or not len(wanted):
            return {}
        at = np.searchsorted(self._numbers, wanted).clip(max=len(self._numbers) - 1)
        which = np.flatnonzero(self._numbers[at] == wanted)
        return {PassageId(int(wanted[i])): self._members[int(self._places[at[i]])] for i in which}

    def told_by(self, head: int) -> Sequence[int]:
        """Return the rows of a group's articles, the one that speaks first."""
        return self._by_head.get(head, ())

    def crowded(self, ids: Collection[PassageId], *, least: int) -> bool:
        """Whether fewer than `least` of the passages that were found would be there if no story had a copy."""
        found: dict[int, dict[int, int]] = {}
        for member in self.members(ids).values():
            rows = found.setdefault(member.head, {})
            rows[member.row] = rows.get(member.row, 0) + 1
        return len(ids) - sum(sum(rows.values()) - max(rows.values()) for rows in found.values()) < least

    def told(self, candidates: Iterable[PassageId], *, words: Callable[[str], frozenset[str]]) -> "Told":
        """Return what to ask which of the candidates for an answer say nothing of their own; see there for `words`."""
        return Told(self, self.members(candidates), words=words)

    def article(self, row: int) -> Article:
        """Return an article.

        Raises:
            Superseded: it is gone, as the revision is.
        """
        with self._ledger.reading() as db:
            found = db.execute(articles.select().where(articles.c.row == row)).first()
        if found is None or not found.digest:
            raise Superseded
        return to_article(found)

    def told_in(self, row: int, texts: Iterable[str]) -> list[bool]:
        """Return which sentences an article has too, word by word."""
        known = self._said(row)
        return [not words or words in known for words in map(said, texts)]

    def passages(self, row: int) -> list[Passage]:
        """Return the passages of an article, in order."""
        whole = self.article(row)
        query = passages.select().where(passages.c.article == row).order_by(passages.c.start, passages.c.row)
        with self._ledger.reading() as db:
            found = db.execute(query).all()
        return [Passage(PassageId(one.row), whole, one.start, one.end, one.heading) for one in found]

    def _read(self, row: int) -> frozenset[str]:
        """Return what the sentences of an article say."""
        text = self.article(row).text
        return frozenset(said(span.of(text)) for span in sentences(text))

    def _passages(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the numbers of all passages of groups in order, and for each the place of its article."""
        places = {member.row: place for place, member in enumerate(self._members)}
        found: list[tuple[int, int]] = []
        with self._ledger.reading() as db:
            for some in batches(list(places)):
                rows = db.execute(sa.select(passages.c.row, passages.c.article).where(passages.c.article.in_(some)))
                found += [(row.row, places[row.article]) for row in rows]
        both = np.array(sorted(found), dtype=np.int64).reshape(len(found), 2)
        return both[:, 0], both[:, 1]


class Told:
    """Which of the candidates for one answer say nothing that an article does not say that speaks for their group.

    Better a passage twice than a correction hidden. A sentence that the speaker does not have word by word counts where
    it has one of the `words` of the question, and wherever it stands in the story itself: "the talks have failed" may
    be all that is left of "the talks have succeeded". What stands before and after the story, in paragraphs of its own,
    counts only if it is asked for: an outlet puts such things around all of its articles. Of each group those speak
    that come first among the candidates: a question may ask for the last week, and the story be older in another
    outlet; and who speaks first may have printed less of it.
    """

    def __init__(
        self, groups: Groups, members: Mapping[PassageId, Member], *, words: Callable[[str], frozenset[str]]
    ) -> None:
        """Know which candidates belong to articles of groups; `words` gives what is asked for in a language."""
        self._groups = groups
        self._words = cache(words)
        self._members = members
        self._speakers: dict[int, list[Member]] = {}
        for member in sorted(set(members.values()), key=lambda one: one.rank):
            self._speakers.setdefault(member.head, []).append(member)

    def elsewhere(self, passage: Passage) -> bool:
        """Whether another article speaks before that of a passage, and tells all that it tells."""
        member = self._members.get(passage.id)
        if member is None:
            return False
        before = [one for one in self._speakers[member.head][:SPEAKERS] if one.rank < member.rank]
        spans = sentences(passage.text)
        return any(not self._adds(one.row, passage, spans) for one in before)

    def _adds(self, row: int, passage: Passage, spans: Sequence[Span]) -> bool:
        """Whether a passage, of such sentences, says anything that counts and that an article does not say."""
        told = self._groups.told_in(row, (span.of(passage.text) for span in spans))
        if all(told):
            return False
        own = [span.of(passage.text) for span, known in zip(spans, told, strict=True) if not known]
        return not any(told) or _within(passage, spans, told) or self._asked(own, passage.article.language)

    def _asked(self, own: Sequence[str], language: str) -> bool:
        return any(not self._words(language).isdisjoint(terms(sentence, language)) for sentence in own)


def _within(passage: Passage, spans: Sequence[Span], told: Sequence[bool]) -> bool:
    """Whether a sentence that is not told, while others are, stands in the story and not before or after it."""
    first, last = told.index(True), len(told) - 1 - told[::-1].index(True)
    if not all(told[first : last + 1]):
        return True
    before = first > 0 and (passage.start > 0 or _beside(passage.text, spans[first - 1], spans[first]))
    after = last + 1 < len(told) and (
        passage.end < len(passage.article.text) or _beside(passage.text, spans[last], spans[last + 1])
    )
    return before or after


def _beside(text: str, one: Span, other: Span) -> bool:
    """Whether two sentences that follow each other are in one paragraph."""
    return text.count("\n", one.end, other.start) < 2


def _words(sentences: Collection[str]) -> int:
    return sum(sentence.count(" ") + 1 for sentence in sentences)


def count(ledger: Ledger, revision: int) -> int:
    """Return how many articles of a revision are copies of one that speaks for them; reads the pairs, and no text."""
    _, heads = _heads(ledger, revision)
    return len(heads) - len(set(heads.values()))


def copies_of(db: sa.Connection, id_: ArticleId, revision: int) -> list[int]:
    """Return the rows of the articles of a revision that are copies of one, those published first before the others."""
    own, other = articles.alias(), articles.alias()
    found: list[tuple[str, str, int]] = []
    for mine, its in ((copies.c.article, copies.c.other), (copies.c.other, copies.c.article)):
        query = sa.select(other.c.date, other.c.id, other.c.row).select_from(
            copies.join(own, own.c.row == mine).join(other, other.c.row == its)
        )
        where = sa.and_(own.c.id == id_, alive(revision, own), alive(revision, other))
        found += [(row.date or NEVER, row.id, row.row) for row in db.execute(query.where(where))]
    return [row for _, _, row in sorted(found)]


def _heads(ledger: Ledger, revision: int) -> tuple[list[int], Mapping[int, int]]:
    """Return the articles that have copies, those that speak before the others, and for each the one that speaks."""
    one, other = articles.alias(), articles.alias()
    living = (
        sa.select(copies.c.article, copies.c.other)
        .select_from(copies.join(one, one.c.row == copies.c.article).join(other, other.c.row == copies.c.other))
        .where(alive(revision, one), alive(revision, other))
    )
    beside: dict[int, set[int]] = {}
    order: list[tuple[str, int, str, int]] = []
    with ledger.reading() as db:
        for pair in db.execute(living):
            beside.setdefault(pair.article, set()).add(pair.other)
            beside.setdefault(pair.other, set()).add(pair.article)
        for some in batches(list(beside)):
            query = sa.select(articles.c.row, articles.c.date, articles.c.pieces, articles.c.id)
            rows = db.execute(query.where(articles.c.row.in_(some)))
            order += [(row.date or NEVER, -row.pieces, row.id, row.row) for row in rows]
    ordered = [row for *_, row in sorted(order)]
    return ordered, lead(ordered, beside)


def lead(ordered: Sequence[int], beside: Mapping[int, set[int]]) -> dict[int, int]:
    """Return for each article the one that speaks for it, itself where it speaks; who has no copy is left out.

    Each that has no group yet begins one, with all its copies that have none.
    """
    heads: dict[int, int] = {}
    for row in ordered:
        if row in heads:
            continue
        joined = [other for other in beside[row] if other not in heads]
        if joined:
            heads |= dict.fromkeys([row, *joined], row)
    return heads
