"""What sort of answer a question asks for, and whether a sentence holds one. English; of others it knows nothing. Pure.

By surface alone: a sentence that holds a year may still answer another question, so this is evidence, not a filter.
"""

import re
from enum import StrEnum


class Kind(StrEnum):
    """A sort of answer."""

    PERSON = "person"
    PLACE = "place"
    DATE = "date"
    NUMBER = "number"
    REASON = "reason"
    DEFINITION = "definition"
    OTHER = "other"


_SIZES = "many|much|long|old|far|tall|high|large|big|often|deep|wide|fast|heavy"
_SHARES = "percentage|percent|number|amount|proportion|share|fraction"
_TIMES = "year|date|day|month|century|decade|time"
_PLACES = "city|country|state|place|region|town|village|river|continent|county|area"
_ASKED = {
    Kind.NUMBER: rf"how (?:{_SIZES})\b|what (?:{_SHARES})\b",
    Kind.DATE: rf"when\b|(?:what|which) (?:\w+ )?(?:{_TIMES})\b",
    Kind.PERSON: r"who\b|whom\b|whose\b",
    Kind.PLACE: rf"where\b|(?:what|which) (?:\w+ )?(?:{_PLACES})\b",
    Kind.REASON: r"why\b|how come\b|(?:what|which) (?:\w+ )?(?:reason|cause|caused|purpose)\b",
    Kind.DEFINITION: r"what (?:is|are|was|were) (?:an? )?[\w'-]+(?: [\w'-]+)?\s*\?*$|\bdefin(?:e|ition)\b",
}
_QUESTIONS = {kind: re.compile(rf"(?:^|\b)(?:{pattern})", re.IGNORECASE) for kind, pattern in _ASKED.items()}

_MONTHS = "January|February|March|April|May|June|July|August|September|October|November|December"
_DAYS = "Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday"
COUNTS = (
    "one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen|seventeen|"
    "eighteen|nineteen|twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety|dozen|hundred|thousand|million|billion|"
    "half|third|quarter|twice|once|percent"
)
_HELD = {
    Kind.DATE: re.compile(
        rf"\b(?:1\d{{3}}s?|20\d{{2}}s?|\d{{1,4}}\s?(?:BC|AD|BCE|CE)|{_MONTHS}|{_DAYS}|[Cc]entury|[Dd]ecade|ago)\b",
    ),
    Kind.NUMBER: re.compile(rf"\d[\d.,]*|\b(?:{COUNTS})\b", re.IGNORECASE),
    Kind.REASON: re.compile(
        r"\b(?:because|due to|owing to|since|so that|in order to|therefore|thus|hence|results? (?:in|of|from)|"
        r"resulted|caus(?:e|es|ed|ing)|reasons?|thanks to|led to|leads to)\b",
        re.IGNORECASE,
    ),
    Kind.DEFINITION: re.compile(
        r"\b(?:is|are|was|were) (?:an?|the|any|one)\b|\brefers? to\b|\bknown as\b|\bdefined\b|\bcalled\b|\bmeans?\b",
        re.IGNORECASE,
    ),
    Kind.PERSON: re.compile(r"\b[^\W\d_][\w'’-]+"),
    Kind.PLACE: re.compile(r"\b[^\W\d_][\w'’-]+"),
}


def kind(question: str) -> Kind:
    """Return what a question asks for: the sort that is named first in it."""
    found = [(match.start(), kind) for kind, pattern in _QUESTIONS.items() if (match := pattern.search(question))]
    return min(found, key=lambda item: item[0])[1] if found else Kind.OTHER


def holds(sentence: str, wanted: Kind, *, asked: frozenset[str]) -> bool:
    """Whether a sentence holds something of a sort that the question does not: `asked` are its words, lower-case.

    A person or a place is any word with a capital letter, which a sentence seldom lacks, so it says little of these.
    """
    if wanted not in _HELD:
        return False
    named = wanted in (Kind.PERSON, Kind.PLACE)
    written = (match.group() for match in _HELD[wanted].finditer(sentence))
    found = (words.lower() for words in written if not named or words[0].isupper())
    signs = wanted in (Kind.REASON, Kind.DEFINITION)  # of these the words found are the form, not the thing asked for
    return any(signs or set(words.split()) - asked for words in found)


def match(sentence: str, wanted: Kind, *, asked: frozenset[str]) -> float:
    """Return 1 where a sentence holds what is asked for, 0 where not, and 0.5 where nothing particular is asked for."""
    return 0.5 if wanted is Kind.OTHER else float(holds(sentence, wanted, asked=asked))


def words(question: str) -> frozenset[str]:
    """Return the words and numbers of a question, lower-case, for `holds`."""
    return frozenset(word.lower() for word in re.findall(r"[\w'’-]+(?:\.[\w'’-]+)*", question))
