"""Fetches updates from the Bot API, and confirms them only when they are stored. Knows nothing of what they say.

python-telegram-bot's own updater confirms what is in memory, blocks on an update that it cannot read, and gives up for
good at the first 401 or 404.
"""

import asyncio
import json
import logging
import random
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

import aiohttp

from bot.running.metrics import Metrics
from bot.sending.wire import connected, proxy_to
from bot.store.inbox import Raw, is_update
from index.errors import FootnoteError

LONGEST_REST = 30.0
"""Seconds between two tries, at most."""

LARGEST = 100
"""Updates that one request brings at most."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds that Telegram may `hold` a request while there is nothing to fetch, and what it may take beyond that."""

    hold: int = 25
    beyond: float = 15.0

    @classmethod
    def within(cls, silence: float) -> "Patience":
        """Return one under which Telegram is heard of several times in `silence` seconds (0: whenever)."""
        return cls(hold=max(1, min(25, int(silence / 4)))) if silence else cls()


GATHER, GATHER_BUSY = 0.05, 0.25
"""Seconds to the next request after one that brought something: what people write meanwhile comes in one.

The second is for while so much waits that what comes would only wait here.
"""

MANY = 4
"""Times as many as are worked on at once: they keep a fast machine busy for longer than that."""

Store = Callable[[Sequence[Raw]], Awaitable[None]]


class Poller:
    """Polls for one bot until it is cancelled."""

    def __init__(
        self,
        address: str,
        *,
        kinds: Sequence[str],
        store: Store,
        metrics: Metrics,
        patience: Patience | None = None,
        busy: Callable[[], bool] = lambda: False,
    ) -> None:
        """Fetch updates of `kinds` from `address` (…/bot<token>) and hand them to `store`, less often when `busy`.

        Raises:
            SettingsError: the way there is by a proxy that cannot be used.
        """
        self._address = address
        self._proxy = proxy_to(address)
        self._kinds = list(kinds)
        self._store = store
        self._metrics = metrics
        self._patience = patience or Patience()
        self._busy = busy
        self._offset = 0
        self._failures = 0
        self.heard = time.monotonic()

    async def run(self) -> None:
        """Poll for ever; whatever happens, try again."""
        async with connected(1, proxy=self._proxy) as client:  # `_fetched` bounds the whole of a request
            while True:
                try:
                    await self._round(client)
                except (_Refused, aiohttp.ClientError, OSError, FootnoteError) as error:
                    await self._rest(error)
                else:
                    self._failures = 0

    async def _round(self, client: aiohttp.ClientSession) -> None:
        updates = await self._fetched(client)
        self.heard = time.monotonic()
        if updates:
            await self._store(updates)
            self._offset = max((one["update_id"] + 1 for one in updates if is_update(one)), default=self._offset)
            if len(updates) < LARGEST:
                await asyncio.sleep(GATHER_BUSY if self._busy() else GATHER)

    async def _fetched(self, client: aiohttp.ClientSession) -> list[Any]:
        query = {
            "offset": self._offset,
            "limit": LARGEST,
            "timeout": self._patience.hold,
            "allowed_updates": self._kinds,
        }
        async with (
            asyncio.timeout(self._patience.hold + self._patience.beyond),
            client.post(f"{self._address}/getUpdates", json=query, allow_redirects=False) as reply,
        ):
            status, content = reply.status, await reply.read()
        try:
            said = json.loads(content)
        except (ValueError, RecursionError):
            raise _Refused(status, "its answer is not JSON") from None
        if not isinstance(said, dict) or status != 200 or said.get("ok") is not True:
            raise _Refused(status, said)
        result = said.get("result")
        if not isinstance(result, list):
            raise _Refused(status, "its answer holds no list of updates")
        return result

    async def _rest(self, error: Exception) -> None:
        """Log what went wrong, once for as long as it goes on, and wait: longer each time, unless Telegram says how."""
        if self._failures == 0 or isinstance(error, _Refused):
            log.warning("updates cannot be fetched, which is tried again: %s", str(error) or type(error).__name__)
        self._metrics.error(f"poll_{type(error).__name__.strip('_').lower()}")
        rest = min(LONGEST_REST, 0.5 * 2 ** min(self._failures, 10))
        if isinstance(error, _Refused) and error.rest is not None:
            rest = min(error.rest, 300.0)
        self._failures += 1
        await asyncio.sleep(rest * random.uniform(0.8, 1.0))  # noqa: S311  so that two bots do not collide for ever


class _Refused(Exception):
    """Telegram, or whatever stands before it, did not give what was asked for."""

    def __init__(self, status: int, said: object) -> None:
        said = said if isinstance(said, dict) else {"description": said}
        parameters = said.get("parameters")
        after = parameters.get("retry_after") if isinstance(parameters, dict) else None
        self.rest = float(after) if isinstance(after, int) and after > 0 else None
        super().__init__(f"{status} {str(said.get('description'))[:200]}{_HINTS.get(status, '')}")


_HINTS = {
    401: ". Is TELEGRAM_BOT_TOKEN still the one that @BotFather gave?",
    404: ". Is TELEGRAM_BOT_TOKEN still the one that @BotFather gave, and telegram.api_url right?",
    409: ". Does another program run with this token? `footnote doctor` finds out.",
}
