"""Who may ask in groups and inline: everybody, in every way, under every list of the settings, by the real bot.

`ASKS` says what is right, from the rules: in a group that is allowed every member may ask and press who is not blocked,
as themselves; inline may ask who may ask in private. Nobody else gets a word, but a button is always answered.
"""

from collections.abc import Callable, Iterator

import httpx
import pytest

from bot import words
from index.library import Library
from tests.barebot import Bot
from tests.botapi import BotApi, Group, Message, Person
from tests.conftest import WHEN, Serve
from tests.test_access import EACH_LIST, LISTS, Check, World, errors, idle, ids, told_in, wrong

NAME = "footnote_test_bot"
ANSWER = "1987"

# the list of the settings, and who: may they ask and press in a group, may they ask inline
ASKS: dict[tuple[str, str], tuple[bool, bool]] = {
    **{(lists, "admin"): (True, True) for lists in LISTS},
    **{(lists, "reader"): (True, True) for lists in LISTS},
    ("open to everyone", "outsider"): (True, True),
    ("private", "outsider"): (True, False),
    ("open but to some", "outsider"): (False, False),
    ("private but for some", "outsider"): (False, False),
}

WAYS: dict[str, Callable[[Group, Person, Message], Message]] = {
    "mention": lambda group, person, _: group.says(person, f"@{NAME} {WHEN}"),
    "link to the bot": lambda group, person, _: group.says(person, f"Footnote, {WHEN}", calling="Footnote"),
    "reply": lambda group, person, said: group.says(person, WHEN, reply_to=said),
    "/ask": lambda group, person, _: group.says(person, f"/ask {WHEN}"),
    "/ask by name": lambda group, person, _: group.says(person, f"/ask@{NAME} {WHEN}"),
}
ODD: dict[str, Callable[[Group, Message], Message]] = {
    "nameless, mention": lambda group, _: group.says_anonymously(f"@{NAME} {WHEN}"),
    "nameless, reply": lambda group, said: group.says_anonymously(WHEN, reply_to=said),
    "nameless, /ask": lambda group, _: group.says_anonymously(f"/ask@{NAME} {WHEN}"),
}


@pytest.fixture(scope="module")
def http() -> Iterator[httpx.Client]:
    with httpx.Client(trust_env=False, timeout=90) as http:
        yield http


def in_group(world: World, role: str, *, may_ask: bool, privacy: bool) -> Iterator[Check]:
    for way, ask in WAYS.items():
        person, owner = world.person(role), world.person("reader")
        group = world.group(owner, person, hears_all=not privacy)
        ask(group, person, world.shows(group.id))

        def seen(group: Group = group) -> object:
            _, *told = told_in(group)
            return len(told) == 1 and ANSWER in told[0] if told else None

        yield Check(f"{role}, {way}", True if may_ask else None, seen)


def nobody(world: World) -> Iterator[Check]:
    for name, ask in ODD.items():
        group = world.group(world.person("reader"))
        ask(group, world.shows(group.id))
        yield Check(name, ["Well?"], lambda group=group: told_in(group))
    robot, channel = world.person("robot"), world.api.channel("News")
    group = world.group(world.person("reader"), robot)
    group.says(robot, f"@{NAME} {WHEN}")
    group.says_as(channel, f"@{NAME} {WHEN}")
    yield Check("robot and channel", [], lambda: told_in(group))


def presses(world: World, role: str, *, may_press: bool) -> Check:
    """Let somebody press a button under an answer that another member got."""
    person, reader = world.person(role), world.person("reader")
    group = world.group(reader, person)
    said = group.says(reader, f"@{NAME} {WHEN}")
    reply = group.waits(lambda _: True, after=said, timeout=90)
    press = person.presses(reply, "👍")
    expected = (words.THANKS, False) if may_press else (words.NOT_ALLOWED, True)

    def seen() -> object:
        answer = press.answer()
        return answer.text, answer.show_alert

    return Check(f"{role} presses", expected, seen)


def inline(world: World, role: str, *, may_ask: bool) -> Check:
    query = world.person(role).asks_inline(WHEN)

    def seen() -> object:
        answer = query.answer(60)
        return any(ANSWER in result.text for result in answer.results), len(answer.results) > 0, answer.button

    return Check(f"{role} inline", (True, True, None) if may_ask else (False, False, words.PRIVATE_BUTTON), seen)


@pytest.mark.parametrize("lists", EACH_LIST)
def test_everybody_may_ask_where_they_may_and_nobody_else(
    api: BotApi, serve: Serve, shared: Library, http: httpx.Client, lists: str, caplog: pytest.LogCaptureFixture
) -> None:
    api.enable_inline()
    world = World(api, Bot(api, http), "")
    with serve(shared, telegram__admins=ids("admin"), delivery__burst=1_000, **LISTS[lists]) as bot:
        checked = list(nobody(world))
        for role in ("admin", "reader", "outsider"):
            in_groups, by_typing = ASKS[lists, role]
            checked += in_group(world, role, may_ask=in_groups, privacy=role == "reader")
            checked += [presses(world, role, may_press=in_groups), inline(world, role, may_ask=by_typing)]
        idle(api, bot)
        assert not wrong(checked), "\n".join(wrong(checked))
    assert errors(caplog) == []
