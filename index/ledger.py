"""The truth: articles with their text, passages as offsets, embeddings by content, and which revision is current.

SQLAlchemy Core over SQLite in the data directory. Knows nothing of Chroma, tantivy or models: it names their
segments, and everything in them can be made again from here.

A row of `articles` is one version of an article. It belongs to every revision from `since` up to, and not including,
`until`. A build writes its rows with `since` = the next revision, where no reader looks; one transaction, `switch`,
then makes that revision current. What a crash leaves behind lies above the current revision and is swept.
"""

import datetime as dt
import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import sqlalchemy as sa
from filelock import FileLock
from sqlalchemy.exc import DatabaseError, OperationalError

from index.chunk import Piece
from index.embed import Vectors
from index.errors import Damaged
from index.records import Article, ArticleId, Heading, Passage, PassageId

FILE = "ledger.sqlite"
SCHEMA = 1
"""Stored as SQLite's `user_version`; raised with every change of the tables."""

_BATCH = 500
"""Rows asked for in one statement; SQLite allows 32,766 parameters, and 500 keeps a statement under a millisecond."""

_meta = sa.MetaData()

_revisions = sa.Table(
    "revisions",
    _meta,
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("made_at", sa.Text, nullable=False),
    sa.Column("segment", sa.Text, nullable=False),
    sa.Column("model", sa.Text, nullable=False),
    sa.Column("fingerprint", sa.Text, nullable=False),
    sa.Column("chunking", sa.Text, nullable=False),
    sa.Column("folder", sa.Text, nullable=False),
    sa.Column("articles", sa.Integer, nullable=False),
    sa.Column("passages", sa.Integer, nullable=False),
)
_articles = sa.Table(
    "articles",
    _meta,
    sa.Column("row", sa.Integer, primary_key=True),
    sa.Column("id", sa.Text, nullable=False),
    sa.Column("digest", sa.Text, nullable=False),
    sa.Column("title", sa.Text, nullable=False),
    sa.Column("date", sa.Text, nullable=False),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("url", sa.Text, nullable=False),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("headings", sa.Text, nullable=False),
    sa.Column("since", sa.Integer, nullable=False),
    sa.Column("until", sa.Integer),
    sa.Index("articles_by_revision", "until", "since"),
    sqlite_autoincrement=True,  # a number is never given twice, so an old segment cannot name a new row
)
_passages = sa.Table(
    "passages",
    _meta,
    sa.Column("row", sa.Integer, primary_key=True),
    sa.Column("article", sa.Integer, nullable=False, index=True),
    sa.Column("start", sa.Integer, nullable=False),
    sa.Column("end", sa.Integer, nullable=False),
    sa.Column("heading", sa.Text, nullable=False),
    sa.Column("embedded", sa.LargeBinary(16), nullable=False),
    sqlite_autoincrement=True,
)
_embeddings = sa.Table(
    "embeddings",
    _meta,
    sa.Column("model", sa.Text, primary_key=True),
    sa.Column("key", sa.LargeBinary(16), primary_key=True),
    sa.Column("vector", sa.LargeBinary, nullable=False),
    sqlite_with_rowid=False,
)


@dataclass(frozen=True, slots=True)
class Revision:
    """One state of the library.

    `model` is the embedding model's name in the settings, `fingerprint` that model as `Embedder` identifies it, and
    `chunking` the sizes its passages were cut to.
    """

    number: int
    made_at: dt.datetime
    segment: str
    model: str
    fingerprint: str
    chunking: str
    folder: str
    articles: int
    passages: int


@dataclass(frozen=True, slots=True)
class Stored:
    """A passage as the segments need it: its number, and the words it is found by."""

    id: PassageId
    title: str
    heading: str
    text: str


