"""What the server remembers: chats and their messages, waiting updates, pressed buttons, requests and findings.

Everything is guarded by `State.changed`; every change notifies it. Does no I/O and knows no HTTP.
"""

import threading
import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import replace
from itertools import count
from typing import Final, TypeVar

from tests.botapi.formatting import Formatted, Json
from tests.botapi.keyboard import Keyboard
from tests.botapi.rates import USUAL, Limits, Rates
from tests.botapi.records import (
    Broken,
    Call,
    CallbackAnswer,
    Chat,
    Delivery,
    Document,
    Hook,
    InlineMode,
    Message,
    Refused,
    Role,
    User,
)
from tests.botapi.refusal import Refusal, refuse
from tests.botapi.topics import place
from tests.botapi.updates import Updates

T = TypeVar("T")

MIN_SECONDS_BETWEEN_EDITS: Final = 0.9
"""The bot promises one edit a second; a tenth is left for the network."""

MOVED: Final = "Bad Request: group chat was upgraded to a supergroup chat"
FIRST_QUERY_ID: Final = 4_382_500_000_000_000_001


class State:
    """The whole memory of a server. Hold `changed` while using it."""

    def __init__(
        self,
        bot: User,
        *,
        clock: Callable[[], float] = time.monotonic,
        limits: Limits = USUAL,
        quick: bool = False,
        kept: int | None = None,
    ) -> None:
        """Begin with a bot nobody has talked to; `kept` bounds each record, and the messages of each chat."""
        self.bot = bot
        self.clock = clock
        self.quick = quick
        self.kept = kept
        self.changed = threading.Condition(lock := threading.RLock())
        self._lock = lock
        self.updates = Updates()
        self.on_update: Callable[[], object] = lambda: None
        self.hook: Hook | None = None
        self.on_hook: Callable[[], object] = lambda: None
        self.last_error: tuple[int, str] | None = None
        self.deliveries: deque[Delivery] = deque(maxlen=kept)
        self.chats: dict[int, Chat] = {}
        self.files: dict[str, Document] = {}
        self.commands: dict[tuple[str, str], list[Json]] = {}
        self.open_queries: set[str] = set()
        self.answers: dict[str, CallbackAnswer] = {}
        self.inline = InlineMode()
        self.counts: Counter[str] = Counter()
        self.calls: deque[Call] = deque(maxlen=kept)
        self.refusals: deque[Refused] = deque(maxlen=kept)
        self.faults: deque[Broken] = deque(maxlen=kept)
        self.findings: deque[str] = deque(maxlen=kept)
        self.rates = Rates(limits)
        self.enforcing = False
        self.pace: deque[str] = deque(maxlen=kept)
        self._message_ids = count(1)
        self._query_ids = count(FIRST_QUERY_ID)

    def queue(self, kind: str, content: Json, *, chat_id: int) -> None:
        """Queue an update of a chat and wake whoever polls for it or posts it."""
        if self.updates.add(kind, content, lane=chat_id):
            self.on_update()

    def set_hook(self, hook: Hook | None) -> None:
        """Post updates there from now on, or keep them for getUpdates; the same webhook again changes nothing."""
        if hook != self.hook:
            self.hook, self.last_error = hook, None
            self.on_hook()

    def failed(self, error: str) -> None:
        """Remember for getWebhookInfo why an update was not taken."""
        self.last_error = (int(time.time()), error)

    def open(self, chat: Chat) -> Chat:
        """Add a chat unless there is one with that id; return the one there is."""
        chat.changed = threading.Condition(self._lock)
        with self.changed:
            return self.chats.setdefault(chat.id, chat)

    def note(self, records: deque[T], record: T) -> None:
        """Add to one of the records and tell whoever waits for it."""
        with self.changed:
            records.append(record)
            self.changed.notify_all()

    def chat(self, chat_id: int | str) -> Chat:
        """Find a chat the bot may read."""
        chat = self._find(chat_id)
        if chat.kind in {"supergroup", "channel"}:
            self._check_membership(chat)
        return chat

    def chat_to_write(self, chat_id: int | str) -> Chat:
        """Find a chat the bot may write to."""
        chat = self._find(chat_id)
        if chat.moved_to is not None:
            raise Refusal(400, MOVED, migrate_to=chat.moved_to)
        self._check_membership(chat)
        if chat.blocked:
            raise refuse("bot was blocked by the user", status=403)
        if chat.person and chat.person.is_bot:
            raise refuse("bot can't send messages to bots", status=403)
        if not chat.opened:
            raise refuse("bot can't initiate conversation with a user", status=403)
        return chat

    def role(self, chat: Chat) -> Role:
        """Tell what the bot is in a group or channel."""
        return chat.roles.get(self.bot.id, Role.LEFT)

    def _find(self, chat_id: int | str) -> Chat:
        if chat_id == "":
            raise refuse("chat_id is empty")
        chat = self.chats.get(chat_id) if isinstance(chat_id, int) else None
        if chat is None or (chat.person is None and self.bot.id not in chat.roles):
            raise refuse("chat not found")
        return chat

    def _check_membership(self, chat: Chat) -> None:
        if chat.person is None and not self.role(chat).is_there:
            was = "was kicked from" if self.role(chat) is Role.KICKED else "is not a member of"
            raise refuse(f"bot {was} the {chat.kind} chat", status=403)

    def draft(self, chat: Chat, *, sender: User, html: str, body: Formatted) -> Message:
        """Compose a message that is in no chat yet and has no id of its own."""
        return Message(
            id=0,
            chat_id=chat.id,
            sender=sender,
            from_bot=sender == self.bot,
            text=body.text,
            html=html,
            entities=tuple(entity for entity in body.entities if entity.user_id is None or self.user(entity.user_id)),
            buttons=(),
            sent_at=self.clock(),
            date=int(time.time()),
        )

    def rewritten(self, old: Message, *, html: str, body: Formatted, buttons: Keyboard) -> Message:
        """Return a message with another text, as it would be if it were edited now."""
        draft = self.draft(self.chats[old.chat_id], sender=old.sender, html=html, body=body)
        changed = {"text": draft.text, "html": html, "entities": draft.entities, "edit_date": draft.date}
        return replace(old, buttons=buttons, **changed)

    def watch_pace(self, chat: Chat) -> None:
        """Note when a message into that chat comes too soon, and refuse it where limits are enforced."""
        now, is_group = self.clock(), chat.person is None
        excesses = self.rates.excesses(chat.id, now, is_group=is_group)
        self.pace += [finding for finding, _ in excesses]
        if excesses and self.enforcing:
            wait = max(seconds for _, seconds in excesses)
            raise Refusal(429, f"Too Many Requests: retry after {wait}", retry_after=wait)
        self.rates.note(chat.id, now, is_group=is_group)

    def post(self, draft: Message) -> Message:
        """Put a draft into its chat; private chats and basic groups share one row of message ids, as on Telegram."""
        chat = self.chats[draft.chat_id]
        thread, in_topic = place(chat, draft)
        message = replace(draft, id=next(chat.ids or self._message_ids), thread=thread, in_topic=in_topic)
        chat.messages[message.id] = message
        if message.sender.is_bot and message.sender_chat is None:
            chat.last_bot = message.sender.id
        if self.kept is not None and len(chat.messages) > self.kept:
            del chat.messages[next(iter(chat.messages))]
        self._tell(chat)
        return message

    def edit(self, old: Message, new: Message) -> Message:
        """Replace a message, counting the edit and watching the pace of the bot's."""
        now = self.clock()
        if old.from_bot and old.edited_at is not None and now - old.edited_at < MIN_SECONDS_BETWEEN_EDITS:
            pause = now - old.edited_at
            self.findings.append(f"message {old.id} in chat {old.chat_id} was edited twice within {pause:.2f} s")
        new = replace(new, edits=old.edits + 1, edited_at=now)
        chat = self.chats[old.chat_id]
        chat.messages[old.id] = new
        self._tell(chat)
        return new

    def delete(self, message: Message) -> None:
        """Take a message out of its chat."""
        chat = self.chats[message.chat_id]
        del chat.messages[message.id]
        self._tell(chat)

    def _tell(self, chat: Chat) -> None:
        chat.changed.notify_all()
        self.changed.notify_all()

    def new_id(self) -> str:
        """Make up the id of a query or a file."""
        return str(next(self._query_ids))

    def open_query(self) -> str:
        """Give a new callback query its id."""
        query_id = self.new_id()
        self.open_queries.add(query_id)
        return query_id

    def answer_query(self, query_id: str, answer: CallbackAnswer) -> None:
        """Answer a callback query, which works once and not after it expired."""
        if query_id not in self.open_queries:
            raise refuse("query is too old and response timeout expired or query ID is invalid")
        self.open_queries.remove(query_id)
        self.answers[query_id] = answer
        self.changed.notify_all()

    def user(self, user_id: int) -> User | None:
        """Find a user the bot knows."""
        if user_id == self.bot.id:
            return self.bot
        chat = self.chats.get(user_id)
        return chat.person if chat else None
