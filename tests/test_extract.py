"""From bytes to an Article: every format, what is known about an article, and no surprise for any bytes."""

import datetime as dt
import subprocess
import sys
import unicodedata
from contextlib import suppress
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from index.errors import SourceError
from index.formats.extract import clean, day, extract, language, one_line, web_address
from index.records import Article, ArticleId

DAY = dt.date(2025, 10, 16)
PROSE = "The mayor opened the bridge on Monday, and nobody came to see it but a dog and two of her cousins."


def _of(name: str, content: str | bytes) -> Article:
    return extract(ArticleId(name), content.encode() if isinstance(content, str) else content)


def _headings(article: Article) -> list[tuple[int, str]]:
    return [(heading.level, heading.of(article.text)) for heading in article.headings]


# --- plain text


@pytest.mark.parametrize(
    "text,title,rest",
    [
        (f"A bridge nobody wanted\n\n{PROSE}", "A bridge nobody wanted", PROSE),
        (f"A bridge nobody wanted\n{PROSE}", "A bridge nobody wanted", PROSE),
        (f"\n\n  Who needs a bridge?  \n\n{PROSE}", "Who needs a bridge?", PROSE),
        (f"A bridge!\r\n\r\n{PROSE}\r\n", "A bridge!", PROSE),
        (f"Мост, который никому не нужен\n\n{PROSE}", "Мост, который никому не нужен", PROSE),
        (f"جسر لا يريده أحد\n\n{PROSE}", "جسر لا يريده أحد", PROSE),
        (f"Bridge 🌉 opens\n\n{PROSE}\n\n\n\n\nMore.", "Bridge 🌉 opens", f"{PROSE}\n\nMore."),
    ],
)
def test_a_first_line_that_looks_like_a_title_is_the_title_and_not_the_text(text: str, title: str, rest: str) -> None:
    article = _of("a.txt", text)
    assert (article.title, article.text) == (title, rest)


@pytest.mark.parametrize(
    "text",
    [
        f"The bridge is open.\n\n{PROSE}",
        f"He said: “It is open.”\n\n{PROSE}",
        f"- the first point\n\n{PROSE}",
        f"https://example.org/bridge\n\n{PROSE}",
        f"{'long ' * 21}\n\n{PROSE}",
        f"{'l' * 121}\n\n{PROSE}",
        "The mayor opened the bridge on\nMonday, and nobody came to see\nit but a dog.",
        "The only line",
        "***\n\nText.",
    ],
)
def test_a_first_line_that_may_be_text_stays_text(text: str) -> None:
    assert _of("bridge.txt", text).text == text.strip()


def test_a_header_of_known_keys_is_metadata() -> None:
    article = _of("a.txt", f"Title: Bridge: the story\nDate: 2025-10-16\nsource: X\nURL: https://x.y/z\n\n{PROSE}")
    assert article == Article(
        ArticleId("a.txt"), title="Bridge: the story", text=PROSE, date=DAY, source="X", url="https://x.y/z"
    )


def test_a_header_may_stand_below_the_title() -> None:
    article = _of("a.txt", f"A bridge\n\nDate: 16 October 2025\nSource: X\n\n{PROSE}")
    assert (article.title, article.date, article.source, article.text) == ("A bridge", DAY, "X", PROSE)


def test_lines_with_other_keys_are_text() -> None:
    assert _of("a.txt", f"Note: read this.\nDate: 2025-10-16\n\n{PROSE}").text.startswith("Note: read this.\nDate:")


def test_plain_text_may_begin_with_front_matter() -> None:
    article = _of("a.txt", f"---\ntitle: A bridge\ndate: 2025-10-16\n---\n\n{PROSE}")
    assert (article.title, article.date, article.text) == ("A bridge", DAY, PROSE)


@pytest.mark.parametrize("top", ["---\nonly words\n---", "---\na: b: c\n---", "---\n- a: b\n---"])
def test_dashes_around_anything_else_are_text(top: str) -> None:
    assert _of("a.txt", f"{top}\n{PROSE}").text == f"{top}\n{PROSE}"


