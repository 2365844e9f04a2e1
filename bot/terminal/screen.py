"""What the command line prints, and the chat in the terminal."""

import json
import sys
import textwrap
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import TracebackType
from typing import Any, Self, TextIO

from bot import words
from index.errors import FootnoteError
from index.library import Library
from index.records import Answer, Citation, Hit, Progress, Turn

WIDTH = 100

WHY = 5
"""Sentences of which is shown what the judge saw; the rest is less probable still."""


class Bar:
    """A progress bar on standard error, one line a stage. Where that is no terminal, only now and then."""

    def __init__(self, *, quiet: bool = False) -> None:
        """Show nothing yet; with `quiet`, never."""
        from tqdm import tqdm  # noqa: PLC0415

        self._make = tqdm
        self._bar: Any = None
        self._stage = ""
        self._quiet = quiet

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave the last line standing."""
        if self._bar is not None:
            self._bar.close()

    def __call__(self, progress: Progress) -> None:
        """Show where the work stands."""
        if self._quiet or not progress.total:
            return
        if progress.stage != self._stage or self._bar is None:
            if self._bar is not None:
                self._bar.close()
            self._stage = progress.stage
            name = words.stage(progress.stage)
            layout = "{desc:<20} {percentage:3.0f}% |{bar:24}| {n_fmt}/{total_fmt}, {rate_noinv_fmt}, {remaining} left"
            slow = 0.1 if sys.stderr.isatty() else 30.0
            self._bar = self._make(total=progress.total, desc=name, unit="", bar_format=layout, mininterval=slow)
        self._bar.total = progress.total
        self._bar.update(progress.done - self._bar.n)


def show(text: str, *, form: Mapping[str, Any] | None = None) -> None:
    """Print a text; or instead of it its JSON form."""
    if form is None:
        print(text, flush=True)
    else:
        show_object(form)


def show_object(form: Mapping[str, Any]) -> None:
    """Print one JSON object, in letters that the output has."""
    is_utf = (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
    print(json.dumps(form, ensure_ascii=not is_utf, indent=2), flush=True)


def tell(text: str) -> None:
    """Print what stands beside the output: on standard error."""
    print(text, file=sys.stderr, flush=True)


def complain(sentence: str) -> None:
    """Print what went wrong, and in whose name."""
    tell(f"footnote: {sentence}")


def agrees(question: str) -> bool:
    """Ask something that only a clear yes agrees to."""
    print(question, end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def show_answer(answer: Answer, out: TextIO) -> None:
    """Print an answer: the claims, then each cited passage with the claim's words between » and «.

    Above them stands how the question was completed, where it was.
    """
    for line in words.understood(answer):
        _paragraph(line, out)
    if answer.answered:
        for claim in answer.claims:
            _paragraph(words.claim(claim), out)
        for note in words.notes(answer):
            _paragraph(note, out)
        for citations in answer.cited:
            print(file=out)
            _show_passage(citations, out)
        return
    for line in (*words.abstention(answer), words.period(answer)):
        _paragraph(line, out)
    for article in answer.nearest:
        _paragraph(f"Nearest: {words.byline(article)}", out)


def show_why(answer: Answer, out: TextIO) -> None:
    """Print how an answer came about: its candidates, what the judge saw of the likeliest sentences, what decided."""
    print(f"\n{words.decision(answer)}\n", file=out)
    for judged in answer.judged[:WHY]:
        seen = "  ".join(f"{name} {value:.3f}" for name, value in judged.features.items())
        print(f"{judged.probability:.3f}  {seen}", file=out)
        _paragraph(f"{judged.text}  ({judged.passage.article.title})", out, indent="       ")
    print(f"\n{words.RANKED}\n", file=out)
    for rank, hit in enumerate(answer.hits, start=1):
        print(f"{rank:>2}. {words.byline(hit.passage.article, words.place(hit.passage))}", file=out)
        print(f"    {_scores(hit)}", file=out)
    print("\n" + "  ".join(f"{stage} {took:.1f} ms" for stage, took in answer.timings.items()), file=out)


def show_hits(hits: Sequence[Hit], out: TextIO) -> None:
    """Print ranked passages with their scores."""
    for rank, hit in enumerate(hits, start=1):
        print(f"{rank}. {words.byline(hit.passage.article, words.place(hit.passage))}", file=out)
        print(f"   {_scores(hit)}", file=out)
        _paragraph(hit.passage.text, out, indent="   ")


def _scores(hit: Hit) -> str:
    reranked = "" if hit.rerank is None else f"  rerank {hit.rerank:.3f}"
    return f"score {hit.score:.3f}  meaning {hit.dense:.3f}  words {hit.lexical:.2f}{reranked}"


def show_figures(figures: Mapping[str, float], out: TextIO) -> None:
    """Print measured figures as a table."""
    for name, value in figures.items():
        shown = "–" if value != value else f"{value:,}" if isinstance(value, int) else f"{value:.3f}"  # noqa: PLR0124  NaN
        print(f"{name:<16}{shown:>12}", file=out)


def chat(library: Library, *, lines: Iterable[str], out: TextIO, prompt: Callable[[], None]) -> None:
    """Answer each line until there is none left, with what was said since the start or the last `/new`.

    What a question does wrong is said, and the chat goes on.
    """
    turns: list[Turn] = []
    prompt()
    for line in lines:
        said = line.strip()
        if said in ("exit", "quit", "/quit"):
            return
        if said == "/new":
            turns.clear()
            print(words.STARTED_AFRESH, file=out)
        elif said:
            turns += _turn(library, said, turns, out)
        print(file=out)
        prompt()


def _turn(library: Library, question: str, turns: Sequence[Turn], out: TextIO) -> list[Turn]:
    """Answer a question; return the turn it made, or none where it was no question."""
    try:
        answer = library.ask(question, turns)
    except FootnoteError as error:
        print(error, file=out)
        return []
    show_answer(answer, out)
    return [Turn(question, answer.text)]


def _show_passage(citations: Sequence[Citation], out: TextIO) -> None:
    article, passage = citations[0].article, citations[0].passage
    numbers = "".join(f"[{citation.number}]" for citation in citations)
    print(f"{numbers} {words.byline(article, words.place(citations[0]))}", file=out)
    shown, at = "", passage.start
    for citation in sorted(citations, key=lambda citation: citation.start):
        shown += f"{article.text[at : citation.start]}»{citation.quote}«"
        at = citation.end
    _paragraph(shown + article.text[at : passage.end], out, indent="    ")
    if article.url:
        print(f"    {article.url}", file=out)


def _paragraph(text: str, out: TextIO, *, indent: str = "") -> None:
    for block in text.split("\n"):
        if block.strip():
            print(textwrap.fill(block, WIDTH, initial_indent=indent, subsequent_indent=indent), file=out)
