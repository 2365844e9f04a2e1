"""The way to Telegram, through the proxy of whoever needs one: real sockets, a real proxy."""

import contextlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest

from bot.sending.wire import proxy_to
from bot.terminal.reach import Line
from config.errors import SettingsError
from index.library import Library
from tests.botapi import BotApi
from tests.conftest import GUEST, WHEN, Serve, answered, served_settings

FAR = "http://telegram.invalid"
"""An address that nobody but the proxy can make anything of."""

NAMES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")


@dataclass
class Proxy:
    """A proxy that takes everything to one server, and what it was asked: paths and headers."""

    port: int
    paths: list[str] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)


@pytest.fixture(autouse=True)
def _nothing_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture
def proxy(api: BotApi) -> Iterator[Proxy]:
    """A proxy before the Bot API server."""

    class Pass(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            assert self.path.startswith(FAR)  # in full, as a proxy is asked
            path = self.path.removeprefix(FAR)
            made.paths.append(path)
            made.headers.append(dict(self.headers))
            kind = {"Content-Type": self.headers["Content-Type"] or "application/json"}
            reply = httpx.post(f"{api.url}{path}", content=body, headers=kind, timeout=60, trust_env=False)
            with contextlib.suppress(ConnectionError):  # a bot that has ended waits for no updates
                self.send_response(reply.status_code)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(reply.content)))
                self.end_headers()
                self.wfile.write(reply.content)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Pass)
    server.daemon_threads = True
    made = Proxy(server.server_port)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield made
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_bot_behind_a_proxy_fetches_and_answers_through_it(
    api: BotApi, serve: Serve, shared: Library, proxy: Proxy, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("http_proxy", f"http://anna:%73ecret@127.0.0.1:{proxy.port}")
    (tmp_path / "netrc").write_text("default login somebody password else", "ascii")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    with serve(shared, telegram__api_url=FAR):
        assert "1987" in answered(api.person(GUEST, "Anna"), WHEN).text
    methods = {path.rpartition("/")[2] for path in proxy.paths}
    assert {"getMe", "getUpdates", "sendMessage"} <= methods
    assert all(one["Proxy-Authorization"] == "Basic YW5uYTpzZWNyZXQ=" for one in proxy.headers)
    assert not any("Authorization" in one for one in proxy.headers)  # Telegram has no password of anybody's


def test_doctor_asks_through_it_as_well(proxy: Proxy, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{proxy.port}")
    assert Line(served_settings(tmp_path / "data", FAR).telegram).call("getMe").result()["username"]
    assert len(proxy.paths) == 1


@pytest.mark.parametrize(
    "set_, found",
    [
        ({}, None),
        ({"https_proxy": "http://proxy.lan:3128"}, "http://proxy.lan:3128"),
        ({"HTTPS_PROXY": "http://proxy.lan:3128"}, "http://proxy.lan:3128"),
        ({"https_proxy": "proxy.lan:3128"}, "http://proxy.lan:3128"),
        ({"all_proxy": "http://proxy.lan:3128"}, "http://proxy.lan:3128"),
        ({"http_proxy": "http://proxy.lan:3128"}, None),
        ({"https_proxy": "http://proxy.lan:3128", "no_proxy": "telegram.org"}, None),
        ({"https_proxy": "http://proxy.lan:3128", "no_proxy": "localhost,127.0.0.1"}, "http://proxy.lan:3128"),
    ],
    ids=str,
)
def test_the_proxy_is_that_of_the_environment(
    monkeypatch: pytest.MonkeyPatch, set_: dict[str, str], found: str | None
) -> None:
    for name, value in set_.items():
        monkeypatch.setenv(name, value)
    assert proxy_to("https://api.telegram.org/bot") == found


@pytest.mark.parametrize("kind", ["socks5", "socks5h", "https"])
def test_a_proxy_that_cannot_be_used_is_named_without_its_password(
    monkeypatch: pytest.MonkeyPatch, kind: str, tmp_path: Path
) -> None:
    monkeypatch.setenv("https_proxy", f"{kind}://anna:secret@proxy.lan:1080")
    with pytest.raises(SettingsError, match=rf"the kind {kind}://\. Name one of the kind http://") as refused:
        proxy_to("https://api.telegram.org")
    assert "secret" not in str(refused.value)
    telegram = served_settings(tmp_path / "data", "https://api.telegram.org").telegram
    with pytest.raises(SettingsError, match=kind):  # and no library's own words for it
        Line(telegram).call("getMe")
