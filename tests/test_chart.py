"""The picture of the figures: a real PNG, read back point by point."""

import datetime as dt
import io
import itertools
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageColor

from bot.desk import chart
from bot.desk.stats import Day, Stats

FIRST = dt.date(2026, 11, 1)


def labels(days: int, **others: str) -> chart.Labels:
    usual = {name: name for name in chart.Labels.__dataclass_fields__ if name != "dates"}
    return chart.Labels(**{**usual, **others}, dates=tuple(str(n) for n in range(days)))  # type: ignore[arg-type]


def stats(*days: tuple[int, int, int, int]) -> Stats:
    made = (Day(FIRST + dt.timedelta(days=n), *day, p50=1.0, p95=2.0 + n) for n, day in enumerate(days))
    return Stats(tuple(made), 1.0, 2.0)


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fonts")


def points(png: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(png)) as image:
        assert image.format == "PNG"
        return np.asarray(image.convert("RGB")).astype(int)


def area(png: bytes, colour: str) -> int:
    """Count the points of a colour in the first chart, below its legend."""
    found = points(png)
    top = found[int(len(found) * 0.12) : int(len(found) * 0.40)]
    return int((abs(top - np.array(ImageColor.getrgb(colour))).sum(axis=2) < 6).sum())


def test_it_is_as_large_as_a_phone_shows_it_and_not_heavy(cache: Path) -> None:
    png = chart.png(stats((3, 1, 1, 0), (5, 2, 0, 1)), labels(2), cache=cache)
    assert points(png).shape == (round(chart.HIGH * chart.DPI), round(chart.WIDE * chart.DPI), 3)
    assert 10_000 < len(png) < 500_000


def test_the_bars_are_as_high_as_the_counts(cache: Path) -> None:
    png = chart.png(stats((30, 10, 0, 0), (20, 0, 0, 0), (0, 0, 0, 0)), labels(3), cache=cache)
    assert area(png, chart._GOOD) / area(png, chart._BAD) == pytest.approx(5, rel=0.05)
    more = chart.png(stats((10, 30, 0, 0), (0, 20, 0, 0), (0, 0, 0, 0)), labels(3), cache=cache)
    assert area(more, chart._BAD) / area(more, chart._GOOD) == pytest.approx(5, rel=0.05)
    assert area(png, chart._GOOD) > 10_000


@pytest.mark.parametrize("place", range(4))
def test_one_more_of_anything_is_another_picture_and_the_same_figures_are_the_same(cache: Path, place: int) -> None:
    usual, more = [3, 1, 2, 1], [3, 1, 2, 1]
    more[place] += 1
    one, same, other = (
        points(chart.png(stats((1, 1, 1, 1), tuple(day)), labels(2), cache=cache))  # type: ignore[arg-type]
        for day in (usual, usual, more)
    )
    assert (one == same).all()
    assert (one != other).any()


def test_other_times_are_another_picture_and_days_without_one_are_no_trouble(cache: Path) -> None:
    one = Stats((Day(FIRST, 1, p50=1.0, p95=1.0), Day(FIRST), Day(FIRST, 1, p50=2.0, p95=9.0)), 1.0, 9.0)
    other = Stats((Day(FIRST, 1, p50=1.0, p95=1.0), Day(FIRST), Day(FIRST, 1, p50=2.0, p95=3.0)), 1.0, 9.0)
    assert (points(chart.png(one, labels(3), cache=cache)) != points(chart.png(other, labels(3), cache=cache))).any()
    assert chart.png(Stats((Day(FIRST),), 0, 0), labels(1), cache=cache)


@pytest.mark.parametrize("days", [1, 2, 7, 30, 90, 366])
def test_today_has_its_date_and_a_phone_has_room_for_all(days: int) -> None:
    ticks = chart._ticks(days)
    assert ticks[-1] == days - 1
    assert len(ticks) <= chart.TICKS
    assert len({second - first for first, second in itertools.pairwise(ticks)}) <= 1


def test_any_letters_can_be_written(cache: Path) -> None:
    """A letter that the font lacks would be a warning, and a warning fails a test."""
    words = {"title": "1–26 нояб. 2026", "answered": "отвечено", "refused": "Éire ≤ 95 %"}
    assert chart.png(stats((1, 1, 0, 0)), labels(1, **words), cache=cache)


def test_nothing_is_imported_before_the_first_picture() -> None:
    program = "import sys, bot.app; sys.exit('matplotlib' in sys.modules)"
    subprocess.run([sys.executable, "-c", program], check=True, timeout=120)
