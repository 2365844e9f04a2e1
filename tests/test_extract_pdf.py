"""PDF: paragraphs as they were written, pages, headings, and a reason where there is nothing to be read."""

import datetime as dt
import gzip
import re
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from index.errors import SourceError
from index.formats.extract import extract
from index.records import Article, ArticleId
from tests import papers
from tests.papers import Line, prose

HARBOUR = (
    "The old harbour of Lindholm was closed to cargo ships in 1987, after a storm had broken the pier in two places. "
    "Since then only fishing boats and a ferry to the island of Vessel have used it."
)
BAKERY = "The bakery moves to the station square in August, because the ovens of 1952 are too heavy to be moved again."


def _of(data: bytes) -> Article:
    return extract(ArticleId("a.pdf"), data)


def _headings(article: Article) -> list[tuple[int, str]]:
    return [(heading.level, heading.of(article.text)) for heading in article.headings]


def test_lines_become_paragraphs_again() -> None:
    article = _of(papers.pdf([[*prose(HARBOUR), *prose(BAKERY, top=650)]]))
    assert article.text == f"{HARBOUR}\n\n{BAKERY}"


def test_an_indented_line_begins_a_paragraph() -> None:
    second = [(text, x + 15 * (at == 0), y, size) for at, (text, x, y, size) in enumerate(prose(BAKERY, top=664))]
    assert _of(papers.pdf([[*prose(HARBOUR), *second]])).text == f"{HARBOUR}\n\n{BAKERY}"


def test_a_paragraph_goes_on_over_the_end_of_a_page_and_each_place_knows_its_page() -> None:
    lines = prose(HARBOUR, width=60)
    article = _of(
        papers.pdf([lines[:2], [(text, x, 700 - 12 * at, s) for at, (text, x, _, s) in enumerate(lines[2:])]])
    )
    assert article.text == HARBOUR
    turned = len(" ".join(text for text, *_ in lines[:2])) + 1
    assert [article.page_at(at) for at in (0, turned - 2, turned, len(HARBOUR) - 1)] == [1, 1, 2, 2]


def test_a_page_of_pictures_counts_as_a_page() -> None:
    article = _of(papers.pdf([[], prose(HARBOUR), [], prose(BAKERY)]))
    assert [(page.start, page.number) for page in article.pages] == [(0, 2), (len(HARBOUR) + 2, 4)]


def test_what_repeats_at_the_top_and_the_bottom_of_pages_is_left_out() -> None:
    texts = [f"Part {word}. {HARBOUR} So says the {word}th." for word in ("one", "two", "three", "four")]
    pages = [
        [("The Lindholm Gazette", 72, 800, 9), *prose(text), (f"page {at} of 4", 300, 40, 9)]
        for at, text in enumerate(texts, start=1)
    ]
    assert _of(papers.pdf(pages)).text == "\n\n".join(texts)


def test_first_lines_that_differ_are_text_wherever_they_stand() -> None:
    texts = [f"{word}. {HARBOUR} That was {word}." for word in ("Here", "There", "Nowhere", "Everywhere")]
    assert _of(papers.pdf([prose(text) for text in texts])).text == "\n\n".join(texts)


def test_words_that_the_printer_parted_are_whole_again_and_compounds_keep_their_hyphen() -> None:
    lines = [
        ("The ferry-house was built when the har-", 72, 700, 10),
        ("bour was new, and the old ferry-", 72, 688, 10),
        ("house burnt down.", 72, 676, 10),
    ]
    assert _of(papers.pdf([lines])).text == (
        "The ferry-house was built when the harbour was new, and the old ferry-house burnt down."
    )


def test_the_largest_line_of_the_first_page_is_the_title_and_larger_lines_are_headings() -> None:
    page = [
        ("The harbour of Lindholm", 72, 780, 22),
        ("Background", 72, 740, 14),
        *prose(HARBOUR),
        ("Outlook", 72, 640, 14),
        *prose(BAKERY, top=610),
    ]
    article = _of(papers.pdf([page]))
    assert (article.title, _headings(article)) == ("The harbour of Lindholm", [(1, "Background"), (1, "Outlook")])
    assert article.text == f"Background\n\n{HARBOUR}\n\nOutlook\n\n{BAKERY}"


def test_names_under_a_title_are_no_headings() -> None:
    names = [("Anna Brandt", 200, 750, 13), ("Tomas Weiss", 200, 730, 13), ("May 2024", 200, 710, 13)]
    article = _of(papers.pdf([[("The harbour", 200, 790, 22), *names, *prose(HARBOUR, top=650)]]))
    assert (article.title, _headings(article)) == ("The harbour", [])


def test_an_outline_names_the_headings_and_nothing_else_is_one() -> None:
    page = [("1 Background", 72, 740, 10), *prose(HARBOUR), ("Shouted", 72, 640, 13), *prose(BAKERY, top=610)]
    article = _of(papers.pdf([page], outline=[("Background", 1), ("Missing", 1)], info={"Title": "A"}))
    assert (article.title, _headings(article)) == ("A", [(1, "1 Background")])


def test_a_printed_table_of_contents_is_left_out() -> None:
    listed = [
        ("Background . . . . . . . . . . . . 4", 72, 700, 10),
        ("Outlook . . . . . . . . . . . . . 12", 72, 688, 10),
    ]
    assert _of(papers.pdf([listed, prose(HARBOUR)])).text == HARBOUR


