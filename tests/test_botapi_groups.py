"""The Bot API server for tests knows groups, channels, all that may speak there, forged presses and closed doors."""

from collections.abc import Iterator

import httpx
import pytest
from telegram.constants import ChatID, ChatType

from tests.barebot import Bot, keyboard
from tests.botapi import BotApi, Group, Person

MOVED = "Bad Request: group chat was upgraded to a supergroup chat"


@pytest.fixture
def api() -> Iterator[BotApi]:
    with BotApi() as api:
        yield api
        assert api.findings == []


@pytest.fixture
def bela(api: BotApi) -> Person:
    return api.person(id=8, first_name="Béla", opened=False)


@pytest.fixture
def group(api: BotApi, anna: Person, bela: Person) -> Group:
    return api.group("Readers", anna, bela)


@pytest.fixture(scope="module")
def http() -> Iterator[httpx.Client]:
    with httpx.Client(trust_env=False, timeout=5) as http:
        yield http


def test_people_talk_in_a_group_and_the_bot_answers_there(group: Group, anna: Person, bela: Person, bot: Bot) -> None:
    question = group.says(anna, "Where, @footnote_test_bot?")
    [update] = bot.updates()
    message = update["message"]
    assert message["chat"] == {"id": group.id, "title": "Readers", "type": "supergroup"}
    assert (message["from"]["id"], "sender_chat" in message) == (7, False)
    assert message["entities"] == [{"type": "mention", "offset": 7, "length": 18}]
    bot.call(
        "sendMessage",
        chat_id=group.id,
        text="There",
        reply_parameters={"message_id": question.id},
        reply_markup=keyboard(callback_data="more"),
    )
    answer = group.waits(lambda m: m.text == "There")
    assert answer.reply_to == question.id
    press = bela.presses(answer, "Go")
    group.says(bela, "More of that", reply_to=answer)
    pressed, replied = bot.updates()
    assert (pressed["callback_query"]["from"]["id"], pressed["callback_query"]["message"]["chat"]["id"]) == (
        8,
        group.id,
    )
    assert replied["message"]["reply_to_message"]["from"]["id"] == 123456
    bot.call("answerCallbackQuery", callback_query_id=press.query_id)
    assert press.answer().text == ""
    assert [message.text for message in group.chat] == ["Where, @footnote_test_bot?", "There", "More of that"]
    assert anna.chat == []


def test_each_supergroup_numbers_its_own_messages(api: BotApi, anna: Person, bot: Bot) -> None:
    one, two, basic = api.group("One", anna), api.group("Two", anna), api.group("Basic", anna, basic=True)
    assert [one.says(anna, "x").id, two.says(anna, "x").id, one.says(anna, "x").id] == [1, 1, 2]
    assert [anna.says("x").id, basic.says(anna, "x").id, anna.says("x").id] == [1, 2, 3]
    assert (one.id < -(10**12), basic.id > -(10**12)) == (True, True)
    assert bot.updates()[4]["message"]["chat"]["type"] == "group"


def test_only_members_speak(api: BotApi, group: Group, bot: Bot) -> None:
    carl = api.person(9, "Carl")
    with pytest.raises(LookupError, match="Carl is not in the group 'Readers'"):
        group.says(carl, "x")
    group.joins(carl)
    group.says(carl, "x")
    joined, said = bot.updates()
    assert [user["id"] for user in joined["message"]["new_chat_members"]] == [9]
    assert "text" not in joined["message"]
    assert said["message"]["text"] == "x"


def test_an_anonymous_administrator_speaks_for_the_group(group: Group, bot: Bot) -> None:
    group.says_anonymously("/reindex")
    [update] = bot.updates()
    message = update["message"]
    assert (message["from"]["id"], message["from"]["is_bot"]) == (ChatID.ANONYMOUS_ADMIN, True)
    assert message["sender_chat"]["id"] == message["chat"]["id"] == group.id


def test_a_channel_posts_edits_and_comes_into_its_group(api: BotApi, group: Group, bot: Bot) -> None:
    channel = api.channel("News")
    post = channel.posts("/reindex")
    channel.edits(post, "/index")
    group.gets(post)
    group.says_as(channel, "hello")
    posted, edited, forwarded, spoken = bot.updates()
    assert (posted["channel_post"]["sender_chat"]["id"], "from" in posted["channel_post"]) == (channel.id, False)
    assert posted["channel_post"]["chat"]["type"] == ChatType.CHANNEL
    assert (edited["edited_channel_post"]["text"], "edit_date" in edited["edited_channel_post"]) == ("/index", True)
    assert forwarded["message"]["from"]["id"] == ChatID.SERVICE_CHAT
    assert forwarded["message"]["is_automatic_forward"]
    assert forwarded["message"]["forward_origin"]["chat"]["id"] == channel.id
    assert spoken["message"]["from"]["id"] == ChatID.FAKE_CHANNEL
    assert spoken["message"]["sender_chat"] == {"id": channel.id, "title": "News", "type": "channel"}
    bot.call("sendMessage", chat_id=channel.id, text="x")
    channel.kicks()
    assert bot.refusal("sendMessage", chat_id=channel.id, text="x") == (
        "403 Forbidden: bot was kicked from the channel chat"
    )


