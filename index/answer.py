"""Compose an answer from passages by quoting: choose sentences that answer, or abstain. Pure; no language model.

Each sentence of the best passages comes with the probability that it answers the question, from a `judge`.
"""

import datetime as dt
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from index.judge import Features, share
from index.records import Article, Citation, Claim, Hit, Span
from index.sentences import sentences
from index.when import known

READ = 4
"""Passages whose sentences are judged. On squad, clapnq and the seeds 5, 6 and 8 chose no better and took longer."""

NEAR_TIE = 2.0
"""Odds ratio under which two sentences are as good as each other; then the newer article speaks first."""

NEWEST_TIE = 4.0
"""The same for a question that asks for the latest. Where a newer article repeated the fact of 119 questions of squad
with another answer, it spoke first 32 times instead of 22 (of 78 answered); 8.0 brought no more. With dates drawn at
random, 4.0 cost none of the answers to 250 questions."""

KIN = 0.7
"""A further claim must be this share as probable as the best one. On squad 0.5 gives 3 % more answers among the claims
and 7 % more claims that are beside the point; 0.9 the other way."""

SAME = 0.6
"""Share of common words from which two sentences say the same (Jaccard)."""


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
            moved = Span(span.start + hit.passage.start, span.end + hit.passage.start)
            found.setdefault((article.id, moved.start, moved.end), Sentence(hit, moved))
    return list(found.values())


def features(
    sentence: Sentence,
    *,
    meaning: float,
    weights: Mapping[str, float],
    beside: Mapping[str, float],
    analyse: Callable[[str], list[str]],
) -> Features:
    """Measure a sentence. `weights` are the question's words; `analyse` turns text into such words.

    `beside` are words of earlier turns that complete the question. The sentence need not have them, what stands around
    it does ("It was opened in 1931."): on mtrag, 39 % of answerable questions that lean were refused, not 49 %.
    """
    passage = sentence.hit.passage
    own = frozenset(analyse(sentence.text))
    around = own | frozenset(analyse(f"{passage.text} {passage.article.title} {passage.heading}"))
    covered, context = share(weights or beside, own), share({**beside, **weights}, around)
    return Features(meaning, covered, context, sentence.hit.dense)


def compose(
    judged: Sequence[tuple[Sentence, float]],
    *,
    threshold: float,
    most: int,
    analyse: Callable[[str], list[str]],
    today: dt.date = dt.date.max,
    newest: bool = False,
) -> tuple[tuple[Claim, ...], tuple[Citation, ...]]:
    """Return the claims and the citations that prove them: whole sentences, the most probable first.

    `judged` pairs each candidate with its probability. Nothing comes back where none reaches the
    `threshold`; `most` bounds the claims. With `newest` the question asks for the latest: a newer article speaks first
    though it is a good deal less probable.
    """
    best = max((sure for _, sure in judged), default=0.0)
    if best < threshold:
        return (), ()
    tie = NEWEST_TIE if newest else NEAR_TIE
    least = max(threshold, min(KIN * best, _worse(best, tie)) if newest else KIN * best)
    likely = [pair for pair in judged if pair[1] >= least]
    ranked = newest_of_ties(sorted(likely, key=lambda pair: -pair[1]), today=today, tie=tie)
    chosen: list[tuple[Sentence, frozenset[str]]] = []
    for sentence, _ in ranked:
        words = frozenset(analyse(sentence.text))
        if len(chosen) == most:
            break
        if not any(_alike(words, other) for _, other in chosen):
            chosen.append((sentence, words))
    return _numbered(_joined([sentence for sentence, _ in chosen]))


def newest_of_ties(
    ranked: Sequence[tuple[Sentence, float]], *, today: dt.date = dt.date.max, tie: float = NEAR_TIE
) -> list[tuple[Sentence, float]]:
    """Let the newest article speak first among sentences that nearly tie with the best; the others keep their order."""
    if not ranked:
        return []
    least = _worse(ranked[0][1], tie)
    ties = [pair for pair in ranked if pair[1] >= least]
    ties.sort(key=lambda pair: known(pair[0].hit.passage.article.date, today=today), reverse=True)
    return [*ties, *ranked[len(ties) :]]


def nearest(hits: Sequence[Hit], *, limit: int) -> tuple[Article, ...]:
    """Return the articles of the best passages, each once."""
    return tuple({hit.passage.article.id: hit.passage.article for hit in hits}.values())[:limit]


def check_question(question: str, *, longest: int) -> str:
    """Return why a question cannot be asked, in words for whoever asked it; nothing where it can."""
    if not question.strip():
        return "Please write your question as text."
    if len(question) > longest:
        return (
            f"That is longer than a question may be ({len(question):,} of {longest:,} characters). Please shorten it."
        )
    if not re.search(r"\w", question):
        return "I find no words in that. Please ask your question in words."
    return ""


def _worse(probability: float, ratio: float) -> float:
    """Return the probability whose odds are smaller by a ratio."""
    odds = probability / max(1.0 - probability, 1e-9) / ratio
    return odds / (1.0 + odds)


def _alike(one: frozenset[str], other: frozenset[str]) -> bool:
    return bool(one & other) and len(one & other) / len(one | other) >= SAME


def _joined(chosen: Sequence[Sentence]) -> list[Sentence]:
    """Join a sentence to a chosen neighbour of the same passage, so that what belongs together is one claim."""
    joined: list[Sentence] = []
    for sentence in chosen:
        for at, other in enumerate(joined):
            if (span := _neighbours(sentence, other)) is not None:
                joined[at] = Sentence(other.hit, span)
                break
        else:
            joined.append(sentence)
    return joined


def _neighbours(one: Sentence, other: Sentence) -> Span | None:
    """Return the span of both where only space lies between two sentences of one passage."""
    passage = one.hit.passage
    if passage.id != other.hit.passage.id:
        return None
    first, second = sorted((one.span, other.span), key=lambda span: span.start)
    between = passage.article.text[first.end : second.start]
    return Span(first.start, second.end) if not between.strip() and "\n" not in between else None


def _numbered(chosen: Sequence[Sentence]) -> tuple[tuple[Claim, ...], tuple[Citation, ...]]:
    citations = tuple(
        Citation(number, s.hit.passage, s.span.start, s.span.end) for number, s in enumerate(chosen, start=1)
    )
    return tuple(Claim(" ".join(c.quote.split()), (c.number,)) for c in citations), citations
