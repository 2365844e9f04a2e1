"""The inbox: nothing is lost, nothing is taken twice at once, each chat keeps its order."""

import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from bot.store.inbox import ASIDE, FILE, LEASE, MOST_SENDS, POISON, SUSPECT, Inbox, Taken, lane
from index.errors import Damaged, FootnoteError
from index.truth.database import Database

BOT = 123_456_789


class Clock:
    """Seconds since 1970, as a test likes."""

    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


Open = Callable[..., Inbox]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=["sqlite", "postgresql"])
def open_inbox(tmp_path: Path, clock: Clock, request: pytest.FixtureRequest) -> Iterator[Open]:
    """Open the one inbox, as a process would, any number of times."""
    made: list[Inbox] = []
    where = tmp_path / FILE if request.param == "sqlite" else request.getfixturevalue("database")

    def opened(*, room: int = 1_000, bot: int = BOT) -> Inbox:
        made.append(Inbox(Database(where), bot=bot, room=room, now=clock))
        return made[-1]

    yield opened
    for inbox in made:
        inbox.dispose()


def update(number: int, chat: int = 1, *, date: int = 999_990) -> dict[str, Any]:
    person = {"id": chat, "is_bot": False, "first_name": "P"}
    message = {"message_id": number, "date": date, "chat": {"id": chat, "type": "private"}, "from": person, "text": "?"}
    return {"update_id": number, "message": message}


def dies(inbox: Inbox, clock: Clock) -> None:
    """Let the process that has something in hand die, and whoever comes next find it."""
    if not inbox.recover():  # where others may be alive, only the end of its lease shows it
        clock.now += LEASE + 1


def taken(inbox: Inbox, *, suspect: bool = False) -> Taken:
    one = inbox.take(suspect=suspect)
    assert one is not None
    return one


def test_an_update_is_stored_once_however_often_it_comes(open_inbox: Open) -> None:
    inbox = open_inbox()
    assert inbox.put([update(1), update(2), update(1)]) == 2
    assert open_inbox().put([update(2)]) == 0
    inbox.close(taken(inbox), "done")
    assert inbox.put([update(1)]) == 0  # also after it was answered
    assert inbox.waiting() == 1


def test_what_is_no_update_is_left_out_and_the_rest_is_stored(open_inbox: Open) -> None:
    inbox = open_inbox()
    odd: list[Any] = [
        None,
        5,
        "x",
        [],
        {},
        {"update_id": True},
        {"update_id": "7"},
        {"update_id": -1},
        {"update_id": 2**63},
    ]
    assert inbox.put([*odd, update(1), {"update_id": 2, "text": "\ud800\x00"}]) == 2
    assert taken(inbox).raw == update(1)
    assert taken(inbox).raw == {"update_id": 2, "text": "\ud800\x00"}


def test_each_chat_has_one_update_in_hand_and_the_oldest_goes_first(open_inbox: Open) -> None:
    inbox = open_inbox()
    inbox.put([update(3, 1), update(1, 1), update(2, 2)])
    first, second = taken(inbox), taken(inbox)
    assert (first.id, second.id) == (1, 2)
    assert inbox.take() is None
    inbox.close(first, "done")
    assert taken(inbox).id == 3


def test_what_is_put_back_keeps_its_place_and_its_chat_waits_for_it(open_inbox: Open, clock: Clock) -> None:
    inbox = open_inbox()
    inbox.put([update(1), update(2)])
    inbox.put_back(taken(inbox), wait=5.0, failed=True)
    assert inbox.take() is None
    clock.now += 5.0
    again = taken(inbox)
    assert (again.id, again.tries, again.waits, again.deaths) == (1, 1, 0, 0)
    inbox.put_back(again, wait=0.0, cut_off=True)
    assert (taken(inbox).waits, inbox.take()) == (1, None)


def test_another_process_takes_over_when_the_lease_has_ended_and_not_before(open_inbox: Open, clock: Clock) -> None:
    dead, other = open_inbox(), open_inbox()
    dead.put([update(1)])
    lost = taken(dead)
    clock.now += LEASE - 1
    assert other.take() is None
    dead.renew([lost.id])
    clock.now += LEASE - 1
    assert other.take() is None
    clock.now += 2
    again = taken(other)
    assert (again.id, again.deaths) == (1, 1)
    assert not dead.sending(lost)  # it was only asleep: what it holds is not its own any more
    dead.close(lost, "done")
    dead.put_back(lost, wait=0.0)
    assert other.sending(again)
    other.close(again, "done")
    assert other.waiting() == 0


