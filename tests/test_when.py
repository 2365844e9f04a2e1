"""When: which words of a question say when something was published, and which days they mean."""

import datetime as dt
import subprocess
import sys
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from index.asking.when import known, read
from index.records import Period
from tests.conftest import ROOT

TUESDAY = dt.date(2026, 11, 24)


def days(text: str, *, today: dt.date = TUESDAY) -> str:
    """The period of a question as 2026-11-16..2026-11-23, with + for the newest."""
    period = read(text, today=today)[1]
    return f"{period.earliest or ''}..{period.latest or ''}{'+' * period.newest}" if period else ""


@pytest.mark.parametrize(
    "text, expected",
    [
        ("What happened in Lindholm today?", "2026-11-24..2026-11-24"),
        ("What did the council say this morning?", "2026-11-24..2026-11-24"),
        ("What did the council decide yesterday?", "2026-11-23..2026-11-23"),
        ("Yesterday's news about bread", "2026-11-23..2026-11-23"),
        ("the day before yesterday", "2026-11-22..2026-11-22"),
        ("three days ago", "2026-11-21..2026-11-21"),
        ("two weeks ago", "2026-11-09..2026-11-15"),
        ("two months ago", "2026-09-01..2026-09-30"),
        ("What did Anna Brandt say on Monday?", "2026-11-23..2026-11-23"),
        ("What did she say on Tuesday morning?", "2026-11-17..2026-11-17"),
        ("last Friday", "2026-11-20..2026-11-20"),
    ],
)
def test_words_for_a_day_or_so_mean_that_day(text: str, expected: str) -> None:
    assert days(text) == expected


@pytest.mark.parametrize(
    "text, expected",
    [
        ("this week", "2026-11-23..2026-11-29"),
        ("this month", "2026-11-01..2026-11-30"),
        ("this year", "2026-01-01..2026-12-31"),
        ("last month", "2026-10-01..2026-10-31"),
        ("news from last year", "2025-01-01..2025-12-31"),
        ("in the past 3 days", "2026-11-21..2026-11-24"),
        ("over the last two weeks", "2026-11-10..2026-11-24"),
        ("in the last few months", "2026-07-24..2026-11-24"),
        ("the last 5 years", "2021-11-24..2026-11-24"),
        ("over the past year", "2025-11-24..2026-11-24"),
        ("in the past 24 hours", "2026-11-23..2026-11-24"),
    ],
)
def test_weeks_months_and_years_are_whole_and_lengths_end_today(text: str, expected: str) -> None:
    assert days(text) == expected


@pytest.mark.parametrize(
    "today, expected",
    [
        (dt.date(2026, 11, 23), "2026-11-16..2026-11-22"),  # a Monday
        (TUESDAY, "2026-11-16..2026-11-23"),
        (dt.date(2026, 11, 29), "2026-11-16..2026-11-28"),  # a Sunday
    ],
)
def test_last_week_is_that_of_the_calendar_and_the_seven_days_before_today(today: dt.date, expected: str) -> None:
    assert days("last week", today=today) == expected


@pytest.mark.parametrize(
    "text, expected",
    [
        ("What has changed since March 2024?", "2024-03-01.."),
        ("since March", "2026-03-01.."),
        ("since the 3rd of March", "2026-03-03.."),
        ("since 2024-03-15", "2024-03-15.."),
        ("since last week", "2026-11-16.."),
        ("since yesterday", "2026-11-23.."),
        ("since Monday", "2026-11-23.."),
        ("since 1945", "1945-01-01.."),
        ("after March 2024", "2024-04-01.."),
        ("after 5 March 2024", "2024-03-06.."),
        ("before March 1, 2024", "..2024-02-29"),
        ("until June 2023", "..2023-06-30"),
        ("between March and May 2024", "2024-03-01..2024-05-31"),
        ("between 2020 and 2024", "2020-01-01..2024-12-31"),
        ("from March 2023 to January 2024", "2023-03-01..2024-01-31"),
        ("before 2024 and after 2020", "2021-01-01..2023-12-31"),
    ],
)
def test_since_after_before_until_and_between_open_and_close_a_period(text: str, expected: str) -> None:
    assert days(text) == expected


