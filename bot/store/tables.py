"""Makes the tables of the bot in its database. Knows none of them."""

import sqlalchemy as sa

from index.truth.database import Database

_MAKING = 0x666F6F74
"""Number of the lock under which tables are made."""


def make(database: Database, meta: sa.MetaData) -> None:
    """Make those tables of `meta` that are not there.

    Raises:
        FootnoteError: the database cannot be read or written.
    """
    with database.writing() as db:
        if database.shared:  # two that start at once must not both make them
            db.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_MAKING})")
        meta.create_all(db)
