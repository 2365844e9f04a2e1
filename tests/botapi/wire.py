"""The server's objects as JSON of the Bot API. Knows nothing of requests."""

from tests.botapi.formatting import Entity, Json
from tests.botapi.keyboard import Button, Keyboard
from tests.botapi.state import Chat, Message, State, User


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


def me_json(bot: User) -> Json:
    """Write the User getMe returns, with what only the bot itself may know."""
    return user_json(bot) | {
        "can_join_groups": True,
        "can_read_all_group_messages": False,
        "supports_inline_queries": False,
        "can_connect_to_business": False,
        "has_main_web_app": False,
    }


def chat_json(chat: Chat) -> Json:
    """Write a Chat."""
    if chat.person is None:
        return {"id": chat.id, "title": chat.title, "type": chat.kind}
    return _without_none(
        {"id": chat.id, "first_name": chat.person.first_name, "username": chat.person.username, "type": "private"}
    )


def message_json(message: Message, state: State, *, with_reply: bool = True) -> Json:
    """Write a Message; the message it answers comes along one level deep."""
    chat = state.chats[message.chat_id]
    replied = chat.messages.get(message.reply_to) if with_reply and message.reply_to else None
    return _without_none(
        {
            "message_id": message.id,
            "from": user_json(message.sender) if chat.kind != "channel" else None,
            "sender_chat": None if message.sender_chat is None else chat_json(state.chats[message.sender_chat]),
            "chat": chat_json(chat),
            "date": message.date,
            "edit_date": message.edit_date,
            "reply_to_message": message_json(replied, state, with_reply=False) if replied else None,
            "has_protected_content": message.protected or None,
            "text": message.text or None,
            "entities": [_entity_json(entity, state) for entity in message.entities] or None,
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
    """Write a CallbackQuery."""
    return {
        "id": query_id,
        "from": user_json(person),
        "message": inaccessible_json(message, state) if gone else message_json(message, state),
        "chat_instance": str(-7_000_000_000_000_000_000 - message.chat_id),
        "data": data,
    }


def membership_json(chat: Chat, state: State, *, by: User, date: int) -> Json:
    """Write the ChatMemberUpdated a bot gets when somebody has just blocked or kicked it, or taken it back."""
    me = user_json(state.bot)
    member, kicked = {"user": me, "status": "member"}, {"user": me, "status": "kicked", "until_date": 0}
    old, new = (member, kicked) if chat.blocked else (kicked, member)
    return {
        "chat": chat_json(chat),
        "from": user_json(by),
        "date": date,
        "old_chat_member": old,
        "new_chat_member": new,
    }


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
