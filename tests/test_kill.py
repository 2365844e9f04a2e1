"""What people asked is answered, whatever happens to the bot: processes are killed at random with questions queued."""

import random
import re
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import pytest

from bot import words
from tests.balancer import balancer
from tests.botapi import BotApi, Person
from tests.collection import put
from tests.conftest import ADMIN, answered, reindexes, until
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
            until(lambda: served.ready() or not served.process.is_alive(), seconds=120)
            ask(people, asked, draw.randint(0, max(1, questions // kills)), draw)
            time.sleep(draw.uniform(0, 0.4))
            served.kill()
            served.start()
        ask(people, asked, max(0, questions - asked.total()), draw)
        until(lambda: all(set(heard(person)) >= set(said(person)) for person in people), seconds=120)
        until(served.ready, seconds=120)
        assert served.end() == 0
    check(people)
    assert "Traceback" not in served.said
    assert "given up" not in served.said


@pytest.fixture
def bots(api: BotApi, tmp_path: Path, database: str, server: str) -> list[Served]:
    """Two bots on one database and one Chroma server, not started yet, with a few articles."""
    small_library(tmp_path, data="one", database=database, url=server)
    extra = {"FOOTNOTE_DATABASE_URL": database, "FOOTNOTE_STORE_URL": server}
    return [Served(tmp_path, api.url, port=free_port(), data=name, extra={**extra}) for name in ("one", "other")]


@pytest.mark.crash
@pytest.mark.parametrize(
    "kills, questions", [(3, 18), pytest.param(20, 50, marks=pytest.mark.nightly)], ids=["few", "many"]
)
def test_two_bots_that_share_a_database_answer_every_question_in_order_however_often_one_is_killed(
    api: BotApi, bots: list[Served], kills: int, questions: int, request: pytest.FixtureRequest
) -> None:
    draw = random.Random(f"{request.config.getoption('--seed')} replicas")
    people = [api.person(1_000 + n, f"P{n}") for n in range(questions // 3)]
    asked = Counter[int]()
    with ExitStack() as stack:
        address = stack.enter_context(balancer([bot.port for bot in bots]))
        for bot in bots:
            bot.extra["FOOTNOTE_TELEGRAM_WEBHOOK"] = f"{address}/telegram"
            stack.enter_context(running(bot))
        until(lambda: all(bot.ready() for bot in bots))
        for _ in range(kills):
            ask(people, asked, draw.randint(1, max(1, 2 * questions // kills)), draw)
            time.sleep(draw.uniform(0, 0.3))
            victim = draw.choice(bots)
            victim.kill()
            time.sleep(draw.uniform(0, 0.5))
            victim.start()
        ask(people, asked, max(0, questions - asked.total()), draw)
        until(lambda: all(set(heard(person)) >= set(said(person)) for person in people), seconds=90)
        until(lambda: all(bot.ready() for bot in bots))
        assert [bot.end() for bot in bots] == [0, 0]
    check(people)
    for bot in bots:
        assert "Traceback" not in bot.said


@pytest.mark.slow
def test_one_of_two_bots_reindexes_and_both_serve_the_new_articles_within_seconds(
    api: BotApi, tmp_path: Path, bots: list[Served]
) -> None:
    boss = api.person(ADMIN, "Boss")
    with balancer([bot.port for bot in bots]) as address:
        for bot in bots:
            bot.extra["FOOTNOTE_TELEGRAM_WEBHOOK"] = f"{address}/telegram"
            bot.extra["FOOTNOTE_TELEGRAM_ADMINS"] = str(ADMIN)
            bot.extra["FOOTNOTE_LIBRARY_ARTICLES"] = str(tmp_path / "articles")
        with running(bots[0]), running(bots[1]):
            until(lambda: [bot.metric("footnote_revision") for bot in bots] == [1.0, 1.0])
            put(tmp_path / "articles", {f"a{n}": 2 for n in range(6)})
            reindexes(boss)
            boss.waits(lambda m: m.text.startswith("Done in"), timeout=60)
            until(lambda: [bot.metric("footnote_revision") for bot in bots] == [2.0, 2.0], seconds=10)
            for _ in range(6):  # whichever of them is asked
                assert "a3v2" in answered(boss, "What does a passage of a3v2 tell of?").text
            shares = [bot.metric('footnote_updates_total{outcome="done"}') for bot in bots]
            assert sum(shares) >= 7


def check(people: Sequence[Person]) -> None:
    """Every question was answered once or twice, in the order of its chat."""
    for person in people:
        answers = Counter(heard(person))
        assert set(answers) == set(said(person))
        assert max(answers.values(), default=1) <= 2, person.chat
        assert list(answers) == said(person), "the order of a chat"


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
