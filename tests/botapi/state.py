"""What the server remembers: chats and their messages, waiting updates, pressed buttons, requests and findings.

Everything is guarded by `State.changed`; every change notifies it. Does no I/O and knows no HTTP.
"""

import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Final, TypeVar

from tests.botapi.formatting import Entity, Formatted, Json
from tests.botapi.keyboard import Keyboard
from tests.botapi.rates import USUAL, Limits, Rates
from tests.botapi.refusal import Refusal, refuse

T = TypeVar("T")

MIN_SECONDS_BETWEEN_EDITS: Final = 0.9
"""The bot promises one edit a second; a tenth is left for the network."""

MOVED: Final = "Bad Request: group chat was upgraded to a supergroup chat"
FIRST_UPDATE_ID: Final = 700_000_001
FIRST_QUERY_ID: Final = 4_382_500_000_000_000_001
NOT_BY_DEFAULT: Final = frozenset({"chat_member", "message_reaction", "message_reaction_count"})
"""Updates a bot gets only when it asks for them by name."""


@dataclass(frozen=True, slots=True)
class User:
    """A Telegram account, of a person or of a bot."""

    id: int
    first_name: str
    is_bot: bool = False
    username: str | None = None
    language_code: str | None = None


@dataclass(frozen=True, slots=True)
class Message:
    """A message as a person sees it now; an edit makes a new one with the same id.

    `html` is the text as it was sent, `text` and `entities` what became of it; `sent_at` and `edited_at` are monotonic.
    `sender_chat` is the chat in whose name it was sent, `extra` what else its JSON has; a service message has no text.
    """

    id: int
    chat_id: int
    sender: User
    from_bot: bool
    text: str
    html: str
    entities: tuple[Entity, ...]
    buttons: Keyboard
    sent_at: float
    date: int
    edits: int = 0
    edited_at: float | None = None
    edit_date: int | None = None
    reply_to: int | None = None
    link_preview: Mapping[str, object] | None = field(default=None, hash=False)
    protected: bool = False
    sender_chat: int | None = None
    extra: Mapping[str, object] | None = field(default=None, hash=False)

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels of all buttons, in reading order."""
        return tuple(button.label for row in self.buttons for button in row)

    def shows_the_same_as(self, other: "Message") -> bool:
        """Tell whether Telegram would call an edit from one to the other no modification."""
        return (self.text, self.entities, self.buttons, self.link_preview) == (
            other.text,
            other.entities,
            other.buttons,
            other.link_preview,
        )


@dataclass(frozen=True, slots=True)
class CallbackAnswer:
    """What answerCallbackQuery told the person who pressed a button."""

    text: str
    show_alert: bool
    cache_time: int


@dataclass(frozen=True, slots=True)
class Call:
    """A request the server accepted; `at` is monotonic."""

    method: str
    parameters: Mapping[str, object]
    at: float
    answer: object


@dataclass(frozen=True, slots=True)
class Refused:
    """A request answered with ok:false; `injected` when a test asked for the failure."""

    method: str
    parameters: Mapping[str, object]
    at: float
    status: int
    description: str
    injected: bool = False


@dataclass(frozen=True, slots=True)
class Broken:
    """A request whose answer was spoilt on the wire because a test asked for it; `effect` tells whether it was done."""

    method: str
    parameters: Mapping[str, object]
    at: float
    kind: str
    effect: bool


@dataclass(slots=True)
class Chat:
    """A chat and its messages by id; `kind` is its type in the Bot API. A private chat has the id of its person.

    `opened` tells whether the person has ever written, `blocked` whether they blocked the bot or a group kicked it,
    `moved_to` which supergroup a group has become. `ids` numbers the messages where they are numbered by chat.
    `changed` is notified of its messages only, so that hundreds may wait for theirs.
    """

    id: int
    person: User | None = None
    kind: str = "private"
    title: str = ""
    opened: bool = True
    blocked: bool = False
    moved_to: int | None = None
    ids: Iterator[int] | None = None
    messages: dict[int, Message] = field(default_factory=dict)
    changed: threading.Condition = field(default_factory=threading.Condition)


@dataclass(frozen=True, slots=True)
class Waiting:
    """An update on its way: `id` is what getUpdates confirms it by, `lane` the chat within which order is kept."""

    id: int
    lane: int
    update: Json


@dataclass(frozen=True, slots=True)
class Hook:
    """A webhook: where updates are posted, with which secret, and how many at once."""

    url: str
    secret: str
    connections: int


@dataclass(frozen=True, slots=True)
class Delivery:
    """A try to post an update to the webhook; `error` is empty when it was taken, `at` is monotonic."""

    update_id: object
    update: Json
    at: float
    status: int | None
    error: str


class Updates:
    """The queue behind getUpdates and the webhook."""

    def __init__(self) -> None:
        """Start empty, with every kind of update allowed that a bot gets by default."""
        self._next_id = FIRST_UPDATE_ID
        self._queue: list[Waiting] = []
        self.allowed: frozenset[str] = frozenset()

    def __len__(self) -> int:
        """Count the unconfirmed updates."""
        return len(self._queue)

    def allow(self, kinds: Iterable[str]) -> None:
        """Remember the wanted kinds for updates to come; none stands for the default."""
        self.allowed = frozenset(kinds)

    def add(self, kind: str, content: Json, *, lane: int) -> bool:
        """Queue an update and tell so, unless the bot does not want its kind."""
        wanted = kind in self.allowed or (not self.allowed and kind not in NOT_BY_DEFAULT)
        if wanted:
            self.inject({"update_id": self._next_id, kind: content}, lane=lane)
        return wanted

    def inject(self, update: Json, *, lane: int) -> Json:
        """Queue an update as it is, wanted or not; it gets an id unless it has one."""
        update = {"update_id": self._next_id, **update}
        given = update["update_id"]
        number = given if isinstance(given, int) else self._next_id
        self._next_id = max(self._next_id, number + 1)
        self._queue.append(Waiting(number, lane, update))
        return update

    def fetch(self, offset: int, limit: int) -> list[Json]:
        """Confirm the updates below `offset` and return the next ones; a negative one keeps that many from the end."""
        if offset < 0:
            self._queue = self._queue[offset:]
        elif offset:
            self._queue = [waiting for waiting in self._queue if waiting.id >= offset]
        return [waiting.update for waiting in self._queue[:limit]]

    def lanes(self) -> set[int]:
        """Name the lanes in which something waits."""
        return {waiting.lane for waiting in self._queue}

    def first(self, lane: int) -> Waiting | None:
        """Return what is next in a lane."""
        return next((waiting for waiting in self._queue if waiting.lane == lane), None)

    def remove(self, taken: Waiting) -> None:
        """Take out what a webhook has taken, if it is still there."""
        self._queue = [waiting for waiting in self._queue if waiting is not taken]

    def clear(self) -> None:
        """Drop everything that waits."""
        self._queue.clear()


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
        self.commands: dict[tuple[str, str], list[Json]] = {}
        self.open_queries: set[str] = set()
        self.answers: dict[str, CallbackAnswer] = {}
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
        if chat_id == "":
            raise refuse("chat_id is empty")
        chat = self.chats.get(chat_id) if isinstance(chat_id, int) else None
        if chat is None:
            raise refuse("chat not found")
        return chat

    def chat_to_write(self, chat_id: int | str) -> Chat:
        """Find a chat the bot may write to."""
        chat = self.chat(chat_id)
        if chat.moved_to is not None:
            raise Refusal(400, MOVED, migrate_to=chat.moved_to)
        if chat.person is None and chat.blocked:
            raise refuse(f"bot was kicked from the {chat.kind} chat", status=403)
        if chat.blocked:
            raise refuse("bot was blocked by the user", status=403)
        if chat.person and chat.person.is_bot:
            raise refuse("bot can't send messages to bots", status=403)
        if not chat.opened:
            raise refuse("bot can't initiate conversation with a user", status=403)
        return chat

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
        message = replace(draft, id=next(chat.ids or self._message_ids))
        chat.messages[message.id] = message
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

    def open_query(self) -> str:
        """Give a new callback query its id."""
        query_id = str(next(self._query_ids))
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
