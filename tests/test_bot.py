"""The bot as people meet it: the real Application against a Bot API server over real HTTP."""

import json
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import httpx
import pytest

from bot import words
from index.library import Library
from index.records import Answer, Turn
from tests.botapi import BotApi, Message, Person
from tests.conftest import (
    ADMIN,
    GUEST,
    STRANGER,
    TOKEN,
    WHEN,
    MakeLibrary,
    Serve,
    answered,
    lend,
    reindexes,
    until,
    write,
)


def test_a_question_is_answered_with_the_claim_and_the_passage_that_proves_it(
    api: BotApi, serve: Serve, shared: Library
) -> None:
    anna = api.person(GUEST, "Anna")
    with serve(shared):
        reply = answered(anna, WHEN)
    first, _, rest = reply.text.partition("\n\n")
    assert first == "The old harbour of Lindholm was closed to cargo ships in 1987. [1]"
    assert "[1] The old harbour · The Gazette · 1 May 2024\n" in rest
    entities = {entity.type: entity for entity in reply.entities}
    assert entities["bold"].of(reply.text) == "The old harbour of Lindholm was closed to cargo ships in 1987."
    assert (entities["text_link"].url or "").startswith("https://example.org/harbour#:~:text=The%20old%20harbour")
    assert "fishing boats" in entities["expandable_blockquote"].of(reply.text)
    assert reply.labels == ("1", "Why", "👍", "👎")


