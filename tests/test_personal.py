"""What is kept of a person: said, counted, and removed when they agree; that of others stays."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bot import words
from bot.store.inbox import ASIDE, FILE, Inbox
from bot.store.journal import Journal
from config import Conversation, Delivery
from index.library import Library
from index.truth.database import Database
from tests.botapi import BotApi
from tests.conftest import GUEST, STRANGER, TOKEN, WHEN, Serve, answered, until
from tests.golden import Golden
from tests.test_answers import PACED, Talk

BOT = int(TOKEN.partition(":")[0])


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[Database]:
    """The database of the bot that a test runs."""
    (tmp_path / "data").mkdir(exist_ok=True)
    database = Database(tmp_path / "data" / FILE)
    yield database
    database.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def inbox(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Inbox]:
    """An inbox on either database."""
    where = tmp_path / FILE if request.param == "sqlite" else request.getfixturevalue("database")
    made = Inbox(Database(where), bot=BOT, room=100)
    yield made
    made.dispose()


def update(number: int, *, person: int, chat: int) -> dict[str, Any]:
    sender = {"id": person, "is_bot": False, "first_name": "P"}
    message = {"message_id": number, "date": 1, "chat": {"id": chat}, "from": sender, "text": f"secret {person}"}
    return {"update_id": number, "message": message}


def stored(database: Database, person: int) -> str:
    """Return all rows of all tables in which the number of a person stands, or words of theirs."""
    found = []
    with database.reading() as db:
        tables = db.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'table'").scalars().all()
        for table in tables:
            rows = db.exec_driver_sql(f"SELECT * FROM {table}").all()  # noqa: S608  names of our own tables
            found += [f"{table}: {row}" for row in rows if person in row or f"secret {person}" in str(row)]
    return "\n".join(found)


def test_what_is_kept_is_shown_then_removed_and_old_answers_say_so(
    api: BotApi, serve: Serve, shared: Library, golden: Golden, kept: Database
) -> None:
    talk, eve = Talk(api.person(GUEST, "Anna")), api.person(STRANGER, "Eve")
    with serve(shared, limits=PACED):
        eves = answered(eve, WHEN)
        eve.presses(eves, "👍").answer()
        talk.transcript.says("Anna", "…")
        first = answered(talk.person, WHEN)
        second = answered(talk.person, "When does the bakery Morgenrot move?")
        talk.presses(first, "👍")
        talk.asks("/new")
        asked = talk.asks("/forget")
        assert "2 questions with their answers" in asked.text
        assert "1 opinion of an answer" in asked.text
        talk.presses(asked, words.FORGET_BUTTON)
        for label in ("1", "Why", "👎"):
            press = talk.person.presses(second, label).answer()
            talk.transcript.presses("Anna", label, press)
            assert (press.text, press.show_alert) == (words.ANSWER_FORGOTTEN, True)
        assert talk.asks("/forget").text == words.NOTHING_KEPT
        assert "1987" in answered(talk.person, WHEN).text
        talk.person.presses(answered(talk.person, "/forget"), words.FORGET_BUTTON).answer()
        until(lambda: any("is removed" in m.text for m in talk.person.chat[-1:]))
        eve.presses(eves, "1").answer()
        until(lambda: words.BACK_BUTTON in next(m for m in eve.chat if m.id == eves.id).labels)
    golden(talk.transcript, "forget")
    journal = Journal(kept, bot=BOT)
    assert [past.up for past in journal.past(since=0)] == [1]
    assert journal.count(GUEST) == {"questions": 0, "votes": 0}
    left = [line for line in stored(kept, GUEST).splitlines() if not line.startswith("updates")]
    assert left == []


def test_nothing_is_removed_without_consent_to_just_that(
    api: BotApi, serve: Serve, shared: Library, kept: Database, expected: list[str]
) -> None:
    expected.append("message is not modified")
    anna, eve = api.person(GUEST, "Anna"), api.person(STRANGER, "Eve")
    with serve(shared, limits=PACED):
        answered(anna, WHEN)
        asked = answered(anna, "/forget")
        agree = next(button.data or "" for row in asked.buttons for button in row)
        answered(eve, WHEN)
        eves = answered(eve, "/forget")
        assert eve.presses_data(eves, f"{agree[:-1]}{'0' if agree[-1] != '0' else '1'}").answer().text == (
            words.MORE_BY_NOW
        )
        answered(anna, "When does the bakery Morgenrot move?")
        assert anna.presses_data(asked, agree, gone=True).answer().text == words.TOO_OLD
        assert anna.presses(asked, words.FORGET_BUTTON).answer().text == words.MORE_BY_NOW
        again = anna.waits(lambda m: m.id == asked.id and "2 questions" in m.text)
        assert anna.presses(again, words.KEEP_BUTTON).answer().text == ""
        anna.waits(lambda m: m.id == asked.id and m.text == words.KEPT_AS_IT_IS)
        for odd in ("forget:yes:", "forget:yes:XYZ", "forget:yes:0000000", "forget:no:"):
            assert anna.presses_data(asked, odd).answer().text == ""
        assert anna.presses_data(asked, "forget:no", gone=True).answer().text == words.TOO_OLD
    journal = Journal(kept, bot=BOT)
    assert journal.count(GUEST)["questions"] == 2
    assert journal.count(STRANGER)["questions"] == 1


def test_who_agrees_twice_still_reads_what_was_removed(api: BotApi, serve: Serve, shared: Library) -> None:
    anna = api.person(GUEST, "Anna")
    with serve(shared):
        answered(anna, WHEN)
        asked = answered(anna, "/forget")
        agree = next(button.data or "" for row in asked.buttons for button in row)
        once, twice = anna.presses_data(asked, agree), anna.presses_data(asked, agree)
        assert (once.answer(20).text, twice.answer(20).text) == ("", words.NOTHING_KEPT)
        anna.waits(lambda m: m.id == asked.id and m.text.startswith("This is removed"))


def test_words_that_were_set_aside_are_removed_wherever_they_were_said(inbox: Inbox) -> None:
    group = -1_001
    sent = [(1, 5, 5), (2, 5, group), (3, 6, group), (4, 6, 6), (5, 5, 5), (6, 5, 5)]
    inbox.put([update(number, person=person, chat=chat) for number, person, chat in sent])
    while (taken := inbox.take()) is not None and taken.id != 6:
        inbox.close(taken, "done" if taken.id == 5 else ASIDE)
    assert taken is not None
    inbox.put_back(taken, wait=0)
    assert (inbox.count(5), inbox.count(6), inbox.count(7)) == (2, 2, 0)
    assert inbox.forget(5) == 2
    assert (inbox.count(5), inbox.count(6)) == (0, 2)
    assert inbox.forget(5) == 0
    assert inbox.put([update(1, person=5, chat=5), update(5, person=5, chat=5)]) == 0
    waiting = inbox.take()
    assert waiting is not None
    assert (waiting.id, waiting.lane, waiting.raw["message"]["text"]) == (6, 5, "secret 5")


def test_nothing_of_what_somebody_typed_says_any_more_whose_it_was(inbox: Inbox) -> None:
    typed = {"id": "1", "from": {"id": 5, "is_bot": False, "first_name": "P"}, "query": "secret 5", "offset": ""}
    inbox.put([{"update_id": 1, "inline_query": typed}, {"update_id": 2, "inline_query": typed}])
    taken = inbox.take()
    assert taken is not None
    inbox.close(taken, "done")
    inbox.forget(5)
    with inbox._database.reading() as db:
        lanes = set(db.exec_driver_sql("SELECT lane FROM updates").scalars())
    assert taken.lane not in lanes
    assert len(lanes) == 2


def test_privacy_says_what_is_kept_and_for_how_long_by_the_settings(
    api: BotApi, serve: Serve, shared: Library, golden: Golden
) -> None:
    talk = Talk(api.person(GUEST, "Anna"))
    assert (Conversation().keep_days, Delivery().keep) == (365, 7 * 86_400)
    with serve(shared):
        text = talk.asks("/privacy").text
    assert "for 365 days" in text
    assert "for 7 days" in text
    golden(talk.transcript, "privacy")
    with serve(shared, conversation__keep_days=1, delivery__keep=100_000):
        text = answered(talk.person, "/privacy").text
    assert "for 1 day." in text
    assert "for 2 days after" in text


@pytest.mark.parametrize(
    "code, told",
    [
        ("en", ("questions you watch", "invitation", "👍 or 👎")),
        ("ru", ("Вопросы, за которыми вы следите", "по приглашению", "👍 или 👎")),
    ],
)
def test_privacy_names_all_that_is_kept_and_all_that_admins_read(code: str, told: tuple[str, ...]) -> None:
    with words.speaking(code):
        said = words.privacy(answers=1.0, updates=1.0)
    assert not [part for part in told if part not in said]


@pytest.mark.parametrize("code", ["en", "ru"])
def test_each_thing_that_is_kept_has_words(code: str) -> None:
    names = ("questions", "votes", "messages", "watches", "names")
    with words.speaking(code):
        listed = words.forgotten(dict.fromkeys(names, 1))
    assert not any(f"{name}: " in listed for name in names)
    assert listed.count("•") == len(names)
