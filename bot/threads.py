"""Threads on which it is known whom we speak to: work begun for a person speaks that person's language."""

import contextvars
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import ParamSpec, TypeVar

Given = ParamSpec("Given")
Result = TypeVar("Result")


class Threads(ThreadPoolExecutor):
    """A pool that hands the context variables of whoever submits work to the thread; Python's own do not."""

    def submit(self, work: Callable[Given, Result], /, *args: Given.args, **kwargs: Given.kwargs) -> "Future[Result]":
        """Do work on a thread, in a copy of the context of the caller."""
        context = contextvars.copy_context()
        return super().submit(lambda: context.run(work, *args, **kwargs))
