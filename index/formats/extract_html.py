"""Read HTML: the paragraphs and headings people see, and what the page says of itself. Knows nothing of Articles.

trafilatura chooses which paragraphs are the article; the words always come from our own walk over the page, because
trafilatura normalises Unicode and drops joiners (U+200D in emoji, U+200C in Persian), and quotes must be verbatim.
"""

import json
import re
import unicodedata
from collections.abc import Iterable, Iterator
from html import unescape
from typing import Any, TypeAlias

from index.formats.block import Block, Facts

Node: TypeAlias = Any  # an lxml element; lxml ships no types
_HEADINGS = {f"h{level}": level for level in range(1, 7)}
_BLOCKS = _HEADINGS.keys() | set(
    "address article aside blockquote body caption center dd details div dl dt fieldset figcaption figure footer form "
    "header hr html legend li main nav ol p pre section summary table tbody td tfoot th thead tr ul".split()
)
_UNSEEN = set(
    "audio button canvas datalist dialog embed head iframe input map math menu noscript object script select style svg "
    "template textarea title video".split()
)
_SPACED = set("audio button canvas embed iframe input object select textarea video".split())
"""Of what is not read, that which has a place of its own in a line: what stands before and after it is not one word."""
_MENUS = {"nav", "aside", "header", "footer"}
_MENU_ROLES = {"navigation", "banner", "contentinfo", "search", "complementary", "menu"}
_LAYOUT = _HEADINGS.keys() | {"table", "ul", "ol", "dl", "pre", "blockquote", "article", "section"}
_ANCHOR_SIGNS = {"¶", "#", "§", "🔗"}  # links to a heading, put inside it by documentation tools
_SPACE = re.compile(r"[ \t\n\r\f]+")  # HTML's own white space: a no-break space is a word's business


_NESTING = re.compile(r"(?i)</?(?!(?:h[1-6]|p|br|title|meta|link|script|style)\b)[a-z][^<>]*>")


def parse(markup: str) -> Node:
    """Return the document's root, or None where there is nothing to parse. Never raises on hostile markup."""
    root, too_deep = _parsed(markup)
    if too_deep:  # libxml2 drops what lies deeper than 2,048 elements: read it again without what only nests
        root, _ = _parsed(_NESTING.sub("<p>", markup))
    for menu in list(root.iter("menu")) if root is not None else ():
        if menu.get("type") not in ("context", "toolbar"):  # which were menus indeed; today's is a list like others
            menu.tag = "ul"
    return root


def _parsed(markup: str) -> tuple[Node, bool]:
    from lxml import etree, html  # noqa: PLC0415

    parser = html.HTMLParser(encoding="utf-8", remove_comments=True, remove_pis=True, huge_tree=True)
    try:
        root = html.document_fromstring(markup.encode(errors="replace"), parser=parser)
    except (etree.LxmlError, ValueError):
        root = None
    too_deep = any("depth" in entry.message for entry in parser.error_log)
    return root, too_deep


def blocks(root: Node, *, page: bool, alt: bool | None = None) -> list[Block]:
    """Return what people see, in order.

    A `page` of the web loses its menus; a piece of an article keeps them and, unless `alt` says otherwise, alt texts.
    """
    from lxml import etree  # noqa: PLC0415

    if root is None:
        return []
    walk = _Walk(alt=not page if alt is None else alt)
    left_out: Node = None
    steps = etree.iterwalk(root, events=("start", "end"))
    for event, element in steps:
        if event == "start":
            if _is_unseen(element) or (page and _is_menu(element)):
                steps.skip_subtree()
                walk.pass_over(element.tag)
                left_out = element
            else:
                walk.enter(element)
            continue
        if element is left_out:
            left_out = None
        else:
            walk.leave(element)
        walk.read(element.tail)
    walk.flush()
    return walk.found


def _is_unseen(element: Node) -> bool:
    if element.tag in ("html", "body"):  # hidden until a script has run
        return False
    if element.tag in _UNSEEN or element.get("hidden") is not None or element.get("aria-hidden") == "true":
        return True
    if element.tag == "a" and (element.text or "").strip() in _ANCHOR_SIGNS and len(element) == 0:
        return True
    return "display:none" in (element.get("style") or "").replace(" ", "").lower()


def _is_menu(element: Node) -> bool:
    if element.get("role") in _MENU_ROLES:
        return True
    if element.tag not in _MENUS:
        return False
    # An article's own header holds its heading and lead, a quotation's footer the name of who said it.
    home = {"header": ("article", "main"), "footer": ("blockquote",)}.get(element.tag, ())
    return not home or next(element.iterancestors(*home), None) is None


