"""What the program answers over HTTP: Telegram's webhook, the health of the process, and its metrics.

Knows nothing of sockets (see `listen`) and of what an update means: it stores each one with `take` before it says so.

Health and metrics stand beside the webhook on one port and are open to whoever reaches it. A proxy in front should
forward the path of the webhook, unchanged, and nothing else.

No request may end in a 500: what is wrong with a request is a 4xx, what is wrong with us is a 503, after which Telegram
sends the update again.
"""

import asyncio
import hmac
import json
import logging
import re
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any, NoReturn
from urllib.parse import unquote, urlsplit

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from bot.running.metrics import Metrics
from config.errors import FootnoteError, SettingsError
from config.settings import Telegram, Web

SECRET = b"x-telegram-bot-api-secret-token"
"""The header in which Telegram proves that it is Telegram, as ASGI spells names."""

HEALTH, READY, METRICS = "/healthz", "/readyz", "/metrics"

AGAIN = {"Retry-After": "5"}
"""Seconds; a database that restarts is back by then or soon after."""

LARGEST_ID = 2**63 - 1
"""What both databases keep in one column. Telegram's ids have 32 bits today."""

Take = Callable[[dict[str, Any]], Awaitable[None]]
"""Stores one raw update, durably, before it returns; raises FootnoteError when it cannot."""

Endpoint = Callable[[Request], Awaitable[Response]]

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Patience:
    """How long one request may take, in seconds: to bring its `body`, to be `stored`, to have its metrics `read`."""

    body: float = 15.0
    stored: float = 20.0
    read: float = 10.0


@dataclass(frozen=True, slots=True)
class Webhook:
    """Where Telegram brings updates, how it proves itself, how many bytes one may have, and who stores it."""

    path: str
    secret: str = field(repr=False)
    largest: int
    take: Take

    @classmethod
    def of(cls, telegram: Telegram, web: Web, take: Take) -> "Webhook":
        """Make one of the settings.

        Raises:
            SettingsError: the path of `telegram.webhook` is one of ours, or not a plain one; or there is no token.
        """
        return cls(webhook_path(telegram), webhook_secret(telegram), web.largest_body_kb * 1024, take)


def webhook_path(telegram: Telegram) -> str:
    """Return the path of `telegram.webhook` as it arrives here, percent-decoded."""
    path = unquote(urlsplit(telegram.webhook).path)
    if path in {HEALTH, READY, METRICS} or re.search(r"[{}\x00-\x1f]", path):
        message = f"telegram.webhook cannot have the path {path!r}: choose another, such as /telegram."
        raise SettingsError(message)
    return path


def webhook_secret(telegram: Telegram) -> str:
    """Return the secret of the settings, or else one that follows from the token, so that all replicas know it.

    Raises:
        SettingsError: there is neither.
    """
    secret = telegram.hook_secret()
    if not secret:
        message = "A webhook needs TELEGRAM_BOT_TOKEN, or FOOTNOTE_WEBHOOK_SECRET, in the environment or in .env."
        raise SettingsError(message)
    return secret


def app(
    metrics: Metrics,
    *,
    alive: Callable[[], bool],
    ready: Callable[[], str],
    webhook: Webhook | None = None,
    patience: Patience = Patience(),
) -> Starlette:
    """Compose the routes.

    `alive` says whether Telegram was heard of late; `ready` returns "" or a sentence, safe for anyone, on what is
    missing. Both are called on the event loop and must not block.
    """
    health = _Health(metrics, alive, ready, patience)
    routes = [
        Route(HEALTH, _never_500(health.healthz, metrics), methods=["GET"]),
        Route(READY, _never_500(health.readyz, metrics), methods=["GET"]),
        Route(METRICS, _never_500(health.metrics, metrics), methods=["GET"]),
    ]
    if webhook is not None:
        post = _never_500(_Post(webhook, metrics, patience).receive, metrics)
        routes.append(Route(webhook.path, post, methods=["POST"]))
    made = Starlette(debug=False, routes=routes)
    made.router.redirect_slashes = False  # a redirect would repeat whatever Host the request names
    return made


