"""Who may do what, and where: every command and every button for everybody, in every place, by the real bot.

`MATRIX` says what is right, from the rules and not from the code: a person is known by their numeric id alone; the bot
serves people in their own private chats, and in groups whom test_access_elsewhere tells of; an admin is on the list of
admins, and writes or presses there in person; whoever is not let in gets one polite line there, and nothing elsewhere;
an edited message asks for nothing again; and a button is answered wherever it was pressed, or it would spin.
"""

import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any, Final, TypeAlias

import httpx
import pytest

from bot import app, words
from bot.articles import adding
from bot.desk.reindexing import Reindexing, Run
from index.browsing.shelfmark import shelfmark
from index.library import Library
from tests.barebot import Bot, keyboard
from tests.botapi import BotApi, Message, Person
from tests.botapi.groups import FIRST_SUPERGROUP_ID, Group
from tests.botapi.rooms import Press, Room
from tests.conftest import ADMIN, GUEST, STRANGER, WHEN, Serve, answered, until

NOTHING: Final = ""
"""Nothing is said; a button is answered without a word."""

DONE: Final = "what was asked for is done"
SHUT, ADMINS, FOREIGN, OLD = words.NOT_ALLOWED, words.ADMINS_ONLY, words.NOT_MINE, words.TOO_OLD

RUN: Final = "the name of the reindex that is running"


@dataclass(frozen=True, slots=True)
class Thing:
    """Something to write or to press, and what somebody who may do it is told.

    `gone`: on a message that is gone; `second`: in another message, where it is an admin.
    """

    data: str
    told: str
    admins: bool = False
    gone: str = ""
    second: str = ""


WRITTEN = (
    Thing("/start", "Ask me anything"),
    Thing("/help", "Just write a question"),
    Thing(f"/ask {WHEN}", "1987"),
    Thing("/latest", "1. Library hours"),
    Thing("/sources", "1. The Gazette · 3 articles", second=words.ORIGINS),
    Thing("/article bakery", "Mill Street"),
    Thing("/article", words.ARTICLE_HOW),
    Thing("/new", words.STARTED_AFRESH),
    Thing("/privacy", "What I keep of you"),
    Thing("/forget", words.NOTHING_KEPT),
    Thing("/status", "Revision 2"),
    Thing("/watch", "Write /watch and a question"),
    Thing("/watches", "You watch no question"),
    Thing("/nonsense", "Just write a question"),
    Thing("/reindex@other_bot", "Just write a question"),
    Thing("\u200b/reindex", ""),  # a question, whatever the answer is
    Thing(WHEN, "1987"),
    Thing("/reindex", words.REINDEX_BUSY, admins=True),
    Thing("/REINDEX", words.REINDEX_BUSY, admins=True),
    Thing("/reindex@footnote_test_bot now", words.REINDEX_BUSY, admins=True),
    Thing("/rollback", "Go back?", admins=True),
    Thing("/add", words.ADD_HOW, admins=True),
    Thing("/add nothing", "is not the address of a page", admins=True),
    Thing("/remove", words.REMOVE_HOW, admins=True),
    Thing("/remove nothing", "No article has the id", admins=True),
    Thing("/stats 0", "Write /stats alone", admins=True),
    Thing("/gaps 0", "Write /gaps alone", admins=True),
    Thing("/export 0", "Write /export alone", admins=True),
    Thing("/invite", "", admins=True),
    Thing("/people", "blocked", admins=True),
    Thing("/block 4711", "4711 is blocked.", admins=True),
    Thing("/unblock 4712", "4712 is not blocked.", admins=True),
)
SHOWN: Final = ("sources", "latest", "article", "forget", "gaps", "people", "watches")
"""What begins so shows something else in place of the message."""

ALERTS: Final = (
    words.REINDEX_BUSY,
    words.SEARCHED_LONG_AGO,
    words.EXAMPLE_GONE,
    words.ANSWER_FORGOTTEN,
    words.NOT_WATCHED,
    words.OFFER_GONE,
    words.NOT_HELD,
)
"""What pops up as a box."""

