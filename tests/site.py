"""The web app on a real port, for tests that speak to it as a stranger would; and alone, for thousands of tries."""

import asyncio
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Any

import httpx
from starlette.types import ASGIApp, Message

from bot.receiving.listen import Bounds, Listener
from bot.running.metrics import Metrics
from bot.running.web import Patience, Webhook, app
from config.settings import Web

SECRET = "a-secret_of-the-webhook-0123456789"
PATH = "/telegram"
LARGEST = 16 * 1024
JSON = {"X-Telegram-Bot-Api-Secret-Token": SECRET, "Content-Type": "application/json"}
VALID = b'{"update_id": 1, "message": {"text": "When?"}}'


class Site:
    """What is served, what was taken, and how to make it fail."""

    def __init__(self, *, webhook: bool = True, patience: Patience | None = None) -> None:
        self.taken: list[dict[str, Any]] = []
        self.fault: Exception | None = None
        self.open = threading.Event()
        self.open.set()
        self.alive, self.missing = True, ""
        self.metrics = Metrics()
        self.port = 0
        self.app = app(
            self.metrics,
            alive=lambda: self.alive,
            ready=lambda: self.missing,
            webhook=Webhook(PATH, SECRET, LARGEST, self.take) if webhook else None,
            patience=patience or Patience(),
        )

    async def take(self, update: dict[str, Any]) -> None:
        while not self.open.is_set():  # noqa: ASYNC110 - it is set in another thread
            await asyncio.sleep(0.01)
        if self.fault is not None:
            raise self.fault
        self.taken.append(update)

    def url(self, path: str = PATH) -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    def post(self, content: Any = VALID, **headers: str) -> httpx.Response:
        return httpx.post(self.url(), content=content, headers={**JSON, **headers}, timeout=10)

    def get(self, path: str) -> httpx.Response:
        return httpx.get(self.url(path), timeout=10)

    def still_takes(self) -> None:
        """Assert that a valid update is taken, once."""
        before = len(self.taken)
        assert self.post().status_code == 200
        assert self.taken[before:] == [{"update_id": 1, "message": {"text": "When?"}}]

    @contextmanager
    def connection(self) -> Iterator[socket.socket]:
        with socket.create_connection(("127.0.0.1", self.port), timeout=10) as made:
            yield made

    def says(self, sent: bytes) -> bytes:
        """Send something and return what comes back at first, which is nothing where the connection is closed."""
        with self.connection() as made:
            made.sendall(sent)
            return received(made)

    @contextmanager
    def served(self, bounds: Bounds | None = None) -> Iterator["Site"]:
        """Serve from a loop in a thread of its own."""
        started: Future[Listener] = Future()
        loop = asyncio.new_event_loop()
        thread = threading.Thread(target=self._run, args=(loop, started, bounds or Bounds()))
        thread.start()
        try:
            self.port = started.result(10).port
            yield self
        finally:
            self.open.set()
            if not started.exception():
                asyncio.run_coroutine_threadsafe(started.result().stop(), loop).result(20)
            loop.call_soon_threadsafe(loop.stop)
            thread.join(20)
            loop.close()

    def _run(self, loop: asyncio.AbstractEventLoop, started: "Future[Listener]", bounds: Bounds) -> None:
        asyncio.set_event_loop(loop)
        listener = Listener(self.app, Web(), port=0, bounds=bounds)
        try:
            loop.run_until_complete(listener.start())
        except Exception as error:
            started.set_exception(error)
            raise
        started.set_result(listener)
        loop.run_forever()
        loop.run_until_complete(loop.shutdown_default_executor())


def head(method: str = "POST", path: str = PATH, **headers: str | int) -> bytes:
    """Write the head of a request."""
    lines = [f"{method} {path} HTTP/1.1", "Host: bot", *(f"{k.replace('_', '-')}: {v}" for k, v in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode()


def authorised(**headers: str | int) -> bytes:
    """Write the head of a request that knows the secret."""
    return head(X_Telegram_Bot_Api_Secret_Token=SECRET, Content_Type="application/json", **headers)


def received(made: socket.socket) -> bytes:
    try:
        return made.recv(65_536)
    except ConnectionResetError:
        return b""


def closed_after(
    made: socket.socket, during: Callable[[], object] = lambda: None, *, reading: bool = True, at_most: float = 5
) -> float:
    """Return the seconds until the other side closes, while something is done over and over."""
    began = time.monotonic()
    made.settimeout(0.02)
    while time.monotonic() < began + at_most:
        try:
            during()
            if reading and not made.recv(65_536):
                break
        except TimeoutError:
            continue
        except OSError:
            break
    else:
        raise AssertionError("it stays open")
    return time.monotonic() - began


async def ask(
    app: ASGIApp,
    method: str,
    path: str,
    headers: list[tuple[bytes, bytes]],
    pieces: list[bytes],
    *,
    gone: bool = False,
) -> tuple[int, bytes]:
    """Call the app as a server would, with any bytes at all; `gone`: the client leaves before the body is over."""
    rest: list[Message] = [{"type": "http.request", "body": piece, "more_body": True} for piece in pieces]
    rest.append({"type": "http.disconnect"} if gone else {"type": "http.request", "body": b"", "more_body": False})
    sent: list[Message] = []

    async def receive() -> Message:
        return rest.pop(0) if rest else {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "path": path,
        "raw_path": path.encode("utf-8", "replace"),
        "query_string": b"",
        "root_path": "",
        "scheme": "http",
        "headers": headers,
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 2),
    }
    await app(scope, receive, send)
    return sent[0]["status"], b"".join(message.get("body", b"") for message in sent[1:])
