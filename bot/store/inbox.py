"""The durable inbox: every update of Telegram, from before Telegram hears that it arrived until its reply is out.

SQLAlchemy Core over `journal.sqlite` in the data directory, or over PostgreSQL, where several bots share one inbox.
Synchronous; knows nothing of python-telegram-bot. What an update means is for whoever takes it.
"""

import json
import logging
import secrets
import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from bot.store import tables
from index.truth.database import Database, Note, insert

FILE = "journal.sqlite"

LEASE = 15.0
"""Seconds after which an update is taken from a process that does not say that it still works on it."""

MOST_SENDS = 2
"""Times that the reply to one update is begun: a crash in between may have been before it arrived, or after."""

SUSPECT = 3
"""Deaths after which an update is worked on alone: the process died three times with it in hand, among others."""

POISON = 6
"""Deaths after which it is set aside: three more, with nothing else in hand. Three kills at random do not hit one
update alone three times more, since that takes it some 50 ms each."""

_LOOSE = 2**60
"""Lanes from here on are of updates that belong to no chat; ids of chats fit in 52 bits."""

_TYPED = range(2**53, 2**54)
"""Lanes of what people type after the bot's name, by person: what they asked in their chats need not wait for it."""

Raw = Mapping[str, Any]
"""An update as the Bot API sends it."""

log = logging.getLogger(__name__)

meta = sa.MetaData()
updates = sa.Table(
    "updates",
    meta,
    sa.Column("bot", sa.BigInteger, primary_key=True),
    sa.Column("id", sa.BigInteger, primary_key=True),
    sa.Column("lane", sa.BigInteger, nullable=False),
    sa.Column("received", sa.Float, nullable=False),
    sa.Column("asked", sa.Float, nullable=False),
    sa.Column("body", sa.Text, nullable=False),
    sa.Column("open", sa.Boolean, nullable=False),
    sa.Column("turn", sa.Integer, nullable=False),
    sa.Column("due", sa.Float, nullable=False),
    sa.Column("holder", sa.Text, nullable=False),
    sa.Column("lease", sa.Float, nullable=False),
    sa.Column("tries", sa.Integer, nullable=False),
    sa.Column("waits", sa.Integer, nullable=False),
    sa.Column("deaths", sa.Integer, nullable=False),
    sa.Column("sends", sa.Integer, nullable=False),
    sa.Column("outcome", sa.Text, nullable=False),
    sa.Column("closed", sa.Float),
    sa.Index("updates_in_turn", "bot", "open", "turn", "id"),
    sa.Index("updates_by_lane", "bot", "open", "lane", "id"),
    sa.Index("updates_by_age", "closed"),
)


@dataclass(frozen=True, slots=True)
class Taken:
    """An update in the hands of one process. Times are seconds since 1970, by the clock of its machine.

    `asked`: when the person sent it, as far as Telegram says. `crowded`: too many waited when it came, so it is to be
    refused. `tries`: attempts that ended in an error before this one; `waits`: those that Telegram or the network cut
    off; `deaths`: those that ended with the process; `sends`: replies that were begun.
    """

    id: int
    lane: int
    raw: Raw
    received: float
    asked: float
    crowded: bool
    tries: int
    waits: int
    deaths: int
    sends: int

    @property
    def again(self) -> bool:
        """Whether it was in somebody's hands before, who may have done a part of it."""
        return bool(self.tries or self.waits or self.deaths or self.sends)


