"""Fetching, from a web server that behaves as badly as the web does."""

import gzip
import socket
import ssl
import subprocess
import sys
import threading
import time
import tracemalloc
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from index.errors import Gone, SourceError
from index.web.fetch import HOPS, Fetcher, agent
from tests.web import Asked, Reply, Web, fetcher, moved, page, serve

HELLO = page("<h1>Hello</h1><p>It is a page.</p>", ETag='"1"', Last_Modified="Thu, 16 Oct 2025 10:00:00 GMT")
INSIDE = ("10.", "192.168.", "169.254.", "172.16.", "0.", "100.64.", "fd", "fe80")

_noted: list[tuple[str, str]] = []


def _note(event: str, args: tuple[Any, ...]) -> None:
    """Note what Python itself says it connects to and looks up; an audit hook cannot be gone around."""
    if event == "socket.connect" and isinstance(args[1], tuple):
        _noted.append(("connect", str(args[1][0])))
    elif event == "socket.getaddrinfo":
        _noted.append(("look up", str(args[0])))


sys.addaudithook(_note)


@pytest.fixture
def noted() -> list[tuple[str, str]]:
    """What was connected to and looked up during a test."""
    _noted.clear()
    return _noted


@pytest.fixture
def web() -> Iterator[Web]:
    with serve({"/": HELLO}) as served:
        yield served


def _refused(web: Web, path: str, **how: Any) -> str:
    with pytest.raises(SourceError) as caught:
        fetcher(**how).get(web.url(path))
    return str(caught.value)


# --- a page


def test_a_page_comes_with_what_the_next_request_needs(web: Web) -> None:
    found = fetcher().get(web.url("/#part"))
    assert (found.url, found.status, found.kind, found.charset) == (web.url("/"), 200, "text/html", "utf-8")
    assert (found.etag, found.modified) == ('"1"', "Thu, 16 Oct 2025 10:00:00 GMT")
    assert found.content == HELLO.body


def test_we_say_who_we_are(web: Web) -> None:
    fetcher().get(web.url("/"))
    assert [asked.headers["user-agent"] for asked in web.asked] == [agent(), agent()]
    assert agent().startswith("Footnote/")
    assert agent("https://example.org/bot").endswith("(+https://example.org/bot)")


def test_what_did_not_change_is_not_sent_again(web: Web) -> None:
    def once(asked: Asked) -> Reply:
        same = asked.headers.get("if-none-match") == '"1"' and asked.headers.get("if-modified-since") == found.modified
        return Reply(status=304, headers={"ETag": '"1"'}) if same else HELLO

    found = fetcher().get(web.url("/"))
    web.routes["/"] = once
    again = fetcher().get(web.url("/"), etag=found.etag, modified=found.modified)
    assert (again.unchanged, again.content, again.etag) == (True, b"", '"1"')


def test_nobody_may_say_that_nothing_changed_who_was_not_asked(web: Web) -> None:
    web.routes["/"] = Reply(status=304)
    assert "answers with no page (304)" in _refused(web, "/")


@pytest.mark.parametrize("kept", ['"a"\r\nX-Injected: 1', "\u2603", "\0", '"' + "e" * 501])
def test_an_etag_that_is_none_is_not_sent(web: Web, kept: str) -> None:
    assert fetcher().get(web.url("/"), etag=kept, modified=kept).status == 200
    assert not {"if-none-match", "if-modified-since", "x-injected"} & web.asked[-1].headers.keys()


def test_nothing_of_the_environment_is_used(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with serve({}) as proxy, serve({"/": HELLO}) as web:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "HTTPS_PROXY"):
            monkeypatch.setenv(name, proxy.url())
        (tmp_path / ".netrc").write_text("machine 127.0.0.1 login me password secret\n")
        monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
        assert fetcher().get(web.url("/")).status == 200
        assert not proxy.asked
        assert "authorization" not in web.asked[-1].headers


# --- redirects


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_page_that_moved_is_found_where_it_is(web: Web, status: int) -> None:
    web.routes["/old"] = moved("/?page=2", status)
    assert fetcher().get(web.url("/old")).url == web.url("/?page=2")


