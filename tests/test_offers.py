"""What waits for an admin: gathered by chat, kept as it was sent, bounded, settled once."""

from pathlib import Path

import pytest

from bot.store import offers as module
from bot.store.offers import Offers, Piece, State
from index.articles.acquire import Sent
from index.articles.holdings import Content, Kind
from index.truth.database import Database

PERSON, CHAT = 7, 7


class Clock:
    now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def offers(tmp_path: Path, clock: Clock) -> Offers:
    database = Database(tmp_path / "journal.sqlite", holds="offers", remedy="move it away", together=True)
    return Offers(database, bot=1, now=clock)


def piece(message: int, data: bytes = b"x", part: int = 0) -> Piece:
    content = Content(data, "mill.txt", url="https://a.example/mill", etag='"1"', modified="then")
    return Piece("mill.txt", Sent("added:mill.txt", Kind.FILE, content), message, part)


def test_what_comes_to_a_chat_is_one_offer_until_it_is_read(offers: Offers) -> None:
    first = offers.gather(PERSON, CHAT, [piece(1)])
    failed = Piece("big.pdf", None, 2, reason="is larger than 20 MB")
    assert offers.gather(PERSON, CHAT, [failed]) == first
    assert list(offers.pieces(first.id)) == [piece(1), failed]
    assert offers.gather(PERSON, 8, [piece(3)]).id != first.id
    assert offers.gather(PERSON, CHAT, [piece(4)], apart=True).id != first.id
    assert offers.move(first.id, [State.GATHERING], State.READING)
    assert offers.gather(PERSON, CHAT, [piece(5)]).id != first.id


def test_a_message_that_comes_again_changes_nothing(offers: Offers) -> None:
    first = offers.gather(PERSON, CHAT, [piece(1)])
    offers.move(first.id, [State.GATHERING], State.SHOWN)
    assert offers.gather(PERSON, CHAT, [piece(1)]).state is State.SHOWN
    assert list(offers.pieces(first.id)) == [piece(1)]
    assert offers.count(PERSON) == 1


def test_an_offer_moves_once_and_is_dropped_once(offers: Offers) -> None:
    id_ = offers.gather(PERSON, CHAT, [piece(1)]).id
    assert offers.move(id_, [State.GATHERING], State.SHOWN)
    assert [offers.move(id_, [State.SHOWN], State.KEEPING) for _ in range(2)] == [True, False]
    assert [offers.drop(id_) for _ in range(2)] == [True, False]
    assert (offers.get(id_), list(offers.pieces(id_))) == (None, [])


def test_what_the_bot_owes_is_known_and_what_an_admin_owes_is_not(offers: Offers, clock: Clock) -> None:
    gathered = offers.gather(PERSON, CHAT, [piece(1)])
    shown = offers.gather(PERSON, 8, [piece(2)])
    offers.move(shown.id, [State.GATHERING], State.SHOWN)
    assert [one.id for one in offers.unfinished(for_seconds=0)] == [gathered.id]
    assert offers.unfinished(for_seconds=20) == []
    clock.now += 20
    assert [one.id for one in offers.unfinished(for_seconds=20)] == [gathered.id]


def test_what_waited_for_a_week_is_swept(offers: Offers, clock: Clock) -> None:
    old = offers.gather(PERSON, CHAT, [piece(1)])
    clock.now += module.AGE + 1
    offers.gather(PERSON, 8, [piece(2)])
    assert offers.get(old.id) is None
    assert list(offers.pieces(old.id)) == []


def test_what_waited_for_a_week_is_not_to_be_had_and_goes_though_nothing_more_is_sent(
    offers: Offers, clock: Clock
) -> None:
    old = offers.gather(PERSON, CHAT, [piece(1)])
    clock.now += module.AGE + 1
    assert offers.get(old.id) is None
    assert offers.count(PERSON) == 1
    offers.sweep()
    assert (offers.count(PERSON), list(offers.pieces(old.id))) == (0, [])


def test_an_offer_takes_no_more_once_it_is_heavy(offers: Offers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "HEAVY", 20)
    ids = [offers.gather(PERSON, CHAT, [piece(n, b"x" * 10)]).id for n in range(3)]
    assert ids[0] == ids[1] != ids[2]


def test_pieces_are_read_one_by_one(offers: Offers) -> None:
    id_ = offers.gather(PERSON, CHAT, [piece(1), piece(1, part=1), piece(2)]).id
    some = offers.pieces(id_)
    assert next(some) == piece(1)
    offers.leave_out(id_, [piece(1, part=1)])  # what was read ahead would still be there
    assert list(some) == [piece(2)]


def test_the_oldest_go_where_there_are_too_many_or_too_many_bytes_but_never_the_newest(
    offers: Offers, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST", 3)
    monkeypatch.setattr(module, "ROOM", 100)
    made = []
    for n in range(4):
        clock.now += 1
        made.append(offers.gather(PERSON, n, [piece(n, b"x" * 10)]).id)
    assert [offers.get(id_) is not None for id_ in made] == [False, True, True, True]
    clock.now += 1
    large = offers.gather(PERSON, 9, [piece(9, b"x" * 200)]).id
    assert [offers.get(id_) is not None for id_ in (*made, large)] == [False, False, False, False, True]


def test_one_message_names_no_more_than_there_is_room_for(offers: Offers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PIECES", 2)
    ids = [offers.gather(PERSON, CHAT, [piece(n)]).id for n in range(3)]
    assert ids[0] == ids[1] != ids[2]


def test_a_person_can_have_theirs_forgotten(offers: Offers) -> None:
    offers.gather(PERSON, CHAT, [piece(1)])
    other = offers.gather(8, 8, [piece(2)])
    assert (offers.count(PERSON), offers.forget(PERSON), offers.count(PERSON)) == (1, 1, 0)
    assert offers.get(other.id) is not None
