"""The bot comes into a group: it stays where it may be, says in one line what it does, and leaves politely elsewhere.

It stands before the door, and knows no question.
"""

import logging
import time

from telegram import Bot, Chat, ChatMember, ChatMemberRestricted, ChatMemberUpdated, Message, Update
from telegram.constants import ChatMemberStatus, ChatType
from telegram.error import BadRequest, ChatMigrated, Forbidden
from telegram.ext import ApplicationHandlerStop, ContextTypes

from bot import words
from bot.access.gate import GROUPS, Gate
from bot.running.lately import Lately
from bot.running.threads import Pool
from bot.sending.attempt import CURRENT, Enough
from bot.sending.say import say
from bot.store.people import People
from bot.text import render

AFTERWARDS = 600.0
"""Seconds in which nothing is said any more in a group we left: what comes from there was written before."""

REMEMBERED = 1_000
"""Groups we left that are remembered."""

SUPERGROUPS = -1_000_000_000_000
"""Ids of supergroups and channels are below this one, those of basic groups above."""

_THERE = (ChatMemberStatus.OWNER, ChatMemberStatus.ADMINISTRATOR, ChatMemberStatus.MEMBER)
_REFUSED = (BadRequest, Forbidden, ChatMigrated)

log = logging.getLogger(__name__)


class Arrivals:
    """Looks at each update of a group before anybody else does."""

    def __init__(self, people: People, gate: Gate, *, threads: Pool) -> None:
        """Stay where `gate` allows it; groups that moved are written down with `people`, on `threads`."""
        self._people = people
        self._gate = gate
        self._threads = threads
        self._left = Lately[int, float](REMEMBERED)

    async def check(self, update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
        """Leave the group an update comes from if we may not be there, and end that update; let all others pass."""
        change, message = update.my_chat_member, update.message or update.edited_message
        if change is not None:
            await self._changed(change, context.bot)
            raise ApplicationHandlerStop
        if message is None or message.chat.type not in GROUPS:
            return
        await self._note_move(message)
        if not await self._may_be_in(message.chat, context.bot):
            await self._leave(message.chat, context.bot)
            raise ApplicationHandlerStop

    async def _changed(self, change: ChatMemberUpdated, bot: Bot) -> None:
        """Come into a group or leave it, when somebody made us a member; that a person blocked us needs nothing."""
        chat = change.chat
        if chat.type == ChatType.PRIVATE or not _is_there(change.new_chat_member):
            return
        self._left.pop(chat.id, None)
        if chat.type not in GROUPS:
            await self._leave(chat, bot, silently=True)  # a line in a channel is read by all who subscribed to it
        elif not await self._may_be_in(chat, bot):
            await self._leave(chat, bot)
        elif not _is_there(change.old_chat_member) and not self._gate.has_moved(chat.id):
            await self._introduce(chat, bot)

    async def _introduce(self, chat: Chat, bot: Bot) -> None:
        try:
            await say(bot, chat.id, render.text(words.INTRODUCTION))
        except _REFUSED as error:  # it may not be allowed to write, or not be there any more
            log.info("the bot could not introduce itself: %s", error)

    async def _leave(self, chat: Chat, bot: Bot, *, silently: bool = False) -> None:
        """Say why, once, and leave, whether or not that could be said."""
        attempt = CURRENT.get()
        if attempt is not None:
            attempt.outcome = "not_admitted"
        if self._has_left(chat):
            return
        said = attempt is not None and attempt.taken.sends > 0
        if not silently and not said:
            try:
                await say(bot, chat.id, render.text(words.LEAVING.format(chat=chat.id)))
            except (*_REFUSED, Enough) as error:
                log.info("why the bot leaves a group could not be said: %s", error)
        try:
            await bot.leave_chat(chat.id)
        except _REFUSED as error:
            log.info("a group could not be left: %s", error)
        else:
            log.info("left %s %d, which is not among [telegram] groups", chat.type, chat.id)
        self._left[chat.id] = time.monotonic()

    def _has_left(self, chat: Chat) -> bool:
        return time.monotonic() - self._left.get(chat.id, float("-inf")) < AFTERWARDS

    async def _may_be_in(self, chat: Chat, bot: Bot) -> bool:
        """Whether we may be in a group; if not, only after having asked what may have changed meanwhile.

        That is asked once: what was said before we left would ask it again with each message.
        """
        if self._gate.allows_group(chat.id):
            return True
        if self._has_left(chat):
            return False
        if self._gate.shared:
            await self._gate.keep_up(at_once=True)
        if chat.type == ChatType.SUPERGROUP and not self._gate.allows_group(chat.id):
            await self._follow_moves(bot)
        return self._gate.allows_group(chat.id)

    async def _follow_moves(self, bot: Bot) -> None:
        """Ask Telegram which allowed groups became supergroups.

        It tells us that we are in the supergroup before it tells us, if ever, which group that was.
        """
        for old in self._gate.unmoved:
            if old < SUPERGROUPS:  # a supergroup, which never moves
                continue
            try:
                await bot.send_chat_action(old, "typing")  # of all that writing is refused for, it is the least
            except ChatMigrated as moved:
                await self._move(old, moved.new_chat_id)
            except (BadRequest, Forbidden) as error:
                log.info("an allowed group cannot be reached: %s", error)

    async def _note_move(self, message: Message) -> None:
        """Write down that an allowed group goes on under another id."""
        if message.migrate_to_chat_id is not None:
            await self._move(message.chat.id, message.migrate_to_chat_id)
        elif message.migrate_from_chat_id is not None:
            await self._move(message.migrate_from_chat_id, message.chat.id)

    async def _move(self, old: int, new: int) -> None:
        if old in self._gate.unmoved:
            await self._threads.run(lambda: self._people.move(old, new))
            log.info("the group %d is now %d; put that into [telegram] groups", old, new)


def _is_there(member: ChatMember) -> bool:
    return member.status in _THERE or (isinstance(member, ChatMemberRestricted) and member.is_member)