def test_what_was_taken_without_its_taker_hearing_of_it_is_free_when_its_lease_has_ended(
    open_inbox: Open, clock: Clock
) -> None:
    inbox = open_inbox()
    inbox.put([update(1), update(2, 2)])
    taken(inbox)  # the connection broke before the answer was there
    known = taken(inbox)
    clock.now += LEASE - 1
    inbox.renew([known.id])
    clock.now += 2
    assert taken(inbox).id == 1
    assert inbox.take() is None


def test_a_reply_is_begun_twice_at_most_unless_it_surely_did_not_arrive(open_inbox: Open, clock: Clock) -> None:
    inbox = open_inbox()
    inbox.put([update(1)])
    for sends in range(MOST_SENDS):
        one = taken(inbox)
        assert one.sends == sends
        assert inbox.sending(one)
        inbox.unsent(one)
        assert inbox.sending(one)
        dies(inbox, clock)
    assert not inbox.sending(taken(inbox))


def test_what_ends_the_process_is_first_worked_on_alone_and_then_given_up(open_inbox: Open, clock: Clock) -> None:
    inbox = open_inbox()
    inbox.put([update(1, 1), update(2, 1), update(3, 2)])
    for deaths in range(SUSPECT):
        assert taken(inbox).deaths == deaths
        dies(inbox, clock)
    assert taken(inbox).id == 3
    assert inbox.suspects() == 1
    for _ in range(SUSPECT, POISON):
        assert taken(inbox, suspect=True).deaths >= SUSPECT
        dies(inbox, clock)
    assert inbox.take(suspect=True) is None
    (given_up,) = inbox.hopeless()
    inbox.close(given_up, ASIDE)
    assert inbox.suspects() == 0
    assert taken(inbox).id == 2


def test_what_comes_when_too_many_wait_is_marked_and_goes_first(open_inbox: Open) -> None:
    inbox = open_inbox(room=2)
    inbox.put([update(1, 1), update(2, 2), update(3, 1), update(4, 3)])
    got = [taken(inbox) for _ in range(4)]
    assert [(one.id, one.crowded) for one in got] == [(3, True), (4, True), (1, False), (2, False)]


def test_the_inbox_of_one_bot_knows_nothing_of_that_of_another(open_inbox: Open) -> None:
    one, other = open_inbox(), open_inbox(bot=BOT + 1)
    one.put([update(1)])
    assert other.take() is None
    assert other.put([update(1)]) == 1
    assert one.waiting() == 1


def test_words_are_forgotten_when_they_are_answered_and_all_of_it_after_a_while(open_inbox: Open, clock: Clock) -> None:
    inbox = open_inbox()
    inbox.put([update(1), update(2, 2), update(3, 3)])
    inbox.close(taken(inbox), "done")
    inbox.close(taken(inbox), ASIDE)
    with inbox._database.reading() as db:
        bodies = [row[0] for row in db.exec_driver_sql("SELECT body FROM updates WHERE NOT open ORDER BY id")]
    assert bodies[0] == ""
    assert "text" in bodies[1]  # somebody will want to know what it was
    clock.now += 100.0
    assert inbox.prune(keep=101.0) == 0
    assert inbox.prune(keep=99.0) == 2
    assert inbox.waiting() == 1


def test_when_it_was_asked_is_what_telegram_says_unless_that_is_nonsense(open_inbox: Open, clock: Clock) -> None:
    inbox = open_inbox()
    inbox.put([update(1, 1, date=999_000), update(2, 2, date=2_000_000), {"update_id": 3, "message": {"date": "x"}}])
    assert [taken(inbox).asked for _ in range(3)] == [999_000.0, clock.now, clock.now]


@pytest.mark.parametrize(
    "raw, expected",
    [
        (update(1, 55), 55),
        ({"update_id": 1, "callback_query": {"from": {"id": 5}, "message": {"chat": {"id": -100}}}}, -100),
        ({"update_id": 1, "shipping_query": {"from": {"id": 5}}}, 5),
        ({"update_id": 1, "inline_query": {"from": {"id": 5}}}, 2**53 + 5),
        ({"update_id": 1, "inline_query": {"from": {"id": 2**60}}}, 2**60 + 1),
        ({"update_id": 1, "poll": {"id": "5"}}, 2**60 + 1),
        ({"update_id": 7, "message": {"chat": {"id": "x"}, "from": {"id": 2**60}}}, 2**60 + 7),
        ({"update_id": 7}, 2**60 + 7),
    ],
)
def test_updates_wait_in_line_by_chat_by_sender_or_alone(raw: dict[str, Any], expected: int) -> None:
    assert lane(raw) == expected


