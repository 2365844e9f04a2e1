"""Articles by hand in an admin's chat: pages by /add, files, forwarded messages; offered first, added at a button.

What was sent is an article to be, and nothing in it is followed. Reading and adding it is the library's.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from telegram import CallbackQuery, Document, InlineKeyboardButton, InlineKeyboardMarkup, Message, Update
from telegram.error import BadRequest, Forbidden, TelegramError
from telegram.ext import Application, ContextTypes

from bot import words
from bot.access.gate import Gate
from bot.articles import forwarded
from bot.asking.questions import asked
from bot.desk.admin import admin_chat, admin_press, looking
from bot.desk.reindexing import Reindexing, Run
from bot.running.threads import Pool
from bot.sending.notice import Notice
from bot.sending.say import answer, say, typing
from bot.store.offers import Offer, Offers, Piece, State
from bot.text import render
from index.articles.acquire import Sent, Understood
from index.errors import Busy, Cancelled, FootnoteError, NotIndexed, SourceError
from index.records import Failure

KEEP = r"^offer:keep:([0-9a-f]{16})$"
DISCARD = r"^offer:discard:([0-9a-f]{16})$"

DOWNLOAD = 20_000_000
"""Bytes of the largest file that Telegram lets a bot download."""

ADDRESSES = 10
"""Pages in one /add: each may take half a minute, and other messages of the chat wait for it."""

FETCHING = 60.0
"""Seconds after which an /add fetches no further page: what came until then is shown, the rest is to be sent again."""

SETTLE = 1.5
"""Seconds in which nothing more of an album, or of messages that were forwarded together, has come: then it is shown.

Telegram sends those of one album within a few tenths of a second; what a client forwards one by one, within a second.
"""

FORSAKEN = 60.0
"""Seconds after which nobody waits any more for what was to come with something: fetching it has failed."""

FIRST = 1.0
"""Seconds after its start in which the bot is surely at work, and shows what was sent before."""

NOTED = 5.0
"""Seconds within which it is noted that an offer was sent; who presses its button before that waits for it."""

RESUME = 20.0
"""Seconds between two looks for offers that nobody shows, because a process died or sending failed."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Looked:
    """What offered pieces turned out to be: articles, each with the title of the one it replaces, and failures."""

    seen: list[tuple[Understood, str]]
    failures: list[Failure]
    left_out: list[Piece]


