"""What stands behind an answer: any article, at any window, makes one message that Telegram takes."""

import datetime as dt
import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot import words
from bot.asking.answers import shown
from bot.showing import buttons, evidence
from bot.showing.buttons import Place
from bot.showing.evidence import MOST, Window
from bot.store.kept import Asked, Kept, from_json, keep, links_of, to_json
from bot.text import render
from index.records import Answer, Article, ArticleId, Citation, Claim, Judged, Page, Passage, PassageId
from tests.test_render import NASTY, parsed, visible

HERE, THERE = Place("footnote_test_bot"), Place("footnote_test_bot", group=True)
WORDS = " ".join(f"word{n}" for n in range(3_000))


def kept_of(text: str, passage: tuple[int, int], cited: list[tuple[int, int]], **more: str) -> tuple[Kept, Article]:
    named = {"title": "A title", "url": "https://example.org/a", "source": "The Gazette", **more}
    heading = named.pop("heading", "")
    article = Article(ArticleId("a.md"), text=text, date=dt.date(2025, 10, 16), **named)
    of = Passage(PassageId(1), article, *passage, heading)
    citations = tuple(Citation(n, of, start, end) for n, (start, end) in enumerate(cited, start=1))
    claims = tuple(Claim(" ".join(one.quote.split()), (one.number,)) for one in citations)
    judged = tuple(Judged(of, one.start, one.end, {}, 0.5) for one in citations)
    answer = Answer("Why?", claims, citations, (), (), 0.9, 1, judged=judged)
    return keep("0123456789abcdef", Asked(8, 8, 1, 0.0), answer), article


@given(
    parts=st.lists(NASTY, min_size=5, max_size=5).filter(lambda parts: bool(visible(parts[2]))),
    title=NASTY,
    heading=st.one_of(st.just(""), NASTY),
    window=st.tuples(st.integers(0, 99), st.integers(0, 99)),
    gone=st.booleans(),
)
def test_any_passage_at_any_window_is_one_message_that_holds_the_cited_words(
    parts: list[str],
    title: str,
    heading: str,
    window: tuple[int, int],
    gone: bool,  # noqa: FBT001  drawn
) -> None:
    far, before, quote, after, further = parts
    start = len(far) * 20
    text = far * 20 + before + quote + after + further * 20
    place = (start, start + len(before + quote + after))
    cited = (start + len(before), start + len(before + quote))
    kept, article = kept_of(text, place, [cited], title=title, heading=heading)
    view = evidence.passage(kept, 1, None if gone else article, Window(*window))
    (one,) = parsed([view.html])
    assert visible(quote) in visible(one.text)
    parsed([evidence.why(kept, "1 Jan 2025")])
    for button in all_buttons(kept, view):
        assert len(button.encode()) <= 64


def all_buttons(kept: Kept, view: evidence.View) -> list[str]:
    keyboards = [
        buttons.under(kept, HERE),
        buttons.under(kept, THERE),
        buttons.around(kept, 1, Window(99, 99), view),
        buttons.reasons(kept),
        buttons.back(kept),
    ]
    return [str(one.callback_data or "") for board in keyboards for row in board.inline_keyboard for one in row]


@given(
    quote=NASTY.filter(visible),
    title=NASTY,
    url=st.sampled_from(["", "https://example.org/a b", "notes.md", "http://["]),
)
def test_an_answer_as_it_is_sent_is_taken_by_telegram_and_loses_no_word_of_a_claim(
    quote: str, title: str, url: str
) -> None:
    text = f"Before. {quote} After."
    kept, _ = kept_of(text, (0, len(text)), [(8, 8 + len(quote))], title=title, url=url)
    for place in (HERE, THERE):
        whole = "".join(message.text for message in parsed(shown(kept, place)))
        assert visible(quote) in visible(whole)


