"""The Bot API server for tests breaks what a test tells it to break, over real sockets, and then goes on."""

import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from tests.barebot import Bot
from tests.botapi import BotApi, Person
from tests.botapi.faults import Kind


@pytest.fixture
def api() -> Iterator[BotApi]:
    with BotApi() as api:
        yield api


@pytest.fixture(scope="module")
def http() -> Iterator[httpx.Client]:
    with httpx.Client(trust_env=False, timeout=5) as http:
        yield http


def post(bot: Bot, text: str, *, timeout: float = 5) -> httpx.Response:
    return bot.http.post(f"{bot.address}/sendMessage", data={"chat_id": "7", "text": text}, timeout=timeout)


@pytest.mark.parametrize("effect", [False, True])
@pytest.mark.parametrize(
    "kind, error",
    [
        (Kind.HANG, httpx.ReadTimeout),
        (Kind.RESET, httpx.ReadError),
        (Kind.TRUNCATED, httpx.RemoteProtocolError),
        (Kind.HTML, None),
        (Kind.GARBAGE, None),
        (Kind.EMPTY, None),
    ],
)
def test_a_fault_comes_as_often_as_told_with_or_without_effect_and_the_next_request_is_answered(
    api: BotApi, anna: Person, bot: Bot, kind: Kind, error: type[Exception] | None, *, effect: bool
) -> None:
    api.fault_next("sendmessage", kind, times=2, effect=effect)
    for text in ("one", "two"):
        if error is None:
            with pytest.raises(ValueError, match="Expecting value"):
                post(bot, text).json()
        else:
            with pytest.raises(error):
                post(bot, text, timeout=0.3 if kind is Kind.HANG else 5)
    bot.call("sendMessage", chat_id=7, text="three")
    assert [message.text for message in anna.chat] == (["one", "two"] if effect else []) + ["three"]
    assert len(api.calls("sendMessage")) == (3 if effect else 1)
    assert [(each.method, each.kind, each.effect) for each in api.faults] == [("sendMessage", kind, effect)] * 2
    assert api.refusals == []


def test_a_reset_is_a_reset_and_not_a_polite_end(api: BotApi, anna: Person, bot: Bot) -> None:
    api.fault_next("sendMessage", "reset")
    with pytest.raises(httpx.ReadError, match="reset by peer"):
        post(bot, "x")
    assert anna.chat == []


def test_half_an_answer_announces_the_whole(api: BotApi, anna: Person) -> None:
    api.fault_next("sendMessage", "truncated", effect=True)
    body = b"chat_id=7&text=" + b"x" * 100
    head = f"POST /bot{api.token}/sendMessage HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n"
    head += "Content-Type: application/x-www-form-urlencoded\r\n\r\n"
    with socket.create_connection(("127.0.0.1", int(api.url.rpartition(":")[2])), timeout=5) as raw:
        raw.sendall(head.encode() + body)
        received = b"".join(iter(lambda: raw.recv(65536), b""))
    headers, _, rest = received.partition(b"\r\n\r\n")
    assert headers.startswith(b"HTTP/1.1 200 ")
    assert f"Content-Length: {2 * len(rest)}".encode() in headers or f"{2 * len(rest) + 1}".encode() in headers
    assert rest.startswith(b'{"ok": true, "result": {"message_id": 1')
    assert len(anna.chat) == 1


def test_a_drip_takes_its_time_and_outlives_the_timeout_of_each_read(api: BotApi, anna: Person, bot: Bot) -> None:
    api.fault_next("sendMessage", "drip", seconds=0.6)
    began = time.monotonic()
    assert post(bot, "x", timeout=0.3).json()["result"]["text"] == "x"
    assert 0.55 < time.monotonic() - began < 2
    assert len(anna.chat) == 1


def test_a_refusal_drips_as_well(api: BotApi, anna: Person, bot: Bot) -> None:
    api.fault_next("sendMessage", "drip", seconds=0.05)
    response = bot.http.post(f"{bot.address}/sendMessage", data={"chat_id": "8", "text": "x"})
    assert (response.status_code, response.json()["description"]) == (400, "Bad Request: chat not found")
    assert anna.chat == []


@pytest.mark.parametrize("status", [401, 404, 502, 503])
def test_a_page_has_the_status_of_choice(api: BotApi, bot: Bot, status: int) -> None:
    api.fault_next("getMe", "html", status=status)
    response = bot.http.get(f"{bot.address}/getMe")
    assert (response.status_code, response.headers["content-type"]) == (status, "text/html; charset=utf-8")
    assert f"<h1>{status} " in response.text


