"""Fetch a page, a feed or a file of the public web, politely: asked for, as robots.txt allows, and no more than needed.

What is read of it is settled here (redirects, statuses, kinds); how it is reached in `request` and `guard`.
"""

import datetime as dt
import re
import ssl
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from importlib.metadata import PackageNotFoundError, version

import httpx

from config.settings import Fetch
from index.errors import Gone, SourceError
from index.web import mime, robots
from index.web.courtesy import Courtesy, in_words
from index.web.guard import Guard, shown
from index.web.request import Deadline, Line, Reply

HOPS = 5
"""Redirects that are followed. RFC 9309 asks for five, too; pages in good order need one or two."""

WHOLE = 3
"""Times the seconds of the settings that one page may take in all, with each robots.txt and redirect on its way."""

_LARGEST_ROBOTS = 5_000_000  # fetched; of which robots.LARGEST are read

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_GIVEN = frozenset({200, 203})
_KEPT_BACK = frozenset({401, 402, 403, 407, 451})
_LATER = frozenset({429, 503})


@dataclass(frozen=True, slots=True)
class Fetched:
    """What was found at an address.

    `url` is where the redirects ended. `content` is unpacked, and empty where `status` is 304: nothing changed. `kind`
    is its MIME type, `charset` the encoding its server declares, which may be wrong. `etag` and `modified` are to be
    sent with the next request.
    """

    url: str
    status: int
    content: bytes
    kind: str = ""
    charset: str = ""
    etag: str = ""
    modified: str = ""

    @property
    def unchanged(self) -> bool:
        """Whether it is as it was when `etag` or `modified` were given out."""
        return self.status == HTTPStatus.NOT_MODIFIED


