"""Copy the library into one file while it is served. `restore` puts such a file in the library's place again.

A copy is a `.tar.gz` of what cannot be made again: the ledger, the inbox of the bot, and the judge of a library that
was calibrated, after a manifest with their checksums. Segments and compiled models are made again. Knows no settings.
"""

import datetime as dt
import gzip
import hashlib
import io
import json
import os
import shutil
import sqlite3
import tarfile
import tempfile
from collections.abc import Mapping
from contextlib import closing, suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import IO, Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from index.asking import judge
from index.errors import Damaged, NotIndexed, SourceError
from index.truth.ledger import FILE as LEDGER

JOURNAL = "journal.sqlite"
"""The inbox of the bot, which nobody but the bot knows more about."""

MANIFEST = "manifest.json"
DATABASES = (LEDGER, JOURNAL)
PARTS = (*DATABASES, judge.FILE)

FORMAT = 1
"""Raised when a copy is laid out otherwise, so that an older Footnote refuses it instead of misreading it."""

PAGES = 10_000
"""Pages copied before anybody who wants to stop the copy is heard: 80 MB."""

GZIP = 1
"""The quickest: text shrinks to 0.45, vectors to 0.93; at level 6 to 0.39 and 0.93, in three times the time."""


def _moment(text: str) -> str:
    dt.datetime.fromisoformat(text)  # raises ValueError
    return text


class Part(BaseModel):
    """One file of a copy."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    size: Annotated[int, Field(ge=0)]
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class Manifest(BaseModel):
    """What a copy says of itself, safe to show. `made_at` is ISO 8601; `footnote` is the version that made it."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    format: int
    footnote: Annotated[str, Field(pattern=r"^[\w.+!-]{1,64}$")]
    made_at: Annotated[str, AfterValidator(_moment)]
    parts: dict[str, Part]


def save(data: Path, file: Path, *, replace: bool = False) -> int:
    """Write a copy of the library in `data`, which may be in use, into `file`; return its size in bytes.

    The file is whole or not there, and only its owner may read it: it holds what people asked.

    Raises:
        SourceError: the file exists and is not to be replaced, or cannot be written.
        NotIndexed: there is no library.
        Damaged: a database is damaged; no copy is made of that.
    """
    file = file.expanduser()
    _check_target(file, replace=replace)
    if not (data / LEDGER).is_file():
        message = f"There is no library in {data}. Run: footnote index FOLDER"
        raise NotIndexed(message)
    try:
        with tempfile.TemporaryDirectory(dir=file.parent, prefix=f".{file.name}.") as place:
            whole = Path(place) / "whole"
            _pack(_copies(data, Path(place)), whole)
            _check_target(file, replace=replace)
            size = whole.stat().st_size
            whole.replace(file)
            sync(file.parent)
    except OSError as error:
        raise _unwritable(file, error) from error
    return size


def unsound(path: Path) -> str:
    """Return what is wrong with a database of SQLite, or nothing."""
    try:
        with closing(opened(path)) as db:
            found = str(db.execute("PRAGMA quick_check(1)").fetchone()[0])
    except sqlite3.Error as error:
        return str(error)
    return "" if found == "ok" else " ".join(found.split())


def _check_target(file: Path, *, replace: bool) -> None:
    if file.is_dir():
        message = f"{file} is a folder. Name a file in it, such as {file / 'footnote.tar.gz'}."
        raise SourceError(message)
    if os.path.lexists(file) and not replace:
        message = f"{file} exists already. Name another file, or replace it with --force."
        raise SourceError(message)
    if not file.parent.is_dir():
        message = f"The folder {file.parent} does not exist. Make it, or name another file."
        raise SourceError(message)


def _copies(data: Path, place: Path) -> dict[str, Path]:
    """Copy what there is to copy into `place`; return the copies by name."""
    made = {}
    for name in DATABASES:
        if (data / name).is_file():
            made[name] = place / name
            _copy(data / name, made[name])
    with suppress(FileNotFoundError):
        shutil.copyfile(data / judge.FILE, place / judge.FILE)
        made[judge.FILE] = place / judge.FILE
    return made


def _copy(source: Path, target: Path) -> None:
    """Copy one state of a database, whatever is written meanwhile."""
    try:
        with closing(opened(source)) as db, closing(sqlite3.connect(target)) as copy:
            db.execute("BEGIN")  # or each write of others would make the copying begin anew
            db.execute("SELECT count(*) FROM sqlite_master").fetchone()
            db.backup(copy, pages=PAGES)
            copy.execute("PRAGMA journal_mode=DELETE")  # all of it in one file
    except sqlite3.DatabaseError as error:
        message = f"{source} cannot be copied ({error}). Run `footnote doctor`; the backup was not written."
        raise Damaged(message) from error
    if problem := unsound(target):
        message = f"{source} is damaged ({problem}): restore an older backup. This one was not written."
        raise Damaged(message)


def opened(path: Path) -> sqlite3.Connection:
    """Open a database that must be there."""
    return sqlite3.connect(f"{path.resolve().as_uri()}?mode=rw", uri=True, timeout=30, isolation_level=None)


def _pack(copies: Mapping[str, Path], whole: Path) -> None:
    parts = {name: Part(size=path.stat().st_size, sha256=_digest(path)) for name, path in copies.items()}
    made_at = dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
    manifest = Manifest(format=FORMAT, footnote=_version(), made_at=made_at, parts=parts)
    content = json.dumps(manifest.model_dump(), indent=1).encode()
    handle = os.open(whole, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        with (
            gzip.GzipFile("", "wb", GZIP, file) as packed,
            tarfile.open(fileobj=packed, mode="w", format=tarfile.GNU_FORMAT) as tar,
        ):
            _put(tar, MANIFEST, len(content), io.BytesIO(content))
            for name, path in copies.items():
                with path.open("rb") as source:
                    _put(tar, name, parts[name].size, source)
        file.flush()
        os.fsync(file.fileno())


def _put(tar: tarfile.TarFile, name: str, size: int, source: IO[bytes]) -> None:
    member = tarfile.TarInfo(name)
    member.size, member.mode = size, 0o600
    tar.addfile(member, source)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _version() -> str:
    try:
        return version("footnote-bot")
    except PackageNotFoundError:
        return "unknown"


def _unwritable(file: Path, error: OSError) -> SourceError:
    reason = (error.strerror or "unknown error").lower()
    return SourceError(f"{file} cannot be written: {reason}. Make room, or name another file.")


def sync(path: Path) -> None:
    """Bring a file or a folder to the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
