"""Serves an ASGI app from within a running event loop, with uvicorn. Knows nothing of what the app answers.

Signals belong to the program, not to uvicorn; a port that cannot be had is an error like any other, not the end of the
process. What uvicorn leaves open is bounded here: how many connections there are, how long one may be silent or drip,
and how long one request may take.
"""

import asyncio
import contextlib
import logging
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self, cast

import h11
import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

from config.errors import SettingsError
from config.settings import Web

AT_ONCE = 256
"""Requests at the same time; more are answered with 503. Telegram opens 100 connections at most, 40 by default."""

CONNECTIONS = 2 * AT_ONCE
"""Connections at the same time; more are closed at once. Many systems give a process 1,024 files."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Bounds:
    """How long a connection may do what, in seconds.

    `quiet`: bring the whole head of its first request, whatever drips in meanwhile. `kept`: likewise from one response
    to the next head; longer than the minute after which most proxies leave a connection, so that they close it and not
    we. `whole`: one request, above what the app allows it. `stopping`: finish when it stops.
    """

    quiet: float = 10.0
    kept: float = 75.0
    whole: float = 60.0
    stopping: float = 5.0


class Listener:
    """An app and the port it is served on."""

    def __init__(
        self,
        app: ASGIApp,
        settings: Web,
        *,
        port: int | None = None,
        bounds: Bounds = Bounds(),
    ) -> None:
        """Prepare to serve on `port` (0: any free one), by default that of the settings."""
        self._host = settings.host
        self._asked = settings.port if port is None else port
        self._bounds = bounds
        self._server = _Server(_config(app, bounds))
        self._running: asyncio.Task[None] | None = None
        self.port = self._asked

    async def start(self) -> None:
        """Listen; `port` is then the one that is listened on.

        Raises:
            SettingsError: the port is taken, or the host is none of this machine.
        """
        bound = await asyncio.to_thread(self._bind)
        self.port = bound.getsockname()[1]
        self._running = asyncio.create_task(self._server.serve(sockets=[bound]), name="listener")
        while not self._server.started:
            if self._running.done():
                await self._running
            await asyncio.sleep(0.005)
        log.info("listening on %s, port %d", self._host, self.port)

    async def stop(self) -> None:
        """Take no more requests, and finish those that run, or cut them off after `bounds.stopping` seconds."""
        if self._running is None:
            return
        self._server.should_exit = True
        await self._running
        self._running = None

    async def __aenter__(self) -> Self:
        """Listen until the block ends."""
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        """Stop."""
        await self.stop()

    def _bind(self) -> socket.socket:
        """Open the port here: uvicorn would end the process where it cannot. A name is looked up as IPv4."""
        family = socket.AF_INET6 if ":" in self._host else socket.AF_INET
        both = self._host == "::" and socket.has_dualstack_ipv6()
        try:
            return socket.create_server((self._host, self._asked), family=family, dualstack_ipv6=both, backlog=128)
        except (OSError, UnicodeError) as error:
            reason = error.strerror if isinstance(error, OSError) and error.strerror else "no such host"
            message = (
                f"Nothing can listen on port {self._asked} of {self._host} ({reason}). Set another web.port or "
                "web.host, or end the program that listens there."
            )
            raise SettingsError(message) from error


def _config(app: ASGIApp, bounds: Bounds) -> uvicorn.Config:
    class Bounded(_Bounded):
        limits = bounds

    return uvicorn.Config(
        cast("Any", app),  # Starlette and uvicorn spell the types of ASGI differently
        http=Bounded,
        ws="none",
        lifespan="off",
        interface="asgi3",
        log_config=None,
        log_level=logging.ERROR,  # its warnings are lines that any stranger can have written, as many as they like
        access_log=False,
        proxy_headers=False,
        server_header=False,
        limit_concurrency=AT_ONCE,
        timeout_keep_alive=cast("int", bounds.kept),  # any number will do
        timeout_graceful_shutdown=cast("int", bounds.stopping),  # likewise
    )


class _Server(uvicorn.Server):
    """Leaves signals alone."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Do not."""
        yield


class _Bounded(H11Protocol):
    """A connection that is closed when it takes longer than `limits`; uvicorn waits for ever."""

    limits: Bounds
    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn does
        super().connection_made(transport)
        if len(self.connections) > CONNECTIONS:
            transport.abort()
        else:
            self._look_after(self.limits.quiet, None)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
        super().connection_lost(exc)

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._look_after(self.limits.kept, None)

    def send_400_response(self, msg: str) -> None:
        """Say that this is not HTTP, and let the app that already runs know that nobody listens to it any more.

        uvicorn sends a second response over the first one, either way round, and h11 raises.
        """
        if self.cycle is not None:
            self.cycle.disconnected = True
        try:
            super().send_400_response(msg)
        except h11.LocalProtocolError:
            self.transport.abort()

    def _look_after(self, seconds: float, seen: RequestResponseCycle | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self.loop.call_later(seconds, self._look, seen)

    def _look(self, seen: RequestResponseCycle | None) -> None:
        """Close where no request runs, or still the one that was `seen` the last time."""
        running = None if self.cycle is None or self.cycle.response_complete else self.cycle
        if running is seen or running is None:
            self.transport.abort()
        else:
            self._look_after(self.limits.whole, running)
