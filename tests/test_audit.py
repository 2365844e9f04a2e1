"""The verifier: segments that are built wrong in every way, found, and built again from the ledger."""

import contextlib
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest

from index.errors import Damaged, Died
from index.library import Library
from index.models.embed import Vectors
from index.records import PassageId, Revision, Stored
from index.segments import audit, lexicon, vectors, worker
from index.segments.store import Embedded
from index.segments.vectors import Numbers
from index.truth.ledger import FILE
from tests import killed, warm
from tests.collection import held, put

ARTICLES = {f"a{n}": 1 for n in range(40)}
Harm = Callable[[Numbers, Vectors], tuple[Numbers, Vectors]]


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory in order."""
    place = tmp_path_factory.mktemp("sound")
    put(place / "articles", ARTICLES)
    with warm.workers(), killed.library(place / "data") as library:
        library.index(place / "articles")
    return place


@pytest.fixture
def place(sound: Path, tmp_path: Path) -> Iterator[Path]:
    """A copy of it to do harm to, with processes that are ready at once."""
    shutil.copytree(sound, tmp_path / "place")
    with warm.workers():
        yield tmp_path / "place"


def served(library: Library) -> Revision:
    revision = library.revision()
    assert revision is not None
    return revision


def harm_vectors(place: Path, harm: Harm) -> None:
    """Build the base again with other rows than were planned, and let the ledger think that so many it should be."""
    with killed.library(place / "data") as library:
        revision = served(library)
        stored = list(library._ledger.all_vectors(revision.number, after=0, model=revision.fingerprint))
    numbers, made = harm(np.concatenate([n for n, _ in stored]), np.vstack([v for _, v in stored]))
    name = revision.segments[0]
    shutil.rmtree(place / "data" / "segments" / name)
    rows, _ = vectors.build(Embedded(place / "data" / "segments"), name, lambda: iter([(numbers, made)]))
    change(place, "UPDATE segments SET rows = ? WHERE name = ?", rows, name)


def change(place: Path, statement: str, *values: object) -> None:
    with contextlib.closing(sqlite3.connect(place / "data" / FILE)) as db:
        db.execute(statement, values)
        db.commit()


def one_more(numbers: Numbers, made: Vectors) -> tuple[Numbers, Vectors]:
    return np.append(numbers, numbers[-1] + 1), np.vstack([made, -made[:1]])


def one_less(numbers: Numbers, made: Vectors) -> tuple[Numbers, Vectors]:
    return numbers[:-1], made[:-1]


def another_id(numbers: Numbers, made: Vectors) -> tuple[Numbers, Vectors]:
    return np.append(numbers[:-1], numbers[-1] + 1), made


def another_vector(numbers: Numbers, made: Vectors) -> tuple[Numbers, Vectors]:
    return numbers, np.vstack([made[:-1], -made[:1]])


def two_exchanged(numbers: Numbers, made: Vectors) -> tuple[Numbers, Vectors]:
    return numbers, made[[1, 0, *range(2, len(made))]]


@pytest.mark.parametrize(
    "harm, finding",
    [
        (one_more, "121 rows"),
        (one_less, "119 rows"),
        (another_id, "not those that were planned"),
        (another_vector, "is another one"),
        (two_exchanged, "is another one"),
    ],
)
def test_a_segment_with_other_rows_than_planned_is_found_and_built_again_while_it_is_served(
    place: Path, harm: Harm, finding: str
) -> None:
    harm_vectors(place, harm)
    with killed.library(place / "data") as library:
        before = served(library)
        library.search("passage")
        assert finding in library.check()
        assert before.segments[0] in library.check()
        library.search("passage")
        assert served(library) == before
        report = library.index(place / "articles")
        assert (report.unchanged, report.embedded) == (40, 0)
        assert served(library).segments != before.segments
        assert library.check() == ""
        assert held(library) == ARTICLES


def test_a_segment_whose_count_is_not_what_the_ledger_says_is_damaged_for_readers_too(place: Path) -> None:
    change(place, "UPDATE segments SET rows = rows - 1 WHERE name LIKE '%base%'")
    with killed.library(place / "data") as library:
        assert "120 of 119 rows" in library.check()
        assert held(library) == ARTICLES
        assert library.check() == ""


@pytest.mark.parametrize("ending", ["words", "base"])
def test_a_segment_that_lost_only_the_file_its_readers_lock_is_built_again_when_it_is_asked(
    place: Path, ending: str
) -> None:
    with killed.library(place / "data") as library:
        before = served(library)
        name = before.words if ending == "words" else before.segments[0]
        (place / "data" / "segments" / name / "readers.lock").unlink()
        assert name in library.check()
        assert held(library) == ARTICLES
        assert name not in (served(library).words, *served(library).segments)
        assert library.check() == ""


@pytest.mark.parametrize("harm", ["one less", "one more", "another"])
def test_a_word_index_that_holds_other_passages_is_found_and_built_again(place: Path, harm: str) -> None:
    with killed.library(place / "data") as library:
        revision = served(library)
        directory = place / "data" / "segments" / revision.words
        passages = list(library._ledger.stored(revision.number))
        shutil.rmtree(directory)
        stray = Stored(PassageId(9_999), "", "", "stray")
        kept = passages if harm == "one more" else passages[1:]
        lexicon.build(directory, kept if harm == "one less" else [*kept, stray])
        assert f"{revision.words}: 120 passages" in library.check()
        library.index(place / "articles")
        assert served(library).words != revision.words
        assert served(library).segments == revision.segments
        assert library.check() == ""


def bad(vector: bytes, harm: str) -> bytes:
    numbers = np.frombuffer(vector, dtype=np.float32).copy()
    match harm:
        case "not a number":
            numbers[3] = np.nan
        case "infinite":
            numbers[3] = np.inf
        case "too long":
            numbers *= 2
        case "zero":
            numbers *= 0
        case "cut short":
            numbers = numbers[:-1]
    return numbers.tobytes()


@pytest.mark.parametrize("harm", ["not a number", "infinite", "too long", "zero", "cut short"])
def test_an_embedding_that_is_none_is_found_and_never_built_into_a_segment(place: Path, harm: str) -> None:
    with contextlib.closing(sqlite3.connect(place / "data" / FILE)) as db:
        row, vector = db.execute("SELECT row, vector FROM embeddings LIMIT 1 OFFSET 50").fetchone()
    change(place, "UPDATE embeddings SET vector = ? WHERE row = ?", bad(vector, harm), row)
    with killed.library(place / "data") as library:
        assert library.check() != ""
        assert held(library) == ARTICLES
        before = served(library)
        with pytest.raises(Damaged, match="index"):
            library._builder().rebuild(before, before.segments)
        assert served(library) == before
        assert held(library) == ARTICLES


def test_a_sample_is_enough_to_find_what_a_damaged_graph_loses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit, "SAMPLE", 50)
    sample = audit._sample(np.arange(1_000))
    assert len(set(sample.tolist())) == 50


def test_a_check_that_dies_takes_nobody_with_it_and_all_is_built_again(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (next((place / "data" / "segments").glob("*-base-*")) / "seal.json").unlink()
    with killed.library(place / "data") as library:
        before = served(library)
        deaths = iter([warm.die])
        monkeypatch.setattr(warm, "work", lambda: next(deaths, warm.serve))
        assert held(library) == ARTICLES
        assert not set(served(library).segments) & set(before.segments)
        assert served(library).words != before.words
        assert library.check() == ""


def test_a_process_that_is_killed_while_it_checks_is_reported_not_waited_for(place: Path) -> None:
    with worker.Worker(worker.Place(place / "data")) as child:
        psutil.Process(child._child.pid).suspend()
        psutil.Process(child._child.pid).kill()
        with pytest.raises(Died, match="code -9"):
            child.check(1)


def test_a_process_that_cannot_be_started_is_a_sentence(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise BlockingIOError(11, "Resource temporarily unavailable")

    put(place / "articles", {**ARTICLES, "b1": 1})
    with killed.library(place / "data") as library, monkeypatch.context() as patch:
        patch.setattr(warm, "process", refuse)
        with pytest.raises(Died, match="cannot be started"):
            library.index(place / "articles")
        patch.undo()
        assert held(library) == ARTICLES
        assert library.index(place / "articles").added == 1
