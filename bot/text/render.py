"""Turn answers into Telegram messages. Pure; knows Telegram's HTML and its limits, and no network.

Text is split by block before it is rendered, so a tag is never cut; lengths are UTF-16 code units after parsing, as
Telegram counts them.
"""

import html
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from bot import words
from index.records import Answer, Article, Citation, Passage, Span

LIMIT = 4_096
"""Longest message, in UTF-16 code units after parsing."""

ENTITIES = 90
"""Formatted stretches a message; Telegram drops those after the 100th, and finds some (urls, hashtags) by itself."""

LONGEST_LINK = 1_500
"""Characters of an address that is made a link; Telegram refuses a message of more than 32 KiB, markup included."""

PLACE = 60
"""UTF-16 code units of a section's name on the line of a source, which is to stay one; most headings are shorter."""

AROUND = 1_000
"""Characters of a passage shown before and after the cited words; passages of models that read more are cut there."""


@dataclass(frozen=True, slots=True)
class Run:
    """A stretch of text in one style."""

    text: str
    bold: bool = False
    link: str = ""

    def html(self) -> str:
        """Return it as Telegram's HTML."""
        shown = html.escape(self.text)
        if self.link:
            shown = f'<a href="{html.escape(self.link)}">{shown}</a>'
        return f"<b>{shown}</b>" if self.bold else shown


@dataclass(frozen=True, slots=True)
class Block:
    """A paragraph, or an expandable quote. `close` blocks follow the one before without a blank line."""

    runs: tuple[Run, ...]
    quoted: bool = False
    close: bool = False

    @property
    def length(self) -> int:
        """Length as Telegram counts it."""
        return sum(units(run.text) for run in self.runs)

    @property
    def entities(self) -> int:
        """How many formatted stretches it has."""
        return self.quoted + sum(run.bold + bool(run.link) for run in self.runs)

    def html(self) -> str:
        """Return it as Telegram's HTML."""
        inner = "".join(run.html() for run in self.runs)
        return f"<blockquote expandable>{inner}</blockquote>" if self.quoted else inner


def answer(value: Answer, *, links: Mapping[int, str] | None = None, short: bool = False) -> list[str]:
    """Return the messages of an answer: the claims, then each cited passage with the claim's words in bold.

    Above them stands how the question was completed, where it was. `links` are addresses by the number of a citation,
    in place of that of its article. A `short` answer has no passages, only the lines that name them.
    """
    understood = [_plain(line) for line in words.understood(value)]
    if not value.answered:
        return messages([*understood, *_abstention(value)])
    claims = [_plain(words.claim(claim)) for claim in value.claims]
    notes = [_plain(note) for note in words.notes(value)]
    shown = (block for citations in value.cited for block in _source(citations, links or {}, short=short))
    return messages([*understood, *claims, *notes, *shown])


def after(line: str, rest: list[str], *, alone: bool = True) -> list[str]:
    """Return messages with a line before them: in the first of them if it fits in there, else as one of its own.

    Where it must not stand `alone`, it is left out.
    """
    before = text(line)
    if not before:
        return rest
    first = f"{before[-1]}\n\n{rest[0]}"
    if _shown_units(first) <= LIMIT:
        return [*before[:-1], first, *rest[1:]]
    return [*before, *rest] if alone else rest


def text(value: str) -> list[str]:
    """Return the messages of plain text; its blank lines part the blocks."""
    return messages(paragraphs(value))


def paragraphs(value: str) -> Iterator[Block]:
    """Yield the blocks of plain text, which its blank lines part."""
    return (_plain(part) for part in re.split(r"\n{2,}", value))


def sources(articles: Sequence[Article], *, first: int, heading: str = "") -> str:
    """Return one page of the list of articles, numbered from `first`."""
    blocks = [Block((Run(heading, bold=True),))]
    for number, article in enumerate(articles, start=first):
        blocks.append(Block((Run(f"{number}. "), name(article, 200), Run(_aside(article)))))
    return messages(blocks)[0]


def messages(blocks: Iterable[Block]) -> list[str]:
    """Pack blocks into as few messages as their order allows, each within Telegram's limits."""
    packed: list[str] = []
    current, length, entities = "", 0, 0
    for block in blocks:
        for part in _parts(block):
            gap = ("\n" if part.close else "\n\n") if current else ""
            if current and (length + len(gap) + part.length > LIMIT or entities + part.entities > ENTITIES):
                packed.append(current)
                current, length, entities, gap = "", 0, 0, ""
            current += gap + part.html()
            length += len(gap) + part.length
            entities += part.entities
    return [*packed, current] if current else packed


def units(value: str) -> int:
    """Count UTF-16 code units."""
    return len(value.encode("utf-16-le", "surrogatepass")) // 2


def _shown_units(markup: str) -> int:
    """Count those that are left of our HTML once it is parsed: addresses of links are not, and they are long."""
    return units(html.unescape(re.sub(r"<[^>]+>", "", markup)))


