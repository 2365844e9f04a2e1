"""Decide which segments a revision has: one large base and few small ones behind it. Pure.

A log-structured merge, as in "The Log-Structured Merge-Tree" (O'Neil et al. 1996): what is new goes into a small last
segment, which alone is made again; the small ones are merged when they become many, and all of them when what lies
outside of the base, or is dead in it, is too large a share of it.
"""

from collections.abc import Sequence

from index.records import Facts

TAIL = 1_000
"""Passages up to which the last segment is made again instead of a further one behind it: half a second."""

DIRECT = 4_000
"""Passages up to which all are merged at once instead of after a small segment was published: about a second."""

MOST = 3
"""Segments that a question asks at most, but for the moment between publishing and merging; each takes 1 to 2 ms."""


def staying(segments: Sequence[Facts], *, fresh: int) -> Sequence[Facts]:
    """Return the segments that stay when `fresh` passages come; a new one holds these and what the others held."""
    if len(segments) > 1 and segments[-1].passages + fresh <= TAIL:
        return segments[:-1]
    return segments


def merging(segments: Sequence[Facts], *, dead: int, share: float) -> Sequence[Facts] | None:
    """Return the segments that stay when the others are merged into one now; None where nothing need be merged.

    `dead` is how many passages of all segments are dead; `share` how much of the base may lie outside of it or be dead.
    """
    if not segments:
        return None
    base, *rest = segments
    outside = sum(segment.passages for segment in rest) + dead
    if outside > share * base.passages:
        return []
    return [base] if len(segments) > MOST else None
