"""Many people at once: nobody is forgotten, nobody pushes in, and nothing holds up the event loop."""

import asyncio
import gc
import re
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bot import app, words
from bot.lifecycle import Lifecycle
from bot.sending import pace
from index.library import Library
from index.records import Answer, Turn
from tests.botapi import BotApi, Person, rates
from tests.callbacks import Callback, longest, timed
from tests.conftest import ADMIN, GUEST, WHEN, Serve, answered, served_settings, until, write

MARK = re.compile(r"zeppelin(\d+)q")


def test_200_questions_of_40_people_hold_up_neither_order_nor_the_loop_while_a_reindex_runs(
    api: BotApi, serve: Serve, own_library: Library, folder: Path
) -> None:
    boss, people = api.person(ADMIN, "Boss"), [api.person(1_000 + n, f"P{n}") for n in range(40)]
    with timed_at_rest() as took, serve(own_library) as bot:
        took.clear()  # what the start takes, nobody waits for
        for number in range(200):
            people[number % 40].says(f"Which zeppelin{number}q lands here?{f' {WHEN}' * (number % 3)}")
            if number == 100:
                write(folder / "zoo.md", title="A zoo", text="The zoo of Lindholm keeps 14 penguins.")
                boss.says("/reindex")
        plan = boss.waits(lambda m: "Reindex now" in m.labels, timeout=60)
        boss.presses(plan, "Reindex now")
        until(lambda: sum(len(heard(person)) for person in people) >= 200, seconds=90)
        until(lambda: any("Added 1" in message.text for message in boss.chat), seconds=120)
        slowest = slowest_of(took, bot)
    for number, person in enumerate(people):
        assert heard(person) == list(range(number, 200, 40))
    assert slowest.cpu <= longest(), slowest


def test_long_messages_in_large_batches_do_not_hold_up_the_loop(api: BotApi, serve: Serve, shared: Library) -> None:
    people = [api.person(1_000 + n, f"P{n}") for n in range(100)]
    with timed_at_rest() as took, serve(shared, delivery__waiting=10) as bot:
        answered(people[0], WHEN)
        took.clear()
        with api._state.changed:  # so that the next poll brings them all
            for person in people:
                person.says("ж" * 4_096)
        until(lambda: all(any(message.from_bot for message in person.chat) for person in people), seconds=120)
        until(lambda: api.waiting == 0)
        slowest = slowest_of(took, bot)
    assert slowest.cpu <= longest(), slowest


def test_a_process_of_its_own_looks_no_more_through_what_its_start_made(
    api: BotApi, shared: Library, tmp_path: Path
) -> None:
    """Or Python's collector stops the loop for over 100 ms now and then."""
    bot = app.build(shared, served_settings(tmp_path / "data", api.url))

    def end() -> None:
        until(lambda: not bot.lacks)
        bot.stop()

    gc.unfreeze()  # what the tests have kept from it when they were collected
    ending = threading.Thread(target=end)
    ending.start()
    try:
        assert asyncio.run(bot.run()) == 0
        assert gc.get_freeze_count() > 100_000
    finally:
        ending.join()


def test_who_sends_a_flood_does_not_delay_another_person(api: BotApi, serve: Serve, shared: Library) -> None:
    eager, anna = api.person(GUEST, "Eager"), api.person(GUEST + 100, "Anna")
    with serve(shared, delivery__burst=30):
        for _ in range(24):
            eager.says(WHEN)
        until(lambda: len(from_bot(eager)) >= 2)
        asked = anna.says(WHEN)
        reply = anna.waits(lambda _: True, after=asked, timeout=90)
        until(lambda: len(from_bot(eager)) == 24, seconds=120)
    meanwhile = [m for m in eager.chat if m.from_bot and asked.sent_at < m.sent_at < reply.sent_at]
    assert len(meanwhile) <= 6  # two when the machine is idle; 20 where a flood is answered first


def test_who_asks_too_fast_gets_one_line_and_an_answer_a_little_later(
    api: BotApi, serve: Serve, shared: Library
) -> None:
    eager, anna = api.person(GUEST, "Eager"), api.person(GUEST + 100, "Anna")
    with serve(shared, delivery__burst=4, delivery__per_minute=30) as bot:
        began = time.monotonic()
        for _ in range(30):
            eager.says(WHEN)
        until(lambda: words.TOO_FAST in from_bot(eager))
        assert "1987" in answered(anna, WHEN).text
        until(lambda: bot._parts.inbox.waiting() == 0)
        refilled = (time.monotonic() - began) * 30 / 60
        assert from_bot(eager).count(words.TOO_FAST) == 1
        assert 4 <= sum("1987" in text for text in from_bot(eager)) <= 4 + refilled
        time.sleep(2.1)  # a token comes every two seconds
        assert "1987" in answered(eager, WHEN).text