def test_another_bot_speaks_in_a_group_and_in_private(api: BotApi, group: Group, bot: Bot) -> None:
    robot = api.person(9, "Robot", is_bot=True, username="other_bot")
    group.joins(robot)
    group.says(robot, "/start")
    robot.says("/start")
    assert [update["message"]["from"]["is_bot"] for update in bot.updates()] == [True] * 3
    bot.call("sendMessage", chat_id=group.id, text="x")
    assert bot.refusal("sendMessage", chat_id=9, text="x") == "403 Forbidden: bot can't send messages to bots"


def test_people_edit_what_they_wrote_and_nothing_else(group: Group, anna: Person, bela: Person, bot: Bot) -> None:
    said, private = group.says(anna, "Were?"), anna.says("Hullo")
    anna.edits(said, "Where?")
    assert anna.edits(anna.edits(private, "Hallo"), "Hello").edits == 2
    with pytest.raises(LookupError, match="Béla did not write"):
        bela.edits(said, "x")
    edited = [update["edited_message"] for update in bot.updates()[2:]]
    assert [(each["chat"]["id"], each["text"]) for each in edited] == [
        (group.id, "Where?"),
        (7, "Hallo"),
        (7, "Hello"),
    ]
    assert all("edit_date" in each for each in edited)
    assert [message.text for message in group.chat] == ["Where?"]


def test_a_press_can_be_forged(group: Group, anna: Person, bela: Person, bot: Bot) -> None:
    bot.call("sendMessage", chat_id=7, text="yours", reply_markup=keyboard(callback_data="mine"))
    message = anna.chat[0]
    bela.presses_data(message, "admin:reindex")
    bela.presses_data(group.says(anna, "no buttons"), "x" * 1000)
    press = bela.presses_data(message, "late", gone=True)
    bot.call("deleteMessage", chat_id=7, message_id=message.id)
    anna.presses_data(message, "after its end")
    first, _, second, gone, after = bot.updates()
    query = first["callback_query"]
    assert (query["from"]["id"], query["data"], query["message"]["chat"]["id"]) == (8, "admin:reindex", 7)
    assert second["callback_query"]["data"] == "x" * 1000
    assert gone["callback_query"]["message"] == {
        "chat": {"id": 7, "first_name": "Anna", "type": "private"},
        "message_id": message.id,
        "date": 0,
    }
    assert after["callback_query"]["message"]["text"] == "yours"
    bot.call("answerCallbackQuery", callback_query_id=press.query_id, text="No")
    assert press.answer().text == "No"


def test_a_group_becomes_a_supergroup_and_the_old_one_says_where(api: BotApi, anna: Person, bot: Bot) -> None:
    old = api.group("Readers", anna, basic=True)
    mine = bot.call("sendMessage", chat_id=old.id, text="x")
    new = old.migrates()
    to, from_ = bot.updates()
    assert (to["message"]["chat"]["id"], to["message"]["migrate_to_chat_id"]) == (old.id, new.id)
    assert (from_["message"]["chat"]["id"], from_["message"]["migrate_from_chat_id"]) == (new.id, old.id)
    for method, parameters in [
        ("sendMessage", {"text": "x"}),
        ("sendChatAction", {"action": "typing"}),
        ("editMessageText", {"message_id": mine["message_id"], "text": "y"}),
    ]:
        assert bot.answer(method, chat_id=old.id, **parameters) == {
            "ok": False,
            "error_code": 400,
            "description": MOVED,
            "parameters": {"migrate_to_chat_id": new.id},
        }
    bot.call("sendMessage", chat_id=new.id, text="y")
    assert new.says(anna, "at home").id == 3


@pytest.mark.parametrize("basic", [False, True])
def test_a_bot_that_is_kicked_is_told_and_kept_out(api: BotApi, anna: Person, bot: Bot, *, basic: bool) -> None:
    group = api.group("Readers", anna, basic=basic)
    group.kicks()
    kind = "group" if basic else "supergroup"
    assert (
        bot.refusal("sendMessage", chat_id=group.id, text="x") == f"403 Forbidden: bot was kicked from the {kind} chat"
    )
    group.takes_back()
    bot.call("sendMessage", chat_id=group.id, text="x")
    changes = [update["my_chat_member"] for update in bot.updates()]
    assert [(each["chat"]["id"], each["new_chat_member"]["status"]) for each in changes] == [
        (group.id, "kicked"),
        (group.id, "member"),
    ]


def test_nobody_is_written_to_who_has_not_written_first(bela: Person, bot: Bot) -> None:
    refusal = "403 Forbidden: bot can't initiate conversation with a user"
    assert bot.refusal("sendMessage", chat_id=8, text="x") == refusal
    bela.says("/start")
    bot.call("sendMessage", chat_id=8, text="x")