@pytest.mark.parametrize(
    "name,title",
    [
        ("the_old-bridge.txt", "The old bridge"),
        ("2025/2025-10-16-bridge-opens.txt", "Bridge opens"),
        ("covid-19.txt", "Covid 19"),
        ("Мост.txt", "Мост"),
        ("000_fc14ad31049781e4.txt", "The mayor opened the bridge on Monday, and nobody came…"),
        ("17.txt", "The mayor opened the bridge on Monday, and nobody came…"),
    ],
)
def test_without_a_title_the_file_name_or_the_first_words_serve(name: str, title: str) -> None:
    assert _of(name, f"{PROSE}\n{PROSE}").title == title


def test_a_short_first_sentence_is_a_title_whole() -> None:
    assert _of("1.txt", f"It rained. {PROSE}").title == "It rained."


# --- who wrote it, in which language

LINKED = (
    '<script type="application/ld+json">{"headline": "x", "author": [{"name": "Anna"}, {"name": "Tomas"}]}</script>'
)


@pytest.mark.parametrize(
    "name,content,author,language",
    [
        ("a.txt", f"Author: Anna Brandt\nLanguage: en\n\n{PROSE}", "Anna Brandt", "en"),
        (
            "a.md",
            f"---\nauthors: [Anna Brandt, Tomas Weiss]\nlang: de_AT\n---\n{PROSE}",
            "Anna Brandt, Tomas Weiss",
            "de",
        ),
        ("a.html", f"<html lang=ru><meta name=author content='Anna Brandt'><p>{PROSE}", "Anna Brandt", "ru"),
        (
            "a.html",
            f"<meta property=article:author content=https://f.b/x><meta name=dc.creator content=A><p>{PROSE}",
            "A",
            "",
        ),
        ("a.html", f"{LINKED}<meta property=og:locale content=fr_FR><p>{PROSE}", "Anna, Tomas", "fr"),
    ],
)
def test_author_and_language_are_known_where_they_are_said(name: str, content: str, author: str, language: str) -> None:
    article = _of(name, content)
    assert (article.author, article.language) == (author, language)


@pytest.mark.parametrize(
    "tag,code", [("en", "en"), ("en-GB", "en"), ("PT_br", "pt"), ("eng", "en"), ("tlh", ""), ("english", ""), ("", "")]
)
def test_a_language_is_the_code_of_two_letters_that_its_tag_begins_with(tag: str, code: str) -> None:
    assert language(tag) == code


# --- the line blog feeds add at the end


@pytest.mark.parametrize(
    "footer",
    [
        "The post A Bridge, Opened: Why? appeared first on Dr. Who Inc. News.",
        "The post A Bridge, Opened: Why? first appeared on Dr. Who Inc. News",
        "\nThe post A Bridge, Opened: Why?\nappeared first on Dr. Who\nInc. News.\n\n",
    ],
)
def test_a_feeds_footer_gives_title_and_source_and_goes(footer: str) -> None:
    article = _of("000_fc14ad31049781e4.txt", f"{PROSE}\n{PROSE}\n{footer}")
    assert article.text == f"{PROSE}\n{PROSE}"
    assert (article.title, article.source) == ("A Bridge, Opened: Why?", "Dr. Who Inc. News")


def test_a_footer_keeps_the_quotes_and_words_of_a_title() -> None:
    title = "‘Lengthy’ Call That Appeared First: What the White House’s Post appeared first on TV"
    article = _of("1.txt", f"{PROSE}\nThe post {title} appeared first on Real News.")
    assert (article.title, article.source) == (title, "Real News")


def test_a_footer_does_not_displace_what_is_known() -> None:
    text = f"Title: T\nSource: S\n\n{PROSE}\nThe post Other appeared first on Elsewhere."
    article = _of("a.txt", text)
    assert (article.title, article.source, article.text) == ("T", "S", PROSE)


@pytest.mark.parametrize(
    "text",
    [
        f"The post X appeared first on Y.\n{PROSE}",
        f"{PROSE} The post X appeared first on Y.",
        f"The post {'Was ' * 300} appeared first on Y.",
        f"{PROSE}\nThe post by Ann, which nobody read, first appeared on a forum in May.",
        f"{PROSE}\nThe post first appeared on a forum.",
    ],
)
def test_words_like_a_footer_elsewhere_are_text(text: str) -> None:
    article = _of("bridge.txt", text)
    assert (article.text, article.source) == (text, "")


