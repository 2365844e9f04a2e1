"""The HTTP side: addresses, tokens, long polling, failures on demand and the record of every request.

Knows no method but getUpdates.
"""

import asyncio
import json
import re
import socket
import threading
import time
import traceback
from collections import defaultdict
from collections.abc import Callable, Coroutine, Iterator, Mapping
from concurrent.futures import Future
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Any, Final, Self, TypeVar, cast

from aiogram.methods import GetUpdates
from aiohttp import web

from tests.botapi.faults import Fault, Kind
from tests.botapi.formatting import Json
from tests.botapi.groups import Channel, Group
from tests.botapi.methods import METHODS, QUICK, known_kinds
from tests.botapi.parameters import quick_parameters, read_parameters
from tests.botapi.people import Person
from tests.botapi.rates import USUAL as USUAL_LIMITS
from tests.botapi.rates import Limits
from tests.botapi.records import Broken, Call, Delivery, Refused, Role, User
from tests.botapi.refusal import Refusal
from tests.botapi.request import MAX_BODY, read_request
from tests.botapi.state import State
from tests.botapi.webhook import USUAL, Deliveries, Patience

T = TypeVar("T")

MAX_POLL_SECONDS: Final = 50
MAX_UPDATES: Final = 100
SECONDS_BETWEEN_CONFLICTS: Final = 3.0
"""A second conflict within this time is answered that much later; the real server slows fighting bots down so."""

CONFLICT: Final = "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running"
WEBHOOK_SET: Final = "Conflict: terminated by setWebhook request"
WEBHOOK_ACTIVE: Final = (
    "Conflict: can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first"
)
_TOKEN: Final = "[0-9]+:[A-Za-z0-9_-]+"
_FILE: Final = re.compile(rf"/file/bot(?P<token>{_TOKEN})/documents/(?P<id>[^/]+)")
_ADDRESS: Final = re.compile(rf"/bot(?P<token>{_TOKEN})/(?P<method>[A-Za-z]+)")


@dataclass(frozen=True, slots=True)
class _Failure:
    """A refusal a test asked for; `body` replaces the JSON."""

    refusal: Refusal
    body: str | None = None


class _Terminated(Refusal):
    """A poll ended by a newer one, to be told so after `delay` seconds."""

    def __init__(self, delay: float = 0, *, why: str = CONFLICT) -> None:
        super().__init__(409, why)
        self.delay = delay