@pytest.mark.parametrize("hops,found", [(HOPS, True), (HOPS + 1, False)])
def test_at_most_five_redirects_are_followed(web: Web, hops: int, *, found: bool) -> None:
    for hop in range(hops):
        web.routes[f"/{hop}"] = moved("/" if hop == hops - 1 else f"/{hop + 1}")
    if found:
        assert fetcher().get(web.url("/0")).status == 200
    else:
        assert "more than 5 times" in _refused(web, "/0")
        assert "/" not in web.paths()


def test_a_page_that_leads_to_itself_is_left_after_five(web: Web) -> None:
    web.routes["/loop"] = moved("/loop")
    assert "more than 5 times" in _refused(web, "/loop")


@pytest.mark.parametrize(
    "where",
    [
        "http://10.0.0.1/",
        "http://192.168.1.1:80/",
        "http://169.254.169.254/latest/meta-data/",
        "//10.0.0.1/",
        "http://[::ffff:10.0.0.1]/",
        "http://[64:ff9b::a00:1]/",
        "http://[fd00:ec2::254]/",
        "http://0.0.0.0/",
        "http://2852039166/",
        "http://0xa9.0xfe.0xa9.0xfe/",
        "http://localhost/",
        "http://metadata.google.internal/",
        "http://inside.example.org/",
        "http://both.example.org/",
        "https://inside.example.org/",
        "http://me:secret@news.example.org/",
        "file:///etc/passwd",
        "ftp://news.example.org/",
        "http://[",
        "http://a:b:c/",
        "",
        "http://\udcff/",
        "/" + "a" * 5000,
    ],
)
def test_no_redirect_leads_inside(web: Web, noted: list[tuple[str, str]], where: str) -> None:
    web.routes["/out"] = moved(where)
    names = {"inside.example.org": ["10.0.0.1"], "both.example.org": ["127.0.0.1", "10.0.0.1"]}
    assert _refused(web, "/out", names=names).startswith("cannot be fetched: ")
    assert {place for _, place in noted} == {"127.0.0.1"}


def test_a_redirect_from_a_secure_page_to_an_open_one_is_not_followed(tmp_path: Path) -> None:
    served, trusted = _certificate(tmp_path, "news.example.org")
    with serve({"/": HELLO}) as open_web, serve({"/": moved(open_web.url())}, tls=served) as web:
        careful = fetcher({"news.example.org": ["127.0.0.1"]}, tls=trusted)
        with pytest.raises(SourceError, match="from https to http"):
            careful.get(web.url("/", "news.example.org"))
        assert not open_web.asked


def test_a_site_that_wants_its_cookie_back_gets_it_and_nobody_else_ever_does(web: Web) -> None:
    def consent(asked: Asked) -> Reply:
        back = moved("/")
        return (
            page("Agreed")
            if "cookie" in asked.headers
            else replace(back, headers={"Set-Cookie": "a=1", **back.headers})
        )

    web.routes["/"] = consent
    one = fetcher({"news.example.org": ["127.0.0.1"], "other.example.net": ["127.0.0.1"]})
    web.routes["/away"] = Reply(
        status=302, headers={"Set-Cookie": "b=2; Domain=example.net", "Location": web.url("/end", "other.example.net")}
    )
    web.routes["/end"] = page("The end")
    assert one.get(web.url("/", "news.example.org")).content == b"Agreed"
    assert one.get(web.url("/away", "news.example.org")).content == b"The end"
    assert [asked.headers.get("cookie") for asked in web.asked if asked.path != "/robots.txt"] == [
        None,
        "a=1",
        None,
        None,
    ]


# --- names, addresses and certificates


def _certificate(folder: Path, name: str) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """Make a certificate for a name, and return how it is served and how it is trusted."""
    key, made = folder / "key.pem", folder / f"{name}.pem"
    command = f"openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN={name}"
    more = ["-addext", f"subjectAltName=DNS:{name}", "-keyout", str(key), "-out", str(made)]
    try:
        subprocess.run([*command.split(), *more], check=True, capture_output=True)
    except FileNotFoundError:
        pytest.skip("openssl is not installed, so no certificate can be made")
    served = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    served.load_cert_chain(made, key)
    return served, ssl.create_default_context(cafile=str(made))


