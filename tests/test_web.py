"""The webhook, health and metrics over real sockets, and the app under thousands of requests that nobody would send."""

import asyncio
import contextlib
import json
import logging
import signal
import socket
import struct
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import hypothesis.strategies as st
import pydantic_core
import pytest
from hypothesis import example, given, settings
from pydantic import SecretStr

from bot.receiving import listen
from bot.receiving.listen import Bounds, Listener
from bot.running.web import Patience, Webhook, webhook_path, webhook_secret
from config.errors import FootnoteError, SettingsError
from config.settings import SECRET_SHAPE, Telegram, Web
from tests.conftest import TOKEN, until
from tests.site import JSON, LARGEST, PATH, SECRET, VALID, Site, ask, authorised, closed_after, head, received

ABRUPT = struct.pack("ii", 1, 0)
"""SO_LINGER: a close that resets."""


@pytest.fixture(autouse=True)
def _quiet_log(caplog: pytest.LogCaptureFixture, request: pytest.FixtureRequest) -> Iterator[None]:
    """At DEBUG no record holds a secret, and the libraries below report no error of theirs."""
    caplog.set_level(logging.DEBUG)
    yield
    records = caplog.get_records("setup") + caplog.get_records("call")
    written = [logging.Formatter().format(record) + repr(record.args) for record in records]
    derived = webhook_secret(Telegram(token=SecretStr(TOKEN)))
    assert not [line for line in written if any(word in line for word in (SECRET, derived, TOKEN))]
    if "loud" not in request.keywords and "loud" not in request.fixturenames:
        assert not [record for record in records if record.levelno >= logging.ERROR]


@pytest.fixture
def loud() -> None:
    """Let a test write errors to the log."""


@pytest.fixture
def site() -> Iterator[Site]:
    with Site().served() as made:
        yield made


@pytest.fixture(scope="module")
def everlasting() -> Iterator[Site]:
    """One server for many requests: starting and stopping one takes 0.3 s."""
    with Site(patience=Patience(body=1)).served(Bounds(quiet=1, kept=1)) as made:
        yield made


@pytest.fixture
def same(everlasting: Site) -> Site:
    """The server that lasts, with nothing taken yet."""
    everlasting.taken.clear()
    return everlasting


@pytest.fixture
def hasty() -> Iterator[Site]:
    """A site that waits for nothing."""
    patience = Patience(body=0.3, stored=0.3, read=0.3)
    with Site(patience=patience).served(Bounds(quiet=0.3, kept=0.8, whole=0.5, stopping=0.3)) as made:
        yield made


# The webhook


def test_an_update_is_taken_before_telegram_hears_so(site: Site) -> None:
    site.open.clear()
    with ThreadPoolExecutor(1) as other:
        answer = other.submit(site.post)
        time.sleep(0.15)
        assert not answer.done()
        site.open.set()
        response = answer.result()
    assert (response.status_code, response.content) == (200, b"")
    assert site.taken == [json.loads(VALID)]
    assert "server" not in response.headers


@pytest.mark.parametrize(
    "secrets",
    [[], [""], ["wrong"], [SECRET[:-1]], [SECRET + "x"], [SECRET.upper()], ["sécret"], [SECRET, SECRET], ["x", SECRET]],
    ids=repr,
)
def test_who_does_not_know_the_secret_is_refused_before_the_body_is_read(same: Site, secrets: list[str]) -> None:
    lines = "".join(f"X-Telegram-Bot-Api-Secret-Token: {secret}\r\n" for secret in secrets)
    sent = head(Content_Type="application/json", Content_Length=1000)[:-2] + lines.encode() + b"\r\n"
    said = same.says(sent)  # and not a byte of the body
    assert said.startswith(b"HTTP/1.1 401 ")
    assert said.endswith(b"\r\n\r\n")
    assert same.taken == []


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "", "application/jsonp", "json"])
def test_only_json_is_taken(same: Site, kind: str) -> None:
    assert same.post(**{"Content-Type": kind}).status_code == 415
    assert same.taken == []


@pytest.mark.parametrize("kind", ["application/json", "Application/JSON; charset=utf-8", "application/json ;x"])
def test_json_is_known_by_its_name_whatever_follows(same: Site, kind: str) -> None:
    assert same.post(**{"Content-Type": kind}).status_code == 200


def padded(size: int) -> bytes:
    """Return a valid update of so many bytes."""
    return VALID[:-1] + b" " * (size - len(VALID)) + b"}"


