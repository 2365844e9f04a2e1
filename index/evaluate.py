"""Ask a library a set of questions whose answers are known, and measure what comes back. Knows no particular set.

A set is a folder with `queries.jsonl` (`id, question, answers[], evidence[{doc_id, quote}], answerable`, optionally
`qrels`, and `history`: the turns before it, question and answer in turn), and either `corpus.jsonl` or articles as
files.
"""

import contextlib
import itertools
import json
import math
import random
import string
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

import numpy as np

from index.errors import SourceError
from index.library import Library
from index.records import Answer, Citation, Hit, Progress, Turn
from index.sentences import sentences
from index.survey import Candidate, Survey

DEPTH = 50
"""Passages ranked a question; ten different articles are among them on every set we know."""


@dataclass(frozen=True, slots=True)
class Question:
    """A question and what is known of its answer: `relevant` grades article ids, `quotes` are (article id, words)."""

    id: str
    text: str
    answers: tuple[str, ...]
    quotes: tuple[tuple[str, str], ...]
    relevant: Mapping[str, float]
    answerable: bool
    history: tuple[Turn, ...] = ()


@dataclass(frozen=True, slots=True)
class Run:
    """What the library made of one question: its answer, the ranked passages, and the milliseconds of the answer."""

    question: Question
    answer: Answer
    hits: tuple[Hit, ...]
    ms: float

    @property
    def articles(self) -> list[str]:
        """Ids of the ranked articles, each at the rank of its best passage."""
        return list(dict.fromkeys(hit.passage.article.id for hit in self.hits))


def corpus(folder: Path) -> Path:
    """Return what of a set's folder is to be indexed: its `corpus.jsonl`, or the folder itself."""
    archive = folder / "corpus.jsonl"
    return archive if archive.is_file() else folder


def texts(folder: Path, *, largest: int) -> dict[str, str]:
    """Return the text of every article of a set, read from its files. `largest` is in bytes a file."""
    found: dict[str, str] = {}
    for candidate in Survey(corpus(folder), largest=largest):
        with contextlib.suppress(SourceError):  # what cannot be read was reported when it was indexed
            if isinstance(candidate, Candidate):
                found.setdefault(candidate.id, candidate.load().parse().text)
    return found


def questions(folder: Path, *, limit: int | None = None, seed: int = 0) -> list[Question]:
    """Read the questions of a set; `limit` draws so many of them at random, the same ones for the same seed.

    Raises:
        SourceError: there is no `queries.jsonl`, or a line of it cannot be read.
    """
    path = folder / "queries.jsonl"
    if not path.is_file():
        message = f"{folder} has no queries.jsonl, so there is nothing to ask. Name a folder that has one."
        raise SourceError(message)
    with path.open(encoding="utf-8") as file:
        found = [_question(line, path, at) for at, line in enumerate(file, start=1) if line.strip()]
    if limit is not None and limit < len(found):
        drawn = set(random.Random(seed).sample(range(len(found)), limit))  # noqa: S311  a sample, not a secret
        found = [question for at, question in enumerate(found) if at in drawn]
    return found


def run(
    library: Library,
    asked: Sequence[Question],
    *,
    history: bool = True,
    watch: Callable[[Progress], None] = lambda _: None,
) -> Iterator[Run]:
    """Ask each question, with its `history` or without it. The answer is timed alone; the long ranking comes beside."""
    started = time.monotonic()
    for done, question in enumerate(asked, start=1):
        before = question.history if history else ()
        start = time.perf_counter()
        answer = library.ask(question.text, before)
        ms = (time.perf_counter() - start) * 1_000
        hits, _ = library.search(question.text, before, limit=DEPTH)
        yield Run(question, answer, tuple(hits), ms)
        watch(Progress("asking", done, len(asked), done / (time.monotonic() - started)))


