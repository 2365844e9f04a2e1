"""What a question asks for, and sentences that hold it or do not."""

import hypothesis.strategies as st
import pytest
from hypothesis import given

from index.kinds import Kind, holds, kind, names


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
        ("The harbour was closed.", Kind.OTHER, "what was closed", False),
    ],
)
def test_a_sentence_holds_what_the_question_does_not(sentence: str, wanted: Kind, asked: str, *, held: bool) -> None:
    assert holds(sentence, wanted, asked=frozenset(asked.split())) is held


def test_names_are_words_with_capitals_after_the_first_and_words_with_digits() -> None:
    assert names("Which BGM-109 did Lena Holm see in 1987?") == {"bgm-109", "lena", "holm", "1987"}
    assert names("What do I know of it?") == frozenset()


@given(st.text(max_size=80), st.text(max_size=80), st.sampled_from(Kind))
def test_any_text_will_do(question: str, sentence: str, wanted: Kind) -> None:
    assert kind(question) in Kind
    assert isinstance(holds(sentence, wanted, asked=frozenset(question.lower().split())), bool)
    assert all(name == name.lower() for name in names(sentence))
