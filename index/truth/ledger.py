"""The truth: articles with their text, passages as offsets, embeddings by content, and which revision is current.

SQLAlchemy Core over SQLite in the data directory, or over PostgreSQL. Knows nothing of Chroma, tantivy or models: it
names their segments, and everything in them can be made again from here. What a build writes is in `draft`, the tables
in `tables`, how both databases differ in `database`.
"""

import datetime as dt
import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import Any

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray

from index.errors import Damaged, FootnoteError, Superseded
from index.models.embed import Vectors
from index.records import Article, ArticleId, Facts, Heading, Page, Passage, PassageId, Period, Revision, Stored
from index.system import lock
from index.truth import tables, writer
from index.truth.database import Database
from index.truth.tables import (
    about,
    alive,
    alive_here,
    articles,
    embeddings,
    passages,
    revisions,
    segments,
    twins,
    versions,
)
from index.truth.tables import copies as pairs
from index.truth.tables import signatures as signed

FILE = "ledger.sqlite"

BATCH = 500
"""Rows asked for in one statement; SQLite allows 32,766 parameters, and 500 keeps a statement under a millisecond."""

AT_ONCE = 1_000_000
"""Characters of text read at once where all of them are wanted; one article may have more."""

WINDOW = 2_048
"""Vectors read at once where all of them are wanted: 3 MB at 384 dimensions."""


