"""The Bot API server for tests knows who is what in a group, and what privacy mode lets a bot hear."""

from collections.abc import Iterator
from typing import Any

import pytest
from telegram import ChatMember

from tests.barebot import Bot
from tests.botapi import BotApi, Group, Person, Role


@pytest.fixture
def api() -> Iterator[BotApi]:
    with BotApi() as api:
        yield api
        assert api.findings == []


@pytest.fixture
def bela(api: BotApi) -> Person:
    return api.person(8, "Béla")


@pytest.fixture
def group(api: BotApi, anna: Person, bela: Person) -> Group:
    """A group in which the bot is an ordinary member."""
    return api.group("Readers", anna, bela, hears_all=False)


def heard(bot: Bot) -> list[str]:
    return [update["message"]["text"] for update in bot.updates() if "text" in update.get("message", {})]


# What is heard


def test_in_privacy_mode_only_what_is_meant_for_the_bot_is_heard(group: Group, anna: Person, bot: Bot) -> None:
    for text in (
        "Where will they meet?",
        "@footnote_test_bot where?",
        "Where, @Footnote_Test_Bot?",
        "@footnote_test_bots where?",
        "mail a@footnote_test_bot.org",
        "/ask where",
        "please /ask where",
        "/ask@footnote_test_bot where",
        "/ask@Footnote_test_BOT where",
        "/ask@other_bot where",
    ):
        group.says(anna, text)
    assert heard(bot) == [
        "@footnote_test_bot where?",
        "Where, @Footnote_Test_Bot?",
        "/ask where",
        "/ask@footnote_test_bot where",
        "/ask@Footnote_test_BOT where",
    ]
    assert len(group.chat) == 10


def test_a_name_without_username_calls_the_bot_too(group: Group, anna: Person, bot: Bot) -> None:
    group.says(anna, "Hello 😀 Footnote, where?", calling="Footnote")
    [update] = bot.updates()
    [entity] = update["message"]["entities"]
    assert (entity["type"], entity["offset"], entity["length"], entity["user"]["id"]) == ("text_mention", 9, 8, 123456)
    with pytest.raises(ValueError, match="'Nobody' is not in"):
        group.says(anna, "x", calling="Nobody")


def test_a_reply_to_the_bot_is_heard_and_a_reply_to_others_is_not(group: Group, anna: Person, bot: Bot) -> None:
    mine = bot.call("sendMessage", chat_id=group.id, text="In Budapest")["message_id"]
    answer = next(message for message in group.chat if message.id == mine)
    said = group.says(anna, "And when?", reply_to=answer)
    group.says(anna, "I see", reply_to=said)
    [update] = bot.updates()
    assert (update["message"]["text"], update["message"]["reply_to_message"]["message_id"]) == ("And when?", mine)


def test_a_bare_command_goes_to_the_bot_that_wrote_last(api: BotApi, group: Group, anna: Person, bot: Bot) -> None:
    robot = api.person(9, "Robot", is_bot=True, username="other_bot")
    group.joins(robot)
    bot.updates()
    group.says(anna, "/one")
    bot.call("sendMessage", chat_id=group.id, text="x")
    group.says(anna, "/two")
    theirs = group.says(robot, "@footnote_test_bot")
    group.says(anna, "/three")
    group.says(anna, "/four@footnote_test_bot")
    group.says(anna, "/five@footnote_test_bot", reply_to=theirs)
    group.leaves(robot)
    group.says(anna, "/six")
    assert heard(bot) == ["/two", "/four@footnote_test_bot", "/six"]


def test_service_messages_and_what_is_sent_through_the_bot_are_heard(
    api: BotApi, group: Group, anna: Person, bot: Bot
) -> None:
    api.enable_inline()
    asked = anna.asks_inline("Where?", into=group)
    result = {"type": "article", "id": "1", "title": "There", "input_message_content": {"message_text": "In Budapest"}}
    bot.call("answerInlineQuery", inline_query_id=asked.query_id, results=[result])
    sent = asked.picks("There")
    group.joins(api.person(9, "Carl"))
    group.says(anna, "Yes", reply_to=sent)
    _, picked, joined, replied = bot.updates()
    assert picked["message"]["via_bot"]["id"] == 123456
    assert joined["message"]["new_chat_members"][0]["id"] == 9
    assert replied["message"]["text"] == "Yes"


