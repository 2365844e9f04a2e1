"""Measure the bot under a crowd against the Library alone, and what one person who floods it costs the others.

    python -m tests.bench.crowd [--people N] [--questions N] [--turns N] [--minutes N] [--json]

Three programs by turns, each in processes of its own, on the same questions and the same library: the Library alone,
asked on as many threads as the bot asks it with; the bot, asked by everyone at once through a Bot API server in another
process; the same with one person more, who writes a hundred messages a second.
"""

import argparse
import contextlib
import itertools
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import psutil

from bot.app import ASKING
from bot.asking.questions import asked as after_command
from config import load
from index.asking.followup import TURNS
from index.errors import FootnoteError
from index.library import Library, seeds
from index.records import Turn
from tests.bench import asked, soak
from tests.botapi import BotApi, Message, Person

PEOPLE, QUESTIONS, ROUNDS = 100, 10, 2
"""1,000 questions, so that a 95th percentile has 50 of them behind it; each program twice, so that a spread is seen."""

WARM = 20
"""Questions before the clock starts: the first ones load the model and open the index."""

A_SECOND = 100
"""Messages that the one who floods writes in a second."""

NOBODY = 10_000_000
"""Ids of people who are not of the crowd."""


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """A Bot API server in another process."""

    url: str
    token: str


@dataclass(frozen=True, slots=True)
class Round:
    """One run of one program. Times in seconds; `took` from question to answer, `cpu` of the processor by whom.

    `refused` are the questions that cannot be asked: of signs only, for one. A bot that answers more of them with a
    line was not measured but broken.
    """

    questions: int
    seconds: float
    cpu: float
    took: Sequence[float] = ()
    harness: float = 0.0
    lost: int = 0
    refused: int = 0
    flooded: int = 0

    @property
    def rate(self) -> float:
        """Questions a second."""
        return self.questions / self.seconds

    @property
    def p95(self) -> float:
        """Seconds from a question to its answer that one in twenty waited longer than."""
        return float(np.percentile(self.took, 95))


