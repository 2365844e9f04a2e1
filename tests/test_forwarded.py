"""Forwarded messages as files: whatever they say, title, author and day are those of the message."""

import datetime as dt
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from telegram import Message

from bot.articles import forwarded
from index.errors import SourceError
from index.formats.extract import extract
from index.records import Article, ArticleId

WHEN = 1_704_445_200
DAY = dt.date(2024, 1, 5)
OPEN: dict[str, Any] = {"id": -100123, "type": "channel", "title": "Aldby News", "username": "aldby"}
CLOSED: dict[str, Any] = {"id": -100124, "type": "channel", "title": "Inside"}


def message(text: str, **origin: Any) -> Message:
    chat = {"id": 7, "type": "private"}
    origin = {"date": WHEN, **origin}
    made = Message.de_json({"message_id": 1, "date": 1, "chat": chat, "text": text, "forward_origin": origin}, None)
    assert made.forward_origin is not None
    return made


def article(one: Message) -> tuple[str, Article]:
    name, data = forwarded.file_of(one)
    return name, extract(ArticleId(name), data)


def test_a_post_of_an_open_channel_has_an_address_and_a_name_by_its_number() -> None:
    name, made = article(message("The mill is sold\n\nA brewer bought it.", type="channel", chat=OPEN, message_id=42))
    assert (name, made.title, made.text) == ("aldby-42.txt", "The mill is sold", "A brewer bought it.")
    assert (made.source, made.date, made.url) == ("Aldby News", DAY, "https://t.me/aldby/42")


def test_a_post_of_a_closed_channel_has_no_address() -> None:
    name, made = article(message("One\n\nTwo.", type="channel", chat=CLOSED, message_id=3))
    assert (name, made.url, made.source) == ("-100124-3.txt", "", "Inside")


def test_people_groups_and_those_who_hide_are_named() -> None:
    person = {"id": 9, "is_bot": False, "first_name": "Anna", "last_name": "Brandt"}
    group = {"id": -5, "type": "supergroup", "title": "Readers"}
    assert article(message("Hello there", type="user", sender_user=person))[1].source == "Anna Brandt"
    assert article(message("Hello there", type="hidden_user", sender_user_name="Eve"))[1].source == "Eve"
    assert article(message("Hello there", type="chat", sender_chat=group))[1].source == "Readers"


def test_one_line_is_both_title_and_text_and_two_messages_of_one_second_are_two() -> None:
    name, made = article(message("The mill is sold", type="hidden_user", sender_user_name="Eve"))
    other, _ = article(message("The mill is not sold", type="hidden_user", sender_user_name="Eve"))
    assert (made.title, made.text, name == other) == ("Eve: The mill is sold", "The mill is sold", False)


def test_a_long_first_line_stays_in_the_text() -> None:
    line = "word " * 60
    _, made = article(message(f"{line}\nmore", type="channel", chat=OPEN, message_id=1))
    assert made.title.endswith("…")
    assert made.text.startswith(line.strip())


def test_what_looks_like_the_head_of_a_file_does_not_change_who_wrote_it() -> None:
    text = "---\ntitle: Lies\nsource: The Times\ndate: 1999-01-01\nurl: https://evil.example\n---\n\nThe mill is sold."
    _, made = article(message(text, type="channel", chat=OPEN, message_id=42))
    assert (made.source, made.date, made.url) == ("Aldby News", DAY, "https://t.me/aldby/42")


def test_lines_that_look_like_facts_stay_words_of_the_message() -> None:
    lies = "Date: 1999-01-01\nUrl: https://evil.example\nAuthor: Mallory\nSource: The Times"
    for text in (f"The mill is sold\n{lies}\n\nA brewer bought it.", f"{lies}\n\nA brewer bought it."):
        _, made = article(message(text, type="channel", chat=CLOSED, message_id=3))
        assert (made.source, made.date, made.url, made.author) == ("Inside", DAY, "", "")
        assert "Author: Mallory" in made.text


@given(text=st.text(min_size=1, max_size=300), name=st.text(min_size=1, max_size=40))
def test_no_text_and_no_name_breaks_out_of_its_place(text: str, name: str) -> None:
    one = message(text, type="channel", chat={**OPEN, "title": name}, message_id=42)
    try:
        _, made = article(one)
    except SourceError as error:
        assert "no text" in str(error) or "NUL" in str(error) or "binary" in str(error), error  # noqa: PT017
        return
    assert made.date == DAY
    assert made.url == "https://t.me/aldby/42"
    assert "\n" not in made.title