KNOCK = Thing(f"/start i_{'a' * 32}", words.IN_ALREADY)
"""What a stranger may write; what comes of that is another matter, see test_invitations."""

PRESSED = (
    Thing("watch:stop:0123456789abcdef", words.NOT_WATCHED, gone=words.NOT_WATCHED),
    Thing("watches:remove:0123456789abcdef:0", words.NOT_WATCHED, gone=words.NOT_WATCHED),
    Thing("watches:page:0", ""),
    Thing("sources:0", ""),
    Thing("latest:0:", ""),
    Thing(f"latest:0:{shelfmark('The Gazette')}", ""),
    Thing(f"article:{shelfmark('bakery.md')}:0::", ""),
    Thing("forget:no", ""),
    Thing("found", words.SEARCHED_LONG_AGO),
    Thing("ask:AAAAAAAAAAAA", words.EXAMPLE_GONE),
    Thing("forget:yes:00000000", words.NOTHING_KEPT),
    Thing(f"x:{'0' * 16}:1:0:0", words.ANSWER_FORGOTTEN),
    Thing("old:button", ""),
    Thing("reindex:agree:2:9", words.REINDEX_BUSY, admins=True),
    Thing("reindex:agree:2:0", words.REINDEX_BUSY, admins=True),
    Thing("rollback:go:2:1", words.REINDEX_BUSY, admins=True),
    Thing("reindex:leave", words.KEPT, admins=True),
    Thing("rollback:stay", words.KEPT, admins=True),
    Thing(f"reindex:stop:{RUN}", words.STOPPING, admins=True),
    Thing(f"offer:keep:{'0' * 16}", words.OFFER_GONE, admins=True),
    Thing(f"offer:discard:{'0' * 16}", words.OFFER_GONE, admins=True),
    Thing("remove:ask:AAAAAAAAAAAA", words.NOT_HELD, admins=True),
    Thing("remove:do:AAAAAAAAAAAA", words.NOT_HELD, admins=True),
    Thing("remove:stay", words.KEPT, admins=True),
    Thing("stats:7", "", admins=True),
    Thing("gaps:30:0", "", admins=True),
    Thing("people:0", "", admins=True),
    Thing("people:ask:b:4711:0", "", admins=True),
    Thing("people:do:u:4712:0", "4712 is not blocked.", admins=True),
    Thing(f"people:do:r:{'0' * 16}:0", words.INVITATION_NOT_OPEN, admins=True),
)

Row: TypeAlias = tuple[str, str, str, str]

# who and where: what is written for everybody, for admins; what is pressed for everybody, for admins
MATRIX: dict[tuple[str, str], Row] = {
    ("outsider", "private chat"): (SHUT, SHUT, SHUT, SHUT),
    ("reader", "private chat"): (DONE, ADMINS, DONE, ADMINS),
    ("admin", "private chat"): (DONE, DONE, DONE, DONE),
    ("robot", "private chat"): (NOTHING, NOTHING, SHUT, SHUT),
    ("outsider", "group"): (NOTHING, NOTHING, SHUT, SHUT),
    ("reader", "group"): (NOTHING, NOTHING, FOREIGN, FOREIGN),
    ("admin", "group"): (NOTHING, NOTHING, FOREIGN, FOREIGN),
    ("robot", "group"): (NOTHING, NOTHING, SHUT, SHUT),
    ("nameless", "group"): (NOTHING, NOTHING, NOTHING, NOTHING),
    ("channel", "group"): (NOTHING, NOTHING, NOTHING, NOTHING),
    ("channel", "channel"): (NOTHING, NOTHING, NOTHING, NOTHING),
    ("outsider", "edited message"): (NOTHING, NOTHING, NOTHING, NOTHING),
    ("reader", "edited message"): (NOTHING, NOTHING, NOTHING, NOTHING),
    ("admin", "edited message"): (NOTHING, NOTHING, NOTHING, NOTHING),
    ("outsider", "press on one's own words"): (NOTHING, NOTHING, SHUT, SHUT),
    ("reader", "press on one's own words"): (NOTHING, NOTHING, FOREIGN, FOREIGN),
    ("admin", "press on one's own words"): (NOTHING, NOTHING, FOREIGN, FOREIGN),
    ("outsider", "press in another's chat"): (NOTHING, NOTHING, SHUT, SHUT),
    ("reader", "press in another's chat"): (NOTHING, NOTHING, FOREIGN, FOREIGN),
    ("admin", "press in another's chat"): (NOTHING, NOTHING, FOREIGN, FOREIGN),
    ("outsider", "press on what is gone"): (NOTHING, NOTHING, SHUT, SHUT),
    ("reader", "press on what is gone"): (NOTHING, NOTHING, OLD, ADMINS),
    ("admin", "press on what is gone"): (NOTHING, NOTHING, OLD, OLD),
    ("outsider", "press on what is gone in another's chat"): (NOTHING, NOTHING, SHUT, SHUT),
    ("reader", "press on what is gone in another's chat"): (NOTHING, NOTHING, FOREIGN, FOREIGN),
    ("admin", "press on what is gone in another's chat"): (NOTHING, NOTHING, FOREIGN, FOREIGN),
}

