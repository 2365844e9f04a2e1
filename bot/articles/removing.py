"""/remove and the button under an article: names what would go, asks, and takes it out of the library."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from telegram import CallbackQuery, InlineKeyboardButton, InlineKeyboardMarkup, Message, Update
from telegram.ext import ContextTypes

from bot import words
from bot.access.gate import Gate
from bot.asking.questions import asked
from bot.browsing import pages
from bot.desk.admin import admin_chat, admin_press, looking
from bot.desk.reindexing import Reindexing, Run
from bot.running.threads import Pool
from bot.sending.notice import Notice
from bot.sending.say import answer, say
from bot.showing import buttons
from bot.store.journal import Journal
from bot.text import render
from index.browsing.shelfmark import MARK
from index.errors import FootnoteError, NotIndexed, SourceError
from index.records import ArticleId

DO = rf"^remove:do:({MARK})$"
STAY = r"^remove:stay$"

MOST = 8
"""Articles that one message asks about: a row of buttons."""

_OF_ARTICLE = re.compile(rf"(?:article|remove:ask|remove:do):({MARK})(?::.*)?")
_OF_ANSWER = re.compile(rf"[a-z]:({buttons.ID})(?::.*)?")


@dataclass(frozen=True, slots=True)
class Known:
    """An article that may be removed: its title, how many passages would go, or the reason why it stays."""

    mark: str
    title: str
    passages: int
    reason: str = ""


class Removing:
    """Takes articles out for admins, each after they agreed to that one."""

    def __init__(self, reindexing: Reindexing, gate: Gate, journal: Journal, *, threads: Pool) -> None:
        """Remove by turns of `reindexing` for those whom `gate` knows as admins; `journal` knows what answers cite."""
        self._reindexing = reindexing
        self._library = reindexing.library
        self._gate = gate
        self._journal = journal
        self._threads = threads

    async def remove(self, update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
        """Ask about the articles that are named, or that the message shows which this one replies to."""
        chat, message = await admin_chat(self._gate, update, context), update.message
        if chat is None or message is None:
            return
        named = asked(message.text or "").strip()
        if named:
            found, unknown = await self._threads.run(self._named, named)
        else:
            found, unknown = await self._threads.run(self._shown, message.reply_to_message), []
        if not found and not unknown:
            await say(context.bot, chat, render.text(words.REMOVE_HOW))
            return
        await self._ask(context, chat, found, unknown)

    async def ask(self, update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
        """Ask about the article whose button was pressed."""
        pressed = await self._pressed(update, pages.REMOVE)
        if pressed is not None:
            query, message, id_ = pressed
            await answer(query)
            await self._ask(context, message.chat_id, [id_], [])

    async def do(self, update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
        """Remove the article that somebody agreed to remove."""
        pressed = await self._pressed(update, DO)
        if pressed is None:
            return
        query, message, id_ = pressed
        run = self._reindexing.begin()
        if run is None:
            await answer(query, words.REINDEX_BUSY, alert=True)
            return
        follow = self._follow(context, run, Notice(context.bot, message), id_)
        context.application.create_task(follow, update=update)
        await answer(query, words.REMOVING)

    async def stay(self, update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
        """Remove nothing."""
        pressed = await admin_press(self._gate, update)
        if pressed is not None:
            query, message = pressed
            await answer(query, words.KEPT)
            await Notice(context.bot, message).end(words.KEPT)

    async def _ask(
        self, context: ContextTypes.DEFAULT_TYPE, chat: int, ids: Sequence[ArticleId], unknown: Sequence[str]
    ) -> None:
        known = await self._threads.run(lambda: [self._known(id_) for id_ in ids[:MOST]])
        free = [one for one in known if not one.reason]
        lines = [words.would_remove(one.title, one.passages, one.reason) for one in known]
        lines += [words.no_such_article(render.cut(name, 200)) for name in unknown[:MOST]]
        if max(len(ids), len(unknown)) > MOST:
            lines.append(words.too_many_articles(MOST))
        if free:
            lines.append(words.ASK_REMOVAL if len(free) == 1 else words.WHICH_TO_REMOVE)
        markup = _question([(words.remove_titled(render.cut(one.title, 40)), one.mark) for one in free])
        await say(context.bot, chat, render.text("\n\n".join(lines)), buttons=markup if free else None)

    async def _follow(self, context: ContextTypes.DEFAULT_TYPE, run: Run, notice: Notice, id_: ArticleId) -> None:
        """Remove an article, show how far that is, and in the end what came of it."""
        try:
            report = await self._reindexing.remove(run, looking(context, run, notice), [id_])
        except FootnoteError as error:
            text = words.trouble(error)
        else:
            text = words.report(report, most=words.SHOWN) if report else words.REMOVED_UNREAD
        await notice.end_at_last(context.application, text)

    async def _pressed(self, update: Update, pattern: str) -> tuple[CallbackQuery, Message, ArticleId] | None:
        """Return a button that an admin pressed, its message and its article; tell where there is none any more."""
        pressed = await admin_press(self._gate, update)
        if pressed is None:
            return None
        query, message = pressed
        said = re.match(pattern, query.data or "")
        id_ = await self._threads.run(self._shelved, said[1]) if said else None
        if id_ is None:
            await answer(query, words.NOT_HELD, alert=True)
            return None
        return query, message, id_

    def _shelved(self, mark: str) -> ArticleId | None:
        """Return the article that a mark stands for, if it is still there: what was shown lately is remembered."""
        try:
            id_ = self._library.shelved(mark)
        except NotIndexed:
            return None
        return id_ if id_ is not None and id_ in self._library.find(id_) else None

    def _named(self, named: str) -> tuple[list[ArticleId], list[str]]:
        """Return the articles that ids and addresses mean, and those that mean none; an id may have spaces in it."""
        if ids := self._library.find(named):
            return ids, []
        found, unknown = list[ArticleId](), list[str]()
        for name in dict.fromkeys(named.split()):
            ids = self._library.find(name)
            found += [id_ for id_ in ids if id_ not in found]
            unknown += [] if ids else [name]
        return found, unknown

    def _shown(self, message: Message | None) -> list[ArticleId]:
        """Return the articles that a message of ours shows: the one it is a page of, or those that an answer cites."""
        sent = [] if message is None or message.reply_markup is None else _sent_by(message.reply_markup)
        marks = [said[1] for one in sent if (said := _OF_ARTICLE.fullmatch(one))]
        ids = [id_ for mark in dict.fromkeys(marks) if (id_ := self._shelved(mark))]
        answers = [said[1] for one in sent if (said := _OF_ANSWER.fullmatch(one))]
        kept = self._journal.get(answers[0]) if answers and not ids else None
        if kept is not None and message is not None and kept.asked.chat == message.chat_id:
            ids = list(dict.fromkeys(citation.article.id for citation in kept.answer.citations))
        return ids

    def _known(self, id_: ArticleId) -> Known:
        mark, reason = self._library.shelfmark(id_), ""
        try:
            self._library.check_removal([id_])
        except SourceError as error:
            reason = str(error)
        try:
            article, passages = self._library.article(id_), len(self._library.passages_of(id_))
        except NotIndexed:
            article, passages = None, 0
        return Known(mark, article.title if article else id_, passages, reason)


def _sent_by(markup: InlineKeyboardMarkup) -> Iterable[str]:
    return [
        button.callback_data
        for row in markup.inline_keyboard
        for button in row
        if isinstance(button.callback_data, str)
    ]


def _question(named: Sequence[tuple[str, str]]) -> InlineKeyboardMarkup:
    """Return the buttons that agree, one for each article; of several each asks again, about that one."""
    if len(named) == 1:
        (_, mark), stay = named[0], InlineKeyboardButton(words.STAY_BUTTON, callback_data="remove:stay")
        return InlineKeyboardMarkup(
            [[InlineKeyboardButton(words.REMOVE_BUTTON, callback_data=f"remove:do:{mark}"), stay]]
        )
    rows = [[InlineKeyboardButton(label, callback_data=f"remove:ask:{mark}")] for label, mark in named]
    return InlineKeyboardMarkup(rows)
