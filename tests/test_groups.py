"""The bot in groups, from the side of those who are there: when it speaks, how, and of what it keeps silent."""

import logging
import time
from pathlib import Path
from typing import Any

import pytest

from bot import words
from bot.access.gate import Gate
from bot.sending.pace import Limits
from index.library import Library
from tests.botapi import BotApi, Group, Message, Person, Topic
from tests.botapi.wire import message_json
from tests.conftest import ADMIN, GUEST, STRANGER, WHEN, MakeLibrary, Serve, answered, held_up, until
from tests.golden import Golden, Transcript

NAME = "footnote_test_bot"
PLACE = "Where did Trump and Putin meet in August 2025?"
LONG = "And how long did they talk there?"


@pytest.fixture
def bela(api: BotApi) -> Person:
    return api.person(GUEST, "Béla")


def told(room: Group | Topic | Person) -> list[Message]:
    return [message for message in room.chat if message.from_bot]


def idle(api: BotApi, bot: Any) -> None:
    """Wait until every update has come and is done."""
    until(lambda: api.waiting == 0 and bot._parts.inbox.waiting() == 0, seconds=120)


class Meeting:
    """What is said in a group or in a topic of it, written down."""

    def __init__(self, room: Group | Topic) -> None:
        self.room = room
        self.transcript = Transcript()

    def asks(
        self, person: Person, text: str, *, reply_to: Message | None = None, calling: str | None = None
    ) -> Message:
        said = self.room.says(person, text, reply_to=reply_to, calling=calling)
        where = " (a reply)" if reply_to else ""
        self.transcript.says(f"{person.user.first_name}{where}", text)
        reply = self.room.waits(lambda _: True, after=said, timeout=90)
        assert reply.reply_to == said.id
        self.transcript.says("Footnote, as a reply", reply)
        return reply

    def follows(self, person: Person, message: Message, label: str) -> Message:
        """Follow the link of a button into the private chat."""
        said = person.follows(message, label)
        assert isinstance(said, Message)
        reply = person.waits(lambda _: True, after=said, timeout=90)
        self.transcript.says(f"Footnote, to {person.user.first_name} who opened [ {label} ], in private", reply)
        return reply


@pytest.mark.parametrize("privacy", [True, False])
def test_who_calls_the_bot_in_a_group_gets_one_message_in_reply(
    api: BotApi, serve: Serve, seeded: Library, anna: Person, bela: Person, golden: Golden, *, privacy: bool
) -> None:
    meeting = Meeting(api.group("Readers", anna, bela, hears_all=not privacy))
    with serve(seeded) as bot:
        first = meeting.asks(anna, f"@{NAME}, {PLACE}")
        meeting.room.says(bela, "Why do you ask?", reply_to=meeting.room.says(anna, "I wonder."))
        meeting.asks(bela, LONG, reply_to=first)
        meeting.asks(anna, f"/ask@{NAME} Which hotel in Budapest will host the talks?")
        meeting.asks(bela, "Footnote, where will the presidents meet?", calling="Footnote")
        meeting.asks(anna, f"@{NAME}")
        meeting.asks(bela, f"/help@{NAME}")
        meeting.follows(bela, first, "1")
        meeting.follows(bela, first, words.WHY_BUTTON)
        idle(api, bot)
    assert len(told(meeting.room)) == 6
    assert len(told(bela)) == 2
    assert told(anna) == []
    assert all(message.edits == 0 for message in told(meeting.room))
    golden(meeting.transcript, "group")


def test_what_stands_under_a_file_may_ask_as_well(
    api: BotApi, serve: Serve, shared: Library, anna: Person, bela: Person
) -> None:
    group = api.group("Readers", anna, bela, hears_all=False)
    with serve(shared) as bot:
        group.sends(anna, "harbour.png", b"a picture", caption="Look at that.")
        said = group.sends(anna, "harbour.png", b"a picture", caption=f"@{NAME} {WHEN}")
        reply = group.waits(lambda _: True, after=said, timeout=90)
        assert "1987" in reply.text
        assert reply.reply_to == said.id
        again = group.sends(bela, "harbour.png", b"a picture", caption=WHEN, reply_to=reply)
        assert "1987" in group.waits(lambda _: True, after=again, timeout=90).text
        group.sends(bela, "harbour.png", b"a picture", reply_to=reply)
        idle(api, bot)
    assert len(told(group)) == 2


