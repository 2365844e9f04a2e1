"""Articles by hand in the chat: /add, files, albums and forwarded messages, kept or discarded, by the real bot."""

import threading
import time
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import pytest

from bot import words
from bot.articles import adding
from bot.store import inbox
from bot.store.offers import Offers, State
from index.errors import Busy, ModelUnavailable
from index.library import Library
from index.models.embed import Embedder
from index.truth.database import Database
from tests.botapi import BotApi, Message, Person
from tests.conftest import ADMIN, GUEST, TOKEN, WHEN, Serve, answered, many, settings_for, three_articles, until
from tests.golden import Golden, Transcript
from tests.served import Served, free_port, running, small_library
from tests.test_gather import story
from tests.web import Reply, Web, fetcher
from tests.web import serve as serve_web

MILL = "Who bought the water mill of Aldby?"
SOLD = "The mill is sold\n\nThe water mill of Aldby was sold to a brewer from Lindholm on Friday."
CHANNEL = {"id": -1001234567890, "type": "channel", "title": "Aldby <b>News</b>", "username": "aldby_news"}
POST = {"type": "channel", "chat": CHANNEL, "message_id": 42, "date": 1_704_445_200}
PETER = {"type": "user", "sender_user": {"id": 99, "is_bot": False, "first_name": "Peter"}, "date": 1_704_445_200}


@pytest.fixture(autouse=True)
def _settles_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(adding, "SETTLE", 0.4)


@pytest.fixture
def web() -> Iterator[Web]:
    with serve_web({"/mill": story("/mill"), "/harbour": story("/harbour")}) as server:
        yield server


@pytest.fixture
def library(tmp_path: Path, embedder: Embedder) -> Iterator[Library]:
    """A library of three articles that may fetch from loopback."""
    settings = settings_for(tmp_path / "data", library__articles=str(three_articles(tmp_path / "articles")))
    with Library(settings, embedder=embedder, fetcher=fetcher()) as made:
        made.index()
        yield made


@pytest.fixture
def boss(api: BotApi) -> Person:
    return api.person(ADMIN, "Boss")


def offer(person: Person, after: Message) -> Message:
    return person.waits(lambda m: "Keep it" in m.labels, after=after, timeout=90)


def keeps(person: Person, shown: Message) -> Message:
    assert person.presses(shown, "Keep it").answer(60).text == words.ADDING
    return person.waits(lambda m: m.id == shown.id and m.text.startswith("Done in"), timeout=90)


def articles(library: Library) -> int:
    revision = library.revision()
    return revision.articles if revision else 0


def test_a_page_is_fetched_understood_kept_at_a_button_and_survives_a_reindex_of_the_folder(
    serve: Serve, library: Library, web: Web, boss: Person
) -> None:
    with serve(library):
        shown = offer(boss, boss.says(f"/add {web.url('/mill?utm_source=x')}"))
        assert shown.text.startswith("Story of mill\n127.0.0.1 · 1 passage · 0.")
        assert articles(library) == 3
        done = keeps(boss, shown)
        assert "Added 1, changed 0, removed 0, unchanged 3, failed 0." in done.text
        assert "brewer" in answered(boss, MILL).text
        library.index()
        assert articles(library) == 4
        assert "brewer" in answered(boss, MILL).text


def test_what_is_no_page_is_named_beside_what_is(serve: Serve, library: Library, web: Web, boss: Person) -> None:
    with serve(library):
        assert answered(boss, "/add").text == words.ADD_HOW
        shown = offer(boss, boss.says(f"/add {web.url('/gone')} harbour {web.url('/mill')} file:///etc/passwd"))
        assert shown.text.count("✗ ") == 3
        assert f"✗ {web.url('/gone')}: " in shown.text
        assert "✗ harbour: is not the address of a page" in shown.text
        done = keeps(boss, shown)
        assert "Added 1," in done.text
        none = answered(boss, "/add ftp://example.org/x")
        assert (none.labels, none.text.startswith("✗ ftp://example.org/x: is not")) == ((), True)
        assert (
            "more than 10 pages" in answered(boss, "/add " + " ".join(f"https://a.example/{n}" for n in range(11))).text
        )


