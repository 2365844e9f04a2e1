"""/reindex: answers at once, shows its progress by editing one message, and ends with what changed."""

import asyncio
import logging
import time
from concurrent.futures import ThreadPoolExecutor

from telegram import Message, Update
from telegram.error import TelegramError
from telegram.ext import ContextTypes

from bot import render, words
from bot.gate import Gate
from bot.say import edit, say
from index.errors import FootnoteError
from index.library import Library
from index.records import Progress, Report

BETWEEN_EDITS = 1.0
"""Seconds; Telegram lets a bot write about one message a second into a chat, edits included."""

log = logging.getLogger(__name__)


class Admin:
    """What only admins may do."""

    def __init__(self, library: Library, gate: Gate) -> None:
        """Reindex `library` for those whom `gate` knows as admins."""
        self._library = library
        self._gate = gate
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="reindex")
        self._stop = False
        self._running = False

    async def reindex(self, update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
        """Start a reindex, unless one is running, and follow it in the background."""
        chat = update.effective_chat
        if chat is None:
            return
        if not self._gate.is_admin(update):
            await say(context.bot, chat.id, render.text(words.ADMINS_ONLY))
            return
        if self._running:
            await say(context.bot, chat.id, render.text(words.REINDEX_BUSY))
            return
        self._running = True
        try:
            message = await say(context.bot, chat.id, render.text(words.REINDEX_STARTED))
        except BaseException:
            self._running = False
            raise
        if message is not None:
            context.application.create_task(self._follow(context, message), update=update)

    def close(self) -> None:
        """Stop a reindex that is running and wait until it has."""
        self._stop = True
        self._thread.shutdown(wait=True)

    async def _follow(self, context: ContextTypes.DEFAULT_TYPE, message: Message) -> None:
        latest: list[Progress] = []
        work = asyncio.get_running_loop().run_in_executor(
            self._thread, lambda: self._library.index(watch=latest.append, stop=lambda: self._stop)
        )
        edited, shown = time.monotonic(), ""
        try:
            while not (await asyncio.wait([work], timeout=BETWEEN_EDITS))[0]:
                self._stop = self._stop or not context.application.running  # the bot was told to end, and waits for us
                text = words.progress(latest[-1]) if latest else shown
                if text != shown:
                    await self._show(context, message, text)
                    edited, shown = time.monotonic(), text
                    del latest[:-1]
            outcome = await _outcome(work)
            await asyncio.sleep(max(0.0, edited + BETWEEN_EDITS - time.monotonic()))
            await self._report(context, message, render.text(outcome))
        finally:
            self._running = False

    async def _report(self, context: ContextTypes.DEFAULT_TYPE, message: Message, report: list[str]) -> None:
        """Replace the progress by the report; where that message is gone or cannot be edited, send the report."""
        first, *rest = report
        try:
            await edit(context.bot, message, first)
        except TelegramError as error:
            log.warning("the report of the reindex is sent anew: %s", error)
            rest = report
        await say(context.bot, message.chat_id, rest)

    async def _show(self, context: ContextTypes.DEFAULT_TYPE, message: Message, text: str) -> None:
        """Show progress; a bar that cannot be drawn must not end the reindex."""
        try:
            await edit(context.bot, message, render.text(text)[0])
        except TelegramError as error:
            log.warning("progress of the reindex could not be shown: %s", error)


async def _outcome(work: asyncio.Future[Report]) -> str:
    try:
        report = await work
    except FootnoteError as error:
        return str(error)
    return words.report(report)