def typed(number: int, person: int = 1) -> dict[str, Any]:
    return {"update_id": number, "inline_query": {"id": str(number), "from": {"id": person}, "query": "?"}}


def test_what_somebody_typed_is_superseded_by_what_they_type_next_unless_it_is_in_hand(open_inbox: Open) -> None:
    inbox = open_inbox()
    inbox.put([typed(1), typed(2, person=5), update(3)])
    first = taken(inbox)
    assert first.id == 1
    inbox.put([typed(4)])
    inbox.put([typed(5), typed(6), update(7)])
    assert inbox.waiting() == 5
    assert [taken(inbox).id for _ in range(2)] == [2, 3]
    assert inbox.take() is None
    inbox.close(first, "done")
    assert taken(inbox).id == 6
    inbox.put([typed(6)])
    assert inbox.take() is None


def test_what_somebody_types_waits_for_no_question_of_theirs(open_inbox: Open) -> None:
    inbox = open_inbox()
    inbox.put([update(1), typed(2), update(3)])
    assert [taken(inbox).id for _ in range(2)] == [1, 2]
    assert inbox.take() is None


def test_a_database_that_cannot_be_used_is_one_clear_sentence(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b"this is no database, but it is long enough to look like one" * 100)
    with pytest.raises(Damaged, match="cannot be read as"):
        Inbox(Database(tmp_path / FILE), bot=BOT, room=10)


def test_eight_threads_take_each_update_once_and_keep_every_order(open_inbox: Open) -> None:
    inbox = open_inbox()
    inbox.put([update(n, n % 5 + 1) for n in range(200)])
    seen: list[int] = []

    def work() -> None:
        while inbox.waiting():
            one = inbox.take()
            if one is not None:
                seen.append(one.id)
                inbox.close(one, "done")

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(seen) == list(range(200))
    for chat in range(5):
        assert [n for n in seen if n % 5 == chat] == list(range(chat, 200, 5))