def _never_500(endpoint: Endpoint, metrics: Metrics) -> Endpoint:
    """Turn what nobody foresaw into a 503."""

    async def answer(request: Request) -> Response:
        try:
            return await endpoint(request)
        except asyncio.CancelledError:  # only the server cancels, when it stops; it would say 500 and log a traceback
            return Response(status_code=503, headers=AGAIN)
        except Exception as error:
            metrics.error(type(error).__name__)
            log.exception("a request was answered with 503")
            return Response(status_code=503, headers=AGAIN)

    return answer


class _Health:
    """Says how the process is."""

    def __init__(
        self, metrics: Metrics, alive: Callable[[], bool], ready: Callable[[], str], patience: Patience
    ) -> None:
        self._metrics, self._alive, self._ready, self._patience = metrics, alive, ready, patience
        self._one = asyncio.Lock()

    async def healthz(self, _: Request) -> Response:
        """Answer at all, which proves that the loop runs; and say whether Telegram was heard of late."""
        if self._alive():
            return PlainTextResponse("ok\n")
        return PlainTextResponse("Telegram was not heard for too long.\n", 503)

    async def readyz(self, _: Request) -> Response:
        """Say whether questions are answered, or why not."""
        missing = self._ready()
        return PlainTextResponse(f"{missing}\n", 503) if missing else PlainTextResponse("ready\n")

    async def metrics(self, _: Request) -> Response:
        """Show all metrics. They are read in a thread, one request after the other: some may ask a database."""
        try:
            async with asyncio.timeout(self._patience.read), self._one:
                shown, kind = await asyncio.to_thread(self._metrics.render)
        except TimeoutError:
            return Response(status_code=503, headers=AGAIN)
        return Response(shown, headers={"Content-Type": kind})


class _Refused(Exception):
    """A request that is answered with this status, and no word why."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class _Post:
    """Receives updates."""

    def __init__(self, webhook: Webhook, metrics: Metrics, patience: Patience) -> None:
        self._webhook, self._metrics, self._patience = webhook, metrics, patience
        self._secret = webhook.secret.encode()

    async def receive(self, request: Request) -> Response:
        """Store one update and then say so."""
        status = await self._status(request)
        self._metrics.webhook(status)
        return Response(status_code=status, headers=AGAIN if status == 503 else None)

    async def _status(self, request: Request) -> int:
        try:
            self._check(request)
            update = parse(await self._body(request))
        except _Refused as refused:
            return refused.status
        except (ValueError, RecursionError, ClientDisconnect):
            return 400
        return await self._store(update)

    def _check(self, request: Request) -> None:
        """Look at the headers, the secret first: who has none learns nothing else."""
        given = [value for name, value in request.scope["headers"] if name.lower() == SECRET]
        if len(given) != 1 or not hmac.compare_digest(given[0], self._secret):
            raise _Refused(401)
        kind = request.headers.get("content-type", "").partition(";")[0]
        if kind.strip().lower() != "application/json":
            raise _Refused(415)
        if int(request.headers.get("content-length", "0")) > self._webhook.largest:
            raise _Refused(413)

    async def _body(self, request: Request) -> bytes:
        """Read the body; what is announced about its length is not believed."""
        body = bytearray()
        try:
            async with asyncio.timeout(self._patience.body), aclosing(request.stream()) as pieces:
                async for piece in pieces:
                    body += piece
                    if len(body) > self._webhook.largest:
                        raise _Refused(413)
        except TimeoutError:
            raise _Refused(408) from None
        return bytes(body)

    async def _store(self, update: dict[str, Any]) -> int:
        try:
            async with asyncio.timeout(self._patience.stored):
                await self._webhook.take(update)
        except (FootnoteError, TimeoutError) as error:
            self._metrics.error(type(error).__name__)
            log.warning("an update could not be stored; Telegram will send it again: %s", error or "it took too long")
            return 503
        return 200


def parse(body: bytes) -> dict[str, Any]:
    """Read an update as Telegram sends it: a JSON object in UTF-8 with an `update_id`.

    Raises:
        ValueError: it is something else.
        RecursionError: it is nested deeper than Python reads.
    """
    update = json.loads(body.decode(), parse_constant=_no_number)
    number = update.get("update_id") if isinstance(update, dict) else None
    if type(number) is not int or not 0 <= number <= LARGEST_ID:  # True is an int, too
        message = "not an update"
        raise ValueError(message)
    return dict(update)


def _no_number(name: str) -> NoReturn:
    """Refuse NaN and Infinity, which Python reads and JSON does not have."""
    raise ValueError(name)
