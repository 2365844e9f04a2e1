"""Who may do what, here, now. The one place that decides it."""

from telegram import CallbackQuery, MaybeInaccessibleMessage, Message, Update, User
from telegram.constants import ChatType

from config import Telegram


class Gate:
    """Decides by numeric ids; names can be changed and chosen by anyone."""

    def __init__(self, settings: Telegram) -> None:
        """Admit whom the settings name."""
        self._settings = settings

    def admits(self, update: Update) -> bool:
        """Whether the sender of an update may use the bot."""
        person = update.effective_user
        return person is not None and not person.is_bot and self.may_ask(person.id)

    def may_ask(self, person: int) -> bool:
        """Whether a person may use the bot in their private chat."""
        return self._settings.may_ask(person)

    def is_admin(self, update: Update) -> bool:
        """Whether the sender is an admin who writes or presses in person."""
        person = in_person(update)
        return person is not None and person.id in self._settings.admins


def in_person(update: Update) -> User | None:
    """Return who wrote to us, or pressed a button of ours, in their own private chat with us and as themselves.

    None for all else: groups and channels, whoever speaks in the name of a chat or through a business account, bots,
    somebody else's chat, a press that a client of one's own put on a message that is not ours. Of a message that is
    gone or too old Telegram does not tell whose it was.
    """
    said = [one for one in (update.message, update.edited_message, update.callback_query) if one is not None]
    if len(said) != 1:  # Telegram sends one: of two, each could lend its sender to the other
        return None
    message = said[0].message if isinstance(said[0], CallbackQuery) else said[0]
    person = said[0].from_user
    if message is None or person is None or person.is_bot:
        return None
    if message.chat.type != ChatType.PRIVATE or message.chat.id != person.id:
        return None
    pressed = message is not said[0]
    gone = pressed and accessible(message) is None
    return person if gone or (isinstance(message, Message) and _is_direct(message, pressed=pressed)) else None


def accessible(message: MaybeInaccessibleMessage | None) -> Message | None:
    """Return a message on which a button was pressed, unless it is gone or too old to be changed.

    python-telegram-bot makes a Message even of an InaccessibleMessage; only its date tells.
    """
    return message if isinstance(message, Message) and message.is_accessible else None


def in_own_words(message: Message) -> bool:
    """Whether a message says what its sender wrote, not what somebody else did who was forwarded, or another bot."""
    return message.forward_origin is None and message.via_bot is None


def _is_direct(message: Message, *, pressed: bool) -> bool:
    """Whether nobody stands between us and the sender of a message; if its button was `pressed`, whether we sent it."""
    ours = message.from_user is not None and message.from_user.is_bot  # no other bot can be in a private chat
    business = message.business_connection_id is not None or message.sender_business_bot is not None
    return message.sender_chat is None and not business and (ours or not pressed)
