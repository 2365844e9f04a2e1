"""What all methods that send or edit a message have in common. Knows none of them."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import islice
from typing import Final, TypeAlias

from aiogram import methods
from aiogram.client.default import Default
from aiogram.types import LinkPreviewOptions, MessageEntity, ReplyParameters

from tests.botapi.formatting import AUTOMATIC, Formatted, Json, format_text, lost_links, utf16_length
from tests.botapi.keyboard import check_keyboard, read_keyboard
from tests.botapi.records import Chat, Message
from tests.botapi.refusal import Refusal, refuse, unsupported
from tests.botapi.state import State
from tests.botapi.topics import check_thread
from tests.botapi.wire import message_json

MAX_TEXT_LENGTH: Final = 4096
MAX_CAPTION_LENGTH: Final = 1024
MAX_ENTITIES: Final = 100

NOTHING: Final = Formatted("")

Sending: TypeAlias = methods.SendMessage | methods.SendDocument | methods.SendPhoto
Editing: TypeAlias = methods.EditMessageText | methods.EditMessageCaption | methods.EditMessageReplyMarkup

_NOT_MODIFIED: Final = (
    "message is not modified: specified new message content and reply markup are exactly the same "
    "as a current content and reply markup of the message"
)


def read_text(
    state: State, text: str, parse_mode: str | Default | None, entities: Sequence[MessageEntity] | None
) -> Formatted:
    """Format the text of a request and note what Telegram would drop from it without a word."""
    mode = None if isinstance(parse_mode, Default) else parse_mode
    body = format_text(text, parse_mode=mode, entities=entities or ())
    if (mode or "").lower() == "html" and (lost := lost_links(text)):
        state.findings.append(f"{lost} link(s) dropped, the URL is wrong or nothing is inside: {text!r}")
    explicit = [entity for entity in body.entities if entity.type not in AUTOMATIC]
    if len(explicit) <= MAX_ENTITIES:
        return body
    state.findings.append(f"{len(explicit)} entities, of which Telegram keeps {MAX_ENTITIES}, in {text!r}")
    dropped = set(islice(explicit, MAX_ENTITIES, None))
    return replace(body, entities=tuple(entity for entity in body.entities if entity not in dropped))


def read_caption(
    state: State, request: methods.SendDocument | methods.SendPhoto | methods.EditMessageCaption
) -> Formatted:
    """Format the caption of a request, of which nothing may be left."""
    try:
        return read_text(state, request.caption or "", request.parse_mode, request.caption_entities)
    except Refusal as refusal:
        if refusal.description.endswith(": text must be non-empty"):
            return NOTHING
        raise


def read_link_preview(options: LinkPreviewOptions | Default | None) -> Json | None:
    """Keep what a request says of link previews."""
    return options.model_dump(exclude_unset=True) if isinstance(options, LinkPreviewOptions) else None


def send(state: State, request: Sending, *, html: str, body: Formatted, content: Mapping[str, object]) -> Json:
    """Post a message of the bot's; `content` is what it has beside text and buttons."""
    is_text = isinstance(request, methods.SendMessage)
    buttons = read_keyboard(request.reply_markup)
    chat = state.chat_to_write(request.chat_id)
    reply_to, quote = _reply_target(chat, request.reply_parameters)
    thread = check_thread(chat, request.message_thread_id, chat.messages.get(reply_to or 0))
    if utf16_length(body.text) > (MAX_TEXT_LENGTH if is_text else MAX_CAPTION_LENGTH):
        raise refuse("message is too long" if is_text else "message caption is too long")
    check_keyboard(buttons)
    state.watch_pace(chat)
    draft = replace(
        state.draft(chat, sender=state.bot, html=html, body=body),
        buttons=buttons,
        reply_to=reply_to,
        quote=quote,
        thread=thread,
        protected=request.protect_content is True,
        **content,
    )
    return message_json(state.post(draft), state)


def find_editable(state: State, request: Editing) -> Message:
    """Find the message a request wants to edit: the bot's own, or one that was picked from its inline results."""
    if request.inline_message_id is not None:
        chat_id, message_id = state.inline.picked.get(request.inline_message_id, (0, 0))
        chat = state.chats.get(chat_id)
        if chat is None or message_id not in chat.messages:
            raise refuse("MESSAGE_ID_INVALID")
        return chat.messages[message_id]
    if request.chat_id is None:
        raise refuse("chat_id is empty")
    if request.message_id is None:
        raise refuse("Message identifier is not specified")
    message = state.chat_to_write(request.chat_id).messages.get(request.message_id)
    if message is None:
        raise refuse("message to edit not found")
    if not message.from_bot:
        raise refuse("message can't be edited")
    return message


def edit(state: State, request: Editing, old: Message, new: Message) -> Json | bool:
    """Replace a message; of one that was picked from inline results no more is told than that it was done."""
    if new.shows_the_same_as(old):
        raise refuse(_NOT_MODIFIED)
    edited = state.edit(old, new)
    return True if request.inline_message_id is not None else message_json(edited, state)


def _reply_target(chat: Chat, reply: ReplyParameters | None) -> tuple[int | None, str | None]:
    """Return the message to answer and the words quoted from it, if there are any."""
    if reply is None:
        return None, None
    if beyond := reply.model_fields_set - {"message_id", "allow_sending_without_reply", "quote"}:
        raise unsupported(f"reply_parameters with {', '.join(sorted(beyond))}")
    if reply.message_id is None:
        raise refuse('Can\'t find field "message_id"')
    if target := chat.messages.get(reply.message_id):
        if reply.quote and reply.quote not in target.text:
            raise refuse("QUOTE_TEXT_INVALID")
        return target.id, reply.quote or None
    if reply.allow_sending_without_reply is not True:
        raise refuse("message to be replied not found")
    return None, None