def test_a_late_answer_is_an_answer_however_little_room_an_apology_has(
    api: BotApi, serve: Serve, make_library: MakeLibrary, copied: Path, anna: Person
) -> None:
    text = "The old harbour of Lindholm was closed to cargo ships in 1987. " + "It lies in the north of the town. " * 9
    for number in range(4):
        link = f"url: https://example.org/{'a' * 1_200}{number}"
        (copied / f"{number}.md").write_text(f"---\ntitle: Harbour {number}\n{link}\n---\n\n{text}\n", encoding="utf-8")
    library = make_library(library__articles=str(copied))
    library.index()
    group, asked = api.group("Readers", anna), f"@{NAME} {WHEN}"
    with serve(library) as bot:
        update = message_json(group.says(anna, "Hello."), api._state) | {"text": asked}
        mention = {"type": "mention", "offset": 0, "length": len(NAME) + 1}
        late = {"date": int(time.time()) - 600, "message_id": 9_001, "entities": [mention]}
        api.inject({"message": update | late}, chat_id=group.id)
        idle(api, bot)
    (answer,) = told(group)
    assert "closed to cargo ships in 1987. [1]" in answer.text
    assert answer.text.startswith(words.LATE)


def test_an_answer_that_finds_a_supergroup_in_place_of_its_group_has_buttons_that_work(
    api: BotApi, serve: Serve, shared: Library, anna: Person, monkeypatch: pytest.MonkeyPatch, expected: list[str]
) -> None:
    expected.append("group chat was upgraded to a supergroup chat")
    group = api.group("Readers", anna, basic=True)
    asking, go = held_up(shared, monkeypatch)
    with serve(shared):
        group.says(anna, f"@{NAME} {WHEN}")
        assert asking.wait(60)
        supergroup = group.migrates()
        go.set()
        reply = supergroup.waits(lambda m: "1987" in m.text, timeout=90)
        until(lambda: anna.presses(reply, "👍").answer(10).text == words.THANKS, seconds=20)


def test_a_topic_is_answered_in_and_is_a_conversation_of_its_own(
    api: BotApi, serve: Serve, seeded: Library, anna: Person, golden: Golden
) -> None:
    group = api.group("Readers", anna, forum=True)
    talks, other = group.topic("Talks"), group.topic("Other")
    meeting = Meeting(talks)
    with serve(seeded):
        meeting.asks(anna, f"@{NAME} {PLACE}")
        said = other.says(anna, f"@{NAME} {LONG}")
        assert "Understood as" not in other.waits(lambda _: True, after=said, timeout=90).text
        assert "Understood as" in meeting.asks(anna, f"@{NAME} {LONG}").text
        said = group.says(anna, f"@{NAME} {LONG}")
        assert "Understood as" not in group.waits(lambda m: m.reply_to == said.id, timeout=90).text
    assert [len(told(talks)), len(told(other)), len(told(group))] == [2, 1, 4]
    golden(meeting.transcript, "topic")


def test_a_follow_up_is_of_the_same_person_or_a_reply(
    api: BotApi, serve: Serve, seeded: Library, anna: Person, bela: Person
) -> None:
    meeting = Meeting(api.group("Readers", anna, bela))
    with serve(seeded):
        answered(bela, PLACE)
        first = meeting.asks(anna, f"@{NAME} {PLACE}")
        assert "Understood as" not in meeting.asks(bela, f"@{NAME} {LONG}").text
        assert "Understood as" in meeting.asks(bela, LONG, reply_to=first).text
        assert "Understood as" in meeting.asks(anna, f"@{NAME} {LONG}").text


def test_nobody_else_is_answered(api: BotApi, serve: Serve, shared: Library, anna: Person, bela: Person) -> None:
    other_bot = api.person(4_711, "Robot", username="other_bot", is_bot=True)
    group, channel = api.group("Readers", anna, bela, other_bot), api.channel("News")
    question = f"@{NAME} {WHEN}"
    with serve(shared, telegram__blocked=[GUEST]) as bot:
        group.says(anna, WHEN)
        group.says(anna, "/sources")
        group.says(anna, f"/sources@{NAME}")
        group.says(anna, f"/reindex@{NAME}")
        group.says(anna, "/help")
        group.says(anna, f"@other_bot {WHEN}")
        group.says(anna, WHEN, reply_to=group.says(other_bot, "1987"))
        group.says_anonymously(question)
        group.says_anonymously(f"/ask@{NAME} {WHEN}")
        group.says_as(channel, question)
        group.gets(channel.posts(question))
        group.says(other_bot, question)
        group.says(bela, question)
        idle(api, bot)
        assert told(group) == []
        said = group.says(anna, f"@{NAME} {WHEN}")
        assert "1987" in group.waits(lambda _: True, after=said, timeout=90).text
        group.says_anonymously("And why?", reply_to=told(group)[0])
        group.says(bela, "And why?", reply_to=told(group)[0])
        idle(api, bot)
    assert len(told(group)) == 1


