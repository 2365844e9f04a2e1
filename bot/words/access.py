"""Who may ask: invitations, the list of people, and groups that the bot comes into."""

import datetime as dt

from bot.store.people import Entry, Guest, Invitation, Opened, Page
from bot.words.commands import start
from bot.words.door import NOT_ALLOWED
from bot.words.figures import day, number
from bot.words.language import N_, _, ngettext

INVITE_HOW = N_(
    "/invite makes a link for one person, open for 7 days. /invite 5 30 Readers of the museum makes one for five "
    "people and 30 days, with a note for you; * in place of 5 lets in any number. At most {times} people and {days} "
    "days."
)
INVITE_OPEN = N_(
    "Everyone may ask this bot already, so nobody needs an invitation. To make it private, put your own id into "
    "[telegram] allowed in the settings and start the bot anew; then /invite makes links."
)
WELCOME = N_("Welcome! You have been let in.")
IN_ALREADY = N_("You may ask already; just write a question. The invitation was not used up.")
EVERYONE_MAY_ASK = N_("Everyone may ask who is not blocked.")
NOBODY_YET = N_(
    "Nobody was let in by an invitation yet, and nobody is blocked. /invite makes a link that lets somebody in."
)
BLOCK_HOW = N_("Write /block and the numeric id of a person. /people shows the ids of those who were let in.")
UNBLOCK_HOW = N_("Write /unblock and the numeric id of a person. /people shows who is blocked.")
ASK_BLOCK = N_("Block {who}? Nothing they ask is answered any more, nor what waits already.")
ASK_UNBLOCK = N_("Unblock {who}?")
ADMIN_NOT_BLOCKED = N_("This is an admin, and admins cannot be blocked. Take the id out of [telegram] admins first.")
BLOCKED = N_("{who} is blocked.")
BLOCKED_ALREADY = N_("{who} is blocked already.")
NOT_BLOCKED = N_("{who} is not blocked.")
BANNED = N_("{who} is blocked in the settings: take the id out of [telegram] blocked and start the bot anew.")
MAY_ASK_AGAIN = N_("{who} may ask again.")
UNBLOCKED = N_("{who} is not blocked any more, but was not let in either: /invite makes a link.")
REVOKED = N_("The invitation is taken back. Whoever opened it may still ask.")
INVITATION_NOT_OPEN = N_("This invitation is not open any more.")
LEAVING = N_(
    "This bot is private, and this group is not on its list, so I leave. Whoever runs it can put the id of this chat, "
    "{chat}, into [telegram] groups in the settings; then add me again."
)
INTRODUCTION = N_("Hello! Ask me about the articles I keep: mention me, reply to me, or write /ask and your question.")

_NOT_OPENED = {
    Opened.USED_UP: N_("This invitation has been used already. Please ask whoever sent it to you for another one."),
    Opened.EXPIRED: N_("This invitation has expired. Please ask whoever sent it to you for another one."),
    Opened.REVOKED: N_("This invitation was taken back. Please ask whoever sent it to you."),
    Opened.UNKNOWN: N_(
        "I do not know this invitation. Please open the whole link, or ask whoever sent it for another one."
    ),
}
_DEEDS = {"b": N_("Block"), "u": N_("Unblock"), "r": N_("Take back")}


def invitation(value: Invitation, link: str) -> str:
    """Hand out an invitation."""
    label = f"\n{value.label}" if value.label else ""
    where = _("/people shows it, and takes it back.")
    return f"{link}\n{label}\n{_lets_in(value)} {where}"


def opened(value: Opened, *, person: int) -> str:
    """Say to a person what came of opening an invitation."""
    match value:
        case Opened.ADMITTED:
            return f"{_(WELCOME)}\n\n{start(person=person, admin=False)}"
        case Opened.ALREADY:
            return _(IN_ALREADY)
        case Opened.BLOCKED:
            return _(NOT_ALLOWED)
        case _:
            return _(_NOT_OPENED[value])


def people(value: Page, *, first: int, everyone: bool) -> str:
    """Show one page of the invitations and people, numbered from `first`."""
    top = [_(EVERYONE_MAY_ASK)] if everyone else []
    if not value.total:
        return "\n\n".join(top or [_(NOBODY_YET)])
    counts = [
        ngettext("{n} open invitation", "{n} open invitations", value.invitations).format(n=number(value.invitations)),
        _("{n} let in").format(n=number(value.guests)),
        _("{n} blocked").format(n=number(value.outcasts)),
    ]
    lines = [f"{at}. {_entry(entry)}" for at, entry in enumerate(value.entries, start=first)]
    return "\n\n".join([*top, ", ".join(counts), "\n".join(lines)])


def roll_button(kind: str, at: int | None = None) -> str:
    """Label the button that blocks, unblocks or revokes the entry of that number, or the one that was asked about."""
    return _(_DEEDS[kind]) if at is None else f"{_(_DEEDS[kind])} {at}"


def ask_revoke(value: Invitation) -> str:
    """Ask whether an invitation is to be taken back."""
    question = _("Take back this invitation? Whoever opened it may still ask.")
    return f"{question}\n\n{_entry(value)}"


def who(person: int, name: str) -> str:
    """Name a person: by the name they had, in whatever direction it runs, and by their id, which nobody can choose."""
    return f"\u2068{name}\u2069 ({person})" if name else str(person)


def _entry(value: Entry) -> str:
    match value:
        case Invitation():
            made = _("Invitation of {day}.").format(day=_day(value.at))
            label = _("“{label}”.").format(label=value.label) if value.label else ""
            return " ".join(filter(None, (made, label, _lets_in(value))))
        case Guest():
            known, on = who(value.person, value.name), _day(value.at)
            if value.label:
                return _("{who}, let in on {day} by “{label}”").format(who=known, day=on, label=value.label)
            return _("{who}, let in on {day}").format(who=known, day=on)
        case _:
            return _("{who}, blocked on {day}").format(who=who(value.person, value.name), day=_day(value.at))


def _lets_in(value: Invitation) -> str:
    on = _day(value.expires)
    if value.remains is None:
        return _("It lets in whoever opens it, until {day}.").format(day=on)
    text = ngettext("It lets in {n} person, until {day}.", "It lets in {n} people, until {day}.", value.remains)
    return text.format(n=number(value.remains), day=on)


def _day(at: float) -> str:
    return day(dt.datetime.fromtimestamp(at).astimezone().date())
