"""The people and groups that the settings do not name: admitted by invitation, blocked by an admin, moved elsewhere.

SQLAlchemy Core over the database of the inbox. Synchronous; knows nothing of python-telegram-bot. What it means for an
update is the gate's to decide, from the copy kept in memory here.
"""

import hashlib
import secrets
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, NamedTuple

import sqlalchemy as sa

from bot.store import tables
from index.truth.database import Database, insert, replacing

FRESH = 2.0
"""Seconds for which the copy is believed where several bots share the database: so long a block may take to hold."""

KEEP_ENDED = 30 * 86_400.0
"""Seconds for which an invitation that ended is kept, so that whoever opens it is told what it was."""

ENTROPY = 24
"""Random bytes of an invitation: 32 characters, of the 62 that a deep link leaves us."""

SHOWN = 16
"""Characters of the digest that are the id of an invitation, as on a button."""

meta = sa.MetaData()
admitted = sa.Table(
    "admitted",
    meta,
    sa.Column("bot", sa.BigInteger, primary_key=True),
    sa.Column("person", sa.BigInteger, primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("language", sa.Text, nullable=False),
    sa.Column("invitation", sa.Text, nullable=False),
    sa.Column("label", sa.Text, nullable=False),
    sa.Column("at", sa.Float, nullable=False),
)
blocked = sa.Table(
    "blocked",
    meta,
    sa.Column("bot", sa.BigInteger, primary_key=True),
    sa.Column("person", sa.BigInteger, primary_key=True),
    sa.Column("by", sa.BigInteger, nullable=False),
    sa.Column("at", sa.Float, nullable=False),
)
invitations = sa.Table(
    "invitations",
    meta,
    sa.Column("bot", sa.BigInteger, primary_key=True),
    sa.Column("digest", sa.Text, primary_key=True),
    sa.Column("id", sa.Text, nullable=False),
    sa.Column("label", sa.Text, nullable=False),
    sa.Column("by", sa.BigInteger, nullable=False),
    sa.Column("at", sa.Float, nullable=False),
    sa.Column("expires", sa.Float, nullable=False),
    sa.Column("remaining", sa.Integer),  # NULL: any number
    sa.Column("revoked", sa.Boolean, nullable=False),
    sa.Index("invitations_by_id", "bot", "id"),
)
moved = sa.Table(
    "moved",
    meta,
    sa.Column("bot", sa.BigInteger, primary_key=True),
    sa.Column("old", sa.BigInteger, primary_key=True),
    sa.Column("new", sa.BigInteger, nullable=False),
)
changes = sa.Table(
    "people_changes",
    meta,
    sa.Column("bot", sa.BigInteger, primary_key=True),
    sa.Column("number", sa.BigInteger, nullable=False),
)


class Opened(Enum):
    """What came of opening an invitation."""

    ADMITTED = "admitted"
    ALREADY = "already"
    BLOCKED = "blocked"
    USED_UP = "used up"
    EXPIRED = "expired"
    REVOKED = "revoked"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Known:
    """Who and what is known, as of the change of that `number`. `moved`: the new id of a group -> the one before."""

    number: int = 0
    admitted: frozenset[int] = frozenset()
    blocked: frozenset[int] = frozenset()
    moved: Mapping[int, int] = field(default_factory=dict)


NOBODY = Known()


@dataclass(frozen=True, slots=True)
class Invitation:
    """A link that admits whoever opens it, until it `expires` or nothing `remains` (None: any number)."""

    id: str
    label: str
    by: int
    at: float
    expires: float
    remains: int | None


@dataclass(frozen=True, slots=True)
class Guest:
    """Somebody whom an invitation admitted, with the name and the language of that day."""

    person: int
    name: str
    label: str
    at: float


@dataclass(frozen=True, slots=True)
class Outcast:
    """Somebody whom an admin blocked; `name` where they were admitted before."""

    person: int
    name: str
    by: int
    at: float


Entry = Invitation | Guest | Outcast


class Page(NamedTuple):
    """Some of all entries, in their order, and how many there are of each kind."""

    entries: list[Entry]
    invitations: int
    guests: int
    outcasts: int

    @property
    def total(self) -> int:
        """How many entries there are."""
        return self.invitations + self.guests + self.outcasts


class People:
    """The people of one bot. Safe to share between threads; every call that writes is its own transaction.

    All methods raise FootnoteError where the database cannot be read or written.
    """

    def __init__(self, database: Database, *, bot: int, now: Callable[[], float] = time.time) -> None:
        """Open what is known to the bot with that id, making it where there is nothing."""
        self._database = database
        self._bot = bot
        self._now = now
        self._lock = threading.Lock()
        self._looked = float("-inf")
        self._known = NOBODY
        self.shared = database.shared
        tables.make(database, meta)
        self.keep_up()

    @property
    def known(self) -> Known:
        """The copy in memory: as of the last change made here, or the last look."""
        return self._known

    @property
    def stale(self) -> bool:
        """Whether it is time for `keep_up`."""
        return self.shared and time.monotonic() - self._looked > FRESH

    def keep_up(self, *, at_once: bool = False) -> None:
        """Read what others changed meanwhile, unless the copy is fresh; `at_once` even then."""
        with self._lock:  # whoever waited for it finds the copy fresh
            if at_once or self.stale or self._known is NOBODY:
                looked = time.monotonic()
                with self._database.reading() as db:
                    self._known = self._read(db)
                self._looked = looked

    def invite(self, *, by: int, label: str = "", times: int | None, seconds: float) -> tuple[str, Invitation]:
        """Make an invitation for so many `times` (None: any number); return its token, which is kept nowhere, and it.

        Those that ended long ago are forgotten.
        """
        now, token = self._now(), secrets.token_urlsafe(ENTROPY)
        digest = _digest(token)
        made = Invitation(digest[:SHOWN], label, by, now, now + seconds, times)
        old = sa.and_(invitations.c.bot == self._bot, invitations.c.expires < now - KEEP_ENDED)
        with self._database.writing() as db:
            db.execute(invitations.delete().where(old))
            db.execute(
                invitations.insert().values(
                    bot=self._bot,
                    digest=digest,
                    id=made.id,
                    label=label,
                    by=by,
                    at=now,
                    expires=made.expires,
                    remaining=times,
                    revoked=False,
                )
            )
        return token, made

    def open(self, token: str, *, person: int, name: str, language: str) -> Opened:
        """Admit a person by an invitation, and use it once. Of two who open the last of it at once, one is admitted.

        Whoever is blocked stays so; whoever is in already does not use it up.
        """
        digest = _digest(token)
        with self._database.reading() as db:  # whoever tries what is no invitation holds up nobody who changes things
            verdict, _ = self._judged(db, digest, person)
        if verdict is not Opened.ADMITTED:
            return verdict
        with self._changing() as db:
            verdict, found = self._judged(db, digest, person)
            if verdict is Opened.ADMITTED:
                row = {"name": name, "language": language, "invitation": found.id, "label": found.label}
                db.execute(admitted.insert().values(bot=self._bot, person=person, at=self._now(), **row))
                here = sa.and_(invitations.c.bot == self._bot, invitations.c.digest == digest)
                db.execute(invitations.update().where(here).values(remaining=invitations.c.remaining - 1))
        return verdict

    def came_by(self, token: str, person: int) -> bool:
        """Whether it was this invitation that admitted a person."""
        by = sa.select(admitted.c.invitation).where(self._of(admitted, person))
        with self._database.reading() as db:
            return db.execute(by).scalar() == _digest(token)[:SHOWN]

    def revoke(self, id_: str) -> bool:
        """End an invitation; False where there is none that is open."""
        here = sa.and_(self._open(), invitations.c.id == id_)
        with self._database.writing() as db:
            return bool(db.execute(invitations.update().where(here).values(revoked=True)).rowcount)

    def invitation(self, id_: str) -> Invitation | None:
        """Return an invitation that is open."""
        with self._database.reading() as db:
            row = db.execute(invitations.select().where(self._open(), invitations.c.id == id_)).first()
        return _invitation(row) if row else None

    def block(self, person: int, *, by: int) -> bool:
        """Block a person, known or not; False where they are blocked already."""
        with self._changing() as db:
            row = {"bot": self._bot, "person": person, "by": by, "at": self._now()}
            return bool(db.execute(insert(db, blocked).values(row).on_conflict_do_nothing()).rowcount)

    def unblock(self, person: int) -> bool:
        """Block a person no more, who is admitted again if an invitation did so before; False where they were not."""
        with self._changing() as db:
            return bool(db.execute(blocked.delete().where(self._of(blocked, person))).rowcount)

    def name(self, person: int) -> str:
        """Return how somebody who was admitted called themselves; nothing for all else."""
        with self._database.reading() as db:
            return db.execute(sa.select(admitted.c.name).where(self._of(admitted, person))).scalar() or ""

    def move(self, old: int, new: int) -> None:
        """Note that a group goes on under another id."""
        with self._changing() as db:
            db.execute(replacing(db, moved), {"bot": self._bot, "old": old, "new": new})

    def page(self, *, limit: int, offset: int = 0) -> Page:
        """Return some of: the open invitations, the people admitted, the people blocked; each newest first."""
        entries: list[Entry] = []
        counts: list[int] = []
        with self._database.reading() as db:
            for query, made in self._listed():
                counted = sa.select(sa.func.count()).select_from(query.order_by(None).subquery())
                counts.append(int(db.execute(counted).scalar_one()))
                skip = max(0, offset - sum(counts[:-1]))
                if len(entries) < limit and skip < counts[-1]:
                    rows = db.execute(query.limit(limit - len(entries)).offset(skip))
                    entries += [made(row) for row in rows]
        return Page(entries, *counts)

    def count(self, person: int) -> int:
        """Return how much is kept of a person beside that they may ask, or may not: their name, with its language."""
        with self._database.reading() as db:
            named = sa.and_(self._of(admitted, person), sa.or_(admitted.c.name != "", admitted.c.language != ""))
            return int(db.execute(sa.select(sa.func.count()).select_from(admitted).where(named)).scalar_one())

    def forget(self, person: int) -> int:
        """Remove that; return what it was. That they may ask, or may not, stays: it is no word of theirs."""
        with self._database.writing() as db:
            named = sa.and_(self._of(admitted, person), sa.or_(admitted.c.name != "", admitted.c.language != ""))
            return int(db.execute(admitted.update().where(named).values(name="", language="")).rowcount)

    def _listed(self) -> list[tuple[sa.Select[Any], Callable[[Any], Entry]]]:
        out = sa.exists().where(blocked.c.bot == admitted.c.bot, blocked.c.person == admitted.c.person)
        same = sa.and_(admitted.c.bot == blocked.c.bot, admitted.c.person == blocked.c.person)
        name = sa.func.coalesce(admitted.c.name, "").label("name")
        outcasts = sa.select(blocked, name).select_from(blocked.outerjoin(admitted, same))
        return [
            (_newest(invitations.select().where(self._open()), invitations, "id"), _invitation),
            (_newest(admitted.select().where(admitted.c.bot == self._bot, ~out), admitted, "person"), _guest),
            (_newest(outcasts.where(blocked.c.bot == self._bot), blocked, "person"), _outcast),
        ]

    @contextmanager
    def _changing(self) -> Iterator[sa.Connection]:
        """Change who is known: one after the other, since all begin by counting up; the copy follows."""
        with self._database.writing() as db:
            count = insert(db, changes).values(bot=self._bot, number=1)
            more = {"number": changes.c.number + 1}
            db.execute(count.on_conflict_do_update(index_elements=[changes.c.bot], set_=more))
            yield db
        self.keep_up(at_once=True)

    def _judged(self, db: sa.Connection, digest: str, person: int) -> tuple[Opened, Any]:
        """Return what comes of opening an invitation, and its row."""
        if self._has(db, blocked, person):
            return Opened.BLOCKED, None
        if self._has(db, admitted, person):
            return Opened.ALREADY, None
        here = sa.and_(invitations.c.bot == self._bot, invitations.c.digest == digest)
        found = db.execute(invitations.select().where(here)).first()
        if found is None:
            return Opened.UNKNOWN, None
        if found.revoked:
            return Opened.REVOKED, found
        if found.remaining == 0:
            return Opened.USED_UP, found
        return (Opened.EXPIRED if found.expires <= self._now() else Opened.ADMITTED), found

    def _read(self, db: sa.Connection) -> Known:
        """Read all that is known; where nothing changed, return what we have."""
        number = db.execute(sa.select(changes.c.number).where(changes.c.bot == self._bot)).scalar() or 0
        if self._known is not NOBODY and number == self._known.number:
            return self._known
        people = (db.execute(sa.select(each.c.person).where(each.c.bot == self._bot)) for each in (admitted, blocked))
        ins, outs = (frozenset(rows.scalars()) for rows in people)
        ids = db.execute(sa.select(moved.c.new, moved.c.old).where(moved.c.bot == self._bot))
        return Known(number, ins, outs, {row.new: row.old for row in ids})

    def _open(self) -> sa.ColumnElement[bool]:
        """Which invitations still admit somebody."""
        left = sa.or_(invitations.c.remaining.is_(None), invitations.c.remaining > 0)
        own = invitations.c.bot == self._bot
        return sa.and_(own, ~invitations.c.revoked, invitations.c.expires > self._now(), left)

    def _has(self, db: sa.Connection, table: sa.Table, person: int) -> bool:
        return db.execute(sa.select(table.c.bot).where(self._of(table, person))).first() is not None

    def _of(self, table: sa.Table, person: int) -> sa.ColumnElement[bool]:
        return sa.and_(table.c.bot == self._bot, table.c.person == person)


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _newest(query: sa.Select[Any], table: sa.Table, key: str) -> sa.Select[Any]:
    return query.order_by(table.c.at.desc(), table.c[key])


def _invitation(row: sa.Row[Any]) -> Invitation:
    return Invitation(row.id, row.label, row.by, row.at, row.expires, row.remaining)


def _guest(row: sa.Row[Any]) -> Guest:
    return Guest(row.person, row.name, row.label, row.at)


def _outcast(row: sa.Row[Any]) -> Outcast:
    return Outcast(row.person, row.name, row.by, row.at)
