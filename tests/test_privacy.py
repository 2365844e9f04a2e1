"""What is asked in a private chat stays there: a long mixed scenario, all of which the bot ever said elsewhere is read.

Words that stand in no article mark what was asked where. The bot repeats them where it may, so that their absence
elsewhere says something: a refusal names the words that no article has, and "Why" repeats the question.
"""

from dataclasses import dataclass, field
from typing import Any

from bot import words
from index.library import Library
from tests.botapi import BotApi, Group, Message, Person, Press, Topic
from tests.conftest import GUEST, WHEN, Serve, until
from tests.test_answers import PACED

NAME = "footnote_test_bot"
PRIVATE, OURS, THEIRS, TYPED = "qorvexal", "grolnix", "blenthor", "wuzzip"


@dataclass
class Heard:
    """Everything that anybody hears of the bot outside of private chats."""

    rooms: list[Group | Topic]
    offered: list[str] = field(default_factory=list)
    popped: list[str] = field(default_factory=list)

    def everything(self) -> str:
        said = [
            f"{message.html} {[button for row in message.buttons for button in row]}"
            for room in self.rooms
            for message in room.chat
            if message.from_bot
        ]
        return "\n".join([*said, *self.offered, *self.popped]).lower()

    def pops(self, press: Press) -> None:
        self.popped.append(press.answer().text)

    def offers(self, person: Person, text: str) -> None:
        answer = person.asks_inline(text).answer(60)
        self.offered += [f"{one.title} {one.description} {one.html}" for one in answer.results]
        self.offered.append(answer.button or "")


def asks(room: Person | Group | Topic, person: Person, text: str, **how: Any) -> Message:
    said = person.says(text, **how) if isinstance(room, Person) else room.says(person, text, **how)
    return room.waits(lambda _: True, after=said, timeout=90)


def opens(person: Person, link: str) -> str:
    said = person.opens(link)
    return person.waits(lambda _: True, after=said, timeout=90).text


def data(message: Message, label: str) -> str:
    return next(button.data or button.url or "" for row in message.buttons for button in row if button.label == label)


def number(message: Message) -> str:
    return data(message, "👍").split(":")[1]


def test_no_word_of_what_was_asked_in_private_is_heard_anywhere_else(
    api: BotApi, serve: Serve, shared: Library, anna: Person
) -> None:
    api.enable_inline()
    bela = api.person(GUEST, "Béla")
    ours, theirs = api.group("Ours", anna, bela), api.group("Theirs", anna, bela, forum=True)
    topic = theirs.topic("Ports")
    heard = Heard([ours, theirs, topic])
    with serve(shared, limits=PACED):
        mine = asks(anna, anna, f"{WHEN} By whom, {PRIVATE}?")
        refused = asks(anna, anna, f"Who owns the {PRIVATE} of Lindholm?")
        asks(bela, bela, f"What does {PRIVATE} cost in the bakery Morgenrot?")
        assert PRIVATE in refused.text
        here = asks(ours, anna, f"@{NAME} {WHEN}")
        asks(ours, anna, f"@{NAME} And who uses it since then?")
        asks(ours, bela, "And who wants to turn it into flats?", reply_to=here)
        asks(ours, bela, f"/ask Who owns the {OURS} of Lindholm?")
        asks(topic, bela, f"@{NAME} Who owns the {THEIRS} of Lindholm?")
        for text in (WHEN, "Who owns it?", "And who uses it since then?", f"Who owns the {TYPED} of Lindholm?"):
            heard.offers(anna, text)
            heard.offers(bela, text)
    with serve(shared, limits=PACED):  # all that was said is in the journal
        asks(topic, anna, f"@{NAME} And why?")
        asks(ours, bela, f"@{NAME} And why?")
        heard.offers(anna, "And why?")
        own = asks(ours, bela, f"@{NAME} Who owns the {OURS} of Lindholm?")
        other = asks(topic, bela, f"@{NAME} Who owns the {THEIRS} of Lindholm?")
        for sent in (data(refused, "Why"), data(mine, "1"), f"b:{number(refused)}", f"v:{number(refused)}:u"):
            heard.pops(bela.presses_data(own, sent))
            heard.pops(anna.presses_data(other, sent))
        heard.pops(anna.presses(own, "👎"))
        heard.pops(anna.presses(ours.waits(lambda m: words.BACK_BUTTON in m.labels), words.BACK_BUTTON))
        ours.waits(lambda m: m.id == own.id and "👎" in m.labels)

        why = opens(bela, data(own, "Why"))
        assert OURS in why
        assert not any(word in why for word in (PRIVATE, THEIRS))
        why = opens(anna, data(other, "Why"))
        assert THEIRS in why
        assert not any(word in why for word in (PRIVATE, OURS))
        assert opens(bela, f"w_{number(refused)}") == words.ANSWER_FORGOTTEN
        assert opens(bela, f"e_{number(mine)}_1") == words.ANSWER_FORGOTTEN
        assert PRIVATE in opens(anna, f"w_{number(refused)}")
        until(lambda: api.waiting == 0)
    said = heard.everything()
    assert all(word in said for word in (OURS, THEIRS, TYPED))
    assert PRIVATE not in said
    assert not any(
        OURS in message.html.lower() for room in (theirs, topic) for message in room.chat if message.from_bot
    )
    assert not any(THEIRS in message.html.lower() for message in ours.chat if message.from_bot)