def test_the_connection_goes_to_the_judged_address_under_the_name_of_the_page(
    tmp_path: Path, noted: list[tuple[str, str]]
) -> None:
    served, trusted = _certificate(tmp_path, "news.example.org")
    names: list[str | None] = []
    served.sni_callback = lambda _, name, __: names.append(name)
    with serve({"/": HELLO}, tls=served) as web:
        found = fetcher({"news.example.org": ["127.0.0.1"]}, tls=trusted).get(web.url("/", "news.example.org."))
    assert found.url == web.url("/", "news.example.org")
    assert set(names) == {"news.example.org"}
    assert {asked.host for asked in web.asked} == {f"news.example.org:{web.port}"}
    assert set(noted) == {("connect", "127.0.0.1"), ("look up", "127.0.0.1")}  # the literal, by socket itself


@pytest.mark.parametrize("trusting", [True, False])
def test_a_certificate_of_somebody_else_is_refused(tmp_path: Path, *, trusting: bool) -> None:
    served, trusted = _certificate(tmp_path, "other.example.org")
    with serve({"/": HELLO}, tls=served) as web, pytest.raises(SourceError, match=r"certificate of news.example.org"):
        fetcher({"news.example.org": ["127.0.0.1"]}, tls=trusted if trusting else None).get(
            web.url("/", "news.example.org")
        )


class _Flips:
    """A name server that answers otherwise each time: first outside, then inside."""

    def __init__(self, *answers: list[str]) -> None:
        self.asked = 0
        self._answers = answers

    def __call__(self, host: str, port: int) -> list[str]:
        del host, port
        self.asked += 1
        return self._answers[min(self.asked, len(self._answers)) - 1]


def test_a_name_that_changes_its_address_meanwhile_leads_nowhere_else(web: Web, noted: list[tuple[str, str]]) -> None:
    from index.web.guard import Guard

    flips = _Flips(["127.0.0.1"], ["127.0.0.1"], ["10.0.0.1"])
    web.routes["/a"] = moved("/")
    rebound = fetcher(guard=Guard(also=["127.0.0.0/8"], resolve=flips))
    with pytest.raises(SourceError, match=r"news.example.org is 10.0.0.1"):
        rebound.get(web.url("/a", "news.example.org"))
    connects = [place for what, place in noted if what == "connect"]
    assert connects == ["127.0.0.1"] * 2  # robots.txt and /a; each after one look-up, whose answer it went to
    assert flips.asked == 3


def test_the_second_address_of_a_host_is_tried_where_the_first_is_silent(web: Web) -> None:
    assert (
        fetcher({"news.example.org": ["127.0.0.77", "127.0.0.1"]}).get(web.url("/", "news.example.org")).status == 200
    )


def test_a_host_that_refuses_or_has_no_name_is_a_sentence() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(SourceError, match="refuses the connection"):
        fetcher().get(f"http://127.0.0.1:{port}/")
    with pytest.raises(SourceError, match=r"there is no host nowhere.example.org"):
        fetcher().get("http://nowhere.example.org/")


# --- bodies


def test_a_slow_page_ends_at_the_deadline_however_it_drips() -> None:
    routes: dict[str, Reply] = {
        "/head": Reply(HELLO.body, drip=0.05),
        "/line": Reply(raw=b"HTTP/1.1 200 OK\r\nX: " + b"a" * 500, drip=0.05),
        "/body": Reply([b"<p>"] * 1000, headers={"Content-Type": "text/html"}, drip=0.01),
        "/stops": Reply(raw=b"HTTP/1.1 200 OK\r\n", drip=0.1, hold=30),  # after 1.7 of 2 seconds
        "/never": Reply(raw=b"", hold=30),
    }
    with serve(routes) as web, ThreadPoolExecutor(5) as pool:
        began = time.monotonic()
        said = list(pool.map(lambda path: _refused(web, path, seconds=2.0), routes))
        assert time.monotonic() - began < 3.5
    assert said == ["cannot be fetched: 127.0.0.1 has not sent it within 2 seconds"] * 5


def test_the_whole_way_of_a_page_has_a_deadline_whatever_robots_txt_and_redirects_take() -> None:
    names = {f"{name}.example.org": ["127.0.0.1"] for name in "abcdef"}

    def rules(_: Asked) -> Reply:
        time.sleep(0.8)
        return Reply(status=404)

    with serve({"/robots.txt": rules}) as web:
        for here, there in pairwise("abcdef"):
            web.routes[f"/{here}"] = moved(web.url(f"/{there}", f"{there}.example.org"))
        web.routes["/f"] = HELLO
        began = time.monotonic()
        with pytest.raises(SourceError, match=r"^cannot be fetched: "):
            fetcher(names, seconds=1.0).get(web.url("/a", "a.example.org"))
        assert time.monotonic() - began < 4.0
        assert "/f" not in web.paths()


