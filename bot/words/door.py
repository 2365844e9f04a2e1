"""What those hear who are not served: whom nobody let in, who came too late, what failed."""

from bot.words.language import N_, _

NOT_ALLOWED = N_("This bot is private. If you think you should have access, please ask whoever runs it.")
ADMINS_ONLY = N_("Only an admin of this bot may do that.")
NOT_MINE = N_("I answer only buttons on messages of my own, in your private chat with me.")
OWN_WORDS = N_("Please write that command yourself: I do not take it from a forwarded message or from another bot.")
TOO_OLD = N_("This message is too old for its buttons. Please send the command again.")
WENT_WRONG = N_(
    "Something went wrong on my side. Please try again; if it stays so, tell whoever runs this bot: error {id}."
)
TOO_LATE = N_(
    "You asked this too long ago, while I was away, so I leave it. If you still want to know, please ask again."
)
CROWDED = N_("I am busy: very many questions are waiting. Please ask this again in a few minutes.")
TOO_FAST = N_("You ask faster than I may answer. Please wait a minute, then ask again what has no answer by then.")
TOO_MANY_TRIES = N_("You tried many invitations. Please wait a few minutes before you open another one.")

_TURNED_AWAY = {
    "not_admitted": NOT_ALLOWED,
    "not_for_us": NOT_MINE,
    "expired": TOO_LATE,
    "crowded": CROWDED,
    "too_fast": TOO_FAST,
    "too_many_tries": TOO_MANY_TRIES,
}


def turned_away(outcome: str) -> str:
    """Say why somebody is not answered."""
    return _(_TURNED_AWAY[outcome])
