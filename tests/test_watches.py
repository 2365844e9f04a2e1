"""Watches as people meet them: what they write and press, and what the bot writes by itself after a reindex."""

import time
from pathlib import Path
from typing import Any

import pytest

from bot import words
from bot.store.inbox import FILE
from bot.store.journal import Journal
from bot.store.watchlist import Watchlist, findings, watches
from bot.watching import lookout
from index.library import Library
from index.truth.database import Database
from tests.botapi import BotApi, Message, Person
from tests.conftest import ADMIN, GUEST, STRANGER, TOKEN, WHEN, MakeLibrary, Serve, answered, held_up, until, write
from tests.test_answers import PACED

BRIDGE = "When will the new bridge of Lindholm be opened?"
OPENED = "The new bridge of Lindholm will be opened on 3 June 2026."
NUMBER = int(TOKEN.partition(":")[0])


@pytest.fixture(autouse=True)
def no_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lookout, "EVERY", 0.1)
    monkeypatch.setattr(lookout, "REST", 0.1)


@pytest.fixture
def anna(api: BotApi) -> Person:
    return api.person(GUEST, "Anna")


@pytest.fixture
def library(make_library: MakeLibrary, copied: Path) -> Library:
    made = make_library(library__articles=str(copied), library__confirm_removal=1.0)
    made.index()
    return made


@pytest.fixture
def watchlist(tmp_path: Path) -> Any:
    """The watchlist of the bot, as another process would open it."""
    (tmp_path / "data").mkdir(exist_ok=True)
    database = Database(tmp_path / "data" / FILE)
    made = Watchlist(database, bot=NUMBER)
    yield made
    database.close()


def bridge(folder: Path, text: str = OPENED, *, date: str = "2025-01-01", name: str = "bridge") -> None:
    write(folder / f"{name}.md", title="A bridge for Lindholm", text=text, date=date)


def news(person: Person) -> list[Message]:
    """Return what the bot wrote by itself."""
    return [message for message in person.chat if message.from_bot and message.text.startswith("Your watch")]


def compared(library: Library, watchlist: Watchlist) -> None:
    """Wait until every watch was compared with the articles of now, and all that was found is sent."""
    revision = library.revision()
    assert revision is not None

    def done() -> bool:
        with watchlist._database.reading() as db:
            behind = db.execute(watches.select().where(watches.c.revision != revision.number)).all()
            return not behind and not db.execute(findings.select()).all()

    until(done)


def labels(message: Message) -> list[str]:
    return [button.label for row in message.buttons for button in row]


def test_a_question_without_an_answer_is_watched_and_the_answer_comes_once_with_a_button_to_stop(
    serve: Serve, library: Library, folder: Path, anna: Person, watchlist: Watchlist
) -> None:
    with serve(library):
        begun = answered(anna, f"/watch {BRIDGE}")
        assert begun.text.startswith(f"I watch this for you, and write when there is something new: {BRIDGE}\n\n")
        assert "So far the articles do not say." in begun.text
        assert labels(begun)[-1] == words.STOP_WATCHING_BUTTON
        bridge(folder)
        library.index()
        told = anna.waits(lambda m: OPENED in m.text)
        assert told.text.startswith(f"Your watch, there is something new: {BRIDGE}\n\n{OPENED} [1]")
        assert "[1] A bridge for Lindholm · The Gazette · 1 Jan 2025" in told.text
        assert labels(told) == ["1", words.WHY_BUTTON, "👍", "👎", words.STOP_WATCHING_BUTTON]
        (folder / "bakery.md").unlink()
        library.index()
        compared(library, watchlist)
        anna.presses(told, words.STOP_WATCHING_BUTTON).answer(10)
        anna.waits(lambda m: m.id == told.id and words.STOP_WATCHING_BUTTON not in labels(m))
        bridge(folder, OPENED.replace("3 June", "4 July"), date="2025-09-09")
        library.index()
        assert answered(anna, "/watches").text == words.NO_WATCHES
    assert [message.id for message in news(anna)] == [told.id]
    assert watchlist.count(GUEST) == 0


def test_the_answer_that_a_watch_brings_has_buttons_that_work_and_leads_nobody_astray(
    serve: Serve, library: Library, folder: Path, anna: Person
) -> None:
    with serve(library):
        answered(anna, f"/watch {BRIDGE}")
        answered(anna, "Who is Tomas Weiss?")
        bridge(folder, f"The mayor wept. {OPENED} It is 300 metres long.")
        library.index()
        told = anna.waits(lambda m: m.text.startswith("Your watch"))
        anna.presses(told, "1").answer(10)
        passage = anna.waits(lambda m: m.id == told.id and "300 metres" in m.text and m.edits == 1)
        time.sleep(1)
        anna.presses(passage, words.BACK_BUTTON).answer(10)
        anna.waits(lambda m: m.id == told.id and m.text == told.text and m.edits == 2)
        assert "Understood as" not in answered(anna, "How long is the old harbour closed?").text
        followed = anna.says("And how long is it?", reply_to=told)
        assert "bridge" in anna.waits(lambda _: True, after=followed).text.partition("\n")[0]


