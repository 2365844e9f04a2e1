"""What inline mode offers for a question: the answer and the passages found, each a message that says all by itself.

Pure. No message has buttons, and none is journalled: whoever reads it may never have met the bot.
"""

from collections.abc import Iterator, Sequence

from telegram import InlineQueryResultArticle, InputTextMessageContent, LinkPreviewOptions
from telegram.constants import ParseMode

from bot import words
from bot.store.kept import links_of
from bot.text import render
from bot.text.render import Block, Run
from index.records import Answer, Article, Citation, Passage, Span

MOST = 5
"""Results of one question: a phone shows about as many without scrolling."""

TITLE, DESCRIPTION = 100, 200
"""Characters of the two lines that name a result; clients cut what is longer."""

SHOWN = 3_200
"""UTF-16 code units of a passage that a message holds at most: its title line is never longer than the rest."""


def results(answer: Answer) -> tuple[InlineQueryResultArticle, ...]:
    """Return up to MOST messages to choose from: what is answered, or that it is not; then the nearest passages."""
    links = links_of(answer)
    offered = [*_answer(answer, links), *_passages(answer, links)]
    return tuple(offered[:MOST])


def _answer(answer: Answer, links: dict[int, str]) -> Iterator[InlineQueryResultArticle]:
    """Yield the answer as a group would see it. One that no single message holds is left out, rather than cut."""
    messages = render.answer(answer, links=links, short=True)
    if len(messages) > 1:
        return
    if answer.answered:
        title, below = (
            answer.claims[0].text,
            words.byline(answer.citations[0].article, words.place(answer.citations[0])),
        )
    else:
        title, below = words.INLINE_REFUSAL, " · ".join(article.title or article.id for article in answer.nearest)
    yield _result("answer", title, below, messages[0])


def _passages(answer: Answer, links: dict[int, str]) -> Iterator[InlineQueryResultArticle]:
    cited = {citations[0].passage.id: citations for citations in answer.cited}
    for number, hit in enumerate(answer.hits[:MOST], start=1):
        passage, citations = hit.passage, cited.get(hit.passage.id, ())
        link = links.get(citations[0].number, "") if citations else passage.article.url
        blocks = [render.named(passage, link), _quote(passage, citations)]
        below = citations[0].quote if citations else passage.text
        yield _result(f"passage-{number}", _name(passage.article), below, render.messages(blocks)[0])


def _quote(passage: Passage, citations: Sequence[Citation]) -> Block:
    """Return a passage with what is cited of it in bold; of a long one only what is around that, or its beginning."""
    window = _window(passage, citations)
    inside = [one for one in citations if window.start <= one.start and one.end <= window.end]
    runs = render.marked(passage.article.text, window, inside)
    before, after = ("… " if window.start > passage.start else "", " …" if window.end < passage.end else "")
    first, *rest = runs
    runs = [Run(before + first.text.lstrip(), first.bold), *rest]
    *rest, last = runs
    runs = [*rest, Run(last.text.rstrip() + after, last.bold)]
    return Block(tuple(run for run in runs if run.text), quoted=True, close=True)


def _window(passage: Passage, citations: Sequence[Citation]) -> Span:
    whole = Span(passage.start, passage.end)
    if render.units(passage.text) <= SHOWN:
        return whole
    start = max(whole.start, citations[0].start - render.AROUND // 2) if citations else whole.start
    return Span(start, min(whole.end, start + SHOWN // 2))  # a character is at most two units


def _result(id_: str, title: str, below: str, html: str) -> InlineQueryResultArticle:
    content = InputTextMessageContent(
        html, parse_mode=ParseMode.HTML, link_preview_options=LinkPreviewOptions(is_disabled=True)
    )
    return InlineQueryResultArticle(id_, _line(title, TITLE), content, description=_line(below, DESCRIPTION))


def _name(article: Article) -> str:
    return article.title if article.title.strip() else article.id


def _line(text: str, most: int) -> str:
    return render.cut(" ".join(text.split()), most)
