"""Fusion: what two channels say becomes one order."""

from hypothesis import given
from hypothesis import strategies as st

from index.asking.fuse import fuse

SCORES = st.dictionaries(st.integers(0, 30), st.floats(-1, 1), max_size=20)
BM25 = st.dictionaries(st.integers(0, 30), st.floats(0, 50), max_size=20)


@given(dense=SCORES, lexical=BM25, weight=st.floats(0, 1))
def test_every_candidate_comes_out_once_best_first(
    dense: dict[int, float], lexical: dict[int, float], weight: float
) -> None:
    fused = fuse(dense, lexical, lexical_weight=weight)
    assert sorted(key for key, _ in fused) == sorted({**dense, **lexical})
    assert [score for _, score in fused] == sorted((score for _, score in fused), reverse=True)


def test_a_candidate_that_one_channel_did_not_see_is_not_scored_as_zero_there() -> None:
    fused = dict(fuse({1: 0.8, 2: 0.6}, {1: 1.0, 3: 10.0}, lexical_weight=0.5))
    assert fused[3] == 0.5 * 0.6 + 0.5 * 1.0
    assert fused[3] > fused[1] > fused[2]


def test_the_weight_moves_between_the_channels() -> None:
    dense, lexical = {1: 0.9, 2: 0.1}, {1: 1.0, 2: 9.0}
    assert fuse(dense, lexical, lexical_weight=0.0)[0][0] == 1
    assert fuse(dense, lexical, lexical_weight=1.0)[0][0] == 2


def test_nothing_fused_is_nothing() -> None:
    assert fuse({}, {}, lexical_weight=0.5) == []
