"""A database of either kind: what is said when it cannot be used, and that a lost connection costs one sentence."""

import contextlib
import socket
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import sqlalchemy as sa

from index.errors import Busy, Damaged, FootnoteError, SettingsError, StoreUnavailable
from index.truth.database import Database, name_of
from index.truth.ledger import Ledger
from index.truth.tables import about, create, engine, meta, note, passages
from tests.postgres import PASSWORD, QUOTED, Postgres


@pytest.fixture
def ledger(tmp_path: Path, database: str) -> Iterator[Ledger]:
    with contextlib.closing(Ledger(tmp_path, database)) as made:
        yield made


@pytest.mark.parametrize(
    "change, error, says",
    [
        (("/library", "/nothing"), StoreUnavailable, r'does not let us in \(database "nothing_\d+" does not exist\)'),
        ((QUOTED, "wrong"), StoreUnavailable, r"does not let us in \(password authentication failed"),
        (("127.0.0.1:", "127.0.0.1:1000000"), SettingsError, "is not the address of a PostgreSQL database"),
        (("127.0.0.1", "nobody.invalid"), StoreUnavailable, "cannot be used"),
        (("", "?sslmode=require"), StoreUnavailable, "Server refuses SSL"),
        (("", "?sslmode=always"), SettingsError, "sslmode is one of"),
        (("", "?sslrootcert=/nowhere&sslmode=verify-full"), SettingsError, "certificates of sslrootcert"),
        (("", "?target=any"), SettingsError, "the option target is not known"),
    ],
)
def test_an_address_that_leads_nowhere_is_told_without_its_password(
    tmp_path: Path, database: str, change: tuple[str, str], error: type[FootnoteError], says: str
) -> None:
    old, new = change
    with pytest.raises(error, match=says) as told:
        Ledger(tmp_path, database.replace(old, new) if old else database + new)
    assert "FOOTNOTE_DATABASE_URL" in str(told.value)
    for secret in (PASSWORD, QUOTED):
        assert secret not in f"{told.value!r}"


def test_a_driver_that_is_missing_is_named_with_the_command_that_installs_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(sys.modules, "pg8000", None)
    with pytest.raises(SettingsError, match=r"pip install 'footnote-bot\[postgres\]'"):
        Ledger(tmp_path, "postgresql://a:b@127.0.0.1:1/c")


def test_a_name_holds_no_secret(tmp_path: Path) -> None:
    assert name_of(tmp_path / "ledger.sqlite") == f"{tmp_path}/ledger.sqlite"
    assert name_of("postgresql://me:s3cret@db.example.org/shelf") == (
        "the PostgreSQL database shelf at db.example.org:5432"
    )


def test_a_server_that_was_away_is_used_again_as_if_nothing_had_been(ledger: Ledger, postgres: Postgres) -> None:
    with ledger.alone(doing="indexing"):  # nor does it matter that its end is not heard
        postgres.stop()
    for refused in (
        ledger.current,
        lambda: ledger.keep_vectors_at("here"),
        lambda: ledger.alone(doing="x").__enter__(),
    ):
        with pytest.raises(StoreUnavailable, match=r"cannot be used \(Connection refused\)"):
            refused()
    postgres.start()
    assert ledger.current() is None
    with ledger.alone(doing="indexing"):
        ledger.keep_vectors_at("here")
    assert ledger.vectors_at() == "here"


def test_a_pooler_is_asked_at_the_start_for_nothing_but_what_poolers_know(tmp_path: Path, ledger: Ledger) -> None:
    with socket.create_server(("127.0.0.1", 0)) as pooler, ThreadPoolExecutor(1) as thread:
        begun = thread.submit(_beginning, pooler)
        with pytest.raises(StoreUnavailable):
            Ledger(tmp_path, f"postgresql://a:b@127.0.0.1:{pooler.getsockname()[1]}/c")
    assert begun.result().split(b"\0")[:-2:2] == [b"user", b"database", b"application_name"]
    with ledger.reading() as db:
        assert db.exec_driver_sql("SHOW tcp_keepalives_idle").scalar() == "10"


def _beginning(server: socket.socket) -> bytes:
    """Hear what somebody says first who is told that there is no TLS, and hang up."""
    connection, _ = server.accept()
    with connection:
        connection.recv(8)
        connection.sendall(b"N")
        return connection.recv(4_096)[8:]


def test_who_reads_sees_one_state_and_cannot_write(ledger: Ledger) -> None:
    values = sa.select(about.c.key).where(about.c.key == "new")
    with ledger.reading() as db:
        assert db.execute(values).first() is None
        with ledger.writing() as other:
            note(other, "new", "value")
        assert db.execute(values).first() is None
    with ledger.reading() as db:
        assert db.execute(values).first() is not None
    with pytest.raises(Damaged, match="read-only transaction"), ledger.reading() as db:
        note(db, "new", "other")