@pytest.mark.parametrize("suffix", ["md", "html"])
@pytest.mark.parametrize("paragraphs", [1, 60])
def test_a_footer_of_links_is_found_in_markup_too(suffix: str, paragraphs: int) -> None:
    """Also where it is the only thing trafilatura would leave out."""
    lines = [f"{number}. {PROSE}" for number in range(1, paragraphs + 1)]
    if suffix == "md":
        footer = "The post [A & B](https://x.y/p) appeared first on [X *Y*](https://x.y)."
        content = "\n\n".join([*(line.replace(".", "\\.", 1) for line in lines), footer])
    else:
        footer = (
            'The post <a href="https://x.y/p">A &amp; B</a> appeared first on <a href="https://x.y">X <i>Y</i></a>.'
        )
        content = "".join(f"<p>{line}</p>\n" for line in [*lines, footer])
    article = _of(f"1.{suffix}", content)
    assert (article.title, article.source) == ("A & B", "X Y")
    assert article.text == "\n\n".join(lines)


# --- Markdown


MARKDOWN = """\
# The *bridge*

Soft
break, **bold**, `code`, ~~gone~~, [a link](https://x.y "t"), ![an image](i.png) and <b>raw</b> AT&amp;T.
Hard\\
break<br>here.

## What it cost

- one
- two **2**
  1. nested
  2. again

3. three
4. four

> A quotation

| what | price |
|------|------:|
| steel | *5* |

```python
def toll():

    return 1
```

Below
-----

<div align="center"><b>In a block</b><script>alert(1)</script></div>

***
End.
"""


def test_markdown_becomes_plain_text() -> None:
    article = _of("a.md", MARKDOWN)
    assert article.title == "The bridge"
    assert article.text == (
        "Soft break, bold, code, gone, a link, an image and raw AT&T. Hard\nbreak\nhere.\n\n"
        "What it cost\n\n• one\n• two 2\n1. nested\n2. again\n\n3. three\n4. four\n\nA quotation\n\n"
        "what | price\nsteel | 5\n\ndef toll():\n\n    return 1\n\nBelow\n\nIn a block\n\nEnd."
    )
    assert _headings(article) == [(2, "What it cost"), (2, "Below")]


def test_only_the_first_heading_that_is_the_title_goes() -> None:
    article = _of("a.md", f"---\ntitle: A bridge\n---\n# Part 1\n\n{PROSE}\n\n# A  BRIDGE\n\nx\n\n# A bridge\n\ny")
    assert article.title == "A bridge"
    assert _headings(article) == [(1, "Part 1"), (1, "A bridge")]
    assert article.text == f"Part 1\n\n{PROSE}\n\nx\n\nA bridge\n\ny"


def test_a_stray_tag_does_not_swallow_the_text_after_it() -> None:
    assert _of("a.md", "Use the <title> tag.\n\n<title>\n\nMore <!-- text.").text == "Use the tag.\n\nMore <!-- text."


def test_angle_brackets_in_code_are_text() -> None:
    assert _of("a.md", "`<b>` and\n\n    <p>&amp;</p>").text == "<b> and\n\n<p>&amp;</p>"


def test_items_of_several_paragraphs_stay_together() -> None:
    assert _of("a.md", "- one\n\n  more\n\n- two\n\nafter").text == "• one\nmore\n• two\n\nafter"


FRONT_MATTER = [
    ("title: A: b", None),
    ('title: "A: b"', ("A: b", None, "", "")),
    ("TITLE: 2025\nDate: 2025-10-16", ("2025", DAY, "", "")),
    ("title: No\npublished: 2025-10-16T23:59:59+02:00", ("No", DAY, "", "")),
    ("title: >\n  two\n  lines\npubdate: 2025-10-16 08:00", ("two lines", DAY, "", "")),
    ("title: T\nsource:\noutlet: O\nlink: https://x.y/z", ("T", None, "O", "https://x.y/z")),
    ("title: T\nsource: S\npublisher: P\nurl: /z\ncanonical: http://x.y", ("T", None, "S", "http://x.y")),
    ("title: T\nsite: W\nurl: javascript:alert(1)\ntags: [a, b]", ("T", None, "W", "")),
    ("title: T\ndate: 2025-13-45\nsource: {a: b}", ("T", None, "", "")),
    ("title: T\ndate: yesterday\nsource: ~", ("T", None, "", "")),
    ("title: T\ndate: 0001-01-01T00:00:00Z", ("T", None, "", "")),
    ("title: 👩\u200d🚀 в космосе\nsource: أخبار", ("👩\u200d🚀 в космосе", None, "أخبار", "")),
]


