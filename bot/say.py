"""Send and edit messages: the one place that knows how Telegram refuses them."""

import contextlib
import re

from telegram import Bot, InlineKeyboardMarkup, LinkPreviewOptions, Message
from telegram.constants import ParseMode
from telegram.error import BadRequest

_NO_PREVIEW = LinkPreviewOptions(is_disabled=True)


async def say(
    bot: Bot, chat: int, messages: list[str], *, buttons: InlineKeyboardMarkup | None = None
) -> Message | None:
    """Send messages of Telegram HTML in order; buttons stand under the last. Return the last."""
    sent = None
    for number, html in enumerate(messages, start=1):
        under = buttons if number == len(messages) else None
        sent = await _send(bot, chat, html, under)
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


async def typing(bot: Bot, chat: int) -> None:
    """Show that an answer is being made. Nobody misses it where it fails."""
    with contextlib.suppress(Exception):
        await bot.send_chat_action(chat, "typing")


async def _send(bot: Bot, chat: int, html: str, buttons: InlineKeyboardMarkup | None) -> Message:
    try:
        return await bot.send_message(
            chat, html, parse_mode=ParseMode.HTML, link_preview_options=_NO_PREVIEW, reply_markup=buttons
        )
    except BadRequest as error:
        if "can't parse entities" not in error.message.lower():
            raise
        plain = re.sub(r"<[^<>]+>", "", html)
        return await bot.send_message(chat, plain, link_preview_options=_NO_PREVIEW, reply_markup=buttons)
