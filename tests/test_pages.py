"""Reading articles: lists and pages, from the person's side and as pure text."""

import datetime as dt
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot import words
from bot.browsing import pages
from bot.showing.evidence import MOST
from bot.text import render
from index.browsing.shelfmark import shelfmark
from index.library import Library
from index.records import Article, ArticleId, Heading, Outlet, Passage, PassageId, Version
from tests.botapi import BotApi, Message
from tests.botapi.formatting import format_text
from tests.conftest import GUEST, WHEN, MakeLibrary, Serve, answered, until, write
from tests.golden import Golden
from tests.test_answers import PACED, Talk
from tests.test_render import visible

HALLS = [f"Hall {n}" for n in range(1, 9)]


@pytest.fixture
def library(make_library: MakeLibrary, folder: Path) -> Library:
    """A dozen articles of two outlets and of none; one of them is long."""
    for n in range(1, 8):
        write(folder / f"ferry-{n}.md", title=f"Ferry news {n}", date=f"2023-05-{n:02}", text=f"Ferry {n} is on time.")
    long = "\n\n".join(f"## {hall}\n\n{hall} holds grain. " + f"The gate of {hall} is of oak. " * 20 for hall in HALLS)
    write(folder / "depot.md", title="A depot & its halls", date="2023-02-01", text=long)
    path = folder / "depot.md"
    path.write_text(path.read_text().replace("source: The Gazette", "source: Depot Weekly"))
    (folder / "note.md").write_text("A note without a name. It says that the tide is low.")
    made = make_library()
    made.index(folder)
    return made


def data(message: Message, label: str) -> str:
    return next(button.data or "" for row in message.buttons for button in row if button.label == label)


def test_the_newest_articles_are_paged_and_each_opens_by_its_number(
    api: BotApi, serve: Serve, library: Library, golden: Golden
) -> None:
    talk = Talk(api.person(GUEST, "Anna"))
    with serve(library, limits=PACED):
        page = talk.asks("/latest")
        page = talk.presses(page, words.OLDER_BUTTON)
        article = talk.presses(page, "11")
        assert "A depot & its halls" in article.text
        article = talk.presses(article, "›")
        article = talk.presses(article, "‹")
        back = talk.presses(article, words.BACK_BUTTON)
        assert (back.text, back.buttons) == (page.text, page.buttons)
    assert sum(message.from_bot for message in talk.person.chat) == 1
    golden(talk.transcript, "latest")


def test_the_outlets_lead_to_their_articles_and_back(
    api: BotApi, serve: Serve, library: Library, golden: Golden
) -> None:
    talk = Talk(api.person(GUEST, "Anna"))
    with serve(library, limits=PACED):
        outlets = talk.asks("/sources")
        gazette = talk.presses(outlets, "1")
        older = talk.presses(gazette, words.OLDER_BUTTON)
        ferry = talk.presses(older, "9")
        older = talk.presses(ferry, words.BACK_BUTTON)
        talk.presses(older, words.BACK_BUTTON)
    golden(talk.transcript, "outlets")


def test_an_article_is_found_by_its_title_and_the_way_back_is_what_was_found(
    api: BotApi, serve: Serve, library: Library, golden: Golden
) -> None:
    talk = Talk(api.person(GUEST, "Anna"))
    with serve(library, limits=PACED):
        talk.asks("/article")
        talk.asks("/article zeppelin")
        assert "Morgenrot" in talk.asks("/article BAKERY").text
        found = talk.asks("/article ferry")
        ferry = talk.presses(found, "2")
        again = talk.presses(ferry, words.BACK_BUTTON)
        assert (again.text, again.buttons) == (found.text, found.buttons)
    golden(talk.transcript, "article")


def test_evidence_leads_to_the_whole_article_where_the_cited_words_stand_and_back(
    api: BotApi, serve: Serve, library: Library, golden: Golden
) -> None:
    talk = Talk(api.person(GUEST, "Anna"))
    with serve(library, limits=PACED):
        answer = talk.asks("What does Hall 8 hold?")
        assert "Hall 8 holds grain." in answer.text
        evidence = talk.presses(answer, "1")
        evidence = talk.presses(evidence, words.MORE_BEFORE_BUTTON)
        whole = talk.presses(evidence, words.WHOLE_BUTTON)
        assert "Hall 8 holds grain." in whole.text
        first = talk.presses(whole, "‹")
        back = talk.presses(first, words.BACK_BUTTON)
        assert (back.text, back.buttons) == (evidence.text, evidence.buttons)
        back = talk.presses(back, words.BACK_BUTTON)
        assert (back.text, back.buttons) == (answer.text, answer.buttons)
    golden(talk.transcript, "whole-article")


