"""The Bot API server for tests answers as Telegram does, and people see what a bot sent them."""

import asyncio
import html
import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from telegram import InlineKeyboardButton, InlineKeyboardMarkup, LinkPreviewOptions, Update
from telegram import Message as TelegramMessage
from telegram.constants import ParseMode
from telegram.error import BadRequest, Forbidden, RetryAfter
from telegram.ext import (
    Application,
    ApplicationBuilder,
    CallbackQueryHandler,
    CommandHandler,
    ContextTypes,
    MessageHandler,
    filters,
)

from tests.barebot import Bot, keyboard
from tests.botapi import BotApi, Entity, Person
from tests.botapi.formatting import utf16_length

NOT_MODIFIED = (
    "Bad Request: message is not modified: specified new message content and reply markup are exactly the same "
    "as a current content and reply markup of the message"
)
RESERVED_DOT = (
    "Bad Request: can't parse entities: Character '.' is reserved and must be escaped with the preceding '\\'"
)
TOO_OLD = "Bad Request: query is too old and response timeout expired or query ID is invalid"


@pytest.fixture
def api() -> Iterator[BotApi]:
    with BotApi() as api:
        yield api


# A whole bot


async def start(update: Update, _: ContextTypes.DEFAULT_TYPE) -> None:
    assert update.message
    await update.message.reply_text("<b>Welcome</b>", parse_mode=ParseMode.HTML)


async def echo(update: Update, _: ContextTypes.DEFAULT_TYPE) -> None:
    assert update.message
    assert update.message.text
    placeholder = await update.message.reply_text("…", do_quote=True)
    await update.message.reply_chat_action("typing")
    await placeholder.edit_text(
        f"You said <i>{html.escape(update.message.text)}</i>",
        parse_mode=ParseMode.HTML,
        link_preview_options=LinkPreviewOptions(is_disabled=True),
        reply_markup=InlineKeyboardMarkup([[InlineKeyboardButton("Louder", callback_data="louder")]]),
    )


async def louder(update: Update, _: ContextTypes.DEFAULT_TYPE) -> None:
    query = update.callback_query
    assert query
    assert isinstance(query.message, TelegramMessage)
    assert query.message.text
    await query.answer("As you wish", show_alert=True)
    await query.edit_message_text(query.message.text.upper())


def echo_bot(api: BotApi) -> Application[Any, Any, Any, Any, Any, Any]:
    app = ApplicationBuilder().token(api.token).base_url(f"{api.url}/bot").build()
    app.add_handler(CommandHandler("start", start))
    app.add_handler(MessageHandler(filters.TEXT, echo))
    app.add_handler(CallbackQueryHandler(louder))
    return app


async def while_polling(app: Application[Any, Any, Any, Any, Any, Any], talk: Any) -> None:
    """Run a bot, have a person talk to it from another thread, and stop it."""
    assert app.updater
    async with app:
        await app.start()
        await app.updater.start_polling(poll_interval=0, timeout=5, allowed_updates=Update.ALL_TYPES)
        try:
            await asyncio.to_thread(talk)
        finally:
            await app.updater.stop()
            await app.stop()


def test_a_person_talks_to_a_real_bot(api: BotApi, anna: Person) -> None:
    def talk() -> None:
        anna.says("/start")
        assert anna.waits(lambda m: m.text == "Welcome").entities == (Entity("bold", 0, 7),)
        question = anna.says("Where will they meet? 😀")
        reply = anna.waits(lambda m: "meet? 😀" in m.text)
        assert (reply.edits, reply.labels, reply.reply_to) == (1, ("Louder",), question.id)
        press = anna.presses(reply, "Louder")
        assert press.answer(5).text == "As you wish"
        assert press.answer(5).show_alert
        loud = anna.waits(lambda m: "YOU SAID" in m.text)
        assert (loud.id, loud.edits, loud.buttons) == (reply.id, 2, ())

    asyncio.run(while_polling(echo_bot(api), talk))
    assert api.refusals == []
    assert [call.parameters["action"] for call in api.calls("sendChatAction")] == ["typing"]
    assert len(anna.chat) == 4


