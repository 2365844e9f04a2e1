"""The tables of the ledger, and how its database is opened, made and brought up to date. Knows no rules of indexing.

A row of `articles` is one version of an article. It belongs to every revision from `since` up to, and not including,
`until`. What nobody can see any more keeps its row, without its text, for as long as a segment holds its passages:
that is how a search knows which of a segment's rows are dead.
"""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from index.errors import Damaged

SCHEMA = 3
"""Stored as SQLite's `user_version`; raised with every change of the tables."""

PAGE = 8_192
"""Bytes of a page: five vectors of 384 dimensions fill one to 96 %; of SQLite's usual 4,096, two fill 77 %."""

WAL_LEFT = 16_000_000
"""Bytes of SQLite's log that stay allocated after a large write."""

meta = sa.MetaData()

revisions = sa.Table(
    "revisions",
    meta,
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("made_at", sa.Text, nullable=False),
    sa.Column("segments", sa.Text, nullable=False),
    sa.Column("words", sa.Text, nullable=False),
    sa.Column("model", sa.Text, nullable=False),
    sa.Column("fingerprint", sa.Text, nullable=False),
    sa.Column("chunking", sa.Text, nullable=False),
    sa.Column("folder", sa.Text, nullable=False),
    sa.Column("articles", sa.Integer, nullable=False),
    sa.Column("passages", sa.Integer, nullable=False),
    sa.Column("held", sa.Boolean, nullable=False, default=False),
    sa.Column("undone", sa.Boolean, nullable=False, default=False),
)
articles = sa.Table(
    "articles",
    meta,
    sa.Column("row", sa.Integer, primary_key=True),
    sa.Column("id", sa.Text, nullable=False),
    sa.Column("digest", sa.Text, nullable=False),
    sa.Column("title", sa.Text, nullable=False),
    sa.Column("date", sa.Text, nullable=False),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("url", sa.Text, nullable=False),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("headings", sa.Text, nullable=False),
    sa.Column("pieces", sa.Integer, nullable=False),
    sa.Column("since", sa.Integer, nullable=False),
    sa.Column("until", sa.Integer),
    sa.Index("articles_by_revision", "until", "since"),
    sa.Index("articles_by_id", "id"),
    sa.Index("articles_by_date", "date", "since", "until"),
    sqlite_autoincrement=True,  # a number is never given twice, so an old segment cannot name a new row
)
passages = sa.Table(
    "passages",
    meta,
    sa.Column("row", sa.Integer, primary_key=True),
    sa.Column("article", sa.Integer, nullable=False, index=True),
    sa.Column("start", sa.Integer, nullable=False),
    sa.Column("end", sa.Integer, nullable=False),
    sa.Column("heading", sa.Text, nullable=False),
    sa.Column("context", sa.Text, nullable=False),
    sa.Column("embedded", sa.LargeBinary(16), nullable=False, index=True),
    sqlite_autoincrement=True,
)
embeddings = sa.Table(
    "embeddings",
    meta,
    sa.Column("row", sa.Integer, primary_key=True),
    sa.Column("model", sa.Text, nullable=False),
    sa.Column("key", sa.LargeBinary(16), nullable=False),
    sa.Column("vector", sa.LargeBinary, nullable=False),
    sa.UniqueConstraint("model", "key"),
)
segments = sa.Table(
    "segments",
    meta,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("revision", sa.Integer, nullable=False),
    sa.Column("after", sa.Integer, nullable=False),
    sa.Column("last", sa.Integer, nullable=False),
    sa.Column("passages", sa.Integer, nullable=False),
    sa.Column("rows", sa.Integer, nullable=False),
)
twins = sa.Table(
    "twins",
    meta,
    sa.Column("segment", sa.Text, nullable=False, index=True),
    sa.Column("first", sa.Integer, nullable=False),
    sa.Column("passage", sa.Integer, nullable=False),
)
about = sa.Table(  # what is true of the library as a whole: `library`, a random name; `doubted`, broken segments
    "about", meta, sa.Column("key", sa.Text, primary_key=True), sa.Column("value", sa.Text, nullable=False)
)
seen = sa.Table(  # the listing of the folder that is being read; empty between builds
    "seen",
    meta,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("place", sa.Integer, nullable=False),
    sa.Column("kept", sa.Boolean, nullable=False),
    sqlite_with_rowid=False,
)


def alive(revision: int | sa.BindParameter[int]) -> sa.ColumnElement[bool]:
    """Return the condition under which a row of `articles` belongs to a revision."""
    return sa.and_(articles.c.since <= revision, sa.or_(articles.c.until.is_(None), articles.c.until > revision))


