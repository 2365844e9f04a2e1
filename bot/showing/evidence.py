"""What stands behind an answer, as a message that takes the place of it: a passage with more around it, or the reasons.

Pure: what the article says today is handed to it.
"""

from dataclasses import dataclass, replace

from bot import words
from bot.store.kept import Kept
from bot.text import render
from bot.text.render import Block, Run
from index.records import Article, Citation, Span
from index.truth.ledger import digest_of

STEP = 800
"""Characters that one tap on "more" adds: a paragraph or two."""

ASKED = 400
"""UTF-16 code units of a question among the reasons, which are to be read with it in one message."""

MOST = 3_200
"""UTF-16 code units of an article shown at once: with the title and the lines around it a message holds 4,096."""


@dataclass(frozen=True, slots=True)
class Window:
    """How much is shown around a passage, in taps on "more before" and "more after"."""

    before: int = 0
    after: int = 0


@dataclass(frozen=True, slots=True)
class View:
    """A message about a passage, and whether there is more to show before and after it."""

    html: str
    more_before: bool
    more_after: bool


def passage(kept: Kept, number: int, today: Article | None, window: Window) -> View:
    """Show the passage that has the citation `number`, with its cited words in bold.

    `today` is the article as it is now, or None where it is gone. Where it is not what it was, the words of that time
    are shown, which the journal has kept, and it is said.

    Raises:
        LookupError: the answer has no such citation.
    """
    citations = next((some for some in kept.answer.cited if any(one.number == number for one in some)), None)
    if citations is None:
        raise LookupError(number)
    place = kept.places[citations[0].number]
    stands = today is not None and digest_of(today) == place.digest
    whole = today.text if today is not None and stands else citations[0].article.text
    moved = place.start if stands else 0
    old = _core(whole, Span(moved, moved + len(citations[0].passage.text)), citations[0], moved)
    shown = _grown(whole, old, window)
    blocks = [
        render.title(citations, kept.links, placed=False),
        *_place(citations[0]),
        _quote(whole, shown, citations, moved),
        *_notes(today, stands=stands),
    ]
    wider = (
        _grown(whole, old, Window(window.before + 1, window.after)),
        _grown(whole, old, Window(window.before, window.after + 1)),
    )
    before, after = (stands and len(one) > len(shown) and render.units(one.of(whole)) <= MOST for one in wider)
    return View(render.messages(blocks)[0], before, after)


def why(kept: Kept, made_at: str) -> str:
    """Show what an answer rests on; `made_at` says when its articles were read, where that is still known."""
    answer = kept.answer
    asked = replace(
        answer,
        question=render.cut(answer.question, ASKED),
        understood=render.cut(answer.understood, ASKED),
        missing=tuple(render.cut(part, ASKED // 2) for part in answer.missing[:2]),
        unasked=tuple(render.cut(part, ASKED // 2) for part in answer.unasked[:2]),
    )
    blocks = [*render.paragraphs(words.why(asked, made_at))]
    for one in answer.judged:
        article = one.passage.article
        blocks.append(
            Block((Run(f"{one.probability:.2f} · "), Run(render.cut(" ".join(one.text.split()), 300)), *_of(article)))
        )
    return render.messages(blocks)[0]


def _of(article: Article) -> tuple[Run, ...]:
    return Run(" – "), render.name(article, 100)


def _place(citation: Citation) -> list[Block]:
    """Return the line that says where the passage stands: the page, and the whole path of headings."""
    page, heading = citation.page, citation.passage.heading
    parts = [words.on_page(page)] if page is not None else []
    parts += [words.in_section(render.cut(heading, 200))] if heading else []
    return [Block((Run(" · ".join(parts)),), close=True)] if parts else []


def _notes(today: Article | None, *, stands: bool) -> list[Block]:
    if stands:
        return []
    return list(render.paragraphs(words.ARTICLE_GONE if today is None else words.ARTICLE_CHANGED))


def _quote(whole: str, shown: Span, citations: tuple[Citation, ...], moved: int) -> Block:
    runs = render.marked(whole, shown, citations, moved=moved)
    ends = ("… " if shown.start > 0 else "", " …" if shown.end < len(whole) else "")
    runs[0] = Run(ends[0] + runs[0].text.lstrip())
    runs[-1] = Run(runs[-1].text.rstrip() + ends[1])  # each citation has text before and after it, if none
    return Block(tuple(run for run in runs if run.text), quoted=True, close=True)


def _core(whole: str, old: Span, citation: Citation, moved: int) -> Span:
    """Return what is shown at first: the passage, or of one that no message holds what is around the cited words."""
    if render.units(old.of(whole)) <= MOST:
        return old
    start = citation.start + moved
    end = start + len(render.beginning(whole[start : citation.end + moved], MOST // 2))
    before, after = whole[old.start : start], whole[end : old.end]
    room = render.AROUND // 2
    return Span(start - len(render.ending(before, room)), end + len(render.beginning(after, room)))


def _grown(whole: str, span: Span, window: Window) -> Span:
    """Return a stretch with so much more before and after, from a space to a space."""
    start, end = max(0, span.start - window.before * STEP), min(len(whole), span.end + window.after * STEP)
    if window.before and start > 0:
        space = whole.find(" ", start, span.start)
        start = space + 1 if space >= 0 else start
    if window.after and end < len(whole):
        space = whole.rfind(" ", span.end, end)
        end = space if space >= 0 else end
    return Span(start, end)
