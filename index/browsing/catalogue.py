"""The articles of the current revision, for whoever browses them: one whole, by outlet, newest first, since when.

Reads the ledger, one state of it a call, and knows nothing of segments, models or questions.
"""

import datetime as dt
import heapq
import re
import unicodedata
from collections.abc import Iterator, Sequence
from typing import Any

import sqlalchemy as sa

from index.records import Article, ArticleId, Outlet, Passage, PassageId, Version
from index.stories.groups import copies_of
from index.truth.ledger import Ledger, batches, digest_of, to_article, to_date
from index.truth.tables import alive, articles, passages, revisions, versions


class Catalogue:
    """What the current revision of a ledger holds; nothing where nothing was indexed. Safe to share between threads."""

    def __init__(self, ledger: Ledger) -> None:
        """Read this ledger."""
        self._ledger = ledger

    def article(self, id_: ArticleId) -> Article | None:
        """Return one article with its whole text, or None where the library does not hold it any more."""
        with self._ledger.reading() as db:
            row = db.execute(articles.select().where(articles.c.id == id_, _served(db))).first()
        return to_article(row) if row else None

    def passages(self, id_: ArticleId) -> list[Passage]:
        """Return the passages of an article in order; none where the library does not hold it any more."""
        with self._ledger.reading() as db:
            row = db.execute(articles.select().where(articles.c.id == id_, _served(db))).first()
            if row is None:
                return []
            article = to_article(row)
            query = passages.select().where(passages.c.article == row.row).order_by(passages.c.start, passages.c.row)
            found = db.execute(query).all()
        return [Passage(PassageId(one.row), article, one.start, one.end, one.heading) for one in found]

    def copies(self, id_: ArticleId) -> list[Article]:
        """Return the articles that tell the same story as one, without their text, the first published first."""
        with self._ledger.reading() as db:
            number = db.execute(_CURRENT).scalar()
            rows = copies_of(db, id_, number) if number is not None else []
            found = db.execute(_without_text().where(articles.c.row.in_(rows))).all()
        return [to_article(row) for row in sorted(found, key=lambda row: rows.index(row.row))]

    def newest(self, *, limit: int, offset: int = 0, source: str | None = None) -> list[Article]:
        """Return articles of all outlets or of one, newest first, those without a date last; their text is left out."""
        query = _without_text().limit(limit).offset(offset)
        if source is not None:
            query = query.where(articles.c.source == source)
        with self._ledger.reading() as db:
            return [to_article(row) for row in db.execute(query.where(_served(db)))]

    def ids(self) -> Iterator[ArticleId]:
        """Yield the ids of all articles."""
        with self._ledger.reading() as db:
            query = sa.select(articles.c.id).where(_served(db))
            yield from map(ArticleId, db.execute(query, execution_options=_STREAMED).scalars())

    def at(self, *names: str) -> list[ArticleId]:
        """Return the ids of the articles that have one of these names as their id or as their address."""
        with self._ledger.reading() as db:
            named = sa.or_(articles.c.id.in_(names), articles.c.url.in_(names))
            return [ArticleId(one) for one in db.execute(sa.select(articles.c.id).where(_served(db), named)).scalars()]

    def origins(self) -> dict[str, int]:
        """Return how many articles each source brought, by its name; "" is the folder of the library."""
        query = sa.select(articles.c.origin, sa.func.count()).group_by(articles.c.origin)
        with self._ledger.reading() as db:
            return {name: int(many) for name, many in db.execute(query.where(_served(db)))}

    def history(self, id_: ArticleId) -> list[Version]:
        """Return what an article was before, the newest first; as far as it is remembered."""
        query = versions.select().where(versions.c.id == id_).order_by(versions.c.row.desc())
        with self._ledger.reading() as db:
            rows = db.execute(query).all()
        return [Version(row.title, to_date(row.date), dt.datetime.fromisoformat(row.replaced_at)) for row in rows]

    def titled(self, words: str, *, limit: int) -> list[Article]:
        """Return articles in whose title each of the words begins a word, without their text.

        First those that are called just so, then those that have the words in this order, then the rest; among
        equals the newest first. Looked for in Python: SQLite knows of upper and lower case only what ASCII has.
        """
        sought = _plain(words)
        with self._ledger.reading() as db:
            rows = db.execute(_without_text().where(_served(db)), execution_options=_STREAMED)
            ranked = ((_fit(_plain(row.title or row.id), sought), row) for row in rows)
            best = heapq.nsmallest(limit, (one for one in ranked if one[0] is not None), key=lambda one: one[0] or 0)
            return [to_article(row) for _, row in best]

    def outlets(self) -> list[Outlet]:
        """Return who published the articles, most articles first; those without an outlet have the name ""."""
        count = sa.func.count()
        dates = sa.func.min(sa.func.nullif(articles.c.date, "")), sa.func.max(articles.c.date)
        query = sa.select(articles.c.source, count, *dates).group_by(articles.c.source)
        with self._ledger.reading() as db:
            rows = db.execute(query.where(_served(db)).order_by(count.desc(), articles.c.source)).all()
        return [Outlet(name, number, to_date(first), to_date(last)) for name, number, first, last in rows]

    def digests(self, ids: Sequence[ArticleId]) -> dict[ArticleId, str]:
        """Return what `digest_of` says of articles, whose texts it reads; what is not held is left out.

        The digests that the ledger stores are those of the files: a file may change and its article stay the same.
        """
        found: dict[ArticleId, str] = {}
        with self._ledger.reading() as db:
            for some in batches(ids):
                rows = db.execute(articles.select().where(articles.c.id.in_(some), _served(db)))
                found |= {ArticleId(row.id): digest_of(to_article(row)) for row in rows}
        return found

    def since(self, ids: Sequence[ArticleId]) -> dict[ArticleId, int]:
        """Return the number of the revision in which the files of articles became what they are, where they are held.

        Other sizes of passages or another model make every article anew, and do not count, as long as the revision
        before is kept: once it is gone, nobody knows any more that an article was the same in there.
        """
        found: dict[ArticleId, int] = {}
        before = articles.alias()
        same = sa.and_(
            before.c.id == articles.c.id, before.c.until == articles.c.since, before.c.digest == articles.c.digest
        )
        stands = sa.func.coalesce(before.c.since, articles.c.since).label("stands")
        with self._ledger.reading() as db:
            for some in batches(ids):
                query = sa.select(articles.c.id, stands).select_from(articles.outerjoin(before, same))
                rows = db.execute(query.where(articles.c.id.in_(some), _served(db)))
                found |= {ArticleId(row.id): row.stands for row in rows}
        return found


def _without_text() -> sa.Select[Any]:
    """Return the query for all there is to say of articles but their text, newest first."""
    columns = [c if c.name not in ("text", "headings", "pages") else sa.literal("").label(c.name) for c in articles.c]
    return sa.select(*columns).order_by(articles.c.date.desc(), articles.c.id)


def _plain(text: str) -> str:
    """Return the words of a text with a space before each, as they are compared."""
    return "".join(f" {word}" for word in re.findall(r"\w+", unicodedata.normalize("NFKC", text).casefold()))


def _fit(title: str, sought: str) -> int | None:
    """Return how well a title fits what is sought, 0 the best; None where it does not. Both are `_plain`."""
    if not sought or not all(f" {word}" in title for word in sought.split()):
        return None
    return 0 if title == sought else 1 if sought in title else 2


def _served(db: sa.Connection) -> sa.ColumnElement[bool]:
    """Return the condition under which an article belongs to the current revision, as this transaction sees it."""
    number = db.execute(_CURRENT).scalar()
    return alive(number) if number is not None else sa.false()


_CURRENT = sa.select(sa.func.max(revisions.c.number)).where(~revisions.c.undone)

_STREAMED = {"yield_per": 1_000}
"""So that what is looked through is not held in memory."""
