"""Small documents of each format, made from words: PDF written out by hand, docx and epub as zip files, mail."""

import io
import zipfile
from collections.abc import Mapping, Sequence
from email.message import EmailMessage
from xml.sax.saxutils import escape

Line = tuple[str, float, float, float]
"""A line of a page: its words, its left edge, its baseline and the size of its letters, in points."""


def pdf(
    pages: Sequence[Sequence[Line]], *, info: Mapping[str, str] | None = None, outline: Sequence[tuple[str, int]] = ()
) -> bytes:
    """Write a PDF in Helvetica. `outline` is headings with the page each is on, counted from 1."""
    first = 5 if info else 4
    count = len(pages)
    sheets = [first + 2 * at for at in range(count)]
    heads = first + 2 * count
    objects = {
        1: f"<< /Type /Catalog /Pages 2 0 R {f'/Outlines {heads} 0 R' if outline else ''} >>",
        2: f"<< /Type /Pages /Count {count} /Kids [{' '.join(f'{n} 0 R' for n in sheets)}] >>",
        3: "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
    }
    if info:
        objects[4] = f"<< {' '.join(f'/{key} ({value})' for key, value in info.items())} >>"
    for number, lines in zip(sheets, pages, strict=True):
        drawn = "\n".join(f"BT /F1 {size} Tf {x} {y} Td ({_pdf(text)}) Tj ET" for text, x, y, size in lines)
        objects[number] = (
            "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Resources << /Font << /F1 3 0 R >> >> "
            f"/Contents {number + 1} 0 R >>"
        )
        objects[number + 1] = f"<< /Length {len(drawn.encode('cp1252'))} >>\nstream\n{drawn}\nendstream"
    if outline:
        last = heads + len(outline)
        objects[heads] = f"<< /First {heads + 1} 0 R /Last {last} 0 R /Count {len(outline)} >>"
        for at, (title, page) in enumerate(outline, start=heads + 1):
            after = f"/Next {at + 1} 0 R" if at < last else ""
            objects[at] = f"<< /Title ({title}) /Parent {heads} 0 R /Dest [{sheets[page - 1]} 0 R /Fit] {after} >>"
    return _file(objects, "/Info 4 0 R" if info else "")


def _pdf(text: str) -> str:
    return text.replace("\\", "\\\\").replace("(", "\\(").replace(")", "\\)")


def _file(objects: Mapping[int, str], trailer: str) -> bytes:
    out = b"%PDF-1.4\n"
    offsets: dict[int, int] = {}
    for number, body in sorted(objects.items()):
        offsets[number] = len(out)
        out += f"{number} 0 obj\n{body}\nendobj\n".encode("cp1252")
    table = "".join(f"{offsets[n]:010d} 00000 n \n" for n in sorted(offsets))
    size = max(objects) + 1
    end = f"xref\n0 {size}\n0000000000 65535 f \n{table}trailer\n<< /Size {size} /Root 1 0 R {trailer} >>\n"
    return out + f"{end}startxref\n{len(out)}\n%%EOF\n".encode()


def prose(text: str, *, top: float = 700, left: float = 72, size: float = 10, width: int = 90) -> list[Line]:
    """Set a text into lines under one another, filled as a printer fills them, at most `width` letters each."""
    lines: list[str] = [""]
    for word in text.split():
        if len(lines[-1]) + len(word) >= width:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return [(line, left, top - 1.2 * size * at, size) for at, line in enumerate(lines)]


def docx(body: str, *, core: str = "", parts: Mapping[str, str] | None = None) -> bytes:
    """Write a Word document. `body` is the XML inside <w:body>, `core` that of the core properties."""
    return _zip(
        {
            "_rels/.rels": f'<Relationships xmlns="{_RELS}"><Relationship Id="r1" Type="{_OFFICE}/officeDocument" '
            'Target="word/document.xml"/></Relationships>',
            "word/document.xml": _word("document", f"<w:body>{body}</w:body>"),
            "word/styles.xml": _word("styles", STYLES),
            "docProps/core.xml": f'<cp:coreProperties xmlns:cp="urn:cp" xmlns:dc="{_DC}" xmlns:dcterms="urn:terms">'
            f"{core}</cp:coreProperties>",
            **(parts or {}),
        }
    )


