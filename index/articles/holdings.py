"""What was fetched from the web or sent by people, with its bytes, and how the last looks at each source went.

In the ledger's database, so that several machines share it and a backup holds it. Knows no network and no markup.
"""

import datetime as dt
import hashlib
import zlib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import sqlalchemy as sa

from config.sources import ADDED
from index.errors import Damaged
from index.records import Item
from index.truth.database import insert
from index.truth.ledger import Ledger, batches
from index.truth.tables import holdings, visits
from index.web.guard import named

Clock = Callable[[], dt.datetime]

OWN = "-.html"
"""The name of what a feed says itself of an entry whose page cannot be had: markup, but no page."""


def utc() -> dt.datetime:
    """Return what time it is."""
    return dt.datetime.now(dt.UTC)


class Kind(StrEnum):
    """How something came here: a page by its address, a page that a feed or a sitemap lists, or a file."""

    PAGE = "page"
    ENTRY = "entry"
    LISTED = "listed"
    FILE = "file"


@dataclass(frozen=True, slots=True)
class Content:
    """Bytes that came, the name of a file that they are read as, and what lets us ask for the next version only."""

    data: bytes
    name: str
    url: str = ""
    etag: str = ""
    modified: str = ""

    @property
    def digest(self) -> str:
        """32 hex digits that change with the bytes, and with how they are read."""
        return hashlib.sha256(f"{self.name}\0".encode() + self.data).hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class Holding:
    """What is known of something that is held, without its bytes. `digest` is empty where there are none.

    `failures` and `missed` count the last looks in a row that failed, and that found it gone; `gone` is since when it
    counts as gone. `shunned`: somebody removed it, so it stays away however often its source lists it.
    """

    key: str
    source: str
    kind: Kind
    name: str
    digest: str
    size: int
    url: str
    title: str
    date: dt.date | None
    etag: str
    modified: str
    first: dt.datetime
    success: dt.datetime | None
    failure: dt.datetime | None
    reason: str
    failures: int
    missed: int
    gone: dt.datetime | None
    shunned: bool

    @property
    def own(self) -> bool:
        """Whether it is not the page of an entry, but what its feed says of it."""
        return self.name == OWN

    @property
    def last(self) -> dt.datetime | None:
        """When it was looked at last."""
        return max(filter(None, (self.success, self.failure)), default=None)


@dataclass(frozen=True, slots=True)
class Visit:
    """How the last looks at a feed, a sitemap or a folder went. `wanted` is what was asked of it, as a digest."""

    wanted: str = ""
    etag: str = ""
    modified: str = ""
    success: dt.datetime | None = None
    failure: dt.datetime | None = None
    reason: str = ""
    failures: int = 0


@dataclass(frozen=True, slots=True)
class Standing:
    """How what one source brought stands: how many of it fail, when one last came and last failed, and why."""

    failing: int
    success: dt.datetime | None
    failure: dt.datetime | None
    reason: str


