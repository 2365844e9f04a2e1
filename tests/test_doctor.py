"""The doctor of the bot: token, clock, webhook, other pollers, port and people, over real HTTP, with a remedy each."""

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

from bot.terminal import doctor, reach
from bot.terminal.doctor import Finding
from bot.terminal.reach import Line
from config import Settings, Telegram, load
from config.errors import FootnoteError
from index.system.lock import hold
from tests.botapi import BotApi
from tests.conftest import ADMIN, GUEST, TOKEN, Footnote, MakeLibrary, until

SECRET_PATH = "hook-9f8e7d6c"


class Desk:
    """An HTTP server that answers like the Bot API, with what a test tells it."""

    def __init__(self) -> None:
        self.info: dict[str, Any] = {"url": "", "pending_update_count": 0}
        self.answers: dict[str, tuple[int, bytes]] = {}
        self.ahead = 0.0
        self.dated = True
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.url = ""

    def answer(self, method: str) -> tuple[int, bytes]:
        results = {"getMe": {"username": "desk_bot"}, "getWebhookInfo": self.info, "getUpdates": []}
        return self.answers.get(method) or (200, json.dumps({"ok": True, "result": results[method]}).encode())

    def refuse(self, method: str, code: int, description: str) -> None:
        body = {"ok": False, "error_code": code, "description": description}
        self.answers[method] = (code, json.dumps(body).encode())

    def line(self, **telegram: Any) -> Line:
        return Line(Telegram.model_validate({"token": TOKEN, "api_url": self.url, **telegram}, strict=False))


