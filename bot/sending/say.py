"""Send and edit messages: the one place that knows how Telegram refuses them."""

import asyncio
import contextlib
import html
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from functools import partial
from typing import Any, TypeAlias

from telegram import (
    Bot,
    CallbackQuery,
    InlineKeyboardMarkup,
    InlineQuery,
    InlineQueryResult,
    InlineQueryResultsButton,
    LinkPreviewOptions,
    Message,
    ReplyParameters,
)
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

from bot.sending.attempt import CURRENT
from bot.sending.pace import Pace
from bot.sending.wire import broke, never_left

AT_ONCE = 1.0
"""Seconds of thinking of which no sign is needed: so long a person's flow of thought stays uninterrupted.

Source: J. Nielsen, Usability Engineering (1993), chapter 5, "Response Times".
"""

CACHED = 5
"""Seconds for which Telegram answers what a person typed once more by itself: while they hesitate, and no longer."""

TYPED = 4.5
"""Seconds between two signs of typing: Telegram shows one for five, or until the message comes."""

_NO_PREVIEW = LinkPreviewOptions(is_disabled=True)
Send: TypeAlias = Callable[..., Awaitable[Message]]
"""Sends one message: takes the chat, its text or caption, and perhaps `parse_mode`."""

_NO_PLACE = (
    "not enough rights to send",
    "have no rights to send",
    "chat_write_forbidden",
    "topic_closed",
    "message thread not found",
)
"""What Telegram says where a group lets nobody like us write, or not in that topic."""

_REFUSED = (BadRequest, ChatMigrated, Conflict, Forbidden, InvalidToken, RetryAfter)


async def say(  # noqa: PLR0913  what a message may have
    bot: Bot,
    chat: int,
    messages: list[str],
    *,
    buttons: InlineKeyboardMarkup | None = None,
    silently: bool = False,
    reply_to: int | None = None,
    thread: int = 0,
) -> Message | None:
    """Send messages of Telegram HTML in order; buttons stand under the last. Return the last.

    The first one is shown as a reply to the message `reply_to`, if that is still there; all go into the topic `thread`
    of a forum, where that is not 0.
    """
    sent = None
    for number, markup in enumerate(messages, start=1):
        how: dict[str, Any] = {
            "link_preview_options": _NO_PREVIEW,
            "reply_markup": buttons if number == len(messages) else None,
            "disable_notification": silently,
        }
        if thread:
            how["message_thread_id"] = thread
        if reply_to is not None and number == 1:
            how["reply_parameters"] = ReplyParameters(reply_to, allow_sending_without_reply=True)
        sent = await _send(partial(bot.send_message, **how), chat, markup)
        chat = sent.chat_id  # another one where the group has become a supergroup
    return sent


async def show(
    bot: Bot, chat: int, picture: bytes, caption: str, *, buttons: InlineKeyboardMarkup | None = None
) -> Message:
    """Send a picture with a caption of Telegram HTML, at most 1,024 UTF-16 code units after parsing."""

    async def send(chat: int, text: str, **how: Any) -> Message:  # noqa: ANN401  what `_send` adds
        return await bot.send_photo(chat, picture, caption=text, reply_markup=buttons, **how)

    return await _send(send, chat, caption)


async def hand_over(bot: Bot, chat: int, file: bytes, caption: str, *, name: str) -> Message:
    """Send a file of that name with a caption like that of a picture."""

    async def send(chat: int, text: str, **how: Any) -> Message:  # noqa: ANN401  what `_send` adds
        return await bot.send_document(chat, file, filename=name, caption=text, **how)

    return await _send(send, chat, caption)


async def edit(
    bot: Bot, message: Message | tuple[int, int], markup: str, *, buttons: InlineKeyboardMarkup | None = None
) -> None:
    """Replace the text of a message, given as such or by the ids of chat and message. That it says so is fine."""
    chat, number = message if isinstance(message, tuple) else (message.chat_id, message.message_id)
    how: dict[str, Any] = {
        "chat_id": chat,
        "message_id": number,
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


async def offer(
    query: InlineQuery, results: Sequence[InlineQueryResult] = (), *, button: str = "", payload: str = ""
) -> None:
    """Offer results for what somebody typed; above them, if it is given, a button that starts the private chat.

    Nobody misses it where it fails: they have typed on, or gone. Each person gets their own, in their language.
    """
    above = InlineQueryResultsButton(button, start_parameter=payload) if button else None
    with contextlib.suppress(TelegramError):
        await query.answer(results, button=above, cache_time=CACHED, is_personal=True)


async def press(bot: Bot, message: Message, buttons: InlineKeyboardMarkup | None) -> None:
    """Put other buttons under a message. That it has them already is fine."""
    try:
        await bot.edit_message_reply_markup(message.chat_id, message.message_id, reply_markup=buttons)
    except BadRequest as error:
        if "not modified" not in error.message.lower():
            raise


@contextlib.asynccontextmanager
async def typing(bot: Bot, chat: int, *, thread: int = 0) -> AsyncIterator[None]:
    """Show that an answer is being made, for as long as it is; of one that comes at once nobody needs to hear."""
    done = asyncio.Event()
    sign: asyncio.Task[None] | None = None

    def begin() -> None:
        nonlocal sign
        sign = asyncio.create_task(_type(bot, chat, thread or None, done))

    later = asyncio.get_running_loop().call_later(AT_ONCE, begin)
    try:
        yield
    finally:  # one that is on its way arrives before the answer: after it, it would show for five more seconds
        later.cancel()
        done.set()
        if sign is not None:
            await sign


async def _type(bot: Bot, chat: int, thread: int | None, done: asyncio.Event) -> None:
    """Nobody misses it where it fails, or where others wait to be written to."""
    while not done.is_set():
        if has_room(bot, chat):
            with contextlib.suppress(TelegramError):
                await bot.send_chat_action(chat, "typing", message_thread_id=thread)
        await _happens(done, within=TYPED)


async def _happens(event: asyncio.Event, *, within: float) -> None:
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(event.wait(), within)


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
    if not isinstance(error, NetworkError):
        return False
    if broke(error):
        return never_left(error)
    # A status of 500 and above; but whoever says 504 has passed it on and heard nothing.
    return not isinstance(error, TimedOut) and not _is_504(error)


def may_not_write(error: TelegramError) -> bool:
    """Whether a chat takes nothing from us, now and at the next try."""
    return isinstance(error, Forbidden) or any(said in error.message.lower() for said in _NO_PLACE)


async def _send(send: Send, chat: int, markup: str) -> Message:
    try:
        return await _tried(partial(send, chat, markup, parse_mode=ParseMode.HTML))
    except ChatMigrated as error:
        return await _tried(partial(send, error.new_chat_id, markup, parse_mode=ParseMode.HTML))
    except BadRequest as error:
        if not _is_about_markup(error):
            raise
        return await _tried(partial(send, chat, _plain(markup)))


async def _tried(send: Callable[[], Awaitable[Message]]) -> Message:
    """Send one message, and note in the inbox that this is done, before and after."""
    attempt = CURRENT.get()
    if attempt is None:
        return await send()
    await attempt.begin()
    try:
        sent = await send()
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
