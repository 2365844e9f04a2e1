"""The vectors of texts that are asked for again are kept, as many as there is room for."""

import threading
from collections.abc import Sequence

import numpy as np

from index.models.known import Known
from index.models.model import Vectors


class Model:
    """Tells what it was asked for. The vector of a text is its length and its first letter."""

    def __init__(self) -> None:
        """Was asked for nothing yet."""
        self.asked: list[list[str]] = []

    def __call__(self, texts: Sequence[str]) -> Vectors:
        """Return a vector of two numbers for each text."""
        self.asked.append(list(texts))
        return np.array([_vector(text) for text in texts], dtype=np.float32).reshape(len(texts), 2)


def _vector(text: str) -> tuple[int, int]:
    return len(text), ord(text[0])


def test_only_what_is_new_is_asked_for_and_every_text_has_its_own_vector() -> None:
    model = Model()
    known = Known(model)
    for texts in (["one", "two", "one"], ["three", "two"], ["two", "one"], ["four", "three", "two", "one"]):
        assert known(texts).tolist() == [list(map(float, _vector(text))) for text in texts]
    assert model.asked == [["one", "two"], ["three"], ["four"]]


def test_nothing_is_a_vector_of_no_text() -> None:
    assert Known(Model())([]).shape == (0, 2)


def test_what_was_not_asked_for_longest_makes_room() -> None:
    model = Model()
    known = Known(model, room=3 * 8)
    for text in ("a", "b", "c", "a", "d", "a", "c", "d", "b"):
        assert known([text]).tolist() == [list(map(float, _vector(text)))]
    assert model.asked == [["a"], ["b"], ["c"], ["d"], ["b"]]


def test_more_at_once_than_there_is_room_for_is_all_returned() -> None:
    for room in (0, 8, 3 * 8):
        known = Known(Model(), room=room)
        for _ in range(2):
            texts = ["a", "bb", "ccc", "dddd", "a", "eeeee"]
            assert known(texts).tolist() == [list(map(float, _vector(text))) for text in texts]


def test_a_vector_that_was_returned_does_not_change_when_its_place_is_given_away() -> None:
    known = Known(Model(), room=8)
    known(["a"])
    first = known(["a"])
    known(["bb"])
    assert first.tolist() == [[1.0, 97.0]]
    first[:] = 0
    assert known(["bb"]).tolist() == [[2.0, 98.0]]


def test_threads_that_ask_for_one_text_at_once_all_get_it_and_never_another() -> None:
    known = Known(Model(), room=5 * 8)
    wrong: list[str] = []

    def ask(seed: int) -> None:
        draw = np.random.default_rng(seed)
        for _ in range(2_000):
            texts = ["x" * int(length) for length in draw.integers(1, 12, size=3)]
            if known(texts)[:, 0].tolist() != [float(len(text)) for text in texts]:
                wrong.append(str(texts))

    threads = [threading.Thread(target=ask, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
