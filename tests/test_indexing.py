"""The commands that change the library: what they show first, ask, stop at, undo and watch."""

import io
import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

import psutil
import pytest

from bot import cli, words
from index.library import Library
from index.models.embed import Embedder
from index.system.lock import hold
from tests.conftest import ROOT, WHEN, Footnote, MakeLibrary, many, to_embed, until, write

STOPPED = "footnote: Stopped. The articles are as they were before; what was embedded is kept for the next time."


class Typed(io.StringIO):
    """What somebody types at a terminal; `meanwhile` happens before each line is read."""

    def isatty(self) -> bool:
        return True

    def meanwhile(self) -> None:
        """Nothing."""

    def readline(self, _: int | None = -1, /) -> str:
        self.meanwhile()
        return super().readline()


@pytest.fixture(autouse=True)
def _the_model_is_loaded_already(embedder: Embedder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cli, "_library", lambda settings: Library(settings, embedder=embedder))


@pytest.fixture
def library(make_library: MakeLibrary, copied: Path) -> Library:
    made = make_library()
    made.index(copied)
    return made


def number(library: Library) -> int:
    revision = library.revision()
    assert revision is not None
    return revision.number


def kept(library: Library) -> int:
    with closing(sqlite3.connect(library.data / "ledger.sqlite")) as ledger:
        return int(ledger.execute("SELECT count(*) FROM embeddings").fetchone()[0])


def test_a_dry_run_shows_what_would_change_and_changes_nothing(
    footnote: Footnote, library: Library, folder: Path
) -> None:
    assert "Nothing to do" in footnote("index", "--dry-run", "--data", library.data).stdout
    write(folder / "new.md", title="New", text="A new mill was built.")
    (folder / "harbour.md").write_text("Changed altogether.")
    (folder / "broken.txt").write_bytes(b"")
    shown = footnote("index", "--dry-run", "--data", library.data)
    assert shown.returncode == 0
    assert shown.stdout == "+1 ~1 -0, 2 unchanged, 1 failed\n✗ broken.txt: is empty\n"
    for gone in ("bakery.md", "library.md"):
        (folder / gone).unlink()
    plan = json.loads(footnote("index", "--dry-run", "--json", "--data", library.data).stdout)
    assert [plan[key] for key in ("added", "changed", "removed", "unchanged", "served")] == [1, 1, 2, 0, 3]
    assert (plan["wants_consent"], plan["embeds_again"], plan["changes"]) == (True, False, True)
    shown = footnote("index", "--dry-run", "--data", library.data, FOOTNOTE_CHUNK_SIZE="64")
    assert "embedded again, because" in shown.stdout
    assert "This would remove 2 of 3 articles" in shown.stdout
    assert number(library) == 1


def test_a_removal_of_much_is_refused_without_a_terminal_and_asked_for_at_one(
    footnote: Footnote, library: Library, folder: Path
) -> None:
    for gone in ("bakery.md", "library.md"):
        (folder / gone).unlink()
    refused = footnote("index", "--data", library.data)
    assert refused.returncode == 1
    assert "footnote: This would remove 2 of 3 articles" in refused.stderr
    for answer in ("n\n", "\n", "", "what\n"):
        left = footnote("index", "--data", library.data, stdin=Typed(answer))
        assert left.returncode == 1
        assert "+0 ~0 -2, 1 unchanged" in left.stderr
        assert left.stderr.endswith("Remove 2 articles? [y/N] Nothing was changed.\n")
    assert number(library) == 1
    agreed = footnote("index", "--data", library.data, stdin=Typed("y\n"))
    assert agreed.returncode == 0
    assert "Added 0, changed 0, removed 2, unchanged 1, failed 0." in agreed.stdout


def test_who_agreed_to_a_removal_is_asked_again_when_more_has_gone_meanwhile(
    footnote: Footnote, library: Library, folder: Path
) -> None:
    write(folder / "mill.md", title="Mill", text="A new mill was built.")
    library.index(folder)
    for gone in ("bakery.md", "library.md", "mill.md"):
        (folder / gone).rename(folder / f"{gone}.away")
    (folder / "mill.md.away").rename(folder / "mill.md")
    typed = Typed("y\nn\n")
    typed.meanwhile = lambda: (folder / "mill.md").unlink(missing_ok=True)  # type: ignore[method-assign]
    done = footnote("index", "--data", library.data, stdin=typed, FOOTNOTE_LIBRARY_CONFIRM_REMOVAL="0.4")
    assert "Remove 2 articles? [y/N]" in done.stderr
    assert "Remove 3 articles? [y/N]" in done.stderr
    assert done.returncode == 1
    assert number(library) == 2
    assert footnote("index", "--yes", "--data", library.data).returncode == 0
    assert number(library) == 3


