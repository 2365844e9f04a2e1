"""Take from this process what reading an article does not need: network, files, programs, endless time and memory.

Everything that a parser imports must be there before: afterwards nothing can be opened. What the system cannot do, it
leaves out: the limits of time and files are those of every POSIX system, the rest is Linux's.

What holds: there is no new descriptor, so no file or socket can be opened; no new process, unless root runs this, whom
Linux does not count; Python refuses to try. Where Linux has Landlock, no path can be read, changed, removed or run
either (cut: from Linux 6.2 on), and no signal be sent to others (from 6.12 on).

What does not hold: native code of a parser that was taken over is still the same user and may make every system call.
It can do what needs no descriptor: look whether a file is there, change its mode, owner or times, and without Landlock
rename, cut and remove what this user may. A container, or a user of its own for the bot, is the answer to that.
"""

import contextlib
import ctypes
import math
import mmap
import os
import resource
import signal
import sys
import threading
import time
from typing import Any

PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_NO_NEW_PRIVS = 1, 4, 38
CLONE_NEWUSER, CLONE_NEWNET = 0x1000_0000, 0x4000_0000
CAPABILITY_VERSION = 0x2008_0522
LANDLOCK_CREATE_RULESET, LANDLOCK_RESTRICT_SELF = 444, 446  # the same on every processor

_LINUX = sys.platform == "linux"

TOO_LARGE = 77
"""Exit code of a process that ended because it held more than it may, where the system does not refuse it more."""

_REFUSED = ("socket.", "os.", "shutil.", "subprocess.", "ctypes.dlopen", "tempfile.", "pty.", "urllib.", "ftplib.")
"""Beginnings of what Python calls the events that no parser may cause."""


def follow() -> None:
    """End at once when the thread that started this process ends. Elsewhere than on Linux the pipe's end must do."""
    if _LINUX:
        _libc().prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def confine() -> None:
    """Give up, for good: network, new descriptors, paths, other programs, privileges, a dump of the memory."""
    if _LINUX:
        libc = _libc()
        libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        # A network of its own, in which there is not even loopback. Where neither is allowed, as in most containers,
        # there is still no descriptor for a socket.
        if libc.unshare(CLONE_NEWNET):
            libc.unshare(CLONE_NEWUSER | CLONE_NEWNET)
        _give_up_paths(libc)
        # Of root's, too. Without them the limits below cannot be raised again.
        libc.capset((ctypes.c_uint32 * 2)(CAPABILITY_VERSION, 0), (ctypes.c_uint32 * 6)())
        libc.prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)
    _limit(resource.RLIMIT_CORE, 0)
    _limit(resource.RLIMIT_FSIZE, 0)
    _limit(resource.RLIMIT_NPROC, 0)
    _limit(resource.RLIMIT_NOFILE, 0)  # those that are open stay
    sys.addaudithook(_refuse)


def landlock() -> int:
    """Return which version of Landlock the system has, 0 for none."""
    return max(0, _libc().syscall(LANDLOCK_CREATE_RULESET, None, ctypes.c_size_t(0), 1)) if _LINUX else 0


def _give_up_paths(libc: ctypes.CDLL) -> None:
    """Forbid all that Landlock knows to forbid, and allow nothing: include/uapi/linux/landlock.h of Linux."""
    version = landlock()
    if not version:
        return
    paths = 13 + (version >= 2) + (version >= 3) + (version >= 5)  # to link elsewhere, to cut, to control devices
    ports = 2 if version >= 4 else 0
    others = 2 if version >= 6 else 0  # abstract sockets and signals
    handled = (ctypes.c_uint64 * 3)(*((1 << bits) - 1 for bits in (paths, ports, others)))
    rules = libc.syscall(LANDLOCK_CREATE_RULESET, handled, ctypes.c_size_t(ctypes.sizeof(handled)), 0)
    if rules >= 0:
        libc.syscall(LANDLOCK_RESTRICT_SELF, rules, 0)
        os.close(rules)


class Allowance:
    """Time and memory for one article after the other. Make it before `confine`, because it opens a file."""

    def __init__(self, *, seconds: int, megabytes: int) -> None:
        """Allow each article so many seconds of a processor, and so much memory over what is held before it."""
        self._seconds = seconds
        self._bytes = megabytes << 20
        self._mapped = self._peak = 0
        if _LINUX:
            self._sizes = os.open("/proc/self/status", os.O_RDONLY)
            self._first = self._size("VmRSS")
            # The most that was mapped at the start must not hide what an article takes: it stays mapped, unused.
            freed = self._size("VmPeak") - self._size("VmSize")
            self._unused = mmap.mmap(-1, max(freed, mmap.PAGESIZE), flags=mmap.MAP_PRIVATE | mmap.MAP_ANON, prot=0)
        else:
            self._first = held()
            threading.Thread(target=self._watch, daemon=True).start()

    def renew(self) -> None:
        """Begin an article."""
        used = resource.getrusage(resource.RUSAGE_SELF)
        _limit(resource.RLIMIT_CPU, math.ceil(used.ru_utime + used.ru_stime) + self._seconds, raisable=True)
        if _LINUX:
            self._mapped, self._peak = self._size("VmSize"), self._size("VmPeak")
            _limit(resource.RLIMIT_AS, self._mapped + self._bytes, raisable=True)

    @property
    def exhausted(self) -> bool:
        """Whether the article took nearly all of its memory: libxml2, refused more, gives an empty page, no error."""
        if not _LINUX:
            return False
        peak = self._size("VmPeak")
        return peak > self._peak and peak - self._mapped > 0.8 * self._bytes

    @property
    def spent(self) -> bool:
        """Whether a fresh process is better: much memory is held, or what was taken hides what the next would take."""
        return self.exhausted or (self._size("VmRSS") if _LINUX else held()) - self._first > self._bytes // 4

    def _size(self, name: str) -> int:
        """Return a size that Linux knows of this process, in bytes."""
        status = os.pread(self._sizes, 4_096, 0).decode()
        return int(status.partition(f"{name}:")[2].split(maxsplit=1)[0]) << 10

    def _watch(self) -> None:
        """End this process when it holds too much, where the system takes RLIMIT_AS for a remark, as macOS does."""
        while held() - self._first <= self._bytes:
            time.sleep(0.05)
        os._exit(TOO_LARGE)


def held() -> int:
    """Return the most bytes of memory that this process held so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1_024)


def _limit(kind: int, most: int, *, raisable: bool = False) -> None:
    _, hard = resource.getrlimit(kind)
    if hard != resource.RLIM_INFINITY:
        most = min(most, hard)
    with contextlib.suppress(OSError, ValueError):  # there is a stricter limit already
        resource.setrlimit(kind, (most, hard if raisable else most))


def _refuse(event: str, _: tuple[Any, ...]) -> None:
    """Refuse what no parser has to do; says why, should one try. A second line: C code causes no events."""
    if event == "import":
        message = "nothing is imported any more"
        raise ImportError(message)
    if event == "open" or event.startswith(_REFUSED):
        message = f"{event} is not for readers of articles"
        raise PermissionError(message)


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)
