"""A process that restores a backup and is killed on the way; small, because it is started for each step."""

import datetime as dt
import os
import signal
from pathlib import Path

from index.rescue import restore


def until(most: int, data: Path, copy: Path) -> None:
    """Restore a copy, and die as by `kill -9` before the rename that comes after `most` others."""
    count, replace = 0, Path.replace

    def counted(self: Path, target: Path) -> Path:
        nonlocal count
        if count == most:
            os.kill(os.getpid(), signal.SIGKILL)
        count += 1
        return replace(self, target)

    Path.replace = counted  # type: ignore[method-assign]
    restore.restore(data, copy, now=dt.datetime(2026, 11, 25, 12, 30, tzinfo=dt.UTC))
