"""Reindexing behind the bot: one at a time, on a thread of its own, watched and stopped from the event loop.

Knows nothing of chats.
"""

import asyncio
import datetime as dt
import secrets
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import count
from typing import TypeVar

from index.articles.acquire import Sent
from index.errors import FootnoteError
from index.library import Library
from index.records import ArticleId, Plan, Progress, Report, Revision

LOOK = 0.5
"""Seconds between two looks at how far it is, and whether it shall stop."""

Result = TypeVar("Result")


@dataclass(slots=True)
class Run:
    """A turn: its name, whether the schedule took it, how far it is, and whether it shall stop."""

    name: str
    by_itself: bool = False
    plan: Plan | None = None
    progress: Progress | None = None
    stop: bool = False


@dataclass(frozen=True, slots=True)
class Ended:
    """How a reindex ended, and when: what was done, or the plan that waits or changes nothing, or the error."""

    at: dt.datetime
    by_itself: bool
    outcome: Plan | Report | FootnoteError


_OUTCOMES = {Report: "done", Plan: "only_planned", type(None): "rests"}


@dataclass(slots=True)
class Reindexing:
    """Changes one library, one turn after the other; `tally` is told in a word how each reindex ended."""

    library: Library
    tally: Callable[[str], None] = field(default=lambda _: None)
    running: Run | None = None
    last: Ended | None = None
    _process: str = field(default_factory=lambda: secrets.token_hex(4))
    _numbers: "count[int]" = field(default_factory=count)
    _thread: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(1, thread_name_prefix="reindex"))

    def begin(self, *, by_itself: bool = False) -> Run | None:
        """Take the turn, which somebody has to `end`; None while another one has it."""
        if self.running is not None:
            return None
        self.running = Run(f"{self._process}-{next(self._numbers)}", by_itself=by_itself)
        return self.running

    def end(self, run: Run) -> None:
        """Give the turn back; what still works on it stops."""
        run.stop = True
        self.running = None if self.running is run else self.running

    def knows(self, name: str) -> bool:
        """Whether a run of that name was begun since the program started."""
        return name.partition("-")[0] == self._process

    async def read(
        self, run: Run, look: Callable[[], Awaitable[None]], *, agreed: int | None = 0
    ) -> Plan | Report | None:
        """Reindex, and `look` meanwhile; return what was done, or the plan where it wants more consent than there is.

        `agreed` is how many articles somebody agreed to remove; None: nobody has agreed to any change yet. When it runs
        by itself, None says that it rests after a rollback, and a plan without consent that there was nothing to do.
        Raises as `Library.index`.
        """
        try:
            outcome = await self._work(run, look, lambda: self._read(run, agreed))
        except FootnoteError as error:
            self.tally(type(error).__name__.lower())
            self._note(run, error)
            raise
        self.tally(_OUTCOMES[type(outcome)])
        if isinstance(outcome, Report) or (outcome is not None and run.by_itself):  # else somebody is being asked
            self._note(run, outcome)
        return outcome

    async def add(self, run: Run, look: Callable[[], Awaitable[None]], sent: Sequence[Sent]) -> Report | None:
        """Make what was sent part of the library, and `look` meanwhile. Raises as `Library.add`."""
        work = lambda: self.library.add(sent, watch=_watching(run), stop=lambda: run.stop)  # noqa: E731
        return await self._step(run, look, work)

    async def remove(self, run: Run, look: Callable[[], Awaitable[None]], ids: Sequence[ArticleId]) -> Report | None:
        """Take articles out of the library, and `look` meanwhile. Raises as `Library.remove`."""
        work = lambda: self.library.remove(ids, watch=_watching(run), stop=lambda: run.stop)  # noqa: E731
        return await self._step(run, look, work)

    async def rollback(self, run: Run) -> Revision:
        """Return to the revision before. Raises as `Library.rollback`."""

        async def look() -> None:
            """Nothing to see: it takes milliseconds."""

        return await self._work(run, look, self.library.rollback)

    def close(self) -> None:
        """Stop what is running and wait until it has."""
        if self.running is not None:
            self.running.stop = True
        self._thread.shutdown(wait=True)

    async def _step(
        self, run: Run, look: Callable[[], Awaitable[None]], work: Callable[[], Report | None]
    ) -> Report | None:
        try:
            report = await self._work(run, look, work)
        except FootnoteError as error:
            self.tally(type(error).__name__.lower())
            raise
        self.tally("done")
        return report

    async def _work(self, run: Run, look: Callable[[], Awaitable[None]], work: Callable[[], Result]) -> Result:
        try:
            done = asyncio.get_running_loop().run_in_executor(self._thread, work)
            while not (await asyncio.wait([done], timeout=LOOK))[0]:
                await look()
            return await done
        finally:
            self.end(run)

    def _note(self, run: Run, outcome: Plan | Report | FootnoteError) -> None:
        self.last = Ended(dt.datetime.now(dt.UTC), run.by_itself, outcome)

    def _read(self, run: Run, agreed: int | None) -> Plan | Report | None:
        watch = _watching(run)
        if run.by_itself and self.library.held:
            return None
        plan = run.plan = self.library.plan(watch=watch, stop=lambda: run.stop)
        if agreed is None and plan.changes:
            return plan
        if plan.consent and plan.removed > (agreed or 0):
            return plan
        if run.by_itself and not plan.changes:
            return plan
        return self.library.index(agreed=plan.consent, watch=watch, stop=lambda: run.stop)


def _watching(run: Run) -> Callable[[Progress], None]:
    def watch(progress: Progress) -> None:
        run.progress = progress

    return watch
