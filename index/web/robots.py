"""What a site asks of programs in its robots.txt (RFC 9309): what they may fetch, and how often. Fetches nothing."""

import re
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
_BYTES = 2_000_000  # of their rules for us; parsed they take some forty times as much memory

_AGENT = re.compile(r"(?i)(?:user-?agent|user\s+agent)(?:\s*:|\s+|$)\s*(.*)")
_OF_THE_SITE = re.compile(r"(?i)(?:sitemaps?|site-map|host)(?:\s*:|\s|$)")
_RULE = re.compile(r"(?i)(?:di[a-z]+|allow|(?:crawl|request|visit)[-\s][a-z]+)(?:\s|$)")  # written without a colon


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

        mine = ours(text)
        self.size = len(mine)
        self._rules = Protego.parse(mine)

    def allow(self, url: httpx.URL) -> bool:
        """Whether we may fetch a page of the site."""
        return self._rules.can_fetch(str(url), TOKEN)

    @property
    def delay(self) -> float:
        """Seconds it wants between two requests; 0 where it says nothing."""
        return self._rules.crawl_delay(TOKEN) or 0.0


def ours(text: str) -> str:
    """Return the lines of a robots.txt that can concern us: of groups for everybody, or for a name ours begins with.

    A group begins with one line or several that name programs; a rule ends them. Its other names are left out, too.
    """
    kept: list[str] = []
    mine = ruled = False
    for written in text.splitlines():
        line = written.partition("#")[0].strip()
        if named := _AGENT.match(line):
            mine, ruled = mine and not ruled, False
            name = named[1].strip().lower()
            if name and (name == "*" or TOKEN.lower().startswith(name.replace("*", ""))):
                mine = True
                kept.append(line)
        elif not _OF_THE_SITE.match(line) and (":" in line or _RULE.match(line)):
            ruled = True
            if mine:
                kept.append(line)
    return "\n".join(kept)


class _Site:
    """What is known of one site, and who is just finding out."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.known: Rules | SourceError | None = None
        self.until = 0.0

    @property
    def size(self) -> int:
        """Return the characters of its rules."""
        return self.known.size if isinstance(self.known, Rules) else 0


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
            self._forget(keep=str(place))
        with site.lock:
            if site.known is None or self._now() >= site.until:
                site.known = _read(url.host, self._fetch(place))
                site.until = self._now() + (_DAY if isinstance(site.known, Rules) else _SOON)
            if isinstance(site.known, SourceError):
                raise SourceError(str(site.known))
            return site.known

    def _forget(self, *, keep: str) -> None:
        """Forget sites whose day is over, and then those that were asked about longest ago, if there are too many."""
        now = self._now()
        for place in [place for place, one in self._sites.items() if one.known is not None and now >= one.until]:
            if place != keep:
                del self._sites[place]
        size = sum(one.size for one in self._sites.values())
        while len(self._sites) > 1 and (len(self._sites) > _MOST or size > _BYTES):
            size -= self._sites.popitem(last=False)[1].size


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
