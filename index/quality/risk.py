"""How well a probability tells questions that can be answered from those that cannot, and where to refuse. Pure.

Terms of selective prediction, as in "Selective Classification for Deep Neural Networks" (Geifman, El-Yaniv 2017):
coverage is the share of questions that is answered, risk the share of wrong ones among these.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one question: how sure the answer was, whether there is one, and whether it was right."""

    probability: float
    answerable: bool
    right: bool


def auroc(positive: Sequence[float], negative: Sequence[float]) -> float:
    """Return the chance that a positive scores above a negative, ties counting half (Mann-Whitney U / n·m)."""
    if not positive or not negative:
        return math.nan
    ordered = np.sort(np.asarray(negative))
    below = np.searchsorted(ordered, positive, side="left")
    not_above = np.searchsorted(ordered, positive, side="right")
    return float((below + not_above).sum() / 2 / (len(positive) * len(negative)))


def separation(outcomes: Sequence[Outcome]) -> float:
    """Return the AUROC with which the probabilities tell answerable questions from the others; NaN without both."""
    sure = {kind: [o.probability for o in outcomes if o.answerable is kind] for kind in (True, False)}
    return auroc(sure[True], sure[False])


def threshold(*sets: Sequence[Outcome], caution: float) -> float:
    """Return the least probability at which at least a share `caution` of the unanswerable questions is refused.

    Sets weigh alike however many questions they have. NaN where none is unanswerable. An answer is refused when its
    probability is below the threshold.
    """
    unanswerable = [found for some in sets if (found := [o.probability for o in some if not o.answerable])]
    if not unanswerable:
        return math.nan
    pairs = sorted((p, 1 / len(found) / len(unanswerable)) for found in unanswerable for p in found)
    probabilities, weights = np.array(pairs).T
    if caution <= _TOO_SMALL:
        return 0.0
    last = int(np.searchsorted(np.cumsum(weights), caution - _TOO_SMALL))
    return float(np.nextafter(probabilities[last], math.inf))


_TOO_SMALL = 1e-9
"""A share that is only an error of rounding."""


def refused(outcomes: Sequence[Outcome], *, threshold: float) -> tuple[float, float]:
    """Return the shares refused at a threshold of the unanswerable and of the answerable questions, NaN without any."""
    below = {kind: [o.probability < threshold for o in outcomes if o.answerable is kind] for kind in (False, True)}
    return _mean(below[False]), _mean(below[True])


def curve(outcomes: Sequence[Outcome]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return coverage and risk, shape (n,), when the n surest answers are given for each n from 1 to all."""
    surest = sorted(outcomes, key=lambda outcome: -outcome.probability)
    wrong = np.cumsum([not outcome.right for outcome in surest])
    given = np.arange(1, len(surest) + 1)
    return given / max(1, len(surest)), wrong / given


def at(outcomes: Sequence[Outcome], *, coverage: float) -> float:
    """Return the risk when this share of the questions, the surest, is answered; NaN without questions."""
    return float(curve(outcomes)[1][max(1, round(coverage * len(outcomes))) - 1]) if outcomes else math.nan


def area(outcomes: Sequence[Outcome]) -> float:
    """Return the area under the risk-coverage curve: the mean risk over all coverages; NaN without questions."""
    return float(curve(outcomes)[1].mean()) if outcomes else math.nan


def _mean(values: Sequence[bool]) -> float:
    return sum(values) / len(values) if values else math.nan
