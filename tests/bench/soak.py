"""Let many people ask a real bot for long: is a question lost, how long does one wait, and does the process grow?

    python -m tests.bench.soak [--questions N] [--people N] [--mode polling|webhook] [--paced] [--minutes N]

The bot is the program itself with the default model and the seeds, in a process of its own; Telegram is tests/botapi.
Everyone has one or two questions open and asks the next when those are answered. It ends by itself, with 1 where a
question was lost or answered twice, or where memory, open files or threads grow.
"""

import argparse
import contextlib
import itertools
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn, Protocol

import httpx
import numpy as np
import psutil
from scipy import stats

from config import load
from index.library import Library, seeds
from tests.bench import asked
from tests.botapi import BotApi, Message, Person
from tests.callbacks import LONGEST
from tests.served import free_port

SERVE = """
import functools, sys
from bot import app, cli
from bot.sending import pace
if sys.argv[1] == "free":
    app.build = functools.partial(app.build, limits=pace.Limits(10_000.0, 0.0, 10_000))
sys.exit(cli.main(["serve", "--data", sys.argv[2]]))
"""
"""The program itself; "free" of Telegram's limits on what is sent."""

TIMED = """
import functools, sys
from bot import app, cli
from bot.sending import pace
from tests.callbacks import LONGEST, timed
if sys.argv[1] == "free":
    app.build = functools.partial(app.build, limits=pace.Limits(10_000.0, 0.0, 10_000))
with timed(least=LONGEST / 10) as took:
    code = cli.main(["serve", "--data", sys.argv[2]])
for one in took:
    print(f"CALLBACK {one.at} {one.cpu} {one.wall} {one.what}")
sys.exit(code)
"""
"""The same; of its event loop it tells at the end what took 5 ms and more."""

ALONE = {"FOOTNOTE_CONVERSATION_FOLLOW_UP": "0"}
"""So that the same question gets the same answer, whatever its person asked before."""

NOBODY_LIMITED = {"FOOTNOTE_DELIVERY_BURST": "10000", "FOOTNOTE_DELIVERY_PER_MINUTE": "10000"}
"""What an operator sets who lets everyone ask as much as they like."""

WARM_UP = 0.2
"""Share of the questions after which growth counts: until then caches fill and every thread finds its first arena."""

SHORT = 3_000
"""Questions below which growth is shown and not judged: such a run is all warm-up."""

BLOCKS = 20
"""Means that the slope is fitted to: samples a second apart are hardly more telling than one of them."""

BOUND = 1.0
"""MB per 1,000 questions below which a slope does not count, be it as sure as it may: a million questions are 1 GB."""

POOL = 10
"""Connections that Chroma opens to its SQLite at most, one more whenever more questions than ever meet there: sqlx's
number. Each is a thread and a file; a growth that ends is not a leak, so they are counted apart."""

LOST = 120.0
"""Seconds without an answer after which a question counts as lost."""

_MARK = re.compile(asked.MARK.format(number=r"\d+"))


@dataclass(frozen=True, slots=True)
class Sample:
    """The bot's process at one moment: questions answered so far, MB in memory, open files, threads.

    Not counted among these are `pooled` connections of Chroma to its SQLite, each of which is a file and a thread.
    """

    answered: int
    memory: float
    files: int
    threads: int
    pooled: int = 0


class Telegram(Protocol):
    """Where a Bot API server listens, in this process or in another."""

    @property
    def url(self) -> str:
        """Return what stands before /bot<token>."""

    @property
    def token(self) -> str:
        """Return the token of the bot."""


@dataclass(frozen=True, slots=True)
class Running:
    """A bot and the port on which it tells how it is."""

    process: subprocess.Popen[bytes]
    port: int


@dataclass(slots=True)
class Heard:
    """What people asked and heard. `mixed_up` are answers that belong to another question."""

    left: Iterator[int]
    took: list[float] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    mixed_up: list[str] = field(default_factory=list)
    known: dict[str, str] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, question: Message, answer: Message) -> None:
        """Hold an answer against its question: it names what only this one asked, and is the one it was before."""
        with self.lock:
            self.took.append(answer.sent_at - question.sent_at)
            same = self.known.setdefault(question.text, answer.text) == answer.text
            if not same or not set(_MARK.findall(answer.text)) <= set(_MARK.findall(question.text)):
                self.mixed_up.append(f"{question.text!r} got {answer.text!r}")


