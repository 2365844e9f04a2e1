"""Text as Telegram formats it: TDLib parses, cleans and finds entities; this module only translates.

Offsets and lengths are in UTF-16 code units everywhere. Knows no chats, messages or HTTP.
"""

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from html import unescape
from typing import Any, Final, TypeAlias

from aiogram.types import MessageEntity
from tdjson import td_execute

from tests.botapi.refusal import Refusal, refuse, unsupported

Json: TypeAlias = dict[str, Any]

MAX_SOURCE_BYTES: Final = 1 << 15
"""Longest text before parsing, in bytes of UTF-8: `get_formatted_text` in tdlib/telegram-bot-api."""

AUTOMATIC: Final = frozenset({"mention", "hashtag", "cashtag", "bot_command", "url", "email", "phone_number"})
"""Entities Telegram finds by itself; a bot that sends them explicitly is ignored."""

_PARSE_MODES: Final = {
    "html": {"@type": "textParseModeHTML"},
    "markdown": {"@type": "textParseModeMarkdown", "version": 1},
    "markdownv2": {"@type": "textParseModeMarkdown", "version": 2},
}
_NAMES: Final = {
    "Mention": "mention",
    "Hashtag": "hashtag",
    "Cashtag": "cashtag",
    "BotCommand": "bot_command",
    "Url": "url",
    "EmailAddress": "email",
    "PhoneNumber": "phone_number",
    "Bold": "bold",
    "Italic": "italic",
    "Underline": "underline",
    "Strikethrough": "strikethrough",
    "Spoiler": "spoiler",
    "BlockQuote": "blockquote",
    "ExpandableBlockQuote": "expandable_blockquote",
    "Code": "code",
    "Pre": "pre",
    "PreCode": "pre",
    "TextUrl": "text_link",
    "MentionName": "text_mention",
    "CustomEmoji": "custom_emoji",
}
_TD_NAMES: Final = {name: td_name for td_name, name in _NAMES.items() if td_name != "PreCode"}
_NOT_IN_BOT_API: Final = frozenset({"BankCardNumber", "MediaTimestamp"})
_UNBREAKABLE: Final = frozenset({"Code", "Pre", "PreCode", "TextUrl", "MentionName", "CustomEmoji"})
_MARKDOWN: Final = "*_~|`[]"


_TAG: Final = re.compile(r"<[^>]*>")


@dataclass(frozen=True, slots=True)
class Entity:
    """A MessageEntity of the Bot API."""

    type: str
    offset: int
    length: int
    url: str | None = None
    language: str | None = None
    user_id: int | None = None
    custom_emoji_id: str | None = None

    def of(self, text: str) -> str:
        """Cut the part of `text` the entity covers."""
        units = text.encode("utf-16-le")
        return units[2 * self.offset : 2 * (self.offset + self.length)].decode("utf-16-le")


@dataclass(frozen=True, slots=True)
class Formatted:
    """Text as people see it, and its entities in Telegram's order."""

    text: str
    entities: tuple[Entity, ...] = ()


def utf16_length(text: str) -> int:
    """Count UTF-16 code units, Telegram's measure of text."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def format_text(text: str, *, parse_mode: str | None = None, entities: Sequence[MessageEntity] = ()) -> Formatted:
    """Turn the text of a request into the text of a message.

    Raises Refusal with the words of the real server: those of Telegram's parser for broken markup, and
    "text must be non-empty" when nothing but space is left.
    """
    if len(text.encode("utf-8", "surrogatepass")) > MAX_SOURCE_BYTES:
        raise refuse("Text is too long")
    text, raw = _parse(text, parse_mode) if parse_mode else (text, _to_td(entities))
    text, raw = _trim(*_fix(text, raw))
    if not text:
        raise refuse("Text must be non-empty")
    text, raw = _fix(text, [*raw, *_automatic(text, raw)])
    return Formatted(text, tuple(entity for entity in map(_from_td, raw) if entity))


def strip_html(html: str) -> Formatted:
    """Take valid HTML for its text without asking TDLib, which costs ten times as much; the entities are lost."""
    return Formatted(unescape(_TAG.sub("", html)).strip(" \n"))


def lost_links(html: str) -> int:
    """Count the links of valid HTML that Telegram drops without a word, for the URL is wrong or nothing is inside."""
    _, entities = _parse(html, "HTML")
    kept = sum(_td_name(raw) in {"TextUrl", "MentionName"} for raw in entities)
    return len(re.findall(r"<a\s", html, re.IGNORECASE)) - kept


@lru_cache(maxsize=1024)
def check_url(url: str) -> str:
    """Return the URL of a link as Telegram normalises it; raise ValueError with Telegram's reason."""
    link = {"@type": "textEntityTypeTextUrl", "url": url}
    try:
        _, [entity] = _fix("x", [{"@type": "textEntity", "offset": 0, "length": 1, "type": link}])
    except Refusal as refusal:
        raise ValueError(refusal.description.rpartition("' is invalid: ")[2]) from refusal
    return str(entity["type"].get("url", url))


