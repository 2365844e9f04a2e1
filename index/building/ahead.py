"""Do steps in their order, while what later ones wait for is made ahead by other threads."""

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, wait
from dataclasses import dataclass

from index.progress import Stop, check
from index.records import Article

LOOK = 0.2
"""Seconds between looks at whether the work is to be stopped."""

MOST = 64
"""Steps that may wait: enough for others to go on beside one large file, and few enough to be looked through."""


@dataclass(frozen=True, slots=True)
class _Step:
    do: Callable[[], None]
    article: Future[Article] | None
    size: int

    @property
    def ready(self) -> bool:
        return self.article is None or self.article.done()

    @property
    def held(self) -> int:
        """Characters that it holds, as far as is known: of what is not read yet, the bytes."""
        if self.article is None or not self.ready or self.article.cancelled() or self.article.exception():
            return self.size
        return max(self.size, len(self.article.result().text))


class Ahead:
    """Steps that wait for their turn: so many that all who read have something to read, and that there is room for."""

    def __init__(self, *, readers: int, room: int, stop: Stop) -> None:
        """Let `room` bytes wait, or a file for each reader where these are more. `stop` says whether all is to end."""
        self._readers = readers
        self._room = room
        self._stop = stop
        self._steps: deque[_Step] = deque()

    def put(self, do: Callable[[], None], *, article: Future[Article] | None = None, size: int = 0) -> None:
        """Let a step be done when those before it are, and its article is there. Does what can be done.

        Raises:
            Cancelled: it was stopped.
        """
        check(self._stop)
        self._steps.append(_Step(do, article, size))
        while self._steps and (self._steps[0].ready or self._crowded()):
            self._next()

    def finish(self) -> None:
        """Do all that is left. Raises as `put`."""
        while self._steps:
            self._next()

    def _next(self) -> None:
        step = self._steps.popleft()
        while step.article is not None and not step.article.done():
            wait([step.article], timeout=LOOK)
            check(self._stop)
        step.do()

    def _crowded(self) -> bool:
        reading = [step.held for step in self._steps if step.article is not None]
        return len(self._steps) > MOST or (len(reading) > self._readers and sum(reading) > self._room)
