"""What inline mode offers, whatever the articles say: each a whole message that Telegram's parser takes."""

import datetime as dt
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from telegram import InlineQueryResultArticle, InputTextMessageContent

from bot import words
from bot.showing.results import MOST, results
from index.records import Answer, Article, ArticleId, Citation, Claim, Hit, Passage, PassageId
from tests.botapi.formatting import Formatted
from tests.test_render import NASTY, parsed, visible


def found(
    before: str, quote: str, after: str, *, title: str = "A title", url: str = "https://example.org/a", others: int = 2
) -> Answer:
    """Answer with a quote, and find its passage and others beside it."""
    text = before + quote + after
    article = Article(ArticleId("a.md"), title, text, dt.date(2025, 10, 16), "The Gazette", url)
    passages = [Passage(PassageId(number), article, 0, len(text)) for number in range(others + 1)]
    citation = Citation(1, passages[0], len(before), len(before) + len(quote))
    hits = tuple(Hit(passage, 1.0, 1.0, 1.0) for passage in passages)
    return Answer("?", (Claim(" ".join(quote.split()), (1,)),), (citation,), (), (), 0.9, 1, hits=hits)


def texts(offered: tuple[InlineQueryResultArticle, ...]) -> list[Formatted]:
    contents = [result.input_message_content for result in offered]
    assert len({result.id for result in offered}) == len(offered) <= MOST
    assert all(result.title.strip() for result in offered)
    return parsed([content.message_text for content in contents if isinstance(content, InputTextMessageContent)])


def test_first_the_answer_with_its_sources_then_the_passages_with_the_cited_words_in_bold() -> None:
    offered = results(found("Before it. ", "It closed in 1987.", " After it."))
    assert [result.id for result in offered] == ["answer", "passage-1", "passage-2", "passage-3"]
    assert [(result.title, result.description) for result in offered] == [
        ("It closed in 1987.", "A title · The Gazette · 16 Oct 2025"),
        ("A title", "It closed in 1987."),
        *[("A title", "Before it. It closed in 1987. After it.")] * 2,
    ]
    answer, cited, other, _ = texts(offered)
    assert answer.text == "It closed in 1987. [1]\n\n[1] A title · The Gazette · 16 Oct 2025"
    assert cited.text == "A title · The Gazette · 16 Oct 2025\nBefore it. It closed in 1987. After it."
    assert [entity.of(cited.text) for entity in cited.entities if entity.type == "bold"] == ["It closed in 1987."]
    assert other.text == cited.text
    assert [entity.type for entity in other.entities] == ["text_link", "expandable_blockquote"]


def test_a_refusal_says_so_names_the_nearest_and_offers_their_passages() -> None:
    answered = found("", "It closed in 1987.", "", others=7)
    refused = replace(answered, claims=(), citations=(), nearest=(answered.hits[0].passage.article,))
    offered = results(refused)
    assert (offered[0].title, offered[0].description) == (words.INLINE_REFUSAL, "A title")
    refusal, *passages = texts(offered)
    assert refusal.text.startswith("The articles do not answer that")
    assert [passage.text.endswith("It closed in 1987.") for passage in passages] == [True] * 4


@given(before=NASTY, quote=NASTY.filter(visible), after=NASTY, title=NASTY, times=st.sampled_from([1, 12, 60]))
def test_any_text_is_taken_and_no_claim_is_cut(before: str, quote: str, after: str, title: str, times: int) -> None:
    offered = results(found(before * times, quote, after * times, title=title))
    shown = texts(offered)
    assert offered[0].id == "answer"
    assert visible(quote) in visible(shown[0].text)
    assert visible(quote) in visible(shown[1].text)


@pytest.mark.parametrize("letter", ["a", "😀", "ж ", "<&>"])
def test_a_long_passage_is_shortened_around_what_is_cited_and_a_monstrous_claim_is_left_out(letter: str) -> None:
    offered = results(found(letter * 9_000, "It closed in 1987.", letter * 9_000))
    _, cited, other, _ = texts(offered)
    assert "It closed in 1987." in cited.text
    assert cited.text.endswith(" …")
    assert "\n… " in cited.text
    assert "1987" not in other.text
    monster = results(found("", (letter * 5_000).strip(), ""))
    assert [result.id for result in monster] == ["passage-1", "passage-2", "passage-3"]
    texts(monster)