def test_a_body_may_be_as_long_as_the_settings_say(site: Site) -> None:
    assert site.post(padded(LARGEST)).status_code == 200
    assert site.post(padded(LARGEST + 1)).status_code == 413
    assert len(site.taken) == 1


def test_a_length_announced_too_large_is_refused_before_the_body_comes(same: Site) -> None:
    assert same.says(authorised(Content_Length=LARGEST + 1)).startswith(b"HTTP/1.1 413 ")
    assert same.says(authorised(Content_Length="9" * 19)).startswith(b"HTTP/1.1 413 ")


def test_a_chunked_body_is_cut_off_at_the_limit(site: Site) -> None:
    assert site.post(iter([padded(LARGEST)])).status_code == 200
    assert site.post(iter([padded(LARGEST), b" "])).status_code == 413
    with site.connection() as made:
        made.sendall(authorised(Transfer_Encoding="chunked"))
        made.sendall(b"ffffffff\r\n" + b" " * (LARGEST + 1))  # of four gigabytes
        assert received(made).startswith(b"HTTP/1.1 413 ")
    assert len(site.taken) == 1


def test_a_body_that_drips_is_given_up(hasty: Site) -> None:
    with hasty.connection() as made:
        made.sendall(authorised(Content_Length=len(VALID)))
        made.settimeout(0.03)
        began, said = time.monotonic(), b""
        for byte in VALID:
            try:
                said = made.recv(99)
                break
            except TimeoutError:
                made.sendall(bytes([byte]))
    assert said.startswith(b"HTTP/1.1 408 ")
    assert 0.2 < time.monotonic() - began < 1.5
    assert hasty.taken == []
    hasty.still_takes()


NO_UPDATES = {
    "empty": b"",
    "not JSON": b"update_id=1",
    "cut off": VALID[:-1],
    "two": VALID + VALID,
    "a list": b"[" + VALID + b"]",
    "a number": b"1",
    "null": b"null",
    "no id": b'{"message": {}}',
    "id is text": b'{"update_id": "1"}',
    "id is a fraction": b'{"update_id": 1.0}',
    "id is true": b'{"update_id": true}',
    "id is null": b'{"update_id": null}',
    "id is negative": b'{"update_id": -1}',
    "id is too large": b'{"update_id": 9223372036854775808}',
    "id has too many digits for Python": b'{"update_id": %s}' % (b"9" * 5000),
    "a number has too many digits for Python": b'{"update_id": 1, "x": %s}' % (b"9" * 5000),
    "nested lists": b'{"update_id": 1, "x": ' + b"[" * 8000 + b"]" * 8000 + b"}",
    "nested objects": b'{"update_id": 1, "x": ' + b'{"a":' * 2500 + b"1" + b"}" * 2500 + b"}",
    "never closed": b"[" * LARGEST,
    "NaN": b'{"update_id": 1, "x": NaN}',
    "Infinity": b'{"update_id": 1, "x": -Infinity}',
    "Latin-1": '{"update_id": 1, "x": "é"}'.encode("latin-1"),
    "UTF-16": VALID.decode().encode("utf-16"),
    "UTF-8 with a mark": b"\xef\xbb\xbf" + VALID,
    "half a surrogate": b'{"update_id": 1, "x": "\xed\xa0\x80"}',
    "a NUL": b'{"update_id": 1, "x": "\x00"}',
}


@pytest.mark.parametrize("body", NO_UPDATES.values(), ids=NO_UPDATES)
def test_what_is_no_update_is_refused_and_nothing_is_taken(same: Site, body: bytes) -> None:
    response = same.post(body)
    assert (response.status_code, response.content) == (400, b"")
    assert same.taken == []
    same.still_takes()


@pytest.mark.parametrize("number", [0, 2**63 - 1])
def test_ids_are_taken_as_far_as_a_database_keeps_them(same: Site, number: int) -> None:
    assert same.post(json.dumps({"update_id": number})).status_code == 200
    assert same.taken == [{"update_id": number}]


def test_while_the_database_is_away_telegram_is_asked_to_come_again(site: Site) -> None:
    site.fault = FootnoteError("The database does not answer.")
    response = site.post()
    assert (response.status_code, response.content) == (503, b"")
    assert int(response.headers["retry-after"]) > 0
    assert 'footnote_errors_total{kind="FootnoteError"} 1.0' in site.get("/metrics").text
    site.fault = None
    site.still_takes()


