"""Read mail (eml): what a person wrote, and the head of the message. Knows nothing of Articles.

Attachments are not read, only named. Of a message in two forms the plain text is taken, as its writer typed it, unless
it only says that there is another.
"""

import re
from collections.abc import Iterator
from email import policy
from email.message import EmailMessage, MIMEPart
from email.parser import BytesParser
from email.utils import parseaddr

from index.errors import SourceError
from index.formats.block import Block, Facts
from index.formats.decode import decode
from index.formats.extract_html import blocks, parse

_BROKEN = (ValueError, LookupError, TypeError, AttributeError, RecursionError)
"""All that the standard library is known to raise over a head or body that breaks the rules of mail."""

_MOST_PARTS = 500
"""Boundaries between parts in a message; the time that the standard library takes grows with their square."""

_BOUNDARY = re.compile(rb"(?i)boundary[\s*0-9]{0,99}=")
"""How a head names a boundary; letters may be large, and RFC 2231 lets it be in pieces."""

_STUB = 10
"""Times the plain text that the same message in HTML must have more for the plain one to be no more than a remark."""


def eml(data: bytes) -> tuple[list[Block], Facts]:
    """Return the paragraphs of a message, the names of its attachments last, and what its head says.

    Raises:
        SourceError: it is no message, or cannot be read.
    """
    if len(_BOUNDARY.findall(data)) > _MOST_PARTS:
        problem = f"has more than {_MOST_PARTS} parts inside one another"
        raise SourceError(problem)
    try:
        message = BytesParser(policy=policy.default).parsebytes(data)
        if not isinstance(message, EmailMessage) or not message.keys():
            problem = "is not a mail: it has no head"
            raise SourceError(problem)
        parts = list(message.iter_attachments())
        attached = [name for name in map(_name, parts) if name]
        found = [*_body(message), *(block for part in parts if _goes_on(part) for block in _shown(part))]
    except _BROKEN as exc:
        problem = "is damaged: it is not a mail that can be read"
        raise SourceError(problem) from exc
    if found and attached:
        found.append(Block(f"📎 {' · '.join(attached)}"))
    return found, _facts(message)


def _body(message: EmailMessage) -> list[Block]:
    found: list[Block] = []
    if (part := message.get_body(preferencelist=("plain",))) is not None:
        found = _shown(part)
    if (part := message.get_body(preferencelist=("html",))) is None:
        return found
    if _size(found) * _STUB >= len(_text(part, is_html=True)):  # then its text is no longer either
        return found
    shown = _shown(part)
    return shown if _size(found) * _STUB < _size(shown) else found


def _goes_on(part: MIMEPart) -> bool:
    """Whether a part is text of the message that stands below a picture or a file in it."""
    text = part.get_content_type() in ("text/plain", "text/html")
    return text and not _name(part) and part.get_content_disposition() != "attachment"


def _shown(part: MIMEPart) -> list[Block]:
    """Return the paragraphs of a part that is text."""
    if part.get_content_type() == "text/html":
        return blocks(parse(_text(part, is_html=True)), page=False, alt=False)
    text = _text(part)
    return list(_paragraphs(_flowed(text) if str(part.get_param("format")).lower() == "flowed" else text))


def _size(found: list[Block]) -> int:
    return sum(len(block.words) for block in found)


def _text(part: MIMEPart, *, is_html: bool = False) -> str:
    """Return a part's text; where the encoding it names does not exist, by the rules for files."""
    content = part.get_payload(decode=True)
    if not isinstance(content, bytes) or not content:
        return ""
    named = part.get_content_charset("")
    try:
        text = content.decode(named) if named else decode(content, is_html=is_html)
    except (LookupError, UnicodeError):
        text = decode(content, is_html=is_html)
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _flowed(text: str) -> str:
    """Join a line that ends with a space with the next as deep in quotations, as RFC 3676 says of "format=flowed"."""
    lines: list[str] = []
    depth_before = -1  # how deep the line before is quoted, if it goes on
    for line in text.split("\n"):
        words = line.lstrip(">")
        depth = len(line) - len(words)
        words = words.removeprefix(" ")  # put there so that no word looks like a sign
        if depth == depth_before and words != "-- ":
            lines[-1] += words
        else:
            lines.append(f"{'>' * depth} {words}" if depth else words)
        depth_before = depth if words.endswith(" ") and words != "-- " else -1
    return "\n".join(lines)


def _paragraphs(text: str) -> Iterator[Block]:
    """Yield what stands between blank lines, up to the signature, which begins with "-- " by RFC 3676."""
    body = re.split(r"(?m)^-- $", text, maxsplit=1)[0]
    for paragraph in re.split(r"\n(?:[ \t]*\n)+", body):
        if words := paragraph.strip("\n").rstrip():
            yield Block(words)


def _name(part: MIMEPart) -> str:
    name = part.get_filename() or (part.get_content_type() == "message/rfc822" and "message.eml") or ""
    return " ".join(name.split())[:100]


def _facts(message: EmailMessage) -> Facts:
    sender, _ = parseaddr(_header(message, "From"))
    outlet, _ = parseaddr(_header(message, "List-Id"))
    return {
        "title": [_header(message, "Subject")],
        "author": [sender],
        "source": [outlet],
        "date": [_header(message, "Date")],
        "language": [_header(message, "Content-Language")],
        "url": [_header(message, "Archived-At").strip().strip("<>")],
    }


def _header(message: EmailMessage, name: str) -> str:
    try:
        return str(message.get(name, ""))
    except _BROKEN:
        return ""
