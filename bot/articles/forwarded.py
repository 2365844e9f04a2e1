"""Forwarded messages as files that articles are read from: who wrote them, when, where. Pure; downloads nothing.

What stands in such a message is text of an article to be: nothing in it is followed, however much it looks like a
command or like facts of an article.
"""

import datetime as dt
import hashlib
import json
import re

from telegram import (
    Message,
    MessageOrigin,
    MessageOriginChannel,
    MessageOriginChat,
    MessageOriginHiddenUser,
    MessageOriginUser,
)

from bot.text import render

TITLE = 100
"""UTF-16 code units of a title; a message that begins with a paragraph has a part of it as its title."""


def words_of(message: Message) -> str:
    """Return what a message says: its text, or what stands under a picture."""
    return (message.text or message.caption or "").strip()


def file_of(message: Message) -> tuple[str, bytes]:
    """Return the name and the bytes of a text file that holds a forwarded message, with what is known of it.

    A post of a channel has a name by its number, so that it takes the place of what it was before it was edited; of
    what a person wrote Telegram tells no number, and it is known by its words.
    """
    origin, text = message.forward_origin, words_of(message)
    assert origin is not None  # noqa: S101  for mypy: the caller looked
    outlet = _printable(_author(origin))
    facts = {
        "title": _title(text, outlet),
        "source": outlet,
        "date": origin.date.astimezone(dt.UTC).date().isoformat(),
        "url": _address(origin),
    }
    head = "\n".join(f"{name}: {json.dumps(value, ensure_ascii=False)}" for name, value in facts.items() if value)
    return _name(origin, text, outlet), f"---\n{head}\n---\n\n{text}\n".encode("utf-8", "replace")


def _author(origin: MessageOrigin) -> str:
    match origin:
        case MessageOriginChannel():
            return origin.chat.title or ""
        case MessageOriginChat():
            return origin.sender_chat.title or ""
        case MessageOriginUser():
            return origin.sender_user.full_name
        case MessageOriginHiddenUser():
            return origin.sender_user_name
        case _:
            return ""


def _address(origin: MessageOrigin) -> str:
    """Return where everybody can read it; nothing for what only the members of a chat can."""
    if isinstance(origin, MessageOriginChannel) and origin.chat.username:
        return f"https://t.me/{origin.chat.username}/{origin.message_id}"
    return ""


def _name(origin: MessageOrigin, text: str, outlet: str) -> str:
    if isinstance(origin, MessageOriginChannel):
        return f"{origin.chat.username or origin.chat.id}-{origin.message_id}.txt"
    digest = hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:8]
    author = re.sub(r"\W+", "-", outlet).strip("-")[:40] or "message"
    return f"{author}-{origin.date.astimezone(dt.UTC):%Y%m%d-%H%M%S}-{digest}.txt"


def _title(text: str, outlet: str) -> str:
    """Return the first line; of a message of one line it would be all there is, so that is said to be somebody's."""
    lines = [line for line in text.split("\n") if line.strip()]
    first = _printable(lines[0]) if lines else ""
    title = render.cut(first, TITLE)
    return f"{outlet}: {title}" if len(lines) == 1 and title == first and outlet else title


def _printable(text: str) -> str:
    """Return a text as one line of characters that are seen: others have no place in the head of a file."""
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())
