"""Put a copy that `backup` made in the place of the library, after all of it was checked. Trusts nothing in it.

A restored copy becomes the library by one rename, of a folder `restore.ready` that holds all of it. Whoever opens the
library then moves what it holds into its place: `settle`, which any number of crashes only delays. Segments that are
there stay: their names are drawn at random, so those that the restored ledger names are its own.
"""

import datetime as dt
import gzip
import hashlib
import os
import shutil
import sqlite3
import tarfile
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from itertools import chain, count
from pathlib import Path

from index.asking import judge
from index.errors import Busy, Damaged, SourceError
from index.rescue.backup import DATABASES, FORMAT, MANIFEST, PARTS, Manifest, opened, sync, unsound
from index.system.lock import briefly, hold
from index.truth import tables
from index.truth.ledger import FILE as LEDGER

READY = "restore.ready"
ASIDE = "aside"

CHUNK = 65_536
"""Bytes read at once."""

LARGEST = {MANIFEST: 65_536, judge.FILE: 1_000_000}
"""Bytes; a database may be as large as the disk has room for."""

SPARE = 100_000_000
"""Bytes of the disk that a restored copy must leave free: the ledger writes before anything can be asked."""


@dataclass(frozen=True, slots=True)
class Restored:
    """What was put in place: when the copy was made, and where what was there before is kept; None if nothing was."""

    made_at: str
    aside: Path | None


def restore(data: Path, file: Path, *, now: dt.datetime) -> Restored:
    """Put a copy in the place of the library in `data`, and what was there into a folder beside it.

    All of the copy is checked before anything is changed; a crash leaves the old library or the new one.

    Raises:
        SourceError: the file is no copy of a library, is damaged, or is too large; nothing changed.
        Busy: a bot, an indexing or anybody else uses the library; nothing changed.
        Damaged: the data directory cannot be written.
    """
    try:
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise _unusable(file, data, error) from error
    with ExitStack() as stack:
        for name in ("bot", "writer"):
            stack.enter_context(hold(data, name, doing="restoring a backup"))
        settle(data)
        staged = Path(stack.enter_context(_staging(data)))
        manifest = _unpack(file.expanduser(), staged)
        stack.enter_context(briefly(data, "ledger"))
        for name in DATABASES:
            _alone(data / name)
        aside = _unused(data / f"before-restore-{now:%Y%m%d-%H%M%S}")
        there = any((data / name).exists() for name in PARTS)
        (staged / ASIDE).write_text(aside.name, encoding="utf-8")
        for path in staged.iterdir():
            sync(path)
        sync(staged)
        staged.replace(data / READY)
        sync(data)
        _settle(data)
    return Restored(manifest.made_at, aside if there else None)


def settle(data: Path) -> None:
    """Finish a restoring that a crash cut short after its copy was complete. To be called before the library is opened.

    Raises:
        Busy: another process does not come to an end of doing so.
    """
    if (data / READY).exists():
        with briefly(data, "ledger"):
            _settle(data)


def _settle(data: Path) -> None:
    ready = data / READY
    if not ready.exists():  # somebody else just did it
        return
    manifest = Manifest.model_validate_json((ready / MANIFEST).read_bytes())
    aside = data / (ready / ASIDE).read_text(encoding="utf-8")
    for name in PARTS:
        fresh = ready / name
        if name in manifest.parts and not fresh.exists():
            continue  # it is in its place already
        for old in (data / name, *(data / f"{name}{end}" for end in ("-wal", "-shm"))):
            if old.exists():
                aside.mkdir(mode=0o700, exist_ok=True)
                old.replace(aside / old.name)
        if fresh.exists():
            sync(data)
            fresh.replace(data / name)
    sync(data)
    gone = ready.with_suffix(".done")  # a folder half removed must not look like one that is ready
    shutil.rmtree(gone, ignore_errors=True)
    ready.replace(gone)
    shutil.rmtree(gone, ignore_errors=True)


def _unused(path: Path) -> Path:
    """Return a path at which nothing is: two restorings in one second must not replace what the first put aside."""
    others = (path.with_name(f"{path.name}-{number}") for number in count(2))
    return next(one for one in chain([path], others) if not one.exists())


@contextmanager
def _staging(data: Path) -> Iterator[str]:
    """Give a folder in the data directory, because only there is a rename sure to be one; removed if it is left."""
    for left in data.glob("restore.new-*"):  # of a restoring that was killed: only one at a time gets here
        shutil.rmtree(left, ignore_errors=True)
    place = tempfile.mkdtemp(dir=data, prefix="restore.new-")
    try:
        yield place
    finally:
        shutil.rmtree(place, ignore_errors=True)


class _Bounded(gzip.GzipFile):
    """Reads little at a time: tarfile would hold in memory whatever length the header of a hostile file names."""

    def read(self, size: int | None = -1) -> bytes:
        if size is None or not 0 <= size <= CHUNK:
            message = f"a read of {size} bytes"
            raise tarfile.ReadError(message)
        return super().read(size)