def main() -> int:
    """Ask, print a table, and return the exit code."""
    parser = argparse.ArgumentParser(description="Many people ask a real bot for long.")
    parser.add_argument("--questions", type=int, default=5_000)
    parser.add_argument("--people", type=int, default=200)
    parser.add_argument("--mode", choices=["polling", "webhook"], default="polling")
    parser.add_argument("--paced", action="store_true", help="keep Telegram's limits on what is sent")
    parser.add_argument("--minutes", type=float, default=30, help="ask nothing more after so long")
    parser.add_argument("--samples", type=Path, help="write what was seen of the process to a file, as CSV")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="footnote-soak-") as place:
        faults = soak(Path(place), chosen)
    for fault in faults:
        print(f"FAILED: {fault[:2_000]}", file=sys.stderr)
    return int(bool(faults))


def soak(place: Path, chosen: argparse.Namespace) -> list[str]:
    """Run it, print the figures, and return what is wrong."""
    with Library(load(flags={"library.data": str(place / "data")}, environ={}, folder=place)) as library:
        library.index(seeds())
    heard = Heard(iter(range(chosen.questions)))
    with (
        BotApi(quick=True, kept=50) as api,
        running(place, api, mode=chosen.mode, paced=chosen.paced, program=TIMED, **NOBODY_LIMITED, **ALONE) as bot,
    ):
        watch = Watch(bot.process, heard)
        wait_for(lambda: httpx.get(f"http://127.0.0.1:{bot.port}/readyz", timeout=2).is_success)
        began = time.monotonic()
        with watch:
            ask_all(api, heard, chosen)
        seconds = time.monotonic() - began
        time.sleep(2)  # what is answered twice may come later
        sent = api.count("sendMessage")
        findings = [
            *api.findings,
            *(refused.description for refused in api.refusals),
            *(api.pace if chosen.paced else []),
        ]
        bot.process.send_signal(signal.SIGTERM)
        code = bot.process.wait(60)
    said = (place / "said").read_text("utf-8", errors="replace")
    slow = callbacks(said, since=began)
    show(heard, watch.samples, seconds=seconds, chosen=chosen)
    print(f"{'slowest callback of the event loop, ms: processor / all':<55}{slow[0]:>23.0f} / {slow[1]:.0f}")
    if chosen.samples:
        rows = (f"{one.answered},{one.memory:.3f},{one.files},{one.threads},{one.pooled}\n" for one in watch.samples)
        chosen.samples.write_text("answered,memory,files,threads,pooled\n" + "".join(rows))
    return [
        *(f"lost: {question}" for question in heard.lost),
        *heard.mixed_up,
        *([] if sent == len(heard.took) else [f"{len(heard.took)} answers were awaited and {sent} came"]),
        *(f"Telegram: {finding}" for finding in findings),
        *([] if code == 0 else [f"the bot ended with {code}"]),
        *(f"log: {line}" for line in said.splitlines() if re.search(" (WARNING|ERROR|CRITICAL) |Traceback", line)),
        *([f"a callback of the event loop took {slow[0]:.0f} ms: {slow[2]}"] if slow[0] > 1_000 * LONGEST else []),
        *growing(watch.samples, chosen.questions),
    ]


@contextmanager
def running(
    place: Path, api: Telegram, *, mode: str = "polling", paced: bool = False, program: str = SERVE, **environment: str
) -> Iterator[Running]:
    """Run the bot as an operator would, with more `environment`; kill it where it does not end by itself."""
    port = free_port()
    environment = {
        **os.environ,
        "TELEGRAM_BOT_TOKEN": api.token,
        "FOOTNOTE_TELEGRAM_API_URL": api.url,
        "FOOTNOTE_WEB_PORT": str(port),
        "PYTHONPATH": os.pathsep.join(sys.path),
        **environment,
    }
    if mode == "webhook":
        environment["FOOTNOTE_TELEGRAM_WEBHOOK"] = f"http://127.0.0.1:{port}/telegram"
    command = [sys.executable, "-c", program, "paced" if paced else "free", str(place / "data")]
    with (place / "said").open("wb") as said:
        process = subprocess.Popen(command, env=environment, cwd=place, stdout=said, stderr=said)

    def killed(*_: object) -> NoReturn:
        process.kill()
        os._exit(128 + signal.SIGTERM)  # those who ask would go on for as long as they wait for an answer

    signal.signal(signal.SIGTERM, killed)
    try:
        yield Running(process, port)
    finally:
        process.kill()
        process.wait()


