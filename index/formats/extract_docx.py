"""Read Word documents (docx): what people see of the text, and what the file says of itself. Knows nothing of Articles.

Our own walk over the XML. python-docx, which the world uses, gives paragraphs without what stands in tables, text
boxes, content controls and tracked insertions, so that text would be missing, silently.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from index.errors import SourceError
from index.formats.archive import Archive, Node, attribute, beside, child, local, named
from index.formats.block import Block, Facts, page_mark, paged, told

_OLD_OFFICE = b"\xd0\xcf\x11\xe0"  # the container of Word 97, and of encrypted documents
_SKIPPED = {"del", "moveFrom", "Fallback", "rt", "instrText", "sectPr", "tblPr", "trPr", "tcPr"}
_SPACE = re.compile(r"[ \t\r\n]+")


def docx(data: bytes) -> tuple[list[Block], Facts]:
    """Return the paragraphs, headings, list items and table rows of a document, its notes last, and its properties.

    Raises:
        SourceError: it is locked, damaged, or no Word document.
    """
    if data.startswith(_OLD_OFFICE):
        message = "is protected by a password, or an older Word file: save it as .docx without a password"
        raise SourceError(message)
    archive = Archive(data)
    main = _main_part(archive)
    styles = _styles(archive, main)
    root = archive.tree(main)
    body = _Walk(styles, _numberings(archive, main), paged=_pages_are_known(archive, root))
    body.read(root)
    notes = _Walk(styles, {}, paged=False)
    for part in ("footnotes.xml", "endnotes.xml"):
        if (name := beside(main, part)) in archive:
            notes.read(archive.tree(name))
    return [*body.found, *notes.found], _facts(archive, body)


def _main_part(archive: Archive) -> str:
    relations = archive.tree("_rels/.rels") if "_rels/.rels" in archive else ()
    for relation in relations:
        if attribute(relation, "Type").endswith("/officeDocument"):
            return beside("", attribute(relation, "Target"))
    if "word/document.xml" in archive:
        return "word/document.xml"
    message = "is not a Word document, whatever its name says"
    raise SourceError(message)


@dataclass(frozen=True, slots=True)
class _Style:
    """What a named style says of its paragraphs: the level of a heading, or the list they belong to."""

    level: int = 0
    title: bool = False
    listed: str = ""


def _styles(archive: Archive, main: str) -> dict[str, _Style]:
    name = beside(main, "styles.xml")
    if name not in archive:
        return {}
    raw = {attribute(style, "styleId"): style for style in named(archive.tree(name), "style")}
    return {id_: _style(id_, raw) for id_ in raw}


def _style(id_: str, raw: dict[str, Node]) -> _Style:
    """Read a style; what it does not say is said by the one that it is based on."""
    level, title, of_list = 0, False, ""
    seen: set[str] = set()
    while id_ in raw and id_ not in seen:
        seen.add(id_)
        style = raw[id_]
        called = _value(child(style, "name")).lower()  # English in every language's Word; the id is not
        level = level or _level(child(style, "pPr")) or _heading_of(called)
        title = title or called == "title"
        of_list = of_list or _value(
            child(style, "pPr", "numPr", "numId") if child(style, "pPr", "numPr") is not None else None
        )
        id_ = _value(child(style, "basedOn"))
    return _Style(1 if title else level, title, of_list)


def _heading_of(name: str) -> int:
    found = re.fullmatch(r"heading ([1-9])", name)
    return min(int(found[1]), 6) if found else 0


def _level(properties: Node | None) -> int:
    """Return the level of a heading that properties of a paragraph or style give, or 0; Word's 9 is body text."""
    written = _value(child(properties, "outlineLvl")) if properties is not None else ""
    return min(int(written) + 1, 6) if re.fullmatch("[0-8]", written) else 0


def _value(element: Node | None) -> str:
    return attribute(element, "val") if element is not None else ""


def _numberings(archive: Archive, main: str) -> dict[tuple[str, str], str]:
    """Return how each level of each list is numbered, by the number of the list and the level, as Word calls it."""
    name = beside(main, "numbering.xml")
    if name not in archive:
        return {}
    root = archive.tree(name)
    abstract = {
        attribute(one, "abstractNumId"): {
            attribute(level, "ilvl"): _value(child(level, "numFmt")) for level in one if local(level) == "lvl"
        }
        for one in root
        if local(one) == "abstractNum"
    }
    return {
        (attribute(one, "numId"), level): form
        for one in root
        if local(one) == "num"
        for level, form in abstract.get(_value(child(one, "abstractNumId")), {}).items()
    }


def _pages_are_known(archive: Archive, root: Node) -> bool:
    """Whether the marks that Word left where it last broke pages are complete: as many as its own count of pages."""
    name = "docProps/app.xml"
    if name not in archive:
        return False
    counted = child(archive.tree(name), "Pages")
    breaks = sum(1 for _ in named(root, "lastRenderedPageBreak"))
    return counted is not None and (counted.text or "").strip() == str(breaks + 1)


@dataclass(slots=True)
class _Paragraph:
    """A paragraph begun: its pieces, and what its properties say."""

    level: int = 0
    title: bool = False
    item_of: tuple[str, str] | None = None
    pieces: list[str] = field(default_factory=list)


