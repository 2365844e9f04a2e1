"""Make an Article of what was fetched: named by its address, read as its kind and encoding say. No I/O.

The parsing is `extract`'s, so that a page of the web is read as a saved one is: trafilatura chooses its main text, and
the words and headings, with their offsets, are the page's own. Whoever calls hands in where that runs.
"""

import dataclasses
import re
from collections.abc import Callable
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, TypeAlias
from urllib.parse import unquote

import httpx

from index.errors import SourceError
from index.formats import decode, extract
from index.records import Article, ArticleId
from index.web import mime

if TYPE_CHECKING:  # whoever only compares addresses needs no network
    from index.web.fetch import Fetched

Extract: TypeAlias = Callable[[ArticleId, bytes], Article]
"""Reads the bytes of a file by the suffix of its name: `extract.extract`, here or in a process of its own."""

_TEXTS = frozenset({".html", ".txt", ".md"})
_MARKS = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff", b"\0\0\xfe\xff")
_SAID_OF_ANYTHING = frozenset({"iso-8859-1", "iso8859-1", "latin1", "latin-1", "us-ascii", "ascii"})
"""What servers say of all their pages because it was once the default, whatever the pages are in."""

_WIDE = {"utf-16": "utf-16", "utf-16le": "utf-16-le", "utf-16be": "utf-16-be"}

_TRACKING = re.compile(r"utm_\w+|(?:fb|g|y)clid|mc_[ce]id|igshid|_hs(?:enc|mi)")
"""Parameters by which senders of links see who followed which; the page is the same without."""


def article(fetched: "Fetched", extract: Extract = extract.extract) -> Article:
    """Return the article that a page or a file of the web is. Its id is its address, as the page itself gives it.

    Raises:
        SourceError: it is no article, or as `extract` raises it.
    """
    name, content = document(fetched)
    return placed(extract(name, content), fetched.url)


def document(fetched: "Fetched") -> tuple[ArticleId, bytes]:
    """Return what was fetched as a file: a name with the suffix of its kind, and bytes that need no header beside them.

    Raises:
        SourceError: it is a list of articles, not one.
    """
    suffix = mime.SUFFIX_OF.get(fetched.kind)
    if suffix is None:
        msg = f"is {fetched.kind}: a feed or a sitemap, not an article"
        raise SourceError(msg)
    content = in_utf8(fetched.content, fetched.charset) if suffix in _TEXTS else fetched.content
    return ArticleId(f"{_last_part(fetched.url)}{suffix}"), content


def placed(article: Article, url: str) -> Article:
    """Return an article with its address as id and link, and the host of that where no outlet is known."""
    address = identity(url, article.url)
    host = httpx.URL(address).host.removeprefix("www.")
    return dataclasses.replace(article, id=ArticleId(address), url=address, source=article.source or host)


def unplaced(article: Article) -> Article:
    """Return an article that was fetched from nowhere, without an address that only its page would make whole."""
    return article if extract.web_address(article.url) else dataclasses.replace(article, url="")


def identity(url: str, canonical: str = "") -> str:
    """Return the one address of a page that was fetched from `url`, and says that `canonical` is its address.

    What it says may be as seen from itself ("/2025/bridge").
    It is believed about its own host only, so that no page takes the place of another's; and not where it says that it
    is the front page, as whole sites do by mistake.
    """
    fetched = _plain(url)
    try:
        own = _plain(str(fetched.join(canonical)) if canonical else "")
    except (httpx.InvalidURL, ValueError, TypeError):
        return str(fetched)
    if _site(own) != _site(fetched) or own.userinfo or (own.path in ("", "/") and fetched.path not in ("", "/")):
        return str(fetched)
    return str(own.copy_with(scheme=fetched.scheme))


def _plain(url: str) -> httpx.URL:
    address = httpx.URL(url).copy_with(fragment=None)
    if address.path == "/":  # httpx says so of an address that ends with its host, too
        address = address.copy_with(path="/")
    kept = [part for part in address.query.split(b"&") if not _TRACKING.fullmatch(part.split(b"=")[0].decode("ascii"))]
    return address.copy_with(query=b"&".join(kept) or None)


def _site(url: httpx.URL) -> tuple[str, int | None]:
    if url.scheme not in ("http", "https"):
        return "", None
    return url.host.removeprefix("www."), url.port


def _last_part(url: str) -> str:
    """Return the last part of a path as a file's name, without its suffix: a title for a page that has none."""
    address = httpx.URL(url)
    part = unquote(address.path.rstrip("/").rpartition("/")[2])
    return PurePosixPath(part).stem[:100] or address.host


def in_utf8(content: bytes, charset: str) -> bytes:
    """Return a text in UTF-8 where its server names its encoding rightly; else as it came, for `extract` to find out.

    What is valid UTF-8 is left alone, whatever was declared: text in an older encoding hardly ever is.
    """
    is_utf8 = b"\0" not in content and _decoded(content, "utf-8") is not None
    if is_utf8 or not charset or content.startswith(_MARKS):
        return content
    encoding = _WIDE.get(charset) or decode.known_encoding(charset)
    if not encoding or (charset in _SAID_OF_ANYTHING and decode.declared_encoding(content)):
        return content
    text = _decoded(content, encoding)
    return content if text is None else b"\xef\xbb\xbf" + text.encode("utf-8", "replace")


def _decoded(content: bytes, encoding: str) -> str | None:
    try:
        return content.decode(encoding)
    except UnicodeDecodeError:
        return None
