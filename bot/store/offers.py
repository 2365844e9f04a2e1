"""What was sent to become articles and waits for an admin to keep or discard it: pages, files, forwarded messages.

SQLAlchemy Core over the database of the inbox, so that it outlives the process. Synchronous; knows nothing of
python-telegram-bot. What is gathered in a chat is one offer until it is shown; what nobody settles is swept.
"""

import secrets
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import sqlalchemy as sa

from bot.store import tables
from index.articles.acquire import Sent
from index.articles.holdings import Content, Kind
from index.truth.database import Database, insert

AGE = 7 * 86_400.0
"""Seconds for which an offer waits: a week, as who sends something on Friday may come back after a holiday."""

MOST = 100
"""Offers that wait at most; the oldest go first."""

ROOM = 200_000_000
"""Bytes that wait at most, ten of the largest files that a bot can download; the oldest offers go first."""

PIECES = 50
"""Files and messages in one offer; a message of Telegram names that many."""

HEAVY = 50_000_000
"""Bytes from which on nothing more is put to an offer: all of it is in memory at once while it is added."""

meta = sa.MetaData()
offers = sa.Table(
    "offers",
    meta,
    sa.Column("bot", sa.BigInteger, primary_key=True),
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("person", sa.BigInteger, nullable=False),
    sa.Column("chat", sa.BigInteger, nullable=False),
    sa.Column("made", sa.Float, nullable=False),
    sa.Column("touched", sa.Float, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
)
pieces = sa.Table(
    "offer_pieces",
    meta,
    sa.Column("bot", sa.BigInteger, primary_key=True),
    sa.Column("offer", sa.Text, primary_key=True),
    sa.Column("message", sa.BigInteger, primary_key=True),
    sa.Column("part", sa.Integer, primary_key=True),
    sa.Column("label", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("key", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("url", sa.Text, nullable=False),
    sa.Column("etag", sa.Text, nullable=False),
    sa.Column("modified", sa.Text, nullable=False),
    sa.Column("size", sa.Integer, nullable=False),
    sa.Column("data", sa.LargeBinary, nullable=False),
)


class State(StrEnum):
    """What becomes of an offer: more may still come to it, it is read, it waits for an admin, or it is being added."""

    GATHERING = "gathering"
    READING = "reading"
    SHOWN = "shown"
    KEEPING = "keeping"


@dataclass(frozen=True, slots=True)
class Piece:
    """One file, page or message: as it was sent, or the `reason` why it cannot be had.

    `message` is the message that brought it, `part` its number among those of that message.
    """

    label: str
    sent: Sent | None
    message: int
    part: int = 0
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Offer:
    """Who sent something, and where, and what became of it so far."""

    id: str
    person: int
    chat: int
    state: State


class Offers:
    """The offers of one bot. Safe to share between threads; every call is its own transaction.

    All methods raise FootnoteError where the database cannot be read or written.
    """

    def __init__(self, database: Database, *, bot: int, now: Callable[[], float] = time.time) -> None:
        """Open the offers of the bot with that id, making the tables where there are none."""
        self._database = database
        self._bot = bot
        self._now = now
        self.shared = database.shared
        tables.make(database, meta)

    def gather(self, person: int, chat: int, some: Sequence[Piece], *, apart: bool = False) -> Offer:
        """Put pieces to what is gathered in a chat, or into an offer of their own; return the offer.

        A message that comes a second time, because the bot died after it was gathered, changes nothing.
        """
        with self._database.writing() as db:
            self._sweep(db)
            row = self._with_message(db, chat, some[0].message) or (None if apart else self._open(db, chat))
            if row is None:
                row = db.execute(offers.insert().values(self._new(person, chat)).returning(offers)).one()
            db.execute(offers.update().where(self._is(row.id)).values(touched=self._now()))
            for piece in some:
                values = {"bot": self._bot, "offer": row.id, **_row(piece)}
                db.execute(insert(db, pieces).values(values).on_conflict_do_nothing())
            self._bound(db, row.id)
        return _offer(row)

    def sweep(self) -> None:
        """Forget what waited too long."""
        with self._database.writing() as db:
            self._sweep(db)

    def get(self, id_: str) -> Offer | None:
        """Return an offer; None where it was settled, or waited too long."""
        with self._database.reading() as db:
            row = db.execute(offers.select().where(self._is(id_), offers.c.made >= self._now() - AGE)).first()
        return _offer(row) if row else None

    def pieces(self, id_: str) -> Iterator[Piece]:
        """Yield what is offered, in the order in which it was sent, each read from the database by itself."""
        for message, part in self._parts(id_):
            query = pieces.select().where(self._in(id_), pieces.c.message == message, pieces.c.part == part)
            with self._database.reading() as db:
                row = db.execute(query).first()
            if row is not None:
                yield _piece(row)

    def _parts(self, id_: str) -> list[tuple[int, int]]:
        """Return the messages, and the numbers within those, of what is offered, in the order in which it was sent."""
        query = sa.select(pieces.c.message, pieces.c.part).where(self._in(id_))
        with self._database.reading() as db:
            return [(row.message, row.part) for row in db.execute(query.order_by(pieces.c.message, pieces.c.part))]

    def move(self, id_: str, before: Collection[State], state: State) -> bool:
        """Move an offer from one of some states to another; False where it is in none of them."""
        here = sa.and_(self._is(id_), offers.c.state.in_(before))
        with self._database.writing() as db:
            changed = db.execute(offers.update().where(here).values(state=state, touched=self._now()))
            return bool(changed.rowcount)

    def leave_out(self, id_: str, some: Sequence[Piece]) -> None:
        """Take pieces out of an offer."""
        with self._database.writing() as db:
            for piece in some:
                here = sa.and_(pieces.c.message == piece.message, pieces.c.part == piece.part)
                db.execute(pieces.delete().where(pieces.c.bot == self._bot, pieces.c.offer == id_, here))

    def drop(self, id_: str) -> bool:
        """Forget an offer; False where that was done before."""
        with self._database.writing() as db:
            return self._drop(db, [id_])

    def unfinished(self, *, for_seconds: float) -> list[Offer]:
        """Return the offers that wait for the bot, not for an admin, and were not touched for so many seconds."""
        old = sa.and_(offers.c.bot == self._bot, offers.c.touched <= self._now() - for_seconds)
        query = offers.select().where(old, offers.c.state != State.SHOWN).order_by(offers.c.made)
        with self._database.reading() as db:
            return [_offer(row) for row in db.execute(query)]

    def count(self, person: int) -> int:
        """Return how many offers of a person wait."""
        query = sa.select(sa.func.count()).select_from(offers).where(self._of(person))
        with self._database.reading() as db:
            return int(db.execute(query).scalar_one())

    def forget(self, person: int) -> int:
        """Forget the offers of a person; return how many there were."""
        with self._database.writing() as db:
            ids = list(db.execute(sa.select(offers.c.id).where(self._of(person))).scalars())
            self._drop(db, ids)
        return len(ids)

    def _of(self, person: int) -> sa.ColumnElement[bool]:
        return sa.and_(offers.c.bot == self._bot, offers.c.person == person)

    def _is(self, id_: str) -> sa.ColumnElement[bool]:
        return sa.and_(offers.c.bot == self._bot, offers.c.id == id_)

    def _in(self, id_: str) -> sa.ColumnElement[bool]:
        return sa.and_(pieces.c.bot == self._bot, pieces.c.offer == id_)

    def _new(self, person: int, chat: int) -> dict[str, Any]:
        now = self._now()
        who = {"bot": self._bot, "id": secrets.token_hex(8), "person": person, "chat": chat}
        return {**who, "made": now, "touched": now, "state": State.GATHERING}

    def _open(self, db: sa.Connection, chat: int) -> sa.Row[Any] | None:
        """Return what is gathered in a chat, as long as there is room for more in one message."""
        open_ = sa.and_(offers.c.bot == self._bot, offers.c.chat == chat, offers.c.state == State.GATHERING)
        row = db.execute(offers.select().where(open_).order_by(offers.c.made.desc()).limit(1)).first()
        if row is None:
            return None
        sums = sa.select(sa.func.count(), sa.func.coalesce(sa.func.sum(pieces.c.size), 0)).where(self._in(row.id))
        many, size = db.execute(sums).one()
        return row if many < PIECES and int(size) < HEAVY else None

    def _with_message(self, db: sa.Connection, chat: int, message: int) -> sa.Row[Any] | None:
        ids = sa.select(pieces.c.offer).where(pieces.c.bot == self._bot, pieces.c.message == message)
        here = sa.and_(offers.c.bot == self._bot, offers.c.chat == chat, offers.c.id.in_(ids))
        return db.execute(offers.select().where(here)).first()

    def _sweep(self, db: sa.Connection) -> None:
        old = sa.and_(offers.c.bot == self._bot, offers.c.made < self._now() - AGE)
        self._drop(db, list(db.execute(sa.select(offers.c.id).where(old)).scalars()))

    def _bound(self, db: sa.Connection, newest: str) -> None:
        """Forget the oldest where there are too many, or too many bytes; never the one that was just sent."""
        size = sa.select(sa.func.coalesce(sa.func.sum(pieces.c.size), 0)).where(
            pieces.c.bot == self._bot, pieces.c.offer == offers.c.id
        )
        query = sa.select(offers.c.id, size.scalar_subquery()).where(offers.c.bot == self._bot)
        rows = db.execute(query.order_by(offers.c.made.desc(), offers.c.id)).all()
        total, gone = 0, []
        for place, (id_, bytes_) in enumerate(rows):
            total += int(bytes_)
            if id_ != newest and (place >= MOST or total > ROOM):
                gone.append(id_)
        self._drop(db, gone)

    def _drop(self, db: sa.Connection, ids: Sequence[str]) -> bool:
        if not ids:
            return False
        db.execute(pieces.delete().where(pieces.c.bot == self._bot, pieces.c.offer.in_(ids)))
        return bool(db.execute(offers.delete().where(offers.c.bot == self._bot, offers.c.id.in_(ids))).rowcount)


def _offer(row: sa.Row[Any]) -> Offer:
    return Offer(row.id, row.person, row.chat, State(row.state))


def _row(piece: Piece) -> dict[str, Any]:
    sent = piece.sent
    content = sent.content if sent else Content(b"", "")
    return {
        "message": piece.message,
        "part": piece.part,
        "label": piece.label,
        "reason": piece.reason,
        "key": sent.key if sent else "",
        "kind": sent.kind if sent else "",
        "name": content.name,
        "url": content.url,
        "etag": content.etag,
        "modified": content.modified,
        "size": len(content.data),
        "data": content.data,
    }


def _piece(row: sa.Row[Any]) -> Piece:
    sent = None
    if row.kind:
        content = Content(bytes(row.data), row.name, url=row.url, etag=row.etag, modified=row.modified)
        sent = Sent(row.key, Kind(row.kind), content)
    return Piece(row.label, sent, row.message, row.part, row.reason)
