"""Keep the snapshot of the current revision open, and open the next one before anybody asks for it."""

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from index.errors import FootnoteError
from index.records import Facts, Revision
from index.segments.replica import Replica
from index.segments.snapshot import Snapshot
from index.segments.store import Store
from index.truth.ledger import Ledger

log = logging.getLogger(__name__)


class Served:
    """Keeps the snapshot of the current revision. Safe to share between threads."""

    def __init__(
        self,
        data: Path,
        *,
        ledger: Ledger,
        store: Store,
        replica: Replica,
        fits: Callable[[Revision], None],
        dimensions: Callable[[], int],
    ) -> None:
        """Serve what `ledger` names; what others made of it, `replica` makes here first.

        `fits` raises where a revision cannot be asked with the model there is, whose vectors have so many `dimensions`.
        """
        self._data = data
        self._replica = replica
        self._dimensions = dimensions
        self._ledger = ledger
        self._store = store
        self._fits = fits
        self._opening = threading.Lock()
        self._current: Snapshot | None = None
        self._next: Snapshot | None = None
        self._following = threading.Lock()
        self._follower: threading.Thread | None = None

    def opened(self, revision: Revision) -> Snapshot:
        """Return the snapshot of the revision that the ledger named, whichever process made it.

        Raises:
            Damaged: it is missing or broken.
            OtherModel: it was made with another model.
        """
        with self._opening:
            before = self._current
            if before is not None and before.revision == revision:
                return before
            self._fits(revision)
            if self._next is not None and self._next.revision == revision:
                fresh, self._next = self._next, None
            else:
                fresh = self._open(revision)
            self._current = fresh
            if before is not None:
                before.leave()
            return fresh

    @contextmanager
    def reading(self, revision: Revision, *, waits: bool = True) -> Iterator[Snapshot]:
        """Give the snapshot of a revision, which stays open meanwhile. Raises as `opened`.

        Where another machine made it, and its words must first be made here, whoever does not wait is given the one
        before, if there is any.
        """
        snapshot = (None if waits else self._meanwhile(revision)) or self.opened(revision)
        while not snapshot.enter():  # its last reader left between our look and our entering
            snapshot = self.opened(revision)
        try:
            yield snapshot
        finally:
            snapshot.leave()

    def follow(self, revision: Revision) -> bool:
        """Make the current revision ready while the one before is served; return whether it was new here.

        Raises as `opened`, and Superseded where there are newer ones already.
        """
        with self._following:
            if self._current is not None and self._current.revision == revision:
                return False
            self._fits(revision)
            fresh = self._open(revision)
            try:
                fresh.warm(self._dimensions())
                latest = self._ledger.current()
            except BaseException:
                fresh.leave()
                raise
            with self._opening:
                if latest != revision or (self._current and self._current.revision == revision):
                    before: Snapshot | None = fresh  # somebody else was quicker
                else:
                    before, self._current = self._current, fresh
            if before is not None:
                before.leave()
            return before is not fresh

    @contextmanager
    def readied(self, revision: Revision, made: Sequence[Facts]) -> Iterator[None]:
        """Open the revision that is made current meanwhile, so that nobody who asks has to wait for that.

        Raises:
            Damaged: it cannot be read, and shall not be made current.
        """
        fresh = self._open(revision, made)
        try:
            fresh.warm(self._dimensions())
            with self._opening:
                self._next = fresh
            yield
        except BaseException:
            self._forget(fresh)
            raise
        if self._ledger.current() == revision:
            self.opened(revision)
        self._forget(fresh)

    @property
    def number(self) -> int:
        """The number of the revision that is open here, 0 where none is."""
        current = self._current
        return current.revision.number if current else 0

    def close(self) -> None:
        """Let go of the files."""
        if self._follower is not None:
            self._follower.join()
        with self._opening:
            if self._current is not None:
                self._current.leave()
                self._current = None

    def _meanwhile(self, revision: Revision) -> Snapshot | None:
        """Return what is open, where a revision must first be made here, and let that be done."""
        before = self._current
        if before is None or before.revision == revision or not self._replica.lags(revision):
            return None
        with self._opening:
            if self._follower is None or not self._follower.is_alive():
                self._follower = threading.Thread(target=self._follow_quietly, args=(revision,), daemon=True)
                self._follower.start()
        return before

    def _follow_quietly(self, revision: Revision) -> None:
        try:
            self.follow(revision)
        except FootnoteError as error:  # whoever asks next tries again, and is told when nothing older is left
            log.warning("the articles that another process indexed are not served yet: %s", error)

    def _open(self, revision: Revision, made: Sequence[Facts] = ()) -> Snapshot:
        self._replica.bring(revision)
        return Snapshot(self._data, revision, ledger=self._ledger, store=self._store, before=self._current, made=made)

    def _forget(self, fresh: Snapshot) -> None:
        """Close a snapshot that was readied, unless it is the current one now."""
        with self._opening:
            if self._current is fresh:
                return
            self._next = None
        fresh.leave()
