"""From what was fetched to an Article: its address, its words in any encoding, and what the page says of itself."""

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from index.errors import SourceError
from index.formats.extract import extract
from index.reading.parsers import Limits, Parsers
from index.records import Article, ArticleId
from index.web import webpage
from index.web.fetch import Fetched
from tests.web import fetcher, page, serve

PROSE = "The mayor opened the bridge on Monday, and nobody came to see it but a dog and two of her cousins. " * 4
RUSSIAN = "Мэр открыл мост в понедельник, и никто не пришёл на него посмотреть, кроме собаки и двух её сестёр. " * 3
MARKUP = f"""<html lang="en"><head><title>The bridge is open - The Lindholm Post</title>
<link rel="canonical" href="https://news.example.org/2025/bridge">
<meta property="og:site_name" content="The Lindholm Post">
<script type="application/ld+json">{{"@type": "NewsArticle", "datePublished": "2025-10-16T10:00:00Z"}}</script></head>
<body><nav><a href="/">Home</a> <a href="/sport">Sport</a></nav>
<article><h1>The bridge is open</h1><p>{PROSE}</p><h2>Who came</h2><p>{PROSE}</p></article>
<footer>All rights reserved by somebody</footer></body></html>"""


def _fetched(content: str | bytes, kind: str = "text/html", charset: str = "", url: str = "") -> Fetched:
    body = content.encode() if isinstance(content, str) else content
    return Fetched(url or "https://news.example.org/2025/bridge?utm_source=feed", 200, body, kind, charset)


def test_an_article_is_named_by_its_address_and_has_what_the_page_says() -> None:
    article = webpage.article(_fetched(MARKUP))
    assert article.id == article.url == "https://news.example.org/2025/bridge"
    assert (article.title, article.source, article.date) == (
        "The bridge is open",
        "The Lindholm Post",
        dt.date(2025, 10, 16),
    )
    assert [heading.of(article.text) for heading in article.headings] == ["Who came"]
    assert "Sport" not in article.text
    assert "All rights" not in article.text


def test_a_page_is_read_like_the_same_page_in_a_folder() -> None:
    assert webpage.article(_fetched(MARKUP)).text == extract(ArticleId("bridge.html"), MARKUP.encode()).text


def test_where_it_is_parsed_is_for_the_caller_to_say() -> None:
    parsed: list[str] = []

    def elsewhere(name: ArticleId, data: bytes) -> Article:
        parsed.append(name)
        return extract(name, data)

    assert webpage.article(_fetched(MARKUP), elsewhere).title == "The bridge is open"
    assert parsed == ["bridge.html"]


@pytest.fixture(scope="module")
def parsers() -> Iterator[Parsers]:
    with Parsers(Limits(), most=1) as made:
        yield made


FETCHED = "https://news.example.org/2025/bridge"


@pytest.mark.parametrize(
    "canonical,known",
    [
        ("https://news.example.org/2025/the-bridge", "https://news.example.org/2025/the-bridge"),
        ("https://news.example.org/2025/the-bridge#top", "https://news.example.org/2025/the-bridge"),
        ("http://news.example.org/2025/the-bridge", "https://news.example.org/2025/the-bridge"),
        ("https://www.news.example.org/a", "https://www.news.example.org/a"),
        ("https://news.example.org/a?id=7&utm_medium=x", "https://news.example.org/a?id=7"),
        ("https://other.example.org/2025/bridge", FETCHED),
        ("https://news.example.org:8443/2025/bridge", FETCHED),
        ("https://me@news.example.org/a", FETCHED),
        ("https://news.example.org/", FETCHED),
        ("https://news.example.org", FETCHED),
        ("ftp://news.example.org/a", FETCHED),
        ("/2025/the-bridge", "https://news.example.org/2025/the-bridge"),
        ("the-bridge?a=1", "https://news.example.org/2025/the-bridge?a=1"),
        ("../a", "https://news.example.org/a"),
        ("?id=7&utm_source=x", "https://news.example.org/2025/bridge?id=7"),
        ("//www.news.example.org/a", "https://www.news.example.org/a"),
        ("//other.example.org/2025/bridge", FETCHED),
        ("/", FETCHED),
        ("../../..", FETCHED),
        ("https://NEWS.example.org/a", "https://news.example.org/a"),
        ("https://example.org/2025/bridge", FETCHED),
        ("https://news.example.org.evil.example/2025/bridge", FETCHED),
        ("https://evil.example/https://news.example.org/a", FETCHED),
        ("https://news.example.org@evil.example/a", FETCHED),
        ("https://news.example.org\\@evil.example/a", FETCHED),
        ("javascript:alert(1)//a", FETCHED),
        ("http://[", FETCHED),
        ("http://a:b:c/", FETCHED),
        ("", FETCHED),
    ],
)
def test_a_page_is_believed_about_its_own_host_only(canonical: str, known: str) -> None:
    assert webpage.identity(FETCHED, canonical) == known


@pytest.mark.parametrize(
    "head,known",
    [
        ('<link rel="canonical" href="/2025/the-bridge">', "https://news.example.org/2025/the-bridge"),
        ('<link rel="canonical" href="?id=7">', "https://news.example.org/2025/bridge?id=7"),
        ('<link rel="canonical" href="//evil.example/a">', FETCHED),
        ('<base href="https://evil.example/"><link rel="canonical" href="/a">', FETCHED),
        ('<link rel="canonical" href="https://evil.example/a">', FETCHED),
        ('<link rel="canonical" href="canonical">', FETCHED),
    ],
)
def test_an_address_as_seen_from_its_page_is_made_whole_for_what_was_fetched_alone(
    head: str, known: str, parsers: Parsers
) -> None:
    markup = f"<html><head>{head}<title>T</title></head><body><p>{PROSE}</p></body></html>"
    for read in (extract, parsers.extract):
        made = webpage.article(_fetched(markup), read)
        assert (made.id, made.url) == (known, known)
    saved = webpage.unplaced(parsers.extract(ArticleId("bridge.html"), markup.encode()))
    assert saved.url == ("https://evil.example/a" if 'href="https://evil.example/a"' in head else "")