def test_who_asks_while_too_many_wait_is_told_so_at_once_and_those_who_wait_are_answered(
    api: BotApi, serve: Serve, shared: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    early, late = ([api.person(number + n, f"P{n}") for n in range(6)] for number in (1_000, 2_000))
    with held_back(monkeypatch) as let_go, serve(shared, delivery__waiting=6):
        for person in (*early, *late, *late):
            person.says(WHEN)
        until(lambda: all(from_bot(person) for person in late))
        assert not any(from_bot(person) for person in early)
        let_go()
        until(lambda: all(from_bot(person) for person in early))
        assert "1987" in answered(late[0], WHEN).text
    assert [from_bot(person) for person in late[1:]] == [[words.CROWDED]] * 5, "one line each, though they asked twice"
    assert all("1987" in text for person in early for text in from_bot(person))


@pytest.mark.parametrize("paced", [True, False])
def test_answers_that_are_ready_at_once_go_out_no_faster_than_telegram_allows(
    api: BotApi, serve: Serve, shared: Library, monkeypatch: pytest.MonkeyPatch, *, paced: bool
) -> None:
    """Without limits of ours the server does notice; both of its limits leave half a second for a busy machine."""
    ready = shared.ask(WHEN)
    monkeypatch.setattr(Library, "ask", lambda *_: ready)
    api._state.rates = rates.Rates(rates.Limits(overall=10, tolerance=0.5))
    people = [api.person(1_000 + n, f"P{n}") for n in range(20)]
    limits = pace.Limits(a_second=10, between=1.0) if paced else pace.Limits(1_000, 0.0)
    with serve(shared, limits=limits):
        for person in (*people, *people[:3], *people[:3]):
            person.says(WHEN)
        until(lambda: api.count("sendMessage") == 26)
    assert (api.pace == []) is paced


@contextmanager
def timed_at_rest() -> Iterator[list[Callback]]:
    """Time callbacks, with all that the tests have made so far out of Python's sight, as in a process of its own.

    What is left for it to look through is what comes up under load.
    """
    gc.collect()
    gc.freeze()
    try:
        with timed() as took:
            yield took
    finally:
        gc.unfreeze()


def slowest_of(took: list[Callback], bot: Lifecycle) -> Callback:
    """Return the callback of the bot's loop that kept its thread busy for longest."""
    of_bot = [one for one in took if one.loop is bot._loop]
    assert len(of_bot) > 500, "they are not timed"
    return max(of_bot, key=lambda one: one.cpu)


@contextmanager
def held_back(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], None]]:
    """Let questions wait in the Library until what this gives is called."""
    gate, ask = threading.Event(), Library.ask

    def waiting(library: Library, question: str, history: Sequence[Turn] = ()) -> Answer:
        assert gate.wait(30)
        return ask(library, question, history)

    with monkeypatch.context() as patch:
        patch.setattr(Library, "ask", waiting)
        try:
            yield gate.set
        finally:
            gate.set()


def from_bot(person: Person) -> list[str]:
    return [message.text for message in person.chat if message.from_bot]


def heard(person: Person) -> list[int]:
    """Return the numbers of the questions that were answered, in order."""
    return [int(number) for text in from_bot(person) for number in dict.fromkeys(MARK.findall(text))]


def test_the_soak_sees_what_grows_and_lets_pass_what_only_wavers() -> None:
    from tests.bench.soak import Sample, growing, slope

    draw = np.random.default_rng(5)
    asked = range(0, 5_000, 10)
    steps = 300 + np.repeat(draw.normal(0, 1, 25), 20)
    flat = [Sample(n, memory, 40 + n % 3, 24) for n, memory in zip(asked, steps, strict=True)]
    assert growing(flat, 5_000) == []
    leaking = [Sample(s.answered, s.memory + s.answered / 200, s.files + s.answered // 900, 24) for s in flat]
    files, memory = growing(leaking, 5_000)
    assert files.startswith("open files grow")
    assert memory.startswith("memory grows by")
    rate, half = slope(list(asked), [sample.memory for sample in leaking])
    assert abs(rate - 1 / 200) < half < 1 / 400


def test_the_soak_notices_an_answer_that_belongs_to_another_question(api: BotApi) -> None:
    from tests.bench.soak import Heard

    anna, heard = api.person(GUEST, "Anna"), Heard(iter(()))
    first, second = anna.says("Which zeppelin1q lands?"), anna.says("Which zeppelin2q lands?")
    heard.note(first, replace(first, text="No article mentions: zeppelin1q"))
    assert not heard.mixed_up
    heard.note(second, replace(second, text="No article mentions: zeppelin1q"))
    heard.note(first, replace(first, text="In Budapest."))
    assert len(heard.mixed_up) == 2
