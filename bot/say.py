"""Send and edit messages: the one place that knows how Telegram refuses them."""

import contextlib
import html
import re
from typing import Any

import httpx
from telegram import Bot, CallbackQuery, InlineKeyboardMarkup, LinkPreviewOptions, Message, ReplyParameters
from telegram.constants import ParseMode
from telegram.error import (
    BadRequest,
    ChatMigrated,
    Conflict,
    Forbidden,
    InvalidToken,
    NetworkError,
    RetryAfter,
    TelegramError,
    TimedOut,
)
from telegram.ext import ExtBot

from bot.attempt import CURRENT
from bot.pace import Pace

_NO_PREVIEW = LinkPreviewOptions(is_disabled=True)
_NEVER_LEFT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol)
_REFUSED = (BadRequest, ChatMigrated, Conflict, Forbidden, InvalidToken, RetryAfter)


async def say(
    bot: Bot,
    chat: int,
    messages: list[str],
    *,
    buttons: InlineKeyboardMarkup | None = None,
    silently: bool = False,
    reply_to: int | None = None,
) -> Message | None:
    """Send messages of Telegram HTML in order; buttons stand under the last. Return the last.

    The first one is shown as a reply to the message `reply_to`, if that is still there.
    """
    sent = None
    for number, markup in enumerate(messages, start=1):
        how: dict[str, Any] = {
            "link_preview_options": _NO_PREVIEW,
            "reply_markup": buttons if number == len(messages) else None,
            "disable_notification": silently,
        }
        if reply_to is not None and number == 1:
            how["reply_parameters"] = ReplyParameters(reply_to, allow_sending_without_reply=True)
        sent = await _send(bot, chat, markup, how)
        chat = sent.chat_id  # another one where the group has become a supergroup
    return sent


async def edit(bot: Bot, message: Message, markup: str, *, buttons: InlineKeyboardMarkup | None = None) -> None:
    """Replace the text of a message. That it says so already is fine."""
    how: dict[str, Any] = {
        "chat_id": message.chat_id,
        "message_id": message.message_id,
        "link_preview_options": _NO_PREVIEW,
        "reply_markup": buttons,
    }
    try:
        try:
            await bot.edit_message_text(markup, parse_mode=ParseMode.HTML, **how)
        except BadRequest as error:
            if not _is_about_markup(error):
                raise
            await bot.edit_message_text(_plain(markup), **how)
    except BadRequest as error:
        if "not modified" not in error.message.lower():
            raise


async def answer(query: CallbackQuery, text: str = "", *, alert: bool = False) -> None:
    """Answer a button. Nobody misses it where it fails: one pressed long ago is too old for it, and works as well."""
    with contextlib.suppress(TelegramError):
        await query.answer(text, show_alert=alert)


async def typing(bot: Bot, chat: int) -> None:
    """Show that an answer is being made. Nobody misses it where it fails, or where others wait to be written to."""
    if has_room(bot, chat):
        with contextlib.suppress(TelegramError):
            await bot.send_chat_action(chat, "typing")


def has_room(bot: Bot, chat: int) -> bool:
    """Whether something that nobody would miss may be sent into a chat now."""
    pace = bot.rate_limiter if isinstance(bot, ExtBot) else None
    return not isinstance(pace, Pace) or pace.room(chat)


def surely_not_sent(error: TelegramError) -> bool:
    """Whether Telegram did not take what this error came of: it said so itself, or never heard of it.

    After a time-out or a connection that broke it may have taken it all the same.
    """
    if isinstance(error, _REFUSED):
        return True
    if isinstance(error.__cause__, httpx.HTTPError):
        return isinstance(error.__cause__, _NEVER_LEFT)
    # A status of 500 and above; but whoever says 504 has passed it on and heard nothing.
    return isinstance(error, NetworkError) and not isinstance(error, TimedOut) and not _is_504(error)


async def _send(bot: Bot, chat: int, markup: str, how: dict[str, Any]) -> Message:
    try:
        return await _tried(bot, chat, markup, {"parse_mode": ParseMode.HTML, **how})
    except ChatMigrated as error:
        return await _tried(bot, error.new_chat_id, markup, {"parse_mode": ParseMode.HTML, **how})
    except BadRequest as error:
        if not _is_about_markup(error):
            raise
        return await _tried(bot, chat, _plain(markup), how)


async def _tried(bot: Bot, chat: int, text: str, how: dict[str, Any]) -> Message:
    """Send one message, and note in the inbox that this is done, before and after."""
    attempt = CURRENT.get()
    if attempt is None:
        return await bot.send_message(chat, text, **how)
    await attempt.begin()
    try:
        sent = await bot.send_message(chat, text, **how)
    except TelegramError as error:
        if surely_not_sent(error):
            await attempt.not_sent()
        raise
    attempt.sent()
    return sent


def _is_504(error: NetworkError) -> bool:
    """Whether Telegram's gateway gave up waiting; python-telegram-bot keeps of the status only its words."""
    return "gateway timeout" in error.message.lower() or "(504)" in error.message


def _is_about_markup(error: BadRequest) -> bool:
    return "can't parse entities" in error.message.lower()


def _plain(markup: str) -> str:
    return html.unescape(re.sub(r"<[^<>]+>", "", markup))
