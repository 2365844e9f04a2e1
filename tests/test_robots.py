"""What a site's robots.txt asks of us, and for how long that is remembered."""

import threading
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import quote

import httpx
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from protego import Protego

from index.errors import SourceError
from index.web.robots import LARGEST, TOKEN, Answer, Robots, Rules, ours

DAY = 24 * 3600.0
SITE = httpx.URL("https://news.example.org/a?b=c")


class _Site:
    def __init__(self, *answers: Answer) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []
        self.now = 0.0
        self.robots = Robots(self._fetch, now=lambda: self.now)

    def _fetch(self, url: httpx.URL) -> Answer:
        self.asked.append(str(url))
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


def _at(path: str) -> httpx.URL:
    return httpx.URL(f"https://news.example.org{path}")


@pytest.mark.parametrize(
    "text,path,allowed",
    [
        ("", "/a", True),
        ("User-agent: *\nDisallow:", "/a", True),
        ("User-agent: *\nDisallow: /", "/a", False),
        ("user-agent: *\ndisallow: /private", "/private/a", False),
        ("User-agent: *\nDisallow: /private", "/public", True),
        ("User-agent: *\nDisallow: /p\nAllow: /p/press", "/p/press/1", True),  # the longer rule wins
        ("User-agent: *\nAllow: /p\nDisallow: /p/press", "/p/press/1", False),
        ("User-agent: *\nDisallow: /p\nAllow: /p", "/p", True),  # of two as long the kinder
        ("User-agent: *\nDisallow: /*.pdf$", "/a/b.pdf", False),
        ("User-agent: *\nDisallow: /*.pdf$", "/a/b.pdf?x=1", True),
        ("User-agent: *\nDisallow: /*/print/", "/2025/print/1", False),
        ("User-agent: *\nDisallow: /*?session=", "/a?session=1", False),
        ("User-agent: *\nDisallow: /caf%C3%A9", "/café", False),
        ("User-agent: *\nDisallow: /café", "/caf%C3%A9", False),
        ("User-agent: footnote\nDisallow: /", "/a", False),
        ("User-agent: Footnote\nDisallow:\n\nUser-agent: *\nDisallow: /", "/a", True),  # its own group alone counts
        ("User-agent: Googlebot\nUser-agent: Footnote\nDisallow: /", "/a", False),
        ("User-agent: Googlebot\nDisallow: /", "/a", True),
        ("User-agent: Footnotes\nDisallow: /", "/a", True),
        ("Disallow: /", "/a", True),  # of nobody
        ("\ufeffUser-agent: *\r\nDisallow: /", "/a", False),
        ("User-agent: * # all\nDisallow: / # everything", "/a", False),
        ("<html><body>Not found</body></html>", "/a", True),
    ],
)
def test_a_page_is_allowed_or_not_as_rfc_9309_reads_the_rules(text: str, path: str, *, allowed: bool) -> None:
    robots = _Site(Answer(200, text.encode())).robots
    assert robots.rules(_at(path)).allow(_at(path)) is allowed


@pytest.mark.parametrize(
    "text,delay",
    [
        ("", 0.0),
        ("User-agent: *\nCrawl-delay: 7", 7.0),
        ("User-agent: *\nCrawl-delay: 0.5", 0.5),
        ("User-agent: *\nCrawl-delay: -7", 0.0),
        ("User-agent: *\nCrawl-delay: inf", 0.0),
        ("User-agent: *\nCrawl-delay: soon", 0.0),
        ("User-agent: *\nCrawl-delay: 7\n\nUser-agent: footnote\nCrawl-delay: 2\nDisallow: /x", 2.0),
    ],
)
def test_a_site_may_want_time_between_two_requests(text: str, delay: float) -> None:
    assert Rules(text).delay == delay


def test_rules_are_remembered_for_a_day_of_each_site_by_itself() -> None:
    site = _Site(Answer(200, b"User-agent: *\nDisallow: /a"), Answer(404))
    assert not site.robots.rules(SITE).allow(SITE)
    site.now = DAY - 1
    assert not site.robots.rules(_at("/b")).allow(SITE)
    assert site.asked == ["https://news.example.org/robots.txt"]
    site.now = DAY
    assert site.robots.rules(SITE).allow(SITE)
    for other in ("http://news.example.org/a", "https://news.example.org:8443/a", "https://example.org/a"):
        site.robots.rules(httpx.URL(other))
    assert site.asked[2:] == [
        "http://news.example.org/robots.txt",
        "https://news.example.org:8443/robots.txt",
        "https://example.org/robots.txt",
    ]


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 451])
def test_a_site_that_has_no_rules_for_us_allows_everything(status: int) -> None:
    assert _Site(Answer(status)).robots.rules(SITE).allow(SITE)


