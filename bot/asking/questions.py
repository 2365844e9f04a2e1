"""Questions and answers: the way from a message into the Library and back, and into the journal."""

import asyncio
import contextlib
import logging
import re
import time
from collections.abc import Coroutine, Iterator
from dataclasses import dataclass, replace
from typing import Any

from telegram import Message, Update
from telegram.constants import ChatType
from telegram.error import BadRequest
from telegram.ext import ContextTypes

from bot import words
from bot.asking.answers import shown
from bot.running.lately import Lately
from bot.running.metrics import Metrics
from bot.running.threads import Pool
from bot.sending.attempt import CURRENT, is_again, under_way
from bot.sending.say import edit, say, typing
from bot.showing import buttons
from bot.showing.buttons import Place
from bot.store.journal import Journal, new_id
from bot.store.kept import Asked, Kept, keep
from bot.text import render
from config import Conversation, Delivery
from index.errors import Busy, FootnoteError, NotIndexed, StoreUnavailable
from index.library import Library

log = logging.getLogger(__name__)

UNANSWERED = 1_000
"""Questions remembered, until the bot ends, that could not be answered as they stood: too long, wordless, too slow."""

ASK = re.compile(r"/ask(?:@\w+)?(?=\s|$)", re.IGNORECASE)
"""The command before a question, with or without the name of the bot."""


@dataclass(frozen=True, slots=True)
class Asking:
    """How questions are worked on: within which times, and which ones belong together."""

    delivery: Delivery
    conversation: Conversation


@dataclass(frozen=True, slots=True)
class Threads:
    """Where work is done: questions on `asking`; what takes a moment on `looking`, so that it waits for no question."""

    asking: Pool
    looking: Pool