def test_an_album_is_one_offer_that_names_what_cannot_be_read(
    serve: Serve, library: Library, boss: Person, golden: Golden
) -> None:
    told = Transcript()
    front = "---\ntitle: The <i>mill</i>\ndate: 2024-01-05\nsource: Gazette\nauthor: Anna Brandt\n---\n\n"
    with serve(library):
        boss.sends("mill.md", (front + SOLD).encode(), caption="/reindex", album="1")
        boss.sends("photo.bmp", b"BM", album="1")
        boss.sends("empty.txt", b"", album="1")
        first = boss.sends("big.pdf", b"x", album="1", said_size=21_000_000)
        last = boss.sends(
            "ferry.txt", "Die Fähre\n\nDie Fähre nach Vessel ist alt und wird im Frühjahr ersetzt.".encode(), album="1"
        )
        told.says("Boss", "sends mill.md, photo.bmp, empty.txt, big.pdf (21 MB) and ferry.txt")
        shown = offer(boss, last)
        told.says("Footnote", shown)
        assert sum(m.from_bot for m in boss.chat) == 1
        press = boss.presses(shown, "Keep it")
        told.presses("Boss", "Keep it", press.answer(60))
        done = boss.waits(lambda m: m.id == shown.id and "Added 2, changed 0" in m.text, timeout=90)
        assert done.labels == ()
    assert first.id < shown.id
    golden(told, "add-files")


def test_forwarded_messages_are_articles_with_who_wrote_them_and_when_and_no_commands(
    serve: Serve, library: Library, boss: Person, golden: Golden
) -> None:
    told = Transcript()
    with serve(library):
        boss.forwards(SOLD, POST)
        last = boss.forwards("/reindex", PETER)
        told.says("Boss", "forwards a post of a channel, and “/reindex” by Peter")
        shown = offer(boss, last)
        told.says("Footnote", shown)
        assert sum(m.from_bot for m in boss.chat) == 1
        assert "Aldby <b>News</b> · 5 Jan 2024" in shown.text
        keeps(boss, shown)
        (post,) = library.titled("mill sold", limit=5)
        assert (post.url, post.source) == ("https://t.me/aldby_news/42", "Aldby <b>News</b>")
        assert [one.title for one in library.titled("Peter", limit=5)] == ["Peter: /reindex"]
        said = boss.forwards(SOLD.replace("brewer", "baker"), POST)
        again = offer(boss, said)
        told.says("Boss", "forwards the post again, which was edited")
        told.says("Footnote", again)
        assert "It takes the place of “The mill is sold”." in again.text
        assert "Added 0, changed 1, removed 0, unchanged 4" in keeps(boss, again).text
        assert len(library.history(post.id)) == 1
        assert "baker" in answered(boss, MILL).text
    golden(told, "add-forwarded")


def test_what_is_discarded_is_gone_and_two_presses_on_keep_add_once(
    serve: Serve, library: Library, boss: Person
) -> None:
    with serve(library):
        shown = offer(boss, boss.forwards(SOLD, POST))
        assert boss.presses(shown, "Discard").answer(60).text == ""
        boss.waits(lambda m: m.id == shown.id and m.text == words.DISCARDED)
        assert boss.presses_data(shown, data(shown, "Keep it")).answer(60).text == words.OFFER_GONE
        shown = offer(boss, boss.forwards(SOLD, POST))
        keep = data(shown, "Keep it")
        answers = {press.answer(60).text for press in [boss.presses_data(shown, keep) for _ in range(2)]}
        boss.waits(lambda m: m.id == shown.id and m.text.startswith("Done in"), timeout=90)
        assert words.ADDING in answers
        assert answers <= {words.ADDING, words.SETTLED, words.BUSY_SO_OFFER_WAITS, words.OFFER_GONE}
        assert boss.presses_data(shown, keep).answer(60).text == words.OFFER_GONE
    current = library.revision()
    assert current is not None
    assert (current.number, current.articles) == (2, 4)