def test_waiting_for_our_turn_does_not_count(web: Web) -> None:
    web.routes["/old"] = moved("/")
    assert fetcher(pause=0.6, seconds=1.0).get(web.url("/old")).status == 200


@pytest.mark.parametrize(
    "encoding,pack",
    [
        ("gzip", gzip.compress),
        ("x-gzip", gzip.compress),
        ("gzip", lambda data: gzip.compress(data[:9]) + gzip.compress(data[9:])),
        ("gzip", lambda data: gzip.compress(data) + b"\0\0\0"),
        ("deflate", zlib.compress),
        ("deflate", lambda data: zlib.compress(data, wbits=-15)),
        ("identity", bytes),
        ("GZIP ", gzip.compress),
    ],
)
def test_a_page_is_unpacked(web: Web, encoding: str, pack: Callable[[bytes], bytes]) -> None:
    words = b"<p>It is a page.</p>" * 20_000
    packed = pack(words)
    for body in (packed, [packed[at : at + 7] for at in range(0, len(packed), 7)][:200_000]):
        web.routes["/"] = Reply(body, headers={"Content-Type": "text/html", "Content-Encoding": encoding})
        assert fetcher().get(web.url("/")).content == words


BOMB = gzip.compress(b"\0" * 100_000_000, mtime=0)


@pytest.mark.parametrize(
    "body,encoding", [(BOMB, "gzip"), (zlib.compress(b"\0" * 100_000_000), "deflate")], ids=["gzip", "deflate"]
)
def test_a_small_page_that_unpacks_to_a_huge_one_is_refused_in_little_memory(
    web: Web, body: bytes, encoding: str
) -> None:
    web.routes["/"] = Reply(body, headers={"Content-Type": "text/html", "Content-Encoding": encoding})
    tracemalloc.start()
    try:
        assert _refused(web, "/", largest=2_000_000) == "is larger than 2 MB"
        assert tracemalloc.get_traced_memory()[1] < 12_000_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    "body,encoding,says",
    [
        (gzip.compress(b"<p>page</p>" * 99, mtime=0)[:-9], "gzip", "cut off on the way"),
        (gzip.compress(b"<p>page</p>" * 99, mtime=0)[:-2], "gzip", "cut off on the way"),
        (b"<p>not packed</p>", "gzip", "cannot be unpacked"),
        (b"\x78\x9c" + b"\xff" * 50, "deflate", "cannot be unpacked"),
        (b"\x8b\x05\x80page\x03", "br", "packed in a way that was not asked for"),
        (
            gzip.compress(gzip.compress(b"page", mtime=0), mtime=0),
            "gzip, gzip",
            "packed in a way that was not asked for",
        ),
    ],
)
def test_a_page_that_cannot_be_unpacked_is_a_sentence(web: Web, body: bytes, encoding: str, says: str) -> None:
    web.routes["/"] = Reply(body, headers={"Content-Type": "text/html", "Content-Encoding": encoding})
    assert says in _refused(web, "/")


def test_a_page_that_is_too_large_is_not_read_to_its_end(web: Web) -> None:
    web.routes["/declared"] = Reply(b"x", headers={"Content-Type": "text/html"}, length="5000000000")
    web.routes["/sent"] = Reply([b"x" * 1000] * 5_000, headers={"Content-Type": "text/html"})
    assert _refused(web, "/declared", largest=2_000_000) == "is larger than 2 MB"
    assert _refused(web, "/sent", largest=2_000_000) == "is larger than 2 MB"
    with pytest.raises(SourceError, match=r"is larger than 0.001 MB"):
        fetcher().get(web.url("/sent"), limit=1_000)


