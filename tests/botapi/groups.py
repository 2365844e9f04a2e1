"""Groups and channels, and all who speak there: members, nameless administrators, channels, other bots.

All methods block the calling thread.
"""

from collections.abc import Iterable
from itertools import chain, count
from typing import Final

from aiogram.types import MessageEntity
from aiogram.types import User as ApiUser

from tests.botapi.formatting import utf16_length
from tests.botapi.members import change_role
from tests.botapi.people import Person
from tests.botapi.records import Chat, Message, Role, User
from tests.botapi.rooms import Room, edit
from tests.botapi.state import State
from tests.botapi.topics import GENERAL
from tests.botapi.wire import chat_json, user_json

NAMELESS: Final = User(1_087_968_824, "Group", is_bot=True, username="GroupAnonymousBot")
"""Who sends what an anonymous administrator says; the sender_chat is the group."""

CHANNEL: Final = User(136_817_688, "Channel", is_bot=True, username="Channel_Bot")
"""Who sends what somebody says in the name of a channel; the sender_chat is the channel."""

TELEGRAM: Final = User(777_000, "Telegram")
"""Who sends the posts of a channel into the group that is linked to it."""

FIRST_GROUP_ID: Final = -4_000_000_001
FIRST_SUPERGROUP_ID: Final = -1_001_000_000_001
ICON_COLOUR: Final = 0x6FB9F0
"""Of a new topic."""


class Channel(Room):
    """A channel, of which the bot is an administrator."""

    def __init__(self, state: State, title: str) -> None:
        """Create it."""
        super().__init__(state, _new_chat(state, title, kind="channel"))
        self.title = title
        self._chat.roles[state.bot.id] = Role.ADMINISTRATOR

    def posts(self, text: str) -> Message:
        """Post something and return it."""
        return self._post(CHANNEL, text, in_name_of=self.id)

    def edits(self, post: Message, text: str) -> Message:
        """Give a post another text."""
        return edit(self._state, post, text)

    def kicks(self) -> None:
        """Throw the bot out, which is told so."""
        with self._state.changed:
            change_role(self._state, self._chat, self._state.bot, Role.KICKED, by=NAMELESS)


