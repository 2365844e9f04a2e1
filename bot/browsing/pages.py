"""Articles as pages that fit a message, and the lists that lead to them, with their buttons. Pure.

What a button sends holds the shelfmark of an article or outlet, which any process finds again in any revision, and
where one came from, for the way back. At most 64 bytes.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from telegram import InlineKeyboardButton, InlineKeyboardMarkup

from bot import words
from bot.showing import buttons
from bot.showing.evidence import MOST
from bot.text import render
from bot.text.render import Block, Run
from index.articles.acquire import Supply
from index.browsing.shelfmark import MARK, shelfmark
from index.records import Article, ArticleId, Outlet, Passage, Span, Version
from index.truth.draft import VERSIONS

PAGE = 8
"""Articles or outlets on a page of a list: about a phone's screen."""

HEADINGS = 60
"""Headings on a page of an article, all in bold: Telegram forgets what is formatted after the 100th stretch."""

COPIES = 3
"""Outlets that are named beside an article because they published its story too; the others are counted."""

ORIGINS = 12
"""Sources that are shown an admin: with their reasons so many fit a message."""

CHANGES = 3
"""Changes of an article whose days are named: a page that changes daily has twenty of them."""

LATEST = rf"^latest:(\d{{1,6}}):({MARK})?$"
"""A page of the newest articles: of all, or of the outlet with that mark."""

SOURCES = rf"^sources:(?:(\d{{1,6}})|of:({MARK}))$"
"""A page of the outlets, by its number or by an outlet that stands on it."""

FOUND = r"^found$"
"""What was found by title, again: the words stand in the message that the list replies to."""

ARTICLE = rf"^article:({MARK}):(\d{{1,5}}):([0-9a-f]{{6}})?:(s|l\d{{1,6}}\.(?:{MARK})?)?$"
"""A page of an article, how the article was when the button was made, and where one came from."""

WHOLE = rf"^x:({buttons.ID}):(\d{{1,2}}):(\d{{1,2}}):(\d{{1,2}})(?::(\d{{1,5}}):([0-9a-f]{{6}}))?$"
"""A page of the article of a citation, and how it was; without one, the page where the cited words stand."""

FROM_SEARCH = "s"

REMOVE = rf"^remove:ask:({MARK})$"
"""Ask whether an article shall be removed."""


@dataclass(frozen=True, slots=True)
class View:
    """A message, and what pops up with it; `article` is the one that it is a page of."""

    html: str
    buttons: InlineKeyboardMarkup | None = None
    note: str = ""
    article: ArticleId | None = None


def cut(article: Article, passages: Sequence[Passage], *, most: int = MOST) -> list[Span]:
    """Return the pages of an article: stretches of its whole text of at most `most` UTF-16 code units each, in order.

    A page begins with a passage, or with the headings above one; only passages that fit no page are cut, at a space if
    there is one.
    """
    pages: list[Span] = []
    headings = [heading.start for heading in article.headings]
    for piece in _pieces(article, passages, most):
        page = Span(pages[-1].start, piece.end) if pages else piece
        bold = bisect_left(headings, page.end) - bisect_left(headings, page.start)
        if pages and bold <= HEADINGS and render.units(page.of(article.text)) <= most:
            pages[-1] = page
        else:
            pages.append(piece)
    return pages or [Span(0, 0)]


def page_of(pages: Sequence[Span], at: int) -> int:
    """Return the number of the page that holds a place in the text, counted from 0; the last one for any behind it."""
    return next((number for number, page in enumerate(pages) if at < page.end), len(pages) - 1)


def article(
    whole: Article,
    passages: int,
    pages: Sequence[Span],
    number: int,
    *,
    copies: Sequence[Article] = (),
    history: Sequence[Version] = (),
) -> str:
    """Show a page of an article that has so many passages, who published its story too, and what it was before."""
    aside = (render.cut(whole.source, 100), words.day(whole.date), words.passages(passages))
    others = dict.fromkeys(render.cut(other.source or other.title or other.id, 60) for other in copies)
    blocks = [
        Block((Run(render.cut(whole.title or whole.id, 240), bold=True, link=_link(whole)),)),
        Block((Run(" · ".join(filter(None, aside))),), close=True),
        Block((Run(words.also_published(list(others), most=COPIES)),), close=True),
        Block((Run(words.versions(history, most=CHANGES, kept=VERSIONS)),), close=True),
        Block((Run(_called_before(whole, history)),), close=True),
        Block(tuple(_set(whole, pages[number])), quoted=True),
    ]
    return render.messages(blocks)[0]


