"""People talk to a bot through the Bot API server for tests: they read, write, wait, press and block."""

import threading
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.barebot import Bot, keyboard
from tests.botapi import BotApi, Message, Person
from tests.botapi.formatting import utf16_length
from tests.botapi.people import cut

TOO_OLD = "Bad Request: query is too old and response timeout expired or query ID is invalid"


@pytest.fixture
def api() -> Iterator[BotApi]:
    with BotApi() as api:
        yield api


def test_a_message_tells_who_sent_it(api: BotApi, bot: Bot) -> None:
    api.person(8, "Béla", username="bela", language_code="hu").says("/start@footnote_test_bot deep")
    [update] = bot.call("getUpdates")
    message = update["message"]
    assert message["from"] == {
        "id": 8,
        "is_bot": False,
        "first_name": "Béla",
        "username": "bela",
        "language_code": "hu",
    }
    assert message["chat"] == {"id": 8, "first_name": "Béla", "username": "bela", "type": "private"}
    assert message["entities"] == [{"type": "bot_command", "offset": 0, "length": 24}]


def test_chats_are_private_but_message_ids_are_common(api: BotApi, anna: Person) -> None:
    bela = api.person(8, "Béla")
    assert [anna.says("a").id, bela.says("b").id, anna.says("c").id] == [1, 2, 3]
    assert [message.text for message in bela.chat] == ["b"]


def test_a_client_sends_at_most_4096_units_at_once(anna: Person, bot: Bot) -> None:
    anna.says("😀" * 2048)
    with pytest.raises(ValueError, match="4097 UTF-16"):
        anna.says("x" * 4097)
    with pytest.raises(ValueError, match="blank"):
        anna.says(" \n")
    anna.says("word " * 1000, split=True)
    assert [len(message.text) for message in anna.chat[1:]] == [4094, 904]
    assert len(bot.call("getUpdates")) == 3


@settings(deadline=None, max_examples=30)
@given(st.lists(st.sampled_from(["x" * 700, "😀" * 900, " ", "\n"]), max_size=20))
def test_cutting_loses_nothing(parts: list[str]) -> None:
    text = "".join(parts)
    pieces = list(cut(text))
    assert "".join(pieces) == text
    assert all(utf16_length(piece) <= 4096 for piece in pieces)


def test_a_blocked_bot_is_told_and_kept_out(api: BotApi, anna: Person, bot: Bot) -> None:
    bot.call("sendMessage", chat_id=7, text="x")
    anna.blocks()
    blocked = "403 Forbidden: bot was blocked by the user"
    assert bot.refusal("sendMessage", chat_id=7, text="x") == blocked
    assert bot.refusal("sendChatAction", chat_id=7, action="typing") == blocked
    assert bot.refusal("editMessageText", chat_id=7, message_id=1, text="y") == blocked
    anna.unblocks()
    bot.call("sendMessage", chat_id=7, text="y")
    changes = [update["my_chat_member"] for update in bot.call("getUpdates")]
    assert [change["new_chat_member"]["status"] for change in changes] == ["kicked", "member"]
    robot = api.person(9, "Robot", is_bot=True)
    assert bot.refusal("sendMessage", chat_id=robot.id, text="x") == "403 Forbidden: bot can't send messages to bots"


def test_a_press_is_answered_once(api: BotApi, anna: Person, bot: Bot) -> None:
    bot.call("sendMessage", chat_id=7, text="x", reply_markup=keyboard(callback_data="a"))
    press = anna.presses(anna.chat[0], "Go")
    with pytest.raises(AssertionError, match="the press was not answered"):
        press.answer(0.01)
    bot.call("answerCallbackQuery", callback_query_id=press.query_id, text="x" * 200)
    assert press.answer().text == "x" * 200
    assert bot.refusal("answerCallbackQuery", callback_query_id=press.query_id) == f"400 {TOO_OLD}"
    late = anna.presses(anna.chat[0], "Go")
    late.expires()
    assert bot.refusal("answerCallbackQuery", callback_query_id=late.query_id) == f"400 {TOO_OLD}"
    assert len(api.calls("answerCallbackQuery")) == 1


def test_only_a_button_on_the_message_as_it_is_now_can_be_pressed(anna: Person, bot: Bot) -> None:
    bot.call("sendMessage", chat_id=7, text="x", reply_markup=keyboard(callback_data="a"))
    old = anna.chat[0]
    with pytest.raises(LookupError, match=r"'Stop'.*: Go"):
        anna.presses(old, "Stop")
    bot.call("editMessageReplyMarkup", chat_id=7, message_id=old.id, reply_markup=keyboard(url="https://example.com"))
    with pytest.raises(LookupError, match="asks the bot"):
        anna.presses(old, "Go")
    bot.call("deleteMessage", chat_id=7, message_id=old.id)
    with pytest.raises(LookupError, match="the message is gone"):
        anna.presses(old, "Go")


def test_a_person_waits_for_edits_and_for_later_messages(anna: Person, bot: Bot) -> None:
    bot.call("sendMessage", chat_id=7, text="searching")
    first = anna.waits(lambda m: bool(m.text))
    timer = threading.Timer(0.1, bot.call, ["editMessageText"], {"chat_id": 7, "message_id": 1, "text": "Budapest"})
    timer.start()
    assert anna.waits(lambda m: "Budapest" in m.text, timeout=2).edits == 1
    timer.join()
    bot.call("sendMessage", chat_id=7, text="Budapest, again")
    assert anna.waits(lambda m: "Budapest" in m.text, after=first, timeout=2).text == "Budapest, again"


def test_a_vain_wait_shows_the_chat_and_the_refusals(anna: Person, bot: Bot) -> None:
    anna.says("Where?")
    bot.call("sendMessage", chat_id=7, text="In Vienna", reply_markup=keyboard(callback_data="a"))
    bot.refusal("sendMessage", chat_id=7, text="")
    with pytest.raises(AssertionError) as vain:
        anna.waits(lambda m: "Budapest" in m.text, timeout=0.01)
    assert str(vain.value).splitlines() == [
        "nothing fits after 0.01 s in this chat:",
        "  1 Anna: Where?",
        "  2 the bot: In Vienna [Go]",
        "  refused sendMessage: Bad Request: message text is empty",
    ]


def test_a_message_is_a_frozen_value(anna: Person) -> None:
    message = anna.says("x")
    assert hash(message) == hash(anna.chat[0])
    with pytest.raises(AttributeError):
        message.text = "y"  # type: ignore[misc]
    assert isinstance(message, Message)
