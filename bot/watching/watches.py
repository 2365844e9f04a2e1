"""/watch, /watches and their buttons: people say which questions they want to hear more on, and which no longer.

What comes of a watch later is told by `lookout`.
"""

import asyncio
import datetime as dt
import logging
import re
import time
from dataclasses import dataclass, replace

from telegram import Bot, CallbackQuery, InlineKeyboardButton, InlineKeyboardMarkup, Message, Update, User
from telegram.error import BadRequest
from telegram.ext import ContextTypes

from bot import words
from bot.access.gate import accessible
from bot.asking.answers import shown
from bot.asking.questions import Threads, asked, id_for, note, place_of
from bot.sending.attempt import is_again
from bot.sending.say import answer, edit, press, say, typing
from bot.showing import buttons
from bot.store.journal import Journal
from bot.store.kept import Asked, Kept, keep
from bot.store.news import Base, base_of
from bot.store.watchlist import Watch, Watchlist, Wish
from bot.text import render
from config import Conversation
from index.errors import Busy, FootnoteError, NotIndexed, StoreUnavailable
from index.library import Library
from index.records import Answer

PAGE = 8
"""Watches on a page of /watches: about a phone's screen."""

REMOVE = rf"^watches:remove:({buttons.ID}):(\d{{1,3}})$"
"""End a watch of the list, and show that page of it."""

TURN = r"^watches:page:(\d{1,3})$"