class Inbox:
    """The updates of one bot. Safe to share between threads; every call is its own transaction."""

    def __init__(
        self,
        database: Database,
        *,
        bot: int,
        room: int,
        never_crowded: Collection[int] = (),
        allows: Callable[[int], bool] = lambda _: True,
        now: Callable[[], float] | None = None,
    ) -> None:
        """Open the inbox of the bot with that id, making it where there is none.

        Updates that come while `room` wait already are marked as crowded, except in the lanes that are `never_crowded`:
        whoever is answered all the same must not be answered out of turn. What a person writes is closed at once where
        `allows`, asked with their id, says no: one who floods must neither fill the room nor take turns. Without `now`,
        times are those of the clock here, or, where several machines share the inbox, of the database's.

        Raises:
            FootnoteError: the database cannot be read or written, as with all methods.
        """
        self._database = database
        self._bot = bot
        self._room = room
        self._never_crowded = frozenset(never_crowded)
        self._allows = allows
        self._judged: dict[int, bool] = {}
        self._judging = threading.Lock()
        self._given = now
        self._ahead = 0.0
        self.name = secrets.token_hex(6)
        tables.make(database, meta)
        with self._database.writing() as db:
            self._add = insert(db, updates).on_conflict_do_nothing()
            self._set_clock(db)

    def put(self, raw: Sequence[Raw]) -> int:
        """Store updates; return how many are new and wait. What is no update at all is left out, and logged.

        They are on the disk when this returns.
        """
        now = self.now()
        rows = [self._row(one, now) for one in raw if is_update(one)]
        if len(rows) < len(raw):
            log.error("%d things that Telegram sent are no updates and were left out", len(raw) - len(rows))
        if not rows:
            return 0
        with self._database.writing() as db:
            waiting = self._waiting(db)
            for at, row in enumerate(row for row in rows if row["open"]):
                crowded = waiting + at >= self._room and row["lane"] not in self._never_crowded
                row["turn"] = _AT_ONCE if crowded else _IN_TURN
            stored = [(row["open"], db.execute(self._add, row).rowcount) for row in rows]
            for row in rows:
                if row["lane"] in _TYPED:
                    db.execute(self._supersede(row["lane"], before=row["id"], now=now))
        with self._judging:
            for row in rows:
                self._judged.pop(row["id"], None)
        return sum(count for open_, count in stored if open_)

    def _supersede(self, lane: int, *, before: int, now: float) -> sa.Update:
        """Close what nobody works on yet of what somebody typed, because they have typed on."""
        waiting = sa.and_(updates.c.bot == self._bot, updates.c.open, updates.c.lane == lane, updates.c.holder == "")
        values = {"open": False, "outcome": SUPERSEDED, "closed": now, "body": ""}
        return updates.update().where(waiting, updates.c.id < before).values(values)

    def take(self, *, suspect: bool = False) -> Taken | None:
        """Take the next update that is due: the oldest of those before which none of the same chat is open.

        Those that came when it was crowded go first: they only get a line. A `suspect` may be what ended the process:
        such ones are taken only when asked for.
        """
        with self._database.writing() as db:
            return self._take(db, suspect=suspect)

    def renew(self, ids: Collection[int]) -> None:
        """Say that this process still works on these.

        Not on all that is in its name: an answer of the database that was lost on the way left things there of which
        it does not know.
        """
        if not ids:
            return
        here = sa.and_(updates.c.bot == self._bot, updates.c.id.in_(ids))
        mine = sa.and_(here, updates.c.open, updates.c.holder == self.name)
        with self._database.writing() as db:
            self._set_clock(db)
            db.execute(updates.update().where(mine).values(lease=self.now() + LEASE))

    def sending(self, taken: Taken, *, also: Sequence[Note] = ()) -> bool:
        """Note that the reply is about to be sent, and `also` what belongs to it; False where it must not be.

        That is so when it was begun MOST_SENDS times, or when the update is in other hands meanwhile.
        """
        with self._database.writing() as db:
            may = db.execute(_SEND, self._held(taken)).rowcount == 1
            if may:
                _note(db, also)
        return may

    def note(self, also: Sequence[Note]) -> None:
        """Write down what belongs to an update of which nothing else is to be noted."""
        with self._database.writing() as db:
            _note(db, also)

    def unsent(self, taken: Taken) -> None:
        """Take back `sending`: Telegram surely did not get it."""
        with self._database.writing() as db:
            db.execute(_UNSEND, self._held(taken))

    def close(self, taken: Taken, outcome: str, *, also: Sequence[Note] = (), following: bool = False) -> Taken | None:
        """Note that an update needs nothing any more, and `also` what came of it; take the `following` one, if asked.

        Its words are forgotten, except where it was set aside.
        """
        closed = {**self._held(taken), "outcome_": outcome, "closed_": self.now()}
        with self._database.writing() as db:
            db.execute(_SET_ASIDE if outcome == ASIDE else _CLOSE, closed)
            _note(db, also)
            return self._take(db) if following else None

    def put_back(
        self, taken: Taken, *, wait: float, failed: bool = False, cut_off: bool = False, also: Sequence[Note] = ()
    ) -> None:
        """Give an update back, to be taken again after `wait` seconds: it `failed`, or was `cut_off` by the network.

        Note `also` what came of it all the same.
        """
        values = {
            "holder": "",
            "due": self.now() + wait,
            "deaths": taken.deaths,
            "tries": taken.tries + failed,
            "waits": taken.waits + cut_off,
        }
        with self._database.writing() as db:
            db.execute(updates.update().where(_HELD).values(values), self._held(taken))
            _note(db, also)

    def hopeless(self) -> list[Taken]:
        """Return the updates over which the process died so often that nobody takes them any more, and take them."""
        now = self.now()
        query = updates.select().where(
            updates.c.bot == self._bot, updates.c.open, updates.c.deaths >= POISON, *_free(now)
        )
        with self._database.writing() as db:
            rows = db.execute(query.with_for_update(skip_locked=True) if self._database.shared else query).all()
            for row in rows:
                hold = updates.update().where(_IS).values(holder=self.name, lease=now + LEASE)
                db.execute(hold, {"bot_": self._bot, "id_": row.id})
        return [_taken(row, ahead=self._ahead) for row in rows]

    def suspects(self) -> int:
        """Return how many updates are free to be taken as suspects, or hopeless."""
        query = sa.select(sa.func.count()).where(
            updates.c.bot == self._bot, updates.c.open, updates.c.deaths >= SUSPECT, *_free(self.now())
        )
        with self._database.reading() as db:
            return int(db.execute(query).scalar_one())

    def recover(self) -> int:
        """Free at once what a process before this one held; return how many.

        Where several processes share the inbox that is left to the ends of their leases: they may be alive.
        """
        if self._database.shared:
            return 0
        held = sa.and_(updates.c.bot == self._bot, updates.c.open, updates.c.holder != "")
        with self._database.writing() as db:
            return int(db.execute(updates.update().where(held).values(holder="")).rowcount)

    def waiting(self) -> int:
        """Return how many updates are open."""
        with self._database.reading() as db:
            return self._waiting(db)

    def prune(self, *, keep: float) -> int:
        """Forget the updates that were closed more than `keep` seconds ago; return how many."""
        with self._database.writing() as db:
            old = sa.and_(updates.c.bot == self._bot, updates.c.closed < self.now() - keep)
            return int(db.execute(updates.delete().where(old)).rowcount)

    def count(self, person: int) -> int:
        """Return how many messages of a person are kept in words, because they could not be worked on."""
        with self._database.reading() as db:
            return len(self._left_of(db, person))

    def forget(self, person: int) -> int:
        """Remove those words, and from all that was closed whose it was; return how many messages they were.

        That an update came stays known for as long as of any other, or Telegram could deliver it once more.
        """
        lanes = (person, _TYPED.start + person)
        theirs = sa.and_(updates.c.bot == self._bot, ~updates.c.open, updates.c.lane.in_(lanes))
        with self._database.writing() as db:
            left = self._left_of(db, person)
            for id_ in left:
                db.execute(updates.update().where(_IS).values(body=""), {"bot_": self._bot, "id_": id_})
            db.execute(updates.update().where(theirs).values(lane=_LOOSE + updates.c.id % _LOOSE))
        return len(left)

    def dispose(self) -> None:
        """Let go of the database."""
        self._database.close()

    def now(self) -> float:
        """Return the time that all processes agree on which share the inbox, in seconds since 1970."""
        return self._given() if self._given else time.time() + self._ahead

    def _take(self, db: sa.Connection, *, suspect: bool = False) -> Taken | None:
        now = self.now()
        deaths = (SUSPECT, POISON) if suspect else (0, SUSPECT)
        values = {"bot": self._bot, "now": now, "least": deaths[0], "most": deaths[1]}
        row = db.execute(self._next, values).first()
        if row is None:
            return None
        db.execute(_TAKE, {"bot_": self._bot, "id_": row.id, "holder_": self.name, "lease_": now + LEASE})
        return _taken(row, ahead=self._ahead)

    def _held(self, taken: Taken) -> dict[str, Any]:
        """Return what `_HELD` asks for."""
        return {"bot_": self._bot, "id_": taken.id, "holder_": self.name}

    def _set_clock(self, db: sa.Connection) -> None:
        """Find out how far the clock of a server is ahead of ours: a lease must mean the same on every machine."""
        if self._database.shared and not self._given:
            theirs = db.exec_driver_sql("SELECT extract(epoch FROM clock_timestamp())").scalar_one()
            self._ahead = float(theirs) - time.time()

    def _row(self, raw: Raw, now: float) -> dict[str, Any]:
        drowned = not self._let_in(raw)
        return {
            "bot": self._bot,
            "id": raw["update_id"],
            "lane": lane(raw),
            "received": now,
            "asked": _asked(raw, now),
            "body": "" if drowned else json.dumps(raw),
            "open": not drowned,
            "turn": _IN_TURN,
            "due": now,
            "holder": "",
            "lease": 0.0,
            "tries": 0,
            "waits": 0,
            "deaths": 0,
            "sends": 0,
            "outcome": DROWNED if drowned else "",
            "closed": now if drowned else None,
        }

    def _left_of(self, db: sa.Connection, person: int) -> list[int]:
        """Return the ids of what a person sent, here or in a group, and was set aside."""
        aside = sa.and_(updates.c.bot == self._bot, ~updates.c.open, updates.c.body != "")
        rows = db.execute(sa.select(updates.c.id, updates.c.lane, updates.c.body).where(aside))
        return [row.id for row in rows if row.lane == person or person in _senders(json.loads(row.body))]

    def _let_in(self, raw: Raw) -> bool:
        """Whether an update is to be worked on; a button is in any case, since it spins until it is answered."""
        person = lane(raw)
        writes = isinstance(raw.get("message"), dict) and 0 < person < _LOOSE
        if not writes or person in self._never_crowded:
            return True
        with self._judging:  # once for each, however often it takes until it is stored
            if raw["update_id"] not in self._judged:
                self._judged[raw["update_id"]] = self._allows(person)
            return self._judged[raw["update_id"]]

    def _waiting(self, db: sa.Connection) -> int:
        query = sa.select(sa.func.count()).where(updates.c.bot == self._bot, updates.c.open)
        return int(db.execute(query).scalar_one())

    @property
    def _next(self) -> sa.Select[Any]:
        return _NEXT.with_for_update(skip_locked=True, of=updates) if self._database.shared else _NEXT


