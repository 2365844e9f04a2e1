"""Feedback as labelled cases: what becomes of each opinion, and what an evaluation makes of the file."""

import itertools
import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bot.desk.export import FILE, Exported, export
from bot.store.journal import Journal, Reason, Vote
from bot.store.kept import Asked, keep
from index.library import Library
from index.quality import evaluate
from index.reading.parsers import Limits
from index.records import Turn
from index.truth.database import Database
from tests.conftest import WHEN

UNKNOWN = "Who won the chess championship of 1931?"
GOOD, BAD = Vote(good=True), Vote(good=False)
WRONG, OLD, ANSWER, REFUSE = (Vote(good=False, reason=reason) for reason in Reason if reason)
HELD = "The old harbour of Lindholm was closed to cargo ships in 1987."
EVIDENCE = [{"doc_id": "harbour.md", "quote": HELD}]


@pytest.fixture(params=["file", "server"])
def where(request: pytest.FixtureRequest, tmp_path: Path) -> Path | str:
    return tmp_path / "bot.sqlite" if request.param == "file" else str(request.getfixturevalue("database"))


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    database = Database(tmp_path / "bot.sqlite")
    yield Journal(database, bot=1)
    database.close()


def given(journal: Journal, library: Library, question: str, *votes: Vote, at: float = 0.0, parent: str = "") -> str:
    """Answer a question and let people say what they think; return the id of the answer."""
    id_ = f"{next(_NUMBERS):016x}"
    turns = journal.turns(parent) if parent else []
    journal.keep(keep(id_, Asked(5_550_123, 5_550_123, 1, at, parent=parent), library.ask(question, turns)))
    for person, vote in enumerate(votes, start=777_001):
        journal.vote(id_, person, vote)
    return id_


_NUMBERS = itertools.count(1)


def cases(exported: Exported) -> list[dict[str, Any]]:
    return [json.loads(line) for line in exported.data.decode().splitlines()]


def one(journal: Journal) -> dict[str, Any]:
    (case,) = cases(export(journal.feedback(since=0)))
    return case


def test_the_journal_finds_what_people_thought_something_of(where: Path | str, shared: Library) -> None:
    database = Database(where)
    journal, other = (Journal(database, bot=bot) for bot in (1, 2))
    old = given(journal, shared, WHEN, GOOD, at=50)
    first = given(journal, shared, WHEN, GOOD, OLD, at=200)
    given(journal, shared, WHEN, at=250)
    second = given(journal, shared, "What would the work there cost?", WRONG, at=100, parent=old)
    given(other, shared, WHEN, GOOD, at=200)
    found = journal.feedback(since=100)
    assert [(one.kept.id, sorted(one.votes, key=str), one.before) for one in found] == [
        (second, [WRONG], (Turn(WHEN, shared.ask(WHEN).text),)),
        (first, sorted([GOOD, OLD], key=str), ()),
    ]
    assert [len(one.votes) for one in journal.feedback(since=0)] == [1, 1, 2]
    database.close()


@pytest.mark.parametrize(
    "question, votes, label, todo",
    [
        (WHEN, [GOOD], {"answerable": True, "answers": [HELD], "evidence": EVIDENCE}, ""),
        (WHEN, [REFUSE], {"answerable": False, "answers": [], "evidence": []}, ""),
        (WHEN, [WRONG], {"answerable": True, "answers": [], "evidence": []}, "The source was wrong"),
        (WHEN, [OLD], {"answerable": True, "answers": [], "evidence": []}, "The answer was outdated"),
        (UNKNOWN, [ANSWER], {"answerable": True, "answers": [], "evidence": []}, "This was refused"),
        (UNKNOWN, [OLD], {"answerable": True, "answers": [], "evidence": []}, "The answer was outdated"),
        (UNKNOWN, [GOOD], {"answerable": False, "answers": [], "evidence": []}, ""),
        (WHEN, [GOOD, GOOD, REFUSE], {"answerable": True, "answers": [HELD], "evidence": EVIDENCE}, ""),
        (WHEN, [GOOD, REFUSE], {"answerable": False, "answers": [], "evidence": []}, ""),
        (WHEN, [GOOD, WRONG, REFUSE, REFUSE, BAD], {"answerable": False, "answers": [], "evidence": []}, ""),
    ],
)
def test_each_opinion_is_a_label_and_what_somebody_has_to_add_is_said(
    journal: Journal, shared: Library, question: str, votes: list[Vote], label: dict[str, Any], todo: str
) -> None:
    given(journal, shared, question, *votes)
    case = one(journal)
    assert {name: case[name] for name in label} == label
    assert case.get("note", "").startswith(todo)
    assert ("note" in case) == bool(todo)
    assert case.get("given") == (EVIDENCE if todo and question == WHEN else None)
    assert sum(case["votes"].values()) == len(votes)


def test_a_dislike_without_a_reason_makes_no_case_and_is_counted(journal: Journal, shared: Library) -> None:
    for votes in ([BAD], [BAD, GOOD]):
        given(journal, shared, WHEN, *votes)
    assert export(journal.feedback(since=0)) == Exported(b"", 0, 0, 2)


def test_nobody_is_told_from_the_file_and_no_button_can_be_made_of_it(journal: Journal, shared: Library) -> None:
    id_ = given(journal, shared, WHEN, GOOD)
    text = export(journal.feedback(since=0)).data.decode()
    assert "5550123" not in text
    assert "777001" not in text
    assert id_ not in text
    assert text == export(journal.feedback(since=0)).data.decode()


def test_an_evaluation_reads_the_file_and_finds_what_people_said(
    tmp_path: Path, journal: Journal, shared: Library
) -> None:
    first = given(journal, shared, WHEN, GOOD)
    given(journal, shared, "Who says that the work there would cost 40 million crowns?", GOOD, parent=first)
    given(journal, shared, "How many rye loaves are sold each week?", REFUSE)
    (tmp_path / FILE).write_bytes(export(journal.feedback(since=0)).data)
    asked = evaluate.questions(tmp_path)
    assert [len(question.history) for question in asked] == [0, 1, 0]
    runs = list(evaluate.run(shared, asked))
    figures = evaluate.measure(runs, evaluate.texts(shared.folder(), Limits()))
    assert (figures["questions"], figures["contains"], figures["f1"]) == (3, 1.0, 1.0)
    assert (figures["cite_precision"], figures["cite_recall"], figures["hit@1"]) == (1.0, 1.0, 1.0)
    assert (figures["refused_right"], figures["refused_wrong"], figures["verbatim"]) == (0.0, 0.0, 1.0)
    assert not math.isnan(figures["aurc"])


def test_an_evaluation_only_counts_whether_an_unfinished_case_was_answered(
    tmp_path: Path, journal: Journal, shared: Library
) -> None:
    given(journal, shared, UNKNOWN, ANSWER)
    given(journal, shared, WHEN, WRONG)
    exported = export(journal.feedback(since=0))
    assert (exported.cases, exported.unfinished) == (2, 2)
    (tmp_path / FILE).write_bytes(exported.data)
    figures = evaluate.measure(list(evaluate.run(shared, evaluate.questions(tmp_path))), {})
    assert figures["refused_wrong"] == 0.5
    assert all(
        math.isnan(figures[name]) for name in ("contains", "f1", "cite_recall", "hit@1", "refused_right", "aurc")
    )