def test_an_edited_question_is_not_asked_again_nor_answered_in_place(
    api: BotApi, serve: Serve, shared: Library, anna: Person
) -> None:
    group = api.group("Readers", anna)
    with serve(shared) as bot:
        said = group.says(anna, f"@{NAME} {WHEN}")
        reply = group.waits(lambda _: True, after=said, timeout=90)
        anna.edits(said, f"@{NAME} When does the bakery Morgenrot move?")
        anna.edits(group.says(anna, "Hm."), f"@{NAME} When does the bakery Morgenrot move?")
        idle(api, bot)
    assert told(group) == [reply]


def test_a_group_that_is_not_allowed_is_left_and_its_members_are_shut_out(
    api: BotApi, serve: Serve, shared: Library, anna: Person, bela: Person
) -> None:
    ours, foreign = api.group("Ours", bela), api.group("Foreign", anna, bela)
    with serve(shared, telegram__allowed=[ADMIN], telegram__groups=[ours.id]) as bot:
        said = ours.says(bela, f"@{NAME} {WHEN}")
        assert "1987" in ours.waits(lambda _: True, after=said, timeout=90).text
        foreign.says(anna, f"@{NAME} {WHEN}")
        idle(api, bot)
        assert [message.text for message in told(foreign)] == [words.LEAVING.format(chat=foreign.id)]
        assert answered(bela, WHEN).text == words.NOT_ALLOWED


def test_a_member_who_may_not_ask_in_private_sees_what_stands_behind_the_answer_in_their_group_and_no_more(
    api: BotApi, serve: Serve, shared: Library, anna: Person
) -> None:
    """Anna is the admin, Béla is let in by the group alone."""
    bela, eve = api.person(GUEST, "Béla"), api.person(STRANGER, "Eve")
    group = api.group("Ours", anna, bela)
    with serve(shared, telegram__allowed=[ADMIN], telegram__blocked=[STRANGER], telegram__groups=[group.id]) as bot:
        said = group.says(bela, f"@{NAME} {WHEN}")
        reply = group.waits(lambda _: True, after=said, timeout=90)
        bela.follows(reply, "1")
        assert "fishing boats" in bela.waits(lambda _: True, timeout=90).text
        mine = answered(anna, WHEN)
        data = next(button.data or "" for row in mine.buttons for button in row if button.label == "1")
        private = data.split(":")[1]
        for payload in (f"e_{private}_1", f"w_{private}", f"e_{'0' * 16}_1"):
            said = bela.opens(payload)
            assert bela.waits(lambda _: True, after=said, timeout=90).text == words.NOT_ALLOWED
        eve.follows(reply, "1")
        idle(api, bot)
        assert [message.text for message in told(eve)] == [words.NOT_ALLOWED]
        said = anna.opens(f"w_{private}")
        assert WHEN in anna.waits(lambda _: True, after=said, timeout=90).text


def test_a_member_who_may_not_ask_in_private_is_not_sent_there_for_help(
    api: BotApi, serve: Serve, shared: Library, anna: Person, bela: Person
) -> None:
    """Anna is the admin, Béla is let in by the group alone."""
    group = api.group("Ours", anna, bela)
    with serve(shared, telegram__allowed=[ADMIN], telegram__groups=[group.id]):
        for person, expected in ((bela, words.ask_in_group(NAME)), (anna, words.ask_elsewhere(NAME))):
            said = group.says(person, f"/help@{NAME}")
            assert group.waits(lambda _: True, after=said, timeout=90).text == expected


def test_votes_change_the_buttons_and_nothing_else_in_a_group(
    api: BotApi, serve: Serve, shared: Library, anna: Person, bela: Person
) -> None:
    group = api.group("Readers", anna, bela)
    with serve(shared, limits=Limits(1_000.0, 1.0, 1_000, call=3.0)) as bot:
        said = group.says(anna, f"@{NAME} {WHEN}")
        reply = group.waits(lambda _: True, after=said, timeout=90)
        assert bela.presses(reply, "👍").answer().text == words.THANKS
        assert anna.presses(reply, "👎").answer().text == words.WHAT_WAS_WRONG
        asks = group.waits(lambda m: words.BACK_BUTTON in m.labels)
        assert bela.presses(asks, words.BACK_BUTTON).answer().text == ""
        back = group.waits(lambda m: "👎" in m.labels)
        assert (back.text, back.entities, back.buttons) == (reply.text, reply.entities, reply.buttons)
        number = (reply.buttons[0][-1].data or "").split(":")[1]
        for forged in (f"e:{number}:1:0:0", f"w:{number}", "sources:0", "old:button", "rollback:go:2:1"):
            assert bela.presses_data(reply, forged).answer().text == words.NOT_MINE
        idle(api, bot)
    assert told(group)[0].text == reply.text