def alive_here(revision: int | sa.BindParameter[int]) -> sa.ColumnElement[bool]:
    """Return the condition of `alive` in a form that no index answers, for joins that must begin at `passages`.

    SQLite otherwise begins at whatever looks cheaper without statistics: 120 ms where it should take 0.5.
    """
    ends = sa.func.coalesce(articles.c.until, NEVER)
    return sa.and_(articles.c.since + 0 <= revision, ends > revision)


NEVER = 2**31 - 1
"""A revision that will not come: reindexing once a second reaches it in 68 years."""


def engine(path: Path) -> sa.Engine:
    """Return an engine for a ledger's file. Nothing is opened yet.

    Each `connect()` block reads one state of the database however long it takes; `execution_options(writes=True)`
    takes the write lock at its start, so that it cannot lose it half-way. With `compacts=True` there is no transaction.
    """
    made = sa.create_engine(f"sqlite:///{path}", connect_args={"timeout": 30})
    sa.event.listen(made, "connect", _prepare)
    sa.event.listen(made, "begin", _begin)
    return made


def version(db: sa.Connection) -> int:
    """Return which version of the tables a database has; 0 where it has none."""
    return int(db.execute(sa.text("PRAGMA user_version")).scalar_one())


def create(db: sa.Connection, path: Path) -> None:
    """Make the tables, or bring those of an older version up to date.

    Raises:
        Damaged: they were made by a newer Footnote.
    """
    found = version(db)
    if found > SCHEMA:
        message = f"{path} was made by a newer Footnote. Update this one: pip install -U footnote-bot."
        raise Damaged(message)
    if found < SCHEMA:
        for statement in _BEFORE.get(found, ()):
            db.execute(sa.text(statement))
        meta.create_all(db)
        for statement in _AFTER.get(found, ()):
            db.execute(sa.text(statement))
        if db.execute(sa.select(about.c.key).where(about.c.key == "library")).first() is None:
            db.execute(about.insert(), {"key": "library", "value": secrets.token_hex(6)})
        db.execute(sa.text(f"PRAGMA user_version = {SCHEMA}"))


_BEFORE = {
    1: (
        "DROP INDEX articles_by_revision",
        "DROP INDEX ix_passages_article",
        *(f"ALTER TABLE {name} RENAME TO {name}_1" for name in ("revisions", "articles", "passages", "embeddings")),
    )
}
"""What to do with the tables of an older version before those of this one are made."""

_AFTER = {
    1: (
        # it names no segments: they are built again at the next question
        """INSERT INTO revisions SELECT number, made_at, '[]', '', model, fingerprint, chunking, folder, articles,
        passages, 0, 0 FROM revisions_1""",
        """INSERT INTO articles SELECT a.row, id, digest, title, date, source, url, text, headings, count(p.row),
        since, until FROM articles_1 a LEFT JOIN passages_1 p ON p.article = a.row GROUP BY a.row""",
        "INSERT INTO passages SELECT row, article, start, \"end\", heading, '', embedded FROM passages_1",
        "INSERT INTO embeddings (model, key, vector) SELECT model, key, vector FROM embeddings_1",
        *(f"DROP TABLE {name}_1" for name in ("revisions", "articles", "passages", "embeddings")),
    ),
    2: ("CREATE INDEX articles_by_date ON articles (date, since, until)",),
}


def _prepare(connection: Any, _record: object) -> None:  # noqa: ANN401
    """WAL lets people ask while a build writes; FULL makes a switch survive a power cut."""
    connection.isolation_level = None  # sqlite3 begins no transactions of its own: see `_begin`
    with _cursor(connection) as cursor:
        if not cursor.execute("PRAGMA page_count").fetchone()[0]:  # these two count only before the first table is made
            cursor.execute(f"PRAGMA page_size={PAGE}")
            cursor.execute("PRAGMA auto_vacuum=INCREMENTAL")  # later it would wait for whoever writes
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute("PRAGMA synchronous=FULL")
        cursor.execute(f"PRAGMA journal_size_limit={WAL_LEFT}")


def _begin(db: sa.Connection) -> None:
    options = db.get_execution_options()
    if not options.get("compacts"):
        db.exec_driver_sql("BEGIN IMMEDIATE" if options.get("writes") else "BEGIN")


@contextmanager
def _cursor(connection: Any) -> Iterator[Any]:  # noqa: ANN401  a DBAPI connection has no common type
    cursor = connection.cursor()
    try:
        yield cursor
    finally:
        cursor.close()
