"""The journal: answers come back as they were, conversations hold together, and what is forgotten is gone."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from bot.store.inbox import FILE
from bot.store.journal import Journal, Reason, Vote, new_id
from bot.store.kept import UNASKED, Asked, Kept, Place, keep
from index.asking.followup import TURNS
from index.library import Library
from index.records import Answer
from index.truth.database import Database
from index.truth.ledger import digest_of
from tests.conftest import WHEN

BOT = 123_456_789
NOW = 1_000_000.0


@pytest.fixture(params=["sqlite", "postgresql"])
def database_of_the_bot(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Database]:
    where = tmp_path / FILE if request.param == "sqlite" else request.getfixturevalue("database")
    database = Database(where)
    yield database
    database.close()


@pytest.fixture
def journal(database_of_the_bot: Database) -> Journal:
    return Journal(database_of_the_bot, bot=BOT, now=lambda: NOW)


def asked(*, person: int = 8, message: int = 1, at: float = NOW, **more: object) -> Asked:
    return replace(Asked(chat=person, person=person, message=message, at=at), **more)  # type: ignore[arg-type]


def given(journal: Journal, answer: Answer, who: Asked, *, message: int = 0) -> Kept:
    kept = keep(new_id(), who, answer)
    journal.keep(kept)
    if message:
        journal.sent(kept.id, chat=kept.asked.chat, first=message, message=message, took=0.5)
    return kept


@pytest.fixture(scope="module")
def answer(shared: Library) -> Answer:
    return shared.ask(WHEN)


def test_an_answer_comes_back_with_its_words_and_where_they_stood(journal: Journal, answer: Answer) -> None:
    kept = given(journal, answer, asked(thread=4, language="ru"), message=12)
    again = journal.get(kept.id)
    assert again == replace(kept, first=12, message=12, took=0.5)
    (citation,) = again.answer.citations
    whole = answer.citations[0].article
    assert citation.quote == answer.citations[0].quote
    assert again.places[1] == Place(digest_of(whole), answer.citations[0].passage.start)
    assert again.answer.text == answer.text
    assert again.answer.judged[0].text == answer.judged[0].text


def test_a_refusal_comes_back_too(journal: Journal, shared: Library) -> None:
    kept = given(journal, shared.ask("Which zeppelin lands in Lindholm since last week?"), asked())
    again = journal.get(kept.id)
    assert again == kept
    assert not again.answer.answered
    assert "zeppelin" in again.answer.unknown_words
    assert [article.title for article in again.answer.nearest]


def test_a_conversation_goes_back_through_what_each_question_followed(journal: Journal, answer: Answer) -> None:
    parent = ""
    for number in range(1, TURNS + 3):
        one = replace(answer, question=f"Question {number}?")
        parent = given(
            journal, one, asked(message=number, at=NOW - 50 + number, parent=parent), message=100 + number
        ).id
    last, turns = journal.conversation(asked(), within=900)
    assert last == parent
    assert [turn.question for turn in turns] == [f"Question {n}?" for n in range(3, TURNS + 3)]


def test_what_is_old_or_before_new_or_somebody_elses_or_of_another_topic_is_followed_only_by_a_reply(
    journal: Journal, answer: Answer
) -> None:
    first = given(journal, answer, asked(message=9, at=NOW - 100), message=12)
    assert journal.conversation(asked(), within=900)[0] == first.id
    assert journal.conversation(asked(), within=99) == ("", [])
    assert journal.conversation(asked(person=9, chat=8), within=900) == ("", [])
    assert journal.conversation(asked(thread=5), within=900) == ("", [])
    assert journal.conversation(asked(chat=-5), within=900) == ("", [])
    journal.begin_afresh(8, thread=0, person=8)
    assert journal.conversation(asked(), within=900) == ("", [])
    assert journal.conversation(asked(), within=0, reply_to=12)[0] == first.id
    assert journal.conversation(asked(), within=0, reply_to=9)[0] == first.id  # their own question
    assert journal.conversation(asked(chat=-5), within=0, reply_to=12) == ("", [])


def test_a_question_that_is_worked_on_again_does_not_follow_itself(journal: Journal, answer: Answer) -> None:
    first = given(journal, answer, asked(at=NOW - 100), message=12)
    given(journal, answer, asked(message=2, at=NOW - 50, parent=first.id), message=14)
    assert journal.conversation(asked(message=2), within=900)[0] == first.id


def test_what_was_written_down_and_not_shown_is_begun_and_no_figure(journal: Journal, answer: Answer) -> None:
    assert journal.begun(asked()) is None
    kept = given(journal, answer, asked())
    assert journal.begun(asked()) == kept
    assert journal.past(since=0) == []
    journal.sent(kept.id, chat=kept.asked.chat, first=12, message=12, took=0.5)
    assert journal.begun(asked()) is None
    assert [past.id for past in journal.past(since=0)] == [kept.id]


def test_an_answer_nobody_has_seen_is_no_part_of_a_conversation(journal: Journal, answer: Answer) -> None:
    given(journal, answer, asked(at=NOW - 100))
    assert journal.conversation(asked(), within=900) == ("", [])


def test_what_a_watch_brought_was_not_asked_and_is_followed_only_by_a_reply(journal: Journal, answer: Answer) -> None:
    kept = keep(new_id(), asked(message=UNASKED), answer, watch="00112233445566ff")
    journal.keep(kept)
    journal.sent(kept.id, chat=kept.asked.chat, first=30, message=30, took=0.0)
    assert journal.get(kept.id) == replace(kept, first=30, message=30)
    assert journal.past(since=0.0) == []
    assert journal.conversation(asked(message=31), within=900)[0] == ""
    assert journal.conversation(asked(message=31), within=900, reply_to=30)[0] == kept.id
    assert journal.count(8)["questions"] == 1


def test_the_language_somebody_asked_in_last_is_known(journal: Journal, answer: Answer) -> None:
    given(journal, answer, asked(at=NOW - 9, language="en"))
    given(journal, answer, asked(at=NOW - 5, language="ru", message=2))
    given(journal, answer, asked(person=9, at=NOW - 1, language="de", message=3))
    assert [journal.language(person) for person in (8, 9, 10)] == ["ru", "de", ""]


def test_the_last_thing_somebody_thinks_of_an_answer_counts(journal: Journal, answer: Answer) -> None:
    kept = given(journal, answer, asked(), message=12)
    journal.vote(kept.id, 8, Vote(good=True))
    journal.vote(kept.id, 9, Vote(good=False))
    journal.vote(kept.id, 9, Vote(good=False, reason=Reason.OUTDATED))
    assert journal.vote_of(kept.id, 8) == Vote(good=True)
    assert journal.vote_of(kept.id, 10) is None
    (past,) = journal.past(since=NOW)
    assert (past.up, past.down, past.reasons, past.took) == (1, 1, (Reason.OUTDATED,), 0.5)
    assert journal.past(since=NOW + 1) == []
    journal.keep(replace(kept, answer=answer), afresh=True)
    assert journal.vote_of(kept.id, 8) is None


def test_forgetting_somebody_leaves_the_others_alone(journal: Journal, answer: Answer) -> None:
    hers, his = given(journal, answer, asked(), message=12), given(journal, answer, asked(person=9), message=13)
    for kept in (hers, his):
        journal.vote(kept.id, 8, Vote(good=True))
        journal.vote(kept.id, 9, Vote(good=True))
    assert journal.count(8) == {"questions": 1, "votes": 2}
    assert journal.forget(8) == {"questions": 1, "votes": 2}
    assert journal.count(8) == {"questions": 0, "votes": 0}
    assert journal.get(hers.id) is None
    assert journal.vote_of(hers.id, 9) is None  # of what is not there
    assert journal.get(his.id) is not None
    assert journal.vote_of(his.id, 9) == Vote(good=True)


def test_what_is_older_than_it_may_be_kept_is_forgotten(journal: Journal, answer: Answer) -> None:
    old, new = given(journal, answer, asked(at=NOW - 101)), given(journal, answer, asked(at=NOW - 99))
    journal.vote(old.id, 8, Vote(good=True))
    assert journal.prune(keep=100) == 1
    assert journal.get(old.id) is None
    assert journal.vote_of(old.id, 8) is None
    assert journal.get(new.id) is not None


def test_bots_that_share_a_database_see_nothing_of_each_other(
    journal: Journal, database_of_the_bot: Database, answer: Answer
) -> None:
    other = Journal(database_of_the_bot, bot=BOT + 1, now=lambda: NOW)
    kept = given(journal, answer, asked(), message=12)
    assert other.get(kept.id) is None
    assert other.past(since=0) == []
    assert other.shown_in(8, 12) is None
    assert other.forget(8) == {"questions": 0, "votes": 0}
    assert journal.get(kept.id) is not None
