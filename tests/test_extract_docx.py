"""Word documents: everything a reader sees, headings by any style, and no harm from any zip file."""

import datetime as dt
import io
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from index.errors import SourceError
from index.formats.archive import RATIO
from index.formats.extract import extract
from index.records import Article, ArticleId
from tests import papers
from tests.papers import paragraph

TEXT = "The old harbour of Lindholm was closed to cargo ships in 1987."


def _of(data: bytes) -> Article:
    return extract(ArticleId("a.docx"), data)


def _run(inside: str) -> str:
    return f"<w:p><w:r>{inside}</w:r></w:p>"


def test_headings_are_known_by_their_style_in_any_language_and_by_what_a_style_is_based_on() -> None:
    body = [
        paragraph("The harbour", "Titel"),
        paragraph("Background", "berschrift1"),
        paragraph("The storm", "Mein"),
        paragraph("Outlook", inside='<w:outlineLvl w:val="0"/>'),
        paragraph(TEXT),
    ]
    article = _of(papers.docx("".join(body)))
    assert article.title == "The harbour"
    assert [(h.level, h.of(article.text)) for h in article.headings] == [
        (1, "Background"),
        (2, "The storm"),
        (1, "Outlook"),
    ]
    assert article.text.endswith(f"Outlook\n\n{TEXT}")


@pytest.mark.parametrize(
    "inside,text",
    [
        ("<w:t>one</w:t><w:tab/><w:t>two</w:t>", "one two"),
        ("<w:t>one</w:t><w:br/><w:t>two</w:t>", "one\ntwo"),
        ("<w:t>well</w:t><w:noBreakHyphen/><w:t>known</w:t>", "well-known"),
        ("<w:t>har</w:t><w:softHyphen/><w:t>bour</w:t>", "harbour"),
        ('<w:t xml:space="preserve">  a \n  b </w:t>', "a b"),
        ("<w:fldChar/><w:instrText>PAGE</w:instrText><w:t>7</w:t>", "7"),
    ],
)
def test_what_stands_between_words_is_read_as_it_looks(inside: str, text: str) -> None:
    assert _of(papers.docx(_run(inside) + paragraph(TEXT))).text == f"{text}\n\n{TEXT}"


BOX = (
    "<w:p><w:r><mc:AlternateContent><mc:Choice><w:txbxContent><w:p><w:r><w:t>in a box</w:t></w:r></w:p>"
    "</w:txbxContent></mc:Choice><mc:Fallback><w:t>twice</w:t></mc:Fallback></mc:AlternateContent></w:r></w:p>"
)


@pytest.mark.parametrize(
    "seen,unseen",
    [
        ("<w:p><w:ins><w:r><w:t>added</w:t></w:r></w:ins></w:p>", ""),
        ("<w:p><w:hyperlink><w:r><w:t>linked</w:t></w:r></w:hyperlink></w:p>", ""),
        ("<w:sdt><w:sdtContent><w:p><w:r><w:t>in a control</w:t></w:r></w:p></w:sdtContent></w:sdt>", ""),
        (BOX, "twice"),
        ("<w:p><w:del><w:r><w:delText>gone</w:delText></w:r></w:del><w:r><w:t>stays</w:t></w:r></w:p>", "gone"),
        ("<w:p><w:r><w:rPr><w:vanish/></w:rPr><w:t>hidden</w:t></w:r><w:r><w:t>shown</w:t></w:r></w:p>", "hidden"),
    ],
)
def test_what_readers_see_is_read_and_what_they_do_not_see_is_not(seen: str, unseen: str) -> None:
    text = _of(papers.docx(seen + paragraph(TEXT))).text
    assert len(text.split("\n\n")) == 2
    assert not unseen or unseen not in text


