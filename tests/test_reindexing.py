"""Reindexing from the chat: plan, consent, Stop, rollback and the schedule, by the real bot over real HTTP."""

import datetime as dt
import json
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from bot import words
from bot.desk.reindexing import Reindexing, Run
from bot.desk.schedule import Schedule
from index.library import Library
from tests.botapi import BotApi, Message, Person
from tests.conftest import (
    ADMIN,
    GUEST,
    TOKEN,
    WHEN,
    MakeLibrary,
    Serve,
    answered,
    due_now,
    many,
    reindexes,
    to_embed,
    until,
    write,
)

OTHER_ADMIN = 17


def number(library: Library) -> int:
    revision = library.revision()
    assert revision is not None
    return revision.number


def empty(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).rename(folder / f"{name}.away")


def asked_for_consent(person: Person) -> Message:
    said = person.says("/reindex")
    return person.waits(lambda m: "Nothing happens until you choose" in m.text, after=said, timeout=90)


def pressed(person: Person, message: Message, label: str) -> Any:
    return person.presses(message, label).answer(60)


Turns = Callable[[int], None]
Strikes = Callable[[Any], None]


@pytest.fixture
def turns(monkeypatch: pytest.MonkeyPatch) -> Turns:
    """Wait until `count` turns in all were taken and given back; nothing works on the library then."""
    taken, ended = 0, 0
    begin, end = Reindexing.begin, Reindexing.end

    def begun(self: Reindexing, *, by_itself: bool = False) -> Run | None:
        nonlocal taken
        run = begin(self, by_itself=by_itself)
        taken += run is not None
        return run

    def given(self: Reindexing, run: Run) -> None:
        nonlocal ended
        ended += self.running is run
        end(self, run)

    monkeypatch.setattr(Reindexing, "begin", begun)
    monkeypatch.setattr(Reindexing, "end", given)
    return lambda count: until(lambda: taken == ended == count)


@pytest.fixture
def strikes(monkeypatch: pytest.MonkeyPatch) -> Strikes:
    """Let the clock strike, and wait until the schedule has done all that it does then, what it tells included."""
    ended: list[Run] = []
    read: Callable[..., Awaitable[None]] = Schedule._read

    async def noted(self: Schedule, context: Any, run: Run) -> None:
        await read(self, context, run)
        ended.append(run)

    def strike(bot: Any) -> None:
        before = len(ended)
        due_now(bot)
        until(lambda: len(ended) > before)

    monkeypatch.setattr(Schedule, "_read", noted)
    return strike


@pytest.fixture
def boss(api: BotApi) -> Person:
    return api.person(ADMIN, "Boss")


def test_the_plan_stands_above_the_progress_and_nothing_to_do_is_said(
    serve: Serve, own_library: Library, folder: Path, boss: Person
) -> None:
    (folder / "broken.txt").write_bytes(b"")
    with serve(own_library):
        said = boss.says("/reindex")
        idle = boss.waits(lambda m: m.text.startswith("Nothing to do: 3 articles"), after=said, timeout=90)
        assert idle.text.endswith("✗ broken.txt: is empty")
        assert idle.labels == ()
        many(folder, 60)
        (folder / "bakery.md").unlink()
        plan = reindexes(boss)
        shown = boss.waits(lambda m: "Embedding passages" in m.text, timeout=90)
        assert shown.id == plan.id
        assert shown.text.startswith("+60 ~0 -1 · 2 unchanged · 1 failed\n\nEmbedding passages\n")
        assert shown.labels == ("Stop",)
        done = boss.waits(lambda m: m.text.startswith("Done in"), timeout=120)
    assert done.id == shown.id
    assert done.labels == ()


