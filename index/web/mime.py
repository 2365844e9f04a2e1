"""What is served: its kind as a MIME type, the suffix that `extract` knows it by, its declared encoding. Rules only."""

import re
from dataclasses import dataclass
from pathlib import PurePosixPath

from index.errors import SourceError

SUFFIX_OF = {
    "text/html": ".html",
    "application/xhtml+xml": ".html",
    "text/plain": ".txt",
    "text/markdown": ".md",
    "application/pdf": ".pdf",
    "application/epub+zip": ".epub",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": ".docx",
    "message/rfc822": ".eml",
}
"""Kinds that an article can be, and the suffix each is read by."""

LISTS = frozenset(
    "application/rss+xml application/atom+xml application/rdf+xml application/xml text/xml application/gzip "
    "application/x-gzip".split()
)
"""Kinds that a feed or a sitemap can be."""

ACCEPT = "text/html, application/xhtml+xml, application/rss+xml, application/atom+xml, application/pdf;q=0.9, */*;q=0.5"

_KIND_OF = {suffix: kind for kind, suffix in reversed(SUFFIX_OF.items())} | {".htm": "text/html", ".xml": "text/xml"}

_VAGUE = frozenset({"", "application/octet-stream", "binary/octet-stream", "application/download", "unknown/unknown"})
"""What servers say of a file that they know nothing about."""

_BEGINNINGS = {
    "text/html": re.compile(rb"(?i)\s*(?:<!--.{0,500}?-->\s*)?<(?:!doctype\s+html|html|head|body)\b", re.DOTALL),
    "application/xml": re.compile(rb"(?i)\s*<(?:\?xml|rss|feed|rdf:rdf|urlset|sitemapindex)\b"),
    "application/gzip": re.compile(rb"\x1f\x8b"),
}


_HEADER = 300  # characters that are read of a Content-Type; thousands of spaces would keep a search busy


@dataclass(frozen=True, slots=True)
class ContentType:
    """What a server says of a body: its kind, lower-case, and its encoding, each empty where it says nothing."""

    kind: str = ""
    charset: str = ""


def content_type(header: str) -> ContentType:
    """Read a Content-Type header, however it is written, and no further than its first 300 characters."""
    header = header[:_HEADER]
    kind = header.partition(";")[0].strip().lower()
    charset = re.search(r";\s*charset\s*=\s*[\"']?\s*([\w.:-]{1,40})", header, re.IGNORECASE | re.ASCII)
    if not re.fullmatch(r"[a-z0-9.+-]{1,80}/[a-z0-9.+-]{1,120}", kind):
        kind = ""
    return ContentType(kind, charset[1].lower() if charset else "")


def check(kind: str) -> None:
    """Refuse what cannot be an article or a list of them, before it is fetched. What nobody declared passes.

    Raises:
        SourceError: it is a picture, a film, a program.
    """
    if kind not in SUFFIX_OF and kind not in LISTS and kind not in _VAGUE:
        msg = f"is {kind}: only pages, feeds, text, PDF, Word, EPUB and mail can be read"
        raise SourceError(msg)


def kind_of(declared: str, content: bytes, url_path: str) -> str:
    """Return what something is: a PDF says so itself, and what nobody declared is told by its beginning or its name.

    Raises:
        SourceError: nobody knows.
    """
    if content.startswith(b"%PDF-"):
        return "application/pdf"
    if declared not in _VAGUE:
        return declared
    begins = next((kind for kind, beginning in _BEGINNINGS.items() if beginning.match(content[:1024])), "")
    if kind := begins or _KIND_OF.get(PurePosixPath(url_path).suffix.lower()):
        return kind
    if b"\0" not in content[:4096]:
        return "text/plain"
    msg = "is binary, and its server does not say what it is"
    raise SourceError(msg)