def _unpack(file: Path, place: Path) -> Manifest:
    """Take a copy apart and check all of it."""
    try:
        with (
            file.open("rb") as raw,
            _Bounded(fileobj=raw, mode="rb") as packed,
            tarfile.open(fileobj=packed, mode="r:") as tar,
        ):
            manifest = _manifest(file, tar)
            _check_room(file, manifest, place)
            (place / MANIFEST).write_text(manifest.model_dump_json(), encoding="utf-8")
            found = _take_parts(file, tar, manifest, place)
    except FileNotFoundError as error:
        message = f"{file}: there is no such file."
        raise SourceError(message) from error
    except (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile, ValueError) as error:
        raise _no_copy(file, "it is not a whole .tar.gz as `footnote backup` writes it") from error
    except OSError as error:
        raise _unusable(file, place.parent, error) from error
    if found != set(manifest.parts):
        raise _no_copy(file, f"{', '.join(sorted(set(manifest.parts) - found))} is missing in it")
    try:
        _check_content(file, place, found)
    except sqlite3.Error as error:
        raise _no_copy(file, f"a database in it is damaged: {error}") from error
    return manifest


def _manifest(file: Path, tar: tarfile.TarFile) -> Manifest:
    first = tar.next()
    if first is None or first.name != MANIFEST or not first.isreg() or first.size > LARGEST[MANIFEST]:
        raise _no_copy(file, "it does not begin with a manifest")
    content = tar.extractfile(first)
    assert content is not None  # noqa: S101  for mypy: it is a regular file
    manifest = Manifest.model_validate_json(content.read(LARGEST[MANIFEST]))
    if manifest.format > FORMAT:
        message = f"{file} was made by a newer Footnote ({manifest.footnote}). Update this one to restore it."
        raise SourceError(message)
    if LEDGER not in manifest.parts or not set(manifest.parts) <= set(PARTS):
        raise _no_copy(file, "its manifest names other files than a backup has")
    return manifest


def _check_room(file: Path, manifest: Manifest, place: Path) -> None:
    for name, part in manifest.parts.items():
        if part.size > LARGEST.get(name, part.size):
            raise _no_copy(file, f"{name} in it is too large")
    needed, free = sum(part.size for part in manifest.parts.values()) + SPARE, shutil.disk_usage(place).free
    if needed > free:
        message = (
            f"{file} needs {needed / 1e9:.1f} GB in {place.parent}, and {free / 1e9:.1f} GB are free. Make room, or "
            "name another place with --data."
        )
        raise SourceError(message)


def _take_parts(file: Path, tar: tarfile.TarFile, manifest: Manifest, place: Path) -> set[str]:
    """Write the files of a copy into `place`, nothing else and nowhere else; return their names."""
    found: set[str] = set()
    while (member := tar.next()) is not None:
        part = manifest.parts.get(member.name)
        if part is None or member.name in found or not member.isreg() or member.issparse() or member.size != part.size:
            raise _no_copy(file, f"it holds {member.name[:80]!r}, which its manifest does not name like that")
        content = tar.extractfile(member)
        assert content is not None  # noqa: S101  for mypy: it is a regular file
        digest = hashlib.sha256()
        with os.fdopen(os.open(place / member.name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as target:
            while piece := content.read(CHUNK):
                digest.update(piece)
                target.write(piece)
        if digest.hexdigest() != part.sha256:
            raise _no_copy(file, f"{member.name} in it is damaged")
        found.add(member.name)
    return found


def _check_content(file: Path, place: Path, found: set[str]) -> None:
    """Look into what was taken out of a copy, before anything trusts it."""
    for name in set(DATABASES) & found:
        if problem := unsound(place / name) or _foreign(place / name):
            raise _no_copy(file, f"{name} in it is damaged: {problem}")
    with closing(opened(place / LEDGER)) as db:
        made = int(db.execute("PRAGMA user_version").fetchone()[0])
        held = {row[0] for row in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if made > tables.SCHEMA:
        message = f"{file} was made by a newer Footnote. Update this one to restore it: pip install -U footnote-bot."
        raise SourceError(message)
    if made < 1 or not {"revisions", "articles", "passages", "embeddings"} <= held:
        raise _no_copy(file, f"{LEDGER} in it is no ledger")
    if judge.FILE in found:
        try:
            judge.judge_of(place)
        except Damaged as error:
            raise _no_copy(file, f"{judge.FILE} in it is no calibration") from error


def _foreign(path: Path) -> str:
    """Return what a database holds that acts by itself when it is used: ours have nothing of the kind."""
    with closing(opened(path)) as db:
        rows = db.execute("SELECT type, name FROM sqlite_master WHERE type NOT IN ('table', 'index')").fetchall()
        rows += db.execute(
            "SELECT 'virtual table', name FROM sqlite_master WHERE sql LIKE 'CREATE VIRTUAL%'"
        ).fetchall()
    return ", ".join(f"there is a {kind} {name}" for kind, name in rows[:3])


def _alone(path: Path) -> None:
    """Bring all of a database into its one file, and make sure that nobody else has it open.

    Somebody who has would go on writing into the log beside it, which by then is the log of another database.
    """
    if not path.exists():
        return
    try:
        with closing(opened(path)) as db:
            db.execute("PRAGMA busy_timeout=2000")
            if str(db.execute("PRAGMA journal_mode=DELETE").fetchone()[0]) == "delete":
                return
    except sqlite3.OperationalError as error:
        if "locked" not in str(error):
            return  # too damaged to be opened, which may be why it is replaced
    except sqlite3.DatabaseError:
        return
    message = f"Another process has {path} open. Stop it (a `footnote chat`, or whatever reads it), and try again."
    raise Busy(message)


def _no_copy(file: Path, what: str) -> SourceError:
    return SourceError(f"{file} cannot be restored: {what}. Nothing was changed; take another backup.")


def _unusable(file: Path, data: Path, error: OSError) -> SourceError:
    return SourceError(f"{file} cannot be restored into {data}: {(error.strerror or 'unknown error').lower()}.")
