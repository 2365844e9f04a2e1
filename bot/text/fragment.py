"""Link to a sentence of a web page: the page's address with a text fragment, as "Scroll to Text Fragment" defines it.

Pure. Knows of the page what the article has of it. A browser takes the first place that fits, by letters without case
and accents; so a fragment is only given where the first place that could fit is the cited one.
"""

import re
import unicodedata
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from urllib.parse import quote

from index.records import Span

LONGEST = 1_500
"""Characters of an address that is made a link: not more than `render.LONGEST_LINK`."""

LONGEST_TERM = 100
"""Characters of a quote that stands in the address whole; of a longer one, its first and its last words do."""

ENDS = (4, 8, 16)
"""Words at each end of a long quote, as many as it takes to find it."""

AROUND = (1, 2, 4, 8)
"""Words before or after a quote that occurs twice, as many as it takes to tell it from the other."""


def link(url: str, text: str, start: int, end: int, *, longest: int = LONGEST) -> str:
    """Return the address of an article at the words `text[start:end]` of it, no longer than `longest`.

    A fragment that the address has is kept, a text fragment is replaced. Where the words cannot be told from others of
    the article, or not within `longest` characters, the address is that of the article alone.
    """
    page, _, _ = url.partition(_DIRECTIVE)
    page = page.removesuffix("#")
    place = _whole_words(text, start, end)
    if not place or not re.match(r"https?://", page, re.IGNORECASE):
        return page
    known = _folded(text)
    for terms in _choices(text, place):
        made = f"{page}{'' if '#' in page else '#'}{_DIRECTIVE}text={terms.encoded}"
        if len(made) <= longest and known.shows(terms, place):
            return made
    return page


@dataclass(frozen=True, slots=True)
class _Terms:
    """What a browser looks for: `first` up to `last`, or `first` alone, between `before` and `after` where given."""

    first: str
    last: str = ""
    before: str = ""
    after: str = ""

    @property
    def encoded(self) -> str:
        """The terms as they stand in an address."""
        before = f"{_encoded(self.before)}-" if self.before else ""
        after = f"-{_encoded(self.after)}" if self.after else ""
        return ",".join(part for part in (before, _encoded(self.first), _encoded(self.last), after) if part)


@dataclass(frozen=True, slots=True)
class _Folded:
    """A text as it is searched: one space for each gap, one line break for each end of a block, letters folded.

    `places` are where in the text each character comes from. What it finds a browser may find; word boundaries, which
    a browser sees to as well, only make that less.
    """

    text: str
    places: Sequence[int]

    def shows(self, terms: _Terms, place: Span) -> bool:
        """Whether the first place that fits is this one."""
        found = self._first(*(_fold(part)[0] for part in (terms.first, terms.last, terms.before, terms.after)))
        return found == (bisect_left(self.places, place.start), bisect_left(self.places, place.end))

    def _first(self, first: str, last: str, before: str, after: str) -> tuple[int, int] | None:
        at = -1
        while first and (at := self.text.find(before or first, at + 1)) >= 0:
            start = self._past_gap(at + len(before)) if before else at
            if not self.text.startswith(first, start):
                continue
            end = start + len(first)
            if last:
                return self._up_to(last, after, start, end)
            if self._followed(end, after):
                return start, end
        return None

    def _up_to(self, last: str, after: str, start: int, end: int) -> tuple[int, int] | None:
        while (at := self.text.find(last, end)) >= 0:
            end = at + len(last)
            if self._followed(end, after):
                return start, end
        return None

    def _followed(self, end: int, after: str) -> bool:
        return not after or self.text.startswith(after, self._past_gap(end))

    def _past_gap(self, at: int) -> int:
        return at + (self.text[at : at + 1] in (" ", "\n"))


@lru_cache(maxsize=8)  # an answer often cites an article several times
def _folded(text: str) -> _Folded:
    return _Folded(*_fold(text))


def _fold(text: str) -> tuple[str, list[int]]:
    """Return a text as `_Folded` has it, and where each character comes from."""
    letters: list[str] = []
    places: list[int] = []
    for piece in _PIECE.finditer(text):
        if piece[1]:
            letters.append(piece[1].lower())
            places += range(piece.start(), piece.end())
            continue
        if piece[2]:
            letters.append("\n" if len(f"{piece[2]}.".splitlines()) > 1 else " ")
            places.append(piece.start())
            continue
        for at, letter in enumerate(piece[0], start=piece.start()):
            base = _base(letter)
            letters.append(base)
            places += [at] * len(base)
    return "".join(letters), places


_PIECE = re.compile(r"([!-~]+(?: [!-~]+)*)|(\s+)|\S+")
"""Plain words with one space between them, which are most of most texts and stay as they are; a gap; other words."""


@cache
def _base(letter: str) -> str:
    """Return what a browser compares of a character: no case, accents or invisible marks, quotes all alike."""
    parts = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", letter).casefold())
    return "".join(_QUOTES.get(part, part) for part in parts if not _is_mark(part) and not part.isspace())


_QUOTES = dict.fromkeys("‘’‚‛", "'") | dict.fromkeys("“”„‟«»״", '"')
_DIRECTIVE = ":~:"