class Questions:
    """Answers what people ask."""

    def __init__(
        self, library: Library, journal: Journal, *, threads: Threads, settings: Asking, metrics: Metrics
    ) -> None:
        """Ask `library` and note it in `journal`: both are synchronous and must not stop the event loop."""
        self._library = library
        self._journal = journal
        self._threads = threads
        self._settings = settings
        self._metrics = metrics
        self._unanswered = Lately[tuple[int, int], None](UNANSWERED)

    async def plain(self, update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
        """Take the whole message as the question, or what follows /ask in it."""
        message = update.message
        if message is not None:
            await self.answer(message, context, question_of(message))

    async def edited(self, update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
        """Answer a question again in place, whose author has changed it, or for the first time; others ask nothing."""
        message = update.edited_message
        if message is None or message.from_user is None:
            return
        before = await self._threads.looking.run(lambda: self._journal.to_message(message.chat_id, message.message_id))
        question = question_of(message)
        if question.startswith("/") or not question.strip():
            return
        if before is None and _key(message) in self._unanswered:
            await self.answer(message, context, question)
        if before is None or before.watch or before.asked.person != message.from_user.id:
            return
        if question == before.answer.question and not is_again():  # what was cut off is written down, perhaps not shown
            return
        await self._again(message, context, before, question)

    async def afresh(self, update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
        """Let what was asked before be no part of the conversation any more."""
        message = update.message
        if message is None or message.from_user is None:
            return
        chat, thread, person = message.chat_id, thread_of(message), message.from_user.id
        await self._threads.looking.run(lambda: self._journal.begin_afresh(chat, thread=thread, person=person))
        await say(context.bot, chat, render.text(words.STARTED_AFRESH), thread=thread)

    async def answer(self, message: Message, context: ContextTypes.DEFAULT_TYPE, question: str) -> None:
        """Answer a question that stands in a message: where it was asked, and in a group as a reply to it."""
        place, thread = place_of(message, context), thread_of(message)
        apology = self._apology()
        reply_to = message.message_id if place.group or apology else None
        if not question.strip():
            self._unanswered[_key(message)] = None  # its author may change it, as we tell them to
            await say(context.bot, message.chat_id, render.text(words.ASK_HOW), reply_to=reply_to, thread=thread)
            return
        replied = message.reply_to_message
        async with typing(context.bot, message.chat_id, thread=thread):
            kept = await self._timed(self._worked_out(question, _who(message), replied.message_id if replied else None))
        if isinstance(kept, str):
            self._unanswered[_key(message)] = None
            await say(context.bot, message.chat_id, render.text(kept), reply_to=reply_to, thread=thread)
            return
        attempt = under_way()
        if attempt is None:
            await self._threads.looking.run(lambda: self._journal.keep(kept))
        else:
            attempt.with_reply(self._journal.keeping(kept))
        await self._give(message, context, kept)

    async def _give(self, message: Message, context: ContextTypes.DEFAULT_TYPE, kept: Kept) -> None:
        """Send an answer that is written down, and note where it stands."""
        place, thread, apology = place_of(message, context), thread_of(message), self._apology()
        reply_to = message.message_id if place.group or apology else None
        messages = shown(kept, place)
        if place.group:  # one message; the rest of a monster is read in the private chat
            del messages[1:]
        messages = render.after(apology, messages, alone=not place.group)
        markup = buttons.under(kept, place)
        first = None
        if len(messages) > 1:
            first = await say(context.bot, message.chat_id, messages[:-1], reply_to=reply_to, thread=thread)
            reply_to = None
        last = await say(context.bot, message.chat_id, messages[-1:], buttons=markup, reply_to=reply_to, thread=thread)
        attempt, begun = under_way(), CURRENT.get()
        took = time.time() - (begun.taken.received if begun else kept.asked.at)
        self._metrics.took(took)
        if last is None:
            return
        places = {"chat": last.chat_id, "first": (first or last).message_id, "message": last.message_id}
        if attempt is None:
            await self._threads.looking.run(lambda: note(self._journal, kept.id, took=took, **places))
        else:
            attempt.in_the_end(self._journal.showing(kept.id, took=took, **places))

    async def _again(self, message: Message, context: ContextTypes.DEFAULT_TYPE, before: Kept, question: str) -> None:
        """Answer an edited question where its answer stands; where that cannot be, that one stays as true as it was."""
        place = place_of(message, context)
        kept = await self._timed(self._thought_over(question, before))
        if isinstance(kept, str):
            await say(context.bot, message.chat_id, render.text(kept), reply_to=message.message_id)
            return
        html = shown(kept, place)
        fits = len(html) == 1 and before.first == before.message > 0
        if not fits:
            id_ = await self._threads.looking.run(lambda: id_for(self._journal, before.asked))
            asked_now = replace(before.asked, at=time.time())
            kept = replace(kept, id=id_, asked=asked_now, first=0, message=0, took=0.0)
        again = kept
        await self._threads.looking.run(lambda: self._journal.keep(again, afresh=fits))
        try:
            if fits:
                await edit(context.bot, (message.chat_id, before.message), html[0], buttons=buttons.under(kept, place))
                return
        except BadRequest as error:  # the answer was deleted, or is too old
            log.info("an answer could not be changed, and is given anew: %s", error)
        await self._give(message, context, kept)

    async def _timed(self, work: Coroutine[Any, Any, Kept]) -> Kept | str:
        """Return what the work comes to, or what to say where it comes to nothing."""
        try:
            async with asyncio.timeout(self._settings.delivery.deadline):
                kept = await work
        except TimeoutError:
            log.warning("a question was given up after %d seconds", self._settings.delivery.deadline)
            text = words.TOO_SLOW
        except NotIndexed:
            text = words.NO_ARTICLES
        except Busy:
            text = words.MENDING
        except StoreUnavailable:  # it comes back, and so does the question
            raise
        except FootnoteError as error:
            text = words.trouble(error)
        else:
            self._metrics.answered(kept.answer)
            return kept
        self._metrics.failed()
        return text

    async def _worked_out(self, question: str, who: Asked, reply_to: int | None) -> Kept:
        """Answer a question in its conversation, without writing that down.

        All in one go on a thread that asks: what is read from the journal is read at once, even while somebody writes.
        """
        within = self._settings.conversation.follow_up

        def work() -> Kept:
            with _journal_is_there():
                parent, turns = self._journal.conversation(who, within=within, reply_to=reply_to)
                id_ = id_for(self._journal, who)
            return keep(id_, replace(who, parent=parent), self._library.ask(question, turns))

        return await self._threads.asking.run(work)

    async def _thought_over(self, question: str, before: Kept) -> Kept:
        """Answer a question in place of the one before, without writing that down."""

        def work() -> Kept:
            with _journal_is_there():
                turns = self._journal.turns(before.asked.parent)
            kept = keep(before.id, before.asked, self._library.ask(question, turns))
            return replace(kept, first=before.first, message=before.message, took=before.took)

        return await self._threads.asking.run(work)

    def _apology(self) -> str:
        """Return what to say first where the answer comes late, or perhaps for the second time."""
        attempt = CURRENT.get()
        if attempt is None:
            return ""
        if attempt.taken.sends:
            return words.PERHAPS_AGAIN
        return words.LATE if attempt.age > self._settings.delivery.late else ""


def id_for(journal: Journal, who: Asked) -> str:
    """Return the id of the answer to a message: of one that was written down before and surely not shown, or a new one.

    What is tried again and again, because Telegram is away, is written down once.
    """
    attempt = CURRENT.get()
    if attempt is None or not attempt.taken.again or attempt.taken.sends:
        return new_id()
    begun = journal.begun(who)
    return begun.id if begun else new_id()


def note(journal: Journal, id_: str, *, chat: int, first: int, message: int, took: float) -> None:
    """Note where an answer stands, which has arrived: without a database it goes without, and is not sent again."""
    try:
        journal.sent(id_, chat=chat, first=first, message=message, took=took)
    except FootnoteError as error:
        log.warning("it was not noted where an answer stands; its buttons work, nothing follows it up: %s", error)


def _key(message: Message) -> tuple[int, int]:
    return message.chat_id, message.message_id


def question_of(message: Message) -> str:
    """Return what a message asks, itself or under a picture or a file; of /ask what follows."""
    said = message.text or message.caption or ""
    return asked(said) if ASK.match(said) else said


def asked(text: str) -> str:
    """Return what follows a command."""
    _, *rest = text.split(None, 1)
    return "".join(rest)


def place_of(message: Message, context: ContextTypes.DEFAULT_TYPE) -> Place:
    """Return where the answer to a message will stand."""
    return Place(context.bot.username, group=message.chat.type != ChatType.PRIVATE)


def thread_of(message: Message) -> int:
    """Return the topic of a forum that a message stands in; 0 elsewhere."""
    return message.message_thread_id or 0 if message.is_topic_message else 0


def _who(message: Message) -> Asked:
    person = message.from_user
    return Asked(
        chat=message.chat_id,
        person=person.id if person else 0,
        message=message.message_id,
        at=time.time(),
        thread=thread_of(message),
        language=(person and person.language_code) or "",
    )


@contextlib.contextmanager
def _journal_is_there() -> Iterator[None]:
    """Let whatever is wrong with the journal be what the question waits for: it shares its database with the inbox."""
    try:
        yield
    except FootnoteError as error:
        raise StoreUnavailable(str(error)) from error
