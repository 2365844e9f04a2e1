"""Read e-books (epub): their chapters in reading order, and what the book says of itself. Knows nothing of Articles.

A zip file of web pages: `archive` unpacks it and `extract_html` reads the pages. The libraries for this are under
licences that would bind the whole program (EbookLib: AGPL).
"""

import re
from collections.abc import Iterator

from index.errors import SourceError
from index.formats.archive import Archive, Node, attribute, beside, child, local, named
from index.formats.block import Block, Facts, page_mark, paged
from index.formats.decode import decode
from index.formats.extract_html import blocks, parse

_CONTAINER = "META-INF/container.xml"
_LOCKS = "META-INF/encryption.xml"
_PAGES = {"application/xhtml+xml", "text/html", "application/xml", "text/x-oeb1-document"}
_MOST = 64 << 20
"""Bytes of chapters that are read in all; the Bible has 5 MB."""


def epub(data: bytes) -> tuple[list[Block], Facts]:
    """Return the paragraphs and headings of a book, with the pages of its printed edition where it names them.

    Raises:
        SourceError: it is locked, damaged, or no e-book.
    """
    archive = Archive(data)
    package = _package(archive)
    root = archive.tree(package)
    chapters = list(_chapters(root, package))
    if not chapters:
        message = "is damaged: it names no chapters"
        raise SourceError(message)
    if _LOCKS in archive and _locked(archive) & set(chapters):
        message = "is locked to one reader (DRM): it cannot be read here"
        raise SourceError(message)
    found: list[Block] = []
    room = _MOST
    for name in chapters:
        page = archive.read(name)
        room -= len(page)
        if room < 0:
            message = f"unpacks to more than {_MOST >> 20} MB of text"
            raise SourceError(message)
        found += _chapter(page)
    return found, _facts(root)


def _package(archive: Archive) -> str:
    """Return the member that lists all others."""
    if _CONTAINER not in archive:
        message = "is not an e-book, whatever its name says"
        raise SourceError(message)
    for rootfile in named(archive.tree(_CONTAINER), "rootfile"):
        if name := beside("", attribute(rootfile, "full-path")):
            return name
    message = "is damaged: it does not say where its chapters are"
    raise SourceError(message)


def _chapters(root: Node, package: str) -> Iterator[str]:
    """Yield the members that are read from the first page to the last: not what only lists or opens beside them."""
    items = {attribute(item, "id"): item for item in named(root, "item")}
    seen: set[str] = set()
    for reference in named(root, "itemref"):
        item = items.get(attribute(reference, "idref"))
        if item is None or attribute(reference, "linear") == "no" or attribute(item, "media-type") not in _PAGES:
            continue
        name = beside(package, attribute(item, "href"))
        if name not in seen and "nav" not in attribute(item, "properties").split():
            seen.add(name)
            yield name


def _locked(archive: Archive) -> set[str]:
    """Return the members that are encrypted; fonts often are, and are not read."""
    return {beside("", attribute(reference, "URI")) for reference in named(archive.tree(_LOCKS), "CipherReference")}


# In XHTML every element may close itself; read as HTML, <title/> would swallow the page.
_CLOSED = re.compile(r"<((?!(?:br|hr|img|link|meta|input|col|wbr)\b)[A-Za-z][\w:.-]*)((?:\s[^<>]*?)?)/>")
_PAGE_BREAK = re.compile(r"""<(?:span|div|a|hr|p)\b[^<>]*?(?:epub:type|role)\s*=\s*["'][^"']*page-?break[^<>]*>""")
_PAGE_NUMBER = re.compile(r"""(?:title|aria-label)\s*=\s*["'][^"'0-9]{0,10}([0-9]{1,6})\.?\s*["']""")


def _chapter(data: bytes) -> Iterator[Block]:
    markup = _PAGE_BREAK.sub(_marked, _CLOSED.sub(r"<\1\2></\1>", decode(data, is_html=True)))
    waiting = ""
    for block in blocks(parse(markup), page=False, alt=False):
        words, pages = paged(waiting + block.words)
        if not words.strip():  # a page begins between two paragraphs
            waiting += block.words
            continue
        waiting = ""
        yield Block(words, block.level, block.tight, pages=pages)


def _marked(found: re.Match[str]) -> str:
    number = _PAGE_NUMBER.search(found[0])
    return found[0] + page_mark(int(number[1])) if number else found[0]


def _facts(root: Node) -> Facts:
    metadata = child(root, "metadata")
    if metadata is None:
        return {}
    facts: Facts = {}
    for element in metadata.iter():
        fact = _NAMES.get(local(element), "")
        words = " ".join((element.text or "").split())
        if fact and words:
            facts.setdefault(fact, []).append(words)
    if authors := facts.get("author"):
        facts["author"] = [", ".join(dict.fromkeys(authors))]
    facts["url"] = [*facts.get("url", []), *facts.pop("identifier", [])]
    return facts


_NAMES = {
    "title": "title",
    "creator": "author",
    "publisher": "source",
    "date": "date",
    "language": "language",
    "source": "url",
    "identifier": "identifier",
}
