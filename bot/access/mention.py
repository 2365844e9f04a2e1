"""What is meant for the bot among all that is said in a group, and what it asks. Pure.

A message is meant for it that mentions it, replies to one of its messages, or is a command by its name; what stands
under a picture or a file counts as its text. Whether whoever wrote it may ask is the gate's to decide.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from telegram import Bot, Message, MessageEntity

from bot.access.gate import in_own_words

ASK = "/ask"
HELP = ("/start", "/help")

_AFTER = re.compile(r"(?:[,;:]|[.!–—-]+(?=\s|$))*\s*")
"""What stands between the name of somebody who is called and what they are asked; the dot of ".NET" does not."""

_BEFORE = " \t\n,;:"
"""And between what they are asked and their name, before the end of the sentence."""

_CLOSING = tuple("?!.…,;)»”\"'")


@dataclass(frozen=True, slots=True)
class Me:
    """The bot, as people call it."""

    id: int
    name: str


def me(bot: Bot) -> Me:
    """Return who a bot is."""
    return Me(bot.id, bot.username)


@dataclass(frozen=True, slots=True)
class Call:
    """What a message wants of the bot: an answer to a `question`, which may be blank, or to be told `how` to ask."""

    question: str = ""
    how: bool = False


def call(message: Message, me: Me) -> Call | None:
    """Return what a message in a group wants of the bot; None where it is meant for others, or is not in own words."""
    text = message.text or message.caption
    if not text or not in_own_words(message):
        return None
    said = message.parse_entities() if message.text else message.parse_caption_entities()
    mentions = [entity for entity, words in said.items() if _names(entity, words, me)]
    command = next((one for one in said if one.type == MessageEntity.BOT_COMMAND and one.offset == 0), None)
    if command is not None:
        name, at, addressee = said[command].lower().partition("@")
        mine = addressee == me.name.lower()
        if name == ASK and (mine or not at):
            return Call(_without(text, [command, *mentions]))
        return Call(how=True) if name in HELP and mine else None
    if mentions or _replies(message, me):
        return Call(_without(text, mentions))
    return None


def _names(entity: MessageEntity, words: str, me: Me) -> bool:
    """Whether words of a message are the name of the bot: as everybody has one, or as a link to it."""
    if entity.type == MessageEntity.TEXT_MENTION:
        return entity.user is not None and entity.user.id == me.id
    return entity.type == MessageEntity.MENTION and words.lower() == f"@{me.name}".lower()


def _replies(message: Message, me: Me) -> bool:
    """Whether a message answers one of the bot's; each that opens no reply in a topic answers the topic's beginning."""
    replied = message.reply_to_message
    if replied is None or replied.forum_topic_created is not None:
        return False
    return replied.from_user is not None and replied.from_user.id == me.id


def _without(said: str, names: Iterable[MessageEntity]) -> str:
    """Return what was said without these stretches, and without what sets them apart from the rest."""
    units = said.encode("utf-16-le")
    pieces, at = [], 0
    for name in sorted(names, key=lambda entity: entity.offset):
        pieces.append(units[2 * at : 2 * max(at, name.offset)].decode("utf-16-le"))
        at = max(at, name.offset + name.length)
    text, *rest = *pieces, units[2 * at :].decode("utf-16-le")
    for piece in rest:
        text = _joined(text, piece)
    return text.strip()


def _joined(before: str, after: str) -> str:
    """Join what stood before a name and after it: "When, @bot?" is "When?"."""
    before, after = before.rstrip(), after.lstrip()
    if not before:
        return _AFTER.sub("", after, count=1)
    if not after or after.startswith(_CLOSING):
        return before.rstrip(_BEFORE) + after
    return f"{before} {after}"