def _choices(text: str, place: Span) -> Iterator[_Terms]:
    """Yield what may tell a place from all others, the shortest first."""
    lines = [line for line in _lines(text, place) if line]
    bodies = list(dict.fromkeys(_bodies(text, lines)))
    yield from (_Terms(*body) for body in bodies)
    before, after = _before(text, place.start), _after(text, place.end)
    for count in AROUND:
        left, right = _joined(text, before[-count:]), _joined(text, after[:count])
        one_sided = [(left, ""), ("", right)]
        if "\n" in text[place.start - 1 : place.start]:  # what stands in the same paragraph is the surer sign
            one_sided.reverse()
        for sides in (*one_sided, (left, right)):
            if any(sides):
                yield from (_Terms(*body, *sides) for body in bodies)


def _bodies(text: str, lines: Sequence[Sequence[Span]]) -> Iterator[tuple[str, str]]:
    """Yield the first and the last words of a quote of these lines of words, or all of a short one and nothing."""
    first, last = lines[0], lines[-1]
    whole = _joined(text, first)
    if len(lines) == 1 and (len(whole) <= LONGEST_TERM or len(first) == 1):
        yield whole, ""
        return
    if len(lines) == 1:
        half = len(first) // 2
        first, last = first[:half], first[half:]
    yield from ((_joined(text, first[:count]), _joined(text, last[-count:])) for count in ENDS)


def _lines(text: str, place: Span) -> list[list[Span]]:
    """Return the words of each line; no term may reach from one block of a page into the next."""
    found = []
    at = place.start
    for line in place.of(text).splitlines(keepends=True):
        found.append([Span(at + word.start(), at + word.end()) for word in _WORD.finditer(line)])
        at += len(line)
    return found


_WORD = re.compile(r"[^\s、。！？」』）】]*[、。！？」』）】]+|[^\s、。！？」』）】]+")
"""What is taken or left whole: letters between spaces, or up to a sign that ends a clause where there are no spaces."""


def _before(text: str, start: int) -> list[Span]:
    """Return the words before a place, those of one line."""
    lines = _lines(text, Span(max(0, start - _REACH), start))
    words = next((line for line in reversed(lines) if line), [])
    cut = words and words[0].start == start - _REACH  # perhaps not at the beginning of a word
    return words[1:] if cut else words


def _after(text: str, end: int) -> list[Span]:
    """Return the words after a place, those of one line."""
    words = next((line for line in _lines(text, Span(end, min(len(text), end + _REACH))) if line), [])
    cut = words and words[-1].end == end + _REACH
    return words[:-1] if cut else words


_REACH = 500
"""Characters before and after a place in which words are looked for; eight words are some fifty."""


def _joined(text: str, words: Sequence[Span]) -> str:
    """Return a stretch of words of one line as one term."""
    return " ".join(text[words[0].start : words[-1].end].split()) if words else ""


def _whole_words(text: str, start: int, end: int) -> Span | None:
    """Return a place without the space at its ends, widened to where words surely end; None where it is empty."""
    while start < end and (text[start].isspace() or _is_mark(text[start])):
        start += 1
    while start < end and text[end - 1].isspace():
        end -= 1
    if start >= end:
        return None
    while not _parts_words(text, start):
        start -= 1
    while not _parts_words(text, end):
        end += 1
    return Span(start, end)


def _parts_words(text: str, at: int) -> bool:
    """Whether a word surely ends here in any language, by the word boundaries of Unicode (UAX #29)."""
    if at in (0, len(text)) or text[at - 1] in "\r\n":
        return True
    if _is_mark(text[at]):
        return False
    left = "".join(letter for letter in text[max(0, at - 20) : at] if not _is_mark(letter))[-2:].rjust(2)
    right = text[at : at + 2].ljust(2)
    if (_is_flag(left[1]) and _is_flag(right[0])) or text[at - 1] == _JOINER:
        return False
    return _is_loose(left[1], beside=left[0]) or _is_loose(right[0], beside=right[1])


def _is_loose(letter: str, *, beside: str) -> bool:
    """Whether a character is not part of a word; a full stop may be, as in 3.5, and so may an apostrophe."""
    if letter.isspace():
        return True
    plain, kind = unicodedata.normalize("NFKC", letter), unicodedata.category(letter)
    if plain in _MID:
        return beside.isspace()
    return kind[0] in "PS" and kind not in ("Pc", "Sk") and not any(map(str.isalnum, plain))


_MID = frozenset("'\".,:;·’‘‧՟՝՚՛՜՞׳״")
_JOINER = "\u200d"


def _is_mark(letter: str) -> bool:
    """Whether a character belongs to the one before it, or is not seen."""
    return unicodedata.category(letter) in ("Mn", "Me", "Mc", "Cf") or "\U0001f3fb" <= letter <= "\U0001f3ff"


def _is_flag(letter: str) -> bool:
    return "\U0001f1e6" <= letter <= "\U0001f1ff"


def _encoded(term: str) -> str:
    """Return a term percent-encoded, the signs that have a meaning in a text fragment too."""
    return quote(term, safe="", errors="replace").replace("-", "%2D")
