"""People who talk to the bot: they write, edit, press buttons, follow links, ask inline and block it.

All methods block the calling thread.
"""

from collections.abc import Iterator, Mapping

from tests.botapi.asking import Asked
from tests.botapi.formatting import utf16_length
from tests.botapi.keyboard import find_button
from tests.botapi.links import check_payload, payload_of
from tests.botapi.members import block
from tests.botapi.records import Chat, Message, User
from tests.botapi.rooms import MAX_LENGTH, Press, Room, edit
from tests.botapi.state import State
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
        return sent[-1]

    def sends(
        self,
        name: str,
        data: bytes,
        *,
        caption: str = "",
        album: str | None = None,
        extra: Mapping[str, object] | None = None,
        said_size: int | None = None,
    ) -> Message:
        """Send a file, which is one of an `album` where that is named; `said_size` is what its size is said to be."""
        grouped = {"media_group_id": album} if album else {}
        return self._send(self.user, name, data, caption, extra={**grouped, **(extra or {})}, said_size=said_size)

    def shows(self, caption: str = "", *, album: str | None = None) -> Message:
        """Send a picture with a caption or without; it is one of an `album` where that is named."""
        extra = {"media_group_id": album} if album else {}
        return self._show(self.user, caption, extra=extra)

    def forwards(self, text: str, origin: Mapping[str, object]) -> Message:
        """Forward what somebody else wrote; `origin` is a MessageOrigin of the Bot API."""
        return self._post(self.user, text, extra={"forward_origin": dict(origin)})

    def puts(self, draft: Message) -> Message:
        """Put a message into the chat, which is open from then on."""
        self._chat.opened = True
        return super().puts(draft)

    def admits(self, user: User) -> None:
        """Raise LookupError for anybody but the person."""
        if user != self.user:
            raise LookupError(f"{user.first_name} is not in the private chat of {self.user.first_name}")

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

    def asks_inline(self, text: str, offset: str = "", *, into: Room | None = None) -> Asked:
        """Type the bot's name and a question into a chat, by default the private one; return what comes of it.

        Raise ValueError above 256 characters and LookupError when the bot has no inline mode.
        """
        return Asked(self._state, self, text, offset, into or self)

    def opens(self, link_or_payload: str) -> Message:
        """Open the private chat by a deep link of the bot's, or by its payload alone, and press the start button.

        Raise ValueError for a link elsewhere, and for a payload that is not 1 to 64 of A-Z, a-z, 0-9, _ and -.
        """
        if ":" not in link_or_payload:
            return self.says(f"/start {check_payload(link_or_payload)}")
        payload = payload_of(link_or_payload, username=self._state.bot.username or "")
        if payload is None:
            raise ValueError(f"not a link that starts the bot: {link_or_payload!r}")
        return self.says(f"/start {payload}".rstrip())

    def follows(self, message: Message, label: str) -> Message | str:
        """Follow the link of a button, or else of linked words, on a message as it is now.

        A deep link of the bot's is opened, and what that says is returned; of any other link the URL. Raise LookupError
        when there is no such link.
        """
        with self._state.changed:
            current = self._state.chats[message.chat_id].messages.get(message.id, message)
        button = find_button(current.buttons, label)
        links = [each.url for each in current.entities if each.type == "text_link" and each.of(current.text) == label]
        url = next((url for url in [button.url if button else None, *links] if url), None)
        if url is None:
            raise LookupError(f"no link {label!r}: {', '.join(current.labels)}")
        opens = payload_of(url, username=self._state.bot.username or "") is not None
        return self.opens(url) if opens else url

    def blocks(self) -> None:
        """Block the bot, which is told so."""
        with self._state.changed:
            block(self._state, self._chat, blocked=True)

    def unblocks(self) -> None:
        """Unblock the bot, which is told so."""
        with self._state.changed:
            block(self._state, self._chat, blocked=False)

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