@pytest.mark.parametrize("block,facts", [case for case in FRONT_MATTER if case[1]])
@pytest.mark.parametrize("ends", ["\n", "\r\n"])
def test_front_matter_tells_what_is_known(block: str, facts: tuple[str, dt.date | None, str, str], ends: str) -> None:
    article = _of("a.md", f"---\n{block}\n---\n\n{PROSE}".replace("\n", ends))
    assert (article.title, article.date, article.source, article.url) == facts
    assert article.text == PROSE


@pytest.mark.parametrize(
    "text,reason",
    [
        ("---\ntitle: A: b\n---\nx", "mapping values are not allowed here, line 2"),
        ("\n---\ndate: 2025-10-16\ntitle: [a\n---\nx", "line 5"),
        (f"---\ntitle: a\x08b\n---\n{PROSE}", "a character that YAML does not allow, line 2"),
        ("---\na: " + "[" * 5000 + "\n---\nx", "not YAML, line 2"),
        ("---\ntitle: A\n\nText without end.", "it begins with --- but never ends"),
    ],
)
def test_broken_front_matter_is_an_error_that_names_the_line(text: str, reason: str) -> None:
    with pytest.raises(SourceError, match=r"^has broken front matter: .*") as caught:
        _of("a.md", text)
    assert reason in str(caught.value)


def test_a_break_at_the_top_of_markdown_is_no_front_matter() -> None:
    assert _of("a.md", "---\n\nText.\n\n---\n\nMore.").text == "Text.\n\nMore."


# --- HTML


PAGE = """<!doctype html><html><head><title>A bridge | The Daily</title><meta charset="utf-8">
<meta property="og:site_name" content="The Daily"><link rel="canonical" href="https://d.example/bridge">
<meta property="article:published_time" content="2025-10-16T23:30:00-05:00"><style>p {}</style></head>
<body><nav><ul><li><a href="/">Home</a></li></ul></nav><header><h1>The Daily</h1></header>
<article><header><h1>A <i>bridge</i></h1></header>
<p>It   opened on
<b>Monday</b>,&nbsp;said “she”.<br>Twice. 👩\u200d🚀 e\u0301</p><h2>What <i>it</i><br> cost<a href="#c">¶</a></h2>
<ul><li>steel</li><li><p>work</p><ul><li>nights</li></ul></li></ul><ol start="3"><li>c</li><li>d</li></ol>
<table><tr><th>what</th><th>price</th></tr><tr><td>steel</td><td><p>5</p></td></tr></table>
<blockquote><p>Never again</p></blockquote><pre>if x:
    y()</pre><script>var x = "no";</script><noscript>no</noscript><p hidden>no</p><template><p>no</p></template>
<p>The end.</p></article><aside><p>Read this too</p></aside><footer><p>© 2025 2020-01-01</p></footer></body></html>"""


def test_a_small_page_becomes_plain_text_without_its_menus() -> None:
    article = _of("a.html", PAGE)
    assert (article.title, article.source, article.date) == ("A bridge", "The Daily", DAY)
    assert article.url == "https://d.example/bridge"
    assert article.text == (
        "It opened on Monday,\xa0said “she”.\nTwice. 👩\u200d🚀 e\u0301\n\nWhat it cost\n\n• steel\n• work\n• nights\n"
        "\n3. c\n4. d\n\nwhat | price\nsteel | 5\n\nNever again\n\nif x:\n    y()\n\nThe end."
    )
    assert _headings(article) == [(2, "What it cost")]


def test_a_page_of_one_paragraph_is_an_article() -> None:
    assert _of("bridge.html", "<p>It opened.").text == "It opened."
    assert _of("bridge.htm", "It opened.").title == "Bridge"


def test_of_a_long_page_only_the_article_is_kept_and_kept_verbatim() -> None:
    """The quotation marks, the joiner in the emoji and the decomposed é are as they were written."""
    paragraphs = [f"{number} times, “she” said: 👩\u200d🚀 cafe\u0301! {PROSE} {PROSE}" for number in range(30)]
    menu = "".join(f'<div class="menu"><a href="/{number}">Section {number}</a></div>' for number in range(40))
    body = "".join(f"<p>{paragraph}</p>" for paragraph in paragraphs)
    article = _of("a.html", f"<body>{menu}<div class='content'><h1>T</h1>{body}</div>{menu}</body>")
    assert article.text == "\n\n".join(paragraphs)
    assert article.title == "T"