IDS = {"admin": 1_000, "reader": 2_000, "outsider": 3_000, "robot": 4_000}
"""Where the ids of each begin; 100 follow."""


def ids(role: str) -> list[int]:
    return list(range(IDS[role], IDS[role] + 100))


GROUPS = [FIRST_SUPERGROUP_ID - n for n in range(40)]
"""Where groups are; those that are not on a list are left, see test_arrivals."""

LISTS: dict[str, dict[str, list[int]]] = {
    "open to everyone": {},
    "private": {"telegram__allowed": ids("reader"), "telegram__groups": GROUPS},
    "open but to some": {"telegram__blocked": [*ids("outsider"), *ids("admin")]},
    "private but for some": {
        "telegram__allowed": [*ids("reader"), *ids("outsider")],
        "telegram__blocked": ids("outsider"),
        "telegram__groups": GROUPS,
    },
}
"""Admins who are blocked as well are admins."""

EACH_LIST = [
    name if name in ("open to everyone", "private but for some") else pytest.param(name, marks=pytest.mark.nightly)
    for name in LISTS
]
"""What the two others forbid, these do as well."""


class Watched(Reindexing):
    """Counts the turns that somebody tries to take."""

    begun = 0

    def begin(self, *, by_itself: bool = False) -> Run | None:
        self.begun += 1
        return super().begin(by_itself=by_itself)


@dataclass
class Check:
    """A cell of the matrix that was tried: where it was, and what is to be seen there now."""

    cell: str
    expected: object
    seen: Callable[[], object]


@dataclass
class World:
    """Everybody, and all places."""

    api: BotApi
    bot: Bot
    run: str
    numbers: dict[str, Iterator[int]] = field(
        default_factory=lambda: {role: count(first) for role, first in IDS.items()}
    )
    groups: list[Group] = field(default_factory=list)

    def person(self, role: str) -> Person:
        """Introduce somebody, who calls themselves what everybody else does."""
        return self.api.person(next(self.numbers[role]), "Boss", username="boss", is_bot=role == "robot")

    def group(self, *members: Person, hears_all: bool = True) -> Group:
        self.groups.append(self.api.group("Readers", *members, hears_all=hears_all))
        return self.groups[-1]

    def shows(self, chat: int) -> Message:
        """Let the bot say something with a button on it."""
        sent = self.bot.call("sendMessage", chat_id=chat, text="Well?", reply_markup=keyboard(callback_data="x"))
        with self.api._state.changed:
            return self.api._state.chats[chat].messages[sent["message_id"]]

    def data(self, thing: Thing) -> str:
        return thing.data.replace(RUN, self.run)


def told_in(room: Room) -> list[str]:
    return [message.text for message in room.chat if message.from_bot]