@pytest.mark.parametrize(
    "text, expected",
    [
        ("latest news about Lindholm", "..+"),
        ("Which is the newest bridge?", "..+"),
        ("most recent articles on oil since Monday", "2026-11-23..+"),
        ("What has the council recently decided?", "..+"),
        ("recent developments in the harbour", "..+"),
    ],
)
def test_latest_asks_for_the_newest(text: str, expected: str) -> None:
    assert days(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "When was the old harbour of Lindholm closed to cargo ships?",
        "What happened in 1945?",
        "How many came in March 2024?",
        "What happened at the visit on 28 February 2025?",
        "Who spoke on Monday 20 October?",
        "Is it open from Monday to Friday?",
        "Is it closed on Sundays?",
        "What was the last year of the war?",
        "What did she do in her last year in office?",
        "What died out 66 million years ago?",
        "How long did the talks last?",
        "Hand it in by May at the latest",
        "What has improved over the past decade?",
        "What changed in recent years?",
        "After 12 weeks of treatment, who recovered?",
        "What is the difference between a word and a morpheme?",
        "since January 9999",
        "since 31 February 2024",
        "the last 9999 years",
        "between May 2024 and March 2024",
    ],
)
def test_what_an_article_is_about_is_no_period_nor_is_a_day_that_does_not_exist(text: str) -> None:
    assert read(text, today=TUESDAY) == (text, None)


def test_the_rest_of_a_question_lacks_only_the_words_that_were_understood() -> None:
    assert (
        read("What happened in Lindholm last week, and why?", today=TUESDAY)[0]
        == "What happened in Lindholm , and why?"
    )
    assert read("What is the latest news about oil since Monday?", today=TUESDAY)[0] == "What is the about oil ?"


@pytest.mark.parametrize(
    "text, expected",
    [
        ("What did the council decide yesterday and today?", "2026-11-23..2026-11-24"),
        ("What was said on Monday or on Thursday?", "2026-11-19..2026-11-23"),
        ("the council this week, or last week", "2026-11-16..2026-11-29"),
        ("Did the fare rise before or after 2020?", ""),
        ("Did the fare rise before, or after last week?", ""),
        ("What changed before and after yesterday?", ""),
        ("What was built before 2010 and after 2020?", ""),
    ],
)
def test_of_two_times_that_are_joined_either_will_do(text: str, expected: str) -> None:
    assert days(text) == expected
    assert expected or read(text, today=TUESDAY)[0] == text


def test_of_what_contradicts_itself_the_first_holds() -> None:
    text, period = read("news since March 2024 until 2020", today=TUESDAY)
    assert (text, period) == ("news until 2020", Period(earliest=dt.date(2024, 3, 1)))


@pytest.mark.parametrize(
    "text",
    ["Что случилось вчера в Линдхольме?", "Was geschah letzte Woche?", "昨天发生了什么？", "¿Qué pasó ayer?", "", "😀"],
)
def test_other_languages_say_nothing_about_time_and_do_no_harm(text: str) -> None:
    assert read(text, today=TUESDAY) == (text, None)


WORDS = [*"since after before until between and from to last past this on the of in a few couple 3 31 0 9999".split()]
WORDS += [*"Monday may March sept. 1945 2024 2024-02-30 3rd day days week weeks month year years hours ago".split()]
WORDS += [*"today yesterday's latest recently recent news don’t harbour ?".split()]


@given(
    st.lists(st.sampled_from(WORDS), max_size=12).map(" ".join),
    st.dates(min_value=dt.date(1970, 1, 1), max_value=dt.date(2200, 1, 1)),
)
def test_any_words_on_any_day_make_a_sound_period_or_none(text: str, today: dt.date) -> None:
    rest, period = read(text, today=today)
    if period is None:
        assert rest == text
    else:
        assert len(rest) < len(text)
        assert (period.earliest or dt.date.min) <= (period.latest or dt.date.max)
        assert period.bounded or period.newest


def test_an_ordinary_question_costs_microseconds_and_imports_nothing() -> None:
    code = "import sys; from index.asking.when import read; import datetime as dt\n"
    code += "read('From where does the last ferry to Vessel leave, and after what?', today=dt.date(2026, 11, 24))\n"
    code += "print('dateparser' in sys.modules)"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert shown.stdout == "False\n"
    start = time.perf_counter()
    for _ in range(200):
        read("From where does the last ferry to Vessel leave, and after what?", today=TUESDAY)
    assert (time.perf_counter() - start) / 200 < 0.001  # measured: 0.00004


def test_a_date_in_the_future_counts_as_none_but_tomorrow_which_has_begun_further_east() -> None:
    tomorrow = TUESDAY + dt.timedelta(days=1)
    assert known(tomorrow, today=TUESDAY) == tomorrow
    assert known(dt.date(2099, 1, 1), today=TUESDAY) == known(None, today=TUESDAY) == dt.date.min
    assert known(dt.date.min, today=TUESDAY) == dt.date.min


def test_an_undated_article_is_in_no_period() -> None:
    assert not Period(earliest=TUESDAY).holds(None)
    assert Period(newest=True).holds(None)
    assert Period(TUESDAY, TUESDAY).holds(TUESDAY)
    assert not Period(latest=TUESDAY).holds(TUESDAY + dt.timedelta(days=1))
