"""Mail: what was written, and what the head says of it."""

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from index.errors import SourceError
from index.formats.extract import extract
from index.records import Article, ArticleId
from tests import papers

TEXT = "The old harbour of Lindholm was closed to cargo ships in 1987."
HEAD = {"From": "Anna Brandt <anna@example.org>", "Subject": "The harbour", "Date": "Wed, 01 May 2024 23:30:00 -0500"}


def _of(data: bytes) -> Article:
    return extract(ArticleId("a.eml"), data)


def test_the_head_tells_title_author_day_outlet_and_address() -> None:
    more = {"List_Id": "Harbour news <harbour.example.org>", "Archived_At": "<https://example.org/1>"}
    article = _of(papers.eml(f"{TEXT}\n\nYours", Content_Language="en", **HEAD, **more))
    assert article == Article(
        ArticleId("a.eml"),
        "The harbour",
        f"{TEXT}\n\nYours",
        dt.date(2024, 5, 1),
        "Harbour news",
        "https://example.org/1",
        author="Anna Brandt",
        language="en",
    )


def test_of_two_forms_the_plain_text_is_read_and_html_where_there_is_no_other() -> None:
    assert _of(papers.eml(TEXT, html="<p>Other.</p>", **HEAD)).text == TEXT
    assert _of(papers.eml("", html=f"<h1>Head</h1><p>{TEXT}</p>", **HEAD)).text == f"Head\n\n{TEXT}"


def test_a_plain_text_that_only_says_there_is_another_gives_way_to_it() -> None:
    stub = "Your client cannot show this."
    assert _of(papers.eml(stub, html=f"<p>{TEXT}</p>" * 9, **HEAD)).text == "\n\n".join([TEXT] * 9)
    assert _of(papers.eml(stub, html=f"<p>{TEXT}</p><div hidden>{TEXT * 9}</div>", **HEAD)).text == stub


def test_attachments_are_named_and_not_read() -> None:
    article = _of(papers.eml(TEXT, attachments=["harbour.xlsx", "../../map.png"], **HEAD))
    assert article.text == f"{TEXT}\n\n📎 harbour.xlsx · ../../map.png"


def test_text_below_a_picture_or_a_file_in_the_middle_is_read_as_well() -> None:
    parts = [
        "Content-Type: text/plain\n\nHere is the map.",
        'Content-Type: application/pdf\nContent-Disposition: inline; filename="map.pdf"\n\nx',
        f"Content-Type: text/plain\n\n{TEXT}",
        "Content-Type: text/plain\nContent-Disposition: attachment\n\nA file without a name.",
    ]
    head = 'From: Anna <a@example.org>\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary="="\n\n'
    mail = head + "".join(f"--=\n{part}\n" for part in parts) + "--=--\n"
    assert _of(mail.encode()).text == f"Here is the map.\n\n{TEXT}\n\n📎 map.pdf"


def test_names_and_words_in_other_letters_are_decoded() -> None:
    article = _of(papers.eml("Гавань закрыта.", **{**HEAD, "Subject": "Гавань", "From": "Анна <a@example.org>"}))
    assert (article.title, article.author, article.text) == ("Гавань", "Анна", "Гавань закрыта.")


def test_flowed_lines_are_joined_and_a_signature_is_left_out() -> None:
    head = b"Subject: A\nContent-Type: text/plain; charset=utf-8; format=flowed\n\n"
    assert _of(head + b"The old harbour \nof Lindholm\nwas closed.\n\n-- \nAnna Brandt\nCouncil").text == (
        "The old harbour of Lindholm\nwas closed."
    )


def test_flowed_lines_are_joined_inside_a_quotation_and_not_with_what_stands_around_it() -> None:
    head = b"Subject: A\nContent-Type: text/plain; charset=utf-8; format=Flowed\n\n"
    text = b"She said: \n> It was \n> closed \n>> in \n>> 1987.\nI know \nthat. \n-- \nAnna"
    assert _of(head + text).text == "She said: \n> It was closed \n>> in 1987.\nI know that."


def test_an_encoding_that_does_not_exist_is_guessed() -> None:
    data = b"Subject: A\nContent-Type: text/plain; charset=klingon\nContent-Transfer-Encoding: 8bit\n\n"
    assert _of(data + "Гавань закрыта.".encode()).text == "Гавань закрыта."


@pytest.mark.parametrize(
    "data,reason",
    [
        (b"\n\nno head at all", "is not a mail: it has no head"),
        (papers.eml("", attachments=["scan.pdf"], Subject="A"), "has no text"),
        (b"Subject: A\n\n", "has no text"),
    ],
    ids=["no head", "only an attachment", "nothing"],
)
def test_a_mail_that_cannot_be_read_says_why(data: bytes, reason: str) -> None:
    with pytest.raises(SourceError) as failed:
        _of(data)
    assert str(failed.value) == reason


@pytest.mark.parametrize("key", ["boundary=", "BOUNDARY=", "Boundary =", "boundary*0="])
def test_parts_nested_without_end_are_refused_before_they_take_minutes(key: str) -> None:
    nested = "".join(f"Content-Type: multipart/mixed; {key}x{n}\n\n--x{n}\n" for n in range(5_000))
    with pytest.raises(SourceError, match="has more than 500 parts"):
        _of(f"Subject: A\n{nested}\ntext\n".encode())


WHOLE = papers.eml(TEXT, html=f"<p>{TEXT}</p>", attachments=["a.bin"], **HEAD)
SIGNS = st.lists(
    st.sampled_from([*'=?<>@,;:"\\()[] \n\r\t\0é', "=?utf-8?b?", "--", "charset", "boundary="]), max_size=12
)


@given(st.integers(0, len(WHOLE)), SIGNS)
def test_a_damaged_mail_is_an_article_or_a_reason(at: int, signs: list[str]) -> None:
    put = "".join(signs).encode()
    for data in (WHOLE[:at] + put, WHOLE[:at] + put + WHOLE[at:], b"From: " + put + b"\nDate: " + put + b"\n\ntext"):
        try:
            article = _of(data or b"P")
        except SourceError as reason:
            assert str(reason).startswith(("is ", "has "))  # noqa: PT017  either is right
        else:
            assert article.text
