"""Stands before every handler: lets in who may use the bot, and says in one line why somebody is not answered."""

import logging

from telegram import Update
from telegram.constants import ChatType
from telegram.error import TelegramError
from telegram.ext import ApplicationHandlerStop, ContextTypes

from bot import render, words
from bot.attempt import CURRENT, Enough
from bot.gate import Gate
from bot.limits import Limits
from bot.say import answer, say

log = logging.getLogger(__name__)


class Door:
    """Lets an update pass, or ends it here."""

    def __init__(self, gate: Gate, limits: Limits, *, oldest: float) -> None:
        """Ask `gate` who may enter, and `limits` how often; turn away what is older than `oldest` seconds."""
        self._gate = gate
        self._limits = limits
        self._oldest = oldest

    async def check(self, update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
        """Turn away whom nobody let in, what came too late, and what is too much: with one polite line.

        It is said in a private chat only, and of what is too much at most once in half a minute.
        """
        outcome = self._turned_away(update)
        if outcome is None:
            return
        chat = update.effective_chat
        if outcome not in _OFTEN or chat is None or self._limits.may_tell(chat.id):
            try:
                await _tell(update, context, _LINES[outcome], reply=outcome != "not_admitted")
            except Enough:
                raise
            except TelegramError as error:  # whatever goes wrong with the polite line, the door stays shut
                log.warning("somebody could not be told why they are not answered: %s", error)
        attempt = CURRENT.get()
        if attempt is not None:
            attempt.outcome = outcome
        raise ApplicationHandlerStop

    def _turned_away(self, update: Update) -> str | None:
        """Return why an update goes no further, as its outcome."""
        attempt, person = CURRENT.get(), update.effective_user
        if person is None or not self._gate.admits(update):
            return "not_admitted"
        if attempt is not None and attempt.age > self._oldest:
            return "expired"
        if self._gate.is_admin(update):
            return None
        if attempt is not None and attempt.taken.crowded:
            return "crowded"
        # what comes back into the inbox has paid already
        first = attempt is None or not (attempt.taken.tries or attempt.taken.waits or attempt.taken.sends)
        return "too_fast" if first and not self._limits.allows(person.id) else None


_LINES = {
    "not_admitted": words.NOT_ALLOWED,
    "expired": words.TOO_LATE,
    "crowded": words.CROWDED,
    "too_fast": words.TOO_FAST,
}
_OFTEN = ("crowded", "too_fast")


async def _tell(update: Update, context: ContextTypes.DEFAULT_TYPE, text: str, *, reply: bool) -> None:
    person, chat, message = update.effective_user, update.effective_chat, update.message
    if update.callback_query is not None:
        await answer(update.callback_query, text, alert=True)
    elif person is not None and not person.is_bot and chat is not None and chat.type == ChatType.PRIVATE and message:
        await say(context.bot, chat.id, render.text(text), reply_to=message.message_id if reply else None)