def test_a_table_of_short_cells_is_rows_and_one_that_arranges_text_is_paragraphs() -> None:
    rows = "".join(
        f"<w:tr><w:tc>{paragraph(a)}</w:tc><w:tc>{paragraph(b)}</w:tc></w:tr>" for a, b in (("a", "b"), ("c", "d"))
    )
    arranged = f"<w:tr><w:tc>{paragraph('left')}{paragraph('below')}</w:tc><w:tc>{paragraph('right')}</w:tc></w:tr>"
    article = _of(papers.docx(f"<w:tbl>{rows}</w:tbl>{paragraph(TEXT)}<w:tbl>{arranged}</w:tbl>"))
    assert article.text == f"a | b\nc | d\n\n{TEXT}\n\nleft\n\nbelow\n\nright"


def test_list_items_are_marked_and_numbered_and_notes_stand_at_the_end() -> None:
    def item(text: str, number: int) -> str:
        return paragraph(text, inside=f'<w:numPr><w:ilvl w:val="0"/><w:numId w:val="{number}"/></w:numPr>')

    numbering = "".join(
        f'<w:abstractNum w:abstractNumId="{n}"><w:lvl w:ilvl="0"><w:numFmt w:val="{form}"/></w:lvl></w:abstractNum>'
        f'<w:num w:numId="{n}"><w:abstractNumId w:val="{n}"/></w:num>'
        for n, form in ((1, "decimal"), (2, "bullet"))
    )
    parts = {
        "word/numbering.xml": papers.part("numbering", numbering),
        "word/footnotes.xml": papers.part("footnotes", f"<w:footnote>{paragraph('A note.')}</w:footnote>"),
    }
    body = item("one", 1) + item("two", 1) + paragraph(TEXT) + item("three", 1) + item("dot", 2)
    assert _of(papers.docx(body, parts=parts)).text == f"1. one\n2. two\n\n{TEXT}\n\n3. three\n• dot\n\nA note."


def test_properties_are_known() -> None:
    core = (
        "<dc:title>The harbour</dc:title><dc:creator>Anna Brandt</dc:creator><dc:language>de-AT</dc:language>"
        "<dcterms:created>2024-05-01T10:00:00Z</dcterms:created>"
    )
    article = _of(papers.docx(paragraph(TEXT), core=core))
    known = (article.title, article.author, article.language, article.date)
    assert known == ("The harbour", "Anna Brandt", "de", dt.date(2024, 5, 1))


def test_properties_that_a_program_wrote_are_none() -> None:
    core = "<dc:title>Document1</dc:title><dc:creator>python-docx</dc:creator>"
    article = _of(papers.docx(paragraph("The harbour", "berschrift1") + paragraph(TEXT), core=core))
    assert (article.title, article.author, article.text) == ("The harbour", "", TEXT)


BREAK = "<w:lastRenderedPageBreak/>"


@pytest.mark.parametrize("counted,pages", [("2", [(0, 1), (9, 2)]), ("7", [])])
def test_pages_are_those_that_word_last_saw_if_its_own_count_agrees(counted: str, pages: list[tuple[int, int]]) -> None:
    parts = {"docProps/app.xml": f"<Properties><Pages>{counted}</Pages></Properties>"}
    body = _run(f"<w:t>The end. </w:t>{BREAK}<w:t>The beginning.</w:t>")
    article = _of(papers.docx(body, parts=parts))
    assert article.text == "The end. The beginning."
    assert [(page.start, page.number) for page in article.pages] == pages


@pytest.mark.parametrize(
    "heading,start",
    [
        (f"<w:t>The\xa0\xa0\xa0\xa0\xa0old </w:t>{BREAK}<w:t>harbour</w:t>", 8),
        (f"<w:t>The old harbour\xa0\xa0\xa0</w:t>{BREAK}", 15),
        (f"<w:t>The old\xa0\xa0</w:t>{BREAK}<w:t>\xa0\xa0harbour</w:t>", 8),
    ],
)
def test_a_page_that_begins_in_a_heading_of_wide_spaces_begins_inside_it(heading: str, start: int) -> None:
    parts = {"docProps/app.xml": "<Properties><Pages>2</Pages></Properties>"}
    body = paragraph(TEXT) + paragraph("", "berschrift1").replace("</w:p>", f"<w:r>{heading}</w:r></w:p>")
    article = _of(papers.docx(body + paragraph(TEXT), parts=parts))
    (found,) = article.headings
    assert found.of(article.text) == "The old harbour"
    assert [(page.start, page.number) for page in article.pages] == [(0, 1), (found.start + start, 2)]