class Ledger:
    """The ledger of one data directory, or of all that share a database. Safe to share between threads.

    Every call is its own transaction. All raise StoreUnavailable where a server is away, Damaged where the database
    cannot be used.
    """

    def __init__(self, data: Path, database: str = "") -> None:
        """Open the ledger, making it where there is none: in a data directory, or in the PostgreSQL database named.

        Raises:
            SettingsError: the address of the database is wrong, or its driver is not installed.
            StoreUnavailable: its server is away.
            Damaged: this is not a ledger, or was made by a newer Footnote; or nothing can be written there.
            Busy: another process does not come to an end of making it.
        """
        self._data = data
        self._database = Database(database or data / FILE)
        self._reserved = ""
        try:
            if self.shared:
                self._create()
            else:
                with lock.briefly(data, "ledger"):  # two that start at once must not both make the tables
                    self._create()
        except FootnoteError:
            self.close()
            raise

    @property
    def name(self) -> str:
        """What to call it before people: its file, or its database without the password."""
        return self._database.name

    @property
    def shared(self) -> bool:
        """Whether several data directories, on any machine, may have this one ledger."""
        return self._database.shared

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """Read one state of the ledger, whatever is written meanwhile."""
        with self._database.reading() as db:
            yield db

    @contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        """Write in one transaction: all of it, or nothing.

        Raises:
            Busy: the lock was lost under which this process writes; see `alone`.
        """
        with self._database.writing() as db:
            if self._reserved:
                writer.still_held(db, self._reserved)
            yield db

    @contextmanager
    def alone(self, *, doing: str) -> Iterator[None]:
        """Be the one who writes while `doing` something, given as words for whoever comes second.

        Raises:
            Busy: somebody else is; the message says who, since when, and what for.
        """
        if not self.shared:
            with lock.hold(self._data, "writer", doing=doing):
                yield
            return
        with writer.held(self._database, doing=doing) as reserved:
            self._reserved = reserved
            try:
                yield
            finally:
                self._reserved = ""

    @contextmanager
    def still_alone(self) -> Iterator[None]:
        """See that the lock was not lost under which this process works, and let nobody take it meanwhile.

        Raises:
            Busy: it was; see `alone`.
        """
        if not self._reserved:  # that of a file is not lost, and there is none without a writer
            yield
            return
        with self.writing():
            yield

    def compact(self) -> None:
        """Give back disk space."""
        self._database.compact()

    def count_up(self) -> None:
        """Let the database see that much was written: it plans better then. Takes up to a second."""
        self._database.count_up(articles, passages, embeddings)

    def close(self) -> None:
        """Release the file, or the server."""
        self._database.close()

    @property
    def library(self) -> str:
        """A random name of this library, which sets its collections on a server apart from all others."""
        with self.reading() as db:
            return str(db.execute(sa.select(about.c.value).where(about.c.key == "library")).scalar_one())

    def current(self) -> Revision | None:
        """Return the revision that is served, or None before the first indexing."""
        return next(iter(self._newest_revisions(1)), None)

    def previous(self) -> Revision | None:
        """Return the revision that `rollback` would return to."""
        return next(iter(self._newest_revisions(2)[1:]), None)

    def article(self, id_: ArticleId, revision: int) -> Article | None:
        """Return one article of a revision."""
        with self.reading() as db:
            row = db.execute(articles.select().where(articles.c.id == id_, alive(revision))).first()
        return to_article(row) if row else None

    def dates(self, revision: int) -> tuple[dt.date | None, dt.date | None, bool]:
        """Return the first and the last date of a revision's articles, and whether every one of them has a date."""
        with self.reading() as db:
            first, last, least = db.execute(_DATES, {"revision": revision}).one()
        return to_date(first), to_date(last), bool(least)

    def dated(self, period: Period, revision: int, *, most: int) -> list[PassageId]:
        """Return passages of the articles that were published in a period; no more than `most`."""
        values = {"first": str(period.earliest or dt.date.min), "last": str(period.latest or dt.date.max)}
        with self.reading() as db:
            rows = db.execute(_DATED, {**values, "revision": revision, "most": most}).scalars()
            return [PassageId(row) for row in rows]

    def dates_of(self, ids: Sequence[PassageId]) -> dict[PassageId, dt.date]:
        """Return when the articles of passages were published; those without a date are left out."""
        found: dict[PassageId, dt.date] = {}
        with self.reading() as db:
            for some in batches(ids):
                rows = db.execute(_DATES_OF, {"rows": some})
                found |= {PassageId(row.row): dt.date.fromisoformat(row.date) for row in rows if row.date}
        return found

    def origins(self, ids: Sequence[PassageId]) -> dict[PassageId, str]:
        """Return the names of the sources that brought the articles of passages."""
        found: dict[PassageId, str] = {}
        with self.reading() as db:
            for some in batches(ids):
                rows = db.execute(_ORIGINS, {"rows": some})
                found |= {PassageId(row.row): row.origin for row in rows}
        return found

    def passages(self, ids: Sequence[PassageId], revision: int) -> dict[PassageId, Passage]:
        """Return those of the passages that the revision holds.

        Raises:
            Superseded: the revision is gone: it was undone, or two newer ones were made since.
        """
        found: dict[PassageId, Passage] = {}
        with self.reading() as db:
            if db.execute(_STANDS, {"revision": revision}).first() is None:
                raise Superseded
            for some in batches(ids):
                rows = db.execute(_PASSAGES, {"rows": some, "revision": revision}).all()
                of = self._articles_of(db, {row.article for row in rows})
                for row in rows:
                    number = PassageId(row.row)
                    found[number] = Passage(number, of[row.article], row.start, row.end, row.heading)
        return found

    def vectors(self, ids: Sequence[PassageId], *, model: str) -> dict[PassageId, Vectors]:
        """Return the stored embeddings of passages."""
        found: dict[PassageId, Vectors] = {}
        with self.reading() as db:
            for some in batches(ids):
                for row in db.execute(_VECTORS, {"rows": some, "model": model}):
                    if row.vector is not None:
                        found[PassageId(row.row)] = np.frombuffer(row.vector, dtype=np.float32)
        return found

    def stored(self, revision: int, *, after: int = 0) -> Iterator[Stored]:
        """Yield the passages of a revision numbered above `after`, in order; few texts are held at a time."""
        query = (
            sa.select(passages.c.row, passages.c.article, passages.c.start, passages.c.end, passages.c.heading)
            .join(articles, articles.c.row == passages.c.article)
            .where(alive_here(revision), passages.c.row > after)
            .order_by(passages.c.row)
        )
        with self.reading() as db:
            rows = db.execute(query, execution_options={"yield_per": BATCH})
            for some in weighed(rows):
                texts = texts_of(db, [number for number, _ in some])
                for number, pieces in some:
                    title, text, language = texts[number]
                    for piece in pieces:
                        part = text[piece.start : piece.end]
                        yield Stored(PassageId(piece.row), title, piece.heading, part, language)

    def all_vectors(self, revision: int, *, after: int, model: str) -> Iterator[tuple[NDArray[np.int64], Vectors]]:
        """Yield (numbers of shape (n,), vectors of shape (n, dimensions)) of a revision's passages above `after`.

        Raises:
            Damaged: an embedding is missing, or not of the length of the others.
        """
        while True:
            with self.reading() as db:
                values = {"revision": revision, "after": after, "model": model, "limit": WINDOW}
                rows = db.execute(_ALL_VECTORS, values).all()
            if not rows:
                return
            if len({len(row.vector or b"") for row in rows}) > 1 or rows[0].vector is None:
                message = f"{self.name} lacks embeddings. Restore it from a backup, or move it away and index again."
                raise Damaged(message)
            joined = np.frombuffer(b"".join(row.vector for row in rows), dtype=np.float32)
            yield np.array([row.row for row in rows], dtype=np.int64), joined.reshape(len(rows), -1)
            after = rows[-1].row

    def alive_numbers(self, facts: Facts, revision: int) -> NDArray[np.int64]:
        """Return the numbers of the passages that a segment should hold of a revision, in order."""
        query = (
            sa.select(passages.c.row)
            .join(articles, articles.c.row == passages.c.article)
            .where(alive_here(revision), passages.c.row > facts.after, passages.c.row <= facts.last)
            .order_by(passages.c.row)
        )
        with self.reading() as db:
            return np.fromiter(db.execute(query, execution_options={"yield_per": 10_000}).scalars(), dtype=np.int64)

    def dead(self, facts: Facts, revision: int) -> frozenset[PassageId]:
        """Return the passages of a segment that `revision` does not hold any more."""
        query = (
            sa.select(passages.c.row)
            .join(articles, articles.c.row == passages.c.article)
            .where(articles.c.until > facts.revision, articles.c.until <= revision)
            .where(passages.c.row > facts.after, passages.c.row <= facts.last)
        )
        with self.reading() as db:
            return frozenset(PassageId(row) for row in db.execute(query).scalars())

    def facts(self, names: Iterable[str]) -> dict[str, Facts]:
        """Return the facts of segments by name; unknown names are left out."""
        wanted = list(names)
        found = {}
        with self.reading() as db:
            same: dict[str, dict[PassageId, tuple[PassageId, ...]]] = {}
            for row in db.execute(twins.select().where(twins.c.segment.in_(wanted))):
                of = same.setdefault(row.segment, {})
                of[PassageId(row.first)] = (*of.get(PassageId(row.first), ()), PassageId(row.passage))
            for row in db.execute(segments.select().where(segments.c.name.in_(wanted))):
                found[row.name] = Facts(**row._asdict(), twins=same.get(row.name, {}))
        return found

    def counts(self, revision: int) -> tuple[int, int]:
        """Return how many articles and passages a revision holds."""
        query = sa.select(sa.func.count(), sa.func.coalesce(sa.func.sum(articles.c.pieces), 0)).where(alive(revision))
        with self.reading() as db:
            whole, pieces = db.execute(query).one()
        return int(whole), int(pieces)

    def last_number(self, revision: int) -> int:
        """Return the highest number of a passage that was made up to a revision; 0 where there is none."""
        query = (
            sa.select(passages.c.row)
            .join(articles, articles.c.row == passages.c.article)
            .where(articles.c.since <= revision)
            .order_by(passages.c.row.desc())
            .limit(1)
        )
        with self.reading() as db:
            return int(db.execute(query).scalar() or 0)

    def point(self, revision: int, *, names: Sequence[str], words: str, made: Sequence[Facts]) -> None:
        """Let a revision use other segments, made again from what the ledger holds."""
        values = {"segments": json.dumps(list(names)), "words": words}
        with self.writing() as db:
            record(db, made)
            db.execute(revisions.update().where(revisions.c.number == revision).values(values))

    def doubt(self, names: Iterable[str]) -> None:
        """Note the segments that a thorough check found to be broken, in place of those noted before."""
        with self.writing() as db:
            tables.note(db, _DOUBTED, json.dumps(sorted(names)))

    def doubted(self) -> frozenset[str]:
        """Return the segments that were found to be broken."""
        with self.reading() as db:
            return frozenset(json.loads(db.execute(_DOUBTS).scalar() or "[]"))

    def keep_vectors_at(self, place: str) -> None:
        """Note in which data directory, in words, the vectors are kept."""
        with self.writing() as db:
            tables.note(db, _VECTORS_AT, place)

    def vectors_at(self) -> str:
        """Return in which data directory the vectors are kept; nothing where nobody noted it."""
        with self.reading() as db:
            return str(db.execute(sa.select(about.c.value).where(about.c.key == _VECTORS_AT)).scalar() or "")

    def remember(self, revision: int, *, folder: str, held: bool = False) -> None:
        """Note that a revision was found to agree with a folder, and whether it still is `held` after a rollback."""
        which = revisions.c.number == revision
        with self.writing() as db:
            db.execute(revisions.update().where(which).values(folder=folder, held=held))

    def undo(self, revision: int) -> None:
        """Take back a revision: the one before it is current again, and held. Its number is never given again."""
        with self.writing() as db:
            db.execute(revisions.update().where(revisions.c.number == revision).values(undone=True))
            discard(db, above=revision - 1)
            before = sa.select(sa.func.max(revisions.c.number)).where(~revisions.c.undone).scalar_subquery()
            db.execute(revisions.update().where(revisions.c.number == before).values(held=True))

    def named(self) -> set[str]:
        """Return the segments, of vectors and of words, that some revision names."""
        with self.reading() as db:
            rows = db.execute(sa.select(revisions.c.segments, revisions.c.words).where(~revisions.c.undone)).all()
        return {name for row in rows for name in (*json.loads(row.segments), row.words)}

    def is_sound(self) -> bool:
        """Let the database check all it holds."""
        return self._database.is_sound(*tables.meta.sorted_tables)

    def _newest_revisions(self, limit: int) -> list[Revision]:
        query = revisions.select().where(~revisions.c.undone).order_by(revisions.c.number.desc()).limit(limit)
        with self.reading() as db:
            return [_revision(row) for row in db.execute(query)]

    def _articles_of(self, db: sa.Connection, rows: set[int]) -> dict[int, Article]:
        found = db.execute(articles.select().where(articles.c.row.in_(rows)))
        return {row.row: to_article(row) for row in found}

    def _create(self) -> None:
        with self.reading() as db:
            if tables.version(db) == tables.SCHEMA:
                return  # whoever only asks need not wait for a writer
        with self.writing() as db:
            tables.create(db, self.name)


