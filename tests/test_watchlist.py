"""The watchlist: each person's own watches, each compared once a revision, nothing found lost, nothing sent thrice."""

import datetime as dt
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import SecretStr

from bot import app
from bot.store.news import Base
from bot.store.watchlist import LEASE, MOST_SENDS, Finding, Taken, Watch, Watchlist, Wish
from index.library import Library
from index.truth.database import Database
from tests.conftest import served_settings
from tests.test_inbox import Clock

BOT, ANNA, BEN = 123_456_789, 7, 8
BASE = Base(3, answered=True, missing=1, best=0.7, newest=dt.date(2025, 1, 2), seen=frozenset("ab"))
WISH = Wish(ANNA, ANNA, "Where will they meet?", "en", BASE)

Open = Callable[..., Watchlist]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=["sqlite", "postgresql"])
def open_list(tmp_path: Path, clock: Clock, request: pytest.FixtureRequest) -> Iterator[Open]:
    """Open the one watchlist, as a process would, any number of times."""
    made: list[Database] = []
    where = tmp_path / "inbox.db" if request.param == "sqlite" else request.getfixturevalue("database")

    def opened(*, bot: int = BOT) -> Watchlist:
        made.append(Database(where))
        return Watchlist(made[-1], bot=bot, now=clock)

    yield opened
    for database in made:
        database.close()


def added(watchlist: Watchlist, wish: Wish = WISH) -> Watch:
    watch = watchlist.add(wish, most=50)
    assert watch is not None
    return watch


def taken(watchlist: Watchlist, revision: int) -> Taken:
    one = watchlist.take(revision)
    assert one is not None
    return one


def to_send(watchlist: Watchlist) -> Finding:
    one = watchlist.to_send()
    assert one is not None
    return one


def found(watchlist: Watchlist, revision: int = 4) -> Watch:
    """Begin a watch, and find something for it in that revision."""
    watch = added(watchlist)
    one = taken(watchlist, revision)
    assert watchlist.compared(one, replace(one.base, revision=revision), answer=f"answer {revision}")
    return watch


@pytest.mark.parametrize("one, other", [("C++", "C#"), ("above +5 degrees", "above -5 degrees"), ("कि", "की")])
def test_questions_that_differ_by_a_sign_are_two(open_list: Open, one: str, other: str) -> None:
    first, second = (added(open_list(), replace(WISH, question=f"What is new in {name}?")) for name in (one, other))
    assert first.id != second.id


@pytest.mark.parametrize("other", ["what’s new in  ALDBY", "“What's new in Aldby?”"])
def test_a_question_that_is_written_otherwise_is_the_same(open_list: Open, other: str) -> None:
    first, second = (added(open_list(), replace(WISH, question=name)) for name in ("What's new in Aldby?", other))
    assert first.id == second.id


def test_a_watch_is_kept_as_it_was_made_and_anothers_is_not_shown(open_list: Open, clock: Clock) -> None:
    watch = added(open_list())
    added(open_list(), replace(WISH, person=BEN, chat=BEN))
    assert open_list().of(ANNA) == [watch]
    assert (watch.person, watch.question, watch.language, watch.made) == (ANNA, WISH.question, "en", clock.now)
    assert len(watch.id) == 16
    assert open_list(bot=BOT + 1).of(ANNA) == []


def test_a_question_is_watched_once_however_it_is_spelt(open_list: Open) -> None:
    watchlist = open_list()
    watch = added(watchlist)
    assert added(watchlist, replace(WISH, question="where will they  MEET")) == watch
    assert watchlist.watched(ANNA, "Where, will they meet!") == watch
    assert watchlist.watched(BEN, WISH.question) is None
    assert watchlist.count(ANNA) == 1


def test_nobody_has_more_watches_than_they_may(open_list: Open) -> None:
    watchlist = open_list()
    for n in range(3):
        assert watchlist.add(replace(WISH, question=f"What is {n}?"), most=3) is not None
    assert watchlist.add(WISH, most=3) is None
    assert watchlist.add(replace(WISH, question="What is 1"), most=3) is not None
    assert watchlist.add(replace(WISH, person=BEN), most=3) is not None
    assert watchlist.count(ANNA) == 3


def test_only_whose_watch_it_is_may_end_it_and_what_was_found_for_it_goes_with_it(open_list: Open) -> None:
    watchlist = open_list()
    watch = found(watchlist)
    assert not watchlist.remove(watch.id, BEN)
    assert watchlist.remove(watch.id, ANNA)
    assert not watchlist.remove(watch.id, ANNA)
    assert watchlist.to_send() is None
    assert watchlist.take(9) is None


def test_all_of_a_person_is_counted_and_forgotten_and_nothing_of_others(open_list: Open) -> None:
    watchlist = open_list()
    found(watchlist)
    added(watchlist, replace(WISH, question="Who?"))
    ben = added(watchlist, replace(WISH, person=BEN))
    assert watchlist.count(ANNA) == 2
    assert (watchlist.forget(ANNA), watchlist.count(ANNA), watchlist.forget(ANNA)) == (2, 0, 0)
    assert watchlist.to_send() is None
    assert watchlist.of(BEN) == [ben]
    assert taken(watchlist, 4).base.seen == WISH.base.seen


