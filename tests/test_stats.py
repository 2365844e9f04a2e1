"""Counting what the journal says: days of a time zone, opinions, times."""

import datetime as dt
import math
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.desk import stats
from bot.store.journal import Past, Reason

BERLIN = ZoneInfo("Europe/Berlin")
NOON = dt.datetime(2026, 10, 26, 12, tzinfo=BERLIN).timestamp()
"""The day after the clocks were put back."""


def past(at: str, *, took: float = 1.0, answered: bool = True, up: int = 0, down: int = 0) -> Past:
    asked = dt.datetime.fromisoformat(at).replace(tzinfo=BERLIN).timestamp()
    return Past(at, asked, took, answered, "What?", up, down, (Reason.OUTDATED,) * down)


def test_a_day_is_one_of_the_time_zone_also_when_the_clocks_are_changed() -> None:
    asked = [
        past("2026-10-23 23:59:59"),
        past("2026-10-24 00:00:01"),
        past("2026-10-24 23:59", answered=False),
        past("2026-10-25 23:59"),
        past("2026-10-26 00:00"),
        past("2026-10-26 11:00", up=2, down=1),
    ]
    counted = stats.count(asked, days=3, now=NOON, zone=BERLIN)
    assert [day.date.day for day in counted.days] == [24, 25, 26]
    assert [(day.answered, day.refused, day.up, day.down) for day in counted.days] == [
        (1, 1, 0, 0),
        (1, 0, 0, 0),
        (2, 0, 2, 1),
    ]
    assert (counted.questions, counted.answered, counted.refused, counted.up, counted.down) == (5, 4, 1, 2, 1)
    assert counted.busiest.date.day == 24


@pytest.mark.parametrize("days", [1, 2, 3, 30, 366])
def test_the_days_begin_at_a_midnight_and_hold_all_that_is_counted(days: int) -> None:
    start = stats.begin(days, now=NOON, zone=BERLIN)
    begun = dt.datetime.fromtimestamp(start, BERLIN)
    assert (begun.hour, begun.minute, begun.second) == (0, 0, 0)
    first, before = Past("a", start, 1, True, "", 0, 0), Past("b", start - 1, 1, True, "", 0, 0)  # noqa: FBT003
    counted = stats.count([before, first], days=days, now=NOON, zone=BERLIN)
    assert (counted.questions, counted.days[0].answered, len(counted.days)) == (1, 1, days)
    assert begun.date() == counted.days[0].date


def test_without_a_time_zone_it_is_that_of_the_machine() -> None:
    today = dt.datetime.now().astimezone()
    assert stats.count([], days=2, now=today.timestamp()).days[-1].date == today.date()
    assert dt.datetime.fromtimestamp(stats.begin(1, now=today.timestamp())).astimezone().date() == today.date()


def test_an_answer_that_was_never_sent_took_no_time() -> None:
    asked = [past("2026-10-26 10:00", took=0.0), past("2026-10-26 10:00", took=4.0), past("2026-10-25 10:00", took=0.0)]
    counted = stats.count(asked, days=2, now=NOON, zone=BERLIN)
    assert (counted.p50, counted.p95, counted.days[1].p50) == (4.0, 4.0, 4.0)
    assert math.isnan(counted.days[0].p50)
    assert math.isnan(stats.count([], days=1, now=NOON, zone=BERLIN).p95)


@given(st.lists(st.floats(0.001, 1_000), min_size=1), st.integers(1, 100))
def test_a_percentile_is_the_smallest_of_the_times_that_so_many_do_not_exceed(
    seconds: list[float], percent: int
) -> None:
    found = stats.percentile(seconds, percent)
    within = lambda limit: sum(one <= limit for one in seconds) * 100 >= percent * len(seconds)  # noqa: E731
    assert found == min(filter(within, seconds))
