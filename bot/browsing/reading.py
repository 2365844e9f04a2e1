"""Reading the articles: the newest, the outlets, one by its title, by a button or from what an answer cites."""

import logging
import re
from collections.abc import Callable

from telegram import Message, Update
from telegram.error import BadRequest
from telegram.ext import ContextTypes

from bot import words
from bot.access.gate import Gate, accessible
from bot.asking.answers import Answers
from bot.asking.questions import asked
from bot.browsing import pages
from bot.browsing.pages import PAGE, View
from bot.running.threads import Pool
from bot.sending.say import answer, edit, say
from bot.store.kept import Kept
from bot.text import render
from index.browsing.shelfmark import shelfmark
from index.errors import NotIndexed, SourceError
from index.library import Library
from index.records import Article, ArticleId, Span

MATCHES = 8
"""Articles found by a title: more would not fit in one row of buttons, and want another word."""

log = logging.getLogger(__name__)


class Reading:
    """Shows articles and what leads to them, always as they are now."""

    def __init__(self, library: Library, answers: Answers, gate: Gate, *, threads: Pool) -> None:
        """Look things up in `library`, on `threads`; `answers` knows which article a citation is of.

        Admins by `gate` see more.
        """
        self._library = library
        self._answers = answers
        self._gate = gate
        self._threads = threads

    async def latest(self, update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
        """Show the newest articles."""
        await self._say(update, context, lambda: self._articles(0, ""))

    async def sources(self, update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
        """Show who published the articles; to an admin also where they come from, and what fails of that."""
        await self._say(update, context, lambda: self._outlets(0))
        if update.message is not None and self._gate.is_admin(update):
            view = await self._look(update, lambda: View(pages.origins(self._library.sources())))
            await say(context.bot, update.message.chat_id, [view.html])

    async def article(self, update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
        """Show the article with these words in its title, or those of which one may be meant."""
        sought = asked(update.message.text or "") if update.message else ""
        await self._say(update, context, lambda: self._sought(sought), as_reply=True)

    async def turn(self, update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
        """Show a page of the newest articles, or of those of one outlet."""
        await self._turn(update, context, pages.LATEST, lambda number, of: self._articles(int(number), of or ""))

    async def turn_sources(self, update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
        """Show a page of the outlets."""
        await self._turn(update, context, pages.SOURCES, lambda number, of: self._outlets(int(number or 0), of or ""))

    async def open(self, update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
        """Show a page of an article."""
        await self._turn(
            update,
            context,
            pages.ARTICLE,
            lambda mark, number, digest, origin: self._opened(mark, int(number), digest or "", origin or ""),
        )

    async def found(self, update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
        """Show again what was found by a title: the words stand in the message that was replied to."""
        message = accessible(update.callback_query.message) if update.callback_query else None
        replied = message.reply_to_message if message else None
        sought = asked(replied.text or "") if replied else ""
        await self._turn(update, context, pages.FOUND, lambda: self._found_again(sought))

    async def whole(self, update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
        """Show a page of the article of a citation, in place of its evidence."""
        pressed = await self._answers.cited(update, pages.WHOLE)
        if pressed is None:
            return
        query, message, kept, said = pressed
        number, digest = int(said[4]) if said[4] else None, said[5] or ""
        view = await self._look(update, lambda: self._whole(kept, said[:4], number, digest))
        await answer(query, view.note, alert=not view.html)
        if view.html:
            await show(context, message, view)

    async def _say(
        self,
        update: Update,
        context: ContextTypes.DEFAULT_TYPE,
        look: Callable[[], View],
        *,
        as_reply: bool = False,
    ) -> None:
        message = update.message
        if message is not None:
            view = await self._look(update, look)
            reply_to = message.message_id if as_reply else None
            await say(context.bot, message.chat_id, [view.html], buttons=view.buttons, reply_to=reply_to)

    async def _turn(
        self, update: Update, context: ContextTypes.DEFAULT_TYPE, pattern: str, look: Callable[..., View]
    ) -> None:
        """Show in place of a message what its button says. Of a view without words only the note pops up."""
        query = update.callback_query
        said = query and re.match(pattern, query.data or "")
        if query is None or not said:
            return
        message = accessible(query.message)
        if message is None:
            await answer(query, words.TOO_OLD, alert=True)
            return
        view = await self._look(update, lambda: look(*said.groups()))
        await answer(query, view.note, alert=not view.html)
        if view.html:
            await show(context, message, view)

    async def _look(self, update: Update, look: Callable[[], View]) -> View:
        """Return what a look shows; an admin may remove the article that it shows, if anybody can here."""
        admin = self._gate.is_admin(update)
        return await self._threads.run(lambda: self._with_removal(_if_any(look)) if admin else _if_any(look))

    def _with_removal(self, view: View) -> View:
        if view.article is None:
            return view
        try:
            self._library.check_removal([view.article])
        except SourceError:  # a button that only says why it does nothing would be in the way of all that read
            return view
        return pages.removable(view, self._library.shelfmark(view.article))

    def _articles(self, number: int, of: str) -> View:
        """Return a page as it is now; the last one where the list has become shorter."""
        outlet = None
        if of:
            outlet = next((one for one in self._library.outlets() if shelfmark(one.name) == of), None)
            if outlet is None:
                return View("", note=words.OUTLET_NOT_HELD)
        revision = self._library.revision()
        total = outlet.articles if outlet else revision.articles if revision else 0
        number = min(number, max(0, (total - 1) // PAGE))
        source = outlet.name if outlet else None
        shown = self._library.newest(limit=PAGE, offset=number * PAGE, source=source)
        if not shown:
            raise NotIndexed(words.NO_ARTICLES)
        return pages.articles(shown, self._mark, number=number, total=total, outlet=outlet)

    def _outlets(self, number: int, of: str = "") -> View:
        all_ = self._library.outlets()
        if not all_:
            raise NotIndexed(words.NO_ARTICLES)
        if of:
            number = next((place for place, one in enumerate(all_) if shelfmark(one.name) == of), 0) // PAGE
        return pages.outlets(all_, number)

    def _sought(self, sought: str) -> View:
        if not sought.strip():
            return View(render.text(words.ARTICLE_HOW)[0])
        shown = self._library.titled(sought, limit=MATCHES)
        if len(shown) == 1:
            return self._opened(self._mark(shown[0]), 0, "", "")
        return pages.found(sought, shown, self._mark)

    def _found_again(self, sought: str) -> View:
        if not sought.strip():
            return View("", note=words.SEARCHED_LONG_AGO)
        return pages.found(sought, self._library.titled(sought, limit=MATCHES), self._mark)

    def _opened(self, mark: str, number: int, digest: str, origin: str) -> View:
        id_ = self._library.shelved(mark)
        return self._page(
            id_,
            digest,
            lambda _, cut: min(number, len(cut) - 1),
            turn=lambda page, now: pages.opened(mark, page, now, origin),
            back=pages.way_back(origin),
        )

    def _whole(self, kept: Kept, said: tuple[str, ...], number: int | None, digest: str) -> View:
        """Show a page of the article that a citation is of; at first the one with the cited words."""
        answer_id, cited, before, after = said
        citation = next((one for one in kept.answer.citations if one.number == int(cited)), None)
        if citation is None:
            return View("", note=words.NOT_THIS_ANSWER)
        way = f"{answer_id}:{cited}:{before}:{after}"

        def page(article: Article, cut: list[Span]) -> int:
            if number is not None:
                return min(number, len(cut) - 1)
            place = kept.places[citation.number]
            same = self._library.digest(article) == place.digest
            at = place.start + citation.start if same else max(0, article.text.find(citation.quote))
            return pages.page_of(cut, at)

        turn = lambda page, now: pages.whole(way, page, now)  # noqa: E731  it stands beside the way back
        return self._page(citation.article.id, digest, page, turn=turn, back=f"e:{way}")

    def _page(
        self,
        id_: ArticleId | None,
        digest: str,
        which: Callable[[Article, list[Span]], int],
        *,
        turn: Callable[[int, str], str],
        back: str,
    ) -> View:
        """Show a page of an article, and say so where it is not what it was when the button was made."""
        passages = self._library.passages_of(id_) if id_ else []
        article = passages[0].article if passages else self._library.article(id_) if id_ else None
        if article is None:
            return View("", note=words.NOT_HELD)
        cut = pages.cut(article, passages)
        number, now = which(article, cut), self._library.digest(article)
        copies, history = self._library.copies(article.id), self._library.history(article.id)
        html = pages.article(article, len(passages), cut, number, copies=copies, history=history)
        changed = digest and not now.startswith(digest)
        markup = pages.around(len(cut), number, lambda page: turn(page, now), back)
        return View(html, markup, note=words.NOT_AS_BEFORE if changed else "", article=article.id)

    def _mark(self, article: Article) -> str:
        return self._library.shelfmark(article.id)


async def show(context: ContextTypes.DEFAULT_TYPE, message: Message, view: View) -> None:
    """Show something in place of a message, if that is still there."""
    try:
        await edit(context.bot, message, view.html, buttons=view.buttons)
    except BadRequest as error:  # it was deleted meanwhile: trying again would not bring it back
        log.info("a message could not be replaced: %s", error)


def _if_any(look: Callable[[], View]) -> View:
    """Return what a look into the articles shows, or that there are none."""
    try:
        return look()
    except NotIndexed:
        return View(render.text(words.NO_ARTICLES)[0])