def main() -> int:
    """Run it in turns, print the figures, and return the exit code; or be one of the processes."""
    parser = argparse.ArgumentParser(description="The bot under a crowd, against the Library alone.")
    parser.add_argument("--people", type=int, default=PEOPLE)
    parser.add_argument("--questions", type=int, default=QUESTIONS, help="of each person")
    parser.add_argument("--turns", type=int, default=ROUNDS, help="runs of each program")
    parser.add_argument("--minutes", type=float, default=5, help="a run asks nothing more after so long")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--part", choices=["library", "people", "flooded"], help=argparse.SUPPRESS)
    parser.add_argument("--place", type=Path, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.part == "library":
        print(json.dumps(alone(chosen.place, minutes=chosen.minutes)))
        return 0
    if chosen.part:
        crowd(chosen.place, minutes=chosen.minutes, flooded=chosen.part == "flooded")
        return 0
    with tempfile.TemporaryDirectory(prefix="footnote-crowd-") as place:
        figures = measure(
            Path(place), people=chosen.people, each=chosen.questions, turns=chosen.turns, minutes=chosen.minutes
        )
    if chosen.json:
        print(json.dumps(figures, indent=2))
    else:
        for name, value in figures.items():
            print(f"{name:<80}{value:>12,.3f}")
    return int(figures["crowd: questions lost"] > 0 or figures["crowd: questions failed"] > 0)


def measure(
    place: Path, *, people: int = PEOPLE, each: int = QUESTIONS, turns: int = ROUNDS, minutes: float = 5
) -> dict[str, float]:
    """Return every figure: the median over the turns, and for the ratios also their least and most."""
    with Library(load(flags={"library.data": str(place / "data")}, environ={}, folder=place)) as library:
        library.index(seeds())
    questions(place).write_text(json.dumps(drawn(people, each)), encoding="utf-8")
    bare: list[Round] = []
    bot: list[Round] = []
    flooded: list[Round] = []
    for number in range(turns):
        bare.append(Round(**json.loads(_output(_part("library", place, minutes)))))
        bot.append(asked_by_all(place, f"bot{number}", minutes=minutes))
        flooded.append(asked_by_all(place, f"flooded{number}", minutes=minutes, flooded=True))
    return figures(bare, bot, flooded)


def figures(bare: Sequence[Round], bot: Sequence[Round], flooded: Sequence[Round]) -> dict[str, float]:
    """Return what is shown. Each ratio is between runs of the same turn: whatever the machine did meets both alike."""

    def per_question(run: Round) -> float:
        return run.cpu / run.questions * 1_000

    rates = [run.rate / floor.rate for run, floor in zip(bot, bare, strict=True)]
    work = [per_question(floor) / per_question(run) for run, floor in zip(bot, bare, strict=True)]
    waits = [run.p95 / quiet.p95 for run, quiet in zip(flooded, bot, strict=True)]
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    found = {
        "crowd: Library alone, questions/s": statistics.median(run.rate for run in bare),
        "crowd: bot, questions/s": statistics.median(run.rate for run in bot),
        "crowd: question to answer, p50 s": float(np.median(np.concatenate([run.took for run in bot]))),
        "crowd: question to answer, p95 s": float(np.percentile(np.concatenate([run.took for run in bot]), 95)),
        "crowd: Library alone, processor ms a question": statistics.median(map(per_question, bare)),
        "crowd: bot, processor ms a question": statistics.median(map(per_question, bot)),
        "crowd: people and Telegram, share of all cores": statistics.median(
            run.harness / run.seconds / cores for run in bot
        ),
        "crowd: with a flood, p95 s of the others": statistics.median(run.p95 for run in flooded),
        "crowd: with a flood, its messages/s": statistics.median(run.flooded / run.seconds for run in flooded),
        "crowd: questions lost": float(sum(run.lost for run in [*bot, *flooded])),
        "crowd: questions failed": float(
            sum(
                abs(run.refused - floor.refused)
                for runs in (bot, flooded)
                for run, floor in zip(runs, bare, strict=True)
            )
        ),
    }
    for name, values in (
        ("crowd: bot / Library alone, questions/s (aim >= 0.9)", rates),
        ("crowd: Library alone / bot, processor time of a question (aim >= 0.9)", work),
        ("crowd: p95 of the others with a flood / without (aim <= 1.5)", waits),
    ):
        found[name] = statistics.median(values)
        found |= {f"{name}, least": min(values), f"{name}, most": max(values)} if len(values) > 1 else {}
    return found


def drawn(people: int, each: int) -> list[list[str]]:
    """Return what everyone asks, the same in every run."""
    return [list(itertools.islice(asked.texts(person), each)) for person in range(1, people + 1)]


def questions(place: Path) -> Path:
    """Return the file that holds them."""
    return place / "questions.json"


def alone(place: Path, *, minutes: float) -> dict[str, float]:
    """Ask the Library what the crowd asks, on the threads of the bot, each person's questions after one another."""
    everyone: list[list[str]] = json.loads(questions(place).read_text("utf-8"))
    said: list[list[Turn]] = [[] for _ in everyone]
    with Library(load(flags={"library.data": str(place / "data")}, environ={}, folder=place)) as library:

        def ask(who: int, text: str) -> bool | None:
            if time.monotonic() > until:
                return None
            question = after_command(text) if text.startswith("/ask") else text
            try:
                answer = library.ask(question, said[who][-TURNS:])
            except FootnoteError:
                return False
            said[who].append(Turn(question, answer.text))
            return True

        with ThreadPoolExecutor(ASKING) as threads:
            for text in itertools.islice(asked.texts(0), WARM):
                with contextlib.suppress(FootnoteError):
                    threads.submit(library.ask, text).result()
            in_turn = [(who, text) for texts in zip(*everyone, strict=True) for who, text in enumerate(texts)]
            until = time.monotonic() + 60 * minutes
            began, cpu = time.monotonic(), time.process_time()
            done = list(threads.map(lambda one: ask(*one), in_turn))
            seconds, cpu = time.monotonic() - began, time.process_time() - cpu
        answered, refused = done.count(True), done.count(False)
        return {"questions": answered + refused, "seconds": seconds, "cpu": cpu, "refused": refused}


def asked_by_all(place: Path, name: str, *, minutes: float, flooded: bool = False) -> Round:
    """Let the crowd ask a bot that is new, and return what came of it."""
    with _people(place, minutes, flooded=flooded) as people, _copy(place, name) as own:
        began = _line(people)
        with soak.running(own, Elsewhere(began["url"], began["token"])) as bot:
            soak.wait_for(lambda: httpx.get(f"http://127.0.0.1:{bot.port}/readyz", timeout=2).is_success)
            _say(people)
            _line(people)  # it is warm
            before = _cpu(bot.process.pid)
            _say(people)
            found = _line(people)
            return Round(cpu=_cpu(bot.process.pid) - before, **found)


def crowd(place: Path, *, minutes: float, flooded: bool) -> None:
    """Be the Bot API server and all who ask: tell where it is, and begin when told so on the standard input."""
    everyone: list[list[str]] = json.loads(questions(place).read_text("utf-8"))
    with BotApi(quick=True, kept=50) as api:
        _tell(url=api.url, token=api.token)
        sys.stdin.readline()
        first = api.person(NOBODY, "First")
        for text in itertools.islice(asked.texts(0), WARM):
            _ask(first, text)
        people = [api.person(1_000 + number, f"P{number}") for number in range(len(everyone))]
        flood = Flood(api.person(NOBODY + 1, "Flood")) if flooded else None
        _tell()
        sys.stdin.readline()
        until = time.monotonic() + 60 * minutes
        began, cpu = time.monotonic(), time.process_time()
        with flood or contextlib.nullcontext(), ThreadPoolExecutor(len(people)) as threads:
            asking = [
                threads.submit(_ask_all, person, texts, until) for person, texts in zip(people, everyone, strict=True)
            ]
            heard = [answer for one in asking for answer in one.result()]
            seconds, cpu = time.monotonic() - began, time.process_time() - cpu
        _tell(
            questions=sum(one is not None for one in heard),
            seconds=seconds,
            took=[one.took for one in heard if one is not None],
            harness=cpu,
            lost=sum(one is None for one in heard),
            refused=sum(one is not None and not one.buttons for one in heard),
            flooded=flood.sent if flood else 0,
        )


class Flood:
    """One person who writes without pause for as long as the block lasts, and waits for nothing."""

    def __init__(self, person: Person) -> None:
        """Let that person write."""
        self.sent = 0
        self._person = person
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._write, daemon=True)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _write(self) -> None:
        began = time.monotonic()
        for text in asked.texts(NOBODY):
            if self._over.wait(max(0.0, began + self.sent / A_SECOND - time.monotonic())):
                return
            self._person.says(text)
            self.sent += 1


