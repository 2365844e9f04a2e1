"""/status: how things are, shortly for everyone, at length for admins."""

from collections.abc import Callable
from importlib.metadata import version

from telegram import Update
from telegram.ext import ContextTypes

from bot import words
from bot.access.gate import Gate
from bot.desk.reindexing import Reindexing
from bot.desk.schedule import next_reindex
from bot.running import heap
from bot.running.threads import Pool
from bot.sending.say import say
from bot.text import render
from index.articles.acquire import Supply
from index.library import Status


class Bulletin:
    """Says how things are."""

    def __init__(
        self, reindexing: Reindexing, gate: Gate, *, every: int, waiting: Callable[[], int], threads: Pool
    ) -> None:
        """Look things up on `threads`; the folder is read again `every` so many minutes (0: never).

        `waiting` looks up how many updates are not done yet.
        """
        self._reindexing = reindexing
        self._gate = gate
        self._every = every
        self._waiting = waiting
        self._threads = threads

    async def status(self, update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
        """Say what the library holds, and to an admin how the bot is."""
        chat = update.effective_chat
        if chat is None:
            return
        admin = self._gate.is_admin(update)
        status, waiting, supplies = await self._threads.run(lambda: self._look(whole=admin))
        text = words.status(status, every=self._every)
        if admin:
            more = words.condition(
                waiting=max(0, waiting - 1),  # but for this one
                memory=heap.resident(),
                last=self._reindexing.last,
                following=next_reindex(context),
                version=version("footnote-bot"),
                supplies=supplies,
            )
            text = f"{text}\n\n{more}"
        await say(context.bot, chat.id, render.text(text))

    def _look(self, *, whole: bool) -> tuple[Status, int, list[Supply]]:
        library = self._reindexing.library
        return library.status(), self._waiting(), library.sources() if whole else []
