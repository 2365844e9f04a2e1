"""The server's objects as JSON of the Bot API. Knows nothing of requests."""

from tests.botapi.formatting import Entity, Json, utf16_length
from tests.botapi.keyboard import Button, Keyboard
from tests.botapi.records import Chat, Document, Message, Photo, User
from tests.botapi.state import State


def user_json(user: User) -> Json:
    """Write a User."""
    return _without_none(
        {
            "id": user.id,
            "is_bot": user.is_bot,
            "first_name": user.first_name,
            "username": user.username,
            "language_code": user.language_code,
        }
    )


def me_json(bot: User, *, inline: bool = False) -> Json:
    """Write the User getMe returns, with what only the bot itself may know."""
    return user_json(bot) | {
        "can_join_groups": True,
        "can_read_all_group_messages": False,
        "supports_inline_queries": inline,
        "can_connect_to_business": False,
        "has_main_web_app": False,
    }


def chat_json(chat: Chat) -> Json:
    """Write a Chat."""
    if chat.person is None:
        forum = {"is_forum": True} if chat.is_forum else {}
        return {"id": chat.id, "title": chat.title, "type": chat.kind, **forum}
    return _without_none(
        {"id": chat.id, "first_name": chat.person.first_name, "username": chat.person.username, "type": "private"}
    )


def message_json(message: Message, state: State, *, with_reply: bool = True) -> Json:
    """Write a Message; the message it answers comes along one level deep.

    What is written into a topic, and answers nothing, comes as an answer to the message that tells of its beginning.
    """
    chat = state.chats[message.chat_id]
    answered = message.reply_to or (message.thread if message.in_topic and message.thread != message.id else None)
    replied = chat.messages.get(answered) if with_reply and answered else None
    content = "caption" if message.document or message.photo else "text"
    entities = "caption_entities" if content == "caption" else "entities"
    return _without_none(
        {
            "message_id": message.id,
            "from": user_json(message.sender) if chat.kind != "channel" else None,
            "sender_chat": None if message.sender_chat is None else chat_json(state.chats[message.sender_chat]),
            "chat": chat_json(chat),
            "date": message.date,
            "edit_date": message.edit_date,
            "message_thread_id": message.thread,
            "is_topic_message": message.in_topic or None,
            "reply_to_message": message_json(replied, state, with_reply=False) if replied else None,
            "quote": _quote_json(message.quote, replied),
            "via_bot": user_json(message.via_bot) if message.via_bot else None,
            "has_protected_content": message.protected or None,
            "document": _document_json(message.document) if message.document else None,
            "photo": _photo_json(message.photo) if message.photo else None,
            content: message.text or None,
            entities: [_entity_json(entity, state) for entity in message.entities] or None,
            "link_preview_options": message.link_preview,
            "reply_markup": _keyboard_json(message.buttons),
            **(message.extra or {}),
        }
    )


def inaccessible_json(message: Message, state: State) -> Json:
    """Write an InaccessibleMessage, which is all a bot gets of a message that is gone or too old."""
    return {"chat": chat_json(state.chats[message.chat_id]), "message_id": message.id, "date": 0}


def callback_query_json(
    query_id: str, *, person: User, message: Message, data: str, state: State, gone: bool = False
) -> Json:
    """Write a CallbackQuery; on a message that somebody picked from inline results the bot gets only an id of it."""
    origin: Json = {"inline_message_id": message.inline_id}
    if message.inline_id is None:
        origin = {"message": inaccessible_json(message, state) if gone else message_json(message, state)}
    return {
        "id": query_id,
        "from": user_json(person),
        **origin,
        "chat_instance": str(-7_000_000_000_000_000_000 - message.chat_id),
        "data": data,
    }


def inline_query_json(query_id: str, *, person: User, text: str, offset: str, kind: str) -> Json:
    """Write an InlineQuery; `kind` is that of the chat in which it was typed."""
    return {"id": query_id, "from": user_json(person), "query": text, "offset": offset, "chat_type": kind}


def file_json(document: Document) -> Json:
    """Write the File of a document, with the path it is downloaded by."""
    return {
        "file_id": document.file_id,
        "file_unique_id": document.file_id[-12:],
        "file_size": len(document.data),
        "file_path": f"documents/{document.file_id}",
    }


def _document_json(document: Document) -> Json:
    return {
        "file_id": document.file_id,
        "file_unique_id": document.file_id[-12:],
        "file_name": document.name,
        "mime_type": document.mime,
        "file_size": len(document.data) if document.said_size is None else document.said_size,
    }


def _photo_json(photo: Photo) -> list[Json]:
    """Write the sizes Telegram keeps of a picture, the largest last; the bot's own bytes are none of them."""
    longest = max(photo.width, photo.height)
    boxes = [box for box in (90, 320, 800, 1280) if box < longest]
    if longest <= 1280:
        boxes.append(longest)
    return [
        {
            "file_id": f"{photo.file_id}-{box}",
            "file_unique_id": f"{photo.file_id[-12:]}-{box}",
            "width": max(1, photo.width * box // longest),
            "height": max(1, photo.height * box // longest),
        }
        for box in boxes
    ]


def _quote_json(quote: str | None, replied: Message | None) -> Json | None:
    if quote is None or replied is None:
        return None
    return {"text": quote, "position": utf16_length(replied.text.partition(quote)[0]), "is_manual": True}


def _entity_json(entity: Entity, state: State) -> Json:
    mentioned = state.user(entity.user_id) if entity.user_id is not None else None
    return _without_none(
        {
            "type": entity.type,
            "offset": entity.offset,
            "length": entity.length,
            "url": entity.url,
            "language": entity.language,
            "user": user_json(mentioned) if mentioned else None,
            "custom_emoji_id": entity.custom_emoji_id,
        }
    )


def _keyboard_json(keyboard: Keyboard) -> Json | None:
    if not keyboard:
        return None
    return {"inline_keyboard": [[_button_json(button) for button in row] for row in keyboard]}


def _button_json(button: Button) -> Json:
    return _without_none(
        {
            "text": button.label,
            "callback_data": button.data,
            "url": button.url,
            "copy_text": {"text": button.copies} if button.copies is not None else None,
            "style": button.style,
        }
    )


def _without_none(fields: Json) -> Json:
    return {name: value for name, value in fields.items() if value is not None}
