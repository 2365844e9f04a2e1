"""The lookout: compares what people watch with each new revision, and writes to them what is new.

It works in the background and never in a hurry: one question at a time, on a thread that answers nobody, with rests.
"""

import logging
import time
from dataclasses import replace
from typing import Any

from telegram.error import BadRequest, Forbidden, RetryAfter, TelegramError
from telegram.ext import Application, ContextTypes, ExtBot

from bot import words
from bot.access.gate import Gate
from bot.asking.answers import shown
from bot.running.threads import Pool
from bot.sending import pace
from bot.sending.notice import rest
from bot.sending.say import surely_not_sent
from bot.showing import buttons
from bot.showing.buttons import Place
from bot.store.journal import Journal, new_id
from bot.store.kept import UNASKED, Asked, Kept, keep
from bot.store.news import news, noted
from bot.store.watchlist import Finding, Taken, Watchlist
from bot.text import render
from bot.watching.watches import tell
from index.errors import FootnoteError, QuestionError
from index.library import Library

EVERY = 1.0
"""Seconds between two looks whether another revision is served; that looks nothing up."""

AGAIN = 60.0
"""Seconds after which it is looked again for what failed, or what a process that died had in hand."""

REST = 3.0
"""Seconds of rest after each second of work: the model is free for those who ask three quarters of the time."""

AWAY = 30.0
"""Seconds until something is sent again that Telegram did not take, where it does not name them."""

Bot = Application[Any, Any, Any, Any, Any, Any]
log = logging.getLogger(__name__)


class Lookout:
    """Looks after all watches of one bot; several processes may do so at the same time."""

    def __init__(self, library: Library, journal: Journal, watchlist: Watchlist, *, gate: Gate, threads: Pool) -> None:
        """Ask `library` on `threads`, for those whom `gate` lets in."""
        self._library = library
        self._journal = journal
        self._watchlist = watchlist
        self._gate = gate
        self._threads = threads
        self._working = False
        self._done = 0
        self._next = 0.0

    def start(self, application: Bot) -> None:
        """Look now and then, for as long as the application runs."""
        assert application.job_queue is not None  # noqa: S101  for mypy: the dependencies bring what it needs
        how = {"misfire_grace_time": None, "coalesce": True}
        application.job_queue.run_repeating(self.tick, EVERY, first=0, name="lookout", job_kwargs=how)

    async def tick(self, context: ContextTypes.DEFAULT_TYPE) -> None:
        """Begin a round in the background where there may be something to do."""
        due = self._library.serving != self._done or time.monotonic() >= self._next
        if not due or self._working or not context.application.running:
            return
        self._working = True
        context.application.create_task(self._round(context.application))

    async def _round(self, application: Bot) -> None:
        """Compare and write until nothing is left to do; what failed is for a later round."""
        serving = self._library.serving
        try:
            if not self._next:
                await self._threads.run(self._watchlist.recover)
            while application.running and await self._step(application):
                pass
        except FootnoteError as error:  # the database is away, and comes back
            log.warning("the watches could not be looked after, which is tried again: %s", error)
        except Exception:  # an outer edge: without this no watch is looked after again
            log.exception("the watches could not be looked after, which is tried again")
        finally:
            self._done, self._next, self._working = serving, time.monotonic() + AGAIN, False

    async def _step(self, application: Bot) -> bool:
        """Write one finding, or else compare one watch; return whether there was one."""
        await self._gate.keep_up()  # somebody may have been blocked through another bot
        finding = await self._threads.run(self._watchlist.to_send)
        if finding is not None:
            return await self._sent(application.bot, finding)
        began = time.monotonic()
        if not await self._threads.run(self._compare):
            return False
        await rest(application, REST * (time.monotonic() - began))
        return True

    def _compare(self) -> bool:
        """Ask one watched question again, and note what is new; return whether there was one."""
        revision = self._library.revision()
        taken = self._watchlist.take(revision.number) if revision else None
        if revision is None or taken is None:
            return False
        if not self._gate.may_ask(taken.watch.person):
            self._end(taken.watch.person, "they may not ask any more")
            return True
        try:
            self._ask(taken)
        except QuestionError as error:  # it became too long: the settings changed
            log.info("the watch %s cannot be asked: %s", taken.watch.id, error)
            self._watchlist.compared(taken, replace(taken.base, revision=revision.number))
        except FootnoteError:
            self._watchlist.put_back(taken, wait=AGAIN)
            raise
        return True

    def _ask(self, taken: Taken) -> None:
        watch, before = taken.watch, taken.base
        answer = self._library.ask(watch.question)
        since = self._library.since([citation.article.id for citation in answer.citations])
        id_ = new_id() if news(before, answer, since) else ""
        keeping = None
        if id_:  # with the watch, which somebody may end meanwhile, /forget and all: then nothing is kept of it
            asked = Asked(watch.chat, watch.person, UNASKED, time.time(), language=watch.language)
            keeping = self._journal.keeping(keep(id_, asked, answer, watch=watch.id))
        self._watchlist.compared(taken, noted(before, answer), answer=id_, keeping=keeping)

    async def _sent(self, bot: "ExtBot[Any]", finding: Finding) -> bool:
        """Write what was found to whom it is for; return False where Telegram wants to be left alone."""
        person = finding.watch.person
        if not self._gate.may_ask(person):
            await self._threads.run(lambda: self._end(person, "they may not ask any more"))
            return True
        kept = await self._threads.run(lambda: self._journal.get(finding.answer))
        if kept is None:  # forgotten meanwhile, by time or because the person wanted it
            await self._threads.run(lambda: self._watchlist.sent(finding))
            return True
        try:
            await self._write(bot, kept, finding)
        except Forbidden as error:
            reason = str(error)
            await self._threads.run(lambda: self._end(person, reason))
        except BadRequest as error:  # it would be refused again
            log.warning("what was found for the watch %s could not be sent: %s", finding.watch.id, error)
            await self._threads.run(lambda: self._watchlist.sent(finding))
        except TelegramError as error:
            log.info("what was found for the watch %s is sent later: %s", finding.watch.id, error)
            if surely_not_sent(error):  # else perhaps it was: once more, when the lease has ended
                wait = pace.seconds(error) if isinstance(error, RetryAfter) else AWAY
                await self._threads.run(lambda: self._watchlist.not_sent(finding, wait=wait))
            return False
        return True

    async def _write(self, bot: "ExtBot[Any]", kept: Kept, finding: Finding) -> None:
        place = Place(bot.username)
        with words.speaking(finding.watch.language):
            messages = render.after(words.PERHAPS_AGAIN if finding.sends > 1 else "", shown(kept, place))
            markup = buttons.under(kept, place)
        first, last = await tell(bot, kept, messages, markup)
        await self._threads.run(lambda: self._watchlist.sent(finding))
        where = {"chat": kept.asked.chat, "first": first, "message": last}
        await self._threads.run(lambda: self._journal.sent(kept.id, took=0.0, **where))

    def _end(self, person: int, reason: str) -> None:
        ended = self._watchlist.forget(person)
        log.info("%d watches of somebody ended: %s", ended, reason)
