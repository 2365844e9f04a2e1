"""Calibrating: a judge is fitted to what it sees of questions, says what that costs, and is used from then on."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from bot import cli
from index.asking.judge import FILE, NAMES, Judge, shipped
from index.errors import SourceError
from index.library import Library
from index.quality import risk
from index.quality.calibrate import FEWEST, Sample, calibrate


def made(count: int, *, answerable: bool, seed: int, apart: float = 0.35) -> list[Sample]:
    """Return samples of five sentences; in an answerable question one of them stands out by `apart`."""
    draw, found = np.random.default_rng(seed), []
    for _ in range(count):
        rows = draw.normal(0.4, 0.12, size=(5, len(NAMES)))
        right = np.zeros(5, dtype=bool)
        if answerable:
            right[draw.integers(5)] = True
            rows[right] += apart
        found.append(Sample(rows, right, answerable))
    return found


def test_a_judge_tells_apart_what_can_be_told_apart_and_refuses_the_share_it_is_asked_to() -> None:
    fitted = calibrate([[*made(150, answerable=True, seed=1), *made(150, answerable=False, seed=2)]], fitted="made")
    outcomes = fitted.outcomes[0]
    assert risk.separation(outcomes) > 0.95
    for caution in (0.5, 0.8, 0.95):
        refused, lost = risk.refused(outcomes, threshold=fitted.judge.threshold(caution))
        assert caution - 0.01 <= refused <= caution + 0.05
        assert lost < 0.1
    assert not any(o.right for o in outcomes if not o.answerable)
    assert np.mean([o.right for o in outcomes if o.answerable]) > 0.9
    mean = np.mean([o.probability for o in outcomes])
    assert mean == pytest.approx(0.5, abs=0.05)  # a probability: as many are answerable as it says


def test_an_answer_is_right_only_where_its_best_sentence_is() -> None:
    blind = calibrate([[*made(200, answerable=True, seed=7, apart=0), *made(200, answerable=False, seed=8)]], fitted="")
    right = [o.right for o in blind.outcomes[0] if o.answerable]
    assert np.mean(right) == pytest.approx(1 / 5, abs=0.1)  # one of five sentences, none of which stands out


def test_each_set_counts_the_same_however_many_questions_it_has() -> None:
    small = [*made(30, answerable=True, seed=3), *made(30, answerable=False, seed=4)]
    large = [*made(300, answerable=True, seed=5, apart=0.1), *made(300, answerable=False, seed=6)]
    both = calibrate([small, large], fitted="both")
    caution = 0.8
    shares = [risk.refused(some, threshold=both.judge.threshold(caution))[0] for some in both.outcomes]
    assert np.mean(shares) == pytest.approx(caution, abs=0.03)


def test_too_few_questions_of_a_sort_are_refused_with_their_number() -> None:
    with pytest.raises(SourceError, match=f"{FEWEST - 1} questions that they do not answer"):
        calibrate([[*made(40, answerable=True, seed=1), *made(FEWEST - 1, answerable=False, seed=2)]], fitted="few")


def test_a_library_is_calibrated_on_the_command_line_and_judges_by_that(
    make_library: Callable[..., Library],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    places = [f"Ort{n}" for n in range(24)]
    (tmp_path / "articles").mkdir()
    for n, place in enumerate(places):
        (tmp_path / "articles" / f"{place}.txt").write_text(
            f"News of {place}\n\nThe old mill of {place} was built in {1700 + n}. Its wheel is made of oak."
        )
    lines = [
        {
            "id": place,
            "question": f"When was the old mill of {place} built?",
            "answers": [str(1700 + n)],
            "evidence": [{"doc_id": f"{place}.txt", "quote": f"The old mill of {place} was built in {1700 + n}."}],
            "answerable": True,
        }
        for n, place in enumerate(places)
    ]
    lines += [
        {
            "id": f"no-{place}",
            "question": f"Who paints the boats of {place}?",
            "answers": [],
            "evidence": [],
            "answerable": False,
        }
        for place in places
    ]
    (tmp_path / "queries.jsonl").write_text("\n".join(json.dumps(line) for line in lines))
    library = make_library()
    library.index(tmp_path / "articles", agreed=True)
    monkeypatch.setattr(cli, "_library", lambda _: library)
    assert cli.main(["calibrate", str(tmp_path), "--data", str(library.data)]) == 0
    said = capsys.readouterr().out
    assert "48 questions" in said
    assert FILE in said
    own = Judge.model_validate_json((library.data / FILE).read_bytes())
    assert own != shipped()
    assert "48 questions" in own.fitted
