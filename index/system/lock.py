"""Let one process at a time do a thing in a data directory, by a lock of the operating system.

The kernel frees it when its holder dies, however it dies. A note beside it says who holds it, for people only. What
only one may do over all machines that share a database is for `writer`.
"""

import datetime as dt
import fcntl
import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from index.errors import Busy, Damaged

PATIENCE = 30
"""Seconds to wait for what usually takes milliseconds."""


@contextmanager
def hold(data: Path, name: str, *, doing: str) -> Iterator[None]:
    """Hold the lock `name` of a data directory while `doing` something, given as words for whoever comes second.

    Raises:
        Busy: somebody else holds it; the message says who, since when, and what for.
        Damaged: the data directory cannot be written.
    """
    note = data / f"{name}.json"
    lock = FileLock(data / f"{name}.lock", timeout=0)
    try:
        lock.acquire()
    except Timeout:
        raise Busy(who(_read(note), f"The data directory {data}")) from None
    except OSError as error:
        raise _unwritable(data, error) from error
    try:
        _write(note, doing)
        yield
    finally:
        with suppress(OSError):  # a disk that has failed meanwhile: the lock is freed all the same
            note.unlink(missing_ok=True)
        lock.release()


@contextmanager
def briefly(data: Path, name: str) -> Iterator[None]:
    """Hold the lock `name` of a data directory for something short, after whoever holds it now.

    Raises:
        Busy: it was not let go for half a minute.
        Damaged: the data directory cannot be written.
    """
    lock = FileLock(data / f"{name}.lock", timeout=PATIENCE)
    try:
        lock.acquire()
    except Timeout:
        message = (
            f"Another process has held {data / name}.lock for {PATIENCE} seconds. Wait until it is done, or stop it."
        )
        raise Busy(message) from None
    except OSError as error:
        raise _unwritable(data, error) from error
    try:
        yield
    finally:
        lock.release()


class Reading:
    """Holds a directory against being removed, together with any number of other readers, in any process.

    filelock has no shared locks on files, so this is `flock` itself.
    """

    FILE = "readers.lock"

    def __init__(self, directory: Path) -> None:
        """Begin to read a directory that has a file of this name.

        Raises:
            OSError: it is gone, or about to be removed.
        """
        self._handle = os.open(directory / self.FILE, os.O_RDONLY)
        try:
            fcntl.flock(self._handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            os.close(self._handle)
            raise

    def close(self) -> None:
        """End it."""
        os.close(self._handle)


@contextmanager
def unread(directory: Path) -> Iterator[bool]:
    """Say whether nobody reads a directory, and keep it so meanwhile."""
    try:
        handle = os.open(directory / Reading.FILE, os.O_RDONLY)
    except OSError:
        yield True  # it was never finished, so nobody ever read it
        return
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        free = False
    else:
        free = True
    try:
        yield free
    finally:
        os.close(handle)


def _unwritable(data: Path, error: OSError) -> Damaged:
    return Damaged(
        f"The data directory {data} cannot be written ({error.strerror}), and that is needed even to answer. Let this "
        "user write there, or name another with --data."
    )


def holder(doing: str, **more: str) -> str:
    """Return a note that says who holds a lock from now on: us, `doing` something."""
    return json.dumps({"pid": os.getpid(), "host": socket.gethostname(), "since": _now(), "doing": doing, **more})


def who(noted: str | None, what: str) -> str:
    """Say to whoever comes second who holds `what`, as far as its note tells."""
    try:
        known = json.loads(noted or "")
        holding = f"process {known['pid']} on {known['host']} is {known['doing']} since {known['since']}"
    except (ValueError, KeyError, TypeError):
        holding = "another process holds it"
    return f"{what} is in use: {holding}. Wait until it is done, or stop it, and try again."


def _write(note: Path, doing: str) -> None:
    try:
        note.write_text(holder(doing))
    except OSError:  # a full disk: the lock is held all the same, only nobody can be told by whom
        with suppress(OSError):
            note.unlink(missing_ok=True)


def _read(note: Path) -> str | None:
    try:
        return note.read_text()
    except (OSError, ValueError):
        return None


def _now() -> str:
    return dt.datetime.now().astimezone().isoformat(timespec="seconds")
