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

from index.articles.survey import Candidate, Survey
from index.errors import SourceError
from index.library import Library
from index.quality import risk
from index.quality.risk import Outcome
from index.reading.parsers import Limits, Parsers
from index.records import Answer, Citation, Hit, Progress, Turn
from index.text.sentences import sentences

STRICT = 0.95
"""Share of the unanswerable questions to refuse, at which the answerable ones that are refused too are counted."""

COVERAGES = (0.2, 0.4, 0.6, 0.8, 1.0)
"""Shares of the questions, the surest, for which it is measured how many answers would be wrong."""

EACH = (
    *("hit@1", "hit@4", "hit@10", "mrr@10", "ndcg@10", "recall@10"),
    *("contains", "f1", "cite_precision", "cite_recall", "refused_right", "refused_wrong"),
)
"""Figures that every question has, or NaN: see `each`."""

SHORT = 10
"""Words of a gold answer that a quoted sentence can be expected to hold as they stand; longer ones are paraphrases."""

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


def texts(folder: Path, limits: Limits) -> dict[str, str]:
    """Return the text of every article of a set, read from its files within those limits."""
    found: dict[str, str] = {}
    with Parsers(limits) as parsers:
        for candidate in Survey(corpus(folder), largest=limits.largest, extract=parsers.extract):
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
    single = [each(r) for r in runs]
    return {
        "questions": len(runs),
        **{name: _mean(found[name] for found in single if not math.isnan(found[name])) for name in EACH},
        **_risk(runs),
        "verbatim": _mean(_is_verbatim(c, texts) for r in runs for c in r.answer.citations),
        "p50_ms": _percentile([r.ms for r in runs], 50),
        "p95_ms": _percentile([r.ms for r in runs], 95),
    }


def each(item: Run) -> dict[str, float]:
    """Return the figures of one question whose means are those of a set; NaN where it has nothing to measure one on."""
    question, answer = item.question, item.answer
    ranked = question.answerable and bool(question.relevant)
    with_answers = question.answerable and bool(question.answers)
    cited = question.answerable and any(quote for _, quote in question.quotes)
    refused = float(not answer.answered)
    return {
        **{f"hit@{k}": _hit(item, k) if ranked else math.nan for k in (1, 4, 10)},
        "mrr@10": _reciprocal_rank(item) if ranked else math.nan,
        "ndcg@10": ndcg(question, item.hits) if ranked else math.nan,
        "recall@10": _recall(item) if ranked else math.nan,
        "contains": _contains(item) if with_answers else math.nan,
        "f1": max(token_f1(answer.text, gold) for gold in question.answers) if with_answers else math.nan,
        "cite_precision": _cite_precision(item) if cited and answer.answered else math.nan,
        "cite_recall": _cite_recall(item) if cited else math.nan,
        "refused_right": math.nan if question.answerable else refused,
        "refused_wrong": refused if question.answerable else math.nan,
    }


def outcomes(runs: Sequence[Run]) -> list[Outcome]:
    """Return what became of each question, or would have; right is what cites evidence or holds a gold answer."""
    return [Outcome(r.answer.probability, r.question.answerable, right=_right(r)) for r in runs]


def _risk(runs: Sequence[Run]) -> dict[str, float]:
    """Return how well the probability tells when to refuse, at every threshold and at one of the strictest."""
    found = outcomes(runs)
    strict = risk.threshold(found, caution=STRICT)
    curve = {
        "aurc": risk.area(found),
        **{f"risk@{coverage:g}": risk.at(found, coverage=coverage) for coverage in COVERAGES},
    }
    told = all(decidable(r.question) for r in runs)
    return {
        "auroc": risk.separation(found),
        **{name: value if told else math.nan for name, value in curve.items()},
        f"refused_wrong@{STRICT:g}": math.nan if math.isnan(strict) else risk.refused(found, threshold=strict)[1],
    }


def decidable(question: Question) -> bool:
    """Whether an answer can be held against something: evidence, or a gold answer short enough to be quoted whole."""
    short = any(len(answer.split()) <= SHORT for answer in question.answers)
    return not question.answerable or short or any(quote for _, quote in question.quotes)


def _right(item: Run) -> bool:
    """Whether the answer is right; of one that was refused, whether it would have been: its likeliest sentence is."""
    answer = item.answer
    said = [(c.article.id, c.quote) for c in answer.citations]
    if not said:
        said = [(judged.passage.article.id, judged.text) for judged in answer.judged[:1]]
    cited = [(article, span.of(quote)) for article, quote in said for span in sentences(quote)]
    return item.question.answerable and (
        holds(" ".join(quote for _, quote in said), item.question)
        or any(agree(sentence, quote) for sentence in cited for quote in item.question.quotes)
    )


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


