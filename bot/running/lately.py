"""What was seen lately: a dict that forgets. Knows not what is in it."""

from collections import UserDict
from typing import TypeVar

K = TypeVar("K")
V = TypeVar("V")


class Lately(UserDict[K, V]):
    """Holds at most so many things, and lets go of the one that came first."""

    def __init__(self, most: int) -> None:
        """Hold `most` things."""
        super().__init__()
        self._most = most

    def __setitem__(self, key: K, item: V) -> None:
        """Remember something."""
        super().__setitem__(key, item)
        if len(self) > self._most:
            del self[next(iter(self))]