def test_what_waits_survives_a_restart_whether_it_was_shown_or_not(
    serve: Serve, library: Library, boss: Person, api: BotApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serve(library):
        shown = offer(boss, boss.forwards(SOLD, POST))
    with serve(library):
        keeps(boss, shown)
    monkeypatch.setattr(adding.Adding, "_show_soon", never_shows)
    with serve(library) as bot:
        said = boss.sends("ferry.txt", b"The ferry\n\nThe ferry to Vessel is old and will be replaced in spring.")
        until(lambda: api.waiting == 0 and bot._parts.inbox.waiting() == 0)
    monkeypatch.undo()
    with serve(library):
        assert offer(boss, said).text.startswith("The ferry\n1 passage")


async def never_shows(*_: Any) -> None:
    """Die before anything is shown."""


def test_while_another_reindex_runs_an_offer_waits(
    serve: Serve, library: Library, boss: Person, tmp_path: Path
) -> None:
    many(tmp_path / "articles", 40)
    with serve(library):
        shown = offer(boss, boss.forwards(SOLD, POST))
        plan = boss.says("/reindex")
        plan = boss.waits(lambda m: "Reindex now" in m.labels, after=plan, timeout=90)
        assert boss.presses(plan, "Reindex now").answer(60).text == words.REINDEX_STARTED
        told = boss.presses(shown, "Keep it").answer(60)
        assert (told.text, told.show_alert) == (words.BUSY_SO_OFFER_WAITS, True)
        boss.waits(lambda m: m.id == plan.id and m.text.startswith("Done in"), timeout=60)
        assert "Added 1, changed 0" in keeps(boss, shown).text


def test_an_offer_is_settled_only_in_the_chat_of_the_admin_who_sent_it(
    serve: Serve, library: Library, boss: Person, api: BotApi
) -> None:
    anna, other = api.person(GUEST, "Anna"), api.person(17, "Otto")
    with serve(library, telegram__admins=[ADMIN, 17]):
        shown = offer(boss, boss.forwards(SOLD, POST))
        page = answered(anna, "/latest")
        for label in ("Keep it", "Discard"):
            assert anna.presses_data(page, data(shown, label)).answer(60).text == words.ADMINS_ONLY
            assert (
                other.presses_data(answered(other, "/latest"), data(shown, label)).answer(60).text == words.OFFER_GONE
            )
        keeps(boss, shown)


def test_whoever_is_no_admin_hears_who_adds_articles_and_what_they_forward_is_a_question(
    serve: Serve, library: Library, api: BotApi
) -> None:
    anna = api.person(GUEST, "Anna")
    with serve(library):
        said = anna.sends("mill.md", SOLD.encode())
        assert anna.waits(lambda _: True, after=said).text == words.ONLY_ADMINS_ADD
        said = anna.forwards(WHEN, PETER)
        assert "1987" in anna.waits(lambda _: True, after=said, timeout=90).text
        assert answered(anna, "/add https://example.org").text == words.ADMINS_ONLY
    assert articles(library) == 3


def test_a_download_that_fails_is_tried_again_and_one_that_cannot_be_had_is_named(
    serve: Serve, library: Library, boss: Person, api: BotApi, expected: list[str]
) -> None:
    expected += ["Bad Gateway", "wrong file_id", "file is too big"]
    with serve(library):
        api.fail_next("getFile", status=502, description="Bad Gateway")
        assert offer(boss, boss.sends("ferry.txt", b"The ferry\n\nThe ferry to Vessel is old.")).text
        api.fail_next("getFile", status=400, description="Bad Request: wrong file_id")
        said = boss.sends("mill.txt", SOLD.encode())
        told = boss.waits(lambda _: True, after=said, timeout=90)
        assert told.text == "✗ mill.txt: cannot be had from Telegram: send it again"
        huge = boss.sends("mill.pdf", bytes(21_000_000), said_size=0)
        told = boss.waits(lambda _: True, after=huge, timeout=90)
        assert told.text.endswith("is larger than 20 MB, the most that Telegram lets a bot download")
    assert TOKEN not in "".join(m.html for m in boss.chat)


def test_a_stopped_addition_is_kept_for_the_next_reindex(
    serve: Serve, library: Library, boss: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = threading.Event()
    add = library.add

    def slowly(*args: Any, **named: Any) -> Any:
        assert held.wait(20)
        return add(*args, **named)

    monkeypatch.setattr(library, "add", slowly)
    with serve(library):
        shown = offer(boss, boss.forwards(SOLD, POST))
        assert boss.presses(shown, "Keep it").answer(60).text == words.ADDING
        running = boss.waits(lambda m: m.id == shown.id and m.labels == ("Stop",), timeout=90)
        assert boss.presses(running, "Stop").answer(60).text == words.STOPPING
        held.set()
        boss.waits(lambda m: m.id == shown.id and m.text == words.KEPT_FOR_LATER, timeout=90)
        assert articles(library) == 3
        library.index()
        assert articles(library) == 4


def test_what_is_held_after_an_addition_failed_is_no_offer_any_more_and_is_said_to_be_kept(
    serve: Serve, library: Library, boss: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    add = library.add

    def fails(sent: Any, **_: Any) -> Any:
        add(sent, later=True)
        message = "The model is gone."
        raise ModelUnavailable(message)

    monkeypatch.setattr(library, "add", fails)
    with serve(library):
        shown = offer(boss, boss.forwards(SOLD, POST))
        assert boss.presses(shown, "Keep it").answer(60).text == words.ADDING
        told = boss.waits(lambda m: m.id == shown.id and m.text.startswith("The model is gone."), timeout=90)
        assert (told.text, told.labels) == (f"The model is gone.\n\n{words.KEPT_FOR_LATER}", ())
        assert boss.presses_data(shown, data(shown, "Discard")).answer(60).text == words.OFFER_GONE


def test_what_was_not_held_as_the_library_was_busy_stays_an_offer(
    serve: Serve, library: Library, boss: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: Any, **__: Any) -> Any:
        message = "Another process is indexing."
        raise Busy(message)

    with serve(library):
        shown = offer(boss, boss.forwards(SOLD, POST))
        with monkeypatch.context() as meanwhile:
            meanwhile.setattr(library, "add", fails)
            assert boss.presses(shown, "Keep it").answer(60).text == words.ADDING
            told = boss.waits(lambda m: m.id == shown.id and m.text == "Another process is indexing.", timeout=90)
        assert "Added 1," in keeps(boss, told).text


def test_an_offer_that_another_process_reads_anew_is_shown_again_though_its_button_was_pressed(
    serve: Serve, library: Library, boss: Person, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[Any] = []
    start = adding.Adding.start
    monkeypatch.setattr(adding.Adding, "start", lambda *those: begun.append(those))
    with serve(library):
        shown = offer(boss, boss.forwards(SOLD, POST))
        other = Offers(stored(tmp_path), bot=int(TOKEN.partition(":")[0]))
        id_ = data(shown, "Keep it").rpartition(":")[2]
        until(lambda: other.move(id_, [State.SHOWN], State.READING))  # noted a moment after it is sent
        assert boss.presses(shown, "Keep it").answer(60).text == words.SETTLED
        start(*begun[0])
        keeps(boss, offer(boss, shown))


def test_a_button_that_is_pressed_before_it_is_noted_that_the_offer_was_sent_is_not_refused(
    serve: Serve, library: Library, boss: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    move = Offers.move

    def slowly(self: Offers, id_: str, before: Collection[State], state: State) -> bool:
        if state is State.SHOWN:
            time.sleep(0.7)
        return move(self, id_, before, state)

    monkeypatch.setattr(Offers, "move", slowly)
    with serve(library):
        keeps(boss, offer(boss, boss.forwards(SOLD, POST)))


def test_slow_pages_do_not_keep_the_chat_and_those_that_had_to_wait_are_to_be_sent_again(
    serve: Serve, library: Library, web: Web, boss: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(adding, "FETCHING", 0.3)

    def slow(_: object) -> Reply:
        time.sleep(0.5)
        return story("/mill")

    web.routes["/slow"] = slow
    with serve(library):
        shown = offer(boss, boss.says(f"/add {web.url('/slow')} {web.url('/harbour')}"))
    assert shown.text.startswith("Story of mill\n")
    assert "/harbour: had to wait too long for those before it: send it again by itself" in shown.text
    assert [asked.path for asked in web.asked if asked.path != "/robots.txt"] == ["/slow"]


def test_one_offer_that_cannot_be_sent_does_not_hold_up_those_after_it(
    serve: Serve, library: Library, boss: Person, api: BotApi, expected: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    expected += ["Conflict", "chat not found"]
    monkeypatch.setattr(adding, "RESUME", 4.0)
    otto = api.person(17, "Otto")
    admins = {"telegram__admins": [ADMIN, 17]}
    with monkeypatch.context() as dead, serve(library, **admins) as bot:
        dead.setattr(adding.Adding, "_show_soon", never_shows)
        for person in (boss, otto):
            said = person.sends("ferry.txt", b"The ferry\n\nThe ferry to Vessel is old and will be replaced in spring.")
            until(lambda: api.waiting == 0 and bot._parts.inbox.waiting() == 0)
    api.fail_next("sendMessage", status=409, description="Conflict")
    with serve(library, **admins):
        offer(otto, said)
        assert not any(m.from_bot for m in boss.chat)
        until(lambda: any(m.from_bot for m in boss.chat))


def test_an_offer_to_a_chat_that_is_not_found_is_forgotten(
    serve: Serve,
    library: Library,
    api: BotApi,
    expected: list[str],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    expected += ["chat not found"]
    offers = Offers(stored(tmp_path), bot=int(TOKEN.partition(":")[0]))
    with serve(library):
        api.fail_next("sendMessage", status=400, description="Bad Request: chat not found")
        api.person(ADMIN, "Boss").sends(
            "ferry.txt", b"The ferry\n\nThe ferry to Vessel is old and will be replaced in spring."
        )
        until(lambda: "cannot be offered" in caplog.text, seconds=10)
        until(lambda: offers.count(ADMIN) == 0)


@pytest.mark.crash
@pytest.mark.parametrize("moment", [0.05, 0.6])
def test_a_file_is_offered_though_the_bot_is_killed_after_it_was_sent(
    api: BotApi, tmp_path: Path, boss: Person, moment: float
) -> None:
    small_library(tmp_path)
    served = Served(tmp_path, api.url, port=free_port())
    served.extra["FOOTNOTE_TELEGRAM_ADMINS"] = str(ADMIN)
    with running(served):
        until(served.ready, seconds=120)
        said = boss.sends("ferry.txt", b"The ferry\n\nThe ferry to Vessel is old and will be replaced in spring.")
        until(lambda: api.waiting == 0)
        time.sleep(moment)
        served.kill()
        served.start()
        shown = offer(boss, said)
        assert shown.text.startswith("The ferry\n1 passage")
        until(served.ready, seconds=120)
        keeps(boss, shown)
        assert served.end() == 0
    assert "Traceback" not in served.said


def stored(tmp_path: Path) -> Database:
    """Return the database of the bot."""
    return Database(tmp_path / "data" / inbox.FILE, holds="offers", remedy="move it away", together=True)


def data(message: Message, label: str) -> str:
    return next(button.data or "" for row in message.buttons for button in row if button.label == label)
