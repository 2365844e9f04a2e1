"""Refusing: thresholds refuse the share they were asked for, and the curve counts what is wrong."""

import math

import hypothesis.strategies as st
import pytest
from hypothesis import given

from index.quality import risk
from index.quality.risk import Outcome

CASES = st.lists(st.builds(Outcome, st.floats(0, 1), st.booleans(), st.booleans()), min_size=1, max_size=40)


@given(CASES, st.floats(0, 1))
def test_a_threshold_refuses_at_least_the_share_it_was_asked_for_and_no_more_than_it_must(
    outcomes: list[Outcome], caution: float
) -> None:
    chosen = risk.threshold(outcomes, caution=caution)
    share, _ = risk.refused(outcomes, threshold=chosen)
    unanswerable = [o.probability for o in outcomes if not o.answerable]
    if not unanswerable:
        assert math.isnan(chosen)
        return
    assert share >= caution - 1e-9
    lower = max((p for p in unanswerable if p < chosen), default=0.0)
    assert caution < 1e-9 or risk.refused(outcomes, threshold=lower)[0] < caution


def test_thresholds_rise_with_caution() -> None:
    outcomes = [Outcome(n / 20, answerable=n % 3 == 0, right=n % 6 == 0) for n in range(20)]
    thresholds = [risk.threshold(outcomes, caution=caution / 10) for caution in range(11)]
    assert thresholds == sorted(thresholds)
    assert thresholds[0] == 0.0


def test_the_curve_counts_wrong_answers_among_the_surest() -> None:
    outcomes = [Outcome(0.9, answerable=True, right=True), Outcome(0.4, answerable=False, right=False)]
    outcomes += [Outcome(0.6, answerable=True, right=False), Outcome(0.2, answerable=True, right=True)]
    coverage, wrong = risk.curve(outcomes)
    assert coverage.tolist() == [0.25, 0.5, 0.75, 1.0]
    assert wrong.tolist() == pytest.approx([0, 1 / 2, 2 / 3, 1 / 2])
    assert [risk.at(outcomes, coverage=share) for share in (0.0, 0.5, 1.0)] == pytest.approx([0, 1 / 2, 1 / 2])
    assert math.isnan(risk.at([], coverage=0.5))
    assert risk.area(outcomes) == pytest.approx((0 + 1 / 2 + 2 / 3 + 1 / 2) / 4)


def test_auroc_is_the_chance_to_be_told_apart() -> None:
    assert risk.auroc([0.9, 0.8], [0.1]) == 1.0
    assert risk.auroc([0.5], [0.5]) == 0.5
    assert math.isnan(risk.auroc([], [0.5]))