def _question(line: str, path: Path, at: int) -> Question:
    try:
        row: dict[str, Any] = json.loads(line)
        if unlike := _unlike(row):
            raise SourceError(f"{path}, line {at}: {unlike}. Mend or remove the line.")  # noqa: EM102, TRY003
        quotes = tuple((str(e["doc_id"]), str(e.get("quote") or "")) for e in row.get("evidence") or [])
        relevant = {str(k): float(v) for k, v in (row.get("qrels") or {}).items()} or {doc: 1.0 for doc, _ in quotes}
        answers = tuple(str(gold) for gold in row.get("answers") or [])
        history = _turns(list(row.get("history") or []))
        return Question(str(row["id"]), str(row["question"]), answers, quotes, relevant, row["answerable"], history)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        message = f"{path}, line {at}: is not a question ({type(error).__name__}: {error}). Mend or remove the line."
        raise SourceError(message) from error


def _unlike(row: object) -> str:
    """Return what of a question has another form than it should, and would be taken for something else."""
    if not isinstance(row, dict):
        return "is not a JSON object"
    evidence = row.get("evidence") or []
    if not isinstance(row.get("answerable"), bool):
        return 'says not "answerable": true or false'
    if not isinstance(row.get("answers") or [], list):
        return '"answers" is not a list, such as ["1987"]'
    if not isinstance(evidence, list) or not all(isinstance(one, dict) and "doc_id" in one for one in evidence):
        return '"evidence" is not a list, such as [{"doc_id": "harbour.md", "quote": "closed in 1987"}]'
    return ""


def _turns(said: Sequence[object]) -> tuple[Turn, ...]:
    """Pair what the person and the bot said in turn; the last question may have no answer."""
    pairs = itertools.zip_longest(said[::2], said[1::2], fillvalue="")
    return tuple(Turn(str(question), str(answer)) for question, answer in pairs)


def _hit(item: Run, k: int) -> float:
    return float(any(item.question.relevant.get(a, 0) > 0 for a in item.articles[:k]))


def _reciprocal_rank(item: Run) -> float:
    ranks = (1 / at for at, a in enumerate(item.articles[:10], start=1) if item.question.relevant.get(a, 0) > 0)
    return next(ranks, 0.0)


def ndcg(question: Question, hits: Sequence[Hit]) -> float:
    """Return the normalised discounted cumulative gain of ten articles, with linear gain, as trec_eval computes it."""
    articles = list(dict.fromkeys(hit.passage.article.id for hit in hits))[:10]
    gains = [question.relevant.get(a, 0.0) for a in articles]
    ideal = _dcg(sorted(question.relevant.values(), reverse=True)[:10])
    return _dcg(gains) / ideal if ideal else 0.0


def _dcg(gains: Sequence[float]) -> float:
    return sum(gain / math.log2(at + 1) for at, gain in enumerate(gains, start=1))


def _recall(item: Run) -> float:
    relevant = {a for a, grade in item.question.relevant.items() if grade > 0}
    return len(relevant & set(item.articles[:10])) / len(relevant) if relevant else 0.0


def _contains(item: Run) -> float:
    """Whether the claims hold a gold answer, word for word in normal form."""
    return float(holds(item.answer.text, item.question))


def holds(text: str, question: Question) -> bool:
    """Whether a text holds a gold answer, word for word in normal form."""
    said = f" {normalised(text)} "
    return any(f" {gold} " in said for answer in question.answers if (gold := normalised(answer)))


def _cited_sentences(item: Run) -> list[tuple[str, str]]:
    return [(c.article.id, span.of(c.quote)) for c in item.answer.citations for span in sentences(c.quote)]


def agree(cited: tuple[str, str], evidence: tuple[str, str]) -> bool:
    """Whether a cited sentence holds the evidence's words, or is part of them, in the same article."""
    one, other = normalised(cited[1]), normalised(evidence[1])
    return cited[0] == evidence[0] and bool(one and other) and (other in one or one in other)


def _cite_precision(item: Run) -> float:
    """Share of cited sentences that evidence backs."""
    cited = _cited_sentences(item)
    return _mean(any(agree(sentence, quote) for quote in item.question.quotes) for sentence in cited)


def _cite_recall(item: Run) -> float:
    """Share of the evidence's sentences that are cited; an abstention cites none."""
    cited = _cited_sentences(item)
    wanted = [(doc, span.of(quote)) for doc, quote in item.question.quotes for span in sentences(quote)]
    return _mean(any(agree(sentence, quote) for sentence in cited) for quote in wanted)


def _is_verbatim(citation: Citation, texts: Mapping[str, str]) -> bool:
    """Whether a quote stands, word for word, at its place in the article as it is on the disk. Must always be so."""
    text = texts.get(citation.article.id, "")
    return bool(citation.quote) and text[citation.start : citation.end] == citation.quote


def _mean(values: Iterator[float] | Iterator[bool]) -> float:
    items = list(values)
    return float(sum(items) / len(items)) if items else math.nan


def _percentile(values: Sequence[float], percent: int) -> float:
    return float(np.percentile(values, percent)) if values else math.nan
