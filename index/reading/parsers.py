"""Read files in a few processes that may do little: a file that brings its reader down harms nothing else.

What one may still do that was taken over by what it reads, `index.confine` says.
Each reads one file at a time. One that takes too long, holds too much or dies is replaced, and the file is left out
with the reason. Nothing is started before the first file comes.
"""

import contextlib
import fcntl
import logging
import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any, Self, TypeAlias, TypeVar

from config import Library as Settings
from index.errors import Cancelled, Died, SourceError
from index.progress import STOPPED
from index.reading import parcel
from index.reading.confine import TOO_LARGE
from index.records import Article, ArticleId, Item
from index.system import child
from index.system.turn import cores
from index.web.sitemap import Sitemap

T = TypeVar("T")
Read: TypeAlias = Callable[[dict[str, Any], bytearray], T]

AT_ONCE = 4
"""Most processes, however many cores there are: each may hold what `Limits` allows, and the model wants cores too."""

START = 0.5
"""Seconds that files must have waited for a process before a further one is started: half of what a start costs."""

GIVEN_UP = 60.0
"""Seconds in which a process must have got ready. It takes one in quiet, and gives way to all others."""

LEISURE = 4
"""Times the seconds of a processor that a file may take from the wall clock, because its reader gives way to others."""

_DYING = 5.0
"""Seconds in which a process that closed its pipes must have ended. One that lives on means no good."""

_KEPT = ("PATH", "HOME", "TZ", "LANG", "PYTHON", "LC_", "LD_LIBRARY", "DYLD_", "VIRTUAL_ENV", "TMPDIR", "COVERAGE")
"""Beginnings of the environment variables a reader is given. The others hold secrets."""

_PIPE = 1 << 20
"""Bytes that a pipe may hold, where that can be chosen: with 64 KB a large file wakes both sides hundreds of times."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Limits:
    """What a file may take of a processor and of memory, and how large it may be: in bytes, its text in characters."""

    seconds: int = 30
    megabytes: int = 512
    largest: int = 20_000_000

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Return the limits that the settings name."""
        return cls(settings.parse_seconds, settings.parse_mb, settings.largest_file_mb * 1_000_000)


