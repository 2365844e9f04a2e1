"""What a person is told of what is kept of them: what, for how long, who reads it, and how it is removed."""

import math
from collections.abc import Mapping

from bot.words.figures import number
from bot.words.language import N_, _, ngettext

PRIVACY_DOES = N_("What I keep of you, and who can read it")
FORGET_DOES = N_("Remove all that I keep of you")

FORGET_BUTTON = N_("Remove it all")
KEEP_BUTTON = N_("Keep it")
NOTHING_KEPT = N_(
    "I keep nothing that you asked or said. That you may use this bot, or may not, stays as it is. /privacy says more."
)
KEPT_AS_IT_IS = N_("Nothing was removed.")
MORE_BY_NOW = N_("What I keep of you has changed meanwhile. Please look again.")


def forgetting(counts: Mapping[str, int]) -> str:
    """Ask whether so much, by name, is to be removed for good."""
    goes = _("This is what I keep of you:\n{list}").format(list=_listed(counts))
    means = _(
        "If I remove it, it is gone for good: the buttons of old answers will say that they are forgotten, and nothing "
        "of it is left in the figures for admins. Backups that were made before keep it."
    )
    stays = _(
        "That you may use this bot, or may not, stays as it is. The messages in this chat are yours: delete them in "
        "Telegram."
    )
    return f"{goes}\n\n{means}\n\n{stays}"


def forgotten(counts: Mapping[str, int]) -> str:
    """Say what was removed."""
    gone = _("This is removed:\n{list}").format(list=_listed(counts))
    stays = _("That you may use this bot, or may not, stays as it was.")
    return f"{gone}\n\n{stays}"


def privacy(*, answers: float, updates: float) -> str:
    """Say what is kept, for how many seconds answers and updates are, who reads it, and how to remove it."""
    parts = [
        _("What I keep of you"),
        _(
            "• Your questions, my answers, and what you think of them: for {time}. The buttons of old answers, "
            "questions that follow each other and the figures for admins are read from there."
        ).format(time=_days(answers)),
        _(
            "• That a message of yours came and when, without its words: for {time} after it was answered. Only where "
            "I failed to work on one, its words are kept as long, so that the fault can be found."
        ).format(time=_days(updates)),
        _("• What an admin sent to become an article, until it is kept or discarded: for a week."),
        _("• The questions you watch, and how the articles answered them: until you watch them no more."),
        _("• If an invitation let you in: your name and language as Telegram showed them then, until you remove them."),
        _("Who can read it"),
        _(
            "• Whoever runs this bot and its database, and the backups of it. Admins read, without names, what was "
            "asked that I did not answer, and each answer that somebody gave 👍 or 👎, with its question and those "
            "before it. The list of who was let in shows them names."
        ),
        _("• Nobody else. What you ask here never appears in a group, and only you can open your answers."),
        _("• Telegram carries this chat, and keeps it as it does every chat with a bot."),
        _("How to remove it"),
        _("/forget shows how much it is, and removes it when you agree."),
    ]
    return "\n\n".join(parts)


def _listed(counts: Mapping[str, int]) -> str:
    return "\n".join(f"• {_stored(name, count)}" for name, count in counts.items() if count)


def _stored(name: str, count: int) -> str:
    """Write how many things of a kind are kept."""
    match name:
        case "questions":
            said = ngettext("{n} question with its answer", "{n} questions with their answers", count)
        case "votes":
            said = ngettext("{n} opinion of an answer", "{n} opinions of answers", count)
        case "messages":
            said = ngettext("{n} message that I failed to work on", "{n} messages that I failed to work on", count)
        case "watches":
            said = ngettext("{n} watch, which ends", "{n} watches, which end", count)
        case "offers":
            said = ngettext(
                "{n} offer of articles that you have not settled",
                "{n} offers of articles that you have not settled",
                count,
            )
        case "names":
            said = _("your name and language as Telegram shows them, in the list of who was invited")
        case _:
            said = f"{name}: {{n}}"
    return said.format(n=number(count))


def _days(seconds: float) -> str:
    """Write a length of time in days, rounded up."""
    days = math.ceil(seconds / 86_400)
    return ngettext("{n} day", "{n} days", days).format(n=number(days)) if days else _("an hour")
