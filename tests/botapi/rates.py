"""How fast a bot may send: over all, into one chat, into one group. Knows no messages, only their times in seconds."""

import math
from collections import deque
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Limits:
    """Messages that may be sent: `overall` a second over all, one a second into a chat, `group` a minute into a group.

    Into one chat `burst` messages may come at once if as many seconds pass before the next. `tolerance`, in seconds, is
    left for the network: every span counts as that much longer.
    """

    overall: int = 30
    group: int = 20
    burst: int = 1
    tolerance: float = 0.1


USUAL: Final = Limits()


class _Window:
    """The last messages of one kind, as many as are allowed within `seconds`."""

    __slots__ = ("_seconds", "_times")

    def __init__(self, count: int, seconds: float) -> None:
        self._times: deque[float] = deque(maxlen=count)
        self._seconds = seconds

    def excess(self, now: float, tolerance: float) -> tuple[int, float, float] | None:
        """Return how many messages would be sent within how many seconds, and how long to wait, if it is too many."""
        if len(self._times) < (self._times.maxlen or 0):
            return None
        past = now - self._times[0]
        return (len(self._times) + 1, past, self._seconds - past) if past < self._seconds - tolerance else None

    def note(self, now: float) -> None:
        self._times.append(now)


class Rates:
    """Watches the pace of what is sent."""

    def __init__(self, limits: Limits) -> None:
        """Begin with nothing sent."""
        self._limits = limits
        self._overall = _Window(limits.overall, 1)
        self._chats: dict[int, _Window] = {}
        self._groups: dict[int, _Window] = {}

    def excesses(self, chat_id: int, now: float, *, is_group: bool) -> list[tuple[str, int]]:
        """Word each limit that a message sent now would break, with the whole seconds to wait until it would not."""
        found = []
        for where, window in self._windows(chat_id, is_group=is_group).items():
            if excess := window.excess(now, self._limits.tolerance):
                count, past, wait = excess
                found.append((f"{count} messages within {past:.2f} s {where}", max(1, math.ceil(wait))))
        return found

    def note(self, chat_id: int, now: float, *, is_group: bool) -> None:
        """Count a message."""
        for window in self._windows(chat_id, is_group=is_group).values():
            window.note(now)

    def _windows(self, chat_id: int, *, is_group: bool) -> dict[str, _Window]:
        if chat_id not in self._chats:
            self._chats[chat_id] = _Window(self._limits.burst, self._limits.burst)
            self._groups[chat_id] = _Window(self._limits.group, 60)
        windows = {"over all": self._overall, f"into chat {chat_id}": self._chats[chat_id]}
        return windows | ({f"into group {chat_id}": self._groups[chat_id]} if is_group else {})
