"""What becomes of an answer: its evidence at a tap, its reasons, what people think of it, what follows it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bot import words
from bot.sending.pace import Limits
from bot.store.inbox import FILE
from bot.store.journal import Journal
from bot.text import render
from index.errors import StoreUnavailable
from index.library import Library
from index.truth.database import Database, Note
from tests.botapi import BotApi, Message, Person
from tests.conftest import GUEST, STRANGER, TOKEN, WHEN, MakeLibrary, Serve, answered, until, write
from tests.golden import Golden, Transcript

PACED = Limits(1_000.0, 1.0, 1_000, call=3.0)
"""People tap no faster than Telegram lets a message be edited."""

MISSILES = "How many cruise missiles were fired at Shayrat air base in 2017?"


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    """The journal of the bot that a test runs."""
    (tmp_path / "data").mkdir(exist_ok=True)
    database = Database(tmp_path / "data" / FILE)
    yield Journal(database, bot=int(TOKEN.partition(":")[0]))
    database.close()


class Talk:
    """A conversation of one person with the bot, written down."""

    def __init__(self, person: Person) -> None:
        self.person = person
        self.transcript = Transcript()
        self.name = person.user.first_name

    def asks(self, text: str, *, reply_to: Message | None = None) -> Message:
        said = self.person.says(text, reply_to=reply_to)
        self.transcript.says(self.name, text)
        reply = self.person.waits(lambda _: True, after=said, timeout=90)
        self.transcript.says("Footnote", reply)
        return reply

    def presses(self, message: Message, label: str) -> Message:
        """Press a button and return the message as it is then, at once or after an edit."""
        before = self.now(message)
        self.transcript.presses(self.name, label, self.person.presses(message, label).answer())
        until(lambda: self.now(message) != before)
        after = self.now(message)
        self.transcript.says("Footnote, in the same message", after)
        return after

    def now(self, message: Message) -> Message:
        return next(one for one in self.person.chat if one.id == message.id)


def test_evidence_is_a_tap_away_and_so_is_the_way_back(
    api: BotApi, serve: Serve, seeded: Library, golden: Golden
) -> None:
    talk = Talk(api.person(GUEST, "Anna"))
    with serve(seeded, limits=PACED):
        answer = talk.asks(MISSILES)
        passage = talk.presses(answer, "1")
        assert "59" in passage.text
        wider = talk.presses(passage, words.MORE_BEFORE_BUTTON)
        wider = talk.presses(wider, words.MORE_AFTER_BUTTON)
        assert len(wider.text) > len(passage.text)
        back = talk.presses(wider, words.BACK_BUTTON)
        assert (back.text, back.entities, back.buttons) == (answer.text, answer.entities, answer.buttons)
        talk.presses(back, words.WHY_BUTTON)
        talk.presses(back, words.BACK_BUTTON)
    assert sum(message.from_bot for message in talk.person.chat) == 1
    golden(talk.transcript, "evidence")


def test_what_people_think_of_an_answer_is_asked_in_one_tap_and_thanked_for(
    api: BotApi, serve: Serve, seeded: Library, golden: Golden, journal: Journal
) -> None:
    talk = Talk(api.person(GUEST, "Anna"))
    with serve(seeded, limits=PACED):
        answer = talk.asks(MISSILES)
        talk.presses(answer, "👍")
        talk.presses(answer, "👎")
        talk.presses(answer, words.reason("source"))
        refusal = talk.asks("Which hotel in Budapest will host the talks?")
        talk.presses(refusal, "👎")
        talk.presses(refusal, words.reason("answer"))
    golden(talk.transcript, "feedback")
    first, second = journal.past(since=0)
    assert (first.up, first.down, first.reasons) == (0, 1, ("source",))
    assert (second.answered, second.down, second.reasons) == (False, 1, ("answer",))


def test_a_question_may_follow_up_the_one_before_until_somebody_begins_afresh(
    api: BotApi, serve: Serve, seeded: Library, golden: Golden
) -> None:
    talk = Talk(api.person(GUEST, "Anna"))
    with serve(seeded):
        talk.asks("Where did Trump and Putin meet in August 2025?")
        follow_up = talk.asks("And how long did they talk there?")
        assert "Understood as" in follow_up.text
        assert talk.asks("/new").text == words.STARTED_AFRESH
        assert "Understood as" not in talk.asks("And how long did they talk there?").text
    golden(talk.transcript, "follow-up")


def test_a_reply_follows_up_what_it_replies_to_however_old_that_is(api: BotApi, serve: Serve, seeded: Library) -> None:
    anna = api.person(GUEST, "Anna")
    with serve(seeded, conversation__follow_up=0):
        first = answered(anna, "Where did Trump and Putin meet in August 2025?")
        answered(anna, MISSILES)
        assert "Understood as" not in answered(anna, "And how long did they talk there?").text
        said = anna.says("And how long did they talk there?", reply_to=first)
        reply = anna.waits(lambda _: True, after=said, timeout=90)
        assert "Understood as" in reply.text


def test_a_question_that_is_edited_too_often_is_told_why_the_answer_stays(
    api: BotApi, serve: Serve, shared: Library
) -> None:
    bela = api.person(GUEST, "Béla")
    with serve(shared, limits=PACED, delivery__burst=2, delivery__per_minute=1) as bot:
        question = bela.says(WHEN)
        reply = bela.waits(lambda m: m.from_bot)
        for asked in ("When does the bakery Morgenrot move?", "When does the bakery move?", "When does it move?"):
            bela.edits(question, asked)
        until(lambda: api.waiting == 0 and bot._parts.inbox.waiting() == 0)
    told = [message for message in bela.chat if message.from_bot]
    assert [(message.text, message.reply_to) for message in told[1:]] == [(words.TOO_FAST, question.id)]
    assert told[0].id == reply.id
    assert "in August" in told[0].text, "the one change that was not too much"


def test_a_question_edited_by_its_author_is_answered_again_in_place(
    api: BotApi, serve: Serve, shared: Library, golden: Golden, journal: Journal
) -> None:
    anna, transcript = api.person(GUEST, "Anna"), Transcript()
    with serve(shared, limits=PACED):
        question = anna.says("When was the old harbour of Lindholm closed?")
        reply = anna.waits(lambda m: "1987" in m.text)
        transcript.says("Anna", question)
        transcript.says("Footnote", reply)
        anna.presses(reply, "👍").answer()
        edited = anna.edits(question, "When does the bakery Morgenrot move?")
        transcript.says("Anna, in the same message", edited)
        again = anna.waits(lambda m: "in August" in m.text)
        transcript.says("Footnote, in the same message", again)
        assert again.id == reply.id
        assert again.labels == ("1", "Why", "👍", "👎")
        anna.edits(question, "/sources")
        anna.edits(question, "When does the bakery Morgenrot move?")
        assert "nine" in answered(anna, "When does the town library open from September?").text
    assert sum(message.from_bot for message in anna.chat) == 2
    golden(transcript, "edited")
    assert [past.up for past in journal.past(since=0)] == [0, 0]


@pytest.mark.parametrize("first", ["x" * 3_000, "😀😀😀", "/ask"])
def test_a_question_that_could_not_be_answered_may_be_changed_into_one_that_can(
    api: BotApi, serve: Serve, shared: Library, first: str
) -> None:
    anna = api.person(GUEST, "Anna")
    with serve(shared):
        said = anna.says(first)
        refusal = anna.waits(lambda _: True, after=said)
        anna.edits(said, WHEN)
        answer = anna.waits(lambda m: "1987" in m.text, after=refusal, timeout=90)
        anna.edits(said, "When does the bakery Morgenrot move?")
        anna.waits(lambda m: m.id == answer.id and "1987" not in m.text, timeout=90)
    assert sum(message.from_bot for message in anna.chat) == 2


def test_the_answer_of_a_watch_stays_what_it_is_when_the_command_is_edited_into_a_question(
    api: BotApi, serve: Serve, shared: Library
) -> None:
    anna = api.person(GUEST, "Anna")
    with serve(shared):
        said = anna.says(f"/watch {WHEN}")
        begun = anna.waits(lambda _: True, after=said, timeout=90)
        anna.edits(said, "When does the bakery Morgenrot move?")
        assert "1987" in answered(anna, WHEN).text
    assert next(message for message in anna.chat if message.id == begun.id).text == begun.text


def test_an_edited_question_is_answered_in_place_though_telegram_was_away_at_that_moment(
    api: BotApi, serve: Serve, shared: Library, expected: list[str], journal: Journal
) -> None:
    expected.append("")
    anna = api.person(GUEST, "Anna")
    with serve(shared):
        question = anna.says(WHEN)
        reply = anna.waits(lambda m: "1987" in m.text)
        api.fail_next("editMessageText", status=500, times=2)
        anna.edits(question, "When does the bakery Morgenrot move?")
        assert anna.waits(lambda m: "in August" in m.text).id == reply.id
    (past,) = journal.past(since=0)
    assert past.question == "When does the bakery Morgenrot move?"


def test_where_another_answer_does_not_fit_in_its_place_the_first_one_stays_with_buttons_that_are_true(
    api: BotApi, serve: Serve, shared: Library, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    talk = Talk(api.person(GUEST, "Anna"))
    with serve(shared, limits=PACED):
        question = talk.person.says(WHEN)
        first = talk.person.waits(lambda m: "1987" in m.text)
        monkeypatch.setattr(render, "LIMIT", 80)
        talk.person.edits(question, "When does the bakery Morgenrot move?")
        second = talk.person.waits(lambda m: "👍" in m.labels, after=first)
        monkeypatch.undo()
        until(lambda: all(journal.shown_in(GUEST, one.id) for one in (first, second)))
        assert "1987" in talk.presses(first, "1").text
        assert "August" in talk.presses(second, "1").text
    asked = {past.question for past in journal.past(since=0)}
    assert asked == {WHEN, "When does the bakery Morgenrot move?"}
    assert len(journal.past(since=0)) == 2


def test_an_edited_question_stays_where_it_was_in_the_conversation(
    api: BotApi, serve: Serve, seeded: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    anna = api.person(GUEST, "Anna")
    with serve(seeded):
        answered(anna, "Where did Trump and Putin meet in August 2025?")
        question = anna.says("How long did they talk there?")
        anna.waits(lambda m: "Understood as" in m.text, after=question)
        later = answered(anna, MISSILES)
        monkeypatch.setattr(render, "LIMIT", 80)
        anna.edits(question, "And how long did they talk there?")
        again = anna.waits(lambda m: "Understood as" in m.text, after=later)
        assert "Trump" in again.text
        assert "missiles" not in again.text


def test_a_question_that_is_tried_again_is_written_down_once_and_does_not_follow_itself(
    api: BotApi, serve: Serve, seeded: Library, expected: list[str], journal: Journal
) -> None:
    expected.append("")
    anna = api.person(GUEST, "Anna")
    with serve(seeded):
        first = answered(anna, "Where did Trump and Putin meet in August 2025?")
        api.fail_next("sendMessage", status=500, times=3)
        assert "Understood as" in answered(anna, "And how long did they talk there?").text
        until(lambda: len(journal.past(since=0)) == 2)
    assert journal.count(GUEST)["questions"] == 2
    second = journal.get(journal.past(since=0)[1].id)
    assert second is not None
    begun = journal.shown_in(GUEST, first.id)
    assert begun is not None
    assert second.asked.parent == begun.id


def test_an_answer_that_arrived_is_not_sent_again_because_the_database_is_away(
    api: BotApi, serve: Serve, shared: Library, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    anna, showing, tried = api.person(GUEST, "Anna"), Journal.showing, 0

    def away_once(journal: Journal, *args: Any, **how: Any) -> Note:
        def note(db: Any) -> None:
            nonlocal tried
            tried += 1
            if tried == 1:
                message = "The PostgreSQL database cannot be used."
                raise StoreUnavailable(message)
            showing(journal, *args, **how)(db)

        return note

    monkeypatch.setattr(Journal, "showing", away_once)
    with serve(shared):
        first = answered(anna, WHEN)
        assert "August" in answered(anna, "When does the bakery Morgenrot move?").text
    assert tried == 3  # the first one is noted when the database is there again
    assert not any(words.PERHAPS_AGAIN in message.text for message in anna.chat)
    assert journal.shown_in(GUEST, first.id) is not None


@pytest.mark.usefixtures("copied")
def test_buttons_work_after_a_restart_and_a_reindex_and_say_what_changed_since(
    api: BotApi, serve: Serve, make_library: MakeLibrary, folder: Path, golden: Golden
) -> None:
    library = make_library()
    library.index(folder)
    talk = Talk(api.person(GUEST, "Anna"))
    with serve(library, limits=PACED):
        harbour = talk.asks(WHEN)
        bakery = talk.asks("When does the bakery Morgenrot move?")
        hours = talk.asks("When does the town library open from September?")
    write(folder / "harbour.md", title="The old harbour", date="2024-05-01", text="The harbour was closed in 1988.")
    (folder / "bakery.md").unlink()
    library.index(folder)
    with serve(library, limits=PACED):
        assert words.ARTICLE_CHANGED in talk.presses(harbour, "1").text
        assert "closed to cargo ships in 1987" in talk.now(harbour).text
        assert words.ARTICLE_GONE in talk.presses(bakery, "1").text
        assert "since" not in talk.presses(hours, "1").text
        assert "1987" in talk.presses(harbour, words.BACK_BUTTON).text
    golden(talk.transcript, "changed-since")


def test_forged_and_foreign_buttons_are_refused_and_always_answered(
    api: BotApi, serve: Serve, shared: Library, expected: list[str], journal: Journal
) -> None:
    anna, eve = api.person(GUEST, "Anna"), api.person(STRANGER, "Eve")
    with serve(shared):
        hers, other = answered(anna, WHEN), answered(anna, "What is the best-selling loaf?")
        eves = answered(eve, WHEN)
        data = {button.label: button.data or "" for row in hers.buttons for button in row}
        for forged in (data["1"], data["👎"], data["Why"]):
            assert eve.presses_data(eves, forged).answer().text == words.NOT_THIS_ANSWER
            assert anna.presses_data(other, forged).answer().text == words.NOT_THIS_ANSWER
        for stale in (
            f"e:{'0' * 16}:1:0:0",
            f"v:{'f' * 16}:u",
            f"w:{'1' * 16}",
            f"b:{'2' * 16}",
            f"r:{'3' * 16}:source",
        ):
            assert anna.presses_data(hers, stale).answer().text == words.ANSWER_FORGOTTEN
        beyond = data["1"].replace(":1:0:0", ":9:0:0")
        assert anna.presses_data(hers, beyond).answer().text == words.NOT_THIS_ANSWER
        assert anna.presses_data(hers, data["1"], gone=True).answer().text == words.TOO_OLD
        for odd in (data["1"] + ":", data["1"].upper(), "e:" + "x" * 62, "r:" + data["👎"][2:-2] + ":because"):
            assert anna.presses_data(hers, odd).answer().text == ""
    assert all(past.up == past.down == 0 for past in journal.past(since=0))
    assert expected == []


def test_all_that_buttons_send_is_at_most_64_bytes(api: BotApi, serve: Serve, seeded: Library) -> None:
    talk = Talk(api.person(GUEST, "Anna"))
    with serve(seeded, limits=PACED):
        answer = talk.asks(MISSILES)
        seen = [answer, talk.presses(answer, "1"), talk.presses(answer, words.BACK_BUTTON), talk.presses(answer, "👎")]
    sizes = [len((button.data or "").encode()) for message in seen for row in message.buttons for button in row]
    assert sizes
    assert max(sizes) <= 64