@given(quote=NASTY.filter(visible), title=NASTY, heading=NASTY, question=NASTY)
def test_what_is_kept_comes_back_as_it_was(quote: str, title: str, heading: str, question: str) -> None:
    text = f"Before. {quote} After."
    kept, _ = kept_of(text, (3, len(text)), [(8, 8 + len(quote))], title=title, heading=heading)
    kept = replace(kept, answer=replace(kept.answer, question=question, missing=("a", question)))
    again = from_json(kept.id, kept.asked, 1, to_json(kept), first=0, message=0, took=0.0)
    assert again == kept


def test_what_telegram_counts_twice_leaves_room_for_the_passage_all_the_same() -> None:
    smile = "😀"
    text = "a" * 3_000
    kept, article = kept_of(text, (0, 3_000), [(10, 40)], title=smile * 300, heading=smile * 200, source=smile * 100)
    (one,) = parsed([evidence.passage(kept, 1, article, Window()).html])
    assert text in one.text
    kept, article = kept_of(smile * 10_000, (0, 10_000), [(5_000, 6_600)])
    (one,) = parsed([evidence.passage(kept, 1, article, Window()).html])
    assert any(entity.type == "bold" for entity in one.entities)


def test_the_reasons_of_a_long_question_are_one_message_with_all_of_them() -> None:
    kept, article = kept_of("It rained. " * 50, (0, 550), [(0, 10)], url="https://example.org/" + "x" * 9_000)
    judged = tuple(
        Judged(Passage(PassageId(0), replace(article, title="T" * 300), 0, 400), 0, 400, {}, 0.5) for _ in range(5)
    )
    long = replace(kept.answer, question="😀" * 2_000, understood="Q" * 2_000, missing=("M" * 900,) * 2, judged=judged)
    html = evidence.why(replace(kept, answer=long), "1 Jan 2025")
    (one,) = parsed([html])
    assert "probability" in one.text
    assert one.text.count(" – T") == 5
    assert len(html.encode()) < 32_768


