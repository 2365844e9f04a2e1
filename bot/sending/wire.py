"""HTTP for python-telegram-bot: calls of the Bot API over aiohttp, at a third of the processor time of its own httpx.

Under a crowd that is what the event loop does most. Knows no method of the Bot API.
"""

import ssl
from functools import cache
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import aiohttp
import httpx
from telegram.error import NetworkError, TimedOut
from telegram.request import BaseRequest, RequestData

from config.errors import SettingsError

CONNECTING = 10.0
"""Seconds in which a connection must be made."""

READING = 20.0
"""Seconds without a byte of the answer; that a whole call ends in time is for `pace`."""

_NEVER_LEFT = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError, aiohttp.InvalidURL)


class Wire(BaseRequest):
    """Makes the requests of one bot."""

    def __init__(self, connections: int, *, proxy: str | None = None) -> None:
        """Keep so many connections at most, all of them through the `proxy`, if there is one."""
        self._connections = connections
        self._proxy = proxy
        self._session: aiohttp.ClientSession | None = None

    @property
    def read_timeout(self) -> float:
        """Seconds without a byte of the answer."""
        return READING

    async def initialize(self) -> None:
        """Begin, within the event loop that it is for."""
        if self._session is None:
            self._session = connected(self._connections, proxy=self._proxy, reading=READING)

    async def shutdown(self) -> None:
        """Let go of all connections."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def do_request(
        self,
        url: str,
        method: str,
        request_data: RequestData | None = None,
        *_: Any,  # noqa: ANN401  time-outs of the caller's
        **_named: Any,  # noqa: ANN401
    ) -> tuple[int, bytes]:
        """Return the status and the body of an answer. The time-outs are ours, whatever a caller wishes.

        Raises:
            TimedOut: it did not come in time, and may still have been asked for.
            NetworkError: the network failed; `never_left` tells whether anything was asked.
        """
        if self._session is None:
            raise NetworkError("The bot is not connected, or not any more.")  # noqa: EM101, TRY003  PTB's errors are
        try:
            # without redirects: the address holds the token
            async with self._session.request(method, url, data=_body(request_data), allow_redirects=False) as answer:
                return answer.status, await answer.read()
        except TimeoutError as error:
            raise TimedOut from error
        except (aiohttp.ClientError, OSError) as error:
            raise NetworkError(f"{type(error).__name__}: {error}") from error  # noqa: EM102, TRY003


def proxy_to(address: str) -> str | None:
    """Return the proxy that the environment names for an address (HTTPS_PROXY, NO_PROXY and the like), if it does.

    To be asked once: aiohttp by itself would look there and into ~/.netrc at every call, on another thread.

    Raises:
        SettingsError: it is of a kind that cannot be used.
    """
    url, named = urlsplit(address), getproxies()
    found = named.get(url.scheme) or named.get("all")
    if not found or proxy_bypass(url.hostname or ""):
        return None
    proxy = found if "://" in found else f"http://{found}"
    if urlsplit(proxy).scheme != "http":
        kind = urlsplit(proxy).scheme
        message = f"The environment names a proxy of the kind {kind}://. Name one of the kind http:// in HTTPS_PROXY."
        raise SettingsError(message)
    return proxy


def connected(connections: int, *, proxy: str | None = None, reading: float | None = None) -> aiohttp.ClientSession:
    """Return what makes requests within the event loop that runs, to be closed in the end.

    It keeps so many connections at most, and gives up after `reading` seconds without a byte of an answer. `proxy` is
    an address as `proxy_to` gives it.
    """
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=connections, ssl=_trusting()),
        cookie_jar=aiohttp.DummyCookieJar(),
        headers={"User-Agent": Wire.USER_AGENT},
        timeout=aiohttp.ClientTimeout(sock_connect=CONNECTING, sock_read=reading),
        proxy=proxy,
    )


@cache
def _trusting() -> ssl.SSLContext:
    """Return what checks the certificates of servers; to read those that are trusted takes longer than all the rest."""
    return httpx.create_ssl_context()


def never_left(error: NetworkError) -> bool:
    """Whether what failed in the network failed before anything was asked."""
    return isinstance(error.__cause__, _NEVER_LEFT)


def broke(error: NetworkError) -> bool:
    """Whether an error is one of the network, not an answer."""
    return isinstance(error.__cause__, aiohttp.ClientError | OSError)


def _body(request: RequestData | None) -> dict[str, str] | aiohttp.FormData | None:
    """Return the form that a request sends, with its files where it has any."""
    if request is None:
        return None
    if not request.contains_files:
        return request.json_parameters or None
    form = aiohttp.FormData(request.json_parameters)
    for name, (file, content, kind) in request.multipart_data.items():
        form.add_field(name, content, filename=file, content_type=kind)
    return form
