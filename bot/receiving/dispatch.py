"""The way from the inbox to the handlers and back: what is worked on when, and what comes of each update.

Each chat has one update in hand at most, so its order holds. What fails comes back, what keeps failing is set aside,
and what Telegram or the network cut off is tried until it is too old. Knows no question and no answer.
"""

import asyncio
import functools
import itertools
import logging
import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import telegram
from telegram import Update
from telegram.error import BadRequest, RetryAfter, TelegramError
from telegram.ext import Application

from bot import words
from bot.running.metrics import Metrics
from bot.running.threads import Pool
from bot.sending.attempt import CURRENT, Attempt, Enough
from bot.sending.pace import seconds
from bot.sending.say import may_not_write, say
from bot.store.inbox import ASIDE, LEASE, MOST_SENDS, Inbox, Raw, Taken
from bot.text import render
from config import Delivery
from index.errors import FootnoteError
from index.truth.database import Note

AT_ONCE = 8
"""Updates in hand at the same time, so that a question does not wait for somebody's slow network."""

TRIES = 3
"""Times an update may fail before it is set aside."""

LOOK = 0.5
"""Seconds between two looks into the inbox while nothing wakes us: another process may store or finish something."""

SPARE = 120.0
"""Seconds beyond the deadline of a question for all the rest, the waiting for a turn to write included."""

LONGEST_WAIT = 60.0
"""Seconds to the next try, at most, while Telegram cannot be reached."""

PUTTING_BACK = 3.0
"""Seconds at the end for putting back what was in hand; without a database, the next start finds it all the same."""

PRUNE_EVERY = 3_600.0