@dataclass(frozen=True, slots=True)
class Heard:
    """A reply: the seconds until it came, and whether it has buttons, as every answer has and no other line."""

    took: float
    buttons: bool


def _ask_all(person: Person, texts: Sequence[str], until: float) -> list[Heard | None]:
    """Ask one question after the other; return what was heard of each, None for one without a reply."""
    return [_ask(person, text) for text in texts if time.monotonic() < until]


def _ask(person: Person, text: str) -> Heard | None:
    question = person.says(text)
    try:
        answer: Message = person.waits(lambda _: True, after=question, timeout=soak.LOST)
    except AssertionError:
        return None
    return Heard(answer.sent_at - question.sent_at, bool(answer.buttons))


@contextmanager
def _people(place: Path, minutes: float, *, flooded: bool) -> Iterator["subprocess.Popen[str]"]:
    command = _part("flooded" if flooded else "people", place, minutes)
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


@contextmanager
def _copy(place: Path, name: str) -> Iterator[Path]:
    """Make a folder for a bot with the library of all and an inbox of its own."""
    own = place / name
    own.mkdir()
    shutil.copytree(place / "data", own / "data")
    yield own


def _part(part: str, place: Path, minutes: float) -> list[str]:
    module = ["-m", "tests.bench.crowd", "--part", part]
    return [sys.executable, *module, "--place", str(place), "--minutes", str(minutes)]


def _output(command: list[str]) -> str:
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def _tell(**what: object) -> None:
    print(json.dumps(what), flush=True)


def _say(process: "subprocess.Popen[str]") -> None:
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()


def _line(process: "subprocess.Popen[str]") -> dict[str, Any]:
    assert process.stdout is not None
    found: dict[str, Any] = json.loads(process.stdout.readline())
    return found


def _cpu(pid: int) -> float:
    times = psutil.Process(pid).cpu_times()
    return times.user + times.system


if __name__ == "__main__":
    sys.exit(main())
