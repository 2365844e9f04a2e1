"""/people, /block and /unblock: who was let in, who is kept out, which invitations are open, and buttons to change it.

A button says all that pressing it needs, so that it works after a restart as well, and whoever is named by it is looked
up anew.
"""

import logging
import re
from typing import NamedTuple

from telegram import InlineKeyboardButton, InlineKeyboardMarkup, Message, Update
from telegram.error import BadRequest
from telegram.ext import ContextTypes

from bot import words
from bot.access.gate import Gate
from bot.desk.admin import admin_chat, admin_press
from bot.running.threads import Pool
from bot.sending.say import answer, edit, say
from bot.store.people import Entry, Guest, Invitation, Outcast, Page, People
from bot.text import render

PAGE = 8
"""Entries on a page: about a phone's screen, with the buttons below."""

A_ROW = 2
"""Buttons side by side: their words fit on a phone."""

_PERSON = r"[1-9]\d{0,15}"
_WHAT = rf"[bu]:{_PERSON}|r:[0-9a-f]{{16}}"
TURN = r"^people:(\d{1,5})$"
ASK = rf"^people:ask:({_WHAT}):(\d{{1,5}})$"
"""Block a person, unblock one, revoke an invitation: whom or which, and the page to return to."""

DO = rf"^people:do:({_WHAT}):(\d{{1,5}})$"

_NAMED = re.compile(rf"/\w+(?:@\w+)?\s+({_PERSON})")

log = logging.getLogger(__name__)


class What(NamedTuple):
    """Something to do with a person or an invitation, as on a button: `b`, `u` or `r`, and the id."""

    kind: str
    key: str

    @property
    def person(self) -> int:
        """The id of the person it is about."""
        return int(self.key)