ASIDE = "aside"
"""Outcome of an update that could not be worked on."""

SUPERSEDED = "superseded"
"""Outcome of what somebody typed before they typed on."""

DROWNED = "drowned"
"""Outcome of an update that was one of too many by the same person."""

_AT_ONCE, _IN_TURN = 0, 1


def lane(raw: Raw) -> int:
    """Return what an update waits in line by: its chat; else its sender; else nothing but itself."""
    typed = raw.get("inline_query")
    if isinstance(typed, dict) and isinstance(typed.get("from"), dict):
        person = _whole(typed["from"].get("id")) or 0
        if 0 < person < len(_TYPED):
            return _TYPED.start + person
    kinds = [part for part in raw.values() if isinstance(part, dict)]
    places = [part.get("chat") for part in kinds]
    places += [part["message"].get("chat") for part in kinds if isinstance(part.get("message"), dict)]
    places += [part.get("from") for part in kinds]
    ids = [_whole(place.get("id")) for place in places if isinstance(place, dict)]
    return next((id_ for id_ in ids if id_ and abs(id_) < 2**53), _LOOSE + raw["update_id"] % _LOOSE)


def _senders(raw: Raw) -> set[int | None]:
    """Return the ids of those who sent an update."""
    parts = [part.get("from") for part in raw.values() if isinstance(part, dict)]
    return {_whole(sender.get("id")) for sender in parts if isinstance(sender, dict)}