def test_who_waits_for_an_answer_sees_the_bot_typing_and_who_does_not_is_spared_that(
    api: BotApi, serve: Serve, shared: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    anna, ask = api.person(GUEST, "Anna"), shared.ask

    def slow(question: str, history: Sequence[Turn] = ()) -> Answer:
        time.sleep(5.8)
        return ask(question, history)

    with serve(shared):
        answered(anna, WHEN)
        quick = len(api.calls("sendChatAction"))
        monkeypatch.setattr(shared, "ask", slow)
        answered(anna, "Who leads the council of Lindholm?")
    assert [call.parameters["action"] for call in api.calls("sendChatAction")][quick:] == ["typing", "typing"]
    assert quick <= 1  # on a busy machine it may take a moment after all


def test_what_the_articles_do_not_hold_is_said_with_the_nearest(api: BotApi, serve: Serve, shared: Library) -> None:
    anna = api.person(GUEST, "Anna")
    with serve(shared):
        reply = answered(anna, "Which zeppelin lands in Lindholm?")
    assert "do not answer" in reply.text
    assert "No article mentions: zeppelin" in reply.text
    assert "• The old harbour · The Gazette · 1 May 2024" in reply.text


def test_every_command_answers_and_the_menu_is_set(api: BotApi, serve: Serve, shared: Library) -> None:
    anna, boss = api.person(GUEST, "Anna"), api.person(ADMIN, "Boss")
    with serve(shared):
        assert "Your Telegram id is 8" in answered(anna, "/start").text
        assert "/reindex" in answered(boss, "/start").text
        help_text = answered(anna, "/help").text
        assert "The old harbour" in help_text
        assert all(f"/{command} –" in help_text for command in words.COMMANDS)
        assert "/reindex" not in help_text
        assert "3 articles, 3 passages" in answered(anna, "/status").text
        assert "1987" in answered(anna, f"/ask {WHEN}").text
        assert "1987" in answered(anna, f"/ask@footnote_test_bot {WHEN}").text
        assert "1987" in answered(anna, f"/ask\n{WHEN}").text
        assert answered(anna, "/ask").text == words.ASK_HOW
        assert "Just write a question" in answered(anna, "/nonsense").text
        listed = answered(anna, "/latest").text
    assert listed.split("\n\n")[0] == "1. Library hours · The Gazette · 3 Jul 2024"
    scopes = [json.loads(str(call.parameters.get("scope") or "{}")) for call in api.calls("setMyCommands")]
    kinds = ["default", "all_group_chats", "chat"]
    assert [scope.get("type", "default") for scope in scopes] == [kind for kind in kinds for _ in words.languages()]


@pytest.mark.parametrize(
    "question, part",
    [
        ("😀😀😀", "no words"),
        ("x" * 3_000, "longer than a question may be"),
        ("Когда закрыли гавань Линдхольма?", ""),
        ("متى أغلق الميناء؟", ""),
        ("<b>When</b> was the *harbour* [closed](https://x.org) & <script>?", ""),
        ("&lt;blockquote&gt; </a> _*`", ""),
    ],
)
def test_odd_questions_get_a_clear_answer(api: BotApi, serve: Serve, shared: Library, question: str, part: str) -> None:
    anna = api.person(GUEST, "Anna")
    with serve(shared):
        assert part in answered(anna, question).text
        assert "1987" in answered(anna, WHEN).text


def test_what_stands_under_a_picture_or_a_file_is_asked_and_may_be_edited(
    api: BotApi, serve: Serve, shared: Library
) -> None:
    anna, boss = api.person(GUEST, "Anna"), api.person(ADMIN, "Boss")

    def reply(said: Message, person: Person = anna) -> str:
        return person.waits(lambda _: True, after=said, timeout=90).text

    with serve(shared):
        assert "1987" in reply(anna.shows(WHEN))
        assert "1987" in reply(anna.shows(f"/ask {WHEN}"))
        assert "1987" in reply(boss.shows(WHEN), boss)
        said = anna.sends("harbour.pdf", b"%PDF-", caption=WHEN)
        assert "1987" in reply(said)
        anna.edits(said, "When may one fly to the moon from Lindholm?")
        until(lambda: "1987" not in anna.waits(lambda _: True, after=said).text)
        assert reply(boss.shows("/status"), boss) == words.TEXT_ONLY


def test_an_album_is_answered_once(api: BotApi, serve: Serve, shared: Library) -> None:
    anna = api.person(GUEST, "Anna")
    with serve(shared):
        for _ in range(3):
            anna.shows(album="pictures that say nothing")
        for _ in range(3):
            anna.sends("harbour.pdf", b"%PDF-", album="files of somebody who is no admin")
        for caption in ("When does the bakery Morgenrot move?", "", ""):
            anna.shows(caption, album="pictures that ask")
        said = anna.says(WHEN)
        anna.waits(lambda m: "1987" in m.text, after=said, timeout=90)
    told = [message.text for message in anna.chat if message.from_bot]
    assert told[:2] == [words.TEXT_ONLY, words.ONLY_ADMINS_ADD]
    assert len(told) == 4


def test_a_text_that_clients_cut_in_two_gets_an_answer_for_each_part(
    api: BotApi, serve: Serve, shared: Library
) -> None:
    anna = api.person(GUEST, "Anna")
    with serve(shared):
        anna.says("harbour " * 625, split=True)
        until(lambda: sum(m.from_bot for m in anna.chat) == 2)
        assert "1987" in answered(anna, WHEN).text


def test_the_newest_articles_are_paged_by_buttons_in_one_message(
    api: BotApi, serve: Serve, make_library: MakeLibrary, folder: Path, expected: list[str]
) -> None:
    expected.append("message is not modified")
    for n in range(17):
        write(folder / f"more-{n:02}.md", title=f"More {n:02}", date=f"2023-01-{n + 1:02}", text=f"Text number {n}.")
    library = make_library()
    library.index(folder)
    anna = api.person(GUEST, "Anna")
    with serve(library):
        page = answered(anna, "/latest")
        assert page.text.startswith("1. Library hours")
        anna.presses(page, "Older ›").answer(10)
        page = anna.waits(lambda m: "9. " in m.text and m.edits == 1)
        assert [button.label for button in page.buttons[1]] == ["‹ Newer", "2 of 3", "Older ›"]
        anna.presses(page, "2 of 3").answer(10)
        time.sleep(1)
        anna.presses(page, "Older ›").answer(10)
        page = anna.waits(lambda m: m.text.startswith("17. "))
        assert page.text.count("\n\n") == 3
    assert sum(message.from_bot for message in anna.chat) == 1
    assert [refused.method for refused in api.refusals].count("editMessageText") == 1


def test_without_articles_the_bot_says_so_and_an_admin_can_reindex(
    api: BotApi, serve: Serve, make_library: MakeLibrary, folder: Path
) -> None:
    anna, boss = api.person(GUEST, "Anna"), api.person(ADMIN, "Boss")
    with serve(make_library(library__articles=str(folder))):
        assert answered(anna, WHEN).text == words.NO_ARTICLES
        for command in ("/latest", "/sources", "/article harbour"):
            assert answered(anna, command).text == words.NO_ARTICLES
        assert "Just write a question" in answered(anna, "/help").text
        reindexes(boss)
        boss.waits(lambda m: "Added 3, changed 0, removed 0, unchanged 0, failed 0." in m.text, timeout=60)
        assert "1987" in answered(anna, WHEN).text


def test_a_reindex_answers_at_once_shows_progress_in_one_message_and_people_go_on_asking(
    api: BotApi, serve: Serve, own_library: Library, folder: Path
) -> None:
    for n in range(120):
        text = " ".join(f"Item {n} of part {k} is stored in hall {k * n} of the depot." for k in range(12))
        write(folder / f"depot-{n}.md", title=f"Depot {n}", text=text)
    (folder / "harbour.md").write_text((folder / "harbour.md").read_text().replace("1987", "1988"))
    (folder / "bakery.md").unlink()
    (folder / "broken.txt").write_bytes(b"")
    anna, boss = api.person(GUEST, "Anna"), api.person(ADMIN, "Boss")
    with serve(own_library):
        said = boss.says("/reindex")
        begun = boss.waits(lambda _: True, after=said, timeout=5)
        assert begun.text == words.LOOKING or "▱" in begun.text or "+120" in begun.text
        plan = boss.waits(lambda m: "Reindex now" in m.labels, after=said, timeout=60)
        assert boss.presses(plan, "Reindex now").answer(60).text == words.REINDEX_STARTED
        boss.waits(lambda m: "Embedding passages" in m.text and "▰" in m.text, timeout=60)
        asked = time.monotonic()
        assert "1987" in answered(anna, WHEN).text
        assert time.monotonic() - asked < 10
        assert answered(boss, "/reindex").text == words.REINDEX_BUSY
        done = boss.waits(lambda m: m.text.startswith("Done in"), timeout=120)
        assert "1988" in answered(anna, WHEN).text
    assert done.id == begun.id
    assert done.edits >= 2
    assert "Added 120, changed 1, removed 1, unchanged 1, failed 1." in done.text
    assert "✗ broken.txt: is empty" in done.text


def test_a_bot_that_is_told_to_end_stops_its_reindex_and_the_articles_stay(
    api: BotApi, serve: Serve, own_library: Library, folder: Path
) -> None:
    for n in range(100):
        text = " ".join(f"Item {n} of part {k} is stored in hall {k * n} of the depot." for k in range(24))
        write(folder / f"depot-{n}.md", title=f"Depot {n}", text=text)
    boss = api.person(ADMIN, "Boss")
    with serve(own_library):
        reindexes(boss)
        boss.waits(lambda m: "Embedding passages" in m.text, timeout=60)
        told = time.monotonic()
    assert time.monotonic() - told < 15
    assert "Stopped. The articles are as they were before" in boss.chat[-1].text
    revision = own_library.status().revision
    assert revision is not None
    assert (revision.number, revision.articles) == (1, 3)


def test_a_reindex_that_fails_says_why_and_the_articles_stay(
    api: BotApi, serve: Serve, own_library: Library, folder: Path
) -> None:
    folder.rename(folder.with_name("moved"))
    boss = api.person(ADMIN, "Boss")
    with serve(own_library):
        boss.says("/reindex")
        boss.waits(lambda m: "There is no folder" in m.text, timeout=90)
        assert "1987" in answered(boss, WHEN).text


def test_who_is_not_on_the_list_gets_one_polite_line_and_nothing_else(
    api: BotApi, serve: Serve, shared: Library
) -> None:
    anna, stranger, boss = api.person(GUEST, "Anna"), api.person(STRANGER, "Eve"), api.person(ADMIN, "Boss")
    with serve(shared, telegram__allowed=[GUEST]):
        assert answered(stranger, WHEN).text == words.NOT_ALLOWED
        for text in ("/start", "/help", "/sources", "/status", "/reindex", f"/ask {WHEN}"):
            stranger.says(text)
        assert "1987" in answered(anna, WHEN).text
        assert "1987" in answered(boss, WHEN).text
        until(lambda: api.waiting == 0)
    assert sum(message.from_bot for message in stranger.chat) == 1


def test_a_stranger_stays_outside_even_when_the_polite_line_cannot_be_sent(
    api: BotApi, serve: Serve, shared: Library, expected: list[str]
) -> None:
    expected.append("")
    anna, stranger = api.person(GUEST, "Anna"), api.person(STRANGER, "Eve")
    with serve(shared, telegram__allowed=[GUEST]):
        api.fail_next("sendMessage", status=429, description="Too Many Requests: retry after 1", retry_after=1)
        stranger.says(WHEN)
        until(lambda: any(refused.injected for refused in api.refusals))  # a menu may be refused after it
        assert "1987" in answered(anna, WHEN).text
        stranger.says(WHEN)
        until(lambda: any(message.from_bot for message in stranger.chat))
    assert {message.text for message in stranger.chat if message.from_bot} == {words.NOT_ALLOWED}


def test_a_button_pressed_too_long_ago_still_turns_the_page(
    api: BotApi, serve: Serve, shared: Library, expected: list[str]
) -> None:
    expected.append("query is too old")
    anna = api.person(GUEST, "Anna")
    keyboard = {"inline_keyboard": [[{"text": "Older", "callback_data": "latest:0:"}]]}
    with serve(shared):
        form = {"chat_id": GUEST, "text": "Page two", "reply_markup": json.dumps(keyboard)}
        httpx.post(f"{api.url}/bot{TOKEN}/sendMessage", data=form).raise_for_status()
        api.fail_next("answerCallbackQuery", status=400, description="Bad Request: query is too old")
        anna.presses(anna.waits(lambda m: bool(m.buttons)), "Older")
        anna.waits(lambda m: m.text.startswith("1. Library hours"))
    assert not [m for m in anna.chat if "Something went wrong" in m.text]


def test_only_an_admin_may_reindex(api: BotApi, serve: Serve, own_library: Library, folder: Path) -> None:
    (folder / "bakery.md").unlink()
    anna, robot = api.person(GUEST, "Anna"), api.person(ADMIN + 100, "Robot", is_bot=True)
    with serve(own_library, telegram__admins=[ADMIN, ADMIN + 100]):
        assert answered(anna, "/reindex").text == words.ADMINS_ONLY
        robot.says("/reindex")
        assert "1987" in answered(anna, WHEN).text
        assert "3 articles" in answered(anna, "/status").text
    assert not [m for m in robot.chat if m.from_bot and "Reindex" in m.text]


def test_an_error_nobody_foresaw_shows_a_short_id_and_no_traceback_and_the_log_has_both(
    api: BotApi, serve: Serve, shared: Library, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    anna = api.person(GUEST, "Anna")
    with serve(shared):
        with monkeypatch.context() as patch:
            patch.setattr(shared, "ask", lambda *_: 1 // 0)
            reply = answered(anna, WHEN).text
        assert "1987" in answered(anna, WHEN).text
    number = reply.rpartition("error ")[2].rstrip(".")
    assert len(number) == 6
    assert "ZeroDivision" not in reply
    assert f"error {number}" in caplog.text
    assert "ZeroDivisionError" in caplog.text


@pytest.mark.parametrize("data", ["latest:-1:", "sources:1;drop", "sources:999999", "latest:999999:", "\u0000"])
def test_a_button_that_is_stale_or_forged_stops_spinning_and_harms_nothing(
    api: BotApi, serve: Serve, shared: Library, data: str
) -> None:
    anna = api.person(GUEST, "Anna")
    keyboard = {"inline_keyboard": [[{"text": "Press", "callback_data": data}]]}
    with serve(shared):
        form = {"chat_id": GUEST, "text": "An old message", "reply_markup": json.dumps(keyboard)}
        httpx.post(f"{api.url}/bot{TOKEN}/sendMessage", data=form).raise_for_status()
        anna.presses(anna.waits(lambda m: bool(m.buttons)), "Press").answer(10)
        assert "1987" in answered(anna, WHEN).text


def test_the_log_never_holds_the_token(
    api: BotApi, serve: Serve, shared: Library, capfd: pytest.CaptureFixture[str], expected: list[str]
) -> None:
    expected.append("")
    from config import Log, log

    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    log.start(Log(level="debug"))
    for name in ("aiohttp", "httpx", "httpcore", "telegram.ext.ExtBot", "telegram.Bot"):
        logging.getLogger(name).setLevel(logging.DEBUG)  # even if somebody turns them up
    anna = api.person(GUEST, "Anna")
    api.fail_next("sendMessage", status=500, body="<html>no</html>")
    try:
        with serve(shared):
            assert "1987" in answered(anna, WHEN).text
    finally:
        root.handlers[:] = before
        root.setLevel(level)
        for name in ("aiohttp", "httpx", "httpcore", "telegram.ext.ExtBot", "telegram.Bot"):
            logging.getLogger(name).setLevel(logging.NOTSET)
    written = capfd.readouterr().err
    assert "endpoint `sendMessage`" in written
    assert TOKEN.partition(":")[2] not in written


def _process(api: BotApi, command: str, data: Path, folder: Path, *, token: str = TOKEN) -> "subprocess.Popen[str]":
    env = {
        **os.environ,
        "TELEGRAM_BOT_TOKEN": token,
        "FOOTNOTE_TELEGRAM_API_URL": api.url,
        "FOOTNOTE_LIBRARY_ARTICLES": str(folder),
    }
    arguments = [sys.executable, "-m", "bot.cli", command, "--data", str(data)]
    return subprocess.Popen(arguments, env=env, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def test_the_program_indexes_serves_refuses_a_second_one_and_ends_when_told(
    api: BotApi, folder: Path, tmp_path: Path, models: Path
) -> None:
    lend(models, tmp_path / "data")
    anna = api.person(GUEST, "Anna")
    with _process(api, "run", tmp_path / "data", folder) as bot:
        assert "1987" in answered(anna, WHEN, timeout=90).text
        with _process(api, "run", tmp_path / "data", folder) as second:
            _, complaint = second.communicate(timeout=90)
        assert second.returncode == 1
        assert f"process {bot.pid}" in complaint
        assert "running the Telegram bot since" in complaint
        bot.send_signal(signal.SIGTERM)
        out, err = bot.communicate(timeout=90)
    assert bot.returncode == 0, err
    assert TOKEN.partition(":")[2] not in out + err
    assert "Traceback" not in err


def test_a_wrong_token_is_one_clear_line_and_no_traceback(
    api: BotApi, tmp_path: Path, expected: list[str], models: Path
) -> None:
    lend(models, tmp_path / "data")
    expected.append("Unauthorized")
    wrong = TOKEN.replace("AAab", "BBab")
    with _process(api, "serve", tmp_path / "data", tmp_path, token=wrong) as bot:
        _, err = bot.communicate(timeout=90)
    assert bot.returncode == 1
    assert "Telegram does not know this bot token" in err
    assert "Traceback" not in err
    assert wrong.partition(":")[2] not in err
