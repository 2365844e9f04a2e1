"""What people asked is answered, whatever happens to the bot: processes are killed at random with questions queued."""

import random
import re
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest

from bot import words
from tests.botapi import BotApi, Person
from tests.conftest import until
from tests.served import Served, free_port, running, small_library

ASKED = "Which zeppelin{number}q lands here?"
"""The refusal names the word that no article has, so that it can be told which question it belongs to."""

HEARD = re.compile(r"zeppelin(\d+)q")


@pytest.mark.crash
@pytest.mark.parametrize("mode", ["polling", "webhook"])
@pytest.mark.parametrize(
    "kills, questions", [(4, 24), pytest.param(20, 50, marks=pytest.mark.nightly)], ids=["few", "many"]
)
def test_every_question_is_answered_once_or_twice_however_often_the_bot_is_killed(
    api: BotApi, tmp_path: Path, mode: str, kills: int, questions: int, request: pytest.FixtureRequest
) -> None:
    draw = random.Random(f"{request.config.getoption('--seed')} {mode}")
    small_library(tmp_path)
    served = Served(tmp_path, api.url, port=free_port())
    if mode == "webhook":
        served.extra["FOOTNOTE_TELEGRAM_WEBHOOK"] = f"http://127.0.0.1:{served.port}/telegram"
    people = [api.person(1_000 + n, f"P{n}") for n in range(questions // 3)]
    asked = Counter[int]()
    with running(served):
        for _ in range(kills):
            ask(people, asked, draw.randint(1, max(1, questions // kills)), draw)
            until(lambda: served.ready() or not served.process.is_alive(), seconds=30)
            ask(people, asked, draw.randint(0, max(1, questions // kills)), draw)
            time.sleep(draw.uniform(0, 0.4))
            served.kill()
            served.start()
        ask(people, asked, max(0, questions - asked.total()), draw)
        until(lambda: all(set(heard(person)) >= set(said(person)) for person in people), seconds=60)
        until(served.ready, seconds=30)
        assert served.end() == 0
    for person in people:
        answers = Counter(heard(person))
        assert set(answers) == set(said(person))
        assert max(answers.values(), default=1) <= 2, person.chat
        assert list(answers) == said(person), "the order of a chat"
    assert "Traceback" not in served.said
    assert "set aside" not in served.said


def ask(people: Sequence[Person], asked: Counter[int], count: int, draw: random.Random) -> None:
    """Let people ask questions, each of which nobody asked before."""
    for _ in range(count):
        draw.choice(people).says(ASKED.format(number=asked.total()))
        asked[asked.total()] += 1


def said(person: Person) -> list[int]:
    """Return the numbers of the questions that a person asked, in order."""
    return [int(HEARD.findall(message.text)[0]) for message in person.chat if not message.from_bot]


def heard(person: Person) -> list[int]:
    """Return the numbers of the questions that were answered, in order; a repeated answer says that it may be one."""
    numbers: list[int] = []
    for message in person.chat:
        if message.from_bot:
            (number,) = set(HEARD.findall(message.text))
            if int(number) in numbers:
                assert words.PERHAPS_AGAIN in message.text
            numbers.append(int(number))
    return numbers