def test_a_rollback_serves_the_revision_before_and_run_rests_until_somebody_indexes(
    footnote: Footnote, library: Library, folder: Path
) -> None:
    (folder / "harbour.md").write_text((folder / "harbour.md").read_text().replace("1987", "1988"))
    library.index(folder)
    undone = footnote("rollback", "--data", library.data)
    assert undone.returncode == 0
    assert undone.stdout.startswith("Revision 1 is served again, made on ")
    assert undone.stdout.endswith(f": 3 articles, 3 passages.\n{words.RESTS}\n")
    run = footnote("run", WHEN, "--data", library.data)
    assert "1987" in run.stdout
    assert run.stderr == f"{words.RESTS}\n"
    assert json.loads(footnote("status", "--json", "--data", library.data).stdout)["rests"] is True
    assert words.RESTS in footnote("status", "--data", library.data).stdout
    refused = footnote("rollback", "--data", library.data)
    assert refused.returncode == 1
    assert "There is no earlier revision" in refused.stderr
    footnote("index", "--data", library.data)
    assert "1988" in footnote("run", WHEN, "--data", library.data).stdout
    form = json.loads(footnote("rollback", "--json", "--data", library.data).stdout)
    assert (form["revision"], form["articles"], form["rests"]) == (1, 3, True)


@pytest.mark.parametrize("trouble", ["much gone", "folder gone", "folder empty", "busy"])
def test_run_serves_what_there_is_whatever_keeps_it_from_indexing(
    footnote: Footnote, library: Library, folder: Path, trouble: str
) -> None:
    part = "is in use"
    if trouble == "much gone":
        (folder / "bakery.md").unlink()
        (folder / "library.md").unlink()
        part = "This would remove 2 of 3 articles"
    elif trouble == "folder gone":
        folder.rename(folder.with_name("away"))
        part = "There is no folder"
    elif trouble == "folder empty":
        for path in folder.iterdir():
            path.unlink()
        part = "There are no articles in"
    if trouble == "busy":
        with hold(library.data, "writer", doing="indexing"):
            done = footnote("run", WHEN, "--data", library.data)
    else:
        done = footnote("run", WHEN, "--data", library.data)
    assert done.returncode == 0
    assert "1987" in done.stdout
    assert part in done.stderr
    assert "Revision 1, made on" in done.stderr
    assert len([line for line in done.stderr.splitlines() if line.startswith("footnote: ")]) == 1


def test_status_shows_segments_and_the_schedule(footnote: Footnote, library: Library) -> None:
    shown = footnote("status", "--data", library.data, FOOTNOTE_TELEGRAM_REINDEX_EVERY="90").stdout
    assert "1 segment: 1 base, 0 deltas\n" in shown
    assert "The bot reads the folder again every 1 h 30 min." in shown
    form = json.loads(footnote("status", "--json", "--data", library.data).stdout)
    assert (form["segments"], form["rests"], form["reindex_every_minutes"]) == (1, False, 0)


def test_every_stage_of_an_index_is_named_in_words() -> None:
    code = "".join(path.read_text() for path in (ROOT / "index").rglob("*.py"))
    stages = re.findall(r'Meter\("(\w+)"', code)
    assert {"reading", "embedding", "building", "merging"} <= set(stages)
    assert all(words.stage(stage) != stage for stage in stages)


IMPATIENT = """
import sys
from bot import cli
from bot.terminal import watch
watch.SETTLING, watch.LOOK = 0.8, 0.2
sys.exit(cli.main())
"""
"""The program, which takes what is being written for written in less than half of the time."""


class Program:
    """The program in a process of its own, and what it has said so far."""

    def __init__(self, *arguments: str | Path, cwd: Path, how: Sequence[str]) -> None:
        self._log = cwd / "said"
        env = {**os.environ, "PYTHONPATH": str(ROOT)}
        command = [sys.executable, *how, *map(str, arguments)]
        with self._log.open("w") as log:
            self.process = subprocess.Popen(command, cwd=cwd, env=env, stdout=log, stderr=log, stdin=subprocess.DEVNULL)

    @property
    def said(self) -> str:
        return self._log.read_text()

    def says(self, part: str, *, times: int = 1) -> None:
        until(lambda: self.said.count(part) >= times or self.process.poll() is not None, seconds=90)
        assert self.said.count(part) >= times, self.said