class Ledger:
    """The ledger of one data directory. Safe to share between threads; every call is its own transaction."""

    def __init__(self, data: Path) -> None:
        """Open the ledger, making it where there is none.

        Raises:
            Damaged: the file is not a ledger, or was made by a newer Footnote.
        """
        self.path = data / FILE
        self._engine = sa.create_engine(f"sqlite:///{self.path}", connect_args={"timeout": 30})
        sa.event.listen(self._engine, "connect", _prepare)
        try:
            with FileLock(data / "ledger.lock", timeout=30):  # two that start at once must not both make the tables
                self._create()
        except (Damaged, OSError):
            self._engine.dispose()
            raise

    @contextmanager
    def _reading(self) -> Iterator[sa.Connection]:
        with self._translated(), self._engine.connect() as db:
            yield db

    @contextmanager
    def _writing(self) -> Iterator[sa.Connection]:
        with self._translated(), self._engine.begin() as db:
            yield db

    @contextmanager
    def _translated(self) -> Iterator[None]:
        """Turn what SQLite says into a sentence that says what to do."""
        try:
            yield
        except OperationalError as error:
            message = (
                f"{self.path} cannot be used ({error.orig}). Check that its folder can be written, that the disk "
                "is not full, and that no other program holds it."
            )
            raise Damaged(message) from error
        except DatabaseError as error:
            message = (
                f"{self.path} cannot be read as a ledger ({error.orig}). Restore it from a backup, "
                "or move it away and index again."
            )
            raise Damaged(message) from error

    def close(self) -> None:
        """Release the file."""
        self._engine.dispose()

    def current(self) -> Revision | None:
        """Return the revision that is served, or None before the first indexing."""
        with self._reading() as db:
            row = db.execute(_revisions.select().order_by(_revisions.c.number.desc()).limit(1)).first()
        return _revision(row) if row else None

    def digests(self, revision: int) -> dict[ArticleId, str]:
        """Return the digest of every article of a revision."""
        with self._reading() as db:
            rows = db.execute(sa.select(_articles.c.id, _articles.c.digest).where(_alive(revision)))
            return {ArticleId(id_): digest for id_, digest in rows}

    def article(self, id_: ArticleId, revision: int) -> Article | None:
        """Return one article of a revision."""
        with self._reading() as db:
            row = db.execute(_articles.select().where(_articles.c.id == id_, _alive(revision))).first()
        return _article(row) if row else None

    def newest(self, revision: int, *, limit: int, offset: int = 0) -> list[Article]:
        """Return articles of a revision, newest first, those without a date last. Their text is left out."""
        columns = [c if c.name not in ("text", "headings") else sa.literal("").label(c.name) for c in _articles.c]
        query = sa.select(*columns).where(_alive(revision)).order_by(_articles.c.date.desc(), _articles.c.id)
        with self._reading() as db:
            return [_article(row) for row in db.execute(query.limit(limit).offset(offset))]

    def passages(self, ids: Sequence[PassageId], revision: int) -> dict[PassageId, Passage]:
        """Return those of the passages that the revision holds."""
        found: dict[PassageId, Passage] = {}
        with self._reading() as db:
            for some in _batches(ids):
                rows = db.execute(_PASSAGES, {"rows": some, "revision": revision}).all()
                articles = self._articles_of(db, {row.article for row in rows})
                for row in rows:
                    number = PassageId(row.row)
                    found[number] = Passage(number, articles[row.article], row.start, row.end, row.heading)
        return found

    def vectors(self, ids: Sequence[PassageId], *, model: str) -> dict[PassageId, Vectors]:
        """Return the stored embeddings of passages."""
        found: dict[PassageId, Vectors] = {}
        with self._reading() as db:
            for some in _batches(ids):
                for row in db.execute(_VECTORS, {"rows": some, "model": model}):
                    found[PassageId(row.row)] = np.frombuffer(row.vector, dtype=np.float32)
        return found

    def stored(self, revision: int) -> Iterator[Stored]:
        """Yield every passage of a revision in the order of their numbers, without holding all their text at once."""
        query = (
            sa.select(_passages, _articles.c.title, _articles.c.text)
            .join(_articles, _articles.c.row == _passages.c.article)
            .where(_alive(revision))
            .order_by(_passages.c.row)
        )
        with self._reading() as db:
            for row in db.execution_options(yield_per=_BATCH).execute(query):
                yield Stored(PassageId(row.row), row.title, row.heading, row.text[row.start : row.end])

    def known_keys(self, keys: Iterable[bytes], *, model: str) -> set[bytes]:
        """Return those of the keys that have an embedding by this model."""
        known: set[bytes] = set()
        with self._reading() as db:
            for some in _batches(list(keys)):
                query = sa.select(_embeddings.c.key).where(_embeddings.c.model == model, _embeddings.c.key.in_(some))
                known.update(db.execute(query).scalars())
        return known

    def keep(self, keys: Sequence[bytes], vectors: Vectors, *, model: str) -> None:
        """Store embeddings, so that this text never costs model time again."""
        rows = [
            {"model": model, "key": key, "vector": np.ascontiguousarray(vector, dtype=np.float32).tobytes()}
            for key, vector in zip(keys, vectors, strict=True)
        ]
        with self._writing() as db:
            db.execute(_embeddings.insert().prefix_with("OR IGNORE"), rows)

    def discard_unfinished(self, current: int) -> None:
        """Remove what a build that never came to its switch left behind; the embeddings it made are kept."""
        with self._writing() as db:
            rows = sa.select(_articles.c.row).where(_articles.c.since > current)
            db.execute(_passages.delete().where(_passages.c.article.in_(rows)))
            db.execute(_articles.delete().where(_articles.c.since > current))
            db.execute(_articles.update().where(_articles.c.until > current).values(until=None))

    def sweep(self, current: int) -> None:
        """Forget what neither the current revision nor the one before it needs, embeddings included."""
        with self._writing() as db:
            db.execute(_revisions.delete().where(_revisions.c.number < current - 1))
            gone = _articles.c.until < current
            rows = sa.select(_articles.c.row).where(gone)
            db.execute(_passages.delete().where(_passages.c.article.in_(rows)))
            if db.execute(_articles.delete().where(gone)).rowcount:
                db.execute(_embeddings.delete().where(_embeddings.c.key.not_in(sa.select(_passages.c.embedded))))
            models = sa.select(_revisions.c.fingerprint)
            db.execute(_embeddings.delete().where(_embeddings.c.model.not_in(models)))

    def stage(self, article: Article, digest: str, pieces: Sequence[Piece], *, revision: int) -> None:
        """Write a new version of an article for a revision that is not current yet."""
        values = {
            "id": article.id,
            "digest": digest,
            "title": article.title,
            "date": article.date.isoformat() if article.date else "",
            "source": article.source,
            "url": article.url,
            "text": article.text,
            "headings": json.dumps([[h.start, h.end, h.level] for h in article.headings]),
            "since": revision,
        }
        with self._writing() as db:
            row = db.execute(_articles.insert().returning(_articles.c.row), values).scalar_one()
            rows = [
                {"article": row, "start": p.start, "end": p.end, "heading": p.heading, "embedded": key_of(p.embedded)}
                for p in pieces
            ]
            if rows:
                db.execute(_passages.insert(), rows)

    def retire(self, ids: Iterable[ArticleId], *, revision: int) -> None:
        """Let the served versions of articles end with `revision`. Until the switch nobody sees a difference."""
        with self._writing() as db:
            for some in _batches(list(ids)):
                which = sa.and_(_articles.c.id.in_(some), _articles.c.since < revision, _articles.c.until.is_(None))
                db.execute(_articles.update().where(which).values(until=revision))

    def counts(self, revision: int) -> tuple[int, int]:
        """Return how many articles and passages a revision holds."""
        articles = sa.select(sa.func.count()).select_from(_articles).where(_alive(revision))
        joined = _passages.join(_articles, _articles.c.row == _passages.c.article)
        passages = sa.select(sa.func.count()).select_from(joined).where(_alive(revision))
        with self._reading() as db:
            return db.execute(articles).scalar_one(), db.execute(passages).scalar_one()

    def switch(self, revision: Revision) -> None:
        """Make a revision current. The one moment at which readers see anything new."""
        values = {name: getattr(revision, name) for name in Revision.__slots__}
        values["made_at"] = revision.made_at.isoformat()
        with self._writing() as db:
            db.execute(_revisions.insert(), values)

    def point(self, revision: int, *, segment: str) -> None:
        """Let a revision use another segment, built again from what the ledger holds."""
        with self._writing() as db:
            db.execute(_revisions.update().where(_revisions.c.number == revision).values(segment=segment))

    def remember(self, revision: int, *, folder: str) -> None:
        """Note the folder that a revision was last found to agree with."""
        with self._writing() as db:
            db.execute(_revisions.update().where(_revisions.c.number == revision).values(folder=folder))

    def segments(self) -> set[str]:
        """Return the segments that some revision still names."""
        with self._reading() as db:
            return set(db.execute(sa.select(_revisions.c.segment)).scalars())

    def is_sound(self) -> bool:
        """Let SQLite check the whole file."""
        with self._reading() as db:
            return bool(db.execute(sa.text("PRAGMA quick_check")).scalar_one() == "ok")

    def _articles_of(self, db: sa.Connection, rows: set[int]) -> dict[int, Article]:
        found = db.execute(_articles.select().where(_articles.c.row.in_(rows)))
        return {row.row: _article(row) for row in found}

    def _create(self) -> None:
        with self._writing() as db:
            version = db.execute(sa.text("PRAGMA user_version")).scalar_one()
            if version > SCHEMA:
                message = f"{self.path} was made by a newer Footnote. Update this one: pip install -U footnote-bot."
                raise Damaged(message)
            if version < SCHEMA:
                _meta.create_all(db)
                db.execute(sa.text(f"PRAGMA user_version = {SCHEMA}"))


