"""Inline mode: what people type after the bot's name, in any chat, is answered with what they may send there.

Nothing of it is kept but a few results in memory, by question and revision: who goes on typing asks again and again.
"""

import asyncio
import datetime as dt
import functools
import logging
import unicodedata
from dataclasses import dataclass, field

from telegram import InlineQueryResultArticle, Update
from telegram.ext import ContextTypes

from bot import words
from bot.running.threads import Pool
from bot.sending.say import offer
from bot.showing.results import results
from bot.words.language import LANGUAGE
from config.errors import FootnoteError
from index.errors import QuestionError
from index.library import Library
from index.records import Revision

STALE = 10.0
"""Seconds after which nobody waits for the results of what they typed, nor does Telegram take them for much longer."""

SHORTEST = 4
"""Characters of the shortest question there is: "Why?" What is shorter is the beginning of one."""

REMEMBERED = 300
"""Questions whose results are remembered: about 20 KB each where all five messages are full, mostly less than 5."""

HINT = "inline"
"""What the button that stands in place of results starts the private chat with."""

log = logging.getLogger(__name__)

Results = tuple[InlineQueryResultArticle, ...]


@dataclass(frozen=True, slots=True)
class _Typed:
    """What was typed, and all that its results depend on: "last week" means something else tomorrow."""

    question: str = field(compare=False)
    folded: str
    revision: Revision | None
    language: str
    day: dt.date


class Inline:
    """Answers inline queries."""

    def __init__(self, library: Library, *, threads: Pool) -> None:
        """Ask `library` on `threads`."""
        self._library = library
        self._threads = threads
        self._remembered = functools.lru_cache(REMEMBERED)(self._made)

    async def typed(self, update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:  # noqa: ARG002  PTB's signature
        """Show an answer and passages for what somebody typed; where that is no question yet, the way to the chat."""
        query = update.inline_query
        if query is None:
            return
        question = " ".join(unicodedata.normalize("NFC", query.query).split())
        if len(question) < SHORTEST:
            await offer(query, button=words.INLINE_HINT, payload=HINT)
        else:
            await offer(query, await self._results(question))

    async def picked(self, update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
        """Let alone what somebody sent into our chat from our own results: it is an answer, and no question."""

    async def _results(self, question: str) -> Results:
        """Return what there is to send; nothing where that takes too long or fails: the next letter asks again."""
        try:
            async with asyncio.timeout(STALE):
                return await self._threads.run(self._found, question)
        except QuestionError:  # it has no words yet, or too many
            return ()
        except (TimeoutError, FootnoteError) as error:
            log.warning("what was typed got no results: %s", str(error) or "it took too long")
            return ()
        except Exception:  # an outer edge: who types waits for something, and nothing of it may come back later
            log.exception("what was typed got no results")
            return ()

    def _found(self, question: str) -> Results:
        revision, language = self._library.revision(), LANGUAGE.get()
        return self._remembered(_Typed(question, question.casefold(), revision, language, dt.date.today()))  # noqa: DTZ011  the Library's own day

    def _made(self, typed: _Typed) -> Results:
        return results(self._library.ask(typed.question))
