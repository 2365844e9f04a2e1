"""How often a host is asked: never twice within its pause, whichever thread asks, and not while it wants to rest."""

import threading
import time
from collections.abc import Callable

from index.errors import SourceError

LONGEST_PAUSE = 30.0
"""Seconds up to which a Crawl-delay is followed: with as many, 50 new entries of a feed take 25 minutes."""

LONGEST_REST = 3_600.0
"""Seconds for which a host's wish to be left alone is remembered; whoever comes back then is told again."""

MOST = 10_000
"""Hosts that are remembered, which is about a megabyte."""


class Courtesy:
    """Remembers when each host may be asked next. For any number of threads."""

    def __init__(
        self, pause: float, *, now: Callable[[], float] = time.monotonic, sleep: Callable[[float], object] = time.sleep
    ) -> None:
        """Leave so many seconds between two requests. `sleep` waits, and may raise to stop whoever waits."""
        self._pause = pause
        self._now = now
        self._sleep = sleep
        self._lock = threading.Lock()
        self._next: dict[str, float] = {}
        self._resting: dict[str, float] = {}

    def turn(self, host: str, *, delay: float = 0.0) -> None:
        """Wait until it is our turn to ask a host that wants `delay` seconds between two requests.

        Raises:
            SourceError: the host wants to be left alone, for longer than anybody waits.
        """
        with self._lock:
            now = self._now()
            self._check(host, now)
            at = max(now, self._next.get(host, now))
            self._next[host] = at + max(self._pause, min(delay, LONGEST_PAUSE))
            self._forget(now)
        if at > now:
            self._sleep(at - now)
            with self._lock:  # it may have asked to be left alone meanwhile, in its answer to somebody before us
                self._check(host, self._now())

    def _check(self, host: str, now: float) -> None:
        if (rest := self._resting.get(host, now) - now) > 0:
            msg = f"cannot be fetched: {host} asked to be left alone; try again in {in_words(rest)}"
            raise SourceError(msg)

    def rest(self, host: str, seconds: float) -> None:
        """Leave a host alone for so long."""
        with self._lock:
            self._resting[host] = self._now() + min(seconds, LONGEST_REST)

    def _forget(self, now: float) -> None:
        for known in (self._next, self._resting):
            if len(known) > MOST:
                for host in [host for host, at in known.items() if at <= now]:
                    del known[host]


def in_words(seconds: float) -> str:
    """Return a time as people say it, rounded up."""
    for unit, size in (("hour", 3600), ("minute", 60), ("second", 1)):
        if seconds > 1.5 * size or size == 1:
            many = max(1, -int(-seconds // size))
            return f"{many} {unit}{'' if many == 1 else 's'}"
    raise AssertionError
