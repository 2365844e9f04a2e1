"""Who may do what, here, now. The one place that decides it."""

import asyncio
import re

from telegram import CallbackQuery, MaybeInaccessibleMessage, Message, Update, User
from telegram.constants import ChatID, ChatType

from bot.showing.buttons import SHOW
from bot.store.people import NOBODY, Known, People
from config import Telegram

OPENING = re.compile(r"/start i_([A-Za-z0-9_-]{1,62})")
"""What a client writes for a person who opened an invitation; Telegram allows 64 characters after the command."""

FOLLOWING = re.compile(rf"/start (?:{SHOW})")
"""And for one who follows a link under an answer in a group."""

GROUPS = (ChatType.GROUP, ChatType.SUPERGROUP)

_NOT_PEOPLE = frozenset((ChatID.ANONYMOUS_ADMIN, ChatID.FAKE_CHANNEL, ChatID.SERVICE_CHAT))
"""Accounts of Telegram's own that send what anonymous admins and channels say."""


class Gate:
    """Decides by numeric ids; names can be changed and chosen by anyone. Never waits for a database but in `keep_up`.

    Admins may always ask. Of all others not the blocked; those whom the settings name or an invitation admitted; and
    everyone, where the settings name nobody. `admins` are known by the settings alone, and so are the `banned`: no
    command changes that.
    """

    def __init__(self, settings: Telegram, people: People | None = None) -> None:
        """Admit whom the settings name, and whom `people` knows."""
        self._people = people
        self.admins, self._allowed = frozenset(settings.admins), frozenset(settings.allowed)
        self.banned, self._groups = frozenset(settings.blocked) - self.admins, frozenset(settings.groups)

    @property
    def open(self) -> bool:
        """Whether everyone may ask who is not blocked."""
        return not self._allowed

    @property
    def shared(self) -> bool:
        """Whether other bots may change who is admitted."""
        return self._people is not None and self._people.shared

    async def keep_up(self, *, at_once: bool = False) -> None:
        """Hear of what other bots changed: before an update is let in, and before anything is sent unasked.

        It costs nothing unless the last time was some seconds ago, or it must be `at_once`.

        Raises:
            FootnoteError: the database cannot be read.
        """
        people = self._people
        if people is not None and (at_once or people.stale):
            await asyncio.to_thread(people.keep_up, at_once=at_once)

    def admits(self, update: Update) -> bool:
        """Whether the sender of an update may use the bot."""
        person = update.effective_user
        return person is not None and not person.is_bot and self.may_ask(person.id)

    def admits_typing(self, update: Update) -> bool:
        """Whether whoever types after the bot's name may see what it would answer."""
        query = update.inline_query
        alone = update.effective_message is None and update.callback_query is None
        return query is not None and alone and not query.from_user.is_bot and self.may_ask(query.from_user.id)

    def may_ask(self, person: int) -> bool:
        """Whether a person may use the bot in their private chat."""
        if person in self.admins:
            return True
        return not self.is_blocked(person) and (self.open or person in self._allowed or person in self._known.admitted)

    def is_blocked(self, person: int) -> bool:
        """Whether a person may use the bot nowhere."""
        return person in self.banned or (person in self._known.blocked and person not in self.admins)

    def admits_group(self, update: Update) -> bool:
        """Whether somebody writes or presses as themselves in a group that is allowed, who may ask there.

        Every member may, but for the blocked.
        """
        person, chat = in_group(update), update.effective_chat
        return person is not None and chat is not None and self.allows_group(chat.id) and not self.is_blocked(person.id)

    def follows(self, update: Update) -> bool:
        """Whether somebody opens what stands behind an answer in a group, in person: they may be only its member.

        `may_read` says whether it is one that they may see.
        """
        person, message = in_person(update), update.message
        if person is None or message is None or not self._groups or self.is_blocked(person.id):
            return False
        return FOLLOWING.fullmatch(message.text or "") is not None and in_own_words(message)

    def may_read(self, person: int, chat: int) -> bool:
        """Whether a person may see in their private chat what was asked in a chat; whoever has the link saw it there.

        What somebody asked in their private chat is nobody else's.
        """
        if chat > 0:
            return chat == person and self.may_ask(person)
        return self.allows_group(chat) and not self.is_blocked(person)

    def allows_group(self, chat: int) -> bool:
        """Whether the bot may be in a group: one that the settings name, what became of it, or what it was before.

        Any, where they name neither groups nor people.
        """
        if not self._groups:
            return self.open
        moved = self._known.moved
        before = (new for new, old in moved.items() if old == chat)
        return chat in self._groups or moved.get(chat) in self._groups or not self._groups.isdisjoint(before)

    def has_moved(self, chat: int) -> bool:
        """Whether a group is what became of another one."""
        return chat in self._known.moved

    @property
    def unmoved(self) -> frozenset[int]:
        """The groups that the settings name, without those of which another id is known."""
        return self._groups - set(self._known.moved.values())

    def knocks(self, update: Update) -> bool:
        """Whether somebody who is not admitted yet opens an invitation: in person, in their own words, not blocked."""
        person, message = in_person(update), update.message
        if person is None or message is None or self.is_blocked(person.id):
            return False
        return token_in(message) is not None and in_own_words(message)

    def is_admin(self, update: Update) -> bool:
        """Whether the sender is an admin who writes or presses in person."""
        person = in_person(update)
        return person is not None and person.id in self.admins

    @property
    def _known(self) -> Known:
        return self._people.known if self._people is not None else NOBODY