def checks(world: World, role: str, place: str) -> Iterator[Check]:
    """Do everything that one row of the matrix is about."""
    for_all, for_admins, button_for_all, button_for_admins = MATRIX[role, place]
    if place == "private chat":
        for thing in (*WRITTEN, *([] if role == "outsider" else [KNOCK])):
            expected = for_admins if thing.admins else for_all
            yield said(world.person(role), thing, f"{role} writes {thing.data}", expected)
    elif not place.startswith("press"):
        assert for_all == for_admins == NOTHING
        yield unheard(world, role, place)
    if role not in ("nameless", "channel") and place != "edited message":
        yield from pressed(world, role, place, {False: button_for_all, True: button_for_admins})


def unheard(world: World, role: str, place: str) -> Check:
    """Write everything where nothing is answered; what is looked at is all that the bot says, and where.

    But for /ask in a group, see test_access_elsewhere.
    """
    channel, person = world.api.channel("News"), world.person("reader" if role in ("nameless", "channel") else role)
    group = world.group(person)
    message = person.says("/start") if place == "edited message" else None
    heard = "/ask" if place == "group" and role not in ("nameless", "channel") else "/nothing"
    for thing in (thing for thing in (*WRITTEN, KNOCK) if not thing.data.startswith(heard)):
        if message is not None:
            message = person.edits(message, thing.data)
        elif place == "channel":
            group.gets(channel.edits(channel.posts(thing.data), f"{thing.data} "))
        elif role == "channel":
            group.says_as(channel, thing.data)
        elif role == "nameless":
            group.says_anonymously(thing.data)
        else:
            person.edits(group.says(person, thing.data), f"{thing.data} ")
    expected = (1 if message is not None else 0, [], [])
    return Check(f"{role} in {place}", expected, lambda: (len(told_in(person)), told_in(channel), told_in(group)))


def said(person: Person, thing: Thing, cell: str, expected: str) -> Check:
    """Write something, and look at all that comes back."""

    def seen() -> object:
        told = told_in(person)
        wanted = [thing.told, *([thing.second] if thing.second and cell.startswith("admin") else [])]
        fits = len(told) == len(wanted) and all(part in message for part, message in zip(wanted, told, strict=True))
        return DONE if expected == DONE and fits else told

    person.says(thing.data)
    return Check(cell, expected if expected == DONE else [expected] if expected else [], seen)


def pressed(world: World, role: str, place: str, expected: dict[bool, str]) -> Iterator[Check]:
    person = world.person(role)
    other = world.person("admin") if "another" in place else person
    group = world.group(person, other) if place == "group" else None
    own = person._post(person.user, "/start") if place == "press on one's own words" else None
    for thing in PRESSED:
        if group is not None:
            message = world.shows(group.id)
        elif own is not None:
            message = own
        elif role == "robot":
            message = world.shows(world.person("reader").id)
        else:
            message = world.shows(other.id)
        press = person.presses_data(message, world.data(thing), gone="gone" in place)
        told = expected[thing.admins]
        if told == OLD and thing.gone:
            told = thing.gone
        yield turned(world, press, message, thing, f"{role}, {place}: {thing.data}", told)


def turned(world: World, press: Press, message: Message, thing: Thing, cell: str, expected: str) -> Check:
    """Look at what a press was answered, and what became of the message."""

    done = expected == DONE
    edited = done and (thing.data.startswith(SHOWN) or thing.told == words.KEPT)
    alert = thing.told in ALERTS or thing.data.startswith("people:do") if done else expected != NOTHING

    def seen() -> object:
        answer = press.answer(5)
        now = world.api._state.chats[message.chat_id].messages[message.id]
        return answer.text, answer.show_alert, now.edits > 0

    return Check(cell, (thing.told if done else expected, alert, edited), seen)


def idle(api: BotApi, bot: Any) -> None:
    """Wait until every update has come and is done."""
    until(lambda: api.waiting == 0 and bot._parts.inbox.waiting() == 0, seconds=120)


def wrong(checked: list[Check]) -> list[str]:
    looked = [(check, check.seen()) for check in checked]
    return [f"{check.cell}: {seen!r} instead of {check.expected!r}" for check, seen in looked if seen != check.expected]


@pytest.fixture(scope="module")
def http() -> Iterator[httpx.Client]:
    with httpx.Client(trust_env=False, timeout=90) as http:
        yield http


