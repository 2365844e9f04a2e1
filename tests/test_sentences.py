"""Sentences: what people would call one, at its exact place."""

import time
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from index.text.sentences import sentences

TEXT = st.text(
    alphabet=st.one_of(
        st.sampled_from(
            [*"ab AB .!?…\n\r\t\"'“”«»()1.5 ,;:-", "😀", "👩", "\u200d", "🚀", "é", "Ж", "ж", "م", "؟", "。", "中"]
        ),
        st.characters(exclude_categories=("Cs",)),
    ),
    max_size=300,
)


def split(text: str) -> list[str]:
    return [span.of(text) for span in sentences(text)]


@given(TEXT)
def test_spans_are_in_order_and_hold_every_visible_character(text: str) -> None:
    spans = sentences(text)
    assert all(one.end <= other.start for one, other in pairwise(spans))
    assert "".join("".join(span.of(text).split()) for span in spans) == "".join(text.split())
    assert all(span.of(text) == span.of(text).strip() != "" for span in spans)


@pytest.mark.parametrize(
    "text, expected",
    [
        ("One. Two! Three? Four", ["One.", "Two!", "Three?", "Four"]),
        ("Gen. Mark Milley met Dr. Ruth St. John.", ["Gen. Mark Milley met Dr. Ruth St. John."]),
        ("He came at 3 p.m. The door was shut.", ["He came at 3 p.m.", "The door was shut."]),
        ("The U.S. Army left. It did.", ["The U.S. Army left.", "It did."]),
        ("J. F. Kennedy spoke. It rained.", ["J. F. Kennedy spoke.", "It rained."]),
        ("It cost $2.5 million. See No. 5 and Fig. 3.", ["It cost $2.5 million.", "See No. 5 and Fig. 3."]),
        ("“Why?” he asked. She left.", ["“Why?” he asked.", "She left."]),
        (
            "He said: “Maybe. Do they? I doubt it.” Then he left.",
            ["He said: “Maybe. Do they? I doubt it.”", "Then he left."],
        ),
        ("Wait... what? Yes…", ["Wait... what?", "Yes…"]),
        ("В. Путин приехал. Он сказал: «Да. Нет.» Всё.", ["В. Путин приехал.", "Он сказал: «Да. Нет.»", "Всё."]),
        ("مرحبا بالعالم. كيف حالك؟ أنا بخير.", ["مرحبا بالعالم.", "كيف حالك؟", "أنا بخير."]),
        ("你好。我很好！谢谢", ["你好。", "我很好！", "谢谢"]),
        ("Am 3. Oktober kam er. Am 4. ging er.", ["Am 3. Oktober kam er.", "Am 4. ging er."]),
        ("Das gilt z. B. für Nr. 5 bzw. Abb. 3. Ende.", ["Das gilt z. B. für Nr. 5 bzw. Abb. 3.", "Ende."]),
        ("Встреча прошла в г. Москве в 1990 г. Он был там.", ["Встреча прошла в г. Москве в 1990 г.", "Он был там."]),
        ("Стр. 5, см. рис. 3. Так вот.", ["Стр. 5, см. рис. 3.", "Так вот."]),
        ("价格是3.5元。“为什么？”他问。", ["价格是3.5元。", "“为什么？”", "他问。"]),
        ("Mme. Curie est là. Elle part.", ["Mme. Curie est là.", "Elle part."]),
        ("😀 Yes. 🎉 No!", ["😀 Yes.", "🎉 No!"]),
        ("A heading\n\nA text. More", ["A heading", "A text.", "More"]),
        ("1. First thing\n2. Second thing", ["1. First thing", "2. Second thing"]),
        ("one\r\n\r\ntwo. Three", ["one", "two.", "Three"]),
        (
            "A line that an editor has wrapped at some forty letters\nand that goes on. The end.",
            ["A line that an editor has wrapped at some forty letters\nand that goes on.", "The end."],
        ),
        ("no punctuation at all", ["no punctuation at all"]),
        ("", []),
        (" \n\t ", []),
        ("A thing . Another `` one '' .", ["A thing .", "Another `` one '' ."]),
    ],
)
def test_sentences_are_what_a_reader_would_say(text: str, expected: list[str]) -> None:
    assert split(text) == expected


def test_the_time_grows_with_the_text_and_not_with_its_square() -> None:
    def seconds(text: str) -> float:
        start = time.perf_counter()
        sentences(text)
        return time.perf_counter() - start

    short, long = ("我很好。" * n for n in (5_000, 20_000))
    assert min(seconds(long) for _ in range(3)) < 10 * min(seconds(short) for _ in range(3))


def test_a_quotation_mark_that_is_never_closed_swallows_nothing() -> None:
    assert len(split("He said “no. " + "It went on. " * 30)) > 25
