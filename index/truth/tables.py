"""The tables of the ledger, and how they are made and brought up to date. Knows no rules of indexing.

A row of `articles` is one version of an article. It belongs to every revision from `since` up to, and not including,
`until`. What nobody can see any more keeps its row, without its text, for as long as a segment holds its passages:
that is how a search knows which of a segment's rows are dead.
"""

import secrets

import sqlalchemy as sa

from index.errors import Damaged
from index.truth.database import PATIENCE, engine, replacing, shared

__all__ = ["engine"]

SCHEMA = 6
"""Stored as SQLite's `user_version`, on PostgreSQL in `about`; raised with every change of the tables."""

Number = sa.BigInteger().with_variant(sa.Integer, "sqlite")
"""A number that is never given twice, which no collection exhausts. SQLite has one integer, of eight bytes."""

Words = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
"""A text, in the order of its bytes in both databases, whatever language the server was set up for."""

meta = sa.MetaData()

revisions = sa.Table(
    "revisions",
    meta,
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("made_at", Words, nullable=False),
    sa.Column("segments", Words, nullable=False),
    sa.Column("words", Words, nullable=False),
    sa.Column("model", Words, nullable=False),
    sa.Column("fingerprint", Words, nullable=False),
    sa.Column("chunking", Words, nullable=False),
    sa.Column("folder", Words, nullable=False),
    sa.Column("articles", sa.Integer, nullable=False),
    sa.Column("passages", sa.Integer, nullable=False),
    sa.Column("held", sa.Boolean, nullable=False, default=False),
    sa.Column("undone", sa.Boolean, nullable=False, default=False),
)
articles = sa.Table(
    "articles",
    meta,
    sa.Column("row", Number, primary_key=True),
    sa.Column("id", Words, nullable=False),
    sa.Column("digest", Words, nullable=False),
    sa.Column("title", Words, nullable=False),
    sa.Column("date", Words, nullable=False),
    sa.Column("source", Words, nullable=False),
    sa.Column("url", Words, nullable=False),
    sa.Column("text", Words, nullable=False),
    sa.Column("headings", Words, nullable=False),
    sa.Column("author", Words, nullable=False),
    sa.Column("language", Words, nullable=False),
    sa.Column("pages", Words, nullable=False),
    sa.Column("origin", Words, nullable=False),
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
    sa.Column("row", Number, primary_key=True),
    sa.Column("article", Number, nullable=False, index=True),
    sa.Column("start", sa.Integer, nullable=False),
    sa.Column("end", sa.Integer, nullable=False),
    sa.Column("heading", Words, nullable=False),
    sa.Column("context", Words, nullable=False),
    sa.Column("embedded", sa.LargeBinary(16), nullable=False, index=True),
    sqlite_autoincrement=True,
)
embeddings = sa.Table(
    "embeddings",
    meta,
    sa.Column("row", Number, primary_key=True),
    sa.Column("model", Words, nullable=False),
    sa.Column("key", sa.LargeBinary(16), nullable=False),
    sa.Column("vector", sa.LargeBinary, nullable=False),
    sa.UniqueConstraint("model", "key"),
)
segments = sa.Table(
    "segments",
    meta,
    sa.Column("name", Words, primary_key=True),
    sa.Column("revision", sa.Integer, nullable=False),
    sa.Column("after", Number, nullable=False),
    sa.Column("last", Number, nullable=False),
    sa.Column("passages", sa.Integer, nullable=False),
    sa.Column("rows", sa.Integer, nullable=False),
)
twins = sa.Table(
    "twins",
    meta,
    sa.Column("segment", Words, nullable=False, index=True),
    sa.Column("first", Number, nullable=False),
    sa.Column("passage", Number, nullable=False),
)
versions = sa.Table(  # what an article was before: the version that `revision` replaced, and when
    "versions",
    meta,
    sa.Column("row", Number, primary_key=True),
    sa.Column("id", Words, nullable=False, index=True),
    sa.Column("digest", Words, nullable=False),
    sa.Column("title", Words, nullable=False),
    sa.Column("date", Words, nullable=False),
    sa.Column("replaced_at", Words, nullable=False),
    sa.Column("revision", sa.Integer, nullable=False, index=True),
)
holdings = sa.Table(  # what was fetched or sent, with its bytes (zlib); times are ISO 8601, "" for never
    "holdings",
    meta,
    sa.Column("key", Words, primary_key=True),
    sa.Column("source", Words, nullable=False, index=True),
    sa.Column("kind", Words, nullable=False),
    sa.Column("name", Words, nullable=False),
    sa.Column("content", sa.LargeBinary, nullable=False),
    sa.Column("digest", Words, nullable=False),
    sa.Column("size", sa.Integer, nullable=False),
    sa.Column("url", Words, nullable=False),
    sa.Column("title", Words, nullable=False),
    sa.Column("date", Words, nullable=False),
    sa.Column("etag", Words, nullable=False),
    sa.Column("modified", Words, nullable=False),
    sa.Column("first", Words, nullable=False),
    sa.Column("success", Words, nullable=False),
    sa.Column("failure", Words, nullable=False),
    sa.Column("reason", Words, nullable=False),
    sa.Column("failures", sa.Integer, nullable=False),
    sa.Column("missed", sa.Integer, nullable=False),
    sa.Column("gone", Words, nullable=False),
    sa.Column("shunned", sa.Boolean, nullable=False),
)
visits = sa.Table(  # how the last looks at a source went; `place` is its folder, its address, or a sitemap it names
    "visits",
    meta,
    sa.Column("source", Words, primary_key=True),
    sa.Column("place", Words, primary_key=True),
    sa.Column("wanted", Words, nullable=False),
    sa.Column("etag", Words, nullable=False),
    sa.Column("modified", Words, nullable=False),
    sa.Column("success", Words, nullable=False),
    sa.Column("failure", Words, nullable=False),
    sa.Column("reason", Words, nullable=False),
    sa.Column("failures", sa.Integer, nullable=False),
)
signatures = sa.Table(  # of the articles' shingles, of `form`; see `copies`
    "signatures",
    meta,
    sa.Column("article", Number, primary_key=True, autoincrement=False),
    sa.Column("form", Words, nullable=False),
    sa.Column("slots", sa.LargeBinary, nullable=False),
)
copies = sa.Table(  # two articles that tell one story; `article` has the smaller number
    "copies",
    meta,
    sa.Column("article", Number, primary_key=True, autoincrement=False),
    sa.Column("other", Number, primary_key=True, autoincrement=False, index=True),
)
about = sa.Table(  # what is true of the library as a whole: `library`, a random name; `doubted`, broken segments
    "about", meta, sa.Column("key", Words, primary_key=True), sa.Column("value", Words, nullable=False)
)
seen = sa.Table(  # the listing of the folder that is being read; empty between builds
    "seen",
    meta,
    sa.Column("id", Words, primary_key=True),
    sa.Column("place", sa.Integer, nullable=False),
    sa.Column("kept", sa.Boolean, nullable=False),
    sqlite_with_rowid=False,
)


