"""What feeds and sitemaps list: well-formed, broken and hostile."""

import contextlib
import datetime as dt
import random
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from index.errors import SourceError
from index.reading import parcel
from index.reading.parsers import Limits, Parsers
from index.records import Item
from index.web import feed, sitemap
from index.web.weblinks import chooser, host, same
from tests import hostile

BASE = "https://news.example.org/feeds/all.xml"

ATOM = b"""<?xml version="1.0" encoding="utf-8"?>
<feed xmlns="http://www.w3.org/2005/Atom"><title>News</title>
<entry><title type="html">Rail &amp;amp; road</title><link rel="alternate" href="../2026/rail#top"/>
<published>2026-03-01T10:00:00+02:00</published><updated>2026-03-05T00:30:00Z</updated>
<summary>Short.</summary><content type="html">&lt;p&gt;The whole story of the rail.&lt;/p&gt;</content></entry>
<entry><title>Newer</title><link href="https://other.example/x"/><updated>2026-03-09T00:00:00Z</updated></entry>
<entry><title>No link</title></entry>
<entry><title>Not of the web</title><link href="javascript:alert(1)"/></entry>
<entry><title>Twice</title><link href="https://other.example/x?utm_source=feed"/></entry>
</feed>"""


def test_an_atom_feed_gives_links_titles_dates_and_words_the_newest_first() -> None:
    newer, rail = feed.entries(ATOM, base=BASE)
    assert (newer.key, newer.title, newer.date) == ("https://other.example/x", "Newer", dt.date(2026, 3, 9))
    assert (rail.key, rail.title) == ("https://news.example.org/2026/rail", "Rail & road")
    assert rail.date == dt.date(2026, 3, 1)
    assert rail.changed == dt.datetime(2026, 3, 5, 0, 30, tzinfo=dt.UTC)
    assert "<p>The whole story of the rail.</p>" in rail.markup
    assert newer.markup == ""


def test_a_feed_with_broken_xml_gives_what_can_be_read_of_it() -> None:
    whole = b"<rss version='2.0'><channel><item><title>A & B</title><link>https://a.example/1</link></item>"
    assert [item.key for item in feed.entries(whole + b"<item><title>cut", base=BASE)] == ["https://a.example/1"]


def test_a_feed_without_entries_is_one_and_a_page_is_none() -> None:
    assert feed.entries(b"<rss version='2.0'><channel><title>x</title></channel></rss>", base=BASE) == []
    for none in (b"<html><body>We moved</body></html>", b"{}", b"", b"\0\1\2"):
        with pytest.raises(SourceError, match="is no feed"):
            feed.entries(none, base=BASE)


BOMB = b"""<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">
<!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;"><!ENTITY d "&c;&c;&c;&c;&c;&c;&c;&c;&c;&c;">
<!ENTITY e SYSTEM "file:///etc/passwd">]>"""


def test_entities_are_neither_fetched_nor_blown_up() -> None:
    markup = BOMB + b"<rss version='2.0'><channel><item><title>%s</title><link>https://a.example/1</link></item>"
    (item,) = feed.entries(markup % b"&d;&e;x" + b"</channel></rss>", base=BASE)
    assert len(item.title) < 300
    assert "root:" not in item.title
    listed = BOMB + b"<urlset><url><loc>https://a.example/&e;1</loc></url></urlset>"
    try:
        urls = [page.key for page in sitemap.read(listed).pages]
    except SourceError:
        urls = []
    assert not any("root" in url for url in urls)


def test_a_deep_and_a_long_feed_are_read_within_seconds() -> None:
    began = time.monotonic()
    deep = b"<rss version='2.0'><channel>" + b"<item>" * 5_000
    long = b"<rss version='2.0'><channel>" + b"<item><link>https://a.example/%d</link></item>" * 2_000
    feed.entries(deep, base=BASE)
    assert len(feed.entries(long.replace(b"%d", b"1"), base=BASE)) == 1
    assert time.monotonic() - began < 30


@given(st.binary(max_size=2_000) | st.binary(max_size=500).map(lambda some: ATOM[:400] + some + ATOM[400:]))
def test_no_bytes_make_a_feed_or_a_sitemap_raise_anything_but_a_reason(data: bytes) -> None:
    for read in (lambda: feed.entries(data, base=BASE), lambda: sitemap.read(data).pages):
        found: list[Item] = []
        with contextlib.suppress(SourceError):
            found = list(read())
        assert parcel.items_of(parcel.of_items(found), lists=1) == [found]
        assert all(item.key.startswith(("http://", "https://")) for item in found)


RSS = b"""<?xml version="1.0" encoding="windows-1252"?><rss version="2.0" xmlns:dc="http://purl.org/dc/elements/1.1/">
<channel><title>News</title><item><title>A &amp; B</title><link>https://a.example/1</link><dc:creator>Anna</dc:creator>
<pubDate>Fri, 01 May 2026 06:00:00 GMT</pubDate><description><![CDATA[<p>Words &nbsp; <b>b</b>]]></description></item>
</channel></rss>"""
LISTED = b"""<?xml version="1.0"?><urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"><url><loc>https://a.example/1
</loc><lastmod>2026-01-01</lastmod></url><url><loc>https://a.example/2</loc></url></urlset>"""


