"""What the processes do that the crash tests kill: open a library, change it, and write down what they are doing."""

import functools
import os
import resource
import signal
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bot import cli
from index.building import build
from index.building.build import Builder
from index.errors import FootnoteError
from index.library import Library
from index.records import Facts, Progress
from index.segments import make, tiers, worker
from index.truth.draft import Draft
from index.truth.ledger import Ledger
from tests.collection import SIZES
from tests.conftest import settings_for
from tests.fakemodel import WordModel

REFUSED = 3
"""Exit code of a process that ended with a sentence for people."""

_NOTED = (
    (Draft, "retire", "retiring"),
    (Draft, "publish", "publishing"),
    (Ledger, "point", "pointing"),
    (Ledger, "undo", "undoing"),
    (Builder, "problems", "checking"),
    (Builder, "clear", "clearing"),
    (build, "sweep", "sweeping"),
)
"""Functions that are written down when they begin and when they have ended."""


class Diary:
    """A file of what a process does, with the time, that survives however the process ends."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("ab", buffering=0)
        self._last = ""

    def note(self, what: str) -> None:
        if what != self._last:
            self._file.write(f"{time.monotonic()} {what}\n".encode())
            self._last = what

    def around(self, work: Callable[..., Any], what: str) -> Callable[..., Any]:
        @functools.wraps(work)
        def noted(*arguments: Any, **named: Any) -> Any:
            self.note(what)
            done = work(*arguments, **named)
            self.note(f"after {what}")
            return done

        return noted


def entries(path: Path) -> list[tuple[float, str]]:
    """Return what a diary says so far."""
    lines = path.read_text().splitlines() if path.exists() else []
    return [(float(line.split(" ", 1)[0]), line.split(" ", 1)[1]) for line in lines]


def act(action: str, place: Path, how: "How | None" = None) -> None:
    """Do something to the library of `place`; end with REFUSED if that is refused."""
    diary = Diary(place / "diary")
    for owner, name, what in _NOTED:
        setattr(owner, name, diary.around(getattr(owner, name), what))
    how = how or How(direct=0 if action == "base" else 4_000)
    diary.note("opening")
    try:
        with how.library(place / "data") as opened:
            diary.note("open")
            match action:
                case "rollback":
                    opened.rollback()
                case "mend":
                    opened.search("passage")
                case _:
                    opened.index(place / "articles", watch=lambda progress: diary.note(progress.stage))
            diary.note("done")
    except FootnoteError as error:
        diary.note(f"refused: {error}")
        sys.exit(REFUSED)


def begin(data: Path) -> None:
    """Open the ledger of a data directory, which may be new."""
    Ledger(data).close()


def end_at(stage: str, data: Path, articles: Path) -> None:
    """Index with the real model, and be killed once a stage has done something."""

    def watch(progress: Progress) -> None:
        if progress.stage == stage and progress.done >= min(1, progress.total):
            os.kill(os.getpid(), signal.SIGKILL)

    with Library(settings_for(data)) as opened:
        opened.index(articles, watch=watch)


def library(data: Path) -> Library:
    """Open a library of small articles."""
    return How().library(data)


def command(place: Path, arguments: Sequence[str], most: int) -> None:
    """Do what `footnote` does, with the small model; what it prints goes to `said`. `most`: bytes a file may have."""
    with (place / "said").open("w") as said:
        os.dup2(said.fileno(), 1)
        os.dup2(said.fileno(), 2)
    sys.stdout, sys.stderr = os.fdopen(1, "w"), os.fdopen(2, "w")
    if most:
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
    cli._library = lambda settings: Library(settings, embedder=WordModel())
    (place / "footnote.toml").write_text("[chunk]\nsize = 18\noverlap = 0\n[library]\nconfirm_removal = 1.0\n")
    given = [*arguments, "--config", str(place / "footnote.toml"), "--data", str(place / "data")]
    code = cli.main(given)
    sys.stdout.flush()
    sys.stderr.flush()
    sys.exit(code)


HOOKS = {
    "before the switch": (Draft, "publish", False),
    "after the switch": (Draft, "publish", True),
    "before the merge": (Ledger, "point", False),
    "after the merge": (Ledger, "point", True),
    "before the undoing": (Ledger, "undo", False),
    "after the undoing": (Ledger, "undo", True),
}
"""Where a process can be let die, as a function and whether that is done first."""

DEAD = 9
"""Exit code of a process that died at its hook."""


def die_at(hook: str, place: Path, how: "How") -> None:
    """Index, or roll back, and die at a point of it. Segments are made in this process, which is quicker."""
    owner, name, first = HOOKS[hook]
    work = getattr(owner, name)

    def die(*arguments: Any, **named: Any) -> None:
        if first:
            work(*arguments, **named)
        os._exit(DEAD)

    setattr(owner, name, die)
    vars(build)["Worker"] = Here
    with how.library(place / "data") as opened:
        if "undoing" in hook:
            opened.rollback()
        else:
            opened.index(place / "articles")


class Here:
    """Makes segments in this process."""

    def __init__(self, place: worker.Place) -> None:
        self._place = place

    def close(self) -> None:
        """Nothing runs."""

    def make(self, job: worker.Job, *, watch: Callable[[int, int], None], stop: object) -> list[Facts]:
        del stop
        with make.Workshop(self._place) as workshop:
            return workshop.make(job, watch)


@dataclass(frozen=True)
class How:
    """How soon segments are merged: as few and small ones as otherwise thousands of passages make; and where all is."""

    direct: int = 4_000
    tail: int = 100
    share: float = 0.2
    url: str = ""
    database: str = ""

    def library(self, data: Path) -> Library:
        """Open a library that merges so, as does every other one of this process."""
        vars(build)["DIRECT"], tiers.TAIL = self.direct, self.tail
        stores = {"store__url": self.url, "store__database": self.database or None}
        settings = settings_for(data, library__delta_share=self.share, **SIZES, **stores)
        return Library(settings, embedder=WordModel())