def test_buttons_of_articles_work_after_a_restart_and_a_reindex_and_say_what_is_gone_or_changed(
    api: BotApi, serve: Serve, library: Library, make_library: MakeLibrary, folder: Path
) -> None:
    talk = Talk(api.person(GUEST, "Anna"))
    person = talk.person
    with serve(library, limits=PACED):
        depot = talk.asks("/article depot")
        cited = talk.presses(talk.presses(talk.asks(WHEN), "1"), words.WHOLE_BUTTON)
        latest, gazette = talk.asks("/latest"), talk.presses(talk.asks("/sources"), "1")
        weekly = talk.presses(talk.asks("/sources"), "3")
    (folder / "depot.md").write_text((folder / "depot.md").read_text().replace("grain", "coal"))
    again = make_library()
    again.index(folder)
    with serve(again, limits=PACED):
        press = person.presses(depot, "›")
        assert press.answer().text == words.NOT_AS_BEFORE
        until(lambda: "coal" in talk.now(depot).text)
        press = person.presses(depot, "‹")
        assert press.answer().text == ""
        assert person.presses(cited, words.BACK_BUTTON).answer().text == ""
        until(lambda: "▾" not in talk.now(cited).text and words.WHOLE_BUTTON in talk.now(cited).labels)
    for path in (*folder.glob("ferry-*.md"), folder / "depot.md", folder / "harbour.md"):
        path.unlink()
    third = make_library()
    third.index(folder, agreed=True)
    with serve(third, limits=PACED):
        gone = person.presses(depot, "›").answer()
        assert (gone.text, gone.show_alert) == (words.NOT_HELD, True)
        assert person.presses(cited, words.WHOLE_BUTTON).answer().text == words.NOT_HELD
        assert person.presses(weekly, "1").answer().text == words.NOT_HELD
        assert person.presses_data(weekly, f"latest:0:{shelfmark('Depot Weekly')}").answer().text == (
            words.OUTLET_NOT_HELD
        )
        assert person.presses(latest, words.OLDER_BUTTON).answer().text == ""
        until(lambda: talk.now(latest).text.startswith("1. Library hours") and "3." in talk.now(latest).text)
        assert person.presses(gazette, words.OLDER_BUTTON).answer().text == ""
        until(lambda: "1. Library hours" in talk.now(gazette).text)


def test_forged_buttons_of_articles_are_answered_and_show_nothing_of_others(
    api: BotApi, serve: Serve, library: Library, expected: list[str]
) -> None:
    anna, eve = api.person(GUEST, "Anna"), api.person(9, "Eve")
    with serve(library, limits=PACED):
        hers = answered(anna, WHEN)
        eves = answered(eve, "/latest")
        id_ = data(hers, "Why").partition(":")[2]
        assert eve.presses_data(eves, f"x:{id_}:1:0:0").answer().text == words.NOT_THIS_ANSWER
        assert anna.presses_data(hers, f"x:{'0' * 16}:1:0:0").answer().text == words.ANSWER_FORGOTTEN
        assert anna.presses_data(hers, f"x:{id_}:7:0:0").answer().text == words.NOT_THIS_ANSWER
        assert eve.presses_data(eves, "article:AAAAAAAAAAAA:0::").answer().text == words.NOT_HELD
        assert eve.presses_data(eves, "latest:0:AAAAAAAAAAAA").answer().text == words.OUTLET_NOT_HELD
        assert eve.presses_data(eves, "found").answer().text == words.SEARCHED_LONG_AGO
        assert eve.presses_data(eves, "latest:0:", gone=True).answer().text == words.TOO_OLD
        for odd in ("latest:-1:", "latest:0", "latest:0:;drop", "article:../../etc:0::", "article:AAAAAAAAAAAA:0::x"):
            assert eve.presses_data(eves, odd).answer().text == ""
        mark = shelfmark("harbour.md")
        assert eve.presses_data(eves, f"article:{mark}:99999::l999999.").answer().text == ""
        eve.waits(lambda m: m.id == eves.id and "The old harbour" in m.text and m.edits == 1)
        assert eve.presses_data(eves, "latest:999999:").answer().text == ""
        eve.waits(lambda m: m.id == eves.id and m.text.startswith("9. ") and m.edits == 2)
    assert expected == []