def key_of(embedded: str) -> bytes:
    """Return the key of an embedding: 16 bytes of the SHA-256 of the text that was embedded."""
    return hashlib.sha256(embedded.encode()).digest()[:16]


def digest_of(article: Article) -> str:
    """Return a digest of everything an article holds, so that a reindex sees any change."""
    digest = hashlib.sha256()
    for part in (article.title, article.date, article.source, article.url, article.text, article.headings):
        digest.update(repr(part).encode())
        digest.update(b"\0")
    return digest.hexdigest()[:32]


def _alive(revision: int | sa.BindParameter[int]) -> sa.ColumnElement[bool]:
    return sa.and_(_articles.c.since <= revision, sa.or_(_articles.c.until.is_(None), _articles.c.until > revision))


_PASSAGES = (  # built once: SQLAlchemy takes longer to build this statement than SQLite to run it
    sa.select(_passages.c.row, _passages.c.article, _passages.c.start, _passages.c.end, _passages.c.heading)
    .join(_articles, _articles.c.row == _passages.c.article)
    .where(_passages.c.row.in_(sa.bindparam("rows", expanding=True)), _alive(sa.bindparam("revision")))
)
_VECTORS = (
    sa.select(_passages.c.row, _embeddings.c.vector)
    .join(_embeddings, _embeddings.c.key == _passages.c.embedded)
    .where(_passages.c.row.in_(sa.bindparam("rows", expanding=True)), _embeddings.c.model == sa.bindparam("model"))
)


def _revision(row: sa.Row[Any]) -> Revision:
    values = row._asdict()
    return Revision(**{**values, "made_at": dt.datetime.fromisoformat(values["made_at"])})


def _article(row: sa.Row[Any]) -> Article:
    return Article(
        id=ArticleId(row.id),
        title=row.title,
        text=row.text,
        date=dt.date.fromisoformat(row.date) if row.date else None,
        source=row.source,
        url=row.url,
        headings=tuple(Heading(start, end, level) for start, end, level in json.loads(row.headings or "[]")),
    )


def _batches(items: Sequence[Any]) -> Iterator[Sequence[Any]]:
    for at in range(0, len(items), _BATCH):
        yield items[at : at + _BATCH]


@contextmanager
def _cursor(connection: Any) -> Iterator[Any]:  # noqa: ANN401  a DBAPI connection has no common type
    cursor = connection.cursor()
    try:
        yield cursor
    finally:
        cursor.close()


def _prepare(connection: Any, _record: object) -> None:  # noqa: ANN401
    """WAL lets people ask while a build writes; FULL makes a switch survive a power cut."""
    with _cursor(connection) as cursor:
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute("PRAGMA synchronous=FULL")
