"""Questions to begin with, that the collection itself answers: found in the background, asked by a button."""

import asyncio
import logging
import re

from telegram import InlineKeyboardButton, InlineKeyboardMarkup, Message, Update, User
from telegram.ext import ContextTypes

from bot import words
from bot.access.gate import accessible
from bot.asking.questions import Questions
from bot.running.threads import Pool
from bot.sending.attempt import CURRENT
from bot.sending.say import answer, say
from bot.text import render
from index.browsing.shelfmark import MARK, shelfmark
from index.errors import FootnoteError
from index.library import Library

ASK = rf"^ask:({MARK})$"
"""Ask the example that has this mark."""

EXAMPLES = 3

AT_ONCE = 0.5
"""Seconds that /help waits for them: once a revision they take longer to find, and then the next one has them."""

WHEN_PRESSED = 5.0
"""Seconds that who presses the button of one waits, after a restart."""

log = logging.getLogger(__name__)


class Suggestions:
    """Finds examples, one search at a time, and asks them."""

    def __init__(self, library: Library, questions: Questions, *, threads: Pool) -> None:
        """Look for examples in `library` on `threads`; `questions` answers them."""
        self._library = library
        self._questions = questions
        self._threads = threads
        self._search: asyncio.Future[list[str]] | None = None

    async def ready(self, *, within: float = AT_ONCE) -> list[str]:
        """Return questions that the current articles answer; none where they are not found in so many seconds."""
        if self._search is None or self._search.done():
            self._search = asyncio.get_running_loop().run_in_executor(self._threads, self._find)
        search = self._search
        await asyncio.wait([search], timeout=within)
        return search.result() if search.done() else []

    async def ask(self, update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
        """Say which question it is, and answer it as if the person had written it."""
        query = update.callback_query
        said = query and re.match(ASK, query.data or "")
        if query is None or not said:
            return
        message = accessible(query.message)
        if message is None:
            await answer(query, words.TOO_OLD, alert=True)
            return
        examples = await self.ready(within=WHEN_PRESSED)
        question = next((one for one in examples if shelfmark(one) == said[1]), None)
        if question is None:
            await answer(query, words.EXAMPLE_GONE, alert=True)
            return
        await answer(query)
        attempt = CURRENT.get()
        stands = attempt is not None and attempt.taken.sends  # said before: no more than two replies may be begun
        line = message if stands else await say(context.bot, message.chat_id, render.text(words.you_ask(question)))
        if line is not None:
            await self._questions.answer(_as_written(line, query.from_user, question), context, question)

    def _find(self) -> list[str]:
        try:
            return self._library.examples(EXAMPLES)
        except FootnoteError as error:  # /help is no place to say so: it has other things to tell
            log.info("there are no questions to suggest: %s", error)
            return []


def buttons(examples: list[str]) -> InlineKeyboardMarkup | None:
    """Return the buttons that ask examples, by the number of each."""
    row = [
        InlineKeyboardButton(str(place), callback_data=f"ask:{shelfmark(question)}")
        for place, question in enumerate(examples, start=1)
    ]
    return InlineKeyboardMarkup([row]) if row else None


def _as_written(line: Message, person: User, question: str) -> Message:
    """Return the message that repeats a question as if the person had written it."""
    return Message(line.message_id, line.date, line.chat, from_user=person, text=question)
