"""The bot comes into groups: what it says there, which it leaves, and that it finds its way when one moves."""

import logging

import pytest

from bot import words
from index.library import Library
from tests.botapi import BotApi, Person
from tests.botapi.groups import NAMELESS, Group
from tests.botapi.members import change_role
from tests.botapi.records import Role
from tests.botapi.rooms import Room
from tests.conftest import ADMIN, GUEST, WHEN, Serve, until

ELSEWHERE = -1_009_999_999_999
"""A supergroup that the bot is not in."""


@pytest.fixture
def boss(api: BotApi) -> Person:
    return api.person(ADMIN, "Boss")


@pytest.fixture
def group(api: BotApi, anna: Person) -> Group:
    """A group that somebody may add the bot to."""
    return api.group("Readers", anna, with_bot=False)


def told(room: Room) -> list[str]:
    return [message.text for message in room.chat if message.from_bot]


def idle(api: BotApi, bot: object) -> None:
    until(lambda: api.waiting == 0 and bot._parts.inbox.waiting() == 0)  # type: ignore[attr-defined]


def is_in(group: Group) -> bool:
    return group.role(group._state.bot).is_there


def leaving(group: Group) -> str:
    return words.LEAVING.format(chat=group.id)


def test_a_group_that_is_not_on_the_list_is_told_what_to_do_and_left(
    api: BotApi, serve: Serve, shared: Library, anna: Person, group: Group
) -> None:
    with serve(shared, telegram__allowed=[anna.id]) as bot:
        group.adds_bot(by=anna)
        idle(api, bot)
        assert told(group) == [leaving(group)]
        assert str(group.id) in told(group)[0]
        assert not is_in(group)
        group.adds_bot(by=anna)
        idle(api, bot)
        assert told(group) == [leaving(group)] * 2, "whoever adds it again is told again"
        assert not is_in(group)
    assert api.count("leaveChat") == 2


def test_it_is_said_in_the_language_of_whoever_added_it(api: BotApi, serve: Serve, shared: Library) -> None:
    ivan = api.person(10, "Иван", language_code="ru")
    group = api.group("Читатели", ivan, with_bot=False)
    with serve(shared, telegram__groups=[ELSEWHERE]) as bot:
        group.adds_bot(by=ivan)
        idle(api, bot)
    assert told(group)[0].startswith("Это закрытый бот")


def test_a_group_that_was_there_before_is_left_at_its_next_message_and_what_follows_is_not_heard(
    api: BotApi, serve: Serve, shared: Library, anna: Person
) -> None:
    group = api.group("Readers", anna)
    for n in range(5):
        group.says(anna, f"Number {n}")
    anna_said = group.says(anna, "/ask@footnote_test_bot Well?")
    with serve(shared, telegram__allowed=[anna.id]) as bot:
        idle(api, bot)
    assert anna_said.text
    assert told(group) == [leaving(group)]
    assert not is_in(group)
    assert api.count("leaveChat") == 1


def test_in_an_allowed_group_it_says_once_what_it_does_and_stays(
    api: BotApi, serve: Serve, shared: Library, anna: Person, group: Group
) -> None:
    with serve(shared, telegram__allowed=[99], telegram__groups=[group.id]) as bot:
        group.adds_bot(by=anna)
        idle(api, bot)
        group.promotes_bot()
        group.demotes_bot()
        idle(api, bot)
    assert told(group) == [words.INTRODUCTION]
    assert is_in(group)


def test_an_open_bot_may_be_in_any_group_unless_groups_are_named(
    api: BotApi, serve: Serve, shared: Library, anna: Person, group: Group
) -> None:
    with serve(shared) as bot:
        group.adds_bot(by=anna)
        idle(api, bot)
    assert (told(group), is_in(group)) == ([words.INTRODUCTION], True)
    with serve(shared, telegram__groups=[ELSEWHERE]) as bot:
        group.says(anna, "@footnote_test_bot Well?")
        idle(api, bot)
    assert (told(group)[1:], is_in(group)) == ([leaving(group)], False)