def test_a_watch_is_compared_once_a_revision_with_all_that_was_seen(open_list: Open) -> None:
    watchlist = open_list()
    added(watchlist)
    assert watchlist.take(3) is None
    one = taken(watchlist, 4)
    assert one.base == WISH.base
    after = Base(4, answered=True, best=0.9, seen=frozenset("abc"))
    assert watchlist.compared(one, after)
    assert watchlist.take(4) is None
    assert taken(watchlist, 5).base == after


def test_what_one_has_in_hand_no_other_takes_until_it_is_given_back_or_its_lease_ends(
    open_list: Open, clock: Clock
) -> None:
    mine, other = open_list(), open_list()
    added(mine)
    one = taken(mine, 4)
    assert other.take(4) is None
    mine.put_back(one, wait=60)
    assert other.take(4) is None
    clock.now += 61
    stale = taken(mine, 4)
    clock.now += LEASE + 1
    fresh = taken(other, 4)
    assert not mine.compared(stale, replace(stale.base, revision=4), answer="too late")
    assert other.compared(fresh, replace(fresh.base, revision=4), answer="in time")
    assert to_send(mine).answer == "in time"


def test_several_who_compare_at_once_find_everything_once(open_list: Open) -> None:
    watchlists = [open_list() for _ in range(4)]
    for n in range(40):
        added(watchlists[0], replace(WISH, question=f"What is {n}?"))
    compared: list[str] = []
    sent: list[str] = []

    def work(watchlist: Watchlist) -> None:
        while (one := watchlist.take(4)) is not None:
            compared.append(one.watch.id)
            assert watchlist.compared(one, replace(one.base, revision=4), answer=one.watch.id)
        while (finding := watchlist.to_send()) is not None:
            sent.append(finding.answer)
            watchlist.sent(finding)

    threads = [threading.Thread(target=work, args=(watchlist,)) for watchlist in watchlists]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    while (finding := watchlists[0].to_send()) is not None:  # what was locked when the others looked
        sent.append(finding.answer)
        watchlists[0].sent(finding)
    everything = sorted(watch.id for watch in watchlists[0].of(ANNA))
    assert sorted(compared) == everything
    assert sorted(sent) == everything


def test_what_was_found_outlives_a_crash_and_is_begun_to_be_sent_twice_at_most(open_list: Open, clock: Clock) -> None:
    watch = found(open_list())
    sends = []
    for _ in range(MOST_SENDS):
        finding = to_send(open_list())
        assert (finding.watch, finding.revision, finding.answer) == (watch, 4, "answer 4")
        sends.append(finding.sends)
        assert open_list().to_send() is None
        clock.now += LEASE + 1  # it died
    assert sends == [1, 2]
    assert open_list().to_send() is None
    clock.now += 10 * LEASE
    assert open_list().to_send() is None


def test_what_telegram_did_not_take_is_due_again_and_counts_for_nothing(open_list: Open, clock: Clock) -> None:
    watchlist = open_list()
    found(watchlist)
    for _ in range(2 * MOST_SENDS):
        finding = to_send(watchlist)
        assert finding.sends == 1
        watchlist.not_sent(finding, wait=30)
        assert watchlist.to_send() is None
        clock.now += 31
    watchlist.sent(to_send(watchlist))
    clock.now += LEASE + 1
    assert watchlist.to_send() is None


def test_of_one_process_alone_everything_is_free_again_when_it_comes_back(
    open_list: Open, request: pytest.FixtureRequest
) -> None:
    watchlist = open_list()
    found(watchlist)
    to_send(watchlist)
    taken(watchlist, 5)
    open_list().recover()
    alone = request.node.callspec.params["open_list"] == "sqlite"
    assert (watchlist.take(5) is not None) == alone  # others may be alive: only the end of a lease shows it
    assert (watchlist.to_send() is not None) == alone


def test_two_machines_whose_clocks_differ_agree_on_when_a_lease_ends(
    shared: Library, database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = time.time
    behind = lambda: here() - 10 * LEASE  # noqa: E731  the clock of the one machine; that of the other is right
    monkeypatch.setattr(time, "time", behind)
    monkeypatch.setitem(Watchlist.__init__.__kwdefaults__, "now", behind)  # made when the module was imported
    address = {"store__database": SecretStr(database), "store__url": "http://127.0.0.1:9"}
    ground = app._ground(shared, served_settings(tmp_path / "data", "http://127.0.0.1:9", **address), number=BOT)
    added(ground.stores.watchlist)
    assert ground.stores.watchlist.take(4) is not None
    other = Database(database)
    assert Watchlist(other, bot=BOT, now=here).take(4) is None
    other.close()
    ground.stores.inbox.dispose()