def texts_of(db: sa.Connection, rows: Sequence[int]) -> dict[int, tuple[str, str, str]]:
    """Return title, text and language of versions of articles."""
    found: dict[int, tuple[str, str, str]] = {}
    for some in batches(rows):
        found |= {row.row: (row.title, row.text, row.language) for row in db.execute(_TEXTS, {"rows": some})}
    return found


def weighed(rows: Iterable[Any]) -> Iterator[list[tuple[int, list[Any]]]]:
    """Yield articles with their passages, so many together that their texts are about AT_ONCE characters, or one.

    `rows` are passages in order, those of an article behind each other.
    """
    together: list[tuple[int, list[Any]]] = []
    weight = 0
    for number, group in groupby(rows, key=attrgetter("article")):
        pieces = list(group)
        if together and (weight + pieces[-1].end > AT_ONCE or len(together) == BATCH):
            yield together
            together, weight = [], 0
        together.append((number, pieces))
        weight += pieces[-1].end  # about how long its text is
    if together:
        yield together


def record(db: sa.Connection, made: Sequence[Facts]) -> None:
    """Write down the facts of new segments."""
    for facts in made:
        values = {name: getattr(facts, name) for name in Facts.__slots__ if name != "twins"}
        db.execute(segments.insert(), values)
        rows = [
            {"segment": facts.name, "first": first, "passage": passage}
            for first, others in facts.twins.items()
            for passage in others
        ]
        if rows:
            db.execute(twins.insert(), rows)