@pytest.fixture
def desk(monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    monkeypatch.setattr(reach, "LISTENING", 0)
    made = Desk()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            method = self.path.rpartition("/")[2]
            made.asked.append((method, json.loads(self.rfile.read(int(self.headers["Content-Length"])))))
            status, body = made.answer(method)
            self.send_response_only(status)
            if made.dated:
                self.send_header("Date", format_datetime(datetime.fromtimestamp(time.time() + made.ahead, UTC)))
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        made.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield made
        server.shutdown()
        thread.join()


def settings_of(url: str, data: Path, **env: str) -> Settings:
    given = {"TELEGRAM_BOT_TOKEN": TOKEN, "FOOTNOTE_TELEGRAM_API_URL": url, "FOOTNOTE_WEB_PORT": "0", **env}
    return load(environ=given, flags={"library.data": str(data)}, folder=data.parent)


def examined(url: str, data: Path, **env: str) -> dict[str, Finding]:
    """What the doctor finds about the bot alone."""
    data.mkdir(exist_ok=True)
    found = list(doctor._bot(settings_of(url, data, **env), data))
    assert not any(TOKEN in finding.words or "\n" in finding.words for finding in found)
    return {finding.name: finding for finding in found}


def test_a_bot_in_order_is_fine_in_every_respect(api: BotApi, desk: Desk, tmp_path: Path) -> None:
    found = examined(desk.url, tmp_path / "data", FOOTNOTE_TELEGRAM_ADMINS="7,8", FOOTNOTE_TELEGRAM_BLOCKED="9")
    assert all(finding.fine for finding in found.values())
    assert found["telegram"].words == "the token is good, the bot is @desk_bot"
    assert found["clock"].words == "agrees with Telegram's"
    assert found["people"].words == "2 admins; everyone may ask, but for 1 who are blocked"
    me = Line(Telegram.model_validate({"token": TOKEN, "api_url": api.url}, strict=False)).call("getMe")
    assert reach.token(me) == "the token is good, the bot is @footnote_test_bot"
    assert reach.clock(me) == "agrees with Telegram's"
    assert (found["inline"].fine, "/setinline" in found["inline"].words) == (True, True)
    assert reach.inline(me) == found["inline"].words
    api.enable_inline()
    assert reach.inline(
        Line(Telegram.model_validate({"token": TOKEN, "api_url": api.url}, strict=False)).call("getMe")
    ).startswith("on")


def test_it_says_in_how_many_groups_people_may_ask(desk: Desk, tmp_path: Path) -> None:
    lists = {"FOOTNOTE_TELEGRAM_ADMINS": "7", "FOOTNOTE_TELEGRAM_ALLOWED": "7,8,9"}
    found = examined(desk.url, tmp_path / "data", **lists, FOOTNOTE_TELEGRAM_GROUPS="-1001,-1002")
    assert found["people"].words == "1 admin; 2 more people may ask; so may all in 2 groups"


def test_without_an_admin_it_says_how_to_become_one(desk: Desk, tmp_path: Path) -> None:
    found = examined(desk.url, tmp_path / "data")["people"]
    assert found.fine
    assert "/start" in found.words
    assert "[telegram] admins" in found.words


@pytest.mark.parametrize("status", [401, 404])
def test_a_token_that_telegram_does_not_know_is_named_and_nothing_more_is_asked(
    desk: Desk, tmp_path: Path, status: int
) -> None:
    desk.refuse("getMe", status, "Unauthorized")
    found = examined(desk.url, tmp_path / "data")
    assert not found["telegram"].fine
    assert "@BotFather" in found["telegram"].words
    assert [method for method, _ in desk.asked] == ["getMe"]


@pytest.mark.parametrize("body", [b"<html>Bad Gateway</html>", b"[]", b"", b'{"ok": false}', b'"x"', b"\xff"])
def test_an_answer_that_is_none_of_the_bot_apis_is_a_sentence(desk: Desk, tmp_path: Path, body: bytes) -> None:
    desk.answers["getMe"] = (502, body)
    found = examined(desk.url, tmp_path / "data")["telegram"]
    assert not found.fine
    assert "telegram.api_url" in found.words
    assert "HTTP 502" in found.words


def test_a_bot_api_that_is_not_there_is_a_sentence_without_the_token(tmp_path: Path) -> None:
    found = examined("http://127.0.0.1:9", tmp_path / "data")["telegram"]
    assert not found.fine
    assert "http://127.0.0.1:9 cannot be reached (ConnectError)" in found.words


@pytest.mark.parametrize(
    "ahead, fine, part",
    [(0, True, "agrees"), (45, True, "behind Telegram's"), (-400, False, "ahead of Telegram's"), (900, False, "ntp")],
)
def test_a_clock_that_is_astray_is_told_and_far_astray_is_wrong(
    desk: Desk, tmp_path: Path, ahead: float, *, fine: bool, part: str
) -> None:
    desk.ahead = ahead
    found = examined(desk.url, tmp_path / "data")["clock"]
    assert (found.fine, part in found.words) == (fine, True), found.words
    assert ("timedatectl" in found.words) == (ahead != 0)


def test_a_clock_is_not_compared_where_nobody_says_the_time(desk: Desk, tmp_path: Path) -> None:
    desk.dated = False
    assert "not compared" in examined(desk.url, tmp_path / "data")["clock"].words


HOOK = f"https://bot.example.org/{SECRET_PATH}"


def _failed(seconds: float) -> dict[str, Any]:
    error = {"last_error_date": time.time() - seconds, "last_error_message": "Connection refused"}
    return {"url": HOOK, "pending_update_count": 12, **error}


@pytest.mark.parametrize(
    "wanted, info, running, fine, parts",
    [
        ("", {"url": ""}, False, True, ["none is set"]),
        ("", {"url": HOOK}, False, False, ["https://bot.example.org", "footnote serve", "@BotFather"]),
        (HOOK, {"url": HOOK}, True, True, ["brings updates to https://bot.example.org"]),
        (HOOK, {"url": HOOK, "pending_update_count": 500}, True, True, ["500 wait"]),
        (HOOK, {"url": ""}, False, True, ["when it starts"]),
        (HOOK, {"url": ""}, True, False, ["no address", "Start the bot again"]),
        (HOOK, {"url": "https://evil.example.org/x"}, True, False, ["https://evil.example.org", "telegram.webhook"]),
        (HOOK, _failed(60), True, False, ["Connection refused", "12 wait", "proxy"]),
        (HOOK, _failed(90_000), True, True, ["brings updates"]),
    ],
)
def test_a_webhook_is_compared_with_the_settings_and_its_path_is_not_shown(
    desk: Desk, wanted: str, info: dict[str, Any], *, running: bool, fine: bool, parts: list[str]
) -> None:
    desk.info = info
    found = doctor._try("webhook", lambda: reach.webhook(desk.line(webhook=wanted), running=running))
    assert found.fine == fine, found.words
    assert all(part in found.words for part in parts), found.words
    assert SECRET_PATH not in found.words


def test_a_webhook_without_tls_is_refused_but_for_a_bot_api_of_ones_own(desk: Desk) -> None:
    hook = HOOK.replace("https", "http")
    desk.info = {"url": hook}
    assert "brings updates" in reach.webhook(desk.line(webhook=hook), running=True)

    class Public(Line):
        def call(self, *_: object, **__: object) -> Any:
            return desk.line().call("getWebhookInfo")

    telegram = Telegram.model_validate({"token": TOKEN, "webhook": hook}, strict=False)
    with pytest.raises(FootnoteError, match="https://"):
        reach.webhook(Public(telegram), running=True)


@contextmanager
def polling(api: BotApi) -> Iterator[None]:
    """Fetch updates with the same token, as another program does."""
    stop = threading.Event()

    def poll() -> None:
        with httpx.Client(timeout=90) as client:
            while not stop.is_set():
                client.get(f"{api.url}/bot{TOKEN}/getUpdates", params={"timeout": 1})

    thread = threading.Thread(target=poll)
    thread.start()
    until(lambda: api.polls)
    try:
        yield
    finally:
        stop.set()
        thread.join()


def test_another_program_that_polls_is_found(api: BotApi, expected: list[str]) -> None:
    expected.append("Conflict")
    line = Line(Telegram.model_validate({"token": TOKEN, "api_url": api.url}, strict=False))
    with polling(api), pytest.raises(FootnoteError, match=r"Another program .* /revoke"):
        reach.pollers(line)


def test_looking_for_other_programs_confirms_no_update(api: BotApi) -> None:
    line = Line(Telegram.model_validate({"token": TOKEN, "api_url": api.url}, strict=False))
    for text in ("first", "second"):
        api.person(GUEST, "Anna").says(text)
    for _ in range(2):
        assert "updates wait" in reach.pollers(line)
    assert [call.parameters for call in api.calls("getUpdates")] == [{"limit": 1, "timeout": 0}] * 2
    with httpx.Client() as client:
        waiting = client.get(f"{api.url}/bot{TOKEN}/getUpdates").json()["result"]
    assert [update["message"]["text"] for update in waiting] == ["first", "second"]


def test_while_our_own_bot_runs_nobody_polls_and_it_says_which_bot(desk: Desk, tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    with hold(data, "bot", doing="running the Telegram bot"):
        found = examined(desk.url, data)["pollers"]
    assert found.fine
    assert "is running the Telegram bot" in found.words
    assert "getUpdates" not in [method for method, _ in desk.asked]


def test_in_webhook_mode_nobody_polls(desk: Desk, tmp_path: Path) -> None:
    desk.info = {"url": HOOK}
    found = examined(desk.url, tmp_path / "data", FOOTNOTE_TELEGRAM_WEBHOOK=HOOK, FOOTNOTE_WEB_PORT="8484")
    assert "not asked" in found["pollers"].words
    assert "getUpdates" not in [method for method, _ in desk.asked]


def test_a_port_is_free_or_taken_by_somebody_or_by_our_bot(desk: Desk, tmp_path: Path) -> None:
    data = tmp_path / "data"
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = str(taken.getsockname()[1])
        polls = examined(desk.url, data, FOOTNOTE_WEB_PORT=port)["port"]
        assert polls.fine
        assert "goes on without" in polls.words
        hooked = examined(desk.url, data, FOOTNOTE_WEB_PORT=port, FOOTNOTE_TELEGRAM_WEBHOOK=HOOK)["port"]
        assert not hooked.fine
        assert "Stop what holds it" in hooked.words
        with hold(data, "bot", doing="running the Telegram bot"):
            ours = examined(desk.url, data, FOOTNOTE_WEB_PORT=port, FOOTNOTE_TELEGRAM_WEBHOOK=HOOK)["port"]
        assert ours.words == f"127.0.0.1:{port} is taken, by the bot that runs here"
    assert examined(desk.url, data, FOOTNOTE_WEB_PORT=port)["port"].words == f"127.0.0.1:{port} is free"
    away = examined(desk.url, data, FOOTNOTE_WEB_PORT=port, FOOTNOTE_WEB_HOST="192.0.2.1")["port"]
    assert not away.fine


def test_the_command_names_what_is_wrong_with_the_inbox_and_the_bot_and_shows_no_secret(
    footnote: Footnote, make_library: MakeLibrary, folder: Path, tmp_path: Path, desk: Desk
) -> None:
    with make_library() as library:
        library.index(folder)
    env = {
        "TELEGRAM_BOT_TOKEN": TOKEN,
        "FOOTNOTE_TELEGRAM_API_URL": desk.url,
        "FOOTNOTE_TELEGRAM_ADMINS": str(ADMIN),
        "FOOTNOTE_WEBHOOK_SECRET": "a-very-secret-word",
        "FOOTNOTE_WEB_PORT": "0",
    }
    well = footnote("doctor", "--data", "data", **env)
    assert well.returncode == 0, well.stdout
    assert "there is no inbox yet" in well.stdout
    (tmp_path / "data" / "journal.sqlite").write_bytes(b"SQLite format 3\0" + b"\xff" * 8_000)
    desk.refuse("getWebhookInfo", 400, f"no webhook for {TOKEN} and a-very-secret-word")
    ill = footnote("doctor", "--data", "data", **env)
    assert ill.returncode == 1
    assert "BAD  database" in ill.stdout
    assert "journal.sqlite is damaged" in ill.stdout
    assert (
        "BAD  webhook: Telegram answered getWebhookInfo with 400 (no webhook for «secret» and «secret»)" in ill.stdout
    )
    assert "a-very-secret-word" not in ill.stdout + ill.stderr


def test_articles_that_an_index_could_not_read_are_not_called_fine(
    make_library: MakeLibrary, folder: Path, tmp_path: Path
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "notes.txt").write_text("A file.")
    said = {}
    for place in (folder, tmp_path / "empty", tmp_path / "notes.txt", tmp_path / "gone"):
        with make_library(library__articles=str(place)) as library:
            found = doctor._try("articles", lambda library=library: doctor._articles(library))
        said[place.name] = (found.fine, found.words)
    assert said[folder.name] == (True, str(folder))
    assert not any(fine for name, (fine, _) in said.items() if name != folder.name)
    assert "There are no articles in" in said["empty"][1]
    assert "is a file, not a folder" in said["notes.txt"][1]
    assert "There is no folder" in said["gone"][1]


def test_a_data_directory_that_cannot_be_opened_does_not_keep_the_bot_from_being_examined(
    footnote: Footnote, tmp_path: Path, desk: Desk
) -> None:
    (tmp_path / "file").write_text("")
    done = footnote("doctor", "--data", "file/data", TELEGRAM_BOT_TOKEN=TOKEN, FOOTNOTE_TELEGRAM_API_URL=desk.url)
    assert done.returncode == 1
    assert "BAD  data" in done.stdout
    assert "ok   telegram: the token is good" in done.stdout
