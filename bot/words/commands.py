"""What the commands for everyone say, and the menu of all of them."""

from collections.abc import Sequence

from bot.words.adding import ADD_DOES, REMOVE_DOES
from bot.words.desk import RESTS
from bot.words.figures import articles, duration, megabytes, number, passages, when
from bot.words.language import N_, _, ngettext
from bot.words.origins import copies
from bot.words.personal import FORGET_DOES, PRIVACY_DOES
from bot.words.reading import ARTICLE_DOES, LATEST_DOES, NEW_DOES, SOURCES_DOES, TRY
from bot.words.watches import WATCH_DOES, WATCHES_DOES
from index.library import Status

TEXT_ONLY = N_("I can only read text so far. Please write your question.")
NO_ARTICLES = N_("There are no articles yet. An admin can send /reindex.")
NEWER_BUTTON = N_("‹ Newer")
OLDER_BUTTON = N_("Older ›")

GROUP_COMMANDS = {"ask": N_("Ask a question: /ask Where will they meet?")}
"""All that the bot does at a command in a group."""

COMMANDS = {
    **GROUP_COMMANDS,
    "new": NEW_DOES,
    "watch": WATCH_DOES,
    "watches": WATCHES_DOES,
    "latest": LATEST_DOES,
    "sources": SOURCES_DOES,
    "article": ARTICLE_DOES,
    "status": N_("What I know and how I am"),
    "help": N_("How to ask, and what I do"),
    "privacy": PRIVACY_DOES,
    "forget": FORGET_DOES,
}
ADMIN_COMMANDS = {
    "add": ADD_DOES,
    "remove": REMOVE_DOES,
    "reindex": N_("Read the folder of articles again"),
    "rollback": N_("Go back to the articles before the last reindex"),
    "stats": N_("How many ask, and how it goes: /stats 30"),
    "gaps": N_("What the articles do not answer, or not well: /gaps 30"),
    "export": N_("Feedback as cases for an evaluation: /export 30"),
    "invite": N_("Make a link that lets somebody in"),
    "people": N_("Who was let in, who is blocked, which invitations are open"),
    "block": N_("Answer somebody no more: /block and their id"),
    "unblock": N_("Answer them again: /unblock and their id"),
}


def start(*, person: int, admin: bool) -> str:
    """Greet a person; tell them their id, which an operator needs for the settings."""
    greeting = _(
        "Ask me anything about the articles I keep. I answer with their own words and show where each one stands; "
        "where they do not say, I tell you so. /help says more."
    )
    if admin:
        role = _("You are an admin here: /reindex reads the articles again, /rollback undoes that.")
    else:
        role = _("Your Telegram id is {id}.").format(id=person)
    return f"{greeting}\n\n{role}"


def help_text(*, admin: bool, examples: Sequence[str], questions: Sequence[str] = ()) -> str:
    """Explain how to ask, with questions to try, or titles from the collection as examples of what it is about."""
    commands = {**COMMANDS, **(ADMIN_COMMANDS if admin else {})}
    lines = [
        _("Just write a question. Whole questions work best: “Where will they meet?” rather than “meeting”."),
        "",
        _("Each claim has a number; under the answer you find that passage, with the words I rely on in bold."),
    ]
    if questions:
        lines += ["", _(TRY), *(f"{place}. {question}" for place, question in enumerate(questions, start=1))]
    elif examples:
        lines += ["", _("Some of what I know about:"), *(f"• {title}" for title in examples)]
    lines += ["", *(f"/{name} – {_(what)}" for name, what in commands.items())]
    return "\n".join(lines)


def page(current: int, last: int) -> str:
    """Label the middle button under a page of a list."""
    return _("{page} of {pages}").format(page=number(current), pages=number(last))


def status(value: Status, *, every: int) -> str:
    """Say what the library holds, and whether it is read again by itself, `every` so many minutes (0: never)."""
    revision = value.revision
    if revision is None:
        return _(NO_ARTICLES)
    lines = [
        f"{articles(revision.articles)}, {passages(revision.passages)}",
        copies(value.copies) if value.copies else "",
        _("Revision {number}, made on {when}").format(number=revision.number, when=when(revision)),
        _segments(len(revision.segments)) if revision.segments else "",
        _("Model {name} ({runtime})").format(name=revision.model, runtime=value.runtime),
        _("Reranker {name}").format(name=value.reranker) if value.reranker else "",
        _("Disk {size}").format(size=megabytes(value.disk)),
        _("The bot reads the folder again every {time}.").format(time=duration(60.0 * every)) if every else "",
        _(RESTS) if revision.held else "",
    ]
    return "\n".join(filter(None, lines))


def _segments(count: int) -> str:
    all_ = ngettext("{n} segment", "{n} segments", count).format(n=number(count))
    deltas = ngettext("{n} delta", "{n} deltas", count - 1).format(n=number(count - 1))
    return _("{segments}: 1 base, {deltas}").format(segments=all_, deltas=deltas)
