"""Answers as Telegram messages: whatever the text, Telegram's own parser takes them, and no word of a claim is lost."""

import datetime as dt
from dataclasses import replace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bot.text import render
from index.records import Answer, Article, ArticleId, Citation, Claim, Page, Passage, PassageId
from tests.botapi.formatting import Formatted, format_text, utf16_length

NASTY = st.text(
    alphabet=st.one_of(
        st.sampled_from([*"<>&\"'/ab \n\r\t*_[]()`~|#@.!", "😀", "\u200f", "م", "Ж", "\u0301", "\u200d"]),
        st.characters(exclude_categories=("Cs", "Cc")),
    ),
    min_size=1,
    max_size=400,
)


def parsed(messages: list[str]) -> list[Formatted]:
    shown = [format_text(html, parse_mode="HTML") for html in messages]
    assert all(0 < utf16_length(message.text) <= 4_096 for message in shown)
    assert all(len(message.entities) <= 100 for message in shown)
    return shown


def visible(text: str) -> str:
    """What is left of a text when all that Telegram may drop or turn into spaces is gone."""
    return "".join(c for c in text if c.isalnum())


def answer_from(
    before: str, quote: str, after: str, *, title: str = "A title", url: str = "https://example.org/a", claims: int = 1
) -> Answer:
    text = before + quote + after
    article = Article(ArticleId("a.md"), title, text, dt.date(2025, 10, 16), "The Gazette", url)
    passage = Passage(PassageId(1), article, 0, len(text))
    citations = tuple(Citation(n, passage, len(before), len(before) + len(quote)) for n in range(1, claims + 1))
    said = tuple(Claim(" ".join(c.quote.split()), (c.number,)) for c in citations)
    return Answer("?", said, citations, (), (), 0.9, 1)


def test_an_answer_shows_claim_number_title_outlet_date_link_and_the_claims_words_in_bold() -> None:
    messages = render.answer(answer_from("Before it. ", "It closed in 1987.", " After it."))
    assert messages[0].split("\n") == [
        "It closed in 1987. [1]",
        "",
        '[1] <a href="https://example.org/a">A title</a> · The Gazette · 16 Oct 2025',
        "<blockquote expandable>Before it. <b>It closed in 1987.</b> After it.</blockquote>",
    ]
    (shown,) = parsed(messages)
    kinds = sorted(entity.type for entity in shown.entities)
    assert kinds == ["bold", "expandable_blockquote", "text_link"]


def test_a_passage_that_is_cited_twice_is_shown_once_with_both_in_bold() -> None:
    text = "One here. Two here. Three here."
    passage = Passage(PassageId(1), Article(ArticleId("a.md"), "A title", text), 0, len(text))
    citations = (Citation(1, passage, 20, 31), Citation(2, passage, 0, 9))
    answer = Answer("?", tuple(Claim(c.quote, (c.number,)) for c in citations), citations, (), (), 0.9, 1)
    (html,) = render.answer(answer)
    assert html.endswith(
        "[1][2] A title\n<blockquote expandable><b>One here.</b> Two here. <b>Three here.</b></blockquote>"
    )
    parsed([html])


@given(before=NASTY, quote=NASTY.filter(visible), after=NASTY, title=NASTY, claims=st.integers(1, 3))
def test_any_text_is_accepted_by_telegram_and_keeps_the_words_of_the_claim(
    before: str, quote: str, after: str, title: str, claims: int
) -> None:
    shown = parsed(render.answer(answer_from(before, quote, after, title=title, claims=claims)))
    assert visible(quote) in visible("".join(message.text for message in shown))


@pytest.mark.parametrize("length", [100, 4_000, 4_090, 4_096, 4_100, 9_000, 40_000])
@pytest.mark.parametrize("letter", ["a", "😀", "ж", "a b", "<&>", "word "])
def test_text_of_any_length_is_split_without_loss(length: int, letter: str) -> None:
    quote = (letter * length)[:length].strip()
    shown = parsed(render.answer(answer_from("x " * 3_000, quote, " y" * 3_000)))
    whole = "".join("".join(message.text.split()) for message in shown)
    assert whole.count("".join(quote.split())) >= 1 or length > 4_000
    assert whole.count(letter[0]) >= 2 * quote.count(letter[0])


def test_hundreds_of_blocks_keep_within_the_entities_of_a_message() -> None:
    blocks = [render.Block((render.Run(f"{n} "), render.Run("bold", bold=True))) for n in range(500)]
    shown = parsed(render.messages(blocks))
    assert sum(len(message.entities) for message in shown) == 500