def test_a_watch_that_was_stopped_at_its_answer_does_not_come_back_when_somebody_looks_at_the_evidence(
    api: BotApi, serve: Serve, library: Library, anna: Person, expected: list[str]
) -> None:
    expected += ["Bad Gateway", "query is too old"]
    with serve(library, limits=PACED):
        begun = answered(anna, f"/watch {WHEN}")
        anna.presses(begun, "👍").answer(10)
        voted = anna.waits(lambda m: m.id == begun.id and "👍 ✓" in labels(m))
        api.fail_next("editMessageReplyMarkup", status=502)  # so the press is handled a second time
        anna.presses(voted, words.STOP_WATCHING_BUTTON).answer(10)
        stopped = anna.waits(lambda m: m.id == begun.id and words.STOP_WATCHING_BUTTON not in labels(m))
        assert labels(stopped) == ["1", words.WHY_BUTTON, "👍 ✓", "👎"]
        anna.presses(stopped, words.WHY_BUTTON).answer(10)
        why = anna.waits(lambda m: m.id == begun.id and words.BACK_BUTTON in labels(m))
        anna.presses(why, words.BACK_BUTTON).answer(10)
        back = anna.waits(lambda m: m.id == begun.id and words.WHY_BUTTON in labels(m))
        assert labels(back) == labels(stopped)
        assert back.text.startswith("The old harbour of Lindholm")


