"""The other direction: waiting updates are posted to the bot's own server until it takes them.

In order within a chat, several chats at once. Knows no method and no chat, only what waits in which lane.
"""

import asyncio
import re
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from typing import Final
from urllib.parse import urlsplit

import aiohttp

from tests.botapi.formatting import Json
from tests.botapi.records import Delivery, Hook, Waiting
from tests.botapi.refusal import refuse, unsupported
from tests.botapi.state import State

DEFAULT_CONNECTIONS: Final = 40
MAX_CONNECTIONS: Final = 100
MAX_SECRET_LENGTH: Final = 256
SECRET_HEADER: Final = "X-Telegram-Bot-Api-Secret-Token"
_LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})


def read_hook(url: str, secret: str, connections: int | None) -> Hook:
    """Check a webhook; beside what Telegram takes, plain HTTP on loopback is accepted, and nothing else."""
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or (parts.scheme == "http" and parts.hostname not in _LOOPBACK):
        raise refuse("bad webhook: An HTTPS URL must be provided for webhook")
    if parts.scheme == "https":
        raise unsupported("a webhook that is not plain HTTP on loopback")
    if len(secret) > MAX_SECRET_LENGTH:
        raise refuse("secret token is too long")
    if not re.fullmatch("[A-Za-z0-9_-]*", secret):
        raise refuse("secret token contains unallowed characters")
    wanted = DEFAULT_CONNECTIONS if connections is None else connections
    return Hook(url, secret, min(max(wanted, 1), MAX_CONNECTIONS))


@dataclass(frozen=True, slots=True)
class Patience:
    """How deliveries are tried: seconds between two tries, and seconds an answer may take."""

    pause: float = 0.05
    timeout: float = 10.0


USUAL: Final = Patience()


class Deliveries:
    """Posts what waits, forever; lives in the server's event loop."""

    def __init__(self, state: State, patience: Patience) -> None:
        """Prepare; nothing is posted before `wake`."""
        self._state = state
        self._patience = patience
        self._lanes: dict[int, asyncio.Task[None]] = {}
        self._session: aiohttp.ClientSession | None = None
        self._slots = asyncio.Semaphore(DEFAULT_CONNECTIONS)
        self._closed = False

    def wake(self) -> None:
        """Post in every lane in which something waits and nobody posts yet."""
        if self._closed:
            return
        with self._state.changed:
            lanes = self._state.updates.lanes() if self._state.hook else set()
        for lane in lanes - self._lanes.keys():
            self._lanes[lane] = task = asyncio.create_task(self._serve(lane))
            task.add_done_callback(partial(self._left, lane))

    def restart(self) -> None:
        """End what is under way, as the webhook is another one or none."""
        for task in self._lanes.values():
            task.cancel()
        if hook := self._state.hook:
            self._slots = asyncio.Semaphore(hook.connections)
        asyncio.get_running_loop().call_soon(self.wake)

    async def close(self) -> None:
        """End what is under way and close all connections."""
        self._closed = True
        tasks = list(self._lanes.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._session:
            await self._session.close()

    def _left(self, lane: int, _: asyncio.Task[None]) -> None:
        """Forget a lane that is done or was ended, and look whether something has come meanwhile."""
        self._lanes.pop(lane, None)
        self.wake()

    async def _serve(self, lane: int) -> None:
        while True:
            with self._state.changed:
                hook, first = self._state.hook, self._state.updates.first(lane)
            if hook is None or first is None:
                return
            async with self._slots:
                taken = await self._deliver(hook, first)
            if not taken:
                await asyncio.sleep(self._patience.pause)

    async def _deliver(self, hook: Hook, waiting: Waiting) -> bool:
        """Post one update and record what came of it; return whether it was taken."""
        at, status, error = self._state.clock(), None, ""
        try:
            status, error = await self._post(hook, waiting.update)
        except TimeoutError:
            error = "Read timeout expired"
        except aiohttp.ClientConnectorError:
            error = "Connection refused"
        except aiohttp.ClientError as exc:
            error = f"Connection lost: {type(exc).__name__}"
        with self._state.changed:
            if error and self._state.hook is hook:  # of an earlier one nobody asks any more
                self._state.failed(error)
            elif not error:
                self._state.updates.remove(waiting)
            delivery = Delivery(waiting.update.get("update_id"), waiting.update, at, status, error)
            self._state.note(self._state.deliveries, delivery)
        return not error

    async def _post(self, hook: Hook, update: Json) -> tuple[int, str]:
        if self._session is None:
            self._session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))
        headers = {SECRET_HEADER: hook.secret} if hook.secret else {}
        timeout = aiohttp.ClientTimeout(total=self._patience.timeout)
        async with self._session.post(
            hook.url, json=update, headers=headers, timeout=timeout, allow_redirects=False
        ) as response:
            await response.read()
        if 200 <= response.status < 300:
            return response.status, ""
        phrase = response.reason or HTTPStatus(response.status).phrase
        return response.status, f"Wrong response from the webhook: {response.status} {phrase}"
