"""Measure each part of retrieval and answering alone on sets of questions, with confidence intervals.

    python -m tests.bench.arms DIR [DIR …] [--limit N] [--seed N] [--data DIR] [--rerank MODEL]

Prints a table in Markdown: for each set and arm the mean over its questions, and a 95 % interval by bootstrap (1,000
samples of the questions, with replacement, percentile method).
"""

import argparse
import math
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from config import Settings, load
from index.library import Library
from index.quality import evaluate, risk
from index.quality.evaluate import Question, Run
from index.quality.risk import Outcome

ARMS = {"dense": 0.0, "lexical": 1.0}
"""Weight of the lexical channel where only one of the two ranks."""

TOLD = ("contains", "f1", "cite_precision", "cite_recall", "refused_right", "refused_wrong")

SAMPLES = 1_000

Figure = Callable[[NDArray[np.intp]], float]
"""A figure of the questions with these numbers."""


def main() -> None:
    """Measure the sets that were named."""
    parser = argparse.ArgumentParser(description="Every arm on every set.")
    parser.add_argument("sets", type=Path, nargs="+")
    parser.add_argument("--limit", type=int, help="questions of each set, drawn at random (default: all)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--data", type=Path, default=Path(".eval"), help="where the sets are indexed")
    parser.add_argument("--rerank", default="", help="a reranking model: one more arm (default: none)")
    chosen = parser.parse_args()
    print("| set | questions | arm | figure | mean | 95 % interval |\n|---|---|---|---|---|---|")
    for folder in chosen.sets:
        asked = evaluate.questions(folder, limit=chosen.limit, seed=chosen.seed)
        for arm, name, count, figure in measure(folder, chosen.data / folder.name, asked, rerank=chosen.rerank):
            whole, low, high = interval(figure, count, seed=chosen.seed)
            if not math.isnan(whole):
                print(
                    f"| {folder.name} | {count} | {arm} | {name} | {whole:.3f} | {low:.3f} to {high:.3f} |", flush=True
                )


def measure(
    folder: Path, data: Path, asked: Sequence[Question], *, rerank: str = ""
) -> Iterator[tuple[str, str, int, Figure]]:
    """Yield (arm, figure, how many questions, how to compute it of some of them)."""
    with Library(settings(data)) as library:
        library.index(evaluate.corpus(folder), agreed=True)
        found = list(evaluate.run(library, asked))
        alone = list(evaluate.run(library, asked, history=False)) if any(q.history for q in asked) else []
    reranked: list[Run] = []
    if rerank:
        with Library(settings(data, rerank=rerank)) as library:
            reranked = list(evaluate.run(library, asked))
    for arm, weight in ARMS.items():
        with Library(settings(data, weight)) as library:
            yield arm, "ndcg@10", len(asked), mean([ndcg(library, question) for question in asked])
    for arm, runs in (("fused", found), ("fused, last turn alone", alone), ("fused + rerank", reranked)):
        if not runs:
            continue
        single = [evaluate.each(run) for run in runs]
        yield arm, "ndcg@10", len(runs), mean([one["ndcg@10"] for one in single])
        for name in TOLD:
            yield f"{arm} + judge", name, len(runs), mean([one[name] for one in single])
        outcomes = evaluate.outcomes(runs)
        yield f"{arm} + judge", "auroc", len(runs), of(outcomes, risk.separation)
        if all(evaluate.decidable(question) for question in asked):
            yield f"{arm} + judge", "aurc", len(runs), of(outcomes, risk.area)
        yield f"{arm} + judge", f"refused_wrong@{evaluate.STRICT:g}", len(runs), of(outcomes, strict)


def mean(values: Sequence[float]) -> Figure:
    """Return the mean of values over those that are numbers."""
    every = np.array(values)
    return lambda some: float(np.nanmean(every[some])) if np.isfinite(every[some]).any() else math.nan


def of(outcomes: Sequence[Outcome], figure: Callable[[Sequence[Outcome]], float]) -> Figure:
    """Return a figure of outcomes."""
    return lambda some: figure([outcomes[i] for i in some])


def strict(outcomes: Sequence[Outcome]) -> float:
    """Return how many answerable questions are refused where the share STRICT of the others is."""
    threshold = risk.threshold(outcomes, caution=evaluate.STRICT)
    return math.nan if math.isnan(threshold) else risk.refused(outcomes, threshold=threshold)[1]


def ndcg(library: Library, question: Question) -> float:
    """Rank passages for a question without answering it."""
    if not (question.answerable and question.relevant):
        return math.nan
    hits, _ = library.search(question.text, question.history, limit=evaluate.DEPTH)
    return evaluate.ndcg(question, hits)


def settings(data: Path, weight: float | None = None, *, rerank: str = "") -> Settings:
    """Return settings for a library in `data`, with a weight of the lexical channel and a reranker where given."""
    flags = {"library.data": str(data), "rerank.model": rerank}
    return load(
        flags=flags | ({} if weight is None else {"retrieval.lexical_weight": weight}), environ={}, folder=Path()
    )


def interval(figure: Figure, count: int, *, seed: int) -> tuple[float, float, float]:
    """Return a figure of all questions, and its 2.5th and 97.5th percentile over bootstrap samples."""
    draw = np.random.default_rng(seed)
    whole = figure(np.arange(count)) if count else math.nan
    if math.isnan(whole):
        return math.nan, math.nan, math.nan
    drawn = [figure(draw.integers(count, size=count)) for _ in range(SAMPLES)]
    low, high = np.nanpercentile(drawn, [2.5, 97.5])
    return whole, float(low), float(high)


if __name__ == "__main__":
    main()