def is_update(raw: object) -> bool:
    """Whether something has the shape of an update, whatever it holds beside its number."""
    number = _whole(raw.get("update_id")) if isinstance(raw, dict) else None
    return number is not None and 0 <= number < 2**63


def _asked(raw: Raw, now: float) -> float:
    """Return when a person sent a message; of all else only when it arrived is known."""
    message = raw.get("message")
    date = _whole(message.get("date")) if isinstance(message, dict) else None
    return float(date) if date and 0 < date <= now else now


def _whole(value: Any) -> int | None:  # noqa: ANN401  whatever JSON holds
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _note(db: sa.Connection, also: Sequence[Note]) -> None:
    for note in also:
        note(db)


def _taken(row: sa.Row[Any], *, ahead: float) -> Taken:
    """Make of a row what this machine takes: when it came is by a clock `ahead` of ours, when it was sent is not."""
    received = row.received - ahead
    return Taken(
        id=row.id,
        lane=row.lane,
        raw=json.loads(row.body),
        received=received,
        asked=received if row.asked == row.received else row.asked,
        crowded=row.turn == _AT_ONCE,
        tries=row.tries,
        waits=row.waits,
        deaths=row.deaths,
        sends=row.sends,
    )


def _free(now: float | sa.BindParameter[float]) -> list[sa.ColumnElement[bool]]:
    """Return the conditions under which nobody works on an update, and it is due."""
    held = updates.c.holder != ""
    return [sa.or_(sa.and_(~held, updates.c.due <= now), sa.and_(held, updates.c.lease < now))]


