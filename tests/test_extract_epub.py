"""E-books: chapters in reading order, printed pages, and what locks or breaks them."""

import datetime as dt

import pytest

from index.errors import SourceError
from index.formats.extract import extract
from index.records import Article, ArticleId
from tests import papers
from tests.papers import page

TEXT = "The old harbour of Lindholm was closed to cargo ships in 1987."
METADATA = (
    "<dc:title>The harbour</dc:title><dc:creator>Anna Brandt</dc:creator><dc:creator>Tomas Weiss</dc:creator>"
    "<dc:publisher>Morgenrot Press</dc:publisher><dc:date>2024-05-01</dc:date><dc:language>en-GB</dc:language>"
    "<dc:identifier>urn:isbn:1</dc:identifier><dc:source>https://example.org/harbour</dc:source>"
)


def _of(data: bytes) -> Article:
    return extract(ArticleId("a.epub"), data)


def test_chapters_are_read_in_the_order_of_the_spine_with_their_headings() -> None:
    chapters = {
        "two.xhtml": page("<h1>Outlook</h1><p>Later.</p>"),
        "one.xhtml": page(f"<h1>Background</h1><h2>The storm</h2><p>{TEXT}</p><script/><p>After <a id='x'/>it.</p>"),
    }
    article = _of(papers.epub(chapters, metadata=METADATA, spine=["one.xhtml", "two.xhtml"]))
    assert article.text == f"Background\n\nThe storm\n\n{TEXT}\n\nAfter it.\n\nOutlook\n\nLater."
    assert [(h.level, h.of(article.text)) for h in article.headings] == [
        (1, "Background"),
        (2, "The storm"),
        (1, "Outlook"),
    ]


def test_what_the_book_says_of_itself_is_known() -> None:
    article = _of(papers.epub({"a.xhtml": page(f"<p>{TEXT}</p>")}, metadata=METADATA))
    assert article == Article(
        ArticleId("a.epub"),
        "The harbour",
        TEXT,
        dt.date(2024, 5, 1),
        "Morgenrot Press",
        "https://example.org/harbour",
        author="Anna Brandt, Tomas Weiss",
        language="en",
    )


def test_pages_of_the_printed_edition_are_known_where_the_book_marks_them() -> None:
    body = (
        '<p>One <span epub:type="pagebreak" title="12"/>two.</p><div role="doc-pagebreak" aria-label="Page 13."></div>'
        "<p>Three.</p>"
    )
    article = _of(papers.epub({"a.xhtml": page(body)}, metadata=METADATA))
    assert article.text == "One two.\n\nThree."
    assert [article.page_at(article.text.index(word)) for word in ("One", "two", "Three")] == [None, 12, 13]


def _encryption(name: str) -> dict[str, str]:
    data = f'<EncryptedData><CipherData><CipherReference URI="{name}"/></CipherData></EncryptedData>'
    return {"META-INF/encryption.xml": f"<encryption>{data}</encryption>"}


def test_a_font_that_is_encrypted_does_not_matter() -> None:
    assert _of(papers.epub({"a.xhtml": page(TEXT)}, parts=_encryption("OEBPS/fonts/a.otf"))).text == TEXT


BOOK = {"a.xhtml": page(f"<p>{TEXT}</p>")}


@pytest.mark.parametrize(
    "data,reason",
    [
        (
            papers.epub(BOOK, parts=_encryption("OEBPS/text/a.xhtml")),
            "is locked to one reader (DRM): it cannot be read here",
        ),
        (papers.epub({}), "is damaged: it names no chapters"),
        (papers.docx(""), "is not an e-book, whatever its name says"),
        (
            papers.epub(BOOK, parts={"META-INF/container.xml": "<a/>"}),
            "is damaged: it does not say where its chapters are",
        ),
        (papers.epub({"a.xhtml": page("<p></p>")}), "has no text"),
        (papers.epub(BOOK)[:-40], "is damaged: it cannot be unpacked"),
    ],
    ids=["locked", "no chapters", "other", "lost", "empty", "cut off"],
)
def test_a_book_that_cannot_be_read_says_why(data: bytes, reason: str) -> None:
    with pytest.raises(SourceError) as failed:
        _of(data)
    assert str(failed.value) == reason


def test_elements_nested_without_end_do_no_harm() -> None:
    assert _of(papers.epub({"a.xhtml": page(f"{'<div>' * 50_000}<p>{TEXT}")})).text == TEXT