def alive(revision: int | sa.BindParameter[int], of: sa.FromClause | None = None) -> sa.ColumnElement[bool]:
    """Return the condition under which a row of `articles`, or `of` an alias of it, belongs to a revision."""
    columns = articles.c if of is None else of.c
    return sa.and_(columns.since <= revision, sa.or_(columns.until.is_(None), columns.until > revision))


def alive_here(revision: int | sa.BindParameter[int]) -> sa.ColumnElement[bool]:
    """Return the condition of `alive` in a form that no index answers, for joins that must begin at `passages`.

    SQLite otherwise begins at whatever looks cheaper without statistics: 120 ms where it should take 0.5.
    """
    ends = sa.func.coalesce(articles.c.until, NEVER)
    return sa.and_(articles.c.since + 0 <= revision, ends > revision)


NEVER = 2**31 - 1
"""A revision that will not come: reindexing once a second reaches it in 68 years."""


def version(db: sa.Connection) -> int:
    """Return which version of the tables a database has; 0 where it has none."""
    if not shared(db):
        return int(db.execute(sa.text("PRAGMA user_version")).scalar_one())
    if db.execute(sa.select(sa.func.to_regclass(about.name))).scalar() is None:
        return 0
    return int(db.execute(sa.select(about.c.value).where(about.c.key == _SCHEMA)).scalar() or 0)


