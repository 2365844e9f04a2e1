"""Keeps the C library from holding on to memory that nothing uses any more. Knows no bot."""

import ctypes

ARENAS = 2
"""Heaps that threads share: glibc gives each of some fifteen threads one of its own, and each keeps what it freed."""

KEPT = 128 * 1024
"""Bytes at the end of a heap that are kept, and from which a piece is got from the system by itself: glibc's own
numbers at the start of a process, which it raises to as much as 64 MB while it runs unless they are set."""

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8  # malloc.h


def bound() -> bool:
    """Let this process keep little of what it frees; return whether that could be set, which only glibc can.

    For a process that lives long, before its threads begin: those that have a heap keep it.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return False
    wanted = {_M_ARENA_MAX: ARENAS, _M_TRIM_THRESHOLD: KEPT, _M_MMAP_THRESHOLD: KEPT}
    return all(mallopt(option, value) == 1 for option, value in wanted.items())