class _Walk:
    """Gathers blocks while the tree is walked. Everything it holds is the line begun and where it stands."""

    def __init__(self, *, alt: bool) -> None:
        self.found: list[Block] = []
        self._alt = alt
        self._line: list[str] = []
        self._level = 0
        self._verbatim = 0
        self._lists: list[int | None] = []
        self._marker = ""
        self._row: list[str] | None = None
        self._tight = False
        self._links = 0
        self._linked = 0
        self._places = [0]
        self._elements = 0

    def read(self, text: str | None) -> None:
        if text:
            self._linked += len(text) if self._links else 0
            lines = text.replace("\r\n", "\n").replace("\r", "\n")
            self._line.append(lines if self._verbatim else _SPACE.sub(" ", lines))

    def enter(self, element: Node) -> None:
        tag = element.tag
        if tag == "br":
            self._line.append("\n")
        elif tag == "img" and self._alt:
            self.read(element.get("alt"))
        elif tag == "a":
            self._links += 1
        elif tag in _BLOCKS:
            self._enter_block(tag, element)
            self._elements += 1
            self._places.append(self._elements)
        self.read(element.text)

    def pass_over(self, tag: str) -> None:
        """Part what stands before something left out from what follows it, if that thing would part them."""
        inside_a_line = self._row is not None or self._level
        if tag in _BLOCKS and not inside_a_line:
            self.flush()
        elif tag in _BLOCKS or (tag in _SPACED and not self._verbatim):
            self._line.append(" ")

    def leave(self, element: Node) -> None:
        tag = element.tag
        if tag == "a":
            self._links -= 1
        if tag not in _BLOCKS:
            return
        self._end(tag)
        self._places.pop()

    def _end(self, tag: str) -> None:
        if self._row is not None:
            self._leave_cell(tag)
        elif self._level:
            self._leave_heading(tag)
        else:
            self._leave_block(tag)

    def flush(self) -> None:
        """End the paragraph begun, if any; two line breaks in a row end one as well."""
        written, self._line = "".join(self._line), []
        if self._verbatim:
            self._add(written.strip("\n").rstrip())
            return
        lines = [line.strip(" ") for line in re.sub(" {2,}", " ", written).split("\n")]
        for paragraph in re.split(r"\n{2,}", "\n".join(lines)):
            self._add(paragraph.strip())

    def _enter_block(self, tag: str, element: Node) -> None:
        if self._row is not None or self._level:  # inside a table row or a heading everything is one line
            self._line.append(" ")
            return
        self.flush()
        if tag in _HEADINGS:
            self._level = _HEADINGS[tag]
        elif tag == "pre":
            self._verbatim += 1
        elif tag in ("ul", "ol"):
            self._lists.append(_first_number(element) if tag == "ol" else None)
        elif tag == "li":
            self._marker = self._next_marker()
        elif tag == "tr" and _is_data(element):
            self._row = []

    def _leave_cell(self, tag: str) -> None:
        if tag not in ("td", "th", "tr"):
            self._line.append(" ")
            return
        words, self._line = _one_line(self._line), []
        if self._row is not None and (tag != "tr" or words):
            self._row.append(words)
        if tag == "tr":
            row, self._row = " | ".join(self._row or ()), None
            self._add(row.strip() if row.strip(" |") else "", together=True)

    def _leave_heading(self, tag: str) -> None:
        if tag not in _HEADINGS:
            self._line.append(" ")
            return
        words, self._line = _one_line(self._line), []
        level, self._level = self._level, 0
        self._tight = False
        if words:
            self._record(words, level=level)

    def _leave_block(self, tag: str) -> None:
        self.flush()
        if tag == "pre":
            self._verbatim = max(0, self._verbatim - 1)
        elif tag in ("ul", "ol") and self._lists:
            self._lists.pop()
        elif tag == "li":
            self._marker = ""
        if tag in ("table", "ul", "ol"):
            self._tight = self._tight and bool(self._lists)

    def _add(self, words: str, *, together: bool = False) -> None:
        if not words.strip():
            return
        self._record(self._marker + words, tight=self._tight)
        self._marker = ""
        self._tight = together or bool(self._lists)

    def _record(self, words: str, *, level: int = 0, tight: bool = False) -> None:
        linked, self._linked = self._linked, 0
        self.found.append(Block(words, level, tight, place=self._places[-2:][0], linked=linked))

    def _next_marker(self) -> str:
        if not self._lists or self._lists[-1] is None:
            return "• "
        number = self._lists[-1]
        self._lists[-1] = number + 1
        return f"{number}. "


