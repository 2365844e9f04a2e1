"""Put the lines of printed pages together again: paragraphs, headings, and nothing of what repeats on the pages. Pure.

Knows where lines stand, not where they come from. Lengths are in points, and y grows upwards, as in PDF.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise, zip_longest

from index.formats.block import Block, page_mark, paged


@dataclass(frozen=True, slots=True)
class Line:
    """One line of text: its page (counted from 1), its left and right edge, its baseline, and the size of its letters.

    `broken`: it ends inside a word, and the hyphen that the printer put there is not part of `text`.
    """

    text: str
    page: int
    left: float
    right: float
    y: float
    size: float
    broken: bool = False


@dataclass(frozen=True, slots=True)
class Entry:
    """A heading that a table of contents outside the text names, and its level, 1 for the outermost."""

    title: str
    page: int
    level: int


@dataclass(frozen=True, slots=True)
class _Type:
    """How a document is printed: the size of most letters, the distance of lines in sizes, and the words it uses."""

    size: float
    leading: float
    words: frozenset[str]


BIGGER = 1.15
"""Times the usual size that a line must have to be a heading by its looks: LaTeX's smallest is 1.2, Word's 1.18."""

_BULLET = re.compile(r"[•‣▪▫●○◦■□–—*-]\s")
_NUMBER = re.compile(r"(?:\(?[0-9]{1,3}[.)]|\(?[a-z][.)])\s")
_ENDED = re.compile(r"[.!?…:;。！？؟।][\"'”’»)\]]*(?:\[?\d{1,3}\]?)?$")
_LONGEST_HEADING = 200
_MOST_LINES = 1_000  # of a page that is one; the work below grows with their square
_TITLE_PAGE = 12  # lines of a page that holds the title and no text
_ABOVE_TITLE = 120  # characters: the words of a logo, a series, a date


def typeset(lines: Sequence[Line], entries: Sequence[Entry]) -> tuple[str, list[Block]]:
    """Return the title that lines in reading order begin with, or nothing, and their paragraphs and headings.

    A heading is what `entries` name; without entries, what is printed larger than the rest, while little is. The title
    is one too, of level 1: what is largest on the first page. Lines of a printed table of contents are left out.
    """
    kept = [line for line in _without_margins(lines) if not _is_listed(line.text)]
    if not kept:
        return "", []
    look = _look(kept)
    title = _title(kept, look)
    rest = [line for line in kept if line not in title]
    levels = _by_entries(rest, entries) if entries else _by_size(rest, look)
    levels |= dict.fromkeys(title, 1)
    blocks: list[Block] = []
    edges = _edges(kept)
    waiting = ""  # the mark of a page that begins where nothing is kept
    page = 0
    for some in _paragraphs(kept, levels, look, edges):
        words = waiting
        for line, after in _with_next(some):
            words += page_mark(line.page) if line.page != page else ""
            page = line.page
            words += line.text + _joint(line, after, look, edges)
        level = levels.get(some[0], 0)
        shown, pages = paged(words.replace("\n", " ") if level else words)
        if not shown.strip():
            waiting = words
            continue
        waiting = ""
        blocks.append(Block(shown.strip(), level, pages=pages))
    return " ".join(line.text for line in title), blocks


def _is_listed(text: str) -> bool:
    """Whether a line is of a table of contents: it ends with a row of dots and a number."""
    before = text.rstrip("0123456789ivxlc")
    return before != text and before[-99:].replace(" ", "").endswith("....")


def _with_next(lines: Sequence[Line]) -> Iterator[tuple[Line, Line | None]]:
    yield from zip(lines, [*lines[1:], None], strict=True)


def _usual_size(lines: Sequence[Line]) -> float:
    sizes: Counter[float] = Counter()
    for line in lines:
        sizes[round(line.size, 1)] += len(line.text)
    return sizes.most_common(1)[0][0] or 1.0


def _look(lines: Sequence[Line]) -> _Type:
    size = _usual_size(lines)
    steps: Counter[float] = Counter()
    for above, line in pairwise(lines):
        if above.page == line.page and _alike(above.size, size) and _alike(line.size, size) and above.y > line.y:
            steps[round((above.y - line.y) / size, 1)] += 1
    leading = steps.most_common(1)[0][0] if steps else 1.2
    words = frozenset(word for line in lines for word in re.findall(r"[^\W\d_]+(?:-[^\W\d_]+)*", line.text.casefold()))
    return _Type(size, min(max(leading, 1.0), 2.5), words)


def _alike(one: float, other: float) -> bool:
    return abs(one - other) <= 0.12 * max(one, other)  # typewriter letters inside a text are up to a tenth smaller


# --- what repeats


def _without_margins(lines: Sequence[Line]) -> list[Line]:
    """Leave out running heads and feet: up to two lines above and two below, where they are such on most pages."""
    kept = list(lines)
    for top in (True, False, True, False):
        dropped = _margin(kept, top=top)
        kept = [line for line in kept if line not in dropped]
    return kept


def _margin(lines: Sequence[Line], *, top: bool) -> set[Line]:
    """Return the outermost line of each page where most pages have one at the same height, and most of them repeat.

    A number that grows with the pages counts as repeating. The first line of a text stands at the same height on most
    pages as well; but it is another one each time, and so is a row of a table, whose numbers go their own way.
    """
    pages = {page: list(some) for page, some in groupby(lines, key=lambda line: line.page)}
    if len(pages) < 3:  # on two pages nothing is "most"
        return set()
    outermost = {page: max(some, key=lambda line: line.y if top else -line.y) for page, some in pages.items()}
    height = Counter(round(line.y) for line in outermost.values()).most_common(1)[0][0]
    largest = 1.1 * _usual_size(lines)  # what is larger is a heading, as on slides
    zone = {page: line for page, line in outermost.items() if abs(line.y - height) <= 2 and line.size <= largest}
    if len(zone) * 5 < len(pages) * 3:
        return set()
    heads = {page: _COUNTING.split(line.text.casefold()) for page, line in zone.items()}
    # Left and right pages have heads of their own; a chapter's changes with the chapter.
    again = [
        page for page, head in heads.items() if any(_repeats(head, heads.get(page + by), by) for by in (-2, -1, 1, 2))
    ]
    return set(zone.values()) if len(again) * 2 > len(zone) else set()


_COUNTING = re.compile(r"((?<!\d)\d{1,6}(?!\d)|\b[ivxlc]{1,12}\b)")
"""What may be the number of a page, Arabic or Roman: splits a running head, so that each second part is one."""


def _repeats(head: Sequence[str], other: Sequence[str] | None, by: int) -> bool:
    """Whether a running head is that of another page, so many further on: but for numbers that grow by as much."""
    return (
        other is not None
        and len(head) == len(other)
        and all(
            one == two or (at % 2 == 1 and _number(two) - _number(one) == by)
            for at, (one, two) in enumerate(zip(head, other, strict=True))
        )
    )


def _number(written: str) -> int:
    """Return what a number says, Arabic or Roman, in small letters."""
    if written[0].isdigit():
        return int(written)
    values = [{"i": 1, "v": 5, "x": 10, "l": 50, "c": 100}[letter] for letter in written]
    return sum(-one if one < after else one for one, after in zip(values, [*values[1:], 0], strict=True))


# --- headings


def _title(lines: Sequence[Line], look: _Type) -> list[Line]:
    """Return the lines of the title: the largest of the first page, if they stand together, and chapters differ."""
    first = [line for line in lines if line.page == lines[0].page]
    largest = max(line.size for line in first)
    found = [line for line in first if line.size >= 0.97 * largest]
    at = lines.index(found[0])
    together = list(lines[at : at + len(found)]) == found
    above = _size(lines[:at])
    fits = above <= _ABOVE_TITLE and 3 <= _size(found) <= _LONGEST_HEADING and _has_words(found)
    alike = [line for line in lines[at + len(found) :] if abs(line.size - largest) < 0.03 * largest]
    alone = len(alike) < 2 or len(first) <= _TITLE_PAGE
    return found if fits and together and largest >= BIGGER * look.size and alone else []


def _by_entries(lines: Sequence[Line], entries: Sequence[Entry]) -> dict[Line, int]:
    """Find the lines that a table of contents names, on the page that it names."""
    levels: dict[Line, int] = {}
    pages = {page: list(some) for page, some in groupby(lines, key=lambda line: line.page)}
    for entry in entries:
        wanted = _letters(entry.title)
        page = pages.get(entry.page, []) if wanted else []
        spelled = [found for found in (_spelled(page, line, wanted) for line in page) if found]
        free = [found for found in spelled if not any(line in levels for line in found)]
        if free:  # what is named may be quoted on its page too: the heading is the larger
            largest: list[Line] = max(free, key=lambda found: found[0].size)
            levels |= dict.fromkeys(largest, min(entry.level, 6))
    return levels


def _spelled(page: Sequence[Line], first: Line, wanted: str) -> list[Line]:
    """Return up to three lines from `first` on that spell a title, whether or not a number stands before it."""
    at = page.index(first)
    for count in (1, 2, 3):
        found = list(page[at : at + count])
        letters = "".join(_letters(line.text) for line in found)
        before = letters.removesuffix(wanted)
        if letters.endswith(wanted) and (
            not before or re.fullmatch(r"(?:chapter|part|section|appendix)?[\d.a-z]{0,6}", before)
        ):
            return found
        if not wanted.startswith(letters.lstrip("0123456789")[: len(wanted)]):
            return []
    return []


def _letters(text: str) -> str:
    return "".join(filter(str.isalnum, text)).casefold()


def _by_size(lines: Sequence[Line], look: _Type) -> dict[Line, int]:
    """Take what is printed clearly larger than most for headings, if it is less than a tenth of the text."""
    large = [line for line in lines if line.size >= BIGGER * look.size]
    if _size(large) * 10 > _size(lines):
        return {}
    groups = [some for some in _runs(large, lines) if _has_words(some) and _size(some) <= _LONGEST_HEADING]
    groups = _with_text_below(groups, lines)
    sizes = sorted({round(some[0].size) for some in groups}, reverse=True)
    return {line: min(sizes.index(round(some[0].size)) + 1, 6) for some in groups for line in some}


def _with_text_below(groups: Sequence[list[Line]], lines: Sequence[Line]) -> list[list[Line]]:
    """Keep the headings that have text or smaller headings right below them: names under a title have their like."""
    places = {line: at for at, line in enumerate(lines)}
    kept = []
    alone = True
    for some, after in zip_longest(groups, groups[1:]):
        followed = after is not None and places[after[0]] == places[some[-1]] + 1
        smaller = after is not None and after[0].size < 0.97 * some[0].size
        if (not followed or smaller) and alone:
            kept.append(some)
        alone = not followed or smaller
    return kept


def _size(lines: Iterable[Line]) -> int:
    return sum(len(line.text) for line in lines)


def _runs(large: Sequence[Line], lines: Sequence[Line]) -> Iterator[list[Line]]:
    """Yield the large lines, those of one heading together."""
    places = {line: at for at, line in enumerate(lines)}
    run: list[Line] = []
    for line in large:
        if run and not (places[line] == places[run[-1]] + 1 and _belongs(run[-1], line)):
            yield run
            run = []
        run.append(line)
    if run:
        yield run


def _belongs(above: Line, line: Line) -> bool:
    """Whether a large line goes on with the one above it: of the same size, right below it."""
    return above.page == line.page and _alike(above.size, line.size) and 0 < above.y - line.y <= 1.5 * line.size


def _has_words(lines: Iterable[Line]) -> bool:
    return any(re.search(r"[^\W\d_]{2}", line.text) for line in lines)


# --- paragraphs


def _paragraphs(
    lines: Sequence[Line], levels: dict[Line, int], look: _Type, edges: dict[Line, float]
) -> Iterator[list[Line]]:
    """Yield lines in groups that are a paragraph, a heading, or lines that stand under one another."""
    some: list[Line] = [lines[0]]
    for line in lines[1:]:
        if _begins(some, line, levels, look, edges):
            yield some
            some = []
        some.append(line)
    yield some


def _edges(lines: Sequence[Line]) -> dict[Line, float]:
    """Return for each line where its column ends: as far to the right as nine of ten lines reach that begin near it."""
    edges: dict[Line, float] = {}
    for _, group in groupby(lines, key=lambda line: line.page):
        some = list(group)
        if len(some) > _MOST_LINES:
            edges |= dict.fromkeys(some, max(line.right for line in some))
            continue
        reach = 0.2 * (max(line.right for line in some) - min(line.left for line in some))
        for line in some:
            rights = sorted(other.right for other in some if abs(other.left - line.left) <= reach)
            edges[line] = rights[len(rights) * 9 // 10]
    return edges


def _begins(some: Sequence[Line], line: Line, levels: dict[Line, int], look: _Type, edges: dict[Line, float]) -> bool:
    """Tell whether a line begins a paragraph, or goes on with the lines before it."""
    above = some[-1]
    if line in levels or above in levels:
        return not (levels.get(line) == levels.get(above) and _belongs(above, line))
    if above.broken or _side_by_side(above, line, look):
        return False
    stops = _room(above, line, edges) > above.size / 2
    if _BULLET.match(line.text) or (_NUMBER.match(line.text) and stops) or not _alike(above.size, line.size):
        return True
    if above.page != line.page or line.y >= above.y:  # the next page or column
        return stops or _ENDED.search(above.text) is not None
    if above.y - line.y > 1.2 * look.leading * max(line.size, look.size * 0.9):
        return True
    return _is_set_off(some, line) or (stops and _ENDED.search(above.text) is not None)


def _is_set_off(some: Sequence[Line], line: Line) -> bool:
    """Whether a line begins further right or left than a paragraph with these lines before it would go on."""
    above = some[-1]
    indent = line.left - above.left
    if len(some) == 1 and (_BULLET.match(above.text) or _NUMBER.match(above.text)):
        return indent < -line.size / 2  # an item of a list hangs
    if indent < -line.size * 0.6:
        return len(some) > 1  # a first line is indented
    return indent > line.size * 0.6 and _ENDED.search(above.text) is not None


def _side_by_side(one: Line, other: Line, look: _Type) -> bool:
    """Whether two lines are parts of one, as where an exponent stands between them."""
    near = -1 <= other.left - one.right <= look.size and abs(one.y - other.y) < 0.7 * look.size
    return near and one.page == other.page and one.size <= 1.5 * look.size


def _room(above: Line, line: Line, edges: dict[Line, float]) -> float:
    """Return how much of a line's column would be left, had the first word of the next line been set into it.

    Where that is much, the line ends before its column does: a paragraph is over, or the lines stand by themselves.
    """
    width = (line.right - line.left) / max(len(line.text), 1)
    return edges[above] - above.right - width * (len(line.text.split(" ", 1)[0]) + 1)


def _joint(line: Line, after: Line | None, look: _Type, edges: dict[Line, float]) -> str:
    """Return what stands between a line and the next of its paragraph: a line of code or verse stays one."""
    if after is None:
        return ""
    if line.broken:
        return _hyphen(line.text, after.text, look)
    if _side_by_side(line, after, look):
        return "" if after.left - line.right < 0.2 * look.size else " "
    return "\n" if _room(line, after, edges) > 0.2 * (edges[line] - line.left) else " "


def _hyphen(above: str, below: str, look: _Type) -> str:
    """Return the hyphen of a word that is parted, or nothing where it was only put there by the printer.

    The document itself decides, where it has the word elsewhere; else a hyphen goes from between small letters.
    """
    left = re.search(r"[^\W_]+(?:-[^\W_]+)*$", above)
    right = re.match(r"[^\W_]+", below)
    if left is None or right is None:
        return "-"
    head, tail = left[0].casefold(), right[0].casefold()
    if head.rpartition("-")[2] + tail in look.words:
        return ""
    if f"{head}-{tail}" in look.words or f"{head.rpartition('-')[2]}-{tail}" in look.words:
        return "-"
    shouted = left[0].isupper() and right[0].isupper()
    return "" if left[0][-1].isalpha() and (right[0][0].islower() or shouted) else "-"
