"""Turn the bytes of a file into an Article: plain text as it is quoted to people, and what is known about it.

Rules only, no I/O. What each format means is known to the modules named after them.
"""

import datetime as dt
import re
from collections.abc import Callable, Iterable, Sequence
from itertools import dropwhile
from pathlib import PurePosixPath
from typing import TypeVar

from index.errors import SourceError
from index.formats.block import Block, Facts
from index.formats.decode import decode
from index.formats.extract_docx import docx
from index.formats.extract_eml import eml
from index.formats.extract_epub import epub
from index.formats.extract_html import article, blocks, facts, parse
from index.formats.extract_markdown import KEYS, front_matter, markdown_blocks
from index.formats.extract_pdf import pdf
from index.records import Article, ArticleId, Heading, Page

T = TypeVar("T")


def extract(id: ArticleId, data: bytes) -> Article:  # noqa: A002  the name of the field it fills
    """Return the article a file holds, read as the suffix of its id says.

    Raises SourceError with a short reason in words; no bytes make it raise anything else. A page that gives its address
    only as seen from itself ("/2025/bridge") has that for its url, until `webpage` makes it whole, or drops it.
    """
    if not data:
        msg = "is empty"
        raise SourceError(msg)
    match _suffix(id):
        case ".html" | ".htm":
            return _from_html(id, decode(data, is_html=True))
        case ".md" | ".markdown":
            return _from_markdown(id, decode(data))
        case ".txt":
            return _from_plain(id, decode(data))
        case ".pdf" | ".docx" | ".epub" | ".eml" as suffix:
            return _from_document(id, *_READERS[suffix](data))
        case _:
            msg = "is not a .txt, .md, .html, .pdf, .docx, .epub or .eml file"
            raise SourceError(msg)


_READERS: dict[str, Callable[[bytes], tuple[list[Block], Facts]]] = {
    ".pdf": pdf,
    ".docx": docx,
    ".epub": epub,
    ".eml": eml,
}


def _suffix(name: ArticleId) -> str:
    return PurePosixPath(name).suffix.lower()


def _from_html(name: ArticleId, markup: str) -> Article:
    root = parse(markup)
    everything = blocks(root, page=True)
    chosen = article(root, everything)
    last = everything[-1:]
    if last and last != chosen[-1:] and _FOOTER.fullmatch(last[0].words):  # all links, so not chosen; yet it tells
        chosen = [*chosen, *last]
    return _from_blocks(name, chosen, facts(root))


def _from_markdown(name: ArticleId, text: str) -> Article:
    known, body = front_matter(text)
    return _from_blocks(name, markdown_blocks(body), known)


def _from_document(name: ArticleId, found: Sequence[Block], known: Facts) -> Article:
    """Take the first heading for the title only if no other is like it: documents may begin with a chapter."""
    tops = [block for block in found if block.level == 1]
    return _titled(name, found, known, guess=tops[0].words if len(tops) == 1 and tops == found[:1] else "")


def _from_blocks(name: ArticleId, found: Sequence[Block], known: Facts) -> Article:
    return _titled(name, found, known, guess=next((block.words for block in found if block.level == 1), ""))


def _titled(name: ArticleId, found: Sequence[Block], known: Facts, *, guess: str) -> Article:
    """Make an article of blocks, without the one that is its title; `guess` is that where nothing else tells it."""
    title = _first(known, "title", one_line) or one_line(guess)
    tops = ((at, one_line(block.words)) for at, block in enumerate(found) if block.level == 1)
    shown = next((at for at, words in tops if words.casefold() == title.casefold()), None)
    text, headings, pages = _joined(found, without=shown)
    return _article(name, text, known | {"title": [title]}, headings, pages)


def _joined(found: Sequence[Block], *, without: int | None) -> tuple[str, list[Heading], list[Page]]:
    """Set blocks one under the other, all but one, and note where the headings are and where pages begin."""
    pieces: list[str] = []
    headings: list[Heading] = []
    pages: list[Page] = []
    start = 0
    for at, block in enumerate(found):
        if at == without:  # the page that begins with the title begins with what follows
            pages += [Page(start, page.number) for page in block.pages]
            continue
        words = block.words if pieces else block.words.lstrip()  # no text begins with the indent of a line of code
        gap = "\n" if block.tight else "\n\n"
        if pieces:
            pieces.append(gap)
            start += len(gap)
        pieces.append(words)
        if block.level:
            headings.append(Heading(start, start + len(words), block.level))
        pages += [Page(start + page.start, page.number) for page in block.pages]
        start += len(words)
    return "".join(pieces), headings, pages