def test_edits_are_heard_by_the_same_rules(group: Group, anna: Person, bot: Bot) -> None:
    said = group.says(anna, "Where?")
    anna.edits(said, "Where?!")
    anna.edits(said, "Where, @footnote_test_bot?")
    [update] = bot.updates()
    assert update["edited_message"]["text"] == "Where, @footnote_test_bot?"


@pytest.mark.parametrize("words, count", [("hello", 0), ("/ask@footnote_test_bot", 1)])
def test_nameless_administrators_are_heard_by_the_same_rules(group: Group, bot: Bot, words: str, count: int) -> None:
    group.says_anonymously(words)
    assert len(bot.updates()) == count


def test_an_administrator_hears_everything(group: Group, anna: Person, bot: Bot) -> None:
    group.promotes_bot()
    group.says(anna, "one")
    group.demotes_bot()
    group.says(anna, "two")
    assert heard(bot) == ["one"]


def test_a_bot_hears_nothing_where_it_is_not(api: BotApi, group: Group, anna: Person, bot: Bot) -> None:
    everything = api.group("Everything", anna)
    for each in (group, everything):
        each.kicks()
        bot.updates()
        each.says(anna, "@footnote_test_bot")
        each.joins(api.person(each.id % 100, "Somebody"))
    assert bot.updates() == []


# Coming and going


@pytest.mark.parametrize("basic", [False, True])
def test_a_bot_is_added_to_a_group(api: BotApi, anna: Person, bot: Bot, *, basic: bool) -> None:
    group = api.group("Readers", anna, basic=basic, with_bot=False)
    group.says(anna, "@footnote_test_bot")
    assert bot.refusal("sendMessage", chat_id=group.id, text="x") == "400 Bad Request: chat not found"
    with pytest.raises(LookupError, match="Béla is not in the group"):
        group.adds_bot(by=api.person(8, "Béla"))
    group.adds_bot(by=anna)
    group.says(anna, "hello")
    changed, joined = bot.updates()
    change = changed["my_chat_member"]
    assert (change["from"]["id"], change["chat"]["id"]) == (7, group.id)
    assert (change["old_chat_member"]["status"], change["new_chat_member"]["status"]) == ("left", "member")
    assert [user["id"] for user in joined["message"]["new_chat_members"]] == [123456]
    bot.call("sendMessage", chat_id=group.id, text="x")


def test_a_bot_is_added_as_an_administrator(api: BotApi, anna: Person, bot: Bot) -> None:
    group = api.group("Readers", anna, with_bot=False)
    group.adds_bot(by=anna, as_administrator=True)
    group.says(anna, "hello")
    assert bot.updates()[0]["my_chat_member"]["new_chat_member"]["status"] == "administrator"
    assert bot.call("getChatMember", chat_id=group.id, user_id=123456)["status"] == "administrator"


@pytest.mark.parametrize("basic", [False, True])
def test_a_bot_that_left_is_kept_out(api: BotApi, anna: Person, bot: Bot, *, basic: bool) -> None:
    group = api.group("Readers", anna, basic=basic)
    mine = bot.call("sendMessage", chat_id=group.id, text="x")["message_id"]
    assert bot.call("leaveChat", chat_id=group.id) is True
    [update] = bot.updates()
    change = update["my_chat_member"]
    assert (change["from"]["id"], change["new_chat_member"]["status"]) == (123456, "left")
    gone = f"403 Forbidden: bot is not a member of the {'group' if basic else 'supergroup'} chat"
    for method, parameters in (
        ("sendMessage", {"text": "x"}),
        ("sendChatAction", {"action": "typing"}),
        ("editMessageText", {"message_id": mine, "text": "y"}),
        ("deleteMessage", {"message_id": mine}),
        ("getChatMember", {"user_id": 7}),
        ("getChatAdministrators", {}),
    ):
        assert bot.refusal(method, chat_id=group.id, **parameters) == gone
    group.adds_bot(by=anna)
    bot.call("sendMessage", chat_id=group.id, text="x")