def measure(runs: Sequence[Run], texts: Mapping[str, str]) -> dict[str, float]:
    """Return every figure of a set of runs; NaN where a set has nothing to measure it on.

    `texts` are the articles by id, read from the set again: what a quote is held against.
    """
    ranked = [r for r in runs if r.question.answerable and r.question.relevant]
    with_answers = [r for r in runs if r.question.answerable and r.question.answers]
    cited = [r for r in runs if r.question.answerable and any(quote for _, quote in r.question.quotes)]
    return {
        "questions": len(runs),
        **{f"hit@{k}": _mean(_hit(r, k) for r in ranked) for k in (1, 4, 10)},
        "mrr@10": _mean(_reciprocal_rank(r) for r in ranked),
        "ndcg@10": _mean(_ndcg(r) for r in ranked),
        "recall@10": _mean(_recall(r) for r in ranked),
        "contains": _mean(_contains(r) for r in with_answers),
        "f1": _mean(max(token_f1(r.answer.text, gold) for gold in r.question.answers) for r in with_answers),
        "cite_precision": _mean(_cite_precision(r) for r in cited if r.answer.answered),
        "cite_recall": _mean(_cite_recall(r) for r in cited),
        "refused_right": _mean(not r.answer.answered for r in runs if not r.question.answerable),
        "refused_wrong": _mean(not r.answer.answered for r in runs if r.question.answerable),
        "auroc": auroc(
            [r.answer.probability for r in runs if r.question.answerable],
            [r.answer.probability for r in runs if not r.question.answerable],
        ),
        "verbatim": _mean(_is_verbatim(c, texts) for r in runs for c in r.answer.citations),
        "p50_ms": _percentile([r.ms for r in runs], 50),
        "p95_ms": _percentile([r.ms for r in runs], 95),
    }


def write(runs: Sequence[Run], file: TextIO) -> None:
    """Write one JSON line a question, so that anyone can compute the same figures elsewhere."""
    for item in runs:
        answer = item.answer
        line = {
            "id": item.question.id,
            "articles": item.articles,
            "passages": [
                {"article_id": h.passage.article.id, "start": h.passage.start, "end": h.passage.end, "score": h.score}
                for h in item.hits
            ],
            "understood": answer.understood,
            "answered": answer.answered,
            "probability": answer.probability,
            "claims": [{"text": claim.text, "citations": list(claim.citations)} for claim in answer.claims],
            "citations": [
                {"number": c.number, "article_id": c.article.id, "quote": c.quote, "start": c.start, "end": c.end}
                for c in answer.citations
            ],
            "ms": item.ms,
        }
        file.write(json.dumps(line, ensure_ascii=False) + "\n")


def normalised(text: str) -> str:
    """Lower-case, without punctuation, articles and surplus space: the normal form of SQuAD's own evaluation."""
    bare = "".join(" " if c in string.punctuation + "‘’“”«»–—…" else c for c in text.lower())
    return " ".join(word for word in bare.split() if word not in ("a", "an", "the"))


def token_f1(text: str, gold: str) -> float:
    """Return the harmonic mean of precision and recall over words in normal form, as SQuAD defines it."""
    one, other = normalised(text).split(), normalised(gold).split()
    common = sum((Counter(one) & Counter(other)).values())
    return 2 * common / (len(one) + len(other)) if common else 0.0


def auroc(positive: Sequence[float], negative: Sequence[float]) -> float:
    """Return the chance that a positive scores above a negative, ties counting half (Mann-Whitney U / n·m)."""
    if not positive or not negative:
        return math.nan
    ordered = np.sort(np.asarray(negative))
    below = np.searchsorted(ordered, positive, side="left")
    not_above = np.searchsorted(ordered, positive, side="right")
    return float((below + not_above).sum() / 2 / (len(positive) * len(negative)))


