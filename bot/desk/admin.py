"""/reindex and its buttons: shows what would change, asks, shows progress and the outcome; and /rollback."""

import asyncio
from collections.abc import Awaitable, Callable

from telegram import CallbackQuery, InlineKeyboardButton, InlineKeyboardMarkup, Message, Update
from telegram.ext import ContextTypes

from bot import words
from bot.access.gate import Gate, accessible, in_own_words
from bot.desk.reindexing import Reindexing, Run
from bot.sending.notice import Notice
from bot.sending.say import answer, say
from bot.text import render
from index.errors import FootnoteError
from index.records import Plan, Report, Revision

AGREE = r"^reindex:agree:\d{1,9}:\d{1,9}$"
"""The revision that somebody was asked about, 0 for none, and how many of its articles they agree to remove."""

LEAVE = r"^(reindex:leave|rollback:stay)$"
STOP = r"^reindex:stop:[0-9a-f]{1,16}-\d{1,9}$"
"""The name of the run."""

GO_BACK = r"^rollback:go:\d{1,9}:\d{1,9}$"
"""The revision that somebody was asked to leave, and the one to return to."""


class Admin:
    """What only admins may do. A button says all that pressing it needs, so that it works after a restart as well."""

    def __init__(self, reindexing: Reindexing, gate: Gate) -> None:
        """Reindex and roll back for those whom `gate` knows as admins."""
        self._reindexing = reindexing
        self._library = reindexing.library
        self._gate = gate
        self._settled: set[tuple[int, int]] = set()

    async def reindex(self, update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
        """Find out what a reindex would change, unless one is running, and ask; in the background."""
        chat = await admin_chat(self._gate, update, context)
        if chat is None:
            return
        run = self._reindexing.begin()
        if run is None:
            await self._say_busy(chat, context)
            return
        try:
            message = await say(context.bot, chat, render.text(words.LOOKING), buttons=_stop_button(run))
        except BaseException:
            self._reindexing.end(run)
            raise
        if message is not None:
            follow = self._follow(context, run, Notice(context.bot, message), agreed=None)
            context.application.create_task(follow, update=update)

    async def agree(self, update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
        """Do what the plan named; where more articles would go by now than was agreed to, ask again."""
        pressed = await self._pressed(update)
        if pressed is None:
            return
        query, message = pressed
        revision, removed = _numbers(query)
        if await self._number() != revision:
            await _out_of_date(context, query, message, command="reindex")
            return
        run = self._reindexing.begin()
        if run is None:
            await answer(query, words.REINDEX_BUSY, alert=True)
            return
        self._settled.add(_key(message))
        follow = self._follow(context, run, Notice(context.bot, message), agreed=removed)
        context.application.create_task(follow, update=update)
        await answer(query, words.REINDEX_STARTED)

    async def stay(self, update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
        """Leave all as it is: remove nothing, or do not go back."""
        pressed = await self._pressed(update)
        if pressed is not None:
            query, message = pressed
            removal = (query.data or "").startswith("reindex")
            await answer(query, words.KEPT)
            await Notice(context.bot, message).end(words.LEFT if removal else words.KEPT)
            self._settled.add(_key(message))  # not before: what fails here is tried again

    async def stop(self, update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
        """Stop the reindex that the button belongs to."""
        pressed = await self._pressed(update, question=False)
        if pressed is None:
            return
        query, message = pressed
        name, run = (query.data or "").rpartition(":")[2], self._reindexing.running
        if run is not None and run.name == name:
            run.stop = True
            await answer(query, words.STOPPING)
            if run.by_itself:  # no message shows its progress: this one only said that it is running
                await Notice(context.bot, message).end(words.STOPPING)
        elif self._reindexing.knows(name):
            await answer(query, words.ENDED_ALREADY)
        elif await asyncio.to_thread(self._library.in_use_elsewhere):  # it may well be this very run
            await answer(query, words.RUNS_ELSEWHERE, alert=True)
        else:
            await answer(query, words.ENDED_ALREADY)
            await Notice(context.bot, message).end(words.CUT_SHORT)

    async def rollback(self, update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
        """Show which revision a rollback would return to, and ask."""
        chat = await admin_chat(self._gate, update, context)
        if chat is None:
            return
        current, before = await asyncio.to_thread(self._newest_two)
        if current is None or before is None:
            await say(context.bot, chat, render.text(words.NOTHING_TO_UNDO))
            return
        go_back = _button(words.GO_BACK_BUTTON, f"rollback:go:{current.number}:{before.number}")
        buttons = InlineKeyboardMarkup([[go_back, _button(words.STAY_BUTTON, "rollback:stay")]])
        await say(context.bot, chat, render.text(words.would_go_back(current, before)), buttons=buttons)

    async def go_back(self, update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
        """Return to the revision that was named, if it still is the one before the current."""
        pressed = await self._pressed(update)
        if pressed is None:
            return
        query, message = pressed
        named = _numbers(query)
        current, before = await asyncio.to_thread(self._newest_two)
        if current is None or before is None or (current.number, before.number) != named:
            await _out_of_date(context, query, message, command="rollback")
            return
        run = self._reindexing.begin()
        if run is None:
            await answer(query, words.REINDEX_BUSY, alert=True)
            return
        self._settled.add(_key(message))
        context.application.create_task(self._return(context, run, Notice(context.bot, message)), update=update)
        await answer(query)

    async def _return(self, context: ContextTypes.DEFAULT_TYPE, run: Run, notice: Notice) -> None:
        """Roll back, and say what came of it."""
        try:
            text = words.rolled_back(await self._reindexing.rollback(run))
        except FootnoteError as error:
            text = words.trouble(error)
        await notice.end_at_last(context.application, text)

    async def _follow(
        self, context: ContextTypes.DEFAULT_TYPE, run: Run, notice: Notice, *, agreed: int | None
    ) -> None:
        """Show how far a run is, at the end what came of it, and the question it ends with."""
        buttons = None
        try:
            outcome = await self._reindexing.read(run, looking(context, run, notice), agreed=agreed)
        except FootnoteError as error:
            text = words.trouble(error)
        else:
            text, buttons = told(run, outcome), question_buttons(outcome, await self._number())
        if buttons is not None:  # a new question on an old message
            self._settled.discard(_key(notice.message))
        await notice.end_at_last(context.application, text, buttons=buttons)

    async def _number(self) -> int:
        """Return the number of the current revision, 0 before the first indexing."""
        current = await asyncio.to_thread(self._library.revision)
        return current.number if current else 0

    def _newest_two(self) -> tuple[Revision | None, Revision | None]:
        return self._library.revision(), self._library.before()

    async def _pressed(self, update: Update, *, question: bool = True) -> tuple[CallbackQuery, Message] | None:
        """Return a button that an admin pressed and its message; tell anybody else, and who answers twice."""
        pressed = await admin_press(self._gate, update)
        if pressed is None or not question or _key(pressed[1]) not in self._settled:
            return pressed
        await answer(pressed[0], words.SETTLED)
        return None

    async def _say_busy(self, chat: int, context: ContextTypes.DEFAULT_TYPE) -> None:
        run = self._reindexing.running
        if run is not None and run.by_itself:
            await say(context.bot, chat, render.text(words.REINDEX_BUSY_BY_ITSELF), buttons=_stop_button(run))
        else:
            await say(context.bot, chat, render.text(words.REINDEX_BUSY))


async def admin_chat(gate: Gate, update: Update, context: ContextTypes.DEFAULT_TYPE) -> int | None:
    """Return the chat of an admin who wrote a command; tell anybody else, and an admin who passed it on."""
    chat, message = update.effective_chat, update.effective_message
    if chat is None or message is None:
        return None
    if not gate.is_admin(update):
        refusal = words.ADMINS_ONLY
    elif not in_own_words(message):
        refusal = words.OWN_WORDS
    else:
        return chat.id
    await say(context.bot, chat.id, render.text(refusal))
    return None


async def admin_press(gate: Gate, update: Update) -> tuple[CallbackQuery, Message] | None:
    """Return a button that an admin pressed and its message; tell anybody else."""
    query = update.callback_query
    if query is None:
        return None
    message = accessible(query.message)
    if not gate.is_admin(update):
        await answer(query, words.ADMINS_ONLY, alert=True)
    elif message is None:
        await answer(query, words.TOO_OLD, alert=True)
    else:
        return query, message
    return None


def looking(context: ContextTypes.DEFAULT_TYPE, run: Run, notice: Notice) -> Callable[[], Awaitable[None]]:
    """Return what shows how far a run is in a message, with a button that stops it."""

    async def look() -> None:
        run.stop = run.stop or not context.application.running  # the bot was told to end, and waits for us
        await notice.show(_progress(run), buttons=None if run.stop else _stop_button(run))

    return look


def told(run: Run, outcome: Plan | Report | None) -> str:
    """Say what came of a run."""
    match outcome:
        case Report() if (
            run.plan and not run.plan.changes and not (outcome.added or outcome.changed or outcome.removed)
        ):
            return words.nothing_to_do(outcome)
        case Report():
            return words.report(outcome, most=words.SHOWN)
        case Plan() if outcome.consent:
            return words.consent(outcome)
        case Plan():
            return words.choice(outcome)
        case None:
            return words.RESTS


def question_buttons(outcome: Plan | Report | None, revision: int) -> InlineKeyboardMarkup | None:
    """Return the buttons under a plan that would change something; the question is about `revision`, 0 for none."""
    if not isinstance(outcome, Plan) or not outcome.changes:
        return None
    label, removed = (words.remove_button(outcome), outcome.removed) if outcome.consent else (words.REINDEX_BUTTON, 0)
    return InlineKeyboardMarkup(
        [
            [_button(label, f"reindex:agree:{revision}:{removed}")],
            [_button(words.LEAVE_BUTTON, "reindex:leave")],
        ]
    )


def _stop_button(run: Run) -> InlineKeyboardMarkup:
    return InlineKeyboardMarkup([[_button(words.STOP_BUTTON, f"reindex:stop:{run.name}")]])


def _button(label: str, data: str) -> InlineKeyboardButton:
    return InlineKeyboardButton(label, callback_data=data)


def _progress(run: Run) -> str:
    if run.stop:
        return words.STOPPING
    plan = words.plan(run.plan) if run.plan else ""
    progress = words.progress(run.progress) if run.progress else ""
    return "\n\n".join(filter(None, (plan, progress))) or words.LOOKING


async def _out_of_date(
    context: ContextTypes.DEFAULT_TYPE, query: CallbackQuery, message: Message, *, command: str
) -> None:
    text = words.OUT_OF_DATE.format(command=command)
    await answer(query, text, alert=True)
    await Notice(context.bot, message).end(text)


def _numbers(query: CallbackQuery) -> tuple[int, int]:
    first, second = (query.data or "").split(":")[2:]
    return int(first), int(second)


def _key(message: Message) -> tuple[int, int]:
    return message.chat_id, message.message_id
