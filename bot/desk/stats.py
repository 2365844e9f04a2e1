"""Counts what the journal says of some days: questions, what people thought of answers, how long they took. Pure."""

import datetime as dt
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bot.store.journal import Past

USUAL_DAYS = 30
MOST_DAYS = 366
"""A bar for each day is two points wide then, which is as thin as can be told apart on a phone."""


@dataclass(frozen=True, slots=True)
class Day:
    """One day: questions answered and refused, 👍 and 👎 that their answers got, p50 and p95 of the seconds they took.

    The times are NaN where no answer was sent that day.
    """

    date: dt.date
    answered: int = 0
    refused: int = 0
    up: int = 0
    down: int = 0
    p50: float = math.nan
    p95: float = math.nan


@dataclass(frozen=True, slots=True)
class Stats:
    """Days in a row, oldest first, and p50 and p95 of the seconds from a question to its answer over all of them."""

    days: tuple[Day, ...]
    p50: float
    p95: float

    @property
    def answered(self) -> int:
        """How many questions were answered."""
        return sum(day.answered for day in self.days)

    @property
    def refused(self) -> int:
        """How many questions were refused."""
        return sum(day.refused for day in self.days)

    @property
    def up(self) -> int:
        """How many 👍 there are."""
        return sum(day.up for day in self.days)

    @property
    def down(self) -> int:
        """How many 👎 there are."""
        return sum(day.down for day in self.days)

    @property
    def questions(self) -> int:
        """How many questions there were."""
        return self.answered + self.refused

    @property
    def busiest(self) -> Day:
        """The day with the most questions, the first of several."""
        return max(self.days, key=lambda day: day.answered + day.refused)


def begin(days: int, *, now: float, zone: dt.tzinfo | None = None) -> float:
    """Return when the first of so many days began, the last of which is today, in seconds since 1970.

    `zone` is where the days are counted; None: where this machine is.
    """
    first = _date(now, zone) - dt.timedelta(days=days - 1)
    return dt.datetime.combine(first, dt.time(), zone).timestamp()


def count(past: Iterable[Past], *, days: int, now: float, zone: dt.tzinfo | None = None) -> Stats:
    """Count so many days up to today; what lies outside of them is left out. `now` and `zone` are those of `begin`."""
    last = _date(now, zone)
    of: dict[dt.date, list[Past]] = {last - dt.timedelta(days=ago): [] for ago in reversed(range(days))}
    for one in past:
        of.get(_date(one.asked, zone), []).append(one)
    took = [one.took for some in of.values() for one in some]
    return Stats(tuple(_day(date, some) for date, some in of.items()), percentile(took, 50), percentile(took, 95))


def percentile(seconds: Sequence[float], percent: int) -> float:
    """Return the smallest of the times that so many percent of them do not exceed; NaN of none.

    0 stands for an answer that was never sent, and is left out. A time that somebody waited, not one in between.
    """
    sent = sorted(value for value in seconds if value > 0)
    return sent[math.ceil(len(sent) * percent / 100) - 1] if sent else math.nan


def _day(date: dt.date, past: Sequence[Past]) -> Day:
    answered, took = sum(one.answered for one in past), [one.took for one in past]
    return Day(
        date,
        answered=answered,
        refused=len(past) - answered,
        up=sum(one.up for one in past),
        down=sum(one.down for one in past),
        p50=percentile(took, 50),
        p95=percentile(took, 95),
    )


def _date(at: float, zone: dt.tzinfo | None) -> dt.date:
    return dt.datetime.fromtimestamp(at, zone).date()  # no zone: that of this machine