@pytest.mark.nightly
def test_a_title_of_nothing_but_markup_and_of_great_length_is_shown(
    api: BotApi, serve: Serve, make_library: MakeLibrary, folder: Path
) -> None:
    title = "😀<b>&" * 150
    write(folder / "odd.md", title=f"'{title}'", date="2025-01-01", text="x" * 10_000 + " عربي " + "a < b & c. " * 500)
    library = make_library()
    library.index(folder)
    anna = api.person(GUEST, "Anna")
    with serve(library, limits=PACED):
        talk = Talk(anna)
        page = talk.presses(talk.asks("/latest"), "1")
        seen = re.sub(r"\s", "", page.text.split("passages\n")[1])
        while "›" in page.labels:
            page = talk.presses(page, "›")
            seen += re.sub(r"\s", "", page.text.split("passages\n")[1])
    assert seen.count("x") == 10_000
    assert seen.count("a<b&c.") == 500


names = st.text(st.characters(codec="utf-8"), max_size=600)


@st.composite
def written(draw: st.DrawFn) -> tuple[Article, list[Passage]]:
    """An article of any text, with passages and headings anywhere in it."""
    piece = st.one_of(
        st.text(st.characters(codec="utf-8"), max_size=40), st.sampled_from(["word " * 50, "\n\n", "😀" * 90])
    )
    text = "".join(draw(st.lists(piece, max_size=30)))
    places = st.integers(0, max(0, len(text) - 1))
    spots = sorted(draw(st.sets(places, max_size=20))) if text else []
    headings = tuple(Heading(at, min(at + 3, end)) for at, end in zip(spots, [*spots[1:], len(text)], strict=False))
    article = Article(ArticleId("a"), draw(names), text, None, draw(names), "https://example.org", headings)
    starts = sorted(draw(st.sets(places, max_size=20))) if text else []
    return article, [Passage(PassageId(n), article, at, len(text)) for n, at in enumerate(starts)]


@given(made=written(), most=st.integers(10, 400))
def test_pages_hold_the_whole_text_in_order_and_none_is_too_long(
    made: tuple[Article, list[Passage]], most: int
) -> None:
    article, passages = made
    cut = pages.cut(article, passages, most=most)
    assert "".join(page.of(article.text) for page in cut) == article.text
    assert all(render.units(page.of(article.text)) <= most for page in cut)
    assert all(len(page) for page in cut) or not article.text
    assert [pages.page_of(cut, page.start) for page in cut if len(page)] == list(range(len(cut) if article.text else 0))


@given(made=written())
def test_a_page_is_a_message_that_telegram_takes_with_all_its_words(made: tuple[Article, list[Passage]]) -> None:
    article, passages = made
    cut = pages.cut(article, passages)
    for number, page in enumerate(cut):
        html = pages.article(article, len(passages), cut, number)
        shown = format_text(html, parse_mode="HTML")
        assert render.units(shown.text) <= render.LIMIT
        assert len(shown.entities) <= 100
        assert visible(page.of(article.text)) in visible(shown.text)


@pytest.mark.parametrize("language", ["en", "ru"])
def test_all_that_is_known_of_an_article_leaves_its_page_whole(language: str) -> None:
    text = "word " * 2_000
    whole = Article(ArticleId("a"), "😀" * 400, text, dt.date(2026, 10, 28), "О" * 300, "https://example.org")
    replaced = dt.datetime(2026, 11, 28, 12, tzinfo=dt.UTC)
    history = [Version("<b>" * 40, None, replaced - dt.timedelta(days=n)) for n in range(20)]
    copies = [Article(ArticleId(str(n)), "t", "", source=f"{n}" + "Щ" * 80) for n in range(2_000)]
    cut = pages.cut(whole, [])
    with words.speaking(language):
        html = pages.article(whole, 12_345, cut, 0, copies=copies, history=history)
    shown = format_text(html, parse_mode="HTML").text
    assert visible(cut[0].of(text)) in visible(shown)
    assert "<b><b>" in shown, "a title of markup is no markup"
    assert render.units(shown) <= render.LIMIT


