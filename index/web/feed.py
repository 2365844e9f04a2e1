"""What a feed (RSS, Atom) lists: addresses, titles, dates, and what it says itself of each. No I/O."""

import calendar
import datetime as dt
import html
import io
import time
from typing import Any
from urllib.parse import urljoin

from index.errors import SourceError
from index.formats.extract import one_line, web_address
from index.records import Item
from index.web.weblinks import same

ENTRIES = 5_000
"""Entries that one feed may have; real ones have tens."""

LONGEST = 1_000_000
"""Characters of an entry's own content that are kept."""


def entries(content: bytes, *, base: str, kind: str = "") -> list[Item]:
    """Return what a feed lists, newest first; what has no date keeps its place behind the others.

    `base` is the address of the feed, which relative links start from; `kind` is its MIME type. The key of an item is
    its link. Two entries with one link are one, and those without a link are left out: nobody could open the source.

    Raises:
        SourceError: this is no feed, or it is broken so much that nothing can be read.
    """
    import feedparser  # noqa: PLC0415  150 ms, and most libraries have no feed

    told = {"content-location": base, **({"content-type": kind} if kind else {})}
    try:
        read = feedparser.parse(io.BytesIO(content), response_headers=told)
    except Exception as exc:  # what a hostile feed makes its parsers raise is not documented
        message = "is a feed that cannot be read"
        raise SourceError(message) from exc
    if not read.entries and not read.get("version"):
        message = "is no feed"
        raise SourceError(message)
    found: dict[str, Item] = {}
    for entry in read.entries[:ENTRIES]:
        item = _item(entry, base)
        if item is not None:
            found.setdefault(item.key, item)
    return sorted(found.values(), key=_age)


def _age(item: Item) -> float:
    moment = item.changed or (dt.datetime.combine(item.date, dt.time(), dt.UTC) if item.date else None)
    return -moment.timestamp() if moment else float("inf")


def _item(entry: Any, base: str) -> Item | None:  # noqa: ANN401  feedparser has no types
    link = _text(entry.get("link"))
    address = web_address(same(urljoin(base, link))) if link else ""
    if not address:
        return None
    published = _moment(entry.get("published_parsed"))
    updated = _moment(entry["updated_parsed"]) if "updated_parsed" in entry else None  # asked for, it would warn
    date = published or updated
    title = one_line(html.unescape(_text(entry.get("title"))))
    markup = max(_contents(entry), key=len, default="")
    return Item(
        key=address,
        title=title,
        date=date.date() if date else None,
        changed=updated or published,
        markup=_document(markup[:LONGEST], title) if markup.strip() else "",
    )


def _contents(entry: Any) -> list[str]:  # noqa: ANN401
    whole = [_text(content.get("value")) for content in entry.get("content") or () if hasattr(content, "get")]
    return [*whole, _text(entry.get("summary"))]


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _moment(parsed: object) -> dt.datetime | None:
    """Return a moment that feedparser read, in UTC; None where there is none, or no such one."""
    if not isinstance(parsed, time.struct_time):
        return None
    try:
        moment = dt.datetime.fromtimestamp(calendar.timegm(parsed), dt.UTC)
    except (OverflowError, ValueError, OSError):
        return None
    return moment if moment.year >= 1_900 else None


def _document(markup: str, title: str) -> str:
    """Return what a feed says of an entry as a page of its own."""
    return f"<html><head><title>{html.escape(title)}</title></head><body><article>{markup}</article></body></html>"
