"""Measure what it costs to read files in limited processes, against the same parsers called here without any limit.

python -m tests.bench.reading [--files N]
"""

import argparse
import json
import os
import random
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from html import escape
from typing import TypeAlias

import psutil

from index.articles import sources
from index.formats import extract
from index.library import seeds
from index.reading import parsing
from index.reading.parsers import Limits, Parsers
from index.records import ArticleId
from index.system.turn import NICE
from index.text.sentences import sentences
from tests import hostile

FILES = 1_000
TURNS = 10
"""Both read a tenth of the files in turns, so that whatever else the machine does meets them alike."""

File: TypeAlias = tuple[ArticleId, bytes]


def apart() -> dict[str, float]:
    """Measure in a process that gives way to others as the readers do, whom alone a busy machine would slow else."""
    command = [sys.executable, "-m", "tests.bench.reading", "--json"]
    return dict(json.loads(subprocess.run(command, capture_output=True, check=True, text=True).stdout))


def mixed(count: int) -> list[File]:
    """Return so many files of all kinds by turns, each of 24 sentences drawn from the seeds, the same in every run."""
    texts = [extract.extract(o.id, sources.read(o, limit=10**7)).text for o in sources.scan(seeds())[0]]
    pool = [span.of(text) for text in texts for span in sentences(text)]
    draw = random.Random(1)
    kinds = [suffix for suffix in sorted(_MADE) if suffix in sources.SUFFIXES]
    files = []
    for number in range(count):
        suffix = kinds[number % len(kinds)]
        files.append((ArticleId(f"{number:04}{suffix}"), _MADE[suffix](draw.sample(pool, 24))))
    return files


def measure(*, files: int = FILES) -> dict[str, float]:
    """Return files a second of either, and the memory of all processes together, in MB."""
    detector = parsing.prepare()
    given = mixed(files)
    alone, pooled, first, most = 0.0, 0.0, 0.0, [0.0]
    over = threading.Event()
    watching = threading.Thread(target=_watch, args=(most, over))
    before = _memory()
    with Parsers(Limits()) as parsers:
        watching.start()
        for turn in range(TURNS):
            some = given[turn::TURNS]
            alone += _seconds(lambda some=some: [parsing.article(*file, detector) for file in some])  # type: ignore[misc]
            pooled += _seconds(lambda some=some: _read(parsers, some))  # type: ignore[misc]
            first = first or pooled
        over.set()
        watching.join()
    return {
        f"reading {files:,} mixed files: the parsers alone, in one process, files/s": files / alone,
        f"reading {files:,} mixed files: in limited processes, with their start, files/s": files / pooled,
        "reading: in limited processes / alone (aim >= 0.7)": alone / pooled,
        "reading: the same without the first tenth, in which they start": alone * (1 - 1 / TURNS) / (pooled - first),
        "reading: memory of all processes at most, over that of one before, MB": (most[0] - before) / 1e6,
    }


def _read(parsers: Parsers, files: Sequence[File]) -> None:
    for article in [parsers.ahead(lambda file=file: parsers.extract(*file)) for file in files]:  # type: ignore[misc]
        article.result()


def _watch(most: list[float], over: threading.Event) -> None:
    while not over.wait(0.05):
        most[0] = max(most[0], _memory())


def _memory() -> float:
    """Return the memory of this process and its children, in bytes."""
    me = psutil.Process()
    held = float(me.memory_info().rss)
    for process in me.children():
        try:
            held += process.memory_info().rss
        except psutil.Error:
            continue
    return held


def _seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def _html(drawn: list[str]) -> bytes:
    menu = "".join(f"<li><a href='/{n}'>Section {n}</a></li>" for n in range(30))
    paragraphs = "".join(f"<p>{escape(' '.join(drawn[at : at + 4]))}</p>" for at in range(0, len(drawn), 4))
    head = f"<title>{escape(drawn[0][:60])}</title><meta property='og:site_name' content='Gazette'>"
    page = f"<html><head>{head}</head><body><nav><ul>{menu}</ul></nav><article><h1>A page</h1>{paragraphs}</article>"
    return f"{page}<footer><ul>{menu}</ul></footer></body></html>".encode()


def _docx(drawn: list[str]) -> bytes:
    return hostile.docx("".join(f"<w:p><w:r><w:t>{escape(one)}</w:t></w:r></w:p>" for one in drawn).encode())


def _pdf(drawn: list[str]) -> bytes:
    plain = "".join(char if char.isascii() and char not in "()\\" else "-" for char in ". ".join(drawn))
    return hostile.pdf(hostile.written(plain))


_MADE: dict[str, Callable[[list[str]], bytes]] = {
    ".txt": lambda drawn: f"A title\n\n{' '.join(drawn)}\n".encode(),
    ".md": lambda drawn: f"---\ntitle: A title\n---\n\n# Part\n\n{' '.join(drawn[:12])}\n\n- {drawn[12]}\n".encode(),
    ".html": _html,
    ".pdf": _pdf,
    ".docx": _docx,
    ".epub": lambda drawn: hostile.epub("".join(f"<p>{escape(one)}</p>" for one in drawn).encode()),
    ".eml": lambda drawn: hostile.eml("\r\n".join(drawn)),
}


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description="Reading in limited processes against the bare parsers.")
    parser.add_argument("--files", type=int, default=FILES)
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args()
    os.nice(NICE)
    figures = measure(files=chosen.files)
    if chosen.json:
        print(json.dumps(figures))
        return
    for name, value in figures.items():
        print(f"{name:<90}{value:>12,.3f}")


if __name__ == "__main__":
    main()
