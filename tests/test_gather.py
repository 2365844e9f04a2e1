"""Gathering from the web: feeds that grow, pages that vanish, sitemaps, by a real server on loopback."""

import datetime as dt
import gzip
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from index.errors import Cancelled, TooMuchGone
from index.library import Library
from index.models.embed import Embedder
from index.records import Progress, Report
from tests.conftest import WHEN, settings_for, write
from tests.web import Asked, Reply, Route, Web, fetcher, page, serve

START = dt.datetime(2026, 5, 1, 8, tzinfo=dt.UTC)
SITE = "http://127.0.0.1"

STORIES = {
    "/harbour": "The old harbour of Lindholm was closed to cargo ships in 1987. Only fishing boats use it now.",
    "/bakery": "The bakery Morgenrot moves to the station square in August. Rye bread stays the best-selling loaf.",
    "/mill": "The water mill of Aldby was sold to a brewer for two million crowns. It will grind malt from spring on.",
}


def story(path: str, text: str | None = None, **headers: str) -> Reply:
    """Answer with a page that a newspaper might have."""
    title = f"Story of {path.strip('/')}"
    body = f"<h1>{title}</h1><p>{text or STORIES[path]}</p><p>{'More was said about it on the day. ' * 4}</p>"
    return page(f"<html><head><title>{title}</title></head><body><article>{body}</article></body></html>", **headers)


def unchanged_after(reply: Callable[[], Reply], etag: str) -> Route:
    """Answer with 304 whoever has this version already."""

    def answer(asked: Asked) -> Reply:
        if asked.headers.get("if-none-match") == etag:
            return Reply(status=304, headers={"ETag": etag})
        made = reply()
        return Reply(made.body, made.status, {**made.headers, "ETag": etag})

    return answer


def rss(base: str, paths: Mapping[str, str], *, words: bool = False) -> Reply:
    """Answer with a feed of pages, by path and date."""
    items = "".join(
        f"<item><title>About {path.strip('/')}</title><link>{base}{path}?utm_source=feed</link>"
        f"<pubDate>{date}</pubDate>"
        f"{f'<description>&lt;p&gt;{STORIES[path]}&lt;/p&gt;</description>' if words else ''}</item>"
        for path, date in paths.items()
    )
    markup = f'<?xml version="1.0"?><rss version="2.0"><channel><title>The feed</title>{items}</channel></rss>'
    return page(markup, kind="application/rss+xml")


MAY, JUNE = "Fri, 01 May 2026 06:00:00 GMT", "Mon, 01 Jun 2026 06:00:00 GMT"