def test_a_page_made_with_a_table_is_not_one_line() -> None:
    text = _of(
        "a.html", f"<table><tr><td><p>{PROSE}</p><p>One.</p></td><td><h2>H</h2><p>Two.</p></td></tr></table>"
    ).text
    assert text == f"{PROSE}\n\nOne.\n\nH\n\nTwo."


@pytest.mark.parametrize(
    "markup,text",
    [
        ("<p>Text one.<aside>note</aside>Text two.</p>", "Text one.\n\nText two."),
        ("<div>templates<nav>menu</nav>construct</div>", "templates\n\nconstruct"),
        ("<div>one<form hidden>sent</form>two</div>", "one\n\ntwo"),
        ("<div>one<div style='display: none'>unseen</div>two</div>", "one\n\ntwo"),
        ("<h1>T</h1><h2>one<div hidden>unseen</div>two</h2><p>Text.</p>", "one two\n\nText."),
        ("<table><tr><td>one<p hidden>unseen</p>two</td><td>three</td></tr></table>", "one two | three"),
        ("<p>Visit<button>now</button>today</p>", "Visit today"),
        ("<p>in<iframe src='a'></iframe>a<select><option>b</option></select>or<video></video>c</p>", "in a or c"),
        ("<p>to<script>x</script>ge<style>p {}</style>th<span hidden>unseen</span>er</p>", "together"),
        ("<pre>a<button>Copy</button>b</pre>", "ab"),
    ],
)
def test_what_is_left_out_parts_its_neighbours_if_it_would_when_seen(markup: str, text: str) -> None:
    assert _of("a.html", f"<body>{markup}</body>").text == text


def test_a_menu_is_a_list_unless_it_is_one_of_the_page() -> None:
    dishes = "<p>We have:</p><menu><li>soup</li><li>bread</li></menu>"
    assert _of("a.html", f"<body>{dishes}</body>").text == "We have:\n\n• soup\n• bread"
    assert _of("a.html", f"<body><p>{PROSE}</p><menu role='menu'><li>Home</li></menu></body>").text == PROSE
    assert _of("a.html", f"<body><p>{PROSE}</p><menu type='toolbar'><li>Print</li></menu></body>").text == PROSE
    assert _of("a.html", f"<body><p>{PROSE}</p><nav><menu><li>Home</li></menu></nav></body>").text == PROSE


def test_of_a_long_page_a_menu_is_kept_as_other_lists_are() -> None:
    body = f"<p>{PROSE}</p>" * 40
    page = (
        f"<body><article><h1>T</h1>{body}<menu><li>{PROSE[:60]} soup</li><li>bread</li></menu>{body}</article></body>"
    )
    assert "soup\n• bread\n" in _of("a.html", page).text


def test_two_line_breaks_make_a_paragraph() -> None:
    assert _of("a.html", "<body>One.<br>\n<br/> Two.<div>Three.</div>Four.").text == "One.\n\nTwo.\n\nThree.\n\nFour."


@pytest.mark.parametrize(
    "head,title",
    [
        ("<title>Bridge - Daily</title>", "Bridge - Daily"),
        ('<title>Bridge – Daily</title><meta property="og:site_name" content="daily">', "Bridge"),
        ('<title>x</title><meta property="og:title" content="A &amp; B">', "A & B"),
        ('<meta property="og:title" content="A | Daily"><meta property="og:site_name" content="Daily">', "A"),
        ('<meta property="og:title" content="A - B"><meta property="og:site_name" content="Daily">', "A - B"),
        ('<meta name="twitter:title" content="Bird"><title>x</title>', "Bird"),
        ('<script type="application/ld+json">[{"@graph": [{"headline": "A &amp; B"}]}]</script>', "A & B"),
        ('<script type="application/ld+json">{"headline": "broken</script><title>T</title>', "T"),
        ("<title>Main heading — The Site</title>", "Main heading"),
        ("<title> \n </title>", "Main heading"),
        ("", "Main heading"),
    ],
)
def test_the_title_of_a_page(head: str, title: str) -> None:
    assert _of("a.html", f"<head>{head}</head><h1>Main heading</h1><p>{PROSE}</p>").title == title


