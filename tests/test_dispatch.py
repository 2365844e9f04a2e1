"""From the inbox to the handlers and back: late, too late, poisonous, one at a time in each chat, and at the end."""

import threading
import time
from pathlib import Path

import pytest
from pydantic import SecretStr

from bot import words
from bot.store.inbox import FILE, Inbox
from index.errors import StoreUnavailable
from index.library import Library
from tests.botapi import BotApi
from tests.conftest import ADMIN, GUEST, WHEN, Serve, answered, until
from tests.postgres import Postgres
from tests.served import Served, free_port, running, small_library


def test_a_late_answer_begins_with_an_apology_and_is_a_reply_to_its_question(
    api: BotApi, serve: Serve, shared: Library
) -> None:
    anna = api.person(GUEST, "Anna")
    said = anna.says(WHEN)
    time.sleep(3.1)  # Telegram tells whole seconds only
    with serve(shared, delivery__late=2):
        reply = anna.waits(lambda m: m.from_bot)
        assert reply.text.startswith(words.LATE)
        assert "1987" in reply.text
        assert reply.reply_to == said.id
        assert words.LATE not in answered(anna, WHEN).text


def test_what_is_too_old_is_closed_with_a_line_and_not_answered(
    api: BotApi, serve: Serve, shared: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    anna = api.person(GUEST, "Anna")
    old = [anna.says(WHEN), anna.says("/status")]
    clock = time.time
    monkeypatch.setattr("bot.receiving.dispatch.time.time", lambda: clock() + 3_600)
    with serve(shared, delivery__oldest=600) as bot:
        until(lambda: len([m for m in anna.chat if m.from_bot]) == 2)
        monkeypatch.undo()
        assert "1987" in answered(anna, WHEN).text
        until(lambda: bot._parts.inbox.waiting() == 0)
    told = [m for m in anna.chat if m.from_bot][:2]
    assert [(m.text, m.reply_to) for m in told] == [(words.TOO_LATE, said.id) for said in old]


def test_what_is_too_old_is_closed_with_a_line_when_telegram_is_back(
    api: BotApi, serve: Serve, shared: Library, expected: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    expected.append("Bad Gateway")
    anna, clock = api.person(GUEST, "Anna"), time.time
    anna.says(WHEN)
    api.fail_next("sendMessage", status=502, times=2)
    monkeypatch.setattr("bot.receiving.dispatch.time.time", lambda: clock() + 3_600)
    with serve(shared, delivery__oldest=600) as bot:
        until(lambda: bot._parts.inbox.waiting() == 0 and api.waiting == 0)
    assert [m.text for m in anna.chat if m.from_bot] == [words.TOO_LATE]


def test_an_answer_that_takes_too_long_is_given_up_with_a_line_and_the_chat_goes_on(
    api: BotApi, serve: Serve, shared: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    anna, boris = api.person(GUEST, "Anna"), api.person(GUEST + 100, "Boris")
    stuck, ask = threading.Event(), shared.ask

    def slow(question: str, *_: object) -> object:
        if "zeppelin" in question:
            stuck.wait(30)
        return ask(question)

    monkeypatch.setattr(shared, "ask", slow)
    with serve(shared, delivery__deadline=3):
        anna.says("Which zeppelin lands?")
        assert "1987" in answered(boris, WHEN).text
        anna.waits(lambda m: m.text == words.TOO_SLOW)
        assert "1987" in answered(anna, WHEN).text
        stuck.set()


def test_a_handler_that_hangs_in_one_chat_does_not_hold_up_the_others_and_its_own_order_holds(
    api: BotApi, serve: Serve, shared: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    anna, boris = api.person(GUEST, "Anna"), api.person(GUEST + 100, "Boris")
    go, ask = threading.Event(), shared.ask

    def waits(question: str, *_: object) -> object:
        if "zeppelin" in question:
            go.wait(20)
        return ask(question)

    monkeypatch.setattr(shared, "ask", waits)
    with serve(shared):
        anna.says("Which zeppelin lands in Lindholm?")
        anna.says(WHEN)
        for _ in range(3):
            assert "1987" in answered(boris, WHEN).text
        assert not [m for m in anna.chat if m.from_bot]
        go.set()
        until(lambda: len([m for m in anna.chat if m.from_bot]) == 2)
    first, second = [m.text for m in anna.chat if m.from_bot]
    assert "zeppelin" in first
    assert "1987" in second


def test_a_failure_is_tried_three_times_and_then_set_aside_with_its_words(
    api: BotApi, serve: Serve, shared: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    anna = api.person(GUEST, "Anna")
    tried: list[str] = []
    ask = shared.ask

    def fails(question: str, *_: object) -> object:
        if "zeppelin" in question:
            tried.append(question)
            raise RuntimeError("nobody foresaw this")
        return ask(question)

    monkeypatch.setattr(shared, "ask", fails)
    with serve(shared) as bot:
        reply = answered(anna, "Which zeppelin lands?")
        assert reply.text.startswith("Something went wrong")
        assert len(tried) == 3
        assert "1987" in answered(anna, WHEN).text
        until(lambda: bot._parts.inbox.waiting() == 0)
        with bot._parts.inbox._database.reading() as db:
            rows = db.exec_driver_sql("SELECT outcome, body FROM updates ORDER BY id").all()
    assert [row.outcome for row in rows] == ["aside", "done"]
    assert "zeppelin" in rows[0].body
    assert rows[1].body == ""


def test_a_failure_that_passes_is_answered(
    api: BotApi, serve: Serve, shared: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    anna = api.person(GUEST, "Anna")
    ask, failed = shared.ask, []

    def fails_once(question: str, *_: object) -> object:
        if not failed:
            failed.append(question)
            raise RuntimeError("only once")
        return ask(question)

    monkeypatch.setattr(shared, "ask", fails_once)
    with serve(shared):
        assert "1987" in answered(anna, WHEN).text


def test_who_asks_while_too_many_wait_hears_one_clear_line_and_who_waits_is_answered(
    api: BotApi, serve: Serve, shared: Library
) -> None:
    people = [api.person(GUEST + 10 * n, f"P{n}") for n in range(6)]
    late = api.person(GUEST + 1_000, "Late")
    for person in people:
        person.says(WHEN)
    for _ in range(3):
        late.says(WHEN)
    with serve(shared, delivery__waiting=6):
        for person in people:
            assert "1987" in person.waits(lambda m: m.from_bot).text
        late.waits(lambda m: m.text == words.CROWDED)
        assert "1987" in answered(late, WHEN).text
    assert [m.text for m in late.chat if m.from_bot].count(words.CROWDED) == 1


def test_an_admin_is_answered_in_order_also_while_too_many_wait(api: BotApi, serve: Serve, shared: Library) -> None:
    boss, people = api.person(ADMIN, "Boss"), [api.person(GUEST + 10 * n, f"P{n}") for n in range(3)]
    boss.says(WHEN)
    for person in people:
        person.says(WHEN)
    boss.says("/status")
    with serve(shared, delivery__waiting=4):
        until(lambda: len([m for m in boss.chat if m.from_bot]) == 2)
    assert ["1987" in m.text for m in boss.chat if m.from_bot] == [True, False]


def test_who_asks_too_fast_hears_one_clear_line_and_admins_may(api: BotApi, serve: Serve, shared: Library) -> None:
    anna, boss = api.person(GUEST, "Anna"), api.person(ADMIN, "Boss")
    with serve(shared, delivery__burst=2, delivery__per_minute=1) as bot:
        for person in (anna, boss):
            for _ in range(5):
                person.says(WHEN)
        until(lambda: len([m for m in boss.chat if m.from_bot]) == 5)
        until(lambda: bot._parts.inbox.waiting() == 0)
    replies = [m.text for m in anna.chat if m.from_bot]
    assert replies[2:] == [words.TOO_FAST]
    assert all("1987" in text for text in replies[:2])
    assert all("1987" in m.text for m in boss.chat if m.from_bot)


def test_what_is_in_hand_when_it_is_told_to_end_is_finished_and_the_rest_waits_for_the_next_start(
    api: BotApi, serve: Serve, shared: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    people = [api.person(GUEST + 10 * n, f"P{n}") for n in range(12)]
    ask, begun = shared.ask, threading.Event()

    def slowly(question: str, *_: object) -> object:
        begun.set()
        time.sleep(0.3)
        return ask(question)

    monkeypatch.setattr(shared, "ask", slowly)
    with serve(shared, delivery__stopping=5):
        for person in people:
            person.says(WHEN)
        begun.wait(10)
        told = time.monotonic()
    assert time.monotonic() - told < 5
    answered_first = [p for p in people if any(m.from_bot for m in p.chat)]
    assert 1 <= len(answered_first) < 12
    monkeypatch.undo()
    with serve(shared):
        until(lambda: all(any(m.from_bot for m in p.chat) for p in people))
    assert all(len([m for m in p.chat if m.from_bot]) == 1 for p in people)


def test_a_bot_to_which_updates_are_brought_is_not_silent_because_it_is_finishing(
    api: BotApi, serve: Serve, shared: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    anna = api.person(GUEST, "Anna")
    go, begun, port = threading.Event(), threading.Event(), free_port()

    def stuck(question: str, *_: object) -> object:
        begun.set()
        go.wait(20)
        return question

    monkeypatch.setattr(shared, "ask", stuck)
    address = f"http://127.0.0.1:{port}/telegram"
    with serve(shared, telegram__webhook=address, web__port=port, delivery__silence=1, delivery__stopping=2) as bot:
        anna.says(WHEN)
        begun.wait(10)
        time.sleep(1.0)
    go.set()
    assert bot._code == 0


def test_it_ends_in_time_though_what_is_in_hand_cannot_be_put_back(
    api: BotApi, serve: Serve, shared: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    anna = api.person(GUEST, "Anna")
    go, begun, ask = threading.Event(), threading.Event(), shared.ask

    def stuck(question: str, *_: object) -> object:
        begun.set()
        go.wait(20)
        return ask(question)

    monkeypatch.setattr(shared, "ask", stuck)
    with monkeypatch.context() as patch:
        away_at_first(patch, "put_back", times=100)
        with serve(shared, delivery__stopping=1):
            anna.says(WHEN)
            begun.wait(10)
            told = time.monotonic()
        assert time.monotonic() - told < 8
    go.set()
    with serve(shared):
        assert "1987" in anna.waits(lambda m: m.from_bot).text


def test_what_cannot_be_finished_in_time_is_put_back_and_answered_after_the_next_start(
    api: BotApi, serve: Serve, shared: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    anna = api.person(GUEST, "Anna")
    ask, go, begun = shared.ask, threading.Event(), threading.Event()

    def stuck(question: str, *_: object) -> object:
        begun.set()
        go.wait(20)
        return ask(question)

    monkeypatch.setattr(shared, "ask", stuck)
    with serve(shared, delivery__stopping=1):
        anna.says(WHEN)
        begun.wait(10)
        told = time.monotonic()
    assert time.monotonic() - told < 6
    assert not [m for m in anna.chat if m.from_bot]
    go.set()
    monkeypatch.undo()
    with serve(shared):
        assert "1987" in anna.waits(lambda m: m.from_bot).text


def test_a_chat_goes_on_after_its_answer_could_not_be_noted_for_long(
    api: BotApi, serve: Serve, shared: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    anna = api.person(GUEST, "Anna")
    monkeypatch.setattr("bot.receiving.dispatch.LOOK", 0.01)
    away_at_first(monkeypatch, "close", times=12)
    with serve(shared):
        assert "1987" in answered(anna, WHEN).text
        assert "1987" in answered(anna, WHEN).text
    assert len([m for m in anna.chat if m.from_bot]) == 2


def test_the_bot_goes_on_looking_after_all_after_an_error_that_nobody_foresaw(
    api: BotApi, serve: Serve, shared: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.receiving.dispatch.LEASE", 0.5)
    monkeypatch.setattr("bot.lifecycle.KEEP_UP", 0.1)
    called: list[str] = []

    def fails(name: str) -> None:
        called.append(name)
        raise RuntimeError(name)

    monkeypatch.setattr(Inbox, "renew", lambda *_: fails("renew"))
    monkeypatch.setattr(shared, "keep_up", lambda: fails("keep_up"))
    with serve(shared):
        until(lambda: called.count("renew") > 2 and called.count("keep_up") > 2, seconds=10)
        assert "1987" in answered(api.person(GUEST, "Anna"), WHEN).text


def test_a_question_in_hand_is_not_taken_again_when_the_clock_is_set_forward(
    api: BotApi, serve: Serve, shared: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    anna = api.person(GUEST, "Anna")
    go, ask, asked, clock = threading.Event(), shared.ask, list[str](), time.time

    def waits(question: str, *_: object) -> object:
        asked.append(question)
        go.wait(20)
        return ask(question)

    monkeypatch.setattr(shared, "ask", waits)
    with serve(shared) as bot:
        anna.says(WHEN)
        until(lambda: asked)
        monkeypatch.setattr(bot._parts.inbox, "now", lambda: clock() + 3_600)
        time.sleep(1.2)  # two looks into the inbox
        go.set()
        until(lambda: bot._parts.inbox.waiting() == 0)
    assert len(asked) == 1
    assert len([m for m in anna.chat if m.from_bot]) == 1


def test_whoever_may_not_ask_gets_no_answer_where_the_database_is_away_while_they_are_told_so(
    api: BotApi, serve: Serve, shared: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    stranger, anna = api.person(GUEST + 100, "Stranger"), api.person(GUEST, "Anna")
    away_at_first(monkeypatch, "sending")
    stranger.says(WHEN)
    with serve(shared, telegram__allowed=[GUEST]) as bot:
        assert "1987" in answered(anna, WHEN).text
        until(lambda: bot._parts.inbox.waiting() == 0)
    assert not [m for m in stranger.chat if "1987" in m.text]


@pytest.mark.crash
def test_a_question_that_ends_the_program_each_time_is_set_aside_and_the_others_are_answered(
    api: BotApi, tmp_path: Path
) -> None:
    small_library(tmp_path)
    anna, boris = api.person(GUEST, "Anna"), api.person(GUEST + 100, "Boris")
    served = Served(tmp_path, api.url, port=free_port(), extra={"deadly": "poison"}, slow=0.0)
    anna.says("Is this poison?")
    boris.says("Which zeppelin7q lands here?")
    anna.says("Which zeppelin8q lands here?")
    deaths = 0
    with running(served):
        while not any("zeppelin8q" in m.text for m in anna.chat if m.from_bot):
            until(lambda: served.dead or any("zeppelin8q" in m.text for m in anna.chat if m.from_bot))
            if served.dead:
                deaths += 1
                assert deaths < 10
                served.start()
        until(served.ready)
        assert served.end() == 0
    assert deaths == 6
    assert next(m for m in anna.chat if m.from_bot).text.startswith("Something went wrong on my side")
    assert any("zeppelin7q" in m.text for m in boris.chat if m.from_bot)
    assert "it ended the program" in served.said


def test_the_program_ends_with_code_0_when_it_is_told_and_is_ready_in_seconds(api: BotApi, tmp_path: Path) -> None:
    small_library(tmp_path)
    anna = api.person(GUEST, "Anna")
    served = Served(tmp_path, api.url, port=free_port())
    with running(served):
        began = time.monotonic()
        until(served.ready)
        assert time.monotonic() - began < 5
        answered(anna, "Which zeppelin7q lands here?")
        assert served.end() == 0
    assert (tmp_path / "data" / FILE).stat().st_size > 0
    assert "Traceback" not in served.said


@pytest.mark.slow
def test_a_bot_whose_loop_is_stuck_ends_with_an_error_and_the_question_is_answered_after_the_next_start(
    api: BotApi, tmp_path: Path
) -> None:
    small_library(tmp_path)
    anna = api.person(GUEST, "Anna")
    served = Served(tmp_path, api.url, port=free_port(), extra={"blocking": "zeppelin7q"})
    with running(served):
        until(served.ready)
        anna.says("Which zeppelin7q lands here?")
        until(lambda: served.dead)
        assert served.process is not None
        assert served.process.exitcode == 1
        served.extra = {}
        served.start()
        assert "zeppelin7q" in anna.waits(lambda m: m.from_bot, timeout=90).text


def test_while_the_database_of_the_inbox_is_away_nothing_is_confirmed_and_afterwards_all_is_answered(
    api: BotApi, serve: Serve, shared: Library, postgres: Postgres
) -> None:
    anna, boris = api.person(GUEST, "Anna"), api.person(GUEST + 100, "Boris")
    with serve(shared, store__database=SecretStr(postgres.database())) as bot:
        assert "1987" in answered(anna, WHEN).text
        postgres.stop()
        try:
            for person in (anna, boris):
                person.says(WHEN)
            time.sleep(1.5)
            assert len([m for m in anna.chat if m.from_bot]) == 1
        finally:
            postgres.start()
        for person in (anna, boris):
            until(lambda: any("1987" in m.text for m in person.chat[2:] or person.chat if m.from_bot))  # noqa: B023
        until(lambda: bot._parts.inbox.waiting() == 0)
        assert "1987" in answered(anna, WHEN).text
    assert len([m for m in boris.chat if m.from_bot]) == 1


def away_at_first(patch: pytest.MonkeyPatch, name: str, *, times: int = 1) -> None:
    """Let a method of the inbox find its database away so many times."""
    real, left = getattr(Inbox, name), [None] * times

    def call(inbox: Inbox, *arguments: object, **options: object) -> object:
        if left:
            left.pop()
            message = "The database is away."
            raise StoreUnavailable(message)
        return real(inbox, *arguments, **options)

    patch.setattr(Inbox, name, call)
