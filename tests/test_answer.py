"""Composing: which sentences become claims, and when none does."""

import datetime as dt

import pytest

from index.answer import (
    NEAR_TIE,
    NEWEST_TIE,
    Sentence,
    candidates,
    check_question,
    compose,
    features,
    nearest,
    newest_of_ties,
)
from index.judge import Features
from index.lexicon import terms
from index.records import Article, ArticleId, Hit, Passage, PassageId

TEXT = "The harbour closed in 1987. Fishing boats still use it. The council wants flats. A ferry runs to Vessel."


def hit(name: str, text: str = TEXT, *, number: int = 1, date: dt.date | None = None, dense: float = 0.5) -> Hit:
    return Hit(Passage(PassageId(number), Article(ArticleId(name), name, text, date), 0, len(text)), 1.0, dense, 1.0)


def judged(*pairs: tuple[Sentence, float]) -> list[tuple[Sentence, float]]:
    return list(pairs)


def texts(pairs: list[tuple[Sentence, float]], *, claims: int = 3, threshold: float = 0.3) -> list[str]:
    found, citations = compose(pairs, threshold=threshold, most=claims, analyse=terms)
    assert [claim.citations for claim in found] == [(n,) for n in range(1, len(citations) + 1)]
    for claim, citation in zip(found, citations, strict=True):
        assert citation.quote == citation.article.text[citation.start : citation.end]
        assert claim.text == " ".join(citation.quote.split())
        assert citation.passage.start <= citation.start < citation.end <= citation.passage.end
    return [claim.text for claim in found]


def test_the_most_probable_sentence_is_the_first_claim_and_unlikely_ones_are_none() -> None:
    first, second, third, fourth = candidates([hit("a")])
    assert texts(judged((first, 0.2), (second, 0.9), (third, 0.31), (fourth, 0.85))) == [second.text, fourth.text]


def test_nothing_is_claimed_under_the_threshold() -> None:
    pairs = judged(*((sentence, 0.29) for sentence in candidates([hit("a")])))
    assert texts(pairs) == []
    assert texts(pairs, threshold=0.28) != []
    assert compose([], threshold=0.3, most=3, analyse=terms) == ((), ())


def test_a_newer_sentence_that_ties_but_is_too_unlikely_does_not_silence_the_best() -> None:
    old = candidates([hit("old", "They met in Hamburg.", date=dt.date(2017, 7, 7))])[0]
    new = candidates([hit("new", "It rained in Budapest.", number=2, date=dt.date(2025, 10, 16))])[0]
    assert texts(judged((old, 0.5), (new, 0.34))) == [old.text]
    assert texts(judged((old, 0.35), (new, 0.29))) == [old.text]


@pytest.mark.parametrize("most", [1, 2, 3])
def test_there_are_never_more_claims_than_the_setting_says(most: int) -> None:
    hits = [hit(f"a{n}", f"Alpha{n} beta{n} gamma{n} delta{n}.", number=n) for n in range(5)]
    assert len(texts(judged(*((sentence, 0.9) for sentence in candidates(hits)[:4])), claims=most)) == most


def test_neighbours_in_one_passage_become_one_claim_in_their_own_order() -> None:
    first, second, *_ = candidates([hit("a")])
    assert texts(judged((second, 0.9), (first, 0.8))) == [f"{first.text} {second.text}"]


def test_sentences_parted_by_a_paragraph_stay_two_claims() -> None:
    first, second = candidates([hit("a", "The harbour closed.\n\nBoats still use it.")])
    assert texts(judged((first, 0.9), (second, 0.8))) == ["The harbour closed.", "Boats still use it."]


def test_the_same_fact_in_other_words_or_another_article_is_claimed_once() -> None:
    one = candidates([hit("a", "The old harbour was closed in 1987.")])[0]
    other = candidates([hit("b", "In 1987 the old harbour was closed.", number=2)])[0]
    assert texts(judged((one, 0.9), (other, 0.85))) == [one.text]


def test_the_newer_article_wins_a_near_tie_and_only_that() -> None:
    old = candidates([hit("old", "They met in Hamburg.", date=dt.date(2017, 7, 7))])[0]
    new = candidates([hit("new", "They will meet in Budapest.", number=2, date=dt.date(2025, 10, 16))])[0]
    undated = candidates([hit("undated", "They meet somewhere.", number=3)])[0]
    assert [pair[0] for pair in newest_of_ties([(old, 0.62), (undated, 0.6), (new, 0.5)])] == [new, old, undated]
    far = 0.62 / 0.38 / NEAR_TIE * 0.99
    assert newest_of_ties([(old, 0.62), (new, far / (1 + far))])[0][0] == old
    assert newest_of_ties([]) == []


def test_who_asks_for_the_latest_hears_the_newer_article_first_though_it_is_a_good_deal_less_probable() -> None:
    old = candidates([hit("old", "They met in Hamburg.", date=dt.date(2017, 7, 7))])[0]
    new = candidates([hit("new", "They will meet in Budapest.", number=2, date=dt.date(2025, 10, 16))])[0]
    far = candidates([hit("far", "It rained in Vessel.", number=3, date=dt.date(2025, 11, 1))])[0]
    pairs = judged((old, 0.8), (new, 0.55), (far, 0.8 / 0.2 / NEWEST_TIE / 2 / (1 + 0.8 / 0.2 / NEWEST_TIE / 2)))
    for newest, texts in ((True, [new.text, old.text]), (False, [old.text])):
        claims, _ = compose(pairs, threshold=0.3, most=3, analyse=terms, newest=newest)
        assert [claim.text for claim in claims] == texts


def test_a_date_in_the_future_wins_no_tie() -> None:
    old = candidates([hit("old", "They met in Hamburg.", date=dt.date(2017, 7, 7))])[0]
    mistaken = candidates([hit("mistaken", "They meet in Budapest.", number=2, date=dt.date(2099, 10, 16))])[0]
    ranked = [(mistaken, 0.62), (old, 0.6)]
    assert [pair[0] for pair in newest_of_ties(ranked, today=dt.date(2026, 11, 24))] == [old, mistaken]


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


def test_features_measure_what_their_names_say() -> None:
    (sentence, *_) = candidates([hit("Lindholm", dense=0.7)])
    weights = {"harbour": 3.0, "close": 1.0, "lindholm": 4.0, "zeppelin": 2.0}
    measured = features(sentence, meaning=0.6, weights=weights, beside={}, analyse=terms)
    assert measured == Features(meaning=0.6, covered=0.4, context=0.8, passage=0.7)


def test_words_of_earlier_turns_are_looked_for_around_a_sentence_and_in_it_where_the_question_has_none() -> None:
    (sentence, *_) = candidates([hit("Lindholm", dense=0.7)])
    weights, beside = {"harbour": 3.0, "zeppelin": 1.0}, {"lindholm": 4.0}
    measured = features(sentence, meaning=0.6, weights=weights, beside=beside, analyse=terms)
    assert measured == Features(meaning=0.6, covered=0.75, context=0.875, passage=0.7)
    bare = features(sentence, meaning=0.6, weights={}, beside=beside, analyse=terms)
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
    assert part in problem
    assert bool(problem) == bool(part)
