"""Reads the folder again by itself, and tells the admins what came of it when there is something to tell."""

import asyncio
import datetime as dt
import logging
from collections.abc import Callable, Sequence
from typing import Any

from telegram.error import TelegramError
from telegram.ext import Application, ContextTypes

from bot import words
from bot.desk.admin import question_buttons, told
from bot.desk.reindexing import Reindexing, Run
from bot.sending.say import say
from bot.text import render
from index.errors import Busy, FootnoteError
from index.records import Plan, Report

log = logging.getLogger(__name__)


_JOB = "reindex"


class Schedule:
    """Reindexes once an interval, unless a reindex is running or a rollback made it rest."""

    def __init__(self, reindexing: Reindexing, admins: Sequence[int], *, language: Callable[[int], str]) -> None:
        """Take turns of `reindexing`, and tell `admins`, each in the `language` that is looked up by their id."""
        self._reindexing = reindexing
        self._admins = admins
        self._language = language
        self._known = ""

    def start(self, application: Application[Any, Any, Any, Any, Any, Any], *, every: dt.timedelta) -> None:
        """Begin an interval from now: who starts the bot with `run` has just indexed."""
        assert application.job_queue is not None  # noqa: S101  for mypy: the dependencies bring what it needs
        how = {"misfire_grace_time": None, "coalesce": True}  # after a laptop slept: once, however late
        application.job_queue.run_repeating(self.tick, every, first=every, name=_JOB, job_kwargs=how)

    async def tick(self, context: ContextTypes.DEFAULT_TYPE) -> None:
        """Start a reindex in the background, so that a long one does not hold up the queue of jobs."""
        if not context.application.running:
            return
        run = self._reindexing.begin(by_itself=True)
        if run is not None:
            context.application.create_task(self._read(context, run))

    async def _read(self, context: ContextTypes.DEFAULT_TYPE, run: Run) -> None:
        async def look() -> None:
            run.stop = run.stop or not context.application.running

        outcome: Plan | Report | FootnoteError | None
        try:
            outcome = await self._reindexing.read(run, look)
        except Busy:  # somebody indexes in another process: no more to do
            return
        except FootnoteError as error:
            outcome = error
        known, self._known = self._known, _known_by(outcome)
        if self._known not in ("", known) and context.application.running:
            await self._tell(context, run, outcome)

    async def _tell(
        self, context: ContextTypes.DEFAULT_TYPE, run: Run, outcome: Plan | Report | FootnoteError | None
    ) -> None:
        failed = isinstance(outcome, FootnoteError)  # perhaps the database is away, which is not asked then
        revision = None if failed else await asyncio.to_thread(self._reindexing.library.revision)
        for admin in self._admins:
            with words.speaking(await asyncio.to_thread(self._spoken_by, admin)):
                if isinstance(outcome, FootnoteError):
                    news, buttons = words.trouble(outcome), None
                else:
                    news, buttons = told(run, outcome), question_buttons(outcome, revision.number if revision else 0)
                text = render.text(f"{words.ON_SCHEDULE}\n\n{news}")
            try:
                await say(context.bot, admin, text, buttons=buttons, silently=True)
            except TelegramError as error:  # who never wrote to the bot has no chat, and one may have blocked it
                log.info("the admin %s could not be told of the reindex: %s", admin, error)

    def _spoken_by(self, admin: int) -> str:
        try:
            return self._language(admin)
        except FootnoteError as error:  # they are told in English rather than not at all
            log.warning("the language of the admin %s is not known: %s", admin, error)
            return ""


def next_reindex(context: ContextTypes.DEFAULT_TYPE) -> dt.datetime | None:
    """Return when the folder is read again by itself; None where that is never."""
    jobs = context.job_queue.get_jobs_by_name(_JOB) if context.job_queue else ()
    return jobs[0].next_t if jobs else None


def _known_by(outcome: Plan | Report | FootnoteError | None) -> str:
    """Return what an outcome is known by, the same for the same; nothing for one that is not worth telling."""
    match outcome:
        case Report():
            return f"revision {outcome.revision}"
        case Plan() if outcome.consent:
            return words.gone(outcome)
        case FootnoteError():
            return str(outcome)
        case _:
            return ""
