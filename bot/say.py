"""Send and edit messages: the one place that knows how Telegram refuses them."""

import contextlib
import re
from typing import Any

from telegram import Bot, CallbackQuery, InlineKeyboardMarkup, LinkPreviewOptions, Message
from telegram.constants import ParseMode
from telegram.error import BadRequest

_NO_PREVIEW = LinkPreviewOptions(is_disabled=True)


async def say(
    bot: Bot,
    chat: int,
    messages: list[str],
    *,
    buttons: InlineKeyboardMarkup | None = None,
    silently: bool = False,
) -> Message | None:
    """Send messages of Telegram HTML in order; buttons stand under the last. Return the last."""
    sent = None
    for number, html in enumerate(messages, start=1):
        under = buttons if number == len(messages) else None
        sent = await _send(bot, chat, html, buttons=under, silently=silently)
    return sent


async def edit(bot: Bot, message: Message, html: str, *, buttons: InlineKeyboardMarkup | None = None) -> None:
    """Replace the text of a message. That it says so already is fine."""
    try:
        await bot.edit_message_text(
            html,
            chat_id=message.chat_id,
            message_id=message.message_id,
            parse_mode=ParseMode.HTML,
            link_preview_options=_NO_PREVIEW,
            reply_markup=buttons,
        )
    except BadRequest as error:
        if "not modified" not in error.message.lower():
            raise


async def answer(query: CallbackQuery, text: str = "", *, alert: bool = False) -> None:
    """Answer a button; one pressed while the bot was away is too old for that, and works all the same."""
    with contextlib.suppress(BadRequest):
        await query.answer(text, show_alert=alert)


async def typing(bot: Bot, chat: int) -> None:
    """Show that an answer is being made. Nobody misses it where it fails."""
    with contextlib.suppress(Exception):
        await bot.send_chat_action(chat, "typing")


async def _send(bot: Bot, chat: int, html: str, *, buttons: InlineKeyboardMarkup | None, silently: bool) -> Message:
    how: dict[str, Any] = {
        "link_preview_options": _NO_PREVIEW,
        "reply_markup": buttons,
        "disable_notification": silently,
    }
    try:
        return await bot.send_message(chat, html, parse_mode=ParseMode.HTML, **how)
    except BadRequest as error:
        if "can't parse entities" not in error.message.lower():
            raise
        return await bot.send_message(chat, re.sub(r"<[^<>]+>", "", html), **how)
