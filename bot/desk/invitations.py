"""/invite and what it makes: links that let somebody in, who is welcomed or told what is wrong with the link."""

import re
from dataclasses import dataclass

from telegram import Message, Update, User
from telegram.error import TelegramError
from telegram.ext import ContextTypes, filters
from telegram.helpers import create_deep_linked_url

from bot import words
from bot.access.gate import Gate, token_in
from bot.desk.admin import admin_chat
from bot.running.threads import Pool
from bot.sending.attempt import CURRENT
from bot.sending.say import say, surely_not_sent
from bot.store.people import Opened, People
from bot.text import render

MOST_TIMES, MOST_DAYS, LONGEST_LABEL = 1_000, 365, 64
"""Beyond these it is more likely a slip than a wish: an id, a year. A label is to fit on a line of a phone or two."""

LONGEST_NAME = 64
"""Characters of a name that are kept; Telegram allows twice as many."""

USUAL_DAYS = 7
DAY = 86_400.0

_WORDS = re.compile(r"/\w+(?:@\w+)?(?:\s+(\d+|\*)(?:\s+(\d+))?)?(?:\s+([^\d\s*].*))?", re.DOTALL)
"""The command, how many times, how many days, and a label, which begins with no digit."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What an admin asks for: an invitation for so many `times` (None: any number), for so many `days`."""

    times: int | None = 1
    days: int = USUAL_DAYS
    label: str = ""


class Opening(filters.MessageFilter):
    """Passes the messages by which an invitation is opened: what the gate lets in for that must end in our hands."""

    def filter(self, message: Message) -> bool:
        """Look at one message."""
        return token_in(message) is not None


class Invitations:
    """Makes invitations, and lets in who opens one."""

    def __init__(self, people: People, gate: Gate, *, threads: Pool) -> None:
        """Keep them with `people`, who are asked on `threads`."""
        self._people = people
        self._gate = gate
        self._threads = threads

    async def invite(self, update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
        """Make a link that lets somebody in, for an admin."""
        chat = await admin_chat(self._gate, update, context)
        if chat is None or update.message is None:
            return
        wish = wished(update.message.text or "")
        if self._gate.open:
            await say(context.bot, chat, render.text(words.INVITE_OPEN))
        elif wish is None:
            how = words.INVITE_HOW.format(times=MOST_TIMES, days=MOST_DAYS)
            await say(context.bot, chat, render.text(how))
        else:
            await self._send(chat, wish, context)

    async def opened(self, update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
        """Let in who opens an invitation, and tell them what came of it."""
        person, message = update.effective_user, update.message
        token = token_in(message) if message is not None else None
        if person is None or message is None or token is None:
            return
        came = Opened.ALREADY if self._gate.may_ask(person.id) else await self._open(token, person)
        if (
            came is Opened.ALREADY
            and _is_back()
            and await self._threads.run(lambda: self._people.came_by(token, person.id))
        ):
            came = Opened.ADMITTED  # by this very message, before its reply was cut off
        await say(context.bot, message.chat.id, render.text(words.opened(came, person=person.id)))

    async def _open(self, token: str, person: User) -> Opened:
        name, language = tidy(person.full_name, LONGEST_NAME), person.language_code or ""
        return await self._threads.run(lambda: self._people.open(token, person=person.id, name=name, language=language))

    async def _send(self, chat: int, wish: Wish, context: ContextTypes.DEFAULT_TYPE) -> None:
        token, made = await self._threads.run(
            lambda: self._people.invite(by=chat, label=wish.label, times=wish.times, seconds=wish.days * DAY)
        )
        link = create_deep_linked_url(context.bot.username, f"i_{token}")
        try:
            await say(context.bot, chat, render.text(words.invitation(made, link)))
        except TelegramError as error:
            if surely_not_sent(error):  # nobody saw this link, and none will again
                await self._threads.run(lambda: self._people.revoke(made.id))
            raise


def _is_back() -> bool:
    attempt = CURRENT.get()
    return attempt is not None and attempt.taken.again


def wished(text: str) -> Wish | None:
    """Read `/invite [times] [days] [label]`; None where that is not what it says."""
    found = _WORDS.fullmatch(text.strip())
    if found is None:
        return None
    times, days, label = found.groups()
    number, period = int(times) if times and times != "*" else 1, int(days) if days else USUAL_DAYS
    label = tidy(label or "", LONGEST_LABEL + 1)
    if not (1 <= number <= MOST_TIMES and 1 <= period <= MOST_DAYS and len(label) <= LONGEST_LABEL):
        return None
    return Wish(None if times == "*" else number, period, label)


def tidy(name: str, longest: int) -> str:
    """Write a name on one line, not longer than that."""
    return " ".join(name.split())[:longest]