@contextmanager
def program(*arguments: str | Path, cwd: Path, how: Sequence[str] = ("-m", "bot.cli")) -> Iterator[Program]:
    running = Program(*arguments, cwd=cwd, how=how)
    try:
        yield running
    finally:
        running.process.kill()
        running.process.wait()


@pytest.mark.parametrize("told, code", [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_indexing_that_is_interrupted_ends_in_seconds_and_the_next_goes_on_where_it_was(
    library: Library, folder: Path, tmp_path: Path, told: signal.Signals, code: int
) -> None:
    many(folder, 100)
    all_of_them = to_embed(library, folder)
    with program("index", folder, "--data", library.data, cwd=tmp_path) as running:
        running.says("Embedding passages")
        before = kept(library)
        until(lambda: kept(library) > before)
        asked = time.monotonic()
        running.process.send_signal(told)
        assert running.process.wait(30) == code
        assert time.monotonic() - asked < 8
    assert running.said.splitlines()[-1] == STOPPED
    assert "Traceback" not in running.said
    assert number(library) == 1
    assert 0 < to_embed(library, folder) < all_of_them


@pytest.mark.parametrize("times", [1, 2])
def test_a_file_that_takes_long_to_read_is_interrupted_at_once_and_leaves_no_process_behind(
    library: Library, folder: Path, tmp_path: Path, times: int
) -> None:
    (folder / "slow.md").write_bytes(b"*a " * 1_000_000)  # takes 20 s
    with program("index", folder, "--data", library.data, cwd=tmp_path) as running:
        reader = busy_reader(running.process.pid)
        asked = time.monotonic()
        for _ in range(times):
            running.process.send_signal(signal.SIGINT)
            time.sleep(0.005)
        assert running.process.wait(30) == 130
        assert time.monotonic() - asked < 3  # 0.3 s in quiet
        until(lambda: not reader.is_running() or reader.status() == psutil.STATUS_ZOMBIE, seconds=2)
    if times == 1:
        assert running.said.splitlines()[-1] == STOPPED
    assert "Traceback" not in running.said
    (folder / "slow.md").unlink()
    assert (number(library), library.check()) == (1, "")
    assert library.index(folder).unchanged == 3


def busy_reader(pid: int) -> psutil.Process:
    """Return the process that reads for another one, once it has had a file for a while."""
    found: list[psutil.Process] = []

    def reading() -> bool:
        found[:] = [one for one in psutil.Process(pid).children() if "index.reading.parsing" in one.cmdline()]
        return bool(found) and found[0].cpu_times().user > 2

    until(reading, seconds=120)
    return found[0]


def test_a_watch_reads_what_changed_survives_its_folder_rests_after_a_rollback_and_ends_at_ctrl_c(
    library: Library, folder: Path, tmp_path: Path
) -> None:
    with program("index", folder, "--watch", "--data", library.data, cwd=tmp_path, how=("-c", IMPATIENT)) as running:
        running.says("Added 0, changed 0, removed 0, unchanged 3, failed 0.")
        write(folder / "mill.md", title="Mill", text="A new mill was built in 1911.")
        write(folder / "well.md", title="Well", text="A well was dug in 1912.")
        running.says("Added 2, changed 0, removed 0, unchanged 3, failed 0.")
        folder.rename(folder.with_name("away"))
        running.says("There is no folder")
        folder.with_name("away").rename(folder)
        running.says("Added 0, changed 0, removed 0, unchanged 5, failed 0.")
        for gone in ("mill.md", "well.md", "harbour.md"):
            (folder / gone).rename(tmp_path / gone)
        running.says("This would remove 3 of 5 articles")
        for gone in ("well.md", "harbour.md"):
            (tmp_path / gone).rename(folder / gone)
        running.says("Added 0, changed 0, removed 1, unchanged 4, failed 0.")
        library.rollback()
        write(folder / "bakery.md", title="Bakery", text="Closed.")
        running.says(words.RESTS)
        assert library.held
        library.index(folder)
        write(folder / "bakery.md", title="Bakery", text="Open again.")
        running.says("Added 0, changed 1, removed 0, unchanged 3, failed 0.")
        running.process.send_signal(signal.SIGINT)
        assert running.process.wait(20) == 130
    assert running.said.endswith("\nfootnote: stopped.\n")
    assert "Traceback" not in running.said
    assert running.said.count("There is no folder") == running.said.count("This would remove") == 1
