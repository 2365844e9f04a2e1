"""The admin's desk from the admin's side: /status, /stats, /gaps and /export, by the real bot over real HTTP."""

import datetime as dt
import io
import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from bot import words
from bot.desk import insight
from bot.desk.export import FILE as QUERIES
from bot.desk.gaps import PAGE
from bot.desk.stats import MOST_DAYS
from bot.sending.pace import Limits
from bot.store.inbox import FILE
from bot.store.journal import Journal, new_id
from bot.store.kept import Asked, keep
from index.library import Library
from index.quality import evaluate
from index.truth.database import Database
from tests.botapi import BotApi, Message, Person
from tests.conftest import ADMIN, GUEST, TOKEN, WHEN, Serve, answered, due_now, reindexes, until, write

UNKNOWN = "Who won the chess championship of 1931?"
SAME = "Who was the winner of the chess championship in 1931?"
DAY = 86_400.0
PACED = Limits(1_000.0, 1.0, 1_000, call=3.0)
"""People tap no faster than Telegram lets a message be edited."""

REPORTED = {"stats", "gaps", "export"}


@pytest.fixture
def boss(api: BotApi) -> Person:
    return api.person(ADMIN, "Boss")


@pytest.fixture
def guest(api: BotApi) -> Person:
    return api.person(GUEST, "Anna")


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    """The journal of the bot that a test runs."""
    (tmp_path / "data").mkdir(exist_ok=True)
    database = Database(tmp_path / "data" / FILE)
    yield Journal(database, bot=int(TOKEN.partition(":")[0]))
    database.close()


def asked(journal: Journal, library: Library, *questions: str, ago: float = 0.0) -> None:
    """Write into the journal what was asked so many days ago."""
    for number, question in enumerate(questions):
        at = time.time() - ago * DAY + number * 1e-3
        kept = keep(new_id(), Asked(GUEST, GUEST, 1, at), library.ask(question))
        journal.keep(replace(kept, first=1, message=1, took=1.0))


def thinks(person: Person, message: Message, *labels: str) -> None:
    """Press one button after the other under an answer, each when it is there."""
    for label in labels:
        until(lambda label=label: any(m.id == message.id and label in m.labels for m in person.chat))  # type: ignore[misc]
        assert person.presses(message, label).answer(10).text


def test_a_picture_and_the_same_in_words_tell_how_it_goes(
    serve: Serve, shared: Library, boss: Person, guest: Person
) -> None:
    with serve(shared, limits=PACED):
        thinks(guest, answered(guest, WHEN), "👍")
        thinks(guest, answered(guest, UNKNOWN), "👎", words.reason("answer"))
        answered(guest, "How many rye loaves are sold each week?")
        shown = answered(boss, "/stats", timeout=60)
    lines = shown.text.splitlines()
    today = dt.date.today()  # noqa: DTZ011  the day of this machine is what is meant
    first = today - dt.timedelta(days=29)
    assert lines[:4] == [
        f"From {words.day(first)} to {words.day(today)}",
        "Questions: 3, answered 2, refused 1",
        f"Most in a day: 3, on {words.day(today)}",
        "👍 1 · 👎 1",
    ]
    assert re.fullmatch(r"Time to an answer: half within [\d.]+ s, 95 % within [\d.]+ s", lines[4])
    assert len(shown.text) <= 1_024
    assert shown.photo is not None
    with Image.open(io.BytesIO(shown.photo.data)) as picture:
        assert (picture.format, picture.size) == ("PNG", (1_080, 1_260))
    assert shown.labels == ("Last 7 days", "Last 90 days")