def _from_plain(name: ArticleId, text: str) -> Article:
    try:
        known, body = front_matter(text)
    except SourceError:  # nobody promised YAML in plain text
        known, body = {}, text
    # Whoever wrote front matter has said all there is to say: what looks like more of it may be somebody else's words.
    take = _from_first_words if known else _take_header
    lines = take(body.strip().split("\n"), known)
    title = _first(known, "title", one_line)
    if one_line(lines[0]) == title or (not title and _is_title(lines)):
        known["title"] = [lines[0]]
        lines = take(lines[1:], known)
    text = re.sub(r"\n(?:[ \t]*\n){2,}", "\n\n", "\n".join(lines))
    return _article(name, text.strip(), known)


_FACT_OF = {name: fact for fact, names in KEYS.items() for name in names}
_HEADER_LINE = re.compile(rf"[ \t]*({'|'.join(_FACT_OF)})[ \t]*:(?:[ \t]+(\S.*))?[ \t]*", re.IGNORECASE)


def _take_header(lines: list[str], known: Facts) -> list[str]:
    """Add to what is known the `Key: value` lines a text begins with; return the lines from its first words on."""
    rest = list(dropwhile(_is_blank, lines))
    at = 0
    while at < len(rest) and (match := _HEADER_LINE.fullmatch(rest[at])):
        known.setdefault(_FACT_OF[match[1].lower()], []).append(match[2] or "")
        at += 1
    return _from_first_words(rest[at:], known)


def _from_first_words(lines: list[str], _: Facts) -> list[str]:
    return list(dropwhile(_is_blank, lines)) or [""]


def _is_blank(line: str) -> bool:
    return not line.strip()


def _is_title(lines: list[str]) -> bool:
    """Tell a title from the beginning of a paragraph: it is short, is no sentence, and stands above its text."""
    first = lines[0].strip()
    # More than 120 characters or 20 words is longer than headlines get.
    if len(lines) < 2 or len(first) > 120 or len(first.split()) > 20:
        return False
    if not any(map(str.isalnum, first)) or re.match(r"[-*•>|]|https?://\S+$", first):
        return False
    if first.rstrip("\"'”’»)]").endswith((".", "…", ":", ";", ",", "。", "؛", "،", "।")):
        return False
    below = lines[1].strip()
    # The lines of a hard-wrapped paragraph differ by a word: half as long again is a line of another kind.
    return not below or _HEADER_LINE.fullmatch(below) is not None or len(below) >= 1.5 * len(first)


def _article(
    name: ArticleId, text: str, known: Facts, headings: Iterable[Heading] = (), pages: Iterable[Page] = ()
) -> Article:
    text, title, outlet = _without_footer(clean(text))
    if not any(char.isprintable() and not char.isspace() for char in text):
        msg = "has no text once the markup is gone" if _suffix(name) in _MARKED_UP else "has no text"
        raise SourceError(msg)
    return Article(
        id=name,
        title=_first(known, "title", one_line) or one_line(title) or _name_in_words(name) or _first_words(text),
        text=text,
        date=_first(known, "date", day),
        source=_first(known, "source", one_line) or one_line(outlet),
        url=_first(known, "url", web_address) or _first(known, "path", web_path) or "",
        headings=tuple(heading for heading in headings if heading.end <= len(text)),
        author=_first(known, "author", one_line) or "",
        language=_first(known, "language", language) or "",
        pages=tuple(page for page in pages if page.start < len(text)),
    )


_MARKED_UP = (".html", ".htm", ".md", ".markdown")


def _first(known: Facts, fact: str, read: Callable[[str], T]) -> T | None:
    """Return the most trustworthy value of a fact that can be read."""
    return next(filter(None, map(read, known.get(fact, ()))), None)


# A title does not go on like a sentence: "The post by Ann first appeared on a forum." is an article's own.
_FOOTER = re.compile(
    r"The post (?!(?:about|by|from|had|has|in|is|on|that|was|which|with) )(.{1,300}) "
    r"(?:appeared first|first appeared) on (.{1,100}?)\.?"
)


def _without_footer(text: str) -> tuple[str, str, str]:
    """Cut off the last line or paragraph if it is what blog feeds add; return the title and the outlet it names."""
    last_line, last_paragraph = text[text.rfind("\n") + 1 :], text[text.rfind("\n\n") + 1 :].lstrip()
    wrapped = "" if _FOOTER.fullmatch(last_paragraph.split("\n")[0]) else " ".join(last_paragraph.split())
    for footer, written in ((last_line.strip(), last_line), (wrapped, last_paragraph)):
        if match := _FOOTER.fullmatch(footer):
            return text.removesuffix(written).rstrip(), match[1], match[2]
    return text, "", ""