class Holdings:
    """The holdings of one ledger. Safe to share between threads; who writes holds the writer's lock."""

    def __init__(self, ledger: Ledger, *, now: Clock = utc) -> None:
        """Keep them in this ledger's database."""
        self._ledger = ledger
        self._now = now

    def any(self) -> bool:
        """Whether anything is held, or was."""
        with self._ledger.reading() as db:
            return db.execute(sa.select(holdings.c.key).limit(1)).first() is not None

    def of(self, sources: Collection[str]) -> Iterator[Holding]:
        """Yield all that sources brought, in order of keys."""
        with self._ledger.reading() as db:
            query = sa.select(*_KNOWN).where(holdings.c.source.in_(list(sources))).order_by(holdings.c.key)
            yield from map(_holding, db.execute(query, execution_options={"yield_per": 500}))

    def get(self, keys: Sequence[str]) -> dict[str, Holding]:
        """Return what is known of some; what is not held is left out."""
        found: dict[str, Holding] = {}
        with self._ledger.reading() as db:
            for some in batches(keys):
                rows = db.execute(sa.select(*_KNOWN).where(holdings.c.key.in_(some)))
                found |= {row.key: _holding(row) for row in rows}
        return found

    def at(self, *names: str) -> list[str]:
        """Return the keys of what is held under one of these names, or came from such an address in the end."""
        with self._ledger.reading() as db:
            named = sa.or_(holdings.c.key.in_(names), holdings.c.url.in_(names))
            return list(db.execute(sa.select(holdings.c.key).where(named, ~holdings.c.shunned)).scalars())

    def addresses(self) -> bool:
        """Whether somebody added a page by its address."""
        with self._ledger.reading() as db:
            which = holdings.c.source == ADDED, holdings.c.kind == Kind.PAGE, ~holdings.c.shunned
            return db.execute(sa.select(holdings.c.key).where(*which).limit(1)).first() is not None

    def content(self, key: str) -> bytes:
        """Return the bytes of something that is held.

        Raises:
            Damaged: they cannot be unpacked, or are gone.
        """
        with self._ledger.reading() as db:
            packed = db.execute(sa.select(holdings.c.content).where(holdings.c.key == key)).scalar()
        try:
            return zlib.decompress(packed or b"")
        except zlib.error as error:
            message = (
                f"What {self._ledger.name} holds of {named(key)} is damaged. Restore it from a backup, or add it again."
            )
            raise Damaged(message) from error

    def expect(self, source: str, kind: Kind, items: Iterable[Item], *, known: Collection[str]) -> None:
        """Note what a source lists. What is held already keeps its bytes; what another of the `known` has stays theirs.

        A title and a date that are told now take the place of those told before.
        """
        fresh = [{**_EMPTY, **_hints(item), "source": source, "kind": kind, "first": self._stamp()} for item in items]
        with self._ledger.writing() as db:
            for some in batches(fresh):
                db.execute(insert(db, holdings).on_conflict_do_nothing(), some)
                left = holdings.c.key.in_([row["key"] for row in some]), holdings.c.source.not_in(list(known))
                db.execute(holdings.update().where(*left).values(source=source, kind=kind))
            for row in fresh:
                told = {name: row[name] for name in ("title", "date") if row[name]}
                if told:
                    which = sa.and_(holdings.c.key == row["key"], holdings.c.source == source)
                    db.execute(holdings.update().where(which).values(told))

    def put(self, source: str, kind: Kind, item: Item, content: Content) -> bool:
        """Hold bytes under a key, in place of those that were held there; return whether they are others."""
        before = self.get([item.key]).get(item.key)
        values = {
            "name": content.name,
            "content": zlib.compress(content.data),
            "digest": content.digest,
            "size": len(content.data),
            "url": content.url,
            **self._well(content.etag, content.modified),
        }
        with self._ledger.writing() as db:
            if before is None:
                first = {"first": self._stamp(), "source": source, "kind": kind}
                db.execute(holdings.insert(), {**_EMPTY, **_hints(item), **values, **first})
            else:
                told = {name: value for name, value in _hints(item).items() if value}
                db.execute(holdings.update().where(holdings.c.key == item.key).values({**values, **told}))
        return before is None or before.digest != content.digest

    def rename(self, source: str, *, place: str, known: Collection[str]) -> None:
        """Give a source what another one brought that looked at the same place, and is not `known` any more."""
        with self._ledger.writing() as db:
            which = visits.c.place == place, visits.c.source.not_in(list(known))
            before = db.execute(sa.select(visits.c.source).where(*which).limit(1)).scalar()
            if before is None:
                return
            db.execute(visits.delete().where(visits.c.source == source))  # of places that it does not look at now
            for table in (holdings, visits):
                db.execute(table.update().where(table.c.source == before).values(source=source))

    def brought_by_others(self, known: Collection[str]) -> bool:
        """Whether something is held that none of the `known` sources brought."""
        query = sa.select(holdings.c.key).where(holdings.c.source.not_in(list(known))).limit(1)
        with self._ledger.reading() as db:
            return db.execute(query).first() is not None

    def claim(self, key: str, source: str, kind: Kind) -> None:
        """Let something be a source's own from now on, though another one brought it or somebody removed it."""
        values = {"source": source, "kind": kind, "shunned": False}
        with self._ledger.writing() as db:
            db.execute(holdings.update().where(holdings.c.key == key).values(values))

    def unchanged(self, key: str, *, etag: str, modified: str) -> None:
        """Note that a look found what is held."""
        with self._ledger.writing() as db:
            db.execute(holdings.update().where(holdings.c.key == key).values(self._well(etag, modified)))

    def failed(self, key: str, reason: str, *, gone: bool, after: int) -> Holding:
        """Note that a look failed, and return what is known now.

        What was found `gone` so many times in a row, `after`, counts as gone: its bytes are dropped.
        """
        before = self.get([key])[key]
        missed = before.missed + 1 if gone else before.missed
        values: dict[str, object] = {
            "failure": self._stamp(),
            "reason": reason,
            "failures": before.failures + 1,
            "missed": missed,
        }
        if gone and missed >= after and before.gone is None:
            values |= {"gone": self._stamp(), **_NO_CONTENT}
        with self._ledger.writing() as db:
            db.execute(holdings.update().where(holdings.c.key == key).values(values))
        return self.get([key])[key]

    def drop(self, keys: Sequence[str]) -> None:
        """Forget all about some."""
        with self._ledger.writing() as db:
            for some in batches(keys):
                db.execute(holdings.delete().where(holdings.c.key.in_(some)))

    def shun(self, keys: Sequence[str]) -> None:
        """Drop the bytes of some, and never fetch them again though their source lists them."""
        with self._ledger.writing() as db:
            for some in batches(keys):
                values = {"shunned": True, **_NO_CONTENT}
                db.execute(holdings.update().where(holdings.c.key.in_(some)).values(values))

    def keep_only(self, sources: Collection[str]) -> None:
        """Forget all that other sources than these brought, and how looks at them went."""
        with self._ledger.writing() as db:
            for table in (holdings, visits):
                db.execute(table.delete().where(table.c.source.not_in(list(sources))))

    def standings(self) -> dict[str, Standing]:
        """Return how what each source brought stands."""
        failing = sa.func.sum(sa.case((holdings.c.failures > 0, 1), else_=0))
        last = sa.func.max(holdings.c.success), sa.func.max(holdings.c.failure)
        query = sa.select(holdings.c.source, failing, *last).where(~holdings.c.shunned).group_by(holdings.c.source)
        found: dict[str, Standing] = {}
        with self._ledger.reading() as db:
            for source, many, success, failure in db.execute(query).all():
                which = sa.and_(holdings.c.source == source, holdings.c.failure == failure, holdings.c.failures > 0)
                why = db.execute(sa.select(holdings.c.key, holdings.c.reason).where(which).limit(1)).first()
                reason = f"{named(why.key)} {why.reason}" if why and failure else ""
                found[source] = Standing(int(many or 0), _moment(success), _moment(failure), reason)
        return found

    def visit(self, source: str, place: str) -> Visit:
        """Return how the last looks at a place went."""
        with self._ledger.reading() as db:
            which = visits.c.source == source, visits.c.place == place
            row = db.execute(visits.select().where(*which)).first()
        if row is None:
            return Visit()
        when = {"success": _moment(row.success), "failure": _moment(row.failure)}
        return Visit(row.wanted, row.etag, row.modified, **when, reason=row.reason, failures=row.failures)

    def visited(self, source: str, place: str, *, wanted: str = "", etag: str = "", modified: str = "") -> None:
        """Note that a look at a place went well."""
        well = {"wanted": wanted, **self._well(etag, modified)}
        self._note_visit(source, place, {name: value for name, value in well.items() if name in visits.c})

    def not_visited(self, source: str, place: str, reason: str) -> None:
        """Note that a look at a place failed."""
        failures = self.visit(source, place).failures + 1
        self._note_visit(source, place, {"failure": self._stamp(), "reason": reason, "failures": failures})

    def _note_visit(self, source: str, place: str, values: Mapping[str, object]) -> None:
        empty = {"wanted": "", "etag": "", "modified": "", "success": "", "failure": "", "reason": "", "failures": 0}
        row = {**empty, **values, "source": source, "place": place}
        with self._ledger.writing() as db:
            statement = insert(db, visits).values(row)
            same = [visits.c.source, visits.c.place]
            db.execute(statement.on_conflict_do_update(index_elements=same, set_=dict(values)))

    def _well(self, etag: str, modified: str) -> dict[str, object]:
        """Return the columns of a look that went well."""
        known = {"etag": etag, "modified": modified, "success": self._stamp()}
        return {**known, "reason": "", "failures": 0, "missed": 0, "gone": ""}

    def _stamp(self) -> str:
        return self._now().astimezone(dt.UTC).isoformat(timespec="seconds")


_KNOWN = [column for column in holdings.c if column.name != "content"]
_NO_CONTENT = {"content": b"", "digest": "", "size": 0, "etag": "", "modified": ""}
_EMPTY: dict[str, Any] = {
    column.name: {bytes: b"", int: 0, bool: False}.get(column.type.python_type, "") for column in holdings.c
}


def _hints(item: Item) -> dict[str, str]:
    return {"key": item.key, "title": item.title, "date": item.date.isoformat() if item.date else ""}


def _holding(row: sa.Row[Any]) -> Holding:
    values = row._asdict()
    when = {name: _moment(values[name]) for name in ("success", "failure", "gone")}
    date = dt.date.fromisoformat(values["date"]) if values["date"] else None
    first = dt.datetime.fromisoformat(values["first"])
    return Holding(**{**values, **when, "kind": Kind(values["kind"]), "date": date, "first": first})


def _moment(text: str | None) -> dt.datetime | None:
    return dt.datetime.fromisoformat(text) if text else None