def test_a_body_of_nothing_packed_over_and_over_is_too_large_as_well(web: Web) -> None:
    empty = [gzip.compress(b"") * 50] * 100
    web.routes["/"] = Reply(empty, headers={"Content-Type": "text/html", "Content-Encoding": "gzip"})
    assert _refused(web, "/", largest=15_000) == "is larger than 0.015 MB"
    assert _refused(web, "/") == "cannot be fetched: it is packed in more than 1,000 parts"
    web.routes["/"] = Reply(empty[:20], headers={"Content-Type": "text/html", "Content-Encoding": "gzip"})
    assert _refused(web, "/") == "is empty"


@pytest.mark.parametrize(
    "raw",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\nContent-Type: text/html\r\n\r\n<p>cut",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n5\r\nhe",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nhello\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\nhello\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;" + b"e" * 300_000 + b"\r\nhello\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffffffff\r\nhello",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\nX-Huge: " + b"h" * 300_000 + b"\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 60_000 + b"\r\nhello",
        b"HTTP/1.1 200 OK\r\nno colon\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\nX: \0\r\n\r\nhello",
        b"HTTP/1.1 OK\r\n\r\nhello",
        b"HTTP/1.1 99 Low\r\n\r\nhello",
        b"<html>HTTP/0.9</html>",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"\x15\x03\x01\x00\x02\x02\x46",
        b"\r\n" * 100_000,
        b"HTTP/1.1 100 Continue\r\n\r\n" * 3,
        b"HTTP/1.1 101 Switching Protocols\r\n\r\nhello",
        b"",
    ],
)
def test_what_is_no_http_is_a_sentence(web: Web, raw: bytes) -> None:
    web.routes["/"] = Reply(raw=raw)
    said = _refused(web, "/", seconds=5.0)
    assert said.startswith("cannot be fetched: ")
    assert "127.0.0.1" in said


def test_a_page_without_a_length_is_read_to_its_end(web: Web) -> None:
    web.routes["/"] = Reply(raw=b"HTTP/1.0 200 OK\r\nContent-Type: text/html\r\n\r\n<p>Hello</p>")
    assert fetcher().get(web.url("/")).content == b"<p>Hello</p>"


@pytest.mark.parametrize("kind", ["image/png", "video/mp4", "application/javascript", "application/zip", "text/css"])
def test_what_cannot_be_an_article_is_not_read(web: Web, kind: str) -> None:
    web.routes["/"] = Reply(b"x", headers={"Content-Type": kind}, length="1000000")
    assert _refused(web, "/").startswith(f"is {kind}: only pages, feeds")


@pytest.mark.parametrize(
    "path,kind,body,known",
    [
        ("/a", "Text/HTML; Charset=KOI8-R", b"<p>Hello</p>", "text/html"),
        ("/a", "application/xhtml+xml", b"<html/>", "application/xhtml+xml"),
        ("/a", "text/html", b"%PDF-1.7 ...", "application/pdf"),
        ("/a.pdf", "application/octet-stream", b"%PDF-1.7 ...", "application/pdf"),
        ("/a.docx", "application/octet-stream", b"PK\3\4", "application/vnd.openxmlformats-officedocument."),
        ("/a.md", "", b"# Hello", "text/markdown"),
        ("/a", "", b"\n<!DOCTYPE html><p>Hello", "text/html"),
        ("/a", "nonsense", b"<!-- by hand --><html>", "text/html"),
        ("/a", "", b"<?xml version='1.0'?><rss/>", "application/xml"),
        ("/a", "application/octet-stream", b"\x1f\x8b\x08", "application/gzip"),
        ("/a", "", b"Only words.", "text/plain"),
        ("/a", "application/rss+xml", b"<rss/>", "application/rss+xml"),
    ],
)
def test_what_it_is_is_what_its_server_says_or_else_what_it_looks_like(
    web: Web, path: str, kind: str, body: bytes, known: str
) -> None:
    web.routes[path] = Reply(body, headers={"Content-Type": kind})
    assert fetcher().get(web.url(path)).kind.startswith(known)


def test_what_nobody_knows_is_refused(web: Web) -> None:
    web.routes["/"] = Reply(b"\0\1\2\3", headers={"Content-Type": "application/octet-stream"})
    assert _refused(web, "/") == "is binary, and its server does not say what it is"
    web.routes["/"] = page("  \n")
    assert _refused(web, "/") == "is empty"


# --- statuses