def _question(line: str, path: Path, at: int) -> Question:
    try:
        row: dict[str, Any] = json.loads(line)
        quotes = tuple((str(e["doc_id"]), str(e.get("quote") or "")) for e in row.get("evidence") or [])
        relevant = {str(k): float(v) for k, v in (row.get("qrels") or {}).items()} or {doc: 1.0 for doc, _ in quotes}
        answers = tuple(str(gold) for gold in row.get("answers") or [])
        answerable, history = bool(row["answerable"]), _turns(list(row.get("history") or []))
        return Question(str(row["id"]), str(row["question"]), answers, quotes, relevant, answerable, history)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        message = f"{path}, line {at}: is not a question ({type(error).__name__}: {error}). Mend or remove the line."
        raise SourceError(message) from error


def _turns(said: Sequence[object]) -> tuple[Turn, ...]:
    """Pair what the person and the bot said in turn; the last question may have no answer."""
    pairs = itertools.zip_longest(said[::2], said[1::2], fillvalue="")
    return tuple(Turn(str(question), str(answer)) for question, answer in pairs)


def _hit(item: Run, k: int) -> float:
    return float(any(item.question.relevant.get(a, 0) > 0 for a in item.articles[:k]))


def _reciprocal_rank(item: Run) -> float:
    ranks = (1 / at for at, a in enumerate(item.articles[:10], start=1) if item.question.relevant.get(a, 0) > 0)
    return next(ranks, 0.0)


def _ndcg(item: Run) -> float:
    """Normalised discounted cumulative gain with linear gain, as trec_eval computes it."""
    gains = [item.question.relevant.get(a, 0.0) for a in item.articles[:10]]
    ideal = _dcg(sorted(item.question.relevant.values(), reverse=True)[:10])
    return _dcg(gains) / ideal if ideal else 0.0


def _dcg(gains: Sequence[float]) -> float:
    return sum(gain / math.log2(at + 1) for at, gain in enumerate(gains, start=1))


def _recall(item: Run) -> float:
    relevant = {a for a, grade in item.question.relevant.items() if grade > 0}
    return len(relevant & set(item.articles[:10])) / len(relevant) if relevant else 0.0


def _contains(item: Run) -> float:
    """Whether the claims hold a gold answer, word for word in normal form."""
    said = f" {normalised(item.answer.text)} "
    return float(any(f" {normalised(gold)} " in said for gold in item.question.answers if normalised(gold)))


def _cited_sentences(item: Run) -> list[tuple[str, str]]:
    return [(c.article.id, span.of(c.quote)) for c in item.answer.citations for span in sentences(c.quote)]


def _agree(cited: tuple[str, str], evidence: tuple[str, str]) -> bool:
    """Whether a cited sentence holds the evidence's words, or is part of them, in the same article."""
    one, other = normalised(cited[1]), normalised(evidence[1])
    return cited[0] == evidence[0] and bool(one and other) and (other in one or one in other)


def _cite_precision(item: Run) -> float:
    """Share of cited sentences that evidence backs."""
    cited = _cited_sentences(item)
    return _mean(any(_agree(sentence, quote) for quote in item.question.quotes) for sentence in cited)


def _cite_recall(item: Run) -> float:
    """Share of the evidence's sentences that are cited; an abstention cites none."""
    cited = _cited_sentences(item)
    wanted = [(doc, span.of(quote)) for doc, quote in item.question.quotes for span in sentences(quote)]
    return _mean(any(_agree(sentence, quote) for sentence in cited) for quote in wanted)


def _is_verbatim(citation: Citation, texts: Mapping[str, str]) -> bool:
    """Whether a quote stands, word for word, at its place in the article as it is on the disk. Must always be so."""
    text = texts.get(citation.article.id, "")
    return bool(citation.quote) and text[citation.start : citation.end] == citation.quote


def _mean(values: Iterator[float] | Iterator[bool]) -> float:
    items = list(values)
    return float(sum(items) / len(items)) if items else math.nan


def _percentile(values: Sequence[float], percent: int) -> float:
    return float(np.percentile(values, percent)) if values else math.nan
