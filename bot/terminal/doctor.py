"""Examine everything the program stands on, with a remedy for each finding."""

import contextlib
import errno
import shutil
import socket
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from bot.terminal import reach
from config import Settings, Telegram
from index.articles.survey import Survey
from index.errors import Busy, FootnoteError, NotIndexed
from index.formats.extract import extract
from index.library import Library
from index.rescue import backup
from index.system.lock import hold

LEAST_DISK = 1_000_000_000
"""Bytes that should be free: a new index is built beside the served one."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was examined; `words` say what it is, or what is wrong and what to do."""

    name: str
    fine: bool
    words: str


def examine(settings: Settings) -> list[Finding]:
    """Examine all; one thing that is broken does not keep the others from being looked at."""
    return list(_examine(settings))


def _examine(settings: Settings) -> Iterator[Finding]:
    yield Finding("python", fine=True, words=sys.version.split()[0])
    try:
        library = Library(settings)
    except FootnoteError as error:
        yield Finding("data", fine=False, words=str(error))
    else:
        yield from _library(library, settings)
    yield from _bot(settings, Path(settings.library.data).expanduser())


def _library(library: Library, settings: Settings) -> Iterator[Finding]:
    with library:
        yield _try("data", lambda: _disk(library))
        yield _try("database", lambda: _database(library, settings))
        yield _try("articles", lambda: _articles(library))
        yield _try("sources", lambda: _sources(library))
        yield _try("model", lambda: _model(library))
        if settings.rerank.model:
            yield _try("reranker", lambda: _reranker(library))
        yield _try("index", lambda: _index(library))


def _try(name: str, look: Callable[[], str]) -> Finding:
    try:
        return Finding(name, fine=True, words=look())
    except FootnoteError as error:
        return Finding(name, fine=False, words=str(error))


def _disk(library: Library) -> str:
    free = shutil.disk_usage(library.data).free
    if free < LEAST_DISK:
        message = (
            f"only {free / 1e9:.2f} GB are free beside {library.data}: make room, or name another place with --data."
        )
        raise FootnoteError(message)
    return f"{library.data.resolve()}, {free / 1e9:.0f} GB free"


def _articles(library: Library) -> str:
    folder = library.folder()
    if folder is None:
        return "no folder; they come from the sources of the settings, and what was added"
    survey = Survey(folder, largest=0, extract=extract)
    if next(iter(survey), None) is None:  # looks, because what is there may not let us in
        message = f"There are no articles in {folder}. Run `footnote index FOLDER` with the folder of your articles."
        raise FootnoteError(message)
    return str(folder)


def _sources(library: Library) -> str:
    found = [supply for supply in library.sources() if supply.name]
    if wrong := [supply for supply in found if supply.fails]:
        first = wrong[0]
        others = f", and {len(wrong) - 1} more" if len(wrong) > 1 else ""
        message = f"{first.name}: {first.reason}{others}. What was brought before stays; see `footnote sources`."
        raise FootnoteError(message)
    return ", ".join(f"{supply.name} ({supply.articles})" for supply in found) or "none but the folder"


def _model(library: Library) -> str:
    with contextlib.suppress(NotIndexed):
        library.fits()
    status = library.status()
    return f"{status.model} ({status.runtime})"


def _reranker(library: Library) -> str:
    library.warm_reranker()
    return library.status().reranker


def _index(library: Library) -> str:
    problem = library.check()
    if problem:
        message = f"{problem} Run `footnote index` to build it again."
        raise FootnoteError(message)
    revision = library.status().revision
    if revision is None:
        message = "Nothing has been indexed yet. Run: footnote index FOLDER"
        raise NotIndexed(message)
    return f"revision {revision.number}, {revision.articles} articles, {revision.passages} passages, verified"


def _database(library: Library, settings: Settings) -> str:
    """Read from the ledger, wherever it is, and check the inbox beside it."""
    library.revision()
    if settings.store.database is not None:
        return "the PostgreSQL database answers"
    journal = library.data / backup.JOURNAL
    if not journal.exists():
        return "the ledger can be read; there is no inbox yet"
    if problem := backup.unsound(journal):
        message = (
            f"{journal} is damaged ({problem}). Stop the bot and move that file away: questions in it that wait for an "
            "answer are lost, the library is not."
        )
        raise FootnoteError(message)
    return "the ledger can be read, the inbox is sound"


def _bot(settings: Settings, data: Path) -> Iterator[Finding]:
    """Examine all that only the Telegram bot needs."""
    if settings.telegram.token is None:
        words = "no TELEGRAM_BOT_TOKEN is set; the chat in the terminal works without"
        yield Finding("telegram", fine=True, words=words)
        return
    runs, line = _runs(data), reach.Line(settings.telegram)
    try:
        me = line.call("getMe")
    except FootnoteError as error:
        yield Finding("telegram", fine=False, words=str(error))
    else:
        yield (known := _try("telegram", lambda: reach.token(me)))
        yield _try("clock", lambda: reach.clock(me))
        if known.fine:
            yield _try("inline", lambda: reach.inline(me))
            yield _try("webhook", lambda: reach.webhook(line, running=bool(runs)))
            yield _try("pollers", lambda: _pollers(line, runs))
    yield Finding("people", fine=True, words=_people(settings.telegram))
    if settings.web.port:
        yield _try("port", lambda: _port(settings, running=bool(runs)))


def _runs(data: Path) -> str:
    """Say which bot runs on this data directory; nothing where none does."""
    try:
        with hold(data, "bot", doing="looking whether a bot runs"):
            return ""
    except Busy as busy:
        return str(busy)
    except FootnoteError:  # a directory that cannot be written: said already
        return ""


def _pollers(line: reach.Line, runs: str) -> str:
    if line.telegram.webhook:
        return "not asked: this bot does not fetch its updates, they are brought"
    if runs:
        return f"not asked, because it would cut off the bot that runs here. {runs.partition('. ')[0]}."
    return reach.pollers(line)


def _people(telegram: Telegram) -> str:
    if not telegram.admins:
        return (
            "nobody is an admin, so nobody can reindex in the chat. Send /start to the bot: it tells your id, which "
            "goes into [telegram] admins."
        )
    admins, others = len(telegram.admins), set(telegram.allowed) - set(telegram.admins)
    who = f"{len(others)} more people may ask" if telegram.allowed else "everyone may ask"
    but = f", but for {len(telegram.blocked)} who are blocked" if telegram.blocked else ""
    groups = f"; so may all in {len(telegram.groups)} group{'s' if len(telegram.groups) > 1 else ''}"
    return f"{admins} admin{'s' if admins > 1 else ''}; {who}{but}{groups if telegram.groups else ''}"


def _port(settings: Settings, *, running: bool) -> str:
    host, port = settings.web.host, settings.web.port
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        if error.errno == errno.EADDRINUSE and running:
            return f"{host}:{port} is taken, by the bot that runs here"
        reason = (error.strerror or "unknown error").lower()
        remedy = "Stop what holds it, or choose another [web] host and port."
        message = f"{host}:{port} cannot be listened on ({reason}). {remedy}"
        if settings.telegram.webhook or error.errno != errno.EADDRINUSE:
            raise FootnoteError(message) from error
        return f"{message} A bot that fetches its updates goes on without health and metrics."
    return f"{host}:{port} is free{'; the bot that runs here does not listen on it' if running else ''}"