def wait_for(ready: Callable[[], bool]) -> None:
    """Wait for a minute at most until the bot is ready."""
    until = time.monotonic() + 60
    while time.monotonic() < until:
        with contextlib.suppress(httpx.TransportError):
            if ready():
                return
        time.sleep(0.1)
    raise TimeoutError("the bot does not become ready")


def callbacks(said: str, *, since: float) -> tuple[float, float, str]:
    """Return ms of the processor, ms in all and the name of the callback that took longest of those since then."""
    found = [line.split(" ", 4)[1:] for line in said.splitlines() if line.startswith("CALLBACK ")]
    loaded = [(1_000 * float(cpu), 1_000 * float(wall), what) for at, cpu, wall, what in found if float(at) > since]
    return max(loaded, default=(0.0, 0.0, ""))


def ask_all(api: BotApi, heard: Heard, chosen: argparse.Namespace) -> None:
    """Let everyone ask at once until all is asked, or the time is over."""
    until = time.monotonic() + 60 * chosen.minutes
    people = [api.person(1_000 + number, f"P{number}") for number in range(chosen.people)]
    with ThreadPoolExecutor(chosen.people) as threads:
        asking = [threads.submit(ask, person, heard, until) for person in people]
        for one in asking:
            one.result()


def ask(person: Person, heard: Heard, until: float) -> None:
    """Ask one or two questions, wait for as many answers, and go on, until nothing is left to ask."""
    texts = asked.texts(person.id)
    while time.monotonic() < until:
        with heard.lock:
            numbers = list(itertools.islice(heard.left, 1 + (person.id % 5 == 0)))
        if not numbers:
            return
        questions = [person.says(next(texts)) for _ in numbers]
        answers: dict[int, Message] = {}
        for _ in questions:
            try:
                new = person.waits(lambda each: each.id not in answers, after=questions[0], timeout=LOST)  # noqa: B023  called at once
            except AssertionError:
                heard.lost += [question.text for question in questions[len(answers) :]]
                return
            answers[new.id] = new
        for question, (_, answer) in zip(questions, sorted(answers.items()), strict=True):
            heard.note(question, answer)


class Watch:
    """Looks at a process twice a second for as long as its block lasts."""

    def __init__(self, bot: subprocess.Popen[bytes], heard: Heard) -> None:
        """Look at `bot`."""
        self.samples: list[Sample] = []
        self._process = psutil.Process(bot.pid)
        self._heard = heard
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._over.wait(0.5):
            try:
                with self._process.oneshot():
                    memory, files = self._process.memory_info().rss / 1e6, self._process.num_fds()
                names = self._names()
            except psutil.NoSuchProcess:
                return
            pooled = sum(name.startswith("sqlx-sqlite") for name in names)
            self.samples.append(
                Sample(len(self._heard.took), memory, files - pooled, len(names) - pooled, pooled=pooled)
            )

    def _names(self) -> list[str]:
        """Return the names of all threads; without /proc only as many empty ones."""
        tasks = Path(f"/proc/{self._process.pid}/task")
        if not tasks.exists():
            return [""] * self._process.num_threads()
        names = []
        for task in tasks.iterdir():
            with contextlib.suppress(OSError):  # it has just ended
                names.append((task / "comm").read_text())
        return names


