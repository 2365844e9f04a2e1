"""Start a process that runs a module of ours, and end it. Knows nothing of what they say to each other."""

import contextlib
import subprocess
import sys
from collections.abc import Mapping
from typing import Any


def start(
    module: str, *arguments: str, text: bool = False, env: Mapping[str, str] | None = None
) -> "subprocess.Popen[Any]":
    """Start `python -m module` with pipes at its standard streams. Raises OSError where the system refuses."""
    # -P: a folder `index` where the program was started must not be taken for ours. A group of its own: a Ctrl-C
    # in the terminal is for whoever talks with us, and the child ends when they do. Not a session of its own: Linux
    # shares out the processors by session first, and `nice` counts only within one.
    return subprocess.Popen(  # noqa: S603  our own module
        [sys.executable, "-P", "-m", module, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=text,
        env=env,
        process_group=0,
    )


def end(child: "subprocess.Popen[Any]") -> int:
    """End a process, whatever it does; return its exit code."""
    child.kill()
    code = child.wait()
    for pipe in (child.stdin, child.stdout, child.stderr):
        if pipe is not None:
            with contextlib.suppress(OSError):
                pipe.close()
    return code
