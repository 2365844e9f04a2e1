"""What privacy mode lets the bot hear of a group. Knows no updates.

The rules are those of https://core.telegram.org/bots/features#privacy-mode, and what BotFather adds of mentions.
"""

from tests.botapi.formatting import Entity
from tests.botapi.records import Chat, Message, Role
from tests.botapi.state import State


def hears(state: State, chat: Chat, message: Message) -> bool:
    """Tell whether the bot gets a message that somebody wrote into a chat."""
    if chat.person:
        return True
    role = state.role(chat)
    if chat.hears_all or role is Role.ADMINISTRATOR or message.is_service:
        return role.is_there
    return role.is_there and _is_for_the_bot(state, chat, message)


def _is_for_the_bot(state: State, chat: Chat, message: Message) -> bool:
    if message.via_bot == state.bot:
        return True
    if _is_another_bot(state, message):
        return False
    replied = chat.messages.get(message.reply_to) if message.reply_to else None
    if replied and (replied.from_bot or replied.via_bot == state.bot):
        return True
    if replied and _is_another_bot(state, replied):
        return False  # a reply goes to the bot it answers, whatever it says
    return any(_is_meant(state, chat, message, entity) for entity in message.entities)


def _is_another_bot(state: State, message: Message) -> bool:
    return message.sender.is_bot and message.sender != state.bot and message.sender_chat is None


def _is_meant(state: State, chat: Chat, message: Message, entity: Entity) -> bool:
    name, words = (state.bot.username or "").casefold(), entity.of(message.text).casefold()
    match entity.type:
        case "mention":
            return words == f"@{name}"
        case "text_mention":
            return entity.user_id == state.bot.id
        case "bot_command":
            _, at, addressee = words.partition("@")
            return addressee == name if at else entity.offset == 0 and _takes_commands(state, chat)
    return False


def _takes_commands(state: State, chat: Chat) -> bool:
    """Whether a command without a name is this bot's: it wrote last of all bots there, or is the only one."""
    others = {user_id for user_id, role in chat.roles.items() if role.is_there and user_id != state.bot.id}
    return chat.last_bot == state.bot.id or not any((user := state.user(each)) and user.is_bot for each in others)
