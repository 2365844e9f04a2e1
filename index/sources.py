"""Find article files below a folder and read their bytes; read evaluation corpora. Knows nothing of markup."""

import json
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from index.errors import SourceError
from index.extract import clean, day, one_line, web_address
from index.records import Article, ArticleId, Failure

SUFFIXES = frozenset({".txt", ".md", ".markdown", ".html", ".htm"})
_ASTRAY = "is a link that leads nowhere"


@dataclass(frozen=True, slots=True)
class Origin:
    """A file an article comes from. Its id is the path below the folder, with forward slashes and the suffix."""

    id: ArticleId
    path: Path
    size: int
    mtime_ns: int


def walk(folder: Path) -> Iterator[Origin | Failure]:
    """Yield the article files at any depth below a folder, and what could not be listed, holding one listing a level.

    The order is the same every time: the files of a folder by name, then its folders by name. Names with a leading dot
    are passed over. A link to a file is followed while it stays inside the folder; a link to a folder inside never is,
    because what it holds is found at its own place. Raises SourceError if the folder itself cannot be listed.
    """
    try:
        root = folder.resolve()
    except (OSError, RuntimeError) as exc:
        msg = f"{folder} {_ASTRAY}: name the folder that holds the articles."
        raise SourceError(msg) from exc
    waiting = [root]
    while waiting:
        here = waiting.pop()
        try:
            with os.scandir(here) as listing:
                entries = sorted(listing, key=lambda entry: entry.name)
        except OSError as exc:
            if here == root:
                raise SourceError(_unlistable(folder, exc)) from exc
            yield Failure(here.relative_to(root).as_posix(), _unreadable(exc))
            continue
        deeper: list[Path] = []
        for entry in entries:
            match _judge(entry, root):
                case Path() as below:
                    deeper.append(below)
                case Origin() | Failure() as found:
                    yield found
        waiting += reversed(deeper)


def scan(folder: Path) -> tuple[list[Origin], list[Failure]]:
    """Return what `walk` yields as two lists, in order of id and of name."""
    found = list(walk(folder))
    origins = [entry for entry in found if isinstance(entry, Origin)]
    failures = [entry for entry in found if isinstance(entry, Failure)]
    return sorted(origins, key=lambda origin: origin.id), sorted(failures, key=lambda failure: failure.name)


def _unlistable(folder: Path, exc: OSError) -> str:
    """Say in one sentence why the folder itself cannot be listed and what to do."""
    match exc:
        case FileNotFoundError():
            return f"There is no folder {folder}: create it and put articles in it, or name another one."
        case NotADirectoryError():
            return f"{folder} is a file, not a folder: name the folder that holds the articles."
        case _:
            return f"The folder {folder} {_unreadable(exc)}; let this user read it, or name another one."


def _judge(entry: os.DirEntry[str], root: Path) -> Path | Origin | Failure | None:
    """Tell what a directory entry is: a folder to look into, an article file, a failure, or nothing of ours."""
    path = Path(entry.path)
    name = path.relative_to(root).as_posix()
    try:
        if entry.name.startswith(".") or not (entry.is_dir() or path.suffix.lower() in SUFFIXES):
            return None
        if not _is_utf8(name):  # such a name could be neither stored nor sent to anyone
            return Failure(name.encode(errors="replace").decode(), "has a name that is not UTF-8")
        if entry.is_symlink() and (refused := _refused_link(path, root)):
            return Failure(name, refused)
        if entry.is_dir():
            return None if entry.is_symlink() else path
        status = entry.stat()
    except OSError as exc:
        return Failure(name, _unreadable(exc))
    is_regular = stat.S_ISREG(status.st_mode)
    return Origin(ArticleId(name), path, status.st_size, status.st_mtime_ns) if is_regular else None


def _refused_link(path: Path, root: Path) -> str:
    """Say why a link may not be followed, or nothing if it may."""
    try:
        target = path.resolve(strict=True)
    except (OSError, RuntimeError):  # Path.resolve reports a circle of links as RuntimeError before Python 3.13
        return _ASTRAY
    return "" if target.is_relative_to(root) else "is a link that leads out of the folder"


def _is_utf8(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _unreadable(exc: OSError) -> str:
    return f"cannot be read: {(exc.strerror or 'input/output error').lower()}"


def read(origin: Origin, *, limit: int) -> bytes:
    """Return the bytes of a file of at most `limit` bytes. Raises SourceError with the reason in words."""
    try:
        with origin.path.open("rb") as file:
            data = file.read(limit + 1)
    except OSError as exc:
        raise SourceError(_unreadable(exc)) from exc
    if len(data) > limit:
        msg = f"is larger than {_amount(limit)}"
        raise SourceError(msg)
    if not data:
        msg = "is empty"
        raise SourceError(msg)
    return data


def _amount(size: int) -> str:
    """Write a number of bytes in the largest unit that leaves no fraction."""
    for unit, factor in (("MB", 1 << 20), ("MB", 10**6), ("KB", 1 << 10), ("KB", 10**3)):
        if size and size % factor == 0:
            return f"{size // factor} {unit}"
    return f"{size} bytes"


def jsonl_articles(path: Path) -> Iterator[Article | Failure]:
    """Yield an Article for each line of a corpus, or a Failure that names the line.

    The text keeps its length: only lone surrogates and NUL, which cannot be stored, become U+FFFD.
    Raises SourceError, on the first step, if the file cannot be read.
    """
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                if not line.strip():
                    continue
                try:
                    yield _from_json(line.removeprefix(b"\xef\xbb\xbf"))
                except SourceError as exc:
                    yield Failure(path.name, f"line {number} {exc}")
    except OSError as exc:
        msg = f"{path} {_unreadable(exc)}."
        raise SourceError(msg) from exc


def _from_json(line: bytes) -> Article:
    try:
        fields = json.loads(line.decode())
    except (ValueError, RecursionError) as exc:
        msg = "is not JSON"
        raise SourceError(msg) from exc
    if not isinstance(fields, dict):
        msg = "is not a JSON object"
        raise SourceError(msg)
    for key in ("id", "text"):
        if not isinstance(fields.get(key), str) or not fields[key].strip():
            msg = f"has no {key}"
            raise SourceError(msg)
    known = {key: value for key, value in fields.items() if isinstance(value, str)}
    return Article(
        id=ArticleId(clean(known["id"])),
        title=one_line(known.get("title", "")),
        text=clean(known["text"]),
        date=day(known.get("date", "")),
        source=one_line(known.get("source", "")),
        url=web_address(known.get("url", "")),
    )
