"""Who is an admin, and who may ask.

Whatever Telegram may send, read by python-telegram-bot's own parser, against the rules in JSON.
"""

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st
from telegram import Update

from bot.access.gate import Gate, in_group, in_person
from bot.store.inbox import FILE
from bot.store.people import People
from config import Telegram
from index.truth.database import Database

ADMIN, OTHER, READER, BLOCKED = 7, 8, 9, 10
GATE = Gate(Telegram(admins=(ADMIN, OTHER), allowed=(READER,), blocked=(OTHER, BLOCKED)))
IDS = (ADMIN, OTHER, READER, BLOCKED, 11)

NAMED = {"first_name": "A", "username": "a"}

Json = dict[str, Any]

CHATS = st.builds(
    lambda id_, kind: {"id": id_, "type": kind},
    st.sampled_from([*IDS, -1_001]),
    st.sampled_from(["private", "private", "group", "supergroup", "channel", "of the future"]),
)


def now_and_then(value: st.SearchStrategy[Any], *, otherwise: Any = None) -> st.SearchStrategy[Any]:
    """Draw something odd in one of eight; the ordinary is what has most ways to go wrong one at a time."""
    return st.integers(0, 7).flatmap(lambda n: value if n == 7 else st.just(otherwise))


@st.composite
def users(draw: st.DrawFn) -> Json:
    return {"id": draw(st.sampled_from(IDS)), "is_bot": draw(now_and_then(st.booleans(), otherwise=False))} | NAMED


@st.composite
def messages(draw: st.DrawFn, sender: Json | None = None, *, pressed_by: int | None = None) -> Json:
    """Draw a message; if it is one that was pressed, by that person, mostly one of ours in their chat."""
    sender = sender or draw(users())
    home = {"id": sender["id"] if pressed_by is None else pressed_by, "type": "private"}
    found = {
        "message_id": 1,
        "date": draw(now_and_then(st.just(0), otherwise=1_700_000_000)),
        "text": "/reindex",
        "chat": draw(now_and_then(CHATS, otherwise=home)),
        "from": draw(now_and_then(st.none(), otherwise=sender)),
        "sender_chat": draw(now_and_then(CHATS)),
        "via_bot": draw(now_and_then(users())),
        "sender_business_bot": draw(now_and_then(users())),
        "business_connection_id": draw(now_and_then(st.just("b1"))),
    }
    return {key: value for key, value in found.items() if value is not None}


@st.composite
def presses(draw: st.DrawFn) -> Json:
    presser, ours = draw(users()), {"id": 99, "is_bot": True} | NAMED
    sender = draw(now_and_then(users(), otherwise=ours))
    message = draw(now_and_then(st.none(), otherwise=draw(messages(sender, pressed_by=presser["id"]))))
    found = {"id": "1", "chat_instance": "1", "data": "reindex:leave", "from": presser}
    return found | ({"inline_message_id": "i"} if message is None else {"message": message})


KINDS = {
    **dict.fromkeys(("message", "edited_message", "channel_post", "business_message", "guest_message"), messages()),
    "callback_query": presses(),
}

ORDER = [*KINDS, "callback_query", "message"]


@st.composite
def updates(draw: st.DrawFn) -> Json:
    """Draw an update of one kind, now and then of two, which Telegram never sends."""
    first = draw(st.sampled_from(ORDER))
    kinds = {first, draw(now_and_then(st.sampled_from(ORDER), otherwise=first))}
    return {kind: draw(KINDS[kind]) for kind in sorted(kinds)}


def speaks_in_person(kind: str, part: Json) -> int | None:
    """Return who speaks to us as themselves, in their own private chat, by the rules."""
    message = part.get("message") if kind == "callback_query" else part
    person = part.get("from")
    if kind not in ("message", "edited_message", "callback_query") or message is None or person is None:
        return None
    gone = kind == "callback_query" and message["date"] == 0
    lent = {"sender_chat", "sender_business_bot", "business_connection_id"} & message.keys()
    ours = kind != "callback_query" or message.get("from", {}).get("is_bot", False)
    right_place = message["chat"] == {"id": person["id"], "type": "private"}
    fits = right_place and not person["is_bot"] and (gone or (ours and not lent))
    return person["id"] if fits else None