def _parse(text: str, parse_mode: str) -> tuple[str, list[Json]]:
    mode = _PARSE_MODES.get(parse_mode.lower())
    if mode is None:
        raise refuse("Unsupported parse_mode")
    parsed = _execute("parseTextEntities", text=text, parse_mode=mode)
    return parsed["text"], parsed["entities"]


def _fix(text: str, entities: Sequence[Json]) -> tuple[str, list[Json]]:
    """Clean the text and merge, split and sort its entities as TDLib does with every message it sends.

    TDLib offers that step alone nowhere; `parseMarkdown` begins with it. Its own markup is put out of its sight behind
    private-use characters the text does not have, which are as long in UTF-16.
    """
    free = (code for code in range(0xE000, 0xF900) if chr(code) not in text)
    shield = {ord(mark): next(free) for mark in _MARKDOWN}
    shielded = {"@type": "formattedText", "text": text.translate(shield), "entities": list(entities)}
    fixed = _execute("parseMarkdown", text=shielded)
    return fixed["text"].translate({hidden: mark for mark, hidden in shield.items()}), fixed["entities"]


def _trim(text: str, entities: Sequence[Json]) -> tuple[str, list[Json]]:
    """Cut the space at both ends; at the start only as far as the first entity, as TDLib does."""
    text = text.rstrip(" \n")
    end = utf16_length(text)
    kept = [{**raw, "length": min(raw["length"], end - raw["offset"])} for raw in entities if raw["offset"] < end]
    lead = min([len(text) - len(text.lstrip(" \n")), *(raw["offset"] for raw in kept)])
    return text[lead:], [{**raw, "offset": raw["offset"] - lead} for raw in kept]


def _automatic(text: str, entities: Iterable[Json]) -> list[Json]:
    """Find links, commands, mentions and the like outside of code and explicit links."""
    taken = [(raw["offset"], raw["offset"] + raw["length"]) for raw in entities if _td_name(raw) in _UNBREAKABLE]
    found = _execute("getTextEntities", text=text)["entities"]
    return [
        raw
        for raw in found
        if _td_name(raw) not in _NOT_IN_BOT_API
        and not any(start < raw["offset"] + raw["length"] and raw["offset"] < end for start, end in taken)
    ]


def _td_name(raw: Json) -> str:
    return str(raw["type"]["@type"]).removeprefix("textEntityType")


def _from_td(raw: Json) -> Entity | None:
    td_name, kind = _td_name(raw), raw["type"]
    if td_name in _NOT_IN_BOT_API:
        return None
    if td_name not in _NAMES:
        raise unsupported(f"entity {td_name}")
    return Entity(
        _NAMES[td_name],
        raw["offset"],
        raw["length"],
        url=kind.get("url"),
        language=kind.get("language"),
        user_id=kind.get("user_id"),
        custom_emoji_id=kind.get("custom_emoji_id"),
    )


def _to_td(entities: Iterable[MessageEntity]) -> list[Json]:
    return [
        {"@type": "textEntity", "offset": entity.offset, "length": entity.length, "type": _td_type(entity)}
        for entity in entities
        if entity.type not in AUTOMATIC
    ]


def _td_type(entity: MessageEntity) -> Json:
    needed = {"text_link": "url", "text_mention": "user", "custom_emoji": "custom_emoji_id"}.get(entity.type)
    if needed and getattr(entity, needed) is None:
        raise refuse(f"Can't parse MessageEntity: Can't find field \"{needed}\"")
    match entity.type:
        case "pre" if entity.language:
            return {"@type": "textEntityTypePreCode", "language": entity.language}
        case "text_link":
            return {"@type": "textEntityTypeTextUrl", "url": entity.url}
        case "text_mention" if entity.user:
            return {"@type": "textEntityTypeMentionName", "user_id": entity.user.id}
        case "custom_emoji":
            return {"@type": "textEntityTypeCustomEmoji", "custom_emoji_id": entity.custom_emoji_id}
        case name if name in _TD_NAMES:
            return {"@type": f"textEntityType{_TD_NAMES[name]}"}
    raise refuse("Can't parse MessageEntity: Unsupported type specified")


def _execute(function: str, **fields: object) -> Json:
    _silence()
    answer: Json = json.loads(td_execute(json.dumps({"@type": function, **fields}).encode()) or b"{}")
    if answer.get("@type") == "error":
        raise refuse(answer["message"])
    return answer


@cache
def _silence() -> None:
    td_execute(json.dumps({"@type": "setLogVerbosityLevel", "new_verbosity_level": 0}).encode())
