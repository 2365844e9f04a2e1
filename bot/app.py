"""The Telegram bot: its composition. Its table of handlers is in `handlers`."""

import asyncio
import datetime as dt
import itertools
import logging
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from telegram import BotCommand, BotCommandScope, BotCommandScopeAllGroupChats, BotCommandScopeChat
from telegram.error import TelegramError
from telegram.ext import Application, ApplicationBuilder

from bot import handlers, words
from bot.access.arrivals import Arrivals
from bot.access.gate import Gate
from bot.articles.adding import Adding
from bot.articles.removing import Removing
from bot.asking.answers import Answers
from bot.asking.commands import Commands
from bot.asking.groups import Groups
from bot.asking.inline import Inline
from bot.asking.questions import Asking, Questions, Threads
from bot.asking.suggest import Suggestions
from bot.browsing.personal import Personal, Times
from bot.browsing.reading import Reading
from bot.desk.admin import Admin
from bot.desk.bulletin import Bulletin
from bot.desk.insight import Insight
from bot.desk.invitations import Invitations
from bot.desk.reindexing import Reindexing
from bot.desk.roll import Roll
from bot.desk.schedule import Schedule
from bot.door import Door
from bot.handlers import Handlers
from bot.lifecycle import Lifecycle, Parts
from bot.receiving import poll
from bot.receiving.dispatch import AT_ONCE, Dispatcher
from bot.receiving.limits import Limits
from bot.receiving.listen import Listener
from bot.receiving.poll import Patience, Poller
from bot.running import heap, web
from bot.running.metrics import Metrics
from bot.running.threads import Pool
from bot.running.web import Webhook, webhook_secret
from bot.sending import pace
from bot.sending.wire import Wire, proxy_to
from bot.store import inbox
from bot.store.inbox import Inbox
from bot.store.journal import Journal
from bot.store.offers import Offers
from bot.store.people import People
from bot.store.watchlist import Watchlist
from bot.watching.lookout import Lookout
from bot.watching.watches import Bounds, Watches
from config import Settings, Telegram
from config.errors import SettingsError
from index.library import Library
from index.system.lock import hold
from index.truth.database import Database

UPDATES = ["message", "edited_message", "callback_query", "inline_query", "my_chat_member"]
"""What we ask Telegram for."""

ASKING = 2
"""Threads that ask the Library: the model takes one question at a time, the rest of a question overlaps."""

LOOKING = 2
"""Threads for what only looks things up, so that it does not wait behind questions."""