@pytest.mark.usefixtures("loud")
def test_what_nobody_foresaw_is_no_500(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    site.fault = RecursionError("surprise")
    assert site.post().status_code == 503
    assert "surprise" in caplog.text
    site.fault = None
    site.still_takes()


def test_a_database_that_hangs_does_not_hold_telegram(hasty: Site) -> None:
    hasty.open.clear()
    assert hasty.post().status_code == 503
    hasty.open.set()
    hasty.still_takes()


def test_other_methods_and_paths_are_refused(same: Site) -> None:
    for method in ("GET", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH"):
        assert httpx.request(method, same.url(), headers=JSON).status_code == 405
    for path in ("/healthz", "/readyz", "/metrics"):
        assert httpx.post(same.url(path)).status_code == 405
        assert httpx.head(same.url(path)).status_code == 200
    for path in ("/", "/telegram/", "/Telegram", "/docs", "/openapi.json", "/healthz/", "/metrics%2f", "//telegram"):
        assert httpx.post(same.url(path), content=VALID, headers=JSON).status_code == 404
    assert same.taken == []


def test_without_webhooks_there_is_none() -> None:
    with Site(webhook=False).served() as site:
        assert site.post().status_code == 404
        assert site.get("/healthz").status_code == 200


# Health and metrics


def test_health_tells_whether_telegram_was_heard(site: Site) -> None:
    assert (site.get("/healthz").status_code, site.get("/healthz").text) == (200, "ok\n")
    site.alive = False
    assert site.get("/healthz").status_code == 503


def test_readiness_tells_what_is_missing(site: Site) -> None:
    assert site.get("/readyz").status_code == 200
    site.missing = "Nothing is indexed yet."
    assert (site.get("/readyz").status_code, site.get("/readyz").text) == (503, "Nothing is indexed yet.\n")


def test_metrics_are_shown_as_prometheus_reads_them(site: Site) -> None:
    site.still_takes()
    site.post(b"")
    response = site.get("/metrics")
    assert response.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert 'footnote_webhook_requests_total{status="200"} 1.0' in response.text
    assert 'footnote_webhook_requests_total{status="400"} 1.0' in response.text


def test_a_number_that_is_slow_to_read_stops_nothing_else(hasty: Site) -> None:
    hold = threading.Event()
    hasty.metrics.watch(waiting=lambda: float(hold.wait(10)))
    with ThreadPoolExecutor(3) as others:
        shown = [others.submit(hasty.get, "/metrics") for _ in range(3)]
        assert hasty.get("/healthz").status_code == 200
        hasty.still_takes()
        assert [answer.result().status_code for answer in shown] == [503] * 3
        hold.set()
    assert "footnote_waiting 1.0" in hasty.get("/metrics").text


# Connections


def test_a_hundred_updates_at_once_are_all_taken(site: Site) -> None:
    async def post_all() -> list[int]:
        limits = httpx.Limits(max_connections=100)
        async with httpx.AsyncClient(limits=limits, headers=JSON, timeout=90) as client:
            posts = [client.post(site.url(), json={"update_id": n}) for n in range(100)]
            return [response.status_code for response in await asyncio.gather(*posts)]

    assert asyncio.run(post_all()) == [200] * 100
    assert sorted(update["update_id"] for update in site.taken) == list(range(100))


def test_more_than_the_bot_can_do_at_once_is_put_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listen, "AT_ONCE", 4)
    with Site().served() as site:
        site.open.clear()
        with ThreadPoolExecutor(8) as others:
            answers = [others.submit(site.post) for _ in range(8)]
            until(lambda: sum(answer.done() for answer in answers) >= 4)
            site.open.set()
            statuses = {answer.result().status_code for answer in answers}
        assert statuses == {200, 503}
        site.still_takes()


def test_connections_beyond_the_most_are_closed_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listen, "CONNECTIONS", 3)
    with Site().served() as site:
        held = [socket.create_connection(("127.0.0.1", site.port), timeout=5) for _ in range(3)]
        time.sleep(0.1)
        with site.connection() as made:
            assert closed_after(made) < 2
        for each in held:
            each.close()
        until(lambda: site.says(head("GET", "/healthz")).startswith(b"HTTP/1.1 200"))
        site.still_takes()


def test_half_a_body_and_a_broken_connection_leave_nothing_behind(site: Site) -> None:
    pieces = [authorised(Content_Length=len(VALID)), VALID[:20]]
    chunked = [authorised(Transfer_Encoding="chunked"), b"5\r\n" + VALID[:5] + b"\r\n", b"zz\r\n"]
    for sent in (pieces[:1], pieces, chunked[:1], chunked[:2], chunked):
        for abrupt in (False, True):
            with site.connection() as made:
                if abrupt:
                    made.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, ABRUPT)
                made.sendall(b"".join(sent))
                time.sleep(0.02)
    assert site.taken == []
    site.still_takes()


