"""The list of people as an admin meets it, and what blocking means to whoever is blocked."""

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot import words
from bot.desk.roll import PAGE
from bot.sending.pace import Limits
from bot.store.inbox import FILE
from bot.store.people import FRESH, People
from index.library import Library
from index.truth.database import Database
from tests.botapi import BotApi, Message, Person
from tests.conftest import ADMIN, GUEST, STRANGER, TOKEN, WHEN, Serve, answered, until
from tests.test_invitations import payload, told

PACED = Limits(1_000.0, 1.0, 1_000, call=3.0)
"""People tap no faster than Telegram lets a message be edited."""


@pytest.fixture
def boss(api: BotApi) -> Person:
    return api.person(ADMIN, "Boss")


@pytest.fixture
def eve(api: BotApi) -> Person:
    return api.person(STRANGER, "Eve")


@contextlib.contextmanager
def listed(where: Path | str) -> Iterator[People]:
    """Open the list of the bot whose data a test keeps in `where`, or on a server, as another bot would."""
    if isinstance(where, Path):
        (where / "data").mkdir(exist_ok=True)
    database = Database(where / "data" / FILE if isinstance(where, Path) else where)
    yield People(database, bot=int(TOKEN.partition(":")[0]))
    database.close()


def taps(person: Person, message: Message, label: str) -> str:
    """Press a button and return what that was answered, once the message has changed."""
    before = now(person, message).edits
    press = person.presses(message, label)
    said = press.answer().text
    until(lambda: now(person, message).edits > before)
    return said


def now(person: Person, message: Message) -> Message:
    return next(each for each in person.chat if each.id == message.id)


def test_an_admin_blocks_and_unblocks_somebody_by_buttons_that_ask_first(
    serve: Serve, shared: Library, boss: Person, eve: Person
) -> None:
    with serve(shared, limits=PACED, telegram__allowed=[GUEST]):
        answered(eve, f"/start {payload(boss, '/invite 2 7 Readers')}")
        shown = answered(boss, "/people")
        assert "1 open invitation, 1 let in, 0 blocked" in shown.text
        assert "“Readers”. It lets in 1 person, until" in shown.text
        assert f"2. \u2068Eve\u2069 ({STRANGER}), let in on" in shown.text
        assert list(shown.labels) == ["Take back 1", "Block 2"]
        taps(boss, shown, "Block 2")
        assert list(now(boss, shown).labels) == ["Block", "Keep"]
        assert "Block \u2068Eve\u2069 (9)?" in now(boss, shown).text
        taps(boss, shown, "Keep")
        assert "1987" in answered(eve, WHEN).text
        taps(boss, shown, "Block 2")
        assert taps(boss, shown, "Block") == "\u2068Eve\u2069 (9) is blocked."
        assert "0 let in, 1 blocked" in now(boss, shown).text
        assert answered(eve, WHEN).text == words.NOT_ALLOWED
        taps(boss, shown, "Unblock 2")
        assert taps(boss, shown, "Unblock") == "\u2068Eve\u2069 (9) may ask again."
        assert "1987" in answered(eve, WHEN).text


def test_an_invitation_that_was_taken_back_lets_in_nobody_and_whoever_came_by_it_stays(
    api: BotApi, serve: Serve, shared: Library, boss: Person, eve: Person
) -> None:
    late = api.person(10, "Mallory")
    with serve(shared, limits=PACED, telegram__allowed=[GUEST]):
        start = payload(boss, "/invite *")
        answered(eve, f"/start {start}")
        shown = answered(boss, "/people")
        taps(boss, shown, "Take back 1")
        assert "Whoever opened it may still ask" in now(boss, shown).text
        assert taps(boss, shown, "Take back") == words.REVOKED
        assert "was taken back" in answered(late, f"/start {start}").text
        assert "1987" in answered(eve, WHEN).text


def test_a_blocked_person_gets_no_answer_to_what_waits_already(
    api: BotApi, serve: Serve, shared: Library, eve: Person, tmp_path: Path
) -> None:
    for _ in range(3):
        eve.says(WHEN)
    with listed(tmp_path) as people:
        people.block(STRANGER, by=ADMIN)
    with serve(shared) as bot:
        until(lambda: api.waiting == 0 and bot._parts.inbox.waiting() == 0)
    assert told(eve) == [words.NOT_ALLOWED]