class Group(Room):
    """A supergroup or a basic group; whoever is named first has created it."""

    def __init__(
        self,
        state: State,
        title: str,
        *members: Person,
        kind: str,
        hears_all: bool = True,
        forum: bool = False,
        bot: Role | None = None,
    ) -> None:
        """Create it with its members; only a supergroup can be a forum. `bot` is its role where it is there."""
        if forum and kind != "supergroup":
            raise ValueError("only a supergroup has topics")
        super().__init__(state, _new_chat(state, title, kind=kind))
        self.title = title
        self.members = members
        self._chat.hears_all, self._chat.is_forum = hears_all, forum
        if forum:
            self._chat.ids = count(GENERAL + 1)
        roles = dict.fromkeys((member.id for member in members), Role.MEMBER)
        self._chat.roles |= roles | ({members[0].id: Role.CREATOR} if members else {})
        if bot:
            self._chat.roles[state.bot.id] = bot

    # Who speaks

    def says(
        self,
        person: Person,
        text: str,
        *,
        reply_to: Message | None = None,
        calling: str | None = None,
        thread: int | None = None,
    ) -> Message:
        """Let a member, who may be another bot, say something; raise LookupError for somebody who is none.

        `calling` are words of the text that name the bot without its username: a text_mention. In a forum without a
        `thread` it is said in the general topic.
        """
        self.admits(person.user)
        entities = [self._mention(text, calling)] if calling else None
        return self._post(person.user, text, reply_to=reply_to, entities=entities, thread=thread)

    def sends(
        self, person: Person, name: str, data: bytes, *, caption: str = "", reply_to: Message | None = None
    ) -> Message:
        """Let a member send a file; raise LookupError for somebody who is none."""
        self.admits(person.user)
        return self._send(person.user, name, data, caption, reply_to=reply_to)

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

    def admits(self, user: User) -> None:
        """Raise LookupError for somebody who is not in the group."""
        if not self.role(user).is_there:
            raise LookupError(f"{user.first_name} is not in the group {self.title!r}")

    def topic(self, name: str) -> "Topic":
        """Go into the topic of that name, which is opened unless there is one; raise LookupError without topics."""
        if not self._chat.is_forum:
            raise LookupError(f"the group {self.title!r} has no topics")
        with self._state.changed:
            known = next((thread for thread, each in self._chat.topics.items() if each == name), None)
            return Topic(self._state, self, known or self._open_topic(name))

    def deletes_topic(self, name: str) -> None:
        """Delete the topic of that name and all that was said in it."""
        with self._state.changed:
            thread = next(thread for thread, each in self._chat.topics.items() if each == name)
            del self._chat.topics[thread]
            for message in [each for each in self._chat.messages.values() if each.thread == thread]:
                self._state.delete(message)

    # Who is there

    def role(self, user: Person | User) -> Role:
        """Tell what somebody is in the group."""
        with self._state.changed:
            return self._chat.roles.get(user.id, Role.LEFT)

    def joins(self, person: Person) -> Message:
        """Let somebody in, of which a service message tells."""
        self.members += (person,)
        self._change(person.user, Role.MEMBER, by=person.user)
        return self._post(person.user, "", extra={"new_chat_members": [user_json(person.user)]})

    def leaves(self, person: Person) -> Message:
        """Let a member go, of which a service message tells."""
        return self._goes(person, Role.LEFT, by=person.user)

    def bans(self, person: Person, *, by: Person | None = None) -> Message:
        """Throw a member out, of which a service message tells."""
        return self._goes(person, Role.KICKED, by=by.user if by else self._somebody)

    def promotes(self, person: Person) -> None:
        """Make a member an administrator."""
        self.admits(person.user)
        self._change(person.user, Role.ADMINISTRATOR)

    def demotes(self, person: Person) -> None:
        """Make an administrator a member again."""
        self.admits(person.user)
        self._change(person.user, Role.MEMBER)

    # The bot

    def adds_bot(self, *, by: Person, as_administrator: bool = False) -> Message:
        """Let a member add the bot, which is told so twice: as a change of what it is, and by a service message."""
        self.admits(by.user)
        self._change(self._bot, Role.ADMINISTRATOR if as_administrator else Role.MEMBER, by=by.user)
        return self._post(by.user, "", extra={"new_chat_members": [user_json(self._bot)]})

    def promotes_bot(self) -> None:
        """Make the bot an administrator, which is told so and hears everything from then on."""
        self._change(self._bot, Role.ADMINISTRATOR)

    def demotes_bot(self) -> None:
        """Make the bot a member again, which is told so."""
        self._change(self._bot, Role.MEMBER)

    def kicks(self) -> None:
        """Throw the bot out, which is told so."""
        self._change(self._bot, Role.KICKED)

    def takes_back(self) -> None:
        """Let the bot in again, which is told so."""
        self._change(self._bot, Role.MEMBER)

    def migrates(self) -> "Group":
        """Become a supergroup, of which service messages tell in both; return the supergroup."""
        group = Group(self._state, self.title, *self.members, kind="supergroup", hears_all=self._chat.hears_all)
        self._post(self._somebody, "", extra={"migrate_to_chat_id": group.id})
        with self._state.changed:
            self._chat.moved_to = group.id
            group._chat.roles |= self._chat.roles
        group._post(self._somebody, "", in_name_of=group.id, extra={"migrate_from_chat_id": self.id})
        return group

    @property
    def _somebody(self) -> User:
        return self.members[0].user if self.members else NAMELESS

    @property
    def _bot(self) -> User:
        return self._state.bot

    def _change(self, user: User, role: Role, *, by: User | None = None) -> None:
        with self._state.changed:
            change_role(self._state, self._chat, user, role, by=by or self._somebody)

    def _goes(self, person: Person, role: Role, *, by: User) -> Message:
        self.admits(person.user)
        self.members = tuple(member for member in self.members if member is not person)
        self._change(person.user, role, by=by)
        return self._post(by, "", extra={"left_chat_member": user_json(person.user)})

    def _mention(self, text: str, words: str) -> MessageEntity:
        before, found, _ = text.partition(words)
        if not found:
            raise ValueError(f"{words!r} is not in {text!r}")
        user = ApiUser(id=self._bot.id, is_bot=True, first_name=self._bot.first_name)
        span = {"offset": utf16_length(before), "length": utf16_length(words)}
        return MessageEntity(type="text_mention", user=user, **span)

    def _open_topic(self, name: str) -> int:
        """Let the creator open a topic; its number is that of the message that tells of it."""
        ids = self._chat.ids or count(GENERAL + 1)
        thread = next(ids)
        self._chat.ids = chain([thread], ids)
        self._chat.topics[thread] = name
        created = {"forum_topic_created": {"name": name, "icon_color": ICON_COLOUR}}
        return self._post(self._somebody, "", thread=thread, extra=created).id


class Topic(Room):
    """A topic of a forum as those who are in it see it; `id` is that of the chat."""

    def __init__(self, state: State, group: Group, thread: int) -> None:
        """Go into it."""
        super().__init__(state, state.chats[group.id])
        self.group = group
        self.thread = thread

    def says(
        self, person: Person, text: str, *, reply_to: Message | None = None, calling: str | None = None
    ) -> Message:
        """Let a member say something here."""
        return self.group.says(person, text, reply_to=reply_to, calling=calling, thread=self.thread)

    def admits(self, user: User) -> None:
        """Raise LookupError for somebody who is not in the group."""
        self.group.admits(user)

    def _messages(self) -> Iterable[Message]:
        return [each for each in super()._messages() if each.thread == self.thread]


def _new_chat(state: State, title: str, *, kind: str) -> Chat:
    """Make up an id, which says of what kind a chat is, and a row of message ids of its own where Telegram has one."""
    first = FIRST_GROUP_ID if kind == "group" else FIRST_SUPERGROUP_ID
    with state.changed:
        chat_id = next(number for number in count(first, -1) if number not in state.chats)
    return Chat(chat_id, kind=kind, title=title, ids=None if kind == "group" else count(1))