@pytest.fixture
def reindexing(own_library: Library, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Watched:
    """What the bot changes its library with, at its second revision: there is one to go back to."""
    (folder / "harbour.md").write_text((folder / "harbour.md").read_text() + "\nThe ferry is old.\n")
    own_library.index(folder)
    made = Watched(own_library)
    monkeypatch.setattr(app, "Reindexing", lambda *_: made)
    return made


@pytest.fixture
def boss(api: BotApi) -> Person:
    return api.person(ADMIN, "Boss", username="boss")


def revision(library: Library) -> int:
    current = library.revision()
    assert current is not None
    return current.number


def errors(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR]


@pytest.mark.parametrize("lists", EACH_LIST)
def test_everybody_gets_what_is_theirs_and_nothing_else(
    api: BotApi, serve: Serve, reindexing: Watched, http: httpx.Client, lists: str, caplog: pytest.LogCaptureFixture
) -> None:
    run = reindexing.begin()
    assert run is not None
    world = World(api, Bot(api, http), run.name)
    rows = [row for row in MATRIX if row[0] != "outsider" or lists != "open to everyone"]
    with serve(reindexing.library, telegram__admins=ids("admin"), delivery__burst=1_000, **LISTS[lists]) as bot:
        reindexing.begun = 0
        checked = [check for row in rows if row != ("admin", "private chat") for check in checks(world, *row)]
        idle(api, bot)
        assert not wrong(checked), "\n".join(wrong(checked))
        assert (reindexing.begun, run.stop, revision(reindexing.library)) == (0, False, 2)
        checked = list(checks(world, "admin", "private chat"))
        idle(api, bot)
        assert not wrong(checked), "\n".join(wrong(checked))
        assert (reindexing.begun, run.stop) == (6, True)
    assert [told for group in world.groups for told in told_in(group) if told != "Well?"] == []
    assert errors(caplog) == []


PERSONAL = {"id": ADMIN, "first_name": "Boss", "type": "private"}
GROUP = {"id": -1_001_000_000_777, "title": "Readers", "type": "supergroup"}
CHANNEL = {"id": -1_001_000_000_778, "title": "News", "type": "channel"}
ROBOT = {"id": 4_711, "is_bot": True, "first_name": "Robot", "username": "other_bot"}
CONNECTED = {"business_connection_id": "b1"}


def user(number: int) -> dict[str, Any]:
    return {"id": number, "is_bot": False, "first_name": "Boss", "username": "boss"}


def text(words_: str, *, sender: int = ADMIN, chat: dict[str, Any] = PERSONAL, **more: Any) -> dict[str, Any]:
    """Write a message that is a command, as the Bot API would."""
    entities = [{"type": "bot_command", "offset": 0, "length": len(words_)}]
    date = int(time.time())
    return {
        "message_id": 9_001, "date": date, "from": user(sender), "chat": chat, "text": words_, "entities": entities
    } | more  # fmt: skip


def unasked(sender: int) -> dict[str, dict[str, Any]]:
    """Write an update of each kind that we do not ask for, or do not answer."""
    who, now, chat = user(sender), int(time.time()), {"id": sender, "first_name": "Boss", "type": "private"}
    command = text("/reindex", sender=sender, chat=chat)
    member = {"user": ROBOT, "status": "member"}
    change = {"chat": chat, "from": who, "date": now, "old_chat_member": member, "new_chat_member": member}
    boost = {"boost_id": "b", "add_date": now, "expiration_date": now, "source": {"source": "premium", "user": who}}
    return {
        "edited_message": command | {"edit_date": now},
        "channel_post": text("/reindex", sender=sender, chat=CHANNEL, sender_chat=CHANNEL),
        "edited_channel_post": text("/reindex", sender=sender, chat=CHANNEL, edit_date=now),
        "business_message": command | CONNECTED,
        "edited_business_message": command | CONNECTED | {"edit_date": now},
        "guest_message": command | {"guest_query_id": "g1"},
        "deleted_business_messages": {"business_connection_id": "b1", "chat": chat, "message_ids": [1]},
        "business_connection": {"id": "b1", "user": who, "user_chat_id": sender, "date": now, "is_enabled": True},
        "my_chat_member": change,
        "chat_member": change,
        "chosen_inline_result": {"result_id": "1", "from": who, "query": "/reindex"},
        "message_reaction": {
            "chat": chat,
            "message_id": 1,
            "user": who,
            "date": now,
            "old_reaction": [],
            "new_reaction": [{"type": "emoji", "emoji": "👍"}],
        },
        "message_reaction_count": {"chat": GROUP, "message_id": 1, "date": now, "reactions": []},
        "poll_answer": {"poll_id": "1", "user": who, "option_ids": [0], "option_persistent_ids": ["0"]},
        "chat_join_request": {"chat": GROUP, "from": who, "user_chat_id": sender, "date": now},
        "chat_boost": {"chat": GROUP, "boost": boost},
        "purchased_paid_media": {"from": who, "paid_media_payload": "/reindex"},
        "pre_checkout_query": {
            "id": "1",
            "from": who,
            "currency": "XTR",
            "total_amount": 1,
            "invoice_payload": "/reindex",
        },
        "a_kind_of_the_future": command,
    }


def test_updates_that_nobody_asked_for_do_nothing(
    api: BotApi, serve: Serve, reindexing: Watched, boss: Person, caplog: pytest.LogCaptureFixture
) -> None:
    people = [boss, api.person(GUEST, "Anna"), api.person(STRANGER, "Eve")]
    with serve(reindexing.library, telegram__allowed=[GUEST]) as bot:
        assert "1987" in answered(boss, WHEN).text
        before = api.count("sendMessage")
        for person in people:
            for kind, content in unasked(person.id).items():
                api.inject({kind: content})
        idle(api, bot)
        assert (api.count("sendMessage"), reindexing.begun) == (before, 0)
    assert api.refusals == [each for each in api.refusals if each.method == "setMyCommands"]
    assert errors(caplog) == []


def test_two_senders_in_one_update_lend_each_other_nothing(
    api: BotApi, serve: Serve, reindexing: Watched, boss: Person, expected: list[str]
) -> None:
    expected.append("query is too old")
    eve = api.person(STRANGER, "Eve")
    press = {"id": "1", "chat_instance": "1", "data": "rollback:go:2:1"}
    ours = text("Well?", chat=PERSONAL) | {"from": ROBOT}
    with serve(reindexing.library) as bot:
        mine = text("/reindex", sender=STRANGER, chat={**PERSONAL, "id": STRANGER})
        api.inject({"message": mine, "callback_query": {**press, "from": user(ADMIN), "message": ours}})
        api.inject({"message": text("/start"), "callback_query": {**press, "from": user(STRANGER), "message": ours}})
        api.inject({"callback_query": {**press, "from": user(ADMIN), "message": ours | CONNECTED}})
        api.inject({"callback_query": {**press, "from": user(ADMIN), "inline_message_id": "i1"}})
        idle(api, bot)
        assert (reindexing.begun, told_in(eve), told_in(boss)) == (0, [], [])
    assert revision(reindexing.library) == 2


USER_ORIGIN = {"type": "user", "sender_user": user(STRANGER), "date": 1}
SECONDHAND = {
    "forwarded": {"forward_origin": USER_ORIGIN},
    "forwarded from a hidden user": {
        "forward_origin": {**USER_ORIGIN, "type": "hidden_user", "sender_user_name": "Eve"}
    },
    "by way of another bot": {"via_bot": ROBOT},
}


def test_what_an_admin_passes_on_is_no_command_of_theirs(
    api: BotApi, serve: Serve, reindexing: Watched, boss: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(adding, "SETTLE", 0.1)
    anna = api.person(GUEST, "Anna")
    with serve(reindexing.library) as bot:
        numbers = count(100)
        for how in SECONDHAND.values():
            for command in ("/reindex", "/rollback"):
                api.inject({"message": text(command, **how) | {"message_id": next(numbers)}})
                api.inject({"message": text(command, sender=GUEST, chat={**PERSONAL, "id": GUEST}, **how)})
        api.inject({"message": text("/help", **SECONDHAND["forwarded"]) | {"message_id": next(numbers)}})
        idle(api, bot)
        until(lambda: sum(one.count(": /") for one in told_in(boss)) == 5)
        assert reindexing.begun == 0
    told = told_in(boss)
    offered = [one for one in told if words.NO_QUESTION in one]
    assert [one for one in told if one not in offered] == [words.OWN_WORDS] * 2
    assert "\n".join(offered).count(": /reindex\n") == 2
    assert "\n".join(offered).count(": /help\n") == 1
    assert told_in(anna) == [words.ADMINS_ONLY] * 6


ODD: dict[str, dict[str, Any]] = {
    "in a caption": {"text": None, "entities": None, "photo": [], "caption": "/reindex"},
    "in the name of a channel": {"sender_chat": CHANNEL},
    "through a business account": CONNECTED,
    "by a bot for a business account": {"sender_business_bot": ROBOT},
    "from a bot with the id of an admin": {"from": user(ADMIN) | {"is_bot": True}},
    "in somebody else's chat": {"chat": {**PERSONAL, "id": GUEST}},
    "in a group with the id of an admin": {"chat": {**GROUP, "id": ADMIN}},
    "from nobody": {"from": None},
    "in the middle": {"text": "Do /reindex", "entities": [{"type": "bot_command", "offset": 3, "length": 8}]},
    "in a quotation": {"text": "What?", "entities": None, "quote": {"text": "/reindex", "position": 0}},
}


def test_no_message_but_a_plain_one_is_a_command_of_an_admin(
    api: BotApi, serve: Serve, reindexing: Watched, boss: Person, caplog: pytest.LogCaptureFixture
) -> None:
    plain = text("/reindex") | {"caption_entities": [{"type": "bot_command", "offset": 0, "length": 8}]}
    with serve(reindexing.library) as bot:
        for how, odd in ODD.items():
            api.inject({"message": {key: value for key, value in (plain | odd).items() if value is not None}})
            idle(api, bot)
            assert reindexing.begun == 0, how
        assert words.LOOKING not in told_in(boss)
        api.inject({"message": plain})
        boss.waits(lambda m: m.text.startswith("Nothing to do"))
        assert reindexing.begun == 1
    assert errors(caplog) == []


def test_a_stranger_is_told_once_however_much_they_write_and_each_press_is_answered(
    api: BotApi, serve: Serve, shared: Library, boss: Person
) -> None:
    eve = api.person(STRANGER, "Eve")
    with serve(shared, telegram__allowed=[GUEST]) as bot:
        said = answered(boss, "/start")
        eve.edits(eve.says("/reindex"), "/rollback")
        for n in range(40):
            eve.says(f"Let me in {n}")
        presses = [eve.presses_data(said, "rollback:go:2:1") for _ in range(3)]
        idle(api, bot)
        assert {press.answer().text for press in presses} == {words.NOT_ALLOWED}
    assert told_in(eve) == [words.NOT_ALLOWED]


def test_presses_that_are_too_many_stop_spinning_all_the_same(api: BotApi, serve: Serve, shared: Library) -> None:
    anna = api.person(GUEST, "Anna")
    with serve(shared, delivery__burst=1, delivery__per_minute=1):
        shown = answered(anna, "/start")
        presses = [anna.presses_data(shown, "old:button") for _ in range(3)]
        assert [press.answer().text for press in presses] == [words.TOO_FAST] * 3


def test_a_page_that_was_deleted_meanwhile_is_not_turned_and_nothing_fails(
    api: BotApi,
    serve: Serve,
    shared: Library,
    http: httpx.Client,
    expected: list[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    expected.append("message to edit not found")
    anna = api.person(GUEST, "Anna")
    with serve(shared) as bot:
        page = answered(anna, "/sources")
        Bot(api, http).call("deleteMessage", chat_id=GUEST, message_id=page.id)
        assert anna.presses_data(page, "sources:0").answer().text == ""
        idle(api, bot)
    assert errors(caplog) == []
