"""Outgoing limits: kept over all, in each chat and in each group; nothing final starves."""

import asyncio
from collections import Counter
from typing import Any

import pytest
from telegram.error import RetryAfter, TimedOut

from bot.sending.pace import Limits, Pace

GROUP = -100_500


class Clock:
    """Time that passes only while somebody sleeps, and then at once."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.now = 1_000.0
        self._waiting: list[tuple[float, int, asyncio.Future[None]]] = []
        self._count = 0
        patch.setattr("bot.sending.pace.asyncio.sleep", self.sleep)

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        future = asyncio.get_running_loop().create_future()
        self._count += 1
        self._waiting.append((self.now + seconds, self._count, future))
        await future

    async def run(self, *work: Any) -> None:
        tasks = [asyncio.ensure_future(one) for one in work]
        while not all(task.done() for task in tasks):
            for _ in range(20):
                await _breath()
            if self._waiting and not all(task.done() for task in tasks):
                self._waiting.sort()
                self.now, _, future = self._waiting.pop(0)
                future.set_result(None)
        for task in tasks:
            task.result()


async def _breath() -> None:
    future = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().call_soon(future.set_result, None)
    await future


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


class Calls:
    """Calls that went out, with their times."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.made: list[tuple[float, str, int | None]] = []
        self.errors: list[Exception] = []
        self.way = 0.0  # seconds until a call arrives

    def call(self, pace: Pace, endpoint: str, chat: int | None) -> Any:
        async def callback() -> str:
            if self.way:
                await asyncio.sleep(self.way)
            self.made.append((self.clock.now, endpoint, chat))
            if self.errors:
                raise self.errors.pop(0)
            return "sent"

        return pace.process_request(callback, (), {}, endpoint, {"chat_id": chat} if chat else {}, None)

    def times(self, chat: int | None = None) -> list[float]:
        return [at for at, _, where in self.made if chat is None or where == chat]


def most_within(times: list[float], seconds: float) -> int:
    return max(sum(start <= at < start + seconds - 1e-6 for at in times) for start in times)


def test_thirty_a_second_over_all_and_one_a_second_into_a_chat_in_the_order_of_asking(clock: Clock) -> None:
    pace, calls = Pace(now=clock), Calls(clock)
    asyncio.run(clock.run(*[calls.call(pace, "sendMessage", 1 + n % 100) for n in range(300)]))
    assert most_within(calls.times(), 1.0) <= 30
    for chat in range(1, 101):
        assert most_within(calls.times(chat), 1.0) == 1
    assert calls.times()[-1] - calls.times()[0] < 300 / 30 + 2  # and no slower than it has to be
    first = [where for _, _, where in calls.made[:100]]
    assert first == list(range(1, 101))


def test_twenty_a_minute_into_a_group_and_others_do_not_wait_for_it(clock: Clock) -> None:
    pace, calls = Pace(now=clock), Calls(clock)
    work = [calls.call(pace, "sendMessage", GROUP) for _ in range(45)]
    asyncio.run(clock.run(*work, calls.call(pace, "sendMessage", 5)))
    assert most_within(calls.times(GROUP), 60.0) == 20
    assert most_within(calls.times(GROUP), 1.0) == 1
    assert calls.times(5)[0] - 1_000.0 < 0.1
    assert Counter(where for _, _, where in calls.made) == {GROUP: 45, 5: 1}


@pytest.mark.parametrize("way", [0.3, 4.0])
def test_what_is_long_on_its_way_arrives_a_second_before_the_next_one(clock: Clock, way: float) -> None:
    pace, calls = Pace(now=clock), Calls(clock)

    async def talk() -> None:
        for calls.way in (way, 0.0, 0.0):
            await calls.call(pace, "editMessageText", 1)

    asyncio.run(clock.run(talk()))
    assert calls.times() == pytest.approx([1_000.0 + way, 1_001.0 + way, 1_002.0 + way])


def test_typing_and_answers_to_buttons_are_not_counted(clock: Clock) -> None:
    pace, calls = Pace(now=clock), Calls(clock)
    work = [calls.call(pace, name, GROUP) for _ in range(50) for name in ("sendChatAction", "answerCallbackQuery")]
    asyncio.run(clock.run(*work, calls.call(pace, "sendMessage", GROUP)))
    assert set(calls.times()) == {1_000.0}


def test_what_nobody_would_miss_has_no_room_while_others_wait(clock: Clock) -> None:
    pace, calls = Pace(now=clock), Calls(clock)
    assert pace.room(1)
    asyncio.run(clock.run(calls.call(pace, "sendMessage", 1)))
    assert not pace.room(1)
    clock.now += 1.0
    assert pace.room(1)

    async def crowd() -> None:
        others = [asyncio.ensure_future(calls.call(pace, "sendMessage", 10 + n)) for n in range(60)]
        for _ in range(5):
            await _breath()
        assert not pace.room(2)
        await asyncio.gather(*others)

    asyncio.run(clock.run(crowd()))


def test_after_a_short_retry_after_it_is_sent_again_then_and_the_chat_rests(clock: Clock) -> None:
    pace, calls = Pace(now=clock), Calls(clock)
    calls.errors = [RetryAfter(3)]
    asyncio.run(clock.run(calls.call(pace, "sendMessage", 1), calls.call(pace, "sendMessage", 2)))
    assert calls.times(1) == [1_000.0, 1_003.0]
    assert calls.times(2)[0] < 1_001.0


@pytest.mark.parametrize("errors", [[RetryAfter(60)], [RetryAfter(1), RetryAfter(1)]], ids=["long", "twice"])
def test_a_long_retry_after_or_a_second_one_is_for_the_caller(clock: Clock, errors: list[Exception]) -> None:
    pace, calls = Pace(now=clock), Calls(clock)
    calls.errors = errors
    with pytest.raises(RetryAfter):
        asyncio.run(clock.run(calls.call(pace, "sendMessage", 1)))
    assert not pace.room(1)


@pytest.mark.parametrize("endpoint", ["sendChatAction", "setMyCommands"])
def test_no_message_waits_because_a_call_that_is_none_was_refused(clock: Clock, endpoint: str) -> None:
    pace, calls = Pace(now=clock), Calls(clock)
    calls.errors = [RetryAfter(3_000)]
    with pytest.raises(RetryAfter):
        asyncio.run(clock.run(calls.call(pace, endpoint, 1)))
    asyncio.run(clock.run(calls.call(pace, "sendMessage", 1), calls.call(pace, "sendMessage", 2)))
    assert calls.times()[-1] < 1_001.0


def test_a_call_that_drips_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    del monkeypatch

    async def dripping() -> None:
        await asyncio.Event().wait()

    pace = Pace(Limits(call=0.05))
    with pytest.raises(TimedOut):
        asyncio.run(pace.process_request(dripping, (), {}, "getMe", {}, None))


def test_it_remembers_a_bounded_number_of_chats(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.sending.pace.REMEMBERED", 10)
    pace, calls = Pace(Limits(a_second=1e9), now=clock), Calls(clock)
    asyncio.run(clock.run(*[calls.call(pace, "sendMessage", n + 1) for n in range(50)]))
    assert len(pace._chats) == 10


@pytest.mark.parametrize("method", ["sendMessage", "sendPhoto", "sendDocument"])
def test_every_kind_of_message_waits_for_its_turn(clock: Clock, method: str) -> None:
    pace, calls = Pace(now=clock), Calls(clock)
    asyncio.run(clock.run(calls.call(pace, "sendMessage", 1), calls.call(pace, method, 1)))
    assert calls.times() == pytest.approx([1_000.0, 1_001.0])
