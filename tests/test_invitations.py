"""Invitations as people meet them: an admin makes a link, whoever opens it is let in, and nobody else is."""

import logging
import re
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot import words
from bot.desk.invitations import LONGEST_LABEL, MOST_DAYS, MOST_TIMES, Wish, wished
from bot.door import TRIES
from index.library import Library
from tests.botapi import BotApi, Person
from tests.conftest import ADMIN, GUEST, STRANGER, WHEN, Serve, answered, until

LINK = re.compile(r"https://t\.me/footnote_test_bot\?start=(i_[A-Za-z0-9_-]{22,62})(?=\s)")


@pytest.fixture
def boss(api: BotApi) -> Person:
    return api.person(ADMIN, "Boss")


@pytest.fixture
def eve(api: BotApi) -> Person:
    return api.person(STRANGER, "Eve")


def payload(boss: Person, command: str = "/invite") -> str:
    """Let an admin make an invitation; return what its link opens the chat with."""
    found = LINK.match(answered(boss, command).text)
    assert found is not None
    return found[1]


def told(person: Person) -> list[str]:
    return [message.text for message in person.chat if message.from_bot]


@pytest.mark.parametrize(
    "text, wish",
    [
        ("/invite", Wish()),
        ("/invite 5", Wish(5)),
        ("/invite@footnote_test_bot 5 30", Wish(5, 30)),
        ("/invite * 30 Readers of the\n museum", Wish(None, 30, "Readers of the museum")),
        ("/invite 5 Class 7b", Wish(5, 7, "Class 7b")),
        ("/invite Anna", Wish(label="Anna")),
        (f"/invite {MOST_TIMES} {MOST_DAYS} {'x' * LONGEST_LABEL}", Wish(MOST_TIMES, MOST_DAYS, "x" * LONGEST_LABEL)),
        (f"/invite {MOST_TIMES + 1}", None),
        (f"/invite 1 {MOST_DAYS + 1}", None),
        (f"/invite {'x' * (LONGEST_LABEL + 1)}", None),
        ("/invite 0", None),
        ("/invite 1 0", None),
        ("/invite -1", Wish(label="-1")),
        ("/invite 1 *", None),
        ("/invite 1 2 3", None),
    ],
)
def test_what_an_admin_asks_for_is_read_or_refused(text: str, wish: Wish | None) -> None:
    assert wished(text) == wish


@given(st.text())
def test_whatever_is_asked_for_is_within_the_bounds(text: str) -> None:
    wish = wished(f"/invite {text}")
    assert wish is None or (
        1 <= (wish.times or 1) <= MOST_TIMES and 1 <= wish.days <= MOST_DAYS and len(wish.label) <= LONGEST_LABEL
    )


def test_whoever_opens_an_invitation_is_let_in_and_the_next_one_is_not(
    api: BotApi, serve: Serve, shared: Library, boss: Person, eve: Person
) -> None:
    late = api.person(10, "Mallory")
    with serve(shared, telegram__allowed=[GUEST]):
        assert answered(eve, WHEN).text == words.NOT_ALLOWED
        start = payload(boss)
        welcome = answered(eve, f"/start {start}").text
        assert welcome.startswith(words.WELCOME)
        assert "Ask me anything" in welcome
        assert "1987" in answered(eve, WHEN).text
        assert answered(eve, f"/start {start}").text == words.IN_ALREADY
        assert "has been used already" in answered(late, f"/start {start}").text
    assert told(late) == ["This invitation has been used already. Please ask whoever sent it to you for another one."]


def test_whoever_was_let_in_is_welcomed_though_the_first_try_to_say_so_failed(
    api: BotApi, serve: Serve, shared: Library, boss: Person, eve: Person, expected: list[str]
) -> None:
    expected.append("Bad Gateway")
    with serve(shared, telegram__allowed=[GUEST]) as bot:
        start = payload(boss)
        api.fail_next("sendMessage", status=502)
        eve.says(f"/start {start}")
        until(lambda: api.waiting == 0 and bot._parts.inbox.waiting() == 0)
    (welcome,) = told(eve)
    assert welcome.startswith(words.WELCOME)


def test_who_was_let_in_stays_so_after_a_restart(serve: Serve, shared: Library, boss: Person, eve: Person) -> None:
    with serve(shared, telegram__allowed=[GUEST]):
        start = payload(boss)
        answered(eve, f"/start {start}")
    with serve(shared, telegram__allowed=[GUEST]):
        assert "1987" in answered(eve, WHEN).text


