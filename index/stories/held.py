"""Hold what was read of articles as long as it is small enough. Pure."""

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Held(Generic[T]):
    """What `read` returns for the rows of articles; of it, what was asked for last is held. Safe between threads."""

    def __init__(self, read: Callable[[int], T], *, weight: Callable[[T], int], most: int) -> None:
        """Hold as much as weighs `most` in all, and in any case the last one."""
        self._read = read
        self._weight = weight
        self._most = most
        self._found: dict[int, T] = {}
        self._weighs = 0
        self._lock = threading.Lock()

    def __call__(self, row: int) -> T:
        """Return what there is of an article."""
        with self._lock:
            if row in self._found:
                self._found[row] = self._found.pop(row)
                return self._found[row]
        made = self._read(row)
        with self._lock:
            if self._found.pop(row, None) is None:  # else another thread read it meanwhile
                self._weighs += self._weight(made) + 1
            self._found[row] = made
            while len(self._found) > 1 and self._weighs > self._most:
                self._weighs -= self._weight(self._found.pop(next(iter(self._found)))) + 1
        return made
