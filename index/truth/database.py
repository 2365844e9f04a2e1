"""A database: a file of SQLite, or one on a PostgreSQL server that several machines share. Knows no tables.

All that differs between the two in opening, reading and writing stands here.
"""

import functools
import logging
import os
import socket
import sqlite3
import ssl
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeAlias

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import ArgumentError, DatabaseError, DBAPIError, InterfaceError, OperationalError

from index.errors import Busy, Damaged, SettingsError, StoreUnavailable
from index.truth.together import Together, on_file

log = logging.getLogger(__name__)

Note: TypeAlias = Callable[[sa.Connection], object]
"""Writes something down within a transaction that is somebody else's."""

Where: TypeAlias = Path | str
"""The file of an SQLite database, or the address of one on PostgreSQL (postgresql://user:password@host:5432/name)."""

PAGE = 8_192
"""Bytes of a page of SQLite: five vectors of 384 dimensions fill one to 96 %; of its usual 4,096, two fill 77 %."""

WAL_LEFT = 16_000_000
"""Bytes of SQLite's log that stay allocated after a large write."""

CONNECTING = 5
"""Seconds in which a server must let us in."""

SILENT = 20
"""Seconds after which a connection to a machine that does not answer any more is given up, at both ends.

At ours a question fails instead of waiting for ever; at the other a lock is freed whose holder lost its power.
"""

PATIENCE = 30
"""Seconds to wait for what usually takes milliseconds."""

_PAGE_ROWS = 1_000
"""Rows that one INSERT brings to PostgreSQL: one row each would cost three round trips."""


def engine(where: Where, *, cache: int = 2_000) -> sa.Engine:
    """Return an engine for the database at `where`. Nothing is opened yet; a server that was restarted is survived.

    Each `connect()` block reads one state of the database however long it takes, and cannot write on PostgreSQL;
    `execution_options(writes=True)` begins a transaction that writes, which on SQLite takes the write lock at once, so
    that it cannot lose it half-way. With `bare=True` there is no transaction. What either database raises is
    SQLAlchemy's; on a lost connection also OSError. See `Database` for the same with sentences. `cache` is how many
    kilobytes of pages each connection to a file keeps in memory; SQLite's own default is 2,000.

    Raises:
        SettingsError: the address is wrong, or the driver for PostgreSQL is not installed.
    """
    if isinstance(where, Path):
        made = sa.create_engine(f"sqlite:///{where}", connect_args={"timeout": PATIENCE})
        sa.event.listen(made, "connect", functools.partial(_prepare_file, cache))
        sa.event.listen(made, "begin", _begin_on_file)
        return made
    made = _server(where)
    sa.event.listen(made, "do_connect", _connect)
    sa.event.listen(made, "connect", _prepare_connection)
    sa.event.listen(made, "begin", _begin_on_server)
    sa.event.listen(made, "handle_error", _notice_disconnection)
    dialect: Any = made.dialect
    dialect.use_insertmanyvalues_wo_returning = True  # pg8000 would send each row by itself
    dialect.do_close = dialect.do_terminate = _close
    return made


def name_of(where: Where) -> str:
    """Return what to call a database before people: never with its password."""
    if isinstance(where, Path):
        return str(where)
    url = _url(where)
    return f"the PostgreSQL database {url.database} at {url.host}:{url.port or 5432}"


def insert(db: sa.Connection, table: sa.Table) -> sqlite.Insert | postgresql.Insert:
    """Return an INSERT of the kind that knows `on_conflict_do_nothing` and `on_conflict_do_update`."""
    return postgresql.insert(table) if shared(db) else sqlite.insert(table)


def replacing(db: sa.Connection, table: sa.Table) -> sqlite.Insert | postgresql.Insert:
    """Return an INSERT of whole rows, each of which takes the place of the row that has its primary key."""
    added = insert(db, table)
    others = {column.name: added.excluded[column.name] for column in table.columns if not column.primary_key}
    return added.on_conflict_do_update(index_elements=list(table.primary_key.columns), set_=others)


def shared(db: sa.Connection) -> bool:
    """Whether a connection is one to a server."""
    return db.dialect.name == "postgresql"


