"""How an answer goes wrong between a server and its client: real sockets that hang, reset, end early or drip.

Knows no method; what the answer would have been is given.
"""

import asyncio
import socket
import struct
from dataclasses import dataclass
from enum import StrEnum
from http import HTTPStatus
from typing import Final

from aiohttp import web

GARBAGE: Final = "\x00\x01 this is no JSON \ufffd {"
_PAGE: Final = "<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n<h1>{title}</h1>\r\n</body>\r\n</html>\r\n"
_RESET: Final = struct.pack("ii", 1, 0)
"""SO_LINGER of no seconds: closing sends RST instead of FIN."""


class Kind(StrEnum):
    """What a fault does to an answer."""

    HANG = "hang"
    """No answer until the client leaves or the server stops."""

    RESET = "reset"
    """TCP RST instead of an answer."""

    TRUNCATED = "truncated"
    """The whole Content-Length, half of the JSON, and the end of the connection."""

    DRIP = "drip"
    """The answer byte by byte."""

    HTML = "html"
    """The page of a proxy."""

    GARBAGE = "garbage"
    """200 and something that is no JSON."""

    EMPTY = "empty"
    """200 and nothing."""


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault a test asked for.

    With `effect` the method does its work all the same. `status` is that of a page, `seconds` the time a drip takes.
    """

    kind: Kind
    effect: bool = False
    status: int = 502
    seconds: float = 1.0

    async def spoil(self, request: web.Request, answer: web.Response, stopping: asyncio.Event) -> web.StreamResponse:
        """Deliver what is left of the answer."""
        match self.kind:
            case Kind.HANG:
                await stopping.wait()
                await _cut(request)
            case Kind.RESET:
                await _cut(request)
            case Kind.TRUNCATED:
                await _truncate(request, answer)
            case Kind.DRIP:
                return await _drip(request, answer, self.seconds)
            case Kind.HTML:
                page = _PAGE.format(title=f"{self.status} {HTTPStatus(self.status).phrase}")
                return web.Response(status=self.status, text=page, content_type="text/html")
            case Kind.GARBAGE:
                return web.Response(text=GARBAGE, content_type="application/json")
            case Kind.EMPTY:
                return web.Response()
        return answer


async def _cut(request: web.Request) -> None:
    """End the connection with RST; what handles the request is cancelled by that."""
    if transport := request.transport:
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        transport.abort()
    await asyncio.sleep(1)


async def _begin(request: web.Request, answer: web.Response) -> tuple[web.StreamResponse, bytes]:
    body = answer.body if isinstance(answer.body, bytes) else b""
    begun = web.StreamResponse(status=answer.status, headers={"Content-Type": "application/json"})
    begun.content_length = len(body)
    await begun.prepare(request)
    return begun, body


async def _truncate(request: web.Request, answer: web.Response) -> None:
    begun, body = await _begin(request, answer)
    await begun.write(body[: len(body) // 2])
    if request.transport:
        request.transport.close()
    await asyncio.sleep(1)


async def _drip(request: web.Request, answer: web.Response, seconds: float) -> web.StreamResponse:
    begun, body = await _begin(request, answer)
    start = asyncio.get_running_loop().time()
    for number in range(len(body)):
        await begun.write(body[number : number + 1])
        due = start + seconds * (number + 1) / len(body)
        await asyncio.sleep(max(0.0, due - asyncio.get_running_loop().time()))
    await begun.write_eof()
    return begun
