"""People: an invitation admits as often as it says and not once more, and every bot hears of every change."""

import re
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from bot.store.inbox import FILE
from bot.store.people import FRESH, KEEP_ENDED, Guest, Invitation, Opened, Outcast, People
from index.truth.database import Database

BOT = 123_456_789
ADMIN = 7
DAY = 86_400.0

Open = Callable[..., People]


class Clock:
    """Seconds since 1970, as a test likes."""

    def __init__(self) -> None:
        self.now = 1_000_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=["sqlite", "postgresql"])
def where(tmp_path: Path, request: pytest.FixtureRequest) -> Path | str:
    address: str = "" if request.param == "sqlite" else request.getfixturevalue("database")
    return address or tmp_path / FILE


@pytest.fixture
def open_people(where: Path | str, clock: Clock) -> Iterator[Open]:
    """Open the one list of people, as a bot would, any number of times."""
    made: list[Database] = []

    def opened(*, bot: int = BOT) -> People:
        made.append(Database(where))
        return People(made[-1], bot=bot, now=clock)

    yield opened
    for database in made:
        database.close()


@pytest.fixture
def people(open_people: Open) -> People:
    return open_people()


def invite(people: People, *, times: int | None = 1, days: float = 7, label: str = "") -> tuple[str, Invitation]:
    return people.invite(by=ADMIN, label=label, times=times, seconds=days * DAY)


def opens(people: People, token: str, person: int) -> Opened:
    return people.open(token, person=person, name=f"Person {person}", language="ru")


def test_an_invitation_admits_once_by_default_and_as_often_as_it_says(people: People) -> None:
    once, _ = invite(people)
    assert [opens(people, once, person) for person in (11, 12)] == [Opened.ADMITTED, Opened.USED_UP]
    twice, _ = invite(people, times=2)
    assert [opens(people, twice, p) for p in (13, 14, 15)] == [Opened.ADMITTED, Opened.ADMITTED, Opened.USED_UP]
    many, _ = invite(people, times=None)
    assert {opens(people, many, person) for person in range(20, 30)} == {Opened.ADMITTED}
    assert people.known.admitted == {11, 13, 14, *range(20, 30)}


def test_an_invitation_ends_when_its_time_is_over_or_it_is_revoked(people: People, clock: Clock) -> None:
    token, _ = invite(people, days=1)
    clock.now += DAY
    assert opens(people, token, 11) is Opened.EXPIRED
    token, made = invite(people)
    assert people.invitation(made.id) == made
    assert people.revoke(made.id)
    assert people.invitation(made.id) is None
    assert not people.revoke(made.id)
    assert opens(people, token, 11) is Opened.REVOKED
    assert opens(people, "A" * 32, 11) is Opened.UNKNOWN
    assert not people.known.admitted


def test_whoever_is_in_already_does_not_use_an_invitation_up_and_whoever_is_blocked_stays_so(people: People) -> None:
    first, _ = invite(people)
    second, made = invite(people)
    assert opens(people, first, 11) is Opened.ADMITTED
    assert opens(people, first, 11) is Opened.ALREADY
    assert opens(people, second, 11) is Opened.ALREADY
    assert people.block(12, by=ADMIN)
    assert opens(people, second, 12) is Opened.BLOCKED
    assert people.invitation(made.id) == made
    assert 12 not in people.known.admitted


