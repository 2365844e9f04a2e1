"""The life of the bot: it begins, it is watched, and it ends when it is told to, with nothing lost.

Knows no handler; what is composed here stands in `app`.
"""

import asyncio
import contextlib
import gc
import logging
import os
import signal
import threading
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from telegram.error import InvalidToken, TelegramError
from telegram.ext import Application

from bot.receiving.dispatch import Dispatcher
from bot.receiving.listen import Listener
from bot.receiving.poll import Poller
from bot.running.threads import Pool
from bot.store.inbox import Inbox
from config import Delivery
from config.errors import FootnoteError, SettingsError
from index.library import Library

TOKEN_TRIES = 3
"""Times that Telegram must refuse a token at the start before it counts as wrong."""

REST = 15.0
"""Seconds between two tries to reach Telegram at the start, at most."""

BEAT = 1.0
"""Seconds between two signs of life of the event loop."""

STUCK = 60.0
"""Seconds without one after which the process is ended: nothing that runs there takes a second."""

BESIDE = 3
"""Threads for what is neither a question nor an update: keeping up with other processes, names of hosts, pictures."""

_OURS = ("ask", "look", "store")
"""How the names of threads begin that may be stuck."""

KEEP_UP = 1.0
"""Seconds between two looks for a revision that another process has made."""

Bot = Application[Any, Any, Any, Any, Any, Any]

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, repr=False)  # python-telegram-bot shows the token in that of a bot
class Parts:
    """What lives together.

    Without a `poller` Telegram brings the updates to `listener`. `announce` tells Telegram that we are here, and is
    tried until it answers; `begin` is what to do then, `close` what to do at the end. `threads` are those that may be
    in the middle of something.
    """

    library: Library
    application: Bot
    inbox: Inbox
    dispatcher: Dispatcher
    poller: Poller | None
    listener: Listener | None
    announce: Callable[[], Awaitable[None]]
    begin: Callable[[], Awaitable[None]]
    close: Callable[[], None]
    threads: tuple[Pool, ...]