def test_every_change_is_asked_about_first_and_nothing_is_done_for_who_leaves_it(
    serve: Serve, own_library: Library, folder: Path, boss: Person, turns: Turns
) -> None:
    (folder / "broken.txt").write_bytes(b"")
    write(folder / "mill.md", title="Mill", text="A new mill was built.")
    with serve(own_library):
        said = boss.says("/reindex")
        plan = boss.waits(lambda m: "Reindex now" in m.labels, after=said, timeout=90)
        assert plan.text == f"+1 ~0 -0 · 3 unchanged · 1 failed\n\n✗ broken.txt: is empty\n\n{words.WAITS}"
        assert plan.labels == ("Reindex now", "Leave all as it is")
        turns(1)
        assert number(own_library) == 1
        assert pressed(boss, plan, "Leave all as it is").text == words.KEPT
        assert pressed(boss, plan, "Reindex now").text == words.SETTLED
        boss.waits(lambda m: m.id == plan.id and m.text == words.LEFT and not m.labels)
        assert number(own_library) == 1
        plan = reindexes(boss)
        done = boss.waits(lambda m: "Added 1, changed 0, removed 0, unchanged 3" in m.text, timeout=90)
        turns(3)
    assert (done.id, done.labels) == (plan.id, ())
    assert number(own_library) == 2


def test_of_very_many_files_that_cannot_be_read_some_are_named_and_the_rest_is_counted(
    serve: Serve, own_library: Library, folder: Path, boss: Person, turns: Turns
) -> None:
    for n in range(words.SHOWN + 280):
        (folder / f"a rather long name of a file that is broken, number {n:03}.txt").write_bytes(b"")
    with serve(own_library):
        said = boss.says("/reindex")
        idle = boss.waits(lambda m: m.text.startswith("Nothing to do: 3 articles"), after=said, timeout=60)
        assert (idle.text.count("is empty"), "… and 280 more files" in idle.text) == (words.SHOWN, True)
        write(folder / "mill.md", title="Mill", text="A new mill was built.")
        plan = reindexes(boss)
        done = boss.waits(lambda m: m.id == plan.id and m.text.startswith("Done in"), timeout=60)
        assert (done.text.count("is empty"), "… and 280 more files" in done.text) == (words.SHOWN, True)
        turns(3)
    assert sum(m.from_bot for m in boss.chat) == 2


def test_who_agreed_to_additions_is_asked_again_once_much_has_gone(
    serve: Serve, own_library: Library, folder: Path, boss: Person
) -> None:
    write(folder / "mill.md", title="Mill", text="A new mill was built.")
    with serve(own_library):
        said = boss.says("/reindex")
        plan = boss.waits(lambda m: "Reindex now" in m.labels, after=said, timeout=90)
        empty(folder, "bakery.md", "library.md")
        pressed(boss, plan, "Reindex now")
        again = boss.waits(lambda m: "This would remove 2 of 3 articles" in m.text, timeout=90)
        assert (again.id, number(own_library)) == (plan.id, 1)
        pressed(boss, again, "Remove 2 articles")
        boss.waits(lambda m: "Added 1, changed 0, removed 2, unchanged 1" in m.text, timeout=90)
    assert number(own_library) == 2


def test_a_plan_that_is_out_of_date_is_not_carried_out(
    serve: Serve, own_library: Library, folder: Path, boss: Person
) -> None:
    write(folder / "mill.md", title="Mill", text="A new mill was built.")
    with serve(own_library):
        said = boss.says("/reindex")
        plan = boss.waits(lambda m: "Reindex now" in m.labels, after=said, timeout=90)
        own_library.index(folder)
        told = pressed(boss, plan, "Reindex now")
        assert (told.text, told.show_alert) == (words.OUT_OF_DATE.format(command="reindex"), True)
        boss.waits(lambda m: m.id == plan.id and m.text == told.text and not m.labels)
    assert number(own_library) == 2


def test_a_removal_of_much_waits_for_an_admin_to_choose(
    serve: Serve, own_library: Library, folder: Path, boss: Person, turns: Turns
) -> None:
    empty(folder, "bakery.md", "library.md")
    with serve(own_library):
        question = asked_for_consent(boss)
        assert question.text.startswith("+0 ~0 -2 · 1 unchanged\n\nThis would remove 2 of 3 articles")
        assert question.labels == ("Remove 2 articles", "Leave all as it is")
        turns(1)
        assert number(own_library) == 1
        assert pressed(boss, question, "Leave all as it is").text == words.KEPT
        assert pressed(boss, question, "Remove 2 articles").text == words.SETTLED
        boss.waits(lambda m: m.id == question.id and m.text == words.LEFT and not m.labels)
        assert number(own_library) == 1
        question = asked_for_consent(boss)
        first = boss.presses(question, "Remove 2 articles")
        second = boss.presses(question, "Remove 2 articles")
        assert {first.answer(60).text, second.answer(20).text} == {words.REINDEX_STARTED, words.SETTLED}
        done = boss.waits(lambda m: "Added 0, changed 0, removed 2, unchanged 1" in m.text, timeout=90)
        turns(3)
    assert (done.id, done.labels) == (question.id, ())
    assert number(own_library) == 2


