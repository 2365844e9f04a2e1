"""People who talk to the bot: they write, edit, press buttons and block it. All methods block the calling thread."""

from collections.abc import Iterator

from tests.botapi.formatting import utf16_length
from tests.botapi.keyboard import find_button
from tests.botapi.rooms import MAX_LENGTH, Press, Room, edit
from tests.botapi.state import Chat, Message, State, User
from tests.botapi.wire import callback_query_json


class Person(Room):
    """Somebody with a private chat with the bot."""

    def __init__(self, state: State, user: User, *, opened: bool = True) -> None:
        """Open the chat, or only let it be possible."""
        super().__init__(state, Chat(user.id, user, opened=opened))
        self.user = user

    def says(self, text: str, *, split: bool = False, reply_to: Message | None = None) -> Message:
        """Send a message and return it.

        Raise ValueError above 4,096 UTF-16 code units, or with `split` send several as clients do and return the last.
        """
        parts = [part for part in (cut(text) if split else [text]) if part.strip()]
        if not parts:
            raise ValueError("clients send no blank message")
        with self._state.changed:
            sent = [self._post(self.user, part, reply_to=reply_to) for part in parts]
            self._chat.opened = True
        return sent[-1]

    def edits(self, message: Message, text: str) -> Message:
        """Give a message of one's own, in whatever chat, another text; raise LookupError when it is somebody else's."""
        if message.sender != self.user:
            raise LookupError(f"{self.user.first_name} did not write {message.text!r}")
        return edit(self._state, message, text)

    def presses(self, message: Message, label: str) -> Press:
        """Press the button with that label on the message as it is now; raise LookupError when there is none."""
        with self._state.changed:
            current = self._state.chats[message.chat_id].messages.get(message.id)
            button = current and find_button(current.buttons, label)
            if not current or not button or button.data is None:
                labels = ", ".join(current.labels) if current else "the message is gone"
                raise LookupError(f"no button {label!r} that asks the bot: {labels}")
            return self._press(current, button.data)

    def presses_data(self, message: Message, data: str, *, gone: bool = False) -> Press:
        """Send a callback as a client of one's own can: any data, on any message of any chat, whatever is on it.

        With `gone` the bot gets no more of the message than its id, as of one that is deleted or too old.
        """
        with self._state.changed:
            current = self._state.chats[message.chat_id].messages.get(message.id, message)
            return self._press(current, data, gone=gone)

    def blocks(self) -> None:
        """Block the bot, which is told so."""
        self._set_blocked(blocked=True, by=self.user)

    def unblocks(self) -> None:
        """Unblock the bot, which is told so."""
        self._set_blocked(blocked=False, by=self.user)

    def _press(self, message: Message, data: str, *, gone: bool = False) -> Press:
        query_id = self._state.open_query()
        query = callback_query_json(
            query_id, person=self.user, message=message, data=data, state=self._state, gone=gone
        )
        self._state.queue("callback_query", query, chat_id=message.chat_id)
        return Press(self._state, query_id)


def cut(text: str) -> Iterator[str]:
    """Cut text into messages of at most 4,096 UTF-16 code units, at a line end or a space of the second half if any."""
    while utf16_length(text) > MAX_LENGTH:
        window = text.encode("utf-16-le")[: 2 * MAX_LENGTH].decode("utf-16-le", "ignore")
        ends = (window.rfind(mark, len(window) // 2) for mark in ("\n", " "))
        end = next((at + 1 for at in ends if at >= 0), len(window))
        yield text[:end]
        text = text[end:]
    yield text
