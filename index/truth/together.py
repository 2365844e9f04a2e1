"""Shared transactions of threads that write into one SQLite file: each commit waits for the disk. Knows no tables."""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa

MOST = 32
"""Blocks in one commit, so that the first of them does not wait for ever."""


class Together:
    """Lets threads that write into one file at the same time share a commit, which is what takes long.

    Whoever writes begins a transaction, or joins the one that is open; the last for whom nobody waits commits, and
    until then all of them wait. So no block ends before it is on the disk, and none waits for the write lock of
    SQLite, which is tried again by the clock, at up to 100 ms.
    """

    def __init__(self, of: sa.Engine) -> None:
        """Write with connections of that engine."""
        self._engine = of
        self._turn = threading.Lock()
        self._counting = threading.Lock()
        self._waiting = 0
        self._open: _Shared | None = None

    @contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        """Write in one transaction: all of this block, or nothing of it. It is on the disk when the block has ended."""
        with self._counting:
            self._waiting += 1
        with self._turn:
            with self._counting:
                self._waiting -= 1
            shared = self._open = self._open or self._begun()
            try:
                with shared.block() as db:
                    yield db
            finally:
                if not self._waiting or shared.blocks >= MOST or not shared.holds:
                    self._open = None
                    self._commit(shared)
        shared.over.wait()
        if shared.error is not None:
            raise shared.error

    def _begun(self) -> "_Shared":
        db = self._engine.connect().execution_options(writes=True)
        try:
            db.begin()
            return _Shared(db)
        except BaseException:
            db.close()
            raise

    def _commit(self, shared: "_Shared") -> None:
        """End a transaction, and tell all who wrote in it how that went."""
        try:
            with shared.db:
                on_file(shared.db, "COMMIT")  # the driver's own says nothing where there is nothing to commit
        except Exception as error:  # noqa: BLE001  whatever it is, it is for those who wrote
            shared.error = error
        finally:
            shared.over.set()


class _Shared:
    """A transaction of SQLite that several blocks write in, one after the other."""

    def __init__(self, db: sa.Connection) -> None:
        self.db = db
        self.blocks = 0
        self.over = threading.Event()
        self.error: Exception | None = None

    @contextmanager
    def block(self) -> Iterator[sa.Connection]:
        """Let one block write: what it wrote is undone where it raises, and nothing else is."""
        self.blocks += 1
        on_file(self.db, "SAVEPOINT block")
        try:
            yield self.db
        except BaseException:
            if self.holds:
                on_file(self.db, "ROLLBACK TO block")
            raise
        finally:
            if self.holds:
                on_file(self.db, "RELEASE block")

    @property
    def holds(self) -> bool:
        """Whether the transaction is open still: a full disk, for one, undoes all of it by itself."""
        driver = self.db.connection.dbapi_connection
        return isinstance(driver, sqlite3.Connection) and driver.in_transaction


def on_file(db: sa.Connection, statement: str) -> None:
    """Let SQLite do what needs no more of SQLAlchemy than its errors, in a tenth of the time.

    Raises:
        DBAPIError: SQLAlchemy's own, as if it had done so.
    """
    driver = db.connection.dbapi_connection
    assert driver is not None  # noqa: S101  for mypy: the connection is open
    try:
        driver.execute(statement)
    except sqlite3.Error as error:
        raise sa.exc.DBAPIError.instance(statement, (), error, sqlite3.Error) from error