def test_nothing_is_kept_of_a_question_that_was_forgotten_while_it_was_compared(
    serve: Serve, library: Library, folder: Path, anna: Person, watchlist: Watchlist, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serve(library):
        answered(anna, f"/watch {BRIDGE}")
        asking, go = held_up(library, monkeypatch)
        bridge(folder)
        library.index()
        assert asking.wait(60)
        anna.presses(answered(anna, "/forget"), words.FORGET_BUTTON).answer(10)
        anna.waits(lambda m: "This is removed" in m.text)
        go.set()
        compared(library, watchlist)
        until(lambda: answered(anna, "/forget").text == words.NOTHING_KEPT, seconds=20)
    journal = Journal(watchlist._database, bot=NUMBER)
    assert journal.count(GUEST) == {"questions": 0, "votes": 0}
    assert news(anna) == []


def test_the_articles_of_today_are_the_base_and_a_newer_one_is_told(
    serve: Serve, library: Library, folder: Path, anna: Person, watchlist: Watchlist
) -> None:
    with serve(library):
        begun = answered(anna, f"/watch {WHEN}")
        assert "This is what the articles say today." in begun.text
        assert "closed to cargo ships in 1987. [1]" in begun.text
        compared(library, watchlist)
        again = "The old harbour of Lindholm was closed to cargo ships in 1986, the archive found."
        write(folder / "archive.md", title="From the archive", text=again, date="2025-02-03")
        library.index()
        assert again in anna.waits(lambda m: m.text.startswith("Your watch")).text


def test_a_reply_or_the_last_question_says_what_is_watched(
    serve: Serve, library: Library, anna: Person, watchlist: Watchlist
) -> None:
    with serve(library):
        assert answered(anna, "/watch").text == words.WATCH_HOW
        first = answered(anna, WHEN)
        answered(anna, "Who leads the council of Lindholm?")
        assert "new: Who leads the council of Lindholm?" in answered(anna, "/watch").text
        said = anna.says("/watch", reply_to=first)
        assert f"new: {WHEN}" in anna.waits(lambda _: True, after=said).text
        answered(anna, "/new")
        assert answered(anna, "/watch").text == words.WATCH_HOW
    assert [watch.question for watch in watchlist.of(GUEST)] == ["Who leads the council of Lindholm?", WHEN]


def test_a_question_that_cannot_be_asked_is_not_watched(
    serve: Serve, library: Library, anna: Person, watchlist: Watchlist
) -> None:
    with serve(library):
        assert "no words" in answered(anna, "/watch ???").text
        assert "longer than a question may be" in answered(anna, f"/watch {'harbour ' * 400}").text
    assert watchlist.count(GUEST) == 0


def test_a_watch_that_telegram_did_not_hear_of_at_once_begins_as_any_other(
    api: BotApi, serve: Serve, library: Library, anna: Person, expected: list[str], watchlist: Watchlist
) -> None:
    expected.append("")
    with serve(library):
        api.fail_next("sendMessage", status=500, times=2)
        begun = answered(anna, f"/watch {WHEN}")
        assert begun.text.startswith("I watch this for you")
        assert "1987" in begun.text
        assert "since" in answered(anna, f"/watch {WHEN}").text
    assert watchlist.count(GUEST) == 1
    assert Journal(watchlist._database, bot=NUMBER).count(GUEST)["questions"] == 1


def test_the_same_question_is_watched_once_and_not_more_than_the_settings_allow(
    serve: Serve, library: Library, anna: Person, api: BotApi
) -> None:
    with serve(library, telegram__watches=2):
        answered(anna, f"/watch {WHEN}")
        assert answered(anna, f"/watch {WHEN.lower()}").text.startswith("You watch this already, since ")
        answered(anna, "/watch What is rye bread?")
        assert answered(anna, "/watch Who is Anna Brandt?").text == words.too_many_watches(2)
        assert "I watch this" in answered(api.person(STRANGER, "Ben"), f"/watch {WHEN}").text
    with serve(library, telegram__watches=0):
        assert answered(anna, f"/watch {WHEN}").text == words.NO_WATCHING


def test_watches_are_listed_by_pages_and_removed_by_buttons(
    serve: Serve, library: Library, anna: Person, watchlist: Watchlist
) -> None:
    with serve(library, delivery__burst=100):
        for n in range(10):
            answered(anna, f"/watch What is in hall {n}?")
        page = answered(anna, "/watches")
        assert page.text.startswith("1. What is in hall 0? · since ")
        assert page.text.count("\n\n") == 7
        assert labels(page) == [*(f"Remove {n}" for n in range(1, 9)), "1 / 2", "›"]
        anna.presses(page, "›").answer(10)
        page = anna.waits(lambda m: m.text.startswith("9. What is in hall 8?"))
        for number in (10, 9):
            time.sleep(1)
            assert anna.presses(page, f"Remove {number}").answer(10).text == words.WATCH_ENDED
            page = anna.waits(lambda m, n=number, id_=page.id: m.id == id_ and f"Remove {n}" not in labels(m))
        assert page.text.startswith("1. ")
        assert labels(page) == [f"Remove {n}" for n in range(1, 9)]
    assert [watch.question for watch in watchlist.of(GUEST)] == [f"What is in hall {n}?" for n in range(8)]


def test_nobody_ends_anothers_watch_and_what_is_forged_or_stale_changes_nothing(
    api: BotApi, serve: Serve, library: Library, watchlist: Watchlist, expected: list[str]
) -> None:
    expected.append("message is not modified")
    anna = api.person(GUEST, "Anna")
    eve = api.person(STRANGER, "Eve")
    with serve(library):
        begun = answered(anna, f"/watch {WHEN}")
        (watch,) = watchlist.of(GUEST)
        page = answered(eve, "/watches")
        for data in (f"watch:stop:{watch.id}", f"watches:remove:{watch.id}:0", "watch:stop:0123456789abcdef"):
            told = eve.presses_data(page, data).answer(10)
            assert (told.text, told.show_alert) == (words.NOT_WATCHED, True)
            assert eve.presses_data(begun, data).answer(10).text == words.NOT_MINE
        for data in ("watch:stop:", f"watch:stop:{watch.id}0", f"watches:remove:{watch.id}:-1", "watches:page:1234"):
            assert eve.presses_data(page, data).answer(10).text == ""
        assert anna.presses(begun, words.STOP_WATCHING_BUTTON).answer(10).text == words.WATCH_ENDED
        assert anna.presses_data(begun, f"watch:stop:{watch.id}").answer(10).text == words.NOT_WATCHED
        assert eve.presses_data(page, "watches:page:999").answer(10).text == ""
    assert watchlist.count(GUEST) == 0


def test_a_rebuild_a_rollback_and_a_trivial_change_say_nothing(
    serve: Serve, library: Library, make_library: MakeLibrary, folder: Path, anna: Person, watchlist: Watchlist
) -> None:
    with serve(library):
        answered(anna, f"/watch {WHEN}")
        other = make_library(library__articles=str(folder), chunk__size=24, chunk__overlap=0)
        other.index()
        compared(library, watchlist)
        library.rollback()
        compared(library, watchlist)
        harbour = folder / "harbour.md"
        harbour.write_text(harbour.read_text().replace("2024-05-01", "2025-05-01") + "\nRead more next week.\n")
        library.index()
        compared(library, watchlist)
        assert news(anna) == []
        harbour.write_text(harbour.read_text().replace("1987", "1988"))
        library.index()
        compared(library, watchlist)
    assert ["1988" in message.text for message in news(anna)] == []  # the day is that of the change before
    assert len(anna.chat) == 2


def test_a_watch_outlives_the_bot_and_what_was_indexed_meanwhile_is_told_when_it_is_back(
    serve: Serve, library: Library, folder: Path, anna: Person
) -> None:
    with serve(library):
        answered(anna, f"/watch {BRIDGE}")
    bridge(folder)
    library.index()
    with serve(library):
        anna.waits(lambda m: OPENED in m.text)
    with serve(library):
        assert "1987" in answered(anna, WHEN).text
        time.sleep(1)
    assert len(news(anna)) == 1


def test_an_empty_library_can_be_watched(serve: Serve, make_library: MakeLibrary, folder: Path, anna: Person) -> None:
    library = make_library(library__articles=str(folder))
    with serve(library):
        assert "So far the articles do not say." in answered(anna, f"/watch {WHEN}").text
        library.index()
        assert "1987. [1]" in anna.waits(lambda m: m.text.startswith("Your watch"), timeout=60).text


def test_whoever_blocked_the_bot_watches_nothing_any_more(
    serve: Serve, library: Library, folder: Path, anna: Person, watchlist: Watchlist, expected: list[str]
) -> None:
    expected.append("bot was blocked")
    with serve(library):
        answered(anna, f"/watch {BRIDGE}")
        answered(anna, f"/watch {WHEN}")
        anna.blocks()
        bridge(folder)
        library.index()
        until(lambda: watchlist.count(GUEST) == 0)
        anna.unblocks()
        assert answered(anna, "/watches").text == words.NO_WATCHES


def test_whoever_may_not_ask_any_more_is_told_nothing_and_watches_nothing(
    serve: Serve, library: Library, folder: Path, anna: Person, watchlist: Watchlist
) -> None:
    with serve(library):
        answered(anna, f"/watch {BRIDGE}")
    bridge(folder)
    library.index()
    with serve(library, telegram__blocked=[GUEST]):
        until(lambda: watchlist.count(GUEST) == 0)
        time.sleep(1)
    assert news(anna) == []


def test_whoever_was_blocked_by_an_admin_is_told_nothing_and_watches_nothing(
    api: BotApi, serve: Serve, library: Library, folder: Path, watchlist: Watchlist
) -> None:
    anna, boss = api.person(GUEST, "Anna"), api.person(ADMIN, "Boss")
    with serve(library):
        answered(anna, f"/watch {BRIDGE}")
        assert "is blocked" in answered(boss, f"/block {GUEST}").text
        bridge(folder)
        library.index()
        until(lambda: watchlist.count(GUEST) == 0)
        time.sleep(1)
    assert news(anna) == []


@pytest.mark.usefixtures("no_wait")
def test_while_telegram_is_away_nothing_found_is_lost(
    api: BotApi, serve: Serve, library: Library, folder: Path, anna: Person, expected: list[str]
) -> None:
    expected.append("")
    with serve(library):
        answered(anna, f"/watch {BRIDGE}")
        for _ in range(2):
            api.fail_next("sendMessage", status=500, description="Internal Server Error")
        bridge(folder)
        library.index()
        anna.waits(lambda m: OPENED in m.text)
        time.sleep(1)
    assert len(news(anna)) == 1


@pytest.mark.usefixtures("no_wait")
def test_what_perhaps_arrived_is_sent_once_more_and_says_so(
    serve: Serve, library: Library, folder: Path, anna: Person, watchlist: Watchlist
) -> None:
    with serve(library):
        answered(anna, f"/watch {BRIDGE}")
        bridge(folder)
        library.index()
        anna.waits(lambda m: OPENED in m.text)
        compared(library, watchlist)
        (told,) = news(anna)
        kept = Journal(watchlist._database, bot=NUMBER).shown_in(GUEST, told.id)
        assert kept is not None
        with watchlist._database.writing() as db:  # as a process leaves it that dies after Telegram took the message
            row = {"bot": NUMBER, "watch": kept.watch, "revision": 2, "answer": kept.id, "sends": 1, "due": 0.0}
            db.execute(findings.insert().values(row))
        again = anna.waits(lambda m: m.text.startswith(words.PERHAPS_AGAIN))
        assert again.text.endswith(told.text)
    assert watchlist.to_send() is None


@pytest.fixture
def no_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lookout, "AGAIN", 0.2)
    monkeypatch.setattr(lookout, "AWAY", 0.2)


def test_each_person_is_told_in_their_own_language(
    api: BotApi, serve: Serve, library: Library, folder: Path, anna: Person
) -> None:
    lena = api.person(STRANGER, "Лена", language_code="ru")
    with serve(library):
        for person in (anna, lena):
            answered(person, f"/watch {BRIDGE}")
        assert "Слежу за этим" in lena.chat[-1].text
        bridge(folder)
        library.index()
        anna.waits(lambda m: m.text.startswith("Your watch"))
        told = lena.waits(lambda m: m.text.startswith("Вы следите за этим вопросом, есть новое"))
    assert OPENED in told.text
    assert labels(told)[-1] == "Больше не следить"
