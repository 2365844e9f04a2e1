"""What a sitemap lists: pages, or further sitemaps, with the moments at which they changed. No I/O.

The format is that of sitemaps.org, 0.9. A plain text with an address on each line is one too.
"""

import datetime as dt
import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from index.errors import SourceError
from index.formats.extract import web_address
from index.records import Item
from index.web.weblinks import same

MOST = 50_000
"""Entries that a sitemap may have, as the format says."""


@dataclass(frozen=True, slots=True)
class Sitemap:
    """What one sitemap lists, newest first; what has no date stands behind, in the order of the file."""

    pages: tuple[Item, ...]
    sitemaps: tuple[Item, ...] = ()


def read(content: bytes) -> Sitemap:
    """Read a sitemap, or an index of sitemaps. What is broken at its end is read up to there.

    Raises:
        SourceError: it lists nothing, or is none.
    """
    start = content.lstrip(b"\xef\xbb\xbf \t\r\n")
    pages: list[Item] = []
    sitemaps: list[Item] = []
    if start.startswith(b"<"):
        for is_page, listed in _entries(start):
            (pages if is_page else sitemaps).append(listed)
    else:
        lines = content.decode("utf-8-sig", "replace").splitlines()[:MOST]
        pages = [Item(same(line)) for line in lines if web_address(line)]
    if not pages and not sitemaps:
        message = "is no sitemap, or an empty one"
        raise SourceError(message)
    return Sitemap(_newest_first(pages), _newest_first(sitemaps))


def _entries(content: bytes) -> Iterator[tuple[bool, Item]]:
    """Yield (is it a page, what is listed), holding one entry of the tree at a time."""
    from lxml import etree  # noqa: PLC0415

    how: dict[str, Any] = {"events": ("end",), "resolve_entities": False, "no_network": True, "load_dtd": False}
    count = 0
    try:
        for _, element in etree.iterparse(io.BytesIO(content), recover=False, huge_tree=False, **how):
            name = _name(element)
            if name not in ("url", "sitemap"):
                continue
            told = {_name(child): (child.text or "").strip() for child in element}
            address = web_address(same(told.get("loc", "")))
            if address:
                yield name == "url", Item(address, changed=moment(told.get("lastmod", "")))
            count += 1
            if count >= MOST:
                return
            element.clear()
            while element.getprevious() is not None:
                del element.getparent()[0]
    except etree.XMLSyntaxError:
        return  # what came before is as good as ever


def _name(element: Any) -> str:  # noqa: ANN401  lxml has no types
    tag = element.tag
    return tag.rpartition("}")[2].lower() if isinstance(tag, str) else ""


def _newest_first(listed: list[Item]) -> tuple[Item, ...]:
    return tuple(sorted(listed, key=lambda one: -one.changed.timestamp() if one.changed else float("inf")))


def moment(text: str) -> dt.datetime | None:
    """Return a moment as W3C writes it, in UTC where it names no zone; None where it cannot be read."""
    try:
        found = dt.datetime.fromisoformat(text)
    except ValueError:
        return None
    found = found if found.tzinfo else found.replace(tzinfo=dt.UTC)
    return found if found.year >= 1_900 else None
