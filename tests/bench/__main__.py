"""Measure asking, indexing, starting and memory against doing the same with the bare libraries; then how all grows,
and what the bot makes of many people.

    python -m tests.bench [--articles N] [--questions N] [--passages N] [--people N] [--copies N] [--json]

The articles are made by shuffling the sentences of the seeds, the same ones in every run.
"""

import argparse
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from config import load
from index.articles import sources
from index.formats import extract
from index.library import Library, seeds
from index.models.weights import DEFAULT_MODEL, default_folder
from index.quality.evaluate import questions
from index.records import Progress
from index.text.sentences import sentences
from tests.bench import crowd, reading, scale
from tests.bench.scale import timed

BARE_START = """
import sys
from sentence_transformers import SentenceTransformer
SentenceTransformer(sys.argv[1], device="cpu").encode("Where will Trump and Putin meet?")
"""

ANSWERED = 17_000
"""Passages of the collection that answers are timed on."""

PASSAGES = 6
"""Passages of an article of 24 sentences."""


def main() -> None:
    """Run all benchmarks and print a table, or one JSON object."""
    parser = argparse.ArgumentParser(description="Footnote against the bare libraries.")
    parser.add_argument("--articles", type=int, default=250, help="articles to index (default: 250)")
    parser.add_argument("--questions", type=int, default=200, help="questions to ask (default: 200)")
    parser.add_argument("--passages", type=int, default=100_000, help="largest collection of made vectors; 0: none")
    parser.add_argument("--people", type=int, default=crowd.PEOPLE, help="who ask the bot at once; 0: nobody")
    parser.add_argument("--copies", type=int, default=10_000, help="articles to find copies among; 0: none")
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="footnote-bench-") as place:
        figures = measure(Path(place), articles=chosen.articles, asked=chosen.questions)
        figures |= reading.apart()
        figures |= scale.stock(Path(place) / "articles", Path(place) / "data" / "models")
        figures |= answering(Path(place), passages=ANSWERED)
        figures |= scale.measure(Path(place), largest=chosen.passages) if chosen.passages else {}
        figures |= finding_copies(chosen.copies) if chosen.copies else {}
        (Path(place) / "crowd").mkdir()
        figures |= crowd.measure(Path(place) / "crowd", people=chosen.people) if chosen.people else {}
    if chosen.json:
        print(json.dumps(figures, indent=2))
        return
    for name, value in figures.items():
        print(f"{name:<80}{value:>12,.3f}")


def measure(place: Path, *, articles: int, asked: int) -> dict[str, float]:
    """Return every figure; times in ms or s as their names say, memory in MB."""
    folder = place / "articles"
    make_articles(folder, count=articles)
    settings = load(flags={"library.data": str(place / "data")}, environ={}, folder=place)
    figures: dict[str, float] = {}
    with Library(settings) as library:
        library._embedder.question("warm")
        figures |= indexing(library, folder)
        figures |= asking(library, count=asked)
        figures |= asking_beside(library, folder)
    return figures | starting(place / "data")


def make_articles(folder: Path, *, count: int, first: int = 0) -> None:
    """Write articles of 24 sentences drawn from the seeds, numbered from `first`."""
    folder.mkdir(exist_ok=True)
    texts = [extract.extract(o.id, sources.read(o, limit=10**7)).text for o in sources.scan(seeds())[0]]
    pool = [span.of(text) for text in texts for span in sentences(text)]
    draw = random.Random(first + 1)
    for number in range(first, first + count):
        drawn = " ".join(f"{sentence} ({number}.{at})" for at, sentence in enumerate(draw.sample(pool, 24)))
        (folder / f"{number:05}.md").write_text(f"---\ntitle: Article {number}\n---\n\n{drawn}\n", encoding="utf-8")


def indexing(library: Library, folder: Path) -> dict[str, float]:
    """Compare a first index, from reading to the switch, with bare `encode` of the same texts before and after."""
    stages: dict[str, float] = {}

    def watch(progress: Progress) -> None:
        stages.setdefault(progress.stage, time.perf_counter())

    texts = embedded_texts(library, folder)
    model = bare_model()
    batch = library._embedder.batch
    before = timed(lambda: model.encode(texts[::2], batch_size=batch, normalize_embeddings=True))
    start = time.perf_counter()
    report = library.index(folder, watch=watch)
    whole = time.perf_counter() - start
    after = timed(lambda: model.encode(texts[1::2], batch_size=batch, normalize_embeddings=True))
    bare = before + after
    again = timed(lambda: library.index(folder))
    return {
        "passages": report.passages,
        "indexing: bare encode, passages/s": len(texts) / bare,
        "indexing: Footnote in all, passages/s": report.passages / whole,
        "indexing: embedding alone / bare": bare / (stages["building"] - stages["embedding"]),
        "indexing: in all / bare (aim >= 0.9)": bare / whole,
        "reindexing unchanged, s": again,
    }


def answering(place: Path, *, passages: int) -> dict[str, float]:
    """Answer from as many passages as were said, or some more, one question at a time."""
    folder = place / "articles-answers"
    make_articles(folder, count=passages // PASSAGES)
    return scale.answering(place, folder, place / "data" / "models")


def finding_copies(count: int) -> dict[str, float]:
    """Measure in a process of its own, whose memory nothing else fills, what it takes to find copies."""
    command = [sys.executable, "-m", "tests.bench.copies", "--articles", str(count), "--json"]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE)
    return dict(json.loads(done.stdout))


