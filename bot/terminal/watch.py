"""Look at a collection on the disk and say when it has changed and come to rest. Knows no Library."""

import time
from collections.abc import Iterator
from pathlib import Path

from watchfiles import Change, watch

from index.articles.sources import SUFFIXES
from index.errors import FootnoteError

LOOK = 0.5
"""Seconds between two looks."""

SETTLING = 2.0
"""Seconds without a change after which all that is being written counts as written.

Whoever saves, unpacks, synchronises or copies writes again within a second; a network copy pauses a little longer.
Where one pauses for more, half a file is read, and the rest of it is a change of its own, read two seconds later.
"""

LONGEST = 60.0
"""Seconds after which the collection is read though it never comes to rest."""


def looks(target: Path, *, data: Path) -> Iterator[bool]:
    """Look at a folder, or at one JSONL file, for ever; yield at each look whether it is to be read now.

    That is so at first, because nothing is known of the time before, when it has changed and come to rest, and when it
    vanished or came back. What lies in the data directory is none of it.

    Raises:
        FootnoteError: the system cannot watch it.
    """
    rest = _Rest()
    rest.due = True
    while True:
        identity = _identity(target)
        try:
            yield from _opened(target, data.resolve(), rest) if identity else _gone(target, rest)
        except FileNotFoundError:
            pass  # it vanished between two calls
        except (OSError, RuntimeError) as error:
            message = (
                f"{target} cannot be watched ({error}). Set WATCHFILES_FORCE_POLLING=true to look at it file by "
                "file, or raise the system's limit (fs.inotify.max_user_watches on Linux)."
            )
            raise FootnoteError(message) from error
        rest.changed()


class _Rest:
    """Tells when a burst of changes is over."""

    def __init__(self) -> None:
        self.due = False
        self._first = self._last = float("-inf")

    def changed(self) -> None:
        now = time.monotonic()
        self._first = self._first if self.due else now
        self._last, self.due = now, True

    def over(self) -> bool:
        """Whether there were changes and they are over; says so once."""
        now = time.monotonic()
        over = self.due and (now - self._last >= SETTLING or now - self._first >= LONGEST)
        self.due = self.due and not over
        return over


def _opened(target: Path, data: Path, rest: _Rest) -> Iterator[bool]:
    """Look at a target that is there, until it is gone or another one."""
    identity, root = _identity(target), target.resolve()
    alone = root.is_file()  # editors replace a file by another one, so its folder is watched
    changes = watch(
        root.parent if alone else root,
        watch_filter=None,
        rust_timeout=round(LOOK * 1_000),
        debounce=round(LOOK * 1_000),
        yield_on_timeout=True,
        recursive=not alone,
        ignore_permission_denied=True,
    )
    for some in changes:
        paths = [(kind, Path(path)) for kind, path in some]
        if any(path == root if alone else _matters(kind, path, root=root, data=data) for kind, path in paths):
            rest.changed()
        yield rest.over()
        replaced = not alone and (Change.deleted, root) in paths
        if replaced or (_identity(target) != identity and not (alone and target.is_file())):
            return


def _gone(target: Path, rest: _Rest) -> Iterator[bool]:
    """Look for a target that is not there, until it is."""
    while _identity(target) is None:
        time.sleep(LOOK)
        yield rest.over()


def _matters(kind: Change, path: Path, *, root: Path, data: Path) -> bool:
    """Whether a change may be one of the articles: of a file with their suffix, or of a folder that came or went."""
    if path.is_relative_to(data) or not path.is_relative_to(root):
        return False
    if path == root or any(part.startswith(".") for part in path.relative_to(root).parts):
        return False
    if path.suffix.lower() in SUFFIXES:
        return True
    # of what is deleted nobody can say any more whether it was a folder; an article less is worth a needless look
    return kind is Change.deleted or (kind is Change.added and path.is_dir())


def _identity(target: Path) -> tuple[int, int] | None:
    """Tell one folder from another that takes its place, such as the empty one under a disk that was taken away."""
    try:
        status = target.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino
