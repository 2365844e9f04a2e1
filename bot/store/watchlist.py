"""The watches: which questions people want to hear more on, and what was found for them and is still to be sent.

SQLAlchemy Core over the database of the inbox. Synchronous; knows nothing of python-telegram-bot. Several bots may
share it: what one has taken is its own until it is given back, or until a lease ends because the process died.
"""

import datetime as dt
import hashlib
import secrets
import time
import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from bot.store import tables
from bot.store.news import Base
from index.truth.database import Database, Note, insert

LEASE = 120.0
"""Seconds after which what a process has taken is free again: twice as long as a question or a message may take."""

_PUNCTUATION = "?!.…,;:¿¡？。\"'“”„«»()"

MOST_SENDS = 2
"""Times that sending one finding is begun: after a crash in the middle of it nobody knows whether it arrived."""

meta = sa.MetaData()
watches = sa.Table(
    "watches",
    meta,
    sa.Column("bot", sa.BigInteger, primary_key=True),
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("person", sa.BigInteger, nullable=False),
    sa.Column("chat", sa.BigInteger, nullable=False),
    sa.Column("language", sa.Text, nullable=False),
    sa.Column("question", sa.Text, nullable=False),
    sa.Column("wording", sa.Text, nullable=False),
    sa.Column("made", sa.Float, nullable=False),
    sa.Column("revision", sa.Integer, nullable=False),
    sa.Column("answered", sa.Boolean, nullable=False),
    sa.Column("missing", sa.Integer, nullable=False),
    sa.Column("best", sa.Float, nullable=False),
    sa.Column("newest", sa.Text, nullable=False),
    sa.Column("holder", sa.Text, nullable=False),
    sa.Column("due", sa.Float, nullable=False),
    sa.UniqueConstraint("bot", "person", "wording"),
    sa.Index("watches_by_revision", "bot", "revision"),
)
seen = sa.Table(
    "watch_seen",
    meta,
    sa.Column("bot", sa.BigInteger, primary_key=True),
    sa.Column("watch", sa.Text, primary_key=True),
    sa.Column("digest", sa.Text, primary_key=True),
)
findings = sa.Table(
    "watch_findings",
    meta,
    sa.Column("bot", sa.BigInteger, primary_key=True),
    sa.Column("watch", sa.Text, primary_key=True),
    sa.Column("revision", sa.Integer, primary_key=True),
    sa.Column("answer", sa.Text, nullable=False),
    sa.Column("sends", sa.Integer, nullable=False),
    sa.Column("due", sa.Float, nullable=False),
)


@dataclass(frozen=True, slots=True)
class Watch:
    """A question that a person wants to hear more on, `made` so many seconds after 1970."""

    id: str
    person: int
    chat: int
    question: str
    language: str
    made: float


@dataclass(frozen=True, slots=True)
class Taken:
    """A watch that is ours to compare, and what it has been compared with."""

    watch: Watch
    base: Base
    holder: str


@dataclass(frozen=True, slots=True)
class Finding:
    """An answer of the journal that is ours to send; `sends` counts the times that this was begun, this one too."""

    watch: Watch
    revision: int
    answer: str
    sends: int


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody asks to watch, and the answer of today as the base of what is new."""

    person: int
    chat: int
    question: str
    language: str = ""
    base: Base = field(default_factory=Base)


class Watchlist:
    """The watches of one bot. Safe to share between threads; every call is its own transaction.

    All methods raise FootnoteError where the database cannot be read or written.
    """

    def __init__(self, database: Database, *, bot: int, now: Callable[[], float] = time.time) -> None:
        """Open the watches of the bot with that id, making the tables where there are none."""
        self._database = database
        self._bot = bot
        self._now = now
        tables.make(database, meta)

    def add(self, wish: Wish, *, most: int) -> Watch | None:
        """Begin a watch, unless the person has `most` of them: then return None.

        Whoever watches the question already keeps that watch, which is returned.
        """
        row = {
            "bot": self._bot,
            "id": secrets.token_hex(8),
            "person": wish.person,
            "chat": wish.chat,
            "language": wish.language,
            "question": wish.question,
            "wording": _wording(wish.question),
            "made": self._now(),
            "holder": "",
            "due": 0.0,
            **_base_row(wish.base),
        }
        same = sa.and_(self._of(watches, wish.person), watches.c.wording == row["wording"])
        with self._database.writing() as db:
            if self._count(db, wish.person) >= most:
                found = db.execute(watches.select().where(same)).first()
                return _watch(found) if found else None
            if db.execute(insert(db, watches).values(row).on_conflict_do_nothing()).rowcount:
                self._note_seen(db, row["id"], wish.base.seen)
            return _watch(db.execute(watches.select().where(same)).one())

    def watched(self, person: int, question: str) -> Watch | None:
        """Return the watch that a person has on a question, however it is spelt."""
        same = sa.and_(self._of(watches, person), watches.c.wording == _wording(question))
        with self._database.reading() as db:
            row = db.execute(watches.select().where(same)).first()
        return _watch(row) if row else None

    def of(self, person: int) -> list[Watch]:
        """Return the watches of a person, oldest first."""
        query = watches.select().where(self._of(watches, person)).order_by(watches.c.made, watches.c.id)
        with self._database.reading() as db:
            return [_watch(row) for row in db.execute(query)]

    def remove(self, id_: str, person: int) -> bool:
        """End a watch of a person; False where they have none by that id."""
        with self._database.writing() as db:
            here = sa.and_(self._of(watches, person), watches.c.id == id_)
            gone = bool(db.execute(watches.delete().where(here)).rowcount)
            if gone:
                self._clear(db, [id_])
        return gone

    def count(self, person: int) -> int:
        """Return how many watches a person has."""
        with self._database.reading() as db:
            return self._count(db, person)

    def forget(self, person: int) -> int:
        """End all watches of a person; return how many there were."""
        with self._database.writing() as db:
            ids = list(db.execute(sa.select(watches.c.id).where(self._of(watches, person))).scalars())
            self._clear(db, ids)
            return int(db.execute(watches.delete().where(self._of(watches, person))).rowcount)

    def take(self, revision: int) -> Taken | None:
        """Take a watch that was not compared with this revision yet; None where there is none that is free."""
        free = sa.and_(watches.c.bot == self._bot, watches.c.revision != revision, watches.c.due <= self._now())
        query = watches.select().where(free).order_by(watches.c.due, watches.c.id).limit(1)
        holder = secrets.token_hex(8)
        with self._database.writing() as db:
            row = db.execute(query.with_for_update(skip_locked=True) if self._database.shared else query).first()
            if row is None:
                return None
            values = {"holder": holder, "due": self._now() + LEASE}
            db.execute(watches.update().where(self._is(row.id)).values(values))
            digests = sa.select(seen.c.digest).where(seen.c.bot == self._bot, seen.c.watch == row.id)
            known = frozenset(db.execute(digests).scalars())
        day = dt.date.fromisoformat(row.newest) if row.newest else None
        return Taken(_watch(row), Base(row.revision, row.answered, row.missing, row.best, day, known), holder)

    def put_back(self, taken: Taken, *, wait: float) -> None:
        """Give a watch back as it was, to be taken again after `wait` seconds."""
        with self._database.writing() as db:
            db.execute(watches.update().where(self._mine(taken)).values(holder="", due=self._now() + wait))

    def compared(self, taken: Taken, base: Base, *, answer: str = "", keeping: Note | None = None) -> bool:
        """Note what a watch is measured by from now on, and with it the `answer` of the journal that is to be sent.

        `keeping` writes that answer down, in the same transaction. Returns False, and notes nothing, where the watch
        was ended meanwhile, or is in other hands.
        """
        values = {**_base_row(base), "holder": "", "due": 0.0}
        with self._database.writing() as db:
            if not db.execute(watches.update().where(self._mine(taken)).values(values)).rowcount:
                return False
            self._note_seen(db, taken.watch.id, base.seen - taken.base.seen)
            if keeping is not None:
                keeping(db)
            if answer:
                row = {"bot": self._bot, "watch": taken.watch.id, "revision": base.revision, "answer": answer}
                db.execute(insert(db, findings).values(**row, sends=0, due=0.0).on_conflict_do_nothing())
        return True

    def to_send(self) -> Finding | None:
        """Take a finding that is due, as one whose sending begins now; None where there is none.

        Those whose sending was begun MOST_SENDS times are given up.
        """
        due = sa.and_(findings.c.bot == self._bot, findings.c.due <= self._now())
        with self._database.writing() as db:
            db.execute(findings.delete().where(due, findings.c.sends >= MOST_SENDS))
            owner = sa.and_(watches.c.bot == findings.c.bot, watches.c.id == findings.c.watch)
            query = sa.select(watches, findings.c.revision.label("found"), findings.c.answer, findings.c.sends)
            query = query.select_from(findings.join(watches, owner)).where(due).order_by(findings.c.due).limit(1)
            if self._database.shared:
                query = query.with_for_update(skip_locked=True, of=findings)
            row = db.execute(query).first()
            if row is None:
                return None
            finding = Finding(_watch(row), row.found, row.answer, row.sends + 1)
            values = {"sends": finding.sends, "due": self._now() + LEASE}
            db.execute(findings.update().where(self._at(finding)).values(values))
        return finding

    def sent(self, finding: Finding) -> None:
        """Note that a finding has arrived, or that it never will."""
        with self._database.writing() as db:
            db.execute(findings.delete().where(self._at(finding)))

    def not_sent(self, finding: Finding, *, wait: float) -> None:
        """Note that Telegram surely did not take a finding, which is due again after `wait` seconds."""
        values = {"sends": finding.sends - 1, "due": self._now() + wait}
        with self._database.writing() as db:
            db.execute(findings.update().where(self._at(finding)).values(values))

    def recover(self) -> None:
        """Free at once what a process before this one held.

        Where several processes share the watches that is left to the ends of their leases: they may be alive.
        """
        if self._database.shared:
            return
        with self._database.writing() as db:
            held = sa.and_(watches.c.bot == self._bot, watches.c.holder != "")
            db.execute(watches.update().where(held).values(holder="", due=0.0))
            db.execute(findings.update().where(findings.c.bot == self._bot).values(due=0.0))

    def _note_seen(self, db: sa.Connection, id_: str, digests: Iterable[str]) -> None:
        rows = [{"bot": self._bot, "watch": id_, "digest": one} for one in sorted(digests)]
        if rows:
            db.execute(insert(db, seen).on_conflict_do_nothing(), rows)

    def _clear(self, db: sa.Connection, ids: list[str]) -> None:
        for table in (seen, findings):
            db.execute(table.delete().where(table.c.bot == self._bot, table.c.watch.in_(ids)))

    def _count(self, db: sa.Connection, person: int) -> int:
        query = sa.select(sa.func.count()).select_from(watches).where(self._of(watches, person))
        return int(db.execute(query).scalar_one())

    def _is(self, id_: str) -> sa.ColumnElement[bool]:
        return sa.and_(watches.c.bot == self._bot, watches.c.id == id_)

    def _mine(self, taken: Taken) -> sa.ColumnElement[bool]:
        return sa.and_(self._is(taken.watch.id), watches.c.holder == taken.holder)

    def _at(self, finding: Finding) -> sa.ColumnElement[bool]:
        here = sa.and_(findings.c.bot == self._bot, findings.c.watch == finding.watch.id)
        return sa.and_(here, findings.c.revision == finding.revision)

    def _of(self, table: sa.Table, person: int) -> sa.ColumnElement[bool]:
        return sa.and_(table.c.bot == self._bot, table.c.person == person)


def _wording(question: str) -> str:
    """Return 16 hex digits, the same for a question in other letters, spaces or punctuation; "C++" is not "C#"."""
    said = unicodedata.normalize("NFKC", question).casefold().replace("’", "'")
    words = " ".join(filter(None, (word.strip(_PUNCTUATION) for word in said.split())))
    return hashlib.sha256((words or said).encode()).hexdigest()[:16]


def _base_row(base: Base) -> dict[str, Any]:
    return {
        "revision": base.revision,
        "answered": base.answered,
        "missing": base.missing,
        "best": base.best,
        "newest": str(base.newest or ""),
    }


def _watch(row: sa.Row[Any]) -> Watch:
    return Watch(row.id, row.person, row.chat, row.question, row.language, row.made)