def test_list_items_stay_apart_and_hang_together() -> None:
    first, second = prose(f"• {HARBOUR}", width=80), prose(f"• {BAKERY}", width=80, top=660)
    hung = [(text, x + 8 * (not text.startswith("•")), y, size) for text, x, y, size in (*first, *second)]
    assert _of(papers.pdf([hung])).text == f"• {HARBOUR}\n\n• {BAKERY}"


def test_its_properties_are_known() -> None:
    info = {"Title": "The harbour", "Author": "Anna Brandt", "CreationDate": "D:20240501120000+02'00'"}
    article = _of(papers.pdf([prose(HARBOUR)], info=info))
    assert (article.title, article.author, article.date) == ("The harbour", "Anna Brandt", dt.date(2024, 5, 1))


@pytest.mark.parametrize("junk", ["Microsoft Word - harbour.doc", "untitled", "harbour_final.indd", "Document1"])
def test_a_title_that_a_program_wrote_is_none(junk: str) -> None:
    page = [("The harbour of Lindholm", 72, 780, 22), *prose(HARBOUR)]
    assert _of(papers.pdf([page], info={"Title": junk})).title == "The harbour of Lindholm"


XMP = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="urn:rdf" xmlns:dc="urn:dc" xmlns:xmp="urn:xmp">'
    b"<dc:title><rdf:Alt><rdf:li>From XMP</rdf:li></rdf:Alt></dc:title><dc:language><rdf:Bag><rdf:li>de-AT</rdf:li>"
    b"</rdf:Bag></dc:language><xmp:CreateDate>2023-02-01T10:00:00Z</xmp:CreateDate></rdf:RDF></x:xmpmeta>"
)


def test_an_xmp_packet_tells_what_the_properties_do_not() -> None:
    article = _of(papers.pdf([prose(HARBOUR)]) + XMP)
    assert (article.title, article.language, article.date) == ("From XMP", "de", dt.date(2023, 2, 1))


LOCKED = re.sub(
    rb"/Root 1 0 R",
    b"/Root 1 0 R /ID [<00112233445566778899aabbccddeeff> <00112233445566778899aabbccddeeff>] /Encrypt << /Filter "
    b"/Standard /V 1 /R 2 /O <" + b"00" * 32 + b"> /U <" + b"11" * 32 + b"> /P -4 >>",
    papers.pdf([prose(HARBOUR)]),
)


@pytest.mark.parametrize(
    "data,reason",
    [
        (papers.pdf([[], []]), "has pages but no text: it is scanned; run it through OCR first"),
        (papers.pdf([]), "is damaged: it is not a PDF that can be read"),
        (LOCKED, "is protected by a password: save it without one"),
        (b"%PDF-1.4 and nothing else", "is damaged: it is not a PDF that can be read"),
        (b"plain text", "is damaged: it is not a PDF that can be read"),
    ],
    ids=["scanned", "no pages", "locked", "cut off", "no pdf"],
)
def test_a_file_that_cannot_be_read_says_why(data: bytes, reason: str) -> None:
    with pytest.raises(SourceError) as failed:
        _of(data)
    assert str(failed.value) == reason


WHOLE = papers.pdf([prose(HARBOUR), prose(BAKERY)], info={"Title": "A"}, outline=[("A", 1)])


@given(st.integers(0, len(WHOLE)), st.binary(max_size=8))
def test_a_damaged_file_is_an_article_or_a_reason(at: int, put: bytes) -> None:
    for data in (WHOLE[:at], WHOLE[:at] + put + WHOLE[at + len(put) :]):
        try:
            article = extract(ArticleId("a.pdf"), data or b"%")
        except SourceError as reason:
            assert str(reason).startswith(("is ", "has "))  # noqa: PT017  either is right
        else:
            assert article.text


# --- documents that were not made for a test


def _manuals() -> list[Path]:
    places = [Path("/usr/share/doc"), Path("/usr/share/texmf/doc")]
    return sorted(path for place in places for end in ("pdf", "pdf.gz") for path in place.glob(f"*/*.{end}"))


@pytest.mark.parametrize("path", _manuals() or [None], ids=lambda path: path.name if path else "none")
def test_a_real_manual_is_read_in_whole_paragraphs(path: Path | None) -> None:
    if path is None:
        pytest.skip("this machine has no PDF among its documentation")
    data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    started = time.monotonic()
    article = _of(data)
    assert time.monotonic() - started < 60
    text = article.text
    paragraphs = [part for part in text.split("\n\n") if len(part) > 200]
    assert len(paragraphs) > 10, "a manual has prose"
    ended = [part for part in paragraphs if part[-1] in ".!?:;)”\"'…"]
    assert len(ended) > 0.7 * len(paragraphs), "prose ends with a full stop, unless it was cut"
    assert not re.search("[\ufb00-\ufb06\ufffe\ufdd0\x02]", text)
    assert article.headings
    numbers = [page.number for page in article.pages]
    assert numbers == sorted(set(numbers))
    assert len(numbers) > 3
    assert all(0 <= page.start < len(text) for page in article.pages)


def test_two_columns_are_read_one_after_the_other() -> None:
    left, right = prose(HARBOUR, width=40), prose(BAKERY, left=320, width=40)
    assert _of(papers.pdf([[*left, *right]])).text == f"{HARBOUR}\n\n{BAKERY}"


def test_short_lines_under_one_another_stay_lines() -> None:
    code = ["print(harbour)", "print(pier)", "end"]
    lines: list[Line] = [(text, 72, 600 - 12 * at, 10) for at, text in enumerate(code)]
    assert _of(papers.pdf([[*prose(HARBOUR), *lines]])).text == HARBOUR + "\n\n" + "\n".join(code)