@settings(max_examples=100)
@given(st.sampled_from([ATOM, RSS, LISTED]), st.integers(0, 1 << 32))
def test_a_list_that_is_broken_anyhow_is_a_list_or_a_reason(whole: bytes, seed: int) -> None:
    data = hostile.broken(random.Random(seed), whole)
    for read in (lambda: feed.entries(data, base=BASE), lambda: sitemap.read(data).pages):
        try:
            found = list(read())
        except SourceError as reason:
            assert str(reason).startswith("is ")  # noqa: PT017  either is right
        else:
            assert all(item.key.startswith(("http://", "https://")) for item in found)
            assert all(len(item.markup) <= 2 * feed.LONGEST for item in found)


def test_a_sitemap_may_be_an_index_or_a_plain_list() -> None:
    found = sitemap.read(
        b'<sitemapindex xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">'
        b"<sitemap><loc> https://a.example/old.xml </loc><lastmod>2025-01-01</lastmod></sitemap>"
        b"<sitemap><loc>https://a.example/new.xml</loc><lastmod>2026-01-01T00:00:00+01:00</lastmod></sitemap>"
        b"<sitemap><loc>https://a.example/undated.xml</loc></sitemap></sitemapindex>"
    )
    assert [one.key for one in found.sitemaps] == [
        "https://a.example/new.xml",
        "https://a.example/old.xml",
        "https://a.example/undated.xml",
    ]
    assert found.pages == ()
    plain = sitemap.read(b"\xef\xbb\xbfhttps://a.example/1\nnothing\nhttps://a.example/2#part\n")
    assert [one.key for one in plain.pages] == ["https://a.example/1", "https://a.example/2"]


def test_a_sitemap_that_is_cut_off_is_read_up_to_there_and_one_without_anything_is_none() -> None:
    cut = b"<urlset><url><loc>https://a.example/1</loc></url><url><loc>https://a.exam"
    assert [one.key for one in sitemap.read(cut).pages] == ["https://a.example/1"]
    for none in (b"", b"<urlset></urlset>", b"<html/>", b"no address"):
        with pytest.raises(SourceError, match="is no sitemap, or an empty one"):
            sitemap.read(none)


def test_a_sitemap_has_no_more_than_the_format_allows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sitemap, "MOST", 100)
    one = b"<url><loc>https://a.example/%d</loc></url>"
    many = b"<urlset>" + b"".join(one % n for n in range(110)) + b"</urlset>"
    assert len(sitemap.read(many).pages) == 100


@pytest.mark.parametrize(
    "address, plain",
    [
        ("https://A.example/x?utm_source=r&id=2&fbclid=9#top", "https://a.example/x?id=2"),
        ("https://a.example", "https://a.example/"),
        ("no address", "no address"),
        ("https://[::bad", "https://[::bad"),
    ],
)
def test_an_address_is_written_in_one_way(address: str, plain: str) -> None:
    assert same(address) == plain


@given(st.text(max_size=50))
def test_no_text_is_too_odd_for_an_address(text: str) -> None:
    assert isinstance(same(text), str)
    assert isinstance(host(text), str)


def test_patterns_choose_what_is_wanted_and_exclude_wins() -> None:
    chosen = chooser(["*/news/*", "*.md"], ["*/sport/*"])
    names = ["https://a/news/1", "https://a/news/sport/1", "deep/er/a.md", "a.txt"]
    assert [chosen(name) for name in names] == [True, False, True, False]
    assert all(chooser([], [])(name) for name in names)
    assert [chooser([], ["*.txt"])(name) for name in names] == [True, True, True, False]


def test_what_lists_is_read_the_same_in_a_process_of_its_own_which_it_may_bring_down() -> None:
    listed = b"<urlset><url><loc>https://a.example/1</loc><lastmod>2026-05-01T08:00:00+02:00</lastmod></url></urlset>"
    index = b"<sitemapindex><sitemap><loc>https://a.example/more.xml</loc></sitemap></sitemapindex>"
    with Parsers(Limits(seconds=1, megabytes=64), most=1, lists=True) as parsers:
        assert parsers.feed(ATOM, base=BASE) == feed.entries(ATOM, base=BASE)
        assert [parsers.sitemap(one) for one in (listed, index)] == [sitemap.read(one) for one in (listed, index)]
        for read in (lambda: parsers.feed(b"{}", base=BASE), lambda: parsers.sitemap(b"<a/>")):
            with pytest.raises(SourceError, match="is no"):
                read()
        with pytest.raises(SourceError, match=r"takes more than 1 seconds|needs more than 64 MB"):
            parsers.feed(b"<rss><channel>" + b"<item><title>&lt;b&gt;t</title>" * 300_000, base=BASE)
        assert parsers.feed(ATOM, base=BASE) == feed.entries(ATOM, base=BASE)
