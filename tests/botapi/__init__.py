"""A Bot API server for tests: real HTTP on loopback, Telegram's own text parser, people who talk to the bot.

Knows nothing of the bot under test.
"""

from tests.botapi.asking import Asked
from tests.botapi.formatting import Entity
from tests.botapi.groups import Channel, Group, Topic
from tests.botapi.keyboard import Button
from tests.botapi.people import Person
from tests.botapi.rates import Limits
from tests.botapi.records import Broken, Call, CallbackAnswer, Delivery, InlineResult, Message, Refused, Role, User
from tests.botapi.rooms import Press
from tests.botapi.server import BotApi
from tests.botapi.webhook import Patience

__all__ = [
    "Asked",
    "BotApi",
    "Broken",
    "Button",
    "Call",
    "CallbackAnswer",
    "Channel",
    "Delivery",
    "Entity",
    "Group",
    "InlineResult",
    "Limits",
    "Message",
    "Patience",
    "Person",
    "Press",
    "Refused",
    "Role",
    "Topic",
    "User",
]