def test_busy_lines_are_replies_and_at_most_one_in_half_a_minute(
    api: BotApi, serve: Serve, shared: Library, anna: Person, bela: Person
) -> None:
    group = api.group("Readers", anna, bela, forum=True)
    topic = group.topic("Ports")
    with serve(shared, delivery__burst=1, delivery__per_minute=1) as bot:
        for person in (anna, bela):
            topic.says(person, f"@{NAME} {WHEN}")
        idle(api, bot)
        many = [topic.says(person, f"@{NAME} {WHEN}") for person in (anna, bela, anna)]
        for number in range(5):
            topic.says(anna, f"Just talking {number}")
        idle(api, bot)
    lines = [message for message in told(topic) if message.text == words.TOO_FAST]
    assert [line.reply_to for line in lines] == [many[0].id]
    assert len(told(topic)) == 3


@pytest.mark.parametrize(
    "refusal", ["not enough rights to send text messages to the chat", "TOPIC_CLOSED", "message thread not found"]
)
def test_where_it_may_not_write_a_question_is_let_alone_at_once(  # noqa: PLR0917  all of it is part of the scene
    api: BotApi,
    serve: Serve,
    shared: Library,
    anna: Person,
    expected: list[str],
    caplog: pytest.LogCaptureFixture,
    refusal: str,
) -> None:
    expected.append(refusal)
    group = api.group("Readers", anna)
    api.fail_next("sendMessage", status=400, description=f"Bad Request: {refusal}", times=5)
    with serve(shared) as bot:
        group.says(anna, f"@{NAME} {WHEN}")
        idle(api, bot)
        assert [refused.method for refused in api.refusals] == ["sendMessage"]
        assert bot._parts.inbox.count(anna.id) == 0, "and its words are not kept"
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []


def test_talk_that_is_not_meant_for_the_bot_is_let_alone_without_asking_who_it_is(
    api: BotApi, serve: Serve, shared: Library, bela: Person, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where several bots share a database, whoever is not admitted is looked up there."""
    group = api.group("Readers", bela, hears_all=True)
    looked: list[bool] = []
    keep_up = Gate.keep_up

    async def noted(gate: Gate, *, at_once: bool = False) -> None:
        looked.append(at_once)
        await keep_up(gate, at_once=at_once)

    monkeypatch.setattr(Gate, "keep_up", noted)
    private = {"telegram__allowed": [STRANGER], "telegram__groups": [group.id]}
    with serve(shared, store__database=database, **private) as bot:
        for number in range(3):
            group.says(bela, f"Just talking {number}")
        idle(api, bot)
        assert True not in looked
        said = group.says(bela, f"@{NAME} {WHEN}")
        assert "1987" in group.waits(lambda _: True, after=said, timeout=90).text


def test_talk_that_is_not_meant_for_the_bot_uses_up_no_questions(
    api: BotApi, serve: Serve, shared: Library, anna: Person
) -> None:
    group = api.group("Readers", anna)
    with serve(shared, delivery__burst=1, delivery__per_minute=1) as bot:
        for number in range(5):
            group.says(anna, f"Just talking {number}")
        idle(api, bot)
        said = group.says(anna, f"@{NAME} {WHEN}")
        assert "1987" in group.waits(lambda _: True, after=said, timeout=90).text


def test_what_comes_too_late_is_said_in_one_line_for_all_of_it(
    api: BotApi, serve: Serve, shared: Library, anna: Person
) -> None:
    group = api.group("Readers", anna)
    text = f"@{NAME} {WHEN}"
    with serve(shared, delivery__oldest=60) as bot:
        for number in (9_001, 9_002, 9_003):
            message = {
                "message_id": number,
                "date": int(time.time()) - 3_600,
                "from": {"id": anna.id, "is_bot": False, "first_name": "Anna"},
                "chat": {"id": group.id, "type": "supergroup", "title": "Readers"},
                "text": text,
                "entities": [{"type": "mention", "offset": 0, "length": len(NAME) + 1}],
            }
            api.inject({"message": message}, chat_id=group.id)
        idle(api, bot)
    assert [message.text for message in told(group)] == [words.TOO_LATE]
