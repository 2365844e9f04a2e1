"""The table of handlers: what people write and press, in the order in which it is tried. Knows what no handler does."""

from dataclasses import dataclass
from typing import Any

from telegram import Update
from telegram.ext import (
    Application,
    ApplicationHandlerStop,
    CallbackQueryHandler,
    CommandHandler,
    ContextTypes,
    InlineQueryHandler,
    MessageHandler,
    TypeHandler,
    filters,
)

from bot.access.arrivals import Arrivals
from bot.access.gate import Gate
from bot.articles import adding, removing
from bot.articles.adding import Adding
from bot.articles.removing import Removing
from bot.asking import suggest
from bot.asking.answers import Answers
from bot.asking.commands import Commands
from bot.asking.groups import Groups
from bot.asking.inline import Inline
from bot.asking.questions import ASK, Questions
from bot.asking.suggest import Suggestions
from bot.browsing import pages, personal
from bot.browsing.personal import Personal
from bot.browsing.reading import Reading
from bot.desk import admin, insight, roll
from bot.desk.admin import Admin
from bot.desk.bulletin import Bulletin
from bot.desk.insight import Insight
from bot.desk.invitations import Invitations, Opening
from bot.desk.roll import Roll
from bot.door import Door
from bot.receiving.dispatch import report
from bot.sending.attempt import CURRENT
from bot.showing import buttons
from bot.watching import watches
from bot.watching.watches import Watches

_PRIVATE = filters.ChatType.PRIVATE & filters.UpdateType.MESSAGE
_GROUP = filters.ChatType.GROUPS & filters.UpdateType.MESSAGE
_SAID = filters.TEXT | filters.CAPTION
_BESIDE = filters.CaptionRegex(rf"^(?:[^/]|{ASK.pattern})")
"""What stands under a picture or a file and asks; no other command is obeyed there."""


@dataclass(frozen=True, slots=True)
class Handlers:
    """Those who handle."""

    door: Door
    arrivals: Arrivals
    questions: Questions
    answers: Answers
    suggestions: Suggestions
    groups: Groups
    inline: Inline
    watches: Watches
    commands: Commands
    reading: Reading
    personal: Personal
    invitations: Invitations
    roll: Roll
    admin: Admin
    adding: Adding
    removing: Removing
    bulletin: Bulletin
    insight: Insight


class _ByAdmin(filters.UpdateFilter):
    """What an admin writes or sends, as `gate` knows them."""

    def __init__(self, gate: Gate) -> None:
        super().__init__()
        self._gate = gate

    def filter(self, update: Update) -> bool:
        return self._gate.is_admin(update)


def add(bot: Application[Any, Any, Any, Any, Any, Any], all_: Handlers, *, gate: Gate, number: int) -> None:
    """Let them handle the updates of the bot with that id; what an admin passes on is no question and no command."""
    bot.add_handler(TypeHandler(Update, all_.arrivals.check), group=-2)
    bot.add_handler(TypeHandler(Update, all_.door.check), group=-1)

    # outside of private chats
    bot.add_handler(MessageHandler(filters.ViaBot(number) & filters.UpdateType.MESSAGE, all_.inline.picked))
    bot.add_handler(MessageHandler(_GROUP & _SAID, all_.groups.heard))
    bot.add_handler(InlineQueryHandler(all_.inline.typed))

    # sent in private; what says something beside a file asks, but for an admin's
    by_admin = _ByAdmin(gate)
    bot.add_handler(MessageHandler(_PRIVATE & filters.Document.ALL & (by_admin | ~_BESIDE), all_.adding.document))
    bot.add_handler(MessageHandler(_PRIVATE & filters.FORWARDED & _SAID & by_admin, all_.adding.forwarded))
    bot.add_handler(MessageHandler(_PRIVATE & _BESIDE, all_.questions.plain))

    # written in private
    bot.add_handler(MessageHandler(_PRIVATE & filters.TEXT & ~filters.COMMAND, all_.questions.plain))
    bot.add_handler(MessageHandler(_PRIVATE & Opening(), all_.invitations.opened))
    for name, handle in _commands(all_).items():
        bot.add_handler(CommandHandler(name, handle, _PRIVATE))
    bot.add_handler(MessageHandler(_PRIVATE & filters.COMMAND, all_.commands.help))
    bot.add_handler(MessageHandler(_PRIVATE & ~filters.StatusUpdate.ALL, all_.commands.not_text))
    bot.add_handler(MessageHandler(filters.ChatType.PRIVATE & filters.UpdateType.EDITED_MESSAGE, all_.questions.edited))

    # pressed
    for pattern, handle in _buttons(all_).items():
        bot.add_handler(CallbackQueryHandler(handle, pattern=pattern))
    bot.add_handler(CallbackQueryHandler(all_.commands.stray))
    bot.add_error_handler(_keep_error)


