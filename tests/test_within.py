"""Questions that say when: which articles are searched, what happens when none of them answers, and what is shown."""

import datetime as dt
import io
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bot.terminal import as_json, screen
from bot.text import render
from index.library import Library
from index.models.embed import Embedder
from index.records import Answer, Period, Turn
from index.segments import within
from tests.conftest import settings_for, write
from tests.fakemodel import WordModel

TODAY = dt.date(2026, 11, 24)
LAST_WEEK = (dt.date(2026, 11, 16), dt.date(2026, 11, 23))
Indexed = Callable[..., Library]

PRICES = {
    "2024-03-05": "A loaf of rye bread costs four crowns in the bakery Morgenrot.",
    "2025-06-10": "A loaf of rye bread costs five crowns in the bakery Morgenrot.",
    "2026-11-19": "A loaf of rye bread costs six crowns in the bakery Morgenrot.",
}
PRICE = "What does a loaf of rye bread cost in the bakery Morgenrot"


def index(place: Path, embedder: Embedder, *articles: tuple[str, str]) -> Library:
    folder = place / "articles"
    folder.mkdir()
    for number, (date, text) in enumerate(articles):
        write(folder / f"a{number}.md", title=f"Note {number}", text=text, date=date)
    made = Library(settings_for(place / "data"), embedder=embedder, today=lambda: TODAY)
    made.index(folder)
    return made


@pytest.fixture
def indexed(tmp_path: Path, embedder: Embedder) -> Indexed:
    """Index articles, given as (date, text), in a library for which it is a Tuesday in November."""
    return lambda *articles: index(tmp_path, embedder, *articles)


@pytest.fixture(scope="module")
def prices(tmp_path_factory: pytest.TempPathFactory, embedder: Embedder) -> Iterator[Library]:
    """A library of three prices. Only for reading."""
    with index(tmp_path_factory.mktemp("prices"), embedder, *PRICES.items()) as library:
        yield library


def shown(answer: Answer) -> str:
    out = io.StringIO()
    screen.show_answer(answer, out)
    return " ".join(out.getvalue().split())


@pytest.mark.parametrize(
    "time, price, said",
    [
        ("last week", "six", "I searched only the articles published from 16 to 23 Nov 2026."),
        ("since 2026", "six", "I searched only the articles published since 1 Jan 2026."),
        ("before March 2025", "four", "I searched only the articles published up to 28 Feb 2025."),
        ("between May and July 2025", "five", "I searched only the articles published from 1 May to 31 Jul 2025."),
        ("last year", "five", "I searched only the articles published from 1 Jan to 31 Dec 2025."),
    ],
)
def test_the_answer_comes_from_the_period_that_is_named_and_says_so(
    prices: Library, time: str, price: str, said: str
) -> None:
    answer = prices.ask(f"{PRICE} {time}?")
    assert f"costs {price} crowns" in answer.claims[0].text
    assert len(answer.citations) == 1
    assert not answer.beyond
    assert said in shown(answer)
    assert said in render.answer(answer)[0]
    hits, timings = prices.search(f"{PRICE} {time}?")
    assert [hit.passage.article.date for hit in hits] == [answer.citations[0].article.date]
    assert "date" in timings


@pytest.mark.parametrize("time", ["yesterday", "since March 2030", "three days ago"])
def test_where_nothing_is_from_then_all_articles_are_searched_and_that_is_said(prices: Library, time: str) -> None:
    answer = prices.ask(f"{PRICE} {time}?")
    assert answer.answered
    assert answer.beyond
    assert "No article published" in shown(answer)
    assert "so I searched all of them" in render.answer(answer)[0]
    assert len(prices.search(f"{PRICE} {time}?")[0]) == 3


def test_where_what_is_from_then_does_not_answer_all_articles_are_searched(indexed: Indexed) -> None:
    with indexed(
        ("2024-03-05", PRICES["2024-03-05"]), ("2026-11-18", "The zoo has a new tiger named Bella.")
    ) as library:
        answer = library.ask(f"{PRICE} last week?")
        assert "four crowns" in answer.claims[0].text
        assert (answer.period, answer.beyond) == (Period(*LAST_WEEK), True)
        assert "No article published from 16 to 23 Nov 2026 answers that, so I searched all of them." in shown(answer)


def test_where_nothing_answers_at_all_the_nearest_are_those_from_then(indexed: Indexed) -> None:
    with indexed(
        ("2024-03-05", PRICES["2024-03-05"]), ("2026-11-18", "The zoo has a new tiger named Bella.")
    ) as library:
        answer = library.ask("Which zeppelin landed in the harbour last week?")
        assert not answer.answered
        assert [article.id for article in answer.nearest] == ["a1.md"]
        assert set(answer.unknown_words) == {"zeppelin", "landed", "harbour"}
        note = "I searched the articles published from 16 to 23 Nov 2026 first, and then all of them."
        assert note in shown(answer)
        assert note in render.answer(answer)[0]


@pytest.mark.parametrize(
    "time", ["since 1945", "before 1973", "between 1939 and 1945", "until 2030", "in 1945", "in March 2024", ""]
)
def test_a_time_of_history_or_one_that_leaves_nothing_out_changes_nothing(prices: Library, time: str) -> None:
    answer = prices.ask(f"{PRICE} {time}?")
    assert answer.answered
    assert (answer.period, answer.beyond) == (None, False)
    assert "searched" not in shown(answer)
    assert as_json.answer(answer)["period"] is None


