"""The admin's desk: /stats, /gaps and /export. What people asked, what they thought of the answers, what is missing."""

import asyncio
import logging
import re
import time
from collections.abc import Sequence

from telegram import Bot, InlineKeyboardButton, InlineKeyboardMarkup, Update
from telegram.error import BadRequest
from telegram.ext import ContextTypes

from bot import words
from bot.access.gate import Gate
from bot.desk import chart, export, stats
from bot.desk.admin import admin_chat, admin_press
from bot.desk.gaps import PAGE, Gap, gather, wanting
from bot.running.threads import Pool
from bot.sending.say import answer, edit, hand_over, say, show
from bot.store.journal import Journal, Past
from bot.text import render
from index.errors import ModelUnavailable
from index.library import Library

PERIODS = (7, 30, 90)
"""Days that the buttons under /stats offer."""

STATS = rf"^stats:({'|'.join(map(str, PERIODS))})$"
GAPS = r"^gaps:([0-9]{1,3}):([0-9]{1,3})$"
"""Of how many days, and which page, from 0."""

log = logging.getLogger(__name__)


class Insight:
    """Shows admins, in their private chat, what the journal holds; never who asked."""

    def __init__(self, library: Library, journal: Journal, gate: Gate, *, threads: Pool) -> None:
        """Read `journal` on `threads`, and group questions by the model of `library`."""
        self._library = library
        self._journal = journal
        self._gate = gate
        self._threads = threads
        self._grouped: tuple[list[str], list[list[int]]] = ([], [])

    async def stats(self, update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
        """Show the figures of some days as a picture and in words."""
        asked = await self._asked(update, context, command="stats")
        if asked is not None:
            await self._show_stats(context.bot, *asked)

    async def other_days(self, update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
        """Show the figures of as many days as a button says, in a new message."""
        pressed = await admin_press(self._gate, update)
        if pressed is None:
            return
        query, message = pressed
        await answer(query)
        await self._show_stats(context.bot, message.chat_id, int((query.data or "").partition(":")[2]))

    async def gaps(self, update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
        """Show what the articles do not answer, or not well, grouped by meaning."""
        asked = await self._asked(update, context, command="gaps")
        if asked is None:
            return
        chat, days = asked
        html, buttons = await self._page_of_gaps(days, 0)
        await say(context.bot, chat, [html], buttons=buttons)

    async def turn(self, update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
        """Turn the page of /gaps, in place."""
        pressed = await admin_press(self._gate, update)
        if pressed is None:
            return
        query, message = pressed
        days, page = map(int, (query.data or "").split(":")[1:])
        if not 1 <= days <= stats.MOST_DAYS:
            await answer(query, words.how_many_days("gaps", most=stats.MOST_DAYS), alert=True)
            return
        await answer(query)
        html, buttons = await self._page_of_gaps(days, page)
        try:
            await edit(context.bot, message, html, buttons=buttons)
        except BadRequest as error:  # it was deleted meanwhile: trying again would not bring it back
            log.info("a page could not be turned: %s", error)

    async def export(self, update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
        """Hand over what people thought of answers as cases for an evaluation."""
        asked = await self._asked(update, context, command="export")
        if asked is None:
            return
        chat, days = asked
        since = _since(days)
        exported = await self._threads.run(lambda: export.export(self._journal.feedback(since=since)))
        text = render.text(words.exported(exported, days=days))
        if exported.cases:
            await hand_over(context.bot, chat, exported.data, text[0], name=export.FILE)
        else:
            await say(context.bot, chat, text)

    async def _asked(
        self, update: Update, context: ContextTypes.DEFAULT_TYPE, *, command: str
    ) -> tuple[int, int] | None:
        """Return the chat of an admin, and of how many days they asked; tell anybody else, and who asked otherwise."""
        chat = await admin_chat(self._gate, update, context)
        if chat is None:
            return None
        days = days_of(context.args or [])
        if days is None:
            await say(context.bot, chat, render.text(words.how_many_days(command, most=stats.MOST_DAYS)))
            return None
        return chat, days

    async def _show_stats(self, bot: Bot, chat: int, days: int) -> None:
        # a year of a busy bot takes half a second to count: not on the event loop
        counted = await self._threads.run(lambda: stats.count(self._past(days), days=days, now=time.time()))
        caption = render.text(words.stats(counted))
        if not counted.questions:
            await say(bot, chat, caption, buttons=_periods(days))
            return
        labels, cache = words.stats_labels(counted), self._library.data / "fonts"
        # on a thread of its own: it takes a second, in which nothing that people wait for should stand behind it
        picture = await asyncio.to_thread(chart.png, counted, labels, cache=cache)
        await show(bot, chat, picture, caption[0], buttons=_periods(days))

    async def _page_of_gaps(self, days: int, page: int) -> tuple[str, InlineKeyboardMarkup | None]:
        """Return a page as it is now; the last one where there are fewer."""
        past = await self._threads.run(lambda: wanting(self._past(days)))
        try:
            found = gather(past, await asyncio.to_thread(self._groups, [one.question for one in past]))
        except ModelUnavailable as error:
            return render.text(words.trouble(error))[0], None
        last = max(0, (len(found) - 1) // PAGE)
        page = min(page, last)
        title = words.gaps(questions=len(past), groups=len(found), days=days)
        shown = found[page * PAGE : (page + 1) * PAGE]
        return gaps_html(title, shown, first=page * PAGE + 1), _arrows(days, page, last)

    def _groups(self, questions: list[str]) -> list[list[int]]:
        """Group questions by meaning; to turn a page, nothing is computed again."""
        known, groups = self._grouped
        if questions != known:
            groups = self._library.alike(questions)
            self._grouped = (questions, groups)
        return groups

    def _past(self, days: int) -> list[Past]:
        return self._journal.past(since=_since(days))


def days_of(arguments: Sequence[str]) -> int | None:
    """Return how many days a command names, the usual number where it names none; None where it makes no sense."""
    if not arguments:
        return stats.USUAL_DAYS
    given = re.fullmatch(r"[0-9]{1,3}", arguments[0]) if len(arguments) == 1 else None
    return int(given[0]) if given and 1 <= int(given[0]) <= stats.MOST_DAYS else None


def gaps_html(title: str, shown: Sequence[Gap], *, first: int) -> str:
    """Return a page of gaps, numbered from `first`."""
    blocks = [render.Block((render.Run(title),))]
    for number, gap in enumerate(shown, start=first):
        example, counts = render.Run(words.quoted(render.cut(gap.example, 300)), bold=True), words.gap(gap)
        blocks.append(render.Block((render.Run(f"{number}. "), example, render.Run(f"\n{counts}"))))
    return render.messages(blocks)[0]


def _since(days: int) -> float:
    return stats.begin(days, now=time.time())


def _periods(shown: int) -> InlineKeyboardMarkup:
    return InlineKeyboardMarkup(
        [
            [
                InlineKeyboardButton(words.days_button(days), callback_data=f"stats:{days}")
                for days in PERIODS
                if days != shown
            ]
        ]
    )


def _arrows(days: int, page: int, last: int) -> InlineKeyboardMarkup | None:
    if last == 0:
        return None
    row = [
        InlineKeyboardButton(label, callback_data=f"gaps:{days}:{target}")
        for label, target, there in (
            ("‹", page - 1, page > 0),
            (words.page(page + 1, last + 1), page, True),
            ("›", page + 1, page < last),
        )
        if there
    ]
    return InlineKeyboardMarkup([row])
