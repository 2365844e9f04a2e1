"""Processes forked from one that has imported everything already: as real as started ones, but ready at once."""

import importlib
import multiprocessing
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerProcess
from types import SimpleNamespace
from typing import Any

import pytest

from index.system import child

_fork = multiprocessing.get_context("forkserver")
_fork.set_forkserver_preload(
    [
        "chromadb.api.rust",
        "chromadb.telemetry.product.posthog",
        "tantivy",
        "index.segments.make",
        "index.library",
        "tests.prepared",
        "tests.killed",
        "tests.served",
        "tests.settled",
    ]
)


def process(work: Callable[..., None], *arguments: Any) -> ForkServerProcess:
    """Start a process that does `work`, a function of a module."""
    started = _fork.Process(target=work, args=arguments)
    started.start()
    return started


@contextmanager
def workers() -> Iterator[None]:
    """Let the processes that make segments or read articles be forked: 20 ms each instead of up to 1.5 s of imports."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(child, "subprocess", SimpleNamespace(Popen=_Popen, PIPE=None))
        yield


class _Popen:
    """What `subprocess.Popen` gives, as far as is asked of it."""

    def __init__(self, command: list[str], *, text: bool, **_: Any) -> None:
        pipes = [_fork.Pipe(duplex=False) for _ in range(3)]
        (reads, self_writes), (self_reads, writes), (overhears, complains) = pipes
        module, *arguments = command[command.index("-m") + 1 :]
        self._process = process(work(), reads, writes, complains, module, arguments)
        kind = "" if text else "b"
        self.stdin, self.stdout = _file(self_writes, f"w{kind}"), _file(self_reads, f"r{kind}")
        self.stderr = _file(overhears, f"r{kind}")
        for end in (reads, writes, complains):
            end.close()

    @property
    def pid(self) -> int:
        return int(self._process.pid or 0)

    def kill(self) -> None:
        self._process.kill()

    def poll(self) -> int | None:
        return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        self._process.join(timeout)
        if self._process.exitcode is None:
            raise subprocess.TimeoutExpired("the process", timeout or 0.0)
        return int(self._process.exitcode)


def _file(end: Connection, mode: str) -> Any:
    handle = os.dup(end.fileno())
    end.close()
    return os.fdopen(handle, mode)


def work() -> Callable[..., None]:
    """Return what such a process does; a test may let it do something else."""
    return serve


def serve(reads: Connection, writes: Connection, complains: Connection, module: str, arguments: list[str]) -> None:
    """Do what `python -m` does with that module."""
    for handle, end in enumerate((reads, writes, complains)):
        os.dup2(end.fileno(), handle)
        end.close()
    sys.stdin, sys.stdout, sys.stderr = os.fdopen(0), os.fdopen(1, "w"), os.fdopen(2, "w")
    sys.argv = [module, *arguments]
    os.nice = _as_before  # there is nobody here to give way to: whoever tests waits for this process
    importlib.import_module(module).main()


def _as_before(_: int) -> int:
    return 0


def die(*_: object) -> None:
    """Die as Chroma dies of a broken file."""
    os.kill(os.getpid(), signal.SIGSEGV)
