"""What a question asks about, part by part."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from index.asking.parts import parts


@pytest.mark.parametrize(
    "question, asked",
    [
        (
            "What is the difference between an armistice and a ceasefire?",
            ["What is an armistice?", "What is a ceasefire?"],
        ),
        (
            "Which is faster, a Tomahawk or a Shahed drone?",
            ["Which is faster, a Tomahawk?", "Which is faster, a Shahed drone?"],
        ),
        (
            "Compare the Minsk agreements with the Budapest Memorandum",
            ["the Minsk agreements", "the Budapest Memorandum"],
        ),
        ("What did Lind and Vessel say?", ["What did Lind say?", "What did Vessel say?"]),
        (
            "What did Lavrov, Ushakov and Rubio want?",
            ["What did Lavrov want?", "What did Ushakov want?", "What did Rubio want?"],
        ),
        ("How many came in 2023 and in 2024?", []),
        ("How many came in 2023 or 2024?", ["How many came in 2023?", "How many came in 2024?"]),
        ("Was sagten Merkel und der König von Spanien?", []),
        ("Was sagten Merkel und Hollande?", ["Was sagten Merkel?", "Was sagten Hollande?"]),
        ("Bank of England versus Bank of Japan", ["Bank of England", "Bank of Japan"]),
        ("Minsk II and the Treaty of Rome", ["Minsk II", "Treaty of Rome"]),
    ],
)
def test_things_that_are_compared_or_joined_are_asked_for_one_by_one(question: str, asked: list[str]) -> None:
    found = parts(question)
    assert [part.question for part in found] == asked
    assert not any(part.apart for part in found)
    assert all(part.name in question for part in found)


@pytest.mark.parametrize(
    "question, asked",
    [
        ("Who is Rubio and when was he sworn in?", ["Who is Rubio?", "when was he sworn in?"]),
        ("who is Rubio? When was he sworn in?", ["who is Rubio?", "When was he sworn in?"]),
        (
            "when was laser surgery invented and for what purpose was it made",
            ["when was laser surgery invented?", "for what purpose was it made?"],
        ),
        ("WHO PAYS FOR IT? WHEN WAS IT BUILT?", ["WHO PAYS FOR IT?", "WHEN WAS IT BUILT?"]),
    ],
)
def test_questions_that_follow_each_other_stand_apart(question: str, asked: list[str]) -> None:
    found = parts(question)
    assert [part.question for part in found] == asked
    assert all(part.apart for part in found)


@pytest.mark.parametrize(
    "question",
    [
        "When was the harbour closed?",
        "What happened between Sadat and the Islamists?",
        "What lies between Minsk and Kyiv?",
        "Tell me who left and why",
        "Who left?",
        "Johnson and Johnson",
        "and",
        "or or or",
        "",
        "?",
    ],
)
def test_a_question_about_one_thing_has_no_parts(question: str) -> None:
    assert parts(question) == ()


@pytest.mark.parametrize(
    "question",
    [
        "Who is Marco Rubio? Thanks!",
        "What is a Tomahawk missile? Please answer briefly.",
        "Hello, how are you? Who is Marco Rubio?",
        "Can you help me? Who is Marco Rubio?",
        "Who is Rubio??? who is Rubio?",
        "What did Trump do?? Really???",
        "After the talks, did Ukraine sign a treaty with Russia or not?",
        "In 1994, did Ukraine give up its weapons, yes or no?",
        "In Alaska, did they agree on a ceasefire or something else?",
        "WHAT DID TRUMP AND PUTIN SAY?",
        "compare compare and compare",
    ],
)
def test_courtesies_and_other_words_for_no_are_no_parts(question: str) -> None:
    assert parts(question) == ()


def test_every_part_is_found_however_many_there_are() -> None:
    asked = parts("Who is it? Where was that held? When was this sold? Why is that so bad? What came then?")
    assert len(asked) == 5
    names = ["Ada", "Bela", "Cora", "Dora", "Emma", "Fita"]
    assert [part.name for part in parts(f"What did {', '.join(names[:5])} and Fita want?")] == names
    assert [part.question for part in parts("What did Ada and Bela and Cora want?")] == [
        f"What did {name} want?" for name in names[:3]
    ]


@pytest.mark.parametrize("question", ["Wer ist Lind？Wo ist Vessel？", "من هو ليند؟ أين فيسيل؟"])
def test_questions_in_other_scripts_follow_each_other_too(question: str) -> None:
    assert len(parts(question)) == 2


@given(st.text(max_size=80))
def test_any_text_can_be_looked_at(text: str) -> None:
    looked_at(text)


@given(
    st.lists(st.sampled_from("Who what Lind Vessel and or , ? the of in 2023 difference between compare with".split()))
)
def test_any_words_can_be_looked_at(words: list[str]) -> None:
    looked_at(" ".join(words))


def looked_at(text: str) -> None:
    found = parts(text)
    assert len(found) != 1
    assert len({part.name.lower() for part in found}) == len(found)
    assert all(part.question.strip() and part.name.strip() for part in found)
