"""Addresses of pages: one way to write each, which host it is on, and which of them a source wants. No I/O."""

import re
from collections.abc import Callable, Sequence
from fnmatch import translate
from urllib.parse import urlsplit

import httpx

from index.web import webpage


def same(address: str) -> str:
    """Return the one way to write an address: without its fragment and what only tracks readers.

    What is no address of the web stays as it is.
    """
    text = address.strip()
    if not re.match(r"(?i)https?://", text):
        return text
    try:
        plain = webpage.identity(text)
    except (httpx.InvalidURL, ValueError, TypeError):
        return text
    return plain if "/" in plain.partition("://")[2] else f"{plain}/"


def host(address: str) -> str:
    """Return the host of an address, without `www.`; nothing where there is none."""
    try:
        return (urlsplit(address).hostname or "").removeprefix("www.")
    except ValueError:
        return ""


def chooser(include: Sequence[str], exclude: Sequence[str]) -> Callable[[str], bool]:
    """Return what tells whether a path or an address is wanted. In patterns `*` stands for anything, slashes too."""
    wanted, unwanted = _any_of(include), _any_of(exclude)

    def chosen(name: str) -> bool:
        return (wanted is None or bool(wanted.match(name))) and not (unwanted and unwanted.match(name))

    return chosen


def _any_of(patterns: Sequence[str]) -> re.Pattern[str] | None:
    return re.compile("|".join(map(translate, patterns))) if patterns else None
