"""The judge: probabilities that rise with evidence, thresholds that rise with caution, numbers that are plain data."""

import json
from itertools import pairwise
from pathlib import Path

import hypothesis.strategies as st
import pytest
from hypothesis import given

from index.asking.judge import FILE, NAMES, Features, judge_of, log_odds, share, shipped
from index.errors import Damaged

PARTS = st.builds(Features, *[st.floats(0, 1) for _ in NAMES])


@given(PARTS, st.sampled_from(NAMES), st.floats(0, 0.5))
def test_more_of_anything_never_makes_a_sentence_less_probable(features: Features, name: str, more: float) -> None:
    values = {each: getattr(features, each) for each in NAMES}
    judge = shipped()
    raised = Features(**{**values, name: values[name] + more})
    assert 0 < judge.sentence(features) <= judge.sentence(raised) < 1


@given(st.lists(st.floats(0.001, 0.999), min_size=1, max_size=9), st.floats(0, 1))
def test_an_answer_is_refused_exactly_where_its_best_sentence_is(sentences: list[float], caution: float) -> None:
    judge = shipped()
    answer, best = judge.answer(sentences), max(sentences)
    assert answer == judge.answer([best])
    threshold, least = judge.threshold(caution), judge.least(caution)
    if abs(log_odds(best) - log_odds(least)) > 1e-6:
        assert (answer < threshold) == (best < least)


def test_no_sentence_is_no_answer() -> None:
    assert shipped().answer([]) == 0.0


def test_thresholds_rise_with_caution_and_lie_between_those_that_were_fitted() -> None:
    judge = shipped()
    every = [judge.threshold(caution / 100) for caution in range(101)]
    assert all(one <= other for one, other in pairwise(every))
    for caution, threshold in judge.thresholds:
        assert judge.threshold(caution) == pytest.approx(threshold)


def test_a_library_has_a_judge_of_its_own_once_it_was_calibrated(tmp_path: Path) -> None:
    assert judge_of(tmp_path) == shipped()
    own = shipped().model_copy(update={"offset": 0.25, "fitted": "two questions"})
    own.write(tmp_path / FILE)
    assert judge_of(tmp_path) == own


def test_a_calibration_of_another_version_is_not_used_and_that_is_logged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / FILE).write_text(json.dumps({**shipped().model_dump(), "weights": {"luck": 1.0}}))
    assert judge_of(tmp_path) == shipped()
    assert "footnote calibrate" in caplog.text


@pytest.mark.parametrize("harm", ["{", "[]", '{"bias": 1}'])
def test_a_calibration_that_cannot_be_used_is_one_sentence_with_the_remedy(tmp_path: Path, harm: str) -> None:
    (tmp_path / FILE).write_text(harm)
    with pytest.raises(Damaged, match="calibrate") as caught:
        judge_of(tmp_path)
    assert "\n" not in str(caught.value)


def test_a_share_of_no_words_is_none() -> None:
    assert share({}, frozenset({"a"})) == 0.0
    assert share({"a": 1.0, "b": 3.0}, frozenset({"b"})) == 0.75
