"""What is held: in either database, by several machines, and through damage."""

import datetime as dt
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa

from index.articles.holdings import Content, Holdings, Kind
from index.errors import Damaged
from index.library import Library
from index.models.embed import Embedder
from index.records import Item
from index.truth.ledger import Ledger
from tests.conftest import settings_for, three_articles
from tests.postgres import Postgres
from tests.test_gather import START, Moment, counts, rss, story
from tests.web import fetcher, serve


@pytest.fixture(params=["sqlite", "postgres"])
def ledger(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Ledger]:
    where = request.getfixturevalue("database") if request.param == "postgres" else ""
    with closing(Ledger(tmp_path, where)) as made:
        yield made


@pytest.fixture
def clock() -> Moment:
    return Moment()


@pytest.fixture
def holdings(ledger: Ledger, clock: Moment) -> Holdings:
    return Holdings(ledger, now=clock)


def test_what_is_put_is_given_back_and_a_newer_version_takes_its_place(holdings: Holdings, clock: Moment) -> None:
    assert not holdings.any()
    item = Item("https://a.example/1", title="One", date=dt.date(2026, 5, 1))
    assert holdings.put("news", Kind.ENTRY, item, Content(b"first \0\xff", "1.html", etag='"1"'))
    assert not holdings.put("news", Kind.ENTRY, Item(item.key), Content(b"first \0\xff", "1.html", etag='"2"'))
    clock.passes(hours=1)
    assert holdings.put("news", Kind.ENTRY, Item(item.key), Content(b"second", "1.html"))
    held = holdings.get([item.key])[item.key]
    assert holdings.content(item.key) == b"second"
    assert (held.title, held.date, held.etag, held.size) == ("One", dt.date(2026, 5, 1), "", 6)
    assert (held.first, held.success) == (START, START + dt.timedelta(hours=1))
    assert [one.key for one in holdings.of(["news"])] == [item.key]
    assert list(holdings.of(["other"])) == []


def test_looks_that_fail_are_counted_until_one_goes_well_and_only_gone_ones_drop_what_is_held(
    holdings: Holdings, clock: Moment
) -> None:
    key = "https://a.example/1"
    holdings.put("news", Kind.LISTED, Item(key), Content(b"x", "1.html", etag='"1"'))
    for n in range(1, 6):
        clock.passes(hours=1)
        held = holdings.failed(key, "does not answer", gone=False, after=2)
        assert (held.failures, held.missed, held.gone, bool(held.digest)) == (n, 0, None, True)
    holdings.failed(key, "is gone", gone=True, after=2)
    standing = holdings.standings()["news"]
    assert (standing.failing, standing.reason) == (1, f"{key} is gone")
    holdings.unchanged(key, etag='"1"', modified="")
    held = holdings.failed(key, "is gone", gone=True, after=2)
    assert (held.failures, held.missed, held.gone) == (1, 1, None)
    held = holdings.failed(key, "is gone", gone=True, after=2)
    assert (held.missed, held.gone, held.digest, held.etag) == (2, clock.now, "", "")
    assert holdings.put("news", Kind.LISTED, Item(key), Content(b"x", "1.html"))
    assert holdings.get([key])[key].gone is None
    assert holdings.standings()["news"].reason == ""


def test_what_is_listed_again_keeps_its_bytes_and_its_first_source(holdings: Holdings) -> None:
    item, known = Item("https://a.example/1", title="As first told"), ["news", "other"]
    holdings.put("news", Kind.ENTRY, item, Content(b"x", "1.html"))
    holdings.expect("other", Kind.LISTED, [Item(item.key, title="Otherwise"), Item("https://a.example/2")], known=known)
    holdings.expect("news", Kind.ENTRY, [Item(item.key, title="Corrected")], known=known)
    held = {one.key: one for one in holdings.of(["news", "other"])}
    assert [(one.source, one.title, bool(one.digest)) for one in held.values()] == [
        ("news", "Corrected", True),
        ("other", "", False),
    ]
    holdings.keep_only(["other"])
    assert [one.key for one in holdings.of(["news", "other"])] == ["https://a.example/2"]


def test_bytes_that_are_damaged_are_said_to_be_and_never_read(ledger: Ledger, holdings: Holdings) -> None:
    holdings.put("news", Kind.ENTRY, Item("k"), Content(b"x" * 100, "1.html"))
    with ledger.writing() as db:
        db.execute(sa.text("UPDATE holdings SET content = :junk"), {"junk": b"junk"})
    with pytest.raises(Damaged, match="holds of k is damaged"):
        holdings.content("k")


def test_visits_are_remembered_by_place_with_what_was_wanted(holdings: Holdings, clock: Moment) -> None:
    assert holdings.visit("news", "https://a.example/f").success is None
    holdings.visited("news", "https://a.example/f", wanted="w", etag='"1"', modified="then")
    clock.passes(hours=1)
    holdings.not_visited("news", "https://a.example/f", "does not answer")
    visit = holdings.visit("news", "https://a.example/f")
    assert (visit.wanted, visit.etag, visit.modified, visit.failures) == ("w", '"1"', "then", 1)
    assert (visit.success, visit.failure, visit.reason) == (START, clock.now, "does not answer")
    holdings.visited("news", "https://a.example/f")
    assert (holdings.visit("news", "https://a.example/f").failures, holdings.visit("news", "else").failures) == (0, 0)


def test_two_machines_on_one_database_share_what_was_fetched_and_added(
    tmp_path: Path, database: str, server: str, embedder: Embedder
) -> None:
    feed = {"/harbour": "Fri, 01 May 2026 06:00:00 GMT"}
    folder = three_articles(tmp_path / "articles")
    with serve({"/harbour": story("/harbour"), "/mill": story("/mill")}) as web:
        web.routes["/feed"] = lambda _: rss(web.url(""), feed)
        flags = {"store__database": database, "store__url": server, "source": [{"feed": web.url("/feed")}]}
        one, other = (
            Library(
                settings_for(tmp_path / name, library__articles=str(folder), **flags),
                embedder=embedder,
                fetcher=fetcher(),
            )
            for name in ("one", "other")
        )
        with one, other:
            assert counts(one.index()) == (4, 0, 0, 0)
            one.add([one.fetch(web.url("/mill"))])
            assert "brewer" in other.ask("Who bought the water mill of Aldby?").text
            assert counts(other.index()) == (0, 0, 0, 5)
            assert web.paths().count("/harbour") == 1
            assert [supply.articles for supply in other.sources()] == [3, 1, 1]
            other.remove(other.find(web.url("/mill")))
            assert [supply.articles for supply in one.sources()] == [3, 1]
            one.keep_up()
            assert "brewer" not in one.ask("Who bought the water mill of Aldby?").text


def test_a_database_of_the_fourth_version_gets_the_tables_of_sources(
    tmp_path: Path, database: str, postgres: Postgres
) -> None:
    with closing(Ledger(tmp_path, database)):
        name = database.rpartition("/")[2]
    postgres.sql(name, "DROP TABLE holdings; DROP TABLE visits; DROP TABLE versions")
    postgres.sql(name, "ALTER TABLE articles DROP COLUMN origin")
    postgres.sql(name, "UPDATE about SET value = '4' WHERE key = 'schema'")
    with closing(Ledger(tmp_path, database)) as again:
        assert not Holdings(again).any()
        assert again.is_sound()
