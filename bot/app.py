"""The Telegram bot: its composition, and its table of contents."""

import asyncio
import datetime as dt
import logging
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

from telegram import BotCommand, BotCommandScopeChat, Update
from telegram.error import TelegramError
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
from telegram.request import HTTPXRequest

from bot import admin, buttons, heap, inbox, pace, web, words
from bot.answers import Answers
from bot.attempt import CURRENT
from bot.commands import Commands
from bot.dispatch import AT_ONCE, Dispatcher, report
from bot.door import Door
from bot.gate import Gate
from bot.inbox import Inbox
from bot.journal import Journal
from bot.lifecycle import Lifecycle, Parts
from bot.limits import Limits
from bot.listen import Listener
from bot.metrics import Metrics
from bot.poll import Patience, Poller
from bot.questions import Asking, Questions, Threads
from bot.reindexing import Reindexing
from bot.schedule import Schedule
from bot.web import Webhook, webhook_secret
from config import Settings, Telegram
from config.errors import SettingsError
from index.database import Database
from index.library import Library
from index.lock import hold

UPDATES = ["message", "edited_message", "callback_query"]
"""What we ask Telegram for."""

ASKING = 2
"""Threads that ask the Library: the model takes one question at a time, the rest of a question overlaps."""

LOOKING = 2
"""Threads for what only looks things up, so that it does not wait behind questions."""

STORING = 2
"""Threads for the inbox; SQLite lets one write at a time, PostgreSQL is some way off."""

DAY = 86_400.0

Bot = Application[Any, Any, Any, Any, Any, Any]

log = logging.getLogger(__name__)


def build(
    library: Library, settings: Settings, *, limits: pace.Limits | None = None, patience: Patience | None = None
) -> Lifecycle:
    """Compose the bot. `limits` are those of Telegram, and `patience` the usual one, unless others are given.

    Raises:
        SettingsError: there is no token.
        Damaged: the inbox cannot be opened.
    """
    telegram = settings.telegram
    if telegram.token is None:
        message = f"There is no TELEGRAM_BOT_TOKEN in the environment or in .env. {words.IN_THE_TERMINAL}"
        raise SettingsError(message)
    token = telegram.token.get_secret_value()
    asking, looking, storing = (
        ThreadPoolExecutor(count, thread_name_prefix=name)
        for count, name in ((ASKING, "ask"), (LOOKING, "look"), (STORING, "store"))
    )
    metrics = Metrics()
    reindexing = Reindexing(library, metrics.reindexed)
    database, number = _database(settings), int(token.partition(":")[0])
    journal = Journal(database, bot=number)
    stored = Inbox(
        database,
        bot=number,
        room=settings.delivery.waiting,
        never_crowded=telegram.admins,
        # what the door would answer, and as much again that hears from it that it is too much
        allows=Limits(settings.delivery, spare=settings.delivery.burst).allows,
    )
    bot = _application(telegram, limits)
    questions = Questions(
        library,
        journal,
        threads=Threads(asking, looking),
        settings=Asking(settings.delivery, settings.conversation),
        metrics=metrics,
    )
    answers = Answers(library, journal, threads=looking)
    gate = Gate(telegram)
    commands = Commands(library, gate, answers, every=telegram.reindex_every, threads=looking)
    door = Door(gate, Limits(settings.delivery), oldest=settings.delivery.oldest)
    _handle(bot, door, questions, answers, commands, admin.Admin(reindexing, gate))
    kept_for = DAY * settings.conversation.keep_days
    dispatcher = Dispatcher(
        bot,
        stored,
        settings=settings.delivery,
        threads=storing,
        metrics=metrics,
        prune=[lambda: journal.prune(keep=kept_for)],
    )
    if telegram.reindex_every:
        Schedule(reindexing, telegram.admins).start(bot, every=dt.timedelta(minutes=telegram.reindex_every))
    poller = webhook = None
    if telegram.webhook:
        webhook = Webhook.of(telegram, settings.web, lambda raw: dispatcher.store([raw]))
    else:
        patience = patience or Patience.within(settings.delivery.silence)
        address = f"{telegram.api_url}/bot{token}"
        poller = Poller(address, kinds=UPDATES, store=dispatcher.store, metrics=metrics, patience=patience)
    life: Lifecycle
    alive = lambda: life.alive()  # noqa: E731, PLW0108  it is made further down
    pages = web.app(metrics, alive=alive, ready=lambda: life.lacks, webhook=webhook)
    listener = Listener(pages, settings.web) if settings.web.port else None
    life = Lifecycle(
        Parts(
            library=library,
            application=bot,
            inbox=stored,
            dispatcher=dispatcher,
            poller=poller,
            listener=listener,
            announce=partial(_announce, bot, telegram),
            begin=partial(_begin, bot, stored, telegram),
            close=reindexing.close,
            threads=(asking, looking, storing),
        ),
        settings.delivery,
    )
    metrics.watch(
        waiting=lambda: dispatcher.waiting,
        revision=lambda: library.serving,
        articles=lambda: _articles(library),
        poll_age=life.silence,
    )
    return life


def _articles(library: Library) -> int:
    revision = library.revision()
    return revision.articles if revision else 0


def serve(library: Library, settings: Settings) -> int:
    """Run the bot until it is told to stop; return the exit code.

    Raises:
        SettingsError: there is no token, or Telegram does not know it.
        Busy: another bot already runs on this data directory.
    """
    heap.bound()
    with hold(library.data, "bot", doing="running the Telegram bot"):
        return build(library, settings).run_to_its_end()


