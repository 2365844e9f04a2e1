"""Who may do what, here, now. The one place that decides it."""

from telegram import Update
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
        return person is not None and not person.is_bot and self._settings.may_ask(person.id)

    def is_admin(self, update: Update) -> bool:
        """Whether the sender is an admin who writes in person: privately, not as a channel and not as a bot."""
        person, chat, message = update.effective_user, update.effective_chat, update.effective_message
        return (
            person is not None
            and not person.is_bot
            and person.id in self._settings.admins
            and chat is not None
            and chat.type == ChatType.PRIVATE
            and (message is None or getattr(message, "sender_chat", None) is None)
        )
