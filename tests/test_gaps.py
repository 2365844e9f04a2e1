"""What the articles do not answer, grouped: by the real model, and from an admin's side."""

from bot.desk import insight
from bot.desk.gaps import MOST, Gap, gather, wanting
from bot.store.journal import Past, Reason
from index.library import Library


def past(question: str, *reasons: Reason, answered: bool = True, up: int = 0) -> Past:
    return Past(question, 1.0, 1.0, answered, question, up, len(reasons), reasons)


def test_only_what_was_refused_or_disliked_is_wanting_and_of_very_many_the_newest() -> None:
    good, refused = past("Good?", up=3), past("Refused?", answered=False)
    bad = past("Bad?", Reason.NONE)
    assert wanting([good, refused, bad]) == [refused, bad]
    many = [past(f"Number {n}?", answered=False) for n in range(MOST + 5)]
    assert wanting(many) == many[5:]


def test_a_group_counts_all_and_shows_the_wording_that_most_used() -> None:
    asked = [
        past("Who runs the mill?", answered=False),
        past("Who owns the mill?", Reason.SHOULD_HAVE_ANSWERED, answered=False),
        past("When is the fair?", Reason.OUTDATED, Reason.NONE),
        past("Who owns the mill?", Reason.OUTDATED),
    ]
    assert gather(asked, [[2], [0, 1, 3]]) == [
        Gap("Who owns the mill?", 3, 2, {Reason.OUTDATED: 1, Reason.SHOULD_HAVE_ANSWERED: 1}),
        Gap("When is the fair?", 1, 0, {Reason.NONE: 1, Reason.OUTDATED: 1}),
    ]


def test_of_groups_and_wordings_of_one_size_the_newest_comes_first() -> None:
    asked = [past(question, answered=False) for question in ("a", "b", "c", "d")]
    assert [gap.example for gap in gather(asked, [[0, 1], [2], [3]])] == ["b", "d", "c"]


def test_questions_that_mean_the_same_are_one_gap(shared: Library) -> None:
    questions = [
        "Who is the mayor of Lindholm?",
        "How do I renew a passport?",
        "Who's mayor of Lindholm?",
        "What does a ticket for the ferry cost?",
        "Where can I renew my passport?",
        "Who is the current mayor of Lindholm?",
    ]
    asked = [past(question, answered=False) for question in questions]
    found = gather(asked, shared.alike(questions))
    assert [(gap.questions, "mayor" in gap.example, "passport" in gap.example) for gap in found] == [
        (3, True, False),
        (2, False, True),
        (1, False, False),
    ]


def test_any_question_can_be_shown() -> None:
    """The longest page there can be is one message."""
    gaps_ = [Gap("<b>&" + "ж\n\n" * 700, 1_000, 999, dict.fromkeys(Reason, 1_000))] * insight.PAGE
    html = insight.gaps_html("Refused or disliked", gaps_, first=996)
    assert html.count("👎") == insight.PAGE
    assert "1000. <b>" in html