def bare_model() -> Any:
    """Load the default model as anybody would."""
    from sentence_transformers import SentenceTransformer

    return SentenceTransformer(str(default_folder()), device="cpu")


def embedded_texts(library: Library, folder: Path) -> list[str]:
    """Return what Footnote will embed of a folder."""
    from index.text.chunk import Sizes, chunk

    embedder = library._embedder
    sizes = Sizes(embedder.limit, library._settings.chunk.size, library._settings.chunk.overlap)
    found = []
    for origin in sources.scan(folder)[0]:
        article = extract.extract(origin.id, sources.read(origin, limit=10**7))
        found += [piece.embedded for piece in chunk(article, count=embedder.count, sizes=sizes)]
    return found


def asking(library: Library, *, count: int) -> dict[str, float]:
    """Compare retrieval and whole answers with the floor: encode the question, and ask Chroma for as many results.

    The three take turns question by question, so that whatever else the machine does meets them alike. Before that come
    answers to questions that nobody asked yet: sentences that are read for the first time take the model.
    """
    asked = [question.text for question in questions(seeds())]
    texts = [f"{asked[n % len(asked)]} {n}" for n in range(count)]
    snapshot = library._served.opened(library._revision())
    model = bare_model()
    collection = snapshot.parts[0].segment._opened.collection

    def floor(text: str) -> None:
        vector = model.encode(text, normalize_embeddings=True)
        collection.query(
            query_embeddings=[vector], n_results=library._settings.retrieval.candidates, include=["distances"]
        )

    library.search(texts[0])
    floor(texts[0])
    kinds: dict[str, Callable[[str], Any]] = {"floor": floor, "retrieval": library.search, "answer": library.ask}
    took: dict[str, list[float]] = {name: [] for name in (*kinds, "answer, asked first")}
    for text in dict.fromkeys(asked):
        took["answer, asked first"].append(timed(lambda text=text: library.ask(text)) * 1_000)  # type: ignore[misc]
    for text in texts:
        for name, work in kinds.items():
            took[name].append(timed(lambda work=work, text=text: work(text)) * 1_000)  # type: ignore[misc]
    figures = {}
    for name, times in took.items():
        figures[f"asking: {name}, p50 ms"] = statistics.median(times)
        figures[f"asking: {name}, p95 ms"] = float(np.percentile(times, 95))
    figures["asking: retrieval / floor, p50 (aim <= 1.5)"] = (
        figures["asking: retrieval, p50 ms"] / figures["asking: floor, p50 ms"]
    )
    figures["asking: retrieval / floor, p95"] = figures["asking: retrieval, p95 ms"] / figures["asking: floor, p95 ms"]
    figures["asking: answer / floor, p50"] = figures["asking: answer, p50 ms"] / figures["asking: floor, p50 ms"]
    return figures


def asking_beside(library: Library, folder: Path) -> dict[str, float]:
    """Let two people ask, in quiet and while the model embeds 150 further articles."""
    asked = [question.text for question in questions(seeds())]
    make_articles(folder, count=150, first=1_000_000)
    quiet = scale.p95(library.ask, asked, lambda: time.sleep(5), threads=2)
    busy = scale.p95(library.ask, asked, lambda: library.index(folder), threads=2)
    return {
        "asking: answer, 2 people, p95 ms": quiet,
        "asking: answer, 2 people, p95 while articles are embedded / quiet (aim <= 2)": busy / quiet,
    }


def starting(data: Path) -> dict[str, float]:
    """Compare `footnote ask` in a new process with a process that only loads the model and encodes the question."""
    ask = [sys.executable, "-m", "bot.cli", "ask", "Where will Trump and Putin meet?", "--data", str(data)]
    bare = [sys.executable, "-c", BARE_START, str(default_folder())]
    ours = [watched(ask) for _ in range(3)]
    floor = [watched(bare) for _ in range(3)]
    return {
        "start to first answer, s": min(seconds for seconds, _ in ours),
        f"start: bare {DEFAULT_MODEL}, s": min(seconds for seconds, _ in floor),
        "start: Footnote / bare": min(seconds for seconds, _ in ours) / min(seconds for seconds, _ in floor),
        "memory: footnote ask at most, MB": max(memory for _, memory in ours),
        "memory: bare model at most, MB": max(memory for _, memory in floor),
    }


def watched(command: list[str]) -> tuple[float, float]:
    """Run a program; return its seconds, and the most memory it was seen to hold, in MB."""
    start = time.perf_counter()
    most = 0.0
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=dict(os.environ)) as child:
        process = psutil.Process(child.pid)
        while child.poll() is None:
            try:
                most = max(most, process.memory_info().rss / 1e6)
            except psutil.NoSuchProcess:
                break
            time.sleep(0.02)
        child.wait()
        if child.returncode:
            message = f"{command[1:4]} ended with {child.returncode}"
            raise RuntimeError(message)
    return time.perf_counter() - start, most


if __name__ == "__main__":
    main()
