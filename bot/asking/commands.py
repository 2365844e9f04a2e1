"""The commands that say what the bot is: /start, /help; and what is no question at all."""

import contextlib

from telegram import Update
from telegram.ext import ContextTypes

from bot import words
from bot.access.gate import Gate, accessible
from bot.asking import suggest
from bot.asking.answers import Answers
from bot.asking.suggest import Suggestions
from bot.running.threads import Pool
from bot.sending.say import answer, say
from bot.text import render
from index.errors import NotIndexed
from index.library import Library

TITLES = 3
"""Titles in /help, where there are no questions to suggest."""


class Commands:
    """Answers the commands that only look things up."""

    def __init__(
        self, library: Library, gate: Gate, answers: Answers, suggestions: Suggestions, *, threads: Pool
    ) -> None:
        """Look things up in `library`, on `threads`.

        `answers` are shown where a link to one of them leads into the private chat, `suggestions` with /help.
        """
        self._library = library
        self._answers = answers
        self._suggestions = suggestions
        self._threads = threads
        self._gate = gate

    async def start(self, update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
        """Greet, or show what a link leads to."""
        if context.args and await self._answers.show(update, context, context.args[0]):
            return
        person = update.effective_user
        if person is not None:
            await _reply(update, context, words.start(person=person.id, admin=self._gate.is_admin(update)))

    async def help(self, update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
        """Explain, with questions to ask by a tap; where none are found yet, with titles."""
        chat, examples, titles = update.effective_chat, await self._suggestions.ready(), list[str]()
        if not examples:
            with contextlib.suppress(NotIndexed):
                titles = [
                    article.title for article in await self._threads.run(lambda: self._library.newest(limit=TITLES))
                ]
        text = words.help_text(admin=self._gate.is_admin(update), examples=titles, questions=examples)
        if chat is not None:
            await say(context.bot, chat.id, render.text(text), buttons=suggest.buttons(examples))

    async def not_text(self, update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
        """Say that a photo or a voice message is no question we can read."""
        await _reply(update, context, words.TEXT_ONLY)

    async def stray(self, update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:  # noqa: ARG002  PTB's signature
        """Answer a button nobody knows, so that it stops spinning."""
        query = update.callback_query
        if query is not None:
            gone = accessible(query.message) is None
            await answer(query, words.TOO_OLD if gone else "", alert=gone)


async def _reply(update: Update, context: ContextTypes.DEFAULT_TYPE, text: str) -> None:
    if update.effective_chat is not None:
        await say(context.bot, update.effective_chat.id, render.text(text))
