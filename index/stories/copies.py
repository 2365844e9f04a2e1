"""Find the articles of a draft that tell the same story, and note the pairs in the ledger, each compared by its words.

Only what has no signature yet is compared, with itself and with all there is. Signatures say which articles may be
copies (MinHash, by banding: Leskovec, Rajaraman, Ullman, "Mining of Massive Datasets", chapter 3), `shingles` whether
they are. What an outlet puts under each of its articles does not count.
"""

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray

from index.progress import Meter, Stop, Watch, check
from index.stories.held import Held
from index.stories.shingles import ALIKE, SLOTS, Marks, Signatures, Story, form, is_copy, marks_in_many, signatures
from index.truth.database import insert
from index.truth.ledger import AT_ONCE, Ledger, batches
from index.truth.tables import alive, articles, copies
from index.truth.tables import signatures as signed

ROWS = 2
"""Slots of a band: two articles are looked at if they agree in one of SLOTS / ROWS bands. Of pairs with a Jaccard
similarity of 0.2 that finds 93 in 100, of 0.25 98, of 0.3 nearly all; with 3 it would be 29, 49, 68."""

NEIGHBOURS = 64
"""Others with the same band that an article is looked at with, at most: a template must not cost the square of its
reports. A story with more copies than that may be told as two."""

LEAST = 0.75 * ALIKE
"""Share of equal slots from which it is worth to compare the words: ALIKE less one and a half deviations."""

SAMPLE = 24
"""Articles of an outlet in which is looked for what it puts under all of them."""

HELD = 100_000
"""Words of stories held in memory while pairs are compared, some 150 bytes each: 200 stories of 500 words."""

AT_MOST = 200
"""Articles whose signatures are made together: of small ones more bring nothing."""

WINDOW = 20_000
"""Pairs whose signatures are compared at once: 20 MB."""

Pairs = NDArray[np.int64]

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Compared:
    """How many articles were compared, as far as their words, with how many others, and how many pairs are copies."""

    articles: int
    others: int
    pairs: int


def compare(ledger: Ledger, revision: int, *, watch: Watch, stop: Stop) -> Compared:
    """Compare the articles of a draft that were never compared; what was found before stays.

    Takes about a millisecond of a processor an article, half of it for reading its words; 512 bytes of memory for each
    article there is. The caller holds the writer's lock.

    Raises:
        Cancelled: `stop` said so.
    """
    texts = _Texts(ledger, revision)
    fresh = _unsigned(ledger, revision)
    if not fresh:
        return Compared(0, 0, 0)
    meter = Meter("comparing", len(fresh), watch)
    made = []
    for some in texts.weighed(fresh):
        check(stop)
        made.append(signatures(some))
        meter.tick(len(some))
    slots, rows = np.concatenate(made), np.array(fresh, dtype=np.int64)
    before, known = _signed(ledger, revision)
    found = likely(np.concatenate([before, rows]), np.concatenate([known, slots]), fresh=rows)
    kept = []
    for one, other in found.tolist():
        check(stop)
        if is_copy(texts.story(one), texts.story(other)):
            kept.append({"article": one, "other": other})
    _keep(ledger, rows=fresh, slots=slots, pairs=kept)
    others = len(set(found.ravel().tolist()) - set(fresh))
    log.info("compared %d articles, and their words with %d others: %d copies", len(fresh), others, len(kept))
    return Compared(len(fresh), others, len(kept))


def likely(rows: Pairs, slots: Signatures, *, fresh: Pairs) -> Pairs:
    """Return which pairs may be copies, shape (n, 2), the smaller number first; one of each is `fresh`.

    `rows` are the numbers of articles, shape (m,), `slots` their signatures, shape (m, SLOTS).
    """
    order = np.argsort(rows)
    rows, slots = rows[order], slots[order]
    new = np.isin(rows, fresh)
    found = [np.empty((0, 2), dtype=np.int64)]
    for at in range(0, SLOTS, ROWS):
        bands = slots[:, at].astype(np.uint64) << np.uint64(32) | slots[:, at + 1]
        wanted = np.flatnonzero(np.isin(bands, bands[new]))
        ordered = wanted[np.argsort(bands[wanted], kind="stable")]
        found += _alike(ordered, bands[ordered], new, slots)
    return rows[np.unique(np.concatenate(found), axis=0)]


