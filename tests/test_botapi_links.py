"""The Bot API server for tests knows deep links: people open them, and follow those on buttons and in texts."""

from collections.abc import Iterator

import pytest

from tests.barebot import Bot, keyboard
from tests.botapi import BotApi, Message, Person


@pytest.fixture
def api() -> Iterator[BotApi]:
    with BotApi() as api:
        yield api


@pytest.mark.parametrize(
    "link, said",
    [
        ("https://t.me/footnote_test_bot?start=a-1_Z", "/start a-1_Z"),
        ("http://T.me/Footnote_Test_Bot/?start=x", "/start x"),
        ("https://telegram.me/footnote_test_bot", "/start"),
        ("tg://resolve?domain=footnote_test_bot&start=x", "/start x"),
        ("x" * 64, f"/start {'x' * 64}"),
    ],
)
def test_a_deep_link_says_start(api: BotApi, bot: Bot, link: str, said: str) -> None:
    bela = api.person(8, "Béla", opened=False)
    assert bela.opens(link).text == said
    [update] = bot.updates()
    assert (update["message"]["text"], update["message"]["chat"]["id"]) == (said, 8)
    bot.call("sendMessage", chat_id=8, text="Welcome")


@pytest.mark.parametrize(
    "link",
    [
        "",
        "x" * 65,
        "a b",
        "a=b",
        "ж",
        "x\n",
        "https://t.me/footnote_test_bot?start=",
        "https://t.me/footnote_test_bot?start=a%20b",
        f"https://t.me/footnote_test_bot?start={'x' * 65}",
        "https://t.me/footnote_test_bot?startgroup=x",
        "https://t.me/other_bot?start=x",
        "https://example.com/footnote_test_bot?start=x",
    ],
)
def test_what_is_no_deep_link_of_the_bot_is_not_opened(anna: Person, link: str) -> None:
    with pytest.raises(ValueError, match=r"not a (payload|link)"):
        anna.opens(link)
    assert anna.chat == []


def test_a_person_follows_the_link_of_a_button(anna: Person, bot: Bot) -> None:
    deep = keyboard(url="https://t.me/footnote_test_bot?start=more-7")
    bot.call("sendMessage", chat_id=7, text="x", reply_markup=deep)
    opened = anna.follows(anna.chat[0], "Go")
    assert isinstance(opened, Message)
    assert opened.text == "/start more-7"
    bot.call("editMessageReplyMarkup", chat_id=7, message_id=1, reply_markup=keyboard(url="https://example.com/a"))
    assert anna.follows(anna.chat[0], "Go") == "https://example.com/a"
    bot.call("editMessageReplyMarkup", chat_id=7, message_id=1, reply_markup=keyboard(callback_data="x"))
    with pytest.raises(LookupError, match="no link 'Go': Go"):
        anna.follows(anna.chat[0], "Go")


def test_a_person_follows_linked_words(anna: Person, bot: Bot) -> None:
    text = 'See <a href="https://t.me/footnote_test_bot?start=1">here</a> or <a href="https://example.com/">there</a>'
    bot.call("sendMessage", chat_id=7, text=text, parse_mode="HTML")
    assert anna.follows(anna.chat[0], "there") == "https://example.com/"
    opened = anna.follows(anna.chat[0], "here")
    assert isinstance(opened, Message)
    assert opened.text == "/start 1"