@pytest.mark.parametrize(
    "head,date",
    [
        ('<meta property="article:published_time" content="2025-10-16T01:00:00Z">', DAY),
        ('<meta name="date" content="16 Oct 2025">', DAY),
        ('<meta name="DC.date" content="20251016">', DAY),
        ('<meta itemprop="datePublished" content="2025-10-16">', DAY),
        ('<script type="application/ld+json">{"@type": "NewsArticle", "datePublished": "2025-10-16T1"}</script>', DAY),
        ('<p>On <time datetime="2025-10-16T10:00">Thursday</time></p>', DAY),
        ('<meta name="date" content="soon"><p><time datetime="2025-10-16">x</time></p>', DAY),
        ('<nav><time datetime="2024-01-01">x</time></nav><p><time datetime="2025-10-16">x</time></p>', DAY),
        ('<p><time>16 October 2025</time> 2025-10-16 <a href="/2025/10/16/x">x</a></p>', None),
        ('<meta name="last-modified" content="2025-10-16">', None),
    ],
)
def test_the_date_of_a_page_is_one_it_declares_never_a_guess(head: str, date: dt.date | None) -> None:
    assert _of("a.html", f"{head}<p>{PROSE}</p>").date == date


def test_a_page_tells_its_source_and_address() -> None:
    linked = '<script type="application/ld+json">{"headline": "H", "publisher": {"name": "The Daily"}}</script>'
    article = _of(
        "a.html", f'{linked}<link rel="canonical" href="/a"><meta property="og:url" content="https://d.e/a">x'
    )
    assert (article.source, article.url) == ("The Daily", "https://d.e/a")


@pytest.mark.parametrize("opening", ["<div>", "<b>", "<span>", "<ul><li>", "<blockquote>", "<table><tr><td>"])
def test_five_thousand_nested_elements_lose_no_words(opening: str) -> None:
    assert _of("a.html", f"{opening * 5000}<p>It opened.</p><p>At last.").text.endswith("It opened.\n\nAt last.")


def test_an_article_does_not_depend_on_those_read_before() -> None:
    page = "".join(f"<p>{number}: {PROSE} {PROSE}</p>" for number in range(20))
    assert len({_of("a.html", page) for _ in range(6)}) == 1


# --- what must not be in a text, and what must stay in it


@pytest.mark.parametrize("suffix", ["txt", "md", "html"])
@pytest.mark.parametrize(
    "text", ["Мост открыт.", "افتُتح الجسر.", "می\u200cخواهم", "👨\u200d👩\u200d👧 🇩🇪", "“e\u0301” ﬁ ½"]
)
def test_words_of_any_script_are_untouched(suffix: str, text: str) -> None:
    assert _of(f"a.{suffix}", text).text == text


