"""The Bot API server for tests stands load: it can take what is sent for right, and remember little of it."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from tests.barebot import Bot, keyboard
from tests.botapi import BotApi


@pytest.fixture(scope="module")
def http() -> Iterator[httpx.Client]:
    with httpx.Client(trust_env=False, timeout=5) as http:
        yield http


def talk(http: httpx.Client, *, quick: bool) -> list[Any]:
    """Do all that a bot does and return what a person and the bot see of it, but for entities and times."""
    with BotApi(quick=quick) as api:
        bot, anna = Bot(api, http), api.person(7, "Anna")
        question = anna.says("Where?")
        answers = [
            bot.call("getUpdates", timeout=1),
            bot.call("sendChatAction", chat_id=7, action="typing"),
            bot.call(
                "sendMessage",
                chat_id=7,
                text="\n<b>In</b> &quot;Budapest&quot; &amp; <a href='https://example.com'>V\u00e1c</a> ",
                parse_mode="HTML",
                reply_parameters={"message_id": question.id},
                link_preview_options={"is_disabled": True},
                reply_markup=keyboard(callback_data="a"),
            ),
        ]
        press = anna.presses(anna.chat[-1], "Go")
        answers += [
            bot.call("answerCallbackQuery", callback_query_id=press.query_id, text="Yes", show_alert=True),
            bot.call("editMessageText", chat_id=7, message_id=2, text="Or <i>Wien</i>", parse_mode="HTML"),
            bot.call("editMessageReplyMarkup", chat_id=7, message_id=2, reply_markup=keyboard(callback_data="b")),
            bot.refusal("sendMessage", chat_id=8, text="x"),
            bot.refusal("sendMessage", chat_id=7, text="x" * 5000),
            bot.refusal("editMessageText", chat_id=7, message_id=9, text="x"),
            bot.call("sendMessage", chat_id=7, text="gone"),
            bot.call("deleteMessage", chat_id=7, message_id=3),
            press.answer(),
        ]
        seen = [(m.id, m.text, m.html, m.labels, m.edits, m.reply_to, m.link_preview) for m in anna.chat]
        calls = [(call.method, call.parameters) for call in api.calls("editMessageText")]
        return [plain(answers), seen, calls, api.count("sendmessage")]


def plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: plain(part) for name, part in value.items() if name not in {"entities", "date", "edit_date"}}
    return [plain(part) for part in value] if isinstance(value, list) else value


def test_a_quick_server_shows_the_same_but_for_entities(http: httpx.Client) -> None:
    assert talk(http, quick=True) == talk(http, quick=False)


def test_a_quick_server_takes_what_the_other_refuses(http: httpx.Client) -> None:
    with BotApi(quick=True) as api:
        api.person(7, "Anna")
        bot = Bot(api, http)
        bot.call("sendMessage", chat_id=7, text="<b>x", parse_mode="HTML", novelty=1)
        assert bot.refusal("setMyCommands", commands=[], novelty=1) == "400 Bad Request: unknown field novelty"


def test_only_the_last_records_and_messages_are_kept_and_all_are_counted(http: httpx.Client) -> None:
    with BotApi(quick=True, kept=3) as api:
        bot, anna, bela = Bot(api, http), api.person(7, "Anna"), api.person(8, "Béla")
        bela.says("still here")
        for number in range(10):
            bot.call("sendMessage", chat_id=7, text=str(number))
            bot.refusal("sendMessage", chat_id=9, text="x")
        assert [message.text for message in anna.chat] == ["7", "8", "9"]
        assert [call.parameters["text"] for call in api.calls("sendMessage")] == ["7", "8", "9"]
        assert (len(api.refusals), api.count("sendMessage"), api.count("getMe")) == (3, 10, 0)
        assert [message.text for message in bela.chat] == ["still here"]
        assert bot.call("editMessageText", chat_id=7, message_id=11, text="edited")["text"] == "edited"


def test_200_people_who_wait_are_each_woken_by_their_own_answer(http: httpx.Client) -> None:
    with BotApi(quick=True) as api, ThreadPoolExecutor(200) as threads:
        bot, people = Bot(api, http), [api.person(100 + n, f"P{n}") for n in range(200)]
        asked = [0] * 200

        def fits(number: int, text: str) -> bool:
            asked[number] += 1
            return text == str(number)

        for person in people:
            bot.call("sendMessage", chat_id=person.id, text="a moment")

        waits = [
            threads.submit(person.waits, lambda message, n=number: fits(n, message.text), timeout=20)  # type: ignore[misc]
            for number, person in enumerate(people)
        ]
        for number, person in enumerate(people):
            bot.call("sendMessage", chat_id=person.id, text=str(number))
        assert [wait.result(5).text for wait in waits] == [str(number) for number in range(200)]
        assert max(asked) <= 2


def test_thousands_of_updates_that_waited_come_in_order(http: httpx.Client) -> None:
    with BotApi(quick=True) as api:
        bot, people = Bot(api, http), [api.person(100 + n, f"P{n}") for n in range(20)]
        for number in range(1000):
            people[number % 20].says(str(number))
        offset, taken = 0, list[int]()
        while updates := bot.call("getUpdates", offset=offset):
            offset = updates[-1]["update_id"] + 1
            taken += [int(update["message"]["text"]) for update in updates]
        assert taken == list(range(1000))
        assert api.waiting == 0
