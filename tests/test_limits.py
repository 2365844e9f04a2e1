"""Incoming limits: a bucket for each person, one line for each chat."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.receiving import limits
from bot.receiving.limits import BETWEEN_LINES, Limits
from config import Delivery


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_person_may_ask_a_burst_and_then_so_many_a_minute_and_others_are_not_touched() -> None:
    clock = Clock()
    bucket = Limits(Delivery(burst=3, per_minute=6), now=clock)
    assert [bucket.allows(1) for _ in range(4)] == [True, True, True, False]
    assert bucket.allows(2)
    clock.now += 10.0  # six a minute are one in ten seconds
    assert [bucket.allows(1) for _ in range(2)] == [True, False]
    clock.now += 3_600.0
    assert [bucket.allows(1) for _ in range(4)] == [True, True, True, False]


@given(st.lists(st.floats(0, 30), max_size=60), st.integers(1, 5), st.integers(1, 60))
def test_nobody_gets_more_than_the_bucket_holds_and_the_minutes_bring(
    waits: list[float], burst: int, rate: int
) -> None:
    clock = Clock()
    bucket = Limits(Delivery(burst=burst, per_minute=rate), now=clock)
    allowed = 0
    for wait in waits:
        clock.now += wait
        allowed += bucket.allows(1)
    assert allowed <= burst + clock.now * rate / 60 + 1e-6


def test_a_chat_is_told_once_in_a_while() -> None:
    clock = Clock()
    bucket = Limits(Delivery(), now=clock)
    assert [bucket.may_tell(1), bucket.may_tell(1), bucket.may_tell(2)] == [True, False, True]
    clock.now += BETWEEN_LINES
    assert bucket.may_tell(1)


def test_it_remembers_a_bounded_number_of_people(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "REMEMBERED", 10)
    bucket = Limits(Delivery())
    for person in range(100):
        assert bucket.allows(person)
        assert bucket.may_tell(person)
    assert len(bucket._buckets) == len(bucket._told) == 10