def test_no_private_chat_is_left(anna: Person, bot: Bot) -> None:
    refusal = bot.refusal("leaveChat", chat_id=anna.id)
    assert refusal == "400 Bad Request: chat member status can't be changed in private chats"


def test_what_others_become_is_told_to_an_administrator_who_asks(
    api: BotApi, anna: Person, bela: Person, bot: Bot
) -> None:
    group, carl = api.group("Readers", anna, bela), api.person(9, "Carl")
    group.joins(carl)
    assert [list(update)[1] for update in bot.updates()] == ["message"]
    bot.call("getUpdates", allowed_updates=["chat_member"])
    group.promotes(bela)
    group.promotes(bela)
    group.demotes(bela)
    group.bans(carl, by=bela)
    group.leaves(bela)
    changes = [update["chat_member"] for update in bot.updates()]
    assert [
        (each["from"]["id"], each["old_chat_member"]["status"], each["new_chat_member"]["status"]) for each in changes
    ] == [
        (7, "member", "administrator"),
        (7, "administrator", "member"),
        (8, "member", "kicked"),
        (8, "member", "left"),
    ]
    with pytest.raises(LookupError, match="Carl is not in the group"):
        group.says(carl, "x")
    group.demotes_bot()
    group.joins(carl)
    assert bot.updates() == []


def test_a_bot_reads_who_is_what(api: BotApi, anna: Person, bela: Person, bot: Bot) -> None:
    robot = api.person(9, "Robot", is_bot=True)
    group, stranger = api.group("Readers", anna, bela, robot), api.person(10, "Dora")
    group.promotes(bela)
    group.promotes(robot)
    assert group.role(stranger) is Role.LEFT

    def status(user_id: int) -> str:
        member: dict[str, Any] = bot.call("getChatMember", chat_id=group.id, user_id=user_id)
        read = ChatMember.de_json(member, None)
        assert not read.api_kwargs
        assert read.user.id == user_id
        return str(read.status)

    assert [status(each) for each in (7, 8, 10, 123456)] == ["creator", "administrator", "left", "administrator"]
    chiefs = bot.call("getChatAdministrators", chat_id=group.id)
    assert [each["user"]["id"] for each in chiefs] == [7, 8, 123456]
    everybody = bot.call("getChatAdministrators", chat_id=group.id, return_bots=True)
    assert [each["user"]["id"] for each in everybody] == [7, 8, 9, 123456]
    group.bans(bela)
    assert status(8) == "kicked"
    assert bot.call("getChatMember", chat_id=anna.id, user_id=7)["status"] == "member"


@pytest.mark.parametrize(
    "method, parameters, refusal",
    [
        ("getChatMember", {"user_id": 99}, "400 Bad Request: member not found"),
        ("getChatMember", {"user_id": 0}, "400 Bad Request: invalid user_id specified"),
        ("getChatMember", {"user_id": "x"}, '400 Bad Request: field "user_id" must be of type Number'),
        ("getChatMember", {"chat_id": 7, "user_id": 8}, "400 Bad Request: member not found"),
        ("getChatMember", {"chat_id": -5, "user_id": 7}, "400 Bad Request: chat not found"),
        (
            "getChatAdministrators",
            {"chat_id": 7},
            "400 Bad Request: there are no administrators in the private chat",
        ),
        ("leaveChat", {"chat_id": -5}, "400 Bad Request: chat not found"),
    ],
)
def test_a_wrong_question_about_members_is_refused(
    group: Group, bot: Bot, method: str, parameters: dict[str, Any], refusal: str
) -> None:
    assert bot.refusal(method, **{"chat_id": group.id, **parameters}) == refusal


def test_only_an_administrator_deletes_what_others_wrote(group: Group, anna: Person, bot: Bot) -> None:
    said = group.says(anna, "x")
    mine = bot.call("sendMessage", chat_id=group.id, text="x")["message_id"]
    refusal = bot.refusal("deleteMessage", chat_id=group.id, message_id=said.id)
    assert refusal == "400 Bad Request: message can't be deleted"
    bot.call("deleteMessage", chat_id=group.id, message_id=mine)
    group.promotes_bot()
    bot.call("deleteMessage", chat_id=group.id, message_id=said.id)
    assert group.chat == []
