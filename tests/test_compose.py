"""Which sentences become claims, when none does, and what proves the same elsewhere."""

import datetime as dt
from itertools import combinations

import numpy as np
import pytest

from index.asking.answer import Sentence, candidates
from index.asking.compose import (
    LONGEST,
    NEAR_TIE,
    NEWEST_TIE,
    SAME_MEANING,
    Candidate,
    Chosen,
    choose,
    claims,
    newest_of_ties,
    opens,
    together,
)
from index.asking.judge import Features
from index.models.embed import Vectors
from index.records import Article, ArticleId, Citation, Claim, Hit, Passage, PassageId
from index.text.analyse import terms

TEXT = "The harbour closed in 1987. Fishing boats still use it. The council wants flats. A ferry runs to Vessel."

FEATURES = Features(0.5, 0.5, 0.5, 0.5, 0.5)


def hit(name: str, text: str = TEXT, *, number: int = 1, date: dt.date | None = None) -> Hit:
    return Hit(Passage(PassageId(number), Article(ArticleId(name), name, text, date), 0, len(text)), 1.0, 0.5, 1.0)


def only(name: str, text: str, *, number: int = 1, date: dt.date | None = None) -> Sentence:
    (sentence,) = candidates([hit(name, text, number=number, date=date)])
    return sentence


def judged(sentence: Sentence, probability: float, *, vector: Vectors | None = None) -> Candidate:
    words = frozenset(terms(sentence.text))
    return Candidate(
        sentence, words, FEATURES, probability, np.zeros(2, dtype=np.float32) if vector is None else vector
    )


def composed(
    pairs: list[Candidate], *, most: int = 3, threshold: float = 0.3, newest: bool = False
) -> tuple[tuple[Claim, ...], tuple[Citation, ...]]:
    chosen = choose(pairs, threshold=threshold, most=most, newest=newest)
    found, citations = claims(chosen)
    assert [citation.number for citation in citations] == list(range(1, len(citations) + 1))
    assert sorted(n for claim in found for n in (*claim.citations, *claim.also)) == [c.number for c in citations]
    for citation in citations:
        assert citation.quote == citation.article.text[citation.start : citation.end]
        assert citation.passage.start <= citation.start < citation.end <= citation.passage.end
    for one, other in combinations(citations[: len(found)], 2):
        assert one.article != other.article or one.end <= other.start or other.end <= one.start
    for claim in found:
        (number,) = claim.citations
        assert claim.text == " ".join(citations[number - 1].quote.split())
    return found, citations


def texts(pairs: list[Candidate], *, most: int = 3, threshold: float = 0.3, newest: bool = False) -> list[str]:
    return [claim.text for claim in composed(pairs, most=most, threshold=threshold, newest=newest)[0]]


def test_the_most_probable_sentence_is_the_first_claim_and_unlikely_ones_are_none() -> None:
    first, second, third, fourth = candidates([hit("a")])
    pairs = [judged(first, 0.2), judged(second, 0.9), judged(third, 0.31), judged(fourth, 0.85)]
    assert texts(pairs) == [second.text, fourth.text]


def test_nothing_is_claimed_under_the_threshold() -> None:
    pairs = [judged(sentence, 0.29) for sentence in candidates([hit("a")])]
    assert texts(pairs) == []
    assert texts(pairs, threshold=0.28) != []
    assert composed([]) == ((), ())


def test_a_newer_sentence_that_ties_but_is_too_unlikely_does_not_silence_the_best() -> None:
    old = only("old", "They met in Hamburg.", date=dt.date(2017, 7, 7))
    new = only("new", "It rained in Budapest.", number=2, date=dt.date(2025, 10, 16))
    assert texts([judged(old, 0.9), judged(new, 0.35)]) == [old.text]
    assert texts([judged(old, 0.35), judged(new, 0.29)]) == [old.text]


@pytest.mark.parametrize("most", [1, 2, 3])
def test_there_are_never_more_claims_than_the_setting_says(most: int) -> None:
    hits = [hit(f"a{n}", f"Alpha{n} beta{n} gamma{n} delta{n}.", number=n) for n in range(5)]
    assert len(texts([judged(sentence, 0.9) for sentence in candidates(hits)[:4]], most=most)) == most


def test_neighbours_in_one_passage_become_one_claim_in_their_own_order() -> None:
    first, second, *_ = candidates([hit("a")])
    assert texts([judged(second, 0.9), judged(first, 0.8)], most=1) == [f"{first.text} {second.text}"]


