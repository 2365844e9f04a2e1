"""Files of every kind that an article may come in, made here: sound ones to begin with, and ones that mean harm."""

import io
import random
import re
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from itertools import chain, pairwise
from pathlib import Path

WORDS = "The old harbour of Lindholm was closed to cargo ships in 1987. Fishing boats still use it today."

_W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
TRACE = Path(tempfile.gettempdir()) / "footnote-was-here"
"""What an archive would leave behind that was unpacked as it wants to be."""


def repeated(some: bytes, times: int) -> Iterator[bytes]:
    """Yield something so many times, in pieces: what harms the reader must not harm whoever makes it."""
    piece = some * min(times, 10_000)
    for _ in range(times // 10_000):
        yield piece
    yield some * (times % 10_000)


def zipped(parts: dict[str, str], large: str, content: Iterable[bytes]) -> bytes:
    """Return a zip archive of these parts, and of one that may be large."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, part in parts.items():
            archive.writestr(name, part, zipfile.ZIP_STORED if name == "mimetype" else None)
        with archive.open(large, "w", force_zip64=False) as written:
            for piece in content:
                written.write(piece)
    return file.getvalue()


def docx(body: bytes, *, times: int = 1, doctype: str = "", more: dict[str, str] | None = None) -> bytes:
    """Return a Word document with this, so many times, between `<w:body>` and its end."""
    document = f'<?xml version="1.0"?>{doctype}<w:document xmlns:w="{_W}"><w:body>'.encode()
    types = (
        '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        '<Override PartName="/word/document.xml" ContentType="application/vnd.openxmlformats-officedocument.'
        'wordprocessingml.document.main+xml"/></Types>'
    )
    relations = (
        '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="r1" '
        'Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" '
        'Target="word/document.xml"/></Relationships>'
    )
    parts = {"[Content_Types].xml": types, "_rels/.rels": relations, **(more or {})}
    return zipped(parts, "word/document.xml", chain([document], repeated(body, times), [b"</w:body></w:document>"]))


def epub(chapter: bytes, *, times: int = 1, target: str = "one.xhtml") -> bytes:
    """Return a book of one chapter, which is this so many times."""
    container = (
        '<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container" version="1.0"><rootfiles>'
        '<rootfile full-path="book.opf" media-type="application/oebps-package+xml"/></rootfiles></container>'
    )
    package = (
        '<package xmlns="http://www.idpf.org/2007/opf" version="3.0"><metadata '
        'xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>A book</dc:title></metadata><manifest>'
        f'<item id="one" href="{target}" media-type="application/xhtml+xml"/></manifest>'
        '<spine><itemref idref="one"/></spine></package>'
    )
    parts = {"mimetype": "application/epub+zip", "META-INF/container.xml": container, "book.opf": package}
    head, foot = b"<html xmlns='http://www.w3.org/1999/xhtml'><body>", b"</body></html>"
    return zipped(parts, "one.xhtml", chain([head], repeated(chapter, times), [foot]))


def deflated(pieces: Iterable[bytes]) -> bytes:
    """Return what these are when compressed."""
    press = zlib.compressobj(9)
    return b"".join([*map(press.compress, pieces), press.flush()])


def pdf(content: bytes, *, times: int = 1, filters: int = 1, kids: str = "[3 0 R]", count: int = 1) -> bytes:
    """Return a PDF of one page, whose content is this so many times, compressed so many times."""
    content = deflated(repeated(content, times))
    for _ in range(filters - 1):
        content = deflated([content])
    names = " ".join(["/FlateDecode"] * filters)
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Kids {kids} /Count {count} >>".encode(),
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R /Resources 6 0 R >>",
        f"<< /Length {len(content)} /Filter [{names}] >>\nstream\n".encode() + content + b"\nendstream",
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
        b"<< /Font << /F1 5 0 R >> >>",
    ]
    made, places = b"%PDF-1.4\n", []
    for number, written in enumerate(objects, start=1):
        places.append(len(made))
        made += f"{number} 0 obj\n".encode() + written + b"\nendobj\n"
    table = "".join(f"{place:010} 00000 n \n" for place in places)
    end = f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n{table}"
    trailer = f"trailer\n<< /Size {len(objects) + 1} /Root 1 0 R >>\nstartxref\n{len(made)}\n%%EOF\n"
    return made + (end + trailer).encode()


def written(words: str) -> bytes:
    """Return the content of a page of a PDF that shows these words, a sentence a line."""
    lines = "".join(f"({line}) Tj T* " for line in words.split(". "))
    return f"BT /F1 12 Tf 14 TL 72 720 Td {lines}ET".encode()


def eml(body: str, *, headers: str = "") -> bytes:
    """Return a message."""
    return (
        f"From: Anna <anna@example.org>\r\nSubject: The harbour\r\nDate: Wed, 1 May 2024 10:00:00 +0000\r\n{headers}"
        f"MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n{body}\r\n"
    ).encode()


def sound() -> dict[str, bytes]:
    """Return a sound article of each kind, by the name of its file."""
    page = f"<html><head><title>Harbour</title></head><body><article><h1>Harbour</h1><p>{WORDS}</p></article></body>"
    return {
        "a.txt": f"Harbour\n\n{WORDS}\n".encode(),
        "old.txt": "Гавань\n\nСтарая гавань была закрыта для грузовых судов в 1987 году.\n".encode("koi8-r"),
        "a.md": f"---\ntitle: Harbour\n---\n\n# Part\n\n{WORDS}\n\n| a | b |\n|---|---|\n| c | d |\n".encode(),
        "a.markdown": f"# Harbour\n\n{WORDS}\n".encode(),
        "a.html": page.encode(),
        "a.htm": page.encode("utf-16"),
        "old.html": f'<meta charset="windows-1251"><p>Гавань закрыта. {WORDS}</p>'.encode("cp1251"),
        "a.pdf": pdf(written(WORDS)),
        "a.docx": docx(PARAGRAPH.encode()),
        "a.epub": epub(f"<h1>One</h1><p>{WORDS}</p>".encode()),
        "a.eml": eml(WORDS),
    }


def broken(draw: random.Random, data: bytes) -> bytes:
    """Break a file as disks, networks and people who mean harm do."""
    some = bytearray(data)
    for _ in range(draw.randint(1, 6)):
        at, length = draw.randrange(len(some) + 1), draw.choice((1, 4, 40, 400))
        match draw.randrange(5):
            case 0:
                some[at : at + length] = draw.randbytes(length)
            case 1:
                del some[at : at + length]
            case 2:
                some[at:at] = some[at : at + length] * draw.choice((1, 3, 100))
            case 3:
                some[at:at] = draw.choice(
                    (b"\0", b"<", b"&#0;", b"\xff\xfe", b"](", b"%%EOF", b"\r\n\r\n", b"PK\x03\x04")
                )
            case _:
                other = draw.randrange(len(some) + 1)
                some[at : at + length] = some[other : other + length]
    return bytes(some)


def lies_about_its_size(archive: bytes) -> bytes:
    """Return an archive whose parts, by what it says of them, have ten bytes each."""
    return re.sub(rb"(?s)(PK\x01\x02.{20})....", lambda found: found[1] + (10).to_bytes(4, "little"), archive)


def encrypted(archive: bytes) -> bytes:
    """Return an archive whose parts say that they need a password."""
    local = re.sub(rb"(?s)(PK\x03\x04..)..", lambda found: found[1] + b"\x01\x00", archive)
    return re.sub(rb"(?s)(PK\x01\x02....)..", lambda found: found[1] + b"\x01\x00", local)


def laughs() -> str:
    """Return the declaration of a text of a thousand million letters."""
    more = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 9))
    return f'<!DOCTYPE x [<!ENTITY l0 "aaaaaaaaaa">{more}]>'


OUTSIDE = '<!DOCTYPE x [<!ENTITY l8 SYSTEM "file:///etc/passwd">]>'
PARAGRAPH = f"<w:p><w:r><w:t>{WORDS}</w:t></w:r></w:p>"


def _anchors() -> bytes:
    lines = [f"{b}: &{b} [{','.join([f'*{a}'] * 9)}]" for a, b in pairwise("abcdefgh")]
    return "\n".join(["---", "a: &a [x,x,x,x,x,x,x,x,x]", *lines, "---", WORDS]).encode()


def _parts() -> str:
    return "".join(f'Content-Type: multipart/mixed; boundary="b{n}"\r\n\r\n--b{n}\r\n' for n in range(20_000))


ATTACKS: dict[str, Callable[[], bytes]] = {
    "deep.html": lambda: b"<div>" * 100_000 + WORDS.encode() + b"</div>" * 100_000,
    "many.html": lambda: b"<p>a</p>" * 2_000_000,
    "links.html": lambda: b"<a href='x'>" * 500_000 + WORDS.encode(),
    "laughs.html": f"{laughs()}<p>&l8; {WORDS}</p>".encode,
    "outside.html": f"{OUTSIDE}<p>&l8; {WORDS}</p>".encode,
    "endless.html": lambda: b"<html><body>" + b"<x a='b'>c" * 1_900_000,
    "stars.md": lambda: b"*a " * 1_000_000,
    "brackets.md": lambda: b"[" * 100_000 + b"a" + b"](b)" * 100_000,
    "quotes.md": lambda: b"> " * 200_000 + b"a",
    "table.md": lambda: b"|a" * 200_000 + b"\n" + b"|-" * 200_000 + b"\n" + b"|b" * 200_000,
    "anchors.md": _anchors,
    "braces.md": lambda: b"---\n" + b"a: {" * 100_000 + b"\n---\n" + WORDS.encode(),
    "line.txt": lambda: b"a" * 20_000_000,
    "blank.txt": lambda: b"\n \n" * 6_000_000 + b"x",
    "wide.txt": lambda: "Привет ".encode("cp1251") * 2_800_000,
    "bomb.docx": lambda: docx(b"<w:r><w:t>aaaaaaaa bbbbbbbb </w:t></w:r>", times=1_500_000),
    "liar.docx": lambda: lies_about_its_size(docx(b"<w:r><w:t>aaaaaaaa bbbbbbbb </w:t></w:r>", times=1_500_000)),
    "laughs.docx": lambda: docx(b"<w:p><w:r><w:t>&l8;</w:t></w:r></w:p>", doctype=laughs()),
    "outside.docx": lambda: docx(f"<w:p><w:r><w:t>&l8;</w:t></w:r></w:p>{PARAGRAPH}".encode(), doctype=OUTSIDE),
    "deep.docx": lambda: docx(b"<w:p>" * 100_000 + b"</w:p>" * 100_000),
    "upward.docx": lambda: docx(PARAGRAPH.encode(), more={f"../..{TRACE}": "x", str(TRACE): "x"}),
    "locked.docx": lambda: encrypted(docx(PARAGRAPH.encode())),
    "half.docx": lambda: docx(PARAGRAPH.encode())[:400],
    "bomb.epub": lambda: epub(b"aaaaaaaa bbbbbbbb ", times=4_000_000),
    "liar.epub": lambda: lies_about_its_size(epub(b"aaaaaaaa bbbbbbbb ", times=4_000_000)),
    "upward.epub": lambda: epub(b"<p>a</p>", target="../../../../../etc/passwd"),
    "locked.epub": lambda: encrypted(epub(f"<p>{WORDS}</p>".encode())),
    "half.epub": lambda: epub(f"<p>{WORDS}</p>".encode())[:300],
    "bomb.pdf": lambda: pdf(b"0 0 m ", times=12_000_000, filters=2),
    "words.pdf": lambda: pdf(b"BT /F1 12 Tf (aaaa bbbb) Tj ET ", times=2_000_000),
    "circle.pdf": lambda: pdf(written(WORDS), kids="[2 0 R]"),
    "crowd.pdf": lambda: pdf(written(WORDS), kids="[" + "3 0 R " * 500_000 + "]", count=500_000),
    "half.pdf": lambda: pdf(written(WORDS))[:300],
    "parts.eml": lambda: eml(WORDS, headers=_parts()),
    "headers.eml": lambda: eml(WORDS, headers="X-A: b\r\n" * 1_000_000),
    "folded.eml": lambda: eml(WORDS, headers="X-A: " + "=?utf-8?q?a?=\r\n " * 200_000 + "b\r\n"),
}
"""Files that mean harm, by name. No reader may be brought down, filled or held up for long by one of them."""
