"""Who is an admin: whatever Telegram may send, read by python-telegram-bot's own parser, against the rules in JSON."""

from typing import Any

from hypothesis import event, given, settings
from hypothesis import strategies as st
from telegram import Update

from bot.gate import Gate, in_person
from config import Telegram

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
