"""The Telegram bot: its composition, and its table of contents."""

import asyncio
import datetime as dt
import logging
import secrets
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from telegram import BotCommand, BotCommandScopeChat, Update
from telegram.constants import ChatType
from telegram.error import BadRequest, InvalidToken, NetworkError, TelegramError
from telegram.ext import (
    Application,
    ApplicationBuilder,
    ApplicationHandlerStop,
    CallbackQueryHandler,
    CommandHandler,
    ContextTypes,
    MessageHandler,
    TypeHandler,
    filters,
)

from bot import admin, render, words
from bot.commands import Commands
from bot.gate import Gate
from bot.questions import Questions
from bot.reindexing import Reindexing
from bot.say import say
from bot.schedule import Schedule
from config import Telegram
from config.errors import SettingsError
from index.library import Library
from index.lock import hold

UPDATES = ["message", "callback_query"]
"""What we ask Telegram for."""

AT_ONCE = 8
"""Updates handled at the same time, so that a question does not wait for somebody's slow network."""

ASKING = 2
"""Threads that ask the Library: the model takes one question at a time, the rest of a question overlaps."""

Bot = Application[Any, Any, Any, Any, Any, Any]

log = logging.getLogger(__name__)


def build(library: Library, settings: Telegram) -> Bot:
    """Compose the bot. Every handler stands here, in the order in which it is tried.

    Raises:
        SettingsError: there is no token.
    """
    if settings.token is None:
        message = f"There is no TELEGRAM_BOT_TOKEN in the environment or in .env. {words.IN_THE_TERMINAL}"
        raise SettingsError(message)
    threads = ThreadPoolExecutor(ASKING, thread_name_prefix="ask")
    gate = Gate(settings)
    questions = Questions(library, threads)
    commands = Commands(library, gate, every=settings.reindex_every)
    reindexing = Reindexing(library)
    admins = admin.Admin(reindexing, gate)

    async def closed(_: Bot) -> None:
        await asyncio.to_thread(reindexing.close)
        threads.shutdown()

    async def opened(application: Bot) -> None:
        await _show_commands(application, settings)

    bot: Bot = (
        ApplicationBuilder()
        .token(settings.token.get_secret_value())
        .base_url(f"{settings.api_url}/bot")
        .base_file_url(f"{settings.api_url}/file/bot")
        .concurrent_updates(AT_ONCE)
        .post_init(opened)
        .post_stop(closed)
        .build()
    )
    private = filters.ChatType.PRIVATE & filters.UpdateType.MESSAGE
    bot.add_handler(TypeHandler(Update, _Door(gate).check), group=-1)
    bot.add_handler(CommandHandler("start", commands.start, private))
    bot.add_handler(CommandHandler("help", commands.help, private))
    bot.add_handler(CommandHandler("ask", questions.command, private))
    bot.add_handler(CommandHandler("sources", commands.sources, private))
    bot.add_handler(CommandHandler("status", commands.status, private))
    bot.add_handler(CommandHandler("reindex", admins.reindex, private))
    bot.add_handler(CommandHandler("rollback", admins.rollback, private))
    bot.add_handler(MessageHandler(private & filters.COMMAND, commands.help))
    bot.add_handler(MessageHandler(private & filters.TEXT, questions.plain))
    bot.add_handler(MessageHandler(private & ~filters.StatusUpdate.ALL, commands.not_text))
    bot.add_handler(CallbackQueryHandler(commands.turn, pattern=r"^sources:\d{1,6}$"))
    bot.add_handler(CallbackQueryHandler(admins.agree, pattern=admin.AGREE))
    bot.add_handler(CallbackQueryHandler(admins.stop, pattern=admin.STOP))
    bot.add_handler(CallbackQueryHandler(admins.go_back, pattern=admin.GO_BACK))
    bot.add_handler(CallbackQueryHandler(admins.stay, pattern=admin.LEAVE))
    bot.add_handler(CallbackQueryHandler(commands.stray))
    bot.add_error_handler(_on_error)
    if settings.reindex_every:
        Schedule(reindexing, settings.admins).start(bot, every=dt.timedelta(minutes=settings.reindex_every))
    return bot


def serve(library: Library, settings: Telegram) -> int:
    """Run the bot until it is told to stop.

    Raises:
        SettingsError: there is no token, or Telegram does not know it.
        Busy: another bot already runs on this data directory.
    """
    bot = build(library, settings)
    with hold(library.data, "bot", doing="running the Telegram bot"):
        library.warm()
        try:
            bot.run_polling(allowed_updates=UPDATES, bootstrap_retries=-1)
        except InvalidToken:
            message = (
                "Telegram does not know this bot token. Copy it again from @BotFather (/mybots, API Token) into "
                "TELEGRAM_BOT_TOKEN."
            )
            raise SettingsError(message) from None
    return 0


class _Door:
    """Stands before every handler."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate

    async def check(self, update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
        """Turn away who may not use the bot: with one polite line, and in a private chat only."""
        if self._gate.admits(update):
            return
        try:
            await self._turn_away(update, context)
        except Exception:  # whatever goes wrong with the polite line, the door stays shut
            log.exception("somebody could not be told that the bot is private")
        raise ApplicationHandlerStop

    async def _turn_away(self, update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
        person, chat = update.effective_user, update.effective_chat
        if update.callback_query is not None:
            await update.callback_query.answer(words.NOT_ALLOWED, show_alert=True)
        elif person is not None and not person.is_bot and chat is not None and chat.type == ChatType.PRIVATE:
            await say(context.bot, chat.id, render.text(words.NOT_ALLOWED))


async def _on_error(update: object, context: ContextTypes.DEFAULT_TYPE) -> None:
    """Log what nobody foresaw under a short id, and give the person that id instead of a traceback."""
    error = context.error
    if isinstance(error, NetworkError) and not isinstance(error, BadRequest) and not isinstance(update, Update):
        log.warning("Telegram cannot be reached: %s", error)
        return
    number = secrets.token_hex(3)
    log.error("error %s", number, exc_info=error)
    if isinstance(update, Update) and update.effective_chat is not None:
        try:
            await say(context.bot, update.effective_chat.id, render.text(words.WENT_WRONG.format(id=number)))
        except TelegramError as failed:
            log.warning("error %s could not be told to the person: %s", number, failed)


async def _show_commands(bot: Bot, settings: Telegram) -> None:
    """Fill the menus. Only a hint to clients: what a person may do is decided where it is done."""
    everyone = [BotCommand(name, what) for name, what in words.COMMANDS.items()]
    more = [BotCommand(name, what) for name, what in words.ADMIN_COMMANDS.items()]
    try:
        await bot.bot.set_my_commands(everyone)
        for person in settings.admins:
            await bot.bot.set_my_commands([*everyone, *more], scope=BotCommandScopeChat(person))
    except TelegramError as error:  # an admin who never wrote to the bot has no chat yet
        log.info("the menu of commands could not be set: %s", error)
