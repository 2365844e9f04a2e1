"""What every chat has: messages that are read, waited for and edited, and presses that wait for an answer."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from itertools import takewhile
from mimetypes import guess_type

from aiogram.types import MessageEntity

from tests.botapi.formatting import Formatted, format_text, utf16_length
from tests.botapi.hearing import hears
from tests.botapi.records import CallbackAnswer, Chat, Document, Message, Photo, User
from tests.botapi.state import State
from tests.botapi.wire import message_json

MAX_LENGTH = 4096
"""Longest message a client sends, in UTF-16 code units; it cuts longer ones."""


class Press:
    """A press on an inline button, waiting for the bot's answer."""

    def __init__(self, state: State, query_id: str) -> None:
        """Keep what is needed to look the answer up."""
        self._state = state
        self.query_id = query_id

    def answer(self, timeout: float = 60) -> CallbackAnswer:
        """Wait for answerCallbackQuery; raise AssertionError when none comes within `timeout` seconds."""
        with self._state.changed:
            if not self._state.changed.wait_for(lambda: self.query_id in self._state.answers, timeout):
                raise AssertionError(f"the press was not answered within {timeout} s{troubles(self._state)}")
            return self._state.answers[self.query_id]

    def expires(self) -> None:
        """Let the query grow too old to be answered."""
        with self._state.changed:
            self._state.open_queries.discard(self.query_id)


class Room:
    """A chat as those who are in it see it; `thread` is the topic, where it is one of a forum."""

    thread: int | None = None

    def __init__(self, state: State, chat: Chat) -> None:
        """Open the chat, or go into it where it is open."""
        self._state = state
        self._chat = state.open(chat)

    @property
    def id(self) -> int:
        """The id of the chat."""
        return self._chat.id

    @property
    def chat(self) -> list[Message]:
        """All messages in the chat now, oldest first."""
        with self._state.changed:
            return list(self._messages())

    def waits(self, fits: Callable[[Message], bool], *, timeout: float = 60, after: Message | None = None) -> Message:
        """Wait until a message of the bot fits and return the newest that does.

        Looks at what is there already, at what comes and at every edit; with `after` only at messages later than that
        one. Raise AssertionError with the chat after `timeout` seconds.
        """

        first = after.id if after else 0

        def found() -> Message | None:
            newest_first = takewhile(lambda each: each.id > first, reversed(list(self._messages())))
            return next((each for each in newest_first if each.from_bot and fits(each)), None)

        with self._state.changed:
            message = self._chat.changed.wait_for(found, timeout)
            if message is None:
                raise AssertionError(f"nothing fits after {timeout} s in this chat:\n{self._transcript()}")
            return message

    def admits(self, user: User) -> None:
        """Raise LookupError for somebody who may not write here."""

    def puts(self, draft: Message) -> Message:
        """Put a message into the chat and tell the bot, if it is to hear of it."""
        with self._state.changed:
            message = self._state.post(draft)
            kind = "channel_post" if self._chat.kind == "channel" else "message"
            _tell(self._state, self._chat, kind, message)
        return message

    def _messages(self) -> Iterable[Message]:
        return self._chat.messages.values()

    def _post(
        self,
        sender: User,
        text: str,
        *,
        in_name_of: int | None = None,
        reply_to: Message | None = None,
        extra: Mapping[str, object] | None = None,
        thread: int | None = None,
        entities: list[MessageEntity] | None = None,
    ) -> Message:
        """Write a message; one without text is a service message."""
        if utf16_length(text) > MAX_LENGTH:
            raise ValueError(f"{utf16_length(text)} UTF-16 code units; clients send at most {MAX_LENGTH} in a message")
        body = format_text(text, entities=entities or ()) if text else Formatted("")
        with self._state.changed:
            draft = self._state.draft(self._chat, sender=sender, html=text, body=body)
            reply_id = reply_to.id if reply_to else None
            draft = replace(draft, sender_chat=in_name_of, reply_to=reply_id, extra=extra, thread=thread)
            return self.puts(draft)

    def _send(
        self,
        sender: User,
        name: str,
        data: bytes,
        caption: str,
        *,
        reply_to: Message | None = None,
        extra: Mapping[str, object] | None = None,
        said_size: int | None = None,
    ) -> Message:
        """Send a file; `said_size` is what its size is said to be."""
        mime = guess_type(name)[0] or "application/octet-stream"
        body = format_text(caption) if caption else Formatted("")
        with self._state.changed:
            document = Document(f"BQACAgIAAxkB{self._state.new_id()}", name, mime, data, said_size)
            self._state.files[document.file_id] = document
            draft = self._state.draft(self._chat, sender=sender, html=caption, body=body)
            reply_id = reply_to.id if reply_to else None
            return self.puts(replace(draft, document=document, reply_to=reply_id, extra=extra))

    def _show(self, sender: User, caption: str, *, extra: Mapping[str, object]) -> Message:
        """Send a picture, of which nobody looks at more than its size."""
        body = format_text(caption) if caption else Formatted("")
        with self._state.changed:
            photo = Photo(f"AgACAgIAAxkB{self._state.new_id()}", 640, 480, b"")
            draft = self._state.draft(self._chat, sender=sender, html=caption, body=body)
            return self.puts(replace(draft, photo=photo, extra=extra))

    def _transcript(self) -> str:
        lines = [
            f"  {message.id} {'the bot' if message.from_bot else message.sender.first_name}"
            f"{f' (edited {message.edits}x)' if message.edits else ''}: {message.text}"
            f"{' '.join(['', *(f'[{label}]' for label in message.labels)])}"
            for message in self._messages()
        ]
        return "\n".join(lines or ["  (no messages)"]) + troubles(self._state)


def edit(state: State, message: Message, text: str) -> Message:
    """Give a message another text and tell the bot."""
    with state.changed:
        chat = state.chats[message.chat_id]
        old = chat.messages[message.id]
        edited = state.edit(old, state.rewritten(old, html=text, body=format_text(text), buttons=old.buttons))
        _tell(state, chat, "edited_channel_post" if chat.kind == "channel" else "edited_message", edited)
    return edited


def _tell(state: State, chat: Chat, kind: str, message: Message) -> None:
    if hears(state, chat, message):
        state.queue(kind, message_json(message, state), chat_id=chat.id)


def troubles(state: State) -> str:
    """List for a failing test what the bot was refused and what was found."""
    refused = [f"  refused {each.method}: {each.description}" for each in state.refusals]
    return "".join(f"\n{line}" for line in [*refused, *(f"  found: {finding}" for finding in state.findings)])