class Parsers:
    """The processes that read. Any number of threads may ask; close it, or use it in a `with`."""

    def __init__(self, limits: Limits, *, most: int | None = None, lists: bool = False) -> None:
        """Read with at most `most` processes; None: as many as there are cores, and AT_ONCE at most.

        They read articles; with `lists` they read feeds and sitemaps, which needs other parsers and no model.
        """
        self.limits = limits
        self._what = "lists" if lists else "articles"
        self.most = most or min(cores(), AT_ONCE)
        self._changed = threading.Condition()
        self._idle: list[_Parser] = []
        self._alive: set[_Parser] = set()
        self._starting = False
        self._waited = 0.0
        self._closed = False
        # Linux ends a child with the thread that started it: with this one, not with whichever asked first.
        self._starter = ThreadPoolExecutor(1, "parsers-start")
        self._askers = ThreadPoolExecutor(self.most, "parsers")

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.close()

    def close(self) -> None:
        """End all processes, whatever they do. Who still waits for an article gets Cancelled, or hears of a death."""
        with self._changed:
            self._closed = True
            for parser in self._alive:
                parser.kill()
            while self._idle:
                self._forget(self._idle.pop())
            self._changed.notify_all()
            # Whoever uses one sees at once that it is dead, and only they may close the pipes under their hands.
            self._changed.wait_for(lambda: not (self._alive or self._starting), timeout=GIVEN_UP)
        self._askers.shutdown(cancel_futures=True)
        self._starter.shutdown(cancel_futures=True)

    def ahead(self, work: Callable[[], T]) -> Future[T]:
        """Do in another thread what may ask for an article: as much at once as there are processes."""
        return self._askers.submit(work)

    def extract(self, id: ArticleId, data: bytes) -> Article:  # noqa: A002  as `extract.extract`
        """Return the article a file holds, as `extract.extract` does and with its language, by one of the processes.

        Raises:
            SourceError: it holds none, or takes more than it may, or brought its reader down; with the reason in words.
            Died: the system lets no process start.
            Cancelled: all was closed meanwhile.
        """
        return self._ask({"article": id}, data, lambda label, body: parcel.article_of(id, label["article"], body))

    def tell(self, article: Article) -> Article:
        """Return an article that was read here with the language that its text is in. Raises as `extract`."""
        text = article.text.encode("utf-8", "surrogatepass")
        asked = {"language": article.language, "id": article.id}
        return replace(article, language=self._ask(asked, text, lambda label, _: parcel.language_of(label)))

    def feed(self, content: bytes, *, base: str, kind: str = "") -> list[Item]:
        """Return what a feed lists, as `feed.entries` does, by a process for `lists`. Raises as `extract`."""
        asked = {"feed": base, "kind": kind}
        (items,) = self._ask(asked, content, lambda _, body: parcel.items_of(body, lists=1))
        return items

    def sitemap(self, content: bytes) -> Sitemap:
        """Return what a sitemap lists, as `sitemap.read` does, by a process for `lists`. Raises as `extract`."""
        pages, sitemaps = self._ask({"sitemap": ""}, content, lambda _, body: parcel.items_of(body, lists=2))
        return Sitemap(tuple(pages), tuple(sitemaps))

    def _ask(self, asked: dict[str, str], data: bytes, read: Read[T]) -> T:
        parser = self._take()
        try:
            return parser.ask(asked, data, read)
        finally:
            self._give_back(parser)

    def _take(self) -> "_Parser":
        """Return a process that has nothing to do. Waits for one, and starts one where waiting has cost as much."""
        since = time.monotonic()
        with self._changed:
            while not self._closed:
                if parser := self._rested():
                    self._waited += time.monotonic() - since
                    return parser
                if self._starting:
                    self._changed.wait()
                    since = time.monotonic()
                elif self._may_start(time.monotonic() - since):
                    self._starting, self._waited = True, 0.0
                    break
                else:
                    self._changed.wait(START)
            else:
                raise Cancelled(STOPPED)
        return self._start()

    def _may_start(self, waited: float) -> bool:
        enough = not self._alive or self._waited + waited >= START
        return enough and len(self._alive) < self.most

    def _rested(self) -> "_Parser | None":
        """Take one that has nothing to do. One that the system killed meanwhile, for want of memory, is forgotten."""
        while self._idle:
            parser = self._idle.pop()
            if parser.lives:
                return parser
            self._forget(parser)
        return None

    def _start(self) -> "_Parser":
        """Start one and return it when it is ready."""
        parser = None
        try:
            parser = self._starter.submit(_Parser, self.limits, self._what).result()
            with self._changed:
                self._alive.add(parser)
                if self._closed:
                    parser.kill()
            parser.get_ready()
        except RuntimeError as error:  # no thread can be had
            raise Died(_UNSTARTED.format(reason=error)) from error
        except Died:
            if parser is not None:
                self._give_back(parser)
            raise
        finally:
            with self._changed:
                self._starting = False
                self._changed.notify_all()
        return parser

    def _give_back(self, parser: "_Parser") -> None:
        with self._changed:
            if parser.usable and not self._closed:
                self._idle.append(parser)
            else:
                self._forget(parser)
            self._changed.notify_all()

    def _forget(self, parser: "_Parser") -> None:
        parser.close()
        self._alive.discard(parser)


