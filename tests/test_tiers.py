"""Which segments stay and which are merged."""

from hypothesis import given
from hypothesis import strategies as st

from index.records import Facts
from index.segments.tiers import MOST, TAIL, merging, staying


def segments(*sizes: int) -> list[Facts]:
    return [Facts(str(at), 1, at, at + 1, size, size) for at, size in enumerate(sizes)]


def test_a_few_new_passages_make_the_small_last_segment_anew_and_leave_the_base_alone() -> None:
    assert [facts.passages for facts in staying(segments(100_000, 12), fresh=1)] == [100_000]
    assert [facts.passages for facts in staying(segments(100_000), fresh=1)] == [100_000]
    assert [facts.passages for facts in staying(segments(100_000, TAIL), fresh=1)] == [100_000, TAIL]


def test_what_has_become_many_is_merged_behind_the_base_and_what_has_become_large_into_it() -> None:
    assert merging(segments(100_000, 1_000, 500), dead=0, share=0.2) is None
    assert merging(segments(100_000, 1_000, 500, 20), dead=0, share=0.2) == segments(100_000)
    assert merging(segments(100_000, 15_000), dead=5_001, share=0.2) == []
    assert merging(segments(100), dead=0, share=0.0) is None
    assert merging([], dead=0, share=0.2) is None


@given(st.lists(st.integers(1, 3_000), max_size=300), st.integers(1, 5_000))
def test_however_it_grows_a_question_asks_few_segments_and_each_passage_is_moved_few_times(
    growth: list[int], first: int
) -> None:
    held, moved = segments(first), first
    for fresh in growth:
        kept = list(staying(held, fresh=fresh))
        tail = fresh + sum(facts.passages for facts in held[len(kept) :])
        held, moved = segments(*(facts.passages for facts in kept), tail), moved + tail
        left = merging(held, dead=0, share=0.2)
        if left is not None:
            tail = sum(facts.passages for facts in held[len(left) :])
            held, moved = segments(*(facts.passages for facts in left), tail), moved + tail
        assert len(held) <= MOST
        assert sum(facts.passages for facts in held[1:]) <= 0.2 * held[0].passages
    total = first + sum(growth)
    assert sum(facts.passages for facts in held) == total
    assert moved <= total * 12 + len(growth) * TAIL
