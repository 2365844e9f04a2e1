"""Word indexes: built once or derived from an earlier one, checked, found broken when they are."""

import math
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from index.errors import Damaged
from index.records import PassageId, Stored
from index.segments import lexicon
from index.segments.lexicon import Lexicon
from index.system.seal import opened
from index.text.analyse import terms


@pytest.fixture
def words(tmp_path: Path) -> Lexicon:
    texts = [
        ("Harbours", "The old harbour was closed to cargo ships in 1987."),
        ("Bakery", "Rye bread is the best-selling loaf of the bakery."),
        ("Missiles", "A Tomahawk flies 1,600 kilometres. The BGM-109 is one."),
        ("Café", "Müller's café sells naïve paintings; Зеленский приехал."),
        ("Empty", "It stays closed on Sundays."),
    ]
    lexicon.build(tmp_path / "w", (Stored(PassageId(i), t, "", x) for i, (t, x) in enumerate(texts, start=1)))
    return Lexicon(tmp_path / "w")


@pytest.mark.parametrize(
    "question, best",
    [
        ("When did the harbours close?", 1),
        ("what is the best selling bread", 2),
        ("How far does a tomahawk fly", 3),
        ("BGM-109", 3),
        ("muller cafe", 4),
        ("Зеленский", 4),
        ("Is it closed on Sunday?", 5),
    ],
)
def test_words_find_their_passage_whatever_their_form(words: Lexicon, question: str, best: int) -> None:
    assert next(iter(words.best(question, limit=3))) == best


@pytest.mark.parametrize("question", ["", "the of and", "😀", 'a" OR title:*', "AND NOT (", "x" * 5_000, "^~[]{}\\/"])
def test_no_question_is_a_syntax_error(words: Lexicon, question: str) -> None:
    assert isinstance(words.best(question, limit=3), dict)
    assert isinstance(words.scores(question, [PassageId(1)]), dict)


def test_the_score_of_a_given_passage_is_the_one_it_is_ranked_by(words: Lexicon) -> None:
    ranked = words.best("closed harbour on Sundays", limit=5)
    assert len(ranked) == 2
    assert words.scores("closed harbour on Sundays", list(ranked)) == pytest.approx(ranked)
    assert words.scores("closed harbour", [PassageId(2)]) == {}


def test_words_that_follow_each_other_as_in_the_question_rank_higher(tmp_path: Path) -> None:
    texts = [
        "In Normandy a duke was crowned, and another duke was not.",
        "The Duke of Normandy sailed, and another was crowned.",
        "Another harbour was crowned with a light, and Normandy was not.",
    ]
    lexicon.build(tmp_path / "w", numbered(1, *texts))
    words = Lexicon(tmp_path / "w")
    assert next(iter(words.best("Which duke of Normandy was crowned?", limit=3))) == 2
    apart, together = words.scores("Normandy duke", [PassageId(1)]), words.scores("duke Normandy", [PassageId(2)])
    assert together[PassageId(2)] > words.scores("Normandy duke", [PassageId(2)])[PassageId(2)]
    assert apart.keys() == {1}


def test_a_word_index_of_an_older_form_is_built_again(tmp_path: Path) -> None:
    lexicon.build(tmp_path / "a", numbered(1, "ships", "boats"))
    seal = tmp_path / "a" / "seal.json"
    seal.write_text(seal.read_text().replace('"form": 2', '"form": 1'))
    with pytest.raises(Damaged, match="another version"):
        Lexicon(tmp_path / "a")
    with pytest.raises(Damaged, match="another version"):
        lexicon.derive(tmp_path / "b", previous=tmp_path / "a", passages=numbered(3, "planes"), dead=[])


def test_words_beside_a_question_count_as_much_as_they_weigh(words: Lexicon) -> None:
    (harbour,) = words.best("harbour", limit=5).values()
    ranked = words.best("bakery", limit=5, beside={"harbour": 0.25})
    assert ranked[PassageId(1)] == pytest.approx(harbour / 4)
    assert ranked[PassageId(2)] == pytest.approx(words.best("bakery", limit=5)[PassageId(2)])
    assert words.scores("bakery", list(ranked), beside={"harbour": 0.25}) == pytest.approx(ranked)
    assert words.best("harbour", limit=5, beside={"harbour": 0.25}) == {PassageId(1): pytest.approx(harbour)}
    assert words.best("why", limit=5, beside={"harbour": 0.25}).keys() == {PassageId(1)}