def test_a_heading_of_wide_spaces_may_be_the_last_words() -> None:
    parts = {"docProps/app.xml": "<Properties><Pages>2</Pages></Properties>"}
    heading = f"<w:r><w:t>The{chr(0xA0) * 40}old </w:t>{BREAK}<w:t>harbour</w:t></w:r>"
    body = paragraph(TEXT) + paragraph("", "berschrift1").replace("</w:p>", f"{heading}</w:p>")
    article = _of(papers.docx(body, parts=parts))
    assert article.text[article.pages[1].start :] == "harbour"


# --- what zip files may be


def _zip(**members: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return out.getvalue()


BOMB = _zip(**{"word/document.xml": b"\0" * (RATIO * 20_000)})
MANY = _zip(**{f"{n}": bytes(9 << 20) for n in range(30)})
LAUGHS = (
    '<!DOCTYPE a [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">'
    '<!ENTITY file SYSTEM "file:///etc/passwd">]>' + papers.part("document", _run("<w:t>&b;&file; nothing</w:t>"))
)
DEEP = papers.part("document", "<w:p>" * 100_000)


@pytest.mark.parametrize(
    "data,reason",
    [
        (b"PK\x03\x04", "is damaged: it cannot be unpacked"),
        (b"text", "is damaged: it cannot be unpacked"),
        (
            b"\xd0\xcf\x11\xe0 old",
            "is protected by a password, or an older Word file: save it as .docx without a password",
        ),
        (_zip(a=b"b"), "is not a Word document, whatever its name says"),
        (papers.docx(""), "has no text"),
        (papers.docx("", parts={"word/document.xml": "<a>"}), "is damaged: word/document.xml is not XML"),
        (papers.docx("", parts={"word/document.xml": DEEP}), "is damaged: word/document.xml is not XML"),
        (BOMB, "unpacks to far more than documents do"),
        (MANY, "unpacks to more than 256 MB"),
    ],
    ids=["cut off", "no zip", "old", "other", "empty", "no xml", "deep", "bomb", "large"],
)
def test_a_file_that_is_no_document_says_why(data: bytes, reason: str) -> None:
    with pytest.raises(SourceError) as failed:
        _of(data)
    assert str(failed.value) == reason


def test_entities_are_not_expanded_and_no_file_is_read() -> None:
    assert _of(papers.docx("", parts={"word/document.xml": LAUGHS})).text == "nothing"


def test_a_reference_to_a_file_outside_is_only_looked_for_inside() -> None:
    rels = '<Relationships><Relationship Type="x/officeDocument" Target="../../../../etc/passwd"/></Relationships>'
    with pytest.raises(SourceError, match="is damaged: it has no etc/passwd"):
        _of(papers.docx("", parts={"_rels/.rels": rels}))


WHOLE = papers.docx(paragraph(TEXT, "berschrift1") + paragraph(TEXT))


@given(st.integers(0, len(WHOLE)), st.binary(max_size=8))
def test_a_damaged_file_is_an_article_or_a_reason(at: int, put: bytes) -> None:
    for data in (WHOLE[:at], WHOLE[:at] + put + WHOLE[at + len(put) :]):
        try:
            article = _of(data or b"P")
        except SourceError as reason:
            assert str(reason).startswith(("is ", "has ", "unpacks "))  # noqa: PT017  either is right
        else:
            assert article.text
