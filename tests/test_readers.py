"""People who ask while the articles change: no error, no mixed versions, hardly longer to wait, in any process."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import numpy as np
import psutil
import pytest

from index.library import Library
from tests import killed, warm
from tests.collection import put, versions
from tests.conftest import ROOT

ARTICLES = 150


@dataclass
class Readers:
    """Four threads that ask as long as they are let, and note how long each answer took and what it held."""

    library: Library
    seconds: list[float] = field(default_factory=list)
    seen: list[tuple[int, int, dict[str, int]]] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Self:
        self.pool = ThreadPoolExecutor(4)
        self.asking = [self.pool.submit(self.ask, number) for number in range(4)]
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        self.pool.shutdown()
        for one in self.asking:
            one.result()

    def ask(self, number: int) -> None:
        while not self.over.is_set():
            earliest = current(self.library)
            started = time.perf_counter()
            if number == 0:
                answer = self.library.ask("What does the passage of a3 tell of?")
                hits = answer.hits
                assert earliest <= answer.revision
            else:
                hits, _ = self.library.search(f"passage {number} tells of harven bolin", limit=20)
            self.seconds.append(time.perf_counter() - started)
            self.seen.append((earliest, current(self.library), versions(hits)))
            time.sleep(0.02)

    @property
    def p95(self) -> float:
        return float(np.percentile(self.seconds, 95))


def current(library: Library) -> int:
    revision = library.revision()
    assert revision is not None
    return revision.number


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Path]:
    put(tmp_path / "articles", at(0))
    with warm.workers():
        yield tmp_path


def at(step: int) -> dict[str, int]:
    """Return the articles after so many reindexes: every third changes many of them, the others a few."""
    return {f"a{n}": 1 + sum(1 for s in range(1, step + 1) if changes(n, s)) for n in range(ARTICLES)}


def changes(number: int, step: int) -> bool:
    return number % 2 == 0 if step % 3 == 0 else (number + step) % 30 == 0


@pytest.mark.slow
@pytest.mark.parametrize("reindexes", [4, pytest.param(30, marks=pytest.mark.nightly)])
def test_reindexes_under_four_readers_show_no_error_and_no_mixed_version(place: Path, reindexes: int) -> None:
    held = {1: at(0)}
    with killed.How(direct=0, share=0.3).library(place / "data") as library:
        library.index(place / "articles")
        with Readers(library) as busy:
            for step in range(1, reindexes + 1):
                put(place / "articles", at(step))
                held[library.index(place / "articles").revision] = at(step)
        assert library.check() == ""
    assert len(held) == reindexes + 1
    assert len(busy.seen) > reindexes
    for first, last, found in busy.seen:
        assert any(found.items() <= held[number].items() for number in range(first, last + 1)), (first, last)


@pytest.mark.nightly
def test_fifty_reindexes_leave_memory_files_and_disk_as_they_were(place: Path, tmp_path: Path) -> None:
    resident, handles = [], []
    with killed.How(direct=0, share=0.3).library(place / "data") as library:
        for step in range(1, 51):
            put(place / "articles", at(step))
            library.index(place / "articles")
            library.search("passage 3 tells of harven bolin")
            resident.append(psutil.Process().memory_info().rss)
            handles.append(handles_open())
        assert library.check() == ""
        used = library.status().disk
    with killed.How(direct=0, share=0.3).library(tmp_path / "fresh") as fresh:
        fresh.index(place / "articles")
        assert used <= 2 * fresh.status().disk
    assert max(handles[40:]) <= max(handles[10:25]) + 2
    assert np.median(resident[40:]) <= 1.1 * np.median(resident[15:25])


def handles_open() -> int:
    """Return how many files are open, a segment's database once: Chroma pools two to four connections to each."""
    databases = [file.path for file in psutil.Process().open_files() if file.path.endswith("chroma.sqlite3")]
    return psutil.Process().num_fds() - len(databases) + len(set(databases))


def test_a_reader_in_another_process_sees_each_revision_at_its_next_question(place: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from tests import killed; from tests.collection import held\n"
        "with killed.How().library(Path(sys.argv[1])) as library:\n"
        "    for _ in sys.stdin: print(sorted(held(library).items()), library.revision().number, flush=True)\n"
    )
    with killed.How().library(place / "data") as library:
        library.index(place / "articles")
        command = [sys.executable, "-c", code, str(place / "data")]
        env = {**os.environ, "PYTHONPATH": str(ROOT)}
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "env": env}
        with subprocess.Popen(command, **pipes) as reader:
            assert reader.stdin is not None
            assert reader.stdout is not None
            for step in range(3):
                put(place / "articles", at(step))
                number = library.index(place / "articles").revision
                reader.stdin.write("ask\n")
                reader.stdin.flush()
                assert reader.stdout.readline() == f"{sorted(at(step).items())} {number}\n"
            reader.stdin.close()
        assert reader.returncode == 0
