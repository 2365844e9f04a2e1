"""Let one process at a time write a ledger on PostgreSQL, over all machines, by an advisory lock of the server.

The server frees it when the connection ends on which it is held, however its holder dies. A note in the ledger says who
holds it: to people, and to a holder that lost it without knowing. For a ledger in a file see `lock`.
"""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import sqlalchemy as sa

from index.errors import Busy, Damaged, StoreUnavailable
from index.system.lock import holder, who
from index.truth.database import Database
from index.truth.tables import about, note

_KEY = 0x577269746546746E
"""Of the advisory lock: "WriteFtn" as a number."""

_NOTE = "writer"
_NOTED = sa.select(about.c.value).where(about.c.key == _NOTE)


@contextmanager
def held(database: Database, *, doing: str) -> Iterator[str]:
    """Hold the writer's lock while `doing` something; give what `still_held` wants to see.

    Raises:
        Busy: somebody else holds it; the message says who, since when, and what for.
        StoreUnavailable: the server is away.
    """
    with database.bare() as db:
        with database.translated():
            mine = _take(db, doing, title=database.title)
        try:
            yield mine
        finally:
            with suppress(Damaged, StoreUnavailable), database.translated():  # a server that is away has freed it
                db.execute(about.delete().where(about.c.key == _NOTE, about.c.value == mine))
                db.execute(sa.select(sa.func.pg_advisory_unlock(_KEY)))  # the end of the connection takes a moment


def _take(db: sa.Connection, doing: str, *, title: str) -> str:
    if not db.execute(sa.select(sa.func.pg_try_advisory_lock(_KEY))).scalar_one():
        raise Busy(who(db.execute(_NOTED).scalar(), title))
    mine = holder(doing, token=secrets.token_hex(8))
    note(db, _NOTE, mine)
    return mine


def still_held(db: sa.Connection, mine: str) -> None:
    """See that nobody else has taken the lock, and let nobody take it before this transaction ends.

    Where the connection on which it was held broke, it may be somebody else's now: two must never write.

    Raises:
        Busy: so it is.
    """
    if db.execute(_NOTED.with_for_update(read=True)).scalar() != mine:
        message = (
            "The connection that reserved the database for this work broke, and another process has used it since. "
            "What is current stays; try again when it is done."
        )
        raise Busy(message)
