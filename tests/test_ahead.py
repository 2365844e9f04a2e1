"""Steps are done in their order, whenever what they wait for is there, and no more waits than there is room for."""

import random
import threading
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from index.building.ahead import MOST, Ahead
from index.errors import Cancelled
from index.library import never
from index.records import Article, ArticleId


def article(length: int = 1) -> Article:
    return Article(ArticleId("a"), "a", "x" * length)


def test_steps_are_done_in_order_however_long_each_takes() -> None:
    done: list[int] = []
    draw = random.Random(1)

    def make() -> Article:
        threading.Event().wait(draw.random() / 500)
        return article()

    with ThreadPoolExecutor(4) as threads:
        ahead = Ahead(readers=4, room=1_000, stop=never)
        for number in range(300):
            waits = threads.submit(make) if draw.random() < 0.5 else None
            ahead.put(lambda number=number: done.append(number), article=waits, size=1)  # type: ignore[misc]
        ahead.finish()
    assert done == list(range(300))


def test_what_waits_for_nothing_is_done_at_once() -> None:
    done: list[int] = []
    ahead = Ahead(readers=2, room=0, stop=never)
    ahead.put(lambda: done.append(1))
    assert done == [1]


def waiting(ahead: Ahead, done: list[int], sizes: list[int]) -> list[Future[Article]]:
    """Put steps whose articles are never made, until one has to be waited for."""
    futures: list[Future[Article]] = []
    for number, size in enumerate(sizes):
        futures.append(Future())
        ahead.put(lambda number=number: done.append(number), article=futures[-1], size=size)  # type: ignore[misc]
    return futures


def stopping(after: int) -> Ahead:
    """Return steps that are stopped at the first look after so many."""
    looks = iter(range(10_000))
    return Ahead(readers=2, room=100, stop=lambda: next(looks) >= after)


def test_no_more_is_held_than_there_is_room_for_but_each_reader_has_its_file() -> None:
    with pytest.raises(Cancelled):
        waiting(stopping(after=4), [], [40, 40, 40, 40])
    assert len(waiting(stopping(after=2), [], [90, 90])) == 2
    with pytest.raises(Cancelled):
        waiting(stopping(after=3), [], [90, 90, 90])


def test_a_text_that_became_larger_than_its_file_counts_as_what_it_is() -> None:
    done: list[int] = []
    ahead = stopping(after=4)
    futures = waiting(ahead, done, [1, 1, 1])
    futures[1].set_result(article(1_000))
    with pytest.raises(Cancelled):
        waiting(ahead, done, [1])
    assert not done


def test_one_slow_file_holds_up_a_bounded_number_of_steps() -> None:
    done: list[int] = []
    ahead = Ahead(readers=2, room=10**9, stop=lambda: len(done) == 0 and blocked)
    blocked = False
    waiting(ahead, done, [1])
    for number in range(MOST - 1):
        ahead.put(lambda number=number: done.append(number))  # type: ignore[misc]
    assert not done
    blocked = True
    with pytest.raises(Cancelled):
        ahead.put(lambda: done.append(0))


def test_a_failed_file_is_told_in_its_turn() -> None:
    ahead = Ahead(readers=2, room=10, stop=never)
    first, second = Future[Article](), Future[Article]()
    told: list[object] = []
    ahead.put(lambda: told.append(first.result()), article=first, size=1)
    ahead.put(lambda: told.append(second.exception()), article=second, size=1)
    error = ValueError("broken")
    second.set_exception(error)
    assert not told
    first.set_result(article())
    ahead.finish()
    assert told == [article(), error]
