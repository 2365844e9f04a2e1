"""Lines into paragraphs: whatever stands where, no word is lost, and pages begin where they do."""

import re
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from index.formats.typeset import Entry, Line, typeset

WORDS = st.lists(st.sampled_from(["The", "harbour", "was", "closed.", "•", "1.", "well-", "known", "(x)"]), min_size=1)
PLACES = st.floats(0, 800, allow_nan=False)


@st.composite
def printed(draw: st.DrawFn) -> list[Line]:
    """Lines anywhere on up to four pages."""
    lines = []
    for page in sorted(draw(st.lists(st.integers(1, 4), min_size=1, max_size=24))):
        text = " ".join(draw(WORDS))
        left = draw(PLACES)
        right = left + 5 * len(text)
        size = draw(st.sampled_from([0.0, 8.0, 10.0, 10.5, 14.0, 22.0]))
        lines.append(Line(text, page, left, right, draw(PLACES), size, draw(st.booleans())))
    return lines


def _letters(text: str) -> str:
    return re.sub(r"[\s-]", "", text)


@given(printed())
def test_no_letter_is_lost_or_moved_where_nothing_repeats(lines: list[Line]) -> None:
    some = [line for line in lines if line.page <= 2]  # on two pages nothing is a running head
    _, blocks = typeset(some, [])
    assert _letters("".join(block.words for block in blocks)) == _letters("".join(line.text for line in some))


@given(
    printed(), st.lists(st.builds(Entry, st.sampled_from(["The harbour", "", "known"]), st.integers(0, 9), st.just(9)))
)
def test_whatever_stands_where_each_place_is_on_the_page_of_its_line(lines: list[Line], entries: list[Entry]) -> None:
    _, blocks = typeset(lines, entries)
    numbers = [page.number for block in blocks for page in block.pages]
    assert numbers == sorted(set(numbers))
    assert set(numbers) <= {line.page for line in lines}
    for block in blocks:
        assert block.words.strip() == block.words != ""
        assert 0 <= block.level <= 6
        assert all(0 <= page.start < len(block.words) for page in block.pages)


def _lines(*texts: str, page: int = 1, size: float = 10.0) -> list[Line]:
    return [Line(text, page, 72, 72 + 5 * len(text), 700 - 12 * at, size) for at, text in enumerate(texts)]


def test_a_chapter_s_running_head_goes_though_it_changes_and_so_do_page_numbers() -> None:
    pages = [
        Line(text, page, 72, 300, y, 10.0)
        for page in range(1, 9)
        for text, y in (
            (f"{page} Chapter {1 + page // 4}: Harbours" if page % 2 else f"The town and its sea {page}", 800),
            (f"On page {page} something else is told, which has no like: {'abcdefgh'[page - 1]}.", 700),
            (f"– {'i' * page} –", 40),
        )
    ]
    _, blocks = typeset(pages, [])
    assert all(block.words.startswith("On page") for block in blocks)
    assert len(blocks) == 8


def test_page_numbers_go_roman_ones_and_those_inside_a_head_too() -> None:
    roman = "iii iv v vi vii viii ix x".split()
    pages = [
        Line(text, page, 72, 300, y, 10.0)
        for page in range(1, 9)
        for text, y in (
            (f"The town of 1987 · page {page + 40} of 50", 800),
            (f"Something else is told, which has no like: {'abcdefgh'[page - 1]}.", 700),
            (roman[page - 1], 40),
        )
    ]
    _, blocks = typeset(pages, [])
    assert [block.words[:9] for block in blocks] == ["Something"] * 8


@pytest.mark.parametrize(
    "row",
    [
        lambda at: f"{at * at % 89} {at * 7 % 61} {at * 31 % 97}",
        lambda at: f"{1900 + at} 4.{at * 13 % 83} 12",
        lambda at: f"Day {at}: rainfall was {at * at % 31} mm.",
    ],
)
def test_the_first_and_last_rows_of_a_page_of_numbers_are_no_running_heads(row: Callable[[int], str]) -> None:
    rows = [row(at) for at in range(1, 101)]
    lines = [Line(text, 1 + at // 12, 72, 300, 780 - 60 * (at % 12), 10.0) for at, text in enumerate(rows)]
    _, blocks = typeset(lines, [])
    assert " ".join(block.words for block in blocks).split() == " ".join(rows).split()


def test_titles_of_slides_are_no_running_heads_though_they_stand_at_one_height() -> None:
    slides = [
        line
        for page in range(1, 7)
        for line in (
            Line("Agenda", page, 72, 200, 800, 24.0),
            Line(f"We talk about harbour {'ABCDEFG'[page]} and all that belongs to it.", page, 72, 400, 700, 12.0),
        )
    ]
    _, blocks = typeset(slides, [])
    assert sum(block.words == "Agenda" for block in blocks) == 6


def test_a_heading_of_two_lines_is_one() -> None:
    above = [Line("A long name of a", 1, 72, 300, 740, 16.0), Line("long chapter", 1, 72, 200, 722, 16.0)]
    text = _lines(*["The harbour was closed in 1987, after a storm had broken the pier in two places, it is said."] * 4)
    _, blocks = typeset([*_lines("It begins here, and goes on below with a chapter.")[:1], *above, *text], [])
    assert [block.words for block in blocks if block.level] == ["A long name of a long chapter"]


def test_a_page_with_little_else_holds_the_title_even_where_chapters_look_like_it() -> None:
    chapters = [
        line
        for page in (2, 3, 4)
        for line in (
            Line(f"Chapter {'ABCDE'[page]}", page, 72, 200, 800, 24.0),
            *_lines(
                *(f"Of {'ABCDE'[page]}{n} nothing is told but this, which is long enough." for n in range(12)),
                page=page,
            ),
        )
    ]
    title, blocks = typeset([Line("The harbour", 1, 72, 300, 500, 24.0), *chapters], [])
    assert title == "The harbour"
    assert typeset(chapters, [])[0] == ""
    assert [block.words for block in blocks if block.level] == ["The harbour", "Chapter C", "Chapter D", "Chapter E"]
