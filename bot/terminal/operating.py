"""The commands of whoever runs Footnote for real: doctor, backup, restore. Each returns its exit code."""

import argparse
import datetime as dt
from pathlib import Path

from bot import words
from bot.terminal import screen
from config import Settings
from config.errors import SettingsError
from config.layers import secrets
from config.log import redact
from index.rescue import backup as saving
from index.rescue import restore as restoring


def doctor(settings: Settings, _: argparse.Namespace) -> int:
    """Examine everything; 1 where something is wrong."""
    from bot.terminal.doctor import examine  # noqa: PLC0415  brings the library, which a backup need not wait for

    findings = examine(settings)
    for finding in findings:
        said = redact(finding.words, secrets(settings))
        screen.show(f"{'ok ' if finding.fine else 'BAD'}  {finding.name}: {said}")
    return 0 if all(finding.fine for finding in findings) else 1


def backup(settings: Settings, chosen: argparse.Namespace) -> int:
    """Write a copy of the library into a file, while it is served."""
    data = _data(settings, "pg_dump --format=custom")
    restoring.settle(data)
    size = saving.save(data, chosen.file, replace=chosen.force)
    screen.show(words.SAVED.format(path=chosen.file, megabytes=size / 1e6))
    return 0


def restore(settings: Settings, chosen: argparse.Namespace) -> int:
    """Put a copy in the place of the library."""
    done = restoring.restore(_data(settings, "pg_restore --clean"), chosen.file, now=dt.datetime.now().astimezone())
    screen.show(words.restored(done.made_at, done.aside))
    return 0


def _data(settings: Settings, instead: str) -> Path:
    """Return the data directory, where it holds the library."""
    if settings.store.database is not None:
        message = (
            "This library is kept in a PostgreSQL database, which has tools of its own for that: use "
            f"`{instead}` with the address in FOOTNOTE_DATABASE_URL. The vectors are made again from it."
        )
        raise SettingsError(message)
    return Path(settings.library.data).expanduser()
