"""Logging to standard error, with everything shaped like a bot token blotted out. Knows no other secret."""

import logging
import re

_TOKEN = re.compile(r"\d{3,20}:[A-Za-z0-9_-]{30,}")
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


def _without_traceback(record: logging.LogRecord) -> bool:
    """Make one line of what Telegram or the network refused: where in a library it surfaced helps nobody."""
    kind, error = (record.exc_info or (None, None))[:2]
    if kind is not None and kind.__module__ == "telegram.error":
        record.msg, record.args = f"{record.getMessage()} ({error})", None
        record.exc_info = record.exc_text = None
    return True


class _Redacted(logging.Formatter):
    """Formats as usual, traceback included, then removes tokens: nothing a record carries can slip by."""

    def format(self, record: logging.LogRecord) -> str:
        return redact(super().format(record))


def redact(text: str) -> str:
    """Return `text` with everything shaped like a bot token replaced by «token»."""
    return _TOKEN.sub("«token»", text)


def start(level: str) -> None:
    """Send log records of `level` and above to standard error."""
    handler = logging.StreamHandler()
    handler.addFilter(_without_traceback)
    handler.setFormatter(_Redacted("%(asctime)s %(levelname)-7s %(name)s: %(message)s"))
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    for name in _NOISY:
        logging.getLogger(name).setLevel(max(logging.WARNING, logging.getLevelName(level.upper())))