LONGEST = 300
"""Characters of a question in the list."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Bounds:
    """How many questions one person may watch, in how many seconds each must be answered, and what follows up what."""

    most: int
    deadline: float
    conversation: Conversation


class Watches:
    """Begins, lists and ends watches."""

    def __init__(
        self, library: Library, journal: Journal, watchlist: Watchlist, *, threads: Threads, bounds: Bounds
    ) -> None:
        """Keep watches in `watchlist`, within `bounds`."""
        self._library = library
        self._journal = journal
        self._watchlist = watchlist
        self._threads = threads
        self._bounds = bounds

    async def begin(self, update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
        """Watch the question after /watch; without one that of the answer replied to, or the last one."""
        message, person = update.message, update.effective_user
        if message is None or person is None:
            return
        question = asked(message.text or "").strip() or await self._threads.looking.run(
            lambda: self._meant(message, person)
        )
        refusal = await self._threads.looking.run(lambda: self._refusal(person.id, question))
        if refusal:
            await say(context.bot, message.chat_id, render.text(refusal))
            return
        async with typing(context.bot, message.chat_id):
            begun = await self._begun(_who(message, person), question)
        if isinstance(begun, str):
            await say(context.bot, message.chat_id, render.text(begun))
        else:
            await self._show(context.bot, begun, message, context)

    async def overview(self, update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
        """Show what the person watches, each with a button to end it."""
        message, person = update.message, update.effective_user
        if message is not None and person is not None:
            html, markup = await self._threads.looking.run(lambda: self._page(person.id, 0))
            await say(context.bot, message.chat_id, [html], buttons=markup)

    async def turn(self, update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
        """Turn the page of the list, in place."""
        pressed = _pressed(update, TURN)
        if pressed is not None:
            query, (page,) = pressed
            if accessible(query.message) is None:
                await answer(query, words.TOO_OLD, alert=True)
                return
            await answer(query)
            await self._redraw(context.bot, query, int(page))

    async def remove(self, update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
        """End a watch of the list, which must be the person's own, and show the rest."""
        pressed = _pressed(update, REMOVE)
        if pressed is None:
            return
        query, (id_, page) = pressed
        await self._end(query, id_)
        await self._redraw(context.bot, query, int(page))

    async def stop(self, update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
        """End the watch whose answer the button stands under, and take the button away."""
        pressed = _pressed(update, buttons.STOP_WATCHING)
        if pressed is None:
            return
        query, (id_,) = pressed
        message = accessible(query.message)
        await self._end(query, id_)
        if message is None:
            return
        kept = await self._threads.looking.run(lambda: self._journal.shown_in(message.chat_id, message.message_id))
        person = query.from_user.id
        if kept is not None and kept.watch == id_ and kept.asked.person == person:
            ended = replace(kept, watch="")
            vote = await self._threads.looking.run(lambda: self._journal.vote_of(kept.id, person))
            markup = buttons.under(ended, place_of(message, context), vote)
            try:
                await press(context.bot, message, markup)
            except BadRequest as error:  # it was deleted meanwhile: trying again would not bring it back
                log.info("a button could not be taken away: %s", error)
            # last, since what fails above is tried again; or it would come back with the next look at the passages
            await self._threads.looking.run(lambda: self._journal.keep(ended))

    async def _end(self, query: CallbackQuery, id_: str) -> None:
        ended = await self._threads.looking.run(lambda: self._watchlist.remove(id_, query.from_user.id))
        await answer(query, words.WATCH_ENDED if ended else words.NOT_WATCHED, alert=not ended)

    async def _redraw(self, bot: Bot, query: CallbackQuery, page: int) -> None:
        message = accessible(query.message)
        if message is None:
            return
        html, markup = await self._threads.looking.run(lambda: self._page(query.from_user.id, page))
        try:
            await edit(bot, message, html, buttons=markup)
        except BadRequest as error:  # as above
            log.info("the list of watches could not be shown: %s", error)

    async def _show(self, bot: Bot, kept: Kept, message: Message, context: ContextTypes.DEFAULT_TYPE) -> None:
        place = place_of(message, context)
        first, last = await tell(bot, kept, shown(kept, place), buttons.under(kept, place))
        took = time.time() - kept.asked.at
        where = {"chat": kept.asked.chat, "first": first, "message": last}
        await self._threads.looking.run(lambda: note(self._journal, kept.id, took=took, **where))

    def _meant(self, message: Message, person: User) -> str:
        """Return the question that a bare /watch is about; nothing where there is none."""
        within = self._bounds.conversation.follow_up
        replied = message.reply_to_message
        last, _ = self._journal.conversation(
            _who(message, person), within=within, reply_to=replied.message_id if replied else None
        )
        kept = self._journal.get(last) if last else None
        return (kept.answer.understood or kept.answer.question) if kept else ""

    def _refusal(self, person: int, question: str) -> str:
        """Return why a question is not watched, if that shows before it is asked."""
        if not self._bounds.most:
            return words.NO_WATCHING
        if not question:
            return words.WATCH_HOW
        watch = self._watchlist.watched(person, question)
        if watch is not None and is_again():  # perhaps it began just now, and that could not be said
            return ""
        if watch is not None:
            return words.watched_already(watch.question, _day(watch))
        full = self._watchlist.count(person) >= self._bounds.most
        return words.too_many_watches(self._bounds.most) if full else ""

    async def _begun(self, who: Asked, question: str) -> Kept | str:
        """Return the answer of today, after the watch has begun; or what to say where it has not."""
        try:
            async with asyncio.timeout(self._bounds.deadline):
                return await self._threads.asking.run(lambda: self._begin(who, question))
        except TimeoutError:
            log.warning("a question was given up after %d seconds", self._bounds.deadline)
            return words.TOO_SLOW
        except Busy:
            return words.MENDING
        except StoreUnavailable:  # it comes back, and so does the command
            raise
        except FootnoteError as error:
            return words.trouble(error)

    def _begin(self, who: Asked, question: str) -> Kept | str:
        try:
            today, base = (found := self._library.ask(question)), base_of(found)
        except NotIndexed:  # whatever is indexed first is new
            today, base = _nothing(question), Base()
        wish = Wish(who.person, who.chat, today.question, who.language, base)
        watch = self._watchlist.add(wish, most=self._bounds.most)
        if watch is None:
            return words.too_many_watches(self._bounds.most)
        kept = keep(id_for(self._journal, who), who, today, watch=watch.id)
        self._journal.keep(kept)
        return kept

    def _page(self, person: int, page: int) -> tuple[str, InlineKeyboardMarkup | None]:
        """Return a page as it is now; the last one where the list has become shorter."""
        watches = self._watchlist.of(person)
        if not watches:
            return render.text(words.NO_WATCHES)[0], None
        last = (len(watches) - 1) // PAGE
        page = min(page, last)
        some = list(enumerate(watches, start=1))[page * PAGE : (page + 1) * PAGE]
        lines = [words.watch_line(number, render.cut(watch.question, LONGEST), _day(watch)) for number, watch in some]
        return render.text("\n\n".join(lines))[0], _list_buttons(some, page, last)


async def tell(bot: Bot, kept: Kept, messages: list[str], markup: InlineKeyboardMarkup) -> tuple[int, int]:
    """Send the messages of an answer, with its buttons under the last; return the numbers of the first and the last."""
    first = await say(bot, kept.asked.chat, messages[:-1])
    last = await say(bot, kept.asked.chat, messages[-1:], buttons=markup)
    assert last is not None  # noqa: S101  for mypy: an answer has at least one message
    return (first or last).message_id, last.message_id


def _pressed(update: Update, pattern: str) -> tuple[CallbackQuery, tuple[str, ...]] | None:
    query = update.callback_query
    said = query and re.match(pattern, query.data or "")
    return (query, said.groups()) if query is not None and said else None


def _list_buttons(some: list[tuple[int, Watch]], page: int, last: int) -> InlineKeyboardMarkup:
    remove = [_button(words.remove_watch_button(number), f"watches:remove:{watch.id}:{page}") for number, watch in some]
    rows = [remove[at : at + 2] for at in range(0, len(remove), 2)]
    turns = [
        _button(label, f"watches:page:{target}")
        for label, target in (("‹", page - 1), (f"{page + 1} / {last + 1}", page), ("›", page + 1))
        if 0 <= target <= last
    ]
    return InlineKeyboardMarkup([*rows, turns] if last else rows)


def _button(label: str, data: str) -> InlineKeyboardButton:
    return InlineKeyboardButton(label, callback_data=data)


def _day(watch: Watch) -> dt.date:
    return dt.datetime.fromtimestamp(watch.made).astimezone().date()


def _who(message: Message, person: User) -> Asked:
    language = person.language_code or ""
    return Asked(message.chat_id, person.id, message.message_id, time.time(), language=language)


def _nothing(question: str) -> Answer:
    """Return the answer of a library that has no articles yet."""
    return Answer(question, (), (), (), (), 0.0, 0)
