"""Write down what the files of a directory are, and find out later whether they still are that. Knows no formats."""

import hashlib
import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from index.errors import Damaged

SEAL = "seal.json"


def seal(directory: Path, files: Iterable[Path], **facts: object) -> None:
    """Note size, time and SHA-256 of files, and facts about the whole; then sync everything to the disk."""
    noted = {path.relative_to(directory).as_posix(): _note(path) for path in files}
    (directory / SEAL).write_text(json.dumps({"files": noted, **facts}))
    for path in [*directory.rglob("*"), directory, directory.parent]:
        _fsync(path)


def opened(directory: Path, *, thoroughly: bool = False) -> dict[str, Any]:
    """Check the files of a sealed directory and return its facts.

    A file whose size and time are as noted is taken for unchanged; any other is read and compared, so that a copy from
    a backup passes and a rewritten file does not. `thoroughly` reads them all.

    Raises:
        Damaged: a file is missing or not what it was.
    """
    try:
        facts: dict[str, Any] = json.loads((directory / SEAL).read_text())
        for name, (size, time, digest) in facts["files"].items():
            now = (directory / name).stat()
            same = (now.st_size, now.st_mtime_ns) == (size, time) and not thoroughly
            if not same and sha256(directory / name) != digest:
                raise Damaged(damage(directory, f"{name} is not what was built"))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise Damaged(damage(directory, str(error))) from error
    return facts


def damage(directory: Path, reason: str) -> str:
    """Say that a derived directory is damaged, and what helps."""
    name = f"{directory.parent.name}/{directory.name}"
    if not directory.exists():
        return f"The index {name} is not there. Run `footnote index`: it is built again."
    return f"The index {name} is damaged ({reason[:200]}). Run `footnote index`: it is built again."


def _note(path: Path) -> tuple[int, int, str]:
    stat = path.stat()
    return stat.st_size, stat.st_mtime_ns, sha256(path)


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _fsync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
