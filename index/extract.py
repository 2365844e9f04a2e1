"""Turn the bytes of a file into an Article: plain text as it is quoted to people, and what is known about it.

Rules only, no I/O. What markup means is known to extract_html and extract_markdown.
"""

import datetime as dt
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import dropwhile
from pathlib import PurePosixPath
from typing import TypeVar

from index.errors import SourceError
from index.extract_html import Block, Facts, article, blocks, facts, parse
from index.extract_markdown import KEYS, front_matter, markdown_blocks
from index.records import Article, ArticleId, Heading

T = TypeVar("T")


def extract(id: ArticleId, data: bytes) -> Article:  # noqa: A002  the name of the field it fills
    """Return the article a file holds, read as the suffix of its id says.

    Raises SourceError with a short reason in words; no bytes make it raise anything else.
    """
    if not data:
        msg = "is empty"
        raise SourceError(msg)
    match _suffix(id):
        case ".html" | ".htm":
            return _from_html(id, _decode(data, is_html=True))
        case ".md" | ".markdown":
            return _from_markdown(id, _decode(data))
        case ".txt":
            return _from_plain(id, _decode(data))
        case _:
            msg = "is not a .txt, .md or .html file"
            raise SourceError(msg)


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


def _from_blocks(name: ArticleId, found: Sequence[Block], known: Facts) -> Article:
    tops = {at: one_line(block.words) for at, block in enumerate(found) if block.level == 1}
    title = _first(known, "title", one_line) or next(iter(tops.values()), "")
    shown = next((at for at, words in tops.items() if words.casefold() == title.casefold()), None)
    text, headings = _joined(block for at, block in enumerate(found) if at != shown)
    return _article(name, text, known | {"title": [title]}, headings)


def _joined(found: Iterable[Block]) -> tuple[str, list[Heading]]:
    """Set blocks one under the other and note where the headings are."""
    pieces: list[str] = []
    headings: list[Heading] = []
    start = 0
    for block in found:
        words = block.words if pieces else block.words.lstrip()  # no text begins with the indent of a line of code
        gap = "\n" if block.tight else "\n\n"
        if pieces:
            pieces.append(gap)
            start += len(gap)
        pieces.append(words)
        if block.level:
            headings.append(Heading(start, start + len(words), block.level))
        start += len(words)
    return "".join(pieces), headings


def _from_plain(name: ArticleId, text: str) -> Article:
    try:
        known, body = front_matter(text)
    except SourceError:  # nobody promised YAML in plain text
        known, body = {}, text
    lines = _take_header(body.strip().split("\n"), known)
    title = _first(known, "title", one_line)
    if one_line(lines[0]) == title or (not title and _is_title(lines)):
        known["title"] = [lines[0]]
        lines = _take_header(lines[1:], known)
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
    return list(dropwhile(_is_blank, rest[at:])) or [""]


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


def _article(name: ArticleId, text: str, known: Facts, headings: Iterable[Heading] = ()) -> Article:
    text, title, outlet = _without_footer(text)
    if not any(char.isprintable() and not char.isspace() for char in text):
        msg = "has no text" if _suffix(name) == ".txt" else "has no text once the markup is gone"
        raise SourceError(msg)
    return Article(
        id=name,
        title=_first(known, "title", one_line) or one_line(title) or _name_in_words(name) or _first_words(text),
        text=text,
        date=_first(known, "date", day),
        source=_first(known, "source", one_line) or one_line(outlet),
        url=_first(known, "url", web_address) or "",
        headings=tuple(heading for heading in headings if heading.end <= len(text)),
    )


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


# The longer ones first: UTF-32's mark begins with UTF-16's.
_MARKS = (
    (b"\xff\xfe\0\0", "utf-32-le"),
    (b"\0\0\xfe\xff", "utf-32-be"),
    (b"\xef\xbb\xbf", "utf-8"),
    (b"\xff\xfe", "utf-16-le"),
    (b"\xfe\xff", "utf-16-be"),
)


def _decode(data: bytes, *, is_html: bool = False) -> str:
    """Return the text with plain line ends. Raises SourceError if it is none."""
    marked = next(((mark, name) for mark, name in _MARKS if data.startswith(mark)), None)
    if marked:
        mark, encoding = marked
        text = data[len(mark) :].decode(encoding, "replace")
    elif b"\0" in data:
        text = "\0"
    else:
        text = _decode_unmarked(data, is_html=is_html)
    # Random bytes hold 10 % of these and text as good as none.
    if "\0" in text or len(re.findall(r"[\x01-\x08\x0e-\x1f\x7f-\x84\x86-\x9f]", text)) > 0.03 * len(text):
        msg = "is binary, not text"
        raise SourceError(msg)
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _decode_unmarked(data: bytes, *, is_html: bool) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        pass
    if is_html and (declared := declared_encoding(data)):
        return data.decode(declared, "replace")
    text = data.decode(errors="replace")
    # Text in an older encoding is hardly ever valid UTF-8 beyond ASCII: a few bad bytes among good are damage.
    if text.count("\ufffd") * 4 <= sum(not char.isascii() for char in text) - text.count("\ufffd"):
        return text
    return next(_guessed(data), None) or data.decode("cp1252", "replace")


# What legacy web pages declare. Other names Python knows are no encodings of pages (`unicode_escape`, `idna`).
_LEGACY = re.compile(
    r"windows-\d+|cp\d+|iso-?8859-\d+|koi8-[rut]|x?-?mac-?(?:roman|cyrillic)|gb2312|gbk|gb18030|big5(?:-?hkscs)?"
    r"|euc-(?:jp|kr)|iso-2022-jp|shift[-_]?jis|tis-620|utf-?8"
)


def declared_encoding(data: bytes) -> str:
    """Return the encoding a page names in its first 4 KiB, as browsers read it, or nothing."""
    found = re.search(rb"(?i)(?:charset|encoding)\s*=\s*[\"']?\s*([a-z0-9_-]+)", data[:4096])
    return known_encoding(found[1].decode()) if found else ""


def known_encoding(name: str) -> str:
    """Return an encoding of pages as Python calls it, by the name that the web has for it; nothing for any other."""
    name = name.strip().lower()
    if name in ("iso-8859-1", "latin1", "latin-1", "us-ascii", "ascii"):  # the web's names for Windows' superset
        return "cp1252"
    if not _LEGACY.fullmatch(name):
        return ""
    try:
        "".encode(name)
    except LookupError:
        return ""
    return name


# In order of how likely each is when the letters decide nothing. Not those of other systems of the eighties: given
# them, the detector took "Привет, мир" for cp1125.
_OLD = "cp1252 cp1251 cp1250 cp1253 cp1254 cp1255 cp1256 koi8_r koi8_u shift_jis gb18030 big5 euc_kr euc_jp".split()


def _guessed(data: bytes) -> Iterator[str]:
    from charset_normalizer import from_bytes  # noqa: PLC0415

    first = next(at for at, byte in enumerate(data) if byte > 127)  # what stands before tells nothing
    found = from_bytes(data[first : first + 65_536], cp_isolation=_OLD)  # 64 KiB decides, in 2 ms
    known = [match for match in found if match.encoding in _OLD]
    for match in sorted(known, key=lambda match: (match.chaos, -match.coherence, _OLD.index(match.encoding))):
        yield data.decode(match.encoding, "replace")