def around(pages: int, number: int, turn: Callable[[int], str], back: str) -> InlineKeyboardMarkup | None:
    """Return the buttons of a page: what `turn` says of a page is what its button sends, `back` what leads away."""
    rows = [*_arrows(number, pages - 1, turn, (words.PAGE_BACK_BUTTON, words.PAGE_ON_BUTTON))]
    if back:
        rows.append([_button(words.BACK_BUTTON, back)])
    return InlineKeyboardMarkup(rows) if rows else None


def removable(view: View, mark: str) -> View:
    """Return a page of the article with that shelfmark with a button that asks whether it shall be removed."""
    rows = view.buttons.inline_keyboard if view.buttons else ()
    row = [_button(words.REMOVE_BUTTON, f"remove:ask:{mark}")]
    return replace(view, buttons=InlineKeyboardMarkup([*rows, row]))


def opened(mark: str, number: int, digest: str, origin: str) -> str:
    """Return the data of a button that shows a page of the article with that shelfmark."""
    return f"article:{mark}:{number}:{digest[:6]}:{origin}"


def whole(way: str, number: int, digest: str) -> str:
    """Return the data of a button that shows a page of the article of a citation; `way` leads to its evidence."""
    return f"x:{way}:{number}:{digest[:6]}"


def way_back(origin: str) -> str:
    """Return the data of the button that leads back to the list one came from; nothing where it was none."""
    if origin == FROM_SEARCH:
        return "found"
    page, _, outlet = origin.removeprefix("l").partition(".")
    return latest(int(page), outlet) if page else ""


def latest(number: int, outlet: str = "") -> str:
    """Return the data of a button that shows a page of the newest articles of all, or of the outlet with a mark."""
    return f"latest:{number}:{outlet}"