def test_who_leaves_while_an_update_is_stored_has_it_stored(site: Site) -> None:
    site.open.clear()
    with site.connection() as made:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, ABRUPT)
        made.sendall(authorised(Content_Length=len(VALID)) + VALID)
        time.sleep(0.1)
    site.open.set()
    until(lambda: site.taken)


def test_connections_that_say_nothing_or_drip_are_closed(hasty: Site) -> None:
    with hasty.connection() as silent:
        assert 0.2 < closed_after(silent) < 1.5
    with hasty.connection() as dripping:
        dripping.sendall(b"POST / HTTP/1.1\r\nX: ")
        assert 0.2 < closed_after(dripping, lambda: dripping.sendall(b"x")) < 1.5
    with hasty.connection() as refused:  # and is sent on for ever
        refused.sendall(head(Content_Length=10**9))
        assert received(refused).startswith(b"HTTP/1.1 401 ")
        assert 0.6 < closed_after(refused, lambda: refused.sendall(b"x")) < 2.5
    with hasty.connection() as kept:
        kept.sendall(head("GET", "/healthz"))
        assert received(kept).startswith(b"HTTP/1.1 200 ")
        kept.sendall(b"GET ")
        assert 0.6 < closed_after(kept, lambda: kept.sendall(b"x")) < 2.5
    hasty.still_takes()


def test_who_asks_much_and_reads_nothing_is_cut_off(hasty: Site) -> None:
    with hasty.connection() as made:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        assert closed_after(made, lambda: made.sendall(head("GET", "/metrics") * 500), reading=False, at_most=15) > 0.5
    hasty.still_takes()


def test_nonsense_after_a_response_closes_the_connection(same: Site) -> None:
    with same.connection() as made:
        made.sendall(head(Transfer_Encoding="chunked"))
        assert received(made).startswith(b"HTTP/1.1 401 ")
        made.sendall(b"zz\r\n")
        assert closed_after(made) < 0.5
    same.still_takes()


def test_nothing_is_upgraded(same: Site) -> None:
    upgrade = {
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec_WebSocket_Key": "YQ==",
        "Sec_WebSocket_Version": 13,
    }
    assert same.says(head("GET", "/healthz", **upgrade)).startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize(
    "sent",
    [
        b"\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00",  # TLS
        b"POST /telegram\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        head("POST", "/telegram", Content_Length=-1),
        head("POST", "/telegram", Content_Length="1, 2"),
        head("POST", "/telegram", Content_Length=3, Transfer_Encoding="chunked"),
        head("GET", "/healthz", Upgrade="websocket", Connection="Upgrade"),
        head("GET", "/" + "x" * 100_000),
        head("POST", "/telegram", Transfer_Encoding="chunked") + b"zz\r\n" * 9,  # after a 401 is out
        head("GET", "/%00%ff%0a"),
        head("GET", "*"),
        head("GET", "http://[::1/healthz"),
    ],
    ids=lambda sent: repr(sent[:40]),
)
def test_what_is_hardly_http_does_no_harm(same: Site, sent: bytes) -> None:
    with same.connection() as made:
        with contextlib.suppress(OSError):  # of 100,000 letters it has had enough before the last of them
            made.sendall(sent)
            made.shutdown(socket.SHUT_WR)
        assert not received(made).startswith(b"HTTP/1.1 5")
    same.still_takes()


# The port


def test_a_port_that_is_taken_is_named_and_the_program_goes_on() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]

        async def start() -> None:
            await Listener(Site().app, Web(port=port)).start()

        with pytest.raises(SettingsError, match=rf"port {port} of 127\.0\.0\.1 .* web\.port"):
            asyncio.run(start())


@pytest.mark.parametrize("host", ["198.51.100.1", "no-such-host.invalid", "a..b", "::ffff:198.51.100.1"])
def test_a_host_that_is_not_this_machine_is_an_error_of_the_settings(host: str) -> None:
    async def start() -> None:
        await Listener(Site().app, Web(host=host), port=0).start()

    with pytest.raises(SettingsError, match=r"web\.host"):
        asyncio.run(start())


