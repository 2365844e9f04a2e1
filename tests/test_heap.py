"""What was freed between what is kept goes back to the system, and a bot that lives does so by itself."""

import platform
import threading
from collections.abc import Callable

import psutil
import pytest

from bot import heap
from index.library import Library
from tests.botapi import BotApi
from tests.conftest import GUEST, WHEN, Serve, answered, until

MB = 1_000_000
SCATTERED = 80 * MB
PIECE = 1_500
"""Bytes: too many for Python's own pools, so they come from the C library; few enough to share its pages."""


def resident() -> int:
    return int(psutil.Process().memory_info().rss)


def in_a_thread(work: Callable[[], None]) -> None:
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc keeps what was freed in arenas")
def test_what_lies_free_between_what_is_kept_is_given_back() -> None:
    kept: list[bytes] = []

    def scatter() -> None:
        pieces = [bytes(PIECE) for _ in range(SCATTERED // PIECE)]
        kept.extend(pieces[::100])

    in_a_thread(scatter)
    scattered = resident()
    assert heap.trim()
    assert scattered - resident() > SCATTERED / 4, "the pages between what is kept are the system's again"
    assert all(piece == bytes(PIECE) for piece in kept)


def test_a_bot_gives_it_back_by_itself_while_it_answers(
    api: BotApi, serve: Serve, shared: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    trimmed, trim = list[bool](), heap.trim
    monkeypatch.setattr("bot.lifecycle.TRIM", 0.05)
    monkeypatch.setattr(heap, "trim", lambda: trimmed.append(trim()))
    with serve(shared):
        until(lambda: len(trimmed) > 2)
        assert "1987" in answered(api.person(GUEST, "Anna"), WHEN).text