def test_an_article_says_which_version_it_is_since_when_and_how_it_was_called(
    api: BotApi, serve: Serve, make_library: MakeLibrary, folder: Path
) -> None:
    library = make_library()
    library.index(folder)
    person, ivan = api.person(GUEST, "Anna"), api.person(GUEST + 1, "Иван", language_code="ru")
    today = words.day(dt.datetime.now().astimezone().date())
    with serve(library, limits=PACED):
        assert "Version" not in answered(person, "/article bakery").text
    write(folder / "bakery.md", title="A bakery & more", text="It bakes rye bread in a new oven.")
    library.index(folder)
    with serve(library, limits=PACED):
        seen = answered(person, "/article bakery").text
        russian = answered(ivan, "/article bakery").text
    assert f"Version 2, since {today}\nUntil {today} it was called: A bakery moves\n" in seen
    assert "Версия 2, с " in russian
    assert "называлась так: A bakery moves" in russian


def test_the_days_of_earlier_changes_are_named_each_once_and_the_oldest_ones_hinted_at() -> None:
    newest = dt.datetime(2026, 11, 12, 12, tzinfo=dt.UTC)
    days = [newest - dt.timedelta(days=n) for n in (0, 8, 8, 11, 12, 13)]
    said = [words.versions([Version("t", None, day) for day in days[:n]], most=3, kept=6) for n in (0, 1, 3, 6)]
    assert said == [
        "",
        "Version 2, since 12 Nov 2026",
        "Version 4, since 12 Nov 2026; it changed before on 4 Nov 2026",
        "Version 7+, since 12 Nov 2026; it changed before on 4 Nov 2026, 1 Nov 2026, 31 Oct 2026 and earlier",
    ]


def test_a_page_begins_with_the_heading_of_its_passage_and_has_few_enough_to_be_bold() -> None:
    parts = [f"Hall {n}\n\nGrain." for n in range(200)]
    text = "\n\n".join(parts)
    starts = [text.index(part) for part in parts]
    headings = tuple(Heading(at, at + len(f"Hall {n}")) for n, at in enumerate(starts))
    article = Article(ArticleId("a"), "Halls", text, headings=headings)
    passages = [Passage(PassageId(n), article, at + len(f"Hall {n}\n\n"), at + 20) for n, at in enumerate(starts)]
    cut = pages.cut(article, passages)
    assert len(cut) == 4
    assert all(page.of(text).startswith("Hall") for page in cut)
    shown = format_text(pages.article(article, 200, cut, 0), parse_mode="HTML")
    assert sum(entity.type == "bold" for entity in shown.entities) == pages.HEADINGS + 1


def test_all_that_buttons_send_is_at_most_64_bytes_however_long_the_lists_are() -> None:
    outlet = Outlet("ä" * 500, 8_000_000)
    shown = [Article(ArticleId("d/" * 400 + str(n)), f"Title {n}", "") for n in range(8)]
    listed = pages.articles(shown, lambda one: shelfmark(one.id), number=99_999, total=8_000_000, outlet=outlet)
    deepest = pages.opened(shelfmark("x"), 99_999, "f" * 32, f"l999999.{shelfmark('x')}")
    whole = pages.whole(f"{'f' * 16}:99:99:99", 99_999, "f" * 32)
    found = pages.found("words", shown, lambda one: shelfmark(one.id))
    markups = [view.buttons for view in (listed, found, pages.outlets([outlet] * 9, 1))]
    sent = [
        str(button.callback_data) for markup in markups if markup for row in markup.inline_keyboard for button in row
    ]
    assert max(len(one.encode()) for one in [*sent, deepest, whole]) <= 64
    assert re.match(pages.ARTICLE, deepest)
    assert re.match(pages.WHOLE, whole)
    patterns = (pages.LATEST, pages.SOURCES, pages.ARTICLE)
    assert all(any(re.match(pattern, one) for pattern in patterns) for one in sent)
    assert MOST < render.LIMIT