@pytest.mark.parametrize("status", [404, 410])
def test_a_page_that_is_gone_is_an_error_of_its_own(web: Web, status: int) -> None:
    web.routes["/"] = page("Nothing here", status=status)
    with pytest.raises(Gone, match=rf"127.0.0.1 does not have it any more \({status}\)"):
        fetcher().get(web.url("/"))


@pytest.mark.parametrize(
    "status,says",
    [
        (401, "does not give it to everybody (401)"),
        (403, "does not give it to everybody (403)"),
        (451, "does not give it to everybody (451)"),
        (400, "answers with no page (400)"),
        (204, "answers with no page (204)"),
        (206, "answers with no page (206)"),
        (300, "answers with no page (300)"),
        (302, "says that it is elsewhere, and not where"),
        (500, "has a fault of its own (500)"),
        (599, "has a fault of its own (599)"),
        (429, "was asked too often (429)"),
        (503, "cannot serve it now (503)"),
    ],
)
def test_any_other_status_is_a_sentence_and_not_gone(web: Web, status: int, says: str) -> None:
    web.routes["/"] = page("Something", status=status)
    with pytest.raises(SourceError) as caught:
        fetcher().get(web.url("/"))
    assert says in str(caught.value)
    assert not isinstance(caught.value, Gone)


@pytest.mark.parametrize("status", [429, 503])
def test_a_host_that_wants_to_be_left_alone_is(web: Web, status: int) -> None:
    web.routes["/"] = page("Later", status=status, Retry_After="90")
    one = fetcher()
    with pytest.raises(SourceError, match="it asks to come back in 90 seconds"):
        one.get(web.url("/"))
    asked = len(web.asked)
    with pytest.raises(SourceError, match="asked to be left alone; try again in 90 seconds"):
        one.get(web.url("/other"))
    assert len(web.asked) == asked


@pytest.mark.parametrize("later", ["soon", "-5", "", "0", "Thu, 16 Oct 2025 10:00:00 GMT", "9" * 30, "\u0665"])
def test_a_wish_that_cannot_be_read_or_is_over_is_none(web: Web, later: str) -> None:
    web.routes["/"] = page("Later", status=503, Retry_After=later)
    assert _refused(web, "/").endswith("cannot serve it now (503)")


def test_no_error_shows_the_query(web: Web) -> None:
    web.routes["/a"] = moved("http://10.0.0.1/b?token=secret2")
    web.routes["/c"] = page("No", status=403)
    for path in ("/a?token=secret1", "/c?token=secret1", "/missing?token=secret1"):
        with pytest.raises(SourceError) as caught:
            fetcher().get(web.url(path))
        assert "secret" not in str(caught.value)


# --- manners


def test_what_robots_txt_forbids_is_not_asked_for(web: Web) -> None:
    web.routes["/robots.txt"] = page("User-agent: *\nDisallow: /private", kind="text/plain")
    assert _refused(web, "/private/a") == "cannot be fetched: 127.0.0.1 asks programs not to (robots.txt)"
    web.routes["/public"] = moved("/private/a")
    assert "asks programs not to" in _refused(web, "/public")
    assert web.paths() == ["/public"]


def test_many_threads_ask_for_the_rules_of_a_site_once(web: Web) -> None:
    web.routes["/robots.txt"] = Reply(b"User-agent: *\nAllow: /\n", drip=0.002)
    one = fetcher()
    with ThreadPoolExecutor(6) as pool:
        assert [found.status for found in pool.map(one.get, [web.url(f"/?{n}") for n in range(12)])] == [200] * 12
    assert [asked.path for asked in web.asked].count("/robots.txt") == 1
    assert len(web.paths()) == 12


@pytest.mark.parametrize(
    "rules,says",
    [
        (Reply(status=500), "does not say now what programs may fetch (its robots.txt answers 500)"),
        (Reply(status=429), "does not say now what programs may fetch"),
        (moved("http://10.0.0.1/robots.txt"), "10.0.0.1 is no address of the public internet"),
        (Reply(raw=b"broken"), "does not answer as a web server does"),
        (Reply(BOMB, headers={"Content-Encoding": "gzip"}), "is larger than 5 MB"),
    ],
)
def test_where_the_rules_cannot_be_had_nothing_is_fetched(web: Web, rules: Reply, says: str) -> None:
    web.routes["/robots.txt"] = rules
    assert says in _refused(web, "/")
    assert web.paths() == []


