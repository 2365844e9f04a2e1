"""What was read is held as long as it is small enough."""

import threading

from index.stories.held import Held


def test_what_was_asked_for_last_is_held_and_what_is_heavy_is_let_go() -> None:
    read: list[int] = []
    held = Held(lambda row: read.append(row) or "x" * row, weight=len, most=100)
    assert [len(held(row)) for row in (30, 40, 30, 50, 30, 40)] == [30, 40, 30, 50, 30, 40]
    assert read == [30, 40, 50, 40]
    assert len(held(500)) == 500, "and one that is too heavy is given all the same"
    held(500)
    held(30)
    assert read[4:] == [500, 30]


def test_many_that_weigh_nothing_are_not_all_held() -> None:
    read: list[int] = []
    held = Held(lambda row: read.append(row) or "", weight=len, most=10)
    for row in (*range(100), 0):
        held(row)
    assert len(read) == 101


def test_threads_that_read_one_article_at_once_count_it_once() -> None:
    both = threading.Barrier(2)
    read: list[int] = []

    def slowly(row: int) -> str:
        read.append(row)
        if row == 1:
            both.wait(timeout=10)
        return "x" * 40

    held = Held(slowly, weight=len, most=100)
    threads = [threading.Thread(target=held, args=(1,)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    held(2)
    held(1)
    assert read == [1, 1, 2]