class Life(RuleBasedStateMachine):
    """Processes come, take, send, crash and go, in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = Clock()
        self.place = tempfile.TemporaryDirectory()
        self.database = Database(Path(self.place.name) / FILE)
        self.inbox = Inbox(self.database, bot=BOT, room=10_000, now=self.clock)
        self.stored: dict[int, int] = {}
        self.closed: list[int] = []
        self.sends: dict[int, int] = {}
        self.hands: list[Taken] = []

    def teardown(self) -> None:
        """Everything that was stored can be brought to an end."""
        self.restarts()
        for _ in range(10 * len(self.stored) + 10):
            self.clock.now += 100.0
            for one in (self.inbox.take(), self.inbox.take(suspect=True), *self.inbox.hopeless()):
                if one is not None:
                    self.end(one)
        self.database.close()
        self.place.cleanup()
        assert sorted(self.closed) == sorted(self.stored)

    @rule(number=st.integers(0, 60), chat=st.integers(1, 4))
    def comes(self, number: int, chat: int) -> None:
        new = self.inbox.put([update(number, self.stored.get(number, chat))])
        assert new == (number not in self.stored)
        self.stored.setdefault(number, chat)

    @rule(suspect=st.booleans())
    def takes(self, suspect: bool) -> None:  # noqa: FBT001  hypothesis draws it
        one = self.inbox.take(suspect=suspect)
        if one is None:
            return
        assert one.lane not in {held.lane for held in self.hands}, "two of one chat at once"
        assert one.id not in self.closed
        before = [n for n, chat in self.stored.items() if chat == one.lane and n < one.id and n not in self.closed]
        assert not before, "an older one of the same chat is open"
        self.hands.append(one)

    @precondition(lambda self: self.hands)
    @rule(data=st.data())
    def sends_its_reply(self, data: st.DataObject) -> None:
        one = data.draw(st.sampled_from(self.hands))
        if self.inbox.sending(one):
            self.sends[one.id] = self.sends.get(one.id, 0) + 1

    @precondition(lambda self: self.hands)
    @rule(data=st.data(), wait=st.floats(0, 30), failed=st.booleans())
    def puts_back(self, data: st.DataObject, wait: float, failed: bool) -> None:  # noqa: FBT001  as above
        one = data.draw(st.sampled_from(self.hands))
        self.hands.remove(one)
        self.inbox.put_back(one, wait=wait, failed=failed, cut_off=not failed)

    @precondition(lambda self: self.hands)
    @rule(data=st.data())
    def is_done(self, data: st.DataObject) -> None:
        one = data.draw(st.sampled_from(self.hands))
        self.hands.remove(one)
        self.end(one)

    @rule()
    def restarts(self) -> None:
        assert self.inbox.recover() == len(self.hands)
        self.hands.clear()
        self.inbox = Inbox(self.database, bot=BOT, room=10_000, now=self.clock)

    @rule(seconds=st.floats(0, LEASE / 3))
    def passes(self, seconds: float) -> None:
        self.inbox.renew([one.id for one in self.hands])
        self.clock.now += seconds

    @invariant()
    def nothing_is_lost_or_sent_thrice(self) -> None:
        assert self.inbox.waiting() == len(self.stored) - len(self.closed)
        assert all(count <= MOST_SENDS for count in self.sends.values())

    def end(self, one: Taken) -> None:
        self.inbox.close(one, "done")
        self.closed.append(one.id)


TestLife = Life.TestCase
TestLife.settings = settings(max_examples=40, stateful_step_count=30, deadline=None, derandomize=True)


def test_how_long_something_waited_does_not_depend_on_whose_clock_is_wrong(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = time.time
    monkeypatch.setattr("bot.store.inbox.time.time", lambda: clock() + 3_600)
    inbox = Inbox(Database(database), bot=BOT, room=10)
    inbox.put([{"update_id": 1, "inline_query": {"from": {"id": 5}}}, update(2, date=int(clock()))])
    typed, said = taken(inbox), taken(inbox)
    assert [abs(time.time() - at) < 60 for at in (typed.received, typed.asked, said.received)] == [True] * 3
    assert said.asked == said.raw["message"]["date"]
    inbox.dispose()


def test_where_machines_share_an_inbox_its_clock_is_the_databases(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = Inbox(Database(database), bot=BOT, room=10)
    right.put([update(1)])
    held = taken(right)
    clock = time.time
    monkeypatch.setattr("bot.store.inbox.time.time", lambda: clock() + 3_600)
    wrong = Inbox(Database(database), bot=BOT, room=10)
    assert wrong.take() is None  # its own clock says that the lease ended long ago
    assert right.sending(held)
    for inbox in (right, wrong):
        inbox.dispose()


def test_what_one_person_floods_with_takes_no_room_and_no_turn(tmp_path: Path) -> None:
    asked: list[int] = []

    def allows(person: int) -> bool:
        asked.append(person)
        return asked.count(person) <= 2

    database = Database(tmp_path / FILE)
    inbox = Inbox(database, bot=BOT, room=4, allows=allows)

    def wrote(number: int, person: int) -> dict[str, object]:
        return {"update_id": number, "message": {"chat": {"id": person}, "text": "?"}}

    assert inbox.put([wrote(number, 7) for number in range(50)]) == 2
    assert inbox.put([wrote(100, 8), {"update_id": 101, "callback_query": {"from": {"id": 7}}}]) == 2
    assert inbox.waiting() == 4
    taken = [inbox.take(), inbox.take()]
    assert [(one.id, one.crowded) for one in taken if one] == [(0, False), (100, False)]
    database.close()


def test_an_update_that_cannot_be_stored_at_once_is_counted_once(tmp_path: Path) -> None:
    asked: list[int] = []
    database = Database(tmp_path / FILE)
    inbox = Inbox(database, bot=BOT, room=10, allows=lambda person: not asked.append(person))  # type: ignore[func-returns-value]
    update = {"update_id": 1, "message": {"chat": {"id": 7}, "text": "?"}}
    with database.writing() as db:
        db.exec_driver_sql("ALTER TABLE updates RENAME TO away")
    with pytest.raises(FootnoteError):
        inbox.put([update])
    with database.writing() as db:
        db.exec_driver_sql("ALTER TABLE away RENAME TO updates")
    assert inbox.put([update]) == 1
    assert asked == [7]
    database.close()