class BotApi:
    """A Bot API server on a free port of 127.0.0.1, alive inside a `with` block.

    Clients use `api.url + "/bot"` as their base URL. Runs in a thread and an event loop of its own.
    """

    def __init__(
        self,
        *,
        token: str = "123456:TEST-token_for-a-bot-that-does-not-exist",  # noqa: S107 - opens nothing
        first_name: str = "Footnote",
        username: str = "footnote_test_bot",
        clock: Callable[[], float] = time.monotonic,
        patience: Patience = USUAL,
        limits: Limits = USUAL_LIMITS,
        quick: bool = False,
        kept: int | None = None,
    ) -> None:
        """Prepare a server for one bot; `clock` is monotonic and judges the pace of edits.

        `patience` is for updates posted to a webhook, `limits` are what `pace` and `enforce_limits` go by.
        For load tests: a `quick` server takes what is sent for right and shows it without entities, and with `kept`
        only as many of the last calls, refusals and the like are remembered, and as many messages in each chat.
        """
        if not re.fullmatch(_TOKEN, token):
            raise ValueError(f"not a bot token: {token!r}")
        self.token = token
        self.url = ""
        bot = User(int(token.partition(":")[0]), first_name, is_bot=True, username=username)
        self._state = State(bot, clock=clock, limits=limits, quick=quick, kept=kept)
        self._patience = patience
        self._faults: defaultdict[str, list[_Failure | Fault]] = defaultdict(list)
        self._poll: asyncio.Future[None] | None = None
        self._site: web.TCPSite | None = None
        self._next_conflict_at = 0.0
        self._started: Future[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = Future()
        self._thread = threading.Thread(target=self._run, name="bot-api", daemon=True)

    def __enter__(self) -> Self:
        """Listen."""
        self._thread.start()
        self._started.result()
        return self

    def __exit__(self, *_: object) -> None:
        """Close all connections and the loop."""
        loop, stop = self._started.result()
        loop.call_soon_threadsafe(stop.set)
        self._thread.join()

    def person(
        self,
        id: int,  # noqa: A002 - the name Telegram gives it
        first_name: str,
        *,
        username: str | None = None,
        language_code: str | None = "en",
        is_bot: bool = False,
        opened: bool = True,
    ) -> Person:
        """Introduce somebody who has `opened` a private chat with the bot, or has not written there so far."""
        return Person(self._state, User(id, first_name, is_bot, username, language_code), opened=opened)

    def group(
        self,
        title: str,
        *members: Person,
        basic: bool = False,
        hears_all: bool = True,
        forum: bool = False,
        with_bot: bool = True,
    ) -> Group:
        """Introduce a supergroup, or a `basic` group, or a `forum` with topics; the first member has created it.

        The bot is an administrator of it and hears everything. Without `hears_all` it is an ordinary member in privacy
        mode, as bots are that somebody adds, and without `with_bot` it is not in the group and knows of none.
        """
        role = Role.ADMINISTRATOR if hears_all else Role.MEMBER
        kind = "group" if basic else "supergroup"
        bot = role if with_bot else None
        return Group(self._state, title, *members, kind=kind, hears_all=hears_all and with_bot, forum=forum, bot=bot)

    def channel(self, title: str) -> Channel:
        """Introduce a channel in which the bot is an administrator."""
        return Channel(self._state, title)

    def calls(self, method: str) -> list[Call]:
        """All accepted requests of that method, oldest first."""
        with self._state.changed:
            return [call for call in self._state.calls if call.method.lower() == method.lower()]

    def count(self, method: str) -> int:
        """How many requests of that method were accepted, be they remembered or not."""
        with self._state.changed:
            return self._state.counts[METHODS[method.lower()].model.__api_method__]

    @property
    def refusals(self) -> list[Refused]:
        """All requests answered with ok:false, oldest first."""
        with self._state.changed:
            return list(self._state.refusals)

    @property
    def faults(self) -> list[Broken]:
        """All requests whose answers were spoilt on the wire, oldest first."""
        with self._state.changed:
            return list(self._state.faults)

    @property
    def deliveries(self) -> list[Delivery]:
        """All tries to post an update to the webhook, oldest first."""
        with self._state.changed:
            return list(self._state.deliveries)

    @property
    def waiting(self) -> int:
        """How many updates the bot has not confirmed."""
        with self._state.changed:
            return len(self._state.updates)

    @property
    def findings(self) -> list[str]:
        """What the real server would pass over in silence and a person would not."""
        with self._state.changed:
            return list(self._state.findings)

    @property
    def pace(self) -> list[str]:
        """Each message that came sooner than Telegram's limits allow, in words: where, how many, within how long."""
        with self._state.changed:
            return list(self._state.pace)

    @property
    def polls(self) -> int:
        """How many getUpdates requests hang at this moment."""
        return int(self._poll is not None)

    def fail_next(
        self,
        method: str,
        *,
        status: int,
        description: str | None = None,
        body: str | None = None,
        times: int = 1,
        retry_after: int | None = None,
    ) -> None:
        """Answer the next `times` requests of a method with that error, or with `body` as it is instead of JSON.

        `retry_after`, in seconds, goes into the parameters of the answer and into its words.
        """
        default = (
            f"{HTTPStatus(status).phrase}: retry after {retry_after}" if retry_after else HTTPStatus(status).phrase
        )
        self._plan(method, _Failure(Refusal(status, description or default, retry_after=retry_after), body), times)

    def fault_next(
        self,
        method: str,
        kind: str,
        *,
        times: int = 1,
        effect: bool = False,
        status: int = 502,
        seconds: float = 1.0,
    ) -> None:
        """Spoil the answers to the next `times` requests of a method on the wire; the kinds are those of `Kind`.

        With `effect` the method does its work and is among the calls all the same; a drip always does. `status` is that
        of an HTML page, `seconds` the time a drip takes. `faults` tells when it happened. A poll that hangs already is
        not the next one.
        """
        chosen = Kind(kind)
        fault = Fault(chosen, effect=effect or chosen is Kind.DRIP, status=status, seconds=seconds)
        self._plan(method, fault, times)

    def heal(self) -> None:
        """Forget the failures and faults that are still to come."""
        with self._state.changed:
            self._faults.clear()

    def _plan(self, method: str, fault: _Failure | Fault, times: int) -> None:
        with self._state.changed:
            self._faults[method.lower()] += [fault] * times

    def enforce_limits(self) -> None:
        """Answer 429 from now on to each message that is too many, instead of only noting it."""
        with self._state.changed:
            self._state.enforcing = True

    def enable_inline(self) -> None:
        """Give the bot inline mode, as BotFather does."""
        with self._state.changed:
            self._state.inline.enabled = True

    def away(self) -> AbstractContextManager[None]:
        """Refuse connections and break those there are until `back`, or to the end of a `with` block."""
        self._in_loop(self._leave())
        return self._coming_back()

    def back(self) -> None:
        """Listen on the same port again."""
        self._in_loop(self._listen())

    @contextmanager
    def _coming_back(self) -> Iterator[None]:
        try:
            yield
        finally:
            self.back()

    def inject(self, update: Json, *, chat_id: int = 0) -> Json:
        """Queue a raw update as it is, whatever it is, and return it with the id it got unless it had one.

        `chat_id` is the chat among whose updates a webhook gets it in order.
        """
        update = json.loads(json.dumps(update))
        with self._state.changed:
            injected = self._state.updates.inject(update, lane=chat_id)
            self._state.on_update()
        return injected

    def waits(self, met: Callable[[], T], *, timeout: float = 60) -> T:
        """Wait until what `met` returns is true and return it; raise AssertionError after `timeout` seconds."""
        with self._state.changed:
            result = self._state.changed.wait_for(met, timeout)
            if not result:
                raise AssertionError(f"it did not happen within {timeout} s")
            return result

    def _in_loop(self, work: Coroutine[Any, Any, None]) -> None:
        loop, _ = self._started.result()
        asyncio.run_coroutine_threadsafe(work, loop).result()

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except Exception as exc:
            if self._started.done():
                raise
            self._started.set_exception(exc)

    async def _serve(self) -> None:
        loop = asyncio.get_running_loop()
        self._stopping = stop = asyncio.Event()
        deliveries = Deliveries(self._state, self._patience)
        self._state.on_update = lambda: loop.call_soon_threadsafe(self._updates_wait, deliveries)
        self._state.on_hook = lambda: loop.call_soon_threadsafe(self._hook_changed, deliveries)
        app = web.Application(client_max_size=MAX_BODY)
        app.router.add_route("*", "/{path:.*}", self._handle)
        # A poll whose client has gone must not count as the older of two.
        self._runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=0.5)
        await self._runner.setup()
        try:
            with _reserved_port() as self._port:
                await self._listen()
                self.url = f"http://127.0.0.1:{self._port}"
                self._started.set_result((loop, stop))
                await stop.wait()
                self._end_poll()
        finally:
            self._state.on_update = self._state.on_hook = lambda: None
            await deliveries.close()
            await self._runner.cleanup()

    async def _listen(self) -> None:
        if self._site is None:
            self._site = web.TCPSite(self._runner, "127.0.0.1", self._port)
            await self._site.start()

    async def _leave(self) -> None:
        if self._site is None:
            return
        await self._site.stop()
        self._site = None
        for connection in self._runner.server.connections if self._runner.server else ():
            if connection.transport:
                connection.transport.abort()

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        if request.method == "GET" and request.path.startswith("/file/"):
            return self._download(request.path)
        name, at = request.path.rpartition("/")[2], self._state.clock()
        fault: _Failure | Fault | None = None
        parameters: dict[str, object] = {}
        try:
            name = self._method_of(request.path)
            parameters |= await read_request(request)
            fault = self._next_fault(name)
            if isinstance(fault, _Failure):
                raise fault.refusal
            answer = await self._answer(name, parameters, at) if not fault or fault.effect else True
            response = web.json_response({"ok": True, "result": answer})
        except Refusal as exc:
            response = self._refuse(Refused(name, parameters, at, exc.status, exc.description), exc, fault)
        except Exception:  # noqa: BLE001 - the outer edge: a mistake in here must be seen in the test
            wrong = Refusal(500, f"Internal Server Error: {traceback.format_exc()}")
            response = self._refuse(Refused(name, parameters, at, wrong.status, wrong.description), wrong, fault)
        if not isinstance(fault, Fault):
            return response
        self._state.note(self._state.faults, Broken(name, parameters, at, fault.kind, fault.effect))
        return await fault.spoil(request, response, self._stopping)

    def _download(self, path: str) -> web.Response:
        """Serve a file that somebody sent, as the real server does beside the methods."""
        address = _FILE.fullmatch(path)
        with self._state.changed:
            document = self._state.files.get(address["id"]) if address else None
            fault = self._next_fault("download")
        if isinstance(fault, _Failure):
            return _refused(fault.refusal, fault.body)
        if address is None or document is None or address["token"] != self.token:
            return _refused(Refusal(404, "Not Found"), None)
        return web.Response(body=document.data, content_type="application/octet-stream")

    def _refuse(self, record: Refused, refusal: Refusal, fault: _Failure | Fault | None) -> web.Response:
        failure = fault if isinstance(fault, _Failure) else None
        self._state.note(self._state.refusals, replace(record, injected=failure is not None))
        return _refused(refusal, failure.body if failure else None)

    def _method_of(self, path: str) -> str:
        """Check an address in the order of the real server: its shape, the token, the method."""
        address = _ADDRESS.fullmatch(path)
        if address is None:
            raise Refusal(404, "Not Found")
        if address["token"] != self.token:
            raise Refusal(401, "Unauthorized")
        if address["method"].lower() not in METHODS:
            raise Refusal(404, "Not Found")
        return METHODS[address["method"].lower()].model.__api_method__

    def _next_fault(self, name: str) -> _Failure | Fault | None:
        with self._state.changed:
            faults = self._faults[name.lower()]
            return faults.pop(0) if faults else None

    async def _answer(self, name: str, given: Mapping[str, object], at: float) -> object:
        """Do what the method does and record the call, so that whoever sees the effect finds the call as well."""
        method = METHODS[name.lower()]
        if self._state.quick and name in QUICK:
            request = quick_parameters(method.model, given)
        else:
            request = read_parameters(method.model, given, supported=method.supported)
        updates = await self._get_updates(cast("GetUpdates", request)) if method.run is None else None
        with self._state.changed:
            answer = method.run(self._state, request) if method.run else updates
            self._state.counts[name] += 1
            self._state.note(self._state.calls, Call(name, given, at, answer))
        return answer

    async def _get_updates(self, request: GetUpdates) -> list[Json]:
        """Return what waits, or wait for it; the poll that waited before is told of the conflict."""
        timeout = min(max(request.timeout or 0, 0), MAX_POLL_SECONDS)
        with self._state.changed:
            if self._state.hook:
                raise Refusal(409, WEBHOOK_ACTIVE)
            if request.allowed_updates is not None:
                self._state.updates.allow(known_kinds(request.allowed_updates))
            updates = self._fetch(request)
        if updates or not timeout:
            return updates
        await self._wait_for_update(timeout)
        with self._state.changed:
            return self._fetch(request)

    def _fetch(self, request: GetUpdates) -> list[Json]:
        limit = MAX_UPDATES if request.limit is None else min(max(request.limit, 1), MAX_UPDATES)
        return self._state.updates.fetch(request.offset or 0, limit)

    async def _wait_for_update(self, timeout: int) -> None:  # noqa: ASYNC109 - a parameter of the method
        self._terminate_older_poll()
        self._poll = poll = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(timeout):
                await poll
        except TimeoutError:
            pass
        except _Terminated as conflict:
            await asyncio.sleep(conflict.delay)
            raise
        finally:
            if self._poll is poll:
                self._poll = None

    def _terminate_older_poll(self) -> None:
        if self._poll is None or self._poll.done():
            return
        now = time.monotonic()
        delay = SECONDS_BETWEEN_CONFLICTS if now < self._next_conflict_at else 0.0
        if not delay:
            self._next_conflict_at = now + SECONDS_BETWEEN_CONFLICTS
        self._poll.set_exception(_Terminated(delay))

    def _updates_wait(self, deliveries: Deliveries) -> None:
        self._end_poll()
        deliveries.wake()

    def _hook_changed(self, deliveries: Deliveries) -> None:
        if self._state.hook and self._poll and not self._poll.done():
            self._poll.set_exception(_Terminated(why=WEBHOOK_SET))
        deliveries.restart()

    def _end_poll(self) -> None:
        if self._poll and not self._poll.done():
            self._poll.set_result(None)


@contextmanager
def _reserved_port() -> Iterator[int]:
    """Keep a free port bound, without listening, so that nobody else gets it while the server is away."""
    with socket.socket() as holder:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        holder.bind(("127.0.0.1", 0))
        yield holder.getsockname()[1]


def _refused(refusal: Refusal, body: str | None) -> web.Response:
    if body is not None:
        return web.Response(status=refusal.status, text=body)
    answer: Json = {"ok": False, "error_code": refusal.status, "description": refusal.description}
    if refusal.parameters:
        answer["parameters"] = refusal.parameters
    return web.json_response(answer, status=refusal.status)
