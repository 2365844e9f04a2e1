"""Watches what the program would write to its log at DEBUG, through its own formatter, for the secrets of the tests."""

import contextlib
import logging
from collections.abc import Iterable, Iterator, Sequence

from config import Log, log

TOKEN = "123456789:AAabcdefghijklmnopqrstuvwxyz0123456"
WEBHOOK_SECRET = "Webhook-Secret_Of-The-Tests-4711"
PASSWORD = "pass-w0rd-of-the-tests"
SECRETS = (TOKEN, TOKEN.partition(":")[2], WEBHOOK_SECRET, PASSWORD)


class Scan(logging.Handler):
    """Notes each record whose formatted text holds a secret.

    The formatters are those of the program, without the list of secrets that the program is started with: what was
    logged must have been blotted out by its shape, or never been there.
    """

    def __init__(self, *formatters: logging.Formatter, secrets: Sequence[str] = SECRETS) -> None:
        super().__init__(logging.DEBUG)
        self._formatters = formatters or (log.formatter(Log()), log.formatter(Log(form="json")))
        self._secrets = secrets
        self.found: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if not self._carries(record):
            return
        for formatter in self._formatters:
            text = formatter.format(record)
            if any(secret in text for secret in self._secrets):
                self.found.append(f"{record.name} wrote a secret at {record.pathname}:{record.lineno}")

    def _carries(self, record: logging.LogRecord) -> bool:
        """Whether a secret may stand in what is written: blotting out takes away from the plain text, and adds none.

        Nearly all records end here, at a thirtieth of what the formatters cost: 8 instead of 260 microseconds.
        What somebody gave a record as `extra` is written in ways of its own, and left to the formatters.
        """
        if not vars(record).keys() <= log._USUAL:
            return True
        text = _PLAIN.format(logging.makeLogRecord({**vars(record), "msg": log._message(record), "args": None}))
        return any(secret in text for secret in self._secrets)


_PLAIN = logging.Formatter("%(levelname)s %(name)s: %(message)s")
"""All that the program's formatters write of a record without `extra`, but for the time."""

SCAN = Scan()


@contextlib.contextmanager
def watched(scan: Scan = SCAN) -> Iterator[None]:
    """Have everything logged at DEBUG meanwhile, by every library, and fail where a secret was written."""
    root, start = logging.getLogger(), log.start
    levels = {name: logging.getLogger(name).level for name in ("", *log._NOISY)}

    def watched_start(settings: Log, *, secrets: Iterable[str] = ()) -> None:
        start(settings, secrets=secrets)  # which takes all handlers away
        root.addHandler(scan)
        root.setLevel(logging.DEBUG)  # its own handler keeps to the level of the settings

    for name in levels:
        logging.getLogger(name).setLevel(logging.NOTSET if name else logging.DEBUG)
    root.addHandler(scan)
    log.start = watched_start
    try:
        yield
    finally:
        log.start = start
        root.removeHandler(scan)
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)
    found, scan.found = scan.found, []
    assert not found, found