class Roll:
    """Shows who may ask and who may not, and changes it, for admins."""

    def __init__(self, people: People, gate: Gate, *, threads: Pool) -> None:
        """Keep the list with `people`, who are asked on `threads`."""
        self._people = people
        self._gate = gate
        self._threads = threads

    async def show(self, update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
        """Show the first page."""
        chat = await admin_chat(self._gate, update, context)
        if chat is not None:
            text, buttons = await self._page(0)
            await say(context.bot, chat, render.text(text), buttons=buttons)

    async def block(self, update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
        """Block the person of that id, known or not."""
        await self._by_command(update, context, "b")

    async def unblock(self, update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
        """Block the person of that id no more."""
        await self._by_command(update, context, "u")

    async def turn(self, update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
        """Show another page in place, or the list again."""
        found = await admin_press(self._gate, update)
        if found is not None:
            query, message = found
            await answer(query)
            await _show(context, message, *await self._page(int((query.data or "").rpartition(":")[2])))

    async def ask(self, update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
        """Ask in place whether that is meant."""
        found = await admin_press(self._gate, update)
        if found is None:
            return
        query, message = found
        what, page = _read(query.data or "")
        question = await self._threads.run(lambda: self._question(what))
        if question is None:
            await answer(query, words.INVITATION_NOT_OPEN, alert=True)
            await _show(context, message, *await self._page(page))
        else:
            await answer(query)
            await _show(context, message, question, _choice(what, page))

    async def do(self, update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
        """Do what was asked about, and show the list again."""
        found = await admin_press(self._gate, update)
        if found is None:
            return
        query, message = found
        what, page = _read(query.data or "")
        await answer(query, await self._threads.run(lambda: self._done(what, by=query.from_user.id)), alert=True)
        await _show(context, message, *await self._page(page))

    async def _by_command(self, update: Update, context: ContextTypes.DEFAULT_TYPE, kind: str) -> None:
        chat = await admin_chat(self._gate, update, context)
        if chat is None or update.message is None:
            return
        named = _NAMED.fullmatch((update.message.text or "").strip())
        if named is None:
            text = words.BLOCK_HOW if kind == "b" else words.UNBLOCK_HOW
        else:
            what = What(kind, named[1])
            text = await self._threads.run(lambda: self._done(what, by=chat))
        await say(context.bot, chat, render.text(text))

    def _question(self, what: What) -> str | None:
        """Write the question before it is done; None where the invitation is not open any more."""
        if what.kind == "r":
            invitation = self._people.invitation(what.key)
            return words.ask_revoke(invitation) if invitation else None
        who = words.who(what.person, self._people.name(what.person))
        return words.ASK_BLOCK.format(who=who) if what.kind == "b" else words.ASK_UNBLOCK.format(who=who)

    def _done(self, what: What, *, by: int) -> str:
        """Do it, and say what came of it."""
        if what.kind == "r":
            return words.REVOKED if self._people.revoke(what.key) else words.INVITATION_NOT_OPEN
        person = what.person
        who = words.who(person, self._people.name(person))
        if what.kind == "b":
            if person in self._gate.admins:
                return words.ADMIN_NOT_BLOCKED
            return (words.BLOCKED if self._people.block(person, by=by) else words.BLOCKED_ALREADY).format(who=who)
        unblocked = self._people.unblock(person)
        if person in self._gate.banned:  # no command changes that, whatever stood here beside it
            return words.BANNED.format(who=who)
        if not unblocked:
            return words.NOT_BLOCKED.format(who=who)
        return (words.MAY_ASK_AGAIN if self._gate.may_ask(person) else words.UNBLOCKED).format(who=who)

    async def _page(self, page: int) -> tuple[str, InlineKeyboardMarkup | None]:
        """Return a page as it is now; the last one where the list has become shorter."""
        found = await self._threads.run(lambda: self._people.page(limit=PAGE, offset=page * PAGE))
        last = max(0, (found.total - 1) // PAGE)
        if page > last:
            return await self._page(last)
        text = words.people(found, first=page * PAGE + 1, everyone=self._gate.open)
        return text, _buttons(found, page, last)


async def _show(
    context: ContextTypes.DEFAULT_TYPE, message: Message, text: str, buttons: InlineKeyboardMarkup | None
) -> None:
    """Show something in place; a page is short enough for one message."""
    try:
        await edit(context.bot, message, render.text(text)[0], buttons=buttons)
    except BadRequest as error:  # it was deleted meanwhile: trying again would not bring it back
        log.info("a list of people could not be shown: %s", error)


def _read(data: str) -> tuple[What, int]:
    _, _, kind, key, page = data.split(":")
    return What(kind, key), int(page)


def _what(entry: Entry) -> What:
    match entry:
        case Invitation():
            return What("r", entry.id)
        case Guest():
            return What("b", str(entry.person))
        case Outcast():
            return What("u", str(entry.person))


def _buttons(found: Page, page: int, last: int) -> InlineKeyboardMarkup | None:
    """Return a button for each entry, and those that turn the page."""
    of_entries = [
        _button(words.roll_button(what.kind, number), f"people:ask:{what.kind}:{what.key}:{page}")
        for number, what in enumerate(map(_what, found.entries), start=page * PAGE + 1)
    ]
    rows = [of_entries[at : at + A_ROW] for at in range(0, len(of_entries), A_ROW)]
    before, after = (page > 0, "‹", page - 1), (page < last, "›", page + 1)
    turns = [_button(label, f"people:{target}") for shown, label, target in (before, after) if shown]
    rows += [turns] if turns else []
    return InlineKeyboardMarkup(rows) if rows else None


def _choice(what: What, page: int) -> InlineKeyboardMarkup:
    yes = _button(words.roll_button(what.kind), f"people:do:{what.kind}:{what.key}:{page}")
    return InlineKeyboardMarkup([[yes, _button(words.STAY_BUTTON, f"people:{page}")]])


def _button(label: str, data: str) -> InlineKeyboardButton:
    return InlineKeyboardButton(label, callback_data=data)
