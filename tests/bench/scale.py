"""Measure how reindexing, asking, memory and disk grow with the collection, with vectors made by `made`."""

import itertools
import shutil
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from config import load
from index.library import Library, seeds
from index.quality import evaluate
from index.truth.ledger import Ledger
from tests.bench import made

SIZES = (1_000, 10_000, 100_000)
"""Passages; an article has ten."""

ASKED = 300


def measure(place: Path, *, largest: int) -> dict[str, float]:
    """Return figures for collections of up to `largest` passages; times in ms or s as their names say, sizes in MB."""
    figures: dict[str, float] = {}
    with ExitStack() as stack:
        libraries: dict[int, Library] = {}
        for size in (size for size in SIZES if size <= largest):
            folder = place / str(size)
            made.write_articles(folder, count=size // 10)
            library = stack.enter_context(_library(place / f"data-{size}"))
            before = _resident()
            seconds = timed(lambda folder=folder, library=library: library.index(folder))  # type: ignore[misc]
            figures[f"{size:,} passages: first index, s"] = seconds
            figures[f"{size:,} passages: memory it added, MB"] = _resident() - before
            figures |= _reindexing(library, folder, size=size, first=seconds)
            libraries[size] = library
        figures |= _asking(libraries)
        middle = sorted(libraries)[len(libraries) // 2]
        figures |= _reading(libraries[middle], place / str(middle), size=middle)
    return figures


def _reindexing(library: Library, folder: Path, *, size: int, first: float) -> dict[str, float]:
    """Reindex unchanged, and with one article changed, until the change is found."""
    unchanged = min(timed(lambda: library.index(folder)) for _ in range(2))
    article = folder / "000042.txt"
    seconds = []
    for turn in range(3):
        article.write_text(article.read_text() + f"\nNew words zebra{turn} here.\n")
        start = time.perf_counter()
        library.index(folder)
        found = library.search(f"zebra{turn}")[0]
        seconds.append(time.perf_counter() - start)
        if found[0].passage.article.id != article.name:
            message = "the changed article was not found"
            raise RuntimeError(message)
    changed = statistics.median(seconds)
    name = f"{size:,} passages"
    return {
        f"{name} ({size // 10:,} articles): reindex unchanged, s": unchanged,
        f"{name}: one article changed, until it is found, s": changed,
        f"{name}: full index / one article changed": first / changed,
        f"{name}: disk, MB": library.status().disk / 1e6,
        f"{name}: disk of its ledger, MB": (library.data / "ledger.sqlite").stat().st_size / 1e6,
        f"{name}: recall@10 of base and delta against an exact scan": _recall(library, size=size),
    }


def _recall(library: Library, *, size: int) -> float:
    """Compare what base and delta find with a scan of every vector of the ledger."""
    revision = library._revision()
    snapshot = library._served.opened(revision)
    ledger: Ledger = library._ledger
    parts = list(ledger.all_vectors(revision.number, after=0, model=revision.fingerprint))
    numbers, vectors = np.concatenate([n for n, _ in parts]), np.concatenate([v for _, v in parts])
    asked = library._embedder.passages([*made.questions(100), *(f"zebra2 w{n} w{n + size // 100}" for n in range(20))])
    shared = 0
    for question in asked:
        exact = set(numbers[np.argpartition(-(vectors @ question), 10)[:10]].tolist())
        found = snapshot.nearest(question, limit=library._settings.retrieval.candidates)
        shared += len(exact & set(list(found)[:10]))
    return shared / (10 * len(asked))


def _asking(libraries: dict[int, Library]) -> dict[str, float]:
    """Ask all sizes in turns, question by question, so that whatever else the machine does meets them alike."""
    took: dict[int, list[float]] = {size: [] for size in libraries}
    for question in made.questions(ASKED):
        for size, library in libraries.items():
            took[size].append(timed(lambda library=library, question=question: library.search(question)) * 1_000)  # type: ignore[misc]
    figures = {}
    for size, times in took.items():
        figures[f"{size:,} passages: search, p50 ms"] = statistics.median(times[10:])
        figures[f"{size:,} passages: search, p95 ms"] = float(np.percentile(times[10:], 95))
    smallest, largest = min(took), max(took)
    ratio = statistics.median(took[largest][10:]) / statistics.median(took[smallest][10:])
    return figures | {f"search: {largest:,} / {smallest:,} passages, p50 (aim <= 2)": ratio}


def _reading(library: Library, folder: Path, *, size: int) -> dict[str, float]:
    """Let four threads search, in quiet and then through 30 reindexes, each of which changes some articles.

    And in quiet once more: at the end there are more segments to ask than at the beginning.
    """
    asked = made.questions(100)
    quiet = p95(library.search, asked, lambda: time.sleep(5))

    def reindex() -> None:
        for turn in range(30):
            for number in range(turn, size // 10, 50):
                with (folder / f"{number:06}.txt").open("a") as article:
                    article.write(f"\nTurn {turn}.\n")
            library.index(folder)

    busy = p95(library.search, asked, reindex)
    after = p95(library.search, asked, lambda: time.sleep(5))
    return {
        f"{size:,} passages, 4 threads: search, p95 ms": quiet,
        f"{size:,} passages, 4 threads: p95 through 30 reindexes / quiet (aim <= 2)": busy / quiet,
        f"{size:,} passages, 4 threads: p95 through 30 reindexes / quiet after them": busy / after,
    }


def p95(
    ask: Callable[[str], Any], questions: Sequence[str], meanwhile: Callable[[], Any], *, threads: int = 4
) -> float:
    """Return the 95th percentile, in ms, of what threads wait that go on asking while something else is done."""
    over, took = threading.Event(), []

    def go_on(number: int) -> None:
        for question in itertools.cycle([*questions[number:], *questions[:number]]):
            if over.is_set():
                return
            took.append(timed(lambda: ask(question)) * 1_000)  # noqa: B023  called at once
            time.sleep(0.02)

    with ThreadPoolExecutor(threads) as pool:
        asking = [pool.submit(go_on, number) for number in range(threads)]
        meanwhile()
        over.set()
    for one in asking:
        one.result()
    return float(np.percentile(took, 95))


def answering(place: Path, folder: Path, models: Path) -> dict[str, float]:
    """Answer questions about the seeds from at least 17,000 passages, one at a time. The passages' vectors are made.

    Each is asked for the first time, when most of the sentences it is judged by are new, and then three times again.
    """
    settings = load(flags={"library.data": str(place / "data-answers")}, environ={}, folder=place)
    with Library(settings, embedder=made.MadePassages(models)) as library:
        passages = library.index(folder).passages
        asked = [question.text for question in evaluate.questions(seeds())]
        library.search(asked[0])
        took = [timed(lambda question=question: library.ask(question)) * 1_000 for question in asked * 4]  # type: ignore[misc]
    first, again = took[: len(asked)], took[len(asked) :]
    return {
        "answers: passages": passages,
        "answers: asked first, p50 ms (aim <= 120)": statistics.median(first),
        "answers: asked first, p95 ms": float(np.percentile(first, 95)),
        "answers: asked again, p50 ms": statistics.median(again),
        "answers: asked again, p95 ms": float(np.percentile(again, 95)),
    }


def stock(folder: Path, models: Path) -> dict[str, float]:
    """Compare a first index with llama-index's own pipeline over the same articles, model, passage size and store.

    Both have their model in memory, ours compiled in `models`. Each is timed twice, in turns, and the faster counts.
    """
    ours, theirs = [], []
    sentences = _stock_model()
    for _ in range(2):
        with tempfile.TemporaryDirectory() as place, _real(Path(place) / "data", models) as library:
            library._embedder.question("warm")
            ours.append(timed(lambda library=library: library.index(folder)))  # type: ignore[misc]
            passages = library.status().revision.passages  # type: ignore[union-attr]
        with tempfile.TemporaryDirectory() as place:
            theirs.append(timed(lambda place=place: _stock_index(folder, Path(place), sentences)))  # type: ignore[misc]
    return {
        "stock pipeline: passages of ours": passages,
        "stock pipeline: llama-index, s": min(theirs),
        "stock pipeline: Footnote, s": min(ours),
        "stock pipeline: llama-index / Footnote (aim >= 2)": min(theirs) / min(ours),
    }


def _stock_model() -> Any:
    from llama_index.embeddings.huggingface import HuggingFaceEmbedding

    from index.models.weights import default_folder

    return HuggingFaceEmbedding(model_name=str(default_folder()), device="cpu")


def _stock_index(folder: Path, place: Path, model: Any) -> int:
    """Index a folder as llama-index's documentation shows it, in passages of our size."""
    import chromadb
    from chromadb.config import Settings
    from llama_index.core import SimpleDirectoryReader, StorageContext, VectorStoreIndex
    from llama_index.core.node_parser import SentenceSplitter
    from llama_index.vector_stores.chroma import ChromaVectorStore

    splitter = SentenceSplitter(chunk_size=120, chunk_overlap=20, tokenizer=model._model.tokenizer.tokenize)
    client = chromadb.PersistentClient(path=str(place), settings=Settings(anonymized_telemetry=False))
    try:
        store = ChromaVectorStore(chroma_collection=client.create_collection("stock", embedding_function=None))
        VectorStoreIndex.from_documents(
            SimpleDirectoryReader(str(folder)).load_data(),
            storage_context=StorageContext.from_defaults(vector_store=store),
            embed_model=model,
            transformations=[splitter],
        )
        return int(client.get_collection("stock", embedding_function=None).count())
    finally:
        client.close()


def _library(data: Path) -> Library:
    flags = {"library.data": str(data), "chunk.size": 72, "chunk.overlap": 0}
    return Library(load(flags=flags, environ={}, folder=data.parent), embedder=made.Made())


def _real(data: Path, models: Path) -> Library:
    shutil.copytree(models, data / "models")
    return Library(load(flags={"library.data": str(data)}, environ={}, folder=data.parent))


def _resident() -> float:
    return psutil.Process().memory_info().rss / 1e6


def timed(work: Callable[[], Any]) -> float:
    """Return the seconds that a piece of work takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start
