"""Read PDF: the lines of its pages, its outline, and what it says of itself. Knows nothing of Articles.

By PDFium, which reads a page in 2-4 ms where pypdf takes 20-65 and pdfminer.six 60-130 (seven manuals of a Debian
system, 643 pages). All three find the same words; PDFium gives ligatures as letters, and tells the hyphens of lines.
"""

import ctypes
import re
import unicodedata
from collections.abc import Iterator
from contextlib import closing
from itertools import islice
from typing import Any, TypeAlias

from index.errors import SourceError
from index.formats.archive import named, xml
from index.formats.block import Block, Facts, told
from index.formats.typeset import Entry, Line, typeset

Handle: TypeAlias = Any  # a document or a page of PDFium; it ships no types

_HYPHEN = "\ufffe"  # how PDFium writes a hyphen at the end of a line; what follows is the next line
_LOCKED = 4  # FPDF_ERR_PASSWORD
_MOST_ENTRIES = 5_000  # headings of a book have hundreds
_WIDEST = 1e5  # points; the format allows 14,400
_LIGATURES = {0xFB00 + at: letters for at, letters in enumerate(("ff", "fi", "fl", "ffi", "ffl", "st", "st"))}
_CLEANED = _LIGATURES | dict.fromkeys((*range(9), *range(11, 32), 0x7F, 0xAD, 0x200B, 0xFDD0, 0xFEFF, 0xFFFE, 0xFFFF))


def pdf(data: bytes) -> tuple[list[Block], Facts]:
    """Return the paragraphs and headings of a document, with its pages, and what its properties say.

    Raises:
        SourceError: it is locked or damaged, or holds no text that can be read.
    """
    from pypdfium2 import PdfDocument, PdfiumError  # noqa: PLC0415

    try:
        with closing(PdfDocument(data)) as document:  # an empty password is tried
            lines = [line for number in range(len(document)) for line in _lines(document, number)]
            entries = list(islice(_entries(document), _MOST_ENTRIES))
            facts = _facts(document, data)
    except PdfiumError as exc:
        message = "is damaged: it is not a PDF that can be read"
        if getattr(exc, "err_code", None) == _LOCKED:
            message = "is protected by a password: save it without one"
        raise SourceError(message) from exc
    _check(lines)
    title, blocks = typeset(lines, entries)
    return blocks, facts | {"title": [*facts["title"], title]}


def _check(lines: list[Line]) -> None:
    text = "".join(line.text for line in lines)
    if not any(map(str.isalnum, text)):
        message = "has pages but no text: it is scanned; run it through OCR first"
        raise SourceError(message)
    # Fonts that do not say which letters their shapes are: a few signs are usual, a third of the text is not text.
    if len(re.findall("[\ufffd\ue000-\uf8ff]", text)) * 3 > len(text):
        message = "has text whose letters cannot be told: print it to PDF again, or run it through OCR"
        raise SourceError(message)


def _lines(document: Handle, number: int) -> Iterator[Line]:
    """Yield the lines of a page in the order they are read."""
    with closing(document[number]) as page, closing(page.get_textpage()) as text:
        at = 0
        for printed in text.get_text_range().split("\r\n"):
            parts = printed.split(_HYPHEN)
            for place, part in enumerate(parts):
                if part.strip():
                    yield _line(text, part, at, page=number + 1, broken=place + 1 < len(parts))
                at += _units(part) + 1
            at += 1