Bot = Application[Any, Any, Any, Any, Any, Any]
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What comes of an attempt: closed with an `outcome`, or, without one, back into the inbox for `wait` seconds."""

    outcome: str = ""
    wait: float = 0.0
    failed: bool = False


class Dispatcher:
    """Hands the updates of an inbox to an application, and closes them."""

    def __init__(
        self,
        application: Bot,
        inbox: Inbox,
        *,
        settings: Delivery,
        threads: Pool,
        metrics: Metrics,
        prune: Sequence[Callable[[], object]] = (),
    ) -> None:
        """Dispatch from `inbox`, which is asked on `threads`: no transaction may hold up the event loop.

        `prune` is what else to do on `threads` every hour, when the inbox forgets what is old.
        """
        self._application = application
        self._inbox = inbox
        self._settings = settings
        self._threads = threads
        self._metrics = metrics
        self._prune: tuple[Callable[[], object], ...] = (lambda: inbox.prune(keep=settings.keep), *prune)
        self._tasks: set[asyncio.Task[None]] = set()
        self._in_hand: set[int] = set()
        self._wake = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._stopping = False
        self._suspects = True
        self._pruned = float("-inf")
        self.waiting = 0

    async def store(self, raw: Sequence[Raw]) -> None:
        """Store updates. Raises FootnoteError when that cannot be done; Telegram must not hear that they arrived."""
        new = await self._threads.run(lambda: self._inbox.put(raw))
        self.waiting += new
        self._wake.set()

    async def run(self) -> None:
        """Work on what comes, until `stop`."""
        ticking = asyncio.create_task(self._tick())
        self._idle.clear()
        try:
            while not self._stopping:
                try:
                    await self._step()
                except FootnoteError as error:  # the database is away: what is stored is there when it is back
                    log.warning("%s", error)
                    self._metrics.error(type(error).__name__)
                    await asyncio.sleep(LOOK)
        finally:
            ticking.cancel()
            self._idle.set()

    async def stop(self, within: float) -> None:
        """Take nothing more; give what is in hand so many seconds to end, and put the rest back."""
        self._stopping = True
        self._wake.set()
        taking = asyncio.create_task(self._idle.wait())
        await asyncio.wait([taking, *self._tasks], timeout=within)
        taking.cancel()
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=PUTTING_BACK)

    async def _step(self) -> None:
        """Take one update and begin to work on it, or wait for one."""
        if len(self._tasks) >= AT_ONCE:
            await asyncio.wait(self._tasks, return_when=asyncio.FIRST_COMPLETED)
            return
        if self._suspects:
            await self._one_by_one()
        self._wake.clear()
        taken = await self._threads.run(self._inbox.take)
        if taken is not None and self._stopping:
            await self._finish(taken, Verdict())
        elif taken is not None:
            self._begin(taken)
        else:
            await self._rest()

    async def _rest(self) -> None:
        """Wait until something wakes us, or for a moment."""
        try:
            await asyncio.wait_for(self._wake.wait(), LOOK)
        except TimeoutError:
            return

    async def _one_by_one(self) -> None:
        """Work on what may have ended the process, with nothing else in hand; set aside what surely did."""
        if self._tasks:
            await asyncio.wait(self._tasks)
        for taken in await self._threads.run(self._inbox.hopeless):
            self._in_hand.add(taken.id)
            await self._finish(taken, Verdict(await self._set_aside(taken, None)))
            self._in_hand.discard(taken.id)
        while not self._stopping:
            suspect = await self._threads.run(functools.partial(self._inbox.take, suspect=True))
            if suspect is None:
                break
            self._begin(suspect)
            await asyncio.wait(self._tasks)
        self._suspects = False

    def _begin(self, taken: Taken) -> None:
        if taken.id in self._in_hand:  # its lease ended in our hands: the clock was set, the database away
            return
        task = asyncio.create_task(self._handle(taken), name=f"update {taken.id}")
        self._tasks.add(task)
        self._in_hand.add(taken.id)
        task.add_done_callback(functools.partial(self._ended, taken))

    def _ended(self, taken: Taken, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._in_hand.discard(taken.id)
        self._wake.set()
        if not task.cancelled() and task.exception() is not None:
            log.error("an update was let go of, its lease will end", exc_info=task.exception())

    async def _handle(self, taken: Taken) -> None:
        words.speak(_language(taken.raw))  # for this task, and all it begins
        verdict = Verdict()
        try:
            async with asyncio.timeout(self._settings.deadline + SPARE):
                verdict = await self._attempt(taken)
        except TimeoutError as error:
            verdict = await self._failed(taken, error)
        finally:
            attempt = CURRENT.get()
            await asyncio.shield(self._end(taken, verdict, attempt.notes if attempt else []))

    async def _attempt(self, taken: Taken) -> Verdict:
        """Let the handlers have an update, and judge how that went."""
        attempt = Attempt(
            taken,
            age=time.time() - taken.asked,
            sending=lambda also: self._threads.run(lambda: self._inbox.sending(taken, also=also)),
            unsent=lambda: self._threads.run(lambda: self._inbox.unsent(taken)),
            note=lambda also: self._threads.run(lambda: self._inbox.note(also)),
        )
        CURRENT.set(attempt)
        try:
            if taken.sends >= MOST_SENDS:
                raise Enough  # noqa: TRY301  judged below, with those that come from further down
            if taken.sends:  # perhaps it has arrived: repeated only when Telegram answers again
                await self._application.bot.get_me()
            await self._application.process_update(_parsed(taken, self._application))
            attempt.check()
        except Enough:
            log.warning("the reply to update %s was begun %s times; it is not sent again", taken.id, MOST_SENDS)
            return Verdict("unsure")
        except RetryAfter as error:
            return Verdict(wait=seconds(error))
        except (TelegramError, FootnoteError) as error:
            if isinstance(error, TelegramError) and may_not_write(error):
                return Verdict("unreachable")
            return await self._failed(taken, error) if isinstance(error, BadRequest) else self._cut_off(taken, error)
        except Exception as error:  # noqa: BLE001  the outer edge: whatever a handler raises
            return await self._failed(taken, error)
        finally:
            attempt.end()
        return Verdict(attempt.outcome)

    def _cut_off(self, taken: Taken, error: Exception) -> Verdict:
        """Try again later, as long as it is not too old: Telegram, the network or the database is to blame."""
        log.warning("update %s waits, because it was cut off: %s", taken.id, error)
        self._metrics.error(type(error).__name__)
        return Verdict(wait=min(LONGEST_WAIT, 0.5 * 2 ** min(taken.waits, 10)))

    async def _failed(self, taken: Taken, error: Exception) -> Verdict:
        self._metrics.error(type(error).__name__)
        if taken.tries + 1 >= TRIES:
            return Verdict(await self._set_aside(taken, error))
        log.warning("update %s failed and is tried again", taken.id, exc_info=error)
        return Verdict(wait=0.5 * (taken.tries + 1), failed=True)

    async def _set_aside(self, taken: Taken, error: Exception | None) -> str:
        """Give it up, and say so to the log and to the person; `error` is None where it ended the process."""
        reason = "it ended the program" if error is None else "it failed"
        what = f"update {taken.id} is given up, because {reason} again and again"
        with words.speaking(_language(taken.raw)):  # what ended the process has no task of its own
            await report(self._application.bot, _private_chat(taken.raw), what, error)
        return ASIDE

    async def _end(self, taken: Taken, verdict: Verdict, notes: Sequence[Note]) -> None:
        """Be done with an update, and go on with the next one, which costs nothing where another waits for sure."""
        waiting = self.waiting > len(self._tasks)
        following = await self._finish(taken, verdict, notes, following=waiting and not self._suspects)
        if following is not None and self._stopping:
            await self._finish(following, Verdict())
        elif following is not None:
            self._begin(following)

    async def _finish(
        self, taken: Taken, verdict: Verdict, notes: Sequence[Note] = (), *, following: bool = False
    ) -> Taken | None:
        """Close an update or put it back; where the database is away, when it is there again, however late.

        `notes` are written in the same transaction. Where it closes, it may take the `following` one.
        """
        end: Callable[[], Taken | None]
        if verdict.outcome:
            following = following and not self._stopping
            end = functools.partial(self._inbox.close, taken, verdict.outcome, also=notes, following=following)
            self.waiting = max(0, self.waiting - 1)
            self._metrics.update(verdict.outcome)
        else:
            cut_off = verdict.wait > 0 and not verdict.failed
            end = functools.partial(
                self._inbox.put_back, taken, wait=verdict.wait, failed=verdict.failed, cut_off=cut_off, also=notes
            )
        for tried in itertools.count(1):
            try:
                return await self._threads.run(end)
            except FootnoteError as error:
                log.warning("%s", error)
                await asyncio.sleep(LOOK * min(tried, 10))
        raise AssertionError  # the loop has no end

    async def _tick(self) -> None:
        """Say every few seconds that we live, look for what the dead left, and forget what is old."""
        while True:
            try:
                await self._threads.run(functools.partial(self._inbox.renew, list(self._in_hand)))
                self._suspects = self._suspects or await self._threads.run(self._inbox.suspects) > 0
                self.waiting = await self._threads.run(self._inbox.waiting)
                if time.monotonic() - self._pruned > PRUNE_EVERY:
                    self._pruned = time.monotonic()
                    for prune in self._prune:
                        await self._threads.run(prune)
            except FootnoteError as error:
                log.warning("%s", error)
            except Exception:  # an outer edge: without this nobody would renew a lease again
                log.exception("the inbox could not be looked after, which is tried again")
            await asyncio.sleep(LEASE / 5)


async def report(bot: telegram.Bot, chat: int | None, what: str, error: BaseException | None) -> None:
    """Log what nobody foresaw under a short id, and give the person that id instead of a traceback."""
    number = secrets.token_hex(3)
    log.error("error %s: %s", number, what, exc_info=error)
    if chat is None:
        return
    try:
        await say(bot, chat, render.text(words.WENT_WRONG.format(id=number)))
    except (TelegramError, FootnoteError, Enough) as failed:
        log.warning("error %s could not be told to the person: %s", number, failed)


def _parsed(taken: Taken, application: Bot) -> Update:
    return Update.de_json(dict(taken.raw), application.bot)


def _language(raw: Raw) -> str | None:
    """Return the code of the language of whoever an update comes from, as far as Telegram tells."""
    what = next((part for part in raw.values() if isinstance(part, dict)), {})
    sender = what.get("from")
    code = sender.get("language_code") if isinstance(sender, dict) else None
    return code if isinstance(code, str) else None


def _private_chat(raw: Raw) -> int | None:
    """Return the chat that may be told of an error: that of a person who wrote to us."""
    message = raw.get("message")
    chat = message.get("chat") if isinstance(message, dict) else None
    id_ = chat.get("id") if isinstance(chat, dict) else None
    return id_ if isinstance(id_, int) and id_ > 0 else None