def test_the_button_asks_again_when_more_has_gone_since_and_works_after_a_restart(
    serve: Serve, make_library: MakeLibrary, folder: Path, boss: Person
) -> None:
    for n in range(3):
        write(folder / f"mill-{n}.md", title=f"Mill {n}", text=f"Mill {n} was built.")
    library = make_library(library__articles=str(folder))
    library.index(folder)
    empty(folder, "mill-0.md", "mill-1.md", "mill-2.md", "bakery.md")
    with serve(library):
        question = asked_for_consent(boss)
        empty(folder, "library.md")
        pressed(boss, question, "Remove 4 articles")
        again = boss.waits(lambda m: "This would remove 5 of 6" in m.text, timeout=90)
        assert again.id == question.id
        assert number(library) == 1
    with serve(library):
        pressed(boss, again, "Remove 5 articles")
        boss.waits(lambda m: "removed 5, unchanged 1" in m.text, timeout=90)
    assert number(library) == 2


def test_buttons_of_a_state_that_is_gone_say_so_and_do_nothing(
    serve: Serve, own_library: Library, folder: Path, boss: Person
) -> None:
    (folder / "harbour.md").write_text("The harbour has been closed since 1990.")
    own_library.index(folder)
    empty(folder, "bakery.md", "library.md")
    with serve(own_library):
        removal = asked_for_consent(boss)
        back = answered(boss, "/rollback")
        own_library.index(folder, agreed=True)
        for message, label, command in ((removal, "Remove 2 articles", "reindex"), (back, "Go back", "rollback")):
            told = pressed(boss, message, label)
            assert (told.text, told.show_alert) == (words.OUT_OF_DATE.format(command=command), True)
            shown = boss.waits(lambda m, id_=message.id: m.id == id_ and not m.labels)  # type: ignore[misc]
            assert shown.text == told.text
    assert number(own_library) == 3


def test_nobody_but_an_admin_can_press_what_only_admins_see(
    api: BotApi, serve: Serve, own_library: Library, folder: Path
) -> None:
    (folder / "harbour.md").write_text((folder / "harbour.md").read_text().replace("1987", "1990"))
    own_library.index(folder)
    anna = api.person(GUEST, "Anna")
    forged = ["reindex:agree:2:3", "reindex:leave", "reindex:stop:abcd-0", "rollback:go:2:1", "rollback:stay"]
    keyboard = {"inline_keyboard": [[{"text": data, "callback_data": data}] for data in forged]}
    with serve(own_library):
        form = {"chat_id": GUEST, "text": "An old message", "reply_markup": json.dumps(keyboard)}
        httpx.post(f"{api.url}/bot{TOKEN}/sendMessage", data=form).raise_for_status()
        message = anna.waits(lambda m: bool(m.buttons))
        for data in forged:
            told = pressed(anna, message, data)
            assert (told.text, told.show_alert) == (words.ADMINS_ONLY, True)
        assert answered(anna, "/rollback").text == words.ADMINS_ONLY
        assert "1990" in answered(anna, WHEN).text
    assert number(own_library) == 2


def test_stop_ends_a_reindex_in_seconds_and_the_next_one_goes_on_with_what_was_embedded(
    serve: Serve, own_library: Library, folder: Path, boss: Person
) -> None:
    many(folder, 100)
    all_of_them = to_embed(own_library, folder)
    with serve(own_library):
        reindexes(boss)
        shown = boss.waits(lambda m: "Embedding passages" in m.text and "▰" in m.text, timeout=60)
        asked = time.monotonic()
        assert pressed(boss, shown, "Stop").text == words.STOPPING
        ended = boss.waits(lambda m: m.text.startswith("Stopped. The articles are as they were"), timeout=15)
        assert time.monotonic() - asked < 10
        assert (ended.id, ended.labels) == (shown.id, ())
        assert number(own_library) == 1
    assert 0 < to_embed(own_library, folder) < all_of_them