def _units(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def _line(text: Handle, words: str, at: int, *, page: int, broken: bool) -> Line:
    """Ask where a line stands that begins `at` so many units of UTF-16 into the text of its page."""
    from pypdfium2 import raw  # noqa: PLC0415

    last = at + _units(words.rstrip()) - 1
    at += _units(words) - _units(words.lstrip())
    shown = [raw.FPDFText_GetCharIndexFromTextIndex(text, place) for place in (at, last)]
    first, final = max(shown[0], 0), max(*shown, 0)
    sizes = sorted(raw.FPDFText_GetFontSize(text, first + (final - first) * step // 4) for step in range(5))
    left, right = _box(text, first)[0], _box(text, final)[1]
    x, y = ctypes.c_double(), ctypes.c_double()
    raw.FPDFText_GetCharOrigin(text, first, x, y)
    return Line(_clean(words), page, _sane(left), _sane(right), _sane(y.value), _sane(sizes[2]), broken)


def _box(text: Handle, index: int) -> tuple[float, float]:
    """Return the left and the right edge of a letter; 0 where PDFium cannot tell."""
    from pypdfium2 import raw  # noqa: PLC0415

    left, right, bottom, top = (ctypes.c_double() for _ in range(4))
    raw.FPDFText_GetCharBox(text, index, left, right, bottom, top)
    return left.value, right.value


def _sane(value: float) -> float:
    """Return a length, or 0 for one that no page has: a file may say anything."""
    return value if abs(value) < _WIDEST else 0.0


_ACCENTS = {"\u00a8": "\u0308", "\u00b4": "\u0301", "\u02c6": "\u0302", "\u02dc": "\u0303"}
_ACCENTED = re.compile(f"([{''.join(_ACCENTS)}])([A-Za-z\u0131])")


def _clean(words: str) -> str:
    """Return words with plain spaces, ligatures as letters, and TeX's accents, printed before a letter, upon it."""
    words = _ACCENTED.sub(_with_accent, words.translate(_CLEANED))
    return " ".join(words.split())


def _with_accent(found: re.Match[str]) -> str:
    letter = "i" if found[2] == "\u0131" else found[2]
    joined = unicodedata.normalize("NFC", letter + _ACCENTS[found[1]])
    return joined if len(joined) == 1 else found[0]


def _entries(document: Handle) -> Iterator[Entry]:
    """Yield the headings that the document's outline names. Raises nothing on one that goes in circles."""
    for bookmark in document.get_toc(max_depth=6):
        destination = bookmark.get_dest()
        page = destination.get_index() if destination else None
        if page is not None:
            yield Entry(_clean(bookmark.get_title()), page + 1, bookmark.level + 1)


def _facts(document: Handle, data: bytes) -> Facts:
    from pypdfium2 import raw  # noqa: PLC0415

    def said(key: str) -> list[str]:
        return [_clean(document.get_metadata_value(key))]

    facts = {"title": said("Title"), "author": said("Author"), "date": said("CreationDate"), "language": []}
    size = raw.FPDFCatalog_GetLanguage(document, None, 0)
    if 2 < size < 100:
        buffer = (ctypes.c_ushort * (size // 2))()
        raw.FPDFCatalog_GetLanguage(document, buffer, size)
        facts["language"] = [bytes(buffer)[: size - 2].decode("utf-16-le", "ignore")]
    for fact, values in _packet(data).items():
        facts[fact] = [*facts.get(fact, []), *values]
    facts["date"] = [re.sub(r"^(?:D:)?(\d{4})(\d\d)(\d\d).*", r"\1-\2-\3", date) for date in facts["date"]]
    return {fact: told(values) for fact, values in facts.items()}


_XMP = (b"<x:xmpmeta", b"</x:xmpmeta>")
_XMP_NAMES = {
    "title": "title",
    "creator": "author",
    "publisher": "source",
    "language": "language",
    "CreateDate": "date",
}


def _packet(data: bytes) -> Facts:
    """Return what an XMP packet says; it is meant to be found without knowing the format, so it is not compressed."""
    start = data.find(_XMP[0])
    end = data.find(_XMP[1], start, start + 65_536)
    if start < 0 or end < 0:
        return {}
    try:
        root = xml(data[start : end + len(_XMP[1])], "its XMP")
    except SourceError:
        return {}
    facts: Facts = {}
    for name, fact in _XMP_NAMES.items():
        for element in named(root, name):
            facts.setdefault(fact, []).extend(" ".join(text.split()) for text in element.itertext() if text.strip())
    return facts
