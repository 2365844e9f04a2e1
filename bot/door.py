"""Stands before every handler: lets in who may use the bot, and says in one line why somebody is not answered."""

import logging
import re

from telegram import InlineQuery, Message, Update, User
from telegram.error import BadRequest, TelegramError
from telegram.ext import ApplicationHandlerStop, ContextTypes

from bot import words
from bot.access import mention
from bot.access.gate import GROUPS, Gate, in_group, in_person
from bot.access.mention import Me
from bot.asking.inline import STALE
from bot.asking.questions import thread_of
from bot.receiving.limits import Limits
from bot.running.lately import Lately
from bot.sending.attempt import CURRENT, Enough
from bot.sending.say import answer, offer, say
from bot.showing import buttons
from bot.text import render
from config import Delivery

TRIES = 5
"""Invitations that a stranger may try at once, and one a minute from then on. None can be guessed, at any rate; this
bounds what somebody costs whom nobody let in."""

TYPED = 60
"""Inline queries of one person at once, and in each minute from then on. Who types a question makes some ten of them,
and is no faster than one a second; they are counted apart, so that typing uses up no questions."""

ALBUMS = 100
"""Albums of which is remembered which message came first; all of one arrives within seconds."""

log = logging.getLogger(__name__)


class Door:
    """Lets an update pass, or ends it here."""

    def __init__(self, gate: Gate, limits: Limits, *, oldest: float) -> None:
        """Ask `gate` who may enter, and `limits` how often; turn away what is older than `oldest` seconds."""
        self._gate = gate
        self._limits = limits
        self._oldest = oldest
        self._knocks = Limits(Delivery(burst=TRIES, per_minute=1))
        self._typing = Limits(Delivery(burst=TYPED, per_minute=TYPED))
        self._albums = Lately[str, int](ALBUMS)

    async def check(self, update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
        """Turn away whom nobody let in, what is not for us, what came too late, and what is too much.

        It is said in one polite line, at most once in half a minute; in their private chat all hear of it, and each
        time of what came too late; in groups only those who may ask there, by a reply. A button is answered every
        time, wherever it was pressed, and so is what somebody types after the bot's name: it would spin otherwise.
        """
        await self._gate.keep_up()
        me = mention.me(context.bot)
        outcome = self._turned_away(update, me)
        if outcome == "not_admitted" and self._gate.shared:  # another bot may have let them in a moment ago
            await self._gate.keep_up(at_once=True)
            outcome = self._turned_away(update, me)
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

    def _turned_away(self, update: Update, me: Me) -> str | None:
        """Return why an update goes no further, as its outcome."""
        chat = update.effective_chat
        if update.inline_query is not None:
            return self._typed(update.inline_query) if self._gate.admits_typing(update) else "not_admitted"
        if chat is not None and chat.type in GROUPS:
            return self._in_group(update, me)
        person = in_person(update)
        if update.message is not None and self._goes_with_another(update, update.message):
            return "of_an_album"
        if not self._gate.admits(update) and not self._gate.follows(update):
            return self._knocking(person) if self._gate.knocks(update) else "not_admitted"
        if person is None:
            return "not_for_us"
        return self._late(self._oldest) or (None if self._gate.is_admin(update) else self._too_much(person))

    def _goes_with_another(self, update: Update, message: Message) -> bool:
        """Whether a message is of an album that was heard already, and says nothing; a file of an admin's says much."""
        album, first = message.media_group_id, message.message_id
        if album is None:
            return False
        return (
            self._albums.setdefault(album, first) != first
            and not message.caption
            and not (message.document and self._gate.is_admin(update))
        )

    def _in_group(self, update: Update, me: Me) -> str | None:
        """Let pass what is meant for us in a group we may be in, and the buttons that all who read there share."""
        person, message, query = in_group(update), update.message, update.callback_query
        meant = message is not None and mention.call(message, me) is not None
        pressed = query is not None and any(re.match(one, query.data or "") for one in buttons.IN_GROUPS)
        if message is not None and not meant:  # what people say to each other, and it is most of what comes
            return "not_for_us"
        if person is None or not (meant or pressed) or not self._gate.admits_group(update):
            return "not_for_us" if self._gate.admits(update) else "not_admitted"
        return self._late(self._oldest) or self._too_much(person)

    def _typed(self, query: InlineQuery) -> str | None:
        attempt = CURRENT.get()
        if late := self._late(STALE):
            return late
        if attempt is not None and attempt.taken.crowded:
            return "crowded"
        return None if self._typing.allows(query.from_user.id) else "too_fast"

    def _late(self, oldest: float) -> str | None:
        attempt = CURRENT.get()
        return "expired" if attempt is not None and attempt.age > oldest else None

    def _too_much(self, person: User) -> str | None:
        attempt = CURRENT.get()
        if attempt is not None and attempt.taken.crowded:
            return "crowded"
        return None if self._has_paid() or self._limits.allows(person.id) else "too_fast"

    def _knocking(self, person: User | None) -> str | None:
        """Let a stranger open an invitation, however late it comes, but not try one after the other."""
        tried = person is not None and (self._has_paid() or self._knocks.allows(person.id))
        return None if tried else "too_many_tries"

    def _has_paid(self) -> bool:
        """Whether an update took its place in the limits before it came back into the inbox."""
        attempt = CURRENT.get()
        return attempt is not None and attempt.taken.again

    async def _tell(self, update: Update, context: ContextTypes.DEFAULT_TYPE, outcome: str) -> None:
        query, message, typed = update.callback_query, update.message, update.inline_query
        if outcome in _ABOUT_EDITS:  # or the old answer would stand below the new question, and nobody say why
            message = message or update.edited_message
        if outcome == "of_an_album":  # they hear it of the first one
            return
        if query is not None:
            await answer(query, words.turned_away(outcome), alert=True)
        elif typed is not None:
            await _show_nothing(typed, outcome)
        elif message is not None and in_person(update) is not None:
            if outcome == "expired" or self._limits.may_tell(message.chat.id):
                await _reply(message, context, outcome)
        elif message is not None and outcome in _SAID_IN_GROUPS and self._limits.may_tell(message.chat.id):
            await _reply(message, context, outcome)


async def _reply(message: Message, context: ContextTypes.DEFAULT_TYPE, outcome: str) -> None:
    reply_to = None if outcome == "not_admitted" else message.message_id
    text = render.text(words.turned_away(outcome))
    await say(context.bot, message.chat.id, text, reply_to=reply_to, thread=thread_of(message))


async def _show_nothing(query: InlineQuery, outcome: str) -> None:
    """Show no results; of what was typed too long ago nobody waits for any."""
    if outcome == "not_admitted":
        await offer(query, button=words.PRIVATE_BUTTON, payload="private")
    elif outcome != "expired":
        await offer(query)


_ABOUT_EDITS = ("crowded", "too_fast")
"""What is said of a question that was changed, in private: all else was said of the question before."""

_SAID_IN_GROUPS = ("expired", "crowded", "too_fast")
"""What is worth a line that everybody reads. It is said only of what is meant for us."""
