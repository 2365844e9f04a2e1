"""Times the callbacks of event loops."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

LONGEST = 0.05
"""Seconds that one callback of the bot's event loop may take, on a machine as fast as NORMAL says."""

NORMAL = 0.006
"""Seconds that `bare` takes there."""


@dataclass(frozen=True, slots=True)
class Callback:
    """What one callback of a loop took, in seconds: of the processor, and until it ended, `at` a time.monotonic()."""

    at: float
    cpu: float
    wall: float
    what: str
    loop: asyncio.AbstractEventLoop


def longest() -> float:
    """Return the seconds that a callback may take here: more than LONGEST where a bare loop is slower as well."""
    return LONGEST * max(1.0, sorted(bare() for _ in range(5))[2] / NORMAL)


def bare() -> float:
    """Return the seconds of the processor that a loop of nothing but additions takes."""
    began, total = time.thread_time(), 0
    for number in range(200_000):
        total += number
    return time.thread_time() - began


@contextmanager
def timed(*, least: float = 0.0) -> Iterator[list[Callback]]:
    """Time every callback of every loop of this process; keep those that took `least` seconds of the processor.

    What counts is the thread's time on the processor: until it ends also what other threads and programs do goes by.
    """
    took: list[Callback] = []
    run = asyncio.Handle._run

    def timing(handle: asyncio.Handle) -> None:
        at, cpu, wall = time.monotonic(), time.thread_time(), time.perf_counter()
        what = getattr(handle._callback, "__self__", handle._callback)
        try:
            run(handle)
        finally:
            wall = time.perf_counter() - wall
            cpu = min(time.thread_time() - cpu, wall)  # some kernels count the processor's time in ticks of 10 ms
            if cpu >= least:
                took.append(Callback(at, cpu, wall, repr(what)[:300] if cpu > LONGEST / 10 else "", handle._loop))

    asyncio.Handle._run = timing
    try:
        yield took
    finally:
        asyncio.Handle._run = run
