"""What changes the library on the command line: index, watch, rollback, and the reading before `run` serves."""

import argparse
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bot import words
from bot.terminal import as_json, screen, watch
from index.errors import FootnoteError, ModelUnavailable, SourceError, TooMuchGone
from index.library import Library
from index.progress import STOPPED
from index.records import Failure, Report

RETRY = 60.0
"""Seconds after which `--watch` tries again what failed: a server that is back, or room on a disk, changes no file."""


def index(library: Library, chosen: argparse.Namespace) -> int:
    """Index a folder once, or say what that would do."""
    if chosen.dry_run:
        with screen.Bar(quiet=chosen.json) as bar:
            plan = library.plan(chosen.folder, watch=bar)
        screen.show(words.dry_run(plan), form=as_json.plan(plan) if chosen.json else None)
        return 0
    if chosen.watch:
        return _Watching(library, chosen).for_ever()
    report = _index(library, chosen, screen.Bar(quiet=chosen.json), agreed=chosen.yes, ask=sys.stdin.isatty())
    if report is None:
        screen.tell(words.NOT_REMOVED)
        return 1
    _show(report, chosen)
    return 0


def rollback(library: Library, chosen: argparse.Namespace) -> int:
    """Return to the revision before the current one."""
    revision = library.rollback()
    screen.show(words.rolled_back(revision), form=as_json.revision(revision) if chosen.json else None)
    return 0


def before_serving(library: Library) -> None:
    """Index what changed before something is served; whatever keeps that from being done, what there is is served.

    Raises:
        FootnoteError: nothing was indexed before, or nothing can be asked either.
    """
    served = library.revision()
    if library.held:
        screen.tell(words.RESTS)
        return
    try:
        with screen.Bar() as bar, _interruptible(library):
            report = library.index(watch=bar)
    except ModelUnavailable:  # without it no question can be asked either
        raise
    except FootnoteError as error:
        if served is None:
            raise
        screen.complain(words.served_all_the_same(str(error), served))
        return
    if _news(report) or report.failures:
        screen.tell(words.report(report))


def _index(library: Library, chosen: argparse.Namespace, bar: screen.Bar, *, agreed: bool, ask: bool) -> Report | None:
    """Index; where that needs consent and there is somebody to `ask`, ask. None: it was not given."""
    try:
        with bar, _interruptible(library):
            return library.index(chosen.folder, agreed=agreed, watch=bar)
    except TooMuchGone:
        if not ask:
            raise
    return _asked(library, chosen)


def _asked(library: Library, chosen: argparse.Namespace) -> Report | None:
    """Show what would be removed, and index when that is agreed to; ask again when it has become more meanwhile."""
    agreed = 0
    while True:
        with screen.Bar(quiet=chosen.json) as bar, _interruptible(library):
            plan = library.plan(chosen.folder, watch=bar)
            if not plan.consent or plan.removed <= agreed:
                return library.index(chosen.folder, agreed=plan.consent, watch=bar)
        if not screen.agrees(words.ask_consent(plan)):
            return None
        agreed = plan.removed


def _news(report: Report) -> bool:
    return bool(report.added or report.changed or report.removed)


def _show(report: Report, chosen: argparse.Namespace) -> None:
    screen.show(words.report(report), form=as_json.report(report) if chosen.json else None)


@contextmanager
def _interruptible(library: Library) -> Iterator[None]:
    """Say at Ctrl-C what became of the articles."""
    before = library.revision()
    try:
        yield
    except KeyboardInterrupt:
        raise KeyboardInterrupt(STOPPED if library.revision() == before else words.STOPPED_AFTER) from None


class _Watching:
    """Indexes a folder now, and again whenever it has changed."""

    def __init__(self, library: Library, chosen: argparse.Namespace) -> None:
        self._library = library
        self._chosen = chosen
        self._begun = False
        self._due = float("inf")
        self._complaint = ""
        self._failures: tuple[Failure, ...] = ()

    def for_ever(self) -> int:
        target = self._target()
        screen.tell(words.WATCHING.format(folder=target))
        for changed in watch.looks(target, data=self._library.data):
            if changed or time.monotonic() >= self._due:
                self._due = float("inf")
                try:
                    self._read()
                except FootnoteError as error:
                    self._due = time.monotonic() + RETRY
                    self._complain(str(error))
        return 0

    def _target(self) -> Path:
        """Return what to watch; where that is a link, the link, which may be pointed elsewhere."""
        given: Path | None = self._chosen.folder
        target = given.expanduser().absolute() if given else self._library.folder()
        if target is None:
            raise SourceError(words.NO_FOLDER_TO_WATCH)
        return target

    def _read(self) -> None:
        if self._begun and self._library.held:
            self._complain(words.RESTS)
            return
        first = not self._begun  # what somebody agrees to is what they see now, not what may vanish next month
        chosen, seen = self._chosen, sys.stderr.isatty()  # a log of years needs no bars
        bar = screen.Bar(quiet=chosen.json or not (first or seen))
        report = _index(self._library, chosen, bar, agreed=first and chosen.yes, ask=first and sys.stdin.isatty())
        if report is None:
            screen.tell(words.NOT_REMOVED)
        elif first or self._complaint or _news(report) or report.failures != self._failures:
            self._failures = report.failures
            _show(report, chosen)
        self._begun, self._complaint = True, ""

    def _complain(self, sentence: str) -> None:
        """Say what is wrong, once as long as it is the same."""
        if sentence != self._complaint:
            screen.complain(sentence)
        self._complaint = sentence
