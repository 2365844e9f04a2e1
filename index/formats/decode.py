"""Turn the bytes of a text into its letters, whatever encoding they are in. Knows no format."""

import re
from collections.abc import Iterator

from index.errors import SourceError

# The longer ones first: UTF-32's mark begins with UTF-16's.
_MARKS = (
    (b"\xff\xfe\0\0", "utf-32-le"),
    (b"\0\0\xfe\xff", "utf-32-be"),
    (b"\xef\xbb\xbf", "utf-8"),
    (b"\xff\xfe", "utf-16-le"),
    (b"\xfe\xff", "utf-16-be"),
)


def decode(data: bytes, *, is_html: bool = False) -> str:
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