@pytest.mark.parametrize("rules", [Reply(status=404), Reply(status=403), Reply(b""), page("<h1>No such page</h1>")])
def test_a_site_without_rules_allows_everything(web: Web, rules: Reply) -> None:
    web.routes["/robots.txt"] = rules
    assert fetcher().get(web.url("/")).status == 200


def test_rules_that_moved_are_found(web: Web) -> None:
    web.routes["/robots.txt"] = moved("/rules")
    web.routes["/rules"] = page("User-agent: footnote\nDisallow: /", kind="text/plain")
    assert "asks programs not to" in _refused(web, "/")


def test_no_two_requests_to_a_host_are_closer_than_the_pause(web: Web) -> None:
    web.routes["/old"] = moved("/")
    one = fetcher(pause=0.15)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(one.get, [web.url("/old"), web.url("/?1"), web.url("/?2")]))
    times = [asked.at for asked in web.asked]
    assert len(times) == 5
    assert min(later - earlier for earlier, later in pairwise(times)) > 0.1


def test_whoever_waits_can_be_stopped(web: Web) -> None:
    class Stop(Exception):
        pass

    def stop(seconds: float) -> None:
        assert seconds > 20
        raise Stop

    with pytest.raises(Stop):
        fetcher(pause=30.0, sleep=stop).get(web.url("/"))
    assert web.paths() == []


# --- anything


def _any_reply() -> st.SearchStrategy[Reply]:
    values = st.text(st.characters(codec="latin-1", exclude_characters="\r\n"), max_size=40)
    named = st.sampled_from(
        "Content-Type Content-Encoding Location Retry-After ETag Last-Modified Set-Cookie Content-Length "
        "Transfer-Encoding Refresh Link Connection".split()
    )
    wheres = st.sampled_from(
        "/ /robots.txt //10.0.0.1 http://10.0.0.1/ http://[::1]:1/ http://169.254.169.254 https:// http://a@b/ "
        "\\\\10.0.0.1 http://localhost http://127.0.0.1:1/ gzip deflate text/html chunked 120 a=b;Path=/".split()
    )
    status = st.sampled_from([200, 203, 206, 301, 302, 304, 307, 308, 404, 410, 429, 500, 503])
    return st.builds(
        Reply,
        st.binary(max_size=80) | st.lists(st.binary(min_size=1, max_size=20), max_size=4),
        status=status,
        headers=st.dictionaries(named, values | wheres, max_size=5),
        raw=st.none() | st.none() | st.binary(max_size=200).map(lambda rest: b"HTTP/1.1 200 OK\r\n" + rest),
    )


def test_whatever_is_answered_nothing_but_a_page_or_a_sentence_comes_of_it(noted: list[tuple[str, str]]) -> None:
    with serve({}) as web:

        @settings(max_examples=120, suppress_health_check=[HealthCheck.too_slow])
        @given(_any_reply(), _any_reply(), st.text(max_size=20))
        @example(Reply(status=302, headers={"Location": "http://10.0.0.1/"}), Reply(), "")
        def tried(first: Reply, rules: Reply, tail: str) -> None:
            web.routes = {"/x": first, "/robots.txt": rules}
            with suppress(SourceError):
                found = fetcher({"a": ["10.0.0.1"]}, seconds=3.0).get(web.url("/x?") + tail)
                assert found.status in (200, 203)

        tried()
    assert {place for _, place in noted} <= {"127.0.0.1", "::1"}
    assert not any(place.startswith(INSIDE) for _, place in noted)


def test_a_fetcher_is_made_without_asking_anybody(noted: list[tuple[str, str]]) -> None:
    Fetcher()
    assert noted == []
    assert threading.active_count() < 50


@pytest.mark.parametrize("status", [429, 503])
def test_a_host_whose_robots_txt_wants_rest_is_left_alone(web: Web, status: int) -> None:
    web.routes["/robots.txt"] = Reply(status=status, headers={"Retry-After": "600"})
    fetches = fetcher()
    with pytest.raises(SourceError):
        fetches.get(web.url("/"))
    with pytest.raises(SourceError, match="asked to be left alone"):
        fetches._courtesy.turn("127.0.0.1")
    assert [asked.path for asked in web.asked] == ["/robots.txt"]