class Lifecycle:
    """One life of the bot."""

    def __init__(self, parts: Parts, settings: Delivery) -> None:
        """Prepare to live; nothing is opened yet."""
        self._parts = parts
        self._settings = settings
        self._stop = asyncio.Event()
        self._began = self._beat = time.monotonic()
        self._lacks = "it is starting"
        self._code = 0
        self._own = False
        self._reached = False
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def application(self) -> Bot:
        """The application whose handlers answer."""
        return self._parts.application

    @property
    def lacks(self) -> str:
        """What is missing for it to answer, in words; nothing when it is ready."""
        return self._lacks

    def alive(self) -> bool:
        """Whether Telegram was heard of lately; where it brings the updates itself, nobody can tell."""
        return not self._settings.silence or self.silence() < self._settings.silence

    def silence(self) -> float:
        """Return for how many seconds nothing was heard of Telegram."""
        poller = self._parts.poller
        if poller is None and self._reached:
            return 0.0
        return time.monotonic() - max(self._began, poller.heard if poller else 0.0)

    def stop(self) -> None:
        """End it, from any thread."""
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # it has ended by itself
                self._loop.call_soon_threadsafe(self._stop.set)

    def run_to_its_end(self) -> int:
        """Run, and do not wait for a thread that is stuck in a question afterwards: nothing can end it."""
        code = asyncio.run(self.run())
        ours = [thread for thread in threading.enumerate() if thread.name.startswith(_OURS)]
        for thread in ours:  # those that are idle end at once
            thread.join(0.2)
        if any(thread.is_alive() for thread in ours):
            log.warning("a question was still being worked on; it is answered after the next start")
            logging.shutdown()
            os._exit(code)
        return code

    async def run(self, *, signals: bool = True) -> int:
        """Live until told to stop; return the exit code.

        Raises:
            SettingsError: Telegram does not know the token, or the port of a webhook is taken.
            FootnoteError: the Library cannot answer.
        """
        self._own = signals
        self._loop = asyncio.get_running_loop()
        if signals:
            for number in (signal.SIGTERM, signal.SIGINT):
                self._loop.add_signal_handler(number, self._told)
        watching = [asyncio.create_task(self._watch()), asyncio.create_task(self._keep_up())]
        if signals:  # a process of its own: nobody else would notice that it is stuck
            threading.Thread(target=self._guard, name="guard", daemon=True).start()
        living = asyncio.create_task(self._live())
        stopping = asyncio.create_task(self._stop.wait())
        try:
            await asyncio.wait([living, stopping], return_when=asyncio.FIRST_COMPLETED)
        finally:
            await self._end(living, stopping, *watching)
        return self._came_of(living)

    def _came_of(self, living: "asyncio.Task[None]") -> int:
        """Return the exit code. Raises FootnoteError where that is what it ended by."""
        error = None if living.cancelled() else living.exception()
        if isinstance(error, FootnoteError):
            raise error
        if error is not None:
            log.critical("the bot ends over what nobody foresaw, to be started anew", exc_info=error)
            return 1
        return self._code

    def _told(self) -> None:
        if self._stop.is_set():  # a second time: at once
            os._exit(1)
        log.info("told to stop")
        self._stop.set()

    async def _live(self) -> None:
        parts = self._parts
        beside = Pool(BESIDE, thread_name_prefix="beside")
        for pool in (beside, *parts.threads):
            pool.begin()
        asyncio.get_running_loop().set_default_executor(beside)
        await self._listen()
        warming = asyncio.create_task(asyncio.to_thread(parts.library.warm))
        await self._reach()
        self._reached = True
        await warming
        await parts.application.start()
        await parts.begin()
        if self._own:  # or now and then Python looks through all that the start made: 115 ms in which the loop stands
            gc.collect()
            gc.freeze()
        self._lacks = ""
        log.info("ready: @%s", parts.application.bot.username)
        intake = [parts.poller.run()] if parts.poller else []
        await asyncio.gather(parts.dispatcher.run(), *intake)

    async def _listen(self) -> None:
        """Open the port; a bot that fetches its updates itself does without where that cannot be."""
        listener, poller = self._parts.listener, self._parts.poller
        if listener is None:
            return
        try:
            await listener.start()
        except SettingsError as error:
            if poller is None:
                raise
            log.warning("there are no health checks and no metrics: %s", error)

    async def _reach(self) -> None:
        """Tell Telegram that we are here, until it answers."""
        refused = tried = 0
        while True:
            try:
                await self._parts.announce()
            except InvalidToken:
                refused += 1
                if refused >= TOKEN_TRIES:
                    message = (
                        "Telegram does not know this bot token. Copy it again from @BotFather (/mybots, API Token) "
                        "into TELEGRAM_BOT_TOKEN."
                    )
                    raise SettingsError(message) from None
            except TelegramError as error:
                if tried == 0:
                    log.warning("Telegram cannot be reached, which is tried again: %s", error)
                self._lacks = "Telegram cannot be reached"
            else:
                return
            await asyncio.sleep(min(REST, 0.5 * 2 ** min(tried, 10)))
            tried += 1

    async def _watch(self) -> None:
        """Show that the loop lives, and end it where Telegram is silent for too long."""
        while True:
            self._beat = time.monotonic()
            if not self.alive():
                log.critical(
                    "nothing was heard of Telegram for %d seconds: the bot ends, so that it is started anew",
                    self.silence(),
                )
                self._code = 1
                self._stop.set()
                return
            await asyncio.sleep(BEAT)

    async def _keep_up(self) -> None:
        """Open a revision that another process has made before somebody asks."""
        said = ""
        while True:
            await asyncio.sleep(KEEP_UP)
            try:
                await asyncio.to_thread(self._parts.library.keep_up)
                said = ""
            except FootnoteError as error:
                if str(error) != said:
                    log.warning("the newest articles are not served yet: %s", error)
                said = str(error)
            except Exception as error:  # an outer edge: without this no revision of another process is ever served
                if repr(error) != said:
                    log.exception("the newest articles are not served yet")
                said = repr(error)

    def _guard(self) -> None:
        while not self._stop.is_set():
            time.sleep(BEAT)
            if time.monotonic() - self._beat > STUCK:
                log.critical("the event loop has been stuck for %d seconds: the bot ends", STUCK)
                os._exit(1)

    async def _end(self, living: "asyncio.Task[None]", *others: "asyncio.Task[Any]") -> None:
        """Take nothing more, finish what was begun within the time that there is, and let go of all."""
        parts = self._parts
        self._lacks = "it is stopping"
        until = time.monotonic() + self._settings.stopping
        try:
            await parts.dispatcher.stop(self._settings.stopping)
        finally:
            living.cancel()
            for task in others:
                task.cancel()
            await asyncio.gather(*others, return_exceptions=True)
        await asyncio.wait([living])
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(max(2.0, until - time.monotonic())):
                await self._close()
        for pool in parts.threads:
            pool.shutdown(wait=False, cancel_futures=True)
        parts.inbox.dispose()

    async def _close(self) -> None:
        parts = self._parts
        application = parts.application
        if application.running:
            await application.stop()
        await asyncio.to_thread(parts.close)
        await application.shutdown()
        if parts.listener is not None:
            await parts.listener.stop()
