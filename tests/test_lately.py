"""What was seen lately is remembered, and the oldest forgotten."""

from bot.running.lately import Lately


def test_it_holds_so_many_and_lets_go_of_the_one_that_came_first() -> None:
    seen = Lately[str, int](2)
    seen["a"] = 1
    assert seen.setdefault("b", 2) == seen.setdefault("b", 3) == 2
    seen["a"] = 4
    assert dict(seen) == {"a": 4, "b": 2}
    seen.setdefault("c", 5)
    assert dict(seen) == {"b": 2, "c": 5}