def _database(settings: Settings) -> Database:
    """Return the database that keeps inbox and journal: the shared one, or a file of its own beside the ledger."""
    shared = settings.store.database
    return Database(
        shared.get_secret_value() if shared else Path(settings.library.data).expanduser() / inbox.FILE,
        holds="the inbox and the journal of the bot",
        remedy="move it away: what waits there and what was asked is lost, and nothing else",
        cache=256,  # more would only fill up with what was answered long ago
        together=True,
    )


def _application(telegram: Telegram, limits: pace.Limits | None) -> Bot:
    """Make the application without an updater: how updates come and when they are done is ours."""
    assert telegram.token is not None  # noqa: S101  for mypy: the caller has looked
    request = HTTPXRequest(
        connection_pool_size=4 * AT_ONCE, connect_timeout=10.0, read_timeout=20.0, write_timeout=20.0, pool_timeout=10.0
    )
    return (
        ApplicationBuilder()
        .token(telegram.token.get_secret_value())
        .base_url(f"{telegram.api_url}/bot")
        .base_file_url(f"{telegram.api_url}/file/bot")
        .updater(None)
        .request(request)
        .rate_limiter(pace.Pace(limits))
        .build()
    )


def _handle(
    bot: Bot, door: Door, questions: Questions, answers: Answers, commands: Commands, admins: admin.Admin
) -> None:
    """Add every handler, in the order in which it is tried."""
    private = filters.ChatType.PRIVATE & filters.UpdateType.MESSAGE
    bot.add_handler(TypeHandler(Update, door.check), group=-1)
    bot.add_handler(CommandHandler("start", commands.start, private))
    bot.add_handler(CommandHandler("help", commands.help, private))
    bot.add_handler(CommandHandler("ask", questions.command, private))
    bot.add_handler(CommandHandler("new", questions.afresh, private))
    bot.add_handler(CommandHandler("sources", commands.sources, private))
    bot.add_handler(CommandHandler("status", commands.status, private))
    bot.add_handler(CommandHandler("reindex", admins.reindex, private))
    bot.add_handler(CommandHandler("rollback", admins.rollback, private))
    bot.add_handler(MessageHandler(private & filters.COMMAND, commands.help))
    bot.add_handler(MessageHandler(private & filters.TEXT, questions.plain))
    bot.add_handler(MessageHandler(private & ~filters.StatusUpdate.ALL, commands.not_text))
    bot.add_handler(MessageHandler(filters.ChatType.PRIVATE & filters.UpdateType.EDITED_MESSAGE, questions.edited))
    bot.add_handler(CallbackQueryHandler(answers.open, pattern=buttons.OPEN))
    bot.add_handler(CallbackQueryHandler(answers.why, pattern=buttons.WHY))
    bot.add_handler(CallbackQueryHandler(answers.back, pattern=buttons.BACK))
    bot.add_handler(CallbackQueryHandler(answers.vote, pattern=buttons.VOTE))
    bot.add_handler(CallbackQueryHandler(answers.reason, pattern=buttons.REASON))
    bot.add_handler(CallbackQueryHandler(commands.turn, pattern=r"^sources:\d{1,6}$"))
    bot.add_handler(CallbackQueryHandler(admins.agree, pattern=admin.AGREE))
    bot.add_handler(CallbackQueryHandler(admins.stop, pattern=admin.STOP))
    bot.add_handler(CallbackQueryHandler(admins.go_back, pattern=admin.GO_BACK))
    bot.add_handler(CallbackQueryHandler(admins.stay, pattern=admin.LEAVE))
    bot.add_handler(CallbackQueryHandler(commands.stray))
    bot.add_error_handler(_keep_error)


async def _keep_error(update: object, context: ContextTypes.DEFAULT_TYPE) -> None:
    """Leave what a handler raised to the dispatcher, which knows what to do; report what failed in the background."""
    attempt = CURRENT.get()
    if attempt is not None and isinstance(update, Update) and update.update_id == attempt.taken.id and not attempt.over:
        attempt.error = context.error if isinstance(context.error, Exception) else None
        raise ApplicationHandlerStop  # or the handlers behind the door would go on where the door has failed
    chat = update.effective_chat.id if isinstance(update, Update) and update.effective_chat else None
    await report(context.bot, chat, "something in the background failed", context.error)


async def _announce(bot: Bot, telegram: Telegram) -> None:
    """Ask Telegram who we are, and tell it whether it brings the updates or we fetch them."""
    await bot.initialize()
    if telegram.webhook:
        secret = webhook_secret(telegram)
        await bot.bot.set_webhook(telegram.webhook, secret_token=secret, allowed_updates=UPDATES)
    else:
        await bot.bot.delete_webhook(drop_pending_updates=False)


async def _begin(bot: Bot, stored: Inbox, telegram: Telegram) -> None:
    """Free what the process before this one had in hand, and fill the menus in the background."""
    freed = await asyncio.to_thread(stored.recover)
    if freed:
        log.info("%d updates were in hand when the bot ended; they are answered now", freed)
    bot.create_task(_show_commands(bot, telegram))


async def _show_commands(bot: Bot, telegram: Telegram) -> None:
    """Fill the menus. Only a hint to clients: what a person may do is decided where it is done."""
    everyone = [BotCommand(name, what) for name, what in words.COMMANDS.items()]
    more = [BotCommand(name, what) for name, what in words.ADMIN_COMMANDS.items()]
    try:
        await bot.bot.set_my_commands(everyone)
        for person in telegram.admins:
            await bot.bot.set_my_commands([*everyone, *more], scope=BotCommandScopeChat(person))
    except TelegramError as error:  # an admin who never wrote to the bot has no chat yet
        log.info("the menu of commands could not be set: %s", error)
