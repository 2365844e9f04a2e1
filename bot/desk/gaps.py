"""What the articles do not answer, or not well: questions that were refused or disliked, grouped by meaning. Pure.

Knows nobody's name or id; a question is somebody's own words all the same.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from bot.store.journal import Past, Reason

MOST = 2_000
"""Questions that are grouped, the newest: that takes two seconds."""

PAGE = 5
"""Groups on a page: about a phone's screen."""


@dataclass(frozen=True, slots=True)
class Gap:
    """Questions that mean the same: one of them, how many there are, how many were refused, 👎 by reason."""

    example: str
    questions: int
    refused: int
    disliked: Mapping[Reason, int]


def wanting(past: Sequence[Past]) -> list[Past]:
    """Return the newest of the questions that were refused or whose answer somebody disliked, oldest first."""
    return [one for one in past if not one.answered or one.down][-MOST:]


def gather(past: Sequence[Past], groups: Iterable[Sequence[int]]) -> list[Gap]:
    """Return the gaps, the one with the most questions first, then the one asked last; `groups` are indices."""
    found = sorted(groups, key=lambda group: (-len(group), -max(group)))
    return [_gap([past[index] for index in group]) for group in found]


def _gap(past: Sequence[Past]) -> Gap:
    wordings = Counter(one.question for one in reversed(past))  # of those used equally often, the newest
    reasons = Counter(reason for one in past for reason in one.reasons)
    return Gap(
        example=wordings.most_common(1)[0][0],
        questions=len(past),
        refused=sum(not one.answered for one in past),
        disliked={reason: reasons[reason] for reason in Reason if reasons[reason]},
    )
