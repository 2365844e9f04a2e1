"""What is meant for the bot in a group, and what is left of a message without its name."""

import datetime as dt
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from telegram import Chat, ForumTopicCreated, Message, MessageEntity, MessageOriginHiddenUser, PhotoSize, User

from bot.access.mention import Call, Me, call

NAME = "footnote_test_bot"
ME = Me(123_456, NAME)
BOT = User(ME.id, "Footnote", is_bot=True, username=NAME)
ANNA = User(7, "Anna", is_bot=False)
NOW = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
GROUP = Chat(-1_001, "supergroup")


def units(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


def said(text: str, *, reply_to: Message | None = None, **more: object) -> Message:
    """Write a message with the entities that Telegram would find."""
    found = [(one, MessageEntity.MENTION) for one in re.finditer(r"(?<![\w/])@\w+", text)]
    found += [(one, MessageEntity.BOT_COMMAND) for one in re.finditer(r"(?<!\S)/\w+(?:@\w+)?", text)]
    entities = [MessageEntity(kind, units(text[: one.start()]), units(one[0])) for one, kind in found]
    given_ = {"entities": entities, **more}
    return Message(2, NOW, GROUP, from_user=ANNA, text=text, reply_to_message=reply_to, **given_)  # type: ignore[arg-type]


def under_a_picture(text: str, **more: object) -> Message:
    """Write it as the caption of a picture."""
    message = said(text)
    picture = (PhotoSize("file", "unique", 1, 1),)
    given_ = {"caption": text, "caption_entities": message.entities, "photo": picture, **more}
    return Message(2, NOW, GROUP, from_user=ANNA, **given_)  # type: ignore[arg-type]


OURS = Message(1, NOW, GROUP, from_user=BOT, text="In 1987. [1]")


@pytest.mark.parametrize(
    "text, question",
    [
        (f"@{NAME} when was it closed?", "when was it closed?"),
        (f"@{NAME}, when was it closed?", "when was it closed?"),
        (f"@{NAME}: when was it closed?", "when was it closed?"),
        (f"@{NAME} – when was it closed?", "when was it closed?"),
        (f"@{NAME}\nwhen was it closed?", "when was it closed?"),
        (f"@{NAME} .NET, what is it?", ".NET, what is it?"),
        (f"When was it closed, @{NAME}?", "When was it closed?"),
        (f"When was it closed? @{NAME}", "When was it closed?"),
        (f"When was it, @{NAME.upper()}, closed?", "When was it, closed?"),
        (f"@{NAME} @{NAME} when?", "when?"),
        (f"😀 @{NAME} when 😀?", "😀 when 😀?"),
        (f"@{NAME} what does @anna say?", "what does @anna say?"),
        (f"@{NAME}", ""),
        (f"@{NAME}!", ""),
        (f"Hey, @{NAME}", "Hey"),
        ("/ask When?", "When?"),
        (f"/ask@{NAME} When?", "When?"),
        (f"/ASK@{NAME.upper()}\nWhen?", "When?"),
        (f"/ask @{NAME} When?", "When?"),
        ("/ask", ""),
    ],
)
def test_the_name_is_cut_out_of_the_question(text: str, question: str) -> None:
    assert call(said(text), ME) == Call(question)
    assert call(under_a_picture(text), ME) == Call(question)


@pytest.mark.parametrize(
    "text",
    [
        "When was it closed?",
        "@other_bot when?",
        f"@{NAME}s when?",
        f"mail@{NAME}",
        "/ask@other_bot When?",
        f"/ask@other_bot @{NAME} When?",
        f"/sources@{NAME}",
        f"/sources @{NAME}",
        "/help",
        "/start",
        "Do /ask When?",
    ],
)
def test_what_others_say_to_each_other_is_not_for_us(text: str) -> None:
    assert call(said(text), ME) is None


@pytest.mark.parametrize("text", [f"/help@{NAME}", f"/start@{NAME}", f"/start@{NAME} payload"])
def test_help_is_for_us_where_it_names_us(text: str) -> None:
    assert call(said(text), ME) == Call(how=True)


def test_a_name_without_a_username_is_a_mention_of_whom_it_links_to() -> None:
    text = "Footnote, when?"
    for user, expected in ((BOT, Call("when?")), (ANNA, None)):
        mention = MessageEntity(MessageEntity.TEXT_MENTION, 0, 8, user=user)
        assert call(said(text, entities=[mention]), ME) == expected


def test_a_reply_to_us_is_for_us_and_one_to_others_is_not() -> None:
    assert call(said("And when?", reply_to=OURS), ME) == Call("And when?")
    assert call(said("/sources", reply_to=OURS), ME) is None
    assert call(said("And when?", reply_to=said("1987")), ME) is None
    begun = Message(1, NOW, GROUP, from_user=BOT, forum_topic_created=ForumTopicCreated("Ports", 0))
    assert call(said("And when?", reply_to=begun), ME) is None


def test_what_is_passed_on_or_has_no_text_asks_for_nothing() -> None:
    forwarded = {"forward_origin": MessageOriginHiddenUser(NOW, "Eve")}
    assert call(said(f"@{NAME} when?", **forwarded), ME) is None
    assert call(said(f"@{NAME} when?", via_bot=BOT), ME) is None
    assert call(under_a_picture(f"@{NAME} when?", **forwarded), ME) is None
    assert call(under_a_picture("A harbour."), ME) is None
    assert call(Message(2, NOW, GROUP, from_user=ANNA, reply_to_message=OURS), ME) is None


WORDS = st.lists(st.text(st.characters(categories=["L", "N", "So"]), min_size=1), max_size=6)


@given(WORDS, WORDS)
def test_no_word_beside_the_name_is_lost(before: list[str], after: list[str]) -> None:
    called = call(said(" ".join([*before, f"@{NAME}", *after])), ME)
    assert called == Call(" ".join([*before, *after]))
