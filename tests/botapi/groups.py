"""Groups and channels, and all who speak there: members, nameless administrators, channels, other bots.

The bot is an administrator of each, so it hears every message. All methods block the calling thread.
"""

from itertools import count
from typing import Final

from tests.botapi.people import Person
from tests.botapi.rooms import Room, edit
from tests.botapi.state import Chat, Message, State, User
from tests.botapi.wire import chat_json, user_json

NAMELESS: Final = User(1_087_968_824, "Group", is_bot=True, username="GroupAnonymousBot")
"""Who sends what an anonymous administrator says; the sender_chat is the group."""

CHANNEL: Final = User(136_817_688, "Channel", is_bot=True, username="Channel_Bot")
"""Who sends what somebody says in the name of a channel; the sender_chat is the channel."""

TELEGRAM: Final = User(777_000, "Telegram")
"""Who sends the posts of a channel into the group that is linked to it."""

FIRST_GROUP_ID: Final = -4_000_000_001
FIRST_SUPERGROUP_ID: Final = -1_001_000_000_001


class Channel(Room):
    """A channel."""

    def __init__(self, state: State, title: str) -> None:
        """Create it."""
        super().__init__(state, _new_chat(state, title, kind="channel"))
        self.title = title

    def posts(self, text: str) -> Message:
        """Post something and return it."""
        return self._post(CHANNEL, text, in_name_of=self.id)

    def edits(self, post: Message, text: str) -> Message:
        """Give a post another text."""
        return edit(self._state, post, text)

    def kicks(self) -> None:
        """Throw the bot out, which is told so."""
        self._set_blocked(blocked=True, by=NAMELESS)


class Group(Room):
    """A supergroup or a basic group."""

    def __init__(self, state: State, title: str, *members: Person, kind: str) -> None:
        """Create it with its members."""
        super().__init__(state, _new_chat(state, title, kind=kind))
        self.title = title
        self.members = members

    def says(self, person: Person, text: str, *, reply_to: Message | None = None) -> Message:
        """Let a member, who may be another bot, say something; raise LookupError for somebody who is none."""
        if person.id not in {member.id for member in self.members}:
            raise LookupError(f"{person.user.first_name} is not in the group {self.title!r}")
        return self._post(person.user, text, reply_to=reply_to)

    def says_anonymously(self, text: str, *, reply_to: Message | None = None) -> Message:
        """Let an anonymous administrator say something."""
        return self._post(NAMELESS, text, in_name_of=self.id, reply_to=reply_to)

    def says_as(self, channel: Channel, text: str, *, reply_to: Message | None = None) -> Message:
        """Let somebody say something in the name of a channel of theirs."""
        return self._post(CHANNEL, text, in_name_of=channel.id, reply_to=reply_to)

    def gets(self, post: Message) -> Message:
        """Let a post of the linked channel come into the group by itself."""
        with self._state.changed:
            channel = chat_json(self._state.chats[post.chat_id])
        origin = {"type": "channel", "chat": channel, "message_id": post.id, "date": post.date}
        extra = {"is_automatic_forward": True, "forward_origin": origin}
        return self._post(TELEGRAM, post.text, in_name_of=post.chat_id, extra=extra)

    def joins(self, person: Person) -> Message:
        """Let somebody in, of which a service message tells."""
        self.members += (person,)
        return self._post(person.user, "", extra={"new_chat_members": [user_json(person.user)]})

    def kicks(self) -> None:
        """Throw the bot out, which is told so."""
        self._set_blocked(blocked=True, by=self._somebody)

    def takes_back(self) -> None:
        """Let the bot in again, which is told so."""
        self._set_blocked(blocked=False, by=self._somebody)

    def migrates(self) -> "Group":
        """Become a supergroup, of which service messages tell in both; return the supergroup."""
        group = Group(self._state, self.title, *self.members, kind="supergroup")
        self._post(self._somebody, "", extra={"migrate_to_chat_id": group.id})
        with self._state.changed:
            self._chat.moved_to = group.id
        group._post(self._somebody, "", in_name_of=group.id, extra={"migrate_from_chat_id": self.id})
        return group

    @property
    def _somebody(self) -> User:
        return self.members[0].user if self.members else NAMELESS


def _new_chat(state: State, title: str, *, kind: str) -> Chat:
    """Make up an id, which says of what kind a chat is, and a row of message ids of its own where Telegram has one."""
    first = FIRST_GROUP_ID if kind == "group" else FIRST_SUPERGROUP_ID
    with state.changed:
        chat_id = next(number for number in count(first, -1) if number not in state.chats)
    return Chat(chat_id, kind=kind, title=title, ids=None if kind == "group" else count(1))