def create(db: sa.Connection, name: str) -> None:
    """Make the tables in the database of this name, or bring those of an older version up to date.

    Raises:
        Damaged: they were made by a newer Footnote, or the database cannot hold every text.
    """
    if shared(db):  # two that start at once must not both make the tables
        db.execute(sa.text(f"SET LOCAL lock_timeout = '{PATIENCE}s'"))
        db.execute(sa.select(sa.func.pg_advisory_xact_lock(_MAKING)))
        if db.execute(sa.text("SHOW server_encoding")).scalar_one() != "UTF8":
            message = f"{name} does not store every character. Make it anew with ENCODING 'UTF8' TEMPLATE template0."
            raise Damaged(message)
    found = version(db)
    if found > SCHEMA:
        message = f"{name} was made by a newer Footnote. Update this one: pip install -U footnote-bot."
        raise Damaged(message)
    if found < SCHEMA:
        for statement in _BEFORE.get(found, ()):
            db.execute(sa.text(statement))
        meta.create_all(db)
        for statement in _AFTER.get(found, ()):
            db.execute(sa.text(statement))
        if db.execute(sa.select(about.c.key).where(about.c.key == "library")).first() is None:
            db.execute(about.insert(), {"key": "library", "value": secrets.token_hex(6)})
        if shared(db):
            note(db, _SCHEMA, str(SCHEMA))
        else:
            db.execute(sa.text(f"PRAGMA user_version = {SCHEMA}"))


def note(db: sa.Connection, key: str, value: str) -> None:
    """Write down what is true of the library as a whole, in place of what was true before."""
    db.execute(replacing(db, about), {"key": key, "value": value})


_SCHEMA = "schema"

_MAKING = 0x466F6F746E6F7465
"""Key of the advisory lock of PostgreSQL under which tables are made: "Footnote" as a number."""

# The first two steps are SQLite's: PostgreSQL has had these tables since their third version.
_BEFORE = {
    1: (
        "DROP INDEX articles_by_revision",
        "DROP INDEX ix_passages_article",
        *(f"ALTER TABLE {name} RENAME TO {name}_1" for name in ("revisions", "articles", "passages", "embeddings")),
    )
}
"""What to do with the tables of an older version before those of this one are made."""

_KNOWN_SINCE_4 = tuple(
    f"ALTER TABLE articles ADD COLUMN {name} TEXT NOT NULL DEFAULT ''" for name in ("author", "language", "pages")
)
_KNOWN_SINCE_5 = ("ALTER TABLE articles ADD COLUMN origin TEXT NOT NULL DEFAULT ''",)
_AFTER = {
    1: (
        # it names no segments: they are built again at the next question
        """INSERT INTO revisions SELECT number, made_at, '[]', '', model, fingerprint, chunking, folder, articles,
        passages, 0, 0 FROM revisions_1""",
        """INSERT INTO articles SELECT a.row, id, digest, title, date, source, url, text, headings, '', '', '', '',
        count(p.row), since, until FROM articles_1 a LEFT JOIN passages_1 p ON p.article = a.row GROUP BY a.row""",
        "INSERT INTO passages SELECT row, article, start, \"end\", heading, '', embedded FROM passages_1",
        "INSERT INTO embeddings (model, key, vector) SELECT model, key, vector FROM embeddings_1",
        *(f"DROP TABLE {name}_1" for name in ("revisions", "articles", "passages", "embeddings")),
    ),
    2: ("CREATE INDEX articles_by_date ON articles (date, since, until)", *_KNOWN_SINCE_4, *_KNOWN_SINCE_5),
    3: (*_KNOWN_SINCE_4, *_KNOWN_SINCE_5),
    4: _KNOWN_SINCE_5,
}