def test_of_many_who_open_it_at_once_as_many_are_admitted_as_it_says(open_people: Open) -> None:
    bots = [open_people() for _ in range(4)]
    token, _ = invite(bots[0], times=2)
    start = threading.Barrier(8)
    came: list[Opened] = []

    def open_at_once(person: int) -> None:
        start.wait(10)
        came.append(opens(bots[person % 4], token, person))

    threads = [threading.Thread(target=open_at_once, args=(person,)) for person in range(1, 9)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(each.value for each in came) == ["admitted"] * 2 + ["used up"] * 6
    bots[0].keep_up(at_once=True)
    assert len(bots[0].known.admitted) == 2


def test_one_person_who_opens_it_in_several_bots_at_once_uses_it_once(open_people: Open) -> None:
    bots = [open_people() for _ in range(4)]
    token, made = invite(bots[0], times=5)
    start = threading.Barrier(4)
    came: list[Opened] = []

    def open_at_once(people: People) -> None:
        start.wait(10)
        came.append(opens(people, token, 11))

    threads = [threading.Thread(target=open_at_once, args=(people,)) for people in bots]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(each.value for each in came) == ["admitted"] + ["already"] * 3
    left = bots[0].invitation(made.id)
    assert left is not None
    assert left.remains == 4


def test_the_token_is_long_fits_a_deep_link_and_is_written_down_nowhere(people: People, where: Path | str) -> None:
    tokens = [invite(people, label="The museum")[0] for _ in range(20)]
    assert len(set(tokens)) == 20
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{22,62}", token) for token in tokens)
    database = Database(where)
    with database.reading() as db:
        names = sa.inspect(db).get_table_names()
        stored = "".join(str(db.exec_driver_sql(f"SELECT * FROM {name}").all()) for name in names)  # noqa: S608
    database.close()
    assert "The museum" in stored
    assert not [token for token in tokens if token in stored]


def test_whoever_is_blocked_and_then_is_not_is_what_they_were_before(people: People) -> None:
    token, _ = invite(people)
    opens(people, token, 11)
    assert [people.block(person, by=ADMIN) for person in (11, 99, 11)] == [True, True, False]
    assert people.known.blocked == {11, 99}
    assert [people.unblock(person) for person in (11, 11, 99)] == [True, False, True]
    assert (people.known.blocked, people.known.admitted) == (set(), {11})


def test_one_list_pages_through_invitations_people_and_the_blocked(people: People, clock: Clock) -> None:
    token, made = invite(people, times=None, label="Readers")
    for person in (11, 12, 13):
        clock.now += 1
        opens(people, token, person)
    people.block(12, by=ADMIN)
    people.block(99, by=ADMIN)
    invite(people, days=1 / DAY)
    clock.now += 2
    page = people.page(limit=10)
    assert (page.invitations, page.guests, page.outcasts, page.total) == (1, 2, 2, 5)
    assert page.entries == [
        made,
        Guest(13, "Person 13", "Readers", clock.now - 2),
        Guest(11, "Person 11", "Readers", clock.now - 4),
        Outcast(12, "Person 12", ADMIN, clock.now - 2),
        Outcast(99, "", ADMIN, clock.now - 2),
    ]
    for limit in (1, 2, 3):
        pages = [people.page(limit=limit, offset=offset) for offset in range(0, 5, limit)]
        assert [entry for each in pages for entry in each.entries] == page.entries
        assert {each.total for each in pages} == {5}
    assert people.page(limit=3, offset=9).entries == []


def test_a_change_is_known_here_at_once_and_elsewhere_after_a_look(open_people: Open) -> None:
    here, there, another = open_people(), open_people(), open_people(bot=2)
    token, _ = invite(here)
    opens(here, token, 11)
    here.block(12, by=ADMIN)
    here.move(-5, -1_005)
    assert (here.known.admitted, here.known.blocked, here.known.moved) == ({11}, {12}, {-1_005: -5})
    assert there.known.admitted == set()
    there.keep_up()
    assert there.known.admitted == set(), "it was looked at a moment ago"
    there.keep_up(at_once=True)
    assert there.known == here.known
    assert open_people().known == here.known
    another.keep_up(at_once=True)
    assert another.known.number == 0
    assert opens(another, token, 13) is Opened.UNKNOWN


def test_only_a_copy_that_others_may_have_overtaken_grows_stale(
    people: People, open_people: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not people.stale
    other = open_people()
    other.block(12, by=ADMIN)
    later = people._looked + FRESH + 0.1
    monkeypatch.setattr("bot.store.people.time.monotonic", lambda: later)
    assert people.stale == people.shared
    people.keep_up()
    assert (12 in people.known.blocked) == people.shared
    assert not people.stale


def test_an_unchanged_list_is_not_read_again(people: People) -> None:
    people.block(12, by=ADMIN)
    known = people.known
    people.keep_up(at_once=True)
    assert people.known is known


def test_an_invitation_that_ended_long_ago_is_forgotten(people: People, clock: Clock) -> None:
    token, _ = invite(people, days=1)
    clock.now += DAY + KEEP_ENDED - 1
    invite(people)
    assert opens(people, token, 11) is Opened.EXPIRED
    clock.now += 2
    invite(people)
    assert opens(people, token, 11) is Opened.UNKNOWN


def test_what_is_forgotten_of_a_person_is_their_name_and_not_that_they_may_ask(people: People) -> None:
    token, _ = invite(people)
    opens(people, token, 11)
    assert (people.count(11), people.count(12)) == (1, 0)
    assert people.name(11) == "Person 11"
    assert people.forget(11) == 1
    assert (people.count(11), people.forget(11), people.name(11)) == (0, 0, "")
    assert people.known.admitted == {11}