def test_what_another_bot_decides_holds_here(
    api: BotApi, serve: Serve, shared: Library, eve: Person, database: str
) -> None:
    with serve(shared, telegram__allowed=[GUEST], store__database=database) as bot:
        assert answered(eve, WHEN).text == words.NOT_ALLOWED
        with listed(database) as others:
            token, _ = others.invite(by=ADMIN, times=1, seconds=60)
            others.open(token, person=STRANGER, name="Eve", language="")
            assert "1987" in answered(eve, WHEN).text, "whoever was let in a moment ago"
            others.block(STRANGER, by=ADMIN)
        time.sleep(FRESH)
        eve.says(WHEN)
        until(lambda: api.waiting == 0 and bot._parts.inbox.waiting() == 0)
    assert len(told(eve)) == 2, "and the line that turns somebody away is not said twice in half a minute"


def test_block_and_unblock_take_any_id_but_those_of_admins(serve: Serve, shared: Library, boss: Person) -> None:
    with serve(shared, telegram__allowed=[GUEST], telegram__blocked=[55]):
        assert answered(boss, "/people").text == words.NOBODY_YET
        said = {
            command: answered(boss, command).text
            for command in (
                "/block",
                "/block eve",
                "/block 0",
                "/block 7 8",
                f"/block {ADMIN}",
                "/block 4711",
                "/block  4711 ",
                "/unblock 4711",
                "/unblock 4712",
                "/unblock 55",
                "/unblock",
                f"/block {GUEST}",
                f"/unblock {GUEST}",
                "/block 55",
                "/unblock  55",
            )
        }
    assert list(said.values()) == [
        *[words.BLOCK_HOW] * 4,
        words.ADMIN_NOT_BLOCKED,
        "4711 is blocked.",
        "4711 is blocked already.",
        "4711 is not blocked any more, but was not let in either: /invite makes a link.",
        "4712 is not blocked.",
        "55 is blocked in the settings: take the id out of [telegram] blocked and start the bot anew.",
        words.UNBLOCK_HOW,
        f"{GUEST} is blocked.",
        f"{GUEST} may ask again.",
        "55 is blocked.",
        "55 is blocked in the settings: take the id out of [telegram] blocked and start the bot anew.",
    ]


def test_buttons_that_are_stale_or_made_up_change_nothing(
    serve: Serve, shared: Library, boss: Person, eve: Person, expected: list[str]
) -> None:
    expected.append("message is not modified")
    with serve(shared, limits=PACED, telegram__allowed=[GUEST]):
        answered(eve, f"/start {payload(boss)}")
        shown = answered(boss, "/people")
        old = answered(eve, "/start")
        forged = [f"people:do:b:{ADMIN}:0", "people:do:b:0:0", "people:do:r:00:0", f"people:do:r:{'0' * 16}:0"]
        answers = [boss.presses_data(shown, data).answer().text for data in forged]
        assert answers == [words.ADMIN_NOT_BLOCKED, "", "", words.INVITATION_NOT_OPEN]
        for data in (f"people:do:b:{GUEST}:0", "people:0", f"people:ask:b:{GUEST}:0"):
            assert eve.presses_data(old, data).answer().text == words.ADMINS_ONLY
        assert boss.presses_data(shown, f"people:ask:r:{'0' * 16}:0").answer().text == words.INVITATION_NOT_OPEN
        assert boss.presses_data(shown, "people:99999").answer().text == ""
        assert "0 blocked" in answered(boss, "/people").text


def test_a_long_list_has_pages(serve: Serve, shared: Library, boss: Person, tmp_path: Path) -> None:
    with listed(tmp_path) as people:
        for person in range(1_001, 1_001 + PAGE + 2):
            people.block(person, by=ADMIN)
    with serve(shared, limits=PACED, telegram__allowed=[GUEST]):
        shown = answered(boss, "/people")
        assert list(shown.labels[-2:]) == [f"Unblock {PAGE}", "›"]
        taps(boss, shown, "›")
        assert list(now(boss, shown).labels) == [f"Unblock {PAGE + 1}", f"Unblock {PAGE + 2}", "‹"]
        assert now(boss, shown).text.splitlines()[-1].startswith(f"{PAGE + 2}. 1001, blocked on")
        for number in (PAGE + 2, PAGE + 1):
            taps(boss, shown, f"Unblock {number}")
            taps(boss, shown, "Unblock")
        assert now(boss, shown).labels[-1] == f"Unblock {PAGE}"
