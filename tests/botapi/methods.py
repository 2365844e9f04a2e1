"""What each method of the Bot API does to the state. Knows no HTTP; getUpdates, which waits, is in the server."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any, Final

from aiogram import methods
from aiogram.types import Update

from tests.botapi.formatting import Formatted, Json, strip_html, utf16_length
from tests.botapi.inline import answer_inline_query
from tests.botapi.keyboard import check_keyboard, read_keyboard
from tests.botapi.media import edit_message_caption, get_file, send_document, send_photo
from tests.botapi.members import get_chat_administrators, get_chat_member, leave_chat
from tests.botapi.records import CallbackAnswer, Role
from tests.botapi.refusal import refuse
from tests.botapi.sending import MAX_TEXT_LENGTH, edit, find_editable, read_link_preview, read_text, send
from tests.botapi.state import State
from tests.botapi.topics import check_thread
from tests.botapi.webhook import read_hook
from tests.botapi.wire import me_json

MAX_ANSWER_LENGTH: Final = 200
MAX_COMMANDS: Final = 100
MAX_COMMAND_LENGTH: Final = 32
MAX_DESCRIPTION_LENGTH: Final = 256
ACTIONS: Final = frozenset(
    {
        "typing",
        "upload_photo",
        "record_video",
        "upload_video",
        "record_voice",
        "upload_voice",
        "upload_document",
        "choose_sticker",
        "find_location",
        "record_video_note",
        "upload_video_note",
    }
)


def get_me(state: State, _: methods.GetMe) -> Json:
    """Describe the bot."""
    return me_json(state.bot, inline=state.inline.enabled)


def send_message(state: State, request: methods.SendMessage) -> Json:
    """Post a message."""
    body = _body(state, request.text, request)
    preview = read_link_preview(request.link_preview_options)
    return send(state, request, html=request.text, body=body, content={"link_preview": preview})


def edit_message_text(state: State, request: methods.EditMessageText) -> Json | bool:
    """Replace the text and the keyboard of a message."""
    body = _body(state, request.text or "", request)
    buttons = read_keyboard(request.reply_markup)
    old = find_editable(state, request)
    if old.document or old.photo:
        raise refuse("there is no text in the message to edit")
    if utf16_length(body.text) > MAX_TEXT_LENGTH:
        raise refuse("MESSAGE_TOO_LONG")  # not the words of sendMessage
    check_keyboard(buttons)
    new = state.rewritten(old, html=request.text or "", body=body, buttons=buttons)
    return edit(state, request, old, replace(new, link_preview=read_link_preview(request.link_preview_options)))


def edit_message_reply_markup(state: State, request: methods.EditMessageReplyMarkup) -> Json | bool:
    """Replace the keyboard of a message."""
    buttons = read_keyboard(request.reply_markup)
    old = find_editable(state, request)
    check_keyboard(buttons)
    return edit(state, request, old, replace(old, buttons=buttons))


def delete_message(state: State, request: methods.DeleteMessage) -> bool:
    """Delete a message: in a private chat and as an administrator also one of somebody else's."""
    chat = state.chat(request.chat_id)
    if chat.person is None:
        state.chat_to_write(request.chat_id)
    message = chat.messages.get(request.message_id)
    if message is None:
        raise refuse("message to delete not found")
    if not (chat.person or message.from_bot or state.role(chat) is Role.ADMINISTRATOR):
        raise refuse("message can't be deleted")
    state.delete(message)
    return True


def answer_callback_query(state: State, request: methods.AnswerCallbackQuery) -> bool:
    """Tell a person who pressed a button what came of it."""
    text = request.text or ""
    if utf16_length(text) > MAX_ANSWER_LENGTH:
        raise refuse("MESSAGE_TOO_LONG")
    answer = CallbackAnswer(text, show_alert=bool(request.show_alert), cache_time=request.cache_time or 0)
    state.answer_query(request.callback_query_id, answer)
    return True


def send_chat_action(state: State, request: methods.SendChatAction) -> bool:
    """Show for a moment that the bot is doing something."""
    if request.action.lower() not in ACTIONS:
        raise refuse("Wrong parameter action in request")
    check_thread(state.chat_to_write(request.chat_id), request.message_thread_id, general=True)
    return True


def set_my_commands(state: State, request: methods.SetMyCommands) -> bool:
    """Set the menu of a scope and language."""
    if len(request.commands) > MAX_COMMANDS:
        raise refuse("BOT_COMMANDS_TOO_MUCH")
    for each in request.commands:
        _check_command(each.command, each.description)
    menu = [{"command": each.command, "description": each.description} for each in request.commands]
    state.commands[_menu(state, request)] = menu
    return True


def get_my_commands(state: State, request: methods.GetMyCommands) -> list[Json]:
    """Return the menu of exactly that scope and language."""
    return state.commands.get(_menu(state, request), [])


def set_webhook(state: State, request: methods.SetWebhook) -> bool:
    """Have updates posted to a URL; an empty one is deleteWebhook."""
    hook = read_hook(request.url, request.secret_token or "", request.max_connections) if request.url else None
    if request.allowed_updates is not None:
        state.updates.allow(known_kinds(request.allowed_updates))
    if request.drop_pending_updates:
        state.updates.clear()
    state.set_hook(hook)
    return True


def delete_webhook(state: State, request: methods.DeleteWebhook) -> bool:
    """Keep updates for getUpdates again, and drop what waits when asked to."""
    if request.drop_pending_updates:
        state.updates.clear()
    state.set_hook(None)
    return True


