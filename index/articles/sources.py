"""Find article files below a folder and read their bytes; read evaluation corpora. Knows nothing of markup."""

import json
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

from index.errors import SourceError
from index.formats.extract import clean, day, language, one_line, web_address
from index.records import Article, ArticleId, Failure

ARCHIVE = ".jsonl"
"""The suffix of a file that holds many articles, one a line."""

SUFFIXES = frozenset({".txt", ".md", ".markdown", ".html", ".htm", ".pdf", ".docx", ".epub", ".eml", ARCHIVE})
QUESTIONS = "queries.jsonl"
"""Gold questions about the articles of a folder, which lie beside them and are none: see `evaluate`."""

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
        if entry.name.startswith(".") or not (entry.is_dir() or _is_ours(path)):
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


def _is_ours(path: Path) -> bool:
    return path.suffix.lower() in SUFFIXES and path.name != QUESTIONS


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
        raise SourceError(_too_large(limit))
    if not data:
        msg = "is empty"
        raise SourceError(msg)
    return data


def _too_large(limit: int) -> str:
    return f"is larger than {_amount(limit)}"


def _amount(size: int) -> str:
    """Write a number of bytes in the largest unit that leaves no fraction."""
    for unit, factor in (("MB", 1 << 20), ("MB", 10**6), ("KB", 1 << 10), ("KB", 10**3)):
        if size and size % factor == 0:
            return f"{size // factor} {unit}"
    return f"{size} bytes"


def archived(origin: Origin, *, limit: int) -> Iterator[Article | Failure]:
    """Yield the articles of an archive inside a folder. Their ids are its own, then # and that of the line.

    One failure stands for all of it where the first line is no article: then none of it is, and what is known of it
    stays. Of a line that breaks later, the article stays if its id can still be read.
    """
    try:
        for number, item in enumerate(jsonl_articles(origin.path, limit=limit, within=origin.id)):
            if number == 0 and isinstance(item, Failure):
                yield Failure(origin.id, f"holds no articles: its first line {item.reason}")
                return
            yield item
    except SourceError as exc:
        yield Failure(origin.id, str(exc).removeprefix(f"{origin.path} ").rstrip("."))


def jsonl_articles(path: Path, *, limit: int = 0, within: str = "") -> Iterator[Article | Failure]:
    """Yield an Article for each line of a corpus, or a Failure that names the line.

    The text keeps its length: only lone surrogates and NUL, which cannot be stored, become U+FFFD. `limit` is in bytes
    a line. `within` is the name of the file in a folder, with which the ids begin then.
    Raises SourceError, on the first step, if the file cannot be read.
    """
    try:
        with path.open("rb") as file:
            for number, line in enumerate(_lines(file, limit), start=1):
                if not line.strip():
                    continue
                try:
                    article = _from_json(line.removeprefix(b"\xef\xbb\xbf"), limit=limit)
                    yield replace(article, id=ArticleId(f"{within}#{article.id}")) if within else article
                except _NoArticle as exc:
                    yield exc.failure(number, file=path.name, within=within)
    except OSError as exc:
        msg = f"{path} {_unreadable(exc)}."
        raise SourceError(msg) from exc


def _lines(file: BinaryIO, limit: int) -> Iterator[bytes]:
    """Yield the lines of a file; where there is a limit and one is longer, its first bytes: one more than the limit."""
    most = limit + 1 if limit else -1
    while line := file.readline(most):
        yield line
        while len(line) == most and not line.endswith(b"\n"):
            line = file.readline(most)


class _NoArticle(SourceError):
    """A line is no article."""

    def __init__(self, reason: str, *, id_: str = "") -> None:
        """Say why; `id_` is what the article would be called, where that is known."""
        super().__init__(reason)
        self._id = id_

    def failure(self, number: int, *, file: str, within: str) -> Failure:
        """Name the line: in a folder as the article it was meant to be, so that its last good version stays."""
        if not within:
            return Failure(file, f"line {number} {self}")
        return Failure(f"{within}#{self._id}" if self._id else f"{within} line {number}", str(self))


def _from_json(line: bytes, *, limit: int) -> Article:
    if limit and len(line) > limit:
        raise _NoArticle(_too_large(limit))
    try:
        fields = json.loads(line.decode())
    except (ValueError, RecursionError) as exc:
        msg = "is not JSON"
        raise _NoArticle(msg) from exc
    if not isinstance(fields, dict):
        msg = "is not a JSON object"
        raise _NoArticle(msg)
    written = {key: str(value) if type(value) is int else value for key, value in fields.items()}  # as databases do
    known = {key: value for key, value in written.items() if isinstance(value, str) and value.strip()}
    for key in ("id", "text"):
        if key not in known:
            msg = f"has no {key}"
            raise _NoArticle(msg, id_=clean(known.get("id", "")))
    return Article(
        id=ArticleId(clean(known["id"])),
        title=one_line(known.get("title", "")),
        text=clean(known["text"]),
        date=day(known.get("date", "")),
        source=one_line(known.get("source", "")),
        url=web_address(known.get("url", "")),
        author=one_line(known.get("author", "")),
        language=language(known.get("language", "")),
    )
