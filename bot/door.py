"""Stands before every handler: lets in who may use the bot, and says in one line why somebody is not answered."""

import logging

from telegram import Update, User
from telegram.error import BadRequest, TelegramError
from telegram.ext import ApplicationHandlerStop, ContextTypes

from bot import render, words
from bot.attempt import CURRENT, Enough
from bot.gate import Gate, in_person
from bot.limits import Limits
from bot.say import answer, say
from config import Delivery

TRIES = 5
"""Invitations that a stranger may try at once, and one a minute from then on. None can be guessed, at any rate; this
bounds what somebody costs whom nobody let in."""

log = logging.getLogger(__name__)


class Door:
    """Lets an update pass, or ends it here."""

    def __init__(self, gate: Gate, limits: Limits, *, oldest: float) -> None:
        """Ask `gate` who may enter, and `limits` how often; turn away what is older than `oldest` seconds."""
        self._gate = gate
        self._limits = limits
        self._oldest = oldest
        self._knocks = Limits(Delivery(burst=TRIES, per_minute=1))

    async def check(self, update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
        """Turn away whom nobody let in, what is not for us, what came too late, and what is too much.

        It is said in one polite line, to whoever wrote in their private chat, and but for what came too late at most
        once in half a minute. A button is answered every time, wherever it was pressed: it would spin otherwise.
        """
        await self._gate.keep_up()
        outcome = self._turned_away(update)
        if outcome == "not_admitted" and self._gate.shared:  # another bot may have let them in a moment ago
            await self._gate.keep_up(at_once=True)
            outcome = self._turned_away(update)
        if outcome is None:
            return
        try:
            await self._tell(update, context, outcome)
        except Enough:
            raise
        except TelegramError as error:  # whatever goes wrong with the polite line, the door stays shut
            if outcome == "expired" and not isinstance(error, BadRequest):
                raise  # Telegram may have been away all the time: who waited so long hears of it when it is back
            log.warning("somebody could not be told why they are not answered: %s", error)
        attempt = CURRENT.get()
        if attempt is not None:
            attempt.outcome = outcome
        raise ApplicationHandlerStop

    def _turned_away(self, update: Update) -> str | None:
        """Return why an update goes no further, as its outcome."""
        attempt, person = CURRENT.get(), in_person(update)
        # what comes back into the inbox has paid already
        first = attempt is None or not (attempt.taken.tries or attempt.taken.waits or attempt.taken.sends)
        if not self._gate.admits(update):
            return self._knocking(person, first=first) if self._gate.knocks(update) else "not_admitted"
        if person is None:
            return "not_for_us"
        if attempt is not None and attempt.age > self._oldest:
            return "expired"
        if self._gate.is_admin(update):
            return None
        if attempt is not None and attempt.taken.crowded:
            return "crowded"
        return "too_fast" if first and not self._limits.allows(person.id) else None

    def _knocking(self, person: User | None, *, first: bool) -> str | None:
        """Let a stranger open an invitation, however late it comes, but not try one after the other."""
        tried = person is not None and (not first or self._knocks.allows(person.id))
        return None if tried else "too_many_tries"

    async def _tell(self, update: Update, context: ContextTypes.DEFAULT_TYPE, outcome: str) -> None:
        query, message, text = update.callback_query, update.message, words.turned_away(outcome)
        if query is not None:
            await answer(query, text, alert=True)
        elif message is not None and in_person(update) is not None:
            chat = message.chat.id
            if outcome == "expired" or self._limits.may_tell(chat):
                reply_to = None if outcome == "not_admitted" else message.message_id
                await say(context.bot, chat, render.text(text), reply_to=reply_to)
