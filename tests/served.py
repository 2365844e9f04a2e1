"""A bot in a process of its own, which tests kill: the real program with a small model, which writes without pause."""

import functools
import os
import random
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
from pydantic import SecretStr

from bot import app, cli, lifecycle
from bot.asking import answers
from bot.sending.pace import Limits
from bot.text import render
from index.library import Library
from index.records import Answer
from tests import warm
from tests.collection import SIZES, put
from tests.conftest import TOKEN, settings_for
from tests.fakemodel import WordModel

PATIENCE = 90


def serve(data: Path, said: Path, environment: dict[str, str], slow: float) -> None:
    """Do what `footnote serve` does.

    A question takes up to `slow` seconds more, so that a kill meets several; one that is `deadly` ends the process.
    """
    with said.open("ab") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    sys.stdout, sys.stderr = os.fdopen(1, "w"), os.fdopen(2, "w")
    deadly, blocking = environment.pop("deadly", ""), environment.pop("blocking", "")
    os.environ.update(environment)
    vars(app)["build"] = functools.partial(app.build, limits=Limits(1_000.0, 0.0, 1_000))
    vars(cli)["_library"] = lambda settings: Library(settings, embedder=WordModel())
    ask, draw = Library.ask, random.Random(os.getpid())

    def slowly(library: Library, question: str, *history: object) -> object:
        if deadly and deadly in question:
            os.kill(os.getpid(), signal.SIGSEGV)
        time.sleep(draw.uniform(0, slow))
        return ask(library, question, *history)

    vars(app)["Library"] = Library
    if blocking:
        lifecycle.STUCK = 1.0
        blocked = functools.partial(block, word=blocking)
        vars(answers)["render"] = SimpleNamespace(**{**vars(render), "answer": blocked})
    Library.ask = slowly  # type: ignore[method-assign, assignment]  # only the time it takes is another
    code = cli.main(["serve", "--data", str(data)])
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def block(value: Answer, *, word: str, **how: Any) -> list[str]:
    """Render an answer; one in which no article has `word` holds up the event loop for longer than anybody waits."""
    if word in value.unknown_words:
        time.sleep(60)
    return render.answer(value, **how)


@dataclass
class Served:
    """A bot that is started and killed over and over on one data directory."""

    place: Path
    url: str
    extra: dict[str, str] = field(default_factory=dict)
    slow: float = 0.05
    data: str = "data"
    port: int = 0
    process: ForkServerProcess | None = None

    @property
    def said(self) -> str:
        """Everything that its processes wrote."""
        path = self.place / f"said-{self.data}"
        return path.read_text(errors="replace") if path.exists() else ""

    def start(self) -> ForkServerProcess:
        """Start it."""
        environment = {
            "TELEGRAM_BOT_TOKEN": TOKEN,
            "FOOTNOTE_TELEGRAM_API_URL": self.url,
            "FOOTNOTE_WEB_PORT": str(self.port),
            "FOOTNOTE_CHUNK_SIZE": str(SIZES["chunk__size"]),
            "FOOTNOTE_CHUNK_OVERLAP": "0",
            **self.extra,
        }
        self.process = warm.process(
            serve, self.place / self.data, self.place / f"said-{self.data}", environment, self.slow
        )
        return self.process

    def kill(self) -> None:
        """Kill it as the kernel does when memory is out."""
        assert self.process is not None
        self.process.kill()
        self.process.join(PATIENCE)

    def end(self) -> int:
        """Tell it to end; return its exit code."""
        assert self.process is not None
        if self.process.is_alive():
            os.kill(self.process.pid or 0, signal.SIGTERM)
        self.process.join(PATIENCE)
        assert self.process.exitcode is not None, "it did not end"
        return self.process.exitcode

    @property
    def dead(self) -> bool:
        """Whether no process of it runs."""
        return self.process is None or not self.process.is_alive()

    def metric(self, name: str) -> float:
        """Return one of its numbers, 0 while there is none."""
        try:
            page = httpx.get(f"http://127.0.0.1:{self.port}/metrics", timeout=5).text
        except httpx.TransportError:
            return 0.0
        return next((float(line.rpartition(" ")[2]) for line in page.splitlines() if line.startswith(f"{name} ")), 0.0)

    def ready(self) -> bool:
        """Whether it says that it is ready; needs a port."""
        try:
            return httpx.get(f"http://127.0.0.1:{self.port}/readyz", timeout=2).is_success
        except httpx.TransportError:
            return False


@contextmanager
def running(served: Served) -> Iterator[Served]:
    """Start a bot, and end whatever process of it runs at the end of the block."""
    served.start()
    try:
        yield served
    finally:
        if served.process is not None and served.process.is_alive():
            served.kill()


def small_library(place: Path, *, data: str = "data", database: str = "", url: str = "") -> None:
    """Index a few small articles in `place`, as the bot of `Served` asks them."""
    put(place / "articles", {f"a{n}": 1 for n in range(6)})
    shared = {"store__database": SecretStr(database), "store__url": url} if database else {}
    with Library(settings_for(place / data, **SIZES, **shared), embedder=WordModel()) as library:
        library.index(place / "articles")


def free_port() -> int:
    """Return a port that nothing listens on now."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


Until = Callable[[], object]
