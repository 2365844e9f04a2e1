"""Make and check segments in a process of their own, and talk with it.

Building a graph takes memory that Chroma does not give back, and checking a damaged one can take the process down that
asks it: neither may happen where questions are answered. The child reads one job from its standard input, writes a
line of JSON for each step, and ends when that input ends, so it never outlives whoever wanted its work.

    python -P -m index.segments.worker
"""

import contextlib
import json
import logging
import os
import queue
import shutil
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self

from index.errors import Cancelled, Damaged, Died, FootnoteError, StoreUnavailable
from index.progress import STOPPED
from index.records import Facts
from index.system import child
from index.system.turn import NICE

log = logging.getLogger(__name__)

_LOOK = 0.2
"""Seconds between looks at whether the work is to be stopped."""

_SPARE = 100_000
"""Bytes of free disk below which whatever went wrong went wrong for want of them."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where everything lies: the data directory; the servers of vectors and ledger where there are any."""

    data: Path
    url: str = ""
    token: str = field(default="", repr=False)
    database: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Vectors:
    """Make a segment of the passages of the job's revision numbered above `after`."""

    name: str
    after: int


@dataclass(frozen=True, slots=True)
class Words:
    """Make the word index of the job's revision: anew, or from the one named `previous`."""

    name: str
    previous: str = ""


@dataclass(frozen=True, slots=True)
class Job:
    """Segments to make and check for a revision, whose vectors are by the model with this fingerprint."""

    revision: int
    fingerprint: str
    vectors: Vectors | None = None
    words: Words | None = None


class Worker:
    """A child process. Start it early: it takes half a second to get ready. Close it, or use it in a `with`."""

    def __init__(self, place: Place) -> None:
        """Start the process. Raises Died where the system refuses."""
        try:
            self._child = child.start("index.segments.worker", text=True)
        except OSError as error:
            message = f"The process that makes and checks the index cannot be started ({error}). Nothing was changed."
            raise Died(message) from error
        self._lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._complaints: list[str] = []
        threading.Thread(target=self._listen, daemon=True).start()
        threading.Thread(target=self._overhear, daemon=True).start()
        with contextlib.suppress(OSError):  # whoever waits for its answer hears that it is dead
            self._send({**asdict(place), "data": str(place.data)})

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.close()

    def close(self) -> None:
        """End the process, whatever it does."""
        child.end(self._child)

    def make(self, job: Job, *, watch: Callable[[int, int], None], stop: Callable[[], bool]) -> list[Facts]:
        """Let it make and check what a job names; return the facts of each segment. `watch` is told (done, total).

        Raises:
            Damaged: what was made failed its check.
            Died: the process ended over it.
            Cancelled: `stop` said so.
        """
        made = self._ask({"job": asdict(job)}, watch=watch, stop=stop)["facts"]
        return [Facts(**{**one, "twins": {first: tuple(others) for first, others in one["twins"]}}) for one in made]

    def check(self, revision: int) -> dict[str, str]:
        """Let it examine the segments of a revision; return what is wrong, by their names. Raises Died as `make`."""
        return dict(self._ask({"check": revision}, watch=lambda *_: None, stop=lambda: False)["problems"])

    def _ask(
        self, request: dict[str, Any], *, watch: Callable[[int, int], None], stop: Callable[[], bool]
    ) -> dict[str, Any]:
        with contextlib.suppress(OSError):
            self._send(request)
        while True:
            if stop():
                self.close()
                raise Cancelled(STOPPED)
            try:
                line = self._lines.get(timeout=_LOOK)
            except queue.Empty:
                continue
            if line is None:
                raise Died(self._obituary())
            message = json.loads(line)
            if "done" in message:
                watch(message["done"], message["total"])
            elif "unavailable" in message:
                raise StoreUnavailable(message["unavailable"])
            elif "error" in message:
                raise Damaged(message["error"])
            else:
                return dict(message)

    def _send(self, message: dict[str, Any]) -> None:
        assert self._child.stdin is not None  # noqa: S101  for mypy: it was made with a pipe
        self._child.stdin.write(json.dumps(message) + "\n")
        self._child.stdin.flush()

    def _listen(self) -> None:
        assert self._child.stdout is not None  # noqa: S101  as above
        with contextlib.suppress(OSError, ValueError):
            for line in self._child.stdout:
                if line.endswith("\n"):  # a line that its death cut off is none
                    self._lines.put(line)
        self._lines.put(None)

    def _overhear(self) -> None:
        assert self._child.stderr is not None  # noqa: S101  as above
        with contextlib.suppress(OSError, ValueError):
            self._complaints.extend(self._child.stderr)

    def _obituary(self) -> str:
        code = self._child.wait()
        log.error("the process that makes segments ended with %s: %s", code, "".join(self._complaints)[-2_000:])
        return f"The process that makes and checks the index ended with code {code}; nothing was changed. Try again."


def serve(lines: Iterator[str], say: Callable[[dict[str, Any]], None]) -> None:
    """Do the requests of whoever started this process, until there is none left."""
    from index.segments import make  # noqa: PLC0415  brings all that makes segments

    where = json.loads(next(lines))
    with make.Workshop(Place(**{**where, "data": Path(where["data"])})) as workshop:
        for line in lines:
            request = json.loads(line)
            try:
                say(_answer(workshop, request, say))
            except StoreUnavailable as error:
                say({"unavailable": str(error)})
            except Exception as error:  # noqa: BLE001  the outer edge of a process; Chroma and tantivy raise what they like
                say({"error": _sentence(error, workshop.data)})


def _sentence(error: Exception, data: Path) -> str:
    """Say what went wrong to whoever waits, who knows neither Chroma nor tantivy."""
    full = any(words in str(error).lower() for words in ("no space left", "disk is full", "quota exceeded"))
    if full or shutil.disk_usage(data).free < _SPARE:
        return f"The disk that holds {data} is full; nothing was changed. Free some space and try again."
    if isinstance(error, FootnoteError):
        return str(error)
    reason = (str(error).strip() or type(error).__name__).split("\n")[0][:200]
    return f"The index cannot be made or checked ({reason}); nothing was changed. Try again."


def _answer(workshop: Any, request: dict[str, Any], say: Callable[[dict[str, Any]], None]) -> dict[str, Any]:  # noqa: ANN401  see `serve`
    if "check" in request:
        return {"problems": workshop.problems(request["check"])}
    job = request["job"]
    job["vectors"] = job["vectors"] and Vectors(**job["vectors"])
    job["words"] = job["words"] and Words(**job["words"])
    made = workshop.make(Job(**job), lambda done, total: say({"done": done, "total": total}))
    return {"facts": [_plain(facts) for facts in made]}


def _plain(facts: Any) -> dict[str, Any]:  # noqa: ANN401
    return {**asdict(facts), "twins": [[first, list(others)] for first, others in facts.twins.items()]}


def _requests() -> Iterator[str]:
    """Yield lines of standard input as they come; end the process at once when there will be no more."""
    waiting: queue.SimpleQueue[str] = queue.SimpleQueue()

    def read() -> None:
        for line in sys.stdin:
            waiting.put(line)
        os._exit(0)

    threading.Thread(target=read, daemon=True).start()
    while True:
        yield waiting.get()


def main() -> None:
    """Serve whoever started this process."""
    os.nice(NICE)
    out = sys.stdout
    sys.stdout = sys.stderr  # nothing that a library prints may get between the lines of JSON

    def say(message: dict[str, Any]) -> None:
        out.write(json.dumps(message) + "\n")
        out.flush()

    serve(_requests(), say)


if __name__ == "__main__":
    main()