def slope(x: Sequence[float], y: Sequence[float]) -> tuple[float, float]:
    """Return the slope of y on x and half its 95 % interval.

    Ordinary least squares on the means of BLOCKS blocks: b = Sxy / Sxx, its error sqrt(Σe² / (n - 2) / Sxx), with
    Student's t at n - 2. Where neighbouring residuals agree (their correlation r > 0), as they do in a memory that
    grows by steps, the error is multiplied by sqrt((1 + r) / (1 - r)), as for an AR(1) process.
    """
    means = [(np.mean(a), np.mean(b)) for a, b in zip(*(np.array_split(v, BLOCKS) for v in (x, y)), strict=True)]
    at, value = np.array(means).T
    spread = at - at.mean()
    found = float(spread @ value / (spread @ spread))
    rest = value - value.mean() - found * spread
    squares = float(rest @ rest)
    r = max(0.0, float(rest[1:] @ rest[:-1]) / squares) if squares else 0.0
    error = np.sqrt(squares / (BLOCKS - 2) / (spread @ spread) * (1 + r) / (1 - r))
    return found, float(stats.t.ppf(0.975, BLOCKS - 2) * error)


def warm(samples: Sequence[Sample], questions: int) -> list[Sample]:
    """Leave out the samples of the warm-up."""
    return [sample for sample in samples if WARM_UP * questions <= sample.answered < questions]


def growth(samples: Sequence[Sample], questions: int) -> tuple[float, float]:
    """Return MB per 1,000 questions after the warm-up, and half its 95 % interval."""
    kept = warm(samples, questions)
    return slope([sample.answered / 1_000 for sample in kept], [sample.memory for sample in kept])


def growing(samples: Sequence[Sample], questions: int) -> list[str]:
    """Say what grows after the warm-up: the last quarter's middle lies above all of the first quarter."""
    kept = warm(samples, questions)
    if questions < SHORT:
        return []
    if len(kept) < 2 * BLOCKS:
        return [f"only {len(kept)} samples were taken after the warm-up"]
    quarter = len(kept) // 4
    found = [
        f"{what} grow: {max(first)} at most at first, {np.median(last)} in the end"
        for what, first, last in (
            ("open files", [s.files for s in kept[:quarter]], [s.files for s in kept[-quarter:]]),
            ("threads", [s.threads for s in kept[:quarter]], [s.threads for s in kept[-quarter:]]),
        )
        if np.median(last) > max(first)
    ]
    if (pooled := max(s.pooled for s in kept)) > POOL:
        found.append(f"Chroma opened {pooled} connections")
    rate, half = growth(samples, questions)
    if rate - half > 0 and rate > BOUND:
        found.append(f"memory grows by {rate:.2f} ± {half:.2f} MB per 1,000 questions")
    return found


def show(heard: Heard, samples: Sequence[Sample], *, seconds: float, chosen: argparse.Namespace) -> None:
    """Print the figures."""
    kept = warm(samples, chosen.questions)
    figures = {
        "people": f"{chosen.people}",
        "questions answered": f"{len(heard.took):,}",
        "lost / mixed up": f"{len(heard.lost)} / {len(heard.mixed_up)}",
        "questions a second": f"{len(heard.took) / seconds:.1f}",
    }
    if heard.took:
        figures["question to answer, s: p50 / p95"] = " / ".join(
            f"{p:.2f}" for p in np.percentile(heard.took, (50, 95))
        )
    if len(kept) >= 2 * BLOCKS:
        rate, half = growth(samples, chosen.questions)
        memory = [sample.memory for sample in kept]
        figures["memory, MB: first / after warm-up / last / most"] = (
            f"{samples[0].memory:.0f} / {memory[0]:.0f} / {memory[-1]:.0f} / {max(memory):.0f}"
        )
        figures["slope, MB per 1,000 questions, 95 %"] = f"{rate:+.2f} ± {half:.2f}"
        figures["zero lies within"] = "yes" if abs(rate) <= half else "no"
        for name, values in (
            ("open files", [s.files for s in kept]),
            ("threads", [s.threads for s in kept]),
            ("Chroma's connections", [s.pooled for s in kept]),
        ):
            figures[f"{name}: first / last / most"] = f"{values[0]} / {values[-1]} / {max(values)}"
    for name, value in figures.items():
        print(f"{name:<55}{value:>30}")


if __name__ == "__main__":
    sys.exit(main())
