"""People who talk to the bot: they write, read, press buttons and block it. All methods block the calling thread."""

import time
from collections.abc import Callable, Iterator

from tests.botapi.formatting import format_text, utf16_length
from tests.botapi.keyboard import find_button
from tests.botapi.state import CallbackAnswer, Chat, Message, State, User
from tests.botapi.wire import callback_query_json, membership_json, message_json

MAX_LENGTH = 4096
"""Longest message a client sends, in UTF-16 code units; it cuts longer ones."""


class Press:
    """A press on an inline button, waiting for the bot's answer."""

    def __init__(self, state: State, query_id: str) -> None:
        """Keep what is needed to look the answer up."""
        self._state = state
        self.query_id = query_id

    def answer(self, timeout: float = 10) -> CallbackAnswer:
        """Wait for answerCallbackQuery; raise AssertionError when none comes within `timeout` seconds."""
        with self._state.changed:
            if not self._state.changed.wait_for(lambda: self.query_id in self._state.answers, timeout):
                raise AssertionError(f"the press was not answered within {timeout} s{_troubles(self._state)}")
            return self._state.answers[self.query_id]

    def expires(self) -> None:
        """Let the query grow too old to be answered."""
        with self._state.changed:
            self._state.open_queries.discard(self.query_id)


class Person:
    """Somebody with a private chat with the bot."""

    def __init__(self, state: State, user: User) -> None:
        """Open the chat."""
        self._state = state
        self.user = user
        with state.changed:
            self._chat = state.chats.setdefault(user.id, Chat(user.id, user))

    @property
    def id(self) -> int:
        """The id of the person and of their private chat."""
        return self.user.id

    @property
    def chat(self) -> list[Message]:
        """All messages the person sees now, oldest first."""
        with self._state.changed:
            return list(self._chat.messages.values())

    def says(self, text: str, *, split: bool = False) -> Message:
        """Send a message and return it.

        Raise ValueError above 4,096 UTF-16 code units, or with `split` send several as clients do and return the last.
        """
        if utf16_length(text) > MAX_LENGTH and not split:
            raise ValueError(f"{utf16_length(text)} UTF-16 code units; clients send at most {MAX_LENGTH} in a message")
        with self._state.changed:
            sent = [self._send(part) for part in cut(text) if part.strip()]
        if not sent:
            raise ValueError("clients send no blank message")
        return sent[-1]

    def waits(self, fits: Callable[[Message], bool], *, timeout: float = 10, after: Message | None = None) -> Message:
        """Wait until a message of the bot fits and return the newest that does.

        Looks at what is there already, at what comes and at every edit; with `after` only at messages later than that
        one. Raise AssertionError with the chat after `timeout` seconds.
        """

        def found() -> Message | None:
            newest_first = reversed(self._chat.messages.values())
            first = after.id if after else 0
            return next((each for each in newest_first if each.from_bot and each.id > first and fits(each)), None)

        with self._state.changed:
            message = self._state.changed.wait_for(found, timeout)
            if message is None:
                raise AssertionError(f"nothing fits after {timeout} s in this chat:\n{self._transcript()}")
            return message

    def presses(self, message: Message, label: str) -> Press:
        """Press the button with that label on the message as it is now; raise LookupError when there is none."""
        with self._state.changed:
            current = self._chat.messages.get(message.id)
            button = current and find_button(current.buttons, label)
            if not current or not button or button.data is None:
                labels = ", ".join(current.labels) if current else "the message is gone"
                raise LookupError(f"no button {label!r} that asks the bot: {labels}")
            query_id = self._state.open_query()
            query = callback_query_json(
                query_id, person=self.user, message=current, data=button.data, state=self._state
            )
            self._state.queue("callback_query", query, chat_id=self.id)
        return Press(self._state, query_id)

    def blocks(self) -> None:
        """Block the bot, which is told so."""
        self._set_blocked(blocked=True)

    def unblocks(self) -> None:
        """Unblock the bot, which is told so."""
        self._set_blocked(blocked=False)

    def _set_blocked(self, *, blocked: bool) -> None:
        with self._state.changed:
            self._chat.blocked = blocked
            change = membership_json(self._chat, self._state, date=int(time.time()))
            self._state.queue("my_chat_member", change, chat_id=self.id)

    def _send(self, text: str) -> Message:
        draft = self._state.draft(self._chat, sender=self.user, html=text, body=format_text(text))
        message = self._state.post(draft)
        self._state.queue("message", message_json(message, self._state), chat_id=self.id)
        return message

    def _transcript(self) -> str:
        lines = [
            f"  {message.id} {'the bot' if message.from_bot else message.sender.first_name}"
            f"{f' (edited {message.edits}x)' if message.edits else ''}: {message.text}"
            f"{' '.join(['', *(f'[{label}]' for label in message.labels)])}"
            for message in self._chat.messages.values()
        ]
        return "\n".join(lines or ["  (no messages)"]) + _troubles(self._state)


def cut(text: str) -> Iterator[str]:
    """Cut text into messages of at most 4,096 UTF-16 code units, at a line end or a space of the second half if any."""
    while utf16_length(text) > MAX_LENGTH:
        window = text.encode("utf-16-le")[: 2 * MAX_LENGTH].decode("utf-16-le", "ignore")
        ends = (window.rfind(mark, len(window) // 2) for mark in ("\n", " "))
        end = next((at + 1 for at in ends if at >= 0), len(window))
        yield text[:end]
        text = text[end:]
    yield text


def _troubles(state: State) -> str:
    refused = [f"  refused {each.method}: {each.description}" for each in state.refusals]
    return "".join(f"\n{line}" for line in [*refused, *(f"  found: {finding}" for finding in state.findings)])