def test_what_takes_long_for_a_year_of_questions_is_not_done_on_the_event_loop(
    serve: Serve, shared: Library, journal: Journal, boss: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked(journal, shared, UNKNOWN)
    where: list[str] = []

    def seen(work: Callable[..., Any]) -> Callable[..., Any]:
        def done(*given: Any, **how: Any) -> Any:
            where.append(threading.current_thread().name)
            return work(*given, **how)

        return done

    monkeypatch.setattr(insight.stats, "count", seen(insight.stats.count))
    monkeypatch.setattr(insight, "wanting", seen(insight.wanting))
    with serve(shared):
        answered(boss, "/stats", timeout=60)
        answered(boss, "/gaps")
    assert [name.partition("_")[0] for name in where] == ["look", "look"]


def test_other_days_are_a_press_away_and_what_was_before_does_not_count(
    serve: Serve, shared: Library, journal: Journal, boss: Person
) -> None:
    asked(journal, shared, WHEN, ago=20)
    asked(journal, shared, WHEN, UNKNOWN, ago=80)
    with serve(shared):
        month = answered(boss, "/stats 30", timeout=60)
        assert "Questions: 1, answered 1, refused 0" in month.text
        boss.presses(month, "Last 90 days").answer(60)
        quarter = boss.waits(lambda m: m.id > month.id and m.photo is not None, timeout=60)
        assert "Questions: 3, answered 2, refused 1" in quarter.text
        assert quarter.labels == ("Last 7 days", "Last 30 days")
        boss.presses(quarter, "Last 7 days").answer(60)
        week = boss.waits(lambda m: m.id > quarter.id and m.from_bot, timeout=60)
        assert week.text.startswith("Nobody asked anything from ")
        assert (week.photo, week.labels) == (None, ("Last 30 days", "Last 90 days"))
        assert "Questions: 3" in answered(boss, "/stats 81", timeout=60).text
        assert "Questions: 1" in answered(boss, "/stats 79", timeout=60).text


@pytest.mark.parametrize("command", sorted(REPORTED))
def test_days_that_make_no_sense_are_explained(serve: Serve, shared: Library, boss: Person, command: str) -> None:
    with serve(shared):
        for given in ("0", "367", "many", "7 7", "-1", "٣", "1e2"):
            assert answered(boss, f"/{command} {given}").text == words.how_many_days(command, most=MOST_DAYS)
        assert not answered(boss, f"/{command} 366").text.startswith("Write")


def test_before_anybody_asked_anything_each_says_so_in_a_line(serve: Serve, shared: Library, boss: Person) -> None:
    with serve(shared):
        assert answered(boss, "/stats").text.startswith("Nobody asked anything")
        gaps = answered(boss, "/gaps")
        assert gaps.text == "In the last 30 days nothing was refused, and nobody disliked an answer."
        assert answered(boss, "/gaps 1").text.startswith("In the last day nothing")
        nothing = answered(boss, "/export")
        assert nothing.text == "The feedback of the last 30 days holds nothing that a case could be made of."
        assert (gaps.labels, nothing.document) == ((), None)


def test_what_the_articles_lack_stands_together_and_names_nobody(
    serve: Serve, shared: Library, boss: Person, guest: Person
) -> None:
    with serve(shared, limits=PACED):
        thinks(guest, answered(guest, UNKNOWN), "👎", words.reason("answer"))
        answered(guest, SAME)
        answered(guest, "/new")
        thinks(guest, answered(guest, WHEN), "👎", words.reason("outdated"))
        answered(guest, "How many rye loaves are sold each week?")
        shown = answered(boss, "/gaps", timeout=90)
    assert shown.text == (
        "Refused or disliked in the last 30 days\n"
        "Questions: 3; grouped by meaning: 2, the most frequent first\n\n"
        f"1. “{SAME}”\nasked 2 times · refused 2 · 👎 1 (should have been answered 1)\n\n"
        f"2. “{WHEN}”\nasked 1 time · 👎 1 (outdated 1)"
    )
    assert "Anna" not in shown.text
    assert str(GUEST) not in shown.text


def test_many_gaps_are_turned_page_by_page_in_place(
    serve: Serve, shared: Library, journal: Journal, boss: Person, expected: list[str]
) -> None:
    expected.append("not modified")
    different = [
        "Who is the king of Norway?",
        "How tall is the Eiffel tower?",
        "What does a litre of milk cost?",
        "Which team won the cup in 1974?",
        "When does the next train to Vienna leave?",
        "Why is the sky blue?",
        "Where do penguins sleep?",
    ]
    asked(journal, shared, *different)
    asked(journal, shared, "Who is the king of Norway?", ago=3)
    with serve(shared):
        first = answered(boss, "/gaps 2", timeout=90)
        assert re.findall(r"^(\d+)\.", first.text, re.MULTILINE) == [str(n + 1) for n in range(PAGE)]
        assert first.labels == ("1 of 2", "›")
        boss.presses(first, "›").answer(10)
        second = boss.waits(lambda m: m.id == first.id and "6. “" in m.text)
        assert second.labels == ("‹", "2 of 2")
        assert {one for one in different if one in first.text + second.text} == set(different)
        assert boss.presses_data(second, "gaps:2:77").answer(10).text == ""
        whole = answered(boss, "/gaps 4", timeout=90)
        assert whole.text.splitlines()[3:5] == ["1. “Who is the king of Norway?”", "asked 2 times · refused 2"]
        told = boss.presses_data(second, "gaps:999:0").answer(10)
        assert (told.text, told.show_alert) == (words.how_many_days("gaps", most=MOST_DAYS), True)
        assert boss.presses_data(second, "stats:8").answer(10).text == ""


def test_feedback_is_handed_over_as_a_file_that_an_evaluation_reads(
    serve: Serve, shared: Library, boss: Person, guest: Person, tmp_path: Path
) -> None:
    with serve(shared, limits=PACED):
        thinks(guest, answered(guest, WHEN), "👍")
        thinks(guest, answered(guest, UNKNOWN), "👎", words.reason("answer"))
        thinks(guest, answered(guest, "How many rye loaves are sold each week?"), "👎")
        handed = answered(boss, "/export", timeout=90)
    assert handed.text == (
        "Cases from feedback: 2. Put the file beside the articles, then: footnote eval FOLDER\n\n"
        "It holds what people asked: keep it as private as the bot.\n\n"
        "To be filled in: 1. Their notes say what; until then it only counts whether they were answered, and how "
        "often answers are wrong cannot be told.\n\n"
        "Left out, because somebody disliked the answer and did not say why: 1."
    )
    assert handed.document is not None
    assert handed.document.name == QUERIES
    (tmp_path / QUERIES).write_bytes(handed.document.data)
    liked, lacking = evaluate.questions(tmp_path)
    assert (liked.text, lacking.text, lacking.answers) == (WHEN, UNKNOWN, ())
    figures = evaluate.measure(list(evaluate.run(shared, [liked, lacking])), {})
    assert (figures["contains"], figures["cite_recall"], figures["refused_wrong"]) == (1.0, 1.0, 0.5)


def test_status_tells_an_admin_how_the_bot_is_and_everyone_else_what_it_knows(
    serve: Serve, own_library: Library, folder: Path, boss: Person, guest: Person
) -> None:
    with serve(own_library, telegram__reindex_every=60) as bot:
        short, before = answered(guest, "/status").text, answered(boss, "/status").text
        assert before.partition("\nDisk")[0] == short.partition("\nDisk")[0]
        assert "Memory" not in short
        assert "No reindex since the bot began" in before
        assert "Waiting updates: 0" in before
        size = re.search(r"^Memory ([\d,.]+) MB$", before, re.MULTILINE)
        assert size is not None
        assert 100 < float(size[1].replace(",", "")) < 20_000
        assert re.search(r"^Version \d+\.\d+", before, re.MULTILINE)
        following = re.search(r"^Next reindex, by schedule: (.+)$", before, re.MULTILINE)
        assert following is not None
        due = dt.datetime.strptime(following[1], "%d %b %Y, %H:%M").astimezone()
        assert 57 * 60 < (due - dt.datetime.now().astimezone()).total_seconds() <= 3_600
        write(folder / "mill.md", title="Mill", text="A new mill was built.")
        reindexes(boss)
        boss.waits(lambda m: "Added 1" in m.text, timeout=90)
        assert re.search(r"Last reindex, .+: added 1, changed 0, removed 0, failed 0$", status(boss), re.MULTILINE)
        due_now(bot)
        until(lambda: re.search(r"Last reindex, by schedule, .+: nothing to do$", status(boss), re.MULTILINE))
        folder.rename(folder.with_name("away"))
        boss.says("/reindex")
        boss.waits(lambda m: m.text.startswith("There is no folder"), timeout=90)
        assert re.search(r"Last reindex, .+: There is no folder", status(boss))


def status(person: Person) -> str:
    return answered(person, "/status").text


def test_a_plan_that_nobody_agreed_to_is_no_reindex(
    serve: Serve, own_library: Library, folder: Path, boss: Person
) -> None:
    write(folder / "mill.md", title="Mill", text="A new mill was built.")
    with serve(own_library):
        said = boss.says("/reindex")
        boss.waits(lambda m: "Reindex now" in m.labels, after=said, timeout=90)
        assert "No reindex since the bot began" in status(boss)
        assert "Next reindex" not in status(boss)


def test_a_picture_that_telegram_surely_did_not_take_is_sent_again(
    api: BotApi, serve: Serve, shared: Library, journal: Journal, boss: Person, expected: list[str]
) -> None:
    expected.append("")
    asked(journal, shared, WHEN)
    with serve(shared):
        api.fail_next("sendPhoto", status=429, description="Too Many Requests: retry after 1", retry_after=1)
        shown = answered(boss, "/stats", timeout=60)
        assert shown.photo is not None
        until(lambda: api.waiting == 0)
    assert sum(m.photo is not None for m in boss.chat) == 1


def test_the_menus_show_admins_what_is_theirs_and_one_without_a_chat_holds_up_no_other(
    api: BotApi, serve: Serve, shared: Library, boss: Person
) -> None:
    with serve(shared, telegram__admins=[ADMIN + 100, ADMIN]):
        until(lambda: len(api.calls("setMyCommands")) >= 3 * len(words.languages()))
        boss.says("/help")
    menus: dict[str, set[str]] = {}
    for call in api.calls("setMyCommands"):
        given: Any = call.parameters
        scope = json.loads(given["scope"]) if isinstance(given.get("scope"), str) else given.get("scope") or {}
        commands = json.loads(given["commands"]) if isinstance(given["commands"], str) else given["commands"]
        menus[str(scope.get("chat_id", scope.get("type", "default")))] = {command["command"] for command in commands}
    assert not REPORTED & menus["default"]
    assert menus[str(ADMIN)] >= REPORTED
    assert menus["default"] < menus[str(ADMIN)]
    assert menus["all_group_chats"] == {"ask"}  # the bot is deaf to every other there


def test_the_longest_words_fit_under_a_picture() -> None:
    days = tuple(
        insight.stats.Day(dt.date(2026, 9, 30), 10**7, 10**7, 10**7, 10**7, 1.0, 1.0) for _ in range(MOST_DAYS)
    )
    for language in words.languages():
        with words.speaking(language):
            assert len(words.stats(insight.stats.Stats(days, 359_999.0, 359_999.0))) <= 1_024
