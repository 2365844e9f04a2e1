"""Questions and answers: the way from a message into the Library and back."""

import asyncio
from concurrent.futures import Executor
from typing import Any

from telegram import Update
from telegram.ext import ContextTypes

from bot import render, words
from bot.say import say, typing
from index.errors import Busy, FootnoteError, NotIndexed
from index.library import Library


class Questions:
    """Answers what people ask."""

    def __init__(self, library: Library, threads: Executor) -> None:
        """Ask `library`, on `threads`: it is synchronous and must not stop the event loop."""
        self._library = library
        self._threads = threads

    async def plain(self, update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
        """Take the whole message as the question."""
        message = update.effective_message
        await self._answer(update, context, (message and message.text) or "")

    async def command(self, update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
        """Take what follows /ask as the question."""
        message = update.effective_message
        _, *rest = ((message and message.text) or "").split(None, 1)
        await self._answer(update, context, "".join(rest))

    async def _answer(self, update: Update, context: ContextTypes.DEFAULT_TYPE, question: str) -> None:
        chat = update.effective_chat
        if chat is None:
            return
        if not question.strip():
            await say(context.bot, chat.id, render.text(words.ASK_HOW))
            return
        sign = asyncio.create_task(typing(context.bot, chat.id))
        try:
            messages = await self._messages(question)
            await say(context.bot, chat.id, messages)
        finally:
            await sign

    async def _messages(self, question: str) -> list[str]:
        loop = asyncio.get_running_loop()
        try:
            answer: Any = await loop.run_in_executor(self._threads, self._library.ask, question)
        except NotIndexed:
            return render.text(words.NO_ARTICLES)
        except Busy:
            return render.text(words.MENDING)
        except FootnoteError as error:
            return render.text(str(error))
        return render.answer(answer)