def test_a_stop_button_that_an_earlier_process_left_behind_says_what_became_of_it(
    api: BotApi, serve: Serve, own_library: Library, boss: Person
) -> None:
    keyboard = {"inline_keyboard": [[{"text": "Stop", "callback_data": "reindex:stop:0123abcd-4"}]]}
    with serve(own_library):
        form = {"chat_id": ADMIN, "text": "Embedding passages", "reply_markup": json.dumps(keyboard)}
        httpx.post(f"{api.url}/bot{TOKEN}/sendMessage", data=form).raise_for_status()
        left = boss.waits(lambda m: bool(m.buttons))
        assert pressed(boss, left, "Stop").text == words.ENDED_ALREADY
        assert boss.waits(lambda m: m.text == words.CUT_SHORT).labels == ()


def test_a_stop_that_reaches_another_bot_than_the_one_at_work_does_not_say_that_it_has_ended(  # noqa: PLR0917  fixtures
    api: BotApi, serve: Serve, make_library: MakeLibrary, folder: Path, boss: Person, database: str, server: str
) -> None:
    shared = {"store__database": database, "store__url": server, "library__articles": str(folder)}
    library = make_library(**shared)
    library.index(folder)
    other = make_library(folder.parent / "other", **shared)
    keyboard = {"inline_keyboard": [[{"text": "Stop", "callback_data": "reindex:stop:0123abcd-4"}]]}
    with serve(library, store__database=database):
        form = {"chat_id": ADMIN, "text": "Embedding passages", "reply_markup": json.dumps(keyboard)}
        httpx.post(f"{api.url}/bot{TOKEN}/sendMessage", data=form).raise_for_status()
        shown = boss.waits(lambda m: bool(m.buttons))
        with other._ledger.alone(doing="indexing"):
            told = pressed(boss, shown, "Stop")
        assert (told.text, told.show_alert) == (words.RUNS_ELSEWHERE, True)
        assert boss.chat[-1].labels == ("Stop",)
        assert pressed(boss, shown, "Stop").text == words.ENDED_ALREADY
        boss.waits(lambda m: m.text == words.CUT_SHORT)


def test_a_rollback_is_shown_first_and_done_when_an_admin_says_so(
    api: BotApi, serve: Serve, own_library: Library, folder: Path, boss: Person
) -> None:
    with serve(own_library):
        assert answered(boss, "/rollback").text == words.NOTHING_TO_UNDO
        (folder / "harbour.md").write_text("The harbour has been closed since 1990.")
        write(folder / "mill.md", title="Mill", text="A new mill was built.")
        own_library.index(folder)
        question = answered(boss, "/rollback")
        assert "Now: revision 2, made on " in question.text
        assert "Before: revision 1, made on " in question.text
        assert "3 articles" in question.text
        assert pressed(boss, question, "Keep").text == words.KEPT
        boss.waits(lambda m: m.id == question.id and m.text == words.KEPT)
        assert number(own_library) == 2
        question = answered(boss, "/rollback")
        asked = time.monotonic()
        pressed(boss, question, "Go back")
        done = boss.waits(lambda m: m.text.startswith("Revision 1 is served again"), timeout=10)
        assert time.monotonic() - asked < 5
        assert (done.id, done.labels) == (question.id, ())
        assert done.text.endswith(words.RESTS)
        assert words.RESTS in answered(boss, "/status").text
        assert "1987" in answered(boss, WHEN).text
        reindexes(boss)
        boss.waits(lambda m: "Added 1, changed 1" in m.text, timeout=90)
        assert words.RESTS not in answered(boss, "/status").text
    menus = [call.parameters["commands"] for call in api.calls("setMyCommands")]
    assert "rollback" in str(menus[-1])
    assert "rollback" not in str(menus[0])


def test_what_came_of_it_is_said_though_telegram_is_away_when_it_is_done(
    api: BotApi, serve: Serve, own_library: Library, copied: Path, boss: Person, expected: list[str]
) -> None:
    expected.append("Bad Gateway")
    write(copied / "new.md", title="New", text="Something new came to Lindholm.")

    def go_away() -> None:
        for method in ("editMessageText", "sendMessage"):
            api.fail_next(method, status=502, times=2)

    with serve(own_library):
        plan = asked_for_consent(boss)
        time.sleep(1.1)  # or progress would be shown, and take one of the failures
        go_away()
        pressed(boss, plan, "Reindex now")
        boss.waits(lambda m: m.id == plan.id and "Added 1, changed 0" in m.text, timeout=90)
        question = answered(boss, "/rollback")
        go_away()
        pressed(boss, question, "Go back")
        boss.waits(lambda m: m.id == question.id and "is served again" in m.text and not m.labels, timeout=90)
    assert number(own_library) == 1