def articles(
    shown: Sequence[Article], mark: Callable[[Article], str], *, number: int, total: int, outlet: Outlet | None = None
) -> View:
    """Show page `number` of `total` articles, those of one outlet or of all."""
    of = shelfmark(outlet.name) if outlet else ""
    first, last = number * PAGE + 1, max(0, (total - 1) // PAGE)
    rows = [
        *_numbers([opened(mark(one), 0, "", f"l{number}.{of}") for one in shown], first),
        *_arrows(number, last, lambda page: latest(page, of), (words.NEWER_BUTTON, words.OLDER_BUTTON)),
    ]
    if outlet:
        rows.append([_button(words.BACK_BUTTON, f"sources:of:{of}")])
    heading = render.cut(_called(outlet), 200) if outlet else ""
    return View(render.sources(shown, first=first, heading=heading), InlineKeyboardMarkup(rows))


def found(sought: str, shown: Sequence[Article], mark: Callable[[Article], str]) -> View:
    """Show the articles that were found by words of their titles."""
    if not shown:
        return View(render.text(words.no_such_title(render.cut(sought, 200)))[0])
    data = [opened(mark(one), 0, "", FROM_SEARCH) for one in shown]
    return View(render.sources(shown, first=1, heading=words.FOUND_TITLES), InlineKeyboardMarkup([*_numbers(data, 1)]))


def outlets(all_: Sequence[Outlet], number: int) -> View:
    """Show a page of the outlets; the last one where there are fewer by now."""
    last = max(0, (len(all_) - 1) // PAGE)
    number = min(number, last)
    first = number * PAGE
    shown = all_[first : first + PAGE]
    blocks = [_outlet(place, one) for place, one in enumerate(shown, start=first + 1)]
    rows = [
        *_numbers([latest(0, shelfmark(one.name)) for one in shown], first + 1),
        *_arrows(number, last, lambda page: f"sources:{page}", (words.PAGE_BACK_BUTTON, words.PAGE_ON_BUTTON)),
    ]
    return View(render.messages(blocks)[0], InlineKeyboardMarkup(rows))


def origins(found: Sequence[Supply]) -> str:
    """Show an admin where the articles come from, what fails before what does not."""
    shown = sorted(found, key=lambda one: not one.fails)[:ORIGINS]
    blocks = [Block((Run(words.ORIGINS, bold=True),))]
    for one in shown:
        aside = render.cut(words.origin(one), MOST // ORIGINS)
        blocks.append(Block((Run(words.origin_called(one), bold=True), Run(f" · {aside}"))))
    if rest := len(found) - len(shown):
        blocks.append(Block((Run(words.other_origins(rest)),)))
    return render.messages(blocks)[0]


def _outlet(place: int, outlet: Outlet) -> Block:
    dates = words.from_to(outlet.first, outlet.last)
    aside = "".join(f" · {part}" for part in (words.articles(outlet.articles), dates) if part)
    return Block((Run(f"{place}. "), Run(render.cut(_called(outlet), 200), bold=True), Run(aside)))


def _called(outlet: Outlet) -> str:
    return outlet.name or words.NO_OUTLET


def _called_before(whole: Article, history: Sequence[Version]) -> str:
    """Say how the version before was called, where that is something else."""
    if not history or history[0].title in ("", whole.title):
        return ""
    return words.was_called(render.cut(history[0].title, 60), history[0].replaced_at)


def _link(whole: Article) -> str:
    return whole.url if len(whole.url) <= render.LONGEST_LINK else ""


def _set(whole: Article, page: Span) -> Iterator[Run]:
    """Yield the text of a page, its headings in bold."""
    text, at = whole.text, page.start
    end = page.start + len(page.of(text).rstrip())
    at += len(page.of(text)) - len(page.of(text).lstrip())
    for heading in whole.headings:
        start, stop = max(at, heading.start), min(end, heading.end)
        if start < stop:
            yield from (Run(text[at:start]), Run(text[start:stop], bold=True))
            at = stop
    yield Run(text[at:end])


def _pieces(whole: Article, passages: Sequence[Passage], most: int) -> Iterator[Span]:
    """Yield the text in pieces that each begin where a passage does, and in parts of those that no page holds."""
    headings = [heading.start for heading in whole.headings]
    begins = {_above(whole, headings, passage.start) for passage in passages}
    ends = [*sorted(begins - {0}), len(whole.text)]
    start = 0
    for end in ends:
        while start < end:
            stop = _fitting(whole.text, Span(start, end), most)
            yield Span(start, stop)
            start = stop


def _above(whole: Article, headings: Sequence[int], start: int) -> int:
    """Return where the headings begin that stand directly above a place; the place itself where there are none."""
    for heading in whole.headings[bisect_left(headings, start) - 1 :: -1] if headings else ():
        if heading.end > start or whole.text[heading.end : start].strip():
            break
        start = heading.start
    return start


def _fitting(text: str, span: Span, most: int) -> int:
    """Return the end of the longest beginning of a stretch that has at most `most` code units, at a space if near."""
    end = min(span.end, span.start + most)
    while (beyond := render.units(text[span.start : end]) - most) > 0:
        end -= (beyond + 1) // 2
    if end == span.end:
        return end
    space = max(text.rfind(" ", span.start, end), text.rfind("\n", span.start, end))
    return space + 1 if space > end - 200 and space > span.start else end


def _numbers(data: Sequence[str], first: int) -> Iterator[list[InlineKeyboardButton]]:
    """Yield rows of buttons with the numbers of what stands above; four in a row where those have four digits."""
    row = [_button(str(number), one) for number, one in enumerate(data, start=first)]
    wide = buttons.A_ROW if first + len(row) <= 1_000 else buttons.A_ROW // 2
    yield from (row[at : at + wide] for at in range(0, len(row), wide))


def _arrows(
    number: int, last: int, turn: Callable[[int], str], labels: tuple[str, str]
) -> Iterator[list[InlineKeyboardButton]]:
    """Yield the row that turns pages, where there are several."""
    if last > 0:
        back, on = labels
        places = ((back, number - 1), (words.page(number + 1, last + 1), number), (on, number + 1))
        yield [_button(label, turn(page)) for label, page in places if 0 <= page <= last]


def _button(label: str, data: str) -> InlineKeyboardButton:
    return InlineKeyboardButton(label, callback_data=data)
