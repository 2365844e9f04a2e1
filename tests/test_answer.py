"""The sentences that may answer, and what is measured of each; what is wrong with a question."""

import datetime as dt

import pytest

from index.asking.answer import Asked, Sentence, candidates, check_question, features, nearest, surroundings
from index.asking.judge import Features
from index.asking.kinds import Kind
from index.records import Article, ArticleId, Hit, Passage, PassageId
from index.text.analyse import terms

TEXT = "The harbour closed in 1987. Fishing boats still use it. The council wants flats. A ferry runs to Vessel."


def hit(name: str, text: str = TEXT, *, number: int = 1, date: dt.date | None = None, dense: float = 0.5) -> Hit:
    return Hit(Passage(PassageId(number), Article(ArticleId(name), name, text, date), 0, len(text)), 1.0, dense, 1.0)


def test_a_sentence_in_two_overlapping_passages_is_one_candidate() -> None:
    article = Article(ArticleId("a"), "a", TEXT)
    first = Hit(Passage(PassageId(1), article, 0, 55), 1.0, 0.9, 1.0)
    second = Hit(Passage(PassageId(2), article, 28, len(TEXT)), 0.9, 0.8, 1.0)
    found = candidates([first, second])
    assert [sentence.text for sentence in found] == [
        "The harbour closed in 1987.",
        "Fishing boats still use it.",
        "The council wants flats.",
        "A ferry runs to Vessel.",
    ]
    assert found[1].hit is first


def measured(sentence: Sentence, *, weights: dict[str, float], beside: dict[str, float]) -> Features:
    asked = Asked(weights, beside, Kind.DATE, frozenset())
    words, around = frozenset(terms(sentence.text)), surroundings(sentence.hit, analyse=terms)
    return features(sentence, asked, words=words, around=around, meaning=0.6)


def test_features_measure_what_their_names_say() -> None:
    (sentence, *_) = candidates([hit("Lindholm", dense=0.7)])
    weights = {"harbour": 3.0, "close": 1.0, "lindholm": 4.0, "zeppelin": 2.0}
    found = measured(sentence, weights=weights, beside={})
    assert found == Features(meaning=0.6, covered=0.4, context=0.8, passage=0.7, kind=1.0)


def test_words_of_earlier_turns_are_looked_for_around_a_sentence_and_in_it_where_the_question_has_none() -> None:
    (sentence, *_) = candidates([hit("Lindholm", dense=0.7)])
    weights, beside = {"harbour": 3.0, "zeppelin": 1.0}, {"lindholm": 4.0}
    found = measured(sentence, weights=weights, beside=beside)
    assert found == Features(meaning=0.6, covered=0.75, context=0.875, passage=0.7, kind=1.0)
    bare = measured(sentence, weights={}, beside=beside)
    assert (bare.covered, bare.context) == (0.0, 1.0)


def test_the_nearest_articles_are_named_once_each_and_in_order() -> None:
    hits = [hit("a"), hit("b", number=2), hit("a", number=3), hit("c", number=4)]
    assert [article.id for article in nearest(hits, limit=2)] == ["a", "b"]
    assert nearest(hits, limit=0) == ()


@pytest.mark.parametrize(
    "question, part",
    [("", "as text"), (" \n", "as text"), ("😀 ?!", "no words"), ("x" * 2_001, "2,001 of 2,000"), ("Когда?", "")],
)
def test_what_is_wrong_with_a_question_is_said(question: str, part: str) -> None:
    problem = check_question(question, longest=2_000)
    assert part in str(problem or "")
    assert (problem is not None) == bool(part)
