"""The Bot API server for tests notes when a bot sends faster than Telegram allows, and refuses it where told to."""

from collections.abc import Iterator

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.barebot import Bot
from tests.botapi import BotApi, Limits
from tests.botapi.rates import Rates


class Clock:
    """Stands still until it is set."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def api(clock: Clock) -> Iterator[BotApi]:
    with BotApi(clock=clock) as api:
        yield api


@pytest.fixture(scope="module")
def http() -> Iterator[httpx.Client]:
    with httpx.Client(trust_env=False, timeout=5) as http:
        yield http


def test_two_messages_a_second_into_one_chat_are_noted(api: BotApi, clock: Clock, bot: Bot) -> None:
    api.person(7, "Anna")
    for moment in (100.0, 101.0, 101.95, 102.45):
        clock.now = moment
        bot.call("sendMessage", chat_id=7, text="x")
    assert api.pace == ["2 messages within 0.50 s into chat 7"]
    assert api.findings == []


def test_more_than_30_a_second_over_all_are_noted(api: BotApi, clock: Clock, bot: Bot) -> None:
    for number in range(33):
        api.person(100 + number, "Somebody")
        clock.now = 100 + number * 0.025
        bot.call("sendMessage", chat_id=100 + number, text="x")
    assert api.pace == [f"31 messages within {0.75:.2f} s over all"] * 3


def test_more_than_20_a_minute_into_a_group_are_noted(api: BotApi, clock: Clock, bot: Bot) -> None:
    group = api.group("Readers")
    for number in range(22):
        clock.now = 100 + number * 2.5
        bot.call("sendMessage", chat_id=group.id, text="x")
    assert api.pace == [f"21 messages within 50.00 s into group {group.id}"] * 2


def test_a_burst_is_allowed_where_the_pause_after_it_is_as_long(clock: Clock) -> None:
    with BotApi(clock=clock, limits=Limits(burst=3)) as api, httpx.Client(trust_env=False) as http:
        bot = Bot(api, http)
        api.person(7, "Anna")
        for moment in (100, 100, 100, 103, 104, 104.5):
            clock.now = moment
            bot.call("sendMessage", chat_id=7, text="x")
        assert api.pace == []
        bot.call("sendMessage", chat_id=7, text="x")
        assert api.pace == ["4 messages within 1.50 s into chat 7"]


def test_limits_are_enforced_when_told(api: BotApi, clock: Clock, bot: Bot) -> None:
    group = api.group("Readers")
    api.enforce_limits()
    for number in range(20):
        clock.now = 100 + number
        bot.call("sendMessage", chat_id=group.id, text="x")
    clock.now = 120.5
    assert bot.answer("sendMessage", chat_id=group.id, text="x") == {
        "ok": False,
        "error_code": 429,
        "description": "Too Many Requests: retry after 40",
        "parameters": {"retry_after": 40},
    }
    clock.now += 40
    bot.call("sendMessage", chat_id=group.id, text="x")
    assert len(group.chat) == 21
    assert [each.status for each in api.refusals] == [429]


@given(st.lists(st.floats(0, 5), min_size=1, max_size=80))
def test_what_waits_as_long_as_it_is_told_keeps_every_limit(gaps: list[float]) -> None:
    limits = Limits(overall=3, group=6, tolerance=0)
    rates, now = Rates(limits), 0.0
    sent: list[float] = []
    for gap in gaps:
        now += gap
        while excesses := rates.excesses(-1, now, is_group=True):
            now += max(wait for _, wait in excesses)
        rates.note(-1, now, is_group=True)
        sent.append(now)
    for count, seconds in ((1, 1), (3, 1), (6, 60)):
        assert all(later - earlier >= seconds - 1e-9 for earlier, later in zip(sent, sent[count:], strict=False))


def test_hasty_edits_are_found(api: BotApi, clock: Clock, bot: Bot) -> None:
    api.person(7, "Anna")
    bot.call("sendMessage", chat_id=7, text="0")
    for text, moment in [("1", 100.1), ("2", 101.1), ("3", 101.8), ("4", 102.8)]:
        clock.now = moment
        bot.call("editMessageText", chat_id=7, message_id=1, text=text)
    assert api.findings == ["message 1 in chat 7 was edited twice within 0.70 s"]