def test_the_schedule_tells_admins_silently_what_changed_and_nothing_when_nothing_did(  # noqa: PLR0917  fixtures
    api: BotApi, serve: Serve, own_library: Library, folder: Path, boss: Person, expected: list[str], strikes: Strikes
) -> None:
    expected.append("bot was blocked")
    api.person(OTHER_ADMIN, "Other").blocks()
    with serve(own_library, telegram__reindex_every=60, telegram__admins=[OTHER_ADMIN, ADMIN]) as bot:
        assert "The bot reads the folder again every 1 h." in answered(boss, "/status").text
        said = boss.says("/help")
        boss.waits(lambda _: True, after=said)
        for _ in range(2):
            strikes(bot)
        assert boss.chat[-1].text.startswith("Just write")
        (folder / "harbour.md").write_text("The harbour has been closed since 1990.")
        due_now(bot)
        told = boss.waits(lambda m: "changed 1" in m.text, timeout=90)
    assert told.text.startswith(words.ON_SCHEDULE)
    assert api.calls("sendMessage")[-1].parameters["disable_notification"] in (True, "true")
    assert number(own_library) == 2


def test_the_schedule_asks_once_whether_much_may_be_removed_and_the_button_does_it(
    serve: Serve, own_library: Library, folder: Path, boss: Person, strikes: Strikes
) -> None:
    empty(folder, "bakery.md", "library.md")
    with serve(own_library, telegram__reindex_every=60) as bot:
        due_now(bot)
        question = boss.waits(lambda m: "This would remove 2 of 3 articles" in m.text, timeout=90)
        for _ in range(2):
            strikes(bot)
        assert len(boss.chat) == 1
        pressed(boss, question, "Remove 2 articles")
        boss.waits(lambda m: "removed 2, unchanged 1" in m.text, timeout=90)
    assert number(own_library) == 2


def test_the_schedule_tells_a_failure_once_and_rests_after_a_rollback(
    serve: Serve, own_library: Library, folder: Path, boss: Person, strikes: Strikes
) -> None:
    (folder / "harbour.md").write_text("The harbour has been closed since 1990.")
    own_library.index(folder)
    with serve(own_library, telegram__reindex_every=60) as bot:
        folder.rename(folder.with_name("away"))
        for _ in range(3):
            strikes(bot)
        assert ["There is no folder" in message.text for message in boss.chat] == [True]
        folder.with_name("away").rename(folder)
        own_library.rollback()
        strikes(bot)
        assert len(boss.chat) == 1
    assert own_library.held
    assert number(own_library) == 1


def test_a_scheduled_reindex_runs_alone_and_can_be_stopped(
    serve: Serve, own_library: Library, folder: Path, boss: Person
) -> None:
    many(folder, 100)
    with serve(own_library, telegram__reindex_every=60) as bot:
        due_now(bot)
        until(lambda: answered(boss, "/reindex").text == words.REINDEX_BUSY_BY_ITSELF or number(own_library) > 1)
        busy = boss.chat[-1]
        assert pressed(boss, busy, "Stop").text == words.STOPPING
        boss.waits(lambda m: m.text.startswith(f"{words.ON_SCHEDULE}\n\nStopped."), timeout=90)
        boss.waits(lambda m: m.id == busy.id and m.text == words.STOPPING and not m.labels)
    assert number(own_library) == 1


def test_the_schedule_does_not_begin_with_the_bot(serve: Serve, own_library: Library, folder: Path) -> None:
    (folder / "harbour.md").write_text("The harbour has been closed since 1990.")
    with serve(own_library, telegram__reindex_every=1) as bot:
        (job,) = bot.application.job_queue.get_jobs_by_name("reindex")
        until(lambda: job.next_t is not None)
        assert 30 < (job.next_t - dt.datetime.now(dt.UTC)).total_seconds() <= 60
    assert number(own_library) == 1
