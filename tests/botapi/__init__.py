"""A Bot API server for tests: real HTTP on loopback, Telegram's own text parser, people who talk to the bot.

Knows nothing of the bot under test.
"""

from tests.botapi.formatting import Entity
from tests.botapi.groups import Channel, Group
from tests.botapi.keyboard import Button
from tests.botapi.people import Person
from tests.botapi.rates import Limits
from tests.botapi.rooms import Press
from tests.botapi.server import BotApi
from tests.botapi.state import Broken, Call, CallbackAnswer, Delivery, Message, Refused, User
from tests.botapi.webhook import Patience

__all__ = [
    "BotApi",
    "Broken",
    "Button",
    "Call",
    "CallbackAnswer",
    "Channel",
    "Delivery",
    "Entity",
    "Group",
    "Limits",
    "Message",
    "Patience",
    "Person",
    "Press",
    "Refused",
    "User",
]