class _Walk:
    """Gathers blocks while a part is walked. A text box inside a paragraph makes the paragraphs begun a stack."""

    def __init__(self, styles: dict[str, _Style], numberings: dict[tuple[str, str], str], *, paged: bool) -> None:
        self.found: list[Block] = []
        self.titles: list[str] = []
        self._styles = styles
        self._numberings = numberings
        self._paged = paged
        self._page = 1
        self._begun: list[_Paragraph] = []
        self._rows: list[list[str] | None] = []
        self._cell: list[str] = []
        self._counts: dict[tuple[str, str], int] = {}
        self._tight = False
        self._waiting = page_mark(1) if paged else ""

    def read(self, root: Node) -> None:
        from lxml import etree  # noqa: PLC0415

        steps = etree.iterwalk(root, events=("start", "end"))
        for event, element in steps:
            name = local(element)
            if event == "end":
                self._leave(name)
            elif name in _SKIPPED or (name == "r" and _is_hidden(element)):
                steps.skip_subtree()
            else:
                self._enter(name, element)

    def _enter(self, name: str, element: Node) -> None:
        if name == "p":
            self._begun.append(self._begin(element))
        elif name == "tr":
            self._rows.append(None if _only_arranges(element) else [])
        elif self._begun:
            self._write(name, element)

    def _write(self, name: str, element: Node) -> None:
        match name:
            case "t":
                words = "".join([element.text or "", *(inside.tail or "" for inside in element)])  # entities are inside
            case "tab" | "ptab":
                words = " "
            case "br" | "cr":
                words = "\n" if attribute(element, "type") in ("", "textWrapping") else " "
            case "noBreakHyphen":
                words = "-"
            case "lastRenderedPageBreak" if self._paged:
                self._page += 1
                words = page_mark(self._page)
            case _:
                return
        self._begun[-1].pieces.append(_SPACE.sub(" ", words) if name == "t" else words)

    def _begin(self, element: Node) -> _Paragraph:
        properties = child(element, "pPr")
        if properties is None:
            return _Paragraph()
        style = self._styles.get(_value(child(properties, "pStyle")), _Style())
        numbered = child(properties, "numPr")
        number = _value(child(numbered, "numId")) if numbered is not None else style.listed
        level = (_value(child(numbered, "ilvl")) if numbered is not None else "") or "0"
        heading = _level(properties) or style.level
        in_list = (number, level) if number not in ("", "0") and not heading else None
        return _Paragraph(heading, style.title, in_list)

    def _leave(self, name: str) -> None:
        if name == "p" and self._begun:
            self._end(self._begun.pop())
        elif name == "tc" and self._rows and (row := self._rows[-1]) is not None:
            row.append(" ".join(self._cell))
            self._cell = []
        elif name == "tr" and self._rows and (row := self._rows.pop()):
            words = " | ".join(row).strip()
            self._add(words if words.strip(" |") else "", tight=True)
        elif name in ("tbl", "txbxContent"):
            self._tight = False

    def _end(self, paragraph: _Paragraph) -> None:
        words = re.sub(" {2,}", " ", "".join(paragraph.pieces))
        words = "\n".join(line.strip() for line in words.strip().split("\n") if line.strip())
        if self._rows and self._rows[-1] is not None:
            self._cell += [words] if words else []
            return
        shown, _ = paged(words)
        if shown and paragraph.title:
            self.titles.append(shown)
        marker = self._marker(paragraph.item_of) if paragraph.item_of and shown else ""
        self._add(marker + words, level=paragraph.level, tight=marker != "")

    def _add(self, words: str, *, level: int = 0, tight: bool = False) -> None:
        """Record a block; a page that begins where there are no words begins with the next."""
        written = self._waiting + words
        if level:  # a heading is one line; before its pages are counted from its beginning
            written = " ".join(written.split())
        shown, pages = paged(written)
        if not shown.strip():
            self._waiting += words
            return
        self._waiting = ""
        shown = shown.rstrip() if level else shown
        self.found.append(Block(shown, level, tight and self._tight, pages=pages))
        self._tight = tight

    def _marker(self, place: tuple[str, str]) -> str:
        number, level = place
        self._counts = {key: count for key, count in self._counts.items() if key[0] != number or key[1] <= level}
        self._counts[place] = self._counts.get(place, 0) + 1
        return f"{self._counts[place]}. " if self._numberings.get(place) == "decimal" else "• "


def _is_hidden(run: Node) -> bool:
    vanish = child(run, "rPr", "vanish")
    return vanish is not None and _value(vanish) not in ("0", "false", "off")


def _only_arranges(row: Node) -> bool:
    """Tell a row that arranges whole pieces of text from one of short cells, of one paragraph each."""
    for cell in row:
        if local(cell) != "tc":
            continue
        written = [p for p in cell if local(p) == "p" and next(named(p, "t"), None) is not None]
        if len(written) > 1 or any(local(one) in ("tbl", "sdt") for one in cell):
            return True
    return False


def _facts(archive: Archive, body: _Walk) -> Facts:
    name = "docProps/core.xml"
    known: Facts = {"title": list(body.titles[:1])}
    if name not in archive:
        return known
    root = archive.tree(name)
    for fact, tag in _PROPERTIES:
        known.setdefault(fact, []).extend(told(list(_texts(root, tag))))
    return known


_PROPERTIES = (("title", "title"), ("author", "creator"), ("date", "created"), ("language", "language"))


def _texts(root: Node, name: str) -> Iterator[str]:
    return (element.text.strip() for element in named(root, name) if (element.text or "").strip())
