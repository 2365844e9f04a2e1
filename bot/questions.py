"""Questions and answers: the way from a message into the Library and back."""

import asyncio
import logging
import time
from concurrent.futures import Executor

from telegram import Update
from telegram.ext import ContextTypes

from bot import render, words
from bot.attempt import CURRENT
from bot.metrics import Metrics
from bot.say import say, typing
from config import Delivery
from index.errors import Busy, FootnoteError, NotIndexed, StoreUnavailable
from index.library import Library

log = logging.getLogger(__name__)


class Questions:
    """Answers what people ask."""

    def __init__(self, library: Library, threads: Executor, *, settings: Delivery, metrics: Metrics) -> None:
        """Ask `library`, on `threads`: it is synchronous and must not stop the event loop."""
        self._library = library
        self._threads = threads
        self._settings = settings
        self._metrics = metrics

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
        finally:
            await sign
        message, apology = update.message, self._apology()
        reply_to = message.message_id if message is not None and apology else None
        await say(context.bot, chat.id, render.after(apology, messages), reply_to=reply_to)
        attempt = CURRENT.get()
        if attempt is not None:
            self._metrics.took(time.time() - attempt.taken.received)

    async def _messages(self, question: str) -> list[str]:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self._settings.deadline):
                answer = await loop.run_in_executor(self._threads, self._library.ask, question)
        except TimeoutError:
            log.warning("a question was given up after %d seconds", self._settings.deadline)
            text = words.TOO_SLOW
        except NotIndexed:
            text = words.NO_ARTICLES
        except Busy:
            text = words.MENDING
        except StoreUnavailable:  # it comes back, and so does the question
            raise
        except FootnoteError as error:
            text = str(error)
        else:
            self._metrics.answered(answer)
            return render.answer(answer)
        self._metrics.failed()
        return render.text(text)

    def _apology(self) -> str:
        """Return what to say first where the answer comes late, or perhaps for the second time."""
        attempt = CURRENT.get()
        if attempt is None:
            return ""
        if attempt.taken.sends:
            return words.PERHAPS_AGAIN
        return words.LATE if attempt.age > self._settings.late else ""
