"""Cut an article into passages: whole sentences, sized by the embedding model's own tokenizer. Pure.

llama-index's `SentenceSplitter` is not used here: it finds its chunks again by searching their text, so offsets are
wrong where a text repeats itself, and it cuts sentences; a citation stands or falls with both.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from index.records import INSIDE, Article, Passage, Span
from index.text.sentences import sentences

CONTEXT_SHARE = 4
"""Title and heading may use at most a quarter of what the model reads; the rest of them is cut off."""

Count = Callable[[Sequence[str]], list[int]]
"""Counts the word pieces of each text, special tokens not included."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A passage before it has a number: a slice of the article under a heading.

    `context` is what the model is told of title and heading, `embedded` all that it embeds.
    """

    start: int
    end: int
    heading: str
    context: str
    embedded: str


@dataclass(frozen=True, slots=True)
class Sizes:
    """`limit`: word pieces the model reads, special tokens off. `size`, `overlap`: the settings of the same name."""

    limit: int
    size: int
    overlap: int


def chunk(article: Article, *, count: Count, sizes: Sizes) -> list[Piece]:
    """Return the passages of `article`, in order.

    Every one holds whole sentences of one section (a sentence longer than a passage is cut between words, or between
    characters where it has no spaces), and with its context never exceeds `sizes.limit` word pieces. Together they
    hold every visible character that is not a heading.
    """
    pieces: list[Piece] = []
    for section in _sections(article):
        context = _context(article.title, section.heading, count=count, limit=sizes.limit)
        used = count([context])[0] if context else 0
        room = min(sizes.size, sizes.limit - used)
        units = _units(article.text, section.span, count=count, room=room)
        for span in _packed(units, room=room, overlap=sizes.overlap):
            text = span.of(article.text)
            pieces.append(Piece(span.start, span.end, section.heading, context, embedded_text(context, text)))
    over = max(count([piece.embedded for piece in pieces]), default=0) - sizes.limit
    if over > 0 and sizes.size > 1:  # a tokenizer that counts the spaces between sentences too: leave them room
        smaller = min(sizes.size, sizes.limit * (CONTEXT_SHARE - 1) // CONTEXT_SHARE) - over
        return chunk(article, count=count, sizes=replace(sizes, size=max(smaller, sizes.size // 2, 1)))
    return pieces


def embedded_text(context: str, text: str) -> str:
    """Return what the model embeds of a passage: its title and heading, a blank line, its text."""
    return f"{context}\n\n{text}" if context else text


def told(passage: Passage, *, count: Count, limit: int) -> str:
    """Return what a model that reads `limit` word pieces embedded of a passage, before it was stored."""
    return embedded_text(_context(passage.article.title, passage.heading, count=count, limit=limit), passage.text)


@dataclass(frozen=True, slots=True)
class _Section:
    span: Span
    heading: str


@dataclass(frozen=True, slots=True)
class _Unit:
    """A sentence, or a part of one that is too long, with its word pieces."""

    span: Span
    pieces: int


def _sections(article: Article) -> Iterator[_Section]:
    """Yield the stretches between headings; a heading's path leads from the outermost to itself."""
    path: list[tuple[int, str]] = []
    start = 0
    for heading in article.headings:
        yield _Section(Span(start, heading.start), INSIDE.join(words for _, words in path))
        path = [(level, words) for level, words in path if level < heading.level]
        path.append((heading.level, heading.of(article.text)))
        start = heading.end
    yield _Section(Span(start, len(article.text)), INSIDE.join(words for _, words in path))


def _context(title: str, heading: str, *, count: Count, limit: int) -> str:
    """Join title and heading, dropping words from the end until they fit into their share of what the model reads."""
    room = limit // CONTEXT_SHARE
    words = " · ".join(part for part in (title, heading) if part).split()
    while words and count([" ".join(words)])[0] > room:
        words = words[: max(1, len(words) * 3 // 4)] if len(words) > 1 else []
    return " ".join(words)


def _units(text: str, section: Span, *, count: Count, room: int) -> list[_Unit]:
    spans = [span.moved(section.start) for span in sentences(section.of(text))]
    counts = count([span.of(text) for span in spans])
    units: list[_Unit] = []
    for span, pieces in zip(spans, counts, strict=True):
        units += [_Unit(span, pieces)] if pieces <= room else _parts(text, span, count=count, room=room)
    return units


def _parts(text: str, span: Span, *, count: Count, room: int) -> Iterator[_Unit]:
    """Halve a stretch near its middle, at a space where it has one, until each part fits."""
    pieces = count([span.of(text)])[0]
    if pieces <= room or len(span) < 2:
        yield _Unit(span, min(pieces, room))
        return
    cut = _cut(text, span)
    for part in (_trim(text, span.start, cut), _trim(text, cut, span.end)):
        if part is not None:
            yield from _parts(text, part, count=count, room=room)


def _cut(text: str, span: Span) -> int:
    middle = (span.start + span.end) // 2
    spaces = [at for at in (text.rfind(" ", span.start + 1, middle), text.find(" ", middle, span.end - 1)) if at > 0]
    return min(spaces, key=lambda at: abs(at - middle)) if spaces else middle


def _trim(text: str, start: int, end: int) -> Span | None:
    words = text[start:end]
    left = len(words) - len(words.lstrip())
    return Span(start + left, start + left + len(words.strip())) if words.strip() else None


def _packed(units: Sequence[_Unit], *, room: int, overlap: int) -> Iterator[Span]:
    """Yield runs of neighbouring units that fill passages evenly, each sharing `overlap` units with the one before."""
    if not units:
        return
    total = sum(unit.pieces for unit in units)
    target = total / -(-total // room) if total else room
    starts = [0]
    filled = 0
    for at, unit in enumerate(units):
        if filled and (filled + unit.pieces > room or filled + unit.pieces / 2 > target):
            starts.append(at)
            filled = 0
        filled += unit.pieces
    for start, end in pairwise([*starts, len(units)]):
        first = _with_overlap(units, start, end, room=room, overlap=overlap)
        yield Span(units[first].span.start, units[end - 1].span.end)


def _with_overlap(units: Sequence[_Unit], start: int, end: int, *, room: int, overlap: int) -> int:
    """Return where a passage that is about units[start:end] begins when it may share units with the one before."""
    filled = sum(unit.pieces for unit in units[start:end])
    for _ in range(overlap):
        if start == 0 or filled + units[start - 1].pieces > room:
            break
        start -= 1
        filled += units[start].pieces
    return start