def test_latest_prefers_the_newest_though_the_older_are_as_good_or_better(indexed: Indexed) -> None:
    newest = "Bread got dearer. " + PRICES["2026-11-19"] + " The owner says that wages rose."
    older = [(date, f"{PRICE}? {PRICES[date]}") for date in ("2024-03-05", "2025-06-10")]
    with indexed(*older, ("2026-11-19", newest)) as library:
        answer = library.ask(PRICE.replace("What does", "What is the latest on what") + "?")
        assert "six crowns" in answer.claims[0].text
        assert answer.period == Period(newest=True)
        assert "latest" not in answer.unknown_words
        assert "searched" not in shown(answer)


@pytest.mark.parametrize("follow_up, price", [("And last year?", "five"), ("And what about before 2025?", "four")])
def test_a_follow_up_may_name_another_time(prices: Library, follow_up: str, price: str) -> None:
    answer = prices.ask(follow_up, [Turn(f"{PRICE}?", PRICES["2026-11-19"])])
    assert f"costs {price} crowns" in answer.text
    assert answer.period
    assert not answer.beyond


def test_an_article_dated_in_the_future_is_answered_from_and_is_not_the_newest(indexed: Indexed) -> None:
    with indexed(("2099-01-01", PRICES["2024-03-05"]), ("2026-11-19", PRICES["2026-11-19"])) as library:
        for question in (PRICE, f"{PRICE} recently"):
            assert "six crowns" in library.ask(f"{question}?").claims[0].text
        assert "four crowns" in library.ask(f"{PRICE} since 2030?").text
        assert library.ask(f"{PRICE} last week?").citations[0].article.date == dt.date(2026, 11, 19)


@pytest.mark.parametrize(
    "time", ["last week", "since 2020", "yesterday", "recently", "before 1973", "lately since May"]
)
def test_without_any_dates_all_articles_are_searched(tmp_path: Path, embedder: Embedder, time: str) -> None:
    folder = tmp_path / "articles"
    folder.mkdir()
    (folder / "bread.txt").write_text(f"Bread\n\n{PRICES['2024-03-05']}")
    with Library(settings_for(tmp_path / "data"), embedder=embedder, today=lambda: TODAY) as library:
        library.index(folder)
        answer = library.ask(f"{PRICE} {time}?")
        assert "four crowns" in answer.text
        assert answer.beyond is (time != "recently")
        assert shown(answer).count("·") == 0


@pytest.mark.parametrize(
    "question", ["вчера хлеб", "昨天面包多少钱", "Was kostet ein Brot seit letzter Woche?", "yesterday", "latest?"]
)
def test_any_language_and_a_time_alone_are_answered_or_refused(prices: Library, question: str) -> None:
    assert isinstance(prices.ask(question), Answer)
    prices.search(question)


def test_articles_without_a_date_are_in_no_period(tmp_path: Path, embedder: Embedder) -> None:
    folder = tmp_path / "articles"
    folder.mkdir()
    (folder / "undated.txt").write_text(f"Bread\n\n{PRICES['2024-03-05']}")
    write(folder / "dated.md", title="Bread", text=PRICES["2026-11-19"], date="2026-11-19")
    with Library(settings_for(tmp_path / "data"), embedder=embedder, today=lambda: TODAY) as library:
        library.index(folder)
        for time in ("last week", "since 1945"):
            assert [hit.passage.article.id for hit in library.search(f"{PRICE} {time}")[0]] == ["dated.md"]


def test_the_json_form_names_the_period(prices: Library) -> None:
    form = as_json.answer(prices.ask(f"{PRICE} last week?"))
    assert form["period"] == {"earliest": "2026-11-16", "latest": "2026-11-23", "newest": False, "beyond": False}
    assert as_json.answer(prices.ask(f"{PRICE} since March 2030?"))["period"]["beyond"] is True


def test_the_best_of_a_period_are_found_exactly_however_many_are_in_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "articles"
    folder.mkdir()
    for n in range(300):
        text = f"Ledger page {n} tells of barrel {n % 7} and of crate {n % 11}."
        write(folder / f"p{n}.md", title=f"Page {n}", text=text, date=str(dt.date(2026, 1, 1) + dt.timedelta(days=n)))
    settings = settings_for(tmp_path / "data", retrieval__candidates=30, retrieval__passages=5)
    with Library(settings, embedder=WordModel(), today=lambda: TODAY) as library:
        library.index(folder)
        for time in ("between March and April 2026", "since 2026-10-20", "before 3 January 2026"):
            found = []
            for few in (0, 10_000):  # search everything for more and more; score each one
                monkeypatch.setattr(within, "FEW", few)
                found.append(library.search(f"barrel 3 crate 5 {time}", limit=40)[0])
            one, other = ([hit.passage.id for hit in hits] for hits in found)
            assert sorted(one) == sorted(other)
            assert one[:3] == other[:3]
            period = library._query(time).period
            assert period
            days = (dt.date(2026, 1, 1) + dt.timedelta(days=n) for n in range(300))
            assert len(one) == min(40, sum(map(period.holds, days)))
            assert all(period.holds(hit.passage.article.date) for hit in found[0])