class Database:
    """One database. Safe to share between threads; every block is its own transaction.

    What it says on trouble names the file or the server, never a password:
    StoreUnavailable where the server is away, Damaged where something is wrong with the database, Busy for a lock.
    """

    def __init__(
        self,
        where: Where,
        *,
        holds: str = "a ledger",
        remedy: str = "move it away and index again",
        cache: int = 2_000,
        together: bool = False,
    ) -> None:
        """Remember where it is, what it `holds`, and what helps where that is lost. Raises as `engine`.

        `cache`: kilobytes of pages that each connection to a file keeps in memory. `together`: where several threads
        write into a file at the same time, one commit serves them all; for many small writes.
        """
        self._holds = holds
        self._remedy = remedy
        self.name = name_of(where)
        self.shared = not isinstance(where, Path)
        self._engine = engine(where, cache=cache)
        self._together = Together(self._engine) if together and not self.shared else None

    @property
    def title(self) -> str:
        """Its name at the beginning of a sentence."""
        return self.name[:1].upper() + self.name[1:] if self.shared else self.name

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """Read one state of it, whatever is written meanwhile."""
        with self.translated(), self._engine.connect() as db:
            yield db
            if self.shared and db.in_transaction():
                db.exec_driver_sql("ROLLBACK")  # in one round trip; the driver's own takes three

    @contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        """Write in one transaction: all of it, or nothing. It is on the disk when the block has ended."""
        if self._together is not None:
            with self.translated(), self._together.writing() as db:
                yield db
            return
        with self.translated(), self._engine.connect().execution_options(writes=True) as db, db.begin():
            yield db

    @contextmanager
    def bare(self) -> Iterator[sa.Connection]:
        """Give a connection of its own without a transaction, which is really closed at the end.

        What it raises afterwards is the caller's to put into `translated`.
        """
        with self.translated():
            db = self._engine.connect().execution_options(bare=True)
        with db:
            db.detach()
            driver = db.connection.dbapi_connection
            try:
                yield db
            finally:
                if db.invalidated:  # it broke, and SQLAlchemy forgets it
                    _close(driver)

    def compact(self) -> None:
        """Give back disk space, which SQLite does only outside of a transaction; a server does so by itself.

        What is in its way, such as a reader or a disk that is full already, is no error.
        """
        if self.shared:
            return
        with self._engine.connect().execution_options(bare=True) as db:
            cursor = db.connection.cursor()
            try:  # a script, because `execute` takes one step, and each step frees one page
                cursor.executescript("PRAGMA incremental_vacuum; PRAGMA wal_checkpoint(TRUNCATE)")
            except sqlite3.OperationalError as error:
                log.info("the ledger was not compacted: %s", error)
            finally:
                cursor.close()

    def count_up(self, *tables: sa.Table) -> None:
        """Let a server count what was just written, so that it does not plan by guesses until it does so by itself.

        SQLite is told where to begin by how our statements are written.
        """
        if self.shared:
            with self.writing() as db:
                for table in tables:
                    db.exec_driver_sql(f"ANALYZE {table.name}")

    def is_sound(self, *tables: sa.Table) -> bool:
        """Check all of a file; on a server read whole tables, which checks the checksums of their pages."""
        try:
            with self.reading() as db:
                if not self.shared:
                    return bool(db.execute(sa.text("PRAGMA quick_check")).scalar_one() == "ok")
                for table in tables:
                    whole = sa.func.md5(sa.cast(sa.literal_column(table.name), sa.Text))  # of each row
                    db.execute(sa.select(sa.func.count(whole)).select_from(table))
        except Damaged:
            return False
        return True

    def close(self) -> None:
        """Let go of the file, or of the server."""
        self._engine.dispose()

    @contextmanager
    def translated(self) -> Iterator[None]:
        """Turn what a database says into a sentence that says what to do."""
        try:
            yield
        except (DBAPIError, OSError) as error:
            if isinstance(error, OSError) and not self.shared:
                raise
            raise (self._server_trouble(error) if self.shared else self._file_trouble(error)) from error

    def _file_trouble(self, error: Exception) -> Damaged:
        if isinstance(error, OperationalError) or not isinstance(error, DatabaseError):
            return Damaged(
                f"{self.name} cannot be used ({_said(error)}). Check that its folder can be written, that the disk "
                "is not full, and that no other program holds it."
            )
        return Damaged(
            f"{self.name} cannot be read as {self._holds} ({_said(error)}). Restore it from a backup, "
            f"or {self._remedy}."
        )

    def _server_trouble(self, error: Exception) -> Busy | Damaged | StoreUnavailable:
        code, said = _code(error), _said(error)
        if code == "55P03":  # lock_not_available
            return Busy(f"Another process has held {self.name} for {PATIENCE} seconds. Wait until it is done.")
        if _is_lost(error) or code[:2] in ("08", "53", "57"):  # connection, resources, an operator's intervention
            return StoreUnavailable(f"{self.title} cannot be used ({said}). Start it, or mend FOOTNOTE_DATABASE_URL.")
        if code[:2] in ("28", "3D"):  # who we are, and a database that is not there
            return StoreUnavailable(
                f"{self.title} does not let us in ({said}). Mend FOOTNOTE_DATABASE_URL, or make the user and "
                "the database that it names."
            )
        return Damaged(
            f"{self.title} cannot be read as {self._holds} ({said}). Restore it from a backup, or name an "
            "empty one and index again."
        )


