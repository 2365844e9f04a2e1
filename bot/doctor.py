"""Examine everything the program stands on, with a remedy for each finding."""

import asyncio
import contextlib
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from config import Settings
from index.errors import FootnoteError, NotIndexed
from index.library import Library

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
    yield Finding("python", True, sys.version.split()[0])  # noqa: FBT003  reads as the sentence it prints
    try:
        library = Library(settings)
    except FootnoteError as error:
        yield Finding("data", False, str(error))  # noqa: FBT003
        return
    with library:
        yield _try("data", lambda: _disk(library))
        yield _try("articles", lambda: _articles(library))
        yield _try("model", lambda: _model(library))
        if settings.rerank.model:
            yield _try("reranker", lambda: _reranker(library))
        yield _try("index", lambda: _index(library))
    yield _try("telegram", lambda: _telegram(settings))


def _try(name: str, look: Callable[[], str]) -> Finding:
    try:
        return Finding(name, True, look())  # noqa: FBT003
    except FootnoteError as error:
        return Finding(name, False, str(error))  # noqa: FBT003


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
    if not folder.exists():
        message = f"{folder} does not exist any more. Run `footnote index FOLDER` with the folder of your articles."
        raise FootnoteError(message)
    return str(folder)


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


def _telegram(settings: Settings) -> str:
    if settings.telegram.token is None:
        return "no TELEGRAM_BOT_TOKEN is set; the chat in the terminal works without"
    from telegram import Bot  # noqa: PLC0415
    from telegram.error import InvalidToken, TelegramError  # noqa: PLC0415

    async def name() -> str:
        async with Bot(settings.telegram.token.get_secret_value(), base_url=f"{settings.telegram.api_url}/bot") as bot:  # type: ignore[union-attr]
            return f"the token is good, the bot is @{bot.username}"

    try:
        return asyncio.run(name())
    except InvalidToken:
        message = "Telegram does not know this token. Copy it again from @BotFather into TELEGRAM_BOT_TOKEN."
        raise FootnoteError(message) from None
    except TelegramError as error:
        message = f"{settings.telegram.api_url} cannot be reached ({error}). Check the network and telegram.api_url."
        raise FootnoteError(message) from None
