"""Fit a judge to questions whose answers are known: for another model or collection, and the one that is shipped.

Every figure comes from questions that a fold's fit has not seen; what is returned is fitted to all of them.
"""

from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from index.asking.judge import NAMES, Judge, logistic
from index.errors import SourceError
from index.library import Library
from index.progress import Meter, Watch
from index.quality import risk
from index.quality.evaluate import Question, agree, holds
from index.quality.risk import Outcome

FOLDS = 5

CAUTIONS = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99)
"""Shares of the unanswerable questions for which a threshold is noted; a judge interpolates between them."""

FEWEST = 20
"""Answerable and unanswerable questions, each, without which a threshold means nothing: 20 place it within 0.1."""


@dataclass(frozen=True, slots=True)
class Sample:
    """What the judge saw of one question: a row of features for each sentence, and which of these answer it."""

    rows: NDArray[np.float64]
    right: NDArray[np.bool_]
    answerable: bool


@dataclass(frozen=True, slots=True)
class Calibration:
    """A judge, and how it did on questions that it was not fitted to, in sets as they were given."""

    judge: Judge
    outcomes: tuple[tuple[Outcome, ...], ...]


class _Best(NamedTuple):
    """The likeliest sentence of a question: its log-odds, whether there is an answer, and whether this is one."""

    odds: float
    answerable: bool
    right: bool


def samples(library: Library, asked: Sequence[Question], *, watch: Watch) -> Iterator[Sample]:
    """Yield what the judge sees of each question of a set; questions that name no evidence to look for are left out."""
    meter = Meter("asking", len(asked), watch)
    for question in asked:
        seen = [] if question.answerable and not _known(question) else library.judged(question.text, question.history)
        if seen:
            yield Sample(
                np.array([astuple(candidate.features) for candidate in seen], dtype=np.float64),
                np.array([_answers(question, c.sentence.hit.passage.article.id, c.sentence.text) for c in seen]),
                question.answerable,
            )
        meter.tick()


def calibrate(sets: Sequence[Sequence[Sample]], *, fitted: str) -> Calibration:
    """Fit a judge to sets of samples, each set counting the same. `fitted` says in words what they are.

    Raises:
        SourceError: there are too few questions, or too few of one sort.
    """
    every = [sample for some in sets for sample in some]
    for answerable, words in ((True, "that the articles answer"), (False, "that they do not answer")):
        found = sum(sample.answerable is answerable for sample in every)
        if found < FEWEST:
            message = f"There are {found} questions {words}, and at least {FEWEST} are needed to calibrate."
            raise SourceError(message)
    folds = [[(at % FOLDS, sample) for at, sample in enumerate(some)] for some in sets]
    held_out: list[list[_Best]] = [[] for _ in sets]
    for fold in range(FOLDS):
        bias, weights = _sentences([[sample for at, sample in some if at != fold] for some in folds])
        for kept, some in zip(held_out, folds, strict=True):
            kept += [_best(sample, bias, weights) for at, sample in some if at == fold]
    slope, offset = _platt(held_out)
    outcomes = tuple(tuple(_outcome(best, slope, offset) for best in some) for some in held_out)
    bias, weights = _sentences(sets)
    judge = Judge(
        bias=_short(bias),
        weights={name: _short(weight) for name, weight in zip(NAMES, weights, strict=True)},
        slope=_short(slope),
        offset=_short(offset),
        thresholds=_thresholds(outcomes),
        fitted=fitted,
    )
    return Calibration(judge, outcomes)


def summary(outcomes: Sequence[Outcome]) -> str:
    """Say in a line how well questions are told apart, and what refusing most of the unanswerable ones costs."""
    parts = []
    for caution in (0.6, 0.8, 0.95):
        lost = risk.refused(outcomes, threshold=risk.threshold(outcomes, caution=caution))[1]
        parts.append(f"{caution:.0%} of the unanswerable refused: {lost:.0%} of the answerable, too")
    return f"{len(outcomes)} questions, AUROC {risk.separation(outcomes):.3f}; " + "; ".join(parts)


def _known(question: Question) -> bool:
    return any(quote for _, quote in question.quotes) or any(question.answers)


def _answers(question: Question, article: str, sentence: str) -> bool:
    """Whether a sentence is evidence for a question, or holds a gold answer in a relevant article."""
    if not question.answerable:
        return False
    if any(agree((article, sentence), quote) for quote in question.quotes if quote[1]):
        return True
    return article in question.relevant and holds(sentence, question)


def _sentences(sets: Sequence[Sequence[Sample]]) -> tuple[float, NDArray[np.float64]]:
    """Fit the log-odds that a sentence answers, each set of questions weighing the same."""
    rows = np.concatenate([sample.rows for some in sets for sample in some])
    right = np.concatenate([sample.right for some in sets for sample in some])
    each = [np.full(n, 1.0 / n) for some in sets if (n := sum(len(sample.rows) for sample in some))]
    return _logistic_regression(rows, right, np.concatenate(each))


def _platt(held_out: Sequence[Sequence[_Best]]) -> tuple[float, float]:
    """Fit the log-odds that a question is answered to those of its best sentence, each set weighing the same."""
    rows = np.array([[best.odds] for some in held_out for best in some])
    answered = np.array([best.answerable for some in held_out for best in some])
    each = np.concatenate([np.full(len(some), 1.0 / len(some)) for some in held_out if some])
    offset, (slope,) = _logistic_regression(rows, answered, each)
    return max(slope, 1e-3), offset  # a surer sentence never makes a less sure answer


def _logistic_regression(
    rows: NDArray[np.float64], right: NDArray[np.bool_], weights: NDArray[np.float64]
) -> tuple[float, NDArray[np.float64]]:
    from sklearn.linear_model import LogisticRegression  # noqa: PLC0415  takes a second; only calibration needs it

    make: Any = LogisticRegression
    model = make(C=10.0, max_iter=2_000).fit(rows, right, sample_weight=weights * len(weights) / weights.sum())
    return float(model.intercept_[0]), np.asarray(model.coef_[0], dtype=np.float64)


def _best(sample: Sample, bias: float, weights: NDArray[np.float64]) -> _Best:
    odds = sample.rows @ weights + bias
    at = int(odds.argmax())
    return _Best(float(odds[at]), sample.answerable, bool(sample.right[at]))


def _outcome(best: _Best, slope: float, offset: float) -> Outcome:
    return Outcome(logistic(slope * best.odds + offset), best.answerable, best.right)


def _thresholds(sets: Sequence[Sequence[Outcome]]) -> tuple[tuple[float, float], ...]:
    return tuple((caution, _short(risk.threshold(*sets, caution=caution))) for caution in CAUTIONS)


def _short(value: float) -> float:
    """Round to what can be read; a probability near 0 keeps its first figures."""
    return float(f"{value:.6g}")