def _word(name: str, inside: str) -> str:
    return f'<w:{name} xmlns:w="{_WORD}" xmlns:mc="urn:mc" xmlns:v="urn:v">{inside}</w:{name}>'


def part(name: str, inside: str) -> str:
    """Return the XML of another part of a Word document."""
    return _word(name, inside)


_RELS = "http://schemas.openxmlformats.org/package/2006/relationships"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_WORD = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
_DC = "http://purl.org/dc/elements/1.1/"

# As a German Word writes them: the ids are German, the names English.
STYLES = """
<w:style w:type="paragraph" w:styleId="Titel"><w:name w:val="Title"/></w:style>
<w:style w:type="paragraph" w:styleId="berschrift1"><w:name w:val="heading 1"/></w:style>
<w:style w:type="paragraph" w:styleId="berschrift2"><w:name w:val="heading 2"/></w:style>
<w:style w:type="paragraph" w:styleId="Mein"><w:name w:val="My own"/><w:basedOn w:val="berschrift2"/></w:style>
"""


def paragraph(text: str, style: str = "", *, inside: str = "") -> str:
    """Return the XML of a paragraph; `inside` is more of its properties."""
    named = f'<w:pStyle w:val="{style}"/>' if style else ""
    run = f'<w:r><w:t xml:space="preserve">{escape(text)}</w:t></w:r>'
    return f"<w:p><w:pPr>{named}{inside}</w:pPr>{run}</w:p>"


def epub(
    chapters: Mapping[str, str],
    *,
    metadata: str = "",
    spine: Sequence[str] = (),
    parts: Mapping[str, str] | None = None,
) -> bytes:
    """Write an e-book. `chapters` are the pages by name, read in the order of `spine`, or as they stand."""
    items = "".join(
        f'<item id="i{at}" href="text/{name}" media-type="application/xhtml+xml"/>' for at, name in enumerate(chapters)
    )
    order = "".join(f'<itemref idref="i{list(chapters).index(name)}"/>' for name in spine or chapters)
    return _zip(
        {
            "mimetype": "application/epub+zip",
            "META-INF/container.xml": '<container xmlns="urn:c"><rootfiles><rootfile full-path="OEBPS/book.opf"/>'
            "</rootfiles></container>",
            "OEBPS/book.opf": f'<package xmlns="urn:opf"><metadata xmlns:dc="{_DC}">{metadata}</metadata>'
            f"<manifest>{items}</manifest><spine>{order}</spine></package>",
            **{f"OEBPS/text/{name}": page for name, page in chapters.items()},
            **(parts or {}),
        }
    )


def page(body: str, *, title: str = "") -> str:
    """Return a page of an e-book; without a title its <title/> closes itself, as XHTML may."""
    head = f"<title>{title}</title>" if title else "<title/>"
    return (
        '<?xml version="1.0" encoding="utf-8"?><!DOCTYPE html><html xmlns="http://www.w3.org/1999/xhtml" '
        f'xmlns:epub="http://www.idpf.org/2007/ops"><head>{head}</head><body>{body}</body></html>'
    )


def _zip(members: Mapping[str, str]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in members.items():
            archive.writestr(zipfile.ZipInfo(name), text, zipfile.ZIP_DEFLATED)
    return out.getvalue()


def eml(text: str, *, html: str = "", attachments: Sequence[str] = (), **head: str) -> bytes:
    """Write a mail; underscores in the names of its head are hyphens."""
    message = EmailMessage()
    if text:
        message.set_content(text)
    if html:
        message.add_alternative(html, subtype="html") if text else message.set_content(html, subtype="html")
    for name in attachments:
        message.add_attachment(b"\0\1\2", maintype="application", subtype="octet-stream", filename=name)
    for name, value in head.items():
        message[name.replace("_", "-")] = value
    return message.as_bytes()
