"""What a question asks for, and sentences that hold it or do not."""

import hypothesis.strategies as st
import pytest
from hypothesis import given

from index.asking.kinds import Kind, holds, kind, match, words


@pytest.mark.parametrize(
    "question, wanted",
    [
        ("Who built the old bridge at Lindholm?", Kind.PERSON),
        ("By whom was it opened?", Kind.PERSON),
        ("When did the harbour close?", Kind.DATE),
        ("In which year was the bakery founded?", Kind.DATE),
        ("Where does the ferry land?", Kind.PLACE),
        ("In what city is the museum?", Kind.PLACE),
        ("How many ships call in a year?", Kind.NUMBER),
        ("What percentage of the vote went to the mayor?", Kind.NUMBER),
        ("Why was the lock rebuilt?", Kind.REASON),
        ("What is a sluice?", Kind.DEFINITION),
        ("What did the mayor promise?", Kind.OTHER),
        ("Where did they go when the war ended?", Kind.PLACE),
        ("Кто построил мост?", Kind.OTHER),
        ("", Kind.OTHER),
    ],
)
def test_the_first_thing_asked_for_decides(question: str, wanted: Kind) -> None:
    assert kind(question) is wanted


@pytest.mark.parametrize(
    "sentence, wanted, asked, held",
    [
        ("It was closed in 1987.", Kind.DATE, "when was it closed", True),
        ("It was closed for good.", Kind.DATE, "when was it closed", False),
        ("In 1987 it stood empty.", Kind.DATE, "what happened in 1987", False),
        ("Twelve boats remain.", Kind.NUMBER, "how many boats remain", True),
        ("Many boats remain.", Kind.NUMBER, "how many boats remain", False),
        ("It fell because the ice was thin.", Kind.REASON, "why did it fall", True),
        ("A sluice is a gate for water.", Kind.DEFINITION, "what is a sluice", True),
        ("Ask Lena Holm.", Kind.PERSON, "who built the bridge", True),
        ("nobody knows.", Kind.PERSON, "who built the bridge", False),
        ("élan is all.", Kind.PERSON, "who built the bridge", False),
        ("Émile built it.", Kind.PERSON, "who built the bridge", True),
        ("It may rain in march.", Kind.DATE, "when did it rain", False),
        ("It rained in May.", Kind.DATE, "when did it rain", True),
        ("The harbour was closed.", Kind.OTHER, "what was closed", False),
    ],
)
def test_a_sentence_holds_what_the_question_does_not(sentence: str, wanted: Kind, asked: str, *, held: bool) -> None:
    assert holds(sentence, wanted, asked=frozenset(asked.split())) is held


def test_a_match_is_one_or_nothing_and_a_half_where_anything_may_answer() -> None:
    asked = words("When did it close in 1987?")
    assert asked == {"when", "did", "it", "close", "in", "1987"}
    assert match("It closed in May.", Kind.DATE, asked=asked) == 1.0
    assert match("It closed.", Kind.DATE, asked=asked) == 0.0
    assert match("It closed.", Kind.OTHER, asked=asked) == 0.5


@given(st.text(max_size=80), st.text(max_size=80), st.sampled_from(Kind))
def test_any_text_will_do(question: str, sentence: str, wanted: Kind) -> None:
    assert kind(question) in Kind
    assert match(sentence, wanted, asked=words(question)) in (0.0, 0.5, 1.0)