def _commands(all_: Handlers) -> dict[str, Any]:
    return {
        "start": all_.commands.start,
        "help": all_.commands.help,
        # asking
        "ask": all_.questions.plain,
        "new": all_.questions.afresh,
        "watch": all_.watches.begin,
        "watches": all_.watches.overview,
        # reading
        "latest": all_.reading.latest,
        "sources": all_.reading.sources,
        "article": all_.reading.article,
        "status": all_.bulletin.status,
        # of oneself
        "privacy": all_.personal.privacy,
        "forget": all_.personal.forget,
        # for admins
        "add": all_.adding.add,
        "remove": all_.removing.remove,
        "reindex": all_.admin.reindex,
        "rollback": all_.admin.rollback,
        "stats": all_.insight.stats,
        "gaps": all_.insight.gaps,
        "export": all_.insight.export,
        "invite": all_.invitations.invite,
        "people": all_.roll.show,
        "block": all_.roll.block,
        "unblock": all_.roll.unblock,
    }


def _buttons(all_: Handlers) -> dict[str, Any]:
    return {
        # under an answer
        buttons.OPEN: all_.answers.open,
        buttons.WHY: all_.answers.why,
        buttons.BACK: all_.answers.back,
        buttons.VOTE: all_.answers.vote,
        buttons.REASON: all_.answers.reason,
        buttons.STOP_WATCHING: all_.watches.stop,
        # asking
        suggest.ASK: all_.suggestions.ask,
        watches.REMOVE: all_.watches.remove,
        watches.TURN: all_.watches.turn,
        # reading
        pages.LATEST: all_.reading.turn,
        pages.SOURCES: all_.reading.turn_sources,
        pages.ARTICLE: all_.reading.open,
        pages.FOUND: all_.reading.found,
        pages.WHOLE: all_.reading.whole,
        # of oneself
        personal.FORGET: all_.personal.agree,
        personal.KEEP: all_.personal.leave,
        # for admins
        admin.AGREE: all_.admin.agree,
        admin.STOP: all_.admin.stop,
        admin.GO_BACK: all_.admin.go_back,
        admin.LEAVE: all_.admin.stay,
        adding.KEEP: all_.adding.keep,
        adding.DISCARD: all_.adding.discard,
        pages.REMOVE: all_.removing.ask,
        removing.DO: all_.removing.do,
        removing.STAY: all_.removing.stay,
        insight.STATS: all_.insight.other_days,
        insight.GAPS: all_.insight.turn,
        roll.TURN: all_.roll.turn,
        roll.ASK: all_.roll.ask,
        roll.DO: all_.roll.do,
    }


async def _keep_error(update: object, context: ContextTypes.DEFAULT_TYPE) -> None:
    """Leave what a handler raised to the dispatcher, which knows what to do; report what failed in the background."""
    attempt = CURRENT.get()
    if attempt is not None and isinstance(update, Update) and update.update_id == attempt.taken.id and not attempt.over:
        attempt.error = context.error if isinstance(context.error, Exception) else None
        raise ApplicationHandlerStop  # or the handlers behind the door would go on where the door has failed
    chat = update.effective_chat.id if isinstance(update, Update) and update.effective_chat else None
    await report(context.bot, chat, "something in the background failed", context.error)
