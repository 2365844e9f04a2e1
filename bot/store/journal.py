"""The journal: every answer that was given, what people thought of it, and where a conversation began afresh.

SQLAlchemy Core over the database of the inbox. Synchronous; knows nothing of python-telegram-bot. It is what buttons of
old answers, follow-ups and the figures for admins are read from.
"""

import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import sqlalchemy as sa

from bot.store import tables
from bot.store.kept import UNASKED, Asked, Kept, from_json, to_json, turn
from index.asking.followup import TURNS
from index.records import Turn
from index.truth.database import Database, Note, replacing

meta = sa.MetaData()
answers = sa.Table(
    "answers",
    meta,
    sa.Column("bot", sa.BigInteger, primary_key=True),
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("chat", sa.BigInteger, nullable=False),
    sa.Column("thread", sa.BigInteger, nullable=False),
    sa.Column("person", sa.BigInteger, nullable=False),
    sa.Column("asking", sa.BigInteger, nullable=False),
    sa.Column("first", sa.BigInteger, nullable=False),
    sa.Column("message", sa.BigInteger, nullable=False),
    sa.Column("parent", sa.Text, nullable=False),
    sa.Column("language", sa.Text, nullable=False),
    sa.Column("asked", sa.Float, nullable=False),
    sa.Column("took", sa.Float, nullable=False),
    sa.Column("answered", sa.Boolean, nullable=False),
    sa.Column("revision", sa.Integer, nullable=False),
    sa.Column("question", sa.Text, nullable=False),
    sa.Column("body", sa.Text, nullable=False),
    sa.Index("answers_in_chat", "bot", "chat", "asked"),
    sa.Index("answers_of_person", "bot", "person"),
    sa.Index("answers_by_time", "bot", "asked"),
)
votes = sa.Table(
    "votes",
    meta,
    sa.Column("bot", sa.BigInteger, primary_key=True),
    sa.Column("answer", sa.Text, primary_key=True),
    sa.Column("person", sa.BigInteger, primary_key=True),
    sa.Column("good", sa.Boolean, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("at", sa.Float, nullable=False),
    sa.Index("votes_of_person", "bot", "person"),
)
fresh = sa.Table(
    "fresh",
    meta,
    sa.Column("bot", sa.BigInteger, primary_key=True),
    sa.Column("chat", sa.BigInteger, primary_key=True),
    sa.Column("thread", sa.BigInteger, primary_key=True),
    sa.Column("person", sa.BigInteger, primary_key=True),
    sa.Column("at", sa.Float, nullable=False),
)


class Reason(StrEnum):
    """Why somebody did not like an answer."""

    NONE = ""
    WRONG_SOURCE = "source"
    OUTDATED = "outdated"
    SHOULD_HAVE_ANSWERED = "answer"
    SHOULD_HAVE_REFUSED = "refuse"


@dataclass(frozen=True, slots=True)
class Vote:
    """What one person thought of an answer."""

    good: bool
    reason: Reason = Reason.NONE


@dataclass(frozen=True, slots=True)
class Past:
    """One answer among the figures, without its text: when, how it went, how long it took, 👍 and 👎 it got."""

    id: str
    asked: float
    took: float
    answered: bool
    question: str
    up: int
    down: int
    reasons: tuple[Reason, ...] = ()


@dataclass(frozen=True, slots=True)
class Feedback:
    """An answer that people thought something of: what it was, the turns before it, and what they said."""

    kept: Kept
    before: tuple[Turn, ...]
    votes: tuple[Vote, ...]


class Journal:
    """The journal of one bot. Safe to share between threads; every call is its own transaction.

    All methods raise FootnoteError where the database cannot be read or written.
    """

    def __init__(self, database: Database, *, bot: int, now: Callable[[], float] = time.time) -> None:
        """Open the journal of the bot with that id, making it where there is none."""
        self._database = database
        self._bot = bot
        self._now = now
        tables.make(database, meta)
        with database.reading() as db:  # built once, as all that every question needs
            self._keep = replacing(db, answers)

    def keep(self, kept: Kept, *, afresh: bool = False) -> None:
        """Write down an answer, in place of what had its id; `afresh`: what people thought of it is gone."""
        with self._database.writing() as db:
            self.keeping(kept)(db)
            if afresh:
                db.execute(votes.delete().where(votes.c.bot == self._bot, votes.c.answer == kept.id))

    def keeping(self, kept: Kept) -> Note:
        """Return what writes down an answer, in place of what had its id, within a transaction of this database."""
        asked, answer = kept.asked, kept.answer
        row = {
            "bot": self._bot,
            "id": kept.id,
            "chat": asked.chat,
            "thread": asked.thread,
            "person": asked.person,
            "asking": asked.message,
            "first": kept.first,
            "message": kept.message,
            "parent": asked.parent,
            "language": asked.language,
            "asked": asked.at,
            "took": kept.took,
            "answered": answer.answered,
            "revision": answer.revision,
            "question": answer.question,
            "body": to_json(kept),
        }
        return lambda db: db.execute(self._keep, row)

    def sent(self, id_: str, *, chat: int, first: int, message: int, took: float) -> None:
        """Note by which messages of a chat an answer was shown, and how many seconds after the question came."""
        with self._database.writing() as db:
            self.showing(id_, chat=chat, first=first, message=message, took=took)(db)

    def showing(self, id_: str, *, chat: int, first: int, message: int, took: float) -> Note:
        """Return what notes that within a transaction of this database; a group may be another `chat` by now."""
        values = {"bot_": self._bot, "id_": id_, "chat_": chat, "first_": first, "message_": message, "took_": took}
        return lambda db: db.execute(_SHOWN, values)

    def get(self, id_: str) -> Kept | None:
        """Return an answer; None where it was forgotten or never was."""
        with self._database.reading() as db:
            return self._get(db, id_)

    def begun(self, who: Asked) -> Kept | None:
        """Return the answer to a message that was written down and, as far as is known, not shown; or None."""
        kept = self.to_message(who.chat, who.message)
        return kept if kept is not None and not kept.message else None

    def to_message(self, chat: int, message: int) -> Kept | None:
        """Return the newest answer to the question in that message, or None."""
        with self._database.reading() as db:
            return self._to_message(db, chat, message)

    def shown_in(self, chat: int, message: int) -> Kept | None:
        """Return the answer that a message shows, or None."""
        with self._database.reading() as db:
            return self._shown_in(db, chat, message)

    def conversation(self, who: Asked, *, within: float, reply_to: int | None = None) -> tuple[str, list[Turn]]:
        """Return the id of the answer that a question follows up, and the turns up to it, oldest first.

        That is the answer it replies to, or whose question it replies to; else the person's last one in that topic of
        that chat, unless it is older than `within` seconds or was before `/new`. ("", []) where there is none. An
        answer to the same message, which is worked on again, is not meant.
        """
        with self._database.reading() as db:
            replied = self._followed(db, who.chat, reply_to) if reply_to else None
            last = replied.id if replied else self._last(db, who, within=within)
            return (last, self._turns(db, last)) if last else ("", [])

    def language(self, person: int) -> str:
        """Return the code of the language in which a person asked last, as Telegram gave it; nothing where none is."""
        query = sa.select(answers.c.language).where(self._of(answers, person)).order_by(answers.c.asked.desc())
        with self._database.reading() as db:
            return db.execute(query.limit(1)).scalar() or ""

    def turns(self, id_: str) -> list[Turn]:
        """Return the turns of a conversation up to an answer, oldest first, TURNS at most."""
        with self._database.reading() as db:
            return self._turns(db, id_) if id_ else []

    def begin_afresh(self, chat: int, *, thread: int, person: int) -> None:
        """Let what was asked before be no part of the conversation any more."""
        row = {"bot": self._bot, "chat": chat, "thread": thread, "person": person, "at": self._now()}
        with self._database.writing() as db:
            db.execute(replacing(db, fresh), row)

    def vote(self, id_: str, person: int, vote: Vote) -> None:
        """Note what a person thinks of an answer, in place of what they thought before."""
        row = {"good": vote.good, "reason": vote.reason.value, "at": self._now()}
        with self._database.writing() as db:
            db.execute(replacing(db, votes), {"bot": self._bot, "answer": id_, "person": person, **row})

    def vote_of(self, id_: str, person: int) -> Vote | None:
        """Return what a person thinks of an answer, as far as they said."""
        here = sa.and_(votes.c.bot == self._bot, votes.c.answer == id_, votes.c.person == person)
        with self._database.reading() as db:
            row = db.execute(votes.select().where(here)).first()
        return Vote(row.good, Reason(row.reason)) if row else None

    def past(self, *, since: float) -> list[Past]:
        """Return all answers that were given to what was asked since then, oldest first, with what people thought.

        What was written down and never shown counts as nothing: that question was answered by another one, or by none.
        """
        columns = [answers.c[name] for name in ("id", "asked", "took", "answered", "question")]
        asked = sa.and_(answers.c.asked >= since, answers.c.asking != UNASKED, answers.c.message > 0)
        query = sa.select(*columns).where(answers.c.bot == self._bot, asked)
        with self._database.reading() as db:
            rows = db.execute(query.order_by(answers.c.asked)).all()
            said = self._said(db, since=since)
        return [_past(row, said.get(row.id, [])) for row in rows]

    def feedback(self, *, since: float) -> list[Feedback]:
        """Return the answers given since then that people thought something of, oldest first."""
        query = answers.select().where(answers.c.bot == self._bot, answers.c.asked >= since)
        voted = sa.select(votes.c.answer).where(votes.c.bot == self._bot)
        with self._database.reading() as db:
            said = self._said(db, since=since)
            rows = db.execute(query.where(answers.c.id.in_(voted)).order_by(answers.c.asked, answers.c.id))
            found = [_kept(row) for row in rows]
        return [Feedback(kept, tuple(self.turns(kept.asked.parent)), tuple(said[kept.id])) for kept in found]

    def count(self, person: int) -> dict[str, int]:
        """Return how much is kept of a person: `questions` and `votes`."""
        with self._database.reading() as db:
            return {name: _rows(db, table, self._of(table, person)) for name, table in _PERSONAL.items()}

    def forget(self, person: int) -> dict[str, int]:
        """Remove all that is kept of a person, what others thought of their answers included; return what it was."""
        theirs = sa.select(answers.c.id).where(self._of(answers, person))
        with self._database.writing() as db:
            counts = {name: _rows(db, table, self._of(table, person)) for name, table in _PERSONAL.items()}
            db.execute(votes.delete().where(votes.c.bot == self._bot, votes.c.answer.in_(theirs)))
            for table in (*_PERSONAL.values(), fresh):
                db.execute(table.delete().where(self._of(table, person)))
        return counts

    def prune(self, *, keep: float) -> int:
        """Forget the answers given more than `keep` seconds ago, and what belongs to them; return how many."""
        end = self._now() - keep
        old = sa.select(answers.c.id).where(answers.c.bot == self._bot, answers.c.asked < end)
        with self._database.writing() as db:
            db.execute(votes.delete().where(votes.c.bot == self._bot, votes.c.answer.in_(old)))
            db.execute(fresh.delete().where(fresh.c.bot == self._bot, fresh.c.at < end))
            gone = answers.delete().where(answers.c.bot == self._bot, answers.c.asked < end)
            return int(db.execute(gone).rowcount)

    def _get(self, db: sa.Connection, id_: str) -> Kept | None:
        row = db.execute(_GET, {"bot_": self._bot, "id_": id_}).first()
        return _kept(row) if row else None

    def _turns(self, db: sa.Connection, last: str) -> list[Turn]:
        return [turn(row.body) for row in db.execute(_TURNS, {"bot_": self._bot, "id_": last})]

    def _followed(self, db: sa.Connection, chat: int, message: int) -> Kept | None:
        return self._shown_in(db, chat, message) or self._to_message(db, chat, message)

    def _to_message(self, db: sa.Connection, chat: int, message: int) -> Kept | None:
        return self._newest(db, answers.c.chat == chat, answers.c.asking == message)

    def _shown_in(self, db: sa.Connection, chat: int, message: int) -> Kept | None:
        shown = sa.or_(answers.c.message == message, answers.c.first == message)
        return self._newest(db, answers.c.chat == chat, shown)

    def _last(self, db: sa.Connection, who: Asked, *, within: float) -> str | None:
        values = {
            "bot_": self._bot,
            "chat_": who.chat,
            "thread_": who.thread,
            "person_": who.person,
            "asking_": who.message,
            "earliest_": self._now() - within,
        }
        return db.execute(_LAST, values).scalar()

    def _newest(self, db: sa.Connection, *conditions: sa.ColumnElement[bool]) -> Kept | None:
        query = answers.select().where(answers.c.bot == self._bot, *conditions).order_by(answers.c.asked.desc())
        row = db.execute(query.limit(1)).first()
        return _kept(row) if row else None

    def _said(self, db: sa.Connection, *, since: float) -> dict[str, list[Vote]]:
        """Return what people thought of the answers given since then, by the id of the answer."""
        both = sa.and_(answers.c.bot == votes.c.bot, answers.c.id == votes.c.answer)
        query = sa.select(votes.c.answer, votes.c.good, votes.c.reason).select_from(votes.join(answers, both))
        said: dict[str, list[Vote]] = {}
        for row in db.execute(query.where(answers.c.bot == self._bot, answers.c.asked >= since)):
            said.setdefault(row.answer, []).append(Vote(row.good, Reason(row.reason)))
        return said

    def _of(self, table: sa.Table, person: int) -> sa.ColumnElement[bool]:
        return sa.and_(table.c.bot == self._bot, table.c.person == person)


_PERSONAL = {"questions": answers, "votes": votes}

# These are built once: SQLAlchemy takes longer to build a statement than the database to run it.
_IS = sa.and_(answers.c.bot == sa.bindparam("bot_"), answers.c.id == sa.bindparam("id_"))
_GET = answers.select().where(_IS)
_newest = (
    sa.select(answers.c.parent, answers.c.body, sa.literal(1).label("back")).where(_IS).cte("back", recursive=True)
)
_chain = _newest.union_all(
    sa.select(answers.c.parent, answers.c.body, _newest.c.back + 1)
    .join(_newest, answers.c.id == _newest.c.parent)
    .where(answers.c.bot == sa.bindparam("bot_"), _newest.c.back < TURNS)
)
_TURNS = sa.select(_chain.c.body).order_by(_chain.c.back.desc())
"""What an answer says, and those before it that its question follows up: in one query, since every question waits."""
_SHOWN = (
    answers.update()
    .where(_IS)
    .values(
        chat=sa.bindparam("chat_"),
        first=sa.bindparam("first_"),
        message=sa.bindparam("message_"),
        took=sa.bindparam("took_"),
    )
)


def _by(table: sa.Table) -> sa.ColumnElement[bool]:
    """Whether something is of one person in one topic of one chat."""
    names = ("bot", "chat", "thread", "person")
    return sa.and_(*(table.c[name] == sa.bindparam(f"{name}_") for name in names))


_LAST = (  # see `Journal.conversation`
    sa.select(answers.c.id)
    .where(
        _by(answers),
        answers.c.asked >= sa.bindparam("earliest_"),
        answers.c.asked > sa.func.coalesce(sa.select(fresh.c.at).where(_by(fresh)).scalar_subquery(), 0.0),
        answers.c.message > 0,
        answers.c.asking != UNASKED,
        answers.c.asking != sa.bindparam("asking_"),
    )
    .order_by(answers.c.asked.desc())
    .limit(1)
)


def new_id() -> str:
    """Return an id that nobody guesses, short enough for the data of a button."""
    return secrets.token_hex(8)


def _rows(db: sa.Connection, table: sa.Table, which: sa.ColumnElement[bool]) -> int:
    return int(db.execute(sa.select(sa.func.count()).select_from(table).where(which)).scalar_one())


def _kept(row: sa.Row[Any]) -> Kept:
    asked = Asked(row.chat, row.person, row.asking, row.asked, row.thread, row.parent, row.language)
    return from_json(row.id, asked, row.revision, row.body, first=row.first, message=row.message, took=row.took)


def _past(row: sa.Row[Any], said: Sequence[Vote]) -> Past:
    down = [vote for vote in said if not vote.good]
    reasons = tuple(vote.reason for vote in down)
    return Past(row.id, row.asked, row.took, row.answered, row.question, len(said) - len(down), len(down), reasons)