def test_a_word_that_no_passage_has_tells_nothing(words: Lexicon) -> None:
    told = words.telling(["harbour", "zeppelin"])
    assert told["harbour"] > 0 == told["zeppelin"]


def test_rare_words_weigh_more_and_unknown_ones_are_known_as_such(words: Lexicon) -> None:
    weights = words.weights(terms("closed tomahawk"))
    assert weights["tomahawk"] > weights["close"] > 0
    assert words.knows(terms("Tomahawks")[0])
    assert not words.knows("zeppelin")


def test_content_words_keep_how_they_were_written(words: Lexicon) -> None:
    assert list(words.asked("Which Hotels in Budapest will host the talks?").values()) == [
        "Hotels", "Budapest", "host", "talks",
    ]  # fmt: skip


SPOKEN = [
    ("en", "The old harbour was closed to cargo ships in 1987."),
    ("de", "Die alten Häfen wurden 1987 für Frachtschiffe geschlossen."),
    ("ru", "Старая гавань была закрыта для грузовых судов в 1987 году."),
    ("zh", "旧港口于1987年对货船关闭。"),
    ("fr", "Les vieux ports ont été fermés aux cargos en 1987."),
]


@pytest.fixture
def spoken(tmp_path: Path) -> Lexicon:
    numbers = enumerate(SPOKEN, start=1)
    lexicon.build(tmp_path / "s", (Stored(PassageId(n), "", "", text, language) for n, (language, text) in numbers))
    return Lexicon(tmp_path / "s")


@pytest.mark.parametrize(
    "question, best",
    [
        ("When do harbours close?", 1),
        ("Welcher Hafen ist geschlossen?", 2),
        ("грузовое судно", 3),
        ("哪个港口关闭了", 4),
        ("Quel port est fermé ?", 5),
    ],
)
def test_each_question_finds_what_is_written_in_its_language(spoken: Lexicon, question: str, best: int) -> None:
    assert next(iter(spoken.best(question, limit=3))) == best


def test_a_name_or_a_number_is_found_in_all_languages(spoken: Lexicon) -> None:
    assert set(spoken.best("1987", limit=9)) == {1, 2, 3, 4, 5}


@pytest.mark.parametrize(
    "question, unknown",
    [
        ("Which hotel is at the harbours?", ("hotel",)),
        ("Welches Hotel steht am Hafen?", ("Hotel", "steht")),
        ("Какой отель в гавани?", ("отель",)),
        ("哪个港口有量子计算机", ("有量子计算机",)),
    ],
)
def test_unknown_words_are_those_that_no_language_of_the_library_has(
    spoken: Lexicon, question: str, unknown: tuple[str, ...]
) -> None:
    assert spoken.unknown(question) == unknown


def test_words_are_analysed_as_the_articles_that_they_are_looked_for_in(spoken: Lexicon) -> None:
    assert spoken.asked("alte Häfen", language="de") == {"alt": "alte", "haf": "Häfen"}
    assert spoken.asked("alte Häfen", language="") == {"alt": "alte", "hafen": "Häfen"}
    assert spoken.asked("Welcher Hafen?") == {"haf": "Hafen"}


def test_an_english_library_has_plain_bm25(tmp_path: Path) -> None:
    """k1 1.2, b 0.75, lengths without stop words, which tantivy rounds above 40."""
    texts = ["harbour ships harbour", "the harbour of the town and its ferry today", "bakery bread"]
    lengths, counts = [3, 4, 2], [2, 1, 0]
    idf = math.log(1 + (3 - 2 + 0.5) / (2 + 0.5))
    for language in ("", "en"):
        place = tmp_path / f"w{language}"
        lexicon.build(place, [Stored(PassageId(n), "", "", text, language) for n, text in enumerate(texts)])
        words = Lexicon(place)
        assert words.analyses == ("en",)
        for number, score in words.best("Harbours?", limit=3).items():
            norm = 1.2 * (1 - 0.75 + 0.75 * lengths[number] / 3)
            assert score == pytest.approx(idf * counts[number] * 2.2 / (counts[number] + norm))


def test_the_forms_that_languages_have_of_a_word_weigh_as_one(tmp_path: Path) -> None:
    """Polish leaves "Häfen" as "hafen": rare there, it would outweigh "haf", which all German passages have."""
    languages = [*("de" for _ in range(9)), "pl"]
    passages = (Stored(PassageId(n), "", "", "Häfen", language) for n, language in enumerate(languages))
    lexicon.build(tmp_path / "w", passages)
    scores = Lexicon(tmp_path / "w").best("Häfen", limit=20)
    assert len(scores) == 10
    assert max(scores.values()) == pytest.approx(min(scores.values()))