@pytest.mark.parametrize("suffix", ["txt", "md", "html"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_unicode_is_read_in_each_of_its_encodings(suffix: str, encoding: str) -> None:
    assert _of(f"a.{suffix}", "Мост 🌉 открыт.".encode(encoding)).text == "Мост 🌉 открыт."


RUSSIAN = "Президент объявил в четверг, что провёл «продуктивный» разговор. Стороны встретятся в Будапеште."


@pytest.mark.parametrize(
    "encoding,text",
    [
        ("cp1251", RUSSIAN),
        ("cp1251", "Привет, мир."),
        ("koi8-r", "Президент объявил в четверг, что провёл продуктивный разговор."),
        ("cp1252", "Café au lait, déjà vu. L’été est arrivé à Paris."),
        ("cp1252", "It’s “open” — he said."),
        ("cp1250", "Příliš žluťoučký kůň úpěl ďábelské ódy."),
        ("cp1256", "أعلن الرئيس يوم الخميس أنه أجرى مكالمة هاتفية مثمرة مع نظيره الروسي"),
        ("shift-jis", "大統領は木曜日に電話会談を行ったと発表した。"),
    ],
)
def test_text_in_an_older_encoding_is_recognised(encoding: str, text: str) -> None:
    assert _of("a.txt", text.encode(encoding)).text == text
    assert _of("a.txt", b"Plain. " * 20_000 + text.encode(encoding)).text.endswith(text)


def test_a_page_is_read_in_the_encoding_it_declares() -> None:
    page = '<meta http-equiv="Content-Type" content="text/html; charset={}"><p>{}'
    assert _of("a.html", page.format("windows-1251", "Мост").encode("cp1251")).text == "Мост"
    assert _of("a.html", page.format("ISO-8859-1", "“é”").encode("cp1252")).text == "“é”"
    assert _of("a.html", page.format("unicode_escape", RUSSIAN).encode("cp1251")).text == RUSSIAN


def test_a_few_bad_bytes_do_not_make_utf8_another_encoding() -> None:
    assert _of("a.txt", RUSSIAN.encode()[:-2] + b"\xff!").text.startswith(RUSSIAN[:-2])


def test_utf16_cut_in_the_middle_of_a_character_is_still_read() -> None:
    assert _of("a.txt", "Мост открыт".encode("utf-16")[:-1]).text.startswith("Мост откры")


PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08\x06\0\0\0\x1f\x15\xc4\x89\0\0\0\nIDATx\x9cc\0\x01"


@pytest.mark.parametrize("suffix", ["txt", "md", "html"])
@pytest.mark.parametrize(
    "data", [PNG, b"%PDF-1.7\n\x01\x02\x03\x04\x05\x06", b"a\0b", "no mark".encode("utf-16-le"), bytes(range(1, 256))]
)
def test_what_is_not_text_is_refused(suffix: str, data: bytes) -> None:
    with pytest.raises(SourceError, match=r"^is binary, not text$"):
        _of(f"a.{suffix}", data)


@pytest.mark.parametrize(
    "name,content,reason",
    [
        ("a.txt", "", "is empty"),
        ("a.html", "", "is empty"),
        ("a.txt", " \n\t\r\n ", "has no text"),
        ("a.txt", "\ufeff", "has no text"),
        ("a.txt", "\u200b\u200d\n", "has no text"),
        ("a.txt", "Title: A\nDate: 2025-10-16\n", "has no text"),
        ("a.txt", "The post A appeared first on B.", "has no text"),
        ("a.md", "# Only a title\n", "has no text once the markup is gone"),
        ("a.md", "---\ntitle: A\n---\n", "has no text once the markup is gone"),
        ("a.md", "![](i.png) <b></b>\n\n<!-- x -->", "has no text once the markup is gone"),
        ("a.html", "<script>x</script><img alt='x'>", "has no text once the markup is gone"),
        ("a.html", "<!-- only this -->", "has no text once the markup is gone"),
        ("a.odt", "text", "is not a .txt, .md, .html, .pdf, .docx, .epub or .eml file"),
    ],
)
def test_a_file_without_text_says_why(name: str, content: str, reason: str) -> None:
    with pytest.raises(SourceError) as caught:
        _of(name, content)
    assert str(caught.value) == reason


def test_an_emoji_is_text() -> None:
    assert _of("a.txt", "🌉").text == "🌉"


def _assert_sound_or_refused(suffix: str, data: bytes) -> None:
    with suppress(SourceError):
        _assert_sound(_of(f"a.{suffix}", data))


def _assert_sound(article: Article) -> None:
    assert article.text == article.text.strip()
    assert article.text
    assert article.title
    for text in (article.text, article.title, article.source, article.url):
        assert text == clean(text)
        assert "\r" not in text
    for line in (article.title, article.source):
        assert len(line) <= 300
        assert line == " ".join(line.split())
    for heading in article.headings:
        words = heading.of(article.text)
        assert words
        assert words == words.strip()
        assert article.text[: heading.start].endswith("\n\n") or heading.start == 0
        assert article.text[heading.end :].startswith("\n\n") or heading.end == len(article.text)
    assert all(before.end < after.start for before, after in pairwise(article.headings))


SUFFIXES = st.sampled_from(["txt", "md", "markdown", "html", "htm", "pdf", "docx", "epub", "eml"])
PIECES = (
    "---\n|title: |# |## H\n|\n\n|- |1. |> |```\n|: |'|[a]: b\n|*|_|`|[|](|![|\\|&|<h1>|</h1>|<h2>x|<p>|</p>|<br>|<div>"
    "|</div>|<ul><li>|</li>|</ul>|<ol start=9>|<table><tr><td>|</td>|<th>|<pre>|</pre>|<script>|<!--|<title>|<a href=x>"
    "|&#13;|&#0;|&#xD800;|&nbsp;|<![CDATA[|<?php|\r|\r\n|\t|\x0c|\x85|\u2028|word |é|👩\u200d🚀|\u200f|Date: 1/2/2025\n"
    '|The post X appeared first on Y.|<meta property="og:title" content="|">|<script type="application/ld+json">'
    '|{"headline": "\\ud800"}'
)
TABLE = "| a | b |\n|--|--|\n"
MARKUP = st.lists(st.sampled_from([*PIECES.split("|"), TABLE]), max_size=30).map(
    lambda pieces: "".join(pieces).encode()
)
FUZZ = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@FUZZ
@given(suffix=SUFFIXES, data=st.binary(max_size=300) | MARKUP | st.text(max_size=200).map(lambda text: text.encode()))
@example(suffix="md", data=b"\xff\xfe\x00\xd8")
@example(suffix="md", data=b"![" * 3000)
@example(suffix="md", data=b"> " * 3000 + b"x")
@example(suffix="md", data=b"- " * 3000 + b"x")
@example(suffix="html", data=b"<" * 5000)
@example(suffix="html", data=b"<!DOCTYPE html [<!ENTITY a 'x'><!ENTITY b '&a;&a;'>]><p>&b;")
@example(suffix="html", data=b'<script type="application/ld+json">' + b"[" * 100_000)
def test_any_bytes_make_a_sound_article_or_a_source_error(suffix: str, data: bytes) -> None:
    _assert_sound_or_refused(suffix, data)


@FUZZ
@given(
    suffix=SUFFIXES,
    mark=st.sampled_from([b"\xff\xfe", b"\xfe\xff", b"\xef\xbb\xbf", b"\xff\xfe\0\0"]),
    data=st.binary(),
)
def test_any_bytes_behind_a_mark_make_a_sound_article_or_a_source_error(suffix: str, mark: bytes, data: bytes) -> None:
    _assert_sound_or_refused(suffix, mark + data)


@FUZZ
@given(st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1))
def test_a_word_of_plain_text_is_kept_to_the_letter(word: str) -> None:
    assert _of("1.txt", f"{word}.").text == f"{word}."


# --- the small rules


@pytest.mark.parametrize(
    "text,expected",
    [
        ("2025-10-16", DAY),
        ("2025-10-16T23:59:59-08:00", DAY),
        ("2025/10/16", DAY),
        ("20251016", DAY),
        ("20251016T101500Z", DAY),
        ("16.10.2025", DAY),
        ("16/10/2025", DAY),
        ("10/16/2025", DAY),
        ("10/10/2025", dt.date(2025, 10, 10)),
        ("16 October 2025", DAY),
        ("16th of Oct. 2025", DAY),
        ("16-Oct-2025", DAY),
        ("October 16th, 2025", DAY),
        ("Thu, 16 Oct 2025 10:00:00 GMT", DAY),
        ("3/4/2025", None),
        ("2025-02-30", None),
        ("2025", None),
        ("October 2025", None),
        ("16 Foo 2025", None),
        ("1760572800", None),
        ("", None),
    ],
)
def test_a_day_is_read_where_it_is_certain(text: str, expected: dt.date | None) -> None:
    assert day(text) == expected


@given(st.text())
def test_a_day_is_read_or_not_and_never_an_error(text: str) -> None:
    assert day(text) is None or isinstance(day(text), dt.date)


@pytest.mark.parametrize(
    "text,expected",
    [
        (" https://x.y/z?a=b#c ", "https://x.y/z?a=b#c"),
        ("HTTP://X.Y", "HTTP://X.Y"),
        ("ftp://x.y", ""),
        ("javascript:alert(1)//http://x", ""),
        ("https://", ""),
        ("https://x y", ""),
        ("/path", ""),
    ],
)
def test_only_web_addresses_are_addresses(text: str, expected: str) -> None:
    assert web_address(text) == expected


def test_a_title_is_one_line_of_at_most_300_characters() -> None:
    assert one_line(" a\n\tb\u2028c\ud800 ") == "a b c\ufffd"
    assert one_line("ab " * 200) == ("ab " * 100).strip()


@given(st.text(st.characters()))
def test_cleaning_keeps_every_offset(text: str) -> None:
    assert len(clean(text)) == len(text)
    assert not any(char == "\0" or unicodedata.category(char) == "Cs" for char in clean(text))


def test_importing_the_module_imports_no_parser() -> None:
    heavy = {"lxml", "trafilatura", "markdown_it", "yaml", "charset_normalizer"}
    code = f"import sys, index.formats.extract; sys.exit(bool({heavy} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
