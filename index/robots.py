"""What a site asks of programs in its robots.txt (RFC 9309): what they may fetch, and how often. Fetches nothing."""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus

import httpx

from index.errors import SourceError

TOKEN = "Footnote"  # noqa: S105  a name, which site owners write into robots.txt
"""What we are called there."""

LARGEST = 500 * 1024
"""Bytes that are read of one; RFC 9309 asks for as many."""

_DAY = 24 * 3600.0
_SOON = 300.0  # a server that had a fault is asked again after five minutes, not for each of its pages
_MOST = 1_000  # sites remembered


@dataclass(frozen=True, slots=True)
class Answer:
    """What came for a robots.txt: its status, and its content where there is one. `why`: nothing came, in words."""

    status: int
    content: bytes = b""
    why: str = ""


class Rules:
    """What one site asks of us."""

    def __init__(self, text: str = "") -> None:
        """Read a robots.txt; no text asks for nothing. No text makes it fail."""
        from protego import Protego  # noqa: PLC0415

        self._rules = Protego.parse(text)

    def allow(self, url: httpx.URL) -> bool:
        """Whether we may fetch a page of the site."""
        return self._rules.can_fetch(str(url), TOKEN)

    @property
    def delay(self) -> float:
        """Seconds it wants between two requests; 0 where it says nothing."""
        return self._rules.crawl_delay(TOKEN) or 0.0


class _Site:
    """What is known of one site, and who is just finding out."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.known: Rules | SourceError | None = None
        self.until = 0.0


class Robots:
    """Remembers each site's rules for a day. For any number of threads; one of them asks."""

    def __init__(self, fetch: Callable[[httpx.URL], Answer], *, now: Callable[[], float] = time.monotonic) -> None:
        """Fetch by `fetch`, which raises nothing."""
        self._fetch = fetch
        self._now = now
        self._lock = threading.Lock()
        self._sites: OrderedDict[str, _Site] = OrderedDict()

    def rules(self, url: httpx.URL) -> Rules:
        """Return the rules of the site that a page is on.

        Raises:
            SourceError: it has some, perhaps, and cannot say now.
        """
        place = url.copy_with(raw_path=b"/robots.txt", fragment=None)
        with self._lock:
            site = self._sites.setdefault(str(place), _Site())
            self._sites.move_to_end(str(place))
            if len(self._sites) > _MOST:
                self._sites.popitem(last=False)
        with site.lock:
            if site.known is None or self._now() >= site.until:
                site.known = _read(url.host, self._fetch(place))
                site.until = self._now() + (_DAY if isinstance(site.known, Rules) else _SOON)
            if isinstance(site.known, SourceError):
                raise SourceError(str(site.known))
            return site.known


def _read(host: str, answer: Answer) -> Rules | SourceError:
    """Return what an answer means: a site without rules allows everything, one that has a fault nothing for now."""
    if answer.status == HTTPStatus.OK:
        return Rules(answer.content[:LARGEST].decode("utf-8", "replace").removeprefix("\ufeff"))
    if 400 <= answer.status < 500 and answer.status != HTTPStatus.TOO_MANY_REQUESTS:
        return Rules()
    if answer.why:
        return SourceError(answer.why)
    return SourceError(
        f"cannot be fetched: {host} does not say now what programs may fetch (its robots.txt answers {answer.status})"
    )
