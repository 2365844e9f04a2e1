"""Let one process at a time do a thing in a data directory, by a lock of the operating system.

The kernel frees it when its holder dies, however it dies. A note beside it says who holds it, for people only.
"""

import datetime as dt
import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from index.errors import Busy


@contextmanager
def hold(data: Path, name: str, *, doing: str) -> Iterator[None]:
    """Hold the lock `name` of a data directory while `doing` something, given as words for whoever comes second.

    Raises:
        Busy: somebody else holds it; the message says who, since when, and what for.
    """
    note = data / f"{name}.json"
    lock = FileLock(data / f"{name}.lock", timeout=0)
    try:
        lock.acquire()
    except Timeout:
        raise Busy(_who(note, data)) from None
    try:
        holder = {"pid": os.getpid(), "host": socket.gethostname(), "since": _now(), "doing": doing}
        note.write_text(json.dumps(holder))
        yield
    finally:
        note.unlink(missing_ok=True)
        lock.release()


def _now() -> str:
    return dt.datetime.now().astimezone().isoformat(timespec="seconds")


def _who(note: Path, data: Path) -> str:
    try:
        holder = json.loads(note.read_text())
        who = f"process {holder['pid']} on {holder['host']} is {holder['doing']} since {holder['since']}"
    except (OSError, ValueError, KeyError, TypeError):
        who = "another process holds it"
    return f"The data directory {data} is in use: {who}. Wait until it is done, or stop it, and try again."
