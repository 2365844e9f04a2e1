"""What a source counts: in ranking, and nowhere else."""

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from index.asking.fuse import weigh
from index.library import Library
from index.models.embed import Embedder
from tests.conftest import settings_for, write

scores = st.floats(min_value=-1, max_value=2, allow_nan=False)
ranked = st.dictionaries(st.integers(0, 50), scores).map(lambda found: sorted(found.items(), key=lambda one: -one[1]))


@given(ranked)
def test_weights_of_one_change_nothing(found: list[tuple[int, float]]) -> None:
    assert weigh(found, {}) == found
    assert weigh(found, dict.fromkeys(dict(found), 1.0)) == found


@given(ranked, st.floats(min_value=1, max_value=10), st.integers(0, 50))
def test_more_weight_never_means_a_lower_place(found: list[tuple[int, float]], weight: float, key: int) -> None:
    if key in dict(found):
        before, after = [one for one, _ in found], [one for one, _ in weigh(found, {key: weight})]
        assert after.index(key) <= before.index(key)
        assert [one for one in after if one != key] == [one for one in before if one != key]


ASKED = "When was the old harbour closed?"


@pytest.fixture
def ranks(tmp_path: Path, embedder: Embedder) -> Callable[[float], list[tuple[str, float]]]:
    """Return what asks a library of two folders that say nearly the same, one of which counts so much."""
    for name, year in (("alpha", 1987), ("beta", 1988)):
        (tmp_path / name).mkdir()
        text = f"The old harbour was closed to cargo ships in {year}." + " It had been too small." * (name == "beta")
        write(tmp_path / name / "harbour.md", title="The old harbour", text=text)
    tables = [{"folder": str(tmp_path / name)} for name in ("alpha", "beta")]
    with Library(settings_for(tmp_path / "data", source=tables), embedder=embedder) as library:
        library.index()

    def ask(weight: float) -> list[tuple[str, float]]:
        tables[1]["weight"] = weight  # type: ignore[assignment]
        with Library(settings_for(tmp_path / "data", source=tables), embedder=embedder) as library:
            hits, _ = library.search(ASKED)
            return [(hit.passage.article.id, hit.score) for hit in hits]

    return ask


def test_a_weight_moves_ranks_without_a_new_index_and_one_changes_nothing(
    ranks: Callable[[float], list[tuple[str, float]]],
) -> None:
    plain = ranks(1.0)
    assert [id_ for id_, _ in plain] == ["alpha:harbour.md", "beta:harbour.md"]
    heavier = ranks(2.0)
    assert [id_ for id_, _ in heavier] == ["beta:harbour.md", "alpha:harbour.md"]
    assert heavier[0][1] == pytest.approx(2 * plain[1][1])
    assert heavier[1][1] == plain[0][1]
    assert ranks(0.5)[1][1] == pytest.approx(plain[1][1] / 2)