def _abstention(value: Answer) -> Iterator[Block]:
    yield from (_plain(line) for line in (*words.abstention(value), words.period(value)))
    if value.nearest:
        yield _plain(words.NEAREST)
    for article in value.nearest:
        yield Block((Run("• "), name(article, 200), Run(_aside(article))), close=True)


def _source(citations: Sequence[Citation], links: Mapping[int, str], *, short: bool) -> Iterator[Block]:
    """Yield the title line of a cited passage, and the passage with all that is cited of it in bold."""
    passage = citations[0].passage
    yield title(citations, links)
    if short:
        return
    runs = marked(passage.article.text, passage, citations)
    first, last = runs[0], runs[-1]
    runs[0], runs[-1] = Run(_end_of(first.text)), Run(_beginning_of(last.text))
    yield Block(tuple(run for run in runs if run.text), quoted=True, close=True)


def title(citations: Sequence[Citation], links: Mapping[int, str], *, placed: bool = True) -> Block:
    """Return the line that names the source of citations of one passage, linked to the first of them.

    `placed`: with the page or section that it stands on.
    """
    article, first = citations[0].article, citations[0].number
    numbers = "".join(f"[{citation.number}]" for citation in citations)
    place = words.place(citations[0]) if placed else ""
    return Block((Run(f"{numbers} "), name(article, 300, links.get(first, article.url)), Run(_aside(article, place))))


def named(passage: Passage, link: str) -> Block:
    """Return the line that names where a passage stands, linked to an address if there is one."""
    return Block((name(passage.article, 300, link), Run(_aside(passage.article, words.place(passage)))))


def marked(value: str, window: Span | Passage, citations: Sequence[Citation], *, moved: int = 0) -> list[Run]:
    """Return a window of a text with what is cited in bold: first and last a run of what is around, perhaps empty.

    Citations are offsets into that text once `moved` so many characters further on.
    """
    runs: list[Run] = []
    at = window.start
    for citation in sorted(citations, key=lambda citation: citation.start):
        quote = Span(citation.start, citation.end).moved(moved)
        runs += [Run(value[at : quote.start]), Run(quote.of(value), bold=True)]
        at = quote.end
    return [*runs, Run(value[at : window.end])]


def _end_of(before: str) -> str:
    return before.lstrip() if len(before) <= AROUND else "… " + before[-AROUND:].partition(" ")[2]


def _beginning_of(after: str) -> str:
    return after.rstrip() if len(after) <= AROUND else after[:AROUND].rpartition(" ")[0] + " …"


def name(article: Article, most: int, link: str | None = None) -> Run:
    """Return the title of an article, linked to an address, by default its own; one too long for that is left out."""
    url = article.url if link is None else link
    return Run(cut(article.title or article.id, most), link=url if len(url) <= LONGEST_LINK else "")


def _aside(article: Article, place: str = "") -> str:
    parts = (cut(" ".join(place.split()), PLACE), cut(article.source, 100), words.day(article.date))
    return "".join(f" · {part}" for part in parts if part)


def _plain(value: str) -> Block:
    return Block((Run(value),))


def cut(value: str, most: int) -> str:
    """Return a text of at most so many UTF-16 code units, with a sign where something is missing."""
    return value if units(value) <= most else beginning(value, most - 1) + "…"


def beginning(value: str, most: int) -> str:
    """Return the longest beginning of at most so many UTF-16 code units."""
    return value.encode("utf-16-le", "surrogatepass")[: most * 2].decode("utf-16-le", "ignore")


def ending(value: str, most: int) -> str:
    """Return the longest end of at most so many UTF-16 code units."""
    whole = value.encode("utf-16-le", "surrogatepass")
    return whole[max(0, len(whole) - most * 2) :].decode("utf-16-le", "ignore")


def _parts(block: Block) -> Iterator[Block]:
    """Yield a block, or the blocks it must be cut into; nothing of one that has no visible character."""
    runs: list[Run] = []
    room = LIMIT
    close = block.close
    for run in block.runs:
        rest = run.text
        while units(rest) > room:
            head = _head(rest, room)
            if _visible([*runs, Run(head)]):
                yield Block((*runs, Run(head, run.bold, run.link)) if head else tuple(runs), block.quoted, close)
                close = False
            rest, runs, room = rest[len(head) :].lstrip(), [], LIMIT
        if rest:
            runs.append(Run(rest, run.bold, run.link))
            room -= units(rest)
    if _visible(runs):
        yield Block(tuple(runs), block.quoted, close)


def _visible(runs: Sequence[Run]) -> bool:
    return any(not run.text.isspace() for run in runs if run.text)


def _head(value: str, room: int) -> str:
    """Return the longest beginning of at most `room` code units, cut at a space where one is near the end."""
    low = beginning(value, room)
    space = max(low.rfind(" "), low.rfind("\n"))
    return low[: space + 1] if space > len(low) - 200 and space > 0 else low