@pytest.mark.parametrize(
    "url,plain",
    [
        ("https://news.example.org/a?utm_source=x&utm_medium=y", "https://news.example.org/a"),
        ("https://news.example.org/a?id=7&fbclid=x&page=2#c", "https://news.example.org/a?id=7&page=2"),
        ("https://news.example.org/a?q=utm_source", "https://news.example.org/a?q=utm_source"),
        ("https://news.example.org/a?b=%D0%BC&c", "https://news.example.org/a?b=%D0%BC&c"),
        ("https://news.example.org/a%2Fb?c=%26&gclid=1", "https://news.example.org/a%2Fb?c=%26"),
        ("https://news.example.org", "https://news.example.org/"),
    ],
)
def test_who_followed_which_link_is_no_part_of_an_address(url: str, plain: str) -> None:
    assert webpage.identity(url) == plain


@given(st.text(max_size=60) | st.from_regex(r"https?://[a-z@:./?#\[\]%]{0,30}", fullmatch=True))
def test_no_canonical_address_makes_it_fail(canonical: str) -> None:
    assert webpage.identity(FETCHED, canonical).startswith("https://news.example.org/")


def test_a_page_without_a_title_or_an_outlet_has_those_of_its_address() -> None:
    article = webpage.article(_fetched(f"<p>{PROSE}</p>", url="https://www.example.org/2025/the-old-bridge.html?x=1"))
    assert (article.title, article.source) == ("The old bridge", "example.org")


RUSSIAN_PAGE = f"<html><head>%s<title>Мост</title></head><body><p>{RUSSIAN}</p></body></html>"


@pytest.mark.parametrize("charset", ["windows-1251", "koi8-r", "utf-8", "utf-16", "utf-16le", "iso-8859-5"])
@pytest.mark.parametrize("kind", ["text/html", "text/plain"])
def test_the_declared_encoding_is_used(charset: str, kind: str) -> None:
    markup = RUSSIAN_PAGE % "" if kind == "text/html" else f"Мост\n\n{RUSSIAN}"
    article = webpage.article(_fetched(markup.encode(charset), kind, charset))
    assert (article.title, article.text) == ("Мост", RUSSIAN.strip())


@pytest.mark.parametrize(
    "declared,meta,written",
    [
        ("utf-8", "", "windows-1251"),  # wrong, and nothing else is said: found out
        ("utf-8", "windows-1251", "windows-1251"),
        ("iso-8859-1", "koi8-r", "koi8-r"),  # what servers say of everything
        ("iso-8859-1", "", "utf-8"),
        ("windows-1251", "", "utf-8"),
        ("shift_jis", "windows-1251", "windows-1251"),
        ("utf-16", "", "windows-1251"),
        ("nonsense", "windows-1251", "windows-1251"),
        ("unicode_escape", "", "utf-8"),
        ("idna", "windows-1251", "windows-1251"),
        ("zip", "", "windows-1251"),
        ("windows-1251", "koi8-r", "windows-1251"),  # of two that are possible the server's
    ],
)
def test_a_wrong_encoding_breaks_nothing(declared: str, meta: str, written: str) -> None:
    markup = RUSSIAN_PAGE % (f'<meta charset="{meta}">' if meta else "")
    article = webpage.article(_fetched(markup.encode(written), charset=declared))
    assert (article.title, article.text) == ("Мост", RUSSIAN.strip())


@given(
    st.binary(max_size=200), st.sampled_from(["", "utf-8", "utf-16", "utf-16le", "gbk", "euc-jp", "ascii", "x", "idna"])
)
def test_no_bytes_in_no_encoding_make_it_fail(content: bytes, charset: str) -> None:
    kept = webpage.in_utf8(content, charset)
    assert kept == content or kept.removeprefix(b"\xef\xbb\xbf").decode()


@pytest.mark.parametrize("kind", ["application/rss+xml", "text/xml", "application/gzip"])
def test_a_list_is_no_article(kind: str) -> None:
    with pytest.raises(SourceError, match="a feed or a sitemap, not an article"):
        webpage.article(_fetched("<rss/>", kind))


def test_a_page_without_words_is_a_sentence() -> None:
    with pytest.raises(SourceError, match="has no text once the markup is gone"):
        webpage.article(_fetched("<html><body><script>app()</script></body></html>"))


# --- pages that nobody made for this test

DOCS = [
    path
    for pattern in ("python3/html", "nodejs/api", "rust/html/book", "git/html", "fonts-*", "*")
    for path in sorted(Path("/usr/share/doc").glob(f"{pattern}/*.html"))[:3]
    if 8_000 < path.stat().st_size < 300_000
][:6]


@pytest.mark.skipif(not DOCS, reason="no documentation in HTML is installed in /usr/share/doc")
def test_real_pages_are_fetched_and_their_headings_stand_where_they_say() -> None:
    with serve({f"/{path.name}": page(path.read_bytes(), kind="text/html") for path in DOCS}) as web:
        one = fetcher()
        for path in DOCS:
            article = webpage.article(one.get(web.url(f"/{path.name}")))
            assert article.id.startswith("http")
            assert len(article.text) > 500
            for heading in article.headings:
                assert article.text[heading.start - 1 : heading.start] in ("", "\n")
                assert "\n" not in heading.of(article.text)