def discard(db: sa.Connection, *, above: int) -> None:
    """Remove all that belongs to revisions above one; embeddings are kept, because somebody will want them again."""
    rows = sa.select(articles.c.row).where(articles.c.since > above)
    db.execute(passages.delete().where(passages.c.article.in_(rows)))
    for column in (signed.c.article, pairs.c.article, pairs.c.other):
        db.execute(column.table.delete().where(column.in_(rows)))
    db.execute(articles.delete().where(articles.c.since > above))
    db.execute(versions.delete().where(versions.c.revision > above))
    db.execute(articles.update().where(articles.c.until > above).values(until=None))


def key_of(embedded: str) -> bytes:
    """Return the key of an embedding: 16 bytes of the SHA-256 of the text that was embedded."""
    return hashlib.sha256(embedded.encode()).digest()[:16]


def digest_of(article: Article) -> str:
    """Return a digest of everything an article holds, so that a reindex sees any change."""
    digest = hashlib.sha256()
    parts: list[object] = [article.title, article.date, article.source, article.url, article.text, article.headings]
    parts += [part for part in (article.author, article.pages) if part]  # those without have the digest they always had
    for part in parts:
        digest.update(repr(part).encode())
        digest.update(b"\0")
    return digest.hexdigest()[:32]


def batches(items: Sequence[Any]) -> Iterator[Sequence[Any]]:
    """Yield slices small enough for one statement."""
    for at in range(0, len(items), BATCH):
        yield items[at : at + BATCH]