class Fetcher:
    """Fetches. One for a whole program, and for any number of threads: it remembers whom it asked when."""

    def __init__(
        self,
        settings: Fetch | None = None,
        *,
        guard: Guard | None = None,
        largest: int = 20_000_000,
        tls: ssl.SSLContext | None = None,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        """Fetch at most `largest` bytes a page. `sleep` waits between two requests, and may raise to stop it."""
        self._settings = settings or Fetch()
        self._guard = guard or Guard()
        self._largest = largest
        self._tls = tls or httpx.create_ssl_context(trust_env=False)
        self._courtesy = Courtesy(self._settings.pause, sleep=sleep)
        self._robots = robots.Robots(self._ask_robots)
        self._agent = agent(self._settings.contact)
        self._way = threading.local()  # .whole: the deadline of the page that this thread is fetching

    def get(self, url: str, *, etag: str = "", modified: str = "", limit: int | None = None) -> Fetched:
        """Fetch what an address holds, at most `limit` bytes, unless it is as it was when `etag` and `modified` came.

        Raises:
            Gone: there is nothing any more.
            SourceError: it may not be fetched, or cannot.
        """
        asked = {"Accept": mime.ACCEPT} | _conditions(etag, modified)
        place = self._guard.url(url)
        self._way.whole = Deadline(WHOLE * self._settings.seconds)
        with self._line() as line:
            reply = self._follow(
                line, place, lambda at: line.ask(at, asked, limit=limit or self._largest, wanted=_wanted), rules=True
            )
        return self._judged(reply, conditional=len(asked) > 1)

    def _line(self) -> Line:
        return Line(self._guard, seconds=self._settings.seconds, agent=self._agent, tls=self._tls)

    def _follow(self, line: Line, place: httpx.URL, ask: Callable[[httpx.URL], Reply], *, rules: bool) -> Reply:
        """Ask, and ask again where the answer is elsewhere. `rules`: as each site's robots.txt allows."""
        for _ in range(HOPS + 1):
            began = time.monotonic()
            self._await_turn(place, rules=rules)
            line.deadline.move(time.monotonic() - began)
            self._hurry(line, place)
            reply = ask(place)
            if reply.status not in _REDIRECTS:
                return reply
            place = self._onward(reply)
        msg = f"cannot be fetched: it leads from one address to the next, more than {HOPS} times"
        raise SourceError(msg)

    def _await_turn(self, place: httpx.URL, *, rules: bool) -> None:
        delay = 0.0
        if rules:
            asked = self._robots.rules(place)
            if not asked.allow(place):
                msg = f"cannot be fetched: {place.host} asks programs not to (robots.txt)"
                raise SourceError(msg)
            delay = asked.delay
        began = time.monotonic()
        self._courtesy.turn(place.host, delay=delay)
        self._way.whole.move(time.monotonic() - began)

    def _hurry(self, line: Line, place: httpx.URL) -> None:
        """Let a request end no later than the whole way of the page. Raises SourceError where that is over."""
        whole: Deadline = self._way.whole
        if whole.left() <= 0:
            msg = f"cannot be fetched: the way to it took more than {whole.seconds:g} seconds, up to {place.host}"
            raise SourceError(msg)
        line.deadline.move(min(0.0, whole.left() - line.deadline.left()))

    def _onward(self, reply: Reply) -> httpx.URL:
        """Return where a redirect leads, as far as that may be followed."""
        where = reply.headers.get("location", "")
        if not where:
            msg = f"cannot be fetched: {reply.url.host} says that it is elsewhere, and not where"
            raise SourceError(msg)
        try:
            place = self._guard.url(str(reply.url.join(where)))
        except (httpx.InvalidURL, ValueError, TypeError) as exc:
            msg = f"cannot be fetched: {reply.url.host} leads to an address that cannot be understood"
            raise SourceError(msg) from exc
        if reply.url.scheme == "https" and place.scheme == "http":
            msg = f"cannot be fetched: it leads from https to http, where anybody may change it ({shown(str(place))})"
            raise SourceError(msg)
        return place

    def _ask_robots(self, place: httpx.URL) -> robots.Answer:
        def wanted(response: httpx.Response) -> bool:
            return response.status_code == HTTPStatus.OK

        try:
            with self._line() as line:
                reply = self._follow(
                    line, place, lambda at: line.ask(at, {}, limit=_LARGEST_ROBOTS, wanted=wanted), rules=False
                )
        except SourceError as exc:
            return robots.Answer(0, why=str(exc))
        self._let_rest(reply)
        return robots.Answer(reply.status, reply.content)

    def _let_rest(self, reply: Reply) -> float:
        """Leave a host alone for as long as its answer asks; return for how many seconds, 0 where it does not ask."""
        if reply.status not in _LATER:
            return 0.0
        later = _seconds(reply.headers.get("retry-after", ""))
        if later > 0:
            self._courtesy.rest(reply.url.host, later)
        return later

    def _judged(self, reply: Reply, *, conditional: bool) -> Fetched:
        url, status, headers = str(reply.url), reply.status, reply.headers
        etag, modified = _field(headers.get("etag", "")), _field(headers.get("last-modified", ""))
        if status == HTTPStatus.NOT_MODIFIED and conditional:
            return Fetched(url, status, b"", etag=etag, modified=modified)
        if status not in _GIVEN:
            raise self._refused(reply)
        if not reply.content.strip():
            msg = "is empty"
            raise SourceError(msg)
        declared = mime.content_type(headers.get("content-type", ""))
        kind = mime.kind_of(declared.kind, reply.content, reply.url.path)
        return Fetched(url, status, reply.content, kind, declared.charset, etag, modified)

    def _refused(self, reply: Reply) -> SourceError:
        """Return the error for an answer that holds no page."""
        host, status = reply.url.host, reply.status
        if status in (HTTPStatus.NOT_FOUND, HTTPStatus.GONE):
            return Gone(f"cannot be fetched: {host} does not have it any more ({status})")
        if status in _KEPT_BACK:
            return SourceError(f"cannot be fetched: {host} does not give it to everybody ({status})")
        if status in _LATER:
            later = self._let_rest(reply)
            again = f"; it asks to come back in {in_words(later)}" if later > 0 else ""
            what = "was asked too often" if status == HTTPStatus.TOO_MANY_REQUESTS else "cannot serve it now"
            return SourceError(f"cannot be fetched: {host} {what} ({status}){again}")
        what = "has a fault of its own" if status >= 500 else "answers with no page"
        return SourceError(f"cannot be fetched: {host} {what} ({status})")


def agent(contact: str = "") -> str:
    """Return who we say we are; `contact` is where the person who runs this bot can be reached."""
    try:
        number = version("footnote-bot")
    except PackageNotFoundError:  # run from a folder that was never installed
        number = "0"
    return f"{robots.TOKEN}/{number} ({f'+{contact}' if contact else 'a self-hosted reader of articles'})"


def _wanted(response: httpx.Response) -> bool:
    """Whether the body is to be read; an error's is not."""
    if response.status_code not in _GIVEN:
        return False
    mime.check(mime.content_type(response.headers.get("content-type", "")).kind)
    return True


def _conditions(etag: str, modified: str) -> dict[str, str]:
    wanted = {"If-None-Match": _field(etag), "If-Modified-Since": _field(modified)}
    return {name: value for name, value in wanted.items() if value}


def _field(value: str) -> str:
    """Return what stood in a header if it can stand in one again; else nothing."""
    return value.strip() if re.fullmatch(r"[\x20-\x7e]{1,500}", value) else ""


def _seconds(retry_after: str) -> float:
    """Return for how long a server wants to be left alone; 0 where it does not say that so that it can be read."""
    text = retry_after.strip()
    if re.fullmatch(r"[0-9]{1,9}", text):
        return float(text)
    try:
        when = parsedate_to_datetime(text)
        return max(0.0, (when - dt.datetime.now(when.tzinfo or dt.UTC)).total_seconds())
    except (ValueError, TypeError, OverflowError):
        return 0.0