def test_a_database_that_a_newer_footnote_made_is_left_alone(tmp_path: Path, ledger: Ledger, database: str) -> None:
    with ledger.writing() as db:
        note(db, "schema", "99")
    with pytest.raises(Damaged, match="newer Footnote"):
        Ledger(tmp_path, database)


def test_a_database_that_cannot_hold_every_character_is_refused(tmp_path: Path, postgres: Postgres) -> None:
    postgres.sql("postgres", "CREATE DATABASE latin ENCODING 'LATIN1' TEMPLATE template0")
    with pytest.raises(Damaged, match=r"does not store every character.*ENCODING 'UTF8'"):
        Ledger(tmp_path, postgres.address("latin"))


def test_somebody_who_never_stops_making_tables_is_waited_for_only_so_long(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("index.truth.tables.PATIENCE", 0.2)
    one, other = Database(database), Database(database)
    with one.writing() as db:
        create(db, one.name)
        with pytest.raises(Busy, match="Wait until it is done"), other.writing() as second:
            create(second, other.name)
    one.close()
    other.close()


def test_numbers_rise_in_the_order_of_the_rows_and_are_never_given_twice(ledger: Ledger) -> None:
    def add(starts: range) -> list[int]:
        row = {"article": 1, "end": 9, "heading": "", "context": "", "embedded": b"\0\xff"}
        with ledger.writing() as db:
            db.execute(passages.insert(), [{**row, "start": start} for start in starts])
        with ledger.reading() as db:
            query = sa.select(passages.c.row).where(passages.c.start.in_(starts)).order_by(passages.c.start)
            return list(db.execute(query).scalars())

    first = add(range(2_500))
    assert first == sorted(set(first))
    with ledger.writing() as db:
        db.execute(passages.delete())
    assert min(add(range(10))) > first[-1]


def test_the_engine_is_of_use_to_others(database: str, tmp_path: Path) -> None:
    for where in (tmp_path / "journal.sqlite", database):
        made = engine(where)
        with made.connect().execution_options(writes=True) as db, db.begin():
            meta.create_all(db)
            note(db, "key", "value")
        with made.connect() as db:
            assert db.execute(sa.select(about.c.value)).scalar_one() == "value"
        made.dispose()


def test_a_ledger_whose_rows_can_all_be_read_is_sound(ledger: Ledger) -> None:
    assert ledger.is_sound()


def test_who_writes_at_the_same_time_shares_a_commit_and_nobody_shares_an_error(tmp_path: Path) -> None:
    database = Database(tmp_path / "file.sqlite", together=True)
    with database.writing() as db:
        db.exec_driver_sql("CREATE TABLE told (number INTEGER)")
    commits: list[object] = []
    sa.event.listen(database._engine, "begin", commits.append)

    def write(number: int) -> None:
        with database.writing() as db:
            db.exec_driver_sql("INSERT INTO told VALUES (?)", (number,))
            time.sleep(0.01)  # so that others wait for their turn
            if number % 5 == 0:
                raise LookupError(number)

    with ThreadPoolExecutor(10) as threads:
        ended = [one.exception() for one in [threads.submit(write, number) for number in range(50)]]
    assert [number for number, error in enumerate(ended) if isinstance(error, LookupError)] == list(range(0, 50, 5))
    with database.reading() as db:
        told = list(db.exec_driver_sql("SELECT number FROM told ORDER BY number").scalars())
    assert told == [number for number in range(50) if number % 5]
    assert len(commits) < 30, "50 alone"


def test_where_a_shared_transaction_is_undone_all_who_wrote_in_it_hear_of_it(tmp_path: Path) -> None:
    database = Database(tmp_path / "file.sqlite", together=True)
    with database.writing() as db:
        db.exec_driver_sql("CREATE TABLE told (number INTEGER)")
    second = threading.Event()

    def first() -> None:
        with database.writing() as db:
            db.exec_driver_sql("INSERT INTO told VALUES (1)")
            second.wait(10)
            while not database._together._waiting:  # type: ignore[union-attr]
                time.sleep(0.001)

    def undone() -> None:
        second.set()
        with database.writing() as db:
            db.exec_driver_sql("ROLLBACK")  # as SQLite does itself when the disk is full

    with ThreadPoolExecutor(2) as threads:
        errors = [one.exception(20) for one in (threads.submit(first), threads.submit(undone))]
    assert [type(error) for error in errors] == [Damaged, Damaged]
    with database.writing() as db:
        db.exec_driver_sql("INSERT INTO told VALUES (2)")
    with database.reading() as db:
        assert list(db.exec_driver_sql("SELECT number FROM told").scalars()) == [2]
