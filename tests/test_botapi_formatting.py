"""The Bot API server for tests formats text as Telegram does, whose own parser it asks."""

import html
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.barebot import Bot
from tests.botapi import BotApi, Entity, Person
from tests.botapi.formatting import Formatted, check_url, format_text, utf16_length


@pytest.fixture
def api() -> Iterator[BotApi]:
    with BotApi() as api:
        yield api


@pytest.mark.parametrize(
    "source, text, entities",
    [
        ("😀 <b>x</b>", "😀 x", [Entity("bold", 3, 1)]),
        (
            "<u>a</u><s>b</s><tg-spoiler>c</tg-spoiler>",
            "abc",
            [Entity("underline", 0, 1), Entity("strikethrough", 1, 1), Entity("spoiler", 2, 1)],
        ),
        ("<b>a</b><b>b</b>", "ab", [Entity("bold", 0, 2)]),
        ("<i>👩‍👩‍👧</i> <code>é</code>", "👩‍👩‍👧 é", [Entity("italic", 0, 8), Entity("code", 9, 1)]),
        ("<pre>x</pre>", "x", [Entity("pre", 0, 1)]),
        ('<pre><code class="language-python">x</code></pre>', "x", [Entity("pre", 0, 1, language="python")]),
        ('<a href="HTTPS://Example.com">x</a>', "x", [Entity("text_link", 0, 1, url="https://example.com/")]),
        ('<a href="tg://user?id=7">Anna</a>', "Anna", [Entity("text_mention", 0, 4, user_id=7)]),
        ("<blockquote>x</blockquote>", "x", [Entity("blockquote", 0, 1)]),
        (
            "<blockquote expandable>😀\n<b>y</b></blockquote> z",
            "😀\ny z",
            [Entity("expandable_blockquote", 0, 4), Entity("bold", 3, 1)],
        ),
        (
            "/start @anna_k #tag $USD a@b.com",
            "/start @anna_k #tag $USD a@b.com",
            [
                Entity("bot_command", 0, 6),
                Entity("mention", 7, 7),
                Entity("hashtag", 15, 4),
                Entity("cashtag", 20, 4),
                Entity("email", 25, 7),
            ],
        ),
        (
            "😀 https://example.com <code>example.com</code>",
            "😀 https://example.com example.com",
            [Entity("url", 3, 19), Entity("code", 23, 11)],
        ),
        ("  <b> x </b>  y \n", "<space>x   y", [Entity("bold", 0, 3)]),
        ("a\tb\r\n&lt;_*[c](d)`e`~|", "a b\n<_*[c](d)`e`~|", []),
        ("\n\nx <b>y\n</b>\n", "x y", [Entity("bold", 2, 1)]),
    ],
)
def test_html_becomes_text_and_entities(anna: Person, bot: Bot, source: str, text: str, entities: list[Entity]) -> None:
    answer = bot.call("sendMessage", chat_id=7, text=source, parse_mode="html")
    [message] = anna.chat
    assert message.text == answer["text"] == text.replace("<space>", " ")
    assert list(message.entities) == entities
    assert [(each["type"], each["offset"], each["length"]) for each in answer.get("entities", [])] == [
        (each.type, each.offset, each.length) for each in entities
    ]


def test_markdown_and_explicit_entities_give_the_same(anna: Person, bot: Bot) -> None:
    bot.call("sendMessage", chat_id=7, text="*😀* [y](https://example.com)", parse_mode="MarkdownV2")
    link = {"type": "text_link", "offset": 3, "length": 1, "url": "https://example.com"}
    bot.call("sendMessage", chat_id=7, text="😀 y", entities=[{"type": "bold", "offset": 0, "length": 2}, link])
    first, second = anna.chat
    assert first.entities == second.entities
    assert [each.of(first.text) for each in first.entities] == ["😀", "y"]


def test_a_mention_of_a_stranger_is_dropped(anna: Person, bot: Bot) -> None:
    bot.call("sendMessage", chat_id=7, text='<a href="tg://user?id=99">Who</a>', parse_mode="HTML")
    assert anna.chat[0].entities == ()


@settings(deadline=None, max_examples=60)
@given(
    st.text(st.characters(exclude_categories=["Cs", "Cc", "Co"], exclude_characters="\u030a\u0333\u033f"), min_size=1)
)
def test_escaped_text_arrives_as_it_was(text: str) -> None:
    plain = text.translate(dict.fromkeys(range(0x2028, 0x202F))).strip(" \n")
    if plain:
        assert format_text(html.escape(text), parse_mode="HTML").text == plain == format_text(text).text


@settings(deadline=None, max_examples=60)
@given(st.lists(st.sampled_from(["a", "😀", "é", " ", "\n", "_", "https://example.com"]), max_size=30))
def test_every_entity_covers_whole_characters_of_the_text(parts: list[str]) -> None:
    source = "".join(f"<b>{part}</b>" if index % 2 else part for index, part in enumerate(["x", *parts]))
    formatted: Formatted = format_text(source, parse_mode="HTML")
    for entity in formatted.entities:
        assert utf16_length(entity.of(formatted.text)) == entity.length > 0


def test_a_link_is_checked_and_normalised_as_telegram_does() -> None:
    assert check_url("example.com") == "http://example.com/"
    assert check_url("tg://user?id=1") == "tg://user?id=1"
    with pytest.raises(ValueError, match="URL host is empty"):
        check_url("")


def test_entities_telegram_would_drop_are_found(api: BotApi, anna: Person, bot: Bot) -> None:
    bot.call("sendMessage", chat_id=7, text="<b>x</b> " * 100 + "example.com", parse_mode="HTML")
    assert api.findings == []
    bot.call("sendMessage", chat_id=7, text="<b>x</b> " * 101, parse_mode="HTML")
    assert len(anna.chat[-1].entities) == 100
    bot.call(
        "sendMessage",
        chat_id=7,
        text='<a href="passage 3">3</a> <a href="https://example.com">4</a>',
        parse_mode="HTML",
    )
    assert [finding.split(",")[0] for finding in api.findings] == ["101 entities", "1 link(s) dropped"]
