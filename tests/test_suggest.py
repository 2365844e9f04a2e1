"""Questions to begin with: from the collection itself, asked by a tap as if they had been written."""

import asyncio
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, cast

import pytest

from bot import words
from bot.asking.suggest import EXAMPLES, Suggestions, buttons
from bot.sending import pace
from bot.store.inbox import FILE
from bot.store.journal import Journal
from index.library import Library
from index.records import Answer, Turn
from index.truth.database import Database
from tests.botapi import BotApi, Message
from tests.conftest import GUEST, TOKEN, MakeLibrary, Serve, answered, until, write
from tests.golden import Golden
from tests.test_answers import PACED, Talk


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    (tmp_path / "data").mkdir(exist_ok=True)
    database = Database(tmp_path / "data" / FILE)
    yield Journal(database, bot=int(TOKEN.partition(":")[0]))
    database.close()


def helped(talk: Talk) -> Message:
    """Ask for help until it has questions: the first one may come before they are found."""
    shown: list[Message] = []

    def has_questions() -> bool:
        shown.append(answered(talk.person, "/help"))
        return bool(shown[-1].buttons)

    until(has_questions)
    return shown[-1]


def test_help_has_questions_and_a_tap_asks_one_in_the_conversation(
    api: BotApi, serve: Serve, shared: Library, journal: Journal, golden: Golden
) -> None:
    talk = Talk(api.person(GUEST, "Anna"))
    examples = shared.examples(EXAMPLES)
    with serve(shared, limits=PACED):
        message = helped(talk)
        talk.transcript.says("Footnote", message)
        assert all(f"{place}. {question}" in message.text for place, question in enumerate(examples, 1))
        press = talk.person.presses(message, "1")
        talk.transcript.presses("Anna", "1", press.answer())
        answer = talk.person.waits(lambda m: "👍" in m.labels, after=message)
        line = next(m for m in talk.person.chat if m.id == answer.id - 1)
        assert line.text == words.you_ask(examples[0])
        talk.transcript.says("Footnote", line)
        talk.transcript.says("Footnote", answer)
        assert press.answer().text == ""
        talk.presses(answer, "👍")
    (past,) = journal.past(since=0)
    assert (past.question, past.up) == (examples[0], 1)
    kept = journal.get(past.id)
    assert kept is not None
    assert (kept.asked.person, kept.asked.chat) == (GUEST, GUEST)
    golden(talk.transcript, "help")


def test_the_answer_comes_though_telegram_wants_to_be_left_alone_each_time_it_is_sent(
    api: BotApi, serve: Serve, shared: Library, monkeypatch: pytest.MonkeyPatch, expected: list[str]
) -> None:
    expected += ["Too Many Requests", "query is too old"]
    talk, ask, asked = Talk(api.person(GUEST, "Anna")), shared.ask, list[str]()

    def busy(question: str, history: Sequence[Turn] = ()) -> Answer:
        asked.append(question)
        if len(asked) <= 3:
            api.fail_next("sendMessage", status=429, retry_after=1)
        return ask(question, history)

    monkeypatch.setattr(pace, "PATIENCE", 0.5)
    with serve(shared):
        message = helped(talk)
        monkeypatch.setattr(shared, "ask", busy)
        talk.person.presses(message, "1")
        answer = talk.person.waits(lambda m: "👍" in m.labels, after=message)
    told = [m.text for m in talk.person.chat if m.from_bot and m.id > message.id]
    assert told == [words.you_ask(asked[0]), answer.text]
    assert len(asked) == 4


def test_a_question_of_older_articles_is_not_asked_and_after_a_restart_one_still_is(
    api: BotApi, serve: Serve, own_library: Library, make_library: MakeLibrary, folder: Path
) -> None:
    talk = Talk(api.person(GUEST, "Anna"))
    with serve(own_library, limits=PACED):
        message = helped(talk)
    with serve(make_library(library__articles=str(folder)), limits=PACED):
        assert talk.person.presses(message, "1").answer(10).text == ""
        talk.person.waits(lambda m: "👍" in m.labels, after=message)
        forged = talk.person.presses_data(message, "ask:AAAAAAAAAAAA").answer()
        assert (forged.text, forged.show_alert) == (words.EXAMPLE_GONE, True)
        assert talk.person.presses_data(message, "ask:short").answer().text == ""
        data = next(button.data or "" for row in message.buttons for button in row)
        assert talk.person.presses_data(message, data, gone=True).answer().text == words.TOO_OLD
    for path in folder.glob("*.md"):
        path.unlink()
    write(folder / "other.md", title="Other tides", text="The other tides are low. They come at noon.")
    changed = make_library(library__articles=str(folder))
    changed.index(folder, agreed=True)
    with serve(changed, limits=PACED):
        assert talk.person.presses(message, "1").answer(10).text == words.EXAMPLE_GONE


class Slow:
    """A library whose examples take their time."""

    def __init__(self) -> None:
        self.searches = 0

    def examples(self, limit: int) -> list[str]:
        self.searches += 1
        time.sleep(0.3)
        return ["Where?", "When?", "Who?"][:limit]


def test_nobody_waits_for_questions_longer_than_a_moment_and_they_are_looked_for_once() -> None:
    library = Slow()

    async def helped() -> tuple[list[list[str]], float, list[str]]:
        with ThreadPoolExecutor(2) as threads:
            suggestions = Suggestions(cast("Library", library), cast("Any", None), threads=threads)
            begun = time.monotonic()
            first = await asyncio.gather(*(suggestions.ready(within=0.05) for _ in range(5)))
            took = time.monotonic() - begun
            return first, took, await suggestions.ready(within=5)

    first, took, then = asyncio.run(helped())
    assert first == [[]] * 5
    assert took < 0.25
    assert then == ["Where?", "When?", "Who?"]
    assert library.searches == 1
    assert buttons([]) is None