def test_listening_leaves_signals_alone_and_stopping_frees_the_port() -> None:
    async def twice() -> None:
        before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
        port = 0
        for _ in range(2):
            async with Listener(Site().app, Web(), port=port) as listener:
                assert {number: signal.getsignal(number) for number in before} == before
                port = listener.port
                async with httpx.AsyncClient() as client:
                    assert (await client.get(f"http://127.0.0.1:{port}/healthz")).status_code == 200
        await listener.stop()

    asyncio.run(twice())


def test_what_runs_is_finished_before_it_stops() -> None:
    site = Site()
    with ThreadPoolExecutor(1) as other:
        with site.served():
            site.open.clear()
            answer = other.submit(site.post)
            time.sleep(0.15)
        assert answer.result().status_code == 200


@pytest.mark.usefixtures("loud")  # uvicorn reports what it cancels
def test_stopping_waits_for_nobody_for_ever() -> None:
    async def stop_while_storing() -> tuple[float, int]:
        site = Site()
        site.open.clear()
        listener = Listener(site.app, Web(), port=0, bounds=Bounds(stopping=0.3))
        await listener.start()
        unread, stuck = await asyncio.open_connection("127.0.0.1", listener.port)
        stuck.write(authorised(Content_Length=9))
        async with httpx.AsyncClient(headers=JSON) as client:
            post = asyncio.create_task(client.post(f"http://127.0.0.1:{listener.port}{PATH}", content=VALID))
            await asyncio.sleep(0.15)
            began = time.monotonic()
            await listener.stop()
            took = time.monotonic() - began
            assert (await asyncio.wait_for(unread.read(), 1)).startswith(
                b"HTTP/1.1 503 "
            )  # and is closed: all was read
            stuck.close()
            return took, (await post).status_code

    took, status = asyncio.run(stop_while_storing())
    assert took < 2
    assert status == 503


# The secret and the path


def test_the_secret_follows_from_the_token_unless_one_is_set() -> None:
    one, other = (Telegram(token=SecretStr(token)) for token in (TOKEN, TOKEN[:-1] + "7"))
    assert webhook_secret(one) == webhook_secret(one.model_copy()) != webhook_secret(other)
    assert SECRET_SHAPE.fullmatch(webhook_secret(one))
    assert TOKEN.partition(":")[2] not in webhook_secret(one)
    assert webhook_secret(Telegram(token=SecretStr(TOKEN), webhook_secret=SecretStr(SECRET))) == SECRET
    with pytest.raises(SettingsError, match="TELEGRAM_BOT_TOKEN"):
        webhook_secret(Telegram())


def test_a_webhook_is_made_of_the_settings_and_hides_its_secret() -> None:
    telegram = Telegram(webhook="https://bot.example.org/tele%C3%A9gram", token=SecretStr(TOKEN))
    made = Webhook.of(telegram, Web(largest_body_kb=16), Site().take)
    assert (made.path, made.largest) == ("/teleégram", LARGEST)
    assert made.secret == webhook_secret(telegram)
    assert made.secret not in repr(made)


@pytest.mark.parametrize("path", ["/healthz", "/metrics", "/%72eadyz", "/{any}", "/{x:nothing}", "/a%0A"])
def test_a_webhook_cannot_take_the_place_of_something_else(path: str) -> None:
    with pytest.raises(SettingsError, match=r"telegram\.webhook"):
        webhook_path(Telegram(webhook=f"https://bot.example.org{path}"))


# Whatever comes

JSON_LIKE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9), inner, max_size=4),
    max_leaves=12,
)
UPDATES = st.builds(
    lambda number, rest: {**rest, "update_id": number},
    st.integers(0, 2**63 - 1) | st.integers() | JSON_LIKE,
    st.dictionaries(st.text(max_size=9), JSON_LIKE, max_size=3),
)


@st.composite
def mangled(draw: st.DrawFn) -> bytes:
    """Draw an update with some bytes taken out and others put in."""
    body = bytearray(json.dumps(draw(UPDATES), ensure_ascii=draw(st.booleans())).encode("utf-8", "surrogatepass"))
    for _ in range(draw(st.integers(0, 3))):
        at = draw(st.integers(0, len(body)))
        body[at : at + draw(st.integers(0, 3))] = draw(
            st.binary(max_size=3) | st.sampled_from([b"[" * 3000, b"9" * 5000])
        )
    return bytes(body)


