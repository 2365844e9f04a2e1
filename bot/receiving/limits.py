"""Incoming limits: how much one person may ask, and how often they are told that it is too much. Knows no Telegram."""

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from config import Delivery

BETWEEN_LINES = 30.0
"""Seconds in which a chat is told only once why it is not answered: who writes a hundred lines reads one."""

REMEMBERED = 10_000
"""People and chats that are remembered; whoever was forgotten has a full bucket again."""


@dataclass(slots=True)
class _Bucket:
    tokens: float
    at: float


class Limits:
    """A token bucket for each person, and one line for each chat. Not shared between processes."""

    def __init__(self, settings: Delivery, *, spare: int = 0, now: Callable[[], float] = time.monotonic) -> None:
        """Let everyone ask as often as the settings say, and `spare` times more at once."""
        self._settings = settings
        self._most = float(settings.burst + spare)
        self._now = now
        self._buckets: OrderedDict[int, _Bucket] = OrderedDict()
        self._told: OrderedDict[int, float] = OrderedDict()

    def allows(self, person: int) -> bool:
        """Whether a person may ask now; takes one token from their bucket if so."""
        now = self._now()
        bucket = self._buckets.setdefault(person, _Bucket(self._most, now))
        refill = (now - bucket.at) * self._settings.per_minute / 60
        bucket.tokens, bucket.at = min(self._most, bucket.tokens + refill), now
        _keep(self._buckets, person)
        if bucket.tokens < 1:
            return False
        bucket.tokens -= 1
        return True

    def may_tell(self, chat: int) -> bool:
        """Whether a chat is to be told why it is not answered: once in BETWEEN_LINES seconds."""
        now = self._now()
        if now - self._told.get(chat, float("-inf")) < BETWEEN_LINES:
            return False
        self._told[chat] = now
        _keep(self._told, chat)
        return True


def _keep(known: OrderedDict[int, _Bucket] | OrderedDict[int, float], key: int) -> None:
    known.move_to_end(key)
    while len(known) > REMEMBERED:
        known.popitem(last=False)