def _server(address: str) -> sa.Engine:
    url = _url(address)
    options = dict(url.query)
    connect = {
        "application_name": options.pop("application_name", "footnote"),
        "ssl_context": _tls(options),
    }
    if options:
        message = f"FOOTNOTE_DATABASE_URL: the option {min(options)} is not known; take it away."
        raise SettingsError(message)
    plain = url.set(drivername="postgresql+pg8000", query={})
    try:
        return sa.create_engine(
            plain, connect_args=connect, pool_pre_ping=True, insertmanyvalues_page_size=_PAGE_ROWS, hide_parameters=True
        )
    except ImportError as error:
        message = "A PostgreSQL database needs a driver that is not installed: pip install 'footnote-bot[postgres]'"
        raise SettingsError(message) from error


def _url(address: str) -> sa.URL:
    try:
        url = sa.make_url(address)
    except (ArgumentError, ValueError):
        url = None
    whole = url is not None and url.username and url.host and url.database and (url.port or 1) < 65_536
    if url is None or not whole or url.get_backend_name() != "postgresql":
        message = (
            "FOOTNOTE_DATABASE_URL is not the address of a PostgreSQL database "
            "(postgresql://user:password@host:5432/name; percent-encode what is special in the password)."
        )
        raise SettingsError(message) from None  # what it was made from holds the password
    return url


def _tls(options: dict[str, Any]) -> ssl.SSLContext | bool | None:
    """Take libpq's `sslmode` and `sslrootcert` out of an address; return what they mean to the driver.

    None tries TLS and goes on without, as libpq does when nothing is said. `require` does not ask who the server is.
    """
    mode, root = options.pop("sslmode", "prefer"), options.pop("sslrootcert", None)
    match mode:
        case "disable":
            return False
        case "allow" | "prefer":
            return None
        case "require" if root is None:
            return True
        case "require" | "verify-ca" | "verify-full":
            try:
                context = ssl.create_default_context(cafile=None if root == "system" else root)
            except OSError as error:
                message = f"FOOTNOTE_DATABASE_URL: the certificates of sslrootcert cannot be read ({error.strerror})."
                raise SettingsError(message) from error
            context.check_hostname = mode == "verify-full"
            return context
    message = "FOOTNOTE_DATABASE_URL: sslmode is one of disable, prefer, require, verify-ca and verify-full."
    raise SettingsError(message)


def _prepare_file(cache: int, connection: Any, _record: object) -> None:  # noqa: ANN401
    """WAL lets people ask while a build writes; FULL makes a switch survive a power cut."""
    connection.isolation_level = None  # sqlite3 begins no transactions of its own: see `_begin_on_file`
    with _cursor(connection) as cursor:
        if not cursor.execute("PRAGMA page_count").fetchone()[0]:  # these two count only before the first table is made
            cursor.execute(f"PRAGMA page_size={PAGE}")
            cursor.execute("PRAGMA auto_vacuum=INCREMENTAL")  # later it would wait for whoever writes
        cursor.execute(f"PRAGMA cache_size=-{cache}")
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute("PRAGMA synchronous=FULL")
        cursor.execute(f"PRAGMA journal_size_limit={WAL_LEFT}")


def _begin_on_file(db: sa.Connection) -> None:
    options = db.get_execution_options()
    if not options.get("bare"):
        on_file(db, "BEGIN IMMEDIATE" if options.get("writes") else "BEGIN")


