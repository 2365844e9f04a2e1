"""The ledger's file: how it is opened beside others, what it gives back to the disk, and ledgers of older versions."""

import contextlib
import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa
from filelock import FileLock

from index.errors import Busy
from index.models.embed import Vectors
from index.system import lock
from index.truth.ledger import FILE, Ledger
from index.truth.tables import about
from tests import killed, warm
from tests.collection import held, put
from tests.conftest import MakeLibrary, settings_for
from tests.fakemodel import WordModel


def test_the_space_of_what_was_removed_is_given_back_to_the_disk(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    with ledger.writing() as db:
        db.execute(about.insert(), [{"key": str(n), "value": "x" * 20_000} for n in range(200)])
    ledger.compact()
    assert (tmp_path / FILE).stat().st_size > 4_000_000
    with ledger.writing() as db:
        db.execute(about.delete().where(about.c.key != "library"))
    ledger.compact()
    assert sum(path.stat().st_size for path in tmp_path.glob(f"{FILE}*")) < 400_000
    ledger.close()


def test_a_ledger_opens_and_is_read_while_somebody_else_writes_in_it(tmp_path: Path) -> None:
    Ledger(tmp_path).close()
    with contextlib.closing(sqlite3.connect(tmp_path / FILE, isolation_level=None)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        other = Ledger(tmp_path)
        assert other.current() is None
        other.close()


def test_a_ledger_that_another_process_never_stops_making_is_busy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lock, "PATIENCE", 0.1)
    with FileLock(tmp_path / "ledger.lock"), pytest.raises(Busy, match=r"ledger\.lock"):
        Ledger(tmp_path)


class Unasked(WordModel):
    """A model that may be asked questions, and nothing else."""

    def passages(self, texts: object) -> Vectors:
        raise AssertionError(f"embedded again: {texts}")


def test_a_ledger_of_the_first_version_is_served_after_its_segments_are_built_anew_without_the_model(
    tmp_path: Path,
) -> None:
    first, second = {f"a{n}": 1 for n in range(20)}, {f"a{n}": 1 + (n < 5) for n in range(1, 20)}
    data = tmp_path / "data"
    with warm.workers():
        with killed.library(data) as library:
            for articles in (first, second):
                put(tmp_path / "articles", articles)
                library.index(tmp_path / "articles")
        with contextlib.closing(sqlite3.connect(data / FILE)) as db:
            db.executescript(_TO_THE_FIRST_VERSION)
        settings = settings_for(data, chunk__size=18, chunk__overlap=0)
        with killed.Library(settings, embedder=Unasked()) as library:
            assert held(library) == second
            assert library.check() == ""
            report = library.index(tmp_path / "articles")
            assert (report.unchanged, report.embedded) == (19, 0)
            library.rollback()
            assert held(library) == first
            assert library.check() == ""


def test_a_ledger_of_the_second_version_is_given_the_index_of_dates_and_keeps_its_name(tmp_path: Path) -> None:
    with contextlib.closing(Ledger(tmp_path)) as ledger:
        name = ledger.library
    with contextlib.closing(sqlite3.connect(tmp_path / FILE)) as db:
        db.executescript(f"DROP INDEX articles_by_date; {_WITHOUT_WHAT_IS_KNOWN} PRAGMA user_version = 2")
    with contextlib.closing(Ledger(tmp_path)) as ledger, ledger.reading() as db:
        assert ledger.library == name
        assert "articles_by_date" in db.execute(sa.text("SELECT name FROM sqlite_master")).scalars().all()


@pytest.mark.usefixtures("copied")
def test_a_ledger_of_the_third_version_keeps_its_articles_of_whom_nothing_more_is_known(
    folder: Path, make_library: MakeLibrary
) -> None:
    library = make_library()
    library.index(folder)
    before = [replace(article, language="") for article in library.newest(limit=9)]
    library.close()
    with contextlib.closing(sqlite3.connect(library.data / FILE)) as db:
        db.executescript(f"{_WITHOUT_WHAT_IS_KNOWN} PRAGMA user_version = 3")
    again = make_library()
    assert list(again.newest(limit=9)) == before
    assert {(article.author, article.language, article.pages) for article in before} == {("", "", ())}


@pytest.mark.usefixtures("copied")
def test_a_ledger_of_the_fourth_version_has_no_other_sources_yet(folder: Path, make_library: MakeLibrary) -> None:
    library = make_library()
    library.index(folder)
    before = library.newest(limit=9)
    library.close()
    with contextlib.closing(sqlite3.connect(library.data / FILE)) as db:
        db.executescript(f"{_WITHOUT_SOURCES} PRAGMA user_version = 4")
    again = make_library()
    assert again.newest(limit=9) == before
    (supply,) = again.sources()
    assert (supply.name, supply.place, supply.articles, supply.success) == ("", str(folder.resolve()), 3, None)
    assert again.index(folder).unchanged == 3
    assert again.sources()[0].success is not None


_WITHOUT_SOURCES = (
    "ALTER TABLE articles DROP COLUMN origin; DROP TABLE versions; DROP TABLE holdings; DROP TABLE visits;"
)
_WITHOUT_WHAT_IS_KNOWN = _WITHOUT_SOURCES + "".join(
    f"ALTER TABLE articles DROP COLUMN {name};" for name in ("author", "language", "pages")
)

_TO_THE_FIRST_VERSION = """
ALTER TABLE revisions RENAME TO r; ALTER TABLE articles RENAME TO a;
ALTER TABLE passages RENAME TO p; ALTER TABLE embeddings RENAME TO e;
DROP INDEX articles_by_revision; DROP INDEX articles_by_id; DROP INDEX ix_passages_article;
CREATE TABLE revisions (number INTEGER NOT NULL PRIMARY KEY, made_at TEXT NOT NULL, segment TEXT NOT NULL,
    model TEXT NOT NULL, fingerprint TEXT NOT NULL, chunking TEXT NOT NULL, folder TEXT NOT NULL,
    articles INTEGER NOT NULL, passages INTEGER NOT NULL);
CREATE TABLE articles ("row" INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL, digest TEXT NOT NULL,
    title TEXT NOT NULL, date TEXT NOT NULL, source TEXT NOT NULL, url TEXT NOT NULL, text TEXT NOT NULL,
    headings TEXT NOT NULL, since INTEGER NOT NULL, until INTEGER);
CREATE INDEX articles_by_revision ON articles (until, since);
CREATE TABLE passages ("row" INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, article INTEGER NOT NULL,
    start INTEGER NOT NULL, "end" INTEGER NOT NULL, heading TEXT NOT NULL, embedded BLOB NOT NULL);
CREATE INDEX ix_passages_article ON passages (article);
CREATE TABLE embeddings (model TEXT NOT NULL, "key" BLOB NOT NULL, vector BLOB NOT NULL, PRIMARY KEY (model, "key"))
    WITHOUT ROWID;
INSERT INTO revisions SELECT number, made_at, 'one', model, fingerprint, chunking, folder, articles, passages FROM r;
INSERT INTO articles SELECT "row", id, digest, title, date, source, url, text, headings, since, until FROM a;
INSERT INTO passages SELECT "row", article, start, "end", heading, embedded FROM p;
INSERT INTO embeddings SELECT model, "key", vector FROM e;
DROP TABLE r; DROP TABLE a; DROP TABLE p; DROP TABLE e;
DROP TABLE segments; DROP TABLE twins; DROP TABLE about; DROP TABLE seen;
DROP TABLE versions; DROP TABLE holdings; DROP TABLE visits;
PRAGMA user_version = 1;
"""