@pytest.mark.parametrize("answer", [Answer(500), Answer(503), Answer(429), Answer(0, why="cannot be fetched: why")])
def test_a_site_that_cannot_say_is_left_alone_and_asked_again_soon(answer: Answer) -> None:
    site = _Site(answer, Answer(200, b""))
    for site.now in (0.0, 299.0):
        with pytest.raises(SourceError, match=r"^cannot be fetched: "):
            site.robots.rules(SITE)
    assert len(site.asked) == 1
    site.now = 300.0
    assert site.robots.rules(SITE).allow(SITE)


def test_of_very_long_rules_the_first_half_megabyte_counts() -> None:
    far = b"User-agent: *\n" + b"#" * LARGEST + b"\nDisallow: /"
    near = b"User-agent: *\nDisallow: /\n" + b"Disallow: /" * LARGEST
    assert _Site(Answer(200, far)).robots.rules(SITE).allow(SITE)
    assert not _Site(Answer(200, near)).robots.rules(SITE).allow(SITE)


def test_one_thread_asks_and_the_others_wait_for_it() -> None:
    together = threading.Barrier(4)
    asked = []

    def fetch(url: httpx.URL) -> Answer:
        asked.append(url)
        return Answer(200, b"User-agent: *\nDisallow: /")

    robots = Robots(fetch)

    def allowed(_: int) -> bool:
        together.wait(10)
        return robots.rules(SITE).allow(SITE)

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(allowed, range(4))) == [False] * 4
    assert len(asked) == 1


def test_sites_are_forgotten_when_there_are_very_many() -> None:
    site = _Site(Answer(404))
    for number in range(1_001):
        site.robots.rules(httpx.URL(f"https://{number}.example.org/"))
    site.robots.rules(httpx.URL("https://0.example.org/"))
    site.robots.rules(httpx.URL("https://1000.example.org/"))
    assert len(site.asked) == 1_002


def test_sites_are_forgotten_when_their_rules_are_very_long_or_their_day_is_over() -> None:
    site = _Site(Answer(200, b"User-agent: *\n" + b"Disallow: /a/path/of/some/length\n" * 10_000))
    for number in range(20):
        site.robots.rules(httpx.URL(f"https://{number}.example.org/"))
    assert len(site.robots._sites) <= 8
    site.robots.rules(httpx.URL("https://19.example.org/"))
    assert len(site.asked) == 20
    site.now = DAY
    site.robots.rules(SITE)
    assert len(site.robots._sites) == 1


def test_of_rules_only_those_for_us_are_kept() -> None:
    others = "".join(f"User-agent: bot{n}\nDisallow: /{n}\n" for n in range(1_000))
    text = f"{others}User-agent: Googlebot\nUser-agent: footnote\nSitemap: https://e.org/s\nDisallow: /a # no\n{others}"
    assert ours(text) == "User-agent: footnote\nDisallow: /a"


_AGENTS = st.sampled_from(["*", "footnote", "Foot", "Footnote*", "note", "other", "footnotes", ""]).map(
    lambda name: f"User-agent: {name}"
)
_OTHERS = st.sampled_from(
    [
        "Disallow: /",
        "disallow /a",
        "Allow: /a",
        "Crawl-delay: 3",
        "Sitemap: https://e.org/",
        "Host e.org",
        "Odd: 1",
        "no",
        "",
    ]
)


@given(st.lists(_AGENTS | _OTHERS, max_size=12).map("\n".join))
@example("useragent: *\nuser agent footnote\ndissalow: /")
def test_what_is_left_out_of_rules_changes_nothing(text: str) -> None:
    whole, rules = Protego.parse(text), Rules(text)
    for path in ("/", "/a", "/b"):
        assert rules.allow(_at(path)) is whole.can_fetch(str(_at(path)), TOKEN)
    assert rules.delay == (whole.crawl_delay(TOKEN) or 0.0)


_FIELDS = st.sampled_from(
    b"User-agent Disallow Allow Crawl-delay Request-rate Visit-time Sitemap Host Nonsense".split()
)
_LINES = st.lists(st.tuples(_FIELDS, st.binary(max_size=20) | st.sampled_from([b"/*$", b"1/0s", b"0600-0845", b"%"])))


@given(_LINES, st.text(st.characters(exclude_categories=["C"]), max_size=30))
def test_no_rules_make_it_fail(lines: list[tuple[bytes, bytes]], path: str) -> None:
    place = _at("/" + quote(path))
    content = b"User-agent: *\n" + b"\n".join(b": ".join(line) for line in lines)
    rules = _Site(Answer(200, content)).robots.rules(place)
    assert isinstance(rules.allow(place), bool)
    assert rules.delay >= 0