def test_how_a_question_was_completed_stands_above_the_answer_and_above_an_abstention() -> None:
    answered = replace(answer_from("Before it. ", "It closed in 1987.", " After it."), understood="<harbour>: When?")
    for value, then in ((answered, "It closed in 1987. [1]"), (replace(answered, claims=()), "The articles do not")):
        first, _, rest = parsed(render.answer(value))[0].text.partition("\n\n")
        assert first == "Understood as: <harbour>: When?"
        assert rest.startswith(then)


def test_an_abstention_names_the_nearest_articles_and_the_unknown_words() -> None:
    article = Article(
        ArticleId("a.md"), "On <harbours>", "", dt.date(2025, 10, 16), "The Gazette", "https://example.org/a"
    )
    messages = render.answer(Answer("?", (), (), (article,), ("zeppelin",), 0.1, 1))
    text = parsed(messages)[0].text
    assert "do not answer" in text
    assert "No article mentions: zeppelin" in text
    assert "• On <harbours> · The Gazette · 16 Oct 2025" in text


def test_an_article_without_title_date_outlet_or_link_is_named_by_its_id() -> None:
    article = Article(ArticleId("a.md"), "", "It closed.")
    passage = Passage(PassageId(1), article, 0, 10)
    answer = Answer("?", (Claim("It closed.", (1,)),), (Citation(1, passage, 0, 10),), (), (), 0.9, 1)
    assert "[1] a.md\n" in parsed(render.answer(answer))[0].text


@given(text=NASTY, times=st.integers(1, 60))
def test_plain_text_of_any_kind_is_accepted(text: str, times: int) -> None:
    shown = parsed(render.text(text * times))
    assert visible(text * times) == visible("".join(message.text for message in shown))


def test_a_page_of_sources_fits_into_one_message_however_long_its_titles() -> None:
    articles = [
        Article(
            ArticleId(str(n)),
            "T<" * 400,
            "",
            dt.date(2025, 1, 1),
            "S&" * 300,
            f"https://example.org/{chr(120) * (100 if n else 9_000)}",
        )
        for n in range(8)
    ]
    shown = parsed([render.sources(articles, first=9)])
    assert shown[0].text.startswith("9. ")
    assert "16. " in shown[0].text


@given(line=NASTY.filter(visible), rest=NASTY.filter(visible))
@example(line="I watch this: " + "😀" * 2_100, rest="x")
def test_a_line_of_any_length_before_an_answer_makes_messages_that_telegram_takes(line: str, rest: str) -> None:
    whole = "".join(message.text for message in parsed(render.after(line, render.text(rest))))
    assert visible(line) + visible(rest) == visible(whole)


def test_a_line_goes_into_the_message_that_has_room_for_it_however_long_its_links_are() -> None:
    rest = f'<a href="https://example.org/{"x" * 5_000}">Harbour</a> &amp; {"y" * 4_000}'
    assert render.after("Sorry.", [rest]) == [f"Sorry.\n\n{rest}"]
    assert render.after("Sorry." * 20, [rest]) == ["Sorry." * 20, rest]
    assert render.after("Sorry." * 20, [rest], alone=False) == [rest]


@given(value=st.text(), most=st.integers(1, 50))
@example(value="😀" * 40, most=50)
def test_what_is_cut_is_as_long_as_telegram_counts(value: str, most: int) -> None:
    short = render.cut(value, most)
    assert render.units(short) <= most
    assert short == value or (short.endswith("…") and value.startswith(short[:-1]))


def test_the_line_of_a_source_says_the_page_or_else_the_section_and_stays_short() -> None:
    answer = answer_from("", "It closed in 1987.", " After it.")
    citation = answer.citations[0]

    def line(heading: str, *pages: Page) -> str:
        article = replace(citation.article, pages=pages)
        passage = replace(citation.passage, article=article, heading=heading)
        shown = replace(answer, citations=(replace(citation, passage=passage),))
        return parsed(render.answer(shown))[0].text.split("\n")[2]

    assert line("") == "[1] A title · The Gazette · 16 Oct 2025"
    assert line("History › Background") == "[1] A title · § Background · The Gazette · 16 Oct 2025"
    assert line("Background", Page(0, 4), Page(19, 5)) == "[1] A title · p. 4 · The Gazette · 16 Oct 2025"
    assert line("long " * 99) == f"[1] A title · § {'long ' * 11}lo… · The Gazette · 16 Oct 2025"