class _Parser:
    """One process that reads, and the pipes to it. One thread at a time uses it; another may kill it."""

    def __init__(self, limits: Limits, what: str) -> None:
        """Start it. Raises Died where the system refuses."""
        arguments = map(str, (limits.seconds, limits.megabytes, limits.largest, what))
        try:
            self._child = child.start("index.reading.parsing", *arguments, env=_environment())
        except OSError as error:
            raise Died(_UNSTARTED.format(reason=error)) from error
        self._limits = limits
        self._in, self._out, self._complaints = (
            pipe.fileno() for pipe in (self._child.stdin, self._child.stdout, self._child.stderr) if pipe
        )
        for pipe in (self._in, self._out, self._complaints):
            os.set_blocking(pipe, False)
        for pipe in (self._in, self._out):
            _widen(pipe)
        self.usable = False

    @property
    def lives(self) -> bool:
        """Whether the process runs."""
        return self._child.poll() is None

    def kill(self) -> None:
        """End the process; whoever waits for it hears at once that it died."""
        self._child.kill()

    def close(self) -> None:
        """End the process and close the pipes."""
        child.end(self._child)

    def ask(self, asked: dict[str, str], data: bytes, read: Read[T]) -> T:
        """Let it read one thing. It is `usable` afterwards, or must be closed. Raises as `Parsers.extract`."""
        name = asked.get("article") or asked.get("feed") or asked.get("id") or "a sitemap"
        self.usable = False
        deadline = time.monotonic() + self._limits.seconds * LEISURE
        try:
            self._send(parcel.head(asked, data), deadline)
            self._send(data, deadline)
            label, body = self._receive(deadline)
            self.usable = not label.get("last")
            if not _REFUSALS & label.keys():
                return read(label, body)
        except TimeoutError:
            raise SourceError(self._too_slow()) from None
        except EOFError:
            raise SourceError(self._obituary(name)) from None
        except (ValueError, KeyError) as error:
            self.usable = False
            log.warning("the reader of %s gave no sense: %s", name, error)
            raise SourceError(_CRASHED) from error
        raise SourceError(self._reason(name, label))

    def get_ready(self) -> None:
        """Wait until it has imported what it needs and given up the rest. Raises Died where it does not come to it."""
        try:
            self._receive(time.monotonic() + GIVEN_UP)
        except (TimeoutError, EOFError, ValueError) as error:
            self.kill()
            said = self._last_words()
            log.error("the process that reads articles did not get ready: %s", said)  # noqa: TRY400  it has no traceback
            reason = said.strip().rpartition("\n")[2][:200] or f"it ended with code {self._code()}"
            raise Died(_UNSTARTED.format(reason=reason)) from error

    def _send(self, data: bytes, deadline: float) -> None:
        left = memoryview(data)
        while left:
            _wait(self._in, select.POLLOUT, deadline)
            try:
                left = left[os.write(self._in, left[:_PIPE]) :]
            except BlockingIOError:
                continue
            except OSError as error:
                raise EOFError from error

    def _receive(self, deadline: float) -> tuple[dict[str, Any], bytearray]:
        """Return label and body of a parcel. Raises TimeoutError, EOFError, or ValueError for what may not be so."""
        label, body = parcel.LENGTHS.unpack(self._read(parcel.LENGTHS.size, deadline))
        if label > parcel.LABEL or body > 4 * self._limits.largest:  # no character has more than 4 bytes
            message = f"an answer of {label} and {body} bytes"
            raise ValueError(message)
        return parcel.read(self._read(label, deadline)), self._read(body, deadline)

    def _read(self, size: int, deadline: float) -> bytearray:
        """Read exactly so many bytes, and hold no more than came."""
        found = bytearray()
        while len(found) < size:
            _wait(self._out, select.POLLIN, deadline)
            try:
                some = os.read(self._out, min(size - len(found), _PIPE))
            except BlockingIOError:
                continue
            if not some:
                raise EOFError
            found += some
        return found

    def _reason(self, name: str, label: dict[str, Any]) -> str:
        """Say why nothing was read."""
        match label:
            case {"reason": str(reason)}:
                return reason[:500]
            case {"memory": True}:
                return self._too_large()
            case {"longer": int(length)}:
                return f"holds {length:,} characters of text, of at most {self._limits.largest:,}"
        log.info("the reader of %s failed: %s", name, str(label.get("crash"))[:500])
        return _CRASHED

    def _obituary(self, name: str) -> str:
        """Say what the process died of."""
        code = self._code()
        log.info("the reader of %s ended with code %s", name, code)
        if code == -signal.SIGXCPU:
            return self._too_slow()
        return self._too_large() if code in (TOO_LARGE, -signal.SIGKILL) else _CRASHED

    def _code(self) -> int | None:
        """Return the code that a process that closed its pipes ended with; None, and it is killed, if it lives on."""
        try:
            return self._child.wait(_DYING)
        except subprocess.TimeoutExpired:
            self.kill()
            return None

    def _too_slow(self) -> str:
        return f"takes more than {self._limits.seconds} seconds to read ([library] parse_seconds)"

    def _too_large(self) -> str:
        return f"needs more than {self._limits.megabytes} MB of memory to be read ([library] parse_mb)"

    def _last_words(self) -> str:
        with contextlib.suppress(OSError):
            return os.read(self._complaints, 1 << 16).decode(errors="replace")
        return ""


_UNSTARTED = "The process that reads articles cannot be started ({reason}). Nothing was changed."
_CRASHED = "made the program that reads it crash: it is damaged, or made to do that"
_REFUSALS = {"reason", "memory", "longer", "crash"}


def _wait(pipe: int, event: int, deadline: float) -> None:
    """Return when a pipe can be used. Raises TimeoutError at the deadline."""
    ready = select.poll()
    ready.register(pipe, event)
    if not ready.poll(max(0.0, deadline - time.monotonic()) * 1_000):
        raise TimeoutError


def _widen(pipe: int) -> None:
    if sys.platform == "linux":
        with contextlib.suppress(OSError):  # a user may have only so many of them
            fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, _PIPE)


def _environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name.startswith(_KEPT)}
    return kept | {"OPENBLAS_NUM_THREADS": "1"}  # threads for each core would be started, and are never used