def test_an_admin_reads_how_often_and_how_long_an_invitation_holds(serve: Serve, shared: Library, boss: Person) -> None:
    with serve(shared, telegram__allowed=[GUEST]):
        once = answered(boss, "/invite").text
        many = answered(boss, "/invite 5 30 Readers").text
        all_ = answered(boss, "/invite * 1").text
        assert "It lets in 1 person, until" in once
        assert "It lets in 5 people, until" in many
        assert "\nReaders\n" in many
        assert str(datetime.now().astimezone().year) in once or str(datetime.now().astimezone().year + 1) in once
        assert "lets in whoever opens it" in all_
        assert "At most 1000 people and 365 days" in answered(boss, "/invite 0").text
    assert len({LINK.match(text) for text in (once, many, all_)} - {None}) == 3


def test_an_open_bot_needs_no_invitation_and_says_how_to_make_it_private(
    serve: Serve, shared: Library, boss: Person, eve: Person
) -> None:
    with serve(shared):
        assert answered(boss, "/invite").text == words.INVITE_OPEN
        assert answered(eve, f"/start i_{'a' * 32}").text == words.IN_ALREADY


def test_a_stranger_gets_through_the_door_with_an_invitation_and_with_nothing_else(
    api: BotApi, serve: Serve, shared: Library, boss: Person
) -> None:
    wrong = ["/start", "/start i_", "/start x_{0}", "/start {0}", "/start@other_bot i_{0}", "/help i_{0}", "i_{0}"]
    with serve(shared, telegram__allowed=[GUEST]):
        token = payload(boss).removeprefix("i_")
        for number, text in enumerate(wrong, start=100):
            assert answered(api.person(number, "Eve"), text.format(token)).text == words.NOT_ALLOWED
        unknown = answered(api.person(200, "Eve"), f"/start i_{token[::-1]}").text
        assert unknown.startswith("I do not know this invitation")
        assert answered(api.person(201, "Eve"), f"/start i_{token}").text.startswith(words.WELCOME)


def test_somebody_who_tries_one_invitation_after_the_other_is_stopped(
    api: BotApi, serve: Serve, shared: Library, boss: Person, eve: Person
) -> None:
    with serve(shared, telegram__allowed=[GUEST]) as bot:
        start = payload(boss)
        for n in range(TRIES):
            assert "do not know" in answered(eve, f"/start i_{n:032}").text
        assert answered(eve, f"/start {start}").text == words.TOO_MANY_TRIES
        for n in range(5):
            eve.says(f"/start i_{n:032}")
        until(lambda: api.waiting == 0 and bot._parts.inbox.waiting() == 0)
        assert told(eve)[-1] == words.TOO_MANY_TRIES
        assert len(told(eve)) == TRIES + 1
        assert answered(api.person(10, "Anna"), f"/start {start}").text.startswith(words.WELCOME)


def test_whoever_is_blocked_stays_so_and_does_not_use_an_invitation_up(
    api: BotApi, serve: Serve, shared: Library, boss: Person, eve: Person
) -> None:
    with serve(shared, telegram__allowed=[GUEST]):
        start = payload(boss)
        assert answered(boss, f"/block {STRANGER}").text == f"{STRANGER} is blocked."
        assert answered(eve, f"/start {start}").text == words.NOT_ALLOWED
        assert answered(api.person(10, "Anna"), f"/start {start}").text.startswith(words.WELCOME)


def test_no_invitation_is_ever_logged(
    serve: Serve, shared: Library, boss: Person, eve: Person, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, logger="bot")
    with serve(shared, telegram__allowed=[GUEST]):
        start = payload(boss)
        answered(eve, f"/start {start}")
    ours = [record.getMessage() for record in caplog.records if record.name.startswith(("bot", "index"))]
    assert ours
    assert not [line for line in ours if start in line]


def test_all_of_it_is_said_in_the_language_of_whoever_reads_it(api: BotApi, serve: Serve, shared: Library) -> None:
    boss = api.person(ADMIN, "Шеф", language_code="ru")
    anna, eve = api.person(10, "Анна", language_code="ru"), api.person(STRANGER, "Eve")
    with serve(shared, telegram__allowed=[GUEST]):
        made = answered(boss, "/invite 2 7 Друзья").text
        start = re.search(r"i_[\w-]+", made)
        assert start is not None
        assert "По нему могут войти 2 человека, до " in made
        assert answered(anna, f"/start {start[0]}").text.startswith("Добро пожаловать!")
        assert answered(eve, f"/start {start[0]}").text.startswith(words.WELCOME)
        assert "допущено: 2, заблокировано: 0" in answered(boss, "/people").text
        assert answered(boss, "/block 10").text == "Теперь в блокировке: \u2068Анна\u2069 (10)."
        assert "уже использовано" in answered(api.person(11, "Пётр", language_code="ru"), f"/start {start[0]}").text
