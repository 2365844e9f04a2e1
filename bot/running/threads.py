"""Threads on which it is known whom we speak to: work begun for a person speaks that person's language."""

import asyncio
import contextvars
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import ParamSpec, TypeVar

Given = ParamSpec("Given")
Result = TypeVar("Result")


class Pool(ThreadPoolExecutor):
    """A pool that hands the context variables of whoever submits work to the thread; Python's own do not."""

    def __init__(self, count: int, *, thread_name_prefix: str) -> None:
        """Make a pool of so many threads, each of which begins when it is needed for the first time."""
        super().__init__(count, thread_name_prefix)
        self._count = count

    def begin(self) -> None:
        """Begin all threads now: else the last does when all happen to be needed at once, perhaps after days."""
        together = threading.Barrier(self._count + 1)
        for _ in range(self._count):
            self.submit(together.wait)
        together.wait()

    async def run(self, work: Callable[Given, Result], /, *args: Given.args, **kwargs: Given.kwargs) -> Result:
        """Do work on a thread, so that the event loop does not stand still meanwhile."""
        return await asyncio.wrap_future(self.submit(work, *args, **kwargs))

    def submit(self, work: Callable[Given, Result], /, *args: Given.args, **kwargs: Given.kwargs) -> "Future[Result]":
        """Do work on a thread, in a copy of the context of the caller."""
        context = contextvars.copy_context()
        return super().submit(lambda: context.run(work, *args, **kwargs))