def get_webhook_info(state: State, _: methods.GetWebhookInfo) -> Json:
    """Tell the webhook, how many updates wait, and why the last one was not taken."""
    url = state.hook.url if state.hook else ""
    info: Json = {"url": url, "has_custom_certificate": False, "pending_update_count": len(state.updates)}
    if state.last_error:
        info["last_error_date"], info["last_error_message"] = state.last_error
    if state.hook:
        info["max_connections"] = state.hook.connections
    return info | ({"allowed_updates": sorted(state.updates.allowed)} if state.updates.allowed else {})


def known_kinds(names: Iterable[str]) -> Iterable[str]:
    """Return the kinds of update; refuse a name that is none, which the real server ignores."""
    if unknown := set(names) - Update.model_fields.keys():
        raise refuse(f"unknown update types {', '.join(sorted(unknown))}")
    return names


def set_my_description(_: State, __: methods.SetMyDescription) -> bool:
    """Accept any description."""
    return True


def set_my_short_description(_: State, __: methods.SetMyShortDescription) -> bool:
    """Accept any short description."""
    return True


@dataclass(frozen=True, slots=True)
class Method:
    """A method: how its parameters look, which of them this server reproduces, and what it does."""

    model: type[methods.TelegramMethod[Any]]
    supported: frozenset[str]
    run: Callable[[State, Any], object] | None


def _method(
    model: type[methods.TelegramMethod[Any]], supported: str, run: Callable[[State, Any], object] | None
) -> Method:
    return Method(model, frozenset(supported.split()), run)


_SENT: Final = "chat_id parse_mode reply_markup disable_notification protect_content reply_parameters message_thread_id"
_EDITED: Final = "chat_id message_id inline_message_id reply_markup"
_TEXT: Final = "text parse_mode entities link_preview_options"
_ALL: Final = (
    _method(methods.GetUpdates, "offset limit timeout allowed_updates", None),
    _method(methods.GetMe, "", get_me),
    _method(methods.SendMessage, f"{_SENT} {_TEXT}", send_message),
    _method(
        methods.SendDocument,
        f"{_SENT} document caption caption_entities disable_content_type_detection",
        send_document,
    ),
    _method(methods.GetFile, "file_id", get_file),
    _method(methods.SendPhoto, f"{_SENT} photo caption caption_entities", send_photo),
    _method(methods.EditMessageText, f"{_EDITED} {_TEXT}", edit_message_text),
    _method(methods.EditMessageCaption, f"{_EDITED} caption parse_mode caption_entities", edit_message_caption),
    _method(methods.EditMessageReplyMarkup, _EDITED, edit_message_reply_markup),
    _method(methods.DeleteMessage, "chat_id message_id", delete_message),
    _method(methods.AnswerCallbackQuery, "callback_query_id text show_alert cache_time", answer_callback_query),
    _method(
        methods.AnswerInlineQuery,
        "inline_query_id results cache_time is_personal next_offset button",
        answer_inline_query,
    ),
    _method(methods.SendChatAction, "chat_id action message_thread_id", send_chat_action),
    _method(methods.GetChatMember, "chat_id user_id", get_chat_member),
    _method(methods.GetChatAdministrators, "chat_id return_bots", get_chat_administrators),
    _method(methods.LeaveChat, "chat_id", leave_chat),
    _method(methods.SetMyCommands, "commands scope language_code", set_my_commands),
    _method(methods.GetMyCommands, "scope language_code", get_my_commands),
    _method(methods.SetWebhook, "url secret_token max_connections allowed_updates drop_pending_updates", set_webhook),
    _method(methods.DeleteWebhook, "drop_pending_updates", delete_webhook),
    _method(methods.GetWebhookInfo, "", get_webhook_info),
    _method(methods.SetMyDescription, "description language_code", set_my_description),
    _method(methods.SetMyShortDescription, "short_description language_code", set_my_short_description),
)
QUICK: Final = frozenset(
    {
        "getUpdates",
        "sendMessage",
        "editMessageText",
        "editMessageReplyMarkup",
        "deleteMessage",
        "answerCallbackQuery",
        "sendChatAction",
    }
)
"""Methods whose parameters a quick server takes for right."""

METHODS: Final = {method.model.__api_method__.lower(): method for method in _ALL}
"""All methods by their name in small letters, which is how the real server looks them up."""


def _body(state: State, text: str, request: methods.SendMessage | methods.EditMessageText) -> Formatted:
    if not text:
        raise refuse("Message text is empty")
    return strip_html(text) if state.quick else read_text(state, text, request.parse_mode, request.entities)


def _check_command(command: str, description: str) -> None:
    if not command:
        raise refuse("Command must be non-empty")
    if len(command) > MAX_COMMAND_LENGTH:
        raise refuse(f"Command length must not exceed {MAX_COMMAND_LENGTH}")
    if not re.fullmatch("[a-z0-9_]+", command):
        raise refuse("BOT_COMMAND_INVALID")
    if not description:
        raise refuse("Command description must be non-empty")
    if len(description) > MAX_DESCRIPTION_LENGTH:
        raise refuse(f"Command description length must not exceed {MAX_DESCRIPTION_LENGTH}")


def _menu(state: State, request: methods.SetMyCommands | methods.GetMyCommands) -> tuple[str, str]:
    """Name the menu a scope and a language stand for."""
    scope, language = request.scope, request.language_code or ""
    if language and not re.fullmatch("[a-z]{2}", language):
        raise refuse("Invalid language code specified")
    if (chat_id := getattr(scope, "chat_id", None)) is not None:
        state.chat(chat_id)
    return (scope.model_dump_json() if scope else '{"type":"default"}', language)
