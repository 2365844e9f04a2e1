"""Outgoing limits: how fast Telegram lets a bot write, over all and into each chat, and what happens when it says no.

Every call of the bot passes through here, on its way out of python-telegram-bot. Knows nothing of what is sent.
"""

import asyncio
import datetime as dt
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

from telegram.error import RetryAfter, TimedOut
from telegram.ext import BaseRateLimiter

WRITES = frozenset({"sendMessage", "sendPhoto", "sendDocument", "editMessageText", "editMessageReplyMarkup"})
"""What Telegram counts; typing, answers to buttons and all that only reads is free, and is dropped when it is busy."""

PATIENCE = 5.0
"""Seconds of a RetryAfter that are waited for here, with the chat in hand; after more the inbox brings it back."""

REMEMBERED = 10_000
"""Chats whose last message is remembered; those of more than a minute ago do not matter."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What Telegram allows: messages a second over all, seconds between two into a chat, messages a minute in a group.

    Source: https://core.telegram.org/bots/faq, "My bot is hitting limits". `call` is ours: the seconds that a whole
    call may take, since `wire` bounds only the wait for each piece of an answer, and one may drip for hours.
    """

    a_second: float = 30.0
    between: float = 1.0
    group_a_minute: int = 20
    call: float = 30.0


@dataclass(slots=True)
class _Chat:
    free_at: float = 0.0
    sent: deque[float] = field(default_factory=deque)


class Pace(BaseRateLimiter[dict[str, Any]]):
    """Lets final answers wait for their turn, in order, and drops what nobody would miss while others wait."""

    def __init__(self, limits: Limits | None = None, *, now: Callable[[], float] = time.monotonic) -> None:
        """Keep `limits`."""
        self._limits = limits or Limits()
        self._now = now
        self._free_at = 0.0
        self._chats: OrderedDict[int, _Chat] = OrderedDict()

    async def initialize(self) -> None:
        """Nothing to set up."""

    async def shutdown(self) -> None:
        """Nothing to let go of."""

    async def process_request(
        self,
        callback: Callable[..., Coroutine[Any, Any, Any]],
        args: Any,  # noqa: ANN401  as in the base class
        kwargs: dict[str, Any],
        endpoint: str,
        data: dict[str, Any],
        rate_limit_args: dict[str, Any] | None,  # noqa: ARG002  as in the base class
    ) -> Any:  # noqa: ANN401  as in the base class
        """Make a call when it is its turn; once more where Telegram says to wait for a little.

        Raises:
            RetryAfter: Telegram wants a longer rest than PATIENCE.
            TelegramError: as the call raises it; TimedOut also for an answer that takes longer than the limit.
        """
        chat = _chat_of(data) if endpoint in WRITES else None
        for last in (False, True):
            if chat is not None:
                await self._turn(chat)
            try:
                async with asyncio.timeout(self._limits.call):
                    return await callback(*args, **kwargs)
            except TimeoutError as error:
                raise TimedOut("The answer took too long.") from error  # noqa: EM101, TRY003  PTB's own words otherwise
            except RetryAfter as error:
                rest = seconds(error)
                if chat is not None:  # else only that call was refused: whoever may not fill the menu may write
                    self._rest(chat, rest)
                if last or rest > PATIENCE:
                    raise
                if chat is None:
                    await asyncio.sleep(rest)
            finally:
                if chat is not None:  # it counts when it arrives, and on a slow line that is not when it was sent
                    self._rest(chat, self._limits.between)
        raise AssertionError  # the last round returns or raises

    def room(self, chat: int) -> bool:
        """Whether a message into a chat would go out at once. What nobody would miss is left out otherwise."""
        now = self._now()
        return max(self._free_at, self._chat_free_at(chat, now)) <= now

    async def _turn(self, chat: int) -> None:
        """Wait for the turn of the chat first: who cannot write yet should not hold a place in the line of all.

        The chat's next turn counts from when this message leaves that line: where it is long, that is seconds later.
        """
        while self._chat_free_at(chat, self._now()) > self._now():
            await self._until(self._chat_free_at(chat, self._now()))
        at = max(self._now(), self._free_at)
        self._free_at = at + 1 / self._limits.a_second
        self._book(chat, at)
        await self._until(at)

    async def _until(self, at: float) -> None:
        wait = at - self._now()
        if wait > 0:
            await asyncio.sleep(wait)

    def _chat_free_at(self, chat: int, now: float) -> float:
        known = self._chats.get(chat)
        if known is None:
            return now
        if chat >= 0 or len(known.sent) < self._limits.group_a_minute:
            return known.free_at
        return max(known.free_at, known.sent[-self._limits.group_a_minute] + 60.0)

    def _book(self, chat: int, at: float) -> None:
        known = self._known(chat)
        known.free_at = at + self._limits.between
        if chat < 0:  # only groups are counted by the minute
            known.sent.append(at)
            while known.sent and known.sent[0] < at - 60.0:
                known.sent.popleft()

    def _rest(self, chat: int, rest: float) -> None:
        known = self._known(chat)
        known.free_at = max(known.free_at, self._now() + rest)

    def _known(self, chat: int) -> _Chat:
        """Return what is known of a chat, and forget the one of which nothing was heard for longest."""
        known = self._chats.setdefault(chat, _Chat())
        self._chats.move_to_end(chat)
        while len(self._chats) > REMEMBERED:
            self._chats.popitem(last=False)
        return known


def seconds(error: RetryAfter) -> float:
    """Return how long Telegram wants to be left alone; python-telegram-bot says so as a number or as a timedelta."""
    rest: int | float | dt.timedelta = error.retry_after
    return rest.total_seconds() if isinstance(rest, dt.timedelta) else float(rest)


def _chat_of(data: dict[str, Any]) -> int | None:
    chat = data.get("chat_id")
    return chat if isinstance(chat, int) else None
