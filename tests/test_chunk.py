"""Passages: slices of the article, whole sentences, never more than the model reads."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from index.models.embed import Embedder
from index.records import Article, ArticleId, Heading
from index.text.chunk import Sizes, chunk
from index.text.sentences import sentences

SIZES = Sizes(limit=60, size=40, overlap=1)

WORDS = st.sampled_from(
    ["harbour", "the", "Budapest", "Привет", "мир", "مرحبا", "العالم", "😀", "👩‍🚀", "naïve", "1994", "你好世界"]
)
BREAKS = st.sampled_from([" ", " ", " ", ". ", "! ", "؟ ", "。", "\n", "\r\n", "\n\n", "\r\n\r\n", "  ", "\t"])
ARTICLES = st.lists(st.tuples(WORDS, BREAKS), min_size=0, max_size=400).map(
    lambda parts: "".join(word + after for word, after in parts)
)


def article(text: str, *, title: str = "", headings: tuple[Heading, ...] = ()) -> Article:
    return Article(ArticleId("a"), title, text, headings=headings)


def visible(text: str) -> str:
    return "".join(text.split())


@given(text=ARTICLES, title=st.one_of(st.just(""), ARTICLES), overlap=st.integers(0, 3))
def test_every_passage_is_a_slice_within_the_limit_and_none_of_the_text_is_lost(
    embedder: Embedder, text: str, title: str, overlap: int
) -> None:
    pieces = chunk(article(text, title=title), count=embedder.count, sizes=Sizes(60, 40, overlap))
    covered = set()
    for piece in pieces:
        assert 0 <= piece.start < piece.end <= len(text)
        assert piece.embedded.endswith(text[piece.start : piece.end])
        covered |= set(range(piece.start, piece.end))
    assert all(at in covered or text[at].isspace() for at in range(len(text)))
    assert all(count <= 60 for count in embedder.count([piece.embedded for piece in pieces]))
    assert [piece.start for piece in pieces] == sorted(piece.start for piece in pieces)


@given(text=st.text(st.characters(exclude_categories=("Cs",)), max_size=2_000))
def test_any_text_at_all_can_be_cut(embedder: Embedder, text: str) -> None:
    pieces = chunk(article(text), count=embedder.count, sizes=SIZES)
    assert all(count <= SIZES.limit for count in embedder.count([piece.embedded for piece in pieces]))
    assert visible("".join(piece.embedded for piece in pieces)) or not visible(text)


def test_passages_begin_and_end_with_whole_sentences(embedder: Embedder) -> None:
    text = " ".join(f"Sentence number {n} is about the harbour of Lindholm." for n in range(40))
    starts = {span.start for span in sentences(text)}
    ends = {span.end for span in sentences(text)}
    pieces = chunk(article(text), count=embedder.count, sizes=SIZES)
    assert len(pieces) > 5
    assert all(piece.start in starts and piece.end in ends for piece in pieces)


def test_neighbours_share_as_many_sentences_as_the_overlap_says(embedder: Embedder) -> None:
    text = " ".join(f"Sentence {n} is here." for n in range(30))
    for overlap in (0, 1, 2):
        pieces = chunk(article(text), count=embedder.count, sizes=Sizes(60, 40, overlap))
        shared = [
            len(sentences(text[after.start : before.end])) if after.start < before.end else 0
            for before, after in pairwise(pieces)
        ]
        assert len(pieces) > 3
        assert max(shared) <= overlap
        assert sum(shared) >= overlap * (len(shared) - 1) * 0.5


def test_a_sentence_that_is_longer_than_a_passage_is_cut_between_words(embedder: Embedder) -> None:
    text = "word " * 500
    pieces = chunk(article(text), count=embedder.count, sizes=SIZES)
    assert len(pieces) > 10
    assert all(set(text[p.start : p.end].split()) == {"word"} for p in pieces)


def test_a_word_without_an_end_is_cut_all_the_same(embedder: Embedder) -> None:
    text = "ж" * 3_000
    pieces = chunk(article(text), count=embedder.count, sizes=Sizes(60, 40, 0))
    assert "".join(text[p.start : p.end] for p in pieces) == text


def test_headings_and_title_are_context_but_never_inside_a_passage(embedder: Embedder) -> None:
    text = "Before it.\n\nThe harbour\n\nIt closed in 1987.\n\nFishermen\n\nThey stay."
    one, other = text.index("The harbour"), text.index("Fishermen")
    headings = (Heading(one, one + 11, 1), Heading(other, other + 9, 2))
    pieces = chunk(article(text, title="Lindholm", headings=headings), count=embedder.count, sizes=SIZES)
    assert [text[p.start : p.end] for p in pieces] == ["Before it.", "It closed in 1987.", "They stay."]
    assert [p.heading for p in pieces] == ["", "The harbour", "The harbour › Fishermen"]
    assert pieces[2].embedded == "Lindholm · The harbour › Fishermen\n\nThey stay."


def test_a_heading_of_the_same_level_ends_the_one_before(embedder: Embedder) -> None:
    text = "One\n\nFirst.\n\nTwo\n\nSecond."
    headings = (Heading(0, 3, 2), Heading(13, 16, 2))
    pieces = chunk(article(text, headings=headings), count=embedder.count, sizes=SIZES)
    assert [p.heading for p in pieces] == ["One", "Two"]


def test_a_title_of_any_length_leaves_room_for_the_text(embedder: Embedder) -> None:
    pieces = chunk(article("A short text.", title="very " * 500), count=embedder.count, sizes=SIZES)
    assert [p.embedded.endswith("A short text.") for p in pieces] == [True]
    assert embedder.count([pieces[0].embedded])[0] <= SIZES.limit


@pytest.mark.parametrize("text", ["", " ", "\n\n\n"])
def test_nothing_makes_no_passages(embedder: Embedder, text: str) -> None:
    assert chunk(article(text), count=embedder.count, sizes=SIZES) == []
