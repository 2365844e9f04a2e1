"""Find the parts of a question that asks about several things, so that each can be asked for by itself. Pure.

"What did Minsk and Kyiv say about the border?" asks about two; an article may answer for only one of them. Knows
English for what compares, and for names that are joined the word "and" or "or" of some other languages.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

LONGEST = 12
"""Words of a thing that is compared and not written as a name."""


@dataclass(frozen=True, slots=True)
class Part:
    """One of the things a question asks about: what it is called there, and the question about it alone.

    `apart`: it is a question of its own, which no answer to another one can answer.
    """

    name: str
    question: str
    apart: bool = False


_WORD = re.compile(r"[^\W_]+(?:['’.\-&][^\W_]+)*")
_ASKING = r"(?:who|whom|whose|what|when|where|why|how|which)"
_QUESTIONS = re.compile(r"(?<=？)|(?<=[?؟])\s+(?=\S)")
_AND_ASKS = re.compile(
    rf"[,;]?\s+(?:and|or)\s+(?=[\"“]?(?:(?:in|at|on|by|for|from|to|with|since|until)\s+)?{_ASKING}\b)", re.IGNORECASE
)
_BEGINS_ASKING = re.compile(rf"\W*(?:\w+\s+)?{_ASKING}\b", re.IGNORECASE)
_COURTESY = frozenset(
    "hello hi hey thanks thank please you me us help can could would how are is it so ok okay really right correct "
    "good morning day evening what huh sorry excuse question".split()
)
"""Words of which a piece of a message consists that asks nothing: "Can you help me?"."""
_JOINS = frozenset("and or vs versus & und oder et ou y и или och og en".split())
_WITHIN_NAMES = frozenset("of the de la du des von van der den di da del al el bin ibn".split())
_ARTICLES = frozenset("the a an".split())
_NO_NAMES = frozenset(
    "who whom whose what when where why how which is are was were am be been do does did has have had can could will "
    "would shall should may might must i if in on at of to for from by with about as and or but not the a an this that "
    "these those there it he she they we you please tell give name list both between compare".split()
)
_THING = rf"(?:[\w’'\-]+\s+){{0,{LONGEST - 1}}}[\w’'\-]+"
_DIFFERENCE = re.compile(
    rf"(?:the\s+)?(?:differences?|comparison|similarit(?:y|ies))\s+between\s+(?P<one>{_THING}?)\s+and\s+(?P<other>{_THING})",
    re.IGNORECASE,
)
_COMPARE = re.compile(rf"\bcompare\s+(?P<one>{_THING}?)\s+(?:and|with|to|against)\s+(?P<other>{_THING})", re.IGNORECASE)
_EITHER = re.compile(rf",\s+(?P<one>{_THING}?)\s+or\s+(?P<other>{_THING})(?=\W*$)", re.IGNORECASE)
_COMPARES = re.compile(
    r"\b(?:which|who|what|whose)\b.*\b(?:\w{2,}er|\w{3,}est|more|most|less|least|first|last|worse|worst)\b",
    re.IGNORECASE,
)
"""What stands before "A or B" where they are compared; else one of the two is only another word for no."""


def parts(question: str) -> tuple[Part, ...]:
    """Return the parts of a question, at least two; none where it asks about one thing."""
    asked = _questions(question)
    if len(asked) > 1:
        return tuple(Part(one, one, apart=True) for one in asked)
    if question.isupper():
        return ()  # all words look like names
    return next(_compared(question), ()) or _named(question)


def _questions(text: str) -> list[str]:
    """Return the questions that stand one after the other in a text, or are joined by "and"; each once."""
    found: dict[str, str] = {}
    for sentence in _QUESTIONS.split(text):
        pieces = _AND_ASKS.split(sentence)
        joined = len(pieces) > 1 and all(map(_asks, pieces))
        for piece in (one.strip() for one in (pieces if joined else [sentence])):
            words = {word.lower() for word in _WORD.findall(piece)}
            if words - _COURTESY and (piece[-1] in "?？؟" or _asks(piece)):
                found.setdefault(piece.casefold().rstrip("?!. "), piece if piece[-1] in "?!.？؟" else f"{piece}?")
    return list(found.values())


def _asks(text: str) -> bool:
    """Whether a text is a question of its own, and not the beginning of a sentence that goes on."""
    return _BEGINS_ASKING.match(text) is not None and len(_WORD.findall(text)) > 2


def _compared(question: str) -> Iterator[tuple[Part, ...]]:
    for pattern in (_DIFFERENCE, _COMPARE, _EITHER):
        found = pattern.search(question)
        if found and (pattern is not _EITHER or _COMPARES.search(question[: found.start()])):
            names = [found["one"].strip(), found["other"].strip()]
            before, after = question[: found.start()], question[found.end() :]
            gap = ", " if pattern is _EITHER else ""
            if names[0].lower() != names[1].lower() and not any(re.search(r"\band\b", name) for name in names):
                yield tuple(Part(name, f"{before}{gap}{name}{after}".strip()) for name in names)


def _named(question: str) -> tuple[Part, ...]:
    """Find names joined by a word: "Trump and Putin", "Minsk, Kyiv and Moscow", "in 2023 or 2024"."""
    words = list(_WORD.finditer(question))
    for at, match in enumerate(words):
        if match.group().lower() not in _JOINS:
            continue
        first, last = _before(question, words, at), _after(question, words, at)
        if not first or not last or (first[0] and words[first[0] - 1].group().lower() == "between"):
            continue  # what lies or happens between two things is one thing
        spans = [first, last]
        while earlier := _listed(question, words, spans[0][0]):
            spans.insert(0, earlier)
        while later := _joined(question, words, spans[-1][1]):
            spans.append(later)
        start, end = words[spans[0][0]].start(), words[spans[-1][1]].end()
        names = [question[words[i].start() : words[j].end()] for i, j in spans]
        if len({name.lower() for name in names}) == len(names):
            return tuple(Part(name, question[:start] + name + question[end:]) for name in names)
    return ()


_Words = list[re.Match[str]]


def _before(question: str, words: _Words, at: int) -> tuple[int, int] | None:
    """Return the first and last word of the name that ends right before the word numbered `at`."""
    last = first = at - 1
    if last < 0 or not _is_name(words[last]) or not _touch(question, words, last, at, comma=True):
        return None
    while first > 0 and _touch(question, words, first - 1, first):
        if _is_name(words[first - 1]):
            first -= 1
        elif first > 1 and words[first - 1].group().lower() in _WITHIN_NAMES and _is_name(words[first - 2]):
            first -= 2
        else:
            break
    return first, last


def _after(question: str, words: _Words, at: int) -> tuple[int, int] | None:
    """Return the first and last word of the name that begins right after the word numbered `at`."""
    first = at + 1
    if first < len(words) and words[first].group().lower() in _ARTICLES:
        first += 1
    if first >= len(words) or not _is_name(words[first]):
        return None
    last = first
    while last + 1 < len(words) and _touch(question, words, last, last + 1):
        if _is_name(words[last + 1]):
            last += 1
        elif (
            last + 2 < len(words)
            and words[last + 1].group().lower() in _WITHIN_NAMES
            and _is_name(words[last + 2])
            and _touch(question, words, last + 1, last + 2)
        ):
            last += 2
        else:
            break
    return first, last


def _listed(question: str, words: _Words, at: int) -> tuple[int, int] | None:
    """Return the name that stands before the word numbered `at` with a comma between them."""
    if at < 1 or question[words[at - 1].end() : words[at].start()].strip() != ",":
        return None
    return _before(question, words, at)


def _joined(question: str, words: _Words, at: int) -> tuple[int, int] | None:
    """Return the name that one more "and" joins to the word numbered `at`."""
    if at + 2 >= len(words) or words[at + 1].group().lower() not in _JOINS or not _touch(question, words, at, at + 1):
        return None
    return _after(question, words, at + 1)


def _touch(question: str, words: _Words, one: int, other: int, *, comma: bool = False) -> bool:
    """Whether only space lies between two words, or a comma where one is allowed."""
    return question[words[one].end() : words[other].start()].strip() in (("", ",") if comma else ("",))


def _is_name(word: re.Match[str]) -> bool:
    """Whether a word is written like a name or a number."""
    text = word.group()
    return (text[0].isupper() or text[0].isdigit()) and text.lower() not in _NO_NAMES