def test_a_claim_is_never_longer_than_two_sentences() -> None:
    every = candidates([hit("a")])
    found = texts([judged(sentence, 0.9 - 0.01 * at) for at, sentence in enumerate(every)])
    assert found == [f"{every[0].text} {every[1].text}", f"{every[2].text} {every[3].text}"]
    assert LONGEST == 2


def test_sentences_parted_by_a_paragraph_stay_two_claims() -> None:
    first, second = candidates([hit("a", "The harbour closed.\n\nThe boats still use the pier.")])
    assert texts([judged(first, 0.9), judged(second, 0.8)]) == ["The harbour closed.", "The boats still use the pier."]


def test_the_same_fact_in_another_article_is_claimed_once_and_the_other_article_is_cited_for_it() -> None:
    one = only("a", "The old harbour was closed in 1987.")
    other = only("b", "In 1987 the old harbour was closed.", number=2)
    (claim,), citations = composed([judged(one, 0.9), judged(other, 0.85)])
    assert (claim.text, claim.citations, claim.also) == (one.text, (1,), (2,))
    assert [citation.article.id for citation in citations] == ["a", "b"]
    assert citations[1].quote == other.text


def test_what_another_article_proves_is_not_joined_to_a_neighbour_that_it_does_not_prove() -> None:
    first, second = candidates([hit("a", "The old harbour was closed in 1987. A ferry still runs to Vessel.")])
    other = only("b", "In 1987 the old harbour was closed.", number=2)
    found, _ = composed([judged(first, 0.9), judged(other, 0.85), judged(second, 0.8)])
    assert [(claim.text, len(claim.also)) for claim in found] == [(first.text, 1), (second.text, 0)]
    (claim,), _ = composed([judged(first, 0.9), judged(second, 0.85), judged(other, 0.8)])
    assert (claim.text, claim.also) == (f"{first.text} {second.text}", ())


def test_of_one_article_the_same_fact_is_cited_once() -> None:
    first, second = candidates([hit("a", "The old harbour was closed in 1987.\n\nIn 1987 the old harbour was closed.")])
    (claim,), citations = composed([judged(first, 0.9), judged(second, 0.85)])
    assert (claim.also, len(citations)) == ((), 1)


def test_the_same_meaning_in_other_words_is_one_fact_unless_the_numbers_differ() -> None:
    one, other = only("a", "The ship sank off Vessel."), only("b", "Near Vessel a vessel went down.", number=2)
    near = np.array([SAME_MEANING, (1 - SAME_MEANING**2) ** 0.5], dtype=np.float32)
    far = np.array([SAME_MEANING - 0.01, 0.5], dtype=np.float32)
    me = np.array([1.0, 0.0], dtype=np.float32)
    assert texts([judged(one, 0.9, vector=me), judged(other, 0.85, vector=near * 1.001)]) == [one.text]
    assert len(texts([judged(one, 0.9, vector=me), judged(other, 0.85, vector=far)])) == 2
    twelve, fourteen = only("a", "The storm hurt 12 people."), only("b", "The storm hurt 14 people.", number=2)
    assert len(texts([judged(twelve, 0.9, vector=me), judged(fourteen, 0.85, vector=me)])) == 2


def test_a_sentence_that_leans_on_the_one_before_it_is_quoted_with_it() -> None:
    text = "Marta Lind ran the yard. She sold it in 1931. The town was poor then."
    _, second, third = candidates([hit("a", text)])
    assert texts([judged(second, 0.9)]) == ["Marta Lind ran the yard. She sold it in 1931."]
    assert texts([judged(third, 0.9)]) == ["The town was poor then."]


def test_what_lies_in_another_paragraph_or_passage_is_not_quoted_for_a_pronoun() -> None:
    _, second = candidates([hit("a", "Marta Lind ran the yard.\n\nShe sold it in 1931.")])
    assert texts([judged(second, 0.9)]) == ["She sold it in 1931."]
    article = Article(ArticleId("a"), "a", "Marta Lind ran the yard. She sold it in 1931.")
    (alone,) = candidates([Hit(Passage(PassageId(1), article, 25, len(article.text)), 1.0, 0.5, 1.0)])
    assert texts([judged(alone, 0.9)]) == ["She sold it in 1931."]


