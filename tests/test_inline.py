"""Inline mode from the side of those who type: what they see, what they may send, and what it costs."""

import threading
from pathlib import Path
from typing import Any

import pytest

from bot import door, words
from index.errors import StoreUnavailable
from index.library import Library
from index.records import Answer
from tests.botapi import Asked, BotApi, InlineResult, Person
from tests.conftest import ADMIN, GUEST, STRANGER, WHEN, MakeLibrary, Serve, answered, until, write
from tests.golden import Golden, Transcript, formatted

NAME = "footnote_test_bot"


@pytest.fixture(autouse=True)
def inline_mode(api: BotApi) -> None:
    """Let the bot have what BotFather gives for /setinline."""
    api.enable_inline()


@pytest.fixture
def bela(api: BotApi) -> Person:
    return api.person(GUEST, "Béla")


class Counted:
    """What a library is asked, and when it may answer."""

    def __init__(self, library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
        self.asked: list[str] = []
        self.may_answer = threading.Event()
        self.may_answer.set()
        self._ask = library.ask
        monkeypatch.setattr(library, "ask", self.ask)

    def ask(self, question: str, *rest: Any) -> Answer:
        self.asked.append(question)
        assert self.may_answer.wait(20)
        return self._ask(question, *rest)


def typed(api: BotApi, person: Person, text: str) -> Asked:
    """Let somebody type, and wait until that has come to the bot."""
    query = person.asks_inline(text)
    until(lambda: api.waiting == 0)
    return query


def idle(api: BotApi, bot: Any) -> None:
    until(lambda: api.waiting == 0 and bot._parts.inbox.waiting() == 0, seconds=120)


def seen(result: InlineResult) -> str:
    """Write what a person sees of a result, and the message it stands for."""
    return f"{result.title}\n{result.description}\n\n{formatted(result.text, result.entities)}"


def test_the_answer_and_then_the_passages_are_offered_and_one_is_sent(
    api: BotApi, serve: Serve, seeded: Library, anna: Person, bela: Person, golden: Golden
) -> None:
    transcript, group = Transcript(), api.group("Readers", anna, bela)
    with serve(seeded) as bot:
        for question in (
            "How many cruise missiles were fired at Shayrat air base in 2017?",
            "Which hotel in Budapest will host the talks?",
        ):
            transcript.says("Anna, in any chat", f"@{NAME} {question}")
            query = anna.asks_inline(question)
            results = query.results(20)
            assert len(results) == 5
            for number, result in enumerate(results, start=1):
                transcript.says(f"Offered, {number}", seen(result))
            sent = query.picks(results[0], into=group)
            assert (sent.text, sent.sender.id) == (results[0].text, anna.id)
            query.picks(results[1])
        idle(api, bot)
    assert api.count("sendMessage") == 0  # neither in the group nor in the private chat that is a question
    golden(transcript, "inline")


@pytest.mark.parametrize("text", ["", "Whe", "  W  "])
def test_what_is_no_question_yet_leads_into_the_private_chat(
    serve: Serve, shared: Library, anna: Person, text: str
) -> None:
    with serve(shared):
        query = anna.asks_inline(text)
        assert query.results() == ()
        assert query.answer().button == words.INLINE_HINT
        started = query.presses_button()
        assert anna.waits(lambda _: True, after=started).text.startswith("Ask me anything")


def test_who_may_not_ask_is_offered_nothing_but_the_way_to_hear_why(
    api: BotApi, serve: Serve, shared: Library, anna: Person, bela: Person
) -> None:
    eve = api.person(STRANGER, "Eve")
    flags = {"telegram__allowed": [GUEST, STRANGER], "telegram__blocked": [STRANGER], "telegram__admins": []}
    with serve(shared, **flags):
        assert "1987" in bela.asks_inline(WHEN).results(20)[0].text
        for person in (anna, eve):
            query = person.asks_inline(WHEN)
            assert (query.was_cached, query.results(), query.answer().button) == (False, (), words.PRIVATE_BUTTON)
            assert query.answer().is_personal
            started = query.presses_button()
            assert person.waits(lambda _: True, after=started).text == words.NOT_ALLOWED


def test_the_same_question_is_asked_once_in_each_revision(  # noqa: PLR0917  all of it is part of the scene
    api: BotApi,
    serve: Serve,
    own_library: Library,
    folder: Path,
    anna: Person,
    bela: Person,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    counted = Counted(own_library, monkeypatch)
    with serve(own_library):
        first = anna.asks_inline(WHEN).results(20)
        assert bela.asks_inline(f"  {WHEN.upper()} ").results(20) == first
        assert counted.asked == [WHEN]
        write(
            folder / "harbour.md",
            title="The old harbour",
            text="The old harbour of Lindholm was closed to cargo in 1988.",
        )
        own_library.index(folder)
        assert "1988" in api.person(STRANGER, "Eve").asks_inline(WHEN).results(20)[0].text
    assert counted.asked == [WHEN, WHEN]


def test_what_is_typed_next_supersedes_what_waits(
    api: BotApi, serve: Serve, shared: Library, anna: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted = Counted(shared, monkeypatch)
    counted.may_answer.clear()
    with serve(shared) as bot:
        first = typed(api, anna, "When was")
        until(lambda: counted.asked)
        waiting = [typed(api, anna, f"{WHEN[:length]}") for length in (12, 20, 40)]
        last = typed(api, anna, WHEN)
        counted.may_answer.set()
        assert "1987" in last.results(20)[0].text
        assert first.results()
        idle(api, bot)
    assert counted.asked == ["When was", WHEN]
    assert all(query.query_id not in api._state.inline.answers for query in waiting)


def test_what_was_typed_too_long_ago_is_closed_without_work(
    api: BotApi, serve: Serve, shared: Library, anna: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted = Counted(shared, monkeypatch)
    monkeypatch.setattr(door, "STALE", -1.0)
    with serve(shared) as bot:
        typed(api, anna, WHEN)
        idle(api, bot)
    assert (counted.asked, api.count("answerInlineQuery")) == ([], 0)


def test_typing_uses_up_no_questions_and_has_a_limit_of_its_own(
    serve: Serve, shared: Library, anna: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(door, "TYPED", 3)
    with serve(shared, delivery__burst=1, delivery__per_minute=1):
        assert all(anna.asks_inline(WHEN[:length]).answer(60) for length in (10, 20))
        assert anna.asks_inline(WHEN).results(20)
        assert anna.asks_inline(f"{WHEN} ?").results(20) == ()
        assert "1987" in answered(anna, WHEN).text


@pytest.mark.parametrize("error", [StoreUnavailable("The database does not answer."), RuntimeError("secret detail")])
def test_an_error_gives_no_result_and_says_nothing(
    api: BotApi, serve: Serve, shared: Library, anna: Person, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def fails(*_: Any) -> Answer:
        raise error

    monkeypatch.setattr(shared, "ask", fails)
    with serve(shared) as bot:
        assert anna.asks_inline(WHEN).results() == ()
        idle(api, bot)
    assert (anna.chat, api.count("answerInlineQuery")) == ([], 1)


def test_without_articles_and_without_words_there_are_no_results(
    serve: Serve, make_library: MakeLibrary, anna: Person
) -> None:
    with serve(make_library()):
        assert anna.asks_inline(WHEN).results(20) == ()
        assert anna.asks_inline("?!?!?!").results(20) == ()


def test_an_answer_that_comes_too_late_or_is_refused_hurts_nobody(
    api: BotApi, serve: Serve, shared: Library, anna: Person, expected: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    expected.append("query is too old")
    counted = Counted(shared, monkeypatch)
    counted.may_answer.clear()
    with serve(shared) as bot:
        query = typed(api, anna, WHEN)
        until(lambda: counted.asked)
        query.expires()
        counted.may_answer.set()
        idle(api, bot)
        assert anna.asks_inline(f"{WHEN} Please").results(20)


def test_only_who_types_may_see_it_though_another_update_is_beside_it(
    api: BotApi, serve: Serve, shared: Library, expected: list[str]
) -> None:
    expected.append("query is too old")
    with serve(shared, telegram__allowed=[ADMIN]) as bot:
        before = api.count("answerInlineQuery")
        query = {"id": "1", "from": {"id": STRANGER, "is_bot": False, "first_name": "Eve"}, "query": WHEN, "offset": ""}
        message = {
            "message_id": 1, "date": 1, "text": "/status", "from": {"id": ADMIN, "is_bot": False, "first_name": "A"},
            "chat": {"id": ADMIN, "type": "private", "first_name": "A"},
            "entities": [{"type": "bot_command", "offset": 0, "length": 7}],
        }  # fmt: skip
        api.inject({"inline_query": query, "message": message})
        idle(api, bot)
    assert api.count("answerInlineQuery") == before
    assert api.count("sendMessage") == 0


def test_each_person_is_answered_in_their_language_though_they_type_the_same(
    api: BotApi, serve: Serve, shared: Library, anna: Person
) -> None:
    ivan = api.person(STRANGER, "Ivan", language_code="ru")
    with serve(shared):
        for person, title in ((anna, "The articles do not answer that"), (ivan, "В статьях нет ответа на это")):
            query = person.asks_inline("Who owns the zeppelin of Lindholm?")
            assert (query.results(20)[0].title, query.was_cached) == (title, False)