TAKING = 1
"""Threads that fetch and read what admins send, one thing after the other: reading takes a child process each."""

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
        SettingsError: there is no token, or the way to Telegram is by a proxy that cannot be used.
        Damaged: the inbox cannot be opened.
    """
    telegram = settings.telegram
    if telegram.token is None:
        message = f"There is no TELEGRAM_BOT_TOKEN in the environment or in .env. {words.IN_THE_TERMINAL}"
        raise SettingsError(message)
    token = telegram.token.get_secret_value()
    ground = _ground(library, settings, number=int(token.partition(":")[0]))
    stores, threads, metrics = ground.stores, ground.threads, ground.metrics
    bot = _application(telegram, limits)
    all_ = _handlers(ground)
    handlers.add(bot, all_, gate=ground.gate, number=ground.number)
    all_.adding.start(bot)
    Lookout(library, stores.journal, stores.watchlist, gate=ground.gate, threads=threads.looking).start(bot)
    if telegram.reindex_every:
        schedule = Schedule(ground.reindexing, telegram.admins, language=stores.journal.language)
        schedule.start(bot, every=dt.timedelta(minutes=telegram.reindex_every))
    dispatcher = Dispatcher(
        bot,
        stores.inbox,
        settings=settings.delivery,
        threads=threads.storing,
        metrics=metrics,
        prune=[lambda: stores.journal.prune(keep=ground.kept_for), stores.offers.sweep],
    )
    poller, webhook = _intake(settings, dispatcher, metrics=metrics, patience=patience)
    life: Lifecycle
    alive = lambda: life.alive()  # noqa: E731, PLW0108  it is made further down
    pages = web.app(metrics, alive=alive, ready=lambda: life.lacks, webhook=webhook)
    listener = Listener(pages, settings.web) if settings.web.port else None
    life = Lifecycle(
        Parts(
            library=library,
            application=bot,
            inbox=stores.inbox,
            dispatcher=dispatcher,
            poller=poller,
            listener=listener,
            announce=partial(_announce, bot, telegram),
            begin=partial(_begin, bot, stores.inbox, telegram),
            close=ground.reindexing.close,
            threads=(threads.asking, threads.looking, threads.taking, threads.storing),
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


def _intake(
    settings: Settings, dispatcher: Dispatcher, *, metrics: Metrics, patience: Patience | None
) -> tuple[Poller | None, Webhook | None]:
    """Make what brings updates to the dispatcher: a poller, or where Telegram brings them itself a webhook."""
    telegram = settings.telegram
    if telegram.webhook:
        return None, Webhook.of(telegram, settings.web, lambda raw: dispatcher.store([raw]))
    assert telegram.token is not None  # noqa: S101  for mypy: the caller has looked
    poller = Poller(
        f"{telegram.api_url}/bot{telegram.token.get_secret_value()}",
        kinds=UPDATES,
        store=dispatcher.store,
        metrics=metrics,
        patience=patience or Patience.within(settings.delivery.silence),
        busy=lambda: dispatcher.waiting > poll.MANY * AT_ONCE,
    )
    return poller, None


@dataclass(frozen=True, slots=True)
class _Threads:
    """Where work is done that must not stop the event loop."""

    asking: Pool
    looking: Pool
    taking: Pool
    storing: Pool


@dataclass(frozen=True, slots=True)
class _Stores:
    """What the bot keeps, all in one database."""

    inbox: Inbox
    journal: Journal
    people: People
    watchlist: Watchlist
    offers: Offers


@dataclass(frozen=True, slots=True)
class _Ground:
    """What the handlers stand on; `number` is the id of the bot."""

    library: Library
    settings: Settings
    number: int
    threads: _Threads
    stores: _Stores
    gate: Gate
    reindexing: Reindexing
    metrics: Metrics

    @property
    def kept_for(self) -> float:
        """Seconds for which answers are kept."""
        return DAY * self.settings.conversation.keep_days


def _ground(library: Library, settings: Settings, *, number: int) -> _Ground:
    telegram, database, metrics = settings.telegram, _database(settings), Metrics()
    people = People(database, bot=number)
    stored = Inbox(
        database,
        bot=number,
        room=settings.delivery.waiting,
        never_crowded=telegram.admins,
        # what the door would answer, and as much again that hears from it that it is too much
        allows=Limits(settings.delivery, spare=settings.delivery.burst).allows,
    )
    stores = _Stores(
        stored,
        Journal(database, bot=number),
        people,
        Watchlist(database, bot=number, now=stored.now),  # its leases must mean the same everywhere
        Offers(database, bot=number, now=stored.now),
    )
    pools = (
        Pool(count, thread_name_prefix=name)
        for count, name in ((ASKING, "ask"), (LOOKING, "look"), (TAKING, "take"), (STORING, "store"))
    )
    return _Ground(
        library,
        settings,
        number,
        _Threads(*pools),
        stores,
        Gate(telegram, people),
        Reindexing(library, metrics.reindexed),
        metrics,
    )


def _handlers(ground: _Ground) -> Handlers:
    """Make all who handle updates."""
    library, settings, stores, gate = ground.library, ground.settings, ground.stores, ground.gate
    telegram, conversation, looking = settings.telegram, settings.conversation, ground.threads.looking
    threads = Threads(ground.threads.asking, looking)
    questions = Questions(
        library,
        stores.journal,
        threads=threads,
        settings=Asking(settings.delivery, conversation),
        metrics=ground.metrics,
    )
    answers = Answers(library, stores.journal, gate, threads=looking)
    suggestions = Suggestions(library, questions, threads=looking)
    return Handlers(
        door=Door(gate, Limits(settings.delivery), oldest=settings.delivery.oldest),
        arrivals=Arrivals(stores.people, gate, threads=looking),
        questions=questions,
        answers=answers,
        suggestions=suggestions,
        groups=Groups(questions, gate),
        inline=Inline(library, threads=threads.asking),
        watches=Watches(
            library,
            stores.journal,
            stores.watchlist,
            threads=threads,
            bounds=Bounds(telegram.watches, settings.delivery.deadline, conversation),
        ),
        commands=Commands(library, gate, answers, suggestions, threads=looking),
        reading=Reading(library, answers, gate, threads=looking),
        personal=Personal(
            {
                "journal": stores.journal,
                "messages": stores.inbox,
                "names": stores.people,
                "watches": stores.watchlist,
                "offers": stores.offers,
            },
            Times(ground.kept_for, settings.delivery.keep),
            threads=looking,
        ),
        invitations=Invitations(stores.people, gate, threads=looking),
        roll=Roll(stores.people, gate, threads=looking),
        admin=Admin(ground.reindexing, gate),
        adding=Adding(
            ground.reindexing, gate, stores.offers, threads=ground.threads.taking, language=stores.journal.language
        ),
        removing=Removing(ground.reindexing, gate, stores.journal, threads=looking),
        bulletin=Bulletin(
            ground.reindexing,
            gate,
            every=telegram.reindex_every,
            waiting=stores.inbox.waiting,
            threads=looking,
        ),
        insight=Insight(library, stores.journal, gate, threads=looking),
    )


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
        remedy="move it away: what waits there is lost, what was asked, and who was invited or blocked; no article is",
        cache=128,  # more would only fill up with what was answered long ago
        together=True,
    )


def _application(telegram: Telegram, limits: pace.Limits | None) -> Bot:
    """Make the application without an updater: how updates come and when they are done is ours."""
    assert telegram.token is not None  # noqa: S101  for mypy: the caller has looked
    return (
        ApplicationBuilder()
        .token(telegram.token.get_secret_value())
        .base_url(f"{telegram.api_url}/bot")
        .base_file_url(f"{telegram.api_url}/file/bot")
        .updater(None)
        .request(Wire(4 * AT_ONCE, proxy=proxy_to(telegram.api_url)))
        .get_updates_request(Wire(1))  # for nothing: we poll by ourselves, and PTB's own would read all certificates
        .rate_limiter(pace.Pace(limits))
        .build()
    )


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


def _commands(scope: BotCommandScope | None) -> dict[str, str]:
    """Return what a menu shows; None is for all private chats but those of admins."""
    match scope:
        case BotCommandScopeAllGroupChats():
            return words.GROUP_COMMANDS
        case BotCommandScopeChat():
            return {**words.COMMANDS, **words.ADMIN_COMMANDS}
        case _:
            return words.COMMANDS


async def _show_commands(bot: Bot, telegram: Telegram) -> None:
    """Fill the menus. Only a hint to clients: what a person may do is decided where it is done."""
    scopes = [None, BotCommandScopeAllGroupChats(), *(BotCommandScopeChat(person) for person in telegram.admins)]
    for scope, language in itertools.product(scopes, words.languages()):
        with words.speaking(language):
            menu = [BotCommand(name, what) for name, what in _commands(scope).items()]
        try:  # what is set without a language is for all that have no menu of their own
            await bot.bot.set_my_commands(
                menu, scope=scope, language_code=None if language == words.ENGLISH else language
            )
        except TelegramError as error:  # an admin who never wrote to the bot has no chat yet
            log.info("a menu of commands could not be set: %s", error)