def test_the_library_raises_its_own_errors(api: BotApi, anna: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PTB_TIMEDELTA", "1")  # without it RetryAfter warns of its own past

    async def scenario() -> None:
        async with ApplicationBuilder().token(api.token).base_url(f"{api.url}/bot").build() as app:
            with pytest.raises(BadRequest, match="Can't parse entities"):
                await app.bot.send_message(7, "<b>", parse_mode=ParseMode.HTML)
            api.fail_next("sendMessage", status=429, retry_after=3)
            with pytest.raises(RetryAfter, match="Retry in 0:00:03"):
                await app.bot.send_message(7, "x")
            anna.blocks()
            with pytest.raises(Forbidden, match="bot was blocked by the user"):
                await app.bot.send_message(7, "x")
            await app.bot.set_my_commands([("help", "What I can do")])
            assert [each.command for each in await app.bot.get_my_commands()] == ["help"]

    asyncio.run(scenario())


# Refusals

LONG = "x" * 4097


@pytest.mark.parametrize(
    "method, parameters, refusal",
    [
        ("sendMessage", {}, "400 Bad Request: message text is empty"),
        ("sendMessage", {"chat_id": 7}, "400 Bad Request: message text is empty"),
        ("sendMessage", {"chat_id": 7, "text": ""}, "400 Bad Request: message text is empty"),
        ("sendMessage", {"text": "x"}, "400 Bad Request: chat_id is empty"),
        ("sendMessage", {"chat_id": "", "text": "x"}, "400 Bad Request: chat_id is empty"),
        ("sendMessage", {"chat_id": 7, "text": " \n\t "}, "400 Bad Request: text must be non-empty"),
        (
            "sendMessage",
            {"chat_id": 7, "text": "<b></b>", "parse_mode": "HTML"},
            "400 Bad Request: text must be non-empty",
        ),
        ("sendMessage", {"chat_id": 7, "text": LONG}, "400 Bad Request: message is too long"),
        ("sendMessage", {"chat_id": 7, "text": "😀" * 2049}, "400 Bad Request: message is too long"),
        ("sendMessage", {"chat_id": 7, "text": "x" * 40_000}, "400 Bad Request: text is too long"),
        ("sendMessage", {"chat_id": 8, "text": "x"}, "400 Bad Request: chat not found"),
        ("sendMessage", {"chat_id": "@anna", "text": "x"}, "400 Bad Request: chat not found"),
        ("sendMessage", {"chat_id": 7, "text": "x", "parse_mode": "BB"}, "400 Bad Request: unsupported parse_mode"),
        (
            "sendMessage",
            {"chat_id": 7, "text": "a <b>b", "parse_mode": "HTML"},
            "400 Bad Request: can't parse entities: Can't find end tag corresponding to start tag \"b\"",
        ),
        (
            "sendMessage",
            {"chat_id": 7, "text": "<b><i>x</b></i>", "parse_mode": "HTML"},
            '400 Bad Request: can\'t parse entities: Unmatched end tag at byte offset 7, expected "</i>", found "</b>"',
        ),
        (
            "sendMessage",
            {"chat_id": 7, "text": "<p>x</p>", "parse_mode": "HTML"},
            '400 Bad Request: can\'t parse entities: Unsupported start tag "p" at byte offset 0',
        ),
        (
            "sendMessage",
            {"chat_id": 7, "text": "Wait.", "parse_mode": "MarkdownV2"},
            f"400 {RESERVED_DOT}",
        ),
        (
            "sendMessage",
            {"chat_id": 7, "text": "x", "entities": [{"type": "bold", "offset": 9, "length": 1}]},
            "400 Bad Request: entity begins after the end of the text at UTF-16 offset 9",
        ),
        (
            "sendMessage",
            {"chat_id": 7, "text": "x", "entities": [{"type": "text_link", "offset": 0, "length": 1}]},
            "400 Bad Request: can't parse MessageEntity: Can't find field \"url\"",
        ),
        (
            "sendMessage",
            {"chat_id": 7, "text": "x", "entities": [{"type": "huge", "offset": 0, "length": 1}]},
            "400 Bad Request: can't parse MessageEntity: Unsupported type specified",
        ),
        (
            "sendMessage",
            {"chat_id": 7, "text": "x", "reply_markup": keyboard(callback_data="ж" * 33)},
            "400 Bad Request: BUTTON_DATA_INVALID",
        ),
        (
            "sendMessage",
            {"chat_id": 7, "text": "x", "reply_markup": keyboard(copy_text={"text": "x" * 257})},
            "400 Bad Request: BUTTON_COPY_TEXT_INVALID",
        ),
        (
            "sendMessage",
            {"chat_id": 7, "text": "x", "reply_markup": keyboard()},
            "400 Bad Request: can't parse inline keyboard button: Text buttons are unallowed in the inline keyboard",
        ),
        (
            "sendMessage",
            {"chat_id": 7, "text": "x", "reply_markup": keyboard(callback_data="")},
            "400 Bad Request: can't parse inline keyboard button: Text buttons are unallowed in the inline keyboard",
        ),
        (
            "sendMessage",
            {"chat_id": 7, "text": "x", "reply_markup": keyboard(callback_data="a", url="https://example.com")},
            "400 Bad Request: can't parse inline keyboard button: Several actions: callback_data, url",
        ),
        (
            "sendMessage",
            {"chat_id": 7, "text": "x", "reply_markup": {"inline_keyboard": [[{"callback_data": "x"}]]}},
            "400 Bad Request: can't parse inline keyboard button: Can't find field \"text\"",
        ),
        (
            "sendMessage",
            {"chat_id": 7, "text": "x", "reply_markup": keyboard(url="not-a-url")},
            "400 Bad Request: inline keyboard button URL 'not-a-url' is invalid: Wrong HTTP URL",
        ),
        (
            "sendMessage",
            {"chat_id": 7, "text": "x", "reply_markup": keyboard(url="ftp://example.com")},
            "400 Bad Request: inline keyboard button URL 'ftp://example.com' is invalid: Unsupported URL protocol",
        ),
        (
            "sendMessage",
            {"chat_id": 7, "text": "x", "reply_markup": keyboard(url="http://localhost")},
            "400 Bad Request: inline keyboard button URL 'http://localhost' is invalid: Wrong HTTP URL",
        ),
        (
            "sendMessage",
            {"chat_id": 7, "text": "x", "reply_markup": {"inline_keyboard": "bad"}},
            '400 Bad Request: field "inline_keyboard" must be of type Array',
        ),
        (
            "sendMessage",
            {"chat_id": 7, "text": "x", "link_preview_options": {"is_disabled": "yes"}},
            '400 Bad Request: field "is_disabled" must be of type Boolean',
        ),
        (
            "sendMessage",
            {"chat_id": 7, "text": "x", "reply_parameters": {"message_id": 99}},
            "400 Bad Request: message to be replied not found",
        ),
        (
            "sendMessage",
            {"chat_id": 7, "text": "x", "reply_parameters": {}},
            '400 Bad Request: can\'t find field "message_id"',
        ),
        ("editMessageText", {"chat_id": 7, "message_id": 1}, "400 Bad Request: message text is empty"),
        ("editMessageText", {"chat_id": 7, "message_id": 1, "text": LONG}, "400 Bad Request: MESSAGE_TOO_LONG"),
        ("editMessageText", {"chat_id": 7, "message_id": 9, "text": "x"}, "400 Bad Request: message to edit not found"),
        ("editMessageText", {"chat_id": 7, "message_id": 2, "text": "x"}, "400 Bad Request: message can't be edited"),
        ("editMessageText", {"chat_id": 8, "message_id": 1, "text": "x"}, "400 Bad Request: chat not found"),
        ("editMessageText", {"chat_id": 7, "text": "x"}, "400 Bad Request: message identifier is not specified"),
        ("editMessageText", {"chat_id": 7, "message_id": 1, "text": " first "}, f"400 {NOT_MODIFIED}"),
        ("editMessageReplyMarkup", {"chat_id": 7, "message_id": 1}, f"400 {NOT_MODIFIED}"),
        (
            "editMessageReplyMarkup",
            {"chat_id": 7, "message_id": 9},
            "400 Bad Request: message to edit not found",
        ),
        ("deleteMessage", {"chat_id": 7, "message_id": 9}, "400 Bad Request: message to delete not found"),
        ("deleteMessage", {"chat_id": 7}, "400 Bad Request: message identifier is not specified"),
        ("answerCallbackQuery", {"callback_query_id": "1"}, f"400 {TOO_OLD}"),
        ("answerCallbackQuery", {}, f"400 {TOO_OLD}"),
        (
            "answerCallbackQuery",
            {"callback_query_id": "1", "text": "x" * 201},
            "400 Bad Request: MESSAGE_TOO_LONG",
        ),
        (
            "sendChatAction",
            {"chat_id": 7, "action": "dancing"},
            "400 Bad Request: wrong parameter action in request",
        ),
        ("sendChatAction", {"chat_id": 8, "action": "typing"}, "400 Bad Request: chat not found"),
        (
            "setMyCommands",
            {"commands": [{"command": "Bad command", "description": "x"}]},
            "400 Bad Request: BOT_COMMAND_INVALID",
        ),
        (
            "setMyCommands",
            {"commands": [{"command": "", "description": "x"}]},
            "400 Bad Request: command must be non-empty",
        ),
        (
            "setMyCommands",
            {"commands": [{"command": "x" * 33, "description": "x"}]},
            "400 Bad Request: command length must not exceed 32",
        ),
        (
            "setMyCommands",
            {"commands": [{"command": "x", "description": ""}]},
            "400 Bad Request: command description must be non-empty",
        ),
        (
            "setMyCommands",
            {"commands": [{"command": "x", "description": "x" * 257}]},
            "400 Bad Request: command description length must not exceed 256",
        ),
        (
            "setMyCommands",
            {"commands": [{"command": f"c{i}", "description": "x"} for i in range(101)]},
            "400 Bad Request: BOT_COMMANDS_TOO_MUCH",
        ),
        (
            "setMyCommands",
            {"commands": [], "scope": {"type": "mars"}},
            "400 Bad Request: can't parse BotCommandScope: Unsupported type specified",
        ),
        (
            "setMyCommands",
            {"commands": [], "scope": {"type": "chat"}},
            "400 Bad Request: can't parse BotCommandScope: Can't find field \"chat_id\"",
        ),
        (
            "setMyCommands",
            {"commands": [], "language_code": "english"},
            "400 Bad Request: invalid language code specified",
        ),
        ("getUpdates", {"allowed_updates": ["mesage"]}, "400 Bad Request: unknown update types mesage"),
        ("getUpdates", {"timeout": "soon"}, '400 Bad Request: field "timeout" must be of type Number'),
        ("sendMassage", {"chat_id": 7, "text": "x"}, "404 Not Found"),
    ],
)
def test_a_wrong_request_is_refused_in_the_words_of_telegram(
    api: BotApi, anna: Person, bot: Bot, method: str, parameters: dict[str, Any], refusal: str
) -> None:
    bot.call("sendMessage", chat_id=7, text="first")
    anna.says("second")
    before = anna.chat
    assert bot.refusal(method, **parameters) == refusal
    assert [f"{each.status} {each.description}" for each in api.refusals] == [refusal]
    assert anna.chat == before


@pytest.mark.parametrize(
    "parameters, path",
    [
        ({"txt": "x"}, "txt"),
        (
            {"reply_markup": {"inline_keyboard": [[], [{"text": "a", "data": "b"}]]}},
            "reply_markup.inline_keyboard[1][0].data",
        ),
        ({"reply_markup": {"inlinekeyboard": []}}, "reply_markup.inlinekeyboard"),
        ({"reply_markup": {"force_reply": True, "placeholder": "?"}}, "reply_markup.placeholder"),
        ({"reply_markup": {}}, "reply_markup."),
        ({"link_preview_options": {"disabled": True}}, "link_preview_options.disabled"),
        ({"reply_parameters": {"message_id": 1, "allow": True}}, "reply_parameters.allow"),
        ({"entities": [{"type": "bold", "offset": 0, "length": 1, "colour": "red"}]}, "entities[0].colour"),
    ],
)
def test_a_field_telegram_does_not_know_is_refused(
    api: BotApi, anna: Person, bot: Bot, parameters: dict[str, Any], path: str
) -> None:
    refusal = bot.refusal("sendMessage", chat_id=anna.id, text="x", **parameters)
    assert refusal == f"400 Bad Request: unknown field {path}"
    assert len(api.refusals) == 1


@pytest.mark.parametrize("name", ["message_thread_id", "business_connection_id", "reply_to_message_id"])
def test_what_the_server_cannot_reproduce_is_refused_rather_than_ignored(anna: Person, bot: Bot, name: str) -> None:
    value = "1" if name == "business_connection_id" else 1
    refusal = bot.refusal("sendMessage", chat_id=anna.id, text="x", **{name: value})
    assert refusal == f"400 Bad Request: not reproduced by this test server: {name}"


@pytest.mark.parametrize(
    "path, status, description",
    [
        ("/bot123456:wrong/getMe", 401, "Unauthorized"),
        ("/bot123456:wrong/getMee", 401, "Unauthorized"),
        ("/botnot-a-token/getMe", 404, "Not Found"),
        ("/bot/getMe", 404, "Not Found"),
        ("/", 404, "Not Found"),
        ("/bot123456:wrong", 404, "Not Found"),
    ],
)
def test_a_wrong_address_is_refused(api: BotApi, http: httpx.Client, path: str, status: int, description: str) -> None:
    response = http.get(api.url + path)
    assert response.json() == {"ok": False, "error_code": status, "description": description}
    assert [each.status for each in api.refusals] == [status]


def test_a_server_wants_a_token_of_the_right_shape() -> None:
    with pytest.raises(ValueError, match="not a bot token"):
        BotApi(token="secret")


def test_keyboards_other_than_inline_ones_are_not_reproduced(anna: Person, bot: Bot) -> None:
    refusal = bot.refusal("sendMessage", chat_id=anna.id, text="x", reply_markup={"force_reply": True})
    assert refusal == "400 Bad Request: not reproduced by this test server: ForceReply"


# Accepted requests


@pytest.mark.parametrize("name", ["sendMessage", "SENDMESSAGE", "sendmessage"])
def test_the_case_of_a_method_does_not_matter(api: BotApi, anna: Person, bot: Bot, name: str) -> None:
    bot.call(name, chat_id=anna.id, text="x")
    assert [call.method for call in api.calls("sendMessage")] == ["sendMessage"]


def test_parameters_come_in_every_form_the_bot_api_allows(api: BotApi, anna: Person, http: httpx.Client) -> None:
    url = f"{api.url}/bot{api.token}/sendMessage"
    fields = {"chat_id": "7", "reply_markup": json.dumps(keyboard(callback_data="go"))}
    answers = [
        http.get(url, params={**fields, "text": "query"}),
        http.post(url, data={**fields, "text": "form"}),
        http.post(url, files={name: (None, value) for name, value in {**fields, "text": "multipart"}.items()}),
        http.post(url, json={"chat_id": 7, "reply_markup": keyboard(callback_data="go"), "text": "JSON"}),
        http.post(url, json={**fields, "text": "JSON in JSON"}),
    ]
    assert [answer.json()["ok"] for answer in answers] == [True] * 5
    assert [message.text for message in anna.chat] == ["query", "form", "multipart", "JSON", "JSON in JSON"]
    assert {message.labels for message in anna.chat} == {("Go",)}
    assert http.post(url, content="{", headers={"content-type": "application/json"}).status_code == 400
    assert http.post(url, files={"text": ("a.txt", b"x")}).status_code == 400


def test_limits_are_inclusive(api: BotApi, anna: Person, bot: Bot) -> None:
    bot.call("sendMessage", chat_id=7, text="x" * 4096)
    bot.call("sendMessage", chat_id=7, text=" " * 500 + "😀" * 2048 + "\n")
    bot.call("sendMessage", chat_id=7, text="<b>" + "x" * 4096 + "</b>", parse_mode="HTML")
    bot.call("sendMessage", chat_id=7, text="x", reply_markup=keyboard(callback_data="ж" * 32))
    bot.call("setMyCommands", commands=[{"command": "x" * 32, "description": "y" * 256}] * 100)
    assert [utf16_length(message.text) for message in anna.chat] == [4096, 4096, 4096, 1]
    assert api.refusals == []


def test_an_answer_is_a_whole_message(anna: Person, bot: Bot) -> None:
    question = anna.says("Where?")
    answer = bot.call(
        "sendMessage",
        chat_id=7,
        text="In Budapest",
        reply_parameters={"message_id": question.id},
        link_preview_options={"is_disabled": True},
        protect_content=True,
        reply_markup=keyboard(url="https://example.com"),
    )
    assert answer["from"]["id"] == 123456
    assert answer["chat"] == {"id": 7, "first_name": "Anna", "type": "private"}
    assert answer["reply_to_message"]["text"] == "Where?"
    assert answer["link_preview_options"] == {"is_disabled": True}
    assert answer["has_protected_content"]
    assert answer["reply_markup"] == keyboard(url="https://example.com/")


def test_a_reply_may_outlive_its_question(anna: Person, bot: Bot) -> None:
    target = {"message_id": 99, "allow_sending_without_reply": True}
    assert "reply_to_message" not in bot.call("sendMessage", chat_id=7, text="x", reply_parameters=target)
    assert anna.chat[0].reply_to is None


def test_an_edit_replaces_text_and_keyboard(anna: Person, bot: Bot) -> None:
    bot.call("sendMessage", chat_id=7, text="one", reply_markup=keyboard(callback_data="a"))
    edited = bot.call("editMessageText", chat_id=7, message_id=1, text="<b>two</b>", parse_mode="HTML")
    assert (edited["text"], "reply_markup" in edited, "edit_date" in edited) == ("two", False, True)
    bot.call("editMessageReplyMarkup", chat_id=7, message_id=1, reply_markup=keyboard(callback_data="b"))
    [message] = anna.chat
    assert (message.text, message.html, message.edits, message.labels) == ("two", "<b>two</b>", 2, ("Go",))


def test_a_bot_may_delete_both_its_own_and_the_persons_messages(anna: Person, bot: Bot) -> None:
    bot.call("sendMessage", chat_id=7, text="x")
    anna.says("y")
    assert bot.call("deleteMessage", chat_id=7, message_id=1)
    assert bot.call("deleteMessage", chat_id=7, message_id=2)
    assert anna.chat == []


def test_each_scope_and_language_has_its_own_menu(anna: Person, bot: Bot) -> None:
    german = [{"command": "hilfe", "description": "Was ich kann"}]
    bot.call("setMyCommands", commands=german, language_code="de", scope={"type": "all_private_chats"})
    assert bot.call("getMyCommands") == []
    assert bot.call("getMyCommands", language_code="de", scope={"type": "all_private_chats"}) == german
    bot.call("setMyCommands", commands=german, scope={"type": "chat", "chat_id": anna.id})
    assert bot.call("getMyCommands", scope={"type": "default"}) == []
    assert bot.call("setMyDescription", description="x")
    assert bot.call("setMyShortDescription", short_description="x")
