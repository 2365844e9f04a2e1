"""Find the sentences that may answer a question, and measure each for the `judge`. Pure."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from index.asking.judge import Features, share
from index.asking.kinds import Kind, match
from index.errors import Blank, QuestionError, TooLong, Wordless
from index.records import Article, Hit, Span
from index.text.sentences import sentences

READ = 4
"""Passages whose sentences are judged. On squad, clapnq and the seeds 5, 6 and 8 chose no better and took longer."""


@dataclass(frozen=True, slots=True)
class Sentence:
    """A candidate: a sentence in a passage that was found."""

    hit: Hit
    span: Span

    @property
    def text(self) -> str:
        """The sentence, word for word."""
        return self.span.of(self.hit.passage.article.text)


def candidates(hits: Sequence[Hit], *, read: int = READ) -> list[Sentence]:
    """Return the sentences of the best passages, each once though passages overlap."""
    found: dict[tuple[str, int, int], Sentence] = {}
    for hit in hits[:read]:
        article = hit.passage.article
        for span in sentences(hit.passage.text):
            moved = span.moved(hit.passage.start)
            found.setdefault((article.id, moved.start, moved.end), Sentence(hit, moved))
    return list(found.values())


def surroundings(hit: Hit, *, analyse: Callable[[str], list[str]]) -> frozenset[str]:
    """Return the words of a passage, its title and its heading, as `analyse` turns text into words."""
    passage = hit.passage
    return frozenset(analyse(f"{passage.text} {passage.article.title} {passage.heading}"))


@dataclass(frozen=True, slots=True)
class Asked:
    """What a question asks for: the weights of its analysed words, the sort of answer, and its words as written.

    `beside` are words of earlier turns that complete it. The sentence that answers need not have them, what stands
    around it does ("It was opened in 1931."): on mtrag, 39 % of answerable questions that lean were refused, not 49 %.
    """

    weights: Mapping[str, float]
    beside: Mapping[str, float]
    kind: Kind
    written: frozenset[str]


def features(
    sentence: Sentence, asked: Asked, *, words: frozenset[str], around: frozenset[str], meaning: float
) -> Features:
    """Measure a sentence by its analysed `words`, those of its `surroundings`, and its cosine to the question."""
    weights, beside = asked.weights, asked.beside
    covered, context = share(weights or beside, words), share({**beside, **weights}, words | around)
    kind = match(sentence.text, asked.kind, asked=asked.written)
    return Features(meaning, covered, context, sentence.hit.dense, kind)


def nearest(hits: Sequence[Hit], *, limit: int) -> tuple[Article, ...]:
    """Return the articles of the best passages, each once."""
    return tuple({hit.passage.article.id: hit.passage.article for hit in hits}.values())[:limit]


def check_question(question: str, *, longest: int) -> QuestionError | None:
    """Return why a question cannot be asked; None where it can."""
    if not question.strip():
        return Blank()
    if len(question) > longest:
        return TooLong(len(question), longest)
    return None if re.search(r"\w", question) else Wordless()