class Adding:
    """Takes in what admins send."""

    def __init__(
        self,
        reindexing: Reindexing,
        gate: Gate,
        offers: Offers,
        *,
        threads: Pool,
        language: Callable[[int], str],
    ) -> None:
        """Add by turns of `reindexing` for those whom `gate` knows as admins; fetch and read on `threads`.

        `language` is what a person speaks, by their id: for what was offered before the bot was started.
        """
        self._reindexing = reindexing
        self._library = reindexing.library
        self._gate = gate
        self._offers = offers
        self._threads = threads
        self._language = language
        self._last: dict[int, float] = {}
        self._in_hand: set[str] = set()
        self._sending: dict[str, asyncio.Event] = {}

    def start(self, application: Application[Any, Any, Any, Any, Any, Any]) -> None:
        """Show what was sent before the bot was started, and look again now and then."""
        assert application.job_queue is not None  # noqa: S101  for mypy: the dependencies bring what it needs
        how = {"misfire_grace_time": None, "coalesce": True}
        application.job_queue.run_repeating(self.resume, RESUME, first=FIRST, name="offers", job_kwargs=how)

    async def add(self, update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
        """Fetch pages and offer them."""
        chat, message = await admin_chat(self._gate, update, context), update.message
        if chat is None or message is None or message.from_user is None:
            return
        addresses = list(dict.fromkeys(asked(message.text or "").split()))
        if not addresses:
            await say(context.bot, chat, render.text(words.ADD_HOW))
            return
        if len(addresses) > ADDRESSES:
            await say(context.bot, chat, render.text(words.too_many_addresses(ADDRESSES)))
            return
        async with typing(context.bot, chat):
            until = time.monotonic() + FETCHING
            some = [
                await self._threads.run(self._fetched, address, message.message_id, part, until)
                for part, address in enumerate(addresses)
            ]
            offer = await self._threads.run(lambda: self._gathered(message, some, apart=True))
            await self._show(context, offer)

    async def document(self, update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
        """Take a file, which may be one of several; tell anybody but an admin that questions are what is answered."""
        message = update.message
        if message is None or message.document is None:
            return
        if not self._gate.is_admin(update):
            await say(context.bot, message.chat_id, render.text(words.ONLY_ADMINS_ADD))
            return
        await self._take(update, context, message, await self._downloaded(context, message, message.document))

    async def forwarded(self, update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
        """Take what an admin forwards: its text is an article to be, whatever it says."""
        message = update.message
        if message is None or not self._gate.is_admin(update):
            return
        name, data = forwarded.file_of(message)
        await self._take(update, context, message, self._piece(name, data, message))

    async def keep(self, update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
        """Add what was offered, as a reindex that can be watched and stopped."""
        pressed = await self._pressed(update)
        if pressed is None:
            return
        query, message, offer = pressed
        run = self._reindexing.begin()
        if run is None:
            await answer(query, words.BUSY_SO_OFFER_WAITS, alert=True)
            return
        self._in_hand.add(offer.id)
        try:
            mine = await self._threads.run(lambda: self._offers.move(offer.id, [State.SHOWN], State.KEEPING))
        except BaseException:
            self._reindexing.end(run)
            self._in_hand.discard(offer.id)
            raise
        if not mine:
            self._reindexing.end(run)
            self._in_hand.discard(offer.id)
            await answer(query, words.SETTLED)
            return
        follow = self._follow(context, run, Notice(context.bot, message), offer)
        context.application.create_task(follow, update=update)
        await answer(query, words.ADDING)

    async def discard(self, update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
        """Forget what was offered."""
        pressed = await self._pressed(update)
        if pressed is None:
            return
        query, message, offer = pressed
        gone = offer.state is State.SHOWN and await self._threads.run(lambda: self._offers.drop(offer.id))
        await answer(query, "" if gone else words.SETTLED)
        if gone:
            await Notice(context.bot, message).end(words.DISCARDED)

    async def resume(self, context: ContextTypes.DEFAULT_TYPE) -> None:
        """Show what nobody shows: it was being gathered, or added, when a process died, or could not be sent."""
        if not context.application.running:
            return
        try:
            forsaken = await self._threads.run(self._forsaken)
        except FootnoteError as error:
            log.warning("it is not known whether something waits to be offered, which is tried again: %s", error)
            return
        for offer in forsaken:
            try:
                with words.speaking(await self._threads.run(self._language, offer.person)):
                    await self._show(context, offer)
            except (FootnoteError, TelegramError) as error:  # those after it shall not wait for it
                log.warning("what was sent could not be offered, which is tried again: %s", error)

    def _forsaken(self) -> list[Offer]:
        """Return the offers that are in nobody's hands; of those of other machines, only after a while."""
        left = self._offers.unfinished(for_seconds=RESUME if self._offers.shared else 0.0)
        long_ago = time.monotonic() - FORSAKEN
        left = [one for one in left if one.id not in self._in_hand and self._last.get(one.chat, long_ago) <= long_ago]
        keeping = any(offer.state is State.KEEPING for offer in left)
        if keeping and (self._reindexing.running is not None or self._library.in_use_elsewhere()):
            return [offer for offer in left if offer.state is not State.KEEPING]
        return left

    async def _take(self, update: Update, context: ContextTypes.DEFAULT_TYPE, message: Message, piece: Piece) -> None:
        """Put something to what else was sent with it, and show all of it once no more comes."""
        self._last[message.chat_id] = time.monotonic()
        offer = await self._threads.run(lambda: self._gathered(message, [piece]))
        if offer.state is State.GATHERING:
            context.application.create_task(self._show_soon(context, offer), update=update)

    async def _show_soon(self, context: ContextTypes.DEFAULT_TYPE, offer: Offer) -> None:
        mine = self._last[offer.chat] = time.monotonic()
        await asyncio.sleep(SETTLE)
        if self._last.get(offer.chat) != mine:
            return  # what came meanwhile shows it
        self._in_hand.add(offer.id)
        del self._last[offer.chat]
        await self._show(context, offer)

    async def _show(self, context: ContextTypes.DEFAULT_TYPE, offer: Offer) -> None:
        """Say what was understood, with buttons where there is something to keep."""
        self._in_hand.add(offer.id)
        try:
            unread = [State.GATHERING, State.READING, State.KEEPING]  # from now on nothing comes to it any more
            if not await self._threads.run(self._offers.move, offer.id, unread, State.READING):
                return
            looked = await self._threads.run(self._looked, offer)
            text = words.offered(looked.seen, looked.failures)
            buttons = _buttons(offer) if looked.seen else None
            await self._threads.run(self._offers.leave_out, offer.id, looked.left_out)
            self._sending[offer.id] = asyncio.Event()
            try:
                await say(context.bot, offer.chat, render.text(text), buttons=buttons)
            except (Forbidden, BadRequest) as error:  # nobody is there to keep it, now or later
                log.warning("what was sent is forgotten, as it cannot be offered: %s", error)
                looked = Looked([], [], [])
            if looked.seen:
                await self._threads.run(self._offers.move, offer.id, [State.READING], State.SHOWN)
            else:
                await self._threads.run(self._offers.drop, offer.id)
        finally:
            self._in_hand.discard(offer.id)
            if noted := self._sending.pop(offer.id, None):
                noted.set()

    def _looked(self, offer: Offer) -> Looked:
        """Read what is offered."""
        looked = Looked([], [], [])
        keys = set[str]()
        for piece in self._offers.pieces(offer.id):
            try:
                understood = self._understood(piece, keys)
            except SourceError as error:
                looked.failures.append(Failure(piece.label, str(error)))
                looked.left_out.append(piece)
            else:
                keys.add(understood.sent.key)
                looked.seen.append((understood, self._replaced(understood)))
        return looked

    def _understood(self, piece: Piece, keys: set[str]) -> Understood:
        if piece.sent is None:
            raise SourceError(piece.reason)
        if piece.sent.key in keys:
            message = "has the name or the address of one before it: two cannot be told apart"
            raise SourceError(message)
        return self._library.understand(piece.sent)

    def _replaced(self, understood: Understood) -> str:
        """Return the title of the article whose place this would take."""
        if not understood.replaces:
            return ""
        try:
            before = self._library.article(understood.article.id)
        except NotIndexed:
            before = None
        return before.title if before else understood.article.title

    async def _follow(self, context: ContextTypes.DEFAULT_TYPE, run: Run, notice: Notice, offer: Offer) -> None:
        """Add what was offered, show how far that is, and in the end what came of it."""
        buttons = None
        try:
            try:
                text = await self._added(context, run, notice, offer)
            except FootnoteError as error:
                text = words.trouble(error)
                if await self._threads.run(self._is_held, offer, error):
                    text = f"{text}\n\n{words.KEPT_FOR_LATER}"
                else:
                    buttons = _buttons(offer)
            if buttons is None:
                await self._threads.run(self._offers.drop, offer.id)
            else:
                await self._threads.run(self._offers.move, offer.id, [State.KEEPING], State.SHOWN)
        finally:
            self._reindexing.end(run)
            self._in_hand.discard(offer.id)
        await notice.end_at_last(context.application, text, buttons=buttons)

    def _is_held(self, offer: Offer, error: FootnoteError) -> bool:
        """Tell whether the library holds what was offered, though adding it ended with an error."""
        if isinstance(error, Busy):  # then it did not even begin
            return False
        try:
            return all(self._library.find(one.sent.key) for one in self._offers.pieces(offer.id) if one.sent)
        except FootnoteError:
            return False

    async def _added(self, context: ContextTypes.DEFAULT_TYPE, run: Run, notice: Notice, offer: Offer) -> str:
        sent = await self._threads.run(lambda: [one.sent for one in self._offers.pieces(offer.id) if one.sent])
        try:
            report = await self._reindexing.add(run, looking(context, run, notice), sent)
        except Cancelled:  # the library keeps it all the same
            return words.KEPT_FOR_LATER
        return words.report(report, most=words.SHOWN) if report else words.KEPT_FOR_LATER

    async def _pressed(self, update: Update) -> tuple[CallbackQuery, Message, Offer] | None:
        """Return a button that an admin pressed under an offer in its own chat; tell anybody else."""
        pressed = await admin_press(self._gate, update)
        if pressed is None:
            return None
        query, message = pressed
        id_ = (query.data or "").rpartition(":")[2]
        if noted := self._sending.get(id_):  # the button is there a moment before it is noted that it is
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(noted.wait(), NOTED)
        offer = await self._threads.run(lambda: self._offers.get(id_))
        if offer is None or offer.chat != message.chat_id:
            await answer(query, words.OFFER_GONE, alert=True)
            return None
        return query, message, offer

    def _gathered(self, message: Message, some: Sequence[Piece], *, apart: bool = False) -> Offer:
        person = message.from_user.id if message.from_user else message.chat_id
        return self._offers.gather(person, message.chat_id, some, apart=apart)

    def _fetched(self, address: str, message: int, part: int, until: float) -> Piece:
        label = render.cut(address, 200)
        if time.monotonic() > until:
            return Piece(
                label, None, message, part, "had to wait too long for those before it: send it again by itself"
            )
        if not address.lower().startswith(("http://", "https://")):
            return Piece(label, None, message, part, "is not the address of a page, which begins with https://")
        try:
            return Piece(label, self._library.fetch(address), message, part)
        except SourceError as error:
            return Piece(label, None, message, part, str(error))

    async def _downloaded(self, context: ContextTypes.DEFAULT_TYPE, message: Message, document: Document) -> Piece:
        """Fetch a file from Telegram, unless it can be told before that it is of no use."""
        name, size = document.file_name or "unnamed", document.file_size or 0
        label, number = render.cut(name, 200), message.message_id
        try:
            self._library.check_file(name, size)
        except SourceError as error:
            return Piece(label, None, number, reason=str(error))
        if size > DOWNLOAD:
            return Piece(label, None, number, reason=_TOO_LARGE)
        self._last[message.chat_id] = time.monotonic()  # what came before waits for this one
        try:
            file = await context.bot.get_file(document.file_id)
            data = bytes(await file.download_as_bytearray())
        except BadRequest as error:
            reason = _TOO_LARGE if "too big" in error.message.lower() else "cannot be had from Telegram: send it again"
            return Piece(label, None, number, reason=reason)
        return self._piece(name, data, message)

    def _piece(self, name: str, data: bytes, message: Message) -> Piece:
        label = render.cut(name, 200)
        try:
            sent: Sent = self._library.file(name, data)
        except SourceError as error:
            return Piece(label, None, message.message_id, reason=str(error))
        return Piece(label, sent, message.message_id)


_TOO_LARGE = f"is larger than {DOWNLOAD // 1_000_000} MB, the most that Telegram lets a bot download"


def _buttons(offer: Offer) -> InlineKeyboardMarkup:
    keep = InlineKeyboardButton(words.KEEP_BUTTON, callback_data=f"offer:keep:{offer.id}")
    discard = InlineKeyboardButton(words.DISCARD_BUTTON, callback_data=f"offer:discard:{offer.id}")
    return InlineKeyboardMarkup([[keep, discard]])
