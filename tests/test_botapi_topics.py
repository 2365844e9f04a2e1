"""The Bot API server for tests knows the topics of a forum, the threads of replies, and quotes."""

from collections.abc import Iterator
from typing import Any

import pytest
from telegram import Update

from tests.barebot import Bot
from tests.botapi import BotApi, Group, Person

NO_THREAD = "400 Bad Request: message thread not found"


@pytest.fixture
def api() -> Iterator[BotApi]:
    with BotApi() as api:
        yield api
        assert api.findings == []


@pytest.fixture
def forum(api: BotApi, anna: Person) -> Group:
    return api.group("Readers", anna, forum=True)


def thread(message: dict[str, Any]) -> tuple[int | None, bool]:
    return message.get("message_thread_id"), message.get("is_topic_message", False)


def test_a_topic_begins_with_a_message_that_tells_of_it(forum: Group, anna: Person, bot: Bot) -> None:
    harbour = forum.topic("The harbour")
    assert forum.topic("The harbour").thread == harbour.thread
    said = harbour.says(anna, "Where?")
    forum.says(anna, "In general")
    created, asked, general = [update["message"] for update in bot.updates()]
    assert created["forum_topic_created"]["name"] == "The harbour"
    assert (created["message_id"], *thread(created)) == (harbour.thread, harbour.thread, True)
    assert created["chat"]["is_forum"] is True
    assert "reply_to_message" not in created
    assert thread(asked) == (harbour.thread, True)
    assert asked["reply_to_message"]["message_id"] == harbour.thread  # as Telegram does, though it answers nothing
    assert thread(general) == (None, False)
    assert "reply_to_message" not in general
    assert harbour.chat[1:] == [said]
    assert len({message.id for message in forum.chat}) == 3


def test_a_bot_writes_into_a_topic(forum: Group, bot: Bot) -> None:
    harbour, bakery = forum.topic("The harbour"), forum.topic("The bakery")
    sent = bot.call("sendMessage", chat_id=forum.id, text="There", message_thread_id=harbour.thread)
    assert thread(sent) == (harbour.thread, True)
    assert harbour.waits(lambda m: m.text == "There").in_topic
    with pytest.raises(AssertionError, match="nothing fits"):
        bakery.waits(lambda m: m.text == "There", timeout=0.01)
    assert bot.call("sendChatAction", chat_id=forum.id, action="typing", message_thread_id=harbour.thread)
    assert bot.call("sendChatAction", chat_id=forum.id, action="typing", message_thread_id=1)
    assert thread(bot.call("sendMessage", chat_id=forum.id, text="x")) == (None, False)


def test_a_reply_stays_in_its_topic(forum: Group, anna: Person, bot: Bot) -> None:
    harbour, bakery = forum.topic("The harbour"), forum.topic("The bakery")
    question = harbour.says(anna, "Where?")
    answers = {"reply_parameters": {"message_id": question.id}}
    sent = bot.call("sendMessage", chat_id=forum.id, text="There", **answers)
    assert (*thread(sent), sent["reply_to_message"]["message_id"]) == (harbour.thread, True, question.id)
    assert harbour.says(anna, "And when?", reply_to=harbour.chat[-1]).thread == harbour.thread
    assert forum.says(anna, "And when?", reply_to=harbour.chat[-1]).thread == harbour.thread
    elsewhere = bot.refusal("sendMessage", chat_id=forum.id, text="x", message_thread_id=bakery.thread, **answers)
    assert elsewhere == "400 Bad Request: not reproduced by this test server: a reply into another topic"


def test_a_topic_that_does_not_exist_is_refused(api: BotApi, forum: Group, anna: Person, bot: Bot) -> None:
    harbour, plain = forum.topic("The harbour"), api.group("Plain", anna)
    said, root = harbour.says(anna, "x"), plain.says(anna, "x")
    for chat, number in ((forum, 99), (forum, said.id), (forum, 1), (plain, 99), (plain, root.id)):
        assert bot.refusal("sendMessage", chat_id=chat.id, text="x", message_thread_id=number) == NO_THREAD
    for chat, number in ((forum, 99), (plain, 1)):
        parameters = {"action": "typing", "message_thread_id": number}
        assert bot.refusal("sendChatAction", chat_id=chat.id, **parameters) == NO_THREAD
    forum.deletes_topic("The harbour")
    assert bot.refusal("sendMessage", chat_id=forum.id, text="x", message_thread_id=harbour.thread) == NO_THREAD
    assert harbour.chat == []


def test_only_a_forum_has_topics(api: BotApi, anna: Person) -> None:
    with pytest.raises(LookupError, match="'Plain' has no topics"):
        api.group("Plain", anna).topic("x")
    with pytest.raises(ValueError, match="only a supergroup"):
        api.group("Basic", anna, basic=True, forum=True)


def test_a_chain_of_replies_is_a_thread_and_no_topic(api: BotApi, anna: Person, bot: Bot) -> None:
    group, basic = api.group("Plain", anna), api.group("Basic", anna, basic=True)
    first = group.says(anna, "one")
    second = group.says(anna, "two", reply_to=first)
    group.says(anna, "three", reply_to=second)
    basic.says(anna, "two", reply_to=basic.says(anna, "one"))
    threads = [thread(update["message"]) for update in bot.updates()]
    assert threads == [(None, False), (first.id, False), (first.id, False), (None, False), (None, False)]


def test_the_library_answers_in_the_topic(api: BotApi, forum: Group, anna: Person, bot: Bot) -> None:
    """python-telegram-bot takes the thread of a topic along and leaves out that of mere replies."""
    harbour, plain = forum.topic("The harbour"), api.group("Plain", anna)
    harbour.says(anna, "Where?")
    plain.says(anna, "Where?", reply_to=plain.says(anna, "There"))
    messages = [Update.de_json(update, None).message for update in bot.updates()]
    assert [each._parse_message_thread_id(each.chat_id) for each in messages if each] == [
        harbour.thread,
        harbour.thread,
        None,
        None,
    ]


def test_an_answer_quotes_the_question(anna: Person, bot: Bot) -> None:
    question = anna.says("😀 Where will they meet?")
    target = {"message_id": question.id, "quote": "they meet"}
    sent = bot.call("sendMessage", chat_id=anna.id, text="There", reply_parameters=target)
    assert sent["quote"] == {"text": "they meet", "position": 14, "is_manual": True}
    assert anna.chat[-1].quote == "they meet"
    target["quote"] = "we meet"
    assert bot.refusal("sendMessage", chat_id=anna.id, text="x", reply_parameters=target) == (
        "400 Bad Request: QUOTE_TEXT_INVALID"
    )


def test_a_picked_result_comes_into_the_topic(api: BotApi, forum: Group, anna: Person, bot: Bot) -> None:
    api.enable_inline()
    harbour = forum.topic("The harbour")
    asked = anna.asks_inline("Where?", into=harbour)
    result = {"type": "article", "id": "1", "title": "There", "input_message_content": {"message_text": "In Budapest"}}
    bot.call("answerInlineQuery", inline_query_id=asked.query_id, results=[result])
    assert asked.picks("There").thread == harbour.thread