def _one_line(pieces: Iterable[str]) -> str:
    return _SPACE.sub(" ", "".join(pieces)).strip()


def _first_number(element: Node) -> int:
    start = element.get("start") or ""
    return int(start) if re.fullmatch(r"[0-9]{1,9}", start) else 1


def _is_data(row: Node) -> bool:
    """Tell a row of short cells from a table that only arranges the page: that one holds whole pieces of text."""
    for cell in row.iterchildren("td", "th"):
        if next(cell.iter(*_LAYOUT), None) is not None:
            return False
        paragraphs = cell.iter("p")
        if next(paragraphs, None) is not None and next(paragraphs, None) is not None:
            return False
    return True


def article(root: Node, everything: list[Block]) -> list[Block]:
    """Return those of a page's blocks that are its article."""
    written = _size(everything)
    if written > 300_000:  # a book, not a web page: choosing would take seconds and find little to leave out
        return everything
    chosen = _chosen(everything, _extracted(root))
    # trafilatura is tuned on whole web pages. Of a page of a few paragraphs, where little can be boilerplate, it may
    # drop most: 3,000 characters is where its own check for that ends, too (ESCALATION_MAX_LENGTH), and it calls
    # fewer than 250 no result (MIN_EXTRACTED_SIZE).
    if _size(chosen) < 250 or (written < 3000 and _size(chosen) < written / 2):
        return everything
    return chosen


def _size(blocks: Iterable[Block]) -> int:
    return sum(len(block.words) for block in blocks)


def _chosen(everything: list[Block], extracted: str) -> list[Block]:
    """Keep the blocks whose letters were extracted, and those that belong to them."""
    lines = {_letters(line) for line in extracted.splitlines()}
    whole = _letters(extracted)
    bare = [_letters(re.sub(r"^(?:•|\d+\.) ", "", block.words)) for block in everything]

    def stands(before: str, letters: str, after: str) -> bool:
        if letters in lines or len(letters) >= 30:
            return letters in lines or letters in whole
        # So few letters may stand in the article by chance, as a menu's do: then with a neighbour's beside them.
        return letters + after[:30] in whole or before[-30:] + letters in whole

    kept = list(map(stands, ["", *bare], bare, [*bare[1:], ""]))
    return [block for block, wanted in zip(everything, _with_holes_filled(everything, kept), strict=True) if wanted]


def _with_holes_filled(everything: list[Block], kept: list[bool]) -> list[bool]:
    """Keep as well a paragraph beside kept ones, and a heading or term right above one.

    trafilatura drops some in the middle of an article: 5 of 77 on zlib's page about its usage, and nearly all terms
    of a long definition list.
    """
    if not any(kept):
        return kept
    first, last = kept.index(True), len(kept) - kept[::-1].index(True)
    top = next((at for at in range(first) if everything[at].level), first)
    places = {block.place for block, wanted in zip(everything, kept, strict=True) if wanted}
    filled = list(kept)
    for at in range(top, last):
        block = everything[at]
        beside = block.place in places
        # A byline stands above the first paragraph, and a site's name in the heading of another element.
        leads = kept[at + 1 : at + 2] == [True] and sum((block.level > 0, beside, at > first)) >= 2
        # 80 characters is a sentence: shorter ones are credits and buttons. Mostly links is a pointer elsewhere.
        is_prose = len(block.words) >= 80 and block.linked * 2 < len(block.words)
        filled[at] |= leads or (beside and is_prose)
    return filled


def _extracted(root: Node) -> str:
    from trafilatura import bare_extraction  # noqa: PLC0415

    if root is None:
        return ""
    try:
        document = bare_extraction(root, include_comments=False, deduplicate=False, with_metadata=False)
    except Exception:  # noqa: BLE001  it may fail in any way on hostile pages (RecursionError), and is not needed
        return ""
    return getattr(document, "text", None) or ""


def _letters(text: str) -> str:
    """Reduce a text to what survives any normalisation."""
    return "".join(filter(str.isalnum, unicodedata.normalize("NFKC", text))).casefold()


