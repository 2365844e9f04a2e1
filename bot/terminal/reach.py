"""Ask the Bot API how things are, for `doctor`: the token, the clock, the webhook, and who else fetches updates.

Changes nothing and confirms no update. Knows nothing of the library; plain HTTP, because it wants a header as well.
"""

import datetime as dt
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

import httpx

from bot.sending.wire import proxy_to
from config import Telegram
from config.errors import FootnoteError, SettingsError

PUBLIC = "https://api.telegram.org"

PATIENCE = 10
"""Seconds that one answer may take."""

LISTENING = 3
"""Seconds in which another program that fetches updates shows up: it is back a second or two after it was cut off."""

ASTRAY, FAR_ASTRAY = 30, 300
"""Seconds by which a clock may differ from Telegram's before it is mentioned, and before it is wrong."""

RECENT = 3_600
"""Seconds for which an error at the webhook counts as one that is still there."""

MANY = 100
"""Updates that wait before it is mentioned."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What the Bot API said. `apart` is how many seconds our clock is ahead of its; None where it did not say."""

    method: str
    status: int
    content: Any
    description: str
    apart: float | None

    def result(self) -> Any:  # noqa: ANN401  whatever the method gives
        """Return what was asked for.

        Raises:
            FootnoteError: it was refused.
        """
        if self.status != 200:
            said = f"{self.status} ({self.description})"
            message = f"Telegram answered {self.method} with {said}. Wait a minute, and try again."
            raise FootnoteError(message)
        return self.content


@dataclass(frozen=True, slots=True)
class Line:
    """The way to the Bot API. `now` gives seconds since 1970."""

    telegram: Telegram
    now: Callable[[], float] = field(default=time.time)

    def call(self, method: str, *, patience: float = PATIENCE, **parameters: int) -> Reply:
        """Ask for one thing.

        Raises:
            FootnoteError: there is no answer, or one that is not the Bot API's; names no token.
            SettingsError: the way there is by a proxy that cannot be used.
        """
        assert self.telegram.token is not None  # noqa: S101  whoever has no token does not ask
        url = f"{self.telegram.api_url}/bot{self.telegram.token.get_secret_value()}/{method}"
        before = self.now()
        try:
            answer = httpx.post(url, json=parameters, timeout=patience, proxy=proxy_to(url))
            body = answer.json()
            status = 200 if body["ok"] else int(body["error_code"])
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise self._unreachable(type(error).__name__) from None  # its words may hold the address, and so the token
        except (ValueError, KeyError, TypeError):
            what = f"HTTP {answer.status_code}, and not in the words of a Bot API"
            raise self._unreachable(what) from None
        told = _told(answer.headers.get("date", ""))
        apart = None if told is None else (before + self.now()) / 2 - told
        return Reply(method, status, body.get("result"), str(body.get("description", "")), apart)

    def _unreachable(self, what: str) -> FootnoteError:
        return FootnoteError(
            f"{_host(self.telegram.api_url)} cannot be reached ({what}). Check the network and telegram.api_url."
        )


def token(reply: Reply) -> str:
    """Say whether Telegram knows the token, by its answer to getMe.

    Raises:
        SettingsError: it does not.
        FootnoteError: it did not say.
    """
    if reply.status in (401, 404):
        message = "Telegram does not know this token. Copy it again from @BotFather into TELEGRAM_BOT_TOKEN."
        raise SettingsError(message)
    return f"the token is good, the bot is @{reply.result().get('username')}"


def inline(reply: Reply) -> str:
    """Say whether people can ask in any chat, by the answer to getMe. Only BotFather can change that.

    Raises:
        FootnoteError: it did not say.
    """
    me = reply.result()
    if me.get("supports_inline_queries"):
        return f"on: @{me.get('username')} and a question offers the answer in any chat"
    return "off: to ask in any chat by the bot's name, send /setinline to @BotFather; nothing else needs it"