@pytest.mark.parametrize(
    "sentence, leans",
    [
        ("She sold it in 1931.", True),
        ("In 1931 it was sold.", True),
        ("“They left at dawn,” he said.", True),
        ("This decision was taken back.", True),
        ("Its roof fell in.", True),
        ("Lind sold it in 1931.", False),
        ("In Budapest they met again.", False),
        ("It is likely that rain falls.", False),
        ("The town was poor then.", False),
        ("A harbour of this size has cranes.", False),
        ("42", False),
        ("", False),
    ],
)
def test_what_leans_on_the_sentence_before_is_told_from_what_does_not(sentence: str, *, leans: bool) -> None:
    assert opens(sentence) is leans


def test_what_is_added_backs_what_was_said_or_is_a_claim_of_its_own() -> None:
    one = only("a", "The old harbour was closed.")
    other = only("b", "The old harbour was closed in 1987.", number=2)
    new = only("c", "Flats are planned.", number=3)
    chosen = together([Chosen((judged(one, 0.9),))], [Chosen((judged(other, 0.5),))], most=2)
    assert [sentence.text for sentence in chosen[0].also] == [other.text]
    assert len(together(chosen, [Chosen((judged(new, 0.5),))], most=2)) == 2
    assert len(together(chosen, [Chosen((judged(new, 0.5),))], most=1)) == 1


@pytest.mark.parametrize(
    "said, elsewhere",
    [
        ("Russia signed the treaty.", "Russia did not sign the treaty."),
        ("Twelve people were hurt in the attack on Monday.", "Fourteen people were hurt in the attack on Monday."),
    ],
)
def test_what_denies_a_claim_is_another_claim(said: str, elsewhere: str) -> None:
    found, _ = composed([judged(only("a", said), 0.9), judged(only("b", elsewhere, number=2), 0.85)])
    assert [claim.text for claim in found] == [said, elsewhere]
    assert all(claim.also == () for claim in found)


@pytest.mark.parametrize(
    "said, elsewhere",
    [
        ("Now Poland will vote for the new sanctions.", "Now Hungary will vote for the new sanctions."),
        ("The old harbour was closed in 1987.", "The old harbour was closed."),
    ],
)
def test_only_what_has_all_of_its_names_and_numbers_proves_a_claim(said: str, elsewhere: str) -> None:
    found, _ = composed([judged(only("a", said), 0.9), judged(only("b", elsewhere, number=2), 0.85)])
    assert all(claim.also == () for claim in found)


def test_no_sentence_is_quoted_twice_for_a_pronoun() -> None:
    text = "Marta Lind ran the yard. The town was poor then. She sold it in 1931."
    first, second, third = candidates([hit("a", text)])
    found = texts([judged(first, 0.9), judged(second, 0.85), judged(third, 0.8)])
    assert found == ["Marta Lind ran the yard. The town was poor then.", "She sold it in 1931."]


def test_the_newer_article_wins_a_near_tie_and_only_that() -> None:
    old = only("old", "They met in Hamburg.", date=dt.date(2017, 7, 7))
    new = only("new", "They will meet in Budapest.", number=2, date=dt.date(2025, 10, 16))
    undated = only("undated", "They meet somewhere.", number=3)
    ranked = newest_of_ties([judged(old, 0.62), judged(undated, 0.6), judged(new, 0.5)])
    assert [candidate.sentence for candidate in ranked] == [new, old, undated]
    far = 0.62 / 0.38 / NEAR_TIE * 0.99
    assert newest_of_ties([judged(old, 0.62), judged(new, far / (1 + far))])[0].sentence == old
    assert newest_of_ties([]) == []


def test_who_asks_for_the_latest_hears_the_newer_article_first_though_it_is_a_good_deal_less_probable() -> None:
    old = only("old", "They met in Hamburg.", date=dt.date(2017, 7, 7))
    new = only("new", "The talks will be in Budapest.", number=2, date=dt.date(2025, 10, 16))
    odds = 0.8 / 0.2 / NEWEST_TIE / 4
    far = only("far", "It rained in Vessel.", number=3, date=dt.date(2025, 11, 1))
    pairs = [judged(old, 0.8), judged(new, 0.55), judged(far, odds / (1 + odds))]
    assert texts(pairs, newest=True) == [new.text, old.text]
    assert texts(pairs) == [old.text, new.text]


def test_a_date_in_the_future_wins_no_tie() -> None:
    old = only("old", "They met in Hamburg.", date=dt.date(2017, 7, 7))
    mistaken = only("mistaken", "They meet in Budapest.", number=2, date=dt.date(2099, 10, 16))
    ranked = newest_of_ties([judged(mistaken, 0.62), judged(old, 0.6)], today=dt.date(2026, 11, 24))
    assert [candidate.sentence for candidate in ranked] == [old, mistaken]
