"""A bot that lives long keeps little of the memory that it frees."""

import platform
import re
import subprocess
import sys

import pytest

from bot.running import heap

ARENAS = """
import ctypes, sys, threading
from bot.running import heap
if sys.argv[1] == "bound":
    assert heap.bound()
held, all_there = [], threading.Barrier(9)
def hold():
    held.append(bytearray(5_000))
    all_there.wait(30)
threads = [threading.Thread(target=hold) for _ in range(8)]
for thread in threads:
    thread.start()
all_there.wait(30)
libc = ctypes.CDLL(None)
libc.fdopen.restype = ctypes.c_void_p
libc.malloc_info(0, ctypes.c_void_p(libc.fdopen(1, b"w")))
libc.fflush(None)
"""
"""Eight threads that hold memory at the same time, and what glibc says of its heaps."""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc gives threads heaps of their own")
def test_threads_share_few_heaps_once_that_is_bound() -> None:
    assert _heaps("bound") <= heap.ARENAS < _heaps("free")


def _heaps(how: str) -> int:
    said = subprocess.run([sys.executable, "-c", ARENAS, how], capture_output=True, text=True, check=True).stdout
    return len(re.findall(r"<heap nr=", said))
