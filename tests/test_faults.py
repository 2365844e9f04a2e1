"""Full disks, disks that cannot be written, files cut short, a polite request to end: a sentence, and nothing lost."""

import os
import random
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from index.library import Library
from tests import killed, warm
from tests.collection import Versions, held, put
from tests.test_crash import wait_for

OLD: Versions = {f"a{n}": 1 for n in range(60)}
NEW: Versions = {**OLD, **{f"a{n}": 2 for n in range(40)}}

_LEVELS = (20_000, 50_000, 100_000, 400_000, 600_000, 800_000, 1_000_000, 3_000_000)
"""Bytes left at which a reindex fails at one point or the other; the three more telling ones are in `make test`."""

pytestmark = pytest.mark.crash
nightly = pytest.mark.nightly


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A library of the old articles, beside a folder of the new ones."""
    place = tmp_path_factory.mktemp("sound")
    put(place / "articles", OLD)
    with warm.workers(), killed.library(place / "data") as library:
        library.index(place / "articles")
    put(place / "articles", NEW)
    return place


@pytest.fixture
def place(sound: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    return Path(shutil.copytree(sound, tmp_path / "place"))


@pytest.fixture
def disk(sound: Path, tmp_path: Path) -> Iterator[Path]:
    """A copy of it whose data directory is a disk of 16 MB."""
    place = tmp_path / "place"
    (place / "data").mkdir(parents=True)
    if not mounted("-t", "tmpfs", "-o", "size=16m", "tmpfs", str(place / "data")):
        pytest.skip("no disk can be mounted here; the limit of a file's size stands for a full disk")
    try:
        yield Path(shutil.copytree(sound, place, dirs_exist_ok=True))
    finally:
        subprocess.run(["umount", "--lazy", str(place / "data")], check=True)  # noqa: S607


def mounted(*arguments: str) -> bool:
    if shutil.which("mount") is None:
        return False
    return subprocess.run(["mount", *arguments], check=False, capture_output=True).returncode == 0  # noqa: S607


def fill(data: Path, *, free: int) -> Path:
    """Write a file that leaves `free` bytes of a disk."""
    (data / "filler").write_bytes(bytes(max(0, shutil.disk_usage(data).free - free)))
    return data / "filler"


def said(place: Path, *arguments: str, most: int = 0) -> tuple[int, str]:
    """Run `footnote` in a process; return its exit code and the last thing that it said."""
    process = warm.process(killed.command, place, arguments, most)
    process.join(60)
    words = (place / "said").read_text()
    assert "Traceback" not in words
    return int(process.exitcode or 0), words.strip().split("\n")[-1]


@pytest.mark.parametrize("free", [0, 200_000, 2_000_000, *(pytest.param(n, marks=nightly) for n in _LEVELS)])
def test_a_full_disk_is_a_sentence_and_the_next_reindex_finishes_once_there_is_space(disk: Path, free: int) -> None:
    with warm.workers(), killed.library(disk / "data") as library:
        assert held(library) == OLD
        filler = fill(disk / "data", free=free)
        code, words = said(disk, "index", str(disk / "articles"))
        assert (code, words.startswith("footnote: "), "full" in words) == (1, True, True), words
        assert held(library) == OLD
        filler.unlink()
        finished(library, disk)


@pytest.mark.parametrize("most", [40_000, 300_000])
def test_a_file_that_may_not_grow_is_a_sentence_and_the_next_reindex_finishes(place: Path, most: int) -> None:
    code, words = said(place, "index", str(place / "articles"), most=most)
    assert (code, words.startswith("footnote: ")) == (1, True), words
    with warm.workers(), killed.library(place / "data") as library:
        assert held(library) == OLD
        finished(library, place)


def finished(library: Library, place: Path) -> None:
    assert library.index(place / "articles").articles == len(NEW)
    assert held(library) == NEW
    assert library.check() == ""
    assert {path.name for path in (place / "data" / "segments").iterdir()} == library._ledger.named()


@pytest.mark.parametrize(
    "arguments",
    [
        ("index",),
        ("ask", "What tells of a1v1?"),
        pytest.param(("status",), marks=nightly),
        pytest.param(("doctor",), marks=nightly),
    ],
)
def test_a_data_directory_that_cannot_be_written_is_a_sentence_that_says_what_to_do(
    disk: Path, arguments: tuple[str, ...]
) -> None:
    assert mounted("-o", "remount,ro", str(disk / "data"))
    code, words = said(disk, *arguments)
    assert code == 1
    assert "cannot be written (Read-only file system)" in words
    assert "--data" in words
    assert mounted("-o", "remount,rw", str(disk / "data"))
    with warm.workers(), killed.library(disk / "data") as library:
        assert held(library) == OLD
        finished(library, disk)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere; the disk above stands for it")
def test_a_data_directory_that_others_own_is_a_sentence_that_says_what_to_do(place: Path) -> None:
    for path in [place / "data", *(place / "data").rglob("*")]:
        path.chmod(0o555 if path.is_dir() else 0o444)
    code, words = said(place, "ask", "What tells of a1v1?")
    assert (code, "cannot be written" in words, "--data" in words) == (1, True, True)
    for path in [place / "data", *(place / "data").rglob("*")]:
        path.chmod(0o755 if path.is_dir() else 0o644)


@pytest.mark.parametrize(
    "stage", [pytest.param("reading", marks=nightly), "building", pytest.param("publishing", marks=nightly)]
)
def test_a_process_that_is_told_to_end_leaves_the_old_articles_and_the_next_reindex_finishes(
    place: Path, stage: str
) -> None:
    process = warm.process(killed.act, "delta", place)
    wait_for(process, place, until=lambda diary: any(what == stage for _, what in diary))
    process.terminate()
    process.join(60)
    assert process.exitcode == -signal.SIGTERM or stage == "publishing"  # it may have been done already
    with warm.workers(), killed.library(place / "data") as library:
        assert held(library) in ((OLD, NEW) if stage == "publishing" else (OLD,))
        finished(library, place)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


@pytest.mark.parametrize("harm", [cut, Path.unlink])
def test_a_segment_that_lost_a_file_or_half_of_one_is_built_again_at_the_next_question(
    place: Path, harm: Callable[[Path], None], request: pytest.FixtureRequest
) -> None:
    names = sorted(path.relative_to(place) for path in (place / "data" / "segments").rglob("*") if path.stat().st_size)
    names = [name for name in names if (place / name).is_file()]
    few = min(len(names), request.config.getoption("--crashes"))
    for number, name in enumerate(random.Random(request.config.getoption("--seed")).sample(names, few)):
        copy = Path(shutil.copytree(place, place.with_name(f"copy{number}")))
        harm(copy / name)
        with warm.workers(), killed.library(copy / "data") as library:
            assert held(library) == OLD, name
            assert library.check() == "", name
