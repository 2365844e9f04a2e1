"""What the server keeps records of: users, chats, messages, files, updates on their way, requests and answers.

Plain values; knows no rules.
"""

import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from tests.botapi.formatting import Entity, Json
from tests.botapi.keyboard import Keyboard


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
    With a `document` or a `photo` they are its caption. `sender_chat` is the chat in whose name it was sent, `extra`
    what else its JSON has; a service message has neither text nor file. `thread` is the topic of a forum with
    `in_topic`, else the message a chain of replies began with. `via_bot` is set, and `inline_id` where it has buttons,
    when somebody picked it from the bot's inline results.
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
    document: "Document | None" = None
    photo: "Photo | None" = None
    thread: int | None = None
    in_topic: bool = False
    quote: str | None = None
    via_bot: User | None = None
    inline_id: str | None = None

    @property
    def is_service(self) -> bool:
        """Whether it only tells of something that happened."""
        return not (self.text or self.document or self.photo)

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
class Document:
    """A file as it was sent."""

    file_id: str
    name: str
    mime: str
    data: bytes = field(repr=False)
    said_size: int | None = None
    """What its size is said to be, where a test wants another one than it is."""


@dataclass(frozen=True, slots=True)
class Photo:
    """A picture as it was sent; width and height in pixels."""

    file_id: str
    width: int
    height: int
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class InlineResult:
    """One result of an inline query as a person sees it, and the message that picking it sends."""

    id: str
    title: str
    description: str | None
    url: str | None
    text: str
    html: str
    entities: tuple[Entity, ...]
    buttons: Keyboard
    link_preview: Mapping[str, object] | None = field(default=None, hash=False)


@dataclass(frozen=True, slots=True)
class InlineAnswer:
    """What answerInlineQuery told; `button` is the label of the button above the results, if there is one."""

    results: tuple[InlineResult, ...]
    cache_time: int
    is_personal: bool
    next_offset: str
    button: str | None = None
    start_parameter: str | None = None


@dataclass(frozen=True, slots=True)
class InlineQuery:
    """What somebody typed after the bot's name."""

    person: int
    text: str
    offset: str


@dataclass(slots=True)
class InlineMode:
    """Inline queries that wait, answers by query id, cached answers until when, and where a picked message is.

    The cache is by text, offset and, where the answer is personal, the person.
    """

    enabled: bool = False
    waiting: dict[str, InlineQuery] = field(default_factory=dict)
    answers: dict[str, InlineAnswer] = field(default_factory=dict)
    cache: dict[tuple[str, str, int | None], tuple[float, InlineAnswer]] = field(default_factory=dict)
    picked: dict[str, tuple[int, int]] = field(default_factory=dict)


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


class Role(StrEnum):
    """What somebody is in a group: the status of a ChatMember."""

    CREATOR = "creator"
    ADMINISTRATOR = "administrator"
    MEMBER = "member"
    LEFT = "left"
    KICKED = "kicked"

    @property
    def is_there(self) -> bool:
        """Whether that is somebody in the group."""
        return self not in {Role.LEFT, Role.KICKED}


@dataclass(slots=True)
class Chat:
    """A chat and its messages by id; `kind` is its type in the Bot API. A private chat has the id of its person.

    `opened` tells whether the person has ever written, `blocked` whether they blocked the bot, `moved_to` which
    supergroup a group has become. `ids` numbers the messages where they are numbered by chat. In a group or channel
    `roles` are those of all who are or were there, the bot among them if it ever was; `hears_all` tells that privacy
    mode does not keep anything from the bot, `last_bot` which bot wrote last, `topics` the names of a forum's topics.
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
    roles: dict[int, Role] = field(default_factory=dict)
    hears_all: bool = True
    is_forum: bool = False
    topics: dict[int, str] = field(default_factory=dict)
    last_bot: int | None = None
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
