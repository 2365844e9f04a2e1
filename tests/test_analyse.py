"""Words of many languages: their forms, what is left out of them, and what has no spaces."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from index.text.analyse import ENGLISH, PLAIN, UNSPACED, best, left, of_language, sequence, terms, variants, words

LANGUAGES = ["", "ar", "da", "de", "el", "en", "es", "fi", "fr", "hu", "it", "ja", "ko", "nl", "no", "pl", "pt", "ro"]
LANGUAGES += ["ru", "sv", "ta", "th", "tr", "uk", "zh", "hi"]


@pytest.mark.parametrize(
    "language, one, other",
    [
        ("en", "closed harbours", "close harbour"),
        ("", "closed harbours", "close harbour"),
        ("ru", "гавани закрыты", "гавань закрыта"),
        ("ru", "зелёный", "зеленые"),
        ("de", "die Häfen", "der Hafen"),
        ("fr", "l’école, les ports fermés", "école port fermé"),
        ("es", "¿Dónde hay estaciones?", "estacion"),
        ("tr", "İSTANBUL ISPARTA", "istanbul ısparta"),
        ("sv", "hamnarna", "hamnar"),
        ("pl", "Zażółć", "zazolc"),
    ],
)
def test_forms_of_a_word_are_one_word_in_their_language(language: str, one: str, other: str) -> None:
    assert terms(one, language) == terms(other, language) != []


@pytest.mark.parametrize(
    "language, text, expected",
    [
        ("zh", "旧港口于1987年关闭", ["旧港", "港口", "口于", "1987", "年关", "关闭"]),
        ("zh", "使用 Python 装饰器。", ["使用", "python", "装饰", "饰器"]),
        ("ja", "港、船", ["港", "船"]),
        ("ko", "항구는 the ships", ["항구", "구는", "ship"]),
        ("th", "ที่นี่", ["ที่นี่"]),
        ("hi", "हिन्दी में", ["हिन्दी", "में"]),
    ],
)
def test_what_has_no_spaces_is_cut_into_pairs_and_vowel_marks_stay(
    language: str, text: str, expected: list[str]
) -> None:
    assert terms(text, language) == expected


@pytest.mark.parametrize(
    "question, analysis",
    [
        ("When was the harbour closed?", "en"),
        ("Wann wurde der Hafen geschlossen?", "de"),
        ("Quand le port a-t-il été fermé ?", "fr"),
        ("Что такое asyncio.gather и TaskGroup?", "ru"),
        ("Python 的装饰器是什么", UNSPACED),
        ("Budapest", "de"),
    ],
)
def test_a_question_is_in_the_language_whose_script_or_stop_words_it_has(question: str, analysis: str) -> None:
    assert best(question, ["de", "en", "fr", "ru", UNSPACED]) == analysis
    assert best(question, ["el"]) == "el"


def test_a_word_that_only_asks_in_the_language_of_the_question_is_looked_for_in_none() -> None:
    assert sequence("Was kostet die Brücke?", "en", own="de") == ["kostet", "bruck"]
    assert sequence("Où est l'école ?", "en", own="fr") == ["ecol"]
    assert sequence("请问什么是装饰器", UNSPACED, own=UNSPACED) == ["是装", "装饰", "饰器"]


def test_words_keep_how_they_were_written_in_every_analysis() -> None:
    assert words("Welche Häfen?", "de", own="de") == {"haf": "Häfen"}
    assert words("Welche Häfen?", "en", own="de") == {"hafen": "Häfen"}
    assert words("什么是Python装饰", UNSPACED, own=UNSPACED) == {"是": "是", "python": "Python", "装饰": "装饰"}


def test_the_forms_of_a_word_are_told_apart_only_where_there_are_several_analyses() -> None:
    assert variants("Häfen", ["de"], own="de") == []
    assert variants("Alte Häfen", ["de", "en"], own="de") == [{"alt"}, {"haf", "hafen"}]


def test_of_a_run_without_spaces_is_told_what_stands_in_no_pair_that_is_known() -> None:
    held = {"计算", "算机", "造了"}
    assert left("创造了量子计算机", known=held.__contains__) == ["量子"]
    assert left("计算机", known=held.__contains__) == []
    assert left("量子", known=held.__contains__) == ["量子"]
    assert left("量", known=held.__contains__) == []


def test_each_language_has_the_analysis_that_suits_it() -> None:
    found = [of_language(language) for language in ("", "en", "ru", "zh", "th", "pl", "hi")]
    assert found == [ENGLISH, ENGLISH, "ru", UNSPACED, UNSPACED, PLAIN, PLAIN]


@given(text=st.text(max_size=200), language=st.sampled_from(LANGUAGES))
def test_any_text_is_analysed_alike_as_question_and_as_article(text: str, language: str) -> None:
    name = of_language(language)
    assert all(terms(text, language))
    assert sequence(text, name, own=name) == terms(text, language) or name == UNSPACED
