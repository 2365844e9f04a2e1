"""The outside world, on loopback: a web server over real sockets that answers as a test says, however badly.

with serve({"/": page("<p>Hello</p>"), "/slow": Reply(b"…", drip=0.2), "/any": lambda asked: Reply(…)}) as web:
    fetcher(web).get(web.url("/"))
    assert [asked.path for asked in web.asked] == ["/robots.txt", "/"]

A path that has no route is a 404. `web.routes` may be changed while it serves. For tests alone the guard lets loopback
through, by an argument of its constructor that no setting reaches.
"""

import contextlib
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, TypeAlias

import httpx

from config.settings import Fetch
from index.web.fetch import Fetcher
from index.web.guard import Guard

LOOPBACK = ("127.0.0.0/8", "::1/128")


@dataclass(frozen=True)
class Asked:
    """A request as it came. Names of headers are lower-case; `at` is monotonic."""

    method: str
    path: str
    headers: Mapping[str, str]
    at: float = field(default_factory=time.monotonic)

    @property
    def host(self) -> str:
        return self.headers.get("host", "")


@dataclass(frozen=True)
class Reply:
    """What is answered.

    `drip`: seconds before each byte, of head and body; `hold`: seconds before the connection is closed. `raw`: all that
    is sent, in place of everything else. `length`: what Content-Length says, None for the truth, "" for no such line. A
    body of several pieces is sent in chunks.
    """

    body: bytes | Sequence[bytes] = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    drip: float = 0.0
    hold: float = 0.0
    raw: bytes | None = None
    length: str | None = None

    def pieces(self) -> Iterator[bytes]:
        if self.raw is not None:
            yield self.raw
            return
        whole = isinstance(self.body, bytes)
        length = str(len(self.body)) if self.length is None else self.length
        measure = {"Content-Length": length} if whole else {"Transfer-Encoding": "chunked"}
        lines = [f"HTTP/1.1 {self.status} So", "Connection: close"]
        lines += [f"{name}: {value}" for name, value in ({**measure, **self.headers}).items() if value]
        yield "\r\n".join([*lines, "", ""]).encode("utf-8", "surrogateescape")
        if isinstance(self.body, bytes):
            yield self.body
            return
        for piece in self.body:
            yield b"%x\r\n%b\r\n" % (len(piece), piece)
        yield b"0\r\n\r\n"


Route: TypeAlias = Reply | Callable[[Asked], Reply]


def page(markup: str | bytes, *, kind: str = "text/html; charset=utf-8", status: int = 200, **headers: str) -> Reply:
    """Answer with a page; underscores in the names of headers are hyphens."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    body = markup.encode() if isinstance(markup, str) else markup
    return Reply(body, status, {"Content-Type": kind} | named)


def moved(where: str, status: int = 302) -> Reply:
    """Answer that it is elsewhere."""
    return Reply(status=status, headers={"Location": where})


class Web:
    """A server that runs, and what it was asked."""

    def __init__(self, routes: Mapping[str, Route], listening: socket.socket, tls: ssl.SSLContext | None) -> None:
        self.routes: dict[str, Route] = dict(routes)
        self.asked: list[Asked] = []
        self.port: int = listening.getsockname()[1]
        self._listening = listening
        self._tls = tls
        self._over = threading.Event()
        self._threads: list[threading.Thread] = []

    def url(self, path: str = "/", host: str = "127.0.0.1") -> str:
        return f"{'https' if self._tls else 'http'}://{host}:{self.port}{path}"

    def paths(self) -> list[str]:
        """Return what was asked for, except robots.txt."""
        return [asked.path for asked in self.asked if asked.path != "/robots.txt"]

    def run(self) -> None:
        while not self._over.is_set():
            try:
                made, _ = self._listening.accept()
            except OSError:
                return
            thread = threading.Thread(target=self._serve, args=(made,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def stop(self) -> None:
        self._over.set()
        with contextlib.suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        for thread in self._threads:
            thread.join(10)

    def _serve(self, made: socket.socket) -> None:
        made.settimeout(10)
        try:
            with self._tls.wrap_socket(made, server_side=True) if self._tls else made as talking:
                if asked := _read(talking):
                    self.asked.append(asked)
                    route = self.routes.get(asked.path) or self.routes.get(asked.path.partition("?")[0], _MISSING)
                    self._send(talking, route if isinstance(route, Reply) else route(asked))
        except OSError:  # the client left, or did not trust us
            made.close()

    def _send(self, talking: socket.socket, reply: Reply) -> None:
        for piece in reply.pieces():
            if not reply.drip:
                talking.sendall(piece)
            for byte in piece if reply.drip else ():
                if self._over.wait(reply.drip):
                    return
                talking.sendall(bytes([byte]))
        self._over.wait(reply.hold)


_MISSING = Reply(b"nothing here", status=404)


def _read(talking: socket.socket) -> Asked | None:
    head = b""
    while b"\r\n\r\n" not in head:
        piece = talking.recv(65_536)
        if not piece:
            return None
        head += piece
    first, *lines = head.split(b"\r\n\r\n")[0].decode("latin-1").split("\r\n")
    method, path, _ = first.split(" ", 2)
    fields = (line.partition(":") for line in lines)
    return Asked(method, path, {name.strip().lower(): value.strip() for name, _, value in fields})


@contextmanager
def serve(routes: Mapping[str, Route], *, tls: ssl.SSLContext | None = None) -> Iterator[Web]:
    """Serve from a thread, on a port of its own."""
    with socket.create_server(("127.0.0.1", 0), backlog=128) as listening:
        web = Web(routes, listening, tls)
        thread = threading.Thread(target=web.run, daemon=True)
        thread.start()
        try:
            yield web
        finally:
            web.stop()
            thread.join(10)


def loopback(names: Mapping[str, Iterable[str]] | None = None) -> Guard:
    """Return a guard that lets loopback through; `names` are those that its resolver knows, and their addresses."""

    def resolve(host: str, port: int) -> list[str]:
        del port
        if host not in (names or {}):
            raise OSError(host)
        return list((names or {})[host])

    return Guard(also=LOOPBACK, resolve=resolve)


@lru_cache
def trust() -> ssl.SSLContext:
    """Return whom everybody trusts, read once: it takes longer than most tests."""
    return httpx.create_ssl_context(trust_env=False)


def fetcher(names: Mapping[str, Iterable[str]] | None = None, *, pause: float = 0.0, **others: Any) -> Fetcher:
    """Return a fetcher that reaches loopback, and asks as fast as it can."""
    seconds = others.pop("seconds", 10.0)
    others.setdefault("guard", loopback(names))
    others["tls"] = others.get("tls") or trust()
    return Fetcher(Fetch(pause=pause, seconds=seconds), **others)