def _name_in_words(name: ArticleId) -> str:
    """Return a file's name as words, without the numbers and digests that programs put in; nothing if that is all."""
    words = re.split(r"[\s_.+-]+", PurePosixPath(name).stem)
    while words and (words[0].isdigit() or not words[0]):
        words.pop(0)
    told = [word for word in words if not re.fullmatch(r"(?=.*\d)[0-9a-fA-F]{6,}", word)]
    title = " ".join(told).strip()
    return one_line(title[:1].upper() + title[1:]) if re.search(r"[^\W\d_]{3}", title) else ""


def _first_words(text: str) -> str:
    """Return the first sentence, or its first ten words."""
    sentence = re.split(r"(?<=[.!?…。؟])\s|\n", text, maxsplit=1)[0]
    words = sentence.split()
    return one_line(sentence if len(words) <= 10 else " ".join(words[:10]).rstrip(",;:—–-") + "…")


def clean(text: str) -> str:
    """Replace what can be neither stored nor sent, NUL and lone surrogates, by U+FFFD; the length stays."""
    return re.sub("[\0\ud800-\udfff]", "\ufffd", text)


def one_line(text: str) -> str:
    """Return a title or a name on a single line, at most 300 characters of it: more is a mistake."""
    return " ".join(clean(text).split())[:300].rstrip()


def web_address(text: str) -> str:
    """Return a web address as it is, and anything else as nothing."""
    text = clean(text).strip()
    return text if re.fullmatch(r"(?i)https?://[^\s/]\S*", text) else ""


def web_path(text: str) -> str:
    """Return an address as seen from its page, such as /a, ../a or ?id=7, as it is, and anything else as nothing.

    It has a slash or a question mark: other words in its place are a mistake. What has a scheme is none.
    """
    text = clean(text).strip()
    return text if len(text) <= 2_000 and re.fullmatch(r"[^\s:/?#]*[/?]\S*", text) else ""


_THREE_LETTERS = dict(
    pair.split(":")
    for pair in (
        "eng:en fra:fr fre:fr deu:de ger:de spa:es ita:it por:pt rus:ru ukr:uk pol:pl nld:nl dut:nl ces:cs cze:cs "
        "hun:hu swe:sv dan:da nor:no fin:fi ell:el gre:el tur:tr ara:ar heb:he hin:hi zho:zh chi:zh jpn:ja kor:ko"
    ).split()
)


def language(text: str) -> str:
    """Return the code by ISO 639-1 that a language tag begins with ("en" of "en-GB" or "eng"); else nothing."""
    tag = re.split(r"[-_]", text.strip().lower(), maxsplit=1)[0]
    return tag if re.fullmatch("[a-z]{2}", tag) else _THREE_LETTERS.get(tag, "")


_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_YEAR_FIRST = re.compile(r"\s*(?P<year>\d{4})(?P<sign>[-/.]?)(?P<month>\d{1,2})(?P=sign)(?P<day>\d{1,2})(?!\d)")
_NAMED = re.compile(
    r"(?<!\d)(?P<day>\d{1,2})(?:st|nd|rd|th)?[.\s-]\s*(?:of\s+)?(?P<month>[a-z]{3,9})[.,\s-]\s*(?P<year>\d{4})(?!\d)"
    r"|(?P<month2>[a-z]{3,9})\.?\s+(?P<day2>\d{1,2})(?:st|nd|rd|th)?,?\s+(?P<year2>\d{4})(?!\d)",
    re.IGNORECASE,
)
_YEAR_LAST = re.compile(r"\s*(\d{1,2})([./-])(\d{1,2})\2(\d{4})(?!\d)")


def day(text: str) -> dt.date | None:
    """Return the day a date names, as it stands there in whatever time zone; None if it cannot be read for certain."""
    if found := _YEAR_FIRST.match(text):
        return _date(found["year"], int(found["month"]), found["day"])
    if found := _NAMED.search(text):
        month = _month(found["month"] or found["month2"])
        return _date(found["year"] or found["year2"], month, found["day"] or found["day2"])
    if found := _YEAR_LAST.match(text):
        first, second = int(found[1]), int(found[3])
        if found[2] == "." or first > 12 or first == second:
            return _date(found[4], second, found[1])
        if second > 12:
            return _date(found[4], first, found[3])
    return None  # 3/4/2025 is in March here and in April there


def _month(word: str) -> int:
    short = word[:3].lower()
    return _MONTHS.index(short) + 1 if short in _MONTHS else 0


def _date(year: str, month: int, day_of_month: str) -> dt.date | None:
    if int(year) < 1000:  # 0001-01-01 is how site generators write "none"
        return None
    try:
        return dt.date(int(year), month, int(day_of_month))
    except ValueError:
        return None
