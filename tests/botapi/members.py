"""Who is what in a group or channel, and what the bot is told and may ask of it."""

import time
from typing import Final

from aiogram import methods

from tests.botapi.formatting import Json
from tests.botapi.records import Chat, Role, User
from tests.botapi.refusal import refuse
from tests.botapi.state import State
from tests.botapi.wire import chat_json, user_json

RIGHTS: Final = (
    "can_manage_chat",
    "can_delete_messages",
    "can_manage_video_chats",
    "can_restrict_members",
    "can_promote_members",
    "can_change_info",
    "can_invite_users",
    "can_post_stories",
    "can_edit_stories",
    "can_delete_stories",
    "can_pin_messages",
)
"""Those an administrator is given here: all that every kind of group knows."""


def change_role(state: State, chat: Chat, user: User, role: Role, *, by: User) -> None:
    """Let somebody be something else in a chat, of which the bot is told if Telegram would tell it.

    Of itself it always is, of others only as an administrator who asked for such updates.
    """
    old, chat.roles[user.id] = chat.roles.get(user.id, Role.LEFT), role
    mine = user.id == state.bot.id
    if old is role or not (mine or state.role(chat) is Role.ADMINISTRATOR):
        return
    state.queue("my_chat_member" if mine else "chat_member", _change_json(chat, user, old, by=by), chat_id=chat.id)


def block(state: State, chat: Chat, *, blocked: bool) -> None:
    """Let the person of a private chat block the bot or take it back."""
    old, new = (Role.MEMBER, Role.KICKED) if blocked else (Role.KICKED, Role.MEMBER)
    chat.blocked = blocked
    if chat.person:
        change = _change_json(chat, state.bot, old, by=chat.person, new=new)
        state.queue("my_chat_member", change, chat_id=chat.id)


def get_chat_member(state: State, request: methods.GetChatMember) -> Json:
    """Tell what somebody is in a chat; whoever never was there has left it."""
    if request.user_id <= 0:
        raise refuse("invalid user_id specified")
    mine = request.user_id == state.bot.id
    chat = state.chat(request.chat_id) if mine else _with_members(state, request.chat_id)
    user = state.user(request.user_id)
    if user is None or (chat.person and user not in {chat.person, state.bot}):
        raise refuse("member not found")
    return member_json(user, Role.MEMBER if chat.person else chat.roles.get(user.id, Role.LEFT))


def get_chat_administrators(state: State, request: methods.GetChatAdministrators) -> list[Json]:
    """List the creator and the administrators, of the bots only the one that asks unless all are asked for."""
    chat = _with_members(state, request.chat_id)
    if chat.person:
        raise refuse("there are no administrators in the private chat")
    chiefs = {user_id: role for user_id, role in chat.roles.items() if role in {Role.CREATOR, Role.ADMINISTRATOR}}
    found = ((state.user(user_id), role) for user_id, role in chiefs.items())
    bots = request.return_bots is True
    return [member_json(user, role) for user, role in found if user and (bots or not user.is_bot or user == state.bot)]


def leave_chat(state: State, request: methods.LeaveChat) -> bool:
    """Take the bot out of a group or channel."""
    chat = state.chat(request.chat_id)
    if chat.person:
        raise refuse("chat member status can't be changed in private chats")
    change_role(state, chat, state.bot, Role.LEFT, by=state.bot)
    return True


def member_json(user: User, role: Role) -> Json:
    """Write a ChatMember."""
    member: Json = {"user": user_json(user), "status": role.value}
    match role:
        case Role.CREATOR:
            member["is_anonymous"] = False
        case Role.ADMINISTRATOR:
            member |= dict.fromkeys(RIGHTS, True) | {"can_be_edited": False, "is_anonymous": False}
        case Role.KICKED:
            member["until_date"] = 0
    return member


def _with_members(state: State, chat_id: int | str) -> Chat:
    """Find a chat whose members the bot may read: of a basic group only while it is there and the group lives."""
    chat = state.chat(chat_id)
    return chat if chat.person else state.chat_to_write(chat_id)


def _change_json(chat: Chat, user: User, old: Role, *, by: User, new: Role | None = None) -> Json:
    return {
        "chat": chat_json(chat),
        "from": user_json(by),
        "date": int(time.time()),
        "old_chat_member": member_json(user, old),
        "new_chat_member": member_json(user, new or chat.roles[user.id]),
    }
