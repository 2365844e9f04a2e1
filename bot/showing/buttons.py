"""The buttons under an answer: what is on them, and what they send. Pure.

What a button sends names an answer of the journal by its id, which nobody guesses, so that it works for as long as the
answer is kept, after a restart and a reindex as well. At most 64 bytes.
"""

from dataclasses import dataclass

from telegram import InlineKeyboardButton, InlineKeyboardMarkup

from bot import words
from bot.showing.evidence import View, Window
from bot.store.journal import Reason, Vote
from bot.store.kept import Kept

ID = r"[0-9a-f]{16}"
OPEN = rf"^e:({ID}):(\d{{1,2}}):(\d{{1,2}}):(\d{{1,2}})$"
"""Show the passage of a citation, with so much more before and after it."""

WHY = rf"^w:({ID})$"
BACK = rf"^b:({ID})$"
VOTE = rf"^v:({ID}):([ud])$"
REASON = rf"^r:({ID}):(source|outdated|answer|refuse)$"
SHOW = rf"(?:e_({ID})_(\d{{1,2}})|w_({ID}))"
"""The payload of a link that shows a passage, or the reasons, in the private chat: for answers in groups."""

STOP_WATCHING = rf"^watch:stop:({ID})$"
"""End the watch that brought an answer."""

IN_GROUPS = (BACK, VOTE, REASON)
"""What may be pressed in a group: whatever shows more would change the one message that all read."""

A_ROW = 8
"""Buttons that fit side by side on a phone when they hold a digit or a sign."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where the buttons stand: in the private chat, or in a group, whose evidence is shown by links to the `bot`."""

    bot: str
    group: bool = False


def under(kept: Kept, place: Place, vote: Vote | None = None) -> InlineKeyboardMarkup:
    """Return the buttons of an answer; `vote` is what the one person thinks of it who sees them."""
    passages = [_passage(kept, citations[0].number, place) for citations in kept.answer.cited]
    rest = [
        _why(kept, place),
        _button(_voted("👍", chosen=vote is not None and vote.good), f"v:{kept.id}:u"),
        _button(_voted("👎", chosen=vote is not None and not vote.good), f"v:{kept.id}:d"),
    ]
    stop = [[_button(words.STOP_WATCHING_BUTTON, f"watch:stop:{kept.watch}")]] if kept.watch else []
    if len(passages) + len(rest) <= A_ROW:
        return InlineKeyboardMarkup([[*passages, *rest], *stop])
    rows = [passages[at : at + A_ROW] for at in range(0, len(passages), A_ROW)]
    return InlineKeyboardMarkup([*rows, rest, *stop])


def around(kept: Kept, number: int, window: Window, view: View) -> InlineKeyboardMarkup:
    """Return the buttons of a passage that is shown in place of the answer."""
    more = []
    if view.more_before:
        more.append(_button(words.MORE_BEFORE_BUTTON, opened(kept, number, Window(window.before + 1, window.after))))
    if view.more_after:
        more.append(_button(words.MORE_AFTER_BUTTON, opened(kept, number, Window(window.before, window.after + 1))))
    whole = _button(words.WHOLE_BUTTON, f"x:{opened(kept, number, window).removeprefix('e:')}")
    return InlineKeyboardMarkup([*([more] if more else []), [_button(words.BACK_BUTTON, f"b:{kept.id}"), whole]])


def back(kept: Kept) -> InlineKeyboardMarkup:
    """Return the button that leads back to the answer."""
    return InlineKeyboardMarkup([[_button(words.BACK_BUTTON, f"b:{kept.id}")]])


def reasons(kept: Kept) -> InlineKeyboardMarkup:
    """Return the buttons that ask what was wrong: only what can have been."""
    wrong = (
        [Reason.WRONG_SOURCE, Reason.OUTDATED, Reason.SHOULD_HAVE_REFUSED]
        if kept.answer.answered
        else [Reason.SHOULD_HAVE_ANSWERED, Reason.OUTDATED]
    )
    rows = [[_button(words.reason(one), f"r:{kept.id}:{one}")] for one in wrong]
    return InlineKeyboardMarkup([*rows, [_button(words.BACK_BUTTON, f"b:{kept.id}")]])


def opened(kept: Kept, number: int, window: Window) -> str:
    """Return the data of a button that shows a passage."""
    return f"e:{kept.id}:{number}:{window.before}:{window.after}"


def link(kept: Kept, number: int, bot: str) -> str:
    """Return the address that shows a passage in the private chat with the `bot`."""
    return f"https://t.me/{bot}?start=e_{kept.id}_{number}"


def _passage(kept: Kept, number: int, place: Place) -> InlineKeyboardButton:
    if place.group:
        return InlineKeyboardButton(str(number), url=link(kept, number, place.bot))
    return _button(str(number), opened(kept, number, Window()))


def _why(kept: Kept, place: Place) -> InlineKeyboardButton:
    if place.group:
        return InlineKeyboardButton(words.WHY_BUTTON, url=f"https://t.me/{place.bot}?start=w_{kept.id}")
    return _button(words.WHY_BUTTON, f"w:{kept.id}")


def _voted(sign: str, *, chosen: bool) -> str:
    return f"{sign} ✓" if chosen else sign


def _button(label: str, data: str) -> InlineKeyboardButton:
    return InlineKeyboardButton(label, callback_data=data)