class Moment:
    """A clock that only moves when it is told to."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> dt.datetime:
        return self.now

    def passes(self, **time: float) -> None:
        self.now += dt.timedelta(**time)


@pytest.fixture
def web() -> Iterator[Web]:
    with serve({path: story(path) for path in STORIES}) as server:
        yield server


@pytest.fixture
def clock() -> Moment:
    return Moment()


MakeOnline = Callable[..., Library]


@pytest.fixture
def online(tmp_path: Path, embedder: Embedder, clock: Moment) -> Iterator[MakeOnline]:
    """Make libraries with sources, which reach loopback; each call opens the same data directory anew."""
    made: list[Library] = []

    def make(*sources: dict[str, Any], data: Path = tmp_path / "data", **flags: Any) -> Library:
        settings = settings_for(data, source=list(sources), **flags)
        made.append(Library(settings, embedder=embedder, fetcher=fetcher(), now=clock))
        return made[-1]

    yield make
    for library in made:
        library.close()


def counts(report: Report) -> tuple[int, int, int, int]:
    return report.added, report.changed, report.removed, report.unchanged


def test_a_feed_that_grows_brings_what_is_new_and_asks_for_nothing_twice(web: Web, online: MakeOnline) -> None:
    feed = {"/harbour": MAY}
    web.routes["/feed"] = lambda _: rss(web.url(""), feed)
    library = online({"feed": web.url("/feed"), "name": "gazette", "outlet": "The Gazette"})
    assert counts(library.index()) == (1, 0, 0, 0)
    answer = library.ask(WHEN)
    assert "1987" in answer.text
    article = answer.citations[0].article
    assert (article.title, article.date) == ("About harbour", dt.date(2026, 5, 1))
    assert (article.source, article.origin, article.url) == ("The Gazette", "gazette", web.url("/harbour"))
    feed["/mill"] = JUNE
    assert counts(library.index()) == (1, 0, 0, 1)
    del feed["/harbour"]  # a feed is a window: what fell out of it stays
    assert counts(library.index()) == (0, 0, 0, 2)
    assert web.paths() == ["/feed", "/harbour", "/feed", "/mill", "/feed"]


def test_what_did_not_change_is_answered_by_304_and_changes_nothing(web: Web, online: MakeOnline) -> None:
    web.routes["/feed"] = unchanged_after(lambda: rss(web.url(""), {"/harbour": MAY}), '"list1"')
    web.routes["/harbour"] = unchanged_after(lambda: story("/harbour"), '"story1"')
    library = online({"feed": web.url("/feed")}, library__recheck_hours=0)
    first = library.index()
    assert counts(library.index()) == (0, 0, 0, 1)
    asked = [(one.path, one.headers.get("if-none-match")) for one in web.asked if one.path != "/robots.txt"]
    assert asked == [("/feed", None), ("/harbour", None), ("/feed", '"list1"'), ("/harbour", '"story1"')]
    revision = library.revision()
    assert revision is not None
    assert revision.number == first.revision


def test_a_page_that_changed_replaces_its_older_version_which_its_history_remembers(
    web: Web, online: MakeOnline
) -> None:
    url = web.url("/mill")
    library = online({"url": url})
    library.index()
    web.routes["/mill"] = story("/mill", "The water mill of Aldby burnt down in the night to Sunday. Nobody was hurt.")
    assert counts(library.index()) == (0, 1, 0, 0)
    assert "burnt down" in library.ask("What happened to the water mill of Aldby?").text
    (id_,) = library.find(url)
    (before,) = library.history(id_)
    assert before.title == "Story of mill"
    library.rollback()
    assert library.history(id_) == []


def test_a_page_that_vanishes_leaves_after_so_many_looks_and_comes_back_with_its_page(
    web: Web, online: MakeOnline, clock: Moment
) -> None:
    web.routes["/feed"] = lambda _: rss(web.url(""), {"/harbour": MAY, "/mill": MAY})
    library = online({"feed": web.url("/feed")}, library__recheck_hours=24)
    library.index()
    del web.routes["/harbour"]
    clock.passes(hours=25)
    said = []
    for _ in range(3):
        report = library.index()
        said.append([failure.reason for failure in report.failures])
        clock.passes(hours=25)
    assert [len(reasons) for reasons in said] == [1, 1, 1]
    assert "it leaves the library if 2 more looks find it gone" in said[0][0]
    assert "it leaves the library if 1 more look finds it gone" in said[1][0]
    assert "it has left the library" in said[2][0]
    assert counts(report) == (0, 0, 1, 1)
    assert library.index().failures == ()  # it was told when it left
    web.routes["/harbour"] = story("/harbour")
    clock.passes(hours=25)
    assert counts(library.index()) == (1, 0, 0, 1)
    assert "1987" in library.ask(WHEN).text


@pytest.mark.parametrize(
    "broken, says",
    [
        (Reply(status=500), "has a fault of its own (500)"),
        (Reply(status=403), "does not give it to everybody (403)"),
        (page("<html><body></body></html>"), "has no text"),
        (page(b"PK\3\4", kind="application/zip"), "is application/zip"),
    ],
)
def test_a_page_that_fails_otherwise_keeps_its_last_good_version_for_good(
    web: Web, online: MakeOnline, broken: Reply, says: str
) -> None:
    library = online({"url": web.url("/harbour"), "name": "harbour"}, {"url": web.url("/mill"), "name": "mill"})
    library.index()
    web.routes["/harbour"] = broken
    for _ in range(4):
        report = library.index()
        assert counts(report) == (0, 0, 0, 2)
        (failure,) = report.failures
        assert failure.name == web.url("/harbour")
        assert says in failure.reason
        assert "its last good version stays" in failure.reason
    assert "1987" in library.ask(WHEN).text


def test_an_entry_whose_page_is_refused_is_what_its_feed_says_of_it(web: Web, online: MakeOnline) -> None:
    web.routes["/feed"] = lambda _: rss(web.url(""), {"/harbour": MAY}, words=True)
    web.routes["/robots.txt"] = page("User-agent: *\nDisallow: /harbour", kind="text/plain")
    library = online({"feed": web.url("/feed")}, library__recheck_hours=0)
    report = library.index()
    assert (counts(report), report.failures) == ((1, 0, 0, 0), ())
    article = library.ask(WHEN).citations[0].article
    assert (article.text, article.url) == (STORIES["/harbour"], web.url("/harbour"))
    assert "/harbour" not in web.paths()
    web.routes["/robots.txt"] = page("User-agent: *", kind="text/plain")
    with_page = online({"feed": web.url("/feed")}, library__recheck_hours=0)
    assert counts(with_page.index()) == (0, 1, 0, 0)
    assert "More was said" in (with_page.article(article.id) or article).text


def test_a_feed_that_is_broken_is_a_failure_and_what_it_brought_stays(web: Web, online: MakeOnline) -> None:
    web.routes["/feed"] = lambda _: rss(web.url(""), {"/harbour": MAY})
    library = online({"feed": web.url("/feed"), "name": "gazette"})
    library.index()
    web.routes["/feed"] = page("<html><body>We moved.</body></html>")
    report = library.index()
    assert counts(report) == (0, 0, 0, 1)
    assert [(one.name, one.reason) for one in report.failures] == [(web.url("/feed"), "is no feed")]
    (supply,) = library.sources()
    assert (supply.name, supply.kind, supply.articles, supply.fails) == ("gazette", "feed", 1, True)
    assert supply.reason == "is no feed"
    web.routes["/feed"] = lambda _: rss(web.url(""), {"/harbour": MAY})
    library.index()
    (supply,) = library.sources()
    assert (supply.fails, supply.reason) == (False, "")


def sitemap(base: str, paths: Mapping[str, str], *, of: str = "url") -> str:
    listed = "".join(f"<{of}><loc>{base}{path}</loc><lastmod>{day}</lastmod></{of}>" for path, day in paths.items())
    around = "urlset" if of == "url" else "sitemapindex"
    return f'<?xml version="1.0"?><{around} xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">{listed}</{around}>'


def test_a_sitemap_is_bounded_by_patterns_and_by_count_the_newest_first(web: Web, online: MakeOnline) -> None:
    web.routes["/sitemap.xml"] = page(sitemap(web.url(""), {"/maps/one.xml.gz": "2026-05-01"}, of="sitemap"))
    pages = {f"/news/{n}": f"2026-04-{n:02}" for n in range(1, 9)} | {"/shop/1": "2026-04-30"}
    packed = gzip.compress(sitemap(web.url(""), pages).encode())
    web.routes["/maps/one.xml.gz"] = page(packed, kind="application/gzip")
    for path in pages:
        web.routes[path] = story(path, f"The council of Aldby met for the {path[-1]}th time this year.")
    source = {"sitemap": web.url("/sitemap.xml"), "include": ["*/news/*"], "exclude": ["*/7"], "most": 3}
    library = online(source)
    assert counts(library.index()) == (3, 0, 0, 0)
    assert sorted(web.paths()) == ["/maps/one.xml.gz", "/news/5", "/news/6", "/news/8", "/sitemap.xml"]
    assert len(library.find(web.url("/news/8"))) == 1
    narrower = online({**source, "exclude": ["*/7", "*/8"]})  # what is not wanted any more leaves, another one comes
    assert counts(narrower.index()) == (1, 0, 1, 2)


def test_of_several_sitemaps_of_a_source_the_newest_pages_count_together(web: Web, online: MakeOnline) -> None:
    maps = {f"/maps/{n}.xml": f"2026-05-0{n}" for n in (1, 2, 3)}
    web.routes["/sitemap.xml"] = page(sitemap(web.url(""), maps, of="sitemap"))
    for n, path in enumerate(maps):
        pages = {f"/news/{n}{day}": f"2026-04-{day}" for day in (11 + n, 21 + n)}
        web.routes[path] = page(sitemap(web.url(""), pages))
        web.routes |= {path: story(path, f"The council of Aldby met on day {path[-3:]} this year.") for path in pages}
    assert counts(online({"sitemap": web.url("/sitemap.xml"), "most": 2}).index()) == (2, 0, 0, 0)
    assert sorted(path for path in web.paths() if path.startswith("/news")) == ["/news/122", "/news/223"]


def test_an_index_of_sitemaps_leads_to_no_other_host(web: Web, online: MakeOnline) -> None:
    web.routes["/other.xml"] = page(sitemap(web.url(""), {"/mill": "2026-05-01"}))
    web.routes["/mine.xml"] = page(sitemap(web.url(""), {"/harbour": "2026-05-01"}))
    both = sitemap(web.url(""), {"/mine.xml": "2026-05-01", "/other.xml": "2026-05-01"}, of="sitemap")
    web.routes["/sitemap.xml"] = page(both.replace(web.url("/other.xml"), web.url("/other.xml", "127.0.0.2")))
    report = online({"sitemap": web.url("/sitemap.xml")}).index()
    assert (counts(report), report.failures) == ((1, 0, 0, 0), ())


def test_a_sitemap_speaks_of_its_own_host_only(web: Web, online: MakeOnline) -> None:
    mine = sitemap(web.url(""), {"/harbour": "2026-05-01"})
    web.routes["/sitemap.xml"] = page(mine.replace("</urlset>", "<url><loc>http://127.0.0.2/x</loc></url></urlset>"))
    report = online({"sitemap": web.url("/sitemap.xml")}).index()
    assert (counts(report), report.failures) == ((1, 0, 0, 0), ())


def test_a_page_of_a_sitemap_is_asked_for_again_when_it_says_that_it_changed(
    web: Web, online: MakeOnline, clock: Moment
) -> None:
    listed = {"/harbour": "2026-04-01", "/mill": "2026-04-01"}
    web.routes["/sitemap.xml"] = lambda _: page(sitemap(web.url(""), listed))
    library = online({"sitemap": web.url("/sitemap.xml")})
    library.index()
    clock.passes(hours=1)
    listed["/mill"] = "2026-05-01T08:30:00Z"
    library.index()
    assert web.paths().count("/mill") == 2
    assert web.paths().count("/harbour") == 1


def test_without_sources_nobody_is_asked_for_anything(tmp_path: Path, embedder: Embedder, folder: Path) -> None:
    class Unreachable:
        def __getattr__(self, name: str) -> Any:
            raise AssertionError(name)

    nobody: Any = Unreachable()
    with Library(settings_for(tmp_path / "data"), embedder=embedder, fetcher=nobody) as library:
        library.plan(folder)
        assert counts(library.index(folder)) == (3, 0, 0, 0)


def test_a_plan_fetches_and_the_index_after_it_does_not_fetch_again(web: Web, online: MakeOnline) -> None:
    web.routes["/feed"] = lambda _: rss(web.url(""), {"/harbour": MAY})
    library = online({"feed": web.url("/feed")})
    plan = library.plan()
    assert (plan.added, plan.changes, library.revision()) == (1, True, None)
    before = web.paths()
    assert counts(library.index()) == (1, 0, 0, 0)
    assert web.paths() == before
    library.index()
    assert len(web.paths()) > len(before)


def test_stop_is_heard_while_servers_are_slow_and_what_came_until_then_is_kept(web: Web, online: MakeOnline) -> None:
    slow = Reply(b"x" * 1_000, drip=0.05)
    web.routes["/slow"] = slow
    library = online(
        {"url": web.url("/mill"), "name": "mill"}, {"url": web.url("/slow"), "name": "slow"}, fetch__at_once=1
    )
    seen: list[int] = []
    began = dt.datetime.now(dt.UTC)
    with pytest.raises(Cancelled):
        library.index(watch=lambda progress: seen.append(progress.done), stop=lambda: 1 in seen)
    assert (dt.datetime.now(dt.UTC) - began).total_seconds() < 5
    assert library.revision() is None
    web.routes["/slow"] = story("/harbour")
    assert counts(library.index()) == (2, 0, 0, 0)


def test_pages_are_not_fetched_far_ahead_of_what_is_held_and_nobody_waits_after_a_stop(
    web: Web, online: MakeOnline
) -> None:
    pages = {f"/{n}": story(f"/{n}", f"The council of Aldby met for the {n}th time this year.") for n in range(12)}
    web.routes |= pages
    sources = [{"url": web.url(path), "name": f"page{path[1:]}"} for path in pages]
    asked: list[int] = []

    def watch(progress: Progress) -> None:
        if progress.stage == "fetching" and progress.done == 1:
            time.sleep(0.7)  # whoever holds pages is slow
            asked.append(len(web.paths()))

    with pytest.raises(Cancelled):
        online(*sources, fetch__at_once=1).index(watch=watch, stop=lambda: bool(asked))
    assert asked[0] <= 4  # one is held, one waits, one was fetched
    until = time.monotonic() + 3
    while (
        left := [one for one in threading.enumerate() if one.name.startswith("fetch-")]
    ) and time.monotonic() < until:
        time.sleep(0.05)
    assert left == []


def test_a_folder_that_is_missing_keeps_its_articles_and_stops_nobody(
    web: Web, online: MakeOnline, folder: Path, tmp_path: Path
) -> None:
    notes = tmp_path / "notes"
    notes.mkdir()
    write(notes / "kiln.md", title="The kiln", text="The kiln of Osby was lit again after forty years.")
    sources = ({"folder": str(notes)}, {"url": web.url("/mill"), "name": "mill"})
    library = online(*sources, library__articles=str(folder))
    assert counts(library.index()) == (5, 0, 0, 0)
    assert library.find("notes:kiln.md")
    notes.rename(tmp_path / "away")
    write(folder / "new.md", title="New", text="A new bridge was opened in Lindholm on Monday.")
    report = library.index()
    assert counts(report) == (1, 0, 0, 5)
    (failure,) = report.failures
    assert failure.name == str(notes)
    assert "There is no folder" in failure.reason
    notes.mkdir()  # an empty folder under a disk that was taken away
    assert counts(library.index()) == (0, 0, 0, 6)
    folder.rename(tmp_path / "gone")
    report = library.index()
    assert (counts(report), len(report.failures)) == ((0, 0, 0, 6), 2)
    assert [supply.fails for supply in library.sources()] == [True, True, False]
    without = online(sources[1], library__articles=str(tmp_path / "gone"))  # taken out of the settings: it goes
    assert counts(without.index()) == (0, 0, 1, 5)


def test_a_source_that_is_taken_out_of_the_settings_asks_before_it_takes_much_with_it(
    online: MakeOnline, folder: Path, tmp_path: Path
) -> None:
    (tmp_path / "own").mkdir()
    write(tmp_path / "own" / "kiln.md", title="The kiln", text="The kiln of Osby was lit again after forty years.")
    own = str(tmp_path / "own")
    online({"folder": str(folder)}, library__articles=own).index()
    without = online(library__articles=own)
    assert without.plan().consent
    with pytest.raises(TooMuchGone, match="would remove 3 of 4 articles"):
        without.index()
    assert without.sources()[0].articles == 1
    assert counts(without.index(agreed=True)) == (0, 0, 3, 1)


def test_a_page_is_added_under_the_address_that_it_calls_its_own(web: Web, online: MakeOnline) -> None:
    own = f'<link rel="canonical" href="{web.url("/mill")}">'
    web.routes["/print"] = page(story("/mill").body.replace(b"<head>", b"<head>" + own.encode()))
    library = online()
    sent = library.fetch(web.url("/print?page=1"))
    understood = library.understand(sent)
    assert (sent.key, understood.article.url, understood.replaces) == (web.url("/mill"), web.url("/mill"), False)
    library.add([sent])
    assert library.index().articles == 1
    assert library.understand(library.fetch(web.url("/mill"))).replaces
    assert library.find(web.url("/mill#part")) == [web.url("/mill")]


@pytest.mark.parametrize("claimed", ["http://news.example.org/mill", "//127.0.0.2/mill", "http://127.0.0.1:80/mill"])
def test_a_page_that_claims_the_address_of_another_host_takes_nobodys_place(
    web: Web, online: MakeOnline, claimed: str
) -> None:
    false = f'<link rel="canonical" href="{claimed}">'
    web.routes["/thief"] = page(story("/bakery").body.replace(b"<head>", b"<head>" + false.encode()))
    library = online()
    sent = library.fetch(web.url("/thief"))
    assert (sent.key, library.understand(sent).article.url) == (web.url("/thief"), web.url("/thief"))


def test_a_page_may_call_its_own_an_address_as_seen_from_itself(web: Web, online: MakeOnline) -> None:
    own = b'<head><link rel="canonical" href="/mill">'
    web.routes["/print"] = page(story("/mill").body.replace(b"<head>", own))
    library = online()
    library.add([library.fetch(web.url("/mill"))])
    sent = library.fetch(web.url("/print?page=1"))
    assert (sent.key, library.understand(sent).replaces) == (web.url("/mill"), True)
    library.add([sent])
    assert library.index().articles == 1


def test_what_the_settings_say_of_an_outlet_is_read_anew_when_it_changes(online: MakeOnline, folder: Path) -> None:
    online({"folder": str(folder), "name": "shelf"}).index()
    named = online({"folder": str(folder), "name": "shelf", "outlet": "The Herald"})
    assert counts(named.index()) == (0, 3, 0, 0)
    assert [(outlet.name, outlet.articles) for outlet in named.outlets()] == [("The Herald", 3)]
    assert named.history(named.find("shelf:harbour.md")[0]) == []  # the article itself is as it was


def test_a_sitemap_that_leads_to_others_is_followed_though_it_stays_the_same(web: Web, online: MakeOnline) -> None:
    listed, ready = {"/harbour": "2026-04-01"}, [True]
    index = sitemap(web.url(""), {"/one.xml": "2026-04-01", "/two.xml": "2026-04-01"}, of="sitemap")
    web.routes["/sitemap.xml"] = unchanged_after(lambda: page(index), '"the same for ever"')
    web.routes["/one.xml"] = lambda _: page(sitemap(web.url(""), listed))
    web.routes["/two.xml"] = lambda _: (
        page(sitemap(web.url(""), {"/bakery": "2026-04-01"})) if ready[0] else Reply(b"busy", status=500)
    )
    ready[0] = False
    library = online({"sitemap": web.url("/sitemap.xml"), "name": "site"})
    assert counts(library.index()) == (1, 0, 0, 0)
    ready[0], listed["/mill"] = True, "2026-05-01"
    assert counts(library.index()) == (2, 0, 0, 1)


def test_a_feed_with_another_name_keeps_what_has_long_fallen_out_of_it(web: Web, online: MakeOnline) -> None:
    listed = {"/harbour": MAY, "/mill": JUNE}
    web.routes["/feed"] = unchanged_after(lambda: rss(web.url(""), listed), '"one"')
    assert counts(online({"feed": web.url("/feed"), "name": "old"}).index()) == (2, 0, 0, 0)
    listed.pop("/harbour")
    library = online({"feed": web.url("/feed"), "name": "new"})
    report = library.index()
    assert (report.added, report.removed, report.articles) == (0, 0, 2)
    assert counts(library.index()) == (0, 0, 0, 2)
    assert [(one.name, one.articles) for one in library.sources()] == [("new", 2)]


def test_what_two_feeds_list_stays_when_the_one_that_brought_it_is_taken_out(web: Web, online: MakeOnline) -> None:
    web.routes["/a"] = unchanged_after(lambda: rss(web.url(""), {"/harbour": MAY}), '"a"')
    web.routes["/b"] = unchanged_after(lambda: rss(web.url(""), {"/harbour": MAY, "/mill": JUNE}), '"b"')
    one, other = {"feed": web.url("/a"), "name": "a"}, {"feed": web.url("/b"), "name": "b"}
    assert counts(online(one, other).index()) == (2, 0, 0, 0)
    library = online(other)
    assert library.index().articles == 2
    assert counts(library.index()) == (0, 0, 0, 2)


def test_a_page_that_somebody_removed_comes_back_once_the_settings_name_it(web: Web, online: MakeOnline) -> None:
    feed = {"feed": web.url("/feed"), "name": "news"}
    web.routes["/feed"] = rss(web.url(""), {"/harbour": MAY, "/mill": JUNE})
    library = online(feed)
    library.index()
    library.remove(library.find(web.url("/harbour")))
    assert counts(library.index()) == (0, 0, 0, 1)
    library = online(feed, {"url": web.url("/harbour"), "name": "harbour", "outlet": "The Gazette"})
    assert counts(library.index()) == (1, 0, 0, 1)
    assert library.article(library.find(web.url("/harbour"))[0]).source == "The Gazette"


def test_a_source_that_names_another_page_lets_go_of_the_one_before(web: Web, online: MakeOnline) -> None:
    bakery = {"url": web.url("/bakery"), "name": "bakery"}
    online(bakery, {"url": web.url("/harbour"), "name": "page"}).index()
    library = online(bakery, {"url": web.url("/mill"), "name": "page"}, library__confirm_removal=1.0)
    assert counts(library.index()) == (1, 0, 1, 1)
    assert library.find(web.url("/harbour")) == []


def test_nothing_is_removed_unasked_where_nothing_can_be_listed(online: MakeOnline, tmp_path: Path) -> None:
    for name, many in (("one", 1), ("ten", 10)):
        (tmp_path / name).mkdir()
        for number in range(many):
            write(
                tmp_path / name / f"{number}.md", title=f"{name} {number}", text=f"A story of {name}, number {number}."
            )
    one, ten = ({"folder": str(tmp_path / name), "name": name} for name in ("one", "ten"))
    assert online(one, ten).index().articles == 11
    (tmp_path / "one" / "0.md").unlink()
    library = online(one)
    assert library.plan().consent
    with pytest.raises(TooMuchGone, match="10 of 11"):
        library.index()