@settings(max_examples=400)
@given(updates())
def test_only_who_really_writes_or_presses_in_their_own_chat_can_be_an_admin(raw: Json) -> None:
    update = Update.de_json({"update_id": 1, **raw}, None)
    persons = [
        speaks_in_person(kind, part)
        for kind, part in raw.items()
        if kind in ("message", "edited_message", "callback_query")
    ]
    expected = persons[0] if len(persons) == 1 else None
    event(f"in person: {expected is not None}, admin: {expected in (ADMIN, OTHER)}")
    person = in_person(update)
    assert (person.id if person else None) == expected
    assert GATE.is_admin(update) == (expected in (ADMIN, OTHER))
    if GATE.is_admin(update) and len(raw) == 1:
        assert GATE.admits(update)


@settings(max_examples=100)
@given(updates())
def test_nobody_is_admitted_who_is_a_bot_or_not_on_the_list(raw: Json) -> None:
    update = Update.de_json({"update_id": 1, **raw}, None)
    persons = [part["from"] for part in raw.values() if "from" in part]
    fine = [person for person in persons if not person["is_bot"] and person["id"] in (ADMIN, OTHER, READER)]
    if len(raw) == 1:
        assert GATE.admits(update) == bool(fine)
    assert not GATE.admits(update) or fine


ALLOWED_GROUP, OTHER_GROUP = -1_001, -1_002
GROUP_GATE = Gate(Telegram(admins=(ADMIN,), allowed=(READER,), blocked=(BLOCKED, ADMIN), groups=(ALLOWED_GROUP,)))
SPEAKERS = (ADMIN, READER, BLOCKED, 11, 777_000, 1_087_968_824, 136_817_688)


@st.composite
def said_in_chats(draw: st.DrawFn) -> Json:
    """Draw what is written or pressed in groups, mostly by an ordinary member."""
    kind = draw(st.sampled_from(["supergroup", "group", "supergroup", "private", "channel"]))
    chat = {"id": draw(st.sampled_from([ALLOWED_GROUP, ALLOWED_GROUP, OTHER_GROUP])), "type": kind, "title": "T"}
    robot = draw(now_and_then(st.booleans(), otherwise=False))
    speaker = {"id": draw(st.sampled_from(SPEAKERS)), "is_bot": robot} | NAMED
    lent = draw(now_and_then(st.just({"sender_chat": chat})))
    message = {"message_id": 1, "date": draw(now_and_then(st.just(0), otherwise=1_700_000_000)), "chat": chat}
    if draw(st.booleans()):
        ours = {"id": 99, "is_bot": draw(now_and_then(st.booleans(), otherwise=True))} | NAMED
        pressed = {"id": "1", "chat_instance": "1", "data": "x", "from": speaker, "message": message | {"from": ours}}
        return {"callback_query": pressed}
    written = message | {"from": speaker, "text": "Well?"} | (lent or {})
    return {draw(st.sampled_from(["message", "message", "edited_message", "channel_post"])): written}


@settings(max_examples=400)
@given(said_in_chats())
def test_in_an_allowed_group_every_member_may_ask_and_nobody_without_a_name_of_their_own(raw: Json) -> None:
    update = Update.de_json({"update_id": 1, **raw}, None)
    ((kind, part),) = raw.items()
    message = part.get("message", part)
    plain = not part["from"]["is_bot"] and part["from"]["id"] not in SPEAKERS[4:] and "sender_chat" not in part
    ours = kind != "callback_query" or message["date"] == 0 or message["from"]["is_bot"]
    placed = kind != "channel_post" and message["chat"]["type"] in ("group", "supergroup")
    speaks = plain and ours and placed
    event(f"in a group: {speaks}")
    person = in_group(update)
    assert (person.id if person else None) == (part["from"]["id"] if speaks else None)
    expected = speaks and message["chat"]["id"] == ALLOWED_GROUP and part["from"]["id"] != BLOCKED
    assert GROUP_GATE.admits_group(update) == expected
    assert not (in_person(update) and in_group(update))


@pytest.mark.parametrize(
    "given_, fine",
    [
        ({}, [True, True]),
        ({"allowed": (READER,)}, [False, False]),
        ({"groups": (ALLOWED_GROUP,)}, [True, False]),
        ({"groups": (ALLOWED_GROUP,), "allowed": (READER,)}, [True, False]),
    ],
)
def test_without_a_list_any_group_is_allowed_and_with_one_those_on_it(given_: Json, fine: list[bool]) -> None:
    gate = Gate(Telegram(**given_))
    assert [gate.allows_group(chat) for chat in (ALLOWED_GROUP, OTHER_GROUP)] == fine


@pytest.fixture
def people(tmp_path: Path) -> Iterator[People]:
    database = Database(tmp_path / FILE)
    yield People(database, bot=1)
    database.close()


