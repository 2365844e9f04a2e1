"""What is kept of a person: /privacy says it, /forget removes it. Knows of a store only that it counts and forgets."""

import json
import re
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from telegram import InlineKeyboardButton, InlineKeyboardMarkup, Update
from telegram.ext import ContextTypes

from bot import words
from bot.access.gate import accessible
from bot.browsing.pages import View
from bot.browsing.reading import show
from bot.running.lately import Lately
from bot.running.threads import Pool
from bot.sending.attempt import is_again
from bot.sending.say import answer, say
from bot.text import render

FORGET = r"^forget:yes:([0-9a-f]{8})$"
"""Remove what was shown: as long as it is that, of which the button holds a sum."""

KEEP = r"^forget:no$"

REMEMBERED = 1_000
"""Messages of which is remembered that somebody agreed there."""


class Store(Protocol):
    """Something that keeps things of people: how many, under one name or several, and away with them."""

    def count(self, person: int) -> int | Mapping[str, int]:
        """Return how much is kept of a person."""

    def forget(self, person: int) -> int | Mapping[str, int]:
        """Remove it, and return what it was."""


@dataclass(frozen=True, slots=True)
class Times:
    """For how many seconds things are kept: answers after they were given, updates after they were answered."""

    answers: float
    updates: float


class Personal:
    """Tells people what is kept of them, and removes it."""

    def __init__(self, stores: Mapping[str, Store], times: Times, *, threads: Pool) -> None:
        """Ask `stores` on `threads`; each has the name that `words.forgetting` knows, unless it counts by names."""
        self._stores = stores
        self._times = times
        self._threads = threads
        self._removed = Lately[tuple[int, int], None](REMEMBERED)

    async def privacy(self, update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
        """Say what is kept, and for how long."""
        if update.message is not None:
            text = words.privacy(answers=self._times.answers, updates=self._times.updates)
            await say(context.bot, update.message.chat_id, render.text(text))

    async def forget(self, update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
        """Show how much is kept, and ask whether to remove it."""
        message = update.message
        if message is None or message.from_user is None:
            return
        person = message.from_user.id
        view = _question(await self._threads.run(lambda: self._count(person)))
        await say(context.bot, message.chat_id, [view.html], buttons=view.buttons)

    async def agree(self, update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
        """Remove what was shown to the person who agrees; where it is not that any more, ask again."""
        query = update.callback_query
        said = query and re.match(FORGET, query.data or "")
        if query is None or not said:
            return
        message, person = accessible(query.message), query.from_user.id
        if message is None:
            await answer(query, words.TOO_OLD, alert=True)
            return
        view = await self._threads.run(lambda: self._forgotten(person, said[1]))
        await answer(query, view.note)
        key = (message.chat_id, message.message_id)
        if view.note == words.NOTHING_KEPT and key in self._removed and not is_again():
            return  # pressed twice: what was removed stands there already
        await show(context, message, view)
        if not view.note:
            self._removed[key] = None

    async def leave(self, update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
        """Leave all as it is."""
        query = update.callback_query
        message = accessible(query.message) if query else None
        if query is None or message is None:
            if query is not None:
                await answer(query, words.TOO_OLD, alert=True)
            return
        await answer(query)
        await show(context, message, View(render.text(words.KEPT_AS_IT_IS)[0]))

    def _forgotten(self, person: int, agreed: str) -> View:
        counts = self._count(person)
        if _sum(counts) != agreed:
            view = _question(counts)
            return View(view.html, view.buttons, note=words.MORE_BY_NOW if any(counts.values()) else words.NOTHING_KEPT)
        gone = _named((name, store.forget(person)) for name, store in self._stores.items())
        return View(render.text(words.forgotten(gone))[0])

    def _count(self, person: int) -> dict[str, int]:
        return _named((name, store.count(person)) for name, store in self._stores.items())


def _question(counts: Mapping[str, int]) -> View:
    if not any(counts.values()):
        return View(render.text(words.NOTHING_KEPT)[0])
    row = [
        InlineKeyboardButton(words.FORGET_BUTTON, callback_data=f"forget:yes:{_sum(counts)}"),
        InlineKeyboardButton(words.KEEP_BUTTON, callback_data="forget:no"),
    ]
    return View(render.text(words.forgetting(counts))[0], InlineKeyboardMarkup([row]))


def _named(counted: Iterable[tuple[str, int | Mapping[str, int]]]) -> dict[str, int]:
    """Return counts by name, of stores with one name and with several."""
    named: dict[str, int] = {}
    for name, count in counted:
        named |= {name: count} if isinstance(count, int) else count
    return named


def _sum(counts: Mapping[str, int]) -> str:
    """Return eight digits that change when the counts do."""
    return f"{zlib.crc32(json.dumps(counts, sort_keys=True).encode()):08x}"