def test_an_allowed_group_that_becomes_a_supergroup_stays_allowed(
    api: BotApi, serve: Serve, shared: Library, anna: Person, expected: list[str]
) -> None:
    expected.append("upgraded to a supergroup")
    group = api.group("Readers", anna, basic=True)
    with serve(shared, telegram__groups=[group.id]) as bot:
        moved = group.migrates()
        idle(api, bot)
        moved.says(anna, "Hello!")
        idle(api, bot)
    with serve(shared, telegram__groups=[group.id]) as bot:
        moved.says(anna, "Hello again!")
        idle(api, bot)
    assert is_in(moved)
    assert told(moved) == []
    assert api.count("leaveChat") == 0


def test_it_asks_which_group_moved_where_nobody_told_it(
    api: BotApi, serve: Serve, shared: Library, anna: Person, expected: list[str]
) -> None:
    expected += ["upgraded to a supergroup", "chat not found"]
    group, other = api.group("Readers", anna, basic=True), api.group("Others", anna)
    moved = group.migrates()
    unheard(api)
    brings(api, moved.id)
    with serve(shared, telegram__groups=[-77, group.id]) as bot:
        other.says(anna, "Hello!")
        idle(api, bot)
    assert (is_in(moved), told(moved)) == (True, [])
    assert (is_in(other), told(other)) == (False, [leaving(other)])


def test_it_asks_once_and_not_at_each_message_that_waits_from_a_group_that_is_left(
    api: BotApi, serve: Serve, shared: Library, anna: Person
) -> None:
    ours, foreign = api.group("Ours", anna, basic=True), api.group("Foreign", anna)
    for number in range(5):
        foreign.says(anna, f"Number {number}")
    with serve(shared, telegram__groups=[ours.id]) as bot:
        idle(api, bot)
    assert told(foreign) == [leaving(foreign)]
    assert api.count("sendChatAction") == 1, "each counts among the twenty messages a minute of our own group"


def unheard(api: BotApi) -> None:
    """Let what waits for the bot be lost, as after a day."""
    with api._state.changed:
        api._state.updates.clear()


def test_a_channel_is_left_without_a_word_and_a_private_chat_is_no_group(
    api: BotApi, serve: Serve, shared: Library, anna: Person
) -> None:
    channel = api.channel("News")
    channel.kicks()
    with serve(shared) as bot:
        anna.says(WHEN)
        anna.blocks()
        anna.unblocks()
        idle(api, bot)
        before = len(told(anna))
        brings(api, channel.id)
        idle(api, bot)
    assert told(channel) == []
    assert len(told(anna)) == before
    assert [int(call.parameters["chat_id"]) for call in api.calls("leaveChat")] == [channel.id]


def brings(api: BotApi, chat: int) -> None:
    """Let Telegram tell the bot that it is in a chat now, and nothing else."""
    with api._state.changed:
        api._state.chats[chat].roles[api._state.bot.id] = Role.LEFT
        change_role(api._state, api._state.chats[chat], api._state.bot, Role.ADMINISTRATOR, by=NAMELESS)


def test_where_it_may_not_write_it_leaves_all_the_same(
    api: BotApi,
    serve: Serve,
    shared: Library,
    group: Group,
    expected: list[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    refusal = "Bad Request: not enough rights to send text messages to the chat"
    expected.append(refusal)
    api.fail_next("sendMessage", status=400, description=refusal)
    with serve(shared, telegram__allowed=[GUEST]) as bot:
        group.adds_bot(by=group.members[0])
        idle(api, bot)
    assert (told(group), is_in(group)) == ([], False)
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []


def test_somebody_who_throws_it_out_first_hears_nothing(
    api: BotApi, serve: Serve, shared: Library, anna: Person, group: Group, expected: list[str]
) -> None:
    expected += ["bot was kicked", "bot is not a member"]
    group.adds_bot(by=anna)
    group.kicks()
    with serve(shared, telegram__allowed=[GUEST]) as bot:
        idle(api, bot)
    assert told(group) == []