def _connect(dialect: sa.Dialect, _record: object, _arguments: object, options: dict[str, Any]) -> Any:  # noqa: ANN401
    """Open a socket and let the driver speak over it, which would leave its own open where it is not let in."""
    assert dialect.loaded_dbapi is not None  # noqa: S101  for mypy: the engine was made with it
    reached = socket.create_connection((options["host"], options.get("port", 5432)), CONNECTING)
    try:
        return dialect.loaded_dbapi.Connection(**options, sock=reached)
    except BaseException:
        if (handle := reached.detach()) >= 0:
            os.close(handle)
        raise


def _close(connection: Any) -> None:  # noqa: ANN401
    """Close a connection that may be dead: the driver would raise, SQLAlchemy log a traceback, a socket stay open."""
    held = (connection._sock, connection._usock)  # noqa: SLF001  the driver forgets both
    try:
        connection.close()
    except Exception as error:
        if not _is_lost(error):
            raise
    for part in held:
        with suppress(OSError, ValueError, AttributeError):  # None where it was closed before
            part.close()


_ALIVE = "SET tcp_keepalives_idle = 10; SET tcp_keepalives_interval = 5; SET tcp_keepalives_count = 2"
"""By which the server notices that we are gone. Said afterwards: PgBouncer lets in nobody who begins with it."""


def _prepare_connection(connection: Any, _record: object) -> None:  # noqa: ANN401
    connection.autocommit = True  # the driver begins no transactions of its own: see `_begin_on_server`
    connection.execute_simple(_ALIVE)
    reached: socket.socket = connection._usock  # noqa: SLF001  its limit for connecting would hold for every statement
    reached.settimeout(None)
    for option, value in _KEEPALIVE.items():
        with suppress(OSError):  # a kernel that does not know it
            reached.setsockopt(socket.IPPROTO_TCP, option, value)


def _keepalive() -> Mapping[int, int]:
    """Return the options of TCP by which a connection notices that the other machine is gone, where they exist."""
    idle = "TCP_KEEPALIVE" if sys.platform == "darwin" else "TCP_KEEPIDLE"
    wanted = {idle: 10, "TCP_KEEPINTVL": 5, "TCP_KEEPCNT": 2, "TCP_USER_TIMEOUT": SILENT * 1_000}
    return {getattr(socket, name): value for name, value in wanted.items() if hasattr(socket, name)}


_KEEPALIVE = _keepalive()


def _begin_on_server(db: sa.Connection) -> None:
    options = db.get_execution_options()
    if not options.get("bare"):
        db.exec_driver_sql("BEGIN" if options.get("writes") else "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")


def _notice_disconnection(context: sa.engine.ExceptionContext) -> None:
    """Let SQLAlchemy drop all connections when one of them turns out to be dead."""
    if _is_lost(context.original_exception):
        context.is_disconnect = True


def _is_lost(error: BaseException) -> bool:
    """Whether there is no connection, or none any more."""
    raised = getattr(error, "orig", None) or error
    if isinstance(error, OSError | InterfaceError) or type(raised).__name__ == "InterfaceError":
        return True  # all that the driver says by that name is about the connection
    return _code(error) in ("57P01", "57P02", "57P03")  # it is shutting down, has crashed, is starting


def _code(error: BaseException) -> str:
    """Return the SQLSTATE of what PostgreSQL said, or nothing."""
    told = _told(error)
    return str(told.get("C", "")) if told else ""


def _said(error: BaseException) -> str:
    """Return a database's own words."""
    if told := _told(error):
        return str(told.get("M", ""))
    raised = getattr(error, "orig", None) or error
    words = (isinstance(raised, OSError) and raised.strerror) or str(raised) or type(raised).__name__
    return words.split("\n")[0][:200].rstrip(".")


def _told(error: BaseException) -> Mapping[str, Any] | None:
    """Return the fields of PostgreSQL's message, which pg8000 raises as a dict."""
    arguments = getattr(getattr(error, "orig", None) or error, "args", ())
    return arguments[0] if arguments and isinstance(arguments[0], dict) else None


@contextmanager
def _cursor(connection: Any) -> Iterator[Any]:  # noqa: ANN401  a DBAPI connection has no common type
    cursor = connection.cursor()
    try:
        yield cursor
    finally:
        cursor.close()