_DOUBTED = "doubted"
_VECTORS_AT = "vectors"

# Built once: SQLAlchemy takes longer to build these statements than SQLite to run them.
_DOUBTS = sa.select(about.c.value).where(about.c.key == _DOUBTED)
_STANDS = sa.select(sa.literal(1)).where(revisions.c.number == sa.bindparam("revision"), ~revisions.c.undone)
_TEXTS = sa.select(articles.c.row, articles.c.title, articles.c.text, articles.c.language).where(
    articles.c.row.in_(sa.bindparam("rows", expanding=True))
)
_PASSAGES = (
    sa.select(passages.c.row, passages.c.article, passages.c.start, passages.c.end, passages.c.heading)
    .join(articles, articles.c.row == passages.c.article)
    .where(passages.c.row.in_(sa.bindparam("rows", expanding=True)), alive_here(sa.bindparam("revision")))
)
# An outer join even where rows without a vector are of no use: it makes SQLite begin at the passages.
_EMBEDDED = sa.and_(embeddings.c.key == passages.c.embedded, embeddings.c.model == sa.bindparam("model"))
_VECTORS = (
    sa.select(passages.c.row, embeddings.c.vector)
    .outerjoin(embeddings, _EMBEDDED)
    .where(passages.c.row.in_(sa.bindparam("rows", expanding=True)))
)
_DATES = sa.select(
    sa.func.min(sa.func.nullif(articles.c.date, "")), sa.func.max(articles.c.date), sa.func.min(articles.c.date)
).where(alive_here(sa.bindparam("revision")))
_DATED = (
    sa.select(passages.c.row)
    .join(articles, articles.c.row == passages.c.article)
    .where(articles.c.date.between(sa.bindparam("first"), sa.bindparam("last")), alive_here(sa.bindparam("revision")))
    .limit(sa.bindparam("most"))
)
_DATES_OF = (
    sa.select(passages.c.row, articles.c.date)
    .join(articles, articles.c.row == passages.c.article)
    .where(passages.c.row.in_(sa.bindparam("rows", expanding=True)))
)
_ORIGINS = (
    sa.select(passages.c.row, articles.c.origin)
    .join(articles, articles.c.row == passages.c.article)
    .where(passages.c.row.in_(sa.bindparam("rows", expanding=True)))
)
_ALL_VECTORS = (
    sa.select(passages.c.row, embeddings.c.vector)
    .join(articles, articles.c.row == passages.c.article)
    .outerjoin(embeddings, _EMBEDDED)
    .where(alive_here(sa.bindparam("revision")), passages.c.row > sa.bindparam("after"))
    .order_by(passages.c.row)
    .limit(sa.bindparam("limit"))
)


def _revision(row: sa.Row[Any]) -> Revision:
    values = row._asdict()
    del values["undone"]
    made_at = dt.datetime.fromisoformat(values["made_at"])
    return Revision(**{**values, "made_at": made_at, "segments": tuple(json.loads(values["segments"]))})


def to_date(text: str | None) -> dt.date | None:
    """Return the day that a column holds; None where it holds nothing."""
    return dt.date.fromisoformat(text) if text else None


def to_article(row: sa.Row[Any]) -> Article:
    """Return the article that a row of `articles` holds."""
    return Article(
        id=ArticleId(row.id),
        title=row.title,
        text=row.text,
        date=to_date(row.date),
        source=row.source,
        url=row.url,
        headings=tuple(Heading(start, end, level) for start, end, level in json.loads(row.headings or "[]")),
        author=row.author,
        language=row.language,
        pages=tuple(Page(start, number) for start, number in json.loads(row.pages or "[]")),
        origin=row.origin,
    )