def test_failures_come_on_demand(api: BotApi, anna: Person, bot: Bot) -> None:
    api.fail_next("sendMessage", status=429, retry_after=7, times=2)
    flood = {
        "ok": False,
        "error_code": 429,
        "description": "Too Many Requests: retry after 7",
        "parameters": {"retry_after": 7},
    }
    assert [bot.answer("sendMessage", chat_id=7, text="x") for _ in range(2)] == [flood] * 2
    api.fail_next("sendMessage", status=502, body="<html>Bad Gateway</html>")
    response = bot.http.post(f"{bot.address}/sendMessage")
    assert (response.status_code, response.text) == (502, "<html>Bad Gateway</html>")
    api.fail_next("SendMessage", status=500)
    assert bot.refusal("sendMessage") == "500 Internal Server Error"
    bot.call("sendMessage", chat_id=7, text="x")
    assert [each.injected for each in api.refusals] == [True] * 4
    assert len(anna.chat) == 1


def test_faults_and_refusals_of_a_method_come_in_the_order_they_were_asked_for(api: BotApi, bot: Bot) -> None:
    api.fail_next("getMe", status=429, retry_after=1)
    api.fault_next("getMe", "garbage")
    api.fail_next("getMe", status=500)
    assert [bot.http.get(f"{bot.address}/getMe").status_code for _ in range(4)] == [429, 200, 500, 200]


def test_a_poll_may_lose_its_updates_on_the_way_and_gets_them_again(api: BotApi, anna: Person, bot: Bot) -> None:
    anna.says("Where?")
    api.fault_next("getUpdates", "reset", effect=True)
    with pytest.raises(httpx.ReadError):
        bot.http.post(f"{bot.address}/getUpdates")
    assert [update["message"]["text"] for update in bot.call("getUpdates")] == ["Where?"]


def test_a_test_can_wait_for_a_fault(api: BotApi, bot: Bot) -> None:
    api.fault_next("getMe", "hang")
    with pytest.raises(AssertionError, match=r"within 0\.01 s"):
        api.waits(lambda: api.faults, timeout=0.01)
    with ThreadPoolExecutor() as threads:
        hanging = threads.submit(bot.http.get, f"{bot.address}/getMe", timeout=0.5)
        assert [fault.kind for fault in api.waits(lambda: api.faults)] == ["hang"]
        bot.call("getMe")
        assert not hanging.done()
        with pytest.raises(httpx.ReadTimeout):
            hanging.result()


def test_a_server_ends_though_requests_hang_and_their_clients_notice() -> None:
    with httpx.Client(trust_env=False) as http, ThreadPoolExecutor() as threads:
        with BotApi() as api:
            api.fault_next("getMe", "hang")
            hanging = threads.submit(http.get, f"{api.url}/bot{api.token}/getMe", timeout=20)
            api.waits(lambda: api.faults)
            began = time.monotonic()
        assert time.monotonic() - began < 3
        with pytest.raises(httpx.TransportError):
            hanging.result()


def test_away_means_refused_connections_and_back_the_same_port(api: BotApi, anna: Person, bot: Bot) -> None:
    bot.call("getMe")  # leaves a connection open
    url = api.url
    with api.away():
        for _ in range(2):
            with pytest.raises(httpx.TransportError):
                bot.http.get(f"{bot.address}/getMe")
        with httpx.Client(trust_env=False) as other, pytest.raises(httpx.ConnectError, match="refused"):
            other.get(f"{bot.address}/getMe")
        anna.says("Is anybody there?")
    assert len(bot.call("getUpdates")) == 1
    assert api.url == url


def test_going_away_ends_a_poll_and_twice_is_once(api: BotApi, bot: Bot) -> None:
    with ThreadPoolExecutor() as threads:
        poll = threads.submit(bot.http.post, f"{bot.address}/getUpdates", data={"timeout": "20"}, timeout=30)
        end = time.monotonic() + 5
        while not api.polls and time.monotonic() < end:
            time.sleep(0.005)
        api.away()
        api.away()
        with pytest.raises(httpx.TransportError):
            poll.result(2)
    assert api.polls == 0
    api.back()
    api.back()
    assert bot.call("getUpdates") == []
    assert api.refusals == []


def test_a_server_that_is_away_can_end() -> None:
    with BotApi() as api:
        api.away()


def test_what_was_still_to_go_wrong_can_be_forgotten(api: BotApi, bot: Bot) -> None:
    api.fault_next("getMe", "garbage", times=1000)
    assert bot.http.get(f"{bot.address}/getMe").text.startswith("\x00")
    api.heal()
    assert bot.call("getMe")["is_bot"]