def in_person(update: Update) -> User | None:
    """Return who wrote to us, or pressed a button of ours, in their own private chat with us and as themselves.

    None for all else: groups and channels, whoever speaks in the name of a chat or through a business account, bots,
    somebody else's chat, a press that a client of one's own put on a message that is not ours. Of a message that is
    gone or too old Telegram does not tell whose it was.
    """
    person, message = _speaker(update)
    if person is None or message is None:
        return None
    return person if message.chat.type == ChatType.PRIVATE and message.chat.id == person.id else None


def in_group(update: Update) -> User | None:
    """Return who wrote in a group, or pressed a button of a bot there, as themselves.

    None for all else: anonymous admins, whoever speaks in the name of a channel, what a linked channel posts, bots.
    """
    person, message = _speaker(update)
    if person is None or message is None or person.id in _NOT_PEOPLE:
        return None
    return person if message.chat.type in GROUPS else None


def token_in(message: Message) -> str | None:
    """Return the token of the invitation that a message opens."""
    opening = OPENING.fullmatch(message.text or "")
    return opening[1] if opening else None


def _speaker(update: Update) -> tuple[User | None, MaybeInaccessibleMessage | None]:
    """Return the person who speaks to us as themselves, and the message they wrote or pressed; two of None if none."""
    said = [one for one in (update.message, update.edited_message, update.callback_query) if one is not None]
    if len(said) != 1:  # Telegram sends one: of two, each could lend its sender to the other
        return None, None
    message = said[0].message if isinstance(said[0], CallbackQuery) else said[0]
    person = said[0].from_user
    if message is None or person is None or person.is_bot:
        return None, None
    pressed = message is not said[0]
    gone = pressed and accessible(message) is None
    direct = gone or (isinstance(message, Message) and _is_direct(message, pressed=pressed))
    return (person, message) if direct else (None, None)


def accessible(message: MaybeInaccessibleMessage | None) -> Message | None:
    """Return a message on which a button was pressed, unless it is gone or too old to be changed.

    python-telegram-bot makes a Message even of an InaccessibleMessage; only its date tells.
    """
    return message if isinstance(message, Message) and message.is_accessible else None


def in_own_words(message: Message) -> bool:
    """Whether a message says what its sender wrote, not what somebody else did who was forwarded, or another bot."""
    return message.forward_origin is None and message.via_bot is None


def _is_direct(message: Message, *, pressed: bool) -> bool:
    """Whether nobody stands between us and the sender of a message; if its button was `pressed`, whether we sent it."""
    ours = message.from_user is not None and message.from_user.is_bot  # no other bot can be in a private chat
    business = message.business_connection_id is not None or message.sender_business_bot is not None
    return message.sender_chat is None and not business and (ours or not pressed)
