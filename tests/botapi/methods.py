"""What each method of the Bot API does to the state. Knows no HTTP; getUpdates, which waits, is in the server."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, Final

from aiogram import methods
from aiogram.client.default import Default
from aiogram.types import LinkPreviewOptions, ReplyParameters, Update

from tests.botapi.formatting import AUTOMATIC, Formatted, Json, format_text, lost_links, strip_html, utf16_length
from tests.botapi.keyboard import check_keyboard, read_keyboard
from tests.botapi.refusal import refuse, unsupported
from tests.botapi.state import CallbackAnswer, Chat, Message, State
from tests.botapi.webhook import read_hook
from tests.botapi.wire import me_json, message_json

MAX_TEXT_LENGTH: Final = 4096
MAX_ENTITIES: Final = 100
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

_NOT_MODIFIED: Final = (
    "message is not modified: specified new message content and reply markup are exactly the same "
    "as a current content and reply markup of the message"
)


def get_me(state: State, _: methods.GetMe) -> Json:
    """Describe the bot."""
    return me_json(state.bot)


def send_message(state: State, request: methods.SendMessage) -> Json:
    """Post a message."""
    body = _body(state, request.text, request)
    buttons = read_keyboard(request.reply_markup)
    chat = state.chat_to_write(request.chat_id)
    reply_to = _reply_target(chat, request.reply_parameters)
    if utf16_length(body.text) > MAX_TEXT_LENGTH:
        raise refuse("message is too long")
    check_keyboard(buttons)
    state.watch_pace(chat)
    draft = replace(
        state.draft(chat, sender=state.bot, html=request.text, body=body),
        buttons=buttons,
        reply_to=reply_to,
        link_preview=_link_preview(request.link_preview_options),
        protected=request.protect_content is True,
    )
    return message_json(state.post(draft), state)


def edit_message_text(state: State, request: methods.EditMessageText) -> Json:
    """Replace the text and the keyboard of a message."""
    body = _body(state, request.text or "", request)
    buttons = read_keyboard(request.reply_markup)
    old = _editable(state, request.chat_id, request.message_id)
    if utf16_length(body.text) > MAX_TEXT_LENGTH:
        raise refuse("MESSAGE_TOO_LONG")  # not the words of sendMessage
    check_keyboard(buttons)
    draft = state.draft(state.chats[old.chat_id], sender=old.sender, html=request.text or "", body=body)
    new = replace(
        old,
        text=draft.text,
        html=draft.html,
        entities=draft.entities,
        buttons=buttons,
        edit_date=draft.date,
        link_preview=_link_preview(request.link_preview_options),
    )
    return _edit(state, old, new)


def edit_message_reply_markup(state: State, request: methods.EditMessageReplyMarkup) -> Json:
    """Replace the keyboard of a message."""
    buttons = read_keyboard(request.reply_markup)
    old = _editable(state, request.chat_id, request.message_id)
    check_keyboard(buttons)
    return _edit(state, old, replace(old, buttons=buttons))


def delete_message(state: State, request: methods.DeleteMessage) -> bool:
    """Delete a message; in a private chat a bot may delete the person's as well."""
    message = state.chat(request.chat_id).messages.get(request.message_id)
    if message is None:
        raise refuse("message to delete not found")
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
    state.chat_to_write(request.chat_id)
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


_SENT: Final = "chat_id text parse_mode entities link_preview_options reply_markup"
_ALL: Final = (
    _method(methods.GetUpdates, "offset limit timeout allowed_updates", None),
    _method(methods.GetMe, "", get_me),
    _method(methods.SendMessage, f"{_SENT} disable_notification protect_content reply_parameters", send_message),
    _method(methods.EditMessageText, f"{_SENT} message_id", edit_message_text),
    _method(methods.EditMessageReplyMarkup, "chat_id message_id reply_markup", edit_message_reply_markup),
    _method(methods.DeleteMessage, "chat_id message_id", delete_message),
    _method(methods.AnswerCallbackQuery, "callback_query_id text show_alert cache_time", answer_callback_query),
    _method(methods.SendChatAction, "chat_id action", send_chat_action),
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
    """Format the text of a request and note what Telegram would drop from it without a word."""
    if not text:
        raise refuse("Message text is empty")
    if state.quick:
        return strip_html(text)
    parse_mode = None if isinstance(request.parse_mode, Default) else request.parse_mode
    body = format_text(text, parse_mode=parse_mode, entities=request.entities or ())
    if (parse_mode or "").lower() == "html" and (lost := lost_links(text)):
        state.findings.append(f"{lost} link(s) dropped, the URL is wrong or nothing is inside: {text!r}")
    explicit = [entity for entity in body.entities if entity.type not in AUTOMATIC]
    if len(explicit) <= MAX_ENTITIES:
        return body
    state.findings.append(f"{len(explicit)} entities, of which Telegram keeps {MAX_ENTITIES}, in {text!r}")
    dropped = set(islice(explicit, MAX_ENTITIES, None))
    return replace(body, entities=tuple(entity for entity in body.entities if entity not in dropped))


def _reply_target(chat: Chat, reply: ReplyParameters | None) -> int | None:
    if reply is None:
        return None
    if beyond := reply.model_fields_set - {"message_id", "allow_sending_without_reply"}:
        raise unsupported(f"reply_parameters with {', '.join(sorted(beyond))}")
    if reply.message_id is None:
        raise refuse('Can\'t find field "message_id"')
    if reply.message_id in chat.messages:
        return reply.message_id
    if reply.allow_sending_without_reply is not True:
        raise refuse("message to be replied not found")
    return None


def _link_preview(options: LinkPreviewOptions | Default | None) -> Json | None:
    return options.model_dump(exclude_unset=True) if isinstance(options, LinkPreviewOptions) else None


def _editable(state: State, chat_id: int | str | None, message_id: int | None) -> Message:
    if chat_id is None:
        raise refuse("chat_id is empty")
    if message_id is None:
        raise refuse("Message identifier is not specified")
    message = state.chat_to_write(chat_id).messages.get(message_id)
    if message is None:
        raise refuse("message to edit not found")
    if not message.from_bot:
        raise refuse("message can't be edited")
    return message


def _edit(state: State, old: Message, new: Message) -> Json:
    if new.shows_the_same_as(old):
        raise refuse(_NOT_MODIFIED)
    return message_json(state.edit(old, new), state)


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