def test_a_derived_word_index_knows_the_languages_of_both(tmp_path: Path) -> None:
    lexicon.build(tmp_path / "a", numbered(1, "ships", "boats"))
    fresh = [Stored(PassageId(3), "", "", SPOKEN[2][1], "ru")]
    lexicon.derive(tmp_path / "b", previous=tmp_path / "a", passages=fresh, dead=[])
    derived = Lexicon(tmp_path / "b")
    assert derived.analyses == ("en", "ru")
    assert [list(derived.best(question, limit=3)) for question in ("ship", "грузовой")] == [[1], [3]]


def test_a_word_index_that_does_not_tell_its_languages_is_english(tmp_path: Path) -> None:
    lexicon.build(tmp_path / "a", numbered(1, "ships", "boats"))
    seal = tmp_path / "a" / "seal.json"
    seal.write_text(seal.read_text().replace(', "analyses": ["en"]', ""))
    assert "analyses" not in seal.read_text()
    old = Lexicon(tmp_path / "a")
    assert (old.analyses, list(old.best("ship", limit=3))) == (("en",), [1])


def test_a_broken_word_index_is_damaged(tmp_path: Path) -> None:
    with pytest.raises(Damaged):
        Lexicon(tmp_path / "nowhere")
    (tmp_path / "w").mkdir()
    (tmp_path / "w" / "meta.json").write_text("{")
    with pytest.raises(Damaged):
        Lexicon(tmp_path / "w")


def numbered(first: int, *texts: str) -> Iterator[Stored]:
    return (Stored(PassageId(first + at), "", "", text) for at, text in enumerate(texts))


def test_a_derived_word_index_answers_as_one_built_anew(tmp_path: Path) -> None:
    texts = [f"the harbour number{n} was closed in {1900 + n}" for n in range(200)]
    lexicon.build(tmp_path / "a", numbered(1, *texts))
    fresh = ["a zeppelin landed in the harbour", "the bakery has moved"]
    dead = {PassageId(n) for n in (1, 7, 200)}
    lexicon.derive(tmp_path / "b", previous=tmp_path / "a", passages=numbered(201, *fresh), dead=dead)
    lexicon.build(tmp_path / "c", [p for p in numbered(1, *texts, *fresh) if p.id not in dead])
    derived, anew = Lexicon(tmp_path / "b"), Lexicon(tmp_path / "c")
    assert sorted(derived.numbers()) == sorted(anew.numbers()) == sorted({*range(1, 203)} - dead)
    for question in ("zeppelin harbour", "bakery", "number6", "number7", "closed in 1950"):
        assert set(derived.best(question, limit=5)) == set(anew.best(question, limit=5))
    assert Lexicon(tmp_path / "a").count == 200


def test_deriving_shares_the_files_that_did_not_change_and_never_touches_the_earlier_ones(tmp_path: Path) -> None:
    lexicon.build(tmp_path / "a", numbered(1, *("some words about ships" for _ in range(1_000))))
    before = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "a").iterdir()}
    lexicon.derive(tmp_path / "b", previous=tmp_path / "a", passages=numbered(1_001, "more"), dead=[PassageId(3)])
    assert {path.name: path.stat().st_mtime_ns for path in (tmp_path / "a").iterdir()} == before
    opened(tmp_path / "a", thoroughly=True)
    shared = [path for path in (tmp_path / "b").iterdir() if path.stat().st_nlink > 1]
    assert sum(path.stat().st_size for path in shared) > sum(
        path.stat().st_size for path in (tmp_path / "b").iterdir() if path not in shared
    )


def test_where_there_are_no_hard_links_the_files_are_copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError

    lexicon.build(tmp_path / "a", numbered(1, "ships", "boats"))
    monkeypatch.setattr(os, "link", refuse)
    lexicon.derive(tmp_path / "b", previous=tmp_path / "a", passages=numbered(3, "planes"), dead=[])
    assert sorted(Lexicon(tmp_path / "b").numbers()) == [1, 2, 3]


def test_nothing_is_derived_from_a_word_index_that_is_not_what_was_built(tmp_path: Path) -> None:
    lexicon.build(tmp_path / "a", numbered(1, "ships", "boats"))
    largest = max((tmp_path / "a").glob("*.*"), key=lambda path: path.stat().st_size)
    largest.write_bytes(largest.read_bytes()[:-1])
    with pytest.raises(Damaged):
        lexicon.derive(tmp_path / "b", previous=tmp_path / "a", passages=numbered(3, "planes"), dead=[])