def clock(reply: Reply) -> str:
    """Say how far our clock is from Telegram's.

    Raises:
        FootnoteError: so far that certificates are refused, and questions seem hours old.
    """
    if reply.apart is None:
        return "not compared: the Bot API did not say what time it is"
    apart = abs(reply.apart)
    if apart <= ASTRAY:
        return "agrees with Telegram's"
    side = "ahead of" if reply.apart > 0 else "behind"
    message = (
        f"{apart:.0f} seconds {side} Telegram's, so that the age of questions is counted wrong. "
        "Turn on time synchronisation: timedatectl set-ntp true"
    )
    if apart > FAR_ASTRAY:
        raise FootnoteError(message)
    return message


def webhook(line: Line, *, running: bool) -> str:
    """Say where Telegram brings updates, and whether they arrive. `running`: our own bot runs.

    Raises:
        FootnoteError: not where the settings say, or they do not arrive.
    """
    wanted, info = line.telegram.webhook, line.call("getWebhookInfo").result()
    if not wanted:
        return _unwanted(str(info.get("url") or ""))
    if urlsplit(wanted).scheme != "https" and line.telegram.api_url == PUBLIC:
        message = "telegram.webhook must begin with https://. Telegram brings updates to nothing else."
        raise SettingsError(message)
    return _wanted(wanted, info, now=line.now(), running=running)


def _unwanted(there: str) -> str:
    if there:
        message = (
            f"Telegram brings this bot's updates to {_host(there)}, so they cannot be fetched. If no other program of "
            "yours uses this token, `footnote serve` takes that webhook away when it starts; else get a token of its "
            "own from @BotFather."
        )
        raise FootnoteError(message)
    return "none is set; the bot fetches its updates"


def _wanted(wanted: str, info: Mapping[str, Any], *, now: float, running: bool) -> str:
    there = str(info.get("url") or "")
    if not there and not running:
        return "none is set yet; the bot sets it when it starts"
    if there != wanted:
        message = (
            f"Telegram brings updates to {_host(there) if there else 'no address'}, and not to the one of "
            "telegram.webhook. Start the bot again; if it happens again, another program uses this token: get one of "
            "its own from @BotFather."
        )
        raise FootnoteError(message)
    waiting, age = int(info.get("pending_update_count") or 0), now - float(info.get("last_error_date") or 0)
    error = str(info.get("last_error_message") or "").rstrip(".")
    if error and age < RECENT:
        message = (
            f"Telegram could not bring updates to {_host(there)} {dt.timedelta(seconds=round(max(age, 0)))} h ago "
            f"({error}); {waiting} wait there. Check the proxy, its certificate, and that it passes this path on to "
            "[web] host and port."
        )
        raise FootnoteError(message)
    many = f"; {waiting} wait at Telegram, so the bot does not keep up or is not reached" if waiting > MANY else ""
    return f"Telegram brings updates to {_host(there)}{many}"


def pollers(line: Line) -> str:
    """Say whether another program fetches this bot's updates. To be asked only while our own does not.

    Without an offset nothing is confirmed: what waits at Telegram goes on waiting.

    Raises:
        FootnoteError: one does, so that each gets some of the updates.
    """
    for listening in (0, LISTENING):  # whoever polls is cut off by ours, and cuts ours off when it comes back
        reply = line.call("getUpdates", patience=PATIENCE + listening, limit=1, timeout=listening)
        if reply.status == 409 and "webhook" not in reply.description:
            message = (
                "Another program fetches the updates of this bot with the same token, so each gets some of them. Find "
                "and stop it; if you do not know it, somebody has your token: revoke it with /revoke at @BotFather."
            )
            raise FootnoteError(message)
        if reply.result():
            return "updates wait at Telegram for the bot to start; nobody was seen fetching them"
    return f"nobody else fetched updates for {LISTENING} seconds"


def _told(date: str) -> float | None:
    try:
        return parsedate_to_datetime(date).timestamp()
    except ValueError:
        return None


def _host(url: str) -> str:
    """Return an address without its path, which may hold a secret."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.hostname or ''}{f':{parts.port}' if parts.port else ''}"
