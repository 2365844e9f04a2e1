"""Choose which sentences an answer quotes, and make claims and citations of them. Pure; no language model.

Each candidate comes with the probability that it answers the question, from a `judge`. What is chosen is whole
sentences, each fact once, with the articles beside it that say the same.
"""

import datetime as dt
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from index.asking.answer import Sentence
from index.asking.judge import Features
from index.asking.kinds import COUNTS
from index.asking.when import known
from index.models.embed import Vectors
from index.records import ArticleId, Citation, Claim, Hit, Span
from index.text.sentences import OPENERS, sentences

NEAR_TIE = 2.0
"""Odds ratio under which two sentences are as good as each other; then the newer article speaks first."""

NEWEST_TIE = 4.0
"""The same for a question that asks for the latest. Where a newer article repeated the fact of 119 questions of squad
with another answer, it spoke first 32 times instead of 22 (of 78 answered); 8.0 brought no more. With dates drawn at
random, 4.0 cost none of the answers to 250 questions."""

KIN = 0.4
"""A further sentence must be this share as probable as the best one. With 0.7, on CLAPnq, whose answers are several
sentences long, only 0.42 of them are cited instead of 0.60 (of those cited 0.69 are right instead of 0.61); on squad,
where one sentence answers, 0.63 of the claims hold the answer instead of 0.67, and 0.58 of what is cited is right
instead of 0.43. Bounds by article, by neighbourhood, by the question's first word or by probability itself trade alike.
"""

SAME = 0.6
"""Share of common words from which two sentences say the same (Jaccard)."""

SAME_MEANING = 0.85
"""Cosine of two sentences from which they say the same."""

LONGEST = 2
"""Sentences of a claim."""

ALSO = 3
"""Other articles that are named for one claim, at most."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A sentence that may answer, its analysed words and unit vector; what the judge saw of it, and made of that."""

    sentence: Sentence
    words: frozenset[str]
    features: Features
    probability: float
    vector: Vectors


@dataclass(frozen=True, slots=True)
class Chosen:
    """What becomes a claim: one candidate, and where else it is said; or two neighbours, as they were chosen."""

    candidates: tuple[Candidate, ...]
    also: tuple[Sentence, ...] = ()

    @property
    def hit(self) -> Hit:
        """The passage that is quoted."""
        return self.candidates[0].sentence.hit

    @property
    def article(self) -> ArticleId:
        """The article that is quoted."""
        return self.hit.passage.article.id

    @property
    def span(self) -> Span:
        """What is quoted of it, without the sentence before that a pronoun may need."""
        spans = [candidate.sentence.span for candidate in self.candidates]
        return Span(min(span.start for span in spans), max(span.end for span in spans))


def choose(
    candidates: Sequence[Candidate],
    *,
    threshold: float,
    most: int,
    today: dt.date = dt.date.max,
    newest: bool = False,
) -> list[Chosen]:
    """Return the sentences to claim, the most probable first, at most `most`.

    Nothing comes back where none reaches the `threshold`. With `newest` the question asks for the latest: a newer
    article speaks first though it is a good deal less probable.
    """
    best = max((candidate.probability for candidate in candidates), default=0.0)
    if best < threshold:
        return []
    tie = NEWEST_TIE if newest else NEAR_TIE
    least = max(threshold, min(KIN * best, _worse(best, tie)) if newest else KIN * best)
    likely = [candidate for candidate in candidates if candidate.probability >= least]
    ranked = newest_of_ties(sorted(likely, key=lambda c: -c.probability), today=today, tie=tie)
    return together([], [Chosen((candidate,)) for candidate in ranked], most=most)


def together(chosen: Sequence[Chosen], more: Sequence[Chosen], *, most: int) -> list[Chosen]:
    """Add what says something new, up to `most` in all; what says the same backs what is there already.

    A sentence next to one that is chosen already makes one claim with it, unless another article proves that one: it
    does not prove both.
    """
    found = list(chosen)
    for one in more:
        twin = next((i for i, old in enumerate(found) if _repeats(one, old)), None)
        beside = next((i for i, old in enumerate(found) if not old.also and _neighbours(one, old)), None)
        if twin is not None:
            found[twin] = _backed(found[twin], one)
        elif beside is not None:
            found[beside] = replace(found[beside], candidates=(*found[beside].candidates, *one.candidates))
        elif len(found) < most:
            found.append(one)
    return found


def newest_of_ties(
    ranked: Sequence[Candidate], *, today: dt.date = dt.date.max, tie: float = NEAR_TIE
) -> list[Candidate]:
    """Let the newest article speak first among sentences that nearly tie with the best; the others keep their order."""
    if not ranked:
        return []
    least = _worse(ranked[0].probability, tie)
    ties = [candidate for candidate in ranked if candidate.probability >= least]
    ties.sort(key=lambda c: known(c.sentence.hit.passage.article.date, today=today), reverse=True)
    return [*ties, *ranked[len(ties) :]]


def same(one: Candidate, other: Candidate) -> bool:
    """Whether two sentences say the same: in the same words or with the same meaning, and neither denies the other."""
    text, other_text = one.sentence.text, other.sentence.text
    few, more = sorted((_numbers(text), _numbers(other_text)), key=len)
    if not few <= more or _denials(text) != _denials(other_text):
        return False  # "12 were hurt" and "14 were hurt", "they signed" and "they did not sign"
    common = one.words & other.words
    alike = bool(common) and len(common) / len(one.words | other.words) >= SAME
    return alike or float(one.vector @ other.vector) >= SAME_MEANING


