"""What the process that reads articles and the one that asked for them say to each other. Rules only, no I/O.

A parcel is a small JSON object and a body of bytes, with the lengths of both before them. The one who asked takes
nothing on trust: an article is made field by field from what came, and what is no article raises ValueError.
"""

import datetime as dt
import json
import struct
from collections.abc import Iterable, Iterator
from typing import Any

from index.formats.extract import clean, one_line, web_address, web_path
from index.records import Article, ArticleId, Heading, Item, Page

LENGTHS = struct.Struct(">IQ")
"""Before each parcel: bytes of its label, bytes of its body."""

LABEL = 4_000_000
"""Bytes that a label may have. An article of MARKS headings and as many pages needs 3 million."""

MARKS = 50_000
"""Headings that are kept of an article, and pages. The longest books have some thousands of either."""


def head(label: dict[str, Any], body: bytes = b"") -> bytes:
    """Return what is sent before a body: the lengths and the label."""
    written = json.dumps(label, separators=(",", ":")).encode()
    return LENGTHS.pack(len(written), len(body)) + written


def read(label: bytes | bytearray) -> dict[str, Any]:
    """Return what is written on a parcel. Raises ValueError where it is no JSON object."""
    known = _json(label)
    if not isinstance(known, dict):
        message = "the label is no JSON object"
        raise ValueError(message)  # noqa: TRY004  whoever reads labels asks only whether they are right
    return known


def _json(written: bytes | bytearray) -> object:
    try:
        known: object = json.loads(written)
    except RecursionError as exc:
        message = "this is no JSON of ours"
        raise ValueError(message) from exc
    return known


def of_article(article: Article) -> tuple[dict[str, Any], bytes]:
    """Return what is known about an article, and its text as bytes. `article_of` makes an article of them again."""
    known = {
        "title": article.title,
        "date": article.date.isoformat() if article.date else "",
        "source": article.source,
        "url": article.url,
        "author": article.author,
        "language": article.language,
        "headings": [[one.start, one.end, one.level] for one in article.headings[:MARKS]],
        "pages": [[one.start, one.number] for one in article.pages[:MARKS]],
    }
    return known, article.text.encode("utf-8", "surrogatepass")


def article_of(id: ArticleId, known: object, body: bytes | bytearray) -> Article:  # noqa: A002  the field it fills
    """Return the article that came in a parcel. Raises ValueError where that is none."""
    if not isinstance(known, dict):
        message = "there is no article"
        raise ValueError(message)  # noqa: TRY004  see `read`
    text = clean(body.decode("utf-8", "surrogatepass"))
    date = _text(known, "date")
    return Article(
        id=id,
        title=one_line(_text(known, "title")),
        text=text,
        date=dt.date.fromisoformat(date) if date else None,
        source=one_line(_text(known, "source")),
        url=web_address(_text(known, "url")) or web_path(_text(known, "url")),
        headings=tuple(_headings(known, len(text))),
        author=one_line(_text(known, "author")),
        language=language_of(known),
        pages=tuple(_pages(known, len(text))),
    )


def language_of(known: dict[str, Any]) -> str:
    """Return the code of the language that is told; "" for what cannot be one. Raises ValueError where none is."""
    language = _text(known, "language")
    return language if language.isascii() and language.isalpha() and len(language) <= 3 else ""


def of_items(*lists: Iterable[Item]) -> bytes:
    """Return lists of items as bytes. `items_of` makes items of them again."""
    return json.dumps([[_of_item(item) for item in items] for items in lists], separators=(",", ":")).encode()


def _of_item(item: Item) -> list[str]:
    moments = [moment.isoformat() if moment else "" for moment in (item.date, item.changed)]
    return [item.key, item.title, *moments, clean(item.markup)]


def items_of(body: bytes | bytearray, *, lists: int) -> list[list[Item]]:
    """Return the lists of items that came in a parcel. Raises ValueError where it does not hold so many of them."""
    found = _json(body)
    if not isinstance(found, list) or len(found) != lists or not all(isinstance(one, list) for one in found):
        message = f"there are no {lists} lists"
        raise ValueError(message)
    return [[_item(one) for one in items] for items in found]


def _item(told: object) -> Item:
    if not isinstance(told, list) or not all(isinstance(one, str) for one in told):
        message = "an item is no list of texts"
        raise ValueError(message)
    key, title, date, changed, markup = told
    moment = dt.datetime.fromisoformat(changed) if changed else None
    if key != web_address(key) or not key or (moment is not None and moment.tzinfo is None):
        message = "an item has no address, or a moment without a zone"
        raise ValueError(message)
    return Item(
        key=key,
        title=one_line(title),
        date=dt.date.fromisoformat(date) if date else None,
        changed=moment,
        markup=clean(markup),
    )


def _text(known: dict[str, Any], field: str) -> str:
    value = known.get(field)
    if not isinstance(value, str):
        message = f"{field} is no text"
        raise ValueError(message)  # noqa: TRY004  see `read`
    return value


def _headings(known: dict[str, Any], length: int) -> Iterator[Heading]:
    last = 0
    for start, end, level in _numbers(known, "headings", each=3):
        if not (last <= start <= end <= length and 1 <= level <= 9):
            message = "a heading lies outside of the text"
            raise ValueError(message)
        last = end
        yield Heading(start, end, level)


def _pages(known: dict[str, Any], length: int) -> Iterator[Page]:
    last = 0
    for start, number in _numbers(known, "pages", each=2):
        if not (last <= start <= length and 0 <= number < 1 << 31):
            message = "a page lies outside of the text"
            raise ValueError(message)
        last = start
        yield Page(start, number)


def _numbers(known: dict[str, Any], field: str, *, each: int) -> Iterator[list[int]]:
    found = known.get(field)
    if not isinstance(found, list) or len(found) > MARKS:
        message = f"{field} is no list of marks"
        raise ValueError(message)
    for one in found:
        if not (isinstance(one, list) and len(one) == each and all(type(number) is int for number in one)):
            message = f"{field} holds something else than numbers"
            raise ValueError(message)
        yield one