def _alike(ordered: Pairs, bands: Marks, new: NDArray[np.bool_], slots: Signatures) -> Iterator[Pairs]:
    """Yield pairs of places with equal bands and nearly equal signatures; places and bands are in the bands' order."""
    for apart in range(1, min(NEIGHBOURS, len(ordered) - 1) + 1):
        same = np.flatnonzero(bands[apart:] == bands[:-apart])
        if not len(same):
            return
        one, other = ordered[same], ordered[same + apart]
        either = new[one] | new[other]
        one, other = one[either], other[either]
        for at in range(0, len(one), WINDOW):
            some = slice(at, at + WINDOW)
            equal = (slots[one[some]] == slots[other[some]]).mean(axis=1) >= LEAST
            yield np.stack([one[some][equal], other[some][equal]], axis=1)


class _Texts:
    """The words of articles of one revision, without what their outlets put under each; `story` holds some of them."""

    def __init__(self, ledger: Ledger, revision: int) -> None:
        self._ledger = ledger
        self._revision = revision
        self.story = Held(self._read, weight=lambda story: len(story.written), most=HELD)
        self._common = lru_cache(maxsize=None)(self._in_many)

    def weighed(self, rows: Sequence[int]) -> Iterator[Sequence[Story]]:
        """Yield the words of all articles, of so many together as have half of what is held."""
        some: list[Story] = []
        for row in rows:
            some.append(self.story(row))
            if sum(len(story.written) for story in some) > HELD // 2 or len(some) >= AT_MOST:
                yield some
                some = []
        if some:
            yield some

    def _read(self, row: int) -> Story:
        with self._ledger.reading() as db:
            text, source = db.execute(_TEXT, {"row": row}).one()
        return Story(text[:AT_ONCE]).without(self._common(source))

    def _in_many(self, source: str) -> Marks:
        """Return the shingles that a good part of an outlet's articles have, as far as a sample tells."""
        query = sa.select(articles.c.text).where(alive(self._revision), articles.c.source == source)
        with self._ledger.reading() as db:
            texts = db.execute(query.order_by(articles.c.row).limit(SAMPLE)).scalars()
            return marks_in_many(Story(text[:AT_ONCE]) for text in texts)


_TEXT = sa.select(articles.c.text, articles.c.source).where(articles.c.row == sa.bindparam("row"))  # built once


def _unsigned(ledger: Ledger, revision: int) -> list[int]:
    """Return the articles of a revision that have no signature, or one of another form."""
    same = sa.and_(signed.c.article == articles.c.row, signed.c.form == form())
    query = sa.select(articles.c.row).outerjoin(signed, same).where(alive(revision), signed.c.article.is_(None))
    with ledger.reading() as db:
        return [int(row) for row in db.execute(query.order_by(articles.c.row)).scalars()]


def _keep(ledger: Ledger, *, rows: Sequence[int], slots: Signatures, pairs: Sequence[Mapping[str, int]]) -> None:
    """Note signatures together with what was found by them: whoever has one is not compared again."""
    values = [{"article": row, "form": form(), "slots": some.tobytes()} for row, some in zip(rows, slots, strict=True)]
    with ledger.writing() as db:
        for some in batches(rows):
            db.execute(signed.delete().where(signed.c.article.in_(some)))
        for made in batches(values):
            db.execute(signed.insert(), made)
        for found in batches(pairs):
            db.execute(insert(db, copies).on_conflict_do_nothing(), found)


def _signed(ledger: Ledger, revision: int) -> tuple[Pairs, Signatures]:
    """Return the articles of a revision that have a signature, in order, and these."""
    query = sa.select(signed.c.article, signed.c.slots).join(articles, articles.c.row == signed.c.article)
    with ledger.reading() as db:
        found = db.execute(query.where(alive(revision), signed.c.form == form()).order_by(signed.c.article)).all()
    rows = np.array([row.article for row in found], dtype=np.int64)
    slots = np.frombuffer(b"".join(row.slots for row in found), dtype=np.uint32).reshape(len(found), SLOTS)
    return rows, slots
