"""How often a host is asked."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from index.errors import SourceError
from index.web.courtesy import LONGEST_PAUSE, LONGEST_REST, Courtesy, in_words


class _Clock:
    """Time that passes only where somebody sleeps."""

    def __init__(self, pause: float = 2.0) -> None:
        self.now = 100.0
        self.slept: list[float] = []
        self.courtesy = Courtesy(pause, now=lambda: self.now, sleep=self._sleep)

    def _sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


def test_the_second_request_waits_and_another_host_does_not() -> None:
    clock = _Clock()
    for host in ("a", "b", "a", "a"):
        clock.courtesy.turn(host)
    assert clock.slept == [2.0, 2.0]
    clock.now += 5
    clock.courtesy.turn("a")
    assert clock.slept == [2.0, 2.0]


@pytest.mark.parametrize("delay,waits", [(1.0, 2.0), (10.0, 10.0), (9_999.0, LONGEST_PAUSE)])
def test_a_site_gets_the_time_it_wants_up_to_a_bound(delay: float, waits: float) -> None:
    clock = _Clock()
    clock.courtesy.turn("a", delay=delay)
    clock.courtesy.turn("a", delay=delay)
    assert clock.slept == [waits]


def test_threads_take_turns() -> None:
    slept: list[float] = []
    lock = threading.Lock()

    def sleep(seconds: float) -> None:
        with lock:
            slept.append(seconds)

    courtesy = Courtesy(2.0, now=lambda: 0.0, sleep=sleep)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: courtesy.turn("a"), range(8)))
    assert sorted(slept) == [2.0, 4.0, 6.0, 8.0, 10.0, 12.0, 14.0]


def test_a_host_at_rest_is_not_asked_until_it_is_over() -> None:
    clock = _Clock()
    clock.courtesy.rest("a", 90)
    with pytest.raises(SourceError, match=r"^cannot be fetched: a asked to be left alone; try again in 90 seconds$"):
        clock.courtesy.turn("a")
    clock.courtesy.turn("b")
    clock.now += 90
    clock.courtesy.turn("a")
    assert clock.slept == []


def test_whoever_waits_for_a_host_that_wants_rest_meanwhile_does_not_ask_it() -> None:
    now = [100.0]

    def sleep(seconds: float) -> None:
        courtesy.rest("a", 90)  # another thread hears it
        now[0] += seconds

    courtesy = Courtesy(2.0, now=lambda: now[0], sleep=sleep)
    courtesy.turn("a")
    with pytest.raises(SourceError, match=r"asked to be left alone; try again in 88 seconds$"):
        courtesy.turn("a")


def test_no_host_is_left_alone_for_ever() -> None:
    clock = _Clock()
    clock.courtesy.rest("a", 1e12)
    clock.now += LONGEST_REST
    clock.courtesy.turn("a")


def test_hosts_whose_time_is_over_are_forgotten() -> None:
    clock = _Clock()
    for number in range(25_000):
        clock.now += 0.001
        clock.courtesy.turn(str(number))
    assert len(clock.courtesy._next) <= 12_001


@pytest.mark.parametrize(
    "seconds,words",
    [
        (0.2, "1 second"),
        (1.0, "1 second"),
        (1.6, "2 seconds"),
        (90, "90 seconds"),
        (91, "2 minutes"),
        (600, "10 minutes"),
        (3600, "60 minutes"),
        (7200, "2 hours"),
        (86400, "24 hours"),
    ],
)
def test_a_time_is_said_as_people_say_it(seconds: float, words: str) -> None:
    assert in_words(seconds) == words