def admit(people: People, person: int) -> None:
    token, _ = people.invite(by=ADMIN, times=1, seconds=60)
    people.open(token, person=person, name="P", language="")


def test_admins_always_may_the_blocked_never_and_then_those_on_the_list_or_invited(people: People) -> None:
    gate = Gate(Telegram(admins=(ADMIN, OTHER), allowed=(READER,), blocked=(OTHER, BLOCKED)), people)
    everyone = (ADMIN, OTHER, READER, BLOCKED, 11)
    assert [gate.may_ask(person) for person in everyone] == [True, True, True, False, False]
    for person in (BLOCKED, 11):
        admit(people, person)
    assert [gate.may_ask(person) for person in everyone] == [True, True, True, False, True]
    for person in everyone:
        people.block(person, by=ADMIN)
    assert [gate.may_ask(person) for person in everyone] == [True, True, False, False, False]
    assert [gate.is_blocked(person) for person in everyone] == [False, False, True, True, True]
    for person in everyone:
        people.unblock(person)
    assert [gate.may_ask(person) for person in everyone] == [True, True, True, False, True]


def test_an_open_bot_lets_in_all_but_the_blocked(people: People) -> None:
    gate = Gate(Telegram(admins=(ADMIN,)), people)
    people.block(11, by=ADMIN)
    assert [gate.may_ask(person) for person in (ADMIN, READER, 11)] == [True, True, False]


def test_a_group_that_moved_is_allowed_under_its_new_id(people: People) -> None:
    gate = Gate(Telegram(groups=(-5, -6)), people)
    assert not gate.allows_group(-1_005)
    people.move(-5, -1_005)
    people.move(-7, -1_007)
    assert [gate.allows_group(chat) for chat in (-5, -1_005, -1_007)] == [True, True, False]
    assert gate.unmoved == {-6}


def test_what_was_asked_in_a_group_before_it_moved_is_read_when_the_settings_name_its_new_id(people: People) -> None:
    gate = Gate(Telegram(allowed=(READER,), groups=(-1_005,)), people)
    people.move(-5, -1_005)
    people.move(-7, -1_007)
    assert gate.may_read(11, -5)
    assert not gate.may_read(11, -7)


def start(payload: str, **more: Any) -> Update:
    person = {"id": 11, "is_bot": False} | NAMED
    chat = {"id": 11, "type": "private"}
    message = {"message_id": 1, "date": 1, "chat": chat, "from": person, "text": f"/start {payload}"} | more
    return Update.de_json({"update_id": 1, "message": message}, None)


FORWARDED = {"type": "user", "sender_user": {"id": 12, "is_bot": False} | NAMED, "date": 1}


def test_a_stranger_knocks_with_exactly_an_invitation_in_their_own_words(people: People) -> None:
    gate = Gate(Telegram(allowed=(READER,)), people)
    token = "Ab-_" * 8
    assert gate.knocks(start(f"i_{token}"))
    assert not gate.knocks(start(token))
    assert not gate.knocks(start("i_"))
    assert not gate.knocks(start(f"i_{token} and more"))
    assert not gate.knocks(start(f"i_{'a' * 63}"))
    assert not gate.knocks(start("", text=f"/ask i_{token}"))
    assert not gate.knocks(start(f"i_{token}", forward_origin=FORWARDED))
    assert not gate.knocks(start(f"i_{token}", via_bot={"id": 99, "is_bot": True} | NAMED))
    assert not gate.knocks(start(f"i_{token}", chat={"id": ALLOWED_GROUP, "type": "supergroup", "title": "T"}))
    people.block(11, by=ADMIN)
    assert not gate.knocks(start(f"i_{token}"))


def test_the_gate_hears_of_other_bots_in_a_thread_and_only_when_it_is_time(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = [Database(database) for _ in range(2)]
    here, there = (People(each, bot=1) for each in opened)
    gate = Gate(Telegram(allowed=(READER,)), here)
    asked: list[threading.Thread] = []
    reading = opened[0].reading

    def noted() -> Any:
        asked.append(threading.current_thread())
        return reading()

    monkeypatch.setattr(opened[0], "reading", noted)
    admit(there, 11)
    asyncio.run(gate.keep_up())
    assert (gate.may_ask(11), asked) == (False, [])
    asyncio.run(gate.keep_up(at_once=True))
    assert gate.may_ask(11)
    assert len(asked) == 1
    assert asked[0] is not threading.main_thread()
    for each in opened:
        each.close()
