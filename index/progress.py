"""Tell whoever watches how far a long piece of work is, and stop it when they say so."""

import time
from collections.abc import Callable

from index.errors import Cancelled
from index.records import Progress

Watch = Callable[[Progress], None]
Stop = Callable[[], bool]

STOPPED = "Stopped. The articles are as they were before; what was embedded is kept for the next time."


class Meter:
    """Counts units of a stage and tells whoever watches."""

    def __init__(self, stage: str, total: int, watch: Watch) -> None:
        """Begin a stage of `total` units."""
        self._stage, self._total, self._watch = stage, total, watch
        self._done = 0
        self._started = time.monotonic()
        watch(Progress(stage, 0, total))

    def tick(self, units: int = 1) -> None:
        """Count units that are done."""
        self.reach(self._done + units, self._total)

    def reach(self, done: int, total: int) -> None:
        """Say how many units of how many are done."""
        self._done, self._total = done, total
        rate = done / max(time.monotonic() - self._started, 1e-6)
        self._watch(Progress(self._stage, done, total, rate))


def check(stop: Stop) -> None:
    """Raise Cancelled if somebody said stop."""
    if stop():
        raise Cancelled(STOPPED)
