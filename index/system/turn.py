"""Let whoever answers somebody go before whoever reindexes: at a lock, and at the processors."""

import contextlib
import os
import threading
from collections.abc import Iterator

NICE = 19
"""How nice threads and processes of a reindex are to others: a seventieth of a processor that both want is theirs.

They cannot starve: whoever answers is one process, which does not fill two processors, and 30 reindexes beside four
people who ask took as long as with 10. On two cores, of these four one in twenty waited 1.6 times as long as in quiet,
1.85 with 10; of two people who ask while the model embeds a collection, 1.1 times (with 10 1.2, with 0 2.5).
"""

PATIENCE = 1.0
"""Seconds that a batch of a reindex lets questions go before it."""


def cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class Turn:
    """A lock under which those who hurry go before those who do not."""

    def __init__(self) -> None:
        """Begin with nobody holding it."""
        self._free = threading.Condition()
        self._hurrying = 0
        self._taken = False

    @contextlib.contextmanager
    def first(self) -> Iterator[None]:
        """Hold the lock; wait only for whoever has it now."""
        with self._free:
            self._hurrying += 1
            self._free.wait_for(lambda: not self._taken)
            self._hurrying -= 1
            self._taken = True
        with self._held():
            yield

    @contextlib.contextmanager
    def last(self) -> Iterator[None]:
        """Hold the lock once nobody hurries, or after a second of waiting: a reindex must end however many ask."""
        with self._free:
            if not self._free.wait_for(lambda: not self._taken and not self._hurrying, timeout=PATIENCE):
                self._free.wait_for(lambda: not self._taken)
            self._taken = True
        with self._held():
            yield

    @contextlib.contextmanager
    def _held(self) -> Iterator[None]:
        try:
            yield
        finally:
            with self._free:
                self._taken = False
                self._free.notify_all()
