"""The commands for everyone but /ask: /start, /help, /sources, /status; and what is no question at all."""

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import Executor
from typing import TypeVar

from telegram import Bot, InlineKeyboardButton, InlineKeyboardMarkup, Message, Update
from telegram.error import BadRequest
from telegram.ext import ContextTypes

from bot import render, words
from bot.answers import Answers
from bot.gate import Gate, accessible
from bot.say import answer, edit, say
from index.errors import NotIndexed
from index.library import Library

PAGE = 8
"""Articles on a page of /sources: about a phone's screen."""

EXAMPLES = 3

Result = TypeVar("Result")

log = logging.getLogger(__name__)


class Commands:
    """Answers the commands that only look things up."""

    def __init__(self, library: Library, gate: Gate, answers: Answers, *, every: int, threads: Executor) -> None:
        """Look things up in `library`, on `threads`; its folder is read again `every` so many minutes (0: never).

        `answers` are shown where a link to one of them leads into the private chat.
        """
        self._library = library
        self._answers = answers
        self._threads = threads
        self._gate = gate
        self._every = every

    async def start(self, update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
        """Greet, or show what a link leads to."""
        if context.args and await self._answers.show(update, context, context.args[0]):
            return
        person = update.effective_user
        if person is not None:
            await _reply(update, context, words.start(person=person.id, admin=self._gate.is_admin(update)))

    async def help(self, update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
        """Explain."""
        try:
            examples = [article.title for article in await self._look(lambda: self._library.newest(limit=EXAMPLES))]
        except NotIndexed:
            examples = []
        await _reply(update, context, words.help_text(admin=self._gate.is_admin(update), examples=examples))

    async def status(self, update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
        """Say what the library holds."""
        await _reply(update, context, words.status(await self._look(self._library.status), every=self._every))

    async def not_text(self, update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
        """Say that a photo or a voice message is no question we can read."""
        await _reply(update, context, words.TEXT_ONLY)

    async def sources(self, update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
        """Show the newest articles, with buttons to turn the page."""
        if update.effective_chat is not None:
            await self._show_page(context.bot, 0, chat=update.effective_chat.id)

    async def turn(self, update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
        """Turn the page of /sources, in place."""
        query = update.callback_query
        if query is None or query.data is None:
            return
        await answer(query)
        message = accessible(query.message)
        if message is None:
            return
        try:
            await self._show_page(context.bot, int(query.data.partition(":")[2]), message=message)
        except BadRequest as error:  # it was deleted meanwhile: trying again would not bring it back
            log.info("a page could not be turned: %s", error)

    async def stray(self, update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:  # noqa: ARG002  PTB's signature
        """Answer a button nobody knows, so that it stops spinning."""
        if update.callback_query is not None:
            await answer(update.callback_query)

    async def _show_page(self, bot: Bot, page: int, *, chat: int = 0, message: Message | None = None) -> None:
        try:
            text, buttons = await self._look(lambda: self._page(page))
        except NotIndexed:
            text, buttons = words.NO_ARTICLES, None
        if message is None:
            await say(bot, chat, [text], buttons=buttons)
        else:
            await edit(bot, message, text, buttons=buttons)

    async def _look(self, up: Callable[[], Result]) -> Result:
        return await asyncio.get_running_loop().run_in_executor(self._threads, up)

    def _page(self, page: int) -> tuple[str, InlineKeyboardMarkup | None]:
        """Return a page as it is now; the last one where the list has become shorter."""
        revision = self._library.revision()
        total = revision.articles if revision else 0
        last = max(0, (total - 1) // PAGE)
        page = min(page, last)
        articles = self._library.newest(limit=PAGE, offset=page * PAGE)
        return render.sources(articles, first=page * PAGE + 1), _arrows(page, last)


def _arrows(page: int, last: int) -> InlineKeyboardMarkup | None:
    if last == 0:
        return None
    row = [
        InlineKeyboardButton(label, callback_data=f"sources:{target}")
        for label, target, shown in (
            (words.NEWER_BUTTON, page - 1, page > 0),
            (words.page(page + 1, last + 1), page, True),
            (words.OLDER_BUTTON, page + 1, page < last),
        )
        if shown
    ]
    return InlineKeyboardMarkup([row])


async def _reply(update: Update, context: ContextTypes.DEFAULT_TYPE, text: str) -> None:
    if update.effective_chat is not None:
        await say(context.bot, update.effective_chat.id, render.text(text))
