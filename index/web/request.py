"""One request to a server: only to addresses the guard allows, until a deadline, and no larger than asked for.

The guard is asked where the connection is made: whatever httpx or a redirect makes of an address, the name is looked up
once, here, and the connection goes to the address that was judged. Server name, certificate and Host header stay those
of the name. Nothing of the environment (proxies, netrc) is used. Follows no redirect.
"""

import ssl
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Self, TypeAlias

import httpcore
import httpx

from index.errors import SourceError
from index.web.guard import Guard
from index.web.unpack import ENCODINGS, too_large, unpacked

Options: TypeAlias = Iterable[tuple[int, int, int] | tuple[int, int, bytes | bytearray] | tuple[int, int, None, int]]

TRY = 5.0
"""Seconds that one of several addresses of a host has to answer, before the next is tried."""


class Deadline:
    """When a piece of work has to be over. Waiting that we impose ourselves moves it."""

    def __init__(self, seconds: float) -> None:
        """Let it be over in so many seconds."""
        self.seconds = seconds
        self._end = time.monotonic() + seconds

    def left(self) -> float:
        """Return the seconds that are left, negative when it is past."""
        return self._end - time.monotonic()

    def move(self, seconds: float) -> None:
        """Let it be over so much later."""
        self._end += seconds


@dataclass(frozen=True, slots=True)
class Reply:
    """What a server answered; `content` is unpacked, and empty where it was not wanted."""

    url: httpx.URL
    status: int
    headers: httpx.Headers
    content: bytes = b""


class _Stream(httpcore.NetworkStream):
    """A connection on which each step ends at the deadline, however slowly the bytes drip."""

    def __init__(self, inner: httpcore.NetworkStream, deadline: Deadline) -> None:
        self._inner = inner
        self._deadline = deadline

    def _time(self, timeout: float | None, late: type[httpcore.TimeoutException]) -> float:
        left = self._deadline.left()
        if left <= 0:
            raise late
        return left if timeout is None else min(left, timeout)

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._inner.read(max_bytes, self._time(timeout, httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._inner.write(buffer, self._time(timeout, httpcore.WriteTimeout))

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        seconds = self._time(timeout, httpcore.ConnectTimeout)
        return _Stream(self._inner.start_tls(ssl_context, server_hostname, seconds), self._deadline)

    def get_extra_info(self, info: str) -> object:
        return self._inner.get_extra_info(info)


class _Dial(httpcore.NetworkBackend):
    """Connects, and only to what the guard has judged."""

    def __init__(self, guard: Guard, deadline: Deadline) -> None:
        self._guard = guard
        self._deadline = deadline
        self._sockets = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Options | None = None,
    ) -> httpcore.NetworkStream:
        failure: Exception = httpcore.ConnectTimeout()
        for address in self._guard.addresses(host, port, seconds=self._deadline.left()):
            seconds = min(TRY, self._deadline.left(), timeout or TRY)
            if seconds <= 0:
                raise httpcore.ConnectTimeout
            try:
                made = self._sockets.connect_tcp(address, port, seconds, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as exc:
                failure = exc
            else:
                return _Stream(made, self._deadline)
        raise failure

    def connect_unix_socket(
        self, path: str, timeout: float | None = None, socket_options: Options | None = None
    ) -> httpcore.NetworkStream:
        del timeout, socket_options
        raise httpcore.ConnectError(path)


class _Transport(httpx.BaseTransport):
    """httpx's way to httpcore, over our own connections: httpx has no argument for those."""

    def __init__(self, guard: Guard, deadline: Deadline, tls: ssl.SSLContext) -> None:
        self._pool = httpcore.ConnectionPool(ssl_context=tls, network_backend=_Dial(guard, deadline))

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        url = request.url
        target = httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path)
        answer = self._pool.handle_request(
            httpcore.Request(request.method, target, headers=request.headers.raw, extensions=request.extensions)
        )
        return httpx.Response(answer.status, headers=answer.headers, stream=_Body(answer), extensions=answer.extensions)

    def close(self) -> None:
        self._pool.close()


class _Body(httpx.SyncByteStream):
    def __init__(self, answer: httpcore.Response) -> None:
        self._answer = answer

    def __iter__(self) -> Iterator[bytes]:
        yield from self._answer.iter_stream()

    def close(self) -> None:
        self._answer.close()


class Line:
    """The way to one page, and wherever it leads. Closed by `with`; not for two threads at once."""

    def __init__(self, guard: Guard, *, seconds: float, agent: str, tls: ssl.SSLContext) -> None:
        """Have so many seconds for all requests together; `agent` is who we say we are."""
        self.deadline = Deadline(seconds)
        self._client = httpx.Client(
            transport=_Transport(guard, self.deadline, tls),
            headers={"User-Agent": agent, "Accept-Encoding": ENCODINGS},
            follow_redirects=False,
            trust_env=False,
            timeout=seconds,
        )

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close all connections."""
        self._client.close()

    def ask(
        self, url: httpx.URL, headers: dict[str, str], *, limit: int, wanted: Callable[[httpx.Response], bool]
    ) -> Reply:
        """Ask for a page. Its body is read where `wanted` says so of what comes before it, at most `limit` bytes.

        Raises:
            SourceError: there is no answer, or none that can be read; and as `wanted` does.
        """
        with self._in_words(url), self._client.stream("GET", url, headers=headers) as response:
            content = b""
            if wanted(response):
                if int(_digits(response.headers.get("content-length", ""))) > limit:
                    raise too_large(limit)
                content = unpacked(response.iter_raw(), response.headers.get("content-encoding", ""), limit=limit)
            return Reply(url, response.status_code, response.headers, content)

    @contextmanager
    def _in_words(self, url: httpx.URL) -> Iterator[None]:
        """Say what went wrong on the way in a sentence that names the host, and nothing else of the address."""
        try:
            yield
        except (httpx.HTTPError, httpx.InvalidURL, *_WAYS_TO_FAIL, ssl.SSLError) as exc:
            msg = f"cannot be fetched: {self._why(url.host, exc)}"
            raise SourceError(msg) from exc

    def _why(self, host: str, exc: Exception) -> str:
        if self.deadline.left() <= 0:
            return f"{host} has not sent it within {self.deadline.seconds:g} seconds"
        cause = exc
        while isinstance(cause.__context__, Exception):
            cause = cause.__context__
        match cause, exc:
            case ssl.SSLCertVerificationError(), _:
                what = f"the certificate of {host} is not valid ({cause.verify_message.rstrip('.')})"
            case ssl.SSLError(), _:
                what = f"{host} does not speak TLS as it should"
            case ConnectionRefusedError(), _:
                what = f"{host} refuses the connection"
            case _, httpcore.ConnectTimeout() | httpcore.ConnectError():
                what = f"{host} cannot be reached"
            case _, httpcore.TimeoutException():
                what = f"{host} does not answer"
            case _, httpcore.NetworkError():
                what = f"the connection to {host} broke"
            case _:
                what = f"{host} does not answer as a web server does"
        return what


_WAYS_TO_FAIL = (
    httpcore.NetworkError,
    httpcore.ProtocolError,
    httpcore.TimeoutException,
    httpcore.UnsupportedProtocol,
)


def _digits(text: str) -> str:
    return text if text.isascii() and text.isdigit() and len(text) < 20 else "0"
