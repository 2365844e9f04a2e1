"""What a reader sends is an article again, and what is none is refused: a file may have taken the reader over."""

import datetime as dt
import json
import sys
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from index.reading import parcel
from index.records import Article, ArticleId, Heading, Item, Page

ARTICLE = Article(
    id=ArticleId("a.md"),
    title="The harbour",
    text="Closed.\n\nПочему? 😀\n\nNobody knows.",
    date=dt.date(2024, 5, 1),
    source="The Gazette",
    url="https://example.org/a",
    headings=(Heading(9, 16, 2),),
    author="Anna Brandt",
    language="en",
    pages=(Page(0, 1), Page(20, 2)),
)


def sent(article: Article) -> Article:
    known, body = parcel.of_article(article)
    written = parcel.head({"article": known}, body)
    label, length = parcel.LENGTHS.unpack(written[: parcel.LENGTHS.size])
    assert (label, length) == (len(written) - parcel.LENGTHS.size, len(body))
    return parcel.article_of(article.id, parcel.read(written[parcel.LENGTHS.size :])["article"], body)


def test_an_article_arrives_as_it_was_sent() -> None:
    assert sent(ARTICLE) == ARTICLE
    bare = Article(ArticleId("b.txt"), "b", "Words.")
    assert sent(bare) == bare


@given(st.text(), st.lists(st.integers(0, 400), max_size=20), st.dates(min_value=dt.date(1000, 1, 1)))
def test_any_text_arrives_with_its_length_and_its_marks(text: str, places: list[int], date: dt.date) -> None:
    inside = sorted({place for place in places if place <= len(text)})
    headings = tuple(Heading(start, end) for start, end in pairwise(inside))
    pages = tuple(Page(start, number) for number, start in enumerate(inside, start=1))
    arrived = sent(replace(ARTICLE, text=text, headings=headings, pages=pages, date=date))
    assert len(arrived.text) == len(text)
    assert (arrived.headings, arrived.pages, arrived.date) == (headings, pages, date)
    arrived.text.encode()
    assert "\0" not in arrived.text


def test_more_marks_than_any_book_has_are_cut_off_and_fit_on_the_label() -> None:
    text = "x" * 10_000_000
    headings = tuple(Heading(n * 100, n * 100 + 99, 6) for n in range(99_999))
    known, _ = parcel.of_article(replace(ARTICLE, text=text, headings=headings, pages=(Page(9_999_999, 1),) * 60_000))
    assert len(known["headings"]) == len(known["pages"]) == parcel.MARKS
    assert len(parcel.head({"article": known})) < parcel.LABEL


WRONG: dict[str, list[object]] = {
    "title": [None, 1, ["x"]],
    "date": ["yesterday", 20240501, "2024-13-01"],
    "language": [7],
    "headings": [
        None,
        {},
        [[0, 1]],
        [[0, 99, 1]],
        [[-1, 2, 1]],
        [[5, 2, 1]],
        [[4, 6, 1], [5, 7, 1]],
        [[0, 1, 0]],
        [[0, True, 1]],
        [[0.0, 1.0, 1]],
        [["0", "1", "1"]],
        [[0, 0, 1]] * (parcel.MARKS + 1),
    ],
    "pages": [[[0]], [[99, 1]], [[3, 1], [2, 2]], [[0, -1]], [[0, 1 << 40]], [0]],
}


@pytest.mark.parametrize("field, value", [(field, value) for field, values in WRONG.items() for value in values])
def test_an_article_with_a_wrong_field_is_none(field: str, value: object) -> None:
    known, body = parcel.of_article(ARTICLE)
    for wrong in ({**known, field: value}, {name: known[name] for name in known if name != field}):
        with pytest.raises(ValueError, match=rf"{field}|heading|page|[Ii]nvalid|isoformat|month"):
            parcel.article_of(ARTICLE.id, wrong, body)


def test_what_is_shown_to_people_is_bounded_and_can_be_stored() -> None:
    known, _ = parcel.of_article(ARTICLE)
    known |= {
        "title": "x\0y \ud800\n" * 1_000,
        "url": "javascript:alert(1)",
        "language": "<b>",
        "source": "s\n\n" * 999,
    }
    article = parcel.article_of(ARTICLE.id, known, "a\0b\ud800".encode("utf-8", "surrogatepass") * 20)
    assert (article.url, article.language) == ("", "")
    assert len(article.title) <= 300
    assert len(article.source) <= 300
    assert "\n" not in article.title + article.source
    assert article.text == "a\ufffdb\ufffd" * 20


JSON = st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda some: st.lists(some, max_size=4))


@given(st.dictionaries(st.sampled_from([*parcel.of_article(ARTICLE)[0], "x"]), JSON), st.binary(max_size=100))
def test_whatever_comes_is_an_article_or_a_value_error(fields: dict[str, object], body: bytes) -> None:
    known = {**parcel.of_article(ARTICLE)[0], **fields}
    try:
        article = parcel.article_of(ARTICLE.id, json.loads(json.dumps(known)), body)
    except ValueError:
        return
    assert article.id == ARTICLE.id
    (article.text + article.title).encode()


@pytest.mark.parametrize("label", [b"", b"[]", b"7", b"{", b"\xff", b"[" * 200_000, b'{"a":' * 200_000])
def test_a_label_that_is_no_object_is_refused(label: bytes) -> None:
    with pytest.raises(ValueError, match=r".+"):
        parcel.read(label)
    with pytest.raises(ValueError, match=r"no article"):
        parcel.article_of(ARTICLE.id, [sys.maxsize], b"")


@pytest.mark.parametrize(
    "written",
    [
        "{}",
        "[]",
        "[[],[]]",
        '[["https://a.example/"]]',
        '[[["https://a.example/","t","",""]]]',
        '[[["https://a.example/","t","","",1]]]',
        '[[["javascript:alert(1)","t","","",""]]]',
        '[[["","t","","",""]]]',
        '[[["https://a.example/","t","yesterday","",""]]]',
        '[[["https://a.example/","t","","2026-05-01T08:00:00",""]]]',
        "[" * 100_000,
    ],
)
def test_what_is_no_list_of_items_is_refused(written: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        parcel.items_of(written.encode(), lists=1)


def test_items_arrive_as_they_were_sent() -> None:
    day = dt.datetime(2026, 5, 1, 8, tzinfo=dt.timezone(dt.timedelta(hours=2)))
    items = [Item("https://a.example/1", "Почему?", day.date(), day, "<p>It</p>"), Item("https://a.example/2")]
    assert parcel.items_of(parcel.of_items(items, []), lists=2) == [items, []]