BODIES = mangled() | st.binary(max_size=200) | st.sampled_from([padded(LARGEST), padded(LARGEST + 1)])
GOOD = [(name.lower().encode(), value.encode()) for name, value in JSON.items()]
NAMES = st.sampled_from([b"content-length", b"content-type", b"content-encoding", b"transfer-encoding", GOOD[0][0]])
HEADERS = st.lists(st.tuples(NAMES | st.binary(min_size=1, max_size=20), st.binary(max_size=30)), max_size=3)


def cut(body: bytes, size: int) -> list[bytes]:
    return [body[at : at + size] for at in range(0, len(body), size)]


def is_update(body: bytes) -> bool:
    """Judge by another parser than ours, a strict one."""
    try:
        read: Any = pydantic_core.from_json(body, allow_inf_nan=False)
    except ValueError:
        return False
    number = read.get("update_id") if isinstance(read, dict) else None
    return type(number) is int and 0 <= number < 2**63


def is_taken(body: bytes, headers: list[tuple[bytes, bytes]], *, gone: bool = False, size: int = 1000) -> int:
    """Post it to the app, assert what holds whatever it is, and return the status."""
    site = Site()
    status, said = asyncio.run(ask(site.app, "POST", PATH, headers, cut(body, size), gone=gone))
    assert status in {200, 400, 401, 413, 415}
    assert said == b""
    assert site.taken == ([json.loads(body)] if status == 200 else [])
    assert asyncio.run(ask(site.app, "POST", PATH, GOOD, [VALID]))[0] == 200
    return status


@settings(max_examples=400)
@given(body=BODIES, size=st.integers(1, 999), gone=st.booleans())
@example(body=b'{"update_id": 1, "x": "\\ud800"}', size=7, gone=False)  # Telegram's own JSON may escape so
@example(body=b'{"update_id": 1, "update_id": -1}', size=7, gone=False)
def test_of_all_bodies_only_updates_are_taken(body: bytes, size: int, *, gone: bool) -> None:
    status = is_taken(body, GOOD, gone=gone, size=size)
    if gone:
        assert status in {400, 413}
    elif len(body) > LARGEST:
        assert status == 413
    elif is_update(body):
        assert status == 200


@settings(max_examples=300)
@given(headers=HEADERS, known=st.sampled_from([GOOD, GOOD[:1], GOOD[1:], []]), first=st.booleans())
@example(headers=[(b"content-length", b"9" * 5000)], known=GOOD, first=True)
@example(headers=[(b"content-length", "²".encode("latin-1"))], known=GOOD, first=True)
def test_of_all_headers_only_the_right_ones_open(
    headers: list[tuple[bytes, bytes]], known: list[tuple[bytes, bytes]], *, first: bool
) -> None:
    status = is_taken(VALID, known + headers if first else headers + known)
    secrets = [value for name, value in headers + known if name.lower() == GOOD[0][0]]
    assert (status != 401) == (secrets == [SECRET.encode()])
    if known is GOOD and not headers:
        assert status == 200


@settings(max_examples=200)
@given(
    method=st.sampled_from(["GET", "HEAD", "POST", "PUT", "BREW", ""]),
    path=st.text(max_size=20).map(lambda path: f"/{path}")
    | st.builds("{}{}".format, st.sampled_from([PATH, "/healthz", "/readyz", "/metrics"]), st.text(max_size=2)),
    headers=HEADERS,
)
def test_no_path_is_answered_with_a_500(method: str, path: str, headers: list[tuple[bytes, bytes]]) -> None:
    site = Site()
    status, _ = asyncio.run(ask(site.app, method, path, GOOD + headers, [VALID]))
    assert status in {200, 400, 401, 404, 405, 413, 415}
    if path not in {PATH, "/healthz", "/readyz", "/metrics"}:
        assert status == 404
        assert site.taken == []


@settings(max_examples=60)
@given(
    sent=st.binary(max_size=300)
    | st.builds(lambda body, length: authorised(Content_Length=length) + body, BODIES, st.integers(0, 300))
    | st.builds(lambda body: authorised(Transfer_Encoding="chunked") + body, st.binary(max_size=99))
    | BODIES.map(lambda body: authorised(Content_Length=len(body)) + body)
)
def test_no_bytes_on_the_wire_hurt_the_server(everlasting: Site, sent: bytes) -> None:
    everlasting.taken.clear()
    with everlasting.connection() as made:
        made.sendall(sent)
        made.shutdown(socket.SHUT_WR)
        said = b""
        while piece := received(made):
            said += piece
    assert b"HTTP/1.1 5" not in said
    assert len(everlasting.taken) == said.count(b"HTTP/1.1 200 ")
    everlasting.still_takes()