# These are built once: SQLAlchemy takes longer to build a statement than the database to run it.
_IS = sa.and_(updates.c.bot == sa.bindparam("bot_"), updates.c.id == sa.bindparam("id_"))
_HELD = sa.and_(_IS, updates.c.holder == sa.bindparam("holder_"))
"""Whether an update is still in our hands: after a long sleep another process may have taken it."""
_TAKE = (
    updates.update()
    .where(_IS)
    .values(holder=sa.bindparam("holder_"), lease=sa.bindparam("lease_"), deaths=updates.c.deaths + 1)
)
_SEND = updates.update().where(_HELD, updates.c.sends < MOST_SENDS).values(sends=updates.c.sends + 1)
_UNSEND = updates.update().where(_HELD, updates.c.sends > 0).values(sends=updates.c.sends - 1)
_SET_ASIDE = (
    updates.update()
    .where(_HELD)
    .values(open=False, holder="", outcome=sa.bindparam("outcome_"), closed=sa.bindparam("closed_"))
)
_CLOSE = _SET_ASIDE.values(body="")
_before = updates.alias("before")
_NEXT = (
    updates.select()
    .where(
        updates.c.bot == sa.bindparam("bot"),
        updates.c.open,
        updates.c.deaths >= sa.bindparam("least"),
        updates.c.deaths < sa.bindparam("most"),
        *_free(sa.bindparam("now", type_=sa.Float)),
        ~sa.exists().where(
            _before.c.bot == updates.c.bot,
            _before.c.open,
            _before.c.lane == updates.c.lane,
            _before.c.id < updates.c.id,
            _before.c.turn == updates.c.turn,
        ),
    )
    .order_by(updates.c.turn, updates.c.id)
    .limit(1)
)