def facts(root: Node) -> Facts:
    """Return what a page's head, its linked data and its <time> tags say. Nothing is guessed from the text."""
    if root is None:
        return {}
    meta = _meta(root)
    linked = list(_linked_data(root))
    sites = [meta.get("og:site_name"), *(_text_of(item.get("publisher")) for item in linked), meta.get("dc.publisher")]
    source = [site for site in [*sites, meta.get("application-name")] if site]
    titles = [
        meta.get("og:title"),
        *(_text_of(item.get("headline")) for item in linked),
        meta.get("twitter:title"),
        meta.get("dc.title"),
        _window_title(root),
    ]
    links = [link.get("href") for link in root.iter("link") if "canonical" in (link.get("rel") or "").lower().split()]
    return {
        "title": [_without_site(title, source) for title in titles if title],
        "date": list(_dates(root, meta, linked)),
        "source": source,
        "url": [url for url in (*links, meta.get("og:url")) if url],
        "path": [url for url in links if url] if next(root.iter("base"), None) is None else [],
        "author": [author for author in _authors(meta, linked) if author],
        "language": [root.get("lang") or "", meta.get("og:locale") or "", meta.get("content-language") or ""],
    }


def _authors(meta: dict[str, str], linked: list[dict[str, Any]]) -> Iterator[str]:
    """Yield who is named as having written a page; of several, all in one text. An address is no name."""
    yield from (", ".join(_names_of(item.get("author"))) for item in linked)
    for name in ("author", "article:author", "citation_author", "dc.creator", "parsely-author", "sailthru.author"):
        if not meta.get(name, "").startswith(("http:", "https:")):
            yield meta.get(name, "")


def _names_of(value: object) -> list[str]:
    listed = value if isinstance(value, list) else [value]
    return [name for name in map(_text_of, listed[:20]) if name and not name.startswith(("http:", "https:"))]


_DATE_NAMES = (
    "article:published_time og:published_time datepublished date dc.date dc.date.issued dc.date.created dcterms.date "
    "dcterms.created dcterms.issued pubdate publishdate publish_date publish-date parsely-pub-date sailthru.date "
    "citation_publication_date"
).split()


def _dates(root: Node, meta: dict[str, str], linked: list[dict[str, Any]]) -> Iterator[str]:
    yield from (meta[name] for name in _DATE_NAMES[:3] if name in meta)
    yield from (item["datePublished"] for item in linked if isinstance(item.get("datePublished"), str))
    yield from (meta[name] for name in _DATE_NAMES[3:] if name in meta)
    marked = [tag for tag in root.iter() if tag.get("itemprop") == "datePublished" or tag.get("pubdate") is not None]
    times = [tag for tag in root.iter("time") if not any(map(_is_menu, tag.iterancestors(*_MENUS)))]
    for tag in (*marked, *times):
        if written := tag.get("datetime") or tag.get("content"):
            yield written


def _meta(root: Node) -> dict[str, str]:
    """Return the first content of each name, lower-case, that a <meta> gives."""
    meta: dict[str, str] = {}
    for tag in root.iter("meta"):
        name = tag.get("property") or tag.get("name") or tag.get("itemprop") or tag.get("http-equiv") or ""
        content = (tag.get("content") or "").strip()
        if name and content:
            meta.setdefault(name.strip().lower(), content)
    return meta


def _linked_data(root: Node) -> Iterator[dict[str, Any]]:
    """Yield the schema.org objects of a page that describe something published."""
    for script in root.iter("script"):
        if (script.get("type") or "").strip().lower() != "application/ld+json":
            continue
        try:
            waiting = [json.loads(script.text or "", strict=False)]
        except (ValueError, RecursionError):
            continue
        while waiting:
            item = waiting.pop(0)
            if isinstance(item, list):
                waiting.extend(item)
            elif isinstance(item, dict):
                waiting.append(item.get("@graph"))
                if "headline" in item or "datePublished" in item:
                    yield item


def _text_of(value: object) -> str:
    """Return a text, or the name of a schema.org object, or of the first of several."""
    if isinstance(value, list):
        value = value[0] if value else ""
    if isinstance(value, dict):
        value = value.get("name")
    return unescape(value).strip() if isinstance(value, str) else ""


def _window_title(root: Node) -> str:
    """Return the <title>, or its part that the page also shows as a heading of the first level."""
    title = _one_line(tag.text or "" for tag in list(root.iter("title"))[:1])
    shown = [_one_line(heading.itertext()).rstrip("¶") for heading in root.iter("h1", "h2")]
    if not title:
        return next(filter(None, shown), "")
    # What surrounds it is the site's name, which is the shorter half.
    parts = [heading for heading in shown if heading in title and len(heading) * 2 >= len(title)]
    return max(parts, key=len, default=title)


def _without_site(title: str, sites: list[str]) -> str:
    for site in sites:
        cut = re.sub(rf"\s+[-–—|·•:»]\s+{re.escape(site)}\s*$", "", title, flags=re.IGNORECASE)
        if cut.strip() and cut != title:
            return cut
    return title
