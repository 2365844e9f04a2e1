"""Decide whether a question leans on the turns before it, and which words of theirs complete it. Pure.

Knows English only, no language model and no articles: how telling a word is there is handed to it.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from index.records import Turn

# FADE, SHARE and MOST: of five folds of mtrag's conversations (and of squad's questions asked after a foreign
# conversation), each choosing among 48 settings on the other four, two chose these, the others neighbours. Held out,
# mtrag's last turns rank at 0.916 nDCG@10; alone at 0.834. The rules of `leans` were written with all of mtrag in view.
FADE = 0.4
"""What a word of the question before weighs against one of the question itself; a turn earlier, the square of that."""

SAID = 0.5
"""What a name in an answer weighs against a word of the question that it answered."""

TURNS = 6
"""Turns that are read at most; what is older weighs less than a hundredth."""

MOST = 8
"""Words that complete a question at most."""

SHARE = 0.6
"""Share of the completed question's vector in the one that searches; the rest is the question's as it was asked."""

BOUND = 3
"""So many words of meaning before a pronoun hold what it stands for; fewer, and it stands for something said before."""

_WORD = re.compile(r"[^\W_]+(?:['’.\-][^\W_]+)*")
_I = re.compile(r"I(?:$|['’])")
_PERSONAL = frozenset("it itself he him himself she herself they them themselves it's he's she's they're".split())
_POSSESSIVE = frozenset("its his her hers their theirs".split())
_POINTING = frozenset("this that these those".split())
_OTHER = frozenset("other others another else more such same both either neither former latter one ones".split())
_JOINING = frozenset("and but so or then also because".split())
_NO_OTHER = re.compile(r"more than\b|such as\b|one of\b|both\b.+\band\b|either\b.+\bor\b|neither\b.+\bnor\b")
_OPENING = re.compile(r"\W*(?:(?:what|how) (?:about|if)|why not|(?:no,? )?i mean(?:t)?)\b")
_EMPTY_IT = re.compile(
    r"\bit (?:(?:is|was|be) )?(?:takes?|took|costs?|possible|true|necessary|allowed|legal|safe|better|hard|easy)\b"
    r".*\b(?:to|that)\b"
)
_DEFINING = re.compile(r"\W*(?:what|who)(?: (?:is|are|was|were)|['’]s) (?!the\b|this\b|that\b)|\W*(?:define|explain)\b")
_DEFINITE = re.compile(r"\bthe \w")

Words = Callable[[str], Mapping[str, str]]
"""Finds the words of a text that carry meaning, as {analysed: as written}, in order."""

Weigh = Callable[[Sequence[str]], Mapping[str, float]]
"""Tells how telling analysed words are; 0 for one that no article has."""


@dataclass(frozen=True, slots=True)
class Context:
    """What completes a question: words said before it, as {analysed: as written}, and what each weighs, below 1."""

    written: Mapping[str, str] = field(default_factory=dict)
    weights: Mapping[str, float] = field(default_factory=dict)

    def __bool__(self) -> bool:
        """Whether there is anything to add."""
        return bool(self.written)

    def complete(self, question: str) -> str:
        """Return the question with the words before it that it leans on."""
        return f"{' '.join(dict.fromkeys(self.written.values()))}: {question}" if self else question


def context(question: str, history: Sequence[Turn], *, words: Words, weigh: Weigh) -> Context:
    """Return the words of earlier turns that a question needs to be understood; none where it stands alone."""
    if not history or not leans(question, words=words):
        return Context()
    own = words(question)
    said = {term: pair for term, pair in _said(history, words=words).items() if term not in own}
    worth = weigh(list(said))
    telling = sorted(said, key=lambda term: -said[term][1] * worth[term])[:MOST]
    chosen = [term for term in said if term in telling and worth[term] > 0]
    return Context({term: said[term][0] for term in chosen}, {term: said[term][1] for term in chosen})


def leans(question: str, *, words: Words) -> bool:
    """Tell whether a question says too little by itself.

    It does where it opens like the second half of a sentence, where a pronoun stands for nothing in it, or where it has
    so few words, and no name, that they cannot be all of it.
    """
    lower = question.lower()
    tokens = _WORD.findall(lower)
    if not tokens or _OPENING.match(lower) or _refers(question, words=words):
        return bool(tokens)
    count = len(words(question))
    if tokens[0] in _JOINING and (count < BOUND or not named(question)):
        return True
    if not count or named(question):
        return not count
    defining = _DEFINING.match(lower) is not None
    return (count < BOUND and not defining) or (count <= BOUND and _DEFINITE.search(lower) is not None)


def named(text: str) -> bool:
    """Tell whether a word or a number after the first word makes a text about something in particular."""
    return any(word[0].isdigit() or (word[0].isupper() and not _I.match(word)) for word in _WORD.findall(text)[1:])


def names(text: str) -> str:
    """Return the words of a text that are written like names."""
    starts = {match.end() for match in re.finditer(r"(?:^|[.!?:\n])\W*", text)}
    written = [match for match in _WORD.finditer(text) if match.start() not in starts]
    return " ".join(m.group() for m in written if m.group()[0].isupper() and not _I.match(m.group()))


def _refers(question: str, *, words: Words) -> bool:
    """Tell whether a word of a question stands for something that the question does not name."""
    lower = question.lower()
    nameless = not named(question)
    if nameless and _OTHER & set(_WORD.findall(_NO_OTHER.sub("", lower))):
        return True
    empty = _EMPTY_IT.search(lower) is not None
    for at, match in enumerate(_WORD.finditer(question)):
        word, before = match.group().lower(), question[: match.start()]
        if word in _POINTING and nameless and (word != "that" or at < BOUND):
            return True
        if named(before) or (word == "it" and empty):
            continue
        if (word in _PERSONAL and len(words(before)) < BOUND) or (word in _POSSESSIVE and not words(before)):
            return True
    return False


def _said(history: Sequence[Turn], *, words: Words) -> dict[str, tuple[str, float]]:
    """Return the words of earlier questions and the names of their answers, as {analysed: (as written, weight)}."""
    found: dict[str, tuple[str, float]] = {}
    turns = [turn for turn in history if words(turn.question)]
    for age, turn in zip(range(len(turns), 0, -1), turns, strict=True):
        for text, worth in ((turn.question, FADE**age), (names(turn.answer), SAID * FADE**age)):
            for term, written in words(text).items():
                found[term] = (written, max(worth, found.get(term, ("", 0.0))[1]))
    return found