def claims(chosen: Sequence[Chosen]) -> tuple[tuple[Claim, ...], tuple[Citation, ...]]:
    """Return claims and the citations that prove them; a sentence that leans on the one before it brings that along.

    The citations that are quoted come first, in the order of the claims, then those that say the same.
    """
    taken = [(one.article, one.span) for one in chosen]
    quoted = []
    for number, one in enumerate(chosen, start=1):
        span = _understandable(one, taken=[other for article, other in taken if article == one.article])
        taken.append((one.article, span))
        quoted.append(_citation(number, one.hit, span))
    others: list[Citation] = []
    made: list[Claim] = []
    for citation, one in zip(quoted, chosen, strict=True):
        first = len(quoted) + len(others) + 1
        also = [_citation(number, other.hit, other.span) for number, other in enumerate(one.also, start=first)]
        others += also
        made.append(Claim(" ".join(citation.quote.split()), (citation.number,), tuple(c.number for c in also)))
    return tuple(made), (*quoted, *others)


def opens(text: str) -> bool:
    """Whether a sentence opens with a word that stands for something said before it: "He", "This decision", "It"."""
    first = list(_WORD.finditer(text))[:_OPENING]
    for at, match in enumerate(first):
        word = match.group().lower()
        if word in _STANDS_FOR and not (word == "it" and _EMPTY_IT.match(text, match.start())):
            return word not in _ONLY_FIRST or at == 0
        if match.group()[0].isupper() and (at > 0 or word not in OPENERS):
            return False  # it names something that the pronoun may stand for
    return False


_WORD = re.compile(r"[^\W_]+(?:['’\-][^\W_]+)*")
_NUMBER = re.compile(rf"\d+(?:[.,]\d+)*|\b(?:{COUNTS})\b", re.IGNORECASE)
_DENIAL = re.compile(r"\b(?:not|no|never|none|without|neither|nor|nobody|nothing)\b|n['’]t\b", re.IGNORECASE)
_OPENING = 6
"""Words in which a pronoun makes a sentence depend on the one before it."""
_STANDS_FOR = frozenset("he she they it him them his her their its this that these those such both".split())
_ONLY_FIRST = frozenset("this that these those such both".split())
_EMPTY_IT = re.compile(
    r"it(?: is| was|['’]s)? (?:\w+ly )?(?:clear|known|possible|likely|said|believed|takes?|took)\b", re.IGNORECASE
)


def _numbers(text: str) -> frozenset[str]:
    return frozenset(number.lower() for number in _NUMBER.findall(text))


def _denials(text: str) -> frozenset[str]:
    return frozenset(word.lower() for word in _DENIAL.findall(text))


def _names(text: str) -> frozenset[str]:
    """Return the words that are written like names."""
    words = enumerate(_WORD.findall(text))
    return frozenset(word.lower() for at, word in words if word[0].isupper() and (at or word.lower() not in OPENERS))


def _worse(probability: float, ratio: float) -> float:
    """Return the probability whose odds are smaller by a ratio."""
    odds = probability / max(1.0 - probability, 1e-9) / ratio
    return odds / (1.0 + odds)


def _repeats(one: Chosen, old: Chosen) -> bool:
    """Whether all that one says was said before."""
    return all(any(same(new, other) for other in old.candidates) for new in one.candidates)


def _backed(chosen: Chosen, other: Chosen) -> Chosen:
    """Note a sentence of another article that proves what was chosen: it has all its numbers, and the same names."""
    if len(chosen.candidates) > 1:
        return chosen
    proven, proof = chosen.candidates[0].sentence.text, other.candidates[0].sentence
    articles = {chosen.article, *(sentence.hit.passage.article.id for sentence in chosen.also)}
    proves = _numbers(proven) <= _numbers(proof.text) and _names(proven) == _names(proof.text)
    if not proves or other.article in articles or len(chosen.also) == ALSO:
        return chosen
    return replace(chosen, also=(*chosen.also, proof))


def _neighbours(one: Chosen, other: Chosen) -> bool:
    """Whether two stand next to each other in one passage, and are no more sentences together than a claim may have."""
    if one.hit.passage.id != other.hit.passage.id or len(one.candidates) + len(other.candidates) > LONGEST:
        return False
    first, second = sorted((one.span, other.span), key=lambda span: span.start)
    return adjoin(one.hit, first, second)


def adjoin(hit: Hit, first: Span, second: Span) -> bool:
    """Whether only space lies between two stretches of a passage, and no line ends there."""
    between = hit.passage.article.text[first.end : second.start]
    return not between.strip() and "\n" not in between


def _understandable(chosen: Chosen, *, taken: Sequence[Span]) -> Span:
    """Return what is quoted, with the sentence before where a single one leans on it, and its passage has it.

    Not where that one is `taken`: quoted already, in this passage or another one of the article.
    """
    passage, span = chosen.hit.passage, chosen.span
    if len(chosen.candidates) == LONGEST or not opens(span.of(passage.article.text)):
        return span
    before = sentences(passage.article.text[passage.start : span.start])
    if not before:
        return span
    last = before[-1].moved(passage.start)
    quoted = any(other.start < last.end and last.start < other.end for other in taken)
    return Span(last.start, span.end) if adjoin(chosen.hit, last, span) and not quoted else span


def _citation(number: int, hit: Hit, span: Span) -> Citation:
    return Citation(number, hit.passage, span.start, span.end)
