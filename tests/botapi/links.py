"""Deep links: what follows `?start=` in a link to the bot. Knows no chats."""

import re
from typing import Final
from urllib.parse import parse_qs, urlsplit

PAYLOAD: Final = re.compile("[A-Za-z0-9_-]{1,64}")
_HOSTS: Final = frozenset({"t.me", "telegram.me", "telegram.dog"})


def payload_of(link: str, *, username: str) -> str | None:
    """Return the payload of a link that opens the private chat with a bot, "" where it has none, None for other links.

    Raises ValueError where the payload is not 1 to 64 of A-Z, a-z, 0-9, _ and -, which clients ignore.
    """
    parts = urlsplit(link)
    given = parse_qs(parts.query, keep_blank_values=True)
    if parts.scheme == "tg" and parts.netloc == "resolve":
        name = given.get("domain", [""])[0]
    elif parts.scheme in {"http", "https"} and parts.netloc.casefold() in _HOSTS:
        name = parts.path.strip("/")
    else:
        return None
    if name.casefold() != username.casefold() or given.keys() - {"domain", "start"}:
        return None
    return check_payload(given["start"][0]) if "start" in given else ""


def check_payload(payload: str) -> str:
    """Return a payload as it is; raise ValueError where a client would not send it."""
    if not PAYLOAD.fullmatch(payload):
        raise ValueError(f"not a payload of 1 to 64 of A-Z, a-z, 0-9, _ and -: {payload!r}")
    return payload
