"""Logging to standard error, for people or for programs, with every secret blotted out.

Knows secrets by their shape, and those that it is told at the start.
"""

import contextlib
import datetime as dt
import json
import logging
import math
import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote

from config.settings import Log

LEAST = 6
"""Characters: a secret that is shorter is none, and blotting it out would make holes in ordinary words."""

DEEPEST = 4
"""Levels of what a record carries that are written as they are; below that as text."""

_SHAPES = (
    # a bot token, also in an address, where the colon may be percent-encoded, even twice
    (re.compile(r"\d{3,20}(?::|%(?:25)*3[Aa])[A-Za-z0-9_-]{30,}"), "«token»"),
    # scheme://user:password@host; the password reaches up to the last @ before the path
    (re.compile(r"(://[^\s/:@]{0,256}):[^\s/]+@"), r"\1:«secret»@"),
    (re.compile(r"(?i)\b(bearer\s+)[^\s\"',;)\]}»«]+"), r"\1«secret»"),
    (re.compile(r"(?i)(authorization\W{1,8}(?:b['\"])?basic\s+)[A-Za-z0-9+/=_-]+"), r"\1«secret»"),
    # what Telegram is given as the secret of a webhook, and sends back in a header
    (re.compile(r"(?i)(secret[-_]token\W{1,8}(?:b['\"])?)[A-Za-z0-9_-]+"), r"\1«secret»"),
)
_NOISY = (
    "httpx",
    "httpcore",
    "telegram.ext.ExtBot",
    "telegram.Bot",
    "sentence_transformers",
    "chromadb",
    "filelock",
    "apscheduler",
    "watchfiles",
)
"""Libraries that log a line a call, some with the token in it; they speak from WARNING up."""

_USUAL = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
"""What every record has; the rest was given to the logger as `extra`."""


def start(settings: Log, *, secrets: Iterable[str] = ()) -> None:
    """Send log records to standard error as the settings say, without `secrets` and all that looks like one."""
    level = settings.level.upper()
    logging.basicConfig(level=level, handlers=[handler(settings, secrets=secrets)], force=True)
    for name in _NOISY:
        logging.getLogger(name).setLevel(max(logging.WARNING, logging.getLevelName(level)))


def handler(settings: Log, *, secrets: Iterable[str] = ()) -> logging.Handler:
    """Return a handler that writes to standard error as `start` says."""
    made = _Handler()
    made.setLevel(settings.level.upper())  # a library may have made its own logger more talkative
    made.addFilter(_without_traceback)
    made.setFormatter(formatter(settings, secrets=secrets))
    return made


def formatter(settings: Log, *, secrets: Iterable[str] = ()) -> logging.Formatter:
    """Return what turns a record into a line, or a few, without secrets."""
    return (_Json if settings.form == "json" else _Text)(secrets)


def redact(text: str, secrets: Iterable[str] = ()) -> str:
    """Return `text` with all that is shaped like a secret, and each of `secrets`, blotted out."""
    for value in _forms(secrets):
        text = text.replace(value, "«secret»")
    for shape, instead in _SHAPES:
        text = shape.sub(instead, text)
    return text


def _forms(secrets: Iterable[str]) -> list[str]:
    """Return secrets as they are and as they stand in an address and in quotes, the longest first."""
    values = [value for value in secrets if len(value) >= LEAST]
    forms = {form for value in values for form in (value, quote(value), quote(value, safe=""), repr(value)[1:-1])}
    return sorted(forms, key=len, reverse=True)


def _without_traceback(record: logging.LogRecord) -> bool:
    """Make one line of what Telegram or the network refused: where in a library it surfaced helps nobody."""
    kind, error = (record.exc_info or (None, None))[:2]
    if kind is not None and kind.__module__ == "telegram.error":
        record.msg, record.args = f"{_message(record)} ({error})", None
        record.exc_info = record.exc_text = None
    return True


def _message(record: logging.LogRecord) -> str:
    """Return what a record says. Arguments that do not fit must not lose it, nor be printed by Python as they are."""
    try:
        return record.getMessage()
    except Exception:  # noqa: BLE001  whatever the __str__ of an argument does
        return f"{record.msg!s:.2000} (its arguments cannot be shown)"


class _Handler(logging.StreamHandler[Any]):
    """Writes what the stream cannot encode in escapes, and never the record itself."""

    def format(self, record: logging.LogRecord) -> str:
        encoding = getattr(self.stream, "encoding", None) or "utf-8"
        return super().format(record).encode(encoding, "backslashreplace").decode(encoding)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802  the name that logging gives it
        """Say only where a record came from that cannot be written: Python would print it as it is, secrets and all."""
        with contextlib.suppress(Exception):  # standard error is closed, or its disk is full
            self.stream.write(f"a record from {record.name}, line {record.lineno}, cannot be written{self.terminator}")


class _Redacted(logging.Formatter):
    """Formats the whole, traceback included, then blots out secrets: nothing a record carries can slip by."""

    def __init__(self, secrets: Iterable[str]) -> None:
        super().__init__("%(asctime)s %(levelname)-7s %(name)s: %(message)s")
        self._secrets = tuple(secrets)

    def _redact(self, text: str) -> str:
        return redact(text, self._secrets)


class _Text(_Redacted):
    """A line for people, with the traceback under it."""

    def format(self, record: logging.LogRecord) -> str:
        whole = logging.makeLogRecord({**vars(record), "msg": _message(record), "args": None})
        return self._redact(super().format(whole))


class _Json(_Redacted):
    """One object a line."""

    def format(self, record: logging.LogRecord) -> str:
        at = dt.datetime.fromtimestamp(record.created, dt.UTC).isoformat(timespec="milliseconds")
        content: dict[str, Any] = {
            **{key: value for key, value in vars(record).items() if key not in _USUAL},
            "time": at.replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": _message(record),
        }
        if record.exc_info and record.exc_info[0] is not None:
            content["error"] = record.exc_info[0].__name__
            content["traceback"] = self.formatException(record.exc_info)
        if record.stack_info:
            content["stack"] = record.stack_info
        return json.dumps(self._plain(content, 0))

    def _plain(self, value: object, depth: int) -> Any:  # noqa: ANN401  whatever JSON takes
        """Turn what a record carries into what JSON takes, without secrets."""
        if value is None or isinstance(value, bool) or (isinstance(value, int) and abs(value) < 2**63):
            return value
        if isinstance(value, float) and math.isfinite(value):
            return value
        if depth < DEEPEST:
            with contextlib.suppress(Exception):  # what changes while it is read, or does not want to be
                if isinstance(value, Mapping):
                    return {self._shown(key): self._plain(one, depth + 1) for key, one in value.items()}
                if isinstance(value, list | tuple | set | frozenset):
                    return [self._plain(one, depth + 1) for one in value]
        return self._shown(value)

    def _shown(self, value: object) -> str:
        try:
            text = str(value)
        except Exception:  # noqa: BLE001  whatever a __str__ does, the rest of the record is written
            text = f"a {type(value).__name__} that cannot be shown"
        # half a character, such as the name of a file may hold, is no text that other programs can read
        return self._redact(text.encode("utf-8", "backslashreplace").decode())
