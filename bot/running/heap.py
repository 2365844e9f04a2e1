"""Keeps the C library from holding on to memory that nothing uses any more, and tells how much it has. Knows no bot."""

import contextlib
import ctypes
import os
import resource
import sys
from pathlib import Path

ARENAS = 2
"""Heaps that threads share: glibc gives each of some fifteen threads one of its own, and each keeps what it freed."""

KEPT, ALONE = 2 * 1024**2, 1024**2
"""Bytes at the end of a heap that are kept, and from which a piece is got from the system by itself.

glibc begins with 128 kB of each, and raises them to as much as 64 MB while the process runs unless they are set. With
128 kB for good, a crowd was answered 5 % more slowly: memory went back to the system and forth with every question.
"""

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8  # malloc.h


def bound() -> bool:
    """Let this process keep little of what it frees; return whether that could be set, which only glibc can.

    For a process that lives long, before its threads begin: those that have a heap keep it.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return False
    wanted = {_M_ARENA_MAX: ARENAS, _M_TRIM_THRESHOLD: KEPT, _M_MMAP_THRESHOLD: ALONE}
    return all(mallopt(option, value) == 1 for option, value in wanted.items())


def resident() -> int:
    """Return the bytes of memory that this process has; where there is no /proc, the most that it ever had."""
    with contextlib.suppress(OSError):
        return int(Path("/proc/self/statm").read_text("ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1_024  # getrusage(2): bytes there, kilobytes elsewhere
