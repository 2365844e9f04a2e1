"""Cut text into sentences, as spans. Pure; knows nothing of models or articles.

Rules of our own because a citation is whole sentences: a splitter that loses offsets, or cuts "Gen. Milley" in two,
shows in every quote. Where a rule is unsure it does not cut: a sentence too long quotes more, never something false.
"""

import re
from collections.abc import Iterator

from index.records import Span

_END = re.compile(
    r"""[.!?…]+[)\]"'”’»]*(?=\s)       # ends in a script with spaces
      | [。！？｡]+[」』”’）]*            # full-width ends need no space after them
      | [؟۔।॥։]+[)\]"'”’»]*(?=\s|$)  # Arabic question mark, Urdu and Devanagari stops, Armenian
    """,
    re.VERBOSE,
)
_BLOCK = re.compile(r"\n[^\S\n]*\n\s*")
_LINE = re.compile(r"\n")
_WORD_BEFORE = re.compile(r"[^\s(\[\"'“‘«—–/]+$")
_NEXT_WORD = re.compile(r"\s*[\"'“‘«(\[`]*\s*([^\s\"'”’,;:.!?)\]]{1,40})")
_BULLET = re.compile(r"\s*(?:[•◦▪*–—-]|\d{1,3}[.)])\s")
_ENUMERATOR = re.compile(r"(?:\d{1,3}|[A-Za-z]|[ivxIVX]{1,5})[.)]+")

_NEVER_LAST = frozenset(
    "mr mrs ms dr prof st gen lt col sgt capt cpl adm maj rep sen gov pres rev hon mt ft messrs vs v e.g i.e cf viz "
    "fig figs eq eqs no nos vol vols art sec ch pp p ca approx al op ed eds г ул им т.е т.к т.н "
    "стр рис табл млн млрд тыс nr abb bzw mio mrd mme mlle".split()
)
"""Abbreviations that stand before something: never the end of a sentence, unless nothing follows."""

_MAYBE_LAST = frozenset(
    "inc ltd co corp llc plc jr sr etc bros dept univ assn est a.m p.m am pm b.c a.d d.c u.s u.k u.n e.u u.s.a u.s.s.r "
    "jan feb mar apr jun jul aug sep sept oct nov dec mon tue tues wed thu thurs fri sat sun ph.d m.d b.a m.a".split()
)
"""Abbreviations that may end a sentence: they do where the next word is one that opens sentences."""

_GERMAN_MONTHS = frozenset("Januar Februar März Mai Juni Juli Oktober Dezember April August September November".split())

OPENERS = frozenset(
    "the a an in on at it he she they we i you but and or so yet if this that these those there here his her its their "
    "our my your after before when while as for since although though however also then now still even both some many "
    "most all each every one two no not only other another more such what who why how where which with without by from "
    "to of according despite during under over between among because until once later earlier meanwhile".split()
)
"""Words that open sentences, and are not themselves what a sentence is about."""


def sentences(text: str) -> list[Span]:
    """Return the sentences of `text` in order.

    Spans do not overlap, begin and end at visible characters, and together hold every visible character. Blank lines
    always end a sentence; a single line break does, unless the line before it looks hard-wrapped.
    """
    return [span for block in _blocks(text) for span in _within(text, block)]


def _blocks(text: str) -> Iterator[Span]:
    """Yield paragraphs, list items and lines: stretches that no sentence crosses."""
    start = 0
    for match in _BLOCK.finditer(text):
        yield from _lines(text, Span(start, match.start()))
        start = match.end()
    yield from _lines(text, Span(start, len(text)))


def _lines(text: str, block: Span) -> Iterator[Span]:
    start = line_start = block.start
    for match in _LINE.finditer(text, block.start, block.end):
        line = text[line_start : match.start()]
        if not _wrapped(line, text[match.end() : match.end() + 80]):
            yield Span(start, match.start())
            start = match.end()
        line_start = match.end()
    yield Span(start, block.end)


def _wrapped(line: str, after: str) -> bool:
    """Whether the break after `line` was made by an editor's line width, so that the sentence goes on.

    40 characters: the narrowest column that mail and text files are commonly wrapped to.
    """
    line = line.rstrip()
    if not line or _BULLET.match(after) or " | " in line:
        return False
    if re.search(r"[.!?…:;。！？؟][)\]\"'”’»]*$", line):
        return False
    first = _NEXT_WORD.match(after)
    return len(line) >= 40 or (first is not None and first[1][0].islower())


def _within(text: str, block: Span) -> Iterator[Span]:
    start = block.start
    for match in _END.finditer(text, block.start, block.end):
        if _ends(text, start, match, block.end):
            yield from _trimmed(text, start, match.end())
            start = match.end()
    yield from _trimmed(text, start, block.end)


def _ends(text: str, start: int, mark: re.Match[str], limit: int) -> bool:
    """Decide whether the punctuation at `mark` ends the sentence that began at `start`."""
    following = _NEXT_WORD.match(text, mark.end(), limit)
    if following is None:
        return mark.group()[0] not in ".…" or not text[mark.end() : limit].strip()
    word = following[1]
    if word[0].islower() or _inside_quotation(text, start, mark.end(), limit):
        return False
    if mark.group()[0] != "." or mark.group().startswith(".."):
        return True
    sentence = text[start : mark.start()].strip()
    if _ENUMERATOR.fullmatch(sentence + "."):
        return False
    if re.search(r"(?:^|\s)г$", sentence) and not re.search(r"\d\s*г$", sentence):
        return False  # a town ("г. Москва"); after a number it is a year, which often ends a sentence
    before = _WORD_BEFORE.search(sentence)
    return before is None or _ends_after(before.group(), word)


def _inside_quotation(text: str, start: int, at: int, limit: int) -> bool:
    """Whether `at` lies within quotation marks that are closed soon: what somebody said is quoted whole.

    240 characters: two or three spoken sentences; a mark that was never closed must not swallow a page.
    """
    for opening, closing in ("“”", "«»", "„“"):
        last = text.rfind(opening, start, at)
        if last >= 0 and text.find(closing, last + 1, at) < 0 and text.find(closing, at, min(limit, at + 240)) >= 0:
            return True
    return False


def _ends_after(before: str, following: str) -> bool:
    """Decide for a full stop between the word `before` and a `following` word that is not lower-case."""
    lowered = before.lower()
    opener = following.lower() in OPENERS
    if lowered in ("no", "nos", "art", "p", "pp", "v", "г", "ed") and not following[0].isdigit():
        return True
    if lowered in _NEVER_LAST:
        return False
    if re.fullmatch(r"\d{1,2}", before) and following in _GERMAN_MONTHS:  # an ordinal: "am 3. Oktober"
        return False
    if (
        len(before) == 1 and before.islower() and len(following) == 1 and following.isalpha() and following not in "AI"
    ):  # "z. B."
        return False
    initial = len(before) == 1 and before.isupper() and before != "I"
    if initial or lowered in _MAYBE_LAST or re.fullmatch(r"(?:[^\W\d]\.)+[^\W\d]", before):
        return opener
    return True


def _trimmed(text: str, start: int, end: int) -> Iterator[Span]:
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    if start < end:
        yield Span(start, end)
