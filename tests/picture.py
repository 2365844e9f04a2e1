"""Draws a question and its answer as a phone shows them, as an SVG that looks the same on every machine. No I/O.

It needs no font of its own: words are broken by a table of widths, and each piece of a line is told how wide it is.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from html import escape
from itertools import groupby

from tests.botapi import Message

WIDTH = 700
"""Pixels: what a README leaves a picture on a wide screen."""

SIZE, LINE = 17, 24
"""Pixels of a letter and of a line."""

EDGE, PADDING, GAP = 26, 16, 14
"""Pixels around the chat, inside a bubble, and between two things."""

HEADER = 64
WIDEST = 560
"""Pixels of a bubble at most."""

FOLDED = 3
"""Lines that Telegram shows of an expandable quote until somebody taps it."""

INK, FAINT, LINK, BAR, WALL = "#17212b", "#6d7f8f", "#2277c2", "#3a9ad9", "#dbe5ec"
MINE, THEIRS, QUOTE, BUTTON = "#e4f7d2", "#ffffff", "#eaf4fb", "#ffffff"
FONT = "Helvetica, Arial, 'Liberation Sans', sans-serif"

_BY_WIDTH = {
    222: "ijl'’‘",
    278: "tfI ,./:;!|[]",
    333: "r()-·“”`‹›",
    350: "•",
    500: "cksvxyzJ",
    556: "abdeghnopquL0123456789?_$–",
    584: "+<>=~",
    611: "FTZ",
    667: "ABEKPSVXY&",
    722: "wCDHNRU",
    778: "GOQ",
    833: "mM",
    889: "%",
    944: "W",
    1000: "—…",
}
_WIDTHS = {letter: width for width, letters in _BY_WIDTH.items() for letter in letters}
"""Thousandths of the size, of the upright letters of Helvetica and of the fonts made to its measure."""

_WIDE = 1_000
"""The same of what is not in the table; the picture would be too loose with it, and never too tight."""

_BOLDER = 1.07
"""How much wider bold letters are, over a text."""

_THUMB = "M2 9h3v9H2zM7 18V9l4-7c2 0 3 1 2.5 3.5L13 8h4.5c1.5 0 2 1 1.7 2.2l-1.5 6c-.3 1.2-1 1.8-2.2 1.8z"


@dataclass(frozen=True, slots=True)
class Look:
    """How letters look."""

    bold: bool = False
    link: bool = False
    quoted: bool = False


@dataclass(frozen=True, slots=True)
class Piece:
    """Letters of one look."""

    text: str
    look: Look

    @property
    def width(self) -> float:
        """Pixels."""
        units = sum(_WIDTHS.get(letter, _WIDE) for letter in self.text)
        return units * SIZE / 1_000 * (_BOLDER if self.look.bold else 1)


Line = list[Piece]


def draw(question: Message, answer: Message, *, name: str = "Footnote") -> str:
    """Return the picture of two messages, the second with its buttons."""
    mine, height = _bubble(question, top=HEADER + GAP, right=True)
    theirs, end = _bubble(answer, top=height + GAP, right=False)
    keys, end = _buttons(answer, top=end + 6)
    end += EDGE
    title = escape(f"{question.text} {answer.text.split(chr(10))[0]}")
    return "\n".join(
        [
            (
                f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {end}" width="{WIDTH}" height="{end}"'
                f' font-family="{FONT}" font-size="{SIZE}" role="img">'
            ),
            f"<title>{title}</title>",
            f'<rect x="0.5" y="0.5" width="{WIDTH - 1}" height="{end - 1}" rx="22" fill="{WALL}" stroke="#c3d0da"/>',
            *_header(name),
            *mine,
            *theirs,
            *keys,
            "</svg>\n",
        ]
    )


def _header(name: str) -> list[str]:
    top = f"M0.5 {HEADER}V22.5a22 22 0 0 1 22 -22H{WIDTH - 22.5}a22 22 0 0 1 22 22V{HEADER}z"
    return [
        f'<path d="{top}" fill="#ffffff" stroke="#c3d0da"/>',
        f'<path d="M34 22l-10 10 10 10" fill="none" stroke="{LINK}" stroke-width="2.5" stroke-linecap="round"/>',
        f'<circle cx="72" cy="{HEADER / 2:g}" r="20" fill="{BAR}"/>',
        (
            f'<text x="72" y="{HEADER / 2 + 7:g}" text-anchor="middle" font-size="20" font-weight="bold"'
            f' fill="#ffffff">{escape(name[0])}</text>'
        ),
        f'<text x="104" y="29" font-weight="bold" fill="{INK}">{escape(name)}</text>',
        f'<text x="104" y="48" font-size="14" fill="{FAINT}">bot</text>',
    ]


def _bubble(message: Message, *, top: float, right: bool) -> tuple[list[str], float]:
    """Return a bubble with its text, and where it ends."""
    blocks = list(_blocks(message, WIDEST - 2 * PADDING))
    widest = max(sum(piece.width for piece in line) + 24 * quoted for quoted, lines in blocks for line in lines)
    width = WIDEST if any(quoted for quoted, _ in blocks) else min(WIDEST, widest + 2 * PADDING)
    left = WIDTH - EDGE - width if right else EDGE
    drawn, y = [], top + PADDING - 4
    for quoted, lines in blocks:
        if quoted:
            y += 4
            drawn += _quote(left + PADDING, y, width - 2 * PADDING, len(lines) * LINE + 12)
            y += 6
        for line in lines:
            drawn += _line(line, left + PADDING + 14 * quoted, y + SIZE + 1)
            y += LINE
        y += 6 * quoted
    end = y + PADDING - 4
    tail = left + width if right else left
    way = 9 if right else -9
    return [
        f'<path d="M{tail:g} {end - 20:g}q0 16 {way} 20h{-way * 2}z" fill="{MINE if right else THEIRS}"/>',
        (
            f'<rect x="{left:.1f}" y="{top:g}" width="{width:.1f}" height="{end - top:g}" rx="16"'
            f' fill="{MINE if right else THEIRS}"/>'
        ),
        *drawn,
    ], end


def _quote(left: float, top: float, width: float, height: float) -> list[str]:
    """Draw what lies behind a quote: a bar, a tint, and the sign that there is more."""
    x, y = left + width - 20, top + height - 17
    return [
        f'<rect x="{left:.1f}" y="{top:g}" width="{width:.1f}" height="{height:g}" rx="5" fill="{QUOTE}"/>',
        f'<rect x="{left:.1f}" y="{top:g}" width="4" height="{height:g}" rx="2" fill="{BAR}"/>',
        f'<path d="M{x:.1f} {y:g}l5 5 5 -5" fill="none" stroke="{BAR}" stroke-width="2" stroke-linecap="round"/>',
    ]


def _line(line: Line, x: float, y: float) -> Iterator[str]:
    for piece in line:
        if piece.text.strip():
            how = ' font-weight="bold"' if piece.look.bold else ""
            colour = LINK if piece.look.link else INK
            shown = piece.text.rstrip()
            width = Piece(shown, piece.look).width
            ahead = Piece(shown[: len(shown) - len(shown.lstrip())], piece.look).width
            yield (
                f'<text x="{x + ahead:.1f}" y="{y:g}" textLength="{width - ahead:.1f}"'
                f' lengthAdjust="spacingAndGlyphs" fill="{colour}"{how}>{escape(shown.lstrip())}</text>'
            )
        x += piece.width


def _buttons(message: Message, *, top: float) -> tuple[list[str], float]:
    drawn = []
    for row in message.buttons:
        width = (WIDEST - 6 * (len(row) - 1)) / len(row)
        for number, button in enumerate(row):
            left = EDGE + number * (width + 6)
            drawn.append(
                f'<rect x="{left:.1f}" y="{top:g}" width="{width:.1f}" height="38" rx="10" fill="{BUTTON}"'
                ' fill-opacity="0.75"/>'
            )
            drawn.append(_label(button.label, left + width / 2, top + 19))
        top += 44
    return drawn, top


def _label(label: str, x: float, y: float) -> str:
    """Write what is on a button; a thumb is drawn, since not every machine has a letter for it."""
    turned = {"👍": "", "👎": " translate(0 20) scale(1 -1)"}.get(label)
    if turned is None:
        return f'<text x="{x:.1f}" y="{y + 6:g}" text-anchor="middle" fill="{LINK}">{escape(label)}</text>'
    return f'<path transform="translate({x - 10:.1f} {y - 10:g}){turned}" d="{_THUMB}" fill="{LINK}"/>'


def _blocks(message: Message, width: float) -> Iterator[tuple[bool, list[Line]]]:
    """Yield the text in lines, the quoted and the other parts after one another."""
    paragraphs = _split(list(zip(message.text, _looks(message), strict=True)))
    for quoted, together in groupby(paragraphs, key=lambda one: any(look.quoted for _, look in one)):
        room = width - 24 * quoted
        lines = [line for paragraph in together for line in _broken(paragraph, room)]
        yield quoted, lines[:FOLDED] if quoted else lines


def _looks(message: Message) -> list[Look]:
    """Return the look of each letter; entities count in units of UTF-16."""
    offsets, at = [], 0
    for letter in message.text:
        offsets.append(at)
        at += len(letter.encode("utf-16-le")) // 2

    def kinds(at: int) -> set[str]:
        return {one.type for one in message.entities if one.offset <= at < one.offset + one.length}

    return [
        Look("bold" in found, "text_link" in found, "expandable_blockquote" in found) for found in map(kinds, offsets)
    ]


def _split(letters: list[tuple[str, Look]]) -> list[list[tuple[str, Look]]]:
    """Cut a text into paragraphs, each with the line feed that ends it: of an empty one that says if it is quoted."""
    paragraphs: list[list[tuple[str, Look]]] = [[]]
    for one in letters:
        paragraphs[-1].append(one)
        if one[0] == "\n":
            paragraphs.append([])
    return paragraphs


def _broken(paragraph: list[tuple[str, Look]], width: float) -> list[Line]:
    """Break a paragraph into lines that fit, between words."""
    lines: list[list[tuple[str, Look]]] = [[]]
    for word in _words(one for one in paragraph if one[0] != "\n"):
        if lines[-1] and _wide([*lines[-1], *word]) > width:
            lines.append([])
        lines[-1] += word
    return [_pieces(line) for line in lines]


def _words(letters: Iterable[tuple[str, Look]]) -> Iterator[list[tuple[str, Look]]]:
    word: list[tuple[str, Look]] = []
    for letter in letters:
        word.append(letter)
        if letter[0] == " ":
            yield word
            word = []
    if word:
        yield word


def _wide(letters: list[tuple[str, Look]]) -> float:
    while letters and letters[-1][0] == " ":  # what ends a line may stand beyond it
        letters = letters[:-1]
    return sum(piece.width for piece in _pieces(letters))


def _pieces(letters: Iterable[tuple[str, Look]]) -> Line:
    return [Piece("".join(letter for letter, _ in run), look) for look, run in groupby(letters, key=lambda one: one[1])]
