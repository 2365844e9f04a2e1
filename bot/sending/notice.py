"""One message in a chat that is edited while something goes on, no oftener than Telegram lets a bot write."""

import asyncio
import logging
import time
from typing import Any

from telegram import Bot, InlineKeyboardMarkup, Message
from telegram.error import BadRequest, NetworkError, RetryAfter, TelegramError
from telegram.ext import Application

from bot.sending import pace
from bot.sending.say import edit, has_room, say
from bot.text import render

BETWEEN_EDITS = 1.0
"""Seconds; Telegram lets a bot write about one message a second into a chat, edits included."""

AGAIN = (1.0, 4.0, 15.0, 60.0, 120.0, 300.0)
"""Seconds of rest before each further try to say what came of work in the background: together more than eight
minutes, which Telegram is seldom away for. No update brings that back, as the inbox does with all else."""

NAP = 0.25
"""Seconds of a rest after which it is seen that the bot ends."""

log = logging.getLogger(__name__)


class Notice:
    """A message of ours."""

    def __init__(self, bot: Bot, message: Message) -> None:
        """Take over a message that was sent, or shown anew, just now at the latest."""
        self._bot = bot
        self.message = message
        self._edited = time.monotonic()
        self._shown = ""

    async def show(self, text: str, *, buttons: InlineKeyboardMarkup | None = None) -> None:
        """Show how things stand, unless that is too soon; a bar that cannot be drawn must not end the work."""
        if text == self._shown or time.monotonic() - self._edited < BETWEEN_EDITS:
            return
        if not has_room(self._bot, self.message.chat_id):
            return
        self._edited, self._shown = time.monotonic(), text
        try:
            await edit(self._bot, self.message, render.text(text)[0], buttons=buttons)
        except TelegramError as error:
            log.warning("progress could not be shown: %s", error)
        self._edited = time.monotonic()  # the next one is a second after this one has arrived, however slow the way was

    async def end(self, text: str, *, buttons: InlineKeyboardMarkup | None = None) -> None:
        """Show what came of it, however long; where the message is gone or cannot be edited, in a new one."""
        await asyncio.sleep(max(0.0, self._edited + BETWEEN_EDITS - time.monotonic()))
        first, *rest = render.text(text)
        try:
            await edit(self._bot, self.message, first, buttons=None if rest else buttons)
        except TelegramError as error:
            log.warning("what came of it is sent anew: %s", error)
            rest = [first, *rest]
        last = await say(self._bot, self.message.chat_id, rest, buttons=buttons)
        self.message = last or self.message
        self._edited = time.monotonic()

    async def end_at_last(
        self,
        application: Application[Any, Any, Any, Any, Any, Any],
        text: str,
        *,
        buttons: InlineKeyboardMarkup | None = None,
    ) -> None:
        """Do that in the background: again and again while Telegram cannot be reached, for as long as the bot runs."""
        for seconds in AGAIN:
            try:
                await self.end(text, buttons=buttons)
            except (NetworkError, RetryAfter) as error:
                if isinstance(error, BadRequest):  # it is a NetworkError to python-telegram-bot
                    raise
                log.warning("what came of it cannot be said yet: %s", error)
                await rest(application, max(seconds, pace.seconds(error) if isinstance(error, RetryAfter) else 0.0))
                if not application.running:
                    return
            else:
                return
        await self.end(text, buttons=buttons)


async def rest(application: Application[Any, Any, Any, Any, Any, Any], seconds: float) -> None:
    """Do nothing for so long, unless the bot ends."""
    for _ in range(int(seconds / NAP)):
        if not application.running:
            return
        await asyncio.sleep(NAP)
    await asyncio.sleep(seconds % NAP)
