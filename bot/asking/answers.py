"""The buttons under answers: passages, reasons, what people think of them. They read the journal, not our memory."""

import contextlib
import logging
import re

from telegram import CallbackQuery, InlineKeyboardMarkup, Message, Update
from telegram.constants import ChatType
from telegram.error import BadRequest
from telegram.ext import ContextTypes

from bot import words
from bot.access.gate import Gate, accessible
from bot.running.threads import Pool
from bot.sending.say import answer, edit, press, say
from bot.showing import buttons, evidence
from bot.showing.buttons import Place
from bot.showing.evidence import View, Window
from bot.store.journal import Journal, Reason, Vote
from bot.store.kept import UNASKED, Kept
from bot.text import render
from index.errors import NotIndexed
from index.library import Library
from index.records import Article

log = logging.getLogger(__name__)


class Answers:
    """What becomes of an answer after it was given."""

    def __init__(self, library: Library, journal: Journal, gate: Gate, *, threads: Pool) -> None:
        """Read `journal` and `library` on `threads`; `gate` says who may see what in their private chat."""
        self._library = library
        self._gate = gate
        self._journal = journal
        self._threads = threads

    async def open(self, update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
        """Show a passage in place of the answer, or more of it."""
        pressed = await self._pressed(update, buttons.OPEN)
        if pressed is None:
            return
        query, message, kept, (_, number, before, after) = pressed
        window = Window(int(before), int(after))
        try:
            view = await self._view(kept, int(number), window)
        except LookupError:
            await answer(query, words.NOT_THIS_ANSWER, alert=True)
            return
        await answer(query)
        await _show(context, message, view.html, buttons.around(kept, int(number), window, view))

    async def show(self, update: Update, context: ContextTypes.DEFAULT_TYPE, payload: str) -> bool:
        """Show the passage or the reasons that a link names, as a message of its own; return whether it names any.

        To be called in a private chat.
        """
        named, chat = re.fullmatch(buttons.SHOW, payload), update.effective_chat
        if named is None or chat is None:
            return False
        id_, number, id_of_why = named.groups()
        kept = await self._threads.run(lambda: self._journal.get(id_ or id_of_why))
        if kept is not None and not self._gate.may_read(chat.id, kept.asked.chat):
            kept = None
        html = None
        if kept is not None and not id_:
            html = await self._why(kept)
        elif kept is not None:
            with contextlib.suppress(LookupError):
                html = (await self._view(kept, int(number), Window())).html
        gone = words.ANSWER_FORGOTTEN if self._gate.may_ask(chat.id) else words.NOT_ALLOWED
        await say(context.bot, chat.id, render.text(gone) if html is None else [html])
        return True

    async def why(self, update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
        """Show what an answer rests on, in place of it."""
        pressed = await self._pressed(update, buttons.WHY)
        if pressed is None:
            return
        query, message, kept, _ = pressed
        html = await self._why(kept)
        await answer(query)
        await _show(context, message, html, buttons.back(kept))

    async def back(self, update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
        """Show the answer again."""
        pressed = await self._pressed(update, buttons.BACK)
        if pressed is None:
            return
        query, message, kept, _ = pressed
        person = query.from_user.id
        vote = await self._threads.run(lambda: self._journal.vote_of(kept.id, person))
        await answer(query)
        place = _place(context, message)
        markup = buttons.under(kept, place, None if place.group else vote)
        if place.group:  # only its buttons ever change there
            await press(context.bot, message, markup)
        else:
            await _show(context, message, shown(kept, place)[-1], markup)

    async def vote(self, update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
        """Note 👍 or 👎; after 👎 ask what was wrong."""
        pressed = await self._pressed(update, buttons.VOTE)
        if pressed is None:
            return
        query, message, kept, (_, sign) = pressed
        vote, person = Vote(good=sign == "u"), query.from_user.id
        await self._threads.run(lambda: self._journal.vote(kept.id, person, vote))
        await answer(query, words.THANKS if vote.good else words.WHAT_WAS_WRONG)
        place = _place(context, message)
        if not vote.good:
            await _press(context, message, buttons.reasons(kept))
        elif not place.group:
            await _press(context, message, buttons.under(kept, place, vote))

    async def reason(self, update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
        """Note what was wrong, and thank."""
        pressed = await self._pressed(update, buttons.REASON)
        if pressed is None:
            return
        query, message, kept, (_, name) = pressed
        vote, person = Vote(good=False, reason=Reason(name)), query.from_user.id
        await self._threads.run(lambda: self._journal.vote(kept.id, person, vote))
        await answer(query, words.THANKS_FOR_REASON)
        place = _place(context, message)
        await _press(context, message, buttons.under(kept, place, None if place.group else vote))

    async def cited(self, update: Update, pattern: str) -> tuple[CallbackQuery, Message, Kept, tuple[str, ...]] | None:
        """Return what `_pressed` does of a button that leads from an answer to what it cites."""
        return await self._pressed(update, pattern)

    async def _pressed(
        self, update: Update, pattern: str
    ) -> tuple[CallbackQuery, Message, Kept, tuple[str, ...]] | None:
        """Return a button of an answer, its message, the answer and what the button says; tell where there is none.

        The answer must be the one that this message in this chat shows: data can be made up.
        """
        query = update.callback_query
        said = query and re.match(pattern, query.data or "")
        if query is None or not said:
            return None
        message = accessible(query.message)
        if message is None:
            await answer(query, words.TOO_OLD, alert=True)
            return None
        kept = await self._threads.run(lambda: self._journal.get(said[1]))
        if kept is None:
            await answer(query, words.ANSWER_FORGOTTEN, alert=True)
        elif (kept.asked.chat, kept.message or message.message_id) != (message.chat_id, message.message_id):
            await answer(query, words.NOT_THIS_ANSWER, alert=True)
        else:
            return query, message, kept, said.groups()
        return None

    async def _view(self, kept: Kept, number: int, window: Window) -> View:
        return await self._threads.run(lambda: evidence.passage(kept, number, self._today(kept, number), window))

    async def _why(self, kept: Kept) -> str:
        return evidence.why(kept, await self._threads.run(lambda: self._made_at(kept.answer.revision)))

    def _today(self, kept: Kept, number: int) -> Article | None:
        cited = next((one for one in kept.answer.citations if one.number == number), None)
        try:
            return self._library.article(cited.article.id) if cited else None
        except NotIndexed:
            return None

    def _made_at(self, revision: int) -> str:
        current = self._library.revision()
        return words.when(current) if current and current.number == revision else ""


def shown(kept: Kept, place: Place) -> list[str]:
    """Return the messages of an answer as they stand in a private chat or in a group."""
    links = {
        citation.number: kept.links.get(citation.number) or buttons.link(kept, citation.number, place.bot)
        for citation in kept.answer.citations
    }
    return render.after(_heading(kept), render.answer(kept.answer, links=links, short=place.group))


def _heading(kept: Kept) -> str:
    """Return what stands above the answer of a watch: why it is there."""
    if kept.asked.message == UNASKED:
        return words.watch_found(kept.answer.question)
    return words.watch_begun(kept.answer) if kept.watch else ""


def _place(context: ContextTypes.DEFAULT_TYPE, message: Message) -> Place:
    return Place(context.bot.username, group=message.chat.type != ChatType.PRIVATE)


async def _show(context: ContextTypes.DEFAULT_TYPE, message: Message, html: str, markup: InlineKeyboardMarkup) -> None:
    try:
        await edit(context.bot, message, html, buttons=markup)
    except BadRequest as error:  # it was deleted meanwhile: trying again would not bring it back
        log.info("an answer could not be edited: %s", error)


async def _press(context: ContextTypes.DEFAULT_TYPE, message: Message, markup: InlineKeyboardMarkup) -> None:
    try:
        await press(context.bot, message, markup)
    except BadRequest as error:
        log.info("buttons could not be changed: %s", error)