@pytest.mark.parametrize("letter", ["a", "😀", "ж", "<&>", "م"])
@pytest.mark.parametrize("size", [3_000, 10_000])
def test_ten_thousand_characters_without_a_space_are_shown_around_the_cited_ones(letter: str, size: int) -> None:
    text = (letter * size)[:size]
    kept, article = kept_of(text, (0, size), [(size // 2, size // 2 + 40)])
    view = evidence.passage(kept, 1, article, Window())
    (one,) = parsed([view.html])
    assert any(entity.type == "bold" for entity in one.entities)


def test_more_is_shown_tap_by_tap_until_a_message_is_full_or_the_article_ends() -> None:
    start = WORDS.index("word1500")
    kept, article = kept_of(WORDS, (start, start + 500), [(start, start + 8)])
    window, sizes = Window(), []
    while True:
        view = evidence.passage(kept, 1, article, window)
        (one,) = parsed([view.html])
        sizes.append(len(one.text))
        if not view.more_before:
            break
        window = Window(window.before + 1, window.after)
    assert sizes == sorted(set(sizes))
    assert len(sizes) == 1 + (MOST - 500) // evidence.STEP
    kept, article = kept_of("One. Two. Three.", (5, 9), [(5, 9)])
    view = evidence.passage(kept, 1, article, Window(1, 1))
    assert (view.more_before, view.more_after) == (False, False)
    assert "One. <b>Two.</b> Three." in view.html


def test_an_article_that_is_another_now_is_shown_as_it_was_with_a_word_about_it() -> None:
    kept, article = kept_of("One. Two. Three.", (5, 9), [(5, 9)])
    for today, note in ((None, words.ARTICLE_GONE), (replace(article, text="One. Five."), words.ARTICLE_CHANGED)):
        view = evidence.passage(kept, 1, today, Window(5, 5))
        assert "<b>Two.</b>" in view.html
        assert note in view.html
        assert (view.more_before, view.more_after) == (False, False)
    assert words.ARTICLE_CHANGED not in evidence.passage(kept, 1, article, Window()).html


def test_two_citations_of_one_passage_are_shown_together_and_another_number_is_none_of_it() -> None:
    kept, article = kept_of("One. Two. Three.", (0, 16), [(10, 16), (0, 4)])
    assert "<b>One.</b> Two. <b>Three.</b>" in evidence.passage(kept, 2, article, Window()).html
    with pytest.raises(LookupError):
        evidence.passage(kept, 3, article, Window())


def test_links_lead_to_the_sentence_or_where_there_is_no_address_to_the_stored_article() -> None:
    kept, _ = kept_of("One. Two. Three.", (0, 16), [(5, 9)])
    assert 'href="https://example.org/a#:~:text=Two' in shown(kept, HERE)[0]
    kept, _ = kept_of("One. Two. Three.", (0, 16), [(5, 9)], url="")
    assert 'href="https://t.me/footnote_test_bot?start=e_0123456789abcdef_1"' in shown(kept, HERE)[0]


def test_many_passages_have_rows_of_their_own() -> None:
    text = " ".join(f"Sentence {n}." for n in range(9))
    article = Article(ArticleId("a.md"), "A title", text)
    passages = [Passage(PassageId(n), article, text.index(f"Sentence {n}."), text.index(f"{n}.") + 2) for n in range(9)]
    citations = tuple(Citation(n + 1, one, one.start, one.end) for n, one in enumerate(passages))
    answer = Answer("?", (Claim("Nine.", tuple(range(1, 10))),), citations, (), (), 0.9, 1)
    kept = keep("0123456789abcdef", Asked(8, 8, 1, 0.0), answer)
    rows = [[button.text for button in row] for row in buttons.under(kept, HERE).inline_keyboard]
    assert rows == [["1", "2", "3", "4", "5", "6", "7", "8"], ["9"], ["Why", "👍", "👎"]]
    assert render.units(shown(kept, HERE)[0]) > 0


def test_an_answer_that_is_kept_knows_its_pages_and_one_from_before_there_were_any_is_read() -> None:
    kept, article = kept_of(WORDS, (100, 400), [(200, 250), (350, 360)], heading="One › Two")
    paged = replace(article, pages=(Page(0, 7), Page(90, 8), Page(300, 9), Page(900, 10)))
    cited = tuple(
        Citation(n, Passage(PassageId(1), paged, 100, 400, "One › Two"), start, end)
        for n, (start, end) in enumerate([(200, 250), (350, 360)], start=1)
    )
    kept = keep("0123456789abcdef", kept.asked, replace(kept.answer, citations=cited))
    read = from_json(kept.id, kept.asked, 1, to_json(kept), first=0, message=0, took=0.0)
    assert [(one.page, one.section) for one in read.answer.citations] == [(8, "Two"), (9, "Two")]
    assert "p. 8 · § One › Two\n" in evidence.passage(read, 1, paged, Window()).html
    old = json.loads(to_json(kept))
    for citation in old["citations"]:
        del citation["pages"]
    read = from_json(kept.id, kept.asked, 1, json.dumps(old), first=0, message=0, took=0.0)
    assert [(one.page, one.section) for one in read.answer.citations] == [(None, "Two"), (None, "Two")]


@pytest.mark.parametrize(
    "url,link",
    [
        ("https://example.org/a.PDF?x=1#top", "https://example.org/a.PDF?x=1#page=4"),
        ("https://example.org/a.html", "https://example.org/a.html#:~:text=word20"),
    ],
)
def test_a_link_to_a_pdf_leads_to_its_page(url: str, link: str) -> None:
    kept, article = kept_of(WORDS, (100, 400), [(200, 250)], url=url)
    paged = replace(article, pages=(Page(0, 4),))
    cited = Citation(1, Passage(PassageId(1), paged, 100, 400), 130, 150)
    assert links_of(replace(kept.answer, citations=(cited,)))[1].startswith(link)
