"""Gives memory that nothing uses any more back to the system, where the C library would keep it. Knows no bot."""

import ctypes

_TRIM = getattr(ctypes.CDLL(None), "malloc_trim", None)
"""Only glibc has it, and only glibc needs it: what each thread freed stays in that thread's arena otherwise."""


def trim() -> bool:
    """Give back all free pages of the heap; return whether there were any.

    Other threads wait for memory meanwhile, some milliseconds, so it is nothing to do for every question.
    """
    return bool(_TRIM and _TRIM(0))
