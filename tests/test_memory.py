"""Reading, cutting and embedding hold what `[library] batch_mb` allows, however large the collection is.

What is opened after that to be searched is a graph, whose size is the collection's.
"""

import contextlib
import random
import resource
import sys
from pathlib import Path

import pytest

from index.errors import Cancelled
from index.library import Library
from tests import warm
from tests.conftest import settings_for
from tests.fakemodel import WordModel

WORDS = [f"{one}{two}" for one in ("har", "bo", "mil", "ra", "wo", "ne") for two in ("ven", "lin", "to", "der", "ka")]
ARTICLE = 100_000
"""Characters of an article; read, cut and stored one by one it takes several times as much."""


def index(folder: Path, data: Path, batch: int, said: Path) -> None:
    """Index a folder; note by how many bytes the process had grown at most when all was read, and when compared."""
    settings = settings_for(data, library__batch_mb=batch)
    with warm.workers(), Library(settings, embedder=WordModel()) as library:
        library._embedder.passages(WORDS)
        before, at = peak(), {}
        with contextlib.suppress(Cancelled):  # the graphs take the most time
            library.index(
                folder,
                watch=lambda progress: at.update({progress.stage: at.get(progress.stage, peak())}),
                stop=lambda: "building" in at,
            )
    said.write_text(f"{at['comparing'] - before} {at['building'] - before}")


def peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1_024)


def grown(place: Path, *, articles: int, batch: int) -> tuple[int, int]:
    folder = place / f"articles-{articles}"
    draw = random.Random(articles)
    if not folder.exists():
        folder.mkdir()
        for number in range(articles):
            words = " ".join(
                f"{word}." if draw.random() < 0.1 else word for word in draw.choices(WORDS, k=ARTICLE // 6)
            )
            (folder / f"a{number}.txt").write_text(f"Article {number}\n\n{words}")
    said = place / "said"
    process = warm.process(index, folder, place / f"data-{articles}-{batch}", batch, said)
    process.join()
    assert process.exitcode == 0
    read, compared = map(int, said.read_text().split())
    return read, compared


@pytest.mark.slow
def test_memory_is_bounded_by_the_setting_and_not_by_the_collection(tmp_path: Path) -> None:
    small, small_compared = grown(tmp_path, articles=20, batch=1)
    large, large_compared = grown(tmp_path, articles=80, batch=1)
    assert large - small < 3_000_000, (small, large)  # of 6 MB more text, which is several times that in memory
    roomy, _ = grown(tmp_path, articles=80, batch=64)
    assert roomy - large > 6_000_000, (roomy, large)  # the setting does decide
    # 60 more articles as their words and shingles are 150 MB; some is what the heap keeps in between.
    assert large_compared - small_compared < 25_000_000, (small_compared, large_compared)
    assert large < 20_000_000, large  # what tells languages is loaded by the processes that read, not here
